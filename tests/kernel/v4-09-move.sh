#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# From one who remembers the clients to the next: the server crashes, and comes
# up with another, who knows what the one before knew.  STEPS, with commas:
#
#   legacy          the kernel itself, in a directory
#   track[=WHICH]   nfsdcltrack, called by the kernel (ours)
#   cld[=WHICH]     nfsdcld (ours)
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

# step_boot STEP: and what nfsd says that it uses then.
step_boot() {
	local which=${1#*=} cld=none track=none
	[ "$which" != "$1" ] || which=$NFSDCLD
	case $1 in
	legacy) USED=legacy ;;
	track*) track=$which USED=UMH ;;
	cld*) cld=$which track=$which USED=nfsdcld ;;
	esac
	NFSDCLD_server=$cld NFSDCLTRACK_server=$track boot4
	on server server4_up
	is "$1-is-used" "$(on server tracker)" "$USED"
}

first=yes
for step in ${STEPS//,/ }; do
	step_boot "$step"
	if [ "$first" ]; then
		on server grace4_end
		boot alice
		on alice "mount4 $VERS && lock f"
		first=
	fi
	comes "$step-reclaimed" 30 server '[ $(locks) = 1 ]'
	comes "$step-grace-ends" 60 server '! is_in_grace4'
	settle server
	crash4
done
awake alice
holds nothing-lost alice '! is_lock4_lost'
