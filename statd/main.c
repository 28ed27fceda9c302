/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpc.statd: starts in an order that matters, then carries the effects of the
 * NSM core out and feeds what came of them back.  It decides nothing about
 * peers; that is statd/nsm.c.
 *
 * Source: contract.md 2.1 - 2.5; design section 4.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "lib/log.h"
#include "os/bootturn.h"
#include "os/kernel.h"
#include "os/logsink.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/resolver.h"
#include "os/rpcbind.h"
#include "os/rpcudp.h"
#include "os/sandbox.h"
#include "os/statedir.h"
#include "proto/sm_inter.h"
#include "statd/nsm.h"
#include "statd/service.h"
#include "statd/settings.h"
#include "statd/status.h"
#include "statd/store.h"
#include "statd/tell.h"
#include "statd/turn.h"

#define PID_FILE	"/run/rpc.statd.pid"
#define NOTIFY_PID_FILE "/run/sm-notify.pid"
#define SIGNALS		5 /* that the loop watches */

struct statd {
	struct settings settings;
	struct nfsconf *conf; /* as it was at the start */
	char state_dir[PATH_MAX];
	char default_dir[PATH_MAX];
	struct bootturn_place place;
	struct loop *loop;
	struct nsm *nsm;
	struct service *service;
	struct store *store;
	struct rpcudp *client; /* callbacks leave from here */
	struct rpcudp *asker;  /* questions to peers, NULL: none can */
	struct rpcbind *rpcbind;
	struct resolver *resolver;
	struct loop_timer *timer;
	struct loop_watch *signals[SIGNALS];
	bool is_root; /* effects wait */
	int pid_fd;
	int ready_fd;
	int notify_pid; /* the sm-notify that we started, or 0 */
	int turn_pid;	/* the child that repeats a failed turn, or 0 */
	int turns_fd;	/* where it tells ... */
	struct loop_watch *turns; /* ... or NULL */
};

static void feed(struct statd *s, const struct nsm_in *in);

static void do_send(struct statd *s, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_SEND_FAILED,
			    .send_failed.id = out->send.id};
	struct rpcudp *udp =
		out->send.source == NSM_FROM_ANY ? s->asker : s->client;

	in.send_failed.error = udp == NULL
				       ? -ENOTCONN
				       : rpcudp_send(udp, &out->send.peer, NULL,
						     out->bytes, out->len);
	if (in.send_failed.error != 0)
		nsm_input(s->nsm, loop_now_ms(), &in);
}

static void do_store(struct statd *s, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_STORED,
			    .stored.id = out->store.id,
			    .stored.error = -EROFS,
			    .stored.reason = strerror(EROFS)};

	if (s->store != NULL)
		store_put(s->store, out->store.id, out->store.file,
			  out->store.is_new, out->bytes, out->len);
	else
		nsm_input(s->nsm, loop_now_ms(), &in);
}

static void carry_out(struct statd *s, const struct nsm_out *out)
{
	switch (out->kind) {
	case NSM_OUT_REPLY:
		service_reply(s->service, out->reply.reply_to, out->bytes,
			      out->len);
		break;
	case NSM_OUT_STORE:
		do_store(s, out);
		break;
	case NSM_OUT_FORGET:
		if (s->store != NULL)
			store_remove(s->store, out->forget.file);
		break;
	case NSM_OUT_SEND:
		do_send(s, out);
		break;
	case NSM_OUT_RESOLVE:
		resolver_ask(s->resolver, out->resolve.id, out->resolve.name);
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
 * Feeds @in and does all that follows from it.
 * ORDER: not while we are root: a look-up would fork helpers that stay root.
 */
static void feed(struct statd *s, const struct nsm_in *in)
{
	struct nsm_out out;

	nsm_input(s->nsm, loop_now_ms(), in);
	if (s->is_root)
		return;
	while (nsm_output(s->nsm, &out))
		carry_out(s, &out);
	loop_timer_set(s->timer, nsm_deadline_ms(s->nsm));
}

/* Design decision 8: the number is read for each reply, since it may rise. */
static void feed_number(struct statd *s)
{
	struct nsm_in in = {.kind = NSM_IN_NUMBER};

	if (s->store != NULL)
		in.number = store_number(s->store);
	feed(s, &in);
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

	feed_number(ctx);
	feed(ctx, &in);
}

static void on_answer(void *ctx, struct rpcudp *udp, const struct addr *from,
		      const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct statd *s = ctx;
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .bytes = bytes,
			    .len = len,
			    .answer = {.to = udp == s->asker
						     ? NSM_FROM_ANY
						     : NSM_FROM_LOOPBACK,
				       .from = *from}};

	(void)to; /* from whom it comes is what counts */
	feed(s, &in);
}

static void on_stored(void *ctx, uint64_t id, int error)
{
	struct nsm_in in = {.kind = NSM_IN_STORED,
			    .stored = {.id = id,
				       .error = error,
				       .reason = strerror(-error)}};

	feed_number(ctx);
	feed(ctx, &in);
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs,
			size_t count)
{
	struct nsm_in in = {
		.kind = NSM_IN_RESOLVED,
		.resolved = {.id = id, .addrs = addrs, .count = count}};

	feed(ctx, &in);
}

static void on_timer(void *ctx)
{
	struct nsm_in in = {.kind = NSM_IN_TIMER};

	feed(ctx, &in);
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

static void on_registered(void *ctx, bool is_registered)
{
	(void)ctx; /* only told, nothing depends on it */
	log_line(LOG_NOTE,
		 is_registered ? "registered with rpcbind"
			       : "rpcbind does not have our entries; they are "
				 "registered again as soon as it answers");
}

/* Opens the store after the turn; without it every SM_MON fails. */
static bool open_store(struct statd *s)
{
	int error;

	s->store =
		store_open(s->loop, s->place.state_dir, on_stored, s, &error);
	if (s->store == NULL) {
		log_line(LOG_ERROR, "cannot use %s: %s", s->place.state_dir,
			 strerror(-error));
		return false;
	}
	error = store_load(s->store, on_found, s);
	if (error != 0) {
		log_line(LOG_ERROR, "cannot read %s/sm: %s", s->place.state_dir,
			 strerror(-error));
		store_free(s->store);
		s->store = NULL;
		return false;
	}
	feed_number(s);
	log_line(LOG_NOTE, "%zu peers are monitored, the state number is %u",
		 nsm_peer_count(s->nsm), store_number(s->store));
	return true;
}

/* The worker begins after the privileges are gone: store_start(). */
static bool start_store(struct statd *s)
{
	int error = store_start(s->store);

	if (error == 0)
		return true;
	log_line(LOG_ERROR, "cannot write %s/sm: %s", s->place.state_dir,
		 strerror(-error));
	store_free(s->store);
	s->store = NULL;
	return false;
}

static void end_turns(struct statd *s)
{
	loop_unwatch(s->turns);
	s->turns = NULL;
	close(s->turns_fd);
}

/* The child has done the turn; it goes on until we have our store. */
static void on_turn(void *ctx, int fd, unsigned int events)
{
	struct statd *s = ctx;
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);

	(void)events; /* only LOOP_READ is watched */
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		log_line(LOG_ERROR, "nobody is left to repeat the turn; SM_MON "
				    "fails until rpc.statd is restarted");
	else if (!open_store(s) || !start_store(s))
		return;
	end_turns(s);
}

static void repeat_turn(struct statd *s)
{
	s->turn_pid = turn_repeat(&s->place, &s->turns_fd);
	if (s->turn_pid > 0)
		s->turns =
			loop_watch(s->loop, s->turns_fd, LOOP_READ, on_turn, s);
	else
		log_line(LOG_ERROR, "cannot repeat that: %s",
			 strerror(-s->turn_pid));
}

static void on_child(void *ctx)
{
	struct statd *s = ctx;
	int status = 0;

	/* Only these two: the resolver waits for its helpers itself. */
	if (s->notify_pid > 0 &&
	    waitpid(s->notify_pid, &status, WNOHANG) == s->notify_pid)
		s->notify_pid = 0;
	if (s->turn_pid > 0 &&
	    waitpid(s->turn_pid, &status, WNOHANG) == s->turn_pid)
		s->turn_pid = 0;
}

static struct nsm_policy policy_of(const struct settings *settings)
{
	return (struct nsm_policy){
		.takes_any_port = !settings->is_port_required,
	};
}

/* What changes while we run; the log itself stays where it is. */
static void on_reload(void *ctx)
{
	struct statd *s = ctx;
	struct nsm_in in = {.kind = NSM_IN_POLICY};

	if (!settings_renew(&s->settings, s->conf)) {
		log_line(LOG_ERROR, "nfs.conf is bad: nothing was changed");
		return;
	}
	settings_log_classes(&s->settings);
	in.policy = policy_of(&s->settings);
	feed(s, &in);
	log_line(LOG_NOTE, "nfs.conf was read again");
}

static void on_status(void *ctx)
{
	struct statd *s = ctx;
	struct buf text;

	buf_init(&text, STATUS_TEXT_MAX);
	nsm_status(s->nsm, loop_now_ms(), &text);
	service_add_status(s->service, &text);
	log_page(LOG_NOTE, buf_text(&text));
	buf_fini(&text);
}

static void on_terminate(void *ctx)
{
	struct statd *s = ctx;

	loop_stop(s->loop);
}

/* In the background, "." is another directory.  What is not there stays. */
static void resolve_dir(const char *dir, char out[static PATH_MAX])
{
	if (realpath(dir, out) == NULL)
		(void)snprintf(out, PATH_MAX, "%s", dir);
}

static int init_place(struct statd *s)
{
	int error = bootturn_key(s->place.key);

	resolve_dir(s->settings.state_dir, s->state_dir);
	resolve_dir(s->settings.default_dir, s->default_dir);
	s->place.state_dir = s->state_dir;
	s->place.default_dir = s->default_dir;
	s->place.notify_pid = NOTIFY_PID_FILE;
	s->place.statd_pid = PID_FILE;
	if (error != 0)
		log_line(LOG_ERROR, "the kernel does not name this boot: %s",
			 strerror(-error));
	return error;
}

static void register_service(struct statd *s)
{
	const char *netid;
	uint16_t port;
	size_t i;

	for (i = 0; (netid = service_socket(s->service, i, &port)) != NULL;
	     i++) {
		rpcbind_add(s->rpcbind, netid, port);
		log_debug(LOG_CLASS_GENERAL, "serving on %s port %u", netid,
			  port);
	}
	rpcbind_start(s->rpcbind);
}

static bool open_service(struct statd *s)
{
	struct service_config config = {
		.port = (uint16_t)s->settings.port,
		.limits = {.connections_max = s->settings.connections_max,
			   .per_address_max = s->settings.per_address_max,
			   .idle_ms = s->settings.idle_s * 1000},
	};
	int error;

	s->service = service_open(s->loop, &config, on_call, s, &error);
	return s->service != NULL;
}

/* Makes what the core's effects need. */
static int open_world(struct statd *s)
{
	struct nsm_config config = {
		.reserved_port_max = kernel_reserved_port_max(),
		.policy = policy_of(&s->settings),
		.notify_check = s->settings.notify_check,
	};
	struct addr local = addr_loopback(0);
	struct addr any = {.family = ADDR_NONE};
	int error;

	process_random(config.seed, sizeof(config.seed));
	s->loop = loop_new();
	s->nsm = nsm_new(&config);
	s->timer = loop_timer_new(s->loop, on_timer, s);
	s->resolver = resolver_new(s->loop, on_resolved, s);
	resolver_set_timeout(s->resolver, s->settings.resolver_s * 1000);
	s->client = rpcudp_open(s->loop, &local, on_answer, s, &error);
	if (s->client == NULL) {
		/* S-6: without a reserved port lockd would reject us. */
		log_line(LOG_ERROR, "no reserved port for callbacks: %s",
			 strerror(-error));
		return error;
	}
	if (config.notify_check != VERIFY_CHECK_ASK)
		return 0;
	s->asker = rpcudp_open(s->loop, &any, on_answer, s, &error);
	if (s->asker == NULL)
		log_line(LOG_WARN,
			 "peers cannot be asked about doubtful notices: %s",
			 strerror(-error));
	return 0;
}

static void watch_signals(struct statd *s)
{
	/* COMPAT: not as nfs-utils, which ends on SIGHUP (contract.md 2.3). */
	s->signals[0] = loop_signal(s->loop, SIGHUP, on_reload, s);
	s->signals[1] = loop_signal(s->loop, SIGINT, on_terminate, s);
	s->signals[2] = loop_signal(s->loop, SIGTERM, on_terminate, s);
	s->signals[3] = loop_signal(s->loop, SIGCHLD, on_child, s);
	s->signals[4] = loop_signal(s->loop, SIGUSR1, on_status, s);
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an EPIPE */
}

/* The pid file is root's, and emptied at the end: so it stays open. */
static bool hold_pid_file(struct statd *s)
{
	s->pid_fd = process_pidfile(PID_FILE);
	if (s->pid_fd == -EWOULDBLOCK)
		log_line(LOG_ERROR, "%s: another statd holds it", PID_FILE);
	else if (s->pid_fd < 0)
		log_line(LOG_WARN, "%s: %s", PID_FILE, strerror(-s->pid_fd));
	return s->pid_fd != -EWOULDBLOCK;
}

/* Where nobody is known to own the records, root without rights has to do. */
static int give_up_root(const struct statd *s)
{
	struct stat owner = {0};
	int error = statedir_owner(s->place.state_dir, &owner);

	if (error != 0)
		log_line(LOG_ERROR, "%s: %s", s->place.state_dir,
			 strerror(-error));
	error = sandbox_enter(owner.st_uid, owner.st_gid);
	if (error != 0)
		log_line(LOG_ERROR, "cannot give up root: %s",
			 strerror(-error));
	return error;
}

/*
 * What only root can do: the turn, the pid file, the children that stay root,
 * and removing the entries in rpcbind of a statd that was another user.
 * ORDER: the turn before the sockets, so that no number of the boot before is
 * ever answered; the store's lock on sm/ before the pid file, so that a turn
 * beside us never takes us for nfs-utils.
 */
static int start_as_root(struct statd *s)
{
	bool is_turned = turn_run(&s->place) == 0 && open_store(s);

	if (!hold_pid_file(s))
		return EXIT_FAILURE;
	watch_signals(s);
	if (!is_turned)
		repeat_turn(s);
	if (!s->settings.has_no_notify)
		s->notify_pid = tell_spawn(&s->settings, &s->place);
	s->rpcbind =
		rpcbind_new(s->loop, SM_PROGRAM, SM_VERSION, on_registered, s);
	rpcbind_clear(s->rpcbind);
	return 0;
}

/*
 * ORDER: no thread, no look-up, nothing from outside and no entry in rpcbind
 * before root is given up: each would keep what we had then.  Readiness last.
 */
static int start(struct statd *s)
{
	if (open_world(s) != 0 || start_as_root(s) != 0 || give_up_root(s) != 0)
		return EXIT_FAILURE;
	s->is_root = false;
	feed_number(s);
	if (s->store != NULL && !start_store(s))
		return EXIT_FAILURE;
	if (!open_service(s))
		return EXIT_FAILURE;
	register_service(s);
	process_ready(s->ready_fd);
	return 0;
}

static void finish(struct statd *s)
{
	size_t i;

	if (s->turns != NULL)
		end_turns(s);
	rpcbind_withdraw(s->rpcbind);
	store_free(s->store);
	service_free(s->service);
	resolver_free(s->resolver);
	rpcudp_free(s->client);
	rpcudp_free(s->asker);
	loop_timer_free(s->timer);
	for (i = 0; i < SIGNALS; i++)
		loop_unwatch(s->signals[i]);
	nsm_free(s->nsm);
	loop_free(s->loop);
	if (s->pid_fd >= 0)
		process_pidfile_end(s->pid_fd);
}

int main(int argc, char **argv)
{
	struct statd s = {.is_root = true, .pid_fd = -1, .ready_fd = -1};
	int status;

	logsink_stderr("rpc.statd");
	s.conf = settings_read(&s.settings, argc, argv);
	if (init_place(&s) != 0)
		return EXIT_FAILURE;
	if (s.settings.is_notify_mode) {
		tell_exec(&s.settings, &s.place);
		return EXIT_FAILURE;
	}
	status = settings_check(&s.settings);
	if (status != 0)
		return status;
	(void)signal(SIGHUP, SIG_IGN); /* until watch_signals() */
	(void)signal(SIGUSR1, SIG_IGN);
	settings_nlm_ports(&s.settings);
	if (!s.settings.is_foreground) {
		s.ready_fd = process_background(-1);
		if (s.ready_fd < 0) {
			log_line(LOG_ERROR, "cannot go to the background: %s",
				 strerror(-s.ready_fd));
			return EXIT_FAILURE;
		}
	}
	settings_choose_log(&s.settings);
	log_line(LOG_NOTE, "version " PACKAGE_VERSION " starting");
	status = start(&s);
	if (status == 0)
		status = loop_run(s.loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	finish(&s);
	nfsconf_free(s.conf);
	return status;
}
