#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsdcltrack as the kernel calls it: no open file, no variables but its own,
# the root directory; many at the same time; and what it may do by then.
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/tracker.sh"
tracker_room "$@"
STORE=$ROOM/store
PROGRAM=$(track_program ours)
printf '[nfsdcltrack]\nstoragedir = %s\n' "$STORE" >"$ROOM/nfs.conf"

# upcall VARIABLE=VALUE... -- WORD...
upcall() {
	local vars=()
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	(cd / && exec env -i "${vars[@]}" "$PROGRAM" "$@" <&- >&- 2>&-)
}

say "a server starts, a client comes"
upcall NFSDCLTRACK_GRACE_START=1000 -- init
is "grace" "$(grace_ended)" Y
upcall NFSDCLTRACK_GRACE_START=1000 NFSDCLTRACK_CLIENT_HAS_SESSION=Y -- \
	create 6161
is "recorded" "$(clients)" 6161:1
upcall NFSDCLTRACK_CLIENT_HAS_SESSION=Y -- check 6161
! upcall NFSDCLTRACK_CLIENT_HAS_SESSION=Y -- check 6262 || die "6262?"
say "what is wrong goes to the log, not into the database"
! upcall -- create zz || die "zz?"
! upcall NFSDCLTRACK_GRACE_START=1000 -- bogus || die "bogus?"
is "sound" "$(sqlite3 "$STORE/main.sqlite" 'PRAGMA integrity_check')" ok

say "fifty at the same time"
pids=()
for i in $(seq 10 59); do
	upcall NFSDCLTRACK_CLIENT_HAS_SESSION=N -- create "70$i" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || die "one of them failed"
done
is "all are there" "$(sqlite3 "$STORE/main.sqlite" \
	"SELECT count(*) FROM clients WHERE has_session = 0")" 50

say "rights, seen while it waits for the database"
sqlite3 "$STORE/main.sqlite" ".timeout 5000" "BEGIN EXCLUSIVE" \
	".shell touch $ROOM/held" \
	".shell while [ -e $ROOM/held ]; do sleep 0.1; done" ROLLBACK &
wait_for "the lock" test -e "$ROOM/held"
env -i "$PROGRAM" create 6363 &
waiting=$!
wait_for "its rights" grep -q '^CapBnd:.0000000000000000$' \
	"/proc/$waiting/status"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	is "$set" "$(awk -v s=$set: '$1 == s { print $2 }' \
		/proc/$waiting/status)" 0000000000000000
done
is "no new ones" "$(awk '$1 == "NoNewPrivs:" { print $2 }' \
	/proc/$waiting/status)" 1
rm "$ROOM/held"
wait $waiting || die "it did not wait for its turn"
is "recorded" "$(clients | grep -o 6363:.)" 6363:0
wait

say "a directory of somebody else"
chown 65534 "$STORE" "$STORE/main.sqlite" && chmod 700 "$STORE"
chmod 600 "$STORE/main.sqlite"
! upcall -- create 6464 || die "written though it belongs to another"
say "ok: it is refused"
