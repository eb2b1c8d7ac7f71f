/*-------------------------------------------------------------------------
 *
 * channel.h
 *	  Ways out that are utility statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_CHANNEL_H
#define DSEC_CHANNEL_H

#include "nodes/parsenodes.h"

/*
 * COPY table TO, with tagged columns among those copied, as COPY (SELECT ...)
 * TO; NULL when the statement can stay as it is.  Errors are those of core.
 */
extern CopyStmt *dsec_channel_copy_as_query(const CopyStmt *stmt);

/* Channel and target of a COPY TO: copy, file with its path, program. */
extern const char *dsec_channel_of_copy(const CopyStmt *stmt,
										const char **target);

/*
 * Would the statement evaluate expressions over rows of a tagged relation
 * without a plan (ALTER TABLE ... USING, CREATE INDEX on an expression, ANALYZE,
 * ...)?  Then what it does, in words that follow "cannot"; else NULL.
 */
extern const char *dsec_channel_unplanned_read(Node *statement);

/* ---------- ddl_copies.c ---------- */

/* a utility statement under way */
typedef struct DsecDdl
{
	struct DsecDdl *outer;
	bool		ends_transaction;
	bool		makes_empty;	/* makes a relation and puts nothing in */
	Oid			made;			/* that relation, when it has been made */
	List	   *like;			/* OIDs of those that it is made like */
} DsecDdl;

/*
 * Around every utility statement: tags of the relations and columns that it has
 * made or renamed are set when it has ended well.  The frame is the caller's, who
 * calls one of the last two, also on error: it may be gone when a block of
 * procedural code that catches the error aborts its subtransaction.
 */
extern void dsec_channel_ddl_begin(DsecDdl *ddl, Node *statement);
extern void dsec_channel_ddl_end(DsecDdl *ddl);
extern void dsec_channel_ddl_abort(DsecDdl *ddl);

extern void dsec_channel_ddl_init(void);

/* ---------- using.c ---------- */

/*
 * The statement is about to run: have tags follow to columns that it fills by
 * TYPE ... USING, or do what dsec.copies says instead.  "source" is its text.
 * Raises DS003 when that says refuse, and when a label cannot be read.
 */
extern void dsec_channel_follow_using(const AlterTableStmt *stmt,
									  const char *source);

/* ---------- utility.c ---------- */

/* Install the utility hook. */
extern void dsec_channel_init(void);

#endif							/* DSEC_CHANNEL_H */
