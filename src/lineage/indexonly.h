/*-------------------------------------------------------------------------
 *
 * indexonly.h
 *	  Index-only scans whose index does not hold the subject key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_INDEXONLY_H
#define DSEC_INDEXONLY_H

#include "nodes/plannodes.h"

/*
 * Turn the index-only scans of the plan that read a relation in rtis into plain
 * index scans where columns(rti) are not all in the index.  columns gives the
 * attribute numbers (IntList) that the scan must be able to deliver.  One that
 * orders by an operator is left as it is.
 */
extern void dsec_plan_widen_index_only(PlannedStmt *stmt,
									   List *(*columns) (Index rti, void *arg),
									   void *arg);

/* The Var by which an index-only scan gives a column, or NULL. */
extern Var *dsec_plan_index_only_var(IndexOnlyScan *scan, AttrNumber attno);

#endif							/* DSEC_INDEXONLY_H */
