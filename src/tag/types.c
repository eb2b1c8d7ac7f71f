/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Validators of types that name genetic variants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

/* more digits than any rs number has, and few enough for an int8 */
#define RSID_MAX_DIGITS 18

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
