#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Events: who did what, writes that coalesce, refusals, reads; the journal over stop, start and kill;
# exact counts of what a slow reader loses.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec "$1" -- sh -c "$2" </dev/null; }
number() { gaol ls --json | sed -n 's/.*"name": "'"$1"'",.*"'"$2"'": \([0-9]*\).*/\1/p'; }
set_conf() { sed -i "s/^\[$2\]/[$2]\n\t$3/" "$GAOL_HOME/jails/$1/jail.conf"; }
all() { gaol events "$1" --since "${2:-0}" --no-follow --json --class all; }
known() { all "$1" | grep -Fq "$2"; }
# One field of the events of one path and operation, in order.
field() { python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o.get("path") == sys.argv[1] and o.get("op") == sys.argv[2]: print(o[sys.argv[3]])' "$@"; }
# "N events, N lost, from N to N"; fails when numbers and counts do not agree.
tally() { python3 -c 'import json, sys
n = lost = last = 0
first = None
for line in sys.stdin:
    o = json.loads(line)
    if "lost" in o:
        lost += o["lost"]; gap = o["lost"]; continue
    if first is None: first = o["seq"] - lost
    else: assert o["seq"] == last + 1 + gap, (o, last, gap)
    n += 1; last = o["seq"]; gap = 0
print("%d events, %d lost, from %d to %d" % (n, lost, first or 0, last))
assert n + lost == last - (first or 1) + 1'; }

# One jail, one boot: what an event tells.
check 'new' gaol new j
check 'start' gaol start j
inside j 'exec 3>/srv/w; i=0; while [ $i -lt 20 ]; do echo x >&3; i=$((i+1)); done; exec 3>&-'
sizes() { echo $(all j | field /srv/w write bytes); }
sized() { [ "$(sizes | wc -w)" = "$1" ]; }
# nobody waits for the release
check 'an event at first, one on release' soon 20 sized 2
is 'writes coalesce' '2 38' "$(sizes)"
inside j 'mkdir -m 777 /srv/p; setpriv --reuid=1234 --regid=1234 --clear-groups sh -c "echo \$\$ >/srv/p/pid; : >/srv/p/f"'
# The guest tells who a process is as soon as it gets to: what a new one does first may be earlier.
inside j 'ln -s /usr/bin/touch /srv/ev"$(printf "\033")"il; i=0; while [ $i -lt 20 ]; do
	touch /srv/t$i; (echo >/srv/u$i); /srv/ev*il /srv/v$i; i=$((i+1)); done; sleep 0.1'
who() { all j | grep '"op": "create", "path": "/srv/'"$1"'[0-9]' | sed -n 's/.*"comm": "\([^"]*\)".*/\1/p'; }
check 'who: a program, most times' test "$(who t | grep -cx touch)" -ge 10
check 'who: a shell'"'"'s child' test "$(who u | grep -cx sh)" -ge 10
is 'who: and nobody else' '' "$(who '[tu]' | grep -vx -e touch -e sh)"
is 'who: a name is escaped' '1 0' "$(gaol events j --since 0 --no-follow --path '/srv/v*' | awk '/ev\\e|ev.u|evil/ { n++ } index($0, "\033") { e++ } END { print (n > 9), e + 0 }')"
is 'who: uid' 1234 "$(all j | field /srv/p/f create uid)"
is 'who: pid' "$(inside j 'cat /srv/p/pid')" "$(all j | field /srv/p/f create pid)"
is 'reads are not recorded' 0 "$(gaol events j --since 0 --no-follow --class read | wc -l)"
is 'what was is without a gap' '0 lost, from 1' "$(all j | tally | sed 's/.* \(0 lost, from [0-9]*\).*/\1/')"

# Stopped: from the journal.
inside j 'echo old > /srv/old'
check 'stop' gaol stop j
before=$(all j)
is 'yesterday' /srv/old "$(gaol events j --path '/srv/old' --json | sed -n 's/.*"op": "create", "path": "\([^"]*\)".*/\1/p')"
is 'to its last word' stopped "$(tail -n 1 <<<"$before" | sed -n 's/.*"op": "state", "path": "\([a-z]*\)".*/\1/p')"
has 'without a gap' ' 0 lost, from 1 ' "$(tally <<<"$before")"
last=$(sed -n '$s/.*"seq": \([0-9]*\).*/\1/p' <<<"$before")
hasnt 'a class' '"change"' "$(gaol events j --json --class jail)"

# Started again: numbers go on.
check 'start' gaol start j
inside j 'echo new > /srv/new'
check 'the first event is the next one' soon 20 known j '"/srv/new"'
is 'behind the last number' "$((last + 1))" "$(all j "$last" | sed -n '1s/.*"seq": \([0-9]*\).*/\1/p')"
has 'old and new without a gap' ' 0 lost, from 1 ' "$(all j | tally)"
is 'both are there' '/srv/old /srv/new' "$(echo $(all j | grep '"create"' | grep -Eo '/srv/(old|new)'))"
is 'by default only what is new' '' "$(gaol events j --no-follow)"

# The warden is killed: what was a second old is there, the rest is counted, no number comes twice.
inside j 'echo kept > /srv/kept'
on_disk() { cat "$GAOL_HOME"/jails/j/events/*.seg | cksum; }
settled() { local a; a=$(on_disk); sleep 1.2; [ "$a" = "$(on_disk)" ]; }
check 'an idle jail writes no journal' soon 10 settled
"$GAOL" events j --since 0 --json --class all >seen &
follower=$!
soon 20 grep -Fq '"/srv/kept"' seen
inside j 'i=0; while [ $i -lt 300 ]; do : > /srv/k$i; i=$((i+1)); done'
check 'a viewer has seen them' soon 20 grep -Fq '"/srv/k299"' seen
kill -9 "$(number j warden)"
check 'its viewer ends' soon 20 gone $follower
wait $follower
top=$(sed -n '$s/.*"seq": \([0-9]*\).*/\1/p' seen)
after=$(all j)
has 'what was written is there' '"/srv/kept"' "$after"
# The end of the list is a count, when the last second was lost.
sum=$(awk -F '"seq": |,|}' '/"seq"/ { n++ } /"lost"/ { split($0, a, /[^0-9]+/); n += a[2] } END { print n }' <<<"$after")
is 'and all else is counted' "$top" "$sum"
check 'start' gaol start j
is 'numbers go on behind what was seen' "$((top + 1))" "$(all j "$top" | sed -n '1s/.*"seq": \([0-9]*\).*/\1/p')"
check 'and agree with the counts' sh -c "$(declare -f tally); '$GAOL' events j --since 0 --no-follow --json --class all | tally"

# A reader that is slower than the ring: the journal has it.
slow() {
	"$GAOL" events s --since 0 --json --class all >slow.out &
	local reader=$! i=0
	soon 20 test -s slow.out
	kill -STOP $reader
	# In steps: what it cannot keep up with is the reader, not the journal.
	while [ $i -lt 6 ]; do
		inside s "cd /srv && for f in \$(seq 400); do : > $1\$f-with-a-name-that-takes-some-room; done && rm -f $1*"
		i=$((i + 1))
	done
	inside s ": > /srv/end$1"
	kill -CONT $reader
	check "$1: the end is seen" soon 20 grep -Fq "\"/srv/end$1\"" slow.out
	kill $reader
	wait $reader 2>/dev/null
	# It may have been ended in the middle of a line.
	sed -i '/}$/!d' slow.out
}
gaol new s >/dev/null
set_conf s events 'ring = 64K'
gaol start s
slow a
has 'a slow reader loses nothing with a journal' ' 0 lost, from 1 ' "$(tally <slow.out)"
gaol stop s
set_conf s events 'keep = 0'
gaol start s
is 'keep = 0 removes it' '' "$(find "$GAOL_HOME/jails/s/events" -name '*.seg')"
slow b
lost=$(tally <slow.out | sed 's/.*events, \([0-9]*\) lost.*/\1/')
check 'without one, what it loses is told' test "$lost" -gt 1000
check 'exactly' sh -c "$(declare -f tally); tally <slow.out"
gaol stop s
has 'and of a stopped jail that nothing is kept' '^{"lost": [0-9]+}$' "$(all s)"

# A bound that is none.
sed -i 's/^\tkeep = 0$/\tkeep = 100K/' "$GAOL_HOME/jails/s/jail.conf"
has 'too small a bound is refused' 'keep is 0 or at least 256K' "$(gaol start s 2>&1)"
# Damage is passed over, told and counted.
gaol stop j
seg=$(ls "$GAOL_HOME"/jails/j/events/*.seg | head -n 1)
printf 'XXXX' | dd of="$seg" bs=1 seek=100 conv=notrunc 2>/dev/null
has 'damage is told' 'bytes of the journal are damaged' "$(all j 2>&1 >/dev/null)"
check 'and what it took is counted' sh -c "$(declare -f tally); '$GAOL' events j --since 0 --json --class all 2>/dev/null | tally"
check 'it starts all the same' gaol start j

# Refusals, and reads when they are asked for.
gaol new app --profile app >/dev/null
set_conf app events 'reads = yes'
gaol start app
inside app ': > /usr/planted' 2>/dev/null
inside app 'cat /etc/debian_version' >/dev/null
gaol stop app
has 'a refusal, with its reason' 'refuse +/usr/planted  Read-only file system' "$(gaol events app --class denied)"
has 'a first read' 'read +/etc/debian_version' "$(gaol events app --class read)"
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
