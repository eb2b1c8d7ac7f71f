/*-------------------------------------------------------------------------
 *
 * type_contact.c
 *	  Tagging types of contact and demography.
 *
 * See types.h for what a validator promises.  For names and postal addresses no
 * standard says what is valid; their validators refuse only what is surely
 * none, because a refused name is a person who cannot be entered.
 *
 * In a mailbox, as in names and addresses, bytes of characters other than ASCII
 * are accepted wherever a letter is; the server has seen to it that they are
 * characters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "tag/types.h"
#include "utils/date.h"
#include "utils/datetime.h"

/* RFC 5321, 4.5.3.1: octets; a path of 256 has two angle brackets */
#define MAX_LOCAL_PART 64
#define MAX_MAILBOX 254
#define MAX_DOMAIN_LABEL 63

/* ITU-T E.164: digits, country code included */
#define E164_MAX_DIGITS 15

#define MAX_PERSON_NAME 1000
#define MAX_POSTAL_ADDRESS 2000

/* years that a living or dead patient, customer or employee can be born in */
#define FIRST_BIRTH_YEAR 1850
#define LAST_BIRTH_YEAR 2199

/* ----------------------------------------------------------------
 * E-mail
 * ----------------------------------------------------------------
 */

static bool
is_atom_char(char c)
{
	return dsec_type_is_alnum(c) || IS_HIGHBIT_SET(c) ||
		(c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with single dots between them. */
static bool
is_dot_string(const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '.')
		{
			if (i == 0 || text[i - 1] == '.' || i == length - 1)
				return false;
		}
		else if (!is_atom_char(text[i]))
			return false;
	}
	return length > 0;
}

/* How long the quoted string at the beginning is; 0 when there is none. */
static int
quoted_length(const char *text, int length)
{
	for (int i = 1; i < length; i++)
	{
		if (text[i] == '"')
			return i + 1;
		if (text[i] == '\\')
			i++;
		if (i == length ||
			(!IS_HIGHBIT_SET(text[i]) && (text[i] < ' ' || text[i] > '~')))
			return 0;
	}
	return 0;
}

/*
 * Labels of letters, digits and inner hyphens.  A label with other characters
 * than ASCII is encoded before it is looked up, so its length is not checked.
 */
static bool
is_domain_name(const char *text, int length)
{
	int			start = 0;
	bool		ascii = true;

	for (int i = 0; i <= length; i++)
	{
		if (i == length || text[i] == '.')
		{
			if (i == start || text[start] == '-' || text[i - 1] == '-' ||
				(ascii && i - start > MAX_DOMAIN_LABEL))
				return false;
			start = i + 1;
			ascii = true;
		}
		else if (IS_HIGHBIT_SET(text[i]))
			ascii = false;
		else if (!dsec_type_is_alnum(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

/* Four numbers up to 255 with dots between them. */
static bool
is_ipv4(const char *text, int length)
{
	int			at = 0;

	for (int part = 0; part < 4; part++)
	{
		int			start;

		if (part > 0 && (at == length || text[at++] != '.'))
			return false;
		start = at;
		while (at < length && at - start < 3 && dsec_type_is_digit(text[at]))
			at++;
		if (at == start || dsec_type_number(text + start, at - start) > 255)
			return false;
	}
	return at == length;
}

/*
 * Eight groups of up to four hexadecimal digits; "::" once for groups left
 * out; the last two groups may be an IPv4 address.
 */
static bool
is_ipv6(const char *text, int length)
{
	int			at = 0;
	int			groups = 0;
	bool		gap = false;

	while (at < length)
	{
		int			start = at;

		if (length - at >= 2 && text[at] == ':' && text[at + 1] == ':')
		{
			if (gap)
				return false;
			gap = true;
			at += 2;
			if (at == length)
				break;
			start = at;
		}
		else if (groups > 0)
		{
			if (text[at] != ':')
				return false;
			start = ++at;
		}
		while (at < length && at - start < 4 && dsec_type_is_hex(text[at]))
			at++;
		if (at == start)
			return false;
		if (at < length && text[at] == '.')
		{
			if (!is_ipv4(text + start, length - start))
				return false;
			groups += 2;
			at = length;
		}
		else
			groups++;
		if (groups > 8)
			return false;
	}
	return gap ? groups <= 7 : groups == 8;
}

static bool
is_mail_domain(const char *text, int length)
{
	if (length < 2 || text[0] != '[' || text[length - 1] != ']')
		return is_domain_name(text, length);
	text++;
	length -= 2;
	if (length > 5 && pg_strncasecmp(text, "IPv6:", 5) == 0)
		return is_ipv6(text + 5, length - 5);
	return is_ipv4(text, length);
}

/* Local-part "@" ( Domain / address-literal ) */
static bool
is_email(const char *text, int length)
{
	int			local;

	if (length > 0 && text[0] == '"')
		local = quoted_length(text, length);
	else
	{
		const char *at = memchr(text, '@', length);

		local = at ? at - text : 0;
		if (!is_dot_string(text, local))
			return false;
	}
	return local > 0 && local <= MAX_LOCAL_PART && local < length &&
		text[local] == '@' &&
		is_mail_domain(text + local + 1, length - local - 1);
}

DSEC_TEXT_VALIDATOR(is_email, MAX_MAILBOX);

/* ----------------------------------------------------------------
 * Telephone
 * ----------------------------------------------------------------
 */

/* "+" and digits; no country code begins with zero. */
static bool
is_phone_e164(const char *text, int length)
{
	char		digits[E164_MAX_DIGITS];

	return length > 2 && text[0] == '+' && text[1] != '0' &&
		dsec_type_digits(text + 1, length - 1, "", digits, E164_MAX_DIGITS) > 0;
}

DSEC_TEXT_VALIDATOR(is_phone_e164, E164_MAX_DIGITS + 1);

/* ----------------------------------------------------------------
 * Names and addresses
 * ----------------------------------------------------------------
 */

/* Of ASCII, or of those that Unicode has after it. */
static bool
is_control(const char *text, int length, int i)
{
	unsigned char c = text[i];

	if (c < ' ' || c == 0x7f)
		return true;
	return c == 0xc2 && i + 1 < length && (unsigned char) text[i + 1] < 0xa0 &&
		GetDatabaseEncoding() == PG_UTF8;
}

static bool
is_person_name(const char *text, int length)
{
	bool		letter = false;

	for (int i = 0; i < length; i++)
	{
		if (is_control(text, length, i))
			return false;
		letter |= dsec_type_is_upper(text[i]) || dsec_type_is_lower(text[i]) ||
			IS_HIGHBIT_SET(text[i]);
	}
	return letter;
}

DSEC_TEXT_VALIDATOR(is_person_name, MAX_PERSON_NAME);

static bool
is_postal_address(const char *text, int length)
{
	bool		content = false;

	for (int i = 0; i < length; i++)
	{
		if (text[i] == '\n' || (text[i] == '\r' && i + 1 < length && text[i + 1] == '\n'))
			continue;
		if (is_control(text, length, i))
			return false;
		content |= dsec_type_is_alnum(text[i]) || IS_HIGHBIT_SET(text[i]);
	}
	return content;
}

DSEC_TEXT_VALIDATOR(is_postal_address, MAX_POSTAL_ADDRESS);

/* ----------------------------------------------------------------
 * Birth date
 * ----------------------------------------------------------------
 */

/* A day as ISO 8601 writes it, in the years of is_birth_date_day(). */
static bool
is_birth_date(const char *text, int length)
{
	char		digits[10];
	int			year;

	if (!dsec_type_picture(text, length, "9999-99-99", digits))
		return false;
	year = dsec_type_number(digits, 4);
	return year >= FIRST_BIRTH_YEAR && year <= LAST_BIRTH_YEAR &&
		dsec_type_is_date(year, dsec_type_number(digits + 4, 2),
						  dsec_type_number(digits + 6, 2));
}

DSEC_TEXT_VALIDATOR(is_birth_date, 10);

PG_FUNCTION_INFO_V1(dsec_is_birth_date_day);

/* Infinite dates are out of range like others. */
Datum
dsec_is_birth_date_day(PG_FUNCTION_ARGS)
{
	DateADT		day = PG_GETARG_DATEADT(0);

	PG_RETURN_BOOL(day >= date2j(FIRST_BIRTH_YEAR, 1, 1) - POSTGRES_EPOCH_JDATE &&
				   day <= date2j(LAST_BIRTH_YEAR, 12, 31) - POSTGRES_EPOCH_JDATE);
}
