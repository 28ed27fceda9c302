/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire between the machines of the laboratory.  Each machine has a port:
 * qemu sends its Ethernet frames to the datagram socket hubN and gets those of
 * all other ports at vmN.  A machine may die and come back at any time.  All
 * frames are kept in a pcap file.
 *
 *   hub PORTS       in the current directory: hub1.. vm1.., pcap
 *
 * Orders are read from standard input, one per line; it ends with its input:
 *
 *   kill-at grant PORT PID...    the first NLM LOCK that PORT grants
 *   kill-at notice PORT PID...   the first SM_NOTIFY that PORT sends
 *
 * kills these processes with SIGKILL right after that frame was passed on, and
 * says on standard output "killed at grant", or "killed at notice STATE", the
 * number that was announced.
 *
 *   asleep PORT     it gets no frames: it was stopped and would not read them
 *   awake PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX 8
#define PIDS_MAX  8
#define FRAME_MAX 65536
#define CALLS_MAX 64  /* NLM LOCK calls whose reply is awaited */
#define SEND_MS	  100 /* how long a machine may leave frames unread */

/* What to kill, and at which frame; nothing while pids is 0. */
struct order {
	bool is_grant; /* else: notice */
	int port;
	pid_t pid[PIDS_MAX];
	int pids;
};

/* A part of an RPC message that starts after its xid. */
static const uint8_t lock_call[] = {0,	  0,	0, 0, 0, 0, 0, 2, 0, 1,
				    0x86, 0xb5, 0, 0, 0, 4, 0, 0, 0, 2};
static const uint8_t notify_call[] = {0,    0,	  0, 0, 0, 0, 0, 2, 0, 1,
				      0x86, 0xb8, 0, 0, 0, 1, 0, 0, 0, 6};

static struct order order;
static uint32_t calls[CALLS_MAX]; /* xids in network order, a ring */
static unsigned calls_seen;
static bool is_asleep[PORTS_MAX + 1];
static int ports;
static struct pollfd fds[PORTS_MAX + 1]; /* [0] is standard input */
static FILE *pcap;

static void fail(const char *what)
{
	fprintf(stderr, "hub: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address(const char *kind, int port)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s%d", kind, port);
	return addr;
}

static int port_open(int port)
{
	struct sockaddr_un addr = address("hub", port);
	struct timeval patience = {.tv_usec = SEND_MS * 1000};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail(addr.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)) < 0)
		fail("SO_SNDTIMEO");
	return fd;
}

/* --- pcap --------------------------------------------------------------- */

/* Classic pcap, Ethernet, microseconds. */
static void pcap_start(void)
{
	const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, FRAME_MAX, 1};

	pcap = fopen("pcap", "we");
	if (!pcap || fwrite(head, sizeof(head), 1, pcap) != 1)
		fail("pcap");
	fflush(pcap);
}

static void pcap_add(const uint8_t *frame, size_t len)
{
	struct timespec now;
	uint32_t head[4];

	clock_gettime(CLOCK_REALTIME, &now);
	head[0] = (uint32_t)now.tv_sec;
	head[1] = (uint32_t)(now.tv_nsec / 1000);
	head[2] = head[3] = (uint32_t)len;
	if (fwrite(head, sizeof(head), 1, pcap) != 1 ||
	    fwrite(frame, len, 1, pcap) != 1 || fflush(pcap) != 0)
		fail("pcap");
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return ntohl(word);
}

/* --- orders ------------------------------------------------------------- */

static int port_read(const char *word)
{
	int port = word ? atoi(word) : 0;

	return port >= 1 && port <= ports ? port : 0;
}

static void kill_order_read(void)
{
	struct order new = {0};
	char *word = strtok(NULL, " \n");

	new.is_grant = word &&strcmp(word, "grant") == 0;
	word = strtok(NULL, " \n");
	new.port = port_read(word);
	while ((word = strtok(NULL, " \n")) && new.pids < PIDS_MAX)
		new.pid[new.pids++] = atoi(word);
	calls_seen = 0;
	memset(calls, 0, sizeof(calls));
	order = new;
	puts("armed");
	fflush(stdout);
}

static void order_read(char *line)
{
	const char *word = strtok(line, " \n");

	if (word && strcmp(word, "kill-at") == 0)
		kill_order_read();
	else if (word && strcmp(word, "asleep") == 0)
		is_asleep[port_read(strtok(NULL, " \n"))] = true;
	else if (word && strcmp(word, "awake") == 0)
		is_asleep[port_read(strtok(NULL, " \n"))] = false;
}

static void order_carry_out(const uint8_t *frame, size_t len)
{
	for (int i = 0; i < order.pids; i++)
		if (order.pid[i] > 1)
			kill(order.pid[i], SIGKILL);
	if (order.is_grant)
		puts("killed at grant");
	else
		printf("killed at notice %u\n", word_at(frame + len - 4));
	fflush(stdout);
	order.pids = 0;
}

/* --- looking into frames ------------------------------------------------ */

static void call_remember(const uint8_t *frame, size_t len)
{
	const uint8_t *at = memmem(frame, len, lock_call, sizeof(lock_call));

	if (at && at - frame >= 4)
		memcpy(&calls[calls_seen++ % CALLS_MAX], at - 4, 4);
}

/* After the xid: REPLY, accepted, a verifier without a body, success, the
 * cookie, and the status: 0 is granted. */
static bool reply_is_granted(const uint8_t *at, const uint8_t *end)
{
	uint32_t cookie;

	for (int i = 0; i < 5; i++, at += 4)
		if (end - at < 4 || word_at(at) != (i == 0))
			return false;
	if (end - at < 4)
		return false;
	cookie = (word_at(at) + 3) & ~3u;
	return cookie < 1024 && end - at >= 8 + (ptrdiff_t)cookie &&
	       word_at(at + 4 + cookie) == 0;
}

static bool is_grant(const uint8_t *frame, size_t len)
{
	const uint8_t *at;

	for (int i = 0; i < CALLS_MAX; i++) {
		at = calls[i] ? memmem(frame, len, &calls[i], 4) : NULL;
		if (at && reply_is_granted(at + 4, frame + len))
			return true;
	}
	return false;
}

static bool is_the_frame(int port, const uint8_t *frame, size_t len)
{
	if (order.pids == 0)
		return false;
	if (order.is_grant)
		call_remember(frame, len);
	if (port != order.port)
		return false;
	return order.is_grant ? is_grant(frame, len)
			      : memmem(frame, len, notify_call,
				       sizeof(notify_call)) != NULL;
}

/* --- passing on --------------------------------------------------------- */

static void frame_pass(int from, const uint8_t *frame, size_t len)
{
	for (int to = 1; to <= ports; to++) {
		struct sockaddr_un addr = address("vm", to);

		/* A machine that is off, or asleep, loses its frames.  One
		 * that sleeps must not hold up the others for SEND_MS each. */
		if (to != from && !is_asleep[to])
			(void)sendto(fds[to].fd, frame, len, MSG_NOSIGNAL,
				     (struct sockaddr *)&addr, sizeof(addr));
	}
}

static void port_serve(int port)
{
	static uint8_t frame[FRAME_MAX];
	ssize_t len = recv(fds[port].fd, frame, sizeof(frame), 0);

	if (len <= 0)
		return;
	pcap_add(frame, (size_t)len);
	frame_pass(port, frame, (size_t)len);
	if (is_the_frame(port, frame, (size_t)len))
		order_carry_out(frame, (size_t)len);
}

int main(int argc, char **argv)
{
	char line[256];

	ports = argc == 2 ? atoi(argv[1]) : 0;
	if (ports < 1 || ports > PORTS_MAX) {
		fputs("usage: hub PORTS\n", stderr);
		return 2;
	}
	fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (int i = 1; i <= ports; i++)
		fds[i] = (struct pollfd){port_open(i), POLLIN, 0};
	pcap_start();
	setbuf(stdin, NULL); /* or poll() misses an order that was read ahead */
	for (;;) {
		if (poll(fds, (nfds_t)ports + 1, -1) < 0 && errno != EINTR)
			fail("poll");
		for (int i = 1; i <= ports; i++)
			if (fds[i].revents & POLLIN)
				port_serve(i);
		if (fds[0].revents == 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		order_read(line);
	}
}
