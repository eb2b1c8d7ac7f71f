/*-------------------------------------------------------------------------
 *
 * count.c
 *	  dsec.subject_count(): the exact number of distinct subjects.
 *
 * The state is a tally in the context of the aggregate.  A state that came from
 * another process stays the bytes it is, and is merged straight into the tally
 * of the process that combines: combine(a, b) is the state of the concatenation
 * of what a and b have seen.
 *
 * Over a window whose start moves, count_window.c counts; a state that is made
 * here for such a window would be made anew for every row, and is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "nodes/execnodes.h"
#include "subject/arguments.h"
#include "subject/count.h"
#include "utils/memutils.h"

/* first bytes of a serialised state, in the byte order of its machine: "dsc", version 2 */
#define STATE_MAGIC 0x64736302

typedef struct Header
{
	uint32		magic;
	uint32		width;			/* of an element in bytes */
	uint64		count;			/* of elements outside the bitmap */
	int64		number;			/* the caller's */
	uint64		base;			/* of the bitmap */
	uint64		nwords;
} Header;

/* one or the other */
typedef struct CountState
{
	DsecPacked *packed;			/* NULL: the tally */
	DsecTally	tally;
} CountState;

PG_FUNCTION_INFO_V1(dsec_subject_count_add);
PG_FUNCTION_INFO_V1(dsec_subject_count_combine);
PG_FUNCTION_INFO_V1(dsec_subject_count_serialize);
PG_FUNCTION_INFO_V1(dsec_subject_count_deserialize);
PG_FUNCTION_INFO_V1(dsec_subject_count_final);

MemoryContext
dsec_count_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function is a part of an aggregate, and cannot be called by itself")));
	return context;
}

void
dsec_count_refuse_restarts(FunctionCallInfo fcinfo, const char *moving_hint)
{
	int			options;

	if (AggCheckCallContext(fcinfo, NULL) != AGG_CONTEXT_WINDOW)
		return;
	options = castNode(WindowAggState, fcinfo->context)->frameOptions;
	if (options & FRAMEOPTION_EXCLUSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("subjects cannot be counted over a window frame with an EXCLUDE clause"),
				 errdetail("Every row's frame would be counted from its start."),
				 errhint("Count over the frame without the EXCLUDE clause.")));
	if (moving_hint != NULL && !(options & FRAMEOPTION_START_UNBOUNDED_PRECEDING))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("subjects cannot be counted over this window frame, whose start moves"),
				 errdetail("Every row's frame would be counted from its start."),
				 errhint("%s", moving_hint)));
}

bytea *
dsec_count_pack(DsecTally *tally, int64 number)
{
	Header		header = {0};
	const uint64 *words = NULL;
	uint64		size;
	bytea	   *result;

	header.magic = STATE_MAGIC;
	header.width = tally != NULL ? dsec_tally_width(tally) : DSEC_TALLY_8;
	header.count = tally != NULL ? dsec_tally_count_outside(tally) : 0;
	header.number = number;
	if (tally != NULL)
		words = dsec_tally_bits(tally, &header.base, &header.nwords);
	if (header.count + header.nwords > (MaxAllocSize - VARHDRSZ - sizeof(header)) / header.width)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct subjects to hand from one process to another"),
				 errhint("Set max_parallel_workers_per_gather to 0 for this query.")));

	size = VARHDRSZ + sizeof(header) + header.count * header.width + header.nwords * sizeof(uint64);
	result = palloc(size);
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), &header, sizeof(header));
	if (header.count > 0)
		dsec_tally_elements_outside(tally, VARDATA(result) + sizeof(header));
	if (header.nwords > 0)
		memcpy(VARDATA(result) + sizeof(header) + header.count * header.width, words,
			   header.nwords * sizeof(uint64));
	return result;
}

void
dsec_count_unpack(bytea *bytes, DsecPacked *packed, int64 *number)
{
	Header		header;
	Size		len = VARSIZE_ANY_EXHDR(bytes);

	if (len >= sizeof(header))
		memcpy(&header, VARDATA_ANY(bytes), sizeof(header));
	if (len < sizeof(header) ||
		header.magic != STATE_MAGIC ||
		(header.width != DSEC_TALLY_8 && header.width != DSEC_TALLY_16) ||
		(header.nwords > 0 && header.width != DSEC_TALLY_8) ||
		header.base % 64 != 0 ||
		(len - sizeof(header)) % header.width != 0 ||
		(len - sizeof(header)) / header.width < header.nwords ||
		(len - sizeof(header)) / header.width - header.nwords != header.count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of an aggregate of subjects"),
				 errhint("All servers that take part must have the same version of dsec, and the same byte order.")));
	packed->width = (DsecTallyWidth) header.width;
	packed->count = header.count;
	packed->elements = (const uint8 *) VARDATA_ANY(bytes) + sizeof(header);
	packed->base = header.base;
	packed->nwords = header.nwords;
	packed->words = packed->elements + header.count * header.width;
	*number = header.number;
}

void
dsec_count_add_packed(DsecTally *tally, const DsecPacked *packed)
{
	if (packed->nwords > 0)
		dsec_tally_add_bits(tally, packed->base, packed->words, packed->nwords);
	dsec_tally_add_packed(tally, packed->elements, packed->count);
}

static CountState *
make_state(MemoryContext context, DsecTallyWidth width)
{
	CountState *state = MemoryContextAlloc(context, sizeof(CountState));

	state->packed = NULL;
	dsec_tally_init(&state->tally, context, width);
	return state;
}

Datum
dsec_subject_count_add(PG_FUNCTION_ARGS)
{
	DsecArguments *arguments = NULL;
	CountState *state;

	if (unlikely(PG_ARGISNULL(0)))
	{
		MemoryContext context = dsec_count_context(fcinfo);

		dsec_count_refuse_restarts(fcinfo,
								   "The start may move when neither volatile functions nor subqueries are among the arguments or in FILTER.");
		arguments = dsec_arguments(fcinfo, 1);
		if (dsec_arguments_null(arguments, fcinfo))
			PG_RETURN_NULL();
		state = make_state(context, dsec_arguments_width(arguments));
	}
	else
	{
		arguments = dsec_arguments(fcinfo, 1);
		state = (CountState *) PG_GETARG_POINTER(0);
		if (dsec_arguments_tally_bigint(arguments, fcinfo, 1, &state->tally))
			PG_RETURN_POINTER(state);
	}
	dsec_arguments_tally(arguments, fcinfo, &state->tally);
	PG_RETURN_POINTER(state);
}

Datum
dsec_subject_count_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_count_context(fcinfo);
	CountState *state = PG_ARGISNULL(0) ? NULL : (CountState *) PG_GETARG_POINTER(0);
	CountState *other = PG_ARGISNULL(1) ? NULL : (CountState *) PG_GETARG_POINTER(1);
	DsecTallyWidth width;

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	width = other->packed != NULL ? other->packed->width : dsec_tally_width(&other->tally);
	if (state == NULL)
		state = make_state(context, width);
	if (state->packed != NULL || dsec_tally_width(&state->tally) != width)
		elog(ERROR, "states of different aggregates cannot be combined");

	if (other->packed != NULL)
		dsec_count_add_packed(&state->tally, other->packed);
	else
		dsec_tally_merge(&state->tally, &other->tally);
	PG_RETURN_POINTER(state);
}

Datum
dsec_subject_count_serialize(PG_FUNCTION_ARGS)
{
	CountState *state = (CountState *) PG_GETARG_POINTER(0);

	(void) dsec_count_context(fcinfo);
	if (state->packed != NULL)
		elog(ERROR, "state of an aggregate is serialized already");
	PG_RETURN_BYTEA_P(dsec_count_pack(&state->tally, 0));
}

/* What is returned refers to the argument, and lives as long: until it is combined. */
Datum
dsec_subject_count_deserialize(PG_FUNCTION_ARGS)
{
	CountState *state;
	int64		number;

	(void) dsec_count_context(fcinfo);
	state = palloc0(sizeof(CountState));
	state->packed = palloc(sizeof(DsecPacked));
	dsec_count_unpack(PG_GETARG_BYTEA_PP(0), state->packed, &number);
	PG_RETURN_POINTER(state);
}

Datum
dsec_subject_count_final(PG_FUNCTION_ARGS)
{
	CountState *state = PG_ARGISNULL(0) ? NULL : (CountState *) PG_GETARG_POINTER(0);

	(void) dsec_count_context(fcinfo);
	if (state == NULL)
		PG_RETURN_INT64(0);
	PG_RETURN_INT64((int64) dsec_tally_count(&state->tally));
}
