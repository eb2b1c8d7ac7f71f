/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  The ledger's shared memory: its layout, its locks, its directories.
 *
 * dsec.shared_memory is divided once, at start: a sixteenth for the
 * directories, a thirty-second for the queue, the rest for the table of
 * charges, which then holds 0.9 charges for each 16 bytes.  The default of 64 MB
 * gives 4096 sets, 131,072 queue entries and about 3.4 million charges.
 *
 * The directories of recipients, accounts and sets only grow.  Recipients are
 * a hash table with linear probing; each has a list of its accounts, and each
 * account one of its sets.  An entry is made under the directories' lock, and
 * complete before it is marked as used or linked: searching needs no lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guc.h"
#include "ledger/internal.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#define DIRECTORY_LOCK DSEC_LEDGER_PARTITIONS
#define TRANCHE "dsec ledger"

DsecLedger *dsec_ledger = NULL;
DsecRecipientEntry *dsec_ledger_recipients;
DsecAccount *dsec_ledger_accounts;
DsecSet    *dsec_ledger_sets;
DsecQueueEntry *dsec_ledger_queue;
DsecSlot   *dsec_ledger_slots;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

typedef struct Layout
{
	int			max_sets;
	int			max_accounts;
	int			max_recipients;
	uint32		queue_size;
	uint32		nslots;
	Size		sets;			/* offsets */
	Size		accounts;
	Size		recipients;
	Size		queue;
	Size		slots;
	Size		total;
} Layout;

static void
plan_layout(Layout *layout)
{
	Size		memory = (Size) dsec_guc_shared_memory * 1024;
	Size		at = CACHELINEALIGN(sizeof(DsecLedger));

	/* a set, half an account and four recipients fit into a kilobyte */
	layout->max_sets = (int) Min(memory / 16 / 1024, 1 << 20);
	layout->max_accounts = layout->max_sets / 2;
	layout->max_recipients = layout->max_sets * 4;
	layout->queue_size = (uint32) Min(memory / 32 / sizeof(DsecQueueEntry), 1 << 22);

	layout->sets = at;
	at = CACHELINEALIGN(add_size(at, mul_size(layout->max_sets, sizeof(DsecSet))));
	layout->accounts = at;
	at = CACHELINEALIGN(add_size(at, mul_size(layout->max_accounts, sizeof(DsecAccount))));
	layout->recipients = at;
	at = CACHELINEALIGN(add_size(at, mul_size(layout->max_recipients, sizeof(DsecRecipientEntry))));
	layout->queue = at;
	at = CACHELINEALIGN(add_size(at, mul_size(layout->queue_size, sizeof(DsecQueueEntry))));
	layout->slots = at;
	Assert(at < memory);
	layout->nslots = (uint32) Min((memory - at) / sizeof(DsecSlot), PG_UINT32_MAX);
	layout->total = add_size(at, mul_size(layout->nslots, sizeof(DsecSlot)));
}

LWLock *
dsec_ledger_lock(int32 recipient)
{
	return &dsec_ledger->locks[(uint32) recipient % DSEC_LEDGER_PARTITIONS].lock;
}

void
dsec_ledger_lock_all(void)
{
	for (int i = 0; i < DSEC_LEDGER_PARTITIONS; i++)
		LWLockAcquire(&dsec_ledger->locks[i].lock, LW_EXCLUSIVE);
}

void
dsec_ledger_unlock_all(void)
{
	for (int i = DSEC_LEDGER_PARTITIONS; i-- > 0;)
		LWLockRelease(&dsec_ledger->locks[i].lock);
}

/* Index of a recipient's entry, or -1 - index of where it would be. */
static int
search_recipient(int32 recipient)
{
	int			i = (int) ((uint32) recipient % (uint32) dsec_ledger->max_recipients);

	/* there is always an unused entry */
	while (dsec_ledger_recipients[i].used)
	{
		pg_read_barrier();
		if (dsec_ledger_recipients[i].recipient == recipient)
			return i;
		if (++i == dsec_ledger->max_recipients)
			i = 0;
	}
	return -1 - i;
}

int
dsec_ledger_find_recipient(int32 recipient, bool create)
{
	LWLock	   *lock = &dsec_ledger->locks[DIRECTORY_LOCK].lock;
	int			i = search_recipient(recipient);
	uint32		n;

	if (i >= 0 || !create)
		return Max(i, -1);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	i = search_recipient(recipient);
	n = pg_atomic_read_u32(&dsec_ledger->nrecipients);
	if (i < 0 && n < (uint32) dsec_ledger->max_recipients - 1)
	{
		DsecRecipientEntry *entry;

		i = -1 - i;
		entry = &dsec_ledger_recipients[i];
		entry->recipient = recipient;
		entry->first_account = -1;
		entry->loaded_from = DSEC_NEVER;
		pg_atomic_write_u32(&entry->state, DSEC_RECIPIENT_UNLOADED);
		pg_write_barrier();
		entry->used = true;
		pg_atomic_write_u32(&dsec_ledger->nrecipients, n + 1);
	}
	LWLockRelease(lock);
	return Max(i, -1);
}

static int
search_account(int entry, const char *category)
{
	for (int i = dsec_ledger_recipients[entry].first_account; i >= 0;
		 i = dsec_ledger_accounts[i].next_account)
	{
		pg_read_barrier();
		if (strcmp(dsec_ledger_accounts[i].category, category) == 0)
			return i;
	}
	return -1;
}

int
dsec_ledger_find_account(int32 recipient, const char *category, bool create)
{
	LWLock	   *lock = &dsec_ledger->locks[DIRECTORY_LOCK].lock;
	int			entry = dsec_ledger_find_recipient(recipient, create);
	int			i;

	if (entry < 0)
		return -1;
	i = search_account(entry, category);
	if (i >= 0 || !create)
		return i;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	i = search_account(entry, category);
	if (i < 0 &&
		pg_atomic_read_u32(&dsec_ledger->naccounts) < (uint32) dsec_ledger->max_accounts)
	{
		DsecAccount *account;

		i = (int) pg_atomic_read_u32(&dsec_ledger->naccounts);
		account = &dsec_ledger_accounts[i];
		memset(account, 0, sizeof(DsecAccount));
		account->recipient = recipient;
		account->recipient_entry = entry;
		strlcpy(account->category, category, NAMEDATALEN);
		account->next_account = dsec_ledger_recipients[entry].first_account;
		account->first_set = -1;
		pg_write_barrier();
		dsec_ledger_recipients[entry].first_account = i;
		pg_atomic_write_u32(&dsec_ledger->naccounts, i + 1);
	}
	LWLockRelease(lock);
	return i;
}

/* Has the recipient taken half of the sets?  Others are to have some, too. */
static bool
has_its_share(int entry)
{
	int			n = 0;

	for (int i = dsec_ledger_recipients[entry].first_account; i >= 0;
		 i = dsec_ledger_accounts[i].next_account)
	{
		for (int j = dsec_ledger_accounts[i].first_set; j >= 0;
			 j = dsec_ledger_sets[j].next_set)
			n++;
	}
	return n >= dsec_ledger->max_sets / 2;
}

static int
search_set(int account, const DsecSetKey *key)
{
	for (int i = dsec_ledger_accounts[account].first_set; i >= 0;
		 i = dsec_ledger_sets[i].next_set)
	{
		pg_read_barrier();
		if (strcmp(dsec_ledger_sets[i].key.space, key->space) == 0 &&
			strcmp(dsec_ledger_sets[i].key.outside, key->outside) == 0)
			return i;
	}
	return -1;
}

int
dsec_ledger_find_set(const DsecSetKey *key, bool create)
{
	LWLock	   *lock = &dsec_ledger->locks[DIRECTORY_LOCK].lock;
	int			account = dsec_ledger_find_account(key->recipient, key->category,
												   create);
	int			i;

	if (account < 0)
		return -1;
	i = search_set(account, key);
	if (i >= 0 || !create)
		return i;

	Assert(LWLockHeldByMeInMode(dsec_ledger_lock(key->recipient), LW_EXCLUSIVE));
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (pg_atomic_read_u32(&dsec_ledger->nsets) < (uint32) dsec_ledger->max_sets &&
		!has_its_share(dsec_ledger_accounts[account].recipient_entry))
	{
		DsecSet    *set;

		i = (int) pg_atomic_read_u32(&dsec_ledger->nsets);
		set = &dsec_ledger_sets[i];
		memset(set, 0, sizeof(DsecSet));
		set->key.recipient = key->recipient;
		strlcpy(set->key.category, key->category, NAMEDATALEN);
		strlcpy(set->key.space, key->space, NAMEDATALEN);
		strlcpy(set->key.outside, key->outside, NAMEDATALEN);
		set->account = account;
		set->recipient_entry = dsec_ledger_accounts[account].recipient_entry;
		set->next_set = dsec_ledger_accounts[account].first_set;
		pg_write_barrier();
		dsec_ledger_accounts[account].first_set = i;
		pg_atomic_write_u32(&dsec_ledger->nsets, i + 1);
	}
	LWLockRelease(lock);
	return i;
}

static void
shmem_request(void)
{
	Layout		layout;

	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	plan_layout(&layout);
	RequestAddinShmemSpace(layout.total);
	RequestNamedLWLockTranche(TRANCHE, DSEC_LEDGER_PARTITIONS + 1);
}

static void
shmem_startup(void)
{
	Layout		layout;
	char	   *base;
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	plan_layout(&layout);
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	base = ShmemInitStruct("dsec ledger", layout.total, &found);
	dsec_ledger = (DsecLedger *) base;
	dsec_ledger_sets = (DsecSet *) (base + layout.sets);
	dsec_ledger_accounts = (DsecAccount *) (base + layout.accounts);
	dsec_ledger_recipients = (DsecRecipientEntry *) (base + layout.recipients);
	dsec_ledger_queue = (DsecQueueEntry *) (base + layout.queue);
	dsec_ledger_slots = (DsecSlot *) (base + layout.slots);
	if (!found)
	{
		DsecLedger *ledger = dsec_ledger;

		memset(ledger, 0, sizeof(DsecLedger));
		ledger->locks = GetNamedLWLockTranche(TRANCHE);
		pg_atomic_init_u32(&ledger->opened, 0);
		pg_atomic_init_u32(&ledger->opened_at, 0);
		pg_atomic_init_u32(&ledger->standby_key, 0);
		pg_atomic_init_u32(&ledger->today, (uint32) DSEC_NEVER);
		ledger->cutoff = DSEC_NEVER;
		pg_atomic_init_u32(&ledger->allowance_wanted, 0);
		pg_atomic_init_u32(&ledger->load_wanted, 0);
		pg_atomic_init_u32(&ledger->nrecipients, 0);
		pg_atomic_init_u32(&ledger->naccounts, 0);
		pg_atomic_init_u32(&ledger->nsets, 0);
		pg_atomic_init_u64(&ledger->used, 0);
		SpinLockInit(&ledger->queue_mutex);
		ledger->max_sets = layout.max_sets;
		ledger->max_accounts = layout.max_accounts;
		ledger->max_recipients = layout.max_recipients;
		ledger->queue_size = layout.queue_size;
		ledger->nslots = layout.nslots;
		for (int i = 0; i < layout.max_recipients; i++)
		{
			dsec_ledger_recipients[i].used = false;
			pg_atomic_init_u32(&dsec_ledger_recipients[i].state,
							   DSEC_RECIPIENT_UNLOADED);
		}
		for (uint32 i = 0; i < layout.queue_size; i++)
			pg_atomic_init_u64(&dsec_ledger_queue[i].subject, 0);
		for (uint32 i = 0; i < layout.nslots; i++)
		{
			pg_atomic_init_u64(&dsec_ledger_slots[i].key, 0);
			pg_atomic_init_u64(&dsec_ledger_slots[i].meta, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
dsec_ledger_shmem_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}
