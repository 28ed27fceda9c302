/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens what netconfig(5) shows (an administrator switches IPv6 off there),
 * and keeps for each call where its answer must go: for a datagram, back to
 * the sender, from the address that was asked; for a stream, the connection.
 */
#include "statd/service.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <netconfig.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/xalloc.h"
#include "os/process.h"
#include "os/rpcudp.h"

#define OTHER_DESCRIPTORS 256u	   /* beside connections: sockets and files */
#define SERVICE_NAME	  "status" /* in services(5), as nfs-utils looks it up */

struct transport {
	const char *netid;
	const char *protocol; /* in services(5) */
	enum addr_family family;
	enum nsm_transport kind;
};

static const struct transport transports[SERVICE_SOCKETS_MAX] = {
	{"udp", "udp", ADDR_V4, NSM_UDP},
	{"tcp", "tcp", ADDR_V4, NSM_TCP},
	{"udp6", "udp", ADDR_V6, NSM_UDP},
	{"tcp6", "tcp", ADDR_V6, NSM_TCP},
};

struct socket {
	struct service *service;
	const struct transport *transport;
	struct rpcudp *udp;
	struct rpctcp *tcp;
};

/* A call that was not answered yet. */
struct waiting {
	struct map_node by_id; /* service::waiting */
	uint64_t id;
	struct socket *socket;
	struct addr from;
	struct addr to;
	uint64_t connection;
};

struct service {
	struct loop *loop;
	service_call *call;
	void *ctx;
	struct rpctcp_limit *limit;
	unsigned int connections_max;
	struct socket sockets[SERVICE_SOCKETS_MAX];
	size_t socket_count;
	struct map waiting;
	uint64_t next_id;
};

/* Notes who called; NULL where too many wait already. */
static struct waiting *waiting_add(struct socket *socket,
				   const struct addr *from)
{
	struct service *service = socket->service;
	struct waiting *waiting;

	if (service->waiting.count >= SERVICE_WAITING_MAX)
		return NULL;
	waiting = xzalloc(sizeof(*waiting));
	waiting->id = service->next_id++;
	waiting->socket = socket;
	waiting->from = *from;
	map_add(&service->waiting, &waiting->by_id,
		map_hash(&service->waiting, &waiting->id, sizeof(waiting->id)));
	return waiting;
}

static struct waiting *waiting_find(const struct service *service, uint64_t id)
{
	struct map_node *node =
		map_first(&service->waiting,
			  map_hash(&service->waiting, &id, sizeof(id)));

	for (; node != NULL; node = map_next(node)) {
		struct waiting *waiting =
			container_of(node, struct waiting, by_id);

		if (waiting->id == id)
			return waiting;
	}
	return NULL;
}

static void receive_datagram(void *ctx, struct rpcudp *udp,
			     const struct addr *from, const struct addr *to,
			     const uint8_t *bytes, size_t len)
{
	struct socket *socket = ctx;
	struct waiting *waiting = waiting_add(socket, from);

	(void)udp; /* socket->udp */
	if (waiting == NULL)
		return;
	waiting->to = *to;
	socket->service->call(socket->service->ctx, waiting->id, NSM_UDP, from,
			      bytes, len);
}

static void receive_record(void *ctx, struct rpctcp *tcp, uint64_t connection,
			   const struct addr *from, const uint8_t *bytes,
			   size_t len)
{
	struct socket *socket = ctx;
	struct waiting *waiting = waiting_add(socket, from);

	(void)tcp; /* socket->tcp */
	if (waiting == NULL)
		return;
	waiting->connection = connection;
	socket->service->call(socket->service->ctx, waiting->id, NSM_TCP, from,
			      bytes, len);
}

void service_reply(struct service *service, uint64_t reply_to,
		   const uint8_t *bytes, size_t len)
{
	struct waiting *waiting = waiting_find(service, reply_to);

	if (waiting == NULL)
		return;
	if (len > 0 && waiting->socket->tcp != NULL)
		rpctcp_send(waiting->socket->tcp, waiting->connection, bytes,
			    len);
	else if (len > 0)
		/* A reply that cannot be sent is one that was lost. */
		(void)rpcudp_send(waiting->socket->udp, &waiting->from,
				  &waiting->to, bytes, len);
	map_remove(&service->waiting, &waiting->by_id);
	free(waiting);
}

/* The port that services(5) gives to us over @protocol, or 0. */
static uint16_t services_port(const char *protocol)
{
	const struct servent *entry = getservbyname(SERVICE_NAME, protocol);

	return entry == NULL ? 0 : ntohs((uint16_t)entry->s_port);
}

static int socket_open(struct service *service,
		       const struct transport *transport, uint16_t port)
{
	struct socket *socket = &service->sockets[service->socket_count];
	int error = 0;

	socket->service = service;
	socket->transport = transport;
	if (port == 0)
		port = services_port(transport->protocol);
	if (transport->kind == NSM_TCP)
		socket->tcp =
			rpctcp_listen(service->limit, transport->family, port,
				      receive_record, socket, &error);
	else
		socket->udp =
			rpcudp_listen(service->loop, transport->family, port,
				      receive_datagram, socket, &error);
	if (socket->tcp == NULL && socket->udp == NULL)
		return error;
	service->socket_count++;
	return 0;
}

/* Whether netconfig(5) shows @netid; everything is shown where it is absent. */
static bool is_visible(const char *netid)
{
	void *handle = setnetconfig();
	struct netconfig *entry;
	bool is_found = false;

	if (handle == NULL)
		return true;
	while (!is_found && (entry = getnetconfig(handle)) != NULL)
		is_found = strcmp(entry->nc_netid, netid) == 0 &&
			   (entry->nc_flag & NC_VISIBLE) != 0;
	endnetconfig(handle);
	return is_found;
}

/*
 * SAFETY: a flood must end at our cap, where callers on this host have their
 * places, and not at the kernel's, where nobody has.
 */
static unsigned int fit_connections(unsigned int wanted)
{
	unsigned int can =
		process_allow_descriptors(wanted + OTHER_DESCRIPTORS);
	unsigned int fit =
		can > 2 * OTHER_DESCRIPTORS ? can - OTHER_DESCRIPTORS : can / 2;

	if (fit >= wanted)
		return wanted;
	log_line(LOG_WARN,
		 "max-connections is %u, not %u: there may be only %u "
		 "descriptors",
		 fit, wanted, can);
	return fit;
}

struct service *service_open(struct loop *loop,
			     const struct service_config *config,
			     service_call *call, void *ctx, int *error)
{
	struct service *service = xzalloc(sizeof(*service));
	struct rpctcp_limits limits = config->limits;
	uint8_t key[SIPHASH_KEY_SIZE];
	size_t i;

	service->loop = loop;
	service->call = call;
	service->ctx = ctx;
	limits.connections_max = fit_connections(limits.connections_max);
	service->limit = rpctcp_limit_new(loop, &limits);
	service->connections_max = limits.connections_max;
	process_random(key, sizeof(key));
	map_init(&service->waiting, key);
	*error = -EPROTONOSUPPORT;
	for (i = 0; i < SERVICE_SOCKETS_MAX; i++) {
		int failed;

		if (!is_visible(transports[i].netid))
			continue;
		failed = socket_open(service, &transports[i], config->port);
		if (failed == 0 || failed == -EAFNOSUPPORT)
			continue;
		*error = failed;
		log_line(LOG_ERROR, "cannot serve on %s port %u: %s",
			 transports[i].netid, config->port, strerror(-failed));
	}
	if (service->socket_count > 0)
		return service;
	service_free(service);
	return NULL;
}

const char *service_socket(const struct service *service, size_t index,
			   uint16_t *port)
{
	const struct socket *socket;

	if (index >= service->socket_count)
		return NULL;
	socket = &service->sockets[index];
	*port = socket->tcp != NULL ? rpctcp_port(socket->tcp)
				    : rpcudp_port(socket->udp);
	return socket->transport->netid;
}

void service_add_status(const struct service *service, struct buf *out)
{
	struct rpctcp_counts counts;

	rpctcp_limit_counts(service->limit, &counts);
	buf_addf(out,
		 "connections: %u open (%u of this host) of at most %u; %llu "
		 "accepted so far\n",
		 counts.open_local + counts.open_strangers, counts.open_local,
		 service->connections_max, (unsigned long long)counts.accepted);
	buf_addf(out,
		 "connections closed: %llu idle, %llu for others at the cap, "
		 "%llu malformed; %llu refused\n",
		 (unsigned long long)counts.idle,
		 (unsigned long long)counts.replaced,
		 (unsigned long long)counts.malformed,
		 (unsigned long long)counts.refused);
	buf_addf(out, "callers who wait for an answer: %zu\n",
		 service->waiting.count);
}

void service_free(struct service *service)
{
	size_t i;

	if (service == NULL)
		return;
	for (i = 0; i < service->socket_count; i++) {
		rpctcp_free(service->sockets[i].tcp);
		rpcudp_free(service->sockets[i].udp);
	}
	rpctcp_limit_free(service->limit);
	for (i = 0; i < service->waiting.bucket_count; i++) {
		struct map_node *node = service->waiting.buckets[i];

		while (node != NULL) {
			struct waiting *waiting =
				container_of(node, struct waiting, by_id);

			node = node->next;
			free(waiting);
		}
	}
	map_fini(&service->waiting);
	free(service);
}
