#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's side of nfsd/cld, by a terminal in raw mode: starts a daemon,
speaks version 2 to it, and prints how long things took, in seconds, and how
many clients it was about.  Wants a mount namespace of its own.

    cld-client.py COUNT PIPEFS DAEMON [ARGUMENT...]
"""
import os
import pty
import struct
import subprocess
import sys
import termios
import time
import tty

SIZE = {1: 1034, 2: 1067}
CREATE, REMOVE, GRACE_DONE, GRACE_START, GET_VERSION = 0, 1, 3, 4, 5
IN_PROGRESS = -115


def message(version, command, xid, body=b""):
    head = struct.pack("=BBhI", version, command, 0, xid)
    return (head + body).ljust(SIZE[version], b"\0")


def name(client):
    return struct.pack("=H", len(client)) + client


class Pipe:
    """One message at a time, as a lone nfsd thread would."""

    def __init__(self, fd):
        self.fd = fd
        self.xid = 0

    def read(self, size):
        data = b""
        while len(data) < size:
            data += os.read(self.fd, size - len(data))
        return struct.unpack_from("=BBhI", data)

    def ask(self, version, command, body=b""):
        """The final status, and how many messages came before it."""
        self.xid += 1
        os.write(self.fd, message(version, command, self.xid, body))
        count = 0
        while True:
            _, _, status, xid = self.read(SIZE[version])
            if xid != self.xid:
                sys.exit("an answer to another question")
            if status != IN_PROGRESS:
                return status, count
            count += 1


def timed(what, function):
    start = time.monotonic()
    status, count = function()
    if status != 0:
        sys.exit(f"{what}: status {status}")
    print(what, time.monotonic() - start, count)


def every(pipe, command, count):
    """The same for all clients, one after the other."""
    status = 0
    for number in range(count):
        client = b"Linux NFSv4.1 host%08d" % number
        status = status or pipe.ask(2, command, name(client))[0]
    return status, count


def main():
    count, pipefs = int(sys.argv[1]), sys.argv[2]
    master, slave = pty.openpty()
    tty.setraw(slave)
    # Like the kernel's pipe, it does not wait for more than there is.
    modes = termios.tcgetattr(slave)
    modes[6][termios.VMIN] = modes[6][termios.VTIME] = 0
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    os.makedirs(pipefs + "/nfsd", exist_ok=True)
    path = pipefs + "/nfsd/cld"
    with open(path, "w"):
        pass
    # No link, which a careful daemon would not follow.
    subprocess.run(["mount", "--bind", os.ttyname(slave), path], check=True)
    daemon = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL,
                              start_new_session=True)
    pipe = Pipe(master)
    try:
        timed("version", lambda: pipe.ask(1, GET_VERSION))
        timed("grace-start", lambda: pipe.ask(2, GRACE_START))
        timed("create", lambda: every(pipe, CREATE, count))
        timed("grace-done", lambda: pipe.ask(2, GRACE_DONE))
        timed("remove", lambda: every(pipe, REMOVE, count))
    finally:
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
        subprocess.run(["umount", path], check=True)


main()
