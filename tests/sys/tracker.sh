# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# For the tests of NFSv4 client tracking: Debian's trackers, which are fetched
# but not installed, and a place to run them and ours beside each other: a mount
# namespace with an /etc/nfs.conf of its own and a stand-in for /proc/fs/nfsd.
# To be sourced after hosts.sh.

SERVER_CACHE=${SERVER_CACHE:-$BUILD/tests/sys/nfs-kernel-server}
END_GRACE=/proc/fs/nfsd/v4_end_grace
GOLDEN=$SYS/../golden/cltrack

# Debian's nfs-kernel-server, unpacked; before tracker_room, which has no
# network.
server_fetch() {
	[ ! -e "$SERVER_CACHE/complete" ] || return 0
	mkdir -p "$SERVER_CACHE"
	(
		flock 9
		[ ! -e "$SERVER_CACHE/complete" ] || exit 0
		cd "$SERVER_CACHE" && rm -f ./*.deb
		apt-get -q download nfs-kernel-server </dev/null
		dpkg-deb -x ./*.deb . && : >complete
	) 9>"$SERVER_CACHE/lock" >/dev/null 2>&1 ||
		{ say "needs Debian's nfs-kernel-server" && exit 77; }
}

# Everything from here on runs where nothing of the machine can be touched.
tracker_room() {
	if [ -z "${IN_TRACKER_ROOM:-}" ]; then
		export IN_TRACKER_ROOM=1
		rm -rf "$ROOM" # the next bash makes its own; exec runs no trap
		exec unshare -m -n --propagation private bash "$0" "$@"
	fi
	command -v sqlite3 >/dev/null || { say "needs sqlite3" && exit 77; }
	[ -x "$BUILD/cltrack/nfsdcltrack" ] ||
		{ say "built without cltrack" && exit 77; }
	mount -t tmpfs tracker /proc/fs
	mkdir /proc/fs/nfsd
	: >"$END_GRACE"
	[ -e /etc/nfs.conf ] || : >/etc/nfs.conf
	: >"$ROOM/nfs.conf"
	mount --bind "$ROOM/nfs.conf" /etc/nfs.conf
}

# track_program ours|debian
track_program() {
	case $1 in
	ours) echo "$BUILD/cltrack/nfsdcltrack" ;;
	debian) echo "$SERVER_CACHE/sbin/nfsdcltrack" ;;
	esac
}

# track WHOSE WORD...: runs nfsdcltrack on $STORE as the kernel does, with the
# variables that $VARS names; what it says is in ROOM/said.
track() {
	local whose=$1
	shift
	# shellcheck disable=SC2086 # words
	env -i ${VARS:-} "$(track_program "$whose")" -f -s "$STORE" "$@" \
		</dev/null >"$ROOM/said" 2>&1
}

# track_status WHOSE WORD...: prints the exit status.
track_status() {
	local status=0
	track "$@" || status=$?
	echo $status
}

# dump FILE: without what two programs may write differently.
dump() {
	sqlite3 "$1" .dump | sed 's/ IF NOT EXISTS//; s/ ,/,/g' |
		tr '[:upper:]' '[:lower:]' | grep -v ^pragma
}

# golden NAME: the same of a golden text.
golden() {
	rm -f "$ROOM/golden.sqlite"
	sqlite3 "$ROOM/golden.sqlite" <"$GOLDEN/$1.sql"
	dump "$ROOM/golden.sqlite"
}

# clients: those in $STORE, as "ID:HAS_SESSION".
clients() {
	sqlite3 "$STORE/main.sqlite" \
		"SELECT group_concat(lower(hex(id)) || ':' || has_session, ' ')
		 FROM (SELECT * FROM clients ORDER BY id)"
}

# grace_ended: what was written to the knob, which is then empty again.
grace_ended() {
	cat "$END_GRACE"
	: >"$END_GRACE"
}
