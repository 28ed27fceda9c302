# SPDX-License-Identifier: BSD-2-Clause
"""
ONC RPC as bytes, good or bad, for the system tests (RFC 5531, contract of
NSM).  Nothing here checks what it is given: that is the point.
"""
import random
import socket
import struct
import sys

NULL, STAT, MON, UNMON, UNMON_ALL, SIMU_CRASH, NOTIFY = range(7)
STATD, LOCKD = 100024, 100021
LAST = 0x80000000  # of a record mark: the record ends with this fragment
WAIT_S = 30  # bound of every wait; nothing is asserted about time

# --- what is sent ------------------------------------------------------------


def words(*values):
    return struct.pack(">%dI" % len(values), *values)


def opaque(data, pad=b"\0"):
    """A string or opaque<> of XDR."""
    return words(len(data)) + data + pad * (-len(data) % 4)


def auth(flavor=0, body=b""):
    return words(flavor) + opaque(body)


def call(xid, proc, args=b"", **other):
    """A call; @other replaces single fields of its header."""
    field = {"type": 0, "rpcvers": 2, "prog": STATD, "vers": 1,
             "cred": auth(), "verf": auth()}
    field.update(other)
    return (words(xid, field["type"], field["rpcvers"], field["prog"],
                  field["vers"], proc) + field["cred"] + field["verf"] + args)


def my_id(my_name=b"server.example", prog=LOCKD, vers=3, proc=16):
    return opaque(my_name) + words(prog, vers, proc)


def mon(name, priv=b"\0" * 16, me=None):
    return opaque(name) + (my_id() if me is None else me) + priv


def mon_id(name, me=None):
    return opaque(name) + (my_id() if me is None else me)


def stat_chge(name, number):
    return opaque(name) + words(number)


def fragment(data, mark=LAST):
    return words(mark | len(data)) + data


# --- what comes back ---------------------------------------------------------

ACCEPTED = ["success", "PROG_UNAVAIL", "PROG_MISMATCH", "PROC_UNAVAIL",
            "GARBAGE_ARGS", "SYSTEM_ERR"]


def verdict(reply):
    """What a reply says, in words; a successful SM_MON and the like too."""
    field = struct.unpack(">%dI" % (len(reply) // 4), reply)
    assert field[1] == 1, "no reply"
    if field[2] == 1:  # denied
        what = "RPC_MISMATCH" if field[3] == 0 else "AUTH_ERROR"
        return " ".join([what] + [str(word) for word in field[4:]])
    status = ACCEPTED[field[5]]
    if status == "PROG_MISMATCH":
        return "%s %d-%d" % (status, field[6], field[7])
    return status


def results(reply):
    """The results of a reply to a call that was carried out."""
    assert verdict(reply) == "success", verdict(reply)
    return struct.unpack(">%dI" % (len(reply) // 4 - 6), reply[24:])


def xid_of(reply):
    return struct.unpack(">I", reply[:4])[0]


# --- how it travels ----------------------------------------------------------


class Closed(Exception):
    """The other side ended the connection."""


def bind_for(sock, source, is_reserved):
    if not is_reserved:
        sock.bind((source, 0))
        return
    for port in random.sample(range(600, 1024), 424):
        try:
            sock.bind((source, port))
            return
        except OSError:
            continue  # in use, or in TIME_WAIT
    raise OSError("no reserved port is free")


class Udp:
    def __init__(self, to, source="", is_reserved=True):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(WAIT_S)
        bind_for(self.sock, source, is_reserved)
        self.sock.connect(to)

    def send(self, data):
        self.sock.send(data)

    def receive(self):
        return self.sock.recv(65536)

    def close(self):
        self.sock.close()


class Tcp:
    def __init__(self, to, source="", is_reserved=True, buffer=0):
        self.sock = socket.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.settimeout(WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bind_for(self.sock, source, is_reserved)
        self.sock.connect(to)

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except ConnectionError as error:
            raise Closed() from error

    def send(self, data):
        self.send_raw(fragment(data))

    def take(self, length):
        data = b""
        while len(data) < length:
            try:
                got = self.sock.recv(length - len(data))
            except ConnectionError as error:
                raise Closed() from error
            if not got:
                raise Closed()
            data += got
        return data

    def receive(self):
        mark, = struct.unpack(">I", self.take(4))
        assert mark & LAST, "a reply in fragments"
        return self.take(mark & ~LAST)

    def close(self):
        self.sock.close()


def ask(link, xid, proc, args=b""):
    """One call and the reply to it; over UDP repeated, as any client does."""
    tries = WAIT_S if isinstance(link, Udp) else 1
    link.sock.settimeout(WAIT_S / tries)
    try:
        for _ in range(tries):
            link.send(call(xid, proc, args))
            try:
                reply = link.receive()
                while xid_of(reply) != xid:
                    reply = link.receive()
                return reply
            except socket.timeout:
                continue
    finally:
        link.sock.settimeout(WAIT_S)
    return fail("procedure %d was never answered" % proc)


def port_of(host, protocol, prog=STATD, vers=1):
    """Asks the rpcbind of @host (PMAP version 2, GETPORT)."""
    link = Udp((host, 111), is_reserved=False)
    link.send(call(7, 3, words(prog, vers, protocol, 0), prog=100000, vers=2))
    return results(link.receive())[0]


def statd_of(host):
    """Where the statd of @host is, over UDP and TCP."""
    return ((host, port_of(host, socket.IPPROTO_UDP)),
            (host, port_of(host, socket.IPPROTO_TCP)))


def fail(what):
    print("FAILED: %s" % what, flush=True)
    sys.exit(1)
