#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Feeds each fuzz target of $FUZZERS its own corpus, fuzz/corpus/X for
# fuzz/fuzz_X.  Every target runs, also after one has failed.
: "${srcdir:=.}" "${top_builddir:=.}" "${FUZZERS:?no fuzz targets named}"

failed=0
for target in $FUZZERS; do
	name=${target##*/fuzz_}
	if ! said=$("$top_builddir/$target" "$srcdir/fuzz/corpus/$name" 2>&1)
	then
		failed=1
		echo "FAIL $name"
	fi
	echo "$name: $said"
done
exit $failed
