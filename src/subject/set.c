/*-------------------------------------------------------------------------
 *
 * set.c
 *	  Sets of subjects: the key they are made under, and making them.
 *
 * The key belongs to another module, which registers a function that gives it.
 * A set carries a number of its key, formed by a one-way function of the key's
 * 128 random bits, and sets with different numbers are never compared: hashes
 * under different keys have nothing to do with each other, so that a union would
 * count every person twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "compat.h"
#include "miscadmin.h"
#include "report.h"
#include "subject/set.h"
#include "subject/subject.h"

#define KEY_ID_TEXT "dsec subject_set key number"

#define ST_SORT sort_hashes
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static DsecKeySource key_source = NULL;

void
dsec_subject_set_key_source(DsecKeySource source)
{
	key_source = source;
}

const uint8 *
dsec_subject_key(void)
{
	if (key_source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("there is no key for sets of subjects"),
				 errdetail("dsec is not preloaded in this server, so it has no ledger and no key."),
				 errhint("Add \"dsec\" to shared_preload_libraries and restart the server. dsec.subject_count() needs no key.")));
	return key_source();
}

void
dsec_set_key_id(const uint8 *key, uint8 *key_id)
{
	uint8		hash[crypto_generichash_BYTES_MIN];

	StaticAssertStmt(DSEC_KEY_ID_BYTES <= sizeof(hash),
					 "the number of a key is part of a hash");
	if (sodium_init() < 0 ||
		crypto_generichash(hash, sizeof(hash),
						   (const unsigned char *) KEY_ID_TEXT, sizeof(KEY_ID_TEXT),
						   key, DSEC_KEY_BYTES) != 0)
		elog(ERROR, "libsodium does not work");
	memcpy(key_id, hash, DSEC_KEY_ID_BYTES);
}

DsecSubjectSet *
dsec_set_start(uint64 most, const uint8 *key_id)
{
	DsecSubjectSet *set;

	if (most > DSEC_SET_MAX_COUNT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("set of subjects is too large"),
				 errdetail("A set can hold " UINT64_FORMAT " subjects, in 1 GB.",
						   DSEC_SET_MAX_COUNT),
				 errhint("Make several sets, for example one per region, or use dsec.subject_count(), which has no such limit.")));
	set = palloc(DSEC_SET_SIZE(most));
	set->version = DSEC_SET_VERSION;
	set->flags = 0;
	memcpy(set->key_id, key_id, DSEC_KEY_ID_BYTES);
	return set;
}

void
dsec_set_finish(DsecSubjectSet *set, uint64 n)
{
	uint64	   *hashes = set->hashes;
	uint64		kept = 0;

	sort_hashes(hashes, n);
	for (uint64 i = 0; i < n; i++)
	{
		Assert(hashes[i] != 0);
		if (kept == 0 || hashes[i] != hashes[kept - 1])
			hashes[kept++] = hashes[i];
	}
	set->count = kept;
	SET_VARSIZE(set, DSEC_SET_SIZE(kept));
}

struct varlena *
dsec_set_build(uint64 *hashes, uint64 n, const uint8 *key)
{
	uint8		key_id[DSEC_KEY_ID_BYTES];
	DsecSubjectSet *set;

	dsec_set_key_id(key, key_id);
	set = dsec_set_start(n, key_id);
	memcpy(set->hashes, hashes, n * sizeof(uint64));
	dsec_set_finish(set, n);
	return (struct varlena *) set;
}

const uint64 *
dsec_set_hashes(struct varlena *set, uint64 *n)
{
	const DsecSubjectSet *checked = dsec_set_get(PointerGetDatum(set));

	*n = checked->count;
	return checked->hashes;
}

DsecSubjectSet *
dsec_set_get(Datum datum)
{
	DsecSubjectSet *set = (DsecSubjectSet *) PG_DETOAST_DATUM(datum);
	const char *problem;

	Assert(((uintptr_t) set->hashes) % sizeof(uint64) == 0);
	problem = dsec_set_problem(set, VARSIZE(set));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a stored dsec.subject_set is damaged"),
				 errdetail_internal("%s", problem)));
	return set;
}

void
dsec_set_check_keys(const uint8 *key_id1, const uint8 *key_id2)
{
	char		digits1[DSEC_KEY_ID_DIGITS + 1] = "";
	char		digits2[DSEC_KEY_ID_DIGITS + 1] = "";

	if (memcmp(key_id1, key_id2, DSEC_KEY_ID_BYTES) == 0)
		return;
	dsec_set_write_key_id(key_id1, digits1);
	dsec_set_write_key_id(key_id2, digits2);
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("sets of subjects that were made under different keys do not mix"),
			 errdetail("One was made under the key with number %s, the other under %s.",
					   digits1, digits2),
			 errhint("Make the sets anew under one key: on one server, or on servers that have the same key file (dsec.key_file).")));
}
