-- Tags by type, and the tagging types
SET client_min_messages = warning;
CREATE SCHEMA tag_types;
SET search_path = tag_types;
LOAD 'dsec';
RESET client_min_messages;
CREATE VIEW seen AS
	SELECT relation, column_name, tag, category, class, source, subject, problem
	FROM dsec.tagged_columns JOIN pg_class ON oid = relation
	WHERE relnamespace = 'tag_types'::regnamespace
	ORDER BY relation::text COLLATE "C", column_name COLLATE "C";

-- validators
SELECT v, dsec.is_us_ssn(v) FROM unnest('{
	219-09-9998, 219099998, 078-05-1120, 001-01-0001, 899-99-9999,
	000-12-3456, 666-12-3456, 900-12-3456, 999-12-3456, 123-00-4567, 123-45-0000,
	12-345-6789, 123-456789, 12345-6789, 123-45-678, 1234567890, 123-45-67890,
	12345678a, "123 45 6789", " 219099998", "219099998 ", 219–09–9998, ""}'::text[]) v;
SELECT v, dsec.is_payment_card(v) FROM unnest('{
	4111111111111111, 4111-1111-1111-1111, "4111 1111 1111 1111", 378282246310005,
	5500005555555559, 6304000000000000, 000000000000, 0000000000000000,
	4111111111111112, 4111111111111, 411111111111116, 6759649826438453,
	4111--111111111111, -4111111111111111, 4111111111111111-, "4111111111111111 ",
	4111.1111.1111.1111, 41111111111111111111, 79927398713, ""}'::text[]) v;
-- lengths: 12 and 19 digits pass, 11 and 20 do not
SELECT n, max(dsec.is_payment_card(repeat('1', n - 1) || d)::int) AS any_valid
FROM generate_series(10, 21) n, generate_series(0, 9) d GROUP BY n ORDER BY n;
-- of ten check digits exactly one is right, at every length
SELECT n, count(*) FROM generate_series(12, 19) n, generate_series(0, 9) d
WHERE dsec.is_payment_card(left('9182736455463728190', n - 1) || d)
GROUP BY n ORDER BY n;
SELECT v, dsec.is_rsid(v) FROM unnest('{rs1, rs7412, rs429358, rs0, rs01, rs, RS1, r1, 7412, rs1a, " rs1", "rs1 ", rs1234567890123456789, ""}'::text[]) v;
SELECT dsec.is_us_ssn(NULL), dsec.is_payment_card(NULL), dsec.is_rsid(NULL);
-- what every validator is
SELECT proname, proargtypes::regtype[] FROM pg_proc
WHERE pronamespace = 'dsec'::regnamespace AND proname LIKE 'is\_%'
	AND (provolatile, proparallel, proleakproof, proisstrict, prorettype) IS DISTINCT FROM ('i', 's', true, true, 'boolean'::regtype) ORDER BY 1;

-- a column of a labelled domain is tagged; a bad value does not show
CREATE TABLE person (id int PRIMARY KEY, ssn dsec.us_ssn, card dsec.payment_card, snp dsec.rsid);
SELECT * FROM seen;
INSERT INTO person VALUES (1, '219-09-9998', '4111 1111 1111 1111', 'rs7412');
INSERT INTO person VALUES (2, '666-09-9998', NULL, NULL);
INSERT INTO person VALUES (2, NULL, '4111111111111112', NULL);
INSERT INTO person VALUES (2, NULL, NULL, 'rs0');
SELECT '123'::dsec.us_ssn;

-- types made of labelled types
CREATE DOMAIN icd10 AS text;
CREATE DOMAIN icd10_main AS icd10 CHECK (VALUE <> '');
CREATE TYPE visit AS (at date, code icd10);
CREATE TYPE two AS (a icd10, b dsec.us_ssn);
CREATE TYPE code_range AS RANGE (subtype = icd10_main);
CREATE TABLE t (id int PRIMARY KEY, plain text, d icd10, dd icd10_main, da icd10[],
	dda icd10_main[], c visit, ca visit[], tw two, r code_range, mr code_multirange);
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass;
SECURITY LABEL FOR dsec ON DOMAIN icd10 IS 'personal_health';
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass;
-- the nearest label counts
SECURITY LABEL FOR dsec ON DOMAIN icd10_main IS 'human_omic';
SECURITY LABEL FOR dsec ON TYPE visit IS 'personal_financial';
SECURITY LABEL FOR dsec ON COLUMN t.d IS 'biometric_identifier';
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass;
SECURITY LABEL FOR dsec ON TYPE visit IS NULL;
SECURITY LABEL FOR dsec ON DOMAIN icd10_main IS NULL;
-- a field of a composite type
SECURITY LABEL FOR dsec ON COLUMN visit.at IS 'personal_health';
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass AND column_name = 'c';
SECURITY LABEL FOR dsec ON COLUMN visit.at IS 'personal_financial';
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass AND column_name = 'c';
SECURITY LABEL FOR dsec ON COLUMN visit.at IS NULL;
SECURITY LABEL FOR dsec ON COLUMN visit.at IS 'personal_health; subject=at; space=x';
-- a field added later
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass AND column_name = 'c';
ALTER TYPE visit ADD ATTRIBUTE ssn dsec.us_ssn;
SELECT column_name, tag, source, problem FROM seen WHERE relation = 't'::regclass AND column_name = 'c';
ALTER TYPE visit DROP ATTRIBUTE ssn;
-- rows of a tagged table inside another
CREATE TABLE log (id int PRIMARY KEY, old person);
SELECT column_name, tag, source, problem FROM seen WHERE relation = 'log'::regclass;
CREATE TABLE plain (id int PRIMARY KEY, v text);
CREATE TABLE log2 (id int PRIMARY KEY, old plain);
SELECT column_name, tag FROM seen WHERE relation = 'log2'::regclass;
SECURITY LABEL FOR dsec ON COLUMN plain.v IS 'personal_health';
SELECT column_name, tag, source FROM seen WHERE relation = 'log2'::regclass;
-- materialized views and tables made from others have types, and so tags
CREATE MATERIALIZED VIEW mv AS SELECT id, ssn FROM person;
CREATE TABLE copied AS SELECT id, ssn, card::text AS card FROM person;
SELECT relation, column_name, tag, source FROM seen WHERE relation IN ('mv'::regclass, 'copied'::regclass);
-- another type: what was tagged stays tagged, by a label of its own
CREATE TABLE retyped (id int PRIMARY KEY, a dsec.us_ssn, b icd10, c text, d icd10);
ALTER TABLE retyped ALTER a TYPE text, ALTER b TYPE icd10_main, ALTER c TYPE varchar(5), ALTER d TYPE dsec.us_ssn;
SELECT column_name, tag, source FROM seen WHERE relation = 'retyped'::regclass;
CREATE TABLE retyped_p (id int, a dsec.us_ssn) PARTITION BY RANGE (id);
CREATE TABLE retyped_p1 PARTITION OF retyped_p FOR VALUES FROM (0) TO (1);
ALTER TABLE retyped_p ALTER a TYPE text;
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation::text LIKE 'retyped\_p%';
-- the label goes: all columns of it are free
SECURITY LABEL FOR dsec ON DOMAIN icd10 IS NULL;
SELECT column_name, tag, source FROM seen WHERE relation = 't'::regclass;

SET client_min_messages = warning;
DROP SCHEMA tag_types CASCADE;
