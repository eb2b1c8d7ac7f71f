/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  An exact set of subjects in memory, made for counting them fast.
 *
 * Elements are 8 or 16 bytes wide, one width for the life of a tally.  A table
 * with open addressing, and a short ring of elements whose place has been
 * prefetched and which are looked up a few elements later: so every reader
 * drains the ring first (they all do).  Everything is allocated in the context
 * given, and freed or grown in place; a tally of a few elements is small,
 * because there may be many groups.
 *
 * The table's order is not random to an onlooker: elements taken out of one
 * tally go into another with dsec_tally_add_packed() or dsec_tally_merge(),
 * which see to it; adding them one by one in that order can be quadratic.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TALLY_H
#define DSEC_TALLY_H

typedef struct DsecTally DsecTally;

typedef enum DsecTallyWidth
{
	DSEC_TALLY_8 = 8,
	DSEC_TALLY_16 = 16
} DsecTallyWidth;

extern DsecTally *dsec_tally_create(MemoryContext context, DsecTallyWidth width);
extern DsecTallyWidth dsec_tally_width(const DsecTally *tally);

/* Add an element; for tallies of that width only. */
extern void dsec_tally_add8(DsecTally *tally, uint64 element);
extern void dsec_tally_add16(DsecTally *tally, const uint8 *element);

/*
 * Add n elements of the tally's width, packed, at any address, in any order,
 * duplicates allowed.
 */
extern void dsec_tally_add_packed(DsecTally *tally, const void *elements, uint64 n);

/* Exact number of distinct elements. */
extern uint64 dsec_tally_count(DsecTally *tally);

/*
 * At most that number, and at most 32 below it: the elements that wait in the
 * ring are left there, so that this may be asked after every element.
 */
extern uint64 dsec_tally_count_so_far(const DsecTally *tally);

/* Add all of "from", which has the same width and stays as it is. */
extern void dsec_tally_merge(DsecTally *tally, DsecTally *from);

/* Make room for that many distinct elements in all. */
extern void dsec_tally_reserve(DsecTally *tally, uint64 count);

/*
 * The elements, in no order, packed into memory of the caller:
 * dsec_tally_count() times the width.
 */
extern void dsec_tally_elements(DsecTally *tally, void *out);

/* Bytes allocated, for those who report or limit memory. */
extern Size dsec_tally_bytes(const DsecTally *tally);

extern void dsec_tally_free(DsecTally *tally);

/*
 * A hash of an element of 16 bytes for other tables in memory: whoever chooses
 * the element cannot choose the hash.  The same in all processes of a cluster.
 */
extern uint64 dsec_tally_hash16(const uint8 *element);

#endif							/* DSEC_TALLY_H */
