/*-------------------------------------------------------------------------
 *
 * indexonly.c
 *	  Index-only scans whose index does not hold the subject key.
 *
 * An index-only scan can deliver what its index stores and nothing else.  When
 * the key of the subject is not there, the same index is scanned with visits
 * to the table: same rows, same order, same quals.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lineage/indexonly.h"
#include "lineage/plantree.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

typedef struct WidenContext
{
	List	   *(*columns) (Index rti, void *arg);
	void	   *arg;
} WidenContext;

Var *
dsec_plan_index_only_var(IndexOnlyScan *scan, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, scan->indextlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) tle->expr;

		/* a junk entry is a column that the index cannot give back */
		if (!tle->resjunk && IsA(var, Var) &&
			var->varno == (int) scan->scan.scanrelid && var->varattno == attno)
			return makeVar(INDEX_VAR, tle->resno, var->vartype,
						   var->vartypmod, var->varcollid, 0);
	}

	return NULL;
}

/* Replace references to the index's columns by what these columns hold. */
static Node *
table_expression(Node *node, void *arg)
{
	IndexOnlyScan *scan = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == INDEX_VAR)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, scan->indextlist,
										 ((Var *) node)->varattno - 1);

		return copyObject((Node *) tle->expr);
	}

	return expression_tree_mutator(node, table_expression, arg);
}

static IndexScan *
index_scan(IndexOnlyScan *scan)
{
	IndexScan  *result = makeNode(IndexScan);

	result->scan = scan->scan;
	NodeSetTag(result, T_IndexScan);
	result->scan.plan.targetlist = (List *)
		table_expression((Node *) scan->scan.plan.targetlist, scan);
	result->scan.plan.qual = (List *)
		table_expression((Node *) scan->scan.plan.qual, scan);
	result->indexid = scan->indexid;
	result->indexqual = scan->indexqual;
	result->indexqualorig = (List *)
		table_expression((Node *) scan->recheckqual, scan);
	result->indexorderdir = scan->indexorderdir;

	return result;
}

static void
widen(Plan **plan, void *arg)
{
	WidenContext *context = arg;

	if (IsA(*plan, IndexOnlyScan))
	{
		IndexOnlyScan *scan = (IndexOnlyScan *) *plan;
		List	   *columns = context->columns(scan->scan.scanrelid,
											   context->arg);
		ListCell   *lc;

		foreach(lc, columns)
		{
			if (scan->indexorderby == NIL &&
				dsec_plan_index_only_var(scan, lfirst_int(lc)) == NULL)
			{
				*plan = (Plan *) index_scan(scan);
				break;
			}
		}
	}

	dsec_plan_children(*plan, widen, arg);
}

void
dsec_plan_widen_index_only(PlannedStmt *stmt,
						   List *(*columns) (Index rti, void *arg), void *arg)
{
	WidenContext context = {columns, arg};
	ListCell   *lc;

	widen(&stmt->planTree, &context);
	foreach(lc, stmt->subplans)
	{
		Plan	   *plan = lfirst(lc);

		if (plan)
		{
			widen(&plan, &context);
			lfirst(lc) = plan;
		}
	}
}
