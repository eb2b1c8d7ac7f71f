/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  From session, channel and tags to recipients, rules and a decision.
 *	  Nothing else in dsec decides.
 *
 * Rules, recipients, bindings, categories and spaces are rows in the ledger
 * database.  The worker publishes them in shared memory; every session of
 * every database decides from there, with a backend-local copy that it renews
 * when the generation changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_POLICY_H
#define DSEC_POLICY_H

#include "utils/date.h"

/* one export concerns at most this many recipients at once */
#define DSEC_MAX_RECIPIENTS 8

typedef struct DsecRecipients
{
	int			n;
	bool		more;			/* there are more than fit */
	int32		id[DSEC_MAX_RECIPIENTS];	/* ascending, distinct */
} DsecRecipients;

typedef enum DsecDecision
{
	DSEC_ALLOW,
	DSEC_LOG,					/* over a threshold that only logs (rule with
								 * action log, unassigned = log, permissive) */
	DSEC_BLOCK
} DsecDecision;

/* Why a decision was not "allow"; strings live as long as the charger. */
typedef struct DsecVerdict
{
	DsecDecision decision;
	const char *recipient;		/* its name */
	const char *category;
	const char *regime;
	const char *citation;
	const char *comparator;		/* ">" or ">=" */
	int64		threshold;
	int64		counted;		/* before the row that was looked at */
	const char *window;			/* "12 months", "since 1 January" */
} DsecVerdict;

/*
 * Number of the published policy.  Two atomic reads; raises nothing.
 * *current is false when an officer's change has been committed and not been
 * published yet, or nothing has been published since the server started.
 */
extern uint64 dsec_policy_generation(bool *current);

/*
 * Is the published policy the committed one, and this its number?  For those
 * who ask for every statement.
 */
extern bool dsec_policy_is_current(uint64 generation);

/*
 * Wait until the published policy is the committed one, at most
 * dsec.ledger_timeout; raises DS003, naming the cause, when that fails.  Returns
 * false without waiting when there is no ledger at all (dsec is not installed
 * in the ledger database): then no session can be bound.
 */
extern bool dsec_policy_sync(void);

/*
 * Recipients this session is bound to, by login role, session role, SET ROLE
 * or membership in a bound role, or client address.  Cached per generation and
 * roles: next to free when nothing changed.  n = 0: not bound.  Uses the
 * backend-local copy; call dsec_policy_sync first when it matters.
 */
extern const DsecRecipients *dsec_policy_session(void);

/*
 * Recipients bound to a channel: "copy" with NULL, "file" with the path,
 * "program" with the command, "fdw" with the server name, ...  Added to *add.
 */
extern void dsec_policy_channel(const char *channel, const char *target,
								DsecRecipients *add);

/* Add a recipient to a list, once. */
extern void dsec_policy_add_recipient(DsecRecipients *recipients, int32 id);

/*
 * Refuse (DS003) what concerns more recipients than fit.  Who charges has to ask;
 * the two above never raise it, because untagged work goes on.
 */
extern void dsec_policy_check_recipients(const DsecRecipients *recipients);

/*
 * The automatic recipient of this session's login role, status "unassigned";
 * made by the worker when it does not exist yet.  Waits; raises DS003.
 */
extern int32 dsec_policy_unassigned(void);

/* Name of a recipient, or NULL; valid until the next dsec_policy_sync. */
extern const char *dsec_policy_recipient_name(int32 recipient);

/*
 * A charger: recipients x (category and its ancestors) of one kind of subject,
 * with sets and limits looked up once.  Allocated in the current context,
 * valid for one policy generation.  Raises DS003.
 */
typedef struct DsecCharger DsecCharger;

extern DsecCharger *dsec_policy_charger(const DsecRecipients *recipients,
										const char *space,
										int ncategories,
										const char *const *categories,
										int npopulations,
										const char *const *populations);

/* one subject of a row; bit i of outside: known not to be in populations[i] */
typedef struct DsecRowSubject
{
	DsecCharger *charger;
	uint64		subject;
	uint32		outside;
} DsecRowSubject;

/* Are all of them charged today already?  Lock-free, a few cache lines. */
extern bool dsec_policy_is_charged(const DsecRowSubject *subjects, int n);

/* dsec_policy_is_charged will be asked about this subject soon (outside = 0). */
extern void dsec_policy_prefetch(const DsecCharger *charger, uint64 subject);

/*
 * Charge all subjects of one row, for all recipients and categories, or none.
 * verdict->decision BLOCK: nothing was charged, the row must not leave.
 * LOG: charged, and over a threshold that does not block.  Raises DS003.
 * *charged receives, per subject, a bit mask of the charger's categories (in the
 * order given, ancestors excluded) for which it was new to the ledger today.
 */
extern void dsec_policy_charge(const DsecRowSubject *subjects, int n,
							   DsecVerdict *verdict, uint32 *charged);

/* For EXPLAIN: what the recipients may still receive; no charge. */
extern void dsec_policy_init(void);

#endif							/* DSEC_POLICY_H */
