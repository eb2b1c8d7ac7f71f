# dsec.refresh_holdings() while it runs: cancelled, crashed, watched, two at once, tables
# dropped under it, and nothing held longer than one table.

use strict;
use warnings;

use Dsec;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Dsec::node('main', conf => "autovacuum = off\nsynchronize_seqscans = off\n");
my $tables = 6;
# a nap after every page
my $slow = 'SET dsec.holdings_cost_delay = 15; SET dsec.holdings_cost_limit = 1;';

sub sql
{
	return $node->safe_psql('postgres', shift);
}

# A slow call in a psql of its own; ended() waits for it.
sub start
{
	my %call = (out => '', err => '');

	$call{run} = IPC::Run::start(
		[
			'psql', '-X', '-q', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'),
			'-c', $slow, '-c', 'CALL dsec.refresh_holdings()'
		],
		'<', \undef, '>', \$call{out}, '2>', \$call{err});
	return \%call;
}

sub ended
{
	my ($call) = @_;

	IPC::Run::finish($call->{run});
	return $call->{err} =~ /ERROR:\s+([0-9A-Z]{5})/ ? $1 : $call->{err};
}

sub wait_for
{
	my ($condition) = @_;

	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM dsec.holdings_progress WHERE $condition)")
	  or die "no $condition";
	return;
}

sub subjects
{
	return sql("SELECT subjects FROM dsec.holdings WHERE category = 'human_genomic'");
}

# table i has the people from i * 1000 on, half of them also in the next one; the
# second half of the tables names them by text
sql(<<"SQL");
CREATE ROLE officer LOGIN IN ROLE dsec_officer;
DO \$\$
BEGIN
	FOR i IN 1..$tables LOOP
		EXECUTE format('CREATE TABLE t%s (id bigint, g text, pad text)', i);
		EXECUTE format('INSERT INTO t%s SELECT p, ''x'', repeat(''y'', 200) FROM generate_series(%s, %s) p', i, i * 1000, i * 1000 + 1999);
		PERFORM dsec.tag(format('t%s', i)::regclass, 'g', 'human_genomic; subject=id; space=person');
	END LOOP;
END \$\$;
SQL
my $people = ($tables + 1) * 1000;

is(sql('SELECT count(*) FROM dsec.holdings'), 0, 'nothing is known at first');
sql('CALL dsec.refresh_holdings()');
is(subjects(), $people, 'everybody is counted once');
my $first = sql('SELECT min(as_of) FROM dsec.holdings');

# ----- watched, and cancelled --------------------------------------------------

my $call = start();
wait_for('tables_done = 2 AND pages_done > 3');
my $seen = sql("SELECT relation, tables, pages_done < pages, pages, rows > 0 AND rows < 2000, started > now() - interval '1 hour' FROM dsec.holdings_progress");
is($seen, 't3|6|t|' . sql("SELECT pg_relation_size('t3') / 8192") . '|t|t', 'the progress is seen from elsewhere');
is(sql("SELECT pid = (SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL dsec%') FROM dsec.holdings_progress"), 't', '... with its process');
is(sql('SELECT min(as_of) FROM dsec.holdings'), $first, '... and what was known is still there');

my $r = Dsec::run($node, 'CALL dsec.refresh_holdings()');
is($r->{sqlstate}, '55006', 'a second call is refused');

sql('SELECT pg_cancel_backend(pid) FROM dsec.holdings_progress');
is(ended($call), '57014', 'cancelled');
is(sql('SELECT count(*) FROM dsec.holdings_progress'), 0, '... and gone from the progress');
is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND objsubid = 1"), 0, '... with its lock');
is(subjects(), $people, '... and what was known is still there');
is(sql('SELECT count(*) FROM dsec.holding_table JOIN dsec.holding_run ON id = run WHERE finished IS NULL'), 2, 'two tables are counted');
is(sql('SELECT sum(n) FROM dsec.holding_part'), 3000, '... and each of their people is written once');

# ----- taken up ----------------------------------------------------------------

my $reads = sql("SELECT counted FROM dsec.holding_table JOIN dsec.holding_run ON id = run WHERE finished IS NULL AND name = 'public.t1'");
$call = start();
wait_for("relation = 't3'::regclass AND pages_done > 3");
pass('the next call goes on with the third table');

# ----- and killed --------------------------------------------------------------

wait_for('tables_done = 4 AND pages_done > 3');
my $pid = sql('SELECT pid FROM dsec.holdings_progress');
kill 'KILL', $pid;
ended($call);
$node->poll_query_until('postgres', 'SELECT true');
is(sql('SELECT count(*) FROM dsec.holding_table JOIN dsec.holding_run ON id = run WHERE finished IS NULL'), 4, 'after a crash four tables are counted');
$node->poll_query_until('postgres', "SELECT worker = 'ready' AND current FROM dsec.server_state()") or die;

$call = start();
wait_for('tables_done >= 4');
is(ended($call), '', 'taken up again, to its end');
is(subjects(), $people, 'everybody is counted once');
is(sql("SELECT counted FROM dsec.holdings_tables WHERE name = 'public.t1'"), $reads, 'the first table was not read again');
is(sql('SELECT min(as_of) FROM dsec.holdings'), $reads, '... and the holdings are as of then');
is(sql('SELECT count(*) FROM dsec.holding_part'), 0, 'nothing but the result is left');

# ----- not taken up ------------------------------------------------------------

sub broken_off
{
	my $broken = start();

	wait_for('tables_done = 3');
	sql('SELECT pg_cancel_backend(pid) FROM dsec.holdings_progress');
	is(ended($broken), '57014', 'broken off');
	return;
}

broken_off();
sql("SELECT dsec.tag('t1', 'g', 'human_genomic; subject=id; space=animal')");
sql('CALL dsec.refresh_holdings()');
is(sql("SELECT string_agg(space || ' ' || subjects, ',' ORDER BY space) FROM dsec.holdings WHERE category = 'human_genomic'"),
	'animal 2000,person ' . ($people - 1000), 'a run begins anew when a table it has counted is tagged otherwise');
sql("SELECT dsec.tag('t1', 'g', 'human_genomic; subject=id; space=person')");

broken_off();
sql('UPDATE t1 SET id = -id');
sql('CALL dsec.refresh_holdings(restart => true)');
is(subjects(), $people + 1000, 'a run begins anew when it is told to');
sql('UPDATE t1 SET id = -id');

broken_off();
sql('DROP TABLE t1');
sql('CALL dsec.refresh_holdings()');
is(subjects(), $people - 1000, 'a run begins anew when a table it has counted is gone');

# ----- tables that go away, or cannot be read ------------------------------------

$call = start();
wait_for('tables_done = 1 AND pages_done > 3');
sql('DROP TABLE t6');
is(ended($call), '', 'a table dropped before its turn does not matter');
is(subjects(), $people - 2000, '... and is not counted');
is(sql('SELECT bool_and(complete) FROM dsec.holdings'), 't', '... nor missed');

my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE t5');
$call = start();
wait_for("relation = 't5'::regclass");
sql('SELECT pg_cancel_backend(pid) FROM dsec.holdings_progress');
is(ended($call), '57014', 'waiting for a lock it can be cancelled');
$r = Dsec::run($node, "SET lock_timeout = '100ms'; CALL dsec.refresh_holdings();");
like($r->{err}, qr/WARNING:.*1 table could not be counted/, 'a table that cannot be locked in time makes a warning');
is(sql("SELECT problem LIKE '55P03:%' FROM dsec.holdings_tables WHERE problem IS NOT NULL"), 't', '... and is recorded');
is(sql('SELECT DISTINCT complete FROM dsec.holdings'), 'f', '... and the holdings are not complete');
is(subjects(), 4000, 'the others are counted');
$holder->query_safe('COMMIT');
$holder->quit;

# a page that cannot be read
my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('t2')");
$node->stop;
open my $page, '+<:raw', $file or die;
sysseek $page, 8192 * 3, 0;
syswrite $page, "\xFF" x 100;
close $page;
$node->start;
$node->poll_query_until('postgres', "SELECT worker = 'ready' AND current FROM dsec.server_state()") or die;
$r = Dsec::run($node, 'CALL dsec.refresh_holdings()');
like($r->{err}, qr/WARNING:.*1 table could not be counted/, 'a damaged table makes a warning');
is(sql("SELECT name || ' ' || (problem LIKE 'XX001:%') FROM dsec.holdings_tables WHERE problem IS NOT NULL"), 'public.t2 true', '... and is recorded');
sql('DROP TABLE t2');
sql('CALL dsec.refresh_holdings()');
is(subjects(), 4000, 'without it the holdings are complete');

# ----- no transaction is older than one table --------------------------------------

sql("INSERT INTO t3 SELECT p, 'x', repeat('y', 200) FROM generate_series(3000, 3999) p");
$call = start();
my @begun;
foreach my $done (0 .. 2)
{
	wait_for("tables_done = $done AND pages_done > 3");
	push @begun, sql('SELECT xact_start FROM pg_stat_activity WHERE pid = (SELECT pid FROM dsec.holdings_progress)');
	sql('SELECT pg_current_xact_id()');
	push @begun, sql("SELECT backend_xmin FROM pg_stat_activity WHERE pid = (SELECT pid FROM dsec.holdings_progress)");
}
ended($call);
my %different = map { $_ => 1 } @begun;
is(scalar keys %different, 6, 'every table has a transaction and a snapshot of its own');

# ----- a bound session, a standby in miniature, no preloading ------------------------

Dsec::recipient($node, 'Lab', roles => ['officer']);
$r = Dsec::run($node, 'CALL dsec.refresh_holdings(); SELECT subjects FROM dsec.holdings LIMIT 1', user => 'officer');
is($r->{out}, '4000', 'an officer bound to a recipient sees counts');
is(Dsec::counted($node, 'Lab', 'human_genomic'), 0, '... and is charged with nobody');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'dump');
unlike(slurp_file($dump), qr/COPY dsec\.holding/, 'holdings are not dumped');

$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
$r = Dsec::run($node, 'CALL dsec.refresh_holdings()');
is($r->{sqlstate}, 'DS003', 'without preloading it does not run');

$node->stop;
done_testing();
