
# What a client has received is in the ledger, whatever is killed, and whenever
# (law L1).  Clients write down each subject at the moment it arrives; then a
# backend, the worker, or the whole server is killed at a random moment.
#
# After the restart
#	 - each subject received is named in the ledger, or covered by what it shows
#	   as unattributed;
#	 - nobody is named who was not asked for;
#	 - what is unattributed is at most the leases that can be open;
#	 - going on, the recipient never gets more than the threshold.
#
# DSEC_TEST_SEED repeats a run.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $runs = Dsec::long() ? 100 : 5;
my $seed = $ENV{DSEC_TEST_SEED} // (time() * 1000 ^ $$) % 2**31;
my $people = 30000;
my $clients = 3;
my @ways_to_die = ('backend', 'immediate', 'worker');
# threshold => subjects of a lease: a hundredth, from 1 to 4096
my @thresholds = (400, 10000, 400000);

diag("DSEC_TEST_SEED=$seed");
srand $seed;

my $node = Dsec::node('nothing_lost', conf => "log_min_messages = warning\nrestart_after_crash = on\n");
my $dir = $node->basedir;
my $lab = Dsec::Genomes->new($node);

$lab->officer($_) foreach (
	'CREATE TABLE patient (person_id int PRIMARY KEY, diagnosis text)',
	"INSERT INTO patient SELECT i, repeat('x', i % 50) FROM generate_series(1, $people) i",
	"SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health'",
	'GRANT SELECT ON patient TO reader',
	'ANALYZE patient');
Dsec::rule($node, category => 'personal_health', threshold => 400);

# One client: reads and writes down until its connection ends.
sub client
{
	my ($role, $number, $seed) = @_;
	my $c;

	srand $seed;
	open my $received, '>', "$dir/received.$number" or POSIX::_exit(1);
	open my $asked, '>', "$dir/asked.$number" or POSIX::_exit(1);
	$c = eval {
		Dsec::Wire->new($node, user => $role, on_row => sub {
			my ($row) = @_;
			my $id = ref $row ? $row->[0] : (split /\t/, $row)[0];

			syswrite $received, "$id\n";
		});
	} or POSIX::_exit(0);
	while (1)
	{
		my $way = int rand 4;
		my $n = 1 + int rand(rand() < 0.05 ? 500 : 10);
		my $from = 1 + int rand($people - $n);
		my $to = $from + $n - 1;
		my $sql = "SELECT person_id, diagnosis FROM patient WHERE person_id BETWEEN $from AND $to";
		my $r;

		syswrite $asked, "$from $to\n";
		if ($way == 0)
		{
			$r = $c->query($sql);
		}
		elsif ($way == 1)
		{
			$r = $c->query("COPY ($sql) TO STDOUT");
		}
		elsif ($way == 2)
		{
			$r = $c->query("BEGIN; $sql; ROLLBACK");
			$c->query('ROLLBACK') unless $r->{closed};
		}
		else
		{
			$c->prepare('', $sql);
			$r = $c->execute('', [], limit => 5);
			$r = $c->fetch(5) while $r->{suspended};
			$c->sync unless $r->{closed};
		}
		last if $r->{closed};
	}
	POSIX::_exit(0);
}

sub lines
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!";
	my @lines = <$in>;
	chomp @lines;
	return @lines;
}

sub reconnect
{
	my $until = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $until)
	{
		my $c = eval { Dsec::Wire->new($node) };

		if ($c && $c->connected)
		{
			$lab->{officer} = $c;
			# until the ledger is open
			my $r = $c->query('SELECT count(*) FROM dsec.exposure');
			return if $r->{sqlstate} eq '';
		}
		sleep 0.1;
	}
	die 'the server did not come back';
}

sub ids
{
	my ($sql) = @_;

	return map { $_->[0] } @{ $lab->{officer}->query($sql)->{rows} };
}

foreach my $run (1 .. $runs)
{
	my $way = $ways_to_die[ ($run - 1) % @ways_to_die ];
	my $threshold = $thresholds[ int rand @thresholds ];
	my $lease = int($threshold / 100);
	my ($role) = $lab->recipient;
	my $name = $lab->name($role);
	my $moment = rand(0.4);
	my (@children, %received, %asked, %named);

	$lease = $lease < 1 ? 1 : $lease > 4096 ? 4096 : $lease;
	$lab->officer("UPDATE dsec.rule SET threshold = $threshold WHERE category = 'personal_health' AND regime = 'test'");

	foreach my $number (1 .. $clients)
	{
		my $child_seed = int rand 2**31;
		my $pid = fork;

		die "fork: $!" unless defined $pid;
		client($role, $number, $child_seed) if $pid == 0;
		push @children, $pid;
	}

	# not before they have begun
	my $until = time() + 30;
	sleep 0.02 until -s "$dir/received.1" || time() > $until;
	sleep $moment;
	if ($way eq 'immediate')
	{
		$node->stop('immediate');
	}
	else
	{
		my $which = $way eq 'backend' ? "usename = '$role'" : "backend_type LIKE 'dsec%'";
		my $pid = $lab->officer("SELECT pid FROM pg_stat_activity WHERE $which ORDER BY random() LIMIT 1");

		kill 'KILL', $pid or die "$way $pid: $!";
	}
	waitpid $_, 0 foreach @children;
	$node->start if $way eq 'immediate';
	reconnect();

	foreach my $number (1 .. $clients)
	{
		$received{$_} = 1 foreach grep { /^\d+$/ } lines("$dir/received.$number");
		foreach (lines("$dir/asked.$number"))
		{
			my ($from, $to) = split;

			$asked{$_} = 1 foreach $from .. $to;
		}
	}
	unlink glob "$dir/received.* $dir/asked.*";

	$named{$_} = 1
	  foreach ids("SELECT i FROM generate_series(1, $people) i WHERE dsec.was_sent('$name', 'personal_health', 'person', i) IS NOT NULL");
	my ($counted, $unattributed) = map { @$_ } @{
		$lab->{officer}->query(
			"SELECT counted, unattributed FROM dsec.exposure WHERE recipient = '$name' AND category = 'personal_health'")->{rows}
	};
	my $unnamed = grep { !$named{$_} } keys %received;
	my $strangers = grep { !$asked{$_} } keys %named;
	my $what = sprintf 'run %d (%s, > %d, after %.2f s): %d received, %d named, %d unattributed',
	  $run, $way, $threshold, $moment, scalar keys %received, scalar keys %named, $unattributed;

	cmp_ok($unnamed, '<=', $unattributed, "$what: $unnamed received are not named");
	cmp_ok($counted, '>=', scalar keys %received, 'no under-count');
	is($strangers, 0, 'nobody is named who was not asked for');
	is($counted, $unattributed + keys %named, 'what is counted is named or unattributed');
	cmp_ok($unattributed, '<=', 2 * $lease, 'over-stated by at most the open leases');
	cmp_ok($counted, '<=', $threshold + $unattributed, 'within the rule');

	# and it goes on
	my $c = $lab->client($role);
	my $r = $c->query('SELECT person_id, diagnosis FROM patient ORDER BY random()');

	$received{ $_->[0] } = 1 foreach @{ $r->{rows} };
	is($r->{sqlstate}, $threshold < $people ? 'DS001' : '', 'afterwards the rule is kept');
	cmp_ok(scalar keys %received, '<=', $threshold, 'over the crash');
	cmp_ok($lab->officer("SELECT counted FROM dsec.exposure WHERE recipient = '$name' AND category = 'personal_health'"),
		'>=', scalar keys %received, 'and everybody is counted');
	$c->close;
}

# An orderly restart leaves nothing unattributed.
{
	my ($role) = $lab->recipient;
	my $name = $lab->name($role);

	$lab->officer("UPDATE dsec.rule SET threshold = 400000 WHERE category = 'personal_health' AND regime = 'test'");
	$lab->client($role)->query('SELECT person_id, diagnosis FROM patient WHERE person_id <= 777');
	$node->restart;
	reconnect();
	is( join('|', @{ $lab->{officer}->query(
				"SELECT counted, unattributed FROM dsec.exposure WHERE recipient = '$name' AND category = 'personal_health'")->{rows}[0] }),
		'777|0', 'an orderly restart loses no name');
}

# When no name is left, the whole lease stands for them: kill the worker first.
{
	my ($role) = $lab->recipient;
	my $name = $lab->name($role);
	my $c = $lab->client($role);

	$c->query('SELECT person_id, diagnosis FROM patient WHERE person_id = 1');
	my $pid = $lab->officer("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'dsec%'");
	kill 'STOP', $pid;
	my $r = $c->query('SELECT person_id, diagnosis FROM patient WHERE person_id BETWEEN 100 AND 600');
	is(scalar @{ $r->{rows} }, 501, 'with the worker stopped, the lease still lets 501 through');
	kill 'KILL', $pid;
	sleep 0.2;
	reconnect();
	my ($counted, $unattributed) = @{
		$lab->{officer}->query(
			"SELECT counted, unattributed FROM dsec.exposure WHERE recipient = '$name' AND category = 'personal_health'")->{rows}[0]
	};
	cmp_ok($counted, '>=', 502, "after a crash all 502 are counted ($counted)");
	cmp_ok($unattributed, '>=', 501, "of whom 501 have no name ($unattributed unattributed)");
	cmp_ok($unattributed, '<=', 2 * 4000, 'within the open leases');
}

$node->stop;
done_testing();
