/*-------------------------------------------------------------------------
 *
 * effective.h
 *	  From the labels in the catalog to the tags of a relation's columns.
 *
 * For the files of this module; other modules use tag.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_EFFECTIVE_H
#define DSEC_TAG_EFFECTIVE_H

#include "nodes/pg_list.h"
#include "tag/grammar.h"
#include "tag/tag.h"

/*
 * Marks are labels of a provider of their own, so that a column can be both a
 * key and tagged.  The text of a mark is the name, as an identifier of the
 * grammar, under which the relation's labels refer to the column.
 */
#define DSEC_MARK_PROVIDER "dsec_key"

/* one row of pg_seclabel that is ours */
typedef struct DsecStoredLabel
{
	int32		subid;
	bool		mark;			/* of provider dsec_key */
	char	   *text;
} DsecStoredLabel;

/* What dsec_tag_effective finds. */
typedef struct DsecEffective
{
	DsecRelationTags *tags;		/* NULL: no column is tagged */
	List	   *depends;		/* OIDs of further relations (ancestors, row
								 * types) the result was made from */
	char	   *unreadable;		/* NULL, or why the tags cannot be known: a
								 * sentence; tags is then NULL */
} DsecEffective;

/* Does any label of dsec exist in this database? */
extern bool dsec_tag_any_label(void);

/*
 * Labels and marks of an object and its columns, in the current memory
 * context, as the catalog has them now.
 */
extern List *dsec_tag_stored_labels(Oid classid, Oid objid);

/* Tags of a system catalog that quotes values of tagged columns, or NULL. */
extern const DsecRelationTags *dsec_tag_catalog(Oid relid);

/*
 * Compute the tags of a relation from the catalog, in the current memory
 * context, uncached.  A relation that does not exist (any more) has none.
 */
extern void dsec_tag_effective(Oid relid, DsecEffective *result);

/*
 * Canonical text of the label that holds for a type with this type modifier
 * (-1: none), or NULL; see typelabel.c.
 */
extern char *dsec_tag_type_text(Oid type, int32 typmod);

/* Space, keys and populations alike? */
extern bool dsec_tag_same_subject(const DsecSubject *a, const DsecSubject *b);

/*
 * The value that the labels of a relation and its ancestors give as default,
 * or NULL.
 */
extern char *dsec_tag_default(Oid relid, DsecAttribute attribute);

/*
 * Is the type one that a subject key can have?  Returns a number that differs
 * between families whose values never compare equal, or 0.
 */
extern int	dsec_tag_key_family(Oid type);

#endif							/* DSEC_TAG_EFFECTIVE_H */
