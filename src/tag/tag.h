/*-------------------------------------------------------------------------
 *
 * tag.h
 *	  What a column holds, and whose data it is.
 *
 * A tag is the parsed form of a security label of provider "dsec".  This
 * module owns the grammar, the label provider with its permission rules, the
 * type dsec.tag_spec, and a backend-local cache from relation to tags.  It
 * knows no other module of dsec: whether a category exists is for the policy
 * module to say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_H
#define DSEC_TAG_H

#include "access/attnum.h"
#include "catalog/objectaddress.h"
#include "nodes/bitmapset.h"

#define DSEC_PROVIDER "dsec"

/* more key columns than this, or more populations, are refused as labels */
#define DSEC_MAX_KEYS 8
#define DSEC_MAX_POPULATIONS 8

/* most further categories of one column */
#define DSEC_MAX_ALSO 15

/* where the tag of a column comes from */
typedef enum DsecTagSource
{
	DSEC_TAG_COLUMN,			/* the column's own label */
	DSEC_TAG_TYPE,				/* a labelled domain or type */
	DSEC_TAG_ANCESTOR,			/* a partitioned or inheritance parent, or the
								 * type of a typed table */
	DSEC_TAG_GENERATED			/* the columns a generated column is made of */
} DsecTagSource;

/*
 * How a row names the subject it is about.  Attribute numbers are those of
 * the relation asked about, also when the label stands on its ancestor.
 */
typedef struct DsecSubject
{
	char	   *space;			/* subject space, shorter than NAMEDATALEN */
	int			nkeys;			/* 0: every row version is its own subject */
	AttrNumber	keys[DSEC_MAX_KEYS];
	Oid			keytypes[DSEC_MAX_KEYS];	/* declared types; a domain stays a
											 * domain */
	Oid			keycollations[DSEC_MAX_KEYS];
	bool		keys_notnull;	/* every key column is declared NOT NULL */
	int			npopulations;	/* in_scope=population:column */
	char	   *populations[DSEC_MAX_POPULATIONS];
	AttrNumber	population_columns[DSEC_MAX_POPULATIONS];
} DsecSubject;

typedef struct DsecTaggedColumn
{
	AttrNumber	attno;
	char	   *category;		/* "listed_identifier" is given as
								 * "covered_identifier" */
	int			nalso;			/* further categories that the column counts for */
	char	   *also[DSEC_MAX_ALSO];	/* distinct, none is category */
	char	   *identifier_class;	/* class= of a listed identifier, joined by
									 * commas, or NULL */
	bool		many;			/* one value may hold several subjects' data; then
								 * there is a problem as well */
	char	   *tag;			/* canonical text of the effective tag */
	int			subject;		/* index into DsecRelationTags.subjects */
	DsecTagSource source;
	char	   *problem;		/* NULL, or why this tag cannot be relied on (a
								 * key column is gone, ...): whoever reads the
								 * column must fail closed, with this text as
								 * DETAIL */
} DsecTaggedColumn;

/* a column of a relation */
typedef struct DsecColumnRef
{
	Oid			relid;
	AttrNumber	attno;
} DsecColumnRef;

typedef struct DsecRelationTags
{
	Oid			relid;
	int			ncolumns;
	DsecTaggedColumn *columns;	/* ascending attno */
	int			nsubjects;
	DsecSubject *subjects;
	Bitmapset  *attnos;			/* tagged user attribute numbers, all > 0 */
} DsecRelationTags;

/*
 * Tags of a table, partitioned table, materialized view or foreign table, or
 * NULL when no column of it is tagged.  The result belongs to the cache and is
 * valid until the next chance to process invalidations: copy what must live
 * longer.  The caller holds a lock on the relation.  Raises DS003 when a label
 * cannot be read.
 */
extern const DsecRelationTags *dsec_tag_relation(Oid relid);

/* Does this database hold any label of dsec?  Cached. */
extern bool dsec_tag_database(void);

/*
 * As dsec_tag_relation, but a label that cannot be read is a text in *problem
 * instead of an error (NULL: none).
 */
extern const DsecRelationTags *dsec_tag_relation_or_problem(Oid relid,
															const char **problem);

/* Categories of a column: the first of them is number 0. */
static inline char *
dsec_tag_category(const DsecTaggedColumn *column, int i)
{
	return i == 0 ? column->category : column->also[i - 1];
}

/* The entry for one column, or NULL when it is not tagged. */
extern const DsecTaggedColumn *dsec_tag_column(const DsecRelationTags *tags,
											   AttrNumber attno);

/*
 * Install the test whether a category exists; a label that names another one
 * is accepted with a WARNING.  Without a test there is no warning.
 */
extern void dsec_tag_set_category_check(bool (*exists) (const char *category));

/*
 * Install a hook that is told of every label accepted, in the transaction that
 * sets it: the object, the text before and the text after (NULL: none).
 */
extern void dsec_tag_set_change_hook(void (*changed) (const ObjectAddress *object,
													  const char *old_tag,
													  const char *new_tag));

/*
 * Install a hook that is told what else befalls tags: a tagged column dropped,
 * a rule that could not be applied.  "what" is one sentence without data values.
 */
extern void dsec_tag_set_note_hook(void (*note) (const ObjectAddress *object,
												 const char *what));

/*
 * The relation has just been made with the columns of this source: give them
 * its tags, with dsec's own right.  Increments the command counter.
 */
extern void dsec_tag_make_like(Oid relid, Oid source);

/* Is the current user an officer: a member of dsec_officer, or a superuser? */
extern bool dsec_tag_is_officer(void);

/*
 * Has an officer declared that the results of the function are tagged data no
 * longer?  Cached.
 */
extern bool dsec_tag_declassifies(Oid function);

/*
 * Be sure to know all tags of data that the active snapshot can see.  Labels of a
 * transaction are told to other sessions a moment after its data can be seen by
 * them; this waits for that moment.  One look at shared memory otherwise.
 * Returns whether there may have been something new.
 */
extern bool dsec_tag_catch_up(void);

/*
 * For a statement that may come to see what its snapshot does not: which state of
 * all tags this session last caught up with; and whether there may have been
 * something new after a state, of which then all is known that has been committed.
 * One look at shared memory, if there has not.
 */
extern uint64 dsec_tag_generation(void);
extern bool dsec_tag_changed(uint64 *known);

/* COMMIT PREPARED of this transaction begins. */
extern void dsec_tag_pending_prepared(const char *gid);

extern void dsec_tag_init(void);

#endif							/* DSEC_TAG_H */
