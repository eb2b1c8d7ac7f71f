/*-------------------------------------------------------------------------
 *
 * open.c
 *	  The worker's task that opens the ledger.
 *
 * Before anything can be charged: the key is there and is the ledger's own,
 * and leases that a crashed run left open are closed, their unspent part
 * unattributed.  Done when the server starts or is promoted, when the
 * extension is created, and when rows come from elsewhere (pg_restore, an
 * officer's resolution).  Then every recipient is loaded anew; loading merges, so nothing in
 * shared memory is lost.
 *
 * Sessions see "opened" only together with the number of rechecks it stands
 * for, so that a session never goes on with what was true before a CREATE
 * EXTENSION that it can see.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "ledger/internal.h"
#include "ledger/worker.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define RETRY_PAUSE 1000		/* ms, while there is a problem */
#define STANDBY_INTERVAL 60000	/* ms between looks at a standby's key */

static TimestampTz retry = 0;
static TimestampTz next_check = 0;	/* on a standby */

/* found by run, published by done */
static uint32 rechecks;
static uint8 key[DSEC_KEY_BYTES];
static bool key_known;
static pg_uuid_t ledger_id;
static char problem[512];
static int64 unattributed;

static bool
pending(void)
{
	TimestampTz now;

	if (pg_atomic_read_u32(&dsec_ledger->opened) &&
		pg_atomic_read_u32(&dsec_ledger->opened_at) == dsec_worker_rechecks())
		return false;
	if (retry != 0)
	{
		now = GetCurrentTimestamp();
		if (now < retry)
		{
			dsec_worker_nap(TimestampDifferenceMilliseconds(now, retry));
			return false;
		}
	}
	return true;
}

/*
 * Find the ledger's row and key; make both for a new ledger.  The oldest row
 * counts: a restore brings the row of the ledger it came from, which is older
 * than the one that CREATE EXTENSION led to.
 */
static void
find_key(void)
{
	char	   *text = NULL;
	bool		exists;
	bool		isnull;
	uint8		check[DSEC_KEY_CHECK_BYTES];
	bool		readable = dsec_ledger_key_read(key, &exists, &text);

	key_known = false;
	if (SPI_execute("SELECT id, key_check FROM dsec.ledger_info"
					" ORDER BY created, id LIMIT 1", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed");

	if (SPI_processed == 0 && RecoveryInProgress())
		return;
	if (SPI_processed == 0)
	{
		Oid			types[2] = {UUIDOID, BYTEAOID};
		Datum		values[2];
		bytea	   *stored = palloc(VARHDRSZ + DSEC_KEY_CHECK_BYTES);

		if (!exists)
			readable = dsec_ledger_key_create(key, &text);
		if (!readable)
		{
			strlcpy(problem, text, sizeof(problem));
			return;
		}
		if (!pg_strong_random(ledger_id.data, UUID_LEN))
			elog(ERROR, "could not generate random bytes");
		dsec_ledger_key_check(key, &ledger_id, check);
		SET_VARSIZE(stored, VARHDRSZ + DSEC_KEY_CHECK_BYTES);
		memcpy(VARDATA(stored), check, DSEC_KEY_CHECK_BYTES);
		values[0] = UUIDPGetDatum(&ledger_id);
		values[1] = PointerGetDatum(stored);
		if (SPI_execute_with_args("INSERT INTO dsec.ledger_info (id, key_check)"
								  " VALUES ($1, $2)",
								  2, types, values, NULL, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "SPI_execute_with_args failed");
	}
	else
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bytea	   *stored;

		if (!readable)
		{
			strlcpy(problem, text, sizeof(problem));
			return;
		}
		ledger_id = *DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull));
		stored = DatumGetByteaPP(SPI_getbinval(row, desc, 2, &isnull));
		dsec_ledger_key_check(key, &ledger_id, check);
		if (VARSIZE_ANY_EXHDR(stored) != DSEC_KEY_CHECK_BYTES ||
			memcmp(VARDATA_ANY(stored), check, DSEC_KEY_CHECK_BYTES) != 0)
		{
			strlcpy(problem,
					"The key file holds a key that is not this ledger's. Put back the key file that belongs to it, from a backup or from the server the ledger came from.",
					sizeof(problem));
			return;
		}
	}
	key_known = true;
}

/* Close the leases of runs that have ended without doing it. */
static void
close_leases(void)
{
	uint32		naccounts = pg_atomic_read_u32(&dsec_ledger->naccounts);
	Datum	   *ids = palloc((naccounts * DSEC_LEDGER_LEASES + 1) * sizeof(Datum));
	int			nids = 0;
	Oid			types[1] = {UUIDARRAYOID};
	Datum		values[1];
	bool		isnull;

	/* those of this run; only the worker opens and closes them */
	for (uint32 i = 0; i < naccounts; i++)
		for (int j = 0; j < DSEC_LEDGER_LEASES; j++)
			if (dsec_ledger_accounts[i].leases[j].open)
				ids[nids++] = UUIDPGetDatum(&dsec_ledger_accounts[i].leases[j].id);

	values[0] = PointerGetDatum(construct_array(ids, nids, UUIDOID, UUID_LEN,
												false, TYPALIGN_CHAR));
	if (SPI_execute_with_args("WITH closing AS ("
							  " UPDATE dsec.lease"
							  " SET closed = pg_catalog.now(),"
							  "     unattributed = GREATEST(granted - settled, 0)"
							  " WHERE closed IS NULL"
							  "   AND id OPERATOR(pg_catalog.<>) ALL ($1)"
							  " RETURNING unattributed)"
							  " SELECT coalesce(sum(unattributed), 0)::int8 FROM closing",
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	unattributed = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											   SPI_tuptable->tupdesc, 1, &isnull));
}

static void
run(void)
{
	pg_atomic_write_u32(&dsec_ledger->opened, 0);
	rechecks = dsec_worker_rechecks();
	problem[0] = '\0';
	unattributed = 0;
	find_key();
	if (problem[0] == '\0')
		close_leases();
}

static void
done(bool committed)
{
	if (!committed)
		return;
	if (problem[0] != '\0')
	{
		retry = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_PAUSE);
		dsec_worker_set_problem(problem);
		return;
	}
	retry = 0;
	if (unattributed > 0)
		ereport(LOG,
				(errmsg("a run of the server that crashed leaves " INT64_FORMAT " charges unattributed in the dsec ledger",
						unattributed),
				 errdetail("They count against their recipients until an officer resolves them."),
				 errhint("See dsec.lease, and dsec.resolve_unattributed().")));

	dsec_ledger_advance();
	dsec_ledger_lock_all();
	memcpy(dsec_ledger->key, key, DSEC_KEY_BYTES);
	dsec_ledger->node = ledger_id;
	for (int i = 0; i < dsec_ledger->max_recipients; i++)
		if (pg_atomic_read_u32(&dsec_ledger_recipients[i].state) == DSEC_RECIPIENT_LOADED)
			pg_atomic_write_u32(&dsec_ledger_recipients[i].state,
								DSEC_RECIPIENT_UNLOADED);
	pg_atomic_write_u32(&dsec_ledger->opened_at, rechecks);
	pg_atomic_write_u32(&dsec_ledger->opened, 1);
	dsec_ledger_unlock_all();
	dsec_worker_set_problem(NULL);
}

/* The tables have gone; numbers of sets, accounts and recipients stay. */
static void
reset(void)
{
	uint32		n;

	dsec_ledger_lock_all();
	pg_atomic_write_u32(&dsec_ledger->opened, 0);
	dsec_ledger_table_clear();
	dsec_ledger_queue_clear();
	n = pg_atomic_read_u32(&dsec_ledger->nsets);
	for (uint32 i = 0; i < n; i++)
		memset(dsec_ledger_sets[i].counts, 0, sizeof(dsec_ledger_sets[i].counts));
	n = pg_atomic_read_u32(&dsec_ledger->naccounts);
	for (uint32 i = 0; i < n; i++)
	{
		DsecAccount *account = &dsec_ledger_accounts[i];

		account->wanted = 0;
		account->topup = false;
		account->nunattributed = 0;
		memset(account->leases, 0, sizeof(account->leases));
	}
	for (int i = 0; i < dsec_ledger->max_recipients; i++)
		pg_atomic_write_u32(&dsec_ledger_recipients[i].state,
							DSEC_RECIPIENT_UNLOADED);
	dsec_ledger->nwindows = 0;
	dsec_ledger->windows_known = false;
	dsec_ledger_unlock_all();
	retry = 0;
}

static const DsecWorkerTask task = {
	.name = "open the ledger",
	.on_standby = false,
	.pending = pending,
	.run = run,
	.done = done,
	.reset = reset
};

/* ------------------------------------------------------------------------
 * On a standby: will it have its key when it is promoted?  A key that is made
 * after the base backup does not come with the WAL.  With the key a standby can
 * make sets of subjects, which charge nobody.
 * ------------------------------------------------------------------------ */

static bool
standby_pending(void)
{
	TimestampTz now;

	if (!RecoveryInProgress())
		return false;
	now = GetCurrentTimestamp();
	if (now >= next_check)
		return true;
	dsec_worker_nap(TimestampDifferenceMilliseconds(now, next_check));
	return false;
}

static void
standby_run(void)
{
	problem[0] = '\0';
	find_key();
}

static void
standby_done(bool committed)
{
	if (!committed)
		return;
	next_check = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STANDBY_INTERVAL);
	if (key_known)
	{
		dsec_ledger_lock_all();
		memcpy(dsec_ledger->key, key, DSEC_KEY_BYTES);
		dsec_ledger_unlock_all();
	}
	pg_atomic_write_u32(&dsec_ledger->standby_key, key_known ? 1 : 0);
	dsec_worker_set_problem(problem[0] != '\0' ? problem : NULL);
}

static const DsecWorkerTask standby_task = {
	.name = "check the key on a standby",
	.on_standby = true,
	.pending = standby_pending,
	.run = standby_run,
	.done = standby_done
};

void
dsec_ledger_open_init(void)
{
	dsec_worker_add_task(&task);
	dsec_worker_add_task(&standby_task);
}
