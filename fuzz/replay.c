/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A main() for the fuzz targets where there is no libFuzzer: feeds each file
 * named on the command line, and each file of a directory named there, to the
 * target once.  It mutates nothing and looks one level deep only.  An input
 * that cannot be read, or no input at all, is a failure: a corpus that went
 * missing must not look like one that passed.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/xalloc.h"

#define INPUT_MAX (1024 * 1024) /* bytes of one file */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
	unsigned int fed;
	unsigned int failed;
};

static void fail(struct replay *replay, const char *path)
{
	perror(path);
	replay->failed++;
}

static void feed_file(struct replay *replay, const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *copy;
	size_t len;

	if (!file) {
		fail(replay, path);
		return;
	}
	len = fread(bytes, 1, sizeof(bytes), file);
	if (ferror(file) || fgetc(file) != EOF) {
		fprintf(stderr, "%s: unreadable or too big\n", path);
		replay->failed++;
		fclose(file);
		return;
	}
	fclose(file);
	/* A block of just this size, so that a sanitizer sees one byte more. */
	copy = xzalloc(len);
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	replay->fed++;
}

static void feed_directory(struct replay *replay, const char *path)
{
	char name[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		fail(replay, path);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		feed_file(replay, name);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	struct replay replay = {.fed = 0};
	struct stat info;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &info) < 0)
			fail(&replay, argv[i]);
		else if (S_ISDIR(info.st_mode))
			feed_directory(&replay, argv[i]);
		else
			feed_file(&replay, argv[i]);
	}
	printf("%u inputs replayed, %u unreadable\n", replay.fed,
	       replay.failed);
	return replay.fed > 0 && replay.failed == 0 ? EXIT_SUCCESS
						    : EXIT_FAILURE;
}
