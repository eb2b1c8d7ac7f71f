/*-------------------------------------------------------------------------
 *
 * event_sql.c
 *	  SQL functions around dsec.event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "guc.h"
#include "ledger/event.h"
#include "ledger/event_slots.h"
#include "miscadmin.h"
#include "report.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dsec_event_check_database);
PG_FUNCTION_INFO_V1(dsec_event_flush_sql);
PG_FUNCTION_INFO_V1(dsec_event_refuse_change);

/*
 * True in the ledger database, DS003 elsewhere: there dsec.event is empty, and
 * an empty answer would be read as "nothing was exported".
 */
Datum
dsec_event_check_database(PG_FUNCTION_ARGS)
{
	char	   *database = get_database_name(MyDatabaseId);

	if (database == NULL || strcmp(database, dsec_guc_ledger_database) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("the records of this cluster are not in this database"),
				 errdetail("They are kept in database \"%s\" (dsec.ledger_database).",
						   dsec_guc_ledger_database),
				 errhint("Connect to database \"%s\".", dsec_guc_ledger_database)));
	PG_RETURN_BOOL(true);
}

Datum
dsec_event_flush_sql(PG_FUNCTION_ARGS)
{
	if (dsec_event_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("dsec is not loaded at server start, so nothing is recorded"),
				 errhint("Add dsec to shared_preload_libraries and restart the server.")));
	if (!dsec_event_flush())
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("records could not be written within dsec.ledger_timeout"),
				 errdetail("They stay queued, and are written as soon as the dsec worker can."),
				 errhint("Look for a lock on table dsec.event in database \"%s\", and for messages of the dsec worker in the server log.",
						 dsec_guc_ledger_database)));
	PG_RETURN_VOID();
}

/* Trigger: what has been recorded stays. */
Datum
dsec_event_refuse_change(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("records of exports cannot be changed or removed"),
			 errdetail("Table dsec.event only grows."),
			 errhint("docs/auditor.md says how to archive it.")));
	PG_RETURN_NULL();			/* keep compiler quiet */
}
