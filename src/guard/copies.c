/*-------------------------------------------------------------------------
 *
 * copies.c
 *	  Copies of tagged data: what becomes of them before their first row.
 *
 * Columns that a ModifyTable writes are tagged when the executor starts.  The
 * relation of CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW is made
 * by the start-up of the destination, at the beginning of the run: that is
 * wrapped, and an object access hook tells which relation it was.  REFRESH writes
 * into a new heap that knows the materialized view it is for.  REFRESH
 * CONCURRENTLY then writes to the view itself, as nobody else can; by then the view
 * is tagged, and these writes are left alone.
 *
 * Labels are written in the transaction of the statement, before any row, so that
 * functions in the same statement find them; pending.c sees to other sessions.
 *
 * A statement that mentions nothing tagged pays for a look at the cache for each
 * entry of its range table.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"
#include "executor/executor.h"

#include "guard/copies.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "guard/copies_int.h"
#include "guard/taint.h"
#include "guc.h"
#include "ledger/event.h"
#include "lib/stringinfo.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/plantree.h"
#include "lineage/rows.h"
#include "parser/parsetree.h"
#include "report.h"
#include "storage/lmgr.h"
#include "tag/propagate.h"
#include "tag/tag.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* the destination whose start-up creates a relation for these copies */
typedef struct Creation
{
	void		(*startup) (DestReceiver *self, int operation, TupleDesc typeinfo);
	MemoryContext query;		/* that of the query */
	List	   *copies;
	List	   *variables;		/* of DsecColumnRef: what parameters may hold */
} Creation;

/* a relation that a destination has made; gone with its query, also on error */
typedef struct Created
{
	DestReceiver *dest;
	Oid			relid;
	struct Created *outer;
	MemoryContextCallback forget;
} Created;

static object_access_hook_type prev_object_access = NULL;

static Creation creation;
static bool creating = false;	/* inside of its start-up */
static Oid	created = InvalidOid;	/* by the start-up */
static Created *creations = NULL;	/* of queries that run, innermost first */
static Oid	rewritten = InvalidOid; /* for which a heap was last made */

/* ----------------------------------------------------------------
 * What to do with one copy
 * ----------------------------------------------------------------
 */

static void
fill_propagation(DsecPropagation *p, const DsecCopy *copy, Oid relid)
{
	memset(p, 0, sizeof(DsecPropagation));
	p->relid = relid;
	p->attno = copy->attno;
	p->sources = copy->sources;
	p->selectors = copy->selectors;
	if (p->sources == NIL)
	{
		p->sources = copy->selectors;
		p->selectors = NIL;
	}
	p->merged = copy->merged;
	p->space = copy->space;
	p->nkeys = copy->nkeys;
	memcpy(p->keys, copy->keys, sizeof(p->keys));
	p->npopulations = copy->npopulations;
	memcpy(p->populations, copy->populations, sizeof(p->populations));
	memcpy(p->population_columns, copy->population_columns,
		   sizeof(p->population_columns));
}

static bool
refuses(void)
{
	return dsec_guc_copies == DSEC_COPIES_REFUSE &&
		dsec_guc_mode == DSEC_MODE_ENFORCING;
}

static void
refuse(const DsecPropagation *p, const char *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot copy tagged data to %s", target),
			 errdetail("It would receive data of %s, is not tagged so, and dsec.copies is \"refuse\".",
					   dsec_tag_sources(p)),
			 errhint("Leave the tagged columns out, or copy to columns that have the same tag and subject.")));
}

/*
 * REFRESH CONCURRENTLY compares by way of a temporary table, which is gone with
 * the statement.
 */
static bool
is_scratch(Oid relid)
{
	return isAnyTempNamespace(get_rel_namespace(relid)) &&
		strncmp(get_rel_name(relid), "pg_temp_", strlen("pg_temp_")) == 0;
}

/* What the user should know, about all such columns of one relation at once. */
static void
warn(Oid relid, const char *rows, const char *many, const char *sources,
	 bool has_key)
{
	if (is_scratch(relid))
		return;
	if (rows[0])
		ereport(WARNING,
				(errmsg("each row of relation \"%s\" counts as a subject of its own", get_rel_name(relid)),
				 has_key ?
				 errdetail("Tagged data came to %s from a relation whose primary key is the subject, in a space of its own that no other relation can be of.", rows) :
				 errdetail("Tagged data came to %s without the columns that say whose it is.", rows),
				 has_key ?
				 errhint("Label the relation of %s with \"subject=column; space=name\" before it is copied.", sources) :
				 errhint("Copy the subject key of %s unchanged into a column of its own.", sources)));
	if (many[0])
		ereport(WARNING,
				(errmsg("people in relation \"%s\" cannot be counted any more", get_rel_name(relid)),
				 errdetail("One value may now hold the data of several people, or of others than the tag says: %s. Exports of that will be refused.", many),
				 errhint("Make the copy per person, with the subject key; or have an officer tag the column otherwise.")));
}

/* The copies to one relation, which begin at this cell; returns the next. */
int
dsec_copies_follow(List *copies, int first, Oid relid, const char *statement)
{
	StringInfoData rows;
	StringInfoData many;
	char	   *sources = NULL;
	bool		has_key = false;
	Oid			target = ((DsecCopy *) list_nth(copies, first))->target;
	int			i;

	initStringInfo(&rows);
	initStringInfo(&many);
	for (i = first; i < list_length(copies); i++)
	{
		DsecCopy   *copy = list_nth(copies, i);
		DsecPropagation p;
		DsecPropagated what;
		char	   *text;
		StringInfo	list;

		if (copy->target != target)
			break;
		fill_propagation(&p, copy, relid);
		if (p.sources == NIL)
			continue;
		if (refuses() || dsec_guc_copies == DSEC_COPIES_LOG)
		{
			if (dsec_tag_propagation(&p, &text) == DSEC_PROPAGATED_NOT)
				continue;
			if (refuses())
				refuse(&p, psprintf("column \"%s\" of relation \"%s\"",
									get_attname(relid, p.attno, false), get_rel_name(relid)));
			dsec_tag_follows_not(&p, statement, text);
			continue;
		}
		what = dsec_tag_propagate(&p, statement);
		if (what != DSEC_PROPAGATED_ROW && what != DSEC_PROPAGATED_MANY)
			continue;
		list = what == DSEC_PROPAGATED_ROW ? &rows : &many;
		appendStringInfo(list, "%scolumn \"%s\"", list->len > 0 ? ", " : "",
						 get_attname(relid, p.attno, false));
		if (what == DSEC_PROPAGATED_ROW && sources == NULL)
		{
			sources = dsec_tag_sources(&p);
			has_key = p.nkeys > 0;
		}
	}
	warn(relid, rows.data, many.data, sources, has_key);
	return i;
}

/* ----------------------------------------------------------------
 * Writing plans
 * ----------------------------------------------------------------
 */

/* Does the plan write new rows only, and look at none of its target's? */
static bool
only_inserts(const PlannedStmt *stmt)
{
	const Plan *plan = stmt->planTree;

	if (stmt->commandType != CMD_INSERT || stmt->hasModifyingCTE)
		return false;
	if (dsec_lineage_is_covered(stmt))
		plan = plan->lefttree;
	return plan != NULL && IsA(plan, ModifyTable) &&
		((const ModifyTable *) plan)->onConflictAction != ONCONFLICT_UPDATE;
}

/* Is anything tagged that rows could be made of? */
static bool
has_sources(const PlannedStmt *stmt)
{
	bool		skip_targets = only_inserts(stmt);
	int			rti = 0;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const char *problem;

		rti++;
		if ((rte->rtekind != RTE_RELATION && rte->rtekind != RTE_NAMEDTUPLESTORE) ||
			!OidIsValid(rte->relid) || rte->relkind == RELKIND_VIEW ||
			(skip_targets && list_member_int(stmt->resultRelations, rti)))
			continue;
		if (dsec_tag_relation_or_problem(rte->relid, &problem) != NULL || problem)
			return true;
	}
	return false;
}

static bool
has_parameters(const QueryDesc *queryDesc)
{
	return queryDesc->params != NULL;
}

/*
 * Could constants and parameters of the statement come from functions?  Those of a
 * statement of the client only by what the planner has evaluated for it.
 */
static bool
takes_variables(const QueryDesc *queryDesc)
{
	List	   *columns;

	return has_parameters(queryDesc) || dsec_taint_in_text(queryDesc) ||
		(dsec_taint_frame == NULL && dsec_taint_active(&columns));
}

const char *
dsec_copies_statement(CmdType operation)
{
	switch (operation)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "WITH";
	}
}

/*
 * Can a value of the type hold what a column has?  A flag, a day or a number may
 * come from somebody's text, but is not it.
 */
static bool
may_hold(Oid relid, AttrNumber attno)
{
	switch (getBaseType(get_atttype(relid, attno)))
	{
		case BOOLOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return false;
		default:
			return true;
	}
}

bool
dsec_copies_may_come_from(Oid relid, AttrNumber attno, List *columns)
{
	Oid			type = getBaseType(get_atttype(relid, attno));
	ListCell   *lc;

	if (may_hold(relid, attno))
		return true;
	foreach(lc, columns)
	{
		DsecColumnRef *column = lfirst(lc);

		if (getBaseType(get_atttype(column->relid, column->attno)) == type)
			return true;
	}
	return false;
}

/*
 * The statement takes values from variables that may hold data of these columns:
 * nobody knows whose.  "output" is the relation that the output goes to, if any.
 */
static void
add_variables(List *copies, Oid output, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns ? copies : NIL)
	{
		DsecCopy   *copy = lfirst(lc);
		Oid			relid = OidIsValid(copy->target) ? copy->target : output;

		if (!OidIsValid(relid) || !(copy->from_param || copy->param_selects) ||
			!dsec_copies_may_come_from(relid, copy->attno, columns))
			continue;
		copy->sources = list_concat_copy(copy->sources, columns);
		copy->merged = true;
		copy->nkeys = 0;
	}
}

static bool
is_tagged(Oid relid, AttrNumber attno)
{
	const DsecRelationTags *tags = dsec_tag_relation(relid);

	return tags != NULL && dsec_tag_column(tags, attno) != NULL;
}

/*
 * What an UPDATE that may move rows from one partition to another takes along: all
 * columns, also those that it does not set.
 */
static List *
moved_columns(const PlannedStmt *stmt)
{
	const Plan *plan = stmt->planTree;
	const ModifyTable *node;
	List	   *copies = NIL;
	Oid			root;
	ListCell   *lc;

	if (dsec_lineage_is_covered(stmt))
		plan = plan->lefttree;
	if (plan == NULL || !IsA(plan, ModifyTable))
		return NIL;
	node = (const ModifyTable *) plan;
	if (node->rootRelation == 0 ||
		!(node->partColsUpdated || node->operation == CMD_MERGE))
		return NIL;
	root = rt_fetch(node->rootRelation, stmt->rtable)->relid;
	foreach(lc, node->resultRelations)
	{
		Oid			relid = rt_fetch(lfirst_int(lc), stmt->rtable)->relid;
		const DsecRelationTags *tags = dsec_tag_relation(relid);
		Bitmapset  *attnos = tags ? bms_copy(tags->attnos) : NULL;
		int			attno = -1;

		while ((attno = bms_next_member(attnos, attno)) >= 0)
		{
			DsecCopy   *copy;
			DsecColumnRef *source;
			AttrNumber	there = dsec_rows_root_attno(relid, root, attno);

			/* members of a tagged tree are of one kind */
			if (there <= 0 || is_tagged(root, there))
				continue;
			source = palloc(sizeof(DsecColumnRef));
			source->relid = relid;
			source->attno = attno;
			copy = palloc0(sizeof(DsecCopy));
			copy->target = root;
			copy->attno = there;
			copy->sources = list_make1(source);
			copies = lappend(copies, copy);
		}
	}

	return copies;
}

static void
follow_modified(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	List	   *columns = NIL;
	bool		in_text = dsec_taint_in_text(queryDesc);
	bool		tainted = takes_variables(queryDesc) && dsec_taint_active(&columns);
	List	   *moved = moved_columns(stmt);
	List	   *copies;
	int			i = 0;

	if (moved != NIL)
		(void) dsec_copies_follow(moved, 0, ((DsecCopy *) linitial(moved))->target, "UPDATE");
	if (!tainted && (!has_sources(stmt) || dsec_lineage_updates_untagged(stmt)))
		return;
	copies = dsec_lineage_copies(stmt, tainted,
								 in_text ? NULL : queryDesc->sourceText);
	if (tainted)
		add_variables(copies, InvalidOid, columns);

	while (i < list_length(copies))
	{
		DsecCopy   *copy = list_nth(copies, i);

		/* the output is for dsec_copies_run; REFRESH CONCURRENTLY writes matviews */
		if (!OidIsValid(copy->target) ||
			get_rel_relkind(copy->target) == RELKIND_MATVIEW)
			i++;
		else
			i = dsec_copies_follow(copies, i, copy->target, dsec_copies_statement(stmt->commandType));
	}
}

/*
 * The copies that the output of a plan is, and what parameters may hold, for
 * add_variables.
 */
static List *
output_copies(QueryDesc *queryDesc, List **variables)
{
	bool		in_text = dsec_taint_in_text(queryDesc);
	bool		tainted;
	List	   *result = NIL;
	ListCell   *lc;

	*variables = NIL;
	tainted = takes_variables(queryDesc) && dsec_taint_active(variables);
	foreach(lc, dsec_lineage_copies(queryDesc->plannedstmt, tainted,
									in_text ? NULL : queryDesc->sourceText))
	{
		DsecCopy   *copy = lfirst(lc);

		if (!OidIsValid(copy->target))
			result = lappend(result, copy);
	}
	return result;
}

/* CREATE MATERIALIZED VIEW fills it by a refresh, since 17. */
static const char *
refreshed_by(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		created = rel->rd_createSubid != InvalidSubTransactionId;

	table_close(rel, NoLock);
	return created ? "CREATE MATERIALIZED VIEW" : "REFRESH MATERIALIZED VIEW";
}

static void
follow_refresh(QueryDesc *queryDesc)
{
	List	   *variables;
	List	   *copies = output_copies(queryDesc, &variables);

	if (!OidIsValid(rewritten))
		elog(ERROR, "could not tell which materialized view is refreshed");
	if (copies == NIL)
		return;
	add_variables(copies, rewritten, variables);
	dsec_copies_follow(copies, 0, rewritten, refreshed_by(rewritten));
}

/*
 * Run one of the above.  In permissive mode what cannot be understood is copied
 * all the same, and a record of the loss says so.
 */
void
dsec_copies_forgiving(void (*follow_copies) (QueryDesc *queryDesc), QueryDesc *queryDesc)
{
	MemoryContext context = CurrentMemoryContext;

	if (dsec_guc_mode != DSEC_MODE_PERMISSIVE)
	{
		follow_copies(queryDesc);
		return;
	}
	PG_TRY();
	{
		follow_copies(queryDesc);
	}
	PG_CATCH();
	{
		dsec_report_forgive(context);
		dsec_event_loss(NULL, NULL, "a statement that copies tagged data ran without its copies being tagged, because a label cannot be read");
	}
	PG_END_TRY();
}

static bool
concerned(const QueryDesc *queryDesc)
{
	return dsec_guc_mode != DSEC_MODE_OFF && IsTransactionState() &&
		!IsParallelWorker() && !IsInParallelMode() && dsec_tag_database() &&
		(takes_variables(queryDesc) ||
		 has_sources(queryDesc->plannedstmt));
}

void
dsec_copies_start(QueryDesc *queryDesc, int eflags)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;

	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return;
	if (stmt->resultRelations != NIL)
	{
		if ((stmt->commandType != CMD_DELETE || stmt->hasModifyingCTE) &&
			concerned(queryDesc))
			dsec_copies_forgiving(follow_modified, queryDesc);
	}
	else if (unlikely(queryDesc->dest->mydest == DestTransientRel) &&
			 concerned(queryDesc))
		dsec_copies_forgiving(follow_refresh, queryDesc);
}

/* ----------------------------------------------------------------
 * Relations made for their rows
 * ----------------------------------------------------------------
 */

static void
forget_created(void *arg)
{
	Created   **link = &creations;

	while (*link != NULL && *link != arg)
		link = &(*link)->outer;
	if (*link != NULL)
		*link = (*link)->outer;
}

static void
note_created(DestReceiver *dest, MemoryContext query)
{
	Created    *entry = MemoryContextAlloc(query, sizeof(Created));

	entry->dest = dest;
	entry->relid = created;
	entry->outer = creations;
	entry->forget.func = forget_created;
	entry->forget.arg = entry;
	MemoryContextRegisterResetCallback(query, &entry->forget);
	creations = entry;
}

Oid
dsec_copies_created_by(const DestReceiver *dest)
{
	for (const Created *entry = creations; entry != NULL; entry = entry->outer)
	{
		if (entry->dest == dest)
			return entry->relid;
	}
	return InvalidOid;
}

static void
create_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	List	   *copies = creation.copies;
	List	   *variables = creation.variables;
	Oid			relid;

	self->rStartup = creation.startup;
	creation.copies = NIL;
	creation.variables = NIL;
	created = InvalidOid;
	creating = true;
	PG_TRY();
	{
		self->rStartup(self, operation, typeinfo);
	}
	PG_FINALLY();
	{
		creating = false;
	}
	PG_END_TRY();
	if (!OidIsValid(created))
		elog(ERROR, "could not tell which relation was created");
	relid = created;
	note_created(self, creation.query);
	if (copies == NIL)
		return;
	add_variables(copies, relid, variables);
	dsec_copies_follow(copies, 0, relid,
					   get_rel_relkind(relid) == RELKIND_MATVIEW ?
					   "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS");
}

static void
wrap_startup(QueryDesc *queryDesc)
{
	List	   *variables;
	List	   *copies = output_copies(queryDesc, &variables);
	ListCell   *lc;

	foreach(lc, refuses() ? copies : NIL)
	{
		DsecPropagation p;

		fill_propagation(&p, lfirst(lc), InvalidOid);
		if (p.sources != NIL)
			refuse(&p, "a new relation");
	}
	creation.startup = queryDesc->dest->rStartup;
	creation.query = queryDesc->estate->es_query_cxt;
	creation.copies = copies;
	creation.variables = variables;
	queryDesc->dest->rStartup = create_startup;
}

void
dsec_copies_run(QueryDesc *queryDesc)
{
	if (likely(queryDesc->dest->mydest != DestIntoRel))
		return;
	if (dsec_guc_mode != DSEC_MODE_OFF && IsTransactionState() &&
		!IsParallelWorker() && !IsInParallelMode() && dsec_tag_database())
		dsec_copies_forgiving(wrap_startup, queryDesc);
}

/* What pg_class says of a relation that has just been made. */
static Oid
rewritten_for(Oid relid)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, ClassOidIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->relkind == RELKIND_RELATION)
			result = form->relrewrite;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static void
copies_object_access(ObjectAccessType access, Oid classId, Oid objectId,
					 int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if (access != OAT_POST_CREATE || classId != RelationRelationId || subId != 0)
		return;
	if (creating)
	{
		/* the first one; what comes after it is its TOAST table */
		if (!OidIsValid(created))
			created = objectId;
	}
	else
	{
		Oid			relid = rewritten_for(objectId);

		if (OidIsValid(relid))
			rewritten = relid;
	}
}

void
dsec_copies_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = copies_object_access;
}
