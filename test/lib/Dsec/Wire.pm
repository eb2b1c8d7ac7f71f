
=pod

=head1 NAME

Dsec::Wire - a client that speaks PostgreSQL's protocol itself

=head1 SYNOPSIS

  use Dsec::Wire;

  my $c = Dsec::Wire->new($node, user => 'bob', dbname => 'postgres');

  my $r = $c->query('SELECT 1; SELECT 2');      # simple protocol
  is_deeply($r->{rows}, [ ['1'], ['2'] ]);
  is($r->{copy}, '');                           # data of COPY TO STDOUT
  is($r->{sqlstate}, '');                       # of the first error
  is($r->{notices}[0], 'text');
  is_deeply($r->{notifications}[0], [ 'channel', 'payload' ]);
  is($r->{order}, 'DD');                        # D row, d copy data, N notice, E error

  $r = $c->prepare('s1', 'SELECT $1::int');     # extended protocol
  $r = $c->execute('s1', [42], limit => 10);    # portal; rows 1 to 10
  $r = $c->fetch(10);                           # rows 11 to 20 of it
  ok($r->{suspended});                          # there may be more
  $r = $c->sync;                                # ends it

  $c->send_query('...');                        # without waiting
  $r = $c->result;
  $c->cancel;                                   # ask the server to stop it
  ok($r->{closed});                             # the connection is gone
  $c->close;

psql hides what this shows: rows that arrived before an error, and portals that
are run with a limit on rows.  Give C<on_row> a sub to see each row (a reference
to a list) or line of COPY data (a string) as it arrives.

=cut

package Dsec::Wire;

use strict;
use warnings;

use IO::Socket::UNIX;

sub new
{
	my ($class, $node, %args) = @_;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	my $self = bless { path => $path, buffer => '' }, $class;

	$self->{on_row} = $args{on_row};
	$self->{socket} = IO::Socket::UNIX->new(Peer => $path)
	  or die "$path: $!";
	my %startup = (
		user => $args{user} // 'postgres',
		database => $args{dbname} // 'postgres',
		application_name => $args{application_name} // 'wire',
		%{ $args{settings} // {} });
	# the superuser of the cluster is the user who made it
	$startup{user} = (getpwuid $<)[0] unless $args{user};
	my $body = pack('N', 196608)
	  . join('', map { "$_\0$startup{$_}\0" } sort keys %startup) . "\0";
	$self->{socket}->syswrite(pack('N', 4 + length $body) . $body);
	$self->{greeting} = $self->result;
	return $self;
}

# was the connection accepted?
sub connected
{
	my ($self) = @_;

	return !$self->{greeting}{closed} && $self->{greeting}{sqlstate} eq '';
}

sub pid
{
	return $_[0]{pid};
}

sub send_message
{
	my ($self, $type, $body) = @_;

	local $SIG{PIPE} = 'IGNORE';
	$self->{out} .= $type . pack('N', 4 + length $body) . $body;
	return;
}

sub flush_out
{
	my ($self) = @_;
	my $out = $self->{out} // '';

	local $SIG{PIPE} = 'IGNORE';
	$self->{out} = '';
	while (length $out)
	{
		my $n = $self->{socket}->syswrite($out);

		return unless $n;
		substr($out, 0, $n) = '';
	}
	return;
}

# one message, or nothing when the connection has ended
sub message
{
	my ($self) = @_;

	while (length $self->{buffer} < 5
		|| length $self->{buffer} < 1 + unpack('N', substr($self->{buffer}, 1, 4)))
	{
		my $n = $self->{socket}->sysread($self->{buffer}, 65536, length $self->{buffer});

		return unless $n;
	}
	my $length = unpack 'N', substr($self->{buffer}, 1, 4);
	my $message = substr($self->{buffer}, 0, 1 + $length, '');

	return (substr($message, 0, 1), substr($message, 5));
}

sub fields_of
{
	my %fields;

	foreach (split /\0/, $_[0])
	{
		$fields{ substr($_, 0, 1) } = substr($_, 1) if length;
	}
	return \%fields;
}

sub row_of
{
	my ($body) = @_;
	my $n = unpack 'n', $body;
	my $at = 2;
	my @row;

	while ($n-- > 0)
	{
		my $length = unpack 'N', substr($body, $at, 4);

		$at += 4;
		if ($length == 0xFFFFFFFF)
		{
			push @row, undef;
			next;
		}
		push @row, substr($body, $at, $length);
		$at += $length;
	}
	return \@row;
}

# What arrives until one of the types in "until"; by default until ready.
sub result
{
	my ($self, $until) = @_;
	my %r = (
		rows => [], copy => '', notices => [], notifications => [], tags => [], order => '',
		sqlstate => '', error => '', detail => '', hint => '',
		suspended => 0, closed => 0);

	$until //= 'Z';
	$self->flush_out;
	while (1)
	{
		my ($type, $body) = $self->message;

		if (!defined $type)
		{
			$r{closed} = 1;
			last;
		}
		if ($type eq 'D')
		{
			my $row = row_of($body);

			push @{ $r{rows} }, $row;
			$self->{on_row}->($row) if $self->{on_row};
		}
		elsif ($type eq 'd')
		{
			$r{copy} .= $body;
			$self->{on_row}->($body) if $self->{on_row};
		}
		elsif ($type eq 'E')
		{
			my $fields = fields_of($body);

			if ($r{sqlstate} eq '')
			{
				$r{sqlstate} = $fields->{C};
				$r{error} = $fields->{M};
				$r{detail} = $fields->{D} // '';
				$r{hint} = $fields->{H} // '';
			}
		}
		elsif ($type eq 'N')
		{
			push @{ $r{notices} }, fields_of($body)->{M};
		}
		elsif ($type eq 'A')
		{
			push @{ $r{notifications} }, [ (unpack 'NZ*Z*', $body)[ 1, 2 ] ];
		}
		elsif ($type eq 'C')
		{
			push @{ $r{tags} }, $body =~ s/\0$//r;
		}
		elsif ($type eq 'K')
		{
			($self->{pid}, $self->{key}) = unpack 'NN', $body;
		}
		elsif ($type eq 's')
		{
			$r{suspended} = 1;
		}
		elsif ($type eq 'Z')
		{
			$self->{transaction} = $body;
		}
		$r{order} .= $type if $type =~ /[DdNE]/;
		last if index($until, $type) >= 0;
	}
	return \%r;
}

sub send_query
{
	my ($self, $sql) = @_;

	$self->send_message('Q', "$sql\0");
	$self->flush_out;
	return;
}

sub query
{
	my ($self, $sql) = @_;

	$self->send_query($sql);
	return $self->result;
}

# The same, and no error is accepted; returns the first column of the first row.
sub value
{
	my ($self, $sql) = @_;
	my $r = $self->query($sql);

	die "$sql: $r->{sqlstate} $r->{error}"
	  . ($r->{detail} ? " ($r->{detail})" : '') . "\n"
	  if $r->{sqlstate} ne '' || $r->{closed};
	return $r->{rows}[0] ? $r->{rows}[0][0] : undef;
}

sub prepare
{
	my ($self, $name, $sql) = @_;

	$self->send_message('P', "$name\0$sql\0" . pack('n', 0));
	$self->send_message('S', '');
	return $self->result;
}

# Bind and run a portal; with limit, only so many rows.  No Sync is sent, so that
# the portal stays open: call sync when done.
sub execute
{
	my ($self, $name, $params, %args) = @_;
	my @params = @{ $params // [] };

	$self->send_message('B',
		"\0$name\0" . pack('n', 0) . pack('n', scalar @params)
		  . join('', map { defined $_ ? pack('N', length $_) . $_ : pack('N', 0xFFFFFFFF) } @params)
		  . pack('n', 0));
	return $self->fetch($args{limit} // 0);
}

sub fetch
{
	my ($self, $limit) = @_;

	$self->send_message('E', "\0" . pack('N', $limit));
	$self->send_message('H', '');
	return $self->result('sCEI');
}

sub sync
{
	my ($self) = @_;

	$self->send_message('S', '');
	return $self->result;
}

sub cancel
{
	my ($self) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $self->{path}) or return;

	$socket->syswrite(pack('NNNN', 16, 80877102, $self->{pid}, $self->{key}));
	$socket->sysread(my $nothing, 1);
	return;
}

sub close
{
	my ($self) = @_;

	$self->send_message('X', '');
	$self->flush_out;
	$self->{socket}->close;
	return;
}

# Let go of the socket without telling the server; for a forked process that
# must not end its parent's session.
sub forget
{
	my ($self) = @_;

	delete $self->{socket};
	return;
}

1;
