/*-------------------------------------------------------------------------
 *
 * set_format.c
 *	  Reads, checks and writes the formats of dsec.subject_set.
 *
 * The input may be anything.  Every length is compared before it is used, a
 * count is believed when the input is exactly that long, and each set has one
 * text and one binary form, so that what is read and written again is the same.
 * Needs palloc and nothing else of the server, but lets itself be cancelled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "subject/set_format.h"

#define PREFIX "subject_set:"
#define VERSION_TEXT "1:"
#define COUNT_DIGITS 20
#define INTERRUPT_EVERY 65536	/* hashes; a gigabyte of text takes seconds */

/* lengths of the parts of the text form that are always there */
#define PREFIX_SIZE (sizeof(PREFIX) - 1)
#define VERSION_SIZE (sizeof(VERSION_TEXT) - 1)

/* offsets in the binary form */
#define AT_VERSION 0
#define AT_FLAGS 2
#define AT_KEY_ID 4
#define AT_COUNT 12
#define AT_HASHES 20

static const char base64_digits[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789abcdef";

static const char *const not_ascending = "The subjects are not in ascending order, or not distinct.";
static const char *const has_zero = "One subject is zero, which no subject can be.";

StaticAssertDecl(offsetof(DsecSubjectSet, hashes) == AT_HASHES + sizeof(int32),
				 "a stored set has no gaps");

/* Both forms have been found to hold "count" hashes. */
static DsecSubjectSet *
make_set(uint64 count)
{
	DsecSubjectSet *set = palloc(DSEC_SET_SIZE(count));

	SET_VARSIZE(set, DSEC_SET_SIZE(count));
	set->version = DSEC_SET_VERSION;
	set->flags = 0;
	set->count = count;
	return set;
}

static const char *
hashes_problem(const uint64 *hashes, uint64 count)
{
	bool		ascending = true;

	if (count > 0 && hashes[0] == 0)
		return has_zero;
	for (uint64 i = 1; i < count; i++)
		ascending &= hashes[i - 1] < hashes[i];
	return ascending ? NULL : not_ascending;
}

const char *
dsec_set_header_problem(const DsecSubjectSet *set, size_t size)
{
	if (size < DSEC_SET_SIZE(0))
		return "It is shorter than a set can be.";
	if (set->version != DSEC_SET_VERSION)
		return "Its format has a version that this release of dsec does not know.";
	if (set->flags != 0)
		return "Its format has flags that this release of dsec does not know.";
	if (set->count > DSEC_SET_MAX_COUNT || size != DSEC_SET_SIZE(set->count))
		return "Its length does not agree with the number of subjects.";
	return NULL;
}

const char *
dsec_set_problem(const DsecSubjectSet *set, size_t size)
{
	const char *problem = dsec_set_header_problem(set, size);

	return problem != NULL ? problem : hashes_problem(set->hashes, set->count);
}

/*
 * The binary form
 */

static uint16
read16(const char *data)
{
	uint16		value;

	memcpy(&value, data, sizeof(value));
	return pg_ntoh16(value);
}

static uint64
read64(const char *data)
{
	uint64		value;

	memcpy(&value, data, sizeof(value));
	return pg_ntoh64(value);
}

static inline void
write64(char *out, uint64 value)
{
	value = pg_hton64(value);
	memcpy(out, &value, sizeof(value));
}

DsecSubjectSet *
dsec_set_parse_binary(const char *data, size_t len, const char **problem)
{
	DsecSubjectSet *set;
	uint64		count;

	*problem = NULL;
	if (len < AT_HASHES)
		*problem = "It is shorter than a set can be.";
	else if (read16(data + AT_VERSION) != DSEC_SET_VERSION)
		*problem = "Its format has a version that this release of dsec does not know.";
	else if (read16(data + AT_FLAGS) != 0)
		*problem = "Its format has flags that this release of dsec does not know.";
	if (*problem != NULL)
		return NULL;

	count = read64(data + AT_COUNT);
	if (count > DSEC_SET_MAX_COUNT || len != DSEC_SET_BINARY_SIZE(count))
	{
		*problem = "Its length does not agree with the number of subjects.";
		return NULL;
	}

	set = make_set(count);
	memcpy(set->key_id, data + AT_KEY_ID, DSEC_KEY_ID_BYTES);
	for (uint64 i = 0; i < count; i++)
		set->hashes[i] = read64(data + AT_HASHES + i * sizeof(uint64));
	*problem = hashes_problem(set->hashes, count);
	if (*problem != NULL)
	{
		pfree(set);
		return NULL;
	}
	return set;
}

void
dsec_set_write_binary(const DsecSubjectSet *set, char *out)
{
	uint16		version = pg_hton16(set->version);
	uint16		flags = pg_hton16(set->flags);

	memcpy(out + AT_VERSION, &version, sizeof(version));
	memcpy(out + AT_FLAGS, &flags, sizeof(flags));
	memcpy(out + AT_KEY_ID, set->key_id, DSEC_KEY_ID_BYTES);
	write64(out + AT_COUNT, set->count);
	for (uint64 i = 0; i < set->count; i++)
		write64(out + AT_HASHES + i * sizeof(uint64), set->hashes[i]);
}

/*
 * The text form
 */

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

static int
base64_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	if (digit == '/')
		return 63;
	return -1;
}

static Size
base64_size(Size bytes)
{
	return (bytes + 2) / 3 * 4;
}

/* Read exactly "bytes" bytes from base64_size(bytes) characters. */
static bool
base64_read(const char *in, Size bytes, uint8 *out)
{
	for (uint64 group = 0; bytes > 0; group++)
	{
		int			n = (int) Min(bytes, 3);
		uint32		bits = 0;

		if (group % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < 4; i++)
		{
			int			value = i <= n ? base64_value(in[i]) : in[i] == '=' ? 0 : -1;

			if (value < 0)
				return false;
			bits = bits << 6 | (uint32) value;
		}
		/* what the padding leaves over must be zero: one text per set */
		if (n < 3 && (bits & ((1u << (8 * (3 - n))) - 1)) != 0)
			return false;
		for (int i = 0; i < n; i++)
			out[i] = bits >> (16 - 8 * i) & 0xFF;
		in += 4;
		out += n;
		bytes -= n;
	}
	return true;
}

static char *
base64_group(char *out, const uint8 *in, int n)
{
	uint32		bits = 0;

	for (int i = 0; i < n; i++)
		bits |= (uint32) in[i] << (16 - 8 * i);
	for (int i = 0; i < 4; i++)
		*out++ = i <= n ? base64_digits[bits >> (18 - 6 * i) & 0x3F] : '=';
	return out;
}

/* The count and its colon; advances *at. */
static bool
read_count(const char *data, size_t len, size_t *at, uint64 *count)
{
	size_t		start = *at;

	*count = 0;
	while (*at < len && data[*at] >= '0' && data[*at] <= '9')
	{
		/* far below an overflow: a larger count is refused */
		if (*count > DSEC_SET_MAX_COUNT)
			return false;
		*count = *count * 10 + (data[*at] - '0');
		(*at)++;
	}
	if (*at == start || *at >= len || data[*at] != ':')
		return false;
	if (data[start] == '0' && *at > start + 1)
		return false;
	(*at)++;
	return *count <= DSEC_SET_MAX_COUNT;
}

DsecSubjectSet *
dsec_set_parse_text(const char *data, size_t len, const char **problem)
{
	DsecSubjectSet *set;
	uint8		key_id[DSEC_KEY_ID_BYTES];
	size_t		at;
	uint64		count;

	*problem = NULL;
	if (len < PREFIX_SIZE || memcmp(data, PREFIX, PREFIX_SIZE) != 0)
	{
		*problem = "The text does not begin with \"" PREFIX "\".";
		return NULL;
	}
	at = PREFIX_SIZE;
	if (len - at < VERSION_SIZE || memcmp(data + at, VERSION_TEXT, VERSION_SIZE) != 0)
	{
		*problem = "Its format has a version that this release of dsec does not know.";
		return NULL;
	}
	at += VERSION_SIZE;

	if (len - at < DSEC_KEY_ID_DIGITS + 1 || data[at + DSEC_KEY_ID_DIGITS] != ':')
		*problem = "The number of the key does not have 16 hexadecimal digits.";
	for (int i = 0; *problem == NULL && i < DSEC_KEY_ID_BYTES; i++)
	{
		int			high = hex_value(data[at + 2 * i]);
		int			low = hex_value(data[at + 2 * i + 1]);

		if (high < 0 || low < 0)
			*problem = "The number of the key does not have 16 hexadecimal digits.";
		else
			key_id[i] = high << 4 | low;
	}
	if (*problem != NULL)
		return NULL;
	at += DSEC_KEY_ID_DIGITS + 1;

	if (!read_count(data, len, &at, &count))
	{
		*problem = "The number of subjects is no number, or too large.";
		return NULL;
	}
	if (len - at != base64_size(count * sizeof(uint64)))
	{
		*problem = "Its length does not agree with the number of subjects.";
		return NULL;
	}

	set = make_set(count);
	memcpy(set->key_id, key_id, DSEC_KEY_ID_BYTES);
	if (!base64_read(data + at, count * sizeof(uint64), (uint8 *) set->hashes))
		*problem = "The subjects are not in base64.";
	else
	{
		for (uint64 i = 0; i < count; i++)
			set->hashes[i] = pg_ntoh64(set->hashes[i]);
		*problem = hashes_problem(set->hashes, count);
	}
	if (*problem != NULL)
	{
		pfree(set);
		return NULL;
	}
	return set;
}

void
dsec_set_write_key_id(const uint8 *key_id, char *out)
{
	for (int i = 0; i < DSEC_KEY_ID_BYTES; i++)
	{
		*out++ = hex_digits[key_id[i] >> 4];
		*out++ = hex_digits[key_id[i] & 0xF];
	}
}

/* Decimal digits; returns how many. */
static int
write_count(uint64 count, char *digits)
{
	return snprintf(digits, COUNT_DIGITS + 1, UINT64_FORMAT, count);
}

Size
dsec_set_text_size(const DsecSubjectSet *set)
{
	char		digits[COUNT_DIGITS + 1];

	return PREFIX_SIZE + VERSION_SIZE + DSEC_KEY_ID_DIGITS + 1 +
		write_count(set->count, digits) + 1 +
		base64_size(set->count * sizeof(uint64));
}

void
dsec_set_write_text(const DsecSubjectSet *set, char *out)
{
	char		digits[COUNT_DIGITS + 1];
	int			ndigits = write_count(set->count, digits);
	uint8		group[3];
	int			filled = 0;

	memcpy(out, PREFIX VERSION_TEXT, PREFIX_SIZE + VERSION_SIZE);
	out += PREFIX_SIZE + VERSION_SIZE;
	dsec_set_write_key_id(set->key_id, out);
	out += DSEC_KEY_ID_DIGITS;
	*out++ = ':';
	memcpy(out, digits, ndigits);
	out += ndigits;
	*out++ = ':';

	for (uint64 i = 0; i < set->count; i++)
	{
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		for (int shift = 56; shift >= 0; shift -= 8)
		{
			group[filled++] = set->hashes[i] >> shift & 0xFF;
			if (filled == 3)
			{
				out = base64_group(out, group, 3);
				filled = 0;
			}
		}
	}
	if (filled > 0)
		base64_group(out, group, filled);
}
