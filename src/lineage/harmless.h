/*-------------------------------------------------------------------------
 *
 * harmless.h
 *	  Functions known not to disclose their arguments.
 *
 * A function is harmless when nothing it is given can show in an error, a
 * notice or a side effect.  That it may fail at all (division by zero,
 * overflow) does not count: a failed statement tells no more than an empty
 * result does, and an empty result is no row that left.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_HARMLESS_H
#define DSEC_HARMLESS_H

#include "postgres_ext.h"

/* every argument may show, or the call has side effects */
#define DSEC_SHOWS_ALL		UINT32_MAX

/*
 * Bit 31 of the answer of dsec_lineage_shows: the function calls other
 * functions, chosen by the types of its arguments (their output, comparison
 * or cast functions).
 */
#define DSEC_SHOWS_BY_TYPE	((uint32) 1 << 31)

/*
 * Bit 30, alone: LIKE and its like, harmless with a constant pattern that is
 * complete.  (No function in the list has as many arguments.)
 */
#define DSEC_SHOWS_BY_PATTERN	((uint32) 1 << 30)

/*
 * Which arguments of a function (or aggregate, or window function) may show?
 * Bit n stands for argument n, counted from 0; bit 30 for argument 30 and all
 * that follow.  0 when the function is leakproof or reviewed without
 * reservation; DSEC_SHOWS_ALL when nothing is known about it.
 */
extern uint32 dsec_lineage_shows(Oid function);

/*
 * Is the function known not to disclose its arguments, whatever they are?
 */
extern bool dsec_lineage_harmless(Oid function);

/*
 * Are the functions that the system chooses by this type (output, comparison,
 * cast to json) built in and harmless?  False for RECORD, whose columns are
 * not known, and for types that users defined, composite types of built-in
 * ones excepted.
 */
extern bool dsec_lineage_type_harmless(Oid type);

/*
 * Is the operator harmless as an equality, ordering or hashing operator on
 * values of this type?
 */
extern bool dsec_lineage_operator_harmless(Oid operator, Oid type);

#endif							/* DSEC_HARMLESS_H */
