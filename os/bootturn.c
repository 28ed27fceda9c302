/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who raises the NSM state number, and when: once per boot and network
 * namespace, under STATE/.lock.  The wall clock and the times of files decide
 * nothing; the boot key does (design section 4).  Moving the records is
 * os/retire's business, the arithmetic lib/statenum's.
 *
 * ORDER: "turning NUMBER" is durable first, then the records are in sm.bak/,
 * then `state` has the number, then "turned".  Raise `state` first, and a
 * crash before the records moved makes the next run raise it again; say
 * "turned" before the records moved, and peers of the boot before are taken
 * for peers of this one and never told.
 */
#define _GNU_SOURCE
#include "os/bootturn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "os/bootmark.h"
#include "os/durable.h"
#include "os/retire.h"
#include "os/statedir.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN  36

/* A state directory under its lock, and what it says. */
struct turn {
	const struct bootturn_place *place;
	struct statedir dir;
	struct bootrec rec; /* number 0 where there is none */
	bool is_of_this_boot;
	uint32_t on_disk; /* `state`; 0: none or unusable */
};

static uint64_t netns_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie,
			       &len) != 0)
			cookie = 0;
		close(fd);
	}
	if (cookie == 0 && stat("/proc/self/ns/net", &st) == 0)
		cookie = st.st_ino;
	return cookie;
}

int bootturn_key(char out[static BOOTKEY_SIZE])
{
	char id[BOOT_ID_LEN + 1] = "";
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, id, BOOT_ID_LEN);
	close(fd);
	if (got != BOOT_ID_LEN ||
	    strspn(id, "0123456789abcdef-") != BOOT_ID_LEN)
		return -EBADMSG;
	(void)snprintf(out, BOOTKEY_SIZE, "%s-%" PRIx64, id, netns_cookie());
	return 0;
}

static int turn_open(struct turn *turn, const struct bootturn_place *place)
{
	int error;

	*turn = (struct turn){.place = place};
	error = statedir_open(&turn->dir, place->state_dir);
	if (error == 0)
		error = statedir_lock(&turn->dir);
	if (error == 0)
		error = statedir_open_records(&turn->dir);
	if (error == 0)
		error = statedir_read_number(&turn->dir, &turn->on_disk);
	if (error == 0) {
		statedir_read_bootrec(&turn->dir, &turn->rec);
		turn->is_of_this_boot = strcmp(turn->rec.key, place->key) == 0;
	}
	if (error != 0)
		statedir_close(&turn->dir);
	return error;
}

/* Whether a statd of ours lives on this directory: it locks sm/ for life. */
static bool is_statd_here(const struct turn *turn)
{
	if (flock(turn->dir.sm, LOCK_EX | LOCK_NB) != 0)
		return true;
	flock(turn->dir.sm, LOCK_UN);
	return false;
}

/* Whether the living process @pid is called rpc.statd. */
static bool is_statd_process(int32_t pid)
{
	char path[32], name[16] = "";
	int fd;
	bool is_statd;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_statd = read(fd, name, sizeof(name)) > 0 &&
		   strncmp(name, "rpc.statd\n", 10) == 0;
	close(fd);
	return is_statd;
}

/* Ours locks its pid file for life, also while it waits for a turn. */
static bool is_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_free;

	if (fd < 0)
		return false;
	is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
	close(fd);
	return !is_free;
}

/*
 * Where nfs-utils' statd lives its records must stay, too.  Where ours does
 * and could not turn yet, they must not: it would take them for this boot's.
 */
static enum retire_how how_to_retire(const struct turn *turn)
{
	const char *path = turn->place->statd_pid;
	struct pidrec statd;

	if (bootmark_read(path, &statd) == 0 && statd.pid > 0 &&
	    statd.pid != getpid() && is_statd_process(statd.pid) &&
	    !is_locked(path))
		return RETIRE_COPY;
	return RETIRE_MOVE;
}

static int remove_file(void *ctx, const char *name)
{
	const int *dir = ctx;

	return unlinkat(*dir, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

/* What was delivered or pending in the boot before means nothing now. */
static int empty_private(const struct turn *turn)
{
	int dir = openat(turn->dir.sm, ".reclaim",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int error;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	error = durable_each(dir, remove_file, &dir);
	if (error == 0)
		error = durable_sync(dir);
	close(dir);
	return error;
}

/* And what a crash left: nobody else replaces files there during a turn. */
static int remove_remains(const struct turn *turn)
{
	int error = empty_private(turn);

	if (error == 0)
		error = durable_clean(turn->dir.bak);
	return error == 0 ? durable_clean(turn->dir.dir) : error;
}

/* The four steps; @turn->rec says with which number. */
static int turn_do(struct turn *turn, struct bootturn_result *out)
{
	enum retire_how how = how_to_retire(turn);
	struct retire_count count;
	int error;

	turn->rec.is_turned = false;
	error = statedir_write_bootrec(&turn->dir, &turn->rec);
	if (error == 0)
		error = retire_records(turn->dir.sm, turn->dir.bak, how,
				       &count);
	if (error == 0)
		error = remove_remains(turn);
	if (error == 0)
		error = statedir_write_number(&turn->dir, turn->rec.number);
	if (error != 0)
		return error;
	turn->rec.is_turned = true;
	turn->rec.has_left =
		count.unmerged > 0 || (how == RETIRE_COPY && count.retired > 0);
	error = statedir_write_bootrec(&turn->dir, &turn->rec);
	out->outcome = BOOTTURN_TURNED;
	out->number = turn->rec.number;
	out->retired = count.retired;
	out->unmerged = count.unmerged;
	out->has_left = turn->rec.has_left;
	return error;
}

/*
 * What a run that was killed has written and not flushed, and nfs-utils, which
 * flushes no directory: it is ours to keep from here on, or to announce.
 */
static int turn_flush(const struct turn *turn)
{
	int error = durable_sync(turn->dir.sm);

	if (error == 0)
		error = durable_sync(turn->dir.bak);
	return error == 0 ? durable_sync(turn->dir.dir) : error;
}

/*
 * Turned already: only a `state` that fell behind is written again, and the
 * second line of nfs-utils' pid file, which a take-over writes last.  Without
 * it, and without state.boot, there would be another one, which forgets who was
 * parked.
 */
static int turn_keep(struct turn *turn, enum bootturn_outcome outcome,
		     struct bootturn_result *out)
{
	int error = turn_flush(turn);

	out->outcome = outcome;
	out->has_left = turn->rec.has_left;
	out->number = turn->on_disk;
	if (turn->on_disk < turn->rec.number)
		out->number = turn->rec.number;
	if (error == 0 && out->number != turn->on_disk)
		error = statedir_write_number(&turn->dir, out->number);
	if (error == 0 && bootmark_find(turn->place, turn->dir.dir,
					&turn->rec) == BOOTMARK_NFS_UTILS)
		error = bootmark_write(turn->place, turn->dir.dir);
	return error;
}

/* Writes a "turned" state.boot for a turn that was found to be done. */
static int turn_adopt(struct turn *turn, enum bootturn_outcome outcome,
		      struct bootturn_result *out)
{
	int error;

	memcpy(turn->rec.key, turn->place->key, sizeof(turn->rec.key));
	if (turn->rec.number < turn->on_disk)
		turn->rec.number = turn->on_disk;
	if (turn->rec.number == 0)
		turn->rec.number = STATENUM_FIRST;
	turn->rec.is_turned = true;
	error = statedir_write_bootrec(&turn->dir, &turn->rec);
	return error == 0 ? turn_keep(turn, outcome, out) : error;
}

/*
 * ORDER: nothing of a boot before is under way when this one is called turned.
 * The records in sm/ are this boot's, of nfs-utils' statd; sm/.reclaim cannot
 * be.
 */
static int take_over(struct turn *turn, struct bootturn_result *out)
{
	int error = empty_private(turn);

	if (error == 0)
		error = turn_adopt(turn, BOOTTURN_TAKEN_OVER, out);
	if (error == 0)
		log_line(LOG_NOTE,
			 "nfs-utils' sm-notify ran in this boot already; its "
			 "work is taken over: peers that it told are not told "
			 "again, those left in sm.bak are");
	return error;
}

/* The next number; it begins again where it would leave 31 bits. */
static uint32_t raise_number(uint32_t announced, uint32_t floor,
			     uint32_t on_disk)
{
	uint32_t number = statenum_raise(announced, floor, on_disk);

	if (number < announced || number < floor || number < on_disk)
		log_line(LOG_WARN,
			 "the state number begins again at %u: a peer may take "
			 "a notice for an old one",
			 number);
	return number;
}

static int copy_records(const struct turn *turn, struct bootturn_result *out)
{
	struct retire_count count;
	int error = retire_records(turn->dir.sm, turn->dir.bak, RETIRE_COPY,
				   &count);

	out->retired = count.retired;
	out->unmerged = count.unmerged;
	return error;
}

static int run_locked(struct turn *turn, struct bootturn_result *out)
{
	enum bootmark mark;

	if (turn->is_of_this_boot && turn->rec.is_turned)
		return turn_keep(turn, BOOTTURN_ALREADY, out);
	mark = turn->is_of_this_boot
		       ? BOOTMARK_NONE
		       : bootmark_find(turn->place, turn->dir.dir, &turn->rec);
	if (mark == BOOTMARK_OURS)
		return turn_adopt(turn, BOOTTURN_ALREADY, out);
	if (is_statd_here(turn))
		return -EBUSY;
	if (mark == BOOTMARK_NFS_UTILS)
		return take_over(turn, out);
	/* After a crash of ours nfs-utils may have gone further. */
	if (!turn->is_of_this_boot || turn->on_disk > turn->rec.number) {
		turn->rec.number = raise_number(turn->rec.number,
						turn->rec.floor, turn->on_disk);
		memcpy(turn->rec.key, turn->place->key, sizeof(turn->rec.key));
	}
	return turn_do(turn, out);
}

int bootturn_run(const struct bootturn_place *place,
		 struct bootturn_result *out)
{
	struct turn turn;
	int error = turn_open(&turn, place);

	*out = (struct bootturn_result){.hold_fd = -1};
	if (error != 0)
		return error;
	error = run_locked(&turn, out);
	statedir_close(&turn.dir);
	return error;
}

/*
 * Declares the locks of this boot lost, with turn->rec.number.
 * ORDER: all are in sm.bak/, and nobody counts as told, when the number rises.
 * Raise it first, and a run that is killed then leaves peers whom no later one
 * tells of it.  One that is killed before has done nothing: they are told a
 * number that they know.
 */
static int force_do(struct turn *turn, struct bootturn_result *out)
{
	int error = copy_records(turn, out);

	if (error == 0 && unlinkat(turn->dir.sm, ".reclaim/parked", 0) != 0 &&
	    errno != ENOENT)
		error = -errno;
	turn->rec.is_turned = true;
	if (error == 0)
		error = statedir_write_bootrec(&turn->dir, &turn->rec);
	if (error == 0)
		error = statedir_write_number(&turn->dir, turn->rec.number);
	out->number = turn->rec.number;
	return error;
}

static int force_locked(struct turn *turn, struct bootturn_result *out)
{
	int error = run_locked(turn, out);

	if (error != 0 || out->outcome == BOOTTURN_TURNED)
		return error; /* this very turn raised it and tells them all */
	turn->rec.number =
		raise_number(out->number, turn->rec.floor, out->number);
	return force_do(turn, out);
}

int bootturn_force(const struct bootturn_place *place,
		   struct bootturn_result *out)
{
	struct turn turn;
	int error = turn_open(&turn, place);

	*out = (struct bootturn_result){.hold_fd = -1};
	if (error != 0)
		return error;
	error = force_locked(&turn, out);
	statedir_close(&turn.dir);
	return error;
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

int bootturn_copy(const struct bootturn_place *place,
		  struct bootturn_result *out)
{
	struct turn turn;
	int error = turn_open(&turn, place);
	bool is_behind; /* a -f was killed: rpc.statd must not say less */

	*out = (struct bootturn_result){.outcome = BOOTTURN_ALREADY,
					.hold_fd = -1};
	if (error != 0)
		return error;
	/*
	 * A turn that was begun, in whatever boot, may have retired peers to be
	 * told its number; and a package may have emptied `state`.
	 */
	out->number = max_of(turn.on_disk, turn.rec.number);
	if (out->number == 0)
		out->number = STATENUM_FIRST;
	is_behind = turn.is_of_this_boot && turn.rec.is_turned &&
		    turn.on_disk < turn.rec.number;
	error = turn_flush(&turn);
	/* COMPAT: contract.md 3.1, a number there must be. */
	if (error == 0 && (turn.on_disk == 0 || is_behind))
		error = statedir_write_number(&turn.dir, out->number);
	if (error == 0)
		error = copy_records(&turn, out);
	statedir_close(&turn.dir);
	return error;
}

/*
 * Raises the FLOOR of the default directory to a number above all that it and
 * @own know, so that a peer that hears both never sees the number fall.
 */
static int raise_floor(const struct bootturn_place *place, uint32_t own,
		       uint32_t *number)
{
	struct statedir dir;
	struct bootrec rec;
	uint32_t on_disk = 0;
	int error = statedir_open(&dir, place->default_dir);

	*number = statenum_raise(own, 0, own);
	if (error == -ENOENT || error == -ENOTDIR)
		return 0; /* there is no other number to stay above */
	if (error == 0)
		error = statedir_lock(&dir);
	if (error == 0)
		error = statedir_read_number(&dir, &on_disk);
	if (error == 0) {
		statedir_read_bootrec(&dir, &rec);
		if (rec.key[0] == '\0') {
			memcpy(rec.key, BOOTREC_NO_KEY, sizeof(BOOTREC_NO_KEY));
			rec.number = on_disk;
		}
		*number = raise_number(rec.number, max_of(own, rec.floor),
				       on_disk);
		rec.floor = *number;
		error = statedir_write_bootrec(&dir, &rec);
	}
	statedir_close(&dir);
	return error;
}

static int private_locked(struct turn *turn, bool is_raised,
			  struct bootturn_result *out)
{
	const enum retire_how how = is_raised ? RETIRE_MOVE : RETIRE_COPY;
	struct retire_count count;
	int error = statedir_read_number(&turn->dir, &turn->on_disk);

	out->number = turn->on_disk != 0 ? turn->on_disk : STATENUM_FIRST;
	if (error == 0 && is_raised)
		error = raise_floor(turn->place, turn->on_disk, &out->number);
	if (error == 0)
		error = retire_records(turn->dir.sm, turn->dir.bak, how,
				       &count);
	if (error == 0 && out->number != turn->on_disk)
		error = statedir_write_number(&turn->dir, out->number);
	if (error != 0)
		return error;
	out->outcome = BOOTTURN_TURNED;
	out->retired = count.retired;
	out->unmerged = count.unmerged;
	return 0;
}

int bootturn_private(const struct bootturn_place *place, bool is_raised,
		     struct bootturn_result *out)
{
	struct turn turn = {.place = place};
	int error = statedir_open(&turn.dir, place->state_dir);

	*out = (struct bootturn_result){.hold_fd = -1};
	if (error == 0)
		error = statedir_open_records(&turn.dir);
	if (error == 0 && flock(turn.dir.bak, LOCK_EX | LOCK_NB) != 0)
		error = -errno; /* EWOULDBLOCK: another run tells from here */
	if (error == 0)
		error = private_locked(&turn, is_raised, out);
	if (error == 0) {
		out->hold_fd = turn.dir.bak;
		turn.dir.bak = -1;
	}
	statedir_close(&turn.dir);
	return error;
}

bool bootturn_is_private(const struct bootturn_place *place)
{
	struct stat st;
	int dir;
	bool has_bootrec;

	if (bootmark_is_same_file(place->state_dir, place->default_dir))
		return false;
	dir = open(place->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return true;
	has_bootrec = fstatat(dir, "state.boot", &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(dir);
	return !has_bootrec;
}
