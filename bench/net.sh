#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A jail's network beside slirp4netns + bubblewrap, against servers in a namespace of their own
# (tests/e2e/netlab.sh), in turns:
#   bench/net.sh [ROUNDS]                 (root, slirp4netns; default 3)
# download: 1 GiB in one connection; "own" is the same client against a server in the same guest,
# over its loopback: what that guest can take at all. short: 10,000 connections, one after the other.
set -eu
cd "$(dirname "$0")/.."
source tests/e2e/netlab.sh
# The world's own www would be read from disk: sparse files only.
lab_enter "$@"
source bench/lib.sh
rounds=${1:-3}
bytes=$((${NET_MIB:-1024} << 20)) count=${NET_COUNT:-10000}
gaol=$top/gaol
scratch=$(mktemp -d "${BENCH_DIR:-/var/tmp}/gaol-bench-XXXXXX")
samples=$scratch/samples
export GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run
cleanup() {
	"$gaol" rm -f '*' >/dev/null 2>&1 || true
	kill $(jobs -p) 2>/dev/null || true
	rm -rf "$scratch"
}
trap cleanup EXIT
command -v slirp4netns >/dev/null || fail 'slirp4netns is the peer: install it'
[ "$(id -u)" = 0 ] || fail "namespaces need root"
truncate -s $bytes "$LAB/www/zero"

peer() {
	mkfifo "$scratch/go"
	unshare -n bash -c "echo \$\$ >$scratch/pid; read -r _ <$scratch/go
		exec bwrap --ro-bind / / --unshare-pid --proc /proc /usr/bin/python3 $top/bench/net.py $*" >"$scratch/out" &
	local inside=$! slirp
	until [ -s "$scratch/pid" ]; do sleep 0.02; done
	slirp4netns --configure --mtu=65520 -r 7 "$(cat "$scratch/pid")" tap0 7>"$scratch/ready" >/dev/null 2>&1 &
	slirp=$!
	until [ -s "$scratch/ready" ]; do sleep 0.02; done
	echo >"$scratch/go"
	wait $inside
	kill $slirp
	wait $slirp 2>/dev/null || true
	rm -f "$scratch/go" "$scratch/pid" "$scratch/ready"
	cat "$scratch/out"
}
jail() {
	local name=$1
	shift
	"$gaol" exec "$name" -- /usr/bin/python3 /root/net.py "$@"
}

for mode in open list; do
	"$gaol" new $mode --memory 512M --net $mode --allow "tcp/$LAB4:80-81" >/dev/null
	"$gaol" start $mode >/dev/null
	"$gaol" cp bench/net.py $mode:/root/net.py
done
for ((i = 1; i <= rounds; i++)); do
	say "net: round $i of $rounds"
	sample download slirp4netns "$(peer get $LAB4 $bytes)"
	sample download gaol "$(jail open get $LAB4 $bytes)"
	sample download own "$(jail open own $bytes)"
	sample short slirp4netns "$(peer short $LAB4 $count)"
	sample short open "$(jail open short $LAB4 $count)"
	sample short gaol "$(jail list short $LAB4 $count)"
done
cat >"$scratch/bars" <<'END'
download slirp4netns 1.25
download own -
short open 1.43
END
table s "$scratch/bars" slirp4netns own open gaol | tee "$scratch/table"
publish net "A jail's network: 1 GiB, 10,000 connections (medians of $rounds rounds; short: gaol is mode list)" \
	<"$scratch/table"
