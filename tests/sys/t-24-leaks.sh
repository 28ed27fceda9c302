#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 10 000 requests of every kind, good, refused and malformed, over UDP and TCP:
# memory and descriptors are where they were after as many before, and at the
# end valgrind has nothing to say.  Where the programs are built with
# sanitizers, valgrind cannot run them, and LeakSanitizer is the judge.
#
# nfs-utils: loses memory with each SM_UNMON and each callback (contract.md
# S-5), and uses what it has freed after SM_SIMU_CRASH (S-4).
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

GROWTH_KB_MAX=1024 # a hundred bytes lost with each request
# The sanitizer's allocator keeps more, some times 3 MiB and some times nothing.
! is_sanitized || GROWTH_KB_MAX=8192
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

everything() {
	in_host server python3 -B "$SYS/everything.py" "$1"
}

memory_kb() {
	in_host server cat "/proc/$(pid_of server statd)/status" |
		awk '/^VmRSS:/ { print $2 }'
}

# But the one to each helper of the resolver; those come and go.
descriptors() {
	local pid
	pid=$(pid_of server statd)
	echo $(($(in_host server ls "/proc/$pid/fd" | wc -l) -
		$(in_host server pgrep -c -P "$pid" || true)))
}

are_descriptors() {
	[ "$(descriptors)" -eq "$1" ]
}

# Those of the harness, too: statd sees the end of each a little later.
has_no_connection() {
	# shellcheck disable=SC2016 # awk's
	[ -z "$(in_host server awk '$4 == "01" || $4 == "08"' \
		/proc/net/tcp /proc/net/tcp6)" ]
}

are_records_gone() {
	[ -z "$(files server sm)" ]
}

host_new server 1
host_boot server
# Each notice that names a peer is believed, so that callbacks are made as well.
printf '[statd]\nnotify-check = legacy\n' >"$ROOM/server/etc/nfs.conf"
lockd_start server
statd_start server ours
wait_for "connections of the start to be closed" has_no_connection
before=$(descriptors)
everything 10000
memory=$(memory_kb)
everything 10000
wait_for "connections to be closed" are_descriptors "$before"
say "ok: $before descriptors as before"
grown=$(($(memory_kb) - memory))
[ "$grown" -le "$GROWTH_KB_MAX" ] || die "statd grew by $grown KiB"
say "ok: statd grew by $grown KiB"
wait_for "records to go" are_records_gone
heard server || die "no callback was made"
stop server statd
is_sanitized && exit 0

: >"$ROOM/server/etc/nfs.conf"
command -v valgrind >/dev/null || { say "needs valgrind" && exit 77; }
report=$ROOM/server/log/valgrind
spawn server statd valgrind --child-silent-after-fork=yes --leak-check=full \
	--show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect,possible \
	--log-file="$report" "$(program statd ours)" -F -L
wait_for "statd under valgrind" statd_is_up server
everything 10000
stop server statd
grep -q "ERROR SUMMARY: 0 errors" "$report" || die "valgrind complains"
say "ok: $(sed -n 's/^==[0-9]*== *\(All heap blocks.*\|.*lost:.*\)/\1/p' \
	"$report" | paste -sd ';')"
