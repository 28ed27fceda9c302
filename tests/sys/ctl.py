# SPDX-License-Identifier: BSD-2-Clause
"""
Says REQUEST to the sm-notify of this host over its control socket, makes FILE
say TEXT then, and prints the answer.

  ctl.py REQUEST FILE TEXT
"""
import socket
import sys

from rpc import WAIT_S

SOCKET = "/run/nfs-reclaim/sm-notify.sock"


def main():
    request, path, text = sys.argv[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(SOCKET)
        sock.send(request.encode())
        with open(path, "w", encoding="ascii") as file:
            file.write(text + "\n")
        print(sock.recv(4096).decode())


main()
