# Foreign tables, as a source and as a target, and transition tables: places
# that a plan reads without a heap scan.

use strict;
use warnings;

use Dsec;
use Test::More;

my $node = Dsec::node('here');
my $r;

plan skip_all => 'postgres_fdw is not installed'
  unless $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");

my $there = Dsec::node('there', conf => "dsec.mode = off\n");
$there->safe_psql('postgres', q{
	CREATE TABLE taken (person_id int, seq text);
	CREATE TABLE source (person_id int, seq text);
	INSERT INTO source SELECT i, 'ACGT' FROM generate_series(1, 200) i;
});

$node->safe_psql('postgres', $_) foreach (
	'CREATE EXTENSION postgres_fdw',
	'CREATE TABLE genome (person_id int PRIMARY KEY, seq text)',
	"INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic'",
	sprintf("CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres')",
		$there->host, $there->port),
	"CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (password_required 'false')",
	'CREATE FOREIGN TABLE taken (person_id int, seq text) SERVER away',
	'CREATE FOREIGN TABLE source (person_id int, seq text) SERVER away',
	"SECURITY LABEL FOR dsec ON FOREIGN TABLE source IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN source.seq IS 'human_genomic'",
	'CREATE ROLE reader LOGIN SUPERUSER',
	"SELECT dsec.add_recipient('Away', 'CN', 'covered')",
	"SELECT dsec.bind_server('postgres', 'away', 'Away')");
Dsec::recipient($node, 'Reader', roles => ['reader']);

# written by a session that is bound to nobody: the server is
$r = Dsec::run($node, 'INSERT INTO taken SELECT * FROM genome WHERE person_id <= 60');
is($r->{sqlstate}, '', 'people below the threshold may go to the server');
is(Dsec::counted($node, 'Away', 'human_genomic'), 60, 'they are charged to the server\'s recipient');
$r = Dsec::run($node, 'INSERT INTO taken SELECT * FROM genome');
is($r->{sqlstate}, 'DS001', 'a copy of everybody is stopped');
is($there->safe_psql('postgres', 'SELECT count(DISTINCT person_id) FROM taken'), 60,
	'the other server has nothing of what was rolled back');
is(Dsec::counted($node, 'Away', 'human_genomic'), 100, 'the ledger keeps the charge');
$r = Dsec::run($node, 'UPDATE taken SET seq = g.seq FROM genome g WHERE g.person_id = 150');
is($r->{sqlstate}, 'DS001', 'an UPDATE from a tagged table is an export as well');
$r = Dsec::run($node, "EXPLAIN INSERT INTO taken SELECT * FROM genome WHERE person_id = 1");
like($r->{out}, qr/Recipients: Away/, 'EXPLAIN names the recipient');
$r = Dsec::run($node, "INSERT INTO taken VALUES (1, 'x')");
is($r->{sqlstate}, '', 'what is not read from a tagged table goes through');

# read through the server by a session that is bound
$r = Dsec::run($node, 'SELECT count(*) FROM source', user => 'reader');
is($r->{out}, 200, 'count(*) of a tagged foreign table is free');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 0, 'and charges nobody');
$r = Dsec::run($node, "SELECT seq FROM source WHERE seq LIKE 'A%' AND person_id <= 30", user => 'reader');
is($r->{sqlstate}, '', 'a tagged foreign table can be read');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 30, 'for those who are read');
$r = Dsec::run($node, 'SELECT count(DISTINCT seq) FROM source', user => 'reader');
is($r->{sqlstate}, 'DS001', 'an aggregate is not sent away to escape the count');

# a key that is NULL over there
$there->safe_psql('postgres', "TRUNCATE source; INSERT INTO source SELECT NULL, 'T' FROM generate_series(1, 3)");
$node->safe_psql('postgres', "SELECT dsec.add_recipient('Second', 'CN', 'covered'), dsec.unbind_role('reader', 'Reader')");
$node->safe_psql('postgres', "SELECT dsec.bind_role('reader', 'Second')");
$r = Dsec::run($node, 'SELECT seq FROM source', user => 'reader');
is(Dsec::counted($node, 'Second', 'human_genomic'), 3, 'rows without key count one by one');

# transition tables
$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE copied (seq text)',
	'CREATE FUNCTION copy_new() RETURNS trigger LANGUAGE plpgsql AS '
	  . "'BEGIN INSERT INTO copied SELECT seq FROM new_rows; RETURN NULL; END'",
	'CREATE TRIGGER copy_new AFTER INSERT ON genome REFERENCING NEW TABLE AS new_rows '
	  . 'FOR EACH STATEMENT EXECUTE FUNCTION copy_new()');
$r = Dsec::run($node, "INSERT INTO genome SELECT i, 'T' FROM generate_series(1001, 1010) i", user => 'reader');
is($r->{sqlstate}, '', 'a trigger may read its transition table');
is(Dsec::counted($node, 'Second', 'human_genomic'), 13, 'and what it reads is charged');

done_testing();
