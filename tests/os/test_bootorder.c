/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which order the boot turn changes the disk: flushed before it is named,
 * placed before it is removed, the number before the word that it is raised.
 * What a power failure would make of it is in test_bootpower.
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

#include <fcntl.h>
#include <sys/syscall.h>

#include "tests/os/tracer.h"
#include "tests/os/turn_rig.h"

#define EVENTS_MAX 200

enum what { CREATED, WRITTEN, FLUSHED, RENAMED, LINKED, REMOVED };

/* A change of the disk; names are relative to the scratch root. */
struct event {
	enum what what;
	char name[128];
	char to[128]; /* RENAMED, LINKED */
};

struct history {
	const struct rig *rig;
	struct event events[EVENTS_MAX];
	size_t count;
	struct event pending; /* the call that has begun */
	bool is_pending;
};

static void set_name(const struct history *h, const char *path, char out[128])
{
	const size_t root_len = strlen(h->rig->root) + 1;

	if (strncmp(path, h->rig->root, root_len - 1) == 0 &&
	    strlen(path) > root_len)
		path += root_len;
	assert_true(strlen(path) < 128);
	strcpy(out, path);
}

static void set_fd(struct history *h, enum what what,
		   const struct tracer_stop *stop)
{
	char path[TRACER_PATH_SIZE];

	tracer_fd_path(stop, stop->args[0], path);
	set_name(h, path, h->pending.name);
	h->pending.what = what;
	h->is_pending = true;
}

static void set_path(struct history *h, enum what what,
		     const struct tracer_stop *stop)
{
	char path[TRACER_PATH_SIZE];

	tracer_path(stop, stop->args[0], stop->args[1], path);
	set_name(h, path, h->pending.name);
	h->pending.what = what;
	h->is_pending = true;
}

static void set_paths(struct history *h, enum what what,
		      const struct tracer_stop *stop)
{
	char path[TRACER_PATH_SIZE];

	set_path(h, what, stop);
	tracer_path(stop, stop->args[2], stop->args[3], path);
	set_name(h, path, h->pending.to);
}

static void begin(struct history *h, const struct tracer_stop *stop)
{
	h->is_pending = false;
	switch (stop->nr) {
	case SYS_fsync:
	case SYS_fdatasync:
		set_fd(h, FLUSHED, stop);
		break;
	case SYS_write:
		set_fd(h, WRITTEN, stop);
		break;
	case SYS_openat:
		if ((stop->args[2] & O_CREAT) != 0)
			set_path(h, CREATED, stop);
		break;
	case SYS_unlinkat:
		set_path(h, REMOVED, stop);
		break;
	case SYS_linkat:
		set_paths(h, LINKED, stop);
		break;
	case SYS_renameat:
	case SYS_renameat2:
		set_paths(h, RENAMED, stop);
		break;
	default:
		break;
	}
}

static bool record(void *ctx, const struct tracer_stop *stop)
{
	struct history *h = ctx;

	if (!stop->is_done) {
		begin(h, stop);
		return true;
	}
	if (h->is_pending && stop->result >= 0) {
		assert_true(h->count < EVENTS_MAX);
		h->events[h->count++] = h->pending;
	}
	h->is_pending = false;
	return true;
}

/* --- rules --------------------------------------------------------------- */

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_event(const struct event *e, enum what what, const char *name)
{
	return e->what == what && strcmp(e->name, name) == 0;
}

/* Whether @e makes @name mean another file. */
static bool is_placed(const struct event *e, const char *name)
{
	return (e->what == RENAMED || e->what == LINKED) &&
	       strcmp(e->to, name) == 0;
}

static bool is_placed_in(const struct event *e, const char *dir)
{
	return (e->what == RENAMED || e->what == LINKED) &&
	       has_prefix(e->to, dir) && e->to[strlen(dir)] == '/';
}

/* The next event from @from on that places @name; or count. */
static size_t find_placed(const struct history *h, const char *name,
			  size_t from)
{
	while (from < h->count && !is_placed(&h->events[from], name))
		from++;
	return from;
}

static size_t find_flushed(const struct history *h, const char *name,
			   size_t from)
{
	while (from < h->count && !is_event(&h->events[from], FLUSHED, name))
		from++;
	return from;
}

/* Design decision 5: no unsynced file under an acknowledged name. */
static void assert_flushed_before_named(const struct history *h, size_t at)
{
	const char *name = h->events[at].name;
	size_t i = at;

	while (i-- > 0) {
		assert_false(is_event(&h->events[i], WRITTEN, name));
		if (is_event(&h->events[i], FLUSHED, name))
			return;
	}
	fail_msg("%s is renamed but was never flushed", name);
}

static void assert_placed_before_removed(const struct history *h, size_t at,
					 const char *dir)
{
	const char *file = strrchr(h->events[at].name, '/') + 1;
	char place[128], bak[64];
	bool is_flushed = false;
	size_t i = at;

	snprintf(bak, sizeof(bak), "%s/sm.bak", dir);
	snprintf(place, sizeof(place), "%s/%.60s", bak, file);
	while (i-- > 0) {
		if (is_event(&h->events[i], FLUSHED, bak))
			is_flushed = true;
		if (!is_placed(&h->events[i], place))
			continue;
		assert_true(is_flushed);
		return;
	}
	fail_msg("%s is removed but has no place in sm.bak",
		 h->events[at].name);
}

/* The rules that hold for all of them; @dir is where the records are. */
static void assert_rules(const struct history *h, const char *dir)
{
	char records[64];
	size_t i;

	snprintf(records, sizeof(records), "%s/sm/", dir);
	for (i = 0; i < h->count; i++) {
		const struct event *e = &h->events[i];

		if (e->what == RENAMED)
			assert_flushed_before_named(h, i);
		if (e->what == REMOVED && has_prefix(e->name, records) &&
		    strchr(e->name + strlen(records), '/') == NULL)
			assert_placed_before_removed(h, i, dir);
		/* The number is on the disk before anything else happens. */
		if (is_placed(e, "state/state") ||
		    is_placed(e, "state/state.boot")) {
			assert_true(i + 1 < h->count);
			assert_true(is_event(e + 1, FLUSHED, "state"));
		}
		if (is_placed(e, "other/state"))
			assert_true(is_event(e + 1, FLUSHED, "other"));
	}
}

static size_t last_removed(const struct history *h, const char *prefix)
{
	size_t i = h->count;

	while (i-- > 0)
		if (h->events[i].what == REMOVED &&
		    has_prefix(h->events[i].name, prefix))
			return i;
	return h->count;
}

static size_t first_placed_in(const struct history *h, const char *dir)
{
	size_t i = 0;

	while (i < h->count && !is_placed_in(&h->events[i], dir))
		i++;
	return i;
}

static size_t last_placed_in(const struct history *h, const char *dir)
{
	size_t i = h->count;

	while (i-- > 0)
		if (is_placed_in(&h->events[i], dir))
			return i;
	return h->count;
}

static void put_records(const struct rig *rig)
{
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
	rig_put(rig, "state/sm.bak/b", RIG_LINE("b", "old"));
	rig_put(rig, "state/sm.bak/c", RIG_LINE("c", "me"));
	rig_put(rig, "state/sm/.reclaim/delivered", "x");
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-1 5 0 turned\n");
}

static void watch(struct history *h, int (*work)(void *ctx))
{
	int status = 1;

	if (tracer_run(work, (void *)(uintptr_t)h->rig, record, h, &status) ==
	    TRACER_REFUSED) {
		print_message("ptrace is not permitted\n");
		skip();
	}
	assert_int_equal(status, 0);
	assert_true(h->count > 2);
}

static int work_run(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_run(&rig->place, &result) != 0;
}

static int work_copy(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_copy(&rig->place, &result) != 0;
}

static int work_force(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_force(&rig->place, &result) != 0;
}

static int work_private(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_place place = rig->place;
	struct bootturn_result result;

	place.state_dir = rig->other_dir;
	return bootturn_private(&place, true, &result) != 0;
}

static void turn_keeps_its_order(void **state)
{
	struct history h = {.rig = *state};
	size_t begun, removed, raised, turned;

	put_records(h.rig);
	rig_boot(*state, 2);
	watch(&h, work_run);
	assert_rules(&h, "state");
	begun = find_placed(&h, "state/state.boot", 0);
	raised = find_placed(&h, "state/state", 0);
	turned = find_placed(&h, "state/state.boot", begun + 1);
	removed = last_removed(&h, "state/sm/a");
	assert_true(find_flushed(&h, "state/sm", removed) < raised);
	removed = last_removed(&h, "state/sm/b");
	assert_true(begun < first_placed_in(&h, "state/sm.bak"));
	assert_true(last_placed_in(&h, "state/sm.bak") < removed);
	assert_true(find_flushed(&h, "state/sm", removed) < raised);
	assert_true(raised < turned && turned < h.count);
	assert_int_equal(find_placed(&h, "state/state.boot", turned + 1),
			 h.count);
}

static void force_keeps_its_order(void **state)
{
	struct history h = {.rig = *state};
	size_t said, raised;

	put_records(h.rig);
	watch(&h, work_force);
	assert_rules(&h, "state");
	said = find_placed(&h, "state/state.boot", 0);
	raised = find_placed(&h, "state/state", 0);
	assert_true(said < raised && raised < h.count);
	assert_true(find_flushed(&h, "state/sm.bak",
				 last_placed_in(&h, "state/sm.bak")) < said);
	assert_int_equal(last_removed(&h, "state/sm/a"), h.count);
}

/* nfs-utils flushes no directory, and a run of ours may have been killed. */
static void what_others_wrote_is_flushed(void **state)
{
	static int (*const works[])(void *ctx) = {work_run, work_copy};
	size_t i;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		struct history h = {.rig = *state};

		rig_reset(*state);
		put_records(h.rig);
		watch(&h, works[i]);
		assert_true(find_flushed(&h, "state/sm", 0) < h.count);
		assert_true(find_flushed(&h, "state/sm.bak", 0) < h.count);
		assert_true(find_flushed(&h, "state", 0) < h.count);
	}
}

static void private_keeps_its_order(void **state)
{
	struct history h = {.rig = *state};
	size_t floor;

	rig_put(h.rig, "other/sm/a", RIG_LINE("a", "me"));
	rig_put(h.rig, "other/sm.bak/a", RIG_LINE("a", "old"));
	rig_put_number(h.rig, "other/state", 9);
	watch(&h, work_private);
	assert_rules(&h, "other");
	floor = find_placed(&h, "state/state.boot", 0);
	assert_true(floor < first_placed_in(&h, "other/sm.bak"));
	assert_true(last_removed(&h, "other/sm/") <
		    find_placed(&h, "other/state", 0));
	assert_true(find_placed(&h, "other/state", 0) < h.count);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(turn_keeps_its_order),
		TEST(force_keeps_its_order),
		TEST(what_others_wrote_is_flushed),
		TEST(private_keeps_its_order),
	};

	return cmocka_run_group_tests_name("bootorder", tests, NULL, NULL);
}
