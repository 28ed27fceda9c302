/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words divided by single blanks.  There is one way to write each message, and
 * no other is accepted: names have no blanks (lib/hostname), addresses are
 * numeric.
 */
#include "lib/ctl.h"

#include <inttypes.h>
#include <string.h>

#define TAG_DIGITS_MAX 19 /* below 2^63, so no overflow to look for */

static const char *const verbs[] = {[CTL_ASK] = "ask",
				    [CTL_TELL] = "tell",
				    [CTL_PARK] = "park",
				    [CTL_TELL_IN_GRACE] = "tell-in-grace"};
static const char *const words[] = {[CTL_NONE] = "none",
				    [CTL_UNTOLD] = "untold",
				    [CTL_TOLD] = "told",
				    [CTL_PARKED] = "parked"};

/* What is left of a message. */
struct text {
	const char *at;
	size_t len;
};

/* Takes the next word and the blank behind it; false: there is none. */
static bool take_word(struct text *text, struct text *word)
{
	const char *blank = memchr(text->at, ' ', text->len);
	size_t len = blank ? (size_t)(blank - text->at) : text->len;

	if (len == 0)
		return false;
	*word = (struct text){text->at, len};
	text->at += len;
	text->len -= len;
	if (!blank)
		return true;
	text->at++;
	text->len--;
	return text->len > 0; /* a blank at the end divides nothing */
}

static bool find_word(const struct text *word, const char *const *all,
		      size_t count, size_t *index)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(all[i]) == word->len &&
		    !memcmp(all[i], word->at, word->len)) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool parse_tag(const struct text *word, uint64_t *tag)
{
	*tag = 0;
	if (word->len > TAG_DIGITS_MAX || (word->len > 1 && word->at[0] == '0'))
		return false;
	for (size_t i = 0; i < word->len; i++) {
		if (word->at[i] < '0' || word->at[i] > '9')
			return false;
		*tag = *tag * 10 + (uint64_t)(word->at[i] - '0');
	}
	return *tag <= INT64_MAX;
}

static bool parse_addr(const struct text *word, struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	if (word->len >= sizeof(text) || memchr(word->at, '\0', word->len))
		return false;
	memcpy(text, word->at, word->len);
	text[word->len] = '\0';
	return addr_parse(text, addr);
}

bool ctl_is_tell(enum ctl_verb verb)
{
	return verb == CTL_TELL || verb == CTL_TELL_IN_GRACE;
}

bool ctl_set_subject(struct ctl_subject *subject, const char *mon_name,
		     const struct addr *addrs, size_t count)
{
	size_t len = strlen(mon_name);

	if (hostname_check(mon_name, len) != HOSTNAME_OK)
		return false;
	memcpy(subject->mon_name, mon_name, len + 1);
	subject->addr_count = 0;
	for (size_t i = 0; i < count && i < CTL_ADDRS_MAX; i++) {
		subject->addrs[i] = addrs[i];
		subject->addrs[i].port = 0;
		subject->addr_count++;
	}
	return true;
}

static bool parse_subject(struct text text, struct ctl_subject *out)
{
	struct text word;

	if (!take_word(&text, &word) ||
	    hostname_check(word.at, word.len) != HOSTNAME_OK)
		return false;
	memcpy(out->mon_name, word.at, word.len);
	out->mon_name[word.len] = '\0';
	for (out->addr_count = 0; text.len > 0; out->addr_count++) {
		if (out->addr_count == CTL_ADDRS_MAX ||
		    !take_word(&text, &word) ||
		    !parse_addr(&word, &out->addrs[out->addr_count]))
			return false;
	}
	return true;
}

bool ctl_parse_subject(const void *text, size_t len, struct ctl_subject *out)
{
	return parse_subject((struct text){text, len}, out);
}

void ctl_add_subject(struct buf *out, const struct ctl_subject *subject)
{
	char text[ADDR_TEXT_SIZE];

	buf_add_text(out, subject->mon_name);
	for (size_t i = 0; i < subject->addr_count; i++)
		buf_addf(out, " %s", addr_format(&subject->addrs[i], text));
}

bool ctl_parse_request(const void *bytes, size_t len, struct ctl_request *out)
{
	struct text text = {bytes, len};
	struct text word;
	size_t verb;

	if (len > CTL_LEN_MAX || !take_word(&text, &word) ||
	    !find_word(&word, verbs, sizeof(verbs) / sizeof(verbs[0]), &verb) ||
	    !take_word(&text, &word) || !parse_tag(&word, &out->tag))
		return false;
	out->verb = (enum ctl_verb)verb;
	return parse_subject(text, &out->subject);
}

void ctl_add_request(struct buf *out, enum ctl_verb verb, uint64_t tag,
		     const char *subject)
{
	buf_addf(out, "%s %" PRIu64 " %s", verbs[verb], tag, subject);
}

bool ctl_parse_answer(const void *bytes, size_t len, uint64_t *tag,
		      enum ctl_word *out)
{
	struct text text = {bytes, len};
	struct text word;
	size_t index;

	if (!take_word(&text, &word) || !parse_tag(&word, tag) ||
	    !take_word(&text, &word) || text.len > 0 ||
	    !find_word(&word, words, sizeof(words) / sizeof(words[0]), &index))
		return false;
	*out = (enum ctl_word)index;
	return true;
}

void ctl_add_answer(struct buf *out, uint64_t tag, enum ctl_word word)
{
	buf_addf(out, "%" PRIu64 " %s", tag, words[word]);
}
