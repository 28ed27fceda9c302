# SPDX-License-Identifier: BSD-2-Clause
"""
Asks the statd of this host at PORT, without rpcbind: NULL, SM_STAT, SM_MON of
ADDRESS and SM_UNMON of it, over UDP and TCP.  Fails where it is not served.

  served.py PORT ADDRESS
"""
import sys

from rpc import (MON, NULL, STAT, UNMON, Tcp, Udp, ask, mon, mon_id, opaque,
                 results)

to = ("127.0.0.1", int(sys.argv[1]))
name = sys.argv[2].encode()
for link in Udp(to), Tcp(to):
    assert not results(ask(link, 1, NULL))
    assert results(ask(link, 2, STAT, opaque(name)))[0] == 0
    assert results(ask(link, 3, MON, mon(name)))[0] == 0
    assert len(results(ask(link, 4, UNMON, mon_id(name)))) == 1
    link.close()
