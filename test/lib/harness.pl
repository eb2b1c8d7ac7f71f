# Runs TAP test files and writes "passed failed" to a file.
#
#   harness.pl COUNTFILE [--pgtap DATABASE] FILE...
#
# What prove and pg_prove print, but their summary does not give the counts.

use strict;
use warnings;

use TAP::Harness;

my $countfile = shift @ARGV;
my %args = (
	failures => 1,
	jobs => $ENV{TEST_JOBS} || 1,
	verbosity => $ENV{V} || 0);

if ($ARGV[0] eq '--pgtap')
{
	shift @ARGV;
	$args{sources} = {
		pgTAP => {
			psql => 'psql',
			dbname => shift @ARGV,
			suffix => '.sql'
		} };
}

my $result = TAP::Harness->new(\%args)->runtests(@ARGV);
my $failed = $result->failed;

# a file that died, or whose plan was not met, has failed beyond its tests
my %bad = map { $_ => 1 } $result->exit, $result->wait, $result->parse_errors;
delete @bad{ $result->failed };
$failed += keys %bad;

open my $out, '>', $countfile or die "$countfile: $!";
print $out scalar($result->passed), " $failed\n";
close $out or die "$countfile: $!";
exit($failed ? 1 : 0);
