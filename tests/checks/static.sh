#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Static analysis, by `make check-static` in a build directory:
#
#   clang-tidy      every C file; .clang-tidy says which checks, and why not all
#   scan-build      the programs and the fuzzers: clang's analyzer
#   gcc -fanalyzer  the programs
#
# The report must be empty.  What clang-tidy may not mind has a NOLINTNEXTLINE
# comment that says why.  What the two analyzers are wrong about stands in
# static.known, with its reason; an entry that nothing asks for is a failure,
# too.
#
#   JOBS=2   how many files at a time (one per processor)
: "${srcdir:=.}" "${top_builddir:=.}" "${CPPFLAGS:=}"
JOBS=${JOBS:-$(nproc)}
CHECKERS="nullability.NullPassedToNonnull nullability.NullReturnedFromNonnull
	nullability.NullableDereferenced optin.portability.UnixAPI
	security.FloatLoopCounter security.insecureAPI.rand
	valist.CopyToSelf valist.Uninitialized valist.Unterminated"

for tool in clang-tidy scan-build gcc ctags; do
	command -v $tool >/dev/null || {
		echo "$tool is missing"
		exit 77
	}
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Relative to the source directory, as the list of what is known has them.
build=$(cd "$top_builddir" && pwd)
cd "$srcdir" || exit 1
KNOWN=$(pwd)/tests/checks/static.known
FLAGS="-std=gnu11 -I$build -I$(pwd) $CPPFLAGS"
# On its way through make and the shell their quotes were lost; here they stay.
# shellcheck disable=SC2089,SC2090
for name in STATEDIR SBINDIR NFSDIR; do
	FLAGS="$FLAGS -U$name -D$name=\"/some/directory\""
done
# shellcheck disable=SC2090
export FLAGS
programs=$(find lib os statd sm-notify cltrack -name '*.c' | sort)
fuzzers=$(find fuzz -name '*.c' | sort)
# The shims stand before the C library, and are built with flags of their own.
tests=$(find tests -name '*.c' ! -name '*shim.c' ! -name nosync.c | sort)

# each COUNT COMMAND FILE...: runs the words COMMAND with COUNT files at a time.
each()
{
	count=$1 command=$2
	shift 2
	printf '%s\n' "$@" | xargs -P "$JOBS" -n "$count" sh -c "$command" sh
}

# Lines "FILE:LINE:COLUMN: warning: TEXT [CHECK]" of a log as "TOOL FILE
# FUNCTION CHECK", each once.
findings()
{
	grep -E "^[^ ]+:[0-9]+:[0-9]+: warning: " "$2" | LC_ALL=C sort -u |
		awk -v tool="$1" -v ends="$scratch/functions" '
		BEGIN {
			while ((getline line <ends) > 0) {
				split(line, word, " ")
				at = ++count[word[1]]
				first[word[1], at] = word[2]
				last[word[1], at] = word[3]
				name[word[1], at] = word[4]
			}
		}
		{
			split($1, place, ":")
			check = $NF
			sub(/.*\[-?W?/, "", check)
			sub(/\].*/, "", check)
			of = "-"
			for (i = 1; i <= count[place[1]]; i++)
				if (place[2] >= first[place[1], i] &&
				    place[2] <= last[place[1], i])
					of = name[place[1], i]
			print tool, place[1], of, check
		}'
}

# Which lines each function has.
# shellcheck disable=SC2086 # lists of words
ctags -x --languages=C --kinds-C=f --_xformat='%F %n %e %N' \
	$programs $fuzzers >"$scratch/functions"

failed=0

# shellcheck disable=SC2016,SC2086 # for the shell of xargs; lists
each 4 'clang-tidy --quiet "$@" -- $FLAGS 2>/dev/null' \
	$programs $fuzzers $tests >"$scratch/tidy" || failed=1
cat "$scratch/tidy"

set --
for checker in $CHECKERS; do
	set -- "$@" -enable-checker "$checker"
done
# shellcheck disable=SC2016,SC2086
printf '%s\n' $programs $fuzzers |
	scan-build --use-cc=clang -o "$scratch/html" "$@" \
		xargs -P "$JOBS" -n 1 \
		sh -c '$CC $FLAGS -c -o /dev/null "$1"' sh \
		>"$scratch/scan-build" 2>&1 || failed=1
[ $failed -eq 0 ] || tail -n 40 "$scratch/scan-build"

# shellcheck disable=SC2016,SC2086
each 1 'gcc -O1 -fanalyzer $FLAGS -c -o /dev/null "$1"' $programs \
	>"$scratch/gcc" 2>&1 || {
	failed=1
	cat "$scratch/gcc"
}

{
	findings scan-build "$scratch/scan-build"
	findings gcc "$scratch/gcc"
} | LC_ALL=C sort >"$scratch/found"
sed -e '/^#/d' -e '/^[ 	]/d' -e '/^$/d' "$KNOWN" | LC_ALL=C sort \
	>"$scratch/known"
LC_ALL=C comm -23 "$scratch/found" "$scratch/known" >"$scratch/new"
LC_ALL=C comm -13 "$scratch/found" "$scratch/known" >"$scratch/stale"
if [ -s "$scratch/new" ]; then
	failed=1
	sed 's/^/not in static.known: /' "$scratch/new"
	grep -hE "^[^ ]+:[0-9]+:[0-9]+: warning: " "$scratch/scan-build" \
		"$scratch/gcc"
fi
if [ -s "$scratch/stale" ]; then
	failed=1
	sed 's/^/static.known, and not found: /' "$scratch/stale"
fi
[ $failed -ne 0 ] ||
	echo "static: nothing new, $(wc -l <"$scratch/known") known"
exit $failed
