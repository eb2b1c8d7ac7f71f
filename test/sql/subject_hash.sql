-- Subject keys: which values are one subject, and which are not.  The hash of a
-- key is part of every ledger's format: the values below must never change.
CREATE EXTENSION dsec_test_ledger;

-- integers of any width
SELECT test_hash(42::int2) AS hash,
	test_hash(42::int2) = test_hash(42::int4) AS int4,
	test_hash(42::int2) = test_hash(42::int8) AS int8,
	test_hash(-1::int2) = test_hash(-1::int8) AS negative,
	test_hash(42) = test_hash(43) AS other;
SELECT test_hash(1), test_hash(0), test_hash(9223372036854775807);

-- row versions
SELECT test_hash_row(1, 2, '(3,4)', '5'),
	test_hash_row(1, 2, '(3,5)', '5') = test_hash_row(1, 2, '(3,4)', '5') AS same_ctid,
	test_hash_row(1, 2, '(3,4)', '6') = test_hash_row(1, 2, '(3,4)', '5') AS same_xmin;

-- numeric: scale does not matter; a family of its own
SELECT test_hash(1.50) AS hash,
	test_hash(1.50) = test_hash(1.5) AS scale,
	test_hash(100::numeric) = test_hash(1e2) AS power,
	test_hash(0.0) = test_hash(-0.00) AS zero,
	test_hash(42) = test_hash(42::numeric) AS integer,
	test_hash('NaN'::numeric) = test_hash('NaN'::numeric) AS nan,
	test_hash(repeat('1234567890', 200)::numeric) = test_hash((repeat('1234567890', 200) || '.000')::numeric) AS long;

-- text
SELECT test_hash('abc'::text) AS hash,
	test_hash('abc'::text) = test_hash('abc'::varchar(10)) AS varchar,
	test_hash('abc'::text) = test_hash('abc'::char(10)) AS padded,
	test_hash('abc'::text) = test_hash('abc'::name) AS name,
	test_hash('abc'::text) = test_hash('abc  '::text) AS blanks,
	test_hash('abc'::text) = test_hash('ABC'::text) AS upper,
	test_hash('42'::text) = test_hash(42) AS integer,
	test_hash(''::text) AS empty;

-- values out of line and compressed
CREATE TABLE long_key (id int, plain text, squeezed text);
ALTER TABLE long_key ALTER plain SET STORAGE EXTERNAL;
INSERT INTO long_key VALUES (1, repeat('abc', 100000), repeat('abc', 100000)), (2, 'abc', 'abc');
SELECT id, test_hash(plain) = test_hash(squeezed) AS stored, test_hash(plain) = test_hash(plain || '') AS computed FROM long_key ORDER BY id;
DROP TABLE long_key;

-- collations that find different texts equal
CREATE COLLATION deaf (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT test_hash('Abc'::text COLLATE deaf) = test_hash('aBC'::text COLLATE deaf) AS deaf,
	test_hash('abc'::text COLLATE deaf) = test_hash('abd'::text COLLATE deaf) AS different,
	test_hash('abc'::char(10) COLLATE deaf) = test_hash('ABC'::char(5) COLLATE deaf) AS padded,
	test_hash('Abc'::text COLLATE "C") = test_hash('aBC'::text COLLATE "C") AS deterministic;
DROP COLLATION deaf;

-- uuid, inet and cidr
SELECT test_hash('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) = test_hash('{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'::uuid) AS uuid,
	test_hash('10.0.0.0/8'::inet) = test_hash('10.0.0.0/8'::cidr) AS cidr,
	test_hash('10.0.0.1'::inet) = test_hash('10.0.0.1/32'::inet) AS host,
	test_hash('10.0.0.1/24'::inet) = test_hash('10.0.0.1/32'::inet) AS netmask,
	test_hash('::1'::inet) = test_hash('0:0:0:0:0:0:0:1'::inet) AS v6;

-- dates and times
SET TIME ZONE 'UTC';
SELECT test_hash('2024-02-29'::date) = test_hash('2024-02-29'::timestamp) AS date,
	test_hash('2024-02-29'::timestamp) = test_hash('2024-02-29'::timestamptz) AS utc,
	test_hash('2024-02-29 12:00+00'::timestamptz) = test_hash('2024-02-29 14:00+02'::timestamptz) AS zone,
	test_hash('infinity'::date) = test_hash('infinity'::timestamp) AS infinity,
	test_hash('-infinity'::date) = test_hash('infinity'::date) AS minus,
	test_hash('5000000-01-01'::date) = test_hash('5000000-01-02'::date) AS far;
SET TIME ZONE 'Asia/Tokyo';
SELECT test_hash('2024-02-29'::date) = test_hash('2024-02-29'::timestamp) AS date,
	test_hash('2024-02-29 12:00+00'::timestamptz) = test_hash('2024-02-29 12:00'::timestamp) AS session_zone_does_not_matter;
RESET TIME ZONE;

-- domains are their base types
CREATE DOMAIN patient_no AS bigint CHECK (VALUE > 0);
CREATE DOMAIN clinic_no AS patient_no;
SELECT test_hash(42::clinic_no) = test_hash(42) AS domain, test_family('clinic_no') = test_family('int4') AS family;
DROP DOMAIN clinic_no, patient_no;

-- several parts keep apart
SELECT test_hash('a'::text, 'bc'::text) = test_hash('ab'::text, 'c'::text) AS moved,
	test_hash('a'::text, 'b'::text) = test_hash('b'::text, 'a'::text) AS swapped,
	test_hash('a'::text, 'b'::text) = test_hash('a'::varchar, 'b'::char(3)) AS same,
	test_hash(1, 2) = test_hash(1::int8, 2::int2) AS integers,
	test_hash(1, 2) = test_hash(1, 2, 0) AS more,
	test_hash(1, 2) AS hash;

-- citext
CREATE EXTENSION citext;
SELECT test_hash('Abc'::citext) = test_hash('aBC'::citext) AS citext, test_hash('Abc'::citext) = test_hash('abc'::text) AS folded,
	test_hash('abc'::citext) = test_hash('abd'::citext) AS different;
DROP EXTENSION citext;

-- what cannot be a key
SELECT type, test_family(type) AS family
  FROM unnest('{int2,int4,int8,numeric,text,varchar,bpchar,name,uuid,inet,cidr,date,timestamp,timestamptz,bool,float8,bytea,jsonb,int4[],oid,interval,money,bit,time}'::regtype[]) AS type;
SELECT test_hash(1.5::float8);
\echo :LAST_ERROR_SQLSTATE
SELECT test_hash(1, ARRAY[1]);
-- a type that only has citext's name
CREATE TYPE public.citext AS ENUM ('a');
SELECT test_family('public.citext');
DROP TYPE public.citext;

-- ten thousand keys, ten thousand hashes, none of them 0
SELECT count(DISTINCT test_hash(i)), count(DISTINCT test_hash(i::text)), count(*) FILTER (WHERE test_hash(i) = '0000000000000000') FROM generate_series(1, 10000) AS i;

DROP EXTENSION dsec_test_ledger;
