/*-------------------------------------------------------------------------
 *
 * ledger.h
 *	  Which subjects each recipient has received: exact sets in shared memory,
 *	  durable through leases and append-only blocks.
 *
 * docs/dev/charge-protocol.md has the protocol as a state machine, with its
 * locks and what is durable when.  The ledger knows nothing of rules: it is
 * given limits and keeps to them.
 *
 * A *set* is (recipient, category, space, outside).  "outside" lists the
 * populations to which its subjects are known not to belong; nearly always
 * empty.  An *account* is (recipient, category): it owns the lease and all
 * sets of the pair.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_LEDGER_H
#define DSEC_LEDGER_H

#include "utils/date.h"

#define DSEC_MAX_WINDOWS 8

typedef enum DsecWindowKind
{
	DSEC_WINDOW_ROLLING,		/* a charge of day D counts up to and including
								 * (D + months)::date */
	DSEC_WINDOW_CALENDAR_YEAR	/* since 1 January of the current year */
} DsecWindowKind;

typedef struct DsecWindow
{
	DsecWindowKind kind;
	int			months;			/* ROLLING */
	int			days;			/* ROLLING; added to months */
} DsecWindow;

typedef struct DsecSetKey
{
	int32		recipient;
	char		category[NAMEDATALEN];	/* zero-padded, so that it can be hashed */
	char		space[NAMEDATALEN];
	char		outside[NAMEDATALEN];	/* population names, sorted, comma-separated */
} DsecSetKey;

/* one subject about to be charged to one set */
typedef struct DsecChargeItem
{
	int			set;			/* from dsec_ledger_set */
	uint64		subject;		/* keyed hash, not 0 */
	bool		unassigned;		/* leave room for recipients that somebody has
								 * assigned */
	bool		charged;		/* out: this call entered it for today */
	bool		fresh;			/* out: it was in no window before */
} DsecChargeItem;

/*
 * At most "most" distinct subjects in the window over all sets of the account
 * whose "outside" does not name the population.
 */
typedef struct DsecLimit
{
	int32		recipient;
	char		category[NAMEDATALEN];
	char		population[NAMEDATALEN];	/* "": everybody counts */
	int			window;			/* index into the windows published */
	int64		most;
} DsecLimit;

/* Today in dsec.timezone; never goes back while the server runs. */
extern DateADT dsec_ledger_today(void);

/* Is it? Costs next to nothing, and may notice midnight a little late. */
extern bool dsec_ledger_is_today(DateADT day);

/* First day that counts today in a window. */
extern DateADT dsec_ledger_window_start(const DsecWindow *window, DateADT today);

/* The 16-byte hash key; raises DS003 when there is none. */
extern const uint8 *dsec_ledger_key(void);

/*
 * Number of a set, creating it when it is new; numbers hold until the server
 * restarts.  Loads the recipient's ledger when it is not in memory yet, and
 * waits for that at most dsec.ledger_timeout.  Raises DS003 when the ledger
 * cannot be used (with cause and remedy).
 */
extern int	dsec_ledger_set(const DsecSetKey *key);

/*
 * Has this subject been charged to this set today?  Lock-free; a false "no" is
 * possible during an insert, a false "yes" never.
 */
extern bool dsec_ledger_is_charged(int set, uint64 subject);
extern void dsec_ledger_prefetch(int set, uint64 subject);

/*
 * Charge all items or none.  Returns -1 when all are charged (items already
 * charged today cost nothing), or the index of the first limit that would be
 * crossed; *counted then receives what that limit counts without these items.
 * No limit is looked at for subjects that are already in its window.  Items
 * must be distinct.  Raises DS003 when the ledger cannot take the charge.
 * On return every item is durably counted: its lease is on disk.
 */
extern int	dsec_ledger_charge(DsecChargeItem *items, int nitems,
							   const DsecLimit *limits, int nlimits,
							   int64 *counted);

/*
 * Distinct subjects in the window that the limit counts ("most" is ignored),
 * unattributed included; *unattributed (may be NULL) receives these alone.
 * Loads the recipient when needed, as dsec_ledger_set does.
 */
extern int64 dsec_ledger_count(const DsecLimit *limit, int64 *unattributed);

/*
 * Last day on which the subject was charged to any set of this recipient,
 * category and space, or 0 with *found = false.
 */
extern DateADT dsec_ledger_last_day(int32 recipient, const char *category,
									const char *space, uint64 subject,
									bool *found);

/*
 * How many charges shared memory holds, and how many it takes before new
 * subjects are refused.  False without preloading.  Waits for nothing.
 */
extern bool dsec_ledger_memory(int64 *used, int64 *usable);

/*
 * For the policy module, in the worker: the windows of all rules in force, and
 * how large a lease of an account may be (1 .. 4096).
 */
extern void dsec_ledger_publish_windows(const DsecWindow *windows, int nwindows);
extern void dsec_ledger_set_lease_size(int (*lease_size) (int32 recipient,
														  const char *category));

extern void dsec_ledger_init(void);

#endif							/* DSEC_LEDGER_H */
