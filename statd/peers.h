/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom we monitor, and how a peer is found again in constant time: by the pair
 * that lockd named, by name, by address, by file (design decisions 6 and 9).
 * Nothing here looks a name up; addresses of host names are handed in.
 */
#ifndef NFS_RECLAIM_STATD_PEERS_H
#define NFS_RECLAIM_STATD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/map.h"
#include "lib/record.h"
#include "lib/timerq.h"
#include "statd/memos.h"
#include "statd/question.h"

#define PEERS_ADDRS_MAX	    16 /* addresses kept for one host name */
#define PEERS_DELIVERED_MAX 8  /* names under which a peer was delivered */

/* A file of sm/ and the records in it. */
struct peer_file {
	struct map_node by_name; /* peers::files */
	char *name;
	struct link peers;  /* peer::in_file, in order of registration */
	struct buf foreign; /* lines that are no records, kept byte for byte */
	bool may_exist;	    /* sm/ may have it, so a STORE must replace */
};

/* One address under which a peer is known. */
struct peer_addr {
	struct map_node node; /* peers::by_addr */
	struct addr addr;
	struct peer *peer;
};

/* The last number that lockd heard of, per name that a notice carried. */
struct peer_delivered {
	char *name;
	uint32_t number;
};

enum peer_lookup {
	PEER_NUMERIC,	/* mon_name is an address: never looked up */
	PEER_FIRST,	/* the first look-up is open */
	PEER_RESOLVED,	/* addresses are known */
	PEER_UNRESOLVED /* the last look-up found none */
};

/* What the peer's statd answered before anything is believed of it. */
struct peer_baseline {
	bool is_known;
	bool is_prompt; /* right after SM_MON: of the boot that shares locks */
	uint32_t number;
	struct addr from; /* the statd, with its port */
};

/* A notice that the peer is being asked about; its sender repeats or waits. */
struct doubt {
	char *name; /* as the notice gave it, NULL: no doubt */
	uint32_t number;
	uint32_t newest; /* what its sender has announced since, or the same */
	struct addr from;
	bool is_reserved_port;
	uint64_t until_ms;   /* then silence refuses it */
	struct link waiters; /* see statd/senders.h: lockd has heard it */
	unsigned int waiter_count;
};

/* A name alone must not take the place of a notice from the address. */
enum doubt_kind { DOUBT_BY_ADDRESS, DOUBT_BY_NAME, DOUBTS_MAX };

/* One record: a (mon_name, my_name) pair of one lock manager. */
struct peer {
	struct link in_all;	 /* peers::all */
	struct link in_file;	 /* peer_file::peers */
	struct map_node by_name; /* peers::by_name */
	struct record rec;
	struct peer_file *file;
	struct peer_addr *addrs; /* peers::by_addr */
	size_t addr_count;
	/* The latest one last, as in sm/.reclaim. */
	struct peer_delivered delivered[PEERS_DELIVERED_MAX];
	size_t delivered_count;
	struct link events;    /* event::in_peer: callbacks under way */
	bool is_stored;	       /* this record, with this cookie, is durable */
	uint64_t store_id;     /* the STORE that carries it, 0 = none open */
	struct link stores;    /* store_job::in_peer: all about it, in order */
	bool has_store_failed; /* the last STORE, or there could be none */
	bool is_callout_due;   /* once it is stored */
	enum peer_lookup lookup;
	struct link in_lookup; /* names::waiting */
	struct timer relookup; /* names::timers */
	uint64_t lookup_id;    /* 0 = none open */
	unsigned int lookup_tries;
	uint64_t looked_up_ms; /* when the last look-up ended, if one did */
	struct question question;
	struct peer_baseline baseline;
	struct doubt doubts[DOUBTS_MAX];
	bool is_baseline_wanted;
	struct memo_slot memo; /* what of this outlives the process */
	bool was_called_back;  /* lockd heard of it under this cookie */
	bool has_mon_ms;       /* false: loaded from the disk */
	uint64_t mon_ms;       /* when lockd asked for it, under this cookie */
	uint64_t settled_ms;   /* when an answer last settled a doubt, or 0 */
	struct late_job *late; /* late.c: is it untold?  NULL: nothing open */
	uint32_t late_settled; /* no notice of this number comes late; or 0 */
};

struct peers {
	struct link all; /* peer::in_all */
	struct map by_name;
	struct map by_addr;
	struct map files;
	size_t count;
	struct addr *servers; /* of NFS mounts of this host */
	size_t server_count;
};

/*
 * Makes @set empty; its maps hash under @key.
 * Owns:   peers_fini() ends it.
 */
void peers_init(struct peers *set, const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees all peers and files.  Their events, waits and look-ups must be gone.
 */
void peers_fini(struct peers *set);

/*
 * Adds a copy of @rec, kept in the file @file of sm/.  Records with the same
 * key may be there already: nfs-utils leaves such behind in other files when
 * DNS changes (contract.md D-6).
 * Return: the peer, owned by @set; peers_remove() ends it.
 */
struct peer *peers_add(struct peers *set, const struct record *rec,
		       const char *file);

/*
 * Removes and frees @peer, and its file object where that is empty then.
 * Range:  @peer has no events, no file in sm/.reclaim, and is in no other
 *         list.
 */
void peers_remove(struct peers *set, struct peer *peer);

/* How exactly names must agree. */
enum peers_match { PEERS_EXACT, PEERS_ANY_CASE };

/*
 * Finds the peer with the key of @rec (see record_is_same_key()), the two
 * names compared as @match says.
 * Return: borrowed, NULL where there is none.
 */
struct peer *peers_find(const struct peers *set, const struct record *rec,
			enum peers_match match);

/*
 * Returns the first peer whose mon_name is @name ignoring ASCII case, after
 * @after (NULL: the very first), or NULL.
 * Owns:   borrowed until the next change of @set.
 */
struct peer *peers_next_by_name(const struct peers *set, const char *name,
				const struct peer *after);

/*
 * Returns the first peer known under the address of @addr (the port does not
 * count), after the place @after (NULL: the very first), or NULL.
 * Owns:   borrowed until the next change of @set.
 */
struct peer_addr *peers_next_by_addr(const struct peers *set,
				     const struct addr *addr,
				     const struct peer_addr *after);

/*
 * Makes the first PEERS_ADDRS_MAX of @addrs the addresses of @peer.
 * Owns:   copies.
 */
void peers_set_addrs(struct peers *set, struct peer *peer,
		     const struct addr *addrs, size_t count);

/*
 * Notes that this host has NFS mounts of @servers and no others.
 * Owns:   copies.
 */
void peers_set_mounts(struct peers *set, const struct addr *servers,
		      size_t count);

/*
 * Tells whether @peer is the server of an NFS mount of this host: some address
 * of it is.
 */
bool peer_is_server_of_mount(const struct peers *set, const struct peer *peer);

/*
 * Tells whether @addr is an address of @peer; the port does not count.
 */
bool peer_has_addr(const struct peer *peer, const struct addr *addr);

/*
 * Returns the file object @name, made where there is none; NULL never.
 * Owns:   borrowed; it lives as long as it has peers or foreign lines.
 */
struct peer_file *peers_file(struct peers *set, const char *name);

/*
 * Adds the lines of @file to @out: what its file in sm/ should hold.
 * Errors: RECORD_LONG where a line would be, or foreign lines were too many to
 *         keep; @out may be "overflowed".
 */
enum record_error peer_file_format(const struct peer_file *file,
				   struct buf *out);

/*
 * Tells whether nothing is left that @file should hold.
 */
bool peer_file_is_empty(const struct peer_file *file);

/*
 * Finds the number last delivered for @peer under @name (any case).
 * Return: false where none was.
 */
bool peer_get_delivered(const struct peer *peer, const char *name,
			uint32_t *number);

/*
 * Tells whether @number is what was delivered last for @peer, under whichever
 * name: lockd compares with that one, too.
 */
bool peer_was_delivered_last(const struct peer *peer, uint32_t number);

/*
 * Notes that lockd heard @number for @peer under @name; beyond
 * PEERS_DELIVERED_MAX names the one of longest ago is forgotten.
 * Owns:   @name is copied.
 */
void peer_set_delivered(struct peer *peer, const char *name, uint32_t number);

/*
 * Forgets all that was delivered for @peer: its cookie is a new one.
 */
void peer_clear_delivered(struct peer *peer);

#endif
