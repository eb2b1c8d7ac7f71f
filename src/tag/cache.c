/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  Backend-local cache from relation to tags.
 *
 * A hash table by relation OID, with negative entries, so that a relation
 * without tags costs one probe; in a database without any label not even that.
 *
 * Invalidation: whatever changes the tags of a relation sends a relcache
 * invalidation for it (a label does so in provider.c, DDL by itself), or for
 * one of the relations it depends on: ancestors and row types.  The entry
 * lists those; an entry that others depend on knows that it has dependents.
 * "No label in this database" is undone by an invalidation of pg_seclabel,
 * which provider.c sends with every label.
 *
 * An invalidated entry keeps its memory until it is asked for again: a reader
 * that looks up a second relation does not lose the first.
 *
 * An invalidation that arrives while an entry is computed makes the
 * computation start again, and after a few attempts the result is used once
 * and not kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_seclabel.h"
#include "report.h"
#include "tag/effective.h"
#include "tag/provider.h"
#include "tag/tag.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define MAX_ATTEMPTS 4

/* invalid entries with memory, beyond which they are swept */
#define MAX_INVALID 256

typedef struct Entry
{
	Oid			relid;			/* hash key */
	bool		valid;
	bool		has_dependents;
	MemoryContext context;		/* of all below; NULL when nothing is kept */
	DsecRelationTags *tags;
	char	   *unreadable;
	List	   *depends;
} Entry;

typedef enum AnyLabel
{
	LABELS_UNKNOWN,
	LABELS_NONE,
	LABELS_SOME
} AnyLabel;

static MemoryContext cache_context = NULL;
static HTAB *cache = NULL;
static AnyLabel any_label = LABELS_UNKNOWN;
static uint64 invalidations = 0;
static int	ninvalid = 0;

static void
invalidate_entry(Entry *entry)
{
	if (entry->valid && entry->context != NULL)
		ninvalid++;
	entry->valid = false;
}

/* Relcache callback: forget what was known about a relation, or about all. */
static void
forget_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	Entry	   *entry;
	Entry	   *changed = NULL;

	invalidations++;
	if (relid == InvalidOid || relid == SecLabelRelationId)
		any_label = LABELS_UNKNOWN;
	if (cache == NULL)
		return;
	if (relid != InvalidOid)
	{
		changed = hash_search(cache, &relid, HASH_FIND, NULL);
		if (changed == NULL)
			return;
		invalidate_entry(changed);
		if (!changed->has_dependents)
			return;
	}

	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (changed == NULL || list_member_oid(entry->depends, relid))
			invalidate_entry(entry);
	}
}

static void
release_entry(Entry *entry)
{
	MemoryContext context = entry->context;

	entry->context = NULL;
	entry->tags = NULL;
	entry->unreadable = NULL;
	entry->depends = NIL;
	if (context != NULL)
		MemoryContextDelete(context);
}

/* Give back the memory of entries that nobody asked for since they changed. */
static void
sweep(void)
{
	HASH_SEQ_STATUS status;
	Entry	   *entry;

	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (!entry->valid)
			release_entry(entry);
	}
	ninvalid = 0;
}

static void
create_cache(void)
{
	HASHCTL		ctl;

	cache_context = AllocSetContextCreate(CacheMemoryContext, "dsec tags",
										  ALLOCSET_DEFAULT_SIZES);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Entry);
	ctl.hcxt = cache_context;
	cache = hash_create("dsec tags", 256, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Entry *
enter(Oid relid)
{
	bool		found;
	Entry	   *entry = hash_search(cache, &relid, HASH_ENTER, &found);

	if (!found)
		memset((char *) entry + sizeof(Oid), 0, sizeof(Entry) - sizeof(Oid));
	return entry;
}

/*
 * Compute an entry anew.  The old memory is given up only when the new stands,
 * so that an error leaves the cache as it was.
 */
static Entry *
build_entry(Oid relid)
{
	Entry	   *entry;
	DsecEffective effective;
	MemoryContext context = NULL;
	MemoryContext old;
	ListCell   *lc;
	uint64		before;
	int			attempts = 0;

	do
	{
		if (context != NULL)
			MemoryContextDelete(context);
		before = invalidations;

		/* under the caller's context until it stands: an error frees it */
		context = AllocSetContextCreate(CurrentMemoryContext, "dsec tags of a relation",
										ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(context);
		dsec_tag_effective(relid, &effective);
		MemoryContextSwitchTo(old);
	} while (before != invalidations && ++attempts < MAX_ATTEMPTS);

	foreach(lc, effective.depends)
		enter(lfirst_oid(lc))->has_dependents = true;
	entry = enter(relid);
	release_entry(entry);
	if (effective.tags == NULL && effective.unreadable == NULL &&
		effective.depends == NIL)
		MemoryContextDelete(context);
	else
	{
		MemoryContextSetParent(context, cache_context);
		entry->context = context;
		entry->tags = effective.tags;
		entry->unreadable = effective.unreadable;
		entry->depends = effective.depends;
	}
	entry->valid = (before == invalidations);
	return entry;
}

bool
dsec_tag_database(void)
{
	uint64		before = invalidations;
	bool		found = any_label == LABELS_SOME;

	if (any_label == LABELS_UNKNOWN)
	{
		found = dsec_tag_any_label();
		if (before == invalidations)
			any_label = found ? LABELS_SOME : LABELS_NONE;
	}

	return found;
}

/* The valid entry of a relation, or NULL when there is no label at all. */
static Entry *
lookup(Oid relid)
{
	Entry	   *entry;

	if (relid < FirstNormalObjectId || any_label == LABELS_NONE)
		return NULL;
	if (cache != NULL)
	{
		entry = hash_search(cache, &relid, HASH_FIND, NULL);
		if (entry != NULL && entry->valid)
			return entry;
	}
	if (!dsec_tag_database())
		return NULL;
	if (cache == NULL)
		create_cache();
	if (ninvalid > MAX_INVALID)
		sweep();
	return build_entry(relid);
}

const DsecRelationTags *
dsec_tag_relation_or_problem(Oid relid, const char **problem)
{
	Entry	   *entry;

	*problem = NULL;
	if (relid < FirstNormalObjectId)
		return dsec_tag_catalog(relid);
	entry = lookup(relid);
	if (entry == NULL)
		return NULL;
	*problem = entry->unreadable;
	return entry->tags;
}

const DsecRelationTags *
dsec_tag_relation(Oid relid)
{
	const char *problem;
	const DsecRelationTags *tags = dsec_tag_relation_or_problem(relid, &problem);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DSEC_FAIL_CLOSED),
				 errmsg("cannot tell what relation \"%s\" holds",
						get_rel_name(relid)),
				 errdetail_internal("%s", problem),
				 errhint("Set the label again, as a member of dsec_officer.")));
	return tags;
}

const DsecTaggedColumn *
dsec_tag_column(const DsecRelationTags *tags, AttrNumber attno)
{
	int			low = 0;
	int			high;

	if (tags == NULL || !bms_is_member(Max(attno, 0), tags->attnos))
		return NULL;
	high = tags->ncolumns - 1;
	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (tags->columns[middle].attno == attno)
			return &tags->columns[middle];
		if (tags->columns[middle].attno < attno)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NULL;
}

void
dsec_tag_init(void)
{
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	dsec_tag_declassify_init();
	dsec_tag_pending_init();
	dsec_tag_history_init();
	dsec_tag_provider_init();
	dsec_tag_ddl_init();
}
