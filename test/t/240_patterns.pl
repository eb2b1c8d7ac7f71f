# Tables that are rebuilt: rules of dsec.tag_pattern before anybody else can see
# the table, what is recorded, and dumps of databases that have rules.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('patterns');
my $r;

sub tags
{
	my ($db, $where) = @_;

	return $node->safe_psql($db, "SELECT relation, column_name, tag, problem FROM dsec.tagged_columns
		WHERE $where ORDER BY relation::text COLLATE \"C\", column_name COLLATE \"C\"");
}

sub records
{
	my ($like) = @_;

	$node->safe_psql('postgres', 'SELECT dsec.flush_events()');
	return $node->safe_psql('postgres', "SELECT relations[1] || ': ' || detail FROM dsec.event
		WHERE kind = 'change' AND detail LIKE '$like' ORDER BY id");
}

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA mart;
CREATE ROLE builder LOGIN;
GRANT CREATE, USAGE ON SCHEMA mart TO builder;
CREATE TABLE raw (patient_id int, genome text);
GRANT SELECT ON raw TO builder;
INSERT INTO raw SELECT i, 'ACGT' FROM generate_series(1, 150) i;
INSERT INTO dsec.tag_pattern (schema_pattern, table_pattern, column_pattern, tag, note) VALUES
	('mart', 'sample', 'genome', 'human_genomic; subject=patient_id; space=person', 'for dbt'),
	('mart', 'wrong%', 'genome', 'human_genomic; subject=nobody; space=person', NULL);
SQL
Dsec::recipient($node, 'Lab', roles => ['lab']) if $node->safe_psql('postgres', 'CREATE ROLE lab LOGIN') eq '';
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA mart TO lab; GRANT SELECT ON ALL TABLES IN SCHEMA mart TO lab;
	ALTER DEFAULT PRIVILEGES FOR ROLE builder IN SCHEMA mart GRANT SELECT ON TABLES TO lab');

# ----- a model is built, and built again, as dbt does ------------------------

my $tag = 'mart.sample|genome|human_genomic; subject=patient_id; space=person|';
foreach my $round (1, 2)
{
	$node->safe_psql('postgres', <<"SQL", extra_params => [ '-U', 'builder' ]);
BEGIN;
CREATE TABLE mart.sample__dbt_tmp AS SELECT * FROM raw;
${\($round == 2 ? 'ALTER TABLE mart.sample RENAME TO sample__dbt_backup;' : '')}
ALTER TABLE mart.sample__dbt_tmp RENAME TO sample;
COMMIT;
DROP TABLE IF EXISTS mart.sample__dbt_backup CASCADE;
SQL
	is(tags('postgres', "relation = 'mart.sample'::regclass"), $tag, "built, round $round");
}
$r = Dsec::run($node, 'COPY mart.sample TO STDOUT', user => 'lab');
is($r->{sqlstate}, 'DS001', 'the rebuilt table counts');
is(() = $r->{out} =~ /ACGT/g, 100, 'and stops at the threshold');
like(records('Tagged column dropped%'), qr/sample__dbt_backup\.genome: .*human_genomic; subject=patient_id/,
	'the dropped table is on record');

# ----- another session sees it tagged, or not at all ------------------------

is($node->safe_psql('postgres', q{
	BEGIN;
	DROP TABLE mart.sample;
	CREATE TABLE mart.sample (patient_id int, genome text);
	INSERT INTO mart.sample SELECT i, 'ACGT' FROM generate_series(1000, 1200) i;
	SELECT tag FROM dsec.tagged_columns WHERE relation = 'mart.sample'::regclass;
	GRANT SELECT ON mart.sample TO lab;
	COMMIT}), 'human_genomic; subject=patient_id; space=person', 'tagged in its own transaction');
$r = Dsec::run($node, 'SELECT count(genome), min(genome) FROM mart.sample', user => 'lab');
is($r->{sqlstate}, 'DS001', 'and after it');

# ----- other ends of a transaction ------------------------------------------

$node->safe_psql('postgres', "BEGIN; CREATE TABLE mart.wrong0 (genome text); ROLLBACK");
$node->safe_psql('postgres', "BEGIN; ALTER TABLE mart.sample RENAME TO sample_old; CREATE TABLE mart.sample (patient_id int, genome text);
	PREPARE TRANSACTION 'swap'");
$node->safe_psql('postgres', "COMMIT PREPARED 'swap'");
is(tags('postgres', "relation = 'mart.sample'::regclass"), $tag, 'prepared');
$node->safe_psql('postgres', q{CREATE PROCEDURE mart.rebuild() LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE mart.sample;
	COMMIT;
	CREATE TABLE mart.sample (patient_id int, genome text);
	COMMIT;
	ALTER TABLE mart.sample DROP COLUMN genome;
	ROLLBACK;
	ALTER TABLE mart.sample DROP COLUMN genome;
	ALTER TABLE mart.sample ADD COLUMN genome bytea;
END $$});
$node->safe_psql('postgres', 'CALL mart.rebuild()');
is(tags('postgres', "relation = 'mart.sample'::regclass"), $tag, 'in a procedure that commits');
$node->safe_psql('postgres', "SET check_function_bodies = off; CREATE SCHEMA mart2; ALTER TABLE mart.sample SET SCHEMA mart2;
	ALTER TABLE mart2.sample DROP COLUMN genome; ALTER TABLE mart2.sample ADD genome text; ALTER SCHEMA mart RENAME TO mart_old;
	ALTER SCHEMA mart2 RENAME TO mart; GRANT USAGE, CREATE ON SCHEMA mart TO builder");
is(tags('postgres', "relation = 'mart.sample'::regclass"), $tag, 'and when a schema gets the name');

# ----- a statement that runs others, which are rolled back -------------------

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION mart.fails() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		BEGIN
			CREATE TEMP TABLE t (i int);
		EXCEPTION WHEN division_by_zero THEN
		END;
		RAISE EXCEPTION 'no';
	EXCEPTION WHEN raise_exception THEN
	END;
	RETURN 1;
END $$;
DROP TABLE mart.sample;
CREATE TABLE mart.sample AS SELECT mart.fails() AS patient_id, 'ACGT'::text AS genome;
SQL
is(tags('postgres', "relation = 'mart.sample'::regclass"), $tag, 'what is rolled back takes no tag along');

# ----- a rule that does not fit ---------------------------------------------

$r = Dsec::run($node, "CREATE TABLE mart.wrong (id int, genome text); INSERT INTO mart.wrong VALUES (1, 'ACGT')", user => 'builder');
is($r->{status}, 0, 'does not stop the statement');
like($r->{err}, qr/WARNING:.*exports of column "genome" of relation "wrong" will be refused/, 'warns');
is(records('Rule % could not be applied%'),
	'mart.wrong.genome: Rule 2 of dsec.tag_pattern could not be applied. Column "nobody", which the label of relation "wrong" names, is gone.',
	'and is on record, but not what was rolled back');
$r = Dsec::run($node, 'COPY mart.wrong TO STDOUT', user => 'builder');
is($r->{sqlstate}, 'DS003', 'exports fail closed');
is($r->{out}, '', 'and send nothing');

# ----- dump and restore ------------------------------------------------------

sub dump_of
{
	my ($db, @options) = @_;
	my $file = $node->backup_dir . "/$db.dump";

	$node->command_ok([ 'pg_dump', '-Fc', @options, '-f', $file, '-d', $node->connstr($db) ], "dump $db");
	return $file;
}

my $labels = q{SELECT objname, provider, label FROM pg_seclabels
	WHERE provider LIKE 'dsec%' AND classoid = 'pg_class'::regclass ORDER BY objname COLLATE "C", provider, label};
my $rules = 'SELECT * FROM dsec.tag_pattern ORDER BY id';

$node->safe_psql('postgres', 'CREATE DATABASE src');
$node->safe_psql('src', <<'SQL');
SET client_min_messages = error;
CREATE EXTENSION dsec;
CREATE SCHEMA mart AUTHORIZATION builder;
SET ROLE builder;
-- before there are rules: by hand, and otherwise than a rule says
CREATE TABLE mart.by_hand (patient_id int, other_id int, genome text);
SECURITY LABEL FOR dsec ON COLUMN mart.by_hand.genome IS 'human_genomic; subject=other_id; space=person';
RESET ROLE;
INSERT INTO dsec.tag_pattern (schema_pattern, table_pattern, column_pattern, tag, priority) VALUES
	('mart', '%', 'genome', 'human_genomic; subject=patient_id; space=person', 3),
	('mart', '%', 'mail', 'listed_identifier; class=contact', 0);
INSERT INTO dsec.tag_pattern (schema_pattern, tag) VALUES ('mart', 'subject=patient_id; space=person');
SET ROLE builder;
CREATE TABLE mart.by_rule (patient_id int, genome text, mail text);
CREATE TABLE mart.part (patient_id int, genome text) PARTITION BY RANGE (patient_id);
CREATE TABLE mart.part1 PARTITION OF mart.part FOR VALUES FROM (1) TO (100);
CREATE TABLE mart.was_part PARTITION OF mart.part FOR VALUES FROM (100) TO (200);
ALTER TABLE mart.part DETACH PARTITION mart.was_part;
SQL
my $seen = tags('src', 'true');
my $labels_before = $node->safe_psql('src', $labels);
my $rules_before = $node->safe_psql('src', $rules);
like($seen, qr/^mart\.by_rule\|mail\|listed_identifier; class=contact; subject=patient_id; space=person\|$/m, 'the source is tagged');

my $file = dump_of('src', '--exclude-table-data=dsec.[^t]*');
foreach my $jobs (1, 2)
{
	$node->safe_psql('postgres', "CREATE DATABASE copy$jobs");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', $jobs, '-d', $node->connstr("copy$jobs"), $file ],
		"restore with $jobs job(s)");
	is(tags("copy$jobs", 'true'), $seen, 'with the same tags');
	is($node->safe_psql("copy$jobs", $labels), $labels_before, 'with the same labels');
	is($node->safe_psql("copy$jobs", $rules), $rules_before, 'with the same rules');
}
$node->safe_psql('copy1', q{INSERT INTO dsec.tag_pattern (column_pattern, tag) VALUES ('x', 'personal_health')});
is($node->safe_psql('copy1', 'SELECT count(*) FROM dsec.tag_pattern'), 4, 'new rules get new numbers');

# into a database that has the rules already: a rule tags first, and the labels
# of the dump then say the same, or need an officer
$node->safe_psql('copy2', 'DROP SCHEMA mart CASCADE; GRANT CREATE ON DATABASE copy2 TO builder');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-n', 'mart', '-d', $node->connstr('copy2'), $file ],
	'restore a schema')
  if $node->safe_psql('copy2', 'CREATE SCHEMA mart AUTHORIZATION builder') eq '';
is(tags('copy2', 'true'), $seen, 'an officer restores into a database with rules');
$node->safe_psql('copy2', 'DROP TABLE mart.by_hand, mart.by_rule, mart.part, mart.was_part');
sub script_of
{
	my ($table) = @_;
	my $script = $node->backup_dir . "/$table.sql";

	$node->command_ok([ 'pg_dump', '-t', "mart.$table", '-f', $script, '-d', $node->connstr('src') ], "dump $table");
	return ('-f', $script, '-d', $node->connstr('copy2'));
}

$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'builder', script_of($_) ],
	'an owner restores what was tagged by these rules') foreach ('by_rule', 'part');
is(tags('copy2', "relation = 'mart.by_rule'::regclass"), tags('src', "relation = 'mart.by_rule'::regclass"), 'with the same tags');
$node->command_checks_all([ 'psql', '-X', '-q', '-U', 'builder', script_of('by_hand') ], 0, [qr//],
	[qr/ERROR:  only an officer may change the tag of a column already tagged/], 'what a rule tags otherwise');
is(tags('copy2', "relation = 'mart.by_hand'::regclass"),
	'mart.by_hand|genome|human_genomic; subject=patient_id; space=person|', 'keeps the tag of the rule');

done_testing();
