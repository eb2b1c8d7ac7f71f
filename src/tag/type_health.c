/*-------------------------------------------------------------------------
 *
 * type_health.c
 *	  Tagging types of health: codes of diagnoses, observations and drugs.
 *
 * See types.h for what a validator promises.  Form and check digit are looked
 * at, not whether the code is in this year's edition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

/* longest: seven characters and a dot */
#define ICD10_MAX 8

/* the LOINC table gives its codes ten characters, dash and check digit included */
#define LOINC_MAX_DIGITS 9

/* HIPAA's 5-4-2 with dashes */
#define NDC_MAX 13

/*
 * A letter, a digit, a digit (or A or B, in ICD-10-CM) and up to four letters or
 * digits more, which a dot may set off.
 */
static bool
is_icd10(const char *text, int length)
{
	int			rest = 3;

	if (length < 3 || !dsec_type_is_upper(text[0]) || !dsec_type_is_digit(text[1]) ||
		!(dsec_type_is_digit(text[2]) || text[2] == 'A' || text[2] == 'B'))
		return false;
	if (length > 3 && text[3] == '.')
	{
		rest++;
		if (length == rest)
			return false;
	}
	if (length - rest > 4)
		return false;
	for (int i = rest; i < length; i++)
	{
		if (!dsec_type_is_digit(text[i]) && !dsec_type_is_upper(text[i]))
			return false;
	}
	return true;
}

DSEC_TEXT_VALIDATOR(is_icd10, ICD10_MAX);

/* A number, a dash, and its check digit by Luhn's algorithm. */
static bool
is_loinc(const char *text, int length)
{
	char		digits[LOINC_MAX_DIGITS];

	if (length < 3 || text[length - 2] != '-' || text[0] == '0' ||
		dsec_type_digits(text, length - 2, "", digits, LOINC_MAX_DIGITS - 1) < 0 ||
		!dsec_type_is_digit(text[length - 1]))
		return false;
	digits[length - 2] = text[length - 1];
	return dsec_type_luhn(digits, length - 1) % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_loinc, LOINC_MAX_DIGITS + 1);

/*
 * Labeler, product and package.  Ten digits need their dashes, because without
 * them nobody can tell where the parts end; eleven do not.
 */
static bool
is_ndc(const char *text, int length)
{
	static const char *const pictures[] = {
		"9999-9999-99", "99999-999-99", "99999-9999-9",
		"99999-9999-99", "99999999999"
	};
	char		digits[NDC_MAX];

	for (size_t i = 0; i < lengthof(pictures); i++)
	{
		if (dsec_type_picture(text, length, pictures[i], digits))
			return true;
	}
	return false;
}

DSEC_TEXT_VALIDATOR(is_ndc, NDC_MAX);
