
# Tables that nobody made for dsec: the OMOP tables in DSEC_OMOP_DIR, CSV files
# with a header, are loaded, tagged and exported against a rule of 10 people.

use strict;
use warnings;

use Dsec;
use Test::More;

my $dir = $ENV{DSEC_OMOP_DIR};

plan skip_all => 'DSEC_OMOP_DIR names no directory with OMOP tables'
  unless $dir && -d $dir;

# table => columns that hold health data; the rest is left alone
my %health = (
	condition_era => ['condition_concept_id'],
	condition_occurrence => [ 'condition_concept_id', 'condition_source_value', 'stop_reason' ],
	death => ['cause_concept_id'],
	drug_exposure => [ 'drug_concept_id', 'drug_source_value' ],
	measurement => [ 'measurement_concept_id', 'value_as_number', 'value_source_value' ],
	observation => [ 'observation_concept_id', 'value_as_string' ],
	procedure_occurrence => ['procedure_concept_id']);
my $limit = 10;

my $node = Dsec::node('omop');
$node->safe_psql('postgres', 'CREATE DATABASE omop');
$node->safe_psql('omop', 'CREATE EXTENSION dsec; CREATE SCHEMA cdm');

# Types by the names that the Common Data Model gives its columns.
sub type_of
{
	my ($column) = @_;

	return 'text' if $column =~ /^(domain|vocabulary|concept_class)_id$/;
	return 'bigint' if $column =~ /_id$/;
	return 'timestamp' if $column =~ /_datetime$/;
	return 'date' if $column =~ /_date$/;
	return 'numeric' if $column eq 'value_as_number';
	return 'text';
}

# Is the table about people?
sub load
{
	my ($table) = @_;
	my $file = "$dir/$table.csv";
	my @columns;

	open my $in, '<', $file or die "$file: $!";
	@columns = split /,/, lc(<$in> =~ s/[\r\n"]//gr);
	close $in;
	$node->safe_psql('omop',
		"CREATE TABLE cdm.$table (" . join(', ', map { "$_ " . type_of($_) } @columns) . ");\n"
		  . "\\copy cdm.$table FROM '$file' CSV HEADER\n");
	return scalar grep { $_ eq 'person_id' } @columns;
}

# How many people are in rows that psql or COPY has sent?  Column 0 is the first.
sub people
{
	my ($text, $column) = @_;
	my %seen = map { (split /[|\t]/)[ $column // 0 ] => 1 } split /\n/, $text;

	return scalar keys %seen;
}

sub lab
{
	return Dsec::run($node, $_[0], dbname => 'omop', user => 'lab');
}

sub counted
{
	return Dsec::counted($node, 'Lab', 'personal_health');
}

my %of_people = map { load($_) ? ($_ => 1) : () } map { m{([^/]+)\.csv$} } glob "$dir/*.csv";

$node->safe_psql('omop', 'ALTER TABLE cdm.person ADD PRIMARY KEY (person_id)');
foreach my $table (sort keys %of_people)
{
	$node->safe_psql('omop',
		"SECURITY LABEL FOR dsec ON TABLE cdm.$table IS 'subject=person_id; space=person'");
	$node->safe_psql('omop', "SELECT dsec.tag('cdm.$table', '$_', 'personal_health')")
	  foreach @{ $health{$table} // [] };
}
is( $node->safe_psql('omop', 'SELECT count(*) FROM dsec.tagged_columns'),
	scalar(map { @$_ } values %health),
	'all tags are there');

$node->safe_psql(
	'omop', q{
	CREATE ROLE lab LOGIN;
	GRANT USAGE ON SCHEMA cdm TO lab;
	GRANT SELECT ON ALL TABLES IN SCHEMA cdm TO lab});
Dsec::recipient($node, 'Lab', roles => ['lab']);
Dsec::rule($node, category => 'personal_health', threshold => $limit);

my @ids = split /\n/,
  $node->safe_psql('omop', 'SELECT DISTINCT person_id FROM cdm.condition_occurrence ORDER BY 1');
my $five = join ',', @ids[ 0 .. 4 ];
my $ten = join ',', @ids[ 0 .. $limit - 1 ];
my $r;

cmp_ok(scalar @ids, '>', $limit, 'there are more people than the rule lets through');

$r = lab('SELECT count(*) FROM cdm.measurement');
is($r->{sqlstate}, '', 'count(*) of a tagged table');
$r = lab('SELECT person_id, visit_start_date FROM cdm.visit_occurrence');
is($r->{sqlstate}, '', 'untagged columns');
is(counted(), 0, 'neither charges anybody');

$r = lab("SELECT p.person_id, p.year_of_birth, c.condition_concept_id
	FROM cdm.person p JOIN cdm.condition_occurrence c USING (person_id)
	WHERE person_id IN ($five)");
is($r->{sqlstate}, '', 'a join');
is(people($r->{out}), 5, 'five people arrived');
is(counted(), 5, 'five people are charged');

$r = lab("COPY (
	SELECT person_id, condition_concept_id FROM cdm.condition_occurrence WHERE person_id IN ($ten)
	UNION ALL
	SELECT person_id, drug_concept_id FROM cdm.drug_exposure WHERE person_id IN ($five)) TO STDOUT");
is($r->{sqlstate}, '', 'COPY of a union');
is(people($r->{out}), $limit, 'ten people arrived');
is(counted(), $limit, 'a person in several tables is one person');

$r = lab("SELECT person_id, procedure_concept_id FROM cdm.procedure_occurrence WHERE person_id IN ($ten)");
is($r->{sqlstate}, '', 'the same people again');

$r = lab("SELECT person_id, condition_concept_id FROM cdm.condition_occurrence WHERE person_id = $ids[$limit]");
is($r->{sqlstate}, 'DS001', 'the eleventh person is refused');
is($r->{out}, '', 'and nothing arrived');

foreach my $table (sort grep { $_ ne 'death' } keys %health)
{
	my $column = $node->safe_psql('omop',
		"SELECT attnum - 1 FROM pg_attribute WHERE attrelid = 'cdm.$table'::regclass AND attname = 'person_id'"
	);

	$r = lab("COPY cdm.$table TO STDOUT");
	is($r->{sqlstate}, 'DS001', "COPY of $table is stopped");
	cmp_ok(people($r->{out}, $column), '<=', $limit, "at most ten people of $table arrived");
}

$r = lab('SELECT json_agg(condition_concept_id) FROM cdm.condition_occurrence');
is($r->{sqlstate}, 'DS001', 'everybody in one row');
is(counted(), $limit, 'the refused are not charged');

$node->safe_psql('postgres', 'SELECT dsec.flush_events()');
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) > 0, bool_and('Lab' = ANY (recipients)), bool_and(database = 'omop') FROM dsec.blocked_exports}
	),
	't|t|t',
	'the refusals are on record');

done_testing();
