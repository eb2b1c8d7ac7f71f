/*-------------------------------------------------------------------------
 *
 * bulk.h
 *	  Is this many subjects bulk?  What dsec.bulk and dsec.bulk_report share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_BULK_H
#define DSEC_BULK_H

#include "policy/published.h"

/* columns of the type dsec.bulk_row, which those of dsec.bulk_report begin with */
enum
{
	BULK_CATEGORY, BULK_SUBJECTS, BULK_THRESHOLD, BULK_COMPARATOR, BULK_RULE,
	BULK_EXCEEDED,
	BULK_COLUMNS
};

/*
 * Fill in the columns above for that many subjects of a category of the policy,
 * under a rule of it, or under none (NULL): then nothing is exceeded.
 */
extern void dsec_bulk_fill(const DsecPolicy *policy, int category,
						   const DsecPolicyRule *rule, int64 subjects,
						   Datum *values, bool *nulls);

/*
 * The next rule for this category that is in force on this day, by its number,
 * after "previous" (NULL: the first); NULL when there is no more.
 */
extern const DsecPolicyRule *dsec_bulk_next_rule(const DsecPolicy *policy, int category,
												 DateADT today,
												 const DsecPolicyRule *previous);

#endif							/* DSEC_BULK_H */
