#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The server loses power as soon as a client has its first lock: whom it lets
# reclaim is on disk by then.  ROUNDS times, DISK= says on what.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

boot server
first_up
for round in $(seq "${ROUNDS:-2}"); do
	boot alice
	on alice "mount4 $VERS && lock f$round"
	crash4
	boot4
	on server server4_up
	comes "reclaimed" 30 server '[ $(locks) = 1 ]'
	power_cut alice
	settle server
done
