/*-------------------------------------------------------------------------
 *
 * type_account.c
 *	  Validator of password hashes.
 *
 * It knows the formats in which hashes are stored with their method, and so
 * tells a hash from a password in clear.  Bare hexadecimal digests are refused:
 * nothing tells them from other text, and no method for passwords writes them.
 * Whether a hash is strong it does not say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

#define HASH_MAX_BYTES 512

/* what is left of a hash that is read from left to right */
typedef struct HashReader
{
	const char *at;
	const char *end;
} HashReader;

/* Takes the word if it comes next. */
static bool
word(HashReader *reader, const char *text)
{
	int			n = strlen(text);

	if (reader->end - reader->at < n || memcmp(reader->at, text, n) != 0)
		return false;
	reader->at += n;
	return true;
}

/* Takes all that come of a class; were there min to max of them? */
static bool
span(HashReader *reader, bool (*is_member) (char c), int min, int max)
{
	const char *start = reader->at;

	while (reader->at < reader->end && is_member(*reader->at))
		reader->at++;
	return reader->at - start >= min && reader->at - start <= max;
}

static bool
at_end(const HashReader *reader)
{
	return reader->at == reader->end;
}

static bool
is_crypt64(char c)
{
	return dsec_type_is_alnum(c) || c == '.' || c == '/';
}

static bool
is_base64(char c)
{
	return dsec_type_is_alnum(c) || c == '+' || c == '/';
}

/* Base64, its variant in hashes, and what else a salt is written with. */
static bool
is_phc_value(char c)
{
	return is_base64(c) || c == '.' || c == '-' || c == '_';
}

static bool
is_crypt_salt(char c)
{
	return c > ' ' && c <= '~' && c != '$' && c != ':';
}

static bool
is_lower_hex(char c)
{
	return dsec_type_is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool
is_name(char c)
{
	return dsec_type_is_lower(c) || dsec_type_is_digit(c) || c == '-';
}

static bool
is_parameter(char c)
{
	return is_phc_value(c) || c == '=' || c == ',';
}

/* Base64 of a digest with its padding, to the end. */
static bool
padded_base64(HashReader *reader, int min, int max)
{
	const char *start = reader->at;

	if (!span(reader, is_base64, min, max))
		return false;
	for (int i = 0; i < 2 && word(reader, "="); i++)
		;
	return (reader->at - start) % 4 == 0;
}

/* $1$, $5$ and $6$: salt and digest, for the last two perhaps rounds. */
static bool
is_digest_crypt(HashReader reader)
{
	int			max_salt = 16;
	int			digest;

	if (word(&reader, "$1$"))
	{
		max_salt = 8;
		digest = 22;
	}
	else if (word(&reader, "$5$"))
		digest = 43;
	else if (word(&reader, "$6$"))
		digest = 86;
	else
		return false;
	if (max_salt == 16 && word(&reader, "rounds=") &&
		!(span(&reader, dsec_type_is_digit, 1, 9) && word(&reader, "$")))
		return false;
	return span(&reader, is_crypt_salt, 1, max_salt) && word(&reader, "$") &&
		span(&reader, is_crypt64, digest, digest) && at_end(&reader);
}

/* $2b$ and its relatives: cost, then salt and digest in one. */
static bool
is_bcrypt(HashReader reader)
{
	int			cost;

	if (!word(&reader, "$2a$") && !word(&reader, "$2b$") &&
		!word(&reader, "$2x$") && !word(&reader, "$2y$"))
		return false;
	if (reader.end - reader.at < 2 ||
		!dsec_type_is_digit(reader.at[0]) || !dsec_type_is_digit(reader.at[1]))
		return false;
	cost = dsec_type_number(reader.at, 2);
	reader.at += 2;
	return cost >= 4 && cost <= 31 && word(&reader, "$") &&
		span(&reader, is_crypt64, 53, 53) && at_end(&reader);
}

/* $y$, $gy$ and $7$: yescrypt, with GOST, and scrypt. */
static bool
is_yescrypt(HashReader reader)
{
	if (word(&reader, "$7$"))
		return span(&reader, is_crypt64, 11, 97) && word(&reader, "$") &&
			span(&reader, is_crypt64, 43, 43) && at_end(&reader);
	return (word(&reader, "$y$") || word(&reader, "$gy$")) &&
		span(&reader, is_crypt64, 1, HASH_MAX_BYTES) && word(&reader, "$") &&
		span(&reader, is_crypt64, 0, 86) && word(&reader, "$") &&
		span(&reader, is_crypt64, 43, 43) && at_end(&reader);
}

/*
 * The string format of the Password Hashing Competition: method, version,
 * parameters, salt, hash.  Its names have three characters or more here,
 * so that what looks like crypt(3) and is malformed does not pass.
 */
static bool
is_phc(HashReader reader)
{
	int			fields = 0;

	if (!word(&reader, "$") || at_end(&reader) ||
		!dsec_type_is_lower(*reader.at) ||
		!span(&reader, is_name, 3, 32) || !word(&reader, "$"))
		return false;

	/* version and parameters, each with an equals sign, or a number of rounds */
	for (; fields < 2; fields++)
	{
		HashReader	field = reader;
		const char *start = field.at;

		if (!span(&field, is_parameter, 1, HASH_MAX_BYTES) || !word(&field, "$"))
			return false;
		if (memchr(start, '=', field.at - start) == NULL)
		{
			field = reader;
			if (fields > 0 ||
				!span(&field, dsec_type_is_digit, 1, 10) || !word(&field, "$"))
				break;
		}
		reader = field;
	}
	return fields > 0 && span(&reader, is_phc_value, 1, 128) &&
		word(&reader, "$") && span(&reader, is_phc_value, 16, 256) &&
		at_end(&reader);
}

/* A hash that begins with a dollar sign and the name of its method. */
static bool
is_modular(HashReader reader)
{
	return is_bcrypt(reader) || is_digest_crypt(reader) ||
		is_yescrypt(reader) || is_phc(reader);
}

/* What PostgreSQL stores: SCRAM (RFC 5803), or MD5 of password and name. */
static bool
is_postgres(HashReader reader)
{
	int			digest;

	if (word(&reader, "md5"))
		return span(&reader, is_lower_hex, 32, 32) && at_end(&reader);
	if (word(&reader, "SCRAM-SHA-256$"))
		digest = 43;
	else if (word(&reader, "SCRAM-SHA-1$"))
		digest = 27;
	else
		return false;
	return span(&reader, dsec_type_is_digit, 1, 10) && word(&reader, ":") &&
		padded_base64(&reader, 1, 128) && word(&reader, "$") &&
		padded_base64(&reader, digest, digest) && word(&reader, ":") &&
		padded_base64(&reader, digest, digest) && at_end(&reader);
}

/* The scheme in braces, in either case. */
static bool
scheme(HashReader *reader, const char *name)
{
	int			n = strlen(name);

	if (reader->end - reader->at < n + 2 || reader->at[0] != '{' ||
		pg_strncasecmp(reader->at + 1, name, n) != 0 || reader->at[n + 1] != '}')
		return false;
	reader->at += n + 2;
	return true;
}

/* What directories store: a scheme in braces, and a digest (RFC 2307). */
static bool
is_directory(HashReader reader)
{
	static const struct
	{
		const char *name;
		int			bytes;		/* of the digest */
		bool		salted;		/* a salt follows it */
	}			schemes[] = {
		{"SSHA", 20, true}, {"SMD5", 16, true}, {"SSHA256", 32, true},
		{"SSHA384", 48, true}, {"SSHA512", 64, true},
		{"SHA", 20, false}, {"MD5", 16, false}, {"SHA256", 32, false},
		{"SHA384", 48, false}, {"SHA512", 64, false}
	};

	if (scheme(&reader, "CRYPT") || scheme(&reader, "bcrypt") ||
		scheme(&reader, "argon2"))
		return is_modular(reader);
	for (int i = 0; i < (int) lengthof(schemes); i++)
	{
		int			digits = (schemes[i].bytes * 4 + 2) / 3;

		if (scheme(&reader, schemes[i].name))
			return padded_base64(&reader, schemes[i].salted ? digits + 1 : digits,
								 schemes[i].salted ? digits + 128 : digits) &&
				at_end(&reader);
	}
	return false;
}

/* What Django stores: the name of the method before the first dollar sign. */
static bool
is_django(HashReader reader)
{
	int			digest;

	if (word(&reader, "argon2") || word(&reader, "bcrypt_sha256$") ||
		word(&reader, "bcrypt$"))
		return is_modular(reader);
	if (word(&reader, "pbkdf2_sha256$"))
		digest = 43;
	else if (word(&reader, "pbkdf2_sha1$"))
		digest = 27;
	else
		return false;
	return span(&reader, dsec_type_is_digit, 1, 10) && word(&reader, "$") &&
		span(&reader, dsec_type_is_alnum, 1, 128) && word(&reader, "$") &&
		padded_base64(&reader, digest, digest) && at_end(&reader);
}

static bool
is_password_hash(const char *text, int length)
{
	HashReader	reader = {text, text + length};

	return is_modular(reader) || is_postgres(reader) ||
		is_directory(reader) || is_django(reader);
}

DSEC_TEXT_VALIDATOR(is_password_hash, HASH_MAX_BYTES);
