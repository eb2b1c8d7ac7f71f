/*-------------------------------------------------------------------------
 *
 * export.h
 *	  The record of one guarded export, and the run it belongs to.
 *
 * A *run* is one ExecutorRun of a guarded plan; an *export* is what becomes
 * one row of dsec.event: a query with all its runs (a cursor has many), and
 * with those that its functions run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_EXPORT_H
#define DSEC_EXPORT_H

#include "executor/execdesc.h"
#include "guard/context.h"
#include "ledger/event.h"

typedef struct DsecExport
{
	DsecEvent  *event;			/* our slot in shared memory */
	uint32		number;			/* of this session's exports, from 1 */
	bool		finished;		/* the query came to its end */
	bool		blocked;		/* a refusal has been recorded by itself */
	DsecContext context;		/* that of its first run */
} DsecExport;

typedef struct DsecRun
{
	uint64		number;			/* of this session's runs, from 1 */
	DsecContext context;
	DsecExport *export;			/* NULL: nothing is recorded */
	bool		nested;			/* the export is that of an enclosing run */
	bool		uncounted;		/* the ledger failed; permissive mode */
} DsecRun;

/* The run in progress, or NULL. */
extern DsecRun *dsec_run_current;

/*
 * Start a run of a query whose plan has a guard; reads is what the guard says
 * it reads (groups.h).  The run's export is that of an enclosing run with
 * the same recipients, or *export, or a new one, which is then stored in
 * *export and lives in the query's memory context.  Raises DS003.
 */
extern void dsec_run_begin(DsecRun *run, QueryDesc *queryDesc,
						   List *reads, uint64 query_id,
						   DsecExport **export);

/*
 * Start a run of rows that are written to one channel, whoever the session is
 * bound to; never in a parallel worker.  A new export lives in "memory".  The
 * rest as above.
 */
extern void dsec_run_begin_channel(DsecRun *run, const char *channel,
								   const char *target, MemoryContext memory,
								   List *reads, uint64 query_id,
								   DsecExport **export);

/*
 * The run of a parallel worker, with the leader's context; NULL when the leader
 * does not count.
 */
extern DsecRun *dsec_run_in_worker(void);

/* A worker at its end gives its counts to the leader. */
extern void dsec_run_worker_done(void);

/*
 * The leader shares its run with parallel workers while they may start, and
 * takes their counts afterwards.  unshare raises nothing.
 */
extern void dsec_run_share(DsecRun *run);
extern void dsec_run_unshare(DsecRun *run);

/* Index of a category in the record of the run's export, made when it is new. */
extern int	dsec_export_category(DsecRun *run, const char *category);

/* Note that subjects of a category were seen, and charged. */
static inline void
dsec_export_count(DsecRun *run, int category, int64 subjects, int64 charged)
{
	DsecEventCategory *count = &run->export->event->categories[category];

	count->subjects += subjects;
	count->charged += charged;
}

/* Note what the policy said about a row; raises DS001 if it must not leave. */
extern void dsec_export_verdict(DsecRun *run, const DsecVerdict *verdict);

/* Note that something could not be counted (permissive mode). */
extern void dsec_export_uncounted(DsecRun *run);

extern void dsec_export_init(void);

#endif							/* DSEC_EXPORT_H */
