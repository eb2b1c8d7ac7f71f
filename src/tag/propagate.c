/*-------------------------------------------------------------------------
 *
 * propagate.c
 *	  The tag follows the data: labels that dsec sets by itself.
 *
 * What a column receives is put beside what its tag says.  Categories are
 * united.  For the subject there are five cases, from "named" (by columns, in a
 * space that a label names) over "default" (the primary key, or the row version,
 * in a space of its own) and "row" to "many":
 *
 *				receives:	named		default		row			many
 *	untagged				named		default		row			many
 *	named					named (*)	many		many		many
 *	default					row			default (*)	row			many
 *	row						row			row			row			many
 *	many					many		many		many		many
 *
 *	(*) if it is the same subject; else many, and row, respectively.
 *
 * A default subject has a space that belongs to one relation, and can follow
 * data within it only; elsewhere it is a row.  A tag that has a problem says
 * nothing about subjects, so whatever receives from it, or is received under it,
 * is many.  A column never leaves many, nor any category, by this.
 *
 * A column that has its label from ancestors has it changed there: two labels
 * that contradict each other would be a problem.
 *
 * The steady state, in which the tag says it all, costs a comparison and takes
 * no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "report.h"
#include "storage/lmgr.h"
#include "tag/builder.h"
#include "tag/propagate.h"
#include "tag/provider.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

typedef enum Kind
{
	KIND_NONE,
	KIND_NAMED,
	KIND_DEFAULT,
	KIND_ROW,
	KIND_MANY
} Kind;

/* ----------------------------------------------------------------
 * What the column receives
 * ----------------------------------------------------------------
 */

static DsecValue *
make_value(const char *of, const char *text)
{
	DsecValue  *value = palloc0(sizeof(DsecValue));

	value->of = of ? pstrdup(of) : NULL;
	value->text = pstrdup(text);
	return value;
}

static bool
has_value(List *values, const char *text)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (strcmp(((DsecValue *) lfirst(lc))->text, text) == 0)
			return true;
	}
	return false;
}

/* Add a category to a label, which may have none yet. */
static void
add_category(DsecLabel *label, const char *category)
{
	if (label->category == NULL)
	{
		label->head = DSEC_HEAD_CATEGORY;
		label->category = pstrdup(category);
	}
	else if (strcmp(label->category, category) != 0 &&
			 !has_value(label->values[DSEC_ATTRIBUTE_ALSO], category))
		label->values[DSEC_ATTRIBUTE_ALSO] =
			lappend(label->values[DSEC_ATTRIBUTE_ALSO], make_value(NULL, category));
}

void
dsec_tag_unite_categories(DsecLabel *label, const DsecLabel *other)
{
	ListCell   *lc;

	add_category(label, other->category);
	foreach(lc, other->values[DSEC_ATTRIBUTE_ALSO])
		add_category(label, ((DsecValue *) lfirst(lc))->text);
	foreach(lc, other->values[DSEC_ATTRIBUTE_CLASS])
	{
		char	   *text = ((DsecValue *) lfirst(lc))->text;

		if (!has_value(label->values[DSEC_ATTRIBUTE_CLASS], text))
			label->values[DSEC_ATTRIBUTE_CLASS] =
				lappend(label->values[DSEC_ATTRIBUTE_CLASS], make_value(NULL, text));
	}
}

static void
clear_subject(DsecLabel *label)
{
	label->values[DSEC_ATTRIBUTE_SUBJECT] = NIL;
	label->values[DSEC_ATTRIBUTE_SPACE] = NIL;
	label->values[DSEC_ATTRIBUTE_IN_SCOPE] = NIL;
	label->values[DSEC_ATTRIBUTE_SUBJECTS] = NIL;
}

static void
set_subjects(DsecLabel *label, const char *what)
{
	clear_subject(label);
	label->values[DSEC_ATTRIBUTE_SUBJECTS] = list_make1(make_value(NULL, what));
}

static void
set_keys(DsecLabel *label, const DsecPropagation *p)
{
	clear_subject(label);
	for (int i = 0; i < p->nkeys; i++)
		label->values[DSEC_ATTRIBUTE_SUBJECT] =
			lappend(label->values[DSEC_ATTRIBUTE_SUBJECT],
					make_value(NULL, get_attname(p->relid, p->keys[i], false)));
	label->values[DSEC_ATTRIBUTE_SPACE] = list_make1(make_value(NULL, p->space));
	for (int i = 0; i < p->npopulations; i++)
		label->values[DSEC_ATTRIBUTE_IN_SCOPE] =
			lappend(label->values[DSEC_ATTRIBUTE_IN_SCOPE],
					make_value(p->populations[i],
							   get_attname(p->relid, p->population_columns[i], false)));
}

static bool
is_default_space(const char *space)
{
	return strncmp(space, DSEC_RESERVED_SPACE, strlen(DSEC_RESERVED_SPACE)) == 0;
}

/* Is this the subject that the propagation's key columns name? */
static bool
same_keys(const DsecSubject *subject, const DsecPropagation *p)
{
	if (subject->nkeys != p->nkeys || strcmp(subject->space, p->space) != 0)
		return false;
	for (int i = 0; i < p->nkeys; i++)
	{
		if (subject->keys[i] != p->keys[i])
			return false;
	}
	return true;
}

/* Does the relation itself have this default subject? */
static bool
has_default(Oid relid, const DsecPropagation *p)
{
	const DsecRelationTags *tags = dsec_tag_relation(relid);

	for (int i = 0; tags && i < tags->nsubjects; i++)
	{
		if (same_keys(&tags->subjects[i], p))
			return true;
	}
	return false;
}

/*
 * Can a label name these key columns?  A type that keys cannot have was cast on
 * the way.
 */
static bool
keys_usable(const DsecPropagation *p)
{
	for (int i = 0; i < p->nkeys; i++)
	{
		if (dsec_tag_key_family(get_atttype(p->relid, p->keys[i])) == 0)
			return false;
	}
	return true;
}

/* Add what these columns are tagged with; is one not to be relied on? */
static bool
add_sources(DsecLabel *label, List *refs)
{
	bool		problem = false;
	ListCell   *lc;

	foreach(lc, refs)
	{
		const DsecColumnRef *ref = lfirst(lc);
		const DsecTaggedColumn *column =
			dsec_tag_column(dsec_tag_relation(ref->relid), ref->attno);

		if (column == NULL)
			continue;
		problem |= column->problem != NULL;
		dsec_tag_unite_categories(label, dsec_tag_parse_strict(pstrdup(column->tag)));
	}
	return problem;
}

/* The label for what is received, as if the column were untagged. */
static Kind
received(const DsecPropagation *p, DsecLabel *label)
{
	bool		problem = add_sources(label, p->sources);

	(void) add_sources(label, p->selectors);
	if (problem || p->merged)
		return KIND_MANY;
	if (p->nkeys == 0 || p->space == NULL || !keys_usable(p))
		return KIND_ROW;
	if (!is_default_space(p->space))
		return KIND_NAMED;
	return has_default(p->relid, p) ? KIND_DEFAULT : KIND_ROW;
}

/* ----------------------------------------------------------------
 * What its tag says, and will say
 * ----------------------------------------------------------------
 */

static Kind
kind_of(const DsecRelationTags *tags, const DsecTaggedColumn *column,
		const DsecLabel *label)
{
	if (column == NULL)
		return KIND_NONE;
	if (column->problem != NULL)
		return KIND_MANY;
	if (dsec_tag_says_subjects(label, DSEC_SUBJECTS_ROW))
		return KIND_ROW;
	return is_default_space(tags->subjects[column->subject].space) ?
		KIND_DEFAULT : KIND_NAMED;
}

static Kind
combine(Kind old, Kind new, bool same)
{
	if (old == KIND_NONE)
		return new;
	if (old == KIND_MANY || new == KIND_MANY)
		return KIND_MANY;
	if (old == KIND_ROW)
		return KIND_ROW;
	if (same)
		return old;
	return old == KIND_NAMED ? KIND_MANY : KIND_ROW;
}

static bool
receives_labels(Oid relid)
{
	if (relid < FirstNormalObjectId)
		return false;
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
			return true;
		default:
			return false;
	}
}

DsecPropagated
dsec_tag_propagation(const DsecPropagation *p, char **text)
{
	static const DsecPropagated results[] = {
		[KIND_NAMED] = DSEC_PROPAGATED_KEYED,
		[KIND_DEFAULT] = DSEC_PROPAGATED_KEYED,
		[KIND_ROW] = DSEC_PROPAGATED_ROW,
		[KIND_MANY] = DSEC_PROPAGATED_MANY
	};
	DsecLabel	new = {0};
	DsecLabel  *label;
	const DsecRelationTags *tags;
	const DsecTaggedColumn *column;
	Kind		new_kind;
	Kind		old_kind;
	Kind		kind;
	char	   *old_text = NULL;

	*text = NULL;
	if (!receives_labels(p->relid))
		return DSEC_PROPAGATED_NOT;
	new_kind = received(p, &new);
	if (new.category == NULL)
		return DSEC_PROPAGATED_NOT;

	tags = dsec_tag_relation(p->relid);
	column = dsec_tag_column(tags, p->attno);
	if (column != NULL)
	{
		bool		same = p->nkeys > 0 && p->space != NULL &&
			same_keys(&tags->subjects[column->subject], p);

		old_text = pstrdup(column->tag);
		label = dsec_tag_parse_strict(old_text);
		old_kind = kind_of(tags, column, label);

		/* a problem of the relation's labels may be solved one day */
		kind = combine(old_kind, new_kind,
					   same && (new_kind == KIND_NAMED || new_kind == KIND_DEFAULT));
		dsec_tag_unite_categories(label, &new);
	}
	else
	{
		label = &new;
		kind = new_kind;
		old_kind = KIND_NONE;
	}

	if (kind == KIND_MANY)
		set_subjects(label, DSEC_SUBJECTS_MANY);
	else if (kind == KIND_ROW)
		set_subjects(label, DSEC_SUBJECTS_ROW);
	else if (kind == KIND_NAMED && old_kind == KIND_NONE)
		set_keys(label, p);
	dsec_tag_sort_values(label);
	*text = dsec_tag_canonical(label);

	if (old_text != NULL && strcmp(old_text, *text) == 0)
		return DSEC_PROPAGATED_NOT;
	return results[kind];
}

/* ----------------------------------------------------------------
 * Writing
 * ----------------------------------------------------------------
 */

static void
append_refs(StringInfo buf, List *refs)
{
	ListCell   *lc;

	foreach(lc, refs)
	{
		const DsecColumnRef *ref = lfirst(lc);
		char	   *name = get_attname(ref->relid, ref->attno, true);
		char	   *schema = get_namespace_name(get_rel_namespace(ref->relid));
		char	   *relation = get_rel_name(ref->relid);

		if (name == NULL || relation == NULL)
			continue;
		appendStringInfo(buf, "%s%s(%s)", buf->len > 0 ? ", " : "",
						 quote_qualified_identifier(schema, relation),
						 quote_identifier(name));
	}
}

char *
dsec_tag_sources(const DsecPropagation *p)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_refs(&buf, p->sources);
	append_refs(&buf, p->selectors);
	return buf.data;
}

/* The label that stands on the column itself, or NULL. */
static char *
own_label(Oid relid, const char *column)
{
	ObjectAddress object;
	AttrNumber	attno = get_attnum(relid, column);

	if (attno <= 0)
		return NULL;
	ObjectAddressSubSet(object, RelationRelationId, relid, attno);
	return GetSecurityLabel(&object, DSEC_PROVIDER);
}

/* The nearest relation, itself or an ancestor, whose label tags the column. */
static Oid
labelled_level(Oid relid, const char *column)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};
	ListCell   *lc;

	b.result = &ignored;
	b.relid = relid;
	if (dsec_tag_read_levels(&b))
	{
		foreach(lc, b.levels)
		{
			DsecLevel  *level = (DsecLevel *) lfirst(lc);

			if (own_label(level->relid, column) != NULL)
				return level->relid;
		}
	}
	return relid;
}

/* Relations above and below that have the same label on their column. */
static List *
same_labels(Oid relid, const char *column, const char *text)
{
	DsecEffective ignored = {0};
	DsecBuilder b = {0};
	List	   *candidates = find_all_inheritors(relid, NoLock, NULL);
	List	   *result = NIL;
	ListCell   *lc;

	b.result = &ignored;
	b.relid = relid;
	if (dsec_tag_read_levels(&b))
	{
		foreach(lc, b.levels)
			candidates = list_append_unique_oid(candidates,
												((DsecLevel *) lfirst(lc))->relid);
	}
	foreach(lc, candidates)
	{
		char	   *other = own_label(lfirst_oid(lc), column);

		if (lfirst_oid(lc) != relid && other != NULL && strcmp(other, text) == 0)
			result = lappend_oid(result, lfirst_oid(lc));
	}
	return result;
}

static void
write_column(Oid relid, const char *column, const char *text)
{
	ObjectAddress object;

	LockRelationOid(relid, ShareUpdateExclusiveLock);
	ObjectAddressSubSet(object, RelationRelationId, relid,
						get_attnum(relid, column));
	dsec_tag_write_label(&object, text);
}

/* Write the label where the column has its own, and where the same one stands. */
static void
write_levels(const DsecPropagation *p, const char *text)
{
	char	   *column = get_attname(p->relid, p->attno, false);
	Oid			level = labelled_level(p->relid, column);
	char	   *old = own_label(level, column);
	List	   *others = old ? same_labels(level, column, old) : NIL;
	ListCell   *lc;

	write_column(level, column, text);
	foreach(lc, others)
		write_column(lfirst_oid(lc), column, text);
}

DsecPropagated
dsec_tag_propagate(const DsecPropagation *p, const char *statement)
{
	MemoryContext context;
	MemoryContext old;
	DsecPropagated result;
	char	   *text;

	context = AllocSetContextCreate(CurrentMemoryContext, "dsec propagation",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	result = dsec_tag_propagation(p, &text);
	if (result != DSEC_PROPAGATED_NOT)
	{
		/* somebody else may have been faster */
		LockRelationOid(p->relid, ShareUpdateExclusiveLock);
		result = dsec_tag_propagation(p, &text);
	}
	if (result != DSEC_PROPAGATED_NOT)
	{
		dsec_tag_history_enter("propagated",
							   psprintf("%s from %s", statement, dsec_tag_sources(p)));
		write_levels(p, text);
		dsec_tag_history_leave();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);

	return result;
}

void
dsec_tag_follows_not(const DsecPropagation *p, const char *statement, const char *text)
{
	char	   *why = psprintf("%s from %s", statement, dsec_tag_sources(p));
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, p->relid, p->attno);
	dsec_tag_history_add(&object, "not tagged",
						 GetSecurityLabel(&object, DSEC_PROVIDER), text, why);
	dsec_tag_tell_note(&object, psprintf("Copy of tagged data not tagged: %s.", why));
}
