#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Resize storms, job control, a terminal that goes away, a crash in each view. Needs no guest.
. "${BASH_SOURCE[0]%/*}/lib.sh"

check 'a jail' gaol new demo

screen 80x24
shows 'started' '^  demo'
press '?'
shows 'help' 'gaol . help'
for i in {1..60}; do
	resize "$((2 + i * 37 % 180))x$((2 + i * 23 % 70))"
	[ $((i % 5)) != 0 ] || press j
done
resize 400x120
shows 'at 400x120' 'gaol . help'
resize 1x1
resize 80x24
shows 'after a storm of sizes' 'gaol . help'
shows 'with its keys' '^ / search'
check 'it still runs' kill -0 "$(program)"
press q Q
ended 'the storm'

# Job control, in a shell that has it.
started=$((started + 1))
mux new-session -d -x 80 -y 24 "env TERM=tmux-256color PS1='ready ' $(command -v bash) --norc --noprofile -i" \; set -g status off
shows 'a shell' '^ready *$'
type_in "$GAOL"
press Enter
shows 'gaol in it' '^  demo +stopped'
press C-z
shows 'Ctrl-z' 'Stopped'
type_in 'stty -a | grep -o "[^-]echo "; echo still $((20 + 3))'
press Enter
shows 'the shell has its terminal' '^still 23'
shows 'which echoes' '^ ?echo'
type_in fg
press Enter
shows 'fg returns' '^  demo +stopped'
press '?'
shows 'with its keys' 'gaol . help'
pid=$(pgrep -P "$(mux list-panes -F '#{pane_pid}')")
kill -TSTP "$pid"
shows 'stopped from outside' '^ready *$|Stopped'
type_in 'echo again $((20 + 4))'
press Enter
shows 'the shell has its terminal again' '^again 24'
type_in fg
press Enter
shows 'and fg returns again' 'gaol . help'
press q Q
shows 'left' '^ready *$'
type_in exit
press Enter

# A terminal that goes, from a program that is not told by a signal.
mkfifo "$work/told"
started=$((started + 1))
mux new-session -d -x 80 -y 24 "trap '' HUP; echo \$\$ >$work/told; exec env TERM=tmux-256color $GAOL" \; set -g status off
read -r pid <"$work/told"
shows 'without SIGHUP' '^  demo|stopped'
mux kill-server
check 'it ends all the same' soon 10 gone "$pid"

cursor_shown() {
	[ "$(mux display -p '#{cursor_flag}')" = 1 ]
}

# A crash in each view gives the terminal back.
for view in jails jail feed log diff tree processes console help messages; do
	screen 80x24
	shows "$view: started" '^  demo'
	press ':' "$view" Enter
	shows "$view" "gaol . (demo|$view)"
	kill -SEGV "$(program)"
	shows "$view: a crash gives the terminal back" '[^-]echo '
	check "$view: and its cursor" soon "$WAIT" cursor_shown
done
finish
