/*-------------------------------------------------------------------------
 *
 * bulk.c
 *	  The aggregate dsec.bulk(category, VARIADIC key): of which categories does
 *	  this data hold more subjects than a rule in force allows?
 *
 * The state has a part for each name of a category that the data gives, with a
 * tally of the subjects that came with that name.  A subject of a category is
 * also one of its parents, and "listed_identifier" is another name of
 * "covered_identifier": what several parts count for is united when the answer
 * is given, so that a subject in two of them counts once.
 *
 * A name is looked up in the policy when a state sees it for the first time, so
 * that a column that holds no categories is refused at once and a state never
 * has more parts than there are categories.  The answer is given under the
 * policy in force then, in the leader of a parallel plan.
 *
 * As a window function the answer is asked for again and again while the state
 * grows.  Unions are then kept, and later subjects are added to them as well.
 * They are made anew when the policy has changed or a part has been added.
 *
 * Laws: combine(a, b) equals aggregating the concatenation of what made a and
 * b; the final function leaves its state as it is, but for the kept unions.
 * Everything of a state is allocated in the context of its aggregate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "policy/bulk.h"
#include "policy/policy.h"
#include "subject/arguments.h"
#include "subject/count.h"
#include "subject/tally.h"
#include "tag/grammar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#define STATE_VERSION 1

typedef struct Part
{
	int			length;			/* of the name */
	char		name[NAMEDATALEN];
	DsecTally  *tally;
	List	   *unions;			/* kept tallies that its subjects are also in */
} Part;

typedef struct State
{
	MemoryContext context;
	DsecTallyWidth width;
	int			nparts;
	int			size;			/* of the next */
	Part	   *parts;
	int			last;			/* part that was used last */

	/* unions that are kept, by category, under this generation; else 0 */
	uint64		generation;
	int			nunions;
	DsecTally **unions;
} State;

PG_FUNCTION_INFO_V1(dsec_bulk_transition);
PG_FUNCTION_INFO_V1(dsec_bulk_combine);
PG_FUNCTION_INFO_V1(dsec_bulk_serialize);
PG_FUNCTION_INFO_V1(dsec_bulk_deserialize);
PG_FUNCTION_INFO_V1(dsec_bulk_final);

/* -------------------------------------------------------------------------
 * Rules and rows
 * ------------------------------------------------------------------------- */

const DsecPolicyRule *
dsec_bulk_next_rule(const DsecPolicy *policy, int category, DateADT today,
					const DsecPolicyRule *previous)
{
	const DsecPolicyRule *rules = DsecPolicyRules(policy);

	for (int i = previous ? (int) (previous - rules) + 1 : 0; i < policy->nrules; i++)
	{
		if (rules[i].category == category &&
			dsec_policy_rule_in_force(&rules[i], today))
			return &rules[i];
	}
	return NULL;
}

void
dsec_bulk_fill(const DsecPolicy *policy, int category, const DsecPolicyRule *rule,
			   int64 subjects, Datum *values, bool *nulls)
{
	const char *name = DsecPolicyText(policy, DsecPolicyCategories(policy)[category].name);

	memset(nulls, 0, BULK_COLUMNS * sizeof(bool));
	values[BULK_CATEGORY] = CStringGetTextDatum(name);
	values[BULK_SUBJECTS] = Int64GetDatum(subjects);
	if (rule == NULL)
	{
		nulls[BULK_THRESHOLD] = nulls[BULK_COMPARATOR] = nulls[BULK_RULE] = true;
		values[BULK_THRESHOLD] = values[BULK_COMPARATOR] = values[BULK_RULE] = (Datum) 0;
		values[BULK_EXCEEDED] = BoolGetDatum(false);
		return;
	}
	values[BULK_THRESHOLD] = Int64GetDatum(rule->threshold);
	values[BULK_COMPARATOR] = CStringGetTextDatum(rule->at_least ? ">=" : ">");
	values[BULK_RULE] = CStringGetTextDatum(psprintf("%s: %s",
													 DsecPolicyText(policy, rule->regime),
													 DsecPolicyText(policy, rule->source)));
	values[BULK_EXCEEDED] = BoolGetDatum(rule->at_least ?
										 subjects >= rule->threshold :
										 subjects > rule->threshold);
}

/* -------------------------------------------------------------------------
 * Parts
 * ------------------------------------------------------------------------- */

static State *
make_state(MemoryContext context, DsecTallyWidth width)
{
	State	   *state = MemoryContextAllocZero(context, sizeof(State));

	state->context = context;
	state->width = width;
	return state;
}

/* Forget the unions that are kept. */
static void
drop_unions(State *state)
{
	for (int i = 0; i < state->nunions; i++)
	{
		if (state->unions[i])
			dsec_tally_free(state->unions[i]);
	}
	if (state->unions)
		pfree(state->unions);
	state->unions = NULL;
	state->nunions = 0;
	state->generation = 0;
	for (int i = 0; i < state->nparts; i++)
	{
		list_free(state->parts[i].unions);
		state->parts[i].unions = NIL;
	}
}

/* The part of this name, or NULL. */
static inline Part *
find_part(State *state, const char *name, int length)
{
	Part	   *part;

	/* one category often comes many times in a row */
	if (likely(state->last < state->nparts))
	{
		part = &state->parts[state->last];
		if (likely(part->length == length && memcmp(part->name, name, length) == 0))
			return part;
	}
	for (int i = 0; i < state->nparts; i++)
	{
		part = &state->parts[i];
		if (part->length == length && memcmp(part->name, name, length) == 0)
		{
			state->last = i;
			return part;
		}
	}
	return NULL;
}

static Part *
add_part(State *state, const char *name, int length)
{
	Part	   *part;

	Assert(length < NAMEDATALEN);
	drop_unions(state);
	if (state->parts == NULL)
	{
		state->size = 2;
		state->parts = MemoryContextAlloc(state->context, state->size * sizeof(Part));
	}
	else if (state->nparts == state->size)
	{
		state->parts = repalloc(state->parts, 2 * state->size * sizeof(Part));
		state->size *= 2;
	}
	part = &state->parts[state->nparts];
	memset(part, 0, sizeof(Part));
	memcpy(part->name, name, length);
	part->length = length;
	part->tally = dsec_tally_create(state->context, state->width);
	state->last = state->nparts++;
	return part;
}

/* The category that a name of the data means; an error when there is none. */
static int
resolve(const DsecPolicy *policy, const char *name)
{
	int			category;

	if (strcmp(name, DSEC_LISTED_IDENTIFIER) == 0)
		name = DSEC_COVERED_IDENTIFIER;
	category = dsec_policy_find_category(policy, name);
	if (category < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the data names a category that does not exist"),
				 errdetail("The first argument of dsec.bulk holds names of categories; this one is not quoted, because it may be data."),
				 errhint("Categories are listed in dsec.category in database \"%s\"; rows whose category is NULL are left out.",
						 dsec_guc_ledger_database)));
	return category;
}

/* A part for a name that the state has not seen. */
static Part *
new_part(State *state, const char *name, int length)
{
	char		copy[NAMEDATALEN];

	/* what is too long, or has a zero byte, is the name of nothing */
	if (length >= NAMEDATALEN)
		length = 0;
	memcpy(copy, name, length);
	copy[length] = '\0';
	(void) resolve(dsec_policy_in_force(), copy);
	return add_part(state, copy, length);
}

/* -------------------------------------------------------------------------
 * Aggregating
 * ------------------------------------------------------------------------- */

static void
add_raw(DsecTally *tally, const uint8 *raw)
{
	uint64		element;

	if (dsec_tally_width(tally) == DSEC_TALLY_16)
		dsec_tally_add16(tally, raw);
	else
	{
		memcpy(&element, raw, sizeof(element));
		dsec_tally_add8(tally, element);
	}
}

Datum
dsec_bulk_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_count_context(fcinfo);
	State	   *state = PG_ARGISNULL(0) ? NULL : (State *) PG_GETARG_POINTER(0);
	DsecArguments *arguments;
	text	   *name;
	Part	   *part;
	uint8		raw[DSEC_TALLY_16];
	ListCell   *lc;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	arguments = dsec_arguments(fcinfo, 2);
	if (state == NULL)
	{
		dsec_count_refuse_restarts(fcinfo, "Let the frame begin with UNBOUNDED PRECEDING.");
		state = make_state(context, dsec_arguments_width(arguments));
	}

	name = PG_GETARG_TEXT_PP(1);
	part = find_part(state, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	if (unlikely(part == NULL))
		part = new_part(state, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	PG_FREE_IF_COPY(name, 1);

	if (likely(part->unions == NIL))
		(void) dsec_arguments_tally(arguments, fcinfo, part->tally);
	else if (dsec_arguments_raw(arguments, fcinfo, raw))
	{
		add_raw(part->tally, raw);
		foreach(lc, part->unions)
			add_raw((DsecTally *) lfirst(lc), raw);
	}
	PG_RETURN_POINTER(state);
}

Datum
dsec_bulk_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_count_context(fcinfo);
	State	   *to = PG_ARGISNULL(0) ? NULL : (State *) PG_GETARG_POINTER(0);
	State	   *from = PG_ARGISNULL(1) ? NULL : (State *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (to == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(to);
	}
	if (to == NULL)
		to = make_state(context, from->width);
	else if (to->width != from->width)
		elog(ERROR, "states of dsec.bulk were made from keys of different types");

	for (int i = 0; i < from->nparts; i++)
	{
		const Part *source = &from->parts[i];
		Part	   *part = find_part(to, source->name, source->length);

		if (part == NULL)
			part = add_part(to, source->name, source->length);
		dsec_tally_merge(part->tally, source->tally);
	}
	drop_unions(to);
	PG_RETURN_POINTER(to);
}

/* -------------------------------------------------------------------------
 * A state as bytes: version and width, a byte each; number of parts, 4 bytes;
 * for each part the length of its name, a byte, the name, the number of bytes
 * that follow, 4 bytes, and the tally as dsec_count_pack gives it.  Numbers are
 * big-endian.
 * ------------------------------------------------------------------------- */

Datum
dsec_bulk_serialize(PG_FUNCTION_ARGS)
{
	State	   *state;
	StringInfoData bytes;

	(void) dsec_count_context(fcinfo);
	state = (State *) PG_GETARG_POINTER(0);

	pq_begintypsend(&bytes);
	pq_sendbyte(&bytes, STATE_VERSION);
	pq_sendbyte(&bytes, (uint8) state->width);
	pq_sendint32(&bytes, state->nparts);
	for (int i = 0; i < state->nparts; i++)
	{
		const Part *part = &state->parts[i];
		bytea	   *packed = dsec_count_pack(part->tally, 0);

		pq_sendbyte(&bytes, part->length);
		pq_sendbytes(&bytes, part->name, part->length);
		pq_sendint32(&bytes, VARSIZE(packed) - VARHDRSZ);
		pq_sendbytes(&bytes, VARDATA(packed), VARSIZE(packed) - VARHDRSZ);
		pfree(packed);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}

static void
refuse_bytes(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("a partial result of dsec.bulk is not valid")));
}

/* Read one part; bytes are not believed before they have been checked. */
static void
read_part(State *state, StringInfo bytes)
{
	int			length = pq_getmsgbyte(bytes);
	const char *name;
	uint32		size;
	bytea	   *copy;
	DsecPacked	packed;
	int64		number;
	Part	   *part;

	if (length == 0 || length >= NAMEDATALEN)
		refuse_bytes();
	name = pq_getmsgbytes(bytes, length);
	if (memchr(name, '\0', length) != NULL || find_part(state, name, length) != NULL)
		refuse_bytes();
	size = pq_getmsgint(bytes, 4);
	if (size > (uint32) (bytes->len - bytes->cursor))
		refuse_bytes();
	copy = palloc(VARHDRSZ + size);
	SET_VARSIZE(copy, VARHDRSZ + size);
	memcpy(VARDATA(copy), pq_getmsgbytes(bytes, size), size);
	dsec_count_unpack(copy, &packed, &number);
	if (packed.width != state->width)
		refuse_bytes();

	part = add_part(state, name, length);
	dsec_count_add_packed(part->tally, &packed);
	pfree(copy);
}

Datum
dsec_bulk_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *argument;
	StringInfoData bytes;
	State	   *state;
	int			width;
	uint32		nparts;

	(void) dsec_count_context(fcinfo);
	argument = PG_GETARG_BYTEA_PP(0);
	bytes.data = VARDATA_ANY(argument);
	bytes.len = bytes.maxlen = VARSIZE_ANY_EXHDR(argument);
	bytes.cursor = 0;

	if (pq_getmsgbyte(&bytes) != STATE_VERSION)
		refuse_bytes();
	width = pq_getmsgbyte(&bytes);
	if (width != DSEC_TALLY_8 && width != DSEC_TALLY_16)
		refuse_bytes();
	nparts = pq_getmsgint(&bytes, 4);

	/* the caller's context: what is combined from it is copied */
	state = make_state(CurrentMemoryContext, (DsecTallyWidth) width);
	for (uint32 i = 0; i < nparts; i++)
		read_part(state, &bytes);
	pq_getmsgend(&bytes);
	PG_FREE_IF_COPY(argument, 0);
	PG_RETURN_POINTER(state);
}

/* -------------------------------------------------------------------------
 * The answer
 * ------------------------------------------------------------------------- */

/* Is it the other category, or one of its descendants? */
static bool
belongs_to(const DsecPolicy *policy, int category, int other)
{
	/* the chain is no longer than there are categories, even in a circle */
	for (int depth = 0; category >= 0 && depth < policy->ncategories; depth++)
	{
		if (category == other)
			return true;
		category = DsecPolicyCategories(policy)[category].parent;
	}
	return false;
}

/* The tallies of several parts in one. */
static DsecTally *
unite(const State *state, const bool *belongs, MemoryContext context)
{
	DsecTally  *all = dsec_tally_create(context, state->width);

	for (int i = 0; i < state->nparts; i++)
	{
		if (belongs[i])
			dsec_tally_merge(all, state->parts[i].tally);
	}
	return all;
}

/*
 * Distinct subjects of a category, or -1 when nothing belongs to it.  own: the
 * category of each part.  keep: this will be asked again.
 */
static int64
count_category(State *state, const DsecPolicy *policy, const int *own,
			   int category, bool keep)
{
	bool	   *belongs = palloc(state->nparts * sizeof(bool));
	int			several = 0;
	int			only = -1;
	DsecTally  *all;
	int64		count;

	for (int i = 0; i < state->nparts; i++)
	{
		belongs[i] = belongs_to(policy, own[i], category);
		if (belongs[i])
		{
			several++;
			only = i;
		}
	}
	if (several == 0)
		count = -1;
	else if (several == 1)
		count = (int64) dsec_tally_count(state->parts[only].tally);
	else if (!keep)
	{
		all = unite(state, belongs, CurrentMemoryContext);
		count = (int64) dsec_tally_count(all);
		dsec_tally_free(all);
	}
	else
	{
		if (state->unions[category] == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(state->context);

			all = unite(state, belongs, state->context);
			state->unions[category] = all;
			for (int i = 0; i < state->nparts; i++)
			{
				if (belongs[i])
					state->parts[i].unions = lappend(state->parts[i].unions, all);
			}
			MemoryContextSwitchTo(old);
		}
		count = (int64) dsec_tally_count(state->unions[category]);
	}
	pfree(belongs);
	return count;
}

/* Have a place for unions that hold under this policy. */
static void
prepare_unions(State *state, const DsecPolicy *policy)
{
	uint64		generation = dsec_policy_local_generation();

	if (state->unions && state->generation == generation)
		return;
	drop_unions(state);
	state->unions = MemoryContextAllocZero(state->context,
										   policy->ncategories * sizeof(DsecTally *));
	state->nunions = policy->ncategories;
	state->generation = generation;
}

Datum
dsec_bulk_final(PG_FUNCTION_ARGS)
{
	State	   *state = PG_ARGISNULL(0) ? NULL : (State *) PG_GETARG_POINTER(0);
	bool		keep = AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW;
	const DsecPolicy *policy = dsec_policy_in_force();
	DateADT		today = dsec_ledger_today();
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	ArrayBuildState *rows;
	TupleDesc	descriptor;
	int		   *own;

	if (!OidIsValid(type))
		elog(ERROR, "result type of dsec.bulk is not known");
	rows = initArrayResult(type, CurrentMemoryContext, false);
	if (state == NULL || state->nparts == 0)
		PG_RETURN_DATUM(makeArrayResult(rows, CurrentMemoryContext));

	descriptor = lookup_rowtype_tupdesc(type, -1);
	if (descriptor->natts != BULK_COLUMNS)
		elog(ERROR, "dsec.bulk_row has %d columns", descriptor->natts);
	if (keep)
		prepare_unions(state, policy);
	own = palloc(state->nparts * sizeof(int));
	for (int i = 0; i < state->nparts; i++)
		own[i] = resolve(policy, state->parts[i].name);

	for (int category = 0; category < policy->ncategories; category++)
	{
		int64		subjects = count_category(state, policy, own, category, keep);
		const DsecPolicyRule *rule = NULL;

		if (subjects < 0)
			continue;
		rule = dsec_bulk_next_rule(policy, category, today, NULL);
		do
		{
			Datum		values[BULK_COLUMNS];
			bool		nulls[BULK_COLUMNS];
			HeapTuple	row;

			dsec_bulk_fill(policy, category, rule, subjects, values, nulls);
			row = heap_form_tuple(descriptor, values, nulls);
			accumArrayResult(rows, HeapTupleGetDatum(row), false, type,
							 CurrentMemoryContext);
		} while (rule && (rule = dsec_bulk_next_rule(policy, category, today, rule)));
	}
	ReleaseTupleDesc(descriptor);
	PG_RETURN_DATUM(makeArrayResult(rows, CurrentMemoryContext));
}
