/*-------------------------------------------------------------------------
 *
 * utility.c
 *	  The utility hook: export channels around statements that are one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "channel/channel.h"
#include "channel/fdw.h"
#include "compat.h"
#include "guard/context.h"
#include "guard/sending.h"
#include "guard/taint.h"
#include "guc.h"
#include "lineage/reads.h"
#include "report.h"
#include "tag/tag.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"

static ProcessUtility_hook_type prev_ProcessUtility_hook = NULL;

/* names of cursors WITH HOLD that were declared while nothing counted */
static List *held_cursors = NIL;

static void
next_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
					bool readOnlyTree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *queryEnv,
					DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_ProcessUtility_hook)
		prev_ProcessUtility_hook(pstmt, queryString, readOnlyTree, context,
								 params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/* Forget cursors that are closed. */
static void
prune_held_cursors(void)
{
	ListCell   *lc;

	foreach(lc, held_cursors)
	{
		if (!PortalIsValid(GetPortalByName(lfirst(lc))))
		{
			pfree(lfirst(lc));
			held_cursors = foreach_delete_current(held_cursors, lc);
		}
	}
}

static void
note_held_cursor(const DeclareCursorStmt *stmt)
{
	MemoryContext old;

	if ((stmt->options & CURSOR_OPT_HOLD) == 0)
		return;
	prune_held_cursors();
	old = MemoryContextSwitchTo(TopMemoryContext);
	held_cursors = lappend(held_cursors, pstrdup(stmt->portalname));
	MemoryContextSwitchTo(old);
}

/*
 * The rows of a held cursor are in a store already: no executor runs when they
 * are fetched.
 */
static bool
holds_tagged_data(Portal portal)
{
	ListCell   *lc;

	foreach(lc, portal->stmts)
	{
		PlannedStmt *stmt = lfirst_node(PlannedStmt, lc);

		if (stmt->commandType != CMD_UTILITY &&
			dsec_lineage_reads(stmt) != NIL)
			return true;
	}

	return false;
}

/* A function in a COPY query could fetch from them. */
static void
refuse_held_cursors(void)
{
	ListCell   *lc;

	prune_held_cursors();
	foreach(lc, held_cursors)
	{
		Portal		portal = GetPortalByName(lfirst(lc));

		if (holds_tagged_data(portal))
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("cannot export while cursor \"%s\" holds tagged data",
							portal->name),
					 errdetail("Rows of a cursor WITH HOLD can be fetched without being counted."),
					 errhint("Close the cursor first.")));
	}
}

/* The session has been bound, or has become another role, since DECLARE. */
static void
refuse_held_fetch(const FetchStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, held_cursors)
	{
		Portal		portal = GetPortalByName(lfirst(lc));
		DsecContext context;

		if (stmt->ismove || strcmp(lfirst(lc), stmt->portalname) != 0 ||
			!PortalIsValid(portal) || !holds_tagged_data(portal))
			continue;
		dsec_context_get(&context);
		if (context.charges)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("cannot fetch from cursor \"%s\", which was declared before this session counted",
							portal->name),
					 errdetail("Rows of a cursor WITH HOLD are fetched without being counted."),
					 errhint("Close the cursor and declare it again.")));
	}
}

static void
refuse_unplanned_read(Node *statement)
{
	const char *what = dsec_channel_unplanned_read(statement);
	DsecContext context;

	if (what == NULL)
		return;
	dsec_context_get(&context);
	if (!context.charges)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_FAIL_CLOSED),
			 errmsg("cannot %s in a session that receives tagged data", what),
			 errdetail("The statement evaluates expressions over rows of tagged relations, where people cannot be counted."),
			 errhint("Run it as a role that is bound to no recipient.")));
}

static void
export_copy(PlannedStmt *pstmt, const char *queryString,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc,
			bool readOnlyTree)
{
	CopyStmt   *stmt = (CopyStmt *) pstmt->utilityStmt;
	CopyStmt   *as_query = dsec_channel_copy_as_query(stmt);
	const char *target;
	const char *channel = dsec_channel_of_copy(stmt, &target);
	PlannedStmt *copy = makeNode(PlannedStmt);

	if (stmt->query != NULL && dsec_guc_mode == DSEC_MODE_ENFORCING)
		refuse_held_cursors();

	memcpy(copy, pstmt, sizeof(PlannedStmt));
	if (as_query)
		copy->utilityStmt = (Node *) as_query;

	dsec_context_enter(channel, target);
	PG_TRY();
	{
		next_ProcessUtility(copy, queryString, readOnlyTree, context, params,
							queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		dsec_context_leave();
	}
	PG_END_TRY();
}

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *statement = pstmt->utilityStmt;

	if (IsA(statement, TransactionStmt) &&
		((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED)
		dsec_tag_pending_prepared(((TransactionStmt *) statement)->gid);

	if (dsec_guc_mode != DSEC_MODE_OFF)
	{
		switch (nodeTag(statement))
		{
			case T_CopyStmt:
				if (((CopyStmt *) statement)->is_from)
				{
					if (dsec_guc_mode == DSEC_MODE_ENFORCING &&
						dsec_context_may_count())
						refuse_unplanned_read(statement);
					break;
				}
				export_copy(pstmt, queryString, context, params, queryEnv,
							dest, qc, readOnlyTree);
				return;

			case T_DeclareCursorStmt:
				if (dsec_context_may_count())
					break;
				next_ProcessUtility(pstmt, queryString, readOnlyTree, context,
									params, queryEnv, dest, qc);
				note_held_cursor((DeclareCursorStmt *) statement);
				return;

			case T_FetchStmt:
				if (held_cursors != NIL &&
					dsec_guc_mode == DSEC_MODE_ENFORCING &&
					dsec_context_may_count())
					refuse_held_fetch((FetchStmt *) statement);
				break;

			case T_CreateForeignServerStmt:
			case T_AlterForeignServerStmt:
			case T_CreateUserMappingStmt:
			case T_AlterUserMappingStmt:
			case T_ImportForeignSchemaStmt:
				dsec_sending_check_utility(statement);
				break;

			case T_NotifyStmt:
			case T_CreateForeignTableStmt:
				dsec_sending_check_utility(statement);
				break;

			case T_AlterTableStmt:
				dsec_sending_check_utility(statement);
				/* FALLTHROUGH */
			case T_CreateStmt:
			case T_IndexStmt:
			case T_ReindexStmt:
			case T_ClusterStmt:
			case T_AlterDomainStmt:
			case T_VacuumStmt:
				if (dsec_guc_mode == DSEC_MODE_ENFORCING &&
					dsec_context_may_count())
					refuse_unplanned_read(statement);
				if (IsA(statement, AlterTableStmt))
					dsec_channel_follow_using((AlterTableStmt *) statement,
											  queryString);
				break;

			default:
				break;
		}
	}

	next_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
						queryEnv, dest, qc);
}

static void
channel_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
					   bool readOnlyTree, ProcessUtilityContext context,
					   ParamListInfo params, QueryEnvironment *queryEnv,
					   DestReceiver *dest, QueryCompletion *qc)
{
	DsecDdl		ddl;
	bool		in_text;

	in_text = dsec_taint_set_utility_in_text(dsec_taint_utility_in_text(pstmt, dest));
	dsec_channel_ddl_begin(&ddl, pstmt->utilityStmt);
	PG_TRY();
	{
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv,
					dest, qc);
	}
	PG_CATCH();
	{
		(void) dsec_taint_set_utility_in_text(in_text);
		dsec_channel_ddl_abort(&ddl);
		PG_RE_THROW();
	}
	PG_END_TRY();
	(void) dsec_taint_set_utility_in_text(in_text);
	dsec_channel_ddl_end(&ddl);
}

void
dsec_channel_init(void)
{
	dsec_channel_ddl_init();
	prev_ProcessUtility_hook = ProcessUtility_hook;
	ProcessUtility_hook = channel_ProcessUtility;
	dsec_fdw_init();
}
