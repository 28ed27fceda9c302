/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function per effect, one per thing that happens; all of them meet in
 * feed().
 */
#include "cltrack/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cltrack/alive.h"
#include "cltrack/cld.h"
#include "cltrack/cldb.h"
#include "cltrack/holder.h"
#include "cltrack/legacy.h"
#include "cltrack/pipe.h"
#include "cltrack/scribe.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/kernel.h"
#include "os/process.h"

#define STATUS_SIZE_MAX 4096
#define PIPE_DIR	"nfsd" /* in rpc_pipefs */

struct daemon {
	const struct place *place;
	struct legacy legacy;
	struct cld *cld;
	struct cldb *db;
	struct scribe *scribe;
	struct pipe *pipe;
	struct holder *holder;
	struct loop_timer *timer;
	bool has_old_kernel;
	bool is_carrying; /* an effect is on its way out */
};

/* --- effects -------------------------------------------------------------- */

static void do_record(struct daemon *d, const struct cld_out *out)
{
	int error = pipe_send(d->pipe, out->reply.bytes, out->reply.len);
	struct cld_in in = {.kind = CLD_IN_SEND_FAILED,
			    .send_failed.reason = strerror(-error)};

	if (error != 0)
		cld_input(d->cld, loop_now_ms(), &in);
}

static void do_reply(struct daemon *d, const struct cld_out *out)
{
	int error = pipe_reply(d->pipe, out->reply.reply_to, out->reply.bytes,
			       out->reply.len);

	/* A repeated answer to what a life before us has answered. */
	if (error != 0)
		log_line(LOG_WARN, "nfsd does not take an answer: %s",
			 strerror(-error));
}

static void carry_out(struct daemon *d, const struct cld_out *out)
{
	switch (out->kind) {
	case CLD_OUT_REPLY:
		do_reply(d, out);
		break;
	case CLD_OUT_RECORD:
		do_record(d, out);
		break;
	case CLD_OUT_STORE:
	case CLD_OUT_LOAD:
	case CLD_OUT_LOOK:
	case CLD_OUT_CLEAN:
		scribe_do(d->scribe, out);
		break;
	case CLD_OUT_LOG:
		if (out->log.level == LOG_TRACE)
			log_debug(out->log.class, "%s", out->log.text);
		else
			log_line(out->log.level, "%s", out->log.text);
		break;
	}
}

/*
 * Feeds @in and does all that follows from it.  What is fed while an effect is
 * carried out only joins the line.
 */
static void feed(struct daemon *d, const struct cld_in *in)
{
	struct cld_out out;

	cld_input(d->cld, loop_now_ms(), in);
	if (d->is_carrying)
		return;
	d->is_carrying = true;
	while (cld_output(d->cld, &out))
		carry_out(d, &out);
	d->is_carrying = false;
	loop_timer_set(d->timer, cld_deadline_ms(d->cld));
}

/* --- what happens --------------------------------------------------------- */

static void on_timer(void *ctx)
{
	feed(ctx, &(struct cld_in){.kind = CLD_IN_TIMER});
}

static void on_done(void *ctx, const struct cld_in *in)
{
	feed(ctx, in);
}

/* In the scribe's thread. */
static void on_clean(void *ctx)
{
	const struct daemon *d = ctx;

	/* What stays was logged, and is not taken over again. */
	(void)legacy_clean(&d->legacy);
}

static void on_opened(void *ctx)
{
	struct daemon *d = ctx;

	holder_hold(d->holder, d->place->lock_path);
}

static void on_closed(void *ctx)
{
	struct daemon *d = ctx;

	log_line(LOG_NOTE, "nfsd's pipe is closed");
	holder_release(d->holder);
	feed(d, &(struct cld_in){.kind = CLD_IN_CLOSED});
}

static void on_upcall(void *ctx, uint64_t reply_to, const uint8_t *bytes,
		      size_t len, bool is_repeat)
{
	struct daemon *d = ctx;

	feed(d, &(struct cld_in){
			.kind = CLD_IN_REQUEST,
			.request = {.reply_to = reply_to,
				    .bytes = bytes,
				    .len = len,
				    .is_repeat = is_repeat,
				    .is_grace = d->has_old_kernel &&
						kernel_nfsd_grace() ==
							KERNEL_GRACE_RUNNING}});
}

/* --- start and end -------------------------------------------------------- */

/* COMPAT: before 4.20 nfsd does not say when it starts (contract.md 6.3). */
static bool is_old_kernel(void)
{
	struct utsname name;
	unsigned int major, minor;

	if (uname(&name) != 0 ||
	    sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major < 4 || (major == 4 && minor < 20);
}

/* Feeds what the database knows; false where it knows nothing. */
static bool load(struct daemon *d)
{
	struct cld_in in = {.kind = CLD_IN_EPOCHS};
	struct cldb_epochs epochs;

	if (cldb_epochs(d->db, &epochs) != 0)
		return false;
	/* Only those are lost that could not be read; it was logged. */
	if (epochs.is_first_time)
		(void)legacy_import(&d->legacy, d->db, epochs.current);
	in.epochs.current = epochs.current;
	in.epochs.recovery = epochs.recovery;
	in.epochs.is_first_time = epochs.is_first_time;
	feed(d, &in);
	return true;
}

static bool open_scribe(struct daemon *d, struct loop *loop)
{
	const struct scribe_config config = {.clients_dir = ALIVE_DIR,
					     .done = on_done,
					     .clean = on_clean,
					     .ctx = d};
	int error = 0;

	d->scribe = scribe_new(loop, d->db, &config, &error);
	if (error == 0)
		error = scribe_start(d->scribe);
	if (error != 0)
		log_line(LOG_ERROR, "cannot start a thread: %s",
			 strerror(-error));
	return error == 0;
}

/* ORDER: the holder first, it is a fork; then a thread. */
static bool open_rest(struct daemon *d, struct loop *loop,
		      const struct settings *settings)
{
	const struct pipe_calls calls = {.opened = on_opened,
					 .upcall = on_upcall,
					 .closed = on_closed,
					 .ctx = d};
	char dir[PATH_MAX], path[PATH_MAX + sizeof("/" PIPE_FILE)];
	int error;

	(void)snprintf(dir, sizeof(dir), "%s/" PIPE_DIR, settings->pipefs_dir);
	(void)snprintf(path, sizeof(path), "%s/" PIPE_FILE, dir);
	d->holder = holder_start(path, d->place->lock_path);
	if (!open_scribe(d, loop))
		return false;
	d->pipe = pipe_new(loop, dir, d->place->slots, &calls);
	error = pipe_start(d->pipe);
	if (error != 0)
		log_line(LOG_ERROR, "%s: %s", dir, strerror(-error));
	return error == 0;
}

struct daemon *daemon_new(struct loop *loop, const struct settings *settings,
			  struct place *place)
{
	struct daemon *d = xzalloc(sizeof(*d));
	struct cld_config config;

	d->place = place;
	d->legacy.trackdb_dir = settings->trackdb_dir;
	d->legacy.recoverydir_file = LEGACY_RECOVERYDIR_FILE;
	d->has_old_kernel = is_old_kernel();
	config.has_old_kernel = d->has_old_kernel;
	process_random(config.seed, sizeof(config.seed));
	d->cld = cld_new(&config);
	d->timer = loop_timer_new(loop, on_timer, d);
	if (cldb_open(place->storage_dir, (enum cldb_journal)settings->journal,
		      &d->db) != 0 ||
	    !load(d) || !open_rest(d, loop, settings)) {
		daemon_free(d);
		return NULL;
	}
	return d;
}

void daemon_log_status(const struct daemon *d)
{
	struct buf page;

	buf_init(&page, STATUS_SIZE_MAX);
	buf_addf(&page, "nfsd's pipe is %s\n",
		 pipe_is_open(d->pipe) ? "open" : "not there");
	cld_status(d->cld, &page);
	if (cldb_set_aside(d->db) > 0)
		buf_addf(&page, "damaged records kept aside: %u\n",
			 cldb_set_aside(d->db));
	log_page(LOG_NOTE, buf_text(&page));
	buf_fini(&page);
}

/* ORDER: the scribe before the pipe: its last results are answers. */
void daemon_free(struct daemon *d)
{
	if (d == NULL)
		return;
	scribe_free(d->scribe);
	d->scribe = NULL;
	cldb_close(d->db);
	pipe_free(d->pipe);
	holder_end(d->holder);
	loop_timer_free(d->timer);
	cld_free(d->cld);
	free(d);
}
