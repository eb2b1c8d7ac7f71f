/*-------------------------------------------------------------------------
 *
 * compact.c
 *	  The worker's task that merges small blocks.
 *
 * Settlement writes what has come together within milliseconds, which for a
 * busy day of single rows is one small block after the other.  Once the day is
 * over nothing is added to it, and its small blocks of one set are merged.
 * One run merges one set and day, in one transaction; what a reader finds is
 * the same set before and after.
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

#define MAX_BLOCKS 10000		/* merged in one run */

/*
 * The day before which everything is compact; the worker begins with none.  A
 * full look costs little: the partial index has the small blocks only.
 */
static DateADT compact_before = DSEC_NEVER;

/* found by run, published by done */
static DateADT running_today;
static bool finished;

static bool
pending(void)
{
	return dsec_ledger_usable() && !dsec_worker_stopping() &&
		compact_before < dsec_ledger_current_day();
}

static int
compare_subjects(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* The hashes of all rows that were returned, sorted, each once. */
static uint64 *
collect(uint64 *count)
{
	uint64		total = 0;
	uint64		n = 0;
	uint64	   *subjects;
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		total += DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
											 SPI_tuptable->tupdesc, 1, &isnull));
	subjects = palloc_extended(Max(total, 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bytea	   *hashes = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i],
														   SPI_tuptable->tupdesc, 2, &isnull));
		uint64		size = VARSIZE_ANY_EXHDR(hashes) / sizeof(uint64);

		for (uint64 j = 0; j < size && n < total; j++)
		{
			uint64		wire;

			memcpy(&wire, VARDATA_ANY(hashes) + j * sizeof(uint64), sizeof(wire));
			subjects[n++] = pg_ntoh64(wire);
		}
	}

	qsort(subjects, n, sizeof(uint64), compare_subjects);
	*count = 0;
	for (uint64 i = 0; i < n; i++)
		if (i == 0 || subjects[i] != subjects[i - 1])
			subjects[(*count)++] = subjects[i];
	return subjects;
}

static void
run(void)
{
	Oid			types[8] = {UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, DATEOID, INT4OID, BYTEAOID};
	Datum		values[8];
	uint64	   *subjects;
	uint64		n;
	bool		isnull;

	running_today = dsec_ledger_current_day();
	values[0] = DateADTGetDatum(running_today);
	if (SPI_execute_with_args("SELECT node, recipient, space, category, outside, day"
							  " FROM dsec.ledger_block"
							  " WHERE n < " CppAsString2(DSEC_SMALL_BLOCK) " AND day < $1"
							  " GROUP BY 1, 2, 3, 4, 5, 6"
							  " HAVING count(*) > 1 LIMIT 1",
							  1, &types[5], values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	finished = SPI_processed == 0;
	if (finished)
		return;
	for (int i = 0; i < 6; i++)
		values[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								  i + 1, &isnull);

	if (SPI_execute_with_args("WITH merged AS ("
							  " DELETE FROM dsec.ledger_block"
							  " WHERE ctid = ANY (ARRAY("
							  "  SELECT ctid FROM dsec.ledger_block"
							  "  WHERE n < " CppAsString2(DSEC_SMALL_BLOCK)
							  "    AND node = $1 AND recipient = $2 AND space = $3"
							  "    AND category = $4 AND outside = $5 AND day = $6"
							  "  LIMIT " CppAsString2(MAX_BLOCKS) "))"
							  " RETURNING n, hashes)"
							  " SELECT n, hashes FROM merged",
							  6, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	subjects = collect(&n);

	for (uint64 first = 0; first < n; first += DSEC_BLOCK_SUBJECTS)
	{
		int			size = (int) Min(n - first, DSEC_BLOCK_SUBJECTS);
		bytea	   *hashes = palloc(VARHDRSZ + size * sizeof(uint64));

		SET_VARSIZE(hashes, VARHDRSZ + size * sizeof(uint64));
		for (int i = 0; i < size; i++)
		{
			uint64		wire = pg_hton64(subjects[first + i]);

			memcpy(VARDATA(hashes) + i * sizeof(uint64), &wire, sizeof(wire));
		}
		values[6] = Int32GetDatum(size);
		values[7] = PointerGetDatum(hashes);
		if (SPI_execute_with_args("INSERT INTO dsec.ledger_block"
								  " (node, recipient, space, category, outside, day, n, hashes)"
								  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
								  8, types, values, NULL, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "SPI_execute_with_args failed");
	}
}

static void
done(bool committed)
{
	if (committed && finished)
		compact_before = running_today;
}

static void
reset(void)
{
	compact_before = DSEC_NEVER;
}

static const DsecWorkerTask task = {
	.name = "merge small blocks",
	.on_standby = false,
	.pending = pending,
	.run = run,
	.done = done,
	.reset = reset
};

void
dsec_ledger_compact_init(void)
{
	dsec_worker_add_task(&task);
}
