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
 * When a marked column is renamed, ddl.c has the labels that name it and the mark
 * rewritten at once, as a view would be, so that they restore as well.  If
 * this library was not loaded at the time, the mark still leads from the old
 * name to the column, and the next label on the relation repairs the texts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "utils/lsyscache.h"

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

Bitmapset *
dsec_tag_add_marks(Oid relid, const DsecLabel *label)
{
	List	   *names = add_names(NIL, label->values[DSEC_ATTRIBUTE_SUBJECT]);
	List	   *named = NIL;
	Bitmapset  *kept = NULL;
	Bitmapset  *marked = NULL;
	ListCell   *lc;

	names = add_names(names, label->values[DSEC_ATTRIBUTE_IN_SCOPE]);
	foreach(lc, dsec_tag_stored_labels(RelationRelationId, relid))
	{
		DsecStoredLabel *old = (DsecStoredLabel *) lfirst(lc);
		DsecLabelError error;
		DsecLabel  *other = old->mark ? NULL : dsec_tag_parse(old->text, &error);

		if (old->mark)
			kept = bms_add_member(kept, old->subid);
		else if (other != NULL)
		{
			named = add_names(named, other->values[DSEC_ATTRIBUTE_SUBJECT]);
			named = add_names(named, other->values[DSEC_ATTRIBUTE_IN_SCOPE]);
		}
	}

	foreach(lc, names)
	{
		char	   *name = (char *) lfirst(lc);
		AttrNumber	attno = get_attnum(relid, name);

		if (attno <= 0 || is_named(named, name) || bms_is_member(attno, kept))
			continue;
		write_label(DSEC_MARK_PROVIDER, relid, attno, dsec_tag_quote(name));
		kept = bms_add_member(kept, attno);
		marked = bms_add_member(marked, attno);
	}
	return marked;
}

void
dsec_tag_remove_marks(Oid relid, const Bitmapset *attnos)
{
	int			attno = -1;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
		write_label(DSEC_MARK_PROVIDER, relid, attno, NULL);
}

void
dsec_tag_follow_rename(Oid relid, AttrNumber attno, const char *name)
{
	ObjectAddress object;
	Rename		rename;
	char	   *mark;

	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	mark = GetSecurityLabel(&object, DSEC_MARK_PROVIDER);
	if (mark == NULL)
		return;
	rename.from = dsec_tag_unquote(mark);
	rename.to = pstrdup(name);
	if (rename.from == NULL || strcmp(rename.from, rename.to) == 0)
		return;
	write_label(DSEC_MARK_PROVIDER, relid, attno, dsec_tag_quote(rename.to));
	rename_in_labels(relid, dsec_tag_stored_labels(RelationRelationId, relid),
					 list_make1(&rename));
}
