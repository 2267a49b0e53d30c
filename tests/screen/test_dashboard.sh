#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One jail as a whole, its processes, and a warden that hangs.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

check 'a jail' gaol new demo --note 'an installer'
check 'of another memory' gaol set demo memory=192M
screen 130x30
shows 'listed' '^  demo +stopped'
press Enter
shows 'Enter opens the jail' 'gaol . demo '
shows 'its state' '^ state +stopped'
shows 'its note' '^ note +an installer'
shows 'its walls' '^ walls +box: '
shows 'no network' 'network: none'
shows 'what somebody has set' 'memory = 192M'
shows 'its checkpoints' '#1 +initial .*the empty layer'
press s
shows 'booted from there' '^ state +running'
shows 'what it costs' '^ on the host +[0-9.]+[KMG]? in [0-9]+ processes'
shows 'what the guest says' '^ guest says +[0-9.]+[KM] of 1[0-9][0-9]M used'
shows 'its disk' '^ disk +layer [0-9.]+[KMG]? in [0-9]+ entries'
check 'a change' inside 'echo x >/root/new; rm /etc/motd'
shows 'live beside it' '│.* create .*/root/new'
press c
type_in 'first'
press Enter
shows 'a checkpoint' '#2 +hand .*first +here'
press / 'first' Enter Enter
shows 'Enter on a checkpoint opens its diff' 'demo . diff #2 . now'
press q Escape
shows 'and back' '^ state +running'
press P
shows 'processes' 'demo . processes  as the guest tells'
shows 'the shell' '^ +[0-9]+ +1 +0 S '
resize 40x10
shows 'at 40x10' '^ +[0-9]+ +0 S .*sh'
press q g
shows 'the jail at 40x10' '^ state +running'
resize 80x24
shows 'the jail at 80x24' '^ walls +box'
shows 'and its feed below' ' unlink .*/etc/motd'
resize 130x30

# The list: costs, rates, sorted by any column.
press q q
shows 'the list with costs' '^  NAME .*UP +CPU%.*MEM +LAYER'
shows 'measured' '^  demo +running +[0-9]+[smh] +[0-9.]+ +[0-9.]+M +[0-9.]+[KM]? '
inside 'for i in $(seq 300); do echo $i >/root/new; done' &
shows 'the rate of events' '^  demo .*[▁▂▃▄▅▆▇█]'
wait $!
check 'a second jail' gaol new abc --note 'beside it'
shows 'by name' '^  abc'
press : 'sort state' Enter
shows 'sorted' 'jails  by state'
is 'running before stopped' 'demo abc' "$(picture | awk '$1 == "demo" || $1 == "abc" { printf "%s%s", n++ ? " " : "", $1 }')"
press : 'sort state' Enter
shows 'the other way round' 'jails  by state, falling'
is 'stopped before running' 'abc demo' "$(picture | awk '$1 == "demo" || $1 == "abc" { printf "%s%s", n++ ? " " : "", $1 }')"
press : 'sort name' Enter
hides 'as usual' 'jails  by'
press / demo Enter
shows 'on it' '2/2'

# A warden that hangs blocks nothing, and is said to.
warden=$(gaol ls --json | sed -n 's/.*"warden": *\([1-9][0-9]*\).*/\1/p')
check 'its warden is known' test "$warden" -gt 1
kill -STOP "$warden"
shows 'it does not answer' '^  demo .*not answering'
press P
shows 'its processes neither' 'not answering'
press q
press : 'new other' Enter
shows 'all else goes on' '^  other +stopped'
press / demo Enter Enter
shows 'the jail opens' '^ state .*not answering'
kill -CONT "$warden"
hides 'it answers again' 'not answering'
press Q
ended 'left'
finish
