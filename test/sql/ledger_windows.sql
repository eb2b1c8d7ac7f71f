-- First day that counts today: a charge of day D counts up to and including
-- (D + months)::date, whatever the lengths of the months.
CREATE EXTENSION dsec_test_ledger;
SET datestyle = ISO;

SELECT today, test_window_start(12, 0, today) AS year, test_window_start(1, 0, today) AS month,
	test_window_start(0, 90, today) AS days, test_window_start(1, 10, today) AS both, test_window_start(0, 0, today) AS calendar
  FROM unnest('{2024-02-28,2024-02-29,2024-03-01,2024-03-31,2024-05-01,2025-02-28,2025-03-01,2025-12-31,2026-01-01,1999-12-31,1900-03-01}'::date[]) AS today;

-- against PostgreSQL's own interval arithmetic, for every day of nine years
SELECT count(*) AS days, count(*) FILTER (WHERE start <> expected) AS wrong
  FROM generate_series('2023-01-01'::timestamp, '2031-12-31', '1 day') AS d,
	generate_series(1, 13) AS months,
	LATERAL (SELECT test_window_start(months, 0, d::date) AS start,
		(SELECT min(c::date) FROM generate_series(d - months * '32 days'::interval, d, '1 day') AS c
		  WHERE (c + months * '1 month'::interval)::date >= d::date) AS expected) AS x
 WHERE extract(day FROM d) NOT IN (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25);

DROP EXTENSION dsec_test_ledger;

-- who may see and do what
SELECT relname, r.rolname, has_table_privilege(r.oid, c.oid, 'SELECT') AS reads,
	has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
  FROM pg_class AS c, pg_roles AS r
 WHERE relnamespace = 'dsec'::regnamespace AND relname IN ('ledger_info', 'ledger_block', 'lease')
   AND rolname IN ('dsec_officer', 'dsec_auditor', 'pg_read_all_settings')
 ORDER BY 1, 2;
SELECT proname, r.rolname
  FROM pg_proc AS p, pg_roles AS r
 WHERE pronamespace = 'dsec'::regnamespace
   AND proname IN ('expire_ledger', 'resolve_unattributed', 'ledger_first_day', 'ledger_changed', 'ledger_installed')
   AND rolname IN ('dsec_officer', 'dsec_auditor', 'pg_read_all_settings')
   AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
 ORDER BY 1, 2;

-- a block is what it says
\set VERBOSITY terse
INSERT INTO dsec.ledger_block (node, recipient, space, category, outside, day, n, hashes)
	VALUES ('00000000-0000-0000-0000-000000000000', 1, 's', 'c', '', '2024-01-01', 2, '\x0000000000000001');
SELECT dsec.ledger_changed();
