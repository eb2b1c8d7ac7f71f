/*-------------------------------------------------------------------------
 *
 * flow.c
 *	  What flows through an expression, and what it shows on the way.
 *
 * One case for each node type that can stand in a finished plan's expression.
 * A node type without a case counts as a function that shows all it is given,
 * so a new kind of expression errs on the safe side.
 *
 * The walker is read-only, and holds no state but what the caller passes in.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/flow.h"

#include "access/nbtree.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lineage/harmless.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tag/tag.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef struct UnknownContext
{
	DsecFlow   *flow;
	Bitmapset  *control;
	Bitmapset  *origins;
} UnknownContext;

static void
show(DsecFlow *flow, Bitmapset *origins)
{
	if (!bms_is_empty(origins))
		flow->show(flow, origins);
}

/* Does the value not depend on the row? */
static bool
row_independent(Node *expr)
{
	if (IsA(expr, RelabelType))
		return row_independent((Node *) ((RelabelType *) expr)->arg);
	return IsA(expr, Const) ||
		(IsA(expr, Param) && ((Param *) expr)->paramkind == PARAM_EXTERN);
}

/* Like dsec_lineage_type_harmless, with what the expression itself tells. */
static bool
expr_type_harmless(Node *expr)
{
	if (IsA(expr, RowExpr))
	{
		ListCell   *lc;

		foreach(lc, ((RowExpr *) expr)->args)
		{
			if (!expr_type_harmless(lfirst(lc)))
				return false;
		}
		return true;
	}

	/* a literal, whose type is what the parser could not tell, is text */
	if (exprType(expr) == UNKNOWNOID)
		return true;

	return dsec_lineage_type_harmless(exprType(expr));
}

static void
append_origins(DsecFlow *flow, Bitmapset **origins, Node *expr,
			   Bitmapset *control)
{
	*origins = bms_union(*origins, dsec_flow_expr(flow, expr, control));
}

/*
 * Is the pattern of LIKE a constant that does not end in the middle of an
 * escape?  One that does is an error, but only where the value matches up to
 * there.
 */
static bool
complete_pattern(List *args)
{
	Const	   *pattern = (Const *) lsecond(args);
	text	   *bytes;
	int			escapes = 0;

	if (list_length(args) != 2 || !IsA(pattern, Const))
		return false;
	if (pattern->constisnull)
		return true;
	if (pattern->consttype != TEXTOID && pattern->consttype != BYTEAOID &&
		pattern->consttype != BPCHAROID && pattern->consttype != VARCHAROID)
		return false;

	bytes = DatumGetTextPP(pattern->constvalue);
	for (int i = VARSIZE_ANY_EXHDR(bytes) - 1;
		 i >= 0 && VARDATA_ANY(bytes)[i] == '\\'; i--)
		escapes++;

	return escapes % 2 == 0;
}

/* Is it a column of a row, or something that no row has a part in? */
static bool
is_plain(Node *expr)
{
	if (IsA(expr, RelabelType))
		return is_plain((Node *) ((RelabelType *) expr)->arg);
	return IsA(expr, Var) || row_independent(expr);
}

/*
 * A call of a function that declassifies what it is given.  Columns that it gets
 * as they are count as not read; what else its arguments do is looked at.
 */
static void
flow_declassified(DsecFlow *flow, List *args, Bitmapset *control)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		if (!is_plain(lfirst(lc)))
			(void) dsec_flow_expr(flow, lfirst(lc), control);
	}
}

/*
 * A call: origins of the result, and what the call shows.  "first" is the
 * number of the first of these arguments among all of the function's.
 */
static Bitmapset *
flow_call(DsecFlow *flow, Oid function, List *args, int first,
		  Bitmapset *control)
{
	uint32		shows = dsec_lineage_shows(function);
	Bitmapset  *result = NULL;
	Bitmapset  *shown = NULL;
	bool		row_shown = (shows == DSEC_SHOWS_ALL);
	int			argno = first;
	ListCell   *lc;

	if (dsec_tag_declassifies(function))
	{
		flow_declassified(flow, args, control);
		return NULL;
	}
	if (shows == DSEC_SHOWS_BY_PATTERN)
	{
		shows = complete_pattern(args) ? 0 : DSEC_SHOWS_ALL;
		row_shown = (shows == DSEC_SHOWS_ALL);
	}

	foreach(lc, args)
	{
		Node	   *arg = (Node *) lfirst(lc);
		Bitmapset  *origins;
		bool		arg_shown;

		if (IsA(arg, TargetEntry))
			arg = (Node *) ((TargetEntry *) arg)->expr;
		origins = dsec_flow_expr(flow, arg, control);
		result = bms_union(result, origins);

		if (shows == DSEC_SHOWS_ALL)
			arg_shown = true;
		else if (shows & DSEC_SHOWS_BY_TYPE)
			arg_shown = !row_independent(arg) && !expr_type_harmless(arg);
		else
			arg_shown = (shows & ((uint32) 1 << Min(argno, 30))) != 0 &&
				!row_independent(arg);

		if (arg_shown)
		{
			shown = bms_union(shown, origins);
			row_shown = true;
		}
		argno++;
	}

	if (row_shown)
		show(flow, bms_union(shown, control));
	if (flow->call)
		flow->call(flow, function, result, control);

	return result;
}

/* A function the system chooses, given values with these origins. */
static void
flow_chosen(DsecFlow *flow, Oid function, Oid type, Bitmapset *origins,
			Bitmapset *control)
{
	uint32		shows = dsec_lineage_shows(function);

	if (shows == 0 ||
		(shows == DSEC_SHOWS_BY_TYPE && dsec_lineage_type_harmless(type)))
		return;
	show(flow, bms_union(origins, control));
}

static Bitmapset *
flow_coerce_via_io(DsecFlow *flow, CoerceViaIO *coerce, Bitmapset *control)
{
	Bitmapset  *origins = dsec_flow_expr(flow, (Node *) coerce->arg, control);
	Oid			function;
	Oid			typioparam;
	bool		varlena;

	getTypeOutputInfo(exprType((Node *) coerce->arg), &function, &varlena);
	if (dsec_lineage_shows(function) != 0 &&
		!(dsec_lineage_shows(function) == DSEC_SHOWS_BY_TYPE &&
		  expr_type_harmless((Node *) coerce->arg)))
		show(flow, bms_union(origins, control));

	/* an input function quotes what it cannot read */
	getTypeInputInfo(coerce->resulttype, &function, &typioparam);
	if (function != F_TEXTIN && function != F_VARCHARIN &&
		function != F_BPCHARIN && function != F_NAMEIN)
		show(flow, bms_union(origins, control));

	return origins;
}

static Bitmapset *
flow_coerce_to_domain(DsecFlow *flow, CoerceToDomain *coerce,
					  Bitmapset *control)
{
	Bitmapset  *origins = dsec_flow_expr(flow, (Node *) coerce->arg, control);
	Bitmapset  *saved = flow->domainvalue;
	DomainConstraintRef *constraints = palloc(sizeof(DomainConstraintRef));
	ListCell   *lc;

	/*
	 * A violation names the domain and the constraint, not the value; but that
	 * there is one tells about it.  The reference must live as long as the
	 * memory context.
	 */
	InitDomainConstraintRef(coerce->resulttype, constraints,
							CurrentMemoryContext, false);
	if (constraints->constraints != NIL)
		show(flow, bms_union(origins, control));
	flow->domainvalue = origins;
	foreach(lc, constraints->constraints)
	{
		DomainConstraintState *constraint = lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK)
			(void) dsec_flow_expr(flow, (Node *) constraint->check_expr,
								  control);
	}
	flow->domainvalue = saved;

	return origins;
}

static Bitmapset *
flow_row_compare(DsecFlow *flow, RowCompareExpr *compare, Bitmapset *control)
{
	Bitmapset  *origins = NULL;
	ListCell   *l,
			   *r,
			   *o,
			   *f;

	forfour(l, compare->largs, r, compare->rargs, o, compare->opnos,
			f, compare->opfamilies)
	{
		Oid			left;
		Oid			right;

		append_origins(flow, &origins, lfirst(l), control);
		append_origins(flow, &origins, lfirst(r), control);

		/* executed is the family's support function, not the operator's */
		op_input_types(lfirst_oid(o), &left, &right);
		flow_chosen(flow, get_opcode(lfirst_oid(o)), left, origins, control);
		if (lfirst_oid(f) >= FirstNormalObjectId)
			flow_chosen(flow, get_opfamily_proc(lfirst_oid(f), left, right,
												BTORDER_PROC),
						left, origins, control);
	}
	return origins;
}

static Bitmapset *
flow_aggref(DsecFlow *flow, Aggref *aggref, Bitmapset *control)
{
	Bitmapset  *result;
	ListCell   *lc;

	result = dsec_flow_expr(flow, (Node *) aggref->aggfilter, control);
	control = bms_union(control, result);
	result = bms_union(result,
					   flow_call(flow, aggref->aggfnoid, aggref->aggdirectargs,
								 0, control));
	result = bms_union(result,
					   flow_call(flow, aggref->aggfnoid, aggref->args,
								 list_length(aggref->aggdirectargs), control));

	foreach(lc, list_concat_copy(aggref->aggorder, aggref->aggdistinct))
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupref_tle(clause->tleSortGroupRef,
												aggref->args);
		Oid			type = exprType((Node *) tle->expr);

		if (!dsec_lineage_operator_harmless(clause->eqop, type) ||
			(OidIsValid(clause->sortop) &&
			 !dsec_lineage_operator_harmless(clause->sortop, type)))
			show(flow, bms_union(control, dsec_flow_expr(flow,
														  (Node *) tle->expr,
														  control)));
	}
	return result;
}

static Bitmapset *
flow_case(DsecFlow *flow, CaseExpr *caseexpr, Bitmapset *control)
{
	Bitmapset  *saved = flow->casetest;
	Bitmapset  *result = NULL;
	ListCell   *lc;

	if (caseexpr->arg)
	{
		result = dsec_flow_expr(flow, (Node *) caseexpr->arg, control);
		flow->casetest = result;
	}
	foreach(lc, caseexpr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);
		Bitmapset  *condition;

		condition = dsec_flow_expr(flow, (Node *) when->expr, control);
		control = bms_union(control, condition);
		result = bms_union(result, condition);
		append_origins(flow, &result, (Node *) when->result, control);
	}
	append_origins(flow, &result, (Node *) caseexpr->defresult, control);
	flow->casetest = saved;

	return result;
}

static Bitmapset *
flow_array_coerce(DsecFlow *flow, ArrayCoerceExpr *coerce, Bitmapset *control)
{
	Bitmapset  *saved = flow->casetest;
	Bitmapset  *result = dsec_flow_expr(flow, (Node *) coerce->arg, control);

	flow->casetest = result;
	append_origins(flow, &result, (Node *) coerce->elemexpr, control);
	flow->casetest = saved;

	return result;
}

static Bitmapset *
flow_subscript(DsecFlow *flow, SubscriptingRef *ref, Bitmapset *control)
{
	Bitmapset  *result = dsec_flow_expr(flow, (Node *) ref->refexpr, control);
	Bitmapset  *saved = flow->casetest;

	append_origins(flow, &result, (Node *) ref->refupperindexpr, control);
	append_origins(flow, &result, (Node *) ref->reflowerindexpr, control);

	/* in a nested assignment the element's old value is a CaseTestExpr */
	flow->casetest = result;
	append_origins(flow, &result, (Node *) ref->refassgnexpr, control);
	flow->casetest = saved;

	/* an assignment's messages quote subscripts, a fetch's do not */
	if (dsec_lineage_shows(get_typsubscript(ref->refcontainertype, NULL)) != 0 ||
		ref->refassgnexpr != NULL)
		show(flow, bms_union(result, control));

	return result;
}

/* A list evaluated in order, the next only if this one did not decide. */
static Bitmapset *
flow_sequence(DsecFlow *flow, List *args, Bitmapset *control)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	foreach(lc, args)
	{
		append_origins(flow, &result, (Node *) lfirst(lc), control);
		control = bms_union(control, result);
	}
	return result;
}

static bool
unknown_walker(Node *node, void *context)
{
	UnknownContext *unknown = context;

	if (node == NULL)
		return false;
	append_origins(unknown->flow, &unknown->origins, node, unknown->control);
	return false;
}

/* Whatever has no case of its own shows all that it is given. */
static Bitmapset *
flow_unknown(DsecFlow *flow, Node *node, Bitmapset *control)
{
	UnknownContext unknown = {flow, control, NULL};

	if (IsA(node, Query))
	{
		ListCell   *lc;

		/* before planning only: what it uses of the query around it */
		foreach(lc, pull_vars_of_level(node, 1))
		{
			Var		   *var = copyObject(lfirst_node(Var, lc));

			var->varlevelsup = 0;
			append_origins(flow, &unknown.origins, (Node *) var, control);
		}
	}
	else
		(void) expression_tree_walker(node, unknown_walker, &unknown);

	show(flow, bms_union(unknown.origins, control));
	return unknown.origins;
}

Bitmapset *
dsec_flow_quals(DsecFlow *flow, List *quals, Bitmapset *control)
{
	return flow_sequence(flow, quals, control);
}

Bitmapset *
dsec_flow_expr(DsecFlow *flow, Node *expr, Bitmapset *control)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	if (expr == NULL)
		return NULL;

	check_stack_depth();

	switch (nodeTag(expr))
	{
		case T_Var:
			return flow->var(flow, (Var *) expr);

		case T_Param:
			{
				Param	   *param = (Param *) expr;

				if (param->paramkind == PARAM_EXTERN)
					return flow->external ? flow->external(flow, expr) : NULL;
				if (flow->fails == NULL || flow->fails(flow, param))
					show(flow, control);
				return flow->param ? flow->param(flow, param) : NULL;
			}

		case T_Const:
			return flow->external ? flow->external(flow, expr) : NULL;

		case T_SQLValueFunction:
		case T_SetToDefault:
		case T_CurrentOfExpr:
		case T_GroupingFunc:	/* its arguments are not evaluated */
			return NULL;

		case T_CaseTestExpr:
			return flow->casetest;

		case T_CoerceToDomainValue:
			return flow->domainvalue;

		case T_List:
			foreach(lc, (List *) expr)
				append_origins(flow, &result, (Node *) lfirst(lc), control);
			return result;

		case T_TargetEntry:
			return dsec_flow_expr(flow, (Node *) ((TargetEntry *) expr)->expr,
								  control);

		case T_FuncExpr:
			{
				FuncExpr   *call = (FuncExpr *) expr;

				if (OidIsValid(flow->exempt) && call->funcid == flow->exempt &&
					call->funcformat == COERCE_SQL_SYNTAX &&
					!call->funcvariadic)
					return NULL;
				return flow_call(flow, call->funcid, call->args, 0, control);
			}

		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			{
				OpExpr	   *op = (OpExpr *) expr;
				Oid			function = op->opfuncid;

				if (!OidIsValid(function))
					function = get_opcode(op->opno);
				return flow_call(flow, function, op->args, 0, control);
			}

		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) expr;
				Oid			function = op->opfuncid;

				if (!OidIsValid(function))
					function = get_opcode(op->opno);
				result = flow_call(flow, function, op->args, 0, control);
				if (OidIsValid(op->hashfuncid))
					flow_chosen(flow, op->hashfuncid,
								exprType(linitial(op->args)), result, control);
				return result;
			}

		case T_RowCompareExpr:
			return flow_row_compare(flow, (RowCompareExpr *) expr, control);

		case T_MinMaxExpr:
			{
				MinMaxExpr *minmax = (MinMaxExpr *) expr;
				TypeCacheEntry *entry = lookup_type_cache(minmax->minmaxtype,
														  TYPECACHE_CMP_PROC);

				result = dsec_flow_expr(flow, (Node *) minmax->args, control);
				flow_chosen(flow, entry->cmp_proc, minmax->minmaxtype, result,
							control);
				return result;
			}

		case T_CoerceViaIO:
			return flow_coerce_via_io(flow, (CoerceViaIO *) expr, control);

		case T_ArrayCoerceExpr:
			return flow_array_coerce(flow, (ArrayCoerceExpr *) expr, control);

		case T_CoerceToDomain:
			return flow_coerce_to_domain(flow, (CoerceToDomain *) expr,
										 control);

		case T_SubscriptingRef:
			return flow_subscript(flow, (SubscriptingRef *) expr, control);

		case T_Aggref:
			return flow_aggref(flow, (Aggref *) expr, control);

		case T_WindowFunc:
			{
				WindowFunc *window = (WindowFunc *) expr;

				result = dsec_flow_expr(flow, (Node *) window->aggfilter,
										control);
				return bms_union(result,
								 flow_call(flow, window->winfnoid, window->args,
										   0, bms_union(control, result)));
			}

		case T_CaseExpr:
			return flow_case(flow, (CaseExpr *) expr, control);

		case T_BoolExpr:
			return flow_sequence(flow, ((BoolExpr *) expr)->args, control);

		case T_CoalesceExpr:
			return flow_sequence(flow, ((CoalesceExpr *) expr)->args, control);

			/* these only look at, or take apart and put together */
		case T_NullTest:
			return dsec_flow_expr(flow, (Node *) ((NullTest *) expr)->arg,
								  control);
		case T_BooleanTest:
			return dsec_flow_expr(flow, (Node *) ((BooleanTest *) expr)->arg,
								  control);
		case T_RelabelType:
			return dsec_flow_expr(flow, (Node *) ((RelabelType *) expr)->arg,
								  control);
		case T_CollateExpr:
			return dsec_flow_expr(flow, (Node *) ((CollateExpr *) expr)->arg,
								  control);
		case T_ConvertRowtypeExpr:
			return dsec_flow_expr(flow,
								  (Node *) ((ConvertRowtypeExpr *) expr)->arg,
								  control);
		case T_FieldSelect:
			return dsec_flow_expr(flow, (Node *) ((FieldSelect *) expr)->arg,
								  control);
		case T_FieldStore:
			{
				FieldStore *store = (FieldStore *) expr;
				Bitmapset  *saved = flow->casetest;

				result = dsec_flow_expr(flow, (Node *) store->arg, control);
				flow->casetest = result;
				append_origins(flow, &result, (Node *) store->newvals, control);
				flow->casetest = saved;
				return result;
			}
		case T_ArrayExpr:
			return dsec_flow_expr(flow, (Node *) ((ArrayExpr *) expr)->elements,
								  control);
		case T_RowExpr:
			return dsec_flow_expr(flow, (Node *) ((RowExpr *) expr)->args,
								  control);

		case T_SubPlan:
			if (flow->subplan)
				return flow->subplan(flow, (SubPlan *) expr, control);
			break;

		case T_AlternativeSubPlan:
			return dsec_flow_expr(flow,
								  (Node *) ((AlternativeSubPlan *) expr)->subplans,
								  control);

			/* a sequence's state tells how often it was called */
		case T_NextValueExpr:
			show(flow, control);
			return NULL;

		default:
			break;
	}

	return flow_unknown(flow, expr, control);
}
