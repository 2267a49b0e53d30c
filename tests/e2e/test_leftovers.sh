#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What killed commands leave is swept by later ones, a removed jail's name is free at once, and a
# guest whose kernel is told to go goes, whatever was under way.
. "${BASH_SOURCE[0]%/*}/lib.sh"

jails=$GAOL_HOME/jails
is_state() { [ "$(state "$1")" = "$2" ]; }

check 'a jail' gaol new j
# Requests under way at the reset never come back: nobody may wait for them.
for how in 'reboot -f' 'poweroff -f' 'echo b >/proc/sysrq-trigger'; do
	check "$how: start" gaol start j
	timeout -s KILL 20 "$GAOL" exec j -- sh -c "for i in 1 2 3; do
		(while :; do find /usr /etc -type f | head -2000 | xargs cat >/dev/null 2>&1; done) &
		done; sleep 0.3; $how; sleep 100" </dev/null >/dev/null 2>&1
	check "$how: it is stopped" soon 20 is_state j stopped
done
hasnt 'no crash is told' 'crashed' "$(gaol events j --since 0 --no-follow --class jail)"

# A remover that was killed: what it had renamed away goes when the next jail is made.
mkdir -p "$jails/.gone-abcdef/upper/x"
n=0
swept() { n=$((n + 1)); gaol new "n$n" && gaol rm -f "n$n" && [ ! -e "$jails/.gone-abcdef" ]; }
check 'a half-removed jail is swept' soon 20 swept
check 'removed' gaol rm -f j
check 'its name is free' gaol new j
is 'nothing else is there' j "$(ls -A "$jails")"

# A client of `run` that was killed between its jail and the jail's warden.
check 'a throw-away jail' gaol new z
sed -i 's/"throwaway": false/"throwaway": true/' "$jails/z/state"
run_sweeps() { gaol run -- true && [ ! -e "$jails/z" ]; }
check 'is swept by the next run' soon 20 run_sweeps

# Each start right behind a removal under the same name.
for i in $(seq 8); do
	gaol start j >/dev/null && gaol rm -f j && gaol new j || bad "$i: rm, new, start"
done
ok 'rm -f, new, start'
finish
