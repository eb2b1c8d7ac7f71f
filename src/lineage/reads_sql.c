/*-------------------------------------------------------------------------
 *
 * reads_sql.c
 *	  dsec.plan_reads: what the plan check says of a query, in SQL.
 *
 * The query is planned by PostgreSQL's own planner, without dsec's changes,
 * and never executed.  The caller needs the privileges that running it would
 * need.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dsec_plan_reads);

Datum
dsec_plan_reads(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *parsed;
	List	   *queries;
	ListCell   *lc,
			   *lr;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	parsed = pg_parse_query(source);
	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be exactly one statement")));

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

		stmt = standard_planner(query, source, CURSOR_OPT_PARALLEL_OK, NULL);
		(void) DSEC_CHECK_PERMISSIONS(stmt);

		foreach(lr, dsec_lineage_reads(stmt))
		{
			Datum		value;
			bool		isnull = false;

			value = CStringGetTextDatum(dsec_lineage_describe(stmt, lfirst(lr)));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
								 &value, &isnull);
		}
	}

	return (Datum) 0;
}
