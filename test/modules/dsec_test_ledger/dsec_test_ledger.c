/*-------------------------------------------------------------------------
 *
 * dsec_test_ledger.c
 *	  Calls the ledger and the hash of subject keys from SQL, in place of guard
 *	  and policy.  For tests only.
 *
 * In shared_preload_libraries behind dsec it also says how large leases are
 * (dsec_test_ledger.lease_size) and adds a task to the worker that fails on
 * request.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/ledger.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "subject/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(test_windows);
PG_FUNCTION_INFO_V1(test_window_start);
PG_FUNCTION_INFO_V1(test_today);
PG_FUNCTION_INFO_V1(test_set);
PG_FUNCTION_INFO_V1(test_subject);
PG_FUNCTION_INFO_V1(test_charge);
PG_FUNCTION_INFO_V1(test_charge_row);
PG_FUNCTION_INFO_V1(test_receive);
PG_FUNCTION_INFO_V1(test_is_charged);
PG_FUNCTION_INFO_V1(test_count);
PG_FUNCTION_INFO_V1(test_last_day);
PG_FUNCTION_INFO_V1(test_worker);
PG_FUNCTION_INFO_V1(test_worker_dies);
PG_FUNCTION_INFO_V1(test_hash);
PG_FUNCTION_INFO_V1(test_hash_row);
PG_FUNCTION_INFO_V1(test_family);

typedef enum Request
{
	REQUEST_NONE,
	REQUEST_ERROR,
	REQUEST_FATAL
} Request;

static int	lease_size = 100;
static pg_atomic_uint32 *request = NULL;
static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static uint64
subject_of(int64 id)
{
	uint64		z = (uint64) id + UINT64CONST(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	z ^= z >> 31;
	return z != 0 ? z : 1;
}

static void
fill_name(char *to, text *from)
{
	memset(to, 0, NAMEDATALEN);
	strlcpy(to, text_to_cstring(from), NAMEDATALEN);
}

static Datum
row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
test_windows(PG_FUNCTION_ARGS)
{
	DsecWindow	windows[DSEC_MAX_WINDOWS];
	Datum	   *months;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT4OID, 4, true, TYPALIGN_INT,
					  &months, NULL, &n);
	memset(windows, 0, sizeof(windows));
	for (int i = 0; i < n && i < DSEC_MAX_WINDOWS; i++)
	{
		windows[i].months = DatumGetInt32(months[i]);
		windows[i].kind = windows[i].months == 0 ?
			DSEC_WINDOW_CALENDAR_YEAR : DSEC_WINDOW_ROLLING;
	}
	dsec_ledger_publish_windows(windows, n);
	PG_RETURN_VOID();
}

Datum
test_window_start(PG_FUNCTION_ARGS)
{
	DsecWindow	window = {DSEC_WINDOW_ROLLING, PG_GETARG_INT32(0), PG_GETARG_INT32(1)};

	if (window.months == 0 && window.days == 0)
		window.kind = DSEC_WINDOW_CALENDAR_YEAR;
	PG_RETURN_DATEADT(dsec_ledger_window_start(&window, PG_GETARG_DATEADT(2)));
}

Datum
test_today(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(dsec_ledger_today());
}

Datum
test_subject(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) subject_of(PG_GETARG_INT64(0)));
}

Datum
test_set(PG_FUNCTION_ARGS)
{
	DsecSetKey	key;

	memset(&key, 0, sizeof(key));
	key.recipient = PG_GETARG_INT32(0);
	fill_name(key.category, PG_GETARG_TEXT_PP(1));
	fill_name(key.space, PG_GETARG_TEXT_PP(2));
	fill_name(key.outside, PG_GETARG_TEXT_PP(3));
	PG_RETURN_INT32(dsec_ledger_set(&key));
}

Datum
test_charge(PG_FUNCTION_ARGS)
{
	DsecSetKey	key;
	DsecLimit	limit;
	DsecChargeItem item = {0};
	int64		last = PG_GETARG_INT64(3);
	int64		sent = 0;
	int64		charged = 0;
	int64		fresh = 0;
	int64		counted = 0;
	int			refused = -1;
	Datum		values[4];
	bool		nulls[4] = {false};

	memset(&key, 0, sizeof(key));
	memset(&limit, 0, sizeof(limit));
	key.recipient = limit.recipient = PG_GETARG_INT32(0);
	fill_name(key.category, PG_GETARG_TEXT_PP(1));
	fill_name(limit.category, PG_GETARG_TEXT_PP(1));
	limit.most = PG_GETARG_INT64(4);
	fill_name(limit.population, PG_GETARG_TEXT_PP(5));
	fill_name(key.space, PG_GETARG_TEXT_PP(6));
	fill_name(key.outside, PG_GETARG_TEXT_PP(7));
	limit.window = PG_GETARG_INT32(8);

	item.set = dsec_ledger_set(&key);
	for (int64 id = PG_GETARG_INT64(2); id <= last; id++)
	{
		item.subject = subject_of(id);
		if (!dsec_ledger_is_charged(item.set, item.subject))
		{
			refused = dsec_ledger_charge(&item, 1, &limit, 1, &counted);
			if (refused >= 0)
				break;
			charged += item.charged;
			fresh += item.fresh;
		}
		sent++;
		CHECK_FOR_INTERRUPTS();
	}
	values[0] = Int64GetDatum(sent);
	values[1] = Int64GetDatum(charged);
	values[2] = Int64GetDatum(fresh);
	values[3] = Int64GetDatum(counted);
	nulls[3] = refused < 0;
	return row(fcinfo, values, nulls);
}

Datum
test_charge_row(PG_FUNCTION_ARGS)
{
	Datum	   *columns[4];
	int			n[4];
	DsecChargeItem *items;
	DsecLimit  *limits;
	int64		counted = 0;
	int			charged = 0;
	int			refused;
	Datum		values[3];
	bool		nulls[3] = {false};

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT4OID, 4, true, TYPALIGN_INT,
					  &columns[0], NULL, &n[0]);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &columns[1], NULL, &n[1]);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), INT8OID, 8, true, TYPALIGN_DOUBLE,
					  &columns[2], NULL, &n[2]);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), INT8OID, 8, true, TYPALIGN_DOUBLE,
					  &columns[3], NULL, &n[3]);
	if (n[0] != n[1] || n[0] != n[2] || n[0] != n[3])
		elog(ERROR, "arrays must have the same length");

	items = palloc0(n[0] * sizeof(DsecChargeItem));
	limits = palloc0(n[0] * sizeof(DsecLimit));
	for (int i = 0; i < n[0]; i++)
	{
		DsecSetKey	key;

		memset(&key, 0, sizeof(key));
		key.recipient = limits[i].recipient = DatumGetInt32(columns[0][i]);
		fill_name(key.category, DatumGetTextPP(columns[1][i]));
		fill_name(limits[i].category, DatumGetTextPP(columns[1][i]));
		strlcpy(key.space, "person", NAMEDATALEN);
		limits[i].most = DatumGetInt64(columns[3][i]);
		items[i].set = dsec_ledger_set(&key);
		items[i].subject = subject_of(DatumGetInt64(columns[2][i]));
	}
	refused = dsec_ledger_charge(items, n[0], limits, n[0], &counted);
	for (int i = 0; i < n[0]; i++)
		charged += items[i].charged;
	values[0] = Int32GetDatum(refused);
	values[1] = Int64GetDatum(counted);
	values[2] = Int32GetDatum(charged);
	return row(fcinfo, values, nulls);
}

Datum
test_receive(PG_FUNCTION_ARGS)
{
	DsecSetKey	key;
	DsecLimit	limit;
	DsecChargeItem item = {0};
	int64		last = PG_GETARG_INT64(3);
	int64		counted;
	int64		sent = 0;
	int			fd;

	memset(&key, 0, sizeof(key));
	memset(&limit, 0, sizeof(limit));
	key.recipient = limit.recipient = PG_GETARG_INT32(0);
	fill_name(key.category, PG_GETARG_TEXT_PP(1));
	fill_name(limit.category, PG_GETARG_TEXT_PP(1));
	strlcpy(key.space, "person", NAMEDATALEN);
	limit.most = PG_GETARG_INT64(5);

	fd = OpenTransientFile(text_to_cstring(PG_GETARG_TEXT_PP(4)),
						   O_WRONLY | O_CREAT | O_APPEND);
	if (fd < 0)
		elog(ERROR, "could not open the file: %m");
	item.set = dsec_ledger_set(&key);
	for (int64 id = PG_GETARG_INT64(2); id <= last; id++)
	{
		char		line[32];
		int			len;

		CHECK_FOR_INTERRUPTS();
		item.subject = subject_of(id);
		if (dsec_ledger_charge(&item, 1, &limit, 1, &counted) >= 0)
			break;
		/* what has been written is what a client has received */
		len = snprintf(line, sizeof(line), INT64_FORMAT "\n", (int64) item.subject);
		if (write(fd, line, len) != len)
			elog(ERROR, "could not write to the file: %m");
		sent++;
	}
	CloseTransientFile(fd);
	PG_RETURN_INT64(sent);
}

Datum
test_is_charged(PG_FUNCTION_ARGS)
{
	DsecSetKey	key;
	int64		last = PG_GETARG_INT64(3);
	int64		n = 0;
	int			set;

	memset(&key, 0, sizeof(key));
	key.recipient = PG_GETARG_INT32(0);
	fill_name(key.category, PG_GETARG_TEXT_PP(1));
	strlcpy(key.space, "person", NAMEDATALEN);
	set = dsec_ledger_set(&key);
	for (int64 id = PG_GETARG_INT64(2); id <= last; id++)
		n += dsec_ledger_is_charged(set, subject_of(id));
	PG_RETURN_INT64(n);
}

Datum
test_count(PG_FUNCTION_ARGS)
{
	DsecLimit	limit;
	int64		unattributed;
	Datum		values[2];
	bool		nulls[2] = {false};

	memset(&limit, 0, sizeof(limit));
	limit.recipient = PG_GETARG_INT32(0);
	fill_name(limit.category, PG_GETARG_TEXT_PP(1));
	fill_name(limit.population, PG_GETARG_TEXT_PP(2));
	limit.window = PG_GETARG_INT32(3);
	values[0] = Int64GetDatum(dsec_ledger_count(&limit, &unattributed));
	values[1] = Int64GetDatum(unattributed);
	return row(fcinfo, values, nulls);
}

Datum
test_last_day(PG_FUNCTION_ARGS)
{
	bool		found;
	DateADT		day;

	day = dsec_ledger_last_day(PG_GETARG_INT32(0),
							   text_to_cstring(PG_GETARG_TEXT_PP(1)),
							   text_to_cstring(PG_GETARG_TEXT_PP(2)),
							   subject_of(PG_GETARG_INT64(3)), &found);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(day);
}

Datum
test_worker(PG_FUNCTION_ARGS)
{
	static const char *const states[] = {"absent", "no ledger", "standby", "failed", "ready"};
	char	   *problem;
	Datum		values[2];
	bool		nulls[2] = {false};

	values[0] = CStringGetTextDatum(states[dsec_worker_state(&problem)]);
	nulls[1] = problem == NULL;
	values[1] = problem ? CStringGetTextDatum(problem) : (Datum) 0;
	return row(fcinfo, values, nulls);
}

static bool
served(void *arg)
{
	return pg_atomic_read_u32(request) == REQUEST_NONE;
}

Datum
test_worker_dies(PG_FUNCTION_ARGS)
{
	bool		fatal = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(0)), "fatal") == 0;

	if (request == NULL)
		elog(ERROR, "dsec_test_ledger is not preloaded");
	pg_atomic_write_u32(request, fatal ? REQUEST_FATAL : REQUEST_ERROR);
	if (!dsec_worker_wait(served, NULL))
		elog(ERROR, "the worker has not answered");
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Hashes
 * ------------------------------------------------------------------------ */

static const uint8 hash_key[DSEC_KEY_BYTES] =
{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static text *
hex(uint64 hash)
{
	return cstring_to_text(psprintf("%016llx", (unsigned long long) hash));
}

Datum
test_hash(PG_FUNCTION_ARGS)
{
	Oid			types[FUNC_MAX_ARGS];
	Oid			collations[FUNC_MAX_ARGS];
	Datum		values[FUNC_MAX_ARGS];
	DsecKeyHasher *hasher;

	for (int i = 0; i < PG_NARGS(); i++)
	{
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, i);
		collations[i] = PG_GET_COLLATION();
		values[i] = PG_GETARG_DATUM(i);
	}
	hasher = dsec_subject_hasher(PG_NARGS(), types, collations);
	PG_RETURN_TEXT_P(hex(dsec_subject_hash(hasher, values, hash_key)));
}

Datum
test_hash_row(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(hex(dsec_subject_hash_row(PG_GETARG_OID(0), PG_GETARG_OID(1),
											   (ItemPointer) PG_GETARG_POINTER(2),
											   PG_GETARG_TRANSACTIONID(3),
											   hash_key)));
}

Datum
test_family(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(dsec_subject_family(PG_GETARG_OID(0)));
}

/* ------------------------------------------------------------------------
 * Preloaded
 * ------------------------------------------------------------------------ */

static int
size_of_lease(int32 recipient, const char *category)
{
	return lease_size;
}

static bool
pending(void)
{
	return pg_atomic_read_u32(request) != REQUEST_NONE;
}

static void
run(void)
{
	Request		what = (Request) pg_atomic_exchange_u32(request, REQUEST_NONE);

	ereport(what == REQUEST_FATAL ? FATAL : ERROR,
			(errmsg("a test asks the worker to fail")));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(sizeof(pg_atomic_uint32));
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	request = ShmemInitStruct("dsec_test_ledger", sizeof(pg_atomic_uint32), &found);
	if (!found)
		pg_atomic_init_u32(request, REQUEST_NONE);
	LWLockRelease(AddinShmemInitLock);
}

void
_PG_init(void)
{
	static const DsecWorkerTask task = {
		.name = "fail",
		.on_standby = true,
		.pending = pending,
		.run = run
	};

	DefineCustomIntVariable("dsec_test_ledger.lease_size",
							"How large every lease is.",
							NULL,
							&lease_size,
							100, 0, INT_MAX,
							PGC_SIGHUP,
							0,
							NULL, NULL, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	dsec_worker_add_task(&task);
	dsec_ledger_set_lease_size(size_of_lease);
}
