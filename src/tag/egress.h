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

/* Does it match any? */
extern bool dsec_egress_is(Oid function);

#endif							/* DSEC_EGRESS_H */
