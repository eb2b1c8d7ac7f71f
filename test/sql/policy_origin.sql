-- Rows that come with dsec, and what officers make of them.

-- an officer's change makes it an officer's row; what did not change stays
BEGIN;
UPDATE dsec.rule SET threshold = 90 WHERE id = 2;
SELECT id, threshold, origin FROM dsec.rule WHERE id <= 3 ORDER BY id;
-- and it cannot be passed off as shipped
UPDATE dsec.rule SET origin = 'shipped' WHERE id = 2;
INSERT INTO dsec.space (name, unit, origin) VALUES ('policy_origin', 'person', 'shipped');
SELECT id, threshold, origin FROM dsec.rule WHERE id = 2;
SELECT name, origin FROM dsec.space WHERE name = 'policy_origin';
-- an officer's row can go
DELETE FROM dsec.space WHERE name = 'policy_origin';
ROLLBACK;

-- a shipped row is not deleted
DELETE FROM dsec.rule WHERE id = 2;
DELETE FROM dsec.category WHERE name = 'human_genomic';
DELETE FROM dsec.space WHERE name = 'device';

-- what pg_restore does: CREATE EXTENSION has shipped the rows again, and the
-- officer's versions of them come by COPY, in any order
BEGIN;
COPY dsec.category (name, parent, description, origin) FROM STDIN;
human_genomic	policy_later	restored	officer
policy_later	\N	an officer's own	officer
\.
COPY dsec.rule (id, regime, category, comparator, threshold, unit, population, window_kind, window_length, counted_per, applies_to, action, valid_from, source, origin) FROM STDIN;
2	us_dsp	human_genomic	>	77	person	us_person	rolling	1 year	recipient	{covered}	block	2025-04-08	restored	officer
\.
SELECT name, parent, description, origin FROM dsec.category WHERE name LIKE 'human%' OR name LIKE 'policy%' ORDER BY name;
SELECT id, category, threshold, source, origin FROM dsec.rule WHERE id <= 3 ORDER BY id;
-- an officer's row is not replaced
INSERT INTO dsec.space (name, unit) VALUES ('device', 'person');
INSERT INTO dsec.space (name, unit) VALUES ('device', 'person');
ROLLBACK;

-- officers' own rules have numbers of their own
BEGIN;
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, applies_to, action, source)
	VALUES ('us_dsp', 'personal_health', '>=', 5, 'person', 'calendar_year', '{foreign}', 'log', 'a test')
	RETURNING id >= 10000 AS own_number, valid_from, valid_to, origin;
ROLLBACK;

-- what a dump takes along
SELECT x.oid::regclass AS tab, condition
FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS x (oid, condition)
WHERE e.extname = 'dsec' AND x.oid::regclass::text ~ '^dsec\.(regime|category|space|rule|recipient|binding|agreement)'
ORDER BY 1::text;

SELECT name, origin, parent FROM dsec.category WHERE name LIKE 'human%' ORDER BY name;
SELECT id, threshold, origin FROM dsec.rule ORDER BY id;
