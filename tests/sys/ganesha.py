# SPDX-License-Identifier: BSD-2-Clause
"""
NFS-Ganesha as its statd sees it: the bytes that its NSM client makes (source:
nfs-ganesha, src/Protocols/NLM/nsm.c) on a host called server.example whose
state number is 3.  It keeps one TCP connection for all it has monitored,
registers version 4 of NLM and always the same 16 zero bytes, so all that its
callback goes by is the name.

Prints a line after each step; the next one begins when the file GO/N exists.

  ganesha.py GO
"""
import os
import re
import sys
import time

from rpc import WAIT_S, Closed, Tcp, fail, statd_of


def unhex(text):
    """Each line: 32-bit words, then what they mean."""
    words = (re.match(r"\s*((?:[0-9a-f]{8} *)*)", line).group(1)
             for line in text.splitlines())
    return bytes.fromhex("".join(words))


MY_ID = """
    0000000e 73657276 65722e65 78616d70 6c650000   my_name "server.example"
    000186b5 00000004 00000010    NLM, version 4, procedure 16
"""

UNMON_ALL = unhex("""
    80000048                      the last fragment, 72 bytes
    6a5b4c01 00000000 00000002    xid, call, RPC version 2
    000186b8 00000001 00000004    NSM, version 1, SM_UNMON_ALL
    00000000 00000000             AUTH_NONE
    00000000 00000000             AUTH_NONE
    """ + MY_ID)

UNMON_ALL_DONE = unhex("""
    8000001c                      the last fragment, 28 bytes
    6a5b4c01 00000001 00000000    xid, reply, accepted
    00000000 00000000 00000000    AUTH_NONE, success
    00000003                      state number
    """)


def mon(mark, xid, name):
    return unhex(mark + xid + """
    00000000 00000002             call, RPC version 2
    000186b8 00000001 00000002    NSM, version 1, SM_MON
    00000000 00000000             AUTH_NONE
    00000000 00000000             AUTH_NONE
    """ + name + MY_ID + """
    00000000 00000000 00000000 00000000    priv
    """)


def mon_done(xid):
    return unhex("""
    80000020                      the last fragment, 32 bytes
    """ + xid + """
    00000001 00000000             reply, accepted
    00000000 00000000 00000000    AUTH_NONE, success
    00000000 00000003             STAT_SUCC, state number
    """)


ADDRESS = """
    00000009 3139322e 302e322e 32000000    "192.0.2.2"
"""
# What a dual-stack socket says of an IPv4 client.
MAPPED = """
    00000010 3a3a6666 66663a31 39322e30 2e322e34    "::ffff:192.0.2.4"
"""
# Nsm_Use_Caller_Name = true, and that host by address as well.
CALLER_NAME = """
    0000000d 4f746865 722e4578 616d706c 65000000    "Other.Example"
"""
SAME_HOST = """
    00000009 3139322e 302e322e 35000000    "192.0.2.5"
"""

MONS = [
    (mon("80000068", "6a5b4c02", ADDRESS), mon_done("6a5b4c02")),
    (mon("8000006c", "6a5b4c03", MAPPED), mon_done("6a5b4c03")),
    (mon("8000006c", "6a5b4c04", CALLER_NAME), mon_done("6a5b4c04")),
    (mon("80000068", "6a5b4c05", SAME_HOST), mon_done("6a5b4c05")),
]

UNMON = unhex("""
    80000058                      the last fragment, 88 bytes
    6a5b4c06 00000000 00000002    xid, call, RPC version 2
    000186b8 00000001 00000003    NSM, version 1, SM_UNMON
    00000000 00000000             AUTH_NONE
    00000000 00000000             AUTH_NONE
    """ + ADDRESS + MY_ID)

UNMON_DONE = unhex("""
    8000001c                      the last fragment, 28 bytes
    6a5b4c06 00000001 00000000    xid, reply, accepted
    00000000 00000000 00000000    AUTH_NONE, success
    00000003                      state number
    """)


def connect():
    return Tcp(statd_of("127.0.0.1")[1])


def say(link, request, reply):
    link.send_raw(request)
    have = link.take(len(reply))
    if have != reply:
        fail("have %s, want %s" % (have.hex(" ", 4), reply.hex(" ", 4)))


def step(number, what):
    print(what, flush=True)
    # Between two steps the test waits for several things.
    for _ in range(5 * WAIT_S * 10):
        if os.path.exists("%s/%d" % (sys.argv[1], number)):
            return
        time.sleep(0.1)
    fail("nobody said go %d" % number)


def start():
    link = connect()
    say(link, UNMON_ALL, UNMON_ALL_DONE)
    link.close()


def main():
    start()
    link = connect()
    for request, reply in MONS:
        say(link, request, reply)
    step(1, "monitored")
    say(link, UNMON, UNMON_DONE)
    step(2, "unmonitored")
    # statd was restarted: the first try fails, the second has a new connection.
    try:
        say(link, *MONS[0])
        fail("the connection outlived statd")
    except Closed:
        link.close()
    link = connect()
    say(link, *MONS[0])
    step(3, "reconnected")
    link.close()
    start()
    step(4, "restarted")


main()
