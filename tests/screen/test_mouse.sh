#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mouse: select, open, scroll, drag, and left to the terminal by a key. Needs no guest.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# mouse BUTTON X Y: an event as an xterm tells it: 32 pressed, 35 released, 64 moved, 96 and 97
# the wheel. X and Y count from 1.
mouse() {
	mux send-keys -H 1b 5b 4d "$(printf '%x' "$1")" "$(printf '%x' $((32 + $2)))" "$(printf '%x' $((32 + $3)))"
}
click() {
	mouse 32 "$1" "$2"
	mouse 35 "$1" "$2"
}

for n in one three two; do
	check "a jail $n" gaol new "$n"
done
screen 80x24
shows 'listed' '^  two +stopped'
shows 'on the first' '1/3'
click 5 5
shows 'a press selects' '3/3'
mouse 96 5 4
shows 'the wheel has nowhere to go' '3/3'
click 5 40
shows 'nor has a press beside the rows' '3/3'
click 5 4
shows 'the second' '2/3'
click 5 4
shows 'twice opens' 'gaol . three'
press q
shows 'back' '2/3'
click 16 2
shows 'a press on a head sorts' 'jails  by state'
click 4 2
shows 'and back' 'jails +[0-9]|by name'
press '?'
shows 'help, from its beginning' '^ Steering'
mouse 97 5 10
mouse 97 5 10
hides 'the wheel scrolls' '^ Steering'
mouse 96 5 10
mouse 96 5 10
shows 'and back' '^ Steering'
press q
press D
shows 'a question' 'x deletes three'
click 5 3
shows 'is not answered by a press' 'x deletes three'
press n
shows 'but by a key' 'three is kept'

# The line between two panes.
resize 120x30
shows 'wide' '2/3'
press d
shows 'two panes' '│'
# line_at COLUMN: the line between the panes stands there.
line_at() {
	picture | sed -n 5p | grep -Eq "^.{$(($1 - 1))}│"
}
check 'the line is where it always is' soon "$WAIT" line_at 49
# dragged FROM TO WHERE: the line, taken at FROM and moved to TO, stands at WHERE.
dragged() {
	mouse 32 "$1" 5
	mouse 64 "$2" 5
	soon 2 line_at "$3"
}
check 'it follows the mouse' soon "$WAIT" dragged 49 60 60
mouse 64 119 5
check 'but leaves both panes their room' soon "$WAIT" line_at 104
mouse 35 80 5
check 'and stays' soon "$WAIT" line_at 80
press q q
shows 'the list again' 'gaol . jails'
press d
check 'the line is kept' soon "$WAIT" line_at 80
press q

press M
shows 'a key leaves the mouse to the terminal' 'the mouse is left to the terminal'
on() {
	[ "$(mux display -p '#{mouse_any_flag}')" = "$1" ]
}
check 'which is not asked for it any more' soon "$WAIT" on 0
press M
shows 'and takes it again' 'the mouse is used here'
check 'it is asked for' soon "$WAIT" on 1
pid=$(program)
kill -SEGV "$pid"
shows 'a crash' '[^-]echo '
check 'gives it back' soon "$WAIT" on 0

# Another way to tell the same.
screen 80x24 TERM=xterm-256color
shows 'again' '1/3'
mux send-keys -l $'\033[<0;5;5M'
mux send-keys -l $'\033[<0;5;5m'
shows 'a press' '3/3'
press Q
ended 'the end'
check 'and leaves the terminal without it' soon "$WAIT" on 0
finish
