#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the simulator of nfsdcld over its default seeds; see cldsim.c.
exec "${top_builddir:-.}/tests/sim/cldsim" -n 500
