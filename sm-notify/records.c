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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/parked.h"
#include "lib/record.h"
#include "os/durable.h"
#include "os/loop.h"
#include "os/process.h"

#define MS_PER_MINUTE 60000u

/* One that cannot be read is no reason not to tell the others. */
static void note_unread(struct run *run, const char *name, const char *why)
{
	struct buf text;

	if (run->unread++ >= RUN_NAMES_MAX)
		return;
	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	log_line(LOG_ERROR, "%s: %s cannot be read: %s", run->bak_dir,
		 buf_text(&text), why);
	buf_fini(&text);
}

static int feed_file(void *ctx, const char *name)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE, .file.name = name};
	struct run *run = ctx;
	struct buf text;
	int error;

	buf_init(&text, RECORD_FILE_MAX);
	error = durable_read(run->bak_fd, name, &text);
	if (error == 0) {
		in.bytes = (const uint8_t *)buf_text(&text);
		in.len = text.len;
		notify_input(run->notify, 0, &in);
		if (run->files++ < RUN_NAMES_MAX) {
			buf_add_text(&run->names, " ");
			buf_add_escaped(&run->names, name, strlen(name));
		}
	} else if (error != -ENOENT) {
		note_unread(run, name, durable_read_error(error));
	}
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

	if (run->mode != RUN_BOOT && run->mode != RUN_FORCE)
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

int records_read(struct run *run)
{
	const struct settings *settings = &run->settings;
	struct notify_config config = {
		.number = run->turn.number,
		.name = settings->source,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = settings->packets_per_second,
	};
	int error;

	if (settings->retry_minutes > 0)
		config.give_up_ms =
			loop_now_ms() +
			(uint64_t)settings->retry_minutes * MS_PER_MINUTE;
	process_random(config.seed, sizeof(config.seed));
	run->notify = notify_new(&config);
	read_parked(run);
	run->bak_fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->bak_fd < 0)
		return run_failed(run->bak_dir, -errno);
	error = durable_each(run->bak_fd, feed_file, run);
	if (!error)
		error = durable_each_odd(run->bak_fd, feed_odd, run);
	if (run->unread > RUN_NAMES_MAX)
		log_line(LOG_ERROR, "%s: %u more cannot be read", run->bak_dir,
			 run->unread - RUN_NAMES_MAX);
	close(run->bak_fd); /* the background would close it anyhow */
	run->bak_fd = -1;
	if (error)
		return run_failed(run->bak_dir, error);
	if (run->files == 0 && run->unread > 0)
		return EXIT_FAILURE;
	return RUN_GO_ON;
}
