# SPDX-License-Identifier: BSD-2-Clause
"""
Hostile names against a statd.

  names.py mon          SM_MON, SM_UNMON and SM_UNMON_ALL with each, over UDP
                        and TCP; afterwards exactly the good ones are monitored
  names.py check DIR    compares the record files with the good ones
  names.py notify HOST PEER
                        notices to HOST with names that resemble that of PEER,
                        all of which are about nobody
"""
import itertools
import os
import sys

from rpc import (LOCKD, MON, NOTIFY, NULL, UNMON, UNMON_ALL, Tcp, Udp, ask,
                 call, fail, mon, mon_id, my_id, results, stat_chge,
                 statd_of, verdict, words, xid_of)

PRIV = bytes(range(16))
MY_NAME = b"server.example"
XID_OF_ASK = 100  # the first

GOOD = [
    b"192.0.2.2",
    b"client.example",
    b"-rf",
    b"--help",
    b"%n%s%n%s",
    b"%00%0a%2f",
    b"$(reboot)",
    b"`reboot`;&|<>*?[]{}!#~",
    b"\\x2e\\",
    b"\"'",
    b"a..",
    b"a.new",
    b"state:",
    b"caf\xc3\xa9.example",
    b"\xff\xfe\x80\x9b31m",
    b"fe80::1%eth0",
    b"l" * 255,
]

BAD = [
    b"",
    b"../x",
    b"/etc/passwd",
    b"a/b",
    b"a/",
    b".",
    b"..",
    b".hidden",
    b".reclaim",
    b".a.new",
    b"a\nb",
    b"a\nrpc.statd: the lock manager knows",
    b"0100007f 000186b5 00000003 00000010 " + b"0" * 32 + b" a b",
    b"a\rb",
    b" ",
    b"a b",
    b" a",
    b"a ",
    b"a\tb",
    b"a\x7f",
    b"\x1b[2J\x1b]0;title\x07",
    b"\x01",
    b"a\0b",
    b"192.0.2.2\0",
    b"\0",
    b"l" * 256,
    b"l" * 1024,
]

# my_name is lockd's own node name: blanks become '_', other controls do not.
MY_NAMES = [
    (b"a b\tc\nd\re", b"a_b_c_d_e"),
    (b"../up", b"../up"),
    (b"%n%s", b"%n%s"),
    (b"\xff", b"\xff"),
    (b"", b""),
    (b"a\x1b[2J", None),
    (b"a\x7f", None),
    (b"a\0b", None),
    (b"m" * 1024, None),  # the line would be longer than nfs-utils reads
]


def line(name, my_name=MY_NAME):
    return b"%s 000186b5 00000003 00000010 %s %s %s\n" % (
        b"0100007f" if sys.byteorder == "little" else b"7f000001",
        PRIV.hex().encode(), name, my_name)


def is_monitored(link, name, me=None):
    status, _ = results(ask(link, 1, MON, mon(name, PRIV, me)))
    return status == 0


def ask_all(link):
    for name in GOOD + BAD:
        if is_monitored(link, name) != (name in GOOD):
            fail("SM_MON of %r" % name)
    for name in BAD:
        assert verdict(ask(link, 2, UNMON, mon_id(name))) == "success"
        assert verdict(ask(link, 3, UNMON_ALL, my_id(name))) == "success"
        # Nor the files of the good ones under another lock manager's name.
        ask(link, 4, UNMON, mon_id(GOOD[0], my_id(name)))
    for my_name, written in MY_NAMES:
        me = my_id(my_name)
        if is_monitored(link, b"named", me) != (written is not None):
            fail("SM_MON with my_name %r" % my_name)
    # One that is gone again, over and over under a name with everything in it.
    for _ in range(3):
        assert is_monitored(link, b"gone%s\xff$()")
        ask(link, 5, UNMON, mon_id(b"gone%s\xff$()"))


def monitor():
    udp_to, tcp_to = statd_of("127.0.0.1")
    for link in Udp(udp_to), Tcp(tcp_to):
        ask_all(link)
        link.close()
    print("ok: %d good names, %d bad ones, %d of our own" %
          (len(GOOD), len(BAD), len(MY_NAMES)))


def check(directory):
    want = {name: line(name) for name in GOOD}
    want[b"named"] = b"".join(line(b"named", written)
                              for _, written in MY_NAMES
                              if written is not None)
    have = {}
    for entry in os.scandir(os.fsencode(directory)):
        if entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb") as file:
                have[entry.name] = file.read()
    for name in set(have) ^ set(want):
        fail("%r is %s" % (name, "there" if name in have else "not there"))
    for name, lines in want.items():
        if have[name] != lines:
            fail("%r holds %r" % (name, have[name]))
    print("ok: %d files, each with its own lines" % len(want))


def lookalikes(peer):
    """Other ways to write an address, and names near to it."""
    number = [int(byte) for byte in peer.split(".")]
    packed = int.from_bytes(bytes(number), "big")
    yield from (b"%d" % packed, b"0x%x" % packed, b"0%o" % packed)
    yield ".".join("0%o" % byte for byte in number).encode()
    yield ".".join("%03d" % byte for byte in number).encode()
    yield ".".join("0x%x" % byte for byte in number).encode()
    text = peer.encode()
    for form in (b"%s.", b" %s", b"%s ", b"%s\n", b"\t%s", b"%s/32", b"%s:111",
                 b"[%s]", b"%s%%eth0", b"-%s", b"../%s", b"./%s"):
        yield form % text
    yield b"%d.%d.%d" % (number[0], number[1], number[2] * 256 + number[3])
    yield b"%d.%d" % (number[0], packed & 0xffffff)


def notify(host, peer):
    udp_to, _ = statd_of(host)
    xids = itertools.count(XID_OF_ASK)
    for is_reserved in True, False:
        link = Udp(udp_to, is_reserved=is_reserved)
        names = list(lookalikes(peer)) + [
            name for name in BAD if b"\0" not in name]
        for name in names:
            # Whoever is about nobody is answered; a peer's name would not be.
            assert ask(link, next(xids), NOTIFY, stat_chge(name, 999))
        for name in BAD:
            if b"\0" not in name:
                continue
            link.send(call(7, NOTIFY, stat_chge(name, 999)))
            link.send(call(8, NULL))
            xid = xid_of(link.receive())
            while xid >= XID_OF_ASK:  # a repetition's, which came late
                xid = xid_of(link.receive())
            if xid != 8:
                fail("answered: %r" % name)
        link.close()
    print("ok: %d names in notices" % len(names))


{"mon": monitor, "check": check, "notify": notify}[sys.argv[1]](*sys.argv[2:])
