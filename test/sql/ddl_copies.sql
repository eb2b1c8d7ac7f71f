-- Tags of columns that DDL makes, and what DROP leaves
SET client_min_messages = warning;
CREATE SCHEMA ddl_copies;
SET search_path = ddl_copies;
LOAD 'dsec';
RESET client_min_messages;
CREATE VIEW seen AS
	SELECT relation, column_name, tag, source, subject,
		CASE WHEN space LIKE 'pk:%' THEN 'pk:' || split_part(space, '.', 2)::oid::regclass::text ELSE space END
			AS space, problem
	FROM dsec.tagged_columns JOIN pg_class ON oid = relation
	WHERE relnamespace = 'ddl_copies'::regnamespace
	ORDER BY relation::text COLLATE "C", column_name COLLATE "C";

-- ----- generated columns: the source is tagged later ------------------------
CREATE TABLE g (id int PRIMARY KEY, diagnosis text, dna text, note text, is_us boolean,
	len int GENERATED ALWAYS AS (length(diagnosis)) STORED,
	upper text GENERATED ALWAYS AS (upper(diagnosis) || note) STORED,
	plain text GENERATED ALWAYS AS (note || id::text) STORED);
SELECT * FROM seen;
SECURITY LABEL FOR dsec ON TABLE g IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN g.diagnosis IS 'personal_health';
SELECT * FROM seen;
-- and when the column comes later than the tag
ALTER TABLE g ADD COLUMN first text GENERATED ALWAYS AS (left(diagnosis, 1)) STORED;
SELECT column_name, tag, source FROM seen WHERE column_name = 'first';
-- of several categories, and of several people
CREATE TABLE mixed (id int, donor int, diagnosis text, mail text, dna text,
	same text GENERATED ALWAYS AS (diagnosis || mail) STORED,
	other text GENERATED ALWAYS AS (diagnosis || dna) STORED);
SECURITY LABEL FOR dsec ON TABLE mixed IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN mixed.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN mixed.mail IS 'listed_identifier; class=contact';
SECURITY LABEL FOR dsec ON COLUMN mixed.dna IS 'human_genomic; subject=donor; space=person';
SELECT column_name, tag, category, class, source, problem FROM dsec.tagged_columns WHERE relation = 'mixed'::regclass;
-- a function that declassifies ends it
CREATE FUNCTION mask(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT left($1, 0)';
SECURITY LABEL FOR dsec ON FUNCTION mask(text) IS 'declassify; reason="nothing is left"';
ALTER TABLE mixed ADD masked text GENERATED ALWAYS AS (mask(dna)) STORED,
	ADD half text GENERATED ALWAYS AS (mask(dna) || diagnosis) STORED;
SELECT column_name, tag FROM seen WHERE column_name IN ('masked', 'half');
SECURITY LABEL FOR dsec ON FUNCTION mask(text) IS NULL;
SELECT column_name, tag FROM seen WHERE column_name IN ('masked', 'half');
ALTER TABLE mixed DROP masked, DROP half;
DROP FUNCTION mask(text);
ALTER TABLE mixed ALTER same DROP EXPRESSION, ALTER other DROP EXPRESSION;
SELECT column_name, tag, source, problem FROM seen WHERE relation = 'mixed'::regclass;
DROP TABLE mixed;
-- a label of its own takes nothing away
SECURITY LABEL FOR dsec ON COLUMN g.plain IS 'personal_health; subject=note; space=other';
SECURITY LABEL FOR dsec ON COLUMN g.note IS 'personal_health';
SELECT column_name, tag, source, problem FROM seen WHERE column_name IN ('note', 'plain', 'upper');
SECURITY LABEL FOR dsec ON COLUMN g.note IS NULL;
SECURITY LABEL FOR dsec ON COLUMN g.plain IS NULL;
-- what is in it stays when it becomes a plain column
ALTER TABLE g ALTER COLUMN len DROP EXPRESSION;
SELECT column_name, tag, source, subject FROM seen WHERE column_name = 'len';
SECURITY LABEL FOR dsec ON COLUMN g.diagnosis IS NULL;
SELECT column_name, tag, source FROM seen;
-- DROP takes both
SECURITY LABEL FOR dsec ON COLUMN g.diagnosis IS 'personal_health';
ALTER TABLE g DROP COLUMN diagnosis CASCADE;
SELECT column_name FROM seen;
DROP TABLE g;

-- partitions have generated columns of their own
CREATE TABLE gp (id int, diagnosis text, len int GENERATED ALWAYS AS (length(diagnosis)) STORED) PARTITION BY RANGE (id);
CREATE TABLE gp1 PARTITION OF gp FOR VALUES FROM (1) TO (10);
SECURITY LABEL FOR dsec ON TABLE gp IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN gp.diagnosis IS 'personal_health';
SELECT relation, column_name, tag, source FROM seen;
ALTER TABLE gp DETACH PARTITION gp1;
SELECT relation, column_name, tag, source FROM seen WHERE relation = 'gp1'::regclass;
DROP TABLE gp, gp1;

-- ----- CREATE TABLE LIKE ----------------------------------------------------
CREATE DOMAIN code AS text;
SECURITY LABEL FOR dsec ON DOMAIN code IS 'personal_health';
CREATE TABLE src (id int, other_id int, is_us boolean, diagnosis text, dna text, mail text, icd code);
SECURITY LABEL FOR dsec ON TABLE src IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN src.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN src.dna IS 'human_genomic; subject=other_id; space=donor';
CREATE TABLE like1 (more serial, LIKE src);
SELECT column_name, tag, source FROM seen WHERE relation = 'like1'::regclass;
SELECT objname, provider, label FROM pg_seclabels WHERE objoid = 'like1'::regclass ORDER BY provider, objsubid;
-- by the primary key, if the new table has one
CREATE TABLE src_pk (id int PRIMARY KEY, diagnosis text);
SECURITY LABEL FOR dsec ON COLUMN src_pk.diagnosis IS 'personal_health';
CREATE TABLE like2 (LIKE src_pk);
CREATE TABLE like3 (LIKE src_pk INCLUDING ALL);
SELECT relation, column_name, tag, subject FROM seen WHERE relation IN ('like2'::regclass, 'like3'::regclass);
-- once it is there, nothing happens; the name may be that of the source
CREATE TABLE IF NOT EXISTS src_pk (LIKE src);
CREATE SCHEMA ddl_copies_1;
SET search_path = ddl_copies_1, ddl_copies;
CREATE TABLE src (LIKE src);
SET search_path = ddl_copies;
SELECT column_name, tag FROM dsec.tagged_columns WHERE relation = 'ddl_copies_1.src'::regclass;
-- two sources, a composite type, a partition of the source, a generated column
CREATE TYPE fields AS (id2 int, finding text);
SECURITY LABEL FOR dsec ON COLUMN fields.finding IS 'personal_health';
CREATE TABLE parted (gone int, pid int, sample text, len int GENERATED ALWAYS AS (length(sample)) STORED) PARTITION BY RANGE (pid);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
ALTER TABLE parted DROP COLUMN gone;
SECURITY LABEL FOR dsec ON COLUMN parted.sample IS 'human_genomic; subject=pid; space=donor';
CREATE TABLE like4 (LIKE fields, LIKE parted1);
SELECT column_name, tag, source FROM seen WHERE relation = 'like4'::regclass;
-- what cannot be made makes no label
CREATE TABLE like5 (LIKE nowhere);
CREATE TABLE like6 (LIKE src, id text);
SET client_min_messages = warning;
DROP SCHEMA ddl_copies_1 CASCADE;
DROP TABLE src, src_pk, like1, like2, like3, like4, parted;
DROP TYPE fields;
DROP DOMAIN code;
RESET client_min_messages;

-- ----- typed tables ---------------------------------------------------------
CREATE TYPE record_type AS (id int, diagnosis text);
CREATE TABLE typed OF record_type;
CREATE TABLE later (id int, diagnosis text);
SECURITY LABEL FOR dsec ON COLUMN record_type.diagnosis IS 'personal_health';
ALTER TABLE later OF record_type;
SELECT * FROM seen;
SECURITY LABEL FOR dsec ON TABLE typed IS 'subject=id; space=person';
SELECT relation, tag, source FROM seen;
ALTER TABLE typed NOT OF;
SELECT relation, tag, source FROM seen;
DROP TABLE typed, later;
DROP TYPE record_type;

-- ----- inheritance that comes and goes --------------------------------------
CREATE TABLE grand (id int, diagnosis text);
CREATE TABLE parent () INHERITS (grand);
CREATE TABLE child (more text) INHERITS (parent);
CREATE TABLE joined (id int, diagnosis text, more text);
SECURITY LABEL FOR dsec ON TABLE grand IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN grand.diagnosis IS 'personal_health';
SELECT relation, source FROM seen;
ALTER TABLE joined INHERIT parent;
SELECT relation, source FROM seen;
ALTER TABLE parent NO INHERIT grand;
SELECT relation, tag, source FROM seen;
DROP TABLE grand;
SELECT relation, tag, source FROM seen;
DROP TABLE parent CASCADE;
SELECT relation FROM seen;

-- ----- what keeps the tag ---------------------------------------------------
CREATE TABLE kept (id int PRIMARY KEY, diagnosis varchar(10));
SECURITY LABEL FOR dsec ON TABLE kept IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN kept.diagnosis IS 'personal_health';
INSERT INTO kept VALUES (1, 'x');
TRUNCATE kept;
INSERT INTO kept VALUES (1, 'y');
ALTER TABLE kept ALTER COLUMN diagnosis TYPE text USING upper(diagnosis);
ALTER TABLE kept ALTER COLUMN id TYPE bigint;
ALTER TABLE kept RENAME COLUMN diagnosis TO finding;
ALTER TABLE kept RENAME TO renamed;
ALTER TABLE renamed ADD COLUMN copied text DEFAULT 'z';
CREATE SCHEMA ddl_copies_2;
ALTER TABLE renamed SET SCHEMA ddl_copies_2;
ALTER SCHEMA ddl_copies_2 RENAME TO ddl_copies_3;
VACUUM FULL ddl_copies_3.renamed;
CLUSTER ddl_copies_3.renamed USING kept_pkey;
SELECT relation, column_name, tag, subject, space, problem FROM dsec.tagged_columns
	WHERE relation = 'ddl_copies_3.renamed'::regclass;
DROP SCHEMA ddl_copies_3 CASCADE;

-- ----- views ----------------------------------------------------------------
CREATE TABLE below (id int PRIMARY KEY, diagnosis text);
CREATE VIEW above AS SELECT * FROM below;
SECURITY LABEL FOR dsec ON COLUMN above.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON VIEW above IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN above.diagnosis IS NULL;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM below;
SECURITY LABEL FOR dsec ON MATERIALIZED VIEW stored IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN stored.diagnosis IS 'personal_health';
SELECT * FROM seen;
DROP TABLE below CASCADE;

-- ----- rules for names ------------------------------------------------------
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'subject=id; space=person');
INSERT INTO dsec.tag_pattern (tag) VALUES ('personal_health');
INSERT INTO dsec.tag_pattern (tag) VALUES ('space=person');
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'personal_health; subject=id');
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'personal_health; subject=id; space="pk:1"');
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'declassify; reason=none');
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'personal_health; nonsense=1');
\set VERBOSITY terse
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x\', 'personal_health');
\set VERBOSITY default
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x\\', 'personal_health');
DELETE FROM dsec.tag_pattern;
ALTER SEQUENCE dsec.tag_pattern_id_seq RESTART;

INSERT INTO dsec.tag_pattern (schema_pattern, table_pattern, column_pattern, tag, priority, note) VALUES
	('ddl\_copies', 'visit%', 'diagnosis', 'personal_health', 0, NULL),
	('ddl\_copies', 'visit%', NULL, 'subject=patient_id; space=person', 0, NULL),
	('ddl\_copies', 'sample%', '%dna', 'human_genomic; subject=patient_id; space=person', 0, NULL),
	('ddl\_copies', 'sample%', '%dna', 'human_genomic; subject=person_id; space=person', -1, NULL),
	('ddl\_copies', 'sample%', 'old_dna', 'personal_health', 5, 'before the others'),
	('pg\_temp%', 'visit%', 'diagnosis', 'personal_health', 0, 'temporary'),
	('ddl\_copies\_4', '%', 'diagnosis', 'personal_health', 0, NULL);
CREATE TABLE visit (patient_id int, diagnosis text, note text);
SELECT * FROM seen;
-- columns that come, and that get the name
ALTER TABLE visit DROP COLUMN diagnosis;
SELECT * FROM seen;
ALTER TABLE visit ADD COLUMN diagnosis text;
ALTER TABLE visit RENAME COLUMN note TO remark;
SELECT * FROM seen;
-- the swap of a rebuilt table
CREATE TABLE rebuilt AS SELECT * FROM visit WITH NO DATA;
CREATE TABLE visit__tmp (patient_id int, diagnosis text);
CREATE TABLE swap_tmp (patient_id int, diagnosis text);
ALTER TABLE visit RENAME TO swap_backup;
ALTER TABLE swap_tmp RENAME TO visit;
DROP TABLE swap_backup, rebuilt;
SELECT relation, column_name, tag, source, problem FROM seen;
-- in a function, one statement after the other
DO $$
BEGIN
	CREATE TABLE visit_do (patient_id int, diagnosis text);
	RAISE NOTICE '%', (SELECT tag FROM dsec.tagged_columns WHERE relation = 'visit_do'::regclass);
	BEGIN
		CREATE TABLE visit_gone (patient_id int, diagnosis text);
		RAISE EXCEPTION 'undone';
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
	CREATE TABLE visit_do2 (patient_id int, diagnosis text);
END
$$;
SELECT relation FROM seen WHERE relation::text LIKE 'visit\_do%';
-- partitions have the tag of their parent, and no label of their own
CREATE TABLE visit_p (patient_id int, diagnosis text) PARTITION BY RANGE (patient_id);
CREATE TABLE visit_p1 PARTITION OF visit_p FOR VALUES FROM (1) TO (2);
SELECT relation, source, problem FROM seen WHERE relation::text LIKE 'visit\_p%';
CREATE TEMP TABLE visit_temp (patient_id int PRIMARY KEY, diagnosis text);
SELECT column_name, tag, subject FROM dsec.tagged_columns WHERE relation = 'visit_temp'::regclass;
-- priority, and the rule that fits
CREATE TABLE sample (patient_id int, dna text, old_dna text);
CREATE TABLE sample2 (person_id int, dna text);
SELECT relation, column_name, tag, problem FROM seen WHERE relation::text LIKE 'sample%';
-- none fits: the column fails closed, the statement does not
CREATE TABLE sample3 (who int, dna text);
CREATE TABLE sample4 (patient_id point, dna text);
SELECT relation, column_name, tag, problem FROM seen WHERE relation IN ('sample3'::regclass, 'sample4'::regclass);
-- defaults that do not fit are left out
CREATE TABLE visit_x (who int PRIMARY KEY, diagnosis text);
SELECT column_name, tag, subject, space FROM seen WHERE relation = 'visit_x'::regclass;
-- a key that was dropped and made again is not taken for the one before
ALTER TABLE sample DROP COLUMN patient_id;
ALTER TABLE sample ADD COLUMN patient_id int;
ALTER TABLE sample ADD COLUMN new_dna text;
SELECT column_name, problem FROM seen WHERE relation = 'sample'::regclass;
-- defaults by rule do not touch what is tagged already
CREATE TABLE tagged (id int PRIMARY KEY, patient_id int DEFAULT 1, mail text);
SECURITY LABEL FOR dsec ON COLUMN tagged.mail IS 'listed_identifier; class=contact';
ALTER TABLE tagged RENAME TO visit_tagged;
SELECT column_name, tag, subject FROM seen WHERE relation = 'visit_tagged'::regclass;
-- views are left alone; so is what is tagged
CREATE VIEW visit_view AS SELECT * FROM visit;
SELECT count(*) FROM seen WHERE relation = 'visit_view'::regclass;
-- a schema that gets the name
CREATE SCHEMA ddl_copies_0 CREATE TABLE t (id int PRIMARY KEY, diagnosis text);
SELECT count(*) FROM dsec.tagged_columns WHERE relation = 'ddl_copies_0.t'::regclass;
ALTER SCHEMA ddl_copies_0 RENAME TO ddl_copies_4;
SELECT column_name, tag FROM dsec.tagged_columns WHERE relation = 'ddl_copies_4.t'::regclass;
-- and a table that goes there
CREATE TABLE wanders (id int PRIMARY KEY, diagnosis text);
ALTER TABLE wanders SET SCHEMA ddl_copies_4;
SELECT column_name, tag FROM dsec.tagged_columns WHERE relation = 'ddl_copies_4.wanders'::regclass;
-- for what is there already
CREATE TABLE there (id int PRIMARY KEY, iris text, patient_id int);
INSERT INTO dsec.tag_pattern (schema_pattern, table_pattern, column_pattern, tag) VALUES
	('ddl\_copies', 'there', 'iris', 'biometric_id'),
	('ddl\_copies', 'there', 'id', 'listed_identifier; class=account_auth; subject=nobody; space=person');
SELECT * FROM dsec.apply_tag_patterns();
SELECT * FROM dsec.apply_tag_patterns();
-- the owner is no officer, and cannot be rid of the tag
CREATE ROLE ddl_copies_owner;
GRANT CREATE, USAGE ON SCHEMA ddl_copies TO ddl_copies_owner;
SET ROLE ddl_copies_owner;
CREATE TABLE visit_own (patient_id int, diagnosis text);
SECURITY LABEL FOR dsec ON COLUMN visit_own.diagnosis IS NULL;
SECURITY LABEL FOR dsec ON COLUMN visit_own.diagnosis IS 'personal_health';
SELECT * FROM dsec.apply_tag_patterns();
SELECT * FROM dsec.tag_pattern;
RESET ROLE;
GRANT dsec_officer TO ddl_copies_owner;
SET ROLE ddl_copies_owner;
INSERT INTO dsec.tag_pattern (column_pattern, tag, created_by) VALUES ('x', 'personal_health', 'somebody');
INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'personal_health');
SELECT count(*) FROM dsec.apply_tag_patterns();
RESET ROLE;

SELECT object, action, tag_before, tag_after, why FROM dsec.tag_history
	WHERE object ~ '^ddl_copies.(visit|visit_x|like1|like2|mixed|g|there)(\.|$)' ORDER BY id;

DELETE FROM dsec.tag_pattern;
ALTER SEQUENCE dsec.tag_pattern_id_seq RESTART;
SET client_min_messages = warning;
DROP SCHEMA ddl_copies, ddl_copies_4 CASCADE;
DROP TABLE visit_temp;
DROP ROLE ddl_copies_owner;
