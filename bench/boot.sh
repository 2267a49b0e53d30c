#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long a jail takes to be there, beside bubblewrap as the floor, in turns:
#   bench/boot.sh [ROUNDS]                 (default 7)
# run_true: the whole of `gaol run -- /bin/true`. start_to_prompt: `gaol start` until an attached
# viewer has the shell's prompt. exec_to_init: fork of the guest's walls until its init is there
# (tests/lab/boot, so a little more than the kernel's own part). start_50: fifty jails, one after
# the other; start_51st: one more beside them.
set -eu
source "$(dirname "$0")/lib.sh"
rounds=${1:-7}
gaol=${GAOL:-$top/gaol}
kernel=${GAOL_KERNEL:-$(bash "$top/kernel/build.sh" path)}
[ -x "$gaol" ] || fail "$gaol is missing: make first"

scratch=$(mktemp -d "${BENCH_DIR:-/var/tmp}/gaol-bench-XXXXXX")
samples=$scratch/samples
export GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run GAOL_KERNEL=$kernel
cleanup() {
	"$gaol" rm -f '*' >/dev/null 2>&1 || true
	rm -rf "$scratch"
}
trap cleanup EXIT

make_lab() {
	boot=$scratch/boot
	"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O2 -static -o "$scratch/init" "$top/tests/lab/init.c"
	# shellcheck disable=SC2046
	"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -I"$top" -o "$boot" "$top/tests/lab/boot.c" \
		"$build/libgaol.a" $(pkg-config --libs fuse3 jansson libgit2 zlib libseccomp) -lpthread
	lpj=$(awk '/^bogomips/ { print int($3 * 5000); exit }' /proc/cpuinfo)
}

make_work
make_lab
"$gaol" new one >/dev/null
for ((i = 1; i <= rounds; i++)); do
	say "boot: round $i of $rounds"
	sample run_true bubblewrap "$("$work" run bwrap --unshare-all --ro-bind / / /bin/true)"
	sample run_true gaol "$("$work" run "$gaol" run -q -- /bin/true)"
	# shellcheck disable=SC2016
	sample start_to_prompt bubblewrap \
		"$("$work" prompt '# ' env PS1='# ' bwrap --unshare-all --dev /dev --ro-bind / / bash --norc -i)"
	sample start_to_prompt gaol \
		"$("$work" prompt '# ' sh -c '"$1" start one && exec "$1" attach -r one' sh "$gaol")"
	"$gaol" stop one >/dev/null
	sample exec_to_init gaol "$(taskset -c 0 "$boot" -k "$kernel" -i "$scratch/init" -l "$lpj" -c true 2>&1 |
		awk '/ready/ { for (f = 1; f < NF; f++) if ($f == "ready") print $(f + 1) / 1000 }')"
done
for ((i = 1; i <= 50; i++)); do "$gaol" new "many$i" >/dev/null; done
sample start_50 gaol "$("$work" run "$gaol" start 'many*')"
"$gaol" new last >/dev/null
sample start_51st gaol "$("$work" run "$gaol" start last)"

cat >"$scratch/bars" <<'END'
run_true = 0.250
start_to_prompt = 0.150
exec_to_init = 0.050
start_50 = 20
start_51st = 0.250
END
table ms "$scratch/bars" bubblewrap gaol | tee "$scratch/table"
publish boot "A jail's start (medians of $rounds rounds)" <"$scratch/table"
