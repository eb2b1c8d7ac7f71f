/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  The plan node that counts people as rows leave, and the hooks that put
 *	  it into plans.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GUARD_H
#define DSEC_GUARD_H

#include "executor/execdesc.h"
#include "guard/export.h"
#include "nodes/plannodes.h"

/* Build the guard above a finished plan; private is custom_private (groups.h). */
extern Plan *dsec_guard_make(Plan *child, int plan_node_id, List *private);

/* Where a started query keeps its export between runs. */
extern DsecExport **dsec_guard_export(QueryDesc *queryDesc);

extern void dsec_guard_node_init(void);
extern void dsec_guard_statistics_init(void);

/* Install the planner and executor hooks. */
extern void dsec_guard_init(void);

#endif							/* DSEC_GUARD_H */
