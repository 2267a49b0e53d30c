# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# What the user sees: one-line errors, and progress on stderr.

child=		# process group of the phase that runs
work=		# private directory, removed on every way out
log=		# where a phase's output goes; a function may set its own
why=		# reason of the last failure, for the line that reports it

say() { printf 'gaol: kernel: %s\n' "$*" >&2; }

# die WHY WHAT-TO-DO
die() {
	end_line
	say "$1: $2"
	exit 1
}

interrupted() {
	trap '' INT TERM HUP
	die "interrupted" "run it again, nothing half-made is left"
}

# On every exit: no process and no directory stays behind.
tidy() {
	[ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null
	[ -z "$child" ] || wait "$child" 2>/dev/null
	[ -z "$work" ] || rm -rf "$work"
}

line_open=
end_line() {
	[ -z "$line_open" ] || printf '\n' >&2
	line_open=
}

# show TEXT: rewrites one line on a terminal.
show() {
	if [ -t 2 ]; then
		printf '\r\033[Kgaol: kernel: %s' "$1" >&2
		line_open=yes
	else
		say "$1"
	fi
}

# report NAME PERCENT: "compiling  43%  1:12"
report() {
	local part=
	[ -z "$2" ] || part=$(printf '%3d%%  ' "$2")
	show "$(printf '%-11s %s%d:%02d' "$1" "$part" $((SECONDS / 60)) $((SECONDS % 60)))"
}

# phase NAME PERCENT-FUNCTION COMMAND...: runs COMMAND with its output in $log and reports
# how far it is. It gets a session of its own, so that tidy can end the whole tree, and not the
# lock, which must not outlive this script.
phase() {
	local name=$1 percent=$2 next=0 step=10 status
	shift 2
	[ ! -t 2 ] || step=1
	# The sh between keeps bash from announcing a command that dies by a signal, as UML does.
	# shellcheck disable=SC2016
	setsid sh -c '"$@"; exit $?' sh "$@" >>"$log" 2>&1 </dev/null 9>&- &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		if [ $SECONDS -ge $next ]; then
			report "$name" "$($percent)"
			next=$((SECONDS + step))
		fi
		sleep 0.2
	done
	wait "$child"
	status=$?
	child=
	end_line
	return $status
}

# share DONE ALL: a percentage that never claims the end before it is there.
share() {
	[ "${2:-0}" -gt 0 ] || return 0
	local p=$((100 * $1 / $2))
	echo $((p > 99 ? 99 : p))
}

unknown() { :; }
