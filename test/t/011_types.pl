# Columns of the tagging types through pg_dump, binary COPY and postgres_fdw, and
# a finer precision of a column in sessions that have plans and tags of before.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('types');
my $all = q{SELECT * FROM s.t ORDER BY id};
my $seen = q{
	SELECT relation, column_name, tag, source FROM dsec.tagged_columns
	WHERE relation::text LIKE 's.%' ORDER BY relation::text COLLATE "C", column_name COLLATE "C"};
my $columns = q{
	id int PRIMARY KEY, fine dsec.latlon, p dsec.latlon(100), coarse dsec.latlon(5000), a dsec.latlon(100)[],
	mail dsec.email, born dsec.birth_date, seq dsec.nucleotide_sequence, face dsec.face_template};

$node->safe_psql('postgres', "CREATE DATABASE $_") foreach ('src', 'copy');
$node->safe_psql('src', $_) foreach (
	'CREATE EXTENSION dsec',
	'CREATE SCHEMA s',
	"CREATE TABLE s.t ($columns)",
	'CREATE INDEX ON s.t (fine)',
	'CREATE INDEX ON s.t USING hash (p)',
	'CREATE DOMAIN s.town AS dsec.latlon(5000) CHECK (dsec.latitude(VALUE) > 0)',
	'CREATE TABLE s.u (id int PRIMARY KEY, t s.town, v dsec.latlon(100) DEFAULT \'1,1\')',
	q{INSERT INTO s.t SELECT i, p, p, p, ARRAY[p, NULL], 'a' || i || '@example.com', date '1950-01-01' + i, repeat('ACGT', i), '\x0102'
		FROM generate_series(1, 1000) i, dsec.latlon((i * 0.1234567890123) % 90, (i * 7.987654321) % 180) p},
	# another limit: pg_dump keeps labels of an extension's types for nobody, those of a domain it does
	'CREATE DOMAIN s.near AS dsec.latlon(500)',
	q{SECURITY LABEL FOR dsec ON DOMAIN s.near IS 'precise_geolocation; max_typmod=499'},
	'ALTER TABLE s.u ADD n s.near');
my $rows = $node->safe_psql('src', $all);
my $tags = $node->safe_psql('src', $seen);
like($tags, qr/^s\.t\|fine\|precise_geolocation\|type$/m, 'a position is tagged by its type');
unlike($tags, qr/\|(coarse|t|n)\|/, 'one that is coarser than the label says is not');

# ----- pg_dump ---------------------------------------------------------------

my $file = $node->backup_dir . '/types.dump';
$node->command_ok(['pg_dump', '-Fc', '--exclude-table-data=dsec.*', '-f', $file, '-d', $node->connstr('src')], 'dump');
$node->command_ok(['pg_restore', '--exit-on-error', '-d', $node->connstr('copy'), $file], 'restore');
is($node->safe_psql('copy', $all), $rows, 'the copy has the same values');
is($node->safe_psql('copy', $seen), $tags, 'the same tags');
is($node->safe_psql('copy', q{
	SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attrelid, attnum) FROM pg_attribute
	WHERE attrelid IN ('s.t'::regclass, 's.u'::regclass) AND format_type(atttypid, atttypmod) ~ 'latlon|town|near'}),
	'fine dsec.latlon, p dsec.latlon(100), coarse dsec.latlon(5000), a dsec.latlon(100)[], t s.town, v dsec.latlon(100), n s.near',
	'and the same precision');

# ----- binary COPY -----------------------------------------------------------

my $binary = $node->backup_dir . '/t.binary';
$node->safe_psql('copy', 'TRUNCATE s.t');
$node->safe_psql('src', "COPY s.t TO '$binary' (FORMAT binary)");
$node->safe_psql('copy', "COPY s.t FROM '$binary' (FORMAT binary)");
is($node->safe_psql('copy', $all), $rows, 'binary COPY brings the same values');

# what comes in is as coarse as the column
$node->safe_psql('src', "COPY (SELECT id, fine FROM s.t) TO '$binary' (FORMAT binary)");
$node->safe_psql('copy', 'CREATE TABLE s.w (id int, p dsec.latlon(100))');
$node->safe_psql('copy', "COPY s.w FROM '$binary' (FORMAT binary)");
is($node->safe_psql('copy', 'SELECT count(*) FROM s.w JOIN s.t USING (id) WHERE w.p OPERATOR(dsec.<>) t.p'), 0,
	'binary COPY into a coarser column makes values coarse');

# hostile bytes: not a number, out of range, too few
my $header = "PGCOPY\n\xff\r\n\0" . pack('NN', 0, 0);
foreach my $case (['NaN', pack('d>d>', 'nan', 0)], ['infinity', pack('d>d>', 0, 'inf')], ['91', pack('d>d>', 91, 0)],
	['too few bytes', pack('d>', 1)], ['too many bytes', pack('d>d>d>', 1, 2, 3)])
{
	my ($name, $value) = @$case;

	open(my $out, '>:raw', $binary) or die $!;
	print $out $header, pack('n', 2), pack('NN', 4, 1), pack('N', length $value), $value, pack('n', 0xffff);
	close($out);
	my $r = Dsec::run($node, "COPY s.w FROM '$binary' (FORMAT binary)", dbname => 'copy');
	like($r->{sqlstate}, qr/^(22003|08P01|22P03)$/, "binary $name is refused");
}

# ----- another precision -----------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE reader LOGIN');
Dsec::recipient($node, 'Away', roles => ['reader']);
$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE town (id int PRIMARY KEY, p dsec.latlon(5000))',
	"SECURITY LABEL FOR dsec ON TABLE town IS 'subject=id; space=device'",
	"INSERT INTO town SELECT i, '1,1' FROM generate_series(1, 5) i",
	'GRANT SELECT ON town TO reader');
my $reader = $node->background_psql('postgres', extra_params => ['-U', 'reader'])
  if $node->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background_psql', 2 unless $reader;
	$reader->query_safe('PREPARE q AS SELECT dsec.latitude(p) FROM town');
	$reader->query_safe('EXECUTE q') for 1 .. 7;
	is(Dsec::counted($node, 'Away', 'precise_geolocation'), 0, 'a coarse position is not counted');
	$node->safe_psql('postgres', 'ALTER TABLE town ALTER p TYPE dsec.latlon(10)');
	$reader->query_safe('EXECUTE q');
	is(Dsec::counted($node, 'Away', 'precise_geolocation'), 5,
		'a prepared statement of before counts when the column has become precise');
	$reader->quit;
}

done_testing();
