#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What root of a jail tries against its network, frame by frame, and what happens when a process of
# the network dies. Each way in that is closed stands beside the same one that is open.
. "${BASH_SOURCE[0]%/*}/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/lib.sh"
here=${BASH_SOURCE[0]%/*}

echo hello >"$LAB/www/hello"
: >"$LAB/log"
gaol new n --net open
check 'a jail with a network boots' gaol start n
in_jail() { gaol exec n -- "$@"; }
gaol cp "$here/netraw.py" n:/root/raw.py
in_jail curl -s -m 20 http://$LAB4/hello "http://[$LAB6]/hello" >/dev/null
gateway=$(in_jail sh -c 'ip neigh show 10.0.2.14' | grep -Eo '([0-9a-f]{2}:){5}[0-9a-f]{2}')
raw() { in_jail /usr/bin/python3 /root/raw.py "$gateway" "$@"; }
# A datagram sent behind all others has come: so have the others, or they never will.
arrived() { grep -q "^udp.* $1\$" "$LAB/log"; }

for kind in true4 true6 fragments; do
	raw $kind "raw-$kind"
	check "raw: $kind arrives" soon 20 arrived "raw-$kind"
done
for kind in spoof4 spoofhost spoof6 private host loopback slirphost mapped mapped2 loopback6 fragprivate \
	hopbyhop routing options vlan; do
	raw $kind "raw-$kind"
done
raw true4 last-one
check 'a last datagram arrives' soon 20 arrived last-one
raw true6 last-six
check 'one of IPv6 too' soon 20 arrived last-six
for kind in spoof4 spoofhost spoof6 private host loopback slirphost mapped mapped2 loopback6 fragprivate \
	hopbyhop routing options vlan; do
	check "raw: $kind does not" eval "! arrived raw-$kind"
done
raw arp -
raw nd -
is 'lies of ARP and of neighbour discovery change nothing' hello,hello \
	"$(in_jail curl -s -m 20 http://$LAB4/hello),$(in_jail curl -s -m 20 "http://[$LAB6]/hello")"

# A rule about a port holds behind extension headers too: the judge reads through them.
target='udp/\[2001:db8:1::10\]:7'
gaol deny n "${target//\\/}"
raw hopbyhop hidden-hop
raw options hidden-options
refused() {
	[ "$(gaol events n --class net --since 0 --no-follow | grep -c "block .*$target -> deny $target")" = 2 ]
}
check 'a port that extension headers hide is seen' soon 20 refused
gaol allow n "${target//\\/}"

children() { cat "/proc/$1/task/$1/children"; }
path_of() {
	local p
	for p in $(children "$(gaol ls --json | sed -n 's/.*"warden": \([0-9]*\).*/\1/p')"); do
		tr '\0' ' ' <"/proc/$p/cmdline" | grep -q netpath && echo "$p"
	done
}

# The same again where a wall is missing: taken away in the living jail, one after another.
inside() { nsenter -t "$room" -n -- "$@"; }
flush() {
	inside iptables-legacy -t mangle -F && inside iptables-legacy -F &&
		inside iptables-legacy -P FORWARD ACCEPT && inside ip6tables-legacy -t mangle -F &&
		inside ip6tables-legacy -F && inside ip6tables-legacy -P FORWARD ACCEPT
}
route_any() {
	inside sh -c 'for i in all jail; do echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter; done'
}
# A lie is believed where the guest's neighbour entry is one like any other. ADDRESS KIND
believed() {
	raw "$2" -
	inside ip neigh show to "$1" dev jail | grep -q 02:00:00:00:00:99
}
# A frame of ours is seen on its way to the gate. KIND TEXT
leaves() {
	coproc seen { inside timeout 20 python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("out", 0))
print("listens", flush=True)
while True:
    p = s.recv(65535)
    if p[20] in (0, 60) and sys.argv[1].encode() in p: sys.exit(0)' "$2"; }
	# bash forgets it as soon as it is over.
	local pid=$seen_PID
	read -r -u "${seen[0]}" _ || return 1
	raw "$1" "$2"
	wait "$pid"
}
without_walls() {
	local kind a
	room=$(children "$(path_of)" | tr -d ' ')
	for a in 10.0.2.15 fd00::15; do
		has "the guest's neighbour entry is ours: $a" PERMANENT "$(inside ip neigh show to $a dev jail)"
		inside ip neigh replace $a dev jail lladdr "$(in_jail cat /sys/class/net/eth0/address | tr -d '\r')" \
			nud stale
	done
	check 'without it: ARP lies' soon 20 believed 10.0.2.15 arp
	check 'without it: neighbour discovery lies' soon 20 believed fd00::15 nd
	for a in 10.0.2.15 fd00::15; do
		inside ip neigh replace $a dev jail lladdr "$(in_jail cat /sys/class/net/eth0/address | tr -d '\r')" \
			nud permanent
	done
	check 'the filter goes' flush
	check 'and reverse path filtering' route_any
	for kind in spoof4 spoof6 private host fragprivate; do
		raw $kind "bare-$kind"
		check "without a filter: $kind arrives" soon 20 arrived "bare-$kind"
	done
	for kind in hopbyhop options; do
		check "extension headers leave the namespace, where only the gate is left: $kind" \
			leaves "$kind" "bare-$kind"
	done
	raw mapped gated
	raw true6 behind-gated
	check 'a datagram arrives' soon 20 arrived behind-gated
	check 'the gate still holds: the loopback as mapped' eval '! arrived gated'
	python3 "$here/unwall.py" "$(path_of)" gate_may_leave
	case $? in
	0)
		raw mapped bare-mapped
		check 'without the gate: the loopback of the host as mapped' soon 20 arrived bare-mapped
		;;
	77) ok 'this host lets nobody take the gate away' ;;
	*) bad 'the gate goes' 'unwall.py failed' ;;
	esac
}
[ "$(id -u)" != 0 ] || [ ! -x /usr/sbin/iptables-legacy ] || without_walls

# Deaths
path=$(path_of)
room=$(children "$path" | tr -d ' ')
check 'the path and the room are two processes' kill -0 "$path" "$room"
kill -9 "$path"
check 'a killed path takes the room along' soon 20 gone "$room"
: >"$LAB/log"
is 'and the jail is offline' '' "$(in_jail curl -s -m 2 http://$LAB4/hello)"
is 'nothing went out' '' "$(cat "$LAB/log")"
check 'that is told' soon 20 grep -q 'network: offline: .*killed by signal 9' "$GAOL_HOME/jails/n/log"
check 'a restart brings it back' gaol restart n
is 'and it works' hello "$(in_jail curl -s -m 20 http://$LAB4/hello)"
path=$(path_of)
kill -9 $(children "$path")
check 'a killed room takes the path along' soon 20 gone "$path"
is 'and the jail is offline' '' "$(in_jail curl -s -m 2 http://$LAB4/hello)"
finish
