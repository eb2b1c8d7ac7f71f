-- Where a plan puts tagged data, pinned: for each query the target columns that
-- receive some, from where, with which key, and what is sent away.  The queries
-- are the output, so psql does not echo them.
\set ECHO none
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dsec;
\pset format unaligned
\pset tuples_only on

CREATE EXTENSION dsec_test_lineage;

CREATE SCHEMA copies;
SET search_path = copies, public;

CREATE TABLE patient (
	id int PRIMARY KEY,
	name text NOT NULL,
	diagnosis text,
	weight numeric,
	codes text[],
	extra jsonb,
	adult boolean
);
CREATE TABLE visit (no int PRIMARY KEY, patient int NOT NULL, day date, code text);
CREATE TABLE sample (lab int NOT NULL, no int NOT NULL, gene text,
	PRIMARY KEY (lab, no));
CREATE TABLE animal (id int PRIMARY KEY, gene text);
CREATE TABLE loose (id int, secret text);
CREATE TABLE letters (letter text PRIMARY KEY, n int);
CREATE TABLE plain (a int PRIMARY KEY, b text, c int, d text);
CREATE TABLE wide (a bigint, b text, c varchar, d text[]);
CREATE TABLE made (a int, b text, up text GENERATED ALWAYS AS (upper(b)) STORED,
	n int GENERATED ALWAYS AS (a + 1) STORED);
CREATE TABLE defaulted (a int, b text DEFAULT 'new', c text DEFAULT current_user);
CREATE TABLE target (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE target_1 PARTITION OF target FOR VALUES FROM (0) TO (100);
CREATE TABLE target_2 (note text, id int);
ALTER TABLE target ATTACH PARTITION target_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE dose (id int NOT NULL, drug text, n int) PARTITION BY RANGE (id);
CREATE TABLE dose_1 PARTITION OF dose FOR VALUES FROM (0) TO (1000);
CREATE TABLE dose_2 (n int, drug text, id int NOT NULL);
ALTER TABLE dose ATTACH PARTITION dose_2 FOR VALUES FROM (1000) TO (2000);
CREATE TABLE parent (a int, b text);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE VIEW plain_view AS SELECT a AS x, b AS y FROM plain WHERE a > 0;
CREATE VIEW patient_view AS SELECT id AS who, diagnosis AS what FROM patient;
CREATE DOMAIN number AS int;
CREATE FUNCTION send(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION ping() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN ''''; END';
CREATE FUNCTION send_all(text[]) RETURNS SETOF text LANGUAGE plpgsql
	AS 'BEGIN RETURN; END';

CREATE EXTENSION postgres_fdw;
CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'nowhere');
CREATE USER MAPPING FOR CURRENT_USER SERVER away OPTIONS (user 'nobody', password 'x');
CREATE FOREIGN TABLE remote (id int, code text) SERVER away;
CREATE FOREIGN TABLE remote_2 (id int, code text) SERVER away;
CREATE FOREIGN TABLE remote_patient (id int NOT NULL, diagnosis text) SERVER away;

SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person; in_scope=adults:adult';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.weight IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.codes IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.extra IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE visit IS 'subject=patient; space=person';
SECURITY LABEL FOR dsec ON COLUMN visit.code IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE sample IS 'subject=(lab, no); space=donor';
SECURITY LABEL FOR dsec ON COLUMN sample.gene IS 'human_genomic';
SECURITY LABEL FOR dsec ON TABLE animal IS 'subject=id; space=animal';
SECURITY LABEL FOR dsec ON COLUMN animal.gene IS 'human_genomic';
SECURITY LABEL FOR dsec ON TABLE loose IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN loose.secret IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE dose IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN dose.drug IS 'personal_health';
SECURITY LABEL FOR dsec ON FOREIGN TABLE remote_patient IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN remote_patient.diagnosis IS 'personal_health';

CREATE FUNCTION copies(VARIADIC queries text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOREACH query IN ARRAY queries LOOP
		RETURN NEXT query;
		BEGIN
			RETURN QUERY SELECT '    ' || replace(c, 'copies.', '')
				FROM dsec.plan_copies(query, ARRAY['send(text)', 'ping()',
					'send_all(text[])']::regprocedure[]) c;
			IF NOT FOUND THEN
				RETURN NEXT '    nothing';
			ELSIF query !~ '\$1|remote' THEN
				-- a plan that counts says the same
				RETURN QUERY
					WITH plain AS (
						SELECT c FROM dsec.plan_copies(query) c
						WHERE c NOT LIKE 'to %'
					), covered AS (SELECT c FROM test_covered_copies(query) c)
					(SELECT '    only when not covered: ' || c FROM
						(TABLE plain EXCEPT TABLE covered) s)
					UNION ALL
					(SELECT '    only when covered: ' || c FROM
						(TABLE covered EXCEPT TABLE plain) s);
			END IF;
		EXCEPTION
			WHEN OTHERS THEN RETURN NEXT '    ERROR: ' || sqlerrm;
		END;
	END LOOP;
END$$;

SET max_parallel_workers_per_gather = 0;
SET jit = off;

\echo == INSERT: values and keys
SELECT copies(
	'INSERT INTO plain SELECT letter::int, letter FROM letters',
	'INSERT INTO plain VALUES (1, ''x'')',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient',
	'INSERT INTO plain (c, d, a) SELECT id, diagnosis, id FROM patient',
	'INSERT INTO plain (a, b) SELECT id, name FROM patient',
	'INSERT INTO plain (a, b) SELECT id + 0, diagnosis FROM patient',
	'INSERT INTO plain (a, b) SELECT id::number, upper(diagnosis) FROM patient',
	'INSERT INTO plain (a, b, c) SELECT no, diagnosis, weight FROM patient, visit',
	'INSERT INTO wide (a, b) SELECT id, diagnosis FROM patient',
	'INSERT INTO plain (a, b) SELECT id, row_to_json(patient)::text FROM patient',
	'INSERT INTO plain (a, b) SELECT who, what FROM patient_view',
	'INSERT INTO plain_view SELECT id, diagnosis FROM patient',
	'INSERT INTO plain (a, b, c) SELECT lab, gene, no FROM sample',
	'INSERT INTO plain (a, b) SELECT lab, gene FROM sample',
	'INSERT INTO plain (a, b) VALUES (1, (SELECT diagnosis FROM patient LIMIT 1))',
	'INSERT INTO plain (a, b) VALUES (1, (SELECT string_agg(diagnosis, '','') FROM patient))',
	'INSERT INTO made (a, b) SELECT id, diagnosis FROM patient',
	'INSERT INTO defaulted (a) SELECT id FROM patient WHERE weight > 100',
	'INSERT INTO target SELECT id, diagnosis FROM patient',
	'INSERT INTO parent SELECT id, diagnosis FROM patient',
	'INSERT INTO remote SELECT id, diagnosis FROM patient',
	'INSERT INTO plain (a, b) SELECT id, secret FROM loose',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM remote_patient');

\echo == output: CREATE TABLE AS and the like
SELECT copies(
	'SELECT id, diagnosis FROM patient',
	'SELECT id, diagnosis, adult FROM patient',
	'SELECT id, diagnosis, adult AND true AS adult FROM patient',
	'SELECT * FROM patient LIMIT 3',
	'SELECT diagnosis FROM patient ORDER BY id',
	'SELECT id, encode(convert_to(diagnosis, ''UTF8''), ''base64'') FROM patient',
	'SELECT id, jsonb_build_object(''d'', diagnosis) FROM patient',
	'SELECT id, patient FROM patient',
	'SELECT id, ARRAY[diagnosis, name] FROM patient',
	'SELECT id, ctid FROM patient',
	'SELECT count(*) FROM patient',
	'SELECT id, drug FROM dose',
	'SELECT 1');

\echo == what selects the rows
SELECT copies(
	'SELECT id, name FROM patient WHERE diagnosis = ''x''',
	'SELECT id FROM patient WHERE id = 3',
	'SELECT count(*) FROM patient WHERE diagnosis = ''x''',
	'SELECT ''x'' FROM patient WHERE diagnosis = ''x''',
	'SELECT sum(id) FROM patient WHERE diagnosis = ''x''',
	'SELECT letter FROM letters JOIN patient ON letter = diagnosis',
	'SELECT letter, count(*) FROM letters JOIN patient ON letter = diagnosis GROUP BY 1',
	'SELECT id, name FROM patient WHERE EXISTS (SELECT FROM visit WHERE patient = id AND code = ''x'')',
	'SELECT g FROM generate_series(1, 9) g WHERE EXISTS (SELECT FROM animal WHERE id = g AND gene = ''x'')',
	'SELECT id, CASE WHEN diagnosis = ''x'' THEN 1 END FROM patient',
	'SELECT p.id, p.name FROM patient p JOIN patient q ON q.id = p.id + 1 WHERE q.diagnosis = ''x''',
	'SELECT patient, count(*) FROM visit GROUP BY 1 HAVING max(code) > ''x''',
	'SELECT code, count(*) FROM visit GROUP BY 1',
	'SELECT count(*) FILTER (WHERE code = ''x'') FROM visit');

\echo == joins: whose row is it
SELECT copies(
	'SELECT v.patient, v.code FROM visit v JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v LEFT JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v RIGHT JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v FULL JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v JOIN patient p ON v.patient < p.id',
	'SELECT p.id, v.code FROM visit v, patient p',
	'SELECT p.id, q.diagnosis FROM patient p JOIN patient q ON q.id = p.id + 1',
	'SELECT p.id, p.diagnosis || v.code FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.id, p.diagnosis, v.code FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.id, c FROM patient p, unnest(p.codes) c',
	'SELECT p.id, c FROM patient p, LATERAL (SELECT max(x) AS c FROM unnest(p.codes) x) s',
	'SELECT id, unnest(codes) FROM patient',
	'SELECT a.id, a.drug FROM dose a JOIN dose b USING (id)',
	'SELECT a.id, b.drug FROM dose a JOIN dose b ON a.id = b.n',
	'WITH c AS MATERIALIZED (SELECT * FROM patient) SELECT a.id, a.diagnosis, b.diagnosis FROM c a, c b',
	'WITH c AS MATERIALIZED (SELECT * FROM patient) SELECT a.id, a.diagnosis || b.diagnosis FROM c a, c b',
	'WITH c AS MATERIALIZED (SELECT * FROM patient) SELECT id, diagnosis FROM c WHERE weight > 9',
	'SELECT id, (SELECT code FROM visit WHERE patient = id LIMIT 1) FROM patient',
	'SELECT id, (SELECT diagnosis) FROM patient',
	'SELECT a, (SELECT max(diagnosis) || ''x'' FROM patient WHERE id < a) FROM plain',
	'SELECT id, ARRAY(SELECT code FROM visit WHERE patient = id) FROM patient',
	'SELECT id, EXISTS (SELECT FROM visit WHERE patient = id AND code = ''x'') FROM patient',
	'SELECT id, x.* FROM patient, jsonb_to_recordset(extra) AS x(a text, b text)',
	'SELECT (s.r).a, (s.r).b FROM (SELECT row(id, diagnosis, 3, name)::plain AS r FROM patient OFFSET 0) s',
	'SELECT r.id, r.diagnosis FROM remote_patient r JOIN remote q USING (id)');
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SELECT copies(
	'SELECT a.id, a.drug, b.drug FROM dose a JOIN dose b USING (id)',
	'SELECT id, max(drug) FROM dose GROUP BY 1',
	'SELECT n, max(drug) FROM dose GROUP BY 1');
RESET enable_partitionwise_join;
RESET enable_partitionwise_aggregate;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT copies(
	'SELECT patient, max(code) FROM visit GROUP BY 1',
	'SELECT max(code || ''x'') FROM visit',
	'SELECT p.id, v.code FROM patient p LEFT JOIN visit v ON v.patient = p.id');
SET max_parallel_workers_per_gather = 0;

\echo == merged: several people in one value
SELECT copies(
	'SELECT array_agg(diagnosis) FROM patient',
	'SELECT DISTINCT diagnosis FROM patient',
	'SELECT DISTINCT id, diagnosis FROM patient',
	'SELECT DISTINCT ON (patient) patient, code FROM visit ORDER BY patient, day',
	'SELECT DISTINCT ON (code) patient, code FROM visit ORDER BY code, day',
	'SELECT patient, array_agg(code) FROM visit GROUP BY 1',
	'SELECT p.id, max(code) FROM visit v JOIN patient p ON v.patient = p.id GROUP BY 1',
	'SELECT p.name, max(code) FROM visit v JOIN patient p ON v.patient = p.id GROUP BY 1',
	'SELECT patient, array_agg(code) FROM visit GROUP BY ROLLUP (1)',
	'SELECT lab, array_agg(gene) FROM sample GROUP BY 1',
	'SELECT lab, no, array_agg(gene) FROM sample GROUP BY 1, 2',
	'SELECT id, max(secret) FROM loose GROUP BY 1',
	'SELECT patient, lag(code) OVER (ORDER BY day) FROM visit',
	'SELECT patient, lag(code) OVER (PARTITION BY patient ORDER BY day) FROM visit',
	'SELECT patient, code, row_number() OVER (ORDER BY day) FROM visit',
	'SELECT patient, row_number() OVER (PARTITION BY patient ORDER BY code) FROM visit',
	'SELECT id, diagnosis FROM patient UNION ALL SELECT patient, code FROM visit',
	'SELECT id, diagnosis FROM patient UNION SELECT patient, code FROM visit',
	'SELECT id, diagnosis FROM patient UNION ALL SELECT no, code FROM visit',
	'SELECT id, diagnosis FROM patient UNION ALL SELECT id, gene FROM animal',
	'SELECT id, diagnosis FROM patient UNION SELECT id, gene FROM animal',
	'SELECT k, max(d) FROM (SELECT id AS k, 0 AS j, diagnosis AS d FROM patient UNION ALL SELECT 0, patient, code FROM visit) s GROUP BY k, j',
	'SELECT id, diagnosis FROM patient UNION ALL SELECT 1, ''none''',
	'SELECT id, diagnosis FROM patient EXCEPT SELECT patient, code FROM visit',
	'WITH RECURSIVE r AS (SELECT id, diagnosis FROM patient UNION ALL SELECT id + 1, diagnosis FROM r WHERE id < 3) SELECT * FROM r',
	'SELECT id, max(drug) FROM dose GROUP BY 1');

\echo == UPDATE
SELECT copies(
	'UPDATE plain SET b = ''x''',
	'UPDATE plain SET b = diagnosis FROM patient WHERE a = id',
	'UPDATE plain SET b = diagnosis FROM patient WHERE a = id + 1',
	'UPDATE plain SET b = diagnosis, a = id FROM patient',
	'UPDATE plain SET (a, b) = (SELECT id, diagnosis FROM patient WHERE id = c)',
	'UPDATE plain SET b = (SELECT diagnosis FROM patient WHERE id = a)',
	'UPDATE patient SET name = (SELECT code FROM visit WHERE patient = id LIMIT 1)',
	'UPDATE patient SET name = diagnosis',
	'UPDATE patient SET name = diagnosis, id = id + 1',
	'UPDATE patient SET name = q.diagnosis FROM patient q WHERE q.id = patient.id + 1',
	'UPDATE made SET b = diagnosis FROM patient WHERE a = id',
	'UPDATE target SET note = diagnosis FROM patient WHERE patient.id = target.id',
	'UPDATE target_2 SET note = diagnosis FROM patient WHERE patient.id = target_2.id',
	'UPDATE dose SET drug = diagnosis FROM patient p WHERE p.id = dose.id',
	'UPDATE dose SET n = length(drug)',
	'UPDATE parent SET b = diagnosis FROM patient WHERE a = id',
	'UPDATE plain_view SET y = diagnosis FROM patient WHERE x = id',
	'UPDATE wide SET d[2] = diagnosis FROM patient',
	'DELETE FROM plain USING patient WHERE a = id AND diagnosis = ''x''');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT copies('UPDATE plain SET b = diagnosis FROM patient WHERE a = id',
	'SELECT p.id, v.code FROM visit v LEFT JOIN patient p ON v.patient = p.id',
	'SELECT p.id, v.code FROM visit v JOIN patient p ON v.patient = p.id');
RESET enable_hashjoin;
RESET enable_mergejoin;

\echo == ON CONFLICT and MERGE
SELECT copies(
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient ON CONFLICT DO NOTHING',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient ON CONFLICT (a) DO UPDATE SET b = excluded.b',
	'INSERT INTO plain (a, b) SELECT id, ''new'' FROM patient ON CONFLICT (a) DO UPDATE SET d = excluded.b',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient ON CONFLICT (a) DO UPDATE SET d = excluded.b || plain.d',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient ON CONFLICT (a) DO UPDATE SET a = plain.a + 1',
	'INSERT INTO plain (a, c, b) SELECT no, patient, code FROM visit ON CONFLICT (a) DO UPDATE SET b = excluded.b',
	'INSERT INTO plain (a, b) VALUES (1, ''x'') ON CONFLICT (a) DO UPDATE SET b = (SELECT diagnosis FROM patient LIMIT 1)',
	'INSERT INTO patient (id, name) SELECT 1, ''x'' ON CONFLICT (id) DO UPDATE SET name = patient.diagnosis',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED THEN UPDATE SET b = diagnosis WHEN NOT MATCHED THEN INSERT (a, b) VALUES (id, diagnosis)',
	'MERGE INTO plain USING patient ON a = id WHEN NOT MATCHED THEN INSERT (a, d) VALUES (id, name)',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED AND diagnosis = ''x'' THEN UPDATE SET b = name WHEN NOT MATCHED THEN DO NOTHING',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED AND diagnosis = ''x'' THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (-1)',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED THEN UPDATE SET a = id + 1 WHEN NOT MATCHED THEN INSERT (a, b) VALUES (id, diagnosis)',
	'MERGE INTO target USING patient p ON target.id = p.id WHEN MATCHED THEN UPDATE SET note = diagnosis');

\echo == data-modifying WITH
SELECT copies(
	'WITH d AS (DELETE FROM patient RETURNING *) INSERT INTO plain (a, b) SELECT id, diagnosis FROM d',
	'WITH i AS (INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient RETURNING *) INSERT INTO wide (a, b) SELECT a, b FROM i',
	'WITH u AS (UPDATE plain SET b = diagnosis FROM patient WHERE a = id RETURNING a, b, c) INSERT INTO wide (a, b) SELECT c, b FROM u',
	'WITH i AS (INSERT INTO patient (id, name, diagnosis) SELECT no, ''n'', code FROM visit RETURNING *) SELECT id, diagnosis FROM i',
	'WITH i AS (INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient) SELECT 1',
	'INSERT INTO plain (a, b) SELECT id, diagnosis FROM patient RETURNING a, b, c');

\echo == parameters
SELECT copies(
	'INSERT INTO plain (a, b) VALUES ($1, ''x'')',
	'INSERT INTO plain (a, b) VALUES (-1, $1 || ''x'')',
	'INSERT INTO plain (a, b) VALUES (1, upper(''x'') || $1)',
	'INSERT INTO defaulted (a) VALUES ($1)',
	'INSERT INTO plain (a, b) SELECT n, letter FROM letters WHERE letter = $1',
	'INSERT INTO plain (a, c) SELECT 1, count(*) FROM letters WHERE letter = $1',
	'UPDATE plain SET b = CASE WHEN $1 THEN ''x'' END',
	'SELECT $1::text, letter FROM letters',
	'INSERT INTO plain (a, b) SELECT id, diagnosis || $1 FROM patient');

\echo == sent away
SELECT copies(
	'SELECT r.code FROM remote r WHERE id = 3',
	'SELECT r.code FROM remote r WHERE id = $1',
	'SELECT r.code FROM remote r WHERE code = (SELECT max(diagnosis) FROM patient)',
	'SELECT r.code FROM remote r WHERE code = ANY (ARRAY(SELECT diagnosis FROM patient))',
	'SELECT r.code FROM remote r WHERE id = (SELECT count(*) FROM letters)',
	'SELECT 1 FROM patient p, LATERAL (SELECT * FROM remote r WHERE r.code = p.diagnosis OFFSET 0) s',
	'SELECT 1 FROM patient p, LATERAL (SELECT * FROM remote r WHERE r.id = p.id OFFSET 0) s',
	'SELECT 1 FROM patient p, LATERAL (SELECT * FROM remote r WHERE r.id = p.id OFFSET 0) s WHERE p.diagnosis = ''x''',
	'SELECT 1 FROM patient p, LATERAL (SELECT r.id FROM remote r JOIN remote_2 q USING (id) WHERE r.code = p.diagnosis OFFSET 0) s',
	'UPDATE remote SET code = ''y'' WHERE code = (SELECT max(diagnosis) FROM patient)',
	'DELETE FROM remote WHERE code = (SELECT max(diagnosis) FROM patient)',
	'DELETE FROM remote WHERE code = $1',
	'SELECT send(name) FROM patient',
	'SELECT send(diagnosis) FROM patient',
	'SELECT send(letter) FROM letters',
	'SELECT send($1) FROM letters',
	'SELECT send(name) FROM patient WHERE weight > 100',
	'SELECT ping() FROM patient WHERE weight > 100',
	'SELECT CASE WHEN diagnosis = ''x'' THEN ping() END FROM patient',
	'SELECT * FROM patient p, send_all(p.codes)',
	'SELECT * FROM letters WHERE send(letter) = letter AND EXISTS (SELECT FROM patient WHERE send(diagnosis) IS NOT NULL)');

DROP SCHEMA copies CASCADE;
DROP EXTENSION dsec_test_lineage;
