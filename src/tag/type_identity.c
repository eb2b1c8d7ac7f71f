/*-------------------------------------------------------------------------
 *
 * type_identity.c
 *	  Validators of numbers that authorities give to people.
 *
 * They check form: places, ranges that are never issued, check digits, dates.
 * Whether a number was issued, and to whom, they do not know.  A Japanese
 * corporate number is among them although it names no person, because it looks
 * like one that does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

/* no picture here has more places, nor more bytes */
#define MAX_PLACES 18
#define MAX_BYTES 20

static int
digit(char c)
{
	return c - '0';
}

/* The digits, each with its weight, added up. */
static int
weighted_sum(const char *digits, const uint8 *weights, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
		sum += digit(digits[i]) * weights[i];
	return sum;
}

/* Nine digits, or 3-2-4 with both dashes, no number that is never issued. */
static bool
is_us_ssn(const char *text, int length)
{
	static const char *const pictures[] = {"999999999", "999-99-9999", NULL};
	char		digits[MAX_PLACES];

	return dsec_type_pictures(text, length, pictures, digits) &&
		memcmp(digits, "000", 3) != 0 &&
		memcmp(digits, "666", 3) != 0 &&
		digits[0] != '9' &&
		memcmp(digits + 3, "00", 2) != 0 &&
		memcmp(digits + 5, "0000", 4) != 0;
}

DSEC_TEXT_VALIDATOR(is_us_ssn, MAX_BYTES);

/* A number that begins with 9, in a group that the IRS issues. */
static bool
is_us_itin(const char *text, int length)
{
	static const char *const pictures[] = {"999999999", "999-99-9999", NULL};
	char		digits[MAX_PLACES];
	int			group;

	if (!dsec_type_pictures(text, length, pictures, digits) || digits[0] != '9')
		return false;
	group = dsec_type_number(digits + 3, 2);
	return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
		(group >= 90 && group <= 92) || group >= 94;
}

DSEC_TEXT_VALIDATOR(is_us_itin, MAX_BYTES);

/* Nine digits, or since 2021 a letter and eight digits; no check digit. */
static bool
is_us_passport(const char *text, int length)
{
	static const char *const pictures[] = {"999999999", "A99999999", NULL};
	char		places[MAX_PLACES];

	return dsec_type_pictures(text, length, pictures, places) &&
		!dsec_type_zeros(places + 1, 8);
}

DSEC_TEXT_VALIDATOR(is_us_passport, MAX_BYTES);

/* Ten digits; the check digit is that of the number with 80840 before it. */
static bool
is_us_npi(const char *text, int length)
{
	char		digits[15] = "80840";

	return dsec_type_picture(text, length, "9999999999", digits + 5) &&
		(digits[5] == '1' || digits[5] == '2') &&
		dsec_type_luhn(digits, 15) % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_us_npi, MAX_BYTES);

/* Twelve digits, the last of which is 11 minus the sum modulo 11, or 0. */
static bool
is_my_number(const char *text, int length)
{
	static const char *const pictures[] = {
		"999999999999", "9999 9999 9999", "9999-9999-9999", NULL
	};
	static const uint8 weights[] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
	char		digits[MAX_PLACES];
	int			rest;

	if (!dsec_type_pictures(text, length, pictures, digits) ||
		dsec_type_zeros(digits, 12))
		return false;
	rest = weighted_sum(digits, weights, 11) % 11;
	return digit(digits[11]) == (rest <= 1 ? 0 : 11 - rest);
}

DSEC_TEXT_VALIDATOR(is_my_number, MAX_BYTES);

/* Thirteen digits, the first of which is 9 minus the sum of the others modulo 9. */
static bool
is_corporate_number(const char *text, int length)
{
	static const char *const pictures[] = {
		"9999999999999", "9-9999-9999-9999", NULL
	};
	static const uint8 weights[] = {2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1};
	char		digits[MAX_PLACES];

	return dsec_type_pictures(text, length, pictures, digits) &&
		!dsec_type_zeros(digits + 1, 12) &&
		digit(digits[0]) == 9 - weighted_sum(digits + 1, weights, 12) % 9;
}

DSEC_TEXT_VALIDATOR(is_corporate_number, MAX_BYTES);

/*
 * Birth date, sex and century, and six digits.  Since 5 October 2020 these six
 * are random, also for people born before who get a new number: there is no
 * check digit that could be asked for.
 */
static bool
is_kr_rrn(const char *text, int length)
{
	static const char *const pictures[] = {
		"9999999999999", "999999-9999999", NULL
	};
	char		digits[MAX_PLACES];
	int			century;

	if (!dsec_type_pictures(text, length, pictures, digits))
		return false;
	switch (digits[6])
	{
		case '9':
		case '0':
			century = 1800;
			break;
		case '1':
		case '2':
		case '5':
		case '6':
			century = 1900;
			break;
		default:
			century = 2000;
			break;
	}
	return dsec_type_is_date(century + dsec_type_number(digits, 2),
							 dsec_type_number(digits + 2, 2),
							 dsec_type_number(digits + 4, 2));
}

DSEC_TEXT_VALIDATOR(is_kr_rrn, MAX_BYTES);

/*
 * Region, birth date, serial number, and a check character of ISO 7064 MOD
 * 11-2, in which X is ten.
 */
static bool
is_cn_resident_id(const char *text, int length)
{
	char		places[MAX_PLACES];
	int			year;
	int			sum = 0;

	if (!dsec_type_picture(text, length, "99999999999999999X", places) ||
		(places[17] != 'X' && !dsec_type_is_digit(places[17])) ||
		places[0] == '0')
		return false;
	year = dsec_type_number(places + 6, 4);
	if (year < 1800 || year > 2099 ||
		!dsec_type_is_date(year, dsec_type_number(places + 10, 2),
						   dsec_type_number(places + 12, 2)))
		return false;
	for (int i = 0; i < 17; i++)
		sum = (sum + digit(places[i])) * 2 % 11;
	return (sum + (places[17] == 'X' ? 10 : digit(places[17]))) % 11 == 1;
}

DSEC_TEXT_VALIDATOR(is_cn_resident_id, MAX_BYTES);

/* Two letters, six digits, a letter; no check digit. */
static bool
is_uk_nino(const char *text, int length)
{
	static const char *const pictures[] = {"AA999999A", "AA 99 99 99 A", NULL};
	static const char *const unused[] = {
		"BG", "GB", "KN", "NK", "NT", "TN", "ZZ", NULL
	};
	char		places[MAX_PLACES];

	if (!dsec_type_pictures(text, length, pictures, places) ||
		strchr("DFIQUV", places[0]) != NULL ||
		strchr("DFIQUVO", places[1]) != NULL ||
		places[8] > 'D')
		return false;
	for (int i = 0; unused[i] != NULL; i++)
	{
		if (memcmp(places, unused[i], 2) == 0)
			return false;
	}
	return true;
}

DSEC_TEXT_VALIDATOR(is_uk_nino, MAX_BYTES);

/* Ten digits, weighted from 10 to 1; a check digit of ten is not used. */
static bool
is_uk_nhs_number(const char *text, int length)
{
	static const char *const pictures[] = {
		"9999999999", "999 999 9999", "999-999-9999", NULL
	};
	static const uint8 weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
	char		digits[MAX_PLACES];

	return dsec_type_pictures(text, length, pictures, digits) &&
		!dsec_type_zeros(digits, 10) &&
		weighted_sum(digits, weights, 10) % 11 == 0;
}

DSEC_TEXT_VALIDATOR(is_uk_nhs_number, MAX_BYTES);

/* The product of two elements of the dihedral group of order ten. */
static int
dihedral(int a, int b)
{
	int			turn = (a < 5 ? a + b : a - b + 10) % 5;

	return (a < 5) == (b < 5) ? turn : turn + 5;
}

/* Does Verhoeff's check digit, the last of n, fit? */
static bool
is_verhoeff(const char *digits, int n)
{
	/* permutes the digits; applied once more at each place */
	static const uint8 permutation[] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
	int			product = 0;

	for (int i = 0; i < n; i++)
	{
		int			permuted = digit(digits[n - 1 - i]);

		for (int j = 0; j < i % 8; j++)
			permuted = permutation[permuted];
		product = dihedral(product, permuted);
	}
	return product == 0;
}

/* Twelve digits, not beginning with 0 or 1, the last a Verhoeff check digit. */
static bool
is_aadhaar(const char *text, int length)
{
	static const char *const pictures[] = {
		"999999999999", "9999 9999 9999", "9999-9999-9999", NULL
	};
	char		digits[MAX_PLACES];

	return dsec_type_pictures(text, length, pictures, digits) &&
		digits[0] >= '2' && is_verhoeff(digits, 12);
}

DSEC_TEXT_VALIDATOR(is_aadhaar, MAX_BYTES);
