/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  Foreign tables as a way out: what is written into a tagged one counts.
 *
 * fdw_wrap.c stands between the executor and every foreign-data wrapper;
 * sink.c charges the rows that pass there; covered.c knows which rows are
 * charged where they are read already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_FDW_H
#define DSEC_FDW_H

#include "nodes/execnodes.h"

/* --- fdw_wrap.c --- */

/* Install the hooks of the function manager. */
extern void dsec_fdw_init(void);

/* --- sink.c --- */

/* One foreign table that one statement inserts into, or updates. */
typedef struct DsecSink DsecSink;

/*
 * What rows that are written to a foreign table must be charged; NULL when
 * nothing.  In the query's memory context.  Raises DS003 when a tag cannot be
 * relied on.
 */
extern DsecSink *dsec_sink_open(EState *estate, ResultRelInfo *target,
								CmdType operation);

/*
 * Charge rows, in the order given, before they are sent.  Raises DS001 at the
 * first that must not leave; those before it stay charged.
 */
extern void dsec_sink_charge(DsecSink *sink, TupleTableSlot **slots, int n);

/* The statement came to its end. */
extern void dsec_sink_close(DsecSink *sink);

/* Does an UPDATE of these columns (attribute numbers) write a tagged one? */
extern bool dsec_sink_concerns(Oid relid, List *attnos);

/* --- covered.c --- */

/*
 * Is every value that the statement writes to this column, NULL apart, a value
 * of a column with this category, unchanged, that the statement's plan reads
 * and its guard charges?
 */
extern bool dsec_sink_is_covered(EState *estate, ResultRelInfo *target,
								 CmdType operation, AttrNumber attno,
								 const char *category);

#endif							/* DSEC_FDW_H */
