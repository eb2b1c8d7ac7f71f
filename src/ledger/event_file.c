/*-------------------------------------------------------------------------
 *
 * event_file.c
 *	  Records on their way to dsec.event: across a stop of the server.
 *
 * When the server stops, or restarts its processes because one of them
 * crashed, the postmaster writes the records that have not reached the table to
 * a file in the data directory, and puts them back into slots when it starts
 * again.  Exports that were under way are saved as they stand, without an end.
 * The file is written at every stop, also with nothing in it: so when the
 * server comes up after anything but a clean shutdown and there is no file (the
 * machine lost power, the postmaster itself was killed), records may be
 * missing, and the worker says so in a record of kind loss.  So it does after
 * the promotion of a standby and after a recovery from a backup.
 *
 * After a crash shared memory may contain anything.  Nothing read from it here
 * is followed or trusted: strings are bounded, counts are clamped, states that
 * make no sense are skipped.
 *
 * File: magic, then for each record a byte 1 and its fields, then a byte 0 and
 * a CRC-32C of all that.  Integers are 8 bytes, big-endian; strings have their
 * length before them.  A file in which anything is wrong is not used at all.
 *
 * Runs in the postmaster only (or in a stand-alone backend), and so raises no
 * errors: what goes wrong is logged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "ledger/event_slots.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

/* where the slots are, noted before anything could have gone wrong there */
static int	nslots = 0;
static DsecEventSlot *slots;
static DsecEvent *events;

#define QUEUE_FILE "dsec.events"
#define QUEUE_MAGIC "DSECEV01"

/* A file being written or read, with the checksum of what has gone through. */
typedef struct Stream
{
	FILE	   *file;
	bool		writing;
	bool		ok;
	pg_crc32c	crc;
} Stream;

static void
pass_bytes(Stream *s, void *bytes, Size n)
{
	if (!s->ok || n == 0)
		return;
	if (s->writing)
		s->ok = fwrite(bytes, 1, n, s->file) == n;
	else
		s->ok = fread(bytes, 1, n, s->file) == n;
	if (s->ok)
		COMP_CRC32C(s->crc, bytes, n);
}

static void
pass_int64(Stream *s, int64 *value)
{
	uint64		net = pg_hton64((uint64) *value);

	pass_bytes(s, &net, sizeof(net));
	if (!s->writing && s->ok)
		*value = (int64) pg_ntoh64(net);
}

static void
pass_int(Stream *s, int *value)
{
	int64		wide = *value;

	pass_int64(s, &wide);
	*value = (int) wide;
}

static void
pass_string(Stream *s, char *string, Size size)
{
	int64		len = strnlen(string, size - 1);

	pass_int64(s, &len);
	if (len < 0 || (Size) len >= size)
	{
		s->ok = false;
		return;
	}
	pass_bytes(s, string, len);
	if (!s->writing)
		string[s->ok ? len : 0] = '\0';
}

/* All fields of an event, in either direction. */
static void
pass_event(Stream *s, DsecEvent *event)
{
	int			kind = event->kind;

	pass_int(s, &kind);
	event->kind = kind;
	pass_int64(s, &event->begun);
	pass_int64(s, &event->ended);
	pass_string(s, event->login_role, sizeof(event->login_role));
	pass_string(s, event->user_name, sizeof(event->user_name));
	pass_string(s, event->client_address, sizeof(event->client_address));
	pass_string(s, event->application_name, sizeof(event->application_name));
	pass_string(s, event->database, sizeof(event->database));
	pass_int(s, &event->pid);
	pass_string(s, event->channel, sizeof(event->channel));
	pass_string(s, event->recipients, sizeof(event->recipients));
	pass_string(s, event->relations, sizeof(event->relations));
	event->ncategories = Max(0, Min(event->ncategories, DSEC_EVENT_CATEGORIES));
	pass_int(s, &event->ncategories);
	if (event->ncategories < 0 || event->ncategories > DSEC_EVENT_CATEGORIES)
		s->ok = false;
	for (int i = 0; s->ok && i < event->ncategories; i++)
	{
		pass_string(s, event->categories[i].category, NAMEDATALEN);
		pass_int64(s, &event->categories[i].subjects);
		pass_int64(s, &event->categories[i].charged);
	}
	pass_int64(s, &event->nrows);
	pass_string(s, event->decision, sizeof(event->decision));
	pass_string(s, event->rule, sizeof(event->rule));
	pass_string(s, event->detail, sizeof(event->detail));
	pass_int64(s, &event->query_id);
	pass_int64(s, &event->folded);
}

/*
 * At the end of the server's life, or of its shared memory's.
 */
void
dsec_event_save(int code, Datum arg)
{
	static const char temporary[] = QUEUE_FILE ".tmp";
	Stream		s = {.writing = true, .ok = true};
	char		magic[] = QUEUE_MAGIC;
	char		more;
	DsecEvent	event;

	s.file = AllocateFile(temporary, PG_BINARY_W);
	if (s.file == NULL)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", temporary)));
		return;
	}

	INIT_CRC32C(s.crc);
	pass_bytes(&s, magic, sizeof(magic) - 1);
	for (int i = 0; i < nslots && s.ok; i++)
	{
		DsecEventSlot *slot = &slots[i];
		DsecEventState state = DSEC_EVENT_STATE(pg_atomic_read_u64(&slot->word));
		int			encoding = slot->encoding;
		int			doubtful;

		if (state <= DSEC_EVENT_FREE || state > DSEC_EVENT_WRITING)
			continue;
		more = 1;
		doubtful = state == DSEC_EVENT_WRITING || (state == DSEC_EVENT_READY && slot->doubtful);
		event = events[i];
		if (state == DSEC_EVENT_HELD)
		{
			/* the encoding is set when a record is published */
			encoding = PG_SQL_ASCII;
			if (event.kind == DSEC_EVENT_EXPORT && event.decision[0] == '\0')
				strcpy(event.decision, "error");
		}
		pass_bytes(&s, &more, 1);
		pass_int(&s, &encoding);
		pass_int(&s, &doubtful);
		pass_event(&s, &event);
	}
	more = 0;
	pass_bytes(&s, &more, 1);
	FIN_CRC32C(s.crc);
	s.ok = s.ok && fwrite(&s.crc, sizeof(s.crc), 1, s.file) == 1;

	if (FreeFile(s.file) != 0 || !s.ok)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", temporary)));
		unlink(temporary);
		return;
	}
	(void) durable_rename(temporary, QUEUE_FILE, LOG);
}

/* Put the records of a file back into slots; false if it cannot be used. */
static bool
load_file(FILE *file)
{
	DsecEventShared *shared = dsec_event_shared;
	Stream		s = {.file = file, .ok = true};
	char		magic[sizeof(QUEUE_MAGIC) - 1];
	pg_crc32c	crc;
	int			n = 0;
	uint64		lost = 0;

	INIT_CRC32C(s.crc);
	pass_bytes(&s, magic, sizeof(magic));
	if (!s.ok || memcmp(magic, QUEUE_MAGIC, sizeof(magic)) != 0)
		return false;

	for (;;)
	{
		char		more = 0;
		int			encoding = 0;
		int			doubtful = 0;
		DsecEvent	event = {0};

		pass_bytes(&s, &more, 1);
		if (!s.ok || more != 1)
			break;
		pass_int(&s, &encoding);
		pass_int(&s, &doubtful);
		pass_event(&s, &event);
		if (!s.ok)
			break;
		if (n == nslots)
		{
			/* there were more slots when the file was written */
			lost++;
			continue;
		}
		events[n] = event;
		slots[n].sequence = n + 1;
		slots[n].encoding = encoding;
		slots[n].alone = true;
		slots[n].doubtful = doubtful != 0;
		n++;
	}

	FIN_CRC32C(s.crc);
	if (!s.ok || fread(&crc, sizeof(crc), 1, file) != 1 || !EQ_CRC32C(crc, s.crc) ||
		fgetc(file) != EOF)
		return false;

	for (int i = 0; i < n; i++)
		pg_atomic_write_u64(&slots[i].word, DSEC_EVENT_NEXT(0, DSEC_EVENT_READY));
	pg_atomic_write_u64(&shared->sequence, n);
	pg_atomic_write_u64(&shared->lost, lost);
	return true;
}

/* Did the server last stop with a shutdown checkpoint? */
static bool
was_shut_down(void)
{
	ControlFileData *control;
	bool		crc_ok;
	bool		result;

	control = get_controlfile(DataDir, &crc_ok);
	result = crc_ok &&
		(control->state == DB_SHUTDOWNED || control->state == DB_SHUTDOWNED_IN_RECOVERY);
	pfree(control);
	return result;
}

/* At the beginning of shared memory's life. */
void
dsec_event_load(void)
{
	FILE	   *file = AllocateFile(QUEUE_FILE, PG_BINARY_R);
	bool		missing = file == NULL && errno == ENOENT;

	nslots = dsec_event_shared->nslots;
	slots = dsec_event_shared->slots;
	events = dsec_event_shared->events;

	/*
	 * Records under way on the server whose data this is have not come along.
	 * The worker says so when it writes next: after a promotion.
	 */
	if (access(STANDBY_SIGNAL_FILE, F_OK) == 0 ||
		access(RECOVERY_SIGNAL_FILE, F_OK) == 0)
		dsec_event_shared->recovered = true;

	if (missing)
	{
		dsec_event_shared->unsaved = !dsec_event_shared->recovered && !was_shut_down();
		return;
	}
	if (file == NULL || !load_file(file))
	{
		ereport(LOG,
				(errmsg("could not read records from file \"%s\"", QUEUE_FILE)));
		dsec_event_shared->unsaved = true;
	}
	if (file != NULL)
		FreeFile(file);
	(void) durable_unlink(QUEUE_FILE, LOG);
}
