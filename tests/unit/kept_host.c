/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host around the core, without any real disk or network.
 */
#include "tests/unit/kept_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/xalloc.h"

#define LOCKD_PORT 4045

static void note_memo(struct host *h, const struct rig_out *memo)
{
	struct file *file;
	size_t i = 0;

	while (i < h->file_count && h->files[i].number != memo->out.memo.number)
		i++;
	file = &h->files[i];
	if (i < h->file_count) {
		free(file->bytes);
		*file = h->files[--h->file_count];
	}
	if (memo->out.len == 0)
		return;
	assert_in_range(h->file_count, 0, FILES_MAX - 1);
	h->files[h->file_count++] =
		(struct file){memo->out.memo.number,
			      xmemdup(memo->bytes, memo->out.len),
			      memo->out.len};
	assert_in_range(h->job_count, 0, JOBS_MAX - 1);
	h->jobs[h->job_count++] = memo->out.memo.id;
}

static void note_reply(struct host *h, const struct rig_out *reply)
{
	if (reply->out.len == 0) {
		h->refused_count++;
		return;
	}
	h->answered = reply->out.reply.reply_to;
	h->answered_count++;
}

void host_collect(struct host *h)
{
	size_t i;

	for (i = 0; i < h->rig.out_count; i++) {
		const struct rig_out *out = &h->rig.outs[i];

		if (out->out.kind == NSM_OUT_MEMO)
			note_memo(h, out);
		else if (out->out.kind == NSM_OUT_REPLY)
			note_reply(h, out);
		else if (out->out.kind == NSM_OUT_RESOLVE)
			h->resolve_id = out->out.resolve.id;
		else if (out->out.kind == NSM_OUT_SEND)
			h->sends[h->send_count++ % RIG_OUT_MAX] = *out;
	}
	h->rig.out_count = 0;
}

void host_run_disk(struct host *h, int error)
{
	while (h->job_count > 0) {
		struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
				    .stored = {.id = h->jobs[0],
					       .error = error}};

		memmove(h->jobs, h->jobs + 1,
			--h->job_count * sizeof(h->jobs[0]));
		rig_feed(&h->rig, &in);
		host_collect(h);
	}
}

/* PEER is asked by @send; its statd has the port of lockd. */
static void run_peer(struct host *h, const struct rig_out *send)
{
	if (h->peer_stat == 0)
		return;
	if (send->out.send.peer.port == PORTMAP_PORT)
		rig_answer_port(&h->rig, send, LOCKD_PORT);
	else
		rig_answer_stat(&h->rig, send, &send->out.send.peer,
				h->peer_stat);
}

/* Its arguments end in the number and 16 bytes of a cookie. */
static void note_callback(struct host *h, const struct rig_out *send)
{
	const uint8_t *bytes = send->bytes + send->out.len - 20;

	h->heard = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		   (uint32_t)bytes[2] << 8 | bytes[3];
}

size_t host_run_lockd(struct host *h)
{
	size_t callbacks = 0;
	size_t i;

	for (i = 0; i < h->send_count; i++) {
		struct rig_out send = h->sends[i];

		if (!addr_is_loopback(&send.out.send.peer)) {
			run_peer(h, &send);
		} else if (send.out.send.peer.port == PORTMAP_PORT) {
			rig_answer_port(&h->rig, &send, LOCKD_PORT);
		} else {
			callbacks++;
			note_callback(h, &send);
			rig_answer_void(&h->rig, &send, "127.0.0.1", 0);
		}
		host_collect(h);
	}
	h->send_count = 0;
	return callbacks;
}

void host_monitor(struct host *h, const char *name, char cookie)
{
	rig_mon(&h->rig, name, cookie);
	host_collect(h);
}

uint64_t host_notify(struct host *h, const char *from, const char *name,
		     int number)
{
	uint64_t reply_to = rig_notify(&h->rig, from, name, number);

	host_collect(h);
	return reply_to;
}

void host_resolve(struct host *h, const char *addr)
{
	struct addr found;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.id = h->resolve_id,
					 .addrs = &found,
					 .count = addr != NULL}};

	assert_true(h->resolve_id != 0);
	h->resolve_id = 0;
	if (addr != NULL)
		assert_true(addr_parse(addr, &found));
	rig_feed(&h->rig, &in);
	host_collect(h);
}

void host_wait_until(struct host *h, uint64_t until_ms)
{
	while (nsm_deadline_ms(h->rig.nsm) <= until_ms) {
		rig_tick(&h->rig);
		host_collect(h);
	}
	h->rig.now_ms = until_ms;
}

static void feed_file(struct host *h, const char *mon_name)
{
	char line[256];
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)line,
			    .file.name = mon_name};

	snprintf(line, sizeof(line),
		 "0100007f 000186b5 00000003 00000010 "
		 "63636363636363636363636363636363 %s me\n",
		 mon_name);
	in.len = strlen(line);
	rig_feed(&h->rig, &in);
	host_collect(h);
}

static void feed_memo(struct host *h, uint64_t number, const void *bytes,
		      size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO, .bytes = bytes, .len = len};

	in.memo.number = number;
	rig_feed(&h->rig, &in);
	host_collect(h);
}

static void restart(struct host *h, enum verify_check check)
{
	struct file found[FILES_MAX];
	struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	size_t count = h->file_count;
	size_t i;

	memcpy(found, h->files, sizeof(found));
	for (i = 0; i < count; i++)
		found[i].bytes = xmemdup(found[i].bytes, found[i].len);
	rig_fini(&h->rig);
	rig_init_check(&h->rig, check);
	h->job_count = 0;
	h->send_count = 0;
	feed_file(h, PEER);
	feed_file(h, CLIENT);
	for (i = 0; i < count; i++) {
		feed_memo(h, found[i].number, found[i].bytes, found[i].len);
		free(found[i].bytes);
	}
	rig_feed(&h->rig, &loaded);
	host_collect(h);
}

void host_restart(struct host *h)
{
	restart(h, VERIFY_CHECK_ADDRESS);
}

void host_restart_asking(struct host *h)
{
	restart(h, VERIFY_CHECK_ASK);
}

int host_setup(void **state)
{
	static struct host host;

	memset(&host, 0, sizeof(host));
	rig_init(&host.rig);
	host_monitor(&host, PEER, 'c');
	host_monitor(&host, CLIENT, 'c');
	*state = &host;
	return 0;
}

int host_teardown(void **state)
{
	struct host *h = *state;

	rig_fini(&h->rig);
	while (h->file_count > 0)
		free(h->files[--h->file_count].bytes);
	return 0;
}
