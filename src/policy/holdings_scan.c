/*-------------------------------------------------------------------------
 *
 * holdings_scan.c
 *	  Count the subjects of one table.
 *
 * The table is read as it is stored, not through the executor: neither row
 * security nor a missing privilege of the officer makes the count too small,
 * and no code of the table's owner runs.  Only counts leave.  A row counts for
 * the categories of which at least one tagged column is not NULL; its subject
 * is found as the guard finds it: by its key, or, without one, as a subject of
 * its own.
 *
 * A column whose tag has a problem is left out, and the problem is told: what
 * is counted then is less than what is held.  Likewise what a virtual generated
 * column names, subject or population: it is not stored.  A tagged one is taken
 * to be filled in in every row.
 *
 * Reading is slowed down in the manner of VACUUM, by
 * dsec.holdings_cost_delay and dsec.holdings_cost_limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "compat.h"
#include "executor/instrument.h"
#include "guc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "policy/holdings.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "subject/subject.h"
#include "tag/tag.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

/* categories of one subject in one table; bits of Source.always */
#define MAX_CATEGORIES 64

typedef struct SourceColumn
{
	AttrNumber	attno;
	int			category;
} SourceColumn;

typedef struct CellKey
{
	uint64		categories;
	uint64		outside;
} CellKey;

typedef struct CellEntry
{
	CellKey		key;
	DsecHoldingCell *cell;
} CellEntry;

/* one subject of each row, and the categories it is counted for */
typedef struct Source
{
	char	   *space;
	int			nkeys;
	AttrNumber	keys[DSEC_MAX_KEYS];
	int			npopulations;
	AttrNumber	population_columns[DSEC_MAX_POPULATIONS];
	char	   *populations[DSEC_MAX_POPULATIONS];
	Oid			integer;		/* type of a single integer key, or InvalidOid */
	DsecKeyHasher *hasher;

	int			ncategories;
	char	   *categories[MAX_CATEGORIES];
	uint64		always;			/* categories with a column that is never NULL */
	int			nnullable;
	SourceColumn *nullable;		/* columns of the other categories */

	HTAB	   *cells;
	CellKey		last_key;		/* of the row before */
	DsecHoldingCell *last_cell;
} Source;

typedef struct Scan
{
	DsecHoldings *holdings;
	DsecHoldingTable *table;
	int			nsources;
	Source	   *sources;
	int			ncategories;	/* of all columns together */
	int			natts;			/* attributes to take apart */
	MemoryContext row_context;
	/* cost of reading */
	int64		hits;			/* buffers, when the balance was last struck */
	int64		reads;
	double		balance;
} Scan;

/* -------------------------------------------------------------------------
 * Which tables
 * ------------------------------------------------------------------------- */

/*
 * Tables with storage of their own.  Temporary ones belong to a session, and
 * foreign ones to somebody else.
 */
List *
dsec_holdings_tables(void)
{
	MemoryContext context = CurrentMemoryContext;
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *candidates = NIL;
	List	   *result = NIL;
	ListCell   *lc;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->oid >= FirstNormalObjectId &&
			form->relpersistence != RELPERSISTENCE_TEMP &&
			(form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW))
			candidates = lappend_oid(candidates, form->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	/* one order in every run, wherever pg_class has its rows */
	list_sort(candidates, list_oid_cmp);

	foreach(lc, candidates)
	{
		const char *problem;

		CHECK_FOR_INTERRUPTS();
		if (dsec_tag_relation_or_problem(lfirst_oid(lc), &problem) != NULL ||
			problem != NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			result = lappend_oid(result, lfirst_oid(lc));
			MemoryContextSwitchTo(old);
		}
	}
	list_free(candidates);
	return result;
}

static uint64
number_of_tags(const DsecRelationTags *tags, const char *problem)
{
	StringInfoData text;
	uint64		number;

	initStringInfo(&text);
	if (problem)
		appendStringInfo(&text, "%s\n", problem);
	for (int i = 0; tags && i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];

		appendStringInfo(&text, "%d %s %d %s\n", column->attno, column->tag,
						 column->subject, column->problem ? column->problem : "");
	}
	for (int i = 0; tags && i < tags->nsubjects; i++)
	{
		const DsecSubject *subject = &tags->subjects[i];

		appendStringInfo(&text, "%s", subject->space);
		for (int j = 0; j < subject->nkeys; j++)
			appendStringInfo(&text, " %d %u %u", subject->keys[j],
							 subject->keytypes[j], subject->keycollations[j]);
		for (int j = 0; j < subject->npopulations; j++)
			appendStringInfo(&text, " %s %d", subject->populations[j],
							 subject->population_columns[j]);
		appendStringInfoChar(&text, '\n');
	}
	number = hash_bytes_extended((const unsigned char *) text.data, text.len, 0);
	pfree(text.data);
	return number != 0 ? number : 1;
}

uint64
dsec_holdings_tags(Oid relid)
{
	const char *problem;
	const DsecRelationTags *tags = dsec_tag_relation_or_problem(relid, &problem);

	return tags == NULL && problem == NULL ? 0 : number_of_tags(tags, problem);
}

/* -------------------------------------------------------------------------
 * Before the scan
 * ------------------------------------------------------------------------- */

static int
source_category(Source *source, const char *name)
{
	for (int i = 0; i < source->ncategories; i++)
	{
		if (strcmp(source->categories[i], name) == 0)
			return i;
	}
	if (source->ncategories == MAX_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d categories of one subject in one table",
						MAX_CATEGORIES)));
	source->categories[source->ncategories] = pstrdup(name);
	return source->ncategories++;
}

static void
count_column(DsecHoldingTable *table, const char *category, const char *space)
{
	DsecHoldingColumns *columns;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		columns = lfirst(lc);
		if (strcmp(columns->category, category) == 0 && strcmp(columns->space, space) == 0)
		{
			columns->columns++;
			return;
		}
	}
	columns = palloc(sizeof(DsecHoldingColumns));
	columns->category = pstrdup(category);
	columns->space = pstrdup(space);
	columns->columns = 1;
	table->columns = lappend(table->columns, columns);
}

static void
prepare_source(Scan *scan, Source *source, const DsecSubject *subject)
{
	HASHCTL		control = {.keysize = sizeof(CellKey), .entrysize = sizeof(CellEntry),
	.hcxt = CurrentMemoryContext};

	source->space = pstrdup(subject->space);
	source->nkeys = subject->nkeys;
	for (int i = 0; i < subject->nkeys; i++)
	{
		source->keys[i] = subject->keys[i];
		scan->natts = Max(scan->natts, subject->keys[i]);
	}
	source->npopulations = subject->npopulations;
	for (int i = 0; i < subject->npopulations; i++)
	{
		source->population_columns[i] = subject->population_columns[i];
		source->populations[i] = pstrdup(subject->populations[i]);
		scan->natts = Max(scan->natts, subject->population_columns[i]);
	}
	if (subject->nkeys == 1)
	{
		Oid			type = getBaseType(subject->keytypes[0]);

		if (type == INT2OID || type == INT4OID || type == INT8OID)
			source->integer = type;
	}
	if (subject->nkeys > 0 && !OidIsValid(source->integer))
		source->hasher = dsec_subject_hasher(subject->nkeys, subject->keytypes,
											 subject->keycollations);
	source->cells = hash_create("dsec holdings cells", 8, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The cache's entry may go away at any look-up; this copies what is used here. */
static DsecRelationTags *
copy_tags(const DsecRelationTags *cached)
{
	DsecRelationTags *tags = palloc(sizeof(DsecRelationTags));

	*tags = *cached;
	tags->attnos = NULL;
	tags->columns = palloc(sizeof(DsecTaggedColumn) * Max(tags->ncolumns, 1));
	for (int i = 0; i < tags->ncolumns; i++)
	{
		DsecTaggedColumn *column = &tags->columns[i];

		*column = cached->columns[i];
		column->category = pstrdup(column->category);
		for (int c = 0; c < column->nalso; c++)
			column->also[c] = pstrdup(column->also[c]);
		column->tag = pstrdup(column->tag);
		column->identifier_class = NULL;
		if (column->problem)
			column->problem = pstrdup(column->problem);
	}
	tags->subjects = palloc(sizeof(DsecSubject) * Max(tags->nsubjects, 1));
	for (int i = 0; i < tags->nsubjects; i++)
	{
		DsecSubject *subject = &tags->subjects[i];

		*subject = cached->subjects[i];
		subject->space = pstrdup(subject->space);
		for (int j = 0; j < subject->npopulations; j++)
			subject->populations[j] = pstrdup(subject->populations[j]);
	}
	return tags;
}

static void
add_category(Scan *scan, Source *source, Form_pg_attribute attribute,
			 const char *name)
{
	int			category = source_category(source, name);

	if (attribute->attnotnull || DSEC_IS_VIRTUAL(attribute))
	{
		source->always |= UINT64CONST(1) << category;
		return;
	}
	if (source->nullable == NULL)
		source->nullable = palloc(sizeof(SourceColumn) * scan->ncategories);
	source->nullable[source->nnullable].attno = attribute->attnum;
	source->nullable[source->nnullable].category = category;
	source->nnullable++;
}

/* Is a key of the subject, or who belongs to a population, not stored? */
static bool
is_virtual(const DsecSubject *subject, TupleDesc descriptor)
{
	bool		virtual = false;

	for (int i = 0; i < subject->nkeys; i++)
		virtual |= DSEC_IS_VIRTUAL(TupleDescAttr(descriptor, subject->keys[i] - 1));
	for (int i = 0; i < subject->npopulations; i++)
		virtual |= DSEC_IS_VIRTUAL(TupleDescAttr(descriptor,
												 subject->population_columns[i] - 1));
	return virtual;
}

/* A source is made of a subject only when a column of its can be relied on. */
static void
prepare(Scan *scan, const DsecRelationTags *tags, TupleDesc descriptor)
{
	DsecHoldingTable *table = scan->table;
	int		   *place = palloc0(sizeof(int) * tags->nsubjects);

	scan->sources = palloc0(sizeof(Source) * tags->nsubjects);
	for (int i = 0; i < tags->ncolumns; i++)
		scan->ncategories += 1 + tags->columns[i].nalso;
	for (int i = 0; i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];
		const DsecSubject *subject = &tags->subjects[column->subject];
		Form_pg_attribute attribute = TupleDescAttr(descriptor, column->attno - 1);
		char	   *problem = column->problem;
		Source	   *source;

		for (int c = 0; c <= column->nalso; c++)
			count_column(table, dsec_tag_category(column, c), subject->space);
		if (problem == NULL && is_virtual(subject, descriptor))
			problem = "A virtual generated column that a tag names is not stored, and cannot be counted by.";
		if (problem != NULL)
		{
			if (table->problem == NULL)
				table->problem = problem;
			continue;
		}
		if (place[column->subject] == 0)
		{
			place[column->subject] = ++scan->nsources;
			prepare_source(scan, &scan->sources[scan->nsources - 1], subject);
		}
		source = &scan->sources[place[column->subject] - 1];
		for (int c = 0; c <= column->nalso; c++)
			add_category(scan, source, attribute, dsec_tag_category(column, c));
	}
	pfree(place);
}

/* -------------------------------------------------------------------------
 * The scan
 * ------------------------------------------------------------------------- */

static DsecHoldingCell *
find_cell(Scan *scan, Source *source, uint64 categories, uint64 outside)
{
	CellKey		key = {.categories = categories, .outside = outside};
	CellEntry  *entry;
	bool		found;

	entry = hash_search(source->cells, &key, HASH_ENTER, &found);
	if (!found)
	{
		char	   *names[MAX_CATEGORIES];
		char	   *populations[DSEC_MAX_POPULATIONS];
		int			nnames = 0;
		int			npopulations = 0;

		entry->cell = NULL;
		for (int i = 0; i < source->ncategories; i++)
		{
			if (categories & (UINT64CONST(1) << i))
				names[nnames++] = source->categories[i];
		}
		for (int i = 0; i < source->npopulations; i++)
		{
			if (outside & (UINT64CONST(1) << i))
				populations[npopulations++] = source->populations[i];
		}
		entry->cell = dsec_holdings_cell(scan->holdings, nnames, names, source->space,
										 npopulations, populations);
	}
	source->last_key = key;
	source->last_cell = entry->cell;
	return entry->cell;
}

static inline uint64
integer_value(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return (uint64) (int64) DatumGetInt16(value);
		case INT4OID:
			return (uint64) (int64) DatumGetInt32(value);
		default:
			return (uint64) DatumGetInt64(value);
	}
}

/* Is the column NULL?  Without taking apart the columns before it, if possible. */
static inline bool
column_is_null(TupleTableSlot *slot, HeapTuple tuple, AttrNumber attno)
{
	return tuple != NULL ?
		heap_attisnull(tuple, attno, slot->tts_tupleDescriptor) :
		slot_attisnull(slot, attno);
}

/* The keyed hash of a row's subject, when its key is not one integer. */
static uint64
hash_subject(Scan *scan, const Source *source, TupleTableSlot *slot, bool null_key)
{
	MemoryContext old = MemoryContextSwitchTo(scan->row_context);
	const uint8 *key = scan->holdings->key;
	uint64		hash;

	if (null_key)
	{
		TransactionId inserter = InvalidTransactionId;

		if (TTS_IS_BUFFERTUPLE(slot))
		{
			bool		isnull;

			inserter = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber,
															 &isnull));
		}
		hash = dsec_subject_hash_row(MyDatabaseId, scan->table->relid, &slot->tts_tid,
									 inserter, key);
	}
	else
	{
		Datum		values[DSEC_MAX_KEYS];

		for (int i = 0; i < source->nkeys; i++)
			values[i] = slot->tts_values[source->keys[i] - 1];
		hash = dsec_subject_hash(source->hasher, values, key);
	}
	MemoryContextSwitchTo(old);
	return hash;
}

static inline void
count_subject(Scan *scan, Source *source, TupleTableSlot *slot, HeapTuple tuple)
{
	uint64		categories = source->always;
	uint64		outside = 0;
	bool		null_key = source->nkeys == 0;
	DsecHoldingCell *cell;

	for (int i = 0; i < source->nnullable; i++)
	{
		uint64		bit = UINT64CONST(1) << source->nullable[i].category;

		if ((categories & bit) == 0 &&
			!column_is_null(slot, tuple, source->nullable[i].attno))
			categories |= bit;
	}
	if (categories == 0)
		return;
	for (int i = 0; i < source->npopulations; i++)
	{
		int			column = source->population_columns[i] - 1;

		if (!slot->tts_isnull[column] && !DatumGetBool(slot->tts_values[column]))
			outside |= UINT64CONST(1) << i;
	}

	if (likely(source->last_cell != NULL &&
			   source->last_key.categories == categories &&
			   source->last_key.outside == outside))
		cell = source->last_cell;
	else
		cell = find_cell(scan, source, categories, outside);

	for (int i = 0; i < source->nkeys; i++)
		null_key |= slot->tts_isnull[source->keys[i] - 1];
	if (OidIsValid(source->integer) && !null_key)
		dsec_holdings_set_add(cell->integers,
							  integer_value(source->integer,
											slot->tts_values[source->keys[0] - 1]));
	else
		dsec_holdings_set_add(cell->hashes, hash_subject(scan, source, slot, null_key));
}

/* After each page: nap, if the settings say so. */
static void
pay(Scan *scan)
{
	double		limit = dsec_guc_holdings_cost_limit;
	double		delay;

	CHECK_FOR_INTERRUPTS();
	if (dsec_guc_holdings_cost_delay <= 0)
		return;

	scan->balance +=
		(double) (pgBufferUsage.shared_blks_hit - scan->hits) * VacuumCostPageHit +
		(double) (pgBufferUsage.shared_blks_read - scan->reads) * VacuumCostPageMiss;
	scan->hits = pgBufferUsage.shared_blks_hit;
	scan->reads = pgBufferUsage.shared_blks_read;
	if (scan->balance < limit)
		return;

	delay = Min(dsec_guc_holdings_cost_delay * scan->balance / limit,
				dsec_guc_holdings_cost_delay * 4);
	scan->balance = 0;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max((long) delay, 1), WAIT_EVENT_VACUUM_DELAY);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
read_table(Scan *scan, Relation rel)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc rows;
	BlockNumber block = InvalidBlockNumber;
	int64		pages = 0;

	PushActiveSnapshot(snapshot);
	scan->table->counted = GetCurrentTimestamp();
	scan->hits = pgBufferUsage.shared_blks_hit;
	scan->reads = pgBufferUsage.shared_blks_read;

	rows = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(rows, ForwardScanDirection, slot))
	{
		HeapTuple	tuple = NULL;

		if (ItemPointerGetBlockNumberNoCheck(&slot->tts_tid) != block)
		{
			block = ItemPointerGetBlockNumberNoCheck(&slot->tts_tid);
			dsec_holdings_progress_pages(++pages, scan->table->rows);
			MemoryContextReset(scan->row_context);
			pay(scan);
		}
		scan->table->rows++;
		if (scan->natts > 0)
			slot_getsomeattrs(slot, scan->natts);
		if (TTS_IS_BUFFERTUPLE(slot))
			tuple = ((BufferHeapTupleTableSlot *) slot)->base.tuple;
		for (int i = 0; i < scan->nsources; i++)
			count_subject(scan, &scan->sources[i], slot, tuple);
	}
	table_endscan(rows);
	ExecDropSingleTupleTableSlot(slot);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
}

void
dsec_holdings_scan(DsecHoldings *holdings, DsecHoldingTable *table)
{
	Relation	rel = try_relation_open(table->relid, AccessShareLock);
	const DsecRelationTags *tags;
	const char *problem;
	Scan		scan = {.holdings = holdings, .table = table};

	if (rel == NULL)
		return;
	tags = dsec_tag_relation_or_problem(table->relid, &problem);
	if (tags != NULL)
		tags = copy_tags(tags);
	if (problem != NULL)
		problem = pstrdup(problem);
	if (tags != NULL || problem != NULL)
	{
		table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												 RelationGetRelationName(rel));
		table->tags = number_of_tags(tags, problem);
		table->counted = GetCurrentTimestamp();
		table->problem = unconstify(char *, problem);
		table->bytes = DatumGetInt64(DirectFunctionCall1(pg_table_size,
														 ObjectIdGetDatum(table->relid)));
	}
	if (tags != NULL)
	{
		prepare(&scan, tags, RelationGetDescr(rel));
		scan.row_context = AllocSetContextCreate(CurrentMemoryContext, "dsec holdings row",
												 ALLOCSET_DEFAULT_SIZES);
		dsec_holdings_progress_table(table->relid, holdings->ndone,
									 RelationGetNumberOfBlocks(rel));
		if (scan.nsources > 0)
			read_table(&scan, rel);
	}
	relation_close(rel, NoLock);
}
