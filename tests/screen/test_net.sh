#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The view net on a real jail: what waits, the counter in every view, a key per verdict, what is
# open, what was; no key is taken for a row that came under the cursor by itself.
. "${BASH_SOURCE[0]%/*}/../e2e/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/lib.sh"

echo hello >"$LAB/www/hello"
truncate -s 20G "$LAB/www/endless"
gaol new n --net ask
check 'a jail that asks boots' gaol start n
# Starts a client in the jail; its answer comes into $work/got.
try() { gaol exec n -- curl -s -m 60 "http://$1/hello" >"$work/got" 2>&1 </dev/null & client=$!; }
# A key counts when its row has lain still under the cursor for a while.
verdict() {
	shows "$1: it waits" "^ +[0-9]+\? tcp +$2.* 80 +([3-9]|[1-9][0-9])s +[0-9]+ curl "
	press "$3"
	shows "$1: a key" "n: $4"
	wait $client
	hides "$1: and is gone" "^ +[0-9]+\? tcp"
}

screen 100x30
shows 'listed' '^  n +running'
try v4.lab.test
shows 'the counter in the list of jails' 'net: 1 waits$'
press C
shows 'the view' 'gaol . n . net  mode ask .*net: 1 waits$'
verdict 'once' 'v4.lab.test \(203.0.113.10\)' o 'allowed .*v4.lab.test:80 once'
is 'it goes on' hello "$(cat "$work/got")"
hides 'nobody waits any more' 'net: 1 waits$'
shows 'its past' 'verdict .*v4.lab.test'

try v4.lab.test
verdict 'deny once' v4.lab.test x 'denied .*v4.lab.test:80 once'
is 'it is refused' '' "$(cat "$work/got")"

try v4.lab.test
verdict 'always' v4.lab.test + 'allowed .*v4.lab.test:80 always'
is 'it goes on' hello "$(cat "$work/got")"
has 'a rule is kept' 'allow = .*v4.lab.test:80' "$(cat "$GAOL_HOME/jails/n/jail.conf")"

gaol exec n -- sh -c 'curl -s -m 60 --limit-rate 1M http://v4.lab.test/endless -o /dev/null' </dev/null &
client=$!
shows 'what is open, with its rate' '^ open tcp +v4.lab.test .* 80 .* [0-9.]+[KM] +[0-9.]+[KM]'
# the one that moves most is the first
deny_first() { press g -; soon 2 on_screen 'n: denied tcp/v4.lab.test:80 always'; }
check 'denied' soon "$WAIT" deny_first
hides 'and cut' '^ open tcp +v4.lab.test.*[KM] +[0-9.]+[KM]$'
wait $client
has 'a rule is kept' 'deny = .*v4.lab.test:80' "$(cat "$GAOL_HOME/jails/n/jail.conf")"
press q :
type_in 'allow once'
press Enter
shows 'elsewhere nothing that waits is meant' 'allow: nothing that waits is meant here'
press Q
ended 'Q leaves'
finish
