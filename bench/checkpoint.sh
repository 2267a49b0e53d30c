#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a checkpoint and a rollback cost, beside stock git on the same content, in turns (root):
#   bench/checkpoint.sh [ROUNDS]           (default 5)
# new_10000: 10,000 new files of 4 KiB, written into the layer directly and saved by gaol's worker;
# git's is `git add -A && git commit`. ten_spread, ten_flat: 10 files changed by the guest among
# 100,000, in 1,000 directories and in one; mib_in_gib: 1 MiB changed in a file of 1 GiB;
# mib_in_gib_bytes (KiB, not ms) is what the repository grew by: the whole command `gaol checkpoint`,
# the guest's sync and the start of the worker included. held_walk, held_touched: the longest time
# for which the warden held any request while a checkpoint was stored to whose files the guest wrote
# all along, of all that is there and of what was touched; latency_more: how much more the slowest of
# 1,000 writes took in the guest then than without. back_10000, back_10: `gaol rollback` of a running
# jail by so many changed files, until its guest is up again. five_gib: the first checkpoint of 5 GiB,
# and five_gib_mem (MiB, not ms) the most memory that its worker had resident.
# PARTS="new ten mib held back five" runs only those; BENCH_SAMPLES=FILE adds to the samples of other
# runs, so that parts together make one table.
set -eu
source "$(dirname "$0")/lib.sh"
own_mounts "$@"
rounds=${1:-5}
gaol=${GAOL:-$top/gaol}
[ -x "$gaol" ] || fail "$gaol is missing: make first"
command -v git >/dev/null || fail "git is missing"
load_before=${load_before:-$(cut -d ' ' -f 1 /proc/loadavg)}

make_scratch
export GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run GIT_CONFIG_GLOBAL=/dev/null HOME=$scratch
cleanup() {
	"$gaol" rm -f '*' >/dev/null 2>&1 || true
	drop_scratch
}
trap cleanup EXIT
make_work

# files COUNT DIRS SIZE SEED: below the working directory, as the layer has plain files.
files() {
	python3 - "$@" <<'P'
import os, random, sys
count, dirs, size, seed = map(int, sys.argv[1:])
r = random.Random(seed)
os.umask(0o077)
for i in range(count):
    d = 'd%d/' % (i % dirs) if dirs > 1 else ''
    if d and i < dirs:
        os.makedirs(d, exist_ok=True)
    with open('%sf%d' % (d, i), 'wb') as f:
        f.write(r.randbytes(size // 2).hex().encode())
P
}
save() { echo '{"op": "save", "name": "j", "message": "bench"}' | "$gaol" worker 3<"$GAOL_HOME/jails/j" >/dev/null; }
# PEER=no leaves git out, where it is no bar.
peer() { [ "${PEER-}" = no ] || "$@"; }
commit() { git add -A && git -c user.name=b -c user.email=b@b -c gc.auto=0 commit -qm bench; }
export -f save commit
export gaol
# clock ROW CONTENDER COMMAND...
clock() {
	local row=$1 who=$2
	shift 2
	sync
	sample "$row" "$who" "$("$work" run bash -c "$*")"
}
fresh() {
	"$gaol" rm -f j >/dev/null 2>&1 || true
	"$gaol" new j >/dev/null
	layer=$GAOL_HOME/jails/j/upper/srv
	rm -rf "$scratch/git"
	mkdir -m 700 "$layer"
	mkdir "$scratch/git"
	git -C "$scratch/git" init -q
}
# Runs shell code in the guest.
inside() { "$gaol" exec j -- sh -c "$1" </dev/null; }
# Starts the jail on the layer as it was written, and makes the checkpoint that others build on.
begin() {
	"$gaol" start j >/dev/null
	"$gaol" checkpoint j -m all >/dev/null
	(cd "$scratch/git" && peer commit)
	sleep 0.05 # past the clock tick in which the files were made
}
checkpointed() { clock "$1" gaol "$gaol checkpoint j -m $1 >/dev/null"; }

part_new() {
	for ((i = 1; i <= rounds; i++)); do
		say "checkpoint: round $i of $rounds"
		fresh
		(cd "$layer" && files 10000 1 4096 $i)
		cp -r "$layer/." "$scratch/git/"
		clock new_10000 gaol save
		(cd "$scratch/git" && clock new_10000 git commit)
	done
}

part_ten() {
	for shape in ${SHAPES-spread flat}; do
		say "checkpoint: 100,000 files, $shape"
		fresh
		dirs=$([ $shape = spread ] && echo 1000 || echo 1)
		(cd "$layer" && files 100000 "$dirs" 64 1)
		cp -r "$layer/." "$scratch/git/"
		begin
		# f0, f7, ... lie in d0, d7, ...
		change='for k in 0 7 14 21 28 35 42 49 56 63; do f=f$k; [ ! -d d0 ] || f=d$k/f$k; echo $$ $k >$f; done'
		for ((i = 1; i <= rounds; i++)); do
			(cd "$scratch/git" && bash -c "$change" && peer clock "ten_$shape" git commit)
			inside "cd /srv; $change"
			checkpointed "ten_$shape"
		done
	done
}

size() { du -s --apparent-size -B 1 "$1" | cut -f 1; }
part_mib() {
	say "checkpoint: 1 MiB in 1 GiB"
	fresh
	head -c 1G /dev/urandom >"$layer/big"
	chmod 600 "$layer/big"
	cp "$layer/big" "$scratch/git/"
	begin
	for ((i = 1; i <= rounds; i++)); do
		change="dd if=/dev/urandom of=big bs=1M count=1 seek=$((i * 100)) conv=notrunc status=none"
		inside "cd /srv; $change"
		before=$(size "$GAOL_HOME/jails/j/checkpoints.git/objects")
		checkpointed mib_in_gib
		# in KiB, so that it fits a table of ms
		sample mib_in_gib_bytes gaol "$((($(size "$GAOL_HOME/jails/j/checkpoints.git/objects") - before) / 1024))e-3"
		[ "$i" -gt 1 ] || (cd "$scratch/git" && bash -c "$change" && peer clock mib_in_gib git commit)
	done
}

# Writes all over the files that are being stored; prints the 99.9th percentile of a write in s.
cat >"$scratch/writer" <<'END'
import os, random, sys, time
big = os.open('/srv/big', os.O_RDWR)
small = [os.open('/srv/s%d' % i, os.O_RDWR | os.O_CREAT) for i in range(200)]
page, took, end = os.urandom(4096), [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    n = len(took)
    at = time.monotonic()
    if n % 2:
        os.pwrite(big, page, random.randrange(64 << 8) << 12)
    else:
        os.pwrite(small[n // 2 % 200], page, 0)
    took.append(time.monotonic() - at)
took.sort()
print(took[int(len(took) * 0.999)])
END
writer() { "$gaol" exec j -- python3 -c "$(cat "$scratch/writer")" "$1" </dev/null; }
field() { sed 's/.*"'"$1"'": \([0-9]*\).*/\1/'; }
held() { sample "$1" gaol "$("$gaol" checkpoint j --always -m "$1" --json | field held_us)e-6"; }
part_held() {
	say "checkpoint: what a writing guest notices"
	for ((i = 1; i <= rounds; i++)); do
		fresh
		head -c 64M /dev/urandom >"$layer/big"
		chmod 600 "$layer/big"
		"$gaol" start j >/dev/null
		writer 1 >/dev/null
		alone=$(writer 5)
		writer 5 >"$scratch/took" &
		sleep 0.5
		held held_walk
		held held_touched
		held held_touched
		wait
		sample latency_more gaol "$(awk -v a="$alone" -v b="$(cat "$scratch/took")" 'BEGIN { d = b - a; print (d > 0 ? d : 0) }')"
	done
}

part_back() {
	say "checkpoint: rollback"
	for count in 10000 10; do
		fresh
		"$gaol" start j >/dev/null
		for ((i = 1; i <= rounds; i++)); do
			"$gaol" checkpoint j --always -m base >/dev/null
			"$gaol" exec j -- sh -c "mkdir -p /srv/r$i && cd /srv/r$i && seq $count | split -l 1 -a 4 - f; sync" </dev/null
			clock back_$count gaol "$gaol rollback j >/dev/null"
		done
	done
}

part_five() {
	say "checkpoint: the first of 5 GiB"
	fresh
	for ((i = 1; i <= 5; i++)); do head -c 1G /dev/urandom >"$layer/part$i"; done
	chmod 600 "$layer"/part*
	sync
	echo '{"op": "save", "name": "j", "message": "bench"}' >"$scratch/request"
	python3 - "$gaol" "$GAOL_HOME/jails/j" "$scratch/request" >"$scratch/five" <<'END'
import os, resource, subprocess, sys, time
jail = os.open(sys.argv[2], os.O_RDONLY)
os.dup2(jail, 3)
at = time.monotonic()
subprocess.run([sys.argv[1], 'worker'], stdin=open(sys.argv[3]), stdout=subprocess.DEVNULL, pass_fds=[3], check=True)
print(time.monotonic() - at, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
END
	sample five_gib gaol "$(cut -d ' ' -f 1 "$scratch/five")"
	# in MiB, so that it fits a table of ms
	sample five_gib_mem gaol "$(cut -d ' ' -f 2 "$scratch/five")e-3"
}

for part in ${PARTS-new ten mib held back five}; do
	"part_$part"
done
[ -z "${BENCH_SAMPLES-}" ] || {
	cat "$samples" >>"$BENCH_SAMPLES"
	cp "$BENCH_SAMPLES" "$samples"
}

cat >"$scratch/bars" <<'END'
new_10000 git 0.5
ten_spread = 0.030
ten_flat = 0.100
mib_in_gib = 0.100
mib_in_gib_bytes = 3.072
held_walk = 0.010
held_touched = 0.010
latency_more = 0.010
back_10000 = 1.5
back_10 = 0.5
five_gib_mem = 0.1
END
table ms "$scratch/bars" git gaol | tee "$scratch/table"
[ -n "${PARTS-}" ] && [ -z "${PUBLISH-}" ] || publish checkpoint "Checkpoints and rollbacks (medians of $rounds rounds; mib_in_gib_bytes in KiB, five_gib_mem in MiB)" <"$scratch/table"
