/*-------------------------------------------------------------------------
 *
 * fdw_wrap.c
 *	  Stands between the executor and every foreign-data wrapper.
 *
 * Rows reach a foreign table by many ways: statements of every kind, COPY FROM,
 * tuple routing, row movement, triggers.  All of them end in the callbacks that
 * the wrapper's handler function returns.  The function manager lets a library
 * hook calls of functions; for functions of type fdw_handler, and no others, we
 * put ourselves in front of the function, and give its caller a copy of the
 * routine with some callbacks replaced.  What the handler returned is never
 * written to, since it may be the same object each time.
 *
 * The relation cache and the planner copy a routine as it is, so nothing can be
 * attached to it.  The routine that a replaced callback stands for is found in
 * a list of all that were wrapped in this backend.  A ResultRelInfo, however,
 * has a copy of its own, which is replaced by a larger one when the wrapper
 * begins: see Target.
 *
 * Routines are wrapped whatever dsec.mode is, because they stay in the relation
 * cache when that changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "channel/fdw.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* a routine that a handler returned in this backend */
typedef struct Wrapped
{
	struct Wrapped *next;
	Oid			handler;
	FdwRoutine	original;
	FdwRoutine	replaced;
} Wrapped;

/* what ri_FdwRoutine of a foreign table that is written to points to */
typedef struct Target
{
	FdwRoutine	routine;		/* first */
	FdwRoutine	original;
	bool		inserts_known;
	bool		updates_known;
	DsecSink   *inserts;		/* NULL: nothing to charge */
	DsecSink   *updates;
} Target;

static needs_fmgr_hook_type prev_needs_fmgr_hook = NULL;
static fmgr_hook_type prev_fmgr_hook = NULL;

static Wrapped *wrapped = NULL;

/* the handler function whose call has been announced */
static PGFunction announced = NULL;

static void begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
						 List *fdw_private, int subplan_index, int eflags);
static void begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo);
static TupleTableSlot *insert_row(EState *estate, ResultRelInfo *rinfo,
								  TupleTableSlot *slot,
								  TupleTableSlot *planSlot);
static TupleTableSlot **insert_batch(EState *estate, ResultRelInfo *rinfo,
									 TupleTableSlot **slots,
									 TupleTableSlot **planSlots,
									 int *numSlots);
static TupleTableSlot *update_row(EState *estate, ResultRelInfo *rinfo,
								  TupleTableSlot *slot,
								  TupleTableSlot *planSlot);
static void end_modify(EState *estate, ResultRelInfo *rinfo);
static void end_insert(EState *estate, ResultRelInfo *rinfo);
static void end_unbegun_insert(EState *estate, ResultRelInfo *rinfo);
static bool plan_direct_modify(PlannerInfo *root, ModifyTable *plan,
							   Index resultRelation, int subplan_index);
static void upper_paths(PlannerInfo *root, UpperRelationKind stage,
						RelOptInfo *input_rel, RelOptInfo *output_rel,
						void *extra);

/* ---- routines ---- */

static void
replace_callbacks(FdwRoutine *routine)
{
	/* what the wrapper cannot do it must not seem to be able to */
	if (routine->ExecForeignInsert)
		routine->ExecForeignInsert = insert_row;
	if (routine->ExecForeignBatchInsert)
		routine->ExecForeignBatchInsert = insert_batch;
	if (routine->ExecForeignUpdate)
		routine->ExecForeignUpdate = update_row;
	if (routine->PlanDirectModify)
		routine->PlanDirectModify = plan_direct_modify;
	if (routine->GetForeignUpperPaths)
		routine->GetForeignUpperPaths = upper_paths;
	if (routine->ExecForeignInsert || routine->ExecForeignUpdate)
	{
		routine->BeginForeignModify = begin_modify;
		routine->EndForeignModify = end_modify;
		routine->BeginForeignInsert = begin_insert;
		routine->EndForeignInsert = end_unbegun_insert;
	}
}

static bool
same_routine(const FdwRoutine *a, const FdwRoutine *b)
{
	/* from the first callback on: padding before it means nothing */
	return memcmp((const char *) a + offsetof(FdwRoutine, GetForeignRelSize),
				  (const char *) b + offsetof(FdwRoutine, GetForeignRelSize),
				  sizeof(FdwRoutine) - offsetof(FdwRoutine, GetForeignRelSize)) == 0;
}

static Wrapped *
remember(Oid handler, const FdwRoutine *original)
{
	Wrapped    *entry;

	for (entry = wrapped; entry != NULL; entry = entry->next)
	{
		if (entry->handler == handler &&
			same_routine(&entry->original, original))
			return entry;
	}

	entry = MemoryContextAllocZero(TopMemoryContext, sizeof(Wrapped));
	entry->handler = handler;
	memcpy(&entry->original, original, sizeof(FdwRoutine));
	memcpy(&entry->replaced, original, sizeof(FdwRoutine));
	replace_callbacks(&entry->replaced);
	entry->next = wrapped;
	wrapped = entry;

	return entry;
}

static Oid
handler_of(Oid relid)
{
	ForeignServer *server = GetForeignServer(GetForeignServerIdByRelId(relid));

	return GetForeignDataWrapper(server->fdwid)->fdwhandler;
}

/*
 * The routine that this one replaces.  Handlers of one library may differ in
 * nothing but callbacks that are replaced; then the relation tells which.
 */
static const FdwRoutine *
original_of(const FdwRoutine *routine, Oid relid)
{
	const Wrapped *found = NULL;
	Oid			handler = InvalidOid;

	for (Wrapped *entry = wrapped; entry != NULL; entry = entry->next)
	{
		if (!same_routine(&entry->replaced, routine))
			continue;
		if (found == NULL)
		{
			found = entry;
			continue;
		}
		if (!OidIsValid(handler))
			handler = handler_of(relid);
		if (found->handler != handler && entry->handler == handler)
			found = entry;
	}
	if (found == NULL)
		elog(ERROR, "callbacks of foreign table %u are not known", relid);

	return &found->original;
}

/* In front of a handler function. */
static Datum
call_handler(PG_FUNCTION_ARGS)
{
	PGFunction	handler = announced;
	FdwRoutine *routine;
	FdwRoutine *copy;
	Datum		result;

	if (handler == NULL)
		elog(ERROR, "the handler of a foreign-data wrapper is called unannounced");
	announced = NULL;
	fcinfo->flinfo->fn_addr = handler;
	result = handler(fcinfo);

	/* whoever has called will complain */
	routine = (FdwRoutine *) DatumGetPointer(result);
	if (fcinfo->isnull || routine == NULL || !IsA(routine, FdwRoutine))
		return result;

	copy = palloc(sizeof(FdwRoutine));
	memcpy(copy, &remember(fcinfo->flinfo->fn_oid, routine)->replaced,
		   sizeof(FdwRoutine));

	return PointerGetDatum(copy);
}

/* Asked whenever a function that is not built in is looked up. */
static bool
needs_hook(Oid function)
{
	if (prev_needs_fmgr_hook && prev_needs_fmgr_hook(function))
		return true;

	return function >= FirstNormalObjectId &&
		get_func_rettype(function) == FDW_HANDLEROID;
}

static void
function_hook(FmgrHookEventType event, FmgrInfo *flinfo, Datum *private)
{
	if (prev_fmgr_hook)
		prev_fmgr_hook(event, flinfo, private);

	if (event != FHET_START)
	{
		if (event == FHET_ABORT && flinfo->fn_addr == call_handler &&
			announced != NULL)
			flinfo->fn_addr = announced;
		return;
	}
	if (flinfo->fn_addr != call_handler &&
		flinfo->fn_oid >= FirstNormalObjectId &&
		get_func_rettype(flinfo->fn_oid) == FDW_HANDLEROID)
	{
		announced = flinfo->fn_addr;
		flinfo->fn_addr = call_handler;
	}
}

/* ---- targets ---- */

static inline bool
is_target(const FdwRoutine *routine)
{
	/* only a Target has it */
	return routine->EndForeignInsert == end_insert;
}

/* Give the table that is written to a routine with room for what we know. */
static Target *
target_of(EState *estate, ResultRelInfo *rinfo)
{
	Target	   *target;

	if (likely(is_target(rinfo->ri_FdwRoutine)))
		return (Target *) rinfo->ri_FdwRoutine;

	target = MemoryContextAllocZero(estate->es_query_cxt, sizeof(Target));
	memcpy(&target->routine, rinfo->ri_FdwRoutine, sizeof(FdwRoutine));
	memcpy(&target->original,
		   original_of(rinfo->ri_FdwRoutine,
					   RelationGetRelid(rinfo->ri_RelationDesc)),
		   sizeof(FdwRoutine));
	target->routine.EndForeignInsert = end_insert;
	rinfo->ri_FdwRoutine = &target->routine;

	return target;
}

static void
charge_inserts(Target *target, EState *estate, ResultRelInfo *rinfo,
			   TupleTableSlot **slots, int n)
{
	/* not before there is a row: what the statement copies is tagged until then */
	if (unlikely(!target->inserts_known))
	{
		target->inserts = dsec_sink_open(estate, rinfo, CMD_INSERT);
		target->inserts_known = true;
		if (target->inserts == NULL)
		{
			target->routine.ExecForeignInsert = target->original.ExecForeignInsert;
			target->routine.ExecForeignBatchInsert = target->original.ExecForeignBatchInsert;
		}
	}
	if (target->inserts)
		dsec_sink_charge(target->inserts, slots, n);
}

static TupleTableSlot *
insert_row(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
		   TupleTableSlot *planSlot)
{
	Target	   *target = target_of(estate, rinfo);

	charge_inserts(target, estate, rinfo, &slot, 1);

	return target->original.ExecForeignInsert(estate, rinfo, slot, planSlot);
}

static TupleTableSlot **
insert_batch(EState *estate, ResultRelInfo *rinfo, TupleTableSlot **slots,
			 TupleTableSlot **planSlots, int *numSlots)
{
	Target	   *target = target_of(estate, rinfo);

	charge_inserts(target, estate, rinfo, slots, *numSlots);

	return target->original.ExecForeignBatchInsert(estate, rinfo, slots,
												   planSlots, numSlots);
}

static TupleTableSlot *
update_row(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
		   TupleTableSlot *planSlot)
{
	Target	   *target = target_of(estate, rinfo);

	if (unlikely(!target->updates_known))
	{
		target->updates = dsec_sink_open(estate, rinfo, CMD_UPDATE);
		target->updates_known = true;
		if (target->updates == NULL)
			target->routine.ExecForeignUpdate = target->original.ExecForeignUpdate;
	}
	if (target->updates)
		dsec_sink_charge(target->updates, &slot, 1);

	return target->original.ExecForeignUpdate(estate, rinfo, slot, planSlot);
}

static void
begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
			 List *fdw_private, int subplan_index, int eflags)
{
	Target	   *target = target_of(mtstate->ps.state, rinfo);

	if (target->original.BeginForeignModify)
		target->original.BeginForeignModify(mtstate, rinfo, fdw_private,
											subplan_index, eflags);
}

static void
begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	Target	   *target = target_of(mtstate->ps.state, rinfo);

	if (target->original.BeginForeignInsert)
		target->original.BeginForeignInsert(mtstate, rinfo);
}

static void
end_target(Target *target)
{
	if (target->inserts)
		dsec_sink_close(target->inserts);
	if (target->updates)
		dsec_sink_close(target->updates);
}

static void
end_modify(EState *estate, ResultRelInfo *rinfo)
{
	Target	   *target = target_of(estate, rinfo);

	if (target->original.EndForeignModify)
		target->original.EndForeignModify(estate, rinfo);
	end_target(target);
}

static void
end_insert(EState *estate, ResultRelInfo *rinfo)
{
	Target	   *target = target_of(estate, rinfo);

	if (target->original.EndForeignInsert)
		target->original.EndForeignInsert(estate, rinfo);
	end_target(target);
}

static void
end_unbegun_insert(EState *estate, ResultRelInfo *rinfo)
{
	(void) target_of(estate, rinfo);
	end_insert(estate, rinfo);
}

/* ---- planning ---- */

/* The routine of a relation that is being planned, as core finds it. */
static const FdwRoutine *
planned_routine(PlannerInfo *root, Index rti)
{
	Oid			relid = planner_rt_fetch(rti, root)->relid;
	const FdwRoutine *routine;

	if ((int) rti < root->simple_rel_array_size && root->simple_rel_array[rti] != NULL)
		routine = root->simple_rel_array[rti]->fdwroutine;
	else
		routine = GetFdwRoutineByRelId(relid);

	return original_of(routine, relid);
}

/*
 * An UPDATE that the other server does by itself shows us no row.  One that
 * writes a tagged column is done row by row.
 */
static bool
plan_direct_modify(PlannerInfo *root, ModifyTable *plan, Index resultRelation,
				   int subplan_index)
{
	Oid			relid = planner_rt_fetch(resultRelation, root)->relid;

	if (plan->operation == CMD_UPDATE &&
		dsec_sink_concerns(relid, list_nth(plan->updateColnosLists,
										   subplan_index)))
		return false;

	return planned_routine(root, resultRelation)->PlanDirectModify(root, plan,
																   resultRelation,
																   subplan_index);
}

static bool
judges(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Oid			function = ((Aggref *) node)->aggfnoid;
		char	   *name = function >= FirstNormalObjectId ? get_func_name(function) : NULL;

		if (name != NULL && strcmp(name, "bulk") == 0 &&
			get_func_namespace(function) == get_namespace_oid("dsec", true))
			return true;
	}

	return expression_tree_walker(node, judges, context);
}

/*
 * Another server may count for us, but dsec.bulk() judges by the rules in force
 * here.
 */
static void
upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
			RelOptInfo *output_rel, void *extra)
{
	int			rti = -1;
	Oid			relid;

	/* any foreign table of that server tells which wrapper it is */
	while ((rti = bms_next_member(root->all_baserels, rti)) > 0)
	{
		RelOptInfo *rel = root->simple_rel_array[rti];

		if (rel != NULL && rel->fdwroutine != NULL &&
			rel->serverid == input_rel->serverid)
			break;
	}
	if (rti <= 0 || judges((Node *) root->processed_tlist, NULL) ||
		judges(root->parse->havingQual, NULL))
		return;
	relid = planner_rt_fetch(rti, root)->relid;
	original_of(input_rel->fdwroutine, relid)->GetForeignUpperPaths(root, stage,
																	input_rel,
																	output_rel,
																	extra);
}

void
dsec_fdw_init(void)
{
	prev_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = needs_hook;
	prev_fmgr_hook = fmgr_hook;
	fmgr_hook = function_hook;
}
