/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carries the effects of the notifier core out and feeds what came of them
 * back.  Owns the sockets: one that speaks both families, or, where -v names
 * an address, one that is bound to it and another for the other family
 * (contract.md N-3).
 *
 * It decides nothing about peers; that is notify.c.
 */
#include "sm-notify/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/record.h"
#include "lib/xalloc.h"
#include "os/durable.h"
#include "os/kernel.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/resolver.h"
#include "os/rpcudp.h"
#include "sm-notify/ages.h"
#include "sm-notify/desk.h"
#include "sm-notify/dialer.h"
#include "sm-notify/monitored.h"

#define RECORD_MODE	 0600
#define SOURCE_ID	 0 /* of the look-up of our own name; no peer's */
#define WRITE_COMPLAINTS 5 /* a minute */

struct driver {
	const struct driver_config *config;
	struct notify *notify;
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_watch *on_term;
	struct loop_watch *on_int;
	struct resolver *resolver;
	struct desk *desk;     /* NULL: nobody can ask */
	struct dialer *dialer; /* there once main_udp is */
	struct rpcudp *main_udp;
	struct rpcudp *other_udp; /* the family that main_udp does not speak */
	enum addr_family family;  /* of main_udp, ADDR_NONE: both */
	struct log_limit write_limit;
	const char *end; /* how it ended, for lastnotify_end() */
	int status;
	bool is_over; /* loop_run() must not begin: it would forget the stop */
};

static void stop(struct driver *d, int status)
{
	d->status = status;
	d->is_over = true;
	loop_stop(d->loop);
}

/* Feeds @in, with what grace is like now: what comes of it is sent at once. */
static void input(struct driver *d, const struct notify_in *in)
{
	struct notify_in now = *in;

	now.is_grace_over =
		notify_wants_grace(d->notify, in) && !kernel_has_grace();
	notify_input(d->notify, loop_now_ms(), &now);
}

/* --- effects ------------------------------------------------------------- */

static void receive(void *ctx, struct rpcudp *udp, const struct addr *from,
		    const struct addr *to, const uint8_t *bytes, size_t len);

/* The socket for @peer; NULL and *error where there is none. */
static struct rpcudp *socket_for(struct driver *d, const struct addr *peer,
				 int *error)
{
	const struct addr any = {.family = ADDR_NONE};

	if (d->family == ADDR_NONE || d->family == peer->family)
		return d->main_udp;
	if (!d->other_udp)
		d->other_udp = rpcudp_open(d->loop, &any, receive, d, error);
	return d->other_udp;
}

static void do_send(struct driver *d, const struct notify_out *out)
{
	struct notify_in in = {.kind = NOTIFY_IN_SEND_FAILED,
			       .send_failed.id = out->send.id};
	struct rpcudp *udp =
		socket_for(d, &out->send.peer, &in.send_failed.error);

	if (udp)
		in.send_failed.error =
			rpcudp_send(udp, &out->send.peer, &out->send.source,
				    out->bytes, out->len);
	if (in.send_failed.error)
		input(d, &in);
}

/* Tells whether the turn of this boot was done after we read the records. */
static bool is_turned(const struct driver *d)
{
	const struct timespec *then = &d->config->turn_time;
	struct stat st = {0};

	if (!d->config->turn_file)
		return false;
	if (stat(d->config->turn_file, &st) && errno != ENOENT)
		return true;
	return st.st_mtim.tv_sec != then->tv_sec ||
	       st.st_mtim.tv_nsec != then->tv_nsec;
}

/*
 * Whoever has turned this boot has retired peers that this run has told an
 * older number, and rpc.statd must not hear from it that they are told.
 */
static bool stop_if_turned(struct driver *d)
{
	if (!is_turned(d))
		return false;
	log_line(LOG_NOTE, "another program turned this boot; the peers are "
			   "left to the next run");
	stop(d, EXIT_FAILURE);
	return true;
}

/* The file @name is as it was. */
static void rewrite_failed(struct driver *d, const char *name, int error)
{
	/* What is lent ends with the next input. */
	char *file = xstrdup(name);
	const struct notify_in in = {.kind = NOTIFY_IN_STUCK,
				     .file.name = file};
	unsigned int held_back;

	if (log_limit_pass(&d->write_limit, loop_now_ms(), WRITE_COMPLAINTS,
			   &held_back))
		log_line(LOG_WARN,
			 "a peer was told but its record stays in %s: %s (and "
			 "%u more)",
			 d->config->bak_dir, strerror(-error), held_back);
	input(d, &in);
	free(file);
}

/*
 * No sync: a removal that a power failure undoes is one extra notice, which
 * the peer drops.
 */
static void do_rewrite(struct driver *d, const struct notify_out *out)
{
	const char *file = out->rewrite.file;
	int error;

	if (stop_if_turned(d))
		return;
	if (out->len == 0)
		ages_forget(d->config->age_fd, file);
	if (out->len > 0)
		error = durable_replace(d->config->bak_fd, file, out->bytes,
					out->len, RECORD_MODE);
	else
		error = unlinkat(d->config->bak_fd, file, 0) ? -errno : 0;
	if (error != 0 && error != -ENOENT)
		rewrite_failed(d, file, error);
}

/* What a disk refused once it may give now, or somebody has mended it. */
static void do_read(struct driver *d, const struct notify_out *out)
{
	/* What is lent ends with the next input. */
	char *name = xstrdup(out->read.file);
	struct notify_in in = {.kind = NOTIFY_IN_UNREAD, .file.name = name};
	struct buf text;
	int error;

	buf_init(&text, RECORD_FILE_MAX);
	error = durable_read(d->config->bak_fd, name, &text);
	if (error == -ENOENT)
		in.kind = NOTIFY_IN_GONE;
	else if (error == 0)
		in.kind = NOTIFY_IN_FILE;
	in.bytes = text.bytes;
	in.len = text.len;
	if (!stop_if_turned(d))
		input(d, &in);
	buf_fini(&text);
	free(name);
}

static void do_log(const struct notify_out *out)
{
	if (out->log.level == LOG_TRACE)
		log_debug(out->log.class, "%s", out->log.text);
	else
		log_line(out->log.level, "%s", out->log.text);
}

static void do_done(struct driver *d, const struct notify_out *out)
{
	d->end = out->done.untold > 0 ? "given up" : "done";
	if (out->done.told > 0)
		log_line(LOG_NOTE, "peers notified: %zu", out->done.told);
	stop(d, out->done.untold > 0);
}

static void do_effect(struct driver *d, const struct notify_out *out)
{
	switch (out->kind) {
	case NOTIFY_OUT_SEND:
		do_send(d, out);
		break;
	case NOTIFY_OUT_CALL:
		dialer_call(d->dialer, out);
		break;
	case NOTIFY_OUT_HANG_UP:
		dialer_hang_up(d->dialer, out->hang_up.id);
		break;
	case NOTIFY_OUT_RESOLVE:
		resolver_ask(d->resolver, out->resolve.id, out->resolve.name);
		break;
	case NOTIFY_OUT_REWRITE:
		do_rewrite(d, out);
		break;
	case NOTIFY_OUT_READ:
		do_read(d, out);
		break;
	case NOTIFY_OUT_TOLD:
		if (d->config->told)
			d->config->told(d->config->ctx, out->told.at);
		break;
	case NOTIFY_OUT_LOG:
		do_log(out);
		break;
	case NOTIFY_OUT_ANSWER:
		desk_answer(d->desk, out->answer.id, out->answer.word);
		break;
	case NOTIFY_OUT_DONE:
		do_done(d, out);
		break;
	}
}

/* --- inputs -------------------------------------------------------------- */

static void feed(struct driver *d, const struct notify_in *in)
{
	struct notify_out out;

	if (stop_if_turned(d))
		return;
	input(d, in);
	while (!d->is_over && notify_output(d->notify, &out))
		do_effect(d, &out);
	loop_timer_set(d->timer, notify_deadline_ms(d->notify));
	if (d->config->last)
		lastnotify_poke(d->config->last);
}

static void receive(void *ctx, struct rpcudp *udp, const struct addr *from,
		    const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct notify_in in = {.kind = NOTIFY_IN_ANSWER,
			       .bytes = bytes,
			       .len = len,
			       .answer.from = *from,
			       .answer.to = *to};

	(void)udp;
	feed(ctx, &in);
}

static void on_request(void *ctx, const struct notify_in *in)
{
	feed(ctx, in);
}

static void on_call(void *ctx, const struct notify_in *in)
{
	feed(ctx, in);
}

static void on_timer(void *ctx)
{
	struct notify_in in = {.kind = NOTIFY_IN_TIMER};

	feed(ctx, &in);
}

static void on_signal(void *ctx)
{
	struct driver *d = ctx;
	size_t untold = notify_untold_count(d->notify);
	size_t parked = notify_parked_count(d->notify);
	struct buf names;

	buf_init(&names, LOG_TEXT_MAX);
	notify_add_left(d->notify, &names);
	log_line(LOG_NOTE,
		 "stopped; peers not notified yet: %zu; of these untold, "
		 "monitored again: %zu%s",
		 untold, parked, buf_text(&names));
	buf_fini(&names);
	stop(d, untold > 0);
}

/* --- the beginning ------------------------------------------------------- */

/* Opens the socket that is bound to @local, or to none. */
static int open_socket(struct driver *d, struct addr local)
{
	int error = 0;

	local.port = d->config->port;
	d->main_udp = rpcudp_open(d->loop, &local, receive, d, &error);
	d->family = local.family;
	if (!d->main_udp)
		return error;
	d->dialer = dialer_new(d->loop, &local, on_call, d);
	return 0;
}

static void log_failed(const struct driver *d, int error)
{
	const char *source = d->config->source;
	char port[32] = "a reserved port";
	bool is_taken = d->config->port > 0 && error == -EADDRINUSE;

	if (d->config->port > 0)
		snprintf(port, sizeof(port), "port %u", d->config->port);
	log_line(LOG_ERROR, "cannot send from %s%s%s: %s%s",
		 source ? source : "", source ? ", " : "", port,
		 strerror(-error),
		 is_taken ? "; another sm-notify? End it and run this again"
			  : "");
}

/* There is a socket: the number is durable, so the caller may go on. */
static void begin(struct driver *d)
{
	struct notify_in in = {.kind = NOTIFY_IN_START};

	process_ready(d->config->ready_fd);
	log_debug(LOG_CLASS_GENERAL, "sending from port %u",
		  rpcudp_port(d->main_udp));
	feed(d, &in);
}

/* Takes the first of @addrs that is an address of this host. */
static void begin_from(struct driver *d, const struct addr *addrs, size_t count)
{
	const struct addr any = {.family = ADDR_NONE};
	int error = -EADDRNOTAVAIL;

	for (size_t i = 0; i < count && !d->main_udp; i++)
		error = open_socket(d, addrs[i]);
	if (count == 0) {
		log_line(LOG_WARN,
			 "%s has no address now; sending from any of ours",
			 d->config->source);
		error = open_socket(d, any);
	}
	if (d->main_udp) {
		begin(d);
		return;
	}
	log_failed(d, error);
	stop(d, error);
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs,
			size_t count)
{
	struct driver *d = ctx;
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED,
			       .resolved.id = id,
			       .resolved.addrs = addrs,
			       .resolved.count = count};

	if (id == SOURCE_ID) {
		begin_from(d, addrs, count);
		return;
	}
	in.resolved.is_late = monitored_is_late(d->config->sm_fd, addrs, count);
	feed(d, &in);
}

/* Opens the socket, at once or after a look-up of our own name. */
static int find_source(struct driver *d)
{
	struct addr local = {.family = ADDR_NONE};
	const char *source = d->config->source;
	int error;

	if (source && !addr_parse(source, &local)) {
		resolver_ask(d->resolver, SOURCE_ID, source);
		return 0;
	}
	error = open_socket(d, local);
	if (error) {
		log_failed(d, error);
		return error;
	}
	begin(d);
	return 0;
}

static void driver_init(struct driver *d, const struct driver_config *config)
{
	*d = (struct driver){
		.config = config,
		.notify = config->notify,
		.end = "stopped",
	};
	d->loop = loop_new();
	if (config->last)
		lastnotify_start(config->last, d->loop);
	d->timer = loop_timer_new(d->loop, on_timer, d);
	d->on_term = loop_signal(d->loop, SIGTERM, on_signal, d);
	d->on_int = loop_signal(d->loop, SIGINT, on_signal, d);
	d->resolver = resolver_new(d->loop, on_resolved, d);
	if (config->control_fd >= 0)
		d->desk = desk_new(d->loop, config->control_fd, &config->access,
				   on_request, d);
}

static void driver_fini(struct driver *d)
{
	if (d->config->last)
		lastnotify_end(d->config->last, d->end);
	desk_free(d->desk);
	dialer_free(d->dialer);
	rpcudp_free(d->main_udp);
	rpcudp_free(d->other_udp);
	resolver_free(d->resolver);
	loop_unwatch(d->on_int);
	loop_unwatch(d->on_term);
	loop_timer_free(d->timer);
	loop_free(d->loop);
}

int driver_run(const struct driver_config *config)
{
	struct driver d;
	int error;

	driver_init(&d, config);
	error = find_source(&d);
	if (!error && !d.is_over)
		error = loop_run(d.loop);
	driver_fini(&d);
	return error ? error : d.status;
}
