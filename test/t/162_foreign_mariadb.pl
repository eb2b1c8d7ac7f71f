# A foreign table on another database than PostgreSQL, by a wrapper that is not
# PostgreSQL's own: MariaDB, which keeps what mysql_fdw has sent when the
# transaction here fails.

use strict;
use warnings;

use Dsec;
use File::Temp;
use PostgreSQL::Test::Utils;
use Test::More;

foreach my $program ('mariadbd', 'mariadb', 'mariadb-install-db')
{
	plan skip_all => "$program is not installed (packages mariadb-server-core, mariadb-client-core)"
	  unless grep { -x "$_/$program" } split(/:/, "$ENV{PATH}:/usr/sbin");
}
$ENV{PATH} .= ':/usr/sbin';

# a short path, because it names a socket
my $dir = File::Temp::tempdir('dsec-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $socket = "$dir/s";

# the client library that mysql_fdw loads takes it from here
$ENV{MYSQL_UNIX_PORT} = $socket;

my $here = Dsec::node('here');

plan skip_all => 'mysql_fdw is not installed (package postgresql-15-mysql-fdw)'
  unless $here->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'mysql_fdw'");

my $mariadbd;

sub mariadb
{
	my ($sql) = @_;
	my ($out, $err);

	IPC::Run::run([ 'mariadb', '--no-defaults', '-uroot', '-S', $socket, '-N', '-e', $sql ],
		'>', \$out, '2>', \$err)
	  or return;
	chomp $out;
	return $out;
}

my $log;
IPC::Run::run([ 'mariadb-install-db', '--no-defaults', "--datadir=$dir/data",
		'--auth-root-authentication-method=normal', '--skip-test-db' ], '>&', \$log)
  or die "mariadb-install-db: $log";
my @daemon = ('mariadbd', '--no-defaults', "--datadir=$dir/data", "--socket=$socket",
	"--pid-file=$dir/pid", '--skip-networking', '--innodb-buffer-pool-size=32M');
push @daemon, '--user=root' if $> == 0;
$mariadbd = IPC::Run::start(\@daemon, '<', \undef, '>', "$dir/log", '2>&1');

END
{
	my $status = $?;

	if ($mariadbd)
	{
		defined mariadb('SHUTDOWN') ? $mariadbd->finish : $mariadbd->kill_kill;
	}
	$? = $status;
}

for (1 .. 600)
{
	last if defined mariadb('SELECT 1');
	select(undef, undef, undef, 0.1);
}
defined mariadb('CREATE DATABASE d; CREATE TABLE d.taken (person_id int PRIMARY KEY, seq text)')
  or die 'MariaDB did not start: ' . slurp_file("$dir/log");

$here->safe_psql('postgres', $_) foreach (
	'CREATE EXTENSION mysql_fdw',
	"CREATE SERVER maria FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host 'localhost')",
	"CREATE USER MAPPING FOR PUBLIC SERVER maria OPTIONS (username 'root', password '')",
	"CREATE FOREIGN TABLE taken (person_id int, seq text) SERVER maria OPTIONS (dbname 'd', table_name 'taken')",
	'CREATE TABLE genome (person_id int PRIMARY KEY, seq text)',
	"INSERT INTO genome SELECT i, 'ACGT' FROM generate_series(1, 200) i",
	"SELECT dsec.add_recipient('Maria', 'CN', 'covered')",
	"SELECT dsec.bind_server('postgres', 'maria', 'Maria')");
foreach my $table ('TABLE genome', 'FOREIGN TABLE taken')
{
	my $name = (split / /, $table)[-1];

	$here->safe_psql('postgres', $_) foreach (
		"SECURITY LABEL FOR dsec ON $table IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN $name.seq IS 'human_genomic'");
}

my $r = Dsec::run($here, 'INSERT INTO taken SELECT * FROM genome WHERE person_id <= 30');
is($r->{sqlstate}, '', 'people from a tagged table');
$r = Dsec::run($here, "INSERT INTO taken SELECT i, 'A' FROM generate_series(31, 60) i");
is($r->{sqlstate}, '', 'and from anywhere');
is(mariadb('SELECT count(*) FROM d.taken'), 60, 'arrive');
is(Dsec::counted($here, 'Maria', 'human_genomic'), 60, 'and are charged');
$r = Dsec::run($here, "UPDATE taken SET seq = 'C' WHERE person_id <= 30");
is($r->{sqlstate}, '', 'they can be updated');
is(Dsec::counted($here, 'Maria', 'human_genomic'), 60, 'without being charged again');
$r = Dsec::run($here, "INSERT INTO taken SELECT i, 'A' FROM generate_series(61, 150) i");
is($r->{sqlstate}, 'DS001', 'no more than the threshold leaves');
is(Dsec::counted($here, 'Maria', 'human_genomic'), 100, 'which is charged');
cmp_ok(mariadb('SELECT count(*) FROM d.taken'), '<=', 100, 'and not more has arrived');
$r = Dsec::run($here, 'DELETE FROM taken WHERE person_id <= 10');
is($r->{sqlstate}, '', 'rows can be deleted');
$r = Dsec::run($here, 'SELECT count(seq) FROM taken WHERE person_id <= 20');
is($r->{out}, '10', 'and read');

done_testing();
