/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Records on their way to dsec.event: the session's side.
 *
 * Records wait in slots in shared memory.  A session takes a slot before it
 * lets anything out, when failing is still possible, and from then on nothing
 * stands between the record and the worker: publishing is a compare-and-swap,
 * which an abort or a backend exit can do.
 *
 * Folding.  A session remembers its last few published records.  While one of
 * them waits for the worker, the session takes it back, adds to it, and makes
 * it ready again.  A record for which somebody waits, and one that an
 * interrupted worker may have written already, are left alone.
 *
 * Locking.  None: see event_slots.h.  What a backend holds is known to that
 * backend only (held[]), and its exit callback publishes it.  A backend that
 * dies without running callbacks takes the whole cluster's shared memory with
 * it; then event_file.c saves the slots, held ones as they stand.
 *
 * Invariants.  A slot in state HELD is in held[] of one backend.  No error is
 * raised between moving a slot to HELD and entering it in held[], nor while a
 * slot is FOLDING.
 *
 * This file does not write to dsec.event (event_store.c does), and does not
 * decide what is recorded (its callers do).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "common/ip.h"
#include "guc.h"
#include "ledger/event.h"
#include "ledger/event_slots.h"
#include "ledger/worker.h"
#include "libpq/libpq-be.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "report.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/* slots beyond one for every backend */
#define SPARE_SLOTS 512

/* what one session may hold; keeps one session from starving the others */
#define SESSION_SLOTS 128

/* published records a session tries to fold into */
#define RECENT 8

DsecEventShared *dsec_event_shared = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* slots this backend holds */
static int	held[SESSION_SLOTS];
static int	nheld = 0;

/* where to look for a free slot first: the one used last is likely free */
static int	first_guess = -1;

/* records published lately, in a ring */
typedef struct Recent
{
	int			slot;
	uint64		word;			/* when READY */
	uint64		hash;			/* of what must agree; 0: unused */
} Recent;

static Recent recent[RECENT];
static int	next_recent = 0;

/* stands in for a slot in permissive mode; its contents are never read */
static DsecEvent scrap;

static int
slot_count(void)
{
	return SPARE_SLOTS + MaxBackends;
}

static Size
slots_size(void)
{
	return MAXALIGN(add_size(offsetof(DsecEventShared, slots),
							 mul_size(slot_count(), sizeof(DsecEventSlot))));
}

static Size
shared_size(void)
{
	return add_size(slots_size(), mul_size(slot_count(), sizeof(DsecEvent)));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	dsec_event_shared = ShmemInitStruct("dsec events", shared_size(), &found);
	if (!found)
	{
		DsecEventShared *shared = dsec_event_shared;

		memset(shared, 0, shared_size());
		shared->nslots = slot_count();
		shared->events = (DsecEvent *) ((char *) shared + slots_size());
		shared->mode = -1;
		pg_atomic_init_u64(&shared->sequence, 0);
		pg_atomic_init_u32(&shared->hurry, 0);
		pg_atomic_init_u32(&shared->idle, 0);
		pg_atomic_init_u64(&shared->lost, 0);
		for (int i = 0; i < shared->nslots; i++)
			pg_atomic_init_u64(&shared->slots[i].word, DSEC_EVENT_FREE);
	}
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
	{
		dsec_event_load();
		on_shmem_exit(dsec_event_save, (Datum) 0);
	}
}

/* ------------------------------------------------------------------------
 * Strings
 * ------------------------------------------------------------------------ */

/* As strlcpy, but never cuts a character in two. */
static void
copy_name(char *dst, Size size, const char *src)
{
	Size		len = strlen(src);

	if (len >= size)
		len = pg_mbcliplen(src, len, size - 1);
	memcpy(dst, src, len);
	dst[len] = '\0';
}

/*
 * Append an entry to a comma-separated list, or "..." once when it does not
 * fit.  Room for the mark is always kept.
 */
static void
append_entry(char *list, Size size, const char *entry, bool quote)
{
	static const char mark[] = ",...";
	Size		len = strlen(list);
	Size		need = strlen(entry) + (len > 0 ? 1 : 0);
	char	   *p;

	if (strcmp(list, mark + 1) == 0 ||
		(len >= strlen(mark) && strcmp(list + len - strlen(mark), mark) == 0))
		return;					/* cut already */

	if (quote)
	{
		need += 2;
		for (const char *c = entry; *c; c++)
			need += *c == '"';
	}
	if (len + need + sizeof(mark) > size)
	{
		strcpy(list + len, len > 0 ? mark : mark + 1);
		return;
	}

	p = list + len;
	if (len > 0)
		*p++ = ',';
	if (quote)
		*p++ = '"';
	for (const char *c = entry; *c; c++)
	{
		if (quote && *c == '"')
			*p++ = '"';
		*p++ = *c;
	}
	if (quote)
		*p++ = '"';
	*p = '\0';
}

void
dsec_event_add_recipient(DsecEvent *event, const char *name)
{
	append_entry(event->recipients, sizeof(event->recipients), name,
				 name[0] == '\0' || strcmp(name, "...") == 0 ||
				 strpbrk(name, "\",") != NULL);
}

void
dsec_event_add_relation(DsecEvent *event, const char *relation)
{
	append_entry(event->relations, sizeof(event->relations), relation, false);
}

void
dsec_event_add_category(DsecEvent *event, const char *category,
						int64 subjects, int64 charged)
{
	DsecEventCategory *c;
	int			i;

	for (i = 0; i < event->ncategories; i++)
	{
		if (strncmp(event->categories[i].category, category, NAMEDATALEN - 1) == 0)
			break;
	}
	if (i == DSEC_EVENT_CATEGORIES)
	{
		/* keep the sum of what has no place of its own */
		i = DSEC_EVENT_CATEGORIES - 1;
		strcpy(event->categories[i].category, "...");
	}
	c = &event->categories[i];
	if (i == event->ncategories)
	{
		event->ncategories++;
		copy_name(c->category, sizeof(c->category), category);
		c->subjects = c->charged = 0;
	}
	c->subjects += subjects;
	c->charged += charged;
}

/* ------------------------------------------------------------------------
 * Slots
 * ------------------------------------------------------------------------ */

/*
 * Make a held slot ready; returns its word.  From here on the contents belong
 * to whoever moves the slot next.
 */
static uint64
make_ready(int i, bool alone)
{
	DsecEventSlot *slot = &dsec_event_shared->slots[i];
	uint64		word = pg_atomic_read_u64(&slot->word);
	uint64		ready = DSEC_EVENT_WORD(word, DSEC_EVENT_READY);

	Assert(DSEC_EVENT_STATE(word) == DSEC_EVENT_HELD);
	slot->sequence = pg_atomic_add_fetch_u64(&dsec_event_shared->sequence, 1);
	slot->encoding = GetDatabaseEncoding();
	slot->alone = alone;
	slot->doubtful = false;
	dsec_event_move(slot, word, ready);

	if (pg_atomic_read_u32(&dsec_event_shared->idle) != 0 &&
		pg_atomic_exchange_u32(&dsec_event_shared->idle, 0) != 0)
		dsec_worker_wake();
	return ready;
}

static void
free_slot(int i)
{
	DsecEventSlot *slot = &dsec_event_shared->slots[i];
	uint64		word = pg_atomic_read_u64(&slot->word);

	dsec_event_move(slot, word, DSEC_EVENT_WORD(word, DSEC_EVENT_FREE));
}

/* At backend exit, also by FATAL: what is held is published as it stands. */
static void
publish_held(int code, Datum arg)
{
	while (nheld > 0)
	{
		int			i = held[--nheld];
		DsecEvent  *event = &dsec_event_shared->events[i];

		if (event->kind == DSEC_EVENT_EXPORT && event->decision[0] == '\0')
			strcpy(event->decision, "error");
		make_ready(i, false);
	}
}

/*
 * Move a free slot to HELD and enter it in held[].  Returns its number, or -1
 * when there is none.
 */
static int
claim_slot(void)
{
	DsecEventShared *shared = dsec_event_shared;

	if (first_guess < 0)
		first_guess = MyProcPid % shared->nslots;

	for (int n = 0; n < shared->nslots; n++)
	{
		int			i = (first_guess + n) % shared->nslots;
		DsecEventSlot *slot = &shared->slots[i];
		uint64		word = pg_atomic_read_u64(&slot->word);

		if (DSEC_EVENT_STATE(word) != DSEC_EVENT_FREE)
			continue;
		if (dsec_event_move(slot, word, DSEC_EVENT_NEXT(word, DSEC_EVENT_HELD)))
		{
			held[nheld++] = i;
			first_guess = i;

			/* when slots become scarce, don't leave the worker its second */
			if (n > shared->nslots / 2)
			{
				pg_atomic_write_u32(&shared->hurry, 1);
				dsec_worker_wake();
			}
			return i;
		}
	}
	return -1;
}

static bool
some_slot_is_free(void *arg)
{
	for (int i = 0; i < dsec_event_shared->nslots; i++)
	{
		if (DSEC_EVENT_STATE(pg_atomic_read_u64(&dsec_event_shared->slots[i].word)) ==
			DSEC_EVENT_FREE)
			return true;
	}
	return false;
}

/* Address of the client, as inet reads it; "" for a unix socket. */
static const char *
client_address(void)
{
	static char address[NI_MAXHOST];
	static bool known = false;

	if (!known && MyProcPort != NULL)
	{
		SockAddr   *raddr = &MyProcPort->raddr;

		if ((raddr->addr.ss_family == AF_INET || raddr->addr.ss_family == AF_INET6) &&
			pg_getnameinfo_all(&raddr->addr, raddr->salen,
							   address, sizeof(address), NULL, 0,
							   NI_NUMERICHOST | NI_NUMERICSERV) == 0)
			clean_ipv6_addr(raddr->addr.ss_family, address);
		else
			address[0] = '\0';
		known = true;
	}
	return address;
}

/*
 * Name of a role; "" outside a transaction and for a role that is gone.  The
 * result stands until the next call.
 */
static const char *
role_name(Oid role)
{
	static char name[NAMEDATALEN];
	char	   *found;

	name[0] = '\0';
	if (OidIsValid(role) && IsTransactionState())
	{
		found = GetUserNameFromId(role, true);
		if (found != NULL)
		{
			strlcpy(name, found, sizeof(name));
			pfree(found);
		}
	}
	return name;
}

static const char *
database_name(void)
{
	static char name[NAMEDATALEN];

	/* nobody renames a database somebody is connected to */
	if (name[0] == '\0' && OidIsValid(MyDatabaseId) && IsTransactionState())
	{
		char	   *found = get_database_name(MyDatabaseId);

		if (found != NULL)
		{
			strlcpy(name, found, sizeof(name));
			pfree(found);
		}
	}
	return name;
}

void
dsec_event_identify(DsecEvent *event)
{
	memset(event, 0, sizeof(DsecEvent));
	event->kind = DSEC_EVENT_EXPORT;
	event->begun = GetCurrentTimestamp();
	if (MyProcPort != NULL && MyProcPort->user_name != NULL)
		copy_name(event->login_role, sizeof(event->login_role), MyProcPort->user_name);
	else
		strcpy(event->login_role, role_name(GetAuthenticatedUserId()));
	strcpy(event->user_name, role_name(GetUserId()));
	strlcpy(event->client_address, client_address(), sizeof(event->client_address));
	if (application_name != NULL)
		copy_name(event->application_name, sizeof(event->application_name),
				  application_name);
	strcpy(event->database, database_name());
	event->pid = MyProcPid;
	event->query_id = (int64) pgstat_get_my_query_id();
	event->folded = 1;
}

/*
 * A slot or NULL, without waiting.  "about" has been filled in before, which
 * may raise an error: not so anything here.
 */
static DsecEvent *
try_take(const DsecEvent *about)
{
	static bool registered = false;
	int			i;

	if (!registered)
	{
		/*
		 * After every before_shmem_exit callback: the abort of an open
		 * transaction is one of them, and lets its exports be published
		 * properly.
		 */
		on_shmem_exit(publish_held, (Datum) 0);
		registered = true;
	}

	if (nheld >= SESSION_SLOTS)
		return NULL;
	i = claim_slot();
	if (i < 0)
		return NULL;
	dsec_event_shared->events[i] = *about;
	return &dsec_event_shared->events[i];
}

DsecEvent *
dsec_event_take(void)
{
	DsecEvent	about;
	DsecEvent  *event;
	TimestampTz deadline;

	if (dsec_event_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("dsec cannot record an export"),
				 errdetail("dsec is not in shared_preload_libraries."),
				 errhint("Add dsec to shared_preload_libraries and restart the server.")));

	dsec_event_identify(&about);
	event = try_take(&about);
	if (event != NULL)
		return event;

	if (nheld >= SESSION_SLOTS && dsec_guc_mode != DSEC_MODE_PERMISSIVE)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("dsec cannot record an export"),
				 errdetail("This session has %d exports open already.", nheld),
				 errhint("Close cursors over tagged data that are no longer needed.")));

	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), dsec_guc_ledger_timeout);
	while (nheld < SESSION_SLOTS)
	{
		pg_atomic_write_u32(&dsec_event_shared->hurry, 1);
		if (!dsec_worker_wait(some_slot_is_free, NULL))
			break;
		event = try_take(&about);
		if (event != NULL)
			return event;
		if (GetCurrentTimestamp() >= deadline)
			break;
	}

	if (dsec_guc_mode != DSEC_MODE_PERMISSIVE)
	{
		char	   *problem = NULL;

		(void) dsec_worker_state(&problem);
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("dsec cannot record an export"),
				 errdetail("All %d places for records are in use, and none became free within dsec.ledger_timeout (%d ms).%s%s",
						   dsec_event_shared->nslots, dsec_guc_ledger_timeout,
						   problem ? " " : "", problem ? problem : ""),
				 errhint("Look for a lock on table dsec.event in database \"%s\", and for messages of the dsec worker in the server log.",
						 dsec_guc_ledger_database)));
	}

	scrap = about;
	return &scrap;
}

/* ------------------------------------------------------------------------
 * Publishing
 * ------------------------------------------------------------------------ */

/*
 * Number of the slot, no longer in held[]; -1 for the scrap.
 */
static int
let_go(DsecEvent *event)
{
	int			i;

	if (event == &scrap)
		return -1;

	i = event - dsec_event_shared->events;
	for (int n = 0; n < nheld; n++)
	{
		if (held[n] == i)
		{
			held[n] = held[--nheld];
			return i;
		}
	}
	Assert(false);				/* given back twice */
	return -1;
}

/* Does what must agree for two records to be one agree? */
static bool
same_export(const DsecEvent *a, const DsecEvent *b)
{
	return a->kind == b->kind &&
		a->query_id == b->query_id &&
		a->begun / USECS_PER_MINUTE == b->begun / USECS_PER_MINUTE &&
		strcmp(a->decision, b->decision) == 0 &&
		strcmp(a->channel, b->channel) == 0 &&
		strcmp(a->recipients, b->recipients) == 0 &&
		strcmp(a->relations, b->relations) == 0 &&
		strcmp(a->rule, b->rule) == 0 &&
		strcmp(a->user_name, b->user_name) == 0 &&
		strcmp(a->application_name, b->application_name) == 0 &&
		(a->kind != DSEC_EVENT_LOSS || strcmp(a->detail, b->detail) == 0);
}

/* Equal for two events when same_export says so; never 0. */
static uint64
export_hash(const DsecEvent *event)
{
	const char *parts[] = {event->channel, event->relations, event->recipients,
	event->decision};
	uint64		hash = (uint64) event->query_id ^
		(uint64) (event->begun / USECS_PER_MINUTE);

	for (int i = 0; i < (int) lengthof(parts); i++)
		hash = hash_bytes_extended((const unsigned char *) parts[i],
								   strlen(parts[i]), hash);
	return hash == 0 ? 1 : hash;
}

/* Add one record to another that agrees with it. */
static void
merge(DsecEvent *into, const DsecEvent *event)
{
	for (int i = 0; i < event->ncategories; i++)
		dsec_event_add_category(into, event->categories[i].category,
								event->categories[i].subjects,
								event->categories[i].charged);
	into->nrows += event->nrows;
	into->folded += event->folded;
	into->begun = Min(into->begun, event->begun);
	into->ended = Max(into->ended, event->ended);
}

/* Fold into a record of this session that still waits; false if there is none. */
static bool
fold(const DsecEvent *event, uint64 hash)
{
	for (int n = 0; n < RECENT; n++)
	{
		Recent	   *r = &recent[n];
		DsecEventSlot *slot;
		DsecEvent  *into;
		uint64		folding;
		bool		same;

		if (r->hash != hash)
			continue;

		slot = &dsec_event_shared->slots[r->slot];
		into = &dsec_event_shared->events[r->slot];
		folding = DSEC_EVENT_WORD(r->word, DSEC_EVENT_FOLDING);
		if (!dsec_event_move(slot, r->word, folding))
		{
			r->hash = 0;		/* on its way to disk, or there already */
			continue;
		}
		same = !slot->alone && same_export(into, event);
		if (same)
			merge(into, event);
		dsec_event_move(slot, folding, r->word);
		if (same)
			return true;
	}
	return false;
}

void
dsec_event_publish(DsecEvent *event)
{
	int			i = let_go(event);
	uint64		hash;

	if (i < 0)
	{
		pg_atomic_fetch_add_u64(&dsec_event_shared->lost, 1);
		return;
	}
	if (event->ended == 0)
		event->ended = GetCurrentTimestamp();

	if (event->kind != DSEC_EVENT_EXPORT && event->kind != DSEC_EVENT_LOSS)
	{
		make_ready(i, true);
		return;
	}

	hash = export_hash(event);
	if (fold(event, hash))
		free_slot(i);
	else
	{
		Recent	   *r = &recent[next_recent];

		next_recent = (next_recent + 1) % RECENT;
		r->slot = i;
		r->word = make_ready(i, false);
		r->hash = hash;
	}
}

void
dsec_event_release(DsecEvent *event)
{
	int			i = let_go(event);

	if (i >= 0)
		free_slot(i);
}

/* a record somebody waits for */
typedef struct Awaited
{
	int			slot;
	uint64		word;			/* when READY */
} Awaited;

static bool
is_written(void *arg)
{
	Awaited    *awaited = arg;
	uint64		word = pg_atomic_read_u64(&dsec_event_shared->slots[awaited->slot].word);

	return word == DSEC_EVENT_WORD(awaited->word, DSEC_EVENT_FREE) ||
		DSEC_EVENT_WORD(word, 0) != DSEC_EVENT_WORD(awaited->word, 0);
}

bool
dsec_event_publish_durably(DsecEvent *event)
{
	Awaited		awaited;

	awaited.slot = let_go(event);
	if (awaited.slot < 0)
	{
		pg_atomic_fetch_add_u64(&dsec_event_shared->lost, 1);
		return false;
	}
	if (event->ended == 0)
		event->ended = GetCurrentTimestamp();
	awaited.word = make_ready(awaited.slot, true);
	pg_atomic_write_u32(&dsec_event_shared->hurry, 1);
	return dsec_worker_wait(is_written, &awaited);
}

void
dsec_event_queue(const DsecEvent *event)
{
	DsecEvent  *slot = try_take(event);

	if (slot != NULL)
		dsec_event_publish(slot);
	else
		pg_atomic_fetch_add_u64(&dsec_event_shared->lost, 1);
}

void
dsec_event_loss(const char *channel, const char *relations, const char *what)
{
	DsecEvent	event;

	if (dsec_event_shared == NULL)
		return;

	dsec_event_identify(&event);
	event.kind = DSEC_EVENT_LOSS;
	if (channel != NULL)
		copy_name(event.channel, sizeof(event.channel), channel);
	if (relations != NULL)
		copy_name(event.relations, sizeof(event.relations), relations);
	copy_name(event.detail, sizeof(event.detail), what);
	dsec_event_queue(&event);
}

/* Nothing published up to *arg waits any more. */
static bool
all_written(void *arg)
{
	uint64		last = *(uint64 *) arg;

	for (int i = 0; i < dsec_event_shared->nslots; i++)
	{
		DsecEventSlot *slot = &dsec_event_shared->slots[i];
		DsecEventState state = DSEC_EVENT_STATE(pg_atomic_read_u64(&slot->word));

		if (state != DSEC_EVENT_FREE && state != DSEC_EVENT_HELD &&
			slot->sequence <= last)
			return false;
	}
	return true;
}

bool
dsec_event_flush(void)
{
	uint64		last;

	if (dsec_event_shared == NULL)
		return false;
	last = pg_atomic_read_u64(&dsec_event_shared->sequence);
	pg_atomic_write_u32(&dsec_event_shared->hurry, 1);
	return dsec_worker_wait(all_written, &last);
}

const char *
dsec_event_kind_name(DsecEventKind kind)
{
	switch (kind)
	{
		case DSEC_EVENT_EXPORT:
			return "export";
		case DSEC_EVENT_CHANGE:
			return "change";
		case DSEC_EVENT_LOSS:
			return "loss";
		case DSEC_EVENT_ADMIN:
			return "admin";
	}
	elog(ERROR, "unrecognized event kind: %d", (int) kind);
	return NULL;				/* keep compiler quiet */
}

void
dsec_event_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	dsec_event_store_init();
	dsec_event_change_init();
}
