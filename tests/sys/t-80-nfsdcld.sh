#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsdcld and a stand-in for nfsd (nfsd.py says what that is not): who may
# reclaim after a start, over restarts, with wrong options, beside another one.
set -eu
. "$(dirname "$0")/hosts.sh"

need_python
[ -x "$BUILD/cltrack/nfsdcld" ] || { say "built without cltrack" && exit 77; }
export SYS BUILD ROOM
# All processes of the test end with its first one, holders included.
# shellcheck disable=SC2016 # expanded inside
unshare -n -m -p -f --kill-child --mount-proc --propagation private sh -c '
	mount -t tmpfs none /run
	python3 "$SYS/nfsdcld.py" "$@"' sh "$(basename "$0" .sh)"
