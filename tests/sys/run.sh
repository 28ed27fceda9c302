#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs the system tests against the programs in $BUILD (default: the build tree
# that calls this) and Debian's nfs-utils, and ends with the line
# "N passed, N failed, N skipped".  The log of a test that fails is shown; before
# the sum such tests are listed again.
#
#   run.sh [WORD]   only the tests with WORD in their line of the list below
#
#   JOBS=N          tests at a time (1); each makes namespaces of its own
set -eu

SYS=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-${top_builddir:-$PWD}}" && pwd)
export BUILD

# One test per line: a script and its arguments.  HOST/HOST below are
# "whose statd/whose sm-notify".  The first two lines test the harness itself.
tests() {
	cat <<-END
		t-01-reboot.sh debian/debian debian/debian 4
		t-01-reboot.sh debian/debian debian/debian 6
		t-01-reboot.sh ours/ours ours/ours 4
		t-01-reboot.sh ours/ours ours/ours 6
		t-01-reboot.sh ours/ours debian/debian 4
		t-01-reboot.sh ours/ours debian/debian 6
		t-01-reboot.sh ours/debian ours/ours 4
		t-01-reboot.sh ours/debian debian/ours 6
		t-01-reboot.sh debian/ours ours/ours 4
		t-01-reboot.sh debian/ours debian/debian 6
		t-01-reboot.sh ours/debian debian/debian 4
		t-01-reboot.sh debian/ours ours/debian 6
		t-02-names.sh ours
		t-02-names.sh debian
		t-03-handover.sh 4
		t-03-handover.sh 6
		t-04-takeover.sh debian ours
		t-04-takeover.sh ours debian
		t-04-takeover.sh ours ours
		t-05-packets.sh 4
		t-05-packets.sh 6
		t-06-kill-statd.sh
		t-07-kill-sm-notify.sh
		t-08-register.sh
		t-09-refused.sh
		t-10-options.sh
		t-11-once-per-boot.sh
		t-12-daemon.sh
		t-13-broken-directory.sh
		t-14-rights.sh
		t-15-limits.sh
		t-16-signals.sh
		t-17-forged.sh ours
		t-17-forged.sh debian
		t-18-resolver.sh ours
		t-18-resolver.sh debian
		t-19-rpcbind.sh
		t-20-malformed.sh
		t-21-names.sh
		t-22-flood.sh
		t-23-ganesha.sh
		t-24-leaks.sh
		t-25-disk.sh
		t-26-callout.sh
		t-27-restart.sh
		t-28-beside-statd.sh debian
		t-28-beside-statd.sh ours
		t-29-beside-sm-notify.sh debian
		t-29-beside-sm-notify.sh ours
		t-30-other-address.sh ours
		t-30-other-address.sh debian
		t-31-mounts.sh
		t-32-late.sh
		t-33-died.sh
		t-40-look-and-wait.sh
		t-41-last-notify.sh
		t-42-tcp.sh
		t-43-addresses.sh 4
		t-43-addresses.sh 6
		t-44-pacemaker.sh
		t-45-ctdb.sh
		t-50-matrix.sh debian/debian
		t-50-matrix.sh debian/ours
		t-50-matrix.sh ours/debian
		t-50-matrix.sh ours/ours
		t-51-units.sh
		t-52-switch.sh ours debian
		t-52-switch.sh debian ours
		t-53-peers.sh
		t-54-many.sh 4
		t-54-many.sh 6
		t-55-foreign.sh
		t-60-notify-resolver.sh
		t-61-families.sh 4
		t-61-families.sh 6
		t-62-kill-anywhere.sh
		t-63-high-port.sh ours
		t-63-high-port.sh debian
		t-70-grace.sh
		t-71-keys.sh
		t-72-back.sh
		t-73-questions.sh
		t-80-nfsdcld.sh
		t-81-nfsdcld-kill.sh
		t-85-track-databases.sh
		t-86-track-beside.sh debian
		t-86-track-beside.sh ours
		t-87-track-as-kernel.sh
		t-88-track-clocks.sh debian
		t-88-track-clocks.sh ours
		t-89-track-kill.sh
	END
}

# In a process of its own; ends the test when it is ended itself.
run_one() {
	local log status=0 verdict
	log=$(mktemp -p "$LOGS")
	setpriv --pdeathsig TERM bash "$SYS/$1" "${@:2}" \
		</dev/null >"$log" 2>&1 9>&- || status=$?
	case $status in
	0) verdict=PASS ;;
	77) verdict="SKIP ($(tail -n 1 "$log"))" ;;
	*) verdict=FAIL ;;
	esac
	flock 9
	printf '%-60s %s\n' "$*" "$verdict"
	[ "$verdict" != FAIL ] || sed 's/^/    /' "$log"
	echo "$verdict" >>"$LOGS/verdicts"
	[ "$verdict" != FAIL ] || echo "FAILED: $*" >>"$LOGS/failed"
}

# verdicts WORD: how many there are.
verdicts() {
	grep -c "^$1" "$LOGS/verdicts" || true
}

chosen=$(tests | grep -e "${1:-.}") || {
	echo "run: no test has \"$1\" in its line" >&2
	exit 2
}
LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT
trap 'kill $(jobs -p); exit 130' INT
trap 'kill $(jobs -p); exit 143' TERM
: >"$LOGS/verdicts"
: >"$LOGS/failed"
while read -r -a line; do
	while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do
		wait -n || true
	done
	run_one "${line[@]}" 9>"$LOGS/turn" &
done <<<"$chosen"
wait
cat "$LOGS/failed"
failed=$(verdicts FAIL)
echo "$(verdicts PASS) passed, $failed failed, $(verdicts SKIP) skipped"
[ "$failed" -eq 0 ]
