/*-------------------------------------------------------------------------
 *
 * set.h
 *	  dsec.subject_set: an exact set of subjects as a value.
 *
 * A varlena of a versioned format: a header with format version, the number of
 * the key the hashes were made under, and the count; then the keyed 64-bit
 * hashes, ascending and distinct.  Whatever comes from outside (text, binary,
 * a serialised state) is checked in full before it is believed.  Sets made
 * under different keys do not mix (DS003).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SET_H
#define DSEC_SET_H

#include "fmgr.h"

/* number by which a key is known; the key cannot be found from it */
#define DSEC_KEY_ID_BYTES 8

/*
 * The hash key of this server.  The module that owns the key registers itself;
 * raises DS003 when there is none (not preloaded, no ledger).
 */
typedef const uint8 *(*DsecKeySource) (void);

extern void dsec_subject_set_key_source(DsecKeySource source);
extern const uint8 *dsec_subject_key(void);

/* hashes: n of them, in any order, duplicates allowed; sorted in place */
extern struct varlena *dsec_set_build(uint64 *hashes, uint64 n, const uint8 *key);

/* A set's hashes, ascending, and their number; the set is checked first. */
extern const uint64 *dsec_set_hashes(struct varlena *set, uint64 *n);

#endif							/* DSEC_SET_H */
