/*-------------------------------------------------------------------------
 *
 * charge.c
 *	  Chargers: from the subjects of a row to the ledger's sets and limits, and
 *	  back to a decision.
 *
 * A charger is made once per statement for one kind of subject.  Its *entries*
 * are the pairs (recipient, category), where the categories are those asked for
 * and all their ancestors; each entry is one set of the ledger, or several, one
 * for each combination of populations to which subjects are known not to
 * belong.  Its *limits* are the rules that apply today to its recipients in
 * these categories.  Which of them block depends on settings that can change
 * while a cursor is open, so that is looked at again whenever one has.
 *
 * The ledger keeps to the blocking limits by itself, and counts exactly.  The
 * others are compared with the count after the charge.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "tag/tag.h"
#include "utils/memutils.h"

/* rows with no more than this many charges need no allocation */
#define FEW_ITEMS 64
#define FEW_CHARGERS 16

typedef struct Entry
{
	int32		recipient;
	bool		unassigned;		/* status of the recipient */
	int			category;		/* index in the policy */
	char		name[NAMEDATALEN];	/* its name */
	uint32		asked;			/* bit i: it is the caller's categories[i] */
} Entry;

typedef struct Limit
{
	DsecLimit	limit;
	bool		may_block;		/* action of the rule */
	bool		unassigned;		/* status of the recipient */
	bool		over;			/* was crossed by an earlier row; counted holds */
	DsecVerdict verdict;		/* all but decision and counted */
	int64		counted;		/* when it was crossed */
} Limit;

struct DsecCharger
{
	MemoryContext context;
	uint64		window_epoch;
	bool		several_windows;
	char		space[NAMEDATALEN];
	int			npopulations;
	char		populations[DSEC_MAX_POPULATIONS][NAMEDATALEN];	/* sorted */
	int			bits[DSEC_MAX_POPULATIONS]; /* their bits in "outside" */
	uint32		outside_mask;
	int			nentries;
	Entry	   *entries;
	int		  **sets;			/* by outside: set of each entry, or NULL */
	int			nlimits;
	Limit	   *limits;
	int			mode;			/* settings under which the next was made */
	int			unassigned;
	int			nblocking;
	DsecLimit  *blocking;
	int		   *blocking_limits;	/* which of "limits" they are */
	int			nlogging;
	int		   *logging_limits;
};

/* -------------------------------------------------------------------------
 * Making one
 * ------------------------------------------------------------------------- */

static void
add_entry(DsecCharger *charger, const DsecPolicy *policy, int32 recipient,
		  int category, uint32 asked)
{
	Entry	   *entry;

	for (int i = 0; i < charger->nentries; i++)
	{
		entry = &charger->entries[i];
		if (entry->recipient == recipient && entry->category == category)
		{
			entry->asked |= asked;
			return;
		}
	}
	entry = &charger->entries[charger->nentries++];
	memset(entry, 0, sizeof(*entry));
	entry->recipient = recipient;
	entry->category = category;
	entry->asked = asked;
	strlcpy(entry->name,
			DsecPolicyText(policy, DsecPolicyCategories(policy)[category].name),
			NAMEDATALEN);
}

/* A category and its ancestors, for one recipient. */
static void
add_entries(DsecCharger *charger, const DsecPolicy *policy, int32 recipient,
			int category, uint32 asked)
{
	/* the chain is no longer than there are categories, even in a circle */
	for (int depth = 0; category >= 0 && depth < policy->ncategories; depth++)
	{
		add_entry(charger, policy, recipient, category, asked);
		asked = 0;
		category = DsecPolicyCategories(policy)[category].parent;
	}
}

static void
add_limits(DsecCharger *charger, const DsecPolicy *policy,
		   const DsecPolicyRecipient *recipient, const Entry *entry,
		   DateADT today)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const DsecPolicyRule *rule = &DsecPolicyRules(policy)[i];
		Limit	   *limit;

		if (rule->category != entry->category ||
			!dsec_policy_rule_applies(rule, recipient, today))
			continue;

		limit = &charger->limits[charger->nlimits++];
		memset(limit, 0, sizeof(*limit));
		limit->limit.recipient = recipient->id;
		strlcpy(limit->limit.category, entry->name, NAMEDATALEN);
		strlcpy(limit->limit.population,
				DsecPolicyText(policy, rule->population), NAMEDATALEN);
		limit->limit.window = rule->window;
		limit->limit.most = rule->most;
		limit->may_block = rule->block;
		limit->unassigned = recipient->status == DSEC_STATUS_UNASSIGNED;
		limit->verdict.recipient = pstrdup(DsecPolicyText(policy, recipient->name));
		limit->verdict.category = pstrdup(entry->name);
		limit->verdict.regime = pstrdup(DsecPolicyText(policy, rule->regime));
		limit->verdict.citation = pstrdup(DsecPolicyText(policy, rule->source));
		limit->verdict.comparator = rule->at_least ? ">=" : ">";
		limit->verdict.threshold = rule->threshold;
		limit->verdict.window = pstrdup(DsecPolicyText(policy, rule->window_name));
	}
}

/*
 * Populations in the order in which a set names them.  One that cannot be part
 * of a set's name is left out: its subjects count as belonging to it.
 */
static void
add_populations(DsecCharger *charger, int npopulations,
				const char *const *populations)
{
	if (npopulations > DSEC_MAX_POPULATIONS)
		elog(ERROR, "a subject with %d populations", npopulations);
	for (int i = 0; i < npopulations; i++)
	{
		int			position = charger->npopulations;

		if (strlen(populations[i]) >= NAMEDATALEN || strchr(populations[i], ','))
			continue;
		while (position > 0 &&
			   strcmp(charger->populations[position - 1], populations[i]) > 0)
		{
			memcpy(charger->populations[position],
				   charger->populations[position - 1], NAMEDATALEN);
			charger->bits[position] = charger->bits[position - 1];
			position--;
		}
		strlcpy(charger->populations[position], populations[i], NAMEDATALEN);
		charger->bits[position] = i;
		charger->npopulations++;
		charger->outside_mask |= 1 << i;
	}
}

DsecCharger *
dsec_policy_charger(const DsecRecipients *recipients, const char *space,
					int ncategories, const char *const *categories,
					int npopulations, const char *const *populations)
{
	const DsecPolicy *policy = dsec_policy_local();
	DateADT		today = dsec_ledger_today();
	DsecCharger *charger = palloc0(sizeof(DsecCharger));
	int			most_entries;

	if (strlen(space) >= NAMEDATALEN || ncategories > 32)
		elog(ERROR, "a subject space or list of categories is too long");

	charger->context = CurrentMemoryContext;
	charger->window_epoch = pg_atomic_read_u64(&dsec_policy_shared->window_epoch);
	charger->several_windows = dsec_policy_shared->nwindows > 1;
	strlcpy(charger->space, space, NAMEDATALEN);
	add_populations(charger, npopulations, populations);

	most_entries = recipients->n * policy->ncategories;
	charger->entries = palloc0(Max(most_entries, 1) * sizeof(Entry));
	for (int i = 0; i < ncategories; i++)
	{
		int			category = dsec_policy_find_category(policy, categories[i]);

		if (category < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("category \"%s\" does not exist", categories[i]),
					 errdetail("A tagged column names it, and no rule can say what may be done with its data."),
					 errhint("Add it to dsec.category in database \"%s\", or correct the tag.",
							 dsec_guc_ledger_database)));
		for (int j = 0; j < recipients->n; j++)
			add_entries(charger, policy, recipients->id[j], category,
						(uint32) 1 << i);
	}

	charger->limits = palloc0(Max(recipients->n * policy->nrules, 1) * sizeof(Limit));
	for (int i = 0; i < charger->nentries; i++)
	{
		Entry	   *entry = &charger->entries[i];
		const DsecPolicyRecipient *recipient =
		dsec_policy_find_recipient(policy, entry->recipient);

		if (recipient == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("the recipient of this export is no longer in the policy"),
					 errhint("Run the statement again.")));
		entry->unassigned = recipient->status == DSEC_STATUS_UNASSIGNED;
		add_limits(charger, policy, recipient, entry, today);
	}

	charger->sets = palloc0(((Size) 1 << npopulations) * sizeof(int *));
	charger->blocking = palloc(Max(charger->nlimits, 1) * sizeof(DsecLimit));
	charger->blocking_limits = palloc(Max(charger->nlimits, 1) * sizeof(int));
	charger->logging_limits = palloc(Max(charger->nlimits, 1) * sizeof(int));
	charger->mode = -1;
	return charger;
}

/* Sort limits into those that block and those that do not, as settings are. */
static void
sort_limits(DsecCharger *charger)
{
	if (likely(charger->mode == dsec_guc_mode &&
			   charger->unassigned == dsec_guc_unassigned))
		return;

	charger->nblocking = 0;
	charger->nlogging = 0;
	for (int i = 0; i < charger->nlimits; i++)
	{
		Limit	   *limit = &charger->limits[i];

		if (limit->may_block && dsec_policy_blocks(limit->unassigned))
		{
			charger->blocking[charger->nblocking] = limit->limit;
			charger->blocking_limits[charger->nblocking++] = i;
		}
		else
			charger->logging_limits[charger->nlogging++] = i;
	}
	charger->mode = dsec_guc_mode;
	charger->unassigned = dsec_guc_unassigned;
}

/* The set of every entry, for subjects outside these populations. */
static const int *
find_sets(DsecCharger *charger, uint32 outside)
{
	int		   *sets = charger->sets[outside];
	DsecSetKey	key;

	if (likely(sets != NULL))
		return sets;

	memset(&key, 0, sizeof(key));
	strlcpy(key.space, charger->space, NAMEDATALEN);
	for (int i = 0; i < charger->npopulations; i++)
	{
		size_t		length = strlen(key.outside);

		/* what does not fit counts as inside: more, never fewer */
		if ((outside & (1 << charger->bits[i])) == 0 ||
			length + 1 + strlen(charger->populations[i]) >= NAMEDATALEN)
			continue;
		if (length > 0)
			key.outside[length++] = ',';
		strcpy(key.outside + length, charger->populations[i]);
	}

	sets = MemoryContextAlloc(charger->context,
							  Max(charger->nentries, 1) * sizeof(int));
	for (int i = 0; i < charger->nentries; i++)
	{
		key.recipient = charger->entries[i].recipient;
		memset(key.category, 0, NAMEDATALEN);
		strlcpy(key.category, charger->entries[i].name, NAMEDATALEN);
		sets[i] = dsec_ledger_set(&key);
	}
	charger->sets[outside] = sets;
	return sets;
}

/* -------------------------------------------------------------------------
 * Using it
 * ------------------------------------------------------------------------- */

bool
dsec_policy_is_charged(const DsecRowSubject *subjects, int n)
{
	for (int i = 0; i < n; i++)
	{
		const DsecCharger *charger = subjects[i].charger;
		const int  *sets =
		charger->sets[subjects[i].outside & charger->outside_mask];

		if (sets == NULL)
			return false;
		for (int j = 0; j < charger->nentries; j++)
		{
			if (!dsec_ledger_is_charged(sets[j], subjects[i].subject))
				return false;
		}
	}
	return true;
}

void
dsec_policy_prefetch(const DsecCharger *charger, uint64 subject)
{
	const int  *sets = charger->sets[0];

	for (int i = 0; sets != NULL && i < charger->nentries; i++)
		dsec_ledger_prefetch(sets[i], subject);
}

/* an item and its place in the list that may have it twice */
typedef struct SortedItem
{
	int			set;
	bool		unassigned;
	int			place;
	uint64		subject;
} SortedItem;

static int
compare_items(const void *a, const void *b)
{
	const SortedItem *x = a;
	const SortedItem *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	return 0;
}

/*
 * Make items distinct, because two subjects of a row can be the same person.
 * place_of[i] receives where item i went.  Returns how many are left.
 */
static int
make_distinct(DsecChargeItem *items, int n, int *place_of)
{
	SortedItem *sorted;
	int			left = 0;

	if (n <= FEW_ITEMS)
	{
		for (int i = 0; i < n; i++)
		{
			int			place = 0;

			while (place < left && (items[place].set != items[i].set ||
									items[place].subject != items[i].subject))
				place++;
			if (place == left)
				items[left++] = items[i];
			place_of[i] = place;
		}
		return left;
	}

	sorted = palloc_extended(n * sizeof(SortedItem), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		sorted[i].set = items[i].set;
		sorted[i].subject = items[i].subject;
		sorted[i].unassigned = items[i].unassigned;
		sorted[i].place = i;
	}
	qsort(sorted, n, sizeof(SortedItem), compare_items);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || compare_items(&sorted[i], &sorted[i - 1]) != 0)
		{
			items[left].set = sorted[i].set;
			items[left].subject = sorted[i].subject;
			items[left].unassigned = sorted[i].unassigned;
			left++;
		}
		place_of[sorted[i].place] = left - 1;
	}
	pfree(sorted);
	return left;
}

static void
set_verdict(DsecVerdict *verdict, const Limit *limit, DsecDecision decision,
			int64 counted)
{
	*verdict = limit->verdict;
	verdict->decision = decision;
	verdict->counted = counted;
}

/* Everything about one call of dsec_policy_charge. */
typedef struct Row
{
	const DsecRowSubject *subjects;
	int			nsubjects;
	int			nchargers;		/* distinct ones */
	DsecCharger **chargers;
	DsecChargeItem *items;
	int		   *place_of;		/* item of (subject, entry), in that order */
	int			nitems;
} Row;

/* The chargers of a row; most rows have one, or the same few. */
static void
collect_chargers(Row *row, DsecCharger **few)
{
	int			room = FEW_CHARGERS;

	row->chargers = few;
	for (int i = 0; i < row->nsubjects; i++)
	{
		DsecCharger *charger = row->subjects[i].charger;
		int			j = row->nchargers - 1;

		while (j >= 0 && row->chargers[j] != charger)
			j--;
		if (j >= 0)
			continue;
		if (row->nchargers == room)
		{
			DsecCharger **more = palloc(2 * room * sizeof(DsecCharger *));

			memcpy(more, row->chargers, room * sizeof(DsecCharger *));
			if (row->chargers != few)
				pfree(row->chargers);
			row->chargers = more;
			room *= 2;
		}
		row->chargers[row->nchargers++] = charger;
	}

	for (int i = 0; i < row->nchargers; i++)
	{
		sort_limits(row->chargers[i]);
		if (row->chargers[i]->window_epoch !=
			pg_atomic_read_u64(&dsec_policy_shared->window_epoch))
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("the rules have changed while the statement was running"),
					 errhint("Run the statement again.")));
	}
}

static void
collect_items(Row *row)
{
	int			n = 0;

	for (int i = 0; i < row->nsubjects; i++)
	{
		DsecCharger *charger = row->subjects[i].charger;
		const int  *sets = find_sets(charger, row->subjects[i].outside &
									 charger->outside_mask);

		for (int j = 0; j < charger->nentries; j++)
		{
			row->items[n].set = sets[j];
			row->items[n].subject = row->subjects[i].subject;
			row->items[n].unassigned = charger->entries[j].unassigned;
			n++;
		}
	}
	if (row->nsubjects > 1)
		row->nitems = make_distinct(row->items, n, row->place_of);
	else
	{
		for (int i = 0; i < n; i++)
			row->place_of[i] = i;
		row->nitems = n;
	}
	for (int i = 0; i < row->nitems; i++)
	{
		row->items[i].charged = false;
		row->items[i].fresh = false;
	}
}

/*
 * Charge within the blocking limits.  Returns the limit that stops the row, or
 * NULL when it is charged.
 */
static const Limit *
charge_items(Row *row, int64 *counted)
{
	DsecLimit  *limits;
	int			nlimits = 0;
	int			stopped;

	if (row->nchargers == 1)
	{
		const DsecCharger *charger = row->chargers[0];

		stopped = dsec_ledger_charge(row->items, row->nitems, charger->blocking,
									 charger->nblocking, counted);
		return stopped < 0 ? NULL :
			&charger->limits[charger->blocking_limits[stopped]];
	}

	for (int i = 0; i < row->nchargers; i++)
		nlimits += row->chargers[i]->nblocking;
	limits = palloc(Max(nlimits, 1) * sizeof(DsecLimit));
	nlimits = 0;
	for (int i = 0; i < row->nchargers; i++)
	{
		memcpy(limits + nlimits, row->chargers[i]->blocking,
			   row->chargers[i]->nblocking * sizeof(DsecLimit));
		nlimits += row->chargers[i]->nblocking;
	}
	stopped = dsec_ledger_charge(row->items, row->nitems, limits, nlimits, counted);
	pfree(limits);
	if (stopped < 0)
		return NULL;
	for (int i = 0;; i++)
	{
		const DsecCharger *charger = row->chargers[i];

		if (stopped < charger->nblocking)
			return &charger->limits[charger->blocking_limits[stopped]];
		stopped -= charger->nblocking;
	}
}

/* Mark the categories for which each subject was new today. */
static void
note_charged(Row *row, uint32 *charged)
{
	int			n = 0;

	for (int i = 0; i < row->nsubjects; i++)
	{
		const DsecCharger *charger = row->subjects[i].charger;

		charged[i] = 0;
		for (int j = 0; j < charger->nentries; j++)
		{
			if (row->items[row->place_of[n++]].charged)
				charged[i] |= charger->entries[j].asked;
		}
	}
}

/* Subjects that the row has brought into what the limit counts. */
static int64
fresh_subjects(const Row *row, const DsecLimit *limit)
{
	int64		result = 0;
	int			n = 0;

	for (int i = 0; i < row->nsubjects; i++)
	{
		const DsecCharger *charger = row->subjects[i].charger;

		for (int j = 0; j < charger->nentries; j++, n++)
		{
			DsecChargeItem *item = &row->items[row->place_of[n]];
			const Entry *entry = &charger->entries[j];
			bool		outside = false;

			if (entry->recipient != limit->recipient ||
				strcmp(entry->name, limit->category) != 0)
				continue;
			for (int k = 0; k < charger->npopulations; k++)
			{
				if ((row->subjects[i].outside & (1 << charger->bits[k])) != 0 &&
					strcmp(charger->populations[k], limit->population) == 0)
					outside = true;
			}
			if (outside)
				continue;

			/*
			 * "fresh" speaks of all windows together.  Where there are several,
			 * a subject can be new in one of them only.
			 */
			if (item->fresh || (charger->several_windows && item->charged))
				result++;
		}
	}
	return result;
}

/* Compare with the limits that do not block. */
static void
compare_limits(const Row *row, DsecVerdict *verdict)
{
	for (int i = 0; i < row->nchargers; i++)
	{
		DsecCharger *charger = row->chargers[i];

		for (int j = 0; j < charger->nlogging; j++)
		{
			Limit	   *limit = &charger->limits[charger->logging_limits[j]];
			int64		fresh = fresh_subjects(row, &limit->limit);

			/* who was counted before is no more than was there */
			if (fresh == 0)
				continue;
			if (!limit->over)
			{
				int64		counted = dsec_ledger_count(&limit->limit, NULL);

				if (counted <= limit->limit.most)
					continue;
				limit->over = true;
				limit->counted = Max(counted - fresh, 0);
			}
			/* of several, rather the one that would have blocked */
			if (verdict->decision == DSEC_ALLOW || limit->may_block)
			{
				set_verdict(verdict, limit, DSEC_LOG, limit->counted);
				if (limit->may_block)
					return;
			}
		}
	}
}

void
dsec_policy_charge(const DsecRowSubject *subjects, int n,
				   DsecVerdict *verdict, uint32 *charged)
{
	DsecCharger *few_chargers[FEW_CHARGERS];
	DsecChargeItem few_items[FEW_ITEMS];
	int			few_places[FEW_ITEMS];
	const Limit *stopped;
	int64		counted = 0;
	Size		most = 0;
	Row			row;

	memset(verdict, 0, sizeof(*verdict));
	verdict->decision = DSEC_ALLOW;
	memset(&row, 0, sizeof(row));
	row.subjects = subjects;
	row.nsubjects = n;
	collect_chargers(&row, few_chargers);
	for (int i = 0; i < n; i++)
		most += subjects[i].charger->nentries;
	if (most > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("a row with so many subjects cannot be counted")));
	if (most <= FEW_ITEMS)
	{
		row.items = few_items;
		row.place_of = few_places;
	}
	else
	{
		row.items = palloc_extended(most * sizeof(DsecChargeItem), MCXT_ALLOC_HUGE);
		row.place_of = palloc_extended(most * sizeof(int), MCXT_ALLOC_HUGE);
	}
	collect_items(&row);

	stopped = charge_items(&row, &counted);
	if (stopped)
	{
		memset(charged, 0, n * sizeof(uint32));
		set_verdict(verdict, stopped, DSEC_BLOCK, counted);
	}
	else
	{
		note_charged(&row, charged);
		compare_limits(&row, verdict);
	}

	if (row.items != few_items)
	{
		pfree(row.items);
		pfree(row.place_of);
	}
	if (row.chargers != few_chargers)
		pfree(row.chargers);
}
