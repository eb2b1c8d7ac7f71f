/*-------------------------------------------------------------------------
 *
 * holdings.c
 *	  dsec.refresh_holdings(): count what this database holds, table by table.
 *
 * A procedure that commits after every table, so that no transaction, and no
 * snapshot, lives longer than the reading of one table.  The sets of subjects
 * are in memory and shared by all tables: somebody in ten tables counts once.
 * With each table, the subjects that were new are written to dsec.holding_part
 * as keyed hashes.  So a call that was cancelled, or cut off by a crash, is
 * taken up by the next one: it reads the parts, and goes on with the tables not
 * counted yet.  When a table counted by then is gone or tagged otherwise, it
 * begins anew, because nothing can be taken out of a set.
 *
 * A table that cannot be read is recorded with its problem, and the others are
 * counted; the holdings then say that they are not complete.
 *
 * Only one call runs at a time in a database, which a lock on the extension's
 * object that the session holds across transactions sees to; PostgreSQL drops
 * it with the transaction that fails.  The extension's tables are written with
 * the rights of their owner, under a fixed search_path, and never across the
 * end of a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "policy/holdings.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "port/pg_bswap.h"
#include "report.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "subject/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

/* subjects in a row of dsec.holding_part */
#define PART_SUBJECTS 131072

/* -------------------------------------------------------------------------
 * Cells
 * ------------------------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Sorted copies; appended to the text, each with its length before it. */
static char **
copy_names(int n, char **names, StringInfo identity)
{
	char	  **copy = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		copy[i] = pstrdup(names[i]);
	qsort(copy, n, sizeof(char *), compare_names);
	appendStringInfo(identity, "%d", n);
	for (int i = 0; i < n; i++)
		appendStringInfo(identity, " %zu:%s", strlen(copy[i]), copy[i]);
	appendStringInfoChar(identity, '\n');
	return copy;
}

DsecHoldingCell *
dsec_holdings_cell(DsecHoldings *holdings, int ncategories, char **categories,
				   const char *space, int noutside, char **outside)
{
	MemoryContext old = MemoryContextSwitchTo(holdings->context);
	DsecHoldingCell *cell = palloc0(sizeof(DsecHoldingCell));
	StringInfoData identity;
	ListCell   *lc;

	initStringInfo(&identity);
	cell->ncategories = ncategories;
	cell->categories = copy_names(ncategories, categories, &identity);
	cell->noutside = noutside;
	cell->outside = copy_names(noutside, outside, &identity);
	cell->space = pstrdup(space);
	appendStringInfoString(&identity, space);
	cell->identity = identity.data;

	foreach(lc, holdings->cells)
	{
		DsecHoldingCell *other = lfirst(lc);

		if (strcmp(other->identity, cell->identity) == 0)
		{
			MemoryContextSwitchTo(old);
			return other;
		}
	}
	cell->integers = dsec_holdings_set_create(holdings->context);
	cell->hashes = dsec_holdings_set_create(holdings->context);
	holdings->cells = lappend(holdings->cells, cell);
	MemoryContextSwitchTo(old);
	return cell;
}

static uint64
hash_of(DsecKeyHasher *hasher, Datum value, const uint8 *key)
{
	return dsec_subject_hash(hasher, &value, key);
}

uint64
dsec_holdings_hash_integer(const DsecHoldings *holdings, uint64 integer)
{
	return hash_of(holdings->integer_hasher, Int64GetDatum((int64) integer),
				   holdings->key);
}

/*
 * A number by which the key is known: the parts of a run are of no use under
 * another one.  It is the hash of something that is nobody's key.
 */
static int64
number_of_key(const uint8 *key)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	Datum		values[2] = {CStringGetTextDatum("dsec"), CStringGetTextDatum("holdings")};

	return (int64) dsec_subject_hash(dsec_subject_hasher(2, types, collations), values, key);
}

/* -------------------------------------------------------------------------
 * The extension's tables
 * ------------------------------------------------------------------------- */

Datum
dsec_holdings_names(int n, char **names)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

int
dsec_holdings_read_names(Datum array, char ***names)
{
	Datum	   *values;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, NULL, &n);
	*names = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		(*names)[i] = TextDatumGetCString(values[i]);
	return n;
}

/* An error ends the transaction or subtransaction, which puts all back. */
int
dsec_holdings_execute(const DsecHoldings *holdings, const char *sql,
					  int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid			user;
	int			context;
	int			level = NewGUCNestLevel();
	int			result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(holdings->owner, context | SECURITY_LOCAL_USERID_CHANGE);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	AtEOXact_GUC(true, level);
	SetUserIdAndSecContext(user, context);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	return result;
}

static void
execute_for_run(const DsecHoldings *holdings, const char *sql)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(holdings->id)};

	dsec_holdings_execute(holdings, sql, 1, types, values, NULL);
}

static Datum
column_datum(int row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in a table of holdings");
	return value;
}

/* The session's lock on dsec.refresh_holdings(), and the owner of the tables. */
static Oid
lock_holdings(void)
{
	Oid			namespace = get_namespace_oid("dsec", false);
	Oid			relid = get_relname_relid("holding_run", namespace);
	LOCKTAG		tag;
	Relation	rel;
	Oid			owner;

	rel = table_open(relid, AccessShareLock);
	owner = rel->rd_rel->relowner;
	table_close(rel, AccessShareLock);

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, relid, 1);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the holdings of this database are being counted by another session"),
				 errhint("dsec.holdings_progress shows how far it is.")));
	return owner;
}

static void
unlock_holdings(void)
{
	Oid			relid = get_relname_relid("holding_run", get_namespace_oid("dsec", false));
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, relid, 1);
	LockRelease(&tag, ExclusiveLock, true);
}

/* -------------------------------------------------------------------------
 * Parts
 * ------------------------------------------------------------------------- */

static void
write_part(const DsecHoldings *holdings, const DsecHoldingCell *cell,
		   const uint64 *values, int n, bool integers)
{
	Oid			types[] = {INT8OID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID, INT4OID, BYTEAOID};
	Datum		arguments[6];
	bytea	   *hashes = palloc(VARHDRSZ + (Size) n * sizeof(uint64));
	char	   *at = VARDATA(hashes);

	SET_VARSIZE(hashes, VARHDRSZ + (Size) n * sizeof(uint64));
	for (int i = 0; i < n; i++, at += sizeof(uint64))
	{
		uint64		hash = integers ? dsec_holdings_hash_integer(holdings, values[i]) : values[i];

		hash = pg_hton64(hash);
		memcpy(at, &hash, sizeof(uint64));
	}
	arguments[0] = Int64GetDatum(holdings->id);
	arguments[1] = dsec_holdings_names(cell->ncategories, cell->categories);
	arguments[2] = CStringGetTextDatum(cell->space);
	arguments[3] = dsec_holdings_names(cell->noutside, cell->outside);
	arguments[4] = Int32GetDatum(n);
	arguments[5] = PointerGetDatum(hashes);
	dsec_holdings_execute(holdings,
						  "INSERT INTO dsec.holding_part (run, categories, space, outside, n, hashes)"
						  " VALUES ($1, $2, $3, $4, $5, $6)",
						  6, types, arguments, NULL);
	pfree(hashes);
}

/* What this table brought that no table before it had. */
static void
write_news(const DsecHoldings *holdings)
{
	ListCell   *lc;

	foreach(lc, holdings->cells)
	{
		DsecHoldingCell *cell = lfirst(lc);

		for (int i = 0; i < 2; i++)
		{
			uint64		n;
			const uint64 *values = dsec_holdings_set_news(i == 0 ? cell->integers : cell->hashes,
														  &n);

			for (uint64 from = 0; from < n; from += PART_SUBJECTS)
			{
				CHECK_FOR_INTERRUPTS();
				write_part(holdings, cell, values + from,
						   (int) Min(n - from, PART_SUBJECTS), i == 0);
			}
		}
	}
}

/* One row of dsec.holding_part. */
static void
read_part(DsecHoldings *holdings, int row)
{
	char	  **categories;
	char	  **outside;
	int			ncategories = dsec_holdings_read_names(column_datum(row, 1), &categories);
	int			noutside = dsec_holdings_read_names(column_datum(row, 3), &outside);
	char	   *space = TextDatumGetCString(column_datum(row, 2));
	bytea	   *hashes = DatumGetByteaPP(column_datum(row, 4));
	DsecHoldingCell *cell = dsec_holdings_cell(holdings, ncategories, categories, space,
											   noutside, outside);
	int			n = VARSIZE_ANY_EXHDR(hashes) / sizeof(uint64);
	const char *at = VARDATA_ANY(hashes);

	for (int i = 0; i < n; i++, at += sizeof(uint64))
	{
		uint64		hash;

		memcpy(&hash, at, sizeof(uint64));
		dsec_holdings_set_add(cell->hashes, pg_ntoh64(hash));
	}
	if (PointerGetDatum(hashes) != column_datum(row, 4))
		pfree(hashes);
}

static void
read_parts(DsecHoldings *holdings)
{
	ListCell   *lc;

	execute_for_run(holdings,
					"SELECT categories, space, outside, hashes FROM dsec.holding_part WHERE run = $1");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_part(holdings, (int) i);
	}
	SPI_freetuptable(SPI_tuptable);

	/* they are written already */
	foreach(lc, holdings->cells)
	{
		uint64		n;

		(void) dsec_holdings_set_news(((DsecHoldingCell *) lfirst(lc))->hashes, &n);
	}
}

/* -------------------------------------------------------------------------
 * Runs
 * ------------------------------------------------------------------------- */

/*
 * Take up the run that was not finished, if there is one that can be: under the
 * same key, and with all the tables that it has counted as they were then.
 */
static bool
take_up(DsecHoldings *holdings, int64 key_number)
{
	execute_for_run(holdings,
					"SELECT id, key_number FROM dsec.holding_run WHERE finished IS NULL AND id > $1");
	if (SPI_processed != 1 || DatumGetInt64(column_datum(0, 2)) != key_number)
		return false;
	holdings->id = DatumGetInt64(column_datum(0, 1));

	/* what could not be counted is tried again */
	execute_for_run(holdings,
					"DELETE FROM dsec.holding_table WHERE run = $1 AND problem IS NOT NULL");
	execute_for_run(holdings, "SELECT relation, tags FROM dsec.holding_table WHERE run = $1");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Oid			relid = DatumGetObjectId(column_datum((int) i, 1));
		MemoryContext old;

		if (get_rel_name(relid) == NULL ||
			dsec_holdings_tags(relid) != (uint64) DatumGetInt64(column_datum((int) i, 2)))
			return false;
		old = MemoryContextSwitchTo(holdings->context);
		holdings->done = lappend_oid(holdings->done, relid);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(SPI_tuptable);
	read_parts(holdings);
	return true;
}

static void
begin_run(DsecHoldings *holdings, bool restart)
{
	int64		key_number = number_of_key(holdings->key);
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[2];

	if (restart || !take_up(holdings, key_number))
	{
		holdings->done = NIL;
		holdings->id = 0;
		execute_for_run(holdings,
						"DELETE FROM dsec.holding_run WHERE finished IS NULL AND id > $1");
		values[0] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
		values[1] = Int64GetDatum(key_number);
		dsec_holdings_execute(holdings,
							  "INSERT INTO dsec.holding_run (started_by, key_number)"
							  " VALUES ($1, $2) RETURNING id",
							  2, types, values, NULL);
		holdings->id = DatumGetInt64(column_datum(0, 1));
	}
	holdings->ndone = list_length(holdings->done);
}

/* An error that is about one table: the others can be counted all the same. */
static bool
is_of_table(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
			return false;
		default:
			return true;
	}
}

/*
 * Read one table, in a subtransaction.  The text of an error tells nobody's
 * data: all that is done with values is hashing them.
 */
static void
scan_table(DsecHoldings *holdings, DsecHoldingTable *table)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *name = get_rel_name(table->relid);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		dsec_holdings_scan(holdings, table);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!is_of_table(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (table->name == NULL)
			table->name = name;
		table->problem = psprintf("%s: %s", unpack_sql_state(error->sqlerrcode),
								  error->message);
	}
	PG_END_TRY();
}

static void
write_table(const DsecHoldings *holdings, const DsecHoldingTable *table)
{
	Oid			types[] = {INT8OID, OIDOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID};
	Oid			column_types[] = {INT8OID, OIDOID, TEXTOID, TEXTOID, INT4OID};
	Datum		values[8];
	char		nulls[] = "        ";
	ListCell   *lc;

	values[0] = Int64GetDatum(holdings->id);
	values[1] = ObjectIdGetDatum(table->relid);
	values[2] = CStringGetTextDatum(table->name);
	values[3] = Int64GetDatum(table->bytes);
	values[4] = Int64GetDatum(table->rows);
	values[5] = TimestampTzGetDatum(table->counted ? table->counted : GetCurrentTimestamp());
	values[6] = Int64GetDatum((int64) table->tags);
	if (table->problem)
		values[7] = CStringGetTextDatum(table->problem);
	else
		nulls[7] = 'n';
	dsec_holdings_execute(holdings,
						  "INSERT INTO dsec.holding_table"
						  " (run, relation, name, bytes, rows, counted, tags, problem)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
						  8, types, values, nulls);

	foreach(lc, table->columns)
	{
		DsecHoldingColumns *columns = lfirst(lc);

		values[2] = CStringGetTextDatum(columns->category);
		values[3] = CStringGetTextDatum(columns->space);
		values[4] = Int32GetDatum(columns->columns);
		dsec_holdings_execute(holdings,
							  "INSERT INTO dsec.holding_column (run, relation, category, space, columns)"
							  " VALUES ($1, $2, $3, $4, $5)",
							  5, column_types, values, NULL);
	}
}

static void
count_table(DsecHoldings *holdings, Oid relid)
{
	MemoryContext context = AllocSetContextCreate(holdings->context, "dsec holdings table",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	DsecHoldingTable table = {.relid = relid};

	dsec_holdings_progress_table(relid, holdings->ndone, 0);
	scan_table(holdings, &table);
	if (table.name != NULL)
	{
		write_news(holdings);
		write_table(holdings, &table);
	}
	holdings->ndone++;
	if (table.problem != NULL)
		holdings->nproblems++;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
end_progress(int code, Datum arg)
{
	dsec_holdings_progress_end();
}

static void
run(DsecHoldings *holdings, bool restart)
{
	List	   *tables;
	ListCell   *lc;
	MemoryContext old;

	begin_run(holdings, restart);
	old = MemoryContextSwitchTo(holdings->context);
	tables = dsec_holdings_tables();
	MemoryContextSwitchTo(old);
	dsec_holdings_progress_start(holdings->id, list_length(tables));
	SPI_commit();

	foreach(lc, tables)
	{
		if (list_member_oid(holdings->done, lfirst_oid(lc)))
			continue;
		count_table(holdings, lfirst_oid(lc));
		SPI_commit();
	}

	dsec_holdings_progress_table(InvalidOid, holdings->ndone, 0);
	dsec_holdings_conclude(holdings);
	SPI_commit();
}

PG_FUNCTION_INFO_V1(dsec_refresh_holdings);

Datum
dsec_refresh_holdings(PG_FUNCTION_ARGS)
{
	bool		restart = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
	bool		atomic = fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
	Oid			integer = INT8OID;
	Oid			collation = InvalidOid;
	DsecHoldings holdings;
	MemoryContext old;

	if (atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("dsec.refresh_holdings() cannot run inside a transaction block, a function or a subtransaction"),
				 errdetail("It commits after every table."),
				 errhint("Use CALL dsec.refresh_holdings() as a statement of its own.")));
	dsec_policy_require_preload();
	PreventCommandDuringRecovery("dsec.refresh_holdings()");
	if (!dsec_policy_sync())
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("there is no ledger"),
				 errhint("SELECT * FROM dsec.status() says what to do.")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	memset(&holdings, 0, sizeof(holdings));
	holdings.context = AllocSetContextCreate(PortalContext, "dsec holdings",
											 ALLOCSET_DEFAULT_SIZES);
	holdings.owner = lock_holdings();
	old = MemoryContextSwitchTo(holdings.context);
	holdings.key = memcpy(palloc(DSEC_KEY_BYTES), dsec_ledger_key(), DSEC_KEY_BYTES);
	holdings.integer_hasher = dsec_subject_hasher(1, &integer, &collation);
	MemoryContextSwitchTo(old);

	PG_ENSURE_ERROR_CLEANUP(end_progress, (Datum) 0);
	{
		run(&holdings, restart);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end_progress, (Datum) 0);
	dsec_holdings_progress_end();
	unlock_holdings();

	if (holdings.nproblems > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_plural("%d table could not be counted in full",
							   "%d tables could not be counted in full",
							   holdings.nproblems, holdings.nproblems),
				 errdetail("What this database holds is more than dsec.holdings says."),
				 errhint("The column problem of dsec.holdings_tables says why.")));
	SPI_finish();
	MemoryContextDelete(holdings.context);
	return (Datum) 0;
}
