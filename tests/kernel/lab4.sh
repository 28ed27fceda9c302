# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Words of the NFSv4 scenarios, beside those of lab.sh; to be sourced instead.
# The server is nfsd without NFSv3; who remembers its clients is said by NFSDCLD
# and NFSDCLTRACK, on a line of run.sh or in the environment.
#
# Leases last 10 s.  A grace period could last 60 s, and does with NFSv4.0 and
# with nfsdcltrack; else it ends when all clients are back.

export NFSDCLD=${NFSDCLD:-ours} NFSDCLTRACK=${NFSDCLTRACK:-ours}
export VERS=${VERS:-4.1}
export GRACE=${GRACE:-60}
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
declare -A ASLEEP
DOZING=() # who sleeps only while the server is away

# tracked: nfsd asks whom it is meant to ask.
tracked() {
	local want=nfsdcld
	[ "$(setting NFSDCLD server ours)" != none ] || want=UMH
	is tracked "$(on server tracker)" "$want"
}

# shellcheck disable=SC2016 # expanded on the machine
# first_up: the first boot of the server.  There is nobody to be remembered, but
# not every program says so: its grace period is ended.
first_up() {
	[ "$NFSDCLD" != none ] || on server 'rmdir $LEGACY_DIR'
	on server 'server4_up && grace4_end'
	tracked
}

# scene4 [CLIENT...]: server and clients (alice and bob), the export mounted on
# /mnt with the version VERS.
scene4() {
	[ $# -gt 0 ] || set -- alice bob
	boot server "$@"
	first_up
	on_all "$@" -- "${PORT:+ports_are $PORT;} mount4 $VERS"
	say "mounted by $*, version $VERS"
}

# crash4: of the server, hard.  Clients that are awake sleep until it has booted
# (boot4): the connections on which they send would be dead ones, with timers
# that grow as long as the boot takes.  On a slow host that is longer than grace.
crash4() {
	local name
	power_cut server
	for name in alice bob; do
		[ -n "${QEMU[$name]:-}" ] || continue
		[ -z "${ASLEEP[$name]:-}" ] || continue
		asleep "$name"
		DOZING+=("$name")
	done
}

boot4() {
	local name
	boot server
	for name in "${DOZING[@]}"; do
		awake "$name"
	done
	DOZING=()
}

# reboot4: as soon as it serves.
reboot4() {
	crash4
	boot4
	on server server4_up
	tracked
}

# settle MACHINE: all that it has written is on disk: losses are looked for by a
# scenario of their own.
settle() {
	on "$1" sync
}

# asleep MACHINE: cut off from now on.  It does nothing, and does not know it:
# unlike one whose network is gone, it has no dead connection with a timer that
# has grown long when it is back.
asleep() {
	kill -STOP "${QEMU[$1]}"
	echo "asleep ${NUMBER[$1]}" >&"$ORDERS"
	ASLEEP[$1]=yes
	say "asleep: $1"
}

awake() {
	echo "awake ${NUMBER[$1]}" >&"$ORDERS"
	kill -CONT "${QEMU[$1]}"
	unset "ASLEEP[$1]"
	say "awake: $1"
}

# refusals: how many reclaims were refused (NFS4ERR_NO_GRACE, RECLAIM_BAD).
refusals() {
	frames 'nfs.nfsstat4 == 10033 || nfs.nfsstat4 == 10034'
}

is_refused_since() {
	[ "$(refusals)" -gt "$1" ]
}
