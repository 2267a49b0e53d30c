#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One viewer is stopped while the guest writes for ever: the others and the guest keep their speed,
# and when it goes on it gets the newest and the exact number of bytes that it has missed.
# STOPPED=60: for a whole minute as well, beside a minute with both.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1
rounds=${ROUNDS:-5}

size() { stat -c %s "$1"; }
# speed: bytes a second that the viewer who is never stopped gets.
speed() { local a; a=$(size a.cast); sleep 1; echo $(($(size a.cast) - a)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# seen FILE: bytes of output, and bytes that a marker says are lost.
cat >seen.py <<'P'
import json, re, sys
out = lost = 0
with open(sys.argv[1], encoding='utf-8') as f:
    f.readline()
    for line in f:
        t, code, data = json.loads(line)
        if code == 'o':
            out += len(data.encode())
        m = code == 'm' and re.fullmatch(r'(\d+) bytes lost', data)
        lost += int(m[1]) if m else 0
print(out, lost)
P

check 'a jail' gaol new y -- sh -c 'stty -echo; cd /srv; until [ -e go ]; do sleep 0.05; done
	while [ ! -e off ]; do yes 0123456789012345678901234567890123456789 | head -c 1000000; done; echo the end'
check 'start' gaol start y
"$GAOL" record y a.cast &
a=$!
"$GAOL" record y b.cast &
b=$!
soon 10 test -s a.cast
soon 10 test -s b.cast
soon 10 sh -c "'$GAOL' ls --json | grep -q '\"viewers\": 2'"
gaol exec y -- touch /srv/go
soon 10 sh -c "[ \$(stat -c %s a.cast) -gt 100000 ]"
# In turns, since the machine has other work too; what held up the others would do so each time.
for attempt in 1 2 3; do
	: >with >without
	for ((i = 0; i < rounds; i++)); do
		kill -CONT $b
		speed >>with
		kill -STOP $b
		sleep 0.2 # its socket fills
		speed >>without
	done
	both=$(median <with) one=$(median <without)
	[ $((one * 100)) -lt $((both * 95)) ] || break
done
echo "      $both bytes/s with both viewers, $one with one of them stopped: $((one * 100 / both)) %"
check 'the other viewer keeps 95 % of its speed' test $((one * 100)) -ge $((both * 95))
if [ "${STOPPED-}" ]; then
	: >with >without
	for ((i = 0; i < STOPPED; i++)); do speed >>without; done
	kill -CONT $b
	for ((i = 0; i < STOPPED; i++)); do speed >>with; done
	kill -STOP $b
	both=$(median <with) one=$(median <without)
	echo "      $STOPPED s each: $both bytes/s with both, $one with one stopped: $((one * 100 / both)) %"
	check "stopped for $STOPPED s: 95 %" test $((one * 100)) -ge $((both * 95))
fi
check 'the console answers' timeout -s KILL 10 "$GAOL" exec y -- true
kill -CONT $b
gaol exec y -- touch /srv/off
check 'it ends' gaol wait y --timeout 30
wait $a $b
read -r a_out a_lost <<<"$(python3 seen.py a.cast)"
read -r b_out b_lost <<<"$(python3 seen.py b.cast)"
echo "      one viewer got $a_out bytes and lost $a_lost, the other $b_out and $b_lost"
check 'the stopped one lost some' test "$b_lost" -gt 0
is 'and was told how many' $((a_out + a_lost)) $((b_out + b_lost))
has 'it has the newest' 'the end' "$(tail -n 5 b.cast)"
gaol rm -f y >/dev/null
check 'nothing is left' nothing_left
finish
