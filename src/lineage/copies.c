/*-------------------------------------------------------------------------
 *
 * copies.c
 *	  Where a finished plan puts tagged data.
 *
 * From what the plan walk says of targets and of what is sent: which tagged
 * columns are the sources of each target column.  Whether its values are of one
 * row each, and whether that row's subject key comes along, is for rows.c to
 * say; where the walk knows of more than rows.c does, nothing is said.
 *
 * For this the walk is given every column of a relation of which one is tagged:
 * the name of a row that a diagnosis selected tells the diagnosis.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/copies.h"

#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "lineage/reads.h"
#include "lineage/rows.h"
#include "lineage/verify.h"
#include "lineage/walk.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* one statement under analysis */
typedef struct Analysis
{
	PlannedStmt *stmt;
	MemoryContext caller;		/* where the answer goes */
	DsecWalkResult *walked;
	int			norigins;
	DsecSite  **sites;			/* by origin */
	AttrNumber *attnos;			/* by origin */
	Bitmapset  *tagged;			/* origins that are tagged columns */
	DsecRowFlow *rows;
} Analysis;

/* ----------------------------------------------------------------
 * what is tagged
 * ----------------------------------------------------------------
 */

/* Tags of a range table entry that can hand out rows; NULL: none. */
static const DsecRelationTags *
entry_tags(const RangeTblEntry *rte)
{
	const DsecRelationTags *tags;

	if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_NAMEDTUPLESTORE)
		return NULL;
	if (!OidIsValid(rte->relid))
		return NULL;

	/* a view is here for the sake of its privileges */
	if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW)
		return NULL;

	tags = dsec_tag_relation(rte->relid);
	return tags == NULL || bms_is_empty(tags->attnos) ? NULL : tags;
}

bool
dsec_lineage_mentions_tagged(const PlannedStmt *stmt)
{
	ListCell   *lc;

	if (!dsec_tag_database())
		return false;
	foreach(lc, stmt->rtable)
	{
		if (entry_tags(lfirst_node(RangeTblEntry, lc)) != NULL)
			return true;
	}
	return false;
}

/* All columns of relations of which one is tagged, by range table index. */
static Bitmapset **
all_columns(PlannedStmt *stmt)
{
	Bitmapset **columns = palloc0(sizeof(Bitmapset *) *
								  (list_length(stmt->rtable) + 1));
	Index		rti = 0;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Relation	rel;

		rti++;
		if (entry_tags(rte) == NULL)
			continue;
		rel = RelationIdGetRelation(rte->relid);
		for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
		{
			if (!TupleDescAttr(rel->rd_att, i)->attisdropped)
				columns[rti] = bms_add_member(columns[rti], i + 1);
		}
		RelationClose(rel);
	}
	return columns;
}

/* Walk the plan, and make its origins known by number. */
static void
analyse(Analysis *analysis, PlannedStmt *stmt, const DsecWalkCopies *wanted)
{
	ListCell   *lc;

	analysis->stmt = stmt;
	analysis->walked = dsec_walk_plan(stmt, all_columns(stmt),
									  dsec_lineage_charge_function(), wanted);
	analysis->norigins = DSEC_FIRST_ORIGIN;
	foreach(lc, analysis->walked->sites)
	{
		DsecSite   *site = lfirst(lc);

		analysis->norigins = Max(analysis->norigins,
								 site->first + bms_num_members(site->attnos));
	}
	analysis->sites = palloc0(sizeof(DsecSite *) * analysis->norigins);
	analysis->attnos = palloc0(sizeof(AttrNumber) * analysis->norigins);
	foreach(lc, analysis->walked->sites)
	{
		DsecSite   *site = lfirst(lc);
		Oid			relid = rt_fetch(site->rti, stmt->rtable)->relid;
		Bitmapset  *tagged = bms_copy(dsec_tag_relation(relid)->attnos);
		int			origin = site->first;
		int			attno = -1;

		while ((attno = bms_next_member(site->attnos, attno)) >= 0)
		{
			analysis->sites[origin] = site;
			analysis->attnos[origin] = attno;
			if (bms_is_member(attno, tagged))
				analysis->tagged = bms_add_member(analysis->tagged, origin);
			origin++;
		}
	}
}

/* ----------------------------------------------------------------
 * sources
 * ----------------------------------------------------------------
 */

/* Tagged columns in control that are of none of these range table entries. */
static Bitmapset *
control_elsewhere(Analysis *analysis, Bitmapset *control, Bitmapset *roots)
{
	Bitmapset  *result = NULL;
	int			origin = -1;

	control = bms_intersect(control, analysis->tagged);
	while ((origin = bms_next_member(control, origin)) >= 0)
	{
		if (!bms_is_member(dsec_rows_root(analysis->rows,
										  analysis->sites[origin]->rti), roots))
			result = bms_add_member(result, origin);
	}
	return result;
}

/*
 * Tagged columns in control that tell about a value: those of a relation that
 * the value is made of, and all others apart.  "updated" are the range table
 * entries of the rows that an UPDATE puts it in, or NULL.
 */
static void
split_control(Analysis *analysis, Bitmapset *values, Bitmapset *control,
			  Bitmapset *updated, Bitmapset **sources, Bitmapset **selectors)
{
	Bitmapset  *relations = NULL;
	int			origin;

	*sources = bms_intersect(values, analysis->tagged);
	*selectors = NULL;

	/* neither constants nor parameters are of a row, but they may mark one */
	if (bms_next_member(values, DSEC_ORIGIN_PARAM) < 0)
	{
		if (updated != NULL)
			*selectors = control_elsewhere(analysis, control, updated);
		return;
	}
	for (origin = DSEC_ORIGIN_ROW;
		 (origin = bms_next_member(values, origin)) >= 0;)
		relations = bms_add_member(relations,
								   dsec_rows_root(analysis->rows,
												  analysis->sites[origin]->rti));
	origin = -1;
	control = bms_intersect(control, analysis->tagged);
	while ((origin = bms_next_member(control, origin)) >= 0)
	{
		if (bms_is_member(dsec_rows_root(analysis->rows,
										 analysis->sites[origin]->rti),
						  relations))
			*sources = bms_add_member(*sources, origin);
		else
			*selectors = bms_add_member(*selectors, origin);
	}
}

static int
compare_two(const DsecColumnRef *left, const DsecColumnRef *right)
{
	if (left->relid != right->relid)
		return left->relid < right->relid ? -1 : 1;
	return left->attno - right->attno;
}

static int
compare_refs(const ListCell *a, const ListCell *b)
{
	return compare_two(lfirst(a), lfirst(b));
}

/* Origins as columns, less those in "except". */
static List *
make_refs(Analysis *analysis, Bitmapset *origins, List *except)
{
	List	   *all = NIL;
	List	   *refs = NIL;
	DsecColumnRef *last = NULL;
	int			origin = -1;
	int			n = 0;
	ListCell   *lc;

	while ((origin = bms_next_member(origins, origin)) >= 0)
	{
		DsecColumnRef *ref = palloc(sizeof(DsecColumnRef));

		ref->relid = rt_fetch(analysis->sites[origin]->rti,
							  analysis->stmt->rtable)->relid;
		ref->attno = analysis->attnos[origin];
		all = lappend(all, ref);
	}
	list_sort(all, compare_refs);

	foreach(lc, all)
	{
		DsecColumnRef *ref = lfirst(lc);

		if (last && compare_two(last, ref) == 0)
			continue;
		last = ref;
		while (n < list_length(except) &&
			   compare_two(list_nth(except, n), ref) < 0)
			n++;
		if (n >= list_length(except) ||
			compare_two(list_nth(except, n), ref) != 0)
			refs = lappend(refs, ref);
	}

	return refs;
}

static const DsecSubject *
ref_subject(const DsecColumnRef *ref)
{
	const DsecRelationTags *tags = dsec_tag_relation(ref->relid);
	const DsecTaggedColumn *column = tags ? dsec_tag_column(tags, ref->attno) : NULL;

	return column && column->problem == NULL ? &tags->subjects[column->subject] : NULL;
}

/* The space that all these columns' subjects are of. */
static char *
common_space(List *refs)
{
	char	   *space = NULL;
	ListCell   *lc;

	foreach(lc, refs)
	{
		const DsecSubject *subject = ref_subject(lfirst(lc));

		if (subject == NULL || (space && strcmp(space, subject->space) != 0))
			return NULL;
		if (space == NULL)
			space = pstrdup(subject->space);
	}
	return space;
}

/* Does rows.c know of all the relations that the walk has as sources? */
static bool
rows_complete(Analysis *analysis, Bitmapset *sources, Bitmapset *relations)
{
	int			origin = -1;

	while ((origin = bms_next_member(sources, origin)) >= 0)
	{
		if (!bms_is_member(dsec_rows_root(analysis->rows,
										  analysis->sites[origin]->rti),
						   relations))
			return false;
	}
	return true;
}

/* The copy into one column, or NULL when nothing of interest flows there. */
static DsecCopy *
make_copy(Analysis *analysis, Oid target, AttrNumber attno, Bitmapset *values,
		  Bitmapset *control, Bitmapset *updated, DsecRowTarget *rows)
{
	DsecCopy   *copy;
	Bitmapset  *sources;
	Bitmapset  *selectors;
	Bitmapset  *relations = NULL;
	bool		from_param;
	bool		param_selects;
	MemoryContext context;

	split_control(analysis, values, control, updated, &sources, &selectors);
	from_param = bms_is_member(DSEC_ORIGIN_PARAM, values);
	param_selects = bms_is_member(DSEC_ORIGIN_PARAM, control) &&
		bms_next_member(values, DSEC_ORIGIN_PARAM) >= 0;
	if (bms_is_empty(sources) && bms_is_empty(selectors) && !from_param &&
		!param_selects)
		return NULL;

	context = MemoryContextSwitchTo(analysis->caller);
	copy = palloc0(sizeof(DsecCopy));
	copy->target = target;
	copy->attno = attno;
	copy->from_param = from_param;
	copy->param_selects = param_selects;
	copy->sources = make_refs(analysis, sources, NIL);
	copy->selectors = make_refs(analysis, selectors, copy->sources);
	copy->space = common_space(copy->sources ? copy->sources : copy->selectors);
	copy->one_subject = copy->sources != NIL && copy->space != NULL;
	MemoryContextSwitchTo(context);

	if (copy->sources == NIL)
		return copy;

	copy->merged = dsec_rows_merged(rows, attno, &relations) ||
		!rows_complete(analysis, sources, relations);
	if (!copy->merged && copy->one_subject)
		dsec_rows_find_key(rows, copy, analysis->caller);

	return copy;
}

/* ----------------------------------------------------------------
 * copies
 * ----------------------------------------------------------------
 */

/* Columns of one relation, as several result relations may give them. */
typedef struct Target
{
	Oid			relid;			/* reported: the root */
	ModifyTable *node;
	int			ncolumns;
	Bitmapset **columns;
	Bitmapset  *updated;		/* attnos */
	Bitmapset  *roots;			/* range table entries of the rows written */
	Bitmapset  *control;
} Target;

static Target *
get_target(List **targets, ModifyTable *node, Oid relid)
{
	Target	   *target;
	ListCell   *lc;

	foreach(lc, *targets)
	{
		target = lfirst(lc);
		if (target->node == node && target->relid == relid)
			return target;
	}
	target = palloc0(sizeof(Target));
	target->relid = relid;
	target->node = node;
	target->ncolumns = dsec_rows_natts(relid);
	target->columns = palloc0(sizeof(Bitmapset *) * Max(target->ncolumns, 1));
	*targets = lappend(*targets, target);

	return target;
}

/* Result relations of an inheritance tree give one target, its root. */
static List *
collect_targets(Analysis *analysis)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, analysis->walked->targets)
	{
		DsecWalkTarget *part = lfirst(lc);
		List	   *rtable = analysis->stmt->rtable;
		Oid			relid = rt_fetch(list_nth_int(part->node->resultRelations,
												  part->number), rtable)->relid;
		Oid			root = relid;
		Target	   *target;

		if (part->node->rootRelation > 0)
			root = rt_fetch(part->node->rootRelation, rtable)->relid;
		target = get_target(&targets, part->node, root);
		for (int i = 0; i < part->ncolumns; i++)
		{
			AttrNumber	attno = dsec_rows_root_attno(relid, root, i + 1);

			if (attno > 0 && attno <= target->ncolumns)
				target->columns[attno - 1] = bms_union(target->columns[attno - 1],
													   part->columns[i]);
			if (attno > 0 && bms_is_member(i + 1, part->updated))
				target->updated = bms_add_member(target->updated, attno);
		}
		target->roots = bms_add_member(target->roots,
									   dsec_rows_root(analysis->rows,
													  list_nth_int(part->node->resultRelations,
																   part->number)));
		target->control = bms_union(target->control, part->control);
	}
	return targets;
}

/* Add what the column gets, if anything; *rows is made when it is needed. */
static List *
add_copy(Analysis *analysis, List *copies, ModifyTable *node, Oid relid,
		 AttrNumber attno, Bitmapset *values, Bitmapset *control,
		 Bitmapset *updated, DsecRowTarget **rows)
{
	DsecCopy   *copy;
	MemoryContext context;

	if (bms_is_empty(values) && updated == NULL)
		return copies;
	if (*rows == NULL)
		*rows = dsec_rows_target(analysis->rows, node, relid);
	copy = make_copy(analysis, relid, attno, values, control, updated, *rows);
	if (copy == NULL)
		return copies;
	context = MemoryContextSwitchTo(analysis->caller);
	copies = lappend(copies, copy);
	MemoryContextSwitchTo(context);

	return copies;
}

/* An analysis in a context of its own, which the caller deletes. */
static MemoryContext
begin(Analysis *analysis, PlannedStmt *stmt, const DsecWalkCopies *wanted)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "dsec copies check",
												  ALLOCSET_DEFAULT_SIZES);

	analysis->caller = MemoryContextSwitchTo(context);
	analyse(analysis, stmt, wanted);
	analysis->rows = dsec_rows_begin(stmt);

	return context;
}

List *
dsec_lineage_copies(PlannedStmt *stmt, bool params, const char *source)
{
	Analysis	analysis = {0};
	DsecWalkCopies wanted = {.params = params, .source = source};
	MemoryContext context;
	List	   *copies = NIL;
	ListCell   *lc;

	if (stmt->commandType == CMD_UTILITY || stmt->planTree == NULL ||
		(!params && !dsec_lineage_mentions_tagged(stmt)))
		return NIL;

	context = begin(&analysis, stmt, &wanted);
	foreach(lc, collect_targets(&analysis))
	{
		Target	   *target = lfirst(lc);
		DsecRowTarget *rows = NULL;

		for (int i = 0; i < target->ncolumns; i++)
			copies = add_copy(&analysis, copies, target->node, target->relid,
							  i + 1, target->columns[i], target->control,
							  bms_is_member(i + 1, target->updated) ?
							  target->roots : NULL, &rows);
	}
	if (stmt->commandType == CMD_SELECT || stmt->hasReturning)
	{
		DsecRowTarget *rows = NULL;

		foreach(lc, stmt->planTree->targetlist)
		{
			int			i = foreach_current_index(lc);

			if (!lfirst_node(TargetEntry, lc)->resjunk)
				copies = add_copy(&analysis, copies, NULL, InvalidOid, i + 1,
								  analysis.walked->outputs[i],
								  analysis.walked->control, NULL, &rows);
		}
	}
	MemoryContextSwitchTo(analysis.caller);
	MemoryContextDelete(context);

	return copies;
}

/* ----------------------------------------------------------------
 * ships
 * ----------------------------------------------------------------
 */

/* Tagged columns among the origins as reads, one for each site. */
static List *
make_reads(Analysis *analysis, Bitmapset *origins)
{
	List	   *reads = NIL;
	DsecRead   *read = NULL;
	DsecSite   *last = NULL;
	int			origin = -1;

	/* a site's origins follow each other */
	while ((origin = bms_next_member(origins, origin)) >= 0)
	{
		DsecSite   *site = analysis->sites[origin];

		if (site != last)
		{
			read = palloc0(sizeof(DsecRead));
			read->place = site->place;
			read->node = site->node;
			read->rti = site->rti;
			read->relid = rt_fetch(site->rti, analysis->stmt->rtable)->relid;
			read->leaky = true;
			reads = lappend(reads, read);
			last = site;
		}
		read->attnos = bms_add_member(read->attnos, analysis->attnos[origin]);
	}
	return reads;
}

List *
dsec_lineage_ships(PlannedStmt *stmt, bool (*is_egress) (Oid function),
				   bool params, const char *source)
{
	Analysis	analysis = {0};
	DsecWalkCopies wanted = {.params = params,.source = source,.is_egress = is_egress};
	MemoryContext context;
	List	   *ships = NIL;
	ListCell   *lc;

	if (stmt->commandType == CMD_UTILITY || stmt->planTree == NULL ||
		(!params && !dsec_lineage_mentions_tagged(stmt)))
		return NIL;

	context = begin(&analysis, stmt, &wanted);
	foreach(lc, analysis.walked->ships)
	{
		DsecWalkShip *walked = lfirst(lc);
		Bitmapset  *sources;
		Bitmapset  *selectors;
		Bitmapset  *shipped;
		DsecShip   *ship;

		split_control(&analysis, walked->values, walked->control, NULL, &sources,
					  &selectors);
		shipped = bms_union(sources, selectors);

		/* whether a function is called depends on this, too */
		if (OidIsValid(walked->function))
			shipped = bms_union(shipped, bms_intersect(walked->control,
													   analysis.tagged));
		if (bms_is_empty(shipped) &&
			!bms_is_member(DSEC_ORIGIN_PARAM, walked->values))
			continue;

		MemoryContextSwitchTo(analysis.caller);
		ship = palloc0(sizeof(DsecShip));
		ship->server = walked->server;
		ship->function = walked->function;
		ship->from_param = bms_is_member(DSEC_ORIGIN_PARAM, walked->values);
		ship->reads = make_reads(&analysis, shipped);
		ships = lappend(ships, ship);
		MemoryContextSwitchTo(context);
	}
	MemoryContextSwitchTo(analysis.caller);
	MemoryContextDelete(context);

	return ships;
}

/* ----------------------------------------------------------------
 * in words
 * ----------------------------------------------------------------
 */

static void
append_relation(StringInfo buf, Oid relid)
{
	appendStringInfoString(buf,
						   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
													  get_rel_name(relid)));
}

static void
append_refs(StringInfo buf, const char *before, List *refs)
{
	ListCell   *lc;

	foreach(lc, refs)
	{
		DsecColumnRef *ref = lfirst(lc);

		appendStringInfoString(buf, foreach_current_index(lc) == 0 ? before : ", ");
		append_relation(buf, ref->relid);
		appendStringInfo(buf, ".%s",
						 quote_identifier(get_attname(ref->relid, ref->attno,
													  false)));
	}
}

static void
append_column(StringInfo buf, const DsecCopy *copy, AttrNumber attno)
{
	if (OidIsValid(copy->target))
		appendStringInfoString(buf,
							   quote_identifier(get_attname(copy->target, attno,
															false)));
	else
		appendStringInfo(buf, "#%d", attno);
}

char *
dsec_lineage_describe_copy(const DsecCopy *copy)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (OidIsValid(copy->target))
	{
		append_relation(&buf, copy->target);
		appendStringInfoChar(&buf, '.');
	}
	append_column(&buf, copy, copy->attno);
	append_refs(&buf, " from ", copy->sources);
	append_refs(&buf, " in rows selected by ", copy->selectors);
	if (copy->sources && copy->space)
		appendStringInfo(&buf, ", space %s", copy->space);
	for (int k = 0; k < copy->nkeys; k++)
	{
		appendStringInfoString(&buf, k == 0 ? ", key " : " + ");
		append_column(&buf, copy, copy->keys[k]);
	}
	for (int p = 0; p < copy->npopulations; p++)
	{
		appendStringInfo(&buf, ", %s:", copy->populations[p]);
		append_column(&buf, copy, copy->population_columns[p]);
	}
	if (copy->merged)
		appendStringInfoString(&buf, ", merged");
	if (copy->from_param)
		appendStringInfoString(&buf, ", from a parameter");
	if (copy->param_selects)
		appendStringInfoString(&buf, ", selected by a parameter");

	return buf.data;
}

char *
dsec_lineage_describe_ship(PlannedStmt *stmt, const DsecShip *ship)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	if (OidIsValid(ship->server))
		appendStringInfo(&buf, "to server %s",
						 quote_identifier(GetForeignServer(ship->server)->servername));
	else
		appendStringInfo(&buf, "to function %s",
						 format_procedure_qualified(ship->function));
	foreach(lc, ship->reads)
		appendStringInfo(&buf, "; %s", dsec_lineage_describe(stmt, lfirst(lc)));
	if (ship->from_param)
		appendStringInfoString(&buf, "; a parameter");

	return buf.data;
}
