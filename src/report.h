/*-------------------------------------------------------------------------
 *
 * report.h
 *	  SQLSTATEs of dsec, and the one place where a denial gets its words: the
 *	  error, the record in dsec.event and the line in the server log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_REPORT_H
#define DSEC_REPORT_H

#include "compat.h"
#include "utils/elog.h"

/* ledger/event.h and policy/policy.h, for those who call the functions below */
struct DsecEvent;
struct DsecVerdict;

#define ERRCODE_DSEC_BLOCKED		MAKE_SQLSTATE('D', 'S', '0', '0', '1')
#define ERRCODE_DSEC_LABEL_REFUSED	MAKE_SQLSTATE('D', 'S', '0', '0', '2')
#define ERRCODE_DSEC_FAIL_CLOSED	MAKE_SQLSTATE('D', 'S', '0', '0', '3')

/*
 * Refuse an export: completes the event (decision "block", rule, detail),
 * publishes it durably and raises DS001.  The event must have been taken, and
 * is given back in any case.  When the record cannot be written within
 * dsec.ledger_timeout the export is refused all the same, and the DETAIL says
 * that the record is queued.
 */
pg_noreturn extern PGDLLEXPORT void dsec_report_blocked(const struct DsecVerdict *verdict,
														const char *channel,
														struct DsecEvent *event);

/*
 * An export goes on over a threshold that only logs: the event gets decision
 * "log", rule and detail of the first such verdict.  Says nothing to the client.
 */
extern PGDLLEXPORT void dsec_report_logged(const struct DsecVerdict *verdict, struct DsecEvent *event);

/*
 * The line that goes to the server log for a row of dsec.event, in pgaudit's
 * CSV manner; palloc'd.  docs/auditor.md documents its fields.
 */
extern char *dsec_report_event_line(int64 id, const struct DsecEvent *event);

/*
 * For a PG_CATCH in permissive mode: go on after a DS003, in the memory context
 * given.  Any other error is thrown again.
 */
extern void dsec_report_forgive(MemoryContext context);

#endif							/* DSEC_REPORT_H */
