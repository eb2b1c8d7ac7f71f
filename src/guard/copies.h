/*-------------------------------------------------------------------------
 *
 * copies.h
 *	  Copies of tagged data: what becomes of them before their first row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GUARD_COPIES_H
#define DSEC_GUARD_COPIES_H

#include "executor/execdesc.h"

/*
 * A query is about to start: have tags follow to the columns that it writes, or
 * do what dsec.copies says instead.  Raises DS003 when it says refuse.
 */
extern void dsec_copies_start(QueryDesc *queryDesc, int eflags);

/*
 * A query is about to run: when its rows go into a relation that it creates, have
 * that tagged when it is there and before its first row.
 */
extern void dsec_copies_run(QueryDesc *queryDesc);

/*
 * A query has run, and functions that it called have read tagged columns: have
 * tags follow to where it has put what they returned.  Nobody else can see these
 * rows before the transaction commits.
 */
extern void dsec_copies_returned(QueryDesc *queryDesc);

extern void dsec_copies_init(void);

#endif							/* DSEC_GUARD_COPIES_H */
