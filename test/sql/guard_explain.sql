-- EXPLAIN of guarded plans in a bound session: PostgreSQL's own plan with the
-- guard on top, which names the recipients, the tagged columns that are read,
-- their categories, and how each read is counted.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dsec;
CREATE ROLE regress_guard_reader;
SELECT dsec.add_recipient('Guard regress', 'XX', 'covered') > 0 AS added;
SELECT dsec.bind_role('regress_guard_reader', 'Guard regress');

CREATE SCHEMA guarded;
GRANT USAGE, CREATE ON SCHEMA guarded TO regress_guard_reader;
SET search_path = guarded;

CREATE TABLE patient (id int PRIMARY KEY, name text, diagnosis text, weight int);
INSERT INTO patient SELECT i, 'name ' || i, 'D' || i, i FROM generate_series(1, 200) i;
CREATE INDEX patient_diagnosis ON patient (diagnosis);
CREATE INDEX patient_id_diagnosis ON patient (id, diagnosis);
CREATE TABLE visit (no int PRIMARY KEY, patient int, place text);
INSERT INTO visit SELECT i, 1 + i / 2, 'place' FROM generate_series(1, 200) i;
CREATE TABLE sample (no int PRIMARY KEY, id int NOT NULL, gene text, finger text, is_us bool);
INSERT INTO sample SELECT i, i, 'GATTACA', 'loop', true FROM generate_series(1, 100) i;
CREATE TABLE loose (id int, gene text);
CREATE TABLE part (id int, site int, gene text) PARTITION BY LIST (site);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
CREATE VIEW ill AS SELECT id, diagnosis FROM patient WHERE weight > 3;
ANALYZE;

SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE sample IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN sample.gene IS 'human_genomic';
SECURITY LABEL FOR dsec ON COLUMN sample.finger IS 'biometric_identifier';
SECURITY LABEL FOR dsec ON TABLE loose IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN loose.gene IS 'human_genomic';
SECURITY LABEL FOR dsec ON TABLE part IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN part.gene IS 'human_genomic';
GRANT ALL ON ALL TABLES IN SCHEMA guarded TO regress_guard_reader;

CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 PARALLEL SAFE
	AS 'BEGIN RETURN true; END';
CREATE FUNCTION inlined() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT diagnosis FROM guarded.patient';

-- unbound: no guard
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient;

SET SESSION AUTHORIZATION regress_guard_reader;

-- nothing tagged is read: no guard
EXPLAIN (COSTS OFF) SELECT id, name FROM patient;
EXPLAIN (COSTS OFF) SELECT count(*) FROM patient;
EXPLAIN (COSTS OFF) SELECT name FROM patient JOIN visit ON patient = id WHERE place = 'x';

-- scans
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient;
EXPLAIN (COSTS OFF, VERBOSE) SELECT diagnosis FROM patient WHERE weight > 5;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient WHERE id = 7;
EXPLAIN (COSTS OFF) SELECT name FROM patient WHERE diagnosis = 'D7';
EXPLAIN (COSTS OFF) SELECT gene FROM loose;
EXPLAIN (COSTS OFF) SELECT gene, finger FROM sample;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient WHERE ctid = '(0,1)';
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient WHERE id > 10 ORDER BY id;
EXPLAIN (COSTS OFF, VERBOSE) SELECT diagnosis FROM patient WHERE diagnosis > 'D';
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
EXPLAIN (COSTS OFF) SELECT name FROM patient WHERE diagnosis > 'D5';
RESET ALL;
SET search_path = guarded;

-- joins
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT place, diagnosis FROM visit JOIN patient ON patient = id;
EXPLAIN (COSTS OFF) SELECT place, diagnosis FROM visit LEFT JOIN patient ON patient = id;
EXPLAIN (COSTS OFF) SELECT gene, diagnosis FROM sample FULL JOIN patient USING (id);
SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT place, diagnosis FROM visit JOIN patient ON patient = id WHERE no < 5;
RESET ALL;
SET search_path = guarded;
SET enable_hashjoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT a.diagnosis, b.diagnosis FROM patient a JOIN patient b USING (id);
RESET ALL;
SET search_path = guarded;
EXPLAIN (COSTS OFF) SELECT name FROM patient p WHERE EXISTS (SELECT FROM sample s WHERE s.id = p.id AND gene = 'GATTACA');
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient p WHERE EXISTS (SELECT FROM visit WHERE patient = p.id);
EXPLAIN (COSTS OFF) SELECT name FROM patient p WHERE NOT EXISTS (SELECT FROM sample s WHERE s.id = p.id AND gene = 'x');

-- append
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient UNION ALL SELECT gene FROM sample;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient UNION ALL SELECT place FROM visit;
EXPLAIN (COSTS OFF, VERBOSE) SELECT gene FROM part;
EXPLAIN (COSTS OFF) SELECT gene FROM part WHERE site = 2;
EXPLAIN (COSTS OFF) SELECT gene FROM part_1;

-- subqueries, views, CTEs
EXPLAIN (COSTS OFF) SELECT diagnosis FROM ill;
EXPLAIN (COSTS OFF) SELECT * FROM (SELECT diagnosis FROM patient ORDER BY weight LIMIT 3) q;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient ORDER BY diagnosis LIMIT 3;
EXPLAIN (COSTS OFF) WITH q AS (SELECT diagnosis FROM patient) SELECT * FROM q;
EXPLAIN (COSTS OFF) WITH q AS MATERIALIZED (SELECT diagnosis FROM patient) SELECT * FROM q;
EXPLAIN (COSTS OFF) SELECT place, (SELECT diagnosis FROM patient WHERE id = patient) FROM visit;
EXPLAIN (COSTS OFF) SELECT ARRAY(SELECT diagnosis FROM patient);
EXPLAIN (COSTS OFF) SELECT * FROM inlined();

-- what mixes rows
EXPLAIN (COSTS OFF) SELECT json_agg(diagnosis) FROM patient;
EXPLAIN (COSTS OFF) SELECT diagnosis, count(*) FROM patient GROUP BY diagnosis;
EXPLAIN (COSTS OFF) SELECT DISTINCT diagnosis FROM patient;
EXPLAIN (COSTS OFF) SELECT diagnosis, row_number() OVER (ORDER BY id) FROM patient;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient UNION SELECT gene FROM sample;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient INTERSECT SELECT gene FROM sample;
EXPLAIN (COSTS OFF) WITH RECURSIVE r AS (SELECT id, diagnosis FROM patient WHERE id = 1
	UNION ALL SELECT p.id, p.diagnosis FROM r JOIN patient p ON p.id = r.id + 1) SELECT diagnosis FROM r;

-- leaks below the guard
EXPLAIN (COSTS OFF) SELECT name FROM patient WHERE leak(diagnosis) AND weight > 5;
EXPLAIN (COSTS OFF) SELECT diagnosis::int FROM patient;
EXPLAIN (COSTS OFF) SELECT place FROM visit JOIN patient ON patient = id AND leak(diagnosis || place);

-- what is written
EXPLAIN (COSTS OFF) UPDATE patient SET weight = 1 WHERE id = 3 RETURNING diagnosis;
EXPLAIN (COSTS OFF) DELETE FROM patient WHERE diagnosis = 'D3';
EXPLAIN (COSTS OFF) DELETE FROM patient WHERE id = 3 RETURNING diagnosis;
EXPLAIN (COSTS OFF) INSERT INTO patient VALUES (1) ON CONFLICT (id) DO UPDATE SET weight = 2 RETURNING diagnosis;
EXPLAIN (COSTS OFF) INSERT INTO visit SELECT id, id, diagnosis FROM patient;
EXPLAIN (COSTS OFF) MERGE INTO visit USING patient ON patient = id WHEN MATCHED THEN UPDATE SET place = diagnosis;

-- prepared, and for machines
PREPARE p(int) AS SELECT diagnosis FROM patient WHERE id = $1;
EXPLAIN (COSTS OFF) EXECUTE p (3);
EXPLAIN (COSTS OFF, FORMAT JSON) SELECT json_agg(diagnosis), count(gene) FROM patient JOIN sample USING (id);

-- parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT diagnosis FROM patient;
EXPLAIN (COSTS OFF) SELECT max(diagnosis) FROM patient;
RESET ALL;
SET search_path = guarded;

-- what was counted
EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF)
	SELECT diagnosis FROM patient WHERE id <= 10;
EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF)
	SELECT diagnosis FROM patient WHERE id <= 15;
EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF)
	SELECT max(diagnosis) FROM patient WHERE id <= 20;
EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF)
	SELECT gene FROM sample;

-- what dsec adds is not for everybody to call
SELECT dsec.charge('person', ARRAY['personal_health'], ARRAY[]::text[], 1, false, id) FROM patient;

RESET SESSION AUTHORIZATION;
SELECT recipient, category, counted FROM dsec.exposure
	WHERE recipient = 'Guard regress' AND counted > 0 ORDER BY category;
SELECT dsec.unbind_role('regress_guard_reader', 'Guard regress');
SET client_min_messages = warning;
DROP SCHEMA guarded CASCADE;
DROP ROLE regress_guard_reader;
