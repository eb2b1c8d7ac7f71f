/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  A set of 64-bit keys that remembers two things of each: that it is
 *	  charged, and that one export has seen it.
 *
 * Small keys (below 2^26: patient numbers, mostly) are bits in chunks of 65,536
 * keys, found by their number: 16 kB a chunk, so that what a million of them
 * needs stays in the processor's cache.  All others are entries of 16 bytes in
 * an open-addressing table, filled to a half at most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SEEN_H
#define DSEC_SEEN_H

#define DSEC_SEEN_CHUNK_BITS	16
#define DSEC_SEEN_CHUNKS		1024
#define DSEC_SEEN_CHUNK_WORDS	(1 << (DSEC_SEEN_CHUNK_BITS - 6))
#define DSEC_SEEN_SMALL \
	((uint64) DSEC_SEEN_CHUNKS << DSEC_SEEN_CHUNK_BITS)

/* bits of 64 keys */
typedef struct DsecSeenBits
{
	uint64		charged;
	uint64		seen;
} DsecSeenBits;

typedef struct DsecSeenChunk
{
	uint32		export;			/* number of the export that "seen" is about */
	DsecSeenBits bits[DSEC_SEEN_CHUNK_WORDS];
} DsecSeenChunk;

typedef struct DsecSeenEntry
{
	uint64		key;
	uint32		export;			/* number of the last export that saw it */
	bool		used;
	bool		charged;
} DsecSeenEntry;

typedef struct DsecSeen
{
	MemoryContext context;
	DsecSeenChunk *chunks[DSEC_SEEN_CHUNKS];
	DsecSeenEntry *entries;
	uint64		mask;			/* size - 1 */
	uint64		used;
	Size		limit;			/* bytes; emptied when it would grow over it */
} DsecSeen;

/* An empty set in the given context; limit, in bytes, of the table of entries. */
extern DsecSeen *dsec_seen_create(MemoryContext context, Size limit);

/*
 * The export with this number (from 1) sees the key.  charged: it is charged
 * now.  Returns whether the export sees it for the first time.
 */
extern bool dsec_seen_note(DsecSeen *seen, uint64 key, uint32 export,
						   bool charged);

/* The slow parts of what follows. */
extern DsecSeenEntry *dsec_seen_entry(const DsecSeen *seen, uint64 key);
extern void dsec_seen_new_export(DsecSeenChunk *chunk, uint32 export);

static inline DsecSeenBits *
dsec_seen_bits(DsecSeenChunk *chunk, uint64 key)
{
	return &chunk->bits[(key >> 6) & (DSEC_SEEN_CHUNK_WORDS - 1)];
}

/* Is the key known to be charged? */
static inline bool
dsec_seen_is_charged(const DsecSeen *seen, uint64 key)
{
	if (likely(key < DSEC_SEEN_SMALL))
	{
		DsecSeenChunk *chunk = seen->chunks[key >> DSEC_SEEN_CHUNK_BITS];

		return chunk != NULL &&
			(dsec_seen_bits(chunk, key)->charged >> (key & 63) & 1) != 0;
	}
	else
	{
		DsecSeenEntry *entry = dsec_seen_entry(seen, key);

		return entry != NULL && entry->charged;
	}
}

/*
 * Is the key known to be charged?  Then the export sees it, and *first tells
 * whether for the first time.
 */
static inline bool
dsec_seen_check(DsecSeen *seen, uint64 key, uint32 export, bool *first)
{
	if (likely(key < DSEC_SEEN_SMALL))
	{
		DsecSeenChunk *chunk = seen->chunks[key >> DSEC_SEEN_CHUNK_BITS];
		uint64		bit = UINT64CONST(1) << (key & 63);
		DsecSeenBits *bits;

		if (chunk == NULL)
			return false;
		if (unlikely(chunk->export != export))
			dsec_seen_new_export(chunk, export);
		bits = dsec_seen_bits(chunk, key);
		if ((bits->charged & bit) == 0)
			return false;
		*first = (bits->seen & bit) == 0;
		bits->seen |= bit;
	}
	else
	{
		DsecSeenEntry *entry = dsec_seen_entry(seen, key);

		if (entry == NULL || !entry->charged)
			return false;
		*first = entry->export != export;
		entry->export = export;
	}

	return true;
}

#endif							/* DSEC_SEEN_H */
