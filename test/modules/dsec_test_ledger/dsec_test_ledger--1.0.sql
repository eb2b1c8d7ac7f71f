\echo Use "CREATE EXTENSION dsec_test_ledger" to load this file. \quit

CREATE FUNCTION test_windows(months int[]) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_windows(int[]) IS
	'publishes rolling windows of so many months; 0 stands for the calendar year';

CREATE FUNCTION test_window_start(months int, days int, today date) RETURNS date
	LANGUAGE c STRICT IMMUTABLE AS 'MODULE_PATHNAME';

CREATE FUNCTION test_today() RETURNS date
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_set(recipient int, category text, space text DEFAULT 'person', outside text DEFAULT '')
	RETURNS int
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_subject(id bigint) RETURNS bigint
	LANGUAGE c STRICT IMMUTABLE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_subject(bigint) IS
	'the hash under which test_charge charges subject id';

CREATE FUNCTION test_charge(recipient int, category text, first bigint, last bigint,
		most bigint DEFAULT 9223372036854775807, population text DEFAULT '',
		space text DEFAULT 'person', outside text DEFAULT '', "window" int DEFAULT 0,
		OUT sent bigint, OUT charged bigint, OUT fresh bigint, OUT counted bigint)
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_charge(int, text, bigint, bigint, bigint, text, text, text, int) IS
	'charges subjects first to last one after the other until the limit refuses one; sent: charged now or before; counted: by the limit when it refused, or NULL';

CREATE FUNCTION test_charge_row(recipients int[], categories text[], ids bigint[],
		limits bigint[], OUT refused int, OUT counted bigint, OUT charged int)
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_charge_row(int[], text[], bigint[], bigint[]) IS
	'charges all or nothing: item i is subject ids[i] for recipients[i] and categories[i], whose account has limits[i]';

CREATE FUNCTION test_receive(recipient int, category text, first bigint, last bigint,
		file text, most bigint DEFAULT 9223372036854775807)
	RETURNS bigint
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_receive(int, text, bigint, bigint, text, bigint) IS
	'as test_charge, writing each subject to a file as soon as it is charged';

CREATE FUNCTION test_is_charged(recipient int, category text, first bigint, last bigint)
	RETURNS bigint
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_count(recipient int, category text, population text DEFAULT '', "window" int DEFAULT 0,
		OUT counted bigint, OUT unattributed bigint)
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_last_day(recipient int, category text, space text, id bigint) RETURNS date
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_worker(OUT state text, OUT problem text)
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_worker_dies(how text) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_worker_dies(text) IS
	'has a task of the worker raise an error ("error") or end the worker ("fatal")';

CREATE FUNCTION test_hash(VARIADIC key "any") RETURNS text
	LANGUAGE c STABLE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_hash("any") IS
	'hash of a subject key under the key 00 01 .. 0f';

CREATE FUNCTION test_hash_row(database oid, relation oid, ctid tid, xmin xid) RETURNS text
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_family(type regtype) RETURNS int
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_hashes(hashes bytea) RETURNS SETOF bigint
	LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT ('x' || encode(substr($1, 8 * i + 1, 8), 'hex'))::bit(64)::bigint
	  FROM generate_series(0, octet_length($1) / 8 - 1) AS i
$$;
