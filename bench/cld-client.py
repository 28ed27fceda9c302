#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's side of nfsd/cld, by a socket and tests/sys/pipeshim.c: starts a
daemon, speaks version 2 to it, and prints how long things took, in seconds, and
how many clients it was about.  Wants BUILD and a mount namespace of its own.

    cld-client.py COUNT CLIENTS STORE PIPEFS DAEMON [ARGUMENT...]

COUNT questions of each kind, and CLIENTS who may reclaim at a later start.
"""
import os
import queue
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

HEADER = struct.Struct("=BBhI")
SIZE = {1: 1034, 2: 1067}
CREATE, REMOVE, CHECK, GRACE_DONE, GRACE_START, GET_VERSION = range(6)
IN_PROGRESS = -115
THREADS = 8  # of nfsd, by default
WAIT_S = 60


def message(version, command, xid, body=b""):
    return (HEADER.pack(version, command, 0, xid) + body).ljust(
        SIZE[version], b"\0")


def name(number):
    client = b"Linux NFSv4.1 host%08d" % number
    return struct.pack("=H", len(client)) + client


class Pipe:
    """A start of nfsd, and the daemon that it finds."""

    def __init__(self, pipefs, argv):
        self.path = os.path.join(pipefs, "nfsd", "cld")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.opened = queue.Queue()
        self.holders = []
        self.xid = 0
        threading.Thread(target=self.accept, daemon=True).start()
        shim = os.environ["BUILD"] + "/tests/sys/pipeshim.so"
        self.daemon = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, start_new_session=True,
            env=dict(os.environ, LD_PRELOAD=shim))
        try:
            self.conn = self.opened.get(timeout=WAIT_S)
        except queue.Empty:
            self.stop()
            sys.exit("the daemon does not open the pipe")
        self.conn.settimeout(WAIT_S)

    def accept(self):
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            if conn.recv(1) == b"w":
                self.opened.put(conn)
            else:
                self.holders.append(conn)

    def send(self, version, command, body=b""):
        self.xid += 1
        self.conn.sendall(message(version, command, self.xid, body))
        return self.xid

    def ask(self, version, command, body=b""):
        """The final status, and how many messages came before it."""
        xid = self.send(version, command, body)
        count = 0
        while True:
            got = HEADER.unpack_from(self.conn.recv(4096))
            if got[3] != xid:
                sys.exit("an answer to another question")
            if got[2] != IN_PROGRESS:
                return got[2], count
            count += 1

    def every(self, command, numbers, at_once):
        """The same for all clients, with so many questions open."""
        numbers = list(numbers)
        waiting = set()
        sent = status = 0
        while waiting or sent < len(numbers):
            while sent < len(numbers) and len(waiting) < at_once:
                waiting.add(self.send(2, command, name(numbers[sent])))
                sent += 1
            got = HEADER.unpack_from(self.conn.recv(4096))
            waiting.remove(got[3])
            status = status or got[2]
        return status, len(numbers)

    def stop(self):
        self.daemon.terminate()
        try:
            self.daemon.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        self.listener.close()
        os.unlink(self.path)


def timed(what, function, *args):
    start = time.monotonic()
    status, count = function(*args)
    if status != 0:
        sys.exit(f"{what}: status {status}")
    print(what, f"{time.monotonic() - start:.9f}", count)
    return count


def fill(store, numbers):
    """Clients in the table of the epoch, as if each had been asked for."""
    with sqlite3.connect(store + "/main.sqlite") as base:
        epoch = base.execute("SELECT current FROM grace").fetchone()[0]
        base.executemany(f'INSERT INTO "rec-{epoch:016x}" VALUES (?, NULL)',
                         ((name(number)[2:],) for number in numbers))
    base.close()


def first_start(pipe, count):
    timed("version", pipe.ask, 1, GET_VERSION)
    timed("grace-start-0", pipe.ask, 2, GRACE_START)
    timed("create", pipe.every, CREATE, range(count), 1)
    timed(f"create-{THREADS}-at-once", pipe.every, CREATE,
          range(count, 2 * count), THREADS)
    timed("grace-done-0", pipe.ask, 2, GRACE_DONE)
    timed("remove", pipe.every, REMOVE, range(2 * count), 1)


def later_start(pipe, count, clients):
    timed("version", pipe.ask, 1, GET_VERSION)
    got = timed(f"grace-start-{clients}", pipe.ask, 2, GRACE_START)
    if got != clients:
        sys.exit(f"{got} clients may reclaim, not {clients}")
    timed("check", pipe.every, CHECK, range(count), 1)
    timed("reclaim", pipe.every, CREATE, range(count), 1)
    timed(f"grace-done-{clients}", pipe.ask, 2, GRACE_DONE)


def main():
    count, clients = int(sys.argv[1]), int(sys.argv[2])
    store, pipefs, argv = sys.argv[3], sys.argv[4], sys.argv[5:]
    os.makedirs(pipefs + "/nfsd", exist_ok=True)
    pipe = Pipe(pipefs, argv)
    try:
        first_start(pipe, count)
    finally:
        pipe.stop()
    fill(store, range(clients))
    pipe = Pipe(pipefs, argv)
    try:
        later_start(pipe, count, clients)
    finally:
        pipe.stop()


main()
