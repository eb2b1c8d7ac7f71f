/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The one background worker of a cluster.
 *
 * The worker runs tasks that modules register in the postmaster.  It knows
 * nothing of what they do: it keeps the connection to the ledger database,
 * finds out whether the extension is there, gives each task a transaction of
 * its own, and turns every error into a retry.
 *
 * Shared memory: the latch pointer is protected by a spinlock, the texts by
 * the LWLock "dsec worker", the rest is atomic or written by the worker alone.
 * All of it survives the death of the worker by ERROR or FATAL; a SIGKILL makes
 * the postmaster start everything anew.
 *
 * A task's transaction holds an AccessShareLock on the extension, so that DROP
 * EXTENSION and a task wait for each other in one place; DROP waits as long as
 * one task runs, the worker as long as lock_timeout.
 *
 * The worker always ends with exit code 1, because the postmaster does not
 * restart a worker that ends with 0.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "compat.h"
#include "executor/spi.h"
#include "guc.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/sinval.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pidfile.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define MAX_TASKS 16
#define TEXT_SIZE 512
#define PID_FILE "postmaster.pid"	/* relative to the data directory */

/* milliseconds */
#define RESTART_SECONDS 1
#define RECONNECT_PAUSE 10000	/* after a connection that failed */
#define LOOK_READY 5000			/* how often to see whether the extension is
								 * still there */
#define LOOK_MISSING 2000
#define LOOK_STANDBY 1000
#define RETRY_PAUSE 500			/* after a task that failed */
#define TASK_TIMEOUT 120000
#define CLIENTS_TIMEOUT 5000	/* at shutdown: for the last sessions */
#define STOP_TIMEOUT 10000		/* at shutdown: for the tasks */
#define STOP_NAP 20

typedef struct WorkerShared
{
	LWLock	   *lock;			/* for the two texts */
	slock_t		mutex;			/* for latch */
	Latch	   *latch;			/* NULL: no worker */
	ConditionVariable progress;
	pg_atomic_uint32 state;		/* DsecWorkerState */
	pg_atomic_uint32 rechecks;	/* wanted so far */
	pg_atomic_uint32 rechecked; /* of these, done */
	Oid			extension;		/* as last seen; the worker's own */
	bool		connecting;		/* a connection was tried and did not succeed */
	char		problem[TEXT_SIZE]; /* set by a task: state is FAILED */
	char		trouble[TEXT_SIZE]; /* the last task that failed, and why */
} WorkerShared;

typedef struct TaskState
{
	TimestampTz retry;			/* not before; 0: any time */
	char		error[TEXT_SIZE];	/* last error logged, "" after a success */
} TaskState;

PGDLLEXPORT void dsec_worker_main(Datum arg);

/* filled in the postmaster, inherited by the worker */
static DsecWorkerTask tasks[MAX_TASKS];
static int	ntasks = 0;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
static object_access_hook_type prev_object_access_hook = NULL;
static WorkerShared *shared = NULL;

/* in the worker */
static TaskState task_states[MAX_TASKS];
static int	running = -1;		/* task whose run or pending is active */
static bool is_worker = false;
static bool in_run = false;
static bool stopping = false;
static TimestampTz stop_since = 0;	/* SIGTERM was seen then; 0: not yet */
static long nap;
static TimestampTz looked = 0;
static MemoryContext worker_context;

/* in a session */
static bool recheck_wanted = false;

/* ------------------------------------------------------------------------
 * What sessions use
 * ------------------------------------------------------------------------ */

void
dsec_worker_wake(void)
{
	Latch	   *latch;

	if (shared == NULL)
		return;
	SpinLockAcquire(&shared->mutex);
	latch = shared->latch;
	SpinLockRelease(&shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

ConditionVariable *
dsec_worker_progress(void)
{
	return &shared->progress;
}

uint32
dsec_worker_rechecks(void)
{
	return pg_atomic_read_u32(&shared->rechecks);
}

DsecWorkerState
dsec_worker_state(char **problem)
{
	DsecWorkerState state;
	char		text[TEXT_SIZE];

	if (shared == NULL)
	{
		if (problem)
			*problem = pstrdup("dsec is not in shared_preload_libraries.");
		return DSEC_WORKER_ABSENT;
	}

	/* what the worker has not looked at yet is not known */
	state = (DsecWorkerState) pg_atomic_read_u32(&shared->state);
	if ((state == DSEC_WORKER_NO_LEDGER &&
		 pg_atomic_read_u32(&shared->rechecked) != pg_atomic_read_u32(&shared->rechecks)) ||
		(state == DSEC_WORKER_STANDBY && !RecoveryInProgress()))
		state = DSEC_WORKER_ABSENT;
	if (problem == NULL)
		return state;

	*problem = NULL;
	switch (state)
	{
		case DSEC_WORKER_ABSENT:
			*problem = psprintf("The background worker of dsec is not running, or has not looked at database \"%s\" yet.",
								dsec_guc_ledger_database);
			break;
		case DSEC_WORKER_NO_LEDGER:
			*problem = psprintf("Database \"%s\", which dsec.ledger_database names, does not have the extension dsec.",
								dsec_guc_ledger_database);
			break;
		case DSEC_WORKER_STANDBY:
			LWLockAcquire(shared->lock, LW_SHARED);
			strlcpy(text, shared->problem, TEXT_SIZE);
			LWLockRelease(shared->lock);
			*problem = psprintf("The server is a standby, where the ledger cannot be written.%s%s",
								text[0] != '\0' ? " After a promotion it could not be written either: " : "",
								text);
			break;
		case DSEC_WORKER_FAILED:
		case DSEC_WORKER_READY:
			LWLockAcquire(shared->lock, LW_SHARED);
			strlcpy(text, state == DSEC_WORKER_FAILED ?
					shared->problem : shared->trouble, TEXT_SIZE);
			LWLockRelease(shared->lock);
			if (text[0] != '\0')
				*problem = pstrdup(text);
			break;
	}
	return state;
}

bool
dsec_worker_wait(bool (*condition) (void *arg), void *arg)
{
	static uint32 wait_event = 0;
	TimestampTz deadline;
	bool		met;

	if (condition(arg))
		return true;
	if (wait_event == 0)
		wait_event = DSEC_WAIT_EVENT("DsecLedger");
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   dsec_guc_ledger_timeout);

	ConditionVariablePrepareToSleep(&shared->progress);
	for (;;)
	{
		long		left;

		/* on the list of waiters first, then the test: nothing is missed */
		met = condition(arg);
		if (met)
			break;
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (left <= 0)
			break;
		dsec_worker_wake();
		(void) ConditionVariableTimedSleep(&shared->progress, left, wait_event);
	}
	ConditionVariableCancelSleep();
	return met;
}

static void
recheck_xact_callback(XactEvent event, void *arg)
{
	if (!recheck_wanted)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			/* it could be committed where nobody knows of the change */
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction that has changed the ledger of dsec, or created or dropped the extension"),
					 errhint("Change them in a transaction of its own.")));
			break;
		case XACT_EVENT_COMMIT:
			recheck_wanted = false;
			pg_atomic_fetch_add_u32(&shared->rechecks, 1);
			dsec_worker_wake();
			break;
		case XACT_EVENT_ABORT:
			recheck_wanted = false;
			break;
		default:
			break;
	}
}

void
dsec_worker_recheck_at_commit(void)
{
	static bool registered = false;

	const char *database;

	if (shared == NULL)
		return;
	database = get_database_name(MyDatabaseId);
	if (database == NULL || strcmp(database, dsec_guc_ledger_database) != 0)
		return;
	if (!registered)
	{
		RegisterXactCallback(recheck_xact_callback, NULL);
		registered = true;
	}
	recheck_wanted = true;
}

/* DROP EXTENSION, however it comes about: the worker must look again. */
static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (prev_object_access_hook)
		prev_object_access_hook(access, classId, objectId, subId, arg);
	if (access == OAT_DROP && classId == ExtensionRelationId &&
		objectId == get_extension_oid("dsec", true))
		dsec_worker_recheck_at_commit();
}

/* ------------------------------------------------------------------------
 * What tasks use
 * ------------------------------------------------------------------------ */

void
dsec_worker_add_task(const DsecWorkerTask *task)
{
	if (ntasks >= MAX_TASKS)
		elog(ERROR, "too many dsec worker tasks");
	tasks[ntasks++] = *task;
}

void
dsec_worker_nap(long milliseconds)
{
	nap = Min(nap, Max(milliseconds, 1));
}

bool
dsec_worker_is_self(void)
{
	return is_worker;
}

bool
dsec_worker_stopping(void)
{
	return stopping;
}

static void
set_text(char *text, const char *value)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(text, value ? value : "", TEXT_SIZE);
	LWLockRelease(shared->lock);
}

/* State READY or FAILED; only when the extension is there. */
static void
set_ready_state(void)
{
	DsecWorkerState state;

	if (!OidIsValid(shared->extension))
		state = DSEC_WORKER_NO_LEDGER;
	else if (RecoveryInProgress())
		state = DSEC_WORKER_STANDBY;
	else if (shared->problem[0] != '\0')
		state = DSEC_WORKER_FAILED;
	else
		state = DSEC_WORKER_READY;

	if (pg_atomic_exchange_u32(&shared->state, state) != state)
		ConditionVariableBroadcast(&shared->progress);
}

void
dsec_worker_set_problem(const char *sentence)
{
	if (sentence != NULL && strcmp(shared->problem, sentence) != 0)
		ereport(LOG,
				(errmsg("dsec cannot use its ledger"),
				 errdetail_internal("%s", sentence)));
	set_text(shared->problem, sentence);
	set_ready_state();
}

/* ------------------------------------------------------------------------
 * The worker itself
 * ------------------------------------------------------------------------ */

/*
 * SIGTERM.  The current statement is cancelled, and with it a wait for a
 * synchronous standby, so that the loop sees the request soon.
 */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

static void
leave(int code, Datum arg)
{
	SpinLockAcquire(&shared->mutex);
	shared->latch = NULL;
	SpinLockRelease(&shared->mutex);
	pg_atomic_write_u32(&shared->state, DSEC_WORKER_ABSENT);
	ConditionVariableBroadcast(&shared->progress);
}

/* Commits must reach the disk, whatever the configuration says. */
static void
force_durability(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		SetConfigOption("synchronous_commit", "on",
						PGC_USERSET, PGC_S_OVERRIDE);
}

static void
apply_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"session_replication_role", "origin"},
		{"statement_timeout", "0"},
		{"lock_timeout", "1s"},
		{"idle_in_transaction_session_timeout", "0"},
		{"max_parallel_workers_per_gather", "0"},
		{"jit", "off"}
	};

	for (size_t i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1],
						PGC_SUSET, PGC_S_OVERRIDE);
	/* has come with 17 */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	force_durability();
}

/* Is the whole server going down, or only this process? */
static bool
server_stopping(void)
{
	FILE	   *file = AllocateFile(PID_FILE, "r");
	char		line[MAXPGPATH];
	bool		result = false;

	if (file == NULL)
		return false;
	for (int i = 1; fgets(line, sizeof(line), file) != NULL; i++)
	{
		if (i == LOCK_FILE_LINE_PM_STATUS)
		{
			result = strncmp(line, PM_STATUS_STOPPING,
							 strlen(PM_STATUS_STOPPING)) == 0;
			break;
		}
	}
	FreeFile(file);
	return result;
}

static bool
client_sessions(void)
{
	int			n;
	bool		found = false;

	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= n && !found; i++)
		found = DSEC_LOCAL_BEENTRY(i)->backendStatus.st_backendType == B_BACKEND;
	pgstat_clear_backend_activity_snapshot();
	return found;
}

static void
reset_tasks(void)
{
	for (int i = 0; i < ntasks; i++)
		if (tasks[i].reset)
			tasks[i].reset();
	set_text(shared->problem, NULL);
	set_text(shared->trouble, NULL);
}

/*
 * The extension's OID, from the catalog itself.  Who creates or drops it wakes
 * us when its transaction has committed, but before it tells the caches, which
 * get_extension_oid() asks since 18.
 */
static Oid
find_extension(void)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("dsec"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return result;
}

/* Note what extension the ledger database has now. */
static void
note_extension(Oid extension)
{
	if (shared->extension != extension)
	{
		/* first the state, so that no session takes what is being forgotten */
		pg_atomic_write_u32(&shared->state, DSEC_WORKER_NO_LEDGER);
		if (OidIsValid(shared->extension))
			reset_tasks();
		shared->extension = extension;
	}
	set_ready_state();
}

/* See whether the extension is there, when it is time to. */
static void
look(void)
{
	TimestampTz now = GetCurrentTimestamp();
	uint32		rechecks = pg_atomic_read_u32(&shared->rechecks);
	long		interval;
	Oid			extension;

	if (!OidIsValid(shared->extension))
		interval = LOOK_MISSING;
	else if (pg_atomic_read_u32(&shared->state) == DSEC_WORKER_STANDBY)
		interval = LOOK_STANDBY;
	else
		interval = LOOK_READY;

	if (looked != 0 && rechecks == pg_atomic_read_u32(&shared->rechecked) &&
		!TimestampDifferenceExceeds(looked, now, interval))
	{
		dsec_worker_nap(interval -
						TimestampDifferenceMilliseconds(looked, now));
		return;
	}

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	extension = find_extension();
	CommitTransactionCommand();

	looked = now;
	dsec_worker_nap(interval);
	note_extension(extension);
	pg_atomic_write_u32(&shared->rechecked, rechecks);
}

static bool
is_pending(int i)
{
	TimestampTz now;

	if (RecoveryInProgress() && !tasks[i].on_standby)
		return false;
	if (task_states[i].retry != 0)
	{
		now = GetCurrentTimestamp();
		if (now < task_states[i].retry)
		{
			dsec_worker_nap(TimestampDifferenceMilliseconds(now, task_states[i].retry));
			return false;
		}
	}
	return tasks[i].pending();
}

/* Run one task in its transaction.  Errors go to the handler in main. */
static void
run_task(int i)
{
	Oid			extension;

	pgstat_report_activity(STATE_RUNNING, tasks[i].name);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT, TASK_TIMEOUT);
	LockDatabaseObject(ExtensionRelationId, shared->extension, 0,
					   AccessShareLock);
	extension = find_extension();
	if (extension != shared->extension)
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		note_extension(extension);
		return;
	}

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	in_run = true;
	tasks[i].run();
	SPI_finish();
	PopActiveSnapshot();
	disable_timeout(STATEMENT_TIMEOUT, false);
	CommitTransactionCommand();
	in_run = false;
	if (tasks[i].done)
		tasks[i].done(true);

	task_states[i].retry = 0;
	if (task_states[i].error[0] != '\0')
	{
		task_states[i].error[0] = '\0';
		set_text(shared->trouble, NULL);
	}
	ConditionVariableBroadcast(&shared->progress);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Run every pending task once.  Was there any? */
static bool
run_tasks(void)
{
	bool		any = false;

	for (int i = 0; i < ntasks && OidIsValid(shared->extension); i++)
	{
		running = i;
		if (is_pending(i))
		{
			run_task(i);
			any = true;
		}
		running = -1;
		MemoryContextReset(worker_context);
	}
	return any;
}

/* After an error: roll back, tell the task, log when it is a new error. */
static void
recover(void)
{
	ErrorData  *error;
	bool		log = true;

	error_context_stack = NULL;
	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;

	MemoryContextSwitchTo(worker_context);
	error = CopyErrorData();
	if (running >= 0)
	{
		TaskState  *state = &task_states[running];
		char		text[TEXT_SIZE];

		strlcpy(text, error->message ? error->message : "", TEXT_SIZE);
		log = strcmp(text, state->error) != 0 && !ShutdownRequestPending;
		strlcpy(state->error, text, TEXT_SIZE);
		state->retry = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   RETRY_PAUSE);
	}
	if (log)
		EmitErrorReport();

	AbortCurrentTransaction();
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
	MemoryContextSwitchTo(worker_context);
	FlushErrorState();

	if (running >= 0)
	{
		char		text[TEXT_SIZE];
		int			task = running;

		snprintf(text, sizeof(text),
				 "The worker of dsec could not %s: %s.",
				 tasks[task].name, task_states[task].error);
		set_text(shared->trouble, text);
		running = -1;
		if (in_run && tasks[task].done)
		{
			in_run = false;
			tasks[task].done(false);
		}
		in_run = false;
	}
	looked = 0;					/* perhaps the extension has gone */
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextReset(worker_context);
	RESUME_INTERRUPTS();
	ConditionVariableBroadcast(&shared->progress);
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		force_durability();
	}
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
}

static void
connect_ledger(void)
{
	/* a database that does not exist must not fill the log */
	if (shared->connecting)
	{
		(void) WaitLatch(MyLatch,
						 WL_TIMEOUT | WL_LATCH_SET | WL_EXIT_ON_PM_DEATH,
						 RECONNECT_PAUSE, DSEC_WAIT_EVENT("DsecWorkerConnect"));
		ResetLatch(MyLatch);
		if (ShutdownRequestPending)
			proc_exit(1);
	}
	shared->connecting = true;
	BackgroundWorkerInitializeConnection(dsec_guc_ledger_database, NULL, 0);
	shared->connecting = false;
}

void
dsec_worker_main(Datum arg)
{
	sigjmp_buf	local_sigjmp_buf;
	uint32		wait_event;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_sigterm);
	BackgroundWorkerUnblockSignals();

	is_worker = true;
	before_shmem_exit(leave, (Datum) 0);
	connect_ledger();
	apply_settings();
	pgstat_report_appname("dsec worker");
	wait_event = DSEC_WAIT_EVENT("DsecWorkerMain");
	worker_context = AllocSetContextCreate(TopMemoryContext, "dsec worker",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker_context);

	SpinLockAcquire(&shared->mutex);
	shared->latch = MyLatch;
	SpinLockRelease(&shared->mutex);

	if (sigsetjmp(local_sigjmp_buf, 1) != 0)
		recover();
	PG_exception_stack = &local_sigjmp_buf;

	for (;;)
	{
		bool		ran;

		if (ShutdownRequestPending && stop_since == 0)
		{
			/* the cancel that came with it has done its work */
			QueryCancelPending = false;
			stop_since = GetCurrentTimestamp();
			SetConfigOption("synchronous_commit", "local",
							PGC_USERSET, PGC_S_OVERRIDE);
			for (int i = 0; i < ntasks; i++)
				task_states[i].retry = 0;
		}
		serve_interrupts();

		nap = LOOK_READY;
		if (stop_since != 0)
		{
			TimestampTz now = GetCurrentTimestamp();

			/* sessions that are ending may still have something to record */
			if (!stopping &&
				(TimestampDifferenceExceeds(stop_since, now, CLIENTS_TIMEOUT) ||
				 !server_stopping() || !client_sessions()))
				stopping = true;
			if (TimestampDifferenceExceeds(stop_since, now,
										   CLIENTS_TIMEOUT + STOP_TIMEOUT))
				proc_exit(1);
			dsec_worker_nap(STOP_NAP);
		}

		look();
		ran = run_tasks();
		if (ran)
			continue;

		if (stopping)
		{
			bool		waiting = false;

			/* done, unless a failed task is due to be tried again */
			for (int i = 0; i < ntasks; i++)
				waiting |= task_states[i].retry > GetCurrentTimestamp();
			if (!waiting)
				proc_exit(1);
		}
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 nap, wait_event);
		ResetLatch(MyLatch);
	}
}

/* ------------------------------------------------------------------------
 * In the postmaster
 * ------------------------------------------------------------------------ */

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(WorkerShared)));
	RequestNamedLWLockTranche("dsec worker", 1);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("dsec worker", sizeof(WorkerShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(WorkerShared));
		shared->lock = &GetNamedLWLockTranche("dsec worker")->lock;
		SpinLockInit(&shared->mutex);
		ConditionVariableInit(&shared->progress);
		pg_atomic_init_u32(&shared->state, DSEC_WORKER_ABSENT);
		pg_atomic_init_u32(&shared->rechecks, 0);
		pg_atomic_init_u32(&shared->rechecked, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
dsec_worker_init(void)
{
	BackgroundWorker worker;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	prev_object_access_hook = object_access_hook;
	object_access_hook = object_access;

	/* pg_upgrade must find nobody connected, and nothing written */
	if (IsBinaryUpgrade)
		return;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "dsec worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "dsec worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "dsec", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "dsec_worker_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
