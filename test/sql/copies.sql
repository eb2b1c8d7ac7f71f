-- The tag follows the data: what becomes of the columns that a statement writes
-- tagged data to, with subject and space, before its first row.
CREATE SCHEMA copies;
SET search_path = copies;
\set VERBOSITY terse
\set SHOW_CONTEXT never

CREATE VIEW seen AS
	SELECT relation, column_name, tag, source FROM dsec.tagged_columns
	WHERE relation::oid IN (SELECT oid FROM pg_class WHERE relnamespace = 'copies'::regnamespace OR relpersistence = 't')
	ORDER BY relation::text COLLATE "C", column_name;

CREATE TABLE patient (id int PRIMARY KEY, name text, diagnosis text, adult boolean);
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person; in_scope=adults:adult';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
INSERT INTO patient SELECT i, 'n' || i, 'd' || i % 10, true FROM generate_series(1, 20) i;
CREATE TABLE genome (person int, seq text);
SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person; space=person';
SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic';
INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 20) i;

-- relations made for their rows: the key comes along, and populations
CREATE TABLE ctas AS SELECT * FROM patient;
SELECT id AS who, upper(diagnosis) AS what INTO TEMP into_temp FROM patient;
CREATE UNLOGGED TABLE unlogged AS SELECT id, diagnosis FROM patient WITH NO DATA;
INSERT INTO unlogged SELECT id, diagnosis FROM patient;
CREATE MATERIALIZED VIEW mv AS SELECT id, diagnosis FROM patient;
CREATE MATERIALIZED VIEW later AS SELECT id, diagnosis FROM patient WITH NO DATA;
REFRESH MATERIALIZED VIEW later;
PREPARE p AS SELECT id, diagnosis FROM patient;
CREATE TABLE ctas_execute AS EXECUTE p;
CREATE TABLE nothing AS SELECT id, name FROM patient;
CREATE TABLE counts AS SELECT count(*) FROM patient;
SELECT * FROM seen;
DROP TABLE ctas, into_temp, unlogged, ctas_execute, nothing, counts;

-- REFRESH CONCURRENTLY goes by way of a scratch table, and leaves the tag alone
CREATE UNIQUE INDEX ON mv (id);
UPDATE patient SET diagnosis = 'x' WHERE id = 3;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT * FROM seen WHERE relation = 'mv'::regclass;
DROP MATERIALIZED VIEW mv, later;

-- without the key: each row is a subject, whatever the table's own key
CREATE TABLE keyless AS SELECT diagnosis, name FROM patient;
CREATE TABLE serial (no serial PRIMARY KEY, what text);
INSERT INTO serial (what) SELECT diagnosis FROM patient;
-- several people in one value
CREATE TABLE many AS SELECT array_agg(diagnosis) AS all FROM patient;
CREATE TABLE few AS SELECT DISTINCT diagnosis FROM patient;
-- many stays many
CREATE TABLE many2 AS SELECT unnest("all") AS one FROM many;
SELECT * FROM seen;
DROP TABLE keyless, serial, many, few, many2;

-- old tables: the tag that is there stays, and gets more
CREATE TABLE old (id int, v text, w text);
INSERT INTO old SELECT id, diagnosis FROM patient;
INSERT INTO old SELECT person, seq FROM genome;
UPDATE old SET w = seq FROM genome WHERE person = id;
SELECT * FROM seen WHERE relation = 'old'::regclass;
-- another key under the same name
INSERT INTO old SELECT 1, seq FROM genome;
SELECT * FROM seen WHERE relation = 'old'::regclass;
-- what is written again changes nothing
SELECT count(*) FROM dsec.tag_history \gset before_
INSERT INTO old SELECT person, seq FROM genome;
SELECT count(*) - :before_count AS new_rows FROM dsec.tag_history;
DROP TABLE old;

-- MERGE, ON CONFLICT, WITH, through views
CREATE TABLE merged (id int PRIMARY KEY, v text);
MERGE INTO merged m USING patient p ON m.id = p.id WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.diagnosis);
CREATE TABLE upsert (id int PRIMARY KEY, v text);
INSERT INTO upsert SELECT id, 'x' FROM patient ON CONFLICT DO NOTHING;
SELECT count(*) FROM seen WHERE relation = 'upsert'::regclass;
INSERT INTO upsert SELECT id, diagnosis FROM patient ON CONFLICT (id) DO UPDATE SET v = excluded.v;
CREATE TABLE w1 (id int, v text);
CREATE TABLE w2 (id int, v text);
WITH a AS (INSERT INTO w1 SELECT id, diagnosis FROM patient) INSERT INTO w2 SELECT person, seq FROM genome;
CREATE TABLE below (id int, v text);
CREATE VIEW above AS SELECT id AS a, v AS b FROM below;
INSERT INTO above SELECT id, diagnosis FROM patient;
SELECT * FROM seen WHERE relation::text <> ALL ('{patient,genome}');
DROP TABLE merged, upsert, w1, w2, below CASCADE;

-- partitions and children: where the label stands, it gets more
CREATE TABLE part (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 PARTITION OF part FOR VALUES FROM (10) TO (100);
INSERT INTO part1 SELECT id, diagnosis FROM patient WHERE id < 10;
SELECT * FROM seen WHERE relation::text LIKE 'part%';
INSERT INTO part SELECT id, diagnosis FROM patient;
INSERT INTO part2 SELECT person, seq FROM genome WHERE person >= 10;
SELECT * FROM seen WHERE relation::text LIKE 'part%';
DROP TABLE part;

-- a statement that fails, or is rolled back, leaves neither rows nor tag
CREATE TABLE rolled (id int, v text);
BEGIN;
SAVEPOINT s;
INSERT INTO rolled SELECT id, diagnosis FROM patient;
CREATE TABLE gone AS SELECT id, diagnosis FROM patient;
ROLLBACK TO s;
COMMIT;
INSERT INTO rolled SELECT id / 0, diagnosis FROM patient;
SELECT * FROM seen WHERE relation::text NOT IN ('patient', 'genome');
SELECT count(*) FROM dsec.tag_history WHERE object IN ('copies.rolled.v', 'copies.gone.diagnosis');

-- functions in the same statement find the tag
CREATE FUNCTION spy() RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg(relation || ' ' || tag::text, ';'), 'nothing') FROM dsec.tagged_columns WHERE relation::text LIKE '%watched' $$;
CREATE TABLE watched AS SELECT id, diagnosis, spy() FROM patient LIMIT 2;
SELECT id, spy FROM watched;

-- whoever may insert need not own: and cannot take the tag away again
CREATE ROLE copies_writer;
GRANT USAGE, CREATE ON SCHEMA copies TO copies_writer;
GRANT SELECT ON patient, seen TO copies_writer;
GRANT INSERT ON rolled TO copies_writer;
SET ROLE copies_writer;
INSERT INTO rolled SELECT id, diagnosis FROM patient;
CREATE TABLE mine AS SELECT id, diagnosis FROM patient;
SECURITY LABEL FOR dsec ON COLUMN mine.diagnosis IS NULL;
SECURITY LABEL FOR dsec ON COLUMN mine.diagnosis IS 'personal_health; subjects=row';
RESET ROLE;
SELECT * FROM seen WHERE relation IN ('rolled'::regclass, 'mine'::regclass);
SELECT dsec.untag('mine', 'diagnosis');

-- history
DROP TABLE rolled;
ALTER TABLE watched DROP COLUMN diagnosis;
SELECT login_role = session_user AS login, user_name = session_user AS self, object, action, tag_before, tag_after, why
	FROM dsec.tag_history
	WHERE object IN ('copies.rolled.v', 'copies.mine.diagnosis', 'copies.watched.diagnosis', 'copies.mv.diagnosis') ORDER BY id;
DELETE FROM dsec.tag_history;
SET ROLE copies_writer;
SELECT count(*) FROM dsec.tag_history;
RESET ROLE;

-- declassified
CREATE FUNCTION band(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 'some'; END $$;
CREATE TABLE banded AS SELECT id, band(diagnosis) FROM patient;
SELECT * FROM seen WHERE relation = 'banded'::regclass;
DROP TABLE banded;
SECURITY LABEL FOR dsec ON FUNCTION band(text) IS 'declassify; reason=one value';
CREATE TABLE banded AS SELECT id, band(diagnosis) FROM patient;
SELECT * FROM seen WHERE relation = 'banded'::regclass;
CREATE TABLE part_banded AS SELECT id, band(diagnosis) || diagnosis AS v FROM patient;
SELECT * FROM seen WHERE relation = 'part_banded'::regclass;
-- a function that an officer has looked at stays as it is
ALTER FUNCTION band(text) OWNER TO copies_writer;
SET ROLE copies_writer;
CREATE OR REPLACE FUNCTION band(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1; END $$;
RESET ROLE;

-- the words of the labels
SECURITY LABEL FOR dsec ON COLUMN mine.id IS 'personal_health; also=(human_genomic, personal_health)';
SECURITY LABEL FOR dsec ON COLUMN mine.id IS 'personal_health; subjects=row; subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN mine.id IS 'personal_health; subjects=some';
SECURITY LABEL FOR dsec ON COLUMN mine.id IS 'personal_health; also=listed_identifier';
SELECT 'personal_health; also=(listed_identifier, human_genomic); class=(gov_id, contact); subjects=many'::dsec.tag_spec;

DROP SCHEMA copies CASCADE;
DROP ROLE copies_writer;
