/*-------------------------------------------------------------------------
 *
 * report.h
 *	  SQLSTATEs of dsec, and the one place where a denial gets its words.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_REPORT_H
#define DSEC_REPORT_H

#include "utils/elog.h"

#define ERRCODE_DSEC_BLOCKED		MAKE_SQLSTATE('D', 'S', '0', '0', '1')
#define ERRCODE_DSEC_LABEL_REFUSED	MAKE_SQLSTATE('D', 'S', '0', '0', '2')
#define ERRCODE_DSEC_FAIL_CLOSED	MAKE_SQLSTATE('D', 'S', '0', '0', '3')

#endif							/* DSEC_REPORT_H */
