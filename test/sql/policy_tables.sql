-- What the tables of the policy accept, and how they refuse the rest.

-- everything is read by officers and auditors, and written by officers
SELECT c.relname,
	has_table_privilege('dsec_officer', c.oid, 'SELECT, INSERT, UPDATE, DELETE') AS officer,
	has_table_privilege('dsec_officer', c.oid, 'TRUNCATE') AS officer_truncate,
	has_table_privilege('dsec_auditor', c.oid, 'SELECT') AS auditor,
	has_table_privilege('dsec_auditor', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS auditor_write
FROM pg_class c
WHERE c.relnamespace = 'dsec'::regnamespace AND c.relname IN
	('regime', 'category', 'space', 'rule', 'recipient', 'binding', 'agreement')
ORDER BY c.relname;

\set VERBOSITY terse

-- regimes, categories, spaces
INSERT INTO dsec.regime (name, title, source) VALUES ('', 'x', 'x');
INSERT INTO dsec.regime (name, title, source) VALUES ('policy_t', 'x', '');
INSERT INTO dsec.regime (name, title, source, country) VALUES ('policy_t', 'x', 'x', 'Japan');
INSERT INTO dsec.category (name, description) VALUES ('Genomic Data', 'x');
INSERT INTO dsec.category (name, description) VALUES (repeat('a', 64), 'x');
INSERT INTO dsec.category (name, parent, description) VALUES ('policy_t', 'policy_t', 'x');
INSERT INTO dsec.category (name, parent, description) VALUES ('policy_t', 'nonsuch', 'x');
INSERT INTO dsec.space (name, unit) VALUES ('policy_t', 'Some Person');

-- a category is not its own ancestor, however long the way
BEGIN;
INSERT INTO dsec.category (name, parent, description) VALUES
	('policy_a', NULL, 'x'), ('policy_b', 'policy_a', 'x'), ('policy_c', 'policy_b', 'x');
UPDATE dsec.category SET parent = 'policy_c' WHERE name = 'policy_a';
ROLLBACK;

-- recipients
INSERT INTO dsec.recipient (name, country, status) VALUES ('policy_t', 'US', 'enemy');
INSERT INTO dsec.recipient (name, country, status) VALUES ('policy_t', 'us', 'covered');
INSERT INTO dsec.recipient (name, country, status) VALUES ('policy_t', NULL, 'covered');
INSERT INTO dsec.recipient (name, country, status) VALUES ('policy, t', 'US', 'covered');
INSERT INTO dsec.recipient (name, country, status) VALUES (E'policy\nt', 'US', 'covered');
INSERT INTO dsec.recipient (name, country, status) VALUES (repeat('x', 128), 'US', 'covered');

-- bindings
BEGIN;
INSERT INTO dsec.recipient (name, country, status) VALUES ('policy_t', 'US', 'covered');
SAVEPOINT s;
INSERT INTO dsec.binding (kind, recipient, target) VALUES ('user', 'policy_t', 'postgres');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, target) VALUES ('role', 'nonsuch', 'postgres');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient) VALUES ('role', 'policy_t');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, target, channel) VALUES ('role', 'policy_t', 'postgres', 'copy');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, target) VALUES ('server', 'policy_t', 'remote');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient) VALUES ('address', 'policy_t');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, target) VALUES ('channel', 'policy_t', '/tmp');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, channel, target) VALUES ('channel', 'policy_t', 'file', 'out.csv');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, channel, target) VALUES ('channel', 'policy_t', 'copy', '');
ROLLBACK TO s;
INSERT INTO dsec.binding (kind, recipient, channel) VALUES ('channel', 'policy_t', 'copy'), ('channel', 'policy_t', 'copy');
ROLLBACK;

-- rules: start from a good one, and spoil one column at a time
CREATE FUNCTION pg_temp.try_rule(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	good jsonb := '{"id": 99999, "regime": "us_dsp", "category": "personal_health", "comparator": ">",
		"threshold": 5, "unit": "person", "window_kind": "rolling", "window_length": "30 days",
		"counted_per": "recipient", "applies_to": ["covered"], "action": "log",
		"valid_from": "2026-01-01", "source": "a test", "origin": "officer"}';
	con text;
BEGIN
	INSERT INTO dsec.rule SELECT * FROM jsonb_populate_record(NULL::dsec.rule, good || change);
	RAISE EXCEPTION USING ERRCODE = 'P9999';
EXCEPTION
	WHEN SQLSTATE 'P9999' THEN
		RETURN 'accepted';
	WHEN integrity_constraint_violation THEN
		GET STACKED DIAGNOSTICS con = CONSTRAINT_NAME;
		RETURN coalesce(nullif(con, ''), SQLERRM);
END
$$;
SELECT change, pg_temp.try_rule(change::jsonb) FROM (VALUES
	(1, '{}'),
	(2, '{"regime": "nonsuch"}'),
	(3, '{"category": "nonsuch"}'),
	(4, '{"comparator": "<"}'),
	(5, '{"comparator": null}'),
	(6, '{"threshold": -1}'),
	(7, '{"threshold": 0}'),
	(8, '{"threshold": 0, "comparator": ">="}'),
	(9, '{"unit": ""}'),
	(10, '{"population": "us person"}'),
	(11, '{"window_kind": "forever"}'),
	(12, '{"window_length": null}'),
	(13, '{"window_kind": "calendar_year"}'),
	(14, '{"window_kind": "calendar_year", "window_length": null}'),
	(15, '{"window_length": "24 hours"}'),
	(16, '{"window_length": "1 day 00:00:01"}'),
	(17, '{"window_length": "-1 day"}'),
	(18, '{"window_length": "1 month -40 days"}'),
	(19, '{"window_length": "2 years"}'),
	(20, '{"window_length": "101 years"}'),
	(21, '{"counted_per": "exporter"}'),
	(22, '{"applies_to": []}'),
	(23, '{"applies_to": [null]}'),
	(24, '{"applies_to": ["covered", "everybody"]}'),
	(25, '{"applies_to": ["domestic", "foreign", "covered", "internal", "unassigned"]}'),
	(26, '{"action": "warn"}'),
	(27, '{"valid_to": "2025-12-31"}'),
	(28, '{"source": ""}'),
	(29, '{"id": 0}')) AS v (n, change)
ORDER BY n;

-- an agreement is a record, and no more
INSERT INTO dsec.agreement (recipient, reference) VALUES ('nonsuch', 'contract 1');
