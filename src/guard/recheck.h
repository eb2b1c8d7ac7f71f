/*-------------------------------------------------------------------------
 *
 * recheck.h
 *	  Statements that go on to rows which their snapshot does not see.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GUARD_RECHECK_H
#define DSEC_GUARD_RECHECK_H

#include "executor/execdesc.h"
#include "tcop/dest.h"

typedef struct DsecRecheck
{
	DestReceiver pub;			/* stands in for dest */
	DestReceiver *dest;			/* NULL: the query sends no such rows */
	QueryDesc  *queryDesc;
	uint64		started;		/* state of all tags at the start */
	uint64		known;			/* and of those that rows were sent under */
} DsecRecheck;

/*
 * A query is about to run.  When it may lock or update rows, have each row that it
 * sends looked at for tags that have come meanwhile; "end" undoes that, and is
 * called in case of an error as well.  Returns whether there is anything to do.
 */
extern bool dsec_recheck_begin(DsecRecheck *recheck, QueryDesc *queryDesc);
extern void dsec_recheck_end(DsecRecheck *recheck);

/* It has run: have tags that have come meanwhile follow to what it wrote. */
extern void dsec_recheck_copies(DsecRecheck *recheck);

#endif							/* DSEC_GUARD_RECHECK_H */
