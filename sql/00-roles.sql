/* ------------------------------------------------------------------------
 * Roles.  Cluster-wide, so another database may have made them already.
 * ------------------------------------------------------------------------ */

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dsec_officer') THEN
		CREATE ROLE dsec_officer NOLOGIN;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dsec_auditor') THEN
		CREATE ROLE dsec_auditor NOLOGIN;
	END IF;
END
$$;

GRANT USAGE ON SCHEMA dsec TO PUBLIC;
