/*-------------------------------------------------------------------------
 *
 * dsec_test_lineage.c
 *	  Makes mistakes in plans that dsec covered, and plans that cannot be had
 *	  from SQL alone, to see what the plan check says.  For tests only.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/plantree.h"
#include "lineage/reads.h"
#include "lineage/verify.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/queryenvironment.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_verify);
PG_FUNCTION_INFO_V1(test_transition);
PG_FUNCTION_INFO_V1(test_unknown_node);
PG_FUNCTION_INFO_V1(test_covered_copies);

static const CustomScanMethods guard_methods = {DSEC_GUARD_NAME, NULL};
static const CustomScanMethods other_methods = {"SomebodyElse", NULL};

static PlannedStmt *
plan_query(const char *query, QueryEnvironment *environment)
{
	List	   *parsed = pg_parse_query(query);
	List	   *queries;

	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, parsed),
												 query, NULL, 0, environment);

	return standard_planner(linitial_node(Query, queries), query,
							CURSOR_OPT_PARALLEL_OK, NULL);
}

static Plan *
make_guard(Plan *child, int plan_node_id, List *private)
{
	CustomScan *guard = makeNode(CustomScan);
	ListCell   *lc;

	guard->methods = &guard_methods;
	guard->custom_private = private;
	guard->scan.plan.plan_node_id = plan_node_id;
	guard->scan.plan.lefttree = child;
	foreach(lc, child->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		TargetEntry *scan_tle = flatCopyTargetEntry(tle);
		TargetEntry *own_tle = flatCopyTargetEntry(tle);

		scan_tle->expr = (Expr *) makeVarFromTargetEntry(OUTER_VAR, tle);
		own_tle->expr = (Expr *) makeVarFromTargetEntry(INDEX_VAR, tle);
		guard->custom_scan_tlist = lappend(guard->custom_scan_tlist, scan_tle);
		guard->scan.plan.targetlist = lappend(guard->scan.plan.targetlist,
											  own_tle);
	}
	return &guard->scan.plan;
}

/* ----------------------------------------------------------------
 * mistakes in a charge, wherever one stands
 * ----------------------------------------------------------------
 */

static bool
is_charge(Node *node)
{
	return IsA(node, FuncExpr) &&
		((FuncExpr *) node)->funcid == dsec_lineage_charge_function();
}

static void
set_const(List *args, int n, Const *value)
{
	lfirst(list_nth_cell(args, n)) = value;
}

static void
spoil_charge(FuncExpr *charge, const char *mistake)
{
	if (strcmp(mistake, "charge: explicit call") == 0)
		charge->funcformat = COERCE_EXPLICIT_CALL;
	else if (strcmp(mistake, "charge: variadic") == 0)
		charge->funcvariadic = true;
	else if (strcmp(mistake, "charge: space") == 0)
		set_const(charge->args, 0,
				  makeConst(TEXTOID, -1, InvalidOid, -1,
							CStringGetTextDatum("elsewhere"), false, false));
	else if (strcmp(mistake, "charge: categories") == 0)
	{
		Datum		category = CStringGetTextDatum("human_omic");
		ArrayType  *categories = construct_array(&category, 1, TEXTOID, -1,
												 false, TYPALIGN_INT);

		set_const(charge->args, 1,
				  makeConst(TEXTARRAYOID, -1, InvalidOid, -1,
							PointerGetDatum(categories), false, false));
	}
	else if (strcmp(mistake, "charge: nkeys") == 0)
		set_const(charge->args, 3,
				  makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(0), false,
							true));
	else if (strcmp(mistake, "charge: column") == 0)
		((Var *) llast(charge->args))->varattno++;
	else if (strcmp(mistake, "charge: another relation") == 0)
		((Var *) llast(charge->args))->varno++;
	else if (strcmp(mistake, "charge: NULL") == 0)
		set_const(charge->args, 0,
				  makeConst(TEXTOID, -1, InvalidOid, -1, (Datum) 0, true, false));
}

static bool
spoil_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (is_charge(node))
	{
		spoil_charge((FuncExpr *) node, arg);
		return false;
	}
	return expression_tree_walker(node, spoil_walker, arg);
}

/* CASE WHEN dsec.charge(...) THEN column END: give the column without it */
static Node *
unwrap_mutator(Node *node, void *arg)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseExpr))
	{
		CaseWhen   *when = linitial_node(CaseWhen, ((CaseExpr *) node)->args);

		if (is_charge((Node *) when->expr))
		{
			if (strcmp(arg, "case: default") == 0)
			{
				((CaseExpr *) node)->defresult = copyObject(when->result);
				return node;
			}
			if (strcmp(arg, "case: OR") == 0)
			{
				when->expr = makeBoolExpr(OR_EXPR,
										  list_make2(when->expr,
													 makeBoolConst(true, false)),
										  -1);
				return node;
			}
			return (Node *) when->result;
		}
	}
	return expression_tree_mutator(node, unwrap_mutator, arg);
}

/* ----------------------------------------------------------------
 * mistakes in nodes
 * ----------------------------------------------------------------
 */

static void
spoil_node(Plan **child, void *arg)
{
	const char *mistake = arg;
	Plan	   *plan = *child;
	ListCell   *lc;

	dsec_plan_children(plan, spoil_node, arg);

	spoil_walker((Node *) plan->qual, arg);

	if (strcmp(mistake, "charge: missing") == 0 ||
		strcmp(mistake, "charge: last") == 0)
	{
		List	   *charges = NIL;

		foreach(lc, plan->qual)
		{
			if (is_charge(lfirst(lc)))
			{
				charges = lappend(charges, lfirst(lc));
				plan->qual = foreach_delete_current(plan->qual, lc);
			}
		}
		if (strcmp(mistake, "charge: last") == 0)
			plan->qual = list_concat(plan->qual, charges);
	}
	else if (strcmp(mistake, "charge: or not") == 0)
	{
		foreach(lc, plan->qual)
		{
			if (is_charge(lfirst(lc)))
				lfirst(lc) = makeBoolExpr(OR_EXPR,
										  list_make2(makeBoolConst(true, false),
													 lfirst(lc)), -1);
		}
	}

	if (IsA(plan, ModifyTable))
	{
		ModifyTable *modify = (ModifyTable *) plan;

		spoil_walker((Node *) modify->returningLists, arg);
		spoil_walker((Node *) modify->onConflictSet, arg);
		spoil_walker(modify->onConflictWhere, arg);
		if (strncmp(mistake, "case: ", 6) == 0)
		{
			modify->returningLists = (List *)
				unwrap_mutator((Node *) modify->returningLists, arg);
			if (modify->returningLists)
				plan->targetlist = linitial(modify->returningLists);
		}
		if (strcmp(mistake, "conflict: not charged") == 0 &&
			modify->onConflictWhere)
			modify->onConflictWhere = (Node *)
				list_delete_first((List *) modify->onConflictWhere);
	}

	if (strcmp(mistake, "join: semi") == 0 &&
		(IsA(plan, HashJoin) || IsA(plan, NestLoop) || IsA(plan, MergeJoin)))
		((Join *) plan)->jointype = JOIN_SEMI;

	/* a node that hands on the same columns, but not row by row */
	if (strcmp(mistake, "node: unique") == 0 &&
		(IsA(plan, SeqScan) || IsA(plan, IndexScan)))
	{
		Unique	   *unique = makeNode(Unique);
		int			n = 0;

		unique->plan.lefttree = plan;
		foreach(lc, plan->targetlist)
			unique->plan.targetlist =
				lappend(unique->plan.targetlist,
						makeTargetEntry((Expr *) dsec_plan_child_var(OUTER_VAR, plan, n + 1),
										n + 1, NULL, false)), n++;
		*child = &unique->plan;
	}

	/* a node that does not project, whose target list says otherwise */
	if (strcmp(mistake, "node: shuffled sort") == 0 && IsA(plan, Sort) &&
		list_length(plan->targetlist) > 1)
	{
		TargetEntry *first = linitial_node(TargetEntry, plan->targetlist);
		TargetEntry *last = llast_node(TargetEntry, plan->targetlist);
		Expr	   *expr = first->expr;

		first->expr = last->expr;
		last->expr = expr;
	}
	if (strcmp(mistake, "scan: computed key") == 0 && IsA(plan, SeqScan))
	{
		TargetEntry *last = llast_node(TargetEntry, plan->targetlist);

		last->expr = (Expr *) makeRelabelType(last->expr,
											  exprType((Node *) last->expr), -1,
											  InvalidOid, COERCE_IMPLICIT_CAST);
	}
}

static void
spoil_guard(PlannedStmt *stmt, const char *mistake)
{
	CustomScan *guard = (CustomScan *) stmt->planTree;
	ListCell   *lc;

	if (strcmp(mistake, "guard: missing") == 0)
		stmt->planTree = outerPlan(guard);
	else if (strcmp(mistake, "guard: another name") == 0)
		guard->methods = &other_methods;
	else if (strcmp(mistake, "guard: no groups") == 0)
		lfirst(list_nth_cell(guard->custom_private, DSEC_GUARD_GROUPS)) = NIL;

	if (strncmp(mistake, "group: ", 7) != 0)
		return;
	foreach(lc, (List *) list_nth(guard->custom_private, DSEC_GUARD_GROUPS))
	{
		List	   *group = lfirst(lc);

		if (strcmp(mistake, "group: positions") == 0)
			llast_int((List *) list_nth(group, DSEC_GROUP_POSITIONS)) = 1;
		else if (strcmp(mistake, "group: position out of range") == 0)
			llast_int((List *) list_nth(group, DSEC_GROUP_POSITIONS)) = 100;
		else if (strcmp(mistake, "group: rtis") == 0)
			lfirst(list_nth_cell(group, DSEC_GROUP_RTIS)) = list_make1_int(77);
		else if (strcmp(mistake, "group: space") == 0)
			lfirst(list_nth_cell(group, DSEC_GROUP_SPACE)) = makeString("elsewhere");
		else if (strcmp(mistake, "group: categories") == 0)
			lfirst(list_nth_cell(group, DSEC_GROUP_CATEGORIES)) =
				list_make1(makeString("human_omic"));
		else if (strcmp(mistake, "group: rowid") == 0)
			lfirst(list_nth_cell(group, DSEC_GROUP_ROWID)) = makeInteger(0);
		else if (strcmp(mistake, "group: populations") == 0)
			lfirst(list_nth_cell(group, DSEC_GROUP_POPULATIONS)) =
				list_make1(makeString("us_device"));
	}
}

Datum
test_verify(PG_FUNCTION_ARGS)
{
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *mistake = text_to_cstring(PG_GETARG_TEXT_PP(1));
	PlannedStmt *stmt = plan_query(query, NULL);
	List	   *reads = dsec_lineage_reads(stmt);
	char	   *why;

	if (reads == NIL)
		PG_RETURN_TEXT_P(cstring_to_text("nothing to cover"));

	dsec_lineage_cover(stmt, reads, 0, make_guard);
	stmt = copyObject(stmt);
	if (!dsec_lineage_covered(stmt, &why))
		elog(ERROR, "not covered before any mistake: %s", why);

	dsec_plan_children(stmt->planTree, spoil_node, mistake);
	spoil_guard(stmt, mistake);

	if (dsec_lineage_covered(stmt, &why))
		why = "covered";
	PG_RETURN_TEXT_P(cstring_to_text(why));
}

/* ----------------------------------------------------------------
 * plans that SQL alone does not give
 * ----------------------------------------------------------------
 */

static void
return_reads(FunctionCallInfo fcinfo, PlannedStmt *stmt)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, dsec_lineage_reads(stmt))
	{
		Datum		value;
		bool		isnull = false;

		value = CStringGetTextDatum(dsec_lineage_describe(stmt, lfirst(lc)));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
}

Datum
test_transition(PG_FUNCTION_ARGS)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation rows = palloc0(sizeof(EphemeralNamedRelationData));

	LockRelationOid(PG_GETARG_OID(0), AccessShareLock);
	rows->md.name = "rows";
	rows->md.reliddesc = PG_GETARG_OID(0);
	rows->md.enrtype = ENR_NAMED_TUPLESTORE;
	register_ENR(environment, rows);

	return_reads(fcinfo,
				 plan_query(text_to_cstring(PG_GETARG_TEXT_PP(1)), environment));

	return (Datum) 0;
}

Datum
test_unknown_node(PG_FUNCTION_ARGS)
{
	PlannedStmt *stmt = plan_query(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL);
	CustomScan *scan = makeNode(CustomScan);

	/* it has the plan, but as a private matter */
	scan->methods = &other_methods;
	scan->scan.plan.targetlist =
		list_make1(makeTargetEntry((Expr *) makeBoolConst(true, false), 1, "x",
								   false));
	stmt->planTree = &scan->scan.plan;
	return_reads(fcinfo, stmt);

	return (Datum) 0;
}

/* ----------------------------------------------------------------
 * copies
 * ----------------------------------------------------------------
 */

Datum
test_covered_copies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PlannedStmt *stmt = plan_query(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL);
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	dsec_lineage_cover(stmt, dsec_lineage_reads(stmt), 0, make_guard);
	foreach(lc, dsec_lineage_copies(stmt, false, NULL))
	{
		Datum		line = CStringGetTextDatum(dsec_lineage_describe_copy(lfirst(lc)));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &line, &isnull);
	}

	return (Datum) 0;
}
