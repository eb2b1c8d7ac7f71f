/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What dsec says about an export: to the client that is refused, in the
 *	  record, and in the server log.
 *
 * One verdict gives all the words, so that they cannot differ.  Nothing here
 * sees a value or a statement (law L8): the inputs are names and counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "guc.h"
#include "ledger/event.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "policy/policy.h"
#include "report.h"
#include "utils/timestamp.h"
#include "utils/memutils.h"

/* the rule and the finding of a verdict, in the record */
static void
describe_verdict(const DsecVerdict *verdict, const char *decision, DsecEvent *event)
{
	strlcpy(event->decision, decision, sizeof(event->decision));
	snprintf(event->rule, sizeof(event->rule), "%s: %s",
			 verdict->regime, verdict->citation);
	snprintf(event->detail, sizeof(event->detail),
			 "category %s, recipient %s: counted " INT64_FORMAT
			 ", threshold %s " INT64_FORMAT ", window %s",
			 verdict->category, verdict->recipient, verdict->counted,
			 verdict->comparator, verdict->threshold, verdict->window);
}

void
dsec_report_blocked(const DsecVerdict *verdict, const char *channel, DsecEvent *event)
{
	bool		written;

	describe_verdict(verdict, "block", event);
	strlcpy(event->channel, channel, sizeof(event->channel));
	written = dsec_event_publish_durably(event);

	/* the statement has literals; the record has its identifier */
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_BLOCKED),
			 errhidestmt(true),
			 errmsg("export of \"%s\" data to recipient \"%s\" through channel \"%s\" is blocked",
					verdict->category, verdict->recipient, channel),
			 errdetail("Category \"%s\", recipient \"%s\": counted " INT64_FORMAT
					   " subjects in the window (%s); the threshold is %s " INT64_FORMAT
					   "; rule: %s, %s.%s",
					   verdict->category, verdict->recipient,
					   verdict->counted, verdict->window,
					   verdict->comparator, verdict->threshold,
					   verdict->regime, verdict->citation,
					   written ? "" : " The record of this refusal is queued; it could not be written within dsec.ledger_timeout."),
			 errhint("The row that would cross the threshold was neither sent nor counted. dsec.exposure in database \"%s\" shows what the recipient may still receive.",
					 dsec_guc_ledger_database)));
}

void
dsec_report_logged(const DsecVerdict *verdict, DsecEvent *event)
{
	if (strcmp(event->decision, "log") != 0)
		describe_verdict(verdict, "log", event);
}

/*
 * Append a comma and a field.  Control characters become "?", so that one
 * record is one line whatever a role is called.
 */
static void
append_field(StringInfo line, const char *field)
{
	bool		quote = strpbrk(field, "\",") != NULL ||
	field[0] == ' ' || (field[0] != '\0' && field[strlen(field) - 1] == ' ');

	appendStringInfoChar(line, ',');
	if (quote)
		appendStringInfoChar(line, '"');
	for (const char *c = field; *c; c++)
	{
		if (*c == '"')
			appendStringInfoChar(line, '"');
		appendStringInfoChar(line, (unsigned char) *c < ' ' || *c == 0x7F ? '?' : *c);
	}
	if (quote)
		appendStringInfoChar(line, '"');
}

/* A number, or an empty field where the table has NULL. */
static void
append_number(StringInfo line, int64 number, bool known)
{
	appendStringInfoChar(line, ',');
	if (known)
		appendStringInfo(line, INT64_FORMAT, number);
}

/* ISO 8601 in UTC, so that lines do not depend on anybody's time zone */
static void
append_time(StringInfo line, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	appendStringInfoChar(line, ',');
	if (time != 0 && timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) == 0)
		appendStringInfo(line, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
						 tm.tm_year, tm.tm_mon, tm.tm_mday,
						 tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

char *
dsec_report_event_line(int64 id, const DsecEvent *event)
{
	StringInfoData line;
	StringInfoData categories;

	initStringInfo(&categories);
	for (int i = 0; i < event->ncategories; i++)
		appendStringInfo(&categories, "%s%s=" INT64_FORMAT "/" INT64_FORMAT,
						 i > 0 ? "," : "",
						 event->categories[i].category,
						 event->categories[i].subjects,
						 event->categories[i].charged);

	initStringInfo(&line);
	appendStringInfoString(&line, "DSEC: ");
	for (const char *c = dsec_event_kind_name(event->kind); *c; c++)
		appendStringInfoChar(&line, pg_ascii_toupper((unsigned char) *c));
	appendStringInfo(&line, "," INT64_FORMAT, id);
	append_field(&line, event->decision);
	append_field(&line, event->channel);
	append_field(&line, event->recipients);
	append_field(&line, categories.data);
	append_field(&line, event->relations);
	append_number(&line, event->nrows, event->kind == DSEC_EVENT_EXPORT);
	append_time(&line, event->begun);
	append_time(&line, event->ended);
	append_field(&line, event->login_role);
	append_field(&line, event->user_name);
	append_field(&line, event->client_address);
	append_field(&line, event->application_name);
	append_field(&line, event->database);
	append_number(&line, event->pid, true);
	append_number(&line, event->query_id, event->query_id != 0);
	append_number(&line, event->folded, true);
	append_field(&line, event->rule);
	append_field(&line, event->detail);
	pfree(categories.data);
	return line.data;
}

void
dsec_report_forgive(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode != ERRCODE_DSEC_FAIL_CLOSED)
		PG_RE_THROW();
	FlushErrorState();
	FreeErrorData(error);
}
