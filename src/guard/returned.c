/*-------------------------------------------------------------------------
 *
 * returned.c
 *	  Copies of tagged data that functions have read and returned.
 *
 * No plan says what a function reads by queries of its own.  When a query that
 * writes has run, and nested queries have read tagged columns meanwhile, columns
 * that may hold what a function returned are tagged.  Other sessions see neither
 * rows nor tags before the transaction commits.
 *
 * Nobody knows whose data it is, so these columns get subjects=many.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "guard/copies.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "guard/copies_int.h"
#include "guard/taint.h"
#include "guc.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/plantree.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "tcop/dest.h"
#include "utils/lsyscache.h"

/* Could the function have run a query and return what it has read? */
static bool
returns_data(Oid function, void *context)
{
	if (function >= FirstNormalObjectId)
		return true;
	if (func_volatile(function) == PROVOLATILE_IMMUTABLE)
		return false;
	switch (get_func_rettype(function))
	{
		case TEXTOID:
		case XMLOID:
		case RECORDOID:
			return true;
		default:
			return false;
	}
}

static bool
calls_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, returns_data, NULL))
		return true;
	return expression_tree_walker(node, calls_walker, context);
}

/* Is such a function called below, so that a column may have its result? */
static void
calls_below(Plan **plan, void *arg)
{
	bool	   *found = arg;

	if (*plan == NULL || *found)
		return;
	*found = calls_walker((Node *) (*plan)->targetlist, NULL);
	if (!*found && IsA(*plan, FunctionScan))
		*found = calls_walker((Node *) ((FunctionScan *) *plan)->functions, NULL);
	if (!*found)
		dsec_plan_children(*plan, calls_below, arg);
}

static bool
value_is_returned(Plan *plan, Node *expression)
{
	bool		found = false;

	if (IsA(expression, Const))
		return false;
	if (calls_walker(expression, NULL))
		return true;
	if (IsA(plan, FunctionScan))
		return calls_walker((Node *) ((FunctionScan *) plan)->functions, NULL);
	dsec_plan_children(plan, calls_below, &found);

	return found;
}

/* Copies to the columns that may hold what a function returned. */
static List *
returned_copies(Plan *plan, Oid relid, List *colnos, List *columns)
{
	List	   *copies = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		AttrNumber	attno = entry->resno;
		DsecCopy   *copy;

		if (entry->resjunk)
			continue;
		if (colnos != NIL)
		{
			if (n >= list_length(colnos))
				break;
			attno = list_nth_int(colnos, n++);
		}
		if (!value_is_returned(plan, (Node *) entry->expr) ||
			!dsec_copies_may_come_from(relid, attno, columns))
			continue;
		copy = palloc0(sizeof(DsecCopy));
		copy->target = relid;
		copy->attno = attno;
		copy->sources = columns;
		copy->merged = true;
		copies = lappend(copies, copy);
	}

	return copies;
}

static void
follow_returned(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	Plan	   *plan = stmt->planTree;
	List	   *columns;
	List	   *copies = NIL;

	if (!dsec_taint_active(&columns))
		return;
	if (plan != NULL && dsec_lineage_is_covered(stmt))
		plan = plan->lefttree;
	if (plan == NULL)
		return;
	if (IsA(plan, ModifyTable))
	{
		ModifyTable *node = (ModifyTable *) plan;
		Index		rti = node->rootRelation;

		if (rti == 0)
			rti = linitial_int(node->resultRelations);

		if (node->operation == CMD_INSERT || node->operation == CMD_UPDATE)
			copies = returned_copies(outerPlan(plan),
									 rt_fetch(rti, stmt->rtable)->relid,
									 node->operation == CMD_UPDATE ?
									 linitial(node->updateColnosLists) : NIL,
									 columns);
	}
	else if (queryDesc->dest->mydest == DestIntoRel)
	{
		Oid			relid = dsec_copies_created_by(queryDesc->dest);

		/* in permissive mode it may not have been possible to tell */
		if (!OidIsValid(relid))
			elog(ERROR, "could not tell which relation was created");
		copies = returned_copies(plan, relid, NIL, columns);
	}
	if (copies != NIL)
		dsec_copies_follow(copies, 0, ((DsecCopy *) linitial(copies))->target,
			   dsec_copies_statement(stmt->commandType));
}

void
dsec_copies_returned(QueryDesc *queryDesc)
{
	if ((queryDesc->plannedstmt->resultRelations != NIL ||
		 queryDesc->dest->mydest == DestIntoRel) &&
		dsec_guc_mode != DSEC_MODE_OFF && IsTransactionState() &&
		!IsParallelWorker() && !IsInParallelMode())
		dsec_copies_forgiving(follow_returned, queryDesc);
}
