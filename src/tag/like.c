/*-------------------------------------------------------------------------
 *
 * like.c
 *	  Tags of tables that are made like others.
 *
 * CREATE TABLE ... (LIKE source) takes every column of the source, so the names
 * by which a tag calls its subject are there.  A subject that is the source's
 * primary key is not named: the new table has its own, if it has one.
 *
 * The table is empty.  What is put in later brings its tag along by itself; this
 * is for what comes from elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "tag/tag.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* People are told apart in the source, and not in the new table. */
static void
warn_row(Oid relid, Oid source)
{
	ereport(WARNING,
			(errmsg("each row version of relation \"%s\" counts as a subject of its own",
					get_rel_name(relid)),
			 errdetail("In relation \"%s\" the primary key is the subject, and the table that is like it has none.",
					   get_rel_name(source)),
			 errhint("Label the relation with \"subject=column; space=name\", or use INCLUDING INDEXES.")));
}

void
dsec_tag_make_like(Oid relid, Oid source)
{
	DsecEffective from;
	DsecEffective before;
	DsecEffective after;
	bool		warn = false;

	dsec_tag_effective(source, &from);
	if (from.tags == NULL)
		return;
	dsec_tag_effective(relid, &before);
	dsec_tag_history_enter("propagated",
						   psprintf("CREATE TABLE LIKE %s",
									quote_qualified_identifier(get_namespace_name(get_rel_namespace(source)),
															   get_rel_name(source))));
	for (int i = 0; i < from.tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &from.tags->columns[i];
		AttrNumber	attno = get_attnum(relid, get_attname(source, column->attno, false));
		const DsecTaggedColumn *own = dsec_tag_column(before.tags, attno);
		ObjectAddress object;

		if (attno <= 0 ||
			(own != NULL && (own->source == DSEC_TAG_ANCESTOR ||
							 strcmp(own->tag, column->tag) == 0)))
			continue;
		ObjectAddressSubSet(object, RelationRelationId, relid, attno);
		dsec_tag_apply_label(&object, column->tag, false);
	}
	dsec_tag_history_leave();

	dsec_tag_effective(relid, &after);
	for (int i = 0; after.tags != NULL && i < after.tags->ncolumns; i++)
	{
		const DsecTaggedColumn *new = &after.tags->columns[i];
		const DsecTaggedColumn *old =
			dsec_tag_column(from.tags,
							get_attnum(source, get_attname(relid, new->attno, false)));

		warn |= old != NULL && after.tags->subjects[new->subject].nkeys == 0 &&
			from.tags->subjects[old->subject].nkeys > 0;
	}
	if (warn)
		warn_row(relid, source);
}
