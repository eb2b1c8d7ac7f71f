/* ------------------------------------------------------------------------
 * What became of tags.  In every database that has the extension.
 * ------------------------------------------------------------------------ */

CREATE TABLE dsec.tag_history (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         timestamptz NOT NULL,
	login_role text NOT NULL,
	user_name  text NOT NULL,
	classid    oid NOT NULL,
	objid      oid NOT NULL,
	objsubid   integer NOT NULL,
	object     text NOT NULL,
	action     text NOT NULL,
	tag_before text,
	tag_after  text,
	why        text
);

-- as for dsec.event: numbers of restored rows must not come again
SELECT pg_catalog.setval('dsec.tag_history_id_seq',
	(1000000 * EXTRACT(epoch FROM pg_catalog.clock_timestamp()))::bigint);

CREATE INDEX tag_history_object_idx ON dsec.tag_history (objid, objsubid);

COMMENT ON TABLE dsec.tag_history IS
'One row per tag set, changed, cleared, propagated to a copy, or dropped with its object; written in the same transaction, at its end: neither others nor the transaction itself see it before the commit, and nothing is left of what was rolled back. Only grows. Names and tags, never values.';
COMMENT ON COLUMN dsec.tag_history.id IS 'Number; begins at the microsecond since 1970 at which the table was made. Gaps mean transactions that were rolled back.';
COMMENT ON COLUMN dsec.tag_history.at IS 'When the tag was set, in the transaction.';
COMMENT ON COLUMN dsec.tag_history.login_role IS 'Session user.';
COMMENT ON COLUMN dsec.tag_history.user_name IS 'Current role (after SET ROLE, inside SECURITY DEFINER).';
COMMENT ON COLUMN dsec.tag_history.classid IS 'Catalog of the object, as in pg_seclabel.classoid.';
COMMENT ON COLUMN dsec.tag_history.objid IS 'OID of the object. A restored database has other OIDs; the name tells there.';
COMMENT ON COLUMN dsec.tag_history.objsubid IS 'Number of the column; 0 for the object itself.';
COMMENT ON COLUMN dsec.tag_history.object IS 'Name of the object at that time.';
COMMENT ON COLUMN dsec.tag_history.action IS 'set, changed, cleared: a label by hand, or by ALTER TABLE; propagated: the tag followed tagged data; not tagged: it should have, and dsec.copies = log; dropped: with its object.';
COMMENT ON COLUMN dsec.tag_history.tag_before IS 'Label before; NULL: none of its own.';
COMMENT ON COLUMN dsec.tag_history.tag_after IS 'Label after; NULL: none.';
COMMENT ON COLUMN dsec.tag_history.why IS 'Where a tag came from that was not set by hand: the kind of statement and the columns that were its source.';

CREATE FUNCTION dsec.tag_history_refuse_change()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'dsec_tag_history_refuse_change';

REVOKE ALL ON FUNCTION dsec.tag_history_refuse_change() FROM PUBLIC;
COMMENT ON FUNCTION dsec.tag_history_refuse_change() IS
'Trigger of dsec.tag_history: raises insufficient_privilege on UPDATE, DELETE and TRUNCATE, for superusers too.';

CREATE TRIGGER tag_history_only_grows
	BEFORE UPDATE OR DELETE OR TRUNCATE ON dsec.tag_history
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.tag_history_refuse_change();

ALTER TABLE dsec.tag_history ENABLE ALWAYS TRIGGER tag_history_only_grows;

REVOKE ALL ON TABLE dsec.tag_history FROM PUBLIC;
GRANT SELECT ON TABLE dsec.tag_history TO dsec_auditor, dsec_officer;

SELECT pg_catalog.pg_extension_config_dump('dsec.tag_history', '');
