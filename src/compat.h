/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The only place that knows PostgreSQL's version number.
 *
 * PostgreSQL 15 to 18 are built from one source.  A difference between
 * majors is given one name here, and the rest of the code uses that name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_COMPAT_H
#define DSEC_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "dsec needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* a function that does not return is declared in front since 18 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* ExplainProperty...() moved in 18 */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif

/* ExecutorRun lost its execute_once argument in 18 */
#if PG_VERSION_NUM >= 180000
#define DSEC_EXECUTOR_RUN_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define DSEC_EXECUTOR_RUN_CALL queryDesc, direction, count
#else
#define DSEC_EXECUTOR_RUN_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define DSEC_EXECUTOR_RUN_CALL queryDesc, direction, count, execute_once
#endif

/* number of a backend's PGPROC, below MaxBackends */
#if PG_VERSION_NUM >= 170000
#define DSEC_PROC_NUMBER(proc) GetNumberFromPGProc(proc)
#else
#define DSEC_PROC_NUMBER(proc) ((proc)->pgprocno)
#endif

/* Is the column generated when it is read, and so not stored? */
#if PG_VERSION_NUM >= 180000
#define DSEC_IS_VIRTUAL(attribute) ((attribute)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define DSEC_IS_VIRTUAL(attribute) false
#endif

/* What does COPY ... TO read by name?  Materialized views since 18, and all
 * partitions of a partitioned table since 19. */
#if PG_VERSION_NUM >= 190000
#define DSEC_IS_COPIED(relkind) \
	((relkind) == RELKIND_RELATION || (relkind) == RELKIND_MATVIEW || \
	 (relkind) == RELKIND_PARTITIONED_TABLE)
#elif PG_VERSION_NUM >= 180000
#define DSEC_IS_COPIED(relkind) \
	((relkind) == RELKIND_RELATION || (relkind) == RELKIND_MATVIEW)
#else
#define DSEC_IS_COPIED(relkind) ((relkind) == RELKIND_RELATION)
#endif

/* this transaction's number in this backend */
#if PG_VERSION_NUM >= 170000
#define DSEC_MY_LXID (MyProc->vxid.lxid)
#else
#define DSEC_MY_LXID (MyProc->lxid)
#endif

/* query jumbling: its header and its arguments */
#if PG_VERSION_NUM >= 160000
#include "nodes/queryjumble.h"
#define DSEC_JUMBLE_QUERY(query, text) JumbleQuery(query)
#else
#include "utils/queryjumble.h"
#define DSEC_JUMBLE_QUERY(query, text) JumbleQuery(query, text)
#endif

/* columns that a query selects from a relation; on their own since 16 */
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"

#define DSEC_SELECTED_COLUMNS(query, rte) \
	((rte)->perminfoindex == 0 ? NULL : \
	 getRTEPermissionInfo((query)->rteperminfos, rte)->selectedCols)
#else
#define DSEC_SELECTED_COLUMNS(query, rte) ((rte)->selectedCols)
#endif

/* what deforming needs of an attribute, compact since 18 */
#if PG_VERSION_NUM >= 180000
#define DSEC_ATTRIBUTE(desc, i) TupleDescCompactAttr(desc, i)
#else
#define DSEC_ATTRIBUTE(desc, i) TupleDescAttr(desc, i)
#endif

/* the same of a finished plan, where it is known when it had to be checked */
#if PG_VERSION_NUM >= 160000
#define DSEC_SAYS_SELECTED(stmt, rte) \
	((rte)->perminfoindex != 0 && \
	 (getRTEPermissionInfo((stmt)->permInfos, rte)->requiredPerms & ACL_SELECT) != 0)
#define DSEC_SAYS_MODIFIED(stmt, rte) \
	((rte)->perminfoindex != 0 && \
	 (getRTEPermissionInfo((stmt)->permInfos, rte)->requiredPerms & \
	  (ACL_UPDATE | ACL_DELETE)) != 0)
#define DSEC_PLAN_SELECTED_COLUMNS(stmt, rte) \
	(getRTEPermissionInfo((stmt)->permInfos, rte)->selectedCols)
#else
#define DSEC_SAYS_SELECTED(stmt, rte) (((rte)->requiredPerms & ACL_SELECT) != 0)
#define DSEC_SAYS_MODIFIED(stmt, rte) \
	(((rte)->requiredPerms & (ACL_UPDATE | ACL_DELETE)) != 0)
#define DSEC_PLAN_SELECTED_COLUMNS(stmt, rte) ((rte)->selectedCols)
#endif

/* which sides of a join reach its output; right antijoins came in 16, right
 * semijoins in 18 */
#if PG_VERSION_NUM >= 180000
#define DSEC_JOIN_EMITS_OUTER(t) \
	((t) != JOIN_RIGHT_ANTI && (t) != JOIN_RIGHT_SEMI)
#elif PG_VERSION_NUM >= 160000
#define DSEC_JOIN_EMITS_OUTER(t) ((t) != JOIN_RIGHT_ANTI)
#else
#define DSEC_JOIN_EMITS_OUTER(t) true
#endif
#define DSEC_JOIN_EMITS_INNER(t) ((t) != JOIN_SEMI && (t) != JOIN_ANTI)

/* relations of a foreign scan, without outer joins, which 16 numbers too */
#if PG_VERSION_NUM >= 160000
#define DSEC_FOREIGN_RELIDS(scan) ((scan)->fs_base_relids)
#else
#define DSEC_FOREIGN_RELIDS(scan) ((scan)->fs_relids)
#endif

/* MERGE ... WHEN NOT MATCHED BY SOURCE came in 17 */
#if PG_VERSION_NUM >= 170000
#define DSEC_MERGE_JOIN_CONDITIONS(modify) ((modify)->mergeJoinConditions)
#else
#define DSEC_MERGE_JOIN_CONDITIONS(modify) NIL
#endif

/* reverse(text) got a namesake in 18 */
#if PG_VERSION_NUM >= 180000
#define DSEC_F_REVERSE F_REVERSE_TEXT
#else
#define DSEC_F_REVERSE F_REVERSE
#endif

/* SetOp's key columns, renamed in 18 */
#if PG_VERSION_NUM >= 180000
#define DSEC_SETOP_COLUMNS(setop) ((setop)->cmpColIdx)
#define DSEC_SETOP_OPERATORS(setop) ((setop)->cmpOperators)
#else
#define DSEC_SETOP_COLUMNS(setop) ((setop)->dupColIdx)
#define DSEC_SETOP_OPERATORS(setop) ((setop)->dupOperators)
#endif

/* privileges have a list of their own since 16 */
#if PG_VERSION_NUM >= 160000
#define DSEC_CHECK_PERMISSIONS(stmt) \
	ExecCheckPermissions((stmt)->rtable, (stmt)->permInfos, true)
#else
#define DSEC_CHECK_PERMISSIONS(stmt) ExecCheckRTPerms((stmt)->rtable, true)
#endif

/* wait events of extensions have names since 17 */
#if PG_VERSION_NUM >= 170000
#define DSEC_WAIT_EVENT(name) WaitEventExtensionNew(name)
#else
#define DSEC_WAIT_EVENT(name) PG_WAIT_EXTENSION
#endif

/* renamed in 16 */
#if PG_VERSION_NUM >= 160000
#define DSEC_LOCAL_BEENTRY(i) pgstat_get_local_beentry_by_index(i)
#else
#define DSEC_LOCAL_BEENTRY(i) pgstat_fetch_stat_local_beentry(i)
#endif

/* one ownership test for all classes of objects came in 16 */
#if PG_VERSION_NUM >= 160000
#define dsec_compat_owns_relation(relid, roleid) \
	object_ownercheck(RelationRelationId, relid, roleid)
#else
#define dsec_compat_owns_relation(relid, roleid) \
	pg_class_ownercheck(relid, roleid)
#endif

#endif							/* DSEC_COMPAT_H */
