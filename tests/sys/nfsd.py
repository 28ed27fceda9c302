# SPDX-License-Identifier: BSD-2-Clause
"""nfsd's end of its pipe, played by a test: a socket that pipeshim.c opens as
if it were the file PIPEFS/nfsd/cld.

What it is not: there is no queue that all who have the pipe open share, so an
upcall goes to whoever opened it for writing last, and one that was sent to a
process which is gone is sent again by hand; and nobody waits 30 s."""
import errno
import os
import select
import socket
import struct
import time

CREATE, REMOVE, CHECK, GRACE_DONE, GRACE_START, GET_VERSION = range(6)
HEADER = struct.Struct("=BBhI")
WAIT_S = 30


def encode(version, command, xid, ident=b"", princhash=b""):
    """One upcall, as the kernel would write it."""
    message = HEADER.pack(version, command, 0, xid)
    message += struct.pack("=H", len(ident)) + ident.ljust(1024, b"\0")
    if version > 1:
        message += bytes([len(princhash)]) + princhash.ljust(32, b"\0")
    return message


class Nfsd:
    """One start of nfsd: a pipe of its own, and xids from 0."""

    def __init__(self, pipefs):
        self.path = os.path.join(pipefs, "nfsd", "cld")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path + ".new")
        self.listener.listen(16)
        # rpc_pipefs gives no inode number a second time, and by it nfsdcld
        # knows whose an upcall is that was read before it was killed.
        os.link(self.path + ".new",
                "%s.%d" % (pipefs, os.stat(self.path + ".new").st_ino))
        # It is served before it has its name.
        os.rename(self.path + ".new", self.path)
        self.readers = []  # opened for writing: it answers
        self.holders = []  # opened for reading
        self.answers = {}  # by xid: (status, body)
        self.records = {}  # by xid: [(id, princhash)]
        self.sent = {}
        self.refused = 0  # answers to what was answered
        self.xid = 0

    def pump(self, wait_s=0.0):
        """Takes what has come."""
        conns = [self.listener] + self.readers + self.holders
        for ready in select.select(conns, [], [], wait_s)[0]:
            if ready is self.listener:
                conn = self.listener.accept()[0]
                how = conn.recv(1)
                (self.readers if how == b"w" else self.holders).append(conn)
            else:
                self.take(ready)

    def take(self, conn):
        try:
            message = conn.recv(4096)
        except OSError as error:
            if error.errno != errno.ECONNRESET:
                raise
            message = b""
        if not message:
            for conns in (self.readers, self.holders):
                if conn in conns:
                    conns.remove(conn)
            conn.close()
            return
        _, command, status, xid = HEADER.unpack_from(message)
        assert len(message) == len(self.sent[xid]), "answer of another size"
        assert command == self.sent[xid][1], "answer of another command"
        if status == -errno.EINPROGRESS:
            length = struct.unpack_from("=H", message, 8)[0]
            princhash = b""
            if len(message) > 1034:
                princhash = message[1035:1035 + message[1034]]
            self.records.setdefault(xid, []).append(
                (message[10:10 + length], princhash))
            return
        # The kernel does not know it any more: EINVAL.
        if xid in self.answers:
            self.refused += 1
            return
        self.answers[xid] = (status, message[8:])

    def until(self, is_true, what):
        end = time.monotonic() + WAIT_S
        while not is_true():
            if time.monotonic() > end:
                raise AssertionError("waited in vain for " + what)
            self.pump(0.1)

    def await_daemon(self):
        self.until(lambda: self.readers, "somebody to open the pipe")

    def send(self, message):
        self.await_daemon()
        self.readers[-1].send(message)

    def ask(self, command, ident=b"", princhash=b"", version=2):
        """Sends an upcall, and returns its xid."""
        xid = self.xid
        self.xid += 1
        self.sent[xid] = encode(version, command, xid, ident, princhash)
        self.send(self.sent[xid])
        return xid

    def answer(self, xid):
        """Waits for the answer, and returns its status."""
        self.until(lambda: xid in self.answers, "an answer")
        return self.answers[xid][0]

    def call(self, command, ident=b"", princhash=b"", version=2):
        return self.answer(self.ask(command, ident, princhash, version))

    def start(self, version=2):
        """What nfsd does when it starts; who may reclaim."""
        assert self.call(GET_VERSION, version=1) == 0
        xid = self.ask(GRACE_START, version=version)
        assert self.answer(xid) == 0, self.answers[xid]
        return self.records.get(xid, [])

    def stop(self):
        for conn in self.readers + self.holders + [self.listener]:
            conn.close()
        os.unlink(self.path)
