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

#define INITIAL_WORDS 64

static uint64
mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;

	return x;
}

static DsecSeenWord *
new_words(DsecSeen *seen, uint64 n)
{
	return MemoryContextAllocExtended(seen->context, n * sizeof(DsecSeenWord),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

DsecSeen *
dsec_seen_create(MemoryContext context, Size limit)
{
	DsecSeen   *seen = MemoryContextAllocZero(context, sizeof(DsecSeen));

	seen->context = context;
	seen->limit = limit;

	return seen;
}

/* The key's chunk, made or prepared for another export. */
DsecSeenChunk *
dsec_seen_chunk(DsecSeen *seen, uint64 key, uint32 export)
{
	DsecSeenChunk **chunk = &seen->chunks[key >> DSEC_SEEN_CHUNK_BITS];

	if (*chunk == NULL)
		*chunk = MemoryContextAllocZero(seen->context, sizeof(DsecSeenChunk));
	else
	{
		for (int i = 0; i < DSEC_SEEN_CHUNK_WORDS; i++)
			(*chunk)->bits[i].seen = 0;
	}
	(*chunk)->export = export;

	return *chunk;
}

/* Make room for more words; may move, or empty, the table. */
static void
grow(DsecSeen *seen)
{
	DsecSeenWord *old = seen->words;
	uint64		oldsize = old ? seen->mask + 1 : 0;
	uint64		newsize = old ? oldsize * 2 : INITIAL_WORDS;
	DsecSeenWord *words;

	if (newsize * sizeof(DsecSeenWord) > seen->limit)
	{
		memset(old, 0, oldsize * sizeof(DsecSeenWord));
		seen->used = 0;
		return;
	}

	words = new_words(seen, newsize);
	for (uint64 i = 0; i < oldsize; i++)
	{
		if (old[i].used)
		{
			uint64		j = mix(old[i].word) & (newsize - 1);

			while (words[j].used)
				j = (j + 1) & (newsize - 1);
			words[j] = old[i];
		}
	}
	seen->words = words;
	seen->mask = newsize - 1;
	if (old)
		pfree(old);
}

DsecSeenBits *
dsec_seen_word(DsecSeen *seen, uint64 key, uint32 export)
{
	uint64		word = key >> 6;
	DsecSeenWord *entry;
	uint64		i;

	if (seen->words == NULL || seen->used * 2 > seen->mask)
		grow(seen);

	i = mix(word) & seen->mask;
	for (;;)
	{
		entry = &seen->words[i];
		if (entry->used && entry->word == word)
			break;
		if (!entry->used)
		{
			entry->word = word;
			entry->used = true;
			seen->used++;
			break;
		}
		i = (i + 1) & seen->mask;
	}

	if (entry->export != export)
	{
		entry->export = export;
		entry->bits.seen = 0;
	}

	return &entry->bits;
}
