/*-------------------------------------------------------------------------
 *
 * plantree.c
 *	  Small helpers over finished plan trees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "lineage/plantree.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

static void
visit_list(List *plans, void (*visit) (Plan **child, void *arg), void *arg)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		Plan	   *child = lfirst(lc);

		visit(&child, arg);
		lfirst(lc) = child;
	}
}

void
dsec_plan_children(Plan *plan, void (*visit) (Plan **child, void *arg),
				   void *arg)
{
	if (plan->lefttree)
		visit(&plan->lefttree, arg);
	if (plan->righttree)
		visit(&plan->righttree, arg);

	switch (nodeTag(plan))
	{
		case T_Append:
			visit_list(((Append *) plan)->appendplans, visit, arg);
			break;
		case T_MergeAppend:
			visit_list(((MergeAppend *) plan)->mergeplans, visit, arg);
			break;
		case T_BitmapAnd:
			visit_list(((BitmapAnd *) plan)->bitmapplans, visit, arg);
			break;
		case T_BitmapOr:
			visit_list(((BitmapOr *) plan)->bitmapplans, visit, arg);
			break;
		case T_SubqueryScan:
			visit(&((SubqueryScan *) plan)->subplan, arg);
			break;
		case T_CustomScan:
			visit_list(((CustomScan *) plan)->custom_plans, visit, arg);
			break;
		default:
			break;
	}
}

static void
max_node_id(Plan **plan, void *arg)
{
	int		   *max = arg;

	*max = Max(*max, (*plan)->plan_node_id);
	dsec_plan_children(*plan, max_node_id, arg);
}

int
dsec_plan_max_node_id(PlannedStmt *stmt)
{
	int			max = 0;
	ListCell   *lc;

	max_node_id(&stmt->planTree, &max);
	foreach(lc, stmt->subplans)
	{
		Plan	   *plan = lfirst(lc);

		if (plan)
			max_node_id(&plan, &max);
	}

	return max;
}

Index
dsec_plan_scanrelid(Plan *plan)
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
			return ((Scan *) plan)->scanrelid;
		default:
			return 0;
	}
}

int
dsec_plan_add_target(Plan *plan, Expr *expr)
{
	ListCell   *lc;
	int			position = list_length(plan->targetlist) + 1;

	foreach(lc, plan->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (equal(tle->expr, expr))
			return tle->resno;
	}

	/* the list may be shared with another node */
	plan->targetlist = lappend(list_copy(plan->targetlist),
							   makeTargetEntry(expr, position, NULL, true));

	return position;
}

Var *
dsec_plan_child_var(int varno, Plan *child, int position)
{
	TargetEntry *tle = list_nth_node(TargetEntry, child->targetlist,
									 position - 1);
	Node	   *expr = (Node *) tle->expr;

	return makeVar(varno, position, exprType(expr), exprTypmod(expr),
				   exprCollation(expr), 0);
}

Var *
dsec_plan_relation_var(Index rti, Oid relid, AttrNumber attno)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	switch (attno)
	{
		case SelfItemPointerAttributeNumber:
			return makeVar(rti, attno, TIDOID, -1, InvalidOid, 0);
		case TableOidAttributeNumber:
			return makeVar(rti, attno, OIDOID, -1, InvalidOid, 0);
		default:
			get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
			return makeVar(rti, attno, type, typmod, collation, 0);
	}
}
