/*-------------------------------------------------------------------------
 *
 * walk_scan.c
 *	  The plan walk: nodes that scan.
 *
 * Relations, foreign and custom scans, functions and lists of values.  See
 * walk.c for what is computed, and walk_int.h for the helpers.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/walk_int.h"

#include "access/sysattr.h"
#include "foreign/foreign.h"
#include "lineage/groups.h"
#include "nodes/extensible.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

static void
walk_bitmap(DsecWalk *walk, DsecScope *scope, Plan *plan, Bitmapset **control)
{
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_BitmapIndexScan:
			*control = dsec_walk_filter(walk, scope,
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
			*control = bms_union(*control, dsec_walk_everything(walk, scope->node));
			break;
	}
}

void
dsec_walk_relation_scan(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope,
				   Bitmapset *control)
{
	Plan	   *plan = node->node;
	DsecNodeFlow   *index;
	ListCell   *lc;
	int			i = 0;

	switch (nodeTag(plan))
	{
		case T_SampleScan:
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((SampleScan *) plan)->tablesample->args,
										  control));
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((SampleScan *) plan)->tablesample->repeatable,
										  control));
			break;
		case T_TidScan:
			control = dsec_walk_filter(walk, scope, ((TidScan *) plan)->tidquals,
							 control);
			break;
		case T_TidRangeScan:
			control = dsec_walk_filter(walk, scope,
							 ((TidRangeScan *) plan)->tidrangequals, control);
			break;
		case T_IndexScan:
			control = dsec_walk_filter(walk, scope, ((IndexScan *) plan)->indexqualorig,
							 control);
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((IndexScan *) plan)->indexorderbyorig,
										  control));
			break;
		case T_IndexOnlyScan:
			index = dsec_walk_new_flow(list_length(((IndexOnlyScan *) plan)->indextlist));
			foreach(lc, ((IndexOnlyScan *) plan)->indextlist)
				index->columns[i++] = dsec_walk_eval(walk, scope, lfirst(lc), NULL);
			scope->index = index;
			control = dsec_walk_filter(walk, scope, ((IndexOnlyScan *) plan)->indexqual,
							 control);
			control = dsec_walk_filter(walk, scope, ((IndexOnlyScan *) plan)->recheckqual,
							 control);
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((IndexOnlyScan *) plan)->indexorderby,
										  control));
			break;
		case T_BitmapHeapScan:
			walk_bitmap(walk, scope, outerPlan(plan), &control);
			control = dsec_walk_filter(walk, scope,
							 ((BitmapHeapScan *) plan)->bitmapqualorig,
							 control);
			break;
		default:
			break;
	}

	control = dsec_walk_filter(walk, scope, plan->qual, control);
	dsec_walk_project(walk, scope, node, control);
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

/*
 * Tagged columns that the query mentions of a foreign table, in a qual that we
 * do not see or elsewhere.
 */
static Bitmapset *
mentioned(DsecWalk *walk, ForeignScan *scan, Index rti, int place)
{
	RangeTblEntry *rte = rt_fetch(rti, walk->stmt->rtable);
	DsecSite   *site = dsec_walk_site(walk, &scan->scan.plan, rti, place);
	Bitmapset  *selected;
	Bitmapset  *origins = NULL;
	int			attno = -1;

	if (!DSEC_SAYS_SELECTED(walk->stmt, rte))
		return dsec_walk_site_origins(site, InvalidAttrNumber);

	selected = DSEC_PLAN_SELECTED_COLUMNS(walk->stmt, rte);
	if (bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
					  selected))
		return dsec_walk_site_origins(site, InvalidAttrNumber);
	while ((attno = bms_next_member(site->attnos, attno)) >= 0)
	{
		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected))
			origins = bms_union(origins, dsec_walk_site_origins(site, attno));
	}
	return origins;
}

/* The same of a foreign table that is modified over there. */
static Bitmapset *
mentioned_by_modify(DsecWalk *walk, ForeignScan *scan, Index rti)
{
	RangeTblEntry *target = rt_fetch(rti, walk->stmt->rtable);
	DsecSite   *site;
	Bitmapset  *origins = NULL;
	bool		found = false;
	ListCell   *lc;

	if (!walk->tagged[rti])
		return NULL;
	site = dsec_walk_site(walk, &scan->scan.plan, rti, DSEC_READ_OPAQUE);

	/* what a partition is asked for is written at the root */
	foreach(lc, walk->stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Bitmapset  *selected;
		int			attno = -1;

		if (rte->rtekind != RTE_RELATION ||
			!DSEC_SAYS_MODIFIED(walk->stmt, rte) ||
			(rte != target && !rte->inh))
			continue;
		found = true;
		selected = DSEC_PLAN_SELECTED_COLUMNS(walk->stmt, rte);
		if (bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
						  selected))
			return dsec_walk_site_origins(site, InvalidAttrNumber);
		while ((attno = bms_next_member(site->attnos, attno)) >= 0)
		{
			AttrNumber	asked = rte == target ? attno :
				get_attnum(rte->relid, get_attname(target->relid, attno, false));

			if (bms_is_member(asked - FirstLowInvalidHeapAttributeNumber, selected))
				origins = bms_union(origins, dsec_walk_site_origins(site, attno));
		}
	}

	return found ? origins : dsec_walk_site_origins(site, InvalidAttrNumber);
}

void
dsec_walk_foreign_scan(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope,
				  Bitmapset *control)
{
	ForeignScan *scan = (ForeignScan *) node->node;
	Bitmapset  *remote = NULL;
	Bitmapset  *sent;
	DsecNodeFlow   *index;
	int			i = 0;
	ListCell   *lc;

	if (scan->scan.scanrelid > 0 && scan->operation == CMD_SELECT)
	{
		scope->scanrti = scan->scan.scanrelid;
		if (walk->tagged[scope->scanrti] && !shows_remote_quals(scan->fs_server))
		{
			remote = mentioned(walk, scan, scope->scanrti, DSEC_READ_SCAN);
			dsec_walk_use(walk, remote);
		}
		index = dsec_walk_new_flow(list_length(scan->fdw_scan_tlist));
		foreach(lc, scan->fdw_scan_tlist)
			index->columns[i++] = dsec_walk_eval(walk, scope, lfirst(lc), NULL);
	}
	else
	{
		Bitmapset  *relids = DSEC_FOREIGN_RELIDS(scan);
		int			rti = -1;

		/* a join, an aggregate or a modification that happens over there */
		while ((rti = bms_next_member(relids, rti)) >= 0)
		{
			if (scan->operation != CMD_SELECT &&
				rti == (int) scan->resultRelation)
				remote = bms_union(remote, mentioned_by_modify(walk, scan, rti));
			else if (scan->operation != CMD_SELECT)
				remote = bms_union(remote, dsec_walk_opaque(walk, node->node, rti));
			else if (walk->tagged[rti])
				remote = bms_union(remote, mentioned(walk, scan, rti,
													 DSEC_READ_OPAQUE));
		}
		dsec_walk_use(walk, remote);
		if (scan->operation == CMD_SELECT)
			remote = bms_union(remote, dsec_walk_opaque(walk, node->node,
													   scan->scan.scanrelid));
		index = dsec_walk_new_flow(1);
		index->columns[0] = bms_union(remote, dsec_walk_some_row(walk));
		index->ncolumns = 1;
		scope->scanrti = scan->scan.scanrelid;
		scope->values = index->columns[0];
	}
	scope->index = index;

	control = bms_union(control, remote);
	sent = dsec_walk_eval_used(walk, scope, scan->fdw_exprs, control);
	dsec_walk_ship(walk, scan->fs_server, InvalidOid,
				   bms_union(sent,
							 dsec_walk_sent_params(walk, scope, scan,
												   scan->scan.scanrelid > 0 &&
												   scan->operation == CMD_SELECT &&
												   shows_remote_quals(scan->fs_server))),
				   control);
	control = bms_union(control, sent);
	control = dsec_walk_filter(walk, scope, scan->fdw_recheck_quals, control);
	control = dsec_walk_filter(walk, scope, node->node->qual, control);
	dsec_walk_project(walk, scope, node, control);
}

void
dsec_walk_custom_scan(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	CustomScan *scan = (CustomScan *) node->node;
	DsecNodeFlow   *index;
	ListCell   *lc;
	int			rti = -1;

	if (strcmp(scan->methods->CustomName, DSEC_GUARD_NAME) == 0 &&
		outerPlan(scan) != NULL && scan->custom_plans == NIL)
	{
		/* our own hands on its child's rows */
		int			i = 0;

		scope->outer = dsec_walk_node(walk, outerPlan(scan), control);
		index = dsec_walk_new_flow(list_length(scan->custom_scan_tlist));
		foreach(lc, scan->custom_scan_tlist)
			index->columns[i++] = dsec_walk_eval(walk, scope, lfirst(lc), control);
		scope->index = index;
		control = bms_union(control, scope->outer->control);
		control = dsec_walk_filter(walk, scope, node->node->qual, control);
		dsec_walk_project(walk, scope, node, control);
		return;
	}

	/* somebody else's: all it can reach comes out in every column */
	index = dsec_walk_new_flow(1);
	index->columns[0] = dsec_walk_some_row(walk);
	foreach(lc, scan->custom_plans)
	{
		DsecNodeFlow   *child = dsec_walk_node(walk, lfirst(lc), control);

		dsec_walk_use(walk, dsec_walk_all_columns(child));
		index->columns[0] = bms_union(index->columns[0], dsec_walk_all_columns(child));
		control = bms_union(control, child->control);
	}
	while ((rti = bms_next_member(scan->custom_relids, rti)) >= 0)
		index->columns[0] = bms_union(index->columns[0],
									  dsec_walk_opaque(walk, node->node, rti));
	index->columns[0] = bms_union(index->columns[0],
								  dsec_walk_opaque(walk, node->node,
												  scan->scan.scanrelid));
	if (scan->custom_plans == NIL)
		walk->blind = node->node;

	scope->scanrti = scan->scan.scanrelid;
	scope->values = index->columns[0];
	scope->index = scope->outer = scope->inner = index;
	control = bms_union(control, index->columns[0]);
	control = bms_union(control,
						dsec_walk_eval_used(walk, scope, scan->custom_exprs, control));
	control = dsec_walk_filter(walk, scope, node->node->qual, control);
	dsec_walk_project(walk, scope, node, control);
}

void
dsec_walk_value_scan(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	Plan	   *plan = node->node;
	Bitmapset  *origins = NULL;
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_FunctionScan:
			foreach(lc, ((FunctionScan *) plan)->functions)
				origins = bms_union(origins,
									dsec_walk_eval_used(walk, scope,
											  lfirst_node(RangeTblFunction, lc)->funcexpr,
											  control));
			break;
		case T_TableFuncScan:
			{
				TableFunc  *func = ((TableFuncScan *) plan)->tablefunc;

				/* XML and JSON tables quote what they cannot read */
				origins = dsec_walk_eval_used(walk, scope, func->docexpr, control);
				origins = bms_union(origins,
									dsec_walk_eval_used(walk, scope, func->ns_uris, control));
				origins = bms_union(origins,
									dsec_walk_eval_used(walk, scope, func->rowexpr, control));
				origins = bms_union(origins,
									dsec_walk_eval_used(walk, scope, func->colexprs, control));
				origins = bms_union(origins,
									dsec_walk_eval_used(walk, scope, func->coldefexprs, control));
				dsec_walk_show(walk, bms_union(origins, control));
				break;
			}
		default:
			foreach(lc, ((ValuesScan *) plan)->values_lists)
				origins = bms_union(origins,
									dsec_walk_eval(walk, scope, lfirst(lc), control));
			break;
	}

	scope->scanrti = ((Scan *) plan)->scanrelid;
	scope->values = origins;
	if (!IsA(plan, ValuesScan))
		scope->values = bms_union(origins, dsec_walk_some_row(walk));
	if (!IsA(plan, ValuesScan))
		control = bms_union(control, origins);
	control = dsec_walk_filter(walk, scope, plan->qual, control);
	dsec_walk_project(walk, scope, node, control);
}
