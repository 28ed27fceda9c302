#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Peers registered by host name, as lockd does with nsm_use_hostnames: records
# and callbacks carry the name.  Ours also remembers a peer whose name does not
# resolve today, and keeps it as untold.
#
#   t-02-names.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"

WHOSE=$1
COOKIE=000102030405060708090a0b0c0d0e0f

start() {
	statd_start "$1" "$WHOSE"
	lockd_start "$1"
}

two_hosts 4
start server
start client
lockd server mon client.example "$COOKIE"
lockd client mon server.example "$COOKIE"
is "record of server" "$(files server sm)" client.example
[ "$WHOSE" = debian ] || lockd server mon nowhere.example "$COOKIE"

host_reboot server
start server
if [ "$WHOSE" = debian ]; then
	notify_run server debian
else
	spawn server sm-notify "$(program sm-notify ours)" -d
fi
wait_for "callback on client" heard client
is "client is told" "$(callbacks client)" "callback mon_name=server.example \
state=$(number server) priv=$COOKIE"
[ "$WHOSE" = debian ] || {
	wait_for "client to be told" is_told server client.example
	stop server sm-notify
	is "untold" "$(files server sm.bak)" nowhere.example
}
