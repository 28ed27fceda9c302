/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statd/claim: files of others where the store wants one of its own.  The
 * fsync() and renameat() below stand before the C library's, so that a test
 * sees their order and can let one fail.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/prng.h"
#include "lib/record.h"
#include "statd/claim.h"

#define LINE(mon, my)                          \
	"0100007f 000186b5 00000003 00000010 " \
	"5544332211000000785634128088ffff " mon " " my "\n"
#define JUNK  "no record\n"
#define STEPS 1000

struct fixture {
	char path[64];
	int dir;
	struct claims claims;
	struct claim_report report;
};

static struct {
	char calls[64]; /* F: fsync, R: renameat */
	unsigned int rename_fails_at;
	unsigned int renames;
} disk;

static bool is_disk_skipped; /* nothing is flushed */

static void note(char call)
{
	size_t len = strlen(disk.calls);

	assert_true(len + 1 < sizeof(disk.calls));
	disk.calls[len] = call;
	disk.calls[len + 1] = '\0';
}

int fsync(int fd)
{
	note('F');
	return is_disk_skipped ? 0 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	note('R');
	if (++disk.renames == disk.rename_fails_at) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	strcpy(f->path, "/tmp/test_claim-XXXXXX");
	if (mkdtemp(f->path) == NULL || chdir(f->path) != 0)
		return -1;
	f->dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	claims_init(&f->claims);
	memset(&disk, 0, sizeof(disk));
	*state = f;
	return f->dir < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	claims_fini(&f->claims);
	close(f->dir);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	free(f);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static int put(struct fixture *f, const char *name, enum durable_how how,
	       const char *text)
{
	struct durable_file file = {
		.dir = f->dir, .name = name, .how = how, .mode = RECORD_MODE};
	int error =
		claims_begin(&f->claims, &file, text, strlen(text), &f->report);

	return error == 0 ? claims_finish(&f->claims, &file) : error;
}

static void put_well(struct fixture *f, const char *name, enum durable_how how,
		     const char *text)
{
	assert_int_equal(put(f, name, how, text), 0);
}

/* Makes a file of @len bytes at @bytes as somebody else would. */
static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* Compares the file @name with @text; NULL: there is none. */
static void assert_file(const char *name, const char *text)
{
	static char got[RECORD_FILE_MAX + 1];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t len;

	assert_int_equal(fd >= 0, text != NULL);
	if (text == NULL)
		return;
	len = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(len >= 0);
	got[len] = '\0';
	assert_string_equal(got, text);
}

/* The one name with the prefix of what is set aside, or "". */
static const char *find_aside(void)
{
	static char name[DURABLE_NAME_SIZE];
	DIR *stream = opendir(".");
	struct dirent *entry;

	assert_non_null(stream);
	name[0] = '\0';
	while ((entry = readdir(stream)) != NULL) {
		if (strncmp(entry->d_name, ".unreadable-", 12) != 0)
			continue;
		assert_string_equal(name, "");
		assert_int_equal(strlen(entry->d_name), 12 + 16);
		strcpy(name, entry->d_name);
	}
	closedir(stream);
	return name;
}

static void file_of_ours_is_ours(void **state)
{
	struct fixture *f = *state;

	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	put_well(f, "a", DURABLE_REPLACE, LINE("a", "you"));
	assert_int_equal(f->report.what, CLAIM_NONE);
	assert_file("a", LINE("a", "you"));
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", NULL);
	assert_true(list_is_empty(&f->claims.all));
}

/* An administrator copied it in while we ran. */
static void lines_of_others_are_kept(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	write_text("a", LINE("a", "me") LINE("b", "me") JUNK "torn");
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_int_equal(f->report.what, CLAIM_MERGED);
	assert_file("a", LINE("a", "me") LINE("b", "me") JUNK "torn\n");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, RECORD_MODE);
	put_well(f, "a", DURABLE_REPLACE, LINE("a", "you"));
	assert_int_equal(f->report.what, CLAIM_NONE);
	assert_file("a", LINE("a", "you") LINE("b", "me") JUNK "torn\n");
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", LINE("b", "me") JUNK "torn\n");
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_file("a", LINE("a", "me") LINE("b", "me") JUNK "torn\n");
	assert_string_equal(find_aside(), "");
	/* Taken away again, it is a name like any other. */
	assert_int_equal(unlink("a"), 0);
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", NULL);
}

static void file_with_our_lines_alone_is_ours(void **state)
{
	struct fixture *f = *state;

	write_text("a", LINE("a", "me"));
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_int_equal(f->report.what, CLAIM_NONE);
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", NULL);
}

/* Puts "a" where something unreadable is, and removes it again. */
static void assert_set_aside(struct fixture *f, int error)
{
	struct stat before, after;

	assert_int_equal(lstat("a", &before), 0);
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_int_equal(f->report.what, CLAIM_ASIDE);
	assert_int_equal(f->report.error, error);
	assert_file("a", LINE("a", "me"));
	assert_int_equal(lstat(find_aside(), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mode, after.st_mode);
	put_well(f, "a", DURABLE_REPLACE, LINE("a", "you"));
	assert_int_equal(f->report.what, CLAIM_NONE);
	assert_file("a", LINE("a", "you"));
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", NULL);
	assert_int_equal(durable_clean(f->dir), 0);
	assert_int_equal(remove(find_aside()), 0);
	assert_true(list_is_empty(&f->claims.all));
}

static void unreadable_is_set_aside(void **state)
{
	struct fixture *f = *state;
	static const char big[RECORD_FILE_MAX + 1];

	write_file("a", big, sizeof(big));
	assert_set_aside(f, -EFBIG);
	assert_int_equal(mkdir("a", 0700), 0);
	assert_set_aside(f, -EINVAL);
	assert_int_equal(mkfifo("a", 0600), 0);
	assert_set_aside(f, -EINVAL);
	assert_int_equal(symlink("/nowhere", "a"), 0);
	assert_set_aside(f, -ELOOP);
	/* Readable, but there is no room in it for a line more. */
	write_file("a", big, sizeof(big) - 1);
	assert_set_aside(f, -EFBIG);
	if (geteuid() != 0)
		return;
	write_text("a", LINE("a", "me"));
	assert_int_equal(chmod("a", 0), 0);
	assert_int_equal(fchown(f->dir, 65534, 65534), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_set_aside(f, -EACCES);
	assert_int_equal(seteuid(0), 0);
}

static void directory_is_set_aside_with_what_is_in_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir("a", 0700), 0);
	write_text("a/file", "x");
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_int_equal(chdir(find_aside()), 0);
	assert_file("file", "x");
}

/* ORDER: on the disk first, then the old one aside, then in its place. */
static void nothing_moves_before_the_flush(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir("a", 0700), 0);
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_string_equal(disk.calls, "FRR");
}

static void assert_untouched(void)
{
	struct stat st;

	assert_int_equal(lstat("a", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_string_equal(find_aside(), "");
}

/* A disk on which no file can grow. */
static void set_full(bool is_full)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, is_full ? SIG_IGN : SIG_DFL);
}

static void failure_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir("a", 0700), 0);
	set_full(true);
	assert_int_equal(put(f, "a", DURABLE_NEW, LINE("a", "me")), -EFBIG);
	set_full(false);
	assert_untouched();
	disk.rename_fails_at = 1;
	assert_int_equal(put(f, "a", DURABLE_REPLACE, LINE("a", "me")), -EIO);
	assert_untouched();
	/* Set aside, it comes back where the new file cannot take its place. */
	disk.rename_fails_at = disk.renames + 2;
	assert_int_equal(put(f, "a", DURABLE_REPLACE, LINE("a", "me")), -EIO);
	assert_untouched();
	/* What could not be taken is none of ours, whatever the core thinks. */
	claims_remove(&f->claims, f->dir, "a");
	assert_untouched();
	assert_true(list_is_empty(&f->claims.all));
	disk.rename_fails_at = disk.renames + 1;
	assert_int_equal(put(f, "a", DURABLE_NEW, LINE("a", "me")), -EIO);
	put_well(f, "a", DURABLE_REPLACE, LINE("a", "me"));
	assert_int_equal(f->report.what, CLAIM_ASIDE);
	assert_file("a", LINE("a", "me"));
}

/* Somebody else was quicker than the second attempt. */
static void file_that_could_not_be_made_is_not_ours(void **state)
{
	struct fixture *f = *state;

	set_full(true);
	assert_int_equal(put(f, "a", DURABLE_NEW, LINE("a", "me")), -EFBIG);
	set_full(false);
	assert_file("a", NULL);
	write_text("a", LINE("b", "me"));
	put_well(f, "a", DURABLE_REPLACE, LINE("a", "me"));
	assert_file("a", LINE("a", "me") LINE("b", "me"));
}

/* The same with lines of others. */
static void failure_keeps_lines_of_others(void **state)
{
	struct fixture *f = *state;

	write_text("a", LINE("b", "me"));
	disk.rename_fails_at = 1;
	assert_int_equal(put(f, "a", DURABLE_NEW, LINE("a", "me")), -EIO);
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", LINE("b", "me"));
	put_well(f, "a", DURABLE_NEW, LINE("a", "me"));
	assert_file("a", LINE("a", "me") LINE("b", "me"));
	disk.rename_fails_at = disk.renames + 1;
	assert_int_equal(put(f, "a", DURABLE_REPLACE, LINE("a", "you")), -EIO);
	assert_file("a", LINE("a", "me") LINE("b", "me"));
	claims_remove(&f->claims, f->dir, "a");
	assert_file("a", LINE("b", "me"));
}

/* --- whatever comes ------------------------------------------------------ */

/* The file "a", as the core and as somebody else see it. */
struct play {
	struct fixture *f;
	struct prng rng;
	bool may_exist;	     /* as the core's */
	bool is_ours;	     /* the last PUT was done, and no REMOVE since */
	unsigned int lines;  /* of somebody else's: "line 0", "line 1" ... */
	unsigned int hidden; /* what somebody else made that cannot be read */
	unsigned int taken;  /* and what he took away */
};

/* Somebody puts something where there is nothing, or takes it away. */
static void play_other(struct play *p)
{
	static const char big[RECORD_FILE_MAX + 1];
	char text[32];
	struct stat st;

	if (p->is_ours)
		return;
	if (lstat("a", &st) == 0) {
		snprintf(text, sizeof(text), ".unreadable-%u", p->taken++);
		assert_int_equal(rename("a", text), 0);
		return;
	}
	switch (prng_below(&p->rng, 3)) {
	case 0:
		write_file("a", big, sizeof(big));
		p->hidden++;
		break;
	case 1:
		assert_int_equal(mkdir("a", 0700), 0);
		p->hidden++;
		break;
	default:
		snprintf(text, sizeof(text), "line %u\n", p->lines++);
		write_text("a", text);
		break;
	}
}

static void play_put(struct play *p)
{
	static const char *const contents[] = {
		LINE("a", "me"),
		LINE("a", "me") LINE("a", "you"),
		LINE("a", "you"),
	};
	const char *text = contents[prng_below(&p->rng, 3)];
	enum durable_how how = p->may_exist ? DURABLE_REPLACE : DURABLE_NEW;
	static char got[RECORD_FILE_MAX + 1];
	ssize_t len;

	unsigned int fault = (unsigned int)prng_below(&p->rng, 6);
	int error;

	disk.rename_fails_at = fault < 2 ? disk.renames + 1 + fault : 0;
	p->may_exist = true;
	set_full(fault == 2);
	error = put(p->f, "a", how, text);
	set_full(false);
	if (error != 0)
		return;
	p->is_ours = true;
	len = durable_read_start(p->f->dir, "a", got, sizeof(got) - 1);
	assert_true(len >= (ssize_t)strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void play_remove(struct play *p)
{
	if (p->may_exist)
		claims_remove(&p->f->claims, p->f->dir, "a");
	p->may_exist = p->is_ours = false;
}

/* Adds what @name holds to @all; tells whether it cannot be read. */
static bool look_at(const struct play *p, const char *name, struct buf *all)
{
	struct buf bytes;
	int error;

	buf_init(&bytes, RECORD_FILE_MAX);
	error = durable_read(p->f->dir, name, &bytes);
	if (error == 0)
		buf_add(all, bytes.bytes, bytes.len);
	buf_fini(&bytes);
	return error != 0 && error != -ENOENT;
}

/* All that somebody else made is there, in its place or aside. */
static void assert_nothing_lost(const struct play *p)
{
	DIR *stream = opendir(".");
	unsigned int hidden = 0, i;
	struct dirent *entry;
	struct buf all;
	char text[32];

	assert_non_null(stream);
	buf_init(&all, 16 * RECORD_FILE_MAX);
	while ((entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, "a") == 0 ||
		    strncmp(entry->d_name, ".unreadable-", 12) == 0)
			hidden += look_at(p, entry->d_name, &all);
	closedir(stream);
	assert_false(all.is_overflowed);
	assert_int_equal(hidden, p->hidden);
	for (i = 0; i < p->lines; i++) {
		snprintf(text, sizeof(text), "line %u\n", i);
		assert_non_null(strstr(buf_text(&all), text));
	}
	buf_fini(&all);
}

static void nothing_of_others_is_ever_lost(void **state)
{
	const char *env = getenv("SEED");
	uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 20260725;
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct play play = {.f = *state};
	unsigned int i;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	memcpy(key, &seed, sizeof(seed));
	prng_init(&play.rng, key);
	is_disk_skipped = true;
	for (i = 0; i < STEPS; i++) {
		disk.calls[0] = '\0';
		switch (prng_below(&play.rng, 3)) {
		case 0:
			play_other(&play);
			break;
		case 1:
			play_put(&play);
			break;
		default:
			play_remove(&play);
			break;
		}
		assert_nothing_lost(&play);
	}
	is_disk_skipped = false;
	assert_true(play.lines > 10 && play.hidden > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_of_ours_is_ours),
		TEST(lines_of_others_are_kept),
		TEST(file_with_our_lines_alone_is_ours),
		TEST(unreadable_is_set_aside),
		TEST(directory_is_set_aside_with_what_is_in_it),
		TEST(nothing_moves_before_the_flush),
		TEST(failure_changes_nothing),
		TEST(file_that_could_not_be_made_is_not_ours),
		TEST(failure_keeps_lines_of_others),
		TEST(nothing_of_others_is_ever_lost),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
