/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the NSM core of rpc.statd lives in: sockets, store, resolver.  Carries
 * the core's effects out and feeds back what came of them.  It decides nothing
 * about peers; that is statd/nsm.c.
 */
#ifndef NFS_RECLAIM_STATD_WORLD_H
#define NFS_RECLAIM_STATD_WORLD_H

#include <stdbool.h>

#include "os/loop.h"
#include "statd/service.h"
#include "statd/settings.h"

struct world;

/*
 * Makes the core and what its effects need, but for the store and the service
 * sockets.  The core may be fed; its effects wait for world_start().
 * Errors: -errno where no socket for callbacks could be had, which is logged.
 * Owns:   world_free() ends *out, also after an error.
 */
int world_open(const struct settings *settings, struct world **out);

/*
 * Returns the loop in which all of it runs.
 * Owns:   borrowed.
 */
struct loop *world_loop(const struct world *world);

/*
 * Opens the store in @state_dir and feeds what is in it; without a store every
 * SM_MON fails.
 * Return: whether it can be used; where not, the reason was logged.
 */
bool world_open_store(struct world *world, const char *state_dir);

/*
 * Starts the process that runs ha-callout, where @settings name a program; it
 * becomes the owner of the records in @state_dir.  Without it none is run.
 * ORDER:  while we are root.
 */
void world_open_launcher(struct world *world, const struct settings *settings,
			 const char *state_dir);

/*
 * Lets the core's effects through, and the store write.
 * ORDER:  after root was given up: a look-up forks helpers, and writing starts
 *         a thread, and each would keep what we had then.
 * Return: false where there is a store that cannot be written to, which was
 *         logged; it is closed then.
 */
bool world_start(struct world *world);

/*
 * Opens the sockets that the program NSM is served on.
 * Return: the service, borrowed; NULL where not one socket could be opened.
 */
const struct service *world_serve(struct world *world,
				  const struct settings *settings);

/*
 * Has the core do from now on as @settings say, as far as it can while it runs.
 */
void world_renew(struct world *world, const struct settings *settings);

/*
 * Writes one page about the core and its sockets to the log.
 */
void world_log_status(const struct world *world);

/*
 * Finishes what is queued for the disk and frees @world; NULL is fine.
 */
void world_free(struct world *world);

#endif
