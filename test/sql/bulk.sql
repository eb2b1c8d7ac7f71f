-- dsec.bulk and dsec.bulk_report: is it bulk, and under which rule?

\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA bulk;
INSERT INTO dsec.regime (name, title, source) VALUES ('bulk', 'a test', 'Test Act');
INSERT INTO dsec.category (name, parent, description) VALUES
	('bulk_wide', NULL, 'x'), ('bulk_mid', 'bulk_wide', 'x'), ('bulk_narrow', 'bulk_mid', 'x'),
	('bulk_other', 'bulk_wide', 'x'), ('bulk_free', NULL, 'x');
INSERT INTO dsec.rule (id, regime, category, comparator, threshold, unit, population, window_kind, window_length, applies_to, action, valid_from, valid_to, source) VALUES
	(7701, 'bulk', 'bulk_narrow', '>', 5, 'person', NULL, 'rolling', '12 months', '{covered}', 'block', '-infinity', NULL, 'Test Act 1'),
	(7702, 'bulk', 'bulk_narrow', '>=', 5, 'person', 'bulk_p', 'rolling', '1 month', '{internal}', 'log', '-infinity', NULL, 'Test Act 2'),
	(7703, 'bulk', 'bulk_mid', '>=', 7, 'person', 'bulk_p', 'rolling', '12 months', '{covered}', 'block', '-infinity', NULL, 'Test Act 3'),
	(7704, 'bulk', 'bulk_wide', '>', 3, 'person', 'bulk_p', 'rolling', '12 months', '{covered}', 'block', '-infinity', NULL, 'Test Act 4'),
	(7705, 'bulk', 'bulk_other', '>', 0, 'person', NULL, 'rolling', '12 months', '{covered}', 'block', '-infinity', '2020-01-01', 'long gone'),
	(7706, 'bulk', 'bulk_other', '>', 0, 'person', NULL, 'rolling', '12 months', '{covered}', 'block', '9999-01-01', NULL, 'far away');

-- exactly the threshold, and one more, under both comparators
SELECT n, b.* FROM (VALUES (4), (5), (6)) v (n),
	LATERAL (SELECT dsec.bulk('bulk_narrow', k) AS rows FROM generate_series(1, n) k) a, unnest(a.rows) b
	WHERE b.category = 'bulk_narrow' ORDER BY n, rule;

-- a subject in two categories is one subject of their parents; rules that are
-- over or yet to come say nothing
SELECT b.* FROM unnest((SELECT dsec.bulk(c, k) FROM
	(VALUES ('bulk_narrow', 1), ('bulk_narrow', 2), ('bulk_mid', 2), ('bulk_mid', 3), ('bulk_other', 3), ('bulk_other', 4)) v (c, k))) b;

-- no key is no subject, no category no row; a listed identifier is a covered
-- one; what has no rule is bulk under none; integers are one family
SELECT b.* FROM unnest((SELECT dsec.bulk(c, k) FROM
	(VALUES ('personal_health', NULL), (NULL, 8), ('listed_identifier', 1), ('covered_identifier', 1), ('bulk_free', 1)) v (c, k))) b;
SELECT dsec.bulk(c, k) FROM (VALUES ('bulk_free', 1)) v (c, k) WHERE false;
SELECT dsec.bulk(NULL, 1), dsec.bulk('bulk_free', NULL::bigint);
SELECT dsec.bulk('bulk_free', a, b) FROM (VALUES (1, 'x'::text), (1, 'y'), (2, NULL), (1, 'x')) v (a, b);
SELECT dsec.bulk('bulk_free', n) FROM (VALUES (1.0), (1.00), (1.1)) v (n);
SELECT dsec.bulk('bulk_free', k) FILTER (WHERE k > 7), dsec.bulk('bulk_free', DISTINCT_k) FROM generate_series(1, 9) k, LATERAL (SELECT k / 3) d (DISTINCT_k);

-- what is refused
\set VERBOSITY default
SELECT dsec.bulk('secret person', 1);
\set VERBOSITY terse
SELECT dsec.bulk(repeat('x', 70), 1);
SELECT dsec.bulk('', 1);
SELECT dsec.bulk('bulk_narro', 1);
-- at the first row that has it, not at the end
SELECT dsec.bulk('bulk_narro', 1 / (2 - k)) FROM generate_series(1, 2) k;
SELECT dsec.bulk('bulk_free', 1.5::float8);
SELECT dsec.bulk('bulk_free', VARIADIC ARRAY[1, 2]);
SELECT dsec.bulk('bulk_free');

-- ----- the same as count(DISTINCT), however it is computed ---------------------

SELECT setseed(0.25);
CREATE TABLE bulk.r AS
	SELECT i, i % 3 AS g, (ARRAY['bulk_narrow', 'bulk_mid', 'bulk_other', 'bulk_free', 'bulk_wide', NULL])[1 + floor(random() * 6)::int] AS c,
		nullif(floor(random() * 3000)::int - 1500, 7) AS k, nullif(floor(random() * 900)::int, 7)::text AS t, md5(floor(random() * 900)::text)::uuid AS u
	FROM generate_series(1, 20000) i;
ANALYZE bulk.r;

-- by category, parents included, for each kind of key
CREATE VIEW bulk.expected AS
	SELECT p.category, count(DISTINCT k) AS k, count(DISTINCT t) AS t, count(DISTINCT u) AS u, count(DISTINCT (k, t)) FILTER (WHERE k IS NOT NULL AND t IS NOT NULL) AS kt
	FROM bulk.r JOIN (VALUES ('bulk_narrow', 'bulk_narrow'), ('bulk_narrow', 'bulk_mid'), ('bulk_narrow', 'bulk_wide'),
		('bulk_mid', 'bulk_mid'), ('bulk_mid', 'bulk_wide'), ('bulk_other', 'bulk_other'), ('bulk_other', 'bulk_wide'), ('bulk_wide', 'bulk_wide'), ('bulk_free', 'bulk_free')) p (c, category) USING (c)
	GROUP BY 1;
CREATE FUNCTION bulk.seen(a dsec.bulk_row[]) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(DISTINCT category || ' ' || subjects, ', ' ORDER BY category || ' ' || subjects) FROM unnest(a) $$;
CREATE VIEW bulk.check AS
	SELECT bulk.seen(a.k) = e.k AS k, bulk.seen(a.t) = e.t AS t, bulk.seen(a.u) = e.u AS u, bulk.seen(a.kt) = e.kt AS kt
	FROM (SELECT dsec.bulk(c, k) AS k, dsec.bulk(c, t) AS t, dsec.bulk(c, u) AS u, dsec.bulk(c, k, t) AS kt FROM bulk.r) a,
		(SELECT string_agg(category || ' ' || k, ', ' ORDER BY category || ' ' || k) AS k, string_agg(category || ' ' || t, ', ' ORDER BY category || ' ' || t) AS t,
			string_agg(category || ' ' || u, ', ' ORDER BY category || ' ' || u) AS u, string_agg(category || ' ' || kt, ', ' ORDER BY category || ' ' || kt) AS kt
		 FROM bulk.expected) e;
SET max_parallel_workers_per_gather = 0;
SELECT * FROM bulk.check;

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT dsec.bulk(c, k) FROM bulk.r;
SELECT * FROM bulk.check;

-- parallel groups, and many of them: each answers for itself
EXPLAIN (COSTS OFF) SELECT g, dsec.bulk(c, t) FROM bulk.r GROUP BY 1;
SELECT count(*) AS groups, bool_and(bulk.seen(a) = bulk.seen(b)) AS same
	FROM (SELECT g, dsec.bulk(c, t) AS a FROM bulk.r GROUP BY 1) x
	JOIN (SELECT g, dsec.bulk(c, t ORDER BY i) AS b FROM bulk.r GROUP BY 1) y USING (g);
SELECT count(*) AS groups, bool_and(bulk.seen(a) = bulk.seen(b)) AS same
	FROM (SELECT i % 100 AS g, dsec.bulk(c, t) AS a FROM bulk.r GROUP BY 1) x
	JOIN (SELECT i % 100 AS g, dsec.bulk(c, t ORDER BY i) AS b FROM bulk.r GROUP BY 1) y USING (g);
RESET max_parallel_workers_per_gather;

-- partition by partition
CREATE TABLE bulk.parts (i int, c text, k int) PARTITION BY RANGE (i);
CREATE TABLE bulk.parts1 PARTITION OF bulk.parts FOR VALUES FROM (0) TO (9000);
CREATE TABLE bulk.parts2 PARTITION OF bulk.parts FOR VALUES FROM (9000) TO (30000);
INSERT INTO bulk.parts SELECT i, c, k FROM bulk.r;
ANALYZE bulk.parts;
SET enable_partitionwise_aggregate = on;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT dsec.bulk(c, k) FROM bulk.parts;
SELECT bulk.seen((SELECT dsec.bulk(c, k) FROM bulk.parts)) = bulk.seen((SELECT dsec.bulk(c, k) FROM bulk.r)) AS same;
RESET enable_partitionwise_aggregate;

-- ----- windows: running ones work, others are refused ---------------------------

CREATE TABLE bulk.few AS SELECT * FROM bulk.r WHERE i <= 300;
SELECT count(*), bool_and(a = b) AS same FROM
	(SELECT i, bulk.seen(dsec.bulk(c, k) OVER (ORDER BY i)) AS a FROM bulk.few) x
	JOIN (SELECT i, bulk.seen((SELECT dsec.bulk(c, k) FROM bulk.few g WHERE g.i <= f.i)) AS b FROM bulk.few f) y USING (i);
SELECT bool_and(a = b) AS same FROM
	(SELECT i, bulk.seen(dsec.bulk(c, k, t) OVER (PARTITION BY i % 7 ORDER BY i)) AS a FROM bulk.few) x
	JOIN (SELECT i, bulk.seen((SELECT dsec.bulk(c, k, t) FROM bulk.few g WHERE g.i <= f.i AND g.i % 7 = f.i % 7)) AS b FROM bulk.few f) y USING (i);
SELECT bool_and(a = b) AS same FROM (SELECT bulk.seen(dsec.bulk(c, k) OVER ()) AS a, bulk.seen((SELECT dsec.bulk(c, k) FROM bulk.few)) AS b FROM bulk.few) x;
\set VERBOSITY default
SELECT dsec.bulk(c, k) OVER (ORDER BY i ROWS 3 PRECEDING) FROM bulk.few;
SELECT dsec.bulk(c, k) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM bulk.few;
\set VERBOSITY terse
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- ----- dsec.bulk_report -----------------------------------------------------------

CREATE TYPE bulk.pair AS (a int, b int);
CREATE TABLE bulk.t (id int PRIMARY KEY, person int, "other Person" bigint, p boolean, n text, m bulk.pair, o text, f text, plain text);
INSERT INTO bulk.t SELECT i, i / 2, i, CASE i % 4 WHEN 0 THEN true WHEN 1 THEN false END, 'x', ROW(i, i)::bulk.pair, 'x', 'x', 'x' FROM generate_series(2, 13) i;

-- nothing tagged
\set VERBOSITY default
SELECT * FROM dsec.bulk_report('bulk.t');
\set VERBOSITY terse

-- no subject but the primary key: each row is one
SELECT dsec.tag('bulk.t', 'n', 'bulk_narrow');
SELECT category, subjects, threshold, comparator, rule, exceeded, unit, population, regexp_replace(spaces::text, '\d+', 'N', 'g') AS spaces FROM dsec.bulk_report('bulk.t');

-- persons 1 to 6, two rows each; of every other one a row says who is no bulk_p, and the other does not
SELECT dsec.tag('bulk.t', 'subject=person; space=bulk; in_scope=bulk_p:p');
SELECT * FROM dsec.bulk_report('bulk.t');
UPDATE bulk.t SET p = false WHERE person = 2;
SELECT category, subjects, population, rule, exceeded FROM dsec.bulk_report('bulk.t');

-- only rows where the column has a value; of a composite, NULL fields are a value
SELECT dsec.tag('bulk.t', 'm', 'bulk_mid'), dsec.tag('bulk.t', 'f', 'bulk_free');
UPDATE bulk.t SET n = NULL WHERE person <> 1;
UPDATE bulk.t SET f = NULL;
UPDATE bulk.t SET m = NULL WHERE person > 3;
UPDATE bulk.t SET m = ROW(NULL, NULL)::bulk.pair WHERE person = 3;
SELECT category, subjects, population, rule FROM dsec.bulk_report('bulk.t');

-- each row without key is a subject; two columns of one row are still one row
UPDATE bulk.t SET person = NULL WHERE person = 1;
SELECT category, subjects, population, rule FROM dsec.bulk_report('bulk.t');

-- two subjects in one space: the same person by either key is one
SELECT dsec.tag('bulk.t', 'o', 'bulk_other; subject="other Person"; space=bulk');
UPDATE bulk.t SET "other Person" = CASE WHEN id <= 11 THEN 3 ELSE 100 + id END;
SELECT category, subjects, population, rule, spaces FROM dsec.bulk_report('bulk.t');
-- in two spaces: two
SELECT dsec.tag('bulk.t', 'o', 'bulk_other; subject="other Person"; space=bulk2');
SELECT category, subjects, population, rule, spaces FROM dsec.bulk_report('bulk.t');
UPDATE bulk.t SET "other Person" = NULL WHERE id > 11;
SELECT category, subjects, population, rule, spaces FROM dsec.bulk_report('bulk.t') WHERE category IN ('bulk_other', 'bulk_wide');

-- the same as the ledger counts; in a bound session the report is itself a
-- read, and charged as one
CREATE TABLE bulk.s (id int, person int, p boolean, n text, o text);
INSERT INTO bulk.s SELECT i, nullif(i / 2, 5), CASE i / 2 % 4 WHEN 0 THEN true WHEN 1 THEN false END, 'x', 'x' FROM generate_series(2, 23) i;
SELECT dsec.tag('bulk.s', 'subject=person; space=bulk; in_scope=bulk_p:p'), dsec.tag('bulk.s', 'n', 'bulk_narrow'), dsec.tag('bulk.s', 'o', 'bulk_other; subject=id; space=bulk2');
UPDATE dsec.rule SET threshold = threshold + 100 WHERE regime = 'bulk';
UPDATE dsec.rule SET applies_to = '{covered}' WHERE regime = 'bulk';
SELECT dsec.add_recipient('bulk_lab', 'CN', 'covered') > 0 AS ok;
CREATE ROLE bulk_lab;
GRANT USAGE ON SCHEMA bulk TO bulk_lab;
GRANT SELECT ON bulk.s TO bulk_lab;
SELECT dsec.bind_role('bulk_lab', 'bulk_lab');
CREATE TABLE bulk.report AS SELECT * FROM dsec.bulk_report('bulk.s');
SELECT category, counted FROM dsec.exposure WHERE recipient = 'bulk_lab' AND regime = 'bulk' ORDER BY rule;
SET ROLE bulk_lab;
SELECT category, subjects, population, spaces, threshold FROM dsec.bulk_report('bulk.s');
RESET ROLE;
SELECT category, counted, e.population, counted = subjects AS same FROM dsec.exposure e JOIN bulk.report r USING (category, threshold)
	WHERE recipient = 'bulk_lab' AND e.population IS NOT DISTINCT FROM r.population AND regime = 'bulk' ORDER BY e.rule;
-- ... or refused
UPDATE dsec.rule SET threshold = 2 WHERE id = 7704;
SELECT dsec.add_recipient('bulk_lab2', 'CN', 'covered') > 0 AS ok;
CREATE ROLE bulk_lab2;
GRANT USAGE ON SCHEMA bulk TO bulk_lab2;
GRANT SELECT ON bulk.s TO bulk_lab2;
SELECT dsec.bind_role('bulk_lab2', 'bulk_lab2');
SET ROLE bulk_lab2;
SELECT category, subjects, population, spaces, threshold FROM dsec.bulk_report('bulk.s');
RESET ROLE;
UPDATE dsec.rule SET threshold = 3 WHERE id = 7704;

-- with the rights of the caller, and what he may see
CREATE ROLE bulk_reader;
SET ROLE bulk_reader;
SELECT * FROM dsec.bulk_report('bulk.t'::regclass::oid);
RESET ROLE;
GRANT USAGE ON SCHEMA bulk TO bulk_reader;
GRANT SELECT (id, plain) ON bulk.t TO bulk_reader;
SET ROLE bulk_reader;
SELECT * FROM dsec.bulk_report('bulk.t');
RESET ROLE;
GRANT SELECT ON bulk.t TO bulk_reader;
ALTER TABLE bulk.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON bulk.t USING (id IN (6, 7));
SET ROLE bulk_reader;
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.t');
SELECT bulk_row.subjects FROM (SELECT dsec.bulk('bulk_free', i) AS b FROM generate_series(1, 3) i) x, unnest(b) bulk_row;
RESET ROLE;

-- tags that cannot be relied on
CREATE TABLE bulk.bad (id int, v text);
SELECT dsec.tag('bulk.bad', 'v', 'bulk_nonsuch');
\set VERBOSITY default
SELECT * FROM dsec.bulk_report('bulk.bad');
-- (which is not for everybody to know)
SET ROLE bulk_reader;
SELECT * FROM dsec.bulk_report('bulk.bad');
RESET ROLE;
SELECT dsec.tag('bulk.bad', 'subject=id; space=bulk_bad'), dsec.tag('bulk.bad', 'v', 'bulk_narrow');
ALTER TABLE bulk.bad DROP COLUMN id;
SELECT * FROM dsec.bulk_report('bulk.bad');
SELECT * FROM dsec.bulk_report(1);
SELECT * FROM dsec.bulk_report(NULL);

-- children are read with their parent, and a tag that only one of them has is not forgotten
CREATE TABLE bulk.parent (id int, v text, w text);
CREATE TABLE bulk.child () INHERITS (bulk.parent);
SELECT dsec.tag('bulk.parent', 'subject=id; space=bulk'), dsec.tag('bulk.parent', 'v', 'bulk_narrow');
INSERT INTO bulk.parent VALUES (1, 'x', 'x'), (2, 'x', 'x');
INSERT INTO bulk.child VALUES (2, 'x', 'x'), (3, 'x', 'x'), (NULL, 'x', 'x'), (NULL, NULL, 'x');
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.parent');
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.child');
SELECT dsec.tag('bulk.child', 'w', 'bulk_other');
SELECT * FROM dsec.bulk_report('bulk.parent');
\set VERBOSITY terse

-- rows as subjects, over partitions; a partition by itself
CREATE TABLE bulk.log (day int, v text) PARTITION BY RANGE (day);
CREATE TABLE bulk.log1 PARTITION OF bulk.log FOR VALUES FROM (0) TO (10);
CREATE TABLE bulk.log2 PARTITION OF bulk.log FOR VALUES FROM (10) TO (20);
SELECT dsec.tag('bulk.log', 'v', 'bulk_narrow');
INSERT INTO bulk.log SELECT i, CASE WHEN i % 2 = 0 THEN 'x' END FROM generate_series(0, 19) i;
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.log');
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.log1') WHERE category = 'bulk_narrow';

-- views that are tagged, materialized views
CREATE VIEW bulk.view AS SELECT id AS person, plain FROM bulk.t;
SELECT dsec.tag('bulk.view', 'subject=person; space=bulk'), dsec.tag('bulk.view', 'plain', 'bulk_free');
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.view');
CREATE MATERIALIZED VIEW bulk.kept AS SELECT * FROM bulk.view WHERE person < 5;
SELECT dsec.tag('bulk.kept', 'subject=person; space=bulk'), dsec.tag('bulk.kept', 'plain', 'bulk_free');
SELECT category, subjects, rule FROM dsec.bulk_report('bulk.kept');

-- ----- any other database: the same policy --------------------------------------

SELECT current_database() AS ledger \gset
CREATE DATABASE bulk_elsewhere;
\c bulk_elsewhere
SET client_min_messages = warning;
CREATE EXTENSION dsec;
SELECT b.category, b.subjects, b.rule, b.exceeded FROM unnest((SELECT dsec.bulk('bulk_narrow', k) FROM generate_series(1, 3) k)) b;
CREATE TABLE t (id int PRIMARY KEY, v text);
SELECT dsec.tag('t', 'subject=id; space=person'), dsec.tag('t', 'v', 'bulk_other');
INSERT INTO t SELECT i, 'x' FROM generate_series(1, 3) i;
SELECT category, subjects, rule, exceeded FROM dsec.bulk_report('t');
\c :ledger
DROP DATABASE bulk_elsewhere;

SET client_min_messages = warning;
DROP SCHEMA bulk CASCADE;
DROP ROLE bulk_lab, bulk_lab2, bulk_reader;
DELETE FROM dsec.binding WHERE recipient LIKE 'bulk\_%';
DELETE FROM dsec.rule WHERE regime = 'bulk';
DELETE FROM dsec.category WHERE name LIKE 'bulk\_%' AND parent IS NOT NULL;
DELETE FROM dsec.category WHERE name LIKE 'bulk\_%';
DELETE FROM dsec.regime WHERE name = 'bulk';
