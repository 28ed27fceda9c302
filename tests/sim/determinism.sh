#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The same seed is the same run, or no failure could be had again: in two
# processes, under valgrind, and with whatever compiler.
#
#   determinism.sh [BUILD...]   other build directories; their hashes, too
set -eu
shopt -s inherit_errexit

HERE=${top_builddir:-.}
SEEDS=20	# of each scenario
VALGRIND_SEEDS=1

# hashes BUILD SEEDS [WRAPPER...]: a line for each run.
hashes() {
	local build=$1 seeds=$2
	shift 2
	"$@" "$build/tests/sim/sim" -v -n "$seeds"
	"$@" "$build/tests/sim/cldsim" -n "$seeds"
}

# same WHO WANTED GOT
same() {
	echo "$1: $(wc -l <<<"$2") lines"
	diff <(echo "$2") <(echo "$3") && return
	echo "determinism: the runs of $1 differ" >&2
	exit 1
}

wanted=$(hashes "$HERE" "$SEEDS")
for build in "$HERE" "$@"; do
	got=$(hashes "$build" "$SEEDS")
	same "$build" "$wanted" "$got"
done
# What the sanitizers made, valgrind cannot run.
if command -v valgrind >/dev/null &&
	! grep -q __asan_init "$HERE/tests/sim/sim"; then
	wanted=$(hashes "$HERE" $VALGRIND_SEEDS)
	got=$(hashes "$HERE" $VALGRIND_SEEDS valgrind -q --error-exitcode=9)
	same valgrind "$wanted" "$got"
fi
