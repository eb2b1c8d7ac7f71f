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

/*
 * Origins that are no tagged column, when copies are asked for: an external
 * parameter, and some column of some relation or function.
 */
#define DSEC_ORIGIN_PARAM	0
#define DSEC_ORIGIN_ROW		1
#define DSEC_FIRST_ORIGIN	2

/* what a ModifyTable puts into one of its result relations */
typedef struct DsecWalkTarget
{
	ModifyTable *node;
	int			number;			/* in the node's lists */
	int			ncolumns;
	Bitmapset **columns;		/* origins by attno - 1 */
	Bitmapset  *updated;		/* attnos that are set in rows there are already */
	Bitmapset  *control;		/* decided which rows there are */
} DsecWalkTarget;

/* what leaves while the plan runs */
typedef struct DsecWalkShip
{
	Oid			server;			/* of a foreign scan, or InvalidOid */
	Oid			function;		/* else the function called */
	Bitmapset  *values;			/* origins of what is handed over */
	Bitmapset  *control;		/* decided whether it is */
} DsecWalkShip;

/* what to look for besides reads */
typedef struct DsecWalkCopies
{
	bool		params;			/* constants may have been external parameters */
	const char *source;			/* text of the statement, or NULL */
	bool		(*is_egress) (Oid function);	/* or NULL */
} DsecWalkCopies;

typedef struct DsecWalkResult
{
	List	   *sites;			/* of DsecSite, depth first */
	Bitmapset  *used;			/* origins that an expression uses */
	Bitmapset  *shown;			/* origins that may show; all are used, too */

	/* only when copies are asked for */
	List	   *targets;		/* of DsecWalkTarget */
	List	   *ships;			/* of DsecWalkShip */
	int			noutputs;
	Bitmapset **outputs;		/* origins of the plan's columns */
	Bitmapset  *control;		/* of its rows */
} DsecWalkResult;

/*
 * Walk the plan.  tagged[rti] are the tagged columns of range table entry rti,
 * NULL when there are none; exempt is a function whose arguments are not uses,
 * or InvalidOid.  copies asks for targets and ships as well, NULL does not; a
 * relation of which a column is tagged then wants all its columns in tagged.
 * The result lives in the current context, with much garbage around it.
 */
extern DsecWalkResult *dsec_walk_plan(PlannedStmt *stmt, Bitmapset **tagged,
									  Oid exempt, const DsecWalkCopies *copies);

#endif							/* DSEC_WALK_H */
