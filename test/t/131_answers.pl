# Answers without rows.  An error that comes or does not come tells about the row
# it was raised for, and a row that is missing tells about the one it has no
# partner in.  Whatever is told, its subject is charged before.

use strict;
use warnings;

use Dsec;
use Test::More;

my $node = Dsec::node('answers', conf => "max_parallel_workers_per_gather = 0\n");
my $r;

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE state (id int PRIMARY KEY, status text)',
	"INSERT INTO state SELECT i, CASE WHEN i % 50 = 0 THEN 'no' ELSE 'yes' END FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE state IS 'subject=id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN state.status IS 'human_genomic'",
	'CREATE TABLE two (x int)', 'INSERT INTO two VALUES (1), (2)',
	'CREATE DOMAIN given AS int NOT NULL',
	'CREATE ROLE full_up LOGIN', 'CREATE ROLE fresh LOGIN',
	'GRANT SELECT ON state, two TO full_up, fresh', 'ANALYZE');
Dsec::recipient($node, 'Full', roles => ['full_up']);
Dsec::recipient($node, 'Fresh', roles => ['fresh']);
$r = Dsec::run($node, 'SELECT status FROM state WHERE id <= 100', user => 'full_up');
is($r->{sqlstate}, '', 'one recipient has received all it may');

# person 150 says no, person 151 says yes; nobody may learn which by an error
my %questions = (
	'a division' => "1 / (CASE WHEN status = 'yes' THEN 0 ELSE 1 END) = 2",
	'an overflow' => "2147483647 + (CASE WHEN status = 'yes' THEN 1 ELSE 0 END) = 0",
	'a narrowing cast' => "(CASE WHEN status = 'yes' THEN 99999 ELSE 1 END)::int2 = 0",
	'a domain' => "(CASE WHEN status = 'yes' THEN NULL ELSE 1 END)::given = 0",
	'a subquery of two rows' => "(CASE WHEN status = 'yes' THEN (SELECT x FROM two) ELSE 0 END) = 3",
	'a length' => "repeat('x', CASE WHEN status = 'yes' THEN 2000000000 ELSE 1 END) = ''",
	'a negative length' => "substr('abc', 1, CASE WHEN status = 'yes' THEN -1 ELSE 1 END) = ''",
	'a pattern' => "'abc' ~ (CASE WHEN status = 'yes' THEN '(' ELSE 'x' END)",
	'an open escape' => "status LIKE E'yes\\\\'",
	'a length coercion' => "(status || 'x')::varchar(3) = 'nox'::varchar(3) AND length(('x' || status)::varchar(2)) < 0",
	'a key that is NULL' => "jsonb_build_object(CASE WHEN status = 'yes' THEN NULL ELSE 'k' END, 1) = '{}'",
	'a date' => "date '2000-01-01' + (CASE WHEN status = 'yes' THEN 2147483647 ELSE 1 END) = date '1999-01-01'",
	'the root of a number' => "sqrt(CASE WHEN status = 'yes' THEN -1 ELSE 1 END) = 5",
);

foreach my $how (sort keys %questions)
{
	foreach my $person (150, 151)
	{
		$r = Dsec::run($node, "SELECT 1 FROM state WHERE id = $person AND $questions{$how}",
			user => 'full_up');
		is($r->{sqlstate}, 'DS001', "$how does not answer about person $person");
	}
	$r = Dsec::run($node, "SELECT $questions{$how} FROM state WHERE id = 151 OFFSET 1", user => 'full_up');
	is($r->{sqlstate}, 'DS001', "$how does not answer in the select list");
}

# 196 people have no partner among those who say no
my %absences = (
	'NOT EXISTS' => "SELECT i FROM generate_series(1, 200) i WHERE NOT EXISTS (SELECT FROM state s WHERE s.id = i AND s.status <> 'yes')",
	'NOT IN' => "SELECT i FROM generate_series(1, 200) i WHERE i NOT IN (SELECT id FROM state WHERE status <> 'yes')",
	'EXCEPT' => "SELECT i FROM generate_series(1, 200) i EXCEPT SELECT id FROM state WHERE status <> 'yes'",
	'a left join without partner' => "SELECT i FROM generate_series(1, 200) i LEFT JOIN state s ON s.id = i AND s.status <> 'yes' WHERE s.id IS NULL",
	'a correlated NOT EXISTS' => "SELECT i FROM generate_series(1, 200) i WHERE NOT EXISTS (SELECT FROM state s WHERE s.id = i AND s.status <> 'yes' OFFSET 0)",
);

foreach my $how (sort keys %absences)
{
	$r = Dsec::run($node, $absences{$how}, user => 'fresh');
	is($r->{sqlstate}, 'DS001', "$how does not show who is missing");
	is($r->{out}, '', "$how shows nobody");
}

# an index that finds the others cannot be charged for those it leaves out
$node->safe_psql('postgres', 'CREATE INDEX ON state (status)');
$r = Dsec::run($node, "SET enable_seqscan = off; SELECT i FROM generate_series(1, 200) i "
	  . "WHERE NOT EXISTS (SELECT FROM state s WHERE s.id = i AND s.status = 'no')", user => 'fresh');
like($r->{sqlstate}, qr/^DS00[13]$/, 'nor does an index on the column');

# what fails for nobody is still traced
$r = Dsec::run($node, "EXPLAIN (COSTS OFF) SELECT upper(status), left(status, 2) FROM state WHERE status LIKE 'y%' AND status ~ 'e'",
	user => 'fresh');
like($r->{out}, qr/traced/, 'functions that never fail cost no tightness');

done_testing();
