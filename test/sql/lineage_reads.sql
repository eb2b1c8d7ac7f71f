-- What the plan check says of a query, pinned: what its plan reads, and after
-- "=" how dsec would count that ("not covered" is a plan that dsec made and its
-- own check refuses).  The queries are the output, so psql does not echo them.
\set ECHO none
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dsec;
\pset format unaligned
\pset tuples_only on

CREATE SCHEMA ward;
SET search_path = ward, public;

CREATE TABLE patient (
	id int PRIMARY KEY,
	name text NOT NULL,
	born date,
	diagnosis text,
	weight numeric,
	visits int,
	extra jsonb
);
CREATE INDEX patient_diagnosis ON patient (diagnosis);
CREATE INDEX patient_name ON patient (name) INCLUDE (diagnosis);
CREATE INDEX patient_lower ON patient (lower(diagnosis));
CREATE TABLE visit (
	no int PRIMARY KEY,
	patient int REFERENCES patient,
	day date,
	code text
);
CREATE INDEX visit_patient ON visit (patient);
CREATE TABLE plain (a int PRIMARY KEY, b text, c int);

-- three levels of partitions; the tag stands at the top only
CREATE TABLE genome (id int, site int, gene text, note text)
	PARTITION BY LIST (site);
CREATE TABLE genome_1 PARTITION OF genome FOR VALUES IN (1)
	PARTITION BY RANGE (id);
CREATE TABLE genome_1_low PARTITION OF genome_1 FOR VALUES FROM (0) TO (1000);
CREATE TABLE genome_1_high PARTITION OF genome_1
	FOR VALUES FROM (1000) TO (2000);
CREATE TABLE genome_2 PARTITION OF genome FOR VALUES IN (2);

-- inheritance
CREATE TABLE person (id int, phone text);
CREATE TABLE employee (salary int) INHERITS (person);

-- partitioned twins, for partition-wise joins
CREATE TABLE dose (id int, drug text, n int) PARTITION BY RANGE (id);
CREATE TABLE dose_1 PARTITION OF dose FOR VALUES FROM (0) TO (1000);
CREATE TABLE dose_2 PARTITION OF dose FOR VALUES FROM (1000) TO (2000);
CREATE TABLE bill (id int, amount numeric) PARTITION BY RANGE (id);
CREATE TABLE bill_1 PARTITION OF bill FOR VALUES FROM (0) TO (1000);
CREATE TABLE bill_2 PARTITION OF bill FOR VALUES FROM (1000) TO (2000);

-- a generated column made of a tagged one, tagged itself
CREATE TABLE lab (
	id int PRIMARY KEY,
	value numeric,
	high boolean GENERATED ALWAYS AS (value > 10) STORED,
	unit text
);

-- a tagged key that another table refers to, and a trigger that sees rows go
CREATE TABLE card (number text PRIMARY KEY, pin text, owner int);
CREATE TABLE payment (card text REFERENCES card);
CREATE TABLE watched (id int PRIMARY KEY, secret text);

INSERT INTO patient
	SELECT i, 'n' || i, '2000-01-01'::date + i, 'd' || i % 7, i, i % 5, '{}'
	FROM generate_series(1, 1000) i;
INSERT INTO visit
	SELECT i, 1 + i % 1000, '2024-01-01'::date + i % 300, 'c' || i % 9
	FROM generate_series(1, 3000) i;
INSERT INTO plain SELECT i, 'b' || i, i % 10 FROM generate_series(1, 1000) i;
INSERT INTO genome
	SELECT i, 1 + i % 2, 'g' || i, '' FROM generate_series(0, 1999) i;
INSERT INTO dose SELECT i, 'x' || i % 5, i FROM generate_series(0, 1999) i;
INSERT INTO bill SELECT i, i FROM generate_series(0, 1999) i;
INSERT INTO lab (id, value) SELECT i, i FROM generate_series(1, 100) i;
ANALYZE;
VACUUM patient, visit, plain;

SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.weight IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.visits IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient.extra IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE visit IS 'subject=patient; space=person';
SECURITY LABEL FOR dsec ON COLUMN visit.code IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN genome.gene IS 'human_genomic';
SECURITY LABEL FOR dsec ON TABLE person IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN person.phone
	IS 'listed_identifier; class=contact';
SECURITY LABEL FOR dsec ON TABLE dose IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN dose.drug IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE bill IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN bill.amount IS 'personal_financial';
SECURITY LABEL FOR dsec ON TABLE lab IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN lab.value IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN lab.high IS 'personal_health';

SECURITY LABEL FOR dsec ON TABLE card IS 'subject=owner; space=person';
SECURITY LABEL FOR dsec ON COLUMN card.number IS 'personal_financial';
SECURITY LABEL FOR dsec ON COLUMN card.pin IS 'personal_financial';
SECURITY LABEL FOR dsec ON TABLE watched IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN watched.secret IS 'personal_health';

CREATE VIEW ill AS SELECT id, name, diagnosis FROM patient WHERE id > 10;
CREATE VIEW ill_barrier WITH (security_barrier) AS
	SELECT id, name, diagnosis FROM patient WHERE diagnosis <> 'd0';
CREATE VIEW ill_check AS SELECT id, name, diagnosis FROM patient
	WHERE diagnosis <> 'd0' WITH CHECK OPTION;
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.01
	AS $$BEGIN RAISE NOTICE '%', $1; RETURN false; END$$;
CREATE FUNCTION leak(int) RETURNS bool LANGUAGE plpgsql COST 0.01
	AS $$BEGIN RAISE NOTICE '%', $1; RETURN false; END$$;
CREATE FUNCTION tell() RETURNS bool LANGUAGE plpgsql
	AS $$BEGIN RAISE NOTICE 'here'; RETURN false; END$$;
CREATE FUNCTION quiet(text) RETURNS bool LANGUAGE plpgsql LEAKPROOF
	AS $$BEGIN RETURN true; END$$;
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql
	AS $$BEGIN RAISE NOTICE '%', OLD; RETURN OLD; END$$;
CREATE TRIGGER watch BEFORE DELETE ON watched
	FOR EACH ROW EXECUTE FUNCTION watch();
CREATE FUNCTION ill_ids() RETURNS SETOF int STABLE LANGUAGE sql
	AS $$SELECT id FROM ward.patient WHERE diagnosis = 'd1'$$;
CREATE FUNCTION all_patients() RETURNS SETOF patient STABLE LANGUAGE sql
	AS $$SELECT * FROM ward.patient$$;
CREATE AGGREGATE gather(text) (
	SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE DOMAIN small AS int CHECK (VALUE < 1000);
CREATE DOMAIN told AS text CHECK (NOT ward.leak(VALUE));
CREATE TYPE mood AS ENUM ('glad', 'sad');

CREATE FUNCTION reads(VARIADIC queries text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	query text;
	cover text;
BEGIN
	FOREACH query IN ARRAY queries LOOP
		RETURN NEXT query;
		BEGIN
			RETURN QUERY SELECT '    ' || r FROM dsec.plan_reads(query) r;
			IF NOT FOUND THEN
				RETURN NEXT '    nothing';
				CONTINUE;
			END IF;
			SELECT string_agg(DISTINCT CASE WHEN c LIKE 'not covered%' THEN c
				ELSE substring(c FROM '\) (traced|charged at the source|charged in the expression)')
				END, ', ') INTO cover FROM dsec.plan_cover(query) c;
			RETURN NEXT '    = ' || cover;
		EXCEPTION
			WHEN SQLSTATE 'DS003' THEN RETURN NEXT '    = refused';
			WHEN OTHERS THEN RETURN NEXT '    ERROR: ' || sqlerrm;
		END;
	END LOOP;
END$$;

SET max_parallel_workers_per_gather = 0;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SET enable_memoize = off;
SET enable_material = off;
SET enable_incremental_sort = off;
SET jit = off;

\echo == scans: what is used counts, what is only there does not
SELECT reads(
	'SELECT * FROM plain',
	'SELECT count(*) FROM patient',
	'SELECT 1 FROM patient',
	'SELECT id, name FROM patient',
	'SELECT id FROM patient WHERE name = ''n1''',
	'SELECT ctid, tableoid, xmin FROM patient',
	'SELECT id FROM patient LIMIT 3',
	'SELECT count(id), max(born) FROM patient',
	'SELECT name, count(*) FROM patient GROUP BY name',
	'SELECT diagnosis FROM patient',
	'SELECT * FROM patient',
	'SELECT id FROM patient WHERE diagnosis = ''d1''',
	'SELECT count(*) FROM patient WHERE diagnosis IS NULL',
	'SELECT id FROM patient WHERE diagnosis = ''d1'' OR weight > 3',
	'SELECT id FROM patient ORDER BY diagnosis',
	'SELECT id FROM patient ORDER BY diagnosis LIMIT 1',
	'SELECT id, diagnosis FROM patient ORDER BY name LIMIT 1 OFFSET 3',
	'SELECT id FROM patient ORDER BY name FETCH FIRST 2 ROWS WITH TIES',
	'SELECT id FROM patient ORDER BY weight FETCH FIRST 2 ROWS WITH TIES',
	'SELECT patient FROM patient',
	'SELECT p IS NULL FROM patient p',
	'SELECT (p).name FROM patient p',
	'SELECT (p).diagnosis FROM patient p',
	'SELECT count(p) FROM patient p',
	'SELECT row_to_json(p) FROM patient p',
	'SELECT row_to_json(s) FROM (SELECT id, diagnosis FROM patient) s',
	'SELECT row_to_json(s) FROM (SELECT id, name FROM patient) s',
	'SELECT to_jsonb(p) - ''diagnosis'' FROM patient p',
	'SELECT id FROM patient TABLESAMPLE BERNOULLI (10)',
	'SELECT diagnosis FROM patient TABLESAMPLE SYSTEM (10) REPEATABLE (1)',
	'SELECT diagnosis FROM patient WHERE ctid = ''(0,1)''',
	'SELECT diagnosis FROM patient WHERE ctid < ''(1,1)''',
	'SELECT id FROM patient FOR UPDATE',
	'SELECT id FROM patient WHERE diagnosis = ''flu'' FOR UPDATE',
	'SELECT id FROM patient WHERE diagnosis = ''flu'' FOR KEY SHARE OFFSET 1',
	'SELECT diagnosis FROM patient FOR SHARE SKIP LOCKED',
	'SELECT value FROM lab',
	'SELECT id FROM lab WHERE high',
	'SELECT unit FROM lab'
);

\echo == indexes
SET enable_seqscan = off;
SET enable_indexscan = on;
SELECT reads(
	'SELECT name FROM patient WHERE id = 5',
	'SELECT diagnosis FROM patient WHERE id = 5',
	'SELECT name FROM patient WHERE diagnosis = ''d1''',
	'SELECT name FROM patient WHERE lower(diagnosis) = ''d1''',
	'SELECT name FROM patient ORDER BY diagnosis',
	'SELECT id FROM (SELECT id FROM patient ORDER BY diagnosis LIMIT 10) s',
	'SELECT id FROM (SELECT id, diagnosis FROM patient ORDER BY diagnosis LIMIT 10) s'
);
SET enable_indexscan = off;
SET enable_indexonlyscan = on;
SELECT reads(
	'SELECT id FROM patient WHERE id < 5',
	'SELECT diagnosis FROM patient WHERE diagnosis > ''d5''',
	'SELECT count(*) FROM patient WHERE diagnosis > ''d5''',
	'SELECT name FROM patient WHERE name > ''n9''',
	'SELECT name FROM patient WHERE name > ''n9'' AND diagnosis <> ''d3''',
	'SELECT name, diagnosis FROM patient WHERE name > ''n9''',
	'SELECT min(diagnosis) FROM patient'
);
SET enable_indexonlyscan = off;
SET enable_bitmapscan = on;
SELECT reads(
	'SELECT name FROM patient WHERE id < 5',
	'SELECT name FROM patient WHERE diagnosis = ''d1''',
	'SELECT name FROM patient WHERE diagnosis = ''d1'' OR id = 7',
	'SELECT name FROM patient WHERE name = ''n1'' OR id = 7',
	'SELECT name FROM patient WHERE lower(diagnosis) = ''x'' OR id = 7'
);
SET enable_bitmapscan = off;
SET enable_seqscan = on;

\echo == joins, by every method
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT reads(
	'SELECT p.name, v.day FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.name, v.code FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.diagnosis, v.day FROM patient p LEFT JOIN visit v ON v.patient = p.id',
	'SELECT p.name FROM patient p JOIN visit v ON v.code = p.diagnosis',
	'SELECT p.name, v.code FROM patient p FULL JOIN visit v ON v.patient = p.id',
	'SELECT a FROM plain JOIN patient ON a = id',
	'SELECT a FROM plain WHERE a IN (SELECT id FROM patient)',
	'SELECT a FROM plain WHERE a IN (SELECT id FROM patient WHERE diagnosis = ''d1'')',
	'SELECT a FROM plain WHERE b IN (SELECT diagnosis FROM patient)',
	'SELECT a FROM plain WHERE NOT EXISTS (SELECT FROM patient WHERE id = a)',
	'SELECT a FROM plain WHERE NOT EXISTS (SELECT FROM patient WHERE id = a AND diagnosis = b)',
	'SELECT * FROM plain JOIN patient USING (a)',
	'SELECT x.diagnosis FROM patient x JOIN patient y ON x.id = y.visits'
);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT reads(
	'SELECT p.name, v.day FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.name, v.code FROM patient p LEFT JOIN visit v ON v.patient = p.id',
	'SELECT p.name FROM patient p JOIN visit v ON v.code = p.diagnosis',
	'SELECT a FROM plain WHERE b IN (SELECT diagnosis FROM patient)'
);
SET enable_mergejoin = off;
SET enable_nestloop = on;
SELECT reads(
	'SELECT p.name, v.day FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.name, v.code FROM patient p LEFT JOIN visit v ON v.patient = p.id',
	'SELECT p.name FROM patient p JOIN visit v ON v.code < p.diagnosis',
	'SELECT p.name FROM patient p, visit v',
	'SELECT p.diagnosis FROM patient p CROSS JOIN plain'
);
SET enable_seqscan = off;
SET enable_indexscan = on;
SET enable_material = on;
SELECT reads(
	'SELECT v.no FROM patient p JOIN visit v ON v.patient = p.visits',
	'SELECT v.no FROM plain JOIN visit v ON v.patient = plain.c',
	'SELECT v.code FROM plain JOIN visit v ON v.patient = plain.c'
);
SET enable_memoize = on;
SELECT reads(
	'SELECT v.no, p.name FROM visit v JOIN patient p ON p.id = v.patient',
	'SELECT a, p.id FROM visit v JOIN patient p ON p.id = v.patient JOIN plain ON a = p.visits'
);
SET enable_memoize = off;
SET enable_material = off;
SET enable_indexscan = off;
SET enable_seqscan = on;
SET enable_hashjoin = on;
SET enable_mergejoin = on;

\echo == subqueries, views, CTEs, functions
SELECT reads(
	'SELECT name FROM (SELECT * FROM patient) s',
	'SELECT name FROM (SELECT * FROM patient OFFSET 0) s',
	'SELECT diagnosis FROM (SELECT * FROM patient OFFSET 0) s',
	'SELECT name FROM (SELECT name, upper(diagnosis) u FROM patient OFFSET 0) s',
	'SELECT u FROM (SELECT name, upper(diagnosis) u FROM patient OFFSET 0) s',
	'SELECT id, name FROM ill',
	'SELECT diagnosis FROM ill',
	'SELECT name FROM ill_barrier',
	'SELECT name FROM ill_barrier WHERE ward.leak(name)',
	'WITH w AS (SELECT * FROM patient) SELECT name FROM w',
	'WITH w AS MATERIALIZED (SELECT * FROM patient) SELECT name FROM w',
	'WITH w AS MATERIALIZED (SELECT * FROM patient) SELECT name FROM w WHERE diagnosis = ''d1''',
	'WITH w AS MATERIALIZED (SELECT * FROM patient) SELECT x.name, y.weight FROM w x JOIN w y ON x.id = y.id',
	'WITH w AS MATERIALIZED (SELECT diagnosis AS d, id FROM patient), z AS MATERIALIZED (SELECT d AS e, id FROM w) SELECT e FROM z',
	'WITH w AS MATERIALIZED (SELECT diagnosis AS d, id FROM patient), z AS MATERIALIZED (SELECT d AS e, id FROM w) SELECT id FROM z',
	'WITH RECURSIVE r AS (SELECT id, name FROM patient WHERE id = 1 UNION ALL SELECT p.id, p.name FROM patient p JOIN r ON p.id = r.id + 1) SELECT * FROM r',
	'WITH RECURSIVE r AS (SELECT id, diagnosis FROM patient WHERE id = 1 UNION ALL SELECT p.id, p.diagnosis FROM patient p JOIN r ON p.id = r.id + 1) SELECT id FROM r',
	'WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT p.visits FROM patient p JOIN r ON p.id = n) SELECT n FROM r',
	'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, name FROM r JOIN patient ON id = n',
	'SELECT * FROM ill_ids()',
	'SELECT id FROM all_patients()',
	'SELECT diagnosis FROM all_patients()',
	'SELECT a FROM plain, LATERAL (SELECT diagnosis FROM patient WHERE id = a OFFSET 0) s',
	'SELECT a FROM plain, LATERAL (SELECT name FROM patient WHERE id = a OFFSET 0) s',
	'SELECT a, g FROM plain, generate_series(1, c) g',
	'SELECT id, g FROM patient, generate_series(1, visits) g',
	'SELECT id, generate_series(1, visits) FROM patient',
	'SELECT id, unnest(ARRAY[diagnosis, name]) FROM patient',
	'SELECT id, x FROM patient, unnest(string_to_array(name, ''1'')) x',
	'SELECT id, k FROM patient, jsonb_object_keys(extra) k',
	'SELECT id, v.x FROM patient, LATERAL (VALUES (diagnosis), (name)) v(x)',
	'SELECT id FROM patient, LATERAL (VALUES (name), (born::text)) v(x)',
	'VALUES ((SELECT diagnosis FROM patient WHERE id = 1))',
	'SELECT x.* FROM patient, XMLTABLE(''/a'' PASSING xmlparse(content diagnosis) COLUMNS b text) x'
);

\echo == subplans and initplans
SELECT reads(
	'SELECT a, (SELECT name FROM patient WHERE id = a) FROM plain',
	'SELECT a, (SELECT diagnosis FROM patient WHERE id = a) FROM plain',
	'SELECT a, (SELECT count(*) FROM patient WHERE diagnosis = b) FROM plain',
	'SELECT id, (SELECT count(*) FROM plain WHERE b = diagnosis) FROM patient',
	'SELECT id, (SELECT count(*) FROM plain WHERE b = name) FROM patient',
	'SELECT a FROM plain WHERE b = (SELECT max(diagnosis) FROM patient)',
	'SELECT a FROM plain WHERE c > (SELECT count(*) FROM patient)',
	'SELECT a FROM plain WHERE c > (SELECT avg(visits) FROM patient)',
	'SELECT a FROM plain WHERE EXISTS (SELECT diagnosis FROM patient)',
	'SELECT a FROM plain WHERE EXISTS (SELECT FROM patient WHERE diagnosis = ''d1'')',
	'SELECT a FROM plain WHERE b NOT IN (SELECT diagnosis FROM patient)',
	'SELECT a FROM plain WHERE a NOT IN (SELECT id FROM patient)',
	'SELECT a FROM plain WHERE (a, b) = (SELECT id, diagnosis FROM patient LIMIT 1)',
	'SELECT a, ARRAY(SELECT diagnosis FROM patient WHERE id = a) FROM plain',
	'SELECT a, ARRAY(SELECT name FROM patient WHERE id = a) FROM plain',
	'SELECT a FROM plain WHERE b < ALL (SELECT diagnosis FROM patient WHERE id > a)',
	'SELECT a FROM plain ORDER BY (SELECT weight FROM patient WHERE id = a)',
	'SELECT a FROM plain LIMIT (SELECT max(visits) FROM patient)',
	'SELECT a FROM plain WHERE a = 1 OR EXISTS (SELECT FROM patient WHERE id = a)',
	'UPDATE plain SET (b, c) = (SELECT diagnosis, visits FROM patient WHERE id = a)',
	'UPDATE plain SET (b, c) = (SELECT name, 1 FROM patient WHERE id = a)'
);

\echo == set operations, DISTINCT, grouping, windows, order
SELECT reads(
	'SELECT id FROM patient UNION ALL SELECT a FROM plain',
	'SELECT diagnosis FROM patient UNION ALL SELECT b FROM plain',
	'SELECT id, diagnosis FROM patient UNION ALL SELECT no, code FROM visit',
	'SELECT x FROM (SELECT id x, diagnosis FROM patient UNION ALL SELECT no, code FROM visit) s',
	'SELECT id FROM patient UNION SELECT a FROM plain',
	'SELECT diagnosis FROM patient UNION SELECT b FROM plain',
	'SELECT b FROM plain EXCEPT SELECT diagnosis FROM patient',
	'SELECT b FROM plain INTERSECT ALL SELECT diagnosis FROM patient',
	'SELECT a FROM plain INTERSECT SELECT id FROM patient',
	'SELECT DISTINCT name FROM patient',
	'SELECT DISTINCT diagnosis FROM patient',
	'SELECT DISTINCT ON (diagnosis) id FROM patient',
	'SELECT DISTINCT ON (name) id FROM patient ORDER BY name, weight',
	'SELECT count(*) FROM patient GROUP BY diagnosis',
	'SELECT diagnosis, count(*) FROM patient GROUP BY diagnosis',
	'SELECT name FROM patient GROUP BY name HAVING max(weight) > 3',
	'SELECT count(*) FROM patient GROUP BY ROLLUP (name, diagnosis)',
	'SELECT count(*) FROM patient GROUP BY GROUPING SETS ((name), (born))',
	'SELECT grouping(name), count(*) FROM patient GROUP BY CUBE (name)',
	'SELECT sum(weight), avg(visits), stddev(weight) FROM patient',
	'SELECT count(DISTINCT diagnosis) FROM patient',
	'SELECT string_agg(name, '','' ORDER BY weight) FROM patient',
	'SELECT count(*) FILTER (WHERE diagnosis = ''d1'') FROM patient',
	'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY visits) FROM patient',
	'SELECT mode() WITHIN GROUP (ORDER BY diagnosis) FROM patient',
	'SELECT json_agg(p) FROM patient p',
	'SELECT array_agg(name) FROM patient',
	'SELECT gather(name) FROM patient',
	'SELECT gather(diagnosis) FROM patient',
	'SELECT name, row_number() OVER (ORDER BY id) FROM patient',
	'SELECT name, rank() OVER (ORDER BY weight) FROM patient',
	'SELECT name, count(*) OVER (PARTITION BY diagnosis) FROM patient',
	'SELECT name, lag(diagnosis) OVER (ORDER BY id) FROM patient',
	'SELECT name, sum(visits) OVER (ORDER BY id RANGE 3 PRECEDING) FROM patient',
	'SELECT name, sum(id) OVER (ORDER BY visits RANGE 3 PRECEDING) FROM patient',
	'SELECT * FROM (SELECT name, row_number() OVER (ORDER BY id) n FROM patient) s WHERE n < 3',
	'SELECT * FROM (SELECT name, rank() OVER (ORDER BY weight) n FROM patient) s WHERE n < 3',
	'SELECT name FROM patient ORDER BY (SELECT 1), name'
);
SET enable_hashagg = off;
SELECT reads(
	'SELECT diagnosis, count(*) FROM patient GROUP BY diagnosis',
	'SELECT diagnosis FROM patient GROUP BY diagnosis',
	'SELECT DISTINCT diagnosis FROM patient',
	'SELECT b FROM plain EXCEPT SELECT diagnosis FROM patient',
	'SELECT count(*) FROM patient GROUP BY ROLLUP (name, diagnosis)'
);
SET enable_hashagg = on;
SET enable_incremental_sort = on;
SET enable_indexscan = on;
SET enable_seqscan = off;
SELECT reads(
	'SELECT name FROM patient ORDER BY id, diagnosis',
	'SELECT id FROM patient ORDER BY diagnosis, id'
);
SET enable_seqscan = on;
SET enable_indexscan = off;
SET enable_incremental_sort = off;

\echo == partitions and inheritance
SELECT reads(
	'SELECT id FROM genome',
	'SELECT gene FROM genome',
	'SELECT gene FROM genome WHERE site = 2',
	'SELECT gene FROM genome WHERE site = 1 AND id = 7',
	'SELECT gene FROM genome_1_low',
	'SELECT id FROM genome_1_low WHERE gene = ''x''',
	'SELECT id FROM genome ORDER BY gene LIMIT 1',
	'SELECT phone FROM person',
	'SELECT id FROM person',
	'SELECT phone FROM ONLY person',
	'SELECT salary FROM employee',
	'SELECT phone FROM employee',
	'SELECT count(*) FROM genome',
	'UPDATE genome SET note = ''x'' WHERE site = 2',
	'UPDATE genome SET note = gene WHERE site = 2 RETURNING id',
	'DELETE FROM genome WHERE site = 2 RETURNING gene'
);
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SELECT reads(
	'SELECT d.n FROM dose d JOIN bill b USING (id)',
	'SELECT d.drug FROM dose d JOIN bill b USING (id)',
	'SELECT d.n FROM dose d JOIN bill b USING (id) WHERE b.amount > 3',
	'SELECT id, count(*) FROM dose GROUP BY id',
	'SELECT id, max(drug) FROM dose GROUP BY id'
);

\echo == parallel plans
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT reads(
	'SELECT count(*) FROM patient',
	'SELECT id FROM patient WHERE name > ''n5''',
	'SELECT id FROM patient WHERE diagnosis > ''d5''',
	'SELECT diagnosis FROM patient WHERE id % 3 = 1 ORDER BY id',
	'SELECT sum(weight) FROM patient',
	'SELECT diagnosis, count(*) FROM patient GROUP BY diagnosis',
	'SELECT p.name FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT p.name, v.code FROM patient p JOIN visit v ON v.patient = p.id',
	'SELECT d.drug FROM dose d JOIN bill b USING (id)',
	'SELECT gene FROM genome'
);
SET max_parallel_workers_per_gather = 0;
RESET enable_partitionwise_join;
RESET enable_partitionwise_aggregate;

\echo == data-modifying statements
SELECT reads(
	'INSERT INTO plain SELECT id, name FROM patient',
	'INSERT INTO plain SELECT id, diagnosis FROM patient',
	'INSERT INTO patient (id, name, diagnosis) VALUES (0, ''x'', ''y'')',
	'INSERT INTO patient (id, name, diagnosis) VALUES (0, ''x'', ''y'') RETURNING id',
	'INSERT INTO patient (id, name, diagnosis) VALUES (0, ''x'', ''y'') RETURNING diagnosis',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') RETURNING *',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT DO NOTHING',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT (id) DO UPDATE SET name = excluded.name',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT (id) DO UPDATE SET name = patient.name || excluded.name',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT (id) DO UPDATE SET name = patient.diagnosis',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT (id) DO UPDATE SET name = ''z'' WHERE patient.diagnosis = ''d1''',
	'INSERT INTO patient (id, name) VALUES (0, ''x'') ON CONFLICT (id) DO UPDATE SET name = ''z'' RETURNING diagnosis',
	'INSERT INTO patient (id, name, diagnosis) VALUES (0, ''x'', ''y'') ON CONFLICT (id) DO UPDATE SET diagnosis = excluded.diagnosis',
	'UPDATE patient SET name = ''x''',
	'UPDATE patient SET name = ''x'' WHERE id = 1 RETURNING name',
	'UPDATE patient SET name = diagnosis',
	'UPDATE patient SET diagnosis = ''x''',
	'UPDATE patient SET name = ''x'' WHERE diagnosis = ''d1''',
	'UPDATE patient SET name = ''x'' RETURNING diagnosis',
	'UPDATE patient SET name = ''x'' RETURNING patient',
	'UPDATE patient SET name = ''x'' RETURNING ward.leak(diagnosis)',
	'UPDATE plain SET b = p.diagnosis FROM patient p WHERE p.id = a',
	'UPDATE plain SET b = ''x'' FROM patient p WHERE p.id = a',
	'UPDATE plain SET b = ''x'' FROM patient p WHERE p.id = a RETURNING p.diagnosis',
	'UPDATE plain SET b = ''x'' FROM (SELECT id, name, diagnosis FROM patient OFFSET 0) p WHERE p.id = a',
	'DELETE FROM patient',
	'DELETE FROM patient WHERE diagnosis = ''d1''',
	'DELETE FROM patient RETURNING id',
	'DELETE FROM patient RETURNING diagnosis',
	'DELETE FROM card',
	'DELETE FROM watched',
	'DELETE FROM plain USING patient p WHERE p.id = a RETURNING p.weight, b',
	'WITH d AS (DELETE FROM patient RETURNING *) SELECT name FROM d',
	'WITH d AS (DELETE FROM patient RETURNING id, name) SELECT name FROM d',
	'WITH d AS (UPDATE patient SET name = ''x'' RETURNING diagnosis) SELECT 1',
	'UPDATE ill_check SET name = ''x''',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED THEN UPDATE SET b = name',
	'MERGE INTO plain USING patient ON a = id WHEN MATCHED THEN UPDATE SET b = diagnosis',
	'MERGE INTO patient USING plain ON id = a WHEN MATCHED THEN UPDATE SET name = b',
	'MERGE INTO patient USING plain ON id = a WHEN MATCHED AND diagnosis = ''d1'' THEN UPDATE SET name = b',
	'MERGE INTO patient USING plain ON id = a WHEN MATCHED THEN UPDATE SET name = diagnosis WHEN NOT MATCHED THEN INSERT (id, name) VALUES (a, b)',
	'MERGE INTO patient USING plain ON diagnosis = b WHEN MATCHED THEN DELETE'
);

\echo == row security
CREATE ROLE regress_lineage_nurse;
GRANT USAGE ON SCHEMA ward, dsec TO regress_lineage_nurse;
GRANT EXECUTE ON FUNCTION dsec.plan_reads(text), dsec.plan_cover(text)
	TO regress_lineage_nurse;
GRANT SELECT (id, name, diagnosis) ON patient TO regress_lineage_nurse;
CREATE POLICY mine ON patient USING (diagnosis <> 'd0');
ALTER TABLE patient ENABLE ROW LEVEL SECURITY;
SET ROLE regress_lineage_nurse;
SELECT reads(
	'SELECT id FROM patient',
	'SELECT id FROM patient WHERE ward.leak(name)',
	'SELECT id FROM patient WHERE id = 5',
	'SELECT weight FROM patient',
	'SELECT a FROM plain'
);
RESET ROLE;
ALTER TABLE patient DISABLE ROW LEVEL SECURITY;

\echo == functions that show what they are given
SELECT reads(
	'SELECT id FROM patient WHERE ward.leak(diagnosis)',
	'SELECT ward.leak(diagnosis) FROM patient',
	'SELECT id FROM patient WHERE ward.leak(name)',
	'SELECT id, diagnosis FROM patient WHERE ward.leak(name)',
	'SELECT id FROM patient WHERE ward.quiet(diagnosis)',
	'SELECT id FROM patient ORDER BY ward.leak(diagnosis)',
	'SELECT id FROM patient WHERE ward.leak(upper(diagnosis) || name)',
	'SELECT ward.leak(x) FROM (SELECT diagnosis x FROM patient OFFSET 0) s',
	'SELECT ward.leak(x) FROM (SELECT max(diagnosis) x FROM patient) s',
	'SELECT ward.leak(x) FROM (SELECT diagnosis x FROM patient UNION SELECT b FROM plain) s',
	'SELECT ward.leak(x) FROM (SELECT lag(diagnosis) OVER (ORDER BY id) x FROM patient) s',
	'SELECT ward.leak(x) FROM (SELECT lag(name) OVER (ORDER BY id) x FROM patient) s',
	'WITH w AS MATERIALIZED (SELECT diagnosis d, name FROM patient) SELECT name FROM w WHERE ward.leak(d)',
	'WITH RECURSIVE r(x, n) AS (SELECT diagnosis, 1 FROM patient UNION ALL SELECT x, n + 1 FROM r WHERE n < 3 AND NOT ward.leak(x)) SELECT n FROM r',
	'SELECT a FROM plain WHERE ward.leak((SELECT diagnosis FROM patient WHERE id = a))',
	'SELECT id FROM patient p WHERE EXISTS (SELECT FROM plain WHERE ward.leak(p.diagnosis) AND a = id OFFSET 0)',
	'SELECT a FROM plain, LATERAL (SELECT 1 FROM patient WHERE id = a AND ward.leak(diagnosis) OFFSET 0) s',
	'SELECT id FROM patient p, LATERAL (SELECT a FROM plain WHERE ward.leak(p.diagnosis) OFFSET 0) s',
	'SELECT id FROM patient p, LATERAL (SELECT a FROM plain WHERE ward.leak(p.name) OFFSET 0) s',
	'SELECT p.id FROM patient p JOIN visit v ON v.patient = p.id AND ward.leak(p.diagnosis || v.code)',
	'SELECT ward.leak(gene) FROM genome',
	'DELETE FROM patient WHERE ward.leak(diagnosis)',
	'INSERT INTO plain SELECT id, ward.leak(diagnosis)::text FROM patient'
);

\echo == functions that run, or do not, because of a tagged column
SELECT reads(
	'SELECT name FROM patient WHERE diagnosis = ''d1'' AND ward.tell()',
	'SELECT name FROM patient WHERE id = 1 AND ward.tell()',
	'SELECT ward.leak(name) FROM patient WHERE diagnosis = ''d1''',
	'SELECT CASE WHEN diagnosis = ''d1'' THEN ward.leak(name) END FROM patient',
	'SELECT CASE WHEN name = ''n1'' THEN ward.leak(id) END, diagnosis FROM patient',
	'SELECT coalesce(diagnosis, ward.leak(name)::text) FROM patient',
	'SELECT diagnosis = ''d1'' AND ward.leak(name) FROM patient',
	'SELECT ward.leak(name) FROM (SELECT name FROM patient ORDER BY weight LIMIT 10) s',
	'SELECT ward.leak(a) FROM plain, patient WHERE a = id AND diagnosis = ''d1''',
	'SELECT a FROM plain WHERE a IN (SELECT id FROM patient WHERE diagnosis = ''d1'') AND ward.leak(a)',
	'SELECT ward.leak(n::int) FROM (SELECT count(*) n FROM patient WHERE diagnosis = ''d1'') s',
	'SELECT ward.leak(n::int) FROM (SELECT count(*) n FROM patient) s',
	'SELECT name::int FROM patient WHERE diagnosis = ''d1''',
	'SELECT upper(name) FROM patient WHERE diagnosis = ''d1'' AND born < now()',
	'SELECT nextval(''s'') FROM patient WHERE diagnosis = ''d1''',
	'SELECT gather(name) FROM patient WHERE diagnosis = ''d1'''
);

\echo == casts and built-in functions
SELECT reads(
	'SELECT diagnosis::int FROM patient',
	'SELECT diagnosis::date FROM patient',
	'SELECT diagnosis::varchar(3) FROM patient',
	'SELECT diagnosis::char(3) FROM patient',
	'SELECT diagnosis::name FROM patient',
	'SELECT diagnosis::bytea FROM patient',
	'SELECT diagnosis::json FROM patient',
	'SELECT diagnosis::ward.mood FROM patient',
	'SELECT diagnosis::regclass FROM patient',
	'SELECT visits::text FROM patient',
	'SELECT visits::bigint::numeric FROM patient',
	'SELECT visits::smallint FROM patient',
	'SELECT weight::int, weight::text, weight::numeric(4,1) FROM patient',
	'SELECT visits::ward.small FROM patient',
	'SELECT diagnosis::ward.told FROM patient',
	'SELECT ARRAY[diagnosis]::int[] FROM patient',
	'SELECT ARRAY[visits]::text[] FROM patient',
	'SELECT ARRAY[diagnosis]::varchar[] FROM patient',
	'SELECT ARRAY[diagnosis]::ward.told[] FROM patient',
	'SELECT (ARRAY[diagnosis, name])[1] FROM patient',
	'SELECT (ARRAY[name])[visits] FROM patient',
	'SELECT upper(substr(diagnosis, 1, 2)), length(diagnosis), md5(diagnosis) FROM patient',
	'SELECT sha256(convert_to(diagnosis, ''UTF8'')) FROM patient',
	'SELECT diagnosis || visits FROM patient',
	'SELECT visits + 1, visits / 2, -weight, sqrt(weight) FROM patient',
	'SELECT id FROM patient WHERE diagnosis LIKE ''d%'' OR diagnosis ~ ''x$''',
	'SELECT id FROM patient WHERE name ~ diagnosis',
	'SELECT regexp_replace(name, ''x'', ''y'', diagnosis) FROM patient',
	'SELECT regexp_replace(diagnosis, ''x'', ''y'', ''g'') FROM patient',
	'SELECT regexp_replace(diagnosis, ''x'', ''y'', name) FROM patient',
	'SELECT id FROM patient WHERE diagnosis = ANY (''{a,b}'') AND visits IN (1, 2, 3)',
	'SELECT id FROM patient WHERE (diagnosis, visits) < (''a'', 1)',
	'SELECT greatest(diagnosis, name), nullif(visits, 1) FROM patient',
	'SELECT diagnosis IS DISTINCT FROM name FROM patient',
	'SELECT format(''%s'', diagnosis) FROM patient',
	'SELECT concat(diagnosis, weight), concat_ws('','', diagnosis, extra) FROM patient',
	'SELECT to_char(weight, ''999''), to_number(diagnosis, ''999'') FROM patient',
	'SELECT to_char(weight, ''999'') FROM patient',
	'SELECT to_char(now(), diagnosis) FROM patient',
	'SELECT date_trunc(''day'', born), date_part(diagnosis, born) FROM patient',
	'SELECT born + visits, now() - visits * interval ''1 day'' FROM patient',
	'SELECT make_date(visits, 1, 1) FROM patient',
	'SELECT chr(visits) FROM patient',
	'SELECT encode(sha256(diagnosis::bytea), ''hex'') FROM patient',
	'SELECT extra -> ''a'' ->> ''b'', extra @> ''{}'', extra[''a''] FROM patient',
	'SELECT extra @@ ''$.a == 1'' FROM patient',
	'SELECT jsonb_set(extra, ARRAY[name], ''1'') FROM patient',
	'SELECT jsonb_build_object(''d'', diagnosis, ''w'', weight) FROM patient',
	'SELECT to_json(diagnosis), row(diagnosis, visits)::text FROM patient',
	'SELECT array_append(ARRAY[name], diagnosis), ARRAY[diagnosis] && ARRAY[name] FROM patient',
	'SELECT set_config(''a.b'', diagnosis, false) FROM patient',
	'SELECT current_setting(diagnosis) FROM patient',
	'SELECT pg_notify(''a'', diagnosis) FROM patient',
	'SELECT pg_sleep(visits) FROM patient',
	'SELECT random() < weight, current_user = diagnosis FROM patient',
	'SELECT query_to_xml(diagnosis, true, true, '''') FROM patient',
	'SELECT percentile_cont(visits / 10.0) WITHIN GROUP (ORDER BY weight) FROM patient GROUP BY visits'
);

\echo == what is not a plan
SELECT reads(
	'CREATE TABLE x AS SELECT * FROM patient',
	'SELECT 1; SELECT 2',
	'SELECT * FROM nowhere'
);

\echo == foreign tables
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
-- a wrapper of which nothing is known
CREATE FUNCTION secretive_handler() RETURNS fdw_handler
	AS '$libdir/file_fdw', 'file_fdw_handler' LANGUAGE C STRICT;
CREATE FOREIGN DATA WRAPPER secretive_fdw HANDLER secretive_handler;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
CREATE SERVER secret FOREIGN DATA WRAPPER secretive_fdw;
CREATE FOREIGN TABLE f_file (id int, d text) SERVER files
	OPTIONS (filename '/dev/null', format 'csv');
CREATE FOREIGN TABLE f_here (id int, d text) SERVER elsewhere;
CREATE FOREIGN TABLE f_there (id int, e text) SERVER elsewhere;
CREATE FOREIGN TABLE f_secret (id int, d text) SERVER secret
	OPTIONS (filename '/dev/null', format 'csv');
SECURITY LABEL FOR dsec ON COLUMN f_file.d
	IS 'personal_health; subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN f_here.d
	IS 'personal_health; subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN f_secret.d
	IS 'personal_health; subject=id; space=person';
SELECT reads(
	'SELECT id FROM f_file',
	'SELECT id FROM f_file WHERE d = ''x''',
	'SELECT d FROM f_file',
	'SELECT id FROM f_here',
	'SELECT d FROM f_here',
	'SELECT id FROM f_here WHERE d = ''x''',
	'SELECT id FROM f_here WHERE ward.leak(d)',
	'SELECT id FROM f_here WHERE ward.leak(id) AND d = ''x''',
	'SELECT id FROM f_secret',
	'SELECT id FROM f_secret WHERE d = ''x''',
	'SELECT f_secret FROM f_secret',
	'SELECT id FROM f_there',
	'SELECT count(*) FROM f_here',
	'SELECT e FROM f_here JOIN f_there USING (id)',
	'SELECT x.e FROM f_there x JOIN f_there y USING (id, e)',
	'UPDATE f_here SET id = 1',
	'UPDATE f_here SET id = 1 WHERE ward.leak(id)',
	'DELETE FROM f_here WHERE id = 1 RETURNING d',
	'DELETE FROM f_here WHERE ward.leak(id) RETURNING d',
	'INSERT INTO f_here SELECT id, name FROM patient',
	'INSERT INTO f_here SELECT id, diagnosis FROM patient'
);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT reads(
	'SELECT e FROM f_here JOIN f_there USING (id)',
	'SELECT x.e FROM f_there x JOIN f_there y USING (id, e)'
);
DROP SERVER files, elsewhere, secret CASCADE;
DROP FOREIGN DATA WRAPPER secretive_fdw;
DROP EXTENSION file_fdw;
DROP EXTENSION postgres_fdw;

RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA ward CASCADE;
REVOKE ALL ON SCHEMA dsec FROM regress_lineage_nurse;
REVOKE ALL ON FUNCTION dsec.plan_reads(text), dsec.plan_cover(text)
	FROM regress_lineage_nurse;
DROP ROLE regress_lineage_nurse;
