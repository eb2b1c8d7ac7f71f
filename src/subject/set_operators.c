/*-------------------------------------------------------------------------
 *
 * set_operators.c
 *	  Operators and functions of dsec.subject_set.
 *
 * The sets are sorted, so each operator is one merge (set_merge.c).
 *
 * Equality refuses sets of different keys like the rest: whether they hold the
 * same people cannot be known.  There is hashing, for DISTINCT, GROUP BY and
 * joins, and no order: it would mean nothing, and "<" would be read as subset.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "compat.h"
#include "fmgr.h"
#include "subject/set.h"
#include "subject/set_merge.h"

PG_FUNCTION_INFO_V1(dsec_subject_set_or);
PG_FUNCTION_INFO_V1(dsec_subject_set_and);
PG_FUNCTION_INFO_V1(dsec_subject_set_minus);
PG_FUNCTION_INFO_V1(dsec_subject_set_contains);
PG_FUNCTION_INFO_V1(dsec_subject_set_contained);
PG_FUNCTION_INFO_V1(dsec_subject_set_eq);
PG_FUNCTION_INFO_V1(dsec_subject_set_ne);
PG_FUNCTION_INFO_V1(dsec_subject_set_hash);
PG_FUNCTION_INFO_V1(dsec_subject_set_hash_extended);
PG_FUNCTION_INFO_V1(dsec_subject_set_cardinality);

static void
get_both(FunctionCallInfo fcinfo, DsecSubjectSet **a, DsecSubjectSet **b)
{
	*a = dsec_set_get(PG_GETARG_DATUM(0));
	*b = dsec_set_get(PG_GETARG_DATUM(1));
	dsec_set_check_keys((*a)->key_id, (*b)->key_id);
}

/* The hashes are written in order. */
static Datum
result(DsecSubjectSet *set, uint64 n)
{
	set->count = n;
	SET_VARSIZE(set, DSEC_SET_SIZE(n));
	return PointerGetDatum(set);
}

Datum
dsec_subject_set_or(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	DsecSubjectSet *either;
	uint64		most;

	get_both(fcinfo, &a, &b);
	most = a->count + b->count;
	if (most > DSEC_SET_MAX_COUNT)
		most -= dsec_set_merge_and(a->hashes, a->count, b->hashes, b->count, NULL);
	either = dsec_set_start(most, a->key_id);
	PG_RETURN_DATUM(result(either, dsec_set_merge_or(a->hashes, a->count,
													 b->hashes, b->count, either->hashes)));
}

Datum
dsec_subject_set_and(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	DsecSubjectSet *both;

	get_both(fcinfo, &a, &b);
	both = dsec_set_start(Min(a->count, b->count), a->key_id);
	PG_RETURN_DATUM(result(both, dsec_set_merge_and(a->hashes, a->count,
													b->hashes, b->count, both->hashes)));
}

Datum
dsec_subject_set_minus(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	DsecSubjectSet *rest;

	get_both(fcinfo, &a, &b);
	rest = dsec_set_start(a->count, a->key_id);
	PG_RETURN_DATUM(result(rest, dsec_set_merge_minus(a->hashes, a->count,
													  b->hashes, b->count, rest->hashes)));
}

Datum
dsec_subject_set_contains(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;

	get_both(fcinfo, &a, &b);
	PG_RETURN_BOOL(dsec_set_merge_contains(a->hashes, a->count, b->hashes, b->count));
}

Datum
dsec_subject_set_contained(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;

	get_both(fcinfo, &a, &b);
	PG_RETURN_BOOL(dsec_set_merge_contains(b->hashes, b->count, a->hashes, a->count));
}

static bool
same_members(FunctionCallInfo fcinfo)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	bool		same;

	get_both(fcinfo, &a, &b);
	same = a->count == b->count &&
		memcmp(a->hashes, b->hashes, a->count * sizeof(uint64)) == 0;

	/* hash joins and hash indexes call this often in one memory context */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return same;
}

Datum
dsec_subject_set_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same_members(fcinfo));
}

Datum
dsec_subject_set_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same_members(fcinfo));
}

/* What equal sets have in common: the key and the hashes. */
Datum
dsec_subject_set_hash(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *set = dsec_set_get(PG_GETARG_DATUM(0));
	uint32		hash = hash_bytes((unsigned char *) set->key_id,
								  VARSIZE(set) - offsetof(DsecSubjectSet, key_id));

	PG_FREE_IF_COPY(set, 0);
	PG_RETURN_UINT32(hash);
}

Datum
dsec_subject_set_hash_extended(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *set = dsec_set_get(PG_GETARG_DATUM(0));
	uint64		hash = hash_bytes_extended((unsigned char *) set->key_id,
										   VARSIZE(set) - offsetof(DsecSubjectSet, key_id),
										   (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(set, 0);
	PG_RETURN_INT64((int64) hash);
}

/* The header says it; of a set out of line nothing else is read. */
Datum
dsec_subject_set_cardinality(PG_FUNCTION_ARGS)
{
	Datum		datum = PG_GETARG_DATUM(0);
	DsecSubjectSet *head;
	const char *problem;
	uint64		count;

	head = (DsecSubjectSet *) PG_DETOAST_DATUM_SLICE(datum, 0, DSEC_SET_SIZE(0) - VARHDRSZ);
	if (VARSIZE(head) < DSEC_SET_SIZE(0))
		problem = dsec_set_header_problem(head, VARSIZE(head));
	else
		problem = dsec_set_header_problem(head, toast_raw_datum_size(datum));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a stored dsec.subject_set is damaged"),
				 errdetail_internal("%s", problem)));
	count = head->count;
	PG_FREE_IF_COPY(head, 0);
	PG_RETURN_INT64((int64) count);
}
