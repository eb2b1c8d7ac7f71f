/*-------------------------------------------------------------------------
 *
 * egress.c
 *	  Functions that send data away: the catalogue dsec.egress_function of this
 *	  database, as sessions see it.
 *
 * The rows are read when they are first needed, and what has been found out
 * about a function is kept.  A trigger on the table makes every backend forget
 * that, and its plans, when the change becomes visible; what changes a function
 * makes it forgotten, too.
 *
 * Rows are matched by what implements a function, because a name is anybody's
 * choice: library and symbol for functions in C, the symbol for internal ones,
 * the language, the extension that a function is a member of.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "tag/egress.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "commands/proclang.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "guc.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "report.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define MAX_ATTEMPTS 4
#define RETRY_MILLISECONDS 10

/* one row; NULL: anything */
typedef struct Rule
{
	char	   *library;
	char	   *symbol;
	char	   *language;
	char	   *extension;
	char	   *function;
	char	   *channel;
	char	   *target;
} Rule;

typedef struct Entry
{
	Oid			function;		/* hash key */
	const DsecEgress *egress;	/* NULL: sends nothing */
} Entry;

/* what a function is, as far as rules ask */
typedef struct Implementation
{
	Oid			function;
	char	   *library;
	char	   *symbol;
	char	   *language;
	char	   *extension;
	char	   *name;			/* schema.name */
	char	   *signature;		/* schema.name(types) */
} Implementation;

static MemoryContext context = NULL;	/* of all that follows */
static List *rules = NIL;
static HTAB *functions = NULL;
static bool loaded = false;
static bool busy = false;
static uint64 changes = 1;
static uint64 loaded_at = 0;
static Oid	table = InvalidOid;

const DsecEgress dsec_egress_unknown = {"function", "unknown"};

/* given out to callers who keep them */
static List *given = NIL;

static void
forget(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == table)
		changes++;
}

static void
forget_function(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
}

static char *
text_column(HeapTuple row, TupleDesc descriptor, const char *name)
{
	int			attno = SPI_fnumber(descriptor, name);

	if (attno <= 0)
		elog(ERROR, "table dsec.egress_function has no column \"%s\"", name);

	return SPI_getvalue(row, descriptor, attno);
}

/* False when the table is locked, and so cannot be read now. */
static bool
load_rules(void)
{
	Oid			schema = get_namespace_oid("dsec", true);
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	row;
	MemoryContext old;

	table = OidIsValid(schema) ? get_relname_relid("egress_function", schema) :
		InvalidOid;
	if (!OidIsValid(table) ||
		getExtensionOfObject(RelationRelationId, table) !=
		get_extension_oid("dsec", true))
		return true;

	/* whoever locks the table must not hold up all planning */
	if (!ConditionalLockRelationOid(table, AccessShareLock))
		return false;
	relation = try_table_open(table, NoLock);
	if (relation == NULL)
	{
		UnlockRelationOid(table, AccessShareLock);
		return false;
	}
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	descriptor = RelationGetDescr(relation);
		Rule	   *rule;

		if (strcmp(text_column(row, descriptor, "enabled"), "t") != 0)
			continue;
		old = MemoryContextSwitchTo(context);
		rule = palloc0(sizeof(Rule));
		rule->library = text_column(row, descriptor, "library");
		rule->symbol = text_column(row, descriptor, "symbol");
		rule->language = text_column(row, descriptor, "language");
		rule->extension = text_column(row, descriptor, "extension");
		rule->function = text_column(row, descriptor, "function");
		rule->channel = text_column(row, descriptor, "channel");
		rule->target = text_column(row, descriptor, "target");
		rules = lappend(rules, rule);
		MemoryContextSwitchTo(old);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);

	return true;
}

/* Have the rules, and an empty table of functions; false when not now. */
static bool
load(void)
{
	HASHCTL		ctl;
	int			attempts = 0;
	bool		complete;

	if (loaded_at == 0)
	{
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, forget_function, (Datum) 0);
		CacheRegisterSyscacheCallback(AGGFNOID, forget_function, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_function, (Datum) 0);
		CacheRegisterSyscacheCallback(LANGOID, forget_function, (Datum) 0);
	}
	do
	{
		loaded = false;
		loaded_at = changes;
		rules = NIL;
		functions = NULL;
		if (context)
			MemoryContextReset(context);
		else
			context = AllocSetContextCreate(CacheMemoryContext,
											"dsec egress functions",
											ALLOCSET_SMALL_SIZES);
		complete = load_rules();
	} while (complete && loaded_at != changes && ++attempts < MAX_ATTEMPTS);
	if (!complete)
		return false;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Entry);
	ctl.hcxt = context;
	functions = hash_create("dsec egress functions", 64, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	loaded = true;

	return true;
}

/* The library's name, without its directory and suffix. */
static char *
library_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char	   *name = pstrdup(slash ? slash + 1 : path);
	size_t		length = strlen(name);
	size_t		suffix = strlen(DLSUFFIX);

	if (length > suffix && strcmp(name + length - suffix, DLSUFFIX) == 0)
		name[length - suffix] = '\0';

	return name;
}

static char *
proc_text(HeapTuple proc, AttrNumber attno)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, proc, attno, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static bool
find_implementation(Oid function, Implementation *implementation)
{
	HeapTuple	proc = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	Oid			extension;

	memset(implementation, 0, sizeof(Implementation));
	if (!HeapTupleIsValid(proc))
		return false;

	form = (Form_pg_proc) GETSTRUCT(proc);
	implementation->function = function;
	implementation->language = get_language_name(form->prolang, true);
	implementation->symbol = pstrdup(NameStr(form->proname));
	implementation->name = psprintf("%s.%s",
									get_namespace_name(form->pronamespace),
									NameStr(form->proname));
	implementation->signature = format_procedure_qualified(function);
	if (form->prolang == INTERNALlanguageId)
		implementation->library = "internal";
	else if (form->prolang == ClanguageId)
	{
		char	   *path = proc_text(proc, Anum_pg_proc_probin);

		implementation->library = path ? library_name(path) : NULL;
	}
	if (implementation->library)
		implementation->symbol = proc_text(proc, Anum_pg_proc_prosrc);
	extension = getExtensionOfObject(ProcedureRelationId, function);
	if (OidIsValid(extension))
		implementation->extension = get_extension_name(extension);
	ReleaseSysCache(proc);

	return true;
}

static bool
same(const char *wanted, const char *found)
{
	return wanted == NULL || (found != NULL && strcmp(wanted, found) == 0);
}

static bool
matches(const Rule *rule, const Implementation *implementation)
{
	return same(rule->library, implementation->library) &&
		same(rule->symbol, implementation->symbol) &&
		same(rule->language, implementation->language) &&
		same(rule->extension, implementation->extension) &&
		(same(rule->function, implementation->name) ||
		 same(rule->function, implementation->signature));
}

static const DsecEgress *
give(const char *channel, const char *target)
{
	DsecEgress *egress;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, given)
	{
		egress = lfirst(lc);
		if (strcmp(egress->channel, channel) == 0 &&
			strcmp(egress->target, target) == 0)
			return egress;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	egress = palloc(sizeof(DsecEgress));
	egress->channel = pstrdup(channel);
	egress->target = pstrdup(target);
	given = lappend(given, egress);
	MemoryContextSwitchTo(old);

	return egress;
}

static const DsecEgress *
find_egress(Oid function)
{
	Implementation implementation;
	ListCell   *lc;

	if (!find_implementation(function, &implementation))
		return NULL;
	foreach(lc, rules)
	{
		Rule	   *rule = lfirst(lc);

		if (matches(rule, &implementation))
			return give(rule->channel,
						rule->target ? rule->target : implementation.name);
	}

	return NULL;
}

/* An aggregate calls its support functions with what it is given. */
static const DsecEgress *
find_support(Oid function)
{
	HeapTuple	aggregate = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	Form_pg_aggregate form;
	const DsecEgress *egress = NULL;

	if (!HeapTupleIsValid(aggregate))
		return NULL;

	form = (Form_pg_aggregate) GETSTRUCT(aggregate);
	{
		Oid			support[] = {form->aggtransfn, form->aggfinalfn,
			form->aggcombinefn, form->aggserialfn, form->aggdeserialfn,
		form->aggmtransfn, form->aggminvtransfn, form->aggmfinalfn};

		for (int i = 0; i < (int) lengthof(support) && egress == NULL; i++)
		{
			if (OidIsValid(support[i]))
				egress = find_egress(support[i]);
		}
	}
	ReleaseSysCache(aggregate);

	return egress;
}

static const DsecEgress *
find(Oid function)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(old, "dsec egress look-up",
												  ALLOCSET_SMALL_SIZES);
	const DsecEgress *egress;
	uint64		before;

	MemoryContextSwitchTo(scratch);
	if ((!loaded || loaded_at != changes) && !load())
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(scratch);
		return &dsec_egress_unknown;
	}
	before = changes;
	egress = rules == NIL ? NULL : find_egress(function);
	if (egress == NULL && rules != NIL)
		egress = find_support(function);
	if (before == changes && loaded)
	{
		Entry	   *entry = hash_search(functions, &function, HASH_ENTER, NULL);

		entry->egress = egress;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);

	return egress;
}

const DsecEgress *
dsec_egress_function(Oid function)
{
	const DsecEgress *egress = NULL;

	if (likely(loaded && loaded_at == changes))
	{
		Entry	   *entry;

		if (rules == NIL)
			return NULL;
		entry = hash_search(functions, &function, HASH_FIND, NULL);
		if (entry)
			return entry->egress;
	}

	/* what is needed to look one up sends nothing */
	if (busy || !OidIsValid(MyDatabaseId))
		return NULL;
	busy = true;
	PG_TRY();
	{
		egress = find(function);
	}
	PG_FINALLY();
	{
		busy = false;
	}
	PG_END_TRY();

	return egress;
}

bool
dsec_egress_is(Oid function)
{
	return dsec_egress_function(function) != NULL;
}

/* Can the catalogue be read?  Any function will do to find out. */
static bool
is_known(void)
{
	return dsec_egress_function(F_INT4EQ) != &dsec_egress_unknown;
}

void
dsec_egress_require(void)
{
	TimestampTz deadline;

	if (is_known())
		return;
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   dsec_guc_ledger_timeout);
	do
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_DSEC_FAIL_CLOSED),
					 errmsg("cannot tell which functions send data away"),
					 errdetail("Table dsec.egress_function is locked by another session."),
					 errhint("Have that session end its transaction, and try again.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 RETRY_MILLISECONDS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	} while (!is_known());
}

/* ---- the table ---- */

PG_FUNCTION_INFO_V1(dsec_egress_changed);

/*
 * AFTER, per statement.  Every plan of the database may now be one that sends, or
 * may not be one any longer.
 */
Datum
dsec_egress_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by trigger manager")));
	changes++;
	CacheInvalidateRelcacheAll();
	PG_RETURN_POINTER(NULL);
}
