/*-------------------------------------------------------------------------
 *
 * count_threshold.c
 *	  dsec.over_threshold(): are there more distinct subjects than that.
 *
 * The state is a tally of no more subjects than the threshold (and the few in
 * its ring).  Once there are more, the tally is freed, and keys are not even
 * looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "subject/arguments.h"
#include "subject/count.h"

/* arguments of the transition function */
#define ARG_THRESHOLD 1
#define ARG_KEY 2

typedef struct ThresholdState
{
	int64		threshold;
	bool		over;
	DsecTally  *tally;			/* NULL: nothing yet, over, or packed */
	DsecPacked	packed;
} ThresholdState;

PG_FUNCTION_INFO_V1(dsec_over_threshold_add);
PG_FUNCTION_INFO_V1(dsec_over_threshold_combine);
PG_FUNCTION_INFO_V1(dsec_over_threshold_serialize);
PG_FUNCTION_INFO_V1(dsec_over_threshold_deserialize);
PG_FUNCTION_INFO_V1(dsec_over_threshold_final);

static void
check_threshold(const ThresholdState *state, int64 threshold)
{
	if (state->threshold != threshold)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must be the same for all rows of a group")));
}

static void
settle(ThresholdState *state, uint64 count)
{
	if (count > (uint64) state->threshold)
	{
		state->over = true;
		dsec_tally_free(state->tally);
		state->tally = NULL;
	}
}

static ThresholdState *
make_state(MemoryContext context, int64 threshold)
{
	ThresholdState *state = MemoryContextAllocZero(context, sizeof(ThresholdState));

	state->threshold = threshold;
	return state;
}

Datum
dsec_over_threshold_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ThresholdState *state;
	DsecArguments *arguments;
	int64		threshold;

	if (PG_ARGISNULL(ARG_THRESHOLD))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("threshold must not be null")));
	threshold = PG_GETARG_INT64(ARG_THRESHOLD);

	if (PG_ARGISNULL(0))
	{
		context = dsec_count_context(fcinfo);
		dsec_count_refuse_restarts(fcinfo, "Use dsec.subject_count(...) OVER (...) > threshold.");
		if (threshold < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("threshold must not be negative")));
		state = make_state(context, threshold);
	}
	else
	{
		state = (ThresholdState *) PG_GETARG_POINTER(0);
		check_threshold(state, threshold);
	}

	arguments = dsec_arguments(fcinfo, ARG_KEY);
	if (state->over || dsec_arguments_null(arguments, fcinfo))
		PG_RETURN_POINTER(state);

	if (state->tally == NULL)
	{
		context = dsec_count_context(fcinfo);
		state->tally = dsec_tally_create(context, dsec_arguments_width(arguments));
	}
	dsec_arguments_tally(arguments, fcinfo, state->tally);
	settle(state, dsec_tally_count_so_far(state->tally));
	PG_RETURN_POINTER(state);
}

Datum
dsec_over_threshold_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_count_context(fcinfo);
	ThresholdState *state = PG_ARGISNULL(0) ? NULL : (ThresholdState *) PG_GETARG_POINTER(0);
	ThresholdState *other = PG_ARGISNULL(1) ? NULL : (ThresholdState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = make_state(context, other->threshold);
	check_threshold(state, other->threshold);

	if (!state->over && other->over)
	{
		if (state->tally != NULL)
			dsec_tally_free(state->tally);
		state->tally = NULL;
		state->over = true;
	}
	else if (!state->over && (other->tally != NULL ||
							  other->packed.count > 0 || other->packed.nwords > 0))
	{
		DsecTallyWidth width = other->tally != NULL ?
			dsec_tally_width(other->tally) : other->packed.width;

		if (state->tally == NULL)
			state->tally = dsec_tally_create(context, width);
		if (dsec_tally_width(state->tally) != width)
			elog(ERROR, "states of different aggregates cannot be combined");
		if (other->tally != NULL)
			dsec_tally_merge(state->tally, other->tally);
		else
			dsec_count_add_packed(state->tally, &other->packed);
		settle(state, dsec_tally_count(state->tally));
	}
	PG_RETURN_POINTER(state);
}

/* The number is the threshold, or its complement when there are more subjects. */
Datum
dsec_over_threshold_serialize(PG_FUNCTION_ARGS)
{
	ThresholdState *state = (ThresholdState *) PG_GETARG_POINTER(0);

	(void) dsec_count_context(fcinfo);
	PG_RETURN_BYTEA_P(dsec_count_pack(state->tally,
									  state->over ? ~state->threshold : state->threshold));
}

/* What is returned refers to the argument, and lives as long: until it is combined. */
Datum
dsec_over_threshold_deserialize(PG_FUNCTION_ARGS)
{
	ThresholdState *state;
	int64		number;

	(void) dsec_count_context(fcinfo);
	state = palloc0(sizeof(ThresholdState));
	dsec_count_unpack(PG_GETARG_BYTEA_PP(0), &state->packed, &number);
	state->over = number < 0;
	state->threshold = state->over ? ~number : number;
	PG_RETURN_POINTER(state);
}

Datum
dsec_over_threshold_final(PG_FUNCTION_ARGS)
{
	ThresholdState *state = PG_ARGISNULL(0) ? NULL : (ThresholdState *) PG_GETARG_POINTER(0);

	(void) dsec_count_context(fcinfo);
	if (state == NULL)
		PG_RETURN_BOOL(false);
	if (!state->over && state->tally != NULL)
		settle(state, dsec_tally_count(state->tally));
	PG_RETURN_BOOL(state->over);
}
