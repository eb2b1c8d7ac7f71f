/*-------------------------------------------------------------------------
 *
 * set_analyze.c
 *	  ANALYZE of columns of dsec.subject_set.
 *
 * Without this, ANALYZE would compare sets with "=" to find frequent ones, and
 * fail for a column that holds sets made under different keys.  Nor shall the
 * catalog hold copies of sets.  So what is noted is how many are NULL, their
 * width, and that each is taken to be another.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(dsec_subject_set_analyze);

static void
compute_stats(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetch, int samplerows, double totalrows)
{
	int			nulls = 0;
	double		width = 0;

	for (int i = 0; i < samplerows; i++)
	{
		bool		isnull;
		Datum		set = fetch(stats, i, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			nulls++;
		else
			width += VARSIZE_ANY(DatumGetPointer(set));
	}
	if (samplerows == 0)
		return;

	stats->stats_valid = true;
	stats->stanullfrac = (float4) nulls / samplerows;
	stats->stawidth = nulls < samplerows ? (int32) (width / (samplerows - nulls)) : 0;
	stats->stadistinct = stats->stanullfrac - 1;
}

Datum
dsec_subject_set_analyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	if (!std_typanalyze(stats))
		PG_RETURN_BOOL(false);
	stats->compute_stats = compute_stats;
	PG_RETURN_BOOL(true);
}
