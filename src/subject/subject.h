/*-------------------------------------------------------------------------
 *
 * subject.h
 *	  From the key values of a row to the 64-bit keyed hash of its subject.
 *
 * Values that compare equal within one type family give the same canonical
 * bytes, so that the same person is one subject whatever the column type:
 * integers as int8; numeric without trailing zeroes (integral numerics are
 * still the numeric family); text (text, varchar, char(n) without padding,
 * citext folded, nondeterministic collations by sort key); uuid; inet and
 * cidr; date, timestamp and timestamptz; domains over any of these as their
 * base type.  Hash: SipHash-2-4 of libsodium (crypto_shorthash).  With n
 * subjects in a space the chance that any two share a hash is below
 * n*n / 2^65: 2.8e-8 for a million.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SUBJECT_H
#define DSEC_SUBJECT_H

#include "fmgr.h"
#include "storage/itemptr.h"

#define DSEC_KEY_BYTES 16
#define DSEC_DIGEST_BYTES 16

typedef enum DsecKeyFamily
{
	DSEC_FAMILY_NONE,			/* refused as a subject key */
	DSEC_FAMILY_INTEGER,
	DSEC_FAMILY_NUMERIC,
	DSEC_FAMILY_TEXT,
	DSEC_FAMILY_UUID,
	DSEC_FAMILY_INET,
	DSEC_FAMILY_DATETIME
} DsecKeyFamily;

typedef struct DsecKeyHasher DsecKeyHasher;

/* Family of a type, domains looked through; NONE when it cannot be a key. */
extern DsecKeyFamily dsec_subject_family(Oid type);

/*
 * Prepare to hash keys of these types.  Allocated in the current memory
 * context.  Raises DS003 when a type is not supported.
 */
extern DsecKeyHasher *dsec_subject_hasher(int nkeys, const Oid *types,
										  const Oid *collations);

/*
 * Hash one key under the given 16 bytes.  Never returns 0.  A composite key is
 * hashed with the lengths of its parts, so that ('a','bc') is not ('ab','c').
 * No value may be NULL.  Leaves nothing allocated.
 */
extern uint64 dsec_subject_hash(DsecKeyHasher *hasher, const Datum *values,
								const uint8 *key);

/* The same for a single key of the integer family, whatever its width. */
extern uint64 dsec_subject_hash_integer(int64 value, const uint8 *key);

/*
 * Digest one key, for counting without a key file: the first 16 bytes of
 * BLAKE2b over the same canonical bytes.  Nobody can find two keys with one
 * digest, save under a nondeterministic collation, where the canonical bytes
 * are themselves hashes of PostgreSQL's; by chance n subjects collide with a
 * probability below n*n / 2^129.  No value may be NULL.  Leaves nothing
 * allocated.
 */
extern void dsec_subject_digest(DsecKeyHasher *hasher, const Datum *values,
								uint8 *digest);

/*
 * Hash of a row version that has no usable key: database, table, ctid and the
 * transaction that inserted it.  Never returns 0.
 */
extern uint64 dsec_subject_hash_row(Oid database, Oid table, ItemPointer ctid,
									TransactionId xmin, const uint8 *key);

#endif							/* DSEC_SUBJECT_H */
