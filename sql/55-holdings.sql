/* ------------------------------------------------------------------------
 * Holdings: what this database holds, counted by dsec.refresh_holdings().
 *
 * Derived data: pg_dump leaves it out, and so no keyed hash gets into a dump.
 * ------------------------------------------------------------------------ */

CREATE TABLE dsec.holding_run (
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	started timestamptz NOT NULL DEFAULT clock_timestamp(),
	started_by text NOT NULL,
	key_number bigint NOT NULL,
	finished timestamptz
);
COMMENT ON TABLE dsec.holding_run IS
	'Runs of dsec.refresh_holdings(): the last one that was finished, and one that is under way or was broken off.';
COMMENT ON COLUMN dsec.holding_run.id IS 'number of the run';
COMMENT ON COLUMN dsec.holding_run.started IS 'begin of its first call';
COMMENT ON COLUMN dsec.holding_run.started_by IS 'login role of its first call';
COMMENT ON COLUMN dsec.holding_run.key_number IS
	'by which the key of the hashes in dsec.holding_part is known; the key cannot be found from it';
COMMENT ON COLUMN dsec.holding_run.finished IS
	'NULL: the next call of dsec.refresh_holdings() takes it up';

CREATE TABLE dsec.holding_table (
	run bigint NOT NULL REFERENCES dsec.holding_run ON DELETE CASCADE,
	relation oid NOT NULL,
	name text NOT NULL,
	bytes bigint NOT NULL,
	rows bigint NOT NULL,
	counted timestamptz NOT NULL,
	tags bigint NOT NULL,
	problem text,
	PRIMARY KEY (run, relation)
);
COMMENT ON TABLE dsec.holding_table IS 'Tables that a run has counted.';
COMMENT ON COLUMN dsec.holding_table.run IS 'id in dsec.holding_run';
COMMENT ON COLUMN dsec.holding_table.relation IS 'OID of the table';
COMMENT ON COLUMN dsec.holding_table.name IS 'its name when it was counted';
COMMENT ON COLUMN dsec.holding_table.bytes IS 'its size on disk with TOAST, without indexes, in bytes';
COMMENT ON COLUMN dsec.holding_table.rows IS 'rows read';
COMMENT ON COLUMN dsec.holding_table.counted IS 'as of when: time of the snapshot';
COMMENT ON COLUMN dsec.holding_table.tags IS 'number that changes with the tags of the table';
COMMENT ON COLUMN dsec.holding_table.problem IS
	'why the table is not counted in full: an error with its SQLSTATE, or a problem of a tag; NULL: nothing';

CREATE TABLE dsec.holding_column (
	run bigint NOT NULL,
	relation oid NOT NULL,
	category text NOT NULL,
	space text NOT NULL,
	columns integer NOT NULL,
	PRIMARY KEY (run, relation, category, space),
	FOREIGN KEY (run, relation) REFERENCES dsec.holding_table ON DELETE CASCADE
);
COMMENT ON TABLE dsec.holding_column IS 'Tagged columns of the tables that a run has counted.';
COMMENT ON COLUMN dsec.holding_column.run IS 'id in dsec.holding_run';
COMMENT ON COLUMN dsec.holding_column.relation IS 'OID of the table';
COMMENT ON COLUMN dsec.holding_column.category IS 'of the tags';
COMMENT ON COLUMN dsec.holding_column.space IS 'of the tags';
COMMENT ON COLUMN dsec.holding_column.columns IS 'number of columns';

CREATE TABLE dsec.holding_part (
	run bigint NOT NULL REFERENCES dsec.holding_run ON DELETE CASCADE,
	categories text[] NOT NULL,
	space text NOT NULL,
	outside text[] NOT NULL,
	n integer NOT NULL CHECK (n > 0),
	hashes bytea NOT NULL CHECK (octet_length(hashes) = 8 * n)
);
ALTER TABLE dsec.holding_part ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE INDEX holding_part_run ON dsec.holding_part (run);
COMMENT ON TABLE dsec.holding_part IS
	'Subjects that a run under way has counted, so that it can be taken up when it is broken off; deleted when it is finished.';
COMMENT ON COLUMN dsec.holding_part.run IS 'id in dsec.holding_run';
COMMENT ON COLUMN dsec.holding_part.categories IS
	'categories of which a row holds something about these subjects';
COMMENT ON COLUMN dsec.holding_part.space IS 'subject space';
COMMENT ON COLUMN dsec.holding_part.outside IS
	'populations these subjects are known not to belong to';
COMMENT ON COLUMN dsec.holding_part.n IS 'number of subjects';
COMMENT ON COLUMN dsec.holding_part.hashes IS
	'keyed 64-bit hashes of the subjects, 8 bytes each, big-endian, in no order';

CREATE TABLE dsec.holding (
	run bigint NOT NULL REFERENCES dsec.holding_run ON DELETE CASCADE,
	category text NOT NULL,
	space text NOT NULL,
	population text,
	subjects bigint NOT NULL,
	tables integer NOT NULL,
	columns integer NOT NULL,
	bytes bigint NOT NULL
);
CREATE UNIQUE INDEX holding_once ON dsec.holding (run, category, space, coalesce(population, ''));
COMMENT ON TABLE dsec.holding IS 'What the last run has found; see dsec.holdings.';
COMMENT ON COLUMN dsec.holding.run IS 'id in dsec.holding_run';
COMMENT ON COLUMN dsec.holding.category IS 'category of a tag, or an ancestor of one';
COMMENT ON COLUMN dsec.holding.space IS 'subject space';
COMMENT ON COLUMN dsec.holding.population IS
	'NULL: everybody is counted; otherwise without those known not to belong to it. A population without a row: everybody belongs to it, or may';
COMMENT ON COLUMN dsec.holding.subjects IS 'distinct subjects';
COMMENT ON COLUMN dsec.holding.tables IS 'as in dsec.holdings';
COMMENT ON COLUMN dsec.holding.columns IS 'as in dsec.holdings';
COMMENT ON COLUMN dsec.holding.bytes IS 'as in dsec.holdings';

REVOKE ALL ON dsec.holding_run, dsec.holding_table, dsec.holding_column, dsec.holding_part,
	dsec.holding FROM PUBLIC;
GRANT SELECT ON dsec.holding_run, dsec.holding_table, dsec.holding_column, dsec.holding
	TO dsec_officer, dsec_auditor;

CREATE PROCEDURE dsec.refresh_holdings(restart boolean DEFAULT false)
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'dsec_refresh_holdings';
COMMENT ON PROCEDURE dsec.refresh_holdings(boolean) IS
	'Counts what this database holds, for dsec.holdings: reads every table with a tagged column, each in a transaction of its own. One that was broken off is taken up, unless restart is true or a table counted by then is gone or tagged otherwise. For members of dsec_officer; row security and privileges on the tables do not make the count smaller. Settings dsec.holdings_cost_delay and dsec.holdings_cost_limit slow it down. Raises 25001 inside a transaction block, 55006 while another session counts, DS003 without a ledger; a table that cannot be read makes a WARNING, and the view say so.';
REVOKE ALL ON PROCEDURE dsec.refresh_holdings(boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE dsec.refresh_holdings(boolean) TO dsec_officer;

CREATE FUNCTION dsec.holdings_progress_rows(
	OUT pid integer, OUT run bigint, OUT relation regclass, OUT tables_done integer,
	OUT tables integer, OUT pages_done bigint, OUT pages bigint, OUT rows bigint,
	OUT started timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL SAFE STRICT ROWS 1
	AS 'MODULE_PATHNAME', 'dsec_holdings_progress_rows';
COMMENT ON FUNCTION dsec.holdings_progress_rows() IS
	'rows of the view dsec.holdings_progress, from shared memory; none when dsec is not preloaded';

CREATE VIEW dsec.holdings_progress AS
	SELECT pid, run, relation, tables_done, tables, pages_done, pages, rows, started
	FROM dsec.holdings_progress_rows();
COMMENT ON VIEW dsec.holdings_progress IS
	'How far dsec.refresh_holdings() is in this database; no row: it does not run.';
COMMENT ON COLUMN dsec.holdings_progress.pid IS 'process that counts; pg_cancel_backend(pid) breaks it off';
COMMENT ON COLUMN dsec.holdings_progress.run IS 'id in dsec.holding_run';
COMMENT ON COLUMN dsec.holdings_progress.relation IS 'table that is read now; NULL: before the first, or after the last';
COMMENT ON COLUMN dsec.holdings_progress.tables_done IS 'tables counted, those of earlier calls of the run included';
COMMENT ON COLUMN dsec.holdings_progress.tables IS 'tables to count in all';
COMMENT ON COLUMN dsec.holdings_progress.pages_done IS 'pages of this table with rows that have been read';
COMMENT ON COLUMN dsec.holdings_progress.pages IS 'pages of this table, of the size block_size';
COMMENT ON COLUMN dsec.holdings_progress.rows IS 'rows of this table read so far';
COMMENT ON COLUMN dsec.holdings_progress.started IS 'begin of this call';

CREATE FUNCTION dsec.rules_in_force(
	OUT rule integer, OUT regime text, OUT category text, OUT comparator text,
	OUT threshold bigint, OUT unit text, OUT population text, OUT source text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED STRICT
	AS 'MODULE_PATHNAME', 'dsec_policy_rule_rows';
COMMENT ON FUNCTION dsec.rules_in_force() IS
	'Rules that are valid today (in dsec.timezone), whichever recipients they apply to, in every database; columns as in dsec.rule. Raises DS003 when there is no policy in force.';

CREATE VIEW dsec.holdings_rules AS
	WITH run AS (
		SELECT r.id, coalesce(min(t.counted), r.started) AS as_of,
			   count(t.problem) = 0 AS complete
		FROM dsec.holding_run r LEFT JOIN dsec.holding_table t ON t.run = r.id
		WHERE r.finished IS NOT NULL
		GROUP BY r.id)
	SELECT f.rule, f.regime, f.category, f.comparator, f.threshold, f.unit, f.population,
		   stock.subjects,
		   CASE f.comparator WHEN '>' THEN stock.subjects > f.threshold
				ELSE stock.subjects >= f.threshold END AS met,
		   run.as_of, run.complete, f.source
	FROM run CROSS JOIN dsec.rules_in_force() f
		 CROSS JOIN LATERAL (
			SELECT coalesce(sum(coalesce(p.subjects, h.subjects)), 0)::bigint AS subjects
			FROM dsec.holding h
				 LEFT JOIN dsec.holding p
					ON p.run = h.run AND p.category = h.category AND p.space = h.space
					   AND p.population = f.population
			WHERE h.run = run.id AND h.category = f.category AND h.population IS NULL) stock;
COMMENT ON VIEW dsec.holdings_rules IS
	'Every rule in force against what this database holds of its category, in all spaces together, as the ledger counts it. No row before the first dsec.refresh_holdings() has come to its end.';
COMMENT ON COLUMN dsec.holdings_rules.rule IS 'id in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.regime IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.category IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.comparator IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.threshold IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.unit IS 'as in dsec.rule; subjects of spaces of another unit are counted all the same';
COMMENT ON COLUMN dsec.holdings_rules.population IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.holdings_rules.subjects IS
	'distinct subjects held that belong to the population, or may; with several spaces, their sum';
COMMENT ON COLUMN dsec.holdings_rules.met IS 'whether the stock is over the line: more than, or at least, the threshold';
COMMENT ON COLUMN dsec.holdings_rules.as_of IS 'as in dsec.holdings';
COMMENT ON COLUMN dsec.holdings_rules.complete IS 'as in dsec.holdings';
COMMENT ON COLUMN dsec.holdings_rules.source IS 'citation of the rule';

CREATE VIEW dsec.holdings AS
	WITH rules AS (
		SELECT category, array_agg(format('%s: %s %s', regime, comparator, threshold)
								   || coalesce(' ' || population, '') || format(' (%s)', source)
								   ORDER BY rule) AS rules
		FROM dsec.holdings_rules WHERE met GROUP BY category),
	run AS (
		SELECT r.id, coalesce(min(t.counted), r.started) AS as_of,
			   count(t.problem) = 0 AS complete
		FROM dsec.holding_run r LEFT JOIN dsec.holding_table t ON t.run = r.id
		WHERE r.finished IS NOT NULL
		GROUP BY r.id)
	SELECT h.category, h.space, h.subjects, h.tables, h.columns, h.bytes,
		   run.as_of, run.complete, coalesce(rules.rules, '{}') AS rules
	FROM run JOIN dsec.holding h ON h.run = run.id
		 LEFT JOIN rules ON rules.category = h.category
	WHERE h.population IS NULL;
COMMENT ON VIEW dsec.holdings IS
	'What this database held when CALL dsec.refresh_holdings() last came to its end, by category and subject space.';
COMMENT ON COLUMN dsec.holdings.category IS
	'category of a tag, or a wider one that contains it; what is counted for the narrower is counted for the wider, too';
COMMENT ON COLUMN dsec.holdings.space IS 'subject space';
COMMENT ON COLUMN dsec.holdings.subjects IS
	'distinct subjects about whom at least one column of the category is not NULL; a row without a subject key is a subject of its own';
COMMENT ON COLUMN dsec.holdings.tables IS
	'tables with columns of the category, each partition for itself; foreign and temporary tables are not counted';
COMMENT ON COLUMN dsec.holdings.columns IS 'tagged columns in these tables';
COMMENT ON COLUMN dsec.holdings.bytes IS
	'size on disk of these tables with TOAST, without indexes; their other columns included';
COMMENT ON COLUMN dsec.holdings.as_of IS 'when the first table was read; the others were read after it';
COMMENT ON COLUMN dsec.holdings.complete IS
	'false: a table could not be counted in full, so more is held; dsec.holdings_tables says which and why';
COMMENT ON COLUMN dsec.holdings.rules IS
	'rules in force that the stock of the category, in all spaces together, is over; dsec.holdings_rules has the counts';

CREATE VIEW dsec.holdings_tables AS
	SELECT t.name, t.relation, t.rows, t.bytes, t.counted, t.problem
	FROM dsec.holding_table t JOIN dsec.holding_run r ON r.id = t.run
	WHERE r.finished IS NOT NULL;
COMMENT ON VIEW dsec.holdings_tables IS 'The tables behind dsec.holdings.';
COMMENT ON COLUMN dsec.holdings_tables.name IS 'name when it was counted';
COMMENT ON COLUMN dsec.holdings_tables.relation IS 'OID';
COMMENT ON COLUMN dsec.holdings_tables.rows IS 'rows read';
COMMENT ON COLUMN dsec.holdings_tables.bytes IS 'size on disk with TOAST, without indexes, in bytes';
COMMENT ON COLUMN dsec.holdings_tables.counted IS 'as of when';
COMMENT ON COLUMN dsec.holdings_tables.problem IS 'why it is not counted in full; NULL: it is';

REVOKE ALL ON FUNCTION dsec.holdings_progress_rows(), dsec.rules_in_force() FROM PUBLIC;
REVOKE ALL ON dsec.holdings, dsec.holdings_rules, dsec.holdings_tables, dsec.holdings_progress
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.holdings_progress_rows(), dsec.rules_in_force()
	TO dsec_officer, dsec_auditor;
GRANT SELECT ON dsec.holdings, dsec.holdings_rules, dsec.holdings_tables, dsec.holdings_progress
	TO dsec_officer, dsec_auditor;
