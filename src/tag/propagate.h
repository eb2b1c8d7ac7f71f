/*-------------------------------------------------------------------------
 *
 * propagate.h
 *	  The tag follows the data: labels that dsec sets by itself.
 *
 * Whoever finds that a column receives tagged data says so here, and the column
 * gets a label of its own, in the transaction of the statement, whoever the user
 * is.  Nothing is ever taken from a tag: a column that is tagged keeps its
 * categories and gets the others by also=; where its subject is not the one that
 * the data has, it becomes subjects=many, or subjects=row if its subject was the
 * default one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_PROPAGATE_H
#define DSEC_TAG_PROPAGATE_H

#include "tag/tag.h"

/*
 * Columns of its relation that the expression is made of, but for what goes
 * through a declassifying function; offset by FirstLowInvalidHeapAttributeNumber.
 */
extern Bitmapset *dsec_tag_expression_columns(Node *expression);

/* What one column receives. */
typedef struct DsecPropagation
{
	Oid			relid;			/* the column that receives */
	AttrNumber	attno;
	List	   *sources;		/* of DsecColumnRef: tagged columns, whose subject
								 * it is about */
	List	   *selectors;		/* of DsecColumnRef: further ones, which give it
								 * their categories only */
	bool		merged;			/* one value may hold several subjects' data */
	char	   *space;			/* with nkeys > 0: the sources' space */
	int			nkeys;			/* columns of relid that carry the sources' subject
								 * key, in its order; 0: not carried */
	AttrNumber	keys[DSEC_MAX_KEYS];
	int			npopulations;
	char	   *populations[DSEC_MAX_POPULATIONS];
	AttrNumber	population_columns[DSEC_MAX_POPULATIONS];
} DsecPropagation;

/* What became of the column. */
typedef enum DsecPropagated
{
	DSEC_PROPAGATED_NOT,		/* its tag says all that already */
	DSEC_PROPAGATED_KEYED,		/* tagged anew; its rows name their subjects */
	DSEC_PROPAGATED_ROW,		/* tagged anew; each row is a subject */
	DSEC_PROPAGATED_MANY		/* tagged anew, with subjects=many */
} DsecPropagated;

/*
 * What dsec_tag_propagate would do.  Looks at the cache only.  The text of the
 * label goes to *text, palloc'd, unless it is NOT.
 */
extern DsecPropagated dsec_tag_propagation(const DsecPropagation *propagation,
										   char **text);

/* "schema.table(column), ...": the sources and selectors; palloc'd. */
extern char *dsec_tag_sources(const DsecPropagation *propagation);

/*
 * Have the tag follow.  "statement" is the kind of statement, as in "INSERT";
 * with the sources it becomes the origin in dsec.tag_history.  The caller holds
 * some lock on relid; a lock that conflicts with itself is taken when a label is
 * written, and kept.  A column tagged by the label of an ancestor has that label
 * changed.  Increments the command counter when it writes.  Views and
 * materialized views that are written to get no label.
 */
extern DsecPropagated dsec_tag_propagate(const DsecPropagation *propagation,
										 const char *statement);

/*
 * Instead of that, record that the tag does not follow: in dsec.tag_history and
 * as an event.  text is what dsec_tag_propagation gave.
 */
extern void dsec_tag_follows_not(const DsecPropagation *propagation,
								 const char *statement, const char *text);

#endif							/* DSEC_TAG_PROPAGATE_H */
