/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  dsec.tag(), dsec.untag(), and the rows of dsec.tagged_columns.
 *
 * tag() and untag() do what SECURITY LABEL does, and let an officer do it who
 * is not the owner.  They store canonical text.
 *
 * The rows of dsec.tagged_columns come from the cache that enforcement reads.
 * They are made without locking the relations, as any catalog view is: one
 * that is being dropped has no rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "report.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "tag/tag.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dsec_tag_column_sql);
PG_FUNCTION_INFO_V1(dsec_tag_relation_sql);
PG_FUNCTION_INFO_V1(dsec_untag_column_sql);
PG_FUNCTION_INFO_V1(dsec_untag_relation_sql);
PG_FUNCTION_INFO_V1(dsec_tagged_column_rows);

/* ----------------------------------------------------------------
 * tag() and untag()
 * ----------------------------------------------------------------
 */

/* Set the label of a relation, or of its column when there is a name. */
static void
tag_relation(Oid relid, const char *column, const char *text)
{
	Relation	rel = relation_open(relid, ShareUpdateExclusiveLock);
	ObjectAddress object;
	AttrNumber	attno = 0;

	if (!dsec_compat_owns_relation(relid, GetUserId()) && !dsec_tag_is_officer())
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if (column != NULL)
	{
		attno = get_attnum(relid, column);
		if (attno == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							column, RelationGetRelationName(rel))));
	}
	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	dsec_tag_set_label(&object, text);
	relation_close(rel, NoLock);
}

/* An argument that must not be NULL. */
static void
require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

static char *
canonical_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"tag\" must not be null"),
				 errhint("Use dsec.untag() to remove a tag.")));
	return dsec_tag_canonical(dsec_tag_parse_strict(text_to_cstring(PG_GETARG_TEXT_PP(number))));
}

Datum
dsec_tag_column_sql(PG_FUNCTION_ARGS)
{
	require_argument(fcinfo, 0, "relation");
	require_argument(fcinfo, 1, "column_name");
	tag_relation(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)),
				 canonical_argument(fcinfo, 2));
	PG_RETURN_VOID();
}

Datum
dsec_tag_relation_sql(PG_FUNCTION_ARGS)
{
	require_argument(fcinfo, 0, "relation");
	tag_relation(PG_GETARG_OID(0), NULL, canonical_argument(fcinfo, 1));
	PG_RETURN_VOID();
}

Datum
dsec_untag_column_sql(PG_FUNCTION_ARGS)
{
	require_argument(fcinfo, 0, "relation");
	require_argument(fcinfo, 1, "column_name");
	tag_relation(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)), NULL);
	PG_RETURN_VOID();
}

Datum
dsec_untag_relation_sql(PG_FUNCTION_ARGS)
{
	require_argument(fcinfo, 0, "relation");
	tag_relation(PG_GETARG_OID(0), NULL, NULL);
	PG_RETURN_VOID();
}

/* ----------------------------------------------------------------
 * dsec.tagged_columns
 * ----------------------------------------------------------------
 */

enum
{
	COL_RELATION,
	COL_COLUMN,
	COL_TAG,
	COL_CATEGORY,
	COL_CLASS,
	COL_SOURCE,
	COL_SUBJECT,
	COL_SPACE,
	COL_IN_SCOPE,
	COL_PROBLEM,
	NUM_COLS
};

static const char *const source_names[] = {
	[DSEC_TAG_COLUMN] = "column",
	[DSEC_TAG_TYPE] = "type",
	[DSEC_TAG_ANCESTOR] = "ancestor",
	[DSEC_TAG_GENERATED] = "generated"
};

/* Names as text[]; NULL for none. */
static Datum
text_array(char **names, int n, bool *isnull)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(n, 1));

	*isnull = (n == 0);
	if (n == 0)
		return (Datum) 0;
	for (int i = 0; i < n; i++)
		datums[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
put_column(ReturnSetInfo *rsinfo, const DsecRelationTags *tags, int n)
{
	const DsecTaggedColumn *column = &tags->columns[n];
	const DsecSubject *subject = &tags->subjects[column->subject];
	Datum		values[NUM_COLS] = {0};
	bool		nulls[NUM_COLS] = {0};
	char	   *keys[DSEC_MAX_KEYS];
	char	   *scope[DSEC_MAX_POPULATIONS];
	char	   *name;

	/* without a lock, a column may be gone in this very moment */
	for (int i = 0; i < subject->nkeys; i++)
	{
		name = get_attname(tags->relid, subject->keys[i], true);
		keys[i] = name ? name : pstrdup("");
	}
	for (int i = 0; i < subject->npopulations; i++)
	{
		name = get_attname(tags->relid, subject->population_columns[i], true);
		scope[i] = psprintf("%s:%s", dsec_tag_quote(subject->populations[i]),
							name ? dsec_tag_quote(name) : "");
	}

	values[COL_RELATION] = ObjectIdGetDatum(tags->relid);
	name = get_attname(tags->relid, column->attno, true);
	nulls[COL_COLUMN] = (name == NULL);
	if (name != NULL)
		values[COL_COLUMN] = DirectFunctionCall1(namein, CStringGetDatum(name));
	set_text(values, nulls, COL_TAG, column->tag);
	set_text(values, nulls, COL_CATEGORY, column->category);
	set_text(values, nulls, COL_CLASS, column->identifier_class);
	set_text(values, nulls, COL_SOURCE, source_names[column->source]);
	values[COL_SUBJECT] = text_array(keys, subject->nkeys, &nulls[COL_SUBJECT]);
	set_text(values, nulls, COL_SPACE, subject->space);
	values[COL_IN_SCOPE] = text_array(scope, subject->npopulations,
									  &nulls[COL_IN_SCOPE]);
	set_text(values, nulls, COL_PROBLEM, column->problem);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A relation whose labels cannot be read has one row, without a column. */
static void
put_unreadable(ReturnSetInfo *rsinfo, Oid relid, const char *problem)
{
	Datum		values[NUM_COLS] = {0};
	bool		nulls[NUM_COLS];

	memset(nulls, true, sizeof(nulls));
	nulls[COL_RELATION] = false;
	values[COL_RELATION] = ObjectIdGetDatum(relid);
	set_text(values, nulls, COL_PROBLEM, problem);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* May the user see the tags of a relation? */
static bool
may_see(Oid relid, bool sees_all)
{
	return sees_all ||
		dsec_compat_owns_relation(relid, GetUserId()) ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

static bool
sees_all_relations(void)
{
	Oid			auditor = get_role_oid("dsec_auditor", true);

	return dsec_tag_is_officer() ||
		(OidIsValid(auditor) && has_privs_of_role(GetUserId(), auditor));
}

/* OIDs of the relations whose columns can be tagged. */
static List *
candidate_relations(void)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->oid < FirstNormalObjectId)
			continue;
		switch (form->relkind)
		{
			case RELKIND_RELATION:
			case RELKIND_PARTITIONED_TABLE:
			case RELKIND_MATVIEW:
			case RELKIND_FOREIGN_TABLE:
			case RELKIND_VIEW:
				result = lappend_oid(result, form->oid);
				break;
			default:
				break;
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

Datum
dsec_tagged_column_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		sees_all = sees_all_relations();
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, candidate_relations())
	{
		Oid			relid = lfirst_oid(lc);
		const DsecRelationTags *tags;
		const char *problem;

		CHECK_FOR_INTERRUPTS();
		tags = dsec_tag_relation_or_problem(relid, &problem);
		if ((tags == NULL && problem == NULL) || !may_see(relid, sees_all))
			continue;
		if (problem != NULL)
		{
			put_unreadable(rsinfo, relid, problem);
			continue;
		}

		/* the lookups below can invalidate the entry: look again each time */
		for (int i = 0; tags != NULL && i < tags->ncolumns; i++)
		{
			put_column(rsinfo, tags, i);
			tags = dsec_tag_relation_or_problem(relid, &problem);
		}
	}
	return (Datum) 0;
}
