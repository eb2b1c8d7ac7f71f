# Sets of subjects leave and come back: pg_dump, COPY BINARY, and the aggregate
# pushed down to another server, which must have the same key.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = PostgreSQL::Test::Utils::tempdir;
my $here = Dsec::node('here', conf => "dsec.key_file = '$keys/key'\n");
my $r;

# wait until the key is there
$here->poll_query_until('postgres', 'SELECT dsec.subject_set(1) IS NOT NULL')
  or die 'no key';

$here->safe_psql('postgres', q{
	CREATE TABLE cohort (name text PRIMARY KEY, people dsec.subject_set);
	INSERT INTO cohort SELECT 'empty', dsec.subject_set(i) FROM generate_series(1, 0) i;
	INSERT INTO cohort SELECT 'small', dsec.subject_set(i) FROM generate_series(1, 3) i;
	INSERT INTO cohort SELECT 'large', dsec.subject_set(i) FROM generate_series(1, 50000) i;
	INSERT INTO cohort VALUES ('none', NULL);
});
my $all = 'SELECT name, md5(people::text) FROM cohort ORDER BY name';
my $before = $here->safe_psql('postgres', $all);

# pg_dump
$here->safe_psql('postgres', 'CREATE DATABASE restored');
foreach my $format ('plain', 'custom')
{
	my $file = $here->backup_dir . "/cohort.$format";

	$here->command_ok(['pg_dump', "-F$format", '-t', 'cohort', '-f', $file, '-d', $here->connstr('postgres')], "dump, $format");
	$here->safe_psql('restored', 'CREATE EXTENSION IF NOT EXISTS dsec; DROP TABLE IF EXISTS cohort');
	if ($format eq 'plain')
	{
		$here->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $here->connstr('restored')], 'restore, plain');
	}
	else
	{
		$here->command_ok(['pg_restore', '--exit-on-error', '-d', $here->connstr('restored'), $file], 'restore, custom');
	}
	is($here->safe_psql('restored', $all), $before, "the restored sets are the same, $format");
	is($here->safe_psql('restored', "SELECT people OPERATOR(dsec.=) (SELECT dsec.subject_set(i) FROM generate_series(1, 50000) i) FROM cohort WHERE name = 'large'"),
		't', 'and the same people, as the key is the server\'s');
}

# COPY BINARY
my $file = $here->backup_dir . '/cohort.binary';
$here->safe_psql('postgres', "COPY cohort TO '$file' (FORMAT binary)");
$here->safe_psql('restored', "TRUNCATE cohort; COPY cohort FROM '$file' (FORMAT binary)");
is($here->safe_psql('restored', $all), $before, 'COPY BINARY keeps the sets');

# a set that was cut short in a file is an error and not a smaller set
my $bytes = slurp_file($file);
substr($bytes, index($bytes, 'small') + 5 + 4 + 19, 1) = chr(2);
append_to_file("$file.bad", $bytes);
$r = Dsec::run($here, "COPY cohort FROM '$file.bad' (FORMAT binary)", dbname => 'restored');
is($r->{sqlstate}, '22P03', 'a count that was tampered with is refused');

# without preloading there is no key; sets that exist can be worked with
my $bare = Dsec::node('bare', preload => '', extension => 0);
$bare->safe_psql('postgres', 'CREATE EXTENSION dsec; CREATE TABLE cohort (name text, people dsec.subject_set)');
$r = Dsec::run($bare, 'SELECT dsec.subject_set(i) FROM generate_series(1, 3) i');
is($r->{sqlstate}, 'DS003', 'no set is made without the key');
like($r->{err}, qr/not preloaded.*HINT:.*shared_preload_libraries/s, 'cause and remedy are named');
$r = Dsec::run($bare, 'SELECT dsec.subject_set(i) FROM generate_series(1, 0) i');
is($r->{sqlstate}, 'DS003', 'not even the empty set');
$bare->safe_psql('postgres', "COPY cohort FROM '$file' (FORMAT binary)");
is($bare->safe_psql('postgres', 'SELECT dsec.cardinality(dsec.subject_set_union(people)) FROM cohort'),
	50000, 'sets from elsewhere can be united there');
$bare->stop;

SKIP:
{
	skip 'postgres_fdw is not installed', 12
	  unless $here->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");

	# two more servers: one with the same key file, one with a key of its own
	my %away = (
		alike => Dsec::node('alike', conf => "dsec.key_file = '$keys/key'\n"),
		other => Dsec::node('other'));

	$here->safe_psql('postgres', 'CREATE EXTENSION postgres_fdw; CREATE TABLE near (person int, doctor text); '
		  . "INSERT INTO near SELECT i % 700, 'd' || i % 11 FROM generate_series(1, 5000) i");
	foreach my $name (sort keys %away)
	{
		my $node = $away{$name};

		$node->poll_query_until('postgres', 'SELECT dsec.subject_set(1) IS NOT NULL') or die 'no key';
		$node->safe_psql('postgres', 'CREATE TABLE visit (person int, doctor text); '
			  . "INSERT INTO visit SELECT i % 1000, 'd' || i % 7 FROM generate_series(1, 5000) i; ANALYZE visit");
		$here->safe_psql('postgres', $_) foreach (
			sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres', extensions 'dsec', use_remote_estimate 'true')",
				$name, $node->host, $node->port),
			"CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (password_required 'false')",
			"CREATE FOREIGN TABLE visit_$name (person int, doctor text) SERVER $name OPTIONS (table_name 'visit')");
	}

	foreach my $keys ('person', 'doctor', 'person, doctor')
	{
		my $query = "SELECT dsec.subject_set($keys) FROM visit_alike";
		my $plan = $here->safe_psql('postgres', "EXPLAIN (VERBOSE, COSTS off) $query");

		like($plan, qr/Remote SQL: SELECT dsec\.subject_set\(\Q$keys\E\) FROM public\.visit/, "of ($keys) the other server makes the set");
		is($here->safe_psql('postgres', "SELECT ($query) OPERATOR(dsec.=) dsec.subject_set($keys), dsec.cardinality(($query)) FROM (SELECT i % 1000 AS person, 'd' || i % 7 AS doctor FROM generate_series(1, 5000) i) v"),
			't|' . $here->safe_psql('postgres', "SELECT count(DISTINCT ($keys)) FROM visit_alike"), 'and it is the set made here');
	}
	is($here->safe_psql('postgres', 'SELECT dsec.cardinality(a OPERATOR(dsec.&) b) FROM (SELECT dsec.subject_set(person) FROM visit_alike) x (a), (SELECT dsec.subject_set(person) FROM near) y (b)'),
		700, 'sets of two servers with one key can be intersected');
	is($here->safe_psql('postgres', 'SELECT dsec.cardinality(dsec.subject_set_union(s)) FROM (SELECT dsec.subject_set(person) FROM visit_alike UNION ALL SELECT dsec.subject_set(person) FROM near) v (s)'),
		1000, 'and united');

	foreach my $expression ('a OPERATOR(dsec.|) b', 'a OPERATOR(dsec.=) b')
	{
		$r = Dsec::run($here, "SELECT $expression FROM (SELECT dsec.subject_set(person) FROM visit_other) x (a), (SELECT dsec.subject_set(person) FROM near) y (b)");
		is($r->{sqlstate}, 'DS003', "with another key they do not mix: $expression");
	}
	like($r->{err}, qr/different keys.*DETAIL:.*HINT:.*dsec\.key_file/s, 'cause and remedy are named');
	$r = Dsec::run($here, 'SELECT dsec.subject_set_union(s) FROM (SELECT dsec.subject_set(person) FROM visit_other UNION ALL SELECT dsec.subject_set(person) FROM near) v (s)');
	is($r->{sqlstate}, 'DS003', 'nor in an aggregate');
}

done_testing();
