/*-------------------------------------------------------------------------
 *
 * charge.c
 *	  dsec.charge: count a row where it is read.
 *
 * The calls stand in finished plans (lineage/source.c), with a format that no
 * SQL text gives to a call; a call that a user writes is refused, because it
 * would charge people who were never read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "fmgr.h"
#include "guard/meter.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define FIRST_COLUMN 5

typedef struct ChargeState
{
	DsecMeter  *meter;
	Datum	   *values;
	bool	   *nulls;
	int			ncolumns;
} ChargeState;

PG_FUNCTION_INFO_V1(dsec_charge);

static const char **
text_strings(Datum value, int *n)
{
	Datum	   *elements;
	const char **strings;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, n);
	strings = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		strings[i] = TextDatumGetCString(elements[i]);

	return strings;
}

static ChargeState *
make_state(FunctionCallInfo fcinfo)
{
	FuncExpr   *call = (FuncExpr *) fcinfo->flinfo->fn_expr;
	MemoryContext old;
	ChargeState *state;
	const char **categories;
	const char **populations;
	int			ncategories;
	int			npopulations;
	int			nkeys;
	Oid		   *types;
	Oid		   *collations;

	if (call == NULL || !IsA(call, FuncExpr) ||
		call->funcformat != COERCE_SQL_SYNTAX)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("dsec.charge cannot be called from SQL"),
				 errhint("dsec adds the calls to the plans of queries that read tagged columns.")));

	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	state = palloc0(sizeof(ChargeState));
	categories = text_strings(PG_GETARG_DATUM(1), &ncategories);
	populations = text_strings(PG_GETARG_DATUM(2), &npopulations);
	nkeys = PG_GETARG_INT32(3);
	state->ncolumns = PG_NARGS() - FIRST_COLUMN;
	state->values = palloc(sizeof(Datum) * Max(state->ncolumns, 1));
	state->nulls = palloc(sizeof(bool) * Max(state->ncolumns, 1));
	types = palloc(sizeof(Oid) * Max(nkeys, 1));
	collations = palloc(sizeof(Oid) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		Node	   *arg = list_nth(call->args, FIRST_COLUMN + i);

		types[i] = exprType(arg);
		collations[i] = exprCollation(arg);
	}
	state->meter = dsec_meter_create(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									 ncategories, categories,
									 npopulations, populations,
									 nkeys, PG_GETARG_BOOL(4), true,
									 types, collations);
	MemoryContextSwitchTo(old);

	return state;
}

/*
 * dsec.charge(space text, categories text[], populations text[], nkeys int4,
 * rowid bool, VARIADIC "any") -> bool, always true.
 */
Datum
dsec_charge(PG_FUNCTION_ARGS)
{
	ChargeState *state = fcinfo->flinfo->fn_extra;
	DsecRun    *run = dsec_run_current;

	if (state == NULL)
	{
		state = make_state(fcinfo);
		fcinfo->flinfo->fn_extra = state;
	}

	if (run == NULL && IsParallelWorker())
		run = dsec_run_in_worker();
	if (run == NULL)
		elog(ERROR, "a covered plan runs outside of a run");

	if (run->export != NULL)
	{
		for (int i = 0; i < state->ncolumns; i++)
		{
			state->values[i] = fcinfo->args[FIRST_COLUMN + i].value;
			state->nulls[i] = fcinfo->args[FIRST_COLUMN + i].isnull;
		}
		dsec_meter_row(run, &state->meter, 1, &state->values, &state->nulls);
	}

	PG_RETURN_BOOL(true);
}
