/*-------------------------------------------------------------------------
 *
 * walk.h
 *	  Which tagged columns flow where in a finished plan.
 *
 * Private to the plan check: reads.c asks, walk.c answers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_WALK_H
#define DSEC_WALK_H

#include "lineage/reads.h"

/* a place that hands out tagged columns of one relation */
typedef struct DsecSite
{
	Plan	   *node;
	Index		rti;
	int			place;			/* DsecReadPlace */
	int			first;			/* origin of its first tagged column; the others
								 * follow in the order of attnos */
	Bitmapset  *attnos;			/* the tagged columns */
} DsecSite;

typedef struct DsecWalkResult
{
	List	   *sites;			/* of DsecSite, depth first */
	Bitmapset  *used;			/* origins that an expression uses */
	Bitmapset  *shown;			/* origins that may show; all are used, too */
} DsecWalkResult;

/*
 * Walk the plan.  tagged[rti] are the tagged columns of range table entry rti,
 * NULL when there are none; exempt is a function whose arguments are not uses,
 * or InvalidOid.  The result lives in the current context, with much garbage
 * around it.
 */
extern DsecWalkResult *dsec_walk_plan(PlannedStmt *stmt, Bitmapset **tagged,
									  Oid exempt);

#endif							/* DSEC_WALK_H */
