/*-------------------------------------------------------------------------
 *
 * holdings.h
 *	  What this database holds: dsec.refresh_holdings() and its parts.
 *	  Internal to the policy module.
 *
 * A *cell* is (categories, space, outside): the subjects about whom a row
 * holds just these categories, and which are known not to belong to these
 * populations.  A row adds each of its subjects to one cell.  What a category
 * comes to, for a rule, is a union of cells.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_HOLDINGS_H
#define DSEC_HOLDINGS_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* -------------------------------------------------------------------------
 * holdings_set.c: an exact set of 64-bit values that knows what is new in it
 * ------------------------------------------------------------------------- */

typedef struct DsecHoldingSet DsecHoldingSet;

extern DsecHoldingSet *dsec_holdings_set_create(MemoryContext context);

extern void dsec_holdings_set_add(DsecHoldingSet *set, uint64 value);

/* Number of distinct values. */
extern uint64 dsec_holdings_set_count(DsecHoldingSet *set);

/*
 * Values that were not there when this was asked last, each once; their memory
 * is the set's, and valid until the next call of any of these functions.
 */
extern const uint64 *dsec_holdings_set_news(DsecHoldingSet *set, uint64 *n);

/* Every value; start with *position = 0.  False at the end. */
extern bool dsec_holdings_set_next(DsecHoldingSet *set, uint64 *position, uint64 *value);

extern void dsec_holdings_set_free(DsecHoldingSet *set);

/* -------------------------------------------------------------------------
 * One run
 * ------------------------------------------------------------------------- */

typedef struct DsecHoldingCell
{
	char	   *identity;		/* all of the following, as one text */
	int			ncategories;
	char	  **categories;		/* sorted */
	char	   *space;
	int			noutside;
	char	  **outside;		/* sorted */
	DsecHoldingSet *integers;	/* subjects whose key is one integer, as such */
	DsecHoldingSet *hashes;		/* the others, and what an earlier call counted */
} DsecHoldingCell;

/* columns of one category and space in a table */
typedef struct DsecHoldingColumns
{
	char	   *category;
	char	   *space;
	int			columns;
} DsecHoldingColumns;

/* what counting one table came to; in the context it was counted in */
typedef struct DsecHoldingTable
{
	Oid			relid;
	char	   *name;			/* NULL: there is no such table, or no tag on it */
	int64		bytes;
	int64		rows;
	TimestampTz counted;
	uint64		tags;			/* number that changes with the tags */
	char	   *problem;		/* NULL, or why it is not counted in full */
	List	   *columns;		/* DsecHoldingColumns */
} DsecHoldingTable;

typedef struct DsecHoldings
{
	MemoryContext context;		/* lives as long as the call */
	int64		id;				/* of the run */
	Oid			owner;			/* of the extension's tables */
	const uint8 *key;
	List	   *cells;			/* DsecHoldingCell */
	List	   *done;			/* OIDs of tables that an earlier call counted */
	struct DsecKeyHasher *integer_hasher;
	int			ndone;			/* tables counted so far, in all calls */
	int			nproblems;		/* of these, not in full */
} DsecHoldings;

/* holdings.c */

/* The cell, made when it is new.  The names are copied. */
extern DsecHoldingCell *dsec_holdings_cell(DsecHoldings *holdings,
										   int ncategories, char **categories,
										   const char *space,
										   int noutside, char **outside);

/* The keyed hash of a subject whose key is one integer. */
extern uint64 dsec_holdings_hash_integer(const DsecHoldings *holdings, uint64 integer);

/* Run SQL on the extension's tables, as their owner; returns as SPI_execute. */
extern int	dsec_holdings_execute(const DsecHoldings *holdings, const char *sql,
								  int nargs, Oid *types, Datum *values, const char *nulls);

/* names as text[], and back; in the current context */
extern Datum dsec_holdings_names(int n, char **names);
extern int	dsec_holdings_read_names(Datum array, char ***names);

/* holdings_scan.c */

/*
 * Count one table into the cells.  Raises whatever reading it raises; what was
 * added to the cells until then stays there.
 */
extern void dsec_holdings_scan(DsecHoldings *holdings, DsecHoldingTable *table);

/* Number that changes with the tags of a relation; 0: nothing is tagged. */
extern uint64 dsec_holdings_tags(Oid relid);

/* OIDs of the tables that hold tagged data; in the current context. */
extern List *dsec_holdings_tables(void);

/* holdings_result.c: write dsec.holding from the cells */
extern void dsec_holdings_conclude(DsecHoldings *holdings);

/* -------------------------------------------------------------------------
 * holdings_progress.c
 * ------------------------------------------------------------------------- */

extern void dsec_policy_init_holdings(void);

extern void dsec_holdings_progress_start(int64 run, int tables);
extern void dsec_holdings_progress_table(Oid relid, int done, int64 pages);
extern void dsec_holdings_progress_pages(int64 pages, int64 rows);
extern void dsec_holdings_progress_end(void);

#endif							/* DSEC_HOLDINGS_H */
