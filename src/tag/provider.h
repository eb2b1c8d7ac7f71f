/*-------------------------------------------------------------------------
 *
 * provider.h
 *	  Who may set which label on what, and what follows from it.
 *
 * For the files of this module; other modules use tag.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_PROVIDER_H
#define DSEC_TAG_PROVIDER_H

#include "access/attnum.h"
#include "catalog/objectaddress.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "tag/grammar.h"

/* ---------- provider.c ---------- */

/*
 * Set (or with NULL remove) the label of an object: check it, check that the
 * current user may, write it and the marks, invalidate.  The caller holds a
 * lock on the object that conflicts with itself, and has checked that the user
 * is its owner or an officer.  Raises DS002.
 */
extern void dsec_tag_set_label(const ObjectAddress *object, const char *text);

/*
 * The same for a mark; checks only that no tag changes by it, unless an
 * officer is at work.
 */
extern void dsec_tag_set_mark(const ObjectAddress *object, const char *text);

/*
 * Label a relation or column that has no label, by a rule instead of a user:
 * without a check of rights, and also when the label names columns that are not
 * there, or were never marked for other labels that name them, which makes what
 * it tags fail closed.  With keep_tagged the label is not set, and the result
 * false, when it would give a column already tagged another tag, subject, space
 * or scope.  The text fits the kind of object.  The caller holds a lock as above.
 * Increments the command counter.
 */
extern bool dsec_tag_apply_label(const ObjectAddress *object, const char *text,
								 bool keep_tagged);

/* Raises DS002 when the label names a space that is not for users. */
extern void dsec_tag_check_reserved(const DsecLabel *label);

/*
 * As the first, with dsec's own right: nothing is asked of the user, and
 * no warnings are given.  Frees nothing.
 */
extern void dsec_tag_write_label(const ObjectAddress *object, const char *text);

/* Invalidate cached plans and tags of relations, in all backends. */
extern void dsec_tag_invalidate(List *relids);

/* Tell the change hook, if there is one. */
extern void dsec_tag_tell_change(const ObjectAddress *object,
								 const char *old_tag, const char *new_tag);

/* Tell the note hook, if there is one. */
extern void dsec_tag_tell_note(const ObjectAddress *object, const char *what);

extern void dsec_tag_provider_init(void);

/* ---------- marks.c ---------- */

/*
 * Where a marked column of the relation has been renamed, make labels and
 * marks follow.  Writes to pg_seclabel, without CommandCounterIncrement.
 */
extern void dsec_tag_repair_marks(Oid relid);

/*
 * Set marks on the columns that labels of the relation name, and remove them
 * from others.  Reads labels as visible now, and writes without
 * CommandCounterIncrement.
 */
extern void dsec_tag_update_marks(Oid relid);

/*
 * Mark the columns that a label about to be set names, as far as that says
 * nothing new about columns that other labels name.  Returns those marked anew.
 * Without CommandCounterIncrement.
 */
extern Bitmapset *dsec_tag_add_marks(Oid relid, const DsecLabel *label);

/* Remove the marks of columns.  Without CommandCounterIncrement. */
extern void dsec_tag_remove_marks(Oid relid, const Bitmapset *attnos);

/*
 * A column has a new name: make the labels that name it follow, if it has a
 * mark.  Writes to pg_seclabel, without CommandCounterIncrement.
 */
extern void dsec_tag_follow_rename(Oid relid, AttrNumber attno,
								   const char *name);

/* ---------- declassify.c ---------- */

extern void dsec_tag_declassify_init(void);

/* ---------- pending.c ---------- */

/* This transaction has set a label. */
extern void dsec_tag_pending_set(void);

extern void dsec_tag_pending_init(void);

/* ---------- history.c ---------- */

/* A label was set; as dsec_tag_tell_change. */
extern void dsec_tag_history_change(const ObjectAddress *object,
									const char *old_tag, const char *new_tag);

/*
 * Have a row in dsec.tag_history at the end of the transaction.  "action": set,
 * changed, cleared, propagated, dropped, not tagged.
 */
extern void dsec_tag_history_add(const ObjectAddress *object, const char *action,
								 const char *old_tag, const char *new_tag,
								 const char *why);

/*
 * The labels that are set until "leave" have this action and reason, instead of
 * what follows from the texts.  Strings must live as long.  Left on error by the
 * end of the (sub)transaction.
 */
extern void dsec_tag_history_enter(const char *action, const char *why);
extern void dsec_tag_history_leave(void);

extern void dsec_tag_history_init(void);

/* ---------- ddl.c ---------- */

extern void dsec_tag_ddl_init(void);

/* ---------- affected.c ---------- */

/*
 * Relations whose tags can depend on the labels of this relation or type: the
 * relation, its inheritance descendants, their TOAST tables, and relations with
 * a column made of the type, in a list of OIDs.  Takes no locks.
 */
extern List *dsec_tag_affected(Oid classid, Oid objid);

#endif							/* DSEC_TAG_PROVIDER_H */
