#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Machines of the laboratory and a prompt.  See doc/lab.md.
#
#   by-hand.sh MACHINE...     server, alice, bob; wants BUILD and LAB_CACHE, as
#                             run.sh does, and builds its own image
#
# At the prompt: "MACHINE COMMAND", or a word of lab.sh ("power_cut server",
# "reboot alice", "scene").
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-${top_builddir:-$PWD}}" && pwd)
LAB_CACHE=${LAB_CACHE:-$BUILD/lab}
IMAGE=$BUILD/lab-image
export BUILD LAB_CACHE IMAGE
"$HERE/fetch.sh" "$LAB_CACHE"
"$HERE/image.sh" "$BUILD" "$LAB_CACHE" "$IMAGE"
. "$HERE/lab.sh"

boot "${@:-server}"
say "console logs, pcap: $ROOM"
while read -r -e -p 'lab> ' name words; do
	[ -n "$name" ] || continue
	if [ -n "${QEMU[$name]:-}" ]; then
		(run_on "$name" "$words") || echo "status $?"
	elif declare -F "$name" >/dev/null; then
		# shellcheck disable=SC2086 # words
		"$name" $words || true
	else
		echo "neither a machine that runs nor a word: $name"
	fi
done
