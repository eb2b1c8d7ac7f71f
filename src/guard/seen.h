/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  A set of 64-bit keys that remembers two things of each: that it is
 *	  charged, and in which export it was last seen.
 *
 * Keys are kept as bits of 64-key words in an open-addressing table of 32-byte
 * entries, so that dense keys (patient numbers, mostly) cost half a byte each
 * and stay in the processor's cache, and sparse ones 64 bytes at most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SEEN_H
#define DSEC_SEEN_H

typedef struct DsecSeenWord
{
	uint64		word;			/* key >> 6 */
	uint64		charged;		/* bit per key */
	uint64		seen;			/* bit per key, for one export only: */
	uint32		export;			/* its number */
	bool		used;
} DsecSeenWord;

typedef struct DsecSeen
{
	MemoryContext context;
	DsecSeenWord *words;
	uint64		mask;			/* size - 1 */
	uint64		used;
	Size		limit;			/* bytes; emptied when it would grow over it */
} DsecSeen;

/* An empty set in the given context; limit in bytes. */
extern DsecSeen *dsec_seen_create(MemoryContext context, Size limit);

/* Make room for more words; may move, or empty, the table. */
extern void dsec_seen_grow(DsecSeen *seen);

static inline uint64
dsec_seen_mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;

	return x;
}

/*
 * The word of a key, made when it is not there.  Valid until the next call
 * for the same set.
 */
static inline DsecSeenWord *
dsec_seen_word(DsecSeen *seen, uint64 key)
{
	uint64		word = key >> 6;
	uint64		i;

	if (unlikely(seen->used * 2 > seen->mask))
		dsec_seen_grow(seen);

	i = dsec_seen_mix(word) & seen->mask;
	for (;;)
	{
		DsecSeenWord *entry = &seen->words[i];

		if (likely(entry->used && entry->word == word))
			return entry;
		if (!entry->used)
		{
			entry->word = word;
			entry->used = true;
			seen->used++;
			return entry;
		}
		i = (i + 1) & seen->mask;
	}
}

#endif							/* DSEC_SEEN_H */
