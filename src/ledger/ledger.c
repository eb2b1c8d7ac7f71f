/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  Charging and counting: what sessions do with the ledger.
 *
 * Everything here works on shared memory alone, in any database and in
 * parallel workers; only the worker touches tables.  A charge is decided and
 * made under the exclusive locks of its recipients, in one stretch in which
 * nothing can fail once something has been changed.  What is short
 * (allowance, room in the queue, a recipient not loaded) is asked for and
 * waited for without any lock, and then everything is looked at again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guc.h"
#include "ledger/internal.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "report.h"
#include "subject/set.h"
#include "utils/timestamp.h"

#define LOCAL_ITEMS 64

/* what one call of dsec_ledger_charge has in hand */
typedef struct Charge
{
	DsecChargeItem *items;
	int			nitems;
	const DsecLimit *limits;
	int			nlimits;
	DateADT    *days;			/* per item: day of its last charge */
	int			npartitions;
	int			partitions[DSEC_LEDGER_PARTITIONS]; /* ascending */
	int			due;			/* items to be charged */
} Charge;

typedef enum Outcome
{
	OUTCOME_DONE,
	OUTCOME_REFUSED,			/* a limit */
	OUTCOME_CLOSED,				/* the ledger is not open */
	OUTCOME_UNLOADED,			/* a recipient is not in memory */
	OUTCOME_SHORT,				/* of allowance, or of room in the queue */
	OUTCOME_FULL,				/* no room in shared memory */
	OUTCOME_RESERVED,			/* none for unassigned recipients */
	OUTCOME_STALE				/* a limit's window is no longer published */
} Outcome;

/* ------------------------------------------------------------------------
 * Waiting for the worker
 * ------------------------------------------------------------------------ */

bool
dsec_ledger_usable(void)
{
	return pg_atomic_read_u32(&dsec_ledger->opened) != 0 &&
		pg_atomic_read_u32(&dsec_ledger->opened_at) == dsec_worker_rechecks();
}

/* Is there no point in waiting? */
static bool
hopeless(void)
{
	switch (dsec_worker_state(NULL))
	{
		case DSEC_WORKER_NO_LEDGER:
		case DSEC_WORKER_STANDBY:
		case DSEC_WORKER_FAILED:
			return true;
		default:
			return false;
	}
}

static bool
usable_or_hopeless(void *arg)
{
	return dsec_ledger_usable() || hopeless();
}

/* The ledger could not be used: say why. */
static void
refuse(const char *what)
{
	char	   *problem;
	DsecWorkerState state = dsec_worker_state(&problem);
	const char *hint = NULL;

	switch (state)
	{
		case DSEC_WORKER_NO_LEDGER:
			hint = "Run CREATE EXTENSION dsec in that database.";
			break;
		case DSEC_WORKER_STANDBY:
			hint = "Export tagged data on the primary server.";
			break;
		case DSEC_WORKER_ABSENT:
			hint = dsec_ledger == NULL ?
				"Add dsec to shared_preload_libraries and restart the server." :
				"Check that dsec.ledger_database exists and accepts connections.";
			break;
		case DSEC_WORKER_FAILED:
			break;
		case DSEC_WORKER_READY:
			if (problem == NULL)
				problem = psprintf("The worker of dsec did not answer within dsec.ledger_timeout (%d ms).",
								   dsec_guc_ledger_timeout);
			hint = "Look for long transactions that lock tables of schema dsec in the ledger database, and at the server log.";
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("%s", what),
			 problem ? errdetail_internal("%s", problem) : 0,
			 hint ? errhint("%s", hint) : 0));
}

static void
refuse_full(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("the ledger's shared memory is full"),
			 errdetail("dsec.shared_memory is %d kB.", dsec_guc_shared_memory),
			 errhint("Increase dsec.shared_memory and restart the server.")));
}

static void
refuse_reserved(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("the ledger's shared memory is full for unassigned recipients"),
			 errdetail("dsec.shared_memory is %d kB; the last third of it is kept for recipients of another status.",
					   dsec_guc_shared_memory),
			 errhint("Have an officer give the recipient its status, or increase dsec.shared_memory and restart the server.")));
}

void
dsec_ledger_require(void)
{
	if (dsec_ledger == NULL)
		refuse("the ledger cannot be used");
	if (!dsec_ledger_usable())
	{
		(void) dsec_worker_wait(usable_or_hopeless, NULL);
		if (!dsec_ledger_usable())
			refuse("the ledger cannot be used");
	}
}

const uint8 *
dsec_ledger_key(void)
{
	dsec_ledger_require();
	return dsec_ledger->key;
}

/* For sets of subjects: a standby, which charges nobody, may know the key, too. */
static const uint8 *
key_for_sets(void)
{
	if (dsec_ledger != NULL && dsec_worker_state(NULL) == DSEC_WORKER_STANDBY &&
		pg_atomic_read_u32(&dsec_ledger->standby_key) != 0)
		return dsec_ledger->key;
	return dsec_ledger_key();
}

static bool
loaded_or_hopeless(void *arg)
{
	DsecRecipientEntry *entry = arg;
	uint32		state = pg_atomic_read_u32(&entry->state);

	/* it may be taken back by other windows while we wait */
	if (state == DSEC_RECIPIENT_UNLOADED)
	{
		pg_atomic_compare_exchange_u32(&entry->state, &state,
									   DSEC_RECIPIENT_WANTED);
		pg_atomic_write_u32(&dsec_ledger->load_wanted, 1);
		return false;
	}
	return state != DSEC_RECIPIENT_WANTED || hopeless();
}

/* Have the recipient in memory.  Returns its entry. */
static DsecRecipientEntry *
require_recipient(int32 recipient)
{
	int			number;
	DsecRecipientEntry *entry;
	uint32		state;

	dsec_ledger_require();
	number = dsec_ledger_find_recipient(recipient, true);
	if (number < 0)
		refuse_full();
	entry = &dsec_ledger_recipients[number];

	state = pg_atomic_read_u32(&entry->state);
	if (state == DSEC_RECIPIENT_LOADED)
		return entry;

	/* one more try for what did not fit last time */
	if (state == DSEC_RECIPIENT_TOO_BIG)
		pg_atomic_compare_exchange_u32(&entry->state, &state,
									   DSEC_RECIPIENT_UNLOADED);
	(void) dsec_worker_wait(loaded_or_hopeless, entry);
	state = pg_atomic_read_u32(&entry->state);
	if (state == DSEC_RECIPIENT_TOO_BIG)
		refuse_full();
	if (state != DSEC_RECIPIENT_LOADED)
		refuse("the ledger of a recipient could not be loaded");
	return entry;
}

/* ------------------------------------------------------------------------
 * Sets and counts
 * ------------------------------------------------------------------------ */

int
dsec_ledger_set(const DsecSetKey *key)
{
	LWLock	   *lock;
	int			set;

	(void) require_recipient(key->recipient);
	dsec_ledger_advance();
	set = dsec_ledger_find_set(key, false);
	if (set >= 0)
		return set;

	lock = dsec_ledger_lock(key->recipient);
	LWLockAcquire(lock, LW_EXCLUSIVE);
	set = dsec_ledger_find_set(key, true);
	LWLockRelease(lock);
	if (set < 0)
		refuse_full();
	return set;
}

/* Does the comma-separated list hold the name? */
static bool
names(const char *list, const char *name)
{
	size_t		len = strlen(name);

	while (*list != '\0')
	{
		const char *comma = strchr(list, ',');
		size_t		n = comma ? (size_t) (comma - list) : strlen(list);

		if (n == len && strncmp(list, name, n) == 0)
			return true;
		if (comma == NULL)
			break;
		list = comma + 1;
	}
	return false;
}

/* Do subjects of this set count for the limit's population? */
static inline bool
counts_for(const DsecSet *set, const DsecLimit *limit)
{
	return set->key.outside[0] == '\0' || limit->population[0] == '\0' ||
		!names(set->key.outside, limit->population);
}

static inline bool
concerns(const DsecLimit *limit, const DsecAccount *account)
{
	return limit->recipient == account->recipient &&
		strcmp(limit->category, account->category) == 0;
}

/* Under the recipient's lock. */
int64
dsec_ledger_unattributed(const DsecAccount *account, int window)
{
	int64		sum = 0;

	for (int i = 0; i < account->nunattributed; i++)
		if (account->unattributed[i].day >= dsec_ledger->starts[window])
			sum += account->unattributed[i].amount;
	return sum;
}

/* Without unattributed charges.  Under the recipient's lock. */
static int64
attributed(const DsecAccount *account, const DsecLimit *limit)
{
	int64		sum = 0;

	for (int i = account->first_set; i >= 0; i = dsec_ledger_sets[i].next_set)
		if (counts_for(&dsec_ledger_sets[i], limit))
			sum += dsec_ledger_sets[i].counts[limit->window];
	return sum;
}

/* Is the limit's window published?  Under a lock. */
static inline bool
has_window(const DsecLimit *limit)
{
	return limit->window >= 0 && limit->window < dsec_ledger->nwindows;
}

static void
refuse_stale(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("the rules have changed while the statement ran"),
			 errhint("Run the statement again.")));
}

int64
dsec_ledger_count(const DsecLimit *limit, int64 *unattributed)
{
	LWLock	   *lock;
	int			account;
	int64		unnamed = 0;
	int64		sum = 0;
	bool		known;

	(void) require_recipient(limit->recipient);
	dsec_ledger_advance();

	lock = dsec_ledger_lock(limit->recipient);
	LWLockAcquire(lock, LW_SHARED);
	known = has_window(limit);
	account = dsec_ledger_find_account(limit->recipient, limit->category, false);
	if (known && account >= 0)
	{
		unnamed = dsec_ledger_unattributed(&dsec_ledger_accounts[account],
										   limit->window);
		sum = attributed(&dsec_ledger_accounts[account], limit);
	}
	LWLockRelease(lock);

	if (!known)
		refuse_stale();
	if (unattributed != NULL)
		*unattributed = unnamed;
	return sum + unnamed;
}

DateADT
dsec_ledger_last_day(int32 recipient, const char *category, const char *space,
					 uint64 subject, bool *found)
{
	DateADT		last = DSEC_NEVER;
	LWLock	   *lock;
	int			account;

	(void) require_recipient(recipient);
	dsec_ledger_advance();

	lock = dsec_ledger_lock(recipient);
	LWLockAcquire(lock, LW_SHARED);
	account = dsec_ledger_find_account(recipient, category, false);
	if (account >= 0)
	{
		for (int i = dsec_ledger_accounts[account].first_set; i >= 0;
			 i = dsec_ledger_sets[i].next_set)
			if (strcmp(dsec_ledger_sets[i].key.space, space) == 0)
				last = Max(last, dsec_ledger_table_day(i, subject));
	}
	LWLockRelease(lock);

	*found = last != DSEC_NEVER;
	return *found ? last : 0;
}

/* ------------------------------------------------------------------------
 * Charging
 * ------------------------------------------------------------------------ */

static inline DsecAccount *
account_of(const DsecChargeItem *item)
{
	return &dsec_ledger_accounts[dsec_ledger_sets[item->set].account];
}

static inline DsecRecipientEntry *
recipient_of(const DsecChargeItem *item)
{
	return &dsec_ledger_recipients[dsec_ledger_sets[item->set].recipient_entry];
}

/* The open lease of a day, or NULL.  Under the recipient's lock. */
DsecLease *
dsec_ledger_lease_of(DsecAccount *account, DateADT day)
{
	for (int i = 0; i < DSEC_LEDGER_LEASES; i++)
		if (account->leases[i].open && account->leases[i].day == day)
			return &account->leases[i];
	return NULL;
}

static int64
allowance(DsecAccount *account)
{
	DsecLease  *lease = dsec_ledger_lease_of(account, dsec_ledger_current_day());

	return lease ? lease->granted - lease->drawn : 0;
}

/* Items due for the account of items[first]; 0 when an earlier item has it. */
static int
due_of_account(const Charge *charge, int first, DateADT today)
{
	int			account = dsec_ledger_sets[charge->items[first].set].account;
	int			n = 0;

	for (int i = 0; i < charge->nitems; i++)
	{
		if (charge->days[i] >= today ||
			dsec_ledger_sets[charge->items[i].set].account != account)
			continue;
		if (i < first)
			return 0;
		n++;
	}
	return n;
}

static void
lock_recipients(Charge *charge)
{
	for (int i = 0; i < charge->npartitions; i++)
		LWLockAcquire(&dsec_ledger->locks[charge->partitions[i]].lock,
					  LW_EXCLUSIVE);
}

static void
unlock_recipients(Charge *charge)
{
	for (int i = charge->npartitions; i-- > 0;)
		LWLockRelease(&dsec_ledger->locks[charge->partitions[i]].lock);
}

/* Which locks the items need, in ascending order. */
static void
find_partitions(Charge *charge)
{
	bool		needed[DSEC_LEDGER_PARTITIONS] = {false};

	for (int i = 0; i < charge->nitems; i++)
		needed[(uint32) dsec_ledger_sets[charge->items[i].set].key.recipient %
			   DSEC_LEDGER_PARTITIONS] = true;
	charge->npartitions = 0;
	for (int i = 0; i < DSEC_LEDGER_PARTITIONS; i++)
		if (needed[i])
			charge->partitions[charge->npartitions++] = i;
}

/*
 * Would a limit be crossed?  Returns its index, or -1.  Under the locks.
 */
static int
crossed_limit(const Charge *charge, DateADT today, int64 *counted)
{
	for (int l = 0; l < charge->nlimits; l++)
	{
		const DsecLimit *limit = &charge->limits[l];
		DsecAccount *account = NULL;
		DateADT		start = dsec_ledger->starts[limit->window];
		int64		fresh = 0;

		for (int i = 0; i < charge->nitems; i++)
		{
			const DsecSet *set = &dsec_ledger_sets[charge->items[i].set];

			if (charge->days[i] >= start ||
				!concerns(limit, &dsec_ledger_accounts[set->account]) ||
				!counts_for(set, limit))
				continue;
			account = &dsec_ledger_accounts[set->account];
			fresh++;
		}
		if (fresh > 0)
		{
			int64		before = attributed(account, limit) +
				dsec_ledger_unattributed(account, limit->window);

			if (before + fresh > limit->most)
			{
				*counted = before;
				return l;
			}
		}
	}
	return -1;
}

/* Is there allowance for all items?  Asks for what is short.  Under the locks. */
static bool
supplied(const Charge *charge, DateADT today)
{
	bool		enough = true;

	for (int i = 0; i < charge->nitems; i++)
	{
		DsecAccount *account;
		int			n;

		if (charge->days[i] >= today)
			continue;
		n = due_of_account(charge, i, today);
		account = account_of(&charge->items[i]);
		if (n > allowance(account))
		{
			account->wanted = Max(account->wanted, n);
			enough = false;
		}
	}
	if (!enough)
		pg_atomic_write_u32(&dsec_ledger->allowance_wanted, 1);
	return enough;
}

/*
 * Enter the items, draw their allowance, queue them.  Cannot fail.  Under the
 * locks.  Returns whether an account asks for its next lease.
 */
static bool
enter(Charge *charge, DateADT today, uint64 at)
{
	bool		wake = false;

	for (int i = 0; i < charge->nitems; i++)
	{
		DsecChargeItem *item = &charge->items[i];
		DsecSet    *set = &dsec_ledger_sets[item->set];
		DsecAccount *account = &dsec_ledger_accounts[set->account];
		DsecLease  *lease;
		DateADT		old = charge->days[i];

		if (old >= today)
			continue;
		(void) dsec_ledger_table_put(item->set, item->subject, today);
		item->charged = true;
		item->fresh = old < dsec_ledger->cutoff;
		for (int w = 0; w < dsec_ledger->nwindows; w++)
			if (old < dsec_ledger->starts[w])
				set->counts[w]++;

		lease = dsec_ledger_lease_of(account, today);
		lease->drawn++;
		if (!account->topup &&
			lease->granted - lease->drawn <= account->lease_size / 2)
		{
			account->topup = true;
			pg_atomic_write_u32(&dsec_ledger->allowance_wanted, 1);
			wake = true;
		}
		dsec_ledger_queue_publish(at++, item->set, item->subject, today);
	}
	return wake;
}

/* One attempt. */
static Outcome
attempt(Charge *charge, int *refused_by, int64 *counted)
{
	Outcome		outcome = OUTCOME_DONE;
	bool		wake = false;
	bool		first;
	DateADT		today;
	uint64		at;

	charge->due = 0;
	dsec_ledger_advance();
	lock_recipients(charge);
	today = dsec_ledger_current_day();

	if (!dsec_ledger_usable())
		outcome = OUTCOME_CLOSED;
	for (int i = 0; i < charge->nitems && outcome == OUTCOME_DONE; i++)
		if (pg_atomic_read_u32(&recipient_of(&charge->items[i])->state) != DSEC_RECIPIENT_LOADED)
			outcome = OUTCOME_UNLOADED;
	for (int i = 0; i < charge->nlimits && outcome == OUTCOME_DONE; i++)
		if (!has_window(&charge->limits[i]))
			outcome = OUTCOME_STALE;
	if (outcome != OUTCOME_DONE)
		goto unlock;

	for (int i = 0; i < charge->nitems; i++)
	{
		DsecChargeItem *item = &charge->items[i];

		charge->days[i] = dsec_ledger_table_day(item->set, item->subject);
		if (charge->days[i] < today)
			charge->due++;
	}
	if (charge->due == 0)
		goto unlock;

	*refused_by = crossed_limit(charge, today, counted);
	if (*refused_by >= 0)
	{
		outcome = OUTCOME_REFUSED;
		goto unlock;
	}
	if (!supplied(charge, today))
	{
		outcome = OUTCOME_SHORT;
		goto unlock;
	}
	for (int i = 0; i < charge->nitems; i++)
	{
		if (charge->days[i] < today &&
			!dsec_ledger_table_room(charge->items[i].set,
									charge->items[i].subject, charge->due,
									charge->items[i].unassigned))
		{
			outcome = charge->items[i].unassigned ? OUTCOME_RESERVED : OUTCOME_FULL;
			goto unlock;
		}
	}

	/* the last step that can fail */
	if (!dsec_ledger_queue_reserve(charge->due, &at, &first))
	{
		outcome = OUTCOME_SHORT;
		goto unlock;
	}
	wake = enter(charge, today, at) || first;

unlock:
	unlock_recipients(charge);
	if (wake)
		dsec_worker_wake();
	return outcome;
}

/* Has what was short arrived?  Or has something happened that ends the wait? */
static bool
supply_has_come(void *arg)
{
	Charge	   *charge = arg;
	DateADT		today;
	bool		enough;

	if (!dsec_ledger_usable())
		return true;
	lock_recipients(charge);
	today = dsec_ledger_current_day();
	enough = supplied(charge, today);
	unlock_recipients(charge);
	return enough && dsec_ledger_queue_room(charge->due);
}

int
dsec_ledger_charge(DsecChargeItem *items, int nitems,
				   const DsecLimit *limits, int nlimits, int64 *counted)
{
	DateADT		local_days[LOCAL_ITEMS];
	Charge		charge;
	TimestampTz deadline = 0;
	Outcome		outcome;
	int			refused_by = -1;

	if (dsec_ledger == NULL)
		refuse("the ledger cannot be used");
	for (int i = 0; i < nitems; i++)
	{
		Assert(items[i].subject != 0);
		Assert(items[i].set >= 0 &&
			   (uint32) items[i].set < pg_atomic_read_u32(&dsec_ledger->nsets));
		items[i].charged = false;
		items[i].fresh = false;
	}
	charge.items = items;
	charge.nitems = nitems;
	charge.limits = limits;
	charge.nlimits = nlimits;
	charge.due = 0;
	charge.days = nitems <= LOCAL_ITEMS ? local_days :
		palloc(nitems * sizeof(DateADT));
	find_partitions(&charge);

	for (;;)
	{
		outcome = attempt(&charge, &refused_by, counted);
		if (outcome == OUTCOME_DONE || outcome == OUTCOME_REFUSED)
			break;
		if (outcome == OUTCOME_FULL)
			refuse_full();
		if (outcome == OUTCOME_RESERVED)
			refuse_reserved();
		if (outcome == OUTCOME_STALE)
			refuse_stale();

		/* others may be faster than we are, but not for ever */
		if (deadline == 0)
			deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   dsec_guc_ledger_timeout);
		else if (GetCurrentTimestamp() > deadline)
			refuse("the ledger has not granted this export what it needs in time");

		if (outcome == OUTCOME_SHORT)
		{
			if ((uint64) charge.due > dsec_ledger->queue_size)
				refuse_full();
			if (!dsec_worker_wait(supply_has_come, &charge))
				refuse("the ledger has not granted this export what it needs in time");
			dsec_ledger_require();
		}
		else
			for (int i = 0; i < nitems; i++)
				(void) require_recipient(dsec_ledger_sets[items[i].set].key.recipient);
	}

	if (charge.days != local_days)
		pfree(charge.days);
	return outcome == OUTCOME_REFUSED ? refused_by : -1;
}

void
dsec_ledger_init(void)
{
	dsec_ledger_shmem_init();
	dsec_ledger_open_init();
	dsec_ledger_load_init();
	dsec_ledger_journal_init();
	dsec_ledger_compact_init();
	dsec_subject_set_key_source(key_for_sets);
}
