#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K6b: nobody is to be notified, but nfsd's own grace period runs (no nfsdcld),
# with or without NFSv4 (NFSD="-N 4").  Ending lockd's has no effect then: it
# harms nothing, and sm-notify says so.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

export GRACE=40
machine_start server LAB_CLD=no "LAB_NFSD=${NFSD:-}"
machine_start alice
machine_wait server alice
on alice client_up >/dev/null
on server server_up >/dev/null
on alice mount_up >/dev/null
on alice 'lock_start f'
comes_here reported 10 grep -aq "nfsd's own grace period" server.console
holds still-waits alice '! is_locked f'
comes granted-after 60 alice is_locked f
is monitored "$(on server peers)" 192.0.2.2
