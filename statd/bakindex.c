/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the files of sm.bak/ into the tables that sm-notify uses for them.  The
 * directory's time of change says whether they are still what was read: files
 * there are only ever made, renamed and removed.  A change within CHANGE_S_MIN
 * of the one that was seen may have the same time, so it is read again then.
 */
#include "statd/bakindex.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/parked.h"
#include "os/durable.h"
#include "os/process.h"

#define CHANGE_S_MIN 2 /* also FAT's idea of time */

void bakindex_init(struct bakindex *index, int bak_fd, int sm_fd)
{
	*index = (struct bakindex){.bak_fd = bak_fd, .sm_fd = sm_fd};
}

void bakindex_fini(struct bakindex *index)
{
	if (!index->is_read)
		return;
	requests_fini(&index->requests);
	outbox_fini(&index->box);
	target_set_fini(&index->set);
	index->is_read = false;
}

void bakindex_set_number(struct bakindex *index, uint32_t number)
{
	if (number == 0 || number == index->number)
		return;
	bakindex_fini(index);
	index->number = number;
}

/* Whether sm.bak/ is as it was when it was read. */
static bool is_fresh(const struct bakindex *index)
{
	struct stat st;

	return index->is_read && index->is_sure &&
	       fstat(index->bak_fd, &st) == 0 &&
	       st.st_mtim.tv_sec == index->changed.tv_sec &&
	       st.st_mtim.tv_nsec == index->changed.tv_nsec;
}

bool bakindex_is_empty(const struct bakindex *index)
{
	return is_fresh(index) && index->set.count == 0 && !index->has_unread;
}

static void read_parked(struct bakindex *index)
{
	struct buf text;
	int error;

	buf_init(&text, PARKED_FILE_MAX);
	error = durable_read(index->sm_fd, PARKED_FILE, &text);
	if (error == 0)
		requests_load(&index->requests, text.bytes, text.len);
	else if (error != -ENOENT)
		log_line(LOG_WARN, "sm/" PARKED_FILE ": %s", strerror(-error));
	buf_fini(&text);
}

static int read_file(void *ctx, const char *name)
{
	struct bakindex *index = ctx;
	struct target_text file = {.name = name};
	struct target_report report;
	struct buf text;
	int error;

	buf_init(&text, RECORD_FILE_MAX);
	/* sm-notify complains about what cannot be read. */
	error = durable_read(index->bak_fd, name, &text);
	if (error == 0) {
		file.bytes = text.bytes;
		file.len = text.len;
		target_set_add_file(&index->set, &file, &report);
	} else if (error != -ENOENT) {
		unread_note(&index->set.unread, 0, name, false);
		index->has_unread = true;
	}
	buf_fini(&text);
	return 0;
}

static void read_all(struct bakindex *index)
{
	const struct notify_config config = {.number = 0}; /* tells nobody */
	uint8_t key[SIPHASH_KEY_SIZE];
	struct stat st = {0};
	struct timespec now;
	int error;

	bakindex_fini(index);
	process_random(key, sizeof(key));
	target_set_init(&index->set, key, &config);
	outbox_init(&index->box);
	requests_init(&index->requests, &index->set, &index->box,
		      index->number);
	index->is_read = true;
	index->has_unread = false;
	read_parked(index);
	/* ORDER: the time first, so that a change on the way shows later. */
	error = fstat(index->bak_fd, &st) ? -errno : 0;
	if (error == 0)
		error = durable_each(index->bak_fd, read_file, index);
	if (error != 0)
		log_line(LOG_WARN, "sm.bak: %s; late notices are not held back",
			 strerror(-error));
	requests_start(&index->requests);
	clock_gettime(CLOCK_REALTIME, &now);
	index->changed = st.st_mtim;
	index->is_sure = now.tv_sec - st.st_mtim.tv_sec >= CHANGE_S_MIN ||
			 now.tv_sec < st.st_mtim.tv_sec;
}

static void add_lines(void *ctx, struct target *target)
{
	if (target_has_names(target) && !target->is_parked)
		target_add_lines(target, ctx);
}

enum ctl_word bakindex_ask(struct bakindex *index,
			   const struct ctl_subject *subject, struct buf *lines)
{
	enum ctl_word word;

	if (!is_fresh(index))
		read_all(index);
	word = requests_state(&index->requests, subject);
	if (word == CTL_UNTOLD)
		target_set_each(&index->set, subject, add_lines, lines);
	return word;
}

bool bakindex_has_unread(const struct bakindex *index,
			 const struct ctl_subject *subject)
{
	return index->is_read && requests_has_unread(&index->requests, subject);
}

void bakindex_park(struct bakindex *index, const struct ctl_subject *subject)
{
	if (index->is_read)
		requests_park(&index->requests, subject);
}
