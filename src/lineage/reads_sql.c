/*-------------------------------------------------------------------------
 *
 * reads_sql.c
 *	  What the plan check says of a query, in SQL.
 *
 * dsec.plan_reads plans with PostgreSQL's own planner and lists what the plan
 * reads.  dsec.plan_cover goes on: it makes the same plan count, whatever the
 * session's binding, tells how each read is covered, and lets the last check
 * judge the result.  dsec.plan_copies lists which columns it writes tagged data
 * to, and what it sends away.  None executes the query.  The caller needs the
 * privileges that running it would need.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/reads.h"
#include "lineage/verify.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* a guard to look at, not to run */
static const CustomScanMethods unexecuted_guard = {DSEC_GUARD_NAME, NULL};

/*
 * Plans of the one statement in source: several when rules rewrite it.  With
 * count, foreign tables are charged as the planner hook does it.  With params,
 * it may have parameters, whose number is returned there.
 */
static List *
plan_statement(const char *source, bool count, int *params)
{
	List	   *parsed = pg_parse_query(source);
	List	   *queries;
	List	   *plans = NIL;
	Oid		   *types = NULL;
	ListCell   *lc;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be exactly one statement")));

	if (params)
		queries = pg_analyze_and_rewrite_varparams(linitial_node(RawStmt, parsed),
												   source, &types, params, NULL);
	else
		queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, parsed),
													 source, NULL, 0, NULL);
	foreach(lc, queries)
	{
		Query	   *query = lfirst_node(Query, lc);
		PlannedStmt *stmt;

		if (query->commandType == CMD_UTILITY)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("only SELECT, INSERT, UPDATE, DELETE and MERGE have plans to look at")));

		if (count && dsec_lineage_reads_foreign(query))
			dsec_lineage_charge_foreign(query);
		stmt = standard_planner(query, source, CURSOR_OPT_PARALLEL_OK, NULL);
		(void) DSEC_CHECK_PERMISSIONS(stmt);
		plans = lappend(plans, stmt);
	}
	return plans;
}

static void
put_line(ReturnSetInfo *rsinfo, const char *line)
{
	Datum		value = CStringGetTextDatum(line);
	bool		isnull = false;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
}

PG_FUNCTION_INFO_V1(dsec_plan_reads);

Datum
dsec_plan_reads(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc,
			   *lr;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	foreach(lc, plan_statement(text_to_cstring(PG_GETARG_TEXT_PP(0)),
							   false, NULL))
	{
		PlannedStmt *stmt = lfirst_node(PlannedStmt, lc);

		foreach(lr, dsec_lineage_reads(stmt))
			put_line(rsinfo, dsec_lineage_describe(stmt, lfirst(lr)));
	}

	return (Datum) 0;
}

static Plan *
make_unexecuted_guard(Plan *child, int plan_node_id, List *private)
{
	CustomScan *guard = makeNode(CustomScan);
	ListCell   *lc;

	guard->methods = &unexecuted_guard;
	guard->scan.plan.lefttree = child;
	guard->custom_private = private;
	guard->scan.plan.plan_node_id = plan_node_id;
	foreach(lc, child->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		TargetEntry *scan_tle = flatCopyTargetEntry(tle);
		TargetEntry *own_tle = flatCopyTargetEntry(tle);

		scan_tle->expr = (Expr *) makeVarFromTargetEntry(OUTER_VAR, tle);
		own_tle->expr = (Expr *) makeVarFromTargetEntry(INDEX_VAR, tle);
		guard->custom_scan_tlist = lappend(guard->custom_scan_tlist, scan_tle);
		guard->scan.plan.targetlist = lappend(guard->scan.plan.targetlist,
											  own_tle);
	}
	return &guard->scan.plan;
}

PG_FUNCTION_INFO_V1(dsec_plan_cover);

Datum
dsec_plan_cover(PG_FUNCTION_ARGS)
{
	static const char *const covers[] = {
		[DSEC_COVER_TRACED] = "traced",
		[DSEC_COVER_SOURCE] = "charged at the source",
		[DSEC_COVER_EXPRESSION] = "charged in the expression",
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc,
			   *lr;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	foreach(lc, plan_statement(text_to_cstring(PG_GETARG_TEXT_PP(0)), true,
							   NULL))
	{
		PlannedStmt *stmt = lfirst_node(PlannedStmt, lc);
		List	   *reads = dsec_lineage_reads(stmt);
		CustomScan *guard;
		char	   *why;

		if (reads == NIL)
			continue;

		dsec_lineage_cover(stmt, reads, stmt->queryId, make_unexecuted_guard);
		guard = castNode(CustomScan, stmt->planTree);
		foreach(lr, (List *) list_nth(guard->custom_private, DSEC_GUARD_READS))
		{
			List	   *read = lfirst(lr);
			char	   *reason = strVal(list_nth(read, DSEC_READ_WHY));

			put_line(rsinfo,
					 psprintf("%s %s%s%s",
							  strVal(list_nth(read, DSEC_READ_RELATION)),
							  covers[intVal(list_nth(read, DSEC_READ_COVER))],
							  *reason ? ": " : "", reason));
		}
		if (!dsec_lineage_covered(stmt, &why))
			put_line(rsinfo, psprintf("not covered: %s", why));
	}

	return (Datum) 0;
}

/* Functions that the caller wants to be told of, by oid. */
static List *told_of = NIL;

static bool
is_told_of(Oid function)
{
	return list_member_oid(told_of, function);
}

PG_FUNCTION_INFO_V1(dsec_plan_copies);

Datum
dsec_plan_copies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			params = 0;
	Datum	   *functions;
	bool	   *nulls;
	int			nfunctions;
	ListCell   *lc,
			   *lr;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), REGPROCEDUREOID, sizeof(Oid),
					  true, TYPALIGN_INT, &functions, &nulls, &nfunctions);
	told_of = NIL;
	for (int i = 0; i < nfunctions; i++)
	{
		if (!nulls[i])
			told_of = lappend_oid(told_of, DatumGetObjectId(functions[i]));
	}

	foreach(lc, plan_statement(source, false, &params))
	{
		PlannedStmt *stmt = lfirst_node(PlannedStmt, lc);
		List	   *copies = dsec_lineage_copies(stmt, params > 0, source);
		List	   *ships;

		foreach(lr, copies)
			put_line(rsinfo, dsec_lineage_describe_copy(lfirst(lr)));

		ships = dsec_lineage_ships(stmt, is_told_of, params > 0, source);
		foreach(lr, ships)
			put_line(rsinfo, dsec_lineage_describe_ship(stmt, lfirst(lr)));
	}

	return (Datum) 0;
}
