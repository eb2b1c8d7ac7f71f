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

done_testing();
