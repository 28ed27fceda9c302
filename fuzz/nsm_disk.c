/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and a queue of changes.  A STORE that fails leaves what was there; the
 * removal of a file is done on the way to the next STORE, as statd/store does.
 * Nothing is torn here: that is the simulator's business.
 */
#define _GNU_SOURCE /* memmem() */
#include "fuzz/nsm_disk.h"

#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"

struct job {
	struct link in_jobs; /* disk::jobs */
	bool is_store;	     /* else the file is removed */
	uint64_t id;
	struct disk_file *file;
	struct buf content;
};

void disk_init(struct disk *disk)
{
	*disk = (struct disk){.file_count = 0};
	list_init(&disk->jobs);
}

static void job_free(struct job *job)
{
	buf_fini(&job->content);
	free(job);
}

void disk_fini(struct disk *disk)
{
	struct link *link;
	size_t i;

	while ((link = list_take_first(&disk->jobs)) != NULL)
		job_free(container_of(link, struct job, in_jobs));
	for (i = 0; i < disk->file_count; i++) {
		buf_fini(&disk->files[i].content);
		free(disk->files[i].name);
	}
}

static struct disk_file *file_get(struct disk *disk, const char *name)
{
	struct disk_file *file;
	size_t i;

	for (i = 0; i < disk->file_count; i++)
		if (strcmp(disk->files[i].name, name) == 0)
			return &disk->files[i];
	require(disk->file_count < DISK_FILES_MAX);
	file = &disk->files[disk->file_count++];
	file->name = xstrdup(name);
	buf_init(&file->content, RECORD_FILE_MAX);
	return file;
}

void disk_note_file(struct disk *disk, const char *name, const uint8_t *bytes,
		    size_t len)
{
	struct disk_file *file = file_get(disk, name);

	file->is_there = file->will_be_there = true;
	buf_add(&file->content, bytes, len);
}

static bool file_has(const struct disk_file *file, const struct record *rec,
		     const uint8_t *priv)
{
	struct record_lines lines = {.bytes = file->content.bytes,
				     .len = file->content.len};
	const uint8_t *line;
	size_t len;
	bool is_found = false;

	while (!is_found && record_lines_next(&lines, &line, &len)) {
		struct record have;

		if (record_parse(line, len, &have) != RECORD_OK)
			continue;
		is_found = record_is_same_key(&have, rec) &&
			   (priv == NULL ||
			    memcmp(have.priv, priv, sizeof(have.priv)) == 0);
		record_fini(&have);
	}
	return is_found;
}

bool disk_has(const struct disk *disk, const struct record *rec,
	      const uint8_t *priv)
{
	size_t i;

	for (i = 0; i < disk->file_count; i++)
		if (disk->files[i].is_there &&
		    file_has(&disk->files[i], rec, priv))
			return true;
	return false;
}

/* Every line of @old that is no record must be in the @len bytes at @bytes. */
static void check_foreign(const struct buf *old, const void *bytes, size_t len)
{
	struct record_lines lines = {.bytes = old->bytes, .len = old->len};
	const uint8_t *line;
	size_t line_len;

	while (record_lines_next(&lines, &line, &line_len)) {
		struct record rec;

		if (record_parse(line, line_len, &rec) == RECORD_OK)
			record_fini(&rec);
		else
			require(memmem(bytes, len, line, line_len) != NULL);
	}
}

static struct job *job_add(struct disk *disk, const char *name)
{
	struct job *job = xzalloc(sizeof(*job));

	job->file = file_get(disk, name);
	buf_init(&job->content, RECORD_FILE_MAX);
	list_append(&disk->jobs, &job->in_jobs);
	return job;
}

void disk_note_store(struct disk *disk, const struct nsm_out *out)
{
	struct job *job = job_add(disk, out->store.file);

	require(out->len > 0 && out->len <= RECORD_FILE_MAX);
	require(out->bytes[out->len - 1] == '\n');
	if (out->store.is_new) {
		require(!job->file->will_be_there);
		require(hostname_check(out->store.file,
				       strlen(out->store.file)) == HOSTNAME_OK);
	}
	check_foreign(&job->file->content, out->bytes, out->len);
	job->is_store = true;
	job->id = out->store.id;
	job->file->will_be_there = true;
	buf_add(&job->content, out->bytes, out->len);
}

void disk_note_forget(struct disk *disk, const struct nsm_out *out)
{
	struct job *job = job_add(disk, out->forget.file);

	require(job->file->will_be_there);
	check_foreign(&job->file->content, "", 0);
	job->file->will_be_there = false;
}

/* Does @job, a STORE with @error, and frees it. */
static void job_do(struct job *job, int error)
{
	struct disk_file *file = job->file;

	if (error == 0) {
		file->is_there = job->is_store;
		buf_clear(&file->content);
		buf_add(&file->content, job->content.bytes, job->content.len);
	}
	job_free(job);
}

bool disk_work(struct disk *disk, int error, uint64_t *id)
{
	struct link *link;

	while ((link = list_take_first(&disk->jobs)) != NULL) {
		struct job *job = container_of(link, struct job, in_jobs);
		bool is_store = job->is_store;

		*id = job->id;
		job_do(job, is_store ? error : 0);
		if (is_store)
			return true;
	}
	return false;
}

bool disk_is_busy(const struct disk *disk, uint64_t id)
{
	struct link *pos;

	list_for_each (pos, &disk->jobs) {
		const struct job *job = container_of(pos, struct job, in_jobs);

		if (job->is_store && job->id == id)
			return true;
	}
	return false;
}
