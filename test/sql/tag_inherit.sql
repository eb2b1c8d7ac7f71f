-- Tags of partitions and inheritance children
SET client_min_messages = warning;
CREATE SCHEMA tag_inherit;
SET search_path = tag_inherit;
LOAD 'dsec';
RESET client_min_messages;
CREATE VIEW seen AS
	SELECT relation, column_name, tag, source, subject,
		CASE WHEN space LIKE 'pk:%' THEN 'pk:' || split_part(space, '.', 2)::oid::regclass::text ELSE space END
			AS space, in_scope, problem
	FROM dsec.tagged_columns JOIN pg_class ON oid = relation
	WHERE relnamespace = 'tag_inherit'::regnamespace
	ORDER BY relation::text COLLATE "C", column_name COLLATE "C";

-- three levels, columns in different places
CREATE TABLE top (gone int, id int, data text, is_us boolean) PARTITION BY RANGE (id);
ALTER TABLE top DROP COLUMN gone;
CREATE TABLE mid (data text, dropped int, is_us boolean, id int) PARTITION BY RANGE (id);
ALTER TABLE mid DROP COLUMN dropped;
CREATE TABLE leaf (is_us boolean, id int, x int, y int, data text);
ALTER TABLE leaf DROP COLUMN x, DROP COLUMN y;
ALTER TABLE mid ATTACH PARTITION leaf FOR VALUES FROM (0) TO (10);
SELECT * FROM seen;
SECURITY LABEL FOR dsec ON TABLE top IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN top.data IS 'personal_health';
SELECT relation, tag, source, subject, space FROM seen;
-- attached: the leaf has the tags of the new ancestor at once
ALTER TABLE top ATTACH PARTITION mid FOR VALUES FROM (0) TO (100);
SELECT relation, column_name, tag, source, subject, in_scope FROM seen;
CREATE TABLE leaf2 PARTITION OF mid FOR VALUES FROM (10) TO (20);
SELECT relation, column_name, source FROM seen;
-- detached: what was tagged stays tagged, by labels of its own
ALTER TABLE top DETACH PARTITION mid;
SELECT relation, column_name, tag, source, problem FROM seen;
SELECT objname, provider, label FROM pg_seclabels WHERE objoid = 'mid'::regclass ORDER BY objsubid;
-- and comes back as it went
ALTER TABLE top ATTACH PARTITION mid FOR VALUES FROM (0) TO (100);
SELECT relation, column_name, tag, source, problem FROM seen;
SECURITY LABEL FOR dsec ON COLUMN mid.data IS NULL;
SECURITY LABEL FOR dsec ON TABLE mid IS NULL;
-- also without blocking others
ALTER TABLE top DETACH PARTITION mid CONCURRENTLY;
SELECT relation, column_name, source, problem FROM seen;
ALTER TABLE top ATTACH PARTITION mid FOR VALUES FROM (0) TO (100);
SECURITY LABEL FOR dsec ON COLUMN mid.data IS NULL;
SECURITY LABEL FOR dsec ON TABLE mid IS NULL;

-- a label in the middle that says the same, and one that contradicts
SECURITY LABEL FOR dsec ON COLUMN mid.data IS 'personal_health';
SELECT relation, column_name, source, problem FROM seen;
SECURITY LABEL FOR dsec ON COLUMN mid.data IS 'personal_financial';
SELECT relation, column_name, tag, source, problem FROM seen;
SECURITY LABEL FOR dsec ON COLUMN mid.data IS NULL;
SECURITY LABEL FOR dsec ON TABLE leaf IS 'subject=id; space=other';
SELECT relation, column_name, tag, problem FROM seen;
SECURITY LABEL FOR dsec ON TABLE leaf IS NULL;
-- a further column of a partition, under the defaults of the ancestors
SECURITY LABEL FOR dsec ON COLUMN leaf.is_us IS 'listed_identifier; class=demographic';
SELECT relation, column_name, tag, source FROM seen;
DROP TABLE top;

-- default subject of partitions: the primary key of the topmost tagged relation
CREATE TABLE top (id int, data text) PARTITION BY RANGE (id);
CREATE TABLE mid PARTITION OF top FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
CREATE TABLE leaf PARTITION OF mid FOR VALUES FROM (0) TO (10);
SECURITY LABEL FOR dsec ON COLUMN mid.data IS 'personal_health';
SELECT relation, source, subject, space FROM seen;
ALTER TABLE top ADD PRIMARY KEY (id);
SELECT relation, source, subject, space FROM seen;
SECURITY LABEL FOR dsec ON COLUMN top.data IS 'personal_health';
SELECT relation, source, subject, space FROM seen;
DROP TABLE top;

-- inheritance: a key is not unique over the children, so each row version counts
CREATE TABLE parent (id int PRIMARY KEY, data text);
SECURITY LABEL FOR dsec ON COLUMN parent.data IS 'personal_health';
SELECT relation, source, subject, space FROM seen;
CREATE TABLE child (extra text) INHERITS (parent);
SELECT relation, column_name, source, subject, space FROM seen;
SECURITY LABEL FOR dsec ON TABLE parent IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN child.extra IS 'personal_financial';
SELECT relation, column_name, tag, source FROM seen;
-- two parents: same names, same tags, or else a problem
CREATE TABLE parent2 (id int, data text, more text);
SECURITY LABEL FOR dsec ON TABLE parent2 IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN parent2.more IS 'personal_health';
CREATE TABLE both_ () INHERITS (parent, parent2);
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation = 'both_'::regclass;
SECURITY LABEL FOR dsec ON COLUMN parent2.data IS 'personal_financial';
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation = 'both_'::regclass;
SECURITY LABEL FOR dsec ON COLUMN parent2.data IS 'personal_health';
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation = 'both_'::regclass;
SECURITY LABEL FOR dsec ON TABLE parent2 IS 'subject=id; space=client';
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation = 'both_'::regclass;
-- leaving the one does not clear the other
ALTER TABLE both_ NO INHERIT parent2;
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation = 'both_'::regclass;

-- a grandparent that comes later is seen from below
CREATE TABLE low (id int, data text);
CREATE TABLE lower_ () INHERITS (low);
CREATE TABLE high (id int, data text);
SECURITY LABEL FOR dsec ON TABLE high IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN high.data IS 'personal_health';
SELECT relation, tag, source FROM seen WHERE relation IN ('high'::regclass, 'low'::regclass, 'lower_'::regclass);
ALTER TABLE low INHERIT high;
SELECT relation, tag, source FROM seen WHERE relation IN ('high'::regclass, 'low'::regclass, 'lower_'::regclass);

-- a child that leaves keeps subjects of columns, scopes and its further labels
CREATE TABLE gone (id int, k2 int, is_us boolean, a text, b text);
SECURITY LABEL FOR dsec ON TABLE gone IS 'subject=id; space=person; in_scope=us:is_us';
SECURITY LABEL FOR dsec ON COLUMN gone.a IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN gone.b IS 'personal_health; subject=(k2,id); space=client';
CREATE TABLE gone1 (more dsec.rsid) INHERITS (gone);
ALTER TABLE gone1 NO INHERIT gone;
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation IN ('gone'::regclass, 'gone1'::regclass);
ALTER TABLE gone1 RENAME COLUMN id TO id1;
SELECT relation, column_name, tag, source, problem FROM seen WHERE relation IN ('gone'::regclass, 'gone1'::regclass);

-- cached plans are made anew: count replans of a prepared statement
CREATE TABLE pl (id int PRIMARY KEY, data text) PARTITION BY RANGE (id);
CREATE TABLE pl1 PARTITION OF pl FOR VALUES FROM (0) TO (10);
PREPARE leafquery AS SELECT data FROM pl1;
SET plan_cache_mode = force_generic_plan;
EXECUTE leafquery;
SELECT generic_plans FROM pg_prepared_statements WHERE name = 'leafquery';
SELECT relation FROM seen WHERE relation::text LIKE 'pl%';
SECURITY LABEL FOR dsec ON COLUMN pl.data IS 'personal_health';
EXECUTE leafquery;
SELECT relation FROM seen WHERE relation::text LIKE 'pl%';

SET client_min_messages = warning;
DROP SCHEMA tag_inherit CASCADE;
