/*-------------------------------------------------------------------------
 *
 * reads.h
 *	  Every place in a finished plan that reads a tagged column (law L4).
 *
 * Read-only over the plan that will run.  "Reads" means that an expression
 * uses the column: a physical target list does not.  What cannot be
 * understood counts as used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_READS_H
#define DSEC_READS_H

#include "nodes/plannodes.h"

typedef enum DsecReadPlace
{
	DSEC_READ_SCAN,				/* a scan of the relation */
	DSEC_READ_MODIFY,			/* RETURNING, ON CONFLICT or MERGE expressions
								 * of a ModifyTable on the relation */
	DSEC_READ_OPAQUE			/* a join pushed to a foreign server, a custom
								 * scan, a named tuplestore, an unknown node */
} DsecReadPlace;

typedef struct DsecRead
{
	DsecReadPlace place;
	Plan	   *node;			/* the scan, the ModifyTable, the opaque node */
	Index		rti;			/* index into PlannedStmt.rtable */
	Oid			relid;
	Bitmapset  *attnos;			/* the tagged columns used, all > 0 */
	bool		leaky;			/* one of them reaches a function that is not
								 * known to be harmless, here or further up */
} DsecRead;

/*
 * List of DsecRead, in the order of a depth-first walk, of tagged columns
 * only; NIL when the plan reads none.  Allocated in the current context.  Locks
 * on the relations are held by whoever holds the plan.
 */
extern List *dsec_lineage_reads(PlannedStmt *stmt);

/* One stable line for one read, for tests and EXPLAIN; palloc'd. */
extern char *dsec_lineage_describe(PlannedStmt *stmt, const DsecRead *read);

/*
 * Is the function known not to disclose its arguments through errors, notices
 * or side effects?  Leakproof, or on the reviewed list of built-ins.
 */
extern bool dsec_lineage_harmless(Oid function);

/*
 * Where must a scan be charged?  The answer n says that a charge in front of
 * plan->qual[n], or earlier, comes before anything that may show the columns in
 * attnos of relation rti, which the node scans: as the argument of a function,
 * or because they decide whether a function runs at all.  n may be the length
 * of the list.  -1 when no place is early enough.
 */
extern int	dsec_lineage_charge_position(Plan *scan, Index rti,
										 const Bitmapset *attnos);

/*
 * Columns (offset as in pull_varattnos) of the exclusion constraints of this
 * relation that have a tagged one; a row with new values there may have another
 * row's quoted in an error.
 */
extern Bitmapset *dsec_lineage_quoted_keys(Oid relid);

/* Could adding rows to the relation, or to a partition, have others quoted? */
extern bool dsec_lineage_quotes_conflicts(Oid relid);

#endif							/* DSEC_READS_H */
