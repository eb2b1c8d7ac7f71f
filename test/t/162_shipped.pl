# Values that leave while a plan runs: in the remote WHERE of a foreign scan, as
# arguments of functions that send data away, and by way of variables.  What has
# arrived is read from the other server's log.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('here', conf => "dsec.mode = enforcing\n");
my $r;

plan skip_all => 'postgres_fdw or dblink is not installed'
  unless $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink')") == 2;

my $there = Dsec::node('there', conf => "dsec.mode = off\nlog_statement = all\n");
my $remote = sprintf 'host=%s port=%s dbname=postgres', $there->host, $there->port;

$there->safe_psql('postgres', q{
	CREATE TABLE letters (n int, seq text);
	CREATE TABLE taken (person_id int, seq text);
	INSERT INTO letters SELECT i, 'GENE' || i || 'X' FROM generate_series(1, 200) i;
});

$node->safe_psql('postgres', $_) foreach (
	'CREATE EXTENSION postgres_fdw',
	'CREATE EXTENSION dblink',
	'CREATE TABLE genome (person_id int PRIMARY KEY, name text, seq text, sex text)',
	"INSERT INTO genome SELECT i, 'N' || i, 'GENE' || i || 'X', 'f' FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic'",
	'CREATE TABLE plain (n int, t text)',
	"INSERT INTO plain SELECT i, 'T' || i FROM generate_series(1, 10) i",
	sprintf("CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres')",
		$there->host, $there->port),
	sprintf("CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres')",
		$there->host, $there->port),
	"CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (password_required 'false')",
	"CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (password_required 'false')",
	'CREATE FOREIGN TABLE letters (n int, seq text) SERVER away',
	"CREATE FOREIGN TABLE letters_other (n int, seq text) SERVER other OPTIONS (table_name 'letters')",
	'CREATE FOREIGN TABLE taken (person_id int, seq text) SERVER away',
	"CREATE FUNCTION remote() RETURNS text IMMUTABLE LANGUAGE sql AS \$\$ SELECT '$remote'::text \$\$",
	'CREATE ROLE reader LOGIN SUPERUSER');

# Each test has a recipient of its own, for the server or a channel.
my $recipients = 0;
my $bound;

sub bind_to
{
	my ($what) = @_;
	my $name = 'R' . ++$recipients;

	$node->safe_psql('postgres', "SELECT dsec.add_recipient('$name', 'CN', 'covered')");
	if (defined $bound)
	{
		$node->safe_psql('postgres', 'SELECT dsec.un' . $bound->[0] . ", '$bound->[1]')");
	}
	$node->safe_psql('postgres', "SELECT dsec.$what, '$name')");
	$bound = [$what, $name];
	return $name;
}

my $log_at = 0;

# People whose value has got to the other server since the last look.
sub arrived
{
	my $log = slurp_file($there->logfile, $log_at);
	my %people;

	$log_at = -s $there->logfile;
	$people{$1} = 1 while $log =~ /GENE(\d+)X/g;
	return scalar keys %people;
}
arrived();

sub stopped_at_100
{
	my ($sql, $what, $binding) = @_;
	my $name = bind_to($binding);

	arrived();
	$r = Dsec::run($node, $sql);
	is($r->{sqlstate}, 'DS001', "$what: stopped") or diag($r->{err});
	is(Dsec::counted($node, $name, 'human_genomic'), 100, "$what: 100 people are charged");
	cmp_ok(arrived(), '<=', 100, "$what: no more than 100 have arrived");
	return;
}

my $server = "bind_server('postgres', 'away'";
my $dblink = "bind_channel('function', 'dblink'";

## foreign scans

my $nested = 'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; ';
my $lateral = 'SELECT count(*) FROM genome g, LATERAL (SELECT 1 FROM letters l WHERE l.seq = g.seq OFFSET 0) s';

stopped_at_100($lateral, 'a parameterised foreign scan', $server);
stopped_at_100('SELECT * FROM letters WHERE seq = ANY (ARRAY(SELECT seq FROM genome))', '= ANY (ARRAY(SELECT))', $server);
stopped_at_100("SELECT * FROM letters WHERE seq = (SELECT string_agg(seq, '') FROM genome)", 'a scalar subquery', $server);
stopped_at_100("SELECT g.seq, s.n FROM genome g, LATERAL (SELECT l.n FROM letters l WHERE l.seq = g.seq AND l.n < 0 OFFSET 0) s",
	'a scan that finds nothing for anybody', $server);
stopped_at_100("PREPARE p AS $lateral; EXECUTE p; EXECUTE p", 'a prepared statement', $server);
stopped_at_100("DO 'BEGIN PERFORM count(*) FROM genome g, LATERAL (SELECT 1 FROM letters l WHERE l.seq = g.seq OFFSET 0) s; END'",
	'a statement in a DO block', $server);
stopped_at_100("DELETE FROM letters WHERE seq = (SELECT string_agg(seq, ',') FROM genome)", 'DELETE on the other server', $server);
is($there->safe_psql('postgres', 'SELECT count(*) FROM letters'), 200, 'and nothing is deleted');

my $name = bind_to($server);
$r = Dsec::run($node, "$lateral WHERE g.person_id <= 40");
is($r->{sqlstate}, '', 'below the threshold the values may go');
is(Dsec::counted($node, $name, 'human_genomic'), 40, 'those who are sent are charged, and nobody else');
is(arrived(), 40, 'and they have arrived');
$r = Dsec::run($node, "EXPLAIN $lateral");
like($r->{out}, qr/Sent To: server away/, 'EXPLAIN says where values are sent');
like($r->{out}, qr/Recipients: $name/, 'and who receives them');
$name = bind_to($server);
$r = Dsec::run($node, 'SELECT count(*) FROM letters l JOIN genome g ON l.n = g.person_id WHERE l.n = 3');
is($r->{sqlstate}, '', 'a join that sends no tagged column runs');
$r = Dsec::run($node, "$nested SELECT count(g.seq) FROM genome g, letters l WHERE l.n < 5");
is(Dsec::counted($node, $name, 'human_genomic'), 0, 'and charges nobody in the house');
$r = Dsec::run($node, 'EXPLAIN SELECT seq FROM genome');
unlike($r->{out}, qr/DsecGuard/, 'plans that send nothing have no guard in the house');

# two ways out, of which nobody is bound to one
$name = bind_to($server);
$r = Dsec::run($node, 'SELECT count(*) FROM genome g, LATERAL (SELECT 1 FROM letters l WHERE l.seq = g.seq OFFSET 0) s,'
	  . ' LATERAL (SELECT 1 FROM letters_other l WHERE l.seq = g.seq OFFSET 0) o WHERE g.person_id <= 7');
is($r->{sqlstate}, '', 'a plan may send to two servers');
is(Dsec::counted($node, $name, 'human_genomic'), 7, 'the one that is bound is charged');
is($node->safe_psql('postgres', "SELECT max(counted) FROM dsec.exposure e JOIN dsec.recipient r ON r.name = e.recipient WHERE r.status = 'unassigned' AND category = 'human_genomic'"),
	7, 'and what goes to the other is on the login role\'s account');

## dblink, in all forms

my %forms = (
	'dblink_exec' => "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
	'dblink, in FROM' => "SELECT * FROM genome g, dblink(remote(), format('SELECT %L::text', g.seq)) AS t(x text)",
	'dblink, laterally' => "SELECT * FROM genome g LEFT JOIN LATERAL dblink(remote(), format('SELECT %L::text', g.seq)) AS t(x text) ON true",
	'dblink_connect' => "SELECT dblink_connect(g.seq, remote() || format(' application_name=%s', g.seq)) FROM genome g",
	'dblink_send_query' => "SELECT dblink_connect('c', remote()); SELECT dblink_send_query('c', format('SELECT %L', string_agg(seq, ','))) FROM genome",
	'dblink_open' => "SELECT dblink_connect('c', remote()); SELECT dblink_open('c', 'c' || person_id, format('SELECT %L::text', seq)) FROM genome",
	'a view' => 'SELECT * FROM sending',
	'WHERE' => "SELECT 1 FROM genome WHERE dblink_exec(remote(), 'SET application_name = ' || quote_literal(seq)) IS NULL",
	'an aggregate\'s argument' => "SELECT max(dblink_exec(remote(), 'SET application_name = ' || quote_literal(seq))) FROM genome",
	'ORDER BY' => "SELECT 1 FROM genome ORDER BY dblink_exec(remote(), 'SET application_name = ' || quote_literal(seq))",
	'a window' => "SELECT count(*) OVER (PARTITION BY dblink_exec(remote(), 'SET application_name = ' || quote_literal(seq))) FROM genome",
	'HAVING' => "SELECT person_id FROM genome GROUP BY person_id HAVING dblink_exec(remote(), 'SET application_name = ' || quote_literal(max(seq))) IS NULL",
	'CASE' => "SELECT CASE WHEN seq = 'GENE150X' THEN dblink_exec(remote(), 'SET application_name = GENE150X') END FROM genome",
	'another name' => "SELECT ship(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
	'an operator' => "SELECT remote() ==> format('INSERT INTO taken VALUES (1, %L)', seq) FROM genome",
	'an inlined function' => "SELECT inlined(seq) FROM genome",
	'INSERT' => "INSERT INTO plain SELECT 1, dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
	'RETURNING' => "UPDATE genome SET name = name RETURNING dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq))",
	'UPDATE' => "UPDATE plain SET t = dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
	'a subquery' => "SELECT (SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', g.seq)) FROM plain LIMIT 1) FROM genome g",
	'a materialized CTE' => "WITH c AS MATERIALIZED (SELECT seq FROM genome) SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM c",
	'COPY' => "COPY (SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome) TO '/dev/null'",
	'CREATE TABLE AS' => "CREATE TABLE made AS SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
);
$node->safe_psql('postgres', $_) foreach (
	"CREATE VIEW sending AS SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome",
	"CREATE FUNCTION ship(text, text) RETURNS text LANGUAGE c STRICT AS '\$libdir/dblink', 'dblink_exec'",
	'CREATE OPERATOR ==> (FUNCTION = ship, LEFTARG = text, RIGHTARG = text)',
	"CREATE FUNCTION inlined(text) RETURNS text LANGUAGE sql AS \$\$ SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', \$1)) \$\$",
);
foreach my $form (sort keys %forms)
{
	stopped_at_100($forms{$form}, $form, $dblink);
}
is($there->safe_psql('postgres', "SELECT count(*) FROM taken WHERE substr(seq, 5, 3) ~ '^1[0-9][1-9]'"), 0,
	'nobody beyond the threshold is in the other server\'s table')
  or diag($there->safe_psql('postgres', 'SELECT seq, count(*) FROM taken GROUP BY 1 ORDER BY 2 DESC LIMIT 20'));

$name = bind_to($dblink);
$r = Dsec::run($node, "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (%s, ''x'')', n)) FROM plain");
is($r->{sqlstate}, '', 'what is not tagged may be sent');
$r = Dsec::run($node, "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (%s, ''x'')', person_id)) FROM genome WHERE person_id <= 3");
is($r->{sqlstate}, '', 'so may what is not tagged of a tagged table');
is(Dsec::counted($node, $name, 'human_genomic'), 0, 'nobody is charged for it');

# a session that is bound has two recipients
Dsec::recipient($node, 'Reader', roles => ['reader']);
$name = bind_to($dblink);
$r = Dsec::run($node, "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (1, %L)', seq)) FROM genome WHERE person_id <= 5", user => 'reader');
is($r->{sqlstate}, '', 'a session that is bound may send');
is(Dsec::counted($node, $name, 'human_genomic') . ' ' . Dsec::counted($node, 'Reader', 'human_genomic'), '5 5',
	'both recipients are charged');

## the catalogue

$node->safe_psql('postgres', "CREATE FUNCTION my_send(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN \$1; END'");
$r = Dsec::run($node, "PREPARE p AS SELECT count(my_send(seq)) FROM genome; EXECUTE p;"
	  . " INSERT INTO dsec.egress_function (name, function) VALUES ('my', 'public.my_send'); EXECUTE p");
like($r->{out}, qr/^200\b/, 'a function that is not in the catalogue sends nothing');
$name = bind_to("bind_channel('function', 'public.my_send'");
$r = Dsec::run($node, 'SELECT count(my_send(seq)) FROM genome');
is($r->{sqlstate}, 'DS001', 'an officer\'s function counts');
is($node->safe_psql('postgres', "SELECT origin FROM dsec.egress_function WHERE name = 'my'"), 'officer', 'it is an officer\'s row');
$r = Dsec::run($node, "DELETE FROM dsec.egress_function WHERE name = 'dblink'");
isnt($r->{sqlstate}, '', 'a shipped row cannot be deleted');
$r = Dsec::run($node, "BEGIN; PREPARE p AS SELECT count(my_send(seq)) FROM genome;"
	  . " UPDATE dsec.egress_function SET enabled = false WHERE name = 'my'; EXECUTE p; ROLLBACK;");
is($r->{sqlstate}, '', 'a row can be disabled, and plans know at once');
$r = Dsec::run($node, 'SELECT count(my_send(seq)) FROM genome');
is($r->{sqlstate}, 'DS001', 'a rollback takes it back');
$node->safe_psql('postgres', "DELETE FROM dsec.egress_function WHERE name = 'my'");

$name = bind_to("bind_channel('function', 'pg_notify'");
$r = Dsec::run($node, "SELECT pg_notify('x', seq) FROM genome");
is($r->{sqlstate}, 'DS001', 'pg_notify is in the catalogue');
$name = bind_to("bind_channel('function', 'large object'");
$r = Dsec::run($node, "SELECT lo_from_bytea(0, seq::bytea) FROM genome");
is($r->{sqlstate}, 'DS001', 'so are writers of large objects');

# what such a function reads by itself
$node->safe_psql('postgres', $_) foreach (
	"CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(seq) FROM genome); END'",
	"INSERT INTO dsec.egress_function (name, function) VALUES ('reads', 'public.reads')");
$name = bind_to("bind_channel('function', 'public.reads'");
$r = Dsec::run($node, 'SELECT reads()');
is($r->{sqlstate}, 'DS001', 'what a function of the catalogue reads goes to whom it sends to');
is(Dsec::counted($node, $name, 'human_genomic'), 100, 'and is charged as it is read');

## variables

bind_to($dblink);
$node->safe_psql('postgres', $_) foreach (
	q{CREATE FUNCTION wrapped(v text) RETURNS text LANGUAGE plpgsql AS
		$$ BEGIN PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); RETURN NULL; END $$},
	q{CREATE FUNCTION assigned(v text) RETURNS text LANGUAGE plpgsql AS
		$$ DECLARE r text; BEGIN r := dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); RETURN r; END $$},
	q{CREATE FUNCTION in_sql(v text) RETURNS SETOF text LANGUAGE sql VOLATILE SET work_mem = '4MB' AS
		$$ SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)) $$},
	q{CREATE FUNCTION put(v text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO taken VALUES (2, v); RETURN NULL; END $$},
	q{CREATE FUNCTION ask(v text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM letters WHERE seq = v); END $$},
	q{CREATE FUNCTION noted(v text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('x', v); RETURN NULL; END $$},
	q{CREATE FUNCTION get(p int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT seq FROM genome WHERE person_id = p); END $$},
	q{CREATE FUNCTION sent() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', NEW.seq)); RETURN NEW; END $$},
);
arrived();
my %refused = (
	'a variable' => q{DO $$ DECLARE v text; BEGIN SELECT string_agg(seq, ',') INTO v FROM genome; PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); END $$},
	'an assignment' => q{DO $$ DECLARE v text; r text; BEGIN v := (SELECT string_agg(seq, ',') FROM genome); r := dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); END $$},
	'a loop' => q{DO $$ DECLARE g record; BEGIN FOR g IN SELECT seq FROM genome LOOP PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', g.seq)); END LOOP; END $$},
	'EXECUTE ... USING' => q{DO $$ DECLARE g record; BEGIN FOR g IN SELECT seq FROM genome LOOP EXECUTE 'SELECT dblink_exec(remote(), format(''INSERT INTO taken VALUES (2, %L)'', $1))' USING g.seq; END LOOP; END $$},
	'an INSERT into a foreign table' => q{DO $$ DECLARE g record; BEGIN FOR g IN SELECT seq FROM genome LOOP INSERT INTO taken VALUES (2, g.seq); END LOOP; END $$},
	'an UPDATE of a foreign table' => q{DO $$ DECLARE v text := (SELECT max(seq) FROM genome); BEGIN UPDATE taken SET seq = v; END $$},
	'a remote WHERE' => q{DO $$ DECLARE v text := (SELECT max(seq) FROM genome); BEGIN PERFORM FROM letters WHERE seq = v; END $$},
	'NOTIFY by function' => q{DO $$ DECLARE v text := (SELECT max(seq) FROM genome); BEGIN PERFORM pg_notify('x', v); END $$},
	'a function given a column' => 'SELECT wrapped(seq) FROM genome',
	'an expression in one' => 'SELECT assigned(seq) FROM genome',
	'an SQL function' => 'SELECT in_sql(seq) FROM genome',
	'a function that writes' => 'SELECT put(seq) FROM genome',
	'a function that asks' => 'SELECT ask(seq) FROM genome',
	'a function that notifies' => 'SELECT noted(seq) FROM genome',
	'a function\'s result' => "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', get(n))) FROM plain",
	'a result in FROM' => "SELECT dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', g)) FROM get(150) g",
	'a trigger' => q{CREATE TRIGGER t BEFORE UPDATE ON genome FOR EACH ROW EXECUTE FUNCTION sent(); UPDATE genome SET name = 'x'},
	'a deferred trigger' => q{CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON genome DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sent(); UPDATE genome SET name = 'x'},
	'a CHECK constraint' => q{ALTER TABLE genome ADD CHECK (dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', seq)) <> '') NOT VALID; UPDATE genome SET name = 'x'},
	'a condition of a trigger' => q{CREATE TRIGGER t BEFORE UPDATE ON genome FOR EACH ROW WHEN (dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', NEW.seq)) <> '') EXECUTE FUNCTION suppress_redundant_updates_trigger(); UPDATE genome SET name = 'x'},
	'options of a server' => q{DO $$ DECLARE v text := (SELECT max(seq) FROM genome); BEGIN EXECUTE format('CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L)', v); END $$},
	'options of a user mapping' => q{DO $$ DECLARE v text := (SELECT max(seq) FROM genome); BEGIN EXECUTE format('ALTER USER MAPPING FOR PUBLIC SERVER away OPTIONS (ADD user %L)', v); END $$},
	'a cursor' => q{DO $$ DECLARE c CURSOR FOR SELECT seq FROM genome; v text; BEGIN OPEN c; FETCH c INTO v; PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); END $$},
	'RETURNING INTO' => q{DO $$ DECLARE v text; BEGIN UPDATE genome SET name = 'x' WHERE person_id = 150 RETURNING seq INTO v; PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); END $$},
	'an error that is caught' => q{DO $$ DECLARE v text; BEGIN BEGIN SELECT max(seq) INTO v FROM genome; PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (2, %L)', v)); END $$},
);
foreach my $way (sort keys %refused)
{
	$r = Dsec::run($node, "BEGIN; $refused{$way}; COMMIT");
	is($r->{sqlstate}, 'DS003', "$way: refused") or diag($r->{err});
	is(arrived(), 0, "$way: nothing has arrived");
}
my $own = $r->{err} =~ s/^CONTEXT:.*//msr;
unlike($own, qr/GENE\d/, 'messages have no values of their own');
like($r->{err}, qr/dsec\.egress_function/, 'the remedy is named');

# what is not concerned
my %free = (
	'an untagged variable' => q{DO $$ DECLARE v text; BEGIN SELECT max(t) INTO v FROM plain; PERFORM dblink_exec(remote(), format('INSERT INTO taken VALUES (3, %L)', v)); INSERT INTO taken VALUES (3, v); PERFORM FROM letters WHERE seq = v; END $$},
	'an untagged column of a tagged table' => q{DO $$ DECLARE v text; BEGIN SELECT max(name) INTO v FROM genome; PERFORM pg_notify('x', v); END $$},
	'a statement without parameters' => q{DO $$ DECLARE v text; BEGIN SELECT max(seq) INTO v FROM genome; PERFORM pg_notify('x', 'done'); PERFORM dblink_exec(remote(), 'INSERT INTO taken VALUES (3, ''x'')'); INSERT INTO taken SELECT n, t FROM plain; END $$},
	'a function of untagged data' => 'SELECT wrapped(t) FROM plain',
	'the next statement' => 'SELECT get(1)',
);
foreach my $way (sort keys %free)
{
	$r = Dsec::run($node, $free{$way});
	is($r->{sqlstate}, '', "$way: not concerned") or diag($r->{err});
}

# the remedy
$node->safe_psql('postgres', "INSERT INTO dsec.egress_function (name, function) VALUES ('w', 'public.wrapped')");
arrived();
stopped_at_100('SELECT wrapped(seq) FROM genome', 'a wrapper in the catalogue', "bind_channel('function', 'public.wrapped'");

# in permissive mode it is recorded
Dsec::setting($node, 'dsec.mode', 'permissive');
$r = Dsec::run($node, $refused{'a variable'});
is($r->{sqlstate}, '', 'in permissive mode it goes on');
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM dsec.event WHERE kind = 'loss' AND detail LIKE '%from a variable%'")
  or fail('a record says so');

done_testing();
