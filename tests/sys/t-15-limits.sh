#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Another host holds 1000 idle TCP connections from many addresses, stalls in
# the middle of records and sends what is none: callers on the server are
# served all the time, over TCP and UDP, and strangers lose what they hold.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=15151515151515151515151515151515
command -v python3 >/dev/null || { say "needs python3" && exit 77; }

# local_is_served WHAT
served=0
local_is_served() {
	served=$((served + 1))
	is "SM_MON over TCP $1" \
		"$(lockd server mon "192.0.2.$served" "$COOKIE" |
			cut -d ' ' -f 1)" success
	is "SM_MON over UDP $1" \
		"$(lockd server -u mon "192.0.2.$((served + 100))" "$COOKIE" |
			cut -d ' ' -f 1)" success
	answers server 100024 udp tcp udp6 tcp6 || die "no NULL $1"
}

# flood.py PORT IDLE STALLED ADDRESS...: so many connections of both kinds from
# each address, held for ever; prints "lost" for each that the server closes.
cat >"$ROOM/flood.py" <<'END'
import resource, select, socket, struct, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
port, per_address, stalled = (int(word) for word in sys.argv[1:4])
held = []
def hold(source, data):
    s = socket.socket()
    s.bind((source, 0))
    s.connect(("192.0.2.1", port))
    if data:
        s.send(data)
    held.append(s)
for source in sys.argv[4:]:
    for i in range(per_address):
        hold(source, b"")
    for i in range(stalled):
        # Half a mark, a record that never ends, empty fragments.
        hold(source, (b"\x80\x00", struct.pack(">I", 0x80000028) + b"x" * 11,
                      b"\0\0\0\0" * 9)[i % 3])
print("held", flush=True)
poll = select.poll()
by_fd = {s.fileno(): s for s in held}
for fd in by_fd:
    poll.register(fd, select.POLLIN)
while by_fd:
    for fd, _ in poll.poll():
        poll.unregister(fd)
        by_fd.pop(fd).close()
        print("lost", flush=True)
END

lost() {
	grep -c lost "$ROOM/client/log/$1" || true
}

lost_all() {
	[ "$(lost "$1")" -eq "$2" ]
}

has_descriptors_over() {
	[ "$(in_host server ls "/proc/$statd_pid/fd" | wc -l)" -gt "$1" ]
}

two_hosts 4
addresses=""
for i in $(seq 1 20); do
	on_wire client ip address add "198.51.100.$i/32" dev eth0
	addresses="$addresses 198.51.100.$i"
done
on_wire server ip route add 198.51.100.0/24 dev eth0
printf '[statd]\nidle-timeout = 3600\n' >"$ROOM/server/etc/nfs.conf"
statd_start server ours -d
port=$(in_host server rpcinfo -p | awk '$1 == 100024 && $3 == "tcp" {
	print $4; exit }')

# 20 addresses with 60 idle and one stalled connection each: more than 1024
# descriptors, and nobody is over a limit.
# shellcheck disable=SC2086 # a list
spawn client idle python3 "$ROOM/flood.py" "$port" 60 1 $addresses
wait_for "1220 connections" grep -q held "$ROOM/client/log/idle"
local_is_served "beside 1220 idle connections"
statd_pid=$(in_host server cat /run/rpc.statd.pid)
# The kernel takes a connection before statd does.
wait_for "more than 1024 descriptors" has_descriptors_over 1024
say "ok: more than 1024 descriptors"
is "idle connections lost before their time" "$(lost idle)" 0

# One address wants 100, has 64.
spawn client greedy python3 "$ROOM/flood.py" "$port" 100 0 192.0.2.2
wait_for "36 refusals" lost_all greedy 36
grep -q "192.0.2.2 refused: its address has too many" \
	"$ROOM/server/log/statd" || die "the refusal is not in the log"
local_is_served "beside a greedy address"
in_host server kill -USR1 "$statd_pid"
wait_for "status" grep -q "malformed; 36 refused" \
	"$ROOM/server/log/statd"
stop client idle KILL
stop client greedy KILL

# What is no record ends its connection; what is garbage in one is answered.
cat >"$ROOM/malformed.py" <<'END'
import socket, struct, sys
port = int(sys.argv[1])
def ask(data):
    s = socket.create_connection(("192.0.2.1", port))
    s.settimeout(20)
    try:
        s.sendall(data)
        return s.recv(100)
    except ConnectionError:
        return b""
last = 0x80000000
assert ask(struct.pack(">I", last | 9001)) == b"", "over the cap"
assert ask(struct.pack(">I", 0x7fffffff) + b"x" * 20000) == b"", "2 GiB"
assert ask(struct.pack(">I", 0) * 65) == b"", "65 empty fragments"
call = struct.pack(">10I", 1, 0, 2, 100024, 1, 2, 0, 0, 0, 0)
got = ask(struct.pack(">I", last | len(call)) + call)
assert struct.unpack(">7I", got)[6] == 4, "SM_MON without arguments"
END
in_host client python3 "$ROOM/malformed.py" "$port"
say "ok: malformed records"

# Small limits: strangers have 16 of 32 places, and are closed when idle.
stop server statd
printf '[statd]\nmax-connections = 32\nidle-timeout = 1\n' \
	>"$ROOM/server/etc/nfs.conf"
statd_start server ours -d
port=$(in_host server rpcinfo -p | awk '$1 == 100024 && $3 == "tcp" {
	print $4; exit }')
: >"$ROOM/client/log/idle"
# shellcheck disable=SC2086 # a list
spawn client idle python3 "$ROOM/flood.py" "$port" 60 10 $addresses
for i in 1 2 3 4 5; do
	local_is_served "in a flood ($i)"
done
wait_for "idle and stalled connections to be closed" lost_all idle 1400
say "ok: all 1400 idle and stalled connections were closed"
local_is_served "afterwards"

# The limit of descriptors is below max-connections: ours goes below it.
stop server statd
: >"$ROOM/server/etc/nfs.conf"
spawn server statd prlimit --nofile=600:600 "$(program statd ours)" -F -L -d
wait_for "statd with 600 descriptors" statd_is_up server
grep -q "max-connections is 344, not 4096" "$ROOM/server/log/statd" ||
	die "the lower limit is not in the log"
port=$(in_host server rpcinfo -p | awk '$1 == 100024 && $3 == "tcp" {
	print $4; exit }')
: >"$ROOM/client/log/idle"
# shellcheck disable=SC2086 # a list
spawn client idle python3 "$ROOM/flood.py" "$port" 60 0 $addresses
wait_for "1200 connections" grep -q held "$ROOM/client/log/idle"
local_is_served "with few descriptors"
