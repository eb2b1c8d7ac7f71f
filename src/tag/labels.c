/*-------------------------------------------------------------------------
 *
 * labels.c
 *	  Reading labels of dsec from pg_seclabel, and the families of key types.
 *
 * pg_seclabel has no syscache, so every call here scans an index; results
 * are cached per relation by cache.c, never per query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "tag/effective.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

bool
dsec_tag_any_label(void)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, Anum_pg_seclabel_provider, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(DSEC_PROVIDER));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

List *
dsec_tag_stored_labels(Oid classid, Oid objid)
{
	Relation	rel = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&keys[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(objid));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(classid));
	scan = systable_beginscan(rel, SecLabelObjectIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[Natts_pg_seclabel];
		bool		nulls[Natts_pg_seclabel];
		DsecStoredLabel *label;
		char	   *provider;
		bool		mark;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		provider = TextDatumGetCString(values[Anum_pg_seclabel_provider - 1]);
		mark = (strcmp(provider, DSEC_MARK_PROVIDER) == 0);
		if (!mark && strcmp(provider, DSEC_PROVIDER) != 0)
			continue;
		label = palloc(sizeof(DsecStoredLabel));
		label->subid = DatumGetInt32(values[Anum_pg_seclabel_objsubid - 1]);
		label->mark = mark;
		label->text = TextDatumGetCString(values[Anum_pg_seclabel_label - 1]);
		result = lappend(result, label);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* A string type called citext that is text inside: that of the extension. */
static bool
is_citext(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	result = strcmp(NameStr(form->typname), "citext") == 0 &&
		form->typcategory == TYPCATEGORY_STRING &&
		form->typlen == -1 &&
		IsBinaryCoercible(type, TEXTOID);
	ReleaseSysCache(tuple);
	return result;
}

int
dsec_tag_key_family(Oid type)
{
	type = getBaseType(type);
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return 1;
		case NUMERICOID:
			return 2;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return 3;
		case UUIDOID:
			return 4;
		case INETOID:
		case CIDROID:
			return 5;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return 6;
		default:
			return type >= FirstNormalObjectId && is_citext(type) ? 3 : 0;
	}
}
