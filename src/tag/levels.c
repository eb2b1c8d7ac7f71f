/*-------------------------------------------------------------------------
 *
 * levels.c
 *	  Relations and their ancestors, and the columns that labels name.
 *
 * A key is found by its mark, a label of provider dsec_key on the column,
 * which follows the attribute number through RENAME and goes with the column
 * at DROP.  A name without its mark is a column that took the place of the
 * key: a problem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "tag/builder.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

DsecLabel *
dsec_tag_read_label(DsecBuilder *b, const char *text)
{
	DsecLabelError error;
	DsecLabel  *label = dsec_tag_parse(text, &error);

	if (label == NULL && b->result->unreadable == NULL)
		b->result->unreadable = psprintf("A label cannot be read. %s",
										 error.detail);
	return label;
}

static DsecLevel *
read_level(DsecBuilder *b, Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	DsecLevel  *level;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_class) GETSTRUCT(tuple);
	level = palloc0(sizeof(DsecLevel));
	level->relid = relid;
	level->relkind = form->relkind;
	level->natts = form->relnatts;
	level->has_children = form->relhassubclass;
	if (OidIsValid(form->reloftype))
		level->oftype = get_typ_typrelid(form->reloftype);
	ReleaseSysCache(tuple);

	foreach(lc, dsec_tag_stored_labels(RelationRelationId, relid))
	{
		DsecStoredLabel *stored = (DsecStoredLabel *) lfirst(lc);
		DsecColumnLabel *column = palloc0(sizeof(DsecColumnLabel));

		column->attno = stored->subid;
		if (stored->mark)
		{
			/* a mark that is no name marks nothing, and so fails closed */
			column->mark = dsec_tag_unquote(stored->text);
			if (column->mark != NULL)
				level->marks = lappend(level->marks, column);
			continue;
		}
		column->label = dsec_tag_read_label(b, stored->text);
		if (column->label == NULL)
			continue;
		if (stored->subid == 0)
			level->defaults = column->label;
		else
			level->columns = lappend(level->columns, column);
	}
	return level;
}

static List *
parents_of(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result,
							 ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static char *
values_text(DsecAttribute attribute, List *values)
{
	DsecLabel	label = {0};

	label.values[attribute] = values;
	return dsec_tag_canonical(&label);
}

/* Find the nearest value of each attribute on the labels of the relations. */
static void
find_defaults(DsecBuilder *b)
{
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		DsecDefault *def = &b->defaults[i];
		ListCell   *lc;

		foreach(lc, b->levels)
		{
			DsecLevel  *level = (DsecLevel *) lfirst(lc);

			if (level->defaults == NULL || level->defaults->values[i] == NIL)
				continue;
			if (def->level == NULL)
			{
				def->level = level;
				def->values = level->defaults->values[i];
			}
			else if (strcmp(values_text(i, def->values),
							values_text(i, level->defaults->values[i])) != 0)
				def->problem = psprintf("The labels of relation \"%s\" and of its ancestor \"%s\" contradict each other.",
										get_rel_name(def->level->relid),
										get_rel_name(level->relid));
		}
	}
}

bool
dsec_tag_read_levels(DsecBuilder *b)
{
	List	   *relids = list_make1_oid(b->relid);

	for (int i = 0; i < list_length(relids); i++)
	{
		DsecLevel  *level = read_level(b, list_nth_oid(relids, i));

		if (level == NULL)
		{
			if (i == 0)
				return false;
			continue;
		}
		b->levels = lappend(b->levels, level);
		if (i > 0)
			b->result->depends = list_append_unique_oid(b->result->depends,
														level->relid);
		if (level->relkind == RELKIND_RELATION ||
			level->relkind == RELKIND_PARTITIONED_TABLE ||
			level->relkind == RELKIND_FOREIGN_TABLE)
			relids = list_concat_unique_oid(relids, parents_of(level->relid));
		if (OidIsValid(level->oftype))
			relids = list_append_unique_oid(relids, level->oftype);
	}
	find_defaults(b);
	return true;
}

AttrNumber
dsec_tag_resolve_name(const DsecLevel *level, const char *name, char **problem)
{
	AttrNumber	named = get_attnum(level->relid, name);
	AttrNumber	marked = InvalidAttrNumber;
	bool		ambiguous = false;
	ListCell   *lc;

	foreach(lc, level->marks)
	{
		DsecColumnLabel *mark = (DsecColumnLabel *) lfirst(lc);

		if (strcmp(mark->mark, name) != 0)
			continue;
		ambiguous = (marked != InvalidAttrNumber);
		marked = mark->attno;
	}

	if (named < 0)
		named = InvalidAttrNumber;	/* a system column */
	if (marked != InvalidAttrNumber && !ambiguous &&
		(named == InvalidAttrNumber || named == marked))
		return marked;

	if (*problem != NULL)
		return InvalidAttrNumber;
	if (named == InvalidAttrNumber && marked == InvalidAttrNumber)
		*problem = psprintf("Column \"%s\", which the label of relation \"%s\" names, is gone.",
							name, get_rel_name(level->relid));
	else
		*problem = psprintf("Column \"%s\" of relation \"%s\" is not the column that was labelled under this name.",
							name, get_rel_name(level->relid));
	return InvalidAttrNumber;
}

AttrNumber
dsec_tag_map_column(const DsecBuilder *b, const DsecLevel *level, AttrNumber attno, char **problem)
{
	char	   *name;
	AttrNumber	result;

	if (level->relid == b->relid || attno == InvalidAttrNumber)
		return attno;
	name = get_attname(level->relid, attno, true);
	result = name ? get_attnum(b->relid, name) : InvalidAttrNumber;
	if (result <= 0 && *problem == NULL)
		*problem = psprintf("Relation \"%s\" has no column of the name that its ancestor uses as subject key.",
							get_rel_name(b->relid));
	return Max(result, InvalidAttrNumber);
}

char *
dsec_tag_default(Oid relid, DsecAttribute attribute)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};

	b.result = &ignored;
	b.relid = relid;
	if (!dsec_tag_read_levels(&b))
		return NULL;
	if (b.defaults[attribute].values == NIL)
		return NULL;
	return ((DsecValue *) linitial(b.defaults[attribute].values))->text;
}
