/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints for whoever waits in front of the run.  Names are escaped: they come
 * from the disk, and a terminal believes everything.
 */
#include "sm-notify/watch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/buf.h"

#define LINE_MAX_LEN 2048
#define CLEAR	     "\r\033[K" /* back, and to the end of the line */

static void show_progress(const struct watch *watch)
{
	if (watch->is_terminal)
		/* A file that can be read late adds to them. */
		printf("%zu of %zu told", watch->told,
		       watch->told + notify_untold_count(watch->notify));
	fflush(stdout);
}

void watch_begin(struct watch *watch, const struct notify *notify)
{
	*watch = (struct watch){
		.notify = notify,
		.is_terminal = isatty(STDOUT_FILENO) == 1,
	};
	show_progress(watch);
}

void watch_told(struct watch *watch, size_t at)
{
	char address[ADDR_TEXT_SIZE];
	struct notify_peer peer;
	struct buf name;

	if (!notify_peer(watch->notify, at, &peer))
		return;
	watch->told++;
	buf_init(&name, LINE_MAX_LEN);
	buf_add_escaped(&name, peer.mon_name, strlen(peer.mon_name));
	printf("%s%s told at %s over %s, tries: %u\n",
	       watch->is_terminal ? CLEAR : "", buf_text(&name),
	       addr_format(&peer.addr, address), peer.is_stream ? "tcp" : "udp",
	       peer.tries);
	buf_fini(&name);
	show_progress(watch);
}

void watch_end(const struct watch *watch)
{
	if (watch->is_terminal)
		printf(CLEAR);
	fflush(stdout);
}
