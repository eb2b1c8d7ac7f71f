-- Who may set which label: owner, officer, others
SET client_min_messages = warning;
CREATE ROLE regress_tag_owner;
CREATE ROLE regress_tag_other;
CREATE ROLE regress_tag_officer IN ROLE dsec_officer;
CREATE ROLE regress_tag_auditor IN ROLE dsec_auditor;
LOAD 'dsec';
CREATE SCHEMA tag_rights;
GRANT ALL ON SCHEMA tag_rights TO PUBLIC;
SET search_path = tag_rights;
RESET client_min_messages;

SET ROLE regress_tag_owner;
CREATE TABLE patient (patient_id int PRIMARY KEY, other_id int, is_us boolean, a text, b text, c text);
CREATE TABLE part (id int NOT NULL, a text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 (id int NOT NULL, a text);
CREATE DOMAIN code AS text;

-- where nothing is tagged, the owner tags
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=other_id; space=wrong';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.a IS 'personal_health';
SELECT dsec.tag('patient', 'b', 'personal_financial');
-- the same again changes nothing
SECURITY LABEL FOR dsec ON TABLE patient IS 'space=person; subject=patient_id';
SECURITY LABEL FOR dsec ON COLUMN patient.a IS 'Personal_Health;';
SECURITY LABEL FOR dsec_key ON COLUMN patient.patient_id IS 'patient_id';
SECURITY LABEL FOR dsec_key ON COLUMN patient.c IS 'c';

-- every change of what is tagged needs an officer
SECURITY LABEL FOR dsec ON COLUMN patient.a IS NULL;
SECURITY LABEL FOR dsec ON COLUMN patient.a IS 'personal_financial';
SECURITY LABEL FOR dsec ON COLUMN patient.a IS 'personal_health; subject=other_id';
SECURITY LABEL FOR dsec ON COLUMN patient.a IS 'personal_health; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON TABLE patient IS NULL;
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=other_id; space=person';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space=device';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec_key ON COLUMN patient.patient_id IS NULL;
SELECT dsec.untag('patient', 'a');
SELECT dsec.untag('patient');
SELECT dsec.tag('patient', 'a', 'personal_financial');
\echo :LAST_ERROR_SQLSTATE
-- so it is for partitions, through the parent and by themselves
SECURITY LABEL FOR dsec ON TABLE part IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN part1.a IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE part IS 'subject=id; space=device';
SECURITY LABEL FOR dsec ON COLUMN part.a IS 'personal_financial';
-- the same tag on the parent is no change
SECURITY LABEL FOR dsec ON COLUMN part.a IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN part1.a IS NULL;
SECURITY LABEL FOR dsec ON TABLE part1 IS 'subject=id; space=other';
-- and for types
CREATE TABLE coded (id int PRIMARY KEY, c code, d code[]);
SECURITY LABEL FOR dsec ON DOMAIN code IS 'personal_health';
SECURITY LABEL FOR dsec ON DOMAIN code IS 'personal_financial';
SECURITY LABEL FOR dsec ON DOMAIN code IS NULL;
SECURITY LABEL FOR dsec ON COLUMN coded.c IS 'personal_financial';
SECURITY LABEL FOR dsec ON TABLE coded IS 'subject=id; space=person';
-- what functions disclose is for officers alone
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
SECURITY LABEL FOR dsec ON FUNCTION f() IS 'declassify; reason=trust me';
SELECT relation, column_name, tag, source, problem FROM dsec.tagged_columns
ORDER BY relation::text COLLATE "C", column_name COLLATE "C";

-- others may not
SET ROLE regress_tag_other;
SECURITY LABEL FOR dsec ON COLUMN patient.c IS 'personal_health';
SELECT dsec.tag('patient', 'c', 'personal_health');
SELECT dsec.untag('patient', 'a');
SELECT dsec.tag('patient', 'subject=patient_id; space=person');
SECURITY LABEL FOR dsec ON DOMAIN code IS 'personal_health';
-- nor see what is not theirs
SELECT count(*) FROM dsec.tagged_columns WHERE relation = 'patient'::regclass;
RESET ROLE;
GRANT SELECT (patient_id) ON patient TO regress_tag_other;
SET ROLE regress_tag_other;
SELECT count(*) FROM dsec.tagged_columns WHERE relation = 'patient'::regclass;

-- an officer may, by dsec.tag() where SECURITY LABEL wants the owner
SET ROLE regress_tag_officer;
SECURITY LABEL FOR dsec ON COLUMN patient.c IS 'personal_health';
SELECT dsec.tag('patient', 'c', 'personal_health');
SELECT dsec.tag('patient', 'a', 'personal_financial; subject=other_id; space=client');
SELECT dsec.untag('patient', 'b');
SELECT dsec.tag('patient', 'subject=patient_id; space=client');
SELECT dsec.untag('part1', 'a');
SELECT dsec.tag('part', 'a', 'personal_financial');
SELECT dsec.tag('coded', 'c', 'personal_financial');
SELECT relation, column_name, tag FROM dsec.tagged_columns JOIN pg_class ON oid = relation
WHERE relnamespace = 'tag_rights'::regnamespace ORDER BY relation::text, column_name;

-- an auditor sees, and changes nothing
SET ROLE regress_tag_auditor;
SELECT count(*) FROM dsec.tagged_columns JOIN pg_class ON oid = relation
WHERE relnamespace = 'tag_rights'::regnamespace;
SELECT dsec.untag('patient', 'a');

-- an owner who is an officer is one
RESET ROLE;
GRANT dsec_officer TO regress_tag_owner;
SET ROLE regress_tag_owner;
SECURITY LABEL FOR dsec ON FUNCTION f() IS 'declassify; reason=published';
SECURITY LABEL FOR dsec ON FUNCTION f() IS NULL;
SECURITY LABEL FOR dsec ON COLUMN patient.a IS NULL;
RESET ROLE;

-- the owner cannot slip another column under the name of a key
REVOKE dsec_officer FROM regress_tag_owner;
SET ROLE regress_tag_owner;
ALTER TABLE patient DROP COLUMN patient_id;
ALTER TABLE patient ADD COLUMN patient_id int DEFAULT 1;
SELECT column_name, problem FROM dsec.tagged_columns WHERE relation = 'patient'::regclass;
SECURITY LABEL FOR dsec_key ON COLUMN patient.patient_id IS 'patient_id';
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=patient_id; space=client';
SECURITY LABEL FOR dsec ON COLUMN patient.b IS 'personal_health';
SELECT dsec.tag('patient', 'b', 'personal_health; subject=other_id');
SELECT column_name, problem FROM dsec.tagged_columns WHERE relation = 'patient'::regclass;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA tag_rights CASCADE;
DROP ROLE regress_tag_owner, regress_tag_other, regress_tag_officer, regress_tag_auditor;
