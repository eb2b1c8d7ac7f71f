/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Settings of dsec.
 *
 * No setting that bears on enforcement can be changed by a session: it would be
 * a route around it.  How fast holdings are counted does not bear on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "guc.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/guc.h"
#include "utils/plancache.h"

int			dsec_guc_mode = DSEC_MODE_ENFORCING;
int			dsec_guc_unassigned = DSEC_UNASSIGNED_LOG;
int			dsec_guc_unbound_read = DSEC_UNBOUND_HOUSE;
int			dsec_guc_copies = DSEC_COPIES_PROPAGATE;
char	   *dsec_guc_ledger_database = NULL;
int			dsec_guc_ledger_timeout = 10000;
int			dsec_guc_shared_memory = 65536;
char	   *dsec_guc_key_file = NULL;
char	   *dsec_guc_timezone = NULL;
double		dsec_guc_holdings_cost_delay = 0;
int			dsec_guc_holdings_cost_limit = 200;

static const struct config_enum_entry mode_options[] = {
	{"enforcing", DSEC_MODE_ENFORCING, false},
	{"permissive", DSEC_MODE_PERMISSIVE, false},
	{"off", DSEC_MODE_OFF, false},
	{NULL, 0, false}
};

static const struct config_enum_entry unassigned_options[] = {
	{"log", DSEC_UNASSIGNED_LOG, false},
	{"block", DSEC_UNASSIGNED_BLOCK, false},
	{NULL, 0, false}
};

static const struct config_enum_entry unbound_read_options[] = {
	{"house", DSEC_UNBOUND_HOUSE, false},
	{"log", DSEC_UNBOUND_LOG, false},
	{NULL, 0, false}
};

static const struct config_enum_entry copies_options[] = {
	{"propagate", DSEC_COPIES_PROPAGATE, false},
	{"refuse", DSEC_COPIES_REFUSE, false},
	{"log", DSEC_COPIES_LOG, false},
	{NULL, 0, false}
};

static bool
check_timezone(char **newval, void **extra, GucSource source)
{
	if (pg_tzset(*newval) == NULL)
	{
		GUC_check_errdetail("Time zone \"%s\" is not known.", *newval);
		return false;
	}
	return true;
}

/* Plans made in another mode may lack what they need to count. */
static void
assign_mode(int newval, void *extra)
{
	if (newval != dsec_guc_mode)
		ResetPlanCache();
}

/* So may plans that rely on tags that follow copies. */
static void
assign_copies(int newval, void *extra)
{
	if (newval != dsec_guc_copies)
		ResetPlanCache();
}

/*
 * Define every setting.  Called from _PG_init; the settings that size shared
 * memory exist only when the library is preloaded.
 */
void
dsec_guc_init(void)
{
	GucContext	postmaster = process_shared_preload_libraries_in_progress ?
		PGC_POSTMASTER : PGC_INTERNAL;

	DefineCustomEnumVariable("dsec.mode",
							 "Whether exports over a threshold are blocked, only recorded, or not looked at.",
							 NULL,
							 &dsec_guc_mode,
							 DSEC_MODE_ENFORCING,
							 mode_options,
							 PGC_SIGHUP,
							 0,
							 NULL, assign_mode, NULL);
	DefineCustomEnumVariable("dsec.unassigned",
							 "What happens when a recipient that no officer has assigned crosses a threshold.",
							 NULL,
							 &dsec_guc_unassigned,
							 DSEC_UNASSIGNED_LOG,
							 unassigned_options,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("dsec.unbound_read",
							 "Whether plain reads of sessions bound to no recipient are recorded.",
							 NULL,
							 &dsec_guc_unbound_read,
							 DSEC_UNBOUND_HOUSE,
							 unbound_read_options,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("dsec.copies",
							 "Whether the tag follows when tagged data is copied to a column that is not tagged so, or the copy is refused, or only recorded.",
							 NULL,
							 &dsec_guc_copies,
							 DSEC_COPIES_PROPAGATE,
							 copies_options,
							 PGC_SIGHUP,
							 0,
							 NULL, assign_copies, NULL);
	DefineCustomStringVariable("dsec.ledger_database",
							   "Database that holds rules, recipients, bindings, events and the ledger.",
							   NULL,
							   &dsec_guc_ledger_database,
							   "postgres",
							   postmaster,
							   0,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("dsec.ledger_timeout",
							"How long an export waits for the ledger before it is refused.",
							NULL,
							&dsec_guc_ledger_timeout,
							10000, 100, INT_MAX / 2,
							PGC_SIGHUP,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("dsec.shared_memory",
							"Shared memory for the live ledger.",
							"The default holds more than two million charges.",
							&dsec_guc_shared_memory,
							65536, 8192, INT_MAX / 2,
							postmaster,
							GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomStringVariable("dsec.key_file",
							   "File with the key under which subject keys are hashed.",
							   "Empty means dsec.key in the data directory.",
							   &dsec_guc_key_file,
							   "",
							   postmaster,
							   GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("dsec.timezone",
							   "Time zone in which the days of the ledger begin and end.",
							   NULL,
							   &dsec_guc_timezone,
							   "UTC",
							   postmaster,
							   0,
							   check_timezone, NULL, NULL);
	DefineCustomRealVariable("dsec.holdings_cost_delay",
							 "How long dsec.refresh_holdings() naps when it has reached dsec.holdings_cost_limit.",
							 "0 means that it never naps.",
							 &dsec_guc_holdings_cost_delay,
							 0, 0, 1000,
							 PGC_USERSET,
							 GUC_UNIT_MS,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("dsec.holdings_cost_limit",
							"Cost of reading after which dsec.refresh_holdings() naps.",
							"A buffer costs vacuum_cost_page_hit or vacuum_cost_page_miss.",
							&dsec_guc_holdings_cost_limit,
							200, 1, 10000,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("dsec");
}
