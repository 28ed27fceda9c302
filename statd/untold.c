/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the connection to a running sm-notify and the wishes that wait for its
 * answers.  Whether one runs is what connect(2) says: the name of its socket
 * stays behind when it has ended.
 *
 * ORDER: a line is in sm/.reclaim/parked before sm-notify is connected to once
 * more.  It binds its socket before it reads that file, so each run either
 * reads the line or hears the wish.
 */
#include "statd/untold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/parked.h"
#include "lib/record.h"
#include "lib/xalloc.h"
#include "os/durable.h"
#include "os/kernel.h"
#include "os/mounts.h"
#include "statd/bakindex.h"

#define SOCKET_PATH  "/run/nfs-reclaim/sm-notify.sock"
#define LINE_MAX_LEN (CTL_LEN_MAX + 8)

/* One UNTOLD that sm-notify is to answer. */
struct wish {
	struct link in_wishes; /* untold::wishes */
	uint64_t tag;
	uint64_t id;
	enum ctl_verb verb;
	bool is_sent;
	struct ctl_subject subject;
};

struct untold {
	struct loop *loop;
	untold_feed *feed;
	void *ctx;
	int sm_fd;
	int bak_fd;
	struct bakindex index;
	struct link wishes; /* of wish::in_wishes, in order */
	unsigned int wish_count;
	unsigned int sent_counts[2]; /* ... of telling, and all others */
	uint64_t last_tag;
	int sock; /* to sm-notify, or -1 */
	struct loop_watch *watch;
	bool was_held; /* as the file said at start */
};

/* --- facts --------------------------------------------------------------- */

static bool has_addr(const struct ctl_subject *subject, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < subject->addr_count; i++)
		if (addr_is_same_host(&subject->addrs[i], addr))
			return true;
	return false;
}

/* Whether @subject serves an NFSv2/3 mount of ours. */
static bool is_server(const struct ctl_subject *subject)
{
	struct mounts *mounts = xzalloc(sizeof(*mounts));
	bool is_found = false;
	size_t i;

	/*
	 * Now, and not as the core knows it: a mount sends SM_MON as soon as it
	 * locks, and the core is told of it within a second.
	 */
	mounts_read(mounts);
	for (i = 0; i < mounts->count; i++)
		is_found = is_found || has_addr(subject, &mounts->servers[i]);
	free(mounts);
	return is_found;
}

/* --- what is fed --------------------------------------------------------- */

static void feed(struct untold *u, uint64_t id, enum nsm_untold what)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .untold = {.id = id, .what = what}};

	u->feed(u->ctx, &in);
}

/* Somebody is to be told; @lines by ourselves, empty: by sm-notify. */
static void feed_yes(struct untold *u, uint64_t id,
		     const struct ctl_subject *subject, const struct buf *lines)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .bytes = lines->bytes,
			    .len = lines->len,
			    .untold = {.id = id,
				       .what = NSM_UNTOLD_YES,
				       .facts = {.is_grace = kernel_has_grace(),
						 .is_server =
							 is_server(subject),
						 .has_nfsd = kernel_has_nfsd(),
						 .was_held = u->was_held}}};

	u->feed(u->ctx, &in);
}

/* No sm-notify runs: sm.bak/ says it. */
static void look(struct untold *u, uint64_t id,
		 const struct ctl_subject *subject)
{
	struct buf lines;

	buf_init(&lines, RECORD_FILE_MAX);
	switch (bakindex_ask(&u->index, subject, &lines)) {
	case CTL_UNTOLD:
		feed_yes(u, id, subject, &lines);
		break;
	case CTL_PARKED:
		feed(u, id, NSM_UNTOLD_PARKED);
		break;
	case CTL_NONE:
	case CTL_TOLD:
		feed(u, id, NSM_UNTOLD_NONE);
		break;
	}
	buf_fini(&lines);
}

static void outcome(struct untold *u, const struct wish *wish,
		    enum ctl_word word)
{
	static const enum nsm_untold to_tell[] = {
		[CTL_NONE] = NSM_UNTOLD_TOLD,
		[CTL_UNTOLD] = NSM_UNTOLD_LOST,
		[CTL_TOLD] = NSM_UNTOLD_TOLD,
		[CTL_PARKED] = NSM_UNTOLD_PARKED,
	};
	const struct buf nothing = {0};

	if (wish->verb == CTL_PARK)
		feed(u, wish->id, NSM_UNTOLD_PARKED);
	else if (ctl_is_tell(wish->verb))
		feed(u, wish->id, to_tell[word]);
	else if (word == CTL_UNTOLD)
		feed_yes(u, wish->id, &wish->subject, &nothing);
	else
		feed(u, wish->id,
		     word == CTL_PARKED ? NSM_UNTOLD_PARKED : NSM_UNTOLD_NONE);
}

/* --- the connection ------------------------------------------------------ */

/*
 * To tell a silent peer takes as long as grace runs; what is answered at once
 * must not wait for that, or the next peer is parked unasked.
 */
static unsigned int *sent_count(struct untold *u, const struct wish *wish)
{
	return &u->sent_counts[ctl_is_tell(wish->verb) ? 0 : 1];
}

static void wish_free(struct untold *u, struct wish *wish)
{
	list_remove(&wish->in_wishes);
	u->wish_count--;
	*sent_count(u, wish) -= wish->is_sent;
	free(wish);
}

/* sm-notify is gone, and whatever it was to answer is for us. */
static void disconnect(struct untold *u)
{
	struct link lost;
	struct link *at, *after;

	loop_unwatch(u->watch);
	u->watch = NULL;
	close(u->sock);
	u->sock = -1;
	list_init(&lost);
	list_for_each_safe (at, after, &u->wishes) {
		list_remove(at);
		list_append(&lost, at);
	}
	/* What is fed may bring new wishes, and a new connection. */
	while (!list_is_empty(&lost)) {
		struct wish *wish =
			container_of(lost.next, struct wish, in_wishes);

		if (wish->verb == CTL_ASK)
			look(u, wish->id, &wish->subject);
		else
			feed(u, wish->id,
			     ctl_is_tell(wish->verb) ? NSM_UNTOLD_LOST
						     : NSM_UNTOLD_PARKED);
		wish_free(u, wish);
	}
}

/* Sends what waits, as far as sm-notify takes it. */
static void send_wishes(struct untold *u)
{
	struct buf subject, text;
	struct link *at;

	buf_init(&subject, CTL_LEN_MAX);
	buf_init(&text, CTL_LEN_MAX);
	list_for_each (at, &u->wishes) {
		struct wish *wish = container_of(at, struct wish, in_wishes);

		if (wish->is_sent || *sent_count(u, wish) >= UNTOLD_OPEN_MAX)
			continue;
		buf_clear(&subject);
		buf_clear(&text);
		ctl_add_subject(&subject, &wish->subject);
		ctl_add_request(&text, wish->verb, wish->tag,
				buf_text(&subject));
		/* Where it cannot be sent, the loop sees the end. */
		if (send(u->sock, text.bytes, text.len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			shutdown(u->sock, SHUT_RDWR);
		wish->is_sent = true;
		(*sent_count(u, wish))++;
	}
	buf_fini(&text);
	buf_fini(&subject);
}

static void take_answer(struct untold *u, uint64_t tag, enum ctl_word word)
{
	struct link *at;

	list_for_each (at, &u->wishes) {
		struct wish *wish = container_of(at, struct wish, in_wishes);

		if (wish->tag != tag)
			continue;
		list_remove(at);
		outcome(u, wish, word);
		wish_free(u, wish);
		return;
	}
}

static void on_answer(void *ctx, int fd, unsigned int events)
{
	struct untold *u = ctx;
	char text[CTL_LEN_MAX];
	enum ctl_word word;
	uint64_t tag;
	ssize_t got;

	(void)events; /* only LOOP_READ is watched */
	got = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || !ctl_parse_answer(text, (size_t)got, &tag, &word)) {
		disconnect(u);
		return;
	}
	take_answer(u, tag, word);
	if (u->sock >= 0)
		send_wishes(u);
}

/* Whether sm-notify runs; it is connected then. */
static bool connect_notify(struct untold *u)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX,
					 .sun_path = SOCKET_PATH};

	if (u->sock >= 0)
		return true;
	u->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
			 0);
	if (u->sock < 0)
		return false;
	if (connect(u->sock, (const struct sockaddr *)&addr, sizeof(addr))) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			log_debug(LOG_CLASS_GENERAL, SOCKET_PATH ": %s",
				  strerror(errno));
		close(u->sock);
		u->sock = -1;
		return false;
	}
	u->watch = loop_watch(u->loop, u->sock, LOOP_READ, on_answer, u);
	return true;
}

static void add_wish(struct untold *u, const struct nsm_out *out,
		     const struct ctl_subject *subject)
{
	struct wish *wish;

	if (u->wish_count >= UNTOLD_PENDING_MAX) {
		feed(u, out->untold.id, NSM_UNTOLD_LOST);
		return;
	}
	wish = xzalloc(sizeof(*wish));
	wish->tag = ++u->last_tag;
	wish->id = out->untold.id;
	wish->verb = out->untold.verb;
	wish->subject = *subject;
	list_append(&u->wishes, &wish->in_wishes);
	u->wish_count++;
	send_wishes(u);
}

/* --- the file ------------------------------------------------------------ */

/*
 * Appends @line and LF.  Not flushed: it has to outlive processes only, since
 * after a power failure comes a turn, which empties sm/.reclaim.  Opened each
 * time, since "sm-notify -f" removes the file.
 */
static int append(const struct untold *u, const char *line)
{
	struct stat st;
	struct buf text;
	ssize_t put;
	int error = 0;
	int fd;

	if (mkdirat(u->sm_fd, ".reclaim", 0700) && errno != EEXIST)
		return -errno;
	fd = openat(u->sm_fd, PARKED_FILE,
		    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	buf_init(&text, LINE_MAX_LEN);
	buf_addf(&text, "%s\n", line);
	put = write(fd, text.bytes, text.len);
	if (put != (ssize_t)text.len) {
		error = put < 0 ? -errno : -ENOSPC;
		/* Half a line would spoil the next one. */
		if (ftruncate(fd, st.st_size))
			log_debug(LOG_CLASS_GENERAL, "sm/" PARKED_FILE ": %s",
				  strerror(errno));
	}
	buf_fini(&text);
	close(fd);
	return error;
}

static void append_or_log(const struct untold *u, const char *line)
{
	int error = append(u, line);

	if (error != 0)
		log_line(LOG_ERROR,
			 "sm/" PARKED_FILE ": %s; a later sm-notify may notify "
			 "a peer that has locks again",
			 strerror(-error));
}

/* Calls @visit for each line of the file that says something. */
static void each_line(const struct untold *u,
		      void (*visit)(void *ctx, const struct parked_line *line),
		      void *ctx)
{
	struct record_lines lines = {0};
	struct parked_line parked;
	const uint8_t *line;
	struct buf text;
	size_t len;

	buf_init(&text, PARKED_FILE_MAX);
	if (durable_read(u->sm_fd, PARKED_FILE, &text) == 0) {
		lines.bytes = text.bytes;
		lines.len = text.len;
	}
	while (record_lines_next(&lines, &line, &len))
		if (parked_parse(line, len, &parked))
			visit(ctx, &parked);
	buf_fini(&text);
}

struct parked_count {
	uint32_t number; /* in force */
	unsigned int count;
};

static void count_parked(void *ctx, const struct parked_line *line)
{
	struct parked_count *parked = ctx;

	parked->count +=
		line->kind == PARKED_PARK ||
		(line->kind == PARKED_TOLD && line->number != parked->number);
}

static void see_held(void *ctx, const struct parked_line *line)
{
	bool *was_held = ctx;

	*was_held = *was_held || line->kind == PARKED_HELD;
}

/* --- what the core wants ------------------------------------------------- */

static void do_ask(struct untold *u, const struct nsm_out *out,
		   const struct ctl_subject *subject)
{
	if (bakindex_is_empty(&u->index))
		feed(u, out->untold.id, NSM_UNTOLD_NONE);
	else if (connect_notify(u))
		add_wish(u, out, subject);
	else
		look(u, out->untold.id, subject);
}

/*
 * Whether the file says all that a later run has to know of @subject.
 * SAFETY: whom we have told it says line by line, as far as sm.bak/ could be
 * read; what is in the rest is not to be told late.
 */
static bool is_in_file(const struct untold *u, const struct nsm_out *out,
		       const struct ctl_subject *subject)
{
	return out->untold.is_noted && !bakindex_has_unread(&u->index, subject);
}

static void do_park(struct untold *u, const struct nsm_out *out,
		    const struct ctl_subject *subject)
{
	struct buf line;

	if (!is_in_file(u, out, subject)) {
		buf_init(&line, LINE_MAX_LEN);
		buf_add_text(&line, "park ");
		ctl_add_subject(&line, subject);
		append_or_log(u, buf_text(&line));
		buf_fini(&line);
	}
	bakindex_park(&u->index, subject);
	if (connect_notify(u))
		add_wish(u, out, subject);
	else
		feed(u, out->untold.id, NSM_UNTOLD_PARKED);
}

void untold_set_number(struct untold *u, uint32_t number)
{
	bakindex_set_number(&u->index, number);
}

void untold_wish(struct untold *u, const struct nsm_out *out)
{
	struct ctl_subject subject;

	if (!ctl_parse_subject(out->untold.subject, strlen(out->untold.subject),
			       &subject)) {
		feed(u, out->untold.id, NSM_UNTOLD_LOST);
		return;
	}
	switch (out->untold.verb) {
	case CTL_ASK:
		do_ask(u, out, &subject);
		break;
	case CTL_TELL:
	case CTL_TELL_IN_GRACE:
		if (u->sock >= 0)
			add_wish(u, out, &subject);
		else
			feed(u, out->untold.id, NSM_UNTOLD_LOST);
		break;
	case CTL_PARK:
		do_park(u, out, &subject);
		break;
	}
}

void untold_note(struct untold *u, const struct nsm_out *out)
{
	append_or_log(u, out->note.line);
}

void untold_add_status(const struct untold *u, struct buf *out)
{
	struct parked_count parked = {.number = u->index.number};

	each_line(u, count_parked, &parked);
	buf_addf(out,
		 "peers parked, untold and monitored again: %u; questions to "
		 "sm-notify: %u\n",
		 parked.count, u->wish_count);
}

static int open_dirs(struct untold *u, const char *state_dir)
{
	int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	if (dir < 0)
		return -errno;
	u->sm_fd = openat(dir, "sm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->sm_fd >= 0)
		u->bak_fd = openat(dir, "sm.bak",
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->bak_fd < 0)
		error = -errno;
	close(dir);
	return error;
}

struct untold *untold_open(struct loop *loop, const char *state_dir,
			   untold_feed *feed_call, void *ctx, int *error)
{
	struct untold *u = xzalloc(sizeof(*u));

	*u = (struct untold){.loop = loop,
			     .feed = feed_call,
			     .ctx = ctx,
			     .sm_fd = -1,
			     .bak_fd = -1,
			     .sock = -1};
	list_init(&u->wishes);
	*error = open_dirs(u, state_dir);
	bakindex_init(&u->index, u->bak_fd, u->sm_fd);
	if (*error != 0) {
		untold_free(u);
		return NULL;
	}
	each_line(u, see_held, &u->was_held);
	return u;
}

void untold_free(struct untold *u)
{
	struct link *at, *after;

	if (u == NULL)
		return;
	list_for_each_safe (at, after, &u->wishes)
		wish_free(u, container_of(at, struct wish, in_wishes));
	loop_unwatch(u->watch);
	if (u->sock >= 0)
		close(u->sock);
	bakindex_fini(&u->index);
	if (u->sm_fd >= 0)
		close(u->sm_fd);
	if (u->bak_fd >= 0)
		close(u->bak_fd);
	free(u);
}
