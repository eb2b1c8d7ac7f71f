/*-------------------------------------------------------------------------
 *
 * pattern.h
 *	  Tags by name: the rules of dsec.tag_pattern.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TAG_PATTERN_H
#define DSEC_TAG_PATTERN_H

#include "access/attnum.h"
#include "nodes/pg_list.h"

/* a label that was set, or could not be set as it should */
typedef struct DsecPatternResult
{
	int64		pattern;		/* dsec.tag_pattern.id */
	Oid			relid;
	AttrNumber	attno;			/* 0: the relation */
	char	   *tag;			/* canonical text */
	char	   *problem;		/* NULL, or why it does not hold: a sentence */
} DsecPatternResult;

/*
 * The rules, in the order in which they are tried, in the current memory
 * context; NIL also where there is no such table.  As of now, not of any
 * snapshot.
 */
extern List *dsec_tag_read_patterns(void);

/*
 * Tag what is untagged of a relation and has a rule.  "empty": the relation has
 * just been made and holds nothing, so that defaults may bear on columns that are
 * tagged by their type.  Returns a list of DsecPatternResult; a relation that
 * does not exist (any more) or that no rule is for gives NIL.  Where something is
 * tagged, a lock that conflicts with itself is taken and kept.
 */
extern List *dsec_tag_apply_patterns(List *patterns, Oid relid, bool empty);

/* The same for relations of a statement, with a WARNING for each problem. */
extern void dsec_tag_warn_patterns(List *results);

#endif							/* DSEC_TAG_PATTERN_H */
