/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One heap cell per caller; how many there are is bounded by those who add.
 */
#include "statd/callers.h"

#include <stdlib.h>

#include "lib/xalloc.h"

struct callers_item {
	struct link in_all; /* callers::all */
	struct monitor_caller caller;
};

void callers_init(struct callers *callers)
{
	list_init(&callers->all);
}

void callers_fini(struct callers *callers)
{
	struct monitor_caller caller;

	while (callers_take(callers, &caller))
		;
}

void callers_add(struct callers *callers, const struct monitor_caller *caller)
{
	struct callers_item *item = xzalloc(sizeof(*item));

	item->caller = *caller;
	list_append(&callers->all, &item->in_all);
}

bool callers_take(struct callers *callers, struct monitor_caller *caller)
{
	struct link *link = list_take_first(&callers->all);
	struct callers_item *item;

	if (link == NULL)
		return false;
	item = container_of(link, struct callers_item, in_all);
	*caller = item->caller;
	free(item);
	return true;
}
