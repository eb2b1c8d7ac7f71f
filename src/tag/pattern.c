/*-------------------------------------------------------------------------
 *
 * pattern.c
 *	  Tags by name: the rules of dsec.tag_pattern.
 *
 * Tools that rebuild tables lose labels with the table.  A rule says by LIKE
 * patterns for schema, table and column what is held under these names, and is
 * applied to what is not tagged otherwise.  It is an officer's word, so it needs
 * no rights of the user whose statement made the relation; and it never changes
 * the tag of a column that has one, so that nobody can be rid of a tag by a name.
 *
 * Of the rules for a column, those of higher priority are tried first, then
 * those that are older.  The first that fits, that is whose subject and
 * in_scope columns are there and of types that can be used, is taken.  When none
 * fits, the first is taken all the same: the column is tagged with a problem and
 * fails closed.  Defaults that do not fit are left out, because without them
 * people are counted by primary key or row, which is not too few.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "report.h"
#include "storage/lmgr.h"
#include "tag/effective.h"
#include "tag/pattern.h"
#include "tag/provider.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* columns of dsec.tag_pattern */
enum
{
	ATT_ID = 1,
	ATT_SCHEMA,
	ATT_TABLE,
	ATT_COLUMN,
	ATT_TAG,
	ATT_PRIORITY,
	NUM_ATTS = ATT_PRIORITY
};

typedef struct Pattern
{
	int64		id;
	int32		priority;
	char	   *schema;
	char	   *table;
	char	   *column;			/* NULL: for the relation */
	char	   *tag;
} Pattern;

PG_FUNCTION_INFO_V1(dsec_tag_pattern_fits);
PG_FUNCTION_INFO_V1(dsec_apply_tag_patterns);

/* ----------------------------------------------------------------
 * The rules
 * ----------------------------------------------------------------
 */

/* The table, if it is that of the extension and not somebody's own. */
static Oid
pattern_table(Oid extension)
{
	Oid			schema = get_namespace_oid("dsec", true);
	Oid			relid;

	if (!OidIsValid(extension) || !OidIsValid(schema))
		return InvalidOid;
	relid = get_relname_relid("tag_pattern", schema);
	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	return relid;
}

static int
by_priority(const ListCell *a, const ListCell *b)
{
	const Pattern *left = (const Pattern *) lfirst(a);
	const Pattern *right = (const Pattern *) lfirst(b);

	if (left->priority != right->priority)
		return left->priority > right->priority ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static char *
text_of(Datum *values, bool *nulls, int attno)
{
	return nulls[attno - 1] ? NULL : TextDatumGetCString(values[attno - 1]);
}

List *
dsec_tag_read_patterns(void)
{
	Oid			relid = pattern_table(get_extension_oid("dsec", true));
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	if (!OidIsValid(relid))
		return NIL;
	rel = table_open(relid, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Pattern    *pattern = palloc(sizeof(Pattern));
		Datum	   *values = palloc(sizeof(Datum) * RelationGetNumberOfAttributes(rel));
		bool	   *nulls = palloc(sizeof(bool) * RelationGetNumberOfAttributes(rel));

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		pattern->id = DatumGetInt64(values[ATT_ID - 1]);
		pattern->priority = DatumGetInt32(values[ATT_PRIORITY - 1]);
		pattern->schema = text_of(values, nulls, ATT_SCHEMA);
		pattern->table = text_of(values, nulls, ATT_TABLE);
		pattern->column = text_of(values, nulls, ATT_COLUMN);
		pattern->tag = text_of(values, nulls, ATT_TAG);
		result = lappend(result, pattern);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, by_priority);
	return result;
}

/*
 * CHECK of dsec.tag_pattern: raises DS002 when the tag does not fit what it is
 * for, a column or a relation.
 */
Datum
dsec_tag_pattern_fits(PG_FUNCTION_ARGS)
{
	DsecLabel  *label = dsec_tag_parse_strict(TextDatumGetCString(PG_GETARG_DATUM(0)));
	bool		column = PG_GETARG_BOOL(1);
	char	   *space = dsec_tag_value(label, DSEC_ATTRIBUTE_SPACE);
	char	   *subject = dsec_tag_value(label, DSEC_ATTRIBUTE_SUBJECT);

	dsec_tag_check_kind(label, column ? DSEC_ON_COLUMN : DSEC_ON_RELATION);
	dsec_tag_check_reserved(label);
	if ((space == NULL) != (subject == NULL) || (!column && subject == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_LABEL_REFUSED),
				 errmsg("a rule for names must give \"subject\" and \"space\" together"),
				 errdetail("It is tried by itself, without looking at other rules."),
				 errhint("Write both, or in a rule for columns neither.")));
	PG_RETURN_BOOL(true);
}

/* ----------------------------------------------------------------
 * Which rule
 * ----------------------------------------------------------------
 */

static bool
is_like(const char *name, const char *pattern)
{
	return DatumGetBool(DirectFunctionCall2Coll(textlike, C_COLLATION_OID,
												CStringGetTextDatum(name),
												CStringGetTextDatum(pattern)));
}

/* Rules for this relation and its columns. */
static List *
patterns_for(List *patterns, Oid relid)
{
	char	   *table = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));
	List	   *result = NIL;
	ListCell   *lc;

	if (table == NULL || schema == NULL)
		return NIL;
	foreach(lc, patterns)
	{
		Pattern    *pattern = (Pattern *) lfirst(lc);

		if (is_like(schema, pattern->schema) && is_like(table, pattern->table))
			result = lappend(result, pattern);
	}
	return result;
}

static bool
can_be_tagged(Oid relid)
{
	Oid			extension;

	if (relid < FirstNormalObjectId)
		return false;
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			return false;
	}
	extension = getExtensionOfObject(RelationRelationId, relid);
	return !OidIsValid(extension) || extension != get_extension_oid("dsec", true);
}

/* Are the columns that the label names there, of types that can be used? */
static bool
fits(Oid relid, const char *tag)
{
	DsecLabel  *label = dsec_tag_parse_strict(tag);
	ListCell   *lc;

	foreach(lc, label->values[DSEC_ATTRIBUTE_SUBJECT])
	{
		AttrNumber	attno = get_attnum(relid, ((DsecValue *) lfirst(lc))->text);

		if (attno <= 0 || dsec_tag_key_family(get_atttype(relid, attno)) == 0)
			return false;
	}
	foreach(lc, label->values[DSEC_ATTRIBUTE_IN_SCOPE])
	{
		AttrNumber	attno = get_attnum(relid, ((DsecValue *) lfirst(lc))->text);

		if (attno <= 0 || getBaseType(get_atttype(relid, attno)) != BOOLOID)
			return false;
	}
	return true;
}

/* The rule for a column, or with NULL for the relation; *fitting: it fits. */
static Pattern *
find_pattern(List *patterns, Oid relid, const char *column, bool *fitting)
{
	Pattern    *first = NULL;
	ListCell   *lc;

	*fitting = false;
	foreach(lc, patterns)
	{
		Pattern    *pattern = (Pattern *) lfirst(lc);

		if ((column == NULL) != (pattern->column == NULL) ||
			(column != NULL && !is_like(column, pattern->column)))
			continue;
		if (first == NULL)
			first = pattern;
		if (fits(relid, pattern->tag))
		{
			*fitting = true;
			return pattern;
		}
	}
	return first;
}

/* ----------------------------------------------------------------
 * Applying them
 * ----------------------------------------------------------------
 */

static DsecPatternResult *
add_result(List **results, const Pattern *pattern, Oid relid, AttrNumber attno)
{
	DsecPatternResult *result = palloc0(sizeof(DsecPatternResult));

	result->pattern = pattern->id;
	result->relid = relid;
	result->attno = attno;
	result->tag = pattern->tag;
	*results = lappend(*results, result);
	return result;
}

/* Has a column no subject but the one that it has by default? */
static bool
counts_by_default(const DsecRelationTags *tags)
{
	for (int i = 0; tags != NULL && i < tags->nsubjects; i++)
	{
		if (strncmp(tags->subjects[i].space, DSEC_RESERVED_SPACE,
					strlen(DSEC_RESERVED_SPACE)) == 0)
			return true;
	}
	return false;
}

/* Untagged columns for which there is a rule, as a set. */
static Bitmapset *
columns_to_tag(List *patterns, Oid relid)
{
	DsecEffective effective;
	Bitmapset  *result = NULL;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			natts;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	natts = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	dsec_tag_effective(relid, &effective);
	for (AttrNumber attno = 1; attno <= natts; attno++)
	{
		char	   *name;
		bool		fitting;

		if (dsec_tag_column(effective.tags, attno) != NULL)
			continue;
		tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
		if (!HeapTupleIsValid(tuple))
			continue;
		name = ((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped ? NULL :
			pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(tuple))->attname));
		ReleaseSysCache(tuple);
		if (name != NULL && find_pattern(patterns, relid, name, &fitting) != NULL)
			result = bms_add_member(result, attno);
	}
	return result;
}

/* The rule for the relation itself, unless it has a label or inherits one. */
static Pattern *
defaults_to_set(List *patterns, Oid relid, bool *fitting)
{
	ObjectAddress object;

	*fitting = false;
	ObjectAddressSet(object, RelationRelationId, relid);
	if (GetSecurityLabel(&object, DSEC_PROVIDER) != NULL ||
		dsec_tag_default(relid, DSEC_ATTRIBUTE_SUBJECT) != NULL)
		return NULL;
	return find_pattern(patterns, relid, NULL, fitting);
}

static bool
apply(const Pattern *pattern, const ObjectAddress *object, bool keep_tagged)
{
	bool		applied;

	dsec_tag_history_enter("set", psprintf("dsec.tag_pattern %lld",
										   (long long) pattern->id));
	applied = dsec_tag_apply_label(object, pattern->tag, keep_tagged);
	dsec_tag_history_leave();
	return applied;
}

static void
apply_defaults(List *patterns, Oid relid, bool empty, List **results)
{
	bool		fitting;
	Pattern    *pattern = defaults_to_set(patterns, relid, &fitting);
	ObjectAddress object;

	if (pattern == NULL || !fitting)
		return;
	ObjectAddressSet(object, RelationRelationId, relid);
	if (apply(pattern, &object, !empty))
		add_result(results, pattern, relid, 0);
	else
		add_result(results, pattern, relid, 0)->problem =
			"It would change tag, subject, space or scope of a column that is tagged.";
}

static void
apply_to_columns(List *patterns, Oid relid, List **results)
{
	Bitmapset  *attnos = columns_to_tag(patterns, relid);
	int			attno = -1;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		bool		fitting;
		Pattern    *pattern = find_pattern(patterns, relid,
										   get_attname(relid, attno, false), &fitting);
		ObjectAddress object;

		ObjectAddressSubSet(object, RelationRelationId, relid, attno);
		apply(pattern, &object, false);
		add_result(results, pattern, relid, attno);
	}
}

/* Find out what came of it. */
static void
find_problems(List *patterns, Oid relid, List **results)
{
	DsecEffective effective;
	ListCell   *lc;
	bool		fitting;
	Pattern    *defaults = defaults_to_set(patterns, relid, &fitting);

	dsec_tag_effective(relid, &effective);
	if (defaults != NULL && !fitting && *results != NIL &&
		counts_by_default(effective.tags))
		add_result(results, defaults, relid, 0)->problem =
			"The relation lacks columns that the rule names, or they have other types.";
	foreach(lc, *results)
	{
		DsecPatternResult *result = (DsecPatternResult *) lfirst(lc);
		const DsecTaggedColumn *column = dsec_tag_column(effective.tags, result->attno);

		if (effective.unreadable != NULL)
			result->problem = effective.unreadable;
		else if (column != NULL)
			result->problem = column->problem;
	}
}

List *
dsec_tag_apply_patterns(List *patterns, Oid relid, bool empty)
{
	List	   *results = NIL;
	bool		fitting;

	if (patterns == NIL || !can_be_tagged(relid))
		return NIL;
	patterns = patterns_for(patterns, relid);
	if (patterns == NIL ||
		((defaults_to_set(patterns, relid, &fitting) == NULL || !fitting) &&
		 columns_to_tag(patterns, relid) == NULL))
		return NIL;

	LockRelationOid(relid, ShareUpdateExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		return NIL;
	apply_defaults(patterns, relid, empty, &results);
	apply_to_columns(patterns, relid, &results);
	find_problems(patterns, relid, &results);
	return results;
}

void
dsec_tag_warn_patterns(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		DsecPatternResult *result = (DsecPatternResult *) lfirst(lc);
		ObjectAddress object;

		if (result->problem == NULL)
			continue;
		ObjectAddressSubSet(object, RelationRelationId, result->relid, result->attno);
		dsec_tag_tell_note(&object,
						   psprintf("Rule %lld of dsec.tag_pattern could not be applied. %s",
									(long long) result->pattern, result->problem));
		if (result->attno == 0)
			ereport(WARNING,
					(errmsg("rule %lld of dsec.tag_pattern could not be applied to relation \"%s\"",
							(long long) result->pattern, get_rel_name(result->relid)),
					 errdetail_internal("%s", result->problem),
					 errhint("Ask a member of dsec_officer to look at the tags of the relation.")));
		else
			ereport(WARNING,
					(errmsg("exports of column \"%s\" of relation \"%s\" will be refused",
							get_attname(result->relid, result->attno, false),
							get_rel_name(result->relid)),
					 errdetail("Rule %lld of dsec.tag_pattern tags it. %s",
							   (long long) result->pattern, result->problem),
					 errhint("Ask a member of dsec_officer to tag the column with dsec.tag().")));
	}
}

/* ----------------------------------------------------------------
 * dsec.apply_tag_patterns()
 * ----------------------------------------------------------------
 */

static List *
all_relations(void)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (!isOtherTempNamespace(form->relnamespace))
			result = lappend_oid(result, form->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	/* parents, whose tags their partitions have, are mostly older */
	list_sort(result, list_oid_cmp);
	return result;
}

Datum
dsec_apply_tag_patterns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *patterns;
	ListCell   *lc;
	ListCell   *lr;

	if (!dsec_tag_is_officer())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to tag by rule"),
				 errhint("Ask a member of dsec_officer.")));
	PreventCommandIfReadOnly("dsec.apply_tag_patterns()");
	InitMaterializedSRF(fcinfo, 0);
	patterns = dsec_tag_read_patterns();
	foreach(lc, patterns ? all_relations() : NIL)
	{
		CHECK_FOR_INTERRUPTS();
		foreach(lr, dsec_tag_apply_patterns(patterns, lfirst_oid(lc), false))
		{
			DsecPatternResult *result = (DsecPatternResult *) lfirst(lr);
			char	   *column = result->attno == 0 ? NULL :
				get_attname(result->relid, result->attno, false);
			Datum		values[5];
			bool		nulls[5] = {0};

			values[0] = ObjectIdGetDatum(result->relid);
			nulls[1] = (column == NULL);
			values[1] = column ? DirectFunctionCall1(namein, CStringGetDatum(column)) : (Datum) 0;
			values[2] = CStringGetTextDatum(result->tag);
			values[3] = Int64GetDatum(result->pattern);
			nulls[4] = (result->problem == NULL);
			values[4] = result->problem ? CStringGetTextDatum(result->problem) : (Datum) 0;
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}
