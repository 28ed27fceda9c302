#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs the kernel scenarios, some at a time, and ends with the line "N passed,
# N failed, N skipped".  The steps of a scenario that fails are shown, and
# where its console logs are.  The lines that failed, and which checks of them,
# are listed again before the sum.
#
#   run.sh [WORD...]    the lines of the list below that contain a WORD (all)
#
#   BUILD=DIR           build tree (default: the one that calls this)
#   LAB_CACHE=DIR       Debian's kernel, unpacked (default: BUILD/lab)
#   JOBS=N              scenarios at a time (default 3: machines sleep mostly)
#   LAB_ROOMS=DIR       where failed scenarios leave their logs ($TMPDIR)
#   LIST=table          nfs-utils' programs and broken ones instead: which checks
#                       fail is shown
#   STATD, SM_NOTIFY, STATD_server ...   other programs: see doc/lab.md
set -eu

LAB=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-${top_builddir:-$PWD}}" && pwd)
LAB_CACHE=${LAB_CACHE:-$BUILD/lab}
JOBS=${JOBS:-3}
WORK=$(mktemp -d)
IMAGE=$WORK/image
export BUILD LAB_CACHE IMAGE LAB

# One run per line: a scenario, settings, and after "fails:" the checks that
# must fail, all of them and no others.
ours() {
	cat <<-'END'
		k01-records
		k02-server-reboots
		k03-client-reboots
		k04-cut-at-grant FS=ext4
		k04-cut-at-grant FS=xfs
		k04-cut-at-grant DISK=writeback ROUNDS=2
		k05-cut-at-notice
		k06-nobody
		k06b-nfsd-grace
		k06b-nfsd-grace NFSD=-N4
		k06n-unreadable
		k07-both-reboot FIRST=server
		k07-both-reboot FIRST=alice
		k08-away-once
		k09-restarts
		k10-monitored-meanwhile
		k11-dead-dns SCENE=k02-server-reboots
		k11-dead-dns SCENE=k03-client-reboots
		k12-ipv6
		k13-forged
		k14-resync
		k15-many-clients
		k16-two-addresses KNOWN=name
		k16-two-addresses KNOWN=option
		k17-no-statd
		k18-late-notice SIDE=client
		k18-late-notice SIDE=server
		k18-late-notice SIDE=grace
		k19-last-mount
		k20-exchange START=ours NEXT=debian
		k20-exchange START=debian NEXT=ours
		k21-floating-address
		k22-number-lost
		k23-too-late
		k24-statd-down
		k25-statd-dies
	END
}

# Negative controls: the laboratory sees what is broken.
broken() {
	cat <<-'END'
		k02-server-reboots SM_NOTIFY=true fails: monitored-again reclaimed refused-in-grace
		k03-client-reboots SM_NOTIFY_alice=true fails: one-lock waiter-has-it
		k04-cut-at-grant STATD=nosync ROUNDS=1 fails: client-remembers server-remembers
		k05-cut-at-notice STATD=nosync SM_NOTIFY=nosync ROUNDS=1 fails: number-not-older
		k25-statd-dies POST=none fails: nothing-lost reclaimed
	END
}

# NFSv4: who remembers its clients.
v4() {
	cat <<-'END'
		v4-01-reboot VERS=4.0
		v4-01-reboot VERS=4.1
		v4-01-reboot VERS=4.2
		v4-01-reboot NFSDCLD=none
		v4-02-cut-at-once FS=ext4
		v4-02-cut-at-once VERS=4.0 FS=xfs
		v4-02-cut-at-once DISK=writeback
		v4-02-cut-at-once NFSDCLD=none
		v4-03-edges WHICH=e1
		v4-03-edges WHICH=e2
		v4-04-reboot-in-grace
		v4-04-reboot-in-grace NFSDCLD=none
		v4-05-two-crashes VERS=4.0
		v4-05-two-crashes VERS=4.1
		v4-05-two-crashes VERS=4.0 NFSDCLD=none
		v4-06-daemon-killed
		v4-07-absent
		v4-08-disk-full
		v4-09-move STEPS=legacy,track,cld,cld
		v4-09-move STEPS=legacy,cld
		v4-09-move STEPS=cld=ours,cld=debian,cld=ours
	END
}

v4_broken() {
	cat <<-'END'
		v4-01-reboot NFSDCLD=forgets fails: in-grace no-reclaim-refused nothing-lost reclaimed refused-after refused-in-grace
		v4-02-cut-at-once NFSDCLD=nosync ROUNDS=1 fails: reclaimed
		v4-03-edges WHICH=e1 FORGETS=no fails: free not-reclaimed refused told
		v4-03-edges WHICH=e2 FORGETS=no fails: free not-reclaimed refused told
	END
}

# For the table of doc/lab.md: the scenarios with nfs-utils' programs, and some
# more with broken ones.  What fails is shown, and held against nobody.
table() {
	ours | grep -v 'k20-exchange' | sed 's/$/ STATD=debian SM_NOTIFY=debian/'
	ours | grep -E 'k02|k03|k08|k10|k12|k16.*name' | sed 's/$/ SM_NOTIFY=true/'
	ours | grep -E 'k02|k04|k05|k10' | sed 's/$/ STATD=nosync SM_NOTIFY=nosync/'
}

v4_table() {
	v4 | grep -v =ours |
		sed 's/^[^ ]*/& NFSDCLD=debian NFSDCLTRACK=debian/'
}

# run_one LINE: what it says in WORK/N.log, the verdict on standard output.
run_one() {
	local line=$1 log settings wanted='' failed status=0 verdict=FAIL
	log=$(mktemp "$WORK/log.XXXXXX")
	read -r -a settings <<<"${line%% fails:*}"
	[[ $line != *" fails:"* ]] || {
		wanted=${line##*fails: }
		settings+=("FAILS=$wanted")
	}
	# A session of its own: whatever it starts can be ended with it.
	setsid setpriv --pdeathsig TERM env "${settings[@]:1}" \
		FAILED_TO="$log.failed" bash "$LAB/${settings[0]}.sh" \
		</dev/null >"$log" 2>&1 &
	# shellcheck disable=SC2064 # these, now
	trap "kill -- -$! 2>/dev/null; wait $!; rm -f '$log.runs'; exit 143" TERM
	: >"$log.runs"
	wait $! || status=$?
	failed=$(cat "$log.failed" 2>/dev/null || true)
	case $status in
	77) verdict="SKIP ($(tail -n 1 "$log"))" ;;
	0) [ -n "$wanted" ] || verdict=PASS ;;
	1) [ -z "$wanted" ] || [ "$failed" != "$wanted" ] || verdict=PASS ;;
	esac
	printf '%4d s  %s%s %s\n' "$SECONDS" "$line" \
		"${LIST:+${failed:+ failed: $failed}}" "$verdict"
	grep 'measured:' "$log" || true
	[ "$verdict" != FAIL ] || [ -n "${LIST:-}" ] || sed 's/^/    /' "$log"
	echo "${verdict%% *}" >>"$WORK/verdicts"
	[ "$verdict" != FAIL ] || echo "FAILED: $line: $failed" >>"$WORK/failed"
	[ "$verdict" != PASS ] || [ -n "${KEEP:-}" ] || room_remove "$log"
	rm "$log.runs"
}

# Of a control that failed as it should.
room_remove() {
	local room
	room=$(sed -n 's/^ *[0-9]* s  logs: //p' "$1")
	[ -z "$room" ] || rm -rf "$room"
}

count() {
	grep -c "$1" "$WORK/verdicts" || true
}

list() {
	local word lines
	lines=$(case ${LIST:-} in
		table) table && v4_table ;;
		*) ours && broken && v4 && v4_broken ;;
		esac)
	[ $# -gt 0 ] || set -- .
	for word; do
		grep -e "$word" <<<"$lines" && continue
		echo "run: no line of the list has \"$word\"" >&2
		return 2
	done
}

# Whoever ends this script ends xargs, the scenarios, and so their machines;
# they remove what is theirs.
finish() {
	local tries=100
	[ -z "${XARGS:-}" ] || kill "$XARGS" 2>/dev/null || true
	while [ $tries -gt 0 ] && compgen -G "$WORK/*.runs" >/dev/null; do
		tries=$((tries - 1))
		sleep 0.1
	done
	rm -rf "$WORK"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
list "$@" >"$WORK/list"
"$LAB/fetch.sh" "$LAB_CACHE"
TMPDIR=$WORK "$LAB/image.sh" "$BUILD" "$LAB_CACHE" "$IMAGE"
: >"$WORK/verdicts"
: >"$WORK/failed"
export -f run_one room_remove
export WORK
# shellcheck disable=SC2016 # expanded by that bash
setpriv --pdeathsig TERM xargs -d '\n' -P "$JOBS" -I {} -a "$WORK/list" \
	setpriv --pdeathsig TERM bash -c 'run_one "$1"' - {} &
XARGS=$!
wait "$XARGS" || true
cat "$WORK/failed"
echo "$(count PASS) passed, $(count FAIL) failed, $(count SKIP) skipped"
[ "$(count FAIL)" = 0 ]
