/*-------------------------------------------------------------------------
 *
 * set.h
 *	  dsec.subject_set: an exact set of subjects as a value.
 *
 * A varlena of a versioned format (set_format.h): a header with format version,
 * the number of the key the hashes were made under, and the count; then the
 * keyed 64-bit hashes, ascending and distinct.  Whatever comes from outside
 * (text, binary, a serialised state) is checked in full before it is believed.
 * Sets made under different keys do not mix (DS003).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SET_H
#define DSEC_SET_H

#include "compat.h"
#include "fmgr.h"
#include "subject/set_format.h"

/*
 * The hash key of this server.  The module that owns the key registers itself;
 * raises DS003 when there is none (not preloaded, no ledger).
 */
typedef const uint8 *(*DsecKeySource) (void);

extern void dsec_subject_set_key_source(DsecKeySource source);
extern const uint8 *dsec_subject_key(void);

/* The number of a key: DSEC_KEY_ID_BYTES. */
extern void dsec_set_key_id(const uint8 *key, uint8 *key_id);

/*
 * A set in the making, palloc'd: the caller fills in up to "most" hashes, in any
 * order, duplicates allowed, none 0; dsec_set_finish() sorts them in place.
 * Raises program_limit_exceeded when a set cannot hold that many.
 */
extern DsecSubjectSet *dsec_set_start(uint64 most, const uint8 *key_id);
extern void dsec_set_finish(DsecSubjectSet *set, uint64 n);

/* hashes: n of them, in any order, duplicates allowed; sorted in place */
extern struct varlena *dsec_set_build(uint64 *hashes, uint64 n, const uint8 *key);

/*
 * A set's hashes, ascending, and their number; the set, which is detoasted, is
 * checked first and must outlive them.
 */
extern const uint64 *dsec_set_hashes(struct varlena *set, uint64 *n);

/* Detoasted and checked in full: data_corrupted when it is no set. */
extern DsecSubjectSet *dsec_set_get(Datum datum);

/* DS003 when they differ. */
extern void dsec_set_check_keys(const uint8 *key_id1, const uint8 *key_id2);

/*
 * For the aggregates: the context of their state, from the state's first row on;
 * "first" with that row, when feature_not_supported is raised for a window frame
 * that would take quadratic time.
 */
extern MemoryContext dsec_set_aggregate_context(FunctionCallInfo fcinfo, bool first);

/* A serialised state is none: data_corrupted. */
pg_noreturn extern void dsec_set_refuse_state(void);

#endif							/* DSEC_SET_H */
