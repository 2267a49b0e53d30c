#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What recording an event costs: ns per record, and that it makes no system call (strace counts
# them for the whole of bench/ring, which pushes millions).
set -eu
source "$(dirname "$0")/lib.sh"
ring=$build/bench/ring
[ -x "$ring" ] || fail "$ring is missing: make bench builds it"
calls=unknown
{
	"$ring" | sed 's/^/- /'
	if command -v strace >/dev/null; then
		calls=$(strace -c -o /dev/stdout "$ring" 2>/dev/null | awk '$NF == "total" { print $4 }')
		echo "- system calls of the whole run, start and mappings included: ${calls:-unknown} (for 2,000,000 records)"
	fi
} | tee /dev/stderr | publish ring "Recording an event (bar: 200 ns, no system call)"
