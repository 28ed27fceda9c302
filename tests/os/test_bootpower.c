/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn and power failures.  While it runs, a model keeps what is on
 * the disk for certain: the bytes of a file since its last fsync, the names of
 * a directory since its own.  At each system call disks are made up on which
 * any of the rest is there or not, name by name, and the next boot's turn
 * must find every record on them and go above every number announced.
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
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/prng.h"
#include "tests/os/tracer.h"
#include "tests/os/turn_rig.h"

#define NAMES_MAX  32
#define INODES_MAX 64
#define BYTES_MAX  512
#define DISKS	   8 /* made up at each call */

/* A directory: which file is meant by which name. */
struct dir {
	struct {
		char name[64];
		ino_t inode;
	} entries[NAMES_MAX];
	size_t count;
};

/* The bytes of a file that has been flushed. */
struct content {
	ino_t inode;
	char bytes[BYTES_MAX];
	size_t len;
};

static const char *const dir_names[] = {"state", "state/sm", "state/sm.bak"};
#define DIRS (sizeof(dir_names) / sizeof(dir_names[0]))

struct model {
	const struct rig *rig;
	struct dir durable[DIRS];
	struct dir seen[DIRS]; /* when the power fails */
	struct content contents[INODES_MAX];
	size_t content_count;
	struct prng rng;
	unsigned int fails_at; /* this call is not made any more */
};

static void read_dir(const struct rig *rig, const char *name, struct dir *dir)
{
	char path[RIG_PATH_SIZE];
	struct dirent *entry;
	struct stat st;
	DIR *stream;

	rig_path(rig, name, path);
	dir->count = 0;
	stream = opendir(path);
	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) {
		assert_int_equal(fstatat(dirfd(stream), entry->d_name, &st,
					 AT_SYMLINK_NOFOLLOW),
				 0);
		if (!S_ISREG(st.st_mode))
			continue;
		assert_true(dir->count < NAMES_MAX);
		snprintf(dir->entries[dir->count].name,
			 sizeof(dir->entries[0].name), "%.63s", entry->d_name);
		dir->entries[dir->count++].inode = st.st_ino;
	}
	closedir(stream);
}

static const struct content *find_content(const struct model *m, ino_t inode)
{
	size_t i;

	for (i = 0; i < m->content_count; i++)
		if (m->contents[i].inode == inode)
			return &m->contents[i];
	return NULL;
}

/* A file is new: an old one may have had its number. */
static void forget_content(struct model *m, ino_t inode)
{
	size_t i;

	for (i = 0; i < m->content_count; i++)
		if (m->contents[i].inode == inode)
			m->contents[i--] = m->contents[--m->content_count];
}

static void keep_content(struct model *m, const char *path, ino_t inode)
{
	struct content *content;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	forget_content(m, inode);
	assert_true(m->content_count < INODES_MAX);
	content = &m->contents[m->content_count++];
	content->inode = inode;
	content->len = fread(content->bytes, 1, BYTES_MAX, file);
	fclose(file);
}

/* All that is there now has been there for long. */
static void settle(struct model *m)
{
	char path[RIG_PATH_SIZE], name[128];
	size_t i, k;

	m->content_count = 0;
	for (i = 0; i < DIRS; i++) {
		read_dir(m->rig, dir_names[i], &m->durable[i]);
		for (k = 0; k < m->durable[i].count; k++) {
			snprintf(name, sizeof(name), "%s/%s", dir_names[i],
				 m->durable[i].entries[k].name);
			rig_path(m->rig, name, path);
			keep_content(m, path, m->durable[i].entries[k].inode);
		}
	}
}

static void flushed(struct model *m, const char *path, const struct stat *st)
{
	const char *name = path + strlen(m->rig->root) + 1;
	size_t i;

	if (S_ISREG(st->st_mode))
		keep_content(m, path, st->st_ino);
	for (i = 0; i < DIRS; i++)
		if (strcmp(name, dir_names[i]) == 0)
			read_dir(m->rig, name, &m->durable[i]);
}

static bool look_on(void *ctx, const struct tracer_stop *stop)
{
	struct model *m = ctx;
	char path[TRACER_PATH_SIZE];
	struct stat st;
	uint64_t fd;
	size_t i;

	if (stop->count == m->fails_at && !stop->is_done) {
		for (i = 0; i < DIRS; i++)
			read_dir(m->rig, dir_names[i], &m->seen[i]);
		return false;
	}
	if (!stop->is_done || stop->result < 0)
		return true;
	if (stop->nr == SYS_fsync)
		fd = stop->args[0];
	else if (stop->nr == SYS_openat && (stop->args[2] & O_CREAT) != 0)
		fd = (uint64_t)stop->result;
	else
		return true;
	tracer_fd_path(stop, fd, path);
	if (strncmp(path, m->rig->root, strlen(m->rig->root)) != 0 ||
	    stat(path, &st) != 0)
		return true;
	if (stop->nr == SYS_fsync)
		flushed(m, path, &st);
	else if ((stop->args[2] & O_EXCL) != 0)
		forget_content(m, st.st_ino);
	return true;
}

/* --- disks after the failure --------------------------------------------- */

static ino_t find_name(const struct dir *dir, const char *name)
{
	size_t i;

	for (i = 0; i < dir->count; i++)
		if (strcmp(dir->entries[i].name, name) == 0)
			return dir->entries[i].inode;
	return 0;
}

static void put_file(const struct model *m, size_t dir, const char *name,
		     ino_t inode)
{
	const struct content *content = find_content(m, inode);
	char path[RIG_PATH_SIZE], relative[128];
	FILE *file;

	snprintf(relative, sizeof(relative), "%s/%s", dir_names[dir], name);
	rig_path(m->rig, relative, path);
	file = fopen(path, "w");
	assert_non_null(file);
	if (content != NULL) /* else it is torn: nothing of it got there */
		assert_int_equal(fwrite(content->bytes, 1, content->len, file),
				 content->len);
	fclose(file);
}

/* A directory in which each name means what it did or what it does. */
static void put_dir(struct model *m, size_t dir)
{
	const struct dir *was = &m->durable[dir];
	const struct dir *is = &m->seen[dir];
	size_t i;

	for (i = 0; i < was->count; i++) {
		const char *name = was->entries[i].name;
		ino_t inode = prng_below(&m->rng, 2) == 0
				      ? was->entries[i].inode
				      : find_name(is, name);

		if (inode != 0)
			put_file(m, dir, name, inode);
	}
	for (i = 0; i < is->count; i++) {
		const char *name = is->entries[i].name;

		if (find_name(was, name) == 0 && prng_below(&m->rng, 2) == 0)
			put_file(m, dir, name, is->entries[i].inode);
	}
}

static void assert_somewhere(const struct rig *rig, const char *name,
			     const char *line)
{
	char sm[64], bak[64];

	snprintf(sm, sizeof(sm), "state/sm/%s", name);
	snprintf(bak, sizeof(bak), "state/sm.bak/%s", name);
	assert_true(rig_has(rig, sm, line) || rig_has(rig, bak, line));
}

/* Boots from a made-up disk. */
static void boot_after_failure(struct model *m, struct rig *rig,
			       uint32_t announced)
{
	struct bootturn_result result;
	char path[RIG_PATH_SIZE];
	size_t i;

	rig_reset(rig);
	for (i = 0; i < DIRS; i++) {
		rig_path(rig, dir_names[i], path);
		(void)mkdir(path, 0700);
		put_dir(m, i);
	}
	assert_somewhere(rig, "a", RIG_LINE("a", "me"));
	assert_somewhere(rig, "b", RIG_LINE("b", "me"));
	assert_somewhere(rig, "b", RIG_LINE("b", "old"));
	assert_somewhere(rig, "c", RIG_LINE("c", "me"));
	rig_boot(rig, 9);
	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.number % 2, 1);
	assert_true(result.number > announced);
	assert_true(rig_has(rig, "state/sm.bak/a", RIG_LINE("a", "me")));
	assert_true(rig_has(rig, "state/sm.bak/b", RIG_LINE("b", "me")));
	assert_true(rig_has(rig, "state/sm.bak/b", RIG_LINE("b", "old")));
	assert_true(rig_has(rig, "state/sm.bak/c", RIG_LINE("c", "me")));
	assert_int_equal(rig_count(rig, "state/sm"), 0);
}

/* --- runs ---------------------------------------------------------------- */

static void prepare(struct rig *rig)
{
	rig_reset(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
	rig_put(rig, "state/sm.bak/b", RIG_LINE("b", "old"));
	rig_put(rig, "state/sm.bak/c", RIG_LINE("c", "me"));
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-1 5 0 turned\n");
}

static int work_run(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_run(&rig->place, &result) != 0;
}

static int work_force(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_force(&rig->place, &result) != 0;
}

/* Fails at each call of @work in boot @boot; at its end 7 is announced. */
static void fail_everywhere(struct rig *rig, unsigned int boot,
			    int (*work)(void *ctx))
{
	struct model *m = calloc(1, sizeof(*m));
	uint8_t seed[SIPHASH_KEY_SIZE] = {0};
	const uint64_t number = rig_seed();
	enum tracer_end end = TRACER_KILLED;
	unsigned int i;

	assert_non_null(m);
	memcpy(seed, &number, sizeof(number));
	prng_init(&m->rng, seed);
	m->rig = rig;
	for (m->fails_at = 1; end == TRACER_KILLED; m->fails_at++) {
		int status = 0;

		prepare(rig);
		settle(m);
		rig_boot(rig, boot);
		end = tracer_run(work, rig, look_on, m, &status);
		if (end == TRACER_REFUSED) {
			free(m);
			print_message("ptrace is not permitted\n");
			skip();
		}
		assert_int_equal(status, 0);
		for (i = 0; i < DIRS && end == TRACER_EXITED; i++)
			read_dir(rig, dir_names[i], &m->seen[i]);
		for (i = 0; i < DISKS; i++)
			boot_after_failure(m, rig,
					   end == TRACER_EXITED ? 7 : 5);
	}
	free(m);
}

static void turn_survives_power_failures(void **state)
{
	fail_everywhere(*state, 2, work_run);
}

static void force_survives_power_failures(void **state)
{
	fail_everywhere(*state, 1, work_force);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(turn_survives_power_failures),
		TEST(force_survives_power_failures),
	};

	return cmocka_run_group_tests_name("bootpower", tests, NULL, NULL);
}
