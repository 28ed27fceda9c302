/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain file work for the tests of the boot turn, none of it through os/.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <linux/magic.h>

#include "os/durable.h"
#include "tests/os/turn_rig.h"

#define FILE_MAX (256 * 1024)

static bool is_tmpfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	       access(path, W_OK) == 0;
}

static void make_dir(const struct rig *rig, const char *path)
{
	char full[RIG_PATH_SIZE];

	rig_path(rig, path, full);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static void empty(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void rig_reset(struct rig *rig)
{
	empty(rig->root);
	make_dir(rig, "state");
	make_dir(rig, "other");
	make_dir(rig, "run");
	rig->place.state_dir = rig->state_dir;
	rig->place.notify_pid = rig->notify_pid;
	rig_boot(rig, 1);
}

int rig_setup(void **state)
{
	static struct rig rig;

	/* A memory file system has what /run has, and no slow flushes. */
	snprintf(rig.root, sizeof(rig.root), "%s/turn_rig.XXXXXX",
		 is_tmpfs("/dev/shm") ? "/dev/shm" : "/tmp");
	if (mkdtemp(rig.root) == NULL)
		return -1;
	rig_path(&rig, "state", rig.state_dir);
	rig_path(&rig, "other", rig.other_dir);
	rig_path(&rig, "run/sm-notify.pid", rig.notify_pid);
	rig_path(&rig, "run/rpc.statd.pid", rig.statd_pid);
	rig.place = (struct bootturn_place){
		.default_dir = rig.state_dir,
		.notify_pid = rig.notify_pid,
		.statd_pid = rig.statd_pid,
	};
	rig_reset(&rig);
	*state = &rig;
	return 0;
}

int rig_teardown(void **state)
{
	const struct rig *rig = *state;

	empty(rig->root);
	return rmdir(rig->root);
}

bool rig_is_tmpfs(const struct rig *rig)
{
	return is_tmpfs(rig->root);
}

void rig_boot(struct rig *rig, unsigned int number)
{
	char path[RIG_PATH_SIZE];

	rig_path(rig, "run", path);
	empty(path);
	snprintf(rig->place.key, sizeof(rig->place.key), "boot-%u", number);
}

void rig_path(const struct rig *rig, const char *path,
	      char out[static RIG_PATH_SIZE])
{
	int len = snprintf(out, RIG_PATH_SIZE, "%s/%s", rig->root, path);

	assert_true(len > 0 && len < RIG_PATH_SIZE);
}

static void put_bytes(const struct rig *rig, const char *path,
		      const void *bytes, size_t len)
{
	char full[RIG_PATH_SIZE];
	char *slash;
	FILE *file;

	rig_path(rig, path, full);
	for (slash = full + strlen(rig->root) + 1;
	     (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void rig_put(const struct rig *rig, const char *path, const char *text)
{
	put_bytes(rig, path, text, strlen(text));
}

void rig_put_junk(const struct rig *rig, const char *path, size_t len)
{
	char *bytes = malloc(len);
	size_t i;

	assert_non_null(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = i % 2 == 0 ? 'x' : '\n';
	put_bytes(rig, path, bytes, len);
	free(bytes);
}

void rig_put_number(const struct rig *rig, const char *path, uint32_t number)
{
	put_bytes(rig, path, &number, sizeof(number));
}

/* Owns: the caller frees the result, NULL where the file cannot be read. */
static char *get_bytes(const struct rig *rig, const char *path, size_t *len)
{
	char full[RIG_PATH_SIZE];
	char *bytes;
	FILE *file;

	rig_path(rig, path, full);
	file = fopen(full, "r");
	if (file == NULL)
		return NULL;
	bytes = malloc(FILE_MAX + 1);
	assert_non_null(bytes);
	*len = fread(bytes, 1, FILE_MAX, file);
	bytes[*len] = '\0';
	fclose(file);
	return bytes;
}

uint32_t rig_number(const struct rig *rig, const char *path)
{
	size_t len = 0;
	char *bytes = get_bytes(rig, path, &len);
	uint32_t number = 0;

	if (len >= sizeof(number))
		memcpy(&number, bytes, sizeof(number));
	free(bytes);
	return number;
}

bool rig_bootrec(const struct rig *rig, const char *path, struct bootrec *rec)
{
	size_t len = 0;
	char *bytes = get_bytes(rig, path, &len);
	bool is_there;

	*rec = (struct bootrec){0};
	is_there = bytes != NULL && bootrec_parse(bytes, len, rec);
	free(bytes);
	return is_there;
}

char *rig_get(const struct rig *rig, const char *path)
{
	size_t len;
	char *bytes = get_bytes(rig, path, &len);

	return bytes != NULL ? bytes : strdup("");
}

bool rig_has(const struct rig *rig, const char *path, const char *text)
{
	char *have = rig_get(rig, path);
	bool is_in = strstr(have, text) != NULL;

	free(have);
	return is_in;
}

void rig_assert_content(const struct rig *rig, const char *path,
			const char *text)
{
	char *have = rig_get(rig, path);

	assert_true(rig_exists(rig, path));
	assert_string_equal(have, text);
	free(have);
}

bool rig_exists(const struct rig *rig, const char *path)
{
	char full[RIG_PATH_SIZE];
	struct stat st;

	rig_path(rig, path, full);
	return lstat(full, &st) == 0;
}

void rig_remove(const struct rig *rig, const char *path)
{
	char full[RIG_PATH_SIZE];

	rig_path(rig, path, full);
	assert_int_equal(remove(full), 0);
}

static bool is_plain(const char *name)
{
	return name[0] != '.';
}

static unsigned int count(const struct rig *rig, const char *path,
			  bool (*is_counted)(const char *name))
{
	char full[RIG_PATH_SIZE];
	struct dirent *entry;
	unsigned int found = 0;
	DIR *stream;

	rig_path(rig, path, full);
	stream = opendir(full);
	while (stream != NULL && (entry = readdir(stream)) != NULL)
		found += is_counted(entry->d_name);
	if (stream != NULL)
		closedir(stream);
	return found;
}

unsigned int rig_count(const struct rig *rig, const char *path)
{
	return count(rig, path, is_plain);
}

unsigned int rig_count_temporary(const struct rig *rig, const char *path)
{
	return count(rig, path, durable_is_temporary);
}

static void be_process(const struct rig *rig, const char *name,
		       const char *locked, int ready)
{
	char full[RIG_PATH_SIZE];
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	if (locked != NULL) {
		rig_path(rig, locked, full);
		fd = open(full, O_RDONLY | O_DIRECTORY);
		if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) != 0)
			_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

pid_t rig_start_process(const struct rig *rig, const char *name,
			const char *locked)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_process(rig, name, locked, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

void rig_end_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

uint64_t rig_seed(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240603;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}
