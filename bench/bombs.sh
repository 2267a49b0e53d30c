#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a jail loses beside another one that is a bomb:
#   bench/bombs.sh [ROUNDS] [WORK]         (default 3 rounds, 60 rounds of work each)
# The bar is the speed beside an equally busy harmless jail where both have a control group of the
# processors, else the speed alone. The jail with the bomb has limits of size, inodes and processes;
# both stay where the scheduler has put them between the harmless load and the bomb.
set -eu
source "$(dirname "$0")/lib.sh"
rounds=${1:-3} work=${2:-60}
gaol=${GAOL:-$top/gaol}
[ -x "$gaol" ] || fail "$gaol is missing: make first"
scratch=$(mktemp -d "${BENCH_DIR:-/var/tmp}/gaol-bench-XXXXXX")
export GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run
samples=$scratch/samples
: >"$samples"
cleanup() {
	"$gaol" rm -f '*' >/dev/null 2>&1 || true
	rm -rf "$scratch"
}
trap cleanup EXIT
bombs='fork memory disk inode event console fuse'

make_jail() {
	"$gaol" new --memory 128M "$1"
	"$gaol" set "$1" need=cgroup
	"$gaol" start "$1" 2>/dev/null || { # no group can be made here
		sed -i '/^[[:space:]]*need = /d' "$GAOL_HOME/jails/$1/jail.conf"
		"$gaol" start "$1"
	}
	"$gaol" cp "$top/tests/attacks/bombs.py" "$1:/srv/bombs.py"
}
seconds() { # COMMAND...: how long it takes
	local t=${EPOCHREALTIME/[.,]/}
	timeout 120 "$@" >/dev/null 2>&1 || say "$*: did not end"
	echo $((${EPOCHREALTIME/[.,]/} - t)) | awk '{ printf "%.4f\n", $1 / 1000000 }'
}
speed() { seconds "$gaol" exec good -- python3 /srv/bombs.py work "$work"; }
load() { # KIND: in the other jail, until unload
	"$gaol" exec bad -- python3 /srv/bombs.py "$1" >/dev/null 2>&1 </dev/null &
	loader=$!
	sleep 1.5 # until it is under way: a measurement, no test
}
unload() {
	"$gaol" kill bad >/dev/null 2>&1 || true
	wait "$loader" 2>/dev/null || true
}

make_jail good
make_jail bad
"$gaol" set bad size=96M inodes=8000 pids=200
"$gaol" checkpoint bad >/dev/null
"$gaol" stop bad >/dev/null
by=$("$gaol" ls --json | grep -o '"by": "cgroup v[12]' | head -n 1 | cut -d '"' -f 4 || true)
speed >/dev/null # what a first run reads
for ((i = 1; i <= rounds; i++)); do
	for bomb in $bombs; do
		say "round $i: $bomb"
		"$gaol" start bad
		sample "$bomb" alone "$(speed)"
		load busy
		sample "$bomb" busy "$(speed)"
		kill "$loader" && wait "$loader" 2>/dev/null || true
		"$gaol" exec bad -- pkill -f 'bombs.py busy' >/dev/null 2>&1 </dev/null || true
		load "$bomb"
		sample "$bomb" bomb "$(speed)"
		sample "$bomb" ls "$(seconds "$gaol" ls)"
		unload
		"$gaol" rollback bad >/dev/null
	done
done
median() { awk -v k="$1 $2" '$1 " " $2 == k { print $3 }' "$samples" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
{
	echo '| bomb | alone, s | beside a busy jail, s | beside the bomb, s | against the busy jail | against alone | `gaol ls`, ms |'
	echo '|---|---:|---:|---:|---:|---:|---:|'
	for bomb in $bombs; do
		echo "$bomb $(median "$bomb" alone) $(median "$bomb" busy) $(median "$bomb" bomb) $(median "$bomb" ls)"
	done | awk -v group="$by" '{
		busy = $3 / $4; alone = $2 / $4
		printf "| %s | %.2f | %.2f | %.2f | %.2fx%s | %.2fx%s | %.0f |\n", $1, $2, $3, $4,
			busy, group == "" ? "" : busy < 0.8 ? " (bar 0.8) **missed**" : " (bar 0.8)",
			alone, group != "" ? "" : alone < 0.4 ? " (bar 0.4) **missed**" : " (bar 0.4)", $5 * 1000 }'
	echo
	echo "Speed of $work rounds of work, as a share of that without the bomb; held by ${by:-no control group}."
} | tee "$scratch/table"
publish bombs "A jail beside a bomb (medians of $rounds rounds)" <"$scratch/table"
