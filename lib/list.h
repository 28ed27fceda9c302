/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An intrusive, circular, doubly linked list.  A link lives inside the thing
 * that is listed; next to each link field stands which list owns it.
 */
#ifndef NFS_RECLAIM_LIB_LIST_H
#define NFS_RECLAIM_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A list head, or a place in a list.  One that points at itself is empty. */
struct link {
	struct link *prev;
	struct link *next;
};

/* The struct of type @type whose member @member is at @ptr. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Visits each link of @head in order; @pos must not be removed on the way. */
#define list_for_each(pos, head) \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/* The same, but @pos may be removed (and freed) on the way. */
#define list_for_each_safe(pos, after, head)                               \
	for ((pos) = (head)->next, (after) = (pos)->next; (pos) != (head); \
	     (pos) = (after), (after) = (pos)->next)

/*
 * Makes @head an empty list (or @head a link that is in no list).
 * Owns:   nothing.
 */
void list_init(struct link *head);

/*
 * Tells whether @head has no members.
 */
bool list_is_empty(const struct link *head);

/*
 * Puts @link at the end of @head.
 * Range:  @link is in no list.
 * Owns:   nothing; the listed thing stays its owner's.
 */
void list_append(struct link *head, struct link *link);

/*
 * Takes @link out of its list; harmless where it is in none.
 * Owns:   nothing.
 */
void list_remove(struct link *link);

/*
 * Takes the first member out of @head; NULL where it is empty.
 * Owns:   nothing.
 */
struct link *list_take_first(struct link *head);

#endif
