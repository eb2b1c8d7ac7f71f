/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Law L4's last word: does the plan that will run count all it reads?
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_VERIFY_H
#define DSEC_VERIFY_H

#include "nodes/plannodes.h"

/*
 * Is every read of a tagged column in the plan, as it will be executed, either
 * charged where it happens or traced to the guard at the top?  When not, *why
 * is set to a sentence without a full stop that names the read and what is
 * wrong, palloc'd; it carries no values.  The plan is not changed.
 */
extern bool dsec_lineage_covered(PlannedStmt *stmt, char **why);

/*
 * The function dsec.charge as the extension made it, or InvalidOid when the
 * extension is not there.  Cached until a function of the database changes.
 */
extern Oid	dsec_lineage_charge_function(void);

#endif							/* DSEC_VERIFY_H */
