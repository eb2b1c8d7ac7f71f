/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  SQL functions of the ledger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/internal.h"
#include "ledger/worker.h"
#include "report.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(dsec_ledger_installed);
PG_FUNCTION_INFO_V1(dsec_ledger_changed);
PG_FUNCTION_INFO_V1(dsec_ledger_first_day);

/* Called by the install script. */
Datum
dsec_ledger_installed(PG_FUNCTION_ARGS)
{
	dsec_worker_recheck_at_commit();
	PG_RETURN_VOID();
}

/* Statement trigger on the tables that the worker alone should write. */
Datum
dsec_ledger_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"dsec.ledger_changed")));
	if (!dsec_worker_is_self())
		dsec_worker_recheck_at_commit();
	PG_RETURN_POINTER(NULL);
}

/* First day that counts today in any window in force. */
Datum
dsec_ledger_first_day(PG_FUNCTION_ARGS)
{
	LWLock	   *lock;
	DateADT		first;
	bool		known;

	dsec_ledger_require();
	dsec_ledger_advance();
	lock = dsec_ledger_lock(0);
	LWLockAcquire(lock, LW_SHARED);
	first = dsec_ledger->cutoff;
	known = dsec_ledger->windows_known;
	LWLockRelease(lock);
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("the rules have not been published yet"),
				 errhint("Try again; if this stays, see dsec.status().")));
	PG_RETURN_DATEADT(first);
}
