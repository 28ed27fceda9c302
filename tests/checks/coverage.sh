#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Which lines and branches of the pure files $PURE the tests of `make check`
# reach, by `make coverage`: builds in a scratch directory with gcc's counters,
# runs the tests $TESTS, and prints a table, the worst file first.  The numbers
# of the simulators' seeds are those of make check.
#
#   KEEP=DIR   build there and leave it.  Then, in the source directory:
#              tests/checks/coverage.py -u . DIR lib/addr.c
#              names each branch that was never taken
: "${srcdir:=.}" "${PURE:?no files named}" "${TESTS:?no tests named}"
JOBS=${JOBS:-$(nproc)}

for tool in gcc gcov python3; do
	command -v $tool >/dev/null || {
		echo "$tool is missing"
		exit 77
	}
done
source=$(cd "$srcdir" && pwd)
if [ -n "${KEEP:-}" ]; then
	mkdir -p "$KEEP" || exit 1
	scratch=$(cd "$KEEP" && pwd)
else
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
fi

# What a run before has counted does not count.
run()
{
	cd "$scratch" &&
		{ [ -e Makefile ] ||
			"$source/configure" CC=gcc CFLAGS='-O0 -g --coverage'; } &&
		find . -name '*.gcda' -exec rm -f {} + &&
		make -j "$JOBS" check TESTS="$TESTS"
}

if ! (run) >"$scratch/log" 2>&1; then
	tail -n 60 "$scratch/log"
	exit 1
fi
# shellcheck disable=SC2086 # a list of words
python3 "$source/tests/checks/coverage.py" "$source" "$scratch" $PURE
