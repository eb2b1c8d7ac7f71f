/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The one background worker of a cluster, and the tasks it runs.
 *
 * The worker connects to dsec.ledger_database and runs tasks, each in a
 * transaction of its own, because the transaction of a blocked export rolls
 * back and its record must not.  A task that fails is rolled back alone, its
 * error is logged, and it is tried again after a pause.  The worker never
 * waits for a lock longer than lock_timeout, which it sets itself.  Sessions
 * wake it with its latch; it sleeps otherwise.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_WORKER_H
#define DSEC_WORKER_H

#include "storage/condition_variable.h"

typedef enum DsecWorkerState
{
	DSEC_WORKER_ABSENT,			/* never started, or died and not yet back */
	DSEC_WORKER_NO_LEDGER,		/* connected; the ledger database has no dsec
								 * extension */
	DSEC_WORKER_STANDBY,		/* server in recovery: rules are published, the
								 * ledger cannot be written */
	DSEC_WORKER_FAILED,			/* cannot work; see dsec_worker_problem */
	DSEC_WORKER_READY
} DsecWorkerState;

typedef struct DsecWorkerTask
{
	const char *name;
	bool		on_standby;		/* also run while the server is in recovery */

	/* Is there something to do?  Called without a transaction; must be cheap. */
	bool		(*pending) (void);

	/*
	 * Do it.  Runs inside a transaction with an active snapshot and SPI
	 * connected.  The worker commits on return.
	 */
	void		(*run) (void);

	/* After the commit (true) or the rollback (false) of run.  May be NULL. */
	void		(*done) (bool committed);

	/*
	 * The extension has been dropped from the ledger database, or dropped and
	 * created again: forget what shared memory holds of the tables.  Called in
	 * the worker, without a transaction.  Must not fail.  May be NULL.
	 */
	void		(*reset) (void);
} DsecWorkerTask;

/* Register a task.  In the postmaster, from an X_init() function. */
extern void dsec_worker_add_task(const DsecWorkerTask *task);

/* Wake the worker; cheap when it is awake. */
extern void dsec_worker_wake(void);

/*
 * In a pending function: sleep at most this many milliseconds before pending
 * is asked again.
 */
extern void dsec_worker_nap(long milliseconds);

/*
 * In the worker: it has been told to end.  What must not stay open is to be
 * closed now; the worker ends when no task is pending, or after ten seconds.
 */
extern bool dsec_worker_stopping(void);

/*
 * In the worker: while a sentence is set, the state is FAILED in place of
 * READY.  NULL takes it back.
 */
extern void dsec_worker_set_problem(const char *sentence);

/*
 * In any session: the extension may have come or gone, or rows of its tables
 * may have come from elsewhere than the worker (a restore); it looks at the
 * installation again after this transaction has committed.  From here on the
 * transaction cannot be prepared.  Does nothing in other databases than the
 * ledger database.
 */
extern void dsec_worker_recheck_at_commit(void);

/* Is this process the worker? */
extern bool dsec_worker_is_self(void);

/* Number of such commits so far. */
extern uint32 dsec_worker_rechecks(void);

/*
 * State of the worker as sessions see it; problem, if not NULL, receives a
 * palloc'd sentence about what is wrong and what to do, or NULL.
 */
extern DsecWorkerState dsec_worker_state(char **problem);

/*
 * Broadcast after every task that ran; a session that waits for a result
 * sleeps on it and tests its own condition.
 */
extern ConditionVariable *dsec_worker_progress(void);

/*
 * Wait until condition(arg) is true, waking the worker first, for at most
 * dsec.ledger_timeout altogether.  Returns false at the timeout.  Interrupts
 * are served.  The caller holds no LWLock.
 */
extern bool dsec_worker_wait(bool (*condition) (void *arg), void *arg);

extern void dsec_worker_init(void);

#endif							/* DSEC_WORKER_H */
