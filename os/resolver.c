/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns a few helper processes, each of which answers one name at a time with
 * getaddrinfo(3), and the queue in front of them.  Processes, because a name
 * service that hangs can only be ended with the process it hangs in.  Believes
 * nothing about a name and keeps no answer: caching is the name service's.
 *
 * Between us and a helper: the bytes of the name one way, struct answer the
 * other, each as one message of a SOCK_SEQPACKET pair.
 */
#define _GNU_SOURCE /* close_range() */
#include "os/resolver.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/hostname.h"
#include "lib/list.h"
#include "lib/xalloc.h"
#include "os/process.h"

#define FORK_PAUSE_MS 1000u
#define HELPER_FD     3 /* the helper's end of the pair; all above is closed */

struct answer {
	uint32_t count;
	struct addr addrs[RESOLVER_ADDRS_MAX];
};

struct question {
	struct link link; /* resolver::queue or resolver::refused */
	uint64_t id;
	size_t len;
	char name[HOSTNAME_LEN_MAX + 1];
};

struct helper {
	struct resolver *resolver;
	pid_t pid; /* 0: not running */
	int fd;
	struct loop_watch *watch;
	struct loop_timer *timer;  /* busy: time-out; ended: may fork again */
	struct question *question; /* what it works on */
	uint64_t fork_at_ms;	   /* not forked before */
};

struct resolver {
	struct loop *loop;
	resolver_answer *answer;
	void *ctx;
	uint32_t timeout_ms;
	struct link queue;   /* of questions that wait for a helper */
	struct link refused; /* of questions that found the queue full */
	size_t queue_len;
	struct loop_timer *refuse;
	struct helper helpers[RESOLVER_HELPERS];
};

/* --- in the helper process ----------------------------------------------- */

/*
 * SAFETY: 0.0.0.0 and :: are what a filtering name server says of a name that
 * it blocks.  Linux takes what is sent there to this very host, whose statd
 * would acknowledge the notice for the peer.
 */
static bool is_no_host(const struct addr *addr)
{
	static const uint8_t any[sizeof(addr->bytes)];

	return addr->family == ADDR_NONE ||
	       memcmp(addr->bytes, any, sizeof(any)) == 0;
}

static void answer_add(struct answer *answer, const struct addr *addr)
{
	if (is_no_host(addr) || answer->count == RESOLVER_ADDRS_MAX)
		return;
	for (uint32_t i = 0; i < answer->count; i++) {
		if (addr_is_same_host(&answer->addrs[i], addr))
			return;
	}
	answer->addrs[answer->count++] = *addr;
}

static void look_up(const char *name, struct answer *out)
{
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM, /* each address once, not per type */
	};
	struct addrinfo *list = NULL;
	struct addr addr;

	memset(out, 0, sizeof(*out));
	/* A host that got its network after us has a new resolv.conf. */
	if (res_init() != 0 || getaddrinfo(name, NULL, &hints, &list) != 0)
		return;
	for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
		addr = addr_from_sockaddr(at->ai_addr);
		answer_add(out, &addr);
	}
	freeaddrinfo(list);
}

/*
 * Ends with us in any case: by signal, and by the end of the socket pair.
 * SAFETY: no other descriptor stays open here, or a helper that hangs would
 * hold a listening port, or a lock, of a daemon that is gone.
 */
static void helper_prepare(int fd, pid_t parent)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* some cannot be set */
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	if (fd != HELPER_FD && dup2(fd, HELPER_FD) < 0)
		_exit(1);
	if (close_range(HELPER_FD + 1, ~0u, 0) < 0)
		_exit(1);
}

static _Noreturn void helper_main(int fd, pid_t parent)
{
	char name[HOSTNAME_LEN_MAX + 1];
	struct answer answer;
	ssize_t len;

	helper_prepare(fd, parent);
	process_rename("nsm-lookup");
	for (;;) {
		len = recv(HELPER_FD, name, HOSTNAME_LEN_MAX, 0);
		if (len <= 0)
			_exit(0);
		name[len] = '\0';
		look_up(name, &answer);
		if (send(HELPER_FD, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

/* --- in the daemon ------------------------------------------------------- */

static void dispatch(struct resolver *resolver);

static const struct answer no_answer;

static void helper_end(struct helper *helper)
{
	if (helper->pid == 0)
		return;
	loop_unwatch(helper->watch);
	helper->watch = NULL;
	close(helper->fd);
	kill(helper->pid, SIGKILL);
	/* Cannot take long after SIGKILL, and leaves no zombie. */
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper->pid = 0;
}

/* Hands the answer to what @helper works on out, and gives it more to do. */
static void helper_done(struct helper *helper, const struct answer *answer)
{
	struct resolver *resolver = helper->resolver;
	struct question *question = helper->question;

	helper->question = NULL;
	if (question != NULL) {
		resolver->answer(resolver->ctx, question->id, answer->addrs,
				 answer->count);
		free(question);
	}
	dispatch(resolver);
}

static void on_answer(void *ctx, int fd, unsigned int events)
{
	struct helper *helper = ctx;
	struct answer answer;
	ssize_t len = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);

	(void)events;
	if (len < 0 && errno == EAGAIN)
		return;
	if (len == sizeof(answer) && answer.count <= RESOLVER_ADDRS_MAX) {
		loop_timer_set(helper->timer, UINT64_MAX);
		helper_done(helper, &answer);
		return;
	}
	/* It died of that name, or of nothing that we know. */
	helper_end(helper);
	helper_done(helper, &no_answer);
}

/* Forks the helper process; false where that fails for now. */
static bool helper_start(struct helper *helper)
{
	pid_t parent = getpid();
	sigset_t all;
	sigset_t old;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	/* A signal that came to the child before it reset its handlers would
	 * be told to our loop, whose descriptors it shares. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old); /* cannot fail */
	helper->pid = fork();
	if (helper->pid == 0)
		helper_main(pair[1], parent);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	close(pair[1]);
	if (helper->pid < 0) {
		close(pair[0]);
		helper->pid = 0;
		return false;
	}
	helper->fd = pair[0];
	helper->watch = loop_watch(helper->resolver->loop, helper->fd,
				   LOOP_READ, on_answer, helper);
	return true;
}

/* Makes sure that @helper runs, or is tried again when it may be. */
static bool helper_is_ready(struct helper *helper)
{
	uint64_t now_ms = loop_now_ms();

	if (helper->pid != 0)
		return true;
	if (now_ms >= helper->fork_at_ms) {
		helper->fork_at_ms = now_ms + FORK_PAUSE_MS;
		if (helper_start(helper))
			return true;
	}
	loop_timer_set(helper->timer, helper->fork_at_ms);
	return false;
}

/* Gives @helper the first question; that stays where the helper has died. */
static void helper_ask(struct helper *helper)
{
	struct resolver *resolver = helper->resolver;
	struct question *question =
		container_of(resolver->queue.next, struct question, link);

	if (send(helper->fd, question->name, question->len,
		 MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		helper_end(helper);
		loop_timer_set(helper->timer, helper->fork_at_ms);
		return;
	}
	list_remove(&question->link);
	resolver->queue_len--;
	helper->question = question;
	loop_timer_set(helper->timer, loop_now_ms() + resolver->timeout_ms);
}

static void dispatch(struct resolver *resolver)
{
	for (size_t i = 0; i < RESOLVER_HELPERS; i++) {
		struct helper *helper = &resolver->helpers[i];

		if (list_is_empty(&resolver->queue))
			return;
		if (helper->question == NULL && helper_is_ready(helper))
			helper_ask(helper);
	}
}

static void on_timer(void *ctx)
{
	struct helper *helper = ctx;

	if (helper->question != NULL) {
		helper_end(helper);
		helper_done(helper, &no_answer);
	} else {
		dispatch(helper->resolver);
	}
}

/* Only what is there now: an answer may lead to another question. */
static void on_refuse(void *ctx)
{
	struct resolver *resolver = ctx;
	const struct link *last = resolver->refused.prev;
	struct link *link;

	do {
		struct question *question;

		link = list_take_first(&resolver->refused);
		question = container_of(link, struct question, link);
		resolver->answer(resolver->ctx, question->id, no_answer.addrs,
				 0);
		free(question);
	} while (link != last);
}

struct resolver *resolver_new(struct loop *loop, resolver_answer *answer,
			      void *ctx)
{
	struct resolver *resolver = xzalloc(sizeof(*resolver));

	assert(answer != NULL);
	resolver->loop = loop;
	resolver->answer = answer;
	resolver->ctx = ctx;
	resolver->timeout_ms = RESOLVER_TIMEOUT_MS;
	list_init(&resolver->queue);
	list_init(&resolver->refused);
	resolver->refuse = loop_timer_new(loop, on_refuse, resolver);
	for (size_t i = 0; i < RESOLVER_HELPERS; i++) {
		struct helper *helper = &resolver->helpers[i];

		helper->resolver = resolver;
		helper->timer = loop_timer_new(loop, on_timer, helper);
	}
	return resolver;
}

void resolver_set_timeout(struct resolver *resolver, uint32_t timeout_ms)
{
	resolver->timeout_ms = timeout_ms;
}

void resolver_ask(struct resolver *resolver, uint64_t id, const char *name)
{
	struct question *question = xzalloc(sizeof(*question));

	question->id = id;
	question->len = strlen(name);
	assert(question->len >= 1 && question->len <= HOSTNAME_LEN_MAX);
	memcpy(question->name, name, question->len);
	if (resolver->queue_len == RESOLVER_QUEUE_MAX) {
		list_append(&resolver->refused, &question->link);
		loop_timer_set(resolver->refuse, 0);
		return;
	}
	list_append(&resolver->queue, &question->link);
	resolver->queue_len++;
	dispatch(resolver);
}

static void questions_free(struct link *list)
{
	struct link *link;

	while ((link = list_take_first(list)) != NULL)
		free(container_of(link, struct question, link));
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	for (size_t i = 0; i < RESOLVER_HELPERS; i++) {
		struct helper *helper = &resolver->helpers[i];

		helper_end(helper);
		loop_timer_free(helper->timer);
		free(helper->question);
	}
	questions_free(&resolver->queue);
	questions_free(&resolver->refused);
	loop_timer_free(resolver->refuse);
	free(resolver);
}
