#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The commands of doc/troubleshooting.md, as they stand there (but for
# journalctl), where one peer is told and another is not: each of them works,
# and they name the peer and the reason.
set -eu
. "$(dirname "$0")/hosts.sh"

DOC=$(dirname "$0")/../../doc/troubleshooting.md
COOKIE=73737373737373737373737373737373

# commands: of the first table, one per line.
commands() {
	awk -F '|' '/^## / { tables++ }
		tables == 1 && /^\|/ {
			count = split($3, part, "`")
			for (i = 2; i <= count; i += 2)
				print part[i]
		}' "$DOC" | grep -v -e '^journalctl' -e '^park$' -e --wait
}

# answer COMMAND: what it prints.
answer() {
	in_host server env PATH="$BUILD/sm-notify:$PATH" sh -c "$1"
}

two_hosts 4
statd_start client ours
statd_start server ours
for peer in 192.0.2.2 192.0.2.77 192.0.2.78; do
	lockd server mon "$peer" "$COOKIE" >/dev/null
done
host_reboot server
statd_start server ours
spawn server notify "$(program sm-notify ours)" -d
wait_for "the one that answers" \
	test ! -e "$ROOM/server/disk/sm.bak/192.0.2.2"
lockd server mon 192.0.2.78 "$COOKIE" >/dev/null
wait_for "the one that is parked" answer "grep -qs ^park \
	/var/lib/nfs/sm/.reclaim/parked"
wait_for "the reasons" answer \
	"grep -q silent /run/nfs-reclaim/last-notify &&
	grep -q parked /run/nfs-reclaim/last-notify"
count=0
while read -r command; do
	answer "$command" </dev/null >"$ROOM/said" ||
		die "failed: $command"
	say "ok: $command: $(head -n 1 "$ROOM/said")"
	count=$((count + 1))
done < <(commands)
[ "$count" -ge 10 ] || die "only $count commands in $DOC"

is "who was not told" "$(answer "$(commands | grep '"told":null')" |
	sed 's/.*"peer":"\([^"]*\)".*"reason":"\([^"]*\)".*/\1 \2/' | sort |
	paste -sd ,)" "192.0.2.77 silent,192.0.2.78 parked"
is "who is monitored" "$(answer "$(commands | grep '/sm$')")" 192.0.2.78
is "who would be told" "$(answer "$(commands | grep dry-run)" |
	grep -c '^192.0.2.77: would be told')" 1
is "the number" "$(answer "$(commands | grep '^od ')" | tr -d ' ')" \
	"$(number server)"
