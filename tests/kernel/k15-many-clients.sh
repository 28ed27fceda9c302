#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K15: 500 clients hold locks when the server loses power: all are told within
# the default grace period of 50 s.  COUNT= for another number.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

export GRACE=50
COUNT=${COUNT:-500}
# The first COUNT addresses from 10.9.0.0 on; 0 and 255 are none of broadcast.
addresses="for i in 0 1; do for j in \$(seq 0 255); do
	echo address add 10.9.\$i.\$j/16 dev eth0; done; done"
addresses="${addresses//$'\n'/} | sed 1d | head -n $COUNT >/run/list"
server_up='ip address add 10.9.9.9/16 dev eth0; server_up'
boot server alice
on server "$server_up" >/dev/null
on alice 'client_up && mount_up && : >/mnt/f' >/dev/null
on alice "$addresses; while read -r words; do ip \$words; done </run/list"
said=$(on alice "nsmtool locks 192.0.2.1 /export f 10.9.0.1 $COUNT")
say "measured: $said"
is all-monitored "$(on server 'peers | wc -l')" "$COUNT"
is all-locked "$(on server locks)" "$COUNT"
power_cut server
boot server
on server "$server_up" >/dev/null
comes all-told 120 server '[ -z "$(peers sm.bak)" ]'
holds within-grace server is_in_grace
