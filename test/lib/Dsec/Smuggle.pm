
=pod

=head1 NAME

Dsec::Smuggle - the owner of a table tries to get genomes out uncounted

=head1 SYNOPSIS

  use Dsec::Smuggle;

  my $den = Dsec::Smuggle->new($house, $abroad, people => 120);

  $den->smuggle(
      'a copy' => [ 'CREATE TABLE loot AS SELECT * FROM genome' ],
      'two sessions' => [
          'CREATE TABLE loot (t text)',
          '2: INSERT INTO loot SELECT seq FROM genome',       # his second session
          { query => 'SELECT t FROM loot' } ]);

Each script runs in a schema of its own, in which its owner, neither superuser nor
officer, has a table genome (person_id, seq, lab) that an officer has tagged.  Then
what the query shows leaves by every route:

  read    a role bound to a covered recipient runs the query
  copy    the owner copies it out, with dsec.unassigned = block
  server  the owner inserts it into a foreign table of a covered recipient's server
  dump    the owner runs pg_dump (only when the script asks for it)

Whatever arrives is searched for genomes, however they are written, and whoever is
found must be counted for the one who received: C<received E<lt>= counted>, by each
route.  What reached the other server is what its log of statements shows, rolled back
or not.

Each script runs twice: the first time over a table without tags, and has to bring
everybody, else the script is no good; a script that cannot by some route says so
with C<but =E<gt> { route =E<gt> number }>.

What is not closed is named to C<new>, with C<known =E<gt> { script =E<gt> 'words' }>: the
test is then that docs/limits.md has these words.  With SMUGGLE_KNOWN in the environment
it is tried all the same; with SMUGGLE only scripts whose name matches it run.

In steps, C<{owner}>, C<{reader}>, C<{server}>, C<{schema}>, C<{here}> (a connection
string to the house) and C<{there}> (one to the other server) are replaced.  "N:"
before a step is the number of the session, "!" before it says that it may fail.

=cut

package Dsec::Smuggle;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Dsec;
use Dsec::Wire;
use MIME::Base64;
use Time::HiRes;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = 'sesame';

# The genome of a person.
sub genome
{
	return sprintf 'GNM%05dX', $_[0];
}

# the same in SQL
my $genome_sql = "'GNM' || lpad(i::text, 5, '0') || 'X'";

my %disguises;
my $limits;

# Whose genomes are in these texts, whatever they are dressed up as?
sub people
{
	my %seen;

	unless (%disguises)
	{
		foreach my $id (1 .. 200)
		{
			my $genome = genome($id);

			$disguises{ md5_hex($genome) } = $id;
			$disguises{ lc($genome) } = $id;
			$disguises{ reverse $genome } = $id;
			$disguises{ $genome =~ tr/0-9/a-j/r } = $id;
		}
	}
	foreach my $text (@_)
	{
		my @forms = ($text);

		# what is spread over rows, fields or numbers
		push @forms, $text =~ s/[^A-Za-z0-9]+//gr;
		push @forms, join '', map { chr } grep { $_ >= 32 && $_ < 127 } $text =~ /\d+/g;
		push @forms, join '', map { chr hex } $text =~ /\\+x([0-9a-f]{2})\b/gi;
		foreach my $word ($text =~ m{[A-Za-z0-9+/]{8,}=*}g)
		{
			push @forms, decode_base64($word);
			push @forms, pack('H*', $word) if $word =~ /^x?[0-9a-fA-F]+$/ && length($word) % 2 == 0;
			push @forms, pack('H*', substr $word, 1) if $word =~ /^x[0-9a-fA-F]+$/;
		}
		push @forms, map { decode_base64($_) } map { "$_" } grep { /^[A-Za-z0-9+\/=]+$/ } map { s/\s+//gr } $text =~ m{((?:[A-Za-z0-9+/]{76}\s)+[A-Za-z0-9+/=]*)}g;
		foreach my $form (@forms)
		{
			$seen{ 0 + $_ } = 1 foreach $form =~ /GNM(\d{5})X/g;
			$seen{ $disguises{$_} } = 1
			  foreach grep { exists $disguises{$_} } $form =~ /([0-9a-f]{32}|gnm\d{5}x|X\d{5}MNG|GNM[a-j]{5}X)/g;
		}
	}
	delete $seen{0};
	return scalar keys %seen;
}

sub new
{
	my ($class, $house, $abroad, %args) = @_;
	my $self = bless {
		house => $house, abroad => $abroad, number => 0,
		people => $args{people} // 120,
		known => $args{known} // {},
		officer => Dsec::Wire->new($house) }, $class;

	# who is no superuser must give a password
	unlink $abroad->data_dir . '/pg_hba.conf';
	$abroad->append_conf('pg_hba.conf', "local all sink scram-sha-256\nlocal all all trust\n");
	$abroad->append_conf('postgresql.conf', <<'CONF');
log_statement = all
log_line_prefix = '%m [%p] %u %d %a '
log_connections = on
CONF
	$abroad->restart;
	$abroad->safe_psql('postgres', "CREATE ROLE sink LOGIN SUPERUSER PASSWORD '$secret'");
	unlink $house->data_dir . '/pg_hba.conf';
	$house->append_conf('pg_hba.conf', "local all +loopers scram-sha-256\nlocal all all trust\n");
	$self->officer($_) foreach (
		'CREATE ROLE loopers',
		'CREATE EXTENSION IF NOT EXISTS postgres_fdw',
		'CREATE EXTENSION IF NOT EXISTS dblink',
		'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO PUBLIC',
		'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
	$house->reload;
	return $self;
}

# As an officer; the first value of the result.
sub officer
{
	my ($self, $sql) = @_;

	return $self->{officer}->value($sql);
}

# A table of genomes with an owner, and the ways out of it.
sub scene
{
	my ($self, $tagged) = @_;
	my $n = ++$self->{number};
	my %scene = (
		schema => "s$n",
		owner => "owner$n",
		reader => "reader$n",
		server => "server$n",
		here => sprintf("host=%s port=%s dbname=postgres user=loop$n password=$secret", $self->{house}->host, $self->{house}->port),
		there => sprintf("host=%s port=%s dbname=postgres user=sink password=$secret", $self->{abroad}->host, $self->{abroad}->port));

	$self->{abroad}->safe_psql('postgres', "CREATE SCHEMA s$n CREATE TABLE taken (t text) CREATE TABLE asked (t text)");
	$self->officer(join '; ', 'BEGIN', "CREATE ROLE owner$n LOGIN", "CREATE ROLE reader$n LOGIN",
		"CREATE ROLE loop$n LOGIN PASSWORD '$secret' IN ROLE owner$n, loopers",
		"CREATE SCHEMA s$n AUTHORIZATION owner$n",
		"CREATE TABLE s$n.genome (person_id int PRIMARY KEY, seq text NOT NULL, lab int)",
		"INSERT INTO s$n.genome SELECT i, $genome_sql, i % 7 FROM generate_series(1, $self->{people}) i",
		"ALTER TABLE s$n.genome OWNER TO owner$n",
		sprintf("CREATE SERVER server$n FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres')",
			$self->{abroad}->host, $self->{abroad}->port),
		"CREATE SERVER server${n}b FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '" . $self->{abroad}->host
		  . "', port '" . $self->{abroad}->port . "', dbname 'postgres')",
		"GRANT USAGE ON FOREIGN SERVER server$n, server${n}b TO owner$n",
		"CREATE USER MAPPING FOR PUBLIC SERVER server$n OPTIONS (user 'sink', password '$secret')",
		"CREATE USER MAPPING FOR PUBLIC SERVER server${n}b OPTIONS (user 'sink', password '$secret')",
		"CREATE FOREIGN TABLE s$n.taken (t text) SERVER server$n OPTIONS (schema_name 's$n')",
		"ALTER FOREIGN TABLE s$n.taken OWNER TO owner$n",
		"SELECT dsec.add_recipient('Reader $n', 'XX', 'covered'), dsec.add_recipient('Server $n', 'XX', 'covered')",
		"SELECT dsec.bind_role('reader$n', 'Reader $n'), dsec.bind_server('postgres', 'server$n', 'Server $n'), dsec.bind_server('postgres', 'server${n}b', 'Server $n')",
		$tagged
		? ("SECURITY LABEL FOR dsec ON TABLE s$n.genome IS 'subject=person_id; space=person'",
			"SECURITY LABEL FOR dsec ON COLUMN s$n.genome.seq IS 'human_genomic'")
		: (),
		'COMMIT');
	$scene{recipients} = { read => "Reader $n", server => "Server $n", copy => "unassigned:owner$n", dump => "unassigned:owner$n" };
	return \%scene;
}

sub counted
{
	my ($self, $recipient) = @_;

	return $self->officer(
		"SELECT coalesce(max(counted), 0) FROM dsec.exposure WHERE recipient = '$recipient' AND category = 'human_genomic'");
}

sub session
{
	my ($self, $scene, $role) = @_;
	my $c = Dsec::Wire->new($self->{house}, user => $role, settings => { search_path => "$scene->{schema}, public" });

	die "$role: $c->{greeting}{error}\n" unless $c->connected;
	return $c;
}

# Everything that a client has been sent.
sub texts
{
	return map {
		(join("\n", map { join "\t", map { $_ // '' } @$_ } @{ $_->{rows} }, @{ $_->{notifications} }),
			$_->{copy}, join("\n", @{ $_->{notices} }), $_->{error}, $_->{detail})
	} @_;
}

# How the rest of the world sees the other server's log.
sub abroad_texts
{
	my ($self, $scene) = @_;
	my $text = slurp_file($self->{abroad}->logfile, $scene->{log});

	return ($text, $text =~ /'((?:[^']|'')*)'/g);
}

# Run a script; returns what each route brought, and what failed unlawfully.
sub play
{
	my ($self, $steps, $tagged) = @_;
	my $scene = $self->scene($tagged);
	my @steps = @$steps;
	my %args = ref $steps[-1] ? %{ pop @steps } : ();
	my $query = $args{query} // 'SELECT * FROM loot';
	my %routes = map { $_ => 1 } @{ $args{routes} // [ 'read', 'copy', 'server' ] };
	my %result = (scene => $scene, refused => [], broken => []);
	my (%sessions, %sent, $r);
	my $note = sub {
		my ($sql, $r) = @_;

		return if $r->{sqlstate} eq '';
		$self->{verbose} and diag("$sql: $r->{sqlstate} $r->{error} $r->{detail}");
		push @{ $result{ $r->{sqlstate} =~ /^DS/ ? 'refused' : 'broken' } },
		  "$sql: $r->{sqlstate} $r->{error}" . ($r->{detail} =~ /DS00/ ? " $r->{detail}" : '');
	};
	my $fill = sub { $_[0] =~ s/\{(schema|owner|reader|server|here|there)\}/$scene->{$1}/gr };

	$query = $fill->($query);
	$self->{abroad}->safe_psql('postgres', $fill->($args{there})) if $args{there};
	$scene->{log} = -s $self->{abroad}->logfile;
	$sessions{r} = $self->session($scene, $scene->{reader}) if grep { /^r:/ } @steps;
	foreach (@steps)
	{
		my ($name, $may_fail, $sql) = /^(?:(\w):)?\s*(!?)\s*(.*)$/s;

		$name //= 1;
		$sql = $fill->($sql);
		if ($sql eq 'disconnect')
		{
			(delete $sessions{$name})->close;
			next;
		}
		$sessions{$name} //= $self->session($scene, $scene->{owner});
		$r = $sessions{$name}->query($sql);
		$note->($sql, $r) unless $may_fail && $r->{sqlstate} !~ /^(?:DS|XX)/;
		push @{ $sent{read} }, texts($r) if $name eq 'r';
		if ($r->{closed})
		{
			push @{ $result{broken} }, "$sql: the server closed the connection";
			delete $sessions{$name};
		}
		# by a channel of the step's own
		push @{ $sent{copy} }, $r->{copy} if $name ne 'r' && $r->{copy} ne '';
	}
	$sessions{1} //= $self->session($scene, $scene->{owner});
	%routes = () if $query eq '';
	if ($routes{copy})
	{
		$r = $sessions{1}->query("COPY ($query) TO STDOUT");
		$note->('COPY', $r);
		push @{ $sent{copy} }, $r->{copy};
	}
	if ($routes{server})
	{
		$r = $sessions{1}->query("INSERT INTO {schema}.taken SELECT q::text FROM ($query) q" =~ s/\{schema\}/$scene->{schema}/r);
		$note->('INSERT INTO taken', $r);
		$sessions{1}->query('ROLLBACK') if $r->{sqlstate} ne '';
	}
	$sessions{1}->query("GRANT ALL ON SCHEMA $scene->{schema} TO $scene->{reader}; GRANT ALL ON ALL TABLES IN SCHEMA $scene->{schema} TO $scene->{reader}");
	if ($routes{read})
	{
		$sessions{r} //= $self->session($scene, $scene->{reader});
		$r = $sessions{r}->query($query);
		$note->('SELECT', $r);
		push @{ $sent{read} }, texts($r);
	}
	if ($routes{dump})
	{
		my ($out, $err) = run_command([ 'pg_dump', '-h', $self->{house}->host, '-p', $self->{house}->port,
			'-U', $scene->{owner}, '-n', $scene->{schema}, @{ $args{dump} // [] }, 'postgres' ]);

		push @{ $sent{dump} }, $out;
		push @{ $result{refused} }, "pg_dump: $1" if $err =~ /(DS00\d.*)/ || $err =~ /(error: .*)/;
	}
	$_->close foreach values %sessions;
	foreach my $route (sort keys %{ $scene->{recipients} })
	{
		next unless $routes{$route} || $sent{$route} || $route eq 'server' || grep { $_ eq $route } @{ $args{routes} // [] };
		my @texts = $route eq 'server' ? $self->abroad_texts($scene) : @{ $sent{$route} // [] };

		$result{received}{$route} = people(@texts);
		$result{counted}{$route} = $self->counted($fill->($args{recipient}{$route} // $scene->{recipients}{$route}));
	}
	return \%result;
}

sub smuggle
{
	my $self = shift;

	while (my ($name, $steps) = splice @_, 0, 2)
	{
		my %args = ref $steps->[-1] ? %{ $steps->[-1] } : ();
		my $only = $ENV{SMUGGLE};

		next if $only && $name !~ /$only/;
		if (my $known = $self->{known}{$name})
		{
			$limits //= slurp_file("$ENV{TESTDIR}/docs/limits.md") =~ s/\s+/ /gr;
			ok(index($limits, $known) >= 0, "$name: docs/limits.md says so");
			next unless $ENV{SMUGGLE_KNOWN};
		}
		my $began = Time::HiRes::time();
		if ($args{control} // 1)
		{
			my $control = $self->play($steps, 0);
			my %expected = map { $_ => $self->{people} } @{ $args{routes} // [ 'read', 'copy', 'server' ] };

			%expected = (%expected, %{ $args{but} // {} });
			is_deeply({ map { $_ => $control->{received}{$_} } keys %expected }, \%expected, "$name: would do without tags")
			  or diag(join "\n", @{ $control->{broken} }, @{ $control->{refused} });
		}

		my $try = $self->play($steps, 1);
		my @uncounted = grep { $try->{received}{$_} > $try->{counted}{$_} } sort keys %{ $try->{received} };

		is(join(', ', map { "$_: $try->{received}{$_} received, $try->{counted}{$_} counted" } @uncounted), '',
			"$name: " . (join(', ', map { "$_ $try->{received}{$_}/$try->{counted}{$_}" } sort keys %{ $try->{received} }) || 'refused'));
		my @broken = grep { !/: (42P01|42703|42704|25P02|34000|2F003|42883)/ || !@{ $try->{refused} } } @{ $try->{broken} };
		is(join("\n", @broken), '', "$name: no other error") if @broken;
		note(sprintf '%.1f s', Time::HiRes::time() - $began);
		note(join "\n", @{ $try->{refused} }) if @{ $try->{refused} };
	}
	return;
}

1;
