/*-------------------------------------------------------------------------
 *
 * harmless.c
 *	  The reviewed list of built-in functions that keep their arguments to
 *	  themselves.
 *
 * The mark proleakproof, which a function gets in the catalog, says the same;
 * but few functions have been given it.  So the functions below were read one
 * by one in PostgreSQL's source.  None of them quotes an argument in an error or
 * a notice, or leaves it behind as a side effect; and none fails for some values
 * and not for others, because an error that comes or does not come tells about
 * the row as well: with WHERE 1 / (CASE WHEN diagnosis = 'x' THEN 0 ELSE 1 END)
 * = 1 a loop could read out everybody, and no row would ever leave.  (Running out
 * of memory is not looked at.)  What is not here and not leakproof is taken to
 * disclose everything.
 *
 * Left out on purpose, although often used:
 *	- input functions, and with them casts from text: they quote the value;
 *	- to_date, to_number, to_timestamp, make_date and their like: the same;
 *	- decode, convert, convert_from, convert_to: quote bytes of the value;
 *	- whatever overflows, divides, or wants a length, an index or a shape that the
 *	  value may not have: arithmetic, narrowing casts, substr with a length,
 *	  repeat, lpad, array_append, jsonb_array_elements;
 *	- accessors of json (not jsonb): an error quotes the document;
 *	- jsonpath and XML functions: errors quote parts of the document;
 *	- format(): a width taken from an argument is quoted when it is no number;
 *	- text search: dictionaries are code of their own;
 *	- whatever reads or writes something other than its arguments.
 *
 * A user-defined function is harmless only when it is marked leakproof, which
 * takes a superuser.  Operator classes take one, too; still their functions
 * are held to the same rule here, and so are the functions that array, record
 * and "any" functions look up for the types they meet.
 *
 * The module holds no state but the order of its own table.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/harmless.h"

#include "access/transam.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "tag/egress.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef struct Reviewed
{
	Oid			function;
	uint32		shows;			/* as dsec_lineage_shows */
} Reviewed;

/* reviewed without reservation */
#define F(name)		{name, 0}
/* these arguments (a bitmask) show */
#define Q(name, mask) {name, mask}
/* depends on the functions of the arguments' types */
#define T(name)		{name, DSEC_SHOWS_BY_TYPE}
/* fails for a pattern that ends in the middle of an escape */
#define L(name)		{name, DSEC_SHOWS_BY_PATTERN}

#define ARG0	0x1
#define ARG1	0x2
#define ARG2	0x4
#define ARG3	0x8

static Reviewed reviewed[] = {
	/* output functions */
	F(F_BOOLOUT), F(F_BYTEAOUT), F(F_CHAROUT), F(F_NAMEOUT), F(F_INT2OUT),
	F(F_INT4OUT), F(F_INT8OUT), F(F_TEXTOUT), F(F_OIDOUT), F(F_TIDOUT),
	F(F_FLOAT4OUT), F(F_FLOAT8OUT), F(F_NUMERIC_OUT), F(F_CASH_OUT),
	F(F_BPCHAROUT), F(F_VARCHAROUT), F(F_DATE_OUT), F(F_TIME_OUT),
	F(F_TIMETZ_OUT), F(F_TIMESTAMP_OUT), F(F_TIMESTAMPTZ_OUT),
	F(F_INTERVAL_OUT), F(F_UUID_OUT), F(F_INET_OUT), F(F_CIDR_OUT),
	F(F_MACADDR_OUT), F(F_MACADDR8_OUT), F(F_BIT_OUT), F(F_VARBIT_OUT),
	F(F_JSON_OUT), F(F_JSONB_OUT), F(F_ENUM_OUT), T(F_ARRAY_OUT),
	T(F_RECORD_OUT), T(F_RANGE_OUT),

	/* truth, nulls, identity, clocks and names: nothing of the argument */
	F(F_BOOLAND_STATEFUNC), F(F_BOOLOR_STATEFUNC), F(F_TEXT_BOOL),
	F(F_NUM_NULLS), F(F_NUM_NONNULLS), F(F_PG_TYPEOF), F(F_NOW),
	F(F_TRANSACTION_TIMESTAMP), F(F_STATEMENT_TIMESTAMP),
	F(F_CLOCK_TIMESTAMP), F(F_TIMEOFDAY), F(F_CURRENT_USER),
	F(F_SESSION_USER), F(F_CURRENT_DATABASE), F(F_VERSION),
	F(F_CURRENT_SCHEMA), F(F_INET_CLIENT_ADDR), F(F_PG_BACKEND_PID),
	F(F_GEN_RANDOM_UUID), F(F_PI), Q(F_CURRENT_SETTING_TEXT, ARG0),
	Q(F_CURRENT_SETTING_TEXT_BOOL, ARG0),

	/* integers: no arithmetic, it overflows; no narrowing casts */
	F(F_INT2UP), F(F_INT4UP), F(F_INT8UP), F(F_INT2AND), F(F_INT2OR),
	F(F_INT2XOR), F(F_INT2NOT), F(F_INT2SHL), F(F_INT2SHR), F(F_INT4AND),
	F(F_INT4OR), F(F_INT4XOR), F(F_INT4NOT), F(F_INT4SHL), F(F_INT4SHR),
	F(F_INT8AND), F(F_INT8OR), F(F_INT8XOR), F(F_INT8NOT), F(F_INT8SHL),
	F(F_INT8SHR), F(F_INT2LARGER), F(F_INT2SMALLER), F(F_INT4LARGER),
	F(F_INT4SMALLER), F(F_INT8LARGER), F(F_INT8SMALLER), F(F_INT4INC),
	F(F_INT8INC), F(F_INT8DEC), F(F_INT8INC_ANY), F(F_INT2_SUM),
	F(F_INT4_SUM), F(F_INT8_SUM), F(F_TO_HEX_INT4), F(F_TO_HEX_INT8),
	F(F_GENERATE_SERIES_INT4_INT4), F(F_GENERATE_SERIES_INT8_INT8),
	F(F_IN_RANGE_INT2_INT2_INT2_BOOL_BOOL),
	F(F_IN_RANGE_INT2_INT2_INT4_BOOL_BOOL),
	F(F_IN_RANGE_INT2_INT2_INT8_BOOL_BOOL),
	F(F_IN_RANGE_INT4_INT4_INT2_BOOL_BOOL),
	F(F_IN_RANGE_INT4_INT4_INT4_BOOL_BOOL),
	F(F_IN_RANGE_INT4_INT4_INT8_BOOL_BOOL),
	F(F_IN_RANGE_INT8_INT8_INT8_BOOL_BOOL),

	/* floats: the same */
	F(F_FLOAT4UM), F(F_FLOAT4UP), F(F_FLOAT4ABS), F(F_ABS_FLOAT4),
	F(F_FLOAT8UM), F(F_FLOAT8UP), F(F_FLOAT8ABS), F(F_ABS_FLOAT8),
	F(F_FLOAT4LARGER), F(F_FLOAT4SMALLER), F(F_FLOAT8LARGER),
	F(F_FLOAT8SMALLER), F(F_DROUND), F(F_DTRUNC), F(F_ROUND_FLOAT8),
	F(F_TRUNC_FLOAT8), F(F_CEIL_FLOAT8), F(F_CEILING_FLOAT8),
	F(F_FLOOR_FLOAT8), F(F_SIGN_FLOAT8),
	F(F_IN_RANGE_FLOAT8_FLOAT8_FLOAT8_BOOL_BOOL),
	F(F_IN_RANGE_FLOAT4_FLOAT4_FLOAT8_BOOL_BOOL),

	/* numeric: the same; rounding up can overflow, too */
	F(F_NUMERIC_EQ), F(F_NUMERIC_NE), F(F_NUMERIC_LT), F(F_NUMERIC_LE),
	F(F_NUMERIC_GT), F(F_NUMERIC_GE), F(F_NUMERIC_CMP), F(F_HASH_NUMERIC),
	F(F_NUMERIC_UMINUS), F(F_NUMERIC_UPLUS), F(F_NUMERIC_ABS),
	F(F_ABS_NUMERIC), F(F_SIGN_NUMERIC), F(F_NUMERIC_SMALLER),
	F(F_NUMERIC_LARGER), F(F_TRUNC_NUMERIC), F(F_TRUNC_NUMERIC_INT4),
	F(F_SCALE), F(F_NUMERIC_INT2), F(F_NUMERIC_INT4), F(F_NUMERIC_INT8),
	F(F_NUMERIC_FLOAT4), F(F_NUMERIC_FLOAT8),
	F(F_IN_RANGE_NUMERIC_NUMERIC_NUMERIC_BOOL_BOOL),

	/* text: errors about encodings and collations in general */
	F(F_TEXTLEN), F(F_TEXTCAT), F(F_TEXT_LARGER), F(F_TEXT_SMALLER),
	F(F_BPCHAR_LARGER), F(F_BPCHAR_SMALLER), F(F_LOWER_TEXT),
	F(F_UPPER_TEXT), F(F_INITCAP), F(F_LENGTH_TEXT), F(F_LENGTH_BPCHAR),
	F(F_CHAR_LENGTH_TEXT), F(F_CHAR_LENGTH_BPCHAR),
	F(F_CHARACTER_LENGTH_TEXT), F(F_CHARACTER_LENGTH_BPCHAR),
	F(F_OCTET_LENGTH_TEXT), F(F_OCTET_LENGTH_BPCHAR), F(F_BIT_LENGTH_TEXT),
	F(F_SUBSTR_TEXT_INT4), F(F_SUBSTRING_TEXT_INT4),
	F(F_POSITION_TEXT_TEXT), F(F_STRPOS), F(F_LEFT), F(F_RIGHT),
	F(DSEC_F_REVERSE), F(F_LTRIM_TEXT), F(F_LTRIM_TEXT_TEXT),
	F(F_RTRIM_TEXT), F(F_RTRIM_TEXT_TEXT), F(F_BTRIM_TEXT),
	F(F_BTRIM_TEXT_TEXT), F(F_TRANSLATE), F(F_REPLACE), F(F_ASCII),
	F(F_STARTS_WITH), F(F_QUOTE_IDENT), F(F_QUOTE_LITERAL_TEXT),
	F(F_QUOTE_NULLABLE_TEXT), F(F_STRING_TO_ARRAY_TEXT_TEXT),
	F(F_STRING_TO_ARRAY_TEXT_TEXT_TEXT), F(F_STRING_TO_TABLE_TEXT_TEXT),
	F(F_STRING_TO_TABLE_TEXT_TEXT_TEXT), F(F_MD5_TEXT), F(F_HASHTEXT),
	F(F_HASHTEXTEXTENDED), F(F_HASHBPCHAR), F(F_TEXT_BPCHAR),
	F(F_TEXT_NAME), F(F_TEXT_CHAR), F(F_BPCHAR_NAME), F(F_NAME_TEXT),
	F(F_NAME_BPCHAR), F(F_NAME_VARCHAR), Q(F_NORMALIZE, ARG1),
	Q(F_IS_NORMALIZED, ARG1), F(F_TO_ASCII_TEXT), T(F_TEXTANYCAT),
	T(F_ANYTEXTCAT), T(F_CONCAT), T(F_CONCAT_WS),
	T(F_QUOTE_LITERAL_ANYELEMENT), T(F_QUOTE_NULLABLE_ANYELEMENT),

	/* patterns: a wrong one is an error, so it must not come from a row */
	L(F_TEXTLIKE), L(F_TEXTNLIKE), L(F_TEXTICLIKE), L(F_TEXTICNLIKE),
	L(F_NAMELIKE), L(F_NAMENLIKE), L(F_NAMEICLIKE), L(F_NAMEICNLIKE),
	L(F_BPCHARLIKE), L(F_BPCHARNLIKE), L(F_BPCHARICLIKE),
	L(F_BPCHARICNLIKE), L(F_LIKE_TEXT_TEXT), L(F_NOTLIKE_TEXT_TEXT),
	L(F_LIKE_NAME_TEXT), L(F_NOTLIKE_NAME_TEXT),
	Q(F_LIKE_ESCAPE_TEXT_TEXT, ARG0 | ARG1), L(F_BYTEALIKE),
	L(F_BYTEANLIKE), L(F_LIKE_BYTEA_BYTEA), L(F_NOTLIKE_BYTEA_BYTEA),
	Q(F_LIKE_ESCAPE_BYTEA_BYTEA, ARG0 | ARG1), Q(F_TEXTREGEXEQ, ARG1),
	Q(F_TEXTREGEXNE, ARG1), Q(F_TEXTICREGEXEQ, ARG1),
	Q(F_TEXTICREGEXNE, ARG1), Q(F_NAMEREGEXEQ, ARG1),
	Q(F_NAMEREGEXNE, ARG1), Q(F_NAMEICREGEXEQ, ARG1),
	Q(F_NAMEICREGEXNE, ARG1), Q(F_BPCHARREGEXEQ, ARG1),
	Q(F_BPCHARREGEXNE, ARG1), Q(F_BPCHARICREGEXEQ, ARG1),
	Q(F_BPCHARICREGEXNE, ARG1), Q(F_SIMILAR_ESCAPE, ARG0 | ARG1),
	Q(F_SIMILAR_TO_ESCAPE_TEXT, ARG0),
	Q(F_SIMILAR_TO_ESCAPE_TEXT_TEXT, ARG0 | ARG1),
	Q(F_SUBSTRING_TEXT_TEXT, ARG1), Q(F_REGEXP_MATCH_TEXT_TEXT, ARG1),
	Q(F_REGEXP_MATCH_TEXT_TEXT_TEXT, ARG1 | ARG2),
	Q(F_REGEXP_MATCHES_TEXT_TEXT, ARG1),
	Q(F_REGEXP_MATCHES_TEXT_TEXT_TEXT, ARG1 | ARG2),
	Q(F_REGEXP_REPLACE_TEXT_TEXT_TEXT, ARG1),
	Q(F_REGEXP_REPLACE_TEXT_TEXT_TEXT_TEXT, ARG1 | ARG3),
	Q(F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT, ARG1),
	Q(F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT_TEXT, ARG1 | ARG2),
	Q(F_REGEXP_SPLIT_TO_TABLE_TEXT_TEXT, ARG1),
	Q(F_REGEXP_SPLIT_TO_TABLE_TEXT_TEXT_TEXT, ARG1 | ARG2),
	Q(F_REGEXP_LIKE_TEXT_TEXT, ARG1),
	Q(F_REGEXP_LIKE_TEXT_TEXT_TEXT, ARG1 | ARG2),
	Q(F_REGEXP_COUNT_TEXT_TEXT, ARG1),
	Q(F_REGEXP_COUNT_TEXT_TEXT_INT4, ARG1 | ARG2),
	Q(F_REGEXP_INSTR_TEXT_TEXT, ARG1), Q(F_REGEXP_SUBSTR_TEXT_TEXT, ARG1),

	/* bytea and digests */
	F(F_LENGTH_BYTEA), F(F_OCTET_LENGTH_BYTEA), F(F_BIT_LENGTH_BYTEA),
	F(F_BYTEACAT), F(F_POSITION_BYTEA_BYTEA), F(F_SUBSTRING_BYTEA_INT4),
	F(F_SUBSTR_BYTEA_INT4), F(F_MD5_BYTEA), F(F_SHA224), F(F_SHA256),
	F(F_SHA384), F(F_SHA512), Q(F_ENCODE, ARG1),

	/* uuid, network addresses, money, bits */
	F(F_NETWORK), F(F_NETMASK), F(F_HOSTMASK), F(F_BROADCAST), F(F_HOST),
	F(F_MASKLEN), F(F_FAMILY), F(F_ABBREV_INET), F(F_ABBREV_CIDR),
	F(F_TEXT_INET), F(F_CIDR), F(F_NETWORK_SUB), F(F_NETWORK_SUBEQ),
	F(F_NETWORK_SUP), F(F_NETWORK_SUPEQ), F(F_NETWORK_OVERLAP),
	F(F_NETWORK_LARGER), F(F_NETWORK_SMALLER), F(F_INET_SAME_FAMILY),
	F(F_TRUNC_MACADDR), F(F_TRUNC_MACADDR8), F(F_CASHLARGER),
	F(F_CASHSMALLER), F(F_NUMERIC_MONEY), F(F_LENGTH_BIT), F(F_BITNOT),

	/* date and time: no arithmetic; the unit shows, the time does not */
	F(F_DATE_LARGER), F(F_DATE_SMALLER), F(F_TIME_LARGER),
	F(F_TIME_SMALLER), F(F_TIMETZ_LARGER), F(F_TIMETZ_SMALLER),
	F(F_TIMESTAMP_LARGER), F(F_TIMESTAMP_SMALLER), F(F_TIMESTAMPTZ_LARGER),
	F(F_TIMESTAMPTZ_SMALLER), F(F_INTERVAL_LARGER), F(F_INTERVAL_SMALLER),
	F(F_ISFINITE_DATE), F(F_ISFINITE_TIMESTAMP), F(F_ISFINITE_TIMESTAMPTZ),
	F(F_ISFINITE_INTERVAL), F(F_DATE_TIMESTAMP), F(F_TIME_TIMESTAMP),
	F(F_TIME_TIMESTAMPTZ), F(F_TIME_TIMETZ), F(F_TIME_INTERVAL),
	F(F_TIMETZ_TIME), F(F_TIMETZ_TIMESTAMPTZ), F(F_INTERVAL_TIME),
	Q(F_TIMESTAMP_TIMESTAMP_INT4, ARG1),
	Q(F_TIMESTAMPTZ_TIMESTAMPTZ_INT4, ARG1), Q(F_TIME_TIME_INT4, ARG1),
	Q(F_TIMETZ_TIMETZ_INT4, ARG1), Q(F_INTERVAL_INTERVAL_INT4, ARG1),
	F(F_DATE_LT_TIMESTAMP), F(F_DATE_LE_TIMESTAMP), F(F_DATE_EQ_TIMESTAMP),
	F(F_DATE_GT_TIMESTAMP), F(F_DATE_GE_TIMESTAMP), F(F_DATE_NE_TIMESTAMP),
	F(F_TIMESTAMP_LT_DATE), F(F_TIMESTAMP_LE_DATE), F(F_TIMESTAMP_EQ_DATE),
	F(F_TIMESTAMP_GT_DATE), F(F_TIMESTAMP_GE_DATE), F(F_TIMESTAMP_NE_DATE),
	F(F_DATE_LT_TIMESTAMPTZ), F(F_DATE_LE_TIMESTAMPTZ),
	F(F_DATE_EQ_TIMESTAMPTZ), F(F_DATE_GT_TIMESTAMPTZ),
	F(F_DATE_GE_TIMESTAMPTZ), F(F_DATE_NE_TIMESTAMPTZ),
	F(F_TIMESTAMPTZ_LT_DATE), F(F_TIMESTAMPTZ_LE_DATE),
	F(F_TIMESTAMPTZ_EQ_DATE), F(F_TIMESTAMPTZ_GT_DATE),
	F(F_TIMESTAMPTZ_GE_DATE), F(F_TIMESTAMPTZ_NE_DATE),
	F(F_TIMESTAMP_LT_TIMESTAMPTZ), F(F_TIMESTAMP_LE_TIMESTAMPTZ),
	F(F_TIMESTAMP_EQ_TIMESTAMPTZ), F(F_TIMESTAMP_GT_TIMESTAMPTZ),
	F(F_TIMESTAMP_GE_TIMESTAMPTZ), F(F_TIMESTAMP_NE_TIMESTAMPTZ),
	F(F_TIMESTAMPTZ_LT_TIMESTAMP), F(F_TIMESTAMPTZ_LE_TIMESTAMP),
	F(F_TIMESTAMPTZ_EQ_TIMESTAMP), F(F_TIMESTAMPTZ_GT_TIMESTAMP),
	F(F_TIMESTAMPTZ_GE_TIMESTAMP), F(F_TIMESTAMPTZ_NE_TIMESTAMP),
	Q(F_DATE_PART_TEXT_DATE, ARG0), Q(F_DATE_PART_TEXT_TIME, ARG0),
	Q(F_DATE_PART_TEXT_TIMETZ, ARG0), Q(F_DATE_PART_TEXT_TIMESTAMP, ARG0),
	Q(F_DATE_PART_TEXT_TIMESTAMPTZ, ARG0),
	Q(F_DATE_PART_TEXT_INTERVAL, ARG0), Q(F_EXTRACT_TEXT_DATE, ARG0),
	Q(F_EXTRACT_TEXT_TIME, ARG0), Q(F_EXTRACT_TEXT_TIMETZ, ARG0),
	Q(F_EXTRACT_TEXT_TIMESTAMP, ARG0), Q(F_EXTRACT_TEXT_TIMESTAMPTZ, ARG0),
	Q(F_EXTRACT_TEXT_INTERVAL, ARG0), Q(F_DATE_TRUNC_TEXT_INTERVAL, ARG0),
	Q(F_DATE_TRUNC_TEXT_TIMESTAMP, ARG0), Q(F_TO_CHAR_INTERVAL_TEXT, ARG1),
	Q(F_TO_CHAR_TIMESTAMP_TEXT, ARG1), Q(F_TO_CHAR_TIMESTAMPTZ_TEXT, ARG1),
	Q(F_TO_CHAR_NUMERIC_TEXT, ARG1), Q(F_TO_CHAR_INT4_TEXT, ARG1),
	Q(F_TO_CHAR_INT8_TEXT, ARG1), Q(F_TO_CHAR_FLOAT4_TEXT, ARG1),
	Q(F_TO_CHAR_FLOAT8_TEXT, ARG1),
	F(F_OVERLAPS_TIMESTAMP_TIMESTAMP_TIMESTAMP_TIMESTAMP),
	F(F_OVERLAPS_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ),
	F(F_IN_RANGE_DATE_DATE_INTERVAL_BOOL_BOOL),
	F(F_IN_RANGE_TIMESTAMP_TIMESTAMP_INTERVAL_BOOL_BOOL),
	F(F_IN_RANGE_TIMESTAMPTZ_TIMESTAMPTZ_INTERVAL_BOOL_BOOL),
	F(F_IN_RANGE_INTERVAL_INTERVAL_INTERVAL_BOOL_BOOL),

	/* enums, ranges, records, arrays */
	F(F_ENUM_EQ), F(F_ENUM_NE), F(F_ENUM_LT), F(F_ENUM_LE), F(F_ENUM_GT),
	F(F_ENUM_GE), F(F_ENUM_CMP), F(F_ENUM_SMALLER), F(F_ENUM_LARGER),
	F(F_HASHENUM), T(F_RANGE_EQ), T(F_RANGE_NE), T(F_RANGE_LT),
	T(F_RANGE_LE), T(F_RANGE_GT), T(F_RANGE_GE), T(F_RANGE_CMP),
	T(F_RANGE_OVERLAPS), T(F_RANGE_CONTAINS), T(F_RANGE_CONTAINED_BY),
	T(F_RANGE_CONTAINS_ELEM), T(F_ELEM_CONTAINED_BY_RANGE),
	T(F_LOWER_ANYRANGE), T(F_UPPER_ANYRANGE), T(F_ISEMPTY_ANYRANGE),
	T(F_RECORD_EQ), T(F_RECORD_NE), T(F_RECORD_LT), T(F_RECORD_LE),
	T(F_RECORD_GT), T(F_RECORD_GE), T(F_RECORD_IMAGE_EQ),
	T(F_RECORD_IMAGE_NE), T(F_BTRECORDCMP), T(F_HASH_RECORD),
	T(F_ARRAY_EQ), T(F_ARRAY_NE), T(F_ARRAY_LT), T(F_ARRAY_LE),
	T(F_ARRAY_GT), T(F_ARRAY_GE), T(F_BTARRAYCMP), T(F_HASH_ARRAY),
	T(F_ARRAY_LARGER), T(F_ARRAY_SMALLER), T(F_ARRAYOVERLAP),
	T(F_ARRAYCONTAINS), T(F_ARRAYCONTAINED), T(F_ARRAY_REPLACE),
	T(F_ARRAY_TO_STRING_ANYARRAY_TEXT),
	T(F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT), T(F_UNNEST_ANYARRAY),
	F(F_ARRAY_DIMS), F(F_ARRAY_NDIMS), F(F_ARRAY_LENGTH), F(F_ARRAY_LOWER),
	F(F_ARRAY_UPPER), F(F_CARDINALITY),
	F(F_GENERATE_SUBSCRIPTS_ANYARRAY_INT4),
	F(F_GENERATE_SUBSCRIPTS_ANYARRAY_INT4_BOOL),
	F(F_ARRAY_SUBSCRIPT_HANDLER), F(F_RAW_ARRAY_SUBSCRIPT_HANDLER),
	F(F_JSONB_SUBSCRIPT_HANDLER),

	/* building JSON, and taking jsonb apart */
	T(F_TO_JSON), T(F_TO_JSONB), T(F_ROW_TO_JSON_RECORD),
	T(F_ROW_TO_JSON_RECORD_BOOL), T(F_ARRAY_TO_JSON_ANYARRAY),
	T(F_ARRAY_TO_JSON_ANYARRAY_BOOL), T(F_JSON_BUILD_ARRAY_ANY),
	T(F_JSON_BUILD_ARRAY_), T(F_JSON_BUILD_OBJECT_),
	T(F_JSONB_BUILD_ARRAY_ANY), T(F_JSONB_BUILD_ARRAY_),
	T(F_JSONB_BUILD_OBJECT_), F(F_JSONB_EQ), F(F_JSONB_NE), F(F_JSONB_LT),
	F(F_JSONB_LE), F(F_JSONB_GT), F(F_JSONB_GE), F(F_JSONB_CMP),
	F(F_JSONB_HASH), F(F_JSONB_CONTAINS), F(F_JSONB_CONTAINED),
	F(F_JSONB_EXISTS), F(F_JSONB_EXISTS_ANY), F(F_JSONB_EXISTS_ALL),
	F(F_JSONB_TYPEOF), F(F_JSONB_OBJECT_FIELD),
	F(F_JSONB_OBJECT_FIELD_TEXT), F(F_JSONB_ARRAY_ELEMENT),
	F(F_JSONB_ARRAY_ELEMENT_TEXT), F(F_JSONB_EXTRACT_PATH),
	F(F_JSONB_EXTRACT_PATH_TEXT), F(F_JSONB_PRETTY),

	/* aggregates, with all their support functions */
	F(F_COUNT_), F(F_COUNT_ANY), F(F_BOOL_AND), F(F_BOOL_OR), F(F_EVERY),
	F(F_SUM_INT2), F(F_SUM_INT4), F(F_SUM_INT8), F(F_SUM_FLOAT4),
	F(F_SUM_FLOAT8), F(F_SUM_NUMERIC), F(F_SUM_MONEY), F(F_SUM_INTERVAL),
	F(F_AVG_INT2), F(F_AVG_INT4), F(F_AVG_INT8), F(F_AVG_FLOAT4),
	F(F_AVG_FLOAT8), F(F_AVG_NUMERIC), F(F_AVG_INTERVAL), F(F_MIN_INT2),
	F(F_MIN_INT4), F(F_MIN_INT8), F(F_MIN_OID), F(F_MIN_FLOAT4),
	F(F_MIN_FLOAT8), F(F_MIN_NUMERIC), F(F_MIN_DATE), F(F_MIN_TIME),
	F(F_MIN_TIMETZ), F(F_MIN_MONEY), F(F_MIN_TIMESTAMP),
	F(F_MIN_TIMESTAMPTZ), F(F_MIN_INTERVAL), F(F_MIN_TEXT),
	F(F_MIN_BPCHAR), F(F_MIN_TID), F(F_MIN_INET), F(F_MIN_ANYENUM),
	T(F_MIN_ANYARRAY), F(F_MAX_INT2), F(F_MAX_INT4), F(F_MAX_INT8),
	F(F_MAX_OID), F(F_MAX_FLOAT4), F(F_MAX_FLOAT8), F(F_MAX_NUMERIC),
	F(F_MAX_DATE), F(F_MAX_TIME), F(F_MAX_TIMETZ), F(F_MAX_MONEY),
	F(F_MAX_TIMESTAMP), F(F_MAX_TIMESTAMPTZ), F(F_MAX_INTERVAL),
	F(F_MAX_TEXT), F(F_MAX_BPCHAR), F(F_MAX_TID), F(F_MAX_INET),
	F(F_MAX_ANYENUM), T(F_MAX_ANYARRAY), F(F_VARIANCE_INT2),
	F(F_VARIANCE_INT4), F(F_VARIANCE_INT8), F(F_VARIANCE_FLOAT4),
	F(F_VARIANCE_FLOAT8), F(F_VARIANCE_NUMERIC), F(F_VAR_SAMP_INT2),
	F(F_VAR_SAMP_INT4), F(F_VAR_SAMP_INT8), F(F_VAR_SAMP_FLOAT4),
	F(F_VAR_SAMP_FLOAT8), F(F_VAR_SAMP_NUMERIC), F(F_VAR_POP_INT2),
	F(F_VAR_POP_INT4), F(F_VAR_POP_INT8), F(F_VAR_POP_FLOAT4),
	F(F_VAR_POP_FLOAT8), F(F_VAR_POP_NUMERIC), F(F_STDDEV_INT2),
	F(F_STDDEV_INT4), F(F_STDDEV_INT8), F(F_STDDEV_FLOAT4),
	F(F_STDDEV_FLOAT8), F(F_STDDEV_NUMERIC), F(F_STDDEV_SAMP_INT2),
	F(F_STDDEV_SAMP_INT4), F(F_STDDEV_SAMP_INT8), F(F_STDDEV_SAMP_FLOAT4),
	F(F_STDDEV_SAMP_FLOAT8), F(F_STDDEV_SAMP_NUMERIC),
	F(F_STDDEV_POP_INT2), F(F_STDDEV_POP_INT4), F(F_STDDEV_POP_INT8),
	F(F_STDDEV_POP_FLOAT4), F(F_STDDEV_POP_FLOAT8),
	F(F_STDDEV_POP_NUMERIC), F(F_BIT_AND_INT2), F(F_BIT_AND_INT4),
	F(F_BIT_AND_INT8), F(F_BIT_OR_INT2), F(F_BIT_OR_INT4),
	F(F_BIT_OR_INT8), F(F_REGR_COUNT), F(F_REGR_SXX), F(F_REGR_SYY),
	F(F_REGR_SXY), F(F_REGR_AVGX), F(F_REGR_AVGY), F(F_REGR_R2),
	F(F_REGR_SLOPE), F(F_REGR_INTERCEPT), F(F_COVAR_POP), F(F_COVAR_SAMP),
	F(F_CORR), F(F_STRING_AGG_TEXT_TEXT), F(F_STRING_AGG_BYTEA_BYTEA),
	F(F_ARRAY_AGG_ANYNONARRAY), F(F_ARRAY_AGG_ANYARRAY), T(F_JSON_AGG),
	T(F_JSONB_AGG), T(F_JSON_OBJECT_AGG), T(F_JSONB_OBJECT_AGG), T(F_MODE),
	Q(F_PERCENTILE_CONT_FLOAT8_FLOAT8, ARG0),
	Q(F_PERCENTILE_CONT_FLOAT8_INTERVAL, ARG0),
	Q(F_PERCENTILE_CONT__FLOAT8_FLOAT8, ARG0),
	Q(F_PERCENTILE_CONT__FLOAT8_INTERVAL, ARG0),

	/* window functions */
	F(F_ROW_NUMBER), F(F_RANK_), F(F_DENSE_RANK_), F(F_PERCENT_RANK_),
	F(F_CUME_DIST_), F(F_NTILE), F(F_LAG_ANYELEMENT),
	F(F_LAG_ANYELEMENT_INT4), F(F_LAG_ANYCOMPATIBLE_INT4_ANYCOMPATIBLE),
	F(F_LEAD_ANYELEMENT), F(F_LEAD_ANYELEMENT_INT4),
	F(F_LEAD_ANYCOMPATIBLE_INT4_ANYCOMPATIBLE), F(F_FIRST_VALUE),
	F(F_LAST_VALUE), F(F_NTH_VALUE)
};

static bool reviewed_sorted = false;

static int
reviewed_cmp(const void *a, const void *b)
{
	Oid			x = ((const Reviewed *) a)->function;
	Oid			y = ((const Reviewed *) b)->function;

	return (x > y) - (x < y);
}

uint32
dsec_lineage_shows(Oid function)
{
	Reviewed	key = {function, 0};
	Reviewed   *found;

	if (!OidIsValid(function))
		return DSEC_SHOWS_ALL;

	/* only built-in functions stand in the list */
	if (function < FirstGenbkiObjectId)
	{
		if (!reviewed_sorted)
		{
			qsort(reviewed, lengthof(reviewed), sizeof(Reviewed), reviewed_cmp);
			reviewed_sorted = true;
		}
		found = bsearch(&key, reviewed, lengthof(reviewed), sizeof(Reviewed),
						reviewed_cmp);
		if (found)
			return dsec_egress_is(function) ? DSEC_SHOWS_ALL : found->shows;
	}

	/* leakproof or not, what sends its arguments away shows them */
	return get_func_leakproof(function) && !dsec_egress_is(function) ?
		0 : DSEC_SHOWS_ALL;
}

bool
dsec_lineage_harmless(Oid function)
{
	return dsec_lineage_shows(function) == 0;
}

bool
dsec_lineage_type_harmless(Oid type)
{
	TupleDesc	tupdesc;
	Oid			element;
	bool		result = true;

	check_stack_depth();

	type = getBaseType(type);

	/* pseudo-types say nothing; json may hold what only fails when looked at */
	if (type == RECORDOID || type == RECORDARRAYOID || type == JSONOID ||
		type == XMLOID)
		return false;

	element = get_element_type(type);
	if (OidIsValid(element))
		return dsec_lineage_type_harmless(element);

	if (type_is_rowtype(type))
	{
		tupdesc = lookup_rowtype_tupdesc_copy(type, -1);
		for (int i = 0; i < tupdesc->natts && result; i++)
		{
			Form_pg_attribute att = TupleDescAttr(tupdesc, i);

			if (!att->attisdropped)
				result = dsec_lineage_type_harmless(att->atttypid);
		}
		FreeTupleDesc(tupdesc);
		return result;
	}

	return type < FirstGenbkiObjectId && get_typtype(type) != TYPTYPE_PSEUDO;
}

bool
dsec_lineage_operator_harmless(Oid operator, Oid type)
{
	uint32		shows = dsec_lineage_shows(get_opcode(operator));

	return shows == 0 ||
		(shows == DSEC_SHOWS_BY_TYPE && dsec_lineage_type_harmless(type));
}
