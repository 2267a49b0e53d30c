#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An attacker in the place of the guest's kernel: the same launcher, the same walls, another binary.
# Each attack is first made outside the walls, where it must succeed: no check is empty.
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

make -s -C "$root" build/standin || exit 1
standin=$work/standin

# What there is to attack: a secret, a process, sockets, a shared segment, a queue.
cat >"$work/host.py" <<'EOF'
import ctypes, os, socket, sys
work = sys.argv[1]
libc = ctypes.CDLL(None)
libc.prctl(0x59616d61, ctypes.c_ulong(-1 & (2**64 - 1)), 0, 0, 0)  # Yama: anybody of ours may trace
secret = ctypes.create_string_buffer(b"treasure")
path = work + '/host.sock'
s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(64)
a = socket.socket(socket.AF_UNIX); a.bind('\0gaol-standin-%d' % os.getpid()); a.listen(64)
t = socket.socket(); t.bind(('127.0.0.1', 0)); t.listen(64)
key = os.getpid() + 0x6a00000
shm = libc.shmget(key, 4096, 0o1600)
msg = libc.msgget(key, 0o1600)
open(work + '/secret', 'w').write('treasure')
with open(work + '/targets.tmp', 'w') as f:
    f.write('\nTARGETS\n' + ''.join('%s=%s\n' % kv for kv in [
        ('file', work + '/secret'), ('pid', os.getpid()), ('address', ctypes.addressof(secret)),
        ('socket', path), ('abstract', 'gaol-standin-%d' % os.getpid()), ('port', t.getsockname()[1]),
        ('shm', key), ('msg', key)]))
os.rename(work + '/targets.tmp', work + '/targets')
sys.stdin.read()
libc.shmctl(shm, 0, None)
libc.msgctl(msg, 0, None)
EOF
mkfifo "$work/hold"
python3 "$work/host.py" "$work" <"$work/hold" &
host=$!
exec 9>"$work/hold"
leave() { exec 9>&-; wait "$host" 2>/dev/null; cleanup; }
trap leave EXIT
check "there is a host to attack" soon 20 test -s "$work/targets"

# arm FILE...: the stand-in with its targets.
arm() { cat "$root/build/standin" "$@" >"$standin.new" && chmod 755 "$standin.new" && mv "$standin.new" "$standin"; }

# A jail whose console is recorded: what the stand-in says is read from there.
jail() {
	gaol rm -f s >/dev/null 2>&1
	gaol new --memory 128M "$@" s >/dev/null || return
	sed -i "s|^\[console\]|[console]\n\trecord = $work/said|" "$GAOL_HOME/jails/s/jail.conf"
	rm -f "$work/said"
}
said() { python3 -c 'import json, sys
for l in open(sys.argv[1]).read().splitlines()[1:]:
    e = json.loads(l)
    if e[1] == "o": sys.stdout.write(e[2])' "$work/said" | tr -d '\r'; }
heard() { said 2>/dev/null | grep -q "$1"; }

# attacks FREE MODE <LIST: each attack was stopped, and had got through outside, where an ordinary
# user may do less, and where a host may have no such thing at all.
attacks() {
	local name line was
	while IFS= read -r line; do
		[[ $line == "attack "* ]] || continue
		name=${line#attack } name=${name%%:*}
		was=$(grep -F "attack $name: " <<<"$1")
		case $line in
		*SUCCEEDED | *"not tried"*) bad "$2: $name" "$line" ;;
		*) ok "$2: $name" ;;
		esac
		case $was in
		*SUCCEEDED | *"not implemented" | *"Address family not supported"*) ;;
		*) [ "$(id -u)" != 0 ] || bad "outside the walls: $name" "$was" ;;
		esac
	done
}

arm "$work/targets"
free=$(cd "$work" && "$standin" 2>&1 </dev/null)
n=$(grep -c '^attack ' <<<"$free")
check "outside the walls the attacks were made" test "$n" -gt 50
check "and most succeeded" test "$(grep -c SUCCEEDED <<<"$free")" -gt 25

for mode in safe trusting; do
	check "a jail, $mode" jail --speed $mode
	GAOL_KERNEL=$standin gaol start s >/dev/null 2>&1
	check "$mode: the attacks were made" soon 30 heard '^attacks: done'
	list=$(said)
	attacks "$free" "$mode" <<<"$list"
	is "$mode: all of them" "$n" "$(grep -c '^attack ' <<<"$list")"
done

# The warden attacked through its device. It hangs up, tells why, and goes on.
lies() {
	printf '\nTARGETS\ndevice=%s\n' "$1" >"$work/words"
	arm "$work/words"
	jail && GAOL_KERNEL=$standin timeout 30 "$GAOL" start s </dev/null
}
reason() { gaol ls --json | sed -n 's/.*"reason": "\([^"]*\)".*/\1/p'; }
for how in garbage endless index memory; do
	fails "$how: the start fails" 1 lies "$how"
	has "$how: with its reason" 'file system device: ' "$(reason)"
	check "$how: an honest kernel starts" gaol start s
	check "$how: and works" gaol exec s -- true
done
lies again >/dev/null 2>&1
check "a device listens once" heard 'no second connection'
hasnt "and not twice" 'A SECOND' "$(said)"
gaol rm -f s >/dev/null
check "nothing is left" nothing_left
finish
