/*-------------------------------------------------------------------------
 *
 * event.h
 *	  Records on their way to dsec.event.
 *
 * A session that is about to export takes a slot in shared memory before the
 * first row leaves, so that the record can always be delivered, also from an
 * abort.  The worker writes full slots to dsec.event in transactions of its
 * own, and one server-log line for each row it writes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_EVENT_H
#define DSEC_EVENT_H

#include "datatype/timestamp.h"

#define DSEC_EVENT_CATEGORIES 16
#define DSEC_EVENT_RELATIONS 1024
#define DSEC_EVENT_RECIPIENTS 512

typedef enum DsecEventKind
{
	DSEC_EVENT_EXPORT,
	DSEC_EVENT_CHANGE,			/* tags, rules, recipients, bindings, mode */
	DSEC_EVENT_LOSS,			/* something could not be counted or recorded */
	DSEC_EVENT_ADMIN
} DsecEventKind;

typedef struct DsecEventCategory
{
	char		category[NAMEDATALEN];
	int64		subjects;		/* distinct subjects seen by this export */
	int64		charged;		/* of these, new to the ledger today */
} DsecEventCategory;

/*
 * Plain data without pointers; lives in shared memory.  Categories, names and
 * counts only: never a value, never a literal of the statement.
 */
typedef struct DsecEvent
{
	DsecEventKind kind;
	TimestampTz begun;
	TimestampTz ended;			/* 0: never ended (crash, or still running) */
	char		login_role[NAMEDATALEN];
	char		user_name[NAMEDATALEN]; /* current role */
	char		client_address[64]; /* "" for a unix socket */
	char		application_name[NAMEDATALEN];
	char		database[NAMEDATALEN];
	int			pid;
	char		channel[NAMEDATALEN];	/* select, copy, file, program, fdw, ... */
	char		recipients[DSEC_EVENT_RECIPIENTS];	/* names, comma-separated */
	char		relations[DSEC_EVENT_RELATIONS];	/* schema.table(col,col),... ;
													 * ends in "..." when cut */
	int			ncategories;
	DsecEventCategory categories[DSEC_EVENT_CATEGORIES];
	int64		nrows;
	char		decision[16];	/* allow, log, block, error, uncounted */
	char		rule[128];		/* regime and citation of the rule that decided */
	char		detail[256];	/* for change, loss, admin: one sentence */
	int64		query_id;
	int64		folded;			/* exports in this row; 1 for one */
} DsecEvent;

/*
 * Take a slot.  Waits at most dsec.ledger_timeout for a free one and then
 * raises DS003.  The slot must be given to dsec_event_publish or
 * dsec_event_release, by the same backend; a slot still held at backend exit is
 * published as it stands.
 */
extern DsecEvent *dsec_event_take(void);

/*
 * Hand a filled slot over.  Never fails and never waits, so that it can be
 * called from an abort.  Exports of one session that agree in query_id,
 * channel, recipients, relations, decision and minute of "begun" fold into one
 * record while it has not been written.
 */
extern void dsec_event_publish(DsecEvent *event);

/* Give a slot back unused.  Never fails. */
extern void dsec_event_release(DsecEvent *event);

/*
 * As publish, but returns only when the record is on disk: for refusals,
 * before the error is raised.  Waits at most dsec.ledger_timeout; returns
 * false when the record could not be written in that time (it stays queued).
 */
extern bool dsec_event_publish_durably(DsecEvent *event);

extern void dsec_event_init(void);

#endif							/* DSEC_EVENT_H */
