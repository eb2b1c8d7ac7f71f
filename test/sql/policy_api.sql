-- The functions for officers.

CREATE ROLE policy_api_officer LOGIN IN ROLE dsec_officer;
CREATE ROLE policy_api_auditor LOGIN IN ROLE dsec_auditor;
CREATE ROLE policy_api_nobody LOGIN;
CREATE ROLE "policy api""role";

SET ROLE policy_api_officer;
SELECT dsec.add_recipient('policy_acme', 'CN', 'covered', legal_name => 'Acme, Ltd.') > 0 AS added;
SELECT dsec.add_recipient('policy_house', 'US', 'internal', note => 'our backups') > 0 AS added;
SELECT name, legal_name, country, status, note, login_role FROM dsec.recipient
	WHERE name IN ('policy_acme', 'policy_house') ORDER BY name;

-- what is refused
SELECT dsec.add_recipient('policy_acme', 'CN', 'covered');
SELECT dsec.add_recipient('policy_x', 'CN', 'unassigned');
SELECT dsec.add_recipient('policy_x', 'CN', 'hostile');
SELECT dsec.bind_role('policy_api_nobody', 'policy_x');
SELECT dsec.bind_role('policy_api_nonsuch', 'policy_acme');
SELECT dsec.bind_address('10.0.0.0/8', 'policy_x');

-- every kind of binding, twice, is one row each
SELECT dsec.bind_role('"policy api""role"', 'policy_acme') FROM generate_series(1, 2);
SELECT dsec.bind_server('policy_db', 'remote', 'policy_acme') FROM generate_series(1, 2);
SELECT dsec.bind_address('10.1.0.0/16', 'policy_acme') FROM generate_series(1, 2);
SELECT dsec.bind_address('2001:db8::/32', 'policy_acme');
SELECT dsec.bind_channel('file', '/srv/policy', 'policy_acme') FROM generate_series(1, 2);
SELECT dsec.bind_channel('policy_any', NULL, 'policy_acme') FROM generate_series(1, 2);
SELECT kind, recipient, channel, database, target, network, role_oid = '"policy api""role"'::regrole AS role_is_noted
	FROM dsec.binding WHERE recipient LIKE 'policy\_%' ORDER BY id;

-- a recipient is renamed with its bindings, and never deleted
UPDATE dsec.recipient SET name = 'policy_acme2' WHERE name = 'policy_acme';
SELECT DISTINCT recipient FROM dsec.binding WHERE recipient LIKE 'policy\_%';
UPDATE dsec.recipient SET id = 4711 WHERE name = 'policy_acme2';
DELETE FROM dsec.recipient WHERE name = 'policy_acme2';

-- taking them back
SELECT dsec.unbind_role('"policy api""role"', 'policy_acme2');
SELECT dsec.unbind_role('"policy api""role"', 'policy_acme2');
SELECT dsec.unbind_server('policy_db', 'remote', 'policy_acme2');
SELECT dsec.unbind_address('10.1.0.0/16', 'policy_acme2');
SELECT dsec.unbind_address('10.1.0.0/17', 'policy_acme2');
SELECT dsec.unbind_address('2001:db8::/32', 'policy_acme2');
SELECT dsec.unbind_channel('file', '/srv/policy', 'policy_acme2');
SELECT dsec.unbind_channel('policy_any', NULL, 'policy_acme2');
SELECT count(*) FROM dsec.binding WHERE recipient LIKE 'policy\_%';

-- a change is an event, in the transaction that makes it: table, operation and
-- role, and nothing of the row
SELECT user_name, relations, regexp_replace(detail, ' id .*', ' id N') AS detail FROM dsec.event
	WHERE kind = 'change' AND user_name = 'policy_api_officer' ORDER BY id;

-- auditors read; others do not even do that
SET ROLE policy_api_auditor;
SELECT count(*) FROM dsec.recipient WHERE name = 'policy_acme2';
SELECT count(*) >= 7 AS rules FROM dsec.exposure WHERE recipient = 'policy_acme2';
SELECT dsec.add_recipient('policy_y', 'US', 'covered');
UPDATE dsec.rule SET threshold = 1;
SET ROLE policy_api_nobody;
SELECT count(*) FROM dsec.recipient;
SELECT count(*) FROM dsec.exposure;
SELECT dsec.recipients_of();
SELECT dsec.was_sent('policy_acme2', 'personal_health', 'person', 1);
SELECT item FROM dsec.status() LIMIT 2;
RESET ROLE;

-- no change is prepared: a session could see it without having heard of it
BEGIN;
UPDATE dsec.recipient SET note = 'x' WHERE name = 'policy_acme2';
PREPARE TRANSACTION 'policy_api';

-- was_sent: who was never sent anything has no day
SELECT dsec.was_sent('policy_acme2', 'personal_health', 'person', 1) IS NULL AS never,
	dsec.was_sent('policy_acme2', 'personal_health', 'person', 'a literal') IS NULL AS never,
	dsec.was_sent('policy_acme2', 'personal_health', 'person', 1, 'two'::text) IS NULL AS never,
	dsec.was_sent('policy_acme2', 'personal_health', 'person', VARIADIC ARRAY[1, 2]) IS NULL AS never;
\set VERBOSITY terse
SELECT dsec.was_sent('policy_acme', 'personal_health', 'person', 1);
SELECT dsec.was_sent('policy_acme2', 'nonsuch', 'person', 1);
SELECT dsec.was_sent('policy_acme2', 'personal_health', 'person', NULL::int);
SELECT dsec.was_sent('policy_acme2', 'personal_health', 'person', 1.5::float8);

DROP ROLE policy_api_officer, policy_api_auditor, policy_api_nobody, "policy api""role";
