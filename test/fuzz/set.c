/*-------------------------------------------------------------------------
 *
 * set.c
 *	  Harnesses: sets of subjects, as text, as binary, and their operators.
 *
 * One set has one text and one binary form: what is read and written again is
 * the input.  A set that is taken has ascending, distinct subjects, none of
 * them zero, and as many as it says.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fmgr.h"
#include "subject/set.h"
#include "subject/subject.h"

static void
check_set(const DsecSubjectSet *set)
{
	fuzz_check(VARSIZE(set) == DSEC_SET_SIZE(set->count));
	fuzz_check(dsec_set_problem(set, VARSIZE(set)) == NULL);
	for (uint64 i = 0; i < set->count; i++)
		fuzz_check(set->hashes[i] > (i > 0 ? set->hashes[i - 1] : 0));
}

void
fuzz_set_text(const uint8 *data, size_t size)
{
	const char *problem;
	/* the input as it is: what is read behind its end is seen */
	DsecSubjectSet *set = dsec_set_parse_text((const char *) data, size, &problem);
	char	   *text = fuzz_text(data, size);

	fuzz_check((set == NULL) == (problem != NULL));
	if (set != NULL)
	{
		char	   *out = palloc(dsec_set_text_size(set));

		check_set(set);
		fuzz_check(dsec_set_text_size(set) == size);
		dsec_set_write_text(set, out);
		fuzz_check(memcmp(out, data, size) == 0);
	}
	if (text != NULL)
		fuzz_check(fuzz_read_text("subject_set", text, NULL) == (set != NULL));
}

void
fuzz_set_binary(const uint8 *data, size_t size)
{
	const char *problem;
	DsecSubjectSet *set = dsec_set_parse_binary((const char *) data, size, &problem);

	fuzz_check((set == NULL) == (problem != NULL));
	if (set != NULL)
	{
		char	   *out = palloc(size);

		check_set(set);
		fuzz_check(DSEC_SET_BINARY_SIZE(set->count) == size);
		dsec_set_write_binary(set, out);
		fuzz_check(memcmp(out, data, size) == 0);
	}
	fuzz_check(fuzz_read_binary("subject_set", data, size) == (set != NULL));

	/* the same bytes as a stored value: damaged ones are refused */
	set = palloc(VARHDRSZ + size);
	SET_VARSIZE(set, VARHDRSZ + size);
	memcpy(VARDATA(set), data, size);
	if (dsec_set_problem(set, VARSIZE(set)) == NULL)
		check_set(set);
}

/*
 * Two sets from a universe of a few thousand subjects, compared with what their
 * bits say.  The input is a list of ranges: four bytes that name the set, the
 * first subject, and how many follow at which distance.
 */
#define UNIVERSE 4096

extern Datum dsec_subject_set_or(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_and(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_minus(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_contains(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_contained(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_eq(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_ne(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_hash(PG_FUNCTION_ARGS);
extern Datum dsec_subject_set_cardinality(PG_FUNCTION_ARGS);

static const uint8 fuzz_key[DSEC_KEY_BYTES] = {1, 2, 3};

/* A set made of the members, in an order that is not theirs, some of them twice. */
static Datum
make_set(const bool *member)
{
	uint64	   *hashes = palloc(2 * UNIVERSE * sizeof(uint64));
	uint64		n = 0;

	for (int i = UNIVERSE - 1; i > 0; i--)
	{
		if (member[i])
		{
			hashes[n++] = i;
			if (i % 3 == 0)
				hashes[n++] = i;
		}
	}
	return PointerGetDatum(dsec_set_build(hashes, n, fuzz_key));
}

static void
check_members(Datum datum, const bool *member)
{
	uint64		n;
	uint64		expected = 0;
	const uint64 *hashes = dsec_set_hashes((struct varlena *) DatumGetPointer(datum), &n);

	check_set((DsecSubjectSet *) DatumGetPointer(datum));
	for (int i = 1; i < UNIVERSE; i++)
	{
		if (member[i])
		{
			fuzz_check(expected < n && hashes[expected] == i);
			expected++;
		}
	}
	fuzz_check(expected == n);
	fuzz_check(DatumGetInt64(DirectFunctionCall1(dsec_subject_set_cardinality, datum)) == n);
}

void
fuzz_set_laws(const uint8 *data, size_t size)
{
	bool		members[2][UNIVERSE] = {0};
	bool		result[UNIVERSE] = {0};
	bool		contains = true;
	bool		contained = true;
	Datum		a;
	Datum		b;

	for (; size >= 4; data += 4, size -= 4)
	{
		int			first = (data[0] & 0x0F) << 8 | data[1];
		int			count = data[2];
		int			distance = 1 + (data[3] & 0x1F);

		for (int i = first; i < UNIVERSE && count >= 0; i += distance, count--)
		{
			members[data[0] >> 7][i] = true;
			/* often both have it */
			if (data[0] & 0x40)
				members[1 - (data[0] >> 7)][i] = true;
		}
	}
	a = make_set(members[0]);
	b = make_set(members[1]);
	check_members(a, members[0]);
	check_members(b, members[1]);

	for (int i = 1; i < UNIVERSE; i++)
	{
		result[i] = members[0][i] || members[1][i];
		contains &= members[0][i] || !members[1][i];
		contained &= members[1][i] || !members[0][i];
	}
	check_members(DirectFunctionCall2(dsec_subject_set_or, a, b), result);
	check_members(DirectFunctionCall2(dsec_subject_set_or, b, a), result);
	for (int i = 1; i < UNIVERSE; i++)
		result[i] = members[0][i] && members[1][i];
	check_members(DirectFunctionCall2(dsec_subject_set_and, a, b), result);
	check_members(DirectFunctionCall2(dsec_subject_set_and, b, a), result);
	for (int i = 1; i < UNIVERSE; i++)
		result[i] = members[0][i] && !members[1][i];
	check_members(DirectFunctionCall2(dsec_subject_set_minus, a, b), result);

	fuzz_check(DatumGetBool(DirectFunctionCall2(dsec_subject_set_contains, a, b)) == contains);
	fuzz_check(DatumGetBool(DirectFunctionCall2(dsec_subject_set_contained, a, b)) == contained);
	fuzz_check(DatumGetBool(DirectFunctionCall2(dsec_subject_set_eq, a, b)) == (contains && contained));
	fuzz_check(DatumGetBool(DirectFunctionCall2(dsec_subject_set_ne, a, b)) != (contains && contained));
	if (contains && contained)
		fuzz_check(DirectFunctionCall1(dsec_subject_set_hash, a) ==
				   DirectFunctionCall1(dsec_subject_set_hash, b));
}
