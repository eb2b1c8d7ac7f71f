/*-------------------------------------------------------------------------
 *
 * typelabel.c
 *	  The label of a type, or of what it is made of.
 *
 * The nearest label counts: a labelled domain over a labelled domain has its
 * own, and one that does not hold for the type modifier leaves the column
 * untagged.  The type modifier is that of the column, which an array hands to
 * its elements; a domain has that of its definition.  A composite type, row types of tables included, has the tag that its
 * fields have; fields with different tags make a problem, because one column
 * has one tag.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tag/builder.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

void
dsec_tag_column_type(Oid relid, AttrNumber attno, Oid *type, int32 *typmod)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attno));

	*type = InvalidOid;
	*typmod = -1;
	if (HeapTupleIsValid(tuple))
	{
		*type = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid;
		*typmod = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypmod;
		ReleaseSysCache(tuple);
	}
}

/* The label that one tagged column of a composite type amounts to. */
static DsecLabel *
label_of_field(const DsecTaggedColumn *column)
{
	DsecLabel  *label = dsec_tag_parse_strict(column->tag);

	label->values[DSEC_ATTRIBUTE_SUBJECT] = NIL;
	label->values[DSEC_ATTRIBUTE_SPACE] = NIL;
	label->values[DSEC_ATTRIBUTE_IN_SCOPE] = NIL;
	label->values[DSEC_ATTRIBUTE_SUBJECTS] = NIL;
	return label;
}

/* The fields of a composite type carry tags: so does the type. */
static DsecLabel *
composite_label(DsecBuilder *b, Oid relid, char **problem)
{
	DsecEffective fields;
	DsecLabel  *label = NULL;
	char	   *text = NULL;

	dsec_tag_effective(relid, &fields);
	b->result->depends = list_append_unique_oid(b->result->depends, relid);
	b->result->depends = list_concat_unique_oid(b->result->depends, fields.depends);
	if (fields.unreadable != NULL && b->result->unreadable == NULL)
		b->result->unreadable = fields.unreadable;
	if (fields.tags == NULL)
		return NULL;

	for (int i = 0; i < fields.tags->ncolumns; i++)
	{
		DsecLabel  *other = label_of_field(&fields.tags->columns[i]);
		char	   *other_text = dsec_tag_canonical(other);

		if (label == NULL)
		{
			label = other;
			text = other_text;
		}
		else if (strcmp(text, other_text) != 0)
			*problem = "The fields of its composite type carry different tags.";
		if (fields.tags->columns[i].problem != NULL && *problem == NULL)
			*problem = fields.tags->columns[i].problem;
	}
	return label;
}

DsecLabel *
dsec_tag_type_label(DsecBuilder *b, Oid type, int32 typmod, char **problem)
{
	HeapTuple	tuple;
	Form_pg_type form;
	Oid			base,
				relid;
	char		typtype;
	DsecLabel  *label;
	ListCell   *lc;

	check_stack_depth();

	/* types of the system carry no labels */
	if (type < FirstNormalObjectId)
		return NULL;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_type) GETSTRUCT(tuple);
	typtype = form->typtype;
	base = form->typbasetype;
	relid = form->typrelid;
	ReleaseSysCache(tuple);
	if (typtype == TYPTYPE_DOMAIN)
	{
		typmod = -1;
		getBaseTypeAndTypmod(type, &typmod);
	}

	foreach(lc, dsec_tag_stored_labels(TypeRelationId, type))
	{
		DsecStoredLabel *stored = (DsecStoredLabel *) lfirst(lc);

		if (stored->mark)
			continue;
		label = dsec_tag_read_label(b, stored->text);
		if (label == NULL || !dsec_tag_holds_for_typmod(label, typmod))
			return NULL;
		label->values[DSEC_ATTRIBUTE_MAX_TYPMOD] = NIL;
		return label;
	}

	switch (typtype)
	{
		case TYPTYPE_DOMAIN:
			return dsec_tag_type_label(b, base, typmod, problem);
		case TYPTYPE_BASE:
			return dsec_tag_type_label(b, get_element_type(type), typmod, problem);
		case TYPTYPE_RANGE:
			return dsec_tag_type_label(b, get_range_subtype(type), -1, problem);
		case TYPTYPE_MULTIRANGE:
			return dsec_tag_type_label(b, get_multirange_range(type), -1, problem);
		case TYPTYPE_COMPOSITE:
			return composite_label(b, relid, problem);
		default:
			return NULL;
	}
}

char *
dsec_tag_type_text(Oid type, int32 typmod)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};
	char	   *problem = NULL;
	DsecLabel  *label;

	b.result = &ignored;
	label = dsec_tag_type_label(&b, type, typmod, &problem);
	return label ? dsec_tag_canonical(label) : NULL;
}
