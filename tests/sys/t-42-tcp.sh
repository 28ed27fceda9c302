#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A peer that answers only over TCP, and one that answers from another address:
# both are told over TCP, from a reserved port, and so says last-notify.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=42424242424242424242424242424242
NOTIFY=$(program sm-notify ours)

# peer [OTHER]: the odd peer on the client, at 192.0.2.2.
peer() {
	: >"$ROOM/client/log/peer"
	spawn client peer python3 -B "$SYS/peer-standin.py" 192.0.2.2 "$@"
	wait_for "the peer" grep -q ready "$ROOM/client/log/peer"
}

# told: what the peer was told and how, each once.
told() {
	grep ^notice "$ROOM/client/log/peer" | sort -u
}

# reboot: the server has a peer to tell, and tells it.
reboot() {
	statd_start server ours
	lockd server mon 192.0.2.2 "$COOKIE" >"$ROOM/said"
	host_reboot server
	capture_start server
	in_host server timeout 120 "$NOTIFY" --wait </dev/null >"$ROOM/said" \
		2>>"$ROOM/server/log/sm-notify" || die "it was not told"
	capture_stop server
	is "untold" "$(files server sm.bak)" ""
}

# calls: to the peer, over UDP and over TCP; and how many of those over UDP were
# answered, from 192.0.2.22 and before the next one, until there was one over TCP.
calls() {
	packets server '(rpc.msgtyp == 0 && ip.dst == 192.0.2.2) ||
		(rpc.msgtyp == 1 && ip.src == 192.0.2.22)' \
		rpc.msgtyp rpc.xid udp.dstport |
		awk -F '\t' '$1 == 0 && $3 { udp++; xid = $2 }
			$1 == 0 && !$3 { tcp++ }
			$1 == 1 && !tcp && $2 == xid { answers++ }
			END { print udp + 0, tcp + 0, answers + 0 }'
}

need_python
two_hosts 4
stop client rpcbind

say "only over TCP"
peer
reboot
is "told" "$(told)" "$(for name in server server.example; do
	echo "notice tcp from 192.0.2.1 port LOW $name $(number server)"
done)"
grep -q '^192.0.2.2 told at 192.0.2.2 over tcp, tries: ' "$ROOM/said" ||
	die "it said: $(cat "$ROOM/said")"
in_host server grep -q '"transport":"tcp"' /run/nfs-reclaim/last-notify ||
	die "last-notify: $(in_host server cat /run/nfs-reclaim/last-notify)"
stop client peer

say "an answer from another address"
in_host client ip address add 192.0.2.22/24 dev eth0
peer 192.0.2.22
reboot
is "told" "$(told)" "$(for name in server server.example; do
	echo "notice tcp from 192.0.2.1 port LOW $name $(number server)"
done)"
read -r udp tcp answers <<<"$(calls)"
is "calls over TCP" "$tcp" 3
is "what it said" "$(cat "$ROOM/said")" \
	"192.0.2.2 told at 192.0.2.2 over tcp, tries: $((udp + tcp))"
# A peer that is slow is asked over UDP again.  But an answer that comes in time
# is enough: three are what silence needs.
case $answers in
1 | 2) ;;
*) die "TCP after $answers answers over UDP" ;;
esac
