# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh: for tests that press keys and read the screen. Sourced; drives the real program inside a
# tmux of the test's own. Nothing sleeps: each look waits for its text with a deadline.
#
#   screen COLSxROWS [VAR=VALUE...] [gaol's arguments...]   starts the program
#                          RUNNER, when set, runs it: "valgrind ..."
#   press KEY...           keys as tmux names them (Enter, Escape, C-d, ...); words are typed
#   type_in TEXT           types a text as it is
#   shows NAME PATTERN     waits until a line of the screen matches grep -E PATTERN
#   hides NAME PATTERN     waits until none does
#   is_screen NAME FILE    compares the whole screen with FILE (tests/screen/FILE.txt)
#   picture                the screen as text
#   resize COLSxROWS
#   program                its pid
#   ended NAME             waits until the program has ended and the shell is back, and looks at
#                          the terminal's mode
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

WAIT=${WAIT:-20}
started=0

mux() {
	tmux -L "gaol-test-$$-$started" -f /dev/null "$@"
}

screen_cleanup() {
	mux kill-server 2>/dev/null
	cleanup
}
trap screen_cleanup EXIT

# The program runs from a shell that tells how it ended; env words come first.
screen() {
	local size=$1 command
	shift
	mux kill-server 2>/dev/null
	# a server that is still leaving must not be met again
	started=$((started + 1))
	export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
	local -a vars=() args=()
	while [ $# -gt 0 ]; do
		case $1 in
		*=*) vars+=("$1") ;;
		*) args+=("$1") ;;
		esac
		shift
	done
	command="env TERM=tmux-256color ${vars[*]} ${RUNNER-} $GAOL ${args[*]}; echo \"ended with \$?\"; stty -a; exec cat"
	mux new-session -d -x "${size%x*}" -y "${size#*x}" "$command" \; set -g status off \; \
		set -g default-terminal tmux-256color
}

press() {
	mux send-keys "$@"
}

type_in() {
	mux send-keys -l "$1"
}

picture() {
	mux capture-pane -p
}

on_screen() {
	picture | grep -Eq -- "$1"
}

off_screen() {
	! on_screen "$1"
}

shows() {
	if soon "$WAIT" on_screen "$2"; then
		ok "$1"
	else
		bad "$1" "no line matches $2 on:
$(picture)"
	fi
}

hides() {
	if soon "$WAIT" off_screen "$2"; then
		ok "$1"
	else
		bad "$1" "a line matches $2 on:
$(picture)"
	fi
}

same_screen() {
	[ "$(picture)" = "$(cat "$1")" ]
}

# UPDATE=1 writes the files instead: look at what changed before it is committed.
is_screen() {
	local file=$root/tests/screen/$2.txt
	if [ -n "${UPDATE:-}" ]; then
		picture >"$file"
	fi
	if soon "$WAIT" same_screen "$file"; then
		ok "$1"
	else
		is "$1" "$(cat "$file")" "$(picture)"
	fi
}

program() {
	pgrep -P "$(mux list-panes -F '#{pane_pid}')"
}

resize() {
	mux resize-window -x "${1%x*}" -y "${1#*x}"
}

# A screen that was small for a while has pushed lines up: those count as well.
has_ended() {
	mux capture-pane -p -S -100 | grep -q '^ended with 0'
}

ended() {
	if soon "$WAIT" has_ended; then
		ok "$1"
	else
		bad "$1" "$(picture)"
	fi
	shows "$1: the terminal echoes again" '[^-]echo '
}
