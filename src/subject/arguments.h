/*-------------------------------------------------------------------------
 *
 * arguments.h
 *	  Subject keys as arguments of SQL functions: VARIADIC "any".
 *
 * Two forms of a subject are made from them:
 *	 raw	for counting within one statement.  A single integer key is its own
 *			value, 8 bytes; every other key, single or composite, the first 16
 *			bytes of BLAKE2b over its canonical bytes (collisions cannot be
 *			found on purpose, and by chance below n*n / 2^129).  Needs no key
 *			file, and no preloading.
 *	 hash	what the ledger stores: keyed, 64 bits (subject.h).  A single
 *			integer key may first be collected raw and hashed once at the end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_ARGUMENTS_H
#define DSEC_ARGUMENTS_H

#include "fmgr.h"
#include "subject/subject.h"
#include "subject/tally.h"

typedef struct DsecArguments DsecArguments;

/*
 * The keys of this call: arguments "first" and up.  Looked up once per call
 * site and cached in fcinfo->flinfo->fn_extra.  Errors: DS002 for a type that
 * cannot be a subject key; feature_not_supported for VARIADIC with an array.
 */
extern DsecArguments *dsec_arguments(FunctionCallInfo fcinfo, int first);

/* DSEC_TALLY_8 for a single integer key, else DSEC_TALLY_16 */
extern DsecTallyWidth dsec_arguments_width(const DsecArguments *arguments);

/* Add the raw form to a tally of that width.  False, and nothing added, when a key is NULL. */
extern bool dsec_arguments_tally(DsecArguments *arguments, FunctionCallInfo fcinfo,
								 DsecTally *tally);

/* The keyed hash; false when a key is NULL. */
extern bool dsec_arguments_hash(DsecArguments *arguments, FunctionCallInfo fcinfo,
								const uint8 *key, uint64 *hash);

/* The keyed hash of a single integer key that was collected raw. */
extern uint64 dsec_arguments_hash_integer(uint64 raw, const uint8 *key);

#endif							/* DSEC_ARGUMENTS_H */
