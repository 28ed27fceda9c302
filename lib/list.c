/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive circular lists.  A removed link points at itself, so removing it
 * again does nothing and "is it listed?" has an answer.
 */
#include "lib/list.h"

#include <assert.h>

void list_init(struct link *head)
{
	head->prev = head;
	head->next = head;
}

bool list_is_empty(const struct link *head)
{
	return head->next == head;
}

void list_append(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

void list_remove(struct link *link)
{
	assert(link->prev->next == link && link->next->prev == link);
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

struct link *list_take_first(struct link *head)
{
	struct link *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}
