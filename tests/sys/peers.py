# SPDX-License-Identifier: BSD-2-Clause
"""
Peers that answer as no peer should, each at an address of its own with an
rpcbind of its own (PMAP version 2, UDP).

  peers.py ADDRESS=MANNER...

Prints "ADDRESS heard NAME NUMBER" for each SM_NOTIFY.  Manners:

  good       answers
  late       answers the third notice
  lateport   its rpcbind answers the third question
  unavail    the first two notices: there is no such program here
  short      answers only names without a dot
  xid        answers with another xid
  garbage    answers with bytes at random
  elsewhere  answers from the address ELSEWHERE
  silent     never answers a notice
  noport     its rpcbind knows no statd
"""
import os
import selectors
import socket
import struct
import sys

from rpc import words

ELSEWHERE = "192.0.2.200"
STATD_PORT = 20024
PROG_UNAVAIL = 1


def reply(xid, results=b"", status=0):
    return words(xid, 1, 0, 0, 0, status) + results


class Peer:
    def __init__(self, address, manner):
        self.address, self.manner = address, manner
        self.questions = self.notices = 0
        self.rpcbind = self.open(111)
        self.statd = self.open(STATD_PORT)

    def open(self, port, address=None):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address or self.address, port))
        return sock

    def on_question(self, call, sender):
        self.questions += 1
        if self.manner == "lateport" and self.questions < 3:
            return
        port = 0 if self.manner == "noport" else STATD_PORT
        xid, = struct.unpack(">I", call[:4])
        self.rpcbind.sendto(reply(xid, words(port)), sender)

    def on_notice(self, call, sender):
        length, = struct.unpack(">I", call[40:44])
        name = call[44:44 + length].decode("ascii")
        number, = struct.unpack(">I", call[-4:])
        print(self.address, "heard", name, number, flush=True)
        self.notices += 1
        self.answer(struct.unpack(">I", call[:4])[0], name, sender)

    def answer(self, xid, name, sender):
        manner, sock, data = self.manner, self.statd, reply(xid)
        if manner == "silent" or manner == "short" and "." in name:
            return
        if manner == "late" and self.notices < 3:
            return
        if manner == "unavail" and self.notices < 3:
            data = reply(xid, status=PROG_UNAVAIL)
        if manner == "xid":
            data = reply(xid ^ 0x10)
        if manner == "garbage":
            data = words(xid) + os.urandom(40)
        if manner == "elsewhere":
            sock = self.open(0, ELSEWHERE)
        sock.sendto(data, sender)


def main():
    selector = selectors.DefaultSelector()
    for word in sys.argv[1:]:
        peer = Peer(*word.split("="))
        selector.register(peer.rpcbind, selectors.EVENT_READ, peer.on_question)
        selector.register(peer.statd, selectors.EVENT_READ, peer.on_notice)
    print("serving", flush=True)
    while True:
        for key, _ in selector.select():
            key.data(*key.fileobj.recvfrom(4096))


main()
