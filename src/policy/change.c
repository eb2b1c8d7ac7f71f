/*-------------------------------------------------------------------------
 *
 * change.c
 *	  Triggers on the tables of the policy, and what follows a commit.
 *
 * A change is allowed only in the ledger database, because nobody reads these
 * tables anywhere else.  It leaves an event in the same transaction.  After
 * the commit has become visible the wanted generation is raised and the worker
 * woken; a change undone by a subtransaction is announced all the same, which
 * costs one publication.  A transaction that is prepared could become visible
 * in a session that has never heard of the change, so PREPARE TRANSACTION is
 * refused.
 *
 * Rows that come with the extension have origin "shipped".  Only the scripts
 * of the extension write such rows; whatever else inserts or updates one turns
 * it into an officer's row, which pg_dump keeps.  When pg_restore inserts an
 * officer's version of a row that CREATE EXTENSION has just shipped again, the
 * shipped row gives way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "guc.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* has this transaction changed the policy? */
static bool changed = false;

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (likely(!changed))
		return;

	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction that has changed rules, recipients or bindings of dsec"),
					 errhint("Change them in a transaction of its own.")));
			break;
		case XACT_EVENT_COMMIT:
			/* visible to new snapshots since before this call */
			if (dsec_policy_shared)
			{
				pg_atomic_fetch_add_u64(&dsec_policy_shared->wanted, 1);
				dsec_worker_wake();
			}
			changed = false;
			break;
		case XACT_EVENT_ABORT:
			changed = false;
			break;
		default:
			break;
	}
}

void
dsec_policy_init_change(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}

void
dsec_policy_require_ledger_database(void)
{
	char	   *database = get_database_name(MyDatabaseId);

	if (database == NULL || strcmp(database, dsec_guc_ledger_database) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("rules, recipients and bindings can be changed only in the ledger database"),
				 errdetail("The ledger database is \"%s\"; this is \"%s\".",
						   dsec_guc_ledger_database, database ? database : ""),
				 errhint("Connect to database \"%s\".", dsec_guc_ledger_database)));
}

PG_FUNCTION_INFO_V1(dsec_policy_require_ledger_sql);

Datum
dsec_policy_require_ledger_sql(PG_FUNCTION_ARGS)
{
	dsec_policy_require_ledger_database();
	PG_RETURN_VOID();
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by trigger manager")));
	return (TriggerData *) fcinfo->context;
}

PG_FUNCTION_INFO_V1(dsec_policy_before_change);

/*
 * BEFORE, per statement: not outside the ledger database.  The scripts of the
 * extension fill the tables in every database.
 */
Datum
dsec_policy_before_change(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo);
	if (!creating_extension)
		dsec_policy_require_ledger_database();
	PG_RETURN_POINTER(NULL);
}

PG_FUNCTION_INFO_V1(dsec_policy_after_change);

/* AFTER, per statement: announce it. */
Datum
dsec_policy_after_change(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo);
	changed = true;
	if (creating_extension)
		dsec_worker_recheck_at_commit();
	PG_RETURN_POINTER(NULL);
}

/* Remove the shipped row whose key is that of the given one, if there is one. */
static void
remove_shipped(Relation relation, HeapTuple row, int key, int origin)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	Oid			keytype = TupleDescAttr(descriptor, key - 1)->atttypid;
	ScanKeyData conditions[2];
	SysScanDesc scan;
	HeapTuple	shipped;
	Datum		datum;
	bool		isnull;

	datum = heap_getattr(row, key, descriptor, &isnull);
	if (isnull)
		return;
	ScanKeyEntryInitialize(&conditions[0], 0, key, InvalidStrategy, InvalidOid,
						   keytype == INT4OID ? InvalidOid : C_COLLATION_OID,
						   keytype == INT4OID ? F_INT4EQ : F_TEXTEQ, datum);
	ScanKeyEntryInitialize(&conditions[1], 0, origin, InvalidStrategy, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum("shipped"));

	/*
	 * The row goes without firing triggers: the one that comes has its key, so
	 * nothing that refers to it is left behind.
	 */
	scan = systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(),
							  2, conditions);
	while (HeapTupleIsValid(shipped = systable_getnext(scan)))
		simple_heap_delete(relation, &shipped->t_self);
	systable_endscan(scan);
}

PG_FUNCTION_INFO_V1(dsec_policy_keep_origin);

/*
 * BEFORE INSERT, UPDATE or DELETE, per row, with the name of the key column as
 * argument: sees to it that "origin" tells the truth, and that shipped rows
 * are changed and not deleted.
 */
Datum
dsec_policy_keep_origin(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo);
	Relation	relation = trigger->tg_relation;
	TupleDesc	descriptor = RelationGetDescr(relation);
	int			origin = SPI_fnumber(descriptor, "origin");
	int			key = SPI_fnumber(descriptor, trigger->tg_trigger->tgargs[0]);
	HeapTuple	row = trigger->tg_trigtuple;
	Datum		officer;
	bool		isnull = false;

	if (origin <= 0 || key <= 0)
		elog(ERROR, "table \"%s\" has no column origin, or no such key",
			 RelationGetRelationName(relation));

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		if (!creating_extension &&
			strcmp(SPI_getvalue(row, descriptor, origin), "shipped") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot delete a row of dsec.%s that comes with dsec",
							RelationGetRelationName(relation)),
					 errdetail("It would be back after the next upgrade."),
					 errhint("Change the row instead; a rule ends with its column valid_to.")));
		PG_RETURN_POINTER(row);
	}

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		row = trigger->tg_newtuple;
	if (creating_extension)
		PG_RETURN_POINTER(row);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		remove_shipped(relation, row, key, origin);
	officer = CStringGetTextDatum("officer");
	row = heap_modify_tuple_by_cols(row, descriptor, 1, &origin, &officer, &isnull);
	PG_RETURN_POINTER(row);
}
