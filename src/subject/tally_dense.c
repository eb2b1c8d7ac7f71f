/*-------------------------------------------------------------------------
 *
 * tally_dense.c
 *	  The bitmap of a tally of 8-byte elements.
 *
 * Keys of subjects often are numbers from a sequence.  Then the table of a tally
 * costs a hundred bits and more for each, and a miss of the processor's caches,
 * where one bit in a bitmap of their range would do.
 *
 * When the table is full, a sample is taken of it.  The table's places are a
 * secret, so whoever chooses the elements cannot choose what is in the sample.
 * If at least half of it lies so close together that a bitmap takes no more words
 * than there are elements in it, all elements are looked at; if that is true of
 * them, too, and a good part of the table would go, the bitmap is made with some
 * head-room, never with more words than elements.  Thus a tally with a bitmap
 * takes no more memory than one without.  Everything outside the range stays in
 * the table, which is made as small as it can be.
 *
 * Looking at all elements takes time in proportion to their number, and is done
 * only when there are a quarter more than the last time: in all, it is linear in
 * the number of distinct elements, whatever they are.  The range may change
 * each time, and then elements move either way.
 *
 * Ranges are aligned to the words of the bitmap, so bitmaps merge by words.  They
 * are intervals modulo 2^64; only the choice of one takes elements as signed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "subject/tally.h"
#include "subject/tally_slots.h"
#include "utils/memutils.h"

#define WORD 64					/* elements of a word */
#define SAMPLE 64				/* elements looked at before all are */
#define ROOMY 8					/* times the words that are needed at once */

/* word by word: "first" is a multiple of WORD; may go across the ends of the type */
typedef struct Range
{
	uint64		first;
	uint64		nwords;
} Range;

static inline bool
in_range(Range range, uint64 element)
{
	return (element - range.first) / WORD < range.nwords;
}

static inline uint64
load_word(const void *words, uint64 i)
{
	uint64		word;

	memcpy(&word, (const uint8 *) words + i * sizeof(word), sizeof(word));
	return word;
}

static uint64
count_bits(const void *words, uint64 nwords)
{
	uint64		n = 0;

	for (uint64 i = 0; i < nwords; i++)
		n += pg_popcount64(load_word(words, i));
	return n;
}

static int
compare_signed(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/*
 * Some elements of the table and of the bitmap, in proportion; of the latter,
 * the words they are in.  Returns their number.
 */
static int
take_sample(const DsecTally *tally, uint64 *sample)
{
	uint64		total = tally->used + tally->dense;
	int			ndense = (int) (SAMPLE * (tally->dense / (double) total));
	int			n = 0;

	if (ndense > 0)
	{
		uint64		seen = 0;

		for (uint64 i = 0; i < tally->span / WORD && n < ndense; i++)
		{
			seen += pg_popcount64(tally->bits[i]);
			while (n < ndense && seen > tally->dense / ndense * n)
				sample[n++] = tally->base + i * WORD;
		}
	}
	for (uint64 i = 0; i < tally->size && n < SAMPLE; i++)
	{
		uint64		value = ((const uint64 *) tally->slots)[i];

		if (value != 0)
			sample[n++] = element8(value);
	}
	return n;
}

/*
 * The range most of the sample is in, if that is less than what a bitmap of the
 * elements in it may have, and that much around it.
 */
static bool
guess_range(uint64 *sample, int n, uint64 total, Range *range)
{
	/* elements that a bitmap may span for each of the sample, with some reserve */
	uint64		each = total * WORD * 3 / 4 / n;
	int			best = n / 2;
	uint64		first = 0;
	uint64		width = 0;
	uint64		spare;

	qsort(sample, n, sizeof(uint64), compare_signed);
	for (int i = 0; i + best < n; i++)
	{
		for (int j = n - 1; j - i + 1 > best; j--)
		{
			if (sample[j] - sample[i] < each * (j - i + 1))
			{
				best = j - i + 1;
				first = sample[i];
				width = sample[j] - sample[i];
				break;
			}
		}
	}
	if (best == n / 2)
		return false;

	spare = each * best - width;
	range->first = (first - spare / 2) & ~(uint64) (WORD - 1);
	range->nwords = (width + spare) / WORD + 1;
	return true;
}

/*
 * The words of the range that elements of the tally lie in, from the first to
 * the last, and the number of these elements.  What waits in the ring is not
 * looked at.
 */
static uint64
survey_range(const DsecTally *tally, Range *range)
{
	uint64		n = 0;
	uint64		low = PG_UINT64_MAX;
	uint64		high = 0;

	for (uint64 i = 0; i < tally->size; i++)
	{
		uint64		value = ((const uint64 *) tally->slots)[i];
		uint64		word = (element8(value) - range->first) / WORD;

		if (value != 0 && word < range->nwords)
		{
			n++;
			low = Min(low, word);
			high = Max(high, word);
		}
	}
	for (uint64 i = 0; i < tally->span / WORD; i++)
	{
		uint64		word = (tally->base - range->first) / WORD + i;

		/* a number of words, modulo 2^58 */
		word &= PG_UINT64_MAX / WORD;
		if (tally->bits[i] != 0 && word < range->nwords)
		{
			n += pg_popcount64(tally->bits[i]);
			low = Min(low, word);
			high = Max(high, word);
		}
	}
	if (n > 0)
	{
		range->first += low * WORD;
		range->nwords = high - low + 1;
	}
	return n;
}

/* Give the range head-room on either side, but none below zero unless it is there. */
static void
make_roomy(Range *range, uint64 elements)
{
	uint64		spare = Min(elements, range->nwords * ROOMY) - range->nwords;
	uint64		below = spare / 2;

	if ((int64) range->first >= 0)
		below = Min(below, range->first / WORD);
	range->first -= below * WORD;
	range->nwords += spare;
}

/*
 * Give the tally a bitmap of that range, instead of the one it has, a table for
 * the rest, and move what is to be moved.  If memory lacks, the tally is as it
 * was.
 */
static void
set_range(DsecTally *tally, Range range)
{
	DsecTally	old = *tally;
	const uint64 *values = old.slots;
	uint64	   *bits;
	void	   *ring = old.ring;
	uint64		rest = 0;
	uint64		size = FIRST_SIZE;

	for (uint64 i = 0; i < old.size; i++)
	{
		if (values[i] != 0 && !in_range(range, element8(values[i])))
			rest++;
	}
	for (uint64 i = 0; i < old.span / WORD; i++)
	{
		if (!in_range(range, old.base + i * WORD))
			rest += pg_popcount64(old.bits[i]);
	}
	/* no table grows while it is filled here, nor at once thereafter */
	while (FULL(size) < rest + rest / 4 + RING_SIZE)
		size *= 2;

	bits = MemoryContextAllocExtended(old.context, range.nwords * sizeof(uint64),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (ring == NULL && size * sizeof(uint64) > NEAR_BYTES)
		ring = MemoryContextAlloc(old.context, RING_SIZE * sizeof(uint64));
	dsec_tally_allocate(tally, size);

	/* from here on nothing fails */
	tally->base = range.first;
	tally->span = range.nwords * WORD;
	tally->bits = bits;
	tally->dense = 0;
	tally->used = 0;
	tally->zero = false;
	tally->ring = NULL;
	tally->next = 0;
	tally->waiting = 0;

	for (uint64 i = 0; i < old.size; i++)
	{
		if (values[i] != 0 && !dsec_tally_add_dense(tally, element8(values[i])))
		{
			place8(tally, values[i]);
			tally->used++;
		}
	}
	if (old.zero)
		dsec_tally_add8(tally, element8(0));
	for (uint64 i = 0; i < old.span / WORD; i++)
	{
		uint64		at = old.base + i * WORD;
		uint64		word = old.bits[i];

		if (in_range(range, at))
		{
			bits[(at - range.first) / WORD] |= word;
			tally->dense += pg_popcount64(word);
			continue;
		}
		for (; word != 0; word &= word - 1)
			dsec_tally_add8(tally, at + pg_rightmost_one_pos64(word));
	}
	for (int i = 1; i <= old.waiting; i++)
	{
		uint64		value = ((const uint64 *) old.ring)[(old.next - i) & (RING_SIZE - 1)];

		dsec_tally_add8(tally, element8(value));
	}
	Assert(tally->size == size && tally->used <= FULL(size));
	Assert(dsec_tally_count_so_far(tally) >= dsec_tally_count_so_far(&old));

	pfree(old.memory);
	if (old.bits != NULL)
		pfree(old.bits);
	if (size * sizeof(uint64) > NEAR_BYTES)
		tally->ring = ring;
	else if (ring != NULL)
		pfree(ring);
}

bool
dsec_tally_condense(DsecTally *tally)
{
	uint64		total = tally->used + tally->dense;
	uint64		sample[SAMPLE];
	uint64		inside;
	Range		range;
	int			n;

	Assert(tally->width == DSEC_TALLY_8);
	if (tally->size < DENSE_SIZE || total < tally->surveyed + tally->surveyed / 4)
		return false;
	tally->surveyed = total;
	n = take_sample(tally, sample);
	if (!guess_range(sample, n, total, &range))
		return false;
	inside = survey_range(tally, &range);
	if (inside < tally->dense + tally->used / 4 || inside < range.nwords)
		return false;
	make_roomy(&range, inside);
	set_range(tally, range);
	return true;
}

/*
 * Make the bitmap cover that range as well, for elements that are about to be
 * added: when the larger bitmap is paid for by what it holds, and the move by
 * what is added.
 */
static void
cover(DsecTally *tally, Range range, uint64 elements)
{
	uint64		limit = Max(tally->dense, elements);
	uint64		behind = (range.first - tally->base) / WORD;
	uint64		before = (tally->base - range.first) / WORD;
	uint64		nwords = tally->span / WORD;

	if (elements < (tally->used + tally->dense) / 4)
		return;
	if (nwords > 0 && behind <= limit)
	{
		range.first = tally->base;
		range.nwords = Max(nwords, behind + range.nwords);
	}
	else if (nwords > 0 && before <= limit)
		range.nwords = Max(range.nwords, before + nwords);
	else if (nwords > 0 && elements < tally->dense)
		return;
	if (range.nwords <= limit && (range.first != tally->base || range.nwords != nwords))
		set_range(tally, range);
}

void
dsec_tally_add_bits(DsecTally *tally, uint64 base, const void *words, uint64 nwords)
{
	Range		range = {base, nwords};
	uint64		elements = count_bits(words, nwords);

	Assert(tally->width == DSEC_TALLY_8 && base % WORD == 0);
	if (elements == 0)
		return;
	cover(tally, range, elements);

	for (uint64 i = 0; i < nwords; i++)
	{
		uint64		at = base + i * WORD;
		uint64		word = load_word(words, i);

		if (at - tally->base < tally->span)
		{
			uint64	   *target = &tally->bits[(at - tally->base) / WORD];

			tally->dense += pg_popcount64(word & ~*target);
			*target |= word;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		for (; word != 0; word &= word - 1)
			dsec_tally_add8(tally, at + pg_rightmost_one_pos64(word));
	}
}

void *
dsec_tally_spread(const DsecTally *tally, void *out)
{
	uint8	   *to = out;

	for (uint64 i = 0; i < tally->span / WORD; i++)
	{
		for (uint64 word = tally->bits[i]; word != 0; word &= word - 1)
		{
			uint64		element = tally->base + i * WORD + pg_rightmost_one_pos64(word);

			memcpy(to, &element, sizeof(element));
			to += sizeof(element);
		}
	}
	return to;
}

const uint64 *
dsec_tally_bits(const DsecTally *tally, uint64 *base, uint64 *nwords)
{
	uint64		first = 0;
	uint64		end = tally->span / WORD;

	while (first < end && tally->bits[first] == 0)
		first++;
	while (end > first && tally->bits[end - 1] == 0)
		end--;
	*base = tally->base + first * WORD;
	*nwords = end - first;
	return tally->bits + first;
}
