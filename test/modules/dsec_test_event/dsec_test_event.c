/*-------------------------------------------------------------------------
 *
 * dsec_test_event.c
 *	  Calls the functions of ledger/event.h and report.h from SQL, in place of
 *	  a guard.  For tests only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/event.h"
#include "policy/policy.h"
#include "report.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_event_take);
PG_FUNCTION_INFO_V1(test_event_fill);
PG_FUNCTION_INFO_V1(test_event_end);
PG_FUNCTION_INFO_V1(test_event_end_with_transaction);
PG_FUNCTION_INFO_V1(test_event_refuse);
PG_FUNCTION_INFO_V1(test_event_log);
PG_FUNCTION_INFO_V1(test_event_loss);
PG_FUNCTION_INFO_V1(test_event_spoil);

static DsecEvent *held[1024];
static int	nheld = 0;
static bool end_with_transaction = false;

static DsecEvent *
last(void)
{
	if (nheld == 0)
		elog(ERROR, "no slot is held");
	return held[nheld - 1];
}

Datum
test_event_take(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(0);

	for (int i = 0; i < count && nheld < (int) lengthof(held); i++)
	{
		DsecEvent  *event = dsec_event_take();

		held[nheld++] = event;
		strlcpy(event->channel, text_to_cstring(PG_GETARG_TEXT_PP(1)), sizeof(event->channel));
		dsec_event_add_relation(event, text_to_cstring(PG_GETARG_TEXT_PP(2)));
		dsec_event_add_recipient(event, text_to_cstring(PG_GETARG_TEXT_PP(3)));
		event->query_id = PG_GETARG_INT64(4);
	}
	PG_RETURN_INT32(nheld);
}

Datum
test_event_fill(PG_FUNCTION_ARGS)
{
	DsecEvent  *event = last();

	strlcpy(event->decision, text_to_cstring(PG_GETARG_TEXT_PP(0)), sizeof(event->decision));
	event->nrows += PG_GETARG_INT64(1);
	dsec_event_add_category(event, text_to_cstring(PG_GETARG_TEXT_PP(2)),
							PG_GETARG_INT64(3), PG_GETARG_INT64(4));
	PG_RETURN_VOID();
}

Datum
test_event_end(PG_FUNCTION_ARGS)
{
	char	   *how = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			count = PG_GETARG_INT32(1);
	bool		result = true;

	while (nheld > 0 && count-- > 0)
	{
		DsecEvent  *event = held[--nheld];

		if (strcmp(how, "durably") == 0)
			result = dsec_event_publish_durably(event) && result;
		else if (strcmp(how, "publish") == 0)
			dsec_event_publish(event);
		else
			dsec_event_release(event);
	}
	PG_RETURN_BOOL(result);
}

static void
publish_all(XactEvent event, void *arg)
{
	if (!end_with_transaction)
		return;
	while (nheld > 0)
		dsec_event_publish(held[--nheld]);
	end_with_transaction = false;
}

Datum
test_event_end_with_transaction(PG_FUNCTION_ARGS)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(publish_all, NULL);
	registered = true;
	end_with_transaction = true;
	PG_RETURN_VOID();
}

static DsecVerdict
verdict(FunctionCallInfo fcinfo, DsecDecision decision)
{
	DsecVerdict result = {
		.decision = decision,
		.recipient = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.category = text_to_cstring(PG_GETARG_TEXT_PP(1)),
		.counted = PG_GETARG_INT64(2),
		.regime = "us_dsp",
		.citation = text_to_cstring(PG_GETARG_TEXT_PP(3)),
		.comparator = ">",
		.threshold = 100,
		.window = "12 months"
	};

	return result;
}

Datum
test_event_refuse(PG_FUNCTION_ARGS)
{
	DsecVerdict v = verdict(fcinfo, DSEC_BLOCK);
	DsecEvent  *event = last();

	nheld--;
	dsec_report_blocked(&v, event->channel, event);
	PG_RETURN_VOID();
}

Datum
test_event_log(PG_FUNCTION_ARGS)
{
	DsecVerdict v = verdict(fcinfo, DSEC_LOG);

	dsec_report_logged(&v, last());
	PG_RETURN_VOID();
}

Datum
test_event_loss(PG_FUNCTION_ARGS)
{
	dsec_event_loss("select", "public.t(c)", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

Datum
test_event_spoil(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	DsecEvent  *event = last();
	int			n = Min(VARSIZE_ANY_EXHDR(bytes), NAMEDATALEN);

	memcpy(event->user_name, VARDATA_ANY(bytes), n);
	memcpy(event->application_name, VARDATA_ANY(bytes), n);
	strlcpy(event->client_address, text_to_cstring(PG_GETARG_TEXT_PP(1)),
			sizeof(event->client_address));
	PG_RETURN_VOID();
}
