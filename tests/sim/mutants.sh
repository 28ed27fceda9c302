#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Plants one small mistake after the other (tests/sim/mutants/*.patch) in copies
# of the source, and requires that something finds each: the programs that the
# patch names, the unit tests, or a simulator.  A patch that does not apply or
# compile has failed, too.  Ends with "N passed, N failed, N skipped".
#
#   mutants.sh [WORD]   only those with WORD in their name
#
#   JOBS=N              copies at a time (one per processor)
#   SEEDS=N             runs of each simulator (500)
#   BY=sim              by the simulators alone, to learn what they see
set -eu
. "$(dirname "$0")/../../tools/lib.sh"

JOBS=${JOBS:-$(nproc)}
SEEDS=${SEEDS:-500}
PATCHES=tests/sim/mutants
UNCHANGED=unchanged # no mutant: the tests must not find fault with it
# Ends with us.  The processor's time counts: a busy machine finds no mutant.
BOUND=(setpriv --pdeathsig TERM timeout -k 5 600)
TEST_S=20	  # of a program
SIM_S=120	  # of all seeds
MEMORY_KB=4000000 # of a mutant that never stops taking more

# --- one mutant, in the copy that is the working directory -------------------

# touched PATCH: the files that it changes.
touched() {
	sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$@"
}

# named PATCH...: the programs that they ask for.
named() {
	sed -n '/^---/q; s/^Tests: *//p' "$@" | tr ' ' '\n'
}

unit_tests() {
	printf '%s\n' tests/unit/test_*.c | sed 's/\.c$//'
}

# near PATCH: what probably finds it: what it names, and the tests of the room.
near() {
	local file stem
	named "$1"
	while read -r file; do
		stem=$(basename "${file%.[ch]}")
		unit_tests | grep "/test_$stem" || true
	done < <(touched "$1")
}

# simulators PATCH: those that may see it; of cltrack/ only cldsim has anything.
simulators() {
	echo tests/sim/cldsim
	touched "$1" | grep -q '^cltrack/' || echo tests/sim/sim
}

# build TARGET...: whether the mutant compiles.
build() {
	"${BOUND[@]}" make -s "$@" >log 2>&1 && return
	grep -m 5 -E 'error|undefined|\*\*\*' log | sed 's/^/    /' >trouble
	return 1
}

# The case of cmocka in `log` that failed, or did not end.
failed_case() {
	awk '$2 == "RUN" { name = $4 }
	     $2 == "OK" { name = "" }
	     $2 == "FAILED" { exit }
	     END { print name == "" ? "(outside of its cases)" : name }' log
}

# passes PROGRAM: whether it finds nothing; what it found is in `found`.
passes() {
	"${BOUND[@]}" prlimit --cpu="$TEST_S" "$1" >log 2>&1 </dev/null && return
	echo "${1#tests/} $(failed_case)" >found
	return 1
}

# simulate PROGRAM: whether it finds nothing, as passes().
simulate() {
	case $1 in
	*/cldsim) simulate_cld ;;
	*) simulate_others ;;
	esac
}

simulate_cld() {
	local status=0
	"${BOUND[@]}" prlimit --cpu="$SIM_S" stdbuf -oL tests/sim/cldsim \
		-n "$SEEDS" >sim.out 2>sim.err || status=$?
	[ "$status" -ne 0 ] || return 0
	awk -v status="$status" '
		/^cldsim -r / { gsub(/:/, ""); what = $1 " " $2 " " $3 " " $4; exit }
		END {
			if (what == "")
				what = "cldsim ends with status " status
			print what
		}' \
		sim.out >found
	return 1
}

# sim prints each run that it has done, so the one after it is to blame where it
# crashes or does not end.  The first that finds something is enough.
simulate_others() {
	local status
	"${BOUND[@]}" prlimit --cpu="$SIM_S" stdbuf -oL tests/sim/sim -v \
		-n "$SEEDS" 2>sim.err | awk '
		/ violates / {
			run = $1 " " $2 " " $3 " " $4 " " $5
			sub(/:$/, "", run)
			sub(/.* violates /, "")
			sub(/:.*/, "")
			rule = $0
			exit
		}
		/: hash / { last = $3 " -r " $5 + 0 }
		END {
			if (rule != "")
				print run, rule
			else
				print "sim, the run after -s " last
		}' >sim.out
	status=${PIPESTATUS[0]}
	[ "$status" -ne 0 ] || return 0
	cat sim.out >found
	return 1
}

# hunt PATCH: leaves in `found` who finds it, or in `trouble` why nobody could.
hunt() {
	local -a close all sims
	local test
	mapfile -t sims < <(simulators "$1")
	if [ "${BY:-}" = sim ]; then
		build "${sims[@]}" || return 0
		for test in "${sims[@]}"; do
			simulate "$test" || return 0
		done
		return 0
	fi
	mapfile -t close < <(near "$1")
	mapfile -t all < <(unit_tests | grep -vxF -e "$(near "$1")")
	# One by one: the first few find most, and the rest is never linked.
	for test in "${close[@]}"; do
		build "$test" || return 0
		passes "$test" || return 0
	done
	build "${all[@]}" "${sims[@]}" || return 0
	for test in "${all[@]}"; do
		passes "$test" || return 0
	done
	for test in "${sims[@]}"; do
		simulate "$test" || return 0
	done
}

# The source as it is passes all that any patch names.
hunt_unchanged() {
	local -a all
	local test
	mapfile -t all < <(for test in "$PATCHES"/*.patch; do
		named "$test"
	done | sort -u)
	[ "${#all[@]}" -eq 0 ] || build "${all[@]}" || return 0
	for test in "${all[@]}"; do
		passes "$test" || return 0
	done
	hunt /dev/null
}

# try NAME: one line, and a few more where something is wrong.
try() {
	local patch=$PATCHES/$1.patch file
	: >found
	: >trouble
	if [ "$1" = "$UNCHANGED" ]; then
		hunt_unchanged
		[ ! -s found ] || echo "BROKEN $1: $(cat found)"
		[ ! -s trouble ] || echo "BROKEN $1: it does not compile"
	elif ! patch -p1 -F1 --batch --forward --no-backup-if-mismatch \
		--reject-file=- <"$patch" >log 2>&1; then
		echo "NOT-APPLIED $1"
	else
		hunt "$patch"
		if [ -s trouble ]; then
			echo "NOT-COMPILED $1"
		elif [ -s found ]; then
			echo "KILLED $1: $(cat found)"
		else
			echo "SURVIVED $1"
		fi
	fi
	cat trouble
	# With a new time, so that make sees it.
	while read -r file; do
		cp "../base/$file" "$file"
	done < <([ ! -f "$patch" ] || touched "$patch")
}

# --- all of them -------------------------------------------------------------

# next: takes a name from the queue; fails at its end.
next() {
	local status=0
	flock 9
	read -r name <"$WORK/queue" || status=1
	sed -i 1d "$WORK/queue"
	flock -u 9
	return $status
}

# worker COPY: tries what nobody else has taken yet.
worker() {
	local name
	ulimit -v "$MEMORY_KB"
	cp -a "$WORK/base" "$1"
	cd "$1"
	while next; do
		try "$name" >verdict
		flock 9
		tee -a "$WORK/verdicts" <verdict
		flock -u 9
	done
}

# Configured and built once; the copies inherit it.
prepare() {
	source_copy "$WORK/base"
	cd "$WORK/base"
	[ -x configure ] || ./bootstrap
	./configure CFLAGS=-O2
	make -s -j "$JOBS" all
	unit_tests | xargs make -s -j "$JOBS" tests/sim/sim tests/sim/cldsim
}

finish() {
	jobs -rp | xargs -r kill 2>/dev/null || true
	wait
	rm -rf "$WORK"
}

count() {
	grep -cE "^($1) " "$WORK/verdicts" || true
}

unset MAKEFLAGS MFLAGS MAKELEVEL # of a make that started us
WORK=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
{
	echo "$UNCHANGED"
	find "$TOP/$PATCHES" -name "*${1:-}*.patch" -printf '%f\n' |
		sed 's/\.patch$//' | sort
} >"$WORK/queue"
: >"$WORK/verdicts"
total=$(($(wc -l <"$WORK/queue") - 1))
[ "$total" -gt 0 ] || {
	echo "mutants: none has \"${1:-}\" in its name" >&2
	exit 2
}
(prepare) >"$WORK/log" 2>&1 || {
	tail -n 40 "$WORK/log"
	exit 1
}
for i in $(seq "$JOBS"); do
	worker "$WORK/$i" 9>>"$WORK/turn" 2>>"$WORK/log" &
done
wait
# Also those of which nothing was heard.
[ "$(wc -l <"$WORK/queue")" -eq 0 ] || tail -n 20 "$WORK/log"
failed=$((total - $(count KILLED) + $(count BROKEN)))
echo "$(count KILLED) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
