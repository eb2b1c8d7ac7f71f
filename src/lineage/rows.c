/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Which rows of tagged relations a row of the plan is made of.
 *
 * From the scans upwards, for every node the kinds of rows that it hands on
 * ("branches": a union has several), and for every column of each kind a cell:
 * of which rows it is made, whether it is an unchanged column of one, and
 * whether rows of several people were merged in it.
 *
 * A node that groups rows does not merge people when it groups by all of the
 * subject key: then a row of the group stands for the person.  Rows of a CTE
 * that is read twice are different rows; members of an inheritance tree whose
 * tags agree are one relation.  Parameters of a nested loop are resolved where
 * the loop is, and scalar subqueries where they are; of other subplans, recursive
 * queries, joins on another server and unknown nodes nothing is known, which is
 * "merged".
 *
 * This refines what walk.c says and never replaces it.  Nothing is changed in
 * the plan.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/rows_int.h"

#include "lineage/groups.h"
#include "lineage/verify.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

/* ----------------------------------------------------------------
 * groups
 * ----------------------------------------------------------------
 */

/* Are all rows that have the same values in these columns of one person? */
static bool
covers_key(DsecRowFlow *flow, DsecBranch *child, int ncolumns,
		   AttrNumber *columns, int row)
{
	const DsecRelationTags *tags = dsec_rows_tags(flow, dsec_rows_number(flow, row)->rti);

	if (tags == NULL || tags->nsubjects == 0)
		return false;
	for (int i = 0; i < tags->nsubjects; i++)
	{
		const DsecSubject *subject = &tags->subjects[i];

		/* without a key all rows are one group */
		if (subject->nkeys == 0 || !subject->keys_notnull)
			return false;
		for (int k = 0; k < subject->nkeys; k++)
		{
			bool		found = false;

			for (int c = 0; c < ncolumns; c++)
			{
				DsecCell	cell = dsec_rows_column(child, columns[c]);

				if (dsec_rows_is_column(child, &cell, row, subject->keys[k], false))
					found = true;
			}
			if (!found)
				return false;
		}
	}
	return true;
}

/* Merge rows that have the same values in these columns. */
static void
group_cell(DsecRowFlow *flow, DsecCell *cell, DsecBranch *child, int ncolumns,
		   AttrNumber *columns)
{
	int			row = -1;

	while ((row = bms_next_member(cell->rows, row)) >= 0)
	{
		if (!covers_key(flow, child, ncolumns, columns, row))
			cell->merged = true;
	}
}

static bool
has_window_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
		return true;
	return expression_tree_walker(node, has_window_function, context);
}

/*
 * Group columns that have the subject key, by key column, in all branches so
 * far.  Rows of two relations that are put into one group are of one person
 * only when the same group columns tell who.
 */
typedef struct GroupKey
{
	int			nbranches;
	char	   *space;
	int			nkeys;
	Bitmapset  *columns[DSEC_MAX_KEYS];
} GroupKey;

/* Does the branch tell by the same columns as the others do? */
static bool
same_key(DsecRowFlow *flow, DsecBranch *child, int ncolumns,
		 AttrNumber *columns, int row, GroupKey *key)
{
	const DsecRelationTags *tags = dsec_rows_tags(flow,
												  dsec_rows_number(flow, row)->rti);
	const DsecSubject *subject = &tags->subjects[0];

	if (tags->nsubjects != 1 ||
		(key->nbranches > 0 && (strcmp(key->space, subject->space) != 0 ||
								key->nkeys != subject->nkeys)))
		return false;
	for (int k = 0; k < subject->nkeys; k++)
	{
		Bitmapset  *have = NULL;

		for (int c = 0; c < ncolumns; c++)
		{
			DsecCell	cell = dsec_rows_column(child, columns[c]);

			if (dsec_rows_is_column(child, &cell, row, subject->keys[k], false))
				have = bms_add_member(have, columns[c]);
		}
		key->columns[k] = key->nbranches > 0 ?
			bms_intersect(key->columns[k], have) : have;
		if (bms_is_empty(key->columns[k]))
			return false;
	}
	key->space = pstrdup(subject->space);
	key->nkeys = subject->nkeys;
	key->nbranches++;

	return true;
}

/* May a group have rows of several people in this column, across branches? */
static void
group_branches(DsecRowFlow *flow, List *children, List *branches, int column,
			   int ncolumns, AttrNumber *columns)
{
	GroupKey	key = {0};
	int			filled = 0;
	bool		same = true;
	ListCell   *lc,
			   *lb;

	forboth(lc, children, lb, branches)
	{
		DsecCell   *cell = &((DsecBranch *) lfirst(lb))->cells[column];

		if (bms_is_empty(cell->rows) || cell->merged)
			continue;
		filled++;
		same = same && bms_num_members(cell->rows) == 1 &&
			same_key(flow, lfirst(lc), ncolumns, columns,
					 bms_singleton_member(cell->rows), &key);
	}
	if (filled < 2 || same)
		return;
	foreach(lb, branches)
		((DsecBranch *) lfirst(lb))->cells[column].merged = true;
}

/* A window function looks at these columns besides its arguments. */
static void
mix_frame(WindowAgg *agg, DsecBranch *child, DsecCell *cell)
{
	for (int i = 0; i < agg->partNumCols; i++)
	{
		DsecCell	column = dsec_rows_column(child, agg->partColIdx[i]);

		dsec_rows_mix(cell, &column);
	}
	for (int i = 0; i < agg->ordNumCols; i++)
	{
		DsecCell	column = dsec_rows_column(child, agg->ordColIdx[i]);

		dsec_rows_mix(cell, &column);
	}
}

/* The kinds of rows of a node with one child. */
static List *
upper_rows(DsecRowFlow *flow, Plan *plan)
{
	List	   *children = dsec_rows_of(flow, outerPlan(plan));
	List	   *branches = NIL;
	List	   *result = NIL;
	int			ncells = list_length(plan->targetlist);
	bool	   *grouped = palloc0(sizeof(bool) * Max(ncells, 1));
	int			ncolumns = 0;
	AttrNumber *columns = NULL;
	ListCell   *lc;

	memset(grouped, true, sizeof(bool) * ncells);
	switch (nodeTag(plan))
	{
		case T_Agg:
			/* of several grouping sets none is known to be in a row */
			if (((Agg *) plan)->groupingSets == NIL &&
				((Agg *) plan)->chain == NIL)
			{
				ncolumns = ((Agg *) plan)->numCols;
				columns = ((Agg *) plan)->grpColIdx;
			}
			break;
		case T_Group:
			ncolumns = ((Group *) plan)->numCols;
			columns = ((Group *) plan)->grpColIdx;
			break;
		case T_Unique:
			ncolumns = ((Unique *) plan)->numCols;
			columns = ((Unique *) plan)->uniqColIdx;
			break;
		case T_SetOp:
			ncolumns = ((SetOp *) plan)->numCols;
			columns = DSEC_SETOP_COLUMNS((SetOp *) plan);
			break;
		case T_WindowAgg:
			ncolumns = ((WindowAgg *) plan)->partNumCols;
			columns = ((WindowAgg *) plan)->partColIdx;
			foreach(lc, plan->targetlist)
				grouped[foreach_current_index(lc)] =
					has_window_function((Node *) lfirst_node(TargetEntry, lc)->expr,
										NULL);
			break;
		default:
			memset(grouped, false, sizeof(bool) * ncells);
			break;
	}

	foreach(lc, children)
	{
		DsecRowScope scope = {0};
		DsecBranch *branch;

		scope.outer = lfirst(lc);
		branch = dsec_rows_project(flow, &scope, plan->targetlist);

		for (int i = 0; i < ncells; i++)
		{
			if (!grouped[i])
				continue;
			if (IsA(plan, WindowAgg))
				mix_frame((WindowAgg *) plan, scope.outer, &branch->cells[i]);
			group_cell(flow, &branch->cells[i], scope.outer, ncolumns, columns);
		}

		branch->members = scope.outer->members;

		/* what is equal in each row of a group is so in the group */
		branch->pairs = scope.outer->pairs;
		branches = lappend(branches, branch);
	}

	for (int i = 0; i < ncells; i++)
	{
		if (grouped[i])
			group_branches(flow, children, branches, i, ncolumns, columns);
	}
	foreach(lc, branches)
		result = dsec_rows_add(result, lfirst(lc));
	return result;
}

/* ----------------------------------------------------------------
 * joins
 * ----------------------------------------------------------------
 */

/* A branch in which a parameter has got its value. */
static DsecBranch *
resolve_param(DsecBranch *branch, int param, const DsecCell *value)
{
	DsecBranch *result = dsec_rows_new_branch(branch->ncells);
	ListCell   *lc;

	for (int i = 0; i < branch->ncells; i++)
	{
		DsecCell	cell = branch->cells[i];

		if (bms_is_member(param, cell.params))
		{
			bool		unchanged = cell.param == param;

			cell.params = bms_del_member(bms_copy(cell.params), param);
			if (unchanged)
				cell = *value;
			else
				dsec_rows_mix(&cell, value);
		}
		result->cells[i] = cell;
	}
	result->members = branch->members;
	foreach(lc, branch->pairs)
	{
		DsecPair   *pair = memcpy(palloc(sizeof(DsecPair)), lfirst(lc),
								  sizeof(DsecPair));

		if (pair->left.param == param)
			pair->left = *value;
		if (pair->right.param == param)
			pair->right = *value;
		result->pairs = lappend(result->pairs, pair);
	}
	return result;
}

static List *
join_rows(DsecRowFlow *flow, Plan *plan)
{
	List	   *inners = dsec_rows_of(flow, innerPlan(plan));
	JoinType	jointype = ((Join *) plan)->jointype;
	List	   *result = NIL;
	ListCell   *lo,
			   *li,
			   *lc;

	foreach(lo, dsec_rows_of(flow, outerPlan(plan)))
	{
		foreach(li, inners)
		{
			DsecRowScope scope = {0};
			DsecBranch *branch;

			scope.outer = lfirst(lo);
			scope.inner = lfirst(li);
			if (IsA(plan, NestLoop))
			{
				foreach(lc, ((NestLoop *) plan)->nestParams)
				{
					NestLoopParam *param = lfirst_node(NestLoopParam, lc);
					DsecCell	value = dsec_rows_cell(flow, &scope,
													   (Node *) param->paramval);

					scope.inner = resolve_param(scope.inner, param->paramno,
												&value);
				}
			}
			branch = dsec_rows_project(flow, &scope, plan->targetlist);

			branch->members = bms_union(scope.outer->members,
										scope.inner->members);
			branch->pairs = list_concat_copy(scope.outer->pairs,
											 scope.inner->pairs);
			if (IsA(plan, HashJoin))
				dsec_rows_note_equal(flow, &scope,
									 ((HashJoin *) plan)->hashclauses, branch);
			else if (IsA(plan, MergeJoin))
				dsec_rows_note_equal(flow, &scope,
									 ((MergeJoin *) plan)->mergeclauses, branch);
			dsec_rows_note_equal(flow, &scope, ((Join *) plan)->joinqual, branch);
			if (jointype == JOIN_LEFT || jointype == JOIN_FULL)
				dsec_rows_missing(branch, scope.inner->members);
			if (jointype == JOIN_RIGHT || jointype == JOIN_FULL)
				dsec_rows_missing(branch, scope.outer->members);
			dsec_rows_note_equal(flow, &scope, plan->qual, branch);
			result = dsec_rows_add(result, branch);
			if (list_length(result) > DSEC_MAX_BRANCHES)
				return result;
		}
	}
	return result;
}

/* ----------------------------------------------------------------
 * nodes
 * ----------------------------------------------------------------
 */

static List *
append_rows(DsecRowFlow *flow, List *children, int ncells)
{
	List	   *result = NIL;
	ListCell   *lc,
			   *lb;

	foreach(lc, children)
	{
		foreach(lb, dsec_rows_of(flow, lfirst(lc)))
		{
			DsecBranch *child = lfirst(lb);

			if (child->ncells < ncells)
				return dsec_rows_unknown_list(ncells);
			child = memcpy(palloc(sizeof(DsecBranch)), child,
						   sizeof(DsecBranch));
			child->ncells = ncells;
			result = dsec_rows_add(result, child);
		}
		if (list_length(result) > DSEC_MAX_BRANCHES)
			break;
	}

	/* an Append without children has no rows */
	return result ? result : list_make1(dsec_rows_new_branch(ncells));
}

static Bitmapset *
renumber_rows(DsecRowFlow *flow, Bitmapset *rows, Plan *reader)
{
	Bitmapset  *result = NULL;
	int			row = -1;

	while ((row = bms_next_member(rows, row)) >= 0)
		result = bms_add_member(result,
								dsec_rows_take_number(flow,
													  dsec_rows_number(flow, row)->rti,
													  reader, row));
	return result;
}

/* Rows that are read out of a CTE are other rows at each place. */
static DsecBranch *
renumber(DsecRowFlow *flow, DsecBranch *branch, Plan *reader)
{
	DsecBranch *result = dsec_rows_new_branch(branch->ncells);

	for (int i = 0; i < branch->ncells; i++)
	{
		DsecCell	cell = branch->cells[i];

		cell.rows = renumber_rows(flow, cell.rows, reader);
		if (cell.row != 0)
			cell.row = dsec_rows_take_number(flow,
											 dsec_rows_number(flow, cell.row)->rti,
											 reader, cell.row);
		result->cells[i] = cell;
	}
	result->members = renumber_rows(flow, branch->members, reader);
	return result;
}

static List *
source_rows(DsecRowFlow *flow, Plan *plan, List *sources, bool cte)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, sources)
	{
		DsecRowScope scope = {0};
		DsecBranch *branch;

		scope.scanrti = ((Scan *) plan)->scanrelid;
		scope.source = cte ? renumber(flow, lfirst(lc), plan) : lfirst(lc);
		branch = dsec_rows_project(flow, &scope, plan->targetlist);
		branch->members = scope.source->members;
		branch->pairs = list_copy(scope.source->pairs);
		dsec_rows_note_equal(flow, &scope, plan->qual, branch);
		result = dsec_rows_add(result, branch);
	}
	return result;
}

static List *
cte_rows(DsecRowFlow *flow, CteScan *scan)
{
	Plan	   *plan = list_nth(flow->stmt->subplans, scan->ctePlanId - 1);
	List	  **known = &flow->subplans[scan->ctePlanId];

	if (plan == NULL)
		return dsec_rows_unknown_list(list_length(scan->scan.plan.targetlist));
	if (*known == NIL)
		*known = dsec_rows_of(flow, plan);
	return source_rows(flow, &scan->scan.plan, *known, true);
}

static List *
value_rows(DsecRowFlow *flow, Plan *plan)
{
	DsecRowScope scope = {0};
	DsecCell	values;
	void	   *exprs;

	switch (nodeTag(plan))
	{
		case T_FunctionScan:
			exprs = ((FunctionScan *) plan)->functions;
			break;
		case T_TableFuncScan:
			exprs = ((TableFuncScan *) plan)->tablefunc;
			break;
		default:
			exprs = ((ValuesScan *) plan)->values_lists;
			break;
	}
	values = dsec_rows_mix_of(flow, &scope, exprs);
	scope.scanrti = ((Scan *) plan)->scanrelid;
	scope.values = &values;
	return list_make1(dsec_rows_project(flow, &scope, plan->targetlist));
}

static List *
scan_rows(DsecRowFlow *flow, Plan *plan)
{
	DsecRowScope scope = {0};
	DsecBranch *branch;
	List	   *index = NIL;

	scope.scanrti = ((Scan *) plan)->scanrelid;
	if (IsA(plan, IndexOnlyScan))
		index = ((IndexOnlyScan *) plan)->indextlist;
	else if (IsA(plan, ForeignScan))
		index = ((ForeignScan *) plan)->fdw_scan_tlist;
	if (index)
		scope.index = dsec_rows_project(flow, &scope, index);

	branch = dsec_rows_project(flow, &scope, plan->targetlist);
	branch->members = bms_make_singleton(dsec_rows_take_number(flow,
															   dsec_rows_root(flow, scope.scanrti),
															   NULL, 0));
	dsec_rows_note_equal(flow, &scope, plan->qual, branch);
	if (IsA(plan, IndexScan))
		dsec_rows_note_equal(flow, &scope, ((IndexScan *) plan)->indexqualorig,
							 branch);
	else if (IsA(plan, IndexOnlyScan))
		dsec_rows_note_equal(flow, &scope, ((IndexOnlyScan *) plan)->recheckqual,
							 branch);
	else if (IsA(plan, BitmapHeapScan))
		dsec_rows_note_equal(flow, &scope,
							 ((BitmapHeapScan *) plan)->bitmapqualorig, branch);

	return list_make1(branch);
}

/* RETURNING of a ModifyTable in WITH. */
static List *
returned_rows(DsecRowFlow *flow, ModifyTable *modify)
{
	List	   *children = dsec_rows_of(flow, outerPlan(modify));
	List	   *result = NIL;
	ListCell   *lr,
			   *lc;

	foreach(lr, modify->returningLists)
	{
		foreach(lc, children)
		{
			DsecRowScope scope = {0};

			scope.modify = true;
			scope.outer = scope.inner = lfirst(lc);
			result = dsec_rows_add(result, dsec_rows_project(flow, &scope, lfirst(lr)));
		}
	}
	return result ? result :
		dsec_rows_unknown_list(list_length(modify->plan.targetlist));
}

static List *
guard_rows(DsecRowFlow *flow, CustomScan *guard)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, dsec_rows_of(flow, outerPlan(guard)))
	{
		DsecRowScope scope = {0};
		DsecRowScope own = {0};
		DsecBranch *branch;

		scope.outer = lfirst(lc);
		own.index = dsec_rows_project(flow, &scope, guard->custom_scan_tlist);
		branch = dsec_rows_project(flow, &own, guard->scan.plan.targetlist);
		branch->members = scope.outer->members;
		branch->pairs = scope.outer->pairs;
		result = dsec_rows_add(result, branch);
	}
	return result;
}

List *
dsec_rows_of(DsecRowFlow *flow, Plan *plan)
{
	int			ncells = list_length(plan->targetlist);
	List	   *rows;
	DsecRowScope none = {0};

	check_stack_depth();
	dsec_rows_note_subqueries(flow, &none, plan->initPlan);

	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_NamedTuplestoreScan:
			rows = scan_rows(flow, plan);
			break;

		case T_ForeignScan:
			if (((Scan *) plan)->scanrelid > 0 &&
				((ForeignScan *) plan)->operation == CMD_SELECT)
				rows = scan_rows(flow, plan);
			else
				rows = dsec_rows_unknown_list(ncells);
			break;

		case T_CustomScan:
			if (strcmp(((CustomScan *) plan)->methods->CustomName,
					   DSEC_GUARD_NAME) == 0 &&
				outerPlan(plan) && ((CustomScan *) plan)->custom_plans == NIL)
				rows = guard_rows(flow, (CustomScan *) plan);
			else
				rows = dsec_rows_unknown_list(ncells);
			break;

		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
			rows = value_rows(flow, plan);
			break;

		case T_SubqueryScan:
			rows = source_rows(flow, plan,
							   dsec_rows_of(flow, ((SubqueryScan *) plan)->subplan),
							   false);
			break;

		case T_CteScan:
			rows = cte_rows(flow, (CteScan *) plan);
			break;

		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			rows = join_rows(flow, plan);
			break;

		case T_Append:
			rows = append_rows(flow, ((Append *) plan)->appendplans, ncells);
			break;

		case T_MergeAppend:
			rows = append_rows(flow, ((MergeAppend *) plan)->mergeplans, ncells);
			break;

		case T_ModifyTable:
			rows = returned_rows(flow, (ModifyTable *) plan);
			break;

		case T_Result:
			if (outerPlan(plan) == NULL)
			{
				DsecRowScope scope = {0};

				rows = list_make1(dsec_rows_project(flow, &scope, plan->targetlist));
				break;
			}
			rows = upper_rows(flow, plan);
			break;

		case T_SetOp:
			/* with two children the columns are not told apart here */
			rows = innerPlan(plan) ? dsec_rows_unknown_list(ncells) :
				upper_rows(flow, plan);
			break;

		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Unique:
		case T_Sort:
		case T_IncrementalSort:
		case T_Material:
		case T_Memoize:
		case T_Hash:
		case T_Gather:
		case T_GatherMerge:
		case T_Limit:
		case T_LockRows:
		case T_ProjectSet:
			rows = upper_rows(flow, plan);
			break;

		default:
			rows = dsec_rows_unknown_list(ncells);
			break;
	}
	return dsec_rows_limit(rows, ncells);
}
