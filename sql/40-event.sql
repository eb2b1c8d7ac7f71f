/* ------------------------------------------------------------------------
 * Records of exports, and of what happened to dsec itself.
 *
 * Written in the ledger database, by the dsec worker and by the triggers that
 * record changes of the policy, and by nobody else.
 * ------------------------------------------------------------------------ */

CREATE TYPE dsec.event_category AS (
	category text,
	subjects bigint,
	charged  bigint
);

COMMENT ON TYPE dsec.event_category IS
'What an export carried of one category: subjects = distinct subjects seen, charged = of these, new to the ledger that day, for at least one of the recipients.';

CREATE TABLE dsec.event (
	id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind             text NOT NULL CHECK (kind IN ('export', 'change', 'loss', 'admin')),
	begun            timestamptz NOT NULL,
	ended            timestamptz,
	login_role       text,
	user_name        text,
	client_address   inet,
	application_name text,
	database         text,
	pid              integer,
	channel          text,
	recipients       text[] NOT NULL,
	relations        text[] NOT NULL,
	categories       dsec.event_category[] NOT NULL,
	rows             bigint,
	decision         text,
	rule             text,
	detail           text,
	query_id         bigint,
	folded           bigint NOT NULL
);

-- Numbers begin at the current microsecond since 1970, so that what the worker
-- writes while a dump is being restored cannot have the number of a restored row.
-- That is also why pg_dump leaves the sequence alone.
SELECT pg_catalog.setval('dsec.event_id_seq',
	(1000000 * EXTRACT(epoch FROM pg_catalog.clock_timestamp()))::bigint);

CREATE INDEX event_begun_idx ON dsec.event (begun);

COMMENT ON TABLE dsec.event IS
'One row per guarded export, change, loss or administrative event; repeated exports of one session within a minute share a row. Only grows. Names and counts, never values. Filled in the ledger database only.';
COMMENT ON COLUMN dsec.event.id IS 'Number of the record, also in its server-log line; begins at the microsecond since 1970 at which the table was made. Ascending in order of writing; gaps mean attempts to write that were rolled back.';
COMMENT ON COLUMN dsec.event.kind IS 'export: data left or was refused; change: tags, rules, recipients, bindings, settings; loss: something could not be counted or recorded; admin: anything else about dsec itself.';
COMMENT ON COLUMN dsec.event.begun IS 'When the export, or the first of the folded ones, began.';
COMMENT ON COLUMN dsec.event.ended IS 'When the last one ended; NULL when it never did (its backend or the server was killed).';
COMMENT ON COLUMN dsec.event.login_role IS 'Role that logged in.';
COMMENT ON COLUMN dsec.event.user_name IS 'Current role when the export began (after SET ROLE, inside SECURITY DEFINER).';
COMMENT ON COLUMN dsec.event.client_address IS 'Address of the client; NULL for a unix-domain socket.';
COMMENT ON COLUMN dsec.event.application_name IS 'As the client set it; not to be relied on.';
COMMENT ON COLUMN dsec.event.database IS 'Database the session was connected to.';
COMMENT ON COLUMN dsec.event.pid IS 'Process id of the backend.';
COMMENT ON COLUMN dsec.event.channel IS 'The way out: select, copy, file, program, fdw, ...';
COMMENT ON COLUMN dsec.event.recipients IS 'Names of the recipients concerned; a last entry "..." means that the list was cut.';
COMMENT ON COLUMN dsec.event.relations IS 'Tagged relations read, each as schema.table(column,column); a last entry "..." means that the list was cut.';
COMMENT ON COLUMN dsec.event.categories IS 'Per category: subjects (distinct subjects seen; in a folded row the sum over its exports, so a subject in two of them counts twice) and charged (of these, new to the ledger that day, for at least one of the recipients; exact also when folded). Query it as FROM dsec.event e, unnest(e.categories) c.';
COMMENT ON COLUMN dsec.event.rows IS 'Rows that left; the sum when folded. NULL for kinds other than export.';
COMMENT ON COLUMN dsec.event.decision IS 'allow; log: over a threshold that only logs; block: refused by a rule (DS001); error: ended by an error, or never ended; uncounted: left uncounted in permissive mode.';
COMMENT ON COLUMN dsec.event.rule IS 'Rule that decided, as "regime: citation".';
COMMENT ON COLUMN dsec.event.detail IS 'One sentence: what was counted against which threshold; what changed or was lost.';
COMMENT ON COLUMN dsec.event.query_id IS 'Query identifier, as in pg_stat_statements; NULL where compute_query_id is off.';
COMMENT ON COLUMN dsec.event.folded IS 'Number of exports in this row.';

/* ------------------------------------------------------------------------
 * What is recorded stays
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.event_refuse_change()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'dsec_event_refuse_change';

REVOKE ALL ON FUNCTION dsec.event_refuse_change() FROM PUBLIC;
COMMENT ON FUNCTION dsec.event_refuse_change() IS
'Trigger of dsec.event: raises insufficient_privilege on UPDATE, DELETE and TRUNCATE, for superusers too.';

CREATE TRIGGER event_only_grows
	BEFORE UPDATE OR DELETE OR TRUNCATE ON dsec.event
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.event_refuse_change();

ALTER TABLE dsec.event ENABLE ALWAYS TRIGGER event_only_grows;

REVOKE ALL ON TABLE dsec.event FROM PUBLIC;
GRANT SELECT ON TABLE dsec.event TO dsec_auditor, dsec_officer;

SELECT pg_catalog.pg_extension_config_dump('dsec.event', '');

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.event_check_database()
RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dsec_event_check_database';

REVOKE ALL ON FUNCTION dsec.event_check_database() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.event_check_database() TO dsec_auditor, dsec_officer;
COMMENT ON FUNCTION dsec.event_check_database() IS
'True in the ledger database; raises DS003 elsewhere, where an empty answer would be misread.';

CREATE FUNCTION dsec.flush_events()
RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'dsec_event_flush_sql';

REVOKE ALL ON FUNCTION dsec.flush_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.flush_events() TO dsec_auditor, dsec_officer;
COMMENT ON FUNCTION dsec.flush_events() IS
'Has every record published so far written to dsec.event, and waits for it. Raises DS003 after dsec.ledger_timeout. A later statement sees the rows.';

CREATE VIEW dsec.exports AS
SELECT e.id, e.begun, e.ended, e.login_role, e.user_name, e.client_address,
	   e.application_name, e.database, e.pid, e.channel, e.recipients,
	   e.relations, e.categories, e.rows, e.decision, e.rule, e.detail,
	   e.query_id, e.folded
FROM dsec.event AS e
WHERE e.kind = 'export' AND dsec.event_check_database();

COMMENT ON VIEW dsec.exports IS
'Guarded exports, blocked ones too; columns as in dsec.event. Records appear about a second after their export; dsec.flush_events() hurries them.';

CREATE VIEW dsec.blocked_exports AS
SELECT e.id, e.begun, e.ended, e.login_role, e.user_name, e.client_address,
	   e.application_name, e.database, e.pid, e.channel, e.recipients,
	   e.relations, e.categories, e.rows,
	   pg_catalog.split_part(e.rule, ': ', 1) AS regime,
	   pg_catalog.substr(e.rule, pg_catalog.strpos(e.rule, ': ') + 2) AS citation,
	   e.detail, e.query_id, e.folded
FROM dsec.event AS e
WHERE e.kind = 'export' AND e.decision = 'block' AND dsec.event_check_database();

COMMENT ON VIEW dsec.blocked_exports IS
'Exports that a rule refused, with regime and citation; detail says what was counted against which threshold. rows is what left before the refusal, subjects and charged what was counted before it, in rows that left or not.';

REVOKE ALL ON TABLE dsec.exports, dsec.blocked_exports FROM PUBLIC;
GRANT SELECT ON TABLE dsec.exports, dsec.blocked_exports TO dsec_auditor, dsec_officer;
