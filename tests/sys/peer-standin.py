#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A peer that answers in an odd way: rpcbind and statd in one, for the system
tests.  Both answer over TCP; over UDP

    peer-standin.py ADDRESS            nothing
    peer-standin.py ADDRESS OTHER      from OTHER, another address of this host

Prints "notice TRANSPORT from ADDRESS port LOW|HIGH NAME NUMBER" for each
SM_NOTIFY, and "ready" at first.  It knows no more of RPC than it needs (RFC
5531; PMAP version 2; X/Open CAE C702 chapter 11).
"""
import asyncio
import socket
import struct
import sys

PMAP_PORT, STATD_PORT = 111, 4321
PMAP, STATUS = 100000, 100024
GETPORT, NOTIFY = 3, 6


def say(text):
    print(text, flush=True)


def answer(call, source, transport):
    """The reply to a call message, None where it deserves none."""
    xid, kind, _, prog, _, proc = struct.unpack_from(">6I", call)
    at = 24
    for _ in range(2):  # credentials and verifier
        (length,) = struct.unpack_from(">I", call, at + 4)
        at += 8 + (length + 3) // 4 * 4
    if kind != 0:
        return None
    reply = struct.pack(">6I", xid, 1, 0, 0, 0, 0)
    if (prog, proc) == (PMAP, GETPORT):
        return reply + struct.pack(">I", STATD_PORT)
    if (prog, proc) != (STATUS, NOTIFY):
        return None
    (length,) = struct.unpack_from(">I", call, at)
    name = call[at + 4:at + 4 + length].decode()
    (number,) = struct.unpack_from(">I", call, at + 4 + (length + 3) // 4 * 4)
    port = "LOW" if source[1] < 1024 else "HIGH"
    say(f"notice {transport} from {source[0]} port {port} {name} {number}")
    return reply


async def on_connection(reader, writer):
    """One call per connection, as one record."""
    try:
        (mark,) = struct.unpack(">I", await reader.readexactly(4))
        call = await reader.readexactly(mark & 0x7fffffff)
        reply = answer(call, writer.get_extra_info("peername"), "tcp")
        if reply:
            mark = struct.pack(">I", 0x80000000 | len(reply))
            writer.write(mark[:2])
            await writer.drain()
            writer.write(mark[2:] + reply)
            await writer.drain()
        await reader.read()  # until the caller closes
    finally:
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    """Answers from another socket, or not at all."""

    def __init__(self, reply_from):
        self.reply_from = reply_from

    def datagram_received(self, data, addr):
        reply = answer(data, addr, "udp") if self.reply_from else None
        if reply:
            self.reply_from.sendto(reply, addr)


async def main(address, other=None):
    loop = asyncio.get_running_loop()
    for port in PMAP_PORT, STATD_PORT:
        reply_from = None
        if other:
            reply_from = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            reply_from.bind((other, port))
        await loop.create_datagram_endpoint(
            lambda reply_from=reply_from: Datagrams(reply_from),
            local_addr=(address, port))
        await asyncio.start_server(on_connection, address, port)
    say("ready")
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
