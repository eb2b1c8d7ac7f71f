/*-------------------------------------------------------------------------
 *
 * count.h
 *	  What the counting aggregates have in common.
 *
 * Their states travel between processes as bytea: a header, then elements of a
 * tally, packed, in no order, then its bitmap.  The header is checked in full
 * against the length before anything is believed, although only an aggregate can
 * hand it in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_COUNT_H
#define DSEC_COUNT_H

#include "fmgr.h"
#include "subject/tally.h"

/* elements as they lie in a serialised state: at any address, not to be changed */
typedef struct DsecPacked
{
	DsecTallyWidth width;
	uint64		count;			/* of those that are not in the bitmap */
	const uint8 *elements;
	uint64		base;			/* of the bitmap */
	uint64		nwords;
	const uint8 *words;
} DsecPacked;

/*
 * The context that states of this aggregate call live in.  An error when the
 * function was called by anything but an aggregate.
 */
extern MemoryContext dsec_count_context(FunctionCallInfo fcinfo);

/*
 * Refuse window frames over which PostgreSQL would aggregate every row's frame
 * anew: with an EXCLUDE clause, and, when there is no inverse transition, with a
 * start that moves.  Called whenever a state is made.  "moving_hint" says what
 * else to do in the latter case; NULL for a function that has an inverse.
 */
extern void dsec_count_refuse_restarts(FunctionCallInfo fcinfo, const char *moving_hint);

/*
 * Serialise a tally, or none (NULL), with a number that the caller wants back.
 * An error when the result would be larger than a value can be.
 */
extern bytea *dsec_count_pack(DsecTally *tally, int64 number);

/*
 * Check a serialised state.  The elements stay where they are, so the bytea must
 * outlive the result.
 */
extern void dsec_count_unpack(bytea *bytes, DsecPacked *packed, int64 *number);

/* Add all elements of a serialised state to a tally of that width. */
extern void dsec_count_add_packed(DsecTally *tally, const DsecPacked *packed);

#endif							/* DSEC_COUNT_H */
