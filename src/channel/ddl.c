/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  Statements that show rows to functions without planning a query.
 *
 * ALTER TABLE ... USING, CHECK constraints, partition keys, indexes on
 * expressions and statistics on expressions run functions over every row of a
 * table, and no plan is made that could carry a guard.  In the house that is the owner's
 * business.  A session that counts may not do it on tagged tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "channel/channel.h"
#include "lineage/reads.h"
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
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetAccessMethod:
				return true;
			default:
				break;
		}
	}

	return false;
}

/* Is a tagged table attached?  Its rows go through the partition key. */
static bool
attaches_tagged(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AttachPartition &&
			is_tagged(castNode(PartitionCmd, cmd->def)->name))
			return true;
	}

	return false;
}

/* A new partition has the rows of the default partition looked at. */
static bool
splits_default(const CreateStmt *stmt)
{
	RangeVar   *parent;
	Oid			relid;

	if (stmt->partbound == NULL)
		return false;
	parent = linitial_node(RangeVar, stmt->inhRelations);
	relid = RangeVarGetRelid(parent, AccessShareLock, true);

	return OidIsValid(relid) && OidIsValid(get_default_partition_oid(relid)) &&
		is_tagged(parent);
}

/* Does an error of COPY ... FROM quote rows that are there? */
static bool
quotes_conflicts(RangeVar *relation)
{
	Oid			relid = RangeVarGetRelid(relation, AccessShareLock, true);

	return OidIsValid(relid) && dsec_lineage_quotes_conflicts(relid);
}

const char *
dsec_channel_unplanned_read(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			if (evaluates((AlterTableStmt *) statement) &&
				(is_tagged(((AlterTableStmt *) statement)->relation) ||
				 attaches_tagged((AlterTableStmt *) statement)))
				return "alter this table";
			break;
		case T_CreateStmt:
			if (splits_default((CreateStmt *) statement))
				return "create a partition beside this default partition";
			break;
		case T_CopyStmt:
			if (((CopyStmt *) statement)->is_from &&
				quotes_conflicts(((CopyStmt *) statement)->relation))
				return "copy into this table";
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
