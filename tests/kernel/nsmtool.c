/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scenario needs to say on the wire that no kernel would.
 *
 *   nsmtool notify TO NAME STATE [FROM]
 *       one SM_NOTIFY to the statd at address TO, in the name of NAME, from
 *       address FROM; from a reserved port where the user is root.  Says
 *       "answered" or "silent".
 *   nsmtool locks SERVER PATH FILE FROM COUNT
 *       COUNT clients, with the addresses FROM, FROM + 1 and so on of this
 *       machine: each locks one byte of its own in FILE of the export PATH
 *       (NLM 4 over UDP).  Says how many were granted, in how many ms.
 *
 * It uses libtirpc on purpose and nothing of lib/.  IPv4 only.
 * Source: RFC 1813, 5.2.1 MNT, 3.3.3 LOOKUP; X/Open C702 chapter 10.
 */
#include <arpa/inet.h>
#include <rpc/pmap_clnt.h>
#include <rpc/rpc.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

#define REPEAT_S    1
#define WAIT_S	    4  /* for an answer */
#define LOCK_WAIT_S 60 /* lockd has one thread, and we are many */
#define HANDLE_MAX  64
#define MOUNT_PROG  100005
#define MOUNT_MNT   1
#define NFS_PROG    100003
#define NFS_LOOKUP  3
#define COUNT_MAX   1000

struct handle {
	u_int len;
	char data[HANDLE_MAX];
};

/* Arguments of MNT (no handle) and LOOKUP. */
struct path {
	struct handle *in;
	char *name;
};

static void fail(const char *what)
{
	fprintf(stderr, "nsmtool: %s\n", what);
	exit(1);
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		fail(text);
	return sin;
}

/* A datagram client for @prog at @to (its port, unless set, is asked of the
 * rpcbind there), sending from address @from. */
static CLIENT *client(struct sockaddr_in *to, struct sockaddr_in from,
		      rpcprog_t prog, rpcvers_t vers)
{
	struct timeval repeat = {.tv_sec = REPEAT_S};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	CLIENT *clnt;

	if (to->sin_port == 0)
		to->sin_port = htons(pmap_getport(to, prog, vers, IPPROTO_UDP));
	if (to->sin_port == 0)
		fail("no such program there");
	from.sin_port = 0;
	if (fd < 0 || (geteuid() == 0 ? bindresvport(fd, &from)
				      : bind(fd, (struct sockaddr *)&from,
					     sizeof(from))) < 0)
		fail("bind");
	clnt = clntudp_create(to, prog, vers, repeat, &fd);
	if (!clnt)
		fail("clntudp_create");
	clnt_control(clnt, CLSET_FD_CLOSE, NULL);
	return clnt;
}

static void client_end(CLIENT *clnt)
{
	if (clnt->cl_auth)
		auth_destroy(clnt->cl_auth);
	clnt_destroy(clnt);
}

static bool_t xdr_nothing(XDR *xdrs, ...)
{
	(void)xdrs; /* nothing to read or write */
	return TRUE;
}

/* --- notices ------------------------------------------------------------ */

static int notify(char **argv, int argc)
{
	struct sockaddr_in to = address(argv[0]);
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct timeval wait = {.tv_sec = WAIT_S};
	sm_stat_chge notice = {.state = atoi(argv[2])};
	enum clnt_stat status;
	CLIENT *clnt;

	notice.mon_name.sm_string_val = argv[1];
	notice.mon_name.sm_string_len = (u_int)strlen(argv[1]);
	if (argc > 3)
		from = address(argv[3]);
	clnt = client(&to, from, SM_PROGRAM, SM_VERSION);
	status =
		clnt_call(clnt, SM_PROC_NOTIFY, (xdrproc_t)xdr_sm_stat_chge,
			  (caddr_t)&notice, (xdrproc_t)xdr_nothing, NULL, wait);
	client_end(clnt);
	puts(status == RPC_SUCCESS ? "answered" : "silent");
	return 0;
}

/* --- many locks --------------------------------------------------------- */

static bool_t xdr_path(XDR *xdrs, struct path *path)
{
	char *handle = path->in ? path->in->data : NULL;

	if (path->in && !xdr_bytes(xdrs, &handle, &path->in->len, HANDLE_MAX))
		return FALSE;
	return xdr_string(xdrs, &path->name, PATH_MAX);
}

/* A status that must be 0, and a handle; what follows is not read. */
static bool_t xdr_handle(XDR *xdrs, struct handle *handle)
{
	char *data = handle->data;
	u_int status;

	return xdr_u_int(xdrs, &status) && status == 0 &&
	       xdr_bytes(xdrs, &data, &handle->len, HANDLE_MAX);
}

/* The handle that @proc gives for @path, by TCP from a reserved port. */
static struct handle handle_get(struct sockaddr_in to, rpcprog_t prog,
				rpcproc_t proc, struct path path)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct timeval wait = {.tv_sec = WAIT_S};
	struct handle handle = {0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CLIENT *clnt;

	to.sin_port = htons(pmap_getport(&to, prog, 3, IPPROTO_TCP));
	if (to.sin_port == 0 || fd < 0 || bindresvport(fd, &any) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("no such program there");
	clnt = clnttcp_create(&to, prog, 3, &fd, 0, 0);
	if (!clnt)
		fail("clnttcp_create");
	clnt_control(clnt, CLSET_FD_CLOSE, NULL);
	clnt->cl_auth = authunix_create("nsmtool", 0, 0, 0, NULL);
	if (clnt_call(clnt, proc, (xdrproc_t)xdr_path, (caddr_t)&path,
		      (xdrproc_t)xdr_handle, (caddr_t)&handle,
		      wait) != RPC_SUCCESS)
		fail(path.name);
	client_end(clnt);
	return handle;
}

static bool is_granted(struct sockaddr_in *to, struct sockaddr_in from,
		       struct handle *file, int number)
{
	char name[INET_ADDRSTRLEN], owner[16];
	struct timeval wait = {.tv_sec = LOCK_WAIT_S};
	nlm4_lockargs args = {.exclusive = TRUE};
	char space[64];
	nlm4_res res = {.cookie = {0, space}};
	CLIENT *clnt = client(to, from, NLM_PROGRAM, NLM_VERSION_4);
	enum clnt_stat status;

	inet_ntop(AF_INET, &from.sin_addr, name, sizeof(name));
	snprintf(owner, sizeof(owner), "%d", number);
	args.cookie.nlm_netobj_val = owner;
	args.cookie.nlm_netobj_len = 4;
	args.alock.caller_name.nlm_string_val = name;
	args.alock.caller_name.nlm_string_len = (u_int)strlen(name);
	args.alock.fh.nlm_netobj_val = file->data;
	args.alock.fh.nlm_netobj_len = file->len;
	args.alock.oh.nlm_netobj_val = owner;
	args.alock.oh.nlm_netobj_len = (u_int)strlen(owner);
	args.alock.svid = number;
	args.alock.l_offset = (u_quad_t)number;
	args.alock.l_len = 1;
	status = clnt_call(clnt, NLM_PROC_LOCK, (xdrproc_t)xdr_nlm4_lockargs,
			   (caddr_t)&args, (xdrproc_t)xdr_nlm4_res,
			   (caddr_t)&res, wait);
	client_end(clnt);
	return status == RPC_SUCCESS && res.stat.stat == NLM4_GRANTED;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int locks(char **argv)
{
	struct sockaddr_in server = address(argv[0]), lockd = server;
	struct sockaddr_in from = address(argv[3]);
	struct path path = {NULL, argv[1]};
	int count = atoi(argv[4]), granted = 0;
	struct handle root, file;
	long start;

	root = handle_get(server, MOUNT_PROG, MOUNT_MNT, path);
	path = (struct path){&root, argv[2]};
	file = handle_get(server, NFS_PROG, NFS_LOOKUP, path);
	start = now_ms();
	for (int i = 0; i < count && i < COUNT_MAX; i++) {
		granted += is_granted(&lockd, from, &file, i);
		from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + 1);
	}
	printf("%d granted in %ld ms\n", granted, now_ms() - start);
	return granted != count;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && argc <= 6 && strcmp(argv[1], "notify") == 0)
		return notify(argv + 2, argc - 2);
	if (argc == 7 && strcmp(argv[1], "locks") == 0)
		return locks(argv + 2);
	fputs("usage: nsmtool notify TO NAME STATE [FROM]\n"
	      "       nsmtool locks SERVER PATH FILE FROM COUNT\n",
	      stderr);
	return 2;
}
