/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each command is a straight line: the database is opened, changed and closed
 * before the kernel, which waits, hears of it.
 */
#include "cltrack/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cltrack/hexid.h"
#include "cltrack/recdir.h"
#include "cltrack/trackdb.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "os/kernel.h"

#define SHOWN_LEN_MAX 128 /* bytes of outside shown in a message */

struct command {
	const char *name;
	bool has_argument;
	int (*run)(struct trackdb *db, const char *argument);
	int error; /* what the kernel is told for any error of run() */
	int (*parse)(const char *argument); /* before anything is opened */
	bool hides_open; /* .error also where the database cannot be opened */
};

/* --- what the kernel says --- */

static void log_outside(const char *what, const char *text, const char *why)
{
	struct buf line;

	buf_init(&line, LOG_TEXT_MAX);
	buf_addf(&line, "%s ", what);
	buf_add_escaped(&line, text, strnlen(text, SHOWN_LEN_MAX));
	buf_addf(&line, " %s", why);
	log_line(LOG_ERROR, "%s", buf_text(&line));
	buf_fini(&line);
}

/* Reads a time; COMPAT: as strtol() with base 0 does, signs and all. */
static int parse_time(const char *text, int64_t *time_s)
{
	char *end;

	errno = 0;
	*time_s = strtoll(text, &end, 0);
	if (end == text || *end != '\0')
		return -EINVAL;
	return -errno;
}

/* When nfsd started; 0: it does not say. */
static int64_t grace_start(void)
{
	const char *text = getenv("NFSDCLTRACK_GRACE_START");
	int64_t time_s;

	if (!text)
		return 0;
	if (parse_time(text, &time_s) == 0 && time_s > 0)
		return time_s;
	log_outside("NFSDCLTRACK_GRACE_START", text, "is no time");
	return 0;
}

static bool has_session(void)
{
	const char *text = getenv("NFSDCLTRACK_CLIENT_HAS_SESSION");

	return text && text[0] == 'Y';
}

static int read_id(const char *argument, uint8_t bytes[static CLIENT_ID_MAX],
		   struct trackdb_id *id)
{
	enum hexid_error error = hexid_parse(argument, bytes, &id->len);

	id->bytes = bytes;
	if (error == HEXID_OK)
		return 0;
	log_outside("the id", argument, hexid_error_text(error));
	return error == HEXID_LONG ? -ENOBUFS : -EINVAL;
}

static int parse_id(const char *argument)
{
	uint8_t bytes[CLIENT_ID_MAX];
	struct trackdb_id id;

	return read_id(argument, bytes, &id);
}

static int parse_epoch(const char *argument)
{
	int64_t time_s;
	int error = parse_time(argument, &time_s);

	if (error)
		log_outside("the time", argument, "is no number of seconds");
	return error;
}

/* --- grace --- */

/* Ends the grace period where all have come back who could. */
static int lift_grace(struct trackdb *db, int64_t start_s)
{
	int got = trackdb_is_reclaiming(db, start_s);
	int error;

	if (got)
		return got < 0 ? got : 0;
	error = kernel_lift_nfsd_grace();
	if (!error)
		log_debug(LOG_CLASS_GENERAL, "the grace period is over");
	else if (error == -ENOENT)
		log_debug(LOG_CLASS_GENERAL, "nfsd is not loaded");
	else
		log_line(LOG_WARN, "cannot end the grace period: %s",
			 strerror(-error));
	return 0;
}

/* --- commands --- */

static int run_init(struct trackdb *db, const char *argument)
{
	int64_t start_s = grace_start();
	int error = trackdb_check(db);

	(void)argument;
	if (error || start_s == 0)
		return error;
	error = trackdb_start(db, start_s);
	return error ? error : lift_grace(db, start_s);
}

static int run_create(struct trackdb *db, const char *argument)
{
	int64_t start_s = grace_start();
	uint8_t bytes[CLIENT_ID_MAX];
	struct trackdb_id id;
	int error = read_id(argument, bytes, &id);

	if (start_s > db->start_s)
		db->start_s = start_s;
	if (!error)
		error = trackdb_create(db, &id, time(NULL), has_session());
	if (error || !has_session() || start_s == 0)
		return error;
	return lift_grace(db, start_s);
}

static int run_remove(struct trackdb *db, const char *argument)
{
	uint8_t bytes[CLIENT_ID_MAX];
	struct trackdb_id id;
	int error = read_id(argument, bytes, &id);

	return error ? error : trackdb_remove(db, &id);
}

/*
 * ORDER: the record is durable before the directory goes; a client that has
 * neither lost its locks.
 */
static int take_over(struct trackdb *db, const struct trackdb_id *id)
{
	const char *path = getenv("NFSDCLTRACK_LEGACY_RECDIR");
	int error;

	if (!path || !recdir_has(path))
		return -ENOENT;
	/* With a session it is there once it says that it has reclaimed. */
	error = trackdb_create(db, id, has_session() ? 0 : time(NULL),
			       has_session());
	if (!error && rmdir(path) != 0)
		log_outside("the directory", path, strerror(errno));
	return error;
}

static int run_check(struct trackdb *db, const char *argument)
{
	uint8_t bytes[CLIENT_ID_MAX];
	struct trackdb_id id;
	int got = read_id(argument, bytes, &id);

	if (!got)
		got = trackdb_has(db, &id);
	if (got < 0)
		return got;
	if (got == 0)
		return take_over(db, &id);
	return has_session() ? 0 : trackdb_touch(db, &id, time(NULL));
}

/* ORDER: the old records go when the new ones are durable. */
static int run_gracedone(struct trackdb *db, const char *argument)
{
	const char *path = getenv("NFSDCLTRACK_LEGACY_TOPDIR");
	int64_t start_s;
	int error = parse_time(argument, &start_s);

	if (!error)
		error = trackdb_forget_before(db, start_s);
	if (error || !path)
		return error;
	error = recdir_clean(path);
	if (error && error != -ENOENT)
		log_outside("the recovery directory", path, strerror(-error));
	return 0;
}

static const struct command commands[] = {
	{"init", false, run_init, -EACCES, NULL, true},
	{"create", true, run_create, -EREMOTEIO, parse_id, false},
	{"remove", true, run_remove, -EREMOTEIO, parse_id, false},
	{"check", true, run_check, -EPERM, parse_id, false},
	{"gracedone", true, run_gracedone, -EREMOTEIO, parse_epoch, false},
};

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	log_outside("there is no command", name, "here");
	return NULL;
}

int command_run(const char *dir, const char *name, const char *argument)
{
	const struct command *command = find(name);
	struct trackdb db;
	int error = 0;

	if (!command)
		return -ENOSYS;
	if (command->has_argument && !argument) {
		log_line(LOG_ERROR, "%s: needs an argument", name);
		return -EINVAL;
	}
	if (command->has_argument)
		error = command->parse(argument);
	if (error)
		return error;
	error = trackdb_open(&db, dir);
	if (error)
		return command->hides_open ? command->error : error;
	error = command->run(&db, argument);
	trackdb_close(&db);
	log_debug(LOG_CLASS_GENERAL, "%s: %s", name,
		  error ? strerror(-error) : "done");
	return error ? command->error : 0;
}
