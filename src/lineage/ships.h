/*-------------------------------------------------------------------------
 *
 * ships.h
 *	  To whom a plan sends tagged data while it runs.
 *
 * A *target* is a List of two String: a channel and its target, as in ("fdw",
 * server) or ("function", name).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SHIPS_H
#define DSEC_SHIPS_H

#include "nodes/plannodes.h"

/*
 * Before planning, and without much work: could the plan of this query send
 * tagged data away by an expression?
 */
extern bool dsec_lineage_may_ship(Query *query);

/* The same of a finished plan; query is what was said of its query. */
extern bool dsec_lineage_plan_may_ship(const PlannedStmt *stmt, bool query);

/*
 * The targets of a plan: servers that it writes rows to and, with "ships",
 * those that its expressions send tagged columns to.  Each once; NIL: none.
 */
extern List *dsec_lineage_targets(PlannedStmt *stmt, bool ships);

/* Servers, by name, as targets. */
extern List *dsec_lineage_server_targets(List *servers);

/*
 * Mark the reads (of DsecRead) of which something is sent: they have to be
 * charged at the source.
 */
extern void dsec_lineage_mark_shipped(PlannedStmt *stmt, List *reads);

#endif							/* DSEC_SHIPS_H */
