/*-------------------------------------------------------------------------
 *
 * effective.c
 *	  From the labels in the catalog to the tags of a relation's columns.
 *
 * A relation is looked at together with its inheritance ancestors, as a list
 * of levels, nearest first.  The tag of a column is its own label, or that of
 * the column of the same name on an ancestor, or that of its type.  Defaults
 * (subject, space, in_scope) come from the labels of the relations.
 *
 * Where two labels say different things about one column, neither is taken to
 * be right: the column is tagged, with a problem, and its reader fails closed.
 *
 * A key is found by its mark, a label of provider dsec_key on the column,
 * which follows the attribute number through RENAME and goes with the column
 * at DROP.  A name without its mark is a column that took the place of the
 * key: a problem as well.
 *
 * in_scope of a relation speaks about the subject of that relation: it is not
 * inherited by a column that names a subject of its own.  A space without a
 * subject is a default for columns that name one; it never names the space of
 * a primary key, because two tables would then mix their keys.
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
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tag/effective.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* a label or a mark of one column */
typedef struct ColumnLabel
{
	AttrNumber	attno;
	DsecLabel  *label;			/* NULL for a mark */
	char	   *mark;			/* NULL for a label */
} ColumnLabel;

/* a relation: the one asked about, or an ancestor */
typedef struct Level
{
	Oid			relid;
	char		relkind;
	int			natts;
	bool		has_children;
	DsecLabel  *defaults;		/* the label of the relation, or NULL */
	List	   *columns;		/* of ColumnLabel */
	List	   *marks;			/* of ColumnLabel */
} Level;

/* the value of one attribute over all levels */
typedef struct Default
{
	List	   *values;			/* of DsecValue; NIL when no level has it */
	Level	   *level;			/* the nearest that has */
	char	   *problem;		/* the levels contradict each other */
} Default;

typedef struct Builder
{
	DsecEffective *result;
	Oid			relid;
	List	   *levels;			/* of Level, nearest first */
	Default		defaults[DSEC_NUM_ATTRIBUTES];
	List	   *columns;		/* of DsecTaggedColumn */
	List	   *subjects;		/* of DsecSubject */
} Builder;

/* ----------------------------------------------------------------
 * Reading levels
 * ----------------------------------------------------------------
 */

/* Parse a stored label; an unreadable one makes the whole result unreadable. */
static DsecLabel *
read_label(Builder *b, const char *text)
{
	DsecLabelError error;
	DsecLabel  *label = dsec_tag_parse(text, &error);

	if (label == NULL && b->result->unreadable == NULL)
		b->result->unreadable = psprintf("A label cannot be read. %s",
										 error.detail);
	return label;
}

static Level *
read_level(Builder *b, Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	Level	   *level;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_class) GETSTRUCT(tuple);
	level = palloc0(sizeof(Level));
	level->relid = relid;
	level->relkind = form->relkind;
	level->natts = form->relnatts;
	level->has_children = form->relhassubclass;
	ReleaseSysCache(tuple);

	foreach(lc, dsec_tag_stored_labels(RelationRelationId, relid))
	{
		DsecStoredLabel *stored = (DsecStoredLabel *) lfirst(lc);
		ColumnLabel *column = palloc0(sizeof(ColumnLabel));

		column->attno = stored->subid;
		if (stored->mark)
		{
			/* a mark that is no name marks nothing, and so fails closed */
			column->mark = dsec_tag_unquote(stored->text);
			if (column->mark != NULL)
				level->marks = lappend(level->marks, column);
			continue;
		}
		column->label = read_label(b, stored->text);
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

/* The relation and its ancestors, breadth first.  False: there is no relation. */
static bool
read_levels(Builder *b)
{
	List	   *relids = list_make1_oid(b->relid);

	for (int i = 0; i < list_length(relids); i++)
	{
		Level	   *level = read_level(b, list_nth_oid(relids, i));

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
	}
	return true;
}

static DsecLabel *
level_column_label(const Level *level, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, level->columns)
	{
		ColumnLabel *column = (ColumnLabel *) lfirst(lc);

		if (column->attno == attno)
			return column->label;
	}
	return NULL;
}

/* ----------------------------------------------------------------
 * Tags of types
 * ----------------------------------------------------------------
 */

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
composite_label(Builder *b, Oid relid, char **problem)
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

/*
 * The label of a type, or of what it is made of: the base type of a domain,
 * the elements of an array, the subtype of a range, the fields of a composite.
 */
static DsecLabel *
type_label(Builder *b, Oid type, char **problem)
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
			return read_label(b, stored->text);
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
			return type_label(b, base, problem);
		case TYPTYPE_BASE:
			return type_label(b, get_element_type(type), problem);
		case TYPTYPE_RANGE:
			return type_label(b, get_range_subtype(type), problem);
		case TYPTYPE_MULTIRANGE:
			return type_label(b, get_multirange_range(type), problem);
		case TYPTYPE_COMPOSITE:
			return composite_label(b, relid, problem);
		default:
			return NULL;
	}
}

/* ----------------------------------------------------------------
 * Subjects
 * ----------------------------------------------------------------
 */

/*
 * The column that a label of this level calls name.  The mark decides; where
 * name and mark disagree, *problem says so and the result is invalid.
 */
static AttrNumber
resolve_name(const Level *level, const char *name, char **problem)
{
	AttrNumber	named = get_attnum(level->relid, name);
	AttrNumber	marked = InvalidAttrNumber;
	bool		ambiguous = false;
	ListCell   *lc;

	foreach(lc, level->marks)
	{
		ColumnLabel *mark = (ColumnLabel *) lfirst(lc);

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

/* A column of a level as a column of the relation asked about. */
static AttrNumber
map_column(const Builder *b, const Level *level, AttrNumber attno, char **problem)
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

/* Add a key column; the type must be one that keys can have. */
static void
add_key(const Builder *b, DsecSubject *subject, AttrNumber attno, char **problem)
{
	HeapTuple	tuple;
	Form_pg_attribute form;

	if (attno == InvalidAttrNumber)
		return;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(b->relid),
							Int16GetDatum(attno));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_attribute) GETSTRUCT(tuple);
	if (dsec_tag_key_family(form->atttypid) == 0 && *problem == NULL)
		*problem = psprintf("The type of column \"%s\" cannot be that of a subject key.",
							NameStr(form->attname));
	subject->keys[subject->nkeys] = attno;
	subject->keytypes[subject->nkeys] = form->atttypid;
	subject->keycollations[subject->nkeys] = form->attcollation;
	subject->nkeys++;
	if (!form->attnotnull)
		subject->keys_notnull = false;
	ReleaseSysCache(tuple);
}

/* Attribute numbers of the valid primary key; false when there is none. */
static bool
primary_key(Oid relid, int *nkeys, AttrNumber *keys)
{
	Relation	rel = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, IndexIndrelidIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		if (!form->indisprimary || !form->indisvalid ||
			form->indnkeyatts > DSEC_MAX_KEYS)
			continue;
		found = true;
		*nkeys = form->indnkeyatts;
		for (int i = 0; i < *nkeys; i++)
			keys[i] = form->indkey.values[i];
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Is any column of the level tagged by a label on it, or by its type? */
static bool
level_is_tagged(Builder *b, const Level *level)
{
	if (level->columns != NIL)
		return true;
	for (AttrNumber attno = 1; attno <= level->natts; attno++)
	{
		Oid			type = get_atttype(level->relid, attno);
		char	   *problem = NULL;

		if (OidIsValid(type) && type_label(b, type, &problem) != NULL)
			return true;
	}
	return false;
}

/*
 * No label names a subject: it is the primary key of the topmost tagged
 * relation, if that is unique over all its descendants, which holds for
 * partitions and not for inheritance; otherwise each row version is one.
 */
static DsecSubject *
default_subject(Builder *b, char **problem)
{
	DsecSubject *subject = palloc0(sizeof(DsecSubject));
	Level	   *self = (Level *) linitial(b->levels);
	Level	   *top = self;
	int			nkeys;
	AttrNumber	keys[DSEC_MAX_KEYS];

	for (int i = list_length(b->levels) - 1; i > 0; i--)
	{
		Level	   *level = (Level *) list_nth(b->levels, i);

		if (level_is_tagged(b, level))
		{
			top = level;
			break;
		}
	}

	subject->space = psprintf("%s%u.%u", DSEC_RESERVED_SPACE, MyDatabaseId,
							  top->relid);
	subject->keys_notnull = true;
	if ((top->relkind == RELKIND_PARTITIONED_TABLE ||
		 (top == self && !top->has_children)) &&
		primary_key(top->relid, &nkeys, keys))
	{
		char	   *unusable = NULL;

		for (int i = 0; i < nkeys; i++)
			add_key(b, subject, map_column(b, top, keys[i], &unusable), &unusable);
		if (unusable == NULL && subject->nkeys == nkeys)
			return subject;
		subject->nkeys = 0;
	}
	if (*problem == NULL)
	{
		if (self->relkind == RELKIND_FOREIGN_TABLE)
			*problem = "A foreign table has neither primary key nor row versions; its label must name the subject.";
		else if (self->relkind == RELKIND_VIEW)
			*problem = "A view has neither primary key nor row versions; its label must name the subject.";
	}
	return subject;
}

static bool
same_subject(const DsecSubject *a, const DsecSubject *b)
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
intern_subject(Builder *b, DsecSubject *subject)
{
	ListCell   *lc;

	foreach(lc, b->subjects)
	{
		if (same_subject((DsecSubject *) lfirst(lc), subject))
			return foreach_current_index(lc);
	}
	b->subjects = lappend(b->subjects, subject);
	return list_length(b->subjects) - 1;
}

/* Fill in the populations of a subject. */
static void
add_populations(Builder *b, DsecSubject *subject, const Level *level,
				List *values, char **problem)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		DsecValue  *value = (DsecValue *) lfirst(lc);
		AttrNumber	attno;

		attno = map_column(b, level, resolve_name(level, value->text, problem),
						   problem);
		if (attno == InvalidAttrNumber)
			continue;
		if (getBaseType(get_atttype(b->relid, attno)) != BOOLOID)
		{
			if (*problem == NULL)
				*problem = psprintf("Column \"%s\" is not boolean and cannot say who belongs to a population.",
									value->text);
			continue;
		}
		subject->populations[subject->npopulations] = value->of;
		subject->population_columns[subject->npopulations] = attno;
		subject->npopulations++;
	}
}

/* A problem of defaults concerns only columns that use them. */
static List *
use_default(Builder *b, DsecAttribute attribute, Level **level, char **problem)
{
	Default    *def = &b->defaults[attribute];

	if (def->problem != NULL && *problem == NULL)
		*problem = def->problem;
	*level = def->level;
	return def->values;
}

/* The subject of a column whose label stands on "level" (NULL: on its type). */
static DsecSubject *
column_subject(Builder *b, const DsecLabel *label, Level *level, char **problem)
{
	DsecSubject *subject;
	List	   *keys = label->values[DSEC_ATTRIBUTE_SUBJECT];
	List	   *scope = label->values[DSEC_ATTRIBUTE_IN_SCOPE];
	Level	   *key_level = level;
	Level	   *scope_level = level;
	char	   *space = dsec_tag_value(label, DSEC_ATTRIBUTE_SPACE);
	bool		own = (keys != NIL);
	ListCell   *lc;

	if (!own)
		keys = use_default(b, DSEC_ATTRIBUTE_SUBJECT, &key_level, problem);
	if (keys == NIL)
		subject = default_subject(b, problem);
	else
	{
		if (space == NULL)
		{
			Level	   *ignored;
			List	   *values = use_default(b, DSEC_ATTRIBUTE_SPACE, &ignored,
											 problem);

			space = values ? ((DsecValue *) linitial(values))->text : NULL;
		}
		if (space == NULL && *problem == NULL)
			*problem = "Its label names a subject, but no label names the space of it.";
		subject = palloc0(sizeof(DsecSubject));
		subject->space = space ? space :
			psprintf("%s%u.%u", DSEC_RESERVED_SPACE, MyDatabaseId, b->relid);
		subject->keys_notnull = true;
		foreach(lc, keys)
		{
			char	   *name = ((DsecValue *) lfirst(lc))->text;
			AttrNumber	attno = resolve_name(key_level, name, problem);

			add_key(b, subject, map_column(b, key_level, attno, problem), problem);
		}
	}

	/* who is in scope is said of the subject that the same label names */
	if (scope == NIL && !own)
		scope = use_default(b, DSEC_ATTRIBUTE_IN_SCOPE, &scope_level, problem);
	if (scope != NIL)
		add_populations(b, subject, scope_level, scope, problem);
	return subject;
}

/* ----------------------------------------------------------------
 * Columns
 * ----------------------------------------------------------------
 */

static char *
values_text(DsecAttribute attribute, List *values)
{
	DsecLabel	label = {0};

	label.values[attribute] = values;
	return dsec_tag_canonical(&label);
}

/* Find the nearest value of each attribute on the labels of the relations. */
static void
find_defaults(Builder *b)
{
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		Default    *def = &b->defaults[i];
		ListCell   *lc;

		foreach(lc, b->levels)
		{
			Level	   *level = (Level *) lfirst(lc);

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

/*
 * The label that holds for a column, with the level it stands on; NULL for
 * the level when it stands on the type.
 */
static DsecLabel *
column_label(Builder *b, Form_pg_attribute att, Level **where, char **problem)
{
	DsecLabel  *label = NULL;
	ListCell   *lc;

	*where = NULL;
	foreach(lc, b->levels)
	{
		Level	   *level = (Level *) lfirst(lc);
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
		label = type_label(b, att->atttypid, problem);
	return label;
}

/* The effective tag as text: what the label says and what it inherits. */
static char *
effective_text(const Builder *b, const DsecLabel *label, const DsecSubject *subject)
{
	DsecLabel	effective = {0};
	DsecValue  *value;

	effective.head = DSEC_HEAD_CATEGORY;
	effective.category = label->category;
	effective.values[DSEC_ATTRIBUTE_CLASS] = label->values[DSEC_ATTRIBUTE_CLASS];
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

static void
add_column(Builder *b, Form_pg_attribute att)
{
	DsecTaggedColumn *column;
	DsecSubject *subject;
	DsecLabel  *label;
	Level	   *level;
	char	   *problem = NULL;

	label = column_label(b, att, &level, &problem);
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
	subject = column_subject(b, label, level, &problem);

	column = palloc0(sizeof(DsecTaggedColumn));
	column->attno = att->attnum;
	column->category = label->category;
	if (strcmp(label->category, DSEC_LISTED_IDENTIFIER) == 0)
		column->category = DSEC_COVERED_IDENTIFIER;
	column->identifier_class = dsec_tag_value(label, DSEC_ATTRIBUTE_CLASS);
	column->tag = effective_text(b, label, subject);
	column->subject = intern_subject(b, subject);
	column->source = level == NULL ? DSEC_TAG_TYPE :
		level->relid == b->relid ? DSEC_TAG_COLUMN : DSEC_TAG_ANCESTOR;
	column->problem = problem;
	b->columns = lappend(b->columns, column);
}

/* Make the result from the lists. */
static DsecRelationTags *
make_tags(const Builder *b)
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
	Builder		b = {0};
	Level	   *self;

	check_stack_depth();
	memset(result, 0, sizeof(DsecEffective));
	b.result = result;
	b.relid = relid;
	if (relid < FirstNormalObjectId || !read_levels(&b))
		return;
	self = (Level *) linitial(b.levels);
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

	find_defaults(&b);
	for (AttrNumber attno = 1; attno <= self->natts; attno++)
	{
		HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
											Int16GetDatum(attno));
		Form_pg_attribute att;

		if (!HeapTupleIsValid(tuple))
			continue;
		att = (Form_pg_attribute) GETSTRUCT(tuple);
		if (!att->attisdropped)
			add_column(&b, att);
		ReleaseSysCache(tuple);
	}
	if (result->unreadable == NULL && b.columns != NIL)
		result->tags = make_tags(&b);
}

char *
dsec_tag_default(Oid relid, DsecAttribute attribute)
{
	DsecEffective ignored = {0};
	Builder		b = {0};

	b.result = &ignored;
	b.relid = relid;
	if (!read_levels(&b))
		return NULL;
	find_defaults(&b);
	if (b.defaults[attribute].values == NIL)
		return NULL;
	return ((DsecValue *) linitial(b.defaults[attribute].values))->text;
}
