/*-------------------------------------------------------------------------
 *
 * holdings_result.c
 *	  What the counted cells come to: the rows of dsec.holding; and the rules in
 *	  force, for the views that compare them.
 *
 * A category holds what its cells hold and what those of its descendants hold.
 * For a population that some cell names there is a second count, without the
 * subjects of the cells that are known to be outside of it; for any other
 * population everybody counts, as in the ledger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "policy/holdings.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"

/* a category, or an ancestor of one, in a space */
typedef struct Target
{
	const char *category;
	const char *space;
	int32		tables;
	int32		columns;
	int64		bytes;
	Oid			last_table;		/* rows of one table come together */
} Target;

/* The policy in force; raises DS003 when there is none. */
static const DsecPolicy *
policy_in_force(void)
{
	if (!dsec_policy_sync())
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("there is no ledger"),
				 errdetail("The ledger database \"%s\" does not have the extension dsec.",
						   dsec_guc_ledger_database),
				 errhint("Run CREATE EXTENSION dsec in database \"%s\".",
						 dsec_guc_ledger_database)));
	return dsec_policy_local();
}

static const char *
parent_of(const DsecPolicy *policy, const char *category)
{
	int			i = dsec_policy_find_category(policy, category);

	if (i >= 0)
		i = DsecPolicyCategories(policy)[i].parent;
	return i >= 0 ? DsecPolicyText(policy, DsecPolicyCategories(policy)[i].name) : NULL;
}

/* Is the category this one, or below it?  The policy has no cycles. */
static bool
is_within(const DsecPolicy *policy, const char *category, const char *ancestor)
{
	for (; category != NULL; category = parent_of(policy, category))
	{
		if (strcmp(category, ancestor) == 0)
			return true;
	}
	return false;
}

static Target *
find_target(List **targets, const char *category, const char *space)
{
	Target	   *target;
	ListCell   *lc;

	foreach(lc, *targets)
	{
		target = lfirst(lc);
		if (strcmp(target->category, category) == 0 && strcmp(target->space, space) == 0)
			return target;
	}
	target = palloc0(sizeof(Target));
	target->category = category;
	target->space = space;
	*targets = lappend(*targets, target);
	return target;
}

static Datum
column_datum(int row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	Assert(!isnull);
	return value;
}

/* Every category and space with a tagged column, and where it is held. */
static List *
find_targets(const DsecHoldings *holdings, const DsecPolicy *policy)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(holdings->id)};
	List	   *targets = NIL;

	dsec_holdings_execute(holdings,
						  "SELECT c.relation, c.category, c.space, c.columns, t.bytes"
						  " FROM dsec.holding_column c JOIN dsec.holding_table t USING (run, relation)"
						  " WHERE c.run = $1 ORDER BY c.relation",
						  1, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Oid			table = DatumGetObjectId(column_datum((int) i, 1));
		const char *category = TextDatumGetCString(column_datum((int) i, 2));
		const char *space = TextDatumGetCString(column_datum((int) i, 3));

		for (; category != NULL; category = parent_of(policy, category))
		{
			Target	   *target = find_target(&targets, category, space);

			target->columns += DatumGetInt32(column_datum((int) i, 4));
			if (target->last_table == table)
				continue;
			target->last_table = table;
			target->tables++;
			target->bytes += DatumGetInt64(column_datum((int) i, 5));
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return targets;
}

static bool
has_name(int n, char **names, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* The cells of a target; with a population, those not known to be outside. */
static List *
cells_of(const DsecHoldings *holdings, const DsecPolicy *policy,
		 const Target *target, const char *population)
{
	List	   *cells = NIL;
	ListCell   *lc;

	foreach(lc, holdings->cells)
	{
		DsecHoldingCell *cell = lfirst(lc);
		bool		within = false;

		if (strcmp(cell->space, target->space) != 0 ||
			(population && has_name(cell->noutside, cell->outside, population)))
			continue;
		for (int i = 0; i < cell->ncategories && !within; i++)
			within = is_within(policy, cell->categories[i], target->category);
		if (within)
			cells = lappend(cells, cell);
	}
	return cells;
}

/* As keyed hashes, unless "integers" are wanted as they are. */
static void
add_all(const DsecHoldings *holdings, DsecHoldingSet *to, DsecHoldingSet *from, bool hash)
{
	uint64		position = 0;
	uint64		value;
	uint64		n = 0;

	while (dsec_holdings_set_next(from, &position, &value))
	{
		if (++n % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		dsec_holdings_set_add(to, hash ? dsec_holdings_hash_integer(holdings, value) : value);
	}
}

/*
 * Distinct subjects in these cells together.  When all keys are integers, they
 * are compared as such; otherwise by keyed hash.
 */
static uint64
count_union(const DsecHoldings *holdings, List *cells)
{
	bool		integers = false;
	bool		hashes = false;
	DsecHoldingSet *all;
	uint64		count;
	ListCell   *lc;

	foreach(lc, cells)
	{
		DsecHoldingCell *cell = lfirst(lc);

		integers |= dsec_holdings_set_count(cell->integers) > 0;
		hashes |= dsec_holdings_set_count(cell->hashes) > 0;
	}
	if (list_length(cells) == 1 && !(integers && hashes))
	{
		DsecHoldingCell *cell = linitial(cells);

		return dsec_holdings_set_count(integers ? cell->integers : cell->hashes);
	}

	all = dsec_holdings_set_create(CurrentMemoryContext);
	foreach(lc, cells)
	{
		DsecHoldingCell *cell = lfirst(lc);

		add_all(holdings, all, cell->integers, hashes);
		add_all(holdings, all, cell->hashes, false);
	}
	count = dsec_holdings_set_count(all);
	dsec_holdings_set_free(all);
	return count;
}

static void
write_holding(const DsecHoldings *holdings, const Target *target,
			  const char *population, uint64 subjects)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT4OID, INT4OID, INT8OID};
	Datum		values[8];
	char		nulls[] = "        ";

	values[0] = Int64GetDatum(holdings->id);
	values[1] = CStringGetTextDatum(target->category);
	values[2] = CStringGetTextDatum(target->space);
	if (population)
		values[3] = CStringGetTextDatum(population);
	else
		nulls[3] = 'n';
	values[4] = Int64GetDatum((int64) subjects);
	values[5] = Int32GetDatum(target->tables);
	values[6] = Int32GetDatum(target->columns);
	values[7] = Int64GetDatum(target->bytes);
	dsec_holdings_execute(holdings,
						  "INSERT INTO dsec.holding"
						  " (run, category, space, population, subjects, tables, columns, bytes)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
						  8, types, values, nulls);
}

/* The target's count, and one for each population that a cell of it names. */
static void
conclude_target(const DsecHoldings *holdings, const DsecPolicy *policy, const Target *target)
{
	List	   *cells = cells_of(holdings, policy, target, NULL);
	List	   *populations = NIL;
	ListCell   *lc;

	write_holding(holdings, target, NULL, count_union(holdings, cells));
	foreach(lc, cells)
	{
		DsecHoldingCell *cell = lfirst(lc);

		for (int i = 0; i < cell->noutside; i++)
		{
			char	   *population = cell->outside[i];
			ListCell   *known;
			bool		counted = false;

			foreach(known, populations)
				counted |= strcmp(lfirst(known), population) == 0;
			if (counted)
				continue;
			populations = lappend(populations, population);
			write_holding(holdings, target, population,
						  count_union(holdings,
									  cells_of(holdings, policy, target, population)));
		}
	}
}

/* The policy must not be asked for again: it would be another copy. */
void
dsec_holdings_conclude(DsecHoldings *holdings)
{
	MemoryContext context = AllocSetContextCreate(holdings->context, "dsec holdings result",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const DsecPolicy *policy = policy_in_force();
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(holdings->id)};
	ListCell   *lc;

	policy = memcpy(palloc(policy->size), policy, policy->size);
	dsec_holdings_execute(holdings,
						  "DELETE FROM dsec.holding_run WHERE id <> $1",
						  1, types, values, NULL);
	foreach(lc, find_targets(holdings, policy))
	{
		CHECK_FOR_INTERRUPTS();
		conclude_target(holdings, policy, lfirst(lc));
	}
	dsec_holdings_execute(holdings,
						  "DELETE FROM dsec.holding_part WHERE run = $1",
						  1, types, values, NULL);
	dsec_holdings_execute(holdings,
						  "UPDATE dsec.holding_run SET finished = clock_timestamp() WHERE id = $1",
						  1, types, values, NULL);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* -------------------------------------------------------------------------
 * The rules in force, in every database
 * ------------------------------------------------------------------------- */

enum
{
	RULE_ID, RULE_REGIME, RULE_CATEGORY, RULE_COMPARATOR, RULE_THRESHOLD,
	RULE_UNIT, RULE_POPULATION, RULE_SOURCE,
	RULE_COLUMNS
};

PG_FUNCTION_INFO_V1(dsec_policy_rule_rows);

/* Rules valid today, whomever they apply to. */
Datum
dsec_policy_rule_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const DsecPolicy *policy = policy_in_force();
	DateADT		today = dsec_ledger_today();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < policy->nrules; i++)
	{
		const DsecPolicyRule *rule = &DsecPolicyRules(policy)[i];
		const char *population = DsecPolicyText(policy, rule->population);
		Datum		values[RULE_COLUMNS];
		bool		nulls[RULE_COLUMNS] = {false};

		if (today < rule->valid_from || today > rule->valid_to)
			continue;
		values[RULE_ID] = Int32GetDatum(rule->id);
		values[RULE_REGIME] = CStringGetTextDatum(DsecPolicyText(policy, rule->regime));
		values[RULE_CATEGORY] =
			CStringGetTextDatum(DsecPolicyText(policy,
											   DsecPolicyCategories(policy)[rule->category].name));
		values[RULE_COMPARATOR] = CStringGetTextDatum(rule->at_least ? ">=" : ">");
		values[RULE_THRESHOLD] = Int64GetDatum(rule->threshold);
		values[RULE_UNIT] = CStringGetTextDatum(DsecPolicyText(policy, rule->unit));
		values[RULE_POPULATION] = CStringGetTextDatum(population);
		nulls[RULE_POPULATION] = population[0] == '\0';
		values[RULE_SOURCE] = CStringGetTextDatum(DsecPolicyText(policy, rule->source));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
