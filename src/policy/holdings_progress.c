/*-------------------------------------------------------------------------
 *
 * holdings_progress.c
 *	  How far a running dsec.refresh_holdings() is, for other sessions.
 *
 * One entry for each backend, written by that backend alone.  Every field is
 * written and read at once, but not all together: a reader may see the table
 * of one moment and the pages of the next.  No lock is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "policy/holdings.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/builtins.h"

typedef struct Progress
{
	pg_atomic_uint64 pid;		/* 0: nothing runs */
	pg_atomic_uint64 database;
	pg_atomic_uint64 run;
	pg_atomic_uint64 relation;
	pg_atomic_uint64 tables_done;
	pg_atomic_uint64 tables;
	pg_atomic_uint64 pages_done;
	pg_atomic_uint64 pages;
	pg_atomic_uint64 rows;
	pg_atomic_uint64 started;
} Progress;

static Progress *progress = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static Size
shared_size(void)
{
	return mul_size(sizeof(Progress), MaxBackends);
}

static void
request_shared(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
}

static void
start_shared(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	progress = ShmemInitStruct("dsec holdings", shared_size(), &found);
	for (int i = 0; !found && i < MaxBackends; i++)
	{
		pg_atomic_init_u64(&progress[i].pid, 0);
		pg_atomic_init_u64(&progress[i].database, 0);
		pg_atomic_init_u64(&progress[i].run, 0);
		pg_atomic_init_u64(&progress[i].relation, 0);
		pg_atomic_init_u64(&progress[i].tables_done, 0);
		pg_atomic_init_u64(&progress[i].tables, 0);
		pg_atomic_init_u64(&progress[i].pages_done, 0);
		pg_atomic_init_u64(&progress[i].pages, 0);
		pg_atomic_init_u64(&progress[i].rows, 0);
		pg_atomic_init_u64(&progress[i].started, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
dsec_policy_init_holdings(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared;
}

static Progress *
mine(void)
{
	return &progress[DSEC_PROC_NUMBER(MyProc)];
}

void
dsec_holdings_progress_start(int64 run, int tables)
{
	Progress   *entry = mine();

	pg_atomic_write_u64(&entry->database, MyDatabaseId);
	pg_atomic_write_u64(&entry->run, (uint64) run);
	pg_atomic_write_u64(&entry->tables, tables);
	pg_atomic_write_u64(&entry->rows, 0);
	pg_atomic_write_u64(&entry->started, (uint64) GetCurrentTimestamp());
	dsec_holdings_progress_table(InvalidOid, 0, 0);
	pg_write_barrier();
	pg_atomic_write_u64(&entry->pid, MyProcPid);
}

void
dsec_holdings_progress_table(Oid relid, int done, int64 pages)
{
	Progress   *entry = mine();

	pg_atomic_write_u64(&entry->relation, relid);
	pg_atomic_write_u64(&entry->tables_done, done);
	pg_atomic_write_u64(&entry->pages_done, 0);
	pg_atomic_write_u64(&entry->pages, (uint64) pages);
	pg_atomic_write_u64(&entry->rows, 0);
}

void
dsec_holdings_progress_pages(int64 pages, int64 rows)
{
	Progress   *entry = mine();

	pg_atomic_write_u64(&entry->pages_done, (uint64) pages);
	pg_atomic_write_u64(&entry->rows, (uint64) rows);
}

void
dsec_holdings_progress_end(void)
{
	pg_atomic_write_u64(&mine()->pid, 0);
}

enum
{
	PROGRESS_PID, PROGRESS_RUN, PROGRESS_RELATION, PROGRESS_TABLES_DONE,
	PROGRESS_TABLES, PROGRESS_PAGES_DONE, PROGRESS_PAGES, PROGRESS_ROWS,
	PROGRESS_STARTED,
	PROGRESS_COLUMNS
};

PG_FUNCTION_INFO_V1(dsec_holdings_progress_rows);

/* What runs in this database. */
Datum
dsec_holdings_progress_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; progress && i < MaxBackends; i++)
	{
		Progress   *entry = &progress[i];
		uint64		pid = pg_atomic_read_u64(&entry->pid);
		Oid			relation;
		Datum		values[PROGRESS_COLUMNS];
		bool		nulls[PROGRESS_COLUMNS] = {false};

		pg_read_barrier();
		if (pid == 0 || pg_atomic_read_u64(&entry->database) != MyDatabaseId)
			continue;
		relation = (Oid) pg_atomic_read_u64(&entry->relation);
		values[PROGRESS_PID] = Int32GetDatum((int32) pid);
		values[PROGRESS_RUN] = Int64GetDatum((int64) pg_atomic_read_u64(&entry->run));
		values[PROGRESS_RELATION] = ObjectIdGetDatum(relation);
		nulls[PROGRESS_RELATION] = !OidIsValid(relation);
		values[PROGRESS_TABLES_DONE] = Int32GetDatum((int32) pg_atomic_read_u64(&entry->tables_done));
		values[PROGRESS_TABLES] = Int32GetDatum((int32) pg_atomic_read_u64(&entry->tables));
		values[PROGRESS_PAGES_DONE] = Int64GetDatum((int64) pg_atomic_read_u64(&entry->pages_done));
		values[PROGRESS_PAGES] = Int64GetDatum((int64) pg_atomic_read_u64(&entry->pages));
		values[PROGRESS_ROWS] = Int64GetDatum((int64) pg_atomic_read_u64(&entry->rows));
		values[PROGRESS_STARTED] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&entry->started));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
