# Days and windows of the ledger, with a clock that tests move.

use strict;
use warnings;

use Dsec;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Dsec::node(
	'ledger',
	preload => 'dsec,dsec_clock,dsec_test_ledger',
	conf => "dsec.ledger_timeout = 3s\ndsec_test_ledger.lease_size = 10\ndsec_clock.offset = 0\n");
$node->safe_psql('postgres', 'CREATE EXTENSION dsec_test_ledger');

sub sql
{
	return $node->safe_psql('postgres', shift);
}

sub setting
{
	return Dsec::setting($node, @_);
}

sub settled
{
	$node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM dsec.lease WHERE closed IS NULL AND granted > settled)")
	  or die 'not settled';
	return;
}

# ----- days ------------------------------------------------------------------

sql('CREATE ROLE officer LOGIN IN ROLE dsec_officer');
my ($r, $today);
$today = sql('SELECT test_today()');
is($today, sql("SELECT (now() AT TIME ZONE 'UTC')::date"), 'today');
sql("SELECT test_windows('{12,1,0}')");
sql("SELECT test_charge(8, 'a', 1, 4)");
settled();
sql("SELECT test_charge(8, 'a', 5, 10)");
settled();
cmp_ok(sql("SELECT count(*) FROM dsec.ledger_block WHERE recipient = 8"), '>', 1, 'several blocks');
setting('dsec_clock.offset', 86400);
$node->poll_query_until('postgres', "SELECT test_today() = '$today'::date + 1") or die;
is(sql("SELECT * FROM test_charge(8, 'a', 6, 15)"), '10|10|5|', 'on the next day all are charged, five are new');
is(sql("SELECT counted FROM test_count(8, 'a')"), 15, 'subjects are counted once');
settled();
is(sql("SELECT string_agg(n::text, ',' ORDER BY day, n) FROM (SELECT day, sum(n) AS n FROM dsec.ledger_block WHERE recipient = 8 GROUP BY day) AS b"),
	'10,10', 'each day has its blocks');
is(sql("SELECT test_last_day(8, 'a', 'person', 1) - '$today'::date, test_last_day(8, 'a', 'person', 6) - '$today'::date, test_last_day(8, 'a', 'person', 16)"),
	'0|1|', 'the last day of a subject');
$node->poll_query_until('postgres', "SELECT count(*) = 1 AND sum(n) = 10 FROM dsec.ledger_block WHERE recipient = 8 AND day = '$today'") or die;
is(sql("SELECT string_agg(h::text, ',' ORDER BY h) FROM dsec.ledger_block, test_hashes(hashes) AS h WHERE recipient = 8 AND day = '$today'"),
	sql("SELECT string_agg(test_subject(i)::text, ',' ORDER BY test_subject(i)) FROM generate_series(1, 10) AS i"),
	'the small blocks of a day gone by become one, of the same subjects');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM dsec.lease WHERE day < test_today() AND closed IS NULL") or die;
is(sql("SELECT count(*) FROM dsec.lease WHERE day < test_today() AND unattributed > 0 AND recipient = 8"), 0, 'leases of yesterday are closed');

setting('dsec_clock.offset', 0);
is(sql('SELECT test_today()'), sql("SELECT '$today'::date + 1"), 'the day never goes back');

# one month and 12 months later, to the day
my $last = sql("SELECT (('$today'::date + interval '1 month')::date - '$today'::date) * 86400");
setting('dsec_clock.offset', $last);
is(sql('SELECT counted FROM test_count(8, \'a\', "window" => 1)'), 15, 'a month later the day still counts');
setting('dsec_clock.offset', $last + 86400);
is(sql('SELECT counted FROM test_count(8, \'a\', "window" => 1)'), sql("SELECT CASE WHEN test_window_start(1, 0, test_today()) > '$today'::date THEN 10 ELSE 15 END"), '... and not on the day after');
$last = sql("SELECT (('$today'::date + interval '12 months')::date - '$today'::date) * 86400");
setting('dsec_clock.offset', $last);
is(sql("SELECT counted FROM test_charge(8, 'a', 1001, 1001, 15)"), 15, 'twelve months later it still counts');
setting('dsec_clock.offset', $last + 86400);
is(sql("SELECT * FROM test_charge(8, 'a', 1, 5, 15)"), '5|5|5|', 'a day later five subjects are free again');
setting('dsec_clock.offset', $last + 5 * 86400);
is(sql("SELECT counted FROM test_count(8, 'a')"), 5, 'and then the others');

$r = Dsec::run($node, "SELECT dsec.expire_ledger(dsec.ledger_first_day() + 1)", user => 'officer');
is($r->{sqlstate}, '22023', 'days that count are not expired');
my $old = sql("SELECT count(*) FROM dsec.ledger_block WHERE day < dsec.ledger_first_day()");
cmp_ok($old, '>', 0, 'there are old blocks');
$r = Dsec::run($node, "SELECT dsec.expire_ledger(dsec.ledger_first_day()) > 0", user => 'officer');
is($r->{out}, 't', 'older days are');
is(sql("SELECT count(*) FROM dsec.ledger_block WHERE day < dsec.ledger_first_day()"), 0, 'their blocks have gone');
is(sql("SELECT counted FROM test_count(8, 'a')"), 5, 'what counts is still there');

# wider windows bring back what was given up
sql("SELECT test_windows('{12}')");
sql("SELECT test_charge(9, 'a', 1, 10)");
settled();
setting('dsec_clock.offset', $last + 40 * 86400);
sql("SELECT test_windows('{1}')");
is(sql("SELECT counted FROM test_count(9, 'a')"), 0, 'a narrower window');
sql("SELECT test_charge(9, 'a', 101, 150)");
sql("SELECT test_windows('{12}')");
is(sql("SELECT counted FROM test_count(9, 'a')"), 60, 'a wider window loads what it needs');

$node->stop;
done_testing();
