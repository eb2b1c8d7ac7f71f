-- The shape of dsec.event and its views, which people script against.
BEGIN;
SELECT plan(17);

SELECT columns_are('dsec', 'event', ARRAY['id', 'kind', 'begun', 'ended', 'login_role', 'user_name',
	'client_address', 'application_name', 'database', 'pid', 'channel', 'recipients', 'relations',
	'categories', 'rows', 'decision', 'rule', 'detail', 'query_id', 'folded']);
SELECT columns_are('dsec', 'exports', ARRAY['id', 'begun', 'ended', 'login_role', 'user_name',
	'client_address', 'application_name', 'database', 'pid', 'channel', 'recipients', 'relations',
	'categories', 'rows', 'decision', 'rule', 'detail', 'query_id', 'folded']);
SELECT columns_are('dsec', 'blocked_exports', ARRAY['id', 'begun', 'ended', 'login_role', 'user_name',
	'client_address', 'application_name', 'database', 'pid', 'channel', 'recipients', 'relations',
	'categories', 'rows', 'regime', 'citation', 'detail', 'query_id', 'folded']);
SELECT col_type_is('dsec', 'event', 'categories', 'dsec.event_category[]', 'categories is an array of a composite');
SELECT col_type_is('dsec', 'event', 'recipients', 'text[]', 'recipients is text[]');
SELECT col_type_is('dsec', 'event', 'client_address', 'inet', 'addresses are inet');
SELECT col_is_pk('dsec', 'event', 'id', 'id is the key');
SELECT has_index('dsec', 'event', 'event_begun_idx', 'begun', 'records are found by time');

SELECT table_privs_are('dsec', 'event', 'dsec_auditor', ARRAY['SELECT'], 'auditors read');
SELECT table_privs_are('dsec', 'event', 'dsec_officer', ARRAY['SELECT'], 'officers read');
SELECT table_privs_are('dsec', 'event', 'public', ARRAY[]::text[], 'nobody else');
SELECT table_privs_are('dsec', 'exports', 'dsec_auditor', ARRAY['SELECT'], 'auditors read exports');
SELECT table_privs_are('dsec', 'blocked_exports', 'dsec_auditor', ARRAY['SELECT'], 'auditors read blocked_exports');
SELECT function_privs_are('dsec', 'flush_events', ARRAY[]::text[], 'public', ARRAY[]::text[], 'not everybody flushes');

SELECT is((SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'dsec.event'::regclass AND tgname = 'event_only_grows'),
	'A', 'the trigger fires in replica mode too');
SELECT set_has($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'dsec'$$,
	$$VALUES ('dsec.event')$$, 'pg_dump keeps the records');
SELECT is((SELECT count(*)::int FROM pg_attribute WHERE attrelid = 'dsec.event'::regclass AND attnum > 0
	AND col_description(attrelid, attnum) IS NULL), 0, 'every column is explained');

SELECT * FROM finish();
ROLLBACK;
