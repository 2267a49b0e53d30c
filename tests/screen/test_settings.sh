#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gaol.conf and keys: what they set, what is told about bad lines, and that a change of theirs counts
# at once. Needs no guest.
. "${BASH_SOURCE[0]%/*}/lib.sh"

conf=$work/config/gaol
mkdir -p "$conf"
check 'a jail' gaol new demo

# settings TEXT: replaces gaol.conf as editors do.
settings() {
	printf '%s\n' "$1" >"$conf/new" && mv "$conf/new" "$conf/gaol.conf"
}

settings '[console]
	theme = pink
	read-only = yes
[keys]
	map = vi'
screen 80x24
shows 'a bad line is told, with its place' 'gaol.conf:2: theme: not a value: pink'
shows 'the others count' 'read-only'
press s
shows 'nothing is steered' 'start: this console has read-only = yes in gaol.conf'
press ':' ' help' Enter
shows 'help' 'gaol . help'
press / 'to the first row' Enter
shows 'has the keys of vi' '  gg +first .*to the first row'
press q q
shows 'back in the list' 'gaol . jails'
press g
shows 'a sequence is shown while it is typed' '^ g-'
press g

settings '[keys]
	map = emacs'
shows 'a change counts at once' 'are read again'
hides 'and may be steered' 'read-only'
press C-x C-c
ended 'with the keys of Emacs'

settings ''
screen 80x24
shows 'started' '^  demo'
printf '%s\n' 'include default' 'bind generic X quit' 'bind generic X help' >"$conf/keys"
shows 'a conflict is told, with its place' 'keys:3: X is bound in line 2 already'
printf '%s\n' 'unbind * *' 'bind generic y quit' >"$conf/keys"
shows 'keys are read again' 'are read again'
press q
shows 'all can be unbound' 'q is not bound here'
press y
ended 'down to one'
rm "$conf/keys"

# The same screen in every theme: nothing is told by a colour alone.
plain=
# Ages grow meanwhile.
ageless() {
	picture | sed 's/[0-9][0-9]*[smh]/AGE/g' | tr -s ' '
}
same_text() {
	[ "$(ageless)" = "$plain" ]
}
for theme in dark light mono; do
	settings "[console]
	theme = $theme"
	screen 80x24
	shows "$theme" '^  demo +stopped'
	[ -n "$plain" ] || plain=$(ageless)
	check "$theme has the same text" soon "$WAIT" same_text
	coloured=$(mux capture-pane -pe | grep -c $'\033\\[[0-9;]*[34]8')
	case $theme in
	mono) is 'mono has no colour' 0 "$coloured" ;;
	*) check "$theme has colours" test "$coloured" -gt 0 ;;
	esac
	press Q
	ended "$theme"
done
settings '[console]
	theme = dark
	colours = 8
	lines = ascii'
screen 80x24
shows 'eight colours' '^  demo'
shows 'ASCII where it is wished for' '^ gaol > jails'
is 'none of the 256' 0 "$(mux capture-pane -pe | grep -c $'\033\\[[0-9;]*38;5')"
press Q
ended 'eight'
settings ''
screen 80x24 NO_COLOR=1
shows 'NO_COLOR' '^  demo'
is 'has none' 0 "$(mux capture-pane -pe | grep -c $'\033\\[[0-9;]*3[0-8]')"
press Q
ended 'NO_COLOR'
finish
