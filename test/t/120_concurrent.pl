
# Many sessions and one threshold: never more than it together, nobody refused
# while it is kept, and nobody waits without end, whatever somebody else holds.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use IO::Handle;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $repeats = Dsec::long() ? 50 : 4;
my $sessions = 8;
my $timeout = 2;    # dsec.ledger_timeout, in seconds

my $node = Dsec::node('concurrent', conf => <<"CONF");
dsec.ledger_timeout = ${timeout}s
deadlock_timeout = 200ms
max_connections = 60
CONF
my $lab = Dsec::Genomes->new($node);
my $r;

$lab->table('genome', 400);

# ---- many at once -----------------------------------------------------------------

# Runs sub(number, connection) in a process for each session, all begun at the same
# moment; returns what they print, as lists of words.
sub at_once
{
	my ($n, $connect, $work) = @_;
	my (@children, @out);

	pipe my $wait, my $go or die "pipe: $!";
	foreach my $number (0 .. $n - 1)
	{
		pipe my $from, my $to or die "pipe: $!";
		my $pid = fork;

		die "fork: $!" unless defined $pid;
		if ($pid == 0)
		{
			close $go;
			my $line = eval {
				my $c = $connect->($number);

				syswrite $to, "ready\n";
				sysread $wait, my $nothing, 1;
				join ' ', $work->($number, $c);
			} // "died: $@";
			syswrite $to, $line =~ s/\s+/ /gr . "\n";
			POSIX::_exit(0);
		}
		close $to;
		push @children, $pid;
		push @out, $from;
	}
	close $wait;
	readline $_ foreach @out;
	close $go;
	my @results = map { [ split ' ', readline($_) // 'nothing' ] } @out;
	waitpid $_, 0 foreach @children;
	return @results;
}

# What one session does: reads people from .. to, in its own order and manner.
sub export
{
	my ($c, $number, $from, $to) = @_;
	my $order = $number % 2 ? 'DESC' : '';
	my $sql = "SELECT seq FROM genome WHERE person_id BETWEEN $from AND $to ORDER BY person_id $order";
	my @results;

	if ($number % 4 == 0)
	{
		push @results, $c->query("COPY ($sql) TO STDOUT");
	}
	elsif ($number % 4 == 1)
	{
		$c->prepare('', $sql);
		push @results, $c->execute('', [], limit => 3);
		push @results, $c->fetch(3) while $results[-1]{suspended};
		$c->sync;
	}
	elsif ($number % 4 == 2)
	{
		foreach my $i ($from .. $to)
		{
			push @results, $c->query("SELECT seq FROM genome WHERE person_id = $i");
		}
	}
	else
	{
		push @results, $c->query($sql);
	}
	my ($failed) = grep { $_->{sqlstate} ne '' } @results;

	return ($failed ? $failed->{sqlstate} : 'ok', @{ Dsec::Genomes::people(@results) });
}

foreach my $repeat (1 .. $repeats)
{
	# the union is 200, then exactly 100
	foreach my $over (1, 0)
	{
		my $role = $lab->recipient;
		my @results = at_once(
			$sessions,
			sub { $lab->client($role) },
			sub {
				my ($number, $c) = @_;

				return $over
				  ? export($c, $number, 20 * $number + 1, 20 * $number + 60)
				  : export($c, $number, 6 * $number + 1, 6 * $number + 58);
			});
		my %seen;
		my @states = map { shift @$_ } @results;

		$seen{$_} = 1 foreach map { @$_ } @results;
		if ($over)
		{
			my $counted = $lab->counted($role);

			is($counted, 100, "$repeat: 200 people, and 100 are counted");
			cmp_ok(scalar keys %seen, '<=', 100, 'at most 100 arrive');
			is(scalar(grep { !/^(ok|DS001)$/ } @states), 0, 'nothing else happens') or diag("@states");
		}
		else
		{
			is(join(' ', @states), join(' ', ('ok') x $sessions), "$repeat: 100 people, and nobody is refused");
			is(scalar keys %seen, 100, 'all arrive');
			is($lab->counted($role), 100, 'all are counted');
		}
	}
}

# Rows of two people, for two recipients at once, in opposite orders.
{
	my ($a) = $lab->recipient;
	my ($b) = $lab->recipient;
	my $both = $lab->recipient;

	$lab->officer("SELECT dsec.bind_role('$both', '" . $lab->name($_) . "')") foreach ($a, $b);
	my @roles = ($a, $b, $both, $both, $both, $both);
	my @results = at_once(
		scalar @roles,
		sub { $lab->client($roles[ $_[0] ]) },
		sub {
			my ($number, $c) = @_;
			my $order = $number % 2 ? 'DESC' : '';
			my $result = $c->query(
				"SELECT x.seq, y.seq FROM genome x JOIN genome y ON y.person_id = 401 - x.person_id ORDER BY x.person_id $order");

			return ($result->{sqlstate}, @{ Dsec::Genomes::people($result) });
		});
	my %of;

	is(join(' ', map { $_->[0] } @results), join(' ', ('DS001') x @roles), 'two people in a row, three recipients: no deadlock');
	foreach my $i (0 .. $#roles)
	{
		my @people = @{ $results[$i] };

		shift @people;
		$of{$_}{$roles[$i]} = 1 foreach @people;
	}
	foreach my $role ($a, $b, $both)
	{
		my $seen = grep { $of{$_}{$role} || $of{$_}{$both} } keys %of;

		cmp_ok($lab->counted($role), '<=', 100, 'not more than 100 are counted');
		cmp_ok($lab->counted($role), '>=', $seen, "and not fewer than the $seen who arrived");
	}
}

# ---- whatever somebody holds -----------------------------------------------------

sub timed
{
	my ($work) = @_;
	my $start = time();
	my $result = $work->();

	return ($result, time() - $start);
}

my @dsec_tables = map { $_->[0] } @{
	$lab->{officer}->query(
		"SELECT oid::regclass FROM pg_class WHERE relnamespace = 'dsec'::regnamespace AND relkind = 'r' ORDER BY 1")->{rows}
};

{
	my $known = $lab->recipient;
	my $new = $lab->recipient;
	my $full = $lab->recipient;
	my $holder = Dsec::Wire->new($node);
	my ($k, $n, $f) = map { $lab->client($_) } ($known, $new, $full);
	my $seconds;

	$k->query('SELECT seq FROM genome WHERE person_id <= 10');
	$f->query('SELECT seq FROM genome');
	$holder->value('BEGIN');
	$holder->value('LOCK TABLE ' . join(', ', @dsec_tables) . ' IN ACCESS EXCLUSIVE MODE');

	($r, $seconds) = timed(sub { $k->query('SELECT lab FROM genome') });
	is($r->{sqlstate}, '', 'locks on all tables of dsec: untagged work runs');
	cmp_ok($seconds, '<', $timeout, 'without waiting');
	($r, $seconds) = timed(sub { $k->query('SELECT seq FROM genome WHERE person_id <= 10') });
	is($r->{sqlstate}, '', 'who was sent before can be sent again');
	foreach ([ 'a recipient known before', $k, 'SELECT seq FROM genome WHERE person_id BETWEEN 20 AND 60' ],
		[ 'a new one', $n, 'SELECT seq FROM genome WHERE person_id BETWEEN 20 AND 60' ],
		[ 'one that is full', $f, 'SELECT seq FROM genome WHERE person_id BETWEEN 200 AND 260' ])
	{
		my ($who, $c, $sql) = @$_;

		($r, $seconds) = timed(sub { $c->query($sql) });
		like($r->{sqlstate}, qr/^(|DS00[13])$/, "$who: goes on, or fails closed ($r->{sqlstate}" . ($r->{sqlstate} ? " $r->{error}: $r->{detail}" : '') . ')');
		cmp_ok($seconds, '<', 4 * $timeout + 2, sprintf 'after a bounded wait (%.1f s)', $seconds);
	}
	isnt($r->{sqlstate}, '', 'who is full is not let through');
	$holder->value('ROLLBACK');
	$holder->close;

	foreach ([ $known, $k, 51 ], [ $new, $n, 41 ])
	{
		my ($role, $c, $people) = @$_;

		$r = $c->query('SELECT seq FROM genome WHERE person_id BETWEEN 20 AND 60');
		is("$r->{sqlstate} " . @{ $r->{rows} }, ' 41', 'when they are gone, all goes on');
		is($lab->counted($role), $people, 'and everybody is counted');
	}
	is($f->query('SELECT seq FROM genome WHERE person_id = 300')->{sqlstate}, 'DS001', 'who is full is refused');
	is($lab->counted($full), 100, 'and has 100');
}

# A client that takes no more: its backend waits in the middle of a row.
{
	my $role = $lab->recipient;
	my ($stuck, $c) = map { $lab->client($role) } 1 .. 2;
	my $seconds;

	$lab->officer('CREATE TABLE wide (person_id int PRIMARY KEY, seq text)');
	$lab->officer("INSERT INTO wide SELECT i, 'G' || i || repeat('x', 100000) FROM generate_series(1, 101) i");
	$lab->tag('wide');
	$stuck->send_query('COPY wide TO STDOUT');
	$node->poll_query_until('postgres', "SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = " . $stuck->pid);
	my $before = $lab->counted($role);

	cmp_ok($before, '<', 100, "a stuck client has $before of 100");
	($r, $seconds) = timed(sub { $c->query('SELECT seq FROM genome WHERE person_id BETWEEN 380 AND 389') });
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 10', 'another session of its recipient goes on');
	cmp_ok($seconds, '<', $timeout, 'without waiting');
	is($lab->counted($role), $before + 10, 'and is counted');
	($r, $seconds) = timed(sub { $lab->{officer}->query("UPDATE dsec.rule SET note = 'changed' WHERE category = 'human_genomic'") });
	is($r->{sqlstate}, '', 'an officer changes a rule');
	($r, $seconds) = timed(sub { $c->query('SELECT seq FROM genome WHERE person_id BETWEEN 380 AND 390') });
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 11', 'which is obeyed at once');
	cmp_ok($seconds, '<', $timeout, 'without waiting');
	$r = $stuck->result;
	is($r->{sqlstate}, 'DS001', 'when the client takes the rest, it is stopped');
	cmp_ok(@{ Dsec::Genomes::people($r) } + 11, '<=', 100, 'in time');
	is($lab->counted($role), 100, '100 are counted');
	$_->close foreach ($stuck, $c);
}

# psql that is stopped by a signal, and never goes on
{
	my $role = $lab->recipient;
	my $psql = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $role ]);

	$psql->query_safe('SELECT 1');
	my $pid = $psql->{run}{KIDS}[0]{PID};
	kill 'STOP', $pid;
	my $n = $lab->counted($role);
	is($n, 0, 'psql stopped: nothing yet');
	$r = $lab->client($role)->query('SELECT seq FROM genome');
	is($r->{sqlstate}, 'DS001', 'others go on up to the threshold');
	kill 'KILL', $pid;
	is($lab->counted($role), 100, 'and are counted');
	eval { $psql->{run}->finish };
}

# A refusal that is caught, again and again.
{
	my $role = $lab->recipient;
	my $c = $lab->client($role);
	my $n = Dsec::long() ? 1000 : 100;
	my $seconds;

	$c->query('SELECT seq FROM genome WHERE person_id <= 100');
	($r, $seconds) = timed(sub {
		$c->query(qq{DO \$\$
			DECLARE
				s text;
				refused int := 0;
			BEGIN
				FOR i IN 1 .. $n LOOP
					BEGIN
						SELECT seq INTO s FROM genome WHERE person_id = 100 + i % 300 + 1;
						RAISE NOTICE '%', s;
					EXCEPTION WHEN SQLSTATE 'DS001' THEN
						refused := refused + 1;
					END;
				END LOOP;
				RAISE NOTICE 'refused %', refused;
			END \$\$});
	});
	is("$r->{sqlstate} $r->{notices}[-1]", " refused $n", sprintf 'a refusal caught %d times (%.1f s)', $n, $seconds);
	is(scalar @{ Dsec::Genomes::people($r) }, 0, 'nobody comes through');
	is($lab->counted($role), 100, 'nobody is counted');
	$lab->officer('SELECT dsec.flush_events()');
	is($lab->officer("SELECT sum(folded) FROM dsec.blocked_exports WHERE '" . $lab->name($role) . "' = ANY (recipients)"),
		$n, 'each refusal is on record');
	$r = $c->query('SELECT seq FROM genome WHERE person_id <= 100');
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 100', 'the session goes on');
	$c->close;
}

# Savepoints.
{
	my $role = $lab->recipient;
	my $c = $lab->client($role);

	$c->query('BEGIN');
	$c->query('SELECT seq FROM genome WHERE person_id <= 50');
	$c->query('SAVEPOINT a');
	$c->query('SELECT seq FROM genome WHERE person_id <= 90');
	$c->query('ROLLBACK TO a');
	is($lab->counted($role), 90, 'a savepoint gives nothing back');
	is($c->query('SELECT seq FROM genome')->{sqlstate}, 'DS001', 'after it, the 101st is refused');
	is($c->query('SELECT 1')->{sqlstate}, '25P02', 'the transaction waits for its rollback');
	$c->query('ROLLBACK TO a');
	$r = $c->query('SELECT seq FROM genome WHERE person_id <= 90');
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 90', 'and goes on with those sent before');
	is($c->query('COMMIT')->{sqlstate}, '', 'to the end');
	is($lab->counted($role), 100, '100 are counted');
	$c->close;
}

# Two-phase commit.
{
	my $role = $lab->recipient;
	my $c = $lab->client($role);

	foreach my $end ('ROLLBACK PREPARED', 'COMMIT PREPARED')
	{
		$c->query('BEGIN');
		$c->query('UPDATE genome SET lab = 1 WHERE person_id = 400 RETURNING seq');
		$c->query('SELECT seq FROM genome WHERE person_id BETWEEN 1 AND 60');
		is($c->query("PREPARE TRANSACTION 'two'")->{sqlstate}, '', 'a transaction is prepared');
		is($lab->counted($role), 61, 'what it has read is counted');
		$lab->officer("UPDATE dsec.rule SET note = '$end' WHERE category = 'human_genomic'");
		$r = $c->query('SELECT seq FROM genome WHERE person_id BETWEEN 1 AND 60');
		is("$r->{sqlstate} " . @{ $r->{rows} }, ' 60', 'it stands in nobody\'s way');
		is($c->query("$end 'two'")->{sqlstate}, '', $end);
		is($lab->counted($role), 61, 'and changes nothing');
	}
	$c->query('BEGIN');
	$c->query('SELECT seq FROM genome WHERE person_id BETWEEN 1 AND 70');
	$c->query("PREPARE TRANSACTION 'stays'");
	$node->restart;
	$lab->{officer} = Dsec::Wire->new($node);
	is($lab->counted($role), 71, 'a restart with a prepared transaction forgets nobody');
	$lab->officer("COMMIT PREPARED 'stays'");
}

# Cancelled, terminated, and gone without a word.
{
	my $role = $lab->recipient;

	foreach my $how ('cancel', 'terminate', 'close')
	{
		my $c = $lab->client($role);
		my $before = $lab->counted($role);
		my $n = $before + 20;

		$c->send_query("SELECT seq, CASE WHEN person_id = $n THEN pg_sleep(60) END FROM genome WHERE person_id <= $n ORDER BY person_id");
		$node->poll_query_until('postgres', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $c->pid);
		if ($how eq 'cancel')
		{
			$c->cancel;
			$r = $c->result;
			is($r->{sqlstate}, '57014', 'cancelled');
		}
		elsif ($how eq 'terminate')
		{
			$lab->officer('SELECT pg_terminate_backend(' . $c->pid . ', 5000)');
			$r = $c->result;
			is($r->{sqlstate}, '57P01', 'terminated');
		}
		else
		{
			# the server does not notice while it sleeps
			shutdown $c->{socket}, 2;
			$c->forget;
			$r = { rows => [] };
		}
		cmp_ok($lab->counted($role), '>=', scalar @{ $r->{rows} }, "$how: whoever arrived is counted");
		cmp_ok($lab->counted($role), '<=', $n, 'and nobody else');
	}
	$lab->officer('SELECT dsec.flush_events()');
	is($lab->officer("SELECT string_agg(DISTINCT decision, ',') FROM dsec.exports WHERE '" . $lab->name($role) . "' = ANY (recipients)"),
		'error', 'ends are on record');
}

unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|TRAP/, 'no deadlock, no panic');
$node->stop;
done_testing();
