
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

sub long
{
	return $ENV{PG_TEST_LONG} ? 1 : 0;
}

1;
