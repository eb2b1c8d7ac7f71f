/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  An exact set of subjects in memory, made for counting them fast.
 *
 * What the table holds are not the elements but what a bijection, keyed by a
 * secret of the cluster, makes of them: their hash is a part of the value, the
 * element can be had back, and who chooses the elements cannot choose their
 * places.  The value that is all zeroes marks an empty slot, and is kept as a
 * flag beside the table.
 *
 * The table has a power of two of slots, in lines as long as the processor's.
 * A value belongs into the line that the top bits of its hash name, or into the
 * first one after it with an empty slot; a line fills from its front.  A line is
 * compared as a whole, without branches: what takes time is memory and branches
 * mispredicted.
 *
 * Since the top bits decide, values move in the order they have when the table
 * grows, from one stream of memory to another; and merging tables, whose values
 * lie in the same order because all processes of a cluster have one secret, is
 * such a stream, too.  But values that arrive in that order fill the target from
 * one end, and would form one long cluster in a target that is too small:
 * merging takes them in blocks, block after block far apart, and so a target
 * fills evenly and grows when it must.
 *
 * Once the table is larger than what the processor keeps near, a value waits in
 * a ring while the memory of its line is fetched, and is looked up when it comes
 * round.  Small tables are probed at once.
 *
 * Before a table of values of 8 bytes grows, tally_dense.c is asked whether most
 * of the elements lie close together, and can be bits of a bitmap.  Whatever is
 * added is tried there first.
 *
 * No locks: a tally belongs to one process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>
#include <sys/mman.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "subject/tally.h"
#include "subject/tally_slots.h"
#include "utils/memutils.h"

uint64		dsec_tally_secret[2];
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

	StaticAssertStmt(sizeof(dsec_tally_secret) <= sizeof(digest), "the digest fills the secret");
	StaticAssertStmt(MOCK_AUTH_NONCE_LEN >= crypto_generichash_KEYBYTES_MIN &&
					 MOCK_AUTH_NONCE_LEN <= crypto_generichash_KEYBYTES_MAX,
					 "the nonce of the cluster can be a key");
	if (crypto_generichash(digest, sizeof(digest), (const uint8 *) purpose, sizeof(purpose),
						   (const uint8 *) GetMockAuthenticationNonce(), MOCK_AUTH_NONCE_LEN) != 0)
		elog(ERROR, "could not derive a secret");
	memcpy(dsec_tally_secret, digest, sizeof(dsec_tally_secret));
	secret_known = true;
}

uint64
dsec_tally_hash16(const uint8 *element)
{
	Wide		wide;

	if (!secret_known)
		find_secret();
	memcpy(&wide, element, sizeof(wide));
	return value16(wide).word[0];
}

/*
 * Ask for huge pages under a table before it is touched: every probe of a large
 * table is of another page, and the processor knows few pages at a time.  A mere
 * hint, of which nothing is to be undone.
 */
static void
want_huge_pages(void *memory, Size bytes)
{
#if defined(MADV_HUGEPAGE)
	uintptr_t	start = TYPEALIGN(HUGE_PAGE, (uintptr_t) memory);
	uintptr_t	end = TYPEALIGN_DOWN(HUGE_PAGE, (uintptr_t) memory + bytes);

	if (start < end)
		(void) madvise((void *) start, end - start, MADV_HUGEPAGE);
#endif
}

/* Give the tally an empty table.  If memory lacks, the tally is as it was. */
void
dsec_tally_allocate(DsecTally *tally, uint64 size)
{
	Size		bytes;
	void	   *memory;

	Assert(size >= LINE8 && (size & (size - 1)) == 0);
	if (size > (MaxAllocHugeSize - LINE_BYTES) / tally->width)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct subjects")));
	bytes = (Size) size * tally->width;
	if (bytes > NEAR_BYTES)
	{
		memory = MemoryContextAllocExtended(tally->context, bytes + LINE_BYTES, MCXT_ALLOC_HUGE);
		tally->slots = (void *) TYPEALIGN(LINE_BYTES, (uintptr_t) memory);
		want_huge_pages(tally->slots, bytes);
	}
	else
	{
		memory = MemoryContextAlloc(tally->context, bytes);
		tally->slots = memory;
	}
	memset(tally->slots, 0, bytes);
	tally->memory = memory;
	tally->size = size;
	tally->shift = (uint8) (64 - pg_leftmost_one_pos64(size));
}

static pg_noinline void
resize(DsecTally *tally, uint64 size)
{
	void	   *old_memory = tally->memory;
	void	   *old = tally->slots;
	uint64		old_size = tally->size;

	if (tally->ring == NULL && size * tally->width > NEAR_BYTES)
		tally->ring = MemoryContextAllocZero(tally->context, RING_SIZE * tally->width);

	dsec_tally_allocate(tally, size);
	if (tally->width == DSEC_TALLY_8)
	{
		const uint64 *values = old;

		for (uint64 i = 0; i < old_size; i++)
		{
			if (values[i] != 0)
				place8(tally, values[i]);
		}
	}
	else
	{
		const Wide *values = old;

		for (uint64 i = 0; i < old_size; i++)
		{
			if (!is_zero(values[i]))
				place16(tally, values[i]);
		}
	}
	pfree(old_memory);
}

/* The table is full. */
static pg_noinline void
grow(DsecTally *tally)
{
	if (tally->width == DSEC_TALLY_8 && dsec_tally_condense(tally))
		return;
	resize(tally, tally->size * (tally->size <= STEEP_SIZE ? 4 : 2));
}

static inline void
count_one(DsecTally *tally)
{
	if (unlikely(++tally->used > FULL(tally->size)))
		grow(tally);
}

/* The value is not in its line: look farther, or put it in. */
static pg_noinline void
insert_new8(DsecTally *tally, uint64 at, uint64 value)
{
	for (;;)
	{
		uint64	   *line = (uint64 *) tally->slots + at;
		int			fill = fill8(line);

		if (fill < LINE8)
		{
			line[fill] = value;
			count_one(tally);
			return;
		}
		at = (at + LINE8) & (tally->size - 1);
		if (in_line8((uint64 *) tally->slots + at, value))
			return;
	}
}

static inline void
insert8(DsecTally *tally, uint64 value)
{
	uint64		at = (value >> tally->shift) & ~(uint64) (LINE8 - 1);

	if (!in_line8((uint64 *) tally->slots + at, value))
		insert_new8(tally, at, value);
}

/* The value is not in its line: look farther, or put it in. */
static pg_noinline void
insert_new16(DsecTally *tally, uint64 at, Wide value)
{
	for (;;)
	{
		Wide	   *line = (Wide *) tally->slots + at;
		int			fill = fill16(line);

		if (fill < LINE16)
		{
			line[fill] = value;
			count_one(tally);
			return;
		}
		at = (at + LINE16) & (tally->size - 1);
		if (in_line16((Wide *) tally->slots + at, value))
			return;
	}
}

static inline void
insert16(DsecTally *tally, Wide value)
{
	uint64		at = (value.word[0] >> tally->shift) & ~(uint64) (LINE16 - 1);

	if (!in_line16((Wide *) tally->slots + at, value))
		insert_new16(tally, at, value);
}

/* Add a value, at once or by way of the ring. */
static inline void
enter8(DsecTally *tally, uint64 value)
{
	uint64	   *place;
	uint64		due;

	if (unlikely(value == 0))
	{
		tally->zero = true;
		return;
	}
	if (tally->ring == NULL)
	{
		insert8(tally, value);
		return;
	}

	__builtin_prefetch((uint64 *) tally->slots + (value >> tally->shift), 1);
	place = (uint64 *) tally->ring + tally->next;
	due = *place;
	*place = value;
	tally->next = (tally->next + 1) & (RING_SIZE - 1);
	if (likely(tally->waiting == RING_SIZE))
		insert8(tally, due);
	else
		tally->waiting++;
}

static inline void
enter16(DsecTally *tally, Wide value)
{
	Wide	   *place;
	Wide		due;

	if (unlikely(is_zero(value)))
	{
		tally->zero = true;
		return;
	}
	if (tally->ring == NULL)
	{
		insert16(tally, value);
		return;
	}

	__builtin_prefetch((Wide *) tally->slots + (value.word[0] >> tally->shift), 1);
	place = (Wide *) tally->ring + tally->next;
	due = *place;
	*place = value;
	tally->next = (tally->next + 1) & (RING_SIZE - 1);
	if (likely(tally->waiting == RING_SIZE))
		insert16(tally, due);
	else
		tally->waiting++;
}

/* Look up all that still wait, oldest first. */
static void
drain(DsecTally *tally)
{
	while (tally->waiting > 0)
	{
		int			oldest = (tally->next - tally->waiting) & (RING_SIZE - 1);

		tally->waiting--;
		if (tally->width == DSEC_TALLY_8)
			insert8(tally, ((uint64 *) tally->ring)[oldest]);
		else
			insert16(tally, ((Wide *) tally->ring)[oldest]);
	}
	tally->next = 0;
}

void
dsec_tally_init(DsecTally *tally, MemoryContext context, DsecTallyWidth width)
{
	Assert(width == DSEC_TALLY_8 || width == DSEC_TALLY_16);
	if (!secret_known)
		find_secret();
	memset(tally, 0, sizeof(DsecTally));
	tally->context = context;
	tally->width = (uint8) width;
	dsec_tally_allocate(tally, FIRST_SIZE);
}

DsecTally *
dsec_tally_create(MemoryContext context, DsecTallyWidth width)
{
	DsecTally  *tally = MemoryContextAlloc(context, sizeof(DsecTally));

	dsec_tally_init(tally, context, width);
	return tally;
}

DsecTallyWidth
dsec_tally_width(const DsecTally *tally)
{
	return (DsecTallyWidth) tally->width;
}

void
dsec_tally_add8_outside(DsecTally *tally, uint64 element)
{
	Assert(tally->width == DSEC_TALLY_8 && element - tally->base >= tally->span);
	enter8(tally, value8(element));
}

void
dsec_tally_add16(DsecTally *tally, const uint8 *element)
{
	Wide		wide;

	Assert(tally->width == DSEC_TALLY_16);
	memcpy(&wide, element, sizeof(wide));
	enter16(tally, value16(wide));
}

uint64
dsec_tally_count_outside(DsecTally *tally)
{
	drain(tally);
	return tally->used + (tally->zero ? 1 : 0);
}

uint64
dsec_tally_count(DsecTally *tally)
{
	/* draining may move elements into the bitmap */
	drain(tally);
	return dsec_tally_count_so_far(tally);
}

uint64
dsec_tally_count_so_far(const DsecTally *tally)
{
	return tally->dense + tally->used + (tally->zero ? 1 : 0);
}

void
dsec_tally_reserve(DsecTally *tally, uint64 count)
{
	uint64		size = tally->size;

	while (FULL(size) < count && size <= MaxAllocHugeSize / tally->width)
		size *= 2;
	if (size > tally->size)
	{
		drain(tally);
		resize(tally, size);
	}
}

/* A number below n and next to the golden ratio of it without a common factor. */
static uint64
find_stride(uint64 n)
{
	uint64		stride = Max((uint64) (n * 0.6180339887), 1);

	for (;; stride++)
	{
		uint64		a = n;
		uint64		b = stride;

		while (b != 0)
		{
			uint64		rest = a % b;

			a = b;
			b = rest;
		}
		if (a == 1)
			return stride;
	}
}

/*
 * Add what may lie in the order of a table, in blocks that are taken in an order
 * without a trend: elements packed, or the slots of a table.
 */
static void
add_blocks(DsecTally *tally, const uint8 *from, uint64 n, bool slots)
{
	uint64		nblocks = (n + BLOCK_SIZE - 1) / BLOCK_SIZE;
	uint64		stride = nblocks > 0 ? find_stride(nblocks) : 0;

	for (uint64 i = 0, block = 0; i < nblocks; i++)
	{
		const uint8 *at = from + block * BLOCK_SIZE * tally->width;
		uint64		members = Min(BLOCK_SIZE, n - block * BLOCK_SIZE);

		CHECK_FOR_INTERRUPTS();
		for (uint64 j = 0; j < members; j++)
		{
			if (tally->width == DSEC_TALLY_8)
			{
				uint64		value;

				memcpy(&value, at + j * sizeof(value), sizeof(value));
				if (!slots)
					dsec_tally_add8(tally, value);
				else if (value == 0)
					continue;
				else if (tally->span == 0 || !dsec_tally_add_dense(tally, element8(value)))
					enter8(tally, value);
			}
			else
			{
				Wide		value;

				memcpy(&value, at + j * sizeof(value), sizeof(value));
				if (!slots)
					enter16(tally, value16(value));
				else if (!is_zero(value))
					enter16(tally, value);
			}
		}
		block = (block + stride) % nblocks;
	}
}

void
dsec_tally_add_packed(DsecTally *tally, const void *elements, uint64 n)
{
	uint64		outside = n;

	/* no room for those that go into the bitmap */
	if (tally->span > 0)
	{
		for (uint64 i = 0; i < n; i++)
		{
			uint64		element;

			memcpy(&element, (const uint8 *) elements + i * sizeof(element), sizeof(element));
			if (element - tally->base < tally->span)
				outside--;
		}
	}
	dsec_tally_reserve(tally, outside);
	add_blocks(tally, elements, n, false);
}

void
dsec_tally_merge(DsecTally *tally, DsecTally *from)
{
	Assert(tally->width == from->width);
	drain(from);
	if (from->span > 0)
		dsec_tally_add_bits(tally, from->base, from->bits, from->span / 64);
	dsec_tally_reserve(tally, from->used);
	add_blocks(tally, from->slots, from->size, true);
	if (from->zero && tally->width == DSEC_TALLY_8)
		dsec_tally_add8(tally, element8(0));
	else if (from->zero)
		tally->zero = true;
}

void
dsec_tally_elements_outside(DsecTally *tally, void *out)
{
	uint8	   *to = out;

	drain(tally);
	for (uint64 i = 0; i < tally->size; i++)
	{
		if (tally->width == DSEC_TALLY_8)
		{
			uint64		value = ((const uint64 *) tally->slots)[i];
			uint64		element = element8(value);

			if (value == 0)
				continue;
			memcpy(to, &element, sizeof(element));
			to += sizeof(element);
		}
		else
		{
			Wide		value = ((const Wide *) tally->slots)[i];
			Wide		element = element16(value);

			if (is_zero(value))
				continue;
			memcpy(to, &element, sizeof(element));
			to += sizeof(element);
		}
	}
	if (tally->zero && tally->width == DSEC_TALLY_8)
	{
		uint64		element = element8(0);

		memcpy(to, &element, sizeof(element));
	}
	else if (tally->zero)
	{
		Wide		element = element16((Wide) {0});

		memcpy(to, &element, sizeof(element));
	}
}

void
dsec_tally_elements(DsecTally *tally, void *out)
{
	drain(tally);
	if (tally->dense > 0)
		out = dsec_tally_spread(tally, out);
	dsec_tally_elements_outside(tally, out);
}

Size
dsec_tally_bytes(const DsecTally *tally)
{
	return sizeof(DsecTally) + (Size) tally->size * tally->width + tally->span / 8 +
		(tally->ring != NULL ? RING_SIZE * tally->width : 0);
}

void
dsec_tally_free(DsecTally *tally)
{
	if (tally->ring != NULL)
		pfree(tally->ring);
	if (tally->bits != NULL)
		pfree(tally->bits);
	pfree(tally->memory);
	pfree(tally);
}
