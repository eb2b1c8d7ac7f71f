/*-------------------------------------------------------------------------
 *
 * set_merge.h
 *	  Union, intersection and difference of sorted arrays of hashes.
 *
 * Arrays are ascending and distinct, and so is what comes out.  The functions
 * return the number of hashes written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SET_MERGE_H
#define DSEC_SET_MERGE_H

#include "postgres.h"

/* "out" has room for the union, which is at most na + nb. */
extern uint64 dsec_set_merge_or(const uint64 *a, uint64 na, const uint64 *b, uint64 nb,
								uint64 *out);

/* "out" has room for the smaller of the two; NULL: only counts. */
extern uint64 dsec_set_merge_and(const uint64 *a, uint64 na, const uint64 *b, uint64 nb,
								 uint64 *out);

/* Those of "a" that are not in "b"; "out" has room for all of "a". */
extern uint64 dsec_set_merge_minus(const uint64 *a, uint64 na, const uint64 *b, uint64 nb,
								   uint64 *out);

/* Does "a" hold all of "b"? */
extern bool dsec_set_merge_contains(const uint64 *a, uint64 na, const uint64 *b, uint64 nb);

#endif							/* DSEC_SET_MERGE_H */
