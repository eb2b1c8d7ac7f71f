/*-------------------------------------------------------------------------
 *
 * tally_slots.h
 *	  Within a tally: values, and the slots of its table.
 *
 * For the files of the tally alone; tally.c says what a value and a line are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_TALLY_SLOTS_H
#define DSEC_TALLY_SLOTS_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "subject/tally.h"

#define LINE_BYTES 64
#define LINE8 (LINE_BYTES / DSEC_TALLY_8)	/* slots of a line */
#define LINE16 (LINE_BYTES / DSEC_TALLY_16)
#define FIRST_SIZE 16			/* slots of a new table, at least a line */
#define DENSE_SIZE 1024			/* slots from which on a bitmap is considered */
#define STEEP_SIZE 4096			/* slots up to which a table grows fourfold */
#define NEAR_BYTES (512 * 1024) /* a larger table is probed through the ring */
#define HUGE_PAGE ((uintptr_t) 2 * 1024 * 1024)
#define RING_SIZE 32			/* a power of two */
#define BLOCK_SIZE 1024			/* elements merged in a row */

/* Limit to the number of values in a table of that size. */
#define FULL(size) ((size) / 16 * 11)

/* a value of 16 bytes, one of 8 bytes is a bare uint64; the first word is its hash */
typedef struct Wide
{
	uint64		word[2];
} Wide;

/* known once a tally exists */
extern uint64 dsec_tally_secret[2] __attribute__((visibility("hidden")));

/* tally.c: an empty table; nothing has changed when memory lacks */
extern void dsec_tally_allocate(DsecTally *tally, uint64 size);

/*
 * tally_dense.c.  The table is full: give the tally another bitmap, if that
 * empties the table by a good part.  Then there is room.
 */
extern bool dsec_tally_condense(DsecTally *tally);

/* The elements in the bitmap, to memory at any address; the address after them. */
extern void *dsec_tally_spread(const DsecTally *tally, void *out);

/* the finalizer of MurmurHash3: a bijection in which every bit moves all */
static inline uint64
mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xFF51AFD7ED558CCD);
	x ^= x >> 33;
	x *= UINT64CONST(0xC4CEB9FE1A85EC53);
	x ^= x >> 33;
	return x;
}

/* its inverse: the factors are the inverses modulo 2^64 */
static inline uint64
unmix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0x9CB4B2F8129337DB);
	x ^= x >> 33;
	x *= UINT64CONST(0x4F74430C22A54005);
	x ^= x >> 33;
	return x;
}

static inline uint64
value8(uint64 element)
{
	return mix(element ^ dsec_tally_secret[0]);
}

static inline uint64
element8(uint64 value)
{
	return unmix(value) ^ dsec_tally_secret[0];
}

static inline Wide
value16(Wide element)
{
	Wide		value;

	value.word[0] = mix((mix(element.word[0] ^ dsec_tally_secret[0]) + element.word[1]) ^ dsec_tally_secret[1]);
	value.word[1] = element.word[0];
	return value;
}

static inline Wide
element16(Wide value)
{
	Wide		element;

	element.word[0] = value.word[1];
	element.word[1] = (unmix(value.word[0]) ^ dsec_tally_secret[1]) - mix(element.word[0] ^ dsec_tally_secret[0]);
	return element;
}

static inline bool
is_zero(Wide value)
{
	return (value.word[0] | value.word[1]) == 0;
}

#ifdef __SSE2__
/* two slots compared; all bits of those that are equal */
static inline __m128i
equal8(const uint64 *slots, __m128i value)
{
	__m128i		halves = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *) slots), value);

	return _mm_and_si128(halves, _mm_shuffle_epi32(halves, _MM_SHUFFLE(2, 3, 0, 1)));
}
#endif

/* these are written out, because compilers do not unroll at -O2 */
static inline bool
in_line8(const uint64 *line, uint64 value)
{
#ifdef __SSE2__
	__m128i		both = _mm_set1_epi64x((int64) value);
	__m128i		front = _mm_or_si128(equal8(line, both), equal8(line + 2, both));
	__m128i		back = _mm_or_si128(equal8(line + 4, both), equal8(line + 6, both));

	StaticAssertStmt(LINE8 == 8, "eight slots are compared");
	return _mm_movemask_epi8(_mm_or_si128(front, back)) != 0;
#else
	StaticAssertStmt(LINE8 == 8, "eight slots are compared");
	return (line[0] == value) | (line[1] == value) | (line[2] == value) | (line[3] == value) |
		(line[4] == value) | (line[5] == value) | (line[6] == value) | (line[7] == value);
#endif
}

static inline uint64
difference(Wide a, Wide b)
{
	return (a.word[0] ^ b.word[0]) | (a.word[1] ^ b.word[1]);
}

static inline bool
in_line16(const Wide *line, Wide value)
{
	StaticAssertStmt(LINE16 == 4, "four slots are compared");
	return (difference(line[0], value) == 0) | (difference(line[1], value) == 0) |
		(difference(line[2], value) == 0) | (difference(line[3], value) == 0);
}

/* number of values in a line, which is the index of its first empty slot */
static inline int
fill8(const uint64 *line)
{
	return (line[0] != 0) + (line[1] != 0) + (line[2] != 0) + (line[3] != 0) +
		(line[4] != 0) + (line[5] != 0) + (line[6] != 0) + (line[7] != 0);
}

static inline int
fill16(const Wide *line)
{
	return !is_zero(line[0]) + !is_zero(line[1]) + !is_zero(line[2]) + !is_zero(line[3]);
}

/* Put in a value that is not there yet; there must be room. */
static inline void
place8(DsecTally *tally, uint64 value)
{
	uint64		at = (value >> tally->shift) & ~(uint64) (LINE8 - 1);

	for (;;)
	{
		uint64	   *line = (uint64 *) tally->slots + at;
		int			fill = fill8(line);

		if (likely(fill < LINE8))
		{
			line[fill] = value;
			return;
		}
		at = (at + LINE8) & (tally->size - 1);
	}
}

static inline void
place16(DsecTally *tally, Wide value)
{
	uint64		at = (value.word[0] >> tally->shift) & ~(uint64) (LINE16 - 1);

	for (;;)
	{
		Wide	   *line = (Wide *) tally->slots + at;
		int			fill = fill16(line);

		if (likely(fill < LINE16))
		{
			line[fill] = value;
			return;
		}
		at = (at + LINE16) & (tally->size - 1);
	}
}

#endif							/* DSEC_TALLY_SLOTS_H */
