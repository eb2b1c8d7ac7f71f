/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  Statements that show rows to functions without planning a query.
 *
 * ALTER TABLE ... USING, CHECK constraints, indexes on expressions and
 * statistics on expressions run functions over every row of a table, and no
 * plan is made that could carry a guard.  In the house that is the owner's
 * business.  A session that counts may not do it on tagged tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "channel/channel.h"
#include "tag/tag.h"

static bool
is_tagged(RangeVar *relation)
{
	Oid			relid = RangeVarGetRelid(relation, AccessShareLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return false;
	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		if (dsec_tag_relation(lfirst_oid(lc)) != NULL)
			return true;
	}

	return false;
}

static bool
evaluates(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		switch (lfirst_node(AlterTableCmd, lc)->subtype)
		{
			case AT_AlterColumnType:
			case AT_AddColumn:
			case AT_AddConstraint:
			case AT_ValidateConstraint:
			case AT_AddIndexConstraint:
			case AT_AttachPartition:
				return true;
			default:
				break;
		}
	}

	return false;
}

const char *
dsec_channel_unplanned_read(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			if (evaluates((AlterTableStmt *) statement) &&
				is_tagged(((AlterTableStmt *) statement)->relation))
				return "alter this table";
			break;
		case T_IndexStmt:
			if (is_tagged(((IndexStmt *) statement)->relation))
				return "create an index on this table";
			break;
		case T_ReindexStmt:
		case T_ClusterStmt:
			if (dsec_tag_database())
				return "rebuild indexes";
			break;
		case T_AlterDomainStmt:
			if (dsec_tag_database())
				return "alter a domain";
			break;
		case T_VacuumStmt:
			{
				VacuumStmt *stmt = (VacuumStmt *) statement;
				ListCell   *lc;

				if (stmt->rels == NIL && dsec_tag_database())
					return "vacuum or analyze the whole database";
				foreach(lc, stmt->rels)
				{
					VacuumRelation *relation = lfirst_node(VacuumRelation, lc);

					if (relation->relation && is_tagged(relation->relation))
						return "vacuum or analyze this table";
				}
				break;
			}
		default:
			break;
	}

	return NULL;
}
