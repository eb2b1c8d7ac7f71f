-- dsec.event: who may read it, that it only grows, and what the views make of it.
-- Rows are put in by hand, as superuser, in transactions that roll back.
\set VERBOSITY terse

CREATE ROLE event_auditor IN ROLE dsec_auditor;
CREATE ROLE event_officer IN ROLE dsec_officer;
CREATE ROLE event_nobody;

-- nobody but the worker writes
SET ROLE event_auditor;
SELECT count(*) >= 0 AS readable FROM dsec.event;
SELECT count(*) >= 0 AS readable FROM dsec.exports;
SELECT count(*) >= 0 AS readable FROM dsec.blocked_exports;
INSERT INTO dsec.event (kind, begun, recipients, relations, categories, folded) VALUES ('admin', now(), '{}', '{}', '{}', 1);
UPDATE dsec.event SET detail = NULL;
DELETE FROM dsec.event;
TRUNCATE dsec.event;
SELECT nextval('dsec.event_id_seq');
RESET ROLE;
SET ROLE event_officer;
SELECT count(*) >= 0 AS readable FROM dsec.blocked_exports;
INSERT INTO dsec.event (kind, begun, recipients, relations, categories, folded) VALUES ('admin', now(), '{}', '{}', '{}', 1);
DELETE FROM dsec.event;
RESET ROLE;
SET ROLE event_nobody;
SELECT count(*) FROM dsec.event;
SELECT count(*) FROM dsec.exports;
SELECT count(*) FROM dsec.blocked_exports;
SELECT dsec.flush_events();
SELECT dsec.event_check_database();
RESET ROLE;

-- and nobody changes what is written
\set VERBOSITY default
UPDATE dsec.event SET detail = NULL;
\set VERBOSITY terse
DELETE FROM dsec.event WHERE false;
TRUNCATE dsec.event;
SET session_replication_role = replica;
DELETE FROM dsec.event;
RESET session_replication_role;

-- what the views show
BEGIN;
INSERT INTO dsec.event (kind, begun, recipients, relations, categories, rows, decision, rule, detail, folded)
SELECT k, '2026-01-01', '{a,"b, c"}', '{"s.t(c,d)"}', '{"(human_genomic,3,2)","(personal_health,5,0)"}', 7, d, r, 'x', 1
FROM (VALUES ('export', 'allow', NULL), ('export', 'log', 'us_dsp: 28 CFR 202.205(a)'),
	('export', 'block', 'us_dsp: 28 CFR 202.205(a): note'), ('export', 'error', NULL), ('change', NULL, NULL)) AS v(k, d, r);
SELECT decision, rule, recipients[2], relations FROM dsec.exports WHERE begun = '2026-01-01' ORDER BY id;
SELECT regime, citation, detail FROM dsec.blocked_exports WHERE begun = '2026-01-01';
SELECT decision, c.category, c.subjects, c.charged
FROM dsec.exports AS e, unnest(e.categories) AS c WHERE begun = '2026-01-01' AND decision = 'block' ORDER BY 2;
ROLLBACK;

DROP ROLE event_auditor, event_officer, event_nobody;
