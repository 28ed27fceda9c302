/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scratch host for the tests of the boot turn: its state directory, a second
 * one, and what would be in /run.  Paths are relative to the scratch root:
 * "state/sm/NAME", "other/state", "run/sm-notify.pid".
 */
#ifndef NFS_RECLAIM_TESTS_OS_TURN_RIG_H
#define NFS_RECLAIM_TESTS_OS_TURN_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/bootturn.h"

#define RIG_PATH_SIZE 256
/* A record of @mon, registered under @my. */
#define RIG_LINE(mon, my)                      \
	"0100007f 000186b5 00000003 00000010 " \
	"5544332211000000785634128088ffff " mon " " my "\n"

struct rig {
	char root[RIG_PATH_SIZE / 2];
	char state_dir[RIG_PATH_SIZE];
	char other_dir[RIG_PATH_SIZE];
	char notify_pid[RIG_PATH_SIZE];
	char statd_pid[RIG_PATH_SIZE];
	struct bootturn_place place; /* state/ is the default directory */
};

/*
 * Makes an empty host in its first boot: state/, other/ and run/ are empty.
 * A cmocka set-up; *state is the struct rig.
 */
int rig_setup(void **state);

/*
 * Removes it all.
 */
int rig_teardown(void **state);

/*
 * Empties the host again.
 */
void rig_reset(struct rig *rig);

/*
 * Tells whether the scratch directory, like /run, ends with the boot.
 */
bool rig_is_tmpfs(const struct rig *rig);

/*
 * Enters boot @number: another key, and an empty run/.
 */
void rig_boot(struct rig *rig, unsigned int number);

/*
 * Writes the full name of @path.
 */
void rig_path(const struct rig *rig, const char *path,
	      char out[static RIG_PATH_SIZE]);

/*
 * Makes @path a file that holds @text; directories on the way are made.
 */
void rig_put(const struct rig *rig, const char *path, const char *text);

/*
 * Makes @path a file of @len bytes 'x' and LF by turns.
 */
void rig_put_junk(const struct rig *rig, const char *path, size_t len);

/*
 * Makes @path a state file that holds @number.
 */
void rig_put_number(const struct rig *rig, const char *path, uint32_t number);

/*
 * Returns the number in the state file @path; 0 where there is none.
 */
uint32_t rig_number(const struct rig *rig, const char *path);

/*
 * Reads the state.boot @path; false where there is none that can be read.
 */
bool rig_bootrec(const struct rig *rig, const char *path, struct bootrec *rec);

/*
 * Returns the content of @path, "" where it is empty or missing.
 * Owns:   the caller frees it.
 */
char *rig_get(const struct rig *rig, const char *path);

/*
 * Tells whether the file @path holds @text somewhere.
 */
bool rig_has(const struct rig *rig, const char *path, const char *text);

/*
 * Fails the test unless @path holds exactly @text.
 */
void rig_assert_content(const struct rig *rig, const char *path,
			const char *text);

/*
 * Tells whether there is anything at @path.
 */
bool rig_exists(const struct rig *rig, const char *path);

/*
 * Removes the file @path, which must be there.
 */
void rig_remove(const struct rig *rig, const char *path);

/*
 * Returns how many names without a leading dot the directory @path has.
 */
unsigned int rig_count(const struct rig *rig, const char *path);

/*
 * Returns how many temporary files of os/durable lie in @path.
 */
unsigned int rig_count_temporary(const struct rig *rig, const char *path);

/*
 * Starts a process that is called @name and holds a shared lock on the
 * directory @locked (NULL: on none), as a statd of ours does.
 * Owns:   rig_end_process() ends it.
 */
pid_t rig_start_process(const struct rig *rig, const char *name,
			const char *locked);

/*
 * Kills @pid and waits for its end.
 */
void rig_end_process(pid_t pid);

/*
 * Reads SEED= and prints it.
 */
uint64_t rig_seed(void);

#endif
