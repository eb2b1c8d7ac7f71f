# Copies of tagged data: what the tag that followed is worth at the exit.

use strict;
use warnings;

use Dsec;
use Test::More;

my $node = Dsec::node('copies');
my $r;

sub tag_of
{
	return $node->safe_psql('postgres',
		"SELECT tag FROM dsec.tagged_columns WHERE relation = '$_[0]'::regclass AND column_name = '$_[1]'");
}

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE genome (person_id int PRIMARY KEY, seq text)',
	"INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 200) i",
	"SECURITY LABEL FOR dsec ON TABLE genome IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN genome.seq IS 'human_genomic'",
	'CREATE TABLE health (person_id int PRIMARY KEY, diagnosis text)',
	"INSERT INTO health SELECT i, 'x' FROM generate_series(1, 30) i",
	"SECURITY LABEL FOR dsec ON TABLE health IS 'subject=person_id; space=person'",
	"SECURITY LABEL FOR dsec ON COLUMN health.diagnosis IS 'personal_health'",
	'CREATE ROLE reader LOGIN', 'GRANT pg_read_all_data TO reader');
Dsec::recipient($node, 'Reader', roles => ['reader']);

# ---- what a copy is worth at the exit ----------------------------------------

$node->safe_psql('postgres', 'CREATE TABLE keyed AS SELECT * FROM genome WHERE person_id <= 50');
$r = Dsec::run($node, 'SELECT seq FROM keyed', user => 'reader');
is($r->{sqlstate}, '', 'a copy with the key can be read');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 50, 'its people are counted');
$r = Dsec::run($node, 'SELECT seq FROM genome WHERE person_id <= 50', user => 'reader');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 50, 'and are those of the original');

$node->safe_psql('postgres', 'CREATE TABLE keyless AS SELECT seq FROM genome WHERE person_id <= 20');
$r = Dsec::run($node, 'SELECT seq FROM keyless', user => 'reader');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 70, 'a copy without it charges every row');
$node->safe_psql('postgres', 'CREATE TABLE two AS SELECT a.seq AS a, b.seq AS b FROM genome a JOIN genome b ON b.person_id = a.person_id + 1 LIMIT 5');
$r = Dsec::run($node, 'SELECT a, b FROM two', user => 'reader');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 80, 'and two people in two columns of a row are two');

$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT string_agg(seq, $$,$$) AS all FROM genome');
$r = Dsec::run($node, 'SELECT "all" FROM many', user => 'reader');
is($r->{sqlstate}, 'DS003', 'what several people share is not exported');
like($r->{err}, qr/dsec\.untag/, 'and the hint says what to do');
$node->safe_psql('postgres', "SELECT dsec.untag('many', 'all')");
$r = Dsec::run($node, 'SELECT "all" FROM many', user => 'reader');
is($r->{sqlstate}, '', 'an officer can release it');

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE mixed AS SELECT * FROM genome WHERE person_id <= 10',
	'INSERT INTO mixed SELECT * FROM health');
$r = Dsec::run($node, 'SELECT seq FROM mixed', user => 'reader');
is(Dsec::counted($node, 'Reader', 'personal_health'), 30, 'also= is counted as well');

# ---- declassified -------------------------------------------------------------

$node->safe_psql('postgres', $_) foreach (
	'CREATE FUNCTION kind(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $q$some$q$; END $$',
	"SECURITY LABEL FOR dsec ON FUNCTION kind(text) IS 'declassify; reason=test'");
$r = Dsec::run($node, 'SELECT kind(seq) FROM genome', user => 'reader');
is($r->{sqlstate}, '', 'the results of a declassifying function can be read');
is(Dsec::counted($node, 'Reader', 'human_genomic'), 80, 'and count nobody');
$r = Dsec::run($node, 'SELECT kind(seq), seq FROM genome', user => 'reader');
is($r->{sqlstate}, 'DS001', 'what stands beside it does count');

# ---- variables -----------------------------------------------------------------

$node->safe_psql('postgres', $_) foreach (
	'CREATE TABLE loot (s text, b boolean)',
	'DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM genome LOOP INSERT INTO loot VALUES (r.seq, r.person_id > 0); END LOOP; END $$');
is(tag_of('loot', 's'), 'human_genomic; subjects=many', 'what came through a variable is of many');
is(tag_of('loot', 'b'), '', 'a flag is left alone');

# ---- a transaction that only reads ----------------------------------------------

is($node->safe_psql('postgres', 'CREATE TEMP TABLE own (person_id int, seq text); BEGIN READ ONLY;
	INSERT INTO own SELECT * FROM genome LIMIT 1; COMMIT;
	SELECT tag FROM dsec.tagged_columns WHERE relation = $$own$$::regclass'),
	'human_genomic; subject=person_id; space=person', 'may write to temporary tables, and the tag follows');
isnt($node->psql('postgres', 'CREATE TEMP TABLE own (person_id int, seq text); BEGIN READ ONLY;
	INSERT INTO own SELECT * FROM genome LIMIT 1; CREATE TABLE no ()'), 0, 'and to no others');

# ---- foreign tables ------------------------------------------------------------

SKIP:
{
	skip 'postgres_fdw is not installed', 1
	  unless $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");
	my $here = sprintf "host '%s', port '%s', dbname 'postgres'", $node->host, $node->port;

	$node->safe_psql('postgres', $_) foreach (
		'CREATE EXTENSION postgres_fdw',
		"CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS ($here)",
		"CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (user '" . $node->safe_psql('postgres', 'SELECT current_user') . "', password_required 'false')",
		'CREATE SCHEMA store',
		'CREATE TABLE store.with_key (id int, v text)',
		'CREATE TABLE store.no_key (v text)',
		"CREATE FOREIGN TABLE with_key (id int, v text) SERVER away OPTIONS (schema_name 'store')",
		"CREATE FOREIGN TABLE no_key (v text) SERVER away OPTIONS (schema_name 'store')");
	Dsec::recipient($node, 'Away');
	Dsec::recipient($node, 'Borrower', roles => ['borrower'])
	  if $node->safe_psql('postgres', 'CREATE ROLE borrower LOGIN; GRANT pg_read_all_data TO borrower; SELECT 1');
	$node->safe_psql('postgres', "SELECT dsec.bind_server('postgres', 'away', 'Away')");

	$node->safe_psql('postgres', 'INSERT INTO with_key SELECT * FROM genome WHERE person_id <= 7');
	is(tag_of('with_key', 'v'), 'human_genomic; subject=id; space=person', 'a foreign table gets the tag');
	is(Dsec::counted($node, 'Away', 'human_genomic'), 7, 'and its server is charged');
	$node->safe_psql('postgres', 'INSERT INTO with_key SELECT * FROM genome WHERE person_id <= 7');
	is(Dsec::counted($node, 'Away', 'human_genomic'), 7, 'for each person once');
	$r = Dsec::run($node, 'SELECT v FROM with_key', user => 'borrower');
	is($r->{sqlstate}, '', 'what is read back from it can be read');
	is(Dsec::counted($node, 'Borrower', 'human_genomic'), 7, 'and counts its people');
	$r = Dsec::run($node, 'SELECT seq FROM genome WHERE person_id <= 7', user => 'borrower');
	is(Dsec::counted($node, 'Borrower', 'human_genomic'), 7, 'who are those of the original');

	$r = Dsec::run($node, 'INSERT INTO no_key SELECT seq FROM genome WHERE person_id <= 5');
	like($r->{err}, qr/counts as a subject of its own/, 'without the key there is a warning');
	is(tag_of('no_key', 'v'), 'human_genomic; subjects=row', 'and each row is a subject');
	$r = Dsec::run($node, 'SELECT v FROM no_key', user => 'borrower');
	is(Dsec::counted($node, 'Borrower', 'human_genomic'), 12, 'also when it is read back');
}

# ---- settings -------------------------------------------------------------------

sub copy_all
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE TABLE ${name}_old (id int, v text)");
	return (
		Dsec::run($node, "CREATE TABLE ${name}_new AS SELECT seq AS v FROM genome"),
		Dsec::run($node, "INSERT INTO ${name}_old SELECT * FROM genome"),
		Dsec::run($node, "CREATE MATERIALIZED VIEW ${name}_view AS SELECT seq AS v FROM genome"));
}

sub tags
{
	my ($name) = @_;

	return join ',', map { tag_of($_, 'v') } "${name}_new", "${name}_old", "${name}_view";
}

sub states
{
	return join ',', map { $_->{sqlstate} } @_;
}

my @all;

Dsec::setting($node, 'dsec.copies', 'refuse');
@all = copy_all('refused');
is(states(@all), 'DS003,DS003,DS003', 'refuse: no copies');
like($_->{err}, qr/dsec\.copies is "refuse"/, 'refuse: and it says why') foreach @all;
is($node->safe_psql('postgres', 'SELECT count(*) FROM refused_old'), 0, 'refuse: nothing was written');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname IN ('refused_new', 'refused_view')"), 0, 'refuse: nothing was made');
$r = Dsec::run($node, 'INSERT INTO keyed SELECT * FROM genome WHERE person_id > 190');
is($r->{sqlstate}, '', 'refuse: to columns with the same tag');

Dsec::setting($node, 'dsec.copies', 'log');
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM dsec.event');
@all = copy_all('logged');
is(states(@all), ',,', 'log: copies are made');
is(tags('logged'), ',,', 'log: without tags');
is($node->safe_psql('postgres', "SELECT count(*) FROM dsec.tag_history WHERE action = 'not tagged' AND object ~ '^public.logged_'"),
	3, 'log: the history tells');
ok($node->poll_query_until('postgres',
		"SELECT count(*) >= $before + 3 FROM dsec.event"), 'log: and so do events');

Dsec::setting($node, 'dsec.mode', 'permissive');
Dsec::setting($node, 'dsec.copies', 'refuse');
@all = copy_all('permitted');
is(states(@all), ',,', 'permissive: nothing is refused');
is(tags('permitted'), 'human_genomic; subjects=row,human_genomic; subject=id; space=person,human_genomic; subjects=row', 'permissive: the tag follows instead');

Dsec::setting($node, 'dsec.mode', 'off');
Dsec::setting($node, 'dsec.copies', 'propagate');
@all = copy_all('off');
is(states(@all), ',,', 'off: copies are made');
is(tags('off'), ',,', 'off: without tags');
is($node->safe_psql('postgres', "SELECT count(*) FROM dsec.tag_history WHERE object ~ '^public.off_'"), 0, 'off: without a word');

Dsec::setting($node, 'dsec.mode', 'enforcing');
@all = copy_all('back');
is(tags('back'), 'human_genomic; subjects=row,human_genomic; subject=id; space=person,human_genomic; subjects=row', 'and back: the tag follows');

done_testing();
