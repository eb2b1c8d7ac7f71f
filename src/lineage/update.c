/*-------------------------------------------------------------------------
 *
 * update.c
 *	  The statement that most often writes to a tagged table: an UPDATE that looks at
 *	  none of its tagged columns.
 *
 * To see that takes a look at the expressions of one scan, where the walk over the
 * plan (copies.c) would take many times the statement's own time.  Every plan that
 * has another shape is for the walk.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "lineage/copies.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* Add the columns of the relation that a scan looks at. */
static bool
scanned_columns(Plan *plan, Index rti, Bitmapset **columns)
{
	pull_varattnos((Node *) plan->targetlist, rti, columns);
	pull_varattnos((Node *) plan->qual, rti, columns);
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			break;
		case T_IndexScan:
			pull_varattnos((Node *) ((IndexScan *) plan)->indexqualorig, rti,
						   columns);
			pull_varattnos((Node *) ((IndexScan *) plan)->indexorderbyorig, rti,
						   columns);
			break;
		case T_BitmapHeapScan:
			pull_varattnos((Node *) ((BitmapHeapScan *) plan)->bitmapqualorig,
						   rti, columns);
			break;
		case T_TidScan:
			pull_varattnos((Node *) ((TidScan *) plan)->tidquals, rti, columns);
			break;
		default:
			return false;
	}
	return ((Scan *) plan)->scanrelid == rti;
}

static bool
has_generated_columns(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		result = rel->rd_att->constr != NULL &&
		rel->rd_att->constr->has_generated_stored;

	RelationClose(rel);
	return result;
}

bool
dsec_lineage_updates_untagged(const PlannedStmt *stmt)
{
	const ModifyTable *modify = (const ModifyTable *) stmt->planTree;
	const RangeTblEntry *rte;
	const DsecRelationTags *tags;
	Bitmapset  *columns = NULL;
	Index		rti;
	int			attno = -1;

	if (stmt->commandType != CMD_UPDATE || !IsA(modify, ModifyTable) ||
		stmt->subplans != NIL || modify->rootRelation != 0 ||
		list_length(modify->resultRelations) != 1)
		return false;
	rti = linitial_int(modify->resultRelations);
	rte = rt_fetch(rti, stmt->rtable);
	if (rte->relkind != RELKIND_RELATION || has_generated_columns(rte->relid) ||
		!scanned_columns(modify->plan.lefttree, rti, &columns) ||
		bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
					  columns))
		return false;
	tags = dsec_tag_relation(rte->relid);
	while (tags && (attno = bms_next_member(tags->attnos, attno)) >= 0)
	{
		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, columns))
			return false;
	}
	return true;
}
