/*-------------------------------------------------------------------------
 *
 * type_geo.c
 *	  The type dsec.latlon: a position on Earth, as precise as its column says.
 *
 * A value is a latitude and a longitude in decimal degrees (WGS 84).  A column
 * of type latlon(N) holds no position more precise than N metres: its values
 * are the centres of fixed cells, and no circle with a radius of N metres or
 * less contains a cell.  Whoever reads a centre knows no more than the cell, so
 * not even a better guess than the centre is within N metres of every position
 * that it may stand for.
 *
 * Cells are rows of equal height from pole to pole, each row cut into equal
 * columns from the 180th meridian eastward; the number of columns is chosen at
 * the edge of the row nearest to a pole, where a degree of longitude is
 * shortest, and the cap around a pole is one cell.  A centre lies in the middle
 * of its cell, so that what has been rounded stays as it is when it is rounded
 * again.
 *
 * Neither number is NaN or infinite, and neither is a negative zero: so equal
 * positions have equal bytes.  The 180th meridian has two longitudes, which
 * are different values unless they are rounded.
 *
 * No error quotes what was given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "tag/types.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/geo_decls.h"

typedef struct DsecLatLon
{
	float8		lat;			/* -90 to 90, north is positive */
	float8		lon;			/* -180 to 180, east is positive */
} DsecLatLon;

#define DatumGetLatLon(datum) ((DsecLatLon *) DatumGetPointer(datum))
#define GETARG_LATLON(n) DatumGetLatLon(PG_GETARG_DATUM(n))

/* mean radius of the Earth in metres (IUGG), for distances */
#define EARTH_RADIUS 6371008.8
#define METRES_PER_DEGREE (EARTH_RADIUS * M_PI / 180.0)

/*
 * Least side of a cell, for a precision of one metre: that of a square whose
 * corners are one metre from its centre, and one in a hundred more, which covers
 * that the Earth is no sphere: near the equator a degree of latitude is shorter
 * than METRES_PER_DEGREE.
 */
#define CELL_SIDE 1.43

/* centres are rounded to so many parts of a degree: about a centimetre */
#define CENTRE_PARTS 1e7

/* longest text that is looked at, and the coarsest precision in metres */
#define MAX_TEXT 128
#define MAX_PRECISION 1000000

/* what is wrong with a text */
typedef enum Fault
{
	FAULT_NONE,
	FAULT_SYNTAX,
	FAULT_RANGE
} Fault;

/* ----------------------------------------------------------------
 * Reading text
 * ----------------------------------------------------------------
 */

static const char *
skip_blanks(const char *at)
{
	while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
		at++;
	return at;
}

/*
 * A decimal number, with an exponent if it must be; NULL when there is none.
 * Words for infinity and hexadecimal numbers are none.
 */
static const char *
read_decimal(const char *at, double *value)
{
	const char *start = at;
	int			digits = 0;

	if (*at == '+' || *at == '-')
		at++;
	for (; dsec_type_is_digit(*at); at++)
		digits++;
	if (*at == '.')
	{
		for (at++; dsec_type_is_digit(*at); at++)
			digits++;
	}
	if (digits == 0)
		return NULL;
	if (*at == 'e' || *at == 'E')
	{
		at++;
		if (*at == '+' || *at == '-')
			at++;
		if (!dsec_type_is_digit(*at))
			return NULL;
		while (dsec_type_is_digit(*at))
			at++;
	}
	*value = strtod(start, NULL);
	return at;
}

/* "lat,lon", in parentheses or not */
static bool
read_pair(const char *at, DsecLatLon *result)
{
	bool		closed = (*at == '(');

	if (closed)
		at = skip_blanks(at + 1);
	at = read_decimal(at, &result->lat);
	if (at == NULL)
		return false;
	at = skip_blanks(at);
	if (*at != ',')
		return false;
	at = read_decimal(skip_blanks(at + 1), &result->lon);
	if (at == NULL)
		return false;
	at = skip_blanks(at);
	if (closed)
	{
		if (*at != ')')
			return false;
		at = skip_blanks(at + 1);
	}
	return *at == '\0';
}

/*
 * One number of ISO 6709: a sign, the digits of the degrees, perhaps two of
 * the minutes and two of the seconds, and a fraction of the last of them.
 */
static const char *
read_sexagesimal(const char *at, int degree_digits, double *value)
{
	double		parts[3] = {0, 0, 0};
	double		fraction = 0;
	double		place = 1;
	const char *digits = at + 1;
	int			n = 0;
	int			last;

	if (*at != '+' && *at != '-')
		return NULL;
	while (dsec_type_is_digit(digits[n]))
		n++;
	if (n != degree_digits && n != degree_digits + 2 && n != degree_digits + 4)
		return NULL;
	last = (n - degree_digits) / 2;
	parts[0] = dsec_type_number(digits, degree_digits);
	for (int i = 1; i <= last; i++)
	{
		parts[i] = dsec_type_number(digits + degree_digits + (i - 1) * 2, 2);
		if (parts[i] >= 60)
			return NULL;
	}

	if (digits[n] == '.')
	{
		const char *start = digits + n++;

		if (!dsec_type_is_digit(digits[n]))
			return NULL;
		while (dsec_type_is_digit(digits[n]))
			n++;
		if (last == 0)
		{
			/* decimal degrees: the nearest double, as for a plain number */
			*value = strtod(at, NULL);
			return digits + n;
		}
		for (const char *p = start + 1; p < digits + n; p++)
		{
			place /= 10;
			fraction += (*p - '0') * place;
		}
		parts[last] += fraction;
	}
	*value = parts[0] + parts[1] / 60 + parts[2] / 3600;
	if (*at == '-')
		*value = -*value;
	return digits + n;
}

/* ISO 6709, annex H, without height: +48.8577+002.295/ */
static bool
read_iso6709(const char *at, DsecLatLon *result)
{
	at = read_sexagesimal(at, 2, &result->lat);
	if (at == NULL)
		return false;
	at = read_sexagesimal(at, 3, &result->lon);
	if (at == NULL || *at != '/')
		return false;
	return *skip_blanks(at + 1) == '\0';
}

static Fault
check_range(DsecLatLon *value)
{
	/* written so that NaN is out of range */
	if (!(value->lat >= -90 && value->lat <= 90 &&
		  value->lon >= -180 && value->lon <= 180))
		return FAULT_RANGE;

	/* no negative zeros */
	value->lat += 0.0;
	value->lon += 0.0;
	return FAULT_NONE;
}

static Fault
read_latlon(const char *text, DsecLatLon *result)
{
	const char *at = skip_blanks(text);

	if (strlen(at) > MAX_TEXT)
		return FAULT_SYNTAX;
	if (strchr(at, '/') != NULL ? !read_iso6709(at, result) : !read_pair(at, result))
		return FAULT_SYNTAX;
	return check_range(result);
}

static void
report_fault(Fault fault)
{
	if (fault == FAULT_SYNTAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type dsec.latlon"),
				 errhint("Write latitude and longitude in decimal degrees, as in \"12.5,-45.25\", or as in ISO 6709, \"+12.5-045.25/\".")));
	if (fault == FAULT_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value out of range for type dsec.latlon"),
				 errdetail("A latitude lies between -90 and 90 degrees, a longitude between -180 and 180.")));
}

/* ----------------------------------------------------------------
 * Precision
 * ----------------------------------------------------------------
 */

/* The middle of the cell, of n to the whole from start, that value lies in. */
static double
cell_centre(double value, double start, double whole, double n, double *index)
{
	*index = floor((value - start) / whole * n);
	*index = Max(0, Min(*index, n - 1));
	return start + (*index + 0.5) * whole / n;
}

static double
cut(double degrees)
{
	/* adding zero makes a negative zero positive */
	return rint(degrees * CENTRE_PARTS) / CENTRE_PARTS + 0.0;
}

/* Move the position to the centre of its cell. */
static void
make_coarse(DsecLatLon *value, int32 precision)
{
	double		side;
	double		rows;
	double		row;
	double		columns;
	double		column;
	double		south,
				north,
				narrowest;

	if (precision < 1)
		return;
	side = CELL_SIDE * precision / METRES_PER_DEGREE;
	rows = Max(1, floor(180 / side));
	value->lat = cell_centre(value->lat, -90, 180, rows, &row);

	/* the parallel of this row that is nearest to a pole */
	south = -90 + row * 180 / rows;
	north = -90 + (row + 1) * 180 / rows;
	narrowest = cos(Max(fabs(south), fabs(north)) * M_PI / 180);
	columns = Max(1, floor(360 * narrowest / side));

	/* the 180th meridian is one line */
	if (value->lon == 180)
		value->lon = -180;
	value->lon = cell_centre(value->lon, -180, 360, columns, &column);
	value->lat = cut(value->lat);
	value->lon = cut(value->lon);
}

PG_FUNCTION_INFO_V1(dsec_latlon_typmod_in);
PG_FUNCTION_INFO_V1(dsec_latlon_typmod_out);
PG_FUNCTION_INFO_V1(dsec_latlon_coerce);

Datum
dsec_latlon_typmod_in(PG_FUNCTION_ARGS)
{
	int			n;
	int32	   *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1 || typmods[0] < 1 || typmods[0] > MAX_PRECISION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the precision of type dsec.latlon is one number of metres between 1 and %d",
						MAX_PRECISION)));
	PG_RETURN_INT32(typmods[0]);
}

Datum
dsec_latlon_typmod_out(PG_FUNCTION_ARGS)
{
	int32		typmod = PG_GETARG_INT32(0);

	PG_RETURN_CSTRING(typmod < 0 ? pstrdup("") : psprintf("(%d)", typmod));
}

Datum
dsec_latlon_coerce(PG_FUNCTION_ARGS)
{
	DsecLatLon *result = palloc(sizeof(DsecLatLon));

	*result = *GETARG_LATLON(0);
	make_coarse(result, PG_GETARG_INT32(1));
	PG_RETURN_POINTER(result);
}

/* ----------------------------------------------------------------
 * Input and output
 * ----------------------------------------------------------------
 */

PG_FUNCTION_INFO_V1(dsec_latlon_in);
PG_FUNCTION_INFO_V1(dsec_latlon_out);
PG_FUNCTION_INFO_V1(dsec_latlon_recv);
PG_FUNCTION_INFO_V1(dsec_latlon_send);
PG_FUNCTION_INFO_V1(dsec_latlon_make);

Datum
dsec_latlon_in(PG_FUNCTION_ARGS)
{
	DsecLatLon *result = palloc0(sizeof(DsecLatLon));

	report_fault(read_latlon(PG_GETARG_CSTRING(0), result));
	make_coarse(result, PG_GETARG_INT32(2));
	PG_RETURN_POINTER(result);
}

/* The shortest text that reads back to the same value, whatever the settings. */
Datum
dsec_latlon_out(PG_FUNCTION_ARGS)
{
	DsecLatLon *value = GETARG_LATLON(0);
	char	   *result = palloc(2 * DOUBLE_SHORTEST_DECIMAL_LEN + 1);
	int			n = double_to_shortest_decimal_bufn(value->lat, result);

	result[n++] = ',';
	n += double_to_shortest_decimal_bufn(value->lon, result + n);
	result[n] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
dsec_latlon_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	DsecLatLon *result = palloc(sizeof(DsecLatLon));

	result->lat = pq_getmsgfloat8(buf);
	result->lon = pq_getmsgfloat8(buf);
	report_fault(check_range(result));
	make_coarse(result, PG_GETARG_INT32(2));
	PG_RETURN_POINTER(result);
}

Datum
dsec_latlon_send(PG_FUNCTION_ARGS)
{
	DsecLatLon *value = GETARG_LATLON(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendfloat8(&buf, value->lat);
	pq_sendfloat8(&buf, value->lon);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
dsec_latlon_make(PG_FUNCTION_ARGS)
{
	DsecLatLon *result = palloc(sizeof(DsecLatLon));

	result->lat = PG_GETARG_FLOAT8(0);
	result->lon = PG_GETARG_FLOAT8(1);
	report_fault(check_range(result));
	PG_RETURN_POINTER(result);
}

static bool
is_latlon(const char *text, int length)
{
	char		buf[MAX_TEXT + 1];
	DsecLatLon	ignored;

	memcpy(buf, text, length);
	buf[length] = '\0';
	return read_latlon(buf, &ignored) == FAULT_NONE;
}

DSEC_TEXT_VALIDATOR(is_latlon, MAX_TEXT);

/* ----------------------------------------------------------------
 * Comparison: by latitude, then by longitude
 * ----------------------------------------------------------------
 */

static int
compare(const DsecLatLon *a, const DsecLatLon *b)
{
	if (a->lat != b->lat)
		return a->lat < b->lat ? -1 : 1;
	if (a->lon != b->lon)
		return a->lon < b->lon ? -1 : 1;
	return 0;
}

#define COMPARISON(name, operator) \
PG_FUNCTION_INFO_V1(dsec_latlon_##name); \
Datum \
dsec_latlon_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(compare(GETARG_LATLON(0), GETARG_LATLON(1)) operator 0); \
} \
extern int	dsec_no_such_variable	/* takes the semicolon */

COMPARISON(eq, ==);
COMPARISON(ne, !=);
COMPARISON(lt, <);
COMPARISON(le, <=);
COMPARISON(gt, >);
COMPARISON(ge, >=);

PG_FUNCTION_INFO_V1(dsec_latlon_cmp);
PG_FUNCTION_INFO_V1(dsec_latlon_hash);
PG_FUNCTION_INFO_V1(dsec_latlon_hash_extended);

Datum
dsec_latlon_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(GETARG_LATLON(0), GETARG_LATLON(1)));
}

Datum
dsec_latlon_hash(PG_FUNCTION_ARGS)
{
	return hash_any((unsigned char *) GETARG_LATLON(0), sizeof(DsecLatLon));
}

Datum
dsec_latlon_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended((unsigned char *) GETARG_LATLON(0),
							 sizeof(DsecLatLon), PG_GETARG_INT64(1));
}

/* ----------------------------------------------------------------
 * Parts, distance and casts
 * ----------------------------------------------------------------
 */

PG_FUNCTION_INFO_V1(dsec_latitude);
PG_FUNCTION_INFO_V1(dsec_longitude);
PG_FUNCTION_INFO_V1(dsec_latlon_distance);
PG_FUNCTION_INFO_V1(dsec_latlon_from_point);
PG_FUNCTION_INFO_V1(dsec_latlon_to_point);

Datum
dsec_latitude(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GETARG_LATLON(0)->lat);
}

Datum
dsec_longitude(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GETARG_LATLON(0)->lon);
}

/* Great-circle distance on the mean sphere, by the haversine formula. */
Datum
dsec_latlon_distance(PG_FUNCTION_ARGS)
{
	DsecLatLon *a = GETARG_LATLON(0);
	DsecLatLon *b = GETARG_LATLON(1);
	double		lat1 = a->lat * M_PI / 180;
	double		lat2 = b->lat * M_PI / 180;
	double		x = sin((lat2 - lat1) / 2);
	double		y = sin((b->lon - a->lon) * M_PI / 360);
	double		h = x * x + cos(lat1) * cos(lat2) * y * y;

	PG_RETURN_FLOAT8(2 * EARTH_RADIUS * asin(sqrt(Min(1.0, h))));
}

/* A point has x to the east and y to the north. */
Datum
dsec_latlon_from_point(PG_FUNCTION_ARGS)
{
	Point	   *point = PG_GETARG_POINT_P(0);
	DsecLatLon *result = palloc(sizeof(DsecLatLon));

	result->lat = point->y;
	result->lon = point->x;
	report_fault(check_range(result));
	PG_RETURN_POINTER(result);
}

Datum
dsec_latlon_to_point(PG_FUNCTION_ARGS)
{
	DsecLatLon *value = GETARG_LATLON(0);
	Point	   *point = palloc(sizeof(Point));

	point->x = value->lon;
	point->y = value->lat;
	PG_RETURN_POINT_P(point);
}
