#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# apply: changed modes, owners and attributes come out, mapped, unless the host has changed them too.
. "${BASH_SOURCE[0]%/*}/lib.sh"
mkdir -m 755 "$work/tree"
chmod 755 "$work"
cd "$work/tree" || exit 1
mkdir dir
for f in mode owner attr bits third mine plain; do echo $f >$f; done
chmod 644 -- *[a-z] 2>/dev/null; chmod 755 dir
setfattr -n user.old -v old attr
setfattr -n user.third -v old third
setfattr -n user.host -v kept plain
# Where the same tree stands elsewhere.
mkdir -p "$work/copy$work" && cp -a "$work/tree" "$work/copy$work/"
inside() { gaol exec j -- sh -c "cd '$work/tree'; $1" </dev/null; }
look() { stat -c '%n %a %u %g' "$@"; }
value() { getfattr --only-values -n "$2" "$1" 2>/dev/null; }

check 'a jail' gaol new j --cow "$work/tree"
check 'start' gaol start j
inside 'chmod 600 mode; chown 5:6 owner dir; setfattr -n user.new -v n attr; setfattr -x user.old attr
chmod 4751 bits; setfattr -n user.third -v jail third; chmod 640 mine; echo more >>plain; chown 7 plain
ln -s x link; mkdir made; setfattr -n user.made -v m made; echo f >file; setfattr -n user.file -v f file; sync'
check 'a checkpoint' gaol checkpoint j -m changes
# The other one: what a third party gave it is told from what was there.
cd "$work/copy$work/tree" || exit 1
setfattr -n user.third -v host third
chmod 666 mine
chown 9 owner
out=$(gaol apply j@2 --to "$work/copy" "$work/tree" 2>&1)
has 'another value' '/third: conflict: .* attributes' "$out"
has 'another mode' '/mine: conflict: .* mode' "$out"
has 'another owner' '/owner: conflict: .* owner' "$out"
fails 'do it: three conflicts' 1 gaol apply j@2 --to "$work/copy" --do "$work/tree"
is 'they stay' 'owner 644 9 0 mine 666 0 0 host' "$(look owner mine | paste -sd ' ') $(value third user.third)"
is 'the others came' 'mode 600 0 0 n' "$(look mode) $(value attr user.new)"
cd "$work/tree" || exit 1
# The host goes on with two of them.
setfattr -n user.third -v host third
chmod 666 mine
out=$(gaol apply j@2 --to / "$work/tree" 2>&1)
has 'a mode would come' "^m .*/mode\$" "$out"
has 'an owner' "^m .*/owner\$" "$out"
has 'an attribute' "^m .*/attr\$" "$out"
has 'not where the host has another value' '/third: conflict: ' "$out"
has 'nor another mode' '/mine: conflict: ' "$out"
is 'told, not done' 'mode 644 0 0' "$(look mode)"
gaol apply j@2 --to / --script "$work/tree" >"$work/script"
is 'the script changes owners' 2 "$(grep -c '^chown -h 5:6 -- ' "$work/script")"
has 'and attributes' "^setfattr -h -n user.new -v 0x6e -- .*/attr'\$" "$(cat "$work/script")"
has 'takes them away too' "^setfattr -h -x user.old -- .*/attr'\$" "$(cat "$work/script")"
fails 'do it: two conflicts' 1 gaol apply j@2 --to / --do "$work/tree"
is 'modes and owners' 'mode 600 0 0 owner 644 5 6 dir 755 5 6 bits 751 0 0' "$(look mode owner dir bits | paste -sd ' ')"
is 'an attribute came' n "$(value attr user.new)"
fails 'one went' 1 getfattr -n user.old attr
is 'a new file brings its own' f "$(value file user.file)"
is 'so does a new directory' m "$(value made user.made)"
is 'the host keeps what it has said since' 'host mine 666 0 0' "$(value third user.third) $(look mine)"
is 'a changed file: its owner' 'plain 644 7 0' "$(look plain)"
is 'its content' more "$(tail -n 1 plain)"
is 'and what the host had on it' kept "$(value plain user.host)"
out=$(gaol apply j@2 --to / "$work/tree" 2>&1)
has 'again: nothing is left to do' '^0 to do, [0-9]+ there already, 2 conflicts' "$out"
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
