-- Keys are known by attribute: RENAME, DROP, and names taken over
SET client_min_messages = warning;
CREATE SCHEMA tag_keys;
SET search_path = tag_keys;
LOAD 'dsec';
RESET client_min_messages;
CREATE TABLE t (id int, id2 text, is_us boolean, spare int, data text, more text);
CREATE VIEW seen AS
	SELECT column_name, tag, subject, in_scope, problem
	FROM dsec.tagged_columns WHERE relation = 't'::regclass
	ORDER BY column_name COLLATE "C";
CREATE VIEW marks AS
	SELECT objname, provider, label FROM pg_seclabels WHERE objoid = 't'::regclass
	ORDER BY objsubid, provider COLLATE "C";

SECURITY LABEL FOR dsec ON TABLE t IS 'subject=(id, id2); space=person; in_scope=us:is_us';
SECURITY LABEL FOR dsec ON COLUMN t.data IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN t.more IS 'personal_financial; subject=id2; space=client';
SELECT * FROM marks;

-- labels follow a renamed column, as views do
ALTER TABLE t RENAME COLUMN id TO person_id;
ALTER TABLE t RENAME COLUMN id2 TO "Second";
ALTER TABLE t RENAME COLUMN is_us TO american;
ALTER TABLE t RENAME COLUMN data TO diagnosis;
SELECT * FROM seen;
SELECT * FROM marks;

-- two columns change names
ALTER TABLE t RENAME COLUMN person_id TO tmp;
ALTER TABLE t RENAME COLUMN spare TO person_id;
ALTER TABLE t RENAME COLUMN tmp TO spare;
SELECT * FROM seen;

-- the transaction that renamed is rolled back
BEGIN;
ALTER TABLE t RENAME COLUMN spare TO gone;
SELECT column_name, subject FROM seen;
SAVEPOINT s;
ALTER TABLE t DROP COLUMN gone;
SELECT column_name, subject, problem FROM seen;
ROLLBACK TO s;
SELECT column_name, subject, problem FROM seen;
ROLLBACK;
SELECT column_name, subject, problem FROM seen;

-- the type of a key changes: to another, and to one that no key can have
ALTER TABLE t ALTER COLUMN spare TYPE bigint;
SELECT column_name, problem FROM seen;
ALTER TABLE t ALTER COLUMN spare TYPE float8;
SELECT column_name, problem FROM seen;
ALTER TABLE t ALTER COLUMN spare TYPE int;
ALTER TABLE t ALTER COLUMN american TYPE text;
SELECT column_name, problem FROM seen;
ALTER TABLE t ALTER COLUMN american TYPE boolean USING american::boolean;
SELECT column_name, problem FROM seen;

-- a key is dropped, and another takes its name
ALTER TABLE t DROP COLUMN spare;
SELECT column_name, problem FROM seen;
ALTER TABLE t ADD COLUMN spare int;
SELECT column_name, problem FROM seen;
-- an officer says that this is the key now
SECURITY LABEL FOR dsec ON TABLE t IS 'subject=(spare, "Second"); space=person';
SELECT * FROM seen;
-- the mark of the scope went with the scope
SELECT * FROM marks;

-- renamed while dsec was not loaded: the mark leads to the column
UPDATE pg_attribute SET attname = 'key1' WHERE attrelid = 't'::regclass AND attname = 'spare';
SELECT column_name, subject, problem FROM seen;
-- another column takes the name: name and mark disagree
ALTER TABLE t ADD COLUMN spare int;
SELECT column_name, subject, problem FROM seen;
ALTER TABLE t DROP COLUMN spare;
-- the next label on the table repairs the texts
SECURITY LABEL FOR dsec ON COLUMN t.more IS 'personal_financial';
SELECT * FROM seen;
SELECT * FROM marks;
-- swapped while dsec was not loaded
UPDATE pg_attribute SET attname = 'tmp' WHERE attrelid = 't'::regclass AND attname = 'key1';
UPDATE pg_attribute SET attname = 'key1' WHERE attrelid = 't'::regclass AND attname = 'Second';
UPDATE pg_attribute SET attname = 'Second' WHERE attrelid = 't'::regclass AND attname = 'tmp';
SELECT column_name, subject, problem FROM seen;
SECURITY LABEL FOR dsec ON COLUMN t.more IS 'personal_financial; in_scope=us:american';
SELECT * FROM seen;

-- marks lost or doubled by other hands fail closed
BEGIN;
DELETE FROM pg_seclabel WHERE provider = 'dsec_key' AND label = 'key1';
SECURITY LABEL FOR dsec_key ON COLUMN t.american IS 'american';
SELECT column_name, problem FROM seen;
ROLLBACK;
BEGIN;
UPDATE pg_seclabel SET label = 'key1' WHERE provider = 'dsec_key' AND label = 'american';
SECURITY LABEL FOR dsec_key ON COLUMN t.diagnosis IS 'diagnosis';
SELECT column_name, problem FROM seen;
ROLLBACK;

-- a label that cannot be read
BEGIN;
UPDATE pg_seclabel SET label = 'nonsense nonsense' WHERE provider = 'dsec' AND label LIKE 'personal_health%';
SECURITY LABEL FOR dsec_key ON COLUMN t.diagnosis IS 'diagnosis';
SELECT * FROM seen;
SELECT dsec.tag('t', 'diagnosis', 'personal_health');
SELECT column_name, tag FROM seen;
ROLLBACK;

-- partitions: the key is renamed in all of them
CREATE TABLE p (id int, data text) PARTITION BY RANGE (id);
CREATE TABLE p1 (data text, id int);
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);
SECURITY LABEL FOR dsec ON TABLE p IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN p.data IS 'personal_health';
ALTER TABLE p RENAME COLUMN id TO person_id;
SELECT relation, tag, problem FROM dsec.tagged_columns WHERE relation IN ('p'::regclass, 'p1'::regclass) ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA tag_keys CASCADE;
