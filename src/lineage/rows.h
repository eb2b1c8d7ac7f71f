/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  Which rows of tagged relations a row of the plan is made of, and which
 *	  of its columns are unchanged columns of theirs.
 *
 * Private to the analysis of copies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_ROWS_H
#define DSEC_ROWS_H

#include "lineage/copies.h"

typedef struct DsecRowFlow DsecRowFlow;
typedef struct DsecRowTarget DsecRowTarget;

extern DsecRowFlow *dsec_rows_begin(PlannedStmt *stmt);

/*
 * The range table entry that stands for this one: of the members of an
 * inheritance tree whose tags say the same, the topmost.
 */
extern Index dsec_rows_root(DsecRowFlow *flow, Index rti);

/* A column's number in the relation that it is inherited from, by name. */
extern AttrNumber dsec_rows_root_attno(Oid relid, Oid root, AttrNumber attno);

/* How many attributes the relation has, dropped ones included. */
extern int	dsec_rows_natts(Oid relid);

/*
 * The rows that a ModifyTable writes into the relation (also those of the
 * members of its inheritance tree); with no node, the rows that come out of the
 * plan.
 */
extern DsecRowTarget *dsec_rows_target(DsecRowFlow *flow, ModifyTable *node,
									   Oid relid);

/*
 * May a value of the column be made of several rows?  relations are the entries
 * (see dsec_rows_root) of those that it is made of.
 */
extern bool dsec_rows_merged(DsecRowTarget *target, AttrNumber attno,
							 Bitmapset **relations);

/* Fill in keys and populations of the copy, in the given context. */
extern void dsec_rows_find_key(DsecRowTarget *target, DsecCopy *copy,
							   MemoryContext context);

#endif							/* DSEC_ROWS_H */
