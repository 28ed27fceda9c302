#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K17: the client reboots and runs sm-notify alone; its statd never starts.  The
# server releases its locks.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
reboot alice
on alice 'rpcbind_up; notify_up' >/dev/null
comes released 40 server '[ $(locks) = 0 ]'
is free "$(try bob f)" granted
comes server-told 40 alice '[ -z "$(peers sm.bak)" ]'
