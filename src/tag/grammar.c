/*-------------------------------------------------------------------------
 *
 * grammar.c
 *	  The text of a tag, taken apart and put together again.
 *
 * The parser is one pass over the text, without recursion, and returns its
 * error instead of raising it: the cache must tell an unreadable label from a
 * failure, and must not need a subtransaction to do so.
 *
 * Canonical text has the head first, then the attributes in the order of the
 * registered list, names quoted only where they must be.  Values are sorted,
 * but for those of subject, whose order is part of the key.
 *
 * This file knows the words of a label.  Whether the columns exist, and who
 * may set a label, is for provider.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"
#include "report.h"
#include "tag/grammar.h"
#include "tag/tag.h"

/* how the value of an attribute is written */
typedef enum ValueForm
{
	FORM_NAME,					/* name */
	FORM_NAMES,					/* name, or (name, ...) */
	FORM_PAIRS,					/* name:name, or (name:name, ...); may repeat */
	FORM_CHOICE,				/* one of a fixed list, or (one, ...) */
	FORM_NUMBER,				/* digits, within the range of an integer */
	FORM_TEXT					/* anything up to ";", or a quoted string */
} ValueForm;

typedef struct AttributeDef
{
	const char *name;
	ValueForm	form;
	int			max_values;
	int			kinds;			/* DSEC_ON_ bits */
	const char *const *choices;
} AttributeDef;

static const char *const identifier_classes[] = {
	"gov_id", "fin_account", "device_id", "demographic", "contact",
	"ad_id", "account_auth", "network_id", "call_detail", NULL
};

static const char *const subject_kinds[] = {
	DSEC_SUBJECTS_ROW, DSEC_SUBJECTS_MANY, NULL
};

/* the registered list, indexed by DsecAttribute; canonical order */
static const AttributeDef attribute_list[DSEC_NUM_ATTRIBUTES] = {
	[DSEC_ATTRIBUTE_CLASS] = {
		"class", FORM_CHOICE, lengthof(identifier_classes) - 1,
		DSEC_ON_COLUMN | DSEC_ON_TYPE | DSEC_ON_FIELD, identifier_classes
	},
	[DSEC_ATTRIBUTE_ALSO] = {
		"also", FORM_NAMES, DSEC_MAX_ALSO,
		DSEC_ON_COLUMN | DSEC_ON_TYPE | DSEC_ON_FIELD, NULL
	},
	[DSEC_ATTRIBUTE_SUBJECT] = {
		"subject", FORM_NAMES, DSEC_MAX_KEYS,
		DSEC_ON_RELATION | DSEC_ON_COLUMN, NULL
	},
	[DSEC_ATTRIBUTE_SPACE] = {
		"space", FORM_NAME, 1,
		DSEC_ON_RELATION | DSEC_ON_COLUMN, NULL
	},
	[DSEC_ATTRIBUTE_IN_SCOPE] = {
		"in_scope", FORM_PAIRS, DSEC_MAX_POPULATIONS,
		DSEC_ON_RELATION | DSEC_ON_COLUMN, NULL
	},
	[DSEC_ATTRIBUTE_SUBJECTS] = {
		"subjects", FORM_CHOICE, 1,
		DSEC_ON_COLUMN, subject_kinds
	},
	[DSEC_ATTRIBUTE_REASON] = {
		"reason", FORM_TEXT, 1,
		DSEC_ON_FUNCTION, NULL
	},
	[DSEC_ATTRIBUTE_MAX_TYPMOD] = {
		"max_typmod", FORM_NUMBER, 1,
		DSEC_ON_TYPE, NULL
	},
};

typedef struct Parser
{
	const char *text;
	const char *at;
	DsecLabelError *error;
} Parser;

/* Note an error at a place in the text; returns false for the caller to pass on. */
static bool
fail(Parser *parser, const char *at, char *what, char *hint)
{
	int			position = pg_mbstrlen_with_len(parser->text,
												at - parser->text) + 1;

	parser->error->detail = psprintf("At character %d: %s.", position, what);
	parser->error->hint = hint;
	return false;
}

static void
skip_space(Parser *parser)
{
	while (scanner_isspace(*parser->at))
		parser->at++;
}

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		IS_HIGHBIT_SET(c);
}

static bool
is_name_char(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9') || c == '$';
}

/* A string in double quotes, with "" for a quote inside. */
static bool
parse_quoted(Parser *parser, char **result)
{
	const char *start = parser->at;
	StringInfoData buf;

	initStringInfo(&buf);
	parser->at++;
	for (;;)
	{
		if (*parser->at == '\0')
			return fail(parser, start, "this quoted text does not end",
						"Close it with a double quote; write \"\" for a quote inside.");
		if (*parser->at == '"')
		{
			if (parser->at[1] != '"')
				break;
			parser->at++;
		}
		appendStringInfoChar(&buf, *parser->at++);
	}
	parser->at++;
	*result = buf.data;
	return true;
}

/* An identifier, folded as SQL folds it; what names it in the error. */
static bool
parse_name(Parser *parser, const char *what, char **result)
{
	const char *start;

	skip_space(parser);
	start = parser->at;
	if (*start == '"')
	{
		if (!parse_quoted(parser, result))
			return false;
		if (**result == '\0')
			return fail(parser, start, psprintf("%s is empty", what), NULL);
	}
	else if (is_name_start(*start))
	{
		while (is_name_char(*parser->at))
			parser->at++;
		*result = downcase_identifier(start, parser->at - start, false, false);
	}
	else
		return fail(parser, start, psprintf("%s is expected", what),
					"Names are written as in SQL; put an odd one in double quotes.");

	if (strlen(*result) >= NAMEDATALEN)
		return fail(parser, start, psprintf("%s is too long", what),
					psprintf("Names have at most %d bytes.", NAMEDATALEN - 1));
	skip_space(parser);
	return true;
}

/* Free text up to the next semicolon, without blanks around it. */
static bool
parse_text(Parser *parser, const char *what, char **result)
{
	const char *start;
	const char *end;

	skip_space(parser);
	start = parser->at;
	if (*start == '"')
	{
		if (!parse_quoted(parser, result))
			return false;
	}
	else
	{
		while (*parser->at != '\0' && *parser->at != ';')
			parser->at++;
		end = parser->at;
		while (end > start && scanner_isspace(end[-1]))
			end--;
		*result = pnstrdup(start, end - start);
	}
	if (**result == '\0')
		return fail(parser, start, psprintf("%s is empty", what), NULL);
	skip_space(parser);
	return true;
}

/* Digits, as a number that fits a type modifier; without leading zeros. */
static bool
parse_number(Parser *parser, const char *what, char **result)
{
	const char *start;
	int64		number = 0;

	skip_space(parser);
	start = parser->at;
	while (*parser->at >= '0' && *parser->at <= '9')
	{
		number = number * 10 + (*parser->at++ - '0');
		if (number > PG_INT32_MAX)
			return fail(parser, start, psprintf("%s is too large", what),
						psprintf("It can be at most %d.", PG_INT32_MAX));
	}
	if (parser->at == start)
		return fail(parser, start, psprintf("%s is expected", what),
					"Write it in digits.");
	*result = psprintf("%d", (int) number);
	skip_space(parser);
	return true;
}

static bool
is_choice(const AttributeDef *def, const char *text)
{
	for (int i = 0; def->choices[i] != NULL; i++)
	{
		if (strcmp(def->choices[i], text) == 0)
			return true;
	}
	return false;
}

static char *
list_choices(const AttributeDef *def)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "Known values of \"%s\" are ", def->name);
	for (int i = 0; def->choices[i] != NULL; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", def->choices[i]);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

char *
dsec_tag_known_attributes(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "Known attributes are ");
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", attribute_list[i].name);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

/* One value in the form of its attribute, appended to *values. */
static bool
parse_value(Parser *parser, const AttributeDef *def, List **values)
{
	DsecValue  *value = palloc0(sizeof(DsecValue));
	char	   *what = psprintf("a value of \"%s\"", def->name);
	const char *start;
	ListCell   *lc;

	skip_space(parser);
	start = parser->at;
	if (def->form == FORM_TEXT)
	{
		if (!parse_text(parser, what, &value->text))
			return false;
	}
	else if (def->form == FORM_NUMBER)
	{
		if (!parse_number(parser, what, &value->text))
			return false;
	}
	else if (!parse_name(parser, what, &value->text))
		return false;

	if (def->form == FORM_CHOICE && !is_choice(def, value->text))
		return fail(parser, start,
					psprintf("\"%s\" is no value of \"%s\"",
							 value->text, def->name),
					list_choices(def));
	if (def->form == FORM_PAIRS)
	{
		value->of = value->text;
		if (*parser->at != ':')
			return fail(parser, parser->at,
						psprintf("\":\" is expected in a value of \"%s\"", def->name),
						psprintf("Write %s=population:column.", def->name));
		parser->at++;
		if (!parse_name(parser, "a column name", &value->text))
			return false;
	}

	foreach(lc, *values)
	{
		DsecValue  *other = (DsecValue *) lfirst(lc);
		const char *old = value->of ? other->of : other->text;
		const char *new = value->of ? value->of : value->text;

		if (strcmp(old, new) == 0)
			return fail(parser, start,
						psprintf("\"%s\" is given twice in \"%s\"", new, def->name),
						NULL);
	}
	if (list_length(*values) >= def->max_values)
		return fail(parser, start,
					psprintf("\"%s\" has too many values", def->name),
					psprintf("At most %d can be given.", def->max_values));
	*values = lappend(*values, value);
	return true;
}

/* What follows the "=" of an attribute. */
static bool
parse_values(Parser *parser, const AttributeDef *def, List **values)
{
	skip_space(parser);
	if (*parser->at != '(' || def->max_values == 1 ||
		(def->form != FORM_NAMES && def->form != FORM_PAIRS &&
		 def->form != FORM_CHOICE))
		return parse_value(parser, def, values);

	do
	{
		parser->at++;
		if (!parse_value(parser, def, values))
			return false;
	} while (*parser->at == ',');
	if (*parser->at != ')')
		return fail(parser, parser->at,
					psprintf("\",\" or \")\" is expected in \"%s\"", def->name),
					NULL);
	parser->at++;
	skip_space(parser);
	return true;
}

/* One part of the label, between semicolons. */
static bool
parse_part(Parser *parser, DsecLabel *label, bool first)
{
	const AttributeDef *def;
	const char *start;
	bool		quoted;
	char	   *name;
	int			number;

	skip_space(parser);
	start = parser->at;
	quoted = (*start == '"');
	if (!parse_name(parser, first ? "a category or an attribute" : "an attribute",
					&name))
		return false;

	if (*parser->at != '=')
	{
		if (!first)
			return fail(parser, parser->at,
						psprintf("\"=\" is expected after \"%s\"", name),
						"A category stands at the beginning; everything else is attribute=value.");
		if (!quoted && strcmp(name, "declassify") == 0)
			label->head = DSEC_HEAD_DECLASSIFY;
		else if (!quoted && strcmp(name, "statistical") == 0)
			label->head = DSEC_HEAD_STATISTICAL;
		else
		{
			label->head = DSEC_HEAD_CATEGORY;
			label->category = name;
		}
		return true;
	}

	number = quoted ? -1 : dsec_tag_attribute_number(name);
	if (number < 0)
		return fail(parser, start,
					psprintf("there is no attribute \"%s\"", name),
					dsec_tag_known_attributes());
	def = &attribute_list[number];
	if (label->values[number] != NIL && def->form != FORM_PAIRS)
		return fail(parser, start,
					psprintf("attribute \"%s\" is given twice", name), NULL);
	parser->at++;
	return parse_values(parser, def, &label->values[number]);
}

/* Is a value with this text among them? */
static bool
has_value(List *values, const char *text)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (strcmp(((DsecValue *) lfirst(lc))->text, text) == 0)
			return true;
	}
	return false;
}

/* Rules between the parts of a label. */
static bool
check_label(Parser *parser, const DsecLabel *label)
{
	bool		listed = label->head == DSEC_HEAD_CATEGORY &&
		(strcmp(label->category, DSEC_LISTED_IDENTIFIER) == 0 ||
		 has_value(label->values[DSEC_ATTRIBUTE_ALSO], DSEC_LISTED_IDENTIFIER));
	bool		has_class = label->values[DSEC_ATTRIBUTE_CLASS] != NIL;
	bool		has_reason = label->values[DSEC_ATTRIBUTE_REASON] != NIL;
	bool		declassify = label->head == DSEC_HEAD_DECLASSIFY;

	if (has_class && !listed)
		return fail(parser, parser->at,
					"\"class\" belongs to the category \"listed_identifier\" only",
					"Write listed_identifier; class=....");
	if (listed && !has_class)
		return fail(parser, parser->at,
					"a listed identifier needs the attribute \"class\"",
					list_choices(&attribute_list[DSEC_ATTRIBUTE_CLASS]));
	if (label->head == DSEC_HEAD_CATEGORY &&
		has_value(label->values[DSEC_ATTRIBUTE_ALSO], label->category))
		return fail(parser, parser->at,
					"\"also\" names the category that the label begins with", NULL);
	if (label->values[DSEC_ATTRIBUTE_SUBJECTS] != NIL &&
		(label->values[DSEC_ATTRIBUTE_SUBJECT] != NIL ||
		 label->values[DSEC_ATTRIBUTE_SPACE] != NIL ||
		 label->values[DSEC_ATTRIBUTE_IN_SCOPE] != NIL))
		return fail(parser, parser->at,
					"\"subjects\" stands instead of \"subject\", \"space\" and \"in_scope\"",
					"A column has one subject for each row, which \"subject\" names, or else \"subjects\" says what it has.");
	if (has_reason && !declassify)
		return fail(parser, parser->at,
					"\"reason\" belongs to \"declassify\" only", NULL);
	if (declassify && !has_reason)
		return fail(parser, parser->at,
					"\"declassify\" needs the attribute \"reason\"",
					"Write declassify; reason=....");
	return true;
}

static int
compare_values(const ListCell *a, const ListCell *b)
{
	const DsecValue *left = (const DsecValue *) lfirst(a);
	const DsecValue *right = (const DsecValue *) lfirst(b);

	return left->of ? strcmp(left->of, right->of) : strcmp(left->text, right->text);
}

void
dsec_tag_sort_values(DsecLabel *label)
{
	list_sort(label->values[DSEC_ATTRIBUTE_CLASS], compare_values);
	list_sort(label->values[DSEC_ATTRIBUTE_ALSO], compare_values);
	list_sort(label->values[DSEC_ATTRIBUTE_IN_SCOPE], compare_values);
}

DsecLabel *
dsec_tag_parse(const char *text, DsecLabelError *error)
{
	DsecLabel  *label = palloc0(sizeof(DsecLabel));
	Parser		parser = {text, text, error};
	bool		first = true;

	error->detail = error->hint = NULL;
	if (strlen(text) > DSEC_MAX_LABEL)
	{
		error->detail = psprintf("It is longer than %d bytes.", DSEC_MAX_LABEL);
		return NULL;
	}
	skip_space(&parser);
	if (*parser.at == '\0')
	{
		fail(&parser, parser.at, "the label is empty",
			 "Use NULL, or dsec.untag(), to remove a label.");
		return NULL;
	}

	for (;;)
	{
		if (!parse_part(&parser, label, first))
			return NULL;
		first = false;
		if (*parser.at == ';')
		{
			parser.at++;
			skip_space(&parser);
			if (*parser.at == '\0')
				break;			/* a closing semicolon is welcome */
			continue;
		}
		if (*parser.at == '\0')
			break;
		fail(&parser, parser.at, "\";\" is expected",
			 "Attributes are separated by semicolons.");
		return NULL;
	}
	if (!check_label(&parser, label))
		return NULL;
	dsec_tag_sort_values(label);

	/* quoting makes it longer, and the canonical text must parse as well */
	if (strlen(dsec_tag_canonical(label)) > DSEC_MAX_LABEL)
	{
		error->detail = psprintf("Its canonical text is longer than %d bytes.",
								 DSEC_MAX_LABEL);
		return NULL;
	}
	return label;
}

DsecLabel *
dsec_tag_parse_strict(const char *text)
{
	DsecLabelError error;
	DsecLabel  *label = dsec_tag_parse(text, &error);

	if (label == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("invalid dsec label"),
				 errdetail_internal("%s", error.detail),
				 error.hint ? errhint("%s", error.hint) : 0));
	return label;
}

void
dsec_tag_check_kind(const DsecLabel *label, int kind)
{
	const char *allowed;
	bool		fits;

	switch (kind)
	{
		case DSEC_ON_RELATION:
			fits = (label->head == DSEC_HEAD_NONE);
			allowed = "A relation has defaults for its columns, such as \"subject=id; space=person\"; a category stands on a column.";
			break;
		case DSEC_ON_COLUMN:
		case DSEC_ON_TYPE:
		case DSEC_ON_FIELD:
			fits = (label->head == DSEC_HEAD_CATEGORY);
			allowed = "The label of a column or type begins with a category.";
			break;
		case DSEC_ON_FUNCTION:
			fits = (label->head == DSEC_HEAD_DECLASSIFY);
			allowed = "The label of a function is \"declassify; reason=...\".";
			break;
		default:
			fits = (label->head == DSEC_HEAD_STATISTICAL);
			allowed = "The label of an aggregate is \"statistical\".";
			break;
	}
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("this dsec label does not fit the kind of object"),
				 errhint("%s", allowed)));

	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		if (label->values[i] != NIL && (attribute_list[i].kinds & kind) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_LABEL_REFUSED),
					 errmsg("attribute \"%s\" does not fit the kind of object",
							attribute_list[i].name),
					 errhint("%s", allowed)));
	}
}

/* Must the name be quoted to come back as it is? */
static bool
needs_quotes(const char *name)
{
	if (!(*name >= 'a' && *name <= 'z') && *name != '_')
		return true;
	for (const char *p = name; *p; p++)
	{
		if (!is_name_char(*p) || IS_HIGHBIT_SET(*p) || (*p >= 'A' && *p <= 'Z'))
			return true;
	}
	return false;
}

static void
append_quoted(StringInfo buf, const char *text)
{
	appendStringInfoChar(buf, '"');
	for (const char *p = text; *p; p++)
	{
		if (*p == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *p);
	}
	appendStringInfoChar(buf, '"');
}

static void
append_name(StringInfo buf, const char *name)
{
	if (needs_quotes(name))
		append_quoted(buf, name);
	else
		appendStringInfoString(buf, name);
}

static void
append_text(StringInfo buf, const char *text)
{
	if (strpbrk(text, ";\"") != NULL || scanner_isspace(text[0]) ||
		scanner_isspace(text[strlen(text) - 1]))
		append_quoted(buf, text);
	else
		appendStringInfoString(buf, text);
}

static void
append_value(StringInfo buf, const AttributeDef *def, const DsecValue *value)
{
	if (value->of)
	{
		append_name(buf, value->of);
		appendStringInfoChar(buf, ':');
	}
	if (def->form == FORM_TEXT)
		append_text(buf, value->text);
	else if (def->form == FORM_NUMBER)
		appendStringInfoString(buf, value->text);
	else
		append_name(buf, value->text);
}

static void
append_attribute(StringInfo buf, const AttributeDef *def, List *values)
{
	bool		list = def->form != FORM_PAIRS && list_length(values) > 1;
	ListCell   *lc;

	foreach(lc, values)
	{
		DsecValue  *value = (DsecValue *) lfirst(lc);
		bool		first = (lc == list_head(values));

		if (list && !first)
			appendStringInfoString(buf, ", ");
		else
		{
			if (buf->len > 0)
				appendStringInfoString(buf, "; ");
			appendStringInfo(buf, "%s=%s", def->name, list ? "(" : "");
		}
		append_value(buf, def, value);
	}
	if (list)
		appendStringInfoChar(buf, ')');
}

char *
dsec_tag_canonical(const DsecLabel *label)
{
	StringInfoData buf;

	initStringInfo(&buf);
	switch (label->head)
	{
		case DSEC_HEAD_NONE:
			break;
		case DSEC_HEAD_CATEGORY:
			/* a category must not come back as one of the other heads */
			if (strcmp(label->category, "declassify") == 0 ||
				strcmp(label->category, "statistical") == 0)
				append_quoted(&buf, label->category);
			else
				append_name(&buf, label->category);
			break;
		case DSEC_HEAD_DECLASSIFY:
			appendStringInfoString(&buf, "declassify");
			break;
		case DSEC_HEAD_STATISTICAL:
			appendStringInfoString(&buf, "statistical");
			break;
	}
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
		append_attribute(&buf, &attribute_list[i], label->values[i]);
	return buf.data;
}

char *
dsec_tag_value(const DsecLabel *label, DsecAttribute attribute)
{
	if (label == NULL || label->values[attribute] == NIL)
		return NULL;
	return ((DsecValue *) linitial(label->values[attribute]))->text;
}

bool
dsec_tag_says_subjects(const DsecLabel *label, const char *what)
{
	char	   *value = dsec_tag_value(label, DSEC_ATTRIBUTE_SUBJECTS);

	return value != NULL && strcmp(value, what) == 0;
}

bool
dsec_tag_holds_for_typmod(const DsecLabel *label, int32 typmod)
{
	char	   *limit = dsec_tag_value(label, DSEC_ATTRIBUTE_MAX_TYPMOD);

	return limit == NULL || typmod < 0 || typmod <= atoi(limit);
}

int
dsec_tag_attribute_number(const char *name)
{
	for (int i = 0; i < DSEC_NUM_ATTRIBUTES; i++)
	{
		if (strcmp(attribute_list[i].name, name) == 0)
			return i;
	}
	return -1;
}

char *
dsec_tag_quote(const char *name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_name(&buf, name);
	return buf.data;
}

char *
dsec_tag_unquote(const char *text)
{
	DsecLabelError error;
	Parser		parser = {text, text, &error};
	char	   *name;

	if (!parse_name(&parser, "a name", &name) || *parser.at != '\0')
		return NULL;
	return name;
}
