#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What an idle jail costs the host: memory (PSS of every process of it, the warden included, which
# holds the guest's memory too), wake-ups and processor time; then 50 of them, each:
#   bench/density.sh [SECONDS]             (default 20: how long they are watched)
# The kernel's image is a copy of its own, so that no other jail of the machine shares its pages.
set -eu
source "$(dirname "$0")/lib.sh"
watch=${1:-20}
gaol=${GAOL:-$top/gaol}
kernel=${GAOL_KERNEL:-$(bash "$top/kernel/build.sh" path)}
[ -x "$gaol" ] || fail "$gaol is missing: make first"

scratch=$(mktemp -d "${BENCH_DIR:-/var/tmp}/gaol-bench-XXXXXX")
cp "$kernel" "$scratch/linux"
export GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run GAOL_KERNEL=$scratch/linux
cleanup() {
	"$gaol" rm -f '*' >/dev/null 2>&1 || true
	rm -rf "$scratch"
}
trap cleanup EXIT

wardens() { "$gaol" ls --json | grep -o '"warden": [1-9][0-9]*' | cut -d ' ' -f 2; }
below() { local c; echo "$1"; for c in $(pgrep -P "$1"); do below "$c"; done; }
tree() { local w; for w in $(wardens); do below "$w"; done; }
# Of processes: KiB of PSS.
pss() { local p; for p; do cat "/proc/$p/smaps_rollup"; done | awk '/^Pss:/ { n += $2 } END { print n }'; }
switches() { local p; for p; do cat /proc/"$p"/task/*/status; done | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
ticks() { local p; for p; do cat "/proc/$p/stat"; done | awk '{ sub(/.*\) /, ""); n += $12 + $13 } END { print n }'; }

# idle COUNT: one row of the table for all jails that run.
idle() {
	local n=$1 s t
	mapfile -t procs < <(tree)
	s=$(switches "${procs[@]}") t=$(ticks "${procs[@]}")
	sleep "$watch"
	s=$(($(switches "${procs[@]}") - s)) t=$(($(ticks "${procs[@]}") - t))
	echo "$n $(pss "${procs[@]}") $s $t ${#procs[@]}" |
		awk -v w="$watch" -v hz="$(getconf CLK_TCK)" '{
			mib = $2 / 1024 / $1; wake = $3 / w / $1
			printf "| %d | %.1f (bar 20%s) | %.1f (bar 5%s) | %.2f | %.1f |\n", $1, mib,
				(mib > 20) ? ", **missed**" : "", wake, (wake >= 5) ? ", **missed**" : "",
				$4 / hz / w * 100 / $1, $5 / $1 }'
}

{
	echo '| idle jails of 256M | MiB of PSS each | wake-ups a second each | % cpu each | processes each |'
	echo '|---:|---:|---:|---:|---:|'
	"$gaol" new j1 >/dev/null && "$gaol" start j1
	sleep 10 # what a boot needed is given back
	idle 1
	for ((i = 2; i <= 50; i++)); do "$gaol" new "j$i" >/dev/null; done
	"$gaol" start 'j*'
	sleep 10
	idle 50
} | tee "$scratch/table"
publish density "An idle jail" <"$scratch/table"
