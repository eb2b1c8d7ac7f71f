
# What people do every day with tables that have tags: no error, and no tag that is
# absurd; where one is more than they would expect, it says so.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use Test::More;

my $node = Dsec::node('honest');
my $lab = Dsec::Genomes->new($node);
my ($c, $r);

$lab->officer('CREATE ROLE owner LOGIN IN ROLE reader');
$lab->table('genome', 20);
$lab->officer($_) foreach ('ALTER TABLE genome OWNER TO owner', 'CREATE SCHEMA w AUTHORIZATION owner');
$c = $lab->client('owner', settings => { search_path => 'w, public' });

# The steps work, and these columns of the schema are tagged.
sub honest
{
	my ($name, $expected, @steps) = @_;

	foreach (@steps)
	{
		$r = $c->query($_);
		is($r->{sqlstate}, '', "$name: " . substr $_, 0, 60) or diag("$r->{error} $r->{detail}");
	}
	$r = $lab->{officer}->query("SELECT c.relname || '.' || t.column_name || ' ' || t.category || ' ' || coalesce(t.subject::text, 'row') "
		  . "FROM dsec.tagged_columns t JOIN pg_class c ON c.oid = t.relation WHERE c.relname <> 'genome' ORDER BY 1");
	is(join(', ', map { $_->[0] } @{ $r->{rows} }), $expected, "$name: the tags");
	$lab->officer('DROP SCHEMA w CASCADE; CREATE SCHEMA w AUTHORIZATION owner');
	return;
}

honest(
	'a table rebuilt by a tool', 'fact.seq human_genomic {person_id}',
	'CREATE TABLE fact AS SELECT person_id, lab, seq FROM genome',
	(
		'BEGIN', 'CREATE TABLE fact_tmp AS SELECT person_id, lab, seq FROM genome',
		'ALTER TABLE fact RENAME TO fact_backup', 'ALTER TABLE fact_tmp RENAME TO fact', 'DROP TABLE fact_backup', 'COMMIT') x 3);
honest(
	'an audit trigger', '',
	'CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now(), who text DEFAULT current_user, op text, relation text)',
	"CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO w.audit (op, relation) VALUES (''U'', ''genome''); RETURN NULL; END'",
	'CREATE TRIGGER audit AFTER UPDATE ON genome FOR EACH ROW EXECUTE FUNCTION audit()', 'UPDATE genome SET lab = lab');
honest(
	'numbers of people', '',
	'CREATE TABLE numbers (lab int, n bigint, at timestamptz)', 'INSERT INTO numbers SELECT lab, count(*), now() FROM genome GROUP BY lab');
# More than expected: the number is an argument, but nobody can tell it from one that
# was read.  Flags, dates and constants are left alone.
honest(
	'a function that reads somebody and notes that it did', 'visit.person_id human_genomic row',
	'CREATE TABLE visit (person_id int, at timestamptz, what text, known bool)',
	"CREATE FUNCTION look(p int) RETURNS bool LANGUAGE plpgsql AS 'DECLARE s text; BEGIN SELECT seq INTO s FROM genome WHERE person_id = p; "
	  . "INSERT INTO w.visit VALUES (p, now(), ''looked'', s IS NOT NULL); RETURN true; END'",
	'SELECT look(7)');
honest(
	'a temporary table of a session', '',
	'CREATE TEMP TABLE state (k text PRIMARY KEY, v text)', "INSERT INTO state VALUES ('lab', '3')",
	'SELECT count(seq) FROM genome JOIN state ON lab = v::int', "UPDATE state SET v = '4' WHERE k = 'lab'", 'DROP TABLE state');
honest(
	'constants', '',
	'CREATE TABLE plain (i int, t text)', "INSERT INTO plain VALUES (1, 'one'), (2, 'two')", "UPDATE plain SET t = 'three' WHERE i = 1",
	"INSERT INTO plain SELECT i, 'x' || i FROM generate_series(1, 3) i");

$c->close;
$node->stop;
done_testing();
