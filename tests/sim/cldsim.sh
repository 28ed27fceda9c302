#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the simulator of nfsdcld: its default seeds, and the scripts of edges.c.
cldsim=${top_builddir:-.}/tests/sim/cldsim
"$cldsim" -n 500 && "$cldsim" -e all
