/*-------------------------------------------------------------------------
 *
 * foreign.c
 *	  Tagged foreign tables as a source, and foreign tables as a target.
 *
 * What a foreign scan fetches is settled by its wrapper while the query is
 * planned; a key that is asked for afterwards would come back as NULL.  So for
 * foreign tables the charge is put into the query, as a security barrier qual:
 * the planner has the key fetched, evaluates the call here, not on the other
 * server, and before any qual that might disclose a row.
 *
 * ctid means nothing there, and NOT NULL is a promise that nobody keeps; a row
 * without key is a subject of its own each time it is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "compat.h"
#include "foreign/foreign.h"
#include "lineage/cover.h"
#include "lineage/plantree.h"
#include "lineage/routed.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "tag/tag.h"
#include "utils/lsyscache.h"

typedef struct ForeignContext
{
	bool		found;
	bool		charge;			/* else only look */
} ForeignContext;

/* Tagged columns that the query selects; over-approximates through views. */
static Bitmapset *
selected_columns(Query *query, RangeTblEntry *rte, const DsecRelationTags *tags)
{
	Bitmapset  *selected = DSEC_SELECTED_COLUMNS(query, rte);
	Bitmapset  *result = NULL;

	if (bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber,
					  selected))
		return bms_copy(tags->attnos);
	for (int i = 0; i < tags->ncolumns; i++)
	{
		AttrNumber	attno = tags->columns[i].attno;

		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected))
			result = bms_add_member(result, attno);
	}

	return result;
}

static void
charge_foreign_table(Query *query, RangeTblEntry *rte, Index rti,
					 ForeignContext *context)
{
	const DsecRelationTags *tags = dsec_tag_relation(rte->relid);
	Bitmapset  *attnos;
	ListCell   *lc;

	if (tags == NULL)
		return;
	attnos = selected_columns(query, rte, tags);
	if (bms_is_empty(attnos))
		return;
	context->found = true;
	if (!context->charge)
		return;

	foreach(lc, dsec_lineage_groups(tags, attnos))
	{
		FuncExpr   *call = castNode(FuncExpr,
									dsec_cover_charge_call(lfirst(lc), rti,
														   rte->relid, false));

		/* without a column it would not belong to the scan */
		if (list_length(call->args) == DSEC_CHARGE_FIRST_COLUMN)
			call->args = lappend(call->args,
								 dsec_plan_relation_var(rti, rte->relid,
														TableOidAttributeNumber));
		rte->securityQuals = lappend(rte->securityQuals, call);
	}
}

static bool
foreign_walker(Node *node, void *arg)
{
	ForeignContext *context = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		Index		rti = 0;
		ListCell   *lc;

		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			rti++;
			if (rte->rtekind == RTE_RELATION &&
				rte->relkind == RELKIND_FOREIGN_TABLE)
				charge_foreign_table(query, rte, rti, context);
		}

		return query_tree_walker(query, foreign_walker, context, 0);
	}

	return expression_tree_walker(node, foreign_walker, context);
}

bool
dsec_lineage_reads_foreign(Query *query)
{
	ForeignContext context = {false, false};

	foreign_walker((Node *) query, &context);

	return context.found;
}

void
dsec_lineage_charge_foreign(Query *query)
{
	ForeignContext context = {false, true};

	foreign_walker((Node *) query, &context);
}

static List *
add_server(List *servers, Oid relid)
{
	Oid			serverid = GetForeignTable(relid)->serverid;
	String	   *name = makeString(GetForeignServer(serverid)->servername);

	return list_member(servers, name) ? servers : lappend(servers, name);
}

/* Rows that are routed may end up in any foreign partition. */
static List *
add_partition_servers(List *servers, List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			servers = add_server(servers, lfirst_oid(lc));
	}

	return servers;
}

/* The partitioned table whose partitions the node writes to, or InvalidOid. */
static Oid
routed_root(const PlannedStmt *stmt, const ModifyTable *modify)
{
	Index		rti = modify->rootRelation;
	RangeTblEntry *rte;

	if (modify->operation == CMD_DELETE)
		return InvalidOid;
	if (rti == 0)
		rti = linitial_int(modify->resultRelations);
	rte = rt_fetch(rti, stmt->rtable);

	return rte->relkind == RELKIND_PARTITIONED_TABLE ? rte->relid : InvalidOid;
}

static List *
add_routed_servers(List *servers, PlannedStmt *stmt, const Plan *plan)
{
	Oid			root;
	List	   *relids;
	List	   *routed;

	if (plan != NULL && IsA(plan, CustomScan))
		plan = plan->lefttree;	/* the guard's child */
	if (plan == NULL || !IsA(plan, ModifyTable))
		return servers;
	root = routed_root(stmt, (const ModifyTable *) plan);
	if (!OidIsValid(root))
		return servers;

	relids = find_all_inheritors(root, NoLock, NULL);
	routed = add_partition_servers(NIL, relids);
	if (routed == NIL || dsec_lineage_follows_rows(stmt, root, relids))
		return servers;

	return list_union(servers, routed);
}

List *
dsec_lineage_query_servers(const Query *query)
{
	List	   *servers = NIL;
	ListCell   *lc;

	if (query->resultRelation > 0)
	{
		RangeTblEntry *rte = rt_fetch(query->resultRelation, query->rtable);

		if (rte->relkind == RELKIND_FOREIGN_TABLE)
			servers = add_server(servers, rte->relid);
		if (rte->inh || rte->relkind == RELKIND_PARTITIONED_TABLE)
			servers = add_partition_servers(servers,
											find_all_inheritors(rte->relid, NoLock, NULL));
	}
	foreach(lc, query->cteList)
		servers = list_union(servers,
							 dsec_lineage_query_servers(castNode(Query,
																 lfirst_node(CommonTableExpr, lc)->ctequery)));

	return servers;
}

List *
dsec_lineage_target_servers(PlannedStmt *stmt)
{
	List	   *servers = NIL;
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), stmt->rtable);

		if (rte->relkind == RELKIND_FOREIGN_TABLE)
			servers = add_server(servers, rte->relid);
	}

	servers = add_routed_servers(servers, stmt, stmt->planTree);
	foreach(lc, stmt->subplans)
		servers = add_routed_servers(servers, stmt, lfirst(lc));

	return servers;
}
