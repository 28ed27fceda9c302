/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/list: order, removal on the way, removal twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/list.h"

struct item {
	int number;
	struct link in_list; /* the list of each test */
};

static int number_of(struct link *link)
{
	return container_of(link, struct item, in_list)->number;
}

static void test_keeps_order(void **state)
{
	struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	struct link head;
	struct link *pos;
	int seen = 0;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].in_list);
	assert_false(list_is_empty(&head));
	list_for_each (pos, &head)
		assert_int_equal(number_of(pos), seen++);
	assert_int_equal(seen, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(number_of(list_take_first(&head)), i);
	assert_null(list_take_first(&head));
	assert_true(list_is_empty(&head));
}

static void test_removes_on_the_way(void **state)
{
	struct item items[5];
	struct link head;
	struct link *pos;
	struct link *after;
	int left = 0;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].number = i;
		list_append(&head, &items[i].in_list);
	}
	list_for_each_safe (pos, after, &head) {
		if (number_of(pos) % 2 == 0)
			list_remove(pos);
	}
	list_for_each (pos, &head) {
		assert_int_equal(number_of(pos) % 2, 1);
		left++;
	}
	assert_int_equal(left, 2);
}

static void test_removing_twice_is_harmless(void **state)
{
	struct item item = {.number = 7};
	struct link head;

	(void)state;
	list_init(&head);
	list_init(&item.in_list);
	list_remove(&item.in_list);
	list_append(&head, &item.in_list);
	list_remove(&item.in_list);
	list_remove(&item.in_list);
	assert_true(list_is_empty(&item.in_list));
	assert_true(list_is_empty(&head));
	list_append(&head, &item.in_list);
	assert_int_equal(number_of(list_take_first(&head)), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_order),
		cmocka_unit_test(test_removes_on_the_way),
		cmocka_unit_test(test_removing_twice_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
