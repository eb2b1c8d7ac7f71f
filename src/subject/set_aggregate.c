/*-------------------------------------------------------------------------
 *
 * set_aggregate.c
 *	  The aggregate dsec.subject_set.
 *
 * It collects 8-byte elements in a tally: over a single integer the integers,
 * which is cheaper, to hash each distinct one at the end; the rest is hashed as
 * it comes.  A state that collects hashes has the number of their key from the
 * beginning, and takes no others.
 *
 * The law of merging: combining two states gives the state of all their input
 * together.  A state lives in the aggregate's memory context, except one that
 * has just been deserialised: that holds its elements packed, in the caller's
 * context, until a combine function takes them over.
 *
 * A serialised state, all big-endian: version (2 bytes), form (2), number of the
 * key (8, zeroes when there is none), count (8), elements (8 each) in no order.
 *
 * In a window the frame must begin where the partition begins, for then rows
 * are only added.  Any other frame would be collected anew for every row, and is
 * refused.  The result is a set for every peer group all the same, so that the
 * output of a running frame is itself quadratic in what it collects.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "port/pg_bswap.h"
#include "subject/arguments.h"
#include "subject/set.h"
#include "subject/subject.h"
#include "subject/tally.h"

#define STATE_VERSION 1

/* offsets in a serialised state */
#define AT_VERSION 0
#define AT_FORM 2
#define AT_KEY_ID 4
#define AT_COUNT 12
#define AT_ELEMENTS 20

typedef enum StateForm
{
	FORM_INTEGERS = 1,			/* single integer keys, not hashed yet */
	FORM_HASHES = 2
} StateForm;

typedef struct SetState
{
	StateForm	form;
	uint8		key_id[DSEC_KEY_ID_BYTES];	/* FORM_HASHES */
	uint8		key[DSEC_KEY_BYTES];	/* a copy, for those who hash here */
	DsecTally  *tally;			/* NULL: the elements are packed */
	uint64	   *packed;
	uint64		npacked;
} SetState;

PG_FUNCTION_INFO_V1(dsec_subject_set_add);
PG_FUNCTION_INFO_V1(dsec_subject_set_result);
PG_FUNCTION_INFO_V1(dsec_subject_set_combine);
PG_FUNCTION_INFO_V1(dsec_subject_set_serialize);
PG_FUNCTION_INFO_V1(dsec_subject_set_deserialize);

MemoryContext
dsec_set_aggregate_context(FunctionCallInfo fcinfo, bool first)
{
	MemoryContext context;
	int			kind = AggCheckCallContext(fcinfo, &context);

	if (kind == 0)
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (kind == AGG_CONTEXT_WINDOW && first)
	{
		int			frame = castNode(WindowAggState, fcinfo->context)->frameOptions;

		if ((frame & FRAMEOPTION_START_UNBOUNDED_PRECEDING) == 0 ||
			(frame & FRAMEOPTION_EXCLUSION) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("sets of subjects cannot be collected over this window frame"),
					 errdetail("A frame whose beginning moves, or that excludes rows, would be collected anew for every row."),
					 errhint("Let the frame begin with UNBOUNDED PRECEDING and exclude nothing, or collect one set for each step and unite them with dsec.subject_set_union().")));
	}
	return context;
}

void
dsec_set_refuse_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("damaged state of dsec.subject_set() or dsec.subject_set_union()")));
}

static SetState *
make_state(MemoryContext context, StateForm form, const uint8 *key_id)
{
	SetState   *state = MemoryContextAllocZero(context, sizeof(SetState));

	state->form = form;
	if (key_id != NULL)
		memcpy(state->key_id, key_id, DSEC_KEY_ID_BYTES);
	state->tally = dsec_tally_create(context, DSEC_TALLY_8);
	return state;
}

static SetState *
get_state(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : (SetState *) PG_GETARG_POINTER(argument);
}

/*
 * dsec.subject_set
 */

Datum
dsec_subject_set_add(PG_FUNCTION_ARGS)
{
	SetState   *state = get_state(fcinfo, 0);
	DsecArguments *arguments = dsec_arguments(fcinfo, 1);

	if (state == NULL)
	{
		MemoryContext context = dsec_set_aggregate_context(fcinfo, true);
		uint8		key[DSEC_KEY_BYTES];
		uint8		key_id[DSEC_KEY_ID_BYTES];

		/* early: not after ten million rows */
		memcpy(key, dsec_subject_key(), DSEC_KEY_BYTES);
		if (dsec_arguments_width(arguments) == DSEC_TALLY_8)
			state = make_state(context, FORM_INTEGERS, NULL);
		else
		{
			dsec_set_key_id(key, key_id);
			state = make_state(context, FORM_HASHES, key_id);
		}
		memcpy(state->key, key, DSEC_KEY_BYTES);
	}

	if (state->form == FORM_INTEGERS)
		dsec_arguments_tally(arguments, fcinfo, state->tally);
	else
	{
		uint64		hash;

		if (dsec_arguments_hash(arguments, fcinfo, state->key, &hash))
			dsec_tally_add8(state->tally, hash);
	}
	PG_RETURN_POINTER(state);
}

/* A state that has no rows gives the empty set, which has the server's key. */
Datum
dsec_subject_set_result(PG_FUNCTION_ARGS)
{
	SetState   *state = get_state(fcinfo, 0);
	uint8		key_id[DSEC_KEY_ID_BYTES];
	uint8		key[DSEC_KEY_BYTES];
	bool		hashed = state != NULL && state->form == FORM_HASHES;
	DsecSubjectSet *set;
	uint64		n = state != NULL ? dsec_tally_count(state->tally) : 0;

	if (hashed)
		memcpy(key_id, state->key_id, DSEC_KEY_ID_BYTES);
	else
	{
		/* a copy: the server's may be replaced while we use it */
		memcpy(key, dsec_subject_key(), DSEC_KEY_BYTES);
		dsec_set_key_id(key, key_id);
	}

	set = dsec_set_start(n, key_id);
	if (n > 0)
		dsec_tally_elements(state->tally, set->hashes);
	if (!hashed)
	{
		for (uint64 i = 0; i < n; i++)
		{
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			set->hashes[i] = dsec_arguments_hash_integer(set->hashes[i], key);
		}
	}
	dsec_set_finish(set, n);
	PG_RETURN_POINTER(set);
}

/*
 * Merging
 */

static void
merge(SetState *state, SetState *from)
{
	if (state->form != from->form)
		dsec_set_refuse_state();
	if (state->form == FORM_HASHES)
		dsec_set_check_keys(state->key_id, from->key_id);
	if (from->tally != NULL)
		dsec_tally_merge(state->tally, from->tally);
	else
		dsec_tally_add_packed(state->tally, from->packed, from->npacked);
}

Datum
dsec_subject_set_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = dsec_set_aggregate_context(fcinfo, false);
	SetState   *state = get_state(fcinfo, 0);
	SetState   *from = get_state(fcinfo, 1);

	if (from == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = make_state(context, from->form, from->key_id);
	merge(state, from);
	PG_RETURN_POINTER(state);
}

static void
write16(char *out, uint16 value)
{
	value = pg_hton16(value);
	memcpy(out, &value, sizeof(value));
}

static void
write64(char *out, uint64 value)
{
	value = pg_hton64(value);
	memcpy(out, &value, sizeof(value));
}

Datum
dsec_subject_set_serialize(PG_FUNCTION_ARGS)
{
	SetState   *state = (SetState *) PG_GETARG_POINTER(0);
	uint64		n;
	Size		size;
	bytea	   *result;
	char	   *data;

	(void) dsec_set_aggregate_context(fcinfo, false);
	n = dsec_tally_count(state->tally);
	if (n > (MaxAllocSize - VARHDRSZ - AT_ELEMENTS) / sizeof(uint64))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("set of subjects is too large for parallel aggregation"),
				 errdetail("A set can hold " UINT64_FORMAT " subjects, in 1 GB.",
						   DSEC_SET_MAX_COUNT)));

	size = VARHDRSZ + AT_ELEMENTS + (Size) n * sizeof(uint64);
	result = palloc(size);
	SET_VARSIZE(result, size);
	data = VARDATA(result);
	write16(data + AT_VERSION, STATE_VERSION);
	write16(data + AT_FORM, state->form);
	memcpy(data + AT_KEY_ID, state->key_id, DSEC_KEY_ID_BYTES);
	write64(data + AT_COUNT, n);

	dsec_tally_elements(state->tally, data + AT_ELEMENTS);
#ifndef WORDS_BIGENDIAN
	for (uint64 i = 0; i < n; i++)
	{
		char	   *at = data + AT_ELEMENTS + i * sizeof(uint64);
		uint64		element;

		memcpy(&element, at, sizeof(element));
		write64(at, element);
	}
#endif
	PG_RETURN_BYTEA_P(result);
}

/* Nothing is believed: the bytes may come from another server. */
Datum
dsec_subject_set_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *input = PG_GETARG_BYTEA_PP(0);
	const char *data = VARDATA_ANY(input);
	Size		len = VARSIZE_ANY_EXHDR(input);
	SetState   *state;
	uint16		version;
	uint16		form;
	uint64		n;

	(void) dsec_set_aggregate_context(fcinfo, false);
	if (len < AT_ELEMENTS)
		goto damaged;
	memcpy(&version, data + AT_VERSION, sizeof(version));
	memcpy(&form, data + AT_FORM, sizeof(form));
	memcpy(&n, data + AT_COUNT, sizeof(n));
	version = pg_ntoh16(version);
	form = pg_ntoh16(form);
	n = pg_ntoh64(n);
	if (version != STATE_VERSION || (form != FORM_INTEGERS && form != FORM_HASHES))
		goto damaged;
	if (n != (len - AT_ELEMENTS) / sizeof(uint64) || (len - AT_ELEMENTS) % sizeof(uint64) != 0)
		goto damaged;

	state = palloc0(sizeof(SetState));
	state->form = form;
	memcpy(state->key_id, data + AT_KEY_ID, DSEC_KEY_ID_BYTES);
	state->npacked = n;
	state->packed = palloc(n * sizeof(uint64));
	for (uint64 i = 0; i < n; i++)
	{
		uint64		element;

		memcpy(&element, data + AT_ELEMENTS + i * sizeof(uint64), sizeof(element));
		state->packed[i] = pg_ntoh64(element);
		if (state->packed[i] == 0 && form == FORM_HASHES)
			goto damaged;
	}
	PG_RETURN_POINTER(state);

damaged:
	dsec_set_refuse_state();
}
