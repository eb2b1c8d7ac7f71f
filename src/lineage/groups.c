/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  From the tagged columns that a plan reads to the subjects it must count.
 *
 * Pure: looks at tags only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "lineage/groups.h"
#include "nodes/value.h"
#include "report.h"
#include "utils/lsyscache.h"

static int
compare_strings(const ListCell *a, const ListCell *b)
{
	return strcmp(strVal(lfirst(a)), strVal(lfirst(b)));
}

/* Categories of the columns in attnos that have this subject. */
static List *
subject_categories(const DsecRelationTags *tags, const Bitmapset *attnos,
				   int subject)
{
	List	   *categories = NIL;

	for (int i = 0; i < tags->ncolumns; i++)
	{
		const DsecTaggedColumn *column = &tags->columns[i];

		if (column->subject != subject ||
			!bms_is_member(column->attno, attnos))
			continue;

		for (int c = 0; c <= column->nalso; c++)
		{
			String	   *category = makeString(dsec_tag_category(column, c));

			if (!list_member(categories, category))
				categories = lappend(categories,
									 makeString(pstrdup(strVal(category))));
		}
	}
	list_sort(categories, compare_strings);

	return categories;
}

static void
refuse_problem(const DsecRelationTags *tags, const DsecTaggedColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot count the people in column \"%s\" of relation \"%s\"",
					get_attname(tags->relid, column->attno, false),
					get_rel_name(tags->relid)),
			 errdetail("%s", column->problem),
			 tags->relid < FirstNormalObjectId ?
			 errhint("Leave the column out, or SELECT it as a role that is bound to no recipient.") :
			 column->many ?
			 errhint("Make the copy per person, with the subject key, or have an officer give the column another tag or remove it (dsec.untag); dsec.tag_history shows where the data came from.") :
			 errhint("Have an officer correct the tag; dsec.tagged_columns shows it.")));
}

List *
dsec_lineage_groups(const DsecRelationTags *tags, const Bitmapset *attnos)
{
	List	   *groups = NIL;

	for (int i = 0; i < tags->ncolumns; i++)
	{
		if (tags->columns[i].problem != NULL &&
			bms_is_member(tags->columns[i].attno, attnos))
			refuse_problem(tags, &tags->columns[i]);
	}

	for (int i = 0; i < tags->nsubjects; i++)
	{
		const DsecSubject *subject = &tags->subjects[i];
		List	   *categories = subject_categories(tags, attnos, i);
		DsecGroup  *group;

		if (categories == NIL)
			continue;

		group = palloc0(sizeof(DsecGroup));
		group->space = pstrdup(subject->space);
		group->categories = categories;
		group->nkeys = subject->nkeys;
		group->rowid = subject->nkeys == 0 || !subject->keys_notnull;
		for (int k = 0; k < subject->nkeys; k++)
			group->columns = lappend_int(group->columns, subject->keys[k]);
		for (int p = 0; p < subject->npopulations; p++)
		{
			group->populations = lappend(group->populations,
										 makeString(pstrdup(subject->populations[p])));
			group->columns = lappend_int(group->columns,
										 subject->population_columns[p]);
		}
		if (group->rowid)
		{
			group->columns = lappend_int(group->columns,
										 SelfItemPointerAttributeNumber);
			group->columns = lappend_int(group->columns,
										 TableOidAttributeNumber);
		}
		groups = lappend(groups, group);
	}

	return groups;
}
