#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The clock is set while a server is down or in grace: who came back keeps its
# record, who did not loses it (row C-11 of doc/differences.md).
#
#   t-88-track-clocks.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/tracker.sh"
server_fetch
tracker_room "$@"
WHOSE=$1
STORE=$ROOM/store

# two_clients START: both have state; the server starts, at that time of its
# clock; one of the two comes back; the grace period ends.
two_clients() {
	rm -rf "$STORE"
	export VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y"
	track "$WHOSE" create 6161
	track "$WHOSE" create 6262
	[ "${AGED:-no}" = no ] || sqlite3 "$STORE/main.sqlite" \
		"UPDATE clients SET time = time - 1000"
	export VARS="NFSDCLTRACK_GRACE_START=$1"
	track "$WHOSE" init
	export VARS="$VARS NFSDCLTRACK_CLIENT_HAS_SESSION=Y"
	track "$WHOSE" check 6161
	track "$WHOSE" create 6161
	track "$WHOSE" gracedone "$1"
	clients
}

NOW=$(date +%s)
AGED=yes differs C-11 "a clock that goes on" 6161:1 6161:1 two_clients "$NOW"
AGED=yes differs C-11 "set back after the start" "" 6161:1 \
	two_clients $((NOW + 500))
differs C-11 "set back before the start" "6161:1 6262:1" 6161:1 \
	two_clients $((NOW - 500))
