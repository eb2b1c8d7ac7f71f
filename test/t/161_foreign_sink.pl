# Foreign tables as a sink: rows that are written into a tagged foreign table,
# whatever they are made of and whoever writes them, are charged to the recipient
# of the server before they are sent.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = Dsec::node('here', conf => "dsec.mode = enforcing\ndsec.unassigned = log\ndsec.copies = propagate\n");
my $r;

plan skip_all => 'postgres_fdw is not installed'
  unless $here->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");

my $there = Dsec::node('there', conf => "dsec.mode = off\n", extension => 0);

# A server with a recipient of its own, so that each test counts from 0.
sub server
{
	my ($name, %args) = @_;
	my $recipient = $args{recipient} // "to $name";

	$here->safe_psql('postgres', sprintf(
			"CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres');
			CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (password_required 'false')",
			$there->host, $there->port));
	return if $args{unbound};
	$here->safe_psql('postgres', "SELECT dsec.add_recipient('$recipient', 'CN', 'covered')");
	$here->safe_psql('postgres', "SELECT dsec.bind_server('postgres', '$name', '$recipient')");
	return;
}

# A table over there and a tagged foreign table of the same name here.
sub sink
{
	my ($name, %args) = @_;
	my $columns = $args{columns} // 'person_id int, seq text, note text';
	my $server = $args{server} // $name;
	my $options = $args{options} ? "OPTIONS ($args{options})" : '';

	server($server) unless $args{server};
	$there->safe_psql('postgres', "CREATE TABLE $name ($columns)");
	$here->safe_psql('postgres', "CREATE FOREIGN TABLE $name ($columns) SERVER $server $options");
	return if $args{untagged};
	$here->safe_psql('postgres', $_) foreach (
		'SECURITY LABEL FOR dsec ON FOREIGN TABLE ' . $name . " IS '"
		  . ($args{subject} // 'subject=person_id; space=person') . "'",
		"SECURITY LABEL FOR dsec ON COLUMN $name.seq IS 'human_genomic'");
	return;
}

sub counted
{
	my ($server) = @_;

	return Dsec::counted($here, "to $server", 'human_genomic');
}

sub received
{
	my ($table) = @_;

	return $there->safe_psql('postgres', "SELECT count(*) FROM $table");
}

sub records
{
	my ($server, $where) = @_;

	return $here->safe_psql('postgres',
		"SELECT dsec.flush_events(); SELECT count(*) FROM dsec.exports WHERE channel = 'fdw' AND 'to $server' = ANY (recipients) AND $where") =~ s/^\s*//r;
}

sub here
{
	my ($sql, %args) = @_;

	return Dsec::run($here, $sql, %args);
}

$here->safe_psql('postgres', $_) foreach (
	'CREATE EXTENSION postgres_fdw',
	'CREATE TABLE genome (person_id int PRIMARY KEY, seq text)',
	"INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic'",
	'CREATE ROLE reader LOGIN SUPERUSER');
Dsec::recipient($here, 'Reader', roles => ['reader']);

# ---- statements ----

sink('param');
$r = here("INSERT INTO param VALUES (1, 'A'), (2, 'C')");
is($r->{sqlstate}, '', 'literals may be written to a tagged foreign table');
is(counted('param'), 2, 'and the people are charged to its server');
$r = here("INSERT INTO param SELECT i, 'A' FROM generate_series(1, 100) i");
is($r->{sqlstate}, '', 'people up to the threshold, whatever the source');
is(counted('param'), 100, 'each counts once');
is(received('param'), 102, 'and all their rows arrive');
$r = here("INSERT INTO param VALUES (101, 'A')");
is($r->{sqlstate}, 'DS001', 'the next one does not');
like($r->{err}, qr/to param/, 'the error names the recipient');
is(received('param'), 102, 'and does not arrive');
$r = here("INSERT INTO param VALUES (7, 'G') ON CONFLICT DO NOTHING");
is($r->{sqlstate}, '', 'who has arrived may arrive again');
is(records('param', "decision = 'allow'"), 3, 'each statement has its record');
is(records('param', "decision = 'block'"), 1, 'the refused one, too');

sink('select_sink');
$r = here('INSERT INTO select_sink SELECT person_id, seq FROM genome WHERE person_id <= 60');
is($r->{sqlstate}, '', 'INSERT ... SELECT from a tagged table into a tagged foreign table');
is(counted('select_sink'), 60, 'charges each person once');
is(records('select_sink', "decision = 'allow'"), 1, 'and has one record');
$r = here('INSERT INTO select_sink SELECT person_id, seq FROM genome');
is($r->{sqlstate}, 'DS001', 'no more than the threshold');
is(received('select_sink'), 60, 'nothing of the refused statement arrives');
is(counted('select_sink'), 100, 'the ledger keeps the charge');

# a batch half sent
sink('batch', options => "batch_size '30'");
$r = here("INSERT INTO batch SELECT i, 'A' FROM generate_series(1, 150) i");
is($r->{sqlstate}, 'DS001', 'a batch with too many people is refused');
is(received('batch'), 0, 'the batches before it are rolled back over there');
is(counted('batch'), 100, 'and stay charged');
$r = here("SET client_min_messages = warning; INSERT INTO batch SELECT i, 'A' FROM generate_series(1, 100) i");
is(received('batch'), 100, 'those may be sent again');

# committed in spite of the refusal
sink('caught', options => "batch_size '10'");
$r = here(q{
	DO $$
	BEGIN
		FOR i IN 1..150 LOOP
			BEGIN
				INSERT INTO caught VALUES (i, 'A');
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$});
is($r->{sqlstate}, '', 'a procedure may catch the refusal');
is(received('caught'), 100, 'and what arrives is the threshold');
is(counted('caught'), 100, 'all of it is charged');

# COPY FROM a file
my $file = $here->basedir . '/rows';
append_to_file($file, join('', map { "$_\tACGT\n" } 1 .. 150));
sink('copied');
$r = here("COPY copied (person_id, seq) FROM '$file' WHERE person_id <= 40");
is($r->{sqlstate}, '', 'COPY FROM a file into a tagged foreign table');
is(counted('copied'), 40, 'is charged');
is(received('copied'), 40, 'and arrives');
$r = here("COPY copied (person_id, seq) FROM '$file'");
is($r->{sqlstate}, 'DS001', 'up to the threshold');
is(received('copied'), 40, 'of what is refused nothing arrives');
is(counted('copied'), 100, 'what was sent before the refusal stays charged');

# triggers and functions, by sessions that are bound to nobody
sink('triggered');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE inbox (person_id int, seq text)',
	q{CREATE FUNCTION forward() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO triggered VALUES (NEW.person_id, NEW.seq); RETURN NULL; END'},
	'CREATE TRIGGER forward AFTER INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION forward()',
	q{CREATE FUNCTION send(int, text) RETURNS void LANGUAGE sql AS
	'INSERT INTO triggered VALUES ($1, $2)'});
$r = here("INSERT INTO inbox SELECT i, 'A' FROM generate_series(1, 30) i");
is($r->{sqlstate}, '', 'a trigger may write into a tagged foreign table');
$r = here("SELECT send(i, 'A') FROM generate_series(21, 50) i");
is($r->{sqlstate}, '', 'and so may a function');
is(counted('triggered'), 50, 'both are charged');
$r = here("INSERT INTO inbox SELECT i, 'A' FROM generate_series(1, 200) i");
is($r->{sqlstate}, 'DS001', 'and stopped');
is(received('triggered'), 60, 'nothing of the refused statement arrives');

# prepared before the table was tagged
sink('prepared', untagged => 1);
$r = here(q{
	SET plan_cache_mode = force_generic_plan;
	PREPARE ins(int, text) AS INSERT INTO prepared VALUES ($1, $2);
	PREPARE upd(text) AS UPDATE prepared SET seq = $1;
	EXECUTE ins(1, 'A');
	EXECUTE upd('C');
	SECURITY LABEL FOR dsec ON FOREIGN TABLE prepared IS 'subject=person_id; space=person';
	SECURITY LABEL FOR dsec ON COLUMN prepared.seq IS 'human_genomic';
	EXECUTE ins(2, 'A');
	EXECUTE ins(3, 'A');
	EXECUTE upd('G');});
is($r->{sqlstate}, '', 'a prepared statement goes on when its table is tagged');
is(counted('prepared'), 3, 'and is charged from then on');

# ---- UPDATE ----

sink('updated');
$there->safe_psql('postgres', "INSERT INTO updated SELECT i, 'A' FROM generate_series(1, 150) i");
$r = here("EXPLAIN (VERBOSE, COSTS OFF) UPDATE updated SET note = 'x'");
like($r->{out}, qr/Foreign Update on/, 'an UPDATE of an untagged column is done over there');
$r = here("UPDATE updated SET note = 'x'");
is(counted('updated'), 0, 'and charges nobody');
$r = here("EXPLAIN (VERBOSE, COSTS OFF) UPDATE updated SET seq = 'x'");
unlike($r->{out}, qr/Foreign Update on/, 'one of a tagged column is done row by row');
$r = here("UPDATE updated SET seq = 'x' WHERE person_id <= 30");
is($r->{sqlstate}, '', 'an UPDATE that does not mention the key');
is(counted('updated'), 30, 'is charged by it');
$r = here("UPDATE updated SET seq = 'x', person_id = 500 WHERE person_id = 31");
is(counted('updated'), 31, 'the key that is written counts');
$r = here("UPDATE updated SET seq = 'x'");
is($r->{sqlstate}, 'DS001', 'an UPDATE of too many is refused');
is($there->safe_psql('postgres', "SELECT count(*) FROM updated WHERE seq = 'x'"), 31,
	'and nothing of it arrives');
$r = here('DELETE FROM updated WHERE person_id > 140');
is($r->{sqlstate}, '', 'DELETE sends nothing that the server has not sent');

# a sequence over there remembers what has arrived, whatever is rolled back
$there->safe_psql('postgres', $_) foreach (
	'CREATE SEQUENCE heard',
	q{CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM pg_catalog.nextval('public.heard'); RETURN NEW; END$$});
foreach my $case (['heard_rows', ''], ['heard_batches', "batch_size '10'"])
{
	my ($name, $options) = @$case;

	sink($name, options => $options);
	$there->safe_psql('postgres',
		"SELECT setval('heard', 1, false); CREATE TRIGGER hear BEFORE INSERT OR UPDATE ON $name FOR EACH ROW EXECUTE FUNCTION hear()");
	$r = here("INSERT INTO $name SELECT i, 'A' FROM generate_series(1, 105) i");
	is($r->{sqlstate}, 'DS001', "$name: too many people");
	is($there->safe_psql('postgres', 'SELECT last_value FROM heard'), 100,
		"$name: the other server has not seen more than may be sent");
}
$there->safe_psql('postgres', "DROP TRIGGER hear ON heard_rows; INSERT INTO heard_rows SELECT i, 'A' FROM generate_series(1, 105) i");
$there->safe_psql('postgres',
	"SELECT setval('heard', 1, false); CREATE TRIGGER hear BEFORE UPDATE ON heard_rows FOR EACH ROW EXECUTE FUNCTION hear()");
$r = here("UPDATE heard_rows SET seq = 'C'");
is($r->{sqlstate}, 'DS001', 'an UPDATE of too many people');
is($there->safe_psql('postgres', 'SELECT last_value FROM heard'), 100,
	'it has not seen more of that either');

# ---- partitions ----

server('parts');
$there->safe_psql('postgres', 'CREATE TABLE part_far (person_id int, region text, seq text)');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE part (seq text, person_id int, region text) PARTITION BY LIST (region)',
	"CREATE TABLE part_near PARTITION OF part FOR VALUES IN ('near')",
	'CREATE FOREIGN TABLE part_far (person_id int, region text, seq text) SERVER parts',
	"ALTER TABLE part ATTACH PARTITION part_far FOR VALUES IN ('far')",
	"SECURITY LABEL FOR dsec ON TABLE part IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN part.seq IS 'human_genomic'");
$r = here("INSERT INTO part SELECT 'A', i, CASE WHEN i <= 10 THEN 'far' ELSE 'near' END FROM generate_series(1, 150) i");
is($r->{sqlstate}, '', 'rows are routed');
is(counted('parts'), 10, 'those that leave are charged, by the tag of the partitioned table');
is(received('part_far'), 10, 'and arrive');
$r = here("UPDATE part SET region = 'far' WHERE region = 'near' AND person_id BETWEEN 11 AND 20");
is($r->{sqlstate}, '', 'rows are moved into a foreign partition');
is(counted('parts'), 20, 'and are charged');
append_to_file("$file.part", join('', map { "ACGT\t$_\tfar\n" } 1 .. 30));
$r = here("COPY part FROM '$file.part'");
is($r->{sqlstate}, '', 'COPY FROM routes rows');
is(counted('parts'), 30, 'and they are charged');
$r = here("INSERT INTO part SELECT 'A', i, 'far' FROM generate_series(1, 101) i");
is($r->{sqlstate}, 'DS001', 'no more than the threshold leaves by routing');
$r = here("UPDATE part SET region = 'far' WHERE region = 'near'");
is($r->{sqlstate}, 'DS001', 'nor by moving rows');
is(received('part_far'), 50, 'what was refused did not arrive');

# a partitioned table that nobody has tagged
server('routed');
$there->safe_psql('postgres', 'CREATE TABLE routed_far (person_id int, region text, seq text)');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE routed (person_id int, region text, seq text) PARTITION BY LIST (region)',
	"CREATE TABLE routed_near PARTITION OF routed FOR VALUES IN ('near')",
	"CREATE FOREIGN TABLE routed_far PARTITION OF routed FOR VALUES IN ('far') SERVER routed");
$r = here("INSERT INTO routed SELECT person_id, CASE WHEN person_id <= 10 THEN 'far' ELSE 'near' END, seq FROM genome");
is($r->{sqlstate}, '', 'tagged rows are routed through a table without tags');
is(counted('routed'), 10, 'those that leave are charged');
$r = here("INSERT INTO routed SELECT person_id, 'far', seq FROM genome");
is($r->{sqlstate}, 'DS001', 'and stopped');
is(received('routed_far'), 10, 'with nothing of the refused statement');

# where the rows cannot answer for themselves, the statement is an export
my $n = 0;
foreach my $case (
	['a constant for each row that a tagged column selected', "SELECT 1, 'near', 'x' FROM genome WHERE seq IS NOT NULL"],
	['a row of several people', "SELECT 1, 'near', max(seq) FROM genome"],
	['people without their key', "SELECT NULL, 'near', seq FROM genome"],
	['a function', "SELECT person_id, 'near', seq || region_of(person_id) FROM genome"],
	['a function within a built-in one', "SELECT person_id, 'near', seq || (SELECT count(*) FROM ts_stat('SELECT ''a''::tsvector')) FROM genome"],
	['a function that reads', "SELECT i, 'near', peek(i) FROM generate_series(1, 150) i"],
	['a trigger', 'SELECT person_id, \'near\', seq FROM genome',
		'CREATE TRIGGER t BEFORE INSERT ON %s_far FOR EACH ROW EXECUTE FUNCTION nothing()'],
	['a generated column', 'SELECT person_id, \'near\', seq FROM genome',
		q{ALTER TABLE %s ADD COLUMN g text GENERATED ALWAYS AS ('x'::text) STORED}],
	['copies are only recorded', 'SELECT person_id, \'near\', seq FROM genome', undef, 'log'])
{
	my ($what, $query, $ddl, $copies) = @$case;
	my $name = 'kept' . ++$n;

	server($name);
	$here->safe_psql('postgres', $_) foreach (
		$n > 1 ? () : (
			q{CREATE FUNCTION region_of(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'x'$$},
			q{CREATE FUNCTION peek(int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT seq FROM genome WHERE person_id = $1); END$$},
			q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$}),
		"CREATE TABLE $name (person_id int, region text, seq text) PARTITION BY LIST (region)",
		"CREATE TABLE ${name}_near PARTITION OF $name FOR VALUES IN ('near')",
		"CREATE FOREIGN TABLE ${name}_far PARTITION OF $name FOR VALUES IN ('far') SERVER $name",
		$ddl ? sprintf($ddl, $name) : ());
	Dsec::setting($here, 'dsec.copies', $copies) if $copies;
	$r = here("INSERT INTO $name (person_id, region, seq) $query");
	is($r->{sqlstate}, 'DS001', "an export to all servers: $what");
	Dsec::setting($here, 'dsec.copies', 'propagate') if $copies;
}

# a plan that was made while tags followed copies
server('stale');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE stale (person_id int, region text, seq text) PARTITION BY LIST (region)',
	"CREATE TABLE stale_near PARTITION OF stale FOR VALUES IN ('near')",
	"CREATE FOREIGN TABLE stale_far PARTITION OF stale FOR VALUES IN ('far') SERVER stale");
$r = here("PREPARE p AS INSERT INTO stale SELECT person_id, 'near', seq FROM genome;
	EXECUTE p; SELECT count(*) FROM stale_near;
	ALTER SYSTEM SET dsec.copies = 'log'; SELECT pg_reload_conf(); SELECT pg_sleep(0.5);
	EXECUTE p");
like($r->{out}, qr/^200$/m, 'rows that stay are not charged');
is($r->{sqlstate}, 'DS001', 'until tags do not follow copies any more');
$here->safe_psql('postgres', 'ALTER SYSTEM RESET dsec.copies');
Dsec::setting($here, 'dsec.copies', 'propagate');

# MERGE may insert into foreign partitions
server('merged');
$there->safe_psql('postgres', 'CREATE TABLE merge_far (person_id int, region text, seq text)');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE merging (person_id int, region text, seq text) PARTITION BY LIST (region)',
	"CREATE TABLE merge_near PARTITION OF merging FOR VALUES IN ('near')",
	"CREATE FOREIGN TABLE merge_far PARTITION OF merging FOR VALUES IN ('far') SERVER merged",
	"SECURITY LABEL FOR dsec ON TABLE merging IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN merging.seq IS 'human_genomic'");
$r = here("MERGE INTO merging m USING generate_series(1, 40) i ON m.person_id = i AND m.region = 'near' WHEN NOT MATCHED THEN INSERT VALUES (i, 'far', 'A')");
is($r->{sqlstate}, '', 'MERGE inserts into a foreign partition');
is(counted('merged'), 40, 'and the rows are charged');
$r = here("MERGE INTO merging m USING generate_series(1, 140) i ON m.person_id = i AND m.region = 'near' WHEN NOT MATCHED THEN INSERT VALUES (i, 'far', 'A')");
is($r->{sqlstate}, 'DS001', 'up to the threshold');

# ---- subjects ----

sink('keyless', subject => 'space=person', columns => 'person_id int, seq text, note text');
$r = here("INSERT INTO keyless VALUES (1, 'A'), (1, 'A')");
is(counted('keyless'), 2, 'without subject each row is one');
$r = here("INSERT INTO keyless VALUES (1, 'A')");
is(counted('keyless'), 3, 'a new one each time');
$r = here('INSERT INTO keyless SELECT person_id, seq FROM genome WHERE person_id <= 40');
is(counted('keyless'), 43, 'rows that the statement reads count by their people, once');
$r = here("INSERT INTO keyless SELECT g.person_id, g.seq, p.n FROM genome g JOIN (VALUES (1, 'x'), (2, 'y')) p (id, n) ON p.id = g.person_id ORDER BY p.n LIMIT 5");
is(counted('keyless'), 43, 'also when they are joined');
$r = here("INSERT INTO keyless SELECT person_id, seq FROM genome WHERE person_id = 1 UNION ALL VALUES (5, 'C'), (6, 'C')");
is(counted('keyless'), 46, 'but not rows that somebody adds to them');
$r = here("INSERT INTO keyless SELECT person_id, 'C' || left(seq, 0) FROM genome WHERE person_id = 1");
is(counted('keyless'), 47, 'or values that are made of others');

Dsec::recipient($here, 'Keyless reader');
$here->safe_psql('postgres', "CREATE ROLE keyless_reader LOGIN SUPERUSER; SELECT dsec.bind_role('keyless_reader', 'Keyless reader')");
$there->safe_psql('postgres', 'DELETE FROM keyless WHERE person_id > 3');
my $rows = received('keyless');
$r = here('SELECT seq FROM keyless', user => 'keyless_reader');
is($r->{sqlstate}, '', 'such a table can be read');
is(Dsec::counted($here, 'Keyless reader', 'human_genomic'), $rows, 'and each row counts');

sink('null_key');
$r = here("INSERT INTO null_key SELECT NULL, 'A' FROM generate_series(1, 3)");
is(counted('null_key'), 3, 'rows without key count one by one');
$r = here("UPDATE null_key SET seq = 'C'");
is(counted('null_key'), 6, 'again each time they are written');
$r = here('INSERT INTO null_key (seq) SELECT seq FROM genome WHERE person_id <= 10');
is($r->{sqlstate}, 'DS003', 'people of whom the key is left behind cannot be counted in a table that has one');

sink('scoped', columns => 'person_id int, seq text, is_us bool',
	subject => 'subject=person_id; space=person; in_scope=us_person:is_us');
$r = here("INSERT INTO scoped SELECT i, 'A', CASE WHEN i <= 5 THEN true WHEN i <= 8 THEN NULL ELSE false END FROM generate_series(1, 300) i");
is($r->{sqlstate}, '', 'people outside of the population do not count');
is(counted('scoped'), 8, 'those of whom it is not known do');

server('typed');
$there->safe_psql('postgres', 'CREATE TABLE typed (id int, seq text)');
$here->safe_psql('postgres', $_) foreach (
	'CREATE DOMAIN dna AS text',
	"SECURITY LABEL FOR dsec ON DOMAIN dna IS 'human_genomic'",
	'CREATE FOREIGN TABLE typed (id int, seq dna) SERVER typed');
$r = here("INSERT INTO typed SELECT i, 'A' FROM generate_series(1, 12) i");
is(counted('typed'), 12, 'a column is tagged by its type as well');

# ---- who is charged ----

sink('by_reader');
$r = here("INSERT INTO by_reader SELECT i, 'A' FROM generate_series(1, 20) i", user => 'reader');
is($r->{sqlstate}, '', 'a session that is bound writes');
is(counted('by_reader'), 20, 'the server receives');
is(Dsec::counted($here, 'Reader', 'human_genomic'), 0, 'the session does not');

server('nobody', unbound => 1);
sink('unassigned', server => 'nobody');
$r = here("INSERT INTO unassigned SELECT i, 'A' FROM generate_series(1, 120) i");
is($r->{sqlstate}, '', 'a server that is bound to nobody receives, when that is only logged');
is($here->safe_psql('postgres',
		"SELECT max(counted) FROM dsec.exposure e JOIN dsec.recipient r ON r.name = e.recipient WHERE r.status = 'unassigned' AND category = 'human_genomic'"),
	120, 'on account of the login role');
Dsec::setting($here, 'dsec.unassigned', 'block');
$r = here("INSERT INTO unassigned VALUES (121, 'A')");
is($r->{sqlstate}, 'DS001', 'or does not');
Dsec::setting($here, 'dsec.unassigned', 'log');

# ---- modes ----

sink('modes');
Dsec::setting($here, 'dsec.mode', 'permissive');
$r = here("INSERT INTO modes SELECT i, 'A' FROM generate_series(1, 120) i");
is($r->{sqlstate}, '', 'in permissive mode nothing is stopped');
is(counted('modes'), 120, 'and everybody is charged');
Dsec::setting($here, 'dsec.mode', 'off');
$r = here("INSERT INTO modes VALUES (121, 'A')");
is($r->{sqlstate}, '', 'when off, rows pass');
Dsec::setting($here, 'dsec.mode', 'enforcing');
is(counted('modes'), 120, 'and nobody is charged');
$r = here("INSERT INTO modes VALUES (122, 'A')");
is($r->{sqlstate}, 'DS001', 'back to work');

# a key that is gone
sink('broken');
$here->safe_psql('postgres', 'ALTER FOREIGN TABLE broken DROP COLUMN person_id');
$r = here("INSERT INTO broken VALUES ('A')");
is($r->{sqlstate}, 'DS003', 'a tag that cannot be relied on stops what is written');

# ---- transactions ----

sink('deferred');
$there->safe_psql('postgres', $_) foreach (
	q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''not today''; END'},
	'CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED '
	  . 'FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION refuse()');
$r = here("INSERT INTO deferred SELECT i, 'A', 'x' FROM generate_series(1, 10) i");
like($r->{err}, qr/not today/, 'the other server fails at commit');
is(received('deferred'), 0, 'it has nothing');
is(counted('deferred'), 10, 'the ledger keeps the charge');
$here->safe_psql('postgres', $_) foreach (
	'CREATE TABLE fails (i int)',
	q{CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''not here''; END'},
	'CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON fails DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()');
$r = here("BEGIN; INSERT INTO deferred SELECT i, 'A' FROM generate_series(11, 20) i; INSERT INTO fails VALUES (1); COMMIT");
like($r->{err}, qr/not here/, 'this server fails at commit');
is(received('deferred'), 0, 'the other has nothing');
is(counted('deferred'), 20, 'the ledger keeps the charge');
$r = here("BEGIN; SAVEPOINT s; INSERT INTO deferred SELECT i, 'A' FROM generate_series(21, 30) i; ROLLBACK TO s; INSERT INTO deferred VALUES (31, 'A'); COMMIT");
is($r->{sqlstate}, '', 'a savepoint is rolled back');
is(received('deferred'), 1, 'the other server has what came after');
is(counted('deferred'), 31, 'the ledger has all of it');
$r = here("BEGIN; INSERT INTO deferred SELECT i, 'A' FROM generate_series(32, 90) i; SAVEPOINT s; INSERT INTO deferred SELECT i, 'A' FROM generate_series(91, 150) i; ROLLBACK TO s; COMMIT",
	on_error_stop => 0);
is($r->{sqlstate}, 'DS001', 'a refusal inside of a savepoint');
is(received('deferred'), 60, 'the transaction commits what was sent before it');
is(counted('deferred'), 100, 'and the ledger has no less');

# ---- other wrappers ----

SKIP:
{
	skip 'file_fdw is not installed', 3
	  unless $here->safe_psql('postgres',
		"SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw'");
	$here->safe_psql('postgres', $_) foreach (
		'CREATE EXTENSION file_fdw',
		'CREATE SERVER files FOREIGN DATA WRAPPER file_fdw',
		"CREATE FOREIGN TABLE file_rows (person_id int, seq text) SERVER files OPTIONS (filename '$file')",
		"SECURITY LABEL FOR dsec ON FOREIGN TABLE file_rows IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN file_rows.seq IS 'human_genomic'");
	$r = here("INSERT INTO file_rows VALUES (1, 'A')");
	like($r->{err}, qr/cannot insert into foreign table "file_rows"/, 'what a wrapper cannot do it still cannot');
	$r = here("COPY file_rows FROM '$file'");
	like($r->{err}, qr/cannot insert into foreign table "file_rows"/, 'by no way');
	sink('from_file');
	$r = here('INSERT INTO from_file SELECT * FROM file_rows WHERE person_id <= 25');
	is(counted('from_file'), 25, 'from one wrapper to another');
}

done_testing();
