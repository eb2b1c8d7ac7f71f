/*-------------------------------------------------------------------------
 *
 * grammar.c
 *	  Harness: the input is the text of a label.
 *
 * A label is refused with a reason or taken; one that is taken has a canonical
 * text, which parses to an equal label and is its own canonical text.  Names
 * come back from quoting as they were.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "mb/pg_wchar.h"
#include "report.h"
#include "tag/grammar.h"
#include "tag/tag.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_name(const char *text)
{
	return *text != '\0' && strlen(text) < NAMEDATALEN;
}

static void
check_values(const DsecLabel *label, const DsecLabel *again)
{
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		List	   *values = label->values[i];
		ListCell   *a;
		ListCell   *b;

		fuzz_check(list_length(values) == list_length(again->values[i]));
		fuzz_check(list_length(values) <= Max(DSEC_MAX_KEYS, DSEC_MAX_POPULATIONS));
		fuzz_check(same(dsec_tag_value(label, i), dsec_tag_value(again, i)));
		forboth(a, values, b, again->values[i])
		{
			DsecValue  *value = lfirst(a);
			DsecValue  *other = lfirst(b);

			fuzz_check(same(value->of, other->of));
			fuzz_check(same(value->text, other->text));
			fuzz_check((value->of != NULL) == (i == DSEC_ATTRIBUTE_IN_SCOPE));
			fuzz_check(value->of == NULL || is_name(value->of));
			fuzz_check(i == DSEC_ATTRIBUTE_REASON ? *value->text != '\0' : is_name(value->text));
		}
	}
}

typedef struct KindCheck
{
	const DsecLabel *label;
	int			kind;
} KindCheck;

static void
check_kind(void *argument)
{
	KindCheck  *check = argument;

	dsec_tag_check_kind(check->label, check->kind);
}

/* At most one kind of object takes a label; columns and types share theirs. */
static void
check_kinds(const DsecLabel *label)
{
	int			fits = 0;

	for (int kind = DSEC_ON_RELATION; kind <= DSEC_ON_AGGREGATE; kind <<= 1)
	{
		KindCheck	check = {label, kind};
		int			sqlstate = fuzz_attempt(check_kind, &check);

		fuzz_check(sqlstate == 0 || sqlstate == ERRCODE_DSEC_LABEL_REFUSED);
		if (sqlstate == 0)
			fits |= kind;
	}
	fuzz_check((fits & (fits - 1)) == 0 || fits == (DSEC_ON_COLUMN | DSEC_ON_TYPE));
}

static void
parse_strict(void *argument)
{
	dsec_tag_parse_strict(argument);
}

void
fuzz_grammar(const uint8 *data, size_t size)
{
	char	   *text = fuzz_text(data, size);
	DsecLabelError error;
	DsecLabel  *label;
	DsecLabel  *again;
	char	   *canonical;
	char	   *name;

	if (text == NULL)
		return;

	if (*text != '\0' && size < NAMEDATALEN)
		fuzz_check(same(dsec_tag_unquote(dsec_tag_quote(text)), text));
	name = dsec_tag_unquote(text);
	if (name != NULL)
	{
		fuzz_check(is_name(name));
		fuzz_check(same(dsec_tag_unquote(dsec_tag_quote(name)), name));
	}

	label = dsec_tag_parse(text, &error);
	fuzz_check(fuzz_attempt(parse_strict, text) ==
			   (label == NULL ? ERRCODE_DSEC_LABEL_REFUSED : 0));
	if (label == NULL)
	{
		fuzz_check(error.detail != NULL && *error.detail != '\0');
		return;
	}
	fuzz_check((label->category != NULL) == (label->head == DSEC_HEAD_CATEGORY));
	fuzz_check(label->category == NULL || is_name(label->category));

	canonical = dsec_tag_canonical(label);
	fuzz_check(strlen(canonical) <= DSEC_MAX_LABEL);
	fuzz_check(pg_verifymbstr(canonical, strlen(canonical), true));
	again = dsec_tag_parse(canonical, &error);
	fuzz_check(again != NULL);
	fuzz_check(again->head == label->head);
	fuzz_check(same(again->category, label->category));
	check_values(label, again);
	fuzz_check(same(dsec_tag_canonical(again), canonical));
	check_kinds(label);
}
