/*-------------------------------------------------------------------------
 *
 * spec.c
 *	  The type dsec.tag_spec: a tag as a value.
 *
 * Stored as its canonical text, so that two tags are equal exactly when their
 * texts are.  Every way in parses: text input, binary input, and casts, which
 * go through text input.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "tag/grammar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dsec_tag_spec_in);
PG_FUNCTION_INFO_V1(dsec_tag_spec_out);
PG_FUNCTION_INFO_V1(dsec_tag_spec_recv);
PG_FUNCTION_INFO_V1(dsec_tag_spec_send);
PG_FUNCTION_INFO_V1(dsec_tag_spec_eq);
PG_FUNCTION_INFO_V1(dsec_tag_spec_ne);
PG_FUNCTION_INFO_V1(dsec_tag_spec_category);
PG_FUNCTION_INFO_V1(dsec_tag_spec_attribute);

static Datum
spec_from_text(const char *text)
{
	return CStringGetTextDatum(dsec_tag_canonical(dsec_tag_parse_strict(text)));
}

Datum
dsec_tag_spec_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(spec_from_text(PG_GETARG_CSTRING(0)));
}

Datum
dsec_tag_spec_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

Datum
dsec_tag_spec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			length;

	PG_RETURN_DATUM(spec_from_text(pq_getmsgtext(buf, buf->len - buf->cursor,
												 &length)));
}

Datum
dsec_tag_spec_send(PG_FUNCTION_ARGS)
{
	StringInfoData buf;
	char	   *canonical = TextDatumGetCString(PG_GETARG_DATUM(0));

	pq_begintypsend(&buf);
	pq_sendtext(&buf, canonical, strlen(canonical));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static bool
spec_equal(FunctionCallInfo fcinfo)
{
	return strcmp(TextDatumGetCString(PG_GETARG_DATUM(0)),
				  TextDatumGetCString(PG_GETARG_DATUM(1))) == 0;
}

Datum
dsec_tag_spec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(spec_equal(fcinfo));
}

Datum
dsec_tag_spec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!spec_equal(fcinfo));
}

Datum
dsec_tag_spec_category(PG_FUNCTION_ARGS)
{
	DsecLabel  *label = dsec_tag_parse_strict(TextDatumGetCString(PG_GETARG_DATUM(0)));

	if (label->category == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(label->category));
}

/* Values joined by commas, each written as in a label; NULL: not given. */
Datum
dsec_tag_spec_attribute(PG_FUNCTION_ARGS)
{
	DsecLabel  *label = dsec_tag_parse_strict(TextDatumGetCString(PG_GETARG_DATUM(0)));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			number = dsec_tag_attribute_number(name);
	StringInfoData buf;
	ListCell   *lc;

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a dsec tag has no attribute \"%s\"", name),
				 errhint("%s", dsec_tag_known_attributes())));
	if (label->values[number] == NIL)
		PG_RETURN_NULL();

	initStringInfo(&buf);
	foreach(lc, label->values[number])
	{
		DsecValue  *value = (DsecValue *) lfirst(lc);

		if (buf.len > 0)
			appendStringInfoChar(&buf, ',');
		if (value->of)
			appendStringInfo(&buf, "%s:", dsec_tag_quote(value->of));
		appendStringInfoString(&buf, number == DSEC_ATTRIBUTE_REASON ||
							   number == DSEC_ATTRIBUTE_MAX_TYPMOD ?
							   value->text : dsec_tag_quote(value->text));
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
