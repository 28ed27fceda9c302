#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints what gcov says of the pure files: lines, branches, the sums.

    coverage.py SOURCE BUILD FILE...    FILE: lib/addr.c, as SOURCE has it
    coverage.py -u SOURCE BUILD FILE... each line with a branch never taken

gcc counts each operand of && and || as a branch of its own, both ways.  Lines
that begin with assert() do not count: what they deny cannot happen.
"""
import gzip
import json
import os
import subprocess
import sys


def lines_of(build, name):
    """What gcov has of one file: {number: (count, [branch counts])}."""
    data = os.path.join(build, name[:-2] + ".gcda")
    if not os.path.exists(data):
        sys.exit(f"{data}: no such file; did its test run?")
    out = subprocess.run(["gcov", "-b", "--json-format", "--stdout", data],
                         cwd=build, stdout=subprocess.PIPE, check=True).stdout
    if out[:2] == b"\x1f\x8b":
        out = gzip.decompress(out)
    found = {}
    for file in json.loads(out)["files"]:
        if not file["file"].endswith("/" + name):
            continue
        for line in file["lines"]:
            count, branches = found.get(line["line_number"], (0, []))
            branches += [b["count"] for b in line["branches"]]
            found[line["line_number"]] = (count + line["count"], branches)
    return found


def percent(part, whole):
    """As the table has it."""
    return f"{100 * part / whole:5.1f}" if whole else "    -"


def main(arguments):
    """One line for each file, then the sums."""
    is_verbose = arguments[0] == "-u"
    source, build, *names = arguments[is_verbose:]
    rows = []
    for name in names:
        with open(os.path.join(source, name), encoding="utf-8") as file:
            text = file.read().split("\n")
        row = [name, 0, 0, 0, 0]
        for number, (count, branches) in sorted(lines_of(build, name).items()):
            shown = text[number - 1].strip()
            if shown.startswith("assert("):
                continue
            row[1] += count > 0
            row[2] += 1
            row[3] += sum(1 for b in branches if b > 0)
            row[4] += len(branches)
            missed = [i for i, b in enumerate(branches) if b == 0]
            if is_verbose and (missed or count == 0):
                print(f"{name}:{number}: {missed} of {len(branches)}"
                      f"{'' if count else ', never reached'}: {shown}")
        rows.append(row)
    if is_verbose:
        return
    groups = {"lib/": [r for r in rows if r[0].startswith("lib/")],
              "cores": [r for r in rows if not r[0].startswith("lib/")],
              "all": list(rows)}
    rows.sort(key=lambda r: r[3] / r[4] if r[4] else 1)
    for title, members in groups.items():
        rows.append([title] + [sum(r[i] for r in members) for i in range(1, 5)])
    print(f"{'file':24} {'lines':>11}     %  {'branches':>11}     %")
    for name, hit, lines, taken, branches in rows:
        print(f"{name:24} {hit:5}/{lines:5} {percent(hit, lines)}  "
              f"{taken:5}/{branches:5} {percent(taken, branches)}")


main(sys.argv[1:])
