/*-------------------------------------------------------------------------
 *
 * typelabel.c
 *	  The label of a type, or of what it is made of.
 *
 * The nearest label counts: a labelled domain over a labelled domain has its
 * own.  A composite type, row types of tables included, has the tag that its
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

/* The label that one tagged column of a composite type amounts to. */
static DsecLabel *
label_of_field(const DsecTaggedColumn *column)
{
	DsecLabel  *label = palloc0(sizeof(DsecLabel));

	label->head = DSEC_HEAD_CATEGORY;
	label->category = pstrdup(column->category);
	if (column->identifier_class != NULL)
	{
		DsecValue  *value = palloc0(sizeof(DsecValue));

		label->category = pstrdup(DSEC_LISTED_IDENTIFIER);
		value->text = pstrdup(column->identifier_class);
		label->values[DSEC_ATTRIBUTE_CLASS] = list_make1(value);
	}
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
dsec_tag_type_label(DsecBuilder *b, Oid type, char **problem)
{
	HeapTuple	tuple;
	Form_pg_type form;
	Oid			base,
				relid;
	char		typtype;
	ListCell   *lc;

	check_stack_depth();

	/* types of the system carry no labels */
	if (type < FirstNormalObjectId)
		return NULL;

	foreach(lc, dsec_tag_stored_labels(TypeRelationId, type))
	{
		DsecStoredLabel *stored = (DsecStoredLabel *) lfirst(lc);

		if (!stored->mark)
			return dsec_tag_read_label(b, stored->text);
	}

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_type) GETSTRUCT(tuple);
	typtype = form->typtype;
	base = form->typbasetype;
	relid = form->typrelid;
	ReleaseSysCache(tuple);

	switch (typtype)
	{
		case TYPTYPE_DOMAIN:
			return dsec_tag_type_label(b, base, problem);
		case TYPTYPE_BASE:
			return dsec_tag_type_label(b, get_element_type(type), problem);
		case TYPTYPE_RANGE:
			return dsec_tag_type_label(b, get_range_subtype(type), problem);
		case TYPTYPE_MULTIRANGE:
			return dsec_tag_type_label(b, get_multirange_range(type), problem);
		case TYPTYPE_COMPOSITE:
			return composite_label(b, relid, problem);
		default:
			return NULL;
	}
}

char *
dsec_tag_type_text(Oid type)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};
	char	   *problem = NULL;
	DsecLabel  *label;

	b.result = &ignored;
	label = dsec_tag_type_label(&b, type, &problem);
	return label ? dsec_tag_canonical(label) : NULL;
}
