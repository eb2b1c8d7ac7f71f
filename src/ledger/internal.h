/*-------------------------------------------------------------------------
 *
 * internal.h
 *	  What the files of the ledger share.  For src/ledger only.
 *
 * docs/dev/charge-protocol.md explains the locks.  "Under the recipient's
 * lock" below means the partition lock of the recipient concerned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_LEDGER_INTERNAL_H
#define DSEC_LEDGER_INTERNAL_H

#include "datatype/timestamp.h"
#include "ledger/ledger.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "subject/subject.h"
#include "utils/uuid.h"

#define DSEC_LEDGER_PARTITIONS 32
#define DSEC_LEDGER_LEASES 4	/* open at once, per account */
#define DSEC_LEDGER_UNATTRIBUTED 16 /* days with unattributed charges, per
									 * account */
#define DSEC_LEDGER_MAX_LEASE 4096
#define DSEC_BLOCK_SUBJECTS 8192	/* per block, at most */
#define DSEC_SMALL_BLOCK 1024	/* smaller ones are merged; the index
								 * ledger_block_small agrees */

/* a day before all days: "never charged" */
#define DSEC_NEVER PG_INT32_MIN

typedef enum DsecRecipientState
{
	DSEC_RECIPIENT_UNLOADED,
	DSEC_RECIPIENT_WANTED,		/* somebody waits for it */
	DSEC_RECIPIENT_LOADED,
	DSEC_RECIPIENT_TOO_BIG		/* the last load ran out of shared memory */
} DsecRecipientState;

typedef struct DsecRecipientEntry
{
	bool		used;
	int32		recipient;
	int			first_account;	/* -1: none; prepended under the directories'
								 * lock */
	pg_atomic_uint32 state;		/* changes under the recipient's lock, except
								 * for a request to load */
	DateADT		loaded_from;	/* first day that was loaded */
} DsecRecipientEntry;

/* all under the recipient's lock */
typedef struct DsecLease
{
	bool		open;
	pg_uuid_t	id;
	DateADT		day;
	int64		granted;
	int64		drawn;
	int64		settled;

	/* the worker's own: since when drawn has this value */
	int64		idle_drawn;
	TimestampTz idle_since;
} DsecLease;

typedef struct DsecAmount
{
	DateADT		day;
	int64		amount;
} DsecAmount;

typedef struct DsecAccount
{
	/* never change */
	int32		recipient;
	int			recipient_entry;
	char		category[NAMEDATALEN];
	int			next_account;	/* of the recipient; -1: last */

	/* under the recipient's lock */
	int			first_set;		/* -1: none; prepended under both locks */
	int64		wanted;			/* allowance somebody waits for */
	bool		topup;			/* half of the lease is used */
	int32		lease_size;		/* of the last lease */
	DsecLease	leases[DSEC_LEDGER_LEASES];
	int			nunattributed;
	DsecAmount	unattributed[DSEC_LEDGER_UNATTRIBUTED];
} DsecAccount;

typedef struct DsecSet
{
	/* never change */
	DsecSetKey	key;
	int			account;
	int			recipient_entry;
	int			next_set;		/* of the account; -1: last */

	/* under the recipient's lock */
	int64		counts[DSEC_MAX_WINDOWS];	/* subjects in each window */
} DsecSet;

/* subject 0: not published yet */
typedef struct DsecQueueEntry
{
	pg_atomic_uint64 subject;
	int32		set;
	DateADT		day;
} DsecQueueEntry;

/* meta: day in the upper half, set number + 1 in the lower; 0: being filled */
typedef struct DsecSlot
{
	pg_atomic_uint64 key;
	pg_atomic_uint64 meta;
} DsecSlot;

typedef struct DsecLedger
{
	LWLockPadded *locks;		/* partitions, then the directories' lock */

	/* the key was checked and stale leases were closed, at this number of
	 * dsec_worker_rechecks() */
	pg_atomic_uint32 opened;
	pg_atomic_uint32 opened_at;
	uint8		key[DSEC_KEY_BYTES];	/* both set before opened */
	pg_uuid_t	node;
	pg_atomic_uint32 standby_key;	/* on a standby: the key was checked, and is set */

	/* change under all locks, read under any, or hintwise without */
	pg_atomic_uint32 today;		/* a DateADT */
	DateADT		cutoff;			/* first day of the widest window */
	bool		windows_known;
	int			nwindows;
	DsecWindow	windows[DSEC_MAX_WINDOWS];
	DateADT		starts[DSEC_MAX_WINDOWS];

	/* requests to the worker */
	pg_atomic_uint32 allowance_wanted;
	pg_atomic_uint32 load_wanted;

	/* directories; they grow under their lock.  Recipients are a hash table. */
	int			max_recipients;
	int			max_accounts;
	int			max_sets;
	pg_atomic_uint32 nrecipients;
	pg_atomic_uint32 naccounts;
	pg_atomic_uint32 nsets;

	/* table of charges */
	uint32		nslots;
	pg_atomic_uint64 used;		/* slots that are not empty */

	/* queue; positions only grow */
	slock_t		queue_mutex;
	uint64		queue_head;		/* reserved up to here */
	uint64		queue_tail;		/* settled up to here */
	uint32		queue_size;
} DsecLedger;

extern DsecLedger *dsec_ledger;
extern DsecRecipientEntry *dsec_ledger_recipients;
extern DsecAccount *dsec_ledger_accounts;
extern DsecSet *dsec_ledger_sets;
extern DsecQueueEntry *dsec_ledger_queue;
extern DsecSlot *dsec_ledger_slots;

/* shmem.c */
extern LWLock *dsec_ledger_lock(int32 recipient);
extern void dsec_ledger_lock_all(void);
extern void dsec_ledger_unlock_all(void);
extern void dsec_ledger_shmem_init(void);

/*
 * Entries of the directories, made when they are new.  The caller holds no
 * directory lock; sets also need the recipient's lock, exclusive.  -1: full.
 */
extern int	dsec_ledger_find_recipient(int32 recipient, bool create);
extern int	dsec_ledger_find_account(int32 recipient, const char *category,
									 bool create);
extern int	dsec_ledger_find_set(const DsecSetKey *key, bool create);

/* table.c: charges in shared memory; see there for locks */
extern DateADT dsec_ledger_table_day(int set, uint64 subject);
extern bool dsec_ledger_table_room(int set, uint64 subject, int nmore,
								   bool unassigned);
extern DateADT dsec_ledger_table_put(int set, uint64 subject, DateADT day);
extern void dsec_ledger_table_recount(void);
extern void dsec_ledger_table_clear(void);

/* day.c */

/* Let the day move on if it has; returns today.  The caller holds no lock. */
extern DateADT dsec_ledger_advance(void);

/* Microseconds until the day may change, at most a minute. */
extern int64 dsec_ledger_day_left(void);
static inline DateADT
dsec_ledger_current_day(void)
{
	return (DateADT) pg_atomic_read_u32(&dsec_ledger->today);
}

/* ledger.c */
extern int64 dsec_ledger_unattributed(const DsecAccount *account, int window);
extern DsecLease *dsec_ledger_lease_of(DsecAccount *account, DateADT day);
extern bool dsec_ledger_usable(void);

/* Wait until the ledger can be used; DS003 when it cannot. */
extern void dsec_ledger_require(void);

/* queue.c */

/*
 * Reserve n places from *start on; false when there is no room.  *first: the
 * queue was empty, and the worker may be asleep.
 */
extern bool dsec_ledger_queue_reserve(int n, uint64 *start, bool *first);
extern void dsec_ledger_queue_publish(uint64 at, int set, uint64 subject,
									  DateADT day);
extern bool dsec_ledger_queue_room(int n);
extern uint64 dsec_ledger_queue_length(void);
extern uint64 dsec_ledger_queue_tail(uint64 *head);
extern void dsec_ledger_queue_free(uint64 upto);
extern void dsec_ledger_queue_clear(void);

/* key.c: see there */
extern bool dsec_ledger_key_read(uint8 *key, bool *exists, char **problem);
extern bool dsec_ledger_key_create(uint8 *key, char **problem);
extern void dsec_ledger_key_check(const uint8 *key, const pg_uuid_t *ledger,
								  uint8 *check);
#define DSEC_KEY_CHECK_BYTES 16

/* tasks of the worker */
extern void dsec_ledger_open_init(void);
extern void dsec_ledger_load_init(void);
extern void dsec_ledger_journal_init(void);
extern void dsec_ledger_compact_init(void);

#endif							/* DSEC_LEDGER_INTERNAL_H */
