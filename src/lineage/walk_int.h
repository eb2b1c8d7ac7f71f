/*-------------------------------------------------------------------------
 *
 * walk_int.h
 *	  Between the files of the plan walk: walk.c, walk_scan.c, walk_upper.c,
 *	  walk_target.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_WALK_INT_H
#define DSEC_WALK_INT_H

#include "lineage/flow.h"
#include "lineage/walk.h"
#include "utils/hsearch.h"

/* what is known about one plan node */
typedef struct DsecNodeFlow
{
	Plan	   *node;			/* hash key */
	int			pass;			/* last pass that came here */
	int			ncolumns;
	Bitmapset **columns;
	Bitmapset  *control;		/* decided which rows come out */
	Bitmapset  *context;		/* decided whether the node runs */
} DsecNodeFlow;

/* how the Vars of an expression are resolved */
typedef struct DsecScope
{
	Plan	   *node;
	DsecNodeFlow *outer;
	DsecNodeFlow *inner;
	DsecNodeFlow *index;		/* what INDEX_VAR refers to */
	DsecNodeFlow *self;			/* own columns: varno 0 in run conditions */
	Index		scanrti;		/* the entry that is scanned, 0 for none */
	DsecNodeFlow *source;			/* scanned are a subplan's columns */
	Bitmapset  *values;			/* scanned are values made of these */
	int			place;			/* else scanned is a relation: DsecReadPlace */
	bool		modify;			/* Vars of any relation are of this node */
} DsecScope;

typedef struct DsecWalk
{
	DsecFlow	flow;			/* must be first */
	PlannedStmt *stmt;
	Index		nrelations;
	Bitmapset **tagged;
	HTAB	   *nodes;
	HTAB	   *sites;
	int			norigins;
	int			pass;
	bool		changed;
	int			nparams;
	Bitmapset **params;
	Bitmapset  *failing;		/* parameters set by scalar subqueries */
	DsecNodeFlow **worktables;	/* by the parameter that names them */
	Plan	   *blind;			/* a node that may read what it does not say */
	DsecScope  *scope;
	const DsecWalkCopies *copies;	/* NULL: only reads */
	DsecWalkResult *result;
} DsecWalk;

/* ----------------------------------------------------------------
 * walk.c: what every node needs
 *
 * Sets of origins are shared and never changed in place.
 * ----------------------------------------------------------------
 */

/* Add origins to a set that the walk keeps; notes when it grew. */
extern void dsec_walk_merge(DsecWalk *walk, Bitmapset **into,
							Bitmapset *origins);

/* These origins are used; these may show. */
extern void dsec_walk_use(DsecWalk *walk, Bitmapset *origins);
extern void dsec_walk_show(DsecWalk *walk, Bitmapset *origins);

/* The place where a node hands out a tagged relation, made when it is new. */
extern DsecSite *dsec_walk_site(DsecWalk *walk, Plan *node, Index rti,
								int place);

/* Origins of one attribute of a site; attribute 0 is the whole row. */
extern Bitmapset *dsec_walk_site_origins(DsecSite *site, AttrNumber attno);

/* Every tagged column of one relation, used in a way that cannot be seen. */
extern Bitmapset *dsec_walk_opaque(DsecWalk *walk, Plan *node, Index rti);

/* Nothing is known: every tagged column of the plan is used, and may show. */
extern Bitmapset *dsec_walk_everything(DsecWalk *walk, Plan *node);

extern DsecNodeFlow *dsec_walk_new_flow(int ncolumns);
extern Bitmapset *dsec_walk_all_columns(DsecNodeFlow *node);

/* A column by number; a whole row, or a number out of range, is all of them. */
extern Bitmapset *dsec_walk_column(DsecNodeFlow *node, AttrNumber attno);

/* Origins of an expression's value, without and with using it. */
extern Bitmapset *dsec_walk_eval(DsecWalk *walk, DsecScope *scope, void *expr,
								 Bitmapset *control);
extern Bitmapset *dsec_walk_eval_used(DsecWalk *walk, DsecScope *scope,
									  void *expr, Bitmapset *control);

/* Quals: used, and added to the control of all that comes after them. */
extern Bitmapset *dsec_walk_filter(DsecWalk *walk, DsecScope *scope,
								   List *quals, Bitmapset *control);

/* Target list, and the control of what comes out. */
extern void dsec_walk_project(DsecWalk *walk, DsecScope *scope,
							  DsecNodeFlow *node, Bitmapset *control);

/*
 * Keys that a node sorts, groups or hashes its child's rows by: used, shown to
 * their operators, and in control of what comes out.
 */
extern Bitmapset *dsec_walk_keys(DsecWalk *walk, Plan *childplan,
								 DsecNodeFlow *child, int nkeys,
								 AttrNumber *columns, Oid *operators,
								 Bitmapset *control);

/* A node with all below it; context decided whether it runs at all. */
extern DsecNodeFlow *dsec_walk_node(DsecWalk *walk, Plan *plan,
									Bitmapset *context);

/* ----------------------------------------------------------------
 * walk_scan.c and walk_upper.c: kinds of nodes
 * ----------------------------------------------------------------
 */

extern void dsec_walk_relation_scan(DsecWalk *walk, DsecNodeFlow *node,
									DsecScope *scope, Bitmapset *control);
extern void dsec_walk_foreign_scan(DsecWalk *walk, DsecNodeFlow *node,
								   DsecScope *scope, Bitmapset *control);
extern void dsec_walk_custom_scan(DsecWalk *walk, DsecNodeFlow *node,
								  DsecScope *scope, Bitmapset *control);
extern void dsec_walk_value_scan(DsecWalk *walk, DsecNodeFlow *node,
								 DsecScope *scope, Bitmapset *control);

extern void dsec_walk_join(DsecWalk *walk, DsecNodeFlow *node,
						   DsecScope *scope, Bitmapset *control);
extern void dsec_walk_append(DsecWalk *walk, DsecNodeFlow *node,
							 List *children, Bitmapset *control);
extern void dsec_walk_recursive_union(DsecWalk *walk, DsecNodeFlow *node,
									  Bitmapset *control);
extern void dsec_walk_modify(DsecWalk *walk, DsecNodeFlow *node,
							 DsecScope *scope, Bitmapset *control);
extern void dsec_walk_upper(DsecWalk *walk, DsecNodeFlow *node,
							DsecScope *scope, Bitmapset *control);

/* ----------------------------------------------------------------
 * walk_target.c: only when copies are asked for; nothing otherwise
 * ----------------------------------------------------------------
 */

/* Origins of some row's column that nobody tagged. */
extern Bitmapset *dsec_walk_some_row(DsecWalk *walk);

/* What the ModifyTable puts into the column of a result relation. */
extern Bitmapset *dsec_walk_new_value(DsecWalk *walk, Plan *node, Index rti,
									  AttrNumber attno);

/* The rows a ModifyTable writes; child are the rows it is given. */
extern void dsec_walk_targets(DsecWalk *walk, ModifyTable *modify,
							  DsecScope *scope, DsecNodeFlow *child,
							  Bitmapset *control);

/* Values that a foreign scan sends, or a call of a function gets. */
extern void dsec_walk_ship(DsecWalk *walk, Oid server, Oid function,
						   Bitmapset *values, Bitmapset *control);

/*
 * External parameters in the text that a foreign scan sends, where they stand
 * as constants; visible: the plan has what was made of it.
 */
extern Bitmapset *dsec_walk_sent_params(DsecWalk *walk, DsecScope *scope,
										ForeignScan *scan, bool visible);

/* Install the callbacks that copies need. */
extern void dsec_walk_want_copies(DsecWalk *walk, const DsecWalkCopies *copies);

/* What a window function looks at besides its arguments. */
extern Bitmapset *dsec_walk_frame(DsecWalk *walk, WindowAgg *agg,
								  DsecScope *scope, Bitmapset *control);

#endif							/* DSEC_WALK_INT_H */
