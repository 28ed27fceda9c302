#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K7: server and client lose power together; FIRST says who is back first.  The
# client's lock is gone, another's is reclaimed, and both have told each other.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
on bob lock g
power_cut server alice
boot "${FIRST:-server}"
case ${FIRST:-server} in
server)
	on server server_up >/dev/null
	boot alice
	on alice 'client_up && mount_up' >/dev/null
	;;
alice)
	on alice client_up >/dev/null
	boot server
	on server server_up >/dev/null
	on alice mount_up
	;;
esac
comes reclaimed 15 server '[ $(locks) = 1 ]'
comes server-told-all 60 server '[ -z "$(peers sm.bak)" ]'
comes client-told-all 140 alice '[ -z "$(peers sm.bak)" ]'
comes grace-ends 60 server '! is_in_grace'
is the-others-lock "$(try alice g)" EAGAIN
is no-lock-of-the-dead "$(try bob f)" granted
holds nothing-lost bob '! is_lock_lost'
