/*-------------------------------------------------------------------------
 *
 * ships.c
 *	  To whom a plan sends tagged data while it runs.
 *
 * What a foreign scan puts into the query of the other server, and what is
 * handed to a function that sends data away, leaves while the plan runs, before
 * a row comes up to the guard.  Such a read is charged where it happens, as if a
 * function showed it.
 *
 * What is sent is for copies.c to say.  That is a walk over the plan, and most
 * plans are spared it by a look at the query.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/ships.h"

#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/reads.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "tag/egress.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* ---- a look at the query ---- */

static bool
sends(Oid function, void *context)
{
	return dsec_egress_is(function);
}

static bool
may_ship_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		ListCell   *lc;

		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			/* children are known when the plan is */
			if (rte->rtekind == RTE_RELATION &&
				rte->relkind == RELKIND_FOREIGN_TABLE)
				return true;
		}
		return query_tree_walker(query, may_ship_walker, context, 0);
	}
	if (check_functions_in_node(node, sends, context))
		return true;
	if (IsA(node, CoerceToDomain) &&
		DomainHasConstraints(((CoerceToDomain *) node)->resulttype))
		return true;

	return expression_tree_walker(node, may_ship_walker, context);
}

bool
dsec_lineage_may_ship(Query *query)
{
	return may_ship_walker((Node *) query, NULL);
}

static bool
has_foreign_table(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION &&
			rte->relkind == RELKIND_FOREIGN_TABLE)
			return true;
	}

	return false;
}

/* Functions that are not built in; they may have been inlined. */
static bool
depends_on_function(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->invalItems)
	{
		if (((PlanInvalItem *) lfirst(lc))->cacheId == PROCOID)
			return true;
	}

	return false;
}

bool
dsec_lineage_plan_may_ship(const PlannedStmt *stmt, bool query)
{
	return (query || has_foreign_table(stmt) || depends_on_function(stmt)) &&
		dsec_lineage_mentions_tagged(stmt);
}

/* ---- targets ---- */

static List *
add_target(List *targets, const char *channel, const char *target)
{
	List	   *pair = list_make2(makeString(pstrdup(channel)),
								  makeString(pstrdup(target)));

	return list_member(targets, pair) ? targets : lappend(targets, pair);
}

List *
dsec_lineage_server_targets(List *servers)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, servers)
		targets = add_target(targets, "fdw", strVal(lfirst(lc)));

	return targets;
}

/*
 * A function that gets only a parameter is a target where another function gets
 * tagged columns: that one might call it, and nobody would see who does.
 */
static bool
is_target(const DsecShip *ship, bool has_leaky)
{
	return ship->reads != NIL || (OidIsValid(ship->function) && has_leaky);
}

static bool
any_leaky(PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, dsec_lineage_reads(stmt))
	{
		if (((DsecRead *) lfirst(lc))->leaky)
			return true;
	}

	return false;
}

static List *
add_ships(List *targets, PlannedStmt *stmt)
{
	List	   *ships;
	bool		has_leaky;
	ListCell   *lc;

	if (!dsec_lineage_mentions_tagged(stmt))
		return targets;
	dsec_egress_require();
	ships = dsec_lineage_ships(stmt, dsec_egress_is, false, NULL);
	has_leaky = ships != NIL && any_leaky(stmt);

	foreach(lc, ships)
	{
		DsecShip   *ship = lfirst(lc);

		if (!is_target(ship, has_leaky))
			continue;
		if (OidIsValid(ship->server))
			targets = add_target(targets, "fdw",
								 GetForeignServer(ship->server)->servername);
		else
		{
			const DsecEgress *egress = dsec_egress_function(ship->function);

			/* it was in the catalogue a moment ago */
			if (egress)
				targets = add_target(targets, egress->channel, egress->target);
		}
	}

	return targets;
}

List *
dsec_lineage_targets(PlannedStmt *stmt, bool ships)
{
	List	   *targets = NIL;

	if (stmt->resultRelations != NIL)
		targets = dsec_lineage_server_targets(dsec_lineage_target_servers(stmt));

	return ships ? add_ships(targets, stmt) : targets;
}

void
dsec_lineage_mark_shipped(PlannedStmt *stmt, List *reads)
{
	ListCell   *ls;

	foreach(ls, dsec_lineage_ships(stmt, dsec_egress_is, false, NULL))
	{
		ListCell   *lr;

		foreach(lr, ((DsecShip *) lfirst(ls))->reads)
		{
			DsecRead   *shipped = lfirst(lr);
			ListCell   *lc;

			foreach(lc, reads)
			{
				DsecRead   *read = lfirst(lc);

				if (read->node == shipped->node && read->rti == shipped->rti &&
					read->place == shipped->place)
					read->leaky = true;
			}
		}
	}
}
