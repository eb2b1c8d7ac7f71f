/*-------------------------------------------------------------------------
 *
 * reads.c
 *	  Every place in a finished plan that reads a tagged column (law L4).
 *
 * The answer of walk.c as a list of reads, and in words.  A plan whose range
 * table has no tagged relation is not walked at all.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/reads.h"

#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "lineage/verify.h"
#include "lineage/walk.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "tag/tag.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/*
 * Tagged columns by range table index (0 is unused), or NULL when there are
 * none.  The sets are copies, because the cache may go at any time.
 */
static Bitmapset **
tagged_columns(PlannedStmt *stmt)
{
	Bitmapset **tagged = NULL;
	Index		rti = 0;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const DsecRelationTags *tags;

		rti++;
		if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_NAMEDTUPLESTORE)
			continue;
		if (!OidIsValid(rte->relid))
			continue;

		/* a view is here for the sake of its privileges */
		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW)
			continue;

		tags = dsec_tag_relation(rte->relid);
		if (tags == NULL || bms_is_empty(tags->attnos))
			continue;
		if (tagged == NULL)
			tagged = palloc0(sizeof(Bitmapset *) *
							 (list_length(stmt->rtable) + 1));
		tagged[rti] = bms_copy(tags->attnos);
	}
	return tagged;
}

List *
dsec_lineage_reads(PlannedStmt *stmt)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	Bitmapset **tagged;
	DsecWalkResult *walked;
	List	   *reads = NIL;
	ListCell   *lc;

	if (stmt->commandType == CMD_UTILITY || stmt->planTree == NULL)
		return NIL;
	tagged = tagged_columns(stmt);
	if (tagged == NULL)
		return NIL;

	context = AllocSetContextCreate(caller, "dsec plan check",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	walked = dsec_walk_plan(stmt, tagged, dsec_lineage_charge_function(),
							NULL);
	MemoryContextSwitchTo(caller);

	foreach(lc, walked->sites)
	{
		DsecSite   *site = lfirst(lc);
		DsecRead   *read;
		Bitmapset  *attnos = NULL;
		bool		leaky = false;
		int			origin = site->first;
		int			attno = -1;

		while ((attno = bms_next_member(site->attnos, attno)) >= 0)
		{
			if (bms_is_member(origin, walked->used))
				attnos = bms_add_member(attnos, attno);
			if (bms_is_member(origin, walked->shown))
				leaky = true;
			origin++;
		}
		if (attnos == NULL)
			continue;

		read = palloc0(sizeof(DsecRead));
		read->place = site->place;
		read->node = site->node;
		read->rti = site->rti;
		read->relid = rt_fetch(site->rti, stmt->rtable)->relid;
		read->attnos = attnos;
		read->leaky = leaky;
		reads = lappend(reads, read);
	}
	MemoryContextDelete(context);

	return reads;
}

/* ----------------------------------------------------------------
 * in words
 * ----------------------------------------------------------------
 */

static const char *
node_name(Plan *node)
{
	switch (nodeTag(node))
	{
		case T_SeqScan:
			return "Seq Scan";
		case T_SampleScan:
			return "Sample Scan";
		case T_IndexScan:
			return "Index Scan";
		case T_IndexOnlyScan:
			return "Index Only Scan";
		case T_BitmapHeapScan:
			return "Bitmap Heap Scan";
		case T_TidScan:
			return "Tid Scan";
		case T_TidRangeScan:
			return "Tid Range Scan";
		case T_NamedTuplestoreScan:
			return "Named Tuplestore Scan";
		case T_ForeignScan:
			return "Foreign Scan";
		case T_CustomScan:
			return "Custom Scan";
		case T_ModifyTable:
			switch (((ModifyTable *) node)->operation)
			{
				case CMD_INSERT:
					return "Insert";
				case CMD_UPDATE:
					return "Update";
				case CMD_DELETE:
					return "Delete";
				default:
					return "Merge";
			}
		default:
			return "unknown node";
	}
}

typedef struct UsesContext
{
	const DsecRead *read;
	bool		uses;
} UsesContext;

static bool
uses_walker(Node *node, void *context)
{
	UsesContext *uses = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if ((Index) var->varno == uses->read->rti &&
			(var->varattno == InvalidAttrNumber ||
			 (var->varattno > 0 &&
			  bms_is_member(var->varattno, uses->read->attnos))))
			uses->uses = true;
		return uses->uses;
	}
	if (IsA(node, WithCheckOption))
		return uses_walker(((WithCheckOption *) node)->qual, context);
	if (IsA(node, MergeAction))
		return uses_walker(((MergeAction *) node)->qual, context) ||
			uses_walker((Node *) ((MergeAction *) node)->targetList, context);
	return expression_tree_walker(node, uses_walker, context);
}

static void
append_clause(StringInfo buf, bool *first, const DsecRead *read,
			  const char *clause, void *expr1, void *expr2)
{
	UsesContext uses = {read, false};

	(void) uses_walker(expr1, &uses);
	(void) uses_walker(expr2, &uses);
	if (uses.uses)
	{
		appendStringInfo(buf, "%s%s", *first ? "" : " and ", clause);
		*first = false;
	}
}

char *
dsec_lineage_describe(PlannedStmt *stmt, const DsecRead *read)
{
	StringInfoData buf;
	bool		first = true;
	int			attno = -1;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s(",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(read->relid)),
												get_rel_name(read->relid)));
	while ((attno = bms_next_member(read->attnos, attno)) >= 0)
	{
		appendStringInfo(&buf, "%s%s", first ? "" : ", ",
						 quote_identifier(get_attname(read->relid, attno, false)));
		first = false;
	}
	appendStringInfoString(&buf, ") read by ");

	if (read->place == DSEC_READ_MODIFY)
	{
		ModifyTable *modify = (ModifyTable *) read->node;

		first = true;
		append_clause(&buf, &first, read, "MERGE", modify->mergeActionLists,
					  DSEC_MERGE_JOIN_CONDITIONS(modify));
		if (modify->onConflictAction == ONCONFLICT_UPDATE)
		{
			/* takes over the whole row in conflict */
			appendStringInfoString(&buf, "ON CONFLICT");
			first = false;
		}
		append_clause(&buf, &first, read, "WITH CHECK OPTION",
					  modify->withCheckOptionLists, NULL);
		append_clause(&buf, &first, read, "RETURNING", modify->returningLists,
					  NULL);
		appendStringInfoString(&buf, first ? "expressions of " : " of ");
	}
	else if (read->place == DSEC_READ_OPAQUE)
		appendStringInfoString(&buf, "opaque ");

	appendStringInfoString(&buf, node_name(read->node));
	if (read->leaky)
		appendStringInfoString(&buf, ", leaky");

	return buf.data;
}
