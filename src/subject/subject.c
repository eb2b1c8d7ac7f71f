/*-------------------------------------------------------------------------
 *
 * subject.c
 *	  From the key values of a row to the 64-bit keyed hash of its subject.
 *
 * Every value is brought into canonical bytes, and these are hashed with
 * SipHash-2-4 under the key of the ledger, or with BLAKE2b when they are only
 * counted within a statement.  The bytes are stored nowhere.
 *
 * What is hashed:
 *	 one key		its canonical bytes, its family
 *	 several keys	for each: length (4 bytes), family, canonical bytes; then
 *					MARK_COMPOSITE
 *	 a row version	database, table, block, offset, xmin, MARK_ROW
 * The last byte tells the three apart, lengths tell the parts apart: different
 * keys give different bytes.  Integers are big-endian, so that a hash means the
 * same on every machine.
 *
 * Canonical bytes per family:
 *	 INTEGER	8 bytes
 *	 NUMERIC	decimal text without trailing zeroes
 *	 TEXT		the characters in the server's encoding; char(n) without padding,
 *				citext in lower case as citext compares it; under a
 *				nondeterministic collation, two 64-bit hashes that
 *				PostgreSQL forms from the sort key
 *	 UUID		16 bytes
 *	 INET		address family, netmask bits, address
 *	 DATETIME	microseconds since 2000-01-01 (timestamptz: in UTC); a date
 *				that no timestamp can hold: its day number in 4 bytes
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>
#include <sys/socket.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "compat.h"
#include "parser/parse_coerce.h"
#include "port/pg_bswap.h"
#include "report.h"
#include "subject/subject.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/formatting.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define MARK_ROW 0xFE
#define MARK_COMPOSITE 0xFF

#define LOCAL_BYTES 256

/* how to read a value; one family may have several */
typedef enum KeyKind
{
	KIND_INT2,
	KIND_INT4,
	KIND_INT8,
	KIND_NUMERIC,
	KIND_TEXT,
	KIND_BPCHAR,
	KIND_NAME,
	KIND_CITEXT,
	KIND_COLLATED_TEXT,
	KIND_COLLATED_BPCHAR,
	KIND_COLLATED_NAME,
	KIND_UUID,
	KIND_INET,
	KIND_DATE,
	KIND_TIMESTAMP
} KeyKind;

typedef struct KeyPart
{
	KeyKind		kind;
	DsecKeyFamily family;
	Oid			collation;
} KeyPart;

struct DsecKeyHasher
{
	int			nparts;
	KeyPart		parts[FLEXIBLE_ARRAY_MEMBER];
};

/* bytes to be hashed; starts in "local", moves to palloc'd memory */
typedef struct Bytes
{
	uint8	   *data;
	Size		len;
	Size		size;
	uint8		local[LOCAL_BYTES];
} Bytes;

StaticAssertDecl(DSEC_KEY_BYTES == crypto_shorthash_KEYBYTES,
				 "the key has the size that SipHash wants");
StaticAssertDecl(crypto_shorthash_BYTES == sizeof(uint64),
				 "SipHash gives 64 bits");
StaticAssertDecl(DSEC_DIGEST_BYTES >= crypto_generichash_BYTES_MIN,
				 "BLAKE2b can give a digest of that size");

static void
append(Bytes *bytes, const void *data, Size len)
{
	if (bytes->size - bytes->len < len)
	{
		Size		size = Max(Min(bytes->size * 2, MaxAllocSize), bytes->len + len);

		if (bytes->data == bytes->local)
		{
			bytes->data = palloc(size);
			memcpy(bytes->data, bytes->local, bytes->len);
		}
		else
			bytes->data = repalloc(bytes->data, size);
		bytes->size = size;
	}
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

static inline void
append_byte(Bytes *bytes, uint8 value)
{
	append(bytes, &value, 1);
}

static inline void
append_int32(Bytes *bytes, uint32 value)
{
	value = pg_hton32(value);
	append(bytes, &value, sizeof(value));
}

static inline void
append_int64(Bytes *bytes, int64 value)
{
	uint64		wire = pg_hton64((uint64) value);

	append(bytes, &wire, sizeof(wire));
}

static uint64
finish(const uint8 *data, Size len, const uint8 *key)
{
	uint8		out[crypto_shorthash_BYTES];
	uint64		hash;

	crypto_shorthash(out, data, len, key);
	memcpy(&hash, out, sizeof(hash));
#ifdef WORDS_BIGENDIAN
	hash = pg_bswap64(hash);
#endif
	return hash != 0 ? hash : 1;
}

/* citext of the extension of that name: a string type that is text inside */
static bool
is_citext(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	result = strcmp(NameStr(form->typname), "citext") == 0 &&
		form->typcategory == TYPCATEGORY_STRING &&
		form->typlen == -1 &&
		IsBinaryCoercible(type, TEXTOID);
	ReleaseSysCache(tuple);
	return result;
}

/* Family of a base type, and how its values are read. */
static DsecKeyFamily
classify(Oid type, KeyKind *kind)
{
	switch (type)
	{
		case INT2OID:
			*kind = KIND_INT2;
			return DSEC_FAMILY_INTEGER;
		case INT4OID:
			*kind = KIND_INT4;
			return DSEC_FAMILY_INTEGER;
		case INT8OID:
			*kind = KIND_INT8;
			return DSEC_FAMILY_INTEGER;
		case NUMERICOID:
			*kind = KIND_NUMERIC;
			return DSEC_FAMILY_NUMERIC;
		case TEXTOID:
		case VARCHAROID:
			*kind = KIND_TEXT;
			return DSEC_FAMILY_TEXT;
		case BPCHAROID:
			*kind = KIND_BPCHAR;
			return DSEC_FAMILY_TEXT;
		case NAMEOID:
			*kind = KIND_NAME;
			return DSEC_FAMILY_TEXT;
		case UUIDOID:
			*kind = KIND_UUID;
			return DSEC_FAMILY_UUID;
		case INETOID:
		case CIDROID:
			*kind = KIND_INET;
			return DSEC_FAMILY_INET;
		case DATEOID:
			*kind = KIND_DATE;
			return DSEC_FAMILY_DATETIME;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*kind = KIND_TIMESTAMP;
			return DSEC_FAMILY_DATETIME;
		default:
			break;
	}
	if (type >= FirstNormalObjectId && is_citext(type))
	{
		*kind = KIND_CITEXT;
		return DSEC_FAMILY_TEXT;
	}
	return DSEC_FAMILY_NONE;
}

DsecKeyFamily
dsec_subject_family(Oid type)
{
	KeyKind		kind;

	return classify(getBaseType(type), &kind);
}

DsecKeyHasher *
dsec_subject_hasher(int nkeys, const Oid *types, const Oid *collations)
{
	DsecKeyHasher *hasher;

	Assert(nkeys > 0);
	hasher = palloc0(offsetof(DsecKeyHasher, parts) + nkeys * sizeof(KeyPart));
	hasher->nparts = nkeys;
	for (int i = 0; i < nkeys; i++)
	{
		KeyPart    *part = &hasher->parts[i];

		part->family = classify(getBaseType(types[i]), &part->kind);
		if (part->family == DSEC_FAMILY_NONE)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("type %s cannot be a subject key",
							format_type_be(types[i])),
					 errhint("Use integer, numeric, text, uuid, inet, or date and time types.")));

		part->collation = collations[i];
		if (OidIsValid(collations[i]) && !get_collation_isdeterministic(collations[i]))
		{
			if (part->kind == KIND_TEXT)
				part->kind = KIND_COLLATED_TEXT;
			else if (part->kind == KIND_BPCHAR)
				part->kind = KIND_COLLATED_BPCHAR;
			else if (part->kind == KIND_NAME)
				part->kind = KIND_COLLATED_NAME;
		}
	}
	return hasher;
}

/* 128 bits that are equal when the collation finds the texts equal */
static void
append_collated(Bytes *bytes, Oid collation, struct varlena *value)
{
	for (int64 seed = 1; seed <= 2; seed++)
		append_int64(bytes,
					 DatumGetInt64(DirectFunctionCall2Coll(hashtextextended, collation,
														   PointerGetDatum(value),
														   Int64GetDatum(seed))));
}

static void
append_inet(Bytes *bytes, inet *address)
{
	append_byte(bytes, ip_family(address) == PGSQL_AF_INET ? 4 : 6);
	append_byte(bytes, ip_bits(address));
	append(bytes, ip_addr(address), ip_addrsize(address));
}

static void
append_date(Bytes *bytes, DateADT date)
{
	if (DATE_IS_NOBEGIN(date))
		append_int64(bytes, DT_NOBEGIN);
	else if (DATE_IS_NOEND(date))
		append_int64(bytes, DT_NOEND);
	else if (date < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		append_int64(bytes, (int64) date * USECS_PER_DAY);
	else
		append_int32(bytes, (uint32) date);
}

/* Length of a char(n) without its padding. */
static int
trimmed_length(struct varlena *value)
{
	int			len = VARSIZE_ANY_EXHDR(value);

	while (len > 0 && VARDATA_ANY(value)[len - 1] == ' ')
		len--;
	return len;
}

static void
append_value(Bytes *bytes, const KeyPart *part, Datum value)
{
	struct varlena *varlena;
	char	   *characters;

	switch (part->kind)
	{
		case KIND_INT2:
			append_int64(bytes, DatumGetInt16(value));
			return;
		case KIND_INT4:
			append_int64(bytes, DatumGetInt32(value));
			return;
		case KIND_INT8:
			append_int64(bytes, DatumGetInt64(value));
			return;
		case KIND_UUID:
			append(bytes, DatumGetUUIDP(value)->data, UUID_LEN);
			return;
		case KIND_NAME:
			characters = NameStr(*DatumGetName(value));
			append(bytes, characters, strlen(characters));
			return;
		case KIND_COLLATED_NAME:
			{
				text	   *name = cstring_to_text(NameStr(*DatumGetName(value)));

				append_collated(bytes, part->collation, name);
				pfree(name);
				return;
			}
		case KIND_DATE:
			append_date(bytes, DatumGetDateADT(value));
			return;
		case KIND_TIMESTAMP:
			append_int64(bytes, DatumGetTimestamp(value));
			return;
		default:
			break;
	}

	/* the others have variable length, and may be compressed or out of line */
	varlena = PG_DETOAST_DATUM_PACKED(value);
	switch (part->kind)
	{
		case KIND_NUMERIC:
			{
				Numeric		number = DatumGetNumeric(PointerGetDatum(varlena));

				characters = numeric_normalize(number);
				append(bytes, characters, strlen(characters));
				pfree(characters);
				if ((struct varlena *) number != varlena)
					pfree(number);
				break;
			}
		case KIND_TEXT:
			append(bytes, VARDATA_ANY(varlena), VARSIZE_ANY_EXHDR(varlena));
			break;
		case KIND_BPCHAR:
			append(bytes, VARDATA_ANY(varlena), trimmed_length(varlena));
			break;
		case KIND_CITEXT:
			characters = str_tolower(VARDATA_ANY(varlena),
									 VARSIZE_ANY_EXHDR(varlena),
									 DEFAULT_COLLATION_OID);
			append(bytes, characters, strlen(characters));
			pfree(characters);
			break;
		case KIND_COLLATED_TEXT:
			append_collated(bytes, part->collation, varlena);
			break;
		case KIND_COLLATED_BPCHAR:
			{
				/* PostgreSQL's hash of char(n) minds the padding here */
				text	   *trimmed = cstring_to_text_with_len(VARDATA_ANY(varlena),
															   trimmed_length(varlena));

				append_collated(bytes, part->collation, trimmed);
				pfree(trimmed);
				break;
			}
		case KIND_INET:
			append_inet(bytes, (inet *) varlena);
			break;
		default:
			elog(ERROR, "unrecognized kind of subject key: %d", (int) part->kind);
	}
	if ((Pointer) varlena != DatumGetPointer(value))
		pfree(varlena);
}

/* The bytes that stand for a key, whichever hash is made of them. */
static void
append_key(Bytes *bytes, DsecKeyHasher *hasher, const Datum *values)
{
	bytes->data = bytes->local;
	bytes->len = 0;
	bytes->size = LOCAL_BYTES;

	if (hasher->nparts == 1)
	{
		append_value(bytes, &hasher->parts[0], values[0]);
		append_byte(bytes, hasher->parts[0].family);
	}
	else
	{
		for (int i = 0; i < hasher->nparts; i++)
		{
			Size		start = bytes->len;
			uint32		len;

			append_int32(bytes, 0);
			append_byte(bytes, hasher->parts[i].family);
			append_value(bytes, &hasher->parts[i], values[i]);
			len = pg_hton32((uint32) (bytes->len - start));
			memcpy(bytes->data + start, &len, sizeof(len));
		}
		append_byte(bytes, MARK_COMPOSITE);
	}
}

uint64
dsec_subject_hash(DsecKeyHasher *hasher, const Datum *values, const uint8 *key)
{
	Bytes		bytes;
	uint64		hash;

	append_key(&bytes, hasher, values);
	hash = finish(bytes.data, bytes.len, key);
	if (bytes.data != bytes.local)
		pfree(bytes.data);
	return hash;
}

uint64
dsec_subject_hash_integer(int64 value, const uint8 *key)
{
	Bytes		bytes;

	bytes.data = bytes.local;
	bytes.len = 0;
	bytes.size = LOCAL_BYTES;
	append_int64(&bytes, value);
	append_byte(&bytes, DSEC_FAMILY_INTEGER);
	return finish(bytes.data, bytes.len, key);
}

void
dsec_subject_digest(DsecKeyHasher *hasher, const Datum *values, uint8 *digest)
{
	Bytes		bytes;

	append_key(&bytes, hasher, values);
	if (crypto_generichash(digest, DSEC_DIGEST_BYTES, bytes.data, bytes.len, NULL, 0) != 0)
		elog(ERROR, "could not hash a subject key");
	if (bytes.data != bytes.local)
		pfree(bytes.data);
}

uint64
dsec_subject_hash_row(Oid database, Oid table, ItemPointer ctid,
					  TransactionId xmin, const uint8 *key)
{
	Bytes		bytes;

	bytes.data = bytes.local;
	bytes.len = 0;
	bytes.size = LOCAL_BYTES;
	append_int32(&bytes, database);
	append_int32(&bytes, table);
	append_int32(&bytes, ItemPointerGetBlockNumberNoCheck(ctid));
	append_byte(&bytes, ItemPointerGetOffsetNumberNoCheck(ctid) >> 8);
	append_byte(&bytes, ItemPointerGetOffsetNumberNoCheck(ctid) & 0xFF);
	append_int32(&bytes, xmin);
	append_byte(&bytes, MARK_ROW);
	return finish(bytes.data, bytes.len, key);
}
