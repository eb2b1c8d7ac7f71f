/*-------------------------------------------------------------------------
 *
 * sink.c
 *	  Charge the rows that are written into a tagged foreign table.
 *
 * Whatever a row is made of, and whoever writes it: if the foreign table is
 * tagged, then by its own label, that of a column's type, or that of a table
 * it is a partition of, the row is charged to whom its server is bound to, and
 * is sent afterwards.  The key is read off the new row.  An UPDATE counts when it
 * writes a tagged column; the executor has fetched the whole row then, so that
 * the key is known also when the UPDATE does not set it.  A row without key is a
 * subject of its own, each time it is written.  DELETE sends back what the
 * server has sent, and is free.
 *
 * A row without key may have been charged already, by its true subject, where
 * the same statement reads it.  Then it is not charged again: covered.c.
 *
 * All rows of a batch are charged before any of it is sent, so when one is
 * refused more is charged than was sent.  The ledger never takes a charge back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "channel/fdw.h"
#include "executor/executor.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "guard/meter.h"
#include "guc.h"
#include "lineage/groups.h"
#include "nodes/value.h"
#include "report.h"
#include "tag/tag.h"
#include "utils/rel.h"

/* look at the rules and the calendar after this many rows */
#define REFRESH_ROWS 1024

/* what one group of the table's rows is charged by */
typedef struct SinkGroup
{
	DsecMeter  *meter;
	int			nkeys;
	int			ncolumns;		/* keys, then populations */
	AttrNumber *attnos;
	Datum	   *values;
	bool	   *nulls;
	bool		covered;		/* the plan reads what is written here */
} SinkGroup;

struct DsecSink
{
	EState	   *estate;
	char	   *server;
	List	   *reads;			/* for the record */
	int			ngroups;
	SinkGroup  *groups;
	bool		simple;			/* one group, with one integer key */
	uint32		rows;			/* since the last look at the rules */

	/* of the row in hand */
	DsecMeter **meters;
	Datum	  **values;
	bool	  **nulls;

	/* the run, made for the run of the executor that was in progress */
	bool		begun;
	uint64		outer;
	DsecRun		run;
	bool		outer_charges;	/* and for the same recipients */
	DsecExport *export;
};

static const char **
string_array(List *strings)
{
	const char **array = palloc(sizeof(char *) * Max(list_length(strings), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		array[n++] = strVal(lfirst(lc));

	return array;
}

/* Tagged columns that the statement sends. */
static Bitmapset *
written_columns(EState *estate, ResultRelInfo *target, CmdType operation,
				const DsecRelationTags *tags)
{
	TriggerDesc *triggers = target->ri_RelationDesc->trigdesc;
	Bitmapset  *updated;
	Bitmapset  *result = NULL;

	/* a trigger may set any column */
	if (operation == CMD_INSERT || (triggers && triggers->trig_update_before_row))
		return bms_copy(tags->attnos);

	updated = ExecGetUpdatedCols(target, estate);
	for (int i = 0; i < tags->ncolumns; i++)
	{
		AttrNumber	attno = tags->columns[i].attno;

		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, updated))
			result = bms_add_member(result, attno);
	}

	return result;
}

static void
make_group(SinkGroup *sink, const DsecGroup *group, TupleDesc desc)
{
	int			n = group->nkeys + list_length(group->populations);
	Oid		   *types = palloc(sizeof(Oid) * Max(n, 1));
	Oid		   *collations = palloc(sizeof(Oid) * Max(n, 1));

	sink->nkeys = group->nkeys;
	sink->ncolumns = n;
	sink->attnos = palloc(sizeof(AttrNumber) * Max(n, 1));
	sink->values = palloc(sizeof(Datum) * Max(n, 1));
	sink->nulls = palloc(sizeof(bool) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attno = list_nth_int(group->columns, i);

		sink->attnos[i] = attno;
		types[i] = TupleDescAttr(desc, attno - 1)->atttypid;
		collations[i] = TupleDescAttr(desc, attno - 1)->attcollation;
	}
	sink->meter = dsec_meter_create(group->space,
									list_length(group->categories),
									string_array(group->categories),
									list_length(group->populations),
									string_array(group->populations),
									group->nkeys, false, true,
									types, collations);
}

/* Does the plan read, unchanged, all that it writes about this subject? */
static bool
is_covered(EState *estate, ResultRelInfo *target, CmdType operation,
		   const DsecRelationTags *tags, const Bitmapset *attnos, int subject)
{
	for (int i = 0; i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];

		if (column->subject != subject || !bms_is_member(column->attno, attnos))
			continue;
		for (int c = 0; c <= column->nalso; c++)
		{
			if (!dsec_sink_is_covered(estate, target, operation, column->attno,
									  dsec_tag_category(column, c)))
				return false;
		}
	}

	return true;
}

static bool
writes_subject(const DsecRelationTags *tags, const Bitmapset *attnos,
			   int subject)
{
	for (int i = 0; i < tags->ncolumns; i++)
	{
		if (tags->columns[i].subject == subject &&
			bms_is_member(tags->columns[i].attno, attnos))
			return true;
	}

	return false;
}

static DsecSink *
make_sink(EState *estate, ResultRelInfo *target, CmdType operation)
{
	Oid			relid = RelationGetRelid(target->ri_RelationDesc);
	const DsecRelationTags *tags = dsec_tag_relation(relid);
	Bitmapset  *attnos;
	List	   *groups;
	DsecSink   *sink;
	int			n = 0;

	if (tags == NULL)
		return NULL;
	attnos = written_columns(estate, target, operation, tags);
	if (bms_is_empty(attnos))
		return NULL;

	groups = dsec_lineage_groups(tags, attnos);
	sink = palloc0(sizeof(DsecSink));
	sink->estate = estate;
	sink->ngroups = list_length(groups);
	sink->groups = palloc0(sizeof(SinkGroup) * sink->ngroups);
	sink->meters = palloc(sizeof(DsecMeter *) * sink->ngroups);
	sink->values = palloc(sizeof(Datum *) * sink->ngroups);
	sink->nulls = palloc(sizeof(bool *) * sink->ngroups);

	/* one group for each subject among those columns, in the order of subjects */
	for (int i = 0; i < tags->nsubjects; i++)
	{
		if (writes_subject(tags, attnos, i))
			sink->groups[n++].covered = is_covered(estate, target, operation,
												   tags, attnos, i);
	}
	Assert(n == sink->ngroups);
	for (int i = 0; i < n; i++)
		make_group(&sink->groups[i], list_nth(groups, i),
				   RelationGetDescr(target->ri_RelationDesc));
	sink->simple = n == 1 && dsec_meter_is_simple(sink->groups[0].meter);

	sink->server = GetForeignServer(GetForeignServerIdByRelId(relid))->servername;
	sink->reads = list_make1(dsec_lineage_read_private(relid, attnos, groups,
													   DSEC_COVER_SOURCE,
													   "rows are written to it"));

	return sink;
}

DsecSink *
dsec_sink_open(EState *estate, ResultRelInfo *target, CmdType operation)
{
	MemoryContext old;
	DsecSink   *volatile sink = NULL;

	if (dsec_guc_mode == DSEC_MODE_OFF || !dsec_tag_database())
		return NULL;

	old = MemoryContextSwitchTo(estate->es_query_cxt);
	if (dsec_guc_mode != DSEC_MODE_PERMISSIVE)
		sink = make_sink(estate, target, operation);
	else
	{
		PG_TRY();
		{
			sink = make_sink(estate, target, operation);
		}
		PG_CATCH();
		{
			dsec_report_forgive(estate->es_query_cxt);
			dsec_event_loss("fdw", NULL, "rows were written to a tagged foreign table without being counted, because its tags cannot be relied on");
		}
		PG_END_TRY();
	}
	MemoryContextSwitchTo(old);

	return sink;
}

/* Are all of these recipients among those? */
static bool
includes(const DsecRecipients *those, const DsecRecipients *these)
{
	for (int i = 0; i < these->n; i++)
	{
		bool		found = false;

		for (int k = 0; k < those->n; k++)
			found |= those->id[k] == these->id[i];
		if (!found)
			return false;
	}

	return true;
}

static uint64
outer_number(void)
{
	return dsec_run_current ? dsec_run_current->number : 0;
}

static pg_noinline void
begin(DsecSink *sink)
{
	PlannedStmt *stmt = sink->estate->es_plannedstmt;
	DsecRun    *outer = dsec_run_current;

	sink->begun = false;
	dsec_run_begin_channel(&sink->run, "fdw", sink->server,
						   sink->estate->es_query_cxt, sink->reads,
						   stmt ? stmt->queryId : 0, &sink->export);
	sink->outer_charges = outer != NULL && outer->export != NULL &&
		outer->context.charges && sink->run.context.charges &&
		includes(&outer->context.recipients, &sink->run.context.recipients);
	sink->outer = outer_number();
	sink->begun = true;
}

/* The frequent case: one integer key, charged already. */
static inline bool
knows_row(DsecSink *sink, TupleTableSlot *slot)
{
	SinkGroup  *group = &sink->groups[0];
	bool		isnull;
	Datum		key = slot_getattr(slot, group->attnos[0], &isnull);

	return !isnull && dsec_meter_knows(&sink->run, group->meter, key);
}

static void
charge_row(DsecSink *sink, TupleTableSlot *slot)
{
	int			n = 0;

	for (int i = 0; i < sink->ngroups; i++)
	{
		SinkGroup  *group = &sink->groups[i];
		bool		no_key = group->nkeys == 0;

		for (int c = 0; c < group->ncolumns; c++)
		{
			group->values[c] = slot_getattr(slot, group->attnos[c],
											&group->nulls[c]);
			no_key |= c < group->nkeys && group->nulls[c];
		}
		if (no_key && group->covered && sink->outer_charges)
			continue;
		sink->meters[n] = group->meter;
		sink->values[n] = group->values;
		sink->nulls[n] = group->nulls;
		n++;
	}

	if (n > 0)
		dsec_meter_row(&sink->run, sink->meters, n, sink->values, sink->nulls);
}

void
dsec_sink_charge(DsecSink *sink, TupleTableSlot **slots, int n)
{
	if (unlikely(!sink->begun || sink->outer != outer_number()))
		begin(sink);
	if (sink->run.export == NULL)
		return;

	sink->rows += n;
	if (sink->rows >= REFRESH_ROWS)
	{
		sink->rows = 0;
		dsec_meter_refresh();
	}

	for (int i = 0; i < n; i++)
	{
		if (!sink->simple || !knows_row(sink, slots[i]))
			charge_row(sink, slots[i]);
	}
	if (!sink->run.nested)
		sink->run.export->event->nrows += n;
}

void
dsec_sink_close(DsecSink *sink)
{
	if (sink->export)
		sink->export->finished = true;
}

bool
dsec_sink_concerns(Oid relid, List *attnos)
{
	const DsecRelationTags *tags;
	const char *problem;
	ListCell   *lc;

	if (!dsec_tag_database())
		return false;
	tags = dsec_tag_relation_or_problem(relid, &problem);
	if (problem)
		return true;
	if (tags == NULL)
		return false;
	foreach(lc, attnos)
	{
		if (bms_is_member(lfirst_int(lc), tags->attnos))
			return true;
	}

	return false;
}
