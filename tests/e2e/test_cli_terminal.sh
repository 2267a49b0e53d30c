#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The verbs on a terminal: run's question, exec and attach with a terminal of the guest's, rm's
# question, Ctrl-C. Driven by keys in tmux, read as text.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1
mkdir project
cd project || exit 1
tm() { tmux -L "gt$$" -f /dev/null "$@"; }
trap 's=$?; tm kill-server 2>/dev/null; (exit $s); cleanup' EXIT

# type_in COMMAND: a new terminal with a command and then its exit status.
type_in() {
	tm kill-server 2>/dev/null
	soon 20 sh -c "! tmux -L gt$$ ls" || bad 'tmux ends'
	tm new-session -d -x 100 -y 30 "export PS1='$ '; trap : INT; $1; echo \"status \$?\"; exec sleep 1000"
}
screen() { tm capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
check_screen() {
	if soon 20 shows "$2"; then ok "$1"; else bad "$1" "no line matches $2 in:
$(screen)"; fi
}
keys() { tm send-keys "$@"; }

# The question after run.
type_in "'$GAOL' run -- sh -c 'echo hi > /tmp/a; tty; stty size; exit 7'"
check_screen 'the program has a terminal of the guest' '^/dev/pts/0$'
check_screen 'as large as this one' '^30 100$'
check_screen 'changes are listed' '^A /tmp/a$'
check_screen 'then it asks' '\[d\]iff, .*\[k\]eep .*\[Enter\] discard'
keys d Enter
check_screen 'd shows the diff' '^\+hi$'
keys Enter
check_screen 'Enter discards' '^status 7$'
check 'nothing is left' nothing_left

type_in "'$GAOL' run -- touch /tmp/b"
check_screen 'it asks again' '\[k\]eep'
keys k Enter
check_screen 'k asks for a name' 'Its name \[run-'
keys 'No Name' Enter
check_screen 'not for any' 'A name has'
keys 'mine' Enter
check_screen 'it is kept' 'kept as mine'
is 'with what it wrote' $'A\t/tmp/b' "$(gaol diff mine base --name-status)"

type_in "'$GAOL' run -- true"
check_screen 'no changes, no question' '^status 0$'

# Interactive programs.
type_in "'$GAOL' run -q -- sh"
check_screen 'a shell' '^[#$]'
keys 'cat' Enter
keys 'typed' Enter
check_screen 'what is typed arrives' '^typed$'
keys C-c
keys 'echo alive $((40 + 2))' Enter
check_screen 'Ctrl-C is for the program in the jail' '(^|^# )alive 42$'
keys 'exit 3' Enter
check_screen 'and its end is ours' '^status 3$'

# The console.
gaol start mine
type_in "'$GAOL' attach mine"
check_screen 'attach says how to leave' 'Ctrl-\] d detaches'
keys Enter
check_screen 'a prompt' '[#$] ?$'
keys 'echo on $((6 * 7)) the console' Enter
check_screen 'the console answers' '^on 42 the console'
keys C-]
keys d
check_screen 'the two keys detach' '^status 0$'
is 'the jail runs on' running "$(state mine)"

# Ctrl-C ends what follows.
type_in "'$GAOL' events mine"
# Until the watcher is there nobody shows anything: touch until it does.
check 'events appear' soon 20 sh -c "'$GAOL' exec mine -- touch /srv/seen; tmux -L gt$$ capture-pane -p | grep -q /srv/seen"
keys C-c
check_screen 'Ctrl-C ends them' 'status 130$'

# rm asks.
gaol stop mine
type_in "'$GAOL' rm mine"
check_screen 'rm asks' 'Remove mine.*\[y/N\]'
keys Enter
check_screen 'Enter is no' '^status 1$'
is 'it is still there' stopped "$(state mine)"
type_in "'$GAOL' rm mine"
check_screen 'rm asks again' 'Remove mine'
keys y Enter
check_screen 'y is yes' '^status 0$'

# A terminal that goes away takes a throw-away jail with it.
type_in "'$GAOL' run -- sleep 1000"
check 'one runs' soon 20 sh -c "[ -n \"\$(ls '$GAOL_HOME/jails')\" ] && '$GAOL' ls | grep -q running"
tm kill-server
check 'its terminal is closed: nothing is left' nothing_left
finish
