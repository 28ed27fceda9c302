#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Formatting: clang-format has nothing to change.
: "${srcdir:=.}" "${CLANG_FORMAT:=clang-format}"

if ! $CLANG_FORMAT --version >/dev/null 2>&1; then
	echo "clang-format is missing"
	exit 77
fi
cd "$srcdir" || exit 1
files=$(find lib os statd sm-notify cltrack tests fuzz -name '*.[ch]')
[ -n "$files" ] || {
	echo "style: there is no source in $srcdir"
	exit 1
}
# shellcheck disable=SC2086 # no name of ours has a blank
$CLANG_FORMAT --dry-run -Werror $files || exit 1
echo "style: nothing to change in $(echo "$files" | wc -l) files"
