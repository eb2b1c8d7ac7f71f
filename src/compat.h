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

#endif							/* DSEC_COMPAT_H */
