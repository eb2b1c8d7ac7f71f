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

#include "lineage/walk.h"

#include "catalog/pg_trigger.h"
#include "foreign/foreign.h"
#include "lineage/flow.h"
#include "lineage/groups.h"
#include "lineage/harmless.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

/* what is known about one plan node */
typedef struct NodeFlow
{
	Plan	   *node;			/* hash key */
	int			pass;			/* last pass that came here */
	int			ncolumns;
	Bitmapset **columns;
	Bitmapset  *control;		/* decided which rows come out */
	Bitmapset  *context;		/* decided whether the node runs */
} NodeFlow;

typedef struct NodeEntry
{
	Plan	   *node;			/* hash key */
	NodeFlow   *flow;
} NodeEntry;

typedef struct SiteEntry
{
	Plan	   *node;			/* hash key: these three */
	Index		rti;
	int			place;
	DsecSite   *site;
} SiteEntry;

/* how the Vars of an expression are resolved */
typedef struct Scope
{
	Plan	   *node;
	NodeFlow   *outer;
	NodeFlow   *inner;
	NodeFlow   *index;			/* what INDEX_VAR refers to */
	NodeFlow   *self;			/* own columns: varno 0 in run conditions */
	Index		scanrti;		/* the entry that is scanned, 0 for none */
	NodeFlow   *source;			/* scanned are a subplan's columns */
	Bitmapset  *values;			/* scanned are values made of these */
	int			place;			/* else scanned is a relation: DsecReadPlace */
	bool		modify;			/* Vars of any relation are of this node */
} Scope;

typedef struct Walk
{
	DsecFlow	flow;			/* must be first */
	PlannedStmt *stmt;
	Index		nrelations;
	Bitmapset **tagged;
	HTAB	   *nodes;
	HTAB	   *sites;
	int			norigins;
	int			pass;
	bool		changed;
	int			nparams;
	Bitmapset **params;
	NodeFlow  **worktables;		/* by the parameter that names them */
	Plan	   *blind;			/* a node that may read what it does not say */
	Scope	   *scope;
	DsecWalkResult *result;
} Walk;

static NodeFlow *walk_node(Walk *walk, Plan *plan, Bitmapset *context);

/* ----------------------------------------------------------------
 * sets, sites and nodes
 * ----------------------------------------------------------------
 */

static void
merge(Walk *walk, Bitmapset **into, Bitmapset *origins)
{
	if (bms_is_subset(origins, *into))
		return;
	*into = bms_union(*into, origins);
	walk->changed = true;
}

static void
use(Walk *walk, Bitmapset *origins)
{
	if (!bms_is_subset(origins, walk->result->used))
		walk->result->used = bms_union(walk->result->used, origins);
}

static void
show(Walk *walk, Bitmapset *origins)
{
	use(walk, origins);
	if (!bms_is_subset(origins, walk->result->shown))
		walk->result->shown = bms_union(walk->result->shown, origins);
}

static DsecSite *
get_site(Walk *walk, Plan *node, Index rti, int place)
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
static Bitmapset *
site_origins(DsecSite *site, AttrNumber attno)
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
static Bitmapset *
opaque_relation(Walk *walk, Plan *node, Index rti)
{
	Bitmapset  *origins;

	if (rti == 0 || rti > walk->nrelations ||
		walk->tagged[rti] == NULL)
		return NULL;
	origins = site_origins(get_site(walk, node, rti, DSEC_READ_OPAQUE),
						   InvalidAttrNumber);
	use(walk, origins);
	return origins;
}

/* Nothing is known: every tagged column of the plan is used, and may show. */
static Bitmapset *
everything(Walk *walk, Plan *node)
{
	Bitmapset  *origins = NULL;

	for (Index rti = 1; rti <= walk->nrelations; rti++)
		origins = bms_union(origins, opaque_relation(walk, node, rti));
	show(walk, origins);
	return origins;
}

static NodeFlow *
new_flow(int ncolumns)
{
	NodeFlow   *node = palloc0(sizeof(NodeFlow));

	node->ncolumns = ncolumns;
	node->columns = palloc0(sizeof(Bitmapset *) * Max(ncolumns, 1));
	return node;
}

static Bitmapset *
all_columns(NodeFlow *node)
{
	Bitmapset  *origins = NULL;

	for (int i = 0; i < node->ncolumns; i++)
		origins = bms_union(origins, node->columns[i]);
	return origins;
}

/* A column by number; a whole row, or a number out of range, is all of them. */
static Bitmapset *
column(NodeFlow *node, AttrNumber attno)
{
	if (attno < 0)
		return NULL;
	if (attno == InvalidAttrNumber || attno > node->ncolumns)
		return all_columns(node);
	return node->columns[attno - 1];
}

/*
 * Columns that the query sorts or groups by are used even when no node does
 * so, because an index or a child delivers the rows in order.
 */
static void
use_sort_columns(Walk *walk, NodeFlow *node)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, node->node->targetlist)
	{
		if (lfirst_node(TargetEntry, lc)->ressortgroupref != 0)
		{
			use(walk, node->columns[i]);
			merge(walk, &node->control, node->columns[i]);
		}
		i++;
	}
}

/* Use the columns that the node's reader sees. */
static void
use_output(Walk *walk, Plan *plan, NodeFlow *node)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			use(walk, node->columns[i]);
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
	Walk	   *walk = (Walk *) flow;
	Scope	   *scope = walk->scope;

	switch (var->varno)
	{
		case OUTER_VAR:
			if (scope->outer)
				return column(scope->outer, var->varattno);
			return everything(walk, scope->node);

		case INNER_VAR:
			if (scope->inner)
				return column(scope->inner, var->varattno);
			return everything(walk, scope->node);

		case INDEX_VAR:
			if (scope->index)
				return column(scope->index, var->varattno);
			return everything(walk, scope->node);

		case 0:
			if (scope->self)
				return column(scope->self, var->varattno);
			return everything(walk, scope->node);

		default:
			break;
	}

	if ((Index) var->varno > walk->nrelations)
		return everything(walk, scope->node);

	if ((Index) var->varno == scope->scanrti)
	{
		if (scope->source)
			return column(scope->source, var->varattno);
		if (scope->values)
			return var->varattno < 0 ? NULL : scope->values;
		if (walk->tagged[var->varno])
			return site_origins(get_site(walk, scope->node, var->varno,
										 scope->place),
								var->varattno);
		return NULL;
	}

	if (walk->tagged[var->varno] == NULL)
		return NULL;
	if (scope->modify)
		return site_origins(get_site(walk, scope->node, var->varno,
									 DSEC_READ_MODIFY),
							var->varattno);

	/* a relation that this node has no business with */
	return opaque_relation(walk, scope->node, var->varno);
}

static Bitmapset *
walk_param(DsecFlow *flow, Param *param)
{
	Walk	   *walk = (Walk *) flow;

	if (param->paramkind != PARAM_EXEC || param->paramid < 0 ||
		param->paramid >= walk->nparams)
		return everything(walk, walk->scope->node);
	return walk->params[param->paramid];
}

static void
walk_show(DsecFlow *flow, Bitmapset *origins)
{
	show((Walk *) flow, origins);
}

static Bitmapset *
walk_subplan(DsecFlow *flow, SubPlan *subplan, Bitmapset *control)
{
	Walk	   *walk = (Walk *) flow;
	Plan	   *plan = (Plan *) list_nth(walk->stmt->subplans,
										 subplan->plan_id - 1);
	Bitmapset  *result = NULL;
	Bitmapset  *outputs;
	NodeFlow   *node;
	ListCell   *lp,
			   *la;
	int			i;

	forboth(lp, subplan->parParam, la, subplan->args)
	{
		Bitmapset  *origins = dsec_flow_expr(flow, lfirst(la), control);

		use(walk, origins);
		merge(walk, &walk->params[lfirst_int(lp)], origins);
	}

	if (plan == NULL)
		return everything(walk, walk->scope->node);
	node = walk_node(walk, plan, control);

	/* a CTE's columns are used by its readers */
	if (subplan->subLinkType == CTE_SUBLINK)
		return NULL;

	use_output(walk, plan, node);
	outputs = bms_union(all_columns(node), node->control);

	i = 1;
	foreach(lp, subplan->paramIds)
		merge(walk, &walk->params[lfirst_int(lp)],
			  bms_union(column(node, i++), node->control));
	i = 1;
	foreach(lp, subplan->setParam)
		merge(walk, &walk->params[lfirst_int(lp)],
			  list_length(subplan->setParam) == 1 ? outputs :
			  bms_union(column(node, i++), node->control));

	if (subplan->testexpr)
		result = dsec_flow_expr(flow, subplan->testexpr,
								bms_union(control, node->control));
	use(walk, result);

	return bms_union(result, outputs);
}

/* Origins of an expression's value. */
static Bitmapset *
eval(Walk *walk, Scope *scope, void *expr, Bitmapset *control)
{
	Scope	   *saved = walk->scope;
	Bitmapset  *result;

	walk->scope = scope;
	result = dsec_flow_expr(&walk->flow, (Node *) expr, control);
	walk->scope = saved;
	return result;
}

/* The same for an expression that the node itself uses. */
static Bitmapset *
eval_used(Walk *walk, Scope *scope, void *expr, Bitmapset *control)
{
	Bitmapset  *result = eval(walk, scope, expr, control);

	use(walk, result);
	return result;
}

/* Quals: used, and added to the control of all that comes after them. */
static Bitmapset *
filter(Walk *walk, Scope *scope, List *quals, Bitmapset *control)
{
	Scope	   *saved = walk->scope;
	Bitmapset  *result;

	walk->scope = scope;
	result = dsec_flow_quals(&walk->flow, quals, control);
	walk->scope = saved;
	use(walk, result);
	return bms_union(control, result);
}

/* Target list, and the control of what comes out. */
static void
project(Walk *walk, Scope *scope, NodeFlow *node, Bitmapset *control)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, node->node->targetlist)
		merge(walk, &node->columns[i++],
			  eval(walk, scope, lfirst(lc), control));
	merge(walk, &node->control, control);
}

/*
 * Keys that a node sorts, groups or hashes its child's rows by: used, shown to
 * their operators, and in control of what comes out.
 */
static Bitmapset *
keys(Walk *walk, Plan *childplan, NodeFlow *child, int nkeys,
	 AttrNumber *columns, Oid *operators, Bitmapset *control)
{
	Bitmapset  *result = control;

	for (int i = 0; i < nkeys; i++)
	{
		Bitmapset  *origins = column(child, columns[i]);
		TargetEntry *tle = NULL;

		if (columns[i] > 0 &&
			columns[i] <= list_length(childplan->targetlist))
			tle = list_nth_node(TargetEntry, childplan->targetlist,
								columns[i] - 1);
		use(walk, origins);
		if (tle == NULL ||
			!dsec_lineage_operator_harmless(operators[i],
											exprType((Node *) tle->expr)))
			show(walk, bms_union(origins, control));
		result = bms_union(result, origins);
	}
	return result;
}

/* ----------------------------------------------------------------
 * nodes that scan
 * ----------------------------------------------------------------
 */

static void
walk_bitmap(Walk *walk, Scope *scope, Plan *plan, Bitmapset **control)
{
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_BitmapIndexScan:
			*control = filter(walk, scope,
							  ((BitmapIndexScan *) plan)->indexqualorig,
							  *control);
			break;
		case T_BitmapAnd:
			foreach(lc, ((BitmapAnd *) plan)->bitmapplans)
				walk_bitmap(walk, scope, lfirst(lc), control);
			break;
		case T_BitmapOr:
			foreach(lc, ((BitmapOr *) plan)->bitmapplans)
				walk_bitmap(walk, scope, lfirst(lc), control);
			break;
		default:
			*control = bms_union(*control, everything(walk, scope->node));
			break;
	}
}

static void
walk_relation_scan(Walk *walk, NodeFlow *node, Scope *scope,
				   Bitmapset *control)
{
	Plan	   *plan = node->node;
	NodeFlow   *index;
	ListCell   *lc;
	int			i = 0;

	switch (nodeTag(plan))
	{
		case T_SampleScan:
			control = bms_union(control,
								eval_used(walk, scope,
										  ((SampleScan *) plan)->tablesample->args,
										  control));
			control = bms_union(control,
								eval_used(walk, scope,
										  ((SampleScan *) plan)->tablesample->repeatable,
										  control));
			break;
		case T_TidScan:
			control = filter(walk, scope, ((TidScan *) plan)->tidquals,
							 control);
			break;
		case T_TidRangeScan:
			control = filter(walk, scope,
							 ((TidRangeScan *) plan)->tidrangequals, control);
			break;
		case T_IndexScan:
			control = filter(walk, scope, ((IndexScan *) plan)->indexqualorig,
							 control);
			control = bms_union(control,
								eval_used(walk, scope,
										  ((IndexScan *) plan)->indexorderbyorig,
										  control));
			break;
		case T_IndexOnlyScan:
			index = new_flow(list_length(((IndexOnlyScan *) plan)->indextlist));
			foreach(lc, ((IndexOnlyScan *) plan)->indextlist)
				index->columns[i++] = eval(walk, scope, lfirst(lc), NULL);
			scope->index = index;
			control = filter(walk, scope, ((IndexOnlyScan *) plan)->indexqual,
							 control);
			control = filter(walk, scope, ((IndexOnlyScan *) plan)->recheckqual,
							 control);
			control = bms_union(control,
								eval_used(walk, scope,
										  ((IndexOnlyScan *) plan)->indexorderby,
										  control));
			break;
		case T_BitmapHeapScan:
			walk_bitmap(walk, scope, outerPlan(plan), &control);
			control = filter(walk, scope,
							 ((BitmapHeapScan *) plan)->bitmapqualorig,
							 control);
			break;
		default:
			break;
	}

	control = filter(walk, scope, plan->qual, control);
	project(walk, scope, node, control);
}

/*
 * Does a foreign data wrapper hand us the quals of a single-table scan that it
 * evaluates elsewhere?  Known of those that come with PostgreSQL; handlers are
 * C functions, which superusers make.
 */
static bool
shows_remote_quals(Oid server)
{
	ForeignDataWrapper *wrapper;
	char	   *handler;

	wrapper = GetForeignDataWrapper(GetForeignServer(server)->fdwid);
	handler = get_func_name(wrapper->fdwhandler);
	return handler != NULL &&
		(strcmp(handler, "postgres_fdw_handler") == 0 ||
		 strcmp(handler, "file_fdw_handler") == 0);
}

static void
walk_foreign_scan(Walk *walk, NodeFlow *node, Scope *scope,
				  Bitmapset *control)
{
	ForeignScan *scan = (ForeignScan *) node->node;
	Bitmapset  *remote = NULL;
	NodeFlow   *index;
	int			i = 0;
	ListCell   *lc;

	if (scan->scan.scanrelid > 0 && scan->operation == CMD_SELECT)
	{
		scope->scanrti = scan->scan.scanrelid;
		if (walk->tagged[scope->scanrti] && !shows_remote_quals(scan->fs_server))
		{
			remote = site_origins(get_site(walk, node->node, scope->scanrti,
										   DSEC_READ_SCAN),
								  InvalidAttrNumber);
			use(walk, remote);
		}
		index = new_flow(list_length(scan->fdw_scan_tlist));
		foreach(lc, scan->fdw_scan_tlist)
			index->columns[i++] = eval(walk, scope, lfirst(lc), NULL);
	}
	else
	{
		Bitmapset  *relids = DSEC_FOREIGN_RELIDS(scan);
		int			rti = -1;

		/* a join, an aggregate or a modification that happens over there */
		while ((rti = bms_next_member(relids, rti)) >= 0)
			remote = bms_union(remote, opaque_relation(walk, node->node, rti));
		remote = bms_union(remote, opaque_relation(walk, node->node,
												   scan->scan.scanrelid));
		remote = bms_union(remote, opaque_relation(walk, node->node,
												   scan->resultRelation));
		index = new_flow(1);
		index->columns[0] = remote;
		index->ncolumns = 1;
		scope->scanrti = scan->scan.scanrelid;
		scope->values = remote;
	}
	scope->index = index;

	control = bms_union(control, remote);
	control = bms_union(control,
						eval_used(walk, scope, scan->fdw_exprs, control));
	control = filter(walk, scope, scan->fdw_recheck_quals, control);
	control = filter(walk, scope, node->node->qual, control);
	project(walk, scope, node, control);
}

static void
walk_custom_scan(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	CustomScan *scan = (CustomScan *) node->node;
	NodeFlow   *index;
	ListCell   *lc;
	int			rti = -1;

	if (strcmp(scan->methods->CustomName, DSEC_GUARD_NAME) == 0 &&
		outerPlan(scan) != NULL && scan->custom_plans == NIL)
	{
		/* our own hands on its child's rows */
		int			i = 0;

		scope->outer = walk_node(walk, outerPlan(scan), control);
		index = new_flow(list_length(scan->custom_scan_tlist));
		foreach(lc, scan->custom_scan_tlist)
			index->columns[i++] = eval(walk, scope, lfirst(lc), control);
		scope->index = index;
		control = bms_union(control, scope->outer->control);
		control = filter(walk, scope, node->node->qual, control);
		project(walk, scope, node, control);
		return;
	}

	/* somebody else's: all it can reach comes out in every column */
	index = new_flow(1);
	foreach(lc, scan->custom_plans)
	{
		NodeFlow   *child = walk_node(walk, lfirst(lc), control);

		use(walk, all_columns(child));
		index->columns[0] = bms_union(index->columns[0], all_columns(child));
		control = bms_union(control, child->control);
	}
	while ((rti = bms_next_member(scan->custom_relids, rti)) >= 0)
		index->columns[0] = bms_union(index->columns[0],
									  opaque_relation(walk, node->node, rti));
	index->columns[0] = bms_union(index->columns[0],
								  opaque_relation(walk, node->node,
												  scan->scan.scanrelid));
	if (scan->custom_plans == NIL)
		walk->blind = node->node;

	scope->scanrti = scan->scan.scanrelid;
	scope->values = index->columns[0];
	scope->index = scope->outer = scope->inner = index;
	control = bms_union(control, index->columns[0]);
	control = bms_union(control,
						eval_used(walk, scope, scan->custom_exprs, control));
	control = filter(walk, scope, node->node->qual, control);
	project(walk, scope, node, control);
}

static void
walk_value_scan(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	Plan	   *plan = node->node;
	Bitmapset  *origins = NULL;
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_FunctionScan:
			foreach(lc, ((FunctionScan *) plan)->functions)
				origins = bms_union(origins,
									eval_used(walk, scope,
											  lfirst_node(RangeTblFunction, lc)->funcexpr,
											  control));
			break;
		case T_TableFuncScan:
			{
				TableFunc  *func = ((TableFuncScan *) plan)->tablefunc;

				/* XML and JSON tables quote what they cannot read */
				origins = eval_used(walk, scope, func->docexpr, control);
				origins = bms_union(origins,
									eval_used(walk, scope, func->ns_uris, control));
				origins = bms_union(origins,
									eval_used(walk, scope, func->rowexpr, control));
				origins = bms_union(origins,
									eval_used(walk, scope, func->colexprs, control));
				origins = bms_union(origins,
									eval_used(walk, scope, func->coldefexprs, control));
				show(walk, bms_union(origins, control));
				break;
			}
		default:
			foreach(lc, ((ValuesScan *) plan)->values_lists)
				origins = bms_union(origins,
									eval(walk, scope, lfirst(lc), control));
			break;
	}

	scope->scanrti = ((Scan *) plan)->scanrelid;
	scope->values = origins;
	if (!IsA(plan, ValuesScan))
		control = bms_union(control, origins);
	control = filter(walk, scope, plan->qual, control);
	project(walk, scope, node, control);
}

/* ----------------------------------------------------------------
 * nodes above
 * ----------------------------------------------------------------
 */

static void
walk_join(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	Join	   *join = (Join *) node->node;
	ListCell   *lc;

	scope->outer = walk_node(walk, outerPlan(join), control);
	control = bms_union(control, scope->outer->control);

	if (IsA(join, NestLoop))
	{
		foreach(lc, ((NestLoop *) join)->nestParams)
		{
			NestLoopParam *param = lfirst_node(NestLoopParam, lc);

			merge(walk, &walk->params[param->paramno],
				  eval_used(walk, scope, param->paramval, control));
		}
		/* the inner side runs once for each row of the outer */
		scope->inner = walk_node(walk, innerPlan(join), control);
	}
	else
		scope->inner = walk_node(walk, innerPlan(join), node->context);
	control = bms_union(control, scope->inner->control);

	if (IsA(join, HashJoin))
	{
		control = bms_union(control,
							eval_used(walk, scope, ((HashJoin *) join)->hashkeys,
									  control));
		control = filter(walk, scope, ((HashJoin *) join)->hashclauses, control);
	}
	else if (IsA(join, MergeJoin))
		control = filter(walk, scope, ((MergeJoin *) join)->mergeclauses,
						 control);

	control = filter(walk, scope, join->joinqual, control);
	control = filter(walk, scope, join->plan.qual, control);
	project(walk, scope, node, control);
}

static void
walk_append(Walk *walk, NodeFlow *node, List *children, Bitmapset *control)
{
	Bitmapset  *context = control;
	ListCell   *lc;

	foreach(lc, children)
	{
		NodeFlow   *child = walk_node(walk, lfirst(lc), context);

		for (int i = 0; i < node->ncolumns; i++)
			merge(walk, &node->columns[i], column(child, i + 1));
		control = bms_union(control, child->control);

		if (IsA(node->node, MergeAppend))
		{
			MergeAppend *append = (MergeAppend *) node->node;

			control = keys(walk, lfirst(lc), child, append->numCols,
						   append->sortColIdx, append->sortOperators, control);
		}
	}
	merge(walk, &node->control, control);
}

static void
walk_agg(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	Agg		   *agg = (Agg *) node->node;
	Plan	   *childplan = outerPlan(agg);
	ListCell   *lc;
	int			i = 0;

	control = keys(walk, childplan, scope->outer, agg->numCols, agg->grpColIdx,
				   agg->grpOperators, control);

	/* grouping sets: further groupings of the same rows, maybe sorted anew */
	foreach(lc, agg->chain)
	{
		Agg		   *link = lfirst_node(Agg, lc);
		Sort	   *sort = (Sort *) link->plan.lefttree;

		if (sort)
			control = keys(walk, childplan, scope->outer, sort->numCols,
						   sort->sortColIdx, sort->sortOperators, control);
		control = keys(walk, childplan, scope->outer, link->numCols,
					   link->grpColIdx, link->grpOperators, control);
	}

	control = filter(walk, scope, agg->plan.qual, control);
	project(walk, scope, node, control);

	/* which rows there were decides what a count of them is */
	foreach(lc, agg->plan.targetlist)
	{
		if (!IsA(lfirst_node(TargetEntry, lc)->expr, Var))
			merge(walk, &node->columns[i], control);
		i++;
	}
}

static void
walk_window_agg(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	WindowAgg  *agg = (WindowAgg *) node->node;
	ListCell   *lc;
	int			i = 0;

	control = keys(walk, outerPlan(agg), scope->outer, agg->partNumCols,
				   agg->partColIdx, agg->partOperators, control);
	control = keys(walk, outerPlan(agg), scope->outer, agg->ordNumCols,
				   agg->ordColIdx, agg->ordOperators, control);
	control = bms_union(control,
						eval_used(walk, scope, agg->startOffset, control));
	control = bms_union(control,
						eval_used(walk, scope, agg->endOffset, control));
	if ((OidIsValid(agg->startInRangeFunc) &&
		 !dsec_lineage_harmless(agg->startInRangeFunc)) ||
		(OidIsValid(agg->endInRangeFunc) &&
		 !dsec_lineage_harmless(agg->endInRangeFunc)))
		show(walk, control);

	project(walk, scope, node, control);
	foreach(lc, agg->plan.targetlist)
	{
		if (!IsA(lfirst_node(TargetEntry, lc)->expr, Var))
			merge(walk, &node->columns[i], control);
		i++;
	}

	/* both look at what the window functions gave */
	scope->self = node;
	control = filter(walk, scope, agg->runCondition, control);
	control = filter(walk, scope, agg->plan.qual, control);
	merge(walk, &node->control, control);
}

static void
walk_recursive_union(Walk *walk, NodeFlow *node, Bitmapset *control)
{
	RecursiveUnion *recursion = (RecursiveUnion *) node->node;
	NodeFlow   *child;

	walk->worktables[recursion->wtParam] = node;

	child = walk_node(walk, outerPlan(recursion), control);
	for (int i = 0; i < node->ncolumns; i++)
		merge(walk, &node->columns[i], column(child, i + 1));
	merge(walk, &node->control, child->control);

	child = walk_node(walk, innerPlan(recursion),
					  bms_union(control, node->control));
	for (int i = 0; i < node->ncolumns; i++)
		merge(walk, &node->columns[i], column(child, i + 1));
	merge(walk, &node->control, child->control);

	use(walk, all_columns(node));
	merge(walk, &node->control,
		  keys(walk, outerPlan(recursion), node, recursion->numCols,
			   recursion->dupColIdx, recursion->dupOperators, node->control));
}

/* Is this a junk column that only an EvalPlanQual recheck looks at? */
static bool
is_rowmark_column(ModifyTable *modify, TargetEntry *tle)
{
	ListCell   *lc;
	char		name[NAMEDATALEN];

	if (!tle->resjunk || tle->resname == NULL)
		return false;
	foreach(lc, modify->rowMarks)
	{
		snprintf(name, sizeof(name), "wholerow%u",
				 lfirst_node(PlanRowMark, lc)->rowmarkId);
		if (strcmp(tle->resname, name) == 0)
			return true;
	}
	return false;
}

/* Does a trigger that a user made see the rows that are deleted? */
static bool
shows_deleted_rows(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	TriggerDesc *triggers = rel->trigdesc;
	bool		result = false;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		result |= !trigger->tgisinternal &&
			TRIGGER_FOR_ROW(trigger->tgtype) &&
			TRIGGER_FOR_DELETE(trigger->tgtype);
	}
	RelationClose(rel);

	return result;
}

/* Every scan of the relation below the node reads all its tagged columns. */
static void
use_scans(Walk *walk, Plan *plan, Index rti)
{
	ListCell   *lc;
	List	   *children = NIL;

	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
			if (((Scan *) plan)->scanrelid == rti)
				use(walk, site_origins(get_site(walk, plan, rti, DSEC_READ_SCAN),
									   InvalidAttrNumber));
			break;
		case T_Append:
			children = ((Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((MergeAppend *) plan)->mergeplans;
			break;
		case T_SubqueryScan:
			use_scans(walk, ((SubqueryScan *) plan)->subplan, rti);
			break;
		default:
			break;
	}
	foreach(lc, children)
		use_scans(walk, lfirst(lc), rti);
	if (outerPlan(plan))
		use_scans(walk, outerPlan(plan), rti);
	if (innerPlan(plan))
		use_scans(walk, innerPlan(plan), rti);
}

/*
 * A row that is updated goes into its new version as a whole, and from there
 * to triggers and into the error of a constraint that it breaks.  The same
 * holds for the row in conflict of ON CONFLICT DO UPDATE; and triggers see the
 * rows that are deleted.
 */
static void
use_targets(Walk *walk, ModifyTable *modify)
{
	ListCell   *lc;

	foreach(lc, modify->resultRelations)
	{
		Index		rti = lfirst_int(lc);

		if (walk->tagged[rti] == NULL)
			continue;
		if (modify->operation == CMD_INSERT)
		{
			if (modify->onConflictAction == ONCONFLICT_UPDATE)
				use(walk, site_origins(get_site(walk, &modify->plan, rti,
												DSEC_READ_MODIFY),
									   InvalidAttrNumber));
		}
		else if (modify->operation != CMD_DELETE ||
				 shows_deleted_rows(rt_fetch(rti, walk->stmt->rtable)->relid))
			use_scans(walk, outerPlan(modify), rti);
	}
}

static void
walk_modify(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	ModifyTable *modify = (ModifyTable *) node->node;
	Plan	   *childplan = outerPlan(modify);
	NodeFlow   *child = walk_node(walk, childplan, control);
	NodeFlow   *excluded;
	ListCell   *lc,
			   *l2;
	int			i = 0;

	foreach(lc, childplan->targetlist)
	{
		if (!is_rowmark_column(modify, lfirst_node(TargetEntry, lc)))
			use(walk, child->columns[i]);
		i++;
	}
	control = bms_union(control, child->control);
	use_targets(walk, modify);

	scope->modify = true;
	scope->outer = scope->inner = child;

	foreach(lc, DSEC_MERGE_JOIN_CONDITIONS(modify))
		control = filter(walk, scope, lfirst(lc), control);
	foreach(lc, modify->mergeActionLists)
	{
		foreach(l2, (List *) lfirst(lc))
		{
			MergeAction *action = lfirst_node(MergeAction, l2);

			control = filter(walk, scope, (List *) action->qual, control);
			(void) eval_used(walk, scope, action->targetList, control);
		}
	}

	/* here INNER_VAR is the row that was proposed for insertion */
	excluded = new_flow(1);
	excluded->columns[0] = all_columns(child);
	scope->inner = excluded;
	control = filter(walk, scope, (List *) modify->onConflictWhere, control);
	(void) eval_used(walk, scope, modify->onConflictSet, control);
	scope->inner = child;

	foreach(lc, modify->withCheckOptionLists)
	{
		foreach(l2, (List *) lfirst(lc))
			control = filter(walk, scope,
							 (List *) lfirst_node(WithCheckOption, l2)->qual,
							 control);
	}

	foreach(lc, modify->returningLists)
	{
		i = 0;
		foreach(l2, (List *) lfirst(lc))
		{
			Bitmapset  *origins = eval_used(walk, scope, lfirst(l2), control);

			if (i < node->ncolumns)
				merge(walk, &node->columns[i++], origins);
		}
	}
	merge(walk, &node->control, control);
}

/* Nodes with one child, whose rows they hand on. */
static void
walk_upper(Walk *walk, NodeFlow *node, Scope *scope, Bitmapset *control)
{
	Plan	   *plan = node->node;
	Plan	   *childplan = outerPlan(plan);
	NodeFlow   *child = walk_node(walk, childplan, control);

	scope->outer = child;
	control = bms_union(control, child->control);

	switch (nodeTag(plan))
	{
		case T_Agg:
			walk_agg(walk, node, scope, control);
			return;

		case T_WindowAgg:
			walk_window_agg(walk, node, scope, control);
			return;

		case T_Group:
			control = keys(walk, childplan, child, ((Group *) plan)->numCols,
						   ((Group *) plan)->grpColIdx,
						   ((Group *) plan)->grpOperators, control);
			break;

		case T_Unique:
			control = keys(walk, childplan, child, ((Unique *) plan)->numCols,
						   ((Unique *) plan)->uniqColIdx,
						   ((Unique *) plan)->uniqOperators, control);
			break;

		case T_SetOp:
			control = keys(walk, childplan, child, ((SetOp *) plan)->numCols,
						   DSEC_SETOP_COLUMNS((SetOp *) plan),
						   DSEC_SETOP_OPERATORS((SetOp *) plan), control);
			if (innerPlan(plan))
			{
				NodeFlow   *inner = walk_node(walk, innerPlan(plan),
											  node->context);

				control = keys(walk, innerPlan(plan), inner,
							   ((SetOp *) plan)->numCols,
							   DSEC_SETOP_COLUMNS((SetOp *) plan),
							   DSEC_SETOP_OPERATORS((SetOp *) plan),
							   bms_union(control, inner->control));
			}
			break;

		case T_Sort:
		case T_IncrementalSort:
			control = keys(walk, childplan, child, ((Sort *) plan)->numCols,
						   ((Sort *) plan)->sortColIdx,
						   ((Sort *) plan)->sortOperators, control);
			break;

		case T_GatherMerge:
			control = keys(walk, childplan, child,
						   ((GatherMerge *) plan)->numCols,
						   ((GatherMerge *) plan)->sortColIdx,
						   ((GatherMerge *) plan)->sortOperators, control);
			break;

		case T_Limit:
			control = keys(walk, childplan, child,
						   ((Limit *) plan)->uniqNumCols,
						   ((Limit *) plan)->uniqColIdx,
						   ((Limit *) plan)->uniqOperators, control);
			control = bms_union(control,
								eval_used(walk, scope,
										  ((Limit *) plan)->limitOffset, control));
			control = bms_union(control,
								eval_used(walk, scope,
										  ((Limit *) plan)->limitCount, control));
			break;

		case T_Memoize:
			{
				Memoize    *memoize = (Memoize *) plan;
				int			i = 0;
				ListCell   *lc;

				foreach(lc, memoize->param_exprs)
				{
					Bitmapset  *origins = eval_used(walk, scope, lfirst(lc),
													control);

					if (!dsec_lineage_operator_harmless(memoize->hashOperators[i++],
														exprType(lfirst(lc))))
						show(walk, bms_union(origins, control));
				}
				break;
			}

		case T_Hash:
			(void) eval_used(walk, scope, ((Hash *) plan)->hashkeys, control);
			break;

		default:
			break;
	}

	control = filter(walk, scope, plan->qual, control);
	project(walk, scope, node, control);

	/* a set-returning function decides how many rows there are */
	if (IsA(plan, ProjectSet))
		merge(walk, &node->control, all_columns(node));
}

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

static NodeFlow *
walk_node(Walk *walk, Plan *plan, Bitmapset *context)
{
	NodeEntry  *entry;
	NodeFlow   *node;
	NodeFlow   *child;
	Bitmapset  *control;
	Bitmapset  *origins;
	Scope		scope = {0};
	bool		found;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	entry = hash_search(walk->nodes, &plan, HASH_ENTER, &found);
	if (!found)
	{
		entry->flow = new_flow(list_length(plan->targetlist));
		entry->flow->node = plan;
	}
	node = entry->flow;

	/* a subplan is reached from all over; what is new waits for the next pass */
	merge(walk, &node->context, context);
	if (node->pass == walk->pass)
		return node;
	node->pass = walk->pass;

	control = node->context;
	scope.node = plan;
	scope.place = DSEC_READ_SCAN;

	foreach(lc, plan->initPlan)
		(void) eval(walk, &scope, lfirst(lc), control);

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
			walk_relation_scan(walk, node, &scope, control);
			break;

		case T_NamedTuplestoreScan:
			/* the transition table of a relation */
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.place = DSEC_READ_OPAQUE;
			walk_relation_scan(walk, node, &scope, control);
			break;

		case T_ForeignScan:
			walk_foreign_scan(walk, node, &scope, control);
			break;

		case T_CustomScan:
			walk_custom_scan(walk, node, &scope, control);
			break;

		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
			walk_value_scan(walk, node, &scope, control);
			break;

		case T_SubqueryScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = walk_node(walk, ((SubqueryScan *) plan)->subplan,
									 control);
			control = bms_union(control, scope.source->control);
			control = filter(walk, &scope, plan->qual, control);
			project(walk, &scope, node, control);
			break;

		case T_CteScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = walk_node(walk,
									 list_nth(walk->stmt->subplans,
											  ((CteScan *) plan)->ctePlanId - 1),
									 NULL);
			control = bms_union(control, scope.source->control);
			control = filter(walk, &scope, plan->qual, control);
			project(walk, &scope, node, control);
			break;

		case T_WorkTableScan:
			scope.scanrti = ((Scan *) plan)->scanrelid;
			scope.source = walk->worktables[((WorkTableScan *) plan)->wtParam];
			if (scope.source == NULL)
				scope.values = everything(walk, plan);
			else
				control = bms_union(control, scope.source->control);
			control = filter(walk, &scope, plan->qual, control);
			project(walk, &scope, node, control);
			break;

		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			walk_join(walk, node, &scope, control);
			break;

		case T_Append:
			walk_append(walk, node, ((Append *) plan)->appendplans, control);
			break;

		case T_MergeAppend:
			walk_append(walk, node, ((MergeAppend *) plan)->mergeplans, control);
			break;

		case T_RecursiveUnion:
			walk_recursive_union(walk, node, control);
			break;

		case T_ModifyTable:
			walk_modify(walk, node, &scope, control);
			break;

		case T_Result:
			/* a relation that was proved empty: its columns are never made */
			if (never_runs((Result *) plan))
				break;
			control = filter(walk, &scope,
							 (List *) ((Result *) plan)->resconstantqual, control);
			if (outerPlan(plan))
			{
				walk_upper(walk, node, &scope, control);
				break;
			}
			control = filter(walk, &scope, plan->qual, control);
			project(walk, &scope, node, control);
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
			walk_upper(walk, node, &scope, control);
			break;

		default:
			origins = everything(walk, plan);
			if (outerPlan(plan))
			{
				child = walk_node(walk, outerPlan(plan), control);
				show(walk, all_columns(child));
				origins = bms_union(origins, all_columns(child));
			}
			if (innerPlan(plan))
			{
				child = walk_node(walk, innerPlan(plan), control);
				show(walk, all_columns(child));
				origins = bms_union(origins, all_columns(child));
			}
			for (int i = 0; i < node->ncolumns; i++)
				merge(walk, &node->columns[i], origins);
			merge(walk, &node->control, bms_union(control, origins));
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
blind_reads(Walk *walk)
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
			(void) opaque_relation(walk, walk->blind, rti);
	}
}

DsecWalkResult *
dsec_walk_plan(PlannedStmt *stmt, Bitmapset **tagged, Oid exempt)
{
	Walk		walk = {0};
	NodeFlow   *top;
	ListCell   *lc;

	walk.flow.var = walk_var;
	walk.flow.param = walk_param;
	walk.flow.subplan = walk_subplan;
	walk.flow.show = walk_show;
	walk.flow.exempt = exempt;
	walk.stmt = stmt;
	walk.nrelations = list_length(stmt->rtable);
	walk.tagged = tagged;
	walk.nparams = list_length(stmt->paramExecTypes);
	walk.params = palloc0(sizeof(Bitmapset *) * Max(walk.nparams, 1));
	walk.worktables = palloc0(sizeof(NodeFlow *) * Max(walk.nparams, 1));
	walk.result = palloc0(sizeof(DsecWalkResult));
	walk.nodes = make_table("dsec walk nodes", sizeof(Plan *),
							sizeof(NodeEntry));
	walk.sites = make_table("dsec walk sites", offsetof(SiteEntry, site),
							sizeof(SiteEntry));

	do
	{
		walk.changed = false;
		walk.pass++;
		top = walk_node(&walk, stmt->planTree, NULL);
		use_output(&walk, stmt->planTree, top);

		/* whatever nothing refers to may still run */
		foreach(lc, stmt->subplans)
		{
			if (lfirst(lc))
				(void) walk_node(&walk, lfirst(lc), NULL);
		}
	} while (walk.changed);

	if (walk.blind)
		blind_reads(&walk);

	return walk.result;
}
