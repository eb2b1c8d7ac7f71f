/*-------------------------------------------------------------------------
 *
 * provider.c
 *	  The label provider: who may set which label on what.
 *
 * SECURITY LABEL comes here after core has checked ownership and locked the
 * object; dsec.tag() comes here from functions.c.  A label is checked against
 * the object, then written, then the effective tags of everything that it has
 * a bearing on are compared with those before: if a column that was tagged is
 * tagged differently now, an officer must have done it, else the error takes
 * the write back.  So the rule needs no second idea of what a label means.
 *
 * For SECURITY LABEL core writes the same label once more, which is harmless.
 *
 * Every accepted label invalidates the relations concerned in all backends,
 * for their cached plans as much as for cache.c, and pg_seclabel itself, from
 * which cache.c knows that there are labels at all.
 *
 * Whether a category exists is not known here: see dsec_tag_set_category_check.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "report.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static bool (*category_exists) (const char *category) = NULL;
static void (*label_changed) (const ObjectAddress *object, const char *old_tag,
							  const char *new_tag) = NULL;
static void (*tag_noted) (const ObjectAddress *object, const char *what) = NULL;

void
dsec_tag_set_category_check(bool (*exists) (const char *category))
{
	category_exists = exists;
}

void
dsec_tag_set_change_hook(void (*changed) (const ObjectAddress *object,
										  const char *old_tag,
										  const char *new_tag))
{
	label_changed = changed;
}

void
dsec_tag_set_note_hook(void (*note) (const ObjectAddress *object,
									 const char *what))
{
	tag_noted = note;
}

void
dsec_tag_tell_note(const ObjectAddress *object, const char *what)
{
	if (tag_noted)
		tag_noted(object, what);
}

void
dsec_tag_tell_change(const ObjectAddress *object, const char *old_tag,
					 const char *new_tag)
{
	dsec_tag_pending_set();
	dsec_tag_history_change(object, old_tag, new_tag);
	if (label_changed)
		label_changed(object, old_tag, new_tag);
}

bool
dsec_tag_is_officer(void)
{
	Oid			officer;

	if (superuser())
		return true;
	officer = get_role_oid("dsec_officer", true);
	return OidIsValid(officer) && has_privs_of_role(GetUserId(), officer);
}

/* ----------------------------------------------------------------
 * What the label stands on
 * ----------------------------------------------------------------
 */

static void
refuse_object(const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_LABEL_REFUSED),
			 errmsg("this object cannot carry a dsec label"),
			 errhint("%s", hint)));
}

static int
relation_kind(const ObjectAddress *object)
{
	switch (get_rel_relkind(object->objectId))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
			break;
		case RELKIND_COMPOSITE_TYPE:
			if (object->objectSubId > 0)
				return DSEC_ON_FIELD;
			/* FALLTHROUGH */
		default:
			refuse_object("Label a table, view, materialized view or foreign table, or a column of one.");
	}
	if (object->objectSubId < 0)
		refuse_object("System columns carry no data about a subject.");
	return object->objectSubId == 0 ? DSEC_ON_RELATION : DSEC_ON_COLUMN;
}

static int
type_kind(const ObjectAddress *object)
{
	Oid			relid = get_typ_typrelid(object->objectId);

	if (OidIsValid(get_element_type(object->objectId)))
		refuse_object("An array is tagged by the type of its elements.");
	if (OidIsValid(relid) && get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
		refuse_object("The row type of a table is tagged by the columns of the table.");
	return DSEC_ON_TYPE;
}

static int
function_kind(const ObjectAddress *object)
{
	switch (get_func_prokind(object->objectId))
	{
		case PROKIND_AGGREGATE:
			return DSEC_ON_AGGREGATE;
		case PROKIND_FUNCTION:
		case PROKIND_WINDOW:
			return DSEC_ON_FUNCTION;
		default:
			refuse_object("A procedure returns nothing that could be declassified.");
			return 0;
	}
}

/* The DSEC_ON_ bit of an object; raises DS002 when it can carry no label. */
static int
object_kind(const ObjectAddress *object)
{
	int			kind = 0;

	if (object->classId == RelationRelationId)
		kind = relation_kind(object);
	else if (object->classId == TypeRelationId)
		kind = type_kind(object);
	else if (object->classId == ProcedureRelationId)
		kind = function_kind(object);
	else
		refuse_object("Label a relation, a column, a type, a domain, a function or an aggregate.");

	if (object->objectId < FirstNormalObjectId)
		refuse_object("Objects of the system carry no labels.");
	return kind;
}

/* ----------------------------------------------------------------
 * What the label says
 * ----------------------------------------------------------------
 */

/* The column must exist; in a label of its relation it is named by "attribute". */
static AttrNumber
find_column(Oid relid, const char *name, const char *attribute)
{
	AttrNumber	attno = get_attnum(relid, name);

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("attribute \"%s\" names column \"%s\", which relation \"%s\" does not have",
						attribute, name, get_rel_name(relid)),
				 errhint("Names are folded to lower case unless they stand in double quotes.")));
	if (attno < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("attribute \"%s\" names system column \"%s\"",
						attribute, name),
				 errhint("Without \"subject\" the primary key is the subject, or else each row version.")));
	return attno;
}

static void
check_columns(Oid relid, const DsecLabel *label)
{
	ListCell   *lc;

	foreach(lc, label->values[DSEC_ATTRIBUTE_SUBJECT])
	{
		const char *name = ((DsecValue *) lfirst(lc))->text;
		Oid			type = get_atttype(relid, find_column(relid, name, "subject"));

		if (dsec_tag_key_family(type) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("column \"%s\" of type %s cannot be a subject key",
							name, format_type_be(type)),
					 errhint("Subject keys are integers, numeric, text, uuid, inet, or date and time types, or domains over them.")));
	}
	foreach(lc, label->values[DSEC_ATTRIBUTE_IN_SCOPE])
	{
		const char *name = ((DsecValue *) lfirst(lc))->text;
		Oid			type = get_atttype(relid, find_column(relid, name, "in_scope"));

		if (getBaseType(type) != BOOLOID)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("column \"%s\" of type %s cannot be named by \"in_scope\"",
							name, format_type_be(type)),
					 errhint("The column that says who belongs to a population is boolean; unknown counts as belonging to it.")));
	}
}

void
dsec_tag_check_reserved(const DsecLabel *label)
{
	char	   *space = dsec_tag_value(label, DSEC_ATTRIBUTE_SPACE);

	if (space != NULL && strncmp(space, DSEC_RESERVED_SPACE,
								 strlen(DSEC_RESERVED_SPACE)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("subject space \"%s\" is reserved", space),
				 errdetail("Spaces that begin with \"%s\" hold subjects for which no label names a space.",
						   DSEC_RESERVED_SPACE),
				 errhint("Choose another name.")));
}

/*
 * Subject and space belong together, on the label or between the label and
 * the defaults.  The label has been written, so that the defaults are those
 * that will hold.
 */
static void
check_space(Oid relid, int kind, const DsecLabel *label)
{
	char	   *space = dsec_tag_value(label, DSEC_ATTRIBUTE_SPACE);
	char	   *subject = dsec_tag_value(label, DSEC_ATTRIBUTE_SUBJECT);

	if (subject != NULL && space == NULL &&
		dsec_tag_default(relid, DSEC_ATTRIBUTE_SPACE) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("attribute \"subject\" needs attribute \"space\""),
				 errdetail("The space is the namespace of the keys: in one space, the same key is the same subject."),
				 errhint("Add \"space=person\", for example, to this label or to that of the relation.")));
	if (kind == DSEC_ON_COLUMN && space != NULL && subject == NULL &&
		dsec_tag_default(relid, DSEC_ATTRIBUTE_SUBJECT) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("attribute \"space\" needs attribute \"subject\""),
				 errdetail("Without a subject the primary key is the subject, in a space of its own."),
				 errhint("Name the column that says whose data it is.")));
}

/* ----------------------------------------------------------------
 * What the label changes
 * ----------------------------------------------------------------
 */

/* Effective tags of several relations, in the order of the list. */
static DsecEffective *
effective_tags(List *relids)
{
	DsecEffective *result;
	ListCell   *lc;

	result = palloc0(sizeof(DsecEffective) * Max(list_length(relids), 1));
	foreach(lc, relids)
		dsec_tag_effective(lfirst_oid(lc), &result[foreach_current_index(lc)]);
	return result;
}

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Does a column that was tagged before carry another tag, or none, after? */
static bool
changes_tagged(const DsecEffective *before, const DsecEffective *after)
{
	if (before->unreadable != NULL || after->unreadable != NULL)
		return !same_text(before->unreadable, after->unreadable);
	if (before->tags == NULL)
		return false;
	for (int i = 0; i < before->tags->ncolumns; i++)
	{
		const DsecTaggedColumn *old = &before->tags->columns[i];
		const DsecTaggedColumn *new = dsec_tag_column(after->tags, old->attno);

		if (new == NULL || strcmp(old->tag, new->tag) != 0 ||
			!same_text(old->problem, new->problem) ||
			!dsec_tag_same_subject(&before->tags->subjects[old->subject],
						  &after->tags->subjects[new->subject]))
			return true;
	}
	return false;
}

static void
require_officer(List *relids, const DsecEffective *before,
				const DsecEffective *after)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		int			i = foreach_current_index(lc);

		/* a TOAST table goes with its relation */
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_TOASTVALUE)
			continue;
		if (changes_tagged(&before[i], &after[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("only an officer may change the tag of a column already tagged"),
					 errdetail("The label would change tag, subject, space or scope of a tagged column of relation \"%s\".",
							   get_rel_name(lfirst_oid(lc))),
					 errhint("Ask a member of dsec_officer to call dsec.tag() or dsec.untag().")));
	}
}

void
dsec_tag_invalidate(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		/* one that is being dropped has been invalidated by that */
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(lc))))
			CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	}
}

/*
 * Everybody's plans and tags for these relations are out of date, and so is
 * what is known of the presence of labels.
 */
static void
invalidate(const ObjectAddress *object, List *relids)
{
	if (object->classId != RelationRelationId)
		CacheInvalidateRelcacheAll();
	dsec_tag_invalidate(relids);
	CacheInvalidateRelcacheByRelid(SecLabelRelationId);
}

/* ----------------------------------------------------------------
 * Warnings
 * ----------------------------------------------------------------
 */

/* Relations that have a label of dsec, on themselves or on a column, oldest first. */
static List *
labelled_relations(void)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&keys[0], Anum_pg_seclabel_classoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_provider, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(DSEC_PROVIDER));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		FormData_pg_seclabel *form = (FormData_pg_seclabel *) GETSTRUCT(tuple);

		result = lappend_oid(result, form->objoid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, list_oid_cmp);
	list_deduplicate_oid(result);
	return result;
}

static bool
same_families(const DsecSubject *a, const DsecSubject *b)
{
	if (a->nkeys != b->nkeys)
		return false;
	for (int i = 0; i < a->nkeys; i++)
	{
		if (dsec_tag_key_family(a->keytypes[i]) != dsec_tag_key_family(b->keytypes[i]))
			return false;
	}
	return true;
}

/*
 * In a space that mixes families of key types, the same person under two of
 * them counts twice.  Look for another relation that does so.
 */
static void
warn_mixed_space(const DsecRelationTags *tags)
{
	ListCell   *lc;

	foreach(lc, labelled_relations())
	{
		DsecEffective other;

		dsec_tag_effective(lfirst_oid(lc), &other);
		if (other.tags == NULL)
			continue;
		for (int i = 0; i < tags->nsubjects; i++)
		{
			for (int j = 0; j < other.tags->nsubjects; j++)
			{
				const DsecSubject *a = &tags->subjects[i];
				const DsecSubject *b = &other.tags->subjects[j];

				if (strcmp(a->space, b->space) != 0 || same_families(a, b))
					continue;
				ereport(WARNING,
						(errmsg("subject space \"%s\" mixes kinds of keys", a->space),
						 errdetail("Keys of relations \"%s\" and \"%s\" never compare equal, so one subject in both counts twice.",
								   get_rel_name(tags->relid),
								   get_rel_name(other.tags->relid)),
						 errhint("Use key columns of one family of types, or two spaces.")));
				return;
			}
		}
	}
}

/*
 * Does the label bring a subject to the relation that none of its other columns
 * has?  Only then is there something new to say about the space.
 */
static bool
new_subject(const ObjectAddress *object, const DsecRelationTags *tags)
{
	const DsecTaggedColumn *column = dsec_tag_column(tags, object->objectSubId);

	if (column == NULL)
		return object->objectSubId == 0;
	for (int i = 0; i < tags->ncolumns; i++)
	{
		if (&tags->columns[i] != column && tags->columns[i].subject == column->subject)
			return false;
	}
	return true;
}

/* Does the tag itself say that each row version is a subject? */
static bool
says_row(const DsecTaggedColumn *column)
{
	return dsec_tag_says_subjects(dsec_tag_parse_strict(column->tag),
								  DSEC_SUBJECTS_ROW);
}

/* Tell what is odd about the tags that the label leads to. */
static void
warn_columns(const ObjectAddress *object, const DsecRelationTags *tags)
{
	for (int i = 0; i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];

		if (object->objectSubId != 0 && object->objectSubId != column->attno)
			continue;
		if (column->problem != NULL)
			ereport(WARNING,
					(errmsg("exports of column \"%s\" of relation \"%s\" will be refused",
							get_attname(tags->relid, column->attno, false),
							get_rel_name(tags->relid)),
					 errdetail_internal("%s", column->problem)));
		else if (tags->subjects[column->subject].nkeys == 0 &&
				 !says_row(column))
		{
			ereport(WARNING,
					(errmsg("each row version of relation \"%s\" counts as a subject of its own",
							get_rel_name(tags->relid)),
					 errdetail("There is no \"subject\" and no primary key that says whose data it is."),
					 errhint("Label the relation with \"subject=column; space=name\".")));
			break;
		}
	}
}

/* They are for dsec.bulk_report(): a plan reads the tables below the view. */
static void
warn_view(const ObjectAddress *object)
{
	ereport(WARNING,
			(errmsg("labels on view \"%s\" have no effect on exports", get_rel_name(object->objectId)),
			 errdetail("What is read through a view is counted by the tags of the tables below it."),
			 errhint("Label the columns of these tables.")));
}

static void
warn_category(const char *category)
{
	if (category == NULL || category_exists == NULL)
		return;
	if (strcmp(category, DSEC_LISTED_IDENTIFIER) == 0)
		category = DSEC_COVERED_IDENTIFIER;
	if (!category_exists(category))
		ereport(WARNING,
				(errmsg("there is no category \"%s\"", category),
				 errdetail("Exports of what it tags will be refused until there is."),
				 errhint("Check the spelling, or add the category to dsec.category in the ledger database.")));
}

static void
warn_categories(const DsecLabel *label)
{
	ListCell   *lc;

	warn_category(label->category);
	foreach(lc, label->values[DSEC_ATTRIBUTE_ALSO])
		warn_category(((DsecValue *) lfirst(lc))->text);
}

/* ----------------------------------------------------------------
 * Setting labels
 * ----------------------------------------------------------------
 */

/* Write a label that has been checked, and what hangs on it. */
static void
store_label(const ObjectAddress *object, const char *text)
{
	bool		relation = object->classId == RelationRelationId;

	if (relation)
	{
		dsec_tag_repair_marks(object->objectId);
		CommandCounterIncrement();
	}
	SetSecurityLabel(object, DSEC_PROVIDER, text);
	CommandCounterIncrement();
	if (relation)
	{
		dsec_tag_update_marks(object->objectId);
		CommandCounterIncrement();
	}
}

void
dsec_tag_write_label(const ObjectAddress *object, const char *text)
{
	DsecLabel  *label = text ? dsec_tag_parse_strict(text) : NULL;
	char	   *old_text = GetSecurityLabel(object, DSEC_PROVIDER);

	if (label != NULL)
	{
		dsec_tag_check_kind(label, object_kind(object));
		if (object->classId == RelationRelationId)
			check_columns(object->objectId, label);
	}
	store_label(object, text);
	invalidate(object, dsec_tag_affected(object->classId, object->objectId));
	CommandCounterIncrement();
	dsec_tag_tell_change(object, old_text, text);
}

static void
set_label(const ObjectAddress *object, const char *text)
{
	DsecLabel  *label = text ? dsec_tag_parse_strict(text) : NULL;
	int			kind = object_kind(object);
	bool		relation = object->classId == RelationRelationId;
	bool		officer = dsec_tag_is_officer();
	char	   *old_text;
	List	   *relids;
	DsecEffective *before = NULL;
	DsecEffective *after;

	if (label != NULL)
	{
		dsec_tag_check_kind(label, kind);
		dsec_tag_check_reserved(label);
		if (relation)
			check_columns(object->objectId, label);
	}

	old_text = GetSecurityLabel(object, DSEC_PROVIDER);
	if (object->classId == ProcedureRelationId && !officer &&
		(label != NULL || old_text != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("only an officer may say what a function discloses"),
				 errhint("Ask a member of dsec_officer who owns the function, or a superuser.")));

	relids = dsec_tag_affected(object->classId, object->objectId);
	if (!officer)
		before = effective_tags(relids);
	store_label(object, text);
	if (relation && label != NULL)
		check_space(object->objectId, kind, label);
	after = effective_tags(relids);
	if (!officer)
		require_officer(relids, before, after);

	if (label != NULL)
		warn_categories(label);
	if (relation && get_rel_relkind(object->objectId) == RELKIND_VIEW)
	{
		if (label != NULL)
			warn_view(object);
	}
	else if (relation && kind != DSEC_ON_FIELD && after[0].tags != NULL)
	{
		warn_columns(object, after[0].tags);
		if (label != NULL && new_subject(object, after[0].tags))
			warn_mixed_space(after[0].tags);
	}
	invalidate(object, relids);
	dsec_tag_tell_change(object, old_text, text);
}

static void
set_mark(const ObjectAddress *object, const char *text)
{
	bool		officer = dsec_tag_is_officer();
	List	   *relids;
	DsecEffective *before = NULL;

	if (object->classId != RelationRelationId || object->objectSubId <= 0)
		refuse_object("Marks stand on columns, and are set by the labels that name them.");
	(void) object_kind(object);
	if (text != NULL)
	{
		char	   *name = dsec_tag_unquote(text);
		char	   *column = get_attname(object->objectId, object->objectSubId, false);

		if (name == NULL || strcmp(name, column) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("the mark of column \"%s\" must be its name", column),
					 errhint("Marks are set by the labels that name the column.")));
	}

	relids = dsec_tag_affected(object->classId, object->objectId);
	if (!officer)
		before = effective_tags(relids);
	SetSecurityLabel(object, DSEC_MARK_PROVIDER, text);
	CommandCounterIncrement();
	if (!officer)
		require_officer(relids, before, effective_tags(relids));
	invalidate(object, relids);
}

/* Run one of the above with its garbage in a context of its own. */
static void
in_own_context(void (*set) (const ObjectAddress *, const char *),
			   const ObjectAddress *object, const char *text)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dsec label",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	set(object, text);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
dsec_tag_set_label(const ObjectAddress *object, const char *text)
{
	in_own_context(set_label, object, text);
}

void
dsec_tag_set_mark(const ObjectAddress *object, const char *text)
{
	in_own_context(set_mark, object, text);
}

bool
dsec_tag_apply_label(const ObjectAddress *object, const char *text, bool keep_tagged)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dsec label",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *relids = dsec_tag_affected(object->classId, object->objectId);
	DsecEffective *before = keep_tagged ? effective_tags(relids) : NULL;
	Bitmapset  *marked;
	bool		applied = true;

	Assert(object->classId == RelationRelationId);
	marked = dsec_tag_add_marks(object->objectId, dsec_tag_parse_strict(text));
	SetSecurityLabel(object, DSEC_PROVIDER, text);
	CommandCounterIncrement();
	if (keep_tagged)
	{
		DsecEffective *after = effective_tags(relids);

		for (int i = 0; i < list_length(relids); i++)
			applied &= get_rel_relkind(list_nth_oid(relids, i)) == RELKIND_TOASTVALUE ||
				!changes_tagged(&before[i], &after[i]);
	}
	if (applied)
	{
		invalidate(object, relids);
		dsec_tag_tell_change(object, NULL, text);
	}
	else
	{
		SetSecurityLabel(object, DSEC_PROVIDER, NULL);
		dsec_tag_remove_marks(object->objectId, marked);
		CommandCounterIncrement();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return applied;
}

void
dsec_tag_provider_init(void)
{
	register_label_provider(DSEC_PROVIDER, dsec_tag_set_label);
	register_label_provider(DSEC_MARK_PROVIDER, dsec_tag_set_mark);
}
