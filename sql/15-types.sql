/* ------------------------------------------------------------------------
 * Tagging types: a column of one of these is tagged by its type.
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_us_ssn(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_ssn'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_payment_card(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_payment_card'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION is_rsid(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_rsid'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE DOMAIN us_ssn AS text
	CONSTRAINT us_ssn_check CHECK (dsec.is_us_ssn(VALUE));
CREATE DOMAIN payment_card AS text
	CONSTRAINT payment_card_check CHECK (dsec.is_payment_card(VALUE));
CREATE DOMAIN rsid AS text
	CONSTRAINT rsid_check CHECK (dsec.is_rsid(VALUE));

SECURITY LABEL FOR dsec ON DOMAIN us_ssn IS 'listed_identifier; class=gov_id';
SECURITY LABEL FOR dsec ON DOMAIN payment_card IS 'personal_financial';
SECURITY LABEL FOR dsec ON DOMAIN rsid IS 'human_genomic';

COMMENT ON FUNCTION is_us_ssn(text) IS
'is the text a US Social Security number: nine digits, or 3-2-4 with dashes; area not 000, 666 or 900 to 999, group not 00, serial not 0000 (rules of the Social Security Administration)';
COMMENT ON FUNCTION is_payment_card(text) IS
'is the text a payment card number: 12 to 19 digits, single spaces or dashes between them, with a Luhn check digit (ISO/IEC 7812-1)';
COMMENT ON FUNCTION is_rsid(text) IS
'is the text a reference SNP identifier: rs and a number without leading zero (dbSNP)';
COMMENT ON DOMAIN us_ssn IS 'US Social Security number; tagged listed_identifier of class gov_id';
COMMENT ON DOMAIN payment_card IS 'payment card number; tagged personal_financial';
COMMENT ON DOMAIN rsid IS 'reference SNP identifier; tagged human_genomic';

REVOKE ALL ON FUNCTION is_us_ssn(text), is_payment_card(text), is_rsid(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_us_ssn(text), is_payment_card(text), is_rsid(text) TO PUBLIC;
