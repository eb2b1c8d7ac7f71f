/*-------------------------------------------------------------------------
 *
 * set_union.c
 *	  The aggregate dsec.subject_set_union.
 *
 * A state is a stack of runs: sorted arrays, each at least twice as long as the
 * next.  A set becomes a run on top, and while the rule does not hold, the two
 * topmost runs are merged.  So every hash is merged a logarithmic number of
 * times when sets hold different subjects, and sets that hold the same subjects
 * never take more memory than these; all memory is read in order.
 *
 * The law of merging: combining two states gives the state of all their sets
 * together.  A serialised state is the binary form of the union, and is checked
 * like one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "subject/set.h"
#include "subject/set_merge.h"

#define MAX_RUNS 64				/* lengths double */

typedef struct Run
{
	uint64	   *hashes;
	uint64		n;
} Run;

typedef struct UnionState
{
	MemoryContext context;
	uint8		key_id[DSEC_KEY_ID_BYTES];
	int			nruns;
	Run			runs[MAX_RUNS];
} UnionState;

PG_FUNCTION_INFO_V1(dsec_subject_set_union_add);
PG_FUNCTION_INFO_V1(dsec_subject_set_union_result);
PG_FUNCTION_INFO_V1(dsec_subject_set_union_combine);
PG_FUNCTION_INFO_V1(dsec_subject_set_union_serialize);
PG_FUNCTION_INFO_V1(dsec_subject_set_union_deserialize);

static UnionState *
get_state(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : (UnionState *) PG_GETARG_POINTER(argument);
}

static UnionState *
make_state(MemoryContext context, const uint8 *key_id)
{
	UnionState *state = MemoryContextAllocZero(context, sizeof(UnionState));

	state->context = context;
	memcpy(state->key_id, key_id, DSEC_KEY_ID_BYTES);
	return state;
}

/* Merge hashes into the topmost run. */
static void
merge_into_top(UnionState *state, const uint64 *hashes, uint64 n)
{
	Run		   *top = &state->runs[state->nruns - 1];
	uint64		most = top->n + n;
	uint64	   *merged;

	CHECK_FOR_INTERRUPTS();
	merged = MemoryContextAllocHuge(state->context, most * sizeof(uint64));
	n = dsec_set_merge_or(top->hashes, top->n, hashes, n, merged);
	pfree(top->hashes);
	if (n < most)
		merged = repalloc_huge(merged, n * sizeof(uint64));
	top->hashes = merged;
	top->n = n;
}

/* Merge the two topmost runs. */
static void
merge_top_two(UnionState *state)
{
	Run			top = state->runs[--state->nruns];

	merge_into_top(state, top.hashes, top.n);
	pfree(top.hashes);
}

/* Add sorted hashes, which stay the caller's. */
static void
add(UnionState *state, const uint64 *hashes, uint64 n)
{
	if (n == 0)
		return;
	if (state->nruns > 0 && state->runs[state->nruns - 1].n / 2 < n)
		merge_into_top(state, hashes, n);
	else
	{
		Run		   *run = &state->runs[state->nruns];

		Assert(state->nruns < MAX_RUNS);
		run->hashes = MemoryContextAllocHuge(state->context, n * sizeof(uint64));
		memcpy(run->hashes, hashes, n * sizeof(uint64));
		run->n = n;
		state->nruns++;
	}
	while (state->nruns > 1 &&
		   state->runs[state->nruns - 2].n / 2 < state->runs[state->nruns - 1].n)
		merge_top_two(state);
}

/* The union of what is in the state; the state goes on meaning the same. */
static DsecSubjectSet *
unite(UnionState *state)
{
	DsecSubjectSet *set;
	uint64		n;

	while (state->nruns > 1)
		merge_top_two(state);
	n = state->nruns > 0 ? state->runs[0].n : 0;
	set = dsec_set_start(n, state->key_id);
	if (n > 0)
		memcpy(set->hashes, state->runs[0].hashes, n * sizeof(uint64));
	set->count = n;
	SET_VARSIZE(set, DSEC_SET_SIZE(n));
	return set;
}

Datum
dsec_subject_set_union_add(PG_FUNCTION_ARGS)
{
	UnionState *state = get_state(fcinfo, 0);
	MemoryContext context = dsec_set_aggregate_context(fcinfo, state == NULL);
	DsecSubjectSet *set;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	set = dsec_set_get(PG_GETARG_DATUM(1));
	if (state == NULL)
		state = make_state(context, set->key_id);
	else
		dsec_set_check_keys(state->key_id, set->key_id);
	add(state, set->hashes, set->count);
	PG_FREE_IF_COPY(set, 1);
	PG_RETURN_POINTER(state);
}

/* NULL when there was no set: the key of an empty one is not known. */
Datum
dsec_subject_set_union_result(PG_FUNCTION_ARGS)
{
	UnionState *state = get_state(fcinfo, 0);

	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(unite(state));
}

Datum
dsec_subject_set_union_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_set_aggregate_context(fcinfo, false);
	UnionState *state = get_state(fcinfo, 0);
	UnionState *from = get_state(fcinfo, 1);

	if (from == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = make_state(context, from->key_id);
	else
		dsec_set_check_keys(state->key_id, from->key_id);
	for (int i = 0; i < from->nruns; i++)
		add(state, from->runs[i].hashes, from->runs[i].n);
	PG_RETURN_POINTER(state);
}

Datum
dsec_subject_set_union_serialize(PG_FUNCTION_ARGS)
{
	UnionState *state = (UnionState *) PG_GETARG_POINTER(0);
	DsecSubjectSet *set;
	Size		size;
	bytea	   *result;

	(void) dsec_set_aggregate_context(fcinfo, false);
	set = unite(state);
	size = VARHDRSZ + DSEC_SET_BINARY_SIZE(set->count);
	result = palloc(size);
	SET_VARSIZE(result, size);
	dsec_set_write_binary(set, VARDATA(result));
	pfree(set);
	PG_RETURN_BYTEA_P(result);
}

/* Into the caller's context, from which a combine function takes it over. */
Datum
dsec_subject_set_union_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *input = PG_GETARG_BYTEA_PP(0);
	const char *problem;
	DsecSubjectSet *set;
	UnionState *state;

	(void) dsec_set_aggregate_context(fcinfo, false);
	set = dsec_set_parse_binary(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &problem);
	if (set == NULL)
		dsec_set_refuse_state();
	state = make_state(CurrentMemoryContext, set->key_id);
	add(state, set->hashes, set->count);
	pfree(set);
	PG_RETURN_POINTER(state);
}
