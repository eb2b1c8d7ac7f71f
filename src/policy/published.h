/*-------------------------------------------------------------------------
 *
 * published.h
 *	  The published policy: its flat form in shared memory, and the copy that a
 *	  backend decides from.  Internal to the policy module.
 *
 * A published policy is one piece of memory without pointers: a header, five
 * arrays and a pool of strings, all found by their offset from the start.  It
 * is written whole by the worker and copied whole by sessions, never changed
 * in place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DSEC_PUBLISHED_H
#define DSEC_PUBLISHED_H

#include "ledger/ledger.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

/* room for the published policy; one that does not fit fails closed */
#define DSEC_POLICY_BYTES (2 * 1024 * 1024)

/* login roles waiting for their automatic recipient */
#define DSEC_POLICY_REQUESTS 64

/* longest name of a recipient, in bytes with its end */
#define DSEC_RECIPIENT_NAME 128

/* status of a recipient; the bits of DsecPolicyRule.applies_to */
typedef enum DsecRecipientStatus
{
	DSEC_STATUS_DOMESTIC,
	DSEC_STATUS_FOREIGN,
	DSEC_STATUS_COVERED,
	DSEC_STATUS_INTERNAL,
	DSEC_STATUS_UNASSIGNED
} DsecRecipientStatus;

#define DSEC_STATUS_COUNT (DSEC_STATUS_UNASSIGNED + 1)

/* position of a string in the pool of the policy */
typedef uint32 DsecPolicyString;

typedef struct DsecPolicyRecipient
{
	int32		id;
	int32		status;			/* DsecRecipientStatus */
	bool		automatic;		/* made for a login role */
	Oid			login_role;		/* of an automatic one; 0 when not known */
	DsecPolicyString login_name;
	DsecPolicyString name;
} DsecPolicyRecipient;

typedef struct DsecPolicyCategory
{
	DsecPolicyString name;
	int32		parent;			/* index of the parent, or -1 */
} DsecPolicyCategory;

typedef struct DsecPolicySpace
{
	DsecPolicyString name;
	DsecPolicyString unit;
} DsecPolicySpace;

typedef struct DsecPolicyRule
{
	int32		id;
	int32		category;		/* index */
	int64		threshold;
	int64		most;			/* distinct subjects that may be sent */
	DateADT		valid_from;
	DateADT		valid_to;
	int32		window;			/* slot of the ledger's windows */
	DsecWindow	window_shape; /* what is in that slot */
	uint32		applies_to;		/* 1 << status */
	bool		block;
	bool		at_least;		/* comparator is ">=" */
	DsecPolicyString regime;
	DsecPolicyString unit;
	DsecPolicyString population;	/* "": everybody */
	DsecPolicyString source;
	DsecPolicyString window_name;
} DsecPolicyRule;

typedef enum DsecBindingKind
{
	DSEC_BIND_ROLE,
	DSEC_BIND_SERVER,
	DSEC_BIND_ADDRESS,
	DSEC_BIND_CHANNEL
} DsecBindingKind;

typedef struct DsecPolicyBinding
{
	int32		kind;			/* DsecBindingKind */
	int32		recipient;		/* id */
	Oid			role;			/* ROLE: as the role was when it was bound */
	uint8		family;			/* ADDRESS: as in the type inet */
	uint8		bits;
	uint8		address[16];
	DsecPolicyString channel;	/* CHANNEL */
	DsecPolicyString database;	/* SERVER */
	DsecPolicyString target;	/* role, server or target of the channel; "" for
								 * every target */
} DsecPolicyBinding;

typedef struct DsecPolicy
{
	uint32		size;			/* of everything */
	int32		nrecipients;	/* ascending id */
	int32		ncategories;	/* ascending name, by strcmp */
	int32		nspaces;
	int32		nrules;			/* ascending id; expired ones left out */
	int32		nbindings;
	uint32		recipients;		/* offsets */
	uint32		categories;
	uint32		spaces;
	uint32		rules;
	uint32		bindings;
	uint32		strings;
} DsecPolicy;

#define DsecPolicyRecipients(p) \
	((const DsecPolicyRecipient *) ((const char *) (p) + (p)->recipients))
#define DsecPolicyCategories(p) \
	((const DsecPolicyCategory *) ((const char *) (p) + (p)->categories))
#define DsecPolicySpaces(p) \
	((const DsecPolicySpace *) ((const char *) (p) + (p)->spaces))
#define DsecPolicyRules(p) \
	((const DsecPolicyRule *) ((const char *) (p) + (p)->rules))
#define DsecPolicyBindings(p) \
	((const DsecPolicyBinding *) ((const char *) (p) + (p)->bindings))
#define DsecPolicyText(p, s) ((const char *) (p) + (p)->strings + (s))

typedef struct DsecPolicyRequest
{
	Oid			role;
	char		name[NAMEDATALEN];
} DsecPolicyRequest;

/*
 * Shared memory of the policy module.
 *
 * "wanted" is raised by whoever committed a change of the policy, after its
 * commit is visible; "published" only by the worker, under the lock, exclusive.
 * What follows the lock's name below is read and written under it.
 */
typedef struct DsecPolicyShared
{
	LWLock	   *lock;
	pg_atomic_uint64 wanted;
	pg_atomic_uint64 published;
	pg_atomic_uint64 window_epoch;	/* raised when the ledger's window slots got
									 * another meaning */

	/* under the lock */
	uint64		failed;			/* last generation that cannot be published */
	char		problem[512];	/* why, or why the last attempt failed; "" */
	int			nwindows;		/* slots in use, now or earlier */
	DsecWindow	windows[DSEC_MAX_WINDOWS];
	int			nrequests;
	DsecPolicyRequest requests[DSEC_POLICY_REQUESTS];
	uint32		size;			/* of the policy below */
	char		policy[FLEXIBLE_ARRAY_MEMBER];	/* DsecPolicy */
} DsecPolicyShared;

/* NULL when dsec is not preloaded */
extern DsecPolicyShared *dsec_policy_shared;

/*
 * The backend's copy.  Loads it when there is none, and raises DS003 when
 * nothing has been published.  Valid until the next dsec_policy_sync.
 */
extern const DsecPolicy *dsec_policy_local(void);

/*
 * The policy in force: waits for it as dsec_policy_sync does, and raises DS003
 * with its cause when there is none.  Valid as dsec_policy_local's.
 */
extern const DsecPolicy *dsec_policy_in_force(void);

/* Generation of the backend's copy; 0 when there is none. */
extern uint64 dsec_policy_local_generation(void);

/* The copy, renewed if another policy has been published, or NULL. */
extern const DsecPolicy *dsec_policy_reload(void);

/* Raises DS003 unless dsec is preloaded. */
extern void dsec_policy_require_preload(void);

/* Look-ups in a policy; NULL or -1 when there is no such thing. */
extern const DsecPolicyRecipient *dsec_policy_find_recipient(const DsecPolicy *policy,
															 int32 id);
extern const DsecPolicyRecipient *dsec_policy_find_recipient_name(const DsecPolicy *policy,
																  const char *name);
extern int	dsec_policy_find_category(const DsecPolicy *policy,
									  const char *name);

static inline bool
dsec_policy_rule_in_force(const DsecPolicyRule *rule, DateADT today)
{
	return rule->valid_from <= today && today <= rule->valid_to;
}

/* Does a rule look at this recipient today?  Unassigned ones are as covered. */
extern bool dsec_policy_rule_applies(const DsecPolicyRule *rule,
									 const DsecPolicyRecipient *recipient,
									 DateADT today);

/*
 * As settings are now: do rules with action block stop a recipient of this
 * kind?
 */
extern bool dsec_policy_blocks(bool unassigned);

/* What building a policy comes to. */
typedef struct DsecPolicyBuild
{
	DsecPolicy *policy;
	char	   *problem;		/* NULL, or why it cannot be published */
	int			nslots;			/* the ledger's windows with this policy */
	DsecWindow	slots[DSEC_MAX_WINDOWS];
	bool		slots_reused;	/* one of them had another meaning */
} DsecPolicyBuild;

/*
 * build.c: in the worker, with SPI connected.  Allocates in the current
 * context, which must outlive the transaction.
 */
extern DsecPolicyBuild *dsec_policy_build(void);

/* publish.c */
extern void dsec_policy_init_publish(void);

/* session.c */
extern void dsec_policy_init_session(void);
extern void dsec_policy_forget_session(void);

/* change.c */
extern void dsec_policy_init_change(void);
extern void dsec_policy_require_ledger_database(void);

#endif							/* DSEC_PUBLISHED_H */
