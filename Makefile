EXTENSION = dsec
EXTVERSION = 1.0

MODULE_big = dsec
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
# calls within the library go straight, not through the linkage table
SHLIB_LINK = -lsodium -Wl,-Bsymbolic-functions

# the install script is its parts, in order; upgrade scripts are kept as files
SQL_PARTS = $(sort $(wildcard sql/[0-9][0-9]-*.sql))
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA = $(wildcard sql/$(EXTENSION)--*--*.sql)

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=$(EXTENSION)
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

PG_CPPFLAGS = -Isrc
PG_CFLAGS = -MMD -MP
BUILT_FOR = .cache/built-for
EXTRA_CLEAN = $(DATA_built) $(OBJS:.o=.d) .cache

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)
# no bitcode where the clang that PostgreSQL was built with is absent
ifeq ($(shell command -v $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)),)
override with_llvm := no
endif
include $(PGXS)
else
all install:
	@echo "PostgreSQL's server headers were not found ($(PG_CONFIG) --pgxs)." >&2
	@echo "On Debian: apt-get install postgresql-server-dev-15 libsodium-dev libkrb5-dev" >&2
	@exit 1
endif

# installcheck wants a server with dsec preloaded and this as its ledger database
CONTRIB_TESTDB = regression
ISOLATION_TESTDB = regression

$(DATA_built): $(SQL_PARTS) sql Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; cat $(SQL_PARTS); } > $@

# what was built for another PostgreSQL, with other flags or files, is built anew
$(shell exec 2>/dev/null; mkdir -p .cache; echo '$(shell $(PG_CONFIG) --version --bindir) $(COPT) $(PROFILE) $(CFLAGS_SL_MODULE) $(OBJS)' >$(BUILT_FOR).new; \
	cmp -s $(BUILT_FOR) $(BUILT_FOR).new || mv $(BUILT_FOR).new $(BUILT_FOR))
$(OBJS) $(OBJS:.o=.bc): $(BUILT_FOR)
$(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h)
-include $(OBJS:.o=.d)

# Each of these does all of its own set-up, runs on a private server, and can be
# run again.  They take their make, PG_CONFIG and flags from here.
export MAKE PG_CONFIG COPT

demo: ## a guided tour on a private server, with invented data
	@demo/run
test: ## all suites; a part: make test ONLY="regress tap:010_crash"
	@test/run $(ONLY)
test-long: ## the same with the slow proofs
	@PG_TEST_LONG=1 test/run $(ONLY)
test-matrix: ## all suites with PostgreSQL 15, 17 and 18; the latter in chroots
	@test/matrix
bench: ## what the guard and counting cost, as paired ratios
	@test/bench/run $(ONLY)
fuzz: ## hostile input for what reads input, ten minutes for each harness
	@test/fuzz/run $(ONLY)
lint: ## warnings as errors, layout, cppcheck, house rules
	@test/lint
format: ## lay out the C files as lint wants them
	@test/format
coverage: ## line coverage of src/ by make test, in coverage/
	@test/coverage $(ONLY)
help: ## this text
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo 'PG_CONFIG=/path/to/pg_config chooses another PostgreSQL; KEEP=1 keeps the private servers for a look.'
	@echo 'Suites for ONLY: regress isolation pgtap tap. After a failure, results and logs are in tmp_check/.'

.PHONY: demo test test-long test-matrix bench fuzz lint format coverage help
