/*-------------------------------------------------------------------------
 *
 * generated.c
 *	  Tags of generated columns.
 *
 * What a generated column holds is made of other columns of its row, so it is
 * tagged as these are, with their subject, from the moment one of them is, and
 * without a label of its own.  A label that it does have adds to that; it never
 * takes anything away.  A function that declassifies ends it.
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
#include "nodes/nodeFuncs.h"
#include "tag/builder.h"
#include "tag/propagate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool
ends_flow(Node *node)
{
	if (IsA(node, FuncExpr))
		return dsec_tag_declassifies(((FuncExpr *) node)->funcid);
	if (IsA(node, OpExpr))
		return dsec_tag_declassifies(get_opcode(((OpExpr *) node)->opno));
	return false;
}

/* Add the columns whose data reaches the result, as attribute numbers. */
static bool
collect(Node *node, Bitmapset **read)
{
	if (node == NULL || ends_flow(node))
		return false;
	if (IsA(node, Var))
	{
		*read = bms_add_member(*read, ((Var *) node)->varattno -
							   FirstLowInvalidHeapAttributeNumber);
		return false;
	}
	return expression_tree_walker(node, collect, read);
}

Bitmapset *
dsec_tag_expression_columns(Node *expression)
{
	Bitmapset  *read = NULL;

	collect(expression, &read);
	return read;
}

/* Columns that the expression is made of, offset as system columns need it. */
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
			result = dsec_tag_expression_columns(stringToNode(TextDatumGetCString(expression)));
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

/* The column holds what the source does, too. */
static void
add_source(DsecTaggedColumn *column, const DsecTaggedColumn *source)
{
	DsecLabel  *label = dsec_tag_parse_strict(column->tag);
	bool		many = column->many || source->many || column->subject != source->subject;

	if (column->problem == NULL)
		column->problem = source->problem;
	dsec_tag_unite_categories(label, dsec_tag_parse_strict(source->tag));
	if (list_length(label->values[DSEC_ATTRIBUTE_ALSO]) > DSEC_MAX_ALSO)
	{
		if (column->problem == NULL)
			column->problem = "It is generated from columns of too many categories.";
		return;
	}
	if (many)
	{
		DsecValue  *value = palloc0(sizeof(DsecValue));

		value->text = DSEC_SUBJECTS_MANY;
		label->values[DSEC_ATTRIBUTE_SUBJECT] = NIL;
		label->values[DSEC_ATTRIBUTE_SPACE] = NIL;
		label->values[DSEC_ATTRIBUTE_IN_SCOPE] = NIL;
		label->values[DSEC_ATTRIBUTE_SUBJECTS] = list_make1(value);
		if (column->problem == NULL)
			column->problem = "It is generated from columns that hold data of different subjects.";
	}
	column->many = many;
	dsec_tag_sort_values(label);
	dsec_tag_set_categories(column, label);
	column->tag = dsec_tag_canonical(label);
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
