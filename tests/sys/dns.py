# SPDX-License-Identifier: BSD-2-Clause
"""
A name server for the system tests that drops everything, until the file WORKS
exists; then it knows the names it was given, and says of all others that there
are none.

  dns.py ADDRESS WORKS [NAME=ADDRESS...]

Prints "asked NAME" for each question.
"""
import os
import socket
import struct
import sys

TYPE_A = 1
NO_SUCH_NAME = 3


def question_of(query):
    """The name, its type, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]])
        at += 1 + query[at]
    kind, = struct.unpack(">H", query[at + 1:at + 3])
    return b".".join(labels).decode("latin-1"), kind, at + 5


def answer(query, table):
    name, kind, end = question_of(query)
    known = table.get(name)
    records = b""
    if known and kind == TYPE_A:
        # The name is that of the question, at offset 12; one hour.
        records = struct.pack(">HHHLH", 0xc00c, TYPE_A, 1, 3600, 4)
        records += socket.inet_aton(known)
    flags = 0x8180 | (0 if known else NO_SUCH_NAME)
    return (query[:2] + struct.pack(">HHHHH", flags, 1, bool(records), 0, 0) +
            query[12:end] + records)


def main():
    table = dict(word.split("=") for word in sys.argv[3:])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[1], 53))
    print("serving", flush=True)
    while True:
        query, sender = sock.recvfrom(4096)
        print("asked", question_of(query)[0], flush=True)
        if os.path.exists(sys.argv[2]):
            sock.sendto(answer(query, table), sender)


main()
