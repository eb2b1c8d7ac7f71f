# What is copied within the database, for test/bench/run: part "copies".

run_ctas()
{
	sql "$1" bench -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS copies.made'
	run_statement "$1" 'CREATE TABLE copies.made AS SELECT * FROM copies.source'
}

# run_inserts CLUSTER: single rows into a table without tags
run_inserts()
{
	local before after begun

	sql "$1" bench -c 'TRUNCATE copies.plain'
	before=$(ended_cpu "$1")
	begun=$EPOCHREALTIME
	on_server "$1" pgbench -n -f "$work/insert.sql" -M prepared -c 1 -j 1 -t "$inserts" --random-seed=1 bench >"$work/pgbench.out" 2>&1 ||
		{ cat "$work/pgbench.out" >&2; die "pgbench failed on $1"; }
	cost=$(calculate "$EPOCHREALTIME - $begun")
	after=$before
	while [ "$after" = "$before" ]
	do
		after=$(ended_cpu "$1")
	done
	on_cpu=$(calculate "$after - $before")
}

bench_copies()
{
	local n=${BENCH_COPIES_ROWS:-5000000} inserts=${BENCH_INSERTS:-200000} cluster

	say "# CREATE TABLE AS of $n rows; $inserts INSERTs"
	for cluster in loaded plain
	do
		sql "$cluster" bench -o /dev/null <<-SQL
			SET client_min_messages = warning;
			CREATE SCHEMA copies;
			CREATE TABLE copies.source AS
				SELECT i AS id, 1 + (i * bigint '7919') % $((n / 5 + 1)) AS patient_id, 'code ' || i % 100 AS code, i % 7 AS n
				FROM generate_series(1, bigint '$n') i;
			CREATE TABLE copies.plain (id bigint, name text, at timestamptz DEFAULT now());
			VACUUM (FREEZE, ANALYZE) copies.source;
			CHECKPOINT;
		SQL
	done
	sql loaded bench <<-SQL
		SECURITY LABEL FOR dsec ON TABLE copies.source IS 'subject=patient_id; space=person';
		SECURITY LABEL FOR dsec ON COLUMN copies.source.code IS 'personal_health';
	SQL
	as_server tee "$work/insert.sql" >/dev/null <<-'SQL'
		\set id random(1, 1000000)
		INSERT INTO copies.plain (id, name) VALUES (:id, 'a name of some length');
	SQL

	for cluster in loaded plain
	do
		run_ctas "$cluster"
	done
	pairs_of ctas 1.03 run_ctas
	[ "$(sql loaded bench -c "SELECT count(*) FROM pg_seclabels WHERE provider = 'dsec' AND objoid = 'copies.made'::regclass AND objsubid > 0 AND label LIKE 'personal_health;%subject=patient_id%'")" = 1 ] ||
		die "the tag did not follow"

	for cluster in loaded plain
	do
		run_inserts "$cluster"
	done
	pairs_of insert_plain - run_inserts
}
