
=pod

=head1 NAME

Dsec::Genomes - tables of genomes, and recipients to send them to

=head1 SYNOPSIS

  use Dsec::Genomes;

  my $lab = Dsec::Genomes->new($node);      # in database postgres
  $lab->table('g101', 101);                 # people 1 to 101
  my ($role) = $lab->recipient;             # a new one, with a role of its own
  my ($a, $b) = $lab->recipient(2);         # one with two roles
  my $c = $lab->client($role);              # a Dsec::Wire
  is($lab->counted($role), 0);              # what dsec.exposure says of its recipient
  is_deeply(Dsec::Genomes::people($c->query('SELECT seq FROM g101')), [ 1 .. 100 ]);

The genome of person 42 is the text G42, so that whoever sees it can be seen to
have seen it: C<people> finds it in rows, COPY data, notices and errors.

=cut

package Dsec::Genomes;

use strict;
use warnings;

use Dsec;
use Dsec::Wire;

sub new
{
	my ($class, $node, %args) = @_;
	my $self = bless { node => $node, number => 0 }, $class;

	$self->{officer} = Dsec::Wire->new($node);
	$self->officer('CREATE ROLE reader') unless $args{second};
	$self->officer('GRANT CREATE ON SCHEMA public TO reader');
	return $self;
}

# As an officer, in the ledger database; the first value of the result.
sub officer
{
	my ($self, $sql) = @_;

	return $self->{officer}->value($sql);
}

# A tagged table with people from .. to.
sub table
{
	my ($self, $table, $to, %args) = @_;
	my $from = $args{from} // 1;
	my $c = $args{connection} // $self->{officer};

	$c->value("CREATE TABLE $table (person_id int PRIMARY KEY, seq text, lab int)");
	$c->value("INSERT INTO $table SELECT i, 'G' || i, i % 7 FROM generate_series($from, $to) i");
	$self->tag($table, connection => $c);
	return;
}

sub tag
{
	my ($self, $table, %args) = @_;
	my $c = $args{connection} // $self->{officer};
	my $subject = $args{subject} // 'subject=person_id; space=person';

	$c->value("SECURITY LABEL FOR dsec ON TABLE $table IS '$subject'");
	$c->value("SECURITY LABEL FOR dsec ON COLUMN $table.seq IS 'human_genomic'");
	$c->value("GRANT ALL ON $table TO reader");
	$c->value("ANALYZE $table");
	return;
}

# Roles of a new recipient that nothing was sent to.
sub recipient
{
	my ($self, $n, %args) = @_;
	my $status = $args{status} // 'covered';
	my $number = ++$self->{number};
	my @roles = map { "r${number}_$_" } 1 .. ($n // 1);

	$self->officer("BEGIN; SELECT dsec.add_recipient('R$number', 'XX', '$status');"
		  . join('', map { "CREATE ROLE $_ LOGIN; GRANT reader TO $_; SELECT dsec.bind_role('$_', 'R$number');" } @roles)
		  . 'COMMIT');
	return wantarray ? @roles : $roles[0];
}

# The recipient of a role.
sub name
{
	my ($self, $role) = @_;

	return $role =~ /^r(\d+)_/ ? "R$1" : $role;
}

sub client
{
	my ($self, $role, %args) = @_;
	my $c = Dsec::Wire->new($self->{node}, user => $role, %args);

	die "$role: $c->{greeting}{error}\n" unless $c->connected;
	return $c;
}

sub counted
{
	my ($self, $role, $category) = @_;
	my $name = $self->name($role);

	$category //= 'human_genomic';
	return $self->officer(
		"SELECT coalesce(max(counted), 0) FROM dsec.exposure WHERE recipient = '$name' AND category = '$category'");
}

# Of one of $name's recorded exports, newest first.
sub record
{
	my ($self, $role, $columns) = @_;
	my $name = $self->name($role);

	$self->officer('SELECT dsec.flush_events()');
	my $r = $self->{officer}->query(
		"SELECT $columns FROM dsec.exports WHERE '$name' = ANY (recipients) ORDER BY id DESC LIMIT 1");
	return join '|', map { $_ // '' } @{ $r->{rows}[0] // [] };
}

# Whose genomes are in what arrived?
sub people
{
	my %seen;

	foreach my $r (@_)
	{
		my @texts = ref $r eq 'HASH'
		  ? (map({ map { $_ // () } @$_ } @{ $r->{rows} }),
			$r->{copy}, @{ $r->{notices} }, $r->{error}, $r->{detail})
		  : $r;

		foreach (@texts)
		{
			# random words of pg_dump
			my $text = s/^\\(?:un)?restrict .*$//mgr;

			$seen{$_} = 1 foreach $text =~ /G(\d+)/g;
		}
	}
	return [ sort { $a <=> $b } keys %seen ];
}

1;
