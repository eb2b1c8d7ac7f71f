/*-------------------------------------------------------------------------
 *
 * dsec_pause.c
 *	  Makes a commit stop where other sessions can get in between.  For tests only.
 *
 * Put it into shared_preload_libraries before dsec, so that it comes after dsec at
 * each step.  dsec_pause.before_commit naps when nothing can be seen by others yet,
 * and can be interrupted; dsec_pause.after_commit naps when all can be seen, and
 * the invalidation messages have not been sent.  Each says so in the log first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static int	before_commit = 0;
static int	after_commit = 0;

static void
nap(int milliseconds, const char *where)
{
	/* a transaction that wrote nothing has nothing to show */
	if (milliseconds == 0 || !TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	elog(LOG, "pause %s commit", where);
	for (int i = 0; i < milliseconds; i++)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000);
	}
}

static void
pause_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT)
		nap(before_commit, "before");
	else if (event == XACT_EVENT_COMMIT)
		nap(after_commit, "after");
}

static void
define(const char *name, int *variable)
{
	DefineCustomIntVariable(name, "How long a commit stops here.", NULL,
							variable, 0, 0, 60000, PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

void
_PG_init(void)
{
	define("dsec_pause.before_commit", &before_commit);
	define("dsec_pause.after_commit", &after_commit);
	RegisterXactCallback(pause_transaction, NULL);
}
