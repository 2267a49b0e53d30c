# shellcheck shell=bash disable=SC2034  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# What the benches share: a file of samples, medians and ratios, RESULTS.md.

bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$bench")
build=${BUILD:-$top/build}
results=${BENCH_RESULTS:-$bench/RESULTS.md}

say() { echo "$*" >&2; }

fail() {
	say "bench: $*"
	exit 1
}

# own_mounts ARGUMENTS: goes on in a mount namespace of its own, so that nobody who makes one in the
# meantime holds our mounts, and nothing stays mounted behind us.
own_mounts() {
	[ -z "${BENCH_OWN_MOUNTS-}" ] || return 0
	BENCH_OWN_MOUNTS=yes exec unshare -m -- bash "$0" "$@"
}

# A folder on a new ext4 of its own, in a file on BENCH_DIR's disk: without a journal (as in some
# virtual machines) ext4 creates slowly for minutes behind deletions, and an old file system's
# gaps would favour whoever comes first.
make_scratch() {
	local at=${BENCH_DIR:-/var/tmp}
	scratch=$(mktemp -d "$at/gaol-bench-XXXXXX")
	image=$(mktemp "$at/gaol-bench-XXXXXX.img")
	truncate -s 12G "$image"
	mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$image"
	mount -o loop "$image" "$scratch"
	chmod 755 "$scratch"
	samples=$scratch/samples
	: >"$samples"
}

drop_scratch() {
	umount -R "$scratch" 2>/dev/null || umount -l "$scratch"
	rmdir "$scratch"
	rm -f "$image"
}

# The loads, as one static binary.
make_work() {
	work=$scratch/work
	"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -static -o "$work" "$bench/work.c"
}

# sample ROW CONTENDER SECONDS
sample() { echo "$1 $2 $3" >>"$samples"; }

# turn I CONTENDER...: the contenders with another one first in each round: whoever reads first
# fills caches that drop_caches does not reach, below the disk.
turn() {
	local k=$((($1 - 1) % ($# - 1)))
	shift
	echo "${@:k+1}" "${@:1:k}"
}

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# table UNIT BARS CONTENDER...: samples to a markdown table of medians. BARS is a file of lines
# "ROW PEER RATIO": what gaol's median may be of the peer's at most ("-": only shown), or
# "ROW = SECONDS". Rows in order of appearance; each bar is shown with its verdict.
table() {
	local unit=$1 bars=$2
	shift 2
	awk -v unit="$unit" -v list="$*" -v barfile="$bars" -f "$bench/table.awk" "$samples"
}

# publish NAME TITLE: puts the table on stdin into RESULTS.md as the section NAME.
publish() {
	local name=$1 title=$2 section
	section=$(mktemp)
	{
		echo "<!-- $name -->"
		echo "## $title"
		echo
		echo "$(date -u +%Y-%m-%d), commit $(git -C "$top" describe --always --dirty 2>/dev/null || echo unknown)," \
			"host kernel $(uname -r), $(nproc) CPUs ($(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo))," \
			"load before $load_before."
		echo
		cat
		echo
		echo "<!-- end $name -->"
	} >"$section"
	[ -e "$results" ] || printf '# Benches\n\nWritten by `make bench`: medians, and ratios of contenders that took turns in one run.\n\n' >"$results"
	awk -v name="$name" -v section="$section" '
		function put(  line) { while ((getline line < section) > 0) print line; done = 1 }
		$0 == "<!-- " name " -->" { put(); skip = 1 }
		!skip
		$0 == "<!-- end " name " -->" { skip = 0 }
		END { if (!done) { print ""; put() } }' "$results" | cat -s >"$results.new"
	mv "$results.new" "$results"
	rm -f "$section"
}

load_before=$(cut -d ' ' -f 1 /proc/loadavg)
