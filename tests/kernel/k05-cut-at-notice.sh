#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K5: the server loses power as its first notice leaves.  The number on its disk
# is not older than the one it announced, or the next notice would be a stale one.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

# On a busy host five seconds pass between a write and the frame: ext4 would
# commit meanwhile what nobody has asked it to.
export COMMIT=600
scene alice
on alice lock f
# Here the number counts, not the record.
on server sync
power_cut server
for _ in $(seq "${ROUNDS:-3}"); do
	boot server
	cut_at notice server server
	tell server server_up
	was_cut server
	number=$(announced)
	boot server
	holds number-not-older server "[ \$(state_number) -ge $number ]"
	power_cut server
done
