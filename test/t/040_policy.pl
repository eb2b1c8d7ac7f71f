# The policy across restarts, crashes, dumps, standbys and settings.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Dsec::node('policy',
	preload => 'dsec,dsec_clock',
	init => { allows_streaming => 1 },
	conf => "dsec.ledger_timeout = 2s\nlisten_addresses = '127.0.0.1'\n");

sub sql
{
	return $node->safe_psql('postgres', shift);
}

sub configure
{
	my ($setting) = @_;

	$node->append_conf('postgresql.conf', $setting);
	$node->reload;
	my ($name, $value) = $setting =~ /^(\S+) = (\S+)$/;
	$node->poll_query_until('postgres', "SELECT setting = '$value' FROM pg_settings WHERE name = '$name'")
	  or die "$setting";
	return;
}

sql(q{
	CREATE TABLE t (id int PRIMARY KEY, v text);
	INSERT INTO t SELECT i, 'x' FROM generate_series(1, 100) i;
	SELECT dsec.tag('t', 'subject=id; space=person');
	SELECT dsec.tag('t', 'v', 'personal_health');
	CREATE ROLE bob LOGIN;
	CREATE ROLE eve LOGIN;
	GRANT SELECT ON t TO bob, eve;
	GRANT dsec_auditor TO bob, eve;
});
Dsec::recipient($node, 'Lab', roles => ['bob']);
Dsec::rule($node, category => 'personal_health', threshold => 10);

# ----- modes ------------------------------------------------------------------

is(Dsec::run($node, 'SELECT v FROM t WHERE id <= 11', user => 'bob')->{sqlstate}, 'DS001', 'enforcing blocks');
configure('dsec.mode = permissive');
is(Dsec::run($node, 'SELECT count(*) FROM (SELECT v FROM t WHERE id <= 11 OFFSET 0) s', user => 'bob')->{sqlstate},
	'', 'permissive does not');
is(Dsec::run($node, 'COPY (SELECT v FROM t WHERE id <= 12) TO STDOUT', user => 'bob')->{sqlstate}, '', 'nor here');
is(Dsec::counted($node, 'Lab', 'personal_health'), 12, 'and counts on');
sql('SELECT dsec.flush_events()');
is(sql(q{SELECT decision FROM dsec.event WHERE recipients = '{Lab}' ORDER BY id DESC LIMIT 1}),
	'log', 'what would have been blocked is on record');
like(sql("SELECT value FROM dsec.status() WHERE item = 'protection'"), qr/^counting only/, 'status says so');
configure('dsec.mode = enforcing');
is(Dsec::run($node, 'SELECT v FROM t WHERE id = 13', user => 'bob')->{sqlstate}, 'DS001', 'enforcing again');
is(Dsec::run($node, 'SELECT v FROM t WHERE id <= 12', user => 'bob')->{sqlstate}, '', 'who was sent may be sent again');

# without a ledger, permissive mode lets everything go on and records it
my $key = $node->data_dir . '/dsec.key';
configure('dsec.mode = permissive');
rename $key, "$key.away" or die;
$node->restart;
$node->poll_query_until('postgres', "SELECT value = 'failed' FROM dsec.status() WHERE item = 'worker'") or die;
like(sql("SELECT value FROM dsec.status() WHERE item = 'protection'"), qr/go on uncounted/, 'status says so');
foreach my $user ('bob', 'eve')
{
	is(Dsec::run($node, 'COPY (SELECT v FROM t WHERE id = 14) TO STDOUT', user => $user)->{sqlstate},
		'', "permissive without a key: $user is not refused");
}
configure('dsec.mode = enforcing');
is(Dsec::run($node, 'COPY (SELECT v FROM t WHERE id = 14) TO STDOUT', user => 'bob')->{sqlstate},
	'DS003', 'enforcing does refuse');
rename "$key.away", $key or die;
$node->poll_query_until('postgres', "SELECT value = 'ready' FROM dsec.status() WHERE item = 'worker'") or die;
sql('SELECT dsec.flush_events()');
is(sql(q{SELECT count(*), sum(rows), sum(c.subjects), sum(c.charged)
		FROM dsec.event e, unnest(e.categories) c WHERE decision = 'uncounted'}),
	'2|2|2|0', 'what was not counted is on record');
is(Dsec::counted($node, 'Lab', 'personal_health'), 12, 'and was not counted');

# nor does a category that nobody knows stop it, or what is read along with it
configure('dsec.mode = permissive');
sql(q{
	CREATE TABLE unknown (id int PRIMARY KEY, v text);
	INSERT INTO unknown VALUES (14, 'x');
	SELECT dsec.tag('unknown', 'subject=id; space=person');
	SELECT dsec.tag('unknown', 'v', 'not_there');
	GRANT SELECT ON unknown TO bob;
});
is(Dsec::run($node, 'SELECT t.v, u.v FROM t JOIN unknown u USING (id)', user => 'bob')->{sqlstate},
	'', 'permissive with an unknown category');
sql('SELECT dsec.flush_events()');
is(sql(q{SELECT count(*) FROM dsec.event WHERE decision = 'uncounted' AND 'Lab' = ANY (recipients)}),
	1, 'is on record');
configure('dsec.mode = enforcing');
is(Dsec::run($node, 'SELECT v FROM t WHERE id = 14', user => 'bob')->{sqlstate},
	'DS001', 'and leaves nobody counted who was not');
sql('DROP TABLE unknown');

# an open cursor obeys a setting that changes under it
my $cursor = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'bob' ]);
$cursor->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT v FROM t WHERE id <= 20 ORDER BY id; FETCH 12 FROM c');
configure('dsec.mode = permissive');
is($cursor->query('FETCH 1 FROM c'), 'x', 'permissive while a cursor is open');
configure('dsec.mode = enforcing');
$cursor->query('FETCH 1 FROM c');
like($cursor->{stderr}, qr/is blocked/, 'enforcing while a cursor is open');
$cursor->quit;

my $copy = 'COPY (SELECT v FROM t WHERE id <= 20) TO STDOUT';
is(Dsec::run($node, $copy, user => 'eve')->{sqlstate}, '', 'an unassigned recipient is not blocked');
is(Dsec::counted($node, 'unassigned:eve', 'personal_health'), 20, 'and counted');
configure('dsec.unassigned = block');
is(Dsec::run($node, 'COPY (SELECT v FROM t WHERE id = 21) TO STDOUT', user => 'eve')->{sqlstate}, 'DS001', 'unless it is to be');
is(Dsec::run($node, $copy, user => 'eve')->{sqlstate}, '', 'what has been sent can be sent again');
configure('dsec.unassigned = log');

# ----- days --------------------------------------------------------------------

sql(q{
	INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, valid_from, valid_to, source)
	SELECT 'test', 'human_omic', '>', 1, 'person', 'rolling', '1 month', '{covered}', 'block', d + 1, d + 1, 'one day only'
	FROM (SELECT (now() AT TIME ZONE 'UTC')::date) AS x (d)
});
my $rules = q{SELECT count(*) FROM dsec.exposure WHERE source = 'one day only' AND recipient = 'Lab'};
is(sql($rules), 0, 'a rule does not apply before its first day');
configure('dsec_clock.offset = 86400');
is(sql($rules), 1, 'it does on that day, without anybody announcing it');
configure('dsec_clock.offset = 172800');
is(sql($rules), 0, 'and not after its last day');

# ----- midnight --------------------------------------------------------------------

# a statement that runs over midnight charges anew whom it has charged before
my $days = q{SELECT count(DISTINCT day) FROM dsec.ledger_block b JOIN dsec.recipient r ON r.id = b.recipient
	WHERE r.name = 'unassigned:eve' AND day >= (SELECT max(day) - 1 FROM dsec.ledger_block)};
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
my $over_midnight = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-U', 'eve', '-c',
		'COPY (SELECT v, CASE WHEN n = 2 AND id = 1 THEN pg_advisory_xact_lock(1) END'
		. ' FROM t, generate_series(1, 2) n WHERE id <= 3 ORDER BY n, id) TO STDOUT' ],
	'>', '/dev/null');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'") or die;
configure('dsec_clock.offset = 259200');
Dsec::run($node, 'COPY (SELECT v FROM t WHERE id = 1) TO STDOUT', user => 'bob');
$holder->quit;
$over_midnight->finish;
$node->poll_query_until('postgres', "SELECT ($days) = 2") or diag('days: ' . sql($days));
is(sql($days), 2, 'charged on both days');

# ----- memory kept for others -----------------------------------------------------

# whoever may make a table can make up people, but not take all memory with them
sql('CREATE ROLE mallory LOGIN');
$node->append_conf('postgresql.conf', 'dsec.shared_memory = 8MB');
$node->restart;
my $made_up = q{
	CREATE TEMPORARY TABLE people (id int, v text);
	SELECT dsec.tag('people', 'subject=id; space=made_up');
	SELECT dsec.tag('people', 'v', 'personal_health');
	INSERT INTO people SELECT i, '' FROM generate_series(1, 600000) i;
	COPY (SELECT v FROM people WHERE id <= 1000) TO STDOUT;
	COPY people TO STDOUT;
};
my $full = Dsec::run($node, $made_up, user => 'mallory');
is($full->{sqlstate}, 'DS003', 'an unassigned recipient cannot fill the memory');
like($full->{err}, qr/full for unassigned recipients.*HINT:.*give the recipient its status/s, '... and is told why');
cmp_ok(Dsec::counted($node, 'unassigned:mallory', 'personal_health'), '>', 200000, '... though it has most of it');
is(Dsec::run($node, $made_up =~ s/COPY people.*//r, user => 'mallory')->{sqlstate}, '', 'who is counted stays counted');
is(Dsec::run($node, $made_up =~ s/id <= 1000/id > 599990/r =~ s/COPY people.*//r, user => 'mallory')->{sqlstate},
	'DS003', 'others are refused');
is(Dsec::run($node, 'SELECT v FROM t WHERE id <= 12', user => 'bob')->{sqlstate}, '', 'assigned ones go on');
sql("UPDATE dsec.recipient SET status = 'internal' WHERE name = 'unassigned:mallory'");
is(Dsec::run($node, $made_up =~ s/id <= 1000/id > 599990/r =~ s/COPY people.*//r, user => 'mallory')->{sqlstate},
	'', 'so does it when it has its status');
$node->append_conf('postgresql.conf', 'dsec.shared_memory = 64MB');
$node->restart;

# ----- addresses -----------------------------------------------------------------

sub remote
{
	my ($sql) = @_;
	my ($out, $err);

	IPC::Run::run([ 'psql', '-XAt', '-h', '127.0.0.1', '-p', $node->port, '-U', 'eve', '-d', 'postgres', '-c', $sql ],
		'>', \$out, '2>', \$err);
	chomp $out;
	return $out;
}

sql("SELECT dsec.add_recipient('Far', 'XX', 'covered'), dsec.bind_address('127.0.0.0/29', 'Far')");
is(remote('SELECT dsec.recipients_of()'), '{Far}', 'bound by address');
sql("SELECT dsec.bind_address('127.0.0.0/9', 'Lab'), dsec.bind_address('127.0.0.2/32', 'Lab'), dsec.bind_address('::/0', 'Lab')");
is(remote('SELECT dsec.recipients_of()'), '{Lab,Far}', 'a network that contains it, and no other');
sql("SELECT dsec.unbind_address('127.0.0.0/9', 'Lab'), dsec.unbind_address('127.0.0.0/29', 'Far')");
is(remote('SELECT dsec.recipients_of()'), '{}', 'not bound any more');
is($node->safe_psql('postgres', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'eve' ]), '{}',
	'a unix socket has no address');

# ----- a worker that does not publish ---------------------------------------------

my $worker = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dsec worker'");
kill 'STOP', $worker;
sql("UPDATE dsec.rule SET threshold = 14 WHERE category = 'personal_health' AND regime = 'test'");
my $start = time;
my $result = Dsec::run($node, 'SELECT v FROM t WHERE id = 1', user => 'bob');
is($result->{sqlstate}, 'DS003', 'a change that is not published stops exports');
cmp_ok(time - $start, '<', 10, 'after a bounded wait');
like($result->{err}, qr/did not publish it within 2000 ms/, 'and says why');
is(Dsec::run($node, 'SELECT count(*) FROM t', user => 'bob')->{out}, 100, 'other work goes on');
like(sql("SELECT value FROM dsec.status() WHERE item = 'protection'"), qr/^fail closed/, 'status says so');
kill 'CONT', $worker;
is(Dsec::run($node, 'SELECT v FROM t WHERE id = 13', user => 'bob')->{sqlstate}, '', 'published, and obeyed');

# ----- a policy that cannot be published --------------------------------------------

sql(q{
	INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, source)
	SELECT 'test', 'human_omic', '>', 1000000, 'person', 'rolling', make_interval(days => i), '{covered}', 'log', 'windows'
	FROM generate_series(1, 8) i
});
$result = Dsec::run($node, 'SELECT v FROM t WHERE id = 1', user => 'bob');
is($result->{sqlstate}, 'DS003', 'too many windows stop exports');
like($result->{err}, qr/use more than 8 different windows/, 'and it says why');
like(sql("SELECT advice FROM dsec.status() WHERE item = 'protection'"), qr/different windows/, 'so does status');
sql("DELETE FROM dsec.rule WHERE source = 'windows' AND window_length > '3 days'");
is(Dsec::run($node, 'SELECT v FROM t WHERE id = 1', user => 'bob')->{sqlstate}, '', 'mended');

# more windows than slots over time: slots get another meaning, and no session
# takes one for the other
foreach my $i (11 .. 20)
{
	sql("UPDATE dsec.rule SET window_length = make_interval(days => $i) WHERE source = 'windows' AND threshold = 1000000 AND window_length = (SELECT max(window_length) FROM dsec.rule WHERE source = 'windows')");
}
is(sql(q{SELECT max(window_start) - min(window_start) FROM dsec.exposure WHERE recipient = 'Lab' AND source = 'windows'}),
	19, 'windows take the place of others');
is(Dsec::counted($node, 'Lab', 'personal_health'), 13, 'the count is what it was');
sql("DELETE FROM dsec.rule WHERE source = 'windows'");

# ----- restart, crash ------------------------------------------------------------------

sql('ALTER ROLE bob RENAME TO robert');
$node->restart;
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM dsec.binding WHERE target = 'robert'")
  or diag('not followed');
is(sql("SELECT target, role_oid = 'robert'::regrole FROM dsec.binding WHERE kind = 'role'"), 'robert|t',
	'the name of a renamed role is followed');
$node->stop('immediate');
$node->start;
is(Dsec::run($node, 'SELECT v FROM t WHERE id IN (14, 15)', user => 'robert')->{sqlstate}, 'DS001',
	'the policy is in force after a crash');
is(sql("SELECT dsec.recipients_of('file', '/x')"), '{}', 'as it was');

# ----- dump and restore into another cluster ----------------------------------------------

sql(q{
	UPDATE dsec.rule SET threshold = 77, note = 'edited' WHERE id = 2;
	UPDATE dsec.category SET parent = NULL WHERE name = 'human_genomic';
	INSERT INTO dsec.category (name, parent, description) VALUES ('aaa_own', 'zzz_own', 'x'), ('zzz_own', NULL, 'x');
	INSERT INTO dsec.agreement (recipient, reference) VALUES ('Lab', 'contract 1');
	SELECT dsec.bind_channel('file', '/srv/out', 'Far');
});
my $tables = join ' UNION ALL ', map { "SELECT '$_', row_to_json(x)::jsonb - '{login_role_oid,role_oid}'::text[] FROM dsec.$_ x" }
  qw(regime category space rule recipient binding agreement);
my $before = sql("SELECT * FROM ($tables) s ORDER BY 1, 2");
my $dump = $node->backup_dir . '/dump';
mkdir $node->backup_dir;
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');

my $other = Dsec::node('restored', extension => 0);
$other->safe_psql('postgres', 'CREATE ROLE somebody; CREATE ROLE eve LOGIN; CREATE ROLE robert LOGIN IN ROLE dsec_auditor')
  if $other->psql('postgres', 'CREATE ROLE dsec_auditor; CREATE ROLE dsec_officer') == 0;
my ($out, $err) = run_command([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('postgres'), $dump ]);
is($err, '', 'restore');
is($other->safe_psql('postgres', "SELECT * FROM ($tables) s ORDER BY 1, 2"), $before, 'the policy is the same');
is($other->safe_psql('postgres', "SELECT role_oid = 'robert'::regrole FROM dsec.binding WHERE kind = 'role'"), 't',
	'a role is found by its name');
is($other->safe_psql('postgres', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'robert' ]), '{Lab}', 'and bound');
is($other->safe_psql('postgres', "SELECT dsec.add_recipient('New', 'XX', 'covered') > max(id) FROM dsec.recipient"), 't',
	'numbers go on where they were');
$other->stop;

# ----- a standby -----------------------------------------------------------------------------

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'robert' ]), '{Lab}',
	'a standby publishes the policy');
is(Dsec::run($standby, 'SELECT v FROM t WHERE id = 1', user => 'robert')->{sqlstate}, 'DS003', 'and refuses exports');
is(Dsec::run($standby, 'SELECT count(*) FROM t', user => 'robert')->{out}, 100, 'other work goes on');
like($standby->safe_psql('postgres', "SELECT value FROM dsec.status() WHERE item = 'protection'"), qr/^read-only standby/, 'status');
sql("SELECT dsec.bind_role('eve', 'Far')");
$node->wait_for_catchup($standby);
ok($standby->poll_query_until('postgres', q{SELECT dsec.recipients_of('file', '/srv/out/x') = '{Far}'}), 'bindings');
my $seen = '';
for (1 .. 100)
{
	$seen = $standby->safe_psql('postgres', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'eve' ]);
	last if $seen eq '{Far}';
	sleep 0.1;
}
is($seen, '{Far}', 'a change of the primary arrives within seconds');
$standby->stop;

# ----- not preloaded ----------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
like(sql("SELECT value FROM dsec.status() LIMIT 1"), qr/^NOT PROTECTED: dsec is not loaded at server start/, 'status without preloading');
is(Dsec::run($node, 'SELECT * FROM dsec.exposure')->{sqlstate}, 'DS003', 'exposure says so, too');
like(Dsec::run($node, 'SELECT dsec.flush_events()')->{err}, qr/not loaded at server start/, 'and flush_events');
sql("UPDATE dsec.rule SET note = 'without preloading' WHERE id = 3");
is(sql('SELECT origin FROM dsec.rule WHERE id = 3'), 'officer', 'tables can be edited');

# ----- no ledger -----------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dsec'");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
	CREATE EXTENSION dsec;
	CREATE TABLE t (id int PRIMARY KEY, v text);
	SELECT dsec.tag('t', 'v', 'personal_health');
});
is($node->safe_psql('other', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'robert' ]), '{Lab}', 'bound in every database');
sql('DROP TABLE t; DROP EXTENSION dsec');
ok($node->poll_query_until('other', "SELECT value ~ '^NOT PROTECTED: there is no ledger' FROM dsec.status() LIMIT 1"),
	'status without a ledger');
is(Dsec::run($node, 'COPY t TO STDOUT', dbname => 'other')->{sqlstate}, 'DS003', 'exports are refused');
is(Dsec::run($node, 'SELECT dsec.recipients_of()', dbname => 'other', user => 'robert')->{sqlstate}, 'DS003', 'nobody can be bound');
sql('CREATE EXTENSION dsec');
$node->poll_query_until('other', q{SELECT worker = 'ready' FROM dsec.server_state()});
is($node->safe_psql('other', 'SELECT dsec.recipients_of()', extra_params => [ '-U', 'robert' ]), '{}',
	'a new ledger knows nothing of the old one');
$node->stop;

done_testing();
