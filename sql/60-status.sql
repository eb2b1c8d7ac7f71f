/* ------------------------------------------------------------------------
 * Asking: dsec.exposure, dsec.was_sent, dsec.status
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.exposure_rows(
	OUT recipient text, OUT regime text, OUT category text, OUT counted bigint,
	OUT unattributed bigint, OUT threshold bigint, OUT headroom bigint, OUT window_start date,
	OUT comparator text, OUT population text, OUT action text, OUT rule integer, OUT source text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED STRICT
	AS 'MODULE_PATHNAME', 'dsec_policy_exposure_rows';
COMMENT ON FUNCTION dsec.exposure_rows() IS
	'One row per recipient and rule that applies today; see dsec.exposure. Raises DS003 when there is no policy in force.';

CREATE VIEW dsec.exposure AS
	SELECT recipient, regime, category, counted, unattributed, threshold, headroom,
		   CASE WHEN threshold > 0 THEN round(100.0 * counted / threshold, 1)
				WHEN counted > 0 THEN 100.0
				ELSE 0.0 END AS used_pct,
		   window_start, comparator, population, action, rule, source
	FROM dsec.exposure_rows();
COMMENT ON VIEW dsec.exposure IS
	'What each recipient has received, against each rule that applies to it today. Current as soon as a row has left; the same in every database.';
COMMENT ON COLUMN dsec.exposure.recipient IS 'as in dsec.recipient';
COMMENT ON COLUMN dsec.exposure.regime IS 'as in dsec.regime';
COMMENT ON COLUMN dsec.exposure.category IS 'as in dsec.category';
COMMENT ON COLUMN dsec.exposure.counted IS
	'distinct subjects in the window that belong to the population, or may, plus unattributed';
COMMENT ON COLUMN dsec.exposure.unattributed IS
	'charges that a crash left without a name; none of them may be a new subject';
COMMENT ON COLUMN dsec.exposure.threshold IS 'of the rule; comparator says whether it may be reached';
COMMENT ON COLUMN dsec.exposure.headroom IS 'new subjects that may still be sent before the rule is met';
COMMENT ON COLUMN dsec.exposure.used_pct IS 'counted in percent of threshold';
COMMENT ON COLUMN dsec.exposure.window_start IS 'first day that counts today, in dsec.timezone';
COMMENT ON COLUMN dsec.exposure.comparator IS 'as in dsec.rule';
COMMENT ON COLUMN dsec.exposure.population IS 'who counts; NULL: everybody';
COMMENT ON COLUMN dsec.exposure.action IS 'as in dsec.rule; dsec.mode and dsec.unassigned say how hard';
COMMENT ON COLUMN dsec.exposure.rule IS 'id in dsec.rule';
COMMENT ON COLUMN dsec.exposure.source IS 'citation of the rule';

CREATE FUNCTION dsec.was_sent(recipient text, category text, space text, VARIADIC key "any")
	RETURNS date
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'dsec_policy_was_sent';
COMMENT ON FUNCTION dsec.was_sent(text, text, text, VARIADIC "any") IS
	'Last day (in dsec.timezone) on which data of this category about the subject with this key was sent to the recipient, or NULL. key: the values of the key columns, of their types. Raises undefined_object for an unknown recipient or category, DS003 when the ledger cannot be read.';

CREATE FUNCTION dsec.recipients_of(channel text DEFAULT NULL, target text DEFAULT NULL)
	RETURNS text[]
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'dsec_policy_recipients_of';
COMMENT ON FUNCTION dsec.recipients_of(text, text) IS
	'Names of the recipients to which this session is bound now and, when a channel is given, of those bound to the channel (copy, file, program, fdw, ...) and target. Empty: none. Raises DS003 when there is no policy in force.';

REVOKE ALL ON FUNCTION dsec.exposure_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION dsec.recipients_of(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION dsec.was_sent(text, text, text, VARIADIC "any") FROM PUBLIC;
REVOKE ALL ON dsec.exposure FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.exposure_rows() TO dsec_officer, dsec_auditor;
GRANT EXECUTE ON FUNCTION dsec.was_sent(text, text, text, VARIADIC "any") TO dsec_officer, dsec_auditor;
GRANT EXECUTE ON FUNCTION dsec.recipients_of(text, text) TO dsec_officer, dsec_auditor;
GRANT SELECT ON dsec.exposure TO dsec_officer, dsec_auditor;

/* ------------------------------------------------------------------------
 * dsec.status()
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.server_state(
	OUT preloaded boolean, OUT mode text, OUT unassigned text, OUT ledger_database text,
	OUT is_ledger boolean, OUT worker text, OUT problem text, OUT generation bigint,
	OUT current boolean, OUT recipients integer, OUT unassigned_recipients integer,
	OUT rules integer, OUT charges bigint, OUT charges_most bigint)
	LANGUAGE c VOLATILE PARALLEL RESTRICTED STRICT
	AS 'MODULE_PATHNAME', 'dsec_policy_server_state';
COMMENT ON FUNCTION dsec.server_state() IS
	'What dsec.status() says about the server, for programs. worker: absent, no ledger, standby, failed, ready; generation: number of the published policy; current: it is the committed one; charges: held in shared memory, which takes charges_most.';

CREATE FUNCTION dsec.tag_problem(category text, space text) RETURNS text
	LANGUAGE c VOLATILE PARALLEL RESTRICTED STRICT
	AS 'MODULE_PATHNAME', 'dsec_policy_tag_problem';
COMMENT ON FUNCTION dsec.tag_problem(text, text) IS
	'What is wrong with tags of this category and space as far as the policy can tell, or NULL.';

CREATE FUNCTION dsec.status(OUT item text, OUT value text, OUT advice text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s record;
	tagged bigint;
	unusable bigint;
	why text;
BEGIN
	SELECT * INTO s FROM dsec.server_state();
	SELECT count(*), count(*) FILTER (WHERE t.problem IS NOT NULL)
		INTO tagged, unusable FROM dsec.tagged_columns t;

	item := 'protection';
	IF NOT s.preloaded THEN
		value := 'NOT PROTECTED: dsec is not loaded at server start, so nothing is counted or blocked';
		advice := 'Add dsec to shared_preload_libraries and restart the server.';
	ELSIF s.mode = 'off' THEN
		value := 'NOT PROTECTED: dsec.mode is off, so nothing is counted or blocked';
		advice := 'Set dsec.mode to enforcing and reload the configuration.';
	ELSIF s.mode = 'permissive' AND (s.worker <> 'ready' OR NOT s.current) THEN
		value := 'NOT PROTECTED: the ledger cannot be used, and as dsec.mode is permissive, exports of tagged data go on uncounted';
		advice := coalesce(s.problem, 'The server log has the messages of the dsec worker.');
	ELSIF s.worker = 'no ledger' THEN
		value := 'NOT PROTECTED: there is no ledger, so reads are not counted; exports of tagged data are refused';
		advice := format('Run CREATE EXTENSION dsec in database "%s", or correct dsec.ledger_database.', s.ledger_database);
	ELSIF s.worker = 'standby' AND s.current THEN
		value := 'read-only standby: exports of tagged data are refused, other work runs';
		advice := 'Export from the primary.';
	ELSIF s.worker <> 'ready' OR NOT s.current THEN
		value := 'fail closed: exports of tagged data are refused, other work runs';
		advice := coalesce(s.problem,
			CASE s.worker WHEN 'ready' THEN 'The worker is about to publish the policy: ask again in a moment. ' ELSE '' END
			|| 'The server log has the messages of the dsec worker.');
	ELSIF tagged = 0 THEN
		value := 'ready, but no column of this database is tagged, so nothing is counted';
		advice := 'Tag columns with dsec.tag() or SECURITY LABEL FOR dsec.';
	ELSIF s.charges >= s.charges_most AND s.mode = 'permissive' THEN
		value := 'NOT PROTECTED: the ledger''s memory is full, and as dsec.mode is permissive, exports of new subjects go on uncounted';
		advice := 'Raise dsec.shared_memory and restart the server.';
	ELSIF s.charges >= s.charges_most THEN
		value := 'fail closed for new subjects: the ledger''s memory is full, so their export is refused; other work runs';
		advice := 'Raise dsec.shared_memory and restart the server.';
	ELSIF s.mode = 'permissive' THEN
		value := 'counting only: dsec.mode is permissive, so nothing is blocked';
		advice := 'Set dsec.mode to enforcing when the log shows nothing unexpected.';
	ELSE
		value := 'protected: exports of tagged data are counted, and blocked where a rule says so';
		advice := NULL;
	END IF;
	RETURN NEXT;

	item := 'mode';
	value := s.mode;
	advice := NULL;
	RETURN NEXT;

	item := 'preloaded';
	value := CASE WHEN s.preloaded THEN 'yes' ELSE 'no' END;
	RETURN NEXT;

	item := 'ledger database';
	value := s.ledger_database || CASE WHEN s.is_ledger THEN ' (this database)' ELSE '' END;
	advice := CASE WHEN NOT s.is_ledger THEN 'Rules, recipients and bindings are changed there.' END;
	RETURN NEXT;

	item := 'worker';
	value := s.worker;
	advice := s.problem;
	RETURN NEXT;

	item := 'policy';
	value := CASE WHEN s.generation = 0 THEN 'not published'
				  ELSE format('generation %s%s: %s recipients, %s rules', s.generation,
							  CASE WHEN s.current THEN '' ELSE ' (outdated)' END,
							  s.recipients, s.rules) END;
	advice := CASE WHEN s.current AND s.recipients = s.unassigned_recipients THEN
		'Add recipients with dsec.add_recipient() and bind roles to them with dsec.bind_role().' END;
	RETURN NEXT;

	item := 'memory';
	value := CASE WHEN s.charges IS NULL THEN 'none'
				  ELSE format('%s of %s charges (%s %%)', s.charges, s.charges_most,
							  100 * s.charges / s.charges_most) END;
	advice := CASE WHEN s.charges >= s.charges_most / 2 THEN
		'Raise dsec.shared_memory and restart the server: when it is full, new subjects are refused; those of unassigned recipients from two thirds on.' END;
	RETURN NEXT;

	item := 'tagged columns';
	value := tagged::text;
	advice := NULL;
	RETURN NEXT;

	item := 'versions';
	value := format('dsec %s, PostgreSQL %s',
					(SELECT extversion FROM pg_extension WHERE extname = 'dsec'),
					current_setting('server_version'));
	RETURN NEXT;

	item := 'warning';
	IF unusable > 0 THEN
		value := format('%s tagged columns cannot be exported, because their tags cannot be relied on', unusable);
		advice := 'See dsec.tagged_columns, column problem.';
		RETURN NEXT;
	END IF;
	IF s.unassigned_recipients > 0 THEN
		value := format('%s login roles have exported tagged data to nobody known', s.unassigned_recipients);
		advice := CASE WHEN s.unassigned = 'log' THEN
				'They are counted and not blocked (dsec.unassigned = log). ' ELSE '' END
			|| 'Bind them with dsec.bind_role(), backup roles to a recipient of status internal, or give their recipients in dsec.recipient a status.';
		RETURN NEXT;
	END IF;
	FOR why IN
		SELECT DISTINCT dsec.tag_problem(t.category, coalesce(t.space, ''))
		FROM dsec.tagged_columns t WHERE t.category IS NOT NULL
		ORDER BY 1
	LOOP
		CONTINUE WHEN why IS NULL;
		value := why;
		advice := CASE WHEN why LIKE 'category %' THEN
			format('Add it to dsec.category in database "%s", or correct the tag. Until then its columns cannot be exported.', s.ledger_database)
			ELSE format('They are counted all the same. The unit of a space is set in dsec.space in database "%s".', s.ledger_database) END;
		RETURN NEXT;
	END LOOP;
	IF s.is_ledger THEN
		FOR why IN
			SELECT format('role "%s", bound to recipient "%s", does not exist', b.target, b.recipient)
			FROM dsec.binding b
			WHERE b.kind = 'role'
				AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = b.role_oid OR r.rolname = b.target)
			ORDER BY 1
		LOOP
			value := why;
			advice := 'Create it, or delete the row from dsec.binding.';
			RETURN NEXT;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION dsec.status() IS
	'Whether this database is protected, what dsec works with, warnings, and what to do next. The first row is the answer. Works without preloading, and says so.';

REVOKE ALL ON FUNCTION dsec.server_state() FROM PUBLIC;
REVOKE ALL ON FUNCTION dsec.tag_problem(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION dsec.status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.server_state() TO dsec_officer, dsec_auditor;
GRANT EXECUTE ON FUNCTION dsec.tag_problem(text, text) TO dsec_officer, dsec_auditor;
GRANT EXECUTE ON FUNCTION dsec.status() TO PUBLIC;

/* ------------------------------------------------------------------------
 * Changes of the policy are events.  What has been shipped above is not.
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.policy_record_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	key text := TG_ARGV[0];
	n bigint;
	keys text;
	what text;
BEGIN
	what := TG_OP || ' of ' || quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME);
	IF TG_OP = 'TRUNCATE' THEN
		what := what || '.';
	ELSE
		EXECUTE format('SELECT count(*), left(string_agg(%1$I::text, '', '' ORDER BY %1$I), 100)'
					   ' FROM changed_rows', key)
			INTO n, keys;
		IF n = 0 THEN
			RETURN NULL;
		END IF;
		what := format('%s: %s %s, %s %s.', what, n, CASE n WHEN 1 THEN 'row' ELSE 'rows' END, key, keys);
	END IF;
	INSERT INTO dsec.event (kind, begun, ended, login_role, user_name, client_address,
							application_name, database, pid, recipients, relations,
							categories, detail, folded)
		SELECT 'change', statement_timestamp(), clock_timestamp(),
			   coalesce(a.usename::text, session_user::text),
			   coalesce(nullif(current_setting('role'), 'none'), session_user::text),
			   a.client_addr, a.application_name, current_database(), pg_backend_pid(),
			   '{}', ARRAY[quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME)], '{}',
			   what, 1
		FROM (SELECT pg_backend_pid() AS pid) p
			LEFT JOIN pg_stat_activity a ON a.pid = p.pid;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION dsec.policy_record_change() IS
	'Trigger; argument: the key column. Records in dsec.event, in the transaction that makes it, a change of the policy: table, operation, number and keys of the rows.';
REVOKE ALL ON FUNCTION dsec.policy_record_change() FROM PUBLIC;

DO $$
DECLARE
	tab text;
	op text;
BEGIN
	FOREACH tab IN ARRAY ARRAY['regime', 'category', 'space', 'rule', 'recipient', 'binding', 'agreement']
	LOOP
		FOREACH op IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']
		LOOP
			EXECUTE format('CREATE TRIGGER policy_record_%1$s AFTER %2$s ON dsec.%3$I %4$s'
				' FOR EACH STATEMENT EXECUTE FUNCTION dsec.policy_record_change(%5$L)',
				lower(op), op, tab,
				CASE op WHEN 'TRUNCATE' THEN ''
						WHEN 'DELETE' THEN 'REFERENCING OLD TABLE AS changed_rows'
						ELSE 'REFERENCING NEW TABLE AS changed_rows' END,
				CASE WHEN tab IN ('rule', 'binding', 'agreement') THEN 'id' ELSE 'name' END);
			EXECUTE format('ALTER TABLE dsec.%I ENABLE ALWAYS TRIGGER policy_record_%s', tab, lower(op));
		END LOOP;
	END LOOP;
END
$$;
