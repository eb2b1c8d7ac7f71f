# Records on their way to dsec.event, driven by test/modules/dsec_test_event.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;
use Text::ParseWords;
use Time::HiRes qw(sleep time);

my $node = Dsec::node('event', init => { allows_streaming => 1 }, conf => "dsec.ledger_timeout = 2s\nlog_line_prefix = ''\n");
$node->safe_psql('postgres', 'CREATE EXTENSION dsec_test_event');

sub sql
{
	return $node->safe_psql('postgres', shift);
}

# one record with everything in it
sub export
{
	my ($how, $decision, $rows, $subjects, $charged, %args) = @_;
	my $take = "test_event_take(query_id => " . ($args{query_id} // 1) . ")";

	return "SELECT $take; SELECT test_event_fill('$decision', $rows, 'human_genomic', $subjects, $charged);"
	  . " SELECT test_event_end('$how');";
}

# let the server write what it has
sub flush
{
	sql('SELECT dsec.flush_events()');
}

# ----- a record of everything ------------------------------------------------

$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM dsec.event WHERE kind = 'admin'");
like(sql("SELECT detail FROM dsec.event WHERE kind = 'admin'"),
	qr/^The server started with these settings: dsec.mode = enforcing/,
	'a start is recorded with the settings that matter');

sql('CREATE ROLE "odd, ""name" SUPERUSER LOGIN; CREATE ROLE other SUPERUSER');
$node->psql(
	'postgres', q{
SET application_name = 'my,app';
SET ROLE other;
SELECT test_event_take(1, 'copy', 'clinic.patient(diagnosis,ssn)', 'Acme, Inc.', 4711);
SELECT test_event_fill('allow', 12, 'personal_health', 10, 7);
SELECT test_event_fill('allow', 0, 'human_genomic', 3, 2);
SELECT test_event_end('publish');
}, extra_params => [ '-U', 'odd, "name' ], on_error_die => 1);
flush();
is( sql(q{SELECT login_role, user_name, client_address, application_name, database, pid > 0, channel,
		recipients, relations, categories, rows, decision, rule, detail, query_id, folded,
		ended >= begun AND ended <= now() FROM dsec.exports}),
	join('|', 'odd, "name', 'other', '', 'my,app', 'postgres', 't', 'copy',
		'{"Acme, Inc."}', '{"clinic.patient(diagnosis,ssn)"}',
		'{"(personal_health,10,7)","(human_genomic,3,2)"}', '12', 'allow', '', '', '4711', '1', 't'),
	'a row has who, where, what and how many');

my $log = slurp_file($node->logfile);
my ($line) = $log =~ /^LOG:  (DSEC: EXPORT,.*)$/m;
ok($line, 'the row has a line in the log');
my @fields = map { $_ // '' } parse_line(',', 0, $line =~ s/""/\\"/gr);
my ($id, $begun) = split /\|/, sql(
	q{SELECT id, to_char(begun AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM dsec.exports});
is_deeply(
	[ @fields[ 0 .. 8, 10 .. 14, 16 .. 19 ] ],
	[ 'DSEC: EXPORT', $id, 'allow', 'copy', '"Acme, Inc."',
		'personal_health=10/7,human_genomic=3/2', 'clinic.patient(diagnosis,ssn)', '12', $begun,
		'odd, "name', 'other', '', 'my,app', 'postgres', '4711', '1', '', '' ],
	'with the same facts, as CSV');
is(scalar @fields, 20, 'and twenty fields');
unlike($log, qr/DSEC: .*\n(STATEMENT|CONTEXT)/, 'without statement or context');

# ----- folding -----------------------------------------------------------------

# in one backend, and in one minute
sleep 61 - (time() % 60) if time() % 60 > 52;
my $start = time();
sql(q{
DO $$
BEGIN
	FOR i IN 1..20000 LOOP
		PERFORM test_event_take(query_id => 2 + i % 2);
		PERFORM test_event_fill('allow', 2, 'human_genomic', 1, i % 2);
		PERFORM test_event_end('publish');
	END LOOP;
END $$});
my $seconds = time() - $start;
flush();
my ($rows, $folded, $nrows, $subjects, $charged) = split /\|/, sql(q{
	SELECT count(*), sum(folded), sum(e.rows), sum(c.subjects), sum(c.charged)
	FROM dsec.exports e, unnest(e.categories) c WHERE query_id IN (2, 3)});
is("$folded $nrows $subjects $charged", '20000 40000 20000 10000', 'folding loses nothing');
cmp_ok($rows, '<=', 4 + 4 * int($seconds + 1), "20,000 exports of two statements need few rows ($rows)");
note("20,000 exports took $seconds s");

# lock the worker out so that records wait for each other
sub while_locked
{
	my ($work, $seconds) = @_;
	my $locker = $node->background_psql('postgres');

	$locker->query_safe('BEGIN; LOCK TABLE dsec.event IN ACCESS EXCLUSIVE MODE;');
	$work->();
	$locker->query_safe('COMMIT;');
	$locker->quit;
	flush();
}

while_locked(
	sub {
		sql(export('publish', 'allow', 1, 1, 1, query_id => 10)
			  . export('publish', 'allow', 1, 1, 1, query_id => 10)
			  . export('publish', 'log', 1, 1, 1, query_id => 10)
			  . export('publish', 'allow', 1, 1, 1, query_id => 11)
			  . export('publish', 'allow', 1, 1, 1, query_id => 10)
			  . "SELECT test_event_take(relation => 'public.t(d)', query_id => 10); SELECT test_event_end('publish');"
			  . "SELECT test_event_take(recipient => 'other', query_id => 10); SELECT test_event_end('publish');"
			  . "SELECT test_event_take(channel => 'copy', query_id => 10); SELECT test_event_end('publish');");
	});
is( sql(q{SELECT string_agg(folded::text, ',' ORDER BY id) FROM dsec.exports WHERE query_id IN (10, 11)}),
	'3,1,1,1,1,1',
	'only what agrees folds');

# ----- in and out of transactions ------------------------------------------------

sql(q{BEGIN; SELECT test_event_take(query_id => 20); SELECT test_event_fill('error', 5, 'human_genomic', 5, 5);
SELECT test_event_end_with_transaction(); ROLLBACK;});
$node->psql('postgres', q{BEGIN; SELECT test_event_take(query_id => 21);
SELECT test_event_end_with_transaction(); SELECT 1 / 0;});
flush();
is( sql(q{SELECT query_id, rows, decision, ended IS NOT NULL FROM dsec.exports WHERE query_id IN (20, 21) ORDER BY 1}),
	"20|5|error|t\n21|0||t",
	'a rollback and an error leave their records');

sql(q{SELECT test_event_take(query_id => 22); SELECT test_event_end('release');});
flush();
is(sql('SELECT count(*) FROM dsec.exports WHERE query_id = 22'), '0', 'a released slot leaves none');

# ----- backends that end -----------------------------------------------------------

sql(q{SELECT test_event_take(query_id => 30); SELECT test_event_fill('allow', 3, 'human_genomic', 3, 3);
SELECT test_event_take(query_id => 31);});
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query_safe('SELECT pg_backend_pid();');
$victim->query_safe(q{SELECT test_event_take(query_id => 32);});
sql("SELECT pg_terminate_backend($pid, 5000)");
flush();
is( sql(q{SELECT query_id, rows, decision, ended IS NULL FROM dsec.exports WHERE query_id BETWEEN 30 AND 32 ORDER BY 1}),
	"30|3|allow|t\n31|0|error|t\n32|0|error|t",
	'slots held at the end of a backend are published as they stand');
eval { $victim->quit };

# ----- refusals ----------------------------------------------------------------------

my $r = Dsec::run($node, q{BEGIN; SELECT test_event_take(channel => 'copy', query_id => 40);
SELECT test_event_refuse('acme', 'human_genomic', 100, '28 CFR 202.205(a)');});
is($r->{sqlstate}, 'DS001', 'a refusal is DS001');
like($r->{err}, qr/ERROR:  DS001: export of "human_genomic" data to recipient "acme" through channel "copy" is blocked/, 'message');
like($r->{err}, qr/DETAIL:  Category "human_genomic", recipient "acme": counted 100 subjects in the window \(12 months\); the threshold is > 100; rule: us_dsp, 28 CFR 202\.205\(a\)\.$/m, 'detail');
like($r->{err}, qr/HINT:  .*dsec\.exposure in database "postgres"/, 'hint');
# no flush: it was written before the error was raised
is( sql(q{SELECT channel, regime, citation, detail FROM dsec.blocked_exports WHERE query_id = 40}),
	'copy|us_dsp|28 CFR 202.205(a)|category human_genomic, recipient acme: counted 100, threshold > 100, window 12 months',
	'its record is there before the error is, although its transaction was rolled back');

sql(q{SELECT test_event_take(query_id => 41); SELECT test_event_fill('allow', 3, 'human_genomic', 3, 3);
SELECT test_event_log('acme', 'human_genomic', 100, 'first'); SELECT test_event_log('acme', 'human_genomic', 101, 'second');
SELECT test_event_end('durably');});
is( sql(q{SELECT decision, rule, detail FROM dsec.exports WHERE query_id = 41}),
	'log|us_dsp: first|category human_genomic, recipient acme: counted 100, threshold > 100, window 12 months',
	'what is only logged keeps its first verdict');

# ----- the worker cannot write ----------------------------------------------------------

while_locked(
	sub {
		my $t = time();

		$r = Dsec::run($node, q{SELECT test_event_take(query_id => 50);
SELECT test_event_refuse('acme', 'human_genomic', 100, 'x');});
		$t = time() - $t;
		is($r->{sqlstate}, 'DS001', 'a refusal that cannot be recorded in time is a refusal');
		like($r->{err}, qr/DETAIL:.*The record of this refusal is queued/, 'and says that its record is queued');
		cmp_ok($t, '<', 10, "after a bounded wait ($t s)");
		cmp_ok($t, '>=', 2, 'of dsec.ledger_timeout');

		$r = Dsec::run($node, 'SELECT dsec.flush_events()');
		is($r->{sqlstate}, 'DS003', 'dsec.flush_events() gives up, too');
	});
is(sql('SELECT count(*) FROM dsec.blocked_exports WHERE query_id = 50'), '1', 'it is delivered later, once');

while_locked(
	sub {
		$r = Dsec::run($node, q{SET statement_timeout = '300ms'; SELECT test_event_take(query_id => 51);
SELECT test_event_refuse('acme', 'human_genomic', 100, 'x');});
		is($r->{sqlstate}, '57014', 'the wait for the record can be cancelled');
	});
is(sql('SELECT count(*) FROM dsec.blocked_exports WHERE query_id = 51'), '1', 'and the record is delivered');

my $worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'dsec worker'});
kill 'STOP', $worker;
$start = time();
$r = Dsec::run($node, q{SELECT test_event_take(query_id => 52);
SELECT test_event_refuse('acme', 'human_genomic', 100, 'x');});
$seconds = time() - $start;
kill 'CONT', $worker;
is($r->{sqlstate}, 'DS001', 'a refusal does not need a worker that answers');
cmp_ok($seconds, '<', 10, "and waits no longer than it should ($seconds s)");
flush();
is(sql('SELECT count(*) FROM dsec.blocked_exports WHERE query_id = 52'), '1', 'its record is delivered');

# ----- many sessions -----------------------------------------------------------------

$node->append_conf('postgresql.conf', 'dsec.ledger_timeout = 30s');
$node->reload;
$node->pgbench(
	'-n -c 8 -j 2 -t 1000',
	0, [qr/processed: 8000\/8000/], [qr/^$/], 'eight sessions publish at once',
	{   '030_event_many' => q{\set q random(100, 111)
\set w random(1, 50)
SELECT test_event_take(query_id => :q), test_event_fill('allow', 2, 'human_genomic', 1, 1), test_event_end(CASE :w WHEN 1 THEN 'durably' ELSE 'publish' END);
} });
flush();
is( sql(q{SELECT sum(folded), sum(e.rows), sum(c.subjects), sum(c.charged) FROM dsec.exports e, unnest(e.categories) c
		WHERE query_id BETWEEN 100 AND 111}),
	'8000|16000|8000|8000',
	'and every export is in one record');
$node->append_conf('postgresql.conf', 'dsec.ledger_timeout = 2s');
$node->reload;

# ----- no slot left ---------------------------------------------------------------------

$r = Dsec::run($node, 'SELECT test_event_take(129)');
is($r->{sqlstate}, 'DS003', 'a session cannot hold more than its share');
like($r->{err}, qr/DETAIL:  This session has 128 exports open already/, 'and is told so');
flush();

while_locked(
	sub {
		my $t;

		$r = Dsec::run($node, q{
DO $$
BEGIN
	FOR i IN 1..5000 LOOP
		PERFORM test_event_take(query_id => 1000 + i);
		PERFORM test_event_end('publish');
	END LOOP;
END $$});
		is($r->{sqlstate}, 'DS003', 'without a free slot an export is refused');
		like($r->{err}, qr/DETAIL:  All \d+ places for records are in use, .* The worker of dsec could not write the records of exports: table dsec\.event is locked by another session\./, 'with the cause');
		like($r->{err}, qr/HINT:  Look for a lock on table dsec\.event in database "postgres"/, 'and the remedy');

		$t = time();
		sql(q{SELECT test_event_loss('Something was not counted.')});
		cmp_ok(time() - $t, '<', 1, 'a loss is noted without waiting');

		$node->append_conf('postgresql.conf', 'dsec.mode = permissive');
		$node->reload;
		$r = Dsec::run($node, q{SELECT pg_sleep(0.2); SELECT test_event_take(3); SELECT test_event_end('publish', 3);});
		is($r->{sqlstate}, '', 'in permissive mode the export goes on');
	});
sql('SELECT dsec.flush_events()');
sleep 1.5;
cmp_ok(sql('SELECT count(*) FROM dsec.exports WHERE query_id > 1000'), '>', 512, 'what was queued has been delivered');
is( sql('SELECT count(*) - count(DISTINCT query_id) FROM dsec.exports WHERE query_id BETWEEN 1001 AND 6000'), '0', 'once');
is( sql(q{SELECT string_agg(detail, '; ') FROM dsec.event WHERE kind = 'loss'}),
	'Records that found no place in the queue and were not written: 4.', 'and what was lost is on record');
is( sql(q{SELECT detail FROM dsec.event WHERE kind = 'change' AND detail LIKE 'Settings%permissive%'}),
	'Settings were changed and are now: dsec.mode = permissive, dsec.unassigned = log, dsec.unbound_read = house.',
	'so is a change of mode');
$node->append_conf('postgresql.conf', 'dsec.mode = enforcing');
$node->reload;

sql(q{SELECT test_event_loss('Something was not counted.')});
flush();
is( sql(q{SELECT channel, relations, detail, rows FROM dsec.event WHERE kind = 'loss' AND detail LIKE 'Some%'}),
	'select|{public.t(c)}|Something was not counted.|', 'a loss has a record of its own');

# ----- odd contents -----------------------------------------------------------------------

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('latin', 'CREATE EXTENSION dsec; CREATE EXTENSION dsec_test_event');
$node->safe_psql('latin', q{SELECT test_event_take(relation => 'public.caf' || chr(233) || '(c)', query_id => 60);
SELECT test_event_end('publish');});
sql(q{SELECT test_event_take(query_id => 61); SELECT test_event_spoil('\xff41c328e28200', 'no address');
SELECT test_event_end('publish');
SELECT test_event_take(query_id => 62); SELECT test_event_spoil(convert_to(E'a\nLOG:  DSEC: EXPORT,987654321,allow', 'UTF8') || '\x00', 'fe80::1/200');
SELECT test_event_end('publish');
SELECT test_event_take(query_id => 63); SELECT test_event_spoil('\x4100', '2001:db8::7'); SELECT test_event_end('publish');});
flush();
is( sql(q{SELECT query_id, database, relations, user_name, client_address FROM dsec.exports
		WHERE query_id BETWEEN 60 AND 63 ORDER BY 1}),
	"60|latin|{public.caf\x{c3}\x{a9}(c)}|postgres|\n"
	  . "61|postgres|{public.t(c)}|?A?(??|\n"
	  . "62|postgres|{public.t(c)}|a\nLOG:  DSEC: EXPORT,987654321,allow|\n"
	  . "63|postgres|{public.t(c)}|A|2001:db8::7",
	'other encodings, broken characters and addresses do no harm');
unlike(slurp_file($node->logfile), qr/^(LOG:  )?\t?(LOG:  )?DSEC: EXPORT,987654321,allow/m, 'nobody can forge a line');

# ----- labels -----------------------------------------------------------------------------

$node->safe_psql('latin', q{CREATE TABLE patient (id int PRIMARY KEY, ssn text, note text)});
$node->safe_psql('latin', q{
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person';
BEGIN; SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'personal_health'; ROLLBACK;
BEGIN; SAVEPOINT a; SECURITY LABEL FOR dsec ON COLUMN patient.note IS 'human_genomic'; ROLLBACK TO a;
SAVEPOINT b; SECURITY LABEL FOR dsec ON COLUMN patient.ssn IS 'listed_identifier; class=gov_id'; RELEASE b; COMMIT;
SECURITY LABEL FOR dsec ON COLUMN patient.ssn IS 'listed_identifier; class=gov_id';
SELECT dsec.untag('patient', 'ssn');});
flush();
is( sql(q{SELECT login_role, database, relations, detail FROM dsec.event
		WHERE kind = 'change' AND relations = '{public.patient.ssn}' ORDER BY id}),
	qq(postgres|latin|{public.patient.ssn}|Label of a table column: "listed_identifier; class=gov_id"; before: none.\n)
	  . qq(postgres|latin|{public.patient.ssn}|Label of a table column: none; before: "listed_identifier; class=gov_id".),
	'labels that were set are on record');
is(sql(q{SELECT count(*) FROM dsec.event WHERE kind = 'change' AND relations = '{public.patient.note}'}),
	'0', 'those that were rolled back are not');
$node->safe_psql('latin', 'CREATE TABLE wide (' . join(', ', map { "c$_ text" } 1 .. 200) . ');'
	  . 'BEGIN; ' . join('', map { "SECURITY LABEL FOR dsec ON COLUMN wide.c$_ IS 'personal_health';" } 1 .. 200) . 'COMMIT;');
flush();
is( sql(q{SELECT count(*), max(detail) FROM dsec.event WHERE kind = 'change' AND relations[1] LIKE 'public.wide.%'}),
	'64|Up to 137 further changes of tags were made in the same transaction.', 'very many share a record');

# ----- who may ----------------------------------------------------------------------------

$r = Dsec::run($node, 'SELECT * FROM dsec.exports', dbname => 'latin');
is($r->{sqlstate}, 'DS003', 'in another database the views say where to look');

# ----- stops and crashes ----------------------------------------------------------------------

# the worker dies between two records
$worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'dsec worker'});
sql("SELECT pg_terminate_backend($worker, 5000);" . export('publish', 'allow', 1, 1, 1, query_id => 70));
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM dsec.exports WHERE query_id = 70'),
	'a worker that was terminated comes back and goes on');

# a backend is killed right after its refusal, while another one exports
$victim = $node->background_psql('postgres', on_error_stop => 0);
$pid = $victim->query_safe('SELECT pg_backend_pid();');
$victim->query_safe(q{SELECT test_event_take(query_id => 81); SELECT test_event_fill('allow', 9, 'human_genomic', 9, 9);});
my $locker = $node->background_psql('postgres', on_error_stop => 0);
$locker->query_safe('BEGIN; LOCK TABLE dsec.event IN ACCESS EXCLUSIVE MODE;');
$victim->query_safe(export('publish', 'allow', 4, 4, 4, query_id => 80) . q{
SELECT test_event_take(query_id => 82);});
kill 'KILL', $pid;
$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'no restart';
eval { $victim->quit };
eval { $locker->quit };
$node->poll_query_until('postgres', 'SELECT count(*) = 3 FROM dsec.exports WHERE query_id BETWEEN 80 AND 82');
is( sql(q{SELECT query_id, rows, decision, ended IS NULL, categories FROM dsec.exports
		WHERE query_id BETWEEN 80 AND 82 ORDER BY 1}),
	qq(80|4|allow|f|{"(human_genomic,4,4)"}\n81|9|allow|t|{"(human_genomic,9,9)"}\n82|0|error|t|{}),
	'SIGKILL loses no record, neither waiting nor held');
is(sql(q{SELECT count(*) FROM dsec.event WHERE detail LIKE 'The server stopped%'}), '0', 'and none is said to be lost');

# a stop of the server with records waiting
for my $mode ('fast', 'immediate')
{
	my $q = $mode eq 'fast' ? 90 : 91;

	sql(export('publish', 'allow', 1, 1, 1, query_id => $q) . export('publish', 'log', 1, 1, 1, query_id => $q));
	$node->stop($mode);
	$node->start;
	$node->poll_query_until('postgres', "SELECT count(*) >= 2 FROM dsec.exports WHERE query_id = $q");
	flush();
	is(sql("SELECT count(*) FROM dsec.exports WHERE query_id = $q"), '2', "stop -m $mode loses and repeats no record");
}
is(sql(q{SELECT count(*) FROM dsec.event WHERE detail LIKE 'The server stopped%'}), '0', 'none is said to be lost');
is(sql(q{SELECT count(*) FROM dsec.event WHERE kind = 'admin' AND detail LIKE 'The server started with%'}), '4', 'every start is recorded');

# a record that may be in the table already: the worker has had it in hand, and
# was interrupted, when the file is written; so put the file back later
sql(q{CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	PERFORM pg_catalog.pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
CREATE TRIGGER wait BEFORE INSERT ON dsec.event FOR EACH ROW EXECUTE FUNCTION wait();});
$locker = $node->background_psql('postgres', on_error_stop => 0);
$locker->query_safe('SELECT pg_advisory_lock(4711);');
sql(export('publish', 'allow', 3, 3, 3, query_id => 92) . export('publish', 'log', 3, 3, 3, query_id => 92));
sleep 2.5;
$node->stop('immediate');
eval { $locker->quit };
my $queue = $node->data_dir . '/dsec.events';
my $saved = slurp_file($queue);
$node->start;
flush();
is(sql('SELECT count(*) FROM dsec.exports WHERE query_id = 92'), '2', 'a record that the worker had in hand is written');
$node->stop('immediate');
open(my $out, '>:raw', $queue) or die;
print $out $saved;
close $out;
$node->start;
flush();
is(sql('SELECT count(*) FROM dsec.exports WHERE query_id = 92'), '2', 'and one that was written already is not repeated');
is( (my @again = slurp_file($node->logfile) =~ /^LOG:  DSEC: EXPORT,\d+,(?:allow|log),.*,92,1,,$/mg),
	4, 'although its line may be');

sql('DROP TRIGGER wait ON dsec.event; DROP FUNCTION wait()');

# a stop that saved nothing
$node->stop('immediate');
unlink $node->data_dir . '/dsec.events' or die "no queue file: $!";
$node->start;
ok( $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM dsec.event WHERE kind = 'loss' AND detail LIKE 'The server stopped without saving its queue%'}),
	'a queue that was lost is on record');
$node->stop('immediate');
append_to_file($node->data_dir . '/dsec.events', 'x');
$node->start;
ok( $node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM dsec.event WHERE kind = 'loss' AND detail LIKE 'The server stopped without saving its queue%'}),
	'so is one whose file is damaged');
$node->stop('fast');
unlink $node->data_dir . '/dsec.events';
$node->start;
flush();
is(sql(q{SELECT count(*) FROM dsec.event WHERE detail LIKE 'The server stopped%'}), '2', 'a clean shutdown without a file lost nothing');

# ----- a standby ------------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$standby->promote;
ok( $standby->poll_query_until('postgres', q{SELECT count(*) = 1 FROM dsec.event WHERE kind = 'loss' AND detail LIKE 'The server was promoted%'}),
	'a promotion is recorded as a loss');
$standby->restart;
$standby->safe_psql('postgres', 'SELECT dsec.flush_events()');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM dsec.event WHERE kind = 'loss' AND detail LIKE 'The server was promoted%'}),
	'1', 'once');
$standby->stop;

# ----- dump and restore --------------------------------------------------------------------------

my $dump = $node->backup_dir . '/dump.sql';
my $last = sql('SELECT max(id) FROM dsec.event');
my $digest = qq{SELECT count(*), md5(string_agg(e::text, E'\\n' ORDER BY id)) FROM dsec.event e WHERE id <= $last};
my $expected = sql($digest);
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'the records can be dumped');
$node->stop;
my $copy = Dsec::node('copy', extension => 0);
$copy->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $copy->connstr('postgres') ],
	'and restored, where a worker writes, too');
is($copy->safe_psql('postgres', $digest), $expected, 'every one of them');
$copy->safe_psql('postgres', q{SELECT test_event_take(query_id => 99); SELECT test_event_end('durably')});
is($copy->safe_psql('postgres', "SELECT count(*) FROM dsec.exports WHERE query_id = 99 AND id > $last"),
	'1', 'and their numbers go on');
$copy->stop;
done_testing();
