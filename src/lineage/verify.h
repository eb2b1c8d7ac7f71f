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
 * The function dsec.charge as the extension made it, or InvalidOid when the
 * extension is not there.  Cached until a function of the database changes.
 */
extern Oid	dsec_lineage_charge_function(void);

#endif							/* DSEC_VERIFY_H */
