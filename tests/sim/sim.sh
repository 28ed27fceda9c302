#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays every scenario over its first 500 seeds, on all processors.
#
#   SIM_SEEDS=N, SIM_FIRST=N   so many instead, from that one on
exec "$(dirname "$0")/run" --seeds "${SIM_SEEDS:-500}" \
	--first "${SIM_FIRST:-1}"
