/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same questions as os/bootturn asks, in the same order, and no deeds.  It
 * takes no lock: a turn that is under way at the moment may show half.
 */
#include "os/bootlook.h"

#include <errno.h>
#include <string.h>

#include "lib/statenum.h"
#include "os/bootmark.h"
#include "os/statedir.h"

/* A state directory, read. */
struct look {
	const struct bootturn_place *place;
	struct bootrec rec;
	uint32_t on_disk;
	bool is_of_this_boot;
	enum bootmark mark;
};

static int look_at(struct look *look, const char *path,
		   const struct bootturn_place *place)
{
	struct statedir dir;
	int error = statedir_open(&dir, path);

	*look = (struct look){.place = place};
	if (error == 0)
		error = statedir_read_number(&dir, &look->on_disk);
	if (error == 0) {
		statedir_read_bootrec(&dir, &look->rec);
		look->is_of_this_boot = strcmp(look->rec.key, place->key) == 0;
		if (!look->is_of_this_boot)
			look->mark = bootmark_find(place, dir.dir, &look->rec);
	}
	statedir_close(&dir);
	return error;
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* As bootturn_run(). */
static void look_run(const struct look *look, struct bootlook *out)
{
	const struct bootrec *rec = &look->rec;
	bool is_turned = look->is_of_this_boot && rec->is_turned;

	out->outcome = look->mark == BOOTMARK_NFS_UTILS ? BOOTTURN_TAKEN_OVER
							: BOOTTURN_ALREADY;
	out->number = max_of(rec->number, look->on_disk);
	if (is_turned || look->mark != BOOTMARK_NONE) {
		if (out->number == 0)
			out->number = STATENUM_FIRST;
		return;
	}
	out->outcome = BOOTTURN_TURNED;
	out->has_monitored = true;
	if (look->is_of_this_boot && look->on_disk <= rec->number)
		out->number = rec->number; /* a turn that was begun */
	else
		out->number =
			statenum_raise(rec->number, rec->floor, look->on_disk);
}

static void look_force(const struct look *look, struct bootlook *out)
{
	look_run(look, out);
	if (out->outcome == BOOTTURN_TURNED)
		return;
	out->number = statenum_raise(out->number, look->rec.floor, out->number);
	out->has_monitored = true;
}

static void look_copy(const struct look *look, struct bootlook *out)
{
	out->outcome = BOOTTURN_ALREADY;
	out->has_monitored = true;
	out->number = look->on_disk ? look->on_disk : STATENUM_FIRST;
	out->number = max_of(out->number, look->rec.number);
}

/* As bootturn_private(): above what the default directory knows, too. */
static int look_private(const struct look *look, bool is_raised,
			struct bootlook *out)
{
	const uint32_t own = look->on_disk;
	struct look other;
	int error;

	out->outcome = BOOTTURN_TURNED;
	out->has_monitored = true;
	out->number = own ? own : STATENUM_FIRST;
	if (!is_raised)
		return 0;
	out->number = statenum_raise(own, 0, own);
	error = look_at(&other, look->place->default_dir, look->place);
	if (error == -ENOENT || error == -ENOTDIR)
		return 0;
	if (other.rec.key[0] == '\0')
		other.rec.number = other.on_disk;
	out->number =
		statenum_raise(other.rec.number, max_of(own, other.rec.floor),
			       other.on_disk);
	return error;
}

int bootlook(const struct bootturn_place *place, enum bootlook_what what,
	     struct bootlook *out)
{
	struct look look;
	int error = look_at(&look, place->state_dir, place);

	*out = (struct bootlook){.number = 0};
	if (error)
		return error;
	switch (what) {
	case BOOTLOOK_RUN:
		look_run(&look, out);
		break;
	case BOOTLOOK_FORCE:
		look_force(&look, out);
		break;
	case BOOTLOOK_COPY:
		look_copy(&look, out);
		break;
	case BOOTLOOK_PRIVATE:
	case BOOTLOOK_PRIVATE_COPY:
		return look_private(&look, what == BOOTLOOK_PRIVATE, out);
	}
	return 0;
}
