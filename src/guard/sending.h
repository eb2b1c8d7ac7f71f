/*-------------------------------------------------------------------------
 *
 * sending.h
 *	  Values that leave by a function or a foreign server without a plan that
 *	  says whose they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SENDING_H
#define DSEC_SENDING_H

#include "executor/execdesc.h"

/*
 * A statement with parameters is about to start.  Raises DS003 when variables
 * may hold tagged data and the statement sends a parameter to a foreign server
 * or to a function that sends data away; a loss record in permissive mode.
 */
extern void dsec_sending_check(QueryDesc *queryDesc);

/*
 * A statement that tells a foreign server, or this one about it, what stands in
 * its text: the same, because EXECUTE may have put the text together.
 */
extern void dsec_sending_check_utility(Node *statement);

extern void dsec_sending_init(void);

#endif							/* DSEC_SENDING_H */
