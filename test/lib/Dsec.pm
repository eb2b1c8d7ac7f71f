
=pod

=head1 NAME

Dsec - what TAP tests of dsec have in common

=head1 SYNOPSIS

  use strict;
  use warnings;
  use Dsec;                       # test/run sets PERL5LIB
  use Test::More;

  my $node = Dsec::node('main');  # started, dsec preloaded, CREATE EXTENSION
                                  # in database postgres, the ledger database
  my $node = Dsec::node('main',
      conf => "dsec.mode = permissive\n",
      preload => 'dsec,dsec_clock',
      extension => 0,             # no CREATE EXTENSION
      start => 0);

  my $r = Dsec::run($node, 'SELECT 1', dbname => 'a', user => 'b');
  is($r->{sqlstate}, '');         # of the first error; '' when there is none
  is($r->{out}, '1');
  like($r->{err}, qr/.../);       # verbose: SQLSTATE, DETAIL, HINT

  Dsec::setting($node, 'dsec_clock.offset', '1');  # reload, and wait for it

  Dsec::recipient($node, 'Lab', roles => ['bob']);       # status covered
  Dsec::rule($node, category => 'personal_health', threshold => 10);
  is(Dsec::counted($node, 'Lab', 'personal_health'), 0); # of dsec.exposure

  skip 'a slow proof', 1 unless Dsec::long();

Nodes are PostgreSQL::Test::Cluster objects, stopped at the end of the test.
Run a file alone with: make test ONLY=tap:010_name

=cut

package Dsec;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

sub node
{
	my ($name, %args) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $preload = $args{preload} // 'dsec';

	$node->init(%{ $args{init} // {} });
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = '$preload'
max_prepared_transactions = 10
restart_after_crash = on
CONF
	$node->append_conf('postgresql.conf', $args{conf}) if $args{conf};
	return $node unless $args{start} // 1;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION dsec')
	  if $args{extension} // 1;
	return $node;
}

# Change a setting of a running node, and wait until the server has it.
sub setting
{
	my ($node, $name, $value) = @_;

	# adjust_conf changes a line that is there, and adds none
	$node->adjust_conf('postgresql.conf', $name, undef);
	$node->append_conf('postgresql.conf', "$name = '$value'\n");
	$node->reload;
	$node->poll_query_until('postgres',
		"SELECT setting = '$value' FROM pg_settings WHERE name = '$name'")
	  or die "setting $name";
	return;
}

sub run
{
	my ($node, $sql, %args) = @_;
	my ($out, $err) = ('', '');
	my @params = ('-v', 'VERBOSITY=verbose');
	my $status;

	push @params, '-U', $args{user} if $args{user};
	$status = $node->psql(
		$args{dbname} // 'postgres', $sql,
		stdout => \$out,
		stderr => \$err,
		on_error_stop => $args{on_error_stop} // 1,
		extra_params => \@params);
	my ($sqlstate) = $err =~ /^(?:psql:\S*\s*)?(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5}):/m;
	return {
		out => $out,
		err => $err,
		status => $status,
		sqlstate => $sqlstate // '' };
}

# An officer's recipient, by default a covered one, with roles bound to it.
sub recipient
{
	my ($node, $name, %args) = @_;
	my $country = $args{country} // 'XX';
	my $status = $args{status} // 'covered';
	my $db = $args{dbname} // 'postgres';

	$node->safe_psql($db, "SELECT dsec.add_recipient('$name', '$country', '$status')");
	$node->safe_psql($db, "SELECT dsec.bind_role('$_', '$name')")
	  foreach @{ $args{roles} // [] };
	return;
}

# An officer's rule over 12 months, in a regime "test"; the shipped rules of the
# category are ended unless keep is given.  Every column can be given.
sub rule
{
	my ($node, %args) = @_;
	my $db = delete $args{dbname} // 'postgres';
	my $keep = delete $args{keep};
	my %row = (
		regime => 'test',
		comparator => '>',
		unit => 'person',
		window_kind => 'rolling',
		window_length => '12 months',
		applies_to => '{covered}',
		action => 'block',
		source => 'test',
		%args);
	my @columns = sort grep { defined $row{$_} } keys %row;
	my $sql = "INSERT INTO dsec.regime (name, title, source) VALUES ('test', 'test', 'test') ON CONFLICT DO NOTHING;\n";

	$sql .= "UPDATE dsec.rule SET valid_to = valid_from WHERE category = '$row{category}' AND origin = 'shipped';\n"
	  unless $keep;
	$sql .= 'INSERT INTO dsec.rule (' . join(', ', @columns) . ') VALUES ('
	  . join(', ', map { "'$row{$_}'" } @columns) . ')';
	$node->safe_psql($db, "BEGIN;\n$sql;\nCOMMIT");
	return;
}

# What the ledger counts for a recipient and category; 0 when there is no rule.
sub counted
{
	my ($node, $recipient, $category, $db) = @_;

	return $node->safe_psql($db // 'postgres',
		"SELECT coalesce(max(counted), 0) FROM dsec.exposure WHERE recipient = '$recipient' AND category = '$category'");
}

sub long
{
	return $ENV{PG_TEST_LONG} ? 1 : 0;
}

1;
