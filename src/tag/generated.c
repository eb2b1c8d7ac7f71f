/*-------------------------------------------------------------------------
 *
 * generated.c
 *	  Tags of generated columns.
 *
 * What a generated column holds is made of other columns of its row, so it is
 * tagged as these are, with their subject, from the moment one of them is, and
 * without a label of its own.  A label that it does have adds to that; it never
 * takes anything away.
 *
 * A generated column reads no other generated column, so one pass over the
 * columns tagged otherwise is enough.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "nodes/pg_list.h"
#include "optimizer/optimizer.h"
#include "tag/builder.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Attribute numbers, offset as pull_varattnos does, that the expression reads. */
static Bitmapset *
columns_read(Oid relid, AttrNumber attno)
{
	Relation	rel = table_open(AttrDefaultRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Bitmapset  *result = NULL;

	ScanKeyInit(&keys[0], Anum_pg_attrdef_adrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attno));
	scan = systable_beginscan(rel, AttrDefaultIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		expression = heap_getattr(tuple, Anum_pg_attrdef_adbin,
											  RelationGetDescr(rel), &isnull);

		if (!isnull)
			pull_varattnos(stringToNode(TextDatumGetCString(expression)), 1,
						   &result);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static bool
reads(const Bitmapset *read, AttrNumber attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, read) ||
		bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, read);
}

static bool
same_class(const DsecTaggedColumn *a, const DsecTaggedColumn *b)
{
	if (a->identifier_class == NULL || b->identifier_class == NULL)
		return a->identifier_class == b->identifier_class;
	return strcmp(a->identifier_class, b->identifier_class) == 0;
}

/* The column holds what the source does, too. */
static void
add_source(DsecTaggedColumn *column, const DsecTaggedColumn *source)
{
	if (column->problem == NULL)
		column->problem = source->problem;
	if (column->problem != NULL)
		return;
	if (strcmp(column->category, source->category) != 0 ||
		!same_class(column, source))
		column->problem = "It is generated from columns with different tags.";
	else if (column->subject != source->subject)
		column->problem = "It is generated from columns that hold data of different subjects.";
}

static DsecTaggedColumn *
find_column(List *columns, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		DsecTaggedColumn *column = (DsecTaggedColumn *) lfirst(lc);

		if (column->attno == attno)
			return column;
	}
	return NULL;
}

static int
by_attno(const ListCell *a, const ListCell *b)
{
	return ((const DsecTaggedColumn *) lfirst(a))->attno -
		((const DsecTaggedColumn *) lfirst(b))->attno;
}

void
dsec_tag_add_generated(DsecBuilder *b, List *generated)
{
	List	   *sources = NIL;
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, b->columns)
	{
		DsecTaggedColumn *column = (DsecTaggedColumn *) lfirst(lc);

		if (!list_member_int(generated, column->attno))
			sources = lappend(sources, column);
	}
	if (sources == NIL)
		return;

	foreach(lc, generated)
	{
		AttrNumber	attno = lfirst_int(lc);
		Bitmapset  *read = columns_read(b->relid, attno);
		DsecTaggedColumn *column = find_column(b->columns, attno);

		foreach(ls, sources)
		{
			DsecTaggedColumn *source = (DsecTaggedColumn *) lfirst(ls);

			if (!reads(read, source->attno))
				continue;
			if (column != NULL)
			{
				add_source(column, source);
				continue;
			}
			column = palloc(sizeof(DsecTaggedColumn));
			*column = *source;
			column->attno = attno;
			column->source = DSEC_TAG_GENERATED;
			b->columns = lappend(b->columns, column);
		}
	}
	list_sort(b->columns, by_attno);
}
