-- dsec.subject_count() and dsec.over_threshold(): exact, whatever the types, the
-- plan, the storage.  count(DISTINCT) is the judge.
\set VERBOSITY terse

-- nothing, NULLs, duplicates
SELECT dsec.subject_count(i) FROM generate_series(1, 0) AS i;
SELECT dsec.subject_count(i), dsec.over_threshold(0, i) FROM (VALUES (NULL::int), (NULL)) AS v (i);
SELECT dsec.subject_count(i) FROM (VALUES (1), (NULL), (1), (2), (0), (0), (-1)) AS v (i);
SELECT dsec.subject_count(a, b) AS pairs, dsec.subject_count(a) AS a
  FROM (VALUES (1, 'x'), (1, NULL), (NULL, 'x'), (1, 'x'), (2, 'x')) AS v (a, b);
SELECT dsec.subject_count(i) FROM (VALUES (-9223372036854775808), (9223372036854775807), (0), (-1)) AS v (i);

-- every family, by growing sizes, across the sizes at which a tally changes
CREATE FUNCTION same(key text, rows int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	EXECUTE format('SELECT dsec.subject_count(%1$s) = count(DISTINCT %1$s)
		AND dsec.over_threshold(count, %1$s) = (count(DISTINCT %1$s) > count)
		FROM (SELECT i, %2$s / 3 AS count FROM generate_series(1, %2$s) AS i) AS g GROUP BY count', key, rows) INTO result;
	RETURN result;
END $$;
SELECT key, bool_and(same(key, rows)) AS exact
  FROM unnest(ARRAY['i', 'i % 7', 'i::int2', '(i % 1000)::int2', 'i::bigint << 20', '(i::bigint << 40) + i % 10', '-i', 'i::numeric', 'i / 10.0',
		'i::text', '(i % 100)::text', 'repeat(i::text, 50)', 'i::text::varchar', 'i::text::char(20)', 'i::text::name',
		'md5(i::text)::uuid', 'lpad(i::text, 32, ''0'')::uuid', '''10.0.0.0''::inet + i', '''::1''::inet + i', 'cidr(''10.0.0.0''::inet + i)',
		'''2000-01-01''::date + i', 'timestamp ''2000-01-01'' + i * interval ''1 second''', 'timestamptz ''2000-01-01 UTC'' + i % 50 * interval ''1 second''']) AS key,
	unnest(ARRAY[1, 10, 12, 13, 200, 3000, 32000]) AS rows
 GROUP BY key ORDER BY key COLLATE "C";
SELECT same('i', 700000) AS large, same('(i % 123456)::bigint * 4294967296', 700000) AS multiples, same('md5((i % 70000)::text)::uuid', 100000) AS wide;
SELECT dsec.subject_count(i, i % 10) = 200000 AS composite FROM generate_series(1, 200000) AS i;

-- an uuid of zeroes is one, and is not nobody
SELECT dsec.subject_count(u::uuid) FROM (VALUES ('00000000-0000-0000-0000-000000000000'), (NULL), ('00000000-0000-0000-0000-000000000001'),
	('00000000-0000-0000-0000-000000000000'), ('00000001-0000-0000-0000-000000000000')) AS v (u);

-- the parts of a key stay apart
SELECT dsec.subject_count(a, b) FROM (VALUES ('a', 'bc'), ('ab', 'c'), ('abc', ''), ('', 'abc')) AS v (a, b);
SELECT dsec.subject_count(a, b, a, b) FROM (VALUES (1, 2), (2, 1), (1, 2)) AS v (a, b);

-- equal values are one subject: scale, zero, NaN, padding
SELECT dsec.subject_count(n) AS subjects, count(DISTINCT n) FROM (VALUES (1.0), (1.00), (1::numeric), (0), (0.000), (-0.0), ('NaN'), ('NaN'), ('Infinity'), ('-Infinity'), (1e30), (1000000000000000000000000000000)) AS v (n);
SELECT dsec.subject_count(c) AS subjects, count(DISTINCT c) FROM (SELECT 'a'::char(10) AS c UNION ALL SELECT 'a  '::char(10) UNION ALL SELECT 'a '::char(20)) AS v;
SELECT dsec.subject_count(t) AS subjects, count(DISTINCT t) FROM (VALUES ('a'::text), ('a ')) AS v (t);
SELECT dsec.subject_count(d) AS subjects, count(DISTINCT d) FROM (VALUES ('infinity'::date), ('-infinity'), ('infinity'), ('5000000-01-01'), ('5000000-01-02'), ('2000-01-01')) AS v (d);

-- equal values are one subject: compressed, out of line, short and long headers
CREATE TABLE stored (kind text, t text, n numeric);
ALTER TABLE stored ALTER t SET STORAGE EXTERNAL;
INSERT INTO stored SELECT 'external', repeat(i::text, 5000), repeat('7', 5000)::numeric FROM generate_series(1, 5) AS i;
ALTER TABLE stored ALTER t SET STORAGE EXTENDED;
INSERT INTO stored SELECT 'compressed', repeat(i::text, 5000), repeat('7', 5000)::numeric FROM generate_series(1, 6) AS i;
ALTER TABLE stored ALTER t SET STORAGE PLAIN;
INSERT INTO stored SELECT 'plain', repeat(i::text, 5000), (repeat('7', 5000) || '.00')::numeric FROM generate_series(1, 7) AS i WHERE i < 1;
SELECT dsec.subject_count(t), count(DISTINCT t), dsec.subject_count(t || ''), dsec.subject_count(n), dsec.subject_count(t, n) FROM stored;
DROP TABLE stored;

-- domains are their base types
CREATE DOMAIN member_no AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN club_no AS member_no;
SELECT dsec.subject_count((i % 10)::club_no), dsec.subject_count(('x' || i % 5)::dsec.rsid) FILTER (WHERE false) FROM generate_series(1, 100) AS i;
DROP DOMAIN club_no, member_no;

-- citext
CREATE EXTENSION citext;
SELECT dsec.subject_count(c) AS subjects, count(DISTINCT c) FROM (VALUES ('Abc'::citext), ('aBC'), ('abd')) AS v (c);
DROP EXTENSION citext;

-- Each key is read under its own collation, not that of the call.
CREATE COLLATION deaf (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE named (id int, hears text COLLATE "C", deaf text COLLATE deaf, padded char(10) COLLATE deaf, plain text);
INSERT INTO named VALUES (1, 'ann', 'ann', 'ann', 'ann'), (1, 'Ann', 'Ann', 'Ann', 'Ann'), (1, 'ANN', 'ANN', 'ANN', 'ANN'), (1, 'bob', 'bob', 'bob', 'bob');
SELECT dsec.subject_count(hears) AS hears, dsec.subject_count(deaf) AS deaf, dsec.subject_count(padded) AS padded,
	dsec.subject_count(hears COLLATE deaf) AS explicit, dsec.subject_count(deaf COLLATE "C") AS undone,
	count(DISTINCT hears) AS hears, count(DISTINCT deaf) AS deaf, count(DISTINCT hears COLLATE deaf) AS explicit FROM named;
SELECT dsec.subject_count(plain, deaf) AS default_and_deaf, dsec.subject_count(deaf, plain) AS deaf_and_default,
	dsec.subject_count(hears, deaf) AS conflict, dsec.subject_count(id, deaf) AS deaf, dsec.subject_count(plain COLLATE "C", deaf) AS explicit,
	dsec.over_threshold(3, plain, deaf) AS over3, dsec.over_threshold(2, padded, deaf) AS over2, dsec.over_threshold(1, padded, deaf) AS over1,
	count(DISTINCT (plain, deaf)) AS plain_deaf, count(DISTINCT (hears, deaf)) AS conflict FROM named;
SELECT plain, dsec.subject_count(plain, deaf) OVER w AS both, dsec.subject_count(deaf) OVER w AS deaf, dsec.subject_count(hears, id) OVER w AS hears
  FROM named WINDOW w AS (ORDER BY plain COLLATE "C" ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);
SELECT dsec.subject_count(plain, deaf) OVER w, dsec.subject_count(deaf, plain) OVER w
  FROM named WINDOW w AS (ORDER BY plain COLLATE "C");
SELECT dsec.subject_count(deaf::name COLLATE deaf) AS name, count(DISTINCT deaf::name COLLATE deaf) FROM named;
DROP TABLE named;
DROP COLLATION deaf;

-- what cannot be a key
SELECT dsec.subject_count(1.5::float8);
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.subject_count(1, true);
SELECT dsec.subject_count(NULL::jsonb);
SELECT dsec.over_threshold(1, '{1}'::int[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.subject_count(NULL);
SELECT dsec.subject_count('abc');
SELECT dsec.subject_count(VARIADIC ARRAY[1, 2]);
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.over_threshold(1, VARIADIC ARRAY[1, 2]);
SELECT dsec.subject_count();
SELECT dsec.over_threshold(1);

-- thresholds
SELECT dsec.over_threshold(0, i) AS "0", dsec.over_threshold(9, i) AS "9", dsec.over_threshold(10, i) AS "10", dsec.over_threshold(9223372036854775807, i) AS max
  FROM generate_series(1, 10) AS i;
SELECT dsec.over_threshold(NULL, i) FROM generate_series(1, 10) AS i;
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.over_threshold(-1, i) FROM generate_series(1, 10) AS i;
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.over_threshold(i, i) FROM generate_series(1, 10) AS i;
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.over_threshold(CASE WHEN i < 9 THEN 2 END, i) FROM generate_series(1, 10) AS i;
SELECT t, dsec.over_threshold(t, i) FROM generate_series(1, 10) AS i, generate_series(8, 11) AS t GROUP BY t ORDER BY t;

-- clauses of an aggregate call
SELECT dsec.subject_count(DISTINCT i % 10) AS "distinct", dsec.subject_count(i % 10 ORDER BY i) AS ordered, dsec.subject_count(i) FILTER (WHERE i <= 42) AS filtered,
	dsec.subject_count(DISTINCT (i % 10)::text, i % 2) AS composite, dsec.over_threshold(9, i % 10 ORDER BY i DESC) AS over FROM generate_series(1, 1000) AS i;

-- groups
CREATE TABLE visit (clinic int, ward text, person bigint, code uuid, name text) PARTITION BY HASH (clinic);
CREATE TABLE visit_0 PARTITION OF visit FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT setseed(0.5);
INSERT INTO visit SELECT clinic, 'ward ' || clinic % 3, CASE WHEN person % 10 <> 0 THEN person END, md5(person::text)::uuid, person::text
  FROM (SELECT floor(random() * 40)::int AS clinic, floor(random() * random() * 5000)::bigint AS person FROM generate_series(1, 60000)) AS v;
ANALYZE visit;

CREATE FUNCTION differences(grouping_clause text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (
			SELECT dsec.subject_count(person) AS p, dsec.subject_count(code) AS c, dsec.subject_count(name) AS n, dsec.subject_count(clinic, person) AS cp,
				dsec.over_threshold(400, person) AS o, count(DISTINCT person) AS dp, count(DISTINCT code) AS dc, count(DISTINCT name) AS dn,
				count(DISTINCT (clinic, person)) FILTER (WHERE person IS NOT NULL) AS dcp
			FROM visit %s) AS v
		WHERE (p, c, n, cp, o) IS DISTINCT FROM (dp, dc, dn, dcp, dp > 400)', grouping_clause) INTO result;
	RETURN result;
END $$;
SELECT clause, differences(clause) FROM unnest(ARRAY['', 'GROUP BY clinic', 'GROUP BY ward', 'GROUP BY name', 'GROUP BY ROLLUP (ward, clinic)', 'GROUP BY CUBE (ward, clinic)',
	'GROUP BY GROUPING SETS ((ward), (clinic), ())', 'WHERE false', 'WHERE false GROUP BY clinic']) AS clause;

-- over_threshold under GROUPING SETS: what has been freed in one set lives on in others
SELECT ward, clinic, dsec.over_threshold(1500, person) AS over, dsec.subject_count(person) > 1500 AS counted
  FROM visit GROUP BY ROLLUP (ward, clinic) HAVING dsec.over_threshold(1500, person) <> (dsec.subject_count(person) > 1500);

-- the same with everything hashed, in little memory: groups spill
CREATE FUNCTION plan_has(query text, VARIADIC nodes text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN (SELECT bool_and(plan ~ node) FROM unnest(nodes) AS node);
END $$;
SET enable_sort = off;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT plan_has('SELECT name, dsec.subject_count(clinic) FROM visit GROUP BY name', 'HashAggregate', 'Disk Usage') AS spills;
SELECT count(*) AS names, sum(subjects), (SELECT count(*) FROM (SELECT DISTINCT name, clinic FROM visit) AS v) AS judge
  FROM (SELECT name, dsec.subject_count(clinic) AS subjects FROM visit GROUP BY name) AS v;
SELECT plan_has('SELECT name, dsec.over_threshold(3, clinic) FROM visit GROUP BY name', 'HashAggregate', 'Disk Usage') AS spills;
SELECT count(*) FILTER (WHERE over), count(*) FILTER (WHERE judge > 3) AS judge
  FROM (SELECT name, dsec.over_threshold(3, clinic) AS over FROM visit GROUP BY name) AS v JOIN (SELECT name, count(DISTINCT clinic) AS judge FROM visit GROUP BY name) AS w USING (name);
RESET enable_sort;
RESET work_mem;
RESET hash_mem_multiplier;

-- parallel plans
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT key, plan_has('SELECT dsec.subject_count(' || key || '), dsec.over_threshold(100, ' || key || ') FROM visit', 'Finalize Aggregate', 'Gather', 'Partial Aggregate', 'Workers Launched: [12]') AS parallel
  FROM unnest('{person,code,name,"clinic, person"}'::text[]) AS key;
SELECT dsec.subject_count(person) AS person, dsec.subject_count(code) AS code, dsec.subject_count(name) AS name, dsec.subject_count(clinic, person) AS both,
	dsec.over_threshold(3600, person) AS over3600, dsec.over_threshold(4600, name) AS over4600, dsec.over_threshold(10, name) AS over10 FROM visit;
SELECT count(DISTINCT person) AS person, count(DISTINCT code) AS code, count(DISTINCT name) AS name, count(DISTINCT (clinic, person)) FILTER (WHERE person IS NOT NULL) AS both FROM visit;
-- neighbours of the exact number
SELECT dsec.over_threshold((SELECT count(DISTINCT name) FROM visit), name) AS over, dsec.over_threshold((SELECT count(DISTINCT name) - 1 FROM visit), name) AS over_less FROM visit;
SELECT plan_has('SELECT ward, dsec.subject_count(person), dsec.over_threshold(5, person) FROM visit GROUP BY ward', 'Finalize (Group|Hash)Aggregate', 'Gather', 'Partial (Group|Hash)Aggregate') AS grouped;
SELECT ward, subjects = judge AS same, over = (judge > 1200) AS over
  FROM (SELECT ward, dsec.subject_count(person) AS subjects, dsec.over_threshold(1200, person) AS over FROM visit GROUP BY ward) AS v
  JOIN (SELECT ward, count(DISTINCT person) AS judge FROM visit GROUP BY ward) AS w USING (ward) ORDER BY ward;
-- no row for some workers, none for all, NULLs for all
SELECT dsec.subject_count(person), dsec.over_threshold(0, person) FROM visit WHERE clinic = 7 AND person = 3;
SELECT dsec.subject_count(person), dsec.over_threshold(0, person) FROM visit WHERE clinic < 0;
SELECT dsec.subject_count(person), dsec.over_threshold(0, person) FROM visit WHERE person IS NULL;
SELECT dsec.over_threshold(clinic, person) FROM visit;
SELECT dsec.subject_count(clinic::float8) FROM visit;

-- partition by partition, with and without workers
SET enable_partitionwise_aggregate = on;
SELECT plan_has('SELECT dsec.subject_count(person) FROM visit', 'Finalize Aggregate', 'Append', 'Partial Aggregate') AS partitionwise;
SELECT plan_has('SELECT clinic, dsec.subject_count(person) FROM visit GROUP BY clinic', 'Append', 'Aggregate') AS partitionwise_grouped;
SELECT dsec.subject_count(person) = count(DISTINCT person) AS same FROM visit;
SELECT (SELECT dsec.subject_count(person) FROM visit) = (SELECT count(DISTINCT person) FROM visit) AS person,
	(SELECT dsec.subject_count(name) FROM visit) = (SELECT count(DISTINCT name) FROM visit) AS name,
	(SELECT dsec.over_threshold(1000, name) FROM visit) AS over;
SELECT count(*) AS different FROM (SELECT clinic, dsec.subject_count(person) AS n FROM visit GROUP BY clinic) AS v
  JOIN (SELECT clinic, count(DISTINCT person) AS judge FROM visit GROUP BY clinic) AS w USING (clinic) WHERE n <> judge;
SET max_parallel_workers_per_gather = 0;
SELECT plan_has('SELECT dsec.subject_count(person) FROM visit', 'Finalize Aggregate', 'Append', 'Partial Aggregate') AS partitionwise;
SELECT (SELECT dsec.subject_count(person) FROM visit) = (SELECT count(DISTINCT person) FROM visit) AS person,
	(SELECT dsec.subject_count(clinic, name) FROM visit) = (SELECT count(DISTINCT (clinic, name)) FROM visit) AS composite,
	(SELECT dsec.over_threshold(1000, name) FROM visit) AS over;
RESET enable_partitionwise_aggregate;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

-- windows that only grow
SELECT i, k, dsec.subject_count(k) OVER (ORDER BY i) AS running, dsec.over_threshold(2, k) OVER (ORDER BY i) AS over2, dsec.subject_count(k) OVER () AS everybody,
	dsec.subject_count(k) OVER (PARTITION BY i % 2) AS by_parity, dsec.subject_count(k) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS late
  FROM (VALUES (1, 10), (2, 20), (3, 10), (4, NULL), (5, 30), (6, 0), (7, 0)) AS v (i, k) ORDER BY i;

-- windows that slide, against an array of the frame
CREATE TABLE steps AS SELECT i, i / 3 AS peer, CASE WHEN i % 7 <> 0 THEN (i * 17) % 12 END AS k, ((i * 5) % 9)::text AS t FROM generate_series(1, 300) AS i;
CREATE FUNCTION distinct_in(anycompatiblearray) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT count(DISTINCT x) FROM unnest($1) AS x';
CREATE FUNCTION window_differences(frame text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (
			SELECT dsec.subject_count(k) OVER w AS k, dsec.subject_count(t) OVER w AS t, dsec.subject_count(k, t) OVER w AS kt, dsec.subject_count(k) FILTER (WHERE i %% 2 = 0) OVER w AS kf,
				array_agg(k) OVER w AS ks, array_agg(t) OVER w AS ts, array_agg(k || '':'' || t) OVER w AS kts, array_agg(k) FILTER (WHERE i %% 2 = 0) OVER w AS kfs
			FROM steps WINDOW w AS (%s)) AS v
		WHERE (k, t, kt, kf) IS DISTINCT FROM (distinct_in(ks), distinct_in(ts), distinct_in(kts), distinct_in(kfs))', frame) INTO result;
	RETURN result;
END $$;
SELECT frame, window_differences(frame) FROM unnest(ARRAY[
	'ORDER BY i ROWS BETWEEN 5 PRECEDING AND CURRENT ROW', 'ORDER BY i ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING', 'ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
	'ORDER BY i ROWS BETWEEN 9 PRECEDING AND 4 PRECEDING', 'ORDER BY i ROWS BETWEEN 4 FOLLOWING AND 9 FOLLOWING', 'ORDER BY i ROWS BETWEEN CURRENT ROW AND CURRENT ROW',
	'ORDER BY i ROWS BETWEEN 1 PRECEDING AND 3 PRECEDING', 'ORDER BY peer RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING', 'ORDER BY peer RANGE BETWEEN CURRENT ROW AND 4 FOLLOWING',
	'ORDER BY peer GROUPS BETWEEN 2 PRECEDING AND 1 PRECEDING', 'ORDER BY peer GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING', 'PARTITION BY i % 4 ORDER BY i ROWS 6 PRECEDING',
	'PARTITION BY i % 4', 'ORDER BY peer', 'ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 3 FOLLOWING', 'ORDER BY i ROWS BETWEEN 6 PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS']) AS frame;
DROP FUNCTION window_differences(text);

-- a wide frame over many rows: minutes if its time grew with the frame
SET statement_timeout = '20s';
SELECT max(n), min(n), count(*) FROM (SELECT dsec.subject_count(i % 30000) OVER (ORDER BY i ROWS BETWEEN 50000 PRECEDING AND CURRENT ROW) AS n FROM generate_series(1, 100000) AS i) AS v;
SELECT max(n), count(*) FROM (SELECT dsec.subject_count(i::text) OVER (ORDER BY i) AS n FROM generate_series(1, 100000) AS i) AS v;
RESET statement_timeout;

-- windows that would be counted anew for every row
\set VERBOSITY default
SELECT dsec.subject_count(k) OVER (ORDER BY i ROWS BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM steps;
\echo :LAST_ERROR_SQLSTATE
SELECT dsec.subject_count(k) OVER (ORDER BY i ROWS BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM steps;
SELECT dsec.subject_count(k) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING EXCLUDE GROUP) FROM steps;
SELECT dsec.subject_count(k + floor(random())::int) OVER (ORDER BY i ROWS 5 PRECEDING) FROM steps;
SELECT dsec.subject_count(k) FILTER (WHERE EXISTS (SELECT FROM steps AS s WHERE s.i > steps.i)) OVER (ORDER BY i ROWS 5 PRECEDING) FROM steps;
SELECT dsec.over_threshold(3, k) OVER (ORDER BY i ROWS 5 PRECEDING) FROM steps;
SELECT dsec.over_threshold(3, k) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM steps;
-- a key that changes behind PostgreSQL's back
CREATE SEQUENCE ticks;
CREATE FUNCTION liar(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN nextval(''ticks''); END';
SELECT dsec.subject_count(liar(k)) OVER (ORDER BY i ROWS 5 PRECEDING) FROM steps;
\echo :LAST_ERROR_SQLSTATE
DROP FUNCTION liar(int);
DROP SEQUENCE ticks;
\set VERBOSITY terse
DROP TABLE steps;

-- everybody may count
CREATE ROLE counting_clerk;
GRANT SELECT ON visit TO counting_clerk;
SET ROLE counting_clerk;
SELECT dsec.subject_count(name) > 4000 AS count, dsec.over_threshold(4000, name) AS over FROM visit;
RESET ROLE;
SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'dsec'::regnamespace AND p.proname ~ '^(subject_count|over_threshold)' AND has_function_privilege('counting_clerk', p.oid, 'EXECUTE') ORDER BY 1;
DROP OWNED BY counting_clerk;
DROP ROLE counting_clerk;

-- of tagged data: by a key that is not tagged, by a tagged column, in an explained plan
CREATE TABLE sequenced (person_id int PRIMARY KEY, seq text);
INSERT INTO sequenced SELECT i, 'ACGT' || i % 10 FROM generate_series(1, 50) AS i;
SECURITY LABEL FOR dsec ON TABLE sequenced IS 'subject=person_id; space=sequenced';
SECURITY LABEL FOR dsec ON COLUMN sequenced.seq IS 'human_genomic';
SELECT dsec.subject_count(person_id) AS people, dsec.subject_count(seq) AS sequences, dsec.over_threshold(9, seq) AS over FROM sequenced;
SELECT dsec.subject_count(person_id) OVER (ORDER BY person_id ROWS 3 PRECEDING) AS people FROM sequenced ORDER BY person_id LIMIT 5;
DROP TABLE sequenced;

DROP FUNCTION same(text, int), differences(text), plan_has(text, text[]), distinct_in(anycompatiblearray);
DROP TABLE visit;
