/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  The worker's task that settles charges and grants leases.
 *
 * One transaction takes everything that is queued, writes it as blocks, raises
 * what the leases concerned have settled, and grants new allowance to accounts
 * that ask for it.  Because every grant settles first, what is granted and
 * not settled stays below about two leases for each account.
 *
 * Numbers go to the tables as they are to be, not as increments, and reach
 * shared memory only after the commit; a retry writes the same again.  On
 * disk, granted - settled is never less than the charges that have no block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "ledger/internal.h"
#include "ledger/worker.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define SETTLE_DELAY 20			/* ms: charges nobody waits for share a block */
#define IDLE_TIME 5000			/* ms: then undrawn allowance is given back */
#define LOOK_INTERVAL 1000		/* ms between looks at the leases */

typedef struct Entry
{
	int			set;
	DateADT		day;
	uint64		subject;
} Entry;

/* what a lease is to be after the commit */
typedef struct Change
{
	int			account;
	int			lease;			/* index into the account's */
	bool		create;			/* there is no row yet */
	bool		close;
	pg_uuid_t	id;
	DateADT		day;
	int64		settled;
	int64		granted;
	bool		grant;			/* granted is more than before */
	int32		lease_size;
} Change;

static int	(*lease_size_callback) (int32 recipient, const char *category) = NULL;

/* one run; in run_context, which outlives the transaction */
static MemoryContext run_context = NULL;
static Entry *entries;
static uint64 nentries;
static uint64 settled_upto;
static Change *changes;
static int	nchanges;

static TimestampTz queued_since = 0;
static TimestampTz looked = 0;

static SPIPlanPtr block_plan = NULL;
static SPIPlanPtr lease_plan = NULL;

void
dsec_ledger_set_lease_size(int (*callback) (int32 recipient,
											const char *category))
{
	lease_size_callback = callback;
}

static int
lease_size(const DsecAccount *account)
{
	int			size = 1;

	if (lease_size_callback != NULL)
		size = lease_size_callback(account->recipient, account->category);
	return Max(1, Min(size, DSEC_LEDGER_MAX_LEASE));
}

/* ------------------------------------------------------------------------
 * Is there something to do?
 * ------------------------------------------------------------------------ */

/* Has nobody drawn from the lease for a while, and is there something left? */
static bool
is_idle(DsecLease *lease, TimestampTz now)
{
	if (lease->idle_drawn != lease->drawn || lease->idle_since == 0)
	{
		lease->idle_drawn = lease->drawn;
		lease->idle_since = now;
		return false;
	}
	return lease->granted > lease->drawn &&
		TimestampDifferenceExceeds(lease->idle_since, now, IDLE_TIME);
}

/* Should the lease give back what is undrawn? */
static bool
gives_back(DsecLease *lease, TimestampTz now)
{
	return dsec_worker_stopping() ||
		lease->day < dsec_ledger_current_day() ||
		is_idle(lease, now);
}

/* Is a lease to be closed or trimmed?  Looks without locks: a hint. */
static bool
leases_due(TimestampTz now)
{
	uint32		n = pg_atomic_read_u32(&dsec_ledger->naccounts);

	for (uint32 i = 0; i < n; i++)
		for (int j = 0; j < DSEC_LEDGER_LEASES; j++)
			if (dsec_ledger_accounts[i].leases[j].open &&
				gives_back(&dsec_ledger_accounts[i].leases[j], now))
				return true;
	return false;
}

static bool
pending(void)
{
	TimestampTz now;
	uint64		queued;

	/* also keeps the day right while nobody charges */
	dsec_ledger_advance();
	dsec_worker_nap(dsec_ledger_day_left() / 1000 + 1);

	if (!dsec_ledger_usable())
		return false;
	if (!dsec_worker_stopping() &&
		pg_atomic_read_u32(&dsec_ledger->allowance_wanted) != 0)
		return true;

	now = GetCurrentTimestamp();
	queued = dsec_ledger_queue_length();
	if (queued == 0)
		queued_since = 0;
	else
	{
		if (queued_since == 0)
			queued_since = now;
		if (dsec_worker_stopping() || queued > dsec_ledger->queue_size / 4 ||
			TimestampDifferenceExceeds(queued_since, now, SETTLE_DELAY))
			return true;
		dsec_worker_nap(SETTLE_DELAY);
	}

	if (!dsec_worker_stopping() && looked != 0 &&
		!TimestampDifferenceExceeds(looked, now, LOOK_INTERVAL))
		return false;
	looked = now;
	return leases_due(now);
}

/* ------------------------------------------------------------------------
 * Blocks
 * ------------------------------------------------------------------------ */

static void
take_queue(void)
{
	uint64		head;
	uint64		at = dsec_ledger_queue_tail(&head);

	entries = MemoryContextAllocHuge(run_context,
									 (head - at + 1) * sizeof(Entry));
	nentries = 0;
	for (; at < head; at++)
	{
		DsecQueueEntry *entry = &dsec_ledger_queue[at % dsec_ledger->queue_size];
		uint64		subject = pg_atomic_read_u64(&entry->subject);

		if (subject == 0)
			break;				/* reserved, about to be published */
		pg_read_barrier();
		entries[nentries].subject = subject;
		entries[nentries].set = entry->set;
		entries[nentries].day = entry->day;
		nentries++;
	}
	settled_upto = at;
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	return 0;
}

static SPIPlanPtr
prepare(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(query, nargs, types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement of the ledger");
	return plan;
}

static void
write_block(const Entry *first, int n)
{
	const DsecSetKey *key = &dsec_ledger_sets[first->set].key;
	bytea	   *hashes = palloc(VARHDRSZ + n * sizeof(uint64));
	Datum		values[8];

	SET_VARSIZE(hashes, VARHDRSZ + n * sizeof(uint64));
	for (int i = 0; i < n; i++)
	{
		uint64		wire = pg_hton64(first[i].subject);

		memcpy(VARDATA(hashes) + i * sizeof(uint64), &wire, sizeof(wire));
	}

	if (block_plan == NULL)
	{
		Oid			types[8] = {UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID,
		DATEOID, INT4OID, BYTEAOID};

		block_plan = prepare("INSERT INTO dsec.ledger_block"
							 " (node, recipient, space, category, outside, day, n, hashes)"
							 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", 8, types);
	}
	values[0] = UUIDPGetDatum(&dsec_ledger->node);
	values[1] = Int32GetDatum(key->recipient);
	values[2] = CStringGetTextDatum(key->space);
	values[3] = CStringGetTextDatum(key->category);
	values[4] = CStringGetTextDatum(key->outside);
	values[5] = DateADTGetDatum(first->day);
	values[6] = Int32GetDatum(n);
	values[7] = PointerGetDatum(hashes);
	if (SPI_execute_plan(block_plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_plan failed");
	pfree(hashes);
}

static void
write_blocks(void)
{
	uint64		first = 0;

	qsort(entries, nentries, sizeof(Entry), compare_entries);
	while (first < nentries)
	{
		uint64		last = first + 1;

		while (last < nentries && last - first < DSEC_BLOCK_SUBJECTS &&
			   entries[last].set == entries[first].set &&
			   entries[last].day == entries[first].day)
			last++;
		write_block(&entries[first], (int) (last - first));
		first = last;
	}
}

/* ------------------------------------------------------------------------
 * Leases
 * ------------------------------------------------------------------------ */

/*
 * Plan what happens to one lease.  Returns NULL when nothing is to be written.
 * Under the recipient's lock.
 */
static Change *
plan_lease(int number, int i, int64 settled, TimestampTz now)
{
	DsecLease  *lease = &dsec_ledger_accounts[number].leases[i];
	Change	   *change = &changes[nchanges];
	bool		trim = gives_back(lease, now);

	if (!trim && settled == 0)
		return NULL;

	/* whoever comes now finds no allowance, and asks for it */
	if (trim)
		lease->granted = lease->drawn;
	memset(change, 0, sizeof(Change));
	change->account = number;
	change->lease = i;
	change->id = lease->id;
	change->day = lease->day;
	change->granted = lease->granted;
	change->settled = lease->settled + settled;
	change->close = trim && change->settled == lease->drawn &&
		(lease->day < dsec_ledger_current_day() || dsec_worker_stopping());
	nchanges++;
	return change;
}

/*
 * Plan what an account is granted; change is what is planned for the lease of
 * today, if anything.  Under the recipient's lock.
 */
static void
plan_grant(int number, Change *change, int size)
{
	DsecAccount *account = &dsec_ledger_accounts[number];
	DateADT		today = dsec_ledger_current_day();
	DsecLease  *lease = dsec_ledger_lease_of(account, today);
	int64		left = lease ? lease->granted - lease->drawn : 0;
	int64		more = 0;

	if (account->wanted > left)
		more = Max(size, account->wanted - left);
	else if (account->topup && left <= size / 2)
		more = size;
	if (more == 0)
	{
		account->wanted = 0;
		account->topup = false;
		return;
	}

	if (change == NULL)
	{
		int			i = 0;

		if (lease != NULL)
			i = (int) (lease - account->leases);
		else
			while (i < DSEC_LEDGER_LEASES && account->leases[i].open)
				i++;
		/* all taken by days not closed yet: after they are */
		if (i == DSEC_LEDGER_LEASES)
			return;

		change = &changes[nchanges++];
		memset(change, 0, sizeof(Change));
		change->account = number;
		change->lease = i;
		change->day = today;
		if (lease != NULL)
		{
			change->id = lease->id;
			change->granted = lease->granted;
			change->settled = lease->settled;
		}
		else
		{
			change->create = true;
			if (!pg_strong_random(change->id.data, UUID_LEN))
				elog(ERROR, "could not generate random bytes");
		}
	}
	change->granted += more;
	change->grant = true;
	change->lease_size = size;
}

static void
plan_account(int number, const int64 *settled, TimestampTz now, int size)
{
	DsecAccount *account = &dsec_ledger_accounts[number];
	Change	   *current = NULL;

	for (int i = 0; i < DSEC_LEDGER_LEASES; i++)
	{
		Change	   *change;

		if (!account->leases[i].open)
			continue;
		change = plan_lease(number, i, settled[i], now);
		if (account->leases[i].day == dsec_ledger_current_day())
			current = change;
	}
	if (!dsec_worker_stopping() && (account->wanted > 0 || account->topup))
		plan_grant(number, current, size);
}

static void
plan_leases(void)
{
	uint32		naccounts = pg_atomic_read_u32(&dsec_ledger->naccounts);
	TimestampTz now = GetCurrentTimestamp();
	int64		(*settled)[DSEC_LEDGER_LEASES];

	settled = MemoryContextAllocZero(run_context,
									 (naccounts + 1) * sizeof(*settled));
	changes = MemoryContextAlloc(run_context,
								 (naccounts + 1) * DSEC_LEDGER_LEASES * sizeof(Change));
	nchanges = 0;

	/* leases are opened and closed by the worker alone */
	for (uint64 i = 0; i < nentries; i++)
	{
		int			number = dsec_ledger_sets[entries[i].set].account;
		DsecLease  *lease = dsec_ledger_lease_of(&dsec_ledger_accounts[number],
												 entries[i].day);

		if (lease == NULL)
			elog(ERROR, "charge without a lease");
		settled[number][lease - dsec_ledger_accounts[number].leases]++;
	}

	for (uint32 i = 0; i < naccounts; i++)
	{
		DsecAccount *account = &dsec_ledger_accounts[i];
		LWLock	   *lock = dsec_ledger_lock(account->recipient);
		bool		concerned = account->wanted > 0 || account->topup;
		int			size;

		/* a request that is made now is seen by the next run */
		for (int j = 0; j < DSEC_LEDGER_LEASES && !concerned; j++)
			concerned = account->leases[j].open &&
				(settled[i][j] > 0 || gives_back(&account->leases[j], now));
		if (!concerned)
			continue;
		size = lease_size(account);
		LWLockAcquire(lock, LW_EXCLUSIVE);
		plan_account((int) i, settled[i], now, size);
		LWLockRelease(lock);
	}
}

static void
write_leases(void)
{
	if (nchanges > 0 && lease_plan == NULL)
	{
		Oid			types[7] = {UUIDOID, INT4OID, TEXTOID, DATEOID, INT8OID,
		INT8OID, BOOLOID};

		lease_plan = prepare("INSERT INTO dsec.lease AS l"
							 " (id, recipient, category, day, granted, settled, closed)"
							 " VALUES ($1, $2, $3, $4, $5, $6,"
							 "         CASE WHEN $7 THEN pg_catalog.now() END)"
							 " ON CONFLICT (id) DO UPDATE"
							 " SET granted = EXCLUDED.granted,"
							 "     settled = EXCLUDED.settled,"
							 "     closed = EXCLUDED.closed", 7, types);
	}
	for (int i = 0; i < nchanges; i++)
	{
		Change	   *change = &changes[i];
		DsecAccount *account = &dsec_ledger_accounts[change->account];
		Datum		values[7];

		values[0] = UUIDPGetDatum(&change->id);
		values[1] = Int32GetDatum(account->recipient);
		values[2] = CStringGetTextDatum(account->category);
		values[3] = DateADTGetDatum(change->day);
		values[4] = Int64GetDatum(change->granted);
		values[5] = Int64GetDatum(change->settled);
		values[6] = BoolGetDatum(change->close);
		if (SPI_execute_plan(lease_plan, values, NULL, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "SPI_execute_plan failed");
	}
}

/* ------------------------------------------------------------------------
 * The task
 * ------------------------------------------------------------------------ */

static void
run(void)
{
	if (run_context == NULL)
		run_context = AllocSetContextCreate(TopMemoryContext, "dsec journal",
											ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(run_context);
	entries = NULL;
	nentries = 0;
	nchanges = 0;

	/* requests that come from here on are for the next run */
	pg_atomic_write_u32(&dsec_ledger->allowance_wanted, 0);
	pg_memory_barrier();

	take_queue();
	plan_leases();
	write_blocks();
	write_leases();
}

/* Make one change visible.  Under the recipient's lock. */
static void
publish(const Change *change)
{
	DsecAccount *account = &dsec_ledger_accounts[change->account];
	DsecLease  *lease = &account->leases[change->lease];

	if (change->create)
	{
		memset(lease, 0, sizeof(DsecLease));
		lease->id = change->id;
		lease->day = change->day;
		lease->open = true;
	}
	lease->settled = change->settled;
	lease->granted = change->granted;
	if (change->close)
		lease->open = false;
	if (change->grant)
	{
		account->lease_size = change->lease_size;
		account->topup = false;
		if (lease->granted - lease->drawn >= account->wanted)
			account->wanted = 0;
		else
			pg_atomic_write_u32(&dsec_ledger->allowance_wanted, 1);
	}
}

static void
done(bool committed)
{
	if (!committed)
	{
		/* nobody's request is lost */
		pg_atomic_write_u32(&dsec_ledger->allowance_wanted, 1);
		return;
	}

	for (int i = 0; i < nchanges; i++)
	{
		LWLock	   *lock = dsec_ledger_lock(dsec_ledger_accounts[changes[i].account].recipient);

		LWLockAcquire(lock, LW_EXCLUSIVE);
		publish(&changes[i]);
		LWLockRelease(lock);
	}
	dsec_ledger_queue_free(settled_upto);
	queued_since = 0;
	MemoryContextReset(run_context);
}

static void
reset(void)
{
	if (block_plan != NULL)
		SPI_freeplan(block_plan);
	if (lease_plan != NULL)
		SPI_freeplan(lease_plan);
	block_plan = NULL;
	lease_plan = NULL;
	queued_since = 0;
	looked = 0;
}

static const DsecWorkerTask task = {
	.name = "settle charges and grant leases",
	.on_standby = false,
	.pending = pending,
	.run = run,
	.done = done,
	.reset = reset
};

void
dsec_ledger_journal_init(void)
{
	dsec_worker_add_task(&task);
}
