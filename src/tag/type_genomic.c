/*-------------------------------------------------------------------------
 *
 * type_genomic.c
 *	  Tagging types of genetics, other than descriptions of variants.
 *
 * See types.h for what a validator promises, and type_hgvs.c for variants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tag/types.h"
#include "utils/memutils.h"

/* more digits than any rs number has, and few enough for an int8 */
#define RSID_MAX_DIGITS 18

/* a genotype has as many alleles as the organism has copies */
#define GENOTYPE_MAX 4096

/* an allele is a number of 32 bits; nine digits are below any limit */
#define ALLELE_MAX_DIGITS 9

/* bytes between two looks at whether the query was cancelled */
#define STRETCH (1024 * 1024)

/* "rs" and a number that does not begin with zero. */
static bool
is_rsid(const char *text, int length)
{
	char		digits[RSID_MAX_DIGITS];

	return length > 2 && text[0] == 'r' && text[1] == 's' && text[2] != '0' &&
		dsec_type_digits(text + 2, length - 2, "", digits, RSID_MAX_DIGITS) > 0;
}

DSEC_TEXT_VALIDATOR(is_rsid, RSID_MAX_DIGITS + 2);

/*
 * Alleles, which are numbers or ".", with "/" or "|" between them; one of these
 * may stand in front (VCF 4.4: it phases the first allele).
 */
static bool
is_vcf_genotype(const char *text, int length)
{
	int			at = 0;

	if (length > 0 && (text[0] == '/' || text[0] == '|'))
		at++;
	for (;;)
	{
		int			start = at;

		if (at == length)
			return false;
		if (text[at] == '.')
			at++;
		else
		{
			while (at < length && dsec_type_is_digit(text[at]))
				at++;
			if (at == start || at - start > ALLELE_MAX_DIGITS ||
				(text[start] == '0' && at - start > 1))
				return false;
		}
		if (at == length)
			return true;
		if (text[at] != '/' && text[at] != '|')
			return false;
		at++;
	}
}

DSEC_TEXT_VALIDATOR(is_vcf_genotype, GENOTYPE_MAX);

/* what a byte is in a sequence: 1 a nucleotide or several, 2 a gap */
#define BASE(c) [c] = 1, [c + ('a' - 'A')] = 1

static const unsigned char nucleotides[256] = {
	BASE('A'), BASE('C'), BASE('G'), BASE('T'), BASE('U'),
	BASE('R'), BASE('Y'), BASE('S'), BASE('W'), BASE('K'), BASE('M'),
	BASE('B'), BASE('D'), BASE('H'), BASE('V'), BASE('N'),
	['-'] = 2, ['.'] = 2
};

/* Nothing but nucleotides and gaps, and not gaps only. */
static bool
is_nucleotide_sequence(const char *text, int length)
{
	unsigned char seen = 0;

	while (length > 0)
	{
		int			stretch = Min(length, STRETCH);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < stretch; i++)
		{
			unsigned char what = nucleotides[(unsigned char) text[i]];

			if (what == 0)
				return false;
			seen |= what;
		}
		text += stretch;
		length -= stretch;
	}
	return (seen & 1) != 0;
}

DSEC_TEXT_VALIDATOR(is_nucleotide_sequence, MaxAllocSize);
