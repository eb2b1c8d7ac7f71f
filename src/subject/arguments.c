/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  Subject keys as arguments of SQL functions: VARIADIC "any".
 *
 * What PostgreSQL tells a function about its arguments are their types and one
 * collation for all: that of the call.  It is not enough: with a text column
 * under the default collation and another under a nondeterministic one, the
 * call has the latter's collation, yet only that column's equality is the
 * collation's.  So collations are taken from the argument expressions: those of
 * the function call itself, of the Aggref that PostgreSQL hands to transition
 * functions, or, for windows, of the WindowFunc that is found in the plan node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "report.h"
#include "subject/arguments.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

/* Is the function a transition function of the aggregate? */
static bool
makes_transitions(Oid function, Oid aggregate)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	Form_pg_aggregate form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;			/* a window function that is no aggregate */
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	result = form->aggtransfn == function || form->aggmtransfn == function ||
		form->aggminvtransfn == function;
	ReleaseSysCache(tuple);
	return result;
}

/* Do the expressions have the types of our keys? */
static bool
same_types(List *expressions, int nkeys, const Oid *types)
{
	for (int i = 0; i < nkeys; i++)
	{
		if (exprType(list_nth(expressions, i)) != types[i])
			return false;
	}
	return true;
}

/*
 * The collations of the keys in a window.  A transition function is not told
 * which of the node's window functions it works for; when several fit, they must
 * agree.
 */
static void
collations_in_window(FunctionCallInfo fcinfo, WindowAggState *state, int first,
					 int nkeys, const Oid *types, Oid *collations)
{
	bool		found = false;
	ListCell   *cell;

	foreach(cell, state->funcs)
	{
		WindowFunc *call = lfirst_node(WindowFuncExprState, cell)->wfunc;
		List	   *keys;

		if (list_length(call->args) != first - 1 + nkeys ||
			call->inputcollid != PG_GET_COLLATION() ||
			!makes_transitions(fcinfo->flinfo->fn_oid, call->winfnoid))
			continue;
		keys = list_copy_tail(call->args, first - 1);
		if (!same_types(keys, nkeys, types))
			continue;

		for (int i = 0; i < nkeys; i++)
		{
			Oid			collation = exprCollation(list_nth(keys, i));

			if (found && collations[i] != collation)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("subjects cannot be counted under different collations over one window"),
						 errhint("Count them in separate subqueries.")));
			collations[i] = collation;
		}
		found = true;
	}
	if (!found)
		elog(ERROR, "window function not found");
}

/* The collation of each key's own expression. */
static void
find_collations(FunctionCallInfo fcinfo, int first, int nkeys, const Oid *types,
				Oid *collations)
{
	Node	   *call = fcinfo->flinfo->fn_expr;
	List	   *expressions = NIL;

	if (AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW)
	{
		collations_in_window(fcinfo, castNode(WindowAggState, fcinfo->context),
							 first, nkeys, types, collations);
		return;
	}

	if (AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_AGGREGATE)
	{
		Aggref	   *aggref = AggGetAggref(fcinfo);

		/* arguments, then what only ORDER BY wants; the state is none of them */
		if (aggref != NULL)
		{
			ListCell   *cell;

			foreach(cell, aggref->args)
				expressions = lappend(expressions, lfirst_node(TargetEntry, cell)->expr);
			expressions = list_copy_tail(expressions, first - 1);
		}
	}
	else if (IsA(call, FuncExpr))
		expressions = list_copy_tail(((FuncExpr *) call)->args, first);

	if (list_length(expressions) < nkeys)
		elog(ERROR, "arguments of the call not found");
	for (int i = 0; i < nkeys; i++)
		collations[i] = exprCollation(list_nth(expressions, i));
}

static DsecShortcut
find_shortcut(int nkeys, Oid type)
{
	if (nkeys != 1)
		return DSEC_SHORTCUT_NONE;
	switch (getBaseType(type))
	{
		case INT8OID:
			return DSEC_SHORTCUT_INT8;
		case INT4OID:
			return DSEC_SHORTCUT_INT4;
		case INT2OID:
			return DSEC_SHORTCUT_INT2;
		case UUIDOID:
			return DSEC_SHORTCUT_UUID;
		default:
			return DSEC_SHORTCUT_NONE;
	}
}

DsecArguments *
dsec_arguments_prepare(FunctionCallInfo fcinfo, int first)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	int			nkeys = fcinfo->nargs - first;
	DsecArguments *arguments;
	Oid			types[FUNC_MAX_ARGS];
	Oid			collations[FUNC_MAX_ARGS];
	MemoryContext old;

	if (get_fn_expr_variadic(flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a subject key cannot be given as VARIADIC array"),
				 errhint("Give the parts of the key as separate arguments.")));
	if (nkeys < 1 || nkeys > FUNC_MAX_ARGS)
		elog(ERROR, "unexpected number of arguments: %d", fcinfo->nargs);

	for (int i = 0; i < nkeys; i++)
	{
		types[i] = get_fn_expr_argtype(flinfo, first + i);
		if (!OidIsValid(types[i]))
			elog(ERROR, "could not determine the type of argument %d", first + i);
		if (dsec_subject_family(types[i]) == DSEC_FAMILY_NONE)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("type %s cannot be a subject key", format_type_be(types[i])),
					 types[i] == UNKNOWNOID ?
					 errhint("Cast the literal to the type of the key.") :
					 errhint("Use integer, numeric, text, uuid, inet, or date and time types.")));
	}

	find_collations(fcinfo, first, nkeys, types, collations);

	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	arguments = palloc0(offsetof(DsecArguments, values) + nkeys * sizeof(Datum));
	arguments->shortcut = find_shortcut(nkeys, types[0]);
	arguments->first = first;
	arguments->nkeys = nkeys;
	arguments->hasher = dsec_subject_hasher(nkeys, types, collations);
	MemoryContextSwitchTo(old);

	flinfo->fn_extra = arguments;
	return arguments;
}

DsecTallyWidth
dsec_arguments_width(const DsecArguments *arguments)
{
	switch (arguments->shortcut)
	{
		case DSEC_SHORTCUT_INT8:
		case DSEC_SHORTCUT_INT4:
		case DSEC_SHORTCUT_INT2:
			return DSEC_TALLY_8;
		default:
			return DSEC_TALLY_16;
	}
}

bool
dsec_arguments_null(const DsecArguments *arguments, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < arguments->nkeys; i++)
	{
		if (fcinfo->args[arguments->first + i].isnull)
			return true;
	}
	return false;
}

/* Take the values of the keys; false when one is NULL. */
static inline bool
take_values(DsecArguments *arguments, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < arguments->nkeys; i++)
	{
		NullableDatum *argument = &fcinfo->args[arguments->first + i];

		if (argument->isnull)
			return false;
		arguments->values[i] = argument->value;
	}
	return true;
}

/* the value of a single integer key, as 8 bytes */
static inline uint64
raw_integer(const DsecArguments *arguments, Datum value)
{
	switch (arguments->shortcut)
	{
		case DSEC_SHORTCUT_INT8:
			return (uint64) DatumGetInt64(value);
		case DSEC_SHORTCUT_INT4:
			return (uint64) (int64) DatumGetInt32(value);
		default:
			Assert(arguments->shortcut == DSEC_SHORTCUT_INT2);
			return (uint64) (int64) DatumGetInt16(value);
	}
}

bool
dsec_arguments_raw(DsecArguments *arguments, FunctionCallInfo fcinfo, uint8 *raw)
{
	if (!take_values(arguments, fcinfo))
		return false;

	if (dsec_arguments_width(arguments) == DSEC_TALLY_8)
	{
		uint64		value = raw_integer(arguments, arguments->values[0]);

		memcpy(raw, &value, sizeof(value));
		memset(raw + sizeof(value), 0, DSEC_DIGEST_BYTES - sizeof(value));
	}
	else if (arguments->shortcut == DSEC_SHORTCUT_UUID)
		memcpy(raw, DatumGetUUIDP(arguments->values[0])->data, UUID_LEN);
	else
		dsec_subject_digest(arguments->hasher, arguments->values, raw);
	return true;
}

bool
dsec_arguments_tally(DsecArguments *arguments, FunctionCallInfo fcinfo, DsecTally *tally)
{
	NullableDatum *argument = &fcinfo->args[arguments->first];
	uint8		digest[DSEC_DIGEST_BYTES];

	switch (arguments->shortcut)
	{
		case DSEC_SHORTCUT_INT8:
		case DSEC_SHORTCUT_INT4:
		case DSEC_SHORTCUT_INT2:
			if (argument->isnull)
				return false;
			dsec_tally_add8(tally, raw_integer(arguments, argument->value));
			return true;
		case DSEC_SHORTCUT_UUID:
			if (argument->isnull)
				return false;
			dsec_tally_add16(tally, DatumGetUUIDP(argument->value)->data);
			return true;
		default:
			if (!take_values(arguments, fcinfo))
				return false;
			dsec_subject_digest(arguments->hasher, arguments->values, digest);
			dsec_tally_add16(tally, digest);
			return true;
	}
}

bool
dsec_arguments_hash(DsecArguments *arguments, FunctionCallInfo fcinfo, const uint8 *key,
					uint64 *hash)
{
	if (!take_values(arguments, fcinfo))
		return false;
	*hash = dsec_subject_hash(arguments->hasher, arguments->values, key);
	return true;
}

uint64
dsec_arguments_hash_integer(uint64 raw, const uint8 *key)
{
	return dsec_subject_hash_integer((int64) raw, key);
}
