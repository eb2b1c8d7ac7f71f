/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  The policy as sessions see it: its generation, the wait for the one that
 *	  is committed, the backend's copy, and look-ups in it.
 *
 * Generations.  A transaction that changed the policy raises "wanted" right
 * after its commit has become visible (change.c); the worker reads the tables
 * with a snapshot that is younger than the generation it read, and publishes
 * them under that generation (publish.c).  So "published >= wanted" means that
 * every change committed so far is obeyed.  After a start or crash wanted is 1
 * and published is 0: nothing tagged is exported before the first publication.
 *
 * Locking.  One LWLock, exclusive for the worker while it replaces the policy
 * and shared for sessions while they copy it; the generations are atomics and
 * are read without it.
 *
 * This file does not decide (charge.c) and does not know who the session is
 * (session.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "policy/holdings.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tag/tag.h"
#include "utils/memutils.h"

#define TRANCHE "dsec policy"

DsecPolicyShared *dsec_policy_shared = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* the backend's copy, and the generation it was published under */
static DsecPolicy *local = NULL;
static uint64 local_generation = 0;

static Size
shared_size(void)
{
	return add_size(offsetof(DsecPolicyShared, policy), DSEC_POLICY_BYTES);
}

static void
request_shared(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();

	RequestAddinShmemSpace(MAXALIGN(shared_size()));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
start_shared(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	dsec_policy_shared = ShmemInitStruct(TRANCHE, shared_size(), &found);
	if (!found)
	{
		memset(dsec_policy_shared, 0, offsetof(DsecPolicyShared, policy));
		dsec_policy_shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		pg_atomic_init_u64(&dsec_policy_shared->wanted, 1);
		pg_atomic_init_u64(&dsec_policy_shared->published, 0);
		pg_atomic_init_u64(&dsec_policy_shared->window_epoch, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

static bool settled(void *arg);

/*
 * For the label provider: is there such a category?  Waits for a change that is
 * on its way, but raises nothing and lets the label pass when no policy is to
 * be had, because labels are set in restores, too.
 */
static bool
category_known(const char *category)
{
	uint64		wanted = pg_atomic_read_u64(&dsec_policy_shared->wanted);
	const DsecPolicy *policy;

	if (dsec_worker_state(NULL) == DSEC_WORKER_READY)
		dsec_worker_wait(settled, &wanted);
	policy = dsec_policy_reload();
	return policy == NULL || dsec_policy_find_category(policy, category) >= 0;
}

void
dsec_policy_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared;

	dsec_policy_init_publish();
	dsec_policy_init_session();
	dsec_policy_init_change();
	dsec_policy_init_holdings();
	dsec_tag_set_category_check(category_known);
}

void
dsec_policy_require_preload(void)
{
	if (dsec_policy_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("dsec is not loaded at server start, so nothing is counted or blocked"),
				 errhint("Add dsec to shared_preload_libraries and restart the server.")));
}

bool
dsec_policy_is_current(uint64 generation)
{
	uint64		wanted;
	uint64		published;

	if (unlikely(dsec_policy_shared == NULL))
		return false;

	/* in the order of dsec_policy_generation */
	wanted = pg_atomic_read_u64(&dsec_policy_shared->wanted);
	pg_read_barrier();
	published = pg_atomic_read_u64(&dsec_policy_shared->published);

	return published == generation && published >= wanted;
}

uint64
dsec_policy_generation(bool *current)
{
	uint64		wanted;
	uint64		published;

	if (dsec_policy_shared == NULL)
	{
		*current = false;
		return 0;
	}

	/* wanted first: what was wanted before this call has to be there */
	wanted = pg_atomic_read_u64(&dsec_policy_shared->wanted);
	pg_read_barrier();
	published = pg_atomic_read_u64(&dsec_policy_shared->published);
	*current = published >= wanted;
	return published;
}

static void
forget_local(void)
{
	if (local)
		pfree(local);
	local = NULL;
	local_generation = 0;
	dsec_policy_forget_session();
}

uint64
dsec_policy_local_generation(void)
{
	return local_generation;
}

const DsecPolicy *
dsec_policy_reload(void)
{
	DsecPolicyShared *shared = dsec_policy_shared;

	if (shared == NULL)
		return NULL;
	if (local &&
		pg_atomic_read_u64(&shared->published) == local_generation)
		return local;

	forget_local();
	LWLockAcquire(shared->lock, LW_SHARED);
	if (pg_atomic_read_u64(&shared->published) > 0)
	{
		/* an error here releases the lock, and leaves no copy */
		local = MemoryContextAlloc(TopMemoryContext, shared->size);
		memcpy(local, shared->policy, shared->size);
		local_generation = pg_atomic_read_u64(&shared->published);
	}
	LWLockRelease(shared->lock);
	return local;
}

const DsecPolicy *
dsec_policy_local(void)
{
	if (local == NULL)
	{
		dsec_policy_require_preload();
		if (dsec_policy_reload() == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("no policy has been published since the server started"),
					 errhint("See dsec.status().")));
	}
	return local;
}

/*
 * What a session waits for: every change committed before it began to wait is
 * published, or it is known that this will not come about.
 */
static bool
settled(void *arg)
{
	uint64		wanted = *(uint64 *) arg;
	bool		failed;

	if (pg_atomic_read_u64(&dsec_policy_shared->published) >= wanted)
		return true;
	/* a worker that cannot open the ledger still publishes */
	if (dsec_worker_state(NULL) == DSEC_WORKER_NO_LEDGER)
		return true;
	LWLockAcquire(dsec_policy_shared->lock, LW_SHARED);
	failed = dsec_policy_shared->failed >= wanted;
	LWLockRelease(dsec_policy_shared->lock);
	return failed;
}

/*
 * Raise the error for a policy that is not current, with the best cause known.
 */
static void
not_published(void)
{
	char	   *worker_problem = NULL;
	char		problem[sizeof(dsec_policy_shared->problem)];
	DsecWorkerState state = dsec_worker_state(&worker_problem);

	LWLockAcquire(dsec_policy_shared->lock, LW_SHARED);
	strlcpy(problem, dsec_policy_shared->problem, sizeof(problem));
	LWLockRelease(dsec_policy_shared->lock);

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("the policy in force could not be obtained from the ledger database \"%s\"",
					dsec_guc_ledger_database),
			 worker_problem ? errdetail("%s", worker_problem) :
			 problem[0] ? errdetail("%s", problem) :
			 state == DSEC_WORKER_ABSENT ?
			 errdetail("The dsec worker is not running.") :
			 errdetail("The dsec worker did not publish it within %d ms.",
					   dsec_guc_ledger_timeout),
			 errhint("See dsec.status(); the server log has the worker's errors.")));
}

bool
dsec_policy_sync(void)
{
	uint64		wanted;

	dsec_policy_require_preload();

	if (dsec_worker_state(NULL) == DSEC_WORKER_NO_LEDGER)
	{
		forget_local();
		return false;
	}

	wanted = pg_atomic_read_u64(&dsec_policy_shared->wanted);
	pg_read_barrier();
	if (pg_atomic_read_u64(&dsec_policy_shared->published) < wanted)
	{
		dsec_worker_wait(settled, &wanted);
		if (pg_atomic_read_u64(&dsec_policy_shared->published) < wanted)
		{
			if (dsec_worker_state(NULL) == DSEC_WORKER_NO_LEDGER)
			{
				forget_local();
				return false;
			}
			not_published();
		}
	}

	dsec_policy_reload();
	return true;
}

const DsecPolicyRecipient *
dsec_policy_find_recipient(const DsecPolicy *policy, int32 id)
{
	const DsecPolicyRecipient *recipients = DsecPolicyRecipients(policy);
	int			low = 0;
	int			high = policy->nrecipients;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (recipients[middle].id == id)
			return &recipients[middle];
		if (recipients[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const DsecPolicyRecipient *
dsec_policy_find_recipient_name(const DsecPolicy *policy, const char *name)
{
	const DsecPolicyRecipient *recipients = DsecPolicyRecipients(policy);

	for (int i = 0; i < policy->nrecipients; i++)
	{
		if (strcmp(DsecPolicyText(policy, recipients[i].name), name) == 0)
			return &recipients[i];
	}
	return NULL;
}

int
dsec_policy_find_category(const DsecPolicy *policy, const char *name)
{
	const DsecPolicyCategory *categories = DsecPolicyCategories(policy);
	int			low = 0;
	int			high = policy->ncategories;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = strcmp(DsecPolicyText(policy, categories[middle].name),
								   name);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

bool
dsec_policy_rule_applies(const DsecPolicyRule *rule,
						 const DsecPolicyRecipient *recipient,
						 DateADT today)
{
	uint32		status = 1 << recipient->status;

	/* whoever nobody has assigned might be covered */
	if (recipient->status == DSEC_STATUS_UNASSIGNED)
		status |= 1 << DSEC_STATUS_COVERED;

	return (rule->applies_to & status) != 0 &&
		dsec_policy_rule_in_force(rule, today);
}

bool
dsec_policy_blocks(bool unassigned)
{
	return dsec_guc_mode == DSEC_MODE_ENFORCING &&
		(!unassigned || dsec_guc_unassigned == DSEC_UNASSIGNED_BLOCK);
}

const char *
dsec_policy_recipient_name(int32 recipient)
{
	const DsecPolicy *policy = local ? local : dsec_policy_reload();
	const DsecPolicyRecipient *found = NULL;

	if (policy)
		found = dsec_policy_find_recipient(policy, recipient);
	return found ? DsecPolicyText(policy, found->name) : NULL;
}
