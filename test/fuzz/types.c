/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Harnesses: the input is a text that a tagging type may take.
 *
 * Validators answer every text, raise nothing, and give the same answer
 * whatever the header of the value is like.  All of those that the extension
 * has are given each input.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fmgr.h"
#include "utils/memutils.h"

typedef struct Question
{
	FmgrInfo   *validator;
	Datum		argument;
	Datum		answer;
} Question;

static void
ask(void *argument)
{
	Question   *question = argument;

	question->answer = FunctionCall1(question->validator, question->argument);
}

void
fuzz_validators(const uint8 *data, size_t size)
{
	static FmgrInfo *validators = NULL;
	static int	nvalidators;
	char	   *string = fuzz_text(data, size);
	text	   *plain;
	text	   *packed = NULL;

	if (validators == NULL)
	{
		Oid		   *oids = fuzz_query_oids("SELECT oid FROM pg_proc WHERE pronamespace = 'dsec'::regnamespace"
										   " AND proname ~ '^is_' AND pronargs = 1 AND proargtypes[0] = 'text'::regtype"
										   " ORDER BY proname", &nvalidators);

		validators = MemoryContextAlloc(TopMemoryContext, nvalidators * sizeof(FmgrInfo));
		for (int i = 0; i < nvalidators; i++)
			fmgr_info_cxt(oids[i], &validators[i], TopMemoryContext);
	}
	if (string == NULL)
		return;

	plain = palloc(VARHDRSZ + size);
	SET_VARSIZE(plain, VARHDRSZ + size);
	memcpy(VARDATA(plain), data, size);
	if (size + VARHDRSZ_SHORT <= VARATT_SHORT_MAX)
	{
		packed = palloc(VARHDRSZ_SHORT + size);
		SET_VARSIZE_SHORT(packed, VARHDRSZ_SHORT + size);
		memcpy(VARDATA_SHORT(packed), data, size);
	}

	for (int i = 0; i < nvalidators; i++)
	{
		Question	question = {&validators[i], PointerGetDatum(plain)};

		fuzz_check(fuzz_attempt(ask, &question) == 0);
		if (packed != NULL)
		{
			Question	again = {&validators[i], PointerGetDatum(packed)};

			fuzz_check(fuzz_attempt(ask, &again) == 0);
			fuzz_check(DatumGetBool(question.answer) == DatumGetBool(again.answer));
		}
	}
}

/* A place: as text, and as the 16 bytes of the binary form. */
void
fuzz_latlon(const uint8 *data, size_t size)
{
	char	   *text;

	if (size > 0 && data[0] == '\0')
	{
		fuzz_read_binary("latlon", data + 1, size - 1);
		return;
	}
	text = fuzz_text(data, size);
	if (text != NULL)
		fuzz_read_text("latlon", text, NULL);
}
