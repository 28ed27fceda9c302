#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K11: another scenario, SCENE, while nobody answers for names: no machine but
# the own is in /etc/hosts, and the name server is an address without a host.
export LAB_NAMES=none
SELF=$(cd "$(dirname "$0")" && pwd)
exec bash "$SELF/$SCENE.sh"
