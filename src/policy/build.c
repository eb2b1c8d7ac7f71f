/*-------------------------------------------------------------------------
 *
 * build.c
 *	  Read the tables of the policy, and lay them out flat for publication.
 *
 * Runs in the worker, within a task's transaction; everything it allocates is
 * in the memory context of its caller.  It changes nothing.
 *
 * Windows.  The ledger counts in at most DSEC_MAX_WINDOWS windows, known by
 * their slot.  A slot keeps its meaning as long as another one is free, so that
 * a statement which runs on under the previous policy counts in its own
 * window; if a slot has to be reused, the result says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "compat.h"
#include "executor/spi.h"
#include "ledger/ledger.h"
#include "lib/stringinfo.h"
#include "policy/published.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

/* the policy under construction */
typedef struct Build
{
	StringInfoData recipients;
	StringInfoData categories;
	StringInfoData spaces;
	StringInfoData rules;
	StringInfoData bindings;
	StringInfoData strings;
	int			nwindows;
	DsecWindow	windows[DSEC_MAX_WINDOWS];	/* those of its rules */
	DsecPolicyBuild *result;
} Build;

static Build *build = NULL;

/* -------------------------------------------------------------------------
 * Reading rows
 * ------------------------------------------------------------------------- */

static void
query(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	int			rc = SPI_execute(sql, true, 0);

	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read the policy: %s", SPI_result_code_string(rc));
	/* SPI leaves its own context behind, which ends with the transaction */
	MemoryContextSwitchTo(context);
}

static Datum
value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

static int32
int_value(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(datum);
}

static bool
bool_value(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = value(row, column, &isnull);

	return !isnull && DatumGetBool(datum);
}

/* a text column; NULL is given as "" */
static const char *
text_value(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = value(row, column, &isnull);

	return isnull ? "" : TextDatumGetCString(datum);
}

/* Put a string into the pool. */
static DsecPolicyString
add_string(const char *string)
{
	DsecPolicyString position = build->strings.len;

	appendBinaryStringInfo(&build->strings, string, strlen(string) + 1);
	return position;
}

/* A name that becomes part of a ledger key, whose room is fixed. */
static DsecPolicyString
add_name(const char *name, const char *what)
{
	if (strlen(name) >= NAMEDATALEN && build->result->problem == NULL)
		build->result->problem = psprintf("The name of a %s is longer than %d bytes.",
								  what, NAMEDATALEN - 1);
	return add_string(name);
}

static void
read_recipients(void)
{
	static const char *const statuses[DSEC_STATUS_COUNT] = {
		"domestic", "foreign", "covered", "internal", "unassigned"
	};

	query("SELECT id, name, status, login_role, login_role_oid"
		  " FROM dsec.recipient ORDER BY id");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DsecPolicyRecipient recipient;
		const char *status = text_value(row, 3);
		bool		isnull;

		memset(&recipient, 0, sizeof(recipient));
		recipient.id = int_value(row, 1);
		recipient.name = add_string(text_value(row, 2));
		/* a status nobody knows is looked at as the strictest one */
		recipient.status = DSEC_STATUS_COVERED;
		for (int i = 0; i < DSEC_STATUS_COUNT; i++)
		{
			if (strcmp(status, statuses[i]) == 0)
				recipient.status = i;
		}
		(void) value(row, 4, &isnull);
		recipient.automatic = !isnull;
		recipient.login_name = add_string(text_value(row, 4));
		recipient.login_role = DatumGetObjectId(value(row, 5, &isnull));
		if (isnull)
			recipient.login_role = InvalidOid;
		appendBinaryStringInfo(&build->recipients, (char *) &recipient,
							   sizeof(recipient));
	}
}

static void
read_categories(void)
{
	query("SELECT name, parent FROM dsec.category ORDER BY name COLLATE \"C\"");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DsecPolicyCategory category;
		const char *parent = text_value(row, 2);

		memset(&category, 0, sizeof(category));
		category.name = add_name(text_value(row, 1), "category");
		category.parent = -1;
		for (uint64 other = 0; other < SPI_processed; other++)
		{
			if (parent[0] && strcmp(parent, text_value(other, 1)) == 0)
				category.parent = (int32) other;
		}
		appendBinaryStringInfo(&build->categories, (char *) &category,
							   sizeof(category));
	}
}

static void
read_spaces(void)
{
	query("SELECT name, unit FROM dsec.space ORDER BY name COLLATE \"C\"");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DsecPolicySpace space;

		space.name = add_string(text_value(row, 1));
		space.unit = add_string(text_value(row, 2));
		appendBinaryStringInfo(&build->spaces, (char *) &space, sizeof(space));
	}
}

static bool
same_window(const DsecWindow *a, const DsecWindow *b)
{
	return a->kind == b->kind && a->months == b->months && a->days == b->days;
}

/* Number of the window among those of this policy, or -1: too many. */
static int
add_window(const DsecWindow *window)
{
	for (int i = 0; i < build->nwindows; i++)
	{
		if (same_window(&build->windows[i], window))
			return i;
	}
	if (build->nwindows >= DSEC_MAX_WINDOWS)
	{
		build->result->problem = psprintf("The rules in force use more than %d different windows.",
								  DSEC_MAX_WINDOWS);
		return -1;
	}
	build->windows[build->nwindows] = *window;
	return build->nwindows++;
}

static char *
window_name(const DsecWindow *window)
{
	if (window->kind == DSEC_WINDOW_CALENDAR_YEAR)
		return pstrdup("since 1 January");
	if (window->days == 0)
		return psprintf("%d month%s", window->months,
						window->months == 1 ? "" : "s");
	if (window->months == 0)
		return psprintf("%d day%s", window->days, window->days == 1 ? "" : "s");
	return psprintf("%d months and %d days", window->months, window->days);
}

static int
category_index(const char *name)
{
	const DsecPolicyCategory *categories =
	(const DsecPolicyCategory *) build->categories.data;
	int			ncategories = build->categories.len / sizeof(DsecPolicyCategory);

	for (int i = 0; i < ncategories; i++)
	{
		if (strcmp(build->strings.data + categories[i].name, name) == 0)
			return i;
	}
	elog(ERROR, "a rule names a category that does not exist");
	return -1;
}

static void
read_rules(void)
{
	DateADT		today = dsec_ledger_today();

	query("SELECT id, regime, category, comparator, threshold, unit, population,"
		  " window_kind, window_length,"
		  " 'domestic' = ANY (applies_to), 'foreign' = ANY (applies_to),"
		  " 'covered' = ANY (applies_to), 'internal' = ANY (applies_to),"
		  " 'unassigned' = ANY (applies_to),"
		  " action, valid_from, valid_to, source"
		  " FROM dsec.rule ORDER BY id");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DsecPolicyRule rule;
		DsecWindow	window;
		Interval   *length;
		Datum		datum;
		bool		isnull;

		memset(&rule, 0, sizeof(rule));
		memset(&window, 0, sizeof(window));

		datum = value(row, 17, &isnull);
		rule.valid_to = isnull ? DATEVAL_NOEND : DatumGetDateADT(datum);
		if (rule.valid_to < today)
			continue;
		datum = value(row, 16, &isnull);
		rule.valid_from = isnull ? DATEVAL_NOBEGIN : DatumGetDateADT(datum);

		rule.id = int_value(row, 1);
		rule.regime = add_string(text_value(row, 2));
		rule.category = category_index(text_value(row, 3));
		rule.at_least = strcmp(text_value(row, 4), ">=") == 0;
		rule.threshold = DatumGetInt64(value(row, 5, &isnull));
		rule.most = rule.at_least ? rule.threshold - 1 : rule.threshold;
		rule.unit = add_string(text_value(row, 6));
		rule.population = add_name(text_value(row, 7), "population");

		if (strcmp(text_value(row, 8), "calendar_year") == 0)
			window.kind = DSEC_WINDOW_CALENDAR_YEAR;
		else
		{
			window.kind = DSEC_WINDOW_ROLLING;
			length = DatumGetIntervalP(value(row, 9, &isnull));
			if (isnull)
				elog(ERROR, "rule %d has a rolling window without a length",
					 rule.id);
			window.months = length->month;
			window.days = length->day;
		}
		rule.window = add_window(&window);
		rule.window_shape = window;
		rule.window_name = add_string(window_name(&window));

		for (int i = 0; i < DSEC_STATUS_COUNT; i++)
		{
			if (bool_value(row, 10 + i))
				rule.applies_to |= 1 << i;
		}
		rule.block = strcmp(text_value(row, 15), "block") == 0;
		rule.source = add_string(text_value(row, 18));
		appendBinaryStringInfo(&build->rules, (char *) &rule, sizeof(rule));
	}
}

static void
read_bindings(void)
{
	query("SELECT b.kind, b.channel, b.database, b.target, b.network, b.role_oid,"
		  " r.id FROM dsec.binding b JOIN dsec.recipient r ON r.name = b.recipient"
		  " ORDER BY b.id");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DsecPolicyBinding binding;
		const char *kind = text_value(row, 1);
		Datum		datum;
		bool		isnull;

		memset(&binding, 0, sizeof(binding));
		binding.kind =
			strcmp(kind, "role") == 0 ? DSEC_BIND_ROLE :
			strcmp(kind, "server") == 0 ? DSEC_BIND_SERVER :
			strcmp(kind, "address") == 0 ? DSEC_BIND_ADDRESS :
			DSEC_BIND_CHANNEL;
		binding.channel = add_string(text_value(row, 2));
		binding.database = add_string(text_value(row, 3));
		binding.target = add_string(text_value(row, 4));
		datum = value(row, 5, &isnull);
		if (!isnull)
		{
			inet	   *network = DatumGetInetPP(datum);

			binding.family = ip_family(network);
			binding.bits = ip_bits(network);
			memcpy(binding.address, ip_addr(network), ip_addrsize(network));
		}
		datum = value(row, 6, &isnull);
		binding.role = isnull ? InvalidOid : DatumGetObjectId(datum);
		binding.recipient = int_value(row, 7);
		appendBinaryStringInfo(&build->bindings, (char *) &binding,
							   sizeof(binding));
	}
}

/* -------------------------------------------------------------------------
 * Laying it out
 * ------------------------------------------------------------------------- */

/*
 * Find a slot for every window of the policy under construction, and write the
 * slots into its rules.  The slots in shared memory are changed by this
 * process only, so they can be read without the lock.
 */
static void
assign_slots(void)
{
	DsecPolicyRule *rules = (DsecPolicyRule *) build->rules.data;
	int			nrules = build->rules.len / sizeof(DsecPolicyRule);
	int			slot_of[DSEC_MAX_WINDOWS];
	bool		taken[DSEC_MAX_WINDOWS] = {false};

	build->result->nslots = dsec_policy_shared->nwindows;
	memcpy(build->result->slots, dsec_policy_shared->windows, sizeof(build->result->slots));

	for (int i = 0; i < build->nwindows; i++)
	{
		slot_of[i] = -1;
		for (int slot = 0; slot < build->result->nslots; slot++)
		{
			if (same_window(&build->result->slots[slot], &build->windows[i]))
			{
				slot_of[i] = slot;
				taken[slot] = true;
			}
		}
	}
	for (int i = 0; i < build->nwindows; i++)
	{
		if (slot_of[i] >= 0)
			continue;
		if (build->result->nslots < DSEC_MAX_WINDOWS)
			slot_of[i] = build->result->nslots++;
		else
		{
			build->result->slots_reused = true;
			slot_of[i] = 0;
			while (taken[slot_of[i]])
				slot_of[i]++;
		}
		taken[slot_of[i]] = true;
		build->result->slots[slot_of[i]] = build->windows[i];
	}
	for (int i = 0; i < nrules; i++)
		rules[i].window = slot_of[rules[i].window];
}

static uint32
append_part(StringInfo whole, const StringInfo part)
{
	uint32		position;

	while (whole->len % MAXIMUM_ALIGNOF != 0)
		appendStringInfoCharMacro(whole, '\0');
	position = whole->len;
	appendBinaryStringInfo(whole, part->data, part->len);
	return position;
}

static void
lay_out(void)
{
	StringInfoData whole;
	DsecPolicy	header;

	memset(&header, 0, sizeof(header));
	header.nrecipients = build->recipients.len / sizeof(DsecPolicyRecipient);
	header.ncategories = build->categories.len / sizeof(DsecPolicyCategory);
	header.nspaces = build->spaces.len / sizeof(DsecPolicySpace);
	header.nrules = build->rules.len / sizeof(DsecPolicyRule);
	header.nbindings = build->bindings.len / sizeof(DsecPolicyBinding);

	initStringInfo(&whole);
	appendBinaryStringInfo(&whole, (char *) &header, sizeof(header));
	header.recipients = append_part(&whole, &build->recipients);
	header.categories = append_part(&whole, &build->categories);
	header.spaces = append_part(&whole, &build->spaces);
	header.rules = append_part(&whole, &build->rules);
	header.bindings = append_part(&whole, &build->bindings);
	header.strings = append_part(&whole, &build->strings);
	header.size = whole.len;
	memcpy(whole.data, &header, sizeof(header));
	build->result->policy = (DsecPolicy *) whole.data;

	if (header.size > DSEC_POLICY_BYTES)
		build->result->problem = psprintf("The policy takes %u bytes of shared memory, and %d are available: "
								  "there are %d recipients, %d rules and %d bindings.",
								  header.size, DSEC_POLICY_BYTES,
								  header.nrecipients, header.nrules,
								  header.nbindings);
}

DsecPolicyBuild *
dsec_policy_build(void)
{
	build = palloc0(sizeof(Build));
	build->result = palloc0(sizeof(DsecPolicyBuild));
	initStringInfo(&build->recipients);
	initStringInfo(&build->categories);
	initStringInfo(&build->spaces);
	initStringInfo(&build->rules);
	initStringInfo(&build->bindings);
	initStringInfo(&build->strings);

	read_recipients();
	read_categories();
	read_spaces();
	read_rules();
	read_bindings();

	if (build->result->problem == NULL)
		assign_slots();
	lay_out();
	return build->result;
}
