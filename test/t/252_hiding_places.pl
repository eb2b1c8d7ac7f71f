
# The owner of a table of genomes keeps them where nobody looks for columns, sends
# them by servers and functions, and has others carry them.  How it is judged is in
# Dsec::Smuggle.

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
# What docs/limits.md says is not closed, in its words.
my %known = (
	'the same place in one transaction' =>
	  'Rows without key that one transaction writes',
	'the text of an error of DDL' =>
	  'of an error that DDL or a constraint quotes a row in',
	'the detail of a constraint' =>
	  'of an error that DDL or a constraint quotes a row in',
	'names of tables' =>
	  'comments, names, labels of enums',
	'comments' =>
	  'comments, names, labels of enums',
	'labels of an enum' =>
	  'comments, names, labels of enums',
	'the body of a function' =>
	  'bodies of functions, defaults, views',
	'a default' =>
	  'bodies of functions, defaults, views',
	'a role\'s setting' =>
	  'settings of a role or a session',
	'sequences' =>
	  'sequences, advisory locks, large objects',
	'advisory locks' =>
	  'sequences, advisory locks, large objects',
	'a function\'s result in the remote query' =>
	  'what a function returns into a query of a foreign server',
	'the name of the application' =>
	  'also the `application_name` that a foreign server is told');
my $den = Dsec::Smuggle->new($house, $abroad, people => 105, known => \%known);

# a function that returns everybody, and one for each
my @get = (
	"CREATE FUNCTION get(i int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT seq FROM {schema}.genome WHERE person_id = i); END'",
	"CREATE FUNCTION all_of_them() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT string_agg(seq, '','') FROM {schema}.genome); END'");
# statistics are refused whether or not this table has tags
my %nothing = (but => { read => 0, copy => 0, server => 0 });
# whoever sends by a function is the recipient, unless the function is bound
my %called = (routes => ['server'], query => '', recipient => { server => 'unassigned:{owner}' });
my @connect = ("SELECT dblink_connect('c', '{there}')");
my %sent = (routes => ['server'], query => '');

# ---- rows ---------------------------------------------------------------------------------------

$den->smuggle(
	'another column of the same table' => [
		'ALTER TABLE genome ADD COLUMN x text', 'UPDATE genome SET x = seq', { query => 'SELECT x FROM genome' }
	],
	'everybody in one row of the table itself' => [
		'ALTER TABLE genome ALTER seq DROP NOT NULL', "UPDATE genome SET seq = (SELECT string_agg(seq, ',') FROM genome) WHERE person_id = 1",
		{ query => 'SELECT seq FROM genome WHERE person_id = 1' }
	],
	'everybody in one row of a copy with keys' => [
		'CREATE TABLE loot AS SELECT person_id, seq FROM genome',
		"UPDATE loot SET seq = (SELECT string_agg(seq, ',') FROM genome) WHERE person_id = 1",
		{ query => 'SELECT seq FROM loot WHERE person_id = 1' }
	],
	'one row after the other, over the same row' => [
		'CREATE TABLE loot AS SELECT person_id, seq FROM genome WHERE person_id = 1',
		map({ ("UPDATE loot SET seq = g.seq FROM genome g WHERE g.person_id = $_", 'COPY loot TO STDOUT') } 1 .. 105),
		{ routes => ['copy'] }
	],
	'the same place in one transaction' => [
		'BEGIN', 'CREATE TABLE loot (seq text)',
		'INSERT INTO loot SELECT seq FROM genome WHERE person_id <= 60', 'COPY loot TO STDOUT', 'TRUNCATE loot',
		'INSERT INTO loot SELECT seq FROM genome WHERE person_id > 60', 'COPY loot TO STDOUT', 'COMMIT',
		{ routes => ['copy'] }
	],
	'tables that come and go' => [
		map({ ('BEGIN', "CREATE TABLE loot AS SELECT seq FROM genome WHERE person_id BETWEEN $_ AND $_ + 19", 'COPY loot TO STDOUT', 'ROLLBACK') }
			map { 1 + $_ * 20 } 0 .. 5),
		{ routes => ['copy'], query => 'SELECT 1' }
	],
	'COPY in the transaction that copies' => [
		'BEGIN', 'CREATE TEMP TABLE loot ON COMMIT DROP AS SELECT seq FROM genome', { routes => ['copy'] }
	],
	'RETURNING, twice' => [
		'CREATE TABLE first (s text)', 'CREATE TABLE loot (s text)',
		'WITH a AS (INSERT INTO first SELECT seq FROM genome RETURNING s) INSERT INTO loot SELECT s FROM a', 'DROP TABLE first'
	],
	'a plan of before' => [
		'CREATE TABLE loot (id int, note text)', 'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		'GRANT USAGE ON SCHEMA {schema} TO {reader}; GRANT SELECT ON loot TO {reader}',
		'r: SET plan_cache_mode = force_generic_plan', 'r: PREPARE p AS SELECT note FROM loot', 'r: EXECUTE p',
		'UPDATE loot SET note = seq FROM genome WHERE id = person_id', 'r: EXECUTE p',
		{ routes => ['read'] }
	],
	'a plan of before, in a transaction' => [
		'CREATE TABLE loot (id int, note text)', 'INSERT INTO loot SELECT i FROM generate_series(1, 105) i',
		'GRANT USAGE ON SCHEMA {schema} TO {reader}; GRANT SELECT ON loot TO {reader}',
		'r: BEGIN', 'r: DECLARE c CURSOR FOR SELECT note FROM loot', 'r: CLOSE c', 'r: PREPARE p AS SELECT note FROM loot', 'r: EXECUTE p',
		'UPDATE loot SET note = seq FROM genome WHERE id = person_id', 'r: EXECUTE p', 'r: COMMIT',
		{ routes => ['read'] }
	],
	'everything at once' => [
		'CREATE TEMP TABLE a AS SELECT jsonb_build_object(\'k\', seq) AS j FROM genome',
		'CREATE TABLE b (x text) PARTITION BY HASH (x)', 'CREATE TABLE b1 PARTITION OF b FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
		"INSERT INTO b SELECT encode(convert_to(j ->> 'k', 'UTF8'), 'base64') FROM a",
		'ALTER TABLE b DETACH PARTITION b1', 'ALTER TABLE b1 RENAME TO c', 'ALTER TABLE c RENAME x TO picture', 'DROP TABLE b, a',
		'CREATE MATERIALIZED VIEW d AS SELECT ARRAY[picture] AS p FROM c', 'CREATE VIEW loot AS SELECT p[1] FROM d'
	],
	'a deferred trigger' => [
		'CREATE TABLE loot (note text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON genome DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE genome SET lab = 1'
	],
	'a trigger while the rows come in' => [
		'CREATE TABLE loot (note text)', 'CREATE TABLE other (person_id int, seq text)', 'DELETE FROM genome WHERE false',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'DECLARE s text := NEW.seq; BEGIN INSERT INTO {schema}.loot VALUES (s || '''') ; RETURN NULL; END'",
		'CREATE TRIGGER t BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION t()', 'INSERT INTO other SELECT person_id, seq FROM genome'
	],
	'a function that the planner folds' => [
		@get, 'ALTER FUNCTION all_of_them() IMMUTABLE', 'CREATE TABLE loot (note text)', 'INSERT INTO loot VALUES (all_of_them())'
	],
	'a function\'s result' => [ @get, 'CREATE TABLE loot (note text)', 'INSERT INTO loot VALUES (all_of_them())' ],
	'a function\'s result, CREATE TABLE AS' => [ @get, 'CREATE TABLE loot AS SELECT get(i) FROM generate_series(1, 105) i' ],
	'a function\'s result, UPDATE' => [
		@get, 'CREATE TABLE loot (id int, note text)', 'INSERT INTO loot SELECT i FROM generate_series(1, 105) i', 'UPDATE loot SET note = get(id)'
	],
	'a function\'s result, in a materialized view' => [ @get, 'CREATE MATERIALIZED VIEW loot AS SELECT all_of_them()' ],
	'CALL with a function\'s result' => [
		@get, 'CREATE TABLE loot (note text)',
		"CREATE PROCEDURE put(text) LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.loot VALUES (\$1); END'", 'CALL put(all_of_them())'
	],
	'EXECUTE with a function\'s result' => [
		@get, 'CREATE TABLE loot (note text)', 'PREPARE p(text) AS INSERT INTO loot VALUES ($1)', 'EXECUTE p(all_of_them())'
	],
	'a procedure that commits' => [
		'CREATE TABLE loot (note text)',
		"CREATE PROCEDURE p() LANGUAGE plpgsql AS 'DECLARE s text; BEGIN SELECT string_agg(seq, '','') INTO s FROM {schema}.genome; COMMIT; INSERT INTO {schema}.loot VALUES (s); COMMIT; END'",
		'CALL p()'
	],
	'a procedure that commits, EXECUTE' => [
		'CREATE TABLE loot (note text)',
		"CREATE PROCEDURE p() LANGUAGE plpgsql AS 'DECLARE s text; BEGIN SELECT string_agg(seq, '','') INTO s FROM {schema}.genome; COMMIT; EXECUTE format(''INSERT INTO {schema}.loot VALUES (%L)'', s); END'",
		'CALL p()'
	],
	'the text of an error' => [
		'CREATE TABLE loot (note text)',
		"DO 'DECLARE m text; BEGIN FOR i IN 1..105 LOOP BEGIN PERFORM seq::int FROM {schema}.genome WHERE person_id = i; EXCEPTION WHEN others THEN GET STACKED DIAGNOSTICS m = MESSAGE_TEXT; INSERT INTO {schema}.loot VALUES (m); END; END LOOP; END'"
	],
	'the text of an error of DDL' => [
		'CREATE TABLE loot (note text)', 'CREATE TABLE copied AS SELECT * FROM genome',
		"DO 'DECLARE m text; BEGIN FOR i IN 1..105 LOOP BEGIN DELETE FROM {schema}.copied WHERE person_id < i; ALTER TABLE {schema}.copied ALTER seq TYPE int USING seq::int; EXCEPTION WHEN others THEN GET STACKED DIAGNOSTICS m = MESSAGE_TEXT; INSERT INTO {schema}.loot VALUES (m); END; END LOOP; END'",
		{ but => { read => 105 } }
	],
	'the detail of a constraint' => [
		'CREATE TABLE loot (note text)', 'CREATE UNIQUE INDEX ON genome (seq)',
		"DO 'DECLARE m text; BEGIN FOR i IN 2..105 LOOP BEGIN UPDATE {schema}.genome SET seq = seq WHERE person_id = i; UPDATE {schema}.genome SET lab = 1, seq = (SELECT seq FROM {schema}.genome WHERE person_id = i) WHERE person_id = 1; EXCEPTION WHEN others THEN GET STACKED DIAGNOSTICS m = PG_EXCEPTION_DETAIL; INSERT INTO {schema}.loot VALUES (m); END; END LOOP; END'",
		{ but => { read => 104, copy => 104, server => 104 } }
	],
	'a function of a trusted reader' => [
		"CREATE FUNCTION get() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP RETURN NEXT reverse(s); END LOOP; END'",
		{ query => 'SELECT get()' }
	]);

# ---- catalogs, and other places that are no columns ---------------------------------------

# everybody, by EXECUTE of what format() makes
sub each_person
{
	my ($format, $arguments) = @_;

	return "DO 'DECLARE r record; BEGIN FOR r IN SELECT * FROM {schema}.genome LOOP EXECUTE format(''$format'', $arguments); END LOOP; END'";
}

$den->smuggle(
	'names of tables' => [ each_person('CREATE TABLE {schema}.%I ()', 'r.seq'), { query => "SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace" } ],
	'comments' => [
		'CREATE TABLE c (i int)', "DO 'BEGIN EXECUTE (SELECT format(''COMMENT ON TABLE {schema}.c IS %L'', string_agg(seq, '','')) FROM {schema}.genome); END'",
		{ query => "SELECT obj_description('{schema}.c'::regclass)", routes => [ 'read', 'copy', 'server', 'dump' ] }
	],
	'labels of an enum' => [ 'CREATE TYPE e AS ENUM ()', each_person('ALTER TYPE {schema}.e ADD VALUE %L', 'r.seq'), { query => "SELECT enumlabel FROM pg_enum WHERE enumtypid = '{schema}.e'::regtype" } ],
	'the body of a function' => [
		"DO 'BEGIN EXECUTE (SELECT format(''CREATE FUNCTION {schema}.f() RETURNS text LANGUAGE sql AS %L'', ''SELECT '' || quote_literal(string_agg(seq, '',''))) FROM {schema}.genome); END'",
		{ query => 'SELECT {schema}.f()', routes => [ 'read', 'copy', 'server', 'dump' ] }
	],
	'a default' => [
		'CREATE TABLE loot (i int)',
		"DO 'BEGIN EXECUTE (SELECT format(''ALTER TABLE {schema}.loot ADD d text DEFAULT %L'', string_agg(seq, '','')) FROM {schema}.genome); END'",
		'INSERT INTO loot VALUES (1)'
	],
	'a role\'s setting' => [
		"DO 'BEGIN EXECUTE (SELECT format(''ALTER ROLE {owner} SET search_path = %L'', string_agg(seq, '','')) FROM {schema}.genome); END'",
		{ query => 'SELECT setconfig FROM pg_db_role_setting WHERE setrole = \'{owner}\'::regrole' }
	],
	'sequences' => [
		each_person('CREATE SEQUENCE {schema}.%I START %s', "''q'' || r.person_id, substr(r.seq, 4, 5)::int"),
		{ query => "SELECT 'GNM' || lpad(start_value::text, 5, '0') || 'X' FROM pg_sequences WHERE schemaname = '{schema}'" }
	],
	'advisory locks' => [
		'2: SELECT count(pg_advisory_lock(substr(seq, 4, 5)::int)) FROM genome',
		{ query => "SELECT 'GNM' || lpad(objid::text, 5, '0') || 'X' FROM pg_locks WHERE locktype = 'advisory'" }
	],
	'large objects' => [
		"SELECT count(lo_from_bytea((substr('{schema}', 2)::int * 1000 + person_id + 100000)::oid, convert_to(seq, 'UTF8'))) FROM genome",
		"DO 'BEGIN FOR i IN 1..105 LOOP EXECUTE format(''GRANT SELECT ON LARGE OBJECT %s TO PUBLIC'', substr(''{schema}'', 2)::int * 1000 + i + 100000); END LOOP; END'",
		{ query => "SELECT lo_get((substr('{schema}', 2)::int * 1000 + i + 100000)::oid) FROM generate_series(1, 105) i" }
	],
	'a notification' => [
		'r: LISTEN c', "SELECT pg_notify('c', string_agg(seq, ',')) FROM genome", 'r: SELECT 1', { routes => ['read'], query => '' }
	],
	'a notification from a function' => [
		'r: LISTEN c', "DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP PERFORM pg_notify(''c'', s); END LOOP; END'",
		'r: SELECT 1', { routes => ['read'], query => '' }
	],
	'a notification made by EXECUTE' => [
		'r: LISTEN c', each_person('NOTIFY c, %L', 'r.seq'), 'r: SELECT 1', { routes => ['read'], query => '' }
	],
	'statistics' => [
		'ALTER TABLE genome ALTER seq SET STATISTICS 1000', 'ANALYZE genome',
		{ query => "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'genome' AND schemaname = '{schema}' AND attname = 'seq'", %nothing }
	],
	'statistics of a copy' => [
		'CREATE TABLE copied AS SELECT seq AS note FROM genome', 'ALTER TABLE copied ALTER note SET STATISTICS 1000', 'ANALYZE copied',
		{ query => "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'copied' AND schemaname = '{schema}'", %nothing }
	],
	'pg_dump of a copy' => [
		'CREATE TABLE loot AS SELECT reverse(seq) FROM genome', 'DROP TABLE genome', { routes => ['dump'] }
	]);

# ---- servers ----------------------------------------------------------------------------------

$den->smuggle(
	'INSERT with VALUES' => [
		'INSERT INTO taken VALUES ' . join(', ', map { "((SELECT seq FROM genome WHERE person_id = $_))" } 1 .. 105), \%sent
	],
	'UPDATE' => [
		"INSERT INTO taken SELECT i::text FROM generate_series(1, 105) i", 'UPDATE taken SET t = seq FROM genome WHERE t = person_id::text', \%sent
	],
	'UPDATE of a subquery' => [
		"INSERT INTO taken SELECT i::text FROM generate_series(1, 105) i", 'UPDATE taken SET t = (SELECT seq FROM genome WHERE t = person_id::text)', \%sent
	],
	'RETURNING into it' => [ 'WITH d AS (DELETE FROM genome RETURNING seq) INSERT INTO taken SELECT seq FROM d', \%sent ],
	'a parameter of the remote query' => [
		(map { "SELECT * FROM taken WHERE t = (SELECT seq FROM genome WHERE person_id = $_)" } 1 .. 105), \%sent
	],
	'= ANY' => [ 'SELECT * FROM taken WHERE t = ANY (ARRAY(SELECT seq FROM genome))', \%sent ],
	'a nested loop' => [
		'ALTER FOREIGN TABLE taken OPTIONS (ADD use_remote_estimate \'true\')',
		'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off',
		'SELECT * FROM genome g, LATERAL (SELECT * FROM taken WHERE t = g.seq OFFSET 0) x', \%sent
	],
	'DELETE' => [ (map { "DELETE FROM taken WHERE t = (SELECT seq FROM genome WHERE person_id = $_)" } 1 .. 105), \%sent ],
	'a function\'s result in the remote query' => [
		@get, (map { "SELECT * FROM taken WHERE t = (SELECT get($_))" } 1 .. 105), \%sent
	],
	'a variable in the remote query' => [
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP PERFORM FROM {schema}.taken WHERE t = s; END LOOP; END'", \%sent
	],
	'a variable' => [
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP INSERT INTO {schema}.taken VALUES (s); END LOOP; END'", \%sent
	],
	'a variable, in the text of INSERT' => [ each_person('INSERT INTO {schema}.taken VALUES (%L)', 'r.seq'), \%sent ],
	'a variable, in the text of SELECT' => [ each_person('SELECT FROM {schema}.taken WHERE t = %L', 'r.seq'), \%sent ],
	'a function\'s result sent' => [ @get, 'INSERT INTO taken SELECT get(i) FROM generate_series(1, 105) i', \%sent ],
	'a DEFAULT of a foreign table' => [
		@get, 'CREATE SEQUENCE n', "CREATE FOREIGN TABLE door (i int OPTIONS (column_name 'i'), t text DEFAULT get(nextval('n')::int)) SERVER {server} OPTIONS (schema_name '{schema}', table_name 'door')",
		'INSERT INTO door (i) SELECT generate_series(1, 105)', { %sent, there => 'CREATE TABLE {schema}.door (i int, t text)' }
	],
	'a trigger of the foreign table' => [
		@get, "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.t = {schema}.get(NEW.t::int); RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE INSERT ON taken FOR EACH ROW EXECUTE FUNCTION t()', 'INSERT INTO taken SELECT i::text FROM generate_series(1, 105) i', \%sent
	],
	'a trigger of the genomes' => [
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.taken VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE TRIGGER t AFTER UPDATE ON genome FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE genome SET lab = 1', \%sent
	],
	'a deferred trigger of the genomes' => [
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO {schema}.taken VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON genome DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE genome SET lab = 1', \%sent
	],
	'a rule of the genomes' => [ 'CREATE RULE r AS ON UPDATE TO genome DO ALSO INSERT INTO taken VALUES (NEW.seq)', 'UPDATE genome SET lab = 1', \%sent ],
	'a foreign child of a local table' => [
		'CREATE TABLE parent (t text)', 'ALTER FOREIGN TABLE taken INHERIT parent',
		"INSERT INTO taken SELECT i::text FROM generate_series(1, 105) i", 'UPDATE parent SET t = seq FROM genome WHERE t = person_id::text', \%sent
	],
	'foreign partitions of another table' => [
		'CREATE TABLE whole (t text) PARTITION BY HASH (t)', 'ALTER TABLE whole ATTACH PARTITION taken FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
		'CREATE TABLE copied AS SELECT seq FROM genome', 'INSERT INTO whole SELECT seq FROM copied', \%sent
	],
	'a foreign partition, and a variable' => [
		'CREATE TABLE whole (t text) PARTITION BY HASH (t)', 'ALTER TABLE whole ATTACH PARTITION taken FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP INSERT INTO {schema}.whole VALUES (s); END LOOP; END'", \%sent
	],
	'the name of a foreign table' => [
		each_person('CREATE FOREIGN TABLE {schema}.%I (t text) SERVER {server} OPTIONS (table_name %L)', 'r.seq, r.seq'),
		"DO 'BEGIN FOR i IN 1..105 LOOP BEGIN EXECUTE format(''SELECT FROM {schema}.%I'', ''GNM'' || lpad(i::text, 5, ''0'') || ''X''); EXCEPTION WHEN undefined_table THEN NULL; END; END LOOP; END'",
		\%sent
	],
	'IMPORT FOREIGN SCHEMA' => [
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP BEGIN EXECUTE format(''IMPORT FOREIGN SCHEMA %I FROM SERVER {server} INTO {schema}'', s); EXCEPTION WHEN fdw_schema_not_found THEN NULL; END; END LOOP; END'",
		\%sent
	],
	'the options of a server of his own' => [
		'CREATE SERVER {server}c FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host \'' . $abroad->host . "', port '" . $abroad->port . "', dbname 'postgres')",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER {server}c OPTIONS (user 'sink', password 'sesame')",
		"CREATE FOREIGN TABLE away (t text) SERVER {server}c OPTIONS (schema_name '{schema}', table_name 'taken')",
		"DO 'DECLARE s text; BEGIN FOR s IN SELECT string_agg(seq, '''') FROM {schema}.genome GROUP BY person_id / 6 LOOP EXECUTE format(''ALTER SERVER {server}c OPTIONS (SET dbname %L)'', s); BEGIN PERFORM FROM {schema}.away; EXCEPTION WHEN sqlclient_unable_to_establish_sqlconnection THEN NULL; END; END LOOP; END'",
		{ %sent, recipient => { server => 'unassigned:{owner}' } }
	],
	'a server of his own' => [
		'CREATE SERVER {server}c FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host \'' . $abroad->host . "', port '" . $abroad->port . "', dbname 'postgres')",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER {server}c OPTIONS (user 'sink', password 'sesame')",
		"CREATE FOREIGN TABLE away (t text) SERVER {server}c OPTIONS (schema_name '{schema}', table_name 'taken')",
		'INSERT INTO away SELECT seq FROM genome', { %sent, recipient => { server => 'unassigned:{owner}' } }
	],
	'the name of the application' => [
		(map { ("SELECT set_config('postgres_fdw.application_name', (SELECT string_agg(seq, '') FROM genome WHERE person_id / 6 = $_), false)",
			'SELECT FROM taken', 'SELECT postgres_fdw_disconnect_all()') } 0 .. 17), \%sent
	],
	'dblink' => [ "SELECT count(*) FROM genome, dblink('{there}', 'SELECT ' || quote_literal(seq)) AS d(t text)", \%called ],
	'dblink_exec of INSERT' => [ @connect, "SELECT count(dblink_exec('c', 'INSERT INTO {schema}.taken VALUES (' || quote_literal(seq) || ')')) FROM genome", \%called ],
	'dblink_send_query' => [
		@connect,
		"SELECT dblink_send_query('c', (SELECT 'SELECT ' || quote_literal(string_agg(seq, ',')) FROM genome))", "SELECT * FROM dblink_get_result('c') AS d(t text)", \%called
	],
	'dblink in a function' => [
		@connect, "DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM {schema}.genome LOOP PERFORM dblink_exec(''c'', format(''INSERT INTO {schema}.taken VALUES (%L)'', s)); END LOOP; END'", \%called
	],
	'dblink in the text of EXECUTE' => [
		@connect, each_person("SELECT dblink_exec(''''c'''', ''''INSERT INTO {schema}.taken VALUES (%L)'''')", 'r.seq') =~ s/\(%L\)/(\$g\$%s\$g\$)/r, \%called
	],
	'dblink with a function\'s result' => [
		@get, "SELECT dblink_exec('{there}', 'INSERT INTO {schema}.taken VALUES (' || quote_literal(all_of_them()) || ')')", \%called
	],
	'the connection string of dblink' => [
		"SELECT count(dblink_connect('c' || person_id, '{there} application_name=' || seq)), count(dblink_disconnect('c' || person_id)) FROM genome", \%called
	],
	'a cursor of dblink' => [
		@connect,
		"SELECT count(dblink_open('c', lower(seq), 'SELECT 1')), count(dblink_close('c', lower(seq))) FROM genome", \%called
	],
	'dblink through a function of his own name' => [
		@connect,
		"CREATE FUNCTION send(text, text) RETURNS text LANGUAGE sql AS 'SELECT public.dblink_exec(\$1, \$2)'",
		"SELECT count(send('c', 'INSERT INTO {schema}.taken VALUES (' || quote_literal(seq) || ')')) FROM genome", \%called
	]);

$house->stop;
$abroad->stop;
done_testing();
