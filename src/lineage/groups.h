/*-------------------------------------------------------------------------
 *
 * groups.h
 *	  How a plan says whose data its rows carry.
 *
 * A *group* is one kind of subject that a row may be about: the subject key of
 * one relation of the query, with the categories of the tagged columns that
 * the plan reads from it.  Its columns are, in this order,
 *
 *		key columns (nkeys of them)
 *		one boolean column for each population (in_scope)
 *		ctid and tableoid, when "rowid" is set
 *
 * "rowid" is set when the key may be NULL in a row that exists, or when there
 * is no key: then a NULL ctid, and otherwise any NULL key column, tells that
 * there is no row at all (the null-extended side of an outer join, another
 * branch of a UNION ALL).
 *
 * A group that is *traced* travels with the row to the guard at the top of the
 * plan: "positions" are its columns' places in the guard's target list.  A
 * group that is *charged at the source* is the argument list of a call of
 *
 *		dsec.charge(space text, categories text[], populations text[],
 *					nkeys int4, rowid bool, VARIADIC "any") -> bool
 *
 * in the quals of the scan, whose variadic arguments are the columns, as Vars
 * of the scan.  There, a NULL key without rowid (a foreign table, a transition
 * table) makes the row a subject of its own; a call for a foreign table that has
 * no columns to pass gets its tableoid, so that it is one of that scan.  The call is a FuncExpr with funcformat COERCE_SQL_SYNTAX and
 * funcvariadic false, which no SQL text can produce for this function.  In
 * RETURNING, ON CONFLICT and MERGE expressions every Var of a tagged column
 * stands inside CASE WHEN dsec.charge(...) THEN var END.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_GROUPS_H
#define DSEC_GROUPS_H

#include "nodes/extensible.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/plannodes.h"
#include "tag/tag.h"

#define DSEC_GUARD_NAME "DsecGuard"

/* place of the first column among the arguments of dsec.charge */
#define DSEC_CHARGE_FIRST_COLUMN 5

/* custom_private of the guard: a List indexed by this */
typedef enum DsecGuardPrivate
{
	DSEC_GUARD_GROUPS,			/* List of groups, traced ones only */
	DSEC_GUARD_READS,			/* List of reads, for EXPLAIN and the record */
	DSEC_GUARD_QUERY_ID,		/* String: decimal, "0" when not known */
	DSEC_GUARD_TARGETS,			/* List of targets (ships.h) that the plan
								 * writes rows or sends values to */
	DSEC_GUARD_PRIVATE_LENGTH
} DsecGuardPrivate;

/* a traced group in custom_private: a List indexed by this */
typedef enum DsecGroupPrivate
{
	DSEC_GROUP_SPACE,			/* String */
	DSEC_GROUP_CATEGORIES,		/* List of String, sorted, distinct */
	DSEC_GROUP_POPULATIONS,		/* List of String */
	DSEC_GROUP_NKEYS,			/* Integer */
	DSEC_GROUP_ROWID,			/* Integer, 0 or 1 */
	DSEC_GROUP_POSITIONS,		/* IntList, 1-based */
	DSEC_GROUP_RTIS,			/* IntList: range table entries whose scans it
								 * covers */
	DSEC_GROUP_LENGTH
} DsecGroupPrivate;

/* how a read is covered */
typedef enum DsecCover
{
	DSEC_COVER_TRACED,
	DSEC_COVER_SOURCE,			/* dsec.charge in the scan's quals */
	DSEC_COVER_EXPRESSION		/* dsec.charge in RETURNING and the like */
} DsecCover;

/* a read in custom_private: a List indexed by this */
typedef enum DsecReadPrivate
{
	DSEC_READ_RELATION,			/* String: schema.table(column,column) */
	DSEC_READ_CATEGORIES,		/* List of String */
	DSEC_READ_COVER,			/* Integer: DsecCover */
	DSEC_READ_WHY,				/* String: why not traced, or "" */
	DSEC_READ_LENGTH
} DsecReadPrivate;

/* in memory */
typedef struct DsecGroup
{
	char	   *space;
	List	   *categories;		/* of String */
	List	   *populations;	/* of String */
	int			nkeys;
	bool		rowid;
	List	   *columns;		/* AttrNumbers (IntList) in the scanned relation */
	List	   *positions;		/* IntList, traced groups */
	List	   *rtis;			/* IntList */
} DsecGroup;

/*
 * Groups of one relation for the tagged columns in attnos: one for each
 * distinct subject among them.  positions and rtis are left empty.  Raises
 * DS003 when a tag among them has a problem.
 */
extern List *dsec_lineage_groups(const DsecRelationTags *tags,
								 const Bitmapset *attnos);

/* A read as it stands in custom_private. */
extern List *dsec_lineage_read_private(Oid relid, const Bitmapset *attnos,
									   List *groups, DsecCover cover,
									   const char *why);

/*
 * Make a plan count: trace what can be traced to a guard put on top, charge
 * the rest at the source.  stmt is changed; reads is dsec_lineage_reads(stmt)
 * of the same object.  query_id goes into the record.  make_guard builds the
 * guard around the finished plan, with its custom_private.  Raises DS003 for a read that can neither be traced nor charged.
 */
extern void dsec_lineage_cover(PlannedStmt *stmt, List *reads, uint64 query_id,
							   Plan *(*make_guard) (Plan *child,
													int plan_node_id,
													List *private));

/*
 * Charge every row that a scan of a covered plan lets through, traced or not:
 * for a run whose reader is told how many rows each node had.  stmt is changed.
 */
extern void dsec_lineage_cover_row_counts(PlannedStmt *stmt);

/*
 * The foreign servers (of String) that the plan writes rows to, those included
 * whose tables are partitions that its rows may be routed into; unless these are
 * tagged, by the time, so that they charge what they receive (routed.h).
 */
extern List *dsec_lineage_target_servers(PlannedStmt *stmt);

/* Before planning: the same, or some more. */
extern List *dsec_lineage_query_servers(const Query *query);

/*
 * Before planning: does the query read tagged columns of foreign tables, and
 * put the charge for them into the query.
 */
extern bool dsec_lineage_reads_foreign(Query *query);
extern void dsec_lineage_charge_foreign(Query *query);

/* Is the plan already covered (its top node is a guard)? */
static inline bool
dsec_lineage_is_covered(const PlannedStmt *stmt)
{
	const CustomScan *top = (const CustomScan *) stmt->planTree;

	return top != NULL && IsA(top, CustomScan) &&
		strcmp(top->methods->CustomName, DSEC_GUARD_NAME) == 0;
}

#endif							/* DSEC_GROUPS_H */
