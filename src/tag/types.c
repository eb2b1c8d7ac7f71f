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

#include "tag/types.h"

#define SSN_DIGITS 9
#define CARD_MIN_DIGITS 12
#define CARD_MAX_DIGITS 19

/* more digits than any rs number has, and few enough for an int8 */
#define RSID_MAX_DIGITS 18

/* Nine digits, or 3-2-4 with both dashes, no number that is never issued. */
static bool
is_us_ssn(const char *text, int length)
{
	char		digits[SSN_DIGITS];

	if (!dsec_type_picture(text, length, "999999999", digits) &&
		!dsec_type_picture(text, length, "999-99-9999", digits))
		return false;
	return memcmp(digits, "000", 3) != 0 &&
		memcmp(digits, "666", 3) != 0 &&
		digits[0] != '9' &&
		memcmp(digits + 3, "00", 2) != 0 &&
		memcmp(digits + 5, "0000", 4) != 0;
}

DSEC_TEXT_VALIDATOR(is_us_ssn, SSN_DIGITS + 2);

/*
 * Digits with a valid Luhn check digit; a single space or dash may stand
 * between two digits.
 */
static bool
is_payment_card(const char *text, int length)
{
	char		digits[CARD_MAX_DIGITS];
	int			n = dsec_type_digits(text, length, " -", digits, CARD_MAX_DIGITS);

	return n >= CARD_MIN_DIGITS &&
		!(digits[0] == '0' && dsec_type_uniform(digits, n)) &&
		dsec_type_luhn(digits, n) % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_payment_card, CARD_MAX_DIGITS * 2 - 1);

/* "rs" and a number that does not begin with zero. */
static bool
is_rsid(const char *text, int length)
{
	if (length < 3 || length > RSID_MAX_DIGITS + 2 ||
		text[0] != 'r' || text[1] != 's' || text[2] == '0')
		return false;
	for (int i = 2; i < length; i++)
	{
		if (!dsec_type_is_digit(text[i]))
			return false;
	}
	return true;
}

DSEC_TEXT_VALIDATOR(is_rsid, RSID_MAX_DIGITS + 2);
