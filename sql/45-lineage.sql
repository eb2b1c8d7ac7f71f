-- what a plan reads, and how that is counted

CREATE FUNCTION dsec.plan_reads(query text)
RETURNS SETOF text
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dsec_plan_reads';
COMMENT ON FUNCTION dsec.plan_reads(text) IS
'One line for each place where the plan of a query reads tagged columns, as PostgreSQL alone would plan it: '
'relation and columns, the plan node, and "leaky" when a function that may disclose its arguments is near. '
'The query (SELECT, INSERT, UPDATE, DELETE or MERGE; one statement) is planned, not executed; '
'the caller needs the privileges to run it.';
REVOKE ALL ON FUNCTION dsec.plan_reads(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.plan_reads(text) TO dsec_officer, dsec_auditor;

CREATE FUNCTION dsec.plan_cover(query text)
RETURNS SETOF text
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dsec_plan_cover';
COMMENT ON FUNCTION dsec.plan_cover(text) IS
'One line for each place where the plan of a query reads tagged columns: how its subjects would be counted if the '
'session''s reads count (traced to the top of the plan, or charged where they are read, and why), and '
'"not covered" when the check of the finished plan would refuse it. Nothing is executed or charged; '
'the caller needs the privileges to run the query. Raises DS003 when a read can be counted in no way.';
REVOKE ALL ON FUNCTION dsec.plan_cover(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.plan_cover(text) TO dsec_officer, dsec_auditor;

CREATE FUNCTION dsec.plan_copies(query text, functions regprocedure[] DEFAULT '{}')
RETURNS SETOF text
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dsec_plan_copies';
COMMENT ON FUNCTION dsec.plan_copies(text, regprocedure[]) IS
'One line for each column that the query writes tagged data to ("#n": its n-th output column, as for CREATE TABLE AS): '
'the tagged columns it is made of, those that selected its rows, the columns that carry the subject key, and "merged" '
'when a value may hold several people''s data; then one line for each foreign server, and each of the given functions, '
'that is handed tagged data. The query may have parameters ($1); it is planned, not executed; '
'the caller needs the privileges to run it.';
REVOKE ALL ON FUNCTION dsec.plan_copies(text, regprocedure[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.plan_copies(text, regprocedure[]) TO dsec_officer, dsec_auditor;
