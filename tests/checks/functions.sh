#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Sizes: a function has at most 60 lines, 95 of 100 in the programs at most 40;
# a file has at most 600.
: "${srcdir:=.}" "${CTAGS:=ctags}"
LINES_MAX=60
P95_MAX=40
FILE_MAX=600

case $($CTAGS --version 2>/dev/null) in
*Universal*) ;;
*)
	echo "universal-ctags is missing"
	exit 77
	;;
esac
cd "$srcdir" || exit 1

# One line "LENGTH FILE:LINE NAME" for each function of the given directories.
functions()
{
	# shellcheck disable=SC2086 # it may hold several words
	find "$@" -name '*.c' -exec $CTAGS -x --languages=C --kinds-C=f \
		--_xformat='%e %n %F %N' {} + |
		awk '{ print $1 - $2 + 1, $3 ":" $2, $4 }'
}

failed=0
long=$(functions lib os statd sm-notify cltrack tests fuzz |
	awk -v max=$LINES_MAX '$1 > max {
		print $2 ": " $3 "() has " $1 " lines, more than " max }')
long_files=$(find lib os statd sm-notify cltrack tests fuzz -name '*.[ch]' \
	-exec awk -v max=$FILE_MAX 'FNR == max + 1 {
		print FILENAME ":" FNR ": more than " max " lines" }' {} +)
if [ -n "$long$long_files" ]; then
	printf '%s\n' "$long_files" "$long" | grep .
	failed=1
fi

functions lib os statd sm-notify cltrack | sort -n | awk -v max=$P95_MAX '
	{ len[NR] = $1; where = $2 " " $3 }
	END {
		if (NR == 0) {
			print "no functions found"
			exit 1
		}
		p95 = len[int((NR * 95 + 99) / 100)]
		printf "functions: %d, median %d, p95 %d, longest %d (%s)\n",
			NR, len[int((NR + 1) / 2)], p95, len[NR], where
		if (p95 > max) {
			print "p95 is above " max
			exit 1
		}
	}' || failed=1
exit $failed
