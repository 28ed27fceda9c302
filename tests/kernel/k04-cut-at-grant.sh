#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K4: server and client lose power as the reply that grants the lock leaves the
# server: neither may have forgotten the other.  ROUNDS times; FS= and DISK= say
# on what.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

# On a busy host five seconds pass between a write and the frame: ext4 would
# commit meanwhile what nobody has asked it to.
export COMMIT=600
scene alice
for round in $(seq "${ROUNDS:-5}"); do
	cut_at grant server server alice
	tell alice "lock_start f$round"
	was_cut server alice
	boot server alice
	is server-remembers "$(on server peers)" 192.0.2.2
	is client-remembers "$(on alice peers)" 192.0.2.1
	[ "$round" = "${ROUNDS:-5}" ] || {
		on_all server alice -- 'rm -f /var/lib/nfs/sm/*; sync'
		on server server_up >/dev/null
		on alice 'client_up && mount_up' >/dev/null
	}
done
