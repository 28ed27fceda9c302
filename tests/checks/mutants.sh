#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each mutant still applies, says what it breaks, and names only tests that
# exist: "make check-mutants", which plants them, takes minutes.
cd "${srcdir:-.}" || exit 1
command -v patch >/dev/null || {
	echo "SKIP: there is no patch(1)"
	exit 77
}

status=0
complain() {
	echo "$1" >&2
	status=1
}

for mutant in tests/sim/mutants/*.patch; do
	patch -p1 -F1 --batch --forward --dry-run <"$mutant" >/dev/null 2>&1 ||
		complain "$mutant: does not apply any more"
	case $(head -n 1 "$mutant") in
	'' | 'Tests:'* | '---'*)
		complain "$mutant:1: does not say what it breaks" ;;
	esac
	tests=$(sed -n '/^---/q; s/^Tests: *//p' "$mutant")
	for test in $tests; do
		[ -f "$test.c" ] || complain "$mutant: there is no $test"
	done
done
exit $status
