#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs each libFuzzer target of $FUZZERS for $FUZZ_S seconds, with the address
# and undefined behaviour sanitizers, from its corpus; what it finds goes to a
# scratch directory.  make fuzz-smoke calls it: in a build directory made with
# --enable-fuzzing with the targets that are there (FUZZ_BUILD names it), in any
# other it builds them in the scratch directory, with clang.
#
#   FUZZ_S=30   seconds for each
#   JOBS=2      how many run at a time (one per processor)
#   KEEP=DIR    leave inputs and logs there: DIR/corpus/X, DIR/crash, DIR/X.log
#
# One line for each, with what libFuzzer counts: runs, edges, features.
set -eu
: "${srcdir:=.}" "${FUZZERS:?no fuzz targets named}"
export FUZZ_S=${FUZZ_S:-30}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:quarantine_size_mb=16}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
JOBS=${JOBS:-$(nproc)}
SOURCE=$(cd "$srcdir" && pwd)
export SOURCE

# A crash, a leak, an input that takes 10 s or 1 GB is a failure.
fuzz_one() {
	local name=${1##*/fuzz_} log=$SCRATCH/${1##*/fuzz_}.log
	local result=PASS
	mkdir -p "$SCRATCH/corpus/$name" "$SCRATCH/crash"
	"$FUZZ_BUILD/$1" -max_total_time="$FUZZ_S" -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$SCRATCH/crash/$name-" \
		"$SCRATCH/corpus/$name" "$SOURCE/fuzz/corpus/$name" \
		>"$log" 2>&1 </dev/null || result=FAIL
	awk -v name="fuzz_$name" -v result=$result -v seconds="$FUZZ_S" '
		{
			for (i = 1; i < NF; i++) {
				if ($i == "cov:")
					cov = $(i + 1)
				if ($i == "ft:")
					ft = $(i + 1)
			}
		}
		/^stat::number_of_executed_units:/ { runs = $2 }
		END {
			printf "# %s: 1 %s, %s s: %d runs, %d edges, %d features\n",
				result, name, seconds, runs, cov, ft
		}' "$log"
	[ $result = FAIL ] || return 0
	tail -n 60 "$log"
	show_input "$name"
	return 1
}

# What it failed with, for "base64 -d | gunzip": the scratch directory goes.
show_input() {
	local input
	for input in "$SCRATCH/crash/$1-"*; do
		[ -s "$input" ] || continue
		echo "# ${input##*/}:"
		gzip -9nc "$input" | base64
	done
}
export -f fuzz_one show_input

# Without client tracking the build needs no sqlite.
configure_and_make() {
	local cltrack=--disable-cltrack
	case $FUZZERS in *cldb*) cltrack=--enable-cltrack ;; esac
	# shellcheck disable=SC2086 # a list of words
	cd "$FUZZ_BUILD" && "$SOURCE/configure" CC=clang --enable-fuzzing \
		--enable-sanitizers $cltrack &&
		make -j "$JOBS" proto/sm_inter.h proto/nlm_prot.h &&
		make -j "$JOBS" $FUZZERS
}

build() {
	FUZZ_BUILD=$SCRATCH/build
	mkdir -p "$FUZZ_BUILD"
	(configure_and_make) >"$SCRATCH/build.log" 2>&1 || {
		tail -n 60 "$SCRATCH/build.log"
		echo "# FAIL: 1 fuzzers are built"
		exit 1
	}
}

if [ -n "${KEEP:-}" ]; then
	mkdir -p "$KEEP"
	SCRATCH=$(cd "$KEEP" && pwd)
else
	SCRATCH=$(mktemp -d)
	trap 'rm -rf "$SCRATCH"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
fi
export SCRATCH
[ -n "${FUZZ_BUILD:-}" ] || build
FUZZ_BUILD=$(cd "$FUZZ_BUILD" && pwd)
export FUZZ_BUILD
# shellcheck disable=SC2086
printf '%s\0' $FUZZERS | xargs -0 -P "$JOBS" -I {} bash -c 'fuzz_one {}'
