# What a DBA does to the ledger: the key file, dump and restore, DROP EXTENSION, too
# little memory, a standby.

use strict;
use warnings;

use Dsec;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Dsec::node(
	'ledger',
	preload => 'dsec,dsec_clock,dsec_test_ledger',
	init => { allows_streaming => 1 },
	conf => "dsec.ledger_timeout = 3s\ndsec_test_ledger.lease_size = 10\ndsec_clock.offset = 0\n");
$node->safe_psql('postgres', 'CREATE EXTENSION dsec_test_ledger');

sub sql
{
	return $node->safe_psql('postgres', shift);
}

sub setting
{
	return Dsec::setting($node, @_);
}

my ($r, $start);
sql("SELECT test_windows('{12}')");
sql("SELECT test_charge(9, 'a', 1, 60)");

# ----- key -------------------------------------------------------------------

my $key = $node->data_dir . '/dsec.key';
is((stat $key)[2] & 0777, 0600, 'the key file is for the server only');
is(-s $key, 16, 'the key has 16 bytes');
my $bytes = slurp_file($key);

$node->stop;
rename $key, "$key.away" or die;
$node->start;
$node->poll_query_until('postgres', "SELECT state = 'failed' FROM test_worker()") or die;
$r = Dsec::run($node, "SELECT * FROM test_charge(9, 'a', 1, 1)");
is($r->{sqlstate}, 'DS003', 'without its key the ledger takes no charge');
like($r->{err}, qr/dsec\.key.*Put back/s, '... and says what to do');
ok(!-e $key, 'no new key is made for an old ledger');
append_to_file($key, 'x' x 15);
chmod 0600, $key;
$node->poll_query_until('postgres', "SELECT problem LIKE '%16 bytes%' FROM test_worker()") or die;
append_to_file($key, 'x');
$node->poll_query_until('postgres', "SELECT problem LIKE '%not this ledger%' FROM test_worker()") or die;
unlink $key;
append_to_file($key, $bytes);
$node->poll_query_until('postgres', "SELECT state = 'ready' AND problem IS NULL FROM test_worker()") or die;
is(sql("SELECT counted FROM test_count(9, 'a')"), 60, 'with the key put back it goes on');

# elsewhere
my $elsewhere = $node->basedir . '/key';
chmod 0644, "$key.away";
rename "$key.away", $elsewhere or die;
$node->append_conf('postgresql.conf', "dsec.key_file = '$elsewhere'\n");
unlink $key;
$node->restart;
$node->poll_query_until('postgres', "SELECT problem LIKE '%0600%' FROM test_worker()") or die;
chmod 0600, $elsewhere;
$node->poll_query_until('postgres', "SELECT state = 'ready' AND problem IS NULL FROM test_worker()") or die;
is(sql("SELECT counted FROM test_count(9, 'a')"), 60, 'a key file elsewhere');
rename $elsewhere, $key or die;
$node->adjust_conf('postgresql.conf', 'dsec.key_file', "''");
$node->restart;

# ----- dump and restore ------------------------------------------------------

my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '--exclude-table-data=dsec.event', '-f', $dump, $node->connstr('postgres') ], 'dump');
my $copy = Dsec::node('copy', preload => 'dsec,dsec_clock,dsec_test_ledger', extension => 0);
$copy->command_ok([ 'pg_restore', '-d', $copy->connstr('postgres'), $dump ], 'restore');
$r = Dsec::run($copy, "SELECT counted FROM test_count(9, 'a')");
is($r->{sqlstate}, 'DS003', 'a restored ledger wants its key');
unlink $copy->data_dir . '/dsec.key';
append_to_file($copy->data_dir . '/dsec.key', $bytes);
chmod 0600, $copy->data_dir . '/dsec.key';
$copy->poll_query_until('postgres', "SELECT state = 'ready' FROM test_worker()") or die;
$copy->safe_psql('postgres', "SELECT test_windows('{12}')");
is($copy->safe_psql('postgres', "SELECT counted FROM test_count(9, 'a')"), 60, '... and goes on with it');
$copy->stop;

# ----- two-phase commit ------------------------------------------------------

sql("SELECT dsec.add_recipient('Lab', 'XX', 'covered')");
foreach my $change ("SELECT dsec.resolve_unattributed('Lab', 'a', 'seen in the log')",
	'SELECT dsec.expire_ledger(dsec.ledger_first_day())', 'DROP EXTENSION dsec CASCADE')
{
	$r = Dsec::run($node, "BEGIN;\n$change;\nPREPARE TRANSACTION 'ledger'");
	is($r->{sqlstate}, '0A000', "not to be prepared: $change");
}
is(sql('SELECT count(*) FROM pg_prepared_xacts'), 0, '... and nothing is left behind');

# ----- the extension dropped -------------------------------------------------

sql("SELECT test_windows('{12}')");
my $session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query("SELECT charged FROM test_charge(9, 'a', 101, 103)"), 3, 'a session at work');
$start = time;
sql('DROP EXTENSION dsec CASCADE');
cmp_ok(time - $start, '<', 3, 'the extension can be dropped');
$node->poll_query_until('postgres', "SELECT state = 'no ledger' FROM test_worker()") or die;
$start = time;
$r = Dsec::run($node, "SELECT * FROM test_charge(9, 'a', 1, 3)");
is($r->{sqlstate}, 'DS003', 'without a ledger nothing is charged');
like($r->{err}, qr/CREATE EXTENSION/, '... with a hint');
cmp_ok(time - $start, '<', 2, '... at once');
sql('CREATE EXTENSION dsec');
$session->query("SELECT test_windows('{12}')");
is($session->query("SELECT * FROM test_charge(9, 'a', 1, 3)"), '3|3|3|', 'a new ledger is empty, also for a session that knew the old one');
is($session->query("SELECT counted FROM test_count(9, 'a')"), 3, '... and counts');
$session->quit;

# ----- memory ----------------------------------------------------------------

setting('dsec_test_ledger.lease_size', 4096);
$node->append_conf('postgresql.conf', "dsec.shared_memory = 8MB\ndsec.mode = enforcing\n");
$node->restart;
sql("CREATE TABLE patient (id int PRIMARY KEY, name text); SELECT dsec.tag('patient', 'name', 'personal_health')");
my $protection = "SELECT value FROM dsec.status() WHERE item = 'protection'";
my $memory = "SELECT value ~ '^\\d+ of \\d+ charges \\(\\d+ %\\)\$', advice LIKE '%dsec.shared_memory%' FROM dsec.status() WHERE item = 'memory'";
is(sql($memory), 't|', 'status says how full memory is');
sql("SELECT test_charge(10, 'a', 1, 260000)");
is(sql($memory), 't|t', '... and warns when half of it is used');
like(sql($protection), qr/^protected/, '... though all is well');
$r = Dsec::run($node, "SELECT * FROM test_charge(10, 'a', 1, 10000000)");
is($r->{sqlstate}, 'DS003', 'full memory');
like($r->{err}, qr/HINT:.*dsec\.shared_memory/, '... names its remedy');
like(sql($protection), qr/^fail closed for new subjects/, '... and status does not say protected');
setting('dsec.mode', 'permissive');
like(sql($protection), qr/^NOT PROTECTED: the ledger's memory is full/, '... nor in permissive mode');
setting('dsec.mode', 'enforcing');
is(sql("SELECT charged FROM test_charge(10, 'a', 1, 1000)"), 0, 'what is in memory goes on');
cmp_ok(sql("SELECT counted FROM test_count(10, 'a')"), '>', 380000, '20 bytes a charge and fewer');

# slots of subjects that no window counts any more are used again, by several
# recipients at a time
setting('dsec_clock.offset', 400 * 86400);
my @sessions = map {
	IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT test_charge($_, 'a', $_ * 1000000, $_ * 1000000 + 39999)" ],
		'>', '/dev/null')
} 20 .. 27;
$_->finish foreach @sessions;
is(sql("SELECT string_agg(DISTINCT counted::text, ',') FROM generate_series(20, 27) AS r, test_count(r, 'a')"),
	40000, 'space of expired subjects is used again');
is(sql("SELECT string_agg(DISTINCT test_is_charged(r, 'a', r * 1000000, r * 1000000 + 50000)::text, ',') FROM generate_series(20, 27) AS r"),
	40000, '... by exactly those who are charged');
is(sql("SELECT string_agg(DISTINCT n::text, ',') FROM (SELECT count(DISTINCT h) AS n FROM dsec.ledger_block, test_hashes(hashes) AS h WHERE recipient BETWEEN 20 AND 27 GROUP BY recipient) AS x"),
	40000, '... and their blocks hold them');
is(sql("SELECT counted FROM test_count(10, 'a')"), 0, '... and not by those who were');
setting('dsec_clock.offset', 0);
$node->restart;

$node->adjust_conf('postgresql.conf', 'dsec.shared_memory', '16MB');
$node->restart;
is(sql("SELECT charged FROM test_charge(10, 'a', 1, 500000)") > 0, 1, 'with more memory it goes on');
$node->adjust_conf('postgresql.conf', 'dsec.shared_memory', '8MB');
$node->restart;
$r = Dsec::run($node, "SELECT * FROM test_charge(10, 'a', 1, 1)");
is($r->{sqlstate}, 'DS003', 'a recipient that does not fit is not loaded');
like($r->{err}, qr/HINT:.*dsec\.shared_memory/, '... and the remedy is named');
$node->restart;
$r = Dsec::run($node, "SELECT test_charge(30, 'a', 1, 1, space => 's' || i) FROM generate_series(1, 600) AS i");
is($r->{sqlstate}, 'DS003', 'one recipient cannot have all sets');
is(sql("SELECT charged FROM test_charge(31, 'a', 1, 1)"), 1, '... others go on');
$node->adjust_conf('postgresql.conf', 'dsec.shared_memory', '64MB');

# ----- standby ---------------------------------------------------------------

$node->restart;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$standby->poll_query_until('postgres', "SELECT state = 'standby' FROM test_worker()") or die;
$r = Dsec::run($standby, "SELECT * FROM test_charge(11, 'a', 1, 1)");
is($r->{sqlstate}, 'DS003', 'a standby takes no charge');
like($r->{err}, qr/HINT:.*primary/, '... and says where to go');
my $people = 'SELECT dsec.subject_set(i) FROM generate_series(1, 3) i';
ok($standby->poll_query_until('postgres', $people, $node->safe_psql('postgres', $people)), 'but it makes the same sets');
my $standby_key = $standby->data_dir . '/dsec.key';
rename $standby_key, "$standby_key.away" or die;
$standby->restart;
$standby->poll_query_until('postgres', "SELECT problem LIKE '%After a promotion%dsec.key%' FROM test_worker()") or die;
pass('a standby without the key says so before it is promoted');
is(Dsec::run($standby, $people)->{sqlstate}, 'DS003', '... and makes no sets');
rename "$standby_key.away", $standby_key or die;
$standby->restart;
setting('dsec_test_ledger.lease_size', 1000);
sql("SELECT test_charge(11, 'a', 1, 10)");
$node->poll_query_until('postgres', "SELECT sum(n) = 10 FROM dsec.ledger_block WHERE recipient = 11") or die;
$node->wait_for_catchup($standby);
$node->stop('immediate');
$standby->promote;
is($standby->safe_psql('postgres', "SELECT counted - unattributed, unattributed BETWEEN 1 AND 2000 FROM test_count(11, 'a')"),
	'10|t', 'after promotion the open leases of the old primary are unattributed');
is($standby->safe_psql('postgres', "SELECT charged FROM test_charge(11, 'a', 1, 20)"), 20 - 10,
	'... and the ledger goes on');
$standby->stop;
done_testing();
