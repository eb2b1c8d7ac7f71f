/*-------------------------------------------------------------------------
 *
 * taint.h
 *	  May the variables of the procedural code that runs now hold tagged data?
 *
 * What a function, procedure or DO block has in a variable reaches a statement
 * as a parameter, and no plan says where it came from.  It may be tagged data
 * when
 *
 *	  - a nested statement of the same client message has read tagged columns,
 *	  - a plan that is running hands tagged columns to functions, or
 *	  - a plan that is running writes a tagged relation with row triggers.
 *
 * A statement that the client itself sends is never nested in anything.  A
 * nested one takes from variables by its parameters, and by its constants when
 * its text was put together at run time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAINT_H
#define DSEC_TAINT_H

#include "executor/execdesc.h"
#include "lineage/copies.h"
#include "tag/tag.h"

/* a query that is running; lives on the stack of who runs it */
typedef struct DsecTaintFrame
{
	struct DsecTaintFrame *outer;
	QueryDesc  *queryDesc;
	bool		key_action;		/* started by a foreign key's trigger */
	bool		looked;			/* "columns" is known */
	List	   *columns;		/* of DsecColumnRef: what it hands to functions */
	uint64		reads;			/* nested reads that came before it */
} DsecTaintFrame;

extern DsecTaintFrame *dsec_taint_frame;

/*
 * May variables hold tagged data?  Asked when a nested statement starts.  Then
 * *columns lists DsecColumnRef: the tagged columns whose data that may be, each
 * once, in the current context.  Nothing is known of the people.
 *
 * The statement that a foreign key's trigger starts is not concerned: it gets
 * keys only.
 */
extern bool dsec_taint_active(List **columns);

/*
 * The same for a call that is made while a query runs: by a function in it, or,
 * "own", by its plan, whose own reads are then for others to judge.
 */
extern bool dsec_taint_in_call(bool own);

/*
 * Is the running query one that writes rows with tagged data?  Constraints see
 * them, and what is evaluated for a column or a trigger's condition.
 */
extern bool dsec_taint_in_write(void);

/* Has a nested query read tagged columns since the running one began? */
extern bool dsec_taint_read_inside(void);

/*
 * Was the text of this nested statement put together when it was run (EXECUTE of
 * PL/pgSQL, and what other languages run)?  Then its constants may come from
 * variables, too.  Plans of statements that stand in a function are kept.
 */
extern bool dsec_taint_in_text(const QueryDesc *queryDesc);

/*
 * The same for a utility statement, of which the query is a part that it plans
 * itself.  dsec_taint_in_text says what was last set for queries whose rows go to
 * a relation that is made for them; who sets it puts back what was there.
 */
extern bool dsec_taint_utility_in_text(const PlannedStmt *stmt,
									   const DestReceiver *dest);
extern bool dsec_taint_set_utility_in_text(bool in_text);

/*
 * A query begins to run, or goes on, and stops; also on error (PG_FINALLY).  In a
 * database without tags neither is needed.
 */
extern void dsec_taint_push(DsecTaintFrame *frame, QueryDesc *queryDesc);

static inline void
dsec_taint_pop(const DsecTaintFrame *frame)
{
	dsec_taint_frame = frame->outer;
}

#endif							/* DSEC_TAINT_H */
