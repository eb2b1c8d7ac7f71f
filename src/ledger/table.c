/*-------------------------------------------------------------------------
 *
 * table.c
 *	  The table of charges: which subject was charged to which set, and when
 *	  last.
 *
 * Open addressing with linear probing over slots of 16 bytes.  A slot's key is
 * the subject; meta holds the set and the last day.  The home of a charge
 * depends on both subject and set, so that one subject in many sets does not
 * make one long chain.
 *
 * Reading needs no lock.  Inserts for one set happen under its recipient's
 * lock, so that no two of them race for the same subject and set; inserts of
 * different recipients run at the same time and claim slots by
 * compare-and-swap:
 *
 *	 empty			key 0, meta 0
 *	 being filled	key not 0, meta 0		belongs to whoever did the swap
 *	 live			key and meta not 0
 *	 expired		live, and its day is before the cutoff: may be taken by
 *					swapping meta to 0
 *
 * A slot becomes empty again only under all locks: when the table is tidied or
 * cleared.  So under any recipient's lock a probe that ends at an empty slot
 * has seen every slot its subject can have; without a lock it may miss one.
 * Readers compare key before and after they read meta.  An expired slot taken
 * by another subject in between shows a different key; for the same key to
 * come back the slot would have to expire once more, which takes a day.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "ledger/internal.h"

/* inserts that find no slot to reuse stop here */
#define FULL_PERCENT 90
/* and all inserts here, whatever they race with */
#define HARD_PERCENT 95
/* and those for unassigned recipients here */
#define UNASSIGNED_PERCENT 60
/* the table is tidied when it is this full and so many slots have expired */
#define TIDY_PERCENT 50
#define EXPIRED_PERCENT 5

static inline uint32
home(int set, uint64 subject)
{
	uint64		mixed = subject ^ ((uint64) set * UINT64CONST(0x9E3779B97F4A7C15));

	return (uint32) (((mixed >> 32) * dsec_ledger->nslots) >> 32);
}

static inline uint32
next(uint32 i)
{
	return ++i == dsec_ledger->nslots ? 0 : i;
}

static inline uint64
make_meta(int set, DateADT day)
{
	return ((uint64) (uint32) day) << 32 | (uint32) (set + 1);
}

static inline int
meta_set(uint64 meta)
{
	return (int) (uint32) meta - 1;
}

static inline DateADT
meta_day(uint64 meta)
{
	return (DateADT) (uint32) (meta >> 32);
}

/* Under all locks. */
static inline void
empty(DsecSlot *slot)
{
	pg_atomic_write_u64(&slot->meta, 0);
	pg_write_barrier();
	pg_atomic_write_u64(&slot->key, 0);
}

/* Day of the last charge, or DSEC_NEVER.  Without a lock it may miss a charge
 * that is being made. */
DateADT
dsec_ledger_table_day(int set, uint64 subject)
{
	uint32		i = home(set, subject);

	for (;;)
	{
		DsecSlot   *slot = &dsec_ledger_slots[i];
		uint64		key = pg_atomic_read_u64(&slot->key);

		if (key == 0)
			return DSEC_NEVER;
		if (key == subject)
		{
			uint64		meta;

			pg_read_barrier();
			meta = pg_atomic_read_u64(&slot->meta);
			pg_read_barrier();
			if (meta != 0 && meta_set(meta) == set &&
				pg_atomic_read_u64(&slot->key) == subject)
				return meta_day(meta);
		}
		i = next(i);
	}
}

bool
dsec_ledger_is_charged(int set, uint64 subject)
{
	return dsec_ledger_table_day(set, subject) == dsec_ledger_current_day();
}

void
dsec_ledger_prefetch(int set, uint64 subject)
{
#if defined(__GNUC__) || defined(__clang__)
	__builtin_prefetch(&dsec_ledger_slots[home(set, subject)]);
#endif
}

/*
 * Can this subject be put, when "nmore" others are about to be put as well?
 * The caller holds the recipient's lock.  Other recipients may insert at the
 * same time; the slots between the two limits absorb that.
 *
 * Whoever can make a table can fill slots with made-up subjects, though only as
 * an unassigned recipient; so these find no room well before the others.
 */
bool
dsec_ledger_table_room(int set, uint64 subject, int nmore, bool unassigned)
{
	uint64		used = pg_atomic_read_u64(&dsec_ledger->used) + nmore;
	uint64		nslots = dsec_ledger->nslots;

	if (used < nslots * (unassigned ? UNASSIGNED_PERCENT : FULL_PERCENT) / 100)
		return true;
	if (used >= nslots * HARD_PERCENT / 100)
		return false;

	for (uint32 i = home(set, subject);; i = next(i))
	{
		DsecSlot   *slot = &dsec_ledger_slots[i];
		uint64		key = pg_atomic_read_u64(&slot->key);
		uint64		meta = pg_atomic_read_u64(&slot->meta);

		if (key == 0)
			return false;
		if (meta != 0 &&
			((key == subject && meta_set(meta) == set) ||
			 meta_day(meta) < dsec_ledger->cutoff))
			return true;
	}
}

bool
dsec_ledger_memory(int64 *used, int64 *usable)
{
	if (dsec_ledger == NULL)
		return false;
	*used = (int64) pg_atomic_read_u64(&dsec_ledger->used);
	/* as dsec_ledger_table_room has it for one charge */
	*usable = (int64) ((uint64) dsec_ledger->nslots * FULL_PERCENT / 100) - 1;
	return true;
}

/*
 * Enter a charge, or raise the day of one that is there; a later day is never
 * lowered.  Returns the day that was there, or DSEC_NEVER.  The caller holds the
 * recipient's lock and has seen dsec_ledger_table_room.
 */
DateADT
dsec_ledger_table_put(int set, uint64 subject, DateADT day)
{
	DsecSlot   *reusable = NULL;
	uint64		reusable_meta = 0;
	uint32		i;

	for (i = home(set, subject);;)
	{
		DsecSlot   *slot = &dsec_ledger_slots[i];
		uint64		key = pg_atomic_read_u64(&slot->key);
		uint64		meta;

		if (key == 0)
		{
			/* not there: take the expired slot on the way, or this one */
			if (reusable != NULL)
			{
				if (pg_atomic_compare_exchange_u64(&reusable->meta,
												   &reusable_meta, 0))
				{
					pg_atomic_write_u64(&reusable->key, subject);
					pg_write_barrier();
					pg_atomic_write_u64(&reusable->meta, make_meta(set, day));
					return DSEC_NEVER;
				}
				reusable = NULL;
				i = home(set, subject);
				continue;
			}
			if (pg_atomic_compare_exchange_u64(&slot->key, &key, subject))
			{
				pg_atomic_fetch_add_u64(&dsec_ledger->used, 1);
				pg_write_barrier();
				pg_atomic_write_u64(&slot->meta, make_meta(set, day));
				return DSEC_NEVER;
			}
			continue;			/* somebody else took it: look at it again */
		}

		pg_read_barrier();
		meta = pg_atomic_read_u64(&slot->meta);
		if (meta != 0 && key == subject && meta_set(meta) == set)
		{
			DateADT		old = meta_day(meta);

			if (day <= old)
				return old;
			/* fails when it has expired and is being taken */
			if (pg_atomic_compare_exchange_u64(&slot->meta, &meta,
											   make_meta(set, day)))
				return old;
			reusable = NULL;
			i = home(set, subject);
			continue;
		}
		if (reusable == NULL && meta != 0 &&
			meta_day(meta) < dsec_ledger->cutoff)
		{
			reusable = slot;
			reusable_meta = meta;
		}
		i = next(i);
	}
}

/*
 * Empty the slots that have expired, and move every other charge to where a
 * probe finds it.  Under all locks.
 *
 * The walk starts behind a slot that has been empty all along.  A charge that
 * is taken out finds a free slot no later than its own: between its home and
 * that there are only charges that have been put back already.
 */
static void
tidy(void)
{
	uint32		nslots = dsec_ledger->nslots;
	uint32		start = 0;
	uint64		used = 0;

	while (pg_atomic_read_u64(&dsec_ledger_slots[start].key) != 0)
		start++;

	for (uint32 i = 0; i < nslots; i++)
	{
		DsecSlot   *slot = &dsec_ledger_slots[i];

		if (pg_atomic_read_u64(&slot->key) == 0)
			continue;
		if (meta_day(pg_atomic_read_u64(&slot->meta)) < dsec_ledger->cutoff)
			empty(slot);
		else
			used++;
	}

	for (uint32 i = next(start); i != start; i = next(i))
	{
		DsecSlot   *slot = &dsec_ledger_slots[i];
		uint64		key = pg_atomic_read_u64(&slot->key);
		uint64		meta = pg_atomic_read_u64(&slot->meta);

		if (key == 0)
			continue;
		empty(slot);
		(void) dsec_ledger_table_put(meta_set(meta), key, meta_day(meta));
	}
	pg_atomic_write_u64(&dsec_ledger->used, used);
}

/* Count the subjects of every set in every window.  Under all locks. */
void
dsec_ledger_table_recount(void)
{
	uint32		nsets = pg_atomic_read_u32(&dsec_ledger->nsets);
	uint64		nslots = dsec_ledger->nslots;
	uint64		expired = 0;

	for (uint32 i = 0; i < nsets; i++)
		memset(dsec_ledger_sets[i].counts, 0,
			   sizeof(dsec_ledger_sets[i].counts));
	if (pg_atomic_read_u64(&dsec_ledger->used) == 0)
		return;
	for (uint32 i = 0; i < dsec_ledger->nslots; i++)
	{
		uint64		meta = pg_atomic_read_u64(&dsec_ledger_slots[i].meta);
		DateADT		day = meta_day(meta);
		DsecSet    *set;

		if (meta == 0)
			continue;
		if (day < dsec_ledger->cutoff)
			expired++;
		set = &dsec_ledger_sets[meta_set(meta)];
		for (int w = 0; w < dsec_ledger->nwindows; w++)
			if (day >= dsec_ledger->starts[w])
				set->counts[w]++;
	}
	if (pg_atomic_read_u64(&dsec_ledger->used) > nslots * TIDY_PERCENT / 100 &&
		expired > nslots * EXPIRED_PERCENT / 100)
		tidy();
}

/* Forget everything.  Under all locks. */
void
dsec_ledger_table_clear(void)
{
	if (pg_atomic_read_u64(&dsec_ledger->used) == 0)
		return;
	for (uint32 i = 0; i < dsec_ledger->nslots; i++)
		empty(&dsec_ledger_slots[i]);
	pg_atomic_write_u64(&dsec_ledger->used, 0);
}
