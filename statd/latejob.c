/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A job changes its list with its stage, and is freed by late.c alone, when
 * nobody can be using it.
 */
#include "statd/latejob.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ctl.h"
#include "statd/envoy.h"
#include "statd/subject.h"

void latejob_stop_telling(struct late *late, struct late_job *job)
{
	if (job->envoy == NULL)
		return;
	envoy_free(job->envoy);
	job->envoy = NULL;
	list_remove(&job->in_telling);
	late->telling_count--;
}

static void latejob_free(struct late *late, struct late_job *job)
{
	latejob_stop_telling(late, job);
	timerq_cancel(&late->timers, &job->timer);
	list_remove(&job->in_jobs);
	if (job->peer != NULL)
		job->peer->late = NULL;
	free(job);
}

void latejobs_free(struct late *late, struct link *head)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, head)
		latejob_free(late, container_of(pos, struct late_job, in_jobs));
}

void latejob_set_stage(struct late *late, struct late_job *job,
		       enum late_stage stage, struct link *head)
{
	job->stage = stage;
	job->is_unsure = false;
	timerq_cancel(&late->timers, &job->timer);
	list_remove(&job->in_jobs);
	list_append(head, &job->in_jobs);
}

void latejob_release(struct late *late, struct late_job *job)
{
	unsigned int i;

	for (i = 0; i < job->waiter_count; i++)
		callers_add(&late->callers, &job->waiters[i]);
	job->waiter_count = 0;
}

void latejob_end_hold(struct late *late, struct late_job *job)
{
	if (job->is_counted && job->timer.at_ms > late->now_ms &&
	    timer_is_set(&job->timer))
		late->held_ms -= (uint32_t)(job->timer.at_ms - late->now_ms);
	job->is_counted = false;
}

void latejob_finish(struct late *late, struct late_job *job, bool is_settled)
{
	latejob_end_hold(late, job);
	latejob_stop_telling(late, job);
	/* Of what "sm-notify -f" has raised it to since, nothing is known. */
	job->peer->late_settled =
		is_settled && !job->is_by_name ? job->number : 0;
	job->peer->late = NULL;
	job->peer = NULL;
	latejob_release(late, job);
	latejob_set_stage(late, job, LATE_DONE, &late->done);
}

bool latejob_add_subject(struct late_job *job, struct buf *text)
{
	struct ctl_subject subject;

	if (!subject_of_peer(job->peer, &subject))
		return false;
	job->is_by_name = subject.addr_count == 0;
	ctl_add_subject(text, &subject);
	return true;
}

void latejob_ask_world(struct late *late, struct late_job *job,
		       enum ctl_verb verb)
{
	struct buf text;

	buf_init(&text, CTL_LEN_MAX);
	if (latejob_add_subject(job, &text))
		effects_untold(late->out, job->id, verb, buf_text(&text));
	buf_fini(&text);
}

void latejob_log(struct late *late, const struct late_job *job,
		 enum log_level level, const char *what)
{
	const char *mon_name = job->peer->rec.mon_name;
	struct buf name;

	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, mon_name, strlen(mon_name));
	effects_log(late->out, level, "\"%s\" %s", buf_text(&name), what);
	buf_fini(&name);
}
