#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What recording an event costs: ns per record, and that it makes no system call (strace counts
# them for the whole of bench/ring, which pushes millions).
set -eu
source "$(dirname "$0")/lib.sh"
ring=$build/bench/ring
[ -x "$ring" ] || fail "$ring is missing: make bench builds it"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
calls() { strace -c -o /dev/stdout "$@" 2>/dev/null | awk '$NF == "total" { n = $4 } $NF == "pwrite64" { w = $4 } END { print n + 0, w + 0 }'; }
{
	"$ring" | sed 's/^/- /'
	"$ring" "$dir" | sed 's/^/- with a journal: /'
	if command -v strace >/dev/null; then
		read -r n _ < <(calls "$ring")
		echo "- system calls of the whole run, start and mappings included: $n (for 2,000,000 records)"
		read -r n w < <(calls "$ring" "$dir")
		echo "- with a journal: $n, $w of them writes of a frame, none of them in a push"
	fi
} | tee /dev/stderr | publish ring "Recording an event (bar: 200 ns, no system call)"
