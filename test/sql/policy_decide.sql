-- What is decided: comparators, ancestors, populations, spaces, actions,
-- several recipients, unassigned ones.  Always on the row that makes the
-- difference.

SELECT current_user AS admin \gset
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA policy_d;
CREATE TABLE policy_d.t (id int PRIMARY KEY, us boolean, v text);
INSERT INTO policy_d.t SELECT i, i % 2 = 0, 'x' FROM generate_series(1, 40) i;
CREATE ROLE policy_d_a;
CREATE ROLE policy_d_b;
GRANT USAGE ON SCHEMA policy_d TO PUBLIC;
GRANT SELECT ON policy_d.t TO PUBLIC;
SELECT dsec.add_recipient('policy_d_a', 'CN', 'covered') > 0 AS ok, dsec.add_recipient('policy_d_b', 'FR', 'foreign') > 0 AS ok;
SELECT dsec.bind_role('policy_d_a', 'policy_d_a'), dsec.bind_role('policy_d_b', 'policy_d_b');

INSERT INTO dsec.regime (name, title, source) VALUES ('policy_d', 'a test', 'Test Act');
INSERT INTO dsec.category (name, parent, description) VALUES
	('policy_d_wide', NULL, 'x'), ('policy_d_mid', 'policy_d_wide', 'x'), ('policy_d_narrow', 'policy_d_mid', 'x');
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, population, window_kind, window_length, applies_to, action, source) VALUES
	('policy_d', 'policy_d_narrow', '>', 5, 'person', NULL, 'rolling', '12 months', '{covered}', 'block', 'Test Act 1');
SELECT dsec.tag('policy_d.t', 'subject=id; space=policy_d'), dsec.tag('policy_d.t', 'v', 'policy_d_narrow');

CREATE VIEW policy_d.seen AS
	SELECT recipient, category, counted, comparator, threshold, headroom, action, source
	FROM dsec.exposure WHERE regime = 'policy_d' AND recipient LIKE 'policy\_d\_%';
CREATE VIEW policy_d.unassigned AS
	SELECT recipient, counted, headroom
	FROM dsec.exposure WHERE regime = 'policy_d' AND recipient LIKE 'unassigned:%';

-- "more than 5": five pass, the sixth does not, and the five go on passing
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id <= 5;
SELECT v FROM policy_d.t WHERE id = 6;
SELECT v FROM policy_d.t WHERE id <= 5;
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- "at least 7": six pass
UPDATE dsec.rule SET comparator = '>=', threshold = 7 WHERE source = 'Test Act 1';
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id = 6;
SELECT v FROM policy_d.t WHERE id = 7;
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- what is charged to a category is charged to all its ancestors; the tightest
-- rule decides
UPDATE dsec.rule SET category = 'policy_d_wide', comparator = '>', threshold = 8, source = 'Test Act 2' WHERE source = 'Test Act 1';
SELECT dsec.tag('policy_d.t', 'v', 'policy_d_mid');
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id IN (7, 8);
SELECT v FROM policy_d.t WHERE id = 9;
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;
SELECT dsec.was_sent('policy_d_a', c, 'policy_d', 1) IS NOT NULL AS one, dsec.was_sent('policy_d_a', c, 'policy_d', 8) IS NOT NULL AS eight,
	dsec.was_sent('policy_d_a', c, 'policy_d', 9) IS NOT NULL AS nine
FROM unnest('{policy_d_narrow, policy_d_mid, policy_d_wide}'::text[]) c;

-- nobody was charged for the row that did not leave, by any of its categories
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, source) VALUES
	('policy_d', 'policy_d_mid', '>', 100, 'person', 'rolling', '12 months', '{covered}', 'block', 'Test Act 3');
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- spaces add up: the same key in another space is another subject
UPDATE dsec.rule SET threshold = 10 WHERE source = 'Test Act 2';
SELECT dsec.tag('policy_d.t', 'subject=id; space=policy_d_other');
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id <= 2;
SELECT v FROM policy_d.t WHERE id = 3;
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- a rule for a population leaves out who is known not to belong
DELETE FROM dsec.rule WHERE regime = 'policy_d';
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, population, window_kind, window_length, applies_to, action, source) VALUES
	('policy_d', 'policy_d_wide', '>', 12, 'person', 'policy_us', 'rolling', '12 months', '{covered}', 'block', 'Test Act 4');
SELECT dsec.tag('policy_d.t', 'subject=id; space=policy_d_scope; in_scope=policy_us:us');
UPDATE policy_d.t SET us = NULL WHERE id = 2;
SET ROLE policy_d_a;
-- 1 and 3 are out, 2 is not known, 4 is in
SELECT v FROM policy_d.t WHERE id <= 3;
SELECT v FROM policy_d.t WHERE id = 4;
SELECT count(v) FROM policy_d.t WHERE us = false;
SELECT v FROM policy_d.t WHERE id = 6;
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- a rule that logs lets pass, and says so in the record
UPDATE dsec.rule SET action = 'log', population = NULL WHERE source = 'Test Act 4';
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id IN (6, 8);
RESET ROLE;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;
SELECT dsec.flush_events();
SELECT decision, rule FROM dsec.event WHERE recipients = '{policy_d_a}' ORDER BY id DESC LIMIT 1;

-- a rule that does not apply to a recipient, or not any more, or not yet
UPDATE dsec.rule SET action = 'block', threshold = 0 WHERE source = 'Test Act 4';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 20;
RESET ROLE;
UPDATE dsec.rule SET applies_to = '{foreign, covered}' WHERE source = 'Test Act 4';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 20;
SELECT v FROM policy_d.t WHERE id = 21;
RESET ROLE;
UPDATE dsec.rule SET valid_from = '2020-01-01', valid_to = current_date - 2 WHERE source = 'Test Act 4';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 21;
RESET ROLE;
UPDATE dsec.rule SET valid_from = current_date + 2, valid_to = NULL WHERE source = 'Test Act 4';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 22;
RESET ROLE;
SELECT * FROM policy_d.seen;

-- since 1 January
UPDATE dsec.rule SET valid_from = '-infinity', threshold = 4, window_kind = 'calendar_year', window_length = NULL WHERE source = 'Test Act 4';
SELECT window_start = date_trunc('year', now() AT TIME ZONE 'UTC') AS first_of_january, counted
	FROM dsec.exposure WHERE recipient = 'policy_d_b' AND regime = 'policy_d';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 23;
SELECT v FROM policy_d.t WHERE id = 24;
RESET ROLE;

-- two recipients at once: both are charged, and both must allow
UPDATE dsec.rule SET threshold = 1000 WHERE source = 'Test Act 4';
GRANT policy_d_a TO policy_d_b;
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 30;
RESET ROLE;
SELECT dsec.was_sent(r, 'policy_d_wide', 'policy_d_scope', 30) IS NOT NULL AS sent FROM unnest('{policy_d_a, policy_d_b}'::text[]) r;
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, source)
	SELECT 'policy_d', 'policy_d_wide', '>', counted, 'person', 'rolling', '12 months', '{foreign}', 'block', 'Test Act 5'
	FROM dsec.exposure WHERE recipient = 'policy_d_b' AND regime = 'policy_d';
SET ROLE policy_d_b;
SELECT v FROM policy_d.t WHERE id = 32;
RESET ROLE;
SELECT dsec.was_sent(r, 'policy_d_wide', 'policy_d_scope', 32) IS NOT NULL AS sent FROM unnest('{policy_d_a, policy_d_b}'::text[]) r;
SELECT * FROM policy_d.seen ORDER BY 1, 2, 8;

-- a login role that nobody has assigned has a recipient of its own as soon as
-- it exports; rules look at it as at a covered one, and log
DELETE FROM dsec.rule WHERE source = 'Test Act 5';
UPDATE dsec.rule SET threshold = 3 WHERE source = 'Test Act 4';
COPY (SELECT v FROM policy_d.t WHERE id <= 4) TO STDOUT;
SELECT r.status, r.login_role = :'admin' AS login_role, r.login_role_oid = :'admin'::regrole AS oid, s.counted, s.headroom
	FROM dsec.recipient r JOIN policy_d.unassigned s ON s.recipient = r.name WHERE r.login_role = :'admin';
SELECT dsec.flush_events();
SELECT decision, rule FROM dsec.event WHERE recipients = ARRAY['unassigned:' || :'admin'] AND relations::text LIKE '%policy_d%' ORDER BY id DESC LIMIT 1;
-- an officer gives it a status, and its history stays
UPDATE dsec.recipient SET status = 'internal' WHERE login_role = :'admin';
COPY (SELECT v FROM policy_d.t WHERE id <= 6) TO STDOUT;
SELECT count(*) FROM policy_d.unassigned WHERE recipient = 'unassigned:' || :'admin';
UPDATE dsec.recipient SET status = 'unassigned' WHERE login_role = :'admin';
SELECT counted FROM policy_d.unassigned WHERE recipient = 'unassigned:' || :'admin';

-- a category that nobody knows
SELECT dsec.tag('policy_d.t', 'v', 'policy_d_nonsuch');
SET ROLE policy_d_a;
SELECT v FROM policy_d.t WHERE id = 1;
RESET ROLE;

DROP SCHEMA policy_d CASCADE;
DELETE FROM dsec.rule WHERE regime = 'policy_d';
DELETE FROM dsec.regime WHERE name = 'policy_d';
DELETE FROM dsec.category WHERE name LIKE 'policy\_d%';
DELETE FROM dsec.binding WHERE recipient LIKE 'policy\_d%';
DROP ROLE policy_d_a, policy_d_b;
