# SPDX-License-Identifier: BSD-2-Clause
"""
Sends malformed RPC to a statd, over UDP and TCP, and compares what comes back
with what lib/rpcsrv.h and os/rpctcp.h promise.

  malform.py HOST

A case is a name, a message and the verdict of rpc.py; "silence" where nothing
may come.  Silence is seen without waiting: a NULL call is sent right behind
each case, and calls are answered in order.
"""
import select
import socket
import sys

from rpc import (LOCKD, MON, NOTIFY, NULL, SIMU_CRASH, STAT, STATD,
                 UNMON, UNMON_ALL, Closed, Tcp, Udp, auth, call, fail,
                 fragment, mon, mon_id, my_id, opaque, stat_chge, statd_of,
                 verdict, words, xid_of)

XID = 0x12345678
SENTINEL = 0x87654321
NAME = b"client.example"
# The callback of no lock manager: whole, it is refused, so nothing is stored.
STRANGE = my_id(prog=LOCKD + 1)

ARGS = {
    NULL: b"",
    STAT: opaque(NAME),
    MON: mon(NAME, me=STRANGE),
    UNMON: mon_id(NAME, STRANGE),
    UNMON_ALL: STRANGE,
    SIMU_CRASH: b"",
    NOTIFY: stat_chge(NAME, 3),
}


def headers():
    """The header says something else; each field alone."""
    yield "reply instead of call", call(XID, NULL, type=1), "silence"
    yield "type 2", call(XID, NULL, type=2), "silence"
    for vers in 0, 1, 3, 2**32 - 1:
        yield ("RPC version %d" % vers, call(XID, NULL, rpcvers=vers),
               "RPC_MISMATCH 2 2")
    for prog in 0, 100000, LOCKD, STATD + 1, 2**32 - 1:
        yield ("program %d" % prog, call(XID, NULL, prog=prog),
               "PROG_UNAVAIL")
    for vers in 0, 2, 2**32 - 1:
        for proc in NULL, MON, 99:
            yield ("version %d procedure %d" % (vers, proc),
                   call(XID, proc, ARGS.get(proc, b""), vers=vers),
                   "PROG_MISMATCH 1-1")
    for proc in 7, 24, 99, 2**31, 2**32 - 1:
        yield ("procedure %d" % proc, call(XID, proc, ARGS[MON]),
               "PROC_UNAVAIL")


def credentials():
    """Flavors are not looked at, lengths are."""
    unix = words(1) + opaque(b"host") + words(0, 0, 0)
    most = unix + b"\0" * (400 - len(unix))
    for proc in NULL, MON:
        for part in "cred", "verf":
            def case(what, value, want):
                return ("%s %s, procedure %d" % (part, what, proc),
                        call(XID, proc, ARGS[proc], **{part: value}), want)

            yield case("AUTH_SYS", auth(1, unix), "success")
            yield case("AUTH_SYS of 400", auth(1, most), "success")
            for flavor in 2, 3, 6, 300001, 2**32 - 1:
                yield case("flavor %d" % flavor, auth(flavor), "success")
            yield case("of 401", auth(1, b"x" * 401), "AUTH_ERROR 1")
            yield case("of 2^31", words(1, 2**31), "AUTH_ERROR 1")
            yield case("of 2^32-1", words(1, 2**32 - 1), "AUTH_ERROR 1")
    # All that is sent of a credential of 400 bytes is 4.
    yield ("cred cut short", call(XID, NULL)[:24] + words(1, 400, 0),
           "silence")
    yield ("verf cut short", call(XID, NULL)[:32] + words(1, 400, 0),
           "silence")


def truncations():
    """Every procedure, cut at every 4 bytes."""
    header = len(call(XID, NULL))
    for proc, args in ARGS.items():
        whole = call(XID, proc, args)
        for length in range(0, len(whole) + 1, 4):
            if length < header:
                want = "silence"
            elif length < len(whole):
                want = "GARBAGE_ARGS"
            else:
                want = "success"
            yield ("procedure %d cut to %d" % (proc, length), whole[:length],
                   want)
        for length in range(1, 4):
            yield ("procedure %d cut by %d" % (proc, length), whole[:-length],
                   "GARBAGE_ARGS" if args else "silence")


# Each string of the protocol: the procedure and what is around the string.
STRINGS = [
    ("SM_STAT mon_name", STAT, b"", b""),
    ("SM_MON mon_name", MON, b"", STRANGE + b"\0" * 16),
    ("SM_MON my_name", MON, opaque(NAME),
     words(LOCKD + 1, 3, 16) + b"\0" * 16),
    ("SM_UNMON mon_name", UNMON, b"", STRANGE),
    ("SM_UNMON my_name", UNMON, opaque(NAME), words(LOCKD + 1, 3, 16)),
    ("SM_UNMON_ALL my_name", UNMON_ALL, b"", words(LOCKD + 1, 3, 16)),
    ("SM_NOTIFY mon_name", NOTIFY, b"", words(3)),
]


def strings():
    for what, proc, before, after in STRINGS:
        for length in 0, 1, 255, 256, 1023, 1024, 1025, 4096:
            args = before + opaque(b"n" * length) + after
            yield ("%s of %d" % (what, length), call(XID, proc, args),
                   "success" if length <= 1024 else "GARBAGE_ARGS")
        # The length is a lie: that much does not follow.
        for length in 256, 1024, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1:
            args = before + words(length) + NAME + b"\0\0"
            yield ("%s said to be %d" % (what, length),
                   call(XID, proc, args), "GARBAGE_ARGS")
        args = before + opaque(b"n", pad=b"\xff") + after
        yield ("%s with padding that is not 0" % what, call(XID, proc, args),
               "success")


def trailing():
    for proc, args in ARGS.items():
        for more in b"\0", b"\xff" * 3, b"x" * 8000:
            yield ("procedure %d and %d bytes more" % (proc, len(more)),
                   call(XID, proc, args + more), "success")


def cases():
    for group in headers, credentials, truncations, strings, trailing:
        yield from group()


def answer_to(link, message):
    """The verdict on @message, or "silence"."""
    link.send(message)
    link.send(call(SENTINEL, NULL))
    first = link.receive()
    if xid_of(first) == SENTINEL:
        return "silence"
    while xid_of(link.receive()) != SENTINEL:
        fail("two replies to one call")
    return verdict(first)


def run_cases(netid, link):
    count = 0
    for name, message, want in cases():
        have = answer_to(link, message)
        if have != want:
            fail("%s, %s: have %s, want %s" % (netid, name, have, want))
        count += 1
    print("ok: %s: %d malformed messages" % (netid, count))


# --- records -----------------------------------------------------------------

PING = call(XID, NULL)


def split(data, size):
    """@data as a record of fragments of @size bytes."""
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join([fragment(part, 0) for part in parts[:-1]] +
                    [fragment(parts[-1])])


# Name, bytes, and how many replies come; None: the connection is closed.
RECORDS = [
    ("empty record, then a call", fragment(b"") + fragment(PING), 1),
    ("63 empty fragments, then a call", words(0) * 63 + fragment(PING), 1),
    ("64 empty fragments", words(0) * 64 + fragment(PING), None),
    ("empty last fragment", fragment(PING, 0) + fragment(b""), 1),
    ("40 fragments of a byte", split(PING, 1), 1),
    ("fragments of 3 bytes", split(PING, 3), 1),
    ("65 fragments", split(PING + b"\0" * 25, 1), None),
    ("two records in one segment", fragment(PING) * 2, 2),
    ("100 records in one segment", fragment(PING) * 100, 100),
    ("a record of 9000", fragment(PING + b"\0" * 8960), 1),
    ("a record of 9001", fragment(PING + b"\0" * 8961), None),
    ("9001 in two fragments", split(PING + b"\0" * 8961, 4501), None),
    ("said to be 2^31-1", words(2**32 - 1) + PING, None),
    ("said to be 2^31-1, not the last", words(2**31 - 1) + PING, None),
    ("no record at all", b"GET / HTTP/1.0\r\n\r\n", None),
]


def replies_to(to, is_reserved, data, step):
    """Sends @data in steps of @step bytes; counts replies, as RECORDS."""
    link = Tcp(to, is_reserved=is_reserved)
    try:
        for at in range(0, len(data), step):
            link.send_raw(data[at:at + step])
        link.send(call(SENTINEL, NULL))
        count = 0
        while xid_of(link.receive()) == XID:
            count += 1
        return count
    except Closed:
        return None
    finally:
        link.close()


def run_records(to, is_reserved):
    for name, data, want in RECORDS:
        for step in 65536, 1 if len(data) < 1000 else 997:
            have = replies_to(to, is_reserved, data, step)
            if have != want:
                fail("%s in steps of %d: have %s, want %s" %
                     (name, step, have, want))
    print("ok: %d kinds of records" % len(RECORDS))


def run_stalled(to, is_reserved, udp):
    """Half a record each; everybody else is served, and then they are."""
    whole = fragment(PING)
    stalled = []
    for at in range(1, len(whole)):
        link = Tcp(to, is_reserved=is_reserved)
        link.send_raw(whole[:at])
        stalled.append((at, link))
        other = Tcp(to, is_reserved=is_reserved)
        assert answer_to(other, PING) == "success"
        other.close()
        assert answer_to(udp, PING) == "success"
    for at, link in stalled:
        link.send_raw(whole[at:])
        assert verdict(link.receive()) == "success"
        link.close()
    print("ok: %d stalled records" % len(stalled))


def run_unread(to, is_reserved, udp):
    """Calls without end, and nobody takes the replies; then all come."""
    one = fragment(PING)
    link = Tcp(to, is_reserved=is_reserved, buffer=4096)
    sent = 0
    while select.select([], [link.sock], [], 0.3)[1]:
        at = sent % len(one)
        sent += link.sock.send((one * 100)[at:], socket.MSG_DONTWAIT)
    other = Tcp(to, is_reserved=is_reserved)
    assert answer_to(other, PING) == "success"
    assert answer_to(udp, PING) == "success"
    other.close()
    for _ in range(sent // len(one)):
        assert verdict(link.receive()) == "success"
    if sent % len(one):
        link.send_raw(one[sent % len(one):])
        assert verdict(link.receive()) == "success"
    link.close()
    print("ok: %d replies were taken late" % (sent // len(one)))


def main():
    host = sys.argv[1]
    is_reserved = host == "127.0.0.1"
    udp_to, tcp_to = statd_of(host)
    udp = Udp(udp_to, is_reserved=is_reserved)
    tcp = Tcp(tcp_to, is_reserved=is_reserved)
    run_cases("udp", udp)
    run_cases("tcp", tcp)
    run_records(tcp_to, is_reserved)
    run_stalled(tcp_to, is_reserved, udp)
    run_unread(tcp_to, is_reserved, udp)


main()
