
# A physical standby cannot write the ledger, so it exports nothing that is
# tagged; everything else runs.  When it is promoted, the ledger goes on.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $timeout = 2;
my $node = Dsec::node('primary', init => { allows_streaming => 1 }, conf => "dsec.ledger_timeout = ${timeout}s\n");
my $lab = Dsec::Genomes->new($node);
my $r;

$lab->table('genome', 200);
my $role = $lab->recipient;
my $fresh = $lab->recipient;
$lab->officer('CREATE ROLE clerk LOGIN; GRANT reader TO clerk');

is($lab->client($role)->query('SELECT seq FROM genome WHERE person_id <= 60')->{sqlstate}, '', '60 from the primary');

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# after the backup, too
$lab->client($role)->query('SELECT seq FROM genome WHERE person_id <= 70');
$lab->officer('SELECT dsec.flush_events()');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));

sub on_standby
{
	my ($who, $sql) = @_;
	my $c = Dsec::Wire->new($standby, user => $who);
	my $start = time();
	my $result;

	die "$who: $c->{greeting}{error}\n" unless $c->connected;
	$result = $c->query($sql);
	$result->{seconds} = time() - $start;
	$c->close;
	return $result;
}

# ---- what is refused ---------------------------------------------------------------

foreach (
	[ 'a bound role, new to the ledger', $fresh, 'SELECT seq FROM genome' ],
	[ 'a bound role, known', $role, 'SELECT seq FROM genome WHERE person_id > 100' ],
	[ 'a bound role, with whom it has had', $role, 'SELECT seq FROM genome WHERE person_id <= 10' ],
	[ 'a bound role, by COPY', $role, 'COPY genome TO STDOUT' ],
	[ 'a bound role, by an aggregate', $role, 'SELECT json_agg(seq) FROM genome' ],
	[ 'an unbound role, by COPY', 'clerk', 'COPY genome TO STDOUT' ],
	[ 'an unbound role, by COPY of a query', 'clerk', 'COPY (SELECT seq FROM genome) TO STDOUT' ])
{
	my ($name, $who, $sql) = @$_;

	$r = on_standby($who, $sql);
	is($r->{sqlstate}, 'DS003', "refused: $name");
	is(scalar @{ Dsec::Genomes::people($r) }, 0, 'nothing has left');
	like("$r->{error} $r->{detail} $r->{hint}", qr/standby|recovery|primary/, "and says why: $r->{error}: $r->{detail} $r->{hint}");
	cmp_ok($r->{seconds}, '<', 3 * $timeout, 'at once');
}
foreach ('-a', '-t genome')
{
	my ($out, $err) = run_command([ 'pg_dump', '-d', $standby->connstr('postgres'), split(/ /, $_) ]);

	is(scalar @{ Dsec::Genomes::people($out) }, 0, "pg_dump $_ does not get them") if /genome/;
	like($err, qr/standby|recovery|primary/, 'and says why');
}

# ---- what runs -------------------------------------------------------------------------

foreach (
	[ 'untagged columns', $role, 'SELECT person_id, lab FROM genome', 200 ],
	[ 'COPY of untagged columns', $role, 'COPY (SELECT lab FROM genome) TO STDOUT', 200 ],
	[ 'count(*)', $role, 'SELECT count(*) FROM genome', 1 ],
	[ 'reading in the house', 'clerk', 'SELECT seq FROM genome', 200 ],
	[ 'system catalogs', $role, 'SELECT 1 FROM pg_class LIMIT 1', 1 ],
	[ 'EXPLAIN', $role, 'EXPLAIN SELECT lab FROM genome', 1 ])
{
	my ($name, $who, $sql, $rows) = @$_;

	$r = on_standby($who, $sql);
	is($r->{sqlstate}, '', "runs: $name") or diag("$r->{error} $r->{detail}");
	is(scalar(@{ $r->{rows} }) + (() = $r->{copy} =~ /\n/g), $rows, 'as ever');
	cmp_ok($r->{seconds}, '<', $timeout, 'without waiting');
}
$r = on_standby((getpwuid $<)[0], 'SELECT value FROM dsec.status() LIMIT 1');
like($r->{rows}[0][0], qr/standby/, "dsec.status() says so: $r->{rows}[0][0]");
is(on_standby($role, 'SELECT 1')->{sqlstate}, '', 'sessions go on after a refusal');

# ---- promotion -------------------------------------------------------------------------

my $before = $lab->counted($role);
is($before, 70, 'the primary has counted 70');
$node->stop('immediate');
$standby->promote;
$lab->{node} = $standby;
$lab->{officer} = Dsec::Wire->new($standby);
$standby->poll_query_until('postgres', "SELECT value FROM dsec.server_state() s, LATERAL (SELECT s.worker = 'ready' AND s.current AS value) v");

is(on_standby($role, 'SELECT seq FROM genome WHERE person_id <= 70')->{sqlstate}, '', 'promoted: who had them may have them again');
my $counted = $lab->counted($role);
my $unattributed = $lab->officer(
	"SELECT unattributed FROM dsec.exposure WHERE recipient = '" . $lab->name($role) . "' AND category = 'human_genomic'");
cmp_ok($counted, '>=', 70, "none is forgotten ($counted, $unattributed unattributed)");
cmp_ok($unattributed, '<=', 2, 'and few are added');
$r = on_standby($role, 'SELECT seq FROM genome ORDER BY person_id');
is($r->{sqlstate}, 'DS001', 'the threshold holds');
cmp_ok(scalar @{ $r->{rows} }, '<=', 100, 'over both servers');
cmp_ok(scalar @{ $r->{rows} }, '>=', 98, 'up to the last');
is(Dsec::Genomes::people(on_standby($fresh, 'SELECT seq FROM genome ORDER BY person_id'))->[-1], 100, 'a new recipient gets 100');
is($lab->officer("UPDATE dsec.rule SET threshold = 110 WHERE category = 'human_genomic' RETURNING 1"), 1, 'officers are at work again');
is(scalar @{ on_standby($fresh, 'SELECT seq FROM genome ORDER BY person_id')->{rows} }, 110, 'and obeyed');
$lab->officer('SELECT dsec.flush_events()');
cmp_ok($lab->officer('SELECT count(*) FROM dsec.blocked_exports'), '>=', 2, 'refusals are on record again');

$standby->stop;
done_testing();
