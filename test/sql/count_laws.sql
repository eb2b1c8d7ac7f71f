-- What must hold of counting for every type of key, on random data in random parts:
-- parts that are merged, in any order and by any of PostgreSQL's ways, are the whole.
SELECT setseed(0.25);
CREATE TABLE law (part int, i int, b bigint, n numeric, t text, c char(12), u uuid, a inet, d date, z timestamptz)
	PARTITION BY LIST (part);
SELECT format('CREATE TABLE law_%s PARTITION OF law FOR VALUES IN (%s)', p, p) FROM generate_series(0, 3) p \gexec
-- parts of very different sizes, which share subjects; a tenth has no key
INSERT INTO law
SELECT floor(random() * random() * 4)::int, k, k::bigint << 33, k / 8.0, 'p' || k, k::text, md5(k::text)::uuid,
	'10.0.0.0'::inet + k, '2000-01-01'::date + k, timestamptz '2000-01-01 UTC' + k * interval '1 minute'
FROM (SELECT CASE WHEN random() > 0.1 THEN floor(random() * random() * 5000)::int END AS k FROM generate_series(1, 20000)) r;
ANALYZE law;
CREATE TABLE keys (key text);
INSERT INTO keys VALUES ('i'), ('b'), ('n'), ('t'), ('c'), ('u'), ('a'), ('d'), ('z'), ('i::int2'), ('t::varchar'), ('i, t'), ('u, d, n');

-- of one type: the whole as the judge counts it, the whole, by sets of random parts,
-- by sets of those, in another order, and the sets' text and order of merging
CREATE FUNCTION broken(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	whole dsec.subject_set;
	united dsec.subject_set;
	parts dsec.subject_set[];
	counted bigint;
	judge bigint;
BEGIN
	EXECUTE format('SELECT dsec.subject_set(%1$s), dsec.subject_count(%1$s), count(DISTINCT (%1$s)) FILTER (WHERE i IS NOT NULL) FROM law', key)
		INTO whole, counted, judge;
	IF counted <> judge OR dsec.cardinality(whole) <> judge THEN
		RETURN 'count';
	END IF;
	FOR round IN 1 .. 3 LOOP
		EXECUTE format('SELECT array_agg(s) FROM (
				SELECT dsec.subject_set(%s) AS s FROM (SELECT *, floor(random() * random() * $1) AS p FROM law) l GROUP BY p) q', key)
			INTO parts USING round * 6;
		SELECT dsec.subject_set_union(s ORDER BY random()) INTO united FROM unnest(parts) s;
		IF united OPERATOR(dsec.<>) whole OR united::text <> whole::text THEN
			RETURN 'union of parts';
		END IF;
		-- a union of unions, and no harm from what comes twice
		SELECT dsec.subject_set_union(s) INTO united FROM (
			SELECT dsec.subject_set_union(s) AS s FROM (SELECT s, floor(random() * 3) AS g FROM unnest(parts || parts) s) p GROUP BY g) q;
		IF united OPERATOR(dsec.<>) whole THEN
			RETURN 'union of unions';
		END IF;
		united = parts[1];
		FOR p IN 2 .. cardinality(parts) LOOP
			united = CASE WHEN random() < 0.5 THEN united OPERATOR(dsec.|) parts[p] ELSE parts[p] OPERATOR(dsec.|) united END;
		END LOOP;
		IF united OPERATOR(dsec.<>) whole OR whole::text::dsec.subject_set OPERATOR(dsec.<>) united THEN
			RETURN 'operator';
		END IF;
	END LOOP;
	RETURN NULL;
END $$;
SELECT count(*) AS keys, string_agg(key || ': ' || broken, '; ') AS broken FROM (SELECT key, broken(key) FROM keys) k;

-- the same by PostgreSQL's own ways of merging states, which it serialises first: between
-- partitions, between workers, and both
CREATE FUNCTION merged(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(concat_ws('','', dsec.subject_count(%1$s), dsec.subject_set(%1$s), dsec.over_threshold(1000, %1$s), dsec.over_threshold(100000, %1$s))) FROM law', key)
		INTO result;
	RETURN result;
END $$;
-- does the plan have the node?
CREATE FUNCTION planned(node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean = false;
BEGIN
	FOR line IN EXPLAIN (COSTS off) SELECT dsec.subject_count(t), dsec.subject_set(u) FROM law LOOP
		found = found OR line LIKE '%' || node || '%';
	END LOOP;
	RETURN found;
END $$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE alone AS SELECT key, merged(key) FROM keys;
SELECT planned('Partial Aggregate') AS partial;
SET enable_partitionwise_aggregate = on;
SELECT planned('Partial Aggregate') AS partial, planned('Gather') AS gather;
SELECT key FROM alone WHERE merged <> merged(key);
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT planned('Partial Aggregate') AS partial, planned('Gather') AS gather;
SELECT key FROM alone WHERE merged <> merged(key);
RESET enable_partitionwise_aggregate;
SELECT planned('Partial Aggregate') AS partial, planned('Gather') AS gather;
SELECT key FROM alone WHERE merged <> merged(key);

-- binary form: out and in again, of every part
RESET max_parallel_workers_per_gather;
CREATE TABLE sent AS SELECT part, i % 7 AS g, dsec.subject_set(t, u) AS s FROM law GROUP BY part, i % 7;
CREATE TABLE received (LIKE sent);
\set path `mktemp -u /tmp/dsec_count_laws.XXXXXX`
COPY sent TO :'path' (FORMAT binary);
COPY received FROM :'path' (FORMAT binary);
\setenv path :path
\! rm -f "$path"
SELECT count(*) AS different FROM sent s JOIN received r ON s.part = r.part AND s.g IS NOT DISTINCT FROM r.g
WHERE s.s OPERATOR(dsec.<>) r.s OR s.s::text <> r.s::text;
SELECT (SELECT count(*) FROM sent) = (SELECT count(*) FROM received) AS all;

RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE law, keys, alone, sent, received;
DROP FUNCTION broken, merged, planned;
