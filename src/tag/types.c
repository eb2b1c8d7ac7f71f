/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Validators of the tagging types.
 *
 * They are the CHECK constraints of labelled domains, and can be called on any
 * text.  Leakproof: they answer true or false for every input and raise
 * nothing, so no value shows in an error; the constraint's own message names
 * the domain only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"

PG_FUNCTION_INFO_V1(dsec_is_us_ssn);
PG_FUNCTION_INFO_V1(dsec_is_payment_card);
PG_FUNCTION_INFO_V1(dsec_is_rsid);

#define SSN_DIGITS 9
#define CARD_MIN_DIGITS 12
#define CARD_MAX_DIGITS 19

/* more digits than any rs number has, and few enough for an int8 */
#define RSID_MAX_DIGITS 18

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Nine digits, or 3-2-4 with both dashes, no number that is never issued. */
static bool
is_us_ssn(const char *text, int length)
{
	char		digits[SSN_DIGITS];
	bool		dashes = (length == SSN_DIGITS + 2);
	int			n = 0;

	if (length != SSN_DIGITS && !dashes)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (dashes && (i == 3 || i == 6))
		{
			if (text[i] != '-')
				return false;
		}
		else if (!is_digit(text[i]))
			return false;
		else
			digits[n++] = text[i];
	}
	return memcmp(digits, "000", 3) != 0 &&
		memcmp(digits, "666", 3) != 0 &&
		digits[0] != '9' &&
		memcmp(digits + 3, "00", 2) != 0 &&
		memcmp(digits + 5, "0000", 4) != 0;
}

/*
 * Digits with a valid Luhn check digit; a single space or dash may stand
 * between two digits.
 */
static bool
is_payment_card(const char *text, int length)
{
	char		digits[CARD_MAX_DIGITS];
	int			n = 0;
	int			sum = 0;
	bool		any = false;

	for (int i = 0; i < length; i++)
	{
		if (is_digit(text[i]))
		{
			if (n == CARD_MAX_DIGITS)
				return false;
			digits[n++] = text[i] - '0';
			any |= (text[i] != '0');
		}
		else if ((text[i] != ' ' && text[i] != '-') ||
				 i == 0 || !is_digit(text[i - 1]) || i == length - 1)
			return false;
	}
	if (n < CARD_MIN_DIGITS || !any)
		return false;
	for (int i = 0; i < n; i++)
	{
		int			digit = digits[n - 1 - i];

		if (i % 2 == 1)
			digit = digit > 4 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0;
}

/* "rs" and a number that does not begin with zero. */
static bool
is_rsid(const char *text, int length)
{
	if (length < 3 || length > RSID_MAX_DIGITS + 2 ||
		text[0] != 'r' || text[1] != 's' || text[2] == '0')
		return false;
	for (int i = 2; i < length; i++)
	{
		if (!is_digit(text[i]))
			return false;
	}
	return true;
}

Datum
dsec_is_us_ssn(PG_FUNCTION_ARGS)
{
	text	   *arg = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(is_us_ssn(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)));
}

Datum
dsec_is_payment_card(PG_FUNCTION_ARGS)
{
	text	   *arg = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(is_payment_card(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)));
}

Datum
dsec_is_rsid(PG_FUNCTION_ARGS)
{
	text	   *arg = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(is_rsid(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)));
}
