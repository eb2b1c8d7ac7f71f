/*-------------------------------------------------------------------------
 *
 * event.h
 *	  Records on their way to dsec.event.
 *
 * A session that is about to export takes a slot in shared memory before the
 * first row leaves, so that the record can always be delivered, also from an
 * abort.  The worker writes ready slots to dsec.event in transactions of its
 * own, and one server-log line for each row it writes: at once when somebody
 * waits for it, otherwise about once a second, so that repeated exports fold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_EVENT_H
#define DSEC_EVENT_H

#include "datatype/timestamp.h"

#define DSEC_EVENT_CATEGORIES 16
#define DSEC_EVENT_RELATIONS 2048
#define DSEC_EVENT_RECIPIENTS 1152	/* eight of the longest names */

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
	int64		subjects;		/* distinct subjects seen by this export; in a
								 * folded record the sum over its exports */
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
	char		recipients[DSEC_EVENT_RECIPIENTS];	/* names, comma-separated;
													 * see the functions below */
	char		relations[DSEC_EVENT_RELATIONS];	/* schema.table(col,col),... ;
													 * ends in "..." when cut */
	int			ncategories;
	DsecEventCategory categories[DSEC_EVENT_CATEGORIES];
	int64		nrows;
	char		decision[16];	/* allow, log, block, error, uncounted */
	char		rule[128];		/* "regime: citation" of the rule that decided */
	char		detail[256];	/* one sentence: what was counted against which
								 * threshold; what changed or was lost */
	int64		query_id;
	int64		folded;			/* exports in this record; 1 for one */
} DsecEvent;

/*
 * Take a slot, zeroed, with the facts of this session filled in: kind EXPORT,
 * begun (now), roles, address, application, database, pid, query_id, folded 1.
 * Waits at most dsec.ledger_timeout for a free slot and then raises DS003; in
 * permissive mode it returns a scrap instead, which may be filled and published
 * like a slot, and of which only a count is kept (a loss record).
 * The result must be given to exactly one of dsec_event_publish,
 * dsec_event_publish_durably and dsec_event_release, by the same backend; a slot
 * still held at backend exit is published as it stands ("error" when no
 * decision stands in it).  A session may hold 128 slots at once.
 */
extern PGDLLEXPORT DsecEvent *dsec_event_take(void);

/*
 * Fill in lists.  A recipient's name may contain anything; a relation is
 * "schema.table(col,col)" with its identifiers quoted where they need it.  An
 * entry that no longer fits leaves "..." at the end of the list; of categories
 * past the sixteenth only the last place keeps a sum, named "...".
 * dsec_event_add_category adds to the entry of the category, making it first.
 */
extern PGDLLEXPORT void dsec_event_add_recipient(DsecEvent *event, const char *name);
extern PGDLLEXPORT void dsec_event_add_relation(DsecEvent *event, const char *relation);
extern PGDLLEXPORT void dsec_event_add_category(DsecEvent *event, const char *category,
												int64 subjects, int64 charged);

/*
 * Hand a filled slot over; "ended" becomes now when it is 0.  Never fails and
 * never waits, so that it can be called from an abort.  Exports of one session
 * that agree in query_id, channel, recipients, relations, decision, rule, roles
 * and minute of "begun" fold into one record while it has not been written;
 * its detail is that of the first.
 */
extern PGDLLEXPORT void dsec_event_publish(DsecEvent *event);

/* Give a slot back unused.  Never fails. */
extern PGDLLEXPORT void dsec_event_release(DsecEvent *event);

/*
 * As publish, but returns only when the record is on disk: for refusals,
 * before the error is raised.  Waits at most dsec.ledger_timeout; returns
 * false when the record could not be written in that time (it stays queued).
 * The same when the wait is interrupted and raises.
 */
extern PGDLLEXPORT bool dsec_event_publish_durably(DsecEvent *event);

/*
 * Record that something could not be counted or recorded.  "what" is one
 * sentence without data values; channel and relations may be NULL.  Never fails
 * and never waits; when no slot is free, only how many were lost is recorded.
 */
extern PGDLLEXPORT void dsec_event_loss(const char *channel, const char *relations,
										const char *what);

/*
 * Have everything written that has been published so far, by any session, and
 * wait for it at most dsec.ledger_timeout.  False: it is still queued.
 */
extern PGDLLEXPORT bool dsec_event_flush(void);

/* "export", "change", ...: dsec.event.kind */
extern const char *dsec_event_kind_name(DsecEventKind kind);

extern void dsec_event_init(void);

#endif							/* DSEC_EVENT_H */
