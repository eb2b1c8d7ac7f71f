/*-------------------------------------------------------------------------
 *
 * view.c
 *	  The SQL functions behind dsec.exposure, dsec.was_sent, dsec.recipients_of
 *	  and dsec.status(): what policy and ledger know, in every database.
 *
 * None of them changes anything, and none returns a subject's key or hash.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guc.h"
#include "ledger/ledger.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "policy/policy.h"
#include "policy/published.h"
#include "report.h"
#include "subject/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* a composite key has no more columns than a tag can name */
#define MAX_KEY_COLUMNS 8

const DsecPolicy *
dsec_policy_in_force(void)
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

static Datum
text_datum(const DsecPolicy *policy, DsecPolicyString string)
{
	return CStringGetTextDatum(DsecPolicyText(policy, string));
}

enum
{
	EXPOSURE_RECIPIENT, EXPOSURE_REGIME, EXPOSURE_CATEGORY, EXPOSURE_COUNTED,
	EXPOSURE_UNATTRIBUTED, EXPOSURE_THRESHOLD, EXPOSURE_HEADROOM,
	EXPOSURE_WINDOW_START, EXPOSURE_COMPARATOR, EXPOSURE_POPULATION,
	EXPOSURE_ACTION, EXPOSURE_RULE, EXPOSURE_SOURCE,
	EXPOSURE_COLUMNS
};

static void
put_exposure(ReturnSetInfo *result, const DsecPolicy *policy,
			 const DsecPolicyRecipient *recipient, const DsecPolicyRule *rule,
			 const char *category, DateADT today)
{
	Datum		values[EXPOSURE_COLUMNS];
	bool		nulls[EXPOSURE_COLUMNS] = {false};
	const char *population = DsecPolicyText(policy, rule->population);
	DsecLimit	limit;
	int64		counted;
	int64		unattributed = 0;

	memset(&limit, 0, sizeof(limit));
	limit.recipient = recipient->id;
	strlcpy(limit.category, category, NAMEDATALEN);
	strlcpy(limit.population, population, NAMEDATALEN);
	limit.window = rule->window;
	limit.most = rule->most;
	counted = dsec_ledger_count(&limit, &unattributed);

	values[EXPOSURE_RECIPIENT] = text_datum(policy, recipient->name);
	values[EXPOSURE_REGIME] = text_datum(policy, rule->regime);
	values[EXPOSURE_CATEGORY] = CStringGetTextDatum(category);
	values[EXPOSURE_COUNTED] = Int64GetDatum(counted);
	values[EXPOSURE_UNATTRIBUTED] = Int64GetDatum(unattributed);
	values[EXPOSURE_THRESHOLD] = Int64GetDatum(rule->threshold);
	values[EXPOSURE_HEADROOM] = Int64GetDatum(Max(rule->most - counted, 0));
	values[EXPOSURE_WINDOW_START] = DateADTGetDatum(dsec_ledger_window_start(&rule->window_shape,
																		 today));
	values[EXPOSURE_COMPARATOR] = CStringGetTextDatum(rule->at_least ? ">=" : ">");
	values[EXPOSURE_POPULATION] = CStringGetTextDatum(population);
	nulls[EXPOSURE_POPULATION] = population[0] == '\0';
	values[EXPOSURE_ACTION] = CStringGetTextDatum(rule->block ? "block" : "log");
	values[EXPOSURE_RULE] = Int32GetDatum(rule->id);
	values[EXPOSURE_SOURCE] = text_datum(policy, rule->source);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(dsec_policy_exposure_rows);

/* One row per recipient and rule that applies today. */
Datum
dsec_policy_exposure_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const DsecPolicy *policy = dsec_policy_in_force();
	DateADT		today = dsec_ledger_today();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < policy->nrecipients; i++)
	{
		const DsecPolicyRecipient *recipient = &DsecPolicyRecipients(policy)[i];

		for (int j = 0; j < policy->nrules; j++)
		{
			const DsecPolicyRule *rule = &DsecPolicyRules(policy)[j];

			CHECK_FOR_INTERRUPTS();
			if (dsec_policy_rule_applies(rule, recipient, today))
				put_exposure(result, policy, recipient, rule,
							 DsecPolicyText(policy,
											DsecPolicyCategories(policy)[rule->category].name),
							 today);
		}
	}
	return (Datum) 0;
}

/* -------------------------------------------------------------------------
 * Was this person's data sent?
 * ------------------------------------------------------------------------- */

/* Values, types and collations of the key given as variadic arguments. */
static int
key_arguments(FunctionCallInfo fcinfo, int first, Datum *values, Oid *types,
			  Oid *collations)
{
	Datum	   *arguments;
	Oid		   *argument_types;
	bool	   *nulls;
	int			n = extract_variadic_args(fcinfo, first, true, &arguments,
										  &argument_types, &nulls);
	List	   *expressions = NIL;

	if (n < 1 || n > MAX_KEY_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a subject key has one to %d columns", MAX_KEY_COLUMNS)));
	if (fcinfo->flinfo->fn_expr && IsA(fcinfo->flinfo->fn_expr, FuncExpr))
		expressions = ((FuncExpr *) fcinfo->flinfo->fn_expr)->args;

	for (int i = 0; i < n; i++)
	{
		/* of an array, every element has the array's collation */
		int			place = Min(first + i, list_length(expressions) - 1);

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a subject key must not be NULL")));
		values[i] = arguments[i];
		types[i] = argument_types[i];
		collations[i] = place >= first ?
			exprCollation(list_nth(expressions, place)) : InvalidOid;
		if (!OidIsValid(collations[i]))
			collations[i] = get_typcollation(types[i]);
	}
	return n;
}

PG_FUNCTION_INFO_V1(dsec_policy_was_sent);

Datum
dsec_policy_was_sent(PG_FUNCTION_ARGS)
{
	const DsecPolicy *policy = dsec_policy_in_force();
	const DsecPolicyRecipient *recipient;
	Datum		values[MAX_KEY_COLUMNS];
	Oid			types[MAX_KEY_COLUMNS];
	Oid			collations[MAX_KEY_COLUMNS];
	char	   *arguments[3];
	DsecKeyHasher *hasher;
	DateADT		day;
	bool		found = false;
	int			n;

	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("recipient, category and space must not be NULL")));
		arguments[i] = text_to_cstring(PG_GETARG_TEXT_PP(i));
	}
	n = key_arguments(fcinfo, 3, values, types, collations);

	recipient = dsec_policy_find_recipient_name(policy, arguments[0]);
	if (recipient == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("recipient \"%s\" does not exist", arguments[0]),
				 errhint("Recipients are listed in dsec.recipient in database \"%s\".",
						 dsec_guc_ledger_database)));
	if (dsec_policy_find_category(policy, arguments[1]) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("category \"%s\" does not exist", arguments[1]),
				 errhint("Categories are listed in dsec.category in database \"%s\".",
						 dsec_guc_ledger_database)));

	hasher = dsec_subject_hasher(n, types, collations);
	day = dsec_ledger_last_day(recipient->id, arguments[1], arguments[2],
							   dsec_subject_hash(hasher, values, dsec_ledger_key()),
							   &found);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(day);
}

/* -------------------------------------------------------------------------
 * Who receives?
 * ------------------------------------------------------------------------- */

PG_FUNCTION_INFO_V1(dsec_policy_recipients_of);

/* Names of the recipients of this session and of a channel. */
Datum
dsec_policy_recipients_of(PG_FUNCTION_ARGS)
{
	DsecRecipients recipients;
	Datum		names[DSEC_MAX_RECIPIENTS];

	(void) dsec_policy_in_force();
	recipients = *dsec_policy_session();
	if (!PG_ARGISNULL(0))
	{
		char	   *channel = text_to_cstring(PG_GETARG_TEXT_PP(0));
		char	   *target = PG_ARGISNULL(1) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(1));

		dsec_policy_channel(channel, target, &recipients);
	}
	dsec_policy_check_recipients(&recipients);
	for (int i = 0; i < recipients.n; i++)
	{
		const char *name = dsec_policy_recipient_name(recipients.id[i]);

		names[i] = CStringGetTextDatum(name ? name : "");
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(names, recipients.n, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

/* -------------------------------------------------------------------------
 * Status
 * ------------------------------------------------------------------------- */

static const char *
worker_state_name(DsecWorkerState state)
{
	switch (state)
	{
		case DSEC_WORKER_ABSENT:
			return "absent";
		case DSEC_WORKER_NO_LEDGER:
			return "no ledger";
		case DSEC_WORKER_STANDBY:
			return "standby";
		case DSEC_WORKER_FAILED:
			return "failed";
		case DSEC_WORKER_READY:
			return "ready";
	}
	return "unknown";
}

enum
{
	STATE_PRELOADED, STATE_MODE, STATE_UNASSIGNED, STATE_LEDGER_DATABASE,
	STATE_IS_LEDGER, STATE_WORKER, STATE_PROBLEM, STATE_GENERATION,
	STATE_CURRENT, STATE_RECIPIENTS, STATE_UNASSIGNED_RECIPIENTS, STATE_RULES,
	STATE_CHARGES, STATE_CHARGES_MOST,
	STATE_COLUMNS
};

PG_FUNCTION_INFO_V1(dsec_policy_server_state);

/* What dsec.status() tells about the server; waits for nothing. */
Datum
dsec_policy_server_state(PG_FUNCTION_ARGS)
{
	static const char *const modes[] = {"off", "permissive", "enforcing"};
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS] = {false};
	TupleDesc	descriptor;
	const DsecPolicy *policy = dsec_policy_reload();
	char	   *database = get_database_name(MyDatabaseId);
	char	   *problem = NULL;
	DsecWorkerState worker = dsec_worker_state(&problem);
	bool		current = false;
	uint64		generation = dsec_policy_generation(&current);
	int			unassigned = 0;
	int64		charges = 0;
	int64		most = 0;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	if (problem == NULL && dsec_policy_shared)
	{
		LWLockAcquire(dsec_policy_shared->lock, LW_SHARED);
		if (dsec_policy_shared->problem[0])
			problem = pstrdup(dsec_policy_shared->problem);
		LWLockRelease(dsec_policy_shared->lock);
	}
	for (int i = 0; policy && i < policy->nrecipients; i++)
	{
		if (DsecPolicyRecipients(policy)[i].status == DSEC_STATUS_UNASSIGNED)
			unassigned++;
	}

	values[STATE_PRELOADED] = BoolGetDatum(dsec_policy_shared != NULL);
	values[STATE_MODE] = CStringGetTextDatum(modes[dsec_guc_mode]);
	values[STATE_UNASSIGNED] =
		CStringGetTextDatum(dsec_guc_unassigned == DSEC_UNASSIGNED_BLOCK ? "block" : "log");
	values[STATE_LEDGER_DATABASE] = CStringGetTextDatum(dsec_guc_ledger_database);
	values[STATE_IS_LEDGER] =
		BoolGetDatum(database && strcmp(database, dsec_guc_ledger_database) == 0);
	values[STATE_WORKER] = CStringGetTextDatum(worker_state_name(worker));
	if (problem)
		values[STATE_PROBLEM] = CStringGetTextDatum(problem);
	else
		nulls[STATE_PROBLEM] = true;
	values[STATE_GENERATION] = Int64GetDatum((int64) generation);
	values[STATE_CURRENT] = BoolGetDatum(current);
	values[STATE_RECIPIENTS] = Int32GetDatum(policy ? policy->nrecipients : 0);
	values[STATE_UNASSIGNED_RECIPIENTS] = Int32GetDatum(unassigned);
	values[STATE_RULES] = Int32GetDatum(policy ? policy->nrules : 0);
	if (!dsec_ledger_memory(&charges, &most))
		nulls[STATE_CHARGES] = nulls[STATE_CHARGES_MOST] = true;
	values[STATE_CHARGES] = Int64GetDatum(charges);
	values[STATE_CHARGES_MOST] = Int64GetDatum(most);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
													  values, nulls)));
}

PG_FUNCTION_INFO_V1(dsec_policy_tag_problem);

/*
 * What is wrong with a tag of this category and space, as far as the policy can
 * tell, or NULL.
 */
Datum
dsec_policy_tag_problem(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *space = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const DsecPolicy *policy = dsec_policy_reload();
	const char *unit = "person";
	int			category;

	if (policy == NULL)
		PG_RETURN_NULL();
	category = dsec_policy_find_category(policy, name);
	if (category < 0)
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("category %s does not exist",
												  name)));

	for (int i = 0; i < policy->nspaces; i++)
	{
		if (strcmp(DsecPolicyText(policy, DsecPolicySpaces(policy)[i].name), space) == 0)
			unit = DsecPolicyText(policy, DsecPolicySpaces(policy)[i].unit);
	}
	for (int depth = 0; category >= 0 && depth < policy->ncategories; depth++)
	{
		for (int i = 0; i < policy->nrules; i++)
		{
			const DsecPolicyRule *rule = &DsecPolicyRules(policy)[i];

			if (rule->category == category &&
				strcmp(DsecPolicyText(policy, rule->unit), unit) != 0)
				PG_RETURN_TEXT_P(cstring_to_text(
												 psprintf("rule %d counts each %s of category %s, and a subject of space %s is a %s",
														  rule->id,
														  DsecPolicyText(policy, rule->unit),
														  name, space, unit)));
		}
		category = DsecPolicyCategories(policy)[category].parent;
	}
	PG_RETURN_NULL();
}
