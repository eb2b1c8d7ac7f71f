/*-------------------------------------------------------------------------
 *
 * node.c
 *	  The guard: a CustomScan at the top of a plan.
 *
 * Each row that its child delivers carries the keys of the subjects it is
 * about, in columns that were in the target list anyway or were added to it as
 * junk (lineage/trace.c).  The guard counts them and hands the child's slot on
 * unchanged; the executor's own junk filter drops what was added.  A row is
 * handed on only after its subjects are charged: the guard neither reads ahead
 * nor lags behind.
 *
 * Whether it counts at all is decided for every run, by the run that
 * hooks.c has started (dsec_run_current), so a plan cached by a session that
 * counts for nobody can be used by one that does, and the other way round.
 *
 * The node has no quals and no projection of its own.  It scans backward when
 * its child does; it is never the inner side of a join, so that it need not
 * mark and restore.  For UPDATE ... WHERE CURRENT OF it shows the relation and
 * slot of a scan directly below, because execCurrent.c does not look below a
 * custom scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "commands/explain.h"
#include "compat.h"
#include "executor/executor.h"
#include "guard/guard.h"
#include "guard/lookahead.h"
#include "guard/meter.h"
#include "lib/stringinfo.h"
#include "lineage/groups.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"

/* rows between two looks at the calendar */
#define REFRESH_ROWS 1024

/* rows for which to look ahead after a subject that was new to the session */
#define LOOK_AHEAD_ROWS 64

typedef struct GuardState
{
	CustomScanState css;
	int			nmeters;
	DsecMeter **meters;
	AttrNumber **positions;		/* by meter */
	int		   *ncolumns;		/* by meter */
	bool		simple;			/* one meter, of one integer key */
	AttrNumber	ahead;			/* column that can be looked at ahead, or 0 */
	uint32		look_ahead;		/* rows for which to look ahead */
	Datum	  **values;			/* scratch, by meter */
	bool	  **nulls;
	uint32		rows;			/* since the last look at the calendar */
	TupleTableSlot *own_slot;	/* the slot that the executor made for us */
	DsecExport *export;			/* see dsec_guard_export */
} GuardState;

static Node *guard_create(CustomScan *scan);
static void guard_begin(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *guard_exec(CustomScanState *node);
static TupleTableSlot *guard_next(PlanState *node);
static void guard_end(CustomScanState *node);
static void guard_rescan(CustomScanState *node);
static void guard_explain(CustomScanState *node, List *ancestors,
						  ExplainState *es);

static const CustomScanMethods scan_methods = {
	.CustomName = DSEC_GUARD_NAME,
	.CreateCustomScanState = guard_create,
};

static const CustomExecMethods exec_methods = {
	.CustomName = DSEC_GUARD_NAME,
	.BeginCustomScan = guard_begin,
	.ExecCustomScan = guard_exec,
	.EndCustomScan = guard_end,
	.ReScanCustomScan = guard_rescan,
	.ExplainCustomScan = guard_explain,
};

Plan *
dsec_guard_make(Plan *child, int plan_node_id, List *private)
{
	CustomScan *scan = makeNode(CustomScan);
	Plan	   *plan = &scan->scan.plan;
	ListCell   *lc;

	plan->startup_cost = child->startup_cost;
	plan->total_cost = child->total_cost;
	plan->plan_rows = child->plan_rows;
	plan->plan_width = child->plan_width;
	plan->plan_node_id = plan_node_id;
	plan->extParam = bms_copy(child->extParam);
	plan->allParam = bms_copy(child->allParam);
	plan->lefttree = child;

	foreach(lc, child->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		TargetEntry *scan_tle = flatCopyTargetEntry(tle);
		TargetEntry *own_tle = flatCopyTargetEntry(tle);
		Node	   *expr = (Node *) tle->expr;

		scan_tle->expr = (Expr *) makeVar(OUTER_VAR, tle->resno,
										  exprType(expr), exprTypmod(expr),
										  exprCollation(expr), 0);
		own_tle->expr = (Expr *) makeVar(INDEX_VAR, tle->resno,
										 exprType(expr), exprTypmod(expr),
										 exprCollation(expr), 0);
		scan->custom_scan_tlist = lappend(scan->custom_scan_tlist, scan_tle);
		plan->targetlist = lappend(plan->targetlist, own_tle);
	}

	if (ExecSupportsBackwardScan(child))
		scan->flags |= CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	scan->custom_private = private;
	scan->methods = &scan_methods;

	return plan;
}

static Node *
guard_create(CustomScan *scan)
{
	GuardState *state = palloc0(sizeof(GuardState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;

	return (Node *) state;
}

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

static void
make_meter(GuardState *state, int i, List *group, List *targetlist)
{
	List	   *categories = list_nth(group, DSEC_GROUP_CATEGORIES);
	List	   *populations = list_nth(group, DSEC_GROUP_POPULATIONS);
	List	   *positions = list_nth(group, DSEC_GROUP_POSITIONS);
	int			nkeys = intVal(list_nth(group, DSEC_GROUP_NKEYS));
	int			n = list_length(positions);
	Oid		   *types = palloc(sizeof(Oid) * Max(nkeys, 1));
	Oid		   *collations = palloc(sizeof(Oid) * Max(nkeys, 1));

	state->positions[i] = palloc(sizeof(AttrNumber) * n);
	state->values[i] = palloc(sizeof(Datum) * n);
	state->nulls[i] = palloc(sizeof(bool) * n);
	state->ncolumns[i] = n;
	for (int c = 0; c < n; c++)
	{
		int			position = list_nth_int(positions, c);
		Node	   *expr = (Node *) list_nth_node(TargetEntry, targetlist,
												  position - 1)->expr;

		state->positions[i][c] = position;
		if (c < nkeys)
		{
			types[c] = exprType(expr);
			collations[c] = exprCollation(expr);
		}
	}
	state->meters[i] = dsec_meter_create(strVal(list_nth(group, DSEC_GROUP_SPACE)),
										 list_length(categories),
										 string_array(categories),
										 list_length(populations),
										 string_array(populations),
										 nkeys,
										 intVal(list_nth(group, DSEC_GROUP_ROWID)),
										 false, types, collations);
}

static void
guard_begin(CustomScanState *node, EState *estate, int eflags)
{
	GuardState *state = (GuardState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;
	List	   *groups = list_nth(scan->custom_private, DSEC_GUARD_GROUPS);
	PlanState  *child;
	ListCell   *lc;
	int			n = Max(list_length(groups), 1);
	int			i = 0;

	child = ExecInitNode(outerPlan(scan), estate, eflags);
	outerPlanState(node) = child;

	/* what we return is the child's slot */
	node->ss.ps.resultops = ExecGetResultSlotOps(child,
												 &node->ss.ps.resultopsfixed);
	node->ss.ps.resultopsset = true;

	state->own_slot = node->ss.ss_ScanTupleSlot;
	switch (nodeTag(child))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			node->ss.ss_currentRelation = ((ScanState *) child)->ss_currentRelation;
			node->ss.ss_ScanTupleSlot = ((ScanState *) child)->ss_ScanTupleSlot;
			break;
		default:
			break;
	}

	state->nmeters = list_length(groups);
	state->meters = palloc0(sizeof(DsecMeter *) * n);
	state->positions = palloc0(sizeof(AttrNumber *) * n);
	state->ncolumns = palloc0(sizeof(int) * n);
	state->values = palloc0(sizeof(Datum *) * n);
	state->nulls = palloc0(sizeof(bool *) * n);
	foreach(lc, groups)
		make_meter(state, i++, lfirst(lc), scan->scan.plan.targetlist);
	state->simple = state->nmeters == 1 && dsec_meter_is_simple(state->meters[0]);
	node->ss.ps.ExecProcNode = guard_next;
	if (state->simple)
		state->ahead = dsec_lookahead_column(child, state->positions[0][0]);
}

/*
 * The frequent case: one integer key.  Looking ahead pays only while there are
 * keys that this session has not met.
 */
static inline bool
knows_row(GuardState *state, DsecRun *run, TupleTableSlot *slot)
{
	int			attno = state->positions[0][0] - 1;

	if (state->look_ahead > 0)
	{
		PlanState  *child = outerPlanState(&state->css);
		Datum		next;

		state->look_ahead--;
		if (dsec_lookahead_value(child, state->ahead, &next))
			dsec_meter_expect(run, state->meters[0], next);
	}
	if (slot->tts_isnull[attno] ||
		dsec_meter_knows(run, state->meters[0], slot->tts_values[attno]))
		return true;

	if (state->ahead != 0)
		state->look_ahead = LOOK_AHEAD_ROWS;

	return false;
}

static void
count_row(GuardState *state, DsecRun *run, TupleTableSlot *slot)
{
	if (state->nmeters == 0)
		return;

	if (++state->rows >= REFRESH_ROWS)
	{
		state->rows = 0;
		dsec_meter_refresh();
	}

	/* whoever receives the row will want all of it */
	slot_getallattrs(slot);
	if (state->simple && knows_row(state, run, slot))
		return;

	for (int i = 0; i < state->nmeters; i++)
	{
		for (int c = 0; c < state->ncolumns[i]; c++)
		{
			int			attno = state->positions[i][c] - 1;

			state->values[i][c] = slot->tts_values[attno];
			state->nulls[i][c] = slot->tts_isnull[attno];
		}
	}
	dsec_meter_row(run, state->meters, state->nmeters,
				   state->values, state->nulls);
}

/* The node's ExecProcNode: ExecCustomScan would add nothing but a call. */
static TupleTableSlot *
guard_next(PlanState *node)
{
	GuardState *state = (GuardState *) node;
	TupleTableSlot *slot = ExecProcNode(outerPlanState(node));
	DsecRun    *run = dsec_run_current;

	CHECK_FOR_INTERRUPTS();

	if (TupIsNull(slot))
		return NULL;

	if (unlikely(run == NULL))
		elog(ERROR, "a guarded plan runs outside of a run");
	if (run->export != NULL)
	{
		count_row(state, run, slot);
		if (!run->nested)
			run->export->event->nrows++;
	}

	return slot;
}

static TupleTableSlot *
guard_exec(CustomScanState *node)
{
	return guard_next(&node->ss.ps);
}

static void
guard_end(CustomScanState *node)
{
	GuardState *state = (GuardState *) node;

	node->ss.ss_currentRelation = NULL;
	node->ss.ss_ScanTupleSlot = state->own_slot;
	ExecEndNode(outerPlanState(node));
}

static void
guard_rescan(CustomScanState *node)
{
	if (outerPlanState(node)->chgParam == NULL)
		ExecReScan(outerPlanState(node));
}

/* ---- EXPLAIN ---- */

static char *
joined(List *strings)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, strings)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 strVal(lfirst(lc)));

	return buf.data;
}

static char *
describe_read(List *read)
{
	StringInfoData buf;
	const char *why = strVal(list_nth(read, DSEC_READ_WHY));

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s: ",
					 strVal(list_nth(read, DSEC_READ_RELATION)),
					 joined(list_nth(read, DSEC_READ_CATEGORIES)));
	switch ((DsecCover) intVal(list_nth(read, DSEC_READ_COVER)))
	{
		case DSEC_COVER_TRACED:
			appendStringInfoString(&buf, "traced");
			break;
		case DSEC_COVER_SOURCE:
			appendStringInfo(&buf, "charged at the source, %s", why);
			break;
		case DSEC_COVER_EXPRESSION:
			appendStringInfoString(&buf, "charged at the source, it is read while rows are written");
			break;
	}

	return buf.data;
}

/* A line each for people, one list for programs. */
static void
explain_lines(const char *label, List *lines, ExplainState *es)
{
	ListCell   *lc;

	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyList(label, lines, es);
		return;
	}
	foreach(lc, lines)
		ExplainPropertyText(label, lfirst(lc), es);
}

/* The context in which the plan runs; one that sends has that of its targets. */
static void
find_context(List *targets, DsecContext *context)
{
	dsec_context_enter_targets(targets);
	PG_TRY();
	{
		dsec_context_get(context);
	}
	PG_FINALLY();
	{
		dsec_context_leave_targets(targets);
	}
	PG_END_TRY();
}

/* Where the plan itself writes or sends tagged data. */
static void
explain_targets(List *targets, ExplainState *es)
{
	List	   *lines = NIL;
	ListCell   *lc;

	foreach(lc, targets)
	{
		List	   *target = lfirst(lc);
		const char *channel = strVal(linitial(target));

		lines = lappend(lines,
						psprintf("%s %s",
								 strcmp(channel, "fdw") == 0 ? "server" : channel,
								 strVal(lsecond(target))));
	}
	if (lines != NIL)
		explain_lines("Sent To", lines, es);
}

static void
explain_recipients(List *targets, ExplainState *es)
{
	DsecContext context;
	List	   *names = NIL;

	find_context(targets, &context);
	if (!context.records)
	{
		ExplainPropertyText("Recipients", "none, nothing is counted here", es);
		return;
	}
	if (!context.charges)
	{
		ExplainPropertyText("Recipients", "none, reads are only recorded", es);
		return;
	}
	for (int i = 0; i < context.recipients.n; i++)
	{
		const char *name = dsec_policy_recipient_name(context.recipients.id[i]);

		names = lappend(names, pstrdup(name ? name : "?"));
	}
	ExplainPropertyList("Recipients", names, es);
}

static void
guard_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	GuardState *state = (GuardState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;
	List	   *targets = list_nth(scan->custom_private, DSEC_GUARD_TARGETS);
	List	   *reads = NIL;
	List	   *counts = NIL;
	ListCell   *lc;

	foreach(lc, (List *) list_nth(scan->custom_private, DSEC_GUARD_READS))
		reads = lappend(reads, describe_read(lfirst(lc)));
	explain_lines("Tagged", reads, es);
	explain_targets(targets, es);
	explain_recipients(targets, es);

	if (es->analyze && state->export && state->export->event)
	{
		DsecEvent  *event = state->export->event;

		for (int i = 0; i < event->ncategories; i++)
		{
			DsecEventCategory *count = &event->categories[i];

			counts = lappend(counts,
							 psprintf("%s: " INT64_FORMAT " subjects seen, "
									  INT64_FORMAT " charged",
									  count->category, count->subjects,
									  count->charged));
		}
		explain_lines("Counted", counts, es);
	}
}

DsecExport **
dsec_guard_export(QueryDesc *queryDesc)
{
	return &((GuardState *) queryDesc->planstate)->export;
}

void
dsec_guard_node_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
}
