/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said to rpcbind and what it answers (RFC 1833 sections 2 and 3).
 * Only the port is taken from an answer, never its address: a host is reached
 * at the address that was asked, whatever its rpcbind claims.  Sending,
 * repeating and believing are the caller's.
 */
#include "lib/portmap.h"

#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <rpc/rpc.h>
#include <rpc/pmap_prot.h>
#include <rpc/rpcb_prot.h>

#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"

#define PORT_MAX  65535
#define UADDR_MAX 128 /* bytes; the longest real one has fewer than 60 */

static void add_pmap_getport(struct buf *out, uint32_t xid, uint32_t prog,
			     uint32_t vers, enum portmap_protocol protocol)
{
	struct pmap args = {
		.pm_prog = prog,
		.pm_vers = vers,
		.pm_prot = protocol == PORTMAP_TCP ? IPPROTO_TCP : IPPROTO_UDP,
	};

	rpcmsg_add_call(out, xid, PMAPPROG, PMAPVERS, PMAPPROC_GETPORT);
	rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_pmap, &args);
}

void portmap_add_getport(struct buf *out, uint32_t xid, enum addr_family family,
			 uint32_t prog, uint32_t vers,
			 enum portmap_protocol protocol)
{
	struct rpcb args = {
		.r_prog = prog,
		.r_vers = vers,
		.r_netid = protocol == PORTMAP_TCP ? "tcp6" : "udp6",
		.r_addr = "",
		.r_owner = "",
	};

	if (family == ADDR_V4) {
		add_pmap_getport(out, xid, prog, vers, protocol);
		return;
	}
	rpcmsg_add_call(out, xid, RPCBPROG, RPCBVERS_3, RPCBPROC_GETADDR);
	rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_rpcb, &args);
}

static int parse_port(XDR *xdr)
{
	u_int port;

	if (!xdr_u_int(xdr, &port) || port > PORT_MAX)
		return -1;
	return (int)port;
}

static int parse_uaddr(XDR *xdr)
{
	char text[UADDR_MAX + 1];
	u_int len;

	if (!xdr_u_int(xdr, &len) || len > UADDR_MAX ||
	    !xdr_opaque(xdr, text, len))
		return -1;
	text[len] = '\0';
	if (strlen(text) != len)
		return -1;
	return portmap_uaddr_port(text);
}

int portmap_parse_getport(enum addr_family family, const uint8_t *results,
			  size_t len)
{
	XDR xdr;

	if (len > RPCMSG_SIZE_MAX)
		return -1;
	xdrmem_create(&xdr, (char *)results, (u_int)len, XDR_DECODE);
	return family == ADDR_V4 ? parse_port(&xdr) : parse_uaddr(&xdr);
}

void portmap_add_set(struct buf *out, uint32_t xid, bool is_set, uint32_t prog,
		     uint32_t vers, const char *netid, uint16_t port,
		     const char *owner)
{
	char uaddr[ADDR_TEXT_SIZE] = "";
	struct rpcb args = {
		.r_prog = prog,
		.r_vers = vers,
		.r_netid = (char *)netid, /* only read by XDR_ENCODE */
		.r_addr = uaddr,
		.r_owner = (char *)owner,
	};

	if (is_set)
		snprintf(uaddr, sizeof(uaddr), "%s.%u.%u",
			 strchr(netid, '6') ? "::" : "0.0.0.0", port >> 8,
			 port & 0xffu);
	rpcmsg_add_call(out, xid, RPCBPROG, RPCBVERS_4,
			is_set ? RPCBPROC_SET : RPCBPROC_UNSET);
	rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_rpcb, &args);
}

bool portmap_parse_bool(const uint8_t *results, size_t len)
{
	static const uint8_t done[4] = {0, 0, 0, 1};

	return len >= sizeof(done) && memcmp(results, done, sizeof(done)) == 0;
}

/* Cuts ".N" with N 0..255 off the end of the @len bytes at @text; -1: none. */
static int take_octet(const char *text, size_t *len)
{
	size_t at = *len;
	int octet = 0;

	while (at > 0 && text[at - 1] != '.')
		at--;
	if (at == 0 || *len == at || *len - at > 3)
		return -1;
	for (size_t i = at; i < *len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		octet = octet * 10 + (text[i] - '0');
	}
	*len = at - 1;
	return octet <= 255 ? octet : -1;
}

int portmap_uaddr_port(const char *text)
{
	char host[ADDR_TEXT_SIZE];
	size_t len = strlen(text);
	struct addr addr;
	int high, low;

	if (len == 0)
		return 0;
	low = take_octet(text, &len);
	high = take_octet(text, &len);
	if (low < 0 || high < 0 || len >= sizeof(host))
		return -1;
	/* What is left must be an address, or the port was part of one. */
	memcpy(host, text, len);
	host[len] = '\0';
	if (!addr_parse(host, &addr))
		return -1;
	return high << 8 | low;
}
