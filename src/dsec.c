/*-------------------------------------------------------------------------
 *
 * dsec.c
 *	  Module entry: starts every module, in the order of their dependence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "channel/channel.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "guc.h"
#include "ledger/event.h"
#include "ledger/ledger.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "policy/policy.h"
#include "tag/tag.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	dsec_guc_init();
	dsec_tag_init();

	/* without preloading there is no shared memory, and nothing enforces */
	if (!process_shared_preload_libraries_in_progress)
		return;

	dsec_worker_init();
	dsec_ledger_init();
	dsec_event_init();
	dsec_policy_init();
	dsec_guard_init();
	dsec_channel_init();
}
