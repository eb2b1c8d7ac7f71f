/*-------------------------------------------------------------------------
 *
 * using.c
 *	  ALTER TABLE ... ALTER COLUMN ... TYPE ... USING: tags follow.
 *
 * The new contents of the column are made of the columns of its row that the
 * expression mentions, as they were before the statement.  The column is tagged
 * before the statement runs, which may drop the others at the same time; when it
 * fails, its transaction takes that back.  Children are altered in the same way,
 * and may be tagged otherwise.
 *
 * Errors in the statement are for core to report: whoever does not own the
 * relation is left to it.  What functions in the expression read by themselves
 * is not seen.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "channel/channel.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "guard/copies_int.h"
#include "guc.h"
#include "lineage/copies.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "tag/propagate.h"
#include "tag/tag.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static const DsecRelationTags *
readable_tags(Oid relid)
{
	const DsecRelationTags *tags;
	const char *problem;

	tags = dsec_tag_relation_or_problem(relid, &problem);
	if (problem != NULL && dsec_guc_mode == DSEC_MODE_ENFORCING)
		tags = dsec_tag_relation(relid);
	return tags;
}

/* Columns that the expression is made of, offset as system columns need it. */
static Bitmapset *
columns_used(Relation rel, Node *expression, const char *source)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	Bitmapset  *result;

	pstate->p_sourcetext = source;
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL,
										 false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	expression = transformExpr(pstate, copyObject(expression),
							   EXPR_KIND_ALTER_COL_TRANSFORM);
	result = dsec_tag_expression_columns(expression);
	free_parsestate(pstate);

	return result;
}

/* What the column of one relation receives from the columns used in another. */
static DsecCopy *
make_copy(Oid relid, const char *name, Oid parent, Bitmapset *used)
{
	const DsecRelationTags *tags = readable_tags(relid);
	DsecCopy   *copy;
	const DsecSubject *subject = NULL;

	if (tags == NULL)
		return NULL;
	copy = palloc0(sizeof(DsecCopy));
	copy->target = relid;
	copy->attno = get_attnum(relid, name);
	if (copy->attno <= 0)
		return NULL;
	for (int i = 0; i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];
		AttrNumber	there = get_attnum(parent, get_attname(relid, column->attno, false));
		DsecColumnRef *source;

		if (column->attno == copy->attno ||
			!(bms_is_member(there - FirstLowInvalidHeapAttributeNumber, used) ||
			  bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, used)))
			continue;
		source = palloc(sizeof(DsecColumnRef));
		source->relid = relid;
		source->attno = column->attno;
		copy->sources = lappend(copy->sources, source);
		copy->merged |= column->many ||
			(subject != NULL && subject != &tags->subjects[column->subject]);
		subject = &tags->subjects[column->subject];
	}
	if (copy->sources == NIL)
		return NULL;
	if (copy->merged)
		return copy;
	copy->one_subject = true;
	copy->space = pstrdup(subject->space);
	copy->nkeys = subject->nkeys;
	memcpy(copy->keys, subject->keys, sizeof(copy->keys));
	copy->npopulations = subject->npopulations;
	for (int i = 0; i < subject->npopulations; i++)
	{
		copy->populations[i] = pstrdup(subject->populations[i]);
		copy->population_columns[i] = subject->population_columns[i];
	}
	return copy;
}

static List *
copies_by(const AlterTableStmt *stmt, Oid relid, const char *source)
{
	Relation	rel = relation_open(relid, NoLock);
	List	   *relids = list_make1_oid(relid);
	List	   *copies = NIL;
	ListCell   *lc;
	ListCell   *lr;

	if (stmt->relation->inh)
		relids = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Bitmapset  *used;

		if (cmd->subtype != AT_AlterColumnType ||
			castNode(ColumnDef, cmd->def)->raw_default == NULL)
			continue;
		used = columns_used(rel, castNode(ColumnDef, cmd->def)->raw_default, source);
		foreach(lr, relids)
		{
			DsecCopy   *copy = make_copy(lfirst_oid(lr), cmd->name, relid, used);

			if (copy != NULL)
				copies = lappend(copies, copy);
		}
	}
	relation_close(rel, NoLock);

	return copies;
}

static bool
has_expression(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AlterColumnType &&
			castNode(ColumnDef, cmd->def)->raw_default != NULL)
			return true;
	}
	return false;
}

void
dsec_channel_follow_using(const AlterTableStmt *stmt, const char *source)
{
	Oid			relid;
	List	   *copies;
	int			i = 0;

	if (!has_expression(stmt) || !dsec_tag_database())
		return;
	relid = RangeVarGetRelid(stmt->relation, AccessShareLock, true);
	if (!OidIsValid(relid) || !dsec_compat_owns_relation(relid, GetUserId()))
		return;
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			return;
	}
	copies = copies_by(stmt, relid, source);
	while (i < list_length(copies))
	{
		DsecCopy   *copy = list_nth(copies, i);

		i = dsec_copies_follow(copies, i, copy->target, "ALTER TABLE");
	}
}
