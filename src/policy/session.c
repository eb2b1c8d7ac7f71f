/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Who receives what leaves through this session.
 *
 * A session is bound by what cannot be shaken off: the role it logged in as,
 * its session role, the role it has SET, every role these are members of
 * (inherited or not, and also for superusers only when they are members by
 * name), and the address of its client.  All matching bindings hold together.
 *
 * A role binding follows the role by its oid; when no role with that oid is
 * left (restored from a dump, or dropped and made again) it holds for the role
 * of that name.  Roles are resolved here and not by the worker, so that a
 * renamed or recreated role is known at once.
 *
 * The result is cached until the policy, one of the roles or a membership
 * changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>
#include <netinet/in.h>

#include "commands/dbcommands.h"
#include "compat.h"
#include "guc.h"
#include "ledger/worker.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/inet.h"
#include "utils/inval.h"
#include "utils/syscache.h"

static DsecRecipients session;
static bool session_valid = false;
static uint64 invalidations = 0;
static Oid	session_role = InvalidOid;
static Oid	session_outer = InvalidOid;

void
dsec_policy_forget_session(void)
{
	session_valid = false;
	invalidations++;
}

static void
roles_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	dsec_policy_forget_session();
}

void
dsec_policy_init_session(void)
{
	/* inherited by every backend of the postmaster */
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
}

void
dsec_policy_add_recipient(DsecRecipients *recipients, int32 id)
{
	int			position = 0;

	while (position < recipients->n && recipients->id[position] < id)
		position++;
	if (position < recipients->n && recipients->id[position] == id)
		return;
	if (recipients->n >= DSEC_MAX_RECIPIENTS)
	{
		recipients->more = true;
		return;
	}
	memmove(&recipients->id[position + 1], &recipients->id[position],
			(recipients->n - position) * sizeof(int32));
	recipients->id[position] = id;
	recipients->n++;
}

void
dsec_policy_check_recipients(const DsecRecipients *recipients)
{
	if (recipients->more)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("this export concerns more than %d recipients",
						DSEC_MAX_RECIPIENTS),
				 errhint("Ask an officer to remove bindings in dsec.binding.")));
}

/* The role that a binding means now, or 0. */
static Oid
resolve_role(Oid role, const char *name)
{
	if (OidIsValid(role) && SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		return role;
	if (name[0] == '\0')
		return InvalidOid;
	return get_role_oid(name, true);
}

/* Address bytes of the client, or false when it has none (a unix socket). */
static bool
client_address(uint8 *family, const uint8 **bytes)
{
	static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (MyProcPort == NULL)
		return false;
	if (MyProcPort->raddr.addr.ss_family == AF_INET)
	{
		struct sockaddr_in *address = (struct sockaddr_in *) &MyProcPort->raddr.addr;

		*family = PGSQL_AF_INET;
		*bytes = (const uint8 *) &address->sin_addr;
		return true;
	}
	if (MyProcPort->raddr.addr.ss_family == AF_INET6)
	{
		struct sockaddr_in6 *address = (struct sockaddr_in6 *) &MyProcPort->raddr.addr;

		*family = PGSQL_AF_INET6;
		*bytes = (const uint8 *) &address->sin6_addr;
		if (memcmp(*bytes, mapped, sizeof(mapped)) == 0)
		{
			*family = PGSQL_AF_INET;
			*bytes += sizeof(mapped);
		}
		return true;
	}
	return false;
}

static bool
within(const DsecPolicyBinding *network, uint8 family, const uint8 *bytes)
{
	int			whole = network->bits / 8;
	int			rest = network->bits % 8;

	if (network->family != family)
		return false;
	if (memcmp(network->address, bytes, whole) != 0)
		return false;
	return rest == 0 ||
		((network->address[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

static void
find_session_recipients(const DsecPolicy *policy, DsecRecipients *found)
{
	Oid			candidates[3];
	uint8		family = 0;
	const uint8 *bytes = NULL;
	bool		remote = client_address(&family, &bytes);

	candidates[0] = MyProc->roleId;
	candidates[1] = GetSessionUserId();
	candidates[2] = GetOuterUserId();

	found->n = 0;
	found->more = false;
	for (int i = 0; i < policy->nbindings; i++)
	{
		const DsecPolicyBinding *binding = &DsecPolicyBindings(policy)[i];

		if (binding->kind == DSEC_BIND_ADDRESS)
		{
			if (remote && within(binding, family, bytes))
				dsec_policy_add_recipient(found, binding->recipient);
		}
		else if (binding->kind == DSEC_BIND_ROLE)
		{
			Oid			role = resolve_role(binding->role,
											DsecPolicyText(policy, binding->target));

			for (size_t j = 0; OidIsValid(role) && j < lengthof(candidates); j++)
			{
				if (OidIsValid(candidates[j]) &&
					is_member_of_role_nosuper(candidates[j], role))
				{
					dsec_policy_add_recipient(found, binding->recipient);
					break;
				}
			}
		}
	}
}

const DsecRecipients *
dsec_policy_session(void)
{
	static const DsecRecipients nobody = {0};
	const DsecPolicy *policy;
	DsecRecipients found;
	uint64		seen;

	if (likely(session_valid &&
			   session_role == GetSessionUserId() &&
			   session_outer == GetOuterUserId()))
		return &session;

	/* nothing published: dsec_policy_sync says what that means */
	policy = dsec_policy_local_generation() != 0 ?
		dsec_policy_local() : dsec_policy_reload();
	if (policy == NULL)
		return &nobody;

	/* an invalidation during the look-ups makes the next call look once more */
	seen = invalidations;
	find_session_recipients(policy, &found);
	session = found;
	session_role = GetSessionUserId();
	session_outer = GetOuterUserId();
	session_valid = seen == invalidations;
	return &session;
}

/* -------------------------------------------------------------------------
 * Channels
 * ------------------------------------------------------------------------- */

/* Is the path the bound one, or below it? */
static bool
path_below(const char *path, const char *bound)
{
	size_t		length = strlen(bound);

	if (strncmp(path, bound, length) != 0)
		return false;
	return path[length] == '\0' || path[length] == '/' ||
		(length > 0 && bound[length - 1] == '/');
}

/*
 * The path as the file system knows it, links followed.  A file that does not
 * exist yet is looked at by its directory.
 */
static char *
real_path(const char *path)
{
	char		directory[MAXPGPATH];
	char	   *resolved = realpath(path, NULL);
	char	   *result = NULL;

	if (resolved == NULL)
	{
		char	   *slash;

		strlcpy(directory, path, sizeof(directory));
		slash = strrchr(directory, '/');
		if (slash == NULL)
			return NULL;
		*slash = '\0';
		resolved = realpath(directory[0] ? directory : "/", NULL);
		if (resolved == NULL)
			return NULL;
		result = psprintf("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
						  path + (slash - directory) + 1);
	}
	else
		result = pstrdup(resolved);
	free(resolved);
	return result;
}

static bool
file_matches(const char *target, const char *bound)
{
	char		canonical[MAXPGPATH];
	char		canonical_bound[MAXPGPATH];
	char	   *real;
	char	   *real_bound;

	strlcpy(canonical, target, sizeof(canonical));
	canonicalize_path(canonical);
	strlcpy(canonical_bound, bound, sizeof(canonical_bound));
	canonicalize_path(canonical_bound);
	real = real_path(canonical);
	real_bound = real_path(canonical_bound);

	/*
	 * What counts is where the file really is.  The path as it is written
	 * decides only when that cannot be found out.
	 */
	if (real == NULL)
		return path_below(canonical, canonical_bound);
	return path_below(real, canonical_bound) ||
		(real_bound && path_below(real, real_bound));
}

/*
 * A command is the bound one, or goes on with arguments.  With lenient false
 * nothing in the arguments may make the shell run or write anything else.
 */
static bool
program_matches(const char *command, const char *bound, bool lenient)
{
	size_t		length = strlen(bound);

	if (strncmp(command, bound, length) != 0)
		return false;
	if (command[length] == '\0')
		return true;
	if (command[length] != ' ' && command[length] != '\t')
		return lenient && strchr(";&|<>\n", command[length]) != NULL;
	return lenient || strpbrk(command + length, ";&|<>$`()\n\\\"'") == NULL;
}

static bool
channel_matches(const DsecPolicy *policy, const DsecPolicyBinding *binding,
				const char *channel, const char *target)
{
	const char *bound = DsecPolicyText(policy, binding->target);

	if (binding->kind == DSEC_BIND_SERVER)
	{
		char	   *database;

		if (strcmp(channel, "fdw") != 0 || target == NULL ||
			strcmp(bound, target) != 0)
			return false;
		database = get_database_name(MyDatabaseId);
		return database &&
			strcmp(DsecPolicyText(policy, binding->database), database) == 0;
	}

	if (binding->kind != DSEC_BIND_CHANNEL ||
		strcmp(DsecPolicyText(policy, binding->channel), channel) != 0)
		return false;
	if (bound[0] == '\0')
		return true;
	if (target == NULL)
		return false;
	if (strcmp(channel, "file") == 0)
		return file_matches(target, bound);
	if (strcmp(channel, "program") == 0)
	{
		const DsecPolicyRecipient *recipient =
		dsec_policy_find_recipient(policy, binding->recipient);

		/* a recipient of one's own house must not serve as a pretext */
		return program_matches(target, bound,
							   recipient &&
							   recipient->status != DSEC_STATUS_INTERNAL &&
							   recipient->status != DSEC_STATUS_DOMESTIC);
	}
	return strcmp(bound, target) == 0;
}

void
dsec_policy_channel(const char *channel, const char *target, DsecRecipients *add)
{
	const DsecPolicy *policy = dsec_policy_local();

	for (int i = 0; i < policy->nbindings; i++)
	{
		const DsecPolicyBinding *binding = &DsecPolicyBindings(policy)[i];

		if (channel_matches(policy, binding, channel, target))
			dsec_policy_add_recipient(add, binding->recipient);
	}
}

/* -------------------------------------------------------------------------
 * Automatic recipients
 * ------------------------------------------------------------------------- */

/* The automatic recipient of the login role in a policy, or 0. */
static int32
find_automatic(const DsecPolicy *policy)
{
	for (int i = 0; i < policy->nrecipients; i++)
	{
		const DsecPolicyRecipient *recipient = &DsecPolicyRecipients(policy)[i];

		if (recipient->automatic &&
			(recipient->login_role == MyProc->roleId ||
			 resolve_role(recipient->login_role,
						  DsecPolicyText(policy, recipient->login_name)) == MyProc->roleId))
			return recipient->id;
	}
	return 0;
}

/* Ask the worker for the recipient, unless that has been done. */
static void
request_automatic(void)
{
	DsecPolicyShared *shared = dsec_policy_shared;
	char	   *name = GetUserNameFromId(MyProc->roleId, false);
	bool		queued = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nrequests; i++)
	{
		if (shared->requests[i].role == MyProc->roleId)
			queued = true;
	}
	/* with the queue full, the next try finds room */
	if (!queued && shared->nrequests < DSEC_POLICY_REQUESTS)
	{
		DsecPolicyRequest *request = &shared->requests[shared->nrequests++];

		request->role = MyProc->roleId;
		strlcpy(request->name, name, sizeof(request->name));
	}
	LWLockRelease(shared->lock);
	pfree(name);
	dsec_worker_wake();
}

static bool
have_automatic(void *arg)
{
	int32	   *found = arg;
	const DsecPolicy *policy = dsec_policy_reload();

	*found = policy ? find_automatic(policy) : 0;
	if (*found != 0)
		return true;
	if (dsec_worker_state(NULL) != DSEC_WORKER_READY &&
		dsec_worker_state(NULL) != DSEC_WORKER_ABSENT)
		return true;
	request_automatic();
	return false;
}

int32
dsec_policy_unassigned(void)
{
	int32		found = find_automatic(dsec_policy_local());
	char	   *problem = NULL;

	if (found != 0)
		return found;

	dsec_worker_wait(have_automatic, &found);
	if (found == 0)
	{
		DsecWorkerState state = dsec_worker_state(&problem);

		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("no recipient could be recorded for this login role"),
				 problem ? errdetail("%s", problem) :
				 state == DSEC_WORKER_STANDBY ?
				 errdetail("The server is a standby, so the ledger cannot be written.") :
				 errdetail("The dsec worker did not add it within %d ms.",
						   dsec_guc_ledger_timeout),
				 errhint("See dsec.status(), or bind the role to a recipient with dsec.bind_role().")));
	}
	return found;
}
