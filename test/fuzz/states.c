/*-------------------------------------------------------------------------
 *
 * states.c
 *	  Harness: the input is the serialised state of an aggregate.
 *
 * Such bytes come from the server's own workers; but the functions can be
 * called from SQL wherever their arguments can be had, and a state that is
 * damaged must not bring the server down.  A state that is taken can be
 * combined, also with itself, and serialised; what it is serialised to is
 * taken, too, and as long.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"

typedef struct Aggregate
{
	FmgrInfo	deserialise;
	FmgrInfo	serialise;
	FmgrInfo	combine;
} Aggregate;

typedef struct Call
{
	FmgrInfo   *function;
	int			nargs;
	NullableDatum args[2];
	AggState   *state;
	NullableDatum result;
} Call;

static void
call_function(void *argument)
{
	Call	   *call = argument;

	LOCAL_FCINFO(fcinfo, 2);

	InitFunctionCallInfoData(*fcinfo, call->function, call->nargs, InvalidOid,
							 (Node *) call->state, NULL);
	memcpy(fcinfo->args, call->args, sizeof(call->args));
	call->result.value = FunctionCallInvoke(fcinfo);
	call->result.isnull = fcinfo->isnull;
}

static const NullableDatum null = {0, true};

/* False when the function raised an error. */
static bool
call2(AggState *state, FmgrInfo *function, NullableDatum a, NullableDatum b,
	  NullableDatum *result)
{
	Call		call = {function, function->fn_nargs, {a, b}, state};

	if (fuzz_attempt(call_function, &call) != 0)
		return false;
	*result = call.result;
	return true;
}

/* The serialised form of a state can be read. */
static void
check_state(AggState *state, Aggregate *aggregate, NullableDatum value)
{
	NullableDatum bytes;
	NullableDatum again;
	NullableDatum bytes_again;
	const NullableDatum unused = {0, false};

	fuzz_check(call2(state, &aggregate->serialise, value, null, &bytes));
	fuzz_check(!bytes.isnull);
	fuzz_check(call2(state, &aggregate->deserialise, bytes, unused, &again));
	fuzz_check(!again.isnull);
	fuzz_check(call2(state, &aggregate->combine, null, again, &again));
	fuzz_check(call2(state, &aggregate->serialise, again, null, &bytes_again));
	fuzz_check(VARSIZE_ANY(DatumGetPointer(bytes.value)) ==
			   VARSIZE_ANY(DatumGetPointer(bytes_again.value)));
}

void
fuzz_states(const uint8 *data, size_t size)
{
	static Aggregate *aggregates = NULL;
	static int	naggregates;
	Aggregate  *aggregate;
	AggState   *state;
	bytea	   *bytes;
	NullableDatum input = {0, false};
	const NullableDatum unused = {0, false};
	NullableDatum one;
	NullableDatum other;

	if (aggregates == NULL)
	{
		Oid		   *oids = fuzz_query_oids("SELECT unnest(ARRAY[aggdeserialfn, aggserialfn, aggcombinefn])"
										   " FROM (SELECT DISTINCT aggdeserialfn::oid, aggserialfn::oid, aggcombinefn::oid"
										   " FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid"
										   " WHERE pronamespace = 'dsec'::regnamespace AND aggdeserialfn <> 0) a",
										   &naggregates);

		naggregates /= 3;
		aggregates = MemoryContextAlloc(TopMemoryContext, naggregates * sizeof(Aggregate));
		for (int i = 0; i < naggregates; i++)
		{
			fmgr_info_cxt(oids[3 * i], &aggregates[i].deserialise, TopMemoryContext);
			fmgr_info_cxt(oids[3 * i + 1], &aggregates[i].serialise, TopMemoryContext);
			fmgr_info_cxt(oids[3 * i + 2], &aggregates[i].combine, TopMemoryContext);
		}
	}
	if (size == 0)
		return;

	/* what AggCheckCallContext() looks at */
	state = makeNode(AggState);
	state->curaggcontext = makeNode(ExprContext);
	state->curaggcontext->ecxt_per_tuple_memory = CurrentMemoryContext;

	aggregate = &aggregates[data[0] % naggregates];
	bytes = palloc(VARHDRSZ + size - 1);
	SET_VARSIZE(bytes, VARHDRSZ + size - 1);
	memcpy(VARDATA(bytes), data + 1, size - 1);
	input.value = PointerGetDatum(bytes);

	if (!call2(state, &aggregate->deserialise, input, unused, &one))
		return;
	fuzz_check(!one.isnull);
	/*
	 * As the executor does: what has been deserialised is combined before
	 * anything else, the first state of a group with none.
	 */
	fuzz_check(call2(state, &aggregate->combine, null, one, &one));
	check_state(state, aggregate, one);
	fuzz_check(call2(state, &aggregate->deserialise, input, unused, &other));
	fuzz_check(call2(state, &aggregate->combine, one, other, &one));
	check_state(state, aggregate, one);
}
