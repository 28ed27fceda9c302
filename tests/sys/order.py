# SPDX-License-Identifier: BSD-2-Clause
"""
Two requests to the statd of this host: an SM_MON of NAME over TCP, and, once
the file LOG has a line WAIT_FOR, a NULL over UDP.  Prints which was answered
first.

  order.py NAME LOG WAIT_FOR
"""
import select
import sys
import time

from rpc import MON, NULL, Tcp, Udp, WAIT_S, call, fail, mon, statd_of


def wait_for_line(path, line):
    for _ in range(WAIT_S * 10):
        with open(path, encoding="latin-1") as log:
            if line in log.read().splitlines():
                return
        time.sleep(0.1)
    fail("%s never said %s" % (path, line))


def main():
    name, path, line = sys.argv[1:]
    udp_to, tcp_to = statd_of("127.0.0.1")
    tcp, udp = Tcp(tcp_to), Udp(udp_to)
    tcp.send(call(1, MON, mon(name.encode())))
    wait_for_line(path, line)
    udp.send(call(2, NULL))
    ready, _, _ = select.select([tcp.sock, udp.sock], [], [], WAIT_S)
    print("SM_MON" if tcp.sock in ready else "NULL" if ready else "none")


main()
