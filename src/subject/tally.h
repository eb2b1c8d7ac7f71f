/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  An exact set of subjects in memory, made for counting them fast.
 *
 * Elements are 8 or 16 bytes wide, one width for the life of a tally.  A table
 * with open addressing, and a short ring of elements whose place has been
 * prefetched and which are looked up a few elements later: so every reader
 * drains the ring first (they all do).  Elements of 8 bytes of which many lie in
 * one range, as numbers from a sequence do, are bits in a bitmap of that range
 * instead (tally_dense.c).  Everything is allocated in the context given, and
 * freed or grown in place; a tally of a few elements is small, because there may
 * be many groups.
 *
 * The table's order is not random to an onlooker: elements taken out of one
 * tally go into another with dsec_tally_add_packed() or dsec_tally_merge(),
 * which see to it; adding them one by one in that order can be quadratic.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TALLY_H
#define DSEC_TALLY_H

typedef enum DsecTallyWidth
{
	DSEC_TALLY_8 = 8,
	DSEC_TALLY_16 = 16
} DsecTallyWidth;

/*
 * To be embedded, and for the functions inline below; otherwise private.
 *
 * The bitmap's range is what is less than "span" above "base" in arithmetic
 * modulo 2^64, so it may go across the ends of any type.  All elements in it are
 * bits, and none is in the table or in the ring.  Both are multiples of 64.
 */
typedef struct DsecTally
{
	uint64		base;
	uint64		span;			/* 0: no bitmap */
	uint64	   *bits;
	uint64		dense;			/* elements in the bitmap */
	void	   *slots;
	void	   *ring;			/* NULL while the table is small */
	uint64		size;			/* number of slots */
	uint64		used;			/* values in the table */
	uint8		shift;			/* of a hash, to find the slot */
	uint8		width;			/* a DsecTallyWidth */
	uint8		next;			/* where the next value enters the ring */
	uint8		waiting;		/* values in the ring */
	bool		zero;			/* has the value that is all zeroes */
	uint64		surveyed;		/* elements when a range was last looked for */
	void	   *memory;			/* what the slots are aligned in */
	MemoryContext context;
} DsecTally;

extern DsecTally *dsec_tally_create(MemoryContext context, DsecTallyWidth width);

/* The same in memory of the caller, whatever is there now; never to be freed by itself. */
extern void dsec_tally_init(DsecTally *tally, MemoryContext context, DsecTallyWidth width);
extern DsecTallyWidth dsec_tally_width(const DsecTally *tally);

/* Add an element; for tallies of that width only. */
static inline void dsec_tally_add8(DsecTally *tally, uint64 element);
extern void dsec_tally_add16(DsecTally *tally, const uint8 *element);

/*
 * Add n elements of the tally's width, packed, at any address, in any order,
 * duplicates allowed.
 */
extern void dsec_tally_add_packed(DsecTally *tally, const void *elements, uint64 n);

/*
 * Add elements of 8 bytes given as a bitmap at any address: words in the byte
 * order of the machine, whose lowest bit of the first is "base", a multiple of 64.
 */
extern void dsec_tally_add_bits(DsecTally *tally, uint64 base, const void *words, uint64 nwords);

/* Exact number of distinct elements. */
extern uint64 dsec_tally_count(DsecTally *tally);

/*
 * At most that number, and at most 32 below it: the elements that wait in the
 * ring are left there, so that this may be asked after every element.
 */
extern uint64 dsec_tally_count_so_far(const DsecTally *tally);

/* Add all of "from", which has the same width and stays as it is. */
extern void dsec_tally_merge(DsecTally *tally, DsecTally *from);

/* Make room for that many distinct elements outside the bitmap. */
extern void dsec_tally_reserve(DsecTally *tally, uint64 count);

/*
 * The elements, in no order, packed into memory of the caller:
 * dsec_tally_count() times the width.
 */
extern void dsec_tally_elements(DsecTally *tally, void *out);

/*
 * The same in two parts, for dsec_tally_add_packed() and dsec_tally_add_bits():
 * the number of elements outside the bitmap, these elements, and the bitmap
 * without zeroes at its ends, which is no larger than its elements would be.
 */
extern uint64 dsec_tally_count_outside(DsecTally *tally);
extern void dsec_tally_elements_outside(DsecTally *tally, void *out);
extern const uint64 *dsec_tally_bits(const DsecTally *tally, uint64 *base, uint64 *nwords);

/* Bytes allocated, for those who report or limit memory. */
extern Size dsec_tally_bytes(const DsecTally *tally);

extern void dsec_tally_free(DsecTally *tally);

/*
 * A hash of an element of 16 bytes for other tables in memory: whoever chooses
 * the element cannot choose the hash.  The same in all processes of a cluster.
 */
extern uint64 dsec_tally_hash16(const uint8 *element);

/*
 * Add an element of 8 bytes if it is one for the bitmap, else return false.
 * Without branches on what has been seen before: they would be mispredicted.
 */
static inline bool
dsec_tally_add_dense(DsecTally *tally, uint64 element)
{
	uint64		offset = element - tally->base;
	uint64	   *word;
	uint64		old;

	if (offset >= tally->span)
		return false;
	word = &tally->bits[offset / 64];
	old = *word;
	*word = old | UINT64CONST(1) << (offset % 64);
	tally->dense += ~(old >> (offset % 64)) & 1;
	return true;
}

/* Add an element of 8 bytes that dsec_tally_add_dense() has not taken. */
extern void dsec_tally_add8_outside(DsecTally *tally, uint64 element);

static inline void
dsec_tally_add8(DsecTally *tally, uint64 element)
{
	if (!dsec_tally_add_dense(tally, element))
		dsec_tally_add8_outside(tally, element);
}

#endif							/* DSEC_TALLY_H */
