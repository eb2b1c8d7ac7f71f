# dsec.refresh_holdings() and columns that are not stored: virtual generated columns, from
# PostgreSQL 18 on.

use strict;
use warnings;

use Dsec;
use Test::More;

my $node = Dsec::node('main');

if ($node->safe_psql('postgres', 'SHOW server_version_num') < 180000)
{
	$node->stop;
	plan skip_all => 'no virtual generated columns before 18';
}

$node->poll_query_until('postgres', "SELECT value <> 'not published' FROM dsec.status() WHERE item = 'policy'")
  or die 'no policy';

sub sql
{
	my $r = Dsec::run($node, shift);

	is($r->{err}, '', 'no error');
	return $r->{out};
}

sql(q{CREATE TABLE virtual1 (p int PRIMARY KEY, a text, v text GENERATED ALWAYS AS (a || 'x') VIRTUAL);
	SELECT dsec.tag('virtual1', 'subject=p; space=virtual'), dsec.tag('virtual1', 'v', 'personal_health');
	INSERT INTO virtual1 (p, a) SELECT p, 'x' FROM generate_series(1, 10) p});
sql('CALL dsec.refresh_holdings()');
is(sql("SELECT subjects || ' ' || complete FROM dsec.holdings WHERE space = 'virtual'"), '10 true', 'a tagged column that is not stored is taken to be filled in');
is(sql("SELECT subjects FROM dsec.bulk_report('virtual1')"), '10', '... as it is when it is read');

sql(q{CREATE TABLE virtual2 (a int, k int GENERATED ALWAYS AS (a % 5) VIRTUAL, v text);
	SELECT dsec.tag('virtual2', 'subject=k; space=virtual'), dsec.tag('virtual2', 'v', 'personal_health');
	INSERT INTO virtual2 (a, v) SELECT a, 'x' FROM generate_series(1, 10) a});
my $r = Dsec::run($node, 'CALL dsec.refresh_holdings()');
like($r->{err}, qr/WARNING:.*1 table could not be counted/, 'a table whose subject key is not stored makes a warning');
is(sql("SELECT name FROM dsec.holdings_tables WHERE problem ~ 'virtual'"), 'public.virtual2', '... and is recorded');

$node->stop;
done_testing();
