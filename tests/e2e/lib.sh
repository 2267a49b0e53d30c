# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh: for tests in real jails. Sourced; gives each test a home and a runtime directory of its
# own, removes its jails on every way out, and counts.
#
#   check NAME CMD...          passes when CMD succeeds
#   fails NAME STATUS CMD...   passes when CMD ends with STATUS
#   is NAME WANTED GOT         compares two texts
#   has NAME PATTERN TEXT      TEXT has a line that grep -E PATTERN finds; hasnt: none
#   soon SECONDS CMD...        true as soon as CMD succeeds, false at the deadline
#   gaol ...                   the program under test
#   state NAME                 the state of a jail as ls tells it
#   gone PID                   true when a process has ended
#   finish                     the closing line; call it last
set -u
root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
GAOL=${GAOL:-$root/gaol}
passed=0 failed=0

# Short: RUN/NAME/sock must fit a socket's path.
work=$(mktemp -d /tmp/gt.XXXXXX) || exit 1
export GAOL_HOME=$work/home GAOL_RUN=$work/run
unset GAOL_PAGER GIT_PAGER NO_COLOR LS_COLORS
export PAGER=cat LC_ALL=C.UTF-8 TERM=${TERM:-xterm}

gaol() {
	"$GAOL" "$@"
}

# Ends what a failed test left, and finds out whether it left anything that gaol should not have.
cleanup() {
	local status=$?
	trap - EXIT
	cd /
	gaol rm -f '*' >/dev/null 2>&1
	awk -v w="$work/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo |
		while read -r m; do umount -l "$m" 2>/dev/null || fusermount3 -uz "$m"; done
	rm -rf "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

ok() {
	passed=$((passed + 1))
	printf 'ok    %s\n' "$1"
}

bad() {
	failed=$((failed + 1))
	printf 'FAIL  %s\n' "$1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | head -n 60 | sed 's/^/      /'
}

check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then
		ok "$name"
	else
		bad "$name" "status $?: $*
$out"
	fi
}

fails() {
	local name=$1 want=$2 out status
	shift 2
	out=$("$@" 2>&1 </dev/null)
	status=$?
	if [ "$status" -eq "$want" ]; then
		ok "$name"
	else
		bad "$name" "status $status, not $want: $*
$out"
	fi
}

is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		bad "$1" "$(diff -u --label wanted --label got <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
	fi
}

has() {
	if grep -Eq -- "$2" <<<"$3"; then
		ok "$1"
	else
		bad "$1" "no line matches $2 in:
$3"
	fi
}

hasnt() {
	if grep -Eq -- "$2" <<<"$3"; then
		bad "$1" "a line matches $2 in:
$3"
	else
		ok "$1"
	fi
}

# A process that has ended, whether or not somebody has reaped it.
gone() {
	! grep -Eq '^State:[[:space:]]+[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

state() {
	gaol ls --json | sed -n 's/.*"name": "'"$1"'", "state": "\([a-z]*\)".*/\1/p'
}

soon() {
	local until=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$until" ] || return 1
		sleep 0.02
	done
}

# leavings: processes, mounts, sockets and directories of jails in our places.
leavings() {
	find "$GAOL_HOME/jails" "$GAOL_RUN" -mindepth 1 -maxdepth 1 2>/dev/null
	grep -F " $work/" /proc/self/mountinfo
	grep -lF "$work" /proc/[0-9]*/environ 2>/dev/null |
		while read -r f; do
			# Ours, of course: this shell, and what it runs for this look.
			p=${f#/proc/} p=${p%%/*}
			grep -q gaol "/proc/$p/comm" 2>/dev/null && cat "/proc/$p/cmdline" | tr '\0' ' '
		done
}

none_left() { [ -z "$(leavings)" ]; }

# nothing_left: true when they are all gone; a killed process may take its time on a busy machine.
nothing_left() {
	soon 20 none_left || { leavings; return 1; }
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
