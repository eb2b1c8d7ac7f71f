/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Law L4's last word: does the plan that will run count all it reads?
 *
 * Runs on the plan as it will be executed, after the plan was made to count.
 * It shares no code with what makes plans count (cover.c, trace.c, source.c,
 * groups.c), and believes none of it: it finds the reads anew, derives from the
 * tags what must be counted for each, and looks for it in the plan.
 *
 * A scan's read is covered when calls of dsec.charge stand in its quals, before
 * anything that may show the column; or when nothing shows it below the guard,
 * and the guard's groups lead down, column by column and only through nodes
 * that hand on rows one by one, to this scan's own key columns.  A read in
 * RETURNING, ON CONFLICT or MERGE is covered when each Var stands inside CASE
 * WHEN dsec.charge(...) THEN ... END.  Everything else is not covered.
 *
 * The charge calls that count are those that only dsec can have made: see
 * groups.h.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/verify.h"

#include "access/sysattr.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "lineage/groups.h"
#include "lineage/reads.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "tag/tag.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

/* key columns, populations, ctid and tableoid */
#define MAX_COLUMNS (DSEC_MAX_KEYS + DSEC_MAX_POPULATIONS + 2)

/* what one charge, or one traced group, says it counts */
typedef struct Claim
{
	const char *space;
	List	   *categories;		/* of String */
	List	   *populations;	/* of String */
	int			nkeys;
	bool		rowid;
	int			ncolumns;
	AttrNumber	columns[MAX_COLUMNS];	/* attribute numbers of the relation, 0
										 * for anything else */
} Claim;

typedef struct ModifyContext
{
	const DsecRead *read;
	const DsecRelationTags *tags;
	bool		uncovered;
} ModifyContext;

/* ----------------------------------------------------------------
 * dsec.charge
 * ----------------------------------------------------------------
 */

static Oid	charge_function = InvalidOid;

/* the cached answer is good while nothing changed since it was looked up */
static uint64 changes = 1;
static uint64 looked_up_at = 0;

static void
forget_charge_function(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
}

Oid
dsec_lineage_charge_function(void)
{
	Oid			argtypes[] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID,
	BOOLOID, ANYOID};
	static bool registered = false;
	uint64		now;
	Oid			extension;
	Oid			schema;
	Oid			function = InvalidOid;

	if (looked_up_at == changes)
		return charge_function;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget_charge_function,
									  (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_charge_function,
									  (Datum) 0);
		registered = true;
	}

	/* lookups may fail, or see an invalidation */
	now = changes;
	extension = get_extension_oid("dsec", true);
	schema = get_namespace_oid("dsec", true);
	if (OidIsValid(extension) && OidIsValid(schema))
	{
		oidvector  *args = buildoidvector(argtypes, lengthof(argtypes));

		function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
								   CStringGetDatum("charge"),
								   PointerGetDatum(args),
								   ObjectIdGetDatum(schema));
		if (OidIsValid(function) &&
			getExtensionOfObject(ProcedureRelationId, function) != extension)
			function = InvalidOid;
	}
	charge_function = function;
	looked_up_at = now;

	return function;
}

/* ----------------------------------------------------------------
 * claims
 * ----------------------------------------------------------------
 */

/*
 * The relation's tags as a copy, because catalog lookups on the way may flush
 * the cache; NULL when it has none (any more).
 */
static const DsecRelationTags *
copy_tags(Oid relid)
{
	const DsecRelationTags *tags = dsec_tag_relation(relid);
	DsecRelationTags *copy;

	if (tags == NULL)
		return NULL;

	copy = palloc(sizeof(DsecRelationTags));
	*copy = *tags;
	copy->columns = palloc(sizeof(DsecTaggedColumn) * Max(tags->ncolumns, 1));
	for (int i = 0; i < tags->ncolumns; i++)
	{
		copy->columns[i] = tags->columns[i];
		copy->columns[i].category = pstrdup(tags->columns[i].category);
		for (int c = 0; c < tags->columns[i].nalso; c++)
			copy->columns[i].also[c] = pstrdup(tags->columns[i].also[c]);
		if (tags->columns[i].problem)
			copy->columns[i].problem = pstrdup(tags->columns[i].problem);
	}
	copy->subjects = palloc(sizeof(DsecSubject) * Max(tags->nsubjects, 1));
	for (int i = 0; i < tags->nsubjects; i++)
	{
		DsecSubject *subject = &copy->subjects[i];

		*subject = tags->subjects[i];
		subject->space = pstrdup(subject->space);
		for (int k = 0; k < subject->npopulations; k++)
			subject->populations[k] = pstrdup(subject->populations[k]);
	}
	copy->attnos = bms_copy(tags->attnos);

	return copy;
}

/* The column's entry; the cache's own lookup is not for copies. */
static const DsecTaggedColumn *
find_column(const DsecRelationTags *tags, AttrNumber attno)
{
	for (int i = 0; i < tags->ncolumns; i++)
	{
		if (tags->columns[i].attno == attno)
			return &tags->columns[i];
	}
	return NULL;
}

/* The attribute of relation rti that a Var of its scan stands for, or 0. */
static AttrNumber
resolve_column(Node *expr, Index rti, Plan *scan)
{
	Var		   *var = (Var *) expr;

	if (expr == NULL || !IsA(expr, Var))
		return 0;

	if (var->varno == INDEX_VAR && scan &&
		(IsA(scan, IndexOnlyScan) || IsA(scan, ForeignScan)))
	{
		List	   *scantlist = IsA(scan, IndexOnlyScan) ?
			((IndexOnlyScan *) scan)->indextlist :
			((ForeignScan *) scan)->fdw_scan_tlist;

		if (var->varattno < 1 || var->varattno > list_length(scantlist))
			return 0;
		var = (Var *) list_nth_node(TargetEntry, scantlist,
									var->varattno - 1)->expr;
		if (!IsA(var, Var) || var->varattno < 1)
			return 0;
	}

	return (Index) var->varno == rti ? var->varattno : 0;
}

static bool
const_strings(Node *node, List **strings)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	if (!IsA(node, Const) || ((Const *) node)->constisnull ||
		((Const *) node)->consttype != TEXTARRAYOID)
		return false;
	deconstruct_array(DatumGetArrayTypeP(((Const *) node)->constvalue),
					  TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &nelements);
	*strings = NIL;
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			return false;
		*strings = lappend(*strings, makeString(TextDatumGetCString(elements[i])));
	}
	return true;
}

static bool
const_value(Node *node, Oid type, Datum *value)
{
	if (!IsA(node, Const) || ((Const *) node)->constisnull ||
		((Const *) node)->consttype != type)
		return false;
	*value = ((Const *) node)->constvalue;
	return true;
}

/* Is this a call of dsec.charge that dsec made?  What does it count? */
static bool
charge_claim(Node *node, Index rti, Plan *scan, Claim *claim)
{
	FuncExpr   *call = (FuncExpr *) node;
	Oid			function = dsec_lineage_charge_function();
	Datum		space;
	Datum		nkeys;
	Datum		rowid;
	ListCell   *lc;

	if (!IsA(node, FuncExpr) || !OidIsValid(function) ||
		call->funcid != function ||
		call->funcformat != COERCE_SQL_SYNTAX || call->funcvariadic ||
		list_length(call->args) < 5 ||
		list_length(call->args) > 5 + MAX_COLUMNS)
		return false;

	if (!const_value(linitial(call->args), TEXTOID, &space) ||
		!const_strings(lsecond(call->args), &claim->categories) ||
		!const_strings(lthird(call->args), &claim->populations) ||
		!const_value(lfourth(call->args), INT4OID, &nkeys) ||
		!const_value(list_nth(call->args, 4), BOOLOID, &rowid))
		return false;

	claim->space = TextDatumGetCString(space);
	claim->nkeys = DatumGetInt32(nkeys);
	claim->rowid = DatumGetBool(rowid);
	claim->ncolumns = 0;
	for_each_from(lc, call->args, 5)
		claim->columns[claim->ncolumns++] = resolve_column(lfirst(lc), rti, scan);

	return true;
}

static bool
has_string(List *strings, const char *string)
{
	ListCell   *lc;

	foreach(lc, strings)
	{
		if (strcmp(strVal(lfirst(lc)), string) == 0)
			return true;
	}
	return false;
}

/*
 * Does the claim count this subject of the relation, column by column?  At the
 * source ("rows" is set) every row is one, so a NULL key needs no row identity:
 * it counts by itself.
 */
static bool
claims_subject(const Claim *claim, const DsecSubject *subject, bool rows)
{
	int			column = 0;
	int			ncolumns = subject->nkeys + subject->npopulations +
		(claim->rowid ? 2 : 0);
	ListCell   *lc;

	if (strcmp(claim->space, subject->space) != 0 ||
		claim->nkeys != subject->nkeys ||
		list_length(claim->populations) != subject->npopulations)
		return false;

	/* a tableoid for want of a column says nothing */
	if (claim->ncolumns != ncolumns &&
		!(rows && ncolumns == 0 && claim->ncolumns == 1))
		return false;

	/* without a row's own identity, a NULL key would pass for no row */
	if (!rows && !claim->rowid && (subject->nkeys == 0 || !subject->keys_notnull))
		return false;

	for (int i = 0; i < subject->nkeys; i++)
	{
		if (claim->columns[column++] != subject->keys[i])
			return false;
	}
	foreach(lc, claim->populations)
	{
		int			i = foreach_current_index(lc);

		if (strcmp(strVal(lfirst(lc)), subject->populations[i]) != 0 ||
			claim->columns[column++] != subject->population_columns[i])
			return false;
	}
	if (claim->rowid &&
		(claim->columns[column] != SelfItemPointerAttributeNumber ||
		 claim->columns[column + 1] != TableOidAttributeNumber))
		return false;

	return true;
}

/* Is a category of a subject among what is claimed? */
static bool
claims_category(List *claims, const char *category, const DsecSubject *subject,
				bool rows)
{
	ListCell   *lc;

	foreach(lc, claims)
	{
		Claim	   *claim = lfirst(lc);

		if (has_string(claim->categories, category) &&
			claims_subject(claim, subject, rows))
			return true;
	}
	return false;
}

/* Do the claims, a List of Claim, count all that these columns say? */
static bool
claims_suffice(List *claims, const DsecRelationTags *tags,
			   const Bitmapset *attnos, bool rows)
{
	int			attno = -1;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		const DsecTaggedColumn *column = find_column(tags, attno);

		if (column == NULL || column->problem != NULL ||
			column->subject < 0 || column->subject >= tags->nsubjects)
			return false;
		for (int i = 0; i <= column->nalso; i++)
		{
			if (!claims_category(claims, dsec_tag_category(column, i),
								 &tags->subjects[column->subject], rows))
				return false;
		}
	}
	return true;
}

/* ----------------------------------------------------------------
 * charged at the source
 * ----------------------------------------------------------------
 */

static bool
charged_in_scan(const DsecRead *read, const DsecRelationTags *tags)
{
	Plan	   *scan = read->node;
	int			last = dsec_lineage_charge_position(scan, read->rti,
													read->attnos);
	List	   *claims = NIL;
	int			position = 0;
	ListCell   *lc;

	foreach(lc, scan->qual)
	{
		Claim	   *claim = palloc(sizeof(Claim));

		if (position++ >= last)
			break;
		if (charge_claim(lfirst(lc), read->rti, scan, claim))
			claims = lappend(claims, claim);
	}

	return last >= 0 && claims_suffice(claims, tags, read->attnos, true);
}

/* The charges that a condition makes before it can be true. */
static List *
condition_claims(Node *condition, Index rti)
{
	Claim	   *claim = palloc(sizeof(Claim));
	List	   *claims = NIL;
	ListCell   *lc;

	if (charge_claim(condition, rti, NULL, claim))
		return list_make1(claim);

	if (IsA(condition, BoolExpr) &&
		((BoolExpr *) condition)->boolop == AND_EXPR)
	{
		foreach(lc, ((BoolExpr *) condition)->args)
			claims = list_concat(claims, condition_claims(lfirst(lc), rti));
	}
	return claims;
}

static bool
modify_walker(Node *node, void *arg)
{
	ModifyContext *context = arg;
	const DsecRead *read = context->read;

	if (node == NULL)
		return false;

	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if ((Index) var->varno == read->rti &&
			(var->varattno == InvalidAttrNumber ||
			 (var->varattno > 0 &&
			  bms_is_member(var->varattno, read->attnos))))
			context->uncovered = true;
		return context->uncovered;
	}

	if (IsA(node, FuncExpr))
	{
		Claim		claim;

		/* the arguments of a charge are counted, not shown */
		if (charge_claim(node, read->rti, NULL, &claim))
			return false;
	}

	if (IsA(node, CaseExpr) && ((CaseExpr *) node)->arg == NULL)
	{
		CaseExpr   *caseexpr = (CaseExpr *) node;
		CaseWhen   *when = linitial_node(CaseWhen, caseexpr->args);
		List	   *claims = condition_claims((Node *) when->expr, read->rti);

		/* what comes after the first WHEN is not reached through the charge */
		if (claims != NIL &&
			claims_suffice(claims, context->tags, read->attnos, true))
		{
			ListCell   *lc;

			if (modify_walker((Node *) when->expr, context) ||
				modify_walker((Node *) caseexpr->defresult, context))
				return true;
			for_each_from(lc, caseexpr->args, 1)
			{
				if (modify_walker((Node *) lfirst(lc), context))
					return true;
			}
			return false;
		}
	}

	if (IsA(node, WithCheckOption))
		return modify_walker(((WithCheckOption *) node)->qual, context);
	if (IsA(node, MergeAction))
		return modify_walker(((MergeAction *) node)->qual, context) ||
			modify_walker((Node *) ((MergeAction *) node)->targetList, context);

	return expression_tree_walker(node, modify_walker, context);
}

static bool
charged_in_modify(const DsecRead *read, const DsecRelationTags *tags)
{
	ModifyTable *modify = (ModifyTable *) read->node;
	ModifyContext context = {read, tags, false};

	/* the row in conflict becomes part of its new version, shown or not */
	if (modify->onConflictAction == ONCONFLICT_UPDATE)
	{
		List	   *quals = (List *) modify->onConflictWhere;

		if (quals == NIL ||
			!claims_suffice(condition_claims(linitial(quals), read->rti),
							tags, read->attnos, true))
			return false;
	}

	return !modify_walker((Node *) modify->returningLists, &context) &&
		!modify_walker((Node *) modify->plan.targetlist, &context) &&
		!modify_walker((Node *) modify->onConflictSet, &context) &&
		!modify_walker(modify->onConflictWhere, &context) &&
		!modify_walker((Node *) modify->mergeActionLists, &context) &&
		!modify_walker((Node *) DSEC_MERGE_JOIN_CONDITIONS(modify), &context) &&
		!modify_walker((Node *) modify->withCheckOptionLists, &context);
}

/* ----------------------------------------------------------------
 * traced
 * ----------------------------------------------------------------
 */

/* Does the tree under plan, without subplans, hold the node? */
static bool
holds(Plan *plan, Plan *node)
{
	List	   *children = NIL;
	ListCell   *lc;

	check_stack_depth();

	if (plan == NULL)
		return false;
	if (plan == node)
		return true;

	switch (nodeTag(plan))
	{
		case T_Append:
			children = ((Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((MergeAppend *) plan)->mergeplans;
			break;
		case T_SubqueryScan:
			return holds(((SubqueryScan *) plan)->subplan, node);
		default:
			return holds(outerPlan(plan), node) || holds(innerPlan(plan), node);
	}
	foreach(lc, children)
	{
		if (holds(lfirst(lc), node))
			return true;
	}
	return false;
}

/*
 * Follow columns of a target list one level down: every one must be a plain Var
 * of the given varno.  In a node that does not project, it must stand in the
 * same place below.
 */
static bool
follow(List *targetlist, int varno, bool projects, const int *positions,
	   int npositions, int *below)
{
	for (int i = 0; i < npositions; i++)
	{
		Var		   *var;

		if (positions[i] < 1 || positions[i] > list_length(targetlist))
			return false;
		var = (Var *) list_nth_node(TargetEntry, targetlist,
									positions[i] - 1)->expr;
		if (!IsA(var, Var) || var->varno != varno || var->varattno < 1 ||
			(!projects && var->varattno != positions[i]))
			return false;
		below[i] = var->varattno;
	}
	return true;
}

/*
 * Do these columns of the plan's rows come, row by row, from this scan?  If so,
 * columns says which attributes of its relation they are.
 */
static bool
carries(Plan *plan, const int *positions, int npositions, const DsecRead *read,
		AttrNumber *columns)
{
	int			below[MAX_COLUMNS];
	ListCell   *lc;

	check_stack_depth();

	if (plan == NULL)
		return false;

	if (plan == read->node)
	{
		for (int i = 0; i < npositions; i++)
		{
			if (positions[i] < 1 ||
				positions[i] > list_length(plan->targetlist))
				return false;
			columns[i] = resolve_column((Node *) list_nth_node(TargetEntry,
															   plan->targetlist,
															   positions[i] - 1)->expr,
										read->rti, plan);
		}
		return true;
	}

	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_IncrementalSort:
		case T_Limit:
		case T_LockRows:
		case T_Material:
		case T_Memoize:
		case T_Hash:
			return follow(plan->targetlist, OUTER_VAR, false, positions,
						  npositions, below) &&
				carries(outerPlan(plan), below, npositions, read, columns);

		case T_Result:
		case T_ProjectSet:
		case T_Gather:
		case T_GatherMerge:
			return follow(plan->targetlist, OUTER_VAR, true, positions,
						  npositions, below) &&
				carries(outerPlan(plan), below, npositions, read, columns);

		case T_SubqueryScan:
			return follow(plan->targetlist, ((SubqueryScan *) plan)->scan.scanrelid,
						  true, positions, npositions, below) &&
				carries(((SubqueryScan *) plan)->subplan, below, npositions,
						read, columns);

		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			if (DSEC_JOIN_EMITS_OUTER(((Join *) plan)->jointype) &&
				follow(plan->targetlist, OUTER_VAR, true, positions,
						  npositions, below))
				return carries(outerPlan(plan), below, npositions, read, columns);
			if (DSEC_JOIN_EMITS_INNER(((Join *) plan)->jointype) &&
				follow(plan->targetlist, INNER_VAR, true, positions,
						  npositions, below))
				return carries(innerPlan(plan), below, npositions, read, columns);
			return false;

		case T_Append:
		case T_MergeAppend:
			foreach(lc, IsA(plan, Append) ? ((Append *) plan)->appendplans :
					((MergeAppend *) plan)->mergeplans)
			{
				if (holds(lfirst(lc), read->node))
					return carries(lfirst(lc), positions, npositions, read,
								   columns);
			}
			return false;

		default:
			return false;
	}
}

/* What the guard says it counts, if it is for this read. */
static bool
group_claim(CustomScan *guard, List *group, const DsecRead *read, Claim *claim)
{
	int			positions[MAX_COLUMNS];
	int			below[MAX_COLUMNS];
	List	   *list;
	int			n = 0;
	ListCell   *lc;

	if (list_length(group) != DSEC_GROUP_LENGTH ||
		!list_member_int(list_nth(group, DSEC_GROUP_RTIS), read->rti))
		return false;

	list = list_nth(group, DSEC_GROUP_POSITIONS);
	if (list_length(list) > MAX_COLUMNS)
		return false;
	foreach(lc, list)
		positions[n++] = lfirst_int(lc);

	claim->space = strVal(list_nth(group, DSEC_GROUP_SPACE));
	claim->categories = list_nth(group, DSEC_GROUP_CATEGORIES);
	claim->populations = list_nth(group, DSEC_GROUP_POPULATIONS);
	claim->nkeys = intVal(list_nth(group, DSEC_GROUP_NKEYS));
	claim->rowid = intVal(list_nth(group, DSEC_GROUP_ROWID)) != 0;
	claim->ncolumns = n;

	/* its target list refers to its scan tuple, which is the child's row */
	if (!follow(guard->scan.plan.targetlist, INDEX_VAR, true, positions, n,
				below))
		return false;
	memcpy(positions, below, sizeof(int) * n);

	return follow(guard->custom_scan_tlist, OUTER_VAR, true, positions, n,
				  below) &&
		carries(outerPlan(guard), below, n, read, claim->columns);
}

static bool
traced_to_guard(PlannedStmt *stmt, const DsecRead *read,
				const DsecRelationTags *tags)
{
	CustomScan *guard = (CustomScan *) stmt->planTree;
	List	   *claims = NIL;
	ListCell   *lc;

	if (!IsA(guard, CustomScan) ||
		strcmp(guard->methods->CustomName, DSEC_GUARD_NAME) != 0 ||
		outerPlan(guard) == NULL || guard->custom_plans != NIL ||
		list_length(guard->custom_private) != DSEC_GUARD_PRIVATE_LENGTH)
		return false;

	foreach(lc, (List *) list_nth(guard->custom_private, DSEC_GUARD_GROUPS))
	{
		Claim	   *claim = palloc(sizeof(Claim));

		if (group_claim(guard, lfirst(lc), read, claim))
			claims = lappend(claims, claim);
	}

	return claims_suffice(claims, tags, read->attnos, false);
}

/* ----------------------------------------------------------------
 * the verdict
 * ----------------------------------------------------------------
 */

static const char *
what_is_wrong(PlannedStmt *stmt, const DsecRead *read)
{
	const DsecRelationTags *tags = copy_tags(read->relid);

	if (tags == NULL)
		return "its tags changed while it was being planned";

	switch (read->place)
	{
		case DSEC_READ_SCAN:
			if (charged_in_scan(read, tags))
				return NULL;
			if (read->leaky)
				return "a function may disclose it before it is charged";
			/* a foreign scan fetches only what it was planned to fetch */
			if (!IsA(read->node, ForeignScan) &&
				traced_to_guard(stmt, read, tags))
				return NULL;
			return "it is neither charged there nor traced to the guard";

		case DSEC_READ_MODIFY:
			if (charged_in_modify(read, tags))
				return NULL;
			return "the expression does not charge it first";

		case DSEC_READ_OPAQUE:
			/* the rows of a transition table go nowhere unseen */
			if (IsA(read->node, NamedTuplestoreScan) &&
				charged_in_scan(read, tags))
				return NULL;
			break;
	}
	return "what becomes of it cannot be seen";
}

bool
dsec_lineage_covered(PlannedStmt *stmt, char **why)
{
	ListCell   *lc;

	foreach(lc, dsec_lineage_reads(stmt))
	{
		DsecRead   *read = lfirst(lc);
		const char *wrong = what_is_wrong(stmt, read);

		if (wrong)
		{
			*why = psprintf("%s: %s", dsec_lineage_describe(stmt, read), wrong);
			return false;
		}
	}
	return true;
}
