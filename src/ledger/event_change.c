/*-------------------------------------------------------------------------
 *
 * event_change.c
 *	  Records of labels that were set, of tagged columns that were dropped, and of
 *	  what else befalls tags, by any session in any database.
 *
 * A record is made when the label is set, kept in the transaction's memory,
 * published when the transaction commits or is prepared, and forgotten when it,
 * or the subtransaction, aborts.  It never waits and never refuses: labels must
 * go on where there is no ledger yet.  What finds no slot then is counted as
 * lost; of one transaction that sets very many labels (a restore), the first
 * ones have a record each, and the rest one together, also when some of these
 * are rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "commands/extension.h"
#include "ledger/event.h"
#include "ledger/event_slots.h"
#include "tag/tag.h"
#include "utils/memutils.h"

/* records of one transaction; the last one may stand for many labels */
#define TRANSACTION_RECORDS 64

typedef struct Change
{
	DsecEvent  *event;
	SubTransactionId subxact;
} Change;

static Change changes[TRANSACTION_RECORDS];
static int	nchanges = 0;
static int	further = 0;		/* labels of the last record beyond its first */

static bool
stands_for_many(int i)
{
	return further > 0 && i == nchanges - 1;
}

static void
end_transaction(XactEvent event, void *arg)
{
	bool		publish = event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE;

	if (!publish && event != XACT_EVENT_ABORT)
		return;
	for (int i = 0; i < nchanges; i++)
	{
		DsecEvent  *record = changes[i].event;

		if (stands_for_many(i))
			snprintf(record->detail, sizeof(record->detail),
					 "Up to %d further changes of tags were made in the same transaction.", further + 1);
		if (publish)
			dsec_event_queue(record);
	}
	nchanges = 0;
	further = 0;
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subxact,
				   SubTransactionId parent, void *arg)
{
	int			kept = 0;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < nchanges; i++)
	{
		if (changes[i].subxact == subxact)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB && !stands_for_many(i))
				continue;
			changes[i].subxact = parent;
		}
		changes[kept++] = changes[i];
	}
	nchanges = kept;
}

/* A record about an object, or NULL: nobody keeps it, or the last one stands for it. */
static DsecEvent *
new_record(const ObjectAddress *object)
{
	static bool registered = false;
	char	   *identity;
	DsecEvent  *record;

	/* what an extension's script sets comes with the extension */
	if (dsec_event_shared == NULL || creating_extension)
		return NULL;
	if (nchanges == TRANSACTION_RECORDS || further > 0)
	{
		further++;
		return NULL;
	}

	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
		registered = true;
	}

	identity = getObjectIdentity(object, true);
	record = MemoryContextAlloc(TopTransactionContext, sizeof(DsecEvent));
	dsec_event_identify(record);
	record->kind = DSEC_EVENT_CHANGE;
	dsec_event_add_relation(record, identity ? identity : "?");
	record->ended = record->begun;

	changes[nchanges].event = record;
	changes[nchanges].subxact = GetCurrentSubTransactionId();
	nchanges++;
	return record;
}

static void
label_changed(const ObjectAddress *object, const char *old_label,
			  const char *new_label)
{
	DsecEvent  *record;
	char	   *type;

	if (old_label != NULL && new_label != NULL && strcmp(old_label, new_label) == 0)
		return;
	record = new_record(object);
	if (record == NULL)
		return;
	type = getObjectTypeDescription(object, true);
	snprintf(record->detail, sizeof(record->detail), "Label of a %s: %s%s%s; before: %s%s%s.",
			 type ? type : "object",
			 new_label ? "\"" : "", new_label ? new_label : "none", new_label ? "\"" : "",
			 old_label ? "\"" : "", old_label ? old_label : "none", old_label ? "\"" : "");
}

static void
tag_noted(const ObjectAddress *object, const char *what)
{
	DsecEvent  *record = new_record(object);

	if (record != NULL)
		strlcpy(record->detail, what, sizeof(record->detail));
}

void
dsec_event_change_init(void)
{
	dsec_tag_set_change_hook(label_changed);
	dsec_tag_set_note_hook(tag_noted);
}
