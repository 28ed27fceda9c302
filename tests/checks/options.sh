#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Options and keys: the tables in settings.c, --help, the manual pages and the
# sample of nfs.conf name the same ones, with the same ranges, defaults and
# marks.  At the end one line is taken away at a time, to see that this is seen.
# Runs in the build directory, with the programs built.
: "${srcdir:=.}"
PROGRAMS="rpc.statd sm-notify nfsdcld nfsdcltrack"
if [ ! -x cltrack/nfsdcltrack ]; then
	echo "built without cltrack"
	exit 77
fi
room=$(mktemp -d) || exit 1
trap 'rm -rf "$room"' EXIT
LC_ALL=C
export LC_ALL

# --- what each place says, one thing per line --------------------------------
# opt LETTER, opt --LONG; key SECTION KEY

# table_of FILE: the option table; of options also "alias" and "hidden", of keys
# also "row SECTION KEY VALUES|live|OPTION", VALUES as nfs-reclaim(5) has them.
table_of() {
	awk '
	function field(name) {
		if (!match(row, "\\." name " = [^,\n]*"))
			return ""
		text = substr(row, RSTART, RLENGTH)
		sub(/^[^=]*= /, "", text)
		gsub(/["\047]/, "", text)
		return text
	}
	function number(text) {
		if (text in defined)
			text = defined[text]
		sub(/u$/, "", text)
		return text == "" ? 0 : text
	}
	function values(kind) {
		if (kind ~ /FLAG$/)
			return "yes, no"
		if (kind ~ /UINT$/)
			return number(field("min")) " to " number(field("max"))
		return kind ~ /WORD$/ ? words[field("words")] : "text"
	}
	function take(what, letter, long) {
		if (letter != "")
			print what, letter
		if (long != "")
			print what, "--" long
	}
	/^#define/ && NF == 3 { defined[$2] = $3 }
	/^#define/ && NF > 3 && $4 == "/*" { defined[$2] = $3 }
	FILENAME != table { next }
	/^static const char \*const [a-z_]*\[\] = {/ {
		list = $5
		sub(/\[.*/, "", list)
	}
	list != "" && /= "[a-z]*",$/ {
		word = $0
		gsub(/.*= "|",$/, "", word)
		words[list] = words[list] (words[list] ? ", " : "") word
	}
	/^};/ { list = ""; is_in = 0 }
	/^static const struct optab/ { is_in = 1; next }
	is_in { all = all "\n" $0 }
	END {
		count = split(all, rows, /\n\t{/)
		for (i = 2; i <= count; i++) {
			row = rows[i]
			if (row ~ /^0}/)
				break
			kind = field("kind")
			if (kind == "") {
				print "unreadable row " i - 1
				continue
			}
			take(row ~ /\.help =/ ? "opt" : "hidden",
				field("short_name"), field("long_name"))
			take("alias", field("short_alias"), "")
			if (field("key") == "")
				continue
			name = field("section") " " field("key")
			print "key", name
			option = field("short_name")
			if (option == "" && field("long_name") != "")
				option = "-" field("long_name")
			print "row", name, values(kind) \
				(field("is_live") == "true" ? "|live|" : "||") \
				(option == "" ? "" : "-" option)
		}
	}' table="$1" "$srcdir"/lib/*.h "$srcdir"/os/*.h "$srcdir"/statd/*.h \
		"$1"
}

# help_of FILE: what --help printed.
help_of() {
	awk '
	/^ +-/ {
		for (i = 1; i <= NF && $i ~ /^-/; i++) {
			name = $i
			sub(/,$/, "", name)
			sub(/^-/, "", name)
			print "opt", (name ~ /^-/ ? "-" name : name)
		}
	}
	{ all = all " " $0 }
	END {
		gsub(/ +/, " ", all)
		while (match(all, /\[[a-z][a-z-]*\] [a-z][a-z-]*/)) {
			name = substr(all, RSTART + 1, RLENGTH - 1)
			sub(/\]/, "", name)
			print "key", name
			all = substr(all, RSTART + RLENGTH)
		}
	}' "$1"
}

# page_of PAGE: a page of section 8; "seen" are options in the synopsis,
# "named" all options that the text under OPTIONS names.
page_of() {
	awk '
	# The options after each Fl of this line.
	function take(what,   i, is_after, name, letter) {
		for (i = 1; i <= NF; i++) {
			name = $i
			if (name ~ /^\.?(Fl|Pq)$/ || name ~ /^[,|]$/) {
				is_after = is_after || name ~ /Fl$/
				continue
			}
			if (!is_after)
				continue
			if (name ~ /^(Ar|Ns|Op)$/)
				return
			if (name ~ /^\\-/) {
				print what, "--" substr(name, 3)
				continue
			}
			for (letter = 1; letter <= length(name); letter++)
				print what, substr(name, letter, 1)
		}
	}
	/^\.Sh / { section = $2; config = "" }
	/^\.Ss Section / {
		config = $3
		gsub(/[][]/, "", config)
	}
	/^\.Bl/ { depth++ }
	/^\.El/ { depth-- }
	section == "SYNOPSIS" && / ?Fl / { take("seen") }
	section == "OPTIONS" && / ?Fl / { take("named") }
	section == "OPTIONS" && /^\.It Fl/ && depth == 1 { take("opt") }
	section == "CONFIGURATION" && /^\.It Cm/ && depth == 1 {
		print "key", config, $3
	}' "$1"
}

# book_of PAGE: nfs-reclaim(5), where a key has one line, "VALUES; default X;
# MARK; ..."; also "row ..." as the tables have it, "default SECTION KEY VALUE"
# and "ours KEY".
book_of() {
	awk '
	/^\.Sh / { config = "" }
	/^\.Ss Section / {
		config = $3
		gsub(/[][]/, "", config)
	}
	/^\.It Cm/ && config != "" && config != "environment" {
		name = config " " $3
		key = $3
		next
	}
	key != "" {
		count = split($0, part, /; /)
		print "key", name
		values = part[1]
		if (values ~ /^[0-9]+ to [0-9]+/) {
			split(values, word, " ")
			values = word[1] " to " word[3]
		} else if (values !~ /,/) {
			values = "text"
		}
		live = option = ""
		for (i = 3; i <= count; i++) {
			if (part[i] == "SIGHUP")
				live = "live"
			else if (part[i] == "ours")
				print "ours", key
			else if (sub(/^option /, "", part[i]))
				option = part[i]
			else
				print "unknown mark of " name ": " part[i]
		}
		gsub(/\\/, "", option)
		print "row", name, values "|" live "|" option
		sub(/^default /, "", part[2])
		print "default", name, part[2]
		key = ""
	}' "$1"
}

# sample_of FILE: also "default SECTION KEY VALUE".
sample_of() {
	awk '
	/^\[/ {
		config = $1
		gsub(/[][]/, "", config)
	}
	/^# [a-z-]+ =/ {
		print "key", config, $2
		if (NF > 3)
			print "default", config, $2, $4
	}' "$1" | sed 's,@stat[a-z]*@,/var/lib/nfs,'
}

# --- comparing ---------------------------------------------------------------

# only WHAT FILE...: the lines that begin with WHAT, each once.
only() {
	what=$1
	shift
	grep -h "^$what " "$@" | sort -u
}

# same NAME1 NAME2: the files one and two must be equal.
same() {
	comm -23 "$room/one" "$room/two" | sed "s|^|options: not in $2: |"
	comm -13 "$room/one" "$room/two" | sed "s|^|options: not in $1: |"
	cmp -s "$room/one" "$room/two" || failed=1
}

# compare WHAT NAME1 FILE1 NAME2 FILE2
compare() {
	only "$1" "$3" >"$room/one"
	only "$1" "$5" >"$room/two"
	same "$2" "$4"
}

# has_program PLACES PROGRAM: table, --help and page of a program agree.
has_program() {
	here=$1/$2
	compare key "table of $2" "$here.table" "$2 --help" "$here.help"
	compare key "table of $2" "$here.table" "$2(8)" "$here.page"
	compare opt "table of $2" "$here.table" "$2(8)" "$here.page"
	# Second letters are in --help alone, hidden options in the text alone.
	only '\(opt\|alias\)' "$here.table" | sed 's/^alias/opt/' |
		sort -u >"$room/one"
	only opt "$here.help" >"$room/two"
	same "table of $2" "$2 --help"
	only hidden "$here.table" | sed 's/^hidden/named/' |
		comm -23 - "$here.named" >"$room/one"
	# An option is in the synopsis by its letter or its long name.
	only seen "$here.page" | sed 's/^seen/opt/' >"$room/seen"
	awk -v seen="$room/seen" '
	BEGIN { while ((getline line <seen) > 0) is_seen[line] = 1 }
	$1 == "opt" && $2 !~ /^--/ { letter = $0; next }
	$1 == "opt" { if (!is_seen[$0] && !is_seen[letter]) print }
	{ letter = "" }' "$here.table" >>"$room/one"
	only opt "$here.table" >"$room/known"
	comm -23 "$room/seen" "$room/known" >>"$room/one"
	[ ! -s "$room/one" ] || {
		sed "s|^|options: synopsis or text of $2(8): |" "$room/one"
		failed=1
	}
	! grep '^unreadable' "$here.table" || failed=1
}

# has_all PLACES: nothing differs; else says what, and is false.
has_all() {
	failed=0
	for program in $PROGRAMS; do
		has_program "$1" "$program"
	done
	for program in $PROGRAMS; do
		cat "$1/$program.table"
	done >"$room/tables"
	for kind in key row; do
		compare $kind tables "$room/tables" nfs-reclaim.5 "$1/book"
	done
	compare key tables "$room/tables" nfs.conf.sample "$1/sample"
	! grep '^unknown mark' "$1/book" || failed=1
	# The sample shows what debug may be; what is not shown has no default.
	only default "$1/sample" | grep -v ' debug ' >"$room/shown"
	only default "$1/book" | grep -Fxvf - "$room/shown" &&
		echo "options: other defaults in nfs-reclaim.5" && failed=1
	compare ours doc/differences.md "$1/new" nfs-reclaim.5 "$1/book"
	return $failed
}

# read_places DIR: extracts all places from the copies of the files in DIR.
read_places() {
	for program in $PROGRAMS; do
		table_of "$1/$program.c" >"$1/$program.table"
		help_of "$1/$program.txt" >"$1/$program.help"
		page_of "$1/$program.8" >"$1/$program.page"
		only named "$1/$program.page" >"$1/$program.named"
	done
	book_of "$1/nfs-reclaim.5" >"$1/book"
	sample_of "$1/nfs.conf.sample.in" >"$1/sample"
	grep 'New keys:' "$1/differences.md" | tr '`' '\n' |
		grep -x '[a-z-]*[a-z]' | sed 's/^/ours /' >"$1/new"
}

# --- the files, and the same with one line less ------------------------------

files=$room/files
mkdir "$files"
cp "$srcdir/man/rpc.statd.8" "$srcdir/man/sm-notify.8" \
	"$srcdir/man/nfsdcld.8" "$srcdir/man/nfsdcltrack.8" \
	"$srcdir/man/nfs-reclaim.5" "$srcdir/doc/differences.md" \
	"$srcdir/systemd/nfs.conf.sample.in" "$files"
cp "$srcdir/statd/settings.c" "$files/rpc.statd.c"
cp "$srcdir/sm-notify/settings.c" "$files/sm-notify.c"
cp "$srcdir/cltrack/settings.c" "$files/nfsdcld.c"
cp "$srcdir/cltrack/tracksettings.c" "$files/nfsdcltrack.c"
statd/rpc.statd --help >"$files/rpc.statd.txt" 2>/dev/null &&
	sm-notify/sm-notify --help >"$files/sm-notify.txt" 2>/dev/null &&
	cltrack/nfsdcld --help >"$files/nfsdcld.txt" 2>/dev/null &&
	cltrack/nfsdcltrack --help >"$files/nfsdcltrack.txt" 2>/dev/null ||
	exit 1

read_places "$files"
has_all "$files" || exit 1
echo "options: $(only key "$room/tables" | wc -l) keys and" \
	"$(only opt "$room/tables" | wc -l) options agree in all places"

# planted FILE SED-COMMAND: that change of FILE is noticed.
planted() {
	rm -rf "$room/planted"
	cp -r "$files" "$room/planted"
	sed "$2" "$files/$1" >"$room/planted/$1"
	if cmp -s "$files/$1" "$room/planted/$1"; then
		echo "options: nothing to change by $2 in $1"
		status=1
		return
	fi
	read_places "$room/planted"
	! has_all "$room/planted" >"$room/said" || {
		echo "options: $2 in $1 was not noticed"
		status=1
	}
}

status=0
planted rpc.statd.8 '/^.It Cm idle-timeout/d'
planted rpc.statd.8 '/^.It Fl H /d'
planted rpc.statd.8 '/^.Op Fl H /d'
planted rpc.statd.8 '/^.Fl N$/d'
planted rpc.statd.8 's/^.It Fl T .*/.It Fl T , \\-nlm-part/'
planted rpc.statd.8 's/^.It Cm udp-port/.It Cm udp-part/'
planted sm-notify.8 '/^.It Cm retry-time/d'
planted sm-notify.8 '/^.It Fl \\-version/d'
planted nfs-reclaim.5 '/^.It Cm update-state/d'
planted nfs-reclaim.5 '/^.It Cm retry-time/,+1s/10080/10081/'
planted nfs-reclaim.5 '/^.It Cm notify-check/,+1s/legacy/old/'
planted nfs-reclaim.5 '/^.It Cm idle-timeout/,+1s/; ours//'
planted nfs-reclaim.5 '/^.It Cm debug/,+1s/; SIGHUP//'
planted nfs-reclaim.5 '/^.It Cm idle-timeout/,+1s/60/61/'
planted nfs-reclaim.5 '/^.It Cm udp-port/,+1s/U/V/'
planted nfs.conf.sample.in '/^# idle-timeout/d'
planted nfs.conf.sample.in 's/^# idle-timeout/# idle-time/'
planted rpc.statd.txt '/\[statd\] idle-timeout/d'
planted sm-notify.txt '/^  -p/d'
planted rpc.statd.c '/\.key = "idle-timeout"/d'
planted sm-notify.c '/\.short_name = .m.,/d'
planted nfsdcld.8 '/^.It Fl \\-downgrade/d'
planted nfsdcltrack.8 '/^.It Cm storagedir/d'
planted nfsdcltrack.c '/\.short_name = .s.,/d'
planted differences.md 's/.idle-timeout., //'
exit $status
