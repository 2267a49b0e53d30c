#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gaol run on a terminal: its network asks there, between what the program writes, and one key
# answers; on a host that cannot ask there is none, which is told.
. "${BASH_SOURCE[0]%/*}/../e2e/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"
here=$(realpath "${BASH_SOURCE[0]%/*}")
tm() { tmux -L "gr$$" -f /dev/null "$@"; }
trap 's=$?; tm kill-server 2>/dev/null; (exit $s); cleanup' EXIT

echo hello >"$LAB/www/hello"
mkdir "$work/project"
cd "$work/project" || exit 1
type_in() {
	tm kill-server 2>/dev/null
	soon 20 sh -c "! tmux -L gr$$ ls" || bad 'tmux ends'
	tm new-session -d -x 100 -y 30 "export PS1='$ '; trap : INT; $1; echo \"status \$?\"; exec sleep 1000"
}
screen() { tm capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
check_screen() {
	if soon 30 shows "$2"; then ok "$1"; else bad "$1" "no line matches $2 in:
$(screen)"; fi
}
# A key counts when its question has lain there for 0.7 s; before that it is the program's.
answer() {
	sleep 1
	tm send-keys "$1"
	soon 20 shows "$2"
}

get='curl -s -m 60 http://v4.lab.test/hello'
type_in "'$GAOL' run -q -- sh -c 'echo begins; $get; $get; curl -s -m 60 http://other.lab.test/hello; exit 7'"
check_screen 'what the program writes comes first' '^begins$'
check_screen 'it asks, with the process and the name' \
	'^gaol: tcp v4.lab.test \(203.0.113.10\) port 80\? \[y\]es .*\(it says: [0-9]+'
check 'a key answers' answer y 'allowed for this run$'
check_screen 'the program goes on, and is not asked again' 'hello$'
check_screen 'another host is' '^gaol: tcp other.lab.test \(198.51.100.10\) port 80'
is 'nothing waits elsewhere' 1 "$(gaol net --queue | grep -c other.lab.test)"
check 'no is a key too' answer n 'refused for this run$'
check_screen 'the exit status is the program'\''s' 'status 7$'
is 'twice hello, not three times' 2 "$(screen | grep -c 'hello$')"

# A program on a full screen gets its last line back.
cat >full.sh <<'F'
printf '\033[?1049h\033[2J\033[5;1Hfull screen\033[30;1Hlast line'
trap 'printf "\033[30;1Hpainted anew"' WINCH
curl -s -m 60 http://v4.lab.test/hello >/dev/null &
wait $!; wait
until read -r x; do :; done
printf '\033[?1049l'
F
type_in "'$GAOL' run -q -- bash full.sh"
check_screen 'it asks on the last line' '^gaol: tcp v4.lab.test .*\[d\]eny'
check_screen 'the rest stays' '^full screen$'
check 'a key answers' answer y '^painted anew'
check 'the question is gone' eval '! shows "^gaol: tcp"'
tm send-keys Enter
check_screen 'and it ends' '^status 0$'

# Answered from elsewhere
type_in "'$GAOL' run -q -- $get"
check_screen 'it asks' '^gaol: tcp v4.lab.test'
read -r jail id _ < <(gaol net --queue | tail -1)
check 'gaol allow answers too' gaol allow "$jail" "$id" --once
check_screen 'which ends the question here' '(answered elsewhere, or too late|the program has ended)$'
check_screen 'and it goes on' 'hello$'

# A host that cannot ask
type_in "python3 -B '$here/../e2e/noqueue.py' '$GAOL' run -- sh -c '$get || echo offline'"
check_screen 'no NFQUEUE: told in one line' '^gaol: no network: .*NFQUEUE'
check_screen 'and the program runs without' '^offline$'
check 'nothing is left' nothing_left
finish
