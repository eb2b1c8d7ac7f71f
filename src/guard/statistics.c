/*-------------------------------------------------------------------------
 *
 * statistics.c
 *	  Keep the planner from showing what it knows of tagged columns.
 *
 * pg_statistic holds values of columns, and the planner calls operators of the
 * query on them to estimate how many rows will match: EXPLAIN is enough for an
 * operator that raises a notice to see a hundred people.  There is no row to
 * charge, so in a session that counts these statistics are kept from functions
 * that are not leakproof as soon as a function in the query is not known to be
 * harmless.  Other queries are planned as ever.
 *
 * Statistics over several columns, and those of indexes on expressions, are
 * left out of such a plan altogether.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/pg_statistic_ext.h"
#include "compat.h"
#include "guard/context.h"
#include "guard/guard.h"
#include "lineage/reads.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/plancat.h"
#include "tag/tag.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

static get_relation_stats_hook_type prev_get_relation_stats_hook = NULL;
static get_index_stats_hook_type prev_get_index_stats_hook = NULL;
static get_relation_info_hook_type prev_get_relation_info_hook = NULL;

static bool
is_leaky(Oid function, void *context)
{
	return !dsec_lineage_harmless(function);
}

static bool
has_leaky_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_leaky, NULL))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_leaky_function, context, 0);

	return expression_tree_walker(node, has_leaky_function, context);
}

/*
 * May a function of the query show what it sees?  A column of a subquery is
 * looked at for operators of the queries around it.
 */
static bool
may_show(PlannerInfo *root)
{
	for (; root != NULL; root = root->parent_root)
	{
		if (has_leaky_function((Node *) root->parse, NULL))
			return true;
	}

	return false;
}

/* Is the relation tagged?  One whose labels cannot be read counts as tagged. */
static bool
is_tagged(Oid relid, const DsecRelationTags **tags)
{
	const char *problem;

	*tags = dsec_tag_relation_or_problem(relid, &problem);

	return *tags != NULL || problem != NULL;
}

static bool
relation_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
			   VariableStatData *vardata)
{
	const DsecRelationTags *tags;

	if (prev_get_relation_stats_hook &&
		prev_get_relation_stats_hook(root, rte, attnum, vardata))
		return true;

	if (rte->rtekind != RTE_RELATION || !dsec_context_may_count() ||
		!is_tagged(rte->relid, &tags) ||
		(tags != NULL && dsec_tag_column(tags, attnum) == NULL) ||
		!may_show(root))
		return false;

	vardata->statsTuple = SearchSysCache3(STATRELATTINH,
										  ObjectIdGetDatum(rte->relid),
										  Int16GetDatum(attnum),
										  BoolGetDatum(rte->inh));
	vardata->freefunc = ReleaseSysCache;
	vardata->acl_ok = false;	/* for leakproof functions only */

	return true;
}

static bool
index_stats(PlannerInfo *root, Oid indexOid, AttrNumber indexattnum,
			VariableStatData *vardata)
{
	const DsecRelationTags *tags;

	if (prev_get_index_stats_hook &&
		prev_get_index_stats_hook(root, indexOid, indexattnum, vardata))
		return true;

	/* without a tuple: there are none */
	return dsec_context_may_count() &&
		is_tagged(IndexGetRelation(indexOid, false), &tags) &&
		may_show(root);
}

static void
relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	const DsecRelationTags *tags;
	ListCell   *lc;

	if (prev_get_relation_info_hook)
		prev_get_relation_info_hook(root, relid, inhparent, rel);

	if (rel->statlist == NIL || !dsec_context_may_count() ||
		!is_tagged(relid, &tags) || !may_show(root))
		return;

	foreach(lc, rel->statlist)
	{
		StatisticExtInfo *info = lfirst_node(StatisticExtInfo, lc);

		if (info->exprs != NIL ||
			(info->kind == STATS_EXT_MCV &&
			 (tags == NULL || bms_overlap(info->keys, tags->attnos))))
			rel->statlist = foreach_delete_current(rel->statlist, lc);
	}
}

void
dsec_guard_statistics_init(void)
{
	prev_get_relation_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = relation_stats;
	prev_get_index_stats_hook = get_index_stats_hook;
	get_index_stats_hook = index_stats;
	prev_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = relation_info;
}
