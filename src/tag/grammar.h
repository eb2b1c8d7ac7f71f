/*-------------------------------------------------------------------------
 *
 * grammar.h
 *	  The text of a tag, taken apart and put together again.
 *
 *	  label     = [ head ] { ";" attribute "=" value }
 *	  head      = category | "declassify" | "statistical"
 *	  value     = name | "(" name { "," name } ")" | name ":" name | number | text
 *	  name      = SQL identifier, folded to lower case unless quoted
 *
 * Attributes come from a registered list (attribute_list in grammar.c); a
 * feature that needs one adds a line there and an enum member here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_GRAMMAR_H
#define DSEC_TAG_GRAMMAR_H

#include "nodes/pg_list.h"

/* longer labels are refused, so that hostile input stays cheap */
#define DSEC_MAX_LABEL 8192

/* the category that a listed identifier counts for */
#define DSEC_LISTED_IDENTIFIER "listed_identifier"
#define DSEC_COVERED_IDENTIFIER "covered_identifier"

/* values of subjects= */
#define DSEC_SUBJECTS_ROW "row" /* each row version is a subject of its own */
#define DSEC_SUBJECTS_MANY "many"	/* one value may hold several subjects' data */

/* spaces of default subjects; not for users */
#define DSEC_RESERVED_SPACE "pk:"

/* what kind of object a label may stand on; bits */
#define DSEC_ON_RELATION	0x01
#define DSEC_ON_COLUMN		0x02
#define DSEC_ON_TYPE		0x04
#define DSEC_ON_FUNCTION	0x08
#define DSEC_ON_AGGREGATE	0x10
#define DSEC_ON_FIELD		0x20	/* of a composite type */

typedef enum DsecLabelHead
{
	DSEC_HEAD_NONE,				/* defaults of a relation */
	DSEC_HEAD_CATEGORY,
	DSEC_HEAD_DECLASSIFY,
	DSEC_HEAD_STATISTICAL
} DsecLabelHead;

typedef enum DsecAttribute
{
	DSEC_ATTRIBUTE_CLASS,
	DSEC_ATTRIBUTE_ALSO,		/* further categories */
	DSEC_ATTRIBUTE_SUBJECT,
	DSEC_ATTRIBUTE_SPACE,
	DSEC_ATTRIBUTE_IN_SCOPE,
	DSEC_ATTRIBUTE_SUBJECTS,	/* row or many, instead of a subject */
	DSEC_ATTRIBUTE_REASON,
	DSEC_ATTRIBUTE_MAX_TYPMOD
} DsecAttribute;

#define DSEC_NUM_ATTRIBUTES (DSEC_ATTRIBUTE_MAX_TYPMOD + 1)

/* one value of an attribute; "of" is set for name:name only */
typedef struct DsecValue
{
	char	   *of;				/* the population of in_scope */
	char	   *text;
} DsecValue;

typedef struct DsecLabel
{
	DsecLabelHead head;
	char	   *category;		/* NULL unless head is CATEGORY */
	List	   *values[DSEC_NUM_ATTRIBUTES];	/* of DsecValue */
} DsecLabel;

/* Why a text is no label: a sentence, and what to do about it. */
typedef struct DsecLabelError
{
	char	   *detail;
	char	   *hint;			/* may be NULL */
} DsecLabelError;

/*
 * Parse a label.  Result and error texts in the current memory context; NULL,
 * with *error filled, when the text is no label.  Raises nothing.
 */
extern DsecLabel *dsec_tag_parse(const char *text, DsecLabelError *error);

/* The same, raising DS002. */
extern DsecLabel *dsec_tag_parse_strict(const char *text);

/*
 * Does the label fit the kind of object (one DSEC_ON_ bit)?  Raises DS002 when
 * it does not.
 */
extern void dsec_tag_check_kind(const DsecLabel *label, int kind);

/* Canonical text, palloc'd: parses to an equal label, whatever was typed. */
extern char *dsec_tag_canonical(const DsecLabel *label);

/* Bring the values of a label made by hand into their canonical order. */
extern void dsec_tag_sort_values(DsecLabel *label);

/* First value of an attribute, or NULL. */
extern char *dsec_tag_value(const DsecLabel *label, DsecAttribute attribute);

/* Does the label say subjects=what? */
extern bool dsec_tag_says_subjects(const DsecLabel *label, const char *what);

/* Number of the attribute called name, or -1. */
extern int	dsec_tag_attribute_number(const char *name);

/* A sentence that names all attributes; palloc'd. */
extern char *dsec_tag_known_attributes(void);

/*
 * Does the label of a type hold where the type has this type modifier (-1:
 * none)?  A label with max_typmod does not hold above it.
 */
extern bool dsec_tag_holds_for_typmod(const DsecLabel *label, int32 typmod);

/* An identifier as it is written in a label; palloc'd. */
extern char *dsec_tag_quote(const char *name);

/* Reads a lone identifier; NULL when the text is anything else.  palloc'd */
extern char *dsec_tag_unquote(const char *text);

#endif							/* DSEC_TAG_GRAMMAR_H */
