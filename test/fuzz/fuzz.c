/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *	  Runs libFuzzer inside a stand-alone backend.
 *
 * All of dsec is built with sanitizers and linked, with this, into one library
 * that SQL loads:
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

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
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
