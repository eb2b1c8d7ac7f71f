# Functions for scripts that need PostgreSQL with dsec on a private server.
# Sourced by bash scripts; sets -euo pipefail.
#
# A private installation is a copy of PostgreSQL's binaries beside links to its
# other files, in a temporary directory.  PostgreSQL finds its files relative to
# its binaries, so dsec and the test modules are installed there, and the
# system's PostgreSQL and clusters are not touched.  When root calls, servers
# and tests run as user postgres.  Whatever is still running when the script
# ends is stopped, and the directory removed; KEEP=1 leaves it for a look.
#
#   require PACKAGE COMMAND...  note PACKAGE as missing when COMMAND fails
#   install_missing             get what is missing with apt-get, or say so
#   find_postgres               set PG_CONFIG, pg_major, bindir; packages noted
#   make_workdir NAME           set work
#   install_private             set private_bin; builds and installs
#   as_server COMMAND...        run as the user who owns the servers
#   new_server NAME [DATABASE]  initdb, databases made before the first start
#   start_server NAME, stop_server NAME
#   on_server NAME COMMAND...   run a client with PGHOST, PGPORT, PGUSER set
#   attended COMMAND...         run something long; ends with the script

set -euo pipefail
umask 022

# the same everywhere
unset LC_ALL LC_CTYPE LC_COLLATE LANGUAGE
export LANG=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MAKE=${MAKE:-make}
work=
private_bin=
child=
missing=()

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

require()
{
	local package=$1

	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}

install_missing()
{
	local sudo=()

	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]
	then
		sudo=(sudo -n)
	fi
	if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null
	then
		die "these packages are needed and cannot be installed from here: ${missing[*]}
As root on Debian: apt-get install ${missing[*]}"
	fi
	say "installing ${missing[*]}"
	local log=${TMPDIR:-/tmp}/dsec-apt.$$
	if ! {
		"${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 -qq update &&
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
			-y -qq --no-install-recommends install "${missing[@]}"
	} </dev/null >"$log" 2>&1
	then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "could not install: ${missing[*]}"
	fi
	rm -f "$log"
	missing=()
}

# A pg_config that was asked for must be there; otherwise the first in the
# path, the newest that Debian has installed, or the one Debian would install.
find_postgres()
{
	local found major

	if ! command -v "${PG_CONFIG:-pg_config}" >/dev/null
	then
		[ "${PG_CONFIG:-pg_config}" = pg_config ] || die "there is no $PG_CONFIG"
		found=$(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -n 1 || true)
		if [ -z "$found" ]
		then
			major=$(apt-cache show postgresql 2>/dev/null | sed -n 's/^Version: \([0-9]*\).*/\1/p' | head -n 1 || true)
			if [ -z "$major" ] && [ -r /etc/os-release ] && grep -q '^VERSION_ID="12"' /etc/os-release
			then
				major=15
			fi
			[ -n "$major" ] || die "no pg_config in the path; set PG_CONFIG"
			missing=("postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major")
			install_missing
			found=/usr/lib/postgresql/$major/bin/pg_config
		fi
		PG_CONFIG=$found
	fi
	PG_CONFIG=$(command -v "${PG_CONFIG:-pg_config}")
	export PG_CONFIG

	pg_major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
	bindir=$("$PG_CONFIG" --bindir)
	require "postgresql-$pg_major" test -x "$bindir/initdb" -a -x "$bindir/postgres"
	require "postgresql-client-$pg_major" test -x "$bindir/psql" -a -x "$bindir/pg_dump"
	require "postgresql-server-dev-$pg_major" test -f "$("$PG_CONFIG" --pgxs)" \
		-a -f "$("$PG_CONFIG" --includedir-server)/postgres.h"
	# with GSSAPI, libpq/libpq-be.h includes its header
	if "$PG_CONFIG" --configure | grep -q -- --with-gssapi
	then
		require libkrb5-dev test -f /usr/include/gssapi/gssapi.h
	fi
	require make command -v "$MAKE"
	require gcc command -v gcc
	require libc6-dev test -f /usr/include/stdio.h
	require libsodium-dev test -f /usr/include/sodium.h
	require perl command -v prove
}

as_server()
{
	if [ "$(id -u)" = 0 ]
	then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

make_workdir()
{
	# nobody else may enter: the servers trust whoever reaches their socket
	work=$(mktemp -d "${TMPDIR:-/tmp}/dsec-$1.XXXXXX")
	if [ "$(id -u)" = 0 ]
	then
		chown postgres "$work"
	fi
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	cd "$work"
}

# A signal does not wait for a command in the background, as it would for one in
# the foreground; the command is a process group, so that all of it can be stopped.
attended()
{
	local status=0

	set -m
	"$@" </dev/null &
	child=$!
	set +m
	wait "$child" || status=$?
	child=
	return "$status"
}

# Stops every server under the work directory, whoever started it.
clean_up()
{
	local status=$? pidfile

	trap - EXIT
	if [ -n "$child" ]
	then
		kill -- "-$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
	fi
	find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile
	do
		as_server "$private_bin/pg_ctl" -s -m immediate -D "$(dirname "$pidfile")" stop || true
	done
	cd /
	if [ -n "${KEEP:-}" ]
	then
		say "kept: $work"
	else
		rm -rf "$work"
	fi
	exit "$status"
}

# Installs what is built in the source tree; test modules are built there, too.
install_private()
{
	local root=$work/pg dir module

	private_bin=$root$bindir
	mkdir -p "$private_bin"
	cp -p "$bindir"/* "$private_bin/"
	for dir in $("$PG_CONFIG" --sharedir) $("$PG_CONFIG" --pkglibdir)
	do
		mkdir -p "$root$dir"
		cp -rs "$dir/." "$root$dir/"
	done
	# nothing of a dsec that the system may have
	find "$root" -type l -name 'dsec*' -delete

	# since 16 the functions of a module are hidden from others; test modules call some
	local options=(-s --no-print-directory with_llvm=no CFLAGS_SL_MODULE=)

	"$MAKE" -C "$top" "${options[@]}" all
	"$MAKE" -C "$top" "${options[@]}" install DESTDIR="$root"
	for module in "$top"/test/modules/*/Makefile
	do
		[ -f "$module" ] || continue
		module=$(dirname "$module")
		"$MAKE" -C "$module" "${options[@]}" clean
		"$MAKE" -C "$module" "${options[@]}" all
		"$MAKE" -C "$module" "${options[@]}" install DESTDIR="$root"
	done

	# pgTAP is SQL only; a PostgreSQL without it can use Debian's
	dir=$root$("$PG_CONFIG" --sharedir)/extension
	if [ ! -e "$dir/pgtap.control" ]
	then
		cp /usr/share/postgresql/*/extension/pgtap* "$dir/" 2>/dev/null || true
	fi

	# so can one of the same major version without mysql_fdw
	if [ ! -e "$dir/mysql_fdw.control" ] && [ -e "/usr/lib/postgresql/$pg_major/lib/mysql_fdw.so" ]
	then
		cp "/usr/share/postgresql/$pg_major/extension/mysql_fdw"* "$dir/"
		cp "/usr/lib/postgresql/$pg_major/lib/mysql_fdw.so" "$root$("$PG_CONFIG" --pkglibdir)/"
	fi
	export PATH="$private_bin:$PATH"
}

new_server()
{
	local name=$1 database

	shift
	as_server mkdir -p "$work/s"
	as_server "$private_bin/initdb" -D "$work/$name" -U postgres -A trust -N -E UTF8 --locale=C >"$work/initdb.log" 2>&1 ||
		{ cat "$work/initdb.log" >&2; die "initdb failed"; }
	# before dsec is loaded, so that its worker finds its database at once
	for database in "$@"
	do
		as_server "$private_bin/postgres" --single -D "$work/$name" postgres \
			<<<"CREATE DATABASE $database;" >"$work/single.log" 2>&1 ||
			{ cat "$work/single.log" >&2; die "could not create database $database"; }
	done
	as_server tee -a "$work/$name/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$work/s'
		port = $((5433 + $(cksum <<<"$name" | cut -d' ' -f1) % 1000))
		shared_preload_libraries = 'dsec'
		logging_collector = off
	CONF
}

start_server()
{
	if ! as_server "$private_bin/pg_ctl" -s -w -D "$work/$1" -l "$work/$1.log" start
	then
		tail -n 20 "$work/$1.log" >&2
		die "the private server did not start"
	fi
}

stop_server()
{
	as_server "$private_bin/pg_ctl" -s -w -m fast -D "$work/$1" stop
}

on_server()
{
	local name=$1

	shift
	as_server env PGHOST="$work/s" PGUSER=postgres \
		PGPORT="$(sed -n 's/^port = \([0-9]*\)$/\1/p' "$work/$name/postgresql.conf" | tail -n 1)" "$@"
}
