#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The console program on large data: a busy feed, a long log, a wide diff, a long file; the last
# beside tig. No guest is needed: bench/tui.c plays the warden.
set -eu
source "$(dirname "$0")/lib.sh"
tui=$build/bench/tui gaol=$build/gaol
[ -x "$tui" ] || fail "$tui is missing: make bench builds it"
rounds=${ROUNDS:-3}
events=${EVENTS:-100000} seconds=${SECONDS_EACH:-12}
checkpoints=${CHECKPOINTS:-10000} paths=${PATHS:-200000} lines=${LINES_OF_FILE:-1000000}

dir=$(mktemp -d "${BENCH_DIR:-/var/tmp}/gaol-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
export GAOL_HOME=$dir/home GAOL_RUN=$dir/run XDG_CONFIG_HOME=$dir/config XDG_STATE_HOME=$dir/state LC_ALL=C.UTF-8
mkdir -p "$GAOL_HOME" "$XDG_CONFIG_HOME/gaol"
mkdir -m 700 "$GAOL_RUN"
# two keys that mean nothing: see bench/tui.c
printf 'unbind * %s\n' Y T >"$XDG_CONFIG_HOME/gaol/keys"

middle() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
verdict() { awk -v got="$1" -v bar="$2" 'BEGIN { print got <= bar ? "held" : "missed" }'; }
# row WHAT GOT UNIT BAR
row() { echo "| $1 | $2 $3 | ${4:+$4 $3 }| ${4:+$(verdict "$2" "$4") }|"; }

# log_of N: a jail with that many checkpoints, each of the same small tree.
log_of() {
	"$gaol" new long >/dev/null
	local repo=$GAOL_HOME/jails/long/checkpoints.git tree
	tree=$(git -C "$repo" rev-parse 'refs/heads/main^{tree}')
	awk -v n="$1" -v tree="$tree" 'BEGIN {
		for (i = 2; i <= n; i++) {
			text = "step " i " of the build\n\nGaol-Number: " i "\nGaol-Kind: " (i % 5 ? "auto" : "hand") \
				"\nGaol-Changes: +" i % 7 " ~" i % 3 " -" i % 2 "\nGaol-Bytes: " i % 9000 "\n"
			printf "commit refs/heads/main\ncommitter gaol <gaol@localhost> %d +0000\ndata %d\n%s", 1700000000 + i * 60, length(text), text
			if (i == 2) print "from refs/heads/main^0"
			printf "M 040000 %s \n\n", tree
		}
	}' | git -C "$repo" fast-import --quiet
	echo "$1" >"$repo/gaol/number"
}

# diff_of N: a jail in which so many files are new since its checkpoint.
diff_of() {
	"$gaol" new wide >/dev/null
	local upper=$GAOL_HOME/jails/wide/upper
	mkdir -p -m 700 "$upper/srv"
	(
		cd "$upper/srv"
		umask 077
		for ((i = 0; i < $1; i += 1000)); do
			mkdir "d$i"
			(cd "d$i" && seq -f 'file-%g' "$i" $((i + 999)) | xargs touch)
		done
	)
}

# A file of so many lines, of which each thousandth is another one in its second version.
first_version() { seq -f 'line %.0f of a long file' "$lines"; }
second_version() { seq -f 'line %.0f of a long file' "$lines" | sed '500~1000s/.*/changed &/'; }
file_of() {
	"$gaol" new big >/dev/null
	local upper=$GAOL_HOME/jails/big/upper
	(umask 077 && mkdir -p "$upper/srv" && first_version >"$upper/srv/long.txt")
	"$gaol" checkpoint big -m one >/dev/null
	second_version >"$upper/srv/long.txt"
	git init -q "$dir/plain"
	(
		cd "$dir/plain"
		git config user.name bench && git config user.email bench@localhost
		first_version >long.txt && git add long.txt && git commit -qm one
		second_version >long.txt && git commit -qam two
	)
}

say "tui: preparing"
"$gaol" new bench >/dev/null
log_of "$checkpoints"
diff_of "$paths"
file_of

{
	echo "| what | measured | bar | |"
	echo "|---|---|---|---|"
	say "tui: feed"
	# shellcheck disable=SC2034
	read -r p50 p99 most cpu mib taken < <("$tui" feed bench "$events" "$seconds" 1 "$gaol" --jail bench)
	row "key to frame, 99th percentile, $events events/s" "$p99" ms 16
	row "the same, median (longest $most ms)" "$p50" ms ''
	row "memory, after $taken events" "$mib" MiB 200
	read -r _ _ _ cpu _ _ < <("$tui" feed bench "$events" "$seconds" 0 "$gaol" --jail bench)
	row "processor at $events events/s" "$cpu" % 15
	read -r _ _ _ cpu _ _ < <("$tui" feed bench 5000 "$seconds" 0 "$gaol" --jail bench)
	row "processor at 5000 events/s" "$cpu" % 2
	read -r _ _ _ cpu _ _ < <("$tui" feed bench 0 "$seconds" 0 "$gaol" --jail bench)
	row "processor when idle" "$cpu" % 0.1
	say "tui: log and diff"
	for ((i = 0; i < rounds; i++)); do "$tui" open 'long' l "#$checkpoints" 0 "$gaol" --jail long; done >"$dir/t"
	row "log of $checkpoints checkpoints, first screen" "$(middle <"$dir/t")" ms 100
	read -r _ _ p99 _ < <("$tui" open 'long' l "#$checkpoints" 400 "$gaol" --jail long)
	row "a key there, 99th percentile" "$p99" ms 16
	for ((i = 0; i < rounds; i++)); do "$tui" open 'wide' d '/srv/d0' 0 "$gaol" --jail wide; done >"$dir/t"
	row "diff of $paths paths, first screen" "$(middle <"$dir/t")" ms 100
	read -r _ _ p99 _ < <("$tui" open 'wide' d '/srv/d0' 400 "$gaol" --jail wide)
	row "a key there, 99th percentile" "$p99" ms 16
	say "tui: long file"
	: >"$dir/tig" && : >"$dir/ours"
	for ((i = 0; i < rounds; i++)); do
		"$tui" open '' d '+changed line 500 ' 0 "$gaol" --jail big >>"$dir/ours"
		if command -v tig >/dev/null; then
			(cd "$dir/plain" && "$tui" open '' '' '+changed line 500 ' 0 tig show) >>"$dir/tig"
		fi
	done
	if [ -s "$dir/tig" ]; then
		row "diff of a file of $lines lines, from exec to the first hunk (bar: tig show)" "$(middle <"$dir/ours")" ms "$(middle <"$dir/tig")"
	else
		row "diff of a file of $lines lines, from exec to the first hunk (no tig here)" "$(middle <"$dir/ours")" ms ''
	fi
} | tee /dev/stderr | publish tui "The console program (140x40; medians of $rounds)"
