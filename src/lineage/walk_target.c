/*-------------------------------------------------------------------------
 *
 * walk_target.c
 *	  The plan walk: where the data goes.
 *
 * Which origins flow into the columns of every relation that a plan writes, and
 * which are handed to foreign servers and to functions that send data away.
 * All of it only when copies are asked for; then there are two origins more,
 * for external parameters and for values of rows that nobody tagged.
 *
 * Triggers and foreign key actions are statements of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/walk_int.h"

#include "access/sysattr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
#include "utils/relcache.h"

Bitmapset *
dsec_walk_some_row(DsecWalk *walk)
{
	return walk->copies ? bms_make_singleton(DSEC_ORIGIN_ROW) : NULL;
}

/* ----------------------------------------------------------------
 * what is written
 * ----------------------------------------------------------------
 */

static DsecWalkTarget *
find_target(DsecWalk *walk, ModifyTable *node, int number)
{
	DsecWalkTarget *target;
	Relation	rel;
	ListCell   *lc;

	foreach(lc, walk->result->targets)
	{
		target = lfirst(lc);
		if (target->node == node && target->number == number)
			return target;
	}

	rel = RelationIdGetRelation(rt_fetch(list_nth_int(node->resultRelations,
													  number),
										 walk->stmt->rtable)->relid);
	target = palloc0(sizeof(DsecWalkTarget));
	target->node = node;
	target->number = number;
	target->ncolumns = RelationGetNumberOfAttributes(rel);
	target->columns = palloc0(sizeof(Bitmapset *) * Max(target->ncolumns, 1));
	RelationClose(rel);
	walk->result->targets = lappend(walk->result->targets, target);
	walk->changed = true;

	return target;
}

Bitmapset *
dsec_walk_new_value(DsecWalk *walk, Plan *node, Index rti, AttrNumber attno)
{
	Bitmapset  *origins = NULL;
	ListCell   *lc;

	if (walk->copies == NULL || attno < 0)
		return NULL;

	foreach(lc, walk->result->targets)
	{
		DsecWalkTarget *target = lfirst(lc);

		if (&target->node->plan != node ||
			list_nth_int(target->node->resultRelations, target->number) != (int) rti)
			continue;
		for (int i = 0; i < target->ncolumns; i++)
		{
			if (attno == InvalidAttrNumber || attno == i + 1)
				origins = bms_union(origins, target->columns[i]);
		}
	}

	return origins;
}

static void
put(DsecWalk *walk, DsecWalkTarget *target, AttrNumber attno,
	Bitmapset *origins)
{
	if (attno > 0 && attno <= target->ncolumns)
		dsec_walk_merge(walk, &target->columns[attno - 1], origins);
	else
	{
		for (int i = 0; i < target->ncolumns; i++)
			dsec_walk_merge(walk, &target->columns[i], origins);
	}
}

/* Expressions for these columns; all columns in order when colnos is NIL. */
static void
put_list(DsecWalk *walk, DsecWalkTarget *target, DsecScope *scope,
		 List *targetlist, List *colnos, Bitmapset *control)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		AttrNumber	attno;

		if (tle->resjunk)
			continue;
		if (colnos == NIL)
			attno = n + 1;
		else
			attno = n < list_length(colnos) ? list_nth_int(colnos, n) : 0;
		n++;
		put(walk, target, attno, dsec_walk_eval(walk, scope, tle, control));
	}
}

/*
 * Is this constant the column's default?  It looks as if it had been a parameter
 * of the statement.
 */
static bool
is_default(DsecWalk *walk, DsecWalkTarget *target, AttrNumber attno, Expr *expr)
{
	Relation	rel;
	Node	   *value;

	if (!IsA(expr, Const) || ((Const *) expr)->location >= 0 ||
		!walk->copies->params || attno <= 0 || attno > target->ncolumns)
		return false;

	rel = RelationIdGetRelation(rt_fetch(list_nth_int(target->node->resultRelations,
													  target->number),
										 walk->stmt->rtable)->relid);
	value = TupleDescAttr(rel->rd_att, attno - 1)->attgenerated ? NULL :
		build_column_default(rel, attno);
	RelationClose(rel);
	if (value == NULL)
		return false;
	value = eval_const_expressions(NULL, value);

	return equal(value, expr);
}

/* The same for columns that are ready in the child. */
static void
put_columns(DsecWalk *walk, DsecWalkTarget *target, Plan *childplan,
			DsecNodeFlow *child, List *colnos)
{
	int			i = 0;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, childplan->targetlist)
	{
		AttrNumber	attno;

		if (!lfirst_node(TargetEntry, lc)->resjunk)
		{
			if (colnos == NIL)
				attno = n + 1;
			else
				attno = n < list_length(colnos) ? list_nth_int(colnos, n) : 0;
			n++;
			if (!is_default(walk, target, attno,
							lfirst_node(TargetEntry, lc)->expr))
				put(walk, target, attno, child->columns[i]);
		}
		i++;
	}
}

/* Columns that an UPDATE sets, be it to a constant. */
static void
note_updated(DsecWalkTarget *target, List *colnos)
{
	ListCell   *lc;

	foreach(lc, colnos)
	{
		if (lfirst_int(lc) > 0 && lfirst_int(lc) <= target->ncolumns)
			target->updated = bms_add_member(target->updated, lfirst_int(lc));
	}
}

/* Stored generated columns are made of what the others got. */
static void
put_generated(DsecWalk *walk, DsecWalkTarget *target)
{
	Relation	rel;

	rel = RelationIdGetRelation(rt_fetch(list_nth_int(target->node->resultRelations,
													  target->number),
										 walk->stmt->rtable)->relid);
	if (rel->rd_att->constr && rel->rd_att->constr->has_generated_stored)
	{
		for (int i = 0; i < target->ncolumns; i++)
		{
			Bitmapset  *attnos = NULL;
			int			member = -1;

			if (!TupleDescAttr(rel->rd_att, i)->attgenerated)
				continue;
			pull_varattnos(build_column_default(rel, i + 1), 1, &attnos);
			while ((member = bms_next_member(attnos, member)) >= 0)
			{
				AttrNumber	attno = member + FirstLowInvalidHeapAttributeNumber;

				if (attno == InvalidAttrNumber)
				{
					for (int j = 0; j < target->ncolumns; j++)
						put(walk, target, i + 1, target->columns[j]);
				}
				else if (attno > 0)
					put(walk, target, i + 1, target->columns[attno - 1]);
			}
		}
	}
	RelationClose(rel);
}

void
dsec_walk_targets(DsecWalk *walk, ModifyTable *modify, DsecScope *scope,
				  DsecNodeFlow *child, Bitmapset *control)
{
	Plan	   *childplan = outerPlan(modify);

	if (walk->copies == NULL || modify->operation == CMD_DELETE)
		return;

	for (int number = 0; number < list_length(modify->resultRelations); number++)
	{
		DsecWalkTarget *target = find_target(walk, modify, number);
		ListCell   *lc;

		switch (modify->operation)
		{
			case CMD_INSERT:
				put_columns(walk, target, childplan, child, NIL);
				put_generated(walk, target);
				break;
			case CMD_UPDATE:
				put_columns(walk, target, childplan, child,
							list_nth(modify->updateColnosLists, number));
				note_updated(target, list_nth(modify->updateColnosLists, number));
				break;
			case CMD_MERGE:
				foreach(lc, (List *) list_nth(modify->mergeActionLists, number))
				{
					MergeAction *action = lfirst_node(MergeAction, lc);
					Bitmapset  *decided;

					decided = dsec_walk_filter(walk, scope, (List *) action->qual,
											   control);
					if (action->commandType == CMD_INSERT)
						put_list(walk, target, scope, action->targetList, NIL,
								 decided);
					else if (action->commandType == CMD_UPDATE)
					{
						put_list(walk, target, scope, action->targetList,
								 action->updateColnos, decided);
						note_updated(target, action->updateColnos);
					}
					dsec_walk_merge(walk, &target->control, decided);
				}
				break;
			default:
				put(walk, target, InvalidAttrNumber,
					dsec_walk_everything(walk, &modify->plan));
				break;
		}

		if (modify->onConflictAction == ONCONFLICT_UPDATE)
		{
			DsecNodeFlow *saved = scope->inner;
			DsecNodeFlow excluded = {0};
			Bitmapset  *decided;

			/* here INNER_VAR is the row that was proposed for insertion */
			excluded.ncolumns = target->ncolumns;
			excluded.columns = target->columns;
			scope->inner = &excluded;
			decided = dsec_walk_filter(walk, scope,
									   (List *) modify->onConflictWhere, control);
			put_list(walk, target, scope, modify->onConflictSet,
					 modify->onConflictCols, decided);
			note_updated(target, modify->onConflictCols);
			dsec_walk_merge(walk, &target->control, decided);
			scope->inner = saved;
		}
		put_generated(walk, target);
		dsec_walk_merge(walk, &target->control, control);
	}
}

/* ----------------------------------------------------------------
 * what is sent
 * ----------------------------------------------------------------
 */

void
dsec_walk_ship(DsecWalk *walk, Oid server, Oid function, Bitmapset *values,
			   Bitmapset *control)
{
	DsecWalkShip *ship = NULL;
	ListCell   *lc;

	if (walk->copies == NULL)
		return;

	foreach(lc, walk->result->ships)
	{
		DsecWalkShip *known = lfirst(lc);

		if (known->server == server && known->function == function)
			ship = known;
	}
	if (ship == NULL)
	{
		ship = palloc0(sizeof(DsecWalkShip));
		ship->server = server;
		ship->function = function;
		walk->result->ships = lappend(walk->result->ships, ship);
	}
	dsec_walk_merge(walk, &ship->values, values);
	dsec_walk_merge(walk, &ship->control, control);
}

Bitmapset *
dsec_walk_sent_params(DsecWalk *walk, DsecScope *scope, ForeignScan *scan,
					  bool visible)
{
	Bitmapset  *param;

	if (walk->copies == NULL || !walk->copies->params)
		return NULL;
	param = bms_make_singleton(DSEC_ORIGIN_PARAM);
	if (!visible)
		return param;
	return bms_intersect(param, dsec_walk_eval(walk, scope,
											   scan->fdw_recheck_quals, NULL));
}

static void
walk_call(DsecFlow *flow, Oid function, Bitmapset *arguments,
		  Bitmapset *control)
{
	DsecWalk   *walk = (DsecWalk *) flow;

	if (walk->copies->is_egress(function))
		dsec_walk_ship(walk, InvalidOid, function, arguments, control);
}

/*
 * Is the constant a literal of the statement?  One that stands for a parameter
 * has the parameter's place, and one that was computed has none.
 */
static bool
is_literal(const char *source, Const *value)
{
	const char *at;

	if (source == NULL || value->location < 0 ||
		(size_t) value->location >= strlen(source))
		return false;
	at = source + value->location;
	if (strchr("bBeEnNxX", *at) && at[1] == '\'')
		return true;
	return strchr("'+-.0123456789", *at) != NULL;
}

static Bitmapset *
walk_external(DsecFlow *flow, Node *value)
{
	DsecWalk   *walk = (DsecWalk *) flow;

	if (IsA(value, Const) &&
		(!walk->copies->params || ((Const *) value)->constisnull ||
		 is_literal(walk->copies->source, (Const *) value)))
		return NULL;
	return bms_make_singleton(DSEC_ORIGIN_PARAM);
}

void
dsec_walk_want_copies(DsecWalk *walk, const DsecWalkCopies *copies)
{
	if (copies == NULL)
		return;
	walk->copies = copies;
	walk->norigins = DSEC_FIRST_ORIGIN;
	walk->flow.external = walk_external;
	if (copies->is_egress)
		walk->flow.call = walk_call;
}

/* ----------------------------------------------------------------
 * window functions
 * ----------------------------------------------------------------
 */

Bitmapset *
dsec_walk_frame(DsecWalk *walk, WindowAgg *agg, DsecScope *scope,
				Bitmapset *control)
{
	Bitmapset  *origins;

	origins = bms_union(dsec_walk_eval(walk, scope, agg->startOffset, control),
						dsec_walk_eval(walk, scope, agg->endOffset, control));
	for (int i = 0; i < agg->partNumCols; i++)
		origins = bms_union(origins, dsec_walk_column(scope->outer,
													  agg->partColIdx[i]));
	for (int i = 0; i < agg->ordNumCols; i++)
		origins = bms_union(origins, dsec_walk_column(scope->outer,
													  agg->ordColIdx[i]));

	return origins;
}
