/*-------------------------------------------------------------------------
 *
 * copies.h
 *	  Where a finished plan puts tagged data: into which columns it writes it,
 *	  and to whom it ships it while it runs.
 *
 * Read-only over the plan that will run, covered by a guard or not.  What
 * cannot be understood counts as a flow, as merged, and as without key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_COPIES_H
#define DSEC_COPIES_H

#include "access/attnum.h"
#include "nodes/plannodes.h"
#include "tag/tag.h"

/*
 * What one target column receives.
 *
 * "sources" are the tagged columns that its value is made of, and those that
 * selected the row when the value is made of any column, tagged or not, of the
 * same relation.  "selectors" are other tagged columns that decided which rows
 * there are, when the value is made of some column of some relation or
 * function (constants and count(*) are not): the name that is there because a
 * diagnosis in another table is what it is.  A constant that an UPDATE sets has
 * those of other relations than the one it updates: it marks the row.  No column
 * is in both lists.
 *
 * "merged": one value may hold data of several rows of a source.
 *
 * When nkeys > 0 every row that carries data of a source has the key of that
 * source's row, unchanged, in the target columns "keys", in the order of the
 * sources' subject key, all of which are of "space"; each value holds data of
 * one such row, or of several with the same key.  population_columns are the
 * target columns that have the in_scope columns of that row; a population is
 * listed when it is one of every source and its column arrives.
 *
 * merged and nkeys > 0 exclude each other.
 */
typedef struct DsecCopy
{
	Oid			target;			/* InvalidOid: the output of the plan.  The
								 * root of an inheritance tree that is written
								 * through its root */
	AttrNumber	attno;
	List	   *sources;		/* of DsecColumnRef, sorted; of the relation as
								 * scanned: a partition stays a partition */
	List	   *selectors;		/* of DsecColumnRef, sorted */
	bool		merged;
	bool		from_param;		/* an external parameter flows into it */
	bool		param_selects;	/* made of some column, in rows that an
								 * external parameter selected */
	bool		one_subject;	/* every source has the same space */
	char	   *space;			/* of the sources, or of the selectors when
								 * there are none; NULL when they differ */
	int			nkeys;			/* 0: not carried */
	AttrNumber	keys[DSEC_MAX_KEYS];
	int			npopulations;
	char	   *populations[DSEC_MAX_POPULATIONS];
	AttrNumber	population_columns[DSEC_MAX_POPULATIONS];
} DsecCopy;

/*
 * List of DsecCopy, in the order of targets and attnos, of every column that
 * has sources, selectors, or an external parameter to its name; NIL quickly
 * when the plan mentions no tagged relation and has no external parameters.
 * Targets are the result relations of every ModifyTable, and the output of a
 * plan that has one.
 *
 * "params" says that the statement has external parameters.  A plan made for
 * known ones has constants in their place, so every constant counts as one that
 * "source" (the text of the statement, or NULL) does not show to be a literal.
 *
 * Allocated in the current context.  Locks on the relations are held by whoever
 * holds the plan.  Raises DS003 when a label cannot be read.
 */
extern List *dsec_lineage_copies(PlannedStmt *stmt, bool params,
								 const char *source);

/*
 * Is this an UPDATE of one table by its own columns and parameters, and are none of
 * the columns that it looks at tagged?  Then nothing flows; false may mean that it
 * takes dsec_lineage_copies to tell.  Cheap.
 */
extern bool dsec_lineage_updates_untagged(const PlannedStmt *stmt);

/* Does the range table have a tagged relation?  Cheap. */
extern bool dsec_lineage_mentions_tagged(const PlannedStmt *stmt);

/*
 * What leaves while the plan runs, by a foreign scan's expressions or by a
 * function's arguments.  A function is also told by being called or not.
 */
typedef struct DsecShip
{
	Oid			server;			/* of a foreign scan, or InvalidOid */
	Oid			function;		/* else the function */
	List	   *reads;			/* of DsecRead, leaky set: the tagged columns
								 * shipped; may be NIL when from_param */
	bool		from_param;		/* an external parameter is shipped */
} DsecShip;

/*
 * List of DsecShip, one for each server and function to which tagged columns
 * or external parameters flow.  is_egress says which functions count; NULL:
 * none.  params, source and the rest as above.
 */
extern List *dsec_lineage_ships(PlannedStmt *stmt,
								bool (*is_egress) (Oid function),
								bool params, const char *source);

/* One stable line for one copy or ship, for tests and messages; palloc'd. */
extern char *dsec_lineage_describe_copy(const DsecCopy *copy);
extern char *dsec_lineage_describe_ship(PlannedStmt *stmt,
										const DsecShip *ship);

#endif							/* DSEC_COPIES_H */
