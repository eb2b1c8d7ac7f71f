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
	seen->words = new_words(seen, INITIAL_WORDS);
	seen->mask = INITIAL_WORDS - 1;
	seen->limit = limit;

	return seen;
}

void
dsec_seen_grow(DsecSeen *seen)
{
	DsecSeenWord *old = seen->words;
	uint64		oldsize = seen->mask + 1;
	uint64		newsize = oldsize * 2;
	DsecSeenWord *words;

	if (newsize * sizeof(DsecSeenWord) > seen->limit)
	{
		memset(seen->words, 0, oldsize * sizeof(DsecSeenWord));
		seen->used = 0;
		return;
	}

	words = new_words(seen, newsize);
	for (uint64 i = 0; i < oldsize; i++)
	{
		if (old[i].used)
		{
			uint64		j = dsec_seen_mix(old[i].word) & (newsize - 1);

			while (words[j].used)
				j = (j + 1) & (newsize - 1);
			words[j] = old[i];
		}
	}
	seen->words = words;
	seen->mask = newsize - 1;
	pfree(old);
}
