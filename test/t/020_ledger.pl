# The ledger, driven by test/modules/dsec_test_ledger in place of guard and
# policy: limits under concurrency, restarts and crashes, unattributed charges,
# locks of others.

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
	conf => "dsec.ledger_timeout = 3s\ndsec_test_ledger.lease_size = 10\n");
$node->safe_psql('postgres', 'CREATE EXTENSION dsec_test_ledger');

sub sql
{
	return $node->safe_psql('postgres', shift);
}

sub setting
{
	return Dsec::setting($node, @_);
}

# Several statements at once, each in a session of its own; their outputs.
sub together
{
	my @runs;
	my @outs;

	foreach my $i (0 .. $#_)
	{
		$outs[$i] = '';
		push @runs,
		  IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $_[$i] ],
			'>', \$outs[$i], '2>', '/dev/null');
	}
	$_->finish foreach @runs;
	chomp @outs;
	return @outs;
}

sub settled
{
	$node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM dsec.lease WHERE closed IS NULL AND granted > settled)")
	  or die 'not settled';
	return;
}

sub named
{
	my $recipient = shift;

	return sql("SELECT count(DISTINCT h) FROM dsec.ledger_block, test_hashes(hashes) AS h WHERE recipient = $recipient");
}

# ----- limits ----------------------------------------------------------------

is(sql('SELECT state FROM test_worker()'), 'ready', 'the worker is ready');
is(sql("SELECT * FROM test_charge(1, 'human_genomic', 1, 150, 100)"),
	'100|100|100|100', 'subject 101 is refused');
is(sql("SELECT * FROM test_charge(1, 'human_genomic', 1, 100, 100)"),
	'100|0|0|', 'subjects seen before cost nothing');
is(sql("SELECT * FROM test_charge(1, 'personal_health', 1, 20, 100)"),
	'20|20|20|', 'another category has an account of its own');
is(sql("SELECT * FROM test_charge_row('{1,2,1}', '{personal_health,personal_health,human_genomic}', '{21,21,101}', '{100,100,100}')"),
	'2|100|0', 'a row that one limit refuses is refused');
is(sql("SELECT counted FROM test_count(1, 'personal_health') UNION ALL SELECT counted FROM test_count(2, 'personal_health')"),
	"20\n0", '... and charges nobody');
is(sql("SELECT * FROM test_charge_row('{1,2,1}', '{personal_health,personal_health,human_genomic}', '{21,21,100}', '{100,100,100}')"),
	'-1|0|2', 'a row within all limits is charged to all');
is(sql("SELECT * FROM test_charge_row('{35,3,67,3,3}', '{a,a,a,a,a}', '{1,1,1,2,3}', '{5,5,5,5,5}')"),
	'-1|0|5', 'recipients that share a lock, and several subjects of one account');
is(sql("SELECT * FROM test_charge_row('{3,3,3}', '{a,a,a}', '{4,5,6}', '{5,5,5}')"),
	'0|3|0', 'subjects of one row add up');

# populations: a subject outside "us" does not count for a rule about "us"
sql("SELECT test_charge(4, 'a', 1, 50, outside => 'eu,us')");
is(sql("SELECT * FROM test_charge(4, 'a', 101, 120, 10, 'us')"), '10|10|10|10',
	'only subjects of the population count');
is(sql("SELECT (test_count(4, 'a', 'us')).counted, (test_count(4, 'a', 'eu')).counted, (test_count(4, 'a', 'u')).counted, (test_count(4, 'a')).counted"),
	'10|10|60|60', 'counts by population');

foreach my $round (1 .. (Dsec::long() ? 50 : 5))
{
	my $r = 1000 + $round;

	# eight sessions want 50 to 400 each; together more than 100
	my @sent = together(
		map { "SELECT sent, charged FROM test_charge($r, 'human_genomic', $_ * 20, $_ * 20 + 120, 100)" } 1 .. 8);
	my $charged = 0;
	$charged += (split /\|/)[1] foreach @sent;
	is($charged, 100, "round $round: eight sessions share exactly the limit");

	# and together exactly 100: 8 sessions, overlapping
	$r += 1000;
	@sent = together(map { my $first = 1 + 10 * $_; "SELECT sent, coalesce(counted, -1) FROM test_charge($r, 'human_genomic', $first, $first + 29, 100)" } 0 .. 7);
	is_deeply(\@sent, [ ('30|-1') x 8 ], "round $round: nobody is refused within the limit");
	is(sql("SELECT counted FROM test_count($r, 'human_genomic')"), 100, "round $round: the union is counted");
}

# without waits in between: every charge meets others for the same subject
setting('dsec_test_ledger.lease_size', 4096);
foreach my $round (1 .. 3)
{
	my $r = 3000 + $round;
	my @sent = together(("SELECT charged FROM test_charge($r, 'human_genomic', 1, 30000, 20000)") x 8);
	my $charged = 0;
	$charged += $_ foreach @sent;
	is($charged, 20000, "hot round $round: each subject is charged once, up to the limit");
	is(sql("SELECT counted, test_is_charged($r, 'human_genomic', 1, 30000) FROM test_count($r, 'human_genomic')"),
		'20000|20000', "hot round $round: and counted once");
}
setting('dsec_test_ledger.lease_size', 10);

# ----- clean restart ---------------------------------------------------------

my $before = sql("SELECT sum(counted) FROM generate_series(1, 3100) AS r, test_count(r, 'human_genomic')");
$node->restart;
is(sql('SELECT count(*), coalesce(sum(unattributed), 0) FROM dsec.lease WHERE closed IS NULL OR unattributed > 0'),
	'0|0', 'a clean restart leaves no lease open and nothing unattributed');
is(sql("SELECT sum(counted) FROM generate_series(1, 3100) AS r, test_count(r, 'human_genomic')"),
	$before, '... and every count as it was');
is(sql("SELECT * FROM test_charge(1, 'human_genomic', 100, 101, 100)"), '1|0|0|100',
	'the limit holds after a restart');
is(sql("SELECT (test_count(4, 'a', 'us')).counted, (test_count(4, 'a', 'eu')).counted, (test_count(4, 'a')).counted"),
	'10|10|60', 'populations are loaded');

# a fast shutdown in the middle of an export
my $file = $node->basedir . '/received';
my $export = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT test_receive(5, 'a', 1, 100000000, '$file')" ],
	'>', '/dev/null', '2>', '/dev/null');
sleep 0.1 until -s $file;
sleep 0.3;
$node->stop('fast');
$export->finish;
$node->start;
my $received = () = slurp_file($file) =~ /\n/g;
is(sql("SELECT * FROM test_count(5, 'a')"), "$received|0",
	'a fast shutdown in the middle of an export leaves an exact count');
is(named(5), $received, '... in blocks');

# ----- crashes ---------------------------------------------------------------

my @ways = (
	[ 'the exporting backend is killed' => 'backend' ],
	[ 'the server stops at once' => 'immediate' ],
	[ 'the worker is killed' => 'worker' ],
	[ 'the worker ends with FATAL' => 'fatal' ],
	[ 'a task of the worker fails' => 'error' ]);

foreach my $run (1 .. (Dsec::long() ? 100 : 5))
{
	my ($what, $how) = @{ $ways[ $run % @ways ] };
	my $r = 100 + $run;
	my $f = "$file.$run";
	my $pid;

	setting('dsec_test_ledger.lease_size', (1, 10, 300, 4096)[ $run % 4 ]);
	my $lease = sql('SHOW dsec_test_ledger.lease_size');
	$export = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT pg_backend_pid()", '-c', "SELECT test_receive($r, 'a', 1, 100000000, '$f')" ],
		'>', \my $out, '2>', '/dev/null');
	sleep 0.02 until -s $f;
	sleep rand 0.4;
	if ($how eq 'immediate')
	{
		$node->stop('immediate');
		$node->start;
	}
	elsif ($how eq 'fatal' || $how eq 'error')
	{
		sql("SELECT test_worker_dies('$how')");
		sleep 1.5;
		sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%test_receive%' AND pid <> pg_backend_pid()");
	}
	else
	{
		$pid = sql($how eq 'worker'
			? "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dsec worker'"
			: "SELECT pid FROM pg_stat_activity WHERE query LIKE '%test_receive%' AND pid <> pg_backend_pid()");
		kill 'KILL', $pid;
	}
	$export->finish;
	$node->poll_query_until('postgres', "SELECT state = 'ready' FROM test_worker()") or die;

	my %received = map { $_ => 1 } slurp_file($f) =~ /^(-?\d+)$/mg;
	my $received = keys %received;
	my ($counted, $unattributed) = split /\|/, sql("SELECT * FROM test_count($r, 'a')");
	if ($how eq 'fatal' || $how eq 'error')
	{
		is($unattributed, 0, "run $run, $what: nothing is unattributed");
		settled();
	}
	my %named = map { $_ => 1 }
	  split /\n/, sql("SELECT DISTINCT h FROM dsec.ledger_block, test_hashes(hashes) AS h WHERE recipient = $r");
	my $unnamed = grep { !$named{$_} } keys %received;
	cmp_ok($unnamed, '<=', $unattributed, "run $run, $what: every one of $received subjects received is in a block or unattributed");
	cmp_ok($counted, '>=', $received, "run $run, $what: no under-count");
	cmp_ok($counted - $received, '<=', 2 * $lease, "run $run, $what: over-statement within the open leases ($lease)");
	is(sql("SELECT count(*) FROM dsec.lease WHERE recipient = $r AND closed IS NULL AND id NOT IN (SELECT id FROM dsec.lease WHERE closed IS NULL ORDER BY opened DESC LIMIT 1)"),
		0, "run $run, $what: leases of the run that crashed are closed");
}

# ----- unattributed ----------------------------------------------------------

setting('dsec_test_ledger.lease_size', 40);
Dsec::recipient($node, 'Lab');
my $lab = sql("SELECT id FROM dsec.recipient WHERE name = 'Lab'");
sql("SELECT test_charge($lab, 'a', 1, 10)");
$node->stop('immediate');
$node->start;
my ($counted, $unattributed) = split /\|/, sql("SELECT * FROM test_count($lab, 'a')");
cmp_ok($unattributed, '>', 0, 'a crash leaves what was granted and not settled unattributed');
is(sql("SELECT sum(unattributed) FROM dsec.lease WHERE recipient = $lab AND resolved IS NULL"), $unattributed, '... on record');
is(sql("SELECT counted FROM test_charge($lab, 'a', 1001, 1001, $counted)"), $counted, 'a limit counts unattributed charges');
is(sql("SELECT counted FROM test_charge($lab, 'a', 1, 1, $counted)"), '', '... but not for a subject that is known') if $counted > $unattributed;

my $r = Dsec::run($node, "SELECT dsec.resolve_unattributed('Lab', 'a', ' ')");
is($r->{sqlstate}, '22023', 'a resolution needs a note');
$r = Dsec::run($node, "SELECT dsec.resolve_unattributed('Nobody', 'a', 'x')");
is($r->{sqlstate}, '42704', 'a resolution needs a recipient');
sql('CREATE ROLE somebody LOGIN; CREATE ROLE officer LOGIN IN ROLE dsec_officer');
$r = Dsec::run($node, "SELECT dsec.resolve_unattributed('Lab', 'a', 'x')", user => 'somebody');
is($r->{sqlstate}, '42501', 'only an officer resolves');
$r = Dsec::run($node, "SELECT dsec.resolve_unattributed('Lab', 'a', 'client log of 1 May')", user => 'officer');
is($r->{out}, $unattributed, 'an officer resolves');
is(sql("SELECT * FROM test_count($lab, 'a')"), ($counted - $unattributed) . '|0', 'what is resolved no longer counts');
is(sql("SELECT DISTINCT resolved_by, resolved_note FROM dsec.lease WHERE recipient = $lab AND resolved IS NOT NULL"),
	'officer|client log of 1 May', 'who resolved, and why, is on record');

foreach my $statement ("INSERT INTO dsec.lease SELECT * FROM dsec.lease", "DELETE FROM dsec.ledger_block", "UPDATE dsec.ledger_info SET key_check = ''")
{
	$r = Dsec::run($node, $statement, user => 'officer');
	is($r->{sqlstate}, '42501', "not even an officer may: $statement");
}

# ----- idle accounts, other writers' locks -----------------------------------

sql("SELECT test_charge(6, 'a', 1, 1)");
$node->poll_query_until('postgres', "SELECT bool_and(granted = settled) FROM dsec.lease WHERE recipient = 6 AND closed IS NULL")
  or die;
pass('undrawn allowance of an idle account is given back');

sql("SELECT test_charge(12, 'a', 1, 5)");
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE dsec.lease IN ACCESS EXCLUSIVE MODE');
my $start = time;
$r = Dsec::run($node, "SELECT * FROM test_charge(7, 'a', 1, 100)");
is($r->{sqlstate}, 'DS003', 'a lock on the tables makes a charge fail');
cmp_ok(time - $start, '<', 8, '... after a bounded wait');
like($r->{err}, qr/DETAIL:.*lock timeout.*HINT:.*lock/s, '... that names the cause');
is(sql("SELECT charged FROM test_charge(6, 'a', 1, 1)"), 0, 'what is charged needs no table');
is(sql("SELECT charged FROM test_charge(12, 'a', 6, 10)"), 5, 'nor does what has allowance');
sleep 2.5;
$locker->query_safe('COMMIT');
$locker->quit;
is(sql("SELECT charged FROM test_charge(7, 'a', 1, 100)"), 100, 'without the lock it works again');
settled();
is(named(12), 10, '... and what was queued meanwhile has its block');
is(sql("SELECT sum(settled) FROM dsec.lease WHERE recipient = 12"), 10, '... and is settled once');

# ----- other databases -------------------------------------------------------

sql('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION dsec_test_ledger');
is($node->safe_psql('other', "SELECT * FROM test_charge(7, 'a', 91, 120, 110)"), '20|10|10|110',
	'another database shares accounts');
sql('CREATE DATABASE third TEMPLATE other');
sql('DROP DATABASE third');
pass('databases come and go beside the worker');

$node->stop;
done_testing();
