/*-------------------------------------------------------------------------
 *
 * context.c
 *	  Does what is read now count, and for whom?
 *
 * Whoever enters an export context leaves it in PG_FINALLY, so an error cannot
 * leave a stale entry behind.  A parallel worker has neither the client's
 * address nor the stack; it takes its leader's word (export.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "guard/context.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "report.h"

#define MAX_CHANNELS 32

typedef struct Channel
{
	const char *name;
	const char *target;
} Channel;

static Channel channels[MAX_CHANNELS];
static int	nchannels = 0;
static int	key_check_depth = 0;
static uint64 known_generation = 0;
static const DsecContext *leader_context = NULL;

void
dsec_context_set_leader(const DsecContext *context)
{
	leader_context = context;
}

/* The policy may be another one than the session knows. */
static pg_noinline bool
renew(void)
{
	bool		current;
	uint64		generation = dsec_policy_generation(&current);

	if (!current)
		return false;
	dsec_policy_sync();
	known_generation = generation;

	return true;
}

bool
dsec_context_may_count(void)
{
	if (unlikely(dsec_guc_mode == DSEC_MODE_OFF))
		return false;
	if (unlikely(IsParallelWorker()))
		return leader_context != NULL;
	if (unlikely(nchannels > 0))
		return true;
	if (unlikely(!dsec_policy_is_current(known_generation)) && !renew())
		return true;

	return dsec_policy_session()->n > 0 ||
		dsec_guc_unbound_read == DSEC_UNBOUND_LOG;
}

/*
 * Ask the policy for whom it counts: whoever the session is bound to, unless
 * without_session, and whoever these channels are bound to.
 */
static void
find_recipients(DsecContext *context, bool without_session,
				const Channel *list, int n)
{
	bool		have_ledger;
	bool		in_house;
	bool		unassigned = false;

	have_ledger = dsec_policy_sync();
	if (have_ledger)
	{
		if (!without_session)
			context->recipients = *dsec_policy_session();
		in_house = context->recipients.n == 0;
		for (int i = 0; i < n; i++)
		{
			DsecRecipients bound = {0};

			dsec_policy_channel(list[i].name, list[i].target, &bound);
			dsec_policy_channel(list[i].name, list[i].target,
								&context->recipients);
			unassigned |= in_house && bound.n == 0;
		}

		/* one way out of several that nobody is bound to */
		if (unassigned && context->recipients.n > 0)
			dsec_policy_add_recipient(&context->recipients,
									  dsec_policy_unassigned());
		dsec_policy_check_recipients(&context->recipients);
	}

	if (context->recipients.n > 0)
		context->charges = true;
	else if (n > 0)
	{
		if (!have_ledger)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("cannot export tagged data: there is no ledger"),
					 errdetail("The extension dsec is not installed in database \"%s\", which dsec.ledger_database names.",
							   dsec_guc_ledger_database),
					 errhint("Run CREATE EXTENSION dsec in that database.")));
		context->recipients.id[context->recipients.n++] =
			dsec_policy_unassigned();
		context->charges = true;
	}

	context->records = context->charges ||
		(have_ledger && dsec_guc_unbound_read == DSEC_UNBOUND_LOG);
}

static void
clear_context(DsecContext *context, const Channel *list, int n)
{
	memset(context, 0, sizeof(DsecContext));
	context->channel = n > 0 ? list[n - 1].name : "select";
}

/* The same in permissive mode, where nothing is refused. */
static void
find_recipients_if_possible(DsecContext *context, bool without_session,
							const Channel *list, int n)
{
	MemoryContext memory = CurrentMemoryContext;

	PG_TRY();
	{
		find_recipients(context, without_session, list, n);
		if (context->charges)
			(void) dsec_ledger_key();
	}
	PG_CATCH();
	{
		dsec_report_forgive(memory);
		clear_context(context, list, n);
		context->records = true;
		context->uncounted = true;
	}
	PG_END_TRY();
}

static void
get_context(DsecContext *context, bool without_session,
			const Channel *list, int n)
{
	clear_context(context, list, n);
	if (dsec_guc_mode == DSEC_MODE_PERMISSIVE)
		find_recipients_if_possible(context, without_session, list, n);
	else if (dsec_guc_mode != DSEC_MODE_OFF)
		find_recipients(context, without_session, list, n);
}

void
dsec_context_get(DsecContext *context)
{
	if (leader_context != NULL)
		*context = *leader_context;
	else
		get_context(context, false, channels, nchannels);
}

void
dsec_context_get_channel(DsecContext *context, const char *channel,
						 const char *target)
{
	Channel		only = {channel, target};

	get_context(context, true, &only, 1);
}

static void
check_depth(int more)
{
	if (nchannels + more > MAX_CHANNELS)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("exports are nested too deeply")));
}

void
dsec_context_enter(const char *channel, const char *target)
{
	check_depth(1);
	channels[nchannels].name = channel;
	channels[nchannels].target = target;
	nchannels++;
}

void
dsec_context_leave(void)
{
	Assert(nchannels > 0);
	nchannels--;
}

void
dsec_context_enter_targets(List *targets)
{
	ListCell   *lc;

	check_depth(list_length(targets));
	foreach(lc, targets)
	{
		List	   *target = lfirst(lc);

		dsec_context_enter(strVal(linitial(target)), strVal(lsecond(target)));
	}
}

void
dsec_context_leave_targets(List *targets)
{
	Assert(nchannels >= list_length(targets));
	nchannels -= list_length(targets);
}

bool
dsec_context_is_key_check(void)
{
	return InNoForceRLSOperation() && key_check_depth == 0;
}

void
dsec_context_enter_key_check(void)
{
	key_check_depth++;
}

void
dsec_context_leave_key_check(void)
{
	Assert(key_check_depth > 0);
	key_check_depth--;
}
