/*-------------------------------------------------------------------------
 *
 * export.c
 *	  The record of one guarded export.
 *
 * The record's slot in shared memory is taken before the first row leaves and
 * given to the worker by a callback of the query's memory context, so that it
 * is delivered however the query ends.
 *
 * Parallel workers charge at the source under the leader's identity.  Each
 * backend that can lead has an entry in shared memory; the leader fills it for
 * the time of a parallel run, workers read the context from it and add their
 * counts to it at their end.  There is one parallel query at a time in a
 * backend, because a query inside parallel mode is not planned parallel.
 * Fields of an entry are protected by its spinlock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "compat.h"
#include "guard/export.h"
#include "lineage/groups.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "report.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* what a leader shares with its workers */
typedef struct Leader
{
	slock_t		mutex;
	bool		active;
	bool		blocked;		/* a worker has refused a row and recorded it */
	bool		uncounted;
	DsecContext context;
	char		channel[NAMEDATALEN];
	DsecEvent	event;			/* copy of the record; categories: counts of
								 * the workers */
} Leader;

DsecRun    *dsec_run_current = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
static Leader *leaders = NULL;

static uint64 last_run = 0;
static uint32 last_export = 0;

/* of a parallel worker */
static DsecRun worker_run;
static DsecExport worker_export;
static DsecEvent worker_event;
static bool worker_ready = false;

static void
fill_event(DsecEvent *event, const DsecContext *context, List *reads,
		   uint64 query_id)
{
	ListCell   *lc;

	strlcpy(event->channel, context->channel, sizeof(event->channel));
	for (int i = 0; i < context->recipients.n; i++)
	{
		const char *name = dsec_policy_recipient_name(context->recipients.id[i]);

		dsec_event_add_recipient(event, name ? name : "?");
	}
	foreach(lc, reads)
	{
		List	   *read = lfirst(lc);
		ListCell   *lg;

		dsec_event_add_relation(event, strVal(list_nth(read, DSEC_READ_RELATION)));
		foreach(lg, list_nth(read, DSEC_READ_CATEGORIES))
			dsec_event_add_category(event, strVal(lfirst(lg)), 0, 0);
	}
	strlcpy(event->decision, "allow", sizeof(event->decision));
	event->query_id = (int64) query_id;
}

static void
reset_counts(DsecEvent *event)
{
	event->nrows = 0;
	for (int i = 0; i < event->ncategories; i++)
	{
		event->categories[i].subjects = 0;
		event->categories[i].charged = 0;
	}
}

static Leader *
my_leader(void)
{
	PGPROC	   *leader = MyProc->lockGroupLeader ? MyProc->lockGroupLeader : MyProc;

	return &leaders[DSEC_PROC_NUMBER(leader)];
}

int
dsec_export_category(DsecRun *run, const char *category)
{
	DsecEvent  *event = run->export->event;
	int			i = 0;

	dsec_event_add_category(event, category, 0, 0);
	while (i < event->ncategories - 1 &&
		   strcmp(event->categories[i].category, category) != 0)
		i++;

	return i;
}

/* The query's memory goes away: the record goes to the worker. */
static void
end_export(void *arg)
{
	DsecExport *export = arg;
	DsecEvent  *event = export->event;

	if (event == NULL)
		return;
	export->event = NULL;

	/* nothing tagged was read after all, or the refusal's record stands for it */
	if (event->ncategories == 0 || (export->blocked && !export->finished))
	{
		dsec_event_release(event);
		return;
	}
	if (!export->finished)
		strlcpy(event->decision, "error", sizeof(event->decision));
	event->ended = GetCurrentTimestamp();
	dsec_event_publish(event);
}

static DsecExport *
new_export(MemoryContext memory, const DsecContext *context, List *reads,
		   uint64 query_id)
{
	DsecExport *export = MemoryContextAllocZero(memory, sizeof(DsecExport));
	MemoryContextCallback *callback =
		MemoryContextAllocZero(memory, sizeof(MemoryContextCallback));

	export->number = ++last_export;
	export->context = *context;
	export->event = dsec_event_take();
	callback->func = end_export;
	callback->arg = export;
	MemoryContextRegisterResetCallback(memory, callback);
	fill_event(export->event, context, reads, query_id);

	return export;
}

static bool
same_context(const DsecContext *a, const DsecContext *b)
{
	return a->charges == b->charges &&
		a->uncounted == b->uncounted &&
		strcmp(a->channel, b->channel) == 0 &&
		a->recipients.n == b->recipients.n &&
		memcmp(a->recipients.id, b->recipients.id,
			   sizeof(int32) * a->recipients.n) == 0;
}

/* The context of the run is known: find its export. */
static void
find_export(DsecRun *run, MemoryContext memory, List *reads, uint64 query_id,
			DsecExport **export)
{
	DsecRun    *outer = dsec_run_current;

	if (outer && outer->export &&
		same_context(&outer->context, &run->context))
	{
		ListCell   *lc;

		run->export = outer->export;
		run->nested = true;
		foreach(lc, reads)
		{
			char	   *relation = strVal(list_nth(lfirst(lc), DSEC_READ_RELATION));
			DsecEvent  *event = run->export->event;

			if (strstr(event->relations, relation) == NULL)
				dsec_event_add_relation(event, relation);
		}
		if (run->context.uncounted)
			dsec_export_uncounted(run);
		return;
	}

	/* a query whose context has changed between runs starts a new record */
	if (*export == NULL ||
		!same_context(&(*export)->context, &run->context))
	{
		if (*export)
			(*export)->finished = true;
		*export = new_export(memory, &run->context, reads, query_id);
	}
	run->export = *export;
	if (run->context.uncounted)
		dsec_export_uncounted(run);
}

void
dsec_run_begin(DsecRun *run, QueryDesc *queryDesc, List *reads,
			   uint64 query_id, DsecExport **export)
{
	if (IsParallelWorker())
	{
		/* a function in the worker runs a query of its own */
		*run = *dsec_run_in_worker();
		run->number = ++last_run;
		return;
	}

	memset(run, 0, sizeof(DsecRun));
	run->number = ++last_run;
	dsec_context_get(&run->context);
	if (run->context.records)
		find_export(run, queryDesc->estate->es_query_cxt, reads, query_id,
					export);
}

void
dsec_run_begin_channel(DsecRun *run, const char *channel, const char *target,
					   MemoryContext memory, List *reads, uint64 query_id,
					   DsecExport **export)
{
	memset(run, 0, sizeof(DsecRun));
	run->number = ++last_run;
	dsec_context_get_channel(&run->context, channel, target);
	if (run->context.records)
		find_export(run, memory, reads, query_id, export);
}

/*
 * A refusal gets a record of its own, because it must be on disk before the
 * error is raised, while the export may go on: its caller may catch the error.
 * What was counted until now belongs to the refusal.
 */
static void
record_block(DsecRun *run, const DsecVerdict *verdict)
{
	DsecEvent  *event = run->export->event;
	DsecEvent  *block = dsec_event_take();

	*block = *event;
	block->ended = GetCurrentTimestamp();
	reset_counts(event);
	run->export->blocked = true;
	if (IsParallelWorker())
	{
		Leader	   *leader = my_leader();

		SpinLockAcquire(&leader->mutex);
		leader->blocked = true;
		SpinLockRelease(&leader->mutex);
	}

	dsec_report_blocked(verdict, run->context.channel, block);
}

void
dsec_export_verdict(DsecRun *run, const DsecVerdict *verdict)
{
	DsecEvent  *event = run->export->event;

	switch (verdict->decision)
	{
		case DSEC_ALLOW:
			break;
		case DSEC_LOG:
			dsec_report_logged(verdict, event);
			break;
		case DSEC_BLOCK:
			record_block(run, verdict);
			break;
	}
}

void
dsec_export_uncounted(DsecRun *run)
{
	run->uncounted = true;
	strlcpy(run->export->event->decision, "uncounted",
			sizeof(run->export->event->decision));
}

/* ---- parallel workers ---- */

void
dsec_run_share(DsecRun *run)
{
	Leader	   *leader = my_leader();

	SpinLockAcquire(&leader->mutex);
	leader->context = run->context;
	strlcpy(leader->channel, run->context.channel, sizeof(leader->channel));
	leader->event = *run->export->event;
	leader->blocked = false;
	leader->uncounted = false;
	reset_counts(&leader->event);
	leader->active = true;
	SpinLockRelease(&leader->mutex);
}

void
dsec_run_unshare(DsecRun *run)
{
	Leader	   *leader = my_leader();
	DsecEvent	counts;
	bool		blocked;
	bool		uncounted;

	SpinLockAcquire(&leader->mutex);
	leader->active = false;
	blocked = leader->blocked;
	uncounted = leader->uncounted;
	counts = leader->event;
	SpinLockRelease(&leader->mutex);

	if (blocked)
		run->export->blocked = true;
	if (uncounted)
		dsec_export_uncounted(run);
	for (int i = 0; i < counts.ncategories; i++)
	{
		DsecEventCategory *count = &counts.categories[i];

		dsec_event_add_category(run->export->event, count->category, count->subjects,
								count->charged);
	}
}

DsecRun *
dsec_run_in_worker(void)
{
	Leader	   *leader = my_leader();
	bool		active;

	if (worker_ready)
		return &worker_run;

	SpinLockAcquire(&leader->mutex);
	active = leader->active;
	worker_run.context = leader->context;
	worker_event = leader->event;
	SpinLockRelease(&leader->mutex);
	if (!active)
		return NULL;

	reset_counts(&worker_event);
	worker_run.context.channel = leader->channel;
	worker_run.number = ++last_run;
	worker_run.nested = true;
	worker_run.export = &worker_export;
	worker_export.number = ++last_export;
	worker_export.event = &worker_event;
	worker_export.context = worker_run.context;
	if (worker_run.context.charges)
		dsec_policy_sync();
	dsec_context_set_leader(&worker_run.context);
	worker_ready = true;

	return &worker_run;
}

void
dsec_run_worker_done(void)
{
	Leader	   *leader = my_leader();

	if (!worker_ready)
		return;

	SpinLockAcquire(&leader->mutex);
	if (worker_run.uncounted)
		leader->uncounted = true;
	for (int i = 0; i < worker_event.ncategories; i++)
	{
		DsecEventCategory *count = &worker_event.categories[i];

		dsec_event_add_category(&leader->event, count->category, count->subjects,
								count->charged);
	}
	SpinLockRelease(&leader->mutex);
	reset_counts(&worker_event);
}

/* ---- shared memory ---- */

static Size
leaders_size(void)
{
	return mul_size(sizeof(Leader), MaxBackends);
}

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(leaders_size());
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	leaders = ShmemInitStruct("dsec leaders", leaders_size(), &found);
	if (!found)
	{
		memset(leaders, 0, leaders_size());
		for (int i = 0; i < MaxBackends; i++)
			SpinLockInit(&leaders[i].mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
dsec_export_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}
