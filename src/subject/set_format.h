/*-------------------------------------------------------------------------
 *
 * set_format.h
 *	  The formats of dsec.subject_set: stored, binary and text.
 *
 * Stored, in the machine's byte order, in a varlena of double alignment:
 *	 version	2 bytes, 1
 *	 flags		2 bytes, 0
 *	 key_id		8 bytes, the number of the key
 *	 count		8 bytes
 *	 hashes		8 bytes each, ascending and distinct, none 0
 * Binary: the same fields without the varlena header, big-endian.
 * Text:	 subject_set:1:KEY:COUNT:HASHES
 *	 KEY in 16 hexadecimal digits in lower case, COUNT in decimal digits without
 *	 leading zeroes, HASHES big-endian in base64 (RFC 4648, with padding, no
 *	 white space).  One set has one text.
 *
 * What follows knows neither fmgr nor errors: a problem comes back as a
 * sentence that quotes nothing of the input.  Nothing is allocated before the
 * length of the input has confirmed the count.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_SET_FORMAT_H
#define DSEC_SET_FORMAT_H

#include "postgres.h"

#include "utils/memutils.h"

/* number by which a key is known; the key cannot be found from it */
#define DSEC_KEY_ID_BYTES 8

#define DSEC_SET_VERSION 1

typedef struct DsecSubjectSet
{
	int32		vl_len_;		/* varlena header, do not touch directly */
	uint16		version;
	uint16		flags;
	uint8		key_id[DSEC_KEY_ID_BYTES];
	uint64		count;
	uint64		hashes[FLEXIBLE_ARRAY_MEMBER];
} DsecSubjectSet;

#define DSEC_SET_SIZE(count) (offsetof(DsecSubjectSet, hashes) + (Size) (count) * sizeof(uint64))
#define DSEC_SET_MAX_COUNT \
	((uint64) ((MaxAllocSize - offsetof(DsecSubjectSet, hashes)) / sizeof(uint64)))

/* bytes of the binary form */
#define DSEC_SET_BINARY_SIZE(count) (DSEC_SET_SIZE(count) - sizeof(int32))

/* A palloc'd set, or NULL and *problem. */
extern DsecSubjectSet *dsec_set_parse_text(const char *data, size_t len, const char **problem);
extern DsecSubjectSet *dsec_set_parse_binary(const char *data, size_t len, const char **problem);

/* What is wrong with a stored set of that many bytes in all; NULL when it is right. */
extern const char *dsec_set_problem(const DsecSubjectSet *set, size_t size);

/* The same of its first bytes, up to the count. */
extern const char *dsec_set_header_problem(const DsecSubjectSet *set, size_t size);

/* Bytes of the text form, and the text itself: that many bytes, no zero at the end. */
extern Size dsec_set_text_size(const DsecSubjectSet *set);
extern void dsec_set_write_text(const DsecSubjectSet *set, char *out);

/* Writes DSEC_SET_BINARY_SIZE bytes. */
extern void dsec_set_write_binary(const DsecSubjectSet *set, char *out);

/* The number of a key in hexadecimal, for messages. */
#define DSEC_KEY_ID_DIGITS (2 * DSEC_KEY_ID_BYTES)
extern void dsec_set_write_key_id(const uint8 *key_id, char *out);

#endif							/* DSEC_SET_FORMAT_H */
