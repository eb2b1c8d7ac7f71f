
# One test for each way out, or around, that rows B01 to B08 (export commands), D01 to
# D09 (copies) and F01 to F04 (the network) of the list of channels name: whom it sends,
# it counts, to the person; what is a copy is tagged with the subject of what it is a
# copy of; and a hundred are the limit.

use strict;
use warnings;

use Dsec;
use Dsec::Genomes;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Dsec::node('here', conf => "dsec.unassigned = block\nmax_parallel_workers_per_gather = 0\n");
my $dir = PostgreSQL::Test::Utils::tempdir;
my $lab = Dsec::Genomes->new($node);
my $extensions = $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink')") == 2;
my $owners = 0;
my ($owner, $c, $r);

# An owner to whom nothing was sent, with tables of 20 and of 120 people; everybody
# whom he sends away is counted for a recipient of his name.
sub begin
{
	$c->close if $c;
	$owner = 'owner' . ++$owners;
	$lab->officer($_) foreach (
		'DROP TABLE IF EXISTS few, many CASCADE',
		"CREATE ROLE $owner LOGIN IN ROLE reader");
	$lab->table('few', 20);
	$lab->table('many', 120);
	$lab->officer("ALTER TABLE $_ OWNER TO $owner") foreach 'few', 'many';
	$lab->officer("CREATE SCHEMA s$owners AUTHORIZATION $owner");
	$c = $lab->client($owner, settings => { search_path => "s$owners, public", client_min_messages => 'warning' });
	return;
}

sub sent
{
	return $lab->officer(
		"SELECT coalesce(max(counted), 0) FROM dsec.exposure WHERE recipient = 'unassigned:$owner' AND category = 'human_genomic'");
}

sub people
{
	return scalar @{ Dsec::Genomes::people(@_) };
}

# What psql or pg_dump prints for the owner (or another role).
sub client_program
{
	my ($program, %args) = @_;
	my ($out, $err);

	IPC::Run::run([
			$program, '-h', $node->host, '-p', $node->port, '-U', $args{user} // $owner, @{ $args{options} // [] },
			'-d', 'postgres' ], '<', \($args{in} // ''), '>', \$out, '2>', \$err);
	return { rows => [], copy => $out, notices => [], error => $err, detail => '', sqlstate => $err =~ /(DS\d{3})/ ? $1 : '' };
}

# Who arrived, and who was counted: of the few, then of the many.
sub export
{
	my ($name, $few, $many) = @_;

	begin();
	$r = $few->('few');
	is(people($r) . ' ' . sent(), '20 20', "$name: the few") or diag("$r->{error} $r->{detail}");
	begin();
	$r = ($many // $few)->('many');
	my ($arrived, $counted) = (people($r), sent());
	ok($arrived <= 100 && $counted == 100, "$name: not the many ($arrived arrived, $counted counted)") or diag("$r->{error} $r->{detail}");
	like("$r->{error} $r->{detail}", qr/human_genomic/, "$name: and says why");
	return;
}

# ---- B: export commands -------------------------------------------------------------

export('B01 COPY TO STDOUT', sub { $c->query("COPY $_[0] TO STDOUT") });
export('B01 \copy', sub { client_program('psql', options => ['-XAt'], in => "\\copy $_[0] to pstdout") });
export('B01 pg_dump', sub { client_program('pg_dump', options => [ '-t', $_[0] ]) });
export('B02 COPY of a query', sub { $c->query("COPY (SELECT lower(seq) || upper(seq) FROM $_[0]) TO STDOUT") });
foreach my $way ("TO '$dir/out'", "TO PROGRAM 'cat > $dir/out'")
{
	export(
		($way =~ /PROGRAM/ ? 'B04' : 'B03') . " COPY $way" =~ s/\Q$dir\E/.../r,
		sub {
			unlink "$dir/out";
			$lab->officer("GRANT pg_write_server_files, pg_execute_server_program TO $owner");
			my $result = $c->query("COPY $_[0] $way");
			$result->{copy} = slurp_file("$dir/out") if -e "$dir/out";
			return $result;
		});
}
export(
	'B05 COPY of a table with row level security',
	sub {
		$lab->officer($_) foreach (
			"ALTER TABLE $_[0] ENABLE ROW LEVEL SECURITY", "ALTER TABLE $_[0] FORCE ROW LEVEL SECURITY",
			"CREATE POLICY p ON $_[0] USING (person_id > 0)");
		return $c->query("COPY $_[0] TO STDOUT");
	});
foreach my $kind ('PARTITION OF whole DEFAULT', '() INHERITS (whole)')
{
	export(
		"B06 COPY of a table that is $kind",
		sub {
			my $parted = $kind =~ /^PART/ ? 'PARTITION BY LIST (person_id)' : '';

			$lab->officer($_) foreach (
				'DROP TABLE IF EXISTS whole CASCADE',
				"CREATE TABLE whole (person_id int, seq text, lab int) $parted",
				"CREATE TABLE part $kind");
			$lab->tag('whole');
			$lab->officer("INSERT INTO part SELECT person_id, seq, lab FROM $_[0]");
			$lab->officer('ALTER TABLE part OWNER TO ' . $owner);
			return $c->query('COPY part TO STDOUT');
		});
}
# a cursor, and FETCH: a plain read, that counts for a session that is bound
foreach my $option ('--inserts', '--rows-per-insert=7')
{
	my $role = $lab->recipient;

	begin();
	$r = client_program('pg_dump', user => $role, options => [ $option, '-t', 'few' ]);
	is(people($r) . ' ' . $lab->counted($role), '20 20', "B07 pg_dump $option") or diag($r->{error});
	$r = client_program('pg_dump', user => $role, options => [ $option, '-t', 'many' ]);
	is($lab->counted($role), 100, "B07 pg_dump $option: not the many");
	cmp_ok(people($r), '<=', 100, "B07 pg_dump $option: and no more arrive");
	like($r->{error}, qr/human_genomic/, "B07 pg_dump $option: and says why");
}
foreach (
	[ '\g into a program', 'SELECT seq FROM few \g |cat' ],
	[ '\gset', "SELECT string_agg(seq, ',') AS v FROM few \\gset\n\\echo :v" ],
	[ '\gexec', "SELECT format('SELECT %L', seq) FROM few \\gexec" ],
	[ '\crosstabview', "SELECT seq, 1, seq FROM few \\crosstabview" ],
	[ 'FETCH_COUNT', "\\set FETCH_COUNT 3\nSELECT seq FROM few;" ])
{
	my ($name, $in) = @$_;
	my $role = $lab->recipient;

	begin();
	is(people(client_program('psql', user => $role, options => ['-XAt'], in => "$in\n")) . ' ' . $lab->counted($role), '20 20', "B08 $name");
	begin();
	$role = $lab->recipient;
	cmp_ok(people(client_program('psql', user => $role, options => ['-XAt'], in => "$in\n" =~ s/few/many/r)), '<=', 100, "B08 $name: not the many");
}

# ---- D: copies ------------------------------------------------------------------------

# The tag of a column: category, subject, space.
sub tag_of
{
	my ($relation, $column) = @_;

	return join ' ', map { $_ // '-' } @{
		$lab->{officer}->query("SELECT category, subject::text, space FROM dsec.tagged_columns WHERE relation = 's$owners.$relation'::regclass AND column_name = '$column'")
		  ->{rows}[0] // ['no tag']
	};
}

# A copy that has the people of its source: they are the same people, tagged, counted
# once, and stopped at a hundred.
sub same_people
{
	my ($name, $relation, $column, @steps) = @_;
	my $subject = ref $steps[-1] ? pop @steps : 'person_id';

	$subject = $$subject if ref $subject;
	begin();
	foreach (@steps)
	{
		$r = $c->query(s/GENOMES/few/gr);
		is($r->{sqlstate}, '', "$name: " . s/GENOMES/few/gr) or diag("$r->{error} $r->{detail}");
	}
	is(tag_of($relation, $column), "human_genomic {$subject} person", "$name: the tag follows, with subject and space");
	$r = $c->query("COPY (SELECT $column FROM $relation) TO STDOUT");
	is(people($r) . ' ' . sent(), '20 20', "$name: the people in it are counted") or diag("$r->{error} $r->{detail}");
	$c->query('COPY few TO STDOUT');
	is(sent(), 20, "$name: they are the people of the source");
	begin();
	$c->query(s/GENOMES/many/gr) foreach @steps;
	$r = $c->query("COPY (SELECT $column FROM $relation) TO STDOUT");
	is("$r->{sqlstate} " . sent(), 'DS001 100', "$name: a hundred are the limit");
	cmp_ok(people($r), '<=', 100, "$name: and no more arrive");
	return;
}

same_people('D01 CREATE TABLE AS', 'copied', 'seq', 'CREATE TABLE copied AS SELECT * FROM GENOMES');
same_people('D01 CREATE TABLE AS, with other names', 'copied', 'b', 'CREATE TABLE copied (b, a) AS SELECT lower(seq) || upper(seq), person_id FROM GENOMES', \'a');
same_people('D01 SELECT INTO', 'copied', 'seq', 'SELECT * INTO copied FROM GENOMES WHERE lab >= 0');
same_people('D01 CREATE TABLE AS EXECUTE', 'copied', 'seq', 'PREPARE p AS SELECT * FROM GENOMES', 'CREATE TABLE copied AS EXECUTE p', 'DEALLOCATE p');
same_people('D02 INSERT', 'copied', 'note', 'CREATE TABLE copied (id int, note text)', 'INSERT INTO copied SELECT person_id, seq FROM GENOMES', \'id');
same_people('D02 MERGE', 'copied', 'note', 'CREATE TABLE copied (id int, note text)',
	'MERGE INTO copied USING GENOMES ON id = person_id WHEN NOT MATCHED THEN INSERT VALUES (person_id, seq)', \'id');
same_people('D03 CREATE MATERIALIZED VIEW', 'copied', 'seq', 'CREATE MATERIALIZED VIEW copied AS SELECT * FROM GENOMES');
same_people('D03 REFRESH', 'copied', 'seq',
	'CREATE MATERIALIZED VIEW copied AS SELECT * FROM GENOMES WITH NO DATA', 'REFRESH MATERIALIZED VIEW copied');
same_people('D03 REFRESH CONCURRENTLY', 'copied', 'seq',
	'CREATE MATERIALIZED VIEW copied AS SELECT * FROM GENOMES WITH NO DATA', 'REFRESH MATERIALIZED VIEW copied',
	'CREATE UNIQUE INDEX ON copied (person_id)', 'REFRESH MATERIALIZED VIEW CONCURRENTLY copied');
same_people('D04 an unlogged table', 'copied', 'seq', 'CREATE UNLOGGED TABLE copied AS SELECT * FROM GENOMES');
same_people('D04 by way of a temporary table', 'copied', 'seq', 'CREATE TEMP TABLE t AS SELECT * FROM GENOMES', 'CREATE TABLE copied AS SELECT * FROM t', 'DROP TABLE t');
same_people('D07 a generated column', 'copied', 'g',
	'CREATE TABLE copied (person_id int, seq text, g text GENERATED ALWAYS AS (upper(seq)) STORED)', 'INSERT INTO copied SELECT person_id, seq FROM GENOMES');
same_people('D08 LIKE', 'copied', 'seq', 'CREATE TABLE copied (LIKE GENOMES)', 'INSERT INTO copied SELECT * FROM GENOMES');
same_people('D08 INHERITS', 'copied', 'seq', 'CREATE TABLE copied () INHERITS (GENOMES)', 'WITH d AS (DELETE FROM ONLY GENOMES RETURNING *) INSERT INTO copied SELECT * FROM d',
	'INSERT INTO GENOMES SELECT * FROM copied', 'ALTER TABLE copied NO INHERIT GENOMES');
same_people('D08 PARTITION OF, detached', 'copied', 'seq',
	'CREATE TABLE whole (LIKE GENOMES) PARTITION BY LIST (person_id)', 'CREATE TABLE copied PARTITION OF whole DEFAULT',
	'INSERT INTO whole SELECT * FROM GENOMES', 'ALTER TABLE whole DETACH PARTITION copied');
same_people('D08 attached and detached', 'copied', 'seq',
	'CREATE TABLE copied AS SELECT * FROM GENOMES', 'CREATE TABLE whole (person_id int, seq text, lab int) PARTITION BY LIST (person_id)',
	'ALTER TABLE whole ATTACH PARTITION copied DEFAULT', 'ALTER TABLE whole DETACH PARTITION copied');
same_people('D09 DROP COLUMN and ADD COLUMN', 'copied', 'note',
	'CREATE TABLE copied AS SELECT * FROM GENOMES', 'ALTER TABLE copied ADD note text', 'UPDATE copied SET note = seq',
	'ALTER TABLE copied DROP COLUMN seq');
same_people('D09 a table rebuilt and swapped', 'copied', 'seq',
	'CREATE TABLE copied (person_id int, seq text)',
	'CREATE TABLE copied_new AS SELECT person_id, seq FROM GENOMES', 'BEGIN', 'ALTER TABLE copied RENAME TO copied_old',
	'ALTER TABLE copied_new RENAME TO copied', 'DROP TABLE copied_old', 'COMMIT');

# A copy whose key did not come along: each row counts.
foreach (
	[ 'D01 CREATE TABLE AS without the key', 'CREATE TABLE copied AS SELECT seq AS note FROM few' ],
	[ 'D02 UPDATE', 'CREATE TABLE copied (note text, n int)', 'INSERT INTO copied SELECT NULL, i FROM generate_series(1, 20) i', 'UPDATE copied SET note = seq FROM few WHERE n = person_id' ],
	[ 'D04 a temporary table', 'CREATE TEMP TABLE copied AS SELECT seq AS note FROM few' ],
	[ 'D05 a trigger that copies NEW', 'CREATE TABLE copied (note text)',
		"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO copied VALUES (NEW.seq); RETURN NEW; END'",
		'CREATE TRIGGER t AFTER UPDATE ON few FOR EACH ROW EXECUTE FUNCTION t()', 'UPDATE few SET lab = 1' ],
	[ 'D06 a rule', 'CREATE TABLE copied (note text)', 'CREATE RULE r AS ON UPDATE TO few DO ALSO INSERT INTO copied VALUES (NEW.seq)', 'UPDATE few SET lab = 1' ],
	[ 'D06 a policy', 'CREATE TABLE copied (note text)',
		"CREATE FUNCTION put(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO copied VALUES (\$1); RETURN true; END'",
		'ALTER TABLE few ENABLE ROW LEVEL SECURITY', 'ALTER TABLE few FORCE ROW LEVEL SECURITY', 'CREATE POLICY p ON few USING (put(seq))', 'SELECT count(*) FROM few' ],
	[ 'D06 a column\'s default', "CREATE FUNCTION take(int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT seq FROM few WHERE person_id = \$1); END'",
		'CREATE SEQUENCE n', "CREATE TABLE copied (i int, note text DEFAULT take(nextval('n')::int))", 'INSERT INTO copied (i) SELECT generate_series(1, 20)' ])
{
	my ($name, @steps) = @$_;
	my ($arrived, $counted);

	begin();
	foreach (@steps)
	{
		$r = $c->query($_);
		is($r->{sqlstate}, '', "$name: $_") or diag("$r->{error} $r->{detail}");
	}
	$r = $c->query('COPY (SELECT note FROM copied) TO STDOUT');
	($arrived, $counted) = (people($r), sent());
	ok($arrived <= $counted, "$name: $arrived arrive, $counted are counted") or diag("$r->{error} $r->{detail}");
	like($r->{sqlstate}, qr/^(DS003)?$/, "$name: exported, or refused because nobody can count");
}

# A view needs no tag.
begin();
$c->value($_) foreach ('CREATE VIEW seen AS SELECT lower(seq) || seq AS s FROM few', 'CREATE VIEW seen_again AS SELECT s FROM seen OFFSET 0');
is(people($c->query('COPY (SELECT * FROM seen_again) TO STDOUT')) . ' ' . sent(), '20 20', 'D03 a view over a view');

# An index and statistics keep values; nobody can read them who counts.
begin();
$c->value($_) foreach ('CREATE INDEX ON few (lower(seq))', 'CREATE STATISTICS st ON lower(seq), lab FROM few', 'ANALYZE few');
is($c->query('COPY (SELECT most_common_vals, histogram_bounds FROM pg_stats) TO STDOUT')->{sqlstate}, 'DS003', 'D07 statistics of an expression index');
is($c->query('COPY (SELECT * FROM pg_stats_ext_exprs) TO STDOUT')->{sqlstate}, 'DS003', 'D07 extended statistics');

# ---- F: the network ------------------------------------------------------------------------

SKIP:
{
	skip 'postgres_fdw or dblink is not installed', 1 unless $extensions;
	my $there = Dsec::node('there', preload => '', extension => 0);
	my $options = sprintf "OPTIONS (host '%s', port '%s', dbname 'postgres')", $there->host, $there->port;
	my $servers = 0;
	my $connection = sprintf 'host=%s port=%s dbname=postgres user=sink password=sesame', $there->host, $there->port;

	unlink $there->data_dir . '/pg_hba.conf';
	$there->append_conf('pg_hba.conf', "local all sink scram-sha-256\nlocal all all trust\n");
	$there->append_conf('postgresql.conf', "log_statement = all\n");
	$there->restart;
	$there->safe_psql('postgres', q{
		CREATE ROLE sink LOGIN SUPERUSER PASSWORD 'sesame';
		CREATE TABLE taken (person_id int, seq text);
		INSERT INTO taken SELECT i, 'none' FROM generate_series(1, 20) i});
	$lab->officer("CREATE EXTENSION $_") foreach 'postgres_fdw', 'dblink';

	# a server and its recipient
	my $server = sub {
		begin();
		++$servers;
		$lab->officer($_) foreach (
			"CREATE SERVER away$servers FOREIGN DATA WRAPPER postgres_fdw $options",
			"CREATE USER MAPPING FOR PUBLIC SERVER away$servers OPTIONS (user 'sink', password 'sesame')",
			"GRANT USAGE ON FOREIGN SERVER away$servers TO $owner",
			"SELECT dsec.add_recipient('Away $servers', 'XX', 'covered')",
			"SELECT dsec.bind_server('postgres', 'away$servers', 'Away $servers')");
		$c->value("CREATE FOREIGN TABLE taken (person_id int, seq text) SERVER away$servers OPTIONS (schema_name 'public')");
	};
	my $charged = sub { Dsec::counted($node, "Away $servers", 'human_genomic') };
	my $log = 0;
	my $arrived = sub {
		my $text = slurp_file($there->logfile, $log);

		$log = -s $there->logfile;
		return people($text);
	};

	foreach (
		[ 'F01 INSERT', 20, 'INSERT INTO taken SELECT person_id, seq FROM GENOMES' ],
		[ 'F01 INSERT in batches', 20, 'ALTER FOREIGN TABLE taken OPTIONS (ADD batch_size \'7\')', 'INSERT INTO taken SELECT person_id, seq FROM GENOMES' ],
		[ 'F01 INSERT with VALUES', 1, 'INSERT INTO taken VALUES (1, (SELECT seq FROM GENOMES WHERE person_id = 7))' ],
		[ 'F01 UPDATE', 20, 'UPDATE taken t SET seq = g.seq FROM GENOMES g WHERE g.person_id = t.person_id' ],
		[ 'F01 a foreign partition', 20, 'CREATE TABLE whole (person_id int, seq text) PARTITION BY LIST (person_id)',
			'ALTER TABLE whole ATTACH PARTITION taken DEFAULT', 'INSERT INTO whole SELECT person_id, seq FROM GENOMES' ],
		[ 'F01 row movement', 20, 'CREATE TABLE whole (person_id int, seq text) PARTITION BY RANGE (person_id)',
			'CREATE TABLE near PARTITION OF whole FOR VALUES FROM (0) TO (1000)', 'ALTER TABLE whole ATTACH PARTITION taken FOR VALUES FROM (1000) TO (3000)',
			'INSERT INTO near SELECT person_id, seq FROM GENOMES', 'UPDATE whole SET person_id = person_id + 1000 WHERE person_id < 1000' ],
		[ 'F01 a tagged foreign table', 20, "SECURITY LABEL FOR dsec ON FOREIGN TABLE taken IS 'subject=person_id; space=person'",
			"SECURITY LABEL FOR dsec ON COLUMN taken.seq IS 'human_genomic'",
			'INSERT INTO taken VALUES ' . join ', ', map { "($_, 'G$_')" } 1 .. 20 ],
		[ 'F02 a parameter', 1, 'SELECT * FROM taken WHERE seq = (SELECT seq FROM GENOMES WHERE person_id = 7)' ],
		[ 'F02 = ANY', 20, 'SELECT * FROM taken WHERE seq = ANY (ARRAY(SELECT seq FROM GENOMES))' ],
		[ 'F02 a nested loop', 20, "ALTER FOREIGN TABLE taken OPTIONS (ADD use_remote_estimate 'true')",
			'SELECT * FROM GENOMES g, LATERAL (SELECT * FROM taken t WHERE t.seq = g.seq OFFSET 0) q' ],
		[ 'F02 DELETE', 1, 'DELETE FROM taken WHERE seq = (SELECT seq FROM GENOMES WHERE person_id = 7)' ])
	{
		my ($name, $expected, @steps) = @$_;
		my $limited = 1;

		$server->();
		$arrived->();
		foreach (@steps)
		{
			$r = $c->query(s/GENOMES/few/r);
			is($r->{sqlstate}, '', "$name: " . substr s/GENOMES/few/r, 0, 60) or diag("$r->{error} $r->{detail}");
		}
		# one who goes by a subquery, or whose copy here has lost its key, may count twice
		my ($got, $counted) = ($arrived->(), $charged->());
		ok($got == $expected && $counted >= $expected && $counted <= 2 * $expected,
			"$name: who arrives is counted for the server's recipient ($got arrived, $counted counted)");
		next if $expected == 1;
		$server->();
		$r = $c->query(s/GENOMES/many/r =~ s/('G20'\))/"$1, " . join ', ', map { "($_, 'G$_')" } 21 .. 120/er) foreach @steps;
		is($r->{sqlstate} . ' ' . $charged->(), 'DS001 100', "$name: a hundred are the limit") or diag("$r->{error} $r->{detail}");
		cmp_ok($arrived->(), '<=', 100, "$name: and no more arrive");
	}

	# COPY FROM into a tagged foreign table
	$server->();
	$arrived->();
	$c->value($_) foreach (
		"SECURITY LABEL FOR dsec ON FOREIGN TABLE taken IS 'subject=person_id; space=person'",
		"SECURITY LABEL FOR dsec ON COLUMN taken.seq IS 'human_genomic'");
	client_program('psql', options => ['-X'], in => "COPY s$owners.taken FROM STDIN;\n" . join('', map { "$_\tG$_\n" } 1 .. 20) . "\\.\n");
	is($arrived->() . ' ' . $charged->(), '20 20', 'F01 COPY FROM: who arrives is counted');
	$r = client_program('psql', options => [ '-X', '-v', 'VERBOSITY=verbose' ], in => "COPY s$owners.taken FROM STDIN;\n" . join('', map { "$_\tG$_\n" } 1 .. 120) . "\\.\n");
	is($r->{sqlstate} . ' ' . $charged->(), 'DS001 100', 'F01 COPY FROM: a hundred are the limit');
	cmp_ok($arrived->(), '<=', 100, 'F01 COPY FROM: and no more arrive');

	# dblink: the recipient is that of the session, or of the function
	foreach (
		[ 'dblink', 'SELECT count(*) FROM few, LATERAL dblink(\'c\', format(\'SELECT %L\', seq)) AS t(x text)' ],
		[ 'dblink_exec', 'SELECT count(dblink_exec(\'c\', format(\'INSERT INTO taken VALUES (1, %L)\', seq))) FROM few' ],
		[ 'dblink_send_query', 'SELECT dblink_send_query(\'c\', (SELECT format(\'SELECT %L\', string_agg(seq, \',\')) FROM few))' ],
		[ 'dblink_open', "SELECT count(dblink_open('c', lower(seq), format('SELECT %L', seq))), count(dblink_close('c', lower(seq))) FROM few" ],
		[ 'dblink_connect', "SELECT count(dblink_connect('c' || person_id, '$connection application_name=' || seq)) FROM few" ])
	{
		my ($name, $sql) = @$_;

		begin();
		$c->value("SELECT dblink_connect('c', '$connection')");
		$arrived->();
		$r = $c->query($sql);
		is($r->{sqlstate}, '', "F03 $name") or diag("$r->{error} $r->{detail}");
		is(sent(), 20, "F03 $name: who is in its argument is counted");
		# as many connections there are not
		next if $name eq 'dblink_connect';
		begin();
		$c->value("SELECT dblink_connect('c', '$connection')");
		$arrived->();
		$r = $c->query($sql =~ s/few/many/r);
		is($r->{sqlstate}, 'DS001', "F03 $name: a hundred are the limit");
		cmp_ok($arrived->(), '<=', 100, "F03 $name: and no more arrive");
	}

	# options made of what was read
	foreach (
		"ALTER SERVER away OPTIONS (SET dbname %L)", "ALTER USER MAPPING FOR CURRENT_USER SERVER away OPTIONS (SET user %L)",
		"ALTER FOREIGN TABLE s.taken OPTIONS (SET table_name %L)", "IMPORT FOREIGN SCHEMA %I FROM SERVER away INTO s")
	{
		my ($n, $ddl) = ($owners + 1, $_);

		begin();
		$lab->officer("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO $owner");
		$c->value($_) foreach (
			"CREATE SERVER own$n FOREIGN DATA WRAPPER postgres_fdw $options",
			"CREATE USER MAPPING FOR CURRENT_USER SERVER own$n OPTIONS (user 'sink', password 'sesame')",
			"CREATE FOREIGN TABLE taken (person_id int, seq text) SERVER own$n OPTIONS (table_name 'taken')");
		$ddl = $ddl =~ s/away/own$n/r =~ s/\bs\b/s$n/r;
		$arrived->();
		$r = $c->query("DO 'DECLARE s text; BEGIN FOR s IN SELECT seq FROM few LOOP EXECUTE format(''$ddl'', s); BEGIN PERFORM FROM taken; EXCEPTION WHEN others THEN NULL; END; END LOOP; END'");
		my ($got, $counted) = ($arrived->(), sent());
		cmp_ok($got, '<=', $counted, "F04 $ddl: $got arrive, $counted are counted") or diag("$r->{error} $r->{detail}");
	}
	$there->stop;
}

$node->stop;
done_testing();
