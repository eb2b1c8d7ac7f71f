/*-------------------------------------------------------------------------
 *
 * queue.c
 *	  Charges on their way to a block.
 *
 * A ring in shared memory.  Chargers reserve room at the head, each holding the
 * lock of its recipients, and publish their entries by writing the
 * subject last; the worker reads from the tail and frees what it has committed.
 * A reservation is always published: nothing can fail in between.  The worker
 * stops at the first entry that is not published yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "ledger/internal.h"

static inline DsecQueueEntry *
entry_at(uint64 position)
{
	return &dsec_ledger_queue[position % dsec_ledger->queue_size];
}

bool
dsec_ledger_queue_reserve(int n, uint64 *start, bool *first)
{
	bool		room;

	SpinLockAcquire(&dsec_ledger->queue_mutex);
	room = dsec_ledger->queue_head + n - dsec_ledger->queue_tail <=
		dsec_ledger->queue_size;
	if (room)
	{
		*first = dsec_ledger->queue_head == dsec_ledger->queue_tail;
		*start = dsec_ledger->queue_head;
		dsec_ledger->queue_head += n;
	}
	SpinLockRelease(&dsec_ledger->queue_mutex);
	return room;
}

void
dsec_ledger_queue_publish(uint64 at, int set, uint64 subject, DateADT day)
{
	DsecQueueEntry *entry = entry_at(at);

	Assert(pg_atomic_read_u64(&entry->subject) == 0);
	entry->set = set;
	entry->day = day;
	pg_write_barrier();
	pg_atomic_write_u64(&entry->subject, subject);
}

uint64
dsec_ledger_queue_tail(uint64 *head)
{
	uint64		tail;

	SpinLockAcquire(&dsec_ledger->queue_mutex);
	tail = dsec_ledger->queue_tail;
	*head = dsec_ledger->queue_head;
	SpinLockRelease(&dsec_ledger->queue_mutex);
	return tail;
}

uint64
dsec_ledger_queue_length(void)
{
	uint64		head;
	uint64		tail = dsec_ledger_queue_tail(&head);

	return head - tail;
}

bool
dsec_ledger_queue_room(int n)
{
	return dsec_ledger_queue_length() + n <= dsec_ledger->queue_size;
}

/* Free the published entries before "upto".  In the worker. */
void
dsec_ledger_queue_free(uint64 upto)
{
	/* only the worker moves the tail */
	for (uint64 at = dsec_ledger->queue_tail; at < upto; at++)
		pg_atomic_write_u64(&entry_at(at)->subject, 0);
	pg_write_barrier();
	SpinLockAcquire(&dsec_ledger->queue_mutex);
	dsec_ledger->queue_tail = upto;
	SpinLockRelease(&dsec_ledger->queue_mutex);
}

/* Forget everything.  Under all locks, in the worker. */
void
dsec_ledger_queue_clear(void)
{
	dsec_ledger_queue_free(dsec_ledger->queue_head);
}
