/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run that only looks: the number as os/bootlook foretells it, the records as
 * the notifier's core gathers them, the addresses of names and the routes to
 * them; then one line for each peer.
 */
#include "sm-notify/dryrun.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/bootlook.h"
#include "os/loop.h"
#include "os/ownaddr.h"
#include "os/resolver.h"
#include "sm-notify/grace.h"
#include "sm-notify/records.h"

#define LINE_LEN_MAX (64 * 1024)
#define LOOKUPS_MAX  64
#define SOURCE_ID    0 /* of the look-up of -v; a peer's is its place + 1 */

/* The addresses that one name has. */
struct found {
	struct addr addrs[RESOLVER_ADDRS_MAX];
	size_t count;
};

struct dryrun {
	struct run *run;
	struct loop *loop;
	struct found *found; /* by look-up */
	struct resolver *resolver;
	size_t next; /* the peer that is looked at next */
	size_t open; /* look-ups */
};

/* --- the number ---------------------------------------------------------- */

static enum bootlook_what what_to_look_for(const struct run *run)
{
	switch (run->mode) {
	case RUN_FORCE:
		return BOOTLOOK_FORCE;
	case RUN_COPY:
		return BOOTLOOK_COPY;
	case RUN_PRIVATE:
		return run->settings.is_number_raised ? BOOTLOOK_PRIVATE
						      : BOOTLOOK_PRIVATE_COPY;
	case RUN_BOOT:
		break;
	}
	return BOOTLOOK_RUN;
}

/* Whether the pid file, which only root may read, is needed and hidden. */
static void warn_hidden(const struct bootlook *seen)
{
	if (seen->outcome == BOOTTURN_TURNED &&
	    access(RUN_PID_FILE, F_OK) == 0 && access(RUN_PID_FILE, R_OK) != 0)
		log_line(LOG_WARN,
			 "%s cannot be read: if another sm-notify ran in this "
			 "boot, a run would tell nobody now",
			 RUN_PID_FILE);
}

/* What the core has to say about the files. */
static void log_complaints(struct run *run)
{
	struct notify_out out;

	while (notify_output(run->notify, &out)) {
		if (out.kind == NOTIFY_OUT_LOG)
			log_line(out.log.level, "%s", out.log.text);
	}
}

/* Reads what would be told; RUN_GO_ON or a status. */
static int read_peers(struct run *run, const struct bootlook *seen)
{
	int status = RUN_GO_ON;

	run->turn.number = seen->number;
	run->is_parking_over = seen->has_monitored;
	run->lock.is_made = access(RUN_PID_FILE, F_OK) != 0;
	/* Before the first turn there is no sm.bak/. */
	if (access(run->bak_dir, F_OK) != 0 && errno == ENOENT)
		records_begin(run);
	else
		status = records_read(run);
	if (status == RUN_GO_ON && seen->has_monitored)
		status = records_read_monitored(run);
	notify_foretell(run->notify);
	log_complaints(run);
	return status;
}

/* --- addresses ----------------------------------------------------------- */

static bool needs_lookup(const struct notify_peer *peer)
{
	return peer->why == NOTIFY_NOT_YET && peer->host &&
	       peer->addr.family == ADDR_NONE;
}

/* Asks for the names of peers, a few at a time. */
static void ask_more(struct dryrun *dry)
{
	struct notify_peer peer;

	while (dry->open < LOOKUPS_MAX &&
	       notify_peer(dry->run->notify, dry->next, &peer)) {
		dry->next++;
		if (!needs_lookup(&peer))
			continue;
		dry->open++;
		resolver_ask(dry->resolver, dry->next, peer.host);
	}
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs,
			size_t count)
{
	struct dryrun *dry = ctx;
	struct found *found = &dry->found[id];

	found->count = count < RESOLVER_ADDRS_MAX ? count : RESOLVER_ADDRS_MAX;
	memcpy(found->addrs, addrs, found->count * sizeof(*addrs));
	dry->open--;
	ask_more(dry);
	if (dry->open == 0)
		loop_stop(dry->loop);
}

static void look_up(struct dryrun *dry)
{
	const char *source = dry->run->settings.source;

	dry->loop = loop_new();
	dry->resolver = resolver_new(dry->loop, on_resolved, dry);
	if (source && !addr_parse(source, &dry->found[SOURCE_ID].addrs[0])) {
		dry->open++;
		resolver_ask(dry->resolver, SOURCE_ID, source);
	} else if (source) {
		dry->found[SOURCE_ID].count = 1;
	}
	ask_more(dry);
	if (dry->open > 0)
		loop_run(dry->loop);
	resolver_free(dry->resolver);
	loop_free(dry->loop);
}

/* --- the lines ----------------------------------------------------------- */

static void add_name(void *ctx, const char *name, size_t len)
{
	struct buf *out = ctx;

	buf_add_text(out, out->len > 0 ? ", " : "");
	if (len == 0)
		buf_add_text(out, "\"\"");
	buf_add_escaped(out, name, len);
}

static void add_addr(struct buf *out, const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	buf_add_text(out, out->len > 0 ? ", " : "");
	buf_add_text(out, addr_format(addr, text));
}

/* The others beside @from that it would leave from. */
static void add_others(const struct dryrun *dry, struct buf *out,
		       const struct addr *from)
{
	struct addr others[NOTIFY_SOURCES_MAX - 1];
	size_t count = notify_sources(dry->run->notify, from, others);

	for (size_t i = 0; i < count; i++)
		add_addr(out, &others[i]);
}

/* The addresses that a notice to @peer would leave from. */
static void add_source(const struct dryrun *dry, struct buf *out,
		       const struct addr *peer)
{
	const struct found *source = &dry->found[SOURCE_ID];
	struct addr from;

	if (source->count > 0 && source->addrs[0].family == peer->family)
		from = source->addrs[0];
	else if (ownaddr_toward(peer, &from) != 0)
		from.family = ADDR_NONE;
	if (from.family == ADDR_NONE) {
		buf_add_text(out, "no address of ours (no route)");
		return;
	}
	add_addr(out, &from);
	add_others(dry, out, &from);
}

static const char *why_not(enum notify_why why)
{
	switch (why) {
	case NOTIFY_SKIPPED:
		return "skipped";
	case NOTIFY_PARKED:
		return "untold, monitored again";
	case NOTIFY_TOO_OLD:
		return "too old (max-age)";
	default:
		return NULL;
	}
}

/* Gathers where notices to the peer @at would go, and from where. */
static void find_ways(const struct dryrun *dry, size_t at,
		      const struct notify_peer *peer, struct buf *to,
		      struct buf *from)
{
	const struct found *found = &dry->found[at + 1];

	if (peer->addr.family != ADDR_NONE) {
		add_addr(to, &peer->addr);
		add_source(dry, from, &peer->addr);
		return;
	}
	for (size_t i = 0; i < found->count; i++)
		add_addr(to, &found->addrs[i]);
	if (found->count > 0)
		add_source(dry, from, &found->addrs[0]);
}

static void print_peer(const struct dryrun *dry, size_t at,
		       const struct notify_peer *peer)
{
	const char *why = why_not(peer->why);
	struct buf name, names, to, from;

	buf_init(&name, LINE_LEN_MAX);
	buf_init(&names, LINE_LEN_MAX);
	buf_init(&to, LINE_LEN_MAX);
	buf_init(&from, LINE_LEN_MAX);
	buf_add_escaped(&name, peer->mon_name, strlen(peer->mon_name));
	notify_peer_names(dry->run->notify, at, add_name, &names);
	find_ways(dry, at, peer, &to, &from);
	if (why)
		printf("%s: would not be told: %s\n", buf_text(&name), why);
	else if (to.len == 0)
		printf("%s: cannot be told: its name does not resolve "
		       "(would be announced as %s)\n",
		       buf_text(&name), buf_text(&names));
	else
		printf("%s: would be told as %s from %s to %s, number %u\n",
		       buf_text(&name), buf_text(&names), buf_text(&from),
		       buf_text(&to), dry->run->turn.number);
	buf_fini(&name);
	buf_fini(&names);
	buf_fini(&to);
	buf_fini(&from);
}

static void print_all(struct run *run)
{
	struct dryrun dry = {.run = run};
	struct notify_peer peer;
	size_t count = 0;

	while (notify_peer(run->notify, count, &peer))
		count++;
	dry.found = xcalloc(count + 1, sizeof(*dry.found));
	look_up(&dry);
	for (size_t at = 0; notify_peer(run->notify, at, &peer); at++)
		print_peer(&dry, at, &peer);
	free(dry.found);
}

int dryrun(struct run *run)
{
	struct bootlook seen;
	int error = bootlook(&run->place, what_to_look_for(run), &seen);
	int status;

	if (error)
		return run_failed(run->state_dir, error);
	warn_hidden(&seen);
	if (seen.outcome == BOOTTURN_TAKEN_OVER && run->mode == RUN_BOOT) {
		puts("nobody would be told: another sm-notify did so in this "
		     "boot; those left in sm.bak are told by a run after "
		     "rpc.statd was started");
		return EXIT_SUCCESS;
	}
	status = read_peers(run, &seen);
	if (status != RUN_GO_ON)
		return status;
	if (grace_is_nobody(run))
		puts("nobody would be told");
	print_all(run);
	return run->unread > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
