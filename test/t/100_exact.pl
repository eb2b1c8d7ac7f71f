
# More than 100 genomes to one recipient: subject 100 leaves, subject 101 does not,
# whatever way is tried.  The shipped rule of 28 CFR 202.205(a) is used as it is.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('exact', preload => 'dsec,dsec_clock', conf => "max_parallel_workers_per_gather = 0\n");
my $lab = Dsec::Genomes->new($node);
my $c;
my $r;

is( $lab->officer(
		"SELECT string_agg(comparator || threshold, ',') FROM dsec.rule WHERE category = 'human_genomic'"),
	'>100', 'the rule is more than 100');

# ---- the tables: N people in each of several forms ---------------------------

foreach my $n (100, 101)
{
	my $half = int($n / 2);

	$lab->table("g$n", $n);
	$lab->table("low$n", $half);
	$lab->table("high$n", $n, from => $half);
	$lab->officer($_) foreach (
		# rows of people beside the genomes
		"CREATE TABLE visit$n (visit_id int PRIMARY KEY, person_id int, place text)",
		"INSERT INTO visit$n SELECT i, 1 + (i - 1) / 2, 'ward ' || i FROM generate_series(1, 2 * $n) i",
		# several samples of a person
		"CREATE TABLE sample$n (sample_id int PRIMARY KEY, person_id int NOT NULL, seq text)",
		"INSERT INTO sample$n SELECT i, 1 + (i - 1) / 3, 'G' || 1 + (i - 1) / 3 FROM generate_series(1, 3 * $n) i",
		"CREATE TABLE part$n (person_id int PRIMARY KEY, seq text) PARTITION BY RANGE (person_id)",
		"CREATE TABLE part${n}_1 PARTITION OF part$n FOR VALUES FROM (0) TO (41)",
		"CREATE TABLE part${n}_2 (seq text, person_id int NOT NULL)",
		"ALTER TABLE part$n ATTACH PARTITION part${n}_2 FOR VALUES FROM (41) TO (1000)",
		"INSERT INTO part$n SELECT i, 'G' || i FROM generate_series(1, $n) i",
		"CREATE TABLE parent$n (person_id int PRIMARY KEY, seq text)",
		"CREATE TABLE child$n (more int) INHERITS (parent$n)",
		"INSERT INTO parent$n SELECT i, 'G' || i FROM generate_series(1, 30) i",
		"INSERT INTO child$n SELECT i, 'G' || i, i FROM generate_series(31, $n) i",
		"CREATE VIEW view$n AS SELECT seq AS s, person_id AS p FROM g$n",
		"CREATE VIEW barrier$n WITH (security_barrier) AS SELECT s FROM view$n WHERE p > 0",
		"CREATE MATERIALIZED VIEW mat$n AS SELECT person_id, seq FROM g$n",
		"CREATE INDEX ON g$n (lab)",
		"CREATE INDEX ON g$n (person_id, seq)",
		"CREATE FUNCTION sql$n() RETURNS SETOF text STABLE LANGUAGE sql AS 'SELECT seq FROM g$n'",
		"CREATE FUNCTION loop$n() RETURNS SETOF text LANGUAGE plpgsql AS 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM g$n LOOP RETURN NEXT s; END LOOP; END'",
		"CREATE FUNCTION definer$n() RETURNS SETOF text SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT seq FROM g$n; END'",
		"CREATE FUNCTION one$n(int) RETURNS text LANGUAGE sql AS 'SELECT seq FROM g$n WHERE person_id = \$1'",
		"GRANT ALL ON visit$n, view$n, barrier$n TO reader");
	$lab->tag($_) foreach ("sample$n", "part$n", "parent$n");
	$lab->officer($_) foreach (
		"SECURITY LABEL FOR dsec ON MATERIALIZED VIEW mat$n IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN mat$n.seq IS 'human_genomic'",
		"GRANT SELECT ON mat$n, part${n}_1, part${n}_2, child$n TO reader",
		"ANALYZE visit$n");
}
$lab->officer('GRANT pg_write_server_files, pg_read_server_files, pg_execute_server_program TO reader');

# ---- every way to read --------------------------------------------------------

# name => statements; {N} is the number of people, "file" looks into the file.  Each
# is run as a role of a new recipient, statement by statement, in a session of its own.
my $file = $node->basedir . '/out';
my @ways = (
	'COPY of a table' => ['COPY g{N} TO STDOUT'],
	'COPY of columns' => ['COPY g{N} (seq) TO STDOUT (FORMAT csv)'],
	'COPY, binary' => ['COPY g{N} TO STDOUT (FORMAT binary)'],
	'COPY of a query' => ['COPY (SELECT seq FROM g{N}) TO STDOUT'],
	'COPY of RETURNING' => ['COPY (UPDATE g{N} SET lab = lab RETURNING seq) TO STDOUT'],
	'COPY of partitions' => [ 'COPY part{N}_1 TO STDOUT', 'COPY part{N}_2 TO STDOUT' ],
	'COPY of parent and child' => [ 'COPY parent{N} TO STDOUT', 'COPY child{N} TO STDOUT' ],
	'COPY of a materialized view' => ['COPY (TABLE mat{N}) TO STDOUT'],
	'SELECT' => ['SELECT seq FROM g{N}'],
	'SELECT without the key' => ["SELECT 'x' || seq FROM g{N}"],
	'a whole row' => ['SELECT g FROM g{N} g'],
	'a row as JSON' => ['SELECT to_json(g) FROM g{N} g'],
	'WHERE on the key' => ['SELECT seq FROM g{N} WHERE person_id BETWEEN 1 AND 500'],
	'WHERE on the genome' => ["SELECT seq FROM g{N} WHERE seq LIKE 'G%'"],
	'ORDER BY' => ['SELECT seq FROM g{N} ORDER BY lab, seq DESC'],
	'an index scan' => [ 'SET enable_seqscan = off', 'SELECT seq FROM g{N} WHERE lab < 10 ORDER BY lab' ],
	'an index-only scan' =>
	  [ 'SET enable_seqscan = off', 'SELECT seq FROM g{N} WHERE person_id > 0 ORDER BY person_id' ],
	'a bitmap scan' =>
	  [ 'SET enable_seqscan = off', 'SET enable_indexscan = off', 'SELECT seq FROM g{N} WHERE lab < 10' ],
	'a TID scan' => ["SELECT seq FROM g{N} WHERE ctid >= '(0,0)'"],
	'a sample' => ['SELECT seq FROM g{N} TABLESAMPLE system (100)'],
	'a view' => ['SELECT s FROM view{N}'],
	'a security barrier view' => ['SELECT s FROM barrier{N}'],
	'a materialized view' => ['SELECT seq FROM mat{N}'],
	'a subquery' => ['SELECT * FROM (SELECT seq FROM g{N} OFFSET 0) q'],
	'a subquery with LIMIT' => ['SELECT * FROM (SELECT seq FROM g{N} ORDER BY person_id LIMIT 400) q'],
	'a CTE' => ['WITH q AS (SELECT seq FROM g{N}) SELECT * FROM q'],
	'a CTE, materialized' => ['WITH q AS MATERIALIZED (SELECT seq FROM g{N}) SELECT * FROM q'],
	'a recursive CTE' => [
		'WITH RECURSIVE q AS (SELECT person_id, seq FROM g{N} WHERE person_id = 1 UNION ALL '
		  . 'SELECT g.person_id, g.seq FROM q JOIN g{N} g ON g.person_id = q.person_id + 1) SELECT seq FROM q' ],
	'UNION ALL' => ['SELECT seq FROM low{N} UNION ALL SELECT seq FROM high{N}'],
	'UNION ALL of different columns' => ['SELECT seq, 1 FROM low{N} UNION ALL SELECT lab::text, person_id FROM low{N} UNION ALL SELECT seq, 2 FROM high{N}'],
	'UNION' => ['SELECT seq FROM low{N} UNION SELECT seq FROM high{N}'],
	'INTERSECT' => ['SELECT seq FROM g{N} INTERSECT SELECT seq FROM mat{N}'],
	'a partitioned table' => ['SELECT seq FROM part{N}'],
	'a partitioned table, in order' => [ 'SET enable_sort = off', 'SELECT seq FROM part{N} ORDER BY person_id' ],
	'partitions' => [ 'SELECT seq FROM part{N}_2', 'SELECT seq FROM part{N}_1' ],
	'inheritance' => ['SELECT seq FROM parent{N}'],
	'several rows for each person' => ['SELECT seq FROM sample{N}'],
	'a join' => ['SELECT g.seq, v.place FROM g{N} g JOIN visit{N} v USING (person_id)'],
	'a hash join' => [
		'SET enable_mergejoin = off', 'SET enable_nestloop = off',
		'SELECT g.seq, v.place FROM g{N} g JOIN visit{N} v USING (person_id)' ],
	'a merge join' => [
		'SET enable_hashjoin = off', 'SET enable_nestloop = off',
		'SELECT g.seq, v.place FROM g{N} g JOIN visit{N} v USING (person_id)' ],
	'a nested loop' => [
		'SET enable_hashjoin = off', 'SET enable_mergejoin = off',
		'SELECT g.seq, v.place FROM visit{N} v JOIN g{N} g USING (person_id)' ],
	'a left join' => ['SELECT g.seq FROM visit{N} v LEFT JOIN g{N} g USING (person_id)'],
	'a right join' => ['SELECT g.seq FROM g{N} g RIGHT JOIN visit{N} v USING (person_id)'],
	'a full join' =>
	  ['SELECT g.seq FROM (SELECT person_id + 5000 AS person_id FROM visit{N}) v FULL JOIN g{N} g USING (person_id)'],
	'a self join' => ['SELECT a.seq, b.seq FROM g{N} a JOIN g{N} b USING (person_id)'],
	'two tagged tables' => ['SELECT a.seq, b.seq FROM low{N} a FULL JOIN high{N} b USING (person_id)'],
	'a lateral join' => ['SELECT q.seq FROM visit{N} v, LATERAL (SELECT seq FROM g{N} g WHERE g.person_id = v.person_id LIMIT 1) q'],
	'a scalar subquery' => ['SELECT (SELECT seq FROM g{N} g WHERE g.person_id = v.person_id) FROM visit{N} v'],
	'a subquery in ARRAY' => ['SELECT ARRAY(SELECT seq FROM g{N})'],
	'json_agg' => ['SELECT json_agg(seq) FROM g{N}'],
	'string_agg' => ["SELECT string_agg(seq, ',') FROM g{N} GROUP BY lab"],
	'array_agg in a subquery' => ['SELECT unnest(a) FROM (SELECT array_agg(seq) AS a FROM g{N}) q'],
	'GROUP BY' => ['SELECT seq, count(*) FROM sample{N} GROUP BY seq'],
	'max' => ['SELECT max(seq) FROM sample{N} GROUP BY person_id'],
	'DISTINCT' => ['SELECT DISTINCT seq FROM sample{N}'],
	'DISTINCT ON' => ['SELECT DISTINCT ON (person_id) seq FROM sample{N}'],
	'a window' => ['SELECT seq, row_number() OVER (ORDER BY person_id) FROM g{N}'],
	'a window that looks aside' => ['SELECT lag(seq, 0) OVER (PARTITION BY lab) FROM g{N}'],
	'a set-returning function' => ['SELECT regexp_split_to_table(seq, \',\') FROM g{N}'],
	'an SQL function that is inlined' => ['SELECT * FROM sql{N}()'],
	'an SQL function that is not' => ['SELECT sql{N}()'],
	'a PL/pgSQL function' => ['SELECT * FROM loop{N}()'],
	'a SECURITY DEFINER function' => ['SELECT * FROM definer{N}()'],
	'a function for each row' => ['SELECT one{N}(i) FROM generate_series(1, {N}) i'],
	'ts_stat' => ["SELECT upper(word) FROM ts_stat('SELECT to_tsvector(''simple'', seq) FROM g{N}')"],
	'PREPARE' => [ 'PREPARE p AS SELECT seq FROM g{N}', 'EXECUTE p' ],
	'PREPARE, generic plan' =>
	  [ 'SET plan_cache_mode = force_generic_plan', 'PREPARE p AS SELECT seq FROM g{N} WHERE person_id > $1', 'EXECUTE p (0)' ],
	'FETCH' => [ 'BEGIN', 'DECLARE d CURSOR FOR SELECT seq FROM g{N}', ('FETCH 30 FROM d') x 5 ],
	'FETCH, backward too' => [
		'BEGIN', 'DECLARE d SCROLL CURSOR FOR SELECT seq FROM g{N}',
		'FETCH 60 FROM d', 'FETCH BACKWARD 60 FROM d', 'FETCH ABSOLUTE 50 FROM d', 'FETCH ALL FROM d' ],
	'a cursor WITH HOLD' => [ 'DECLARE d CURSOR WITH HOLD FOR SELECT seq FROM g{N}', 'FETCH ALL FROM d' ],
	'UPDATE RETURNING' => ['UPDATE g{N} SET lab = lab RETURNING seq'],
	'UPDATE RETURNING, with a join' =>
	  ['UPDATE visit{N} v SET place = place FROM g{N} g WHERE g.person_id = v.person_id RETURNING g.seq'],
	'DELETE RETURNING' => [ 'BEGIN', 'DELETE FROM g{N} RETURNING seq' ],
	'a CTE with RETURNING' => ['WITH q AS (UPDATE g{N} SET lab = lab RETURNING *) SELECT seq FROM q'],
	'INSERT ON CONFLICT RETURNING' => [
		"INSERT INTO g{N} SELECT i, '', 0 FROM generate_series(1, {N}) i "
		  . 'ON CONFLICT (person_id) DO UPDATE SET lab = excluded.lab RETURNING g{N}.seq' ],
	'a deleted partition row' => [ 'BEGIN', 'DELETE FROM part{N} RETURNING seq' ],
	'UNION ALL of RETURNING' => [
		'WITH a AS (UPDATE low{N} SET lab = lab RETURNING seq), b AS (UPDATE high{N} SET lab = lab RETURNING seq) TABLE a UNION ALL TABLE b'
	],
	'DO with RAISE NOTICE' =>
	  ["DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM g{N} LOOP RAISE NOTICE ''%'', s; END LOOP; END'"],
	'FOR UPDATE' => ['SELECT seq FROM g{N} FOR UPDATE'],
	'CASE' => ['SELECT CASE WHEN lab >= 0 THEN seq END FROM g{N}'],
	'a parallel plan' => [
		'SET max_parallel_workers_per_gather = 2', 'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0',
		'SET min_parallel_table_scan_size = 0', 'SELECT seq FROM g{N}' ]);

# what is received without being shown
my @silent = (
	'COPY to a file' => [ "COPY g{N} TO '$file'", 'file' ],
	'COPY to a program' => [ "COPY g{N} TO PROGRAM 'cat >$file'", 'file' ],
	'COPY of a query to a file' => [ "COPY (SELECT seq FROM g{N}) TO '$file'", 'file' ],
	'MOVE' => [ 'BEGIN', 'DECLARE d CURSOR FOR SELECT seq FROM g{N}', 'MOVE ALL FROM d' ],
	'EXPLAIN ANALYZE' => ['EXPLAIN ANALYZE SELECT seq FROM g{N}'],
	'CREATE TABLE AS' => [ 'BEGIN', 'CREATE TABLE public.mine AS SELECT person_id, seq FROM g{N}', 'TABLE mine' ],
	'SELECT INTO' => [ 'BEGIN', 'SELECT person_id, seq INTO public.mine FROM g{N}', 'TABLE mine' ],
	'CREATE MATERIALIZED VIEW' => [ 'BEGIN', 'CREATE MATERIALIZED VIEW public.mine AS SELECT person_id, seq FROM g{N}', 'TABLE mine' ],
	'INSERT SELECT' => [
		'CREATE TEMP TABLE mine (person_id int, s text)', 'INSERT INTO mine SELECT person_id, seq FROM g{N}', 'TABLE mine' ],
	'EXISTS' => ['SELECT place FROM visit{N} v WHERE EXISTS (SELECT FROM g{N} g WHERE g.person_id = v.person_id AND g.seq > \'\')'],
	'a filter on the genome' => ["SELECT person_id FROM g{N} WHERE seq LIKE 'G%'"],
	'a hashed genome' => ['SELECT md5(seq) FROM g{N}'],
	'its length' => ['SELECT length(seq) FROM g{N}'],
	'count of the genomes' => ['SELECT count(seq) FROM g{N}'],
	'ORDER BY the genome' => ['SELECT lab FROM g{N} ORDER BY seq'],
	'PERFORM' => ["DO 'BEGIN PERFORM seq FROM g{N}; END'"]);

sub run_way
{
	my ($n, @sql) = @_;
	my $role = $lab->recipient;
	my $client = $lab->client($role);
	my @results;
	my %seen;

	unlink $file;
	foreach (@sql)
	{
		push @results, $_ ne 'file' ? $client->query(s/\{N\}/$n/gr) : -e $file ? slurp_file($file) : ();
	}
	$client->query('ROLLBACK');
	$client->close;
	my ($failed) = grep { ref && $_->{sqlstate} ne '' } @results;
	diag("$failed->{sqlstate} $failed->{error} $failed->{detail}")
	  if $failed && $failed->{sqlstate} ne 'DS001';
	return {
		people => Dsec::Genomes::people(@results),
		sqlstate => $failed ? $failed->{sqlstate} : '',
		counted => $lab->counted($role) };
}

while (my ($name, $sql) = splice @ways, 0, 2)
{
	subtest $name => sub {
		my $within = run_way(100, @$sql);
		my $over = run_way(101, @$sql);

		is($within->{sqlstate}, '', '100: no error');
		is(scalar @{ $within->{people} }, 100, '100: all arrive') unless $name =~ /binary/ && !@{ $within->{people} };
		is($within->{counted}, 100, '100: all are counted');
		is($over->{sqlstate}, 'DS001', '101: refused');
		cmp_ok(scalar @{ $over->{people} }, '<=', 100, '101: at most 100 arrive');
		cmp_ok($over->{counted}, '>=', scalar @{ $over->{people} }, '101: who arrived is counted');
		is($over->{counted}, 100, '101: who did not is not');
	};
}
while (my ($name, $sql) = splice @silent, 0, 2)
{
	subtest $name => sub {
		my $within = run_way(100, @$sql);
		my $over = run_way(101, @$sql);

		is($within->{sqlstate}, '', '100: no error');
		is($within->{counted}, 100, '100: all are counted');
		is($over->{sqlstate}, 'DS001', '101: refused');
		cmp_ok(scalar @{ $over->{people} }, '<=', 100, '101: at most 100 arrive');
		is($over->{counted}, 100, '101: 100 are counted');
	};
}

# ---- no more than what leaves -----------------------------------------------------

# name => number of people, statement
my @tight = (
	'LIMIT' => 5, 'SELECT seq FROM g101 LIMIT 5',
	'ORDER BY LIMIT' => 5, 'SELECT seq FROM g101 ORDER BY seq LIMIT 5',
	'OFFSET' => 3, 'SELECT seq FROM g101 ORDER BY person_id OFFSET 98',
	'WHERE' => 9, 'SELECT seq FROM g101 WHERE person_id < 10',
	'WHERE on the genome' => 1, "SELECT seq FROM g101 WHERE seq = 'G7'",
	'several rows for each person' => 2, 'SELECT seq FROM sample101 WHERE sample_id <= 6',
	'a join' => 4, 'SELECT g.seq FROM g101 g JOIN visit101 v USING (person_id) WHERE v.visit_id <= 8',
	'the empty side of a left join' => 2,
	'SELECT g.seq FROM generate_series(100, 110) i LEFT JOIN g101 g ON g.person_id = i',
	'the empty side of a full join' => 10,
	'SELECT g.seq FROM (SELECT * FROM g101 WHERE person_id <= 10) g FULL JOIN generate_series(1000, 1200) i ON g.person_id = i',
	'UNION ALL' => 7, 'SELECT seq FROM (SELECT * FROM low101 UNION ALL SELECT * FROM high101) u WHERE person_id BETWEEN 48 AND 54',
	'a view' => 6, 'SELECT s FROM view101 WHERE p > 95',
	'a subquery' => 3, 'SELECT * FROM (SELECT seq FROM g101 ORDER BY person_id LIMIT 3) q',
	'UPDATE RETURNING' => 2, 'UPDATE g101 SET lab = lab WHERE person_id IN (3, 4) RETURNING seq',
	'no row' => 0, "SELECT seq FROM g101 WHERE person_id = 1000",
	'EXPLAIN' => 0, 'EXPLAIN SELECT seq FROM g101');

while (my ($name, $people, $sql) = splice @tight, 0, 3)
{
	my $over = run_way(101, $sql);

	is("$over->{sqlstate} $over->{counted}", " $people", "tight: $name");
}

# ---- statement by statement, role by role ---------------------------------------

{
	my ($role) = $lab->recipient;
	my @people;
	my $refused = 0;

	$c = $lab->client($role);
	$c->prepare('one', 'SELECT seq FROM g101 WHERE person_id = $1::int');
	foreach my $i (1 .. 101)
	{
		$r = $c->execute('one', [$i]);
		push @people, @{ Dsec::Genomes::people($r) };
		$refused++ if $r->{sqlstate} eq 'DS001';
		$c->sync;
	}
	is("@people", join(' ', 1 .. 100), '101 statements: 100 arrive');
	is($refused, 1, 'the last one is refused');
	like($r->{error}, qr/\S/, "with a message: $r->{error}");
	like($r->{detail}, qr/human_genomic.*100.*202\.205\(a\)/s, "and the rule: $r->{detail}");
	unlike("$r->{error} $r->{detail} $r->{hint}", qr/G101/, 'and no value');

	# 100 of 100: those seen before, and nobody else
	$r = $c->query('SELECT seq FROM g100');
	is($r->{sqlstate}, '', 'subjects seen before can be sent again');
	is(scalar @{ $r->{rows} }, 100, 'all of them');
	$r = $c->query('COPY g100 TO STDOUT');
	is($r->{sqlstate}, '', 'also by COPY');
	$r = $c->query('SELECT seq FROM g101 WHERE person_id = 101');
	is($r->{sqlstate}, 'DS001', 'another one still cannot');
	$r = $c->query('SELECT seq FROM g101 ORDER BY person_id DESC');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS001 0', 'when he comes first, nothing leaves');
	is($lab->counted($role), 100, 'and 100 are counted');
	is($lab->officer("SELECT dsec.was_sent('" . $lab->name($role) . "', 'human_genomic', 'person', 101)"),
		undef, 'the refused is not on the list');
	is($lab->officer("SELECT dsec.was_sent('" . $lab->name($role) . "', 'human_genomic', 'person', 100) IS NOT NULL"),
		't', 'the last one sent is');
}
{
	my ($a, $b) = $lab->recipient(2);
	my ($ca, $cb) = ($lab->client($a), $lab->client($b));

	is($ca->query('SELECT seq FROM g101 WHERE person_id <= 60')->{sqlstate}, '', 'two roles: the first gets 60');
	$r = $cb->query('SELECT seq FROM g101 WHERE person_id > 50 ORDER BY person_id');
	is($r->{sqlstate}, 'DS001', 'the second is refused');
	is(scalar @{ $r->{rows} }, 50, 'after 50, ten of whom the first had');
	is($lab->counted($a), 100, 'together they have 100');
}
{
	my ($role) = $lab->recipient;
	my ($other) = $lab->recipient;

	$c = $lab->client($role);
	$c->query('BEGIN');
	$c->query('SELECT seq FROM g100');
	$c->query('ROLLBACK');
	is($lab->counted($role), 100, 'a rollback gives nothing back');
	is($c->query('SELECT seq FROM g101 WHERE person_id = 101')->{sqlstate}, 'DS001', 'nor any room');

	# the same, in a subtransaction with the error caught
	$c = $lab->client($other);
	$r = $c->query(q{DO $$
		DECLARE
			s text;
		BEGIN
			FOR i IN 1 .. 101 LOOP
				BEGIN
					SELECT seq INTO s FROM g101 WHERE person_id = i;
					RAISE EXCEPTION 'forget %', s;
				EXCEPTION WHEN raise_exception THEN
					RAISE NOTICE '%', s;
				END;
			END LOOP;
		END $$});
	is($r->{sqlstate}, 'DS001', 'subtransactions do not help');
	is(scalar @{ Dsec::Genomes::people($r) }, 100, '100 arrive');
	is($lab->counted($other), 100, '100 are counted');
	$c->close;
}

# ---- protocols: portals with a limit on rows ----------------------------------

foreach my $step (1, 7, 100)
{
	foreach my $n (100, 101)
	{
		my ($role) = $lab->recipient;
		my @results;

		$c = $lab->client($role);
		$c->query('BEGIN');
		$c->prepare('p', "SELECT seq FROM g$n");
		push @results, $c->execute('p', [], limit => $step);
		is($lab->counted($role), $step, "portal of $step rows: $step are counted") if $n == 101;
		push @results, $c->fetch($step) while $results[-1]{suspended};
		is($results[-1]{sqlstate}, $n == 100 ? '' : 'DS001', "portal of $step rows: $n");
		is(scalar @{ Dsec::Genomes::people(@results) }, 100, '100 arrive') if $n == 100 || $step == 1;
		cmp_ok(scalar @{ Dsec::Genomes::people(@results) }, '<=', 100, 'never more');
		is($lab->counted($role), 100, '100 are counted');
		$c->sync;
		$c->close;
	}
}

# a portal and COPY by turns
{
	my ($role) = $lab->recipient;
	my @results;

	$c = $lab->client($role);
	$c->query('BEGIN');
	$c->query('DECLARE d CURSOR FOR SELECT seq FROM g101');
	push @results, $c->query('FETCH 40 FROM d');
	push @results, $c->query('COPY (SELECT seq FROM g101 WHERE person_id BETWEEN 31 AND 90) TO STDOUT');
	push @results, $c->query('FETCH 55 FROM d');
	is($lab->counted($role), 95, 'COPY and cursor by turns: 95 people');
	push @results, $c->query('FETCH 5 FROM d');
	is($results[-1]{sqlstate}, '', 'up to 100');
	push @results, $c->query('FETCH 1 FROM d');
	is($results[-1]{sqlstate}, 'DS001', 'the next is refused');
	is(scalar @{ Dsec::Genomes::people(@results) }, 100, '100 arrived');
	is($lab->counted($role), 100, '100 are counted');
	$c->query('ROLLBACK');
	$c->close;
}

# psql, with its own portals
{
	my ($role) = $lab->recipient;

	$r = Dsec::run($node, "\\set FETCH_COUNT 9\nSELECT seq FROM g101;", user => $role);
	is($r->{sqlstate}, 'DS001', 'psql with FETCH_COUNT is stopped');
	cmp_ok(scalar(() = $r->{out} =~ /G/g), '<=', 100, 'after at most 100');
	is($lab->counted($role), 100, '100 are counted');
}

# ---- two databases, two sessions -------------------------------------------------

$lab->officer('CREATE DATABASE other');
{
	my $other = Dsec::Wire->new($node, dbname => 'other');

	$other->value('CREATE EXTENSION dsec');
	$lab->table('g101', 101, connection => $other);
	$other->close;
}
{
	my ($role) = $lab->recipient;
	my $c1 = $lab->client($role);
	my $c2 = $lab->client($role, dbname => 'other');

	is($c1->query('SELECT seq FROM g101 WHERE person_id <= 60')->{sqlstate}, '', 'two databases: 60 from one');
	$r = $c2->query('COPY (SELECT seq FROM g101 ORDER BY person_id DESC) TO STDOUT');
	is($r->{sqlstate}, 'DS001', 'the other stops');
	is(scalar(() = $r->{copy} =~ /G/g), 40, 'after 40');
	is($lab->counted($role), 100, 'one ledger');
}
{
	my ($role) = $lab->recipient;
	my $c1 = $lab->client($role);
	my $c2 = $lab->client($role);
	my @results;

	# both at the same time
	$_->query('BEGIN') foreach ($c1, $c2);
	$c1->prepare('p', 'SELECT seq FROM g101 ORDER BY person_id');
	$c2->prepare('p', 'SELECT seq FROM g101 ORDER BY person_id DESC');
	push @results, $_->execute('p', [], limit => 20) foreach ($c1, $c2);
	for (1 .. 4)
	{
		push @results, $_->fetch(10) foreach grep { $_->{transaction} ne 'E' } ($c1, $c2);
	}
	is($results[-1]{sqlstate} || $results[-2]{sqlstate}, 'DS001', 'two sessions at once are stopped')
	  or diag(join ' ', map { $_->{sqlstate} . scalar @{ $_->{rows} } } @results);
	is(scalar @{ Dsec::Genomes::people(@results) }, 100, 'after 100 together');
	is($lab->counted($role), 100, '100 are counted');
	$_->close foreach ($c1, $c2);
}

# ---- superusers, pg_dump, unassigned recipients ------------------------------------

$lab->officer('CREATE ROLE boss SUPERUSER LOGIN; CREATE ROLE backup SUPERUSER LOGIN; CREATE ROLE clerk LOGIN; GRANT reader TO clerk');

# A superuser who is bound counts like everybody.
{
	my ($role) = $lab->recipient;

	$lab->officer("ALTER ROLE $role SUPERUSER");
	$r = $lab->client($role)->query('SELECT seq FROM g101');
	is("$r->{sqlstate} " . @{ Dsec::Genomes::people($r) }, 'DS001 100', 'a superuser who is bound is stopped');
}

# Nobody is bound: reading is the house's business, exporting is not.
$c = $lab->client('clerk');
$r = $c->query('SELECT seq FROM g101');
is("$r->{sqlstate} " . @{ $r->{rows} }, ' 101', 'the house reads what it wants');
is($lab->officer('SELECT count(*) FROM dsec.recipient WHERE status = \'unassigned\''), 0, 'and nothing is noted');

sub unassigned
{
	my ($login) = @_;

	return $lab->officer("SELECT coalesce(max(e.counted), 0) FROM dsec.exposure e JOIN dsec.recipient p ON p.name = e.recipient "
		  . "WHERE p.status = 'unassigned' AND p.login_role = '$login' AND e.category = 'human_genomic'");
}

$r = $c->query('COPY g101 TO STDOUT');
is("$r->{sqlstate} " . @{ Dsec::Genomes::people($r) }, ' 101', 'unassigned = log: COPY goes on');
is(unassigned('clerk'), 101, 'for an automatic recipient');
$lab->officer('SELECT dsec.flush_events()');
is( $lab->officer("SELECT string_agg(decision, ',') FROM dsec.exports WHERE login_role = 'clerk'"),
	'log', 'and is recorded as over the threshold');

my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-U', 'backup', '-t', 'g101', '-f', $dump ], 'pg_dump goes on');
is(scalar @{ Dsec::Genomes::people(slurp_file($dump)) }, 101, 'with everybody');
is(unassigned('backup'), 101, 'who are all counted');

$node->append_conf('postgresql.conf', "dsec.unassigned = block\n");
$node->reload;
$lab->officer('CREATE ROLE backup2 SUPERUSER LOGIN');
$node->poll_query_until('postgres', "SELECT current_setting('dsec.unassigned') = 'block'");
command_fails_like(
	[ 'pg_dump', '-d', $node->connstr('postgres'), '-U', 'backup2', '-t', 'g101', '-f', $dump ],
	qr/human_genomic/,
	'unassigned = block: pg_dump is refused');
cmp_ok(scalar @{ Dsec::Genomes::people(slurp_file($dump)) }, '<=', 100, 'after at most 100');
is(unassigned('backup2'), 100, '100 are counted');
$r = $lab->client('boss')->query("COPY (SELECT * FROM g101) TO PROGRAM 'cat >/dev/null'");
is($r->{sqlstate}, 'DS001', 'so is a superuser');
is(unassigned('boss'), 100, 'who has 100');
$r = $lab->client('boss')->query('SELECT seq FROM g101');
is($r->{sqlstate}, '', 'and reads in the house');

# an internal recipient has no rule
{
	my ($role) = $lab->recipient(1, status => 'internal');

	command_ok(
		[ 'pg_dump', '-d', $node->connstr('postgres'), '-U', $role, '-t', 'g101', '-f', $dump ],
		'pg_dump of a role that is bound to an internal recipient');
	is(scalar @{ Dsec::Genomes::people(slurp_file($dump)) }, 101, 'has everybody');
}
$node->append_conf('postgresql.conf', "dsec.unassigned = log\n");
$node->reload;

# ---- channels are bound, too -----------------------------------------------------

{
	my ($role) = $lab->recipient;
	my $name = $lab->name($role);
	my $dir = $node->basedir . '/courier';

	mkdir $dir;
	$lab->officer("SELECT dsec.bind_channel('file', '$dir', '$name')");
	$r = $lab->client('boss')->query("COPY g101 TO '$dir/out'");
	is($r->{sqlstate}, 'DS001', 'a file for a recipient is stopped');
	cmp_ok(scalar @{ Dsec::Genomes::people(slurp_file("$dir/out")) }, '<=', 100, 'after at most 100') if -e "$dir/out";
	is($lab->counted($role), 100, '100 are counted');
	$r = $lab->client($role)->query('SELECT seq FROM g101');
	is($r->{sqlstate}, 'DS001', 'together with what its role reads');
	is($lab->counted($role), 100, 'still 100 are counted');
}

# ---- subjects of all kinds ---------------------------------------------------------

sub verdict
{
	my ($sql, $category) = @_;
	my ($role) = $lab->recipient;
	my $client = $lab->client($role);
	my $result = $client->query($sql);

	$client->close;
	return join ' ', $result->{sqlstate} || 'ok', $lab->counted($role, $category);
}

$lab->officer($_) foreach (
	'CREATE TABLE pair (country text, number int, seq text, PRIMARY KEY (country, number))',
	"INSERT INTO pair SELECT 'C' || i % 10, i / 10, 'G' || i FROM generate_series(0, 100) i");
$lab->tag('pair', subject => 'subject=(country,number); space=citizen');
is(verdict('SELECT seq FROM pair WHERE number < 10'), 'ok 100', 'composite keys: 100');
is(verdict('SELECT seq FROM pair'), 'DS001 100', 'composite keys: 101');

$lab->officer($_) foreach (
	'CREATE TABLE scope (person_id int PRIMARY KEY, is_us bool, seq text)',
	"INSERT INTO scope SELECT i, CASE WHEN i <= 90 THEN true WHEN i <= 190 THEN false END, 'G' || i FROM generate_series(1, 201) i"
);
$lab->tag('scope', subject => 'subject=person_id; space=person; in_scope=us_person:is_us');
is(verdict('SELECT seq FROM scope WHERE person_id <= 200'), 'ok 100', 'in_scope: 90 that are, 100 that are not, 10 unknown');
is(verdict('SELECT seq FROM scope'), 'DS001 100', 'in_scope: one unknown more');
is(verdict('SELECT seq FROM scope WHERE NOT is_us'), 'ok 0', 'in_scope: nobody who is');

$lab->officer($_) foreach (
	'CREATE TABLE nullable (person_id int, seq text)',
	"INSERT INTO nullable SELECT CASE WHEN i <= 90 THEN i END, 'G' || i FROM generate_series(1, 101) i");
$lab->tag('nullable');
is(verdict('SELECT seq FROM nullable WHERE seq <> \'G101\''), 'ok 100', 'NULL keys: each row is a subject');
is(verdict('SELECT seq FROM nullable'), 'DS001 100', 'NULL keys: 101');
is(verdict('SELECT seq FROM nullable WHERE seq <> \'G101\'; SELECT seq FROM nullable WHERE seq <> \'G101\''),
	'ok 100', 'NULL keys: the same rows again');
is(verdict('SELECT n.seq FROM generate_series(1, 300) i LEFT JOIN nullable n ON n.person_id = i'),
	'ok 90', 'NULL keys: a row that is none is not counted');

$lab->officer($_) foreach (
	'CREATE TABLE keyless (seq text)',
	"INSERT INTO keyless SELECT 'G' || i FROM generate_series(1, 101) i",
	"SECURITY LABEL FOR dsec ON COLUMN keyless.seq IS 'human_genomic'",
	'GRANT ALL ON keyless TO reader');
is(verdict("SELECT seq FROM keyless WHERE seq <> 'G101'"), 'ok 100', 'no key at all: each row is a subject');
is(verdict('SELECT seq FROM keyless'), 'DS001 100', 'no key at all: 101');

$lab->officer($_) foreach (
	'CREATE TABLE own_key (id int PRIMARY KEY, seq text)',
	"INSERT INTO own_key SELECT i, 'G' || i FROM generate_series(1, 101) i",
	"SECURITY LABEL FOR dsec ON COLUMN own_key.seq IS 'human_genomic'",
	'GRANT ALL ON own_key TO reader');
is(verdict('SELECT seq FROM own_key'), 'DS001 100', 'the primary key, when nothing else is said');
is(verdict('SELECT seq FROM own_key WHERE id <= 60; SELECT seq FROM g101 WHERE person_id <= 60'),
	'DS001 100', 'in a space of its own');

$lab->officer($_) foreach (
	'CREATE DOMAIN genome AS text',
	"SECURITY LABEL FOR dsec ON DOMAIN genome IS 'human_genomic'",
	'CREATE TABLE of_domain (person_id bigint PRIMARY KEY, seq genome)',
	"INSERT INTO of_domain SELECT i, 'G' || i FROM generate_series(1, 101) i",
	"SECURITY LABEL FOR dsec ON TABLE of_domain IS 'subject=person_id; space=person'",
	'GRANT ALL ON of_domain TO reader');
is(verdict('SELECT seq FROM of_domain'), 'DS001 100', 'a domain that is tagged');
is(verdict('SELECT seq FROM of_domain WHERE person_id <= 100; SELECT seq FROM g100'),
	'ok 100', 'bigint and integer keys are the same people');

$lab->officer($_) foreach (
	"CREATE TABLE by_number (person_id numeric PRIMARY KEY, seq text)",
	"INSERT INTO by_number SELECT i + 0.00, 'G' || i FROM generate_series(1, 101) i",
	"CREATE TABLE by_text (person_id text PRIMARY KEY, seq text)",
	"INSERT INTO by_text SELECT 'P' || i, 'G' || i FROM generate_series(1, 101) i",
	"CREATE TABLE by_uuid (person_id uuid PRIMARY KEY, seq text)",
	"INSERT INTO by_uuid SELECT md5(i::text)::uuid, 'G' || i FROM generate_series(1, 101) i",
	"CREATE TABLE by_day (person_id date PRIMARY KEY, seq text)",
	"INSERT INTO by_day SELECT date '2000-01-01' + i, 'G' || i FROM generate_series(1, 101) i");
foreach my $type (qw(number text uuid day))
{
	$lab->tag("by_$type", subject => "subject=person_id; space=by_$type");
	is(verdict("SELECT seq FROM by_$type LIMIT 100"), 'ok 100', "keys by $type: 100");
	is(verdict("SELECT seq FROM by_$type"), 'DS001 100', "keys by $type: 101");
}

# ---- modes and kinds of rules --------------------------------------------------------

Dsec::rule($node, category => 'biometric_identifier', comparator => '>=', threshold => 100);
Dsec::rule($node, category => 'personal_financial', threshold => 100, action => 'log');
Dsec::rule($node, category => 'precise_geolocation', threshold => 0);
foreach (
	[ finger => 'biometric_identifier' ],
	[ money => 'personal_financial' ],
	[ place => 'precise_geolocation' ])
{
	my ($table, $category) = @$_;

	$lab->officer($_) foreach (
		"CREATE TABLE $table (person_id int PRIMARY KEY, seq text)",
		"INSERT INTO $table SELECT i, 'G' || i FROM generate_series(1, 101) i",
		"SECURITY LABEL FOR dsec ON TABLE $table IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN $table.seq IS '$category'",
		"GRANT SELECT ON $table TO reader");
}
is(verdict('SELECT seq FROM finger LIMIT 99', 'biometric_identifier'), 'ok 99', '>= 100: 99');
is(verdict('SELECT seq FROM finger', 'biometric_identifier'), 'DS001 99', '>= 100: the hundredth is refused');
is(verdict('SELECT seq FROM money', 'personal_financial'), 'ok 101', 'action log: everybody leaves');
is(verdict('SELECT seq FROM place', 'precise_geolocation'), 'DS001 0', '> 0: nobody leaves');
$lab->officer('SELECT dsec.flush_events()');
is($lab->officer("SELECT string_agg(DISTINCT decision, ',') FROM dsec.exports WHERE relations @> '{public.money(seq)}'"),
	'log', 'action log: on record');

# two categories in one row: all or nothing
$lab->officer($_) foreach (
	'CREATE TABLE both_kinds (person_id int PRIMARY KEY, seq text, finger text)',
	"INSERT INTO both_kinds SELECT i, 'G' || i, 'F' || i FROM generate_series(1, 101) i");
$lab->tag('both_kinds');
$lab->officer("SECURITY LABEL FOR dsec ON COLUMN both_kinds.finger IS 'biometric_identifier'");
{
	my ($role) = $lab->recipient;

	$r = $lab->client($role)->query('SELECT seq, finger FROM both_kinds');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS001 99', 'two categories: the tighter rule stops');
	is($lab->counted($role) . ' ' . $lab->counted($role, 'biometric_identifier'),
		'99 99', 'the refused row is charged to neither');
	is($lab->counted($role, 'human_omic'), 99, 'the parent category counts along');
}

# permissive
$node->append_conf('postgresql.conf', "dsec.mode = permissive\n");
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('dsec.mode') = 'permissive'");
{
	my ($role) = $lab->recipient;

	$r = $lab->client($role)->query('SELECT seq FROM g101');
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 101', 'permissive: everybody leaves');
	is($lab->counted($role), 101, 'and is counted');
	is($lab->record($role, 'decision, rule IS NOT NULL'), 'log|t', 'and recorded with the rule');
}
$node->append_conf('postgresql.conf', "dsec.mode = enforcing\n");
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('dsec.mode') = 'enforcing'");

# ---- the record of a refusal -----------------------------------------------------------

{
	my ($role) = $lab->recipient;
	my $name = $lab->name($role);

	$c = $lab->client($role, application_name => 'exact');
	$c->query('BEGIN');
	$r = $c->query('COPY g101 TO STDOUT');
	$r = $lab->{officer}->query(
		'SELECT recipients, relations, rows, regime, citation, channel, application_name, login_role, '
		  . "(SELECT string_agg(format('%s %s %s', category, subjects, charged), ',') FROM unnest(categories)) "
		  . "FROM dsec.blocked_exports WHERE '$name' = ANY (recipients)");
	is(scalar @{ $r->{rows} }, 1, 'the refusal is on record before the transaction ends');
	is(join('|', @{ $r->{rows}[0] }),
		"{$name}|{public.g101(seq)}|100|us_dsp|28 CFR 202.205(a)|copy|exact|$role|human_genomic 100 100",
		'who, what, how many, and the rule');
	$c->query('ROLLBACK');
	$c->close;
}

# ---- rows without a key: the place of a row is used again, for somebody else ------------

foreach (
	[ 'TRUNCATE' => 'TRUNCATE batch' ],
	[ 'VACUUM' => 'DELETE FROM batch', 'VACUUM batch' ],
	[ 'REFRESH' => 'TRUNCATE source' ])
{
	my ($name, @clear) = @$_;
	my ($role) = $lab->recipient;
	my $table = $name eq 'REFRESH' ? 'source' : 'batch';
	my @fill = ("INSERT INTO $table SELECT 'G' || i FROM generate_series(61, 120) i");

	push @fill, 'REFRESH MATERIALIZED VIEW batch' if $name eq 'REFRESH';
	$lab->officer($_) foreach (
		"CREATE TABLE $table (seq text)",
		"INSERT INTO $table SELECT 'G' || i FROM generate_series(1, 60) i",
		$name eq 'REFRESH' ? 'CREATE MATERIALIZED VIEW batch AS SELECT * FROM source' : (),
		"SECURITY LABEL FOR dsec ON COLUMN batch.seq IS 'human_genomic'",
		'GRANT SELECT ON batch TO reader');
	$c = $lab->client($role);
	$c->query('SELECT seq FROM batch') for 1 .. 2;
	is($lab->counted($role), 60, "$name: 60 rows, read twice");
	$lab->officer($_) foreach (@clear, @fill);
	$r = $c->query('SELECT seq FROM batch');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS001 40', "$name: of 60 others, 40 have room");
	is($lab->counted($role), 100, "$name: and count");
	$c->close;
	$lab->officer("DROP TABLE $table CASCADE");
}

# ---- twelve months later ---------------------------------------------------------------

# Moves the ledger's clock to noon of a day.
sub travel
{
	my ($day) = @_;
	my $offset = $lab->officer(
		"SELECT round(extract(epoch FROM (date '$day' + interval '12 hours') AT TIME ZONE 'UTC' - now()))");

	$node->append_conf('postgresql.conf', "dsec_clock.offset = $offset\n");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('dsec_clock.offset', false) <> '' AND setting = '$offset' FROM pg_settings WHERE name = 'dsec_clock.offset'");
	$lab->{officer}->close;
	$lab->{officer} = Dsec::Wire->new($node);
	return;
}

{
	my ($role) = $lab->recipient;
	my $today = $lab->officer("SELECT (now() AT TIME ZONE 'UTC')::date");
	my $last = $lab->officer("SELECT (date '$today' + interval '12 months')::date");
	my $next = $lab->officer("SELECT date '$last' + 1");

	$lab->client($role)->query('SELECT seq FROM g100');
	is($lab->counted($role), 100, 'today: 100 of 100');

	travel($last);
	is($lab->counted($role), 100, 'on the last day of the window: still 100 of 100');
	is($lab->client($role)->query('SELECT seq FROM g101 WHERE person_id = 101')->{sqlstate}, 'DS001', 'and no room');
	# one of the 100 is sent again: it counts for another year
	is($lab->client($role)->query('SELECT seq FROM g101 WHERE person_id = 7')->{sqlstate}, '', 'one of them is sent again');

	travel($next);
	is($lab->counted($role), 1, 'a day later the others are free again');
	$r = $lab->client($role)->query('SELECT seq FROM g101 ORDER BY person_id DESC');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS001 100', 'and there is room for 99 more, and for him');
	is(Dsec::Genomes::people($r)->[-1], 101, 'the one who was refused among them');
	is($lab->counted($role), 100, 'who are counted');
}

# and across a restart
$node->restart;
$lab->{officer} = Dsec::Wire->new($node);
{
	my ($role) = map { "r$_->[0]_1" } @{
		$lab->{officer}->query(
			"SELECT substr(recipient, 2) FROM dsec.exposure WHERE category = 'human_genomic' AND counted = 100")->{rows}
	};

	ok($role, 'a restart forgets nobody');
	$r = $lab->client($role)->query('SELECT seq FROM g101 WHERE person_id = 1');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS001 0', 'and opens no room');
}

# ---- what dsec has said of all this ------------------------------------------------------

# Law L8: names and counts.  A genome is a G and a number.
{
	my @lines = grep { /DSEC: / } split(/\n/, slurp_file($node->logfile));

	cmp_ok(scalar @lines, '>', 100, 'the server log has the records');
	is(scalar(grep { /\bG\d/ } @lines), 0, 'and no genome');
	is($lab->officer(q{SELECT count(*) FROM dsec.event AS e WHERE e::text ~ '\mG\d'}), 0, 'nor have the records in the table');
}

$node->stop;
done_testing();
