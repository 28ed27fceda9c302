#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Databases of client tracking, handed over in both directions: what Debian's
# nfsdcltrack wrote is read by ours, and back; and the golden texts of
# tests/golden/cltrack, which the unit tests go by, are what Debian's programs
# make of each other.
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/tracker.sh"
server_fetch
tracker_room "$@"

STORE=$ROOM/store

# hand_over FROM TO
hand_over() {
	rm -rf "$STORE"
	VARS="NFSDCLTRACK_GRACE_START=1000" track "$1" init
	VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" track "$1" create 616161
	VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=N" track "$1" create 00ff22
	is "$1 to $2" "$(VARS="NFSDCLTRACK_GRACE_START=2000" \
		track_status "$2" init)" 0
	is "both are there" "$(clients)" "00ff22:0 616161:1"
	is "and may reclaim" "$(track_status "$2" check 616161) $(
		track_status "$2" check 00ff22) $(
		track_status "$2" check 6161)" "0 0 255"
	VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" track "$2" create 616161
	is "$2 back to $1" "$(track_status "$1" remove 00ff22) $(
		track_status "$1" gracedone 2000)" "0 0"
	is "one is there" "$(clients)" "616161:1"
	is "its files" "$(ls "$STORE")" main.sqlite
}

hand_over debian ours
hand_over ours debian
hand_over ours ours
hand_over debian debian

say "schema 1 becomes 2 in the same way"
for whose in ours debian; do
	rm -rf "$STORE" && mkdir "$STORE"
	sqlite3 "$STORE/main.sqlite" <"$GOLDEN/schema-1.sql"
	is "$whose" "$(track_status $whose init)" 0
	dump "$STORE/main.sqlite" >"$ROOM/$whose.dump"
done
cmp "$ROOM/ours.dump" "$ROOM/debian.dump" || die "they differ"

# nfsdcld_makes BEFORE AFTER: what Debian's daemon makes of a golden text as it
# starts, beside a pipe that never comes.
nfsdcld_makes() {
	rm -rf "$STORE" && mkdir -m 700 "$STORE"
	mkdir -p "$ROOM/pipe/nfsd"
	rm -f "$ROOM/nfsdcld.log" # that of the one before says the same
	[ -z "$1" ] || sqlite3 "$STORE/main.sqlite" <"$GOLDEN/$1.sql"
	"$SERVER_CACHE/usr/sbin/nfsdcld" -F -d -p "$ROOM/pipe" -s "$STORE" \
		>"$ROOM/nfsdcld.log" 2>&1 &
	wait_for "nfsdcld" grep -q "event dispatch\|Failed to open main" \
		"$ROOM/nfsdcld.log"
	kill $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	[ -n "$1" ] || sqlite3 "$STORE/main.sqlite" \
		"INSERT INTO \"rec-0000000000000001\" (id) VALUES
		(X'4c696e7578204e465376342e302061'), (X'00ff2722')"
	dump "$STORE/main.sqlite" | sort >"$ROOM/have"
	golden "$2" | sort >"$ROOM/want"
	diff "$ROOM/want" "$ROOM/have" || die "nfsdcld: ${1:-a new one} is not $2"
	say "ok: nfsdcld makes ${1:-a new one} $2"
}

nfsdcld_makes "" schema-1-is-4
nfsdcld_makes schema-1 schema-1-is-4
nfsdcld_makes schema-2 schema-2-spoiled
nfsdcld_makes schema-3 schema-3-is-4
nfsdcld_makes schema-4 schema-4

say "nfsdclddb, if there is Python"
if command -v python3 >/dev/null; then
	yes | python3 "$SERVER_CACHE/usr/sbin/nfsdclddb" \
		-p "$STORE/main.sqlite" downgrade-schema >"$ROOM/said"
	dump "$STORE/main.sqlite" | sort >"$ROOM/have"
	golden schema-3 | sort >"$ROOM/want"
	diff "$ROOM/want" "$ROOM/have" || die "downgraded it is not schema-3"
	say "ok: schema-4 downgraded is schema-3"
fi
