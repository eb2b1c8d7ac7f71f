/*-------------------------------------------------------------------------
 *
 * walk.c
 *	  Which tagged columns flow where in a finished plan.
 *
 * Every tagged column of every place that hands out rows of a tagged relation
 * (a "site") is an origin.  For every plan node the walk computes, from the
 * scans upwards, from which origins each of its output columns is made, and
 * its "control": the origins that decided which rows come out of it, or in
 * which order.  Vars are resolved as the executor does: OUTER, INNER and INDEX
 * Vars into the children's columns, Params into what the plan puts there.
 *
 * A column that is handed on unused costs nothing; this is what keeps physical
 * target lists out.  An origin is *used* when it flows into a qual, a key, a
 * parameter, an argument of a function in FROM, or out of the top of the plan.
 * It may *show* when it reaches a function that is not harmless, or decides
 * whether such a function runs.
 *
 * Recursive queries, CTEs and parameters make the flow cyclic, so the walk is
 * repeated until nothing changes; sets only grow, so it ends.
 *
 * What has no case of its own counts as using and showing every tagged column
 * of the plan.  Nothing is changed in the plan.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/walk_int.h"

#include "lineage/harmless.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

typedef struct NodeEntry
{
	Plan	   *node;			/* hash key */
	DsecNodeFlow *flow;
} NodeEntry;

typedef struct SiteEntry
{
	Plan	   *node;			/* hash key: these three */
	Index		rti;
	int			place;
	DsecSite   *site;
} SiteEntry;

/* ----------------------------------------------------------------
 * sets, sites and nodes
 * ----------------------------------------------------------------
 */

void
dsec_walk_merge(DsecWalk *walk, Bitmapset **into, Bitmapset *origins)
{
	if (bms_is_subset(origins, *into))
		return;
	*into = bms_union(*into, origins);
	walk->changed = true;
}

void
dsec_walk_use(DsecWalk *walk, Bitmapset *origins)
{
	if (!bms_is_subset(origins, walk->result->used))
		walk->result->used = bms_union(walk->result->used, origins);
}

void
dsec_walk_show(DsecWalk *walk, Bitmapset *origins)
{
	dsec_walk_use(walk, origins);
	if (!bms_is_subset(origins, walk->result->shown))
		walk->result->shown = bms_union(walk->result->shown, origins);
}

DsecSite *
dsec_walk_site(DsecWalk *walk, Plan *node, Index rti, int place)
{
	SiteEntry	key = {node, rti, place, NULL};
	SiteEntry  *entry;
	bool		found;

	entry = hash_search(walk->sites, &key, HASH_ENTER, &found);
	if (!found)
	{
		DsecSite   *site = palloc(sizeof(DsecSite));

		site->node = node;
		site->rti = rti;
		site->place = place;
		site->attnos = walk->tagged[rti];
		site->first = walk->norigins;
		walk->norigins += bms_num_members(site->attnos);
		walk->result->sites = lappend(walk->result->sites, site);
		walk->changed = true;
		entry->site = site;
	}
	return entry->site;
}

/* Origins of one attribute of a site; attribute 0 is the whole row. */
Bitmapset *
dsec_walk_site_origins(DsecSite *site, AttrNumber attno)
{
	if (attno == InvalidAttrNumber)
		return bms_add_range(NULL, site->first,
							 site->first + bms_num_members(site->attnos) - 1);
	if (attno > 0 && bms_is_member(attno, site->attnos))
		return bms_make_singleton(site->first +
								  bms_member_index(site->attnos, attno));
	return NULL;
}

/* Every tagged column of one relation, read in a way we cannot see. */
Bitmapset *
dsec_walk_opaque(DsecWalk *walk, Plan *node, Index rti)
{
	Bitmapset  *origins;

	if (rti == 0 || rti > walk->nrelations)
		return NULL;
	if (walk->tagged[rti] == NULL)
		return dsec_walk_some_row(walk);
	origins = dsec_walk_site_origins(dsec_walk_site(walk, node, rti, DSEC_READ_OPAQUE),
						   InvalidAttrNumber);
	dsec_walk_use(walk, origins);
	return origins;
}

/* Nothing is known: every tagged column of the plan is used, and may show. */
Bitmapset *
dsec_walk_everything(DsecWalk *walk, Plan *node)
{
	Bitmapset  *origins = dsec_walk_some_row(walk);

	if (walk->copies)
		origins = bms_add_member(origins, DSEC_ORIGIN_PARAM);
	for (Index rti = 1; rti <= walk->nrelations; rti++)
		origins = bms_union(origins, dsec_walk_opaque(walk, node, rti));
	dsec_walk_show(walk, origins);
	return origins;
}

DsecNodeFlow *
dsec_walk_new_flow(int ncolumns)
{
	DsecNodeFlow   *node = palloc0(sizeof(DsecNodeFlow));

	node->ncolumns = ncolumns;
	node->columns = palloc0(sizeof(Bitmapset *) * Max(ncolumns, 1));
	return node;
}

Bitmapset *
dsec_walk_all_columns(DsecNodeFlow *node)
{
	Bitmapset  *origins = NULL;

	for (int i = 0; i < node->ncolumns; i++)
		origins = bms_union(origins, node->columns[i]);
	return origins;
}

/* A column by number; a whole row, or a number out of range, is all of them. */
Bitmapset *
dsec_walk_column(DsecNodeFlow *node, AttrNumber attno)
{
	if (attno < 0)
		return NULL;
	if (attno == InvalidAttrNumber || attno > node->ncolumns)
		return dsec_walk_all_columns(node);
	return node->columns[attno - 1];
}

/*
 * Columns that the query sorts or groups by are used even when no node does
 * so, because an index or a child delivers the rows in order.
 */
static void
use_sort_columns(DsecWalk *walk, DsecNodeFlow *node)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, node->node->targetlist)
	{
		if (lfirst_node(TargetEntry, lc)->ressortgroupref != 0)
		{
			dsec_walk_use(walk, node->columns[i]);
			dsec_walk_merge(walk, &node->control, node->columns[i]);
		}
		i++;
	}
}

/* Use the columns that the node's reader sees. */
static void
use_output(DsecWalk *walk, Plan *plan, DsecNodeFlow *node)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			dsec_walk_use(walk, node->columns[i]);
		i++;
	}
}

/* ----------------------------------------------------------------
 * expressions
 * ----------------------------------------------------------------
 */

static Bitmapset *
walk_var(DsecFlow *flow, Var *var)
{
	DsecWalk	   *walk = (DsecWalk *) flow;
	DsecScope	   *scope = walk->scope;
	Bitmapset  *new = NULL;

	switch (var->varno)
	{
		case OUTER_VAR:
			if (scope->outer)
				return dsec_walk_column(scope->outer, var->varattno);
			return dsec_walk_everything(walk, scope->node);

		case INNER_VAR:
			if (scope->inner)
				return dsec_walk_column(scope->inner, var->varattno);
			return dsec_walk_everything(walk, scope->node);

		case INDEX_VAR:
			if (scope->index)
				return dsec_walk_column(scope->index, var->varattno);
			return dsec_walk_everything(walk, scope->node);

		case 0:
			if (scope->self)
				return dsec_walk_column(scope->self, var->varattno);
			return dsec_walk_everything(walk, scope->node);

		default:
			break;
	}

	if ((Index) var->varno > walk->nrelations)
		return dsec_walk_everything(walk, scope->node);

	if ((Index) var->varno == scope->scanrti)
	{
		if (scope->source)
			return dsec_walk_column(scope->source, var->varattno);
		if (scope->values)
			return var->varattno < 0 ? NULL : scope->values;
		if (walk->tagged[var->varno])
			return dsec_walk_site_origins(dsec_walk_site(walk, scope->node, var->varno,
										 scope->place),
								var->varattno);
		return var->varattno < 0 ? NULL : dsec_walk_some_row(walk);
	}

	if (scope->modify)
		new = dsec_walk_new_value(walk, scope->node, var->varno, var->varattno);
	if (walk->tagged[var->varno] == NULL)
		return bms_union(new, dsec_walk_some_row(walk));
	if (scope->modify)
		return bms_union(new,
						 dsec_walk_site_origins(dsec_walk_site(walk, scope->node,
															   var->varno,
															   DSEC_READ_MODIFY),
												var->varattno));

	/* a relation that this node has no business with */
	return dsec_walk_opaque(walk, scope->node, var->varno);
}

static Bitmapset *
walk_param(DsecFlow *flow, Param *param)
{
	DsecWalk	   *walk = (DsecWalk *) flow;

	if (param->paramkind != PARAM_EXEC || param->paramid < 0 ||
		param->paramid >= walk->nparams)
		return dsec_walk_everything(walk, walk->scope->node);
	return walk->params[param->paramid];
}

/* An uncorrelated scalar subquery runs when its Param is first needed. */
static bool
walk_fails(DsecFlow *flow, Param *param)
{
	return bms_is_member(param->paramid, ((DsecWalk *) flow)->failing);
}

static void
walk_show(DsecFlow *flow, Bitmapset *origins)
{
	dsec_walk_show((DsecWalk *) flow, origins);
}

static Bitmapset *
walk_subplan(DsecFlow *flow, SubPlan *subplan, Bitmapset *control)
{
	DsecWalk	   *walk = (DsecWalk *) flow;
	Plan	   *plan = (Plan *) list_nth(walk->stmt->subplans,
										 subplan->plan_id - 1);
	Bitmapset  *result = NULL;
	Bitmapset  *given = control;
	Bitmapset  *outputs;
	DsecNodeFlow   *node;
	ListCell   *lp,
			   *la;
	int			i;

	forboth(lp, subplan->parParam, la, subplan->args)
	{
		Bitmapset  *origins = dsec_flow_expr(flow, lfirst(la), control);

		given = bms_union(given, origins);
		dsec_walk_use(walk, origins);
		dsec_walk_merge(walk, &walk->params[lfirst_int(lp)], origins);
	}

	/* more than one row is an error, which can tell about what it was given */
	if (given != NULL && (subplan->subLinkType == EXPR_SUBLINK ||
						  subplan->subLinkType == ROWCOMPARE_SUBLINK ||
						  subplan->subLinkType == MULTIEXPR_SUBLINK))
		dsec_walk_show(walk, given);

	if (plan == NULL)
		return dsec_walk_everything(walk, walk->scope->node);
	node = dsec_walk_node(walk, plan, control);

	/* a CTE's columns are used by its readers */
	if (subplan->subLinkType == CTE_SUBLINK)
		return NULL;

	use_output(walk, plan, node);
	outputs = bms_union(dsec_walk_all_columns(node), node->control);

	i = 1;
	foreach(lp, subplan->paramIds)
		dsec_walk_merge(walk, &walk->params[lfirst_int(lp)],
			  bms_union(dsec_walk_column(node, i++), node->control));
	i = 1;
	if (subplan->subLinkType != EXISTS_SUBLINK)
	{
		foreach(lp, subplan->setParam)
		{
			if (!bms_is_member(lfirst_int(lp), walk->failing))
			{
				walk->failing = bms_add_member(walk->failing, lfirst_int(lp));
				walk->changed = true;
			}
		}
	}
	foreach(lp, subplan->setParam)
		dsec_walk_merge(walk, &walk->params[lfirst_int(lp)],
			  list_length(subplan->setParam) == 1 ? outputs :
			  bms_union(dsec_walk_column(node, i++), node->control));

	if (subplan->testexpr)
		result = dsec_flow_expr(flow, subplan->testexpr,
								bms_union(control, node->control));
	dsec_walk_use(walk, result);

	return bms_union(result, outputs);
}

/* Origins of an expression's value. */
Bitmapset *
dsec_walk_eval(DsecWalk *walk, DsecScope *scope, void *expr, Bitmapset *control)
{
	DsecScope	   *saved = walk->scope;
	Bitmapset  *result;

	walk->scope = scope;
	result = dsec_flow_expr(&walk->flow, (Node *) expr, control);
	walk->scope = saved;
	return result;
}

/* The same for an expression that the node itself uses. */
Bitmapset *
dsec_walk_eval_used(DsecWalk *walk, DsecScope *scope, void *expr, Bitmapset *control)
{
	Bitmapset  *result = dsec_walk_eval(walk, scope, expr, control);

	dsec_walk_use(walk, result);
	return result;
}

/* Quals: used, and added to the control of all that comes after them. */
Bitmapset *
dsec_walk_filter(DsecWalk *walk, DsecScope *scope, List *quals, Bitmapset *control)
{
	DsecScope	   *saved = walk->scope;
	Bitmapset  *result;

	walk->scope = scope;
	result = dsec_flow_quals(&walk->flow, quals, control);
	walk->scope = saved;
	dsec_walk_use(walk, result);
	return bms_union(control, result);
}

/* Target list, and the control of what comes out. */
void
dsec_walk_project(DsecWalk *walk, DsecScope *scope, DsecNodeFlow *node, Bitmapset *control)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, node->node->targetlist)
		dsec_walk_merge(walk, &node->columns[i++],
			  dsec_walk_eval(walk, scope, lfirst(lc), control));
	dsec_walk_merge(walk, &node->control, control);
}

/*
 * Keys that a node sorts, groups or hashes its child's rows by: used, shown to
 * their operators, and in control of what comes out.
 */
Bitmapset *
dsec_walk_keys(DsecWalk *walk, Plan *childplan, DsecNodeFlow *child, int nkeys,
	 AttrNumber *columns, Oid *operators, Bitmapset *control)
{
	Bitmapset  *result = control;

	for (int i = 0; i < nkeys; i++)
	{
		Bitmapset  *origins = dsec_walk_column(child, columns[i]);
		TargetEntry *tle = NULL;

		if (columns[i] > 0 &&
			columns[i] <= list_length(childplan->targetlist))
			tle = list_nth_node(TargetEntry, childplan->targetlist,
								columns[i] - 1);
		dsec_walk_use(walk, origins);
		if (tle == NULL ||
			!dsec_lineage_operator_harmless(operators[i],
											exprType((Node *) tle->expr)))
			dsec_walk_show(walk, bms_union(origins, control));
		result = bms_union(result, origins);
	}
	return result;
}

/* ----------------------------------------------------------------
 * nodes
 * ----------------------------------------------------------------
 */

/* Does a Result without child have a condition that is known to be false? */
static bool
never_runs(Result *result)
{
	ListCell   *lc;

	if (outerPlan(&result->plan))
		return false;
	foreach(lc, (List *) result->resconstantqual)
	{
		Const	   *qual = lfirst(lc);

		if (IsA(qual, Const) &&
			(qual->constisnull || !DatumGetBool(qual->constvalue)))
			return true;
	}

	return false;
}

DsecNodeFlow *
dsec_walk_node(DsecWalk *walk, Plan *plan, Bitmapset *context)
{
	NodeEntry  *entry;
	DsecNodeFlow   *node;
	DsecNodeFlow   *child;
	Bitmapset  *control;
	Bitmapset  *origins;
	DsecScope		scope = {0};
	bool		found;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	entry = hash_search(walk->nodes, &plan, HASH_ENTER, &found);
	if (!found)
	{
		entry->flow = dsec_walk_new_flow(list_length(plan->targetlist));
		entry->flow->node = plan;
	}
	node = entry->flow;

	/* a subplan is reached from all over; what is new waits for the next pass */
	dsec_walk_merge(walk, &node->context, context);
	if (node->pass == walk->pass)
		return node;
	node->pass = walk->pass;

	control = node->context;
	scope.node = plan;
	scope.place = DSEC_READ_SCAN;

	foreach(lc, plan->initPlan)
		(void) dsec_walk_eval(walk, &scope, lfirst(lc), control);

	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			dsec_walk_relation_scan(walk, node, &scope, control);
			break;

		case T_NamedTuplestoreScan:
			/* the transition table of a relation */
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.place = DSEC_READ_OPAQUE;
			dsec_walk_relation_scan(walk, node, &scope, control);
			break;

		case T_ForeignScan:
			dsec_walk_foreign_scan(walk, node, &scope, control);
			break;

		case T_CustomScan:
			dsec_walk_custom_scan(walk, node, &scope, control);
			break;

		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
			dsec_walk_value_scan(walk, node, &scope, control);
			break;

		case T_SubqueryScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = dsec_walk_node(walk, ((SubqueryScan *) plan)->subplan,
									 control);
			control = bms_union(control, scope.source->control);
			control = dsec_walk_filter(walk, &scope, plan->qual, control);
			dsec_walk_project(walk, &scope, node, control);
			break;

		case T_CteScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = dsec_walk_node(walk,
									 list_nth(walk->stmt->subplans,
											  ((CteScan *) plan)->ctePlanId - 1),
									 NULL);
			control = bms_union(control, scope.source->control);
			control = dsec_walk_filter(walk, &scope, plan->qual, control);
			dsec_walk_project(walk, &scope, node, control);
			break;

		case T_WorkTableScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = walk->worktables[((WorkTableScan *) plan)->wtParam];
			if (scope.source == NULL)
				scope.values = dsec_walk_everything(walk, plan);
			else
				control = bms_union(control, scope.source->control);
			control = dsec_walk_filter(walk, &scope, plan->qual, control);
			dsec_walk_project(walk, &scope, node, control);
			break;

		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			dsec_walk_join(walk, node, &scope, control);
			break;

		case T_Append:
			dsec_walk_append(walk, node, ((Append *) plan)->appendplans, control);
			break;

		case T_MergeAppend:
			dsec_walk_append(walk, node, ((MergeAppend *) plan)->mergeplans, control);
			break;

		case T_RecursiveUnion:
			dsec_walk_recursive_union(walk, node, control);
			break;

		case T_ModifyTable:
			dsec_walk_modify(walk, node, &scope, control);
			break;

		case T_Result:
			/* a relation that was proved empty: its columns are never made */
			if (never_runs((Result *) plan))
				break;
			control = dsec_walk_filter(walk, &scope,
							 (List *) ((Result *) plan)->resconstantqual, control);
			if (outerPlan(plan))
			{
				dsec_walk_upper(walk, node, &scope, control);
				break;
			}
			control = dsec_walk_filter(walk, &scope, plan->qual, control);
			dsec_walk_project(walk, &scope, node, control);
			break;

		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Unique:
		case T_SetOp:
		case T_Sort:
		case T_IncrementalSort:
		case T_Material:
		case T_Memoize:
		case T_Hash:
		case T_Gather:
		case T_GatherMerge:
		case T_Limit:
		case T_LockRows:
		case T_ProjectSet:
			dsec_walk_upper(walk, node, &scope, control);
			break;

		default:
			origins = dsec_walk_everything(walk, plan);
			if (outerPlan(plan))
			{
				child = dsec_walk_node(walk, outerPlan(plan), control);
				dsec_walk_show(walk, dsec_walk_all_columns(child));
				origins = bms_union(origins, dsec_walk_all_columns(child));
			}
			if (innerPlan(plan))
			{
				child = dsec_walk_node(walk, innerPlan(plan), control);
				dsec_walk_show(walk, dsec_walk_all_columns(child));
				origins = bms_union(origins, dsec_walk_all_columns(child));
			}
			for (int i = 0; i < node->ncolumns; i++)
				dsec_walk_merge(walk, &node->columns[i], origins);
			dsec_walk_merge(walk, &node->control, bms_union(control, origins));
			break;
	}
	use_sort_columns(walk, node);

	return node;
}

/* ----------------------------------------------------------------
 * the plan as a whole
 * ----------------------------------------------------------------
 */

static HTAB *
make_table(const char *name, Size keysize, Size entrysize)
{
	HASHCTL		ctl = {0};

	ctl.keysize = keysize;
	ctl.entrysize = entrysize;
	ctl.hcxt = CurrentMemoryContext;
	return hash_create(name, 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Relations that no node says it scans, when some node does not say. */
static void
blind_reads(DsecWalk *walk)
{
	for (Index rti = 1; rti <= walk->nrelations; rti++)
	{
		bool		seen = false;
		ListCell   *lc;

		if (walk->tagged[rti] == NULL)
			continue;
		foreach(lc, walk->result->sites)
		{
			if (((DsecSite *) lfirst(lc))->rti == rti)
				seen = true;
		}
		if (!seen)
			(void) dsec_walk_opaque(walk, walk->blind, rti);
	}
}

DsecWalkResult *
dsec_walk_plan(PlannedStmt *stmt, Bitmapset **tagged, Oid exempt,
			   const DsecWalkCopies *copies)
{
	DsecWalk		walk = {0};
	DsecNodeFlow   *top;
	ListCell   *lc;

	walk.flow.var = walk_var;
	walk.flow.param = walk_param;
	walk.flow.fails = walk_fails;
	walk.flow.subplan = walk_subplan;
	walk.flow.show = walk_show;
	walk.flow.exempt = exempt;
	walk.stmt = stmt;
	walk.nrelations = list_length(stmt->rtable);
	walk.tagged = tagged;
	walk.nparams = list_length(stmt->paramExecTypes);
	walk.params = palloc0(sizeof(Bitmapset *) * Max(walk.nparams, 1));
	walk.worktables = palloc0(sizeof(DsecNodeFlow *) * Max(walk.nparams, 1));
	walk.result = palloc0(sizeof(DsecWalkResult));
	dsec_walk_want_copies(&walk, copies);
	walk.nodes = make_table("dsec walk nodes", sizeof(Plan *),
							sizeof(NodeEntry));
	walk.sites = make_table("dsec walk sites", offsetof(SiteEntry, site),
							sizeof(SiteEntry));

	do
	{
		walk.changed = false;
		walk.pass++;
		top = dsec_walk_node(&walk, stmt->planTree, NULL);
		use_output(&walk, stmt->planTree, top);

		/* whatever nothing refers to may still run */
		foreach(lc, stmt->subplans)
		{
			if (lfirst(lc))
				(void) dsec_walk_node(&walk, lfirst(lc), NULL);
		}
	} while (walk.changed);

	if (walk.blind)
		blind_reads(&walk);

	walk.result->noutputs = top->ncolumns;
	walk.result->outputs = top->columns;
	walk.result->control = top->control;
	return walk.result;
}
