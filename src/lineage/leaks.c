/*-------------------------------------------------------------------------
 *
 * leaks.c
 *	  Which expressions may show the tagged columns of one relation.
 *
 * The view of a single scan, on top of flow.c: for the code that decides where
 * a scan is charged, and for the check of that.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/flow.h"
#include "lineage/reads.h"
#include "lineage/verify.h"
#include "nodes/nodeFuncs.h"

typedef struct LeaksFlow
{
	DsecFlow	flow;			/* must be first */
	Index		rti;
	const Bitmapset *attnos;
	List	   *scantlist;		/* what INDEX_VAR stands for, or NIL */
	bool		leaks;
} LeaksFlow;

static Bitmapset *
leaks_var(DsecFlow *flow, Var *var)
{
	LeaksFlow  *leaks = (LeaksFlow *) flow;

	if (var->varlevelsup != 0)
		return NULL;

	if (var->varno == INDEX_VAR && leaks->scantlist != NIL)
	{
		TargetEntry *tle;

		if (var->varattno < 1 ||
			var->varattno > list_length(leaks->scantlist))
			return NULL;
		tle = list_nth_node(TargetEntry, leaks->scantlist, var->varattno - 1);
		return dsec_flow_expr(flow, (Node *) tle->expr, NULL);
	}

	if ((Index) var->varno != leaks->rti)
		return NULL;
	if (var->varattno == InvalidAttrNumber ||
		(var->varattno > 0 && bms_is_member(var->varattno, leaks->attnos)))
		return bms_make_singleton(0);
	return NULL;
}

static void
leaks_show(DsecFlow *flow, Bitmapset *origins)
{
	((LeaksFlow *) flow)->leaks = true;
}

static void
start(LeaksFlow *leaks, Index rti, const Bitmapset *attnos)
{
	memset(leaks, 0, sizeof(LeaksFlow));
	leaks->flow.var = leaks_var;
	leaks->flow.show = leaks_show;
	leaks->flow.exempt = dsec_lineage_charge_function();
	leaks->rti = rti;
	leaks->attnos = attnos;
}

/*
 * Conditions that the access method answers.  The operators are those of an
 * operator class, which a superuser vouched for; what they are applied to may
 * be computed anew when the answer is lossy.
 */
static Bitmapset *
index_conditions(LeaksFlow *leaks, List *quals)
{
	Bitmapset  *control = NULL;
	ListCell   *lc;

	foreach(lc, quals)
	{
		Node	   *qual = (Node *) lfirst(lc);
		List	   *operands;
		ListCell   *lo;

		switch (nodeTag(qual))
		{
			case T_OpExpr:
				operands = ((OpExpr *) qual)->args;
				break;
			case T_ScalarArrayOpExpr:
				operands = ((ScalarArrayOpExpr *) qual)->args;
				break;
			case T_RowCompareExpr:
				operands = list_concat_copy(((RowCompareExpr *) qual)->largs,
											((RowCompareExpr *) qual)->rargs);
				break;
			case T_NullTest:
				operands = list_make1(((NullTest *) qual)->arg);
				break;
			default:
				operands = list_make1(qual);
				break;
		}
		foreach(lo, operands)
			control = bms_union(control,
								dsec_flow_expr(&leaks->flow, lfirst(lo), NULL));
	}
	return control;
}

static Bitmapset *
bitmap_conditions(LeaksFlow *leaks, Plan *plan)
{
	Bitmapset  *control = NULL;
	List	   *children = NIL;
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_BitmapIndexScan:
			return index_conditions(leaks,
									((BitmapIndexScan *) plan)->indexqualorig);
		case T_BitmapAnd:
			children = ((BitmapAnd *) plan)->bitmapplans;
			break;
		case T_BitmapOr:
			children = ((BitmapOr *) plan)->bitmapplans;
			break;
		default:
			leaks->leaks = true;
			break;
	}
	foreach(lc, children)
		control = bms_union(control, bitmap_conditions(leaks, lfirst(lc)));
	return control;
}

int
dsec_lineage_charge_position(Plan *scan, Index rti, const Bitmapset *attnos)
{
	LeaksFlow	leaks;
	Bitmapset  *control = NULL;
	int			position = 0;
	ListCell   *lc;

	start(&leaks, rti, attnos);

	switch (nodeTag(scan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_NamedTuplestoreScan:
			break;
		case T_TidScan:
			(void) dsec_flow_expr(&leaks.flow,
								  (Node *) ((TidScan *) scan)->tidquals, NULL);
			break;
		case T_TidRangeScan:
			(void) dsec_flow_expr(&leaks.flow,
								  (Node *) ((TidRangeScan *) scan)->tidrangequals,
								  NULL);
			break;
		case T_IndexScan:
			control = index_conditions(&leaks,
									   ((IndexScan *) scan)->indexqualorig);
			control = bms_union(control,
								index_conditions(&leaks,
												 ((IndexScan *) scan)->indexorderbyorig));
			break;
		case T_IndexOnlyScan:
			leaks.scantlist = ((IndexOnlyScan *) scan)->indextlist;
			control = index_conditions(&leaks,
									   ((IndexOnlyScan *) scan)->indexqual);
			control = bms_union(control,
								index_conditions(&leaks,
												 ((IndexOnlyScan *) scan)->indexorderby));
			break;
		case T_BitmapHeapScan:
			control = bitmap_conditions(&leaks, outerPlan(scan));
			break;
		case T_ForeignScan:
			/* what the other server evaluates shows in its errors */
			leaks.scantlist = ((ForeignScan *) scan)->fdw_scan_tlist;
			control = dsec_flow_quals(&leaks.flow,
									  ((ForeignScan *) scan)->fdw_recheck_quals,
									  NULL);
			break;
		default:
			return -1;
	}
	if (leaks.leaks)
		return -1;

	foreach(lc, scan->qual)
	{
		Bitmapset  *origins = dsec_flow_expr(&leaks.flow, lfirst(lc), control);

		if (leaks.leaks)
			return position;
		control = bms_union(control, origins);
		position++;
	}
	return position;
}
