# The moment between the commit of a copy and the news of its tag: nobody who sees
# the copy misses the tag.

use strict;
use warnings;

use Dsec;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Dsec::node('window', preload => 'dsec_pause,dsec');

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE genome (person_id int PRIMARY KEY, seq text)',
	"INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 20) i",
	"SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic'",
	'CREATE ROLE reader LOGIN', 'GRANT pg_read_all_data TO reader');
Dsec::recipient($node, 'Reader', roles => ['reader']);
Dsec::rule($node, category => 'human_genomic', threshold => 5);

my $n = 0;

# A new table that nobody has tagged, known to the plan cache of a bound session.
sub target
{
	my $name = 'copy' . ++$n;

	$node->safe_psql('postgres', "CREATE TABLE $name (id int, v text)");
	return $name;
}

# A session that runs by itself; "finish" waits for it and returns what it said.
sub background
{
	my ($sql, $user) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/' . ++$n;
	my @command = ('psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-f', "$file.sql");

	push @command, '-U', $user if $user;
	append_to_file("$file.sql", $sql);
	return [ "$file.out", IPC::Run::start(\@command, '>', "$file.out", '2>&1') ];
}

sub finish
{
	my ($file, $session) = @{ $_[0] };

	$session->finish;
	return slurp_file($file);
}

# How often a session that reads all the time saw the copy, and was stopped.
sub seen
{
	my ($out) = @_;
	my @lines = split /\n/, $out;

	return (scalar(grep { $_ eq 'ACGT' } @lines), scalar(grep { /ERROR:  DS001/ } @lines));
}

sub wait_for
{
	my ($offset, $what) = @_;

	$node->wait_for_log(qr/LOG:  pause $what commit/, $offset);
	return;
}

# ---- COMMIT ---------------------------------------------------------------------

my $copy = target();
my $offset = -s $node->logfile;
my $writer = background(
	"SET dsec_pause.after_commit = 2000; INSERT INTO $copy SELECT * FROM genome;");
wait_for($offset, 'after');

my $start = time;
my $r = Dsec::run($node, "SELECT v FROM $copy", user => 'reader');
is($r->{sqlstate}, 'DS001', 'who sees the copy knows its tag');
cmp_ok(time - $start, '>', 0.5, 'because it waits for that');
is(finish($writer), '', 'the copy was made');

# one that has planned before, and has heard of nothing since
$copy = target();
my $reader = background(
	"PREPARE p AS SELECT v FROM $copy;\n" . "EXECUTE p;\n" x 20000, 'reader');
$writer = background(
	"SET dsec_pause.after_commit = 20; SELECT pg_sleep(0.2);\nINSERT INTO $copy SELECT * FROM genome;\n");
finish($writer);
my ($rows, $stopped) = seen(finish($reader));
is($rows, 0, 'a session that reads all the time never reads it untagged');
cmp_ok($stopped, '>', 0, 'and does come to see it');

# ---- COMMIT PREPARED --------------------------------------------------------------

# what it drops is unlinked between the two steps
my $drops = join ';', map { "CREATE TABLE drop$_ (i int)" } 1 .. 600;
my $dropped = join ';', map { "DROP TABLE drop$_" } 1 .. 600;

sub prepare
{
	my ($gid) = @_;
	my $name = target();

	$node->safe_psql('postgres', $drops);
	$node->safe_psql('postgres',
		"BEGIN; $dropped; INSERT INTO $name SELECT * FROM genome; PREPARE TRANSACTION '$gid'");
	return $name;
}

sub commit_prepared
{
	my ($name, $gid, $what) = @_;

	$reader = background(
		"PREPARE p AS SELECT v FROM $name;\n" . "EXECUTE p;\n" x 20000, 'reader');
	$writer = background("SELECT pg_sleep(0.2);\nCOMMIT PREPARED '$gid';\n");
	finish($writer);
	($rows, $stopped) = seen(finish($reader));
	is($rows, 0, "COMMIT PREPARED: never untagged$what");
	cmp_ok($stopped, '>', 0, "COMMIT PREPARED: does come to be seen$what");
	return;
}

$node->append_conf('postgresql.conf', "max_locks_per_transaction = 256\n");
$node->restart;
commit_prepared(prepare('one'), 'one', '');
$copy = prepare(q{t''wo});
$node->restart;
commit_prepared($copy, q{t''wo}, ', after a restart');

$r = Dsec::run($node, "COMMIT PREPARED 'none'");
is($r->{sqlstate}, '42704', 'one that there is not');
$copy = target();
$node->safe_psql('postgres', "BEGIN; INSERT INTO $copy SELECT * FROM genome; PREPARE TRANSACTION 'back'");
$r = Dsec::run($node, "BEGIN; COMMIT PREPARED 'back'");
is($r->{sqlstate}, '25001', 'nor inside a transaction');
$r = Dsec::run($node, "SELECT v FROM $copy", user => 'reader');
is($r->{sqlstate} . $r->{out}, '', 'neither makes others wait, or lets them see anything');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'back'");

# ---- a session that ends before its commit -----------------------------------------

$copy = target();
$offset = -s $node->logfile;
$writer = background(
	"SET dsec_pause.before_commit = 60000; INSERT INTO $copy SELECT * FROM genome;");
wait_for($offset, 'before');
$r = Dsec::run($node, "SELECT v FROM $copy", user => 'reader');
is($r->{sqlstate} . $r->{out}, '', 'one that does not see it need not wait');
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'before_commit|INSERT INTO $copy' AND pid <> pg_backend_pid()");
like(finish($writer), qr/57P01/, 'it is terminated');
$start = time;
$r = Dsec::run($node, "SET statement_timeout = '10s'; SELECT v FROM $copy", user => 'reader');
is($r->{sqlstate} . $r->{out}, '', 'and nobody waits for it');
cmp_ok(time - $start, '<', 5, 'at all');

# an error at that point
$node->safe_psql('postgres', $_) foreach (
	"CREATE TABLE parent (id int PRIMARY KEY)",
	"CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED, v text)");
$r = Dsec::run($node, 'BEGIN; INSERT INTO child SELECT * FROM genome; COMMIT');
is($r->{sqlstate}, '23503', 'a deferred check fails');
$r = Dsec::run($node, "SET statement_timeout = '10s'; SELECT v FROM child", user => 'reader');
is($r->{sqlstate} . $r->{out}, '', 'nobody waits for that either');

done_testing();
