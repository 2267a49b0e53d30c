#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# [limits]: disk, inodes and processes of a jail, what the guest gets, what is told, what ls and top
# show, the count after a kill; `gaol set` keeps the file.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec "$1" -- sh -c "$2" </dev/null 2>&1; }
used() { gaol ls --json | sed -n 's/.*"name": "'"$1"'",.*"used": {\([^}]*\)}.*/\1/p'; }
known() { used "$1" | grep -q '"known": true'; }
number() { gaol ls --json | sed -n 's/.*"name": "'"$1"'",.*"'"$2"'": \([0-9]*\).*/\1/p'; }
groups() { find /sys/fs/cgroup -maxdepth 6 -type d -name "gaol.$1.*" 2>/dev/null; }

check 'a jail' gaol new q
sed -i 's/^#\tsize = 0/\tsize = 1G # mine/' "$GAOL_HOME/jails/q/jail.conf"
check 'set' gaol set q size=20M inodes=300 pids=64 cpu=50
has 'its comment stays' '^	size = 20M	# mine$' "$(cat "$GAOL_HOME/jails/q/jail.conf")"
fails 'not a size' 1 gaol set q size=lots
check 'start' gaol start q
check 'it is counted' soon 20 known q

is 'df shows the limit' '20480 300' \
	"$(inside q 'echo $(df -k --output=size / | tail -1) $(df --output=itotal / | tail -1)')"
has 'a full layer' 'No space left' "$(inside q 'dd if=/dev/zero of=/root/big bs=1M count=30')"
check 'overwriting goes on' gaol exec q -- dd if=/dev/zero of=/root/big bs=1M count=4 conv=notrunc
check 'removing makes room' gaol exec q -- sh -c 'rm /root/big && sync && echo x >/root/y'
has 'too many inodes' 'No space left' \
	"$(inside q 'mkdir /root/d; for i in $(seq 400); do echo >/root/d/$i || exit; done')"
check 'room again' gaol exec q -- sh -c 'rm -r /root/d && mkdir /root/d'
events=$(gaol events q --since 0 --no-follow --class denied)
has 'told: size' 'refuse .*/root/big.*limits.size' "$events"
has 'told: inodes' 'refuse .*/root/d/.*limits.inodes' "$events"

# A fork bomb meets the guest's limit; what is there lives on.
has 'too many processes' 'Resource temporarily unavailable|fork' "$(inside q \
	'for i in $(seq 200); do sleep 1000 & done; echo made $(jobs | wc -l)')"
lived() { [ "$(inside q 'echo lives')" = lives ]; }
check 'the guest lives' soon 20 lived
# Full to the brim, by something that tries again and again: the admin gets in all the same.
gaol exec q -- bash -c 'for i in $(seq 200); do sleep 1000 & done; while :; do sleep 1000 & done' </dev/null >/dev/null 2>&1 &
bomb=$!
full() { [ "$(gaol ps q | grep -c sleep)" -ge 55 ]; }
check 'full, and ps tells' soon 20 full
for i in 1 2 3; do is "exec $i into a full guest" in "$(inside q 'echo in')"; done
check 'a checkpoint of a full guest' gaol checkpoint q -m full
hasnt 'it was asked to write back' 'did not sync' "$(tail -n 3 "$GAOL_HOME/jails/q/log")"
check 'the bomb is ended from inside' gaol exec q -- pkill -9 -f 'seq 200'
wait $bomb
check 'and what it left' gaol exec q -- pkill -9 sleep
n=$(gaol ls --json | sed -n 's/.*"guest": \([0-9]*\).*/\1/p')
below() { local c; for c in $(pgrep -P "$1"); do echo "$c"; below "$c"; done; }
check 'so many on the host' test "$(below "$n" | wc -l)" -le $((64 + 16))
has 'ls says what holds' '"by": "[^"]*(cgroup|nice)' "$(gaol ls --json)"
has 'top has the disk' '/20M' "$(gaol top -n 1 q)"

# A killed warden leaves no count: it is made again.
check 'restart' gaol restart q
check 'three megabytes' gaol exec q -- sh -c 'rm -rf /root/* && head -c 3000000 /dev/zero >/root/three && sync'
kill -9 "$(number q warden)"
check 'start again' soon 20 gaol start q
check 'counted again' soon 20 known q
got=$(used q | sed -n 's/.*"size": \([0-9]*\).*/\1/p')
check "it is right: $got" test "$got" -ge 3000000 -a "$got" -le 3200000

check 'stop' gaol stop q
no_group() { [ -z "$(groups q)" ]; }
check 'no group is left' soon 10 no_group
sed -i 's/pids = 64/pids = many/' "$GAOL_HOME/jails/q/jail.conf"
has 'a wrong line is named' 'jail.conf:[0-9]+: pids = many: not a number' "$(gaol start q 2>&1)"
has 'doctor' 'limits: .*pids: by rlimit' "$(gaol doctor 2>&1)"
finish
