
# The owner of a table of genomes wants to get them out uncounted.  He is neither
# superuser nor officer; his tools are SQL, PL/pgSQL, dblink and postgres_fdw.  What
# he tries, and how it is judged, is in Dsec::Smuggle.

use strict;
use warnings;

use Dsec;
use Dsec::Smuggle;
use Test::More;

my $house = Dsec::node('house', conf => "dsec.unassigned = block\nmax_parallel_workers_per_gather = 0\n");

plan skip_all => 'postgres_fdw or dblink is not installed'
  if $house->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink')") < 2;

my $abroad = Dsec::node('abroad', conf => "dsec.mode = off\n", preload => '', extension => 0);
my $xml = $house->psql('postgres', "SELECT query_to_xml('SELECT 1', false, false, '')") == 0;
# What docs/limits.md says is not closed, in its words.
my %known = (
	'a DELETE that a dictionary decides' =>
	  'DELETE that a tagged column of another relation decides',
	'ADD COLUMN with a DEFAULT that reads' =>
	  'ADD COLUMN may have a DEFAULT that reads',
	'a key that he changes' =>
	  'Whoever may write the subject key decides whose a row is',
	'a trigger that changes the key' =>
	  'Whoever may write the subject key decides whose a row is',
	'a row trigger that copies another column of NEW' =>
	  'trigger may move values of NEW to other columns of the row',
	'a row trigger on the copy, that swaps its columns' =>
	  'trigger may move values of NEW to other columns of the row',
	'INSTEAD OF on a view' =>
	  'INSTEAD OF trigger may move values of NEW to other columns of the row, or to another table',
	'a held cursor, fetched in a function' =>
	  'A cursor WITH HOLD fetched by a function',
	'an index expression that writes' =>
	  'Functions that ALTER TABLE, CREATE INDEX or a new constraint calls',
	'a CHECK that writes' =>
	  'Functions that ALTER TABLE, CREATE INDEX or a new constraint calls',
	'ALTER TYPE USING a function that writes' =>
	  'Functions that ALTER TABLE, CREATE INDEX or a new constraint calls',
	'EXECUTE of CREATE VIEW with the data in its text' =>
	  'CREATE VIEW that EXECUTE is given as text',
	'set_config as storage' =>
	  'settings of a role or a session',
	'set_config as storage, exported from there' =>
	  'settings of a role or a session');
my $den = Dsec::Smuggle->new($house, $abroad, people => 105, known => \%known);

# ---- the twelve -----------------------------------------------------------------------

$den->smuggle(
	'a temporary table' => [
		'CREATE TEMP TABLE t AS SELECT * FROM genome',
		'ALTER TABLE t RENAME TO u',
		'ALTER TABLE u RENAME COLUMN seq TO note',
		'CREATE TABLE loot AS SELECT person_id AS id, note FROM u',
		'DROP TABLE u'
	],
	'rename' => [
		'CREATE TABLE fresh (LIKE genome)',
		'INSERT INTO fresh SELECT * FROM genome',
		'ALTER TABLE fresh RENAME COLUMN seq TO remark',
		'ALTER TABLE fresh RENAME COLUMN person_id TO visit_id',
		'BEGIN',
		'ALTER TABLE genome RENAME TO genome_old',
		'ALTER TABLE fresh RENAME TO loot',
		'COMMIT',
		'DROP TABLE genome_old'
	],
	'a materialized view over CREATE TABLE AS' => [
		'CREATE TABLE base AS SELECT seq, person_id AS id FROM genome WITH NO DATA',
		'CREATE MATERIALIZED VIEW loot AS SELECT * FROM base WITH NO DATA',
		'INSERT INTO base SELECT seq, person_id FROM genome',
		'REFRESH MATERIALIZED VIEW loot',
		'TRUNCATE base'
	],
	'a partition attached and detached' => [
		'CREATE TABLE whole (person_id int NOT NULL, seq text NOT NULL, lab int) PARTITION BY RANGE (person_id)',
		'ALTER TABLE whole ATTACH PARTITION genome FOR VALUES FROM (1) TO (1000)',
		'CREATE TABLE loot PARTITION OF whole FOR VALUES FROM (1000) TO (9000)',
		'UPDATE whole SET person_id = person_id + 1000',
		'ALTER TABLE whole DETACH PARTITION loot',
		'ALTER TABLE whole DETACH PARTITION genome',
		'DROP TABLE whole'
	],
	'UPDATE of an old table' => [
		'CREATE TABLE loot (id int PRIMARY KEY, note text)',
		'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		'UPDATE loot SET note = g.seq FROM genome g WHERE g.person_id = loot.id'
	],
	'a JSON column' => [
		'CREATE TABLE docs (doc jsonb)',
		"INSERT INTO docs SELECT jsonb_build_object('a', person_id, 'b', jsonb_build_array(seq)) FROM genome",
		{ query => "SELECT doc #>> '{b,0}' FROM docs" }
	],
	'base64 in text' => [
		"CREATE TABLE loot AS SELECT encode(convert_to('<' || seq || '>', 'UTF8'), 'base64') AS picture FROM genome"
	],
	'an array column' => [
		'CREATE TABLE arrays (a text[])',
		'INSERT INTO arrays SELECT array_agg(seq) FROM genome',
		{ query => 'SELECT unnest(a) FROM arrays' }
	],
	'a composite type' => [
		'CREATE TYPE pair AS (k int, v text)',
		'CREATE TABLE pairs (p pair)',
		'INSERT INTO pairs SELECT ROW(person_id, seq)::pair FROM genome',
		'CREATE TABLE loot AS SELECT (p).v FROM pairs'
	],
	'a view over a copy' => [
		'CREATE TABLE copied AS SELECT person_id, seq FROM genome',
		'CREATE VIEW loot AS SELECT reverse(seq) AS s FROM copied OFFSET 0'
	],
	'two servers' => [
		"CREATE FOREIGN TABLE second (t text) SERVER {server}b OPTIONS (schema_name '{schema}', table_name 'taken')",
		'CREATE TABLE half AS SELECT seq FROM genome WHERE person_id <= 60',
		'INSERT INTO taken SELECT * FROM half',
		'INSERT INTO second SELECT seq FROM genome WHERE person_id > 60',
		{ query => 'SELECT seq FROM genome' }
	],
	'a foreign partition' => [
		'CREATE TABLE whole (person_id int, t text) PARTITION BY RANGE (person_id)',
		'CREATE TABLE near PARTITION OF whole FOR VALUES FROM (1) TO (1000)',
		"CREATE FOREIGN TABLE far PARTITION OF whole FOR VALUES FROM (1000) TO (9000) SERVER {server} OPTIONS (schema_name '{schema}', table_name 'far')",
		"1: INSERT INTO whole SELECT person_id, seq FROM genome",
		'UPDATE whole SET person_id = person_id + 1000 WHERE person_id < 1000',
		{ query => 'SELECT 1', but => { read => 0, copy => 0 }, there => 'CREATE TABLE {schema}.far (person_id int, t text)' }
	]);

# ---- more copies ----------------------------------------------------------------------------

$den->smuggle(
	'SELECT INTO an unlogged table' => [ 'SELECT seq, lab INTO UNLOGGED loot FROM genome' ],
	'MERGE' => [
		'CREATE TABLE loot (id int, note text)',
		'MERGE INTO loot l USING genome g ON l.id = g.person_id WHEN NOT MATCHED THEN INSERT VALUES (g.person_id, g.seq)',
		'MERGE INTO loot l USING genome g ON l.id = g.person_id WHEN MATCHED THEN UPDATE SET note = lower(g.seq)'
	],
	'ON CONFLICT DO UPDATE' => [
		'CREATE TABLE loot (id int PRIMARY KEY, note text)',
		'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		"INSERT INTO loot SELECT person_id, seq FROM genome ON CONFLICT (id) DO UPDATE SET note = excluded.note"
	],
	'a writable CTE' => [
		'CREATE TABLE loot (note text)',
		'WITH q AS (DELETE FROM genome RETURNING seq) INSERT INTO loot SELECT seq FROM q'
	],
	'a writable CTE beside' => [
		'CREATE TABLE loot (note text)',
		'WITH q AS (INSERT INTO loot SELECT seq FROM genome RETURNING 1) SELECT count(*) FROM q'
	],
	'a scalar subquery' => [
		'CREATE TABLE loot (id int, note text)',
		'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		'UPDATE loot SET note = (SELECT seq FROM genome WHERE person_id = loot.id)'
	],
	'INSERT with VALUES of subqueries' => [
		'CREATE TABLE loot (note text)',
		'INSERT INTO loot VALUES ' . join(', ', map { "((SELECT seq FROM genome WHERE person_id = $_))" } 1 .. 105)
	],
	'string_agg, split again' => [
		"CREATE TABLE one AS SELECT string_agg(seq, ',') AS s FROM genome",
		"CREATE TABLE loot AS SELECT regexp_split_to_table(s, ',') AS s FROM one"
	],
	'a recursive query that accumulates' => [
		'CREATE TABLE one AS WITH RECURSIVE r(i, s) AS (SELECT 0, \'\' UNION ALL '
		  . 'SELECT i + 1, s || (SELECT seq FROM genome WHERE person_id = i + 1) FROM r WHERE i < 105) SELECT s FROM r WHERE i = 105',
		{ query => 'SELECT * FROM one' }
	],
	'DISTINCT ON' => [ 'CREATE TABLE loot AS SELECT DISTINCT ON (person_id) seq FROM genome' ],
	'DISTINCT' => [ 'CREATE TABLE loot AS SELECT DISTINCT seq FROM genome' ],
	'UNION' => [ 'CREATE TABLE loot AS SELECT seq FROM genome UNION SELECT seq FROM genome' ],
	'a window' => [ 'CREATE TABLE loot AS SELECT person_id, lag(seq) OVER (ORDER BY person_id), first_value(seq) OVER (ORDER BY person_id DESC) FROM genome' ],
	'max by key' => [ 'CREATE TABLE loot AS SELECT person_id, max(seq) FROM genome GROUP BY person_id' ],
	'a whole row' => [ 'CREATE TABLE rows (r genome)', 'INSERT INTO rows SELECT g FROM genome g', { query => 'SELECT (r).seq FROM rows' } ],
	'a row as text' => [ 'CREATE TABLE loot AS SELECT g::text FROM genome g' ],
	'JSON keys' => [
		'CREATE TABLE one AS SELECT jsonb_object_agg(seq, 1) AS j FROM genome',
		{ query => 'SELECT jsonb_object_keys(j) FROM one' }
	],
	$xml ? (
	'XML' => [ "CREATE TABLE loot AS SELECT query_to_xml('SELECT seq FROM genome', false, false, '')::text AS x" ],
	'the whole schema as XML' => [ "CREATE TABLE loot AS SELECT schema_to_xml('{schema}', false, false, '')::text AS x" ],
	'a table as XML with a cursor' => [
		'BEGIN', 'DECLARE c CURSOR FOR SELECT seq FROM genome',
		"CREATE TABLE loot AS SELECT cursor_to_xml('c', 200, false, false, '')::text AS x", 'COMMIT'
	]) : (),
	'words of a text search' => [
		"CREATE TABLE loot AS SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', seq) FROM genome')"
	],
	'a range' => [
		'CREATE TYPE seqrange AS RANGE (subtype = text)',
		'CREATE TABLE ranges (r seqrange)',
		"INSERT INTO ranges SELECT seqrange(seq, seq, '[]') FROM genome",
		{ query => 'SELECT lower(r) FROM ranges' }
	],
	'an array of domains' => [
		'CREATE DOMAIN note AS text', 'CREATE TABLE notes (n note[])',
		'INSERT INTO notes SELECT ARRAY[seq, seq]::note[] FROM genome',
		{ query => 'SELECT n[2] FROM notes' }
	],
	'an element of an array' => [
		"CREATE TABLE notes (n text[] DEFAULT '{}', id int)", 'INSERT INTO notes (id) SELECT i FROM generate_series(1, 105) i',
		'UPDATE notes SET n[3] = seq FROM genome WHERE id = person_id',
		{ query => 'SELECT n FROM notes' }
	],
	'a field of a composite' => [
		'CREATE TYPE pair AS (k int, v text)', 'CREATE TABLE pairs (p pair, id int)',
		'INSERT INTO pairs (id) SELECT i FROM generate_series(1, 105) i',
		'UPDATE pairs SET p.v = seq FROM genome WHERE id = person_id',
		{ query => 'SELECT (p).v FROM pairs' }
	],
	'numbers of letters' => [
		'CREATE TABLE letters AS SELECT ascii(substr(seq, 4, 5)) FROM genome',
		'CREATE TABLE chars AS SELECT array_agg(ascii(c) ORDER BY n) AS a FROM genome, string_to_table(seq, NULL) WITH ORDINALITY s(c, n) GROUP BY person_id',
		{ query => 'SELECT a FROM chars' }
	],
	'letters in rows' => [
		'CREATE TABLE loot AS SELECT c FROM genome, string_to_table(seq, NULL) WITH ORDINALITY s(c, n) ORDER BY person_id, n',
		{ but => { server => 0 } }
	],
	'a cipher' => [ "CREATE TABLE loot AS SELECT translate(seq, '0123456789', 'abcdefghij') AS c FROM genome" ],
	'md5, of which he has a list' => [ 'CREATE TABLE loot AS SELECT md5(seq) FROM genome' ],
	'a CHECK of what it is' => [
		"CREATE TABLE dictionary AS SELECT 'GNM' || lpad(i::text, 5, '0') || 'X' AS w FROM generate_series(1, 105) i",
		'CREATE TABLE loot AS SELECT w FROM dictionary d WHERE EXISTS (SELECT FROM genome WHERE seq = w)'
	],
	'a join with a dictionary' => [
		"CREATE TABLE dictionary AS SELECT 'GNM' || lpad(i::text, 5, '0') || 'X' AS w FROM generate_series(1, 105) i",
		'CREATE TABLE loot AS SELECT w FROM dictionary JOIN genome ON seq = w'
	],
	'an UPDATE that a dictionary decides' => [
		"CREATE TABLE loot AS SELECT 'GNM' || lpad(i::text, 5, '0') || 'X' AS w, false AS found FROM generate_series(1, 105) i",
		'UPDATE loot SET found = true FROM genome WHERE seq = w',
		{ query => 'SELECT w FROM loot WHERE found' }
	],
	'a DELETE that a dictionary decides' => [
		"CREATE TABLE loot AS SELECT 'GNM' || lpad(i::text, 5, '0') || 'X' AS w FROM generate_series(1, 180) i",
		'DELETE FROM loot WHERE w NOT IN (SELECT seq FROM genome)'
	]);

# ---- DDL ----------------------------------------------------------------------------------------

$den->smuggle(
	'a table LIKE it, and RENAME of the column first' => [
		'CREATE TABLE loot (LIKE genome INCLUDING ALL)', 'ALTER TABLE loot RENAME COLUMN seq TO q',
		'INSERT INTO loot SELECT * FROM genome'
	],
	'a child' => [
		'CREATE TABLE loot () INHERITS (genome)', 'WITH d AS (DELETE FROM ONLY genome RETURNING *) INSERT INTO loot SELECT * FROM d',
		'ALTER TABLE loot NO INHERIT genome'
	],
	'a parent' => [
		'CREATE TABLE loot (person_id int NOT NULL, seq text NOT NULL)', 'ALTER TABLE genome INHERIT loot'
	],
	'a parent, over a copy' => [
		'CREATE TABLE loot (seq text)', 'CREATE TABLE child () INHERITS (loot)', 'INSERT INTO child SELECT seq FROM genome'
	],
	'a partition filled through its root, then detached' => [
		'CREATE TABLE whole (id int, note text) PARTITION BY LIST (id)', 'CREATE TABLE loot PARTITION OF whole DEFAULT',
		'INSERT INTO whole SELECT person_id, seq FROM genome', 'ALTER TABLE whole DETACH PARTITION loot'
	],
	'a partition of a partition' => [
		'CREATE TABLE whole (id int, note text) PARTITION BY LIST (id)',
		'CREATE TABLE middle PARTITION OF whole DEFAULT PARTITION BY RANGE (id)', 'CREATE TABLE loot PARTITION OF middle DEFAULT',
		'INSERT INTO middle SELECT person_id, seq FROM genome',
		'ALTER TABLE middle DETACH PARTITION loot', 'ALTER TABLE whole DETACH PARTITION middle'
	],
	'a partition attached with the data, and read through its root' => [
		'CREATE TABLE loot (id int, note text) PARTITION BY LIST (id)', 'CREATE TABLE part (id int, note text)',
		'INSERT INTO part SELECT person_id, seq FROM genome', 'ALTER TABLE loot ATTACH PARTITION part DEFAULT'
	],
	'DROP COLUMN and ADD COLUMN' => [
		'CREATE TABLE loot AS SELECT person_id, seq FROM genome', 'ALTER TABLE loot ADD COLUMN note text',
		'UPDATE loot SET note = seq', 'ALTER TABLE loot DROP COLUMN seq'
	],
	'ALTER TYPE' => [
		'CREATE TABLE loot AS SELECT seq FROM genome', 'ALTER TABLE loot ALTER COLUMN seq TYPE varchar',
		"ALTER TABLE loot ALTER COLUMN seq TYPE bytea USING convert_to(seq, 'UTF8')"
	],
	'ALTER TYPE of another column' => [
		'CREATE TABLE loot AS SELECT seq, person_id FROM genome', 'ALTER TABLE loot ADD note text',
		"ALTER TABLE loot ALTER COLUMN note TYPE text USING seq || ''", 'ALTER TABLE loot DROP COLUMN seq'
	],
	'ALTER TYPE of the genome\'s own neighbour' => [
		'ALTER TABLE genome ALTER COLUMN lab TYPE text USING seq',
		{ query => 'SELECT lab FROM genome' }
	],
	'ALTER TYPE of a parent' => [
		'CREATE TABLE parent (seq text, note text)', 'CREATE TABLE child () INHERITS (parent)', 'INSERT INTO child SELECT seq FROM genome',
		'ALTER TABLE parent ALTER COLUMN note TYPE text USING seq, DROP COLUMN seq', { query => 'SELECT note FROM parent' }
	],
	'a generated column' => [
		"ALTER TABLE genome ADD COLUMN lower text GENERATED ALWAYS AS (lower(seq)) STORED",
		{ query => 'SELECT lower FROM genome' }
	],
	'a generated column of a copy' => [
		'CREATE TABLE copied (seq text, g text GENERATED ALWAYS AS (lower(seq)) STORED)', 'INSERT INTO copied SELECT seq FROM genome',
		{ query => 'SELECT g FROM copied' }
	],
	'ADD COLUMN with a DEFAULT that reads' => [
		"CREATE FUNCTION take(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT seq FROM {schema}.genome WHERE person_id = \$1'",
		'CREATE SEQUENCE n', 'CREATE TABLE loot (id int)', 'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		"ALTER TABLE loot ADD COLUMN note text DEFAULT {schema}.take(nextval('n')::int)"
	],
	'a DEFAULT that reads' => [
		"CREATE FUNCTION take(int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT seq FROM {schema}.genome WHERE person_id = \$1); END'",
		'CREATE SEQUENCE n', "CREATE TABLE loot (id int, note text DEFAULT take(nextval('n')::int))",
		'INSERT INTO loot SELECT i FROM generate_series(1, 105) i'
	],
	'CLUSTER, VACUUM FULL, TRUNCATE and reload' => [
		'CREATE TABLE loot AS SELECT * FROM genome', 'CREATE INDEX i ON loot (seq)', 'CLUSTER loot USING i', 'VACUUM FULL loot',
		'CREATE TEMP TABLE keep AS SELECT * FROM loot', 'TRUNCATE loot', 'INSERT INTO loot SELECT * FROM keep'
	],
	'SET SCHEMA and SET UNLOGGED' => [
		'CREATE TEMP TABLE x AS SELECT 1', 'CREATE TABLE copied AS SELECT seq FROM genome', 'ALTER TABLE copied SET UNLOGGED',
		'ALTER TABLE copied SET (fillfactor = 50)', 'ALTER TABLE copied SET LOGGED', 'ALTER TABLE copied RENAME TO loot'
	],
	'a prepared transaction' => [
		'BEGIN', 'CREATE TABLE loot AS SELECT * FROM genome', "PREPARE TRANSACTION '{schema}'", '2: COMMIT PREPARED \'{schema}\''
	],
	'a savepoint rolled back' => [
		'CREATE TABLE loot (note text)', 'BEGIN', 'SAVEPOINT a', "INSERT INTO loot SELECT 'x' || seq FROM genome", 'ROLLBACK TO a',
		'INSERT INTO loot SELECT seq FROM genome', 'COMMIT'
	],
	'his own SECURITY LABEL' => [
		'CREATE TABLE loot AS SELECT * FROM genome', '! SECURITY LABEL FOR dsec ON COLUMN loot.seq IS NULL',
		"! SECURITY LABEL FOR dsec ON COLUMN loot.seq IS 'personal_health'"
	],
	'a declassified function of his own' => [
		"CREATE FUNCTION pass(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT \$1'",
		"! SECURITY LABEL FOR dsec ON FUNCTION pass(text) IS 'declassify; reason=mine'",
		'CREATE TABLE loot AS SELECT pass(seq) FROM genome'
	],
	'a tag of his own, that names a constant as subject' => [
		'CREATE TABLE loot (one int, seq text)', "SECURITY LABEL FOR dsec ON TABLE loot IS 'subject=one; space=mine'",
		"SECURITY LABEL FOR dsec ON COLUMN loot.seq IS 'human_genomic'", 'INSERT INTO loot SELECT 1, seq FROM genome',
		{ control => 0 }
	],
	'a tag of his own, of another category' => [
		'CREATE TABLE loot (person_id int, seq text)', "SECURITY LABEL FOR dsec ON TABLE loot IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN loot.seq IS 'personal_health'", 'INSERT INTO loot SELECT person_id, seq FROM genome'
	],
	'a key that he changes' => [
		'CREATE TABLE loot AS SELECT person_id, seq FROM genome', 'UPDATE loot SET person_id = 1'
	],
	'a key that he changes on the way' => [
		'CREATE TABLE loot (person_id int, seq text)', 'INSERT INTO loot SELECT person_id / 1000, seq FROM genome'
	],
	'a trigger that changes the key' => [
		'CREATE TABLE loot (person_id int, seq text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.person_id = 1; RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE INSERT ON loot FOR EACH ROW EXECUTE FUNCTION t()',
		'INSERT INTO loot SELECT person_id, seq FROM genome'
	],
	'the key of the source' => [ 'UPDATE genome SET person_id = -person_id', 'CREATE TABLE loot AS SELECT seq FROM genome' ]);

# ---- triggers, rules, functions -------------------------------------------------------------

$den->smuggle(
	'a row trigger that copies NEW' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE TRIGGER t AFTER UPDATE ON genome FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE genome SET lab = 1'
	],
	'a row trigger that copies another column of NEW' => [
		'ALTER TABLE genome ADD COLUMN x text',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.x = NEW.seq; RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE UPDATE ON genome FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE genome SET lab = 1',
		{ query => 'SELECT x FROM genome' }
	],
	'a row trigger on the copy, that swaps its columns' => [
		'CREATE TABLE loot (note text, other text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.other = NEW.note; NEW.note = NULL; RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE INSERT ON loot FOR EACH ROW EXECUTE FUNCTION t()', 'INSERT INTO loot (note) SELECT seq FROM genome',
		{ query => 'SELECT other FROM loot' }
	],
	'a trigger that keeps it in a JSON document' => [
		'CREATE TABLE log (doc jsonb)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.log VALUES (to_jsonb(OLD)); RETURN NULL; END'",
		'CREATE TRIGGER t AFTER DELETE ON genome FOR EACH ROW EXECUTE FUNCTION t()', 'DELETE FROM genome',
		{ query => 'SELECT doc FROM log' }
	],
	'a transition table' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot SELECT seq FROM old_rows; RETURN NULL; END'",
		'CREATE TRIGGER t AFTER UPDATE ON genome REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION t()',
		'UPDATE genome SET lab = 1'
	],
	'a rule' => [
		'CREATE TABLE loot (note text)',
		'CREATE RULE r AS ON UPDATE TO genome DO ALSO INSERT INTO loot VALUES (OLD.seq)', 'UPDATE genome SET lab = 1'
	],
	'INSTEAD OF on a view' => [
		'CREATE TABLE loot (note text)', 'CREATE VIEW door AS SELECT seq FROM genome WHERE false',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE TRIGGER t INSTEAD OF INSERT ON door FOR EACH ROW EXECUTE FUNCTION t()', 'INSERT INTO door SELECT seq FROM genome'
	],
	'INSERT through a view' => [
		'CREATE TABLE loot (note text)', 'CREATE VIEW door AS SELECT note AS a FROM loot', 'INSERT INTO door SELECT seq FROM genome'
	],
	'a loop in DO' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP INSERT INTO {schema}.loot VALUES (s); END LOOP; END'"
	],
	'a loop in DO over records' => [
		'CREATE TABLE loot (id int, note text)',
		"DO 'DECLARE r record; BEGIN FOR r IN SELECT * FROM {schema}.genome LOOP INSERT INTO {schema}.loot VALUES (r.person_id, lower(r.seq)); END LOOP; END'"
	],
	'a variable, in UPDATE' => [
		'CREATE TABLE loot (note text)', 'INSERT INTO loot VALUES (\'\')',
		"DO 'DECLARE s text; BEGIN FOR i IN 1..105 LOOP SELECT seq INTO s FROM {schema}.genome WHERE person_id = i; UPDATE {schema}.loot SET note = note || s; END LOOP; END'"
	],
	'an array in a variable' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE a text[]; BEGIN a := ARRAY(SELECT seq FROM {schema}.genome); INSERT INTO {schema}.loot SELECT unnest(a); END'"
	],
	'an array in a variable, CREATE TABLE AS' => [
		"DO 'DECLARE a text; BEGIN a := (SELECT string_agg(seq, '','') FROM {schema}.genome); EXECUTE ''CREATE TABLE {schema}.loot AS SELECT \$1 AS s'' USING a; END'"
	],
	'a cursor variable' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE c CURSOR FOR SELECT seq FROM {schema}.genome; s text; BEGIN OPEN c; LOOP FETCH c INTO s; EXIT WHEN NOT FOUND; INSERT INTO {schema}.loot VALUES (s); END LOOP; END'"
	],
	'a cursor of the session, fetched in a function' => [
		'CREATE TABLE loot (note text)', 'BEGIN', 'DECLARE c CURSOR FOR SELECT seq FROM genome',
		"DO 'DECLARE c refcursor := ''c''; s text; BEGIN LOOP FETCH c INTO s; EXIT WHEN NOT FOUND; INSERT INTO {schema}.loot VALUES (s); END LOOP; END'",
		'COMMIT'
	],
	'a held cursor, fetched in a function' => [
		'CREATE TABLE loot (note text)', 'DECLARE c CURSOR WITH HOLD FOR SELECT seq FROM genome',
		"DO 'DECLARE c refcursor := ''c''; s text; BEGIN LOOP FETCH c INTO s; EXIT WHEN NOT FOUND; INSERT INTO {schema}.loot VALUES (s); END LOOP; END'"
	],
	'a procedure with OUT parameters' => [
		'CREATE TABLE loot (note text)',
		"CREATE PROCEDURE get(i int, INOUT s text) LANGUAGE plpgsql AS 'BEGIN SELECT seq INTO s FROM {schema}.genome WHERE person_id = i; END'",
		"DO 'DECLARE s text; BEGIN FOR i IN 1..105 LOOP CALL {schema}.get(i, s); INSERT INTO {schema}.loot VALUES (s); END LOOP; END'"
	],
	'a function that returns, called beside INSERT' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION get() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT seq FROM {schema}.genome; END'",
		'INSERT INTO loot SELECT get()'
	],
	'a function in FROM, and CREATE TABLE AS' => [
		"CREATE FUNCTION get() RETURNS TABLE (s text) LANGUAGE plpgsql AS 'DECLARE r record; BEGIN FOR r IN SELECT seq FROM {schema}.genome LOOP s := r.seq; RETURN NEXT; END LOOP; END'",
		'CREATE TABLE loot AS SELECT * FROM get()'
	],
	'an SQL function in FROM' => [
		"CREATE FUNCTION get() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT seq FROM {schema}.genome'",
		'CREATE TABLE loot AS SELECT * FROM get()'
	],
	'an SQL function with a body, VOLATILE' => [
		'CREATE FUNCTION get(i int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT seq FROM genome WHERE person_id = i; END',
		'CREATE TABLE loot (note text)', 'INSERT INTO loot SELECT get(i) FROM generate_series(1, 105) i'
	],
	'an SQL function that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS void LANGUAGE sql AS 'INSERT INTO {schema}.loot VALUES (\$1)'",
		'SELECT put(seq) FROM genome'
	],
	'a PL/pgSQL function that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); END'",
		'SELECT count(put(seq)) FROM genome'
	],
	'an aggregate that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(int, text) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$2); RETURN 1; END'",
		'CREATE AGGREGATE puts(text) (SFUNC = put, STYPE = int)', 'SELECT puts(seq) FROM genome'
	],
	'a function in WHERE that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS bool LANGUAGE plpgsql COST 0.01 AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN false; END'",
		'SELECT 1 FROM genome WHERE put(seq)'
	],
	'an index expression that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN NULL; END'",
		"CREATE FUNCTION pass(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN {schema}.put(\$1); END'",
		'CREATE INDEX ON genome (pass(seq))'
	],
	'a CHECK that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN true; END'",
		'ALTER TABLE genome ADD CHECK (put(seq))'
	],
	'a domain that writes' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION put(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN true; END'",
		'CREATE DOMAIN nosy AS text CHECK (put(VALUE))', 'SELECT count(seq::nosy) FROM genome'
	],
	'ALTER TYPE USING a function that writes' => [
		'CREATE TABLE loot (note text)', 'CREATE TABLE copied AS SELECT seq FROM genome',
		"CREATE FUNCTION put(text) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN 1; END'",
		'ALTER TABLE copied ALTER COLUMN seq TYPE int USING put(seq)'
	],
	'a row security policy that writes' => [
		'CREATE TABLE loot (note text)', 'ALTER TABLE genome ENABLE ROW LEVEL SECURITY', 'ALTER TABLE genome FORCE ROW LEVEL SECURITY',
		"CREATE FUNCTION put(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); RETURN true; END'",
		'CREATE POLICY p ON genome USING (put(seq))', 'SELECT count(*) FROM genome'
	],
	'EXECUTE of INSERT with USING' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP EXECUTE ''INSERT INTO {schema}.loot VALUES (\$1)'' USING s; END LOOP; END'"
	],
	'EXECUTE of INSERT with the data in its text' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP EXECUTE format(''INSERT INTO {schema}.loot VALUES (%L)'', s); END LOOP; END'"
	],
	'EXECUTE of CREATE TABLE AS with the data in its text' => [
		"DO 'BEGIN EXECUTE (SELECT format(''CREATE TABLE {schema}.loot AS SELECT unnest(%L::text[])'', array_agg(seq)) FROM {schema}.genome); END'"
	],
	'EXECUTE of CREATE MATERIALIZED VIEW with the data in its text' => [
		"DO 'BEGIN EXECUTE (SELECT format(''CREATE MATERIALIZED VIEW {schema}.loot AS SELECT unnest(%L::text[])'', array_agg(seq)) FROM {schema}.genome); END'"
	],
	'CREATE TABLE AS with a parameter' => [
		"DO 'DECLARE a text[]; BEGIN SELECT array_agg(seq) INTO a FROM {schema}.genome; CREATE TABLE {schema}.loot AS SELECT s FROM unnest(a) s; END'"
	],
	'CREATE TABLE AS that calls what does the same' => [
		"CREATE FUNCTION make() RETURNS text LANGUAGE plpgsql AS 'BEGIN CREATE TABLE {schema}.inner_one AS SELECT seq FROM {schema}.genome; RETURN (SELECT string_agg(seq, '','') FROM {schema}.inner_one); END'",
		'CREATE TABLE loot AS SELECT make()'
	],
	'EXECUTE of CREATE VIEW with the data in its text' => [
		"DO 'BEGIN EXECUTE (SELECT format(''CREATE VIEW {schema}.loot AS SELECT unnest(%L::text[])'', array_agg(seq)) FROM {schema}.genome); END'"
	],
	'set_config as storage' => [
		"SELECT count(set_config('my.v' || person_id, seq, false)) FROM genome",
		'CREATE TABLE loot (note text)', "INSERT INTO loot SELECT current_setting('my.v' || i) FROM generate_series(1, 105) i"
	],
	'set_config as storage, exported from there' => [
		"SELECT set_config('my.all', string_agg(seq, ','), false) FROM genome",
		{ query => "SELECT current_setting('my.all', true)", but => { read => 0 } }
	]);

$house->stop;
$abroad->stop;
done_testing();
