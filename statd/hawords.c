/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file is one line of three words; no name has a blank in it.
 */
#include "statd/hawords.h"

#include <stdio.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"

#define NUMBER_SIZE 12

bool hawords_is_harmless(const char *name)
{
	return name[0] != '-' &&
	       hostname_check(name, strlen(name)) == HOSTNAME_OK;
}

char *hawords_number(uint32_t number)
{
	char text[NUMBER_SIZE];

	if (number > INT32_MAX)
		return NULL;
	(void)snprintf(text, sizeof(text), "%u", number); /* fits */
	return xstrdup(text);
}

bool hawords_explain(const struct nsm_called *end, struct buf *out)
{
	switch (end->how) {
	case NSM_CALL_EXITED:
		if (end->code == 0)
			return false;
		buf_addf(out, "exit status %d", end->code);
		break;
	case NSM_CALL_KILLED:
		buf_addf(out, "killed by signal %d", end->code);
		break;
	case NSM_CALL_TIMED_OUT:
		buf_add_text(out, "killed after ha-callout-timeout");
		break;
	case NSM_CALL_NOT_STARTED:
		buf_addf(out, "cannot be run: %s",
			 end->reason != NULL ? end->reason : "no reason");
		break;
	case NSM_CALL_LOST:
		buf_add_text(out, "what came of it is not known");
		break;
	}
	return true;
}

void hawords_add_memo(const struct record *rec, struct buf *out)
{
	buf_addf(out, HAWORDS_MEMO " %s %s\n", rec->mon_name, rec->my_name);
}

/* Whether @len bytes at @text may be my_name: nothing that makes two words. */
static bool is_my_name(const uint8_t *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

bool hawords_parse_memo(const uint8_t *bytes, size_t len, struct record *out)
{
	const size_t word_len = strlen(HAWORDS_MEMO " ");
	const uint8_t *blank;
	size_t name_len;

	*out = (struct record){0};
	if (len <= word_len || len > HAWORDS_MEMO_MAX ||
	    memcmp(bytes, HAWORDS_MEMO " ", word_len) != 0 ||
	    bytes[len - 1] != '\n')
		return false;
	bytes += word_len;
	len -= word_len + 1;
	blank = memchr(bytes, ' ', len);
	if (blank == NULL)
		return false;
	name_len = (size_t)(blank - bytes);
	if (hostname_check(bytes, name_len) != HOSTNAME_OK || bytes[0] == '-' ||
	    !is_my_name(blank + 1, len - name_len - 1))
		return false;
	out->mon_name = xmemdup(bytes, name_len);
	out->my_name = xmemdup(blank + 1, len - name_len - 1);
	return true;
}
