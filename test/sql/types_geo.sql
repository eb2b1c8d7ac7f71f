-- dsec.latlon: a position, as precise as its column says
SET client_min_messages = warning;
CREATE SCHEMA types_geo;
SET search_path = types_geo;
RESET client_min_messages;

-- text; the second line has examples of ISO 6709
SELECT v, v::dsec.latlon FROM unnest('{"48.8577,2.295", "(48.8577, 2.295)", " ( 48.8577 , 2.295 ) ", "-33.8568,151.2153", "0,0", "-0,-0", "90,180", "-90,-180", "1e1,-1E-1", ".5,5.",
	+48.8577+002.295/, +40.20361-075.00417/, +4012-07500/, +401213.1-0750015.1/, +00-025/, +90+000/, +4012.22-07500.25/}'::text[]) v;
SELECT v, dsec.is_latlon(v) FROM unnest('{"48.8577,2.295", +48.8577+002.295/,
	"", ",", "1", "1,", ",1", "1 2", "1,2,3", "(1,2", "1,2)", "1,2 x", "0x1,2", "nan,1", "1,inf", "infinity,1", "1e,2", "+,1", "--1,2", ".,1", "1;2",
	"90.0000001,0", "-90.1,0", "0,180.1", "0,-181", "1e400,0", "0,1e308", "91,0",
	+48.8577+002.295, +48.8577+2.295/, 48.8577+002.295/, +48.8577002.295/, +048+002/, +4860+00200/, +4812+00260/, +48.+002/, +48+002+10/, +48+002/x, +91+000/, +00+181/, "1,2/"}'::text[]) v;
SELECT dsec.is_latlon('1,' || repeat('0', 126)), dsec.is_latlon('1,' || repeat('0', 127)), dsec.is_latlon(NULL);
-- no error shows what was given
SELECT 'secret'::dsec.latlon;
SELECT '91,0'::dsec.latlon;
SELECT '0,nan'::dsec.latlon;
SELECT dsec.latlon('nan'::float8, 0);
SELECT dsec.latlon(0, 'infinity'::float8);
SELECT point(0, 91)::dsec.latlon;
SELECT dsec.latlon(48.5, 2.25), point(2.25, 48.5)::dsec.latlon, '48.5,2.25'::dsec.latlon::point, dsec.latitude('48.5,2.25'), dsec.longitude('48.5,2.25');
-- the same text whatever extra_float_digits says
SET extra_float_digits = 0;
SELECT '0.1234567890123456,0.30000000000000004'::dsec.latlon;
RESET extra_float_digits;

-- precision
SELECT '48.8577,2.295'::dsec.latlon(1), '48.8577,2.295'::dsec.latlon(100), '48.8577,2.295'::dsec.latlon::dsec.latlon(5000), '48.8577,2.295'::dsec.latlon(1000000);
SELECT '1,2'::dsec.latlon(0);
SELECT '1,2'::dsec.latlon(-1);
SELECT '1,2'::dsec.latlon(1000001);
SELECT '1,2'::dsec.latlon(1, 2);
SELECT '1,2'::dsec.latlon(x);
SELECT format_type('dsec.latlon'::regtype, 100);
-- no cell is so small that all of it is within N metres of some place: height and least width of the cells of some places
SELECT n, bool_and(sqrt(height ^ 2 + width ^ 2) / 2 > n) AS coarse
FROM (SELECT n, (max(dsec.latitude(p)) - min(dsec.latitude(p))) * 110574 AS height, lat, c,
		CASE WHEN lat < 0 THEN min(dsec.latitude(p)) ELSE max(dsec.latitude(p)) END AS edge
	FROM unnest('{1,50,1000,1001,5000}'::int[]) n, unnest('{-84.99,-51.7,-23.4,-0.01,0,12.3,35.7,48.8577,60.1,78.2,84.9}'::float8[]) lat,
		dsec.latlon(dsec.latlon(lat, 2.295), n) c, generate_series(-1000, 1000) i,
		dsec.latlon(dsec.latitude(c) + i * n / 1.1e8, dsec.longitude(c)) p
	WHERE dsec.latlon(p, n) OPERATOR(dsec.=) c GROUP BY n, lat, c) h,
	LATERAL (SELECT (max(dsec.longitude(q)) - min(dsec.longitude(q))) * 111320 * cos(radians(edge)) AS width
		FROM generate_series(-1000, 1000) j, dsec.latlon(edge, dsec.longitude(c) + j * n / 1.1e8 / cos(radians(edge))) q
		WHERE dsec.latlon(q, n) OPERATOR(dsec.=) c) w
GROUP BY n ORDER BY n;
-- no position is much farther from its cell's centre than the precision, none is moved twice, and both sides of the 180th meridian are one
SELECT n, max(dsec.distance(p, c)) <= n * CASE WHEN n > 100000 THEN 2.4 ELSE 1.1 END AS within, max(dsec.distance(p, c)) > n * 0.98 AS coarse,
	bool_and(c OPERATOR(dsec.=) dsec.latlon(c, n)) AS stays,
	bool_and(dsec.latlon(dsec.latlon(dsec.latitude(p), 180), n) OPERATOR(dsec.=) dsec.latlon(dsec.latlon(dsec.latitude(p), -180), n)) AS wraps
FROM (SELECT n, p, dsec.latlon(p, n) AS c
	FROM unnest('{1,2,50,1000,5000,100000,1000000}'::int[]) n, generate_series(0, 4999) i,
		dsec.latlon(degrees(asin((i * 0.6180339887) % 1 * 2 - 1)), (i * 137.50776405) % 360 - 180) p) s
WHERE n > 100000 OR abs(dsec.latitude(p)) < 60
GROUP BY n ORDER BY n;
SELECT n, max(dsec.distance(p, dsec.latlon(p, n))) <= n * 2.4 AS within
FROM unnest('{1,100,1000,1000000}'::int[]) n, unnest('{"90,0", "-90,0", "89.99999,33", "-89.999,-179.9", "0,0", "0,180", "0,-180", "-0.00001,-0.00001", "90,180"}'::dsec.latlon[]) p
GROUP BY n ORDER BY n;
-- many positions become few
SELECT count(DISTINCT p), count(DISTINCT p::dsec.latlon(5000)), count(DISTINCT p::dsec.latlon(100000)) FROM (SELECT dsec.latlon(48 + i / 1e4, 2 + i / 1e4) AS p FROM generate_series(1, 1000) i) s;
-- along every way into a column
CREATE TABLE way (id text, p dsec.latlon(5000), a dsec.latlon(5000)[]);
CREATE DOMAIN town AS dsec.latlon(5000);
CREATE TYPE place AS (name text, p dsec.latlon(5000));
ALTER TABLE way ADD t town, ADD c place;
INSERT INTO way VALUES ('literal', '48.8577,2.295', '{"48.8577,2.295"}', '48.8577,2.295', '(x,"48.8577,2.295")');
INSERT INTO way SELECT 'select', v, ARRAY[v], v, ROW('x', v)::place FROM dsec.latlon(48.8577, 2.295) v;
COPY way FROM stdin;
copy	48.8577,2.295	{"48.8577,2.295"}	48.8577,2.295	(x,"48.8577,2.295")
\.
INSERT INTO way (id) VALUES ('update');
UPDATE way SET p = dsec.latlon(48.8577, 2.295), a[1] = dsec.latlon(48.8577, 2.295), t = dsec.latlon(48.8577, 2.295), c.p = dsec.latlon(48.8577, 2.295) WHERE id = 'update';
SELECT id, p, a, t, (c).p FROM way ORDER BY id;

-- distances that are known
SELECT round(dsec.distance('0,0', '0,1')::numeric, 3) AS degree, round(dsec.distance('90,0', '-90,0')::numeric) AS half_way, round(dsec.distance('0,0', '0,180')::numeric) AS around,
	round(dsec.distance('48.8566,2.3522', '51.5074,-0.1278')::numeric / 1000) AS paris_london_km, dsec.distance('1,2', '1,2') AS none, dsec.distance('0,-180', '0,180') < 0.001 AS meridian;

-- comparison, order, DISTINCT, joins and indexes
SET search_path = types_geo, dsec;
SELECT '1,2'::latlon = '(1,2)', '1,2'::latlon = '2,1', '1,2'::latlon <> '1,3', '1,2'::latlon < '1,3', '1,2'::latlon <= '1,2', '2,0'::latlon > '1,9', '1,2'::latlon >= '1,3', '-0,0'::latlon = '0,-0';
RESET search_path;
SET search_path = types_geo;
CREATE TABLE pos (id int PRIMARY KEY, p dsec.latlon UNIQUE);
INSERT INTO pos SELECT i, dsec.latlon(i % 90, i % 180) FROM generate_series(1, 180) i;
INSERT INTO pos VALUES (999, '1,1');
SELECT count(DISTINCT p), min(id) FROM pos;
SET enable_sort = off;
SELECT count(*) FROM (SELECT p FROM pos GROUP BY p) s;
RESET enable_sort;
SELECT p FROM pos ORDER BY p LIMIT 3;
CREATE INDEX ON pos USING hash (p);
SELECT count(*) FROM pos a JOIN pos b ON a.p OPERATOR(dsec.=) b.p;
SELECT bool_and(dsec.latlon_hash(p) = (dsec.latlon_hash_extended(p, 0) & 4294967295)::bit(32)::int) FROM pos;

-- tags: up to the precision that the label of the type says
CREATE TABLE tagged (id int PRIMARY KEY, p dsec.latlon, p1 dsec.latlon(1), p1000 dsec.latlon(1000), p1001 dsec.latlon(1001), p5000 dsec.latlon(5000),
	a1000 dsec.latlon(1000)[], a5000 dsec.latlon(5000)[]);
CREATE DOMAIN house AS dsec.latlon(20);
CREATE DOMAIN my_house AS house;
CREATE DOMAIN my_town AS town;
CREATE TYPE stay AS (at date, p dsec.latlon(100));
CREATE TYPE trip AS (at date, p dsec.latlon(5000));
CREATE TYPE house_range AS RANGE (subtype = house);
ALTER TABLE tagged ADD d1 house, ADD d2 my_house, ADD d3 town, ADD d4 my_town, ADD d5 my_town[], ADD d6 house[], ADD c1 stay, ADD c2 trip, ADD r house_range;
CREATE VIEW seen AS SELECT relation, column_name, tag, category, source, problem FROM dsec.tagged_columns
	WHERE relation::text !~ '[.]' ORDER BY relation::text COLLATE "C", column_name COLLATE "C";
SELECT * FROM seen WHERE relation = 'tagged'::regclass;
-- partitions and children have the columns, and so the types
CREATE TABLE part (id int, p dsec.latlon(10), q dsec.latlon(5000)) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (1);
SELECT * FROM seen WHERE relation::text LIKE 'part%';

-- another precision: finer is tagged, coarser keeps the tag that it had until an officer takes it away
CREATE TABLE alt (id int PRIMARY KEY, p dsec.latlon(5000), q dsec.latlon(10), r dsec.latlon(10), s dsec.latlon(5000), t dsec.latlon(10));
INSERT INTO alt VALUES (1, '48.8577,2.295', '48.8577,2.295', '48.8577,2.295', '48.8577,2.295', '48.8577,2.295');
SELECT column_name, tag, source FROM seen WHERE relation = 'alt'::regclass;
ALTER TABLE alt ALTER p TYPE dsec.latlon(10), ALTER q TYPE dsec.latlon(5000), ALTER r TYPE dsec.latlon(500), ALTER s TYPE dsec.latlon(6000), ALTER t TYPE point USING t::point;
SELECT column_name, tag, source FROM seen WHERE relation = 'alt'::regclass;
SELECT p, q, r, s FROM alt;
SELECT dsec.untag('alt', 'q');
SELECT column_name, tag, source FROM seen WHERE relation = 'alt'::regclass AND column_name = 'q';

-- the limit is data: an officer sets another, and who is none cannot
CREATE ROLE types_geo_owner;
SELECT label FROM pg_seclabels WHERE objtype = 'type' AND objname = 'dsec.latlon';
BEGIN;
SECURITY LABEL FOR dsec ON TYPE dsec.latlon IS 'precise_geolocation; max_typmod=5000';
SELECT column_name FROM seen WHERE relation = 'tagged'::regclass AND column_name LIKE '%p%';
SECURITY LABEL FOR dsec ON TYPE dsec.latlon IS 'precise_geolocation';
SELECT column_name FROM seen WHERE relation = 'tagged'::regclass AND column_name LIKE '%p%';
SECURITY LABEL FOR dsec ON TYPE dsec.latlon IS 'precise_geolocation; max_typmod=0';
SELECT column_name FROM seen WHERE relation = 'tagged'::regclass AND column_name LIKE '%p%';
ROLLBACK;
GRANT USAGE, CREATE ON SCHEMA types_geo TO types_geo_owner;
SET ROLE types_geo_owner;
CREATE DOMAIN mine AS numeric(4);
CREATE TABLE owned (id int PRIMARY KEY, v mine);
SECURITY LABEL FOR dsec ON DOMAIN mine IS 'personal_health; max_typmod=10000000';
SECURITY LABEL FOR dsec ON DOMAIN mine IS 'personal_health; max_typmod=1';
RESET ROLE;
SELECT column_name, tag, source FROM seen WHERE relation = 'owned'::regclass;

-- the attribute
SELECT v::dsec.tag_spec, dsec.attribute(v::dsec.tag_spec, 'max_typmod') FROM unnest('{precise_geolocation; max_typmod=1000, "precise_geolocation; max_typmod = 007 ;", a; max_typmod=2147483647, a; max_typmod=0, a; max_typmod=00}'::text[]) v;
SELECT 'a; max_typmod=2147483648'::dsec.tag_spec;
SELECT 'a; max_typmod=-1'::dsec.tag_spec;
SELECT 'a; max_typmod=1x'::dsec.tag_spec;
SELECT 'a; max_typmod='::dsec.tag_spec;
SELECT 'a; max_typmod=1; max_typmod=2'::dsec.tag_spec;
SECURITY LABEL FOR dsec ON COLUMN tagged.p5000 IS 'precise_geolocation; max_typmod=1000';
SECURITY LABEL FOR dsec ON COLUMN stay.p IS 'precise_geolocation; max_typmod=1000';
SECURITY LABEL FOR dsec ON TABLE tagged IS 'max_typmod=1000';

SET client_min_messages = warning;
DROP SCHEMA types_geo CASCADE;
DROP ROLE types_geo_owner;
