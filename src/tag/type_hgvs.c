/*-------------------------------------------------------------------------
 *
 * type_hgvs.c
 *	  Tagging type hgvs: the description of a sequence variant.
 *
 * What the HGVS Nomenclature recommends, as far as it is in use: a reference
 * sequence, ":", the kind of sequence, ".", and what is different:
 *
 *	  alleles   = allele { [ "(" ] ";" [ ")" ] ( allele | count ) }
 *	  allele    = "[" change { ";" change } "]" | change { "/" [ "/" ] change }
 *	  change    = plain | "(" plain { ";" plain } ")"
 *	  plain     = "?" | "=" | "0" | range edit
 *	  range     = location [ "_" location ]
 *	  location  = position | "(" position "_" position ")"
 *
 * Positions and edits differ between nucleotides and proteins.  Whether the
 * sequence exists, and has at this place what is said to have changed, is not
 * looked at.
 *
 * The parser goes from left to right.  It looks ahead in two places, over what
 * is in parentheses and over the name of a reference, and over no byte more than
 * twice; nothing calls itself: so time is linear, and the stack bounded.
 * See types.h for what a validator promises.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

/* descriptions may quote what was inserted */
#define HGVS_MAX (1024 * 1024)

typedef struct Cursor
{
	const char *at;
	const char *end;
	char		kind;			/* g, c, n, m, o, r or p */
} Cursor;

/* ----------------------------------------------------------------
 * Small pieces
 * ----------------------------------------------------------------
 */

static char
peek(const Cursor *cursor)
{
	return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool
accept(Cursor *cursor, const char *word)
{
	int			length = strlen(word);

	if (cursor->end - cursor->at < length ||
		memcmp(cursor->at, word, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

static bool
accept_number(Cursor *cursor)
{
	const char *start = cursor->at;

	while (dsec_type_is_digit(peek(cursor)))
		cursor->at++;
	return cursor->at > start;
}

static bool
accept_number_or_unknown(Cursor *cursor)
{
	return accept(cursor, "?") || accept_number(cursor);
}

/* How often a piece is repeated: "[14]", "[(70_80)]", "[?]". */
static bool
accept_count(Cursor *cursor)
{
	if (!accept(cursor, "["))
		return false;
	if (accept(cursor, "("))
	{
		if (!accept_number_or_unknown(cursor) || !accept(cursor, "_") ||
			!accept_number_or_unknown(cursor) || !accept(cursor, ")"))
			return false;
	}
	else if (!accept_number_or_unknown(cursor))
		return false;
	return accept(cursor, "]");
}

/* Is what begins with "(" here, and ends with its ")", all of a change? */
static bool
encloses_change(const Cursor *cursor)
{
	int			depth = 0;

	for (const char *p = cursor->at; p < cursor->end; p++)
	{
		if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1 == cursor->end || strchr(";,]/()", p[1]) != NULL;
	}
	return false;
}

static bool
is_reference_char(char c)
{
	return dsec_type_is_alnum(c) || c == '_' || c == '.' || c == '-';
}

static bool
accept_name(Cursor *cursor)
{
	const char *start = cursor->at;

	if (!dsec_type_is_alnum(peek(cursor)))
		return false;
	while (is_reference_char(peek(cursor)))
		cursor->at++;
	return cursor->at > start;
}

/* "NC_000023.11(NM_004006.2):c." */
static bool
accept_reference(Cursor *cursor)
{
	if (!accept_name(cursor))
		return false;
	if (accept(cursor, "(") && !(accept_name(cursor) && accept(cursor, ")")))
		return false;
	if (!accept(cursor, ":") || peek(cursor) == '\0' ||
		strchr("gcnmorp", *cursor->at) == NULL)
		return false;
	cursor->kind = *cursor->at++;
	return accept(cursor, ".");
}

/* ----------------------------------------------------------------
 * DNA and RNA
 * ----------------------------------------------------------------
 */

/* Nucleotides by the codes of IUPAC; those of RNA in lower case. */
static bool
accept_bases(Cursor *cursor)
{
	const char *known = cursor->kind == 'r' ? "acguryswkmbdhvn" : "ACGTRYSWKMBDHVN";
	const char *start = cursor->at;

	while (peek(cursor) != '\0' && strchr(known, *cursor->at) != NULL)
		cursor->at++;
	return cursor->at > start;
}

/* "93", "*37", "-14", "93+1", "93-?", "?", "pter" */
static bool
accept_base_position(Cursor *cursor)
{
	if (accept(cursor, "?") || accept(cursor, "pter") ||
		accept(cursor, "qter") || accept(cursor, "cen"))
		return true;
	if (!accept(cursor, "*"))
		(void) accept(cursor, "-");
	if (!accept_number(cursor))
		return false;
	if (accept(cursor, "+") || accept(cursor, "-"))
		return accept_number_or_unknown(cursor);
	return true;
}

static bool
accept_base_location(Cursor *cursor)
{
	if (!accept(cursor, "("))
		return accept_base_position(cursor);
	return accept_base_position(cursor) && accept(cursor, "_") &&
		accept_base_position(cursor) && accept(cursor, ")");
}

static bool
accept_base_range(Cursor *cursor)
{
	return accept_base_location(cursor) &&
		(!accept(cursor, "_") || accept_base_location(cursor));
}

/* Does the name of a reference begin here, to its ":"? */
static bool
at_reference(const Cursor *cursor)
{
	const char *p = cursor->at;

	while (p < cursor->end && (is_reference_char(*p) || *p == '(' || *p == ')'))
		p++;
	return p < cursor->end && *p == ':';
}

/* Something inserted: bases, how many, or where they were copied from. */
static bool
accept_inserted_piece(Cursor *cursor)
{
	if (at_reference(cursor))
	{
		Cursor		other = *cursor;

		if (!accept_reference(&other) || other.kind == 'p' ||
			!accept_base_range(&other))
			return false;
		cursor->at = other.at;
		(void) accept(cursor, "inv");
		return true;
	}
	if (accept_bases(cursor))
		return peek(cursor) != '[' || accept_count(cursor);
	if (!accept_base_range(cursor))
		return false;
	(void) accept(cursor, "inv");
	return true;
}

static bool
accept_inserted(Cursor *cursor)
{
	if (accept(cursor, "("))
	{
		/* "(5)", "(80_120)" */
		if (!accept_number_or_unknown(cursor))
			return false;
		if (accept(cursor, "_") && !accept_number_or_unknown(cursor))
			return false;
		return accept(cursor, ")");
	}
	if (!accept(cursor, "["))
		return accept_inserted_piece(cursor);
	do
	{
		if (!accept_inserted_piece(cursor))
			return false;
	} while (accept(cursor, ";"));
	return accept(cursor, "]");
}

/* What was deleted, duplicated or inverted may be said once more. */
static bool
accept_base_edit(Cursor *cursor)
{
	if (accept(cursor, "="))
		return true;
	if (accept(cursor, "|"))
		return accept(cursor, "gom") || accept(cursor, "lom") || accept(cursor, "met=");
	if (accept(cursor, "ins") || accept(cursor, "con"))
		return accept_inserted(cursor);
	if (accept(cursor, "del") || accept(cursor, "dup") || accept(cursor, "inv"))
	{
		if (!accept_bases(cursor))
			(void) accept_number(cursor);
		return !accept(cursor, "ins") || accept_inserted(cursor);
	}
	if (accept(cursor, "copy"))
		return accept_number(cursor);
	if (accept(cursor, "sup"))
		return true;

	/* a repeated stretch, of one unit or several */
	if (peek(cursor) == '[')
		return accept_count(cursor);
	if (!accept_bases(cursor))
		return false;
	if (accept(cursor, ">"))
		return accept_bases(cursor);
	if (accept(cursor, "="))
		return true;
	do
	{
		if (!accept_count(cursor))
			return false;
	} while (accept_bases(cursor));
	return true;
}

/* ----------------------------------------------------------------
 * Proteins
 * ----------------------------------------------------------------
 */

static bool
accept_stop(Cursor *cursor)
{
	return accept(cursor, "Ter") || accept(cursor, "*");
}

/* An amino acid by its code of three letters or one, or a stop. */
static bool
accept_amino_acid(Cursor *cursor)
{
	static const char codes[] =
		"AlaArgAsnAspCysGlnGluGlyHisIleLeuLysMetPheProSerThrTrpTyrValSecPylAsxGlxXleXaa";

	if (accept_stop(cursor))
		return true;
	if (cursor->end - cursor->at >= 3)
	{
		for (const char *code = codes; *code; code += 3)
		{
			if (memcmp(cursor->at, code, 3) == 0)
			{
				cursor->at += 3;
				return true;
			}
		}
	}
	if (!dsec_type_is_upper(peek(cursor)))
		return false;
	cursor->at++;
	return true;
}

static bool
accept_amino_acids(Cursor *cursor)
{
	const char *start = cursor->at;

	while (accept_amino_acid(cursor))
		;
	return cursor->at > start;
}

static bool
accept_residue(Cursor *cursor)
{
	return accept_amino_acid(cursor) && accept_number(cursor);
}

static bool
accept_residue_range(Cursor *cursor)
{
	bool		uncertain = accept(cursor, "(");

	return accept_residue(cursor) &&
		(!accept(cursor, "_") || accept_residue(cursor)) &&
		(!uncertain || accept(cursor, ")"));
}

/* "fs", "fsTer23", "fs*?" */
static bool
accept_frame_shift(Cursor *cursor)
{
	return !accept_stop(cursor) || accept_number_or_unknown(cursor);
}

/* "ext-5", "extTer17", "ext*?", "extAsnLysTer" */
static bool
accept_extension(Cursor *cursor)
{
	if (accept(cursor, "-"))
		return accept_number_or_unknown(cursor);
	if (!accept_amino_acids(cursor))
		return false;
	(void) accept_number_or_unknown(cursor);
	return true;
}

/* Amino acids, how many, or a stop at a distance: "ins*63" */
static bool
accept_protein_inserted(Cursor *cursor)
{
	if (accept(cursor, "("))
		return accept_number_or_unknown(cursor) && accept(cursor, ")");
	if (accept_number(cursor))
		return true;
	if (!accept_amino_acids(cursor))
		return false;
	if (peek(cursor) == '[')
		return accept_count(cursor);
	(void) accept_number(cursor);
	return true;
}

static bool
accept_protein_edit(Cursor *cursor)
{
	if (accept(cursor, "=") || accept(cursor, "?") || accept(cursor, "dup"))
		return true;
	if (accept(cursor, "del"))
		return !accept(cursor, "ins") || accept_protein_inserted(cursor);
	if (accept(cursor, "ins"))
		return accept_protein_inserted(cursor);
	if (accept(cursor, "fs"))
		return accept_frame_shift(cursor);
	if (accept(cursor, "ext"))
		return accept_extension(cursor);
	if (peek(cursor) == '[')
		return accept_count(cursor);
	if (!accept_amino_acid(cursor))
		return false;
	if (accept(cursor, "fs"))
		return accept_frame_shift(cursor);
	if (accept(cursor, "ext"))
		return accept_extension(cursor);
	while (accept(cursor, "^"))
	{
		if (!accept_amino_acid(cursor))
			return false;
	}
	return true;
}

/* ----------------------------------------------------------------
 * Changes and alleles
 * ----------------------------------------------------------------
 */

static bool
at_end_of_change(const Cursor *cursor)
{
	return cursor->at == cursor->end || strchr(";,]/()", *cursor->at) != NULL;
}

/* A word that is a change of its own, to the end of it. */
static bool
accept_whole(Cursor *cursor, const char *word)
{
	Cursor		saved = *cursor;

	if (accept(cursor, word) && at_end_of_change(cursor))
		return true;
	*cursor = saved;
	return false;
}

static bool
accept_plain_change(Cursor *cursor)
{
	if (accept_whole(cursor, "?") || accept_whole(cursor, "="))
		return true;
	if ((cursor->kind == 'r' || cursor->kind == 'p') &&
		(accept_whole(cursor, "0") || accept_whole(cursor, "0?")))
		return true;
	if (cursor->kind == 'r' &&
		(accept_whole(cursor, "spl") || accept_whole(cursor, "spl?")))
		return true;
	if (cursor->kind == 'p')
		return accept_residue_range(cursor) && accept_protein_edit(cursor);
	return accept_base_range(cursor) && accept_base_edit(cursor);
}

static bool
accept_change(Cursor *cursor)
{
	if (peek(cursor) != '(' || !encloses_change(cursor))
		return accept_plain_change(cursor);
	cursor->at++;
	do
	{
		if (!accept_plain_change(cursor))
			return false;
	} while (accept(cursor, ";"));
	return accept(cursor, ")");
}

/* After "/": another change at the same place, or with a place of its own. */
static bool
accept_other_change(Cursor *cursor)
{
	Cursor		saved = *cursor;

	if (cursor->kind == 'p' ? accept_protein_edit(cursor) : accept_base_edit(cursor))
	{
		if (at_end_of_change(cursor))
			return true;
	}
	*cursor = saved;
	return accept_change(cursor);
}

static bool
accept_separator(Cursor *cursor)
{
	return accept(cursor, ";") || accept(cursor, "(;)");
}

static bool
accept_allele(Cursor *cursor)
{
	if (accept(cursor, "["))
	{
		do
		{
			if (!accept_change(cursor))
				return false;
		} while (accept_separator(cursor) || accept(cursor, ","));
		return accept(cursor, "]");
	}
	if (!accept_change(cursor))
		return false;
	while (accept(cursor, "/"))
	{
		(void) accept(cursor, "/");
		if (!accept_other_change(cursor))
			return false;
	}
	return true;
}

/* The same repeat, on the other chromosome: "c.3_5TG[14];[18]" */
static bool
accept_other_count(Cursor *cursor)
{
	Cursor		saved = *cursor;

	if (accept_count(cursor))
		return true;
	*cursor = saved;
	return false;
}

static bool
is_hgvs(const char *text, int length)
{
	Cursor		cursor = {text, text + length, 0};
	bool		several;
	bool		repeat;
	bool		more;

	if (!accept_reference(&cursor))
		return false;
	do
	{
		several = peek(&cursor) == '[';
		if (!accept_allele(&cursor))
			return false;
		repeat = !several && cursor.at[-1] == ']';
		do
		{
			more = accept_separator(&cursor);
		} while (more && repeat && accept_other_count(&cursor));
	} while (more);
	return cursor.at == cursor.end;
}

DSEC_TEXT_VALIDATOR(is_hgvs, HGVS_MAX);
