/*-------------------------------------------------------------------------
 *
 * plantree.h
 *	  Small helpers over finished plan trees, for the code that changes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_PLANTREE_H
#define DSEC_PLANTREE_H

#include "nodes/plannodes.h"

/*
 * Call visit for every child of a plan node: outer and inner child, members of
 * Append and the like, the plan below a subquery scan.  The child's pointer may
 * be replaced.  Plans of SubPlan expressions are not children; they are in
 * PlannedStmt.subplans.
 */
extern void dsec_plan_children(Plan *plan,
							   void (*visit) (Plan **child, void *arg),
							   void *arg);

/* Highest plan_node_id in use. */
extern int	dsec_plan_max_node_id(PlannedStmt *stmt);

/* Relation scanned by a scan node of a base relation, or 0. */
extern Index dsec_plan_scanrelid(Plan *plan);

/*
 * Position of an expression in the node's target list; appended, as junk, when
 * it is not there.
 */
extern int	dsec_plan_add_target(Plan *plan, Expr *expr);

/* A Var for the column of a child's target list. */
extern Var *dsec_plan_child_var(int varno, Plan *child, int position);

/* A column of the relation as a Var; NULL when it has no such column. */
extern Var *dsec_plan_relation_var(Index rti, Oid relid, AttrNumber attno);

#endif							/* DSEC_PLANTREE_H */
