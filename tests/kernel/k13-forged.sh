#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K13: notices that lie: from a third machine, from an unprivileged user on the
# server and on the client.  No lock is released; the real notice releases it.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
# forge MACHINE COMMAND: whether anybody answers is not the question.
forge() {
	say "$1: ${*:2}: $(run_on "$@" || true)"
}

# busybox has one of that name, too.
user='/sbin/setpriv --reuid 65534 --clear-groups'
for name in 192.0.2.2 alice alice.example; do
	forge bob "nsmtool notify 192.0.2.1 $name 99"
	holds "third-machine-$name" server '[ $(locks) = 1 ]'
	forge server "$user nsmtool notify 127.0.0.1 $name 101"
	forge server "$user nsmtool notify 192.0.2.1 $name 103"
	holds "user-on-server-$name" server '[ $(locks) = 1 ]'
	forge alice "$user nsmtool notify 192.0.2.1 $name 105"
	holds "user-on-client-$name" server '[ $(locks) = 1 ]'
	forge alice "$user nsmtool notify 192.0.2.2 192.0.2.1 107"
	forge bob "nsmtool notify 192.0.2.2 192.0.2.1 109"
	holds "client-not-misled-$name" alice '! is_lock_lost'
done
is kept "$(try bob f)" EAGAIN
reboot alice
on alice client_up >/dev/null
comes real-one-releases 30 server '[ $(locks) = 0 ]'
