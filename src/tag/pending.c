/*-------------------------------------------------------------------------
 *
 * pending.c
 *	  No moment in which data can be seen, and its new tag is not known.
 *
 * A transaction's rows become visible when it leaves the list of running
 * transactions; its invalidation messages, by which other sessions learn of its
 * labels, are sent a moment later.  A session that takes a snapshot in between
 * would see a copy, and not know that it is tagged.
 *
 * So a transaction that has set labels enters its number in a list in shared
 * memory and raises a generation before it commits, and takes the entry back
 * when its messages are out, or it has aborted.  A session that starts a query,
 * its snapshot taken already, looks at the generation.  If that is not the one it
 * last saw, it waits until nothing in the list is visible to its snapshot, and
 * then receives the messages.  Entries of transactions that its snapshot does
 * not see, such as one that waits for a standby to confirm, make nobody wait; but
 * while there are any, the next query must look again.
 *
 * Each entry is written by one backend only: its own.  It is set before the
 * generation is raised, both before the transaction can be seen, so whoever sees
 * the transaction sees the generation raised, and then the entry or what came
 * after it.
 *
 * COMMIT PREPARED does the two steps for a transaction of which only its record is
 * left.  Nothing there says cheaply whether it set labels, so it is taken to have:
 * the entry is that transaction's number, and stays until COMMIT PREPARED itself
 * has ended.
 *
 * A statement that goes on to newer row versions than its snapshot's, as READ
 * COMMITTED does when it has waited for a row, looks again after that: then
 * nothing in the list may have ended (dsec_tag_changed).
 *
 * Without preloading there is no list, and nothing counts either.  A standby
 * replays commits in the same two steps and has no list: there the moment
 * remains (docs/limits.md).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "compat.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "storage/sinval.h"
#include "tag/provider.h"
#include "tag/tag.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define NAP 50					/* microseconds */

typedef struct Shared
{
	pg_atomic_uint64 generation;
	pg_atomic_uint32 xids[FLEXIBLE_ARRAY_MEMBER];	/* by backend; invalid: none */
} Shared;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static Shared *shared = NULL;
static uint64 seen = 0;			/* generation of which all is known */
static bool labels_set = false; /* by this transaction */
static bool entered = false;	/* our entry is in the list */

static pg_atomic_uint32 *
my_entry(void)
{
	return &shared->xids[DSEC_PROC_NUMBER(MyProc)];
}

static void
enter(TransactionId xid)
{
	pg_atomic_write_u32(my_entry(), xid);
	pg_memory_barrier();
	(void) pg_atomic_fetch_add_u64(&shared->generation, 1);
	entered = true;
}

static void
leave(void)
{
	if (!entered)
		return;
	pg_write_barrier();
	pg_atomic_write_u32(my_entry(), InvalidTransactionId);
	entered = false;
}

void
dsec_tag_pending_set(void)
{
	labels_set = true;
}

static void
before_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && labels_set && shared != NULL)
	{
		TransactionId xid = GetTopTransactionIdIfAny();

		if (TransactionIdIsValid(xid))
			enter(xid);
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
			 event == XACT_EVENT_PREPARE)
		labels_set = false;
}

/* Locks are released after the messages have been sent. */
static void
after_locks(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
			void *arg)
{
	if (phase == RESOURCE_RELEASE_AFTER_LOCKS && is_top_level &&
		!IsParallelWorker())
		leave();
}

/* The number of a prepared transaction, or invalid. */
static TransactionId
prepared_xid(const char *gid)
{
	ExprContext *econtext = CreateStandaloneExprContext();
	ReturnSetInfo rsinfo = {0};
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function;
	TransactionId result = InvalidTransactionId;

	rsinfo.type = T_ReturnSetInfo;
	rsinfo.econtext = econtext;
	rsinfo.allowedModes = (int) SFRM_ValuePerCall;
	rsinfo.returnMode = SFRM_ValuePerCall;
	fmgr_info(F_PG_PREPARED_XACT, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL,
							 (Node *) &rsinfo);
	for (;;)
	{
		Datum		row;
		Datum		name;
		bool		null;

		fcinfo->isnull = false;
		rsinfo.isDone = ExprSingleResult;
		row = FunctionCallInvoke(fcinfo);
		if (rsinfo.isDone != ExprMultipleResult)
			break;
		name = GetAttributeByNum(DatumGetHeapTupleHeader(row), 2, &null);
		if (strcmp(TextDatumGetCString(name), gid) == 0)
			result = DatumGetTransactionId(GetAttributeByNum(DatumGetHeapTupleHeader(row),
															 1, &null));
	}
	FreeExprContext(econtext, true);
	return result;
}

void
dsec_tag_pending_prepared(const char *gid)
{
	TransactionId xid;

	if (shared == NULL || entered || RecoveryInProgress())
		return;
	xid = prepared_xid(gid);
	if (TransactionIdIsValid(xid))
		enter(xid);
}

/*
 * Wait for what this snapshot sees, or, without one, for all that has ended.
 * Returns whether there is any other entry.
 */
static bool
wait_for_visible(Snapshot snapshot)
{
	bool		others = false;

	for (int i = 0; i < MaxBackends; i++)
	{
		pg_atomic_uint32 *entry = &shared->xids[i];
		TransactionId xid;

		if (entry == my_entry())
			continue;
		while (TransactionIdIsValid(xid = pg_atomic_read_u32(entry)))
		{
			if (snapshot ? XidInMVCCSnapshot(xid, snapshot) :
				TransactionIdIsInProgress(xid))
			{
				others = true;
				break;
			}
			CHECK_FOR_INTERRUPTS();
			pg_usleep(NAP);
		}
	}
	return others;
}

static pg_noinline bool
catch_up(uint64 generation)
{
	Snapshot	snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;
	bool		others;

	pg_memory_barrier();
	others = wait_for_visible(snapshot);
	AcceptInvalidationMessages();
	if (!others)
		seen = generation;
	return true;
}

bool
dsec_tag_catch_up(void)
{
	uint64		generation;

	if (shared == NULL || IsParallelWorker() || !IsTransactionState())
		return false;
	generation = pg_atomic_read_u64(&shared->generation);
	if (likely(generation == seen))
		return false;
	return catch_up(generation);
}

uint64
dsec_tag_generation(void)
{
	return seen;
}

bool
dsec_tag_changed(uint64 *known)
{
	uint64		generation;
	bool		others;

	if (shared == NULL)
		return false;
	generation = pg_atomic_read_u64(&shared->generation);
	if (likely(generation == *known))
		return false;

	pg_memory_barrier();
	others = wait_for_visible(NULL);
	AcceptInvalidationMessages();
	if (!others)
		*known = generation;
	return true;
}

static Size
shared_size(void)
{
	return add_size(offsetof(Shared, xids),
					mul_size(sizeof(pg_atomic_uint32), MaxBackends));
}

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("dsec pending labels", shared_size(), &found);
	if (!found)
	{
		pg_atomic_init_u64(&shared->generation, 1);
		for (int i = 0; i < MaxBackends; i++)
			pg_atomic_init_u32(&shared->xids[i], InvalidTransactionId);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
dsec_tag_pending_init(void)
{
	RegisterXactCallback(before_commit, NULL);
	RegisterResourceReleaseCallback(after_locks, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}
