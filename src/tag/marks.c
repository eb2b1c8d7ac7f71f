/*-------------------------------------------------------------------------
 *
 * marks.c
 *	  Marks on the columns that labels name.
 *
 * A label names its key columns, and names can change or be taken over by
 * another column.  So each column named by a label of its relation gets a
 * mark: a security label of provider dsec_key whose text is that name.  It is
 * kept by attribute number, and dumped and restored by pg_dump.
 *
 * When a marked column is renamed, the labels that name it and the mark are
 * rewritten at once, as a view would be, so that they restore as well.  If
 * this library was not loaded at the time, the mark still leads from the old
 * name to the column, and the next label on the relation repairs the texts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static object_access_hook_type prev_object_access = NULL;

typedef struct Rename
{
	char	   *from;
	char	   *to;
} Rename;

static void
write_label(const char *provider, Oid relid, int subid, const char *text)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relid, subid);
	SetSecurityLabel(&object, provider, text);
}

/* Rename the columns in the values of one attribute; did any change? */
static bool
rename_values(List *values, List *renames)
{
	bool		changed = false;
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, values)
	{
		DsecValue  *value = (DsecValue *) lfirst(lc);

		foreach(lr, renames)
		{
			Rename	   *rename = (Rename *) lfirst(lr);

			if (strcmp(value->text, rename->from) == 0)
			{
				value->text = rename->to;
				changed = true;
				break;
			}
		}
	}
	return changed;
}

/* Rewrite the labels of the relation for columns that have new names. */
static void
rename_in_labels(Oid relid, List *stored, List *renames)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		DsecStoredLabel *old = (DsecStoredLabel *) lfirst(lc);
		DsecLabelError error;
		DsecLabel  *label;
		bool		changed;

		if (old->mark)
			continue;
		label = dsec_tag_parse(old->text, &error);
		if (label == NULL)
			continue;			/* unreadable: its readers fail closed */
		changed = rename_values(label->values[DSEC_ATTRIBUTE_SUBJECT], renames);
		changed |= rename_values(label->values[DSEC_ATTRIBUTE_IN_SCOPE], renames);
		if (changed)
		{
			char	   *text = dsec_tag_canonical(label);
			ObjectAddress object;

			write_label(DSEC_PROVIDER, relid, old->subid, text);
			ObjectAddressSubSet(object, RelationRelationId, relid, old->subid);
			dsec_tag_tell_change(&object, old->text, text);
		}
	}
}

void
dsec_tag_repair_marks(Oid relid)
{
	List	   *stored = dsec_tag_stored_labels(RelationRelationId, relid);
	List	   *renames = NIL;
	ListCell   *lc;

	foreach(lc, stored)
	{
		DsecStoredLabel *mark = (DsecStoredLabel *) lfirst(lc);
		char	   *from;
		char	   *to;
		Rename	   *rename;

		if (!mark->mark)
			continue;
		from = dsec_tag_unquote(mark->text);
		to = get_attname(relid, mark->subid, true);
		if (from == NULL || to == NULL || strcmp(from, to) == 0)
			continue;
		rename = palloc(sizeof(Rename));
		rename->from = from;
		rename->to = to;
		renames = lappend(renames, rename);
		write_label(DSEC_MARK_PROVIDER, relid, mark->subid, dsec_tag_quote(to));
	}
	if (renames != NIL)
		rename_in_labels(relid, stored, renames);
}

static List *
add_names(List *names, List *values)
{
	ListCell   *lc;

	foreach(lc, values)
		names = lappend(names, ((DsecValue *) lfirst(lc))->text);
	return names;
}

static bool
is_named(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

void
dsec_tag_update_marks(Oid relid)
{
	List	   *stored = dsec_tag_stored_labels(RelationRelationId, relid);
	List	   *names = NIL;
	List	   *marked = NIL;
	ListCell   *lc;

	foreach(lc, stored)
	{
		DsecStoredLabel *old = (DsecStoredLabel *) lfirst(lc);
		DsecLabelError error;
		DsecLabel  *label;

		if (old->mark)
			continue;
		label = dsec_tag_parse(old->text, &error);
		if (label == NULL)
			continue;
		names = add_names(names, label->values[DSEC_ATTRIBUTE_SUBJECT]);
		names = add_names(names, label->values[DSEC_ATTRIBUTE_IN_SCOPE]);
	}

	foreach(lc, stored)
	{
		DsecStoredLabel *mark = (DsecStoredLabel *) lfirst(lc);
		char	   *name;

		if (!mark->mark)
			continue;
		name = get_attname(relid, mark->subid, true);
		if (name != NULL && is_named(names, name) &&
			strcmp(mark->text, dsec_tag_quote(name)) == 0)
			marked = lappend(marked, name);
		else
			write_label(DSEC_MARK_PROVIDER, relid, mark->subid, NULL);
	}

	foreach(lc, names)
	{
		char	   *name = (char *) lfirst(lc);
		AttrNumber	attno = get_attnum(relid, name);

		if (attno <= 0 || is_named(marked, name))
			continue;
		write_label(DSEC_MARK_PROVIDER, relid, attno, dsec_tag_quote(name));
		marked = lappend(marked, name);
	}
}

/* Name of a column as the command under way has left it; NULL: none. */
static char *
current_column_name(Oid relid, AttrNumber attno)
{
	Relation	rel = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *name = NULL;

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

		if (!form->attisdropped)
			name = pstrdup(NameStr(form->attname));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return name;
}

/* Object access hook: make labels follow the renaming of a marked column. */
static void
follow_rename(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	ObjectAddress object;
	Rename		rename;
	char	   *mark;

	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if (access != OAT_POST_ALTER || classId != RelationRelationId ||
		subId <= 0 || objectId < FirstNormalObjectId)
		return;
	ObjectAddressSubSet(object, classId, objectId, subId);
	mark = GetSecurityLabel(&object, DSEC_MARK_PROVIDER);
	if (mark == NULL)
		return;
	rename.from = dsec_tag_unquote(mark);
	rename.to = current_column_name(objectId, subId);
	if (rename.from == NULL || rename.to == NULL ||
		strcmp(rename.from, rename.to) == 0)
		return;
	write_label(DSEC_MARK_PROVIDER, objectId, subId, dsec_tag_quote(rename.to));
	rename_in_labels(objectId,
					 dsec_tag_stored_labels(RelationRelationId, objectId),
					 list_make1(&rename));
}

void
dsec_tag_marks_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = follow_rename;
}
