/*-------------------------------------------------------------------------
 *
 * meter.c
 *	  Counts the subjects of one group, row by row.
 *
 * Three steps, each for fewer rows than the one before: the session's own
 * cache of raw keys; the ledger's sets in shared memory; a charge.  A key enters
 * the cache only after it is charged, and the cache is dropped when the day or
 * the rules change.  For an integer key the cache holds the integer itself, so
 * that the keyed hash is not computed for a subject seen before; for other
 * keys it holds the hash.
 *
 * Tallies may be dropped while a plan that uses them is suspended; their epoch
 * tells a meter to look its tally up again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "guard/meter.h"
#include "guard/seen.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "report.h"
#include "storage/bufmgr.h"
#include "subject/subject.h"
#include "tag/tag.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* most memory that one cache of keys may take */
#define SEEN_LIMIT ((Size) 128 * 1024 * 1024)

/* rows with more subjects than this need memory of their own */
#define FEW_SUBJECTS 16

/* hashes kept of keys that are expected; a power of 2 */
#define EXPECTED 64

/* one kind of subject, for the same recipients */
typedef struct Tally
{
	struct Tally *next;
	char	   *identity;
	DsecCharger *charger;		/* NULL when reads are only recorded */
	DsecSeen   *keys[1 << DSEC_MAX_POPULATIONS];	/* by "outside" mask */
	DsecSeen   *rows[1 << DSEC_MAX_POPULATIONS];	/* row versions without key */
} Tally;

struct DsecMeter
{
	const char *space;
	int			ncategories;
	const char **categories;
	int			npopulations;
	const char **populations;
	int			nkeys;
	bool		rowid;
	bool		at_source;
	Oid			integer;		/* type of a single integer key, or InvalidOid */
	DsecKeyHasher *hasher;

	/* of the run that counted last */
	uint64		run;
	uint64		epoch;
	Tally	   *tally;
	DsecSeen   *keys;			/* the tally's, for subjects outside nothing */
	int			category_index[DSEC_EVENT_CATEGORIES];

	/* hashes of keys that are expected, by the last bits of the key */
	uint64		expected[EXPECTED];
	uint64		expected_hash[EXPECTED];
};

/* a subject that the cache does not know */
typedef struct Pending
{
	DsecMeter  *meter;
	DsecSeen   *seen;
	uint64		key;
} Pending;

static MemoryContext tally_context = NULL;
static Tally *tallies = NULL;
static uint64 tally_epoch = 1;
static uint64 tally_generation = 0;
static DateADT tally_day = 0;

static Oid
integer_type(int nkeys, const Oid *types)
{
	Oid			type = nkeys == 1 ? getBaseType(types[0]) : InvalidOid;

	return type == INT2OID || type == INT4OID || type == INT8OID ?
		type : InvalidOid;
}

DsecMeter *
dsec_meter_create(const char *space,
				  int ncategories, const char **categories,
				  int npopulations, const char **populations,
				  int nkeys, bool rowid, bool at_source,
				  const Oid *types, const Oid *collations)
{
	DsecMeter  *meter = palloc0(sizeof(DsecMeter));

	if (ncategories > DSEC_EVENT_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("too many categories for one subject"),
				 errdetail("A statement may read at most %d categories of one subject.",
						   DSEC_EVENT_CATEGORIES)));

	meter->space = space;
	meter->ncategories = ncategories;
	meter->categories = categories;
	meter->npopulations = npopulations;
	meter->populations = populations;
	meter->nkeys = nkeys;
	meter->rowid = rowid;
	meter->at_source = at_source;
	meter->integer = integer_type(nkeys, types);
	if (nkeys > 0)
		meter->hasher = dsec_subject_hasher(nkeys, types, collations);

	return meter;
}

bool
dsec_meter_is_simple(const DsecMeter *meter)
{
	return OidIsValid(meter->integer) && meter->npopulations == 0 &&
		!meter->rowid;
}

/* Drop what is known of earlier days and rules. */
void
dsec_meter_refresh(void)
{
	bool		current;
	uint64		generation = dsec_policy_generation(&current);
	DateADT		today = dsec_ledger_today();

	if (tally_context != NULL &&
		generation == tally_generation && today == tally_day)
		return;

	/* what is made from now on must be made from the rules of this generation */
	if (generation != tally_generation)
	{
		dsec_policy_sync();
		generation = dsec_policy_generation(&current);
	}

	if (tally_context == NULL)
		tally_context = AllocSetContextCreate(TopMemoryContext, "dsec tallies",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(tally_context);
	tallies = NULL;
	tally_generation = generation;
	tally_day = today;
	tally_epoch++;
}

static char *
tally_identity(const DsecMeter *meter, const DsecContext *context)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%d %d %d", context->charges, context->uncounted,
					 OidIsValid(meter->integer));
	for (int i = 0; i < context->recipients.n && context->charges; i++)
		appendStringInfo(&buf, " %d", context->recipients.id[i]);
	appendStringInfo(&buf, "\n%s", meter->space);
	for (int i = 0; i < meter->ncategories; i++)
		appendStringInfo(&buf, "\nc%s", meter->categories[i]);
	for (int i = 0; i < meter->npopulations; i++)
		appendStringInfo(&buf, "\np%s", meter->populations[i]);

	return buf.data;
}

static Tally *
find_tally(const DsecMeter *meter, const DsecContext *context)
{
	char	   *identity = tally_identity(meter, context);
	Tally	   *tally;
	MemoryContext old;

	for (tally = tallies; tally != NULL; tally = tally->next)
	{
		if (strcmp(tally->identity, identity) == 0)
		{
			pfree(identity);
			return tally;
		}
	}

	old = MemoryContextSwitchTo(tally_context);
	tally = palloc0(sizeof(Tally));
	tally->identity = pstrdup(identity);
	if (context->charges)
		tally->charger = dsec_policy_charger(&context->recipients, meter->space,
											 meter->ncategories,
											 meter->categories,
											 meter->npopulations,
											 meter->populations);
	MemoryContextSwitchTo(old);
	tally->next = tallies;
	tallies = tally;
	pfree(identity);

	return tally;
}

static DsecSeen *
seen_of(Tally *tally, uint32 outside, bool row)
{
	DsecSeen  **seen = row ? &tally->rows[outside] : &tally->keys[outside];

	if (*seen == NULL)
		*seen = dsec_seen_create(tally_context, SEEN_LIMIT);

	return *seen;
}

/*
 * The same in permissive mode.  When there is no charger, the rest of the run
 * is recorded only; meters made ready before must look again.
 */
static Tally *
find_tally_if_possible(DsecRun *run, const DsecMeter *meter)
{
	MemoryContext context = CurrentMemoryContext;
	Tally	   *volatile tally = NULL;

	PG_TRY();
	{
		tally = find_tally(meter, &run->context);
	}
	PG_CATCH();
	{
		dsec_report_forgive(context);
		run->context.charges = false;
		run->context.uncounted = true;
		dsec_export_uncounted(run);
		tally_epoch++;
	}
	PG_END_TRY();

	return tally ? tally : find_tally(meter, &run->context);
}

static void
prepare_slowly(DsecRun *run, DsecMeter *meter)
{
	dsec_meter_refresh();
	meter->tally = dsec_guc_mode == DSEC_MODE_PERMISSIVE ?
		find_tally_if_possible(run, meter) : find_tally(meter, &run->context);
	meter->keys = seen_of(meter->tally, 0, false);
	for (int i = 0; i < meter->ncategories; i++)
		meter->category_index[i] = dsec_export_category(run, meter->categories[i]);
	memset(meter->expected_hash, 0, sizeof(meter->expected_hash));
	meter->run = run->number;
	meter->epoch = tally_epoch;
}

/*
 * Before a row is looked at: who was charged yesterday is to be charged again.
 * Not while pointers into a tally are in use.
 */
static inline void
notice_midnight(void)
{
	if (unlikely(!dsec_ledger_is_today(tally_day)))
		dsec_meter_refresh();
}

/* Make the meter ready for this run. */
static inline void
prepare(DsecRun *run, DsecMeter *meter)
{
	if (unlikely(meter->run != run->number || meter->epoch != tally_epoch))
		prepare_slowly(run, meter);
}

static int64
integer_value(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* The export has met a subject for the first time. */
static void
count_subject(DsecRun *run, DsecMeter *meter)
{
	for (int i = 0; i < meter->ncategories; i++)
		dsec_export_count(run, meter->category_index[i], 1, 0);
}

bool
dsec_meter_knows(DsecRun *run, DsecMeter *meter, Datum key)
{
	bool		first;

	notice_midnight();
	prepare(run, meter);
	if (!dsec_seen_check(meter->keys,
						 (uint64) integer_value(meter->integer, key),
						 run->export->number, &first))
		return false;
	if (unlikely(first))
		count_subject(run, meter);

	return true;
}

void
dsec_meter_expect(DsecRun *run, DsecMeter *meter, Datum key)
{
	uint64		value = (uint64) integer_value(meter->integer, key);
	int			i = value & (EXPECTED - 1);

	if (!run->context.charges)
		return;
	prepare(run, meter);
	if (dsec_seen_is_charged(meter->keys, value) ||
		(meter->expected[i] == value && meter->expected_hash[i] != 0))
		return;

	meter->expected[i] = value;
	meter->expected_hash[i] = dsec_subject_hash(meter->hasher, &key,
												dsec_ledger_key());
	dsec_policy_prefetch(meter->tally->charger, meter->expected_hash[i]);
}

/* The keyed hash of an integer key, which dsec_meter_expect may have computed. */
static uint64
integer_hash(DsecMeter *meter, uint64 value, const Datum *key)
{
	int			i = value & (EXPECTED - 1);

	if (meter->expected[i] == value && meter->expected_hash[i] != 0)
		return meter->expected_hash[i];

	return dsec_subject_hash(meter->hasher, key, dsec_ledger_key());
}

/*
 * The key to hash with.  Where the ledger's cannot be had in permissive mode,
 * subjects are told apart by one that this process makes up.
 */
static const uint8 *
hash_key(const DsecRun *run)
{
	static uint8 key[DSEC_KEY_BYTES];
	static bool made = false;

	if (!run->context.uncounted)
		return dsec_ledger_key();
	if (!made && !pg_strong_random(key, sizeof(key)))
		elog(ERROR, "could not get random bytes");
	made = true;

	return key;
}

/*
 * The transaction that inserted a row version: a ctid is used again after
 * VACUUM, TRUNCATE and REFRESH, for somebody else.  Invalid where rows have no
 * such header.
 */
static TransactionId
row_inserter(Oid table, ItemPointer ctid)
{
	Relation	rel = RelationIdGetRelation(table);
	TransactionId result = InvalidTransactionId;
	Buffer		buffer;
	Page		page;
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(ctid);

	if (!RelationIsValid(rel))
		return InvalidTransactionId;
	if (rel->rd_tableam == GetHeapamTableAmRoutine() &&
		ItemPointerIsValid(ctid))
	{
		buffer = ReadBuffer(rel, ItemPointerGetBlockNumberNoCheck(ctid));
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		if (offset <= PageGetMaxOffsetNumber(page) &&
			ItemIdIsNormal(PageGetItemId(page, offset)))
			result = HeapTupleHeaderGetRawXmin((HeapTupleHeader)
											   PageGetItem(page, PageGetItemId(page, offset)));
		UnlockReleaseBuffer(buffer);
	}
	RelationClose(rel);

	return result;
}

/*
 * The subject of a row: false when there is no row.  *row: it has no key, and
 * is a subject of its own; *key is then its hash.
 */
static bool
find_subject(const DsecRun *run, DsecMeter *meter,
			 const Datum *values, const bool *nulls,
			 uint64 *key, uint32 *outside, bool *row)
{
	int			rowid = meter->nkeys + meter->npopulations;
	bool		null_key = meter->nkeys == 0;

	for (int i = 0; i < meter->nkeys; i++)
		null_key |= nulls[i];

	*row = null_key;
	if (null_key && !meter->rowid)
	{
		if (!meter->at_source)
			return false;
		if (!pg_strong_random(key, sizeof(uint64)))
			elog(ERROR, "could not get random bytes");
		*key |= 1;				/* never 0 */
	}
	else if (null_key)
	{
		Oid			table;
		ItemPointer ctid;

		if (nulls[rowid])
			return false;
		table = DatumGetObjectId(values[rowid + 1]);
		ctid = (ItemPointer) DatumGetPointer(values[rowid]);
		*key = dsec_subject_hash_row(MyDatabaseId, table, ctid,
									 row_inserter(table, ctid),
									 hash_key(run));
	}
	else if (OidIsValid(meter->integer))
		*key = (uint64) integer_value(meter->integer, values[0]);
	else
		*key = dsec_subject_hash(meter->hasher, values, hash_key(run));

	*outside = 0;
	for (int i = 0; i < meter->npopulations; i++)
	{
		int			column = meter->nkeys + i;

		if (!nulls[column] && !DatumGetBool(values[column]))
			*outside |= 1 << i;
	}

	return true;
}

static bool
is_duplicate(const DsecRowSubject *subjects, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (subjects[i].charger == subjects[n].charger &&
			subjects[i].subject == subjects[n].subject &&
			subjects[i].outside == subjects[n].outside)
			return true;
	}

	return false;
}

/*
 * Charge, or in permissive mode note that it could not be done.  Returns
 * whether the subjects are charged now.
 */
static bool
charge(DsecRun *run, const DsecRowSubject *subjects, int n, uint32 *charged)
{
	DsecVerdict verdict = {0};
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;

	memset(charged, 0, sizeof(uint32) * n);
	if (dsec_policy_is_charged(subjects, n))
		return true;
	if (run->uncounted)
		return false;

	if (dsec_guc_mode != DSEC_MODE_PERMISSIVE)
		dsec_policy_charge(subjects, n, &verdict, charged);
	else
	{
		PG_TRY();
		{
			dsec_policy_charge(subjects, n, &verdict, charged);
		}
		PG_CATCH();
		{
			dsec_report_forgive(context);
			dsec_export_uncounted(run);
			done = false;
		}
		PG_END_TRY();
	}
	if (done)
		dsec_export_verdict(run, &verdict);

	return done;
}

void
dsec_meter_row(DsecRun *run, DsecMeter **meters, int n,
			   Datum **values, bool **nulls)
{
	Pending		few_pending[FEW_SUBJECTS];
	DsecRowSubject few_subjects[FEW_SUBJECTS];
	uint32		few_charged[FEW_SUBJECTS];
	Pending    *pending = few_pending;
	DsecRowSubject *subjects = few_subjects;
	uint32	   *charged = few_charged;
	int			npending = 0;
	uint64		epoch;

	if (n > FEW_SUBJECTS)
	{
		pending = palloc(sizeof(Pending) * n);
		subjects = palloc(sizeof(DsecRowSubject) * n);
		charged = palloc(sizeof(uint32) * n);
	}

	/*
	 * Before any pointer into a tally is taken; again when preparing one meter
	 * has dropped the tallies of those before it.
	 */
	notice_midnight();
	do
	{
		epoch = tally_epoch;
		for (int i = 0; i < n; i++)
			prepare(run, meters[i]);
	} while (epoch != tally_epoch);

	for (int i = 0; i < n; i++)
	{
		DsecMeter  *meter = meters[i];
		uint64		key;
		uint32		outside;
		bool		row;
		DsecSeen   *seen;
		bool		first;

		if (!find_subject(run, meter, values[i], nulls[i], &key, &outside, &row))
			continue;

		seen = seen_of(meter->tally, outside, row);
		if (dsec_seen_check(seen, key, run->export->number, &first))
		{
			if (first)
				count_subject(run, meter);
			continue;
		}

		subjects[npending].charger = meter->tally->charger;
		subjects[npending].subject = key;
		if (!row && OidIsValid(meter->integer) && run->context.charges)
			subjects[npending].subject = integer_hash(meter, key, values[i]);
		subjects[npending].outside = outside;
		if (is_duplicate(subjects, npending))
			continue;
		pending[npending].meter = meter;
		pending[npending].seen = seen;
		pending[npending].key = key;
		npending++;
	}

	if (npending > 0)
	{
		bool		done = true;

		if (run->context.charges)
			done = charge(run, subjects, npending, charged);
		else
			memset(charged, 0, sizeof(uint32) * npending);

		for (int i = 0; i < npending; i++)
		{
			DsecMeter  *meter = pending[i].meter;

			if (dsec_seen_note(pending[i].seen, pending[i].key,
							   run->export->number, done))
				count_subject(run, meter);
			for (int c = 0; c < meter->ncategories; c++)
			{
				if ((charged[i] & (1 << c)) != 0)
					dsec_export_count(run, meter->category_index[c], 0, 1);
			}
		}
	}

	if (n > FEW_SUBJECTS)
	{
		pfree(pending);
		pfree(subjects);
		pfree(charged);
	}
}
