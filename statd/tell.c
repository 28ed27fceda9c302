/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of sm-notify as rpc.statd runs it.  Whom to tell, and
 * whether anybody, is sm-notify's business.
 * Source: contract.md 2.2 step 9.
 */
#include "statd/tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/process.h"

#define SM_NOTIFY SBINDIR "/sm-notify"
#define ARGC_MAX  8

struct words {
	const char *argv[ARGC_MAX];
	char port[16];
};

static void choose_words(struct words *words, const struct settings *settings,
			 const struct bootturn_place *place)
{
	size_t argc = 0;

	*words = (struct words){0};
	words->argv[argc++] = SM_NOTIFY;
	if (settings->is_foreground && settings->is_debug)
		words->argv[argc++] = "-d";
	if (settings->outgoing_port != 0) {
		(void)snprintf(words->port, sizeof(words->port), "-p%u",
			       settings->outgoing_port);
		words->argv[argc++] = words->port;
	}
	if (settings->name != NULL) {
		words->argv[argc++] = "-v";
		words->argv[argc++] = settings->name;
	}
	if (strcmp(place->state_dir, place->default_dir) != 0) {
		words->argv[argc++] = "-P";
		words->argv[argc++] = place->state_dir;
	}
}

static void log_failed(int error)
{
	log_line(LOG_ERROR, "cannot run %s: %s", SM_NOTIFY, strerror(-error));
}

int tell_spawn(const struct settings *settings,
	       const struct bootturn_place *place)
{
	struct words words;
	int pid;

	choose_words(&words, settings, place);
	pid = process_spawn(words.argv);
	if (pid < 0)
		log_failed(pid);
	return pid;
}

void tell_exec(const struct settings *settings,
	       const struct bootturn_place *place)
{
	struct words words;

	choose_words(&words, settings, place);
	execv(words.argv[0], (char *const *)words.argv);
	log_failed(-errno);
}
