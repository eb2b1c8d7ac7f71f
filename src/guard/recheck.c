/*-------------------------------------------------------------------------
 *
 * recheck.c
 *	  Statements that go on to rows which their snapshot does not see.
 *
 * In READ COMMITTED, a statement that wants to lock or update a row which another
 * transaction has changed waits for that one, and goes on with the new row.  So
 * does ON CONFLICT.  That row may hold a copy of tagged data, and its column a tag
 * that was not there when the statement was looked at.
 *
 * What such a statement sends is stopped: before each row the state of all tags is
 * compared, which is a look at shared memory, and if it is another one, the plan is
 * looked at again.  What it has written gets its tags after it has run, in the same
 * transaction, so before anybody else can see it.
 *
 * Functions that the statement calls with such a row are not looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "guard/context.h"
#include "guard/copies.h"
#include "guard/recheck.h"
#include "guc.h"
#include "ledger/event.h"
#include "lineage/groups.h"
#include "lineage/reads.h"
#include "lineage/verify.h"
#include "report.h"
#include "tag/tag.h"

/* Do its rows go into a relation that it creates? */
static bool
creates(const DsecRecheck *recheck)
{
	return recheck->dest->mydest == DestIntoRel ||
		recheck->dest->mydest == DestTransientRel;
}

/* Does the plan read what it was not made to count? */
static bool
lacks_guard(const DsecRecheck *recheck)
{
	PlannedStmt *stmt = recheck->queryDesc->plannedstmt;
	DsecContext context;
	char	   *why;

	if (dsec_lineage_is_covered(stmt) ? dsec_lineage_covered(stmt, &why) :
		dsec_lineage_reads(stmt) == NIL)
		return false;
	if (creates(recheck))
		return true;
	dsec_context_get(&context);
	return context.records;
}

static pg_noinline void
look_again(const DsecRecheck *recheck)
{
	if (!lacks_guard(recheck))
		return;
	if (dsec_guc_mode == DSEC_MODE_PERMISSIVE)
	{
		dsec_event_loss(NULL, NULL, "a statement went on to rows of tagged data without being counted, because they were tagged while it ran");
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("tags have changed since this statement was planned"),
			 errhint("Run it again.")));
}

static bool
recheck_receive(TupleTableSlot *slot, DestReceiver *self)
{
	DsecRecheck *recheck = (DsecRecheck *) self;

	if (unlikely(dsec_tag_changed(&recheck->known)))
		look_again(recheck);
	return recheck->dest->receiveSlot(slot, recheck->dest);
}

static void
recheck_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	DestReceiver *dest = ((DsecRecheck *) self)->dest;

	dest->rStartup(dest, operation, typeinfo);
}

static void
recheck_shutdown(DestReceiver *self)
{
	DestReceiver *dest = ((DsecRecheck *) self)->dest;

	dest->rShutdown(dest);
}

/* Its creator destroys what this stands for. */
static void
recheck_destroy(DestReceiver *self)
{
}

bool
dsec_recheck_begin(DsecRecheck *recheck, QueryDesc *queryDesc)
{
	const PlannedStmt *stmt = queryDesc->plannedstmt;
	bool		sends = stmt->commandType == CMD_SELECT || stmt->hasReturning;

	if ((stmt->resultRelations == NIL && stmt->rowMarks == NIL) ||
		IsolationUsesXactSnapshot())
		return false;

	recheck->queryDesc = queryDesc;
	recheck->started = recheck->known = dsec_tag_generation();
	recheck->dest = NULL;
	if (sends)
	{
		recheck->dest = queryDesc->dest;
		if (!creates(recheck) && !dsec_context_may_count())
			recheck->dest = NULL;
	}
	if (recheck->dest)
	{
		recheck->pub.receiveSlot = recheck_receive;
		recheck->pub.rStartup = recheck_startup;
		recheck->pub.rShutdown = recheck_shutdown;
		recheck->pub.rDestroy = recheck_destroy;
		recheck->pub.mydest = recheck->dest->mydest;

		/* a cursor: other statements may have caught up since its last rows */
		if (dsec_lineage_is_covered(stmt))
			look_again(recheck);
		queryDesc->dest = &recheck->pub;
	}
	return true;
}

void
dsec_recheck_end(DsecRecheck *recheck)
{
	if (recheck->dest)
		recheck->queryDesc->dest = recheck->dest;
}

void
dsec_recheck_copies(DsecRecheck *recheck)
{
	if (recheck->queryDesc->plannedstmt->resultRelations != NIL &&
		unlikely(dsec_tag_changed(&recheck->started)))
		dsec_copies_start(recheck->queryDesc, 0);
}
