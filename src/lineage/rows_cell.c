/*-------------------------------------------------------------------------
 *
 * rows_cell.c
 *	  Rows of tagged relations: numbers, kinds of rows, expressions over them.
 *
 * See rows.c for what is computed.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/rows_int.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lineage/verify.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

const DsecCell dsec_rows_empty = {.param = -1};
const DsecCell dsec_rows_unknown = {.param = -1,.merged = true};

/* ----------------------------------------------------------------
 * relations and rows
 * ----------------------------------------------------------------
 */

DsecRowFlow *
dsec_rows_begin(PlannedStmt *stmt)
{
	DsecRowFlow *flow = palloc0(sizeof(DsecRowFlow));
	ListCell   *lc;

	flow->stmt = stmt;
	flow->roots = palloc0(sizeof(Index) * (list_length(stmt->rtable) + 1));
	flow->parents = palloc0(sizeof(Index) * (list_length(stmt->rtable) + 1));
	flow->subplans = palloc0(sizeof(List *) *
							 (list_length(stmt->subplans) + 1));
	flow->params = palloc0(sizeof(DsecCell *) *
						   (list_length(stmt->paramExecTypes) + 1));
	foreach(lc, stmt->appendRelations)
	{
		AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);

		/* the member of a UNION ALL is no child */
		if (rt_fetch(info->parent_relid, stmt->rtable)->rtekind == RTE_RELATION)
			flow->parents[info->child_relid] = info->parent_relid;
	}
	return flow;
}

AttrNumber
dsec_rows_root_attno(Oid relid, Oid root, AttrNumber attno)
{
	char	   *name;

	if (relid == root || attno <= 0)
		return attno;
	name = get_attname(relid, attno, true);
	return name ? get_attnum(root, name) : InvalidAttrNumber;
}

const DsecRelationTags *
dsec_rows_tags(DsecRowFlow *flow, Index rti)
{
	RangeTblEntry *rte = rt_fetch(rti, flow->stmt->rtable);
	const DsecRelationTags *tags;

	if ((rte->rtekind != RTE_RELATION && rte->rtekind != RTE_NAMEDTUPLESTORE) ||
		!OidIsValid(rte->relid) ||
		(rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW))
		return NULL;
	tags = dsec_tag_relation(rte->relid);
	return tags == NULL || bms_is_empty(tags->attnos) ? NULL : tags;
}

/* Do both say the same of whose data their rows are? */
static bool
same_subjects(DsecRowFlow *flow, Index childrti, Index parentrti)
{
	Oid			child = rt_fetch(childrti, flow->stmt->rtable)->relid;
	Oid			parent = rt_fetch(parentrti, flow->stmt->rtable)->relid;
	const DsecRelationTags *tags = dsec_rows_tags(flow, childrti);
	DsecRelationTags own;
	const DsecRelationTags *theirs;

	if (tags == NULL)
		return dsec_rows_tags(flow, parentrti) == NULL;

	/* the cache may go when it is asked again, so take along what counts */
	own = *tags;
	own.subjects = palloc(sizeof(DsecSubject) * Max(own.nsubjects, 1));
	memcpy(own.subjects, tags->subjects, sizeof(DsecSubject) * own.nsubjects);
	for (int i = 0; i < own.nsubjects; i++)
		own.subjects[i].space = pstrdup(own.subjects[i].space);

	for (int i = 0; i < own.nsubjects; i++)
	{
		DsecSubject *subject = &own.subjects[i];

		for (int k = 0; k < subject->nkeys; k++)
			subject->keys[k] = dsec_rows_root_attno(child, parent,
													subject->keys[k]);
		for (int p = 0; p < subject->npopulations; p++)
			subject->population_columns[p] =
				dsec_rows_root_attno(child, parent,
									 subject->population_columns[p]);
	}

	theirs = dsec_rows_tags(flow, parentrti);
	if (theirs == NULL || theirs->nsubjects != own.nsubjects)
		return false;
	for (int i = 0; i < own.nsubjects; i++)
	{
		const DsecSubject *a = &own.subjects[i];
		const DsecSubject *b = &theirs->subjects[i];

		if (strcmp(a->space, b->space) != 0 || a->nkeys != b->nkeys ||
			a->npopulations != b->npopulations ||
			(b->keys_notnull && !a->keys_notnull))
			return false;
		for (int k = 0; k < a->nkeys; k++)
		{
			if (a->keys[k] != b->keys[k])
				return false;
		}
		for (int p = 0; p < a->npopulations; p++)
		{
			if (a->population_columns[p] != b->population_columns[p])
				return false;
		}
	}
	return true;
}

Index
dsec_rows_root(DsecRowFlow *flow, Index rti)
{
	Index		root = rti;

	if (rti == 0 || rti > (Index) list_length(flow->stmt->rtable))
		return rti;
	if (flow->roots[rti] != 0)
		return flow->roots[rti];

	while (flow->parents[root] != 0 &&
		   same_subjects(flow, root, flow->parents[root]))
		root = flow->parents[root];
	flow->roots[rti] = root;

	return root;
}

int
dsec_rows_take_number(DsecRowFlow *flow, Index rti, Plan *reader, int base)
{
	DsecRowNumber *number;
	ListCell   *lc;

	foreach(lc, flow->numbers)
	{
		number = lfirst(lc);
		if (number->rti == rti && number->reader == reader &&
			number->base == base)
			return foreach_current_index(lc) + 1;
	}
	number = palloc(sizeof(DsecRowNumber));
	number->rti = rti;
	number->reader = reader;
	number->base = base;
	flow->numbers = lappend(flow->numbers, number);

	return list_length(flow->numbers);
}

/* A column of a row of the relation; a whole row is no unchanged column. */
DsecCell
dsec_rows_relation(DsecRowFlow *flow, Index rti, AttrNumber attno)
{
	DsecCell	cell = dsec_rows_empty;
	Index		root;

	/* where a row is stored is not what it holds */
	if (attno < 0)
		return cell;

	root = dsec_rows_root(flow, rti);
	cell.row = dsec_rows_take_number(flow, root, NULL, 0);
	if (dsec_rows_tags(flow, rti) != NULL)
		cell.rows = bms_make_singleton(cell.row);
	cell.attno = dsec_rows_root_attno(rt_fetch(rti, flow->stmt->rtable)->relid,
									  rt_fetch(root, flow->stmt->rtable)->relid,
									  attno);
	if (cell.attno <= 0)
		cell.row = 0;

	return cell;
}

/* ----------------------------------------------------------------
 * branches
 * ----------------------------------------------------------------
 */

DsecBranch *
dsec_rows_new_branch(int ncells)
{
	DsecBranch *branch = palloc0(sizeof(DsecBranch));

	branch->ncells = ncells;
	branch->cells = palloc(sizeof(DsecCell) * Max(ncells, 1));
	for (int i = 0; i < ncells; i++)
		branch->cells[i] = dsec_rows_empty;
	return branch;
}

List *
dsec_rows_unknown_list(int ncells)
{
	DsecBranch *branch = dsec_rows_new_branch(ncells);

	for (int i = 0; i < ncells; i++)
		branch->cells[i] = dsec_rows_unknown;
	return list_make1(branch);
}

static bool
same_column(const DsecCell *a, const DsecCell *b)
{
	if (a->row != 0)
		return a->row == b->row && a->attno == b->attno;
	return b->row == 0 && a->param == b->param;
}

static bool
same_pairs(List *a, List *b)
{
	ListCell   *l,
			   *r;

	if (list_length(a) != list_length(b))
		return false;
	forboth(l, a, r, b)
	{
		DsecPair   *x = lfirst(l);
		DsecPair   *y = lfirst(r);

		if (x->left_sure != y->left_sure || x->right_sure != y->right_sure ||
			!same_column(&x->left, &y->left) ||
			!same_column(&x->right, &y->right))
			return false;
	}
	return true;
}

static bool
same_branch(const DsecBranch *a, const DsecBranch *b)
{
	if (a->ncells != b->ncells || !bms_equal(a->assigned, b->assigned))
		return false;
	for (int i = 0; i < a->ncells; i++)
	{
		const DsecCell *x = &a->cells[i];
		const DsecCell *y = &b->cells[i];

		if (x->merged != y->merged || x->row != y->row ||
			(x->row != 0 && x->attno != y->attno) || x->param != y->param ||
			!bms_equal(x->rows, y->rows) || !bms_equal(x->params, y->params))
			return false;
	}
	return bms_equal(a->members, b->members) && same_pairs(a->pairs, b->pairs);
}

/* Add a kind of row, unless there is one like it. */
List *
dsec_rows_add(List *branches, DsecBranch *branch)
{
	ListCell   *lc;

	foreach(lc, branches)
	{
		if (same_branch(lfirst(lc), branch))
			return branches;
	}
	return lappend(branches, branch);
}

/* Too many kinds of rows are of an unknown kind. */
List *
dsec_rows_limit(List *branches, int ncells)
{
	return list_length(branches) > DSEC_MAX_BRANCHES ? dsec_rows_unknown_list(ncells) :
		branches;
}

/* ----------------------------------------------------------------
 * expressions
 * ----------------------------------------------------------------
 */

void
dsec_rows_mix(DsecCell *into, const DsecCell *cell)
{
	into->rows = bms_union(into->rows, cell->rows);
	into->params = bms_union(into->params, cell->params);
	into->merged |= cell->merged;
	into->row = 0;
	into->param = -1;
}

DsecCell
dsec_rows_column(DsecBranch *branch, AttrNumber attno)
{
	DsecCell	cell = dsec_rows_empty;

	if (branch == NULL || attno > branch->ncells)
		return dsec_rows_unknown;
	if (attno < 0)
		return cell;
	if (attno > 0)
		return branch->cells[attno - 1];
	for (int i = 0; i < branch->ncells; i++)
		dsec_rows_mix(&cell, &branch->cells[i]);

	/* of one row still; people are not merged by putting columns together */
	return cell;
}

static DsecCell
var_cell(DsecRowFlow *flow, DsecRowScope *scope, Var *var)
{
	DsecCell	cell;

	switch (var->varno)
	{
		case OUTER_VAR:
			return dsec_rows_column(scope->outer, var->varattno);
		case INNER_VAR:
			return dsec_rows_column(scope->inner, var->varattno);
		case INDEX_VAR:
			return dsec_rows_column(scope->index, var->varattno);
		case 0:
			return dsec_rows_unknown;
		default:
			break;
	}

	if ((Index) var->varno > (Index) list_length(flow->stmt->rtable))
		return dsec_rows_unknown;
	if ((Index) var->varno == scope->scanrti)
	{
		if (scope->source)
			return dsec_rows_column(scope->source, var->varattno);
		if (scope->values)
		{
			cell = *scope->values;
			cell.row = 0;
			cell.param = -1;
			return cell;
		}
		return dsec_rows_relation(flow, var->varno, var->varattno);
	}

	/* what is written into a relation without tags comes from elsewhere */
	if (scope->modify && dsec_rows_tags(flow, var->varno) != NULL)
		return dsec_rows_relation(flow, var->varno, var->varattno);
	return dsec_rows_unknown;
}

/* A parameter: the value of a subquery, or one to be resolved further up. */
static DsecCell
param_cell(DsecRowFlow *flow, int param)
{
	DsecCell	cell = dsec_rows_empty;

	if (param < 0 || param >= list_length(flow->stmt->paramExecTypes))
		return dsec_rows_unknown;
	if (flow->params[param])
		return *flow->params[param];
	cell.params = bms_make_singleton(param);
	cell.param = param;

	return cell;
}

/* A column of the one row of a scalar subquery. */
static DsecCell
subquery_cell(DsecRowFlow *flow, DsecRowScope *scope, SubPlan *subplan,
			  int column)
{
	Plan	   *plan = list_nth(flow->stmt->subplans, subplan->plan_id - 1);
	List	   *branches;
	DsecCell	cell;
	ListCell   *lp,
			   *la,
			   *lc;

	if (plan == NULL)
		return dsec_rows_unknown;
	branches = dsec_rows_of(flow, plan);
	cell = dsec_rows_column(linitial(branches), column + 1);
	for_each_from(lc, branches, 1)
	{
		DsecCell	other = dsec_rows_column(lfirst(lc), column + 1);

		dsec_rows_mix(&cell, &other);
	}

	forboth(lp, subplan->parParam, la, subplan->args)
	{
		DsecCell	value;

		if (!bms_is_member(lfirst_int(lp), cell.params))
			continue;
		value = dsec_rows_cell(flow, scope, lfirst(la));
		cell.params = bms_del_member(bms_copy(cell.params), lfirst_int(lp));
		dsec_rows_mix(&cell, &value);
	}
	return cell;
}

void
dsec_rows_note_subqueries(DsecRowFlow *flow, DsecRowScope *scope,
						  List *subplans)
{
	ListCell   *lc,
			   *lp;

	foreach(lc, subplans)
	{
		SubPlan    *subplan = lfirst_node(SubPlan, lc);

		if (subplan->subLinkType != EXPR_SUBLINK &&
			subplan->subLinkType != MULTIEXPR_SUBLINK)
			continue;
		foreach(lp, subplan->setParam)
		{
			DsecCell   *cell = palloc(sizeof(DsecCell));

			*cell = subquery_cell(flow, scope, subplan,
								  foreach_current_index(lp));
			flow->params[lfirst_int(lp)] = cell;
		}
	}
}

typedef struct MixContext
{
	DsecRowFlow *flow;
	DsecRowScope *scope;
	DsecCell	cell;
} MixContext;

static bool
mix_walker(Node *node, void *context)
{
	MixContext *mix = context;
	DsecCell	cell;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			cell = var_cell(mix->flow, mix->scope, (Var *) node);
			dsec_rows_mix(&mix->cell, &cell);
			return false;
		case T_Param:
			if (((Param *) node)->paramkind != PARAM_EXEC)
				return false;
			cell = param_cell(mix->flow, ((Param *) node)->paramid);
			dsec_rows_mix(&mix->cell, &cell);
			return false;
		case T_SubPlan:
			if (((SubPlan *) node)->subLinkType == EXPR_SUBLINK)
			{
				cell = subquery_cell(mix->flow, mix->scope, (SubPlan *) node, 0);
				dsec_rows_mix(&mix->cell, &cell);
				return false;
			}
			mix->cell.merged = true;
			return false;
		case T_AlternativeSubPlan:
			mix->cell.merged = true;
			return false;
		default:
			return expression_tree_walker(node, mix_walker, context);
	}
}

/* Casts between integers keep the value, which is all that a key is. */
static bool
is_integer_cast(Oid function)
{
	switch (function)
	{
		case F_INT8_INT4:
		case F_INT8_INT2:
		case F_INT4_INT2:
		case F_INT4_INT8:
		case F_INT2_INT8:
		case F_INT2_INT4:
			return true;
		default:
			return false;
	}
}

/* What hands its argument on unchanged, taken away. */
static Node *
strip(Node *expr)
{
	for (;;)
	{
		CaseExpr   *caseexpr = (CaseExpr *) expr;

		if (expr == NULL)
			return NULL;
		if (IsA(expr, TargetEntry))
			expr = (Node *) ((TargetEntry *) expr)->expr;
		else if (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (IsA(expr, CollateExpr))
			expr = (Node *) ((CollateExpr *) expr)->arg;
		else if (IsA(expr, CoerceToDomain))
			expr = (Node *) ((CoerceToDomain *) expr)->arg;
		else if (IsA(expr, FuncExpr) &&
				 is_integer_cast(((FuncExpr *) expr)->funcid))
			expr = linitial(((FuncExpr *) expr)->args);
		else if (IsA(expr, CaseExpr) && caseexpr->arg == NULL &&
				 list_length(caseexpr->args) == 1)
		{
			CaseWhen   *when = linitial_node(CaseWhen, caseexpr->args);
			FuncExpr   *call = (FuncExpr *) when->expr;

			/* our own charge, which is true or an error */
			if (!IsA(call, FuncExpr) ||
				call->funcid != dsec_lineage_charge_function() ||
				call->funcformat != COERCE_SQL_SYNTAX || call->funcvariadic)
				return expr;
			expr = (Node *) when->result;
		}
		else
			return expr;
	}
}

DsecCell
dsec_rows_cell(DsecRowFlow *flow, DsecRowScope *scope, Node *expr)
{
	MixContext	mix = {flow, scope, dsec_rows_empty};
	Node	   *bare = strip(expr);

	if (bare && IsA(bare, Var))
		return var_cell(flow, scope, (Var *) bare);
	if (bare && IsA(bare, Param) && ((Param *) bare)->paramkind == PARAM_EXEC)
		return param_cell(flow, ((Param *) bare)->paramid);
	(void) mix_walker(bare, &mix);

	return mix.cell;
}

DsecBranch *
dsec_rows_project(DsecRowFlow *flow, DsecRowScope *scope, List *targetlist)
{
	DsecBranch *branch = dsec_rows_new_branch(list_length(targetlist));
	int			i = 0;
	ListCell   *lc;

	/* UPDATE ... SET (a, b) = (SELECT ...) has it at the end of the list */
	foreach(lc, targetlist)
	{
		Expr	   *expr = lfirst_node(TargetEntry, lc)->expr;

		if (IsA(expr, SubPlan) &&
			((SubPlan *) expr)->subLinkType == MULTIEXPR_SUBLINK)
			dsec_rows_note_subqueries(flow, scope, list_make1(expr));
	}

	foreach(lc, targetlist)
		branch->cells[i++] = dsec_rows_cell(flow, scope, lfirst(lc));
	return branch;
}

DsecCell
dsec_rows_mix_of(DsecRowFlow *flow, DsecRowScope *scope, Node *expr)
{
	MixContext	mix = {flow, scope, dsec_rows_empty};

	(void) mix_walker(expr, &mix);
	return mix.cell;
}

/* ----------------------------------------------------------------
 * columns that are equal
 * ----------------------------------------------------------------
 */

/* Types of which equal values are the same value. */
static bool
equal_is_same(Oid type, Oid collation)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case UUIDOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
			return OidIsValid(collation) &&
				get_collation_isdeterministic(collation);
		default:
			return false;
	}
}

void
dsec_rows_note_equal(DsecRowFlow *flow, DsecRowScope *scope, List *quals,
					 DsecBranch *branch)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);
		DsecPair   *pair;
		DsecCell	left;
		DsecCell	right;
		Oid			type;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2)
			continue;
		type = exprType(linitial(op->args));
		if (!op_mergejoinable(op->opno, type) ||
			!equal_is_same(type, op->inputcollid) ||
			!equal_is_same(exprType(lsecond(op->args)), op->inputcollid))
			continue;
		left = dsec_rows_cell(flow, scope, linitial(op->args));
		right = dsec_rows_cell(flow, scope, lsecond(op->args));
		if ((left.row == 0 && left.param < 0) ||
			(right.row == 0 && right.param < 0))
			continue;
		pair = palloc(sizeof(DsecPair));
		pair->left = left;
		pair->right = right;
		pair->left_sure = pair->right_sure = true;
		branch->pairs = lappend(branch->pairs, pair);
	}
}

bool
dsec_rows_is_column(const DsecBranch *branch, const DsecCell *cell, int row,
					AttrNumber attno, bool exists)
{
	ListCell   *lc;

	if (cell->row == 0)
		return false;
	if (cell->row == row && cell->attno == attno)
		return true;
	foreach(lc, branch->pairs)
	{
		DsecPair   *pair = lfirst(lc);

		if ((pair->left_sure || exists) && same_column(&pair->left, cell) &&
			pair->right.row == row && pair->right.attno == attno)
			return true;
		if ((pair->right_sure || exists) && same_column(&pair->right, cell) &&
			pair->left.row == row && pair->left.attno == attno)
			return true;
	}
	return false;
}

void
dsec_rows_missing(DsecBranch *branch, const Bitmapset *members)
{
	List	   *pairs = NIL;
	ListCell   *lc;

	foreach(lc, branch->pairs)
	{
		DsecPair   *pair = memcpy(palloc(sizeof(DsecPair)), lfirst(lc),
								  sizeof(DsecPair));
		bool		left = bms_is_member(pair->left.row, members);
		bool		right = bms_is_member(pair->right.row, members);

		if (left && !right)
			pair->left_sure = false;
		if (right && !left)
			pair->right_sure = false;
		pairs = lappend(pairs, pair);
	}
	branch->pairs = pairs;
}
