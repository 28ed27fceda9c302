/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for the kernel's lock manager in the system tests and the demo.
 * Without a command it is the server side: program 100021 (versions 1, 3, 4)
 * over UDP, registered with rpcbind, which prints each callback of statd
 * (procedure 16) that comes from loopback and a reserved port.  With a command
 * it is the client side: one request to statd as lockd makes it (TCP to
 * 127.0.0.1, reserved port, AUTH_NULL), or an SM_NOTIFY as a peer sends it.
 *
 * It uses libtirpc's RPC code on purpose and nothing of lib/, so that the
 * tests see our programs through another implementation's eyes.  It grants no
 * locks.  Source: X/Open CAE C702 chapter 11; contract of Linux lockd.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <rpc/pmap_clnt.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <rpc/svc_soc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

#define WAIT_S	       10 /* for statd's answer */
#define LOAD_COUNT_MAX 100000u
#define NAME_SIZE      256u

/* How the request travels. */
struct route {
	const char *host; /* statd's address */
	bool is_udp;
	bool is_unprivileged; /* from a port that any user may have */
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "lockd-standin: %s: %s\n", what, why);
	exit(1);
}

/* xdr_void() with the type that libtirpc's prototypes ask for. */
static bool_t xdr_nothing(XDR *xdrs, ...)
{
	(void)xdrs; /* nothing to read or write */
	return TRUE;
}

/* --- server side ------------------------------------------------------- */

static void callback_print(const struct sm_status *status)
{
	printf("callback mon_name=%.*s state=%d priv=",
	       (int)status->mon_name.sm_string_len,
	       status->mon_name.sm_string_val, status->state);
	for (size_t i = 0; i < SM_PRIV_SIZE; i++)
		printf("%02x", (unsigned char)status->priv[i]);
	printf("\n");
}

/* COMPAT: lockd believes loopback and a reserved port, as this does. */
static bool caller_is_statd(SVCXPRT *xprt)
{
	const struct sockaddr_in *from = svc_getrpccaller(xprt)->buf;

	return from->sin_family == AF_INET &&
	       ntohl(from->sin_addr.s_addr) >> 24 == 127 &&
	       ntohs(from->sin_port) < IPPORT_RESERVED;
}

static void callback_serve(SVCXPRT *xprt)
{
	struct sm_status status = {.state = 0};

	if (!svc_getargs(xprt, (xdrproc_t)xdr_sm_status, (char *)&status)) {
		printf("callback garbage\n");
		svcerr_decode(xprt);
		return;
	}
	if (!caller_is_statd(xprt)) {
		printf("callback rejected: not from statd\n");
		svcerr_systemerr(xprt);
	} else {
		callback_print(&status);
		svc_sendreply(xprt, xdr_nothing, NULL);
	}
	svc_freeargs(xprt, (xdrproc_t)xdr_sm_status, (char *)&status);
}

static void serve(struct svc_req *req, SVCXPRT *xprt)
{
	if (req->rq_proc == NLM_PROC_NULL)
		svc_sendreply(xprt, xdr_nothing, NULL);
	else if (req->rq_proc == NLM_PROC_NSM_NOTIFY)
		callback_serve(xprt);
	else
		svcerr_noproc(xprt);
}

static int serve_forever(void)
{
	static const rpcvers_t versions[] = {NLM_VERSION_1, NLM_VERSION_3,
					     NLM_VERSION_4};
	SVCXPRT *xprt = svcudp_create(RPC_ANYSOCK);

	if (!xprt)
		fail("svcudp_create", strerror(errno));
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		pmap_unset(NLM_PROGRAM, versions[i]);
		if (!svc_register(xprt, NLM_PROGRAM, versions[i], serve,
				  IPPROTO_UDP))
			fail("svc_register", "rpcbind refused");
	}
	printf("serving\n");
	svc_run();
	return 1;
}

/* --- client side ------------------------------------------------------- */

static const char *route_netid(const struct route *route)
{
	if (strchr(route->host, ':'))
		return route->is_udp ? "udp6" : "tcp6";
	return route->is_udp ? "udp" : "tcp";
}

static int route_socket(const struct route *route, sa_family_t family)
{
	int fd = socket(family, route->is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket", strerror(errno));
	if (!route->is_unprivileged && bindresvport_sa(fd, NULL) < 0)
		fail("reserved port", strerror(errno));
	return fd;
}

static CLIENT *route_open(const struct route *route)
{
	struct netconfig *conf = getnetconfigent(route_netid(route));
	struct sockaddr_storage addr;
	struct netbuf to = {.maxlen = sizeof(addr), .buf = &addr};
	CLIENT *clnt;
	int fd;

	if (!conf ||
	    !rpcb_getaddr(SM_PROGRAM, SM_VERSION, conf, &to, route->host))
		fail(route->host, clnt_spcreateerror("no statd"));
	fd = route_socket(route, addr.ss_family);
	clnt = clnt_tli_create(fd, conf, &to, SM_PROGRAM, SM_VERSION, 0, 0);
	if (!clnt)
		fail(route->host, clnt_spcreateerror("connect"));
	clnt_control(clnt, CLSET_FD_CLOSE, NULL);
	freenetconfigent(conf);
	return clnt;
}

/* An argument or a result, and what turns it into XDR. */
struct message {
	xdrproc_t xdr;
	void *body;
};

#define MESSAGE(type, body) ((struct message){(xdrproc_t)xdr_##type, (body)})
#define NOTHING		    ((struct message){xdr_nothing, NULL})

/* One call; the body of @res is filled in. */
static void call(CLIENT *clnt, rpcproc_t proc, struct message arg,
		 struct message res)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	enum clnt_stat stat;

	stat = clnt_call(clnt, proc, arg.xdr, arg.body, res.xdr, res.body,
			 wait);
	if (stat != RPC_SUCCESS)
		fail("call", clnt_sperrno(stat));
}

/* The same over a connection for this one call, as lockd makes it. */
static void call_once(const struct route *route, rpcproc_t proc,
		      struct message arg, struct message res)
{
	CLIENT *clnt = route_open(route);

	call(clnt, proc, arg, res);
	clnt_destroy(clnt);
}

static sm_string string_of(char *text)
{
	return (sm_string){.sm_string_len = (u_int)strlen(text),
			   .sm_string_val = text};
}

/* The identity that lockd registers with: its node name and procedure 16. */
static struct sm_my_id my_id(char *my_name)
{
	static struct utsname host;

	if (!my_name) {
		uname(&host);
		my_name = host.nodename;
	}
	return (struct sm_my_id){.my_name = string_of(my_name),
				 .my_prog = NLM_PROGRAM,
				 .my_vers = NLM_VERSION_3,
				 .my_proc = NLM_PROC_NSM_NOTIFY};
}

static void priv_parse(const char *hex, char out[static SM_PRIV_SIZE])
{
	for (size_t i = 0; i < SM_PRIV_SIZE; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			fail(hex, "want 32 hex digits");
		out[i] = (char)byte;
	}
}

static int result_print(const struct sm_stat_res *res)
{
	bool is_success = res->res_stat == SM_STAT_SUCC;

	printf("%s state=%d\n", is_success ? "success" : "fail", res->state);
	return is_success ? 0 : 2;
}

static int command_mon(const struct route *route, char **arg)
{
	struct sm_mon mon = {.mon_id.mon_name = string_of(arg[0])};
	struct sm_stat_res res = {.state = 0};

	if (strlen(arg[1]) != 2 * SM_PRIV_SIZE)
		fail(arg[1], "want 32 hex digits");
	priv_parse(arg[1], mon.priv);
	mon.mon_id.my_id = my_id(arg[2]);
	call_once(route, SM_PROC_MON, MESSAGE(sm_mon, &mon),
		  MESSAGE(sm_stat_res, &res));
	return result_print(&res);
}

static int command_unmon(const struct route *route, char **arg)
{
	struct sm_mon_id id = {.mon_name = string_of(arg[0]),
			       .my_id = my_id(arg[1])};
	struct sm_stat res = {.state = 0};

	call_once(route, SM_PROC_UNMON, MESSAGE(sm_mon_id, &id),
		  MESSAGE(sm_stat, &res));
	printf("success state=%d\n", res.state);
	return 0;
}

static int command_unmon_all(const struct route *route, char **arg)
{
	struct sm_my_id id = my_id(arg[0]);
	struct sm_stat res = {.state = 0};

	call_once(route, SM_PROC_UNMON_ALL, MESSAGE(sm_my_id, &id),
		  MESSAGE(sm_stat, &res));
	printf("success state=%d\n", res.state);
	return 0;
}

static int command_stat(const struct route *route, char **arg)
{
	struct sm_name name = {.mon_name = string_of(arg[0])};
	struct sm_stat_res res = {.state = 0};

	call_once(route, SM_PROC_STAT, MESSAGE(sm_name, &name),
		  MESSAGE(sm_stat_res, &res));
	return result_print(&res);
}

static int command_crash(const struct route *route, char **arg)
{
	assert(arg);
	call_once(route, SM_PROC_SIMU_CRASH, NOTHING, NOTHING);
	printf("answered\n");
	return 0;
}

/* What a peer that rebooted sends: HOST is where to, NAME is who. */
static int command_notify(const struct route *route, char **arg)
{
	struct route to = *route;
	struct sm_stat_chge change = {.mon_name = string_of(arg[1])};

	to.host = arg[0];
	to.is_udp = true;
	change.state = (int)strtol(arg[2], NULL, 10);
	call_once(&to, SM_PROC_NOTIFY, MESSAGE(sm_stat_chge, &change), NOTHING);
	printf("answered\n");
	return 0;
}

/*
 * COUNT SM_MONs over one connection, PREFIX0, PREFIX1 ...; each name is
 * printed (and flushed) as soon as statd has acknowledged it.
 */
static int command_load(const struct route *route, char **arg)
{
	unsigned long count = strtoul(arg[0], NULL, 10);
	CLIENT *clnt = route_open(route);
	char name[NAME_SIZE];

	for (unsigned long i = 0; i < count && i < LOAD_COUNT_MAX; i++) {
		struct sm_mon mon = {.mon_id.my_id = my_id(NULL)};
		struct sm_stat_res res = {.res_stat = SM_STAT_FAIL};

		snprintf(name, sizeof(name), "%s%lu", arg[1], i);
		snprintf(mon.priv, sizeof(mon.priv), "%lu", i);
		mon.mon_id.mon_name = string_of(name);
		call(clnt, SM_PROC_MON, MESSAGE(sm_mon, &mon),
		     MESSAGE(sm_stat_res, &res));
		if (res.res_stat == SM_STAT_SUCC)
			printf("%s\n", name);
	}
	clnt_destroy(clnt);
	return 0;
}

static const struct command {
	const char *name;
	int args_min;
	int args_max;
	int (*run)(const struct route *route, char **arg);
	const char *usage;
} commands[] = {
	{"mon", 2, 3, command_mon, "PEER PRIVHEX [MYNAME]"},
	{"unmon", 1, 2, command_unmon, "PEER [MYNAME]"},
	{"unmon-all", 0, 1, command_unmon_all, "[MYNAME]"},
	{"stat", 1, 1, command_stat, "NAME"},
	{"crash", 0, 0, command_crash, ""},
	{"notify", 3, 3, command_notify, "HOST NAME STATE"},
	{"load", 2, 2, command_load, "COUNT PREFIX"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(void)
{
	fprintf(stderr, "usage: lockd-standin\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stderr,
			"       lockd-standin [-s HOST] [-u] [-p] %s %s\n",
			commands[i].name, commands[i].usage);
	fprintf(stderr, "-s HOST statd's address (127.0.0.1), -u over UDP,\n"
			"-p from an unprivileged port\n");
	exit(1);
}

static int command_run(const struct route *route, int argc, char **argv)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &commands[i];

		if (strcmp(argv[0], command->name) == 0 &&
		    argc - 1 >= command->args_min &&
		    argc - 1 <= command->args_max)
			return command->run(route, argv + 1);
	}
	usage();
	return 1;
}

int main(int argc, char **argv)
{
	struct route route = {.host = "127.0.0.1"};
	int opt;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((opt = getopt(argc, argv, "s:up")) != -1) {
		if (opt == 's')
			route.host = optarg;
		else if (opt == 'u')
			route.is_udp = true;
		else if (opt == 'p')
			route.is_unprivileged = true;
		else
			usage();
	}
	if (optind == argc)
		return serve_forever();
	return command_run(&route, argc - optind, argv + optind);
}
