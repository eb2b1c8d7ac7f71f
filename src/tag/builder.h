/*-------------------------------------------------------------------------
 *
 * builder.h
 *	  What the tags of one relation are made from.
 *
 * Shared by levels.c, typelabel.c, subjects.c, generated.c, effective.c and ddl.c.  All of it
 * lives in the memory context that was current when it was made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_BUILDER_H
#define DSEC_TAG_BUILDER_H

#include "catalog/pg_attribute.h"
#include "tag/effective.h"

/* a label or a mark of one column */
typedef struct DsecColumnLabel
{
	AttrNumber	attno;
	DsecLabel  *label;			/* NULL for a mark */
	char	   *mark;			/* NULL for a label */
} DsecColumnLabel;

/* a relation: the one asked about, or an ancestor */
typedef struct DsecLevel
{
	Oid			relid;
	char		relkind;
	int			natts;
	bool		has_children;
	Oid			oftype;			/* relation of the type of a typed table */
	DsecLabel  *defaults;		/* the label of the relation, or NULL */
	List	   *columns;		/* of DsecColumnLabel */
	List	   *marks;			/* of DsecColumnLabel */
} DsecLevel;

/* the value of one attribute over all levels */
typedef struct DsecDefault
{
	List	   *values;			/* of DsecValue; NIL when no level has it */
	DsecLevel  *level;			/* the nearest that has */
	char	   *problem;		/* the levels contradict each other */
} DsecDefault;

typedef struct DsecBuilder
{
	DsecEffective *result;
	Oid			relid;
	List	   *levels;			/* of DsecLevel, nearest first */
	DsecDefault defaults[DSEC_NUM_ATTRIBUTES];
	List	   *columns;		/* of DsecTaggedColumn */
	List	   *subjects;		/* of DsecSubject */
} DsecBuilder;

/* ---------- levels.c ---------- */

/* Parse a stored label; an unreadable one makes the whole result unreadable. */
extern DsecLabel *dsec_tag_read_label(DsecBuilder *b, const char *text);

/*
 * Read the relation and its ancestors, and their defaults.  False: there is no
 * relation.
 */
extern bool dsec_tag_read_levels(DsecBuilder *b);

/*
 * The column that a label of this level calls name.  The mark decides; where
 * name and mark disagree, *problem says so and the result is invalid.
 */
extern AttrNumber dsec_tag_resolve_name(const DsecLevel *level, const char *name,
										char **problem);

/*
 * A column of a level as a column of the relation asked about; invalid, with
 * *problem set, when there is none.
 */
extern AttrNumber dsec_tag_map_column(const DsecBuilder *b, const DsecLevel *level,
									  AttrNumber attno, char **problem);

/* ---------- typelabel.c ---------- */

/* Type of a column and its type modifier; an invalid type when it has none. */
extern void dsec_tag_column_type(Oid relid, AttrNumber attno, Oid *type, int32 *typmod);

/*
 * The label of a type, or of what it is made of: the base type of a domain,
 * the elements of an array, the subtype of a range, the fields of a composite.
 * NULL: none, or none that holds for this type modifier (-1: the type has
 * none).  The result is without max_typmod, which has been answered.
 */
extern DsecLabel *dsec_tag_type_label(DsecBuilder *b, Oid type, int32 typmod,
									  char **problem);

/* ---------- subjects.c ---------- */

/* The subject of a column whose label stands on "level" (NULL: on its type). */
extern DsecSubject *dsec_tag_column_subject(DsecBuilder *b, const DsecLabel *label,
											DsecLevel *level, AttrNumber column,
											char **problem);

/* ---------- generated.c ---------- */

/*
 * Add what generated columns, given by their attribute numbers, have from the
 * tagged columns that they are made of.  All other columns have been added.
 */
extern void dsec_tag_add_generated(DsecBuilder *b, List *generated);

/* ---------- propagate.c ---------- */

/* Add the categories and classes of another label, in no order. */
extern void dsec_tag_unite_categories(DsecLabel *label, const DsecLabel *other);

/* ---------- effective.c ---------- */

/* Category, further categories and class of a column, from its label. */
extern void dsec_tag_set_categories(DsecTaggedColumn *column, const DsecLabel *label);

/*
 * The label that holds for a column, or NULL, with the level it stands on: NULL
 * when that is the type.
 */
extern DsecLabel *dsec_tag_column_label(DsecBuilder *b, Form_pg_attribute att,
										DsecLevel **where, char **problem);

#endif							/* DSEC_TAG_BUILDER_H */
