#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K21: an address, the export and the state directory move to another server
# when the first one dies, as the resource agents nfsserver and nfsnotify do
# it: sm-notify -f -v ADDRESS after statd and nfsd.  The client reclaims there.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

# Of server and bob, who has the address has the disk.
up='mount /dev/vdb /export; mkdir -p /export/info
	[ -e /export/info/sm ] || cp -a /var/lib/nfs/. /export/info
	mount --bind /export/info /var/lib/nfs
	ip address add 192.0.2.50/24 dev eth0
	rpcbind_up && statd_up && nfsd_up
	mkdir -p /var/lib/nfs/nfsnotify.bu; cd /var/lib/nfs
	cp -rpfn sm sm.bak state nfsnotify.bu
	sm-notify -f -v 192.0.2.50 -P /var/lib/nfs'
up=${up//$'\n'/;}
export EXPORT_AT='server bob'
machine_start server LAB_EXPORT=no
machine_start bob LAB_EXPORT=no
machine_start alice
machine_wait server bob alice
on server "$up" >/dev/null
on alice 'client_up && mount_up 192.0.2.50' >/dev/null
on alice lock f
is monitored "$(on server peers)" 192.0.2.2
power_cut server
on bob "$up" >/dev/null
comes reclaimed 18 bob '[ $(locks) = 1 ]'
comes monitored-there 10 bob 'peers | grep -qx 192.0.2.2'
holds nothing-lost alice '! is_lock_lost'
