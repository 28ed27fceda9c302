/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said over the control socket of sm-notify: one request or answer per
 * message, as text, so that an administrator can read and write it, too.
 *
 *   ask TAG MON_NAME [ADDRESS...]    is this peer untold?
 *   tell TAG MON_NAME [ADDRESS...]   tell it next, ahead of all others
 *   tell-in-grace TAG MON_NAME [ADDRESS...]
 *                                    the same, and park it when no grace
 *                                    period runs any more
 *   park TAG MON_NAME [ADDRESS...]   send nothing to it from now on
 *
 *   TAG none|untold|told|parked      the answer; TAG is the asker's
 */
#ifndef NFS_RECLAIM_LIB_CTL_H
#define NFS_RECLAIM_LIB_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/hostname.h"

#define CTL_LEN_MAX   2048 /* bytes of one message */
#define CTL_ADDRS_MAX 16

enum ctl_verb { CTL_ASK, CTL_TELL, CTL_PARK, CTL_TELL_IN_GRACE };

/* Whom a request is about: every record with this name or such an address. */
struct ctl_subject {
	char mon_name[HOSTNAME_LEN_MAX + 1];
	struct addr addrs[CTL_ADDRS_MAX];
	size_t addr_count;
};

struct ctl_request {
	enum ctl_verb verb;
	uint64_t tag;
	struct ctl_subject subject;
};

enum ctl_word {
	CTL_NONE,   /* no such untold record */
	CTL_UNTOLD, /* to ask: there is one; to tell: it was given up */
	CTL_TOLD,   /* all such peers have acknowledged */
	CTL_PARKED, /* nothing will be sent to them */
};

/*
 * Tells whether @verb has a peer told.
 */
bool ctl_is_tell(enum ctl_verb verb);

/*
 * Makes @subject the peer @mon_name with the first CTL_ADDRS_MAX of @addrs.
 * Errors: false where hostname_check() does not like the name.
 */
bool ctl_set_subject(struct ctl_subject *subject, const char *mon_name,
		     const struct addr *addrs, size_t count);

/*
 * Reads "MON_NAME [ADDRESS...]", words divided by one blank each.
 * Errors: false where it is not that; *out is undefined then.
 */
bool ctl_parse_subject(const void *text, size_t len, struct ctl_subject *out);

/*
 * Adds @subject to @out, as ctl_parse_subject() reads it.
 */
void ctl_add_subject(struct buf *out, const struct ctl_subject *subject);

/*
 * Reads a request of at most CTL_LEN_MAX bytes, without LF.
 * Errors: false where it is none; *out is undefined then.
 */
bool ctl_parse_request(const void *bytes, size_t len, struct ctl_request *out);

/*
 * Adds the request @verb with @tag about @subject to @out, where that is what
 * ctl_add_subject() made.
 */
void ctl_add_request(struct buf *out, enum ctl_verb verb, uint64_t tag,
		     const char *subject);

/*
 * Reads an answer.
 * Errors: false where it is none.
 */
bool ctl_parse_answer(const void *bytes, size_t len, uint64_t *tag,
		      enum ctl_word *word);

/*
 * Adds the answer @word to the request with @tag to @out.
 */
void ctl_add_answer(struct buf *out, uint64_t tag, enum ctl_word word);

#endif
