#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recording a console, by a command and by jail.conf, and replaying it.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

# cast FILE: checks a recording line by line, then prints the text of its output; markers as <m>,
# the exit status as <x n>, input as <i text>.
cat >cast.py <<'P'
import json, sys
out, last = [], 0.0
with open(sys.argv[1], 'rb') as f:
    head = json.loads(f.readline().decode('utf-8'))
    v = head['version']
    assert v in (2, 3), v
    assert (head['term'] if v == 3 else {'cols': head['width'], 'rows': head['height']})['cols'] > 0
    assert head['timestamp'] > 1e9
    for line in f:
        t, code, data = json.loads(line.decode('utf-8'))
        assert t >= 0 and isinstance(data, str)
        assert v == 3 or t >= last
        last = t
        out.append({'o': data, 'm': '<%s>' % data, 'x': '<x %s>' % data, 'r': '<r %s>' % data,
                    'i': '<i %s>' % data}[code])
sys.stdout.buffer.write(''.join(out).encode('utf-8', 'surrogatepass'))
P
cast() { python3 cast.py "$1"; }
# What no player must be given: controls that are not escaped, bytes that are no UTF-8.
plain() { LC_ALL=C grep -c '[^[:print:][:space:]]' <(iconv -f UTF-8 -t UTF-8 "$1" | LC_ALL=C tr -d '\200-\377'); }

say='printf "\377\376\303(\033]0;title\007\033[31mred\033[0m \303\244 \302\233 end\n"'
check 'a jail' gaol new r -- sh -c "cd /srv; until [ -e go ]; do sleep 0.05; done; $say; until [ -e off ]; do sleep 0.05; done; exit 5"
check 'start' gaol start r
"$GAOL" record r a.cast &
one=$!
"$GAOL" record r b.cast --v2 --input &
two=$!
soon 10 test -s a.cast && soon 10 test -s b.cast
fails 'a file that is there is not written over' 1 gaol record r a.cast
gaol exec r -- touch /srv/go
check 'what the guest says is recorded' soon 10 grep -q 'end' a.cast
check 'a checkpoint' gaol checkpoint r -m x
check 'is a marker' soon 20 grep -q '"m", "checkpoint 2"' a.cast
soon 20 grep -q '"m", "checkpoint 2"' b.cast
gaol exec r -- touch /srv/off
check 'it ends with the jail' soon 10 gone $one
wait $one $two
check 'version 3' sh -c "python3 cast.py a.cast >a.txt"
check 'version 2' sh -c "python3 cast.py b.cast >b.txt"
is 'no raw control' 0 "$(plain a.cast)"
has 'bytes that are no text are replaced' '^��' "$(cat a.txt)"
has 'text passes' 'red.* ä .* end' "$(cat a.txt)"
has 'the exit status' '<x 5>' "$(cat a.txt)"
is 'once' 1 "$(grep -c '"x"' a.cast)"
hasnt 'which version 2 has not' '<x' "$(cat b.txt)"
is 'mode' 600 "$(stat -c %a a.cast)"

for f in a b; do
	check "replay $f" sh -c "'$GAOL' replay --speed 1000 $f.cast >$f.out"
	has "$f: text" 'red.* ä .* end' "$(cat $f.out)"
	hasnt "$f: no title is set" 'title' "$(cat $f.out)"
	is "$f: no 8-bit control, no invalid byte" 0 "$(iconv -f UTF-8 -t UTF-8 $f.out | grep -c $'\302\233')"
done
before=${EPOCHREALTIME/[.,]/}
printf '{"version": 3, "term": {"cols": 80, "rows": 24}}\n# a comment\n[0.3, "o", "x"]\n[0.5, "m", "m"]\n[60, "o", "y\\r\\n"]\n' >t.cast
is 'idle time is cut' xy "$(gaol replay --idle 0.2 t.cast | tr -d '\r\n')"
took=$((${EPOCHREALTIME/[.,]/} - before))
check 'and kept below that' test $took -ge 500000 -a $took -lt 5000000
for bad in 'nonsense' '{"version": 1}' ''; do
	printf '%s\n' "$bad" >bad.cast
	fails "refused: $bad" 1 gaol replay bad.cast
done
printf '{"version": 3, "term": {}}\n[1, "o"]\n' >bad.cast
fails 'refused: an event without data' 1 gaol replay bad.cast
fails 'a speed that is none' 2 gaol replay --speed 0 t.cast

# By jail.conf: from the first byte, each boot in a file of its own, bounded.
sed -i 's/^\[console\]/[console]\n\trecord = yes\n\trecord-size = 64K/' "$GAOL_HOME/jails/r/jail.conf"
gaol start r && gaol wait r --timeout 20
gaol start r && gaol wait r --timeout 20
check 'two boots, two recordings' test -s "$GAOL_HOME/jails/r/recordings/console.cast" -a -s "$GAOL_HOME/jails/r/recordings/console.cast.1"
has 'all that was said' 'red.* ä .* end' "$(cast "$GAOL_HOME/jails/r/recordings/console.cast.1")"
check 'a jail that talks' gaol new loud -- sh -c 'seq 100000; sleep 0.2'
sed -i "s|^\[console\]|[console]\n\trecord = $work/loud.cast\n\trecord-size = 64K|" "$GAOL_HOME/jails/loud/jail.conf"
gaol start loud && gaol wait loud --timeout 30
check 'a recording has a bound' test "$(stat -c %s loud.cast)" -le 65536 -a "$(stat -c %s loud.cast)" -gt 30000
check 'and is whole' sh -c 'python3 cast.py loud.cast >/dev/null'
has 'the log tells' 'recording: ends here: .*record-size' "$(cat "$GAOL_HOME/jails/loud/log")"

# Input, when it is asked for.
if command -v tmux >/dev/null; then
	check 'a jail with a shell' gaol new k
	gaol start k
	"$GAOL" record k i.cast --input &
	one=$!
	"$GAOL" record k o.cast &
	two=$!
	soon 10 test -s i.cast
	tmux -L "gaol$$" -f /dev/null new-session -d -x 90 -y 30 "env GAOL_HOME=$GAOL_HOME GAOL_RUN=$GAOL_RUN $GAOL attach k"
	check 'the size follows the viewer' soon 10 grep -q '"r", "90x30"' o.cast
	tmux -L "gaol$$" send-keys -l 'echo typed$((40+2))'
	tmux -L "gaol$$" send-keys Enter
	check 'it ran' soon 10 grep -q typed42 o.cast
	gaol stop k
	wait $one $two
	tmux -L "gaol$$" kill-server 2>/dev/null
	has 'what was typed' '"i", "e' "$(cat i.cast)"
	hasnt 'not in the other' '"i"' "$(cat o.cast)"
fi
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
