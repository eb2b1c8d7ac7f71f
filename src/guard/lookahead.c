/*-------------------------------------------------------------------------
 *
 * lookahead.c
 *	  Keys of rows that a sequential scan is about to deliver.
 *
 * Where a subject stands in the ledger's table is a matter of its hash, so each
 * subject that this session has not met is a cache miss.  The memory can be
 * asked for ahead of time if the key is known ahead of time; and a sequential
 * scan of a heap has the visible rows of a page listed and pinned.
 *
 * This only looks.  No row is taken from the scan earlier than the guard hands
 * it on, and nothing is charged earlier or later for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "compat.h"
#include "guard/lookahead.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

AttrNumber
dsec_lookahead_column(PlanState *scan, AttrNumber position)
{
	Relation	rel;
	TargetEntry *tle;
	Var		   *var;

	if (!IsA(scan, SeqScanState))
		return 0;
	rel = ((ScanState *) scan)->ss_currentRelation;
	if (rel == NULL || rel->rd_tableam != GetHeapamTableAmRoutine())
		return 0;

	tle = list_nth_node(TargetEntry, scan->plan->targetlist, position - 1);
	var = (Var *) tle->expr;
	if (!IsA(var, Var) || var->varattno <= 0)
		return 0;

	return var->varattno;
}

bool
dsec_lookahead_value(PlanState *scan, AttrNumber column, Datum *value)
{
	HeapScanDesc heap = (HeapScanDesc) ((ScanState *) scan)->ss_currentScanDesc;
	TupleDesc	desc = ((ScanState *) scan)->ss_ScanTupleSlot->tts_tupleDescriptor;
	int			index;
	Page		page;
	HeapTupleHeader tuple;

	if (heap == NULL || !BufferIsValid(heap->rs_cbuf) ||
		(heap->rs_base.rs_flags & SO_ALLOW_PAGEMODE) == 0)
		return false;
	index = (int) heap->rs_cindex + DSEC_LOOKAHEAD_ROWS;
	if (index < 0 || index >= (int) heap->rs_ntuples)
		return false;

	page = BufferGetPage(heap->rs_cbuf);
	tuple = (HeapTupleHeader)
		PageGetItem(page, PageGetItemId(page, heap->rs_vistuples[index]));
	if ((tuple->t_infomask & HEAP_HASNULL) != 0 ||
		HeapTupleHeaderGetNatts(tuple) < column ||
		DSEC_ATTRIBUTE(desc, column - 1)->attcacheoff < 0)
		return false;

	*value = fetchatt(DSEC_ATTRIBUTE(desc, column - 1),
					  (char *) tuple + tuple->t_hoff +
					  DSEC_ATTRIBUTE(desc, column - 1)->attcacheoff);

	return true;
}
