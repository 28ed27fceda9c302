# SPDX-License-Identifier: BSD-2-Clause
"""
A flood of forged notices: bursts that overrun a socket's buffer, until there
were COUNT and the file STOP exists.

  flood.py HOST STRANGER PEER COUNT STOP [user]

They come from STRANGER, an address of nobody, from a reserved port and from
another, and with "user" from PEER as well, an address of a host that is
monitored, as any user of that can send them.  They name PEER, its host name,
and hosts that do not exist.  Their numbers are none that a host has after a few
boots.  Prints "forged N" now and then.
"""
import os
import random
import select
import socket
import sys

from rpc import (NOTIFY, NULL, WAIT_S, Udp, call, fail, stat_chge, statd_of,
                 xid_of)

BURST = 500


def forged_name(peer):
    draw = random.random()
    if draw < 0.3:
        return peer.encode()
    if draw < 0.5:
        return random.choice([b"client.example", b"client", b"CLIENT.EXAMPLE"])
    if draw < 0.6:
        return random.randbytes(random.randrange(1, 64))
    return b"host%d.example" % random.randrange(2**32)


def burst(link, peer):
    for _ in range(BURST):
        number = random.choice([random.randrange(16, 2**32),
                                random.randrange(16, 64)])
        link.send(call(random.randrange(2**16, 2**32), NOTIFY,
                       stat_chge(forged_name(peer), number)))


def drain(link):
    """Waits until what was sent has been read, or lost."""
    is_read = False
    for _ in range(WAIT_S * 20):
        link.send(call(1, NULL))
        while select.select([link.sock], [], [], 0 if is_read else 0.05)[0]:
            is_read = xid_of(link.receive()) == 1 or is_read
        if is_read:
            return
    fail("nothing is answered any more")


def main():
    host, stranger, peer, count, stop = sys.argv[1:6]
    udp_to, _ = statd_of(host)
    links = [Udp(udp_to, stranger), Udp(udp_to, stranger, is_reserved=False)]
    if "user" in sys.argv[6:]:
        links.append(Udp(udp_to, peer, is_reserved=False))
    for link in links:
        link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    forged = 0
    while forged < int(count) or not os.path.exists(stop):
        for link in links:
            burst(link, peer)
            drain(link)
            forged += BURST
        print("forged", forged, flush=True)
    print("end", flush=True)


main()
