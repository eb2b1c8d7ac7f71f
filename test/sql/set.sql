-- Sets of subjects: text and binary form, operators, aggregates.
SET search_path = dsec, public;
\set VERBOSITY terse

-- the text of a set is fixed; this key has a number that no server has
\set k0 'subject_set:1:00000000000000ff:0:'
\set k1 'subject_set:1:00000000000000ff:1:AAAAAAAAAAE='
\set k12 'subject_set:1:00000000000000ff:2:AAAAAAAAAAEAAAAAAAAAAg=='
\set k123 'subject_set:1:00000000000000ff:3:AAAAAAAAAAEAAAAAAAAAAgAAAAAAAAAD'
\set k23 'subject_set:1:00000000000000ff:2:AAAAAAAAAAIAAAAAAAAAAw=='
\set kmax 'subject_set:1:00000000000000ff:1://////////8='
\set other 'subject_set:1:00000000000000fe:1:AAAAAAAAAAE='
\set other0 'subject_set:1:00000000000000fe:0:'

SELECT s::subject_set AS set, cardinality(s::subject_set), subject_set_send(s::subject_set) AS bytes
FROM (VALUES (:'k0'), (:'k1'), (:'k12'), (:'k123'), (:'kmax')) v (s);

-- operators
SELECT a, b, a | b AS "a | b", a & b AS "a & b", a - b AS "a - b", b - a AS "b - a",
	a @> b AS "@>", a <@ b AS "<@", a = b AS "=", a <> b AS "<>"
FROM (VALUES (:'k12'::subject_set, :'k23'::subject_set),
	(:'k123', :'k1'), (:'k1', :'k123'), (:'k12', :'k12'), (:'k12', :'k0'), (:'k0', :'k0')) v (a, b)
\gx

-- sets made under different keys do not mix, empty ones included
\set VERBOSITY default
SELECT :'k12'::subject_set | :'other'::subject_set;
\set VERBOSITY terse
SELECT :'k12'::subject_set & :'other'::subject_set;
SELECT :'k12'::subject_set - :'other'::subject_set;
SELECT :'k12'::subject_set @> :'other'::subject_set;
SELECT :'k12'::subject_set <@ :'other'::subject_set;
SELECT :'k12'::subject_set = :'other'::subject_set;
SELECT :'k12'::subject_set <> :'other'::subject_set;
SELECT :'k12'::subject_set | :'other0'::subject_set;
SELECT :'k0'::subject_set = :'other0'::subject_set;
SELECT subject_set_union(s) FROM (VALUES (:'k12'::subject_set), (:'other0')) v (s);
SELECT :'k12'::subject_set | (SELECT subject_set(i) FROM generate_series(1, 3) i);

-- text that is no set: an error that says what is wrong and quotes nothing
CREATE FUNCTION why(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM dsec.subject_set_in(input::cstring);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || SQLERRM || '; ' || detail;
END
$$;
CREATE TABLE hostile (id serial, input text);
INSERT INTO hostile (input) VALUES
	(''), ('s'), ('subject_set'), ('Subject_set:1:00000000000000ff:0:'), (' subject_set:1:00000000000000ff:0:'),
	('subject_set:'), ('subject_set:2:00000000000000ff:0:'), ('subject_set:01:00000000000000ff:0:'),
	('subject_set:1:'), ('subject_set:1:00000000000000ff'), ('subject_set:1:00000000000000FF:0:'),
	('subject_set:1:0000000000000ff:0:'), ('subject_set:1:000000000000000ff:0:'), ('subject_set:1:00000000000000fg:0:'),
	('subject_set:1:00000000000000ff:'), ('subject_set:1:00000000000000ff::'), ('subject_set:1:00000000000000ff:0'),
	('subject_set:1:00000000000000ff:-1:'), ('subject_set:1:00000000000000ff:00:'), ('subject_set:1:00000000000000ff:+0:'),
	('subject_set:1:00000000000000ff:01:AAAAAAAAAAE='), ('subject_set:1:00000000000000ff:1:'),
	('subject_set:1:00000000000000ff:0:AAAAAAAAAAE='), ('subject_set:1:00000000000000ff:1:AAAAAAAAAAE'),
	('subject_set:1:00000000000000ff:1:AAAAAAAAAAE=='), ('subject_set:1:00000000000000ff:1:AAAAAAAAAAE= '),
	('subject_set:1:00000000000000ff:1:AAAAAAAAAAEA'), ('subject_set:1:00000000000000ff:1:AAAAAAAAAAF='),
	('subject_set:1:00000000000000ff:1:AAAA AAAAAE='), ('subject_set:1:00000000000000ff:1:AAA=AAAAAAE='),
	('subject_set:1:00000000000000ff:1:============'), ('subject_set:1:00000000000000ff:1:AAAAAAAAAAA='),
	('subject_set:1:00000000000000ff:2:AAAAAAAAAAIAAAAAAAAAAQ=='), ('subject_set:1:00000000000000ff:2:AAAAAAAAAAEAAAAAAAAAAQ=='),
	('subject_set:1:00000000000000ff:134217725:'), ('subject_set:1:00000000000000ff:134217726:'),
	('subject_set:1:00000000000000ff:2305843009213693952:'), ('subject_set:1:00000000000000ff:18446744073709551616:'),
	('subject_set:1:00000000000000ff:99999999999999999999999999999999999999:');
SELECT id, input, why(input) FROM hostile ORDER BY id;
SELECT id, why('x' || input) FROM hostile WHERE why('x' || input) NOT LIKE '22P02%';
-- every text that a set's text begins with, and every one with a changed character, is refused or is a set again
SELECT count(*) FILTER (WHERE why(left(t, n)) <> 'accepted') AS refused, max(n) + 1 AS length
FROM (VALUES (:'k123')) v (t), generate_series(0, length(t) - 1) n;
SELECT DISTINCT left(why(overlay(t PLACING c FROM n)), 5) AS outcome
FROM (VALUES (:'k123')) v (t), generate_series(1, length(t)) n, unnest(ARRAY['A', '=', ':', '9', 'z', ' ']) c ORDER BY 1;

-- bytes that are no set, through COPY
\set path `mktemp -u /tmp/dsec_set.XXXXXX`
CREATE FUNCTION receive(bytes bytea, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file oid;
	detail text;
	received text;
BEGIN
	file := lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea || int4send(length(bytes)) || bytes || '\xffff'::bytea);
	PERFORM lo_export(file, path);
	PERFORM lo_unlink(file);
	CREATE TEMP TABLE received (s dsec.subject_set) ON COMMIT DROP;
	EXECUTE format('COPY received FROM %L (FORMAT binary)', path);
	SELECT s::text INTO received FROM received;
	DROP TABLE received;
	RETURN received;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || SQLERRM || '; ' || detail;
END
$$;
SELECT bytes, receive(bytes, :'path') FROM (VALUES
	(subject_set_send(:'k0')), (subject_set_send(:'k12')),
	(''), ('\x00'), ('\x0001'), ('\x0001000000000000000000ff00000000000000'),
	('\x0002000000000000000000ff0000000000000000'), ('\x0001000100000000000000ff0000000000000000'),
	('\x0001000000000000000000ff0000000000000001'), ('\x0001000000000000000000ff000000000000000000'),
	('\x0001000000000000000000ff00000000000000010000000000000000'),
	('\x0001000000000000000000ff000000000000000200000000000000020000000000000001'),
	('\x0001000000000000000000ff000000000000000200000000000000010000000000000001'),
	('\x0001000000000000000000ff0000000007fffffd'), ('\x0001000000000000000000ff2000000000000001ffffffffffffffff'),
	('\x0001000000000000000000ffffffffffffffffff')) v (bytes);
SELECT count(*) FILTER (WHERE receive(substr(b, 1, n), :'path') LIKE '22P03%') AS refused, max(n) + 1 AS length
FROM (VALUES (subject_set_send(:'k123'))) v (b), generate_series(0, length(b) - 1) n;
\setenv path :path
\! rm -f "$path"

-- stored bytes that are no set
SET client_min_messages = warning;
CREATE TYPE raw_bytes;
CREATE FUNCTION raw_in(cstring) RETURNS raw_bytes LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_out(raw_bytes) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
RESET client_min_messages;
CREATE TYPE raw_bytes (INPUT = raw_in, OUTPUT = raw_out, ALIGNMENT = double, STORAGE = extended);
CREATE CAST (raw_bytes AS subject_set) WITHOUT FUNCTION;
CREATE FUNCTION stored(bytes text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text FROM (VALUES ($1::raw_bytes::dsec.subject_set)) v (s)' INTO result USING bytes;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT bytes, stored(bytes, 's'), stored(bytes, 'dsec.cardinality(s)') AS cardinality, stored(bytes, 's OPERATOR(dsec.|) s') AS "|",
	stored(bytes, 'dsec.subject_set_union(s)') AS "union", stored(bytes, 'dsec.subject_set_hash(s) <> 0') AS hash
FROM (VALUES ('\x0100000000000000000000ff01000000000000000100000000000000'), ('\x'), ('\x01'), ('\x0100000000000000000000ff010000000000'),
	('\x0200000000000000000000ff01000000000000000100000000000000'), ('\x0100000100000000000000ff01000000000000000100000000000000'),
	('\x0100000000000000000000ff02000000000000000100000000000000'), ('\x0100000000000000000000ff0100000000000020ffffffffffffffff'),
	('\x0100000000000000000000ff010000000000000001000000000000')) v (bytes) \gx
SELECT stored('\x0100000000000000000000ff02000000000000000200000000000000' || c, 's')
FROM (VALUES ('0300000000000000'), ('0200000000000000'), ('0100000000000000'), ('0000000000000000')) v (c);

-- the aggregates
SELECT cardinality(subject_set(i)) AS none, subject_set(i) = subject_set(i::text) AS empty FROM generate_series(1, 0) i;
SELECT cardinality(subject_set(k)) AS of_three FROM (VALUES (1), (NULL), (2), (0), (1), (NULL)) v (k);
SELECT cardinality(subject_set(a, b)) AS of_two FROM (VALUES (1, 'a'::text), (1, NULL), (NULL, 'b'), (2, 'a'), (1, 'a')) v (a, b);
SELECT subject_set_union(NULL::subject_set) IS NULL AS no_set,
	subject_set_union(NULL::subject_set) FILTER (WHERE false) IS NULL AS no_row FROM generate_series(1, 2);
SELECT subject_set_union(s) = :'k123'::subject_set AS united
FROM (VALUES (:'k12'::subject_set), (NULL), (:'k23'), (:'k0')) v (s);
SELECT subject_set_union(:'k0'::subject_set) = :'k0'::subject_set AS empty FROM generate_series(1, 3);
-- one subject whatever the type of its column
SELECT subject_set(i::int2) = subject_set(i::int8) AS integers, subject_set(i) <> subject_set(i::numeric) AS families,
	subject_set(i::numeric(10, 2)) = subject_set(i::numeric) AS scale FROM generate_series(-5, 5) i;
-- every string type reaches the aggregate, and not a cast
CREATE DOMAIN word AS varchar(20);
SELECT cardinality(subject_set(t)) AS text, subject_set(t::varchar) = subject_set(t) AS varchar, subject_set(t::char(10)) = subject_set(t) AS char,
	subject_set(t::name) = subject_set(t) AS name, subject_set(t::word) = subject_set(t) AS domain
FROM (VALUES ('a'::text), ('b'), ('a')) v (t);
SELECT :'k12'::text::subject_set = :'k12'::varchar::subject_set AS casts, :'k1'::char(100)::subject_set, :'k1'::name::subject_set;
-- a string type of an extension needs a cast of its own
SET client_min_messages = error;
CREATE EXTENSION citext SCHEMA public;
RESET client_min_messages;
SELECT subject_set(t::citext) FROM (VALUES ('a')) v (t);
CREATE CAST (citext AS subject_set) WITH FUNCTION subject_set_from_text(text);
SELECT subject_set(t::citext) = subject_set(lower(t)) AS citext, subject_set(t::citext) = subject_set(t) AS text
FROM (VALUES ('a'::text), ('A'), ('b')) v (t);
SELECT subject_set(ARRAY[1]);
SELECT subject_set(1.5::float8);
SELECT subject_set(VARIADIC ARRAY[1, 2]);
SELECT subject_set();

-- hashing: DISTINCT, GROUP BY, joins; no order
SELECT count(*) FROM (SELECT DISTINCT s FROM (VALUES (:'k12'::subject_set), (:'k12'), (:'k1'), (:'other')) v (s)) d;
SET enable_mergejoin = off;
SET enable_nestloop = off;
CREATE TABLE sets AS SELECT g, subject_set(i) AS s FROM generate_series(1, 100) g, generate_series(1, g % 10) i GROUP BY g;
EXPLAIN (COSTS off) SELECT count(*) FROM sets a JOIN sets b USING (s);
SELECT count(*) FROM sets a JOIN sets b USING (s);
RESET enable_mergejoin;
RESET enable_nestloop;
CREATE INDEX ON sets USING hash (s);
SELECT count(*) FROM sets ORDER BY min(s);
CREATE TABLE parted (s subject_set) PARTITION BY HASH (s);
CREATE TABLE parted0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT subject_set(i) FROM generate_series(1, 100) i GROUP BY i;
SELECT count(DISTINCT tableoid) AS partitions, count(*) FROM parted;

-- against count(DISTINCT), with every plan
CREATE TABLE visit (person int, at text, grp int, part int);
INSERT INTO visit
	SELECT (random() * 3000)::int, 'p' || (random() * 3000)::int, (random() * 20)::int, (random() * 3)::int
	FROM generate_series(1, 20000);
INSERT INTO visit SELECT NULL, NULL, 99, 0 FROM generate_series(1, 3);
ALTER TABLE visit SET (parallel_workers = 2);
ANALYZE visit;
CREATE VIEW wrong AS
	SELECT grp FROM visit GROUP BY grp
	HAVING cardinality(subject_set(person)) <> count(DISTINCT person)
		OR cardinality(subject_set(at)) <> count(DISTINCT at)
		OR cardinality(subject_set(person, at)) <> count(DISTINCT (person, at)) FILTER (WHERE person IS NOT NULL);
SELECT * FROM wrong;
CREATE TABLE serial AS SELECT grp, subject_set(person) AS p, subject_set(at) AS a, subject_set(person, at) AS b FROM visit GROUP BY grp;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT subject_set(person), subject_set(at), subject_set(person, at) FROM visit;
SELECT (SELECT subject_set(person) FROM visit) = (SELECT subject_set_union(p) FROM serial) AS integers,
	(SELECT subject_set(at) FROM visit) = (SELECT subject_set_union(a) FROM serial) AS texts,
	(SELECT subject_set(person, at) FROM visit) = (SELECT subject_set_union(b) FROM serial) AS composite;
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT grp, subject_set(person), subject_set(at) FROM visit GROUP BY grp;
SELECT count(*) AS groups, count(*) FILTER (WHERE v.p = s.p AND v.a = s.a AND v.b = s.b) AS equal
FROM (SELECT grp, subject_set(person) AS p, subject_set(at) AS a, subject_set(person, at) AS b FROM visit GROUP BY grp) v JOIN serial s USING (grp);
RESET enable_sort;
ALTER TABLE serial SET (parallel_workers = 2);
EXPLAIN (COSTS off) SELECT subject_set_union(p) FROM serial;
SELECT (SELECT subject_set_union(p) FROM serial) = (SELECT subject_set(person) FROM visit) AS united;
SET max_parallel_workers_per_gather = 0;
SELECT (SELECT subject_set(person) FROM visit) = (SELECT subject_set_union(p) FROM serial) AS integers,
	(SELECT subject_set(at) FROM visit) = (SELECT subject_set_union(a) FROM serial) AS texts;
-- partition by partition
CREATE TABLE shard (person int, at text, part int) PARTITION BY LIST (part);
CREATE TABLE shard0 PARTITION OF shard FOR VALUES IN (0, 1);
CREATE TABLE shard1 PARTITION OF shard FOR VALUES IN (2, 3);
INSERT INTO shard SELECT person, at, part FROM visit;
ANALYZE shard;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS off) SELECT subject_set(at) FROM shard;
SELECT (SELECT subject_set(person) FROM shard) = (SELECT subject_set(person) FROM visit) AS integers,
	(SELECT subject_set(at) FROM shard) = (SELECT subject_set(at) FROM visit) AS texts;
RESET enable_partitionwise_aggregate;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- the laws of sets, on random sets of very different sizes; what fails is shown
CREATE FUNCTION random_set(most int) RETURNS subject_set LANGUAGE sql VOLATILE
	AS $$ SELECT dsec.subject_set((random() * 400)::int) FROM generate_series(1, (random() * random() * random() * most)::int) $$;
CREATE TABLE law AS
	SELECT n, random_set(400) AS a, random_set(400) AS b, random_set(400) AS c FROM generate_series(1, 300) n;
SELECT count(DISTINCT cardinality(a)) > 10 AS many_sizes, count(*) FILTER (WHERE cardinality(a) = 0) > 0 AS some_empty,
	count(*) FILTER (WHERE cardinality(a) > 100) > 0 AS some_large FROM law;
SELECT n FROM law WHERE (a | b) | c <> a | (b | c) OR a | b <> b | a OR a | a <> a;
SELECT n FROM law WHERE (a & b) & c <> a & (b & c) OR a & b <> b & a OR a & a <> a;
SELECT n FROM law WHERE a & (b | c) <> (a & b) | (a & c) OR a | (b & c) <> (a | b) & (a | c);
SELECT n FROM law WHERE a - b <> a - (a & b) OR (a - b) | (a & b) <> a OR cardinality((a - b) & b) <> 0;
SELECT n FROM law WHERE cardinality(a | b) + cardinality(a & b) <> cardinality(a) + cardinality(b);
SELECT n FROM law WHERE NOT (a | b) @> a OR NOT a @> (a & b) OR NOT (a & b) <@ b OR a @> b <> ((a & b) = b) OR a <@ b <> (b @> a);
SELECT n FROM law WHERE a::text::subject_set <> a OR a::text::subject_set::text <> a::text;
-- one large and one small set: strides
SELECT n FROM (SELECT n, (SELECT subject_set(i) FROM generate_series(1, 20000) i) AS a,
		(SELECT subject_set(i * n * 997) FROM generate_series(1, n) i) AS b FROM generate_series(1, 40) n) v
WHERE cardinality(a & b) <> (SELECT count(*) FROM generate_series(1, n) i WHERE i * n * 997 <= 20000)
	OR a | b <> b | a OR cardinality(a | b) <> cardinality(a) + cardinality(b - a) OR (a - b) | (b & a) <> a OR NOT (a | b) @> b;
-- union of a random partition is the set of the whole
SELECT seed FROM generate_series(1, 10) seed, LATERAL (
	SELECT subject_set_union(s) AS u FROM (SELECT subject_set(person) AS s FROM visit GROUP BY hashint4(coalesce(person, 0) * 31 + seed) % (1 + seed * 7)) p) q
WHERE u <> (SELECT subject_set(person) FROM visit);

-- windows: running frames, whole partitions; others would be quadratic
SELECT n, cardinality(subject_set(n % 4) OVER (ORDER BY n)) AS running, cardinality(subject_set(n % 4) OVER ()) AS whole,
	cardinality(subject_set_union(s) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING)) AS united
FROM generate_series(1, 6) n, LATERAL (SELECT subject_set(i) AS s FROM generate_series(1, n) i OFFSET 0) t;
SELECT subject_set(n) OVER (ORDER BY n ROWS 2 PRECEDING) FROM generate_series(1, 6) n;
SELECT subject_set(n) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM generate_series(1, 6) n;
\set VERBOSITY default
SELECT subject_set(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM generate_series(1, 6) n;
\set VERBOSITY terse
SELECT subject_set_union(NULL::subject_set) OVER (ORDER BY n RANGE 2 PRECEDING) FROM generate_series(1, 6) n;

-- size on disk: 9 bytes a subject, with what the TOAST table needs
CREATE TABLE stored AS SELECT subject_set(i) AS s FROM generate_series(1, 100000) i;
SELECT pg_column_size(s) <= 900000 AS datum, pg_table_size('stored') <= 900000 AS on_disk, cardinality(s), s = s::text::subject_set AS text FROM stored;
-- a set that is read from its table, in line, short and out of line
CREATE TABLE kept (id int, flag "char", s subject_set);
INSERT INTO kept SELECT n, 'x', (SELECT subject_set(i) FROM generate_series(1, n * n * n) i) FROM generate_series(0, 20) n;
SELECT id FROM kept WHERE cardinality(s) <> id * id * id OR s <> (SELECT subject_set(i) FROM generate_series(1, id * id * id) i);
UPDATE kept SET s = s | (SELECT k.s FROM kept k WHERE k.id = 20);
SELECT count(DISTINCT s::text), min(cardinality(s)), max(cardinality(s)) FROM kept;

-- ANALYZE compares no sets
CREATE TABLE mixed (s subject_set);
INSERT INTO mixed VALUES (:'k12'), (:'other'), (:'k12'), (NULL);
ANALYZE mixed;
SELECT null_frac, avg_width > 0 AS width, n_distinct, most_common_vals IS NULL AS no_copies FROM pg_stats WHERE tablename = 'mixed';
DROP TABLE mixed;

-- everybody may
CREATE ROLE set_user;
SET ROLE set_user;
SELECT cardinality(subject_set(i) | subject_set(i + 1)) FROM generate_series(1, 3) i;
RESET ROLE;
DROP ROLE set_user;

SET client_min_messages = error;
DROP TABLE hostile, sets, parted, visit, serial, shard, law, stored, kept CASCADE;
DROP EXTENSION citext CASCADE;
DROP TYPE raw_bytes CASCADE;
DROP FUNCTION why, receive, random_set, stored;
DROP DOMAIN word;
