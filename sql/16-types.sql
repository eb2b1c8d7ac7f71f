/* ------------------------------------------------------------------------
 * Tagging types of contact, health, genetics, biometrics and place: a column
 * of one of these is tagged by its type.
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_email(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_email'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_phone_e164(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_phone_e164'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_postal_address(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_postal_address'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_person_name(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_person_name'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_birth_date(date) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_birth_date_day'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_birth_date(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_birth_date'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_icd10(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_icd10'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_loinc(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_loinc'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_ndc(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_ndc'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_hgvs(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_hgvs'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_vcf_genotype(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_vcf_genotype'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_nucleotide_sequence(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_nucleotide_sequence'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_face_template(bytea) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_face_template'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_fingerprint_template(bytea) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_fingerprint_template'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_iris_template(bytea) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_iris_template'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_voiceprint(bytea) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_voiceprint'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE DOMAIN email AS text
	CONSTRAINT email_check CHECK (dsec.is_email(VALUE));
CREATE DOMAIN phone_e164 AS text
	CONSTRAINT phone_e164_check CHECK (dsec.is_phone_e164(VALUE));
CREATE DOMAIN postal_address AS text
	CONSTRAINT postal_address_check CHECK (dsec.is_postal_address(VALUE));
CREATE DOMAIN person_name AS text
	CONSTRAINT person_name_check CHECK (dsec.is_person_name(VALUE));
CREATE DOMAIN birth_date AS date
	CONSTRAINT birth_date_check CHECK (dsec.is_birth_date(VALUE));
CREATE DOMAIN icd10 AS text
	CONSTRAINT icd10_check CHECK (dsec.is_icd10(VALUE));
CREATE DOMAIN loinc AS text
	CONSTRAINT loinc_check CHECK (dsec.is_loinc(VALUE));
CREATE DOMAIN ndc AS text
	CONSTRAINT ndc_check CHECK (dsec.is_ndc(VALUE));
CREATE DOMAIN hgvs AS text
	CONSTRAINT hgvs_check CHECK (dsec.is_hgvs(VALUE));
CREATE DOMAIN vcf_genotype AS text
	CONSTRAINT vcf_genotype_check CHECK (dsec.is_vcf_genotype(VALUE));
CREATE DOMAIN nucleotide_sequence AS text
	CONSTRAINT nucleotide_sequence_check CHECK (dsec.is_nucleotide_sequence(VALUE));
CREATE DOMAIN face_template AS bytea
	CONSTRAINT face_template_check CHECK (dsec.is_face_template(VALUE));
CREATE DOMAIN fingerprint_template AS bytea
	CONSTRAINT fingerprint_template_check CHECK (dsec.is_fingerprint_template(VALUE));
CREATE DOMAIN iris_template AS bytea
	CONSTRAINT iris_template_check CHECK (dsec.is_iris_template(VALUE));
CREATE DOMAIN voiceprint AS bytea
	CONSTRAINT voiceprint_check CHECK (dsec.is_voiceprint(VALUE));

SECURITY LABEL FOR dsec ON DOMAIN email IS 'listed_identifier; class=contact';
SECURITY LABEL FOR dsec ON DOMAIN phone_e164 IS 'listed_identifier; class=contact';
SECURITY LABEL FOR dsec ON DOMAIN postal_address IS 'listed_identifier; class=contact';
SECURITY LABEL FOR dsec ON DOMAIN person_name IS 'listed_identifier; class=demographic';
SECURITY LABEL FOR dsec ON DOMAIN birth_date IS 'listed_identifier; class=demographic';
SECURITY LABEL FOR dsec ON DOMAIN icd10 IS 'personal_health';
SECURITY LABEL FOR dsec ON DOMAIN loinc IS 'personal_health';
SECURITY LABEL FOR dsec ON DOMAIN ndc IS 'personal_health';
SECURITY LABEL FOR dsec ON DOMAIN hgvs IS 'human_genomic';
SECURITY LABEL FOR dsec ON DOMAIN vcf_genotype IS 'human_genomic';
SECURITY LABEL FOR dsec ON DOMAIN nucleotide_sequence IS 'human_genomic';
SECURITY LABEL FOR dsec ON DOMAIN face_template IS 'biometric_identifier';
SECURITY LABEL FOR dsec ON DOMAIN fingerprint_template IS 'biometric_identifier';
SECURITY LABEL FOR dsec ON DOMAIN iris_template IS 'biometric_identifier';
SECURITY LABEL FOR dsec ON DOMAIN voiceprint IS 'biometric_identifier';

COMMENT ON FUNCTION is_email(text) IS
'is the text an e-mail address: local part of atoms or a quoted string, at most 64 bytes, "@", and a domain name or an address literal, at most 254 bytes in all (RFC 5321, section 4.1.2; other characters than ASCII as in RFC 6531). A domain without a dot is one';
COMMENT ON FUNCTION is_phone_e164(text) IS
'is the text an international telephone number: + and up to 15 digits, of which the first is not zero, without spaces (ITU-T E.164)';
COMMENT ON FUNCTION is_postal_address(text) IS
'can the text be a postal address: no standard says what is one, so it has a letter or digit, no control character but line ends, and at most 2,000 bytes';
COMMENT ON FUNCTION is_person_name(text) IS
'can the text be the name of a person: no standard says what is one, so it has a letter, no control character, and at most 1,000 bytes';
COMMENT ON FUNCTION is_birth_date(date) IS
'can the day be a date of birth: from 1850-01-01 to 2199-12-31, which leaves out placeholders and infinity; the future is not left out, because the answer must not depend on the day';
COMMENT ON FUNCTION is_birth_date(text) IS
'is the text a date of birth: YYYY-MM-DD (ISO 8601), a day of the calendar from 1850-01-01 to 2199-12-31';
COMMENT ON FUNCTION is_icd10(text) IS
'is the text a diagnosis code: letter, digit, digit (or A or B), and up to four letters or digits, with or without the dot before them; capital letters (WHO ICD-10, ICD-10-CM). Whether this year''s edition has it is not looked at';
COMMENT ON FUNCTION is_loinc(text) IS
'is the text a code of an observation: a number of up to eight digits, a dash and its check digit modulo 10 (LOINC Users'' Guide)';
COMMENT ON FUNCTION is_ndc(text) IS
'is the text a US National Drug Code: labeler, product and package as 4-4-2, 5-3-2 or 5-4-1 digits with dashes (FDA, 21 CFR 207.33), or as 5-4-2 with or without dashes (HIPAA, 45 CFR 162.1002). Ten digits without dashes are ambiguous, and none';
COMMENT ON FUNCTION is_hgvs(text) IS
'is the text the description of a sequence variant: reference sequence, colon, kind (g, c, n, m, o, r, p), dot, and the change (HGVS Nomenclature). Neither reference nor position is looked up';
COMMENT ON FUNCTION is_vcf_genotype(text) IS
'is the text a genotype: allele numbers or dots with / or | between them, perhaps one in front (VCF 4.4, field GT); any ploidy up to 4,096 bytes';
COMMENT ON FUNCTION is_nucleotide_sequence(text) IS
'is the text a sequence of nucleotides: the codes of IUPAC-IUB (1984), of either case, with gaps - and ., not gaps only. A word made of these letters is one, too';
COMMENT ON FUNCTION is_face_template(bytea) IS
'can the bytes be a face template: at least one; a record that begins as in ISO/IEC 19794-5 has the length that it says; no record that begins as a fingerprint or iris format. What is inside, and proprietary formats, are not looked at';
COMMENT ON FUNCTION is_fingerprint_template(bytea) IS
'can the bytes be a fingerprint template: at least one; a record that begins as in ISO/IEC 19794-2 or -4, or ANSI/INCITS 378 or 381, has the length that it says; no record that begins as a face or iris format. What is inside, and proprietary formats, are not looked at';
COMMENT ON FUNCTION is_iris_template(bytea) IS
'can the bytes be an iris template: at least one; a record that begins as in ISO/IEC 19794-6 has the length that it says; no record that begins as a face or fingerprint format. What is inside, and proprietary formats, are not looked at';
COMMENT ON FUNCTION is_voiceprint(bytea) IS
'can the bytes be a voice print: at least one, and no record that begins as a face, fingerprint or iris format. There is no format in common use that could be looked at';
COMMENT ON DOMAIN email IS
'e-mail address (RFC 5321, RFC 6531); tagged listed_identifier of class contact';
COMMENT ON DOMAIN phone_e164 IS
'international telephone number (ITU-T E.164); tagged listed_identifier of class contact';
COMMENT ON DOMAIN postal_address IS
'postal address, free text of at most 2,000 bytes; no standard says what is valid; tagged listed_identifier of class contact';
COMMENT ON DOMAIN person_name IS
'name of a person, free text of at most 1,000 bytes; no standard says what is valid; tagged listed_identifier of class demographic';
COMMENT ON DOMAIN birth_date IS
'date of birth, from 1850-01-01 to 2199-12-31; that it is not in the future is for the application to check, because what is valid in a domain must not depend on the day; tagged listed_identifier of class demographic';
COMMENT ON DOMAIN icd10 IS
'diagnosis code (WHO ICD-10, ICD-10-CM); tagged personal_health';
COMMENT ON DOMAIN loinc IS
'code of a laboratory test or observation (LOINC); tagged personal_health';
COMMENT ON DOMAIN ndc IS
'US National Drug Code (FDA, 10 digits with dashes; HIPAA, 11 digits); tagged personal_health';
COMMENT ON DOMAIN hgvs IS
'description of a sequence variant (HGVS Nomenclature); tagged human_genomic';
COMMENT ON DOMAIN vcf_genotype IS
'genotype as in field GT of a VCF file (VCF 4.4); tagged human_genomic';
COMMENT ON DOMAIN nucleotide_sequence IS
'sequence of nucleotides (IUPAC-IUB codes, gaps - and .); tagged human_genomic';
COMMENT ON DOMAIN face_template IS
'face template or image: ISO/IEC 19794-5, ISO/IEC 39794-5 or proprietary; tagged biometric_identifier';
COMMENT ON DOMAIN fingerprint_template IS
'fingerprint template or image: ISO/IEC 19794-2 or -4, ISO/IEC 39794-2 or -4, ANSI/INCITS 378 or 381, or proprietary; tagged biometric_identifier';
COMMENT ON DOMAIN iris_template IS
'iris template or image: ISO/IEC 19794-6, ISO/IEC 39794-6 or proprietary; tagged biometric_identifier';
COMMENT ON DOMAIN voiceprint IS
'voice print or speaker template; proprietary; tagged biometric_identifier';

/* ------------------------------------------------------------------------
 * latlon: a position, as precise as its column says
 * ------------------------------------------------------------------------ */

CREATE TYPE latlon;

CREATE FUNCTION latlon_in(cstring, oid, integer) RETURNS latlon
	AS 'MODULE_PATHNAME', 'dsec_latlon_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION latlon_out(latlon) RETURNS cstring
	AS 'MODULE_PATHNAME', 'dsec_latlon_out'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_recv(internal, oid, integer) RETURNS latlon
	AS 'MODULE_PATHNAME', 'dsec_latlon_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION latlon_send(latlon) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_latlon_send'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'dsec_latlon_typmod_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION latlon_typmod_out(integer) RETURNS cstring
	AS 'MODULE_PATHNAME', 'dsec_latlon_typmod_out'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE TYPE latlon (
	INPUT = latlon_in,
	OUTPUT = latlon_out,
	RECEIVE = latlon_recv,
	SEND = latlon_send,
	TYPMOD_IN = latlon_typmod_in,
	TYPMOD_OUT = latlon_typmod_out,
	INTERNALLENGTH = 16,
	ALIGNMENT = double,
	STORAGE = plain
);

-- the limit of 28 CFR 202.242 is here, and an officer may set another
SECURITY LABEL FOR dsec ON TYPE latlon IS 'precise_geolocation; max_typmod=1000';

CREATE FUNCTION latlon(latlon, integer) RETURNS latlon
	AS 'MODULE_PATHNAME', 'dsec_latlon_coerce'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon(latitude double precision, longitude double precision) RETURNS latlon
	AS 'MODULE_PATHNAME', 'dsec_latlon_make'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION latlon(point) RETURNS latlon
	AS 'MODULE_PATHNAME', 'dsec_latlon_from_point'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION point(latlon) RETURNS point
	AS 'MODULE_PATHNAME', 'dsec_latlon_to_point'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_latlon(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_latlon'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latitude(latlon) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dsec_latitude'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION longitude(latlon) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dsec_longitude'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION distance(latlon, latlon) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dsec_latlon_distance'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_eq(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_eq'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_ne(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_ne'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_lt(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_lt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_le(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_le'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_gt(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_gt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_ge(latlon, latlon) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_latlon_ge'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_cmp(latlon, latlon) RETURNS integer
	AS 'MODULE_PATHNAME', 'dsec_latlon_cmp'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_hash(latlon) RETURNS integer
	AS 'MODULE_PATHNAME', 'dsec_latlon_hash'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION latlon_hash_extended(latlon, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dsec_latlon_hash_extended'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR <> (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR < (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_lt,
	COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR <= (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_le,
	COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR > (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_gt,
	COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR >= (
	LEFTARG = latlon, RIGHTARG = latlon, FUNCTION = latlon_ge,
	COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR CLASS latlon_ops DEFAULT FOR TYPE latlon USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 1 latlon_cmp(latlon, latlon);
CREATE OPERATOR CLASS latlon_ops DEFAULT FOR TYPE latlon USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 latlon_hash(latlon),
	FUNCTION 2 latlon_hash_extended(latlon, bigint);

-- what makes latlon(100) hold no more than it says
CREATE CAST (latlon AS latlon) WITH FUNCTION latlon(latlon, integer) AS IMPLICIT;
CREATE CAST (point AS latlon) WITH FUNCTION latlon(point);
CREATE CAST (latlon AS point) WITH FUNCTION point(latlon);

COMMENT ON TYPE latlon IS
'position on Earth, latitude and longitude in degrees (WGS 84; text as in "12.5,-45.25" or ISO 6709); latlon(N) keeps it no more precise than N metres, 1 to 1,000,000; tagged precise_geolocation unless N is more than 1,000 (28 CFR 202.242)';
COMMENT ON FUNCTION latlon_in(cstring, oid, integer) IS
'I/O of dsec.latlon; error 22P02 when the text is none, 22003 when a number is out of range';
COMMENT ON FUNCTION latlon_out(latlon) IS
'I/O of dsec.latlon: decimal degrees, latitude first';
COMMENT ON FUNCTION latlon_recv(internal, oid, integer) IS
'binary I/O of dsec.latlon: two float8, latitude first; error 22003 when a number is out of range';
COMMENT ON FUNCTION latlon_send(latlon) IS
'binary I/O of dsec.latlon: two float8, latitude first';
COMMENT ON FUNCTION latlon_typmod_in(cstring[]) IS
'type modifier of dsec.latlon: metres, from 1 to 1,000,000; error 22023 when it is none';
COMMENT ON FUNCTION latlon_typmod_out(integer) IS
'type modifier of dsec.latlon as text';
COMMENT ON FUNCTION latlon(latlon, integer) IS
'the position, no more precise than so many metres: the centre of its cell in a fixed grid, no cell of which is within so many metres of any one place';
COMMENT ON FUNCTION latlon(double precision, double precision) IS
'position from degrees north and east; error 22003 when one is out of range';
COMMENT ON FUNCTION latlon(point) IS
'position from a point with x degrees east and y degrees north; error 22003 when one is out of range';
COMMENT ON FUNCTION point(latlon) IS
'point with x degrees east and y degrees north; a point has no tag by its type';
COMMENT ON FUNCTION is_latlon(text) IS
'is the text a position: latitude and longitude in decimal degrees with a comma between them, in parentheses or not, or as in ISO 6709, annex H, without height; latitude from -90 to 90, longitude from -180 to 180';
COMMENT ON FUNCTION latitude(latlon) IS
'degrees north of the equator, -90 to 90';
COMMENT ON FUNCTION longitude(latlon) IS
'degrees east of Greenwich, -180 to 180';
COMMENT ON FUNCTION distance(latlon, latlon) IS
'great-circle distance in metres on a sphere of radius 6,371,008.8 m; up to 0.6 percent off what it is on the ellipsoid WGS 84';
COMMENT ON FUNCTION latlon_eq(latlon, latlon) IS
'implementation of = for dsec.latlon';
COMMENT ON FUNCTION latlon_ne(latlon, latlon) IS
'implementation of <> for dsec.latlon';
COMMENT ON FUNCTION latlon_lt(latlon, latlon) IS
'implementation of < for dsec.latlon';
COMMENT ON FUNCTION latlon_le(latlon, latlon) IS
'implementation of <= for dsec.latlon';
COMMENT ON FUNCTION latlon_gt(latlon, latlon) IS
'implementation of > for dsec.latlon';
COMMENT ON FUNCTION latlon_ge(latlon, latlon) IS
'implementation of >= for dsec.latlon';
COMMENT ON FUNCTION latlon_cmp(latlon, latlon) IS
'btree support of dsec.latlon: by latitude, then longitude';
COMMENT ON FUNCTION latlon_hash(latlon) IS
'hash support of dsec.latlon';
COMMENT ON FUNCTION latlon_hash_extended(latlon, bigint) IS
'hash support of dsec.latlon';
COMMENT ON OPERATOR = (latlon, latlon) IS 'the same latitude and longitude';
COMMENT ON OPERATOR <> (latlon, latlon) IS 'another latitude or longitude';
COMMENT ON OPERATOR < (latlon, latlon) IS 'order by latitude, then longitude';
COMMENT ON OPERATOR <= (latlon, latlon) IS 'order by latitude, then longitude';
COMMENT ON OPERATOR > (latlon, latlon) IS 'order by latitude, then longitude';
COMMENT ON OPERATOR >= (latlon, latlon) IS 'order by latitude, then longitude';
COMMENT ON CAST (latlon AS latlon) IS 'reduces the precision to that of the column';
COMMENT ON CAST (point AS latlon) IS 'x is degrees east, y degrees north';
COMMENT ON CAST (latlon AS point) IS 'x is degrees east, y degrees north';
COMMENT ON OPERATOR CLASS latlon_ops USING btree IS 'by latitude, then longitude';
COMMENT ON OPERATOR CLASS latlon_ops USING hash IS 'by latitude and longitude';

REVOKE ALL ON FUNCTION
	is_email(text), is_phone_e164(text), is_postal_address(text),
	is_person_name(text), is_birth_date(date), is_birth_date(text),
	is_icd10(text), is_loinc(text), is_ndc(text), is_hgvs(text),
	is_vcf_genotype(text), is_nucleotide_sequence(text),
	is_face_template(bytea), is_fingerprint_template(bytea),
	is_iris_template(bytea), is_voiceprint(bytea),
	latlon_in(cstring, oid, integer), latlon_out(latlon),
	latlon_recv(internal, oid, integer), latlon_send(latlon),
	latlon_typmod_in(cstring[]), latlon_typmod_out(integer),
	latlon(latlon, integer), latlon(double precision, double precision),
	latlon(point), point(latlon), is_latlon(text), latitude(latlon),
	longitude(latlon), distance(latlon, latlon), latlon_eq(latlon, latlon),
	latlon_ne(latlon, latlon), latlon_lt(latlon, latlon),
	latlon_le(latlon, latlon), latlon_gt(latlon, latlon),
	latlon_ge(latlon, latlon), latlon_cmp(latlon, latlon),
	latlon_hash(latlon), latlon_hash_extended(latlon, bigint)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	is_email(text), is_phone_e164(text), is_postal_address(text),
	is_person_name(text), is_birth_date(date), is_birth_date(text),
	is_icd10(text), is_loinc(text), is_ndc(text), is_hgvs(text),
	is_vcf_genotype(text), is_nucleotide_sequence(text),
	is_face_template(bytea), is_fingerprint_template(bytea),
	is_iris_template(bytea), is_voiceprint(bytea),
	latlon_in(cstring, oid, integer), latlon_out(latlon),
	latlon_recv(internal, oid, integer), latlon_send(latlon),
	latlon_typmod_in(cstring[]), latlon_typmod_out(integer),
	latlon(latlon, integer), latlon(double precision, double precision),
	latlon(point), point(latlon), is_latlon(text), latitude(latlon),
	longitude(latlon), distance(latlon, latlon), latlon_eq(latlon, latlon),
	latlon_ne(latlon, latlon), latlon_lt(latlon, latlon),
	latlon_le(latlon, latlon), latlon_gt(latlon, latlon),
	latlon_ge(latlon, latlon), latlon_cmp(latlon, latlon),
	latlon_hash(latlon), latlon_hash_extended(latlon, bigint)
	TO PUBLIC;
