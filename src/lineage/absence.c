/*-------------------------------------------------------------------------
 *
 * absence.c
 *	  Scans whose missing rows show.
 *
 * What comes out of an antijoin, of EXCEPT or of NOT IN is what has no partner:
 * of a scan on the other side it is the rows that a qual has dropped that show,
 * not those that it has let through.  Such a scan is charged in front of its
 * first qual on a tagged column.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "lineage/cover.h"
#include "lineage/plantree.h"
#include "nodes/nodeFuncs.h"

typedef struct AbsenceContext
{
	PlannedStmt *stmt;
	List	   *coverages;
	bool		shows;			/* absence shows below the node at hand */
} AbsenceContext;

static void mark_plan(Plan **plan, void *arg);

static void
mark_below(Plan **plan, AbsenceContext *context, bool shows)
{
	bool		saved = context->shows;

	if (*plan == NULL)
		return;
	context->shows |= shows;
	mark_plan(plan, context);
	context->shows = saved;
}

static bool
mark_subplans(Node *node, void *arg)
{
	AbsenceContext *context = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
	{
		SubPlan    *subplan = (SubPlan *) node;
		Plan	   *plan = list_nth(context->stmt->subplans,
									subplan->plan_id - 1);

		if (subplan->subLinkType == EXISTS_SUBLINK ||
			subplan->subLinkType == ANY_SUBLINK ||
			subplan->subLinkType == ALL_SUBLINK)
			mark_below(&plan, context, true);
	}

	return expression_tree_walker(node, mark_subplans, arg);
}

static void
mark_plan(Plan **plan, void *arg)
{
	AbsenceContext *context = arg;
	Plan	   *node = *plan;
	ListCell   *lc;

	if (context->shows)
	{
		foreach(lc, context->coverages)
		{
			DsecCoverage *coverage = lfirst(lc);

			if (coverage->read->node == node)
				coverage->absence = true;
		}
	}

	(void) mark_subplans((Node *) node->qual, context);
	(void) mark_subplans((Node *) node->targetlist, context);

	switch (nodeTag(node))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			{
				Join	   *join = (Join *) node;

				(void) mark_subplans((Node *) join->joinqual, context);
				mark_below(&node->lefttree, context,
						   !DSEC_JOIN_EMITS_OUTER(join->jointype));
				mark_below(&node->righttree, context,
						   join->jointype == JOIN_ANTI);
				return;
			}
		case T_SetOp:
			mark_below(&node->lefttree, context,
					   ((SetOp *) node)->cmd == SETOPCMD_EXCEPT ||
					   ((SetOp *) node)->cmd == SETOPCMD_EXCEPT_ALL);
			mark_below(&node->righttree, context,
					   ((SetOp *) node)->cmd == SETOPCMD_EXCEPT ||
					   ((SetOp *) node)->cmd == SETOPCMD_EXCEPT_ALL);
			return;
		default:
			dsec_plan_children(node, mark_plan, context);
			break;
	}
}

void
dsec_cover_find_absence(PlannedStmt *stmt, List *coverages)
{
	AbsenceContext context = {stmt, coverages, false};
	ListCell   *lc;

	mark_plan(&stmt->planTree, &context);
	foreach(lc, stmt->subplans)
	{
		Plan	   *plan = lfirst(lc);

		if (plan)
			mark_plan(&plan, &context);
	}
}
