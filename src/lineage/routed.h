/*-------------------------------------------------------------------------
 *
 * routed.h
 *	  Rows that are routed into partitions, some of which are foreign tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_ROUTED_H
#define DSEC_ROUTED_H

#include "nodes/plannodes.h"

/*
 * Has everything tagged that the plan reads its tag, by person, in each row that
 * it writes to "root"?  Then foreign partitions charge what they receive, and the
 * plan is no export to their servers.  "partitions" (OIDs) are root and whatever
 * is below it.  False when nothing tagged is read, or nobody knows.  Raises DS003
 * when a label cannot be read.
 */
extern bool dsec_lineage_follows_rows(PlannedStmt *stmt, Oid root,
									  List *partitions);

#endif							/* DSEC_ROUTED_H */
