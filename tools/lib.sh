# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What tools/check and tools/demo share; to be sourced by bash.

# Where the checkout is.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

need_root() {
	[ "$(id -u)" -eq 0 ] || {
		echo "$0: must run as root: it installs packages and makes" \
			"network namespaces" >&2
		exit 1
	}
}

# The files of the checkout, as they are in the working tree; of a release
# tarball, all files.
source_files() {
	git -c safe.directory='*' -C "$TOP" ls-files -z -co \
		--exclude-standard 2>/dev/null ||
		(cd "$TOP" && find . -type f -print0)
}

# source_copy DIR: a copy to build in, so that the checkout stays clean.
source_copy() {
	mkdir -p "$1"
	source_files | tar -C "$TOP" --null --no-recursion -T - \
		--ignore-failed-read -cf - 2>/dev/null | tar -C "$1" -xf -
}
