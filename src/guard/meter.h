/*-------------------------------------------------------------------------
 *
 * meter.h
 *	  Counts the subjects of one group, row by row.
 *
 * A *meter* belongs to one group of one plan: to the guard for traced groups,
 * to a call of dsec.charge for those charged at the source.  Meters that count
 * the same kind of subject for the same recipients share a session-local
 * *tally*: the charger of the policy module, and the cache of keys known to be
 * charged today.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_METER_H
#define DSEC_METER_H

#include "executor/tuptable.h"
#include "guard/export.h"

typedef struct DsecMeter DsecMeter;

/*
 * A meter in the current memory context, which keeps the strings given; types
 * are those of the key columns.  at_source: every row that is metered exists, so
 * one without key is a subject of its own even where rowid is not given.
 */
extern DsecMeter *dsec_meter_create(const char *space,
									int ncategories, const char **categories,
									int npopulations, const char **populations,
									int nkeys, bool rowid, bool at_source,
									const Oid *types, const Oid *collations);

/*
 * Count one row for several meters at once: all its subjects are charged, or
 * none, and DS001 is raised.  values[i] and nulls[i] are the columns of meter i
 * in the order of groups.h.  Raises DS003.
 */
extern void dsec_meter_row(DsecRun *run, DsecMeter **meters, int n,
						   Datum **values, bool **nulls);

/*
 * Is this a meter of one integer key without anything else, and the key both
 * charged and seen by this export?  Then there is nothing to do.
 */
extern bool dsec_meter_knows(DsecRun *run, DsecMeter *meter, Datum key);

/*
 * A row with this key will come soon: have its place in the ledger fetched into
 * the processor's cache.  For simple meters.
 */
extern void dsec_meter_expect(DsecRun *run, DsecMeter *meter, Datum key);

/*
 * Forget what was known when the day or the rules have changed.  To be called
 * now and then during a long run.
 */
extern void dsec_meter_refresh(void);

/* Can dsec_meter_knows be asked? */
extern bool dsec_meter_is_simple(const DsecMeter *meter);

#endif							/* DSEC_METER_H */
