/*-------------------------------------------------------------------------
 *
 * copies_int.h
 *	  What copies.c and returned.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GUARD_COPIES_INT_H
#define DSEC_GUARD_COPIES_INT_H

#include "executor/execdesc.h"
#include "tcop/dest.h"

/*
 * Do what dsec.copies says with the DsecCopy's of one target, which begin at this
 * cell and are for relid; returns the next cell.  "statement" is for the history.
 */
extern int	dsec_copies_follow(List *copies, int first, Oid relid,
							   const char *statement);

/* "INSERT", "UPDATE", ... */
extern const char *dsec_copies_statement(CmdType operation);

/* Can this column hold what came from these, of DsecColumnRef, by a variable? */
extern bool dsec_copies_may_come_from(Oid relid, AttrNumber attno,
									  List *columns);

/* The relation that the destination has made for its query; or InvalidOid. */
extern Oid	dsec_copies_created_by(const DestReceiver *dest);

/*
 * Call the function.  In permissive mode what cannot be understood is copied all
 * the same, and a record of the loss says so.
 */
extern void dsec_copies_forgiving(void (*follow_copies) (QueryDesc *queryDesc),
								  QueryDesc *queryDesc);

#endif							/* DSEC_GUARD_COPIES_INT_H */
