/*-------------------------------------------------------------------------
 *
 * copy.c
 *	  COPY ... TO.
 *
 * COPY of a table reads the table without planner and executor; as COPY of a
 * query it goes through both, where the guard is.  Rows and their order are the
 * same: the columns that COPY would have written, FROM ONLY the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "channel/channel.h"
#include "commands/copy.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "tag/tag.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static ResTarget *
column_target(Relation rel, AttrNumber attno)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	ColumnRef  *column = makeNode(ColumnRef);
	ResTarget  *target = makeNode(ResTarget);

	column->fields = list_make1(makeString(pstrdup(NameStr(attribute->attname))));
	column->location = -1;
	target->val = (Node *) column;
	target->location = -1;

	return target;
}

CopyStmt *
dsec_channel_copy_as_query(const CopyStmt *stmt)
{
	Relation	rel;
	const DsecRelationTags *tags;
	CopyStmt   *result = NULL;

	if (stmt->is_from || stmt->relation == NULL)
		return NULL;

	/* the lock is kept: the name must mean the same table until the end */
	rel = table_openrv(stmt->relation, AccessShareLock);
	tags = dsec_tag_relation(RelationGetRelid(rel));

	/* COPY of anything else is an error of core's */
	if (tags != NULL && DSEC_IS_COPIED(rel->rd_rel->relkind))
	{
		List	   *attnos = CopyGetAttnums(RelationGetDescr(rel), rel,
											stmt->attlist);
		SelectStmt *select = makeNode(SelectStmt);
		RangeVar   *from;
		bool		tagged = false;
		ListCell   *lc;

		foreach(lc, attnos)
		{
			AttrNumber	attno = lfirst_int(lc);

			tagged |= dsec_tag_column(tags, attno) != NULL;
			select->targetList = lappend(select->targetList,
										 column_target(rel, attno));
		}
		if (tagged)
		{
			from = makeRangeVar(get_namespace_name(RelationGetNamespace(rel)),
								pstrdup(RelationGetRelationName(rel)), -1);
			from->inh = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
			select->fromClause = list_make1(from);

			result = copyObject((CopyStmt *) stmt);
			result->relation = NULL;
			result->attlist = NIL;
			result->query = (Node *) select;
		}
	}
	table_close(rel, NoLock);

	return result;
}

const char *
dsec_channel_of_copy(const CopyStmt *stmt, const char **target)
{
	*target = stmt->filename;
	if (stmt->filename == NULL)
		return "copy";

	return stmt->is_program ? "program" : "file";
}
