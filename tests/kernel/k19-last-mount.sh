#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K19: unmounting does not end the server's monitoring; when lockd goes, on the
# client with its last mount and on the server with nfsd, all peers are
# unmonitored, and the next boot tells nobody.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice
on alice lock f
on alice 'end lk-f && umount.nfs /mnt'
comes client-unmonitors 30 alice '[ -z "$(peers)" ]'
is server-monitors-on "$(on server peers)" 192.0.2.2
on server 'rpc.nfsd 0'
comes server-unmonitors 30 server '[ -z "$(peers)" ]'
# What is unlinked is not forced to disk: a notice too many harms nobody.
on_all server alice -- sync
reboot server alice
on server server_up >/dev/null
on alice client_up >/dev/null
# shellcheck disable=SC2119 # from anybody to anybody
is nobody-told "$(notices)" 0
