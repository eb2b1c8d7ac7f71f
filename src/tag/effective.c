/*-------------------------------------------------------------------------
 *
 * effective.c
 *	  From the labels in the catalog to the tags of a relation's columns.
 *
 * A relation is looked at together with its inheritance ancestors and the type
 * of a typed table, as a list of levels, nearest first.  The tag of a column is
 * its own label, or that of the column of the same name on an ancestor, or that
 * of its type; generated.c adds what generated columns are made of.  Defaults
 * (subject, space, in_scope) come from the labels of the relations.
 *
 * Where two labels say different things about one column, neither is taken to
 * be right: the column is tagged, with a problem, and its reader fails closed.
 *
 * Nothing here locks or opens the relation; all is read through the catalog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tag/builder.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static DsecLabel *
level_column_label(const DsecLevel *level, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, level->columns)
	{
		DsecColumnLabel *column = (DsecColumnLabel *) lfirst(lc);

		if (column->attno == attno)
			return column->label;
	}
	return NULL;
}

bool
dsec_tag_same_subject(const DsecSubject *a, const DsecSubject *b)
{
	if (strcmp(a->space, b->space) != 0 || a->nkeys != b->nkeys ||
		a->npopulations != b->npopulations)
		return false;
	for (int i = 0; i < a->nkeys; i++)
	{
		if (a->keys[i] != b->keys[i])
			return false;
	}
	for (int i = 0; i < a->npopulations; i++)
	{
		if (strcmp(a->populations[i], b->populations[i]) != 0 ||
			a->population_columns[i] != b->population_columns[i])
			return false;
	}
	return true;
}

/* Index of the subject in the result, which gets it when it is new. */
static int
intern_subject(DsecBuilder *b, DsecSubject *subject)
{
	ListCell   *lc;

	foreach(lc, b->subjects)
	{
		if (dsec_tag_same_subject((DsecSubject *) lfirst(lc), subject))
			return foreach_current_index(lc);
	}
	b->subjects = lappend(b->subjects, subject);
	return list_length(b->subjects) - 1;
}

DsecLabel *
dsec_tag_column_label(DsecBuilder *b, Form_pg_attribute att, DsecLevel **where, char **problem)
{
	DsecLabel  *label = NULL;
	ListCell   *lc;

	*where = NULL;
	foreach(lc, b->levels)
	{
		DsecLevel  *level = (DsecLevel *) lfirst(lc);
		AttrNumber	attno = att->attnum;
		DsecLabel  *other;

		if (level->columns == NIL)
			continue;
		if (level->relid != b->relid)
			attno = get_attnum(level->relid, NameStr(att->attname));
		other = level_column_label(level, attno);
		if (other == NULL)
			continue;
		if (label == NULL)
		{
			label = other;
			*where = level;
		}
		else if (strcmp(dsec_tag_canonical(label), dsec_tag_canonical(other)) != 0)
			*problem = psprintf("The labels of the column on relation \"%s\" and on \"%s\" contradict each other.",
								get_rel_name((*where)->relid),
								get_rel_name(level->relid));
	}
	if (label == NULL)
		label = dsec_tag_type_label(b, att->atttypid, att->atttypmod, problem);
	return label;
}

/* The effective tag as text: what the label says and what it inherits. */
static char *
effective_text(const DsecBuilder *b, const DsecLabel *label, const DsecSubject *subject)
{
	DsecLabel	effective = {0};
	DsecValue  *value;

	effective.head = DSEC_HEAD_CATEGORY;
	effective.category = label->category;
	effective.values[DSEC_ATTRIBUTE_CLASS] = label->values[DSEC_ATTRIBUTE_CLASS];
	effective.values[DSEC_ATTRIBUTE_ALSO] = label->values[DSEC_ATTRIBUTE_ALSO];
	effective.values[DSEC_ATTRIBUTE_SUBJECTS] = label->values[DSEC_ATTRIBUTE_SUBJECTS];
	if (strncmp(subject->space, DSEC_RESERVED_SPACE,
				strlen(DSEC_RESERVED_SPACE)) != 0)
	{
		for (int i = 0; i < subject->nkeys; i++)
		{
			value = palloc0(sizeof(DsecValue));
			value->text = get_attname(b->relid, subject->keys[i], false);
			effective.values[DSEC_ATTRIBUTE_SUBJECT] =
				lappend(effective.values[DSEC_ATTRIBUTE_SUBJECT], value);
		}
		value = palloc0(sizeof(DsecValue));
		value->text = subject->space;
		effective.values[DSEC_ATTRIBUTE_SPACE] = list_make1(value);
	}
	for (int i = 0; i < subject->npopulations; i++)
	{
		value = palloc0(sizeof(DsecValue));
		value->of = subject->populations[i];
		value->text = get_attname(b->relid, subject->population_columns[i], false);
		effective.values[DSEC_ATTRIBUTE_IN_SCOPE] =
			lappend(effective.values[DSEC_ATTRIBUTE_IN_SCOPE], value);
	}
	return dsec_tag_canonical(&effective);
}

/* What a category is called where people are counted. */
static char *
counted_category(char *category)
{
	return strcmp(category, DSEC_LISTED_IDENTIFIER) == 0 ?
		DSEC_COVERED_IDENTIFIER : category;
}

static char *
join_values(List *values)
{
	StringInfoData buf;
	ListCell   *lc;

	if (values == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, values)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "",
						 ((DsecValue *) lfirst(lc))->text);
	return buf.data;
}

void
dsec_tag_set_categories(DsecTaggedColumn *column, const DsecLabel *label)
{
	ListCell   *lc;

	column->category = counted_category(label->category);
	column->nalso = 0;
	column->identifier_class = join_values(label->values[DSEC_ATTRIBUTE_CLASS]);
	foreach(lc, label->values[DSEC_ATTRIBUTE_ALSO])
	{
		char	   *category = counted_category(((DsecValue *) lfirst(lc))->text);
		bool		known = false;

		for (int i = 0; i <= column->nalso; i++)
			known |= strcmp(dsec_tag_category(column, i), category) == 0;
		if (!known)
			column->also[column->nalso++] = category;
	}
}

static void
add_column(DsecBuilder *b, Form_pg_attribute att)
{
	DsecTaggedColumn *column;
	DsecSubject *subject;
	DsecLabel  *label;
	DsecLevel  *level;
	char	   *problem = NULL;

	label = dsec_tag_column_label(b, att, &level, &problem);
	if (label == NULL)
		return;
	if (label->head != DSEC_HEAD_CATEGORY)
	{
		/* the provider lets no such label pass */
		if (b->result->unreadable == NULL)
			b->result->unreadable = psprintf("The label of column \"%s\" has no category.",
											 NameStr(att->attname));
		return;
	}
	subject = dsec_tag_column_subject(b, label, level, att->attnum, &problem);

	column = palloc0(sizeof(DsecTaggedColumn));
	column->attno = att->attnum;
	dsec_tag_set_categories(column, label);
	column->many = dsec_tag_says_subjects(label, DSEC_SUBJECTS_MANY);
	column->tag = effective_text(b, label, subject);
	column->subject = intern_subject(b, subject);
	column->source = level == NULL ? DSEC_TAG_TYPE :
		level->relid == b->relid ? DSEC_TAG_COLUMN : DSEC_TAG_ANCESTOR;
	column->problem = problem;
	b->columns = lappend(b->columns, column);
}

/* Make the result from the lists. */
static DsecRelationTags *
make_tags(const DsecBuilder *b)
{
	DsecRelationTags *tags = palloc0(sizeof(DsecRelationTags));
	ListCell   *lc;

	tags->relid = b->relid;
	tags->columns = palloc(sizeof(DsecTaggedColumn) * list_length(b->columns));
	foreach(lc, b->columns)
	{
		DsecTaggedColumn *column = (DsecTaggedColumn *) lfirst(lc);

		tags->columns[tags->ncolumns++] = *column;
		tags->attnos = bms_add_member(tags->attnos, column->attno);
	}
	tags->subjects = palloc(sizeof(DsecSubject) * list_length(b->subjects));
	foreach(lc, b->subjects)
		tags->subjects[tags->nsubjects++] = *(DsecSubject *) lfirst(lc);
	return tags;
}

/* The relation that a TOAST table belongs to. */
static Oid
owner_of_toast(Oid relid)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == RelationRelationId &&
			form->deptype == DEPENDENCY_INTERNAL)
			result = form->refobjid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * A TOAST table holds pieces of values: tagged when any column of its relation
 * is, and never to be relied on, because the pieces name no subject.
 */
static void
toast_tags(Oid relid, DsecEffective *result)
{
	Oid			owner = owner_of_toast(relid);
	AttrNumber	attno = get_attnum(relid, "chunk_data");
	DsecEffective tags;
	DsecRelationTags *toast;

	if (!OidIsValid(owner) || attno == InvalidAttrNumber)
		return;
	dsec_tag_effective(owner, &tags);
	result->depends = list_append_unique_oid(tags.depends, owner);
	result->unreadable = tags.unreadable;
	if (tags.tags == NULL)
		return;

	toast = palloc0(sizeof(DsecRelationTags));
	toast->relid = relid;
	toast->ncolumns = toast->nsubjects = 1;
	toast->columns = palloc(sizeof(DsecTaggedColumn));
	toast->columns[0] = tags.tags->columns[0];
	toast->columns[0].attno = attno;
	toast->columns[0].subject = 0;
	toast->columns[0].problem = psprintf("It holds pieces of values of relation \"%s\", and not whose they are.",
										 get_rel_name(owner));
	toast->subjects = palloc0(sizeof(DsecSubject));
	toast->subjects[0].space = psprintf("%s%u.%u", DSEC_RESERVED_SPACE,
										MyDatabaseId, owner);
	toast->subjects[0].keys_notnull = true;
	toast->attnos = bms_make_singleton(attno);
	result->tags = toast;
}

void
dsec_tag_effective(Oid relid, DsecEffective *result)
{
	DsecBuilder b = {0};
	DsecLevel  *self;
	List	   *generated = NIL;

	check_stack_depth();
	memset(result, 0, sizeof(DsecEffective));
	b.result = result;
	b.relid = relid;
	if (relid < FirstNormalObjectId || !dsec_tag_read_levels(&b))
		return;
	self = (DsecLevel *) linitial(b.levels);
	switch (self->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
		case RELKIND_COMPOSITE_TYPE:
			break;
		case RELKIND_TOASTVALUE:
			toast_tags(relid, result);
			return;
		default:
			return;
	}

	for (AttrNumber attno = 1; attno <= self->natts; attno++)
	{
		HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
											Int16GetDatum(attno));
		Form_pg_attribute att;

		if (!HeapTupleIsValid(tuple))
			continue;
		att = (Form_pg_attribute) GETSTRUCT(tuple);
		if (!att->attisdropped)
		{
			add_column(&b, att);
			if (att->attgenerated != '\0')
				generated = lappend_int(generated, attno);
		}
		ReleaseSysCache(tuple);
	}
	if (generated != NIL && b.columns != NIL)
		dsec_tag_add_generated(&b, generated);
	if (result->unreadable == NULL && b.columns != NIL)
		result->tags = make_tags(&b);
}
