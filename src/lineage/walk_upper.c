/*-------------------------------------------------------------------------
 *
 * walk_upper.c
 *	  The plan walk: nodes above the scans.
 *
 * Joins, unions, aggregates, and whatever has one child; also ModifyTable, the
 * one node besides scans that hands out rows of a relation.  See walk.c for
 * what is computed, and walk_int.h for the helpers.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/walk_int.h"

#include "access/sysattr.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lineage/harmless.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

void
dsec_walk_join(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	Join	   *join = (Join *) node->node;
	ListCell   *lc;

	scope->outer = dsec_walk_node(walk, outerPlan(join), control);
	control = bms_union(control, scope->outer->control);

	if (IsA(join, NestLoop))
	{
		foreach(lc, ((NestLoop *) join)->nestParams)
		{
			NestLoopParam *param = lfirst_node(NestLoopParam, lc);

			dsec_walk_merge(walk, &walk->params[param->paramno],
				  dsec_walk_eval_used(walk, scope, param->paramval, control));
		}
		/* the inner side runs once for each row of the outer */
		scope->inner = dsec_walk_node(walk, innerPlan(join), control);
	}
	else
		scope->inner = dsec_walk_node(walk, innerPlan(join), node->context);
	control = bms_union(control, scope->inner->control);

	if (IsA(join, HashJoin))
	{
		control = bms_union(control,
							dsec_walk_eval_used(walk, scope, ((HashJoin *) join)->hashkeys,
									  control));
		control = dsec_walk_filter(walk, scope, ((HashJoin *) join)->hashclauses, control);
	}
	else if (IsA(join, MergeJoin))
		control = dsec_walk_filter(walk, scope, ((MergeJoin *) join)->mergeclauses,
						 control);

	control = dsec_walk_filter(walk, scope, join->joinqual, control);
	control = dsec_walk_filter(walk, scope, join->plan.qual, control);
	dsec_walk_project(walk, scope, node, control);
}

void
dsec_walk_append(DsecWalk *walk, DsecNodeFlow *node, List *children, Bitmapset *control)
{
	Bitmapset  *context = control;
	ListCell   *lc;

	foreach(lc, children)
	{
		DsecNodeFlow   *child = dsec_walk_node(walk, lfirst(lc), context);

		for (int i = 0; i < node->ncolumns; i++)
			dsec_walk_merge(walk, &node->columns[i], dsec_walk_column(child, i + 1));
		control = bms_union(control, child->control);

		if (IsA(node->node, MergeAppend))
		{
			MergeAppend *append = (MergeAppend *) node->node;

			control = dsec_walk_keys(walk, lfirst(lc), child, append->numCols,
						   append->sortColIdx, append->sortOperators, control);
		}
	}
	dsec_walk_merge(walk, &node->control, control);
}

static void
walk_agg(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	Agg		   *agg = (Agg *) node->node;
	Plan	   *childplan = outerPlan(agg);
	ListCell   *lc;
	int			i = 0;

	control = dsec_walk_keys(walk, childplan, scope->outer, agg->numCols, agg->grpColIdx,
				   agg->grpOperators, control);

	/* grouping sets: further groupings of the same rows, maybe sorted anew */
	foreach(lc, agg->chain)
	{
		Agg		   *link = lfirst_node(Agg, lc);
		Sort	   *sort = (Sort *) link->plan.lefttree;

		if (sort)
			control = dsec_walk_keys(walk, childplan, scope->outer, sort->numCols,
						   sort->sortColIdx, sort->sortOperators, control);
		control = dsec_walk_keys(walk, childplan, scope->outer, link->numCols,
					   link->grpColIdx, link->grpOperators, control);
	}

	control = dsec_walk_filter(walk, scope, agg->plan.qual, control);
	dsec_walk_project(walk, scope, node, control);

	/*
	 * Which rows there were decides what a count of them is.  A copy of a
	 * count holds no data; that of a sum has its control besides.
	 */
	foreach(lc, agg->plan.targetlist)
	{
		if (walk->copies == NULL &&
			!IsA(lfirst_node(TargetEntry, lc)->expr, Var))
			dsec_walk_merge(walk, &node->columns[i], control);
		i++;
	}
}

static void
walk_window_agg(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	WindowAgg  *agg = (WindowAgg *) node->node;
	Bitmapset  *told;
	ListCell   *lc;
	int			i = 0;

	control = dsec_walk_keys(walk, outerPlan(agg), scope->outer, agg->partNumCols,
				   agg->partColIdx, agg->partOperators, control);
	control = dsec_walk_keys(walk, outerPlan(agg), scope->outer, agg->ordNumCols,
				   agg->ordColIdx, agg->ordOperators, control);
	control = bms_union(control,
						dsec_walk_eval_used(walk, scope, agg->startOffset, control));
	control = bms_union(control,
						dsec_walk_eval_used(walk, scope, agg->endOffset, control));
	if ((OidIsValid(agg->startInRangeFunc) &&
		 !dsec_lineage_harmless(agg->startInRangeFunc)) ||
		(OidIsValid(agg->endInRangeFunc) &&
		 !dsec_lineage_harmless(agg->endInRangeFunc)))
		dsec_walk_show(walk, control);

	dsec_walk_project(walk, scope, node, control);
	told = walk->copies ? dsec_walk_frame(walk, agg, scope, control) : control;
	foreach(lc, agg->plan.targetlist)
	{
		if (!IsA(lfirst_node(TargetEntry, lc)->expr, Var))
			dsec_walk_merge(walk, &node->columns[i], told);
		i++;
	}

	/* both look at what the window functions gave */
	scope->self = node;
	control = dsec_walk_filter(walk, scope, agg->runCondition, control);
	control = dsec_walk_filter(walk, scope, agg->plan.qual, control);
	dsec_walk_merge(walk, &node->control, control);
}

void
dsec_walk_recursive_union(DsecWalk *walk, DsecNodeFlow *node, Bitmapset *control)
{
	RecursiveUnion *recursion = (RecursiveUnion *) node->node;
	DsecNodeFlow   *child;

	walk->worktables[recursion->wtParam] = node;

	child = dsec_walk_node(walk, outerPlan(recursion), control);
	for (int i = 0; i < node->ncolumns; i++)
		dsec_walk_merge(walk, &node->columns[i], dsec_walk_column(child, i + 1));
	dsec_walk_merge(walk, &node->control, child->control);

	child = dsec_walk_node(walk, innerPlan(recursion),
					  bms_union(control, node->control));
	for (int i = 0; i < node->ncolumns; i++)
		dsec_walk_merge(walk, &node->columns[i], dsec_walk_column(child, i + 1));
	dsec_walk_merge(walk, &node->control, child->control);

	dsec_walk_use(walk, dsec_walk_all_columns(node));
	dsec_walk_merge(walk, &node->control,
		  dsec_walk_keys(walk, outerPlan(recursion), node, recursion->numCols,
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

/*
 * Tagged columns of a relation that show when its rows are deleted: all of them
 * to a trigger that a user made, and the columns that a foreign key refers to
 * in the error that the row is still referenced.
 */
static Bitmapset *
columns_of_deleted_rows(Oid relid, Bitmapset *tagged)
{
	Relation	rel = RelationIdGetRelation(relid);
	TriggerDesc *triggers = rel->trigdesc;
	Bitmapset  *result = NULL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];
		int			attno = -1;
		Bitmapset  *keys;

		if (!TRIGGER_FOR_ROW(trigger->tgtype) ||
			!TRIGGER_FOR_DELETE(trigger->tgtype))
			continue;
		if (!trigger->tgisinternal)
		{
			result = bms_copy(tagged);
			break;
		}
		if (RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_PK)
			continue;
		keys = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_KEY);
		while ((attno = bms_next_member(tagged, attno)) >= 0)
		{
			if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, keys))
				result = bms_add_member(result, attno);
		}
	}
	RelationClose(rel);

	return result;
}

/* Every scan of the relation below the node reads these columns. */
static void
use_scans(DsecWalk *walk, Plan *plan, Index rti, const Bitmapset *attnos)
{
	DsecSite   *site;
	ListCell   *lc;
	List	   *children = NIL;
	int			attno = -1;

	check_stack_depth();

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
			if (((Scan *) plan)->scanrelid != rti)
				break;
			site = dsec_walk_site(walk, plan, rti, DSEC_READ_SCAN);
			while ((attno = bms_next_member(attnos, attno)) >= 0)
				dsec_walk_use(walk, dsec_walk_site_origins(site, attno));
			break;
		case T_Append:
			children = ((Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((MergeAppend *) plan)->mergeplans;
			break;
		case T_CustomScan:
			children = ((CustomScan *) plan)->custom_plans;
			break;
		case T_SubqueryScan:
			use_scans(walk, ((SubqueryScan *) plan)->subplan, rti, attnos);
			break;
		default:
			break;
	}
	foreach(lc, children)
		use_scans(walk, lfirst(lc), rti, attnos);
	if (outerPlan(plan))
		use_scans(walk, outerPlan(plan), rti, attnos);
	if (innerPlan(plan))
		use_scans(walk, innerPlan(plan), rti, attnos);
}

/* Can a function on this server look at rows of the relation that change? */
static bool
has_row_triggers(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	TriggerDesc *triggers = rel->trigdesc;
	bool		result = false;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		result |= TRIGGER_FOR_ROW(triggers->triggers[i].tgtype);
	RelationClose(rel);

	return result;
}

/*
 * A row of a foreign table that is updated goes back to where it came from, and
 * its constraints are checked there.
 */
static bool
returns_rows(DsecWalk *walk, Index rti)
{
	RangeTblEntry *rte = rt_fetch(rti, walk->stmt->rtable);

	return rte->relkind == RELKIND_FOREIGN_TABLE && !has_row_triggers(rte->relid);
}

/* Is this junk column the old row for such tables, and for no others? */
static bool
is_returned_row(DsecWalk *walk, ModifyTable *modify, TargetEntry *tle)
{
	ListCell   *lc;

	if (!tle->resjunk || tle->resname == NULL ||
		strcmp(tle->resname, "wholerow") != 0)
		return false;
	foreach(lc, modify->resultRelations)
	{
		Index		rti = lfirst_int(lc);

		if (rt_fetch(rti, walk->stmt->rtable)->relkind != RELKIND_RELATION &&
			!returns_rows(walk, rti))
			return false;
	}

	return true;
}

/* May new rows or new values have the keys of other rows quoted? */
static bool
quotes_others(ModifyTable *modify, Oid relid, int target)
{
	Bitmapset  *keys;
	ListCell   *lc;

	switch (modify->operation)
	{
		case CMD_INSERT:
			return dsec_lineage_quotes_conflicts(relid);
		case CMD_UPDATE:
			keys = dsec_lineage_quoted_keys(relid);
			foreach(lc, (List *) list_nth(modify->updateColnosLists, target))
			{
				if (bms_is_member(lfirst_int(lc) - FirstLowInvalidHeapAttributeNumber,
								  keys))
					return true;
			}
			return false;
		case CMD_MERGE:
			return dsec_lineage_quotes_conflicts(relid);
		default:
			return false;
	}
}

/*
 * A row that is updated goes into its new version as a whole, and from there
 * to triggers and into the error of a constraint that it breaks.  The same
 * holds for the row in conflict of ON CONFLICT DO UPDATE; and triggers and
 * foreign keys see the rows that are deleted.
 */
static void
use_targets(DsecWalk *walk, ModifyTable *modify)
{
	ListCell   *lc;

	foreach(lc, modify->resultRelations)
	{
		Index		rti = lfirst_int(lc);

		if (walk->tagged[rti] == NULL || returns_rows(walk, rti))
			continue;
		if (quotes_others(modify, rt_fetch(rti, walk->stmt->rtable)->relid,
						  foreach_current_index(lc)))
			(void) dsec_walk_opaque(walk, &modify->plan, rti);
		if (modify->operation == CMD_INSERT)
		{
			if (modify->onConflictAction == ONCONFLICT_UPDATE)
				dsec_walk_use(walk, dsec_walk_site_origins(dsec_walk_site(walk, &modify->plan, rti,
												DSEC_READ_MODIFY),
									   InvalidAttrNumber));
		}
		else if (modify->operation == CMD_DELETE)
			use_scans(walk, outerPlan(modify), rti,
					  columns_of_deleted_rows(rt_fetch(rti, walk->stmt->rtable)->relid,
											  walk->tagged[rti]));
		else
			use_scans(walk, outerPlan(modify), rti, walk->tagged[rti]);
	}
}

void
dsec_walk_modify(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	ModifyTable *modify = (ModifyTable *) node->node;
	Plan	   *childplan = outerPlan(modify);
	DsecNodeFlow   *child = dsec_walk_node(walk, childplan, control);
	DsecNodeFlow   *excluded;
	ListCell   *lc,
			   *l2;
	int			i = 0;

	foreach(lc, childplan->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!is_rowmark_column(modify, tle) &&
			!is_returned_row(walk, modify, tle))
			dsec_walk_use(walk, child->columns[i]);
		i++;
	}
	control = bms_union(control, child->control);
	use_targets(walk, modify);

	scope->modify = true;
	scope->outer = scope->inner = child;
	dsec_walk_targets(walk, modify, scope, child, control);

	foreach(lc, DSEC_MERGE_JOIN_CONDITIONS(modify))
		control = dsec_walk_filter(walk, scope, lfirst(lc), control);
	foreach(lc, modify->mergeActionLists)
	{
		foreach(l2, (List *) lfirst(lc))
		{
			MergeAction *action = lfirst_node(MergeAction, l2);

			control = dsec_walk_filter(walk, scope, (List *) action->qual, control);
			(void) dsec_walk_eval_used(walk, scope, action->targetList, control);
		}
	}

	/* here INNER_VAR is the row that was proposed for insertion */
	excluded = dsec_walk_new_flow(1);
	excluded->columns[0] = dsec_walk_all_columns(child);
	scope->inner = excluded;
	control = dsec_walk_filter(walk, scope, (List *) modify->onConflictWhere, control);
	(void) dsec_walk_eval_used(walk, scope, modify->onConflictSet, control);
	scope->inner = child;

	foreach(lc, modify->withCheckOptionLists)
	{
		foreach(l2, (List *) lfirst(lc))
			control = dsec_walk_filter(walk, scope,
							 (List *) lfirst_node(WithCheckOption, l2)->qual,
							 control);
	}

	foreach(lc, modify->returningLists)
	{
		i = 0;
		foreach(l2, (List *) lfirst(lc))
		{
			Bitmapset  *origins = dsec_walk_eval_used(walk, scope, lfirst(l2), control);

			if (i < node->ncolumns)
				dsec_walk_merge(walk, &node->columns[i++], origins);
		}
	}
	dsec_walk_merge(walk, &node->control, control);
}

/* Nodes with one child, whose rows they hand on. */
void
dsec_walk_upper(DsecWalk *walk, DsecNodeFlow *node, DsecScope *scope, Bitmapset *control)
{
	Plan	   *plan = node->node;
	Plan	   *childplan = outerPlan(plan);
	DsecNodeFlow   *child = dsec_walk_node(walk, childplan, control);

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
			control = dsec_walk_keys(walk, childplan, child, ((Group *) plan)->numCols,
						   ((Group *) plan)->grpColIdx,
						   ((Group *) plan)->grpOperators, control);
			break;

		case T_Unique:
			control = dsec_walk_keys(walk, childplan, child, ((Unique *) plan)->numCols,
						   ((Unique *) plan)->uniqColIdx,
						   ((Unique *) plan)->uniqOperators, control);
			break;

		case T_SetOp:
			control = dsec_walk_keys(walk, childplan, child, ((SetOp *) plan)->numCols,
						   DSEC_SETOP_COLUMNS((SetOp *) plan),
						   DSEC_SETOP_OPERATORS((SetOp *) plan), control);
			if (innerPlan(plan))
			{
				DsecNodeFlow   *inner = dsec_walk_node(walk, innerPlan(plan),
											  node->context);

				control = dsec_walk_keys(walk, innerPlan(plan), inner,
							   ((SetOp *) plan)->numCols,
							   DSEC_SETOP_COLUMNS((SetOp *) plan),
							   DSEC_SETOP_OPERATORS((SetOp *) plan),
							   bms_union(control, inner->control));
			}
			break;

		case T_Sort:
		case T_IncrementalSort:
			control = dsec_walk_keys(walk, childplan, child, ((Sort *) plan)->numCols,
						   ((Sort *) plan)->sortColIdx,
						   ((Sort *) plan)->sortOperators, control);
			break;

		case T_GatherMerge:
			control = dsec_walk_keys(walk, childplan, child,
						   ((GatherMerge *) plan)->numCols,
						   ((GatherMerge *) plan)->sortColIdx,
						   ((GatherMerge *) plan)->sortOperators, control);
			break;

		case T_Limit:
			control = dsec_walk_keys(walk, childplan, child,
						   ((Limit *) plan)->uniqNumCols,
						   ((Limit *) plan)->uniqColIdx,
						   ((Limit *) plan)->uniqOperators, control);
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((Limit *) plan)->limitOffset, control));
			control = bms_union(control,
								dsec_walk_eval_used(walk, scope,
										  ((Limit *) plan)->limitCount, control));
			break;

		case T_LockRows:
			/* whoever looks sees which rows are locked, also if none come out */
			dsec_walk_show(walk, control);
			break;

		case T_Memoize:
			{
				Memoize    *memoize = (Memoize *) plan;
				int			i = 0;
				ListCell   *lc;

				foreach(lc, memoize->param_exprs)
				{
					Bitmapset  *origins = dsec_walk_eval_used(walk, scope, lfirst(lc),
													control);

					if (!dsec_lineage_operator_harmless(memoize->hashOperators[i++],
														exprType(lfirst(lc))))
						dsec_walk_show(walk, bms_union(origins, control));
				}
				break;
			}

		case T_Hash:
			(void) dsec_walk_eval_used(walk, scope, ((Hash *) plan)->hashkeys, control);
			break;

		default:
			break;
	}

	control = dsec_walk_filter(walk, scope, plan->qual, control);
	dsec_walk_project(walk, scope, node, control);

	/* a set-returning function decides how many rows there are */
	if (IsA(plan, ProjectSet))
		dsec_walk_merge(walk, &node->control, dsec_walk_all_columns(node));
}
