/*-------------------------------------------------------------------------
 *
 * cover.h
 *	  Between cover.c and the two ways to cover a read: trace.c and source.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_COVER_H
#define DSEC_COVER_H

#include "lineage/groups.h"
#include "lineage/reads.h"

/* what becomes of one read */
typedef struct DsecCoverage
{
	DsecRead   *read;
	List	   *groups;			/* of DsecGroup: what must be counted */
	bool		traced;
	const char *why;			/* why not traced; NULL while nobody knows */
	bool		absence;		/* rows that it does not give show by that */
} DsecCoverage;

/*
 * Extend target lists from the scans up to the top of the plan, so that the
 * keys of every read that can be traced arrive there.  Returns the groups with
 * their positions in the target list of the top node; sets traced and why.
 */
extern List *dsec_cover_trace(PlannedStmt *stmt, List *coverages);

/* Find the reads whose missing rows show. */
extern void dsec_cover_find_absence(PlannedStmt *stmt, List *coverages);

/* Put dsec.charge where the read happens.  Raises DS003 when it cannot. */
extern void dsec_cover_at_source(PlannedStmt *stmt, DsecCoverage *coverage);

/* The same for a scan whose row counts will be seen. */
extern void dsec_cover_row_count(PlannedStmt *stmt, DsecCoverage *coverage);

/*
 * A call of dsec.charge for one group, with Vars of relation rti.  Without rowid
 * (a source that has no ctid) every row whose key is NULL counts by itself.
 */
extern Expr *dsec_cover_charge_call(const DsecGroup *group, Index rti,
									Oid relid, bool rowid);

#endif							/* DSEC_COVER_H */
