/*-------------------------------------------------------------------------
 *
 * set_io.c
 *	  Input and output of dsec.subject_set, and its casts.
 *
 * The formats are in set_format.c; here a problem becomes an error.  No error
 * quotes the input (law L8).
 *
 * The casts from character types do what a cast through I/O would do.  They are
 * there because a function call with one argument and the name of a type is
 * taken for such a cast when that goes through I/O: dsec.subject_set(name) would
 * not call the aggregate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "subject/set.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dsec_subject_set_in);
PG_FUNCTION_INFO_V1(dsec_subject_set_out);
PG_FUNCTION_INFO_V1(dsec_subject_set_recv);
PG_FUNCTION_INFO_V1(dsec_subject_set_send);
PG_FUNCTION_INFO_V1(dsec_subject_set_from_text);
PG_FUNCTION_INFO_V1(dsec_subject_set_from_bpchar);
PG_FUNCTION_INFO_V1(dsec_subject_set_from_name);

static DsecSubjectSet *
from_text(const char *data, size_t len)
{
	const char *problem;
	DsecSubjectSet *set = dsec_set_parse_text(data, len, &problem);

	if (set == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "dsec.subject_set"),
				 errdetail_internal("%s", problem)));
	return set;
}

Datum
dsec_subject_set_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(from_text(input, strlen(input)));
}

Datum
dsec_subject_set_from_text(PG_FUNCTION_ARGS)
{
	text	   *input = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(from_text(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input)));
}

/* without its padding */
Datum
dsec_subject_set_from_bpchar(PG_FUNCTION_ARGS)
{
	BpChar	   *input = PG_GETARG_BPCHAR_PP(0);

	PG_RETURN_POINTER(from_text(VARDATA_ANY(input),
								bpchartruelen(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input))));
}

Datum
dsec_subject_set_from_name(PG_FUNCTION_ARGS)
{
	const char *input = NameStr(*PG_GETARG_NAME(0));

	PG_RETURN_POINTER(from_text(input, strlen(input)));
}

Datum
dsec_subject_set_out(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *set = dsec_set_get(PG_GETARG_DATUM(0));
	Size		size = dsec_set_text_size(set);
	char	   *output;

	if (size >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("set of subjects is too large for text"),
				 errdetail("Its text would exceed 1 GB."),
				 errhint("Use a binary format, such as COPY with (FORMAT binary).")));
	output = palloc(size + 1);
	dsec_set_write_text(set, output);
	output[size] = '\0';
	PG_RETURN_CSTRING(output);
}

Datum
dsec_subject_set_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len = buf->len - buf->cursor;
	const char *problem;
	DsecSubjectSet *set = dsec_set_parse_binary(buf->data + buf->cursor, len, &problem);

	if (set == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary format of type %s", "dsec.subject_set"),
				 errdetail_internal("%s", problem)));
	buf->cursor = buf->len;
	PG_RETURN_POINTER(set);
}

Datum
dsec_subject_set_send(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *set = dsec_set_get(PG_GETARG_DATUM(0));
	Size		size = DSEC_SET_BINARY_SIZE(set->count);
	bytea	   *output = palloc(VARHDRSZ + size);

	SET_VARSIZE(output, VARHDRSZ + size);
	dsec_set_write_binary(set, VARDATA(output));
	PG_RETURN_BYTEA_P(output);
}
