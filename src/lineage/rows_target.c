/*-------------------------------------------------------------------------
 *
 * rows_target.c
 *	  Whether rows that are written carry the key of the rows they are made of.
 *
 * A ModifyTable may write rows in several ways: as given, by ON CONFLICT, by
 * each action of MERGE, and each for several kinds of given rows.  A column
 * carries the key when it does so in all ways that put data there, and when no
 * way changes it under data that stays.
 *
 * Triggers may do as they like with a row; what they change is not seen here.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/rows_int.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "subject/subject.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

struct DsecRowTarget
{
	DsecRowFlow *flow;
	ModifyTable *node;			/* NULL: the plan's output */
	Oid			relid;			/* the root */
	int			ncells;
	List	   *ways;			/* of DsecBranch, whose assigned is set */
};

/* one result relation, and one kind of row that it is given */
typedef struct Writer
{
	DsecRowTarget *target;
	Relation	rel;
	Index		rti;
	DsecBranch *given;
} Writer;

int
dsec_rows_natts(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	int			natts = RelationGetNumberOfAttributes(rel);

	RelationClose(rel);
	return natts;
}

/* ----------------------------------------------------------------
 * rows that are written
 * ----------------------------------------------------------------
 */

/* A row as it is before: new, or one of the relation's. */
static DsecBranch *
start_row(Writer *writer, bool exists)
{
	int			natts = RelationGetNumberOfAttributes(writer->rel);
	DsecBranch *row = dsec_rows_new_branch(natts);

	row->members = writer->given->members;
	row->pairs = writer->given->pairs;
	for (int i = 0; exists && i < natts; i++)
		row->cells[i] = dsec_rows_relation(writer->target->flow, writer->rti,
										   i + 1);
	return row;
}

static void
assign(DsecBranch *row, AttrNumber attno, DsecCell cell)
{
	if (attno > 0 && attno <= row->ncells)
	{
		row->cells[attno - 1] = cell;
		row->assigned = bms_add_member(row->assigned, attno);
		return;
	}
	for (int i = 0; i < row->ncells; i++)
		assign(row, i + 1, dsec_rows_unknown);
}

static void
assign_generated(Writer *writer, DsecBranch *row)
{
	TupleDesc	desc = writer->rel->rd_att;

	if (desc->constr == NULL || !desc->constr->has_generated_stored)
		return;
	for (int i = 0; i < row->ncells; i++)
	{
		Bitmapset  *attnos = NULL;
		DsecCell	cell = dsec_rows_empty;
		int			member = -1;

		if (!TupleDescAttr(desc, i)->attgenerated)
			continue;
		pull_varattnos(build_column_default(writer->rel, i + 1), 1, &attnos);
		while ((member = bms_next_member(attnos, member)) >= 0)
		{
			DsecCell	other = dsec_rows_column(row, member +
												 FirstLowInvalidHeapAttributeNumber);

			dsec_rows_mix(&cell, &other);
		}
		assign(row, i + 1, cell);
	}
}

static void
finish_row(Writer *writer, DsecBranch *row)
{
	DsecRowTarget *target = writer->target;
	DsecBranch *way = dsec_rows_new_branch(target->ncells);

	assign_generated(writer, row);

	/* in the root's numbers */
	way->members = row->members;
	way->pairs = row->pairs;
	for (int i = 0; i < row->ncells; i++)
	{
		AttrNumber	attno = dsec_rows_root_attno(RelationGetRelid(writer->rel),
												 target->relid, i + 1);

		if (attno <= 0 || attno > target->ncells)
			continue;
		way->cells[attno - 1] = row->cells[i];
		if (bms_is_member(i + 1, row->assigned))
			way->assigned = bms_add_member(way->assigned, attno);
	}
	target->ways = dsec_rows_add(target->ways, way);
}

/* Columns that the node below has ready; all in order when colnos is NIL. */
static void
assign_given(Writer *writer, DsecBranch *row, List *targetlist, List *colnos)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		AttrNumber	attno = n + 1;

		if (lfirst_node(TargetEntry, lc)->resjunk)
			continue;
		if (colnos)
			attno = n < list_length(colnos) ? list_nth_int(colnos, n) : 0;
		assign(row, attno,
			   dsec_rows_column(writer->given, foreach_current_index(lc) + 1));
		n++;
	}
}

static void
assign_list(Writer *writer, DsecBranch *row, DsecBranch *inner,
			List *targetlist, List *colnos)
{
	DsecRowScope scope = {0};
	int			n = 0;
	ListCell   *lc;

	scope.modify = true;
	scope.outer = writer->given;
	scope.inner = inner;
	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		AttrNumber	attno = n + 1;

		if (tle->resjunk)
			continue;
		if (colnos)
			attno = n < list_length(colnos) ? list_nth_int(colnos, n) : 0;
		assign(row, attno, dsec_rows_cell(writer->target->flow, &scope,
										  (Node *) tle->expr));
		n++;
	}
}

/*
 * The row in conflict has the same values as the row proposed in the columns of
 * every index that could find the conflict.
 */
static Bitmapset *
conflict_columns(ModifyTable *modify)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	foreach(lc, modify->arbiterIndexes)
	{
		Relation	index = RelationIdGetRelation(lfirst_oid(lc));
		Bitmapset  *columns = NULL;

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		{
			if (index->rd_index->indkey.values[i] > 0)
				columns = bms_add_member(columns,
										 index->rd_index->indkey.values[i]);
		}
		RelationClose(index);
		result = lc == list_head(modify->arbiterIndexes) ? columns :
			bms_intersect(result, columns);
	}
	return result;
}

static void
write_conflict(Writer *writer, ModifyTable *modify, DsecBranch *proposed)
{
	DsecBranch *row = start_row(writer, true);
	Bitmapset  *same = conflict_columns(modify);
	int			attno = -1;

	while ((attno = bms_next_member(same, attno)) >= 0)
	{
		if (attno <= row->ncells && proposed->cells[attno - 1].row != 0)
		{
			DsecPair   *pair = palloc(sizeof(DsecPair));

			pair->left = dsec_rows_relation(writer->target->flow, writer->rti,
											attno);
			pair->right = proposed->cells[attno - 1];
			pair->left_sure = pair->right_sure = true;
			row->pairs = lappend(list_copy(row->pairs), pair);
		}
	}
	assign_list(writer, row, proposed, modify->onConflictSet,
				modify->onConflictCols);
	finish_row(writer, row);
}

static void
write_rows(Writer *writer, ModifyTable *modify, int number)
{
	List	   *targetlist = outerPlan(modify)->targetlist;
	DsecBranch *row;
	ListCell   *lc;

	switch (modify->operation)
	{
		case CMD_INSERT:
			row = start_row(writer, false);
			assign_given(writer, row, targetlist, NIL);
			assign_generated(writer, row);
			if (modify->onConflictAction == ONCONFLICT_UPDATE)
				write_conflict(writer, modify, row);
			finish_row(writer, row);
			break;
		case CMD_UPDATE:
			row = start_row(writer, true);
			assign_given(writer, row, targetlist,
						 list_nth(modify->updateColnosLists, number));
			finish_row(writer, row);
			break;
		case CMD_MERGE:
			foreach(lc, (List *) list_nth(modify->mergeActionLists, number))
			{
				MergeAction *action = lfirst_node(MergeAction, lc);

				if (action->commandType == CMD_INSERT)
					row = start_row(writer, false);
				else if (action->commandType == CMD_UPDATE)
					row = start_row(writer, true);
				else
					continue;
				assign_list(writer, row, writer->given, action->targetList,
							action->commandType == CMD_UPDATE ?
							action->updateColnos : NIL);
				finish_row(writer, row);
			}
			break;
		default:
			break;
	}
}

DsecRowTarget *
dsec_rows_target(DsecRowFlow *flow, ModifyTable *node, Oid relid)
{
	DsecRowTarget *target = palloc0(sizeof(DsecRowTarget));
	List	   *given;
	DsecRowScope none = {0};
	ListCell   *lc,
			   *lr;

	target->flow = flow;
	target->node = node;
	target->relid = relid;
	if (node == NULL)
	{
		target->ncells = list_length(flow->stmt->planTree->targetlist);
		foreach(lc, dsec_rows_of(flow, flow->stmt->planTree))
		{
			DsecBranch *way = lfirst(lc);

			way->assigned = bms_add_range(NULL, 1, Max(way->ncells, 1));
			target->ways = lappend(target->ways, way);
		}
		return target;
	}

	target->ncells = dsec_rows_natts(relid);
	dsec_rows_note_subqueries(flow, &none, flow->stmt->planTree->initPlan);
	dsec_rows_note_subqueries(flow, &none, node->plan.initPlan);
	given = dsec_rows_of(flow, outerPlan(node));
	foreach(lr, node->resultRelations)
	{
		Writer		writer = {.target = target};
		Oid			member;
		Oid			root;

		writer.rti = lfirst_int(lr);
		member = rt_fetch(writer.rti, flow->stmt->rtable)->relid;
		root = node->rootRelation > 0 ?
			rt_fetch(node->rootRelation, flow->stmt->rtable)->relid : member;
		if (root != relid)
			continue;
		writer.rel = RelationIdGetRelation(member);
		foreach(lc, given)
		{
			writer.given = lfirst(lc);
			write_rows(&writer, node, foreach_current_index(lr));
		}
		RelationClose(writer.rel);
	}
	return target;
}

/* ----------------------------------------------------------------
 * what a target's column is made of
 * ----------------------------------------------------------------
 */

bool
dsec_rows_merged(DsecRowTarget *target, AttrNumber attno, Bitmapset **relations)
{
	bool		merged = false;
	ListCell   *lc;

	*relations = NULL;
	foreach(lc, target->ways)
	{
		DsecBranch *way = lfirst(lc);
		DsecCell	cell = dsec_rows_column(way, attno);
		int			row = -1;

		if (!bms_is_member(attno, way->assigned))
			continue;

		/* what is still a parameter could be anything */
		if (cell.merged || !bms_is_empty(cell.params) ||
			bms_membership(cell.rows) == BMS_MULTIPLE)
			merged = true;
		while ((row = bms_next_member(cell.rows, row)) >= 0)
			*relations = bms_add_member(*relations,
										dsec_rows_number(target->flow, row)->rti);
	}
	return merged;
}

/* The one subject of the copy's sources in this relation; false: several. */
static bool
one_subject(DsecRowTarget *target, DsecCopy *copy, Index rti,
			DsecSubject *subject)
{
	const DsecRelationTags *tags = dsec_rows_tags(target->flow, rti);
	int			index = -1;
	Oid			relid = rt_fetch(rti, target->flow->stmt->rtable)->relid;
	Bitmapset  *attnos = NULL;
	ListCell   *lc;
	int			attno = -1;

	if (tags == NULL)
		return false;
	if (tags->nsubjects == 1)
		index = 0;
	else
	{
		/* members of the tree are listed by themselves */
		foreach(lc, copy->sources)
		{
			DsecColumnRef *ref = lfirst(lc);

			if (ref->relid == relid)
				attnos = bms_add_member(attnos, ref->attno);
		}
		while ((attno = bms_next_member(attnos, attno)) >= 0)
		{
			const DsecTaggedColumn *column = dsec_tag_column(tags, attno);

			if (column == NULL || (index >= 0 && index != column->subject))
				return false;
			index = column->subject;
		}
		if (index < 0)
			return false;
	}

	*subject = tags->subjects[index];
	subject->space = pstrdup(subject->space);
	for (int p = 0; p < subject->npopulations; p++)
		subject->populations[p] = pstrdup(subject->populations[p]);

	return strcmp(subject->space, copy->space) == 0;
}

/* Does the column hold values of this type as the same keys? */
static bool
keeps_key(DsecRowTarget *target, AttrNumber attno, Oid keytype, Oid keycollation)
{
	Oid			type;
	int32		typmod;
	Oid			collation;
	DsecKeyFamily family;

	if (target->node)
		get_atttypetypmodcoll(target->relid, attno, &type, &typmod, &collation);
	else
	{
		Node	   *expr = (Node *) list_nth_node(TargetEntry,
												  target->flow->stmt->planTree->targetlist,
												  attno - 1)->expr;

		type = exprType(expr);
		collation = exprCollation(expr);
	}

	type = getBaseType(type);
	keytype = getBaseType(keytype);
	family = dsec_subject_family(keytype);
	if (family == DSEC_FAMILY_NONE || family != dsec_subject_family(type))
		return false;
	if (family == DSEC_FAMILY_INTEGER)
		return true;
	if (family != DSEC_FAMILY_TEXT)
		return type == keytype;

	/* keys that were different must not become the same */
	if (type != keytype &&
		!((type == TEXTOID || type == VARCHAROID) &&
		  (keytype == TEXTOID || keytype == VARCHAROID)))
		return false;
	return collation == keycollation || !OidIsValid(collation) ||
		get_collation_isdeterministic(collation);
}

/* May the column be seen in the rows of the target? */
static bool
visible(DsecRowTarget *target, AttrNumber attno)
{
	return target->node != NULL ||
		!list_nth_node(TargetEntry, target->flow->stmt->planTree->targetlist,
					   attno - 1)->resjunk;
}

/*
 * Target columns that have this column of the source's row, of those in
 * "among", in the rows that are written this way.
 */
static Bitmapset *
carriers(DsecBranch *way, int row, AttrNumber source, Bitmapset *among)
{
	Bitmapset  *result = NULL;
	int			candidate = -1;

	while ((candidate = bms_next_member(among, candidate)) >= 0)
	{
		DsecCell	cell = dsec_rows_column(way, candidate);

		/* the row that is updated is there, whatever the join says */
		if (dsec_rows_is_column(way, &cell, row, source,
								!bms_is_member(candidate, way->assigned)))
			result = bms_add_member(result, candidate);
	}
	return result;
}

void
dsec_rows_find_key(DsecRowTarget *target, DsecCopy *copy, MemoryContext context)
{
	Bitmapset  *keys[DSEC_MAX_KEYS];
	Bitmapset  *populations[DSEC_MAX_POPULATIONS];
	Bitmapset  *everything = NULL;
	DsecSubject first = {0};
	bool		known = false;
	ListCell   *lc;
	MemoryContext caller;

	for (int i = 1; i <= target->ncells; i++)
	{
		if (visible(target, i))
			everything = bms_add_member(everything, i);
	}
	for (int k = 0; k < DSEC_MAX_KEYS; k++)
		keys[k] = everything;
	for (int p = 0; p < DSEC_MAX_POPULATIONS; p++)
		populations[p] = everything;

	/* ways that put data into the column */
	foreach(lc, target->ways)
	{
		DsecBranch *way = lfirst(lc);
		DsecCell	cell = dsec_rows_column(way, copy->attno);
		DsecSubject subject;
		int			row;

		if (!bms_is_member(copy->attno, way->assigned) ||
			bms_is_empty(cell.rows))
			continue;
		row = bms_singleton_member(cell.rows);
		if (!one_subject(target, copy, dsec_rows_number(target->flow, row)->rti,
						 &subject))
			return;
		if (subject.nkeys == 0 ||
			(known && subject.nkeys != first.nkeys))
			return;

		for (int k = 0; k < subject.nkeys; k++)
		{
			Bitmapset  *typed = NULL;
			int			attno = -1;

			keys[k] = carriers(way, row, subject.keys[k],
							   keys[k]);
			while ((attno = bms_next_member(keys[k], attno)) >= 0)
			{
				if (keeps_key(target, attno, subject.keytypes[k],
							  subject.keycollations[k]))
					typed = bms_add_member(typed, attno);
			}
			keys[k] = typed;
		}

		/* populations that all have, each in its own column */
		if (!known)
		{
			first = subject;
			known = true;
			for (int p = 0; p < first.npopulations; p++)
				populations[p] = carriers(way, row,
										  first.population_columns[p],
										  populations[p]);
			continue;
		}
		for (int p = 0; p < first.npopulations; p++)
		{
			bool		found = false;

			for (int q = 0; q < subject.npopulations; q++)
			{
				if (strcmp(first.populations[p], subject.populations[q]) != 0)
					continue;
				found = true;
				populations[p] = carriers(way, row,
										  subject.population_columns[q],
										  populations[p]);
			}
			if (!found)
				populations[p] = NULL;
		}
	}
	if (!known)
		return;

	/* ways that leave it alone must leave the key alone */
	foreach(lc, target->ways)
	{
		DsecBranch *way = lfirst(lc);

		if (bms_is_member(copy->attno, way->assigned))
			continue;
		for (int k = 0; k < first.nkeys; k++)
			keys[k] = bms_difference(keys[k], way->assigned);
		for (int p = 0; p < first.npopulations; p++)
			populations[p] = bms_difference(populations[p], way->assigned);
	}

	for (int k = 0; k < first.nkeys; k++)
	{
		if (bms_is_empty(keys[k]))
			return;
	}
	copy->nkeys = first.nkeys;
	for (int k = 0; k < first.nkeys; k++)
		copy->keys[k] = bms_next_member(keys[k], -1);

	caller = MemoryContextSwitchTo(context);
	for (int p = 0; p < first.npopulations; p++)
	{
		if (bms_is_empty(populations[p]))
			continue;
		copy->populations[copy->npopulations] = pstrdup(first.populations[p]);
		copy->population_columns[copy->npopulations++] =
			bms_next_member(populations[p], -1);
	}
	MemoryContextSwitchTo(caller);
}
