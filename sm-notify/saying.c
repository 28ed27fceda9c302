/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which form of a name, from which address, is still to be said.
 *
 * It refuses to leave the first one, the full name from the address that the
 * kernel chooses: a statd that cannot resolve us yet leaves the full name,
 * which it knows, unanswered, and takes the short one for a stranger's.
 */
#include "sm-notify/saying.h"

#include <assert.h>

static unsigned int count_of(const struct sayings *s)
{
	return s->forms * s->sources;
}

static bool is_open(const struct saying *saying)
{
	return !saying->is_acked && !saying->is_left;
}

void sayings_init(struct sayings *s, size_t full_len, size_t short_len)
{
	*s = (struct sayings){
		.lens = {full_len, short_len},
		.forms = short_len > 0 ? 2 : 1,
		.sources = 1,
	};
}

void sayings_set_sources(struct sayings *s, unsigned int sources)
{
	assert(sources <= NOTIFY_SOURCES_MAX);
	if (sources > s->sources)
		s->sources = sources;
}

size_t sayings_len(const struct sayings *s, unsigned int at)
{
	return s->lens[at % s->forms];
}

unsigned int sayings_source(const struct sayings *s, unsigned int at)
{
	return at / s->forms;
}

/* The next turn is that of the first open one behind @at, round and round. */
static void turn_from(struct sayings *s, unsigned int at)
{
	for (unsigned int i = 1; i <= count_of(s); i++) {
		s->turn = (at + i) % count_of(s);
		if (is_open(&s->all[s->turn]))
			return;
	}
}

void sayings_acked(struct sayings *s, unsigned int at)
{
	s->all[at].is_acked = true;
	/* What the others met while nobody listened says nothing. */
	for (unsigned int i = 0; at == SAYING_FIRST && i < count_of(s); i++)
		s->all[i].silent = 0;
	turn_from(s, at);
}

void sayings_silent(struct sayings *s, unsigned int at)
{
	struct saying *saying = &s->all[at];

	saying->silent++;
	if (at != SAYING_FIRST && s->all[SAYING_FIRST].is_acked &&
	    saying->silent >= NOTIFY_SILENT_TRIES)
		saying->is_left = true;
	turn_from(s, at);
}

bool sayings_are_done(const struct sayings *s)
{
	for (unsigned int i = 0; i < count_of(s); i++) {
		if (is_open(&s->all[i]))
			return false;
	}
	return true;
}
