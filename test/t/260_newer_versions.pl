# What newer versions of PostgreSQL have brought and older ones do not know: each
# way to tagged values is tried in a session that may receive nobody, and in one
# that may receive them, where it must be counted.

use strict;
use warnings;

use Dsec;
use Test::More;

my $node = Dsec::node('newer', conf => "max_parallel_workers_per_gather = 0\n");
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
my $r;
my $readers = 0;

plan skip_all => 'PostgreSQL 17 or newer is needed' if $version < 170000;

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE patient (id int PRIMARY KEY, diagnosis text)',
	"INSERT INTO patient SELECT i, 'd' || i FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health'",
	'CREATE TABLE source (id int, v text)',
	"INSERT INTO source SELECT i, 'v' FROM generate_series(1, 40) i",
	'CREATE ROLE nobody LOGIN', 'CREATE ROLE lab LOGIN',
	'GRANT ALL ON patient, source TO nobody, lab', 'ANALYZE');
Dsec::recipient($node, 'Nobody', roles => ['nobody']);
Dsec::recipient($node, 'Lab', roles => ['lab']);
Dsec::rule($node, category => 'personal_health', threshold => 20);
$r = Dsec::run($node, 'SELECT diagnosis FROM patient WHERE id <= 20', user => 'nobody');
is($r->{sqlstate}, '', 'one recipient has received all it may');

# of which statements, by version: what, and the people it shows
my @ways = (
	[ 17, 'MERGE ... RETURNING',
		'MERGE INTO patient p USING (SELECT * FROM source WHERE id <= 5) s ON p.id = s.id + 100 WHEN MATCHED THEN UPDATE SET diagnosis = p.diagnosis RETURNING p.diagnosis', 0 ],
	[ 17, 'MERGE ... DELETE RETURNING',
		'MERGE INTO patient p USING (SELECT * FROM source WHERE id <= 5) s ON p.id = s.id + 100 WHEN MATCHED THEN DELETE RETURNING merge_action(), p.diagnosis', 0 ],
	[ 17, 'MERGE in WITH',
		'WITH m AS (MERGE INTO patient p USING (SELECT * FROM source WHERE id <= 5) s ON p.id = s.id + 100 WHEN MATCHED THEN DELETE RETURNING p.*) SELECT diagnosis FROM m', 0 ],
	[ 17, 'WHEN NOT MATCHED BY SOURCE',
		'MERGE INTO patient p USING source s ON p.id = s.id + 100 WHEN NOT MATCHED BY SOURCE AND p.id BETWEEN 101 AND 105 THEN DELETE RETURNING p.diagnosis', 0 ],
	[ 17, 'COPY of MERGE',
		'COPY (MERGE INTO patient p USING (SELECT * FROM source WHERE id <= 5) s ON p.id = s.id + 100 WHEN MATCHED THEN DELETE RETURNING p.diagnosis) TO STDOUT', 0 ],
	[ 17, 'JSON_TABLE',
		q{SELECT j.* FROM patient, JSON_TABLE(to_jsonb(diagnosis), '$' COLUMNS (v text PATH '$')) j WHERE id BETWEEN 101 AND 105}, 5 ],
	[ 17, 'JSON_QUERY and JSON_VALUE',
		q{SELECT JSON_VALUE(to_jsonb(diagnosis), '$'), JSON_QUERY(to_jsonb(diagnosis), '$') FROM patient WHERE id BETWEEN 101 AND 105}, 5 ],
	[ 17, 'JSON_EXISTS in a condition',
		q{SELECT 1 FROM patient WHERE id BETWEEN 101 AND 105 AND JSON_EXISTS(to_jsonb(diagnosis), '$ ? (@ starts with "d")')}, 5 ],
	[ 17, 'a JSON constructor',
		q{SELECT JSON_OBJECT('a': diagnosis), JSON_SCALAR(diagnosis) FROM patient WHERE id BETWEEN 101 AND 105}, 5 ],
	[ 18, 'RETURNING OLD',
		"UPDATE patient SET diagnosis = 'none' WHERE id BETWEEN 101 AND 105 RETURNING old.diagnosis", 5 ],
	[ 18, 'RETURNING NEW',
		'UPDATE patient SET id = id WHERE id BETWEEN 101 AND 105 RETURNING new.diagnosis', 5 ],
	[ 18, 'RETURNING OLD by another name',
		'DELETE FROM patient WHERE id BETWEEN 101 AND 105 RETURNING WITH (OLD AS o, NEW AS n) o.diagnosis, n.diagnosis', 5 ],
	[ 18, 'RETURNING a whole OLD row',
		"UPDATE patient SET diagnosis = 'none' WHERE id BETWEEN 101 AND 105 RETURNING old", 5 ],
	[ 18, 'RETURNING a condition on OLD',
		"UPDATE patient SET diagnosis = 'none' WHERE id BETWEEN 101 AND 105 RETURNING old.diagnosis = 'd101'", 5 ],
	[ 18, 'ON CONFLICT ... RETURNING OLD',
		"INSERT INTO patient SELECT i, 'x' FROM generate_series(101, 105) i ON CONFLICT (id) DO UPDATE SET diagnosis = excluded.diagnosis RETURNING old.diagnosis", 5 ],
	[ 18, 'MERGE ... RETURNING OLD',
		"MERGE INTO patient p USING (SELECT * FROM source WHERE id <= 5) s ON p.id = s.id + 100 WHEN MATCHED THEN UPDATE SET diagnosis = 'none' RETURNING old.diagnosis", 0 ],
	[ 18, 'a self join that is removed',
		'SELECT a.diagnosis, b.diagnosis FROM patient a JOIN patient b ON a.id = b.id WHERE a.id BETWEEN 101 AND 105', 5 ],
	[ 18, 'OR that becomes ANY',
		"SELECT id FROM patient WHERE diagnosis = 'd101' OR diagnosis = 'd102' OR diagnosis = 'd103'", 1 ],
	[ 18, 'a semi join from the right',
		'SELECT v FROM source s WHERE EXISTS (SELECT FROM patient p WHERE p.id = s.id + 100 AND p.diagnosis <> s.v AND p.id <= 105)', 5 ],
	[ 18, 'EXCEPT of two children',
		'SELECT diagnosis FROM patient WHERE id BETWEEN 101 AND 105 EXCEPT SELECT v FROM source', 5 ],
);

foreach my $way (@ways)
{
	my ($since, $what, $query, $people) = @$way;

	next if $version < $since * 10000;
	$r = Dsec::run($node, $query, user => 'nobody');
	is($r->{sqlstate}, 'DS001', "$what: refused");
	unlike($r->{out}, qr/d1\d\d/, "$what: shows nobody");
	is($node->safe_psql('postgres', "SELECT count(*) FROM patient WHERE diagnosis = 'd' || id"), 200, "$what: changes nothing");

	# MERGE charges where it reads, and that is every row of the table
	next if $people == 0;

	# who may receive them gets them, and they are counted
	my $name = 'reader' . ++$readers;
	$node->safe_psql('postgres', "CREATE ROLE $name LOGIN; GRANT ALL ON patient, source TO $name");
	Dsec::recipient($node, $name, roles => [$name]);
	$r = Dsec::run($node, "BEGIN; $query; ROLLBACK", user => $name);
	is($r->{sqlstate}, '', "$what: runs") or diag $r->{err};
	cmp_ok(Dsec::counted($node, $name, 'personal_health'), '>=', $people, "$what: $people people at least are counted");
}

# ----- EXPLAIN (ANALYZE, SERIALIZE) makes the output and sends none of it --------------

$r = Dsec::run($node, 'EXPLAIN (ANALYZE, SERIALIZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT diagnosis FROM patient WHERE id BETWEEN 101 AND 105', user => 'nobody');
is($r->{sqlstate}, 'DS001', 'EXPLAIN (SERIALIZE) is refused');
unlike($r->{out}, qr/Serialization/, 'and says nothing of the size');
$r = Dsec::run($node, 'EXPLAIN (ANALYZE, SERIALIZE BINARY, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT diagnosis FROM patient WHERE id BETWEEN 101 AND 105', user => 'lab');
is($r->{sqlstate}, '', 'EXPLAIN (SERIALIZE BINARY) of who may be received runs');
like($r->{out}, qr/Serialization/, 'and says the size');
is(Dsec::counted($node, 'Lab', 'personal_health'), 5, 'they are counted');

# ----- statistics are values, too ------------------------------------------------------

$r = Dsec::run($node, "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'patient' AND attname = 'diagnosis'", user => 'nobody');
unlike($r->{out}, qr/d1\d\d/, 'pg_stats shows no tagged value');

SKIP:
{
	skip 'PostgreSQL 18 is needed', 3 if $version < 180000;

	# ----- COPY of a materialized view ---------------------------------------------
	$node->safe_psql('postgres', $_) foreach (
		'CREATE MATERIALIZED VIEW kept AS SELECT id, diagnosis FROM patient', 'GRANT SELECT ON kept TO nobody');
	$r = Dsec::run($node, 'COPY kept TO STDOUT', user => 'nobody');
	like($r->{sqlstate}, qr/^DS00[13]$/, 'COPY of a materialized view is refused');
	unlike($r->{out}, qr/d1\d\d/, 'and shows nobody');

	# ----- a column that is made when it is read -----------------------------------
	$node->safe_psql('postgres', "ALTER TABLE patient ADD shout text GENERATED ALWAYS AS (upper(diagnosis)) VIRTUAL");
	$r = Dsec::run($node, 'SELECT shout FROM patient WHERE id BETWEEN 101 AND 105', user => 'nobody');
	like($r->{sqlstate}, qr/^DS00[13]$/, 'a virtual column of a tagged one is refused');
}

done_testing();
