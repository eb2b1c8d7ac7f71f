# Counting and stock-taking, for test/bench/run: parts "count" and "holdings".
# Two statements of one cluster ("loaded") are compared, in one session; they
# alternate, and so does which of them goes first.

# more than any statement here needs, so that nothing spills
count_settings="SET work_mem = '3GB'; SET hash_mem_multiplier = 1; SET max_parallel_workers_per_gather = 0;"

# lap FILE STATEMENT: adds a statement to a script, and a line with the time and
# the CPU time it took
lap()
{
	cat >>"$1" <<-SQL
		SELECT extract(epoch FROM clock_timestamp()) AS t, split_part(pg_read_file('/proc/self/schedstat'), ' ', 1) AS c \gset
		\o /dev/null
		$2;
		\o
		SELECT extract(epoch FROM clock_timestamp()) - :t, round((split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric - :c) / 1e9, 6);
	SQL
}

# spilled: bytes of temporary files of sessions that have ended
spilled()
{
	sql loaded bench -c 'SELECT pg_stat_clear_snapshot()' \
		-c "SELECT temp_bytes FROM pg_stat_database WHERE datname = 'bench'" | tail -n 1
}

# laps SETTINGS A B: sets "times" to one line a pair, "A B CPU-of-A CPU-of-B", after
# a run of both that is not measured
laps()
{
	local script=$work/laps.sql i before

	printf '%s\n' "$1" '\o /dev/null' "$2;" "$3;" '\o' >"$script"
	for ((i = 0; i < pairs; i++))
	do
		if [ $((i % 2)) = 0 ]
		then
			lap "$script" "$2"
			lap "$script" "$3"
		else
			lap "$script" "$3"
			lap "$script" "$2"
		fi
	done
	before=$(spilled)
	times=$(sql loaded bench -F ' ' -f "$script" | awk '
		NR % 2 == 1 { t = $1; c = $2 }
		NR % 2 == 0 && NR % 4 == 2 { print t, $1, c, $2 }
		NR % 4 == 0 { print $1, t, $2, c }')
	[ "$(grep -c . <<<"$times")" = "$pairs" ] || die "the statements did not run: $2; $3"
	# counters arrive a moment after the session's end
	sleep 0.5
	[ "$(spilled)" = "$before" ] || say "# this one spilled to disk"
}

# ratio_of NAME TARGET SETTINGS A B
ratio_of()
{
	local times

	laps "$3" "$4" "$5"
	[ -z "${V:-}" ] || awk -v name="$1" '{ print "# " name ": " $1 " s (" $3 " CPU), against " $2 " s (" $4 " CPU)" }' <<<"$times"
	result "$1" "$2" $(awk '{ print $1 / $2 }' <<<"$times")
	result "$1_cpu" - $(awk '{ print $3 / $4 }' <<<"$times")
}

# same A B: both statements have the same result
same()
{
	local a b

	a=$(sql loaded bench -c "$count_settings" -c "$1")
	b=$(sql loaded bench -c "$count_settings" -c "$2")
	[ -n "$a" ] && [ "$a" = "$b" ] || die "$1 does not give what $2 gives"
}

# peak STATEMENT: the most memory of its own that a fresh session needed, in bytes
peak()
{
	sql loaded bench -o /dev/null -c "$count_settings" -c "$1" -c '\o' \
		-c "SELECT (split_part(split_part(s, 'VmHWM:', 2), 'kB', 1)::bigint -
			split_part(split_part(s, 'RssShmem:', 2), 'kB', 1)::bigint -
			split_part(split_part(s, 'RssFile:', 2), 'kB', 1)::bigint) * 1024
			FROM pg_read_file('/proc/self/status') s"
}

# The extension is taken out of Debian's package, into the private installation:
# the system stays as it is.
get_hll()
{
	local dir=$work/hll

	! sql loaded bench -c 'CREATE EXTENSION hll' >/dev/null 2>&1 || return 0
	mkdir -p "$dir"
	(
		cd "$dir"
		apt-get -qq download "postgresql-$pg_major-hll" >/dev/null 2>&1 ||
			{ apt-get -qq update >/dev/null 2>&1 && apt-get -qq download "postgresql-$pg_major-hll" >/dev/null 2>&1; }
		dpkg-deb -x ./*.deb .
		cp --remove-destination usr/lib/postgresql/"$pg_major"/lib/hll.so "$work/pg$("$PG_CONFIG" --pkglibdir)/"
		cp --remove-destination usr/share/postgresql/"$pg_major"/extension/hll* "$work/pg$("$PG_CONFIG" --sharedir)/extension/"
		chmod -R a+rX "$work/pg"
	) 2>/dev/null && sql loaded bench -c 'CREATE EXTENSION hll' >/dev/null 2>&1
}

# pin CPU-LIST: the postmaster and whatever it starts from now on
pin()
{
	taskset -p -c "$1" "$(head -n 1 "$work/loaded/postmaster.pid")" >/dev/null
}

bench_count()
{
	local n=${BENCH_COUNT_ROWS:-10000000} few set a b

	few=$((n / 10))
	say "# $n rows, $few distinct keys (count_int_10m: all distinct)"
	sql loaded bench -o /dev/null <<-SQL
		CREATE SCHEMA count;
		CREATE TABLE count.few AS SELECT 1 + abs(hashint8extended(i, 0) % $few) AS k FROM generate_series(1, bigint '$n') i;
		CREATE TABLE count.many AS SELECT i AS k FROM generate_series(1, bigint '$n') i ORDER BY hashint8extended(i, 0);
		CREATE TABLE count.text AS SELECT 'patient-' || lpad(k::text, 8, '0') AS k FROM count.few;
		CREATE TABLE count.uuid AS SELECT md5(k::text)::uuid AS k FROM count.few;
		CREATE TABLE count.groups AS SELECT (row_number() OVER () % 1000)::int AS g, k FROM count.few;
		ALTER TABLE count.few SET (parallel_workers = 2);
		VACUUM (FREEZE, ANALYZE) count.few, count.many, count.text, count.uuid, count.groups;
		CHECKPOINT;
	SQL
	for set in few many text uuid
	do
		same "SELECT dsec.subject_count(k) FROM count.$set" "SELECT count(DISTINCT k) FROM count.$set"
	done
	same "SELECT g, dsec.subject_count(k) FROM count.groups GROUP BY g ORDER BY g" \
		"SELECT g, count(DISTINCT k) FROM count.groups GROUP BY g ORDER BY g"

	ratio_of count_int_1m 1.5 "$count_settings" \
		'SELECT dsec.subject_count(k) FROM count.few' 'SELECT count(k) FROM count.few'
	ratio_of count_int_10m 0.8 "$count_settings" \
		'SELECT dsec.subject_count(k) FROM count.many' 'SELECT count(DISTINCT k) FROM count.many'
	ratio_of count_text 0.5 "$count_settings" \
		'SELECT dsec.subject_count(k) FROM count.text' 'SELECT count(DISTINCT k) FROM count.text'
	ratio_of count_uuid 0.5 "$count_settings" \
		'SELECT dsec.subject_count(k) FROM count.uuid' 'SELECT count(DISTINCT k) FROM count.uuid'

	if get_hll
	then
		ratio_of count_hll 1.0 "$count_settings" \
			'SELECT dsec.subject_count(k) FROM count.few' 'SELECT hll_add_agg(hll_hash_bigint(k)) FROM count.few'
	else
		say "# count_hll is left out: postgresql-$pg_major-hll cannot be had"
	fi

	# time and memory of many groups
	ratio_of count_groups - "$count_settings" \
		'SELECT g, dsec.subject_count(k) FROM count.groups GROUP BY g' \
		'SELECT g, count(DISTINCT k) FROM count.groups GROUP BY g'
	a=$(peak 'SELECT g, dsec.subject_count(k) FROM count.groups GROUP BY g')
	b=$(peak 'SELECT g, count(DISTINCT k) FROM count.groups GROUP BY g')
	say "# count_groups_memory: $((a >> 20)) MiB, against $((b >> 20)) MiB"
	result count_groups_memory - "$(calculate "$a / $b")"

	bench_count_parallel
	bench_set_size
}

# How much faster two workers make it, in relation to how much faster they make
# count(k); on all CPUs.
bench_count_parallel()
{
	local workers="${count_settings/gather = 0/gather = 2} SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;" kind plan statement times
	local -A speedups=()

	if [ "$(nproc --all)" -lt 2 ]
	then
		say "# count_parallel is left out: it needs two CPUs"
		return
	fi
	for statement in 'SELECT dsec.subject_count(k) FROM count.few' 'SELECT count(k) FROM count.few'
	do
		plan=$(sql loaded bench -c "$workers" -c "EXPLAIN (COSTS OFF) $statement")
		grep -q 'Workers Planned: 2' <<<"$plan" || die "two workers are not planned for $statement"
	done
	pin "0-$(($(nproc --all) - 1))"
	for kind in 'dsec.subject_count' 'count'
	do
		statement="SELECT $kind(k) FROM count.few"
		# the settings change from one to the other, so they are part of the statement
		laps "$workers" "SET max_parallel_workers_per_gather = 0; $statement" \
			"SET max_parallel_workers_per_gather = 2; $statement"
		[ -z "${V:-}" ] || awk -v name="$kind" '{ print "# count_parallel: " name " " $1 " s alone, " $2 " s with two workers" }' <<<"$times"
		speedups[$kind]=$(awk '{ print $1 / $2 }' <<<"$times")
	done
	pin "$cpu"
	result count_parallel '>0.9' $(paste -d ' ' <(printf '%s\n' "${speedups[dsec.subject_count]}") \
		<(printf '%s\n' "${speedups[count]}") | awk '{ print $1 / $2 }')
}

# bytes a subject on disk, of a set of 100,000: table, TOAST table and its index,
# without the maps of free space and visibility, which do not depend on the set
bench_set_size()
{
	sql loaded bench -o /dev/null <<-SQL
		CREATE TABLE count.set AS SELECT dsec.subject_set(k) AS s FROM (SELECT k FROM count.many LIMIT 100000) m;
	SQL
	result set_bytes 9 "$(sql loaded bench -c "
		SELECT (pg_relation_size(c.oid) + pg_relation_size(reltoastrelid) + pg_indexes_size(reltoastrelid))::numeric /
			(SELECT dsec.cardinality(s) FROM count.set)
		FROM pg_class c WHERE c.oid = 'count.set'::regclass")"
}

bench_holdings()
{
	local n=${BENCH_HOLDINGS_ROWS:-50000000} tables=100 i counts= all= held judge

	say "# $tables tables, $n rows in all"
	for ((i = 1; i <= tables; i++))
	do
		counts+="SELECT count(patient_id) FROM holdings.t$i; "
		all+="${all:+ UNION ALL }SELECT patient_id FROM holdings.t$i"
		cat <<-SQL
			CREATE TABLE holdings.t$i (patient_id bigint, code text);
			INSERT INTO holdings.t$i
			SELECT 1 + abs(hashint8extended(i, $i) % $((n / 10 + 1))), 'A' || i % 100 FROM generate_series(1, $((n / tables))) i;
			VACUUM (FREEZE, ANALYZE) holdings.t$i;
			SECURITY LABEL FOR dsec ON TABLE holdings.t$i IS 'subject=patient_id; space=person';
			SECURITY LABEL FOR dsec ON COLUMN holdings.t$i.code IS 'personal_health';
		SQL
	done >"$work/holdings.sql"
	sql loaded bench -o /dev/null -c 'SET client_min_messages = warning' -c 'DROP SCHEMA IF EXISTS bench CASCADE' -c 'CREATE SCHEMA holdings'
	sql loaded bench -o /dev/null -f "$work/holdings.sql" -c CHECKPOINT
	ratio_of holdings 1.5 "$count_settings" 'CALL dsec.refresh_holdings()' "${counts%; }"

	held=$(sql loaded bench -c "SELECT subjects FROM dsec.holdings WHERE category = 'personal_health' AND space = 'person'")
	judge=$(sql loaded bench -c "$count_settings" -c "SELECT count(DISTINCT patient_id) FROM ($all) p")
	[ "$held" = "$judge" ] || die "holdings say ${held:-nothing}, not $judge"
}
