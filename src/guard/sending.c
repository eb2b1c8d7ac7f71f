/*-------------------------------------------------------------------------
 *
 * sending.c
 *	  Values that leave by a function or a foreign server without a plan that
 *	  says whose they are.
 *
 * Where a plan hands tagged columns to a function of dsec.egress_function, the
 * rows are charged before the call (lineage/ships.c).  Two things are left.
 *
 * What a variable holds is nobody's for all that is known.  When it may be tagged
 * data it goes to no other server, and to no function that sends data away: that
 * is found out when a statement with parameters starts, and when such a function
 * is called, because a PL/pgSQL expression is evaluated without any statement.
 * Built-in functions do not pass here when they are called; only the first way
 * sees them.
 *
 * What such a function reads by itself goes to whom it sends to.  So each call is
 * an export channel.  Inside of it variables hold what has been charged to its
 * recipient: its arguments were, and its reads are.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "guard/sending.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "fmgr.h"
#include "guard/context.h"
#include "guard/taint.h"
#include "guc.h"
#include "ledger/event.h"
#include "lib/stringinfo.h"
#include "lineage/copies.h"
#include "lineage/groups.h"
#include "lineage/ships.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "report.h"
#include "tag/egress.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

/* of one place from which a function is called */
typedef struct Call
{
	const DsecEgress *egress;
	int			depth;			/* calls that have not come back */
	Datum		next;			/* of the hook that was there before */
} Call;

/* what the arguments of a call are made of */
typedef enum Arguments
{
	ARGUMENTS_CONSTANT,
	ARGUMENTS_ROW,				/* columns of a row */
	ARGUMENTS_VARIABLE			/* parameters; or nobody knows */
} Arguments;

static needs_fmgr_hook_type prev_needs_fmgr_hook = NULL;
static fmgr_hook_type prev_fmgr_hook = NULL;

/* calls of functions that send data away, one within the other */
static int	sending_depth = 0;

/* ---- refusals ---- */

static char *
column_list(List *columns)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, columns)
	{
		DsecColumnRef *column = lfirst(lc);
		char	   *name = get_attname(column->relid, column->attno, true);
		char	   *relation = get_rel_name(column->relid);

		if (foreach_current_index(lc) == 5)
		{
			appendStringInfoString(&buf, ", ...");
			break;
		}
		if (name && relation)
			appendStringInfo(&buf, "%s%s.%s", buf.len > 0 ? ", " : "",
							 quote_qualified_identifier(get_namespace_name(get_rel_namespace(column->relid)),
														relation),
							 quote_identifier(name));
	}

	return buf.data;
}

/* "where" is "server \"x\"" or "function x". */
static void
refuse(const char *channel, const char *where, List *columns)
{
	if (dsec_guc_mode == DSEC_MODE_PERMISSIVE)
	{
		dsec_event_loss(channel, NULL, "what may be tagged data was sent from a variable without being counted");
		return;
	}

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot send what may be tagged data to %s", where),
			 columns != NIL ?
			 errdetail("Variables may hold data of %s here, and nobody can tell whose.",
					   column_list(columns)) :
			 errdetail("It comes from a function that has read tagged columns, and nobody can tell whose data it is."),
			 errhint("Send it in the query that reads the tagged columns, or have an officer add the function that does so to dsec.egress_function: then rows are charged before the call. A foreign table that is tagged itself counts what is written to it.")));
}

/* ---- statements with parameters ---- */

static bool
is_foreign_and_untagged(Oid relid)
{
	return OidIsValid(relid) &&
		get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE &&
		dsec_tag_relation(relid) == NULL;
}

static void
check_ships(QueryDesc *queryDesc, List *columns, const char *source)
{
	ListCell   *lc;

	foreach(lc, dsec_lineage_ships(queryDesc->plannedstmt, dsec_egress_is, true,
								   source))
	{
		DsecShip   *ship = lfirst(lc);

		if (!ship->from_param)
			continue;
		if (OidIsValid(ship->server))
			refuse("fdw", psprintf("server \"%s\"",
								   GetForeignServer(ship->server)->servername),
				   columns);
		else
			refuse("function", psprintf("function %s",
										format_procedure_qualified(ship->function)),
				   columns);
	}
}

static void
check_writes(QueryDesc *queryDesc, List *columns, const char *source)
{
	ListCell   *lc;

	if (queryDesc->plannedstmt->resultRelations == NIL)
		return;
	foreach(lc, dsec_lineage_copies(queryDesc->plannedstmt, true,
									source))
	{
		DsecCopy   *copy = lfirst(lc);

		if ((copy->from_param || copy->param_selects) &&
			is_foreign_and_untagged(copy->target))
		{
			refuse("fdw", psprintf("foreign table \"%s\"",
								   get_rel_name(copy->target)), columns);
			return;
		}
	}
}

void
dsec_sending_check(QueryDesc *queryDesc)
{
	MemoryContext scratch;
	MemoryContext old;
	List	   *columns;
	bool		in_text;

	if (dsec_guc_mode == DSEC_MODE_OFF || sending_depth > 0)
		return;
	in_text = dsec_taint_in_text(queryDesc);
	if (!in_text &&
		(queryDesc->params == NULL || queryDesc->params->numParams == 0))
		return;

	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"dsec parameter check",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(scratch);
	if (dsec_taint_active(&columns))
	{
		const char *source = in_text ? NULL : queryDesc->sourceText;

		check_ships(queryDesc, columns, source);
		check_writes(queryDesc, columns, source);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Does ALTER TABLE set what a foreign server is told? */
static bool
sets_options(AlterTableStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		if (command->subtype == AT_GenericOptions ||
			command->subtype == AT_AlterColumnGenericOptions ||
			(command->subtype == AT_AddColumn &&
			 statement->objtype == OBJECT_FOREIGN_TABLE))
			return true;
	}

	return false;
}

void
dsec_sending_check_utility(Node *statement)
{
	const char *channel = "fdw";
	const char *where = "a foreign server by its options";
	List	   *columns;

	switch (nodeTag(statement))
	{
		case T_CreateForeignServerStmt:
		case T_AlterForeignServerStmt:
		case T_CreateUserMappingStmt:
		case T_AlterUserMappingStmt:
		case T_ImportForeignSchemaStmt:
		case T_CreateForeignTableStmt:
			break;
		case T_AlterTableStmt:
			if (!sets_options((AlterTableStmt *) statement))
				return;
			break;
		case T_NotifyStmt:
			if (((NotifyStmt *) statement)->payload == NULL)
				return;
			channel = "function";
			where = "listeners";
			break;
		default:
			return;
	}
	if (sending_depth == 0 && dsec_taint_active(&columns))
		refuse(channel, where, columns);
}

/* ---- calls ---- */

static bool
arguments_walker(Node *node, void *context)
{
	Arguments  *arguments = context;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		*arguments = ARGUMENTS_VARIABLE;
		return true;
	}
	if (IsA(node, Var) || IsA(node, Param) || IsA(node, CaseTestExpr) ||
		IsA(node, CoerceToDomainValue) || IsA(node, Aggref) ||
		IsA(node, WindowFunc) || IsA(node, SubPlan) ||
		IsA(node, AlternativeSubPlan) || IsA(node, GroupingFunc))
		*arguments = Max(*arguments, ARGUMENTS_ROW);

	/* so may be what another function gives */
	if (IsA(node, FuncExpr) || IsA(node, OpExpr))
		*arguments = Max(*arguments, ARGUMENTS_ROW);

	return expression_tree_walker(node, arguments_walker, context);
}

static Arguments
arguments_of(Node *call)
{
	Arguments	arguments = ARGUMENTS_CONSTANT;

	if (call == NULL)
		return ARGUMENTS_VARIABLE;

	/* the arguments of whatever kind of call it is */
	(void) expression_tree_walker(call, arguments_walker, &arguments);

	return arguments;
}

/* Is the running query one whose rows are charged for this way out? */
static bool
is_charged_for(const DsecEgress *egress)
{
	PlannedStmt *stmt;
	List	   *targets;
	ListCell   *lc;

	if (dsec_taint_frame == NULL)
		return false;
	stmt = dsec_taint_frame->queryDesc->plannedstmt;
	if (!dsec_lineage_is_covered(stmt))
		return false;
	targets = list_nth(((CustomScan *) stmt->planTree)->custom_private,
					   DSEC_GUARD_TARGETS);
	foreach(lc, targets)
	{
		List	   *target = lfirst(lc);

		if (strcmp(strVal(linitial(target)), egress->channel) == 0 &&
			strcmp(strVal(lsecond(target)), egress->target) == 0)
			return true;
	}

	return false;
}

/*
 * A call that has begun.  What a variable holds, and what a query inside of the
 * running one has read, has not been charged to whom this function sends to.
 */
static void
check_call(FmgrInfo *flinfo, const DsecEgress *egress)
{
	Arguments	arguments;
	bool		charged;

	if (dsec_guc_mode == DSEC_MODE_OFF || sending_depth > 0 ||
		!IsTransactionState() || !dsec_tag_database())
		return;
	arguments = arguments_of(flinfo->fn_expr);
	if (arguments == ARGUMENTS_CONSTANT)
		return;

	charged = is_charged_for(egress);
	if (arguments == ARGUMENTS_VARIABLE ?
		dsec_taint_in_call(charged) :
		dsec_taint_read_inside() || (!charged && dsec_taint_in_write()))
		refuse(egress->channel,
			   psprintf("function %s", format_procedure_qualified(flinfo->fn_oid)),
			   NIL);
}

static bool
sending_needs_fmgr_hook(Oid function)
{
	return (prev_needs_fmgr_hook && prev_needs_fmgr_hook(function)) ||
		dsec_egress_is(function);
}

static void
begin_call(FmgrInfo *flinfo, Datum *private)
{
	Call	   *call = (Call *) DatumGetPointer(*private);
	const DsecEgress *egress = dsec_egress_function(flinfo->fn_oid);

	if (call == NULL)
	{
		if (egress == NULL && prev_fmgr_hook == NULL)
			return;
		call = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Call));
		*private = PointerGetDatum(call);
	}

	/* nothing of ours may be left behind by another's error */
	if (prev_fmgr_hook)
		prev_fmgr_hook(FHET_START, flinfo, &call->next);

	/* what has been entered is left, whatever the catalogue says by then */
	if (call->depth == 0)
		call->egress = egress;
	if (call->egress == NULL)
		return;
	check_call(flinfo, call->egress);
	if (call->egress == &dsec_egress_unknown)
	{
		/* nothing tagged is in play, so nothing can be sent */
		call->egress = NULL;
		return;
	}
	dsec_context_enter(call->egress->channel, call->egress->target);
	sending_depth++;
	call->depth++;
}

static void
end_call(FmgrHookEventType event, FmgrInfo *flinfo, Datum *private)
{
	Call	   *call = (Call *) DatumGetPointer(*private);

	if (call == NULL)
		return;
	if (call->depth > 0)
	{
		call->depth--;
		sending_depth--;
		dsec_context_leave();
	}
	if (prev_fmgr_hook)
		prev_fmgr_hook(event, flinfo, &call->next);
}

static void
sending_fmgr_hook(FmgrHookEventType event, FmgrInfo *flinfo, Datum *private)
{
	if (event == FHET_START)
		begin_call(flinfo, private);
	else
		end_call(event, flinfo, private);
}

void
dsec_sending_init(void)
{
	prev_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = sending_needs_fmgr_hook;
	prev_fmgr_hook = fmgr_hook;
	fmgr_hook = sending_fmgr_hook;
}
