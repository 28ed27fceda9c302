#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rpc.statd and rpcbind: registered on four transports, NULL answered on each;
# registered again after kill -9, and after rpcbind itself was restarted;
# unregistered after SIGTERM.
set -eu
. "$(dirname "$0")/hosts.sh"

ALL="tcp tcp6 udp udp6"

netids() {
	in_host server rpcinfo | awk '$1 == 100024 { print $3 }' | sort -u |
		paste -sd ' '
}

all_answer() {
	# shellcheck disable=SC2086 # a list
	[ "$(netids)" = "$ALL" ] && answers server 100024 $ALL
}

host_new server 1
host_boot server
statd_start server ours
wait_for "four transports" all_answer
is "registered" "$(netids)" "$ALL"

stop server statd KILL
statd_start server ours
wait_for "four transports after kill -9" all_answer
say "ok: registered again after kill -9"

stop server rpcbind KILL
spawn server rpcbind rpcbind -f
wait_for "four transports after rpcbind came back" all_answer
say "ok: registered again after rpcbind came back"

stop server statd TERM
is "registered after SIGTERM" "$(netids)" ""
