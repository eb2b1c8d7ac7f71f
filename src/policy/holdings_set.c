/*-------------------------------------------------------------------------
 *
 * holdings_set.c
 *	  An exact set of 64-bit values that knows what is new in it.
 *
 * Open addressing with linear probing, at most five eighths full, and a short
 * ring of values whose place has been prefetched and which are looked up a few
 * values later: every reader drains the ring first.  A table of people is read
 * again and again with the same people, so the set is shared by all tables of a
 * run, and remembers the values that were new since they were last asked for:
 * only these are written down.
 *
 * Where a value lies depends on a random number of the set.  So nobody can
 * choose keys that collide, and one set can be read into another without
 * filling it in the order of its own table, which would be quadratic.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/mman.h>

#include "policy/holdings.h"
#include "utils/memutils.h"

#define RING 16					/* a power of 2 */
#define FIRST_SLOTS 64			/* a power of 2 */
#define FIRST_NEWS 64
#define LARGE_PAGE (2 * 1024 * 1024)

struct DsecHoldingSet
{
	MemoryContext context;
	uint64	   *slots;			/* 0: empty */
	uint64		nslots;			/* a power of 2 */
	uint64		used;
	uint64		seed;
	bool		zero;			/* the value 0 is in the set */
	uint64		last;			/* value added last */
	uint64		ring[RING];
	uint64		ring_mix[RING];
	uint64		pending;		/* values ever put into the ring */
	uint64		drained;		/* values ever taken out */
	uint64	   *news;
	uint64		nnews;
	uint64		max_news;
};

/* Finalizer of MurmurHash3, public domain.  Its last bits are the place. */
static inline uint64
mix(const DsecHoldingSet *set, uint64 value)
{
	value ^= set->seed;
	value ^= value >> 33;
	value *= UINT64CONST(0xff51afd7ed558ccd);
	value ^= value >> 33;
	value *= UINT64CONST(0xc4ceb9fe1a85ec53);
	value ^= value >> 33;
	return value;
}

/*
 * Zeroed.  A large table is read all over the place, so ask for large pages: half
 * of the time of a look-up is finding the page.
 */
static uint64 *
allocate_slots(DsecHoldingSet *set, uint64 n)
{
	Size		size = n * sizeof(uint64);
	uint64	   *slots = MemoryContextAllocExtended(set->context, size, MCXT_ALLOC_HUGE);

#ifdef MADV_HUGEPAGE
	if (size >= LARGE_PAGE * 2)
	{
		char	   *from = (char *) TYPEALIGN(LARGE_PAGE, slots);
		char	   *to = (char *) TYPEALIGN_DOWN(LARGE_PAGE, (char *) slots + size);

		/* only advice */
		(void) madvise(from, to - from, MADV_HUGEPAGE);
	}
#endif
	memset(slots, 0, size);
	return slots;
}

DsecHoldingSet *
dsec_holdings_set_create(MemoryContext context)
{
	DsecHoldingSet *set = MemoryContextAllocZero(context, sizeof(DsecHoldingSet));

	set->context = context;
	set->nslots = FIRST_SLOTS;
	set->slots = allocate_slots(set, FIRST_SLOTS);
	set->max_news = FIRST_NEWS;
	set->news = MemoryContextAlloc(context, FIRST_NEWS * sizeof(uint64));
	if (!pg_strong_random(&set->seed, sizeof(set->seed)))
		elog(ERROR, "could not get random bytes");
	return set;
}

static void
grow(DsecHoldingSet *set)
{
	uint64	   *old = set->slots;
	uint64		n = set->nslots;

	set->slots = allocate_slots(set, n * 2);
	set->nslots = n * 2;
	for (uint64 i = 0; i < n; i++)
	{
		uint64		at;

		if (old[i] == 0)
			continue;
		at = mix(set, old[i]) & (set->nslots - 1);
		while (set->slots[at] != 0)
			at = (at + 1) & (set->nslots - 1);
		set->slots[at] = old[i];
	}
	pfree(old);
}

static void
remember(DsecHoldingSet *set, uint64 value)
{
	if (set->nnews == set->max_news)
	{
		set->news = repalloc_huge(set->news, set->max_news * 2 * sizeof(uint64));
		set->max_news *= 2;
	}
	set->news[set->nnews++] = value;
}

/* The oldest value of the ring goes into the table. */
static inline void
settle(DsecHoldingSet *set)
{
	uint64		value = set->ring[set->drained % RING];
	uint64		at = set->ring_mix[set->drained % RING] & (set->nslots - 1);

	set->drained++;
	while (set->slots[at] != value)
	{
		if (set->slots[at] == 0)
		{
			remember(set, value);
			set->slots[at] = value;
			if (++set->used * 8 > set->nslots * 5)
				grow(set);
			return;
		}
		at = (at + 1) & (set->nslots - 1);
	}
}

static void
drain(DsecHoldingSet *set)
{
	while (set->drained != set->pending)
		settle(set);
}

void
dsec_holdings_set_add(DsecHoldingSet *set, uint64 value)
{
	uint64		mixed;

	/* rows about one subject often lie together */
	if (value == set->last)
	{
		if (value != 0 || set->zero)
			return;
	}
	set->last = value;
	if (unlikely(value == 0))
	{
		if (!set->zero)
			remember(set, 0);
		set->zero = true;
		return;
	}

	if (set->pending - set->drained == RING)
		settle(set);
	mixed = mix(set, value);
#ifdef __GNUC__
	__builtin_prefetch(&set->slots[mixed & (set->nslots - 1)]);
#endif
	set->ring[set->pending % RING] = value;
	set->ring_mix[set->pending % RING] = mixed;
	set->pending++;
}

uint64
dsec_holdings_set_count(DsecHoldingSet *set)
{
	drain(set);
	return set->used + (set->zero ? 1 : 0);
}

const uint64 *
dsec_holdings_set_news(DsecHoldingSet *set, uint64 *n)
{
	drain(set);
	*n = set->nnews;
	set->nnews = 0;
	return set->news;
}

bool
dsec_holdings_set_next(DsecHoldingSet *set, uint64 *position, uint64 *value)
{
	if (*position == 0)
	{
		drain(set);
		(*position)++;
		if (set->zero)
		{
			*value = 0;
			return true;
		}
	}
	while (*position <= set->nslots)
	{
		*value = set->slots[*position - 1];
		(*position)++;
		if (*value != 0)
			return true;
	}
	return false;
}

void
dsec_holdings_set_free(DsecHoldingSet *set)
{
	pfree(set->slots);
	pfree(set->news);
	pfree(set);
}
