#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K16: the server has two addresses, and the client has mounted by the second.
# KNOWN=name: its name stands for both.  KNOWN=option: it stands for the first,
# and sm-notify is told to announce the second (-v).
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

second='echo 192.0.2.11 server.example server >>/etc/hosts'
notify=notify_up
[ "${KNOWN:-name}" = name ] || second=: notify='notify_up -v 192.0.2.11'
up="ip address add 192.0.2.11/24 dev eth0; $second
	rpcbind_up && statd_up && nfsd_up && $notify"
up=${up//$'\n'/;}
boot server alice bob
on server "$up" >/dev/null
on_all alice bob -- "$second; client_up && mount_up 192.0.2.11" >/dev/null
on alice lock f
is client-has-record "$(on alice peers)" 192.0.2.11
reboot server
on server "$up" >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes grace-ends 60 server '! is_in_grace'
is refused-after "$(try bob f)" EAGAIN
on bob 'lock_start f wait'
reboot alice
on alice "$second; client_up" >/dev/null
comes waiter-has-it 30 bob is_locked f
