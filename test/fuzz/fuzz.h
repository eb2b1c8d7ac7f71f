/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What a harness provides, and what it may use.
 *
 * A harness is a function that is given one input at a time, in a stand-alone
 * backend of a real PostgreSQL: memory contexts, errors and encodings are the
 * server's own.  It may raise errors, except internal ones; whatever it
 * allocates in the current memory context is gone when it returns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_FUZZ_H
#define DSEC_FUZZ_H

#include "postgres.h"

typedef void (*FuzzHarness) (const uint8 *data, size_t size);

extern void fuzz_grammar(const uint8 *data, size_t size);
extern void fuzz_latlon(const uint8 *data, size_t size);
extern void fuzz_set_binary(const uint8 *data, size_t size);
extern void fuzz_set_laws(const uint8 *data, size_t size);
extern void fuzz_set_text(const uint8 *data, size_t size);
extern void fuzz_states(const uint8 *data, size_t size);
extern void fuzz_validators(const uint8 *data, size_t size);

/* A finding: the input broke a rule, which the text names.  Does not return. */
extern void fuzz_finding(const char *file, int line, const char *rule) pg_attribute_noreturn();

#define fuzz_check(condition) \
	do { \
		if (!(condition)) \
			fuzz_finding(__FILE__, __LINE__, #condition); \
	} while (0)

/*
 * The input as text, palloc'd to its exact length; NULL when the server would
 * not have let it through to any function: NULs, or no valid encoding.
 */
extern char *fuzz_text(const uint8 *data, size_t size);

/*
 * Call a function and see whether it raises an error: its SQLSTATE, or 0.  An
 * internal error is a finding.
 */
extern int	fuzz_attempt(void (*function) (void *), void *argument);

/*
 * Read the input as a value of a type of dsec, by its input or receive function.
 * A value that is taken comes back the same from text and from binary.  Returns
 * whether there was one, and its binary form when "binary" is not NULL.
 */
extern bool fuzz_read_text(const char *type, char *text, bytea **binary);
extern bool fuzz_read_binary(const char *type, const uint8 *data, size_t size);

/*
 * The first column of a query's result, object identifiers: palloc'd to last, and
 * their number.
 */
extern Oid *fuzz_query_oids(const char *query, int *n);

/*
 * A memory context in which each chunk is an allocation of its own, so that
 * the sanitizer sees what is read or written beside it.
 */
extern MemoryContext fuzz_memory_create(MemoryContext parent);

#endif							/* DSEC_FUZZ_H */
