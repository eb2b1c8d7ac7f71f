/*-------------------------------------------------------------------------
 *
 * egress.h
 *	  Functions that send data away: the catalogue dsec.egress_function of this
 *	  database, as sessions see it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_EGRESS_H
#define DSEC_EGRESS_H

/* where a function sends to; lives as long as the backend */
typedef struct DsecEgress
{
	const char *channel;
	const char *target;
} DsecEgress;

/*
 * The entry that the function matches, or NULL.  It is told by what implements
 * it, so that another name for it is the same function; an aggregate by its
 * support functions, too.  Cached: a probe of a hash table.
 */
extern const DsecEgress *dsec_egress_function(Oid function);

/*
 * What both functions here answer with while the catalogue cannot be read,
 * because another session has locked it: anything may send.
 */
extern const DsecEgress dsec_egress_unknown;

/* Does it match any, as far as that is known? */
extern bool dsec_egress_is(Oid function);

/*
 * Have the catalogue readable.  Waits at most dsec.ledger_timeout, then raises
 * DS003.
 */
extern void dsec_egress_require(void);

#endif							/* DSEC_EGRESS_H */
