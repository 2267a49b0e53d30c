#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bootcheck.sh IMAGE: boots a guest's user land on this kernel image. Called by kernel/build.sh.
# 0: it came up; 77: cannot be told on this machine; else it did not.
set -u
here=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd) || exit 77
gaol=$here/build/gaol
[ -x "$gaol" ] && command -v bwrap >/dev/null || exit 77
tmp=$(mktemp -d) || exit 77
trap 'rm -rf "$tmp"' EXIT
export GAOL_KERNEL=$1 GAOL_HOME=$tmp/home GAOL_RUN=$tmp/run
cd / || exit 77
out=$("$gaol" run -q --on-exit=discard --root -- /bin/echo up 2>&1 </dev/null)
[ "$out" = up ] && exit 0
printf '%s\n' "$out"
exit 1
