/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and writes the ages of records.  A record that is made anew loses its
 * age when it is retired (os/retire.c), so what is counted here is always about
 * a record that the turn found in sm.bak/ or put there.
 */
#include "sm-notify/ages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "os/durable.h"
#include "sm-notify/age.h"

#define DIR_NAME  ".reclaim"
#define DIR_MODE  0700
#define FILE_MODE 0600

int ages_open(int bak_fd)
{
	return openat(bak_fd, DIR_NAME,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static void read_age(int fd, const char *name, struct age *age)
{
	struct buf text;

	buf_init(&text, AGE_LEN_MAX);
	if (durable_read(fd, name, &text) == 0)
		age_parse(buf_text(&text), text.len, age);
	else
		*age = (struct age){.boots = 0};
	buf_fini(&text);
}

bool ages_is_over(int fd, const char *name, const char *key, uint32_t boots_max)
{
	struct age age;

	if (fd < 0 || boots_max == 0)
		return false;
	read_age(fd, name, &age);
	age_count(&age, key);
	return age_is_over(&age, boots_max);
}

static int write_age(int fd, const char *name, const struct age *age)
{
	char text[AGE_LEN_MAX];
	size_t len = age_format(age, text);
	int file = openat(fd, name,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			  FILE_MODE);
	bool is_written;

	if (file < 0)
		return -errno;
	is_written = write(file, text, len) == (ssize_t)len;
	close(file);
	return is_written ? 0 : -EIO;
}

struct counting {
	int fd;
	const char *key;
};

static int count_one(void *ctx, const char *name)
{
	const struct counting *counting = ctx;
	struct age age;

	read_age(counting->fd, name, &age);
	return age_count(&age, counting->key)
		       ? write_age(counting->fd, name, &age)
		       : 0;
}

int ages_count(int bak_fd, const char *key)
{
	struct counting counting = {.key = key};
	int error = 0;

	if (mkdirat(bak_fd, DIR_NAME, DIR_MODE) && errno != EEXIST)
		error = -errno;
	counting.fd = ages_open(bak_fd);
	if (!error)
		error = counting.fd < 0
				? -errno
				: durable_each(bak_fd, count_one, &counting);
	if (error)
		log_line(LOG_WARN, "sm.bak/%s: boots cannot be counted: %s",
			 DIR_NAME, strerror(-error));
	return counting.fd;
}

void ages_forget(int fd, const char *name)
{
	if (fd >= 0)
		(void)unlinkat(fd, name, 0);
}
