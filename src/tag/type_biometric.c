/*-------------------------------------------------------------------------
 *
 * type_biometric.c
 *	  Tagging types of biometric templates.
 *
 * A template is bytes that one vendor's matcher understands, and nobody else.
 * What can be checked is the header of a record in one of the interchange
 * formats: it says how long the record is, and that must be true.  Bytes
 * without such a header are accepted as they are; ISO/IEC 39794 records, which
 * are ASN.1 or XML without a fixed beginning, are among them.  A header of
 * another kind of template is refused.
 *
 * Only the header is fetched from TOAST.  Leakproof as described in types.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tag/types.h"

/* format identifier, version and the longest length field */
#define HEADER_BYTES 14

typedef enum Modality
{
	FACE,
	FINGERPRINT,
	IRIS,
	VOICE
} Modality;

typedef struct Format
{
	const char *magic;			/* three letters, a zero byte follows */
	Modality	modality;
} Format;

static const Format formats[] = {
	{"FMR", FINGERPRINT},		/* ISO/IEC 19794-2, ANSI/INCITS 378 */
	{"FIR", FINGERPRINT},		/* ISO/IEC 19794-4, ANSI/INCITS 381 */
	{"FAC", FACE},				/* ISO/IEC 19794-5, ANSI/INCITS 385 */
	{"IIR", IRIS}				/* ISO/IEC 19794-6 */
};

/* A number of n bytes, most significant first. */
static uint64
number_at(const unsigned char *bytes, int n)
{
	uint64		number = 0;

	for (int i = 0; i < n; i++)
		number = number << 8 | bytes[i];
	return number;
}

/*
 * The length of the record follows identifier and version: in four bytes; in
 * six, in the first edition of the finger image format; in two, or two zero
 * bytes and four, in ANSI/INCITS 378-2004.
 */
static bool
says_length(const unsigned char *header, const Format *format, uint64 length)
{
	const unsigned char *field = header + 8;

	if (number_at(field, 4) == length)
		return true;
	if (strcmp(format->magic, "FIR") == 0)
		return number_at(field, 6) == length;
	if (strcmp(format->magic, "FMR") != 0)
		return false;
	if (number_at(field, 2) != 0)
		return number_at(field, 2) == length;
	return number_at(field + 2, 4) == length;
}

static bool
is_template(Datum value, Modality modality)
{
	Size		length = toast_raw_datum_size(value) - VARHDRSZ;
	struct varlena *slice;
	unsigned char header[HEADER_BYTES] = {0};

	if (length == 0)
		return false;
	slice = PG_DETOAST_DATUM_SLICE(value, 0, HEADER_BYTES);
	memcpy(header, VARDATA_ANY(slice), Min(HEADER_BYTES, VARSIZE_ANY_EXHDR(slice)));
	for (size_t i = 0; i < lengthof(formats); i++)
	{
		if (length >= 4 && memcmp(header, formats[i].magic, 4) == 0)
			return formats[i].modality == modality &&
				length >= HEADER_BYTES &&
				says_length(header, &formats[i], length);
	}
	return true;
}

#define TEMPLATE_VALIDATOR(name, modality) \
PG_FUNCTION_INFO_V1(dsec_##name); \
Datum \
dsec_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(is_template(PG_GETARG_DATUM(0), modality)); \
} \
extern int	dsec_no_such_variable	/* takes the semicolon */

TEMPLATE_VALIDATOR(is_face_template, FACE);
TEMPLATE_VALIDATOR(is_fingerprint_template, FINGERPRINT);
TEMPLATE_VALIDATOR(is_iris_template, IRIS);
TEMPLATE_VALIDATOR(is_voiceprint, VOICE);
