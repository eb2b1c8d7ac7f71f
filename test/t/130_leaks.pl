
# Below the guard there are functions, casts and errors that show what they see.
# Whatever shows a genome, its subject is charged before.
#
# Each leak runs twice: for a recipient that nothing was sent to, where all that
# was shown must be counted; and for one that has its 100, where nothing may be
# shown.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('leaks', conf => "max_parallel_workers_per_gather = 0\n");
my $lab = Dsec::Genomes->new($node);
my $people = 20;
my $r;

$lab->table('others', 1100, from => 1001);
$lab->officer($_) foreach (
	'SET check_function_bodies = off',
	# whatever a role may do that does not own the tables
	'CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 PARALLEL SAFE AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN true; END'",
	'CREATE FUNCTION hide(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN false; END'",
	'CREATE FUNCTION say(text) RETURNS text LANGUAGE plpgsql COST 0.0001 AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1; END'",
	'CREATE FUNCTION leaky_equal(text, text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1 = \$2; END'",
	'CREATE OPERATOR === (FUNCTION = leaky_equal, LEFTARG = text, RIGHTARG = text, RESTRICT = eqsel, JOIN = eqjoinsel)',
	'CREATE OPERATOR ~== (FUNCTION = leaky_equal, LEFTARG = text, RIGHTARG = text, RESTRICT = matchingsel, JOIN = matchingjoinsel)',
	'CREATE FUNCTION step(int, text) RETURNS int LANGUAGE plpgsql AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$2; RETURN \$1 + 1; END'",
	'CREATE AGGREGATE leaky_count(text) (SFUNC = step, STYPE = int, INITCOND = 0)',
	'CREATE DOMAIN shown AS text CHECK (leak(VALUE))',
	'CREATE TYPE wrapped AS (t text)',
	'CREATE FUNCTION wrapper(text) RETURNS SETOF text LANGUAGE sql STABLE AS '
	  . "'SELECT seq FROM secret WHERE leak(seq)'",
	'CREATE FUNCTION of_row(anyelement) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS '
	  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN true; END'");

# A table of its own for each statement, so that writing does not disturb the others.
my $secrets = 0;

sub secret
{
	my $n = ++$secrets;

	$lab->officer('DROP TABLE IF EXISTS secret, secret_parts, visit, dose CASCADE');
	$lab->table('secret', $people);
	$lab->officer($_) foreach (
		'CREATE TABLE visit (person_id int, place text)',
		"INSERT INTO visit SELECT i, 'ward' FROM generate_series(1, $people) i",
		'CREATE VIEW barrier WITH (security_barrier) AS SELECT person_id, seq FROM secret WHERE person_id <= 10',
		'CREATE VIEW plain AS SELECT person_id, seq FROM secret',
		'CREATE TABLE secret_parts (person_id int PRIMARY KEY, seq text) PARTITION BY HASH (person_id)',
		'CREATE TABLE secret_parts_1 PARTITION OF secret_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0)',
		'CREATE TABLE secret_parts_2 PARTITION OF secret_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
		'INSERT INTO secret_parts SELECT person_id, seq FROM secret',
		# values that are frequent enough to be in the statistics
		'CREATE TABLE dose (dose_id int PRIMARY KEY, person_id int NOT NULL, lab int, seq text)',
		"INSERT INTO dose SELECT i, 1 + i % $people, i % $people, 'G' || 1 + i % $people FROM generate_series(1, 400) i",
		'CREATE STATISTICS dose_mcv (mcv) ON seq, lab FROM dose',
		'CREATE INDEX ON dose (upper(seq))',
		'CREATE INDEX ON secret (seq)',
		'CREATE INDEX ON secret (person_id, seq)',
		'GRANT ALL ON visit, barrier, plain TO reader');
	$lab->tag($_) foreach ('secret_parts', 'dose');
	$lab->officer('GRANT ALL ON secret_parts_1 TO reader');
	return;
}

# name => statements; whoever is shown must be counted
my @leaks = (
	'a function in WHERE' => ['SELECT count(*) FROM secret WHERE leak(seq)'],
	'a function that refuses all rows' => ['SELECT lab FROM secret WHERE hide(seq)'],
	'a function beside a filter' => ['SELECT lab FROM secret WHERE hide(seq) AND lab = 1'],
	'an error that quotes' => ['SELECT lab FROM secret WHERE seq::int > 0'],
	'a cast in the select list' => ['SELECT seq::int FROM secret'],
	'a cast in an index scan' =>
	  [ 'SET enable_seqscan = off', 'SELECT lab FROM secret WHERE person_id = 7 AND seq::int > 0' ],
	'an index-only scan' =>
	  [ 'SET enable_seqscan = off', 'SELECT person_id FROM secret WHERE person_id > 0 AND leak(seq)' ],
	'the select list' => ['SELECT leak(seq) FROM secret'],
	'the select list, with LIMIT' => ['SELECT leak(seq) FROM secret LIMIT 3'],
	'ORDER BY' => ['SELECT lab FROM secret ORDER BY say(seq)'],
	'ORDER BY LIMIT' => ['SELECT lab FROM secret ORDER BY say(seq) LIMIT 1'],
	'GROUP BY' => ['SELECT count(*) FROM secret GROUP BY say(seq)'],
	'HAVING' => ['SELECT lab FROM secret GROUP BY lab HAVING leak(max(seq))'],
	'DISTINCT' => ['SELECT count(*) FROM (SELECT DISTINCT say(seq) FROM secret) q'],
	'an aggregate of its own' => ['SELECT leaky_count(seq) FROM secret'],
	'FILTER' => ['SELECT count(*) FILTER (WHERE leak(seq)) FROM secret'],
	'a window function' => ['SELECT count(*) FILTER (WHERE leak(seq)) OVER () FROM secret'],
	'an operator of its own' => ["SELECT lab FROM secret WHERE seq === 'x'"],
	'a join condition' => ['SELECT count(*) FROM secret s JOIN visit v ON s.person_id = v.person_id AND leak(s.seq)'],
	'an outer join condition' =>
	  ['SELECT count(s.lab) FROM visit v LEFT JOIN secret s ON s.person_id = v.person_id AND hide(s.seq || v.place)'],
	'a join of two leaks' =>
	  ['SELECT count(*) FROM secret a JOIN secret b ON a.person_id = b.person_id AND hide(a.seq || b.seq)'],
	'EXISTS' => ['SELECT place FROM visit v WHERE EXISTS (SELECT FROM secret s WHERE s.person_id = v.person_id AND leak(s.seq))'],
	'NOT EXISTS' => ['SELECT place FROM visit v WHERE NOT EXISTS (SELECT FROM secret s WHERE s.person_id = v.person_id AND leak(s.seq))'],
	'IN' => ["SELECT place FROM visit WHERE 'x' IN (SELECT say(seq) FROM secret)"],
	'a scalar subquery' => ['SELECT leak((SELECT seq FROM secret ORDER BY person_id LIMIT 1))'],
	'an outer reference' => ['SELECT (SELECT leak(s.seq)) FROM secret s'],
	'LATERAL' => ['SELECT count(*) FROM secret s, LATERAL leak(s.seq) l'],
	'a set-returning function' => ['SELECT count(*) FROM (SELECT generate_series(1, (say(seq) IS NOT NULL)::int) FROM secret OFFSET 0) q'],
	'a CTE' => ['WITH q AS MATERIALIZED (SELECT seq FROM secret) SELECT count(*) FROM q WHERE leak(seq)'],
	'a subquery' => ['SELECT count(*) FROM (SELECT seq FROM secret OFFSET 0) q WHERE leak(seq)'],
	'UNION ALL' => ['SELECT count(*) FROM (SELECT seq FROM secret UNION ALL SELECT seq FROM secret) q WHERE leak(seq)'],
	'a view' => ['SELECT count(*) FROM plain WHERE leak(seq)'],
	'a security barrier view' => ['SELECT count(*) FROM barrier WHERE leak(seq)'],
	'partitions' => ['SELECT count(*) FROM secret_parts WHERE leak(seq)'],
	'one partition' => ['SELECT count(*) FROM secret_parts_1 WHERE leak(seq)'],
	'a whole row' => ['SELECT count(*) FROM secret s WHERE of_row(s)'],
	'a row of it' => ['SELECT count(*) FROM secret s WHERE of_row(ROW(lab, s.*))'],
	'a domain' => ['SELECT count(seq::shown) FROM secret'],
	'a record' => ['SELECT count(*) FROM secret WHERE leak((ROW(seq)::wrapped).t)'],
	'an array' => ['SELECT count(*) FROM secret WHERE leak((ARRAY[seq, seq])[2])'],
	'CASE' => ['SELECT count(*) FROM secret WHERE CASE WHEN lab > 2 THEN leak(seq) END'],
	'COALESCE' => ['SELECT count(*) FROM secret WHERE coalesce(leak(seq), false)'],
	'an error in the middle' => ["SELECT lab / (CASE WHEN seq = 'G5' THEN (seq::int) ELSE 1 END) FROM secret"],
	'jsonb' => ['SELECT count(*) FROM secret s WHERE (to_jsonb(s) ->> \'seq\')::int > 0'],
	'json that does not parse' => ['SELECT count(*) FROM secret s WHERE seq::json IS NULL'],
	'to_number' => ["SELECT count(*) FROM secret s WHERE to_date(seq, 'YYYY') IS NULL"],
	'an SQL function that is inlined' => ["SELECT count(*) FROM wrapper('x')"],
	'PL/pgSQL' => ["DO 'BEGIN PERFORM leak(seq) FROM secret; END'"],
	'row locks' => [ 'BEGIN', "SELECT FROM secret WHERE seq = 'G5' FOR UPDATE OFFSET 1", "SELECT 'G' || person_id FROM secret WHERE xmax <> 0" ],
	'row locks on the other side of a join' => [
		'BEGIN',
		"SELECT FROM secret s JOIN visit v USING (person_id) WHERE s.seq = 'G5' FOR SHARE OF v OFFSET 1",
		"SELECT 'G' || person_id FROM visit WHERE xmax <> 0"
	],
	'PREPARE' => [ 'SET plan_cache_mode = force_generic_plan', 'PREPARE p(int) AS SELECT count(*) FROM secret WHERE leak(seq) AND lab >= $1', 'EXECUTE p (0)' ],
	'EXPLAIN ANALYZE' => ['EXPLAIN ANALYZE SELECT lab FROM secret WHERE leak(seq)'],
	'EXPLAIN ANALYZE of rows that a limit skips' => ["EXPLAIN ANALYZE SELECT seq FROM secret WHERE person_id + 0 = 5 AND seq = 'G5' OFFSET 1"],
	'EXPLAIN ANALYZE of rows that a join drops' =>
	  ["EXPLAIN ANALYZE SELECT s.seq FROM secret s JOIN visit v ON v.place = s.seq WHERE s.seq = 'G5'"],
	'EXPLAIN ANALYZE of rows that an index gives' =>
	  [ 'SET enable_seqscan = off', 'SET enable_bitmapscan = off', "EXPLAIN ANALYZE SELECT lab FROM secret WHERE seq = 'G5' AND length(seq) < 0" ],
	'EXPLAIN ANALYZE of rows that a bitmap gives' =>
	  [ 'SET enable_seqscan = off', 'SET enable_indexscan = off', "EXPLAIN ANALYZE SELECT lab FROM secret WHERE seq = 'G5' AND length(seq) < 0" ],
	'EXPLAIN ANALYZE of an index-only scan' => [
		'SET enable_seqscan = off', 'SET enable_bitmapscan = off',
		"EXPLAIN ANALYZE SELECT person_id FROM secret WHERE person_id = 5 AND seq = 'G5' AND length(seq) < 0"
	],
	'EXPLAIN' => ["EXPLAIN SELECT lab FROM secret WHERE seq === 'x'"],
	'EXPLAIN with statistics' => ["EXPLAIN SELECT lab FROM dose WHERE seq ~== 'x'"],
	'EXPLAIN with a histogram' => ["EXPLAIN SELECT lab FROM secret WHERE seq ~== 'x'"],
	'EXPLAIN with statistics over two columns' => ["EXPLAIN SELECT lab FROM dose WHERE seq === 'x' AND lab = 1"],
	'EXPLAIN with statistics of an index' => ["EXPLAIN SELECT lab FROM dose WHERE upper(seq) ~== 'x'"],
	'EXPLAIN with statistics of a join' => ['EXPLAIN SELECT a.lab FROM dose a JOIN dose b ON a.seq === b.seq'],
	'EXPLAIN with statistics through a subquery' =>
	  ["EXPLAIN SELECT * FROM (SELECT DISTINCT seq, lab FROM dose OFFSET 0) q WHERE seq ~== 'x'"],
	'EXPLAIN of a join' => ['EXPLAIN SELECT a.lab FROM secret a JOIN secret b ON a.seq === b.seq'],
	'MOVE' => [ 'BEGIN', 'DECLARE d CURSOR FOR SELECT lab FROM secret WHERE leak(seq)', 'MOVE ALL FROM d' ],
	'MOVE over the select list' => [ 'BEGIN', 'DECLARE d CURSOR FOR SELECT leak(seq) FROM secret', 'MOVE 5 FROM d' ],
	'a cursor WITH HOLD' => ['DECLARE d CURSOR WITH HOLD FOR SELECT leak(seq) FROM secret'],
	'COPY' => ['COPY (SELECT count(*) FROM secret WHERE leak(seq)) TO STDOUT'],
	'CREATE TABLE AS' => [ 'BEGIN', 'CREATE TABLE public.copied AS SELECT count(*) FROM secret WHERE leak(seq)' ],
	'a temporary view' => [ 'CREATE TEMP VIEW mine AS SELECT * FROM secret WHERE leak(seq)', 'SELECT count(*) FROM mine' ],
	'UPDATE' => ['UPDATE secret SET lab = 1 WHERE leak(seq)'],
	'UPDATE SET' => ['UPDATE secret SET lab = leak(seq)::int'],
	'UPDATE RETURNING' => ['UPDATE secret SET lab = 1 RETURNING leak(seq)'],
	'UPDATE of a partition RETURNING' => ['UPDATE secret_parts SET seq = seq RETURNING leak(seq)'],
	'DELETE' => ['DELETE FROM secret WHERE leak(seq)'],
	'DELETE RETURNING' => ['DELETE FROM secret RETURNING leak(seq)'],
	'DELETE USING' => ['DELETE FROM visit v USING secret s WHERE v.person_id = s.person_id AND leak(s.seq)'],
	'MERGE' => [
		'MERGE INTO secret s USING visit v ON s.person_id = v.person_id WHEN MATCHED AND leak(s.seq) THEN UPDATE SET lab = 3'
	],
	'MERGE, in the action' =>
	  ['MERGE INTO secret s USING visit v ON s.person_id = v.person_id WHEN MATCHED THEN UPDATE SET lab = leak(s.seq)::int'],
	'ON CONFLICT RETURNING' => [
		"INSERT INTO secret SELECT i, '', 0 FROM generate_series(1, $people) i ON CONFLICT (person_id) DO UPDATE SET lab = 5 RETURNING leak(secret.seq)"
	],
	'ON CONFLICT SET' => [
		"INSERT INTO secret SELECT i, '', 0 FROM generate_series(1, $people) i ON CONFLICT (person_id) DO UPDATE SET lab = leak(secret.seq)::int"
	],
	'ON CONFLICT WHERE' => [
		"INSERT INTO secret SELECT i, '', 0 FROM generate_series(1, $people) i ON CONFLICT (person_id) DO UPDATE SET lab = 5 WHERE hide(secret.seq)"
	],
	'INSERT SELECT' => [ 'CREATE TEMP TABLE mine (b bool)', 'INSERT INTO mine SELECT leak(seq) FROM secret' ],
	'a failing constraint' => ['UPDATE secret SET person_id = NULL WHERE person_id = 3'],
	'a failing constraint, on conflict' => [
		"INSERT INTO secret VALUES (3, '', 0) ON CONFLICT (person_id) DO UPDATE SET person_id = NULL"
	],
	'a failing constraint, in MERGE' =>
	  ['MERGE INTO secret s USING visit v ON s.person_id = v.person_id WHEN MATCHED THEN UPDATE SET person_id = NULL'],
	'a row trigger' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', OLD.seq; RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE UPDATE ON secret FOR EACH ROW EXECUTE FUNCTION pg_temp.t()',
		'UPDATE secret SET lab = 1' ],
	'a row trigger on DELETE' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', OLD.seq; RETURN OLD; END'",
		'CREATE TRIGGER t AFTER DELETE ON secret FOR EACH ROW EXECUTE FUNCTION pg_temp.t()',
		'DELETE FROM secret' ],
	'a row trigger with WHEN' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
		'CREATE TRIGGER t BEFORE UPDATE ON secret FOR EACH ROW WHEN (leak(OLD.seq)) EXECUTE FUNCTION pg_temp.t()',
		'UPDATE secret SET lab = 1' ],
	'a transition table' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM old_rows LOOP RAISE NOTICE ''%'', s; END LOOP; RETURN NULL; END'",
		'CREATE TRIGGER t AFTER UPDATE ON secret REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.t()',
		'UPDATE secret SET lab = 1' ],
	'a transition table of DELETE' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM leak(seq) FROM old_rows; RETURN NULL; END'",
		'CREATE TRIGGER t AFTER DELETE ON secret REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.t()',
		'DELETE FROM secret' ],
	'a transition table of MERGE' => [
		"CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM leak(seq) FROM new_rows; RETURN NULL; END'",
		'CREATE TRIGGER t AFTER UPDATE ON secret REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.t()',
		'MERGE INTO secret s USING visit v ON s.person_id = v.person_id WHEN MATCHED THEN UPDATE SET lab = 1' ],
	'parallel workers' => [
		'SET max_parallel_workers_per_gather = 2', 'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0',
		'SET min_parallel_table_scan_size = 0', 'SELECT count(*) FROM secret WHERE leak(seq)' ],
	'parallel workers, with an error' => [
		'SET max_parallel_workers_per_gather = 2', 'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0',
		'SET min_parallel_table_scan_size = 0', 'SET parallel_leader_participation = off',
		'SELECT count(*) FROM secret WHERE seq::int > 0' ]);

sub run_leak
{
	my ($role, @sql) = @_;
	my $c = $lab->client($role);
	my @results = map { $c->query($_) } @sql;
	my ($failed) = grep { $_->{sqlstate} ne '' } @results;

	$c->query('ROLLBACK');
	$c->close;
	return (Dsec::Genomes::people(@results), $failed ? $failed->{sqlstate} : '', $failed ? $failed->{error} : '');
}

# the 100 that the full recipient has
sub full_recipient
{
	my $role = $lab->recipient;

	$lab->client($role)->query('SELECT seq FROM others');
	return $role;
}

while (my ($name, $sql) = splice @leaks, 0, 2)
{
	my $role = $lab->recipient;

	secret();
	my ($shown, $sqlstate, $error) = run_leak($role, @$sql);
	my $counted = $lab->counted($role);

	cmp_ok($counted, '>=', scalar @$shown, "$name: $counted counted, " . @$shown . ' shown')
	  or diag("$sqlstate $error");
	cmp_ok($counted, '<=', $people, "$name: and no stranger");
	unlike($sqlstate, qr/^(42|DS001|XX)/, "$name: runs") or diag("$sqlstate $error");

	secret();
	$role = full_recipient();
	($shown, $sqlstate, $error) = run_leak($role, @$sql);
	is("@$shown", '', "$name: nothing is shown to who has 100");
	# rows of a transition table cannot be charged when they are read
	like($sqlstate, $name =~ /^a transition table/ ? qr/^DS00[13]$/ : qr/^DS001$/, "$name: it is refused")
	  unless $name =~ /^EXPLAIN( of| with|$)/;
}

# ---- statistics -----------------------------------------------------------------------

# They quote values, and nobody can tell whose: who counts does not get them.
{
	my $role = $lab->recipient;
	my $c = $lab->client($role);

	secret();
	foreach (
		'SELECT most_common_vals FROM pg_stats',
		"SELECT histogram_bounds FROM pg_stats WHERE tablename = 'secret'",
		'SELECT s FROM pg_stats s',
		'COPY (SELECT * FROM pg_stats) TO STDOUT',
		'SELECT most_common_vals FROM pg_stats_ext')
	{
		$r = $c->query($_);
		is("$r->{sqlstate} " . @{ Dsec::Genomes::people($r) }, 'DS003 0', "statistics: $_");
	}
	foreach (
		'SELECT tablename, attname, null_frac, n_distinct FROM pg_stats',
		'SELECT count(*) FROM pg_stats',
		'SELECT stxname FROM pg_statistic_ext')
	{
		is($c->query($_)->{sqlstate}, '', "statistics: $_");
	}
	$c->close;
	$lab->officer('CREATE ROLE inhouse LOGIN; GRANT reader TO inhouse');
	$r = $lab->client('inhouse')->query("SELECT histogram_bounds FROM pg_stats WHERE tablename = 'secret'");
	is("$r->{sqlstate} " . @{ Dsec::Genomes::people($r) }, " $people", 'statistics: in the house they can be read');
	is($lab->client('inhouse')->query('COPY (SELECT * FROM pg_stats) TO STDOUT')->{sqlstate}, 'DS003', 'but not exported');
}

# ---- row level security -------------------------------------------------------------

foreach my $policy ('leak(seq)', 'person_id <= 10', 'person_id <= 10 AND leak(seq)')
{
	foreach my $sql ('SELECT count(*) FROM secret', 'SELECT seq FROM secret', 'SELECT count(*) FROM secret WHERE leak(seq)',
		'COPY secret TO STDOUT', 'UPDATE secret SET lab = 1', 'UPDATE secret SET lab = 1 RETURNING seq')
	{
		my $role = $lab->recipient;

		secret();
		$lab->officer('ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
		$lab->officer("CREATE POLICY p ON secret USING ($policy)");
		my ($shown, $sqlstate, $error) = run_leak($role, $sql);
		my $counted = $lab->counted($role);

		is($sqlstate, '', "policy $policy: $sql") or diag($error);
		cmp_ok($counted, '>=', scalar @$shown, "$counted counted, " . @$shown . ' shown');
		cmp_ok($counted, '<=', $policy eq 'person_id <= 10' ? 10 : $people, 'not those whom the policy hides');
		$role = full_recipient();
		($shown, $sqlstate) = run_leak($role, $sql);
		is("@$shown", '', 'nothing is shown to who has 100');
	}
}

# A policy hides rows before a function of the query can see them.
{
	my $role = $lab->recipient;

	secret();
	$lab->officer('ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
	$lab->officer('CREATE POLICY p ON secret USING (person_id <= 10)');
	my ($shown) = run_leak($role, 'SELECT lab FROM secret WHERE leak(seq)');
	is("@$shown", join(' ', 1 .. 10), 'what a policy hides stays hidden');
	($shown) = run_leak($role, 'SELECT person_id FROM barrier WHERE leak(seq) AND person_id > 5');
	is("@$shown", join(' ', 1 .. 10), 'what a security barrier hides, too') if @$shown > 5;
}

# ---- what must not be disturbed ---------------------------------------------------------

secret();
$lab->officer($_) foreach (
	'CREATE TABLE person (person_id int PRIMARY KEY, seq text UNIQUE)',
	"INSERT INTO person SELECT i, 'G' || i FROM generate_series(1, $people) i",
	'CREATE TABLE note (person_id int REFERENCES person ON UPDATE CASCADE ON DELETE CASCADE, seq text REFERENCES person (seq), body text)',
	'GRANT ALL ON note TO reader');
$lab->tag('person');
foreach (
	[ 'count(*)' => 'SELECT count(*) FROM secret' ],
	[ 'count(*) with a filter' => 'SELECT count(*) FROM secret WHERE lab > 2' ],
	[ 'untagged columns' => 'SELECT person_id, lab FROM secret' ],
	[ 'COPY of untagged columns' => 'COPY secret (person_id, lab) TO STDOUT' ],
	[ 'a view, of which the tagged column is not used' => 'SELECT person_id FROM plain' ],
	[ 'a subquery, likewise' => 'SELECT lab FROM (SELECT lab, seq FROM secret) q' ],
	[ 'a join on the key' => 'SELECT v.place FROM visit v JOIN secret s USING (person_id)' ],
	[ 'INSERT' => "INSERT INTO secret VALUES (5000, 'x', 1)" ],
	[ 'INSERT RETURNING an untagged column' => "INSERT INTO secret VALUES (5001, 'x', 1) RETURNING lab" ],
	[ 'INSERT ON CONFLICT DO NOTHING' => "INSERT INTO secret VALUES (1, 'x', 1) ON CONFLICT DO NOTHING" ],
	[ 'COPY FROM' => 'COPY secret FROM PROGRAM \'true\'' ],
	[ 'EXPLAIN' => 'EXPLAIN SELECT seq FROM secret' ],
	[ 'a foreign key check' => "INSERT INTO note SELECT i, 'G' || i, '' FROM generate_series(1, $people) i" ],
	[ 'LIMIT 0' => 'SELECT seq FROM secret LIMIT 0' ],
	[ 'a filter that is never true' => 'SELECT seq FROM secret WHERE false' ],
	[ 'nothing at all' => 'SELECT 1' ])
{
	my ($name, $sql) = @$_;
	my $role = full_recipient();

	$lab->officer("GRANT pg_execute_server_program TO $role") if $name eq 'COPY FROM';
	my ($shown, $sqlstate, $error) = run_leak($role, $sql);
	is($sqlstate, '', "free: $name") or diag($error);
	is($lab->counted($role), 100, "free: $name counts nobody");
}

# a role without rights on the key column
{
	my $role = $lab->recipient;

	secret();
	$lab->officer("REVOKE reader FROM $role; GRANT SELECT (seq, lab) ON secret TO $role; GRANT SELECT ON visit TO $role");
	my $c = $lab->client($role);
	foreach (
		'SELECT seq FROM secret WHERE lab >= 0',
		'COPY secret (seq) TO STDOUT',
		'SELECT max(seq) FROM secret',
		'SELECT leak(seq) FROM secret',
		'SELECT s.seq FROM secret s JOIN visit v ON s.lab = v.person_id')
	{
		$r = $c->query($_);
		is($r->{sqlstate}, '', "without rights on the key: $_") or diag($r->{error});
	}
	is($lab->counted($role), $people, 'counted all the same');
	foreach (
		'SELECT person_id FROM secret',
		'SELECT seq FROM secret ORDER BY person_id',
		'COPY secret TO STDOUT',
		'SELECT s FROM secret s')
	{
		is($c->query($_)->{sqlstate}, '42501', "and without more rights than before: $_");
	}
	$c->close;
}

# ---- statements that look at rows without a plan ------------------------------------------

{
	my $role = $lab->recipient;

	secret();
	$lab->officer($_) foreach (
		'CREATE FUNCTION leaky_key(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS '
		  . "'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1; END'",
		'CREATE INDEX ON secret (leaky_key(seq))',
		'CREATE TABLE parts (person_id int, seq text, lab int) PARTITION BY LIST (leaky_key(seq))',
		'CREATE TABLE split (person_id int, seq text, lab int) PARTITION BY LIST (leaky_key(seq))',
		'CREATE TABLE split_rest PARTITION OF split DEFAULT',
		"INSERT INTO split VALUES (1, 'G1', 1)",
		"SECURITY LABEL FOR dsec ON TABLE split IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN split.seq IS 'human_genomic'",
		map { "ALTER TABLE $_ OWNER TO reader" } qw(secret parts split split_rest));
	foreach (
		"ALTER TABLE parts ATTACH PARTITION secret FOR VALUES IN ('x')",
		"CREATE TABLE split_1 PARTITION OF split FOR VALUES IN ('y')",
		'ALTER TABLE secret SET UNLOGGED',
		'REINDEX TABLE secret')
	{
		my ($shown, $sqlstate, $error) = run_leak($role, $_);

		is($sqlstate, 'DS003', "refused: $_") or diag($error);
		is("@$shown", '', 'and nothing is shown');
	}
	my (undef, $sqlstate, $error) = run_leak($role, "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('z')");
	is($sqlstate, '', 'a partition beside no default partition is not refused') or diag($error);
}

# ---- exclusion constraints quote the row in the way -----------------------------------------

{
	my $role = $lab->recipient;

	$lab->officer($_) foreach (
		'CREATE TABLE stay (person_id int PRIMARY KEY, seq circle, lab int, EXCLUDE USING gist (seq WITH &&))',
		"INSERT INTO stay SELECT i, circle(point(10 * i, 0), 1), 0 FROM generate_series(1, 5) i");
	$lab->tag('stay');
	foreach (
		"INSERT INTO stay VALUES (9, '((20,0),3)', 0)",
		"COPY stay FROM PROGRAM 'echo'",
		"UPDATE stay SET seq = '((20,0),3)' WHERE person_id = 1",
		"MERGE INTO stay s USING (VALUES (9)) v (i) ON s.person_id = v.i WHEN NOT MATCHED THEN INSERT VALUES (9, '((20,0),3)', 0)")
	{
		$r = $lab->client($role)->query($_);
		is($r->{sqlstate}, 'DS003', "refused: $_") or diag($r->{error});
		unlike("$r->{error}", qr/existing key/, 'and nobody is quoted');
	}
	$r = $lab->client($role)->query('UPDATE stay SET lab = 1');
	is($r->{sqlstate}, '', 'an UPDATE of other columns is not refused');
}

# ---- calls that only dsec may make -------------------------------------------------------

{
	my $role = $lab->recipient;

	foreach (
		"SELECT dsec.charge('person', ARRAY['human_genomic'], ARRAY[]::text[], 1, false, 42)",
		"SELECT dsec.charge('person', ARRAY['human_genomic'], ARRAY[]::text[], 1, false, VARIADIC ARRAY[42])",
		"SELECT dsec.charge('person', ARRAY['human_genomic'], ARRAY[]::text[], 1, false, person_id) FROM secret")
	{
		$r = $lab->client($role)->query($_);
		like($r->{sqlstate}, qr/^42/, 'dsec.charge cannot be called');
	}
	is($lab->counted($role), 0, 'and counts nobody');
}

$node->stop;
done_testing();
