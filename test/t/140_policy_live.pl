
# An officer changes rules, bindings and tags; sessions that are running obey at
# their next statement, with prepared statements, cached plans and open cursors.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Dsec::Wire;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('policy_live', conf => "max_parallel_workers_per_gather = 0\n");
my $lab = Dsec::Genomes->new($node);
my $r;

$lab->table('genome', 300);
$lab->officer($_) foreach (
	'CREATE TABLE plain (person_id int PRIMARY KEY, seq text, other text)',
	"INSERT INTO plain SELECT i, 'G' || i, 'G' || i FROM generate_series(1, 300) i",
	'GRANT ALL ON plain TO reader',
	'CREATE FUNCTION get(int, int) RETURNS SETOF text LANGUAGE plpgsql AS '
	  . "'BEGIN RETURN QUERY SELECT seq FROM genome WHERE person_id BETWEEN \$1 AND \$2; END'",
	'CREATE FUNCTION get_plain(int, int) RETURNS SETOF text LANGUAGE plpgsql AS '
	  . "'BEGIN RETURN QUERY SELECT seq FROM plain WHERE person_id BETWEEN \$1 AND \$2; END'",
	'CREATE FUNCTION get_other(int, int) RETURNS SETOF text LANGUAGE plpgsql AS '
	  . "'BEGIN RETURN QUERY SELECT other FROM plain WHERE person_id BETWEEN \$1 AND \$2; END'");

my @ways = ('simple', 'extended', 'PREPARE', 'PL/pgSQL', 'COPY');

# A session that has prepared all the ways before anything changes, and has run
# them often enough that the plans are generic and cached.
sub session
{
	my ($role, $table, $column) = @_;
	my $c = $lab->client($role);
	my $get = $table eq 'genome' ? 'get' : $column eq 'other' ? 'get_other' : 'get_plain';
	my $sql = "SELECT $column FROM $table WHERE person_id BETWEEN";

	$c->{sql} = $sql;
	$c->{get} = $get;
	$c->prepare('e', "$sql \$1::int AND \$2::int");
	$c->value("PREPARE p(int, int) AS $sql \$1 AND \$2");
	for (1 .. 7)
	{
		read_people($c, $_, 1, 1) foreach @ways[ 0 .. 3 ];
	}
	return $c;
}

sub read_people
{
	my ($c, $way, $from, $to) = @_;

	if ($way eq 'extended')
	{
		$r = $c->execute('e', [ $from, $to ]);
		$c->sync;
	}
	else
	{
		$r = $c->query($way eq 'simple' ? "$c->{sql} $from AND $to"
			: $way eq 'PREPARE' ? "EXECUTE p ($from, $to)"
			: $way eq 'COPY' ? "COPY ($c->{sql} $from AND $to) TO STDOUT"
			: "SELECT * FROM $c->{get}($from, $to)");
	}
	return ($r->{sqlstate} || 'ok') . ' ' . @{ Dsec::Genomes::people($r) };
}

# What is read when n may pass: EXECUTE and functions collect before they send.
sub stopped
{
	my ($way, $n) = @_;

	return 'DS001 ' . ($way =~ /^P/ ? 0 : $n);
}

sub threshold
{
	my ($n, $more) = @_;

	$lab->officer("UPDATE dsec.rule SET threshold = $n" . ($more // '') . " WHERE category = 'human_genomic'");
	return;
}

# ---- rules ------------------------------------------------------------------------

foreach my $way (@ways)
{
	my $role = $lab->recipient;
	my $c = session($role, 'genome', 'seq');

	threshold(100);
	is(read_people($c, $way, 1, 100), 'ok 100', "$way: 100 of 100");
	threshold(120);
	is(read_people($c, $way, 101, 120), 'ok 20', "$way: the threshold rises, 20 more pass");
	is(read_people($c, $way, 121, 121), 'DS001 0', "$way: and no other");
	threshold(50);
	is(read_people($c, $way, 121, 121), 'DS001 0', "$way: it falls, nobody new passes");
	is(read_people($c, $way, 1, 120), 'ok 120', "$way: who was sent before may be sent again");
	threshold(1000, ", action = 'log'");
	is(read_people($c, $way, 1, 300), 'ok 300', "$way: a high threshold");
	threshold(100, ", action = 'block'");
	is($lab->counted($role), 300, "$way: all are counted");
	$c->close;
}

# A rule that begins today, one that has ended, a status that changes.
{
	my $role = $lab->recipient;
	my $name = $lab->name($role);
	my $c = session($role, 'genome', 'seq');

	$lab->officer("INSERT INTO dsec.regime (name, title, source) VALUES ('house', 'house', 'house')");
	$lab->officer("INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length, applies_to, action, source)
		VALUES ('house', 'human_genomic', '>=', 10, 'person', 'rolling', '30 days', '{covered,foreign}', 'block', 'house rule 1')");
	is(read_people($c, 'extended', 1, 20), 'DS001 9', 'a second, tighter rule');
	like($r->{detail}, qr/house rule 1/, 'gives its own citation');
	$lab->officer("UPDATE dsec.rule SET valid_from = current_date - 10, valid_to = current_date - 2 WHERE regime = 'house'");
	is(read_people($c, 'PREPARE', 1, 20), 'ok 20', 'which has ended');
	$lab->officer("UPDATE dsec.rule SET valid_to = NULL WHERE regime = 'house'");
	is(read_people($c, 'PREPARE', 21, 21), 'DS001 0', 'or has not');
	$lab->officer("UPDATE dsec.recipient SET status = 'domestic' WHERE name = '$name'");
	is(read_people($c, 'PREPARE', 21, 300), 'ok 280', 'a recipient that is not covered after all');
	$lab->officer("UPDATE dsec.recipient SET status = 'covered' WHERE name = '$name'");
	is(read_people($c, 'PREPARE', 1, 300), 'ok 300', 'that is covered again may have what it has had');
	is($lab->counted($role), 300, 'which was counted');
	$lab->officer("DELETE FROM dsec.rule WHERE regime = 'house'");
	$c->close;
}

# A change that is not committed changes nothing; one that is rolled back, neither.
{
	my $role = $lab->recipient;
	my $c = session($role, 'genome', 'seq');
	my $other = Dsec::Wire->new($node);

	$other->value('BEGIN');
	$other->value("UPDATE dsec.rule SET threshold = 10 WHERE category = 'human_genomic'");
	is(read_people($c, 'simple', 1, 50), 'ok 50', 'an open change of a rule is nobody\'s yet');
	$other->value('COMMIT');
	is(read_people($c, 'simple', 51, 51), 'DS001 0', 'from its commit on it is everybody\'s');
	$other->value('BEGIN');
	$other->value("UPDATE dsec.rule SET threshold = 1000 WHERE category = 'human_genomic'");
	$other->value('ROLLBACK');
	is(read_people($c, 'simple', 51, 51), 'DS001 0', 'a rollback changes nothing');
	threshold(100);
	$other->close;
	$c->close;
}

# ---- bindings -----------------------------------------------------------------------

$lab->officer('CREATE ROLE free LOGIN; CREATE ROLE staff; GRANT reader TO free');
foreach my $way (@ways[ 0 .. 3 ])
{
	my $role = $lab->recipient;
	my $name = $lab->name($role);
	my $c = session('free', 'genome', 'seq');

	is(read_people($c, $way, 1, 300), 'ok 300', "$way: an unbound session reads in the house");
	$lab->officer("SELECT dsec.bind_role('free', '$name')");
	is(read_people($c, $way, 1, 300), stopped($way, 100), "$way: bound, it is stopped");
	is($lab->counted($role), 100, "$way: and counted");
	$lab->officer("SELECT dsec.unbind_role('free', '$name')");
	is(read_people($c, $way, 1, 300), 'ok 300', "$way: unbound, it is free again");
	is($lab->counted($role), 100, "$way: and not counted");

	# by way of a role that it becomes a member of
	$lab->officer("SELECT dsec.bind_role('staff', '$name')");
	is(read_people($c, $way, 250, 300), 'ok 51', "$way: another role is bound");
	$lab->officer('GRANT staff TO free');
	is(read_people($c, $way, 250, 300), 'DS001 0', "$way: of which it becomes a member");
	$lab->officer('REVOKE staff FROM free');
	is(read_people($c, $way, 250, 300), 'ok 51', "$way: and ceases to be");
	$lab->officer("SELECT dsec.unbind_role('staff', '$name')");
	$c->close;
}

# SET ROLE and SET SESSION AUTHORIZATION
{
	my $role = $lab->recipient;

	$lab->officer("GRANT $role TO free");
	my $c = session('free', 'genome', 'seq');
	foreach my $way (@ways[ 0 .. 3 ])
	{
		like(read_people($c, $way, 1, 300), qr/^DS001 \d+$/, "$way: a member of a bound role is bound");
	}
	$lab->officer("REVOKE $role FROM free");
	is(read_people($c, 'extended', 1, 300), 'ok 300', 'which ends');
	$c->close;

	my $boss = Dsec::Wire->new($node);
	$boss->value('PREPARE p(int, int) AS SELECT seq FROM genome WHERE person_id BETWEEN $1 AND $2');
	$boss->{get} = 'get';
	is(read_people($boss, 'PREPARE', 1, 300), 'ok 300', 'a superuser in the house');
	$boss->value("SET ROLE $role");
	is(read_people($boss, 'PREPARE', 1, 300), 'DS001 0', 'who becomes a bound role');
	is($lab->counted($role), 100, 'is counted');
	$boss->value('RESET ROLE');
	is(read_people($boss, 'PREPARE', 1, 300), 'ok 300', 'and himself again');
	$boss->value("SET SESSION AUTHORIZATION $role");
	is(read_people($boss, 'PREPARE', 101, 300), 'DS001 0', 'or logs in as one, so to speak');
	$boss->close;
}

# A plan that PL/pgSQL has cached in the house is used inside COPY.
{
	$lab->officer('CREATE ROLE clerk LOGIN; GRANT reader TO clerk');
	my $c = session('clerk', 'genome', 'seq');

	is(read_people($c, 'PL/pgSQL', 1, 300), 'ok 300', 'PL/pgSQL in the house');
	$r = $c->query('COPY (SELECT * FROM get(1, 40)) TO STDOUT');
	is(($r->{sqlstate} || 'ok') . ' ' . @{ Dsec::Genomes::people($r) }, 'ok 40', 'the same inside COPY');
	is($lab->officer("SELECT max(counted) FROM dsec.exposure e JOIN dsec.recipient p ON p.name = e.recipient WHERE p.login_role = 'clerk' AND e.category = 'human_genomic'"),
		40, 'is counted');
	is(read_people($c, 'PL/pgSQL', 1, 300), 'ok 300', 'and in the house again');
	is($lab->officer("SELECT max(counted) FROM dsec.exposure e JOIN dsec.recipient p ON p.name = e.recipient WHERE p.login_role = 'clerk' AND e.category = 'human_genomic'"),
		40, 'is not');
	$c->close;
}

# A cursor that was opened in the house.
{
	my $role = $lab->recipient;
	my $name = $lab->name($role);
	my $c = $lab->client('free');

	$c->query('BEGIN');
	$c->query('DECLARE d CURSOR FOR SELECT seq FROM genome');
	$c->query('DECLARE e CURSOR FOR SELECT lab FROM genome');
	is(scalar @{ $c->query('FETCH 10 FROM d')->{rows} }, 10, 'a cursor in the house');
	$lab->officer("SELECT dsec.bind_role('free', '$name')");
	is(scalar @{ $c->query('FETCH 10 FROM e')->{rows} }, 10, 'bound: a cursor over untagged columns goes on');
	$r = $c->query('FETCH 10 FROM d');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS003 0', 'one over tagged columns does not');
	like($r->{hint}, qr/[Cc]lose the cursor/, 'and says why');
	$c->query('ROLLBACK');
	$r = $c->query('SELECT seq FROM genome WHERE person_id <= 5');
	is("$r->{sqlstate} " . @{ $r->{rows} }, ' 5', 'a new statement runs');
	is($lab->counted($role), 5, 'and is counted');

	# and one that was opened when bound
	$c->query('BEGIN');
	$c->query('DECLARE d CURSOR FOR SELECT seq FROM genome ORDER BY person_id');
	$c->query('FETCH 10 FROM d');
	$lab->officer("SELECT dsec.unbind_role('free', '$name')");
	is(scalar @{ $c->query('FETCH 10 FROM d')->{rows} }, 10, 'unbound: the cursor goes on');
	is($lab->counted($role), 10, 'and counts for nobody');
	$lab->officer("SELECT dsec.bind_role('free', '$name')");
	is(scalar @{ $c->query('FETCH 10 FROM d')->{rows} }, 10, 'bound: it goes on');
	is($lab->counted($role), 20, 'and counts again');
	threshold(25);
	is($c->query('FETCH 10 FROM d')->{sqlstate}, 'DS001', 'a new threshold holds for it, too');
	is($lab->counted($role), 25, 'to the row');
	threshold(100);
	$lab->officer("SELECT dsec.unbind_role('free', '$name')");
	$c->close;
}

# A cursor WITH HOLD from the house, fetched by who is bound meanwhile.
{
	my $role = $lab->recipient;
	my $name = $lab->name($role);
	my $c = $lab->client('free');

	$c->query('DECLARE d CURSOR WITH HOLD FOR SELECT seq FROM genome');
	is(scalar @{ $c->query('FETCH 10 FROM d')->{rows} }, 10, 'WITH HOLD, in the house');
	$lab->officer("SELECT dsec.bind_role('free', '$name')");
	$r = $c->query('FETCH 200 FROM d');
	is("$r->{sqlstate} " . @{ $r->{rows} }, 'DS003 0', 'WITH HOLD, bound: it does not go on');
	$r = $c->query('COPY (SELECT 1) TO STDOUT');
	is($r->{sqlstate}, 'DS003', 'nor does an export beside it');
	$c->query('CLOSE d');
	$r = $c->query('COPY (SELECT 1) TO STDOUT');
	is($r->{sqlstate}, '', 'until it is closed');
	$lab->officer("SELECT dsec.unbind_role('free', '$name')");
	$c->close;
}

# ---- tags -----------------------------------------------------------------------------

foreach my $way (@ways)
{
	my $role = $lab->recipient;
	my $c = session($role, 'plain', 'seq');

	is(read_people($c, $way, 1, 300), 'ok 300', "$way: nothing is tagged");
	is($lab->counted($role), 0, "$way: nobody is counted");
	$lab->officer("SECURITY LABEL FOR dsec ON TABLE plain IS 'subject=person_id; space=person'");
	$lab->officer("SECURITY LABEL FOR dsec ON COLUMN plain.other IS 'human_genomic'");
	is(read_people($c, $way, 1, 300), 'ok 300', "$way: another column is tagged");
	$lab->officer("SELECT dsec.tag('plain', 'seq', 'human_genomic')");
	is(read_people($c, $way, 1, 300), stopped($way, 100), "$way: this one is");
	$lab->officer("SELECT dsec.tag('plain', 'seq', 'personal_health')");
	is(read_people($c, $way, 1, 300), 'ok 300', "$way: it is something else");
	is($lab->counted($role, 'personal_health'), 300, "$way: and is counted as that");
	$lab->officer("SELECT dsec.untag('plain', 'seq')");
	is(read_people($c, $way, 1, 300), 'ok 300', "$way: the tag is gone");
	$lab->officer("SELECT dsec.untag('plain', 'other')");
	$c->close;
}

# a domain is tagged, a column renamed, a key dropped
{
	my $role = $lab->recipient;

	$lab->officer($_) foreach (
		'CREATE DOMAIN code AS text',
		'CREATE TABLE coded (person_id int PRIMARY KEY, seq code)',
		"INSERT INTO coded SELECT i, 'G' || i FROM generate_series(1, 300) i",
		"SECURITY LABEL FOR dsec ON TABLE coded IS 'subject=person_id; space=person'",
		'GRANT ALL ON coded TO reader');
	my $c = $lab->client($role);
	$c->value('PREPARE p(int, int) AS SELECT seq FROM coded WHERE person_id BETWEEN $1 AND $2');
	is(read_people($c, 'PREPARE', 1, 300), 'ok 300', 'a domain without tag');
	$lab->officer("SECURITY LABEL FOR dsec ON DOMAIN code IS 'human_genomic'");
	is(read_people($c, 'PREPARE', 1, 300), 'DS001 0', 'a domain that is tagged');
	$lab->officer('ALTER TABLE coded RENAME seq TO sequence');
	$lab->officer('ALTER TABLE coded RENAME person_id TO who');
	is(($c->query('SELECT sequence FROM coded WHERE who > 250')->{sqlstate}), 'DS001', 'renamed columns stay tagged');
	is($lab->counted($role), 100, 'and their key stays the key');
	$lab->officer('ALTER TABLE coded DROP COLUMN who');
	is(($c->query('SELECT sequence FROM coded LIMIT 1')->{sqlstate}), 'DS003', 'without its key it is not sent');
	$c->close;
}

# a category that nobody has defined
{
	my $role = $lab->recipient;
	my $c = $lab->client($role);

	$lab->officer("SECURITY LABEL FOR dsec ON COLUMN plain.seq IS 'star_sign'");
	$r = $c->query('SELECT seq FROM plain LIMIT 1');
	is($r->{sqlstate}, 'DS003', 'an unknown category fails closed');
	$lab->officer("INSERT INTO dsec.category (name, description) VALUES ('star_sign', 'sign of the zodiac')");
	is($c->query('SELECT seq FROM plain LIMIT 1')->{sqlstate}, '', 'until an officer defines it');
	$c->close;
}

# ---- mode ---------------------------------------------------------------------------------

{
	my $role = $lab->recipient;
	my $c = session($role, 'genome', 'seq');

	foreach my $mode ('off', 'enforcing')
	{
		$node->append_conf('postgresql.conf', "dsec.mode = $mode\n");
		$node->reload;
		# a session sees a reload before its next statement or the one after
		for (1 .. 100)
		{
			last if $c->value('SHOW dsec.mode') eq $mode;
		}
		foreach my $way (@ways)
		{
			is(read_people($c, $way, 1, 300), $mode eq 'off' ? 'ok 300' : stopped($way, 100), "$mode: $way");
		}
		is($lab->counted($role), $mode eq 'off' ? 1 : 100, "$mode: counted");
	}
	foreach my $setting ('dsec.mode = off', 'dsec.unassigned = log', 'dsec.ledger_timeout = 100')
	{
		isnt($c->query("SET $setting")->{sqlstate}, '', "a session cannot SET $setting");
		isnt(Dsec::Wire->new($node)->query("SET $setting")->{sqlstate}, '', 'nor can a superuser\'s');
	}
	$c->close;
}

$node->stop;
done_testing();
