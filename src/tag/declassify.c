/*-------------------------------------------------------------------------
 *
 * declassify.c
 *	  Functions whose results an officer has declared to be tagged data no longer.
 *
 * The answers are cached, because pg_seclabel is not; a label on a function
 * invalidates everything (provider.c), and so does whatever happens to functions.
 *
 * Who declassifies has looked at what the function does.  So nobody but an officer
 * may replace or alter it while it has the label.  What it calls in turn is not
 * watched (docs/limits.md).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "report.h"
#include "tag/grammar.h"
#include "tag/provider.h"
#include "tag/tag.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

typedef struct Entry
{
	Oid			function;		/* hash key */
	bool		declassifies;
} Entry;

static object_access_hook_type prev_object_access = NULL;

static HTAB *cache = NULL;
static uint64 invalidations = 0;

static void
forget(void)
{
	HASH_SEQ_STATUS status;
	Entry	   *entry;

	invalidations++;
	if (cache == NULL || hash_get_num_entries(cache) == 0)
		return;
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		hash_search(cache, &entry->function, HASH_REMOVE, NULL);
}

static void
forget_functions(Datum arg, int cacheid, uint32 hash)
{
	forget();
}

static void
forget_relation(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
		forget();
}

static bool
has_label(Oid function)
{
	ObjectAddress object;
	DsecLabelError error;
	DsecLabel  *label;
	char	   *text;

	ObjectAddressSet(object, ProcedureRelationId, function);
	text = GetSecurityLabel(&object, DSEC_PROVIDER);
	label = text ? dsec_tag_parse(text, &error) : NULL;

	return label != NULL && label->head == DSEC_HEAD_DECLASSIFY;
}

bool
dsec_tag_declassifies(Oid function)
{
	Entry	   *entry;
	uint64		before;
	bool		result;

	if (function < FirstNormalObjectId || !dsec_tag_database())
		return false;
	if (cache == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(Entry),
		.hcxt = CacheMemoryContext};

		cache = hash_create("dsec declassifying functions", 64, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(cache, &function, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->declassifies;

	before = invalidations;
	result = has_label(function);
	if (before == invalidations)
	{
		entry = hash_search(cache, &function, HASH_ENTER, NULL);
		entry->declassifies = result;
	}
	return result;
}

static void
declassify_object_access(ObjectAccessType access, Oid classId, Oid objectId,
						 int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);

	if ((access != OAT_POST_CREATE && access != OAT_POST_ALTER) ||
		classId != ProcedureRelationId || objectId < FirstNormalObjectId ||
		dsec_tag_is_officer() || !has_label(objectId))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DSEC_LABEL_REFUSED),
			 errmsg("only an officer may change function \"%s\", which declassifies tagged data",
					get_func_name(objectId)),
			 errhint("Ask a member of dsec_officer to remove the label first.")));
}

void
dsec_tag_declassify_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	prev_object_access = object_access_hook;
	object_access_hook = declassify_object_access;
}
