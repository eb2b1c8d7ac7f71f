-- What people script against when they tag, and who may call it.
BEGIN;
SELECT plan(22);

SELECT has_type('dsec', 'tag_spec', 'the type of a parsed tag');
SELECT function_returns('dsec', 'tag', ARRAY['regclass', 'name', 'text'], 'void', 'tag a column');
SELECT function_returns('dsec', 'tag', ARRAY['regclass', 'text'], 'void', 'tag a relation');
SELECT function_returns('dsec', 'untag', ARRAY['regclass', 'name'], 'void', 'untag a column');
SELECT function_returns('dsec', 'untag', ARRAY['regclass'], 'void', 'untag a relation');
SELECT function_returns('dsec', 'category', ARRAY['dsec.tag_spec'], 'text', 'category of a tag');
SELECT function_returns('dsec', 'attribute', ARRAY['dsec.tag_spec', 'text'], 'text', 'attribute of a tag');
SELECT columns_are('dsec', 'tagged_columns', ARRAY['relation', 'column_name', 'tag', 'category', 'class',
	'source', 'subject', 'space', 'in_scope', 'problem']);
SELECT col_type_is('dsec', 'tagged_columns', 'relation', 'regclass', 'a relation by name');
SELECT has_domain('dsec', 'us_ssn', 'domain us_ssn');
SELECT has_domain('dsec', 'payment_card', 'domain payment_card');
SELECT has_domain('dsec', 'rsid', 'domain rsid');
SELECT set_eq(
	$$SELECT typname::text FROM pg_type t WHERE typnamespace = 'dsec'::regnamespace AND typtype = 'd'
		AND NOT EXISTS (SELECT FROM pg_seclabel WHERE classoid = 'pg_type'::regclass AND objoid = t.oid AND provider = 'dsec')$$,
	ARRAY['corporate_number'],
	'the tagging types are labelled, but for what names no person');

-- whoever owns a table may tag it, so everybody may call; the function checks
SELECT function_privs_are('dsec', 'tag', ARRAY['regclass', 'name', 'text'], 'public', ARRAY['EXECUTE']);
SELECT function_privs_are('dsec', 'tag', ARRAY['regclass', 'text'], 'public', ARRAY['EXECUTE']);
SELECT function_privs_are('dsec', 'untag', ARRAY['regclass', 'name'], 'public', ARRAY['EXECUTE']);
SELECT function_privs_are('dsec', 'untag', ARRAY['regclass'], 'public', ARRAY['EXECUTE']);
SELECT table_privs_are('dsec', 'tagged_columns', 'public', ARRAY['SELECT'], 'everybody sees tags of what he may read');

-- a column of a labelled domain is tagged, a domain over it as well
CREATE SCHEMA tag_schema;
CREATE DOMAIN tag_schema.staff_ssn AS dsec.us_ssn;
CREATE TABLE tag_schema.t (id int PRIMARY KEY, a dsec.rsid, b tag_schema.staff_ssn, c text);
SELECT set_eq(
	$$SELECT column_name::text, category, source, subject FROM dsec.tagged_columns
	  WHERE relation = 'tag_schema.t'::regclass$$,
	$$VALUES ('a', 'human_genomic', 'type', '{id}'::text[]), ('b', 'covered_identifier', 'type', '{id}')$$,
	'columns are tagged by their types');
SELECT throws_ok($$INSERT INTO tag_schema.t (id, b) VALUES (1, '000-11-2222')$$, '23514', NULL,
	'a domain over a tagging type checks');
SELECT throws_ok($$SELECT 'subject='::dsec.tag_spec$$, 'DS002', 'invalid dsec label', 'no tag is DS002');
SELECT throws_ok($$SELECT dsec.tag('tag_schema.t', 'c', 'personal_health; subject=nobody; space=x')$$, 'DS002', NULL,
	'a key that is not there is DS002');

SELECT * FROM finish();
ROLLBACK;
