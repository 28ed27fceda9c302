#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsdcltrack beside Debian's: the same words to each, and the exit statuses and
# records of each in its column of doc/differences.md.
#
#   t-86-track-beside.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/tracker.sh"
server_fetch
tracker_room "$@"
WHOSE=$1
STORE=$ROOM/store

# status ROW WHAT NFS-UTILS OURS WORD...
status() {
	differs "$1" "$2" "$3" "$4" track_status "$WHOSE" "${@:5}"
}

# same WHAT STATUS WORD...
same() {
	status same "$1" "$2" "$2" "${@:3}"
}

# digits COUNT
digits() {
	head -c "$1" /dev/zero | tr '\0' a
}

same "no command" 234
same "unknown command" 218 bogus
for command in create remove check gracedone; do
	same "$command without argument" 234 $command
done
same "init" 0 init
same "init, and a word too many" 0 init extra
same "create" 0 create 6161
same "create, and a word too many" 0 create 6161 extra
same "an odd number of digits" 234 create 616
same "no hex digits" 234 check zz
same "the longest id" 0 create "$(digits 2048)"
same "too long an id" 151 create "$(digits 2050)"
same "the same in upper case" 0 remove "$(digits 2048 | tr a A)"
same "remove what is not there" 0 remove 6262
same "check what is not there" 255 check 6262
same "check what is there" 0 check 6161
same "no number" 234 gracedone x
same "half a number" 234 gracedone 5x
same "hexadecimal" 0 gracedone 0x10
same "too large a number" 222 gracedone 99999999999999999999
same "a negative number" 1 gracedone -5
same "unknown option" 1 -z init
same "option without its argument" 1 init -s
same "options behind the words" 0 check 6161 -d -f
same "long options" 0 --debug --foreground check 6161
status T "an empty id" 0 234 create ""
status T "an empty time" 0 234 gracedone ""
status T "--help" 1 0 --help
status T "--version" 1 0 --version
differs T "who is there" ":0 6161:0" 6161:0 clients

say "what the kernel says in the environment"
VARS="NFSDCLTRACK_GRACE_START=abc" same "a start that is no time" 0 init
VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=y" same "a small y" 0 create 6262
VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" same "a session" 0 create 6363
is "sessions" "$(clients | grep -o '6[23]6[23]:.' | tr '\n' ' ')" \
	"6262:0 6363:1 "

# A journal that came and went would show at the directory.
say "what changes nothing writes nothing"
written() {
	stat -c '%n %y %s' "$STORE" "$STORE/main.sqlite"
}
before=$(written)
VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" same "check a session" 0 check 6363
VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" same "check nobody" 255 check 6464
same "remove nobody" 0 remove 6464
same "gracedone for nobody" 0 gracedone 5
same "init" 0 init
is "the files" "$(written)" "$before"

say "a directory that cannot be"
STORE=/nowhere/at/all
same "init" 243 init
for command in create check remove; do
	same "$command" 254 $command 61
done
same "gracedone" 254 gracedone 5

say "a directory that is made"
STORE=$ROOM/new
same "check makes it" 255 check 61
is "its mode" "$(stat -c %a "$STORE")" 700

say "a file that is no database"
STORE=$ROOM/garbage
mkdir "$STORE"
head -c 8192 /dev/urandom >"$STORE/main.sqlite"
same "init" 243 init
status T "create" 26 182 create 61
status T "check" 26 182 check 61

say "a newer schema"
STORE=$ROOM/newer
track "$WHOSE" init
sqlite3 "$STORE/main.sqlite" "UPDATE parameters SET value = '3'"
same "init" 243 init

say "nfs.conf"
rm -rf "$ROOM/conf"
printf '[nfsdcltrack]\nstoragedir = %s\ndebug = 1\n' "$ROOM/conf" \
	>"$ROOM/nfs.conf"
env -i "$(track_program "$WHOSE")" create 6161 </dev/null
is "storagedir" "$(ls "$ROOM/conf")" main.sqlite
STORE=$ROOM/conf2
track "$WHOSE" create 6161
is "-s wins" "$(ls "$ROOM/conf2")" main.sqlite

say "an old recovery directory"
STORE=$ROOM/legacy
TOP=$ROOM/v4recovery
HASH=0123456789abcdef0123456789abcdef
mkdir -p "$TOP/$HASH" "$TOP/ffffffffffffffffffffffffffffffff" "$TOP/other"
export VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y NFSDCLTRACK_LEGACY_RECDIR=$TOP/$HASH"
same "a client that has a directory" 0 check 6161
is "it is recorded" "$(clients)" 6161:1
is "its directory is gone" "$(yes_if test -d "$TOP/$HASH")" no
VARS="NFSDCLTRACK_LEGACY_RECDIR=$TOP/$HASH" same "another that has none" \
	255 check 6262
VARS="NFSDCLTRACK_LEGACY_TOPDIR=$TOP" same "gracedone" 0 gracedone 5
is "the others go" \
	"$(yes_if test -d "$TOP/ffffffffffffffffffffffffffffffff")" no
differs T "what is no client's stays" no yes yes_if test -d "$TOP/other"
VARS="NFSDCLTRACK_LEGACY_TOPDIR=/nowhere" same "none to be cleaned" \
	0 gracedone 5

say "the end of the grace period"
STORE=$ROOM/grace
: >"$END_GRACE"
NOW=$(date +%s)
VARS="NFSDCLTRACK_GRACE_START=$NOW" track "$WHOSE" init
is "nobody is there" "$(grace_ended)" Y
VARS="NFSDCLTRACK_CLIENT_HAS_SESSION=Y" track "$WHOSE" create 6161
sqlite3 "$STORE/main.sqlite" "UPDATE clients SET time = $NOW - 10"
VARS="NFSDCLTRACK_GRACE_START=$NOW" track "$WHOSE" init
is "one may reclaim" "$(grace_ended)" ""
export VARS="NFSDCLTRACK_GRACE_START=$NOW NFSDCLTRACK_CLIENT_HAS_SESSION=Y"
track "$WHOSE" create 6161
is "it has reclaimed" "$(grace_ended)" Y
VARS="NFSDCLTRACK_GRACE_START=$NOW NFSDCLTRACK_CLIENT_HAS_SESSION=N" \
	track "$WHOSE" create 6262
track "$WHOSE" create 6363
is "one cannot say whether it has" "$(grace_ended)" ""
