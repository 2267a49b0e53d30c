#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# new, ls, start, stop, exec, wait, events, rm, and what ls says after a kill.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

check 'new' gaol new a --memory 128M --note 'first one'
fails 'the name is taken' 1 gaol new a
fails 'a name with a slash' 1 gaol new a/b
fails 'a name in capitals' 1 gaol new Upper
fails 'a size that is none' 2 gaol new b --memory 12Q
fails 'a directory that is not there' 2 gaol new b --cow "$work/none"
fails 'all of the host' 2 gaol new b --cow /
check 'none of those were made' test "$(ls "$GAOL_HOME/jails")" = a
has 'ls shows it' '^a +stopped +- +128M +1 \(.*\) +first one$' "$(gaol ls)"
is 'ls --json too' stopped "$(state a)"
fails 'exec needs it to run' 1 gaol exec a -- true
fails 'no such jail' 1 gaol start nosuch
fails 'a pattern that matches nothing' 1 gaol start 'x*'

check 'start' gaol start a
check 'again: nothing to do' gaol start a
is 'it runs' running "$(state a)"
check 'wait for what it is' gaol wait a running --timeout 1
fails 'wait for what it is not, with a limit' 1 gaol wait a stopped --timeout 0.3
fails 'wait for a word that is no state' 2 gaol wait a happy
is 'exec' 'root /root' "$(gaol exec a -- sh -c 'echo $(id -un) $PWD')"
is 'exec as somebody, somewhere, with something' 'daemon /etc v' \
	"$(gaol exec -u daemon -w /etc -e K=v a -- sh -c 'echo $(id -un) $PWD $K')"
fails 'its exit status' 9 gaol exec a -- sh -c 'exit 9'
fails 'a user that is not there' 1 gaol exec -u nobody-such a -- true
fails 'a directory that is not there' 1 gaol exec -w /none a -- true
is 'a terminal of the guest'\''s with -t' '/dev/pts' "$(gaol exec -t a -- tty | cut -c 1-8)"
check 'its command line is passed as it is' test "$(gaol exec a -- printf '%s|' 'a b' '$c' "d'e" '')" = "a b|\$c|d'e||"

# Events, live and from the ring.
"$GAOL" events a --json -n 2 --path '/root/ev*' >"$work/ev" &
watcher=$!
# The watcher is there once the warden has a second client; ask until its answer holds.
check 'events come' soon 20 sh -c "'$GAOL' exec a -- sh -c 'echo x > /root/ev\$\$; mv /root/ev\$\$ /root/evil'; ! kill -0 $watcher"
has 'with their path' '"path": "/root/ev' "$(cat "$work/ev")"
is 'as many as asked for' 2 "$(wc -l <"$work/ev")"
gaol exec a -- sh -c 'mkdir /srv/d; echo hello > /srv/d/f; chmod 600 /srv/d/f; mv /srv/d/f /srv/d/g; rm /srv/d/g; rmdir /srv/d'
check 'what was done before can be read' soon 20 sh -c "'$GAOL' events a --since 0 --no-follow | grep -q rmdir"
out=$(gaol events a --since 0 --no-follow --path '/srv/d*')
has 'mkdir' 'mkdir +/srv/d ' "$out"
has 'create' 'create +/srv/d/f ' "$out"
has 'write, with its bytes' 'write +/srv/d/f  6 ' "$out"
has 'chmod, with its mode' 'chmod +/srv/d/f  0600 ' "$out"
has 'rename, with both names' 'rename +/srv/d/f -> /srv/d/g' "$out"
has 'unlink' 'unlink +/srv/d/g' "$out"
has 'rmdir' 'rmdir +/srv/d ' "$out"
hasnt '--class' 'state' "$(gaol events a --since 0 --no-follow --class change)"
fails 'a class that is none' 2 gaol events a --class nonsense
fails 'a number that is none' 2 gaol events a --since x

fails 'rm refuses what runs' 1 gaol rm a
check 'stop' gaol stop a
check 'again: nothing to do' gaol stop a
is 'it is stopped' stopped "$(state a)"
has 'its events can still be read' 'rmdir +/srv/d ' "$(gaol events a)"

# Written data lives on; the main command's end is the jail's.
check 'a second start' gaol start a
check 'with what was written' gaol exec a -- test -e /root/evil
check 'a jail with a command' gaol new cmd -- sh -c 'echo done > /root/done; exit 3'
gaol start cmd >/dev/null 2>&1
check 'ends by itself' gaol wait cmd stopped --timeout 20
is 'and did its work' done "$(gaol cat cmd:/root/done)"
has 'its exit status is known' '"exit_status": 768, "exit_code": 3' "$(gaol ls --json)"
check 'a command that is not there' gaol set cmd command=/no/such/thing
gaol start cmd >/dev/null 2>&1
is 'status 127' 127 "$(gaol wait cmd --timeout 20 >/dev/null 2>&1; echo $?)"
has 'and ls says why' 'cmd +stopped.*cannot be run: exec /no/such/thing: No such file' "$(gaol ls)"

# The truth after a kill.
warden=$(gaol ls --json | sed -n 's/.*"name": "a".*"warden": \([0-9]*\).*/\1/p')
guest=$(gaol ls --json | sed -n 's/.*"name": "a".*"guest": \([0-9]*\).*/\1/p')
gaol exec a -- sh -c 'echo kept > /root/kept; sync'
kill -9 "$warden"
check 'the guest goes with its warden' soon 20 gone "$guest"
is 'ls tells the truth' crashed "$(state a)"
has 'and why' 'the warden was killed' "$(gaol ls)"
check 'nothing stays mounted' sh -c "! grep -F ' $GAOL_RUN' /proc/self/mountinfo"
check 'start brings it back' gaol start a
is 'with every byte that was synced' kept "$(gaol exec a -- cat /root/kept)"

# Kill: the guest at once; a warden that does not answer as well.
check 'kill' gaol kill a
is 'it is stopped' stopped "$(state a)"
check 'again: nothing to do' gaol kill a
is 'what was synced is there' kept "$(gaol cat a:/root/kept)"
check 'start' gaol start a
warden=$(gaol ls --json | sed -n 's/.*"name": "a".*"warden": \([0-9]*\).*/\1/p')
kill -STOP "$warden"
check 'kill of one whose warden is stopped' gaol kill a
check 'it is gone' soon 20 gone "$warden"
check 'start again' gaol start a

# The console program's death does not matter to a jail.
"$GAOL" events a >/dev/null &
kill -9 $!
check 'a client is killed, the jail runs on' gaol exec a -- true

check 'rm -f by pattern' gaol rm -f 'a' 'c*'
check 'nothing is left' nothing_left
finish
