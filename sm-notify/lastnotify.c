/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes what the notifier's core knows as JSON.  A name may hold any bytes:
 * where they are no UTF-8 it is written as the log writes it.
 *
 * Nothing depends on this file; what goes wrong here is said once.
 */
#include "sm-notify/lastnotify.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/rundir.h"

#define GAP_MS	      1000u
#define GAP_PER_COST  50u /* at most a fiftieth of the time goes into this */
#define TIME_SIZE     32
#define SHOWN_LEN_MAX 4096
#define MS_PER_S      1000

struct lastnotify {
	struct lastnotify_config config;
	struct loop_timer *timer;
	const char *state;
	struct timespec began; /* by the wall clock ... */
	uint64_t began_ms;     /* ... and by the other one */
	uint64_t changes;      /* that are in the file */
	uint64_t wait_until_ms;
	bool has_complained;
};

/* --- values -------------------------------------------------------------- */

static json_t *text_value(const char *text, size_t len)
{
	json_t *value = json_stringn(text, len);
	struct buf shown;

	if (value)
		return value;
	buf_init(&shown, SHOWN_LEN_MAX);
	buf_add_escaped(&shown, text, len);
	value = json_string(buf_text(&shown));
	buf_fini(&shown);
	return value;
}

static json_t *text_or_null(const char *text)
{
	return text ? text_value(text, strlen(text)) : json_null();
}

/* The moment @at_ms of the monotonic clock, in UTC (ISO 8601). */
static json_t *time_value(const struct lastnotify *last, uint64_t at_ms)
{
	int64_t ms = (int64_t)(at_ms - last->began_ms) +
		     last->began.tv_nsec / (1000 * 1000);
	time_t at = last->began.tv_sec + (time_t)(ms / MS_PER_S);
	char text[TIME_SIZE] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *addr_value(const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	return addr->family == ADDR_NONE ? json_null()
					 : json_string(addr_format(addr, text));
}

static json_t *transport_value(const struct notify_peer *peer)
{
	if (peer->tries == 0)
		return json_null();
	if (!peer->is_stream)
		return json_string("udp");
	return json_string(peer->why == NOTIFY_TOLD ? "tcp" : "udp, tcp");
}

static const char *reason(enum notify_why why)
{
	switch (why) {
	case NOTIFY_TOLD:
		return NULL;
	case NOTIFY_NOT_YET:
		return "not answered yet";
	case NOTIFY_SILENT:
		return "silent";
	case NOTIFY_UNRESOLVED:
		return "name does not resolve";
	case NOTIFY_REFUSED:
		return "refused";
	case NOTIFY_NO_STATD:
		return "no statd";
	case NOTIFY_NO_ADDRESS:
		return "no address";
	case NOTIFY_PARKED:
		return "parked";
	case NOTIFY_SKIPPED:
		return "skipped";
	case NOTIFY_TOO_OLD:
		return "too old";
	}
	return "unknown";
}

/* --- lines --------------------------------------------------------------- */

static json_t *run_line(const struct lastnotify *last)
{
	const struct lastnotify_config *config = &last->config;
	json_t *line = json_object();

	json_object_set_new(line, "number", json_integer(config->number));
	json_object_set_new(line, "started", time_value(last, last->began_ms));
	json_object_set_new(line, "pid", json_integer(getpid()));
	json_object_set_new(line, "state", json_string(last->state));
	json_object_set_new(line, "mode", json_string(config->mode));
	json_object_set_new(line, "directory", text_or_null(config->directory));
	json_object_set_new(line, "outgoing-addr",
			    text_or_null(config->source));
	json_object_set_new(
		line, "untold",
		json_integer((json_int_t)notify_untold_count(config->notify)));
	json_object_set_new(
		line, "aside",
		json_integer((json_int_t)notify_aside_count(config->notify)));
	return line;
}

static void add_name(void *ctx, const char *name, size_t len)
{
	json_array_append_new(ctx, text_value(name, len));
}

static json_t *peer_line(const struct lastnotify *last, size_t at,
			 const struct notify_peer *peer)
{
	bool is_told = peer->why == NOTIFY_TOLD;
	json_t *line = json_object();
	json_t *names = json_array();

	notify_peer_names(last->config.notify, at, add_name, names);
	json_object_set_new(line, "peer", text_or_null(peer->mon_name));
	json_object_set_new(line, "names", names);
	json_object_set_new(line, "address", addr_value(&peer->addr));
	json_object_set_new(line, "transport", transport_value(peer));
	json_object_set_new(line, "tries", json_integer(peer->tries));
	json_object_set_new(line, "told",
			    is_told ? time_value(last, peer->told_ms)
				    : json_null());
	json_object_set_new(line, "reason", text_or_null(reason(peer->why)));
	return line;
}

static void add_line(struct buf *out, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	/* Only without memory is there no text. */
	buf_add_text(out, text ? text : "{}");
	buf_add_text(out, "\n");
	free(text);
	json_decref(line);
}

/* --- the file ------------------------------------------------------------ */

static void write_file(struct lastnotify *last)
{
	uint64_t began_ms = loop_now_ms();
	struct notify_peer peer;
	struct buf text;
	uint64_t gap_ms;
	int error;

	buf_init(&text, SIZE_MAX - 1);
	last->changes = notify_changes(last->config.notify);
	add_line(&text, run_line(last));
	for (size_t at = 0; notify_peer(last->config.notify, at, &peer); at++)
		add_line(&text, peer_line(last, at, &peer));
	error = rundir_replace(last->config.dir, LASTNOTIFY_FILE, text.bytes,
			       text.len);
	buf_fini(&text);
	if (error && !last->has_complained)
		log_line(LOG_WARN, "%s/%s: %s", RUNDIR_PATH, LASTNOTIFY_FILE,
			 strerror(-error));
	last->has_complained = last->has_complained || error;
	gap_ms = (loop_now_ms() - began_ms) * GAP_PER_COST;
	last->wait_until_ms =
		loop_now_ms() + (gap_ms > GAP_MS ? gap_ms : GAP_MS);
}

static void on_timer(void *ctx)
{
	write_file(ctx);
}

struct lastnotify *lastnotify_new(const struct lastnotify_config *config)
{
	struct lastnotify *last = xzalloc(sizeof(*last));

	last->config = *config;
	last->state = "running";
	last->began_ms = loop_now_ms();
	clock_gettime(CLOCK_REALTIME, &last->began);
	return last;
}

void lastnotify_start(struct lastnotify *last, struct loop *loop)
{
	last->timer = loop_timer_new(loop, on_timer, last);
	write_file(last);
}

void lastnotify_poke(struct lastnotify *last)
{
	if (last->changes != notify_changes(last->config.notify))
		loop_timer_set(last->timer, last->wait_until_ms);
}

void lastnotify_end(struct lastnotify *last, const char *how)
{
	loop_timer_free(last->timer);
	last->timer = NULL;
	last->state = how;
	write_file(last);
}

void lastnotify_free(struct lastnotify *last)
{
	if (!last)
		return;
	close(last->config.dir);
	free(last);
}
