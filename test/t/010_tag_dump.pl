# Labels and marks go through pg_dump and pg_restore, and SECURITY LABEL works
# in a server that does not preload dsec.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('tags');

# what enforcement sees, without OIDs, which differ between databases
my $seen = q{
	SELECT relation, column_name, tag, category, class, source, subject,
		regexp_replace(space, '^pk:.*', 'pk:'), in_scope, problem
	FROM dsec.tagged_columns ORDER BY relation::text COLLATE "C", column_name COLLATE "C"};
my $labels = q{
	SELECT objtype, objname, provider, label FROM pg_seclabels
	WHERE provider LIKE 'dsec%' ORDER BY objtype, objname COLLATE "C", provider, label};

sub restore
{
	my ($from, $to, %args) = @_;
	my $file = $node->backup_dir . "/$to.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $to");
	# rules and records belong to the ledger database and are tested elsewhere
	$node->command_ok(['pg_dump', '-Fc', '--exclude-table-data=dsec.*', '-f', $file, '-d', $node->connstr($from)],
		"dump for $to");
	$node->command_ok(['pg_restore', '--exit-on-error', @{ $args{options} // [] },
			'-d', $node->connstr($to), $file], "restore $to");
}

$node->safe_psql('postgres', 'CREATE DATABASE src');
$node->safe_psql('src', <<'SQL');
SET client_min_messages = error;
CREATE EXTENSION dsec;
CREATE SCHEMA clinic;
SET search_path = clinic;
-- dropped columns: attribute numbers change in the copy
CREATE TABLE patient (gone1 int, "Patient Id" int PRIMARY KEY, gone2 int, is_us boolean,
	diagnosis text, ssn dsec.us_ssn, pos point, device uuid);
ALTER TABLE patient DROP COLUMN gone1, DROP COLUMN gone2;
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject="Patient Id"; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';
SECURITY LABEL FOR dsec ON COLUMN patient."Patient Id" IS 'listed_identifier; class=account_auth';
SECURITY LABEL FOR dsec ON COLUMN patient.pos IS 'precise_geolocation; subject=device; space=device';
ALTER TABLE patient RENAME COLUMN "Patient Id" TO pid;
CREATE DOMAIN icd10 AS text;
SECURITY LABEL FOR dsec ON DOMAIN icd10 IS 'personal_health';
CREATE TABLE visit (at date, code icd10, id int) PARTITION BY RANGE (at);
CREATE TABLE visit1 (id int, code icd10, at date);
ALTER TABLE visit ATTACH PARTITION visit1 FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
SECURITY LABEL FOR dsec ON TABLE visit IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN visit1.id IS 'listed_identifier; class=contact';
CREATE TABLE plain (id int PRIMARY KEY, data text);
SECURITY LABEL FOR dsec ON COLUMN plain.data IS 'my_own_category';
CREATE FUNCTION yearly(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
SECURITY LABEL FOR dsec ON FUNCTION yearly(int) IS 'declassify; reason="published; yearly"';
CREATE VIEW v AS SELECT pid, diagnosis FROM patient;
SECURITY LABEL FOR dsec ON VIEW v IS 'subject=pid; space=person';
SECURITY LABEL FOR dsec ON COLUMN v.diagnosis IS 'personal_health';
SQL

my $seen_before = $node->safe_psql('src', $seen);
my $labels_before = $node->safe_psql('src', $labels);
like($seen_before, qr/^clinic\.patient\|diagnosis\|personal_health; subject=pid; space=person/m,
	'the source is tagged');

# ----- pg_dump and pg_restore ------------------------------------------------

restore('src', 'copy');
is($node->safe_psql('copy', $seen), $seen_before, 'the copy is tagged as the source');
is($node->safe_psql('copy', $labels), $labels_before, 'the copy has the labels and marks of the source');

restore('src', 'parallel', options => ['-j', '2']);
is($node->safe_psql('parallel', $seen), $seen_before, 'so has a copy restored in parallel');

$node->safe_psql('copy', 'ALTER TABLE clinic.patient DROP COLUMN pid CASCADE');
is($node->safe_psql('copy',
		q{SELECT problem FROM dsec.tagged_columns WHERE relation = 'clinic.patient'::regclass AND column_name = 'diagnosis'}),
	'Column "pid", which the label of relation "patient" names, is gone.',
	'a key dropped from the copy is missed');

# an owner who is no officer restores what he owns
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE own_src OWNER owner; CREATE DATABASE own_copy OWNER owner');
$node->safe_psql($_, 'CREATE EXTENSION dsec; CREATE SCHEMA s AUTHORIZATION owner') foreach ('own_src', 'own_copy');
$node->safe_psql('own_src', <<'SQL', extra_params => ['-U', 'owner']);
SET client_min_messages = error;
CREATE TABLE s.t (device int, pos text, id int, data text, is_us boolean);
SECURITY LABEL FOR dsec ON COLUMN s.t.pos IS 'precise_geolocation; subject=device; space=device';
ALTER TABLE s.t RENAME COLUMN device TO gadget;
CREATE TABLE s.u (id int, is_us boolean, data text);
SECURITY LABEL FOR dsec ON TABLE s.u IS 'subject=id; space=person; in_scope=us_person:is_us';
SECURITY LABEL FOR dsec ON COLUMN s.u.data IS 'personal_health';
SQL
my $file = $node->backup_dir . '/own.sql';
$node->command_ok(['pg_dump', '-n', 's', '-U', 'owner', '-f', $file, '-d', $node->connstr('own_src')], 'dump by an owner');
$node->safe_psql('own_copy', 'DROP SCHEMA s; GRANT CREATE ON DATABASE own_copy TO owner');
$node->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'owner', '-f', $file, '-d', $node->connstr('own_copy')],
	'restore by an owner who is no officer');
is($node->safe_psql('own_copy', $seen), $node->safe_psql('own_src', $seen), 'with the same tags');

# ----- without preloading ----------------------------------------------------

my $bare = Dsec::node('bare', preload => '', extension => 0);
$bare->safe_psql('postgres', 'CREATE EXTENSION dsec; CREATE TABLE t (id int PRIMARY KEY, data text)');
is($bare->safe_psql('postgres', q{SELECT typname FROM pg_type t WHERE typnamespace = 'dsec'::regnamespace AND typtype = 'd'
	AND NOT EXISTS (SELECT FROM pg_seclabel WHERE classoid = 'pg_type'::regclass AND objoid = t.oid AND provider = 'dsec')}),
	'corporate_number', 'CREATE EXTENSION labels its domains, but for the one that names no person');
$bare->safe_psql('postgres', q{SELECT dsec.tag('t', 'data', 'personal_health')});
is($bare->safe_psql('postgres', q{SELECT relation, column_name, tag, subject FROM dsec.tagged_columns}),
	't|data|personal_health|{id}', 'dsec.tag() and dsec.tagged_columns work');
my $r = Dsec::run($bare, q{SECURITY LABEL FOR dsec ON COLUMN t.data IS NULL});
is($r->{sqlstate}, '22023', 'SECURITY LABEL is refused where nothing has loaded the provider');

done_testing();
