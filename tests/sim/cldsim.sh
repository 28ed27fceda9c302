#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays the scripts of edges.c; sim.sh plays the seeds.
exec "${top_builddir:-.}/tests/sim/cldsim" -e all
