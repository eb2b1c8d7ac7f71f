/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *	  Runs libFuzzer inside a stand-alone backend.
 *
 * All of dsec is built with sanitizers and linked, with this, into the library
 * that the extension's functions are in.  One more function,
 *
 *	  dsec_fuzz(harness text, arguments text)
 *
 * hands over to libFuzzer, with blanks between its arguments, which ends the
 * process when it is done.  A finding ends it with a status that is not zero:
 * what AddressSanitizer and UndefinedBehaviorSanitizer report, a failed
 * assertion, a broken rule of a harness, an internal error (elog), an input that
 * takes too long or too much memory.
 *
 * PostgreSQL itself is as it was installed, without instrumentation.  Its
 * allocations are replaced where it can be done (memory.c), and the C library's
 * functions are checked wherever they are called from.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* of libFuzzer, which has no header for C */
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*callback) (const uint8_t *data, size_t size));

PGDLLEXPORT Datum dsec_fuzz(PG_FUNCTION_ARGS);

typedef struct Named
{
	const char *name;
	FuzzHarness harness;
} Named;

static const Named harnesses[] = {
	{"grammar", fuzz_grammar},
	{"latlon", fuzz_latlon},
	{"set_binary", fuzz_set_binary},
	{"set_laws", fuzz_set_laws},
	{"set_text", fuzz_set_text},
	{"states", fuzz_states},
	{"validators", fuzz_validators},
};

static FuzzHarness chosen;
static MemoryContext input_context;

typedef struct Input
{
	const uint8 *data;
	size_t		size;
} Input;

void
fuzz_finding(const char *file, int line, const char *rule)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, rule);
	abort();
}

char *
fuzz_text(const uint8 *data, size_t size)
{
	char	   *text;

	if (memchr(data, '\0', size) != NULL ||
		!pg_verifymbstr((const char *) data, size, true))
		return NULL;
	text = palloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

int
fuzz_attempt(void (*function) (void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		function(argument);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		sqlstate = error->sqlerrcode;
		if (sqlstate == ERRCODE_INTERNAL_ERROR)
			fuzz_finding(error->filename, error->lineno, error->message);
		/* a text that a client cannot be sent would be an error in its turn */
		fuzz_check(pg_verifymbstr(error->message, strlen(error->message), true));
		fuzz_check(error->detail == NULL ||
				   pg_verifymbstr(error->detail, strlen(error->detail), true));
		fuzz_check(error->hint == NULL ||
				   pg_verifymbstr(error->hint, strlen(error->hint), true));
		FreeErrorData(error);
	}
	PG_END_TRY();
	return sqlstate;
}

typedef struct OidQuery
{
	const char *query;
	Oid		   *result;
	int			n;
} OidQuery;

static void
run_query(void *argument)
{
	OidQuery   *query = argument;

	SPI_connect();
	if (SPI_execute(query->query, true, 0) != SPI_OK_SELECT || SPI_processed == 0)
		elog(ERROR, "nothing found by %s", query->query);
	query->n = (int) SPI_processed;
	query->result = MemoryContextAlloc(TopMemoryContext, query->n * sizeof(Oid));
	for (int i = 0; i < query->n; i++)
	{
		bool		isnull;

		query->result[i] = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
}

Oid *
fuzz_query_oids(const char *query, int *n)
{
	OidQuery		run = {query};

	/* an error here is the harness's own */
	fuzz_check(fuzz_attempt(run_query, &run) == 0);
	*n = run.n;
	return run.result;
}

typedef struct TypeFunctions
{
	FmgrInfo	in;
	FmgrInfo	out;
	FmgrInfo	receive;
	FmgrInfo	send;
	Oid			ioparam;
} TypeFunctions;

/* A harness has one type. */
static const TypeFunctions *
type_functions(const char *type)
{
	static TypeFunctions *functions = NULL;
	Oid			oid;
	Oid			function;
	bool		varlena;
	int			n;

	if (functions != NULL)
		return functions;
	oid = fuzz_query_oids(psprintf("SELECT 'dsec.%s'::regtype::oid", type), &n)[0];
	functions = MemoryContextAllocZero(TopMemoryContext, sizeof(TypeFunctions));
	getTypeInputInfo(oid, &function, &functions->ioparam);
	fmgr_info_cxt(function, &functions->in, TopMemoryContext);
	getTypeOutputInfo(oid, &function, &varlena);
	fmgr_info_cxt(function, &functions->out, TopMemoryContext);
	getTypeBinaryInputInfo(oid, &function, &functions->ioparam);
	fmgr_info_cxt(function, &functions->receive, TopMemoryContext);
	getTypeBinaryOutputInfo(oid, &function, &varlena);
	fmgr_info_cxt(function, &functions->send, TopMemoryContext);
	return functions;
}

typedef struct Value
{
	const TypeFunctions *functions;
	char	   *text;			/* either of both is read */
	bytea	   *binary;
	Datum		value;
} Value;

static void
read_value(void *argument)
{
	Value	   *value = argument;
	StringInfoData buf;

	if (value->text != NULL)
	{
		value->value = InputFunctionCall((FmgrInfo *) &value->functions->in, value->text,
										 value->functions->ioparam, -1);
		return;
	}
	/* as the server has it: with room, and a zero behind */
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA(value->binary),
						   VARSIZE(value->binary) - VARHDRSZ);
	value->value = ReceiveFunctionCall((FmgrInfo *) &value->functions->receive, &buf,
									   value->functions->ioparam, -1);
	/* what is left over is an error of the server's */
	if (buf.cursor != buf.len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("incorrect binary data format")));
}

static bool
same_bytes(const bytea *a, const bytea *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Text and binary form of a value that was read, read again. */
static void
check_forms(const TypeFunctions *functions, Datum value, bytea **binary)
{
	char	   *text = OutputFunctionCall((FmgrInfo *) &functions->out, value);
	bytea	   *bytes = SendFunctionCall((FmgrInfo *) &functions->send, value);
	Value		from_text = {functions, text, NULL};
	Value		from_binary = {functions, NULL, bytes};

	fuzz_check(pg_verifymbstr(text, strlen(text), true));
	fuzz_check(fuzz_attempt(read_value, &from_text) == 0);
	fuzz_check(fuzz_attempt(read_value, &from_binary) == 0);
	fuzz_check(strcmp(OutputFunctionCall((FmgrInfo *) &functions->out, from_text.value), text) == 0);
	fuzz_check(strcmp(OutputFunctionCall((FmgrInfo *) &functions->out, from_binary.value), text) == 0);
	fuzz_check(same_bytes(SendFunctionCall((FmgrInfo *) &functions->send, from_text.value), bytes));
	fuzz_check(same_bytes(SendFunctionCall((FmgrInfo *) &functions->send, from_binary.value), bytes));
	if (binary != NULL)
		*binary = bytes;
}

bool
fuzz_read_text(const char *type, char *text, bytea **binary)
{
	Value		value = {type_functions(type), text, NULL};

	if (fuzz_attempt(read_value, &value) != 0)
		return false;
	check_forms(value.functions, value.value, binary);
	return true;
}

bool
fuzz_read_binary(const char *type, const uint8 *data, size_t size)
{
	Value		value = {type_functions(type), NULL, palloc(VARHDRSZ + size)};

	SET_VARSIZE(value.binary, VARHDRSZ + size);
	memcpy(VARDATA(value.binary), data, size);
	if (fuzz_attempt(read_value, &value) != 0)
		return false;
	check_forms(value.functions, value.value, NULL);
	return true;
}

static void
run_input(void *argument)
{
	Input	   *input = argument;

	chosen(input->data, input->size);
}

static int
one_input(const uint8_t *data, size_t size)
{
	MemoryContext old = MemoryContextSwitchTo(input_context);
	Input		input = {data, size};

	fuzz_attempt(run_input, &input);
	MemoryContextSwitchTo(old);
	MemoryContextReset(input_context);
	return 0;
}

PG_FUNCTION_INFO_V1(dsec_fuzz);

Datum
dsec_fuzz(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *arguments = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			argc = 1;
	char	  **argv = palloc0((strlen(arguments) + 3) * sizeof(char *));

	for (int i = 0; i < lengthof(harnesses); i++)
	{
		if (strcmp(harnesses[i].name, name) == 0)
			chosen = harnesses[i].harness;
	}
	if (chosen == NULL)
		elog(ERROR, "there is no harness \"%s\"", name);

	argv[0] = name;
	for (char *word = strtok(arguments, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;

	input_context = fuzz_memory_create(CurrentMemoryContext);
	LLVMFuzzerRunDriver(&argc, &argv, one_input);
	PG_RETURN_VOID();
}
