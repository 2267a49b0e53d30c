#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# restart, pause, resume, kill, wait without a state, several jails, --all, the way down, the
# restart policy, autostart.
. "${BASH_SOURCE[0]%/*}/lib.sh"

number() { gaol ls --json | sed -n 's/.*"name": "'"$1"'",.*"'"$2"'": \([0-9]*\).*/\1/p'; }
inside() { gaol exec "$1" -- sh -c "$2" </dev/null; }
in_state() { [ "$(state "$1")" = "$2" ]; }
below() { local c; for c in $(pgrep -P "$1"); do echo "$c"; below "$c"; done; }
# Clock ticks that all processes of a jail's guest have used.
ticks() {
	local p
	for p in $(below "$(number "$1" guest)"); do
		cut -d ' ' -f 14,15 "/proc/$p/stat" 2>/dev/null
	done | awk '{ n += $1 + $2 } END { print n + 0 }'
}
used() { local a; a=$(ticks "$1"); sleep 0.5; echo $(($(ticks "$1") - a)); }
kernel_of() { pgrep -P "$(pgrep -P "$(number "$1" guest)" | head -1)" | head -1; }
set_conf() { sed -i "s/^\[jail\]/[jail]\n\t$2/" "$GAOL_HOME/jails/$1/jail.conf"; }

check 'jails' sh -c "for j in a1 a2 b; do '$GAOL' new \$j || exit 1; done; '$GAOL' new t --speed trusting"
check 'start by pattern and name' gaol start 'a*' b t
is 'all run' 'running running running running' "$(echo $(state a1) $(state a2) $(state b) $(state t))"

for j in a1 t; do
	inside "$j" 'for i in 1 2 3; do sh -c "while :; do :; done" & done; (while :; do ls / >/dev/null; done) & sleep 0.3'
	check "$j: pause a busy guest" gaol pause "$j"
	is "$j: it is paused" paused "$(state "$j")"
	is "$j: it uses no processor time" 0 "$(used "$j")"
	check "$j: paused already" gaol pause "$j"
	has "$j: nothing runs in it now" 'paused.*gaol resume' "$(inside "$j" true 2>&1)"
	fails "$j: no checkpoint of it" 1 gaol checkpoint "$j" -m x
	check "$j: resume" gaol resume "$j"
	check "$j: resumed already" gaol resume "$j"
	check "$j: it goes on" test "$(used "$j")" -gt 0
	check "$j: 60 times" sh -c "for i in \$(seq 60); do
		'$GAOL' pause $j && '$GAOL' resume $j || exit 1; done"
	drift=$(($(inside "$j" 'date +%s') - $(date +%s)))
	check "$j: its clock is the host's" test "$drift" -ge -2 -a "$drift" -le 2
	gaol pause "$j"
	check "$j: a paused jail stops" timeout 30 "$GAOL" stop "$j"
	is "$j: it is stopped" stopped "$(state "$j")"
done
fails 'no pause of a jail that is down' 1 gaol pause a1
check 'start' gaol start a1
gaol pause a1
warden=$(number a1 warden) kernel=$(kernel_of a1)
kill -9 "$warden"
check 'a paused guest ends with its warden' soon 20 gone "$kernel"

check 'restart starts what is down' gaol restart a1
check 'a file' inside a1 'echo 1 > /srv/f'
first=$(number a1 guest)
check 'restart' gaol restart a1
check 'another guest' test "$first" != "$(number a1 guest)"
is 'the same files' 1 "$(inside a1 'cat /srv/f')"

first=$(number a2 guest)
check 'kill' gaol kill a2
check 'it is gone' soon 20 gone "$first"
is 'and stopped' stopped "$(state a2)"
check 'kill of what is down' gaol kill a2

check 'start --all' gaol start --all
is 'they run' 'running running running running' "$(echo $(state a1) $(state a2) $(state b) $(state t))"
check 'pause --all' gaol pause --all
is 'they are paused' 'paused paused paused paused' "$(echo $(state a1) $(state a2) $(state b) $(state t))"
check 'resume --all' gaol resume --all
check 'stop --all' gaol stop --all
is 'they are stopped' 'stopped stopped stopped stopped' "$(echo $(state a1) $(state a2) $(state b) $(state t))"
check 'nothing more to stop' gaol stop --all
fails 'names and --all' 2 gaol stop --all b
fails 'neither' 2 gaol kill

# A guest whose init hangs: its kernel is told, by its mconsole.
freeze='mkdir -p /tmp/cg && mount -t cgroup2 none /tmp/cg && mkdir /tmp/cg/x && echo 1 > /tmp/cg/x/cgroup.procs && echo 1 > /tmp/cg/x/cgroup.freeze'
check 'start' gaol start b
inside b 'echo late > /srv/late'
# A kernel gets a second for its way down; on a machine that is busy that may be too short, once.
way_down() {
	: >"$GAOL_HOME/jails/b/log"
	inside b "$freeze" &
	soon 20 sh -c "! timeout -s KILL 1 '$GAOL' exec b -- true </dev/null"
	gaol stop --grace 0.1 b || bad 'stop'
	wait
	grep -q 'its kernel is told' "$GAOL_HOME/jails/b/log" || bad 'its kernel is told'
	gaol start b || bad 'start'
}
by_kernel() { way_down && ! grep -q 'killing' "$GAOL_HOME/jails/b/log"; }
check 'init did not, its kernel did, nothing had to be killed' soon 60 by_kernel
is 'what was written is there' late "$(inside b 'cat /srv/late')"
inside b "$freeze" &
soon 20 sh -c "! timeout -s KILL 1 '$GAOL' exec b -- true </dev/null"
rm "/proc/$(kernel_of b)/root/tmp/g/mconsole"
check 'stop without a mconsole' gaol stop --grace 0.1 b
has 'it was killed' 'killing' "$(cat "$GAOL_HOME/jails/b/log")"
wait

# What the command's end was.
gaol new c -- sh -c 'sleep 0.5; exit 7' >/dev/null
check 'start' gaol start c
fails 'wait: the status of its command' 7 gaol wait c --timeout 20
fails 'again, when it is down' 7 gaol wait c
has 'ls shows it' '^c .*exit status 7' "$(gaol ls)"
gaol new d -- sh -c 'kill -11 $$' >/dev/null
gaol start d
fails 'a signal' 139 gaol wait d --timeout 20
gaol start a1
"$GAOL" wait a1 --timeout 60 &
waiter=$!
inside a1 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger' >/dev/null 2>&1
wait $waiter
is 'a crash is 1' 1 $?
is 'and crashed' crashed "$(state a1)"

# The restart policy.
set_conf a2 'restart = on-crash'
check 'start' gaol start a2
kill -9 "$(kernel_of a2)"
# A look that comes later than a second finds it back already.
told() { gaol ls | grep -q '^a2 .*starts again in' || [ "$(number a2 restarts)" = 1 ]; }
check 'ls tells when it starts again' soon 20 told
check 'it comes back by itself' soon 20 in_state a2 running
is 'its count' 1 "$(number a2 restarts)"
kill -9 "$(kernel_of a2)"
soon 1 in_state a2 crashed
check 'stop before it does' gaol stop a2
check 'its warden is gone' soon 20 sh -c "! '$GAOL' ls --json | grep '\"a2\"' | grep -q '\"warden\": [1-9]'"
sleep 1.5
check 'it stays down' test "$(state a2)" != running
check 'a command that ends is no crash' sh -c "sed -i 's/^\[jail\]/[jail]\n\trestart = on-crash/' '$GAOL_HOME/jails/c/jail.conf'; '$GAOL' start c"
soon 20 in_state c stopped
is 'it stays stopped' 0 "$(number c restart_at)"

# Autostart.
set_conf b 'autostart = yes'
check 'start --all-enabled' gaol start --all-enabled
is 'the one' 'running stopped' "$(echo $(state b) $(state t))"
check 'again' gaol start --all-enabled

# A warden that hangs.
warden=$(number b warden) kernel=$(kernel_of b)
kill -STOP "$warden"
check 'kill ends a warden that does not answer' gaol kill b
check 'and its guest' soon 20 gone "$kernel"
is 'told' crashed "$(state b)"

gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
