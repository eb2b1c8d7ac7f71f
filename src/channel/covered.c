/*-------------------------------------------------------------------------
 *
 * covered.c
 *	  Is what a statement writes to a foreign table charged where it is read?
 *
 * A row that has no key counts by itself when it is written to a tagged foreign
 * table.  When the statement has taken its tagged values from a tagged table,
 * the people in them are charged there, by name, for the same server; a second
 * charge would count them twice.
 *
 * Pure, over the plan that runs.  A "yes" is given only for a value that arrives
 * as it was read; an expression, a literal or a parameter could be anybody's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "channel/fdw.h"
#include "compat.h"
#include "lineage/groups.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "tag/tag.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct Value
{
	const PlannedStmt *stmt;
	const char *category;
} Value;

static bool is_read(const Value *value, const Plan *plan, const Expr *expr);

/* Column n of a node's output. */
static bool
output_is_read(const Value *value, const Plan *plan, AttrNumber n)
{
	TargetEntry *tle;

	if (plan == NULL || n <= 0)
		return false;
	tle = get_tle_by_resno(plan->targetlist, n);

	return tle != NULL && is_read(value, plan, tle->expr);
}

static bool
column_is_tagged(const Value *value, Index rti, AttrNumber attno)
{
	RangeTblEntry *rte = rt_fetch(rti, value->stmt->rtable);
	const DsecRelationTags *tags;
	const DsecTaggedColumn *column;

	if (rte->rtekind != RTE_RELATION)
		return false;
	tags = dsec_tag_relation(rte->relid);
	column = tags ? dsec_tag_column(tags, attno) : NULL;

	if (column == NULL || column->many)
		return false;
	for (int i = 0; i <= column->nalso; i++)
	{
		if (strcmp(dsec_tag_category(column, i), value->category) == 0)
			return true;
	}

	return false;
}

static bool
all_outputs_are_read(const Value *value, List *plans, AttrNumber n)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (!output_is_read(value, lfirst(lc), n))
			return false;
	}

	return plans != NIL;
}

/* A column of what a node scans, by the list that describes it. */
static bool
scanned_is_read(const Value *value, List *tlist, AttrNumber n)
{
	TargetEntry *tle = get_tle_by_resno(tlist, n);
	const Var  *var = tle ? (const Var *) tle->expr : NULL;

	return var != NULL && IsA(var, Var) && !IS_SPECIAL_VARNO(var->varno) &&
		column_is_tagged(value, var->varno, var->varattno);
}

static bool
var_is_read(const Value *value, const Plan *plan, const Var *var)
{
	switch (nodeTag(plan))
	{
		case T_Append:
			return all_outputs_are_read(value, ((const Append *) plan)->appendplans,
										var->varattno);
		case T_MergeAppend:
			return all_outputs_are_read(value, ((const MergeAppend *) plan)->mergeplans,
										var->varattno);
		case T_SubqueryScan:
			return output_is_read(value, ((const SubqueryScan *) plan)->subplan,
								  var->varattno);
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			return !IS_SPECIAL_VARNO(var->varno) &&
				column_is_tagged(value, var->varno, var->varattno);
		case T_IndexOnlyScan:
			return var->varno == INDEX_VAR &&
				scanned_is_read(value, ((const IndexOnlyScan *) plan)->indextlist,
								var->varattno);
		case T_ForeignScan:
			if (var->varno == INDEX_VAR)
				return scanned_is_read(value, ((const ForeignScan *) plan)->fdw_scan_tlist,
									   var->varattno);
			return !IS_SPECIAL_VARNO(var->varno) &&
				column_is_tagged(value, var->varno, var->varattno);
		case T_Result:
		case T_ProjectSet:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Hash:
		case T_Material:
		case T_Memoize:
		case T_Sort:
		case T_IncrementalSort:
		case T_Limit:
		case T_LockRows:
		case T_Unique:
		case T_Group:
		case T_Agg:
		case T_WindowAgg:
		case T_Gather:
		case T_GatherMerge:
			if (var->varno == OUTER_VAR)
				return output_is_read(value, outerPlan(plan), var->varattno);
			return var->varno == INNER_VAR &&
				output_is_read(value, innerPlan(plan), var->varattno);
		default:
			return false;
	}
}

/* The value that a cast is made of; other expressions as they are. */
static const Expr *
strip_casts(const Expr *expr)
{
	for (;;)
	{
		if (IsA(expr, RelabelType))
			expr = ((const RelabelType *) expr)->arg;
		else if (IsA(expr, CoerceViaIO))
			expr = ((const CoerceViaIO *) expr)->arg;
		else if (IsA(expr, CoerceToDomain))
			expr = ((const CoerceToDomain *) expr)->arg;
		else if (IsA(expr, FuncExpr) &&
				 ((const FuncExpr *) expr)->funcid < FirstNormalObjectId &&
				 (((const FuncExpr *) expr)->funcformat == COERCE_IMPLICIT_CAST ||
				  ((const FuncExpr *) expr)->funcformat == COERCE_EXPLICIT_CAST))
			expr = linitial(((const FuncExpr *) expr)->args);
		else
			return expr;
	}
}

static bool
is_read(const Value *value, const Plan *plan, const Expr *expr)
{
	expr = strip_casts(expr);
	if (IsA(expr, Const))
		return ((const Const *) expr)->constisnull;

	return IsA(expr, Var) && var_is_read(value, plan, (const Var *) expr);
}

/* Position in the subplan's output of what is written to a column, or 0. */
static AttrNumber
position_in_insert(const ModifyTable *modify, const PlannedStmt *stmt,
				   Oid relid, AttrNumber attno)
{
	RangeTblEntry *rte = rt_fetch(linitial_int(modify->resultRelations),
								  stmt->rtable);
	char	   *name;

	if (rte->relid == relid)
		return attno;

	/* a partition, which may have its columns in another order */
	name = get_attname(relid, attno, true);

	return name ? get_attnum(rte->relid, name) : 0;
}

static AttrNumber
position_in_update(const ModifyTable *modify, Index rti, AttrNumber attno)
{
	List	   *colnos = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, modify->resultRelations)
	{
		if (lfirst_int(lc) == (int) rti)
			colnos = list_nth(modify->updateColnosLists, n);
		n++;
	}

	/* the new values come first, in this order */
	n = 0;
	foreach(lc, colnos)
	{
		n++;
		if (lfirst_int(lc) == attno)
			return n;
	}

	return 0;
}

bool
dsec_sink_is_covered(EState *estate, ResultRelInfo *target, CmdType operation,
					 AttrNumber attno, const char *category)
{
	PlannedStmt *stmt = estate->es_plannedstmt;
	TriggerDesc *triggers = target->ri_RelationDesc->trigdesc;
	Value		value = {stmt, category};
	const ModifyTable *modify;
	AttrNumber	position;

	if (stmt == NULL || stmt->hasModifyingCTE || !dsec_lineage_is_covered(stmt))
		return false;
	if (TupleDescAttr(RelationGetDescr(target->ri_RelationDesc),
					  attno - 1)->attgenerated != '\0')
		return false;
	if (triggers && (operation == CMD_INSERT ? triggers->trig_insert_before_row :
					 triggers->trig_update_before_row))
		return false;
	modify = (const ModifyTable *) stmt->planTree->lefttree;
	if (!IsA(modify, ModifyTable) || modify->operation != operation)
		return false;

	if (operation == CMD_INSERT)
		position = position_in_insert(modify, stmt,
									  RelationGetRelid(target->ri_RelationDesc),
									  attno);
	else
		position = position_in_update(modify, target->ri_RangeTableIndex, attno);

	return output_is_read(&value, outerPlan(modify), position);
}
