#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# learn: from what a jail was seen to do, the least jail.conf for it; and that is enough for it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/used" "$work/idle" "$work/written" && chmod 755 "$work" "$work"/*
echo one >"$work/used/f" && echo two >"$work/idle/f"
conf=$GAOL_HOME/jails/a/jail.conf
does() { gaol exec a -- sh -c "cat $work/used/f && echo x >$work/written/f && echo y >/var/tmp/y && cat /etc/hostname >/dev/null" </dev/null; }

check 'a jail that is shown too much' gaol new a --memory 64M --cow "$work/used" --cow "$work/idle" --cow "$work/written" --hide /usr/share/doc
check 'start' gaol start a
check 'its work' does
out=$(gaol learn a 2>&1)
has 'without reads it says what to do' 'events.reads=yes' "$out"
hasnt 'and hides nothing' '^\+.*access = hide' "$out"
check 'reads are recorded' gaol set a events.reads=yes
check 'restart' gaol restart a
check 'its work again' does
gaol exec a -- mkdir /usr/share/doc </dev/null >/dev/null 2>&1
cp "$conf" "$work/before"
out=$(gaol learn a 2>"$work/notes")
has 'a diff of jail.conf' '^--- a/jail.conf' "$out"
has 'what was only read becomes read' '^\+[[:space:]]+access = read' "$out"
has 'what was never used is hidden' '^\+[[:space:]]+access = hide' "$out"
has 'a refusal is told' '^# refused [0-9]+x: /usr/share/doc$' "$(cat "$work/notes")"
is 'and jail.conf is as it was' "$(cat "$work/before")" "$(cat "$conf")"

check 'the proposal itself' sh -c "'$GAOL' learn a --print 2>/dev/null >'$work/least'"
section() { awk -v s="[path \"$1\"]" '$0 == s { in_ = 1; next } /^\[/ { in_ = 0 } in_ && $1 == "access" { print $3 }' "$work/least"; }
is 'used: read' read "$(section "$work/used")"
is 'idle: hide' hide "$(section "$work/idle")"
is 'written: write' write "$(section "$work/written")"
is '/usr: read' read "$(section /usr)"
is '/var: as it was, by the profile' '' "$(section /var)"
check 'as its jail.conf' cp "$work/least" "$conf"
check 'the jail starts' gaol restart a
check 'and can do its work' does
fails 'and no more: what it had not used' 1 gaol exec a -- test -e "$work/idle/f"
check 'nor can it change what it had read' gaol exec a -- sh -c "! (echo z >$work/used/f) 2>/dev/null"
has 'its audit shows it' '^ok +path +/usr: read' "$(gaol audit a)"
fails 'no jail of that name' 1 gaol learn nobody

gaol rm -f a >/dev/null
check 'nothing is left' nothing_left
finish
