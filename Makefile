EXTENSION = dsec
EXTVERSION = 1.0

MODULE_big = dsec
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c))

DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
EXTRA_CLEAN = $(DATA_built)

PG_CPPFLAGS = -I$(CURDIR)/src
SHLIB_LINK = -lsodium

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# the install script is its parts, in order
SQL_PARTS = $(sort $(wildcard sql/[0-9][0-9]-*.sql))
$(DATA_built): $(SQL_PARTS)
	{ echo '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; cat $^; } > $@
