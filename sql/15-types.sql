/* ------------------------------------------------------------------------
 * Tagging types: a column of one of these is tagged by its type.
 *
 * A validator checks form, not existence.  It answers for every input and
 * raises nothing, and the error of its constraint shows no value.  (What is no
 * inet, macaddr or uuid at all is refused by that type, in its own words.)
 *
 * Numbers that authorities give to people
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_us_ssn(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_ssn'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_us_ssn(text) IS
'is the text a US Social Security number: nine digits, or 3-2-4 with dashes; area not 000, 666 or 900 to 999, group not 00, serial not 0000 (rules of the Social Security Administration)';
CREATE DOMAIN us_ssn AS text
	CONSTRAINT us_ssn_check CHECK (dsec.is_us_ssn(VALUE));
COMMENT ON DOMAIN us_ssn IS 'US Social Security number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN us_ssn IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_us_itin(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_itin'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_us_itin(text) IS
'is the text a US Individual Taxpayer Identification Number: nine digits, or 3-2-4 with dashes; the first 9, the fourth and fifth 50 to 65, 70 to 88, 90 to 92 or 94 to 99 (Internal Revenue Service)';
CREATE DOMAIN us_itin AS text
	CONSTRAINT us_itin_check CHECK (dsec.is_us_itin(VALUE));
COMMENT ON DOMAIN us_itin IS 'US Individual Taxpayer Identification Number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN us_itin IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_us_passport(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_passport'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_us_passport(text) IS
'is the text a US passport number: nine digits, or since 2021 a letter and eight digits; there is no check digit (Department of State)';
CREATE DOMAIN us_passport AS text
	CONSTRAINT us_passport_check CHECK (dsec.is_us_passport(VALUE));
COMMENT ON DOMAIN us_passport IS 'US passport number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN us_passport IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_us_npi(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_npi'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_us_npi(text) IS
'is the text a US National Provider Identifier: ten digits, the first 1 or 2, with the Luhn check digit of the number with 80840 before it (45 CFR 162.406; CMS, Requirements for NPI Check Digit)';
CREATE DOMAIN us_npi AS text
	CONSTRAINT us_npi_check CHECK (dsec.is_us_npi(VALUE));
COMMENT ON DOMAIN us_npi IS 'US National Provider Identifier of a provider of health care; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN us_npi IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_my_number(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_my_number'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_my_number(text) IS
'is the text a Japanese individual number (My Number): twelve digits, single spaces or dashes between groups of four, with a check digit (Ordinance of the Ministry of Internal Affairs and Communications No. 85 of 2014, article 5)';
CREATE DOMAIN my_number AS text
	CONSTRAINT my_number_check CHECK (dsec.is_my_number(VALUE));
COMMENT ON DOMAIN my_number IS 'Japanese individual number (My Number); tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN my_number IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_corporate_number(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_corporate_number'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_corporate_number(text) IS
'is the text a Japanese corporate number: thirteen digits, or 1-4-4-4 with dashes, with a check digit in front (Ordinance of the Ministry of Finance No. 70 of 2014, article 2)';
CREATE DOMAIN corporate_number AS text
	CONSTRAINT corporate_number_check CHECK (dsec.is_corporate_number(VALUE));
COMMENT ON DOMAIN corporate_number IS 'Japanese corporate number; untagged: names an organisation and no person';

CREATE FUNCTION is_kr_rrn(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_kr_rrn'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_kr_rrn(text) IS
'is the text a Korean resident registration number: thirteen digits, or 6-7 with a dash; a birth date in the century of the seventh digit; foreigners registration numbers have the same form; no check digit is asked for, as numbers given since 5 October 2020 have none (Enforcement Rule of the Resident Registration Act)';
CREATE DOMAIN kr_rrn AS text
	CONSTRAINT kr_rrn_check CHECK (dsec.is_kr_rrn(VALUE));
COMMENT ON DOMAIN kr_rrn IS 'Korean resident registration number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN kr_rrn IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_cn_resident_id(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_cn_resident_id'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_cn_resident_id(text) IS
'is the text a Chinese citizen identification number: seventeen digits and a check character, digit or X; region not beginning with 0, a birth date from 1800 on (GB 11643-1999; ISO/IEC 7064, MOD 11-2)';
CREATE DOMAIN cn_resident_id AS text
	CONSTRAINT cn_resident_id_check CHECK (dsec.is_cn_resident_id(VALUE));
COMMENT ON DOMAIN cn_resident_id IS 'Chinese citizen identification number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN cn_resident_id IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_uk_nino(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_uk_nino'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_uk_nino(text) IS
'is the text a UK National Insurance number: two letters, six digits, a letter A to D, in one piece or in pairs with spaces; no prefix that is not used; there is no check digit (HM Revenue and Customs, NIM39110)';
CREATE DOMAIN uk_nino AS text
	CONSTRAINT uk_nino_check CHECK (dsec.is_uk_nino(VALUE));
COMMENT ON DOMAIN uk_nino IS 'UK National Insurance number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN uk_nino IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_uk_nhs_number(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_uk_nhs_number'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_uk_nhs_number(text) IS
'is the text an NHS number of England, Wales and the Isle of Man: ten digits, or 3-3-4 with spaces or dashes, with a check digit (NHS Data Model and Dictionary, modulus 11)';
CREATE DOMAIN uk_nhs_number AS text
	CONSTRAINT uk_nhs_number_check CHECK (dsec.is_uk_nhs_number(VALUE));
COMMENT ON DOMAIN uk_nhs_number IS 'NHS number of England, Wales and the Isle of Man; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN uk_nhs_number IS 'listed_identifier; class=gov_id';

CREATE FUNCTION is_aadhaar(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_aadhaar'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_aadhaar(text) IS
'is the text an Indian Aadhaar number: twelve digits, single spaces or dashes between groups of four, the first 2 to 9, with a Verhoeff check digit (Unique Identification Authority of India)';
CREATE DOMAIN aadhaar AS text
	CONSTRAINT aadhaar_check CHECK (dsec.is_aadhaar(VALUE));
COMMENT ON DOMAIN aadhaar IS 'Indian Aadhaar number; tagged listed_identifier of class gov_id';
SECURITY LABEL FOR dsec ON DOMAIN aadhaar IS 'listed_identifier; class=gov_id';

/* ------------------------------------------------------------------------
 * Cards, banks and accounts
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_payment_card(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_payment_card'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_payment_card(text) IS
'is the text a payment card number: 12 to 19 digits, single spaces or dashes between them, with a Luhn check digit (ISO/IEC 7812-1)';
CREATE DOMAIN payment_card AS text
	CONSTRAINT payment_card_check CHECK (dsec.is_payment_card(VALUE));
COMMENT ON DOMAIN payment_card IS 'payment card number; tagged personal_financial';
SECURITY LABEL FOR dsec ON DOMAIN payment_card IS 'personal_financial';

CREATE FUNCTION is_us_aba(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_us_aba'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_us_aba(text) IS
'is the text a US bank routing number: nine digits without spaces, the first two 00 to 12, 21 to 32, 61 to 72 or 80, with a check digit of the weights 3, 7, 1 (American Bankers Association)';
CREATE DOMAIN us_aba AS text
	CONSTRAINT us_aba_check CHECK (dsec.is_us_aba(VALUE));
COMMENT ON DOMAIN us_aba IS 'US bank routing number; tagged listed_identifier of class fin_account: it names a bank, and is tagged as part of a persons account number, beside which it is kept';
SECURITY LABEL FOR dsec ON DOMAIN us_aba IS 'listed_identifier; class=fin_account';

CREATE FUNCTION is_iban(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_iban'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_iban(text) IS
'is the text an International Bank Account Number: country, check digits and an account in the countrys format, upper case, in one piece or in groups of four with spaces (ISO 13616-1, SWIFT IBAN registry release 101; ISO/IEC 7064, MOD 97-10)';
CREATE DOMAIN iban AS text
	CONSTRAINT iban_check CHECK (dsec.is_iban(VALUE));
COMMENT ON DOMAIN iban IS 'International Bank Account Number; tagged personal_financial';
SECURITY LABEL FOR dsec ON DOMAIN iban IS 'personal_financial';

/* ------------------------------------------------------------------------
 * Devices, subscriptions and connections
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_imei(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_imei'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_imei(text) IS
'is the text an International Mobile Equipment Identity: fifteen digits, or 2-6-6-1 with dashes or spaces, with a Luhn check digit; the software version IMEISV, which has none, is refused (3GPP TS 23.003, clause 6.2 and annex B)';
CREATE DOMAIN imei AS text
	CONSTRAINT imei_check CHECK (dsec.is_imei(VALUE));
COMMENT ON DOMAIN imei IS 'International Mobile Equipment Identity; tagged listed_identifier of class device_id';
SECURITY LABEL FOR dsec ON DOMAIN imei IS 'listed_identifier; class=device_id';

CREATE FUNCTION is_imsi(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_imsi'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_imsi(text) IS
'is the text an International Mobile Subscription Identity: fourteen or fifteen digits that begin with 2 to 7 or 9, or with 001 for tests; there is no check digit (ITU-T E.212)';
CREATE DOMAIN imsi AS text
	CONSTRAINT imsi_check CHECK (dsec.is_imsi(VALUE));
COMMENT ON DOMAIN imsi IS 'International Mobile Subscription Identity; tagged listed_identifier of class device_id';
SECURITY LABEL FOR dsec ON DOMAIN imsi IS 'listed_identifier; class=device_id';

CREATE FUNCTION is_mac_address(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_mac_address'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_mac_address(text) IS
'is the text a MAC address (EUI-48): six octets in a notation of the type macaddr, two digits each; not zero, not the address of a group (IEEE 802)';
CREATE FUNCTION is_mac_address(macaddr) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_mac_address_macaddr'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_mac_address(macaddr) IS
'is it the address of one device: not zero, not the address of a group (IEEE 802)';
CREATE DOMAIN mac_address AS macaddr
	CONSTRAINT mac_address_check CHECK (dsec.is_mac_address(VALUE));
COMMENT ON DOMAIN mac_address IS 'MAC address (EUI-48); tagged listed_identifier of class device_id';
SECURITY LABEL FOR dsec ON DOMAIN mac_address IS 'listed_identifier; class=device_id';

CREATE FUNCTION is_ip_address(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_ip_address'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_ip_address(text) IS
'is the text an IP address: four decimal numbers without leading zeros (IPv4), or the notations of RFC 4291, section 2.2, without a zone (IPv6); no netmask';
CREATE FUNCTION is_ip_address(inet) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_ip_address_inet'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_ip_address(inet) IS
'is it the address of one host: no netmask, or one of full length';
CREATE DOMAIN ip_address AS inet
	CONSTRAINT ip_address_check CHECK (dsec.is_ip_address(VALUE));
COMMENT ON DOMAIN ip_address IS 'IP address; tagged listed_identifier of class network_id';
SECURITY LABEL FOR dsec ON DOMAIN ip_address IS 'listed_identifier; class=network_id';

CREATE FUNCTION is_advertising_id(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_advertising_id'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_advertising_id(text) IS
'is the text an advertising identifier of a mobile device: a UUID in groups of 8-4-4-4-12 hexadecimal digits, in either case, of any version (Google advertising ID, Apple IDFA; RFC 9562)';
CREATE DOMAIN advertising_id AS uuid;
COMMENT ON DOMAIN advertising_id IS 'advertising identifier of a mobile device; tagged listed_identifier of class ad_id';
SECURITY LABEL FOR dsec ON DOMAIN advertising_id IS 'listed_identifier; class=ad_id';

/* ------------------------------------------------------------------------
 * Authentication
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_password_hash(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_password_hash'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_password_hash(text) IS
'is the text a password hash: a format of crypt(5) with a method in front, a PHC string, SCRAM or MD5 as PostgreSQL stores them, a scheme of RFC 2307 in braces, or a format of Django; text in clear and bare hexadecimal digests are refused';
CREATE DOMAIN password_hash AS text
	CONSTRAINT password_hash_check CHECK (dsec.is_password_hash(VALUE));
COMMENT ON DOMAIN password_hash IS 'password hash; tagged listed_identifier of class account_auth';
SECURITY LABEL FOR dsec ON DOMAIN password_hash IS 'listed_identifier; class=account_auth';

/* ------------------------------------------------------------------------
 * Genetic variants
 * ------------------------------------------------------------------------ */

CREATE FUNCTION is_rsid(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_is_rsid'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION is_rsid(text) IS
'is the text a reference SNP identifier: rs and a number without leading zero (dbSNP)';
CREATE DOMAIN rsid AS text
	CONSTRAINT rsid_check CHECK (dsec.is_rsid(VALUE));
COMMENT ON DOMAIN rsid IS 'reference SNP identifier; tagged human_genomic';
SECURITY LABEL FOR dsec ON DOMAIN rsid IS 'human_genomic';

/* values are the caller's own: everybody may check them */
REVOKE ALL ON FUNCTION is_us_ssn(text), is_us_itin(text),
	is_us_passport(text), is_us_npi(text), is_my_number(text),
	is_corporate_number(text), is_kr_rrn(text), is_cn_resident_id(text),
	is_uk_nino(text), is_uk_nhs_number(text), is_aadhaar(text),
	is_payment_card(text), is_us_aba(text), is_iban(text), is_imei(text),
	is_imsi(text), is_mac_address(text), is_mac_address(macaddr),
	is_ip_address(text), is_ip_address(inet), is_advertising_id(text),
	is_password_hash(text), is_rsid(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_us_ssn(text), is_us_itin(text),
	is_us_passport(text), is_us_npi(text), is_my_number(text),
	is_corporate_number(text), is_kr_rrn(text), is_cn_resident_id(text),
	is_uk_nino(text), is_uk_nhs_number(text), is_aadhaar(text),
	is_payment_card(text), is_us_aba(text), is_iban(text), is_imei(text),
	is_imsi(text), is_mac_address(text), is_mac_address(macaddr),
	is_ip_address(text), is_ip_address(inet), is_advertising_id(text),
	is_password_hash(text), is_rsid(text) TO PUBLIC;
