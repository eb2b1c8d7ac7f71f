/* ------------------------------------------------------------------------
 * Ledger.  In the ledger database the worker writes these tables, and nobody
 * else; in other databases they stay empty.
 * ------------------------------------------------------------------------ */

CREATE TABLE dsec.ledger_info (
	id			uuid PRIMARY KEY,
	created		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	key_check	bytea NOT NULL
);
COMMENT ON TABLE dsec.ledger_info IS
	'The ledger itself: its number, and a check value by which the key file is known. The oldest row counts.';
COMMENT ON COLUMN dsec.ledger_info.key_check IS
	'BLAKE2b of the number under the key, 16 bytes; the key cannot be found from it';

CREATE TABLE dsec.ledger_block (
	node		uuid NOT NULL,
	recipient	integer NOT NULL,
	space		text NOT NULL,
	category	text NOT NULL,
	outside		text NOT NULL,
	day			date NOT NULL,
	n			integer NOT NULL CHECK (n > 0),
	hashes		bytea NOT NULL CHECK (pg_catalog.octet_length(hashes) = 8 * n),
	written		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
ALTER TABLE dsec.ledger_block ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE INDEX ledger_block_recipient_day ON dsec.ledger_block (recipient, day);
CREATE INDEX ledger_block_small ON dsec.ledger_block
	(node, recipient, space, category, outside, day) WHERE n < 1024;
COMMENT ON TABLE dsec.ledger_block IS
	'Append-only (small blocks of days gone by are merged): subjects that a recipient was charged with on one day. A subject may stand in several blocks.';
COMMENT ON COLUMN dsec.ledger_block.node IS 'number of the ledger that wrote the block';
COMMENT ON COLUMN dsec.ledger_block.outside IS
	'populations these subjects are known not to belong to, sorted, comma-separated';
COMMENT ON COLUMN dsec.ledger_block.day IS 'day of the charge in dsec.timezone';
COMMENT ON COLUMN dsec.ledger_block.n IS 'number of subjects';
COMMENT ON COLUMN dsec.ledger_block.hashes IS
	'keyed 64-bit hashes of the subjects, ascending, 8 bytes each, big-endian';

CREATE TABLE dsec.lease (
	id				uuid PRIMARY KEY,
	recipient		integer NOT NULL,
	category		text NOT NULL,
	day				date NOT NULL,
	granted			bigint NOT NULL CHECK (granted >= 0),
	settled			bigint NOT NULL CHECK (settled >= 0),
	opened			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	closed			timestamptz,
	unattributed	bigint NOT NULL DEFAULT 0 CHECK (unattributed >= 0),
	resolved		timestamptz,
	resolved_by		name,
	resolved_note	text
);
CREATE INDEX lease_open ON dsec.lease (recipient) WHERE closed IS NULL;
CREATE INDEX lease_unattributed ON dsec.lease (recipient, category)
	WHERE unattributed > 0;
COMMENT ON TABLE dsec.lease IS
	'Journal allowance: how many charges of a recipient and category may be made before they stand in blocks. One row per recipient, category, day and run of the server.';
COMMENT ON COLUMN dsec.lease.granted IS 'charges that may be made; grows while the lease is open';
COMMENT ON COLUMN dsec.lease.settled IS 'charges that stand in blocks';
COMMENT ON COLUMN dsec.lease.closed IS 'NULL: the lease is open, or the server that opened it has crashed and not come back';
COMMENT ON COLUMN dsec.lease.unattributed IS
	'charges that a crash may have left without a block; they count against the recipient until resolved';
COMMENT ON COLUMN dsec.lease.resolved IS 'when an officer declared the unattributed charges accounted for';

REVOKE ALL ON dsec.ledger_info, dsec.ledger_block, dsec.lease FROM PUBLIC;
GRANT SELECT ON dsec.ledger_info, dsec.ledger_block, dsec.lease
	TO dsec_officer, dsec_auditor;

SELECT pg_catalog.pg_extension_config_dump('dsec.ledger_info', '');
SELECT pg_catalog.pg_extension_config_dump('dsec.ledger_block', '');
SELECT pg_catalog.pg_extension_config_dump('dsec.lease', '');

CREATE FUNCTION dsec.ledger_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'dsec_ledger_changed';
COMMENT ON FUNCTION dsec.ledger_changed() IS
	'internal: has the worker read tables again that pg_restore or an officer has written';
REVOKE ALL ON FUNCTION dsec.ledger_changed() FROM PUBLIC;

CREATE TRIGGER changed AFTER INSERT OR UPDATE ON dsec.ledger_info
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.ledger_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON dsec.ledger_block
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.ledger_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON dsec.lease
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.ledger_changed();
ALTER TABLE dsec.ledger_info ENABLE ALWAYS TRIGGER changed;
ALTER TABLE dsec.ledger_block ENABLE ALWAYS TRIGGER changed;
ALTER TABLE dsec.lease ENABLE ALWAYS TRIGGER changed;

CREATE FUNCTION dsec.ledger_first_day() RETURNS date
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'dsec_ledger_first_day';
COMMENT ON FUNCTION dsec.ledger_first_day() IS
	'first day whose charges count today in any window in force; DS003 when the ledger cannot be used';
REVOKE ALL ON FUNCTION dsec.ledger_first_day() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.ledger_first_day() TO dsec_officer, dsec_auditor;

CREATE FUNCTION dsec.expire_ledger(before date) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first_day CONSTANT date := dsec.ledger_first_day();
	subjects bigint;
BEGIN
	IF before IS NULL OR before > first_day THEN
		RAISE EXCEPTION 'charges that count in a window in force cannot be expired'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('The widest window begins on %s.', first_day),
				HINT = 'Give that day or an earlier one.';
	END IF;
	DELETE FROM dsec.lease
	 WHERE day < before AND closed IS NOT NULL
	   AND (unattributed = 0 OR resolved IS NOT NULL);
	WITH expired AS (
		DELETE FROM dsec.ledger_block WHERE day < before RETURNING n)
	SELECT coalesce(sum(n), 0) INTO subjects FROM expired;
	RETURN subjects;
END
$$;
COMMENT ON FUNCTION dsec.expire_ledger(date) IS
	'deletes charges of days before the given one, and closed leases; returns how many charges; refuses days that count in a window in force';
REVOKE ALL ON FUNCTION dsec.expire_ledger(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.expire_ledger(date) TO dsec_officer;

CREATE FUNCTION dsec.resolve_unattributed(recipient text, category text, note text)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	recipient_id integer;
	amount bigint;
BEGIN
	SELECT r.id INTO recipient_id FROM dsec.recipient AS r WHERE r.name = $1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'recipient "%" does not exist', $1
			USING ERRCODE = 'undefined_object';
	END IF;
	IF coalesce(btrim($3), '') = '' THEN
		RAISE EXCEPTION 'a note is needed'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say from which evidence the unattributed charges are known.';
	END IF;
	WITH now_resolved AS (
		UPDATE dsec.lease AS l
		   SET resolved = clock_timestamp(), resolved_by = session_user, resolved_note = $3
		 WHERE l.recipient = recipient_id AND l.category = $2
		   AND l.unattributed > 0 AND l.closed IS NOT NULL AND l.resolved IS NULL
		RETURNING l.unattributed)
	SELECT coalesce(sum(unattributed), 0) INTO amount FROM now_resolved;
	RETURN amount;
END
$$;
COMMENT ON FUNCTION dsec.resolve_unattributed(text, text, text) IS
	'declares a recipient''s unattributed charges of a category accounted for, with a note on the evidence; returns how many; takes effect at commit';
REVOKE ALL ON FUNCTION dsec.resolve_unattributed(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dsec.resolve_unattributed(text, text, text) TO dsec_officer;

CREATE FUNCTION dsec.ledger_installed() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'dsec_ledger_installed';
COMMENT ON FUNCTION dsec.ledger_installed() IS
	'internal: has the worker look for the extension when the install script has been committed';
REVOKE ALL ON FUNCTION dsec.ledger_installed() FROM PUBLIC;
SELECT dsec.ledger_installed();
