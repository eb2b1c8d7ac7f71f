# What is sent to another server, for test/bench/run: part "fdw".  A third cluster
# without dsec, "remote", receives from both, through postgres_fdw in batches of
# 1000 rows.

# run_send CLUSTER STATEMENT [BEFORE]
run_send()
{
	sql remote bench -c 'TRUNCATE bench_far'
	run_statement "$@"
	[ "$(sql remote bench -c 'SELECT count(*) FROM bench_far')" = $((sent * ($# - 1))) ] || die "the rows of $1 did not arrive"
}

bench_fdw()
{
	local source='INSERT INTO fdw.far SELECT * FROM fdw.near' sink='INSERT INTO fdw.sink SELECT * FROM fdw.literal'
	local sent=${BENCH_FDW_ROWS:-1000000} people cluster port

	people=$((sent / 5))
	say "# $sent rows, $people subjects, to another server"
	new_server remote bench
	as_server tee -a "$work/remote/postgresql.conf" >/dev/null <<-CONF
		shared_preload_libraries = ''
		shared_buffers = 256MB
		max_wal_size = 8GB
		autovacuum = off
		fsync = off
	CONF
	start_server remote
	port=$(sed -n 's/^port = \([0-9]*\)$/\1/p' "$work/remote/postgresql.conf" | tail -n 1)
	sql remote bench -c 'CREATE UNLOGGED TABLE bench_far (patient_id bigint, code text)'
	for cluster in loaded plain
	do
		sql "$cluster" bench -o /dev/null <<-SQL
			SET client_min_messages = warning;
			CREATE EXTENSION postgres_fdw;
			CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw
				OPTIONS (host '$work/s', port '$port', dbname 'bench', batch_size '1000');
			CREATE USER MAPPING FOR PUBLIC SERVER remote OPTIONS (user 'postgres', password_required 'false');
			CREATE SCHEMA fdw;
			CREATE TABLE fdw.near AS
				SELECT 1 + (i * bigint '7919') % $people AS patient_id, 'code ' || i % 100 AS code FROM generate_series(1, bigint '$sent') i;
			CREATE TABLE fdw.literal AS SELECT * FROM fdw.near;
			CREATE FOREIGN TABLE fdw.far (patient_id bigint, code text) SERVER remote OPTIONS (schema_name 'public', table_name 'bench_far');
			CREATE FOREIGN TABLE fdw.sink (patient_id bigint, code text) SERVER remote OPTIONS (schema_name 'public', table_name 'bench_far');
			VACUUM (FREEZE, ANALYZE) fdw.near, fdw.literal;
			CHECKPOINT;
		SQL
	done
	sql loaded bench <<-SQL
		SECURITY LABEL FOR dsec ON TABLE fdw.near IS 'subject=patient_id; space=person';
		SECURITY LABEL FOR dsec ON COLUMN fdw.near.code IS 'personal_health';
		SECURITY LABEL FOR dsec ON FOREIGN TABLE fdw.sink IS 'subject=patient_id; space=person';
		SECURITY LABEL FOR dsec ON COLUMN fdw.sink.code IS 'personal_health';
	SQL
	sql loaded postgres -o /dev/null <<-SQL
		SELECT dsec.add_recipient('Far', 'XX', 'domestic');
		SELECT dsec.bind_server('bench', 'remote', 'Far');
	SQL

	# afterwards everybody is in the ledger, and everything in memory
	for cluster in loaded plain
	do
		run_send "$cluster" "$source"
		run_send "$cluster" "$sink"
	done
	pairs_of fdw_insert 1.05 run_send "$source" "$source"
	pairs_of fdw_insert_new_session - run_send "$source"
	pairs_of fdw_insert_sink - run_send "$sink" "$sink"

	sql loaded postgres -c 'SELECT dsec.flush_events()' >/dev/null
	[ "$(sql loaded postgres -c "SELECT count(*) FROM dsec.exports WHERE 'Far' = ANY (recipients) AND decision = 'allow'")" -gt 0 ] ||
		die "nothing of what was sent is on record"
	[ "$(sql loaded bench -c "SELECT dsec.was_sent('Far', 'personal_health', 'person', bigint '$people') IS NOT NULL")" = t ] ||
		die "the ledger does not know who was sent"
	stop_server remote
}
