/*-------------------------------------------------------------------------
 *
 * taint.c
 *	  May the variables of the procedural code that runs now hold tagged data?
 *
 * The queries that are running form a stack, a pointer each; what a query hands
 * to functions is found out only when somebody asks.  Reads of nested queries
 * are noted as they run, by what the parser says they select: a look at the
 * range table.  What they have put into variables is forgotten with the next
 * message of the client, which is known by its time.
 *
 * Not seen: what a language keeps for the session (%_SHARED, GD), and what was
 * put into a setting.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "guard/taint.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

DsecTaintFrame *dsec_taint_frame = NULL;

/* tagged columns, kept over the statements that read or wrote them */
typedef struct Columns
{
	MemoryContext context;
	List	   *list;			/* of DsecColumnRef */
} Columns;

/* read into variables, by nested queries of this message of the client */
static Columns variables = {NULL, NIL};
static TimestampTz variables_message = 0;

/* written by this transaction to relations with deferred triggers */
static Columns deferred = {NULL, NIL};
static LocalTransactionId deferred_transaction = InvalidLocalTransactionId;

static uint64 nested_reads = 0;

/* of the innermost utility statement with a query in it */
static bool utility_in_text = false;

static List *
add_column(List *columns, Oid relid, AttrNumber attno)
{
	DsecColumnRef *column;
	ListCell   *lc;

	foreach(lc, columns)
	{
		column = lfirst(lc);
		if (column->relid == relid && column->attno == attno)
			return columns;
	}
	column = palloc(sizeof(DsecColumnRef));
	column->relid = relid;
	column->attno = attno;

	return lappend(columns, column);
}

static List *
add_columns(List *columns, Oid relid, const Bitmapset *attnos)
{
	int			attno = -1;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
		columns = add_column(columns, relid, attno);

	return columns;
}

static void
keep(Columns *columns, Oid relid, const Bitmapset *attnos)
{
	MemoryContext old;

	if (columns->context == NULL)
		columns->context = AllocSetContextCreate(TopMemoryContext,
												 "dsec tagged variables",
												 ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(columns->context);
	columns->list = add_columns(columns->list, relid, attnos);
	MemoryContextSwitchTo(old);
}

static void
forget(Columns *columns)
{
	columns->list = NIL;
	if (columns->context)
		MemoryContextReset(columns->context);
}

/* ---- reads of nested queries ---- */

/* Tagged columns that a query selects from a relation, as its parser said. */
static Bitmapset *
selected(const PlannedStmt *stmt, RangeTblEntry *rte,
		 const DsecRelationTags *tags)
{
	Bitmapset  *columns;
	Bitmapset  *result = NULL;
	int			attno = -1;

	if (rte->rtekind != RTE_RELATION)
		return bms_copy(tags->attnos);

	/* a child has no entry of its own; its own tags may be more than its parent's */
	if (!DSEC_SAYS_SELECTED(stmt, rte))
		return bms_copy(tags->attnos);
	columns = DSEC_PLAN_SELECTED_COLUMNS(stmt, rte);
	if (bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
					  columns))
		return bms_copy(tags->attnos);
	while ((attno = bms_next_member(tags->attnos, attno)) >= 0)
	{
		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, columns))
			result = bms_add_member(result, attno);
	}

	return result;
}

static void
note_reads(const PlannedStmt *stmt)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const DsecRelationTags *tags;
		Bitmapset  *attnos;

		if ((rte->rtekind != RTE_RELATION &&
			 rte->rtekind != RTE_NAMEDTUPLESTORE) ||
			!OidIsValid(rte->relid) || rte->relkind == RELKIND_VIEW)
			continue;
		tags = dsec_tag_relation(rte->relid);
		if (tags == NULL || bms_is_empty(tags->attnos))
			continue;
		attnos = selected(stmt, rte, tags);
		if (bms_is_empty(attnos))
			continue;
		if (variables_message != GetCurrentStatementStartTimestamp())
		{
			forget(&variables);
			variables_message = GetCurrentStatementStartTimestamp();
		}
		keep(&variables, rte->relid, attnos);
		found = true;
	}
	if (found)
		nested_reads++;
}

/* Do the rows of this run go to a function, which may keep them? */
static bool
feeds_function(const QueryDesc *queryDesc)
{
	if (queryDesc->operation != CMD_SELECT &&
		!queryDesc->plannedstmt->hasReturning)
		return false;

	switch (queryDesc->dest->mydest)
	{
		case DestSPI:
		case DestSQLFunction:
		case DestTuplestore:
			return true;
		default:
			return false;
	}
}

/* ---- writes of enclosing queries ---- */

typedef enum Triggers
{
	TRIGGERS_NONE,
	TRIGGERS_ROW,
	TRIGGERS_DEFERRABLE			/* of rows, too */
} Triggers;

/* Triggers for rows of the relation, those of foreign keys apart. */
static Triggers
row_triggers(Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	Triggers	result = TRIGGERS_NONE;

	if (!RelationIsValid(relation))
		return TRIGGERS_NONE;

	/* rows go to partitions, which may have triggers of their own */
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		result = TRIGGERS_DEFERRABLE;
	for (int i = 0; relation->trigdesc && i < relation->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &relation->trigdesc->triggers[i];

		if (!TRIGGER_FOR_ROW(trigger->tgtype) ||
			RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_NONE)
			continue;
		if (trigger->tgdeferrable)
			result = TRIGGERS_DEFERRABLE;
		result = Max(result, TRIGGERS_ROW);
	}
	RelationClose(relation);

	return result;
}

/* What a query writes will be seen by triggers when the transaction ends. */
static void
note_writes(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		Oid			relid = rt_fetch(lfirst_int(lc), stmt->rtable)->relid;
		const DsecRelationTags *tags = dsec_tag_relation(relid);

		if (tags == NULL || bms_is_empty(tags->attnos) ||
			row_triggers(relid) != TRIGGERS_DEFERRABLE)
			continue;
		if (deferred_transaction != DSEC_MY_LXID)
		{
			forget(&deferred);
			deferred_transaction = DSEC_MY_LXID;
		}
		tags = dsec_tag_relation(relid);
		keep(&deferred, relid, tags->attnos);
	}
}

/* ---- the stack ---- */

static bool
in_key_action(void)
{
	return InNoForceRLSOperation() &&
		(dsec_taint_frame == NULL || !dsec_taint_frame->key_action);
}

void
dsec_taint_push(DsecTaintFrame *frame, QueryDesc *queryDesc)
{
	if (feeds_function(queryDesc))
		note_reads(queryDesc->plannedstmt);
	if (queryDesc->plannedstmt->resultRelations != NIL)
		note_writes(queryDesc->plannedstmt);

	frame->outer = dsec_taint_frame;
	frame->queryDesc = queryDesc;
	frame->key_action = InNoForceRLSOperation();
	frame->looked = false;
	frame->columns = NIL;
	frame->reads = nested_reads;
	dsec_taint_frame = frame;
}

/* What a running query hands to functions. */
static void
look(DsecTaintFrame *frame)
{
	PlannedStmt *stmt = frame->queryDesc->plannedstmt;
	MemoryContext old =
		MemoryContextSwitchTo(frame->queryDesc->estate->es_query_cxt);
	ListCell   *lc;

	foreach(lc, dsec_lineage_reads(stmt))
	{
		DsecRead   *read = lfirst(lc);

		if (read->leaky)
			frame->columns = add_columns(frame->columns, read->relid,
										 read->attnos);
	}
	foreach(lc, stmt->resultRelations)
	{
		Oid			relid = rt_fetch(lfirst_int(lc), stmt->rtable)->relid;
		const DsecRelationTags *tags = dsec_tag_relation(relid);

		if (tags == NULL || bms_is_empty(tags->attnos) ||
			row_triggers(relid) == TRIGGERS_NONE)
			continue;
		tags = dsec_tag_relation(relid);
		frame->columns = add_columns(frame->columns, relid, tags->attnos);
	}
	frame->looked = true;
	MemoryContextSwitchTo(old);
}

static List *
merge(List *into, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		DsecColumnRef *column = lfirst(lc);

		into = add_column(into, column->relid, column->attno);
	}

	return into;
}

/* innermost: the first frame that matters */
static List *
tainted_columns(DsecTaintFrame *innermost)
{
	List	   *columns = NIL;

	if (variables.list != NIL &&
		variables_message == GetCurrentStatementStartTimestamp())
		columns = merge(columns, variables.list);
	if (deferred.list != NIL && deferred_transaction == DSEC_MY_LXID &&
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) > 0)
		columns = merge(columns, deferred.list);
	for (DsecTaintFrame *frame = innermost; frame; frame = frame->outer)
	{
		if (!frame->looked)
			look(frame);
		columns = merge(columns, frame->columns);
	}

	return columns;
}

bool
dsec_taint_active(List **columns)
{
	*columns = NIL;
	if (!IsTransactionState() || !dsec_tag_database() || in_key_action())
		return false;
	*columns = tainted_columns(dsec_taint_frame);

	return *columns != NIL;
}

bool
dsec_taint_in_call(bool own)
{
	DsecTaintFrame *frame = dsec_taint_frame;

	if (!IsTransactionState() || !dsec_tag_database())
		return false;
	if (own && frame)
		frame = frame->outer;

	return tainted_columns(frame) != NIL;
}

bool
dsec_taint_read_inside(void)
{
	return dsec_taint_frame != NULL && nested_reads > dsec_taint_frame->reads;
}

/* Is it a plan of a statement that stands in a function? */
static bool
is_kept(const PlannedStmt *stmt)
{
	MemoryContext context;

	for (context = GetMemoryChunkContext((void *) stmt); context != NULL;
		 context = MemoryContextGetParent(context))
	{
		if (context == CacheMemoryContext)
			return true;
	}

	return false;
}

bool
dsec_taint_in_text(const QueryDesc *queryDesc)
{
	switch (queryDesc->dest->mydest)
	{
		case DestSPI:
			return !is_kept(queryDesc->plannedstmt);
		case DestIntoRel:
		case DestTransientRel:
			return utility_in_text;
		default:
			return false;
	}
}

bool
dsec_taint_utility_in_text(const PlannedStmt *stmt, const DestReceiver *dest)
{
	return dest != NULL && dest->mydest == DestSPI && !is_kept(stmt);
}

bool
dsec_taint_set_utility_in_text(bool in_text)
{
	bool		before = utility_in_text;

	utility_in_text = in_text;
	return before;
}

bool
dsec_taint_in_write(void)
{
	DsecTaintFrame *frame = dsec_taint_frame;
	PlannedStmt *stmt;
	ListCell   *lc;

	if (frame == NULL || !dsec_tag_database())
		return false;
	stmt = frame->queryDesc->plannedstmt;
	if (stmt->resultRelations == NIL)
		return false;
	foreach(lc, stmt->resultRelations)
	{
		if (dsec_tag_relation(rt_fetch(lfirst_int(lc), stmt->rtable)->relid))
			return true;
	}
	if (dsec_lineage_reads(stmt) != NIL)
		return true;

	/* without parameters nothing comes from further out */
	return frame->queryDesc->params != NULL && dsec_taint_in_call(true);
}
