/*-------------------------------------------------------------------------
 *
 * publish.c
 *	  Tasks of the worker: publish the policy, make automatic recipients, and
 *	  follow renamed roles.
 *
 * Publishing.  The tables are read (build.c) with a snapshot that is younger
 * than the generation read in pending(), and the result is put into shared
 * memory when the transaction has ended well.  That happens when a higher
 * generation is wanted, and every now and then, because a rule can expire, a
 * table can be changed with triggers disabled, and on a standby nobody raises
 * the wanted generation.  Contents that have not changed are not published
 * again.
 *
 * A policy that cannot be published (too large, too many windows) is noted as
 * failed with its cause, and exports fail closed until it is mended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "ledger/ledger.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* seconds between two looks at the tables when nobody asked for one */
#define POLL_SECONDS 60
#define POLL_SECONDS_STANDBY 3

#define LEASE_MOST 4096

static MemoryContext build_context = NULL;
static DsecPolicyBuild *build = NULL;

/* generation to publish under: what was wanted before the snapshot */
static uint64 attempt = 0;
static TimestampTz next_look = 0;
static TimestampTz next_roles = 0;
static bool windows_given = false;

/* automatic recipients that the running transaction makes */
static int	nmaking = 0;
static DsecPolicyRequest making[DSEC_POLICY_REQUESTS];

/* -------------------------------------------------------------------------
 * Task: publish
 * ------------------------------------------------------------------------- */

static bool
publish_pending(void)
{
	TimestampTz now = GetCurrentTimestamp();

	attempt = pg_atomic_read_u64(&dsec_policy_shared->wanted);
	pg_read_barrier();
	if (pg_atomic_read_u64(&dsec_policy_shared->published) < attempt &&
		dsec_policy_shared->failed < attempt)
		return true;
	if (now >= next_look)
		return true;
	dsec_worker_nap(TimestampDifferenceMilliseconds(now, next_look));
	return false;
}

static void
publish_run(void)
{
	MemoryContext old_context;

	if (build_context == NULL)
		build_context = AllocSetContextCreate(TopMemoryContext,
											  "dsec policy publication",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(build_context);
	old_context = MemoryContextSwitchTo(build_context);
	build = dsec_policy_build();
	MemoryContextSwitchTo(old_context);
}

static void
note_problem(const char *problem, bool final)
{
	LWLockAcquire(dsec_policy_shared->lock, LW_EXCLUSIVE);
	strlcpy(dsec_policy_shared->problem, problem,
			sizeof(dsec_policy_shared->problem));
	if (final)
		dsec_policy_shared->failed = attempt;
	LWLockRelease(dsec_policy_shared->lock);
}

static bool
same_as_published(void)
{
	return dsec_policy_shared->size == build->policy->size &&
		memcmp(dsec_policy_shared->policy, build->policy,
			   build->policy->size) == 0;
}

static void
publish_done(bool committed)
{
	DsecPolicyShared *shared = dsec_policy_shared;
	uint64		published = pg_atomic_read_u64(&shared->published);

	next_look = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											(RecoveryInProgress() ?
											 POLL_SECONDS_STANDBY :
											 POLL_SECONDS) * 1000);
	if (!committed)
	{
		/* the worker tries again after a pause */
		next_look = 0;
		note_problem("The dsec worker could not read the policy; the server log has its error.",
					 false);
		return;
	}
	if (build->problem)
	{
		/*
		 * A change that nobody announced must not leave the previous policy in
		 * force as if it were current.
		 */
		if (attempt == published)
			attempt = pg_atomic_add_fetch_u64(&shared->wanted, 1);
		if (shared->failed < attempt)
			ereport(LOG,
					(errmsg("the policy cannot be published"),
					 errdetail("%s", build->problem),
					 errhint("Exports of tagged data are refused until this is mended.")));
		note_problem(build->problem, true);
		return;
	}

	if (attempt == published)
	{
		uint64		expected = published;

		/*
		 * Nobody announced a change.  If there is one all the same, it needs a
		 * generation of its own; if somebody announces a change meanwhile, leave
		 * it to the next round, which sees that one too.
		 */
		if (windows_given && same_as_published())
		{
			note_problem("", false);
			return;
		}
		attempt = published + 1;
		if (!pg_atomic_compare_exchange_u64(&shared->wanted, &expected, attempt))
			return;
	}

	if (build->slots_reused)
		pg_atomic_fetch_add_u64(&shared->window_epoch, 1);
	dsec_ledger_publish_windows(build->slots, build->nslots);
	windows_given = true;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->nwindows = build->nslots;
	memcpy(shared->windows, build->slots, sizeof(shared->windows));
	memcpy(shared->policy, build->policy, build->policy->size);
	shared->size = build->policy->size;
	shared->problem[0] = '\0';
	pg_atomic_write_u64(&shared->published, attempt);
	LWLockRelease(shared->lock);

	MemoryContextReset(build_context);
	build = NULL;
}

/*
 * The tables are gone.  Whatever is published next has a number that no session
 * has seen.
 */
static void
publish_reset(void)
{
	DsecPolicyShared *shared = dsec_policy_shared;

	pg_atomic_fetch_add_u64(&shared->wanted, 1);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	pg_atomic_write_u64(&shared->published, 0);
	shared->size = 0;
	shared->failed = 0;
	shared->problem[0] = '\0';
	shared->nrequests = 0;
	LWLockRelease(shared->lock);
	next_look = 0;
}

/*
 * How large a lease of an account may be: 1 % of the tightest threshold that
 * blocks this recipient in this category or one of its ancestors.  Called in
 * the worker.
 */
static int
lease_size(int32 recipient, const char *category)
{
	const DsecPolicy *policy = dsec_policy_reload();
	const DsecPolicyRecipient *found = NULL;
	DateADT		today = dsec_ledger_today();
	int64		size = LEASE_MOST;
	int			index;

	if (policy == NULL)
		return 1;
	found = dsec_policy_find_recipient(policy, recipient);
	index = dsec_policy_find_category(policy, category);
	if (found == NULL || index < 0)
		return 1;

	/* the chain is no longer than there are categories, even in a circle */
	for (int depth = 0; index >= 0 && depth < policy->ncategories; depth++)
	{
		for (int i = 0; i < policy->nrules; i++)
		{
			const DsecPolicyRule *rule = &DsecPolicyRules(policy)[i];

			if (rule->category == index &&
				rule->block &&
				dsec_policy_rule_applies(rule, found, today) &&
				dsec_policy_blocks(found->status == DSEC_STATUS_UNASSIGNED))
				size = Min(size, rule->threshold / 100);
		}
		index = DsecPolicyCategories(policy)[index].parent;
	}
	return (int) Max(size, 1);
}

/* -------------------------------------------------------------------------
 * Task: automatic recipients
 * ------------------------------------------------------------------------- */

static bool
recipients_pending(void)
{
	return dsec_policy_shared->nrequests > 0;
}

/*
 * Make a recipient for each login role that waits for one.  A role that took
 * over the name of another, renamed one gets a recipient named with its oid,
 * because the other's ledger is not its own.
 */
static void
recipients_run(void)
{
	LWLockAcquire(dsec_policy_shared->lock, LW_SHARED);
	nmaking = dsec_policy_shared->nrequests;
	memcpy(making, dsec_policy_shared->requests, sizeof(making));
	LWLockRelease(dsec_policy_shared->lock);

	for (int i = 0; i < nmaking; i++)
	{
		Oid			types[2] = {TEXTOID, OIDOID};
		Datum		values[2];
		int			rc;

		values[0] = CStringGetTextDatum(making[i].name);
		values[1] = ObjectIdGetDatum(making[i].role);
		rc = SPI_execute_with_args(
								   "INSERT INTO dsec.recipient (name, status, login_role, note)"
								   " SELECT CASE WHEN EXISTS (SELECT FROM dsec.recipient"
								   "   WHERE name = 'unassigned:' || $1)"
								   "  THEN 'unassigned:' || $1 || '#' || $2::text"
								   "  ELSE 'unassigned:' || $1 END, 'unassigned', $1,"
								   " 'made by dsec at the first export of this login role'"
								   " WHERE NOT EXISTS (SELECT FROM dsec.recipient"
								   "  WHERE login_role_oid = $2)"
								   " ON CONFLICT (name) DO NOTHING",
								   2, types, values, NULL, false, 0);
		if (rc != SPI_OK_INSERT)
			elog(ERROR, "could not add an automatic recipient: %s",
				 SPI_result_code_string(rc));
	}
}

/* Take what was made, or cannot be made, out of the queue. */
static void
recipients_done(bool committed)
{
	DsecPolicyShared *shared = dsec_policy_shared;
	int			kept = 0;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nrequests; i++)
	{
		bool		made = false;

		for (int j = 0; j < nmaking; j++)
		{
			if (making[j].role == shared->requests[i].role)
				made = true;
		}
		if (!made)
			shared->requests[kept++] = shared->requests[i];
	}
	/* a session that still waits asks again */
	shared->nrequests = kept;
	LWLockRelease(shared->lock);
	nmaking = 0;
}

/* -------------------------------------------------------------------------
 * Task: renamed roles
 *
 * A binding follows its role by oid.  Its name is kept up to date as well,
 * because a dump carries names; and a role that was made anew is known by its
 * name until its oid has been noted.
 * ------------------------------------------------------------------------- */

static const char *const role_updates[][2] = {
	{
		"SELECT FROM dsec.binding b, pg_catalog.pg_roles r"
		" WHERE b.role_oid = r.oid AND b.target <> r.rolname",
		"WITH stale AS (SELECT b.id, r.rolname FROM dsec.binding b, pg_catalog.pg_roles r"
		"  WHERE b.role_oid = r.oid AND b.target <> r.rolname"
		"  FOR NO KEY UPDATE OF b SKIP LOCKED)"
		" UPDATE dsec.binding b SET target = stale.rolname FROM stale"
		" WHERE b.id = stale.id"
	},
	{
		"SELECT FROM dsec.binding b, pg_catalog.pg_roles r"
		" WHERE b.kind = 'role' AND b.target = r.rolname AND b.role_oid IS DISTINCT FROM r.oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.oid = b.role_oid)",
		"WITH stale AS (SELECT b.id, r.oid FROM dsec.binding b, pg_catalog.pg_roles r"
		"  WHERE b.kind = 'role' AND b.target = r.rolname AND b.role_oid IS DISTINCT FROM r.oid"
		"  AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.oid = b.role_oid)"
		"  FOR NO KEY UPDATE OF b SKIP LOCKED)"
		" UPDATE dsec.binding b SET role_oid = stale.oid FROM stale"
		" WHERE b.id = stale.id"
	},
	{
		"SELECT FROM dsec.recipient b, pg_catalog.pg_roles r"
		" WHERE b.login_role_oid = r.oid AND b.login_role <> r.rolname",
		"WITH stale AS (SELECT b.id, r.rolname FROM dsec.recipient b, pg_catalog.pg_roles r"
		"  WHERE b.login_role_oid = r.oid AND b.login_role <> r.rolname"
		"  FOR NO KEY UPDATE OF b SKIP LOCKED)"
		" UPDATE dsec.recipient b SET login_role = stale.rolname FROM stale"
		" WHERE b.id = stale.id"
	},
	{
		"SELECT FROM dsec.recipient b, pg_catalog.pg_roles r"
		" WHERE b.login_role = r.rolname AND b.login_role_oid IS DISTINCT FROM r.oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.oid = b.login_role_oid)",
		"WITH stale AS (SELECT b.id, r.oid FROM dsec.recipient b, pg_catalog.pg_roles r"
		"  WHERE b.login_role = r.rolname AND b.login_role_oid IS DISTINCT FROM r.oid"
		"  AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.oid = b.login_role_oid)"
		"  FOR NO KEY UPDATE OF b SKIP LOCKED)"
		" UPDATE dsec.recipient b SET login_role_oid = stale.oid FROM stale"
		" WHERE b.id = stale.id"
	}
};

static bool
roles_pending(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= next_roles)
		return true;
	dsec_worker_nap(TimestampDifferenceMilliseconds(now, next_roles));
	return false;
}

static void
roles_run(void)
{
	for (size_t i = 0; i < lengthof(role_updates); i++)
	{
		int			rc;

		/* an update of no row would still announce a change */
		rc = SPI_execute(role_updates[i][0], true, 1);
		if (rc != SPI_OK_SELECT)
			elog(ERROR, "could not read role names: %s",
				 SPI_result_code_string(rc));
		if (SPI_processed == 0)
			continue;
		rc = SPI_execute(role_updates[i][1], false, 0);
		if (rc != SPI_OK_UPDATE)
			elog(ERROR, "could not update role names: %s",
				 SPI_result_code_string(rc));
	}
}

static void
roles_done(bool committed)
{
	next_roles = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											 POLL_SECONDS * 1000);
}

static const DsecWorkerTask publish_task = {
	.name = "publish the policy",
	.on_standby = true,
	.pending = publish_pending,
	.run = publish_run,
	.done = publish_done,
	.reset = publish_reset
};

static const DsecWorkerTask recipients_task = {
	.name = "add automatic recipients",
	.on_standby = false,
	.pending = recipients_pending,
	.run = recipients_run,
	.done = recipients_done
};

static const DsecWorkerTask roles_task = {
	.name = "follow renamed roles",
	.on_standby = false,
	.pending = roles_pending,
	.run = roles_run,
	.done = roles_done
};

void
dsec_policy_init_publish(void)
{
	dsec_worker_add_task(&recipients_task);
	dsec_worker_add_task(&roles_task);
	dsec_worker_add_task(&publish_task);
	dsec_ledger_set_lease_size(lease_size);
}
