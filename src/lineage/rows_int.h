/*-------------------------------------------------------------------------
 *
 * rows_int.h
 *	  Between the files of the row analysis: rows.c, rows_cell.c, rows_target.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_ROWS_INT_H
#define DSEC_ROWS_INT_H

#include "lineage/rows.h"

/*
 * What one column of one kind of row is made of.  Rows are numbered: one number
 * for what a row of a range table entry, read at one place, contributes to the
 * same row of the plan.
 */
typedef struct DsecCell
{
	Bitmapset  *rows;			/* of tagged relations, whatever column */
	Bitmapset  *params;			/* parameters of nested loops not yet resolved */
	bool		merged;			/* of several rows with one number, or unknown */
	int			row;			/* unchanged column of this row, of any
								 * relation; 0: of none */
	AttrNumber	attno;			/* which, numbered as in the root */
	int			param;			/* unchanged parameter; -1: none */
} DsecCell;

/*
 * Unchanged columns that are equal where both rows exist; which of the rows
 * exist whenever the other does.
 */
typedef struct DsecPair
{
	DsecCell	left;
	DsecCell	right;
	bool		left_sure;
	bool		right_sure;
} DsecPair;

/* One kind of row: those of one branch of a union, for instance. */
typedef struct DsecBranch
{
	int			ncells;
	DsecCell   *cells;
	Bitmapset  *members;		/* every row that was read, tagged or not */
	List	   *pairs;			/* of DsecPair */
	Bitmapset  *assigned;		/* attnos, in rows that are written */
} DsecBranch;

/* how the Vars of an expression are resolved */
typedef struct DsecRowScope
{
	DsecBranch *outer;
	DsecBranch *inner;
	DsecBranch *index;
	Index		scanrti;
	DsecBranch *source;			/* scanned are a subplan's columns */
	DsecCell   *values;			/* scanned are values made of this */
	bool		modify;			/* Vars of any relation are of the row written */
} DsecRowScope;

typedef struct DsecRowNumber
{
	Index		rti;			/* the root's */
	Plan	   *reader;			/* of a CTE, NULL for the scan itself */
	int			base;			/* number inside the CTE */
} DsecRowNumber;

struct DsecRowFlow
{
	PlannedStmt *stmt;
	Index	   *roots;			/* by range table index; 0: not known yet */
	Index	   *parents;		/* in inheritance trees, or 0 */
	DsecCell  **params;			/* values of subqueries; NULL: not known */
	List	   *numbers;		/* of DsecRowNumber; the first is row 1 */
	List	  **subplans;		/* branches of CTEs, by plan id; NULL: unknown */
};

/* more kinds of rows than this are not told apart */
#define DSEC_MAX_BRANCHES 64

extern const DsecCell dsec_rows_empty;
extern const DsecCell dsec_rows_unknown;

/* ----------------------------------------------------------------
 * rows_cell.c
 * ----------------------------------------------------------------
 */

/* Tags of what the entry hands out; NULL: none.  Belongs to the tag cache. */
extern const DsecRelationTags *dsec_rows_tags(DsecRowFlow *flow, Index rti);

extern int	dsec_rows_take_number(DsecRowFlow *flow, Index rti, Plan *reader,
								  int base);

/* A column of a row of the relation; a whole row is no unchanged column. */
extern DsecCell dsec_rows_relation(DsecRowFlow *flow, Index rti,
								   AttrNumber attno);

/* An expression, a target list; of a branch, one column. */
extern DsecCell dsec_rows_cell(DsecRowFlow *flow, DsecRowScope *scope,
							   Node *expr);
extern DsecCell dsec_rows_mix_of(DsecRowFlow *flow, DsecRowScope *scope,
								 Node *expr);
extern DsecBranch *dsec_rows_project(DsecRowFlow *flow, DsecRowScope *scope,
									 List *targetlist);
extern DsecCell dsec_rows_column(DsecBranch *branch, AttrNumber attno);

/* Parameters that the plan sets from scalar subqueries. */
extern void dsec_rows_note_subqueries(DsecRowFlow *flow, DsecRowScope *scope,
									  List *subplans);

/* Add what one cell is made of to another; the sum is no unchanged column. */
extern void dsec_rows_mix(DsecCell *into, const DsecCell *cell);

extern DsecBranch *dsec_rows_new_branch(int ncells);

/* Add a kind of row, unless there is one like it. */
extern List *dsec_rows_add(List *branches, DsecBranch *branch);

/* Rows of which nothing is known; too many kinds of rows become that. */
extern List *dsec_rows_unknown_list(int ncells);
extern List *dsec_rows_limit(List *branches, int ncells);

/* Note which columns the quals make equal in the branch. */
extern void dsec_rows_note_equal(DsecRowFlow *flow, DsecRowScope *scope,
								 List *quals, DsecBranch *branch);

/*
 * Is the cell this column of the row, or equal to it, whenever there is that
 * row?  exists: the cell's row is known to be there.
 */
extern bool dsec_rows_is_column(const DsecBranch *branch, const DsecCell *cell,
								int row, AttrNumber attno, bool exists);

/* Rows of these, of another branch, may be missing. */
extern void dsec_rows_missing(DsecBranch *branch, const Bitmapset *members);

/* ----------------------------------------------------------------
 * rows.c
 * ----------------------------------------------------------------
 */

/* The kinds of rows that come out of a node. */
extern List *dsec_rows_of(DsecRowFlow *flow, Plan *plan);

static inline DsecRowNumber *
dsec_rows_number(DsecRowFlow *flow, int row)
{
	return list_nth(flow->numbers, row - 1);
}

#endif							/* DSEC_ROWS_INT_H */
