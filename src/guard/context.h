/*-------------------------------------------------------------------------
 *
 * context.h
 *	  Does what is read now count, and for whom?
 *
 * The answer comes from the session's binding and from a stack of export
 * contexts (COPY, ...), anew at every start and run of an executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_CONTEXT_H
#define DSEC_CONTEXT_H

#include "nodes/pg_list.h"
#include "policy/policy.h"

typedef struct DsecContext
{
	bool		records;		/* reads of tagged columns are recorded */
	bool		charges;		/* and charged to these recipients */
	bool		uncounted;		/* nobody can say to whom; permissive mode */
	DsecRecipients recipients;
	const char *channel;
} DsecContext;

/*
 * Could reads of tagged columns count here?  A few nanoseconds, no waiting; a
 * "yes" may turn out to be a "no" once dsec_context_get has asked.
 */
extern bool dsec_context_may_count(void);

/*
 * The context in force.  Waits for an officer's pending change; raises DS003
 * when rules, recipients or the ledger cannot be had.  In permissive mode the
 * context is then "uncounted" instead: what is read is recorded, not charged.
 */
extern void dsec_context_get(DsecContext *context);

/*
 * The same for what goes out by this channel alone, whoever the session is: rows
 * that it writes, rather than reads.  channel must outlive the context.
 */
extern void dsec_context_get_channel(DsecContext *context, const char *channel,
									 const char *target);

/*
 * Enter an export channel; target is a path, a command, a server name, or
 * NULL.  Strings must outlive the context.  The caller leaves it, also on error
 * (PG_FINALLY).
 */
extern void dsec_context_enter(const char *channel, const char *target);
extern void dsec_context_leave(void);

/* The same for several targets (lineage/ships.h): all are entered, or none. */
extern void dsec_context_enter_targets(List *targets);
extern void dsec_context_leave_targets(List *targets);

/* In a parallel worker: the leader's context, or NULL when it does not count. */
extern void dsec_context_set_leader(const DsecContext *context);

/*
 * Foreign key checks count nobody: only the statement that the trigger itself
 * starts is exempt, not what runs inside of it.
 */
extern bool dsec_context_is_key_check(void);
extern void dsec_context_enter_key_check(void);
extern void dsec_context_leave_key_check(void);

#endif							/* DSEC_CONTEXT_H */
