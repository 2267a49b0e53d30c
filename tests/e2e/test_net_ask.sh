#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A jail that asks: what waits is shown, answered once or for good, refused, flooded; a rule that
# comes later cuts; a name that turns to a private address.
. "${BASH_SOURCE[0]%/*}/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/lib.sh"

echo hello >"$LAB/www/hello"
gaol new n --net ask
check 'a jail that asks boots' gaol start n
in_jail() { gaol exec n -- "$@"; }
# Starts a client in the jail; its answer comes into $work/got.
try() { in_jail curl -s -m 60 "http://$1/hello" >"$work/got" 2>&1 & client=$!; }
number() { gaol net n --queue | awk -v t="$1" 'index($0, t) { print $1; exit }'; }
waits() { [ -n "$(number "$1")" ]; }

try v4.lab.test
check 'it waits, under the name that was asked for' soon 20 waits 'v4.lab.test (203.0.113.10)'
ls_tells() { gaol ls --json | grep -q '"net_waiting": 1'; }
check 'ls tells' soon 20 ls_tells
tells_who() { gaol net n --queue | grep -Eq 'v4.lab.test .* [0-9]+ uid 0: .*curl -s -m 60 http'; }
check 'and it tells which process asks' soon 20 tells_who
has 'the queue of all jails' '^n +[0-9]+ +tcp +v4.lab.test .*curl' "$(gaol net --queue)"
has 'as JSON too' '"command": "[^"]*curl .*"jail": "n"' "$(gaol net --queue --json)"
fails 'all jails have no more than a queue' 2 gaol net
check 'allow, once' gaol allow n "$(number v4.lab.test)" --once
wait $client
is 'it goes on' hello "$(cat "$work/got")"
try v4.lab.test
check 'the next one waits again' soon 20 waits v4.lab.test
check 'deny, for a time' gaol deny n "$(number v4.lab.test)" --for 5m
wait $client
is 'it is refused, and the next one too' '' "$(cat "$work/got")$(in_jail curl -s -m 20 http://v4.lab.test/hello)"
has 'the rule has its time' '"ms_left": [0-9]{5,6}' "$(gaol net n --json)"
check stop gaol stop n
check start gaol start n
try v4.lab.test
check 'a start forgets it' soon 20 waits v4.lab.test
check 'deny, once' gaol deny n "$(number v4.lab.test)" --once
wait $client
is 'it is refused' '' "$(cat "$work/got")"
try v4.lab.test
check 'and waits again' soon 20 waits v4.lab.test
check 'allow, for good' gaol allow n "$(number v4.lab.test)"
wait $client
is 'it goes on' hello "$(cat "$work/got")"
has 'a rule is kept' 'allow = .*v4.lab.test:80' "$(cat "$GAOL_HOME/jails/n/jail.conf")"
is 'nobody is asked any more' hello "$(in_jail curl -s -m 20 http://v4.lab.test/hello)"
fails 'a number that is none' 1 gaol allow n 4711 --once

# A connection that was let through, cut by a rule
truncate -s 20G "$LAB/www/endless"
in_jail sh -c 'curl -s -m 120 --limit-rate 1M http://v4.lab.test/endless -o /dev/null; echo over $? >/tmp/over' &
client=$!
open() { gaol net n --json | grep -q '"port": 80'; }
check 'a download runs' soon 20 open
check 'deny' gaol deny n v4.lab.test:80
check 'cuts it' soon 30 in_jail grep -q over /tmp/over
wait $client
is 'and nothing new' '' "$(in_jail curl -s -m 20 http://v4.lab.test/hello)"

# A name of ours that becomes a private address
gaol allow n '*.lab.test'
is 'a name that leads to a private address is not answered' '' \
	"$(in_jail curl -s -m 5 http://private.lab.test/hello)"
is 'nor one by TCP' '' "$(in_jail curl -s -m 5 http://bigprivate.lab.test/hello)"
check 'which was asked for by TCP' grep -q '^dnstcp bigprivate' "$LAB/log"
check 'a rule with the address opens it' gaol allow n $LAB_PRIVATE:80
is 'by address' hello "$(in_jail curl -s -m 20 http://$LAB_PRIVATE/hello)"

# Each of these would be reached without the wall: a rule that names it shows it.
gaol allow n $LAB_META:80
is 'metadata, by a rule' hello "$(in_jail curl -s -m 20 http://$LAB_META/hello)"
gaol allow n 203.0.113.1:80
is 'the host, by a rule' hello "$(in_jail curl -s -m 20 http://203.0.113.1/hello)"
gaol deny n 203.0.113.1:80
is 'and not after another' '' "$(in_jail curl -s -m 20 http://203.0.113.1/hello)"

# A datagram, an echo request, and a name in a program that would steer a terminal
in_jail /usr/bin/python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x", ("198.51.100.10", 4001))
s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s6.sendto(b"x", ("2001:db8:1::10", 4002))
mapped = socket.socket(socket.AF_INET6); mapped.setblocking(False)
try: mapped.connect(("::ffff:198.51.100.10", 4003))
except BlockingIOError: pass
open("/proc/self/comm", "w").write("\x1b]0;evil")
time.sleep(60)' \
	$'\e[31mred' &
sender=$!
known() { [ "$(gaol net n --queue | grep -Ec ' 400[123] .*: .*python3 -c')" = 3 ]; }
check 'owners of datagrams, and of IPv4 on a socket of IPv6' soon 20 known
hasnt 'no escape of theirs is shown' $'\e' "$(gaol net n --queue)"
kill $sender

# A flood of questions does not hold up names
in_jail /usr/bin/python3 -c '
import socket
held = []
for i in range(900):
    s = socket.socket(); s.setblocking(False)
    try: s.connect(("198.51.100.%d" % (1 + i % 250), 1000 + i))
    except OSError: pass
    held.append(s)
import time
time.sleep(60)' &
flood=$!
many() { [ "$(gaol ls --json | sed -n 's/.*"net_waiting": \([0-9]*\).*/\1/p')" -ge 800 ]; }
check 'hundreds wait' soon 40 many
is 'names are answered meanwhile' 0 "$(in_jail sh -c 'getent hosts www.lab.test >/dev/null; echo $?')"
check stop gaol stop n
wait $flood
events=$(gaol events n --class net)
has 'events: a verdict' 'verdict .*v4.lab.test' "$events"
has 'with the process' 'verdict .*v4.lab.test.*uid 0 pid [0-9]+ curl' "$events"
has 'events: a name that led to a private address' 'block .*private.lab.test' "$events"
has 'events: the cut' 'disconnect .*v4.lab.test' "$events"
finish
