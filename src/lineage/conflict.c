/*-------------------------------------------------------------------------
 *
 * conflict.c
 *	  Rows that an exclusion constraint quotes.
 *
 * A row that cannot be added because of an exclusion constraint raises an error
 * that quotes the key of the row in its way, which no plan has read.  The key
 * of a unique constraint that is quoted is the one that was to be added.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/pg_inherits.h"
#include "lineage/reads.h"
#include "optimizer/optimizer.h"
#include "tag/tag.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* Columns, offset as in pull_varattnos, that an index is made of. */
static Bitmapset *
index_columns(Relation index)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < index->rd_index->indnatts; i++)
		columns = bms_add_member(columns, index->rd_index->indkey.values[i] -
								 FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);

	return columns;
}

Bitmapset *
dsec_lineage_quoted_keys(Oid relid)
{
	const DsecRelationTags *tags = dsec_tag_relation(relid);
	Bitmapset  *tagged = NULL;
	Bitmapset  *result = NULL;
	Relation	rel;
	int			attno = -1;
	ListCell   *lc;

	if (tags == NULL)
		return NULL;
	while ((attno = bms_next_member(tags->attnos, attno)) >= 0)
		tagged = bms_add_member(tagged,
								attno - FirstLowInvalidHeapAttributeNumber);

	rel = RelationIdGetRelation(relid);
	if (!RelationIsValid(rel))
		return NULL;
	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_index->indisexclusion)
		{
			Bitmapset  *columns = index_columns(index);

			if (bms_overlap(columns, tagged))
				result = bms_add_members(result, columns);
		}
		index_close(index, AccessShareLock);
	}
	RelationClose(rel);

	return result;
}

bool
dsec_lineage_quotes_conflicts(Oid relid)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (dsec_lineage_quoted_keys(lfirst_oid(lc)) != NULL)
			return true;
	}

	return false;
}
