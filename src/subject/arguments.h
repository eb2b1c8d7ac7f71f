/*-------------------------------------------------------------------------
 *
 * arguments.h
 *	  Subject keys as arguments of SQL functions: VARIADIC "any".
 *
 * Two forms of a subject are made from them:
 *	 raw	for counting within one statement.  A single integer key is its own
 *			value, 8 bytes; a single uuid is itself, 16 bytes; every other key,
 *			single or composite, is its digest of 16 bytes (subject.h).  Needs
 *			no key file, and no preloading.
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

/* single keys that are read without a hasher */
typedef enum DsecShortcut
{
	DSEC_SHORTCUT_NONE,
	DSEC_SHORTCUT_INT8,
	DSEC_SHORTCUT_INT4,
	DSEC_SHORTCUT_INT2,
	DSEC_SHORTCUT_UUID
} DsecShortcut;

/* private, but for the functions inline below */
typedef struct DsecArguments
{
	DsecShortcut shortcut;
	int			first;			/* number of the first key in fcinfo->args */
	int			nkeys;
	DsecKeyHasher *hasher;
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
} DsecArguments;

/*
 * The keys of this call: arguments "first" and up of a function, or of an
 * aggregate's transition function, plain, moving or inverse.  Looked up once
 * per call site and cached in fcinfo->flinfo->fn_extra, which is not free for
 * other use.  Each key is read under the collation of its own expression, which
 * is not always that of the call.  Errors: DS002 for a type that cannot be a
 * subject key; feature_not_supported for VARIADIC with an array, and for window
 * functions that one cannot tell apart but that differ in collation.
 */
extern DsecArguments *dsec_arguments_prepare(FunctionCallInfo fcinfo, int first);

static inline DsecArguments *
dsec_arguments(FunctionCallInfo fcinfo, int first)
{
	DsecArguments *arguments = fcinfo->flinfo->fn_extra;

	return arguments != NULL ? arguments : dsec_arguments_prepare(fcinfo, first);
}

/* DSEC_TALLY_8 for a single integer key, else DSEC_TALLY_16 */
extern DsecTallyWidth dsec_arguments_width(const DsecArguments *arguments);

/* Some key of this call is NULL, so there is no subject. */
extern bool dsec_arguments_null(const DsecArguments *arguments, FunctionCallInfo fcinfo);

/*
 * The raw form, into memory of 16 bytes; zeroes follow one of 8 bytes.  False
 * when a key is NULL.
 */
extern bool dsec_arguments_raw(DsecArguments *arguments, FunctionCallInfo fcinfo, uint8 *raw);

/* Add the raw form to a tally of that width.  False, and nothing added, when a key is NULL. */
extern bool dsec_arguments_tally(DsecArguments *arguments, FunctionCallInfo fcinfo,
								 DsecTally *tally);

/*
 * The most frequent case of it, inline: a single key of type bigint, argument
 * "first", and not NULL.  False, and nothing added, in all other cases.
 */
static inline bool
dsec_arguments_tally_bigint(const DsecArguments *arguments, FunctionCallInfo fcinfo, int first,
							DsecTally *tally)
{
	if (arguments->shortcut != DSEC_SHORTCUT_INT8 || fcinfo->args[first].isnull)
		return false;
	dsec_tally_add8(tally, (uint64) DatumGetInt64(fcinfo->args[first].value));
	return true;
}

/* The keyed hash; false when a key is NULL. */
extern bool dsec_arguments_hash(DsecArguments *arguments, FunctionCallInfo fcinfo,
								const uint8 *key, uint64 *hash);

/* The keyed hash of a single integer key that was collected raw. */
extern uint64 dsec_arguments_hash_integer(uint64 raw, const uint8 *key);

#endif							/* DSEC_ARGUMENTS_H */
