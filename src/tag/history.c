/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Rows of dsec.tag_history: every label set, changed, cleared, propagated or
 *	  dropped.
 *
 * A row is kept in the memory of the transaction until its end, and inserted
 * just before that, in the same transaction and with the rights of the table's
 * owner: so the row is there if and only if the label is.  What a subtransaction
 * did goes with it when it is rolled back.  Temporary tables that are dropped at
 * commit are dropped after that; their rows are inserted at once.
 *
 * A database without the table (the library is loaded, the extension not
 * created) has no history.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

typedef struct Row
{
	SubTransactionId subxact;
	TimestampTz at;
	Oid			login;
	Oid			user;
	Oid			classid;
	Oid			objid;
	int32		subid;
	char	   *name;
	const char *action;
	char	   *old_tag;
	char	   *new_tag;
	char	   *why;
} Row;

PG_FUNCTION_INFO_V1(dsec_tag_history_refuse_change);

static object_access_hook_type prev_object_access = NULL;

static List *rows = NIL;		/* of Row, in TopTransactionContext */
static bool ending = false;		/* the rows of this transaction are in */

/* of the labels set now; NULL: by hand */
static const char *current_action = NULL;
static const char *current_why = NULL;

#define HISTORY "tag_history"

static char *
keep(const char *text)
{
	return text ? MemoryContextStrdup(TopTransactionContext, text) : NULL;
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name ? name : psprintf("%u", role);
}

static void
insert_row(const Row *row)
{
	static Oid types[] = {
		TIMESTAMPTZOID, TEXTOID, TEXTOID, OIDOID, OIDOID, INT4OID, TEXTOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID
	};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = TimestampTzGetDatum(row->at);
	values[1] = CStringGetTextDatum(role_name(row->login));
	values[2] = CStringGetTextDatum(role_name(row->user));
	values[3] = ObjectIdGetDatum(row->classid);
	values[4] = ObjectIdGetDatum(row->objid);
	values[5] = Int32GetDatum(row->subid);
	values[6] = CStringGetTextDatum(row->name);
	values[7] = CStringGetTextDatum(row->action);
	values[8] = text_or_null(row->old_tag, &nulls[8]);
	values[9] = text_or_null(row->new_tag, &nulls[9]);
	values[10] = text_or_null(row->why, &nulls[10]);
	if (SPI_execute_with_args("INSERT INTO dsec." HISTORY
							  " (at, login_role, user_name, classid, objid, objsubid,"
							  " object, action, tag_before, tag_after, why)"
							  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
							  lengthof(types), types, values, nulls,
							  false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into dsec." HISTORY);
}

/* The table that history goes to; invalid when there is none. */
static Oid
history_table(void)
{
	Oid			extension = get_extension_oid("dsec", true);
	Oid			schema = OidIsValid(extension) ?
		get_namespace_oid("dsec", true) : InvalidOid;

	return OidIsValid(schema) ? get_relname_relid(HISTORY, schema) : InvalidOid;
}

static Oid
owner_of(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	Oid			owner;

	if (!RelationIsValid(rel))
		elog(ERROR, "could not open relation %u", relid);
	owner = rel->rd_rel->relowner;
	RelationClose(rel);
	return owner;
}

static void
insert_rows(void)
{
	Oid			table;
	Oid			user;
	int			context;
	bool		read_only = XactReadOnly;
	ListCell   *lc;

	if (rows == NIL)
		return;
	table = history_table();
	if (OidIsValid(table))
	{
		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(owner_of(table),
							   context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);

		/* a temporary table gets its tag in such a transaction, too */
		XactReadOnly = false;
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		foreach(lc, rows)
			insert_row(lfirst(lc));
		SPI_finish();
		PopActiveSnapshot();
		XactReadOnly = read_only;
		SetUserIdAndSecContext(user, context);
	}
	rows = NIL;
}

static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			insert_rows();
			ending = true;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			rows = NIL;
			ending = false;
			current_action = current_why = NULL;
			break;
		default:
			break;
	}
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subxact,
				   SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		current_action = current_why = NULL;
	foreach(lc, rows)
	{
		Row		   *row = lfirst(lc);

		if (row->subxact != subxact)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			row->subxact = parent;
		else
			rows = foreach_delete_current(rows, lc);
	}
}

void
dsec_tag_history_add(const ObjectAddress *object, const char *action,
					 const char *old_tag, const char *new_tag, const char *why)
{
	MemoryContext old;
	char	   *name;
	Row		   *row;

	/* what the extension's script sets comes with the extension */
	if (creating_extension)
		return;

	name = getObjectIdentity(object, true);
	old = MemoryContextSwitchTo(TopTransactionContext);
	row = palloc(sizeof(Row));
	row->subxact = GetCurrentSubTransactionId();
	row->at = GetCurrentTimestamp();
	row->login = GetSessionUserId();
	row->user = GetUserId();
	row->classid = object->classId;
	row->objid = object->objectId;
	row->subid = object->objectSubId;
	row->name = keep(name ? name : "?");
	row->action = keep(action);
	row->old_tag = keep(old_tag);
	row->new_tag = keep(new_tag);
	row->why = keep(why);
	rows = lappend(rows, row);
	MemoryContextSwitchTo(old);

	if (ending)
		insert_rows();
}

void
dsec_tag_history_change(const ObjectAddress *object, const char *old_tag,
						const char *new_tag)
{
	const char *action = current_action;

	if (old_tag == new_tag ||
		(old_tag != NULL && new_tag != NULL && strcmp(old_tag, new_tag) == 0))
		return;
	if (action == NULL)
		action = new_tag == NULL ? "cleared" : old_tag == NULL ? "set" : "changed";
	dsec_tag_history_add(object, action, old_tag, new_tag, current_why);
}

void
dsec_tag_history_enter(const char *action, const char *why)
{
	current_action = action;
	current_why = why;
}

void
dsec_tag_history_leave(void)
{
	current_action = current_why = NULL;
}

/* An object goes away, and its labels with it. */
static void
history_object_access(ObjectAccessType access, Oid classId, Oid objectId,
					  int subId, void *arg)
{
	ListCell   *lc;

	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if (access != OAT_DROP || objectId < FirstNormalObjectId ||
		(classId != RelationRelationId && classId != TypeRelationId &&
		 classId != ProcedureRelationId) ||
		!dsec_tag_database())
		return;

	foreach(lc, dsec_tag_stored_labels(classId, objectId))
	{
		DsecStoredLabel *label = lfirst(lc);
		ObjectAddress object;

		if (label->mark || (subId != 0 && label->subid != subId))
			continue;
		ObjectAddressSubSet(object, classId, objectId, label->subid);
		dsec_tag_history_add(&object, "dropped", label->text, NULL, NULL);
	}
}

/* Trigger: what has been recorded stays. */
Datum
dsec_tag_history_refuse_change(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the history of tags cannot be changed or removed"),
			 errdetail("Table dsec.tag_history only grows.")));
	PG_RETURN_NULL();			/* keep compiler quiet */
}

void
dsec_tag_history_init(void)
{
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
	prev_object_access = object_access_hook;
	object_access_hook = history_object_access;
}
