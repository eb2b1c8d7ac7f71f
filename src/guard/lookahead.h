/*-------------------------------------------------------------------------
 *
 * lookahead.h
 *	  Keys of rows that a sequential scan is about to deliver.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_LOOKAHEAD_H
#define DSEC_LOOKAHEAD_H

#include "nodes/execnodes.h"

/* rows ahead */
#define DSEC_LOOKAHEAD_ROWS 8

/*
 * The column of the scanned table that is behind a position of the target list,
 * or 0 when the node is not a sequential scan of a heap.
 */
extern AttrNumber dsec_lookahead_column(PlanState *scan, AttrNumber position);

/*
 * The value of that column in the row that comes a few rows after the current
 * one.  False when it cannot be had cheaply.  A row that is looked at may still
 * be filtered out.
 */
extern bool dsec_lookahead_value(PlanState *scan, AttrNumber column,
								 Datum *value);

#endif							/* DSEC_LOOKAHEAD_H */
