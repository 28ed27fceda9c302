#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every header of the programs compiles alone, and twice.
: "${srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
: "${CPPFLAGS=$(pkg-config --cflags libtirpc)}"

count=0
failed=0
for path in "$srcdir"/lib/*.h "$srcdir"/os/*.h "$srcdir"/statd/*.h \
	"$srcdir"/sm-notify/*.h "$srcdir"/cltrack/*.h; do
	name=${path#"$srcdir"/}
	# shellcheck disable=SC2086 # both hold several words
	if ! printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
		$CC -I"$srcdir" -I"$top_builddir" $CPPFLAGS -std=gnu11 -Wall \
			-Wextra -Werror -fsyntax-only -x c -
	then
		echo "$name:1: does not compile alone"
		failed=1
	fi
	count=$((count + 1))
done
[ $failed = 0 ] || exit 1
echo "headers: $count compile alone"
