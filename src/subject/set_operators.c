/*-------------------------------------------------------------------------
 *
 * set_operators.c
 *	  Operators and functions of dsec.subject_set.
 *
 * The sets are sorted, so each operator is one merge.  A step searches for where
 * the other set goes on, in strides that double: linear for sets of like size,
 * and about the smaller size times a logarithm for a small and a large one.
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

/* Number of leading hashes of "hashes" below the target. */
static inline uint64
seek(const uint64 *hashes, uint64 n, uint64 target)
{
	uint64		low = 0;		/* all before are below */
	uint64		high;
	uint64		stride = 1;

	while (low < n && hashes[low] < target)
	{
		high = low + stride;
		if (high >= n || hashes[high] >= target)
		{
			/* between low, which is below, and high, which is not */
			high = Min(high, n);
			low++;
			while (low < high)
			{
				uint64		middle = low + (high - low) / 2;

				if (hashes[middle] < target)
					low = middle + 1;
				else
					high = middle;
			}
			return low;
		}
		low = high;
		stride *= 2;
	}
	return low;
}

static inline uint64
copy(uint64 *out, const uint64 *hashes, uint64 n)
{
	if (n > 0)
		memcpy(out, hashes, n * sizeof(uint64));
	return n;
}

/*
 * Hashes that both have: returns their number, and writes them when there is an
 * "out".
 */
static uint64
common(const DsecSubjectSet *a, const DsecSubjectSet *b, uint64 *out)
{
	uint64		i = 0;
	uint64		j = 0;
	uint64		found = 0;

	while (i < a->count && j < b->count)
	{
		if (a->hashes[i] < b->hashes[j])
			i += seek(a->hashes + i, a->count - i, b->hashes[j]);
		else if (a->hashes[i] > b->hashes[j])
			j += seek(b->hashes + j, b->count - j, a->hashes[i]);
		else
		{
			if (out != NULL)
				out[found] = a->hashes[i];
			found++;
			i++;
			j++;
		}
	}
	return found;
}

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
	DsecSubjectSet *both;
	uint64		most;
	uint64		i = 0;
	uint64		j = 0;
	uint64		n = 0;

	get_both(fcinfo, &a, &b);
	most = a->count + b->count;
	if (most > DSEC_SET_MAX_COUNT)
		most -= common(a, b, NULL);
	both = dsec_set_start(most, a->key_id);

	while (i < a->count && j < b->count)
	{
		uint64		step;

		if (a->hashes[i] < b->hashes[j])
		{
			step = seek(a->hashes + i, a->count - i, b->hashes[j]);
			n += copy(both->hashes + n, a->hashes + i, step);
			i += step;
		}
		else if (a->hashes[i] > b->hashes[j])
		{
			step = seek(b->hashes + j, b->count - j, a->hashes[i]);
			n += copy(both->hashes + n, b->hashes + j, step);
			j += step;
		}
		else
		{
			both->hashes[n++] = a->hashes[i++];
			j++;
		}
	}
	n += copy(both->hashes + n, a->hashes + i, a->count - i);
	n += copy(both->hashes + n, b->hashes + j, b->count - j);
	PG_RETURN_DATUM(result(both, n));
}

Datum
dsec_subject_set_and(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	DsecSubjectSet *both;

	get_both(fcinfo, &a, &b);
	both = dsec_set_start(Min(a->count, b->count), a->key_id);
	PG_RETURN_DATUM(result(both, common(a, b, both->hashes)));
}

Datum
dsec_subject_set_minus(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;
	DsecSubjectSet *rest;
	uint64		i = 0;
	uint64		j = 0;
	uint64		n = 0;

	get_both(fcinfo, &a, &b);
	rest = dsec_set_start(a->count, a->key_id);
	while (i < a->count && j < b->count)
	{
		if (a->hashes[i] < b->hashes[j])
		{
			uint64		step = seek(a->hashes + i, a->count - i, b->hashes[j]);

			n += copy(rest->hashes + n, a->hashes + i, step);
			i += step;
		}
		else if (a->hashes[i] > b->hashes[j])
			j += seek(b->hashes + j, b->count - j, a->hashes[i]);
		else
		{
			i++;
			j++;
		}
	}
	n += copy(rest->hashes + n, a->hashes + i, a->count - i);
	PG_RETURN_DATUM(result(rest, n));
}

/* Does "a" hold all of "b"? */
static bool
contains(const DsecSubjectSet *a, const DsecSubjectSet *b)
{
	uint64		i = 0;

	for (uint64 j = 0; j < b->count; j++)
	{
		if (a->count - i < b->count - j)
			return false;
		i += seek(a->hashes + i, a->count - i, b->hashes[j]);
		if (i == a->count || a->hashes[i] != b->hashes[j])
			return false;
		i++;
	}
	return true;
}

Datum
dsec_subject_set_contains(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;

	get_both(fcinfo, &a, &b);
	PG_RETURN_BOOL(contains(a, b));
}

Datum
dsec_subject_set_contained(PG_FUNCTION_ARGS)
{
	DsecSubjectSet *a;
	DsecSubjectSet *b;

	get_both(fcinfo, &a, &b);
	PG_RETURN_BOOL(contains(b, a));
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
