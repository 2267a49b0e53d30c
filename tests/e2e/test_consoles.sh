#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Consoles beside the guest's own: each a shell that outlives its viewers, with a past of its own.
. "${BASH_SOURCE[0]%/*}/../screen/lib.sh"

# Several terminals at once, each a tmux; $seat is the one that is looked at.
seat=a
mux() { tmux -L "gaol-test-$$-$seat" -f /dev/null "$@"; }
screen_cleanup() {
	local status=$?
	for seat in a b c d e f g h i; do mux kill-server 2>/dev/null; done
	(exit "$status")
	cleanup
}
at() { seat=$1; }
line() { type_in "$1"; press Enter; }

check 'a jail' gaol new j
fails 'no console 0' 2 gaol attach j:0
fails 'no console 10' 2 gaol attach j:10
check 'start' gaol start j

screen 80x24 attach j:2
line 'x=kept; echo two-$((40+2))'
shows 'console 2: a shell' '^two-42$'
at b
screen 80x24 attach j
line 'echo one-$((10+1))'
shows 'console 1: another shell' '^one-11$'
hides 'console 1 has nothing of 2' 'two-42'
at a
hides 'console 2 has nothing of 1' 'one-11'
press C-] d
ended 'detached'

at c
screen 80x24 attach j:2
shows 'attached again: what it had' '^two-42$'
line 'echo $x$x'
shows 'attached again: the same shell' '^keptkept$'
at d
screen 80x24 attach -r j:2
shows 'read-only: the same console' '^keptkept$'
line 'echo no-$((0+1))'
press C-] d
ended 'read-only: detached'
at c
line 'echo last-$((1+2))'
shows 'read-only: the other types' '^last-3$'
hides 'read-only: no key has arrived' 'no-'

at e
screen 100x30 attach j:2
shows 'two viewers: what it had' '^last-3$'
line 'stty size'
shows 'two viewers: the size of the last who came' '^30 100$'
at c
line 'clear; stty size'
shows 'two viewers: the size of the last who typed' '^24 80$'
at e
shows 'two viewers: both see it' '^24 80$'
line 'exit'
shows 'exit: told' 'j:2: the shell ended'
ended 'exit: the one who typed it'
at c
shows 'exit: the other is told' 'j:2: the shell ended'
ended 'exit: the other'

at f
screen 80x24 attach j:2
line 'echo new-${x:-shell}'
shows 'attached anew: a new shell' '^new-shell$'
shows 'attached anew: behind what the old one had' '^logout$'
check 'pause' gaol pause j
at g
screen 80x24 attach j:3
shows 'paused: none begins, and why' 'j:3: the guest is paused'
shows 'paused: a failure' '^ended with 1'
check 'resume' gaol resume j
is 'it runs on' running "$(state j)"
check 'the end of the guest' gaol kill j
at f
ended 'it ends with the guest'
is 'state' stopped "$(state j)"
has 'stopped: what console 2 had' '^new-shell$' "$(gaol attach --last j:2)"
has 'stopped: what console 1 had' '^one-11$' "$(gaol attach --last j)"
hasnt 'a pipe gets text alone' $'\033' "$(gaol attach --last j:2)"
fails 'of one that was never used nothing' 1 gaol attach --last j:7
check 'start again' gaol start j
at h
screen 80x24 attach j:2
shows 'a next life: what the last one had' '^new-shell$'
line 'echo late-$((2+2))'
shows 'a next life: a new shell' '^late-4$'
kill -9 "$(gaol ls --json | sed -n 's/.*"warden": \([0-9]*\).*/\1/p')"
shows 'kill -9 of the warden: told' 'the warden is gone'
has 'and its console is kept' '^late-4$' "$(gaol attach --last j:2)"
check 'start behind it' soon 20 gaol start j
at i
screen 80x24 attach j:2
shows 'attached behind it: what it had' '^late-4$'
line 'echo more-$((2+3))'
shows 'attached behind it: a new shell' '^more-5$'
finish
