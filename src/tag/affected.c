/*-------------------------------------------------------------------------
 *
 * affected.c
 *	  Which relations a label has a bearing on.
 *
 * The reverse of what effective.c looks at: from a relation down to its
 * descendants, from a type to the columns and tables made of it, and from a
 * relation to the columns that hold its rows.  Locks nothing: whoever sets a label holds
 * a lock on the object that keeps new descendants out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

typedef struct Affected
{
	List	   *relations;
	List	   *types;
} Affected;

static void add_type(Affected *affected, Oid type);

static Oid
toast_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid;
		ReleaseSysCache(tuple);
	}
	return result;
}

static void
add_relation(Affected *affected, Oid relid)
{
	ListCell   *lc;

	check_stack_depth();
	if (list_member_oid(affected->relations, relid))
		return;
	affected->relations = lappend_oid(affected->relations, relid);
	foreach(lc, find_inheritance_children_extended(relid, false, NoLock, NULL, NULL))
		add_relation(affected, lfirst_oid(lc));
	if (OidIsValid(toast_of(relid)))
		add_relation(affected, toast_of(relid));
	if (OidIsValid(get_rel_type_id(relid)))
		add_type(affected, get_rel_type_id(relid));
}

/* Columns and tables of a type, and types made of it. */
static void
add_type(Affected *affected, Oid type)
{
	Relation	rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *types = NIL;
	List	   *relations = NIL;
	ListCell   *lc;

	check_stack_depth();
	if (list_member_oid(affected->types, type))
		return;
	affected->types = lappend_oid(affected->types, type);

	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == TypeRelationId)
			types = lappend_oid(types, form->objid);
		else if (form->classid == RelationRelationId)
			relations = lappend_oid(relations, form->objid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	foreach(lc, types)
		add_type(affected, lfirst_oid(lc));
	foreach(lc, relations)
		add_relation(affected, lfirst_oid(lc));
}

List *
dsec_tag_affected(Oid classid, Oid objid)
{
	Affected	affected = {NIL, NIL};

	if (classid == RelationRelationId)
		add_relation(&affected, objid);
	else if (classid == TypeRelationId)
		add_type(&affected, objid);
	return affected.relations;
}
