#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Formatting: clang-format has nothing to change.
: "${srcdir:=.}" "${CLANG_FORMAT:=clang-format}"

if ! $CLANG_FORMAT --version >/dev/null 2>&1; then
	echo "clang-format is missing"
	exit 77
fi
cd "$srcdir" || exit 1
find lib os statd sm-notify cltrack tests fuzz -name '*.[ch]' \
	-exec $CLANG_FORMAT --dry-run -Werror {} + || exit 1
echo "style: nothing to change"
