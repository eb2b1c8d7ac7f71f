/*-------------------------------------------------------------------------
 *
 * event_slots.h
 *	  The slots of event.c in shared memory; private to the event_*.c files.
 *
 * A slot's word is its generation and its state, and changes only by
 * compare-and-swap: there is no lock that a publisher could wait for, or that a
 * backend could take with it when it dies.
 *
 *		FREE -- take --> HELD -- publish --> READY -- worker --> WRITING
 *		HELD -- release --> FREE			 WRITING -- committed --> FREE
 *		READY <-- session folds --> FOLDING  WRITING -- rolled back --> READY
 *
 * Whoever moved a slot to HELD, FOLDING or WRITING owns its contents until it
 * moves the slot on.  Each FREE -> HELD starts a new generation, so that a word names one
 * record for good.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_EVENT_SLOTS_H
#define DSEC_EVENT_SLOTS_H

#include "ledger/event.h"
#include "port/atomics.h"

typedef enum DsecEventState
{
	DSEC_EVENT_FREE,
	DSEC_EVENT_HELD,
	DSEC_EVENT_READY,
	DSEC_EVENT_FOLDING,
	DSEC_EVENT_WRITING
} DsecEventState;

#define DSEC_EVENT_STATE(word) ((DsecEventState) ((word) % 8))
#define DSEC_EVENT_WORD(word, state) (((word) & ~UINT64CONST(7)) | (uint64) (state))
#define DSEC_EVENT_NEXT(word, state) (DSEC_EVENT_WORD(word, state) + 8)

typedef struct DsecEventSlot
{
	pg_atomic_uint64 word;
	uint64		sequence;		/* order of publication */
	int			encoding;		/* of the strings in the event */
	bool		alone;			/* nothing may fold into it: somebody waits for
								 * it, or it may have been written already */
	bool		doubtful;		/* it may have been written already */
} DsecEventSlot;

typedef struct DsecEventShared
{
	int			nslots;
	pg_atomic_uint64 sequence;	/* of the last publication */
	pg_atomic_uint32 hurry;		/* write now; the worker clears it */
	pg_atomic_uint32 idle;		/* the worker found nothing ready and sleeps:
								 * whoever clears it wakes it */
	pg_atomic_uint64 lost;		/* records that found no slot */

	/* set before the first child exists; then the worker's alone */
	bool		unsaved;		/* the server stopped without saving its queue */
	bool		recovered;		/* it was a standby, or restored from a backup */
	int			mode;			/* settings last recorded; -1: none yet */
	int			unassigned;
	int			unbound_read;

	DsecEvent  *events;
	DsecEventSlot slots[FLEXIBLE_ARRAY_MEMBER];
} DsecEventShared;

/* NULL when dsec is not preloaded */
extern DsecEventShared *dsec_event_shared;

/* Move a slot on from a word that was read; false when somebody was faster. */
static inline bool
dsec_event_move(DsecEventSlot *slot, uint64 from, uint64 to)
{
	return pg_atomic_compare_exchange_u64(&slot->word, &from, to);
}

/*
 * event.c: dsec_event_identify zeroes an event anywhere and fills in the facts of
 * this session; it needs a transaction for names of roles.  dsec_event_queue
 * publishes a copy of an event; it never fails and never waits, and without a
 * free slot only counts one more record as lost.
 */
extern void dsec_event_identify(DsecEvent *event);
extern void dsec_event_queue(const DsecEvent *event);

/* event_store.c: the task of the worker */
extern void dsec_event_store_init(void);

/* event_change.c: has labels that are set recorded */
extern void dsec_event_change_init(void);

/*
 * event_file.c: records that were not written when the server stopped, whatever
 * stopped it, wait in a file in the data directory.  Both run in the postmaster,
 * while no other process uses the slots.
 */
extern void dsec_event_load(void);
extern void dsec_event_save(int code, Datum arg);

#endif							/* DSEC_EVENT_SLOTS_H */
