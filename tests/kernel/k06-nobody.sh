#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K6: nobody is to be notified, and nfsdcld knows no client: new locks need not
# wait for the end of a grace period in which nobody can reclaim.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

export GRACE=240
scene alice
holds grace-is-over server '! is_in_grace'
on alice 'lock_start f'
comes granted-early 30 alice is_locked f
