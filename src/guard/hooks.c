/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Where plans get their guard, and runs their context.
 *
 * A plan is covered when it is made, if the session might count then; a plan
 * that comes from a cache uncovered is covered when it starts.  Either way it
 * is the finished plan that is looked at, and an uncovered plan that reads
 * tagged columns never runs in a context that counts.
 *
 * A session that counts for nobody pays for a look at the policy's generation
 * in each hook, and for nothing else; what does more is kept out of line, so that
 * it pays for no large stack frames either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "compat.h"
#include "executor/executor.h"
#include "guard/copies.h"
#include "guard/guard.h"
#include "guard/recheck.h"
#include "guard/sending.h"
#include "guard/taint.h"
#include "guc.h"
#include "lineage/groups.h"
#include "lineage/reads.h"
#include "lineage/ships.h"
#include "lineage/verify.h"
#include "nodes/value.h"
#include "optimizer/planner.h"
#include "report.h"
#include "tag/tag.h"
#include "utils/memutils.h"

static planner_hook_type prev_planner_hook = NULL;
static ExecutorStart_hook_type prev_ExecutorStart_hook = NULL;
static ExecutorRun_hook_type prev_ExecutorRun_hook = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish_hook = NULL;
static ExecutorEnd_hook_type prev_ExecutorEnd_hook = NULL;

/*
 * Is this the SELECT of a foreign key check, which counts nobody?  What a
 * cascade writes is a statement like any other: triggers see its rows.
 */
static bool
is_key_check(CmdType operation)
{
	return operation == CMD_SELECT && dsec_context_is_key_check();
}

/* Does what this backend executes now concern us at all? */
static bool
may_count(CmdType operation)
{
	if (IsParallelWorker())
		dsec_run_in_worker();

	return dsec_context_may_count() && !is_key_check(operation) &&
		IsTransactionState() && dsec_tag_database();
}

/* Do reads of tagged columns count here, for certain? */
static bool
counts(void)
{
	DsecContext context;

	dsec_context_get(&context);

	return context.records;
}

static void
cover(PlannedStmt *stmt, List *reads, uint64 query_id)
{
	char	   *why;

	dsec_lineage_cover(stmt, reads, query_id, dsec_guard_make);
	if (!dsec_lineage_covered(stmt, &why))
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("cannot count the people in what this statement reads"),
				 errdetail_internal("%s", why),
				 errhint("Write the statement in a simpler form; docs/limits.md lists what cannot be counted.")));
}

/*
 * Cover a plan that reads tagged columns, or that has charges of foreign tables
 * already, although what they are for has turned out not to be needed.  In
 * permissive mode a plan that cannot be covered runs as it is, and a record of
 * the loss says so.
 */
static pg_noinline PlannedStmt *
covered_plan(PlannedStmt *stmt, uint64 query_id, bool has_charges)
{
	MemoryContext context = CurrentMemoryContext;
	PlannedStmt *volatile result = stmt;

	if ((!has_charges && dsec_lineage_reads(stmt) == NIL) || !counts())
		return stmt;

	if (dsec_guc_mode != DSEC_MODE_PERMISSIVE)
	{
		PlannedStmt *copy = copyObject(stmt);

		cover(copy, dsec_lineage_reads(copy), query_id);
		return copy;
	}

	PG_TRY();
	{
		PlannedStmt *copy = copyObject(stmt);

		cover(copy, dsec_lineage_reads(copy), query_id);
		result = copy;
	}
	PG_CATCH();
	{
		dsec_report_forgive(context);
		dsec_event_loss(NULL, NULL, "a statement that reads tagged columns ran without being counted, because its plan cannot be");
	}
	PG_END_TRY();

	return result;
}

/*
 * The same for a plan that writes to foreign servers, or sends values while it
 * runs: they leave for whom these targets are bound to, whoever the session is.
 */
static pg_noinline PlannedStmt *
covered_plan_to(List *targets, PlannedStmt *stmt, uint64 query_id,
				bool has_charges)
{
	PlannedStmt *volatile result = NULL;

	dsec_context_enter_targets(targets);
	PG_TRY();
	{
		result = covered_plan(stmt, query_id, has_charges);
	}
	PG_FINALLY();
	{
		dsec_context_leave_targets(targets);
	}
	PG_END_TRY();

	return result;
}

/* Can there be tagged data in this database, and does it matter? */
static bool
may_matter(void)
{
	return dsec_guc_mode != DSEC_MODE_OFF && IsTransactionState() &&
		dsec_tag_database();
}

/*
 * The targets of a plan that is to run: a plan that has no guard can only be one
 * that writes to foreign servers; unless "late": tags have come since it was made.
 */
static List *
run_targets(PlannedStmt *stmt, bool late)
{
	if (dsec_lineage_is_covered(stmt))
		return list_nth(((CustomScan *) stmt->planTree)->custom_private,
						DSEC_GUARD_TARGETS);
	if ((stmt->resultRelations == NIL && !late) || !may_matter())
		return NIL;

	return dsec_lineage_targets(stmt, late);
}

/*
 * The query's identifier as core computes it, for our record only: nobody
 * else gets to see identifiers that the server was not asked to compute.
 */
static pg_noinline uint64
fingerprint(Query *parse, const char *query_string)
{
	bool		saved = query_id_enabled;
	uint64		query_id;

	if (compute_query_id == COMPUTE_QUERY_ID_OFF)
		return 0;

	PG_TRY();
	{
		query_id_enabled = true;
		DSEC_JUMBLE_QUERY(parse, query_string);
	}
	PG_FINALLY();
	{
		query_id_enabled = saved;
	}
	PG_END_TRY();
	query_id = parse->queryId;
	parse->queryId = 0;

	return query_id;
}

/*
 * Foreign tables are charged by the query itself.  *targets receives the servers
 * that the query writes to, because it counts for them whoever the session is.
 */
static pg_noinline bool
charge_foreign_tables(Query *parse, bool candidate, List **targets)
{
	volatile bool counted = false;

	if (!candidate && !may_matter())
		return false;
	if (!dsec_lineage_reads_foreign(parse))
		return false;

	*targets = dsec_lineage_server_targets(dsec_lineage_query_servers(parse));
	if (!candidate && *targets == NIL)
		return false;
	dsec_context_enter_targets(*targets);
	PG_TRY();
	{
		counted = counts();
	}
	PG_FINALLY();
	{
		dsec_context_leave_targets(*targets);
	}
	PG_END_TRY();
	if (counted)
		dsec_lineage_charge_foreign(parse);

	return counted;
}

static PlannedStmt *
next_planner(Query *parse, const char *query_string, int cursorOptions,
			 ParamListInfo boundParams)
{
	if (prev_planner_hook)
		return prev_planner_hook(parse, query_string, cursorOptions, boundParams);

	return standard_planner(parse, query_string, cursorOptions, boundParams);
}

/*
 * A plan that turns out to send tagged data away, in a session that counts for
 * nobody otherwise.  Tagged foreign tables need their charge before they are
 * planned: then it is done once more, from the query as it was.
 */
static pg_noinline PlannedStmt *
sending_plan(List *targets, Query *saved, const char *query_string,
			 int cursorOptions, ParamListInfo boundParams, uint64 query_id)
{
	PlannedStmt *stmt;

	dsec_lineage_charge_foreign(saved);
	stmt = next_planner(saved, query_string, cursorOptions, boundParams);

	return covered_plan_to(targets, stmt, query_id, true);
}

static PlannedStmt *
guard_planner(Query *parse, const char *query_string, int cursorOptions,
			  ParamListInfo boundParams)
{
	bool		candidate = may_count(parse->commandType);
	bool		matters = may_matter();
	bool		may_ship = matters && dsec_lineage_may_ship(parse);
	uint64		query_id = parse->queryId;
	Query	   *saved = NULL;
	List	   *targets = NIL;
	List	   *written = NIL;
	bool		has_charges = false;
	PlannedStmt *stmt;

	/* the planner scribbles on the query: take its fingerprint first */
	if (candidate && query_id == 0)
		query_id = fingerprint(parse, query_string);

	if (candidate || parse->commandType != CMD_SELECT || parse->hasModifyingCTE)
		has_charges = charge_foreign_tables(parse, candidate, &written);
	if (!has_charges && may_ship && dsec_lineage_reads_foreign(parse))
		saved = copyObject(parse);

	stmt = next_planner(parse, query_string, cursorOptions, boundParams);

	if (matters)
		targets = dsec_lineage_targets(stmt,
									   dsec_lineage_plan_may_ship(stmt, may_ship));

	/* what is charged must get a guard, even if nothing is written after all */
	if (has_charges)
		targets = list_union(written, targets);
	if (targets != NIL)
		return saved ?
			sending_plan(targets, saved, query_string, cursorOptions,
						 boundParams, query_id) :
			covered_plan_to(targets, stmt, query_id, has_charges);

	return candidate ? covered_plan(stmt, query_id, has_charges) : stmt;
}

/*
 * Is this the piece of a plan that a leader gave to this parallel worker?  The
 * leader has covered it, and the guard stayed with the leader.
 */
static bool
is_leaders_plan(QueryDesc *queryDesc)
{
	return IsParallelWorker() && queryDesc->dest->mydest == DestTupleQueue;
}

/* Will somebody be told how many tagged rows each node of the plan had? */
static bool
shows_row_counts(QueryDesc *queryDesc)
{
	return queryDesc->instrument_options != 0 &&
		dsec_guc_mode == DSEC_MODE_ENFORCING &&
		dsec_lineage_is_covered(queryDesc->plannedstmt) &&
		may_count(queryDesc->operation) && counts();
}

/*
 * Tags have come since the plan was made, of data that its snapshot sees.  The
 * guard that it has may not be the one that it needs.
 */
static pg_noinline void
check_covered(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	char	   *why;

	if (!dsec_lineage_is_covered(stmt) || dsec_guc_mode != DSEC_MODE_ENFORCING ||
		!may_count(queryDesc->operation) || dsec_lineage_covered(stmt, &why))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("tags have changed since this statement was planned"),
			 errhint("Run it again.")));
}

/*
 * A guard made while tags followed copies does not know of servers that need it
 * now that they do not.  Cached plans are made anew; this one was not cached.
 */
static pg_noinline void
check_targets(PlannedStmt *stmt)
{
	List	   *targets = list_nth(((CustomScan *) stmt->planTree)->custom_private,
								   DSEC_GUARD_TARGETS);

	if (list_difference(dsec_lineage_targets(stmt, false), targets) == NIL)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("dsec.copies has changed since this statement was planned"),
			 errhint("Run it again.")));
}

static void
guard_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	bool		late = dsec_tag_catch_up();

	if (unlikely(late))
		check_covered(queryDesc);
	if (stmt->resultRelations != NIL && dsec_lineage_is_covered(stmt) &&
		dsec_guc_copies != DSEC_COPIES_PROPAGATE &&
		dsec_guc_mode == DSEC_MODE_ENFORCING)
		check_targets(stmt);
	if ((queryDesc->params || queryDesc->dest->mydest == DestSPI) &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		dsec_sending_check(queryDesc);
	dsec_copies_start(queryDesc, eflags);

	if (!dsec_lineage_is_covered(stmt))
	{
		List	   *targets = run_targets(stmt, late);

		if (targets != NIL)
			queryDesc->plannedstmt =
				covered_plan_to(targets, stmt, stmt->queryId, false);
		else if (!is_leaders_plan(queryDesc) && may_count(queryDesc->operation))
			queryDesc->plannedstmt = covered_plan(stmt, stmt->queryId, false);
	}

	if (shows_row_counts(queryDesc))
	{
		queryDesc->plannedstmt = copyObject(queryDesc->plannedstmt);
		dsec_lineage_cover_row_counts(queryDesc->plannedstmt);
	}

	if (prev_ExecutorStart_hook)
		prev_ExecutorStart_hook(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

/*
 * A plan without guard is about to run.  It was looked at when it started, but
 * the context may be another one now: a cursor opened in the house and fetched
 * inside an export.
 */
static pg_noinline void
check_uncovered(QueryDesc *queryDesc)
{
	if (dsec_guc_mode == DSEC_MODE_PERMISSIVE)
		return;
	if (dsec_lineage_reads(queryDesc->plannedstmt) == NIL || !counts())
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot go on with a query over tagged data that was started before it counted"),
			 errdetail("The query was started when what this session reads was not counted, and is fetched from now that it is."),
			 errhint("Close the cursor and open it again.")));
}

static uint64
stored_query_id(const PlannedStmt *stmt)
{
	List	   *private = ((CustomScan *) stmt->planTree)->custom_private;

	return strtou64(strVal(list_nth(private, DSEC_GUARD_QUERY_ID)), NULL, 10);
}

/* May this run start parallel workers? */
static bool
shares(QueryDesc *queryDesc)
{
	return queryDesc->plannedstmt->parallelModeNeeded && !IsParallelWorker();
}

static void
begin_run(DsecRun *run, QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	List	   *private = ((CustomScan *) stmt->planTree)->custom_private;

	dsec_run_begin(run, queryDesc, list_nth(private, DSEC_GUARD_READS),
				   stored_query_id(stmt), dsec_guard_export(queryDesc));
	if (shares(queryDesc) && run->export)
		dsec_run_share(run);
}

static void
end_run(DsecRun *run, QueryDesc *queryDesc)
{
	if (shares(queryDesc) && run->export)
		dsec_run_unshare(run);
}

static void
next_ExecutorRun(DSEC_EXECUTOR_RUN_ARGS)
{
	if (prev_ExecutorRun_hook)
		prev_ExecutorRun_hook(DSEC_EXECUTOR_RUN_CALL);
	else
		standard_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
}

static void
next_ExecutorFinish(QueryDesc *queryDesc)
{
	if (prev_ExecutorFinish_hook)
		prev_ExecutorFinish_hook(queryDesc);
	else
		standard_ExecutorFinish(queryDesc);
}

/*
 * A parallel plan that reads nothing tagged, in a session that may count:
 * functions in its workers could read what is.
 */
static pg_noinline void
run_with_workers(DSEC_EXECUTOR_RUN_ARGS)
{
	DsecRun    *outer = dsec_run_current;
	DsecExport *export = NULL;
	DsecRun		run;

	dsec_run_begin(&run, queryDesc, NIL, queryDesc->plannedstmt->queryId,
				   &export);
	if (run.export == NULL)
	{
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
		return;
	}

	dsec_run_share(&run);
	PG_TRY();
	{
		dsec_run_current = &run;
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
		run.export->finished |= !run.nested;
	}
	PG_FINALLY();
	{
		dsec_run_current = outer;
		dsec_run_unshare(&run);
	}
	PG_END_TRY();
}

/* The statement of a foreign key check: what it starts in turn does count. */
static pg_noinline void
run_key_check(DSEC_EXECUTOR_RUN_ARGS)
{
	dsec_context_enter_key_check();
	PG_TRY();
	{
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
	}
	PG_FINALLY();
	{
		dsec_context_leave_key_check();
	}
	PG_END_TRY();
}

static pg_noinline void
run_guarded(DSEC_EXECUTOR_RUN_ARGS)
{
	DsecRun    *outer = dsec_run_current;
	DsecRun		run;

	begin_run(&run, queryDesc);
	PG_TRY();
	{
		dsec_run_current = &run;
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
	}
	PG_FINALLY();
	{
		dsec_run_current = outer;
		end_run(&run, queryDesc);
	}
	PG_END_TRY();
}

static void
run_query(DSEC_EXECUTOR_RUN_ARGS)
{
	if (dsec_lineage_is_covered(queryDesc->plannedstmt))
		run_guarded(DSEC_EXECUTOR_RUN_CALL);
	else if (is_leaders_plan(queryDesc) || !dsec_context_may_count())
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
	else if (is_key_check(queryDesc->operation))
		run_key_check(DSEC_EXECUTOR_RUN_CALL);
	else if (may_count(queryDesc->operation))
	{
		check_uncovered(queryDesc);
		if (shares(queryDesc))
			run_with_workers(DSEC_EXECUTOR_RUN_CALL);
		else
			next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
	}
	else
		next_ExecutorRun(DSEC_EXECUTOR_RUN_CALL);
}

static pg_noinline void
run_to(List *targets, DSEC_EXECUTOR_RUN_ARGS)
{
	dsec_context_enter_targets(targets);
	PG_TRY();
	{
		run_query(DSEC_EXECUTOR_RUN_CALL);
	}
	PG_FINALLY();
	{
		dsec_context_leave_targets(targets);
	}
	PG_END_TRY();
}

static void
run_in_context(DSEC_EXECUTOR_RUN_ARGS)
{
	List	   *targets = run_targets(queryDesc->plannedstmt, false);

	if (targets != NIL)
		run_to(targets, DSEC_EXECUTOR_RUN_CALL);
	else
		run_query(DSEC_EXECUTOR_RUN_CALL);
}

static void
guard_ExecutorRun(DSEC_EXECUTOR_RUN_ARGS)
{
	DsecRecheck recheck;
	bool		rechecks;
	DsecTaintFrame frame;

	dsec_copies_run(queryDesc);
	if (!may_matter())
	{
		run_in_context(DSEC_EXECUTOR_RUN_CALL);
		return;
	}

	/* tags may come while the run waits for rows */
	rechecks = dsec_recheck_begin(&recheck, queryDesc);
	dsec_taint_push(&frame, queryDesc);
	PG_TRY();
	{
		run_in_context(DSEC_EXECUTOR_RUN_CALL);
		if (unlikely(dsec_taint_read_inside()))
			dsec_copies_returned(queryDesc);
	}
	PG_FINALLY();
	{
		dsec_taint_pop(&frame);
		if (rechecks)
			dsec_recheck_end(&recheck);
	}
	PG_END_TRY();
	if (rechecks)
		dsec_recheck_copies(&recheck);
}

static pg_noinline void
finish_guarded(QueryDesc *queryDesc)
{
	DsecRun    *outer = dsec_run_current;
	DsecRun		run;

	begin_run(&run, queryDesc);
	PG_TRY();
	{
		dsec_run_current = &run;
		next_ExecutorFinish(queryDesc);
	}
	PG_FINALLY();
	{
		dsec_run_current = outer;
		end_run(&run, queryDesc);
	}
	PG_END_TRY();
}

static pg_noinline void
finish_to(List *targets, QueryDesc *queryDesc)
{
	dsec_context_enter_targets(targets);
	PG_TRY();
	{
		finish_guarded(queryDesc);
	}
	PG_FINALLY();
	{
		dsec_context_leave_targets(targets);
	}
	PG_END_TRY();
}

/* Data-modifying CTEs that nobody read to the end run here. */
static void
finish_in_context(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	List	   *targets;

	if (likely(!stmt->hasModifyingCTE || !dsec_lineage_is_covered(stmt)))
		next_ExecutorFinish(queryDesc);
	else if ((targets = run_targets(stmt, false)) != NIL)
		finish_to(targets, queryDesc);
	else
		finish_guarded(queryDesc);
}

/* So do AFTER triggers. */
static void
guard_ExecutorFinish(QueryDesc *queryDesc)
{
	DsecTaintFrame frame;

	if ((queryDesc->operation == CMD_SELECT &&
		 !queryDesc->plannedstmt->hasModifyingCTE) || !may_matter())
	{
		finish_in_context(queryDesc);
		return;
	}

	dsec_taint_push(&frame, queryDesc);
	PG_TRY();
	{
		finish_in_context(queryDesc);
	}
	PG_FINALLY();
	{
		dsec_taint_pop(&frame);
	}
	PG_END_TRY();
}

static void
guard_ExecutorEnd(QueryDesc *queryDesc)
{
	if (IsParallelWorker())
		dsec_run_worker_done();
	if (dsec_lineage_is_covered(queryDesc->plannedstmt))
	{
		DsecExport *export = *dsec_guard_export(queryDesc);

		if (export)
			export->finished = true;
	}

	if (prev_ExecutorEnd_hook)
		prev_ExecutorEnd_hook(queryDesc);
	else
		standard_ExecutorEnd(queryDesc);
}

void
dsec_guard_init(void)
{
	dsec_guard_node_init();
	dsec_guard_statistics_init();
	dsec_export_init();
	dsec_copies_init();
	dsec_sending_init();

	prev_planner_hook = planner_hook;
	planner_hook = guard_planner;
	prev_ExecutorStart_hook = ExecutorStart_hook;
	ExecutorStart_hook = guard_ExecutorStart;
	prev_ExecutorRun_hook = ExecutorRun_hook;
	ExecutorRun_hook = guard_ExecutorRun;
	prev_ExecutorFinish_hook = ExecutorFinish_hook;
	ExecutorFinish_hook = guard_ExecutorFinish;
	prev_ExecutorEnd_hook = ExecutorEnd_hook;
	ExecutorEnd_hook = guard_ExecutorEnd;
}
