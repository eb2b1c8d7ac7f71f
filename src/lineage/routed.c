/*-------------------------------------------------------------------------
 *
 * routed.c
 *	  Rows that are routed into partitions, some of which are foreign tables.
 *
 * Nobody knows beforehand which rows of such a statement leave.  When all that it
 * reads of tagged tables arrives in columns of the partitioned table, person by
 * person and with the subject key, then these columns have the tag before the
 * first row (guard/copies.c), and so has each partition; what is written to a
 * foreign one is charged there, row by row (channel/sink.c).  The statement
 * itself need not be an export.
 *
 * In all other cases it is one, to each server that a row might go to.  That
 * charges more than what leaves, and is needed when
 *	- tags do not follow copies (dsec.copies);
 *	- something tagged is read that no column has a tag for in the end, such as a
 *	  constant for each row that a tagged column selected;
 *	- a column has data of several people, or comes without their key;
 *	- something in the statement might read tables by itself: functions other than
 *	  built-in ones that only look at their arguments, triggers, and what the
 *	  partitions compute (generated columns, partition keys).
 *
 * Pure, over the plan and the catalog.  What is tagged before the statement or by
 * it makes no difference, so that the answer is the same when it is planned, when
 * it starts and when it runs.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/routed.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "guc.h"
#include "lineage/copies.h"
#include "lineage/reads.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static bool calls_reader;

/* Asked of each function that the plan calls; none is a way out for data. */
static bool
look_at_function(Oid function)
{
	if (function != F_NEXTVAL && !dsec_lineage_harmless(function) &&
		(function >= FirstUnpinnedObjectId ||
		 func_volatile(function) != PROVOLATILE_IMMUTABLE))
		calls_reader = true;

	return false;
}

/* Might a function that the statement calls read tables? */
static bool
may_read_inside(PlannedStmt *stmt)
{
	ListCell   *lc;

	/* functions that are not built in, those included that have been inlined */
	foreach(lc, stmt->invalItems)
	{
		if (lfirst_node(PlanInvalItem, lc)->cacheId == PROCOID)
			return true;
	}

	calls_reader = false;
	(void) dsec_lineage_ships(stmt, look_at_function, false, NULL);

	return calls_reader;
}

static bool
has_triggers(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result = true;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relhastriggers;
		ReleaseSysCache(tuple);
	}

	return result;
}

static bool
has_generated_columns(Oid relid)
{
	AttrNumber	attno = 1;

	/* dropped columns are still there */
	while (SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relid),
								 Int16GetDatum(attno)))
	{
		if (get_attgenerated(relid, attno++) != '\0')
			return true;
	}

	return false;
}

static bool
has_key_expressions(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	bool		isnull = true;

	if (HeapTupleIsValid(tuple))
	{
		(void) SysCacheGetAttr(PARTRELID, tuple,
							   Anum_pg_partitioned_table_partexprs, &isnull);
		ReleaseSysCache(tuple);
	}

	return !isnull;
}

/* Do the relations on the way of a row out of here compute anything? */
static bool
computes(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);
		char		relkind = get_rel_relkind(relid);

		if (relkind != RELKIND_FOREIGN_TABLE &&
			relkind != RELKIND_PARTITIONED_TABLE)
			continue;
		if (has_triggers(relid) || has_generated_columns(relid) ||
			has_key_expressions(relid))
			return true;
	}

	return false;
}

static bool
has_column(List *columns, Oid relid, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		DsecColumnRef *column = lfirst(lc);

		if (column->relid == relid && column->attno == attno)
			return true;
	}

	return false;
}

/* Does each column that is read arrive in the table, with its people's key? */
static bool
arrives_by_person(PlannedStmt *stmt, List *reads, Oid root)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, dsec_lineage_copies(stmt, false, NULL))
	{
		DsecCopy   *copy = lfirst(lc);

		if (copy->target != root ||
			(copy->sources == NIL && copy->selectors == NIL))
			continue;
		if (copy->merged || copy->nkeys == 0)
			return false;
		columns = list_concat(columns, copy->sources);
		columns = list_concat(columns, copy->selectors);
	}

	foreach(lc, reads)
	{
		DsecRead   *read = lfirst(lc);
		int			attno = -1;

		while ((attno = bms_next_member(read->attnos, attno)) >= 0)
		{
			if (!has_column(columns, read->relid, attno))
				return false;
		}
	}

	return true;
}

bool
dsec_lineage_follows_rows(PlannedStmt *stmt, Oid root, List *partitions)
{
	List	   *reads;

	if (dsec_guc_copies != DSEC_COPIES_PROPAGATE)
		return false;
	reads = dsec_lineage_reads(stmt);

	return reads != NIL && !computes(partitions) && !may_read_inside(stmt) &&
		arrives_by_person(stmt, reads, root);
}
