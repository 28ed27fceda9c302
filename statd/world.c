/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function per effect, one per thing that happens; all of them meet in
 * feed().
 */
#include "statd/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/kernel.h"
#include "os/mounts.h"
#include "os/process.h"
#include "os/resolver.h"
#include "os/rpcudp.h"
#include "os/statedir.h"
#include "statd/launcher.h"
#include "statd/nsm.h"
#include "statd/status.h"
#include "statd/store.h"
#include "statd/untold.h"

struct world {
	struct loop *loop;
	struct nsm *nsm;
	struct service *service;
	struct store *store;   /* NULL: every SM_MON fails */
	struct rpcudp *client; /* callbacks leave from here */
	struct rpcudp *asker;  /* questions to peers, NULL: none can */
	struct resolver *resolver;
	struct mountwatch *mounts;
	struct untold *untold; /* with the store, or NULL */
	struct loop_timer *timer;
	struct launcher *launcher; /* NULL: ha-callout is not run */
	char *callout;		   /* the program, NULL: none */
	uint32_t callout_ms;
	bool is_started;  /* effects go out */
	bool is_carrying; /* one is on its way out */
};

static void do_send(struct world *w, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_SEND_FAILED,
			    .send_failed.id = out->send.id};
	struct rpcudp *udp =
		out->send.source == NSM_FROM_ANY ? w->asker : w->client;

	in.send_failed.error = udp == NULL
				       ? -ENOTCONN
				       : rpcudp_send(udp, &out->send.peer, NULL,
						     out->bytes, out->len);
	if (in.send_failed.error != 0)
		nsm_input(w->nsm, loop_now_ms(), &in);
}

static void do_store(struct world *w, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_STORED,
			    .stored.id = out->store.id,
			    .stored.error = -EROFS,
			    .stored.reason = strerror(EROFS)};

	if (w->store != NULL)
		store_put(w->store, out->store.id, out->store.file,
			  out->store.is_new, out->bytes, out->len);
	else
		nsm_input(w->nsm, loop_now_ms(), &in);
}

static void do_callout(struct world *w, const struct nsm_out *out)
{
	const struct launcher_job job = {.id = out->callout.id,
					 .timeout_ms = w->callout_ms,
					 .path = w->callout,
					 .words = out->callout.words,
					 .count = out->callout.count};
	struct nsm_in in = {.kind = NSM_IN_CALLED,
			    .called = {.id = out->callout.id,
				       .end.how = NSM_CALL_NOT_STARTED}};

	in.called.end.code = w->launcher == NULL || w->callout == NULL
				     ? -ENOENT
				     : launcher_run(w->launcher, &job);
	if (in.called.end.code == 0)
		return;
	in.called.end.reason = strerror(-in.called.end.code);
	nsm_input(w->nsm, loop_now_ms(), &in);
}

static void do_memo(struct world *w, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
			    .stored.id = out->memo.id,
			    .stored.error = -EROFS,
			    .stored.reason = strerror(EROFS)};

	if (w->store != NULL)
		store_memo(w->store, out->memo.id, out->memo.number, out->bytes,
			   out->len);
	else if (out->len > 0)
		nsm_input(w->nsm, loop_now_ms(), &in);
}

/* Without a state directory nobody is known to be untold. */
static void do_untold(struct world *w, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .untold = {.id = out->untold.id,
				       .what = NSM_UNTOLD_NONE}};

	if (w->untold != NULL)
		untold_wish(w->untold, out);
	else
		nsm_input(w->nsm, loop_now_ms(), &in);
}

static void do_grace(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_GRACE,
			    .is_grace = kernel_has_grace()};

	nsm_input(w->nsm, loop_now_ms(), &in);
}

static void carry_out(struct world *w, const struct nsm_out *out)
{
	switch (out->kind) {
	case NSM_OUT_REPLY:
		service_reply(w->service, out->reply.reply_to, out->bytes,
			      out->len);
		break;
	case NSM_OUT_STORE:
		do_store(w, out);
		break;
	case NSM_OUT_FORGET:
		if (w->store != NULL)
			store_remove(w->store, out->forget.file);
		break;
	case NSM_OUT_MEMO:
		do_memo(w, out);
		break;
	case NSM_OUT_SEND:
		do_send(w, out);
		break;
	case NSM_OUT_RESOLVE:
		resolver_ask(w->resolver, out->resolve.id, out->resolve.name);
		break;
	case NSM_OUT_CALLOUT:
		do_callout(w, out);
		break;
	case NSM_OUT_UNTOLD:
		do_untold(w, out);
		break;
	case NSM_OUT_NOTE:
		if (w->untold != NULL)
			untold_note(w->untold, out);
		break;
	case NSM_OUT_GRACE:
		do_grace(w);
		break;
	case NSM_OUT_LOG:
		if (out->log.level == LOG_TRACE)
			log_debug(out->log.class, "%s", out->log.text);
		else
			log_line(out->log.level, "%s", out->log.text);
		break;
	}
}

/*
 * Feeds @in and does all that follows from it, once we may.  What is fed while
 * an effect is carried out only joins the line.
 */
static void feed(struct world *w, const struct nsm_in *in)
{
	struct nsm_in now = *in;
	struct nsm_out out;

	now.is_grace_over = nsm_wants_grace(w->nsm) && !kernel_has_grace();
	nsm_input(w->nsm, loop_now_ms(), &now);
	if (!w->is_started || w->is_carrying)
		return;
	w->is_carrying = true;
	while (nsm_output(w->nsm, &out))
		carry_out(w, &out);
	w->is_carrying = false;
	loop_timer_set(w->timer, nsm_deadline_ms(w->nsm));
}

/* Design decision 8: the number is read for each reply, since it may rise. */
static void feed_number(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_NUMBER};

	if (w->store != NULL)
		in.number = store_number(w->store);
	if (w->untold != NULL)
		untold_set_number(w->untold, in.number);
	feed(w, &in);
}

/* An input that may bring an answer to lockd, or a notice of ours. */
static void feed_after_number(struct world *w, const struct nsm_in *in)
{
	feed_number(w);
	feed(w, in);
}

/* Which peers are our servers decides what a late notice is worth. */
static void feed_mounts(struct world *w)
{
	struct mounts mounts;
	struct nsm_in in = {.kind = NSM_IN_MOUNTS};

	if (!mountwatch_read(w->mounts, loop_now_ms(), &mounts))
		return;
	in.mounts.servers = mounts.servers;
	in.mounts.count = mounts.count;
	feed(w, &in);
}

static void on_call(void *ctx, uint64_t reply_to, enum nsm_transport transport,
		    const struct addr *from, const uint8_t *bytes, size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_CALL,
			    .bytes = bytes,
			    .len = len,
			    .call = {.reply_to = reply_to,
				     .transport = transport,
				     .peer = *from}};

	feed_mounts(ctx);
	feed_after_number(ctx, &in);
}

static void on_answer(void *ctx, struct rpcudp *udp, const struct addr *from,
		      const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct world *w = ctx;
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .bytes = bytes,
			    .len = len,
			    .answer = {.to = udp == w->asker
						     ? NSM_FROM_ANY
						     : NSM_FROM_LOOPBACK,
				       .from = *from}};

	(void)to; /* from whom it comes is what counts */
	feed_after_number(w, &in);
}

static void on_stored(void *ctx, enum store_what what, uint64_t id, int error)
{
	struct nsm_in in = {.kind = what == STORE_MEMO ? NSM_IN_MEMO_STORED
						       : NSM_IN_STORED,
			    .stored = {.id = id,
				       .error = error,
				       .reason = strerror(-error)}};

	feed_after_number(ctx, &in);
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs,
			size_t count)
{
	struct nsm_in in = {
		.kind = NSM_IN_RESOLVED,
		.resolved = {.id = id, .addrs = addrs, .count = count}};

	feed_after_number(ctx, &in);
}

static void on_called(void *ctx, uint64_t id, enum nsm_call_end how, int code)
{
	struct nsm_in in = {.kind = NSM_IN_CALLED,
			    .called = {.id = id,
				       .end = {.how = how, .code = code}}};

	if (how == NSM_CALL_NOT_STARTED)
		in.called.end.reason = strerror(-code);
	/* A new one would have what we have now: no_new_privs, so no sudo. */
	if (how == NSM_CALL_LOST)
		log_line(LOG_ERROR, "the process that runs ha-callout has "
				    "ended; it is not run until rpc.statd is "
				    "restarted");
	feed(ctx, &in);
}

static void on_timer(void *ctx)
{
	struct nsm_in in = {.kind = NSM_IN_TIMER};

	feed_after_number(ctx, &in);
}

static void on_found(void *ctx, const char *name, const uint8_t *bytes,
		     size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = bytes,
			    .len = len,
			    .file.name = name};

	feed(ctx, &in);
}

static void on_memo(void *ctx, uint64_t number, const uint8_t *bytes,
		    size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO,
			    .bytes = bytes,
			    .len = len,
			    .memo.number = number};

	feed(ctx, &in);
}

static void on_untold(void *ctx, const struct nsm_in *in)
{
	feed_after_number(ctx, in);
}

static void close_store(struct world *w)
{
	store_free(w->store);
	w->store = NULL;
	untold_free(w->untold);
	w->untold = NULL;
}

bool world_open_store(struct world *w, const char *state_dir)
{
	const struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	int error;

	w->store = store_open(w->loop, state_dir, on_stored, w, &error);
	if (w->store == NULL) {
		log_line(LOG_ERROR, "cannot use %s: %s", state_dir,
			 strerror(-error));
		return false;
	}
	w->untold = untold_open(w->loop, state_dir, on_untold, w, &error);
	if (w->untold == NULL)
		log_line(LOG_WARN,
			 "%s/sm.bak: %s; late notices are not held back",
			 state_dir, strerror(-error));
	else
		untold_set_number(w->untold, store_number(w->store));
	error = store_load(w->store, on_found, w);
	if (error != 0) {
		log_line(LOG_ERROR, "cannot read %s/sm: %s", state_dir,
			 strerror(-error));
		close_store(w);
		return false;
	}
	store_load_memos(w->store, on_memo, w);
	feed(w, &loaded);
	feed_number(w);
	log_line(LOG_NOTE, "%zu peers are monitored, the state number is %u",
		 nsm_peer_count(w->nsm), store_number(w->store));
	return true;
}

bool world_start(struct world *w)
{
	int error = 0;

	w->is_started = true;
	feed_number(w);
	if (w->store != NULL)
		error = store_start(w->store);
	if (error == 0)
		return true;
	log_line(LOG_ERROR, "nothing can be written to sm: %s",
		 strerror(-error));
	close_store(w);
	return false;
}

const struct service *world_serve(struct world *w,
				  const struct settings *settings)
{
	const struct service_config config = {
		.port = (uint16_t)settings->port,
		.limits = {.connections_max = settings->connections_max,
			   .per_address_max = settings->per_address_max,
			   .idle_ms = settings->idle_s * 1000},
	};
	int error;

	w->service = service_open(w->loop, &config, on_call, w, &error);
	return w->service;
}

static struct nsm_policy policy_of(const struct world *w,
				   const struct settings *settings)
{
	return (struct nsm_policy){
		.takes_any_port = !settings->is_port_required,
		.has_callout =
			w->launcher != NULL && settings->ha_callout != NULL,
		.notify_check = settings->notify_check,
	};
}

/* The texts of @settings may go when they are read again. */
static void take_callout(struct world *w, const struct settings *settings)
{
	free(w->callout);
	w->callout = settings->ha_callout != NULL
			     ? xstrdup(settings->ha_callout)
			     : NULL;
	w->callout_ms = settings->ha_callout_s * 1000;
}

void world_renew(struct world *w, const struct settings *settings)
{
	struct nsm_in in = {.kind = NSM_IN_POLICY,
			    .policy = policy_of(w, settings)};

	if (settings->ha_callout != NULL && w->launcher == NULL)
		log_line(LOG_WARN, "there was no ha-callout at the start: it "
				   "is run from the next start on");
	/* ORDER: what still waits for a program that is gone is dropped. */
	feed(w, &in);
	take_callout(w, settings);
}

void world_open_launcher(struct world *w, const struct settings *settings,
			 const char *state_dir)
{
	struct launcher_place place = {.dir = state_dir};
	struct nsm_in in = {.kind = NSM_IN_POLICY};
	struct stat owner;
	int error;

	if (settings->ha_callout == NULL)
		return;
	error = statedir_owner(state_dir, &owner);
	if (error == 0) {
		place.uid = owner.st_uid;
		place.gid = owner.st_gid;
		w->launcher =
			launcher_new(w->loop, &place, on_called, w, &error);
	}
	if (w->launcher == NULL)
		log_line(LOG_ERROR, "ha-callout is not run: %s",
			 strerror(-error));
	take_callout(w, settings);
	in.policy = policy_of(w, settings);
	feed(w, &in);
}

void world_log_status(const struct world *w)
{
	struct buf text;

	buf_init(&text, STATUS_TEXT_MAX);
	nsm_status(w->nsm, loop_now_ms(), &text);
	if (w->untold != NULL)
		untold_add_status(w->untold, &text);
	service_add_status(w->service, &text);
	log_page(LOG_NOTE, buf_text(&text));
	buf_fini(&text);
}

static int open_sockets(struct world *w)
{
	const struct addr local = addr_loopback(0);
	const struct addr any = {.family = ADDR_NONE};
	int error;

	w->client = rpcudp_open(w->loop, &local, on_answer, w, &error);
	if (w->client == NULL) {
		/* S-6: without a reserved port lockd would reject us. */
		log_line(LOG_ERROR, "no reserved port for callbacks: %s",
			 strerror(-error));
		return error;
	}
	w->asker = rpcudp_open(w->loop, &any, on_answer, w, &error);
	if (w->asker == NULL)
		log_line(LOG_WARN,
			 "peers can neither be asked about doubtful notices "
			 "nor told of our reboot: %s",
			 strerror(-error));
	return 0;
}

int world_open(const struct settings *settings, struct world **out)
{
	struct world *w = xzalloc(sizeof(*w));
	struct nsm_config config = {
		.reserved_port_max = kernel_reserved_port_max(),
		.name = settings->name,
	};

	*out = w;
	config.policy = policy_of(w, settings);
	process_random(config.seed, sizeof(config.seed));
	w->loop = loop_new();
	w->nsm = nsm_new(&config);
	w->mounts = mountwatch_new();
	w->timer = loop_timer_new(w->loop, on_timer, w);
	w->resolver = resolver_new(w->loop, on_resolved, w);
	resolver_set_timeout(w->resolver, settings->resolver_s * 1000);
	return open_sockets(w);
}

struct loop *world_loop(const struct world *w)
{
	return w->loop;
}

/* ORDER: the store first; what it hands out at its end goes to the rest. */
void world_free(struct world *w)
{
	if (w == NULL)
		return;
	store_free(w->store);
	untold_free(w->untold);
	service_free(w->service);
	resolver_free(w->resolver);
	rpcudp_free(w->client);
	rpcudp_free(w->asker);
	launcher_free(w->launcher);
	free(w->callout);
	loop_timer_free(w->timer);
	mountwatch_free(w->mounts);
	nsm_free(w->nsm);
	loop_free(w->loop);
	free(w);
}
