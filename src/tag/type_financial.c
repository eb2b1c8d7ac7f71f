/*-------------------------------------------------------------------------
 *
 * type_financial.c
 *	  Validators of numbers of cards, banks and accounts.
 *
 * They check form, not that a card or an account exists.  The formats of IBANs
 * are those of the registry that SWIFT keeps for ISO 13616, release 101; a
 * country that joins later needs a line here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

#define CARD_MIN_DIGITS 12
#define CARD_MAX_DIGITS 19

#define IBAN_MAX 34
#define IBAN_HEAD 4				/* country and check digits */
#define IBAN_GROUP 4			/* characters between spaces, when printed */

typedef struct IbanFormat
{
	char		country[3];
	const char *account;		/* what follows the check digits: counts of
								 * n digits, a letters, c of both */
} IbanFormat;

static const IbanFormat iban_formats[] = {
	{"AD", "8n12c"}, {"AE", "19n"}, {"AL", "8n16c"}, {"AT", "16n"},
	{"AZ", "4a20c"}, {"BA", "16n"}, {"BE", "12n"}, {"BG", "4a6n8c"},
	{"BH", "4a14c"}, {"BI", "23n"}, {"BR", "23n1a1c"}, {"BY", "4c4n16c"},
	{"CH", "5n12c"}, {"CR", "18n"}, {"CY", "8n16c"}, {"CZ", "20n"},
	{"DE", "18n"}, {"DJ", "23n"}, {"DK", "14n"}, {"DO", "4c20n"},
	{"EE", "16n"}, {"EG", "25n"}, {"ES", "20n"}, {"FI", "14n"},
	{"FK", "2a12n"}, {"FO", "14n"}, {"FR", "10n11c2n"}, {"GB", "4a14n"},
	{"GE", "2a16n"}, {"GI", "4a15c"}, {"GL", "14n"}, {"GR", "7n16c"},
	{"GT", "24c"}, {"HN", "4a20n"}, {"HR", "17n"}, {"HU", "24n"},
	{"IE", "4a14n"}, {"IL", "19n"}, {"IQ", "4a15n"}, {"IS", "22n"},
	{"IT", "1a10n12c"}, {"JO", "4a4n18c"}, {"KW", "4a22c"}, {"KZ", "3n13c"},
	{"LB", "4n20c"}, {"LC", "4a24c"}, {"LI", "5n12c"}, {"LT", "16n"},
	{"LU", "3n13c"}, {"LV", "4a13c"}, {"LY", "21n"}, {"MC", "10n11c2n"},
	{"MD", "20c"}, {"ME", "18n"}, {"MK", "3n10c2n"}, {"MN", "16n"},
	{"MR", "23n"}, {"MT", "4a5n18c"}, {"MU", "4a19n3a"}, {"NI", "4a20n"},
	{"NL", "4a10n"}, {"NO", "11n"}, {"OM", "3n16c"}, {"PK", "4a16c"},
	{"PL", "24n"}, {"PS", "4a21c"}, {"PT", "21n"}, {"QA", "4a21c"},
	{"RO", "4a16c"}, {"RS", "18n"}, {"RU", "14n15c"}, {"SA", "2n18c"},
	{"SC", "4a20n3a"}, {"SD", "14n"}, {"SE", "20n"}, {"SI", "15n"},
	{"SK", "20n"}, {"SM", "1a10n12c"}, {"SO", "19n"}, {"ST", "21n"},
	{"SV", "4a20n"}, {"TL", "19n"}, {"TN", "20n"}, {"TR", "6n16c"},
	{"UA", "6n19c"}, {"VA", "18n"}, {"VG", "4a16n"}, {"XK", "16n"},
	{"YE", "4a4n18c"}
};

/*
 * Digits with a valid Luhn check digit; a single space or dash may stand
 * between two digits.
 */
static bool
is_payment_card(const char *text, int length)
{
	char		digits[CARD_MAX_DIGITS];
	int			n = dsec_type_digits(text, length, " -", digits, CARD_MAX_DIGITS);

	return n >= CARD_MIN_DIGITS && !dsec_type_zeros(digits, n) &&
		dsec_type_luhn(digits, n) % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_payment_card, CARD_MAX_DIGITS * 2 - 1);

/* Nine digits in a range in use, weighted 3, 7, 1. */
static bool
is_us_aba(const char *text, int length)
{
	char		digits[9];
	int			range;
	int			sum = 0;

	if (!dsec_type_picture(text, length, "999999999", digits) ||
		dsec_type_zeros(digits, 9))
		return false;
	range = dsec_type_number(digits, 2);
	if (range > 12 && (range < 21 || range > 32) &&
		(range < 61 || range > 72) && range != 80)
		return false;
	for (int i = 0; i < 9; i++)
		sum += (digits[i] - '0') * (i % 3 == 0 ? 3 : i % 3 == 1 ? 7 : 1);
	return sum % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_us_aba, 9);

/*
 * Takes the spaces out of the printed form, which has one after each group of
 * four characters.  Returns the length, or -1 when spaces are elsewhere.
 */
static int
iban_compact(const char *text, int length, char *iban)
{
	bool		printed = length > IBAN_GROUP && text[IBAN_GROUP] == ' ';
	int			n = 0;

	for (int i = 0; i < length; i++)
	{
		bool		gap = printed && i % (IBAN_GROUP + 1) == IBAN_GROUP;

		if ((text[i] == ' ') != gap)
			return -1;
		if (gap)
			continue;
		if (n == IBAN_MAX)
			return -1;
		iban[n++] = text[i];
	}
	/* a space must not be the last */
	return printed && length % (IBAN_GROUP + 1) == 0 ? -1 : n;
}

/* Is the account as the country's format wants it? */
static bool
iban_fits(const char *account, int length, const char *format)
{
	int			at = 0;

	while (*format != '\0')
	{
		int			count = 0;
		char		kind;

		while (dsec_type_is_digit(*format))
			count = count * 10 + (*format++ - '0');
		kind = *format++;
		for (; count > 0; count--, at++)
		{
			if (at == length ||
				!((kind != 'a' && dsec_type_is_digit(account[at])) ||
				  (kind != 'n' && dsec_type_is_upper(account[at]))))
				return false;
		}
	}
	return at == length;
}

/* The number that an IBAN stands for, modulo 97. */
static int
iban_remainder(const char *iban, int length)
{
	int			rest = 0;

	for (int i = 0; i < length; i++)
	{
		char		c = iban[(i + IBAN_HEAD) % length];

		if (dsec_type_is_digit(c))
			rest = (rest * 10 + (c - '0')) % 97;
		else
			rest = (rest * 100 + (c - 'A' + 10)) % 97;
	}
	return rest;
}

/*
 * Country, two check digits and an account in the country's format.  The check
 * digits are computed as 98 minus a remainder: 00, 01 and 99 do not occur,
 * although they would leave the remainder of 97, 98 and 02.
 */
static bool
is_iban(const char *text, int length)
{
	char		iban[IBAN_MAX];
	int			n = iban_compact(text, length, iban);
	int			check;

	if (n <= IBAN_HEAD ||
		!dsec_type_is_digit(iban[2]) || !dsec_type_is_digit(iban[3]))
		return false;
	check = dsec_type_number(iban + 2, 2);
	if (check < 2 || check > 98)
		return false;
	for (int i = 0; i < (int) lengthof(iban_formats); i++)
	{
		if (memcmp(iban, iban_formats[i].country, 2) == 0)
			return iban_fits(iban + IBAN_HEAD, n - IBAN_HEAD,
							 iban_formats[i].account) &&
				iban_remainder(iban, n) == 1;
	}
	return false;
}

DSEC_TEXT_VALIDATOR(is_iban, IBAN_MAX + IBAN_MAX / IBAN_GROUP);
