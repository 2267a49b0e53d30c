#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of clients, warden and guest: told truthfully, nothing hangs, nothing fsync'ed is lost.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- sh -c "$1" </dev/null; }
number() { gaol ls --json | sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p'; }
kernel_of() { pgrep -P "$(pgrep -P "$(pgrep -P "$1" bwrap | head -1)" | head -1)" | head -1; }
in_state() { [ "$(state j)" = "$1" ]; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

check "new" gaol new j
check "start" gaol start j

# A client dies: the jail runs on.
"$GAOL" events j >/dev/null 2>&1 &
client=$!
soon 20 inside true
kill -9 $client
wait $client 2>/dev/null
is "a client killed: the jail runs" running "$(state j)"
check "and answers" inside true

# The warden dies.
inside 'echo kept > /srv/kept; sync; dd if=/dev/zero of=/srv/big bs=1M count=8 conv=fsync 2>/dev/null'
warden=$(number warden)
kernel=$(kernel_of "$warden")
check "the guest is there" test -d "/proc/$kernel"
kill -9 "$warden"
check "the guest is gone within a second" soon 20 gone "$kernel"
is "ls tells the truth" crashed "$(state j)"
has "with the reason" 'warden was killed' "$(gaol ls --json)"
is "nothing stays mounted" "" "$(grep -F " $work/" /proc/self/mountinfo)"
check "start brings it back" gaol start j
is "with what was synced" kept "$(inside 'cat /srv/kept')"
is "and what was fsync'ed" 8388608 "$(inside 'stat -c %s /srv/big')"

# The guest's kernel dies.
warden=$(number warden)
kill -9 "$(kernel_of "$warden")"
check "a killed guest is told" soon 20 in_state crashed
is "state" crashed "$(state j)"
has "with the reason" 'signal 9' "$(gaol ls --json)"
check "start brings it back" gaol start j
is "with its files" kept "$(inside 'cat /srv/kept')"

# A panic inside is recognised.
gaol exec j -- sh -c 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger' >/dev/null 2>&1 </dev/null
soon 20 in_state crashed
is "a panic is a crash" crashed "$(state j)"
has "and its reason is kept" 'Kernel panic' "$(gaol ls --json)"
check "start after a panic" gaol start j

# An unnamed jail ends with its client.
"$GAOL" run -- sleep 1000 >/dev/null 2>&1 </dev/null &
client=$!
check "a throw-away jail runs" soon 10 sh -c "'$GAOL' ls --json | grep -q '\"run-'"
soon 10 sh -c "'$GAOL' ls --json | grep -A1 '\"run-' | grep -q running"
kill -9 $client
wait $client 2>/dev/null
check "gone within a second of its client" soon 20 sh -c "! ls '$GAOL_HOME/jails' | grep -q run-"

# Names and contents with escape sequences reach no terminal.
inside "printf 'x' > \"\$(printf '/srv/\033[31mred\033]0;title\007\302\233')\""
inside "printf 'a\033[2Jb\n' > /srv/text"
for out in "$(gaol diff j --name-status)" "$(gaol diff j)" "$(gaol events j -n 5 --since 0)" "$(gaol ls)" "$(gaol log j)"; do
	is "no control byte" "" "$(tr -d '[:print:]\n\t' <<<"$out" | LC_ALL=C tr -d '\200-\377')"
done
gaol rm -f j >/dev/null
check "nothing is left" nothing_left
finish
