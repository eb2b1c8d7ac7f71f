/*-------------------------------------------------------------------------
 *
 * load.c
 *	  The worker's task that brings a recipient's ledger into shared memory.
 *
 * A recipient is loaded when somebody first asks for it, from the first day
 * of the widest window on.  Until it is LOADED nothing can be charged to it, so
 * the recipient's lock is taken for one block at a time.  A charge that is
 * there already keeps the later day: loading can be repeated at any time, and
 * a load that failed half-way does no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "ledger/internal.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

#define FETCH_BLOCKS 64

/* found by run, published by done */
static int	loading;
static DateADT loading_from;
static bool too_big;

static int
next_wanted(void)
{
	for (int i = 0; i < dsec_ledger->max_recipients; i++)
		if (pg_atomic_read_u32(&dsec_ledger_recipients[i].state) == DSEC_RECIPIENT_WANTED)
			return i;
	return -1;
}

static bool
pending(void)
{
	if (!dsec_ledger_usable() ||
		pg_atomic_read_u32(&dsec_ledger->load_wanted) == 0)
		return false;
	if (next_wanted() >= 0)
		return true;
	/* a request sets the state first, and load_wanted after it */
	pg_atomic_write_u32(&dsec_ledger->load_wanted, 0);
	pg_memory_barrier();
	return next_wanted() >= 0;
}

/* Enter one block.  False when shared memory is full. */
static bool
enter_block(const DsecSetKey *key, DateADT day, const bytea *hashes)
{
	LWLock	   *lock = dsec_ledger_lock(key->recipient);
	const char *data = VARDATA_ANY(hashes);
	int			n = (int) (VARSIZE_ANY_EXHDR(hashes) / sizeof(uint64));
	int			number;
	bool		room = true;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	number = dsec_ledger_find_set(key, true);
	room = number >= 0;
	for (int i = 0; i < n && room; i++)
	{
		DsecSet    *set = &dsec_ledger_sets[number];
		uint64		subject;
		DateADT		old;

		memcpy(&subject, data + i * sizeof(uint64), sizeof(uint64));
		subject = pg_ntoh64(subject);
		room = dsec_ledger_table_room(number, subject, 0, false);
		if (!room || day < dsec_ledger->cutoff)
			break;
		old = dsec_ledger_table_put(number, subject, day);
		for (int w = 0; w < dsec_ledger->nwindows; w++)
			if (day >= dsec_ledger->starts[w] && old < dsec_ledger->starts[w])
				set->counts[w]++;
	}
	LWLockRelease(lock);
	return room;
}

static void
copy_name(char *to, HeapTuple row, TupleDesc desc, int column)
{
	char	   *value = SPI_getvalue(row, desc, column);

	memset(to, 0, NAMEDATALEN);
	strlcpy(to, value ? value : "", NAMEDATALEN);
	if (value)
		pfree(value);
}

static void
load_blocks(int32 recipient)
{
	Oid			types[2] = {INT4OID, DATEOID};
	Datum		values[2] = {Int32GetDatum(recipient), DateADTGetDatum(loading_from)};
	Portal		portal;

	portal = SPI_cursor_open_with_args(NULL,
									   "SELECT category, space, outside, day, hashes"
									   " FROM dsec.ledger_block"
									   " WHERE recipient = $1 AND day >= $2",
									   2, types, values, NULL, true, 0);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_BLOCKS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed && !too_big; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			DsecSetKey	key;
			Datum		value;
			bytea	   *hashes;
			bool		isnull;
			DateADT		day;

			memset(&key, 0, sizeof(key));
			key.recipient = recipient;
			copy_name(key.category, row, desc, 1);
			copy_name(key.space, row, desc, 2);
			copy_name(key.outside, row, desc, 3);
			day = DatumGetDateADT(SPI_getbinval(row, desc, 4, &isnull));
			value = SPI_getbinval(row, desc, 5, &isnull);
			hashes = DatumGetByteaPP(value);
			too_big = !enter_block(&key, day, hashes);
			if ((Pointer) hashes != DatumGetPointer(value))
				pfree(hashes);
		}
		SPI_freetuptable(SPI_tuptable);
		if (too_big)
			break;
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
}

/*
 * Unattributed charges, by category and day.  More days than an account has
 * room for: the oldest count as if they were of a later day.
 */
static void
load_unattributed(int32 recipient)
{
	LWLock	   *lock = dsec_ledger_lock(recipient);
	Oid			types[2] = {INT4OID, DATEOID};
	Datum		values[2] = {Int32GetDatum(recipient), DateADTGetDatum(loading_from)};
	uint32		naccounts;

	if (SPI_execute_with_args("SELECT category, day, sum(unattributed)::int8"
							  " FROM dsec.lease"
							  " WHERE recipient = $1 AND day >= $2"
							  "   AND unattributed > 0 AND resolved IS NULL"
							  " GROUP BY category, day ORDER BY category, day DESC",
							  2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");

	LWLockAcquire(lock, LW_EXCLUSIVE);
	naccounts = pg_atomic_read_u32(&dsec_ledger->naccounts);
	for (uint32 i = 0; i < naccounts; i++)
		if (dsec_ledger_accounts[i].recipient == recipient)
			dsec_ledger_accounts[i].nunattributed = 0;

	for (uint64 i = 0; i < SPI_processed && !too_big; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char		category[NAMEDATALEN];
		bool		isnull;
		DateADT		day = DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull));
		int64		amount = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		int			number;
		DsecAccount *account;

		copy_name(category, row, desc, 1);
		number = dsec_ledger_find_account(recipient, category, true);
		too_big = number < 0;
		if (too_big)
			break;
		account = &dsec_ledger_accounts[number];
		if (account->nunattributed < DSEC_LEDGER_UNATTRIBUTED)
		{
			account->unattributed[account->nunattributed].day = day;
			account->unattributed[account->nunattributed].amount = amount;
			account->nunattributed++;
		}
		else
			account->unattributed[DSEC_LEDGER_UNATTRIBUTED - 1].amount += amount;
	}
	LWLockRelease(lock);
}

static void
run(void)
{
	int32		recipient;

	too_big = false;
	loading = next_wanted();
	if (loading < 0)
		return;
	recipient = dsec_ledger_recipients[loading].recipient;
	dsec_ledger_advance();
	loading_from = dsec_ledger->cutoff;
	load_blocks(recipient);
	load_unattributed(recipient);
}

static void
done(bool committed)
{
	DsecRecipientEntry *entry;
	LWLock	   *lock;

	if (!committed || loading < 0)
		return;
	entry = &dsec_ledger_recipients[loading];
	lock = dsec_ledger_lock(entry->recipient);
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (too_big)
		pg_atomic_write_u32(&entry->state, DSEC_RECIPIENT_TOO_BIG);
	else if (loading_from <= dsec_ledger->cutoff)
	{
		entry->loaded_from = dsec_ledger->cutoff;
		pg_atomic_write_u32(&entry->state, DSEC_RECIPIENT_LOADED);
	}
	/* else the windows have become wider meanwhile: once more */
	LWLockRelease(lock);
}

static const DsecWorkerTask task = {
	.name = "load a recipient's ledger",
	.on_standby = false,
	.pending = pending,
	.run = run,
	.done = done
};

void
dsec_ledger_load_init(void)
{
	dsec_worker_add_task(&task);
}
