/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  An exact set of subjects in memory, made for counting them fast.
 *
 * A table of power-of-two size with linear probing.  An empty slot is all
 * zeroes, so that the element that is all zeroes is kept as a flag beside the
 * table.  An element's place is the top bits of its hash.  Two things follow:
 * when the table grows, elements move in the order they have, from one stream
 * of memory to another; and merging tables, whose elements lie in the same
 * order because all processes of a cluster place them alike, is such a stream,
 * too.  But elements that arrive in that order fill the target from one end,
 * and would form one long cluster in a target that is too small: merging takes
 * them in blocks, block after block far apart, and so a target fills evenly and
 * grows when it must.
 *
 * The hash is bijective for 8 bytes and keyed by a secret of the cluster: who
 * chooses the elements cannot choose their places.
 *
 * Once the table is larger than what the processor keeps near, an element waits
 * in a ring while the memory of its place is fetched, and is looked up when it
 * comes round.  Small tables are probed at once.
 *
 * No locks: a tally belongs to one process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "subject/tally.h"
#include "utils/memutils.h"

#define FIRST_SIZE 16			/* slots of a new table */
#define STEEP_SIZE 4096			/* slots up to which a table grows fourfold */
#define NEAR_BYTES (512 * 1024) /* a larger table is probed through the ring */
#define RING_SIZE 16			/* a power of two */
#define BLOCK_SIZE 1024			/* elements merged in a row; a power of two */
#define SPREAD UINT64CONST(0x9E3779B97F4A7C15)	/* odd: visits every block once */

/* an element of 16 bytes; one of 8 bytes is a bare uint64 */
typedef struct Wide
{
	uint64		word[2];
} Wide;

typedef struct Waiting
{
	Wide		element;		/* 8 bytes: the first word */
	uint64		hash;
} Waiting;

struct DsecTally
{
	void	   *slots;
	uint64		size;			/* number of slots */
	uint64		limit;			/* elements in the table before it grows */
	uint64		used;			/* elements in the table */
	int			shift;			/* of a hash, to find the slot */
	DsecTallyWidth width;
	bool		zero;			/* has the element that is all zeroes */
	uint8		next;			/* where the next element enters the ring */
	uint8		waiting;		/* elements in the ring */
	Waiting    *ring;			/* NULL while the table is small */
	MemoryContext context;
};

static uint64 secret[2];
static bool secret_known = false;

/*
 * All processes of a cluster, and it and its standbys, must agree on the secret;
 * nobody else can know it.
 */
static void
find_secret(void)
{
	static const char purpose[] = "dsec tally";
	uint8		digest[crypto_generichash_BYTES_MIN];

	StaticAssertStmt(sizeof(secret) <= sizeof(digest), "the digest fills the secret");
	StaticAssertStmt(MOCK_AUTH_NONCE_LEN >= crypto_generichash_KEYBYTES_MIN &&
					 MOCK_AUTH_NONCE_LEN <= crypto_generichash_KEYBYTES_MAX,
					 "the nonce of the cluster can be a key");
	if (crypto_generichash(digest, sizeof(digest), (const uint8 *) purpose, sizeof(purpose),
						   (const uint8 *) GetMockAuthenticationNonce(), MOCK_AUTH_NONCE_LEN) != 0)
		elog(ERROR, "could not derive a secret");
	memcpy(secret, digest, sizeof(secret));
	secret_known = true;
}

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

static inline uint64
hash8(uint64 element)
{
	return mix(element ^ secret[0]);
}

static inline uint64
hash16(Wide element)
{
	return mix((mix(element.word[0] ^ secret[0]) + element.word[1]) ^ secret[1]);
}

uint64
dsec_tally_hash16(const uint8 *element)
{
	Wide		wide;

	if (!secret_known)
		find_secret();
	memcpy(&wide, element, sizeof(wide));
	return hash16(wide);
}

static inline bool
is_zero(Wide element)
{
	return (element.word[0] | element.word[1]) == 0;
}

static void
allocate(DsecTally *tally, uint64 size)
{
	Assert(size >= 2 && (size & (size - 1)) == 0);
	if (size > MaxAllocHugeSize / tally->width)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct subjects")));
	tally->slots = MemoryContextAllocExtended(tally->context, (Size) size * tally->width,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	tally->size = size;
	tally->shift = 64 - pg_leftmost_one_pos64(size);
	tally->limit = size / 16 * 11;
}

/* Put in an element that is not there yet; there must be room. */
static inline void
place8(uint64 *slots, uint64 mask, uint64 at, uint64 element)
{
	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = element;
}

static inline void
place16(Wide *slots, uint64 mask, uint64 at, Wide element)
{
	while (!is_zero(slots[at]))
		at = (at + 1) & mask;
	slots[at] = element;
}

static pg_noinline void
resize(DsecTally *tally, uint64 size)
{
	void	   *old = tally->slots;
	uint64		old_size = tally->size;
	uint64		mask = size - 1;

	/* if this fails, the tally is as it was */
	allocate(tally, size);
	if (tally->width == DSEC_TALLY_8)
	{
		for (uint64 i = 0; i < old_size; i++)
		{
			uint64		element = ((uint64 *) old)[i];

			if (element != 0)
				place8(tally->slots, mask, hash8(element) >> tally->shift, element);
		}
	}
	else
	{
		for (uint64 i = 0; i < old_size; i++)
		{
			Wide		element = ((Wide *) old)[i];

			if (!is_zero(element))
				place16(tally->slots, mask, hash16(element) >> tally->shift, element);
		}
	}
	pfree(old);

	if (tally->ring == NULL && size * tally->width > NEAR_BYTES)
		tally->ring = MemoryContextAlloc(tally->context, RING_SIZE * sizeof(Waiting));
}

static inline void
insert8(DsecTally *tally, uint64 element, uint64 hash)
{
	uint64	   *slots = tally->slots;
	uint64		at = hash >> tally->shift;

	while (slots[at] != element)
	{
		if (slots[at] == 0)
		{
			slots[at] = element;
			if (++tally->used > tally->limit)
				resize(tally, tally->size * (tally->size <= STEEP_SIZE ? 4 : 2));
			return;
		}
		at = (at + 1) & (tally->size - 1);
	}
}

static inline void
insert16(DsecTally *tally, Wide element, uint64 hash)
{
	Wide	   *slots = tally->slots;
	uint64		at = hash >> tally->shift;

	while (slots[at].word[0] != element.word[0] || slots[at].word[1] != element.word[1])
	{
		if (is_zero(slots[at]))
		{
			slots[at] = element;
			if (++tally->used > tally->limit)
				resize(tally, tally->size * (tally->size <= STEEP_SIZE ? 4 : 2));
			return;
		}
		at = (at + 1) & (tally->size - 1);
	}
}

DsecTally *
dsec_tally_create(MemoryContext context, DsecTallyWidth width)
{
	DsecTally  *tally = MemoryContextAllocZero(context, sizeof(DsecTally));

	Assert(width == DSEC_TALLY_8 || width == DSEC_TALLY_16);
	if (!secret_known)
		find_secret();
	tally->context = context;
	tally->width = width;
	allocate(tally, FIRST_SIZE);
	return tally;
}

DsecTallyWidth
dsec_tally_width(const DsecTally *tally)
{
	return tally->width;
}

void
dsec_tally_add8(DsecTally *tally, uint64 element)
{
	uint64		hash;
	Waiting    *place;
	uint64		due;
	uint64		due_hash;

	Assert(tally->width == DSEC_TALLY_8);
	if (unlikely(element == 0))
	{
		tally->zero = true;
		return;
	}
	hash = hash8(element);
	if (tally->ring == NULL)
	{
		insert8(tally, element, hash);
		return;
	}

	__builtin_prefetch((uint64 *) tally->slots + (hash >> tally->shift), 1);
	place = &tally->ring[tally->next];
	due = place->element.word[0];
	due_hash = place->hash;
	place->element.word[0] = element;
	place->hash = hash;
	tally->next = (tally->next + 1) & (RING_SIZE - 1);
	if (likely(tally->waiting == RING_SIZE))
		insert8(tally, due, due_hash);
	else
		tally->waiting++;
}

void
dsec_tally_add16(DsecTally *tally, const uint8 *element)
{
	Wide		wide;
	uint64		hash;
	Waiting    *place;
	Waiting		due;

	Assert(tally->width == DSEC_TALLY_16);
	memcpy(&wide, element, sizeof(wide));
	if (unlikely(is_zero(wide)))
	{
		tally->zero = true;
		return;
	}
	hash = hash16(wide);
	if (tally->ring == NULL)
	{
		insert16(tally, wide, hash);
		return;
	}

	__builtin_prefetch((Wide *) tally->slots + (hash >> tally->shift), 1);
	place = &tally->ring[tally->next];
	due = *place;
	place->element = wide;
	place->hash = hash;
	tally->next = (tally->next + 1) & (RING_SIZE - 1);
	if (likely(tally->waiting == RING_SIZE))
		insert16(tally, due.element, due.hash);
	else
		tally->waiting++;
}

/* Look up all that still wait, oldest first. */
static void
drain(DsecTally *tally)
{
	while (tally->waiting > 0)
	{
		Waiting    *place = &tally->ring[(tally->next - tally->waiting) & (RING_SIZE - 1)];

		/* an element whose insertion fails is not forgotten */
		if (tally->width == DSEC_TALLY_8)
			insert8(tally, place->element.word[0], place->hash);
		else
			insert16(tally, place->element, place->hash);
		tally->waiting--;
	}
	tally->next = 0;
}

uint64
dsec_tally_count(DsecTally *tally)
{
	drain(tally);
	return tally->used + (tally->zero ? 1 : 0);
}

uint64
dsec_tally_count_so_far(const DsecTally *tally)
{
	return tally->used + (tally->zero ? 1 : 0);
}

void
dsec_tally_reserve(DsecTally *tally, uint64 count)
{
	uint64		size = tally->size;

	while (size / 16 * 11 < count)
	{
		if (size > MaxAllocHugeSize / tally->width)
			break;				/* allocate() refuses */
		size *= 2;
	}
	if (size > tally->size)
	{
		drain(tally);
		resize(tally, size);
	}
}

/*
 * Add elements that may lie in the order of a table, in blocks that are taken
 * in an order without a trend.  The elements that are zero are empty slots when
 * they come from a table.
 */
static void
add_blocks(DsecTally *tally, const uint8 *elements, uint64 n, bool slots)
{
	uint64		nblocks = n / BLOCK_SIZE + (n % BLOCK_SIZE != 0 ? 1 : 0);
	uint64		stride = 1;

	/* a stride that has no factor in common with the number of blocks */
	if (nblocks > 2)
	{
		uint64		a;
		uint64		b;

		stride = (uint64) (nblocks * 0.6180339887) | 1;
		for (;; stride++)
		{
			for (a = nblocks, b = stride; b != 0;)
			{
				uint64		rest = a % b;

				a = b;
				b = rest;
			}
			if (a == 1)
				break;
		}
	}

	for (uint64 i = 0, block = 0; i < nblocks; i++)
	{
		const uint8 *at = elements + block * BLOCK_SIZE * tally->width;
		uint64		members = Min(BLOCK_SIZE, n - block * BLOCK_SIZE);

		CHECK_FOR_INTERRUPTS();
		if (tally->width == DSEC_TALLY_8)
		{
			for (uint64 j = 0; j < members; j++)
			{
				uint64		element;

				memcpy(&element, at + j * sizeof(element), sizeof(element));
				if (element != 0 || !slots)
					dsec_tally_add8(tally, element);
			}
		}
		else
		{
			for (uint64 j = 0; j < members; j++)
			{
				Wide		element;

				memcpy(&element, at + j * sizeof(element), sizeof(element));
				if (!is_zero(element) || !slots)
					dsec_tally_add16(tally, (const uint8 *) &element);
			}
		}
		block = (block + stride) % nblocks;
	}
}

void
dsec_tally_add_packed(DsecTally *tally, const void *elements, uint64 n)
{
	dsec_tally_reserve(tally, n);
	add_blocks(tally, elements, n, false);
}

void
dsec_tally_merge(DsecTally *tally, DsecTally *from)
{
	Assert(tally->width == from->width);
	drain(from);
	dsec_tally_reserve(tally, from->used);
	add_blocks(tally, from->slots, from->size, true);
	tally->zero |= from->zero;
}

void
dsec_tally_elements(DsecTally *tally, void *out)
{
	drain(tally);
	if (tally->width == DSEC_TALLY_8)
	{
		const uint64 *slots = tally->slots;
		uint8	   *to = out;
		uint64		zero = 0;

		if (tally->zero)
		{
			memcpy(to, &zero, sizeof(zero));
			to += sizeof(zero);
		}
		for (uint64 i = 0; i < tally->size; i++)
		{
			if (slots[i] != 0)
			{
				memcpy(to, &slots[i], sizeof(slots[i]));
				to += sizeof(slots[i]);
			}
		}
	}
	else
	{
		const Wide *slots = tally->slots;
		uint8	   *to = out;

		if (tally->zero)
		{
			memset(to, 0, sizeof(Wide));
			to += sizeof(Wide);
		}
		for (uint64 i = 0; i < tally->size; i++)
		{
			if (!is_zero(slots[i]))
			{
				memcpy(to, &slots[i], sizeof(Wide));
				to += sizeof(Wide);
			}
		}
	}
}

Size
dsec_tally_bytes(const DsecTally *tally)
{
	return sizeof(DsecTally) + (Size) tally->size * tally->width +
		(tally->ring != NULL ? RING_SIZE * sizeof(Waiting) : 0);
}

void
dsec_tally_free(DsecTally *tally)
{
	if (tally->ring != NULL)
		pfree(tally->ring);
	pfree(tally->slots);
	pfree(tally);
}
