-- dsec.subject_count() of keys that lie close together: its state then is a bitmap of
-- their range, and a table for the rest.  count(DISTINCT) is the judge; nothing may
-- depend on where the range lies, on the order of arrival, or on what is merged.
\set VERBOSITY terse
SET max_parallel_workers_per_gather = 0;

-- what of "numbers(i)" is counted when n numbers i arrive, in order, backwards, and at random
CREATE FUNCTION differences(numbers text, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	direction text;
	counted bigint;
	judge bigint;
	result text = '';
BEGIN
	FOREACH direction IN ARRAY ARRAY['i', '-i', 'hashint4(i)'] LOOP
		EXECUTE format('SELECT dsec.subject_count(k), count(DISTINCT k) FROM (SELECT (%s)::bigint AS k FROM generate_series(1, %s) AS i ORDER BY %s) AS s',
			numbers, n, direction) INTO counted, judge;
		IF counted <> judge THEN
			result = result || format('by %s %s, not %s; ', direction, counted, judge);
		END IF;
	END LOOP;
	EXECUTE format('SELECT dsec.cardinality(dsec.subject_set((%s)::bigint)) FROM generate_series(1, %s) AS i', numbers, n) INTO counted;
	IF counted <> judge THEN
		result = result || format('set %s, not %s; ', counted, judge);
	END IF;
	RETURN result;
END $$;
CREATE TABLE pattern (name text PRIMARY KEY, numbers text);
INSERT INTO pattern VALUES
	('from one', 'i'),
	('far from zero', '1000000000000 + i'),
	('around zero', 'i - 1500'),
	('below zero', '-i'),
	('smallest', '-9223372036854775808 + (i - 1)'),
	('largest', '9223372036854775807 - (i - 1)'),
	('smallest and largest', 'CASE WHEN i % 2 = 0 THEN -9223372036854775808 + i ELSE 9223372036854775807 - i END'),
	('around 2^32', '4294967296 - 2000 + i'),
	('holes', 'i * 20 - i % 7'),
	('holes too large', 'i::bigint * 70'),
	('repeated', 'i % 5000'),
	('repeated below zero', '-(i % 5000) - 1'),
	('blocks', 'i % 1000 + (i / 1000)::bigint * 50000'),
	('two ranges', 'i + (i % 2) * 4611686018427387904'),
	('three ranges', 'i + (i % 3 - 1) * 4611686018427387904'),
	('first sparse', 'CASE WHEN i <= 3000 THEN hashint8extended(i, 0) ELSE i END'),
	('first dense', 'CASE WHEN i <= 3000 THEN i ELSE hashint8extended(i, 0) END'),
	('a tenth sparse', 'CASE WHEN i % 10 = 0 THEN hashint8extended(i, 0) ELSE i END'),
	('a third sparse', 'CASE WHEN i % 3 = 0 THEN hashint8extended(i, 0) ELSE -i END'),
	('two thirds sparse', 'CASE WHEN i % 3 <> 0 THEN hashint8extended(i, 0) ELSE i END'),
	('another range, larger', 'CASE WHEN i <= 1500 THEN i ELSE i - 1000000000000 END'),
	('ranges of growing size', 'i + floor(log(2, i)) * 1000000000'),
	('growing distances', 'i::bigint * i'),
	('growing fast', 'i::bigint * i * i * i'),
	('powers of two', '1::bigint << (i % 64)'),
	('quadratic residues', '(i::bigint * i) % 65537'),
	('scattered', 'abs(hashint4(i % 95000)::bigint) % 3000000'),
	('scattered once', 'abs(hashint4(i)::bigint) % 3000000'),
	('sparse', 'hashint8extended(i, 0)');
-- sizes around those at which a table grows
SELECT name, string_agg(differences, '' ORDER BY n) AS differences
  FROM (SELECT name, n, differences(numbers, n) FROM pattern, unnest(ARRAY[705, 2817, 20000]) AS n) AS d
 GROUP BY name HAVING string_agg(differences, '') <> '' ORDER BY name;
SELECT count(*) FROM pattern;
-- large enough for the ring, and for the range to change many times
SELECT name, differences(numbers, 200000) FROM pattern WHERE name IN ('from one', 'scattered', 'scattered once', 'two thirds sparse', 'ranges of growing size') ORDER BY name;

-- other integers
SELECT dsec.subject_count(i::int2) = 60001 AS "int2", dsec.subject_count(i * 7000) = 60001 AS "int4", dsec.subject_count(i * 1000) = 60001 AS "dense int4", dsec.subject_count(i::numeric) = 60001 AS "numeric"
  FROM generate_series(-30000, 30000) AS i;

-- thresholds on either side of the number, which falls while the range changes
CREATE FUNCTION thresholds(numbers text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	EXECUTE format('SELECT bool_and(o = (n > t)) FROM (
			SELECT t, dsec.over_threshold(t, k) AS o, count(DISTINCT k) AS n
			FROM (SELECT (%s)::bigint AS k FROM generate_series(1, 20000) AS i) AS s,
				LATERAL (SELECT unnest(ARRAY[703, 704, 705, d - 1, d, d + 1]) AS t FROM (SELECT count(DISTINCT (%s)::bigint) AS d FROM generate_series(1, 20000) AS i) AS c) AS u
			GROUP BY t) AS v', numbers, numbers) INTO result;
	RETURN result;
END $$;
SELECT bool_and(thresholds(numbers)) FROM pattern WHERE name IN ('from one', 'a third sparse', 'smallest and largest', 'another range, larger', 'sparse');

-- as a window grows
SELECT count(*) FILTER (WHERE n <> judge) AS different, max(n)
  FROM (SELECT dsec.subject_count(k) OVER w AS n, sum(fresh) OVER w AS judge
		  FROM (SELECT i, k, (row_number() OVER (PARTITION BY k ORDER BY i) = 1)::int AS fresh
				  FROM (SELECT i, CASE WHEN i % 10 = 0 THEN hashint8extended(i % 4000, 0) ELSE (i * 7) % 9000 - 4500 END AS k FROM generate_series(1, 20000) AS i) AS s) AS f
		WINDOW w AS (ORDER BY i)) AS v;

-- Merged, by partitions and by workers: ranges that overlap, touch, are apart, are
-- the same, of very different sizes, beside tables, and across the ends of the type.
CREATE TABLE part (layout text, p int, k bigint) PARTITION BY LIST (p);
SELECT format('CREATE TABLE part_%s PARTITION OF part FOR VALUES IN (%s)', p, p) FROM generate_series(0, 4) p \gexec
INSERT INTO part
SELECT 'overlap', i / 4000, i - (i / 4000) * 1000 FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'touch', i / 4000, i FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'touch downwards', i / 4000, -i FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'apart', i / 4000, i + (i / 4000)::bigint * 1000000000 FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'near', i / 4000, i + (i / 4000) * 100000 FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'same', i % 5, i / 5 FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'interleaved', i % 5, i FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'growing', CASE WHEN i < 1000 THEN 0 WHEN i < 2000 THEN 1 WHEN i < 5000 THEN 2 WHEN i < 10000 THEN 3 ELSE 4 END, i FROM generate_series(0, 29999) AS i
UNION ALL SELECT 'growing, apart', p, i + p::bigint * 1000000000 FROM (SELECT i, CASE WHEN i < 1000 THEN 0 WHEN i < 2000 THEN 1 WHEN i < 5000 THEN 2 WHEN i < 10000 THEN 3 ELSE 4 END AS p FROM generate_series(0, 29999) AS i) AS g
UNION ALL SELECT 'shrinking', CASE WHEN i < 1000 THEN 4 WHEN i < 2000 THEN 3 WHEN i < 5000 THEN 2 WHEN i < 10000 THEN 1 ELSE 0 END, i * 3 FROM generate_series(0, 29999) AS i
UNION ALL SELECT 'dense and sparse', i % 5, CASE WHEN i % 5 < 2 THEN hashint8extended(i, 0) ELSE i END FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'dense in sparse', p, CASE WHEN i % 10 = p THEN hashint8extended(i % 5000, 0) ELSE i - p END FROM generate_series(0, 9999) AS i, generate_series(0, 4) AS p
UNION ALL SELECT 'table in range', i % 5, CASE WHEN i % 5 = 0 THEN i ELSE i * 100 END FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'ends', i % 5, CASE WHEN i % 2 = 0 THEN -9223372036854775808 + i ELSE 9223372036854775807 - i END FROM generate_series(0, 19999) AS i
UNION ALL SELECT 'end and end', p, CASE WHEN p < 2 THEN -9223372036854775808 + i ELSE 9223372036854775807 - i END FROM generate_series(0, 2999) AS i, generate_series(0, 4) AS p;
ANALYZE part;
CREATE TABLE whole AS
SELECT layout, count(DISTINCT k) AS n FROM part GROUP BY layout;
-- each layout by itself, so that its partitions are merged, in all orders that PostgreSQL has
CREATE FUNCTION planned(VARIADIC nodes text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXPLAIN (COSTS off) SELECT dsec.subject_count(k), dsec.over_threshold(10, k) FROM part WHERE layout = 'same' LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN (SELECT bool_and(plan ~ node) FROM unnest(nodes) AS node);
END $$;
CREATE FUNCTION merged() RETURNS TABLE (layout text, counted bigint, judge bigint) LANGUAGE plpgsql AS $$
DECLARE
	o boolean;
	l boolean;
	s bigint;
BEGIN
	FOR layout, judge IN SELECT w.layout, w.n FROM whole AS w LOOP
		EXECUTE format('SELECT dsec.subject_count(k), dsec.over_threshold(%s, k), dsec.over_threshold(%s, k), dsec.cardinality(dsec.subject_set(k)) FROM part WHERE layout = %L',
			judge, judge - 1, layout) INTO counted, o, l, s;
		IF counted <> judge OR o OR NOT l OR s <> judge THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END $$;
SELECT planned('Partial Aggregate') AS partial;
SELECT * FROM merged();
SET enable_partitionwise_aggregate = on;
SELECT planned('Finalize Aggregate', 'Append', 'Partial Aggregate') AS partitionwise;
SELECT * FROM merged();
-- the largest partition first, then in the order of names
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT planned('Finalize Aggregate', 'Gather', 'Parallel Append', 'Partial Aggregate') AS both;
SELECT * FROM merged();
RESET enable_partitionwise_aggregate;
SELECT planned('Finalize Aggregate', 'Gather', 'Partial Aggregate') AS parallel;
SELECT * FROM merged();
-- many groups at once
SELECT w.layout FROM whole AS w JOIN (SELECT layout, dsec.subject_count(k) AS n FROM part GROUP BY layout) AS c USING (layout) WHERE w.n <> c.n;
-- nobody, in some workers and in all
SELECT dsec.subject_count(k), dsec.over_threshold(0, k) FROM part WHERE layout = 'same' AND k = 17;
SELECT dsec.subject_count(k), dsec.over_threshold(0, k) FROM part WHERE k IS NULL;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The time is linear in the number of keys, whatever they are: minutes if the range
-- were looked for at every step.
SET statement_timeout = '30s';
SELECT dsec.subject_count(k) = 500000 AS exact FROM (SELECT i::bigint * 100 + (i / 1000)::bigint * 10000000 AS k FROM generate_series(1, 500000) AS i) AS s;
SELECT dsec.subject_count(CASE WHEN i % 2 = 0 THEN i ELSE i::bigint << 30 END) = 300000 AS exact FROM generate_series(1, 300000) AS i;
RESET statement_timeout;

DROP TABLE pattern, part, whole;
DROP FUNCTION differences, thresholds, planned, merged;
