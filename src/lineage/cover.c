/*-------------------------------------------------------------------------
 *
 * cover.c
 *	  Make a plan count every tagged column it reads.
 *
 * Works on the finished plan, not on the query: the plan is the one that
 * PostgreSQL would run without dsec, functions are inlined, partitions are
 * expanded, and a plan that comes from a cache can be covered as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "lineage/cover.h"
#include "lineage/indexonly.h"
#include "lineage/plantree.h"
#include "lineage/ships.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static bool
has_index_only_scan(List *reads)
{
	ListCell   *lc;

	foreach(lc, reads)
	{
		if (IsA(((DsecRead *) lfirst(lc))->node, IndexOnlyScan))
			return true;
	}

	return false;
}

/* Columns that a scan must deliver so that its subjects can be counted. */
static List *
needed_columns(Index rti, void *arg)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, (List *) arg)
	{
		DsecCoverage *coverage = lfirst(lc);
		ListCell   *lg;

		if (coverage->read->rti != rti)
			continue;
		foreach(lg, coverage->groups)
			columns = list_concat_unique_int(columns,
											 ((DsecGroup *) lfirst(lg))->columns);
	}

	return columns;
}

static List *
find_coverages(List *reads)
{
	List	   *coverages = NIL;
	ListCell   *lc;

	foreach(lc, reads)
	{
		DsecCoverage *coverage = palloc0(sizeof(DsecCoverage));
		const DsecRelationTags *tags;

		coverage->read = lfirst(lc);
		tags = dsec_tag_relation(coverage->read->relid);
		if (tags)
			coverage->groups = dsec_lineage_groups(tags, coverage->read->attnos);
		coverages = lappend(coverages, coverage);
	}

	return coverages;
}

static List *
group_categories(List *groups)
{
	List	   *categories = NIL;
	ListCell   *lc;

	foreach(lc, groups)
	{
		ListCell   *lg;

		foreach(lg, ((DsecGroup *) lfirst(lc))->categories)
			if (!list_member(categories, lfirst(lg)))
				categories = lappend(categories, lfirst(lg));
	}

	return categories;
}

List *
dsec_lineage_read_private(Oid relid, const Bitmapset *attnos, List *groups,
						  DsecCover cover, const char *why)
{
	StringInfoData buf;
	int			attno = -1;
	const char *separator = "(";

	initStringInfo(&buf);
	appendStringInfoString(&buf,
						   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
													  get_rel_name(relid)));
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		appendStringInfo(&buf, "%s%s", separator,
						 quote_identifier(get_attname(relid, attno, false)));
		separator = ",";
	}
	appendStringInfoChar(&buf, ')');

	return list_make4(makeString(buf.data),
					  group_categories(groups),
					  makeInteger(cover),
					  makeString(pstrdup(why)));
}

static List *
read_private(const DsecCoverage *coverage)
{
	const DsecRead *read = coverage->read;
	DsecCover	cover = DSEC_COVER_SOURCE;

	if (coverage->traced)
		cover = DSEC_COVER_TRACED;
	else if (read->place == DSEC_READ_MODIFY)
		cover = DSEC_COVER_EXPRESSION;

	return dsec_lineage_read_private(read->relid, read->attnos,
									 coverage->groups, cover,
									 coverage->traced ? "" : coverage->why);
}

static List *
group_private(const DsecGroup *group)
{
	List	   *list;

	list = list_make5(makeString(group->space), group->categories,
					  group->populations, makeInteger(group->nkeys),
					  makeInteger(group->rowid));

	return lappend(lappend(list, group->positions), group->rtis);
}

void
dsec_lineage_cover(PlannedStmt *stmt, List *reads, uint64 query_id,
				   Plan *(*make_guard) (Plan *child, int plan_node_id,
										List *private))
{
	List	   *coverages;
	List	   *targets = dsec_lineage_targets(stmt, true);
	List	   *groups;
	List	   *private_groups = NIL;
	List	   *private_reads = NIL;
	ListCell   *lc;

	dsec_lineage_mark_shipped(stmt, reads);
	coverages = find_coverages(reads);
	if (has_index_only_scan(reads))
	{
		dsec_plan_widen_index_only(stmt, needed_columns, coverages);
		reads = dsec_lineage_reads(stmt);
		dsec_lineage_mark_shipped(stmt, reads);
		coverages = find_coverages(reads);
	}

	dsec_cover_find_absence(stmt, coverages);
	groups = dsec_cover_trace(stmt, coverages);

	foreach(lc, coverages)
	{
		DsecCoverage *coverage = lfirst(lc);

		if (!coverage->traced)
			dsec_cover_at_source(stmt, coverage);
		private_reads = lappend(private_reads, read_private(coverage));
	}
	foreach(lc, groups)
		private_groups = lappend(private_groups, group_private(lfirst(lc)));

	stmt->planTree = make_guard(stmt->planTree,
								dsec_plan_max_node_id(stmt) + 1,
								list_make4(private_groups, private_reads,
										   makeString(psprintf(UINT64_FORMAT,
															   query_id)),
										   targets));
}

void
dsec_lineage_cover_row_counts(PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, find_coverages(dsec_lineage_reads(stmt)))
	{
		DsecCoverage *coverage = lfirst(lc);

		if (coverage->read->place == DSEC_READ_SCAN)
			dsec_cover_row_count(stmt, coverage);
	}
}
