/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding peers again: by pair, name, address and file, against a plain list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "statd/peers.h"

static const uint8_t key[SIPHASH_KEY_SIZE] = "a key for a test";

static struct record record_of(char *mon_name, char *my_name)
{
	return (struct record){.prog = 100021,
			       .vers = 3,
			       .proc = 16,
			       .mon_name = mon_name,
			       .my_name = my_name};
}

static struct peer *add(struct peers *set, const char *mon_name,
			const char *my_name, const char *file)
{
	char mon[256], my[256];
	struct record rec = record_of(mon, my);

	snprintf(mon, sizeof(mon), "%s", mon_name);
	snprintf(my, sizeof(my), "%s", my_name);
	return peers_add(set, &rec, file);
}

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void numeric_name_is_found_by_address(void **state)
{
	struct addr addr = addr_of("192.0.2.7");
	struct addr mapped = addr_of("::ffff:192.0.2.7");
	struct peers set;
	struct peer *peer;

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "192.0.2.7", "server", "192.0.2.7");
	assert_int_equal(peer->lookup, PEER_NUMERIC);
	assert_ptr_equal(peers_next_by_addr(&set, &addr, NULL)->peer, peer);
	assert_ptr_equal(peers_next_by_addr(&set, &mapped, NULL)->peer, peer);
	assert_true(peer_has_addr(peer, &addr));
	peers_fini(&set);
}

static void host_name_is_found_by_addresses_handed_in(void **state)
{
	struct addr addrs[3] = {addr_of("192.0.2.1"), addr_of("192.0.2.2"),
				addr_of("2001:db8::1")};
	struct peers set;
	struct peer *peer;

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "client.example", "server", "client.example");
	assert_int_equal(peer->lookup, PEER_FIRST);
	assert_null(peers_next_by_addr(&set, &addrs[0], NULL));
	peers_set_addrs(&set, peer, addrs, 2);
	assert_ptr_equal(peers_next_by_addr(&set, &addrs[1], NULL)->peer, peer);
	peers_set_addrs(&set, peer, &addrs[2], 1);
	assert_null(peers_next_by_addr(&set, &addrs[1], NULL));
	assert_ptr_equal(peers_next_by_addr(&set, &addrs[2], NULL)->peer, peer);
	peers_fini(&set);
}

static void servers_of_mounts_are_known_by_address(void **state)
{
	struct addr servers[] = {addr_of("192.0.2.1"), addr_of("192.0.2.7")};
	struct peers set;
	struct peer *peer, *other;

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "192.0.2.7", "me", "192.0.2.7");
	other = add(&set, "server.example", "me", "server.example");
	assert_false(peer_is_server_of_mount(&set, peer));
	servers[1].port = 2049; /* which does not count */
	peers_set_mounts(&set, servers, 2);
	assert_true(peer_is_server_of_mount(&set, peer));
	assert_false(peer_is_server_of_mount(&set, other));
	peers_set_addrs(&set, other, servers, 1);
	assert_true(peer_is_server_of_mount(&set, other));
	peers_set_mounts(&set, NULL, 0);
	assert_false(peer_is_server_of_mount(&set, other));
	peers_set_mounts(&set, servers, 2);
	peers_fini(&set);
}

static void too_many_addresses_are_cut(void **state)
{
	struct addr addrs[PEERS_ADDRS_MAX + 4] = {{.family = ADDR_V4}};
	struct peers set;
	struct peer *peer;
	size_t i;

	(void)state;
	for (i = 0; i < PEERS_ADDRS_MAX + 4; i++) {
		addrs[i].family = ADDR_V4;
		addrs[i].bytes[3] = (uint8_t)i;
	}
	peers_init(&set, key);
	peer = add(&set, "many.example", "server", "many.example");
	peers_set_addrs(&set, peer, addrs, PEERS_ADDRS_MAX + 4);
	assert_int_equal(peer->addr_count, PEERS_ADDRS_MAX);
	peers_fini(&set);
}

static void pair_is_found_exactly_and_ignoring_case(void **state)
{
	char mon[] = "CLIENT.example", my[] = "server";
	struct record rec = record_of(mon, my);
	struct peers set;
	struct peer *one, *other;

	(void)state;
	peers_init(&set, key);
	one = add(&set, "client.example", "server", "client.example");
	other = add(&set, "client.example", "other", "client.example");
	assert_null(peers_find(&set, &rec, PEERS_EXACT));
	assert_ptr_equal(peers_find(&set, &rec, PEERS_ANY_CASE), one);
	rec = one->rec;
	assert_ptr_equal(peers_find(&set, &rec, PEERS_EXACT), one);
	rec.vers = 4;
	assert_null(peers_find(&set, &rec, PEERS_ANY_CASE));
	rec = other->rec;
	assert_ptr_equal(peers_find(&set, &rec, PEERS_EXACT), other);
	peers_fini(&set);
}

static void file_holds_its_records_and_foreign_lines(void **state)
{
	struct peers set;
	struct peer *one, *two;
	struct peer_file *file;
	struct buf text;

	(void)state;
	peers_init(&set, key);
	buf_init(&text, RECORD_FILE_MAX);
	one = add(&set, "192.0.2.7", "server", "client.example");
	two = add(&set, "192.0.2.7", "server2", "client.example");
	file = peers_file(&set, "client.example");
	assert_ptr_equal(one->file, file);
	buf_add_text(&file->foreign, "torn\n");
	assert_int_equal(peer_file_format(file, &text), RECORD_OK);
	assert_string_equal(
		buf_text(&text),
		"torn\n"
		"0100007f 000186b5 00000003 00000010 "
		"00000000000000000000000000000000 192.0.2.7 server\n"
		"0100007f 000186b5 00000003 00000010 "
		"00000000000000000000000000000000 192.0.2.7 server2\n");
	peers_remove(&set, one);
	peers_remove(&set, two);
	assert_int_equal(set.count, 0);
	/* The foreign line keeps the file object alive. */
	assert_ptr_equal(peers_file(&set, "client.example"), file);
	assert_false(peer_file_is_empty(file));
	buf_fini(&text);
	peers_fini(&set);
}

/* What did not fit is on the disk all the same: it must not be removed. */
static void file_of_one_line_too_long_is_not_empty(void **state)
{
	static const uint8_t line[RECORD_FILE_MAX + 1];
	struct peers set;
	struct peer *peer;
	struct peer_file *file;

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "192.0.2.7", "server", "192.0.2.7");
	file = peer->file;
	buf_add(&file->foreign, line, sizeof(line));
	assert_int_equal(file->foreign.len, 0);
	peers_remove(&set, peer);
	assert_ptr_equal(peers_file(&set, "192.0.2.7"), file);
	assert_false(peer_file_is_empty(file));
	peers_fini(&set);
}

static void delivered_numbers_are_kept_per_name(void **state)
{
	struct peers set;
	struct peer *peer;
	uint32_t number = 0;
	unsigned int i;
	char name[16];

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "192.0.2.7", "server", "192.0.2.7");
	assert_false(peer_get_delivered(peer, "a", &number));
	peer_set_delivered(peer, "a", 5);
	assert_true(peer_get_delivered(peer, "A", &number));
	assert_int_equal(number, 5);
	peer_set_delivered(peer, "A", 7);
	assert_int_equal(peer->delivered_count, 1);
	assert_true(peer_was_delivered_last(peer, 7));
	assert_false(peer_was_delivered_last(peer, 5));
	for (i = 0; i < PEERS_DELIVERED_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		peer_set_delivered(peer, name, 100 + i);
	}
	assert_int_equal(peer->delivered_count, PEERS_DELIVERED_MAX);
	assert_false(peer_get_delivered(peer, "a", &number)); /* the oldest */
	assert_true(peer_get_delivered(peer, "n0", &number));
	peer_clear_delivered(peer);
	assert_false(peer_was_delivered_last(peer, 100));
	peers_fini(&set);
}

/* As lockd does, which has one number per peer, and not per name. */
static void last_number_is_that_of_the_last_name(void **state)
{
	struct peers set;
	struct peer *peer;
	uint32_t number = 0;

	(void)state;
	peers_init(&set, key);
	peer = add(&set, "192.0.2.7", "server", "192.0.2.7");
	peer_set_delivered(peer, "a", 5);
	peer_set_delivered(peer, "b", 99);
	peer_set_delivered(peer, "c", 3);
	assert_false(peer_was_delivered_last(peer, 5));
	assert_false(peer_was_delivered_last(peer, 99));
	peer_set_delivered(peer, "B", 7);
	assert_true(peer_was_delivered_last(peer, 7));
	assert_false(peer_was_delivered_last(peer, 3));
	assert_int_equal(peer->delivered_count, 3);
	assert_true(peer_get_delivered(peer, "a", &number));
	assert_int_equal(number, 5);
	assert_true(peer_get_delivered(peer, "c", &number));
	assert_int_equal(number, 3);
	/* Its own name is no other. */
	peer_set_delivered(peer, peer->delivered[0].name, 9);
	assert_string_equal(peer->delivered[2].name, "a");
	assert_true(peer_was_delivered_last(peer, 9));
	peers_fini(&set);
}

#define MODEL_SIZE 200

/* How many peers of @model are found under the name of number @name. */
static unsigned int count_by_name(struct peers *set, unsigned int name)
{
	struct peer *peer = NULL;
	unsigned int count = 0;
	char text[16];

	snprintf(text, sizeof(text), "HOST%u", name);
	while ((peer = peers_next_by_name(set, text, peer)) != NULL)
		count++;
	return count;
}

static void random_adds_and_removes_agree_with_a_list(void **state)
{
	const char *text = getenv("SEED");
	unsigned long seed = text != NULL ? strtoul(text, NULL, 0) : 1;
	uint8_t bytes[SIPHASH_KEY_SIZE] = {(uint8_t)seed, (uint8_t)(seed >> 8)};
	struct peer *model[MODEL_SIZE] = {NULL};
	unsigned int names[MODEL_SIZE] = {0}, expected[8], i, step;
	struct peers set;
	struct prng rng;
	char name[16];

	(void)state;
	print_message("SEED=%lu\n", seed);
	prng_init(&rng, bytes);
	peers_init(&set, key);
	for (step = 0; step < 20000; step++) {
		i = (unsigned int)prng_below(&rng, MODEL_SIZE);
		if (model[i] != NULL) {
			peers_remove(&set, model[i]);
			model[i] = NULL;
		} else {
			names[i] = (unsigned int)prng_below(&rng, 8);
			snprintf(name, sizeof(name), "host%u", names[i]);
			model[i] = add(&set, name, "server", name);
		}
	}
	memset(expected, 0, sizeof(expected));
	for (i = 0; i < MODEL_SIZE; i++)
		if (model[i] != NULL)
			expected[names[i]]++;
	for (i = 0; i < 8; i++)
		assert_int_equal(count_by_name(&set, i), expected[i]);
	peers_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric_name_is_found_by_address),
		cmocka_unit_test(host_name_is_found_by_addresses_handed_in),
		cmocka_unit_test(servers_of_mounts_are_known_by_address),
		cmocka_unit_test(too_many_addresses_are_cut),
		cmocka_unit_test(pair_is_found_exactly_and_ignoring_case),
		cmocka_unit_test(file_holds_its_records_and_foreign_lines),
		cmocka_unit_test(file_of_one_line_too_long_is_not_empty),
		cmocka_unit_test(delivered_numbers_are_kept_per_name),
		cmocka_unit_test(last_number_is_that_of_the_last_name),
		cmocka_unit_test(random_adds_and_removes_agree_with_a_list),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
