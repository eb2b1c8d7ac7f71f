/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  Settings.  Whatever bears on enforcement is PGC_SIGHUP or
 *	  PGC_POSTMASTER: no session can change it.  How fast holdings are counted
 *	  does not bear on it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GUC_H
#define DSEC_GUC_H

typedef enum DsecMode
{
	DSEC_MODE_OFF,				/* nothing is counted; a change is an event */
	DSEC_MODE_PERMISSIVE,		/* counted and logged, nothing is blocked */
	DSEC_MODE_ENFORCING
} DsecMode;

typedef enum DsecUnassigned
{
	DSEC_UNASSIGNED_LOG,
	DSEC_UNASSIGNED_BLOCK
} DsecUnassigned;

typedef enum DsecUnboundRead
{
	DSEC_UNBOUND_HOUSE,			/* plain reads of unbound sessions are not recorded */
	DSEC_UNBOUND_LOG			/* they are recorded, and never blocked */
} DsecUnboundRead;

typedef enum DsecCopies
{
	DSEC_COPIES_PROPAGATE,		/* the tag follows the data */
	DSEC_COPIES_REFUSE,			/* a copy into a column not tagged so is refused */
	DSEC_COPIES_LOG				/* it is recorded only */
} DsecCopies;

extern int	dsec_guc_mode;		/* DsecMode */
extern int	dsec_guc_unassigned;	/* DsecUnassigned */
extern int	dsec_guc_unbound_read;	/* DsecUnboundRead */
extern int	dsec_guc_copies;	/* DsecCopies */
extern char *dsec_guc_ledger_database;
extern int	dsec_guc_ledger_timeout;	/* milliseconds */
extern int	dsec_guc_shared_memory; /* kilobytes */
extern char *dsec_guc_key_file; /* empty: dsec.key in the data directory */
extern char *dsec_guc_timezone;
extern double dsec_guc_holdings_cost_delay; /* milliseconds; 0: never nap */
extern int	dsec_guc_holdings_cost_limit;

extern void dsec_guc_init(void);

#endif							/* DSEC_GUC_H */
