# dsec.bulk and dsec.bulk_report where the clock, the server or the load differ.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node(
	'bulk',
	init => { allows_streaming => 1 },
	preload => 'dsec,dsec_clock',
	conf => "dsec.ledger_timeout = 10s\ndsec_clock.offset = 0\ndsec.timezone = 'UTC'\n");

sub sql
{
	return $node->safe_psql('postgres', shift);
}

sql(<<'SQL');
INSERT INTO dsec.regime (name, title, source) VALUES ('bulk', 'a test', 'Test Act');
INSERT INTO dsec.category (name, description) VALUES ('bulk_a', 'x');
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, valid_from, valid_to, source)
SELECT 'bulk', 'bulk_a', '>', 2, 'person', 'rolling', '12 months', '{covered}', 'block', day, until, name FROM
	(SELECT (now() AT TIME ZONE 'UTC')::date) AS t (today),
	LATERAL (VALUES ('today', today - 10, today), ('tomorrow', today + 1, today + 2), ('ever', '-infinity', NULL)) AS v (name, day, until);
CREATE TABLE t (id int PRIMARY KEY, v text);
SELECT dsec.tag('t', 'subject=id; space=person'), dsec.tag('t', 'v', 'bulk_a');
INSERT INTO t SELECT i, 'x' FROM generate_series(1, 3) AS i;
SQL

# ----- rules come into force and expire with the day ------------------------------

sub rules
{
	my $by_value = sql("SELECT string_agg(b.rule || ' ' || b.exceeded, ', ' ORDER BY b.rule) FROM unnest((SELECT dsec.bulk('bulk_a', k) FROM generate_series(1, 3) AS k)) AS b");
	my $report = sql("SELECT string_agg(rule || ' ' || exceeded, ', ' ORDER BY rule) FROM dsec.bulk_report('t')");

	is($report, $by_value, 'the report has the same rules');
	return $by_value;
}

is(rules(), 'bulk: ever true, bulk: today true', 'the rules of today');
Dsec::setting($node, 'dsec_clock.offset', 86400);
is(rules(), 'bulk: ever true, bulk: tomorrow true', 'a rule expires, another comes into force');
Dsec::setting($node, 'dsec_clock.offset', 3 * 86400);
is(rules(), 'bulk: ever true', 'and expires');

# ----- a change of the rules is obeyed at once, in sessions that run ----------------

sql("UPDATE dsec.rule SET threshold = 3 WHERE source = 'ever'");
is(sql("SELECT dsec.bulk('bulk_a', k)::text FROM generate_series(1, 3) AS k"),
	'{"(bulk_a,3,3,>,\\"bulk: ever\\",f)"}', 'another threshold');

# ----- what another server holds is counted here, under our rules -------------------

SKIP:
{
	skip 'postgres_fdw is not installed', 3
	  unless sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");

	my $far = Dsec::node('far');
	my $data = "SELECT CASE WHEN i % 3 = 0 THEN 'human_omic' ELSE 'human_genomic' END AS c, i % 300 AS k FROM generate_series(1, 5000) AS i";
	my $query = 'SELECT dsec.bulk(c, k) FROM far';
	my $expected;

	$far->safe_psql('postgres', "CREATE TABLE data AS $data; ANALYZE data; "
		  . "UPDATE dsec.rule SET threshold = 50 WHERE category = 'human_omic'");
	sql('CREATE EXTENSION postgres_fdw');
	sql(sprintf("CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres', extensions 'dsec', use_remote_estimate 'true')",
			$far->host, $far->port));
	sql("CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password_required 'false')");
	sql("CREATE FOREIGN TABLE far (c text, k int) SERVER far OPTIONS (table_name 'data')");

	like(sql("EXPLAIN (VERBOSE, COSTS off) $query"), qr/Aggregate\n.*Remote SQL: SELECT c, k FROM public\.data/s, 'the other server is not asked to judge');
	$expected = sql('SELECT string_agg(n::text, \',\' ORDER BY n) FROM '
		  . "(SELECT count(DISTINCT k) FILTER (WHERE c = 'human_genomic'), count(DISTINCT k) FROM ($data) AS v) AS c (a, b), unnest(ARRAY[a, b]) AS n");
	is(sql("SELECT string_agg(subjects::text, ',' ORDER BY subjects) FROM unnest(($query)) AS b"), $expected, 'the same numbers');
	is(sql("SELECT threshold FROM unnest(($query)) AS b WHERE category = 'human_omic'"), 1000, 'under our rules');
	$far->stop;
}

# ----- a standby answers, too ----------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT dsec.bulk(d, k) IS NOT DISTINCT FROM ARRAY[ROW('bulk_a', 3, 3, '>', 'bulk: ever', false)::dsec.bulk_row] FROM (SELECT 'bulk_a', i FROM generate_series(1, 3) AS i) AS v (d, k)"),
	't', 'dsec.bulk on a standby');
is($standby->safe_psql('postgres', "SELECT subjects, threshold, rule, exceeded FROM dsec.bulk_report('t')"),
	'3|3|bulk: ever|f', 'dsec.bulk_report on a standby');
$standby->stop;

# ----- without a ledger, and without preloading, it says so ---------------------------

$node->append_conf('postgresql.conf', "dsec.ledger_database = 'nowhere'\ndsec.ledger_timeout = 1s\n");
$node->restart;
for my $query ("SELECT dsec.bulk('bulk_a', 1)", 'SELECT * FROM dsec.bulk_report(\'t\')', "SELECT dsec.bulk(NULL, 1)")
{
	is(Dsec::run($node, $query)->{sqlstate}, 'DS003', "no ledger: $query");
}
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
for my $query ("SELECT dsec.bulk('bulk_a', 1)", 'SELECT * FROM dsec.bulk_report(\'t\')', "SELECT dsec.bulk(NULL, 1)")
{
	my $r = Dsec::run($node, $query);

	is($r->{sqlstate}, 'DS003', "not preloaded: $query");
	like($r->{err}, qr/shared_preload_libraries/, '... with the remedy');
}

$node->stop;
done_testing();
