/*-------------------------------------------------------------------------
 *
 * seen.h
 *	  A set of 64-bit keys that remembers two things of each: that it is
 *	  charged, and that one export has seen it.
 *
 * Small keys (below 2^26: patient numbers, mostly) are bits in chunks of 65,536
 * keys, found by their number; what a million of them needs stays in the
 * processor's cache.  All others are bits of 64-key words in an open-addressing
 * table.  A chunk takes 16 kB, a word 32 bytes, at a load of at most a half.
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

typedef struct DsecSeenBits
{
	uint64		charged;		/* bit per key */
	uint64		seen;			/* bit per key */
} DsecSeenBits;

typedef struct DsecSeenChunk
{
	uint32		export;			/* number of the export that "seen" is about */
	DsecSeenBits bits[DSEC_SEEN_CHUNK_WORDS];
} DsecSeenChunk;

typedef struct DsecSeenWord
{
	uint64		word;			/* key >> 6 */
	DsecSeenBits bits;
	uint32		export;			/* as in a chunk */
	bool		used;
} DsecSeenWord;

typedef struct DsecSeen
{
	MemoryContext context;
	DsecSeenChunk *chunks[DSEC_SEEN_CHUNKS];
	DsecSeenWord *words;
	uint64		mask;			/* size - 1 */
	uint64		used;
	Size		limit;			/* bytes; emptied when it would grow over it */
} DsecSeen;

/* An empty set in the given context; limit, in bytes, of the table of words. */
extern DsecSeen *dsec_seen_create(MemoryContext context, Size limit);

/* The slow cases of dsec_seen_find. */
extern DsecSeenChunk *dsec_seen_chunk(DsecSeen *seen, uint64 key, uint32 export);
extern DsecSeenBits *dsec_seen_word(DsecSeen *seen, uint64 key, uint32 export);

/*
 * The bits among which the key's is (dsec_seen_bit), made when they are not
 * there; "seen" is about the export with this number.  Valid until the next
 * call for the same set.
 */
static inline DsecSeenBits *
dsec_seen_find(DsecSeen *seen, uint64 key, uint32 export)
{
	if (likely(key < DSEC_SEEN_SMALL))
	{
		DsecSeenChunk *chunk = seen->chunks[key >> DSEC_SEEN_CHUNK_BITS];

		if (unlikely(chunk == NULL || chunk->export != export))
			chunk = dsec_seen_chunk(seen, key, export);

		return &chunk->bits[(key >> 6) & (DSEC_SEEN_CHUNK_WORDS - 1)];
	}

	return dsec_seen_word(seen, key, export);
}

static inline uint64
dsec_seen_bit(uint64 key)
{
	return UINT64CONST(1) << (key & 63);
}

#endif							/* DSEC_SEEN_H */
