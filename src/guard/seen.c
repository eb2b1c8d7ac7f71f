/*-------------------------------------------------------------------------
 *
 * seen.c
 *	  Session-local cache of keys that are charged already.
 *
 * Forgetting is always allowed: a key that is not here is looked up in the
 * ledger again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "guard/seen.h"
#include "utils/memutils.h"

#define INITIAL_ENTRIES 64

static uint64
mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;

	return x;
}

DsecSeen *
dsec_seen_create(MemoryContext context, Size limit)
{
	DsecSeen   *seen = MemoryContextAllocZero(context, sizeof(DsecSeen));

	seen->context = context;
	seen->limit = limit;

	return seen;
}

void
dsec_seen_new_export(DsecSeenChunk *chunk, uint32 export)
{
	for (int i = 0; i < DSEC_SEEN_CHUNK_WORDS; i++)
		chunk->bits[i].seen = 0;
	chunk->export = export;
}

/* Make room for more entries; moves the table, or empties it at its limit. */
static void
grow(DsecSeen *seen)
{
	DsecSeenEntry *old = seen->entries;
	uint64		oldsize = old ? seen->mask + 1 : 0;
	uint64		newsize = old ? oldsize * 2 : INITIAL_ENTRIES;
	DsecSeenEntry *entries;

	if (old && newsize * sizeof(DsecSeenEntry) > seen->limit)
	{
		memset(old, 0, oldsize * sizeof(DsecSeenEntry));
		seen->used = 0;
		return;
	}

	entries = MemoryContextAllocExtended(seen->context,
										 newsize * sizeof(DsecSeenEntry),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < oldsize; i++)
	{
		if (old[i].used)
		{
			uint64		j = mix(old[i].key) & (newsize - 1);

			while (entries[j].used)
				j = (j + 1) & (newsize - 1);
			entries[j] = old[i];
		}
	}
	seen->entries = entries;
	seen->mask = newsize - 1;
	if (old)
		pfree(old);
}

/* The key's place in the table: its entry, or a free one. */
static DsecSeenEntry *
find_place(const DsecSeen *seen, uint64 key)
{
	uint64		i = mix(key) & seen->mask;

	while (seen->entries[i].used && seen->entries[i].key != key)
		i = (i + 1) & seen->mask;

	return &seen->entries[i];
}

/* The key's entry, or NULL. */
DsecSeenEntry *
dsec_seen_entry(const DsecSeen *seen, uint64 key)
{
	DsecSeenEntry *entry;

	if (seen->entries == NULL)
		return NULL;
	entry = find_place(seen, key);

	return entry->used ? entry : NULL;
}

static bool
note_small(DsecSeen *seen, uint64 key, uint32 export, bool charged)
{
	DsecSeenChunk **chunk = &seen->chunks[key >> DSEC_SEEN_CHUNK_BITS];
	uint64		bit = UINT64CONST(1) << (key & 63);
	DsecSeenBits *bits;
	bool		first;

	if (*chunk == NULL)
		*chunk = MemoryContextAllocZero(seen->context, sizeof(DsecSeenChunk));
	if ((*chunk)->export != export)
		dsec_seen_new_export(*chunk, export);

	bits = dsec_seen_bits(*chunk, key);
	first = (bits->seen & bit) == 0;
	bits->seen |= bit;
	if (charged)
		bits->charged |= bit;

	return first;
}

bool
dsec_seen_note(DsecSeen *seen, uint64 key, uint32 export, bool charged)
{
	DsecSeenEntry *entry;
	bool		first;

	if (key < DSEC_SEEN_SMALL)
		return note_small(seen, key, export, charged);

	if (seen->entries == NULL || seen->used * 2 > seen->mask)
		grow(seen);
	entry = find_place(seen, key);
	if (!entry->used)
	{
		entry->key = key;
		entry->used = true;
		seen->used++;
	}
	first = entry->export != export;
	entry->export = export;
	entry->charged |= charged;

	return first;
}
