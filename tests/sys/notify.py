# SPDX-License-Identifier: BSD-2-Clause
"""
SM_NOTIFY to HOST from the address SOURCE and a reserved port, repeated until it
is answered.

  notify.py HOST SOURCE NAME NUMBER
"""
import sys

from rpc import NOTIFY, Udp, ask, results, stat_chge, statd_of

host, source, name, number = sys.argv[1:]
link = Udp(statd_of(host)[0], source)
results(ask(link, 1, NOTIFY, stat_chge(name.encode(), int(number))))
