/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to tell: makes the notifier of a run and hands it the files of sm.bak/.
 * An error while reading is never "nobody to notify" (design decision 12).
 *
 * It understands no line of them (notify.c).
 */
#include "sm-notify/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/parked.h"
#include "lib/record.h"
#include "os/durable.h"
#include "os/loop.h"
#include "os/ownaddr.h"
#include "os/process.h"
#include "sm-notify/ages.h"

#define MS_PER_MINUTE 60000u
#define OWN_MAX	      256 /* addresses of this host */

/* A directory that is being read. */
struct reading {
	struct run *run;
	const char *path;
	int fd;
	int ages; /* or -1 */
};

/* One that cannot be read is no reason not to tell the others. */
static void note_unread(struct reading *reading, const char *name,
			const char *why)
{
	struct run *run = reading->run;
	const struct notify_in in = {
		.kind = NOTIFY_IN_UNREAD,
		.file.name = name,
		.file.is_too_old =
			ages_is_over(reading->ages, name, run->place.key,
				     run->settings.max_age),
	};
	struct buf text;

	notify_input(run->notify, 0, &in);
	if (run->unread++ >= RUN_NAMES_MAX)
		return;
	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	log_line(LOG_ERROR, "%s: %s cannot be read: %s", reading->path,
		 buf_text(&text), why);
	buf_fini(&text);
}

static void feed_text(struct reading *reading, const char *name,
		      const struct buf *text)
{
	struct run *run = reading->run;
	const struct notify_in in = {
		.kind = NOTIFY_IN_FILE,
		.bytes = text->bytes,
		.len = text->len,
		.file.name = name,
		.file.is_too_old =
			ages_is_over(reading->ages, name, run->place.key,
				     run->settings.max_age),
	};
	size_t aside = notify_aside_count(run->notify);

	notify_input(run->notify, 0, &in);
	/* Who is set aside holds nobody up, and is not to blame. */
	if (notify_aside_count(run->notify) > aside)
		return;
	if (run->files++ < RUN_NAMES_MAX) {
		buf_add_text(&run->names, " ");
		buf_add_escaped(&run->names, name, strlen(name));
	}
}

static int feed_file(void *ctx, const char *name)
{
	struct reading *reading = ctx;
	struct buf text;
	int error;

	buf_init(&text, RECORD_FILE_MAX);
	error = durable_read(reading->fd, name, &text);
	if (error == 0)
		feed_text(reading, name, &text);
	else if (error != -ENOENT)
		note_unread(reading, name, durable_read_error(error));
	buf_fini(&text);
	return 0;
}

static int feed_odd(void *ctx, const char *name)
{
	note_unread(ctx, name, durable_read_error(-EINVAL));
	return 0;
}

/*
 * Hands over what rpc.statd has parked or told in this boot.  Not with -n: what
 * it tells are the records of sm/ as well, the administrator wants their locks
 * given up.  Not being able to read it is no reason to tell nobody.
 */
static void read_parked(struct run *run)
{
	struct notify_in in = {.kind = NOTIFY_IN_PARKED};
	char path[RUN_BAK_LEN_MAX];
	struct buf text;
	int error;
	int fd;

	if (run->is_parking_over ||
	    (run->mode != RUN_BOOT && run->mode != RUN_FORCE))
		return;
	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	buf_init(&text, PARKED_FILE_MAX);
	error = durable_read(fd, PARKED_FILE, &text);
	close(fd);
	in.bytes = text.bytes;
	in.len = text.len;
	if (error == 0)
		notify_input(run->notify, 0, &in);
	else if (error != -ENOENT)
		log_line(LOG_WARN,
			 "%s/" PARKED_FILE
			 ": %s; peers that are monitored again are told, too",
			 path, strerror(-error));
	buf_fini(&text);
}

static int read_dir(struct run *run, const char *path, bool has_ages)
{
	struct reading reading = {.run = run, .path = path, .ages = -1};
	int error;

	reading.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reading.fd < 0)
		return run_failed(path, -errno);
	if (has_ages)
		reading.ages = ages_open(reading.fd);
	error = durable_each(reading.fd, feed_file, &reading);
	if (!error)
		error = durable_each_odd(reading.fd, feed_odd, &reading);
	if (run->unread > RUN_NAMES_MAX)
		log_line(LOG_ERROR, "%s: %u more cannot be read", path,
			 run->unread - RUN_NAMES_MAX);
	if (reading.ages >= 0)
		close(reading.ages);
	close(reading.fd);
	return error ? run_failed(path, error) : RUN_GO_ON;
}

bool records_have_ages(const struct run *run)
{
	return run->settings.max_age > 0 &&
	       (run->mode == RUN_BOOT || run->mode == RUN_FORCE);
}

/*
 * Writes our addresses that peers are told from as well: those that were there
 * when the first run of the boot, or -f, began.  One that came later may have
 * come from another host, whose peers are not ours to tell.
 */
static size_t list_own(const struct run *run, struct notify_own *out)
{
	struct ownaddr own[OWN_MAX];
	bool is_first = run->mode == RUN_BOOT && run->lock.is_made;
	size_t count;

	if (run->settings.source || (!is_first && !run->settings.is_forced))
		return 0;
	count = ownaddr_list(own, OWN_MAX);
	for (size_t i = 0; i < count; i++)
		out[i] = (struct notify_own){own[i].addr, own[i].link};
	return count;
}

void records_begin(struct run *run)
{
	const struct settings *settings = &run->settings;
	struct notify_own own[OWN_MAX];
	struct notify_config config = {
		.own = own,
		.own_count = list_own(run, own),
		.number = run->turn.number,
		.name = settings->source,
		.skip = settings->skip,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = settings->packets_per_second,
	};

	if (settings->retry_minutes > 0)
		config.give_up_ms =
			loop_now_ms() +
			(uint64_t)settings->retry_minutes * MS_PER_MINUTE;
	process_random(config.seed, sizeof(config.seed));
	run->notify = notify_new(&config);
}

int records_read(struct run *run)
{
	int status;

	records_begin(run);
	read_parked(run);
	status = read_dir(run, run->bak_dir, records_have_ages(run));
	if (status != RUN_GO_ON)
		return status;
	return run->files == 0 && run->unread > 0 ? EXIT_FAILURE : RUN_GO_ON;
}

int records_read_monitored(struct run *run)
{
	char path[RUN_BAK_LEN_MAX];

	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	return read_dir(run, path, false);
}
