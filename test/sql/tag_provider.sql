-- Labels on objects: what is accepted, what is refused, what follows
SET client_min_messages = warning;
CREATE SCHEMA tag_provider;
SET search_path = tag_provider;
LOAD 'dsec';
SET client_min_messages = notice;
\set VERBOSITY default

CREATE VIEW seen AS
	SELECT relation, column_name, tag, category, class, source, subject, space, in_scope, problem
	FROM dsec.tagged_columns JOIN pg_class ON oid = relation
	WHERE relnamespace = 'tag_provider'::regnamespace
	ORDER BY relation::text COLLATE "C", column_name COLLATE "C";

CREATE TABLE patient (patient_id int PRIMARY KEY, is_us boolean, is_jp boolean,
	diagnosis text, ssn text, note text, "Odd Name" uuid);
SELECT * FROM seen;

SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.ssn IS 'listed_identifier; class=gov_id';
-- a key column that is tagged itself
SECURITY LABEL FOR dsec ON COLUMN patient.patient_id IS 'listed_identifier; class=account_auth';
\x on
SELECT * FROM seen;
\x off
SELECT objname, provider, label FROM pg_seclabels
WHERE objoid = 'patient'::regclass ORDER BY objsubid, provider;

-- a column may have a subject of its own; scope of the table is not about it
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health; subject="Odd Name"; space=author';
SELECT column_name, tag, subject, space, in_scope FROM seen WHERE column_name = 'note';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health; subject=("Odd Name",patient_id); in_scope=jp_person:is_jp';
SELECT column_name, tag, subject, space, in_scope FROM seen WHERE column_name = 'note';

-- the same, as functions; they store canonical text
SELECT dsec.tag('patient', 'note', ' Personal_Health ; in_scope = jp_person:is_jp ');
SELECT column_name, tag FROM seen WHERE column_name = 'note';
SELECT label FROM pg_seclabels WHERE objoid = 'patient'::regclass AND objname LIKE '%note' AND provider = 'dsec';
SELECT dsec.untag('patient', 'note');
SELECT dsec.untag('patient', 'diagnosis'), dsec.untag('patient', 'ssn'), dsec.untag('patient', 'patient_id');
SELECT * FROM seen;
SELECT dsec.untag('patient');
-- with the labels go the marks
SELECT count(*) FROM pg_seclabel WHERE objoid = 'patient'::regclass;

-- refused: columns
\set VERBOSITY default
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=nobody; space=person';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=ctid; space=person';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space="pk:1.2"';
SECURITY LABEL FOR dsec ON TABLE patient IS 'in_scope=us_person:nobody';
SECURITY LABEL FOR dsec ON TABLE patient IS 'in_scope=us_person:diagnosis';
SECURITY LABEL FOR dsec ON TABLE patient IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE patient IS 'class=gov_id';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health; space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health; subject=patient_id';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'declassify; reason=x';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'statistical';
SECURITY LABEL FOR dsec ON COLUMN patient.ctid IS 'personal_health';
SELECT dsec.tag('patient', 'nobody', 'personal_health');
SELECT dsec.tag('patient', 'note', NULL);
SELECT dsec.tag('patient', NULL, 'personal_health');
SELECT dsec.tag(NULL, 'subject=patient_id; space=person');
SELECT dsec.untag(NULL);
SECURITY LABEL FOR dsec_key ON COLUMN patient.note IS 'patient_id';
SECURITY LABEL FOR dsec_key ON COLUMN patient.note IS '"';
SECURITY LABEL FOR dsec_key ON TABLE patient IS 'patient';
-- and nothing of it stays
SELECT count(*) FROM pg_seclabel WHERE objoid = 'patient'::regclass;

-- a space without a subject serves only columns that name one
SECURITY LABEL FOR dsec ON TABLE patient IS 'space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health; subject=patient_id';
SECURITY LABEL FOR dsec ON COLUMN patient.ssn IS 'listed_identifier; class=gov_id';
SELECT column_name, tag, subject, space ~ '^pk:\d+\.\d+$' AS own_space FROM seen;
-- the space goes: the column that needs it fails closed
SELECT dsec.untag('patient');
SELECT column_name, problem FROM seen;
SELECT dsec.untag('patient', 'note'), dsec.untag('patient', 'ssn');

-- which types a key can have
CREATE DOMAIN person_no AS bigint;
CREATE DOMAIN yes_no AS boolean;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE keys (k1 smallint, k2 integer, k3 bigint, k4 numeric, k5 text,
	k6 varchar(10), k7 char(10), k8 uuid, k9 inet, k10 cidr, k11 date, k12 timestamp,
	k13 timestamptz, k14 person_no,
	n1 real, n2 double precision, n3 boolean, n4 bytea, n5 json, n6 jsonb, n7 time,
	n8 timetz, n9 interval, n10 money, n11 name, n12 oid, n13 int[], n14 "char",
	n15 mood, n16 point, n17 int4range, n18 macaddr, n19 bit(3), n20 xml, n21 yes_no,
	data text);
CREATE FUNCTION as_key(k text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dsec.tag('keys', 'data', format('personal_health; subject=%s; space=keys', k));
	RETURN 'accepted';
EXCEPTION WHEN SQLSTATE 'DS002' THEN
	RETURN SQLERRM;
END $$;
SET client_min_messages = error;
SELECT attname, as_key(attname) FROM pg_attribute
WHERE attrelid = 'keys'::regclass AND attnum > 0 AND attname <> 'data' ORDER BY attnum;
SELECT as_key('(k1,k2,k3,k4,k5,k6,k7,k8)'), as_key('(k1,n1)');
SET client_min_messages = notice;
-- a domain over boolean can be a scope
SELECT dsec.tag('keys', 'data', 'personal_health; subject=k1; space=keys; in_scope=us_person:n21');

-- other objects
CREATE VIEW v AS SELECT patient_id, diagnosis FROM patient;
CREATE MATERIALIZED VIEW mv AS SELECT patient_id, diagnosis FROM patient;
CREATE SEQUENCE seq;
CREATE INDEX idx ON patient (ssn);
CREATE FUNCTION yearly(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE proc() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE my_sum(int) (SFUNC = int4pl, STYPE = int);
CREATE FOREIGN DATA WRAPPER tag_provider_fdw;
CREATE SERVER tag_provider_server FOREIGN DATA WRAPPER tag_provider_fdw;
CREATE FOREIGN TABLE ft (id int, data text) SERVER tag_provider_server;
CREATE TABLE part (id int, data text) PARTITION BY RANGE (id);
CREATE TYPE pair AS (a int, b text);

SECURITY LABEL FOR dsec ON VIEW v IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN v.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON MATERIALIZED VIEW mv IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN mv.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON FOREIGN TABLE ft IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN ft.data IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE part IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN part.data IS 'personal_health';
SECURITY LABEL FOR dsec ON FUNCTION yearly(int) IS 'declassify; reason=published statistics';
SECURITY LABEL FOR dsec ON AGGREGATE my_sum(int) IS 'statistical';
SECURITY LABEL FOR dsec ON TYPE mood IS 'personal_health';
SECURITY LABEL FOR dsec ON DOMAIN person_no IS 'listed_identifier; class=gov_id';
SECURITY LABEL FOR dsec ON COLUMN pair.b IS 'personal_financial';
SELECT relation, column_name, tag, source FROM seen WHERE relation::text <> 'keys';
SECURITY LABEL FOR dsec ON FUNCTION yearly(int) IS 'personal_health';
SECURITY LABEL FOR dsec ON FUNCTION yearly(int) IS 'statistical';
SECURITY LABEL FOR dsec ON AGGREGATE my_sum(int) IS 'declassify; reason=x';
SECURITY LABEL FOR dsec ON PROCEDURE proc() IS 'declassify; reason=x';
SECURITY LABEL FOR dsec ON SEQUENCE seq IS 'subject=a; space=b';
SECURITY LABEL FOR dsec ON SCHEMA tag_provider IS 'personal_health';
SECURITY LABEL FOR dsec ON ROLE dsec_officer IS 'personal_health';
SECURITY LABEL FOR dsec ON TYPE mood IS 'personal_health; subject=a; space=b';
SECURITY LABEL FOR dsec ON TYPE mood IS 'space=b';
SECURITY LABEL FOR dsec ON TYPE text IS 'personal_health';
SECURITY LABEL FOR dsec ON TYPE mood[] IS 'personal_health';
SECURITY LABEL FOR dsec ON TYPE patient IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE pg_class IS 'subject=relname; space=x';
SECURITY LABEL FOR dsec ON COLUMN pg_class.relname IS 'personal_health';
SELECT dsec.tag('idx', 'subject=a; space=b');

-- without subject: the primary key, else each row version, said aloud
CREATE TABLE with_pk (id int PRIMARY KEY, data text);
CREATE TABLE without_pk (id int, data text);
CREATE TABLE odd_pk (id float8 PRIMARY KEY, data text);
SECURITY LABEL FOR dsec ON COLUMN with_pk.data IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN without_pk.data IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN odd_pk.data IS 'personal_health';
SELECT relation, subject, space = format('pk:%s.%s', (SELECT oid FROM pg_database WHERE datname = current_database()), relation::oid) AS own_space, problem
FROM seen WHERE relation::text LIKE '%\_pk';
ALTER TABLE without_pk ADD PRIMARY KEY (id);
ALTER TABLE with_pk DROP CONSTRAINT with_pk_pkey;
SELECT relation, subject, problem FROM seen WHERE relation::text LIKE '%\_pk';
-- rows of a foreign table count one by one; a view must say whose data it shows
CREATE FOREIGN TABLE ft2 (id int, data text) SERVER tag_provider_server;
SECURITY LABEL FOR dsec ON COLUMN ft2.data IS 'personal_health';
CREATE VIEW v2 AS SELECT 1 AS a;
SECURITY LABEL FOR dsec ON COLUMN v2.a IS 'personal_health';
SELECT relation, problem FROM seen WHERE relation::text IN ('ft2', 'v2');

-- one space, two families of keys
CREATE TABLE visit (person text, data text);
SECURITY LABEL FOR dsec ON TABLE visit IS 'subject=person; space=person';
SECURITY LABEL FOR dsec ON COLUMN visit.data IS 'personal_health';

-- the table's objects go, and their labels with them
SET client_min_messages = warning;
DROP SCHEMA tag_provider CASCADE;
DROP FOREIGN DATA WRAPPER tag_provider_fdw CASCADE;
SELECT count(*) FROM pg_seclabel WHERE provider = 'dsec_key';
