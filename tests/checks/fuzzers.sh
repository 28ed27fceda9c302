#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every function of a header that parses or decodes stands in doc/testing.md,
# in the table of fuzzers; every target there is stands in it, too, is built,
# and has a corpus.
: "${srcdir:=.}" "${FUZZERS:?no fuzz targets named}"
cd "$srcdir" || exit 1

failed=0
table=$(awk '/^## / { is_on = /^## Fuzzers/ } is_on && /^\|/' doc/testing.md)

count=0
parsers=$(grep -hoE '\b[a-z0-9]+_([a-z_]+_)?(parse|decode)(_[a-z_]+)?\(' \
	lib/*.h os/*.h statd/*.h sm-notify/*.h cltrack/*.h | LC_ALL=C sort -u)
for parser in $parsers; do
	count=$((count + 1))
	case $table in
	*"\`$parser)\`"*) ;;
	*)
		echo "doc/testing.md: no fuzzer for $parser)"
		failed=1
		;;
	esac
done

targets=0
for file in fuzz/fuzz_*.c; do
	target=${file%.c}
	targets=$((targets + 1))
	case $table in
	*"\`$target\`"*) ;;
	*)
		echo "doc/testing.md: no row for $target"
		failed=1
		;;
	esac
	# A build without client tracking has no databases.
	case " $FUZZERS fuzz/fuzz_cldb " in
	*" $target "*) ;;
	*)
		echo "$target: not in FUZZERS"
		failed=1
		;;
	esac
	[ -n "$(ls "fuzz/corpus/${target#fuzz/fuzz_}" 2>/dev/null)" ] || {
		echo "$target: no corpus"
		failed=1
	}
done
[ $count -gt 0 ] || {
	echo "fuzzers: no parser was found"
	failed=1
}
[ $failed -ne 0 ] || echo "fuzzers: $count parsers, $targets targets"
exit $failed
