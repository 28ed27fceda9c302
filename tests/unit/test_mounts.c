/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers of NFS mounts, found in mountinfo.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mounts.h"

#define NFS(options) "40 1 0:45 / /mnt rw,relatime shared:9 - nfs s:/e " options

/* The servers in @text, each followed by ';'. */
static const char *servers(const char *text)
{
	static char found[256];
	static struct mounts mounts;
	char addr[ADDR_TEXT_SIZE];
	size_t i;

	found[0] = '\0';
	mounts_parse((const uint8_t *)text, strlen(text), &mounts);
	for (i = 0; i < mounts.count && i < 4; i++) {
		strcat(found, addr_format(&mounts.servers[i], addr));
		strcat(found, ";");
	}
	return found;
}

static void mounts_that_lock_are_found(void **state)
{
	static const char table[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" NFS(
		"rw,vers=3,proto=tcp,mountaddr=192.0.2.9,mountvers=3,"
		"local_lock=none,addr=192.0.2.1\n")
		NFS("rw,vers=2,addr=192.0.2.2\n")
			NFS("rw,vers=3,addr=2001:db8::1\n")
				NFS("ro,vers=3,addr=192.0.2.1\n")
					NFS("rw,vers=3,addr=fe80::1%2");

	(void)state;
	assert_string_equal(servers(table),
			    "192.0.2.1;192.0.2.2;2001:db8::1;fe80::1%2;");
}

static void others_are_not(void **state)
{
	static const char *const lines[] = {
		NFS("rw,vers=4.2,clientaddr=192.0.2.7,addr=192.0.2.1\n"),
		NFS("rw,vers=4,addr=192.0.2.1\n"),
		NFS("rw,vers=30,addr=192.0.2.1\n"),
		NFS("rw,addr=192.0.2.1\n"),
		NFS("rw,vers=3,mountaddr=192.0.2.1\n"),
		NFS("rw,vers=3,addr=\n"),
		NFS("rw,vers=3,addr=server.example\n"),
		NFS("rw,vers=3,xaddr=192.0.2.1\n"),
		NFS("\n"),
		"40 1 0:45 / /mnt rw - nfs4 s:/e rw,vers=3,addr=192.0.2.1\n",
		"40 1 0:45 / /mnt rw - nfs\n",
		"40 1 0:45 / /mnt rw - nfs s:/e\n",
		"- nfs s:/e rw,vers=3,addr=192.0.2.1\n",
		"40 1 0:45 / /mnt rw nfs s:/e rw,vers=3,addr=192.0.2.1\n",
		"",
		"\n\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_string_equal(servers(lines[i]), "");
}

/* Whoever may mount chooses names; they must not look like fields. */
static void names_with_blanks_are_no_fields(void **state)
{
	(void)state;
	assert_string_equal(
		servers("40 1 0:45 / /a\\040-\\040nfs\\040s\\040vers=3,"
			"addr=192.0.2.6 rw - tmpfs "
			"x\\040vers=3,addr=192.0.2.6 rw\n"
			"41 1 0:45 / /mnt\\040b rw - nfs s:/e\\040f "
			"rw,vers=3,addr=192.0.2.1\n"),
		"192.0.2.1;");
}

static void servers_are_bounded(void **state)
{
	static char text[64 * 1024];
	static struct mounts mounts;
	size_t len = 0, i;

	(void)state;
	for (i = 0; i < MOUNTS_SERVERS_MAX + 10; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					NFS("vers=3,addr=10.0.%zu.%zu\n"),
					i / 256, i % 256);
	mounts_parse((const uint8_t *)text, len, &mounts);
	assert_int_equal(mounts.count, MOUNTS_SERVERS_MAX);
}

/* The last address that is one counts; what cannot be one changes nothing. */
static void addresses_that_are_none_are_left_out(void **state)
{
	static const char with_nul[] = NFS("vers=3,addr=192.0.2.1\0,x\n");
	static struct mounts mounts;
	char line[256];

	(void)state;
	snprintf(line, sizeof(line), NFS("vers=3,addr=::%0*d\n"),
		 ADDR_TEXT_SIZE, 1);
	assert_string_equal(servers(line), "");
	snprintf(line, sizeof(line), NFS("vers=3,addr=192.0.2.1,addr=::%0*d\n"),
		 ADDR_TEXT_SIZE, 1);
	assert_string_equal(servers(line), "192.0.2.1;");
	mounts_parse((const uint8_t *)with_nul, sizeof(with_nul) - 1, &mounts);
	assert_int_equal(mounts.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_that_lock_are_found),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(names_with_blanks_are_no_fields),
		cmocka_unit_test(servers_are_bounded),
		cmocka_unit_test(addresses_that_are_none_are_left_out),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
