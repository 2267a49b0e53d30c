#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the warden, of any process of a guest or of a viewer, chosen at random, while the guest
# works: the state is told truthfully within a second, no process and no mount is left, a start brings back
# what was synced, and the console's last words are kept. KILLS=20 by default.
. "${BASH_SOURCE[0]%/*}/lib.sh"
kills=${KILLS:-20}
RANDOM=${SEED:-$$}
echo "      SEED=$RANDOM"

number() { gaol ls --json | sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p'; }
below() { local c; [ "${1:-0}" -gt 1 ] || return; echo "$1"; for c in $(pgrep -P "$1"); do below "$c"; done; }
watched() { gaol ls --json | grep -q '"viewers": [1-9]'; }
told() { case $(state k) in crashed | stopped | failed) true ;; *) false ;; esac; }
all_gone() { local p; for p; do gone "$p" || return 1; done; }

check 'a jail' gaol new k
for ((i = 1; i <= kills; i++)); do
	gaol start k >/dev/null || bad "$i: start"
	[ $((i % 3)) -ne 0 ] || gaol exec k -- sh -c 'while :; do ls / >/dev/null; echo x >> /srv/x; done' >/dev/null 2>&1 </dev/null &
	gaol exec k -- sh -c "echo $i > /srv/n; sync; echo word $i > /dev/console" </dev/null || bad "$i: exec"
	[ $((i % 4)) -ne 1 ] || gaol pause k
	"$GAOL" record k - >/dev/null 2>&1 </dev/null &
	viewer=$!
	soon 20 watched || bad "$i: no viewer"
	# Nobody but the jail's own: without a warden there is nobody to hit. Some processes of a guest
	# that works live for a moment only: of those, another one.
	what='' v=()
	for ((tries = 0; tries < 100; tries++)); do
		warden=$(number warden)
		[ "${warden:-0}" -gt 1 ] || break
		mapfile -t v < <(below "$warden"; echo "$viewer")
		victim=${v[RANDOM % ${#v[@]}]}
		what=$(cat "/proc/$victim/comm" 2>/dev/null)
		! kill -9 "$victim" 2>/dev/null || break
		what=
	done
	[ "$what" ] || bad "$i: nobody was hit"
	if ! soon 1 told; then
		# The stub of a program: the guest may live, and then says so.
		if [ "$(state k)" = paused ]; then gaol resume k; fi
		if timeout -s KILL 20 "$GAOL" exec k -- true </dev/null; then
			gaol kill k
		elif ! soon 1 told; then
			bad "$i: $what ($victim of ${#v[@]}): still $(state k)"
			gaol kill k
		fi
	fi
	wait
	# The warden of a guest that died ends when nobody is there.
	soon 20 all_gone "${v[@]}" || bad "$i: $what ($victim of ${#v[@]}): left: $(ps -o pid,stat,args -p "$(IFS=,; echo "${v[*]}")")"
	gaol ls >/dev/null
	left=$(grep -F " $work/" /proc/self/mountinfo)
	[ -z "$left" ] || bad "$i: $what: mounted: $left"
	[ "$(gaol cat k:/srv/n)" = "$i" ] || bad "$i: $what: what was synced is lost"
	# Of a killed warden they lie where its successor finds them.
	grep -qa "word $i" "$GAOL_HOME/jails/k/console" "$GAOL_HOME/jails/k/console.live" 2>/dev/null ||
		bad "$i: $what: the console's last words are lost"
done
ok "$kills kills"
check 'start' gaol start k
words() { timeout -s INT 1 "$GAOL" record k - </dev/null | grep -q "word $kills"; }
check 'the console has the last words too' soon 20 words
is 'what was synced is there' "$kills" "$(gaol exec k -- cat /srv/n </dev/null)"
gaol rm -f k >/dev/null
check 'nothing is left' nothing_left
finish
