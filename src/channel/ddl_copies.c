/*-------------------------------------------------------------------------
 *
 * ddl_copies.c
 *	  Tags of relations and columns that a utility statement has made or renamed.
 *
 * The object access hook notes which relations a statement touches.  At its
 * end, still inside the utility hook and so before the next statement of the
 * transaction, columns of CREATE TABLE ... (LIKE ...) get the tags of those they
 * are like, and the rules of dsec.tag_pattern are applied to what is untagged.
 * Whatever touched a relation without being a utility statement is looked at
 * before the transaction commits or is prepared.
 *
 * What has been noted belongs to the transaction.  Frames stand on the C stack,
 * one for each utility statement under way, and are unlinked as it ends or its
 * error passes.
 *
 * Costs DDL something, and a statement that is none two comparisons.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "channel/channel.h"
#include "guc.h"
#include "nodes/parsenodes.h"
#include "tag/pattern.h"
#include "tag/tag.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* a relation, or all relations of a schema, whose names have changed */
typedef struct Touched
{
	Oid			relid;
	Oid			schema;
	bool		empty;			/* made by a statement that puts nothing in */
	SubTransactionId done_in;	/* rules were applied in this subtransaction */
} Touched;

static object_access_hook_type prev_object_access = NULL;

/* of the transaction, in its memory */
static List *touched = NIL;
static List *done = NIL;		/* in subtransactions, which may be rolled back */

/* the innermost utility statement under way */
static DsecDdl *current = NULL;

/* ----------------------------------------------------------------
 * What a statement touches
 * ----------------------------------------------------------------
 */

static void
note_touched(Oid relid, Oid schema, bool empty)
{
	MemoryContext old;
	Touched    *new;
	ListCell   *lc;

	foreach(lc, touched)
	{
		Touched    *known = (Touched *) lfirst(lc);

		if (known->relid == relid && known->schema == schema)
			return;
	}
	old = MemoryContextSwitchTo(TopTransactionContext);
	new = palloc(sizeof(Touched));
	new->relid = relid;
	new->schema = schema;
	new->empty = empty;
	new->done_in = InvalidSubTransactionId;
	touched = lappend(touched, new);
	MemoryContextSwitchTo(old);
}

static void
copies_object_access(ObjectAccessType access, Oid classId, Oid objectId,
					 int subId, void *arg)
{
	bool		made = false;

	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if (objectId < FirstNormalObjectId)
		return;
	if (access == OAT_POST_CREATE)
	{
		/* a heap that will give its contents to another one is internal */
		if (classId != RelationRelationId ||
			((ObjectAccessPostCreate *) arg)->is_internal)
			return;
		made = (subId == 0);
	}
	else if (access != OAT_POST_ALTER)
		return;

	if (classId == NamespaceRelationId)
		note_touched(InvalidOid, objectId, false);
	else if (classId == RelationRelationId)
	{
		bool		empty = made && current != NULL && current->makes_empty;

		/* sequences of its columns are made by statements of their own */
		if (empty && !OidIsValid(current->made))
			current->made = objectId;
		note_touched(objectId, InvalidOid, empty);
	}
}

/* ----------------------------------------------------------------
 * Rules for names
 * ----------------------------------------------------------------
 */

static List *
relations_of_schema(Oid schema)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(schema));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result, ((Form_pg_class) GETSTRUCT(tuple))->oid);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, list_oid_cmp);
	return result;
}

static void
apply_to(List *patterns, const Touched *what)
{
	ListCell   *lc;

	if (!OidIsValid(what->schema))
	{
		dsec_tag_warn_patterns(dsec_tag_apply_patterns(patterns, what->relid,
													   what->empty));
		return;
	}
	foreach(lc, relations_of_schema(what->schema))
		dsec_tag_warn_patterns(dsec_tag_apply_patterns(patterns, lfirst_oid(lc),
													   false));
}

/*
 * What a statement touches may be seen to inside of a statement that it runs, in
 * a subtransaction.  When that is rolled back, it is to be seen to again.
 */
static void
keep_done(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	ListCell   *lc;

	foreach(lc, GetCurrentTransactionNestLevel() > 1 ? touched : NIL)
	{
		Touched    *what = (Touched *) lfirst(lc);

		what->done_in = GetCurrentSubTransactionId();
		done = lappend(done, what);
	}
	MemoryContextSwitchTo(old);
}

/* Apply the rules to everything touched so far. */
static void
apply_patterns(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dsec names",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *todo = touched;
	List	   *patterns;
	ListCell   *lc;
	bool		snapshot = !ActiveSnapshotSet();

	keep_done();
	touched = NIL;
	if (snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	CommandCounterIncrement();
	patterns = dsec_tag_read_patterns();
	foreach(lc, patterns ? todo : NIL)
		apply_to(patterns, (Touched *) lfirst(lc));
	if (snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ----------------------------------------------------------------
 * In the utility hook
 * ----------------------------------------------------------------
 */

/*
 * Relations of LIKE clauses.  Core locks them in the same way, before it checks
 * whether the user may; after the statement, the name could mean its relation.
 */
static List *
like_relations(const CreateStmt *statement)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, statement->tableElts)
	{
		Node	   *element = (Node *) lfirst(lc);
		Oid			relid;

		if (!IsA(element, TableLikeClause))
			continue;
		relid = RangeVarGetRelid(((TableLikeClause *) element)->relation,
								 AccessShareLock, true);
		if (OidIsValid(relid))
			result = lappend_oid(result, relid);
	}
	return result;
}

static void
make_like(const DsecDdl *ddl)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dsec names",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ListCell   *lc;

	CommandCounterIncrement();
	foreach(lc, ddl->like)
		dsec_tag_make_like(ddl->made, lfirst_oid(lc));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
dsec_channel_ddl_begin(DsecDdl *ddl, Node *statement)
{
	memset(ddl, 0, sizeof(DsecDdl));
	ddl->outer = current;
	ddl->ends_transaction = IsA(statement, TransactionStmt);
	ddl->makes_empty = IsA(statement, CreateStmt) ||
		IsA(statement, CreateForeignTableStmt);
	if (ddl->makes_empty)
		ddl->like = like_relations((CreateStmt *) statement);
	current = ddl;
}

void
dsec_channel_ddl_end(DsecDdl *ddl)
{
	current = ddl->outer;
	if (ddl->ends_transaction || !IsTransactionState())
		return;
	if (ddl->like != NIL && OidIsValid(ddl->made) &&
		dsec_guc_copies != DSEC_COPIES_LOG)
		make_like(ddl);
	if (touched != NIL)
		apply_patterns();
}

void
dsec_channel_ddl_abort(DsecDdl *ddl)
{
	current = ddl->outer;
}

static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (touched != NIL)
				apply_patterns();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			touched = NIL;
			done = NIL;
			break;
		default:
			break;
	}
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subxact,
				   SubTransactionId parent, void *arg)
{
	MemoryContext old;
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	foreach(lc, done)
	{
		Touched    *what = (Touched *) lfirst(lc);

		if (what->done_in != subxact)
			continue;
		what->done_in = parent;
		if (event == SUBXACT_EVENT_ABORT_SUB)
		{
			/* it may have been filled since */
			what->empty = false;
			touched = lappend(touched, what);
		}
		if (event == SUBXACT_EVENT_ABORT_SUB || parent == TopSubTransactionId)
			done = foreach_delete_current(done, lc);
	}
	MemoryContextSwitchTo(old);
}

void
dsec_channel_ddl_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = copies_object_access;
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
}
