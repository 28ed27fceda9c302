#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The architecture, as the linker and the preprocessor see it: the pure archive
# needs nothing from outside but what layers.allowed lists, keeps no variables,
# and no layer includes one above it.
: "${srcdir:=.}" "${top_builddir:=.}" "${NM:=nm}"
allowed=$srcdir/tests/checks/layers.allowed
failed=0

if ! $NM --version >/dev/null 2>&1; then
	echo "nm is missing"
	exit 77
fi

# The words of the variable $1 of Makefile.am.
sources()
{
	awk -v name="$1" '
		$1 == name { on = 1 }
		on {
			for (i = 1; i <= NF; i++)
				if ($i ~ /\.[ch]$/)
					print $i
		}
		!/\\$/ { on = 0 }' "$srcdir/Makefile.am"
}

# What is undefined in the archives but neither defined there nor allowed.  The
# sanitizers' own symbols do not count; memory comes from lib/xalloc alone.
check_symbols()
{
	{
		$NM --defined-only -g libpure.a libproto.a | sed 's/^/defined /'
		$NM -A -u libpure.a libproto.a | sed 's/^/needed /'
	} | awk -v allowed="$allowed" '
		BEGIN {
			while ((getline line < allowed) > 0) {
				if (line !~ /^symbol /)
					continue
				sub(/^symbol /, "", line)
				gsub(/\*/, ".*", line)
				list = list "|" line
			}
			list = "^(" substr(list, 2) ")$"
			sanitizer = "^_*(asan|ubsan|lsan|sanitizer|sancov|gcov)_"
			memory = "^(malloc|calloc|realloc|reallocarray)$"
		}
		$1 == "defined" && NF == 4 { own[$4] = 1 }
		$1 == "needed" && NF == 4 && $4 !~ sanitizer {
			needs[$2 " " $4] = 1
		}
		END {
			for (need in needs) {
				split(need, word, " ")
				count++
				if (word[2] in own || word[2] ~ list)
					continue
				if (word[2] ~ memory && word[1] ~ /:xalloc\.o:/)
					continue
				print word[1] " must not need " word[2]
				failed = 1
			}
			exit failed || count == 0
		}'
}

# Constants with addresses in them live in .data.rel.ro, which is no variable.
# lib/log keeps its sink, by design.  Instrumented code has variables all over.
check_variables()
{
	$NM -u libpure.a | grep -qE '__(asan|gcov|sanitizer_cov)_' && return 0
	$NM -A -f sysv libpure.a | awk -F '|' '
		$NF ~ /^[ \t]*(\.t?(data|bss)|\*COM\*|\.data\.rel(\.local)?)[ \t]*$/ &&
		$1 !~ /:log\.o:/ {
			print $1 " is a variable"
			failed = 1
		}
		END { exit failed }'
}

# Each #include of each file of its own layer and what that may use.
check_includes()
{
	{
		grep '^header ' "$allowed"
		sources libpure_a_SOURCES | sed 's/^/pure /'
		for dir in lib os statd sm-notify cltrack; do
			(cd "$srcdir" && grep -n '^ *# *include' "$dir"/*.[ch])
		done
	} | awk '
		$1 == "header" { header[$2] = 1; next }
		$1 == "pure" { pure[$2] = 1; next }
		{
			split($1, at, ":")
			name = $0
			sub(/^[^"<]*/, "", name)
			match(name, /^(<[^>]*>|"[^"]*")/)
			name = substr(name, 1, RLENGTH)
			path = name
			gsub(/"/, "", path)
			why = ""
			count++
			if (name ~ /^<event2\// && at[1] != "os/loop.c")
				why = "libevent is only for os/loop.c"
			else if (at[1] ~ /^lib\// && name ~ /^"/ && path !~ /^(lib|proto)\//)
				why = "lib/ stands alone"
			else if (at[1] ~ /^os\// && path ~ /^(statd|sm-notify|cltrack)\//)
				why = "os/ knows no program"
			else if (name ~ /^<sqlite3/ && at[1] !~ /^cltrack\//)
				why = "sqlite is only for cltrack/"
			else if (!(at[1] in pure))
				why = ""
			else if (name ~ /^</ && !(name in header))
				why = "not in layers.allowed"
			else if (name ~ /^"/ && path !~ /^proto\// && !(path in pure))
				why = "not pure"
			if (why != "") {
				print at[1] ":" at[2] ": " name ": " why
				failed = 1
			}
		}
		END { exit failed || count == 0 }'
}

(cd "$top_builddir" && ls libpure.a libproto.a) >/dev/null || exit 1
check_includes || failed=1
allowed=$(cd "$srcdir" && pwd)/tests/checks/layers.allowed
cd "$top_builddir" || exit 1
check_symbols || failed=1
check_variables || failed=1
[ $failed = 0 ] || exit 1
echo "layers: the pure archive keeps to layers.allowed"
