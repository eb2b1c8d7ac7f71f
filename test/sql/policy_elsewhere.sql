-- Any other database than the ledger's: the policy is obeyed, and not changed.

SELECT current_database() AS ledger \gset
SELECT dsec.add_recipient('policy_e', 'CN', 'covered') > 0 AS ok;
CREATE DATABASE policy_elsewhere;
\c policy_elsewhere
CREATE EXTENSION dsec;

-- refused, with the name of the database to connect to
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || ' ' || replace(detail || ' ' || hint,
		current_setting('dsec.ledger_database'), 'LEDGER');
END
$$;
SELECT pg_temp.try($$ SELECT dsec.add_recipient('x', 'US', 'covered') $$);
SELECT pg_temp.try($$ SELECT dsec.bind_role('postgres', 'policy_e') $$) = pg_temp.try($$ SELECT dsec.bind_channel('copy', NULL, 'policy_e') $$) AS same;
SELECT t, left(pg_temp.try(format(t, 'rule')), 91) FROM (VALUES
	('INSERT INTO dsec.%I DEFAULT VALUES'), ('UPDATE dsec.%I SET note = NULL'),
	('DELETE FROM dsec.%I'), ('TRUNCATE dsec.%I')) v (t);
SET session_replication_role = replica;
SELECT left(pg_temp.try('UPDATE dsec.rule SET threshold = 1000000'), 91);
RESET session_replication_role;
SELECT left(pg_temp.try('COPY dsec.space FROM PROGRAM ''echo x'''), 91);

-- what is shipped is here, and counts nowhere but there
SELECT count(*) FROM dsec.rule;
SELECT regime, category, counted, threshold, headroom, used_pct FROM dsec.exposure
	WHERE recipient = 'policy_e' AND rule < 10000 ORDER BY rule;
SELECT item, replace(value, current_setting('dsec.ledger_database'), 'LEDGER') AS value FROM dsec.status()
	WHERE item IN ('protection', 'ledger database', 'preloaded', 'worker');

\c :ledger
DROP DATABASE policy_elsewhere;
