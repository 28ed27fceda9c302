#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Texts: every function that a header of the programs exports has a block
# comment right above it; every C file begins with the licence and then says
# what it is for; no // comments, and no notes about work left to do.  Every
# test that a text in doc/ names is there, with its cases, and every text there
# is installed.  Every statement of sm-notify(8) names a test, and every message
# in doc/troubleshooting.md is one.
: "${srcdir:=.}"
cd "$srcdir" || exit 1

# A declaration outside of braces that has a parenthesis is a function.
find lib os statd sm-notify cltrack -name '*.h' -exec awk '
	FNR == 1 { depth = in_comment = in_macro = doc_end = 0; text = "" }
	in_comment {
		words += NF - ($1 ~ /^\*+\/?$/)
		if (/\*\//) {
			in_comment = 0
			if (text == "")
				doc_end = FNR
		}
		next
	}
	in_macro || /^#/ { in_macro = /\\$/; next }
	/^\/\*/ && !/\*\// && text == "" { in_comment = 1; words = NF - 1; next }
	{
		gsub(/\/\*([^*]|\*[^\/])*\*\//, "")
		if (sub(/\/\*.*/, ""))
			in_comment = 1
		if (text == "" && NF == 0)
			next
		if (text == "")
			start = FNR
		text = text " " $0
		opened = gsub(/{/, "{")
		depth += opened - gsub(/}/, "}")
		if (depth > 0 || !/[;}][ \t]*$/)
			next
		head = text
		sub(/{.*/, "", head)
		if (head ~ /\(/ && head !~ /^ *(typedef|_Static_assert|static_assert)/) {
			count++
			if (doc_end != start - 1 || words < 2) {
				print FILENAME ":" start ": no comment above" head
				failed = 1
			}
		}
		text = ""
	}
	END {
		if (!failed)
			print "docs: " count " exported functions are described"
		exit failed || count == 0
	}' {} +
failed=$?

find lib os statd sm-notify cltrack tests fuzz -name '*.[ch]' -exec awk '
	FNR == 1 { in_comment = 0 }
	FNR == 1 && $0 != "/* SPDX-License-Identifier: BSD-2-Clause */" {
		print FILENAME ":1: no SPDX line"
		failed = 1
	}
	FNR == 2 && !/^\/\*/ {
		print FILENAME ":2: does not say what the file is for"
		failed = 1
	}
	{
		if (in_comment && !sub(/.*\*\//, ""))
			next
		in_comment = 0
		gsub(/"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047/, "0")
		gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "")
		if (match($0, /\/\*/)) {
			in_comment = 1
			$0 = substr($0, 1, RSTART - 1)
		}
	}
	/\/\// {
		print FILENAME ":" FNR ": // comment"
		failed = 1
	}
	END { exit failed }' {} + || failed=1

# Split, so that this line is not one of them.
notes=$(find lib os statd sm-notify cltrack tests fuzz proto \
	\( -name '*.[chx]' -o -name '*.sh' \) \
	-exec grep -nwE 'TO''DO|FIX''ME|XX''X' /dev/null {} +)
if [ -n "$notes" ]; then
	printf '%s\n' "$notes"
	failed=1
fi

# file_of TEST: where the test of that name is, below the top.
file_of() {
	case $1 in
	fuzz/*) echo "$1.c" ;;
	golden/*) echo "tests/$1.conf" ;;
	kernel/* | sys/*) echo "tests/$1.sh" ;;
	*) echo "tests/$1.c" ;;
	esac
}

# tests_of TEXT: what stands between backquotes like "unit/test_x: a, b" or
# "sys/t-01-y".
tests_of() {
	awk -F '`' '{
		for (i = 2; i <= NF; i += 2)
			if ($i ~ /^(fuzz\/fuzz_|golden\/|sim\/sim|sys\/t-)/ ||
			    $i ~ /^(kernel\/k|(os|unit)\/test_)/)
				print $i
	}' "$1" | tr -d ' ' | LC_ALL=C sort -u
}

cases=0
for text in doc/*.md; do
	for test in $(tests_of "$text"); do
		file=$(file_of "${test%%:*}")
		if [ ! -f "$file" ]; then
			echo "$text: no such test: $file"
			failed=1
			continue
		fi
		case $test in *:*) ;; *) continue ;; esac
		for case in $(echo "${test#*:}" | tr ',' ' '); do
			cases=$((cases + 1))
			grep -q "^static void $case(void \*\*" "$file" &&
				continue
			echo "$text: $file has no case $case"
			failed=1
		done
	done
	grep -q "[ 	]$text" Makefile.am || {
		echo "$text: not in Makefile.am"
		failed=1
	}
done

# Rows whose second cell is empty are headings.
awk -F '|' '
	/^## / { is_on = /^## sm-notify\(8\), statement by statement/ }
	is_on && /^\| / && $3 !~ /^ *$/ && rows++ > 0 && $4 !~ /`/ {
		print FILENAME ":" FNR ": no test is named"
		failed = 1
	}
	END {
		if (rows > 1)
			print "docs: " rows - 1 " statements of sm-notify(8)"
		exit failed || rows < 2
	}' doc/differences.md || failed=1

# What doc/troubleshooting.md says of a message: each part of it between "..."
# is in the sources, where literals that follow each other are one.
said=$(find os statd sm-notify -name '*.c' -exec cat {} + | tr -d '\n' |
	sed 's/"[[:blank:]]*\([A-Z_]\{4,\}[[:blank:]]*\)\{0,1\}"//g')
messages=$(awk -F '|' '/^\| [EW ]? ?\| `/ {
		count = split($3, part, "`")
		for (i = 2; i <= count; i += 2)
			print part[i]
	}' doc/troubleshooting.md)
[ -n "$messages" ] || failed=1
printf '%s\n' "$messages" | sed 's/\.\.\./\n/g' | grep '[a-z]' |
	while read -r part; do
		case $said in *"$part"*) continue ;; esac
		echo "doc/troubleshooting.md: nothing says: $part"
		exit 1
	done || failed=1
echo "docs: $cases cases that texts name are there"
[ $cases -gt 0 ] || failed=1
exit $failed
