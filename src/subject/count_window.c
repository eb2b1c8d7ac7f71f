/*-------------------------------------------------------------------------
 *
 * count_window.c
 *	  dsec.subject_count() over a window whose start moves.
 *
 * The state says of each subject in the frame how many of the frame's rows are
 * its.  Rows enter and leave one at a time, so the whole takes time linear in the
 * number of rows, however wide the frame.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "subject/arguments.h"
#include "subject/count.h"

typedef struct RawKey
{
	uint8		bytes[DSEC_DIGEST_BYTES];
} RawKey;

typedef struct Subject
{
	RawKey		key;
	int64		rows;
	char		status;
} Subject;

#define SH_PREFIX frame
#define SH_ELEMENT_TYPE Subject
#define SH_KEY_TYPE RawKey
#define SH_KEY key
#define SH_HASH_KEY(table, a) ((uint32) dsec_tally_hash16((a).bytes))
#define SH_EQUAL(table, a, b) (memcmp((a).bytes, (b).bytes, DSEC_DIGEST_BYTES) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define FIRST_SIZE 16

PG_FUNCTION_INFO_V1(dsec_subject_count_enter);
PG_FUNCTION_INFO_V1(dsec_subject_count_leave);
PG_FUNCTION_INFO_V1(dsec_subject_count_within);

Datum
dsec_subject_count_enter(PG_FUNCTION_ARGS)
{
	DsecArguments *arguments;
	frame_hash *frame;
	RawKey		raw;

	if (PG_ARGISNULL(0))
	{
		MemoryContext context = dsec_count_context(fcinfo);

		dsec_count_refuse_restarts(fcinfo, NULL);
		frame = frame_create(context, FIRST_SIZE, NULL);
	}
	else
		frame = (frame_hash *) PG_GETARG_POINTER(0);

	arguments = dsec_arguments(fcinfo, 1);
	if (dsec_arguments_raw(arguments, fcinfo, raw.bytes))
	{
		bool		found;
		Subject    *subject = frame_insert(frame, raw, &found);

		if (!found)
			subject->rows = 0;
		subject->rows++;
	}
	PG_RETURN_POINTER(frame);
}

Datum
dsec_subject_count_leave(PG_FUNCTION_ARGS)
{
	DsecArguments *arguments;
	frame_hash *frame;
	RawKey		raw;

	(void) dsec_count_context(fcinfo);
	if (PG_ARGISNULL(0))
		elog(ERROR, "inverse transition without a state");
	frame = (frame_hash *) PG_GETARG_POINTER(0);

	arguments = dsec_arguments(fcinfo, 1);
	if (dsec_arguments_raw(arguments, fcinfo, raw.bytes))
	{
		Subject    *subject = frame_lookup(frame, raw);

		if (subject == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a row leaves the window with another subject than it entered with"),
					 errhint("A function among the arguments is declared STABLE or IMMUTABLE, and is not.")));
		if (--subject->rows == 0)
			frame_delete_item(frame, subject);
	}
	PG_RETURN_POINTER(frame);
}

Datum
dsec_subject_count_within(PG_FUNCTION_ARGS)
{
	(void) dsec_count_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	PG_RETURN_INT64(((frame_hash *) PG_GETARG_POINTER(0))->members);
}
