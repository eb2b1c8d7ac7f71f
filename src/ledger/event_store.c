/*-------------------------------------------------------------------------
 *
 * event_store.c
 *	  Records on their way to dsec.event: the worker's side.
 *
 * The task takes ready slots in the order of their publication, writes a row
 * for each, and after the commit writes their lines to the server log and
 * frees them.  After a rollback the slots are ready again.  It also writes what
 * no session can: how many records were lost, that a queue was lost with its
 * server, and with which settings the server enforces.
 *
 * Exactly once.  A slot whose transaction was interrupted between commit and
 * "done" may stand in the table already.  Such a slot is marked doubtful, and
 * inserted only if no equal row is there; its log line may appear twice, with
 * the same id.
 *
 * Whatever a slot contains can be written: strings are verified and converted
 * here, and what is no address becomes NULL, so that one odd record cannot
 * hold up all others.
 *
 * Runs in the worker only; no locking but that of event_slots.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "guc.h"
#include "ledger/event_slots.h"
#include "ledger/worker.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "report.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* rows per transaction; more wait for the next, so that leases are not held up */
#define BATCH 128

/* without hurry, records wait this long for others to fold into them */
#define PAUSE_MS 1000

/* parameters of the INSERT, in this order */
enum
{
	P_KIND,
	P_BEGUN,
	P_ENDED,
	P_LOGIN_ROLE,
	P_USER_NAME,
	P_CLIENT_ADDRESS,
	P_APPLICATION_NAME,
	P_DATABASE,
	P_PID,
	P_CHANNEL,
	P_RECIPIENTS,
	P_RELATIONS,
	P_CATEGORIES,
	P_SUBJECTS,
	P_CHARGED,
	P_ROWS,
	P_DECISION,
	P_RULE,
	P_DETAIL,
	P_QUERY_ID,
	P_FOLDED,
	PARAMETERS
};

#define INSERT_COLUMNS \
	"INSERT INTO dsec.event (kind, begun, ended, login_role, user_name," \
	" client_address, application_name, database, pid, channel, recipients," \
	" relations, categories, rows, decision, rule, detail, query_id, folded) "

#define INSERT_VALUES \
	"SELECT $1, $2, $3, $4, $5, $6::pg_catalog.inet, $7, $8, $9, $10, $11, $12," \
	" ARRAY(SELECT ROW(u.c, u.s, u.n)::dsec.event_category" \
	"       FROM ROWS FROM (pg_catalog.unnest($13), pg_catalog.unnest($14)," \
	"                       pg_catalog.unnest($15)) WITH ORDINALITY AS u(c, s, n, o)" \
	"       ORDER BY u.o)," \
	" $16, $17, $18, $19, $20, $21 "

#define EQUAL_ROWS \
	"FROM dsec.event AS e WHERE e.kind = $1 AND e.begun = $2" \
	" AND e.ended IS NOT DISTINCT FROM $3 AND e.pid = $9" \
	" AND e.channel IS NOT DISTINCT FROM $10 AND e.relations = $12" \
	" AND e.rows IS NOT DISTINCT FROM $16 AND e.decision IS NOT DISTINCT FROM $17" \
	" AND e.detail IS NOT DISTINCT FROM $19 AND e.query_id IS NOT DISTINCT FROM $20" \
	" AND e.folded = $21"

static SPIPlanPtr insert_plan = NULL;
static SPIPlanPtr find_plan = NULL;

/* slots of the running transaction */
static int	batch[BATCH];
static int	nbatch = 0;

/* what the running transaction says about the server itself */
static uint64 lost_written;
static bool losses_written;
static int	mode_written;
static int	unassigned_written;
static int	unbound_read_written;

/* log lines of the running transaction, written after the commit */
static MemoryContext lines_context = NULL;
static char *lines[BATCH + 4];
static int	nlines = 0;

static TimestampTz last_look = 0;
static bool recovered = false;

/*
 * A worker before this one may have died with slots in hand.  There is one
 * worker at a time, so what is WRITING now belongs to nobody.
 */
static void
recover_slots(void)
{
	for (int i = 0; i < dsec_event_shared->nslots; i++)
	{
		DsecEventSlot *slot = &dsec_event_shared->slots[i];
		uint64		word = pg_atomic_read_u64(&slot->word);

		if (DSEC_EVENT_STATE(word) != DSEC_EVENT_WRITING)
			continue;
		slot->alone = slot->doubtful = true;
		dsec_event_move(slot, word, DSEC_EVENT_WORD(word, DSEC_EVENT_READY));
	}
	recovered = true;
}

static bool
settings_changed(void)
{
	return dsec_event_shared->mode != dsec_guc_mode ||
		dsec_event_shared->unassigned != dsec_guc_unassigned ||
		dsec_event_shared->unbound_read != dsec_guc_unbound_read;
}

static bool
something_ready(void)
{
	DsecEventShared *shared = dsec_event_shared;

	if (shared->unsaved || shared->recovered || settings_changed() || pg_atomic_read_u64(&shared->lost) > 0)
		return true;
	for (int i = 0; i < shared->nslots; i++)
	{
		if (DSEC_EVENT_STATE(pg_atomic_read_u64(&shared->slots[i].word)) == DSEC_EVENT_READY)
			return true;
	}
	return false;
}

static bool
pending(void)
{
	DsecEventShared *shared = dsec_event_shared;
	TimestampTz now;
	int64		waited;

	if (!recovered)
		recover_slots();
	if (pg_atomic_read_u32(&shared->hurry) != 0)
		return true;

	now = GetCurrentTimestamp();
	waited = (now - last_look) / 1000;
	if (waited >= 0 && waited < PAUSE_MS && !dsec_worker_stopping())
	{
		dsec_worker_nap(PAUSE_MS - waited);
		return false;
	}
	last_look = now;

	/* first the flag, then the look: who publishes in between wakes us */
	(void) pg_atomic_exchange_u32(&shared->idle, 1);
	if (!something_ready())
		return false;
	pg_atomic_write_u32(&shared->idle, 0);
	return true;
}

/* ------------------------------------------------------------------------
 * Taking slots
 * ------------------------------------------------------------------------ */

typedef struct Candidate
{
	int			slot;
	uint64		word;
	uint64		sequence;
} Candidate;

static int
by_sequence(const void *a, const void *b)
{
	uint64		x = ((const Candidate *) a)->sequence;
	uint64		y = ((const Candidate *) b)->sequence;

	return (x > y) - (x < y);
}

/* Move the oldest ready slots to WRITING and put them into batch[]. */
static void
collect_batch(void)
{
	DsecEventShared *shared = dsec_event_shared;
	Candidate  *candidates = palloc(shared->nslots * sizeof(Candidate));
	int			n = 0;

	/*
	 * Cleared before looking: whoever sets it afterwards has made its record
	 * ready before.
	 */
	(void) pg_atomic_exchange_u32(&shared->hurry, 0);

	for (int i = 0; i < shared->nslots; i++)
	{
		uint64		word = pg_atomic_read_u64(&shared->slots[i].word);

		if (DSEC_EVENT_STATE(word) != DSEC_EVENT_READY)
			continue;
		candidates[n].slot = i;
		candidates[n].word = word;
		candidates[n].sequence = shared->slots[i].sequence;
		n++;
	}
	qsort(candidates, n, sizeof(Candidate), by_sequence);

	nbatch = 0;
	for (int i = 0; i < n; i++)
	{
		DsecEventSlot *slot = &shared->slots[candidates[i].slot];

		if (nbatch == BATCH)
		{
			pg_atomic_write_u32(&shared->hurry, 1);
			break;
		}
		/* a session that folds into it right now keeps it for the next round */
		if (dsec_event_move(slot, candidates[i].word,
							DSEC_EVENT_WORD(candidates[i].word, DSEC_EVENT_WRITING)))
			batch[nbatch++] = candidates[i].slot;
	}
	pfree(candidates);
}

/* ------------------------------------------------------------------------
 * From a slot to a row
 * ------------------------------------------------------------------------ */

/*
 * Make a fixed-size string valid in this database's encoding, in place.  What
 * cannot be converted, or was cut inside a character, becomes "?".
 */
static void
clean_string(char *string, Size size, int encoding)
{
	int			len = strnlen(string, size - 1);
	int			server = GetDatabaseEncoding();
	char	   *p;

	string[len] = '\0';
	for (p = string; *p && !IS_HIGHBIT_SET(*p); p++)
		;
	if (*p == '\0')
		return;

	/* SQL_ASCII says nothing about the bytes: take them if they make sense */
	if (encoding == PG_SQL_ASCII)
		encoding = server;

	if (encoding != server && PG_VALID_BE_ENCODING(encoding) &&
		pg_encoding_verifymbstr(encoding, string, len) == len)
	{
		Oid			proc = FindDefaultConversionProc(encoding, server);
		int			room = len * MAX_CONVERSION_GROWTH + 1;
		char	   *converted = palloc(room);

		if (OidIsValid(proc) &&
			pg_do_encoding_conversion_buf(proc, encoding, server,
										  (unsigned char *) string, len,
										  (unsigned char *) converted, room, true) == len)
		{
			Size		newlen = strlen(converted);

			if (newlen >= size)
				newlen = pg_mbcliplen(converted, newlen, size - 1);
			memcpy(string, converted, newlen);
			string[newlen] = '\0';
			pfree(converted);
			return;
		}
		pfree(converted);
	}

	p = string;
	while (*p)
	{
		int			n = 1;

		if (encoding == server)
			n = pg_encoding_verifymbchar(server, p, strlen(p));
		else if (IS_HIGHBIT_SET(*p))
			n = -1;
		if (n < 0)
			*p++ = '?';
		else
			p += n;
	}
}

/* Would the type inet take it? */
static bool
is_address(const char *string)
{
	unsigned char bits[16 + 1];

	return strchr(string, '/') == NULL &&
		pg_inet_net_pton(strchr(string, ':') ? PGSQL_AF_INET6 : PGSQL_AF_INET,
						 string, bits, -1) >= 0;
}

/* A private copy of a slot's event that can be written whatever it contains. */
static DsecEvent *
clean_copy(const DsecEvent *from, int encoding)
{
	DsecEvent  *event = palloc(sizeof(DsecEvent));

	*event = *from;
	clean_string(event->login_role, sizeof(event->login_role), encoding);
	clean_string(event->user_name, sizeof(event->user_name), encoding);
	clean_string(event->client_address, sizeof(event->client_address), encoding);
	if (!is_address(event->client_address))
		event->client_address[0] = '\0';
	clean_string(event->application_name, sizeof(event->application_name), encoding);
	clean_string(event->database, sizeof(event->database), encoding);
	clean_string(event->channel, sizeof(event->channel), encoding);
	clean_string(event->recipients, sizeof(event->recipients), encoding);
	clean_string(event->relations, sizeof(event->relations), encoding);
	clean_string(event->decision, sizeof(event->decision), encoding);
	clean_string(event->rule, sizeof(event->rule), encoding);
	clean_string(event->detail, sizeof(event->detail), encoding);
	event->ncategories = Max(0, Min(event->ncategories, DSEC_EVENT_CATEGORIES));
	for (int i = 0; i < event->ncategories; i++)
		clean_string(event->categories[i].category, NAMEDATALEN, encoding);
	if (!IS_VALID_TIMESTAMP(event->begun))
		event->begun = GetCurrentTimestamp();
	if (!IS_VALID_TIMESTAMP(event->ended))
		event->ended = 0;
	if ((int) event->kind < DSEC_EVENT_EXPORT || (int) event->kind > DSEC_EVENT_ADMIN)
		event->kind = DSEC_EVENT_LOSS;
	return event;
}

/*
 * Split a list at its commas, those in quotes or parentheses apart, into a
 * text[].  With unquote, an entry in double quotes loses them.
 */
static Datum
split_list(const char *list, bool unquote)
{
	Datum		entries[Max(DSEC_EVENT_RELATIONS, DSEC_EVENT_RECIPIENTS)];
	int			n = 0;
	const char *p = list;

	while (*p)
	{
		StringInfoData entry;
		bool		quoted = false;
		int			depth = 0;

		initStringInfo(&entry);
		for (; *p && (quoted || depth > 0 || *p != ','); p++)
		{
			if (*p == '"')
			{
				if (unquote && quoted && p[1] == '"')
				{
					appendStringInfoChar(&entry, *p++);
					continue;
				}
				quoted = !quoted;
				if (unquote)
					continue;
			}
			else if (!quoted && !unquote && *p == '(')
				depth++;
			else if (!quoted && !unquote && *p == ')' && depth > 0)
				depth--;
			appendStringInfoChar(&entry, *p);
		}
		entries[n++] = PointerGetDatum(cstring_to_text_with_len(entry.data, entry.len));
		pfree(entry.data);
		if (*p == ',')
			p++;
	}
	return PointerGetDatum(construct_array(entries, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
set_text(Datum *values, char *nulls, int parameter, const char *string)
{
	nulls[parameter] = string[0] == '\0' ? 'n' : ' ';
	values[parameter] = CStringGetTextDatum(string);
}

static SPIPlanPtr
prepare(const char *query)
{
	Oid			types[PARAMETERS];
	SPIPlanPtr	plan;

	for (int i = 0; i < PARAMETERS; i++)
		types[i] = TEXTOID;
	types[P_BEGUN] = types[P_ENDED] = TIMESTAMPTZOID;
	types[P_PID] = INT4OID;
	types[P_RECIPIENTS] = types[P_RELATIONS] = types[P_CATEGORIES] = TEXTARRAYOID;
	types[P_SUBJECTS] = types[P_CHARGED] = INT8ARRAYOID;
	types[P_ROWS] = types[P_QUERY_ID] = types[P_FOLDED] = INT8OID;

	plan = SPI_prepare(query, PARAMETERS, types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", query,
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* The one bigint that the last statement returned; false if it returned none. */
static bool
returned_id(int64 *id)
{
	bool		isnull;

	if (SPI_processed == 0)
		return false;
	*id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  1, &isnull));
	return !isnull;
}

/* Write one row, and keep its log line for after the commit. */
static void
write_event(const DsecEvent *event, bool doubtful)
{
	Datum		values[PARAMETERS];
	char		nulls[PARAMETERS];
	Datum		names[DSEC_EVENT_CATEGORIES];
	Datum		subjects[DSEC_EVENT_CATEGORIES];
	Datum		charged[DSEC_EVENT_CATEGORIES];
	int64		id;
	bool		found = false;
	MemoryContext old;

	if (insert_plan == NULL)
		insert_plan = prepare(INSERT_COLUMNS INSERT_VALUES "RETURNING id");
	if (find_plan == NULL)
		find_plan = prepare("SELECT e.id " EQUAL_ROWS " LIMIT 1");

	memset(nulls, ' ', sizeof(nulls));
	set_text(values, nulls, P_KIND, dsec_event_kind_name(event->kind));
	values[P_BEGUN] = TimestampTzGetDatum(event->begun);
	values[P_ENDED] = TimestampTzGetDatum(event->ended);
	if (event->ended == 0)
		nulls[P_ENDED] = 'n';
	set_text(values, nulls, P_LOGIN_ROLE, event->login_role);
	set_text(values, nulls, P_USER_NAME, event->user_name);
	set_text(values, nulls, P_CLIENT_ADDRESS, event->client_address);
	set_text(values, nulls, P_APPLICATION_NAME, event->application_name);
	set_text(values, nulls, P_DATABASE, event->database);
	values[P_PID] = Int32GetDatum(event->pid);
	set_text(values, nulls, P_CHANNEL, event->channel);
	values[P_RECIPIENTS] = split_list(event->recipients, true);
	values[P_RELATIONS] = split_list(event->relations, false);
	for (int i = 0; i < event->ncategories; i++)
	{
		names[i] = CStringGetTextDatum(event->categories[i].category);
		subjects[i] = Int64GetDatum(event->categories[i].subjects);
		charged[i] = Int64GetDatum(event->categories[i].charged);
	}
	values[P_CATEGORIES] = PointerGetDatum(construct_array(names, event->ncategories, TEXTOID,
														   -1, false, TYPALIGN_INT));
	values[P_SUBJECTS] = PointerGetDatum(construct_array(subjects, event->ncategories, INT8OID,
														 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[P_CHARGED] = PointerGetDatum(construct_array(charged, event->ncategories, INT8OID,
														8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[P_ROWS] = Int64GetDatum(event->nrows);
	if (event->kind != DSEC_EVENT_EXPORT)
		nulls[P_ROWS] = 'n';
	set_text(values, nulls, P_DECISION, event->decision);
	set_text(values, nulls, P_RULE, event->rule);
	set_text(values, nulls, P_DETAIL, event->detail);
	values[P_QUERY_ID] = Int64GetDatum(event->query_id);
	if (event->query_id == 0)
		nulls[P_QUERY_ID] = 'n';
	values[P_FOLDED] = Int64GetDatum(event->folded);

	if (doubtful)
	{
		if (SPI_execute_plan(find_plan, values, nulls, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look for a record");
		found = returned_id(&id);
		SPI_freetuptable(SPI_tuptable);
	}
	if (!found)
	{
		if (SPI_execute_plan(insert_plan, values, nulls, false, 0) != SPI_OK_INSERT_RETURNING ||
			!returned_id(&id))
			elog(ERROR, "could not write a record");
		SPI_freetuptable(SPI_tuptable);
	}

	old = MemoryContextSwitchTo(lines_context);
	lines[nlines++] = dsec_report_event_line(id, event);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------
 * What the worker has to say itself
 * ------------------------------------------------------------------------ */

static void
write_own(DsecEventKind kind, const char *detail)
{
	DsecEvent  *event = palloc0(sizeof(DsecEvent));

	event->kind = kind;
	event->begun = event->ended = GetCurrentTimestamp();
	strlcpy(event->application_name, "dsec worker", sizeof(event->application_name));
	strlcpy(event->database, dsec_guc_ledger_database, sizeof(event->database));
	event->pid = MyProcPid;
	event->folded = 1;
	strlcpy(event->detail, detail, sizeof(event->detail));
	write_event(event, false);
	pfree(event);
}

static void
write_settings(void)
{
	static const char *const mode_names[] = {"off", "permissive", "enforcing"};
	static const char *const unassigned_names[] = {"log", "block"};
	static const char *const unbound_read_names[] = {"house", "log"};
	bool		first = dsec_event_shared->mode < 0;

	write_own(first ? DSEC_EVENT_ADMIN : DSEC_EVENT_CHANGE,
			  psprintf("%s: dsec.mode = %s, dsec.unassigned = %s, dsec.unbound_read = %s.",
					   first ? "The server started with these settings" : "Settings were changed and are now",
					   mode_names[dsec_guc_mode],
					   unassigned_names[dsec_guc_unassigned],
					   unbound_read_names[dsec_guc_unbound_read]));
}

/* ------------------------------------------------------------------------
 * The task
 * ------------------------------------------------------------------------ */

/*
 * The worker has leases to write, too, so it does not stand in line for a lock
 * here; it comes back soon.
 */
static void
lock_table(void)
{
	Oid			table = RangeVarGetRelid(makeRangeVar("dsec", "event", -1), NoLock, false);

	if (!ConditionalLockRelationOid(table, RowExclusiveLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("table dsec.event is locked by another session")));
}

static void
run(void)
{
	DsecEventShared *shared = dsec_event_shared;

	lock_table();
	if (lines_context == NULL)
		lines_context = AllocSetContextCreate(TopMemoryContext, "dsec event lines",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(lines_context);
	nlines = 0;
	lost_written = 0;
	losses_written = false;
	mode_written = -1;

	collect_batch();
	for (int i = 0; i < nbatch; i++)
	{
		DsecEventSlot *slot = &shared->slots[batch[i]];
		DsecEvent  *event = clean_copy(&shared->events[batch[i]], slot->encoding);

		write_event(event, slot->doubtful);
		pfree(event);
	}

	if (shared->unsaved)
		write_own(DSEC_EVENT_LOSS,
				  "The server stopped without saving its queue of records: records of its last moments may be missing. What was charged stands in the ledger.");
	if (shared->recovered)
		write_own(DSEC_EVENT_LOSS,
				  "The server was promoted, or restored from a backup: records that had not reached it are missing, and so are charges.");
	losses_written = shared->unsaved || shared->recovered;
	lost_written = pg_atomic_read_u64(&shared->lost);
	if (lost_written > 0)
		write_own(DSEC_EVENT_LOSS,
				  psprintf("Records that found no place in the queue and were not written: " UINT64_FORMAT ".",
						   lost_written));
	if (settings_changed())
	{
		write_settings();
		mode_written = dsec_guc_mode;
		unassigned_written = dsec_guc_unassigned;
		unbound_read_written = dsec_guc_unbound_read;
	}
}

static void
done(bool committed)
{
	DsecEventShared *shared = dsec_event_shared;

	for (int i = 0; i < nbatch; i++)
	{
		DsecEventSlot *slot = &shared->slots[batch[i]];
		uint64		word = pg_atomic_read_u64(&slot->word);

		if (!committed)
			slot->alone = slot->doubtful = true;
		dsec_event_move(slot, word,
						DSEC_EVENT_WORD(word, committed ? DSEC_EVENT_FREE : DSEC_EVENT_READY));
	}
	nbatch = 0;

	if (!committed)
	{
		/* somebody may wait for one of them */
		pg_atomic_write_u32(&shared->hurry, 1);
		return;
	}

	if (losses_written)
		shared->unsaved = shared->recovered = false;
	if (lost_written > 0)
		pg_atomic_fetch_sub_u64(&shared->lost, lost_written);
	if (mode_written >= 0)
	{
		shared->mode = mode_written;
		shared->unassigned = unassigned_written;
		shared->unbound_read = unbound_read_written;
	}
	for (int i = 0; i < nlines; i++)
		ereport(LOG,
				(errmsg_internal("%s", lines[i]),
				 errhidestmt(true), errhidecontext(true)));
}

/* New tables: what waits goes there, and the settings are told again. */
static void
reset(void)
{
	dsec_event_shared->mode = -1;
}

void
dsec_event_store_init(void)
{
	static const DsecWorkerTask task = {
		.name = "write the records of exports",
		.on_standby = false,
		.pending = pending,
		.run = run,
		.done = done,
		.reset = reset
	};

	dsec_worker_add_task(&task);
}
