#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K12: nothing but IPv6: the server reboots, then the client.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

export LAB_FAMILY=6
scene alice bob
on alice lock f
is server-has-record "$(on server peers)" 2001:db8::2
is client-has-record "$(on alice peers)" 2001:db8::1
reboot server
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes grace-ends 60 server '! is_in_grace'
is refused-after "$(try bob f)" EAGAIN
on bob 'lock_start f wait'
reboot alice
on alice client_up >/dev/null
comes waiter-has-it 30 bob is_locked f
