/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  Tags outlast ALTER TABLE.
 *
 * The owner of a table may alter it without being an officer, and must not
 * change by that what a column is tagged with:
 *
 *	- a renamed key column takes the labels that name it along (marks.c);
 *	- a column tagged by its type keeps the tag, as a label of its own, when
 *	  it gets another type or type modifier;
 *	- a partition or child that leaves its parent, and a typed table that leaves
 *	  its type, keeps the labels it had from there, as its own;
 *	- a generated column that becomes a plain one keeps what is in it, and so the
 *	  tag that it had from the columns it was made of.
 *
 * What a DROP takes away is put on record.
 *
 * The object access hook is called after the catalog was changed and before
 * the change is visible to the command's own snapshot; so the tags are still
 * those before, and the new state is read with SnapshotSelf.
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
#include "catalog/objectaccess.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "tag/builder.h"
#include "tag/provider.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static object_access_hook_type prev_object_access = NULL;

/* A column as the command under way has left it; false: it is dropped. */
static bool
altered_column(Oid relid, AttrNumber attno, FormData_pg_attribute *column)
{
	Relation	rel = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attno));
	scan = systable_beginscan(rel, AttributeRelidNumIndexId, true, SnapshotSelf,
							  2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

		found = !form->attisdropped;
		memcpy(column, form, ATTRIBUTE_FIXED_PART_SIZE);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Give a relation or column a label of its own. */
static void
keep_tag(Oid relid, AttrNumber attno, const char *old_tag, const char *new_tag)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	SetSecurityLabel(&object, DSEC_PROVIDER, new_tag);
	dsec_tag_tell_change(&object, old_tag, new_tag);
}

/* Add the columns of a relation that the values of an attribute name. */
static Bitmapset *
add_named(Bitmapset *attnos, Oid relid, List *values)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		AttrNumber	attno = get_attnum(relid, ((DsecValue *) lfirst(lc))->text);

		if (attno > 0)
			attnos = bms_add_member(attnos, attno);
	}
	return attnos;
}

/* Mark columns by their names, each once: the writes are not visible yet. */
static void
mark_columns(Oid relid, const Bitmapset *attnos)
{
	int			attno = -1;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		ObjectAddress object;

		ObjectAddressSubSet(object, RelationRelationId, relid, attno);
		if (GetSecurityLabel(&object, DSEC_MARK_PROVIDER) == NULL)
			SetSecurityLabel(&object, DSEC_MARK_PROVIDER,
							 dsec_tag_quote(get_attname(relid, attno, false)));
	}
}

/* A column got another type or modifier: keep the tag that it had by the old one. */
static void
keep_type_tag(Oid relid, AttrNumber attno, Oid new_type, int32 new_typmod)
{
	Oid			old_type;
	int32		old_typmod;
	ObjectAddress object;
	char	   *old_tag;
	char	   *new_tag;

	dsec_tag_column_type(relid, attno, &old_type, &old_typmod);
	if ((old_type == new_type && old_typmod == new_typmod) || !OidIsValid(old_type))
		return;
	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	old_tag = dsec_tag_type_text(old_type, old_typmod);
	if (old_tag == NULL || GetSecurityLabel(&object, DSEC_PROVIDER) != NULL)
		return;
	new_tag = dsec_tag_type_text(new_type, new_typmod);
	if (new_tag == NULL || strcmp(old_tag, new_tag) != 0)
		keep_tag(relid, attno, NULL, old_tag);
}

/* A generated column becomes a plain one: keep the tag that it had. */
static void
keep_generated_tag(Oid relid, AttrNumber attno)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attno));
	bool		generated = HeapTupleIsValid(tuple) &&
		((Form_pg_attribute) GETSTRUCT(tuple))->attgenerated != '\0';
	DsecEffective effective;
	const DsecTaggedColumn *column;
	DsecLabelError error;
	DsecLabel  *label;
	ObjectAddress object;
	Bitmapset  *named;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!generated)
		return;
	dsec_tag_effective(relid, &effective);
	column = dsec_tag_column(effective.tags, attno);
	label = column ? dsec_tag_parse(column->tag, &error) : NULL;
	if (label == NULL)
		return;
	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	keep_tag(relid, attno, GetSecurityLabel(&object, DSEC_PROVIDER), column->tag);
	named = add_named(NULL, relid, label->values[DSEC_ATTRIBUTE_SUBJECT]);
	mark_columns(relid, add_named(named, relid, label->values[DSEC_ATTRIBUTE_IN_SCOPE]));
}

/* The type of a typed table as the command under way has left it. */
static Oid
altered_oftype(Oid relid)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, ClassOidIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_class) GETSTRUCT(tuple))->reloftype;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Does the command under way take the relation from the type it was made of? */
static bool
leaves_type(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			before = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		before = ((Form_pg_class) GETSTRUCT(tuple))->reloftype;
		ReleaseSysCache(tuple);
	}
	return OidIsValid(before) && altered_oftype(relid) != before;
}

/* Does the command under way leave the relation with this parent? */
static bool
has_parent(Oid relid, Oid parent)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, SnapshotSelf,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		found |= ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent == parent;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Give the relation the defaults of its ancestors as a label of its own. */
static Bitmapset *
keep_defaults(DsecBuilder *b, Bitmapset *named)
{
	DsecLevel  *self = (DsecLevel *) linitial(b->levels);
	DsecLabel	label = {0};
	bool		inherited = false;

	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		label.values[i] = b->defaults[i].values;
		inherited |= (b->defaults[i].level != NULL && b->defaults[i].level != self);
	}
	if (!inherited)
		return named;
	keep_tag(b->relid, 0,
			 self->defaults ? dsec_tag_canonical(self->defaults) : NULL,
			 dsec_tag_canonical(&label));
	named = add_named(named, b->relid, label.values[DSEC_ATTRIBUTE_SUBJECT]);
	return add_named(named, b->relid, label.values[DSEC_ATTRIBUTE_IN_SCOPE]);
}

/*
 * A relation leaves its parent or its type: give it the labels that it has from
 * there, word for word, so that it can come back.
 */
static void
keep_inherited_tags(Oid relid)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};
	DsecLevel  *self;
	Bitmapset  *named = NULL;
	bool		any = false;

	b.result = &ignored;
	b.relid = relid;
	if (!dsec_tag_read_levels(&b))
		return;
	self = (DsecLevel *) linitial(b.levels);
	for (AttrNumber attno = 1; attno <= self->natts; attno++)
	{
		HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
											Int16GetDatum(attno));
		DsecLabel  *label = NULL;
		DsecLevel  *level = NULL;
		char	   *problem = NULL;

		if (!HeapTupleIsValid(tuple))
			continue;
		if (!((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped)
			label = dsec_tag_column_label(&b, (Form_pg_attribute) GETSTRUCT(tuple),
										  &level, &problem);
		ReleaseSysCache(tuple);
		if (label == NULL)
			continue;
		any = true;
		if (level == NULL || level == self)
			continue;
		keep_tag(relid, attno, NULL, dsec_tag_canonical(label));
		named = add_named(named, relid, label->values[DSEC_ATTRIBUTE_SUBJECT]);
		named = add_named(named, relid, label->values[DSEC_ATTRIBUTE_IN_SCOPE]);
	}
	if (any)
		named = keep_defaults(&b, named);
	mark_columns(relid, named);
}

static void
column_altered(Oid relid, AttrNumber attno)
{
	FormData_pg_attribute column;

	if (!altered_column(relid, attno, &column))
		return;
	dsec_tag_follow_rename(relid, attno, NameStr(column.attname));
	keep_type_tag(relid, attno, column.atttypid, column.atttypmod);
	if (column.attgenerated == '\0')
		keep_generated_tag(relid, attno);
}

/*
 * A column, or a relation with its columns, is about to be dropped by a user;
 * subId 0: the relation.
 */
static void
tell_drop(Oid relid, AttrNumber attno)
{
	DsecEffective effective;

	dsec_tag_effective(relid, &effective);
	for (int i = 0; effective.tags != NULL && i < effective.tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &effective.tags->columns[i];
		ObjectAddress object;

		if (attno != 0 && attno != column->attno)
			continue;
		ObjectAddressSubSet(object, RelationRelationId, relid, column->attno);
		dsec_tag_tell_note(&object,
						   psprintf("Tagged column dropped; its tag was \"%s\".",
									column->tag));
	}
}

static void
tag_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId,
				  void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if (objectId < FirstNormalObjectId)
		return;
	if (access == OAT_DROP && classId == RelationRelationId &&
		(((ObjectAccessDrop *) arg)->dropflags & PERFORM_DELETION_INTERNAL) == 0 &&
		dsec_tag_database())
		tell_drop(objectId, subId);
	if (access != OAT_POST_ALTER)
		return;
	if (classId == InheritsRelationId)
	{
		ObjectAccessPostAlter *alter = (ObjectAccessPostAlter *) arg;

		if (!has_parent(objectId, alter->auxiliary_id))
			keep_inherited_tags(objectId);

		/* core invalidates the child; its own children have other tags too */
		dsec_tag_invalidate(dsec_tag_affected(RelationRelationId, objectId));
	}
	else if (classId == RelationRelationId && subId > 0)
		column_altered(objectId, subId);
	else if (classId == RelationRelationId && leaves_type(objectId))
		keep_inherited_tags(objectId);
}

void
dsec_tag_ddl_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = tag_object_access;
}
