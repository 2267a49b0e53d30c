#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ps, top: what runs in a jail, and what it costs; set: its settings.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec a -- sh -c "$1" </dev/null; }
# cost N: column N of a jail's row in top.
cost() { gaol top -d 0.5 a | awk -v n="$1" '$1 == "a" { print $n }'; }
conf() { cat "$GAOL_HOME/jails/a/jail.conf"; }

check 'a jail' gaol new a --memory 128M
fails 'ps of a jail that is down' 1 gaol ps a
is 'top without jails: the heads' 1 "$(gaol top -d 0.1 | wc -l)"
check 'start' gaol start a
inside 'sleep 1000 & (exec bash -c "exec -a \"\$(printf \"e\\033[31mvil\")\" sleep 998") & (exec setpriv --reuid 1 sleep 999) & sleep 0.2'
three() { [ "$(gaol ps a | grep -Ec 'sleep 1000|vil 998|sleep 999')" = 3 ]; }
check 'its programs' soon 20 three
out=$(gaol ps a)
has 'heads' '^ *PID +PPID +UID' "$out"
has 'a user' '^ +[0-9]+ +[0-9]+ +1 +S .* sleep 999$' "$out"
has 'a name with an escape' 'e.e\[31mvil 998' "$out"
is 'no control byte' '' "$(tr -d '[:print:]\n' <<<"$out")"
check 'ps --json' python3 -c 'import json, sys
l = json.loads(sys.argv[1])
assert any(p["command"] == "sleep 1000" and p["state"] == "S" and p["threads"] == 1 for p in l), l' "$(gaol ps a --json)"
out=$(gaol top -d 0.5)
has 'top: the host and the guest' '^a +running +[0-9.]+ +[0-9.]+M +[0-9]+ +[0-9]+ +[0-9]+ +[0-9.]+[KM] +[0-9.]+ +[0-9.]+M/1[0-9]+M +[0-9]+ +[0-9]+s$' "$out"
calm() { awk "BEGIN { exit !($(cost 3) < 5) }"; }
check 'idle costs nothing' soon 20 calm
check 'its processes on the host' test "$(cost 5)" -ge 5
inside 'while :; do :; done & sleep 0.1'
busy() { awk "BEGIN { exit !($(cost 3) > 10) }"; }
check 'a loop costs a processor' soon 20 busy
inside 'while :; do echo x > /srv/x; done & sleep 0.1'
counted() { [ "$(cost 7)" -gt 5 ]; }
check 'events are counted' soon 20 counted
check 'pause' gaol pause a
has 'of a paused guest nothing is told' '^a +paused +[0-9.]+ .* -$' "$(gaol top -d 0.5)"
fails 'ps of it' 1 gaol ps a
check 'resume' gaol resume a

check 'set' gaol set a memory=192M 'note=two words' restart=on-crash
has 'it is in jail.conf' '^	memory = 192M' "$(conf)"
has 'with the explanations' '# Memory of the guest' "$(conf)"
has 'a running jail keeps what it has' '"memory": 134217728' "$(gaol ls --json)"
check 'restart' gaol restart a
has 'then it has the new' '"memory": 201326592' "$(gaol ls --json)"
before=$(conf)
fails 'a value that is none' 1 gaol set a memory=1G memory=lots
fails 'a key that is none' 1 gaol set a colour=blue
fails 'what does not fit together' 1 gaol set a cpus=4
fails 'no value' 1 gaol set a memory
is 'nothing was changed' "$before" "$(conf)"
check 'stop' gaol stop a
check 'a list grows' gaol set a env=A=1 env=B=2
is 'both' 2 "$(conf | grep -c '^	env = ')"
check 'set of a jail that is down' gaol set a memory=64M
has 'ls shows it' '^a +stopped +- +64M .* two words$' "$(gaol ls)"

gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
