/* ------------------------------------------------------------------------
 * Functions that send data away.  Like tags, they belong to their database.
 * ------------------------------------------------------------------------ */

CREATE TABLE dsec.egress_function (
	name text COLLATE "C" PRIMARY KEY
		CONSTRAINT egress_function_name_is_not_empty CHECK (name <> ''),
	library text COLLATE "C",
	symbol text COLLATE "C",
	language text COLLATE "C",
	extension text COLLATE "C",
	function text COLLATE "C",
	channel text COLLATE "C" NOT NULL DEFAULT 'function'
		CONSTRAINT egress_function_channel_is_not_empty CHECK (channel <> ''),
	target text COLLATE "C"
		CONSTRAINT egress_function_target_is_not_empty CHECK (target <> ''),
	enabled boolean NOT NULL DEFAULT true,
	note text NOT NULL DEFAULT '',
	source text NOT NULL DEFAULT '',
	origin text NOT NULL DEFAULT 'officer'
		CONSTRAINT egress_function_origin_is_shipped_or_officer CHECK (origin IN ('shipped', 'officer')),
	CONSTRAINT egress_function_names_functions
		CHECK (num_nonnulls(library, language, extension, function) > 0)
);

COMMENT ON TABLE dsec.egress_function IS
	'Functions of this database that send their arguments away. When a tagged column reaches one, the row is charged before the call, to whom (channel, target) is bound to. A function matches a row when it has all that the row gives. Rows with origin "officer" are kept by pg_dump; a shipped row that an officer changes becomes one of them.';
COMMENT ON COLUMN dsec.egress_function.name IS 'Name of the row.';
COMMENT ON COLUMN dsec.egress_function.library IS
	'Library that implements the function, without directory and suffix; "internal" for what is built in.';
COMMENT ON COLUMN dsec.egress_function.symbol IS
	'Symbol in the library; of a function that is not in a library, its name without schema. NULL: any.';
COMMENT ON COLUMN dsec.egress_function.language IS 'Language of the function.';
COMMENT ON COLUMN dsec.egress_function.extension IS 'Extension that the function is a member of.';
COMMENT ON COLUMN dsec.egress_function.function IS
	'The function as schema.name, or as schema.name(type,type) with types as PostgreSQL shows them with their schemas, without quotes in the first form.';
COMMENT ON COLUMN dsec.egress_function.channel IS 'Channel, as in dsec.bind_channel.';
COMMENT ON COLUMN dsec.egress_function.target IS
	'Target of the channel, as in dsec.bind_channel. NULL: the function, as schema.name.';
COMMENT ON COLUMN dsec.egress_function.enabled IS 'false: functions that match this row only send nothing that matters.';
COMMENT ON COLUMN dsec.egress_function.note IS 'Where the data goes.';
COMMENT ON COLUMN dsec.egress_function.source IS 'Where that is documented.';
COMMENT ON COLUMN dsec.egress_function.origin IS '"shipped" with dsec, or an officer''s.';

SELECT pg_catalog.pg_extension_config_dump('dsec.egress_function', 'WHERE origin <> ''shipped''');

CREATE FUNCTION dsec.egress_changed() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'dsec_egress_changed';
COMMENT ON FUNCTION dsec.egress_changed() IS
	'Trigger of dsec.egress_function: has every session look at it again, and plan anew.';
REVOKE ALL ON FUNCTION dsec.egress_changed() FROM PUBLIC;

CREATE TRIGGER egress_keep_origin BEFORE INSERT OR UPDATE OR DELETE ON dsec.egress_function
	FOR EACH ROW EXECUTE FUNCTION dsec.policy_keep_origin('name');
ALTER TABLE dsec.egress_function ENABLE ALWAYS TRIGGER egress_keep_origin;
CREATE TRIGGER egress_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON dsec.egress_function
	FOR EACH STATEMENT EXECUTE FUNCTION dsec.egress_changed();
ALTER TABLE dsec.egress_function ENABLE ALWAYS TRIGGER egress_changed;

GRANT SELECT ON dsec.egress_function TO dsec_officer, dsec_auditor;
GRANT INSERT, UPDATE, DELETE ON dsec.egress_function TO dsec_officer;

INSERT INTO dsec.egress_function (name, library, symbol, language, extension, target, note, source, origin) VALUES
	('dblink', 'dblink', NULL, NULL, NULL, 'dblink',
		'SQL text and connection strings go to another server',
		'https://www.postgresql.org/docs/15/dblink.html', 'shipped'),
	('pg_notify', 'internal', 'pg_notify', NULL, NULL, 'pg_notify',
		'the payload goes to whoever listens',
		'https://www.postgresql.org/docs/15/sql-notify.html', 'shipped'),
	('tcn', 'tcn', NULL, NULL, NULL, 'pg_notify',
		'a trigger that sends primary keys to whoever listens',
		'https://www.postgresql.org/docs/15/tcn.html', 'shipped'),
	('pg_logical_emit_message text', 'internal', 'pg_logical_emit_message_text', NULL, NULL, 'pg_logical_emit_message',
		'text goes into the WAL, to whoever decodes it',
		'https://www.postgresql.org/docs/15/functions-admin.html', 'shipped'),
	('pg_logical_emit_message bytea', 'internal', 'pg_logical_emit_message_bytea', NULL, NULL, 'pg_logical_emit_message',
		'bytes go into the WAL, to whoever decodes it',
		'https://www.postgresql.org/docs/15/functions-admin.html', 'shipped'),
	('lo_from_bytea', 'internal', 'be_lo_from_bytea', NULL, NULL, 'large object',
		'bytes go into a large object, which carries no tag',
		'https://www.postgresql.org/docs/15/lo-funcs.html', 'shipped'),
	('lo_put', 'internal', 'be_lo_put', NULL, NULL, 'large object',
		'bytes go into a large object, which carries no tag',
		'https://www.postgresql.org/docs/15/lo-funcs.html', 'shipped'),
	('lowrite', 'internal', 'be_lowrite', NULL, NULL, 'large object',
		'bytes go into a large object, which carries no tag',
		'https://www.postgresql.org/docs/15/lo-interfaces.html', 'shipped'),
	('lo_export', 'internal', 'be_lo_export', NULL, NULL, 'large object',
		'a file on the server, named by an argument',
		'https://www.postgresql.org/docs/15/lo-funcs.html', 'shipped'),
	('adminpack file_write', 'adminpack', 'pg_file_write', NULL, NULL, 'file',
		'a file on the server',
		'https://www.postgresql.org/docs/15/adminpack.html', 'shipped'),
	('adminpack file_write_v1_1', 'adminpack', 'pg_file_write_v1_1', NULL, NULL, 'file',
		'a file on the server',
		'https://www.postgresql.org/docs/15/adminpack.html', 'shipped'),
	('http', 'http', NULL, NULL, NULL, 'http',
		'any web server',
		'https://github.com/pramsey/pgsql-http', 'shipped'),
	('http members', NULL, NULL, NULL, 'http', 'http',
		'functions in SQL around those in C',
		'https://github.com/pramsey/pgsql-http', 'shipped'),
	('pg_net', NULL, NULL, NULL, 'pg_net', 'pg_net',
		'requests that a background worker sends to any web server',
		'https://github.com/supabase/pg_net', 'shipped'),
	('aws_s3', NULL, NULL, NULL, 'aws_s3', 'aws_s3',
		'objects in S3; the query is a text, and what it reads is charged as it runs',
		'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/postgresql-s3-export-functions.html', 'shipped'),
	('aws_lambda', NULL, NULL, NULL, 'aws_lambda', 'aws_lambda',
		'functions in AWS Lambda',
		'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL-Lambda.html', 'shipped'),
	('aws_ml', NULL, NULL, NULL, 'aws_ml', 'aws_ml',
		'AWS services of machine learning',
		'https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/postgresql-ml.html', 'shipped'),
	('azure_storage', NULL, NULL, NULL, 'azure_storage', 'azure_storage',
		'blobs in Azure',
		'https://learn.microsoft.com/en-us/azure/postgresql/extensions/how-to-use-pg-azure-storage', 'shipped'),
	('azure_ai', NULL, NULL, NULL, 'azure_ai', 'azure_ai',
		'AI services of Azure',
		'https://learn.microsoft.com/en-us/azure/postgresql/azure-ai/generative-ai-azure-overview', 'shipped'),
	('google_ml_integration', NULL, NULL, NULL, 'google_ml_integration', 'google_ml_integration',
		'AI services of Google Cloud',
		'https://cloud.google.com/sql/docs/postgres/integrate-cloud-sql-with-vertex-ai', 'shipped'),
	('ai', NULL, NULL, NULL, 'ai', 'ai',
		'providers of language models (pgai)',
		'https://github.com/timescale/pgai', 'shipped'),
	('pg_kafka', NULL, NULL, NULL, 'pg_kafka', 'pg_kafka',
		'a Kafka broker',
		'https://github.com/xstevens/pg_kafka', 'shipped'),
	('amqp', NULL, NULL, NULL, 'amqp', 'amqp',
		'an AMQP broker',
		'https://github.com/omniti-labs/pg_amqp', 'shipped'),
	('pg_background', 'pg_background', NULL, NULL, NULL, 'pg_background',
		'SQL text that a session of its own runs, outside of this transaction',
		'https://github.com/vibhorkum/pg_background', 'shipped'),
	('orafce utl_file', 'orafce', 'utl_file_put', NULL, NULL, 'file',
		'a file on the server',
		'https://github.com/orafce/orafce', 'shipped'),
	('orafce utl_file line', 'orafce', 'utl_file_put_line', NULL, NULL, 'file',
		'a file on the server',
		'https://github.com/orafce/orafce', 'shipped'),
	('orafce utl_file format', 'orafce', 'utl_file_putf', NULL, NULL, 'file',
		'a file on the server',
		'https://github.com/orafce/orafce', 'shipped'),
	('plsh', NULL, NULL, 'plsh', NULL, 'plsh',
		'a shell script on the server, which may send anything anywhere',
		'https://github.com/petere/plsh', 'shipped'),
	('plpython3u', NULL, NULL, 'plpython3u', NULL, 'plpython3u',
		'an untrusted language: its functions may send anything anywhere',
		'https://www.postgresql.org/docs/15/plpython.html', 'shipped'),
	('plpython2u', NULL, NULL, 'plpython2u', NULL, 'plpython2u',
		'an untrusted language: its functions may send anything anywhere',
		'https://www.postgresql.org/docs/10/plpython.html', 'shipped'),
	('plperlu', NULL, NULL, 'plperlu', NULL, 'plperlu',
		'an untrusted language: its functions may send anything anywhere',
		'https://www.postgresql.org/docs/15/plperl-trusted.html', 'shipped'),
	('pltclu', NULL, NULL, 'pltclu', NULL, 'pltclu',
		'an untrusted language: its functions may send anything anywhere',
		'https://www.postgresql.org/docs/15/pltcl-overview.html', 'shipped'),
	('pljavau', NULL, NULL, 'javau', NULL, 'pljavau',
		'an untrusted language: its functions may send anything anywhere',
		'https://tada.github.io/pljava/', 'shipped'),
	('plr', NULL, NULL, 'plr', NULL, 'plr',
		'an untrusted language: its functions may send anything anywhere',
		'https://github.com/postgres-plr/plr', 'shipped'),
	('plrustu', NULL, NULL, 'plrustu', NULL, 'plrustu',
		'an untrusted language: its functions may send anything anywhere',
		'https://github.com/tcdi/plrust', 'shipped');
