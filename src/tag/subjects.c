/*-------------------------------------------------------------------------
 *
 * subjects.c
 *	  Whose data a tagged column holds.
 *
 * The subject is the one that the label of the column names, or else the
 * default of the relation or its ancestors, or else the primary key.
 *
 * in_scope of a relation speaks about the subject of that relation: it is not
 * inherited by a column that names a subject of its own.  A space without a
 * subject is a default for columns that name one; it never names the space of
 * a primary key, because two tables would then mix their keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tag/builder.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Add a key column; the type must be one that keys can have. */
static void
add_key(const DsecBuilder *b, DsecSubject *subject, AttrNumber attno, char **problem)
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
level_is_tagged(DsecBuilder *b, const DsecLevel *level)
{
	if (level->columns != NIL)
		return true;
	for (AttrNumber attno = 1; attno <= level->natts; attno++)
	{
		Oid			type;
		int32		typmod;
		char	   *problem = NULL;

		dsec_tag_column_type(level->relid, attno, &type, &typmod);
		if (OidIsValid(type) &&
			dsec_tag_type_label(b, type, typmod, &problem) != NULL)
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
default_subject(DsecBuilder *b, char **problem)
{
	DsecSubject *subject = palloc0(sizeof(DsecSubject));
	DsecLevel  *self = (DsecLevel *) linitial(b->levels);
	DsecLevel  *top = self;
	int			nkeys;
	AttrNumber	keys[DSEC_MAX_KEYS];

	for (int i = list_length(b->levels) - 1; i > 0; i--)
	{
		DsecLevel  *level = (DsecLevel *) list_nth(b->levels, i);

		/* the type of a typed table is the type of other tables, too */
		if (level->relkind != RELKIND_COMPOSITE_TYPE && level_is_tagged(b, level))
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
			add_key(b, subject, dsec_tag_map_column(b, top, keys[i], &unusable), &unusable);
		if (unusable == NULL && subject->nkeys == nkeys)
			return subject;
		subject->nkeys = 0;
	}

	/* rows of a foreign table count one by one, each time they are read or sent */
	if (*problem == NULL && self->relkind == RELKIND_VIEW)
		*problem = "A view has neither primary key nor row versions; its label must name the subject.";

	return subject;
}

/*
 * The label says that no column names the subject: each row version is one, or
 * one value may hold the data of several.  Each column has a space of its own:
 * what two columns hold in one row may be two people's.
 */
static DsecSubject *
row_subject(DsecBuilder *b, const DsecLabel *label, AttrNumber attno,
			char **problem)
{
	DsecSubject *subject = palloc0(sizeof(DsecSubject));
	const DsecLevel *self = (DsecLevel *) linitial(b->levels);

	subject->space = psprintf("%s%u.%u.%d", DSEC_RESERVED_SPACE, MyDatabaseId,
							  b->relid, attno);
	subject->keys_notnull = true;
	if (*problem != NULL)
		return subject;
	if (dsec_tag_says_subjects(label, DSEC_SUBJECTS_MANY))
		*problem = pstrdup("One value of it may hold the data of several people, so nobody can count them.");
	else if (self->relkind == RELKIND_VIEW)
		*problem = pstrdup("A view has no row versions; its label must name the subject.");
	return subject;
}

/* Fill in the populations of a subject. */
static void
add_populations(DsecBuilder *b, DsecSubject *subject, const DsecLevel *level,
				List *values, char **problem)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		DsecValue  *value = (DsecValue *) lfirst(lc);
		AttrNumber	attno;

		attno = dsec_tag_map_column(b, level, dsec_tag_resolve_name(level, value->text, problem),
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
use_default(DsecBuilder *b, DsecAttribute attribute, DsecLevel **level, char **problem)
{
	DsecDefault *def = &b->defaults[attribute];

	if (def->problem != NULL && *problem == NULL)
		*problem = def->problem;
	*level = def->level;
	return def->values;
}

DsecSubject *
dsec_tag_column_subject(DsecBuilder *b, const DsecLabel *label, DsecLevel *level,
						AttrNumber column, char **problem)
{
	DsecSubject *subject;
	List	   *keys = label->values[DSEC_ATTRIBUTE_SUBJECT];
	List	   *scope = label->values[DSEC_ATTRIBUTE_IN_SCOPE];
	DsecLevel  *key_level = level;
	DsecLevel  *scope_level = level;
	char	   *space = dsec_tag_value(label, DSEC_ATTRIBUTE_SPACE);
	bool		own = (keys != NIL);
	ListCell   *lc;

	if (label->values[DSEC_ATTRIBUTE_SUBJECTS] != NIL)
		return row_subject(b, label, column, problem);
	if (!own)
		keys = use_default(b, DSEC_ATTRIBUTE_SUBJECT, &key_level, problem);
	if (keys == NIL)
		subject = default_subject(b, problem);
	else
	{
		if (space == NULL)
		{
			DsecLevel  *ignored;
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
			AttrNumber	attno = dsec_tag_resolve_name(key_level, name, problem);

			add_key(b, subject, dsec_tag_map_column(b, key_level, attno, problem), problem);
		}
	}

	/* who is in scope is said of the subject that the same label names */
	if (scope == NIL && !own)
		scope = use_default(b, DSEC_ATTRIBUTE_IN_SCOPE, &scope_level, problem);
	if (scope != NIL)
		add_populations(b, subject, scope_level, scope, problem);
	return subject;
}
