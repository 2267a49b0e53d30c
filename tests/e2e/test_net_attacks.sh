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
is 'lies of ARP change nothing' hello "$(in_jail curl -s -m 20 http://$LAB4/hello)"

# Deaths
children() { cat "/proc/$1/task/$1/children"; }
path_of() {
	local p
	for p in $(children "$(gaol ls --json | sed -n 's/.*"warden": \([0-9]*\).*/\1/p')"); do
		tr '\0' ' ' <"/proc/$p/cmdline" | grep -q netpath && echo "$p"
	done
}
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
