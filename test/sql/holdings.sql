-- dsec.refresh_holdings() and dsec.holdings: what this database holds.
CREATE SCHEMA holdings_test;
SET search_path = holdings_test;
SET client_min_messages = warning;
CREATE ROLE regress_dsec_holder;
CREATE ROLE regress_dsec_officer IN ROLE dsec_officer;
GRANT USAGE ON SCHEMA holdings_test TO PUBLIC;

-- what is tagged elsewhere in this database is not looked at
CREATE VIEW h AS
	SELECT category, space, subjects, tables, columns, complete FROM dsec.holdings
	WHERE space LIKE 'hold%';

-- ----- the same people in ten tables ------------------------------------------
DO $$
BEGIN
	FOR i IN 1..10 LOOP
		EXECUTE format('CREATE TABLE ten_%s (id %s NOT NULL, g text NOT NULL)', i,
			CASE i % 3 WHEN 0 THEN 'smallint' WHEN 1 THEN 'integer' ELSE 'bigint' END);
		EXECUTE format('INSERT INTO ten_%s SELECT p, ''x'' FROM generate_series(-100, 199) p, generate_series(1, 3)', i);
		PERFORM dsec.tag(format('ten_%s', i)::regclass, 'subject=id; space=hold_ten');
		PERFORM dsec.tag(format('ten_%s', i)::regclass, 'g', 'human_genomic');
	END LOOP;
END $$;
SET ROLE regress_dsec_officer;
CALL dsec.refresh_holdings();
RESET ROLE;
SELECT * FROM h WHERE space = 'hold_ten' ORDER BY category;

-- ----- every kind of key counts as count(DISTINCT) does --------------------------
CREATE TABLE keys (
	a text, b integer, u uuid, n numeric, d date, i inet,
	g1 text, g2 text, g3 text, g4 text, g5 text, g6 text);
INSERT INTO keys
SELECT 'p' || (i * 7919) % 211, i % 13, md5((i % 97)::text)::uuid, ((i % 83) || '.' || repeat('0', i % 4))::numeric,
	date '2020-01-01' + i % 71, ('10.0.0.' || i % 61)::inet, 'x', 'x', 'x', 'x', 'x', 'x'
FROM generate_series(1, 3000) i;
-- long keys, out of line
INSERT INTO keys (a, g1) SELECT repeat(md5(i::text), 400), 'x' FROM generate_series(1, 5) i, generate_series(1, 2);
SELECT dsec.tag('keys', 'g1', 'personal_health; subject=a; space=hold_text');
SELECT dsec.tag('keys', 'g2', 'personal_health; subject=(a,b); space=hold_two');
SELECT dsec.tag('keys', 'g3', 'personal_health; subject=u; space=hold_uuid');
SELECT dsec.tag('keys', 'g4', 'personal_health; subject=n; space=hold_numeric');
SELECT dsec.tag('keys', 'g5', 'personal_health; subject=d; space=hold_date');
SELECT dsec.tag('keys', 'g6', 'personal_health; subject=i; space=hold_inet');
CALL dsec.refresh_holdings();
SELECT h.space, h.subjects = want.n AS same, h.tables, h.columns
FROM h JOIN (SELECT 'hold_text', count(DISTINCT a) FROM keys WHERE g1 IS NOT NULL
	UNION ALL SELECT 'hold_two', count(DISTINCT (a, b)) FROM keys WHERE g2 IS NOT NULL
	UNION ALL SELECT 'hold_uuid', count(DISTINCT u) FROM keys WHERE g3 IS NOT NULL
	UNION ALL SELECT 'hold_numeric', count(DISTINCT n) FROM keys WHERE g4 IS NOT NULL
	UNION ALL SELECT 'hold_date', count(DISTINCT d) FROM keys WHERE g5 IS NOT NULL
	UNION ALL SELECT 'hold_inet', count(DISTINCT i) FROM keys WHERE g6 IS NOT NULL) want (space, n)
	USING (space)
ORDER BY 1;

-- ----- NULL: no data, no key, no subject at all -----------------------------------
CREATE TABLE gaps (id bigint, g text, h text, e text);
INSERT INTO gaps VALUES
	(1, 'x', NULL, NULL), (1, NULL, 'x', NULL), (2, NULL, 'x', NULL), (3, NULL, NULL, NULL),
	(NULL, 'x', NULL, NULL), (NULL, 'x', NULL, NULL), (NULL, NULL, NULL, NULL), (0, 'x', NULL, NULL);
ALTER TABLE gaps ADD COLUMN f text NOT NULL DEFAULT 'there all along';
ALTER TABLE gaps ADD COLUMN missing text;
SELECT dsec.tag('gaps', 'subject=id; space=hold_gaps');
SELECT dsec.tag('gaps', 'g', 'human_genomic');
SELECT dsec.tag('gaps', 'h', 'personal_health');
SELECT dsec.tag('gaps', 'f', 'personal_financial');
SELECT dsec.tag('gaps', 'missing', 'biometric_identifier');
CREATE TABLE nobody (g text);
INSERT INTO nobody VALUES ('x'), ('x'), (NULL);
SELECT dsec.tag('nobody', 'g', 'human_genomic');
CALL dsec.refresh_holdings();
-- genomic: 1, 0 and two rows without key; health: 1, 2; financial: 0 to 3 and three rows
SELECT * FROM h WHERE space = 'hold_gaps' ORDER BY category;
SELECT category, subjects, tables FROM dsec.holdings
WHERE space = (SELECT space FROM dsec.tagged_columns WHERE relation = 'nobody'::regclass) ORDER BY category;

-- ----- categories within others, several columns, populations ---------------------
CREATE TABLE omic (id integer, g text, o text, us boolean);
INSERT INTO omic
SELECT i, CASE WHEN i <= 20 THEN 'x' END, CASE WHEN i > 10 THEN 'x' END,
	CASE WHEN i % 5 = 0 THEN false WHEN i % 5 = 1 THEN true END
FROM generate_series(1, 30) i;
SELECT dsec.tag('omic', 'subject=id; space=hold_omic; in_scope=us_person:us');
SELECT dsec.tag('omic', 'g', 'human_genomic');
SELECT dsec.tag('omic', 'o', 'human_omic');
-- one of those known to be outside is not known to be so here
CREATE TABLE omic2 (id bigint, g text);
INSERT INTO omic2 VALUES (5, 'x');
SELECT dsec.tag('omic2', 'g', 'human_genomic; subject=id; space=hold_omic');
CALL dsec.refresh_holdings();
SELECT * FROM h WHERE space = 'hold_omic' ORDER BY category;
SELECT category, population, subjects FROM dsec.holding
WHERE space = 'hold_omic' ORDER BY category, population NULLS FIRST;

-- ----- partitions, children, materialized views ------------------------------------
CREATE TABLE parted (id integer, g text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (g text, junk text, id integer);
ALTER TABLE parted_2 DROP COLUMN junk;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT i, 'x' FROM generate_series(0, 19) i;
SELECT dsec.tag('parted', 'g', 'personal_health; subject=id; space=hold_parted');
CREATE TABLE parent (id integer, g text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, 'x'), (2, 'x');
INSERT INTO child VALUES (2, 'x'), (3, 'x');
SELECT dsec.tag('parent', 'g', 'personal_health; subject=id; space=hold_parent');
CREATE MATERIALIZED VIEW stored AS SELECT id, g FROM parent;
SELECT dsec.tag('stored', 'g', 'personal_health; subject=id; space=hold_stored');
CREATE TEMP TABLE passing (id integer, g text);
INSERT INTO passing VALUES (1, 'x');
SELECT dsec.tag('passing', 'g', 'personal_health; subject=id; space=hold_passing');
CALL dsec.refresh_holdings();
SELECT * FROM h WHERE space IN ('hold_parted', 'hold_parent', 'hold_stored', 'hold_passing') ORDER BY space;

-- ----- an officer without rights on a table with row security counts it in full ------
CREATE TABLE secure (id integer, g text);
INSERT INTO secure SELECT i, 'x' FROM generate_series(1, 40) i;
SELECT dsec.tag('secure', 'g', 'personal_health; subject=id; space=hold_secure');
ALTER TABLE secure OWNER TO regress_dsec_holder;
ALTER TABLE secure ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET ROLE regress_dsec_officer;
SELECT count(*) FROM secure;
CALL dsec.refresh_holdings();
SELECT category, subjects FROM dsec.holdings WHERE space = 'hold_secure';
INSERT INTO dsec.holding_run (started_by, key_number) VALUES ('nobody', 1);
SELECT hashes FROM dsec.holding_part;
SET ROLE regress_dsec_holder;
CALL dsec.refresh_holdings();
SELECT * FROM dsec.holdings;
SELECT * FROM dsec.holdings_progress;
RESET ROLE;

-- ----- rules -------------------------------------------------------------------------
INSERT INTO dsec.category (name, description) VALUES ('hold_cat', 'test');
INSERT INTO dsec.regime (name, title, source) VALUES ('hold', 'test', 'test');
INSERT INTO dsec.rule (id, regime, category, comparator, threshold, unit, population, window_kind, applies_to, action, source)
VALUES (20001, 'hold', 'hold_cat', '>', 59, 'person', NULL, 'calendar_year', '{covered}', 'log', 'more than 59'),
	(20002, 'hold', 'hold_cat', '>', 60, 'person', NULL, 'calendar_year', '{covered}', 'log', 'more than 60'),
	(20003, 'hold', 'hold_cat', '>=', 60, 'person', NULL, 'calendar_year', '{covered}', 'log', 'at least 60'),
	(20004, 'hold', 'hold_cat', '>=', 61, 'person', NULL, 'calendar_year', '{covered}', 'log', 'at least 61'),
	(20005, 'hold', 'hold_cat', '>', 49, 'person', 'local', 'calendar_year', '{covered}', 'log', 'more than 49 local'),
	(20006, 'hold', 'hold_cat', '>', 50, 'person', 'local', 'calendar_year', '{covered}', 'log', 'more than 50 local'),
	(20007, 'hold', 'hold_cat', '>', 59, 'person', 'other', 'calendar_year', '{covered}', 'log', 'more than 59 others'),
	(20008, 'hold', 'hold_cat', '>', 1, 'person', NULL, 'calendar_year', '{covered}', 'log', 'not valid any more');
UPDATE dsec.rule SET valid_from = '2000-01-01', valid_to = '2000-12-31' WHERE id = 20008;
CREATE TABLE ruled (id integer, g text, h text, local boolean);
INSERT INTO ruled SELECT i, 'x', CASE WHEN i <= 20 THEN 'x' END, i > 10 FROM generate_series(1, 40) i;
SELECT dsec.tag('ruled', 'g', 'hold_cat; subject=id; space=hold_rule; in_scope=local:local');
SELECT dsec.tag('ruled', 'h', 'hold_cat; subject=id; space=hold_rule2');
CALL dsec.refresh_holdings();
SELECT rule, population, subjects, comparator, threshold, met, complete FROM dsec.holdings_rules WHERE category = 'hold_cat' ORDER BY rule;
SELECT space, subjects, rules FROM dsec.holdings WHERE category = 'hold_cat' ORDER BY space;

-- ----- where it cannot run -------------------------------------------------------------
BEGIN;
CALL dsec.refresh_holdings();
ROLLBACK;
DO $$
BEGIN
	CALL dsec.refresh_holdings();
EXCEPTION WHEN active_sql_transaction THEN RAISE WARNING 'refused: %', SQLERRM;
END $$;
-- from another procedure it may
DO $$ BEGIN CALL dsec.refresh_holdings(); END $$;

-- ----- a column that cannot be relied on ------------------------------------------------
ALTER TABLE secure RENAME COLUMN id TO person;
ALTER TABLE omic2 DROP COLUMN id;
CALL dsec.refresh_holdings();
SELECT name, rows, problem IS NOT NULL AS problem FROM dsec.holdings_tables
WHERE name ~ '^holdings_test\.(secure|omic2|omic)$' ORDER BY name;
SELECT * FROM h WHERE space IN ('hold_omic', 'hold_secure') ORDER BY space, category;
SELECT bool_or(complete) FROM dsec.holdings_rules;
DROP TABLE omic2;
CALL dsec.refresh_holdings();
SELECT * FROM h WHERE space = 'hold_omic' ORDER BY category;

-- nothing of a finished run is left but its result
SELECT count(*) FROM dsec.holding_part;
SELECT count(*), count(finished) FROM dsec.holding_run;

RESET search_path;
DROP SCHEMA holdings_test CASCADE;
CALL dsec.refresh_holdings();
SELECT count(*) FROM dsec.holdings WHERE space LIKE 'hold%';
DELETE FROM dsec.rule WHERE regime = 'hold';
DELETE FROM dsec.regime WHERE name = 'hold';
DELETE FROM dsec.category WHERE name = 'hold_cat';
DROP ROLE regress_dsec_holder, regress_dsec_officer;
