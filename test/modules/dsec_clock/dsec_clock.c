/*-------------------------------------------------------------------------
 *
 * dsec_clock.c
 *	  Moves the clock of the ledger.  For tests only.
 *
 * Put it into shared_preload_libraries, set dsec_clock.offset in the
 * configuration and reload: the ledger's days are counted from the clock
 * plus that.  The ledger's day never goes back while the server runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static int	seconds = 0;
static int64 microseconds = 0;

static void
assign_offset(int newval, void *extra)
{
	microseconds = (int64) newval * 1000000;
}

void
_PG_init(void)
{
	DefineCustomIntVariable("dsec_clock.offset",
							"How far the clock of the ledger is ahead.",
							NULL,
							&seconds,
							0, -INT_MAX, INT_MAX,
							PGC_SIGHUP,
							GUC_UNIT_S,
							NULL, assign_offset, NULL);
	*(int64 **) find_rendezvous_variable("dsec_clock_offset") = &microseconds;
}
