#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the simulator over its default seeds, and some of them twice: the same
# seed must give the same run, or no failure could be replayed.
set -eu
sim=${top_builddir:-.}/tests/sim/sim

"$sim" -n 200
for seed in 1 7 42; do
	one=$(SEED=$seed "$sim" -n 1 -v)
	two=$(SEED=$seed "$sim" -n 1 -v)
	if [ "$one" != "$two" ]; then
		echo "seed $seed: two runs differ: $one / $two" >&2
		exit 1
	fi
done
