-- The check of covered plans, against plans that were covered and then spoiled
-- in one place each: every line but those of "nothing wrong" is a refusal.
\set ECHO none
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dsec;
CREATE EXTENSION dsec_test_lineage;
\pset format unaligned
\pset tuples_only on

CREATE SCHEMA ward;
SET search_path = ward, public;
CREATE TABLE patient (
	id int PRIMARY KEY,
	name text,
	diagnosis text,
	is_us bool
);
CREATE TABLE visit (no int PRIMARY KEY, patient int, code text);
CREATE TABLE plain (a int PRIMARY KEY, b text);
CREATE INDEX patient_diagnosis ON patient (diagnosis);
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 1000
	AS $$BEGIN RETURN false; END$$;
CREATE FUNCTION deduce(text) RETURNS text LANGUAGE plpgsql IMMUTABLE
	AS $$BEGIN RETURN $1; END$$;
CREATE INDEX patient_deduced ON patient (deduce(diagnosis));

SECURITY LABEL FOR dsec ON TABLE patient
	IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE visit IS 'subject=patient; space=person';
SECURITY LABEL FOR dsec ON COLUMN visit.code IS 'personal_health';

CREATE FUNCTION verdicts(query text, VARIADIC mistakes text[])
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	mistake text;
BEGIN
	RETURN NEXT query;
	FOREACH mistake IN ARRAY mistakes LOOP
		RETURN NEXT '    ' || mistake || ' = ' || test_verify(query, mistake);
	END LOOP;
END$$;

SET max_parallel_workers_per_gather = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;

\echo == traced
SELECT verdicts('SELECT name, diagnosis FROM patient ORDER BY name LIMIT 3',
	'nothing wrong', 'guard: missing', 'guard: another name', 'guard: no groups',
	'group: positions', 'group: position out of range', 'group: rtis',
	'group: space', 'group: categories', 'group: populations',
	'node: unique', 'node: shuffled sort', 'scan: computed key');
SELECT verdicts('SELECT code FROM visit',
	'nothing wrong', 'group: rowid', 'group: positions');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT verdicts('SELECT b, code FROM plain LEFT JOIN visit ON patient = a',
	'nothing wrong', 'join: semi', 'group: rowid');
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT verdicts('SELECT diagnosis FROM patient UNION ALL SELECT code FROM visit',
	'nothing wrong', 'group: categories', 'group: rtis', 'node: unique');

\echo == charged at the source
SELECT verdicts('SELECT count(diagnosis) FROM patient',
	'nothing wrong', 'charge: missing', 'charge: explicit call',
	'charge: variadic', 'charge: space', 'charge: categories', 'charge: nkeys',
	'charge: column', 'charge: another relation', 'charge: NULL',
	'charge: or not');
SELECT verdicts('SELECT id FROM patient WHERE leak(diagnosis)',
	'nothing wrong', 'charge: last', 'charge: missing');
SELECT verdicts('SELECT id FROM patient WHERE diagnosis = ''x'' AND leak(name)',
	'nothing wrong', 'charge: last');
SET enable_bitmapscan = on;
SET enable_seqscan = off;
SELECT verdicts('SELECT id FROM patient WHERE diagnosis = ''x'' AND leak(name)',
	'nothing wrong', 'charge: last');
-- a lossy bitmap computes the indexed expression anew, before any charge
SELECT dsec.plan_cover('SELECT id FROM patient WHERE deduce(diagnosis) = ''x''');
SET enable_bitmapscan = off;
SET enable_seqscan = on;

\echo == charged in the expression
SELECT verdicts('INSERT INTO patient VALUES (1) RETURNING upper(diagnosis)',
	'nothing wrong', 'case: gone', 'case: default', 'case: OR',
	'charge: explicit call', 'charge: categories', 'charge: column');
SELECT verdicts('INSERT INTO patient VALUES (1) ON CONFLICT (id) DO UPDATE SET name = ''x''',
	'nothing wrong', 'conflict: not charged', 'charge: space');

\echo == what cannot be seen
SELECT test_transition('patient', 'SELECT id FROM rows');
SELECT test_transition('patient', 'SELECT id FROM rows WHERE diagnosis = ''x''');
SELECT test_transition('patient', 'SELECT leak(diagnosis) FROM rows');
SELECT test_transition('plain', 'SELECT * FROM rows');
SELECT test_unknown_node('SELECT id FROM patient, plain');
SELECT test_unknown_node('SELECT * FROM plain');

DROP EXTENSION dsec_test_lineage;
DROP SCHEMA ward CASCADE;
