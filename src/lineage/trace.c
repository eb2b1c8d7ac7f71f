/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  Carry subject keys from the scans of a finished plan to its top.
 *
 * The plan is the one PostgreSQL chose; nothing but target lists grows.  A key
 * is a Var added, as junk, to the target list of the scan that reads the
 * tagged column, and to that of every node above it.  That is sound through
 * nodes that hand on rows one by one: whatever leaves the top carries the keys
 * of the rows it was made from (law L3).  At a node that mixes rows (an
 * aggregate, DISTINCT, a set operation, a window), or that does not hand the
 * row on (the inner side of a semijoin), the trace ends, and the reads below
 * are left to be charged at the source.
 *
 * No Var is added for a permission check to see: range table entries stay as
 * they are, so a role without rights on the key column is not disturbed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "lineage/cover.h"
#include "lineage/indexonly.h"
#include "lineage/plantree.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

typedef struct TraceContext
{
	List	   *coverages;
	int			last_node_id;
} TraceContext;

typedef struct MarkContext
{
	List	   *coverages;
	const char *why;
} MarkContext;

/* one group of an Append, and what each member calls it */
typedef struct MergedGroup
{
	DsecGroup  *group;
	DsecGroup **members;		/* by child; NULL where it has no such group */
} MergedGroup;

static List *trace(TraceContext *context, Plan **plan);

static DsecCoverage *
coverage_of(List *coverages, Plan *node)
{
	ListCell   *lc;

	foreach(lc, coverages)
	{
		DsecCoverage *coverage = lfirst(lc);

		if (coverage->read->node == node)
			return coverage;
	}

	return NULL;
}

static void
mark_node(Plan **plan, void *arg)
{
	MarkContext *context = arg;
	DsecCoverage *coverage = coverage_of(context->coverages, *plan);

	if (coverage && coverage->why == NULL)
		coverage->why = context->why;
	dsec_plan_children(*plan, mark_node, context);
}

/* Note why nothing at or below this node is traced. */
static List *
stop(TraceContext *context, Plan *plan, const char *why)
{
	MarkContext mark = {context->coverages, why};

	mark_node(&plan, &mark);

	return NIL;
}

static DsecGroup *
copy_group(const DsecGroup *group, List *positions)
{
	DsecGroup  *copy = palloc(sizeof(DsecGroup));

	*copy = *group;
	copy->positions = positions;

	return copy;
}

static List *
trace_scan(TraceContext *context, Plan *plan)
{
	DsecCoverage *coverage = coverage_of(context->coverages, plan);
	Index		rti = dsec_plan_scanrelid(plan);
	List	   *result = NIL;
	List	   *vars = NIL;
	ListCell   *lc;
	ListCell   *lv;

	if (coverage == NULL || coverage->read->place != DSEC_READ_SCAN)
		return NIL;
	if (coverage->read->leaky)
	{
		coverage->why = "a function that is not known to be harmless sees it";
		return NIL;
	}

	/* can this scan deliver every column? */
	foreach(lc, coverage->groups)
	{
		DsecGroup  *group = lfirst(lc);
		ListCell   *la;

		foreach(la, group->columns)
		{
			Var		   *var;

			if (IsA(plan, IndexOnlyScan))
				var = dsec_plan_index_only_var((IndexOnlyScan *) plan,
											   lfirst_int(la));
			else
				var = dsec_plan_relation_var(rti, coverage->read->relid,
											 lfirst_int(la));
			if (var == NULL)
			{
				coverage->why = "the index does not hold the subject key";
				return NIL;
			}
			vars = lappend(vars, var);
		}
	}

	lv = list_head(vars);
	foreach(lc, coverage->groups)
	{
		DsecGroup  *group = lfirst(lc);
		List	   *positions = NIL;

		for (int i = 0; i < list_length(group->columns); i++)
		{
			positions = lappend_int(positions,
									dsec_plan_add_target(plan, lfirst(lv)));
			lv = lnext(vars, lv);
		}
		group = copy_group(group, positions);
		group->rtis = list_make1_int(rti);
		result = lappend(result, group);
	}
	coverage->traced = true;

	return result;
}

/* Hand the groups of a child on through the target list of its parent. */
static List *
hand_on(Plan *plan, int varno, Plan *child, List *groups)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, groups)
	{
		DsecGroup  *group = lfirst(lc);
		List	   *positions = NIL;
		ListCell   *lp;

		foreach(lp, group->positions)
		{
			Var		   *var = dsec_plan_child_var(varno, child, lfirst_int(lp));

			positions = lappend_int(positions,
									dsec_plan_add_target(plan, (Expr *) var));
		}
		result = lappend(result, copy_group(group, positions));
	}

	return result;
}

static List *
trace_join(TraceContext *context, Join *join)
{
	Plan	   *plan = &join->plan;
	List	   *outer;
	List	   *inner;

	if (DSEC_JOIN_EMITS_OUTER(join->jointype))
		outer = trace(context, &plan->lefttree);
	else
		outer = stop(context, plan->lefttree,
					 "a semijoin or antijoin does not hand its rows on");
	if (DSEC_JOIN_EMITS_INNER(join->jointype))
		inner = trace(context, &plan->righttree);
	else
		inner = stop(context, plan->righttree,
					 "a semijoin or antijoin does not hand its rows on");

	outer = hand_on(plan, OUTER_VAR, plan->lefttree, outer);
	inner = hand_on(plan, INNER_VAR, plan->righttree, inner);

	return list_concat(outer, inner);
}

static Oid
position_type(Plan *plan, int position)
{
	return exprType((Node *) list_nth_node(TargetEntry, plan->targetlist,
										   position - 1)->expr);
}

/* May rows of both groups go through the same columns? */
static bool
same_columns(const DsecGroup *a, Plan *achild, const DsecGroup *b, Plan *bchild)
{
	ListCell   *la;
	ListCell   *lb;

	if (strcmp(a->space, b->space) != 0 ||
		a->nkeys != b->nkeys || a->rowid != b->rowid ||
		!equal(a->categories, b->categories) ||
		!equal(a->populations, b->populations))
		return false;

	forboth(la, a->positions, lb, b->positions)
	{
		if (position_type(achild, lfirst_int(la)) !=
			position_type(bchild, lfirst_int(lb)))
			return false;
	}

	return true;
}

/* The groups that leave an Append, with their counterparts in each child. */
static List *
merge_groups(List *children, List **groups)
{
	List	   *merged = NIL;
	int			nchildren = list_length(children);

	for (int i = 0; i < nchildren; i++)
	{
		ListCell   *lc;

		foreach(lc, groups[i])
		{
			DsecGroup  *group = lfirst(lc);
			MergedGroup *target = NULL;
			ListCell   *lm;

			foreach(lm, merged)
			{
				MergedGroup *candidate = lfirst(lm);
				int			first = 0;

				if (candidate->members[i] != NULL)
					continue;
				while (candidate->members[first] == NULL)
					first++;
				if (same_columns(candidate->members[first],
								 list_nth(children, first),
								 group, list_nth(children, i)))
				{
					target = candidate;
					break;
				}
			}
			if (target == NULL)
			{
				target = palloc(sizeof(MergedGroup));
				target->group = copy_group(group, NIL);
				target->group->rtis = NIL;
				target->members = palloc0(sizeof(DsecGroup *) * nchildren);
				merged = lappend(merged, target);
			}
			target->members[i] = group;
			target->group->rtis = list_concat_unique_int(target->group->rtis,
														 group->rtis);
		}
	}

	return merged;
}

static bool
can_project(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return true;
		default:
			return false;
	}
}

/*
 * Give a child of an Append exactly n columns and the extra ones: wanted[i] is
 * the child's position of extra column i, or 0 for a NULL of types[i].
 */
static Plan *
fit_child(TraceContext *context, Plan *child, int n, List *wanted, List *types)
{
	bool		fits;
	int			i = 0;
	ListCell   *lw;
	ListCell   *lt;
	Plan	   *plan = child;
	List	   *extra = NIL;

	fits = list_length(child->targetlist) == n + list_length(wanted);
	foreach(lw, wanted)
		fits &= lfirst_int(lw) == n + ++i;
	if (fits)
		return child;

	if (!can_project(child) || list_length(child->targetlist) != n)
	{
		Result	   *result = makeNode(Result);
		ListCell   *lc;

		plan = &result->plan;
		plan->startup_cost = child->startup_cost;
		plan->total_cost = child->total_cost;
		plan->plan_rows = child->plan_rows;
		plan->plan_width = child->plan_width;
		plan->parallel_safe = child->parallel_safe;
		plan->plan_node_id = ++context->last_node_id;
		plan->extParam = bms_copy(child->extParam);
		plan->allParam = bms_copy(child->allParam);
		plan->lefttree = child;
		foreach(lc, child->targetlist)
		{
			TargetEntry *tle = flatCopyTargetEntry(lfirst(lc));

			if (tle->resno > n)
				break;
			tle->expr = (Expr *) dsec_plan_child_var(OUTER_VAR, child, tle->resno);
			plan->targetlist = lappend(plan->targetlist, tle);
		}
	}

	i = n;
	forboth(lw, wanted, lt, types)
	{
		Expr	   *expr;

		if (lfirst_int(lw) == 0)
			expr = (Expr *) makeNullConst(lfirst_oid(lt), -1, InvalidOid);
		else if (plan != child)
			expr = (Expr *) dsec_plan_child_var(OUTER_VAR, child, lfirst_int(lw));
		else
			expr = copyObject(list_nth_node(TargetEntry, child->targetlist,
											lfirst_int(lw) - 1)->expr);
		extra = lappend(extra, makeTargetEntry(expr, ++i, NULL, true));
	}
	plan->targetlist = list_concat_copy(plan->targetlist, extra);

	return plan;
}

static List *
trace_append(TraceContext *context, Plan *plan, List *children)
{
	int			n = list_length(plan->targetlist);
	int			nchildren = list_length(children);
	List	  **groups = palloc0(sizeof(List *) * nchildren);
	List	  **wanted = palloc0(sizeof(List *) * nchildren);
	List	   *types = NIL;
	List	   *merged;
	List	   *result = NIL;
	ListCell   *lc;

	for (int i = 0; i < nchildren; i++)
	{
		ListCell   *cell = list_nth_cell(children, i);
		Plan	   *child = lfirst(cell);

		groups[i] = trace(context, &child);
		lfirst(cell) = child;
	}

	merged = merge_groups(children, groups);
	foreach(lc, merged)
	{
		MergedGroup *target = lfirst(lc);
		List	   *positions = NIL;
		int			ncolumns = list_length(target->group->columns);

		for (int c = 0; c < ncolumns; c++)
		{
			int			shared = 0;
			Oid			type = InvalidOid;

			/* the same column of every child, and one that the Append has? */
			for (int i = 0; i < nchildren; i++)
			{
				DsecGroup  *member = target->members[i];
				int			position = member ?
					list_nth_int(member->positions, c) : -1;

				if (member)
					type = position_type(list_nth(children, i), position);
				if (i == 0)
					shared = position;
				else if (shared != position)
					shared = -1;
			}
			if (shared >= 1 && shared <= n)
			{
				positions = lappend_int(positions, shared);
				continue;
			}

			/* no: an extra column */
			types = lappend_oid(types, type);
			for (int i = 0; i < nchildren; i++)
				wanted[i] = lappend_int(wanted[i], target->members[i] ?
										list_nth_int(target->members[i]->positions, c) : 0);
			positions = lappend_int(positions, n + list_length(types));
		}
		result = lappend(result, copy_group(target->group, positions));
	}

	if (types != NIL)
	{
		int			position = n;

		for (int i = 0; i < nchildren; i++)
		{
			ListCell   *cell = list_nth_cell(children, i);

			lfirst(cell) = fit_child(context, lfirst(cell), n, wanted[i], types);
		}
		plan->targetlist = list_copy(plan->targetlist);
		foreach(lc, types)
		{
			Plan	   *child = linitial(children);
			Expr	   *var;

			position++;
			var = (Expr *) dsec_plan_child_var(OUTER_VAR, child, position);
			plan->targetlist = lappend(plan->targetlist,
									   makeTargetEntry(var, position, NULL, true));
		}
	}

	return result;
}

static List *
trace_subquery(TraceContext *context, SubqueryScan *scan)
{
	List	   *groups = trace(context, &scan->subplan);

	return hand_on(&scan->scan.plan, scan->scan.scanrelid, scan->subplan, groups);
}

/*
 * Make the keys of everything traceable below the node part of its target list.
 * Returns the groups with their positions there.
 */
static List *
trace(TraceContext *context, Plan **plan)
{
	Plan	   *node = *plan;

	check_stack_depth();

	switch (nodeTag(node))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			return trace_scan(context, node);

		case T_SubqueryScan:
			return trace_subquery(context, (SubqueryScan *) node);

		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return trace_join(context, (Join *) node);

		case T_Append:
			return trace_append(context, node, ((Append *) node)->appendplans);
		case T_MergeAppend:
			return trace_append(context, node, ((MergeAppend *) node)->mergeplans);

		case T_Result:
		case T_ProjectSet:
		case T_Sort:
		case T_IncrementalSort:
		case T_Limit:
		case T_LockRows:
		case T_Material:
		case T_Memoize:
		case T_Hash:
		case T_Gather:
		case T_GatherMerge:
			if (node->lefttree == NULL)
				return NIL;
			return hand_on(node, OUTER_VAR, node->lefttree,
						   trace(context, &node->lefttree));

		case T_Agg:
		case T_Group:
			return stop(context, node, "an aggregate mixes rows");
		case T_Unique:
			return stop(context, node, "DISTINCT mixes rows");
		case T_SetOp:
			return stop(context, node, "a set operation mixes rows");
		case T_WindowAgg:
			return stop(context, node, "a window function sees several rows");
		case T_RecursiveUnion:
			return stop(context, node, "a recursive query mixes rows");
		case T_ModifyTable:
			return stop(context, node, "the rows are written, not returned");
		default:
			return stop(context, node, "the plan node is not one that hands on rows");
	}
}

List *
dsec_cover_trace(PlannedStmt *stmt, List *coverages)
{
	TraceContext context;
	List	   *groups;
	ListCell   *lc;

	context.coverages = coverages;
	context.last_node_id = dsec_plan_max_node_id(stmt);

	groups = trace(&context, &stmt->planTree);

	/* what was not reached is in a subplan, a CTE or an initplan */
	foreach(lc, coverages)
	{
		DsecCoverage *coverage = lfirst(lc);

		if (!coverage->traced && coverage->why == NULL)
			coverage->why = "it is read in a subquery of its own";
	}

	return groups;
}
