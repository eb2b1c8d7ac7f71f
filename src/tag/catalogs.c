/*-------------------------------------------------------------------------
 *
 * catalogs.c
 *	  System catalogs that quote values of tagged columns.
 *
 * Statistics hold the most frequent values of a column and its histogram: of a
 * genome or an account number, that is the number of somebody.  Nobody's key
 * stands beside it, so it cannot be counted.  In a database with tags these
 * columns are therefore tagged with a problem: whoever counts and reads them
 * fails closed.  Their other columns are as free as ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_statistic_d.h"
#include "catalog/pg_statistic_ext_data_d.h"
#include "tag/effective.h"
#include "tag/tag.h"
#include "utils/memutils.h"

#define STATISTICS "Statistics quote values of tagged columns, and do not tell whose they are."

static DsecTaggedColumn columns[] = {
	{.attno = Anum_pg_statistic_stavalues1},
	{.attno = Anum_pg_statistic_stavalues2},
	{.attno = Anum_pg_statistic_stavalues3},
	{.attno = Anum_pg_statistic_stavalues4},
	{.attno = Anum_pg_statistic_stavalues5}
};

static DsecTaggedColumn ext_columns[] = {
	{.attno = Anum_pg_statistic_ext_data_stxdmcv},
	{.attno = Anum_pg_statistic_ext_data_stxdexpr}
};

static DsecRelationTags statistic = {
	.relid = StatisticRelationId,
	.ncolumns = lengthof(columns),
	.columns = columns
};

static DsecRelationTags statistic_ext_data = {
	.relid = StatisticExtDataRelationId,
	.ncolumns = lengthof(ext_columns),
	.columns = ext_columns
};

static void
complete(DsecRelationTags *tags)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Bitmapset  *attnos = NULL;

	for (int i = 0; i < tags->ncolumns; i++)
	{
		DsecTaggedColumn *column = &tags->columns[i];

		column->category = "statistics";
		column->tag = "statistics";
		column->problem = STATISTICS;
		attnos = bms_add_member(attnos, column->attno);
	}
	tags->attnos = attnos;
	MemoryContextSwitchTo(old);
}

const DsecRelationTags *
dsec_tag_catalog(Oid relid)
{
	DsecRelationTags *tags;

	if (relid == StatisticRelationId)
		tags = &statistic;
	else if (relid == StatisticExtDataRelationId)
		tags = &statistic_ext_data;
	else
		return NULL;

	if (!dsec_tag_database())
		return NULL;
	if (tags->attnos == NULL)
		complete(tags);

	return tags;
}
