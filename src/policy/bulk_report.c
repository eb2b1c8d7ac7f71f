/*-------------------------------------------------------------------------
 *
 * bulk_report.c
 *	  dsec.bulk_report(relation): the subjects of a tagged relation, counted as
 *	  the ledger would count them if all of it were sent, beside the rules in
 *	  force.
 *
 * One query reads the subject keys of the relation and, for each subject and
 * category, whether a column of them has a value, and hands its rows to a
 * destination that counts.  It is a query like any other: it has the caller's
 * rights, sees what he may see, and in a bound session it is charged.
 *
 * A *count* is what one rule has to be compared with, within one space: the
 * distinct subjects of a category (its descendants included) that are not known
 * to be outside of a population.  A rule's answer is the sum over spaces.
 * Subjects are told apart by the hash that the ledger uses, under a key that is
 * made up for the occasion: nothing is compared with the ledger, which on a
 * standby cannot be used.  A row whose key is NULL, or whose relation has none,
 * is a subject of its own.
 *
 * The relation stays locked until the end of the transaction, so that its tags
 * and columns are the same for the query.  The policy is copied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "policy/bulk.h"
#include "policy/policy.h"
#include "report.h"
#include "subject/subject.h"
#include "subject/tally.h"
#include "tag/tag.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* columns of the result after those of dsec.bulk_row */
enum
{
	REPORT_UNIT = BULK_COLUMNS, REPORT_POPULATION, REPORT_SPACES,
	REPORT_COLUMNS
};

typedef struct Count
{
	int			category;		/* index in the policy */
	const char *population;		/* "": everybody */
	const char *space;
	DsecTally  *tally;
	int64		rows;			/* that are subjects of their own */
	uint64		last_row;		/* number of the last one */
} Count;

/* a count that a subject of a row enters unless a column says otherwise */
typedef struct Entry
{
	Count	   *count;
	int			outside;		/* column of the query, or -1 */
} Entry;

/* one subject, and one category that columns have of it */
typedef struct Feed
{
	int			subject;
	int			category;		/* index in the policy */
	StringInfoData condition;	/* a column has a value */
	int			column;			/* of the query: that condition */
	List	   *entries;
} Feed;

typedef struct Subject
{
	int			nkeys;
	int			columns[DSEC_MAX_KEYS]; /* of the query */
	DsecKeyHasher *hasher;
} Subject;

typedef struct Report
{
	DestReceiver destination;	/* first */
	const DsecPolicy *policy;
	DateADT		today;
	uint8		key[DSEC_KEY_BYTES];
	MemoryContext context;
	List	   *counts;
	List	   *feeds;
	int			nsubjects;
	Subject    *subjects;
	uint64		row;			/* number of the current one */

	/* the query that is being made */
	StringInfoData targets;
	int			ntargets;
	List	   *attributes;		/* of which column i is a plain key, else 0 */
} Report;

PG_FUNCTION_INFO_V1(dsec_bulk_report);

/* -------------------------------------------------------------------------
 * What to count
 * ------------------------------------------------------------------------- */

static Count *
find_count(Report *report, int category, const char *population, const char *space)
{
	Count	   *count;
	ListCell   *lc;

	foreach(lc, report->counts)
	{
		count = lfirst(lc);
		if (count->category == category &&
			strcmp(count->population, population) == 0 &&
			strcmp(count->space, space) == 0)
			return count;
	}
	count = palloc0(sizeof(Count));
	count->category = category;
	count->population = population;
	count->space = space;
	count->tally = dsec_tally_create(report->context, DSEC_TALLY_8);
	report->counts = lappend(report->counts, count);
	return count;
}

/* Add an expression to the query; returns its place. */
static int
add_target(Report *report, const char *expression, AttrNumber attno)
{
	if (report->ntargets > 0)
		appendStringInfoString(&report->targets, ", ");
	appendStringInfoString(&report->targets, expression);
	report->attributes = lappend_int(report->attributes, attno);
	return report->ntargets++;
}

static char *
column_name(Oid relid, AttrNumber attno)
{
	return psprintf("r.%s", quote_identifier(get_attname(relid, attno, false)));
}

/* The place of a column itself, which is added when it is new. */
static int
column_target(Report *report, Oid relid, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, report->attributes)
	{
		if (lfirst_int(lc) == attno)
			return foreach_current_index(lc);
	}
	return add_target(report, column_name(relid, attno), attno);
}

/* Does a subject of this category enter the count of this population, and when? */
static void
add_entry(Report *report, Feed *feed, Oid relid, const DsecSubject *subject,
		  int category, const char *population)
{
	Count	   *count = find_count(report, category, population, pstrdup(subject->space));
	Entry	   *entry;
	ListCell   *lc;

	foreach(lc, feed->entries)
	{
		entry = lfirst(lc);
		if (entry->count == count)
			return;				/* another rule of that population */
	}
	entry = palloc(sizeof(Entry));
	entry->count = count;
	entry->outside = -1;
	for (int i = 0; population[0] != '\0' && i < subject->npopulations; i++)
	{
		if (strcmp(subject->populations[i], population) == 0)
			entry->outside = column_target(report, relid, subject->population_columns[i]);
	}
	feed->entries = lappend(feed->entries, entry);
}

/* A category and its ancestors, under each of their rules. */
static void
add_entries(Report *report, Feed *feed, Oid relid, const DsecSubject *subject)
{
	const DsecPolicy *policy = report->policy;
	int			category = feed->category;

	/* the chain is no longer than there are categories, even in a circle */
	for (int depth = 0; category >= 0 && depth < policy->ncategories; depth++)
	{
		const DsecPolicyRule *rule = dsec_bulk_next_rule(policy, category,
														 report->today, NULL);

		if (rule == NULL)
			add_entry(report, feed, relid, subject, category, "");
		for (; rule; rule = dsec_bulk_next_rule(policy, category, report->today, rule))
			add_entry(report, feed, relid, subject, category,
					  DsecPolicyText(policy, rule->population));
		category = DsecPolicyCategories(policy)[category].parent;
	}
}

static void
add_subject(Report *report, Oid relid, const DsecSubject *subject, Subject *made)
{
	made->nkeys = subject->nkeys;
	for (int i = 0; i < subject->nkeys; i++)
		made->columns[i] = column_target(report, relid, subject->keys[i]);
	if (subject->nkeys > 0)
		made->hasher = dsec_subject_hasher(subject->nkeys, subject->keytypes,
										   subject->keycollations);
}

static void
refuse_tag(Oid relid, AttrNumber attno, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("the tag of column \"%s\" of relation \"%s\" cannot be relied on",
					get_attname(relid, attno, false), get_rel_name(relid)),
			 errdetail("%s", problem),
			 errhint("Correct the tags; dsec.tagged_columns shows them.")));
}

static void
add_category(Report *report, const DsecRelationTags *tags,
			 const DsecTaggedColumn *column, const char *name)
{
	int			category = dsec_policy_find_category(report->policy, name);
	Feed	   *feed = NULL;
	ListCell   *lc;

	if (category < 0)
		refuse_tag(tags->relid, column->attno,
				   psprintf("Category \"%s\" does not exist in database \"%s\".",
							name, dsec_guc_ledger_database));

	foreach(lc, report->feeds)
	{
		feed = lfirst(lc);
		if (feed->subject == column->subject && feed->category == category)
			break;
		feed = NULL;
	}
	if (feed == NULL)
	{
		feed = palloc0(sizeof(Feed));
		feed->subject = column->subject;
		feed->category = category;
		initStringInfo(&feed->condition);
		report->feeds = lappend(report->feeds, feed);
	}
	else
		appendStringInfoString(&feed->condition, " OR ");

	/* of a composite value, IS NOT NULL would look at its fields */
	appendStringInfo(&feed->condition, "%s IS DISTINCT FROM NULL",
					 column_name(tags->relid, column->attno));
}

static void
add_column(Report *report, const DsecRelationTags *tags, const DsecTaggedColumn *column)
{
	if (column->problem)
		refuse_tag(tags->relid, column->attno, column->problem);
	for (int i = 0; i <= column->nalso; i++)
		add_category(report, tags, column, dsec_tag_category(column, i));
}

/*
 * What the query reads of a child is tagged as the relation is; a column that
 * only the child tags would not be counted.
 */
static void
check_children(Oid relid, const DsecRelationTags *tags)
{
	List	   *tagged = NIL;
	ListCell   *lc;

	for (int i = 0; i < tags->ncolumns; i++)
		tagged = lappend(tagged, get_attname(relid, tags->columns[i].attno, false));

	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		Oid			child = lfirst_oid(lc);
		const DsecRelationTags *below = child != relid ? dsec_tag_relation(child) : NULL;

		for (int i = 0; below && i < below->ncolumns; i++)
		{
			const DsecTaggedColumn *column = &below->columns[i];
			char	   *name = get_attname(child, column->attno, false);
			bool		known = false;
			ListCell   *other;

			if (get_attnum(relid, name) == InvalidAttrNumber)
				continue;
			foreach(other, tagged)
				known |= strcmp(lfirst(other), name) == 0;
			if (!known)
				refuse_tag(child, column->attno,
						   psprintf("It is tagged there, and not in relation \"%s\", through which it would be read.",
									get_rel_name(relid)));
			if (column->problem)
				refuse_tag(child, column->attno, pstrdup(column->problem));
		}
	}
}

/* The query that reads what the counts need, from the tags of the relation. */
static char *
make_query(Report *report, Oid relid)
{
	const DsecRelationTags *tags = dsec_tag_relation(relid);
	ListCell   *lc;

	if (tags == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no column of relation \"%s\" is tagged", get_rel_name(relid)),
				 errhint("Tag its columns with dsec.tag(); dsec.tagged_columns shows what is tagged.")));

	initStringInfo(&report->targets);
	report->nsubjects = tags->nsubjects;
	report->subjects = palloc0(tags->nsubjects * sizeof(Subject));
	for (int i = 0; i < tags->ncolumns; i++)
		add_column(report, tags, &tags->columns[i]);
	for (int i = 0; i < tags->nsubjects; i++)
		add_subject(report, relid, &tags->subjects[i], &report->subjects[i]);
	foreach(lc, report->feeds)
	{
		Feed	   *feed = lfirst(lc);

		feed->column = add_target(report, feed->condition.data, 0);
		add_entries(report, feed, relid, &tags->subjects[feed->subject]);
	}
	return psprintf("SELECT %s FROM %s AS r", report->targets.data,
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
											   get_rel_name(relid)));
}

/* -------------------------------------------------------------------------
 * Counting
 * ------------------------------------------------------------------------- */

/* The subject of the row; false when a key is NULL or there is none. */
static bool
hash_subject(const Report *report, const Subject *subject, TupleTableSlot *slot,
			 uint64 *hash)
{
	Datum		values[DSEC_MAX_KEYS];

	if (subject->nkeys == 0)
		return false;
	for (int i = 0; i < subject->nkeys; i++)
	{
		if (slot->tts_isnull[subject->columns[i]])
			return false;
		values[i] = slot->tts_values[subject->columns[i]];
	}
	*hash = dsec_subject_hash(subject->hasher, values, report->key);
	return true;
}

static void
enter(Report *report, const Feed *feed, bool named, uint64 hash, TupleTableSlot *slot)
{
	ListCell   *lc;

	foreach(lc, feed->entries)
	{
		const Entry *entry = lfirst(lc);

		/* unknown counts as in */
		if (entry->outside >= 0 && !slot->tts_isnull[entry->outside] &&
			!DatumGetBool(slot->tts_values[entry->outside]))
			continue;
		if (named)
			dsec_tally_add8(entry->count->tally, hash);
		else if (entry->count->last_row != report->row)
		{
			entry->count->rows++;
			entry->count->last_row = report->row;
		}
	}
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Report	   *report = (Report *) self;
	int			current = -1;
	bool		named = false;
	uint64		hash = 0;
	ListCell   *lc;

	slot_getallattrs(slot);
	report->row++;
	foreach(lc, report->feeds)
	{
		const Feed *feed = lfirst(lc);

		if (!DatumGetBool(slot->tts_values[feed->column]))
			continue;
		if (feed->subject != current)
		{
			current = feed->subject;
			named = hash_subject(report, &report->subjects[current], slot, &hash);
		}
		enter(report, feed, named, hash, slot);
	}
	return true;
}

static void
start_rows(DestReceiver *self, int operation, TupleDesc descriptor)
{
	if (descriptor->natts != ((Report *) self)->ntargets)
		elog(ERROR, "the query of dsec.bulk_report has %d columns", descriptor->natts);
}

static void
end_rows(DestReceiver *self)
{
}

static void
run_query(Report *report, const char *query)
{
	SPIExecuteOptions options = {0};
	int			result;

	report->destination.receiveSlot = receive_row;
	report->destination.rStartup = start_rows;
	report->destination.rShutdown = end_rows;
	report->destination.rDestroy = end_rows;
	report->destination.mydest = DestNone;
	options.read_only = true;
	options.dest = &report->destination;
	result = SPI_execute_extended(query, &options);
	if (result < 0)
		elog(ERROR, "the query of dsec.bulk_report failed: %s", SPI_result_code_string(result));
}

/* -------------------------------------------------------------------------
 * The answer
 * ------------------------------------------------------------------------- */

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * One row: the sum over spaces of what a rule (or nothing) counts in a category.
 * Puts none when the relation has no column of the category.
 */
static void
put_row(const Report *report, ReturnSetInfo *result, int category,
		const DsecPolicyRule *rule)
{
	const char *population = rule ? DsecPolicyText(report->policy, rule->population) : "";
	Datum		values[REPORT_COLUMNS];
	bool		nulls[REPORT_COLUMNS] = {false};
	int64		subjects = 0;
	List	   *spaces = NIL;
	Datum	   *names;
	ListCell   *lc;

	foreach(lc, report->counts)
	{
		Count	   *count = lfirst(lc);

		if (count->category != category || strcmp(count->population, population) != 0)
			continue;
		subjects += (int64) dsec_tally_count(count->tally) + count->rows;
		spaces = lappend(spaces, unconstify(char *, count->space));
	}
	if (spaces == NIL)
		return;

	list_sort(spaces, compare_texts);
	names = palloc(list_length(spaces) * sizeof(Datum));
	foreach(lc, spaces)
		names[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));

	dsec_bulk_fill(report->policy, category, rule, subjects, values, nulls);
	values[REPORT_UNIT] = rule ?
		CStringGetTextDatum(DsecPolicyText(report->policy, rule->unit)) : (Datum) 0;
	nulls[REPORT_UNIT] = rule == NULL;
	values[REPORT_POPULATION] = CStringGetTextDatum(population);
	nulls[REPORT_POPULATION] = population[0] == '\0';
	values[REPORT_SPACES] = PointerGetDatum(construct_array(names, list_length(spaces),
															TEXTOID, -1, false, TYPALIGN_INT));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_rows(const Report *report, ReturnSetInfo *result)
{
	for (int category = 0; category < report->policy->ncategories; category++)
	{
		const DsecPolicyRule *rule = dsec_bulk_next_rule(report->policy, category,
														 report->today, NULL);

		if (rule == NULL)
			put_row(report, result, category, NULL);
		for (; rule; rule = dsec_bulk_next_rule(report->policy, category,
												report->today, rule))
			put_row(report, result, category, rule);
	}
}

/* Lock the relation, for the transaction.  Who may read nothing of it learns nothing. */
static void
lock_relation(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV,
					   get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));
	relation_close(relation, NoLock);
}

Datum
dsec_bulk_report(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	MemoryContext context;
	MemoryContext old;
	const DsecPolicy *policy;
	DsecPolicy *copy;
	Report	   *report;
	char	   *query;

	InitMaterializedSRF(fcinfo, 0);
	lock_relation(relid);
	context = AllocSetContextCreate(CurrentMemoryContext, "dsec bulk report",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);

	policy = dsec_policy_in_force();
	copy = palloc(policy->size);
	memcpy(copy, policy, policy->size);

	report = palloc0(sizeof(Report));
	report->context = context;
	report->policy = copy;
	report->today = dsec_ledger_today();
	if (!pg_strong_random(report->key, DSEC_KEY_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes")));
	query = make_query(report, relid);
	if (has_subclass(relid))
		check_children(relid, dsec_tag_relation(relid));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run_query(report, query);
	SPI_finish();

	put_rows(report, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
