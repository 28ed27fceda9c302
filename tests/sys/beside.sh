# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests that show both columns of doc/differences.md, each by its own
# program; to be sourced after hosts.sh, with WHOSE set to ours or debian.

# yes_if COMMAND...
yes_if() {
	if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi
}

# differs ROW WHAT NFS-UTILS OURS COMMAND...: it prints what the column says.
differs() {
	local want=$4
	[ "$WHOSE" = ours ] || want=$3
	is "$1: $2 ($WHOSE)" "$("${@:5}" 2>/dev/null || true)" "$want"
}

# becomes ROW WHAT NFS-UTILS OURS COMMAND...: the same, if only after a while.
becomes() {
	local end=$((SECONDS + WAIT_S)) want=$4
	[ "$WHOSE" = ours ] || want=$3
	until [ "$("${@:5}" 2>/dev/null || true)" = "$want" ] ||
		[ $SECONDS -ge $end ]; do
		sleep 0.2
	done
	differs "$@"
}
