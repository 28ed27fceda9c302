# SPDX-License-Identifier: BSD-2-Clause
"""
Requests of every kind to the statd of this host: good, refused and malformed,
over UDP and TCP; nothing is monitored afterwards.

  everything.py COUNT
"""
import itertools
import sys

from rpc import (LAST, LOCKD, MON, NOTIFY, NULL, SIMU_CRASH, STAT, UNMON,
                 UNMON_ALL, Tcp, Udp, ask, auth, call, fragment, mon, mon_id,
                 my_id, opaque, stat_chge, statd_of, words, xid_of)

PRIVS = [b"\0" * 16, b"\x01" * 16]
OTHER = my_id(b"other.example", vers=4)


def names(number):
    yield b"host%d.example" % number
    yield b"192.0.2.%d" % (number % 250 + 1)
    yield b"2001:db8::%x" % number


def good(number):
    """Procedure and arguments; these are answered."""
    yield NULL, b""
    yield SIMU_CRASH, b""
    yield STAT, opaque(b"somebody")
    for name in names(number):
        yield MON, mon(name)
        yield MON, mon(name)
        yield MON, mon(name, PRIVS[number % 2])
        yield MON, mon(name, me=OTHER)
        yield UNMON, mon_id(name)
        yield UNMON, mon_id(name)
    yield UNMON_ALL, OTHER
    yield UNMON_ALL, my_id(b"nobody")


def refused(number):
    """The same; carried out by nobody."""
    for name in b"", b"../x", b"a\nb", b"a\0b", b"x" * 1024:
        yield MON, mon(name)
        yield UNMON, mon_id(name)
        yield UNMON_ALL, my_id(name)
    yield MON, mon(b"host%d" % number, me=my_id(prog=LOCKD + 1))
    yield MON, mon(b"host%d" % number, me=my_id(b"m" * 1024))
    yield MON, mon(b"host%d" % number, me=my_id(b"\x1b"))
    for proc in 7, 99:
        yield proc, mon(b"host%d" % number)
    for proc, args in ((STAT, opaque(b"n" * 1024)), (MON, mon(b"n" * 200)),
                       (UNMON, mon_id(b"n" * 200)), (UNMON_ALL, my_id())):
        yield proc, args[:-4]
        yield proc, words(2**32 - 1) + args


def unanswered(number):
    """Whole messages; whether they are answered depends on other things."""
    for name in list(names(number)) + [b"", b"a\0b", b"\xff" * 1024]:
        for state in 0, 3, number + 1, 2**32 - 1:
            yield call(0, NOTIFY, stat_chge(name, state))
    yield call(0, NOTIFY, b"")
    yield call(0, NULL, type=1)
    yield call(0, NULL)[:20]
    yield b""
    yield call(0, NULL, rpcvers=3)
    yield call(0, NULL, prog=LOCKD)
    yield call(0, NULL, vers=2)
    yield call(0, MON, cred=words(1, 2**31))
    yield call(0, MON, mon(b"../y"), cred=auth(1, b"x" * 400))


def batch(link, xids, calls):
    """Sends all, then waits until each has been answered."""
    open_xids = set()
    for proc, args in calls:
        xid = next(xids)
        open_xids.add(xid)
        link.send(call(xid, proc, args))
    while open_xids:
        open_xids.discard(xid_of(link.receive()))


def broken_connections(to):
    """Connections that end in the middle, or that statd ends."""
    for data in (b"", b"\x80\0", words(LAST | 100) + b"x" * 50,
                 words(LAST | 9001), words(0) * 65,
                 fragment(call(1, MON, mon(b"gone")))[:-4]):
        link = Tcp(to, is_reserved=False)
        link.send_raw(data)
        link.close()


def main():
    udp_to, tcp_to = statd_of("127.0.0.1")
    count = int(sys.argv[1])
    xids = itertools.count(1)
    links = [Udp(udp_to), Tcp(tcp_to)]
    strangers = [Udp(udp_to, is_reserved=False),
                 Tcp(tcp_to, is_reserved=False)]
    number = sent = 0
    while sent < count:
        for link in links + strangers:
            for kind in good, refused:
                calls = list(kind(number))
                batch(link, xids, calls)
                sent += len(calls)
            # While somebody is monitored: some are about that.
            batch(links[1], xids, [(MON, mon(name)) for name in names(number)])
            for message in unanswered(number):
                link.send(message)
                sent += 1
            ask(link, next(xids), NULL)
            batch(links[1], xids,
                  [(UNMON, mon_id(name)) for name in names(number)])
        broken_connections(tcp_to)
        number += 1
    ask(links[0], next(xids), UNMON_ALL, my_id())
    ask(links[0], next(xids), UNMON_ALL, OTHER)
    print("sent %d" % sent)


main()
