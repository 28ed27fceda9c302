#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K16: the server has two addresses, and the client has mounted by the second.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

boot server alice bob
on server 'ip address add 192.0.2.11/24 dev eth0; server_up' >/dev/null
on_all alice bob -- 'client_up && mount_up 192.0.2.11' >/dev/null
on alice lock f
is client-has-record "$(on alice peers)" 192.0.2.11
reboot server
on server 'ip address add 192.0.2.11/24 dev eth0; server_up' >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes grace-ends 60 server '! is_in_grace'
is refused-after "$(try bob f)" EAGAIN
on bob 'lock_start f wait'
reboot alice
on alice client_up >/dev/null
comes waiter-has-it 30 bob is_locked f
