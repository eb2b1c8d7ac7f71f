/*-------------------------------------------------------------------------
 *
 * source.c
 *	  Charge a read where it happens.
 *
 * A scan gets a call of dsec.charge among its quals: after the quals that are
 * harmless, so that few rows are charged, and before the first one that might
 * disclose a tagged column, so that nothing is shown uncharged.  The plan keeps
 * its shape: index conditions stay index conditions, because an operator of an
 * operator class is one that a superuser vouched for.
 *
 * RETURNING, ON CONFLICT and MERGE expressions read the row in a ModifyTable,
 * which has no quals of its own for them; there every use of a tagged column
 * becomes CASE WHEN dsec.charge(...) THEN column END.  ON CONFLICT DO UPDATE
 * takes over the whole row in conflict, and is charged before that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lineage/cover.h"
#include "lineage/indexonly.h"
#include "lineage/plantree.h"
#include "lineage/verify.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "report.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct WrapContext
{
	Index		rti;
	const Bitmapset *attnos;
	Expr	   *charge;
} WrapContext;

/* The function dsec.charge of this database; raises DS003 when it is missing. */
static Oid
charge_function(void)
{
	Oid			function = dsec_lineage_charge_function();

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("cannot count the people in tagged data"),
				 errdetail("This database has tagged columns but not the extension dsec."),
				 errhint("Run CREATE EXTENSION dsec in this database.")));

	return function;
}

static void
refuse(PlannedStmt *stmt, DsecCoverage *coverage, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot count the people in what this statement reads"),
			 errdetail("%s: %s.",
					   dsec_lineage_describe(stmt, coverage->read), why),
			 errhint("Write the statement so that the tagged columns are read by a plain scan of their table; docs/limits.md lists what cannot be counted.")));
}

static Const *
text_const(const char *value)
{
	return makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
					 CStringGetTextDatum(value), false, false);
}

static Const *
text_array_const(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	int			n = 0;
	ListCell   *lc;
	ArrayType  *array;

	foreach(lc, strings)
		elements[n++] = CStringGetTextDatum(strVal(lfirst(lc)));
	array = construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);

	return makeConst(TEXTARRAYOID, -1, DEFAULT_COLLATION_OID, -1,
					 PointerGetDatum(array), false, false);
}

/* dsec.charge(...) for one group; columns are the Vars of its columns. */
static Expr *
charge_call(const DsecGroup *group, bool rowid, List *columns)
{
	List	   *args;

	args = list_make5(text_const(group->space),
					  text_array_const(group->categories),
					  text_array_const(group->populations),
					  makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
								Int32GetDatum(group->nkeys), false, true),
					  makeBoolConst(rowid, false));

	return (Expr *) makeFuncExpr(charge_function(), BOOLOID,
								 list_concat(args, columns),
								 InvalidOid, InvalidOid, COERCE_SQL_SYNTAX);
}

Expr *
dsec_cover_charge_call(const DsecGroup *group, Index rti, Oid relid, bool rowid)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, group->columns)
	{
		AttrNumber	attno = lfirst_int(lc);

		if (attno > 0 || rowid)
			columns = lappend(columns, dsec_plan_relation_var(rti, relid, attno));
	}

	return charge_call(group, rowid && group->rowid, columns);
}

/* Is there a charge among the quals of a scan? */
static bool
is_charged(Plan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->qual)
	{
		FuncExpr   *call = lfirst(lc);

		if (IsA(call, FuncExpr) && call->funcid == charge_function() &&
			call->funcformat == COERCE_SQL_SYNTAX)
			return true;
	}

	return false;
}

/* The Vars of a group's columns in a scan; raises DS003 when one is missing. */
static List *
scan_columns(PlannedStmt *stmt, DsecCoverage *coverage, const DsecGroup *group)
{
	Plan	   *plan = coverage->read->node;
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, group->columns)
	{
		Var		   *var;

		if (IsA(plan, IndexOnlyScan))
			var = dsec_plan_index_only_var((IndexOnlyScan *) plan, lfirst_int(lc));
		else
			var = dsec_plan_relation_var(coverage->read->rti,
										 coverage->read->relid, lfirst_int(lc));
		if (var == NULL)
			refuse(stmt, coverage, "the index that is scanned does not hold the subject key");
		columns = lappend(columns, var);
	}

	return columns;
}

/* Calls of dsec.charge for all that a scan must count. */
static List *
scan_charges(PlannedStmt *stmt, DsecCoverage *coverage)
{
	Plan	   *plan = coverage->read->node;
	List	   *charges = NIL;
	ListCell   *lc;

	foreach(lc, coverage->groups)
	{
		DsecGroup  *group = lfirst(lc);

		/* rows of a transition table have no place of their own */
		if (IsA(plan, NamedTuplestoreScan))
			charges = lappend(charges,
							  dsec_cover_charge_call(group, coverage->read->rti,
													 coverage->read->relid, false));
		else
			charges = lappend(charges,
							  charge_call(group, group->rowid,
										  scan_columns(stmt, coverage, group)));
	}

	return charges;
}

/* Does the expression read a tagged column of the scan? */
static bool
reads_tagged(Node *node, void *arg)
{
	DsecRead   *read = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == INDEX_VAR && IsA(read->node, IndexOnlyScan))
		{
			List	   *columns = ((IndexOnlyScan *) read->node)->indextlist;

			return reads_tagged((Node *) list_nth_node(TargetEntry, columns,
													   var->varattno - 1)->expr,
								arg);
		}
		return var->varno == (int) read->rti &&
			(var->varattno == InvalidAttrNumber ||
			 (var->varattno > 0 && bms_is_member(var->varattno, read->attnos)));
	}

	return expression_tree_walker(node, reads_tagged, arg);
}

/* Do tagged columns decide which rows the quals of a scan get to see? */
static bool
finds_by_tagged(DsecRead *read)
{
	switch (nodeTag(read->node))
	{
		case T_IndexScan:
			return reads_tagged((Node *) ((IndexScan *) read->node)->indexqualorig,
								read);
		case T_IndexOnlyScan:
			return reads_tagged((Node *) ((IndexOnlyScan *) read->node)->indexqual,
								read);
		case T_BitmapHeapScan:
			return reads_tagged((Node *) ((BitmapHeapScan *) read->node)->bitmapqualorig,
								read);
		default:
			return false;
	}
}

/*
 * Where absence shows, a row that a qual on a tagged column drops is shown as
 * well: it must be charged before.  Rows that an index does not even give
 * cannot be.
 */
static int
first_tagged_qual(PlannedStmt *stmt, DsecCoverage *coverage)
{
	int			position = 0;
	ListCell   *lc;

	if (finds_by_tagged(coverage->read))
		refuse(stmt, coverage, "the rows that an index on it leaves out show by their absence");

	foreach(lc, coverage->read->node->qual)
	{
		if (reads_tagged(lfirst(lc), coverage->read))
			break;
		position++;
	}

	return position;
}

static void
charge_scan(PlannedStmt *stmt, DsecCoverage *coverage)
{
	Plan	   *plan = coverage->read->node;
	List	   *charges;
	int			position;

	if (IsA(plan, ForeignScan) && is_charged(plan))
		return;
	if (dsec_plan_scanrelid(plan) == 0 && !IsA(plan, NamedTuplestoreScan))
		refuse(stmt, coverage, "rows of this kind of scan cannot be charged");

	/* in front of what may disclose, behind what does not */
	position = dsec_lineage_charge_position(plan, coverage->read->rti,
											coverage->read->attnos);
	if (position < 0)
		refuse(stmt, coverage, "it may be disclosed before a row can be charged");
	if (coverage->absence)
		position = Min(position, first_tagged_qual(stmt, coverage));

	charges = scan_charges(stmt, coverage);
	plan->qual = list_concat(list_concat(list_copy_head(plan->qual, position),
										 charges),
							 list_copy_tail(plan->qual, position));
}

/*
 * EXPLAIN ANALYZE tells how many rows passed a scan's quals, and how many an
 * index gave before these.
 */
void
dsec_cover_row_count(PlannedStmt *stmt, DsecCoverage *coverage)
{
	Plan	   *plan = coverage->read->node;

	if (finds_by_tagged(coverage->read))
		plan->qual = list_concat(scan_charges(stmt, coverage), plan->qual);
	else if (dsec_plan_scanrelid(plan) != 0 && !is_charged(plan))
		charge_scan(stmt, coverage);
}

static Node *
wrap_columns(Node *node, void *arg)
{
	WrapContext *context = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		CaseExpr   *caseexpr;
		CaseWhen   *when;

		if (var->varno != (int) context->rti ||
			!(var->varattno == 0 ||
			  (var->varattno > 0 &&
			   bms_is_member(var->varattno, context->attnos))))
			return (Node *) copyObject(var);

		when = makeNode(CaseWhen);
		when->expr = copyObject(context->charge);
		when->result = (Expr *) copyObject(var);
		when->location = -1;
		caseexpr = makeNode(CaseExpr);
		caseexpr->casetype = var->vartype;
		caseexpr->casecollid = var->varcollid;
		caseexpr->args = list_make1(when);
		caseexpr->defresult = (Expr *) makeNullConst(var->vartype,
													 var->vartypmod,
													 var->varcollid);
		caseexpr->location = -1;
		return (Node *) caseexpr;
	}

	return expression_tree_mutator(node, wrap_columns, context);
}

static void
charge_modify(PlannedStmt *stmt, DsecCoverage *coverage)
{
	DsecRead   *read = coverage->read;
	ModifyTable *modify = castNode(ModifyTable, read->node);
	WrapContext context;
	List	   *charges = NIL;
	ListCell   *lc;

	if (get_rel_relkind(read->relid) == RELKIND_FOREIGN_TABLE)
		refuse(stmt, coverage, "rows that come back from a foreign server cannot be charged");

	foreach(lc, coverage->groups)
		charges = lappend(charges,
						  dsec_cover_charge_call(lfirst(lc), read->rti,
												 read->relid, true));

	context.rti = read->rti;
	context.attnos = read->attnos;
	context.charge = list_length(charges) == 1 ? linitial(charges) :
		makeBoolExpr(AND_EXPR, charges, -1);

	modify->returningLists = (List *)
		wrap_columns((Node *) modify->returningLists, &context);
	modify->onConflictSet = (List *)
		wrap_columns((Node *) modify->onConflictSet, &context);
	modify->onConflictWhere =
		wrap_columns(modify->onConflictWhere, &context);
	modify->mergeActionLists = (List *)
		wrap_columns((Node *) modify->mergeActionLists, &context);
	modify->withCheckOptionLists = (List *)
		wrap_columns((Node *) modify->withCheckOptionLists, &context);

	/* the row in conflict goes into its new version as a whole */
	if (modify->onConflictAction == ONCONFLICT_UPDATE)
		modify->onConflictWhere = (Node *)
			lcons(copyObject(context.charge), (List *) modify->onConflictWhere);

	/* the node's own target list is that of its first RETURNING list */
	if (modify->returningLists != NIL)
		modify->plan.targetlist = linitial(modify->returningLists);
}

void
dsec_cover_at_source(PlannedStmt *stmt, DsecCoverage *coverage)
{
	switch (coverage->read->place)
	{
		case DSEC_READ_SCAN:
			charge_scan(stmt, coverage);
			break;
		case DSEC_READ_MODIFY:
			charge_modify(stmt, coverage);
			break;
		case DSEC_READ_OPAQUE:
			if (!IsA(coverage->read->node, NamedTuplestoreScan))
				refuse(stmt, coverage, "what it does with the column cannot be seen");
			charge_scan(stmt, coverage);
			break;
	}
}
