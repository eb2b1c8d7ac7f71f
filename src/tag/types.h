/*-------------------------------------------------------------------------
 *
 * types.h
 *	  What the validators of the tagging types share.
 *
 * A validator says whether a text has the form that a standard prescribes.  It
 * answers for every input, raises nothing and keeps nothing: that is what makes
 * it leakproof.  Its time is linear in its input, and a text longer than the
 * longest valid one is refused by its length, without being fetched from TOAST.
 *
 * Character classes are those of ASCII, whatever the locale.  Bytes of other
 * characters belong to no class.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_TYPES_H
#define DSEC_TAG_TYPES_H

#include "compat.h"

#include "access/detoast.h"
#include "fmgr.h"

/*
 * Defines dsec_NAME(text), the SQL function for
 *		static bool NAME(const char *text, int length)
 * which is called for texts of at most max_bytes only.
 */
#define DSEC_TEXT_VALIDATOR(name, max_bytes) \
PG_FUNCTION_INFO_V1(dsec_##name); \
Datum \
dsec_##name(PG_FUNCTION_ARGS) \
{ \
	text	   *arg; \
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ > (max_bytes)) \
		PG_RETURN_BOOL(false); \
	arg = PG_GETARG_TEXT_PP(0); \
	PG_RETURN_BOOL(name(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg))); \
} \
extern int	dsec_no_such_variable	/* takes the semicolon */

static inline bool
dsec_type_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
dsec_type_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
dsec_type_is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool
dsec_type_is_alnum(char c)
{
	return dsec_type_is_digit(c) || dsec_type_is_upper(c) || dsec_type_is_lower(c);
}

static inline bool
dsec_type_is_hex(char c)
{
	return dsec_type_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/*
 * Does the text look like the picture?  In a picture "9" is a digit, "A" an
 * upper-case letter, "X" one of both, "h" a hexadecimal digit; anything else
 * is itself.  What stands at these places is copied to found, without the
 * rest and not terminated; it has as many bytes as the picture has places.
 */
static inline bool
dsec_type_picture(const char *text, int length, const char *picture, char *found)
{
	int			n = 0;

	for (int i = 0; i < length; i++)
	{
		char		c = text[i];
		bool		fits;

		switch (picture[i])
		{
			case '\0':
				return false;
			case '9':
				fits = dsec_type_is_digit(c);
				break;
			case 'A':
				fits = dsec_type_is_upper(c);
				break;
			case 'X':
				fits = dsec_type_is_digit(c) || dsec_type_is_upper(c);
				break;
			case 'h':
				fits = dsec_type_is_hex(c);
				break;
			default:
				if (c != picture[i])
					return false;
				continue;
		}
		if (!fits)
			return false;
		found[n++] = c;
	}
	return picture[length] == '\0';
}

/* Does it look like one of the pictures, a list that ends with NULL? */
static inline bool
dsec_type_pictures(const char *text, int length, const char *const *pictures,
				   char *found)
{
	for (int i = 0; pictures[i] != NULL; i++)
	{
		if (dsec_type_picture(text, length, pictures[i], found))
			return true;
	}
	return false;
}

/*
 * Reads a text of digits only, one of the characters in separators at most
 * between two of them ("": none).  Returns how many digits there are, or -1
 * when the text is something else or has more than max.
 */
static inline int
dsec_type_digits(const char *text, int length, const char *separators,
				 char *digits, int max)
{
	int			n = 0;

	for (int i = 0; i < length; i++)
	{
		if (dsec_type_is_digit(text[i]))
		{
			if (n == max)
				return -1;
			digits[n++] = text[i];
		}
		else if (text[i] == '\0' || strchr(separators, text[i]) == NULL ||
				 i == 0 || !dsec_type_is_digit(text[i - 1]) || i == length - 1)
			return -1;
	}
	return n;
}

/* The number that n digits, at most nine, make. */
static inline int
dsec_type_number(const char *digits, int n)
{
	int			number = 0;

	for (int i = 0; i < n; i++)
		number = number * 10 + (digits[i] - '0');
	return number;
}

/* Are the n digits zeros only?  Most check digits are right for them. */
static inline bool
dsec_type_zeros(const char *digits, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (digits[i] != '0')
			return false;
	}
	return true;
}

/*
 * The Luhn sum (ISO/IEC 7812-1, annex B) of digits whose last one is the check
 * digit.  They are right when it is a multiple of ten.
 */
static inline int
dsec_type_luhn(const char *digits, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			digit = digits[n - 1 - i] - '0';

		if (i % 2 == 1)
			digit = digit > 4 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum;
}

/* Is there such a day in the Gregorian calendar? */
static inline bool
dsec_type_is_date(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && leap);
}

#endif							/* DSEC_TAG_TYPES_H */
