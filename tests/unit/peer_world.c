/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers what the core sends, as rpcbind, lockd and the peer's statd do.
 */
#include "tests/unit/peer_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "proto/sm_inter.h"
#include "statd/question.h"

#define LOCKD_PORT 4045

int world_setup(void **state, enum verify_check check)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	rig_init_check(&w.rig, check);
	w.number = 5;
	w.port = 33000;
	*state = &w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	rig_fini(&w->rig);
	return 0;
}

static void answer_question(struct world *w, const struct rig_out *send)
{
	struct addr from = send->out.send.peer;

	if (w->is_silent) {
		w->rig.out_count = 0;
		return;
	}
	if (from.port == PORTMAP_PORT) {
		rig_answer_port(&w->rig, send, w->has_no_statd ? 0 : w->port);
		return;
	}
	assert_int_equal(from.port, w->port);
	w->asked++;
	rig_answer_stat(&w->rig, send, &from, w->number);
}

static void answer_callback(struct world *w, const struct rig_out *send)
{
	struct rpcmsg_call call;

	rpcmsg_parse_call(send->bytes, send->out.len, &call);
	w->heard = (uint32_t)call.args[call.args_len - 20] << 24 |
		   (uint32_t)call.args[call.args_len - 19] << 16 |
		   (uint32_t)call.args[call.args_len - 18] << 8 |
		   call.args[call.args_len - 17];
	if (w->is_lockd_silent) {
		w->rig.out_count = 0;
		return;
	}
	rig_answer_void(&w->rig, send, "127.0.0.1", 0);
}

/* Lets lockd and the peer answer until there is no more. */
size_t world_run(struct world *w)
{
	size_t head = 0, tail = 0, callbacks = 0, i;

	for (;;) {
		for (i = 0; i < w->rig.out_count; i++)
			if (w->rig.outs[i].out.kind == NSM_OUT_SEND)
				w->queue[tail++ % RIG_OUT_MAX] = w->rig.outs[i];
		if (head == tail)
			return callbacks;
		i = head++ % RIG_OUT_MAX;
		if (w->queue[i].out.send.source == NSM_FROM_ANY) {
			answer_question(w, &w->queue[i]);
		} else if (w->queue[i].out.send.peer.port == PORTMAP_PORT) {
			rig_answer_port(&w->rig, &w->queue[i], LOCKD_PORT);
		} else {
			callbacks++;
			answer_callback(w, &w->queue[i]);
		}
	}
}

void world_monitor(struct world *w, const char *name)
{
	const struct rig_out *store;
	uint64_t id;

	rig_mon(&w->rig, name, 'c');
	store = rig_get(&w->rig, NSM_OUT_STORE, 0);
	assert_non_null(store);
	id = store->out.store.id;
	assert_int_equal(world_run(w), 0);
	rig_stored(&w->rig, id, 0);
	assert_int_equal(world_run(w), 0);
}

/* A notice, and how many callbacks come of it. */
size_t world_notify(struct world *w, const char *from, uint16_t port,
		    const char *name, int number)
{
	struct sm_stat_chge chge = {.mon_name = {(u_int)strlen(name),
						 (char *)(uintptr_t)name},
				    .state = number};

	/* Past the pause after the last question. */
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	rig_call(&w->rig, from, port, SM_PROC_NOTIFY, (void *)xdr_sm_stat_chge,
		 &chge);
	return world_run(w);
}

/* Whether the same notice is acknowledged. */
bool world_is_acknowledged(struct world *w, const char *from, uint16_t port,
			   const char *name, int number)
{
	struct sm_stat_chge chge = {.mon_name = {(u_int)strlen(name),
						 (char *)(uintptr_t)name},
				    .state = number};
	uint64_t reply_to = rig_call(&w->rig, from, port, SM_PROC_NOTIFY,
				     (void *)xdr_sm_stat_chge, &chge);

	return rig_is_answered(&w->rig, reply_to);
}

/* The timer runs until the core wants nothing or @until_ms. */
size_t world_wait(struct world *w, uint64_t until_ms)
{
	size_t callbacks = 0;

	while (nsm_deadline_ms(w->rig.nsm) <= until_ms) {
		rig_tick(&w->rig);
		callbacks += world_run(w);
	}
	return callbacks;
}
