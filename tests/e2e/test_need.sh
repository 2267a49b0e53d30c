#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A jail whose jail.conf asks for a wall that the host lacks does not start, and says so in a line.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# As on a host without Landlock; the warden and the guest are below it too.
without() { python3 -B "$root/tests/e2e/nolandlock.py" "$GAOL" "$@"; }
conf=$GAOL_HOME/jails/a/jail.conf
setting() { grep -cE "^[[:space:]]+allow-missing = landlock" "$conf"; }

check 'a jail' gaol new a --memory 64M
sed -i '/^[[:space:]]*allow-missing/d' "$conf"
out=$(without start a 2>&1 </dev/null)
is 'without Landlock it does not start, in a line' \
	'gaol: a: walls: this host has no Landlock: `gaol set a allow-missing=landlock` lets it start without' "$out"
is 'it has failed' failed "$(state a)"
check 'as the line says' gaol set a allow-missing=landlock
is 'jail.conf says it' 1 "$(setting)"
check 'then it starts' without start a
check 'and works' without exec a -- true
has 'audit says what is missing' '^MISSING +landlock' "$(without audit a)"
check 'stop' without stop a
check 'a new one of such a host' without new b --memory 64M
conf=$GAOL_HOME/jails/b/jail.conf
is 'says so itself' 1 "$(setting)"
check 'and starts' without start b
check 'stop it' without stop b
if gaol doctor 2>/dev/null | grep -q '^ok *landlock'; then
	conf=$GAOL_HOME/jails/c/jail.conf
	check 'one of a host with it' gaol new c --memory 64M
	is 'does not' 0 "$(setting)"
fi
fails 'an unknown wall is refused' 1 gaol set a allow-missing=moat

# What not every jail has.
check 'a uid of its own' gaol set a need=uid
if [ "$(id -u)" = 0 ]; then
	check 'root can give one' without start a
	check 'stop it again' without stop a
else
	has 'nobody else can' 'needs a uid of its own' "$(without start a 2>&1)"
	sed -i '/^[[:space:]]*need/d' "$GAOL_HOME/jails/a/jail.conf"
fi
check 'a control group' gaol set a need=cgroup
if out=$(without start a 2>&1 </dev/null); then
	has 'holds it, or' 'cgroup v[12]' "$(gaol ls --json)"
else
	has 'it is refused' '^gaol: .*walls: needs a control group: ' "$out"
fi
gaol rm -f a b c >/dev/null 2>&1
check 'nothing is left' nothing_left
finish
