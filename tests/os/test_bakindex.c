/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statd/bakindex: what sm.bak/ and sm/.reclaim/parked say of a peer, of which
 * state number, and when they are read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/record.h"
#include "statd/bakindex.h"

#define PEER "192.0.2.7"
#define LINE                                   \
	"0100007f 000186b5 00000003 00000010 " \
	"00000000000000000000000000000000 " PEER " me.example\n"

struct fixture {
	char path[64];
	int bak_fd;
	int sm_fd;
	struct bakindex index;
};

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* sm.bak/ was last changed an hour ago: its time says whether it is fresh. */
static void settle(const struct fixture *f)
{
	struct timespec times[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= 3600;
	times[1] = times[0];
	assert_int_equal(futimens(f->bak_fd, times), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	strcpy(f->path, "/tmp/test_bakindex-XXXXXX");
	if (mkdtemp(f->path) == NULL || chdir(f->path) != 0 ||
	    mkdir("sm", 0700) != 0 || mkdir("sm/.reclaim", 0700) != 0 ||
	    mkdir("sm.bak", 0700) != 0)
		return -1;
	f->bak_fd = open("sm.bak", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->sm_fd = open("sm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bakindex_init(&f->index, f->bak_fd, f->sm_fd);
	put("sm.bak/" PEER, LINE);
	settle(f);
	*state = f;
	return f->bak_fd < 0 || f->sm_fd < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	bakindex_fini(&f->index);
	close(f->bak_fd);
	close(f->sm_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	free(f);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* How PEER stands; the lines that are to be told are @lines. */
static enum ctl_word ask(struct fixture *f, const char *lines)
{
	struct ctl_subject subject;
	enum ctl_word word;
	struct addr addr;
	struct buf text;

	assert_true(addr_parse(PEER, &addr));
	assert_true(ctl_set_subject(&subject, PEER, &addr, 1));
	buf_init(&text, RECORD_FILE_MAX);
	word = bakindex_ask(&f->index, &subject, &text);
	assert_string_equal(buf_text(&text), lines);
	buf_fini(&text);
	return word;
}

static void untold_peer_has_its_lines(void **state)
{
	struct fixture *f = *state;

	bakindex_set_number(&f->index, 5);
	assert_false(bakindex_is_empty(&f->index));
	assert_int_equal(ask(f, LINE), CTL_UNTOLD);
	assert_int_equal(unlink("sm.bak/" PEER), 0);
	assert_int_equal(ask(f, ""), CTL_NONE);
}

static void parked_peer_has_none(void **state)
{
	struct fixture *f = *state;

	put("sm/.reclaim/parked", "park " PEER "\n");
	bakindex_set_number(&f->index, 5);
	assert_int_equal(ask(f, ""), CTL_PARKED);
}

static void told_peer_is_none(void **state)
{
	struct fixture *f = *state;

	put("sm/.reclaim/parked", "told 5 " PEER " me.example\n");
	bakindex_set_number(&f->index, 5);
	assert_int_equal(ask(f, ""), CTL_NONE);
	assert_true(bakindex_is_empty(&f->index));
}

/* "sm-notify -f": the peer has not been told that one, and may have locks. */
static void peer_that_was_told_another_number_is_parked(void **state)
{
	struct fixture *f = *state;

	put("sm/.reclaim/parked", "told 5 " PEER " me.example\n");
	bakindex_set_number(&f->index, 5);
	assert_int_equal(ask(f, ""), CTL_NONE);
	bakindex_set_number(&f->index, 0); /* `state` cannot be read */
	assert_int_equal(ask(f, ""), CTL_NONE);
	bakindex_set_number(&f->index, 7);
	assert_false(bakindex_is_empty(&f->index));
	assert_int_equal(ask(f, ""), CTL_PARKED);
}

/* What is in it may be told by whoever can read it. */
static void unread_file_is_an_untold_peer(void **state)
{
	struct ctl_subject subject;
	struct fixture *f = *state;
	struct addr addr;

	assert_true(addr_parse(PEER, &addr));
	assert_true(ctl_set_subject(&subject, "peer.example", &addr, 1));
	assert_false(bakindex_has_unread(&f->index, &subject));
	bakindex_set_number(&f->index, 5);
	assert_int_equal(ask(f, LINE), CTL_UNTOLD);
	assert_false(bakindex_has_unread(&f->index, &subject));
	assert_int_equal(rename("sm.bak/" PEER, "sm.bak/copy"), 0);
	put("sm.bak/" PEER, "");
	assert_int_equal(truncate("sm.bak/" PEER, RECORD_FILE_MAX + 1), 0);
	assert_int_equal(ask(f, LINE), CTL_UNTOLD);
	assert_true(bakindex_has_unread(&f->index, &subject));
	assert_int_equal(unlink("sm.bak/" PEER), 0);
	assert_int_equal(ask(f, LINE), CTL_UNTOLD);
	assert_false(bakindex_has_unread(&f->index, &subject));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(untold_peer_has_its_lines),
		CASE(parked_peer_has_none),
		CASE(told_peer_is_none),
		CASE(peer_that_was_told_another_number_is_parked),
		CASE(unread_file_is_an_untold_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
