#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays every scenario over its first 500 seeds, on all processors.
exec "$(dirname "$0")/run" --seeds 500
