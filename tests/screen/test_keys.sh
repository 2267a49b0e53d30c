#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The console program without any guest: empty state, making and removing, help, prompt, filter,
# sizes, a terminal without UTF-8, and the ways out.
. "${BASH_SOURCE[0]%/*}/lib.sh"

screen 80x24
shows 'the first start says what to do' 'No jails yet'
is_screen 'the empty state' empty-80x24
press '+'
shows 'a name is asked for' '^new jail, name:'
type_in demo
press Enter
shows 'a jail is made' 'demo is made'
shows 'and listed' '^  demo +stopped +256M  #1'
press : 'new web app' Enter
shows 'by a command line, with a profile' '^  web +stopped'
check 'the profile is written' grep -q 'profile = app' "$GAOL_HOME/jails/web/jail.conf"
press : 'new Bad' Enter
shows 'a bad name is refused' 'Bad:'
press : n e Tab
shows 'several completions are listed' '^ net  new  next-file  next-pane  next-part'
press C-u 'sto' Tab 'w' Tab
shows 'completion of a jail' '^:stop web'
press C-c
hides 'given up' '^:'
press : 'foo' Enter
shows 'an unknown command' 'unknown command foo'
press : re Enter
shows 'one that could be several' 're could be several commands'
press : Up
shows 'history' '^:re'
press C-c

press '?'
shows 'help' 'gaol . help'
press / 'rollback' Enter
shows 'is searched' 'undo: back to the last'
press '&' 'attach' Enter
shows 'and filtered' '& attach'
hides 'down to what matches' 'page-down'
press Escape
shows 'Esc clears the filter' 'help'
hides 'first' '& attach'
press Escape Escape
shows 'then the search, then goes back' 'gaol . jails'

press Q
ended 'Q leaves'
screen 80x24
shows 'history is kept: started' 'demo'
press : Up
shows 'history is kept' '^:re'
press C-c

press '&' 'web' Enter
hides 'a filter on jails' '^  demo'
press q
shows 'q clears it' '^  demo'
press q
shows 'q does not leave the last view' 'Q leaves gaol'

press G D
shows 'removing asks, with counts' 'x deletes web for good: 0 files \(0\), 1 checkpoint'
press D
shows 'the same key again is no yes' 'web is kept'
press D
shows 'asked again' 'x deletes web'
press x
shows 'x is' 'web is deleted'
hides 'gone from the list' '^  web'
check 'and from the disk' test ! -e "$GAOL_HOME/jails/web"

press '@'
shows 'the command log' 'gaol rm web'
press q m
shows 'messages' 'web is deleted'
press q

resize 40x10
shows 'at 40x10' '^  demo +stopped +#1 '
shows 'keys at 40x10' '^ Enter open  a console     . help   1/1'
press '?'
shows 'help at 40x10' '^ Steering'
press q
resize 20x4
resize 200x60
shows 'at 200x60' '^  demo +stopped'
resize 80x24
shows 'and back' '^  demo +stopped'

press C-z
shows 'Ctrl-z: a shell without job control ends the wait at once' 'demo'
mux send-keys C-c
ended 'Ctrl-c leaves'

screen 80x24 --read-only
shows 'read-only says so' 'read-only'
press c
shows 'and refuses' 'checkpoint: this console was started with --read-only'
press D
hides 'no question' 'x deletes'
press Q
ended 'read-only'

screen 80x24 LC_ALL=C
shows 'a C locale has ASCII' '^ gaol > jails'
press Q
ended 'C locale'
screen 80x24 NO_COLOR=1 TERM=vt100
shows 'vt100 without colours' 'jails'
press Q
ended 'vt100'
screen 80x24 TERM=linux
shows 'a Linux console' '^  demo'
press Q
ended 'a Linux console'

mkdir -p "$work/config/gaol"
printf '%s\n' 'unbind jails D' 'bind generic x quit' 'bind generic y chekpoint' >"$work/config/gaol/keys"
screen 80x24
shows "a bad line in the user's keys is told" 'keys:3: unknown command chekpoint'
press D
shows 'an unbound key' 'D is not bound here'
press x
ended 'a key of the user'

screen 80x24
shows 'killed: started' '^  demo'
pid=$(program)
check 'the program is found' test -n "$pid"
kill -TERM "$pid"
ended 'told to end'
screen 80x24
shows 'lost: started' '^  demo'
pid=$(program)
mux kill-server
check 'a lost terminal ends the program' soon 20 gone "$pid"
screen 80x24
shows 'crash: started' '^  demo'
pid=$(program)
kill -SEGV "$pid"
shows 'a crash gives the terminal back' '[^-]echo '
finish
