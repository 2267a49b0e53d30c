#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the warden or its worker at a random moment of a checkpoint, a rollback or a redo, while
# the guest writes: the layer is then the old state or the new one, the repository is clean, and no
# checkpoint that was reported is lost. KILLS=20 by default.
. "${BASH_SOURCE[0]%/*}/lib.sh"
kills=${KILLS:-20}
RANDOM=${SEED:-$$}
echo "      SEED=$RANDOM"

number() { gaol ls --json | sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p'; }
inside() { gaol exec k -- sh -c "$1" </dev/null; }
digest() { inside 'cd /srv/t && { find . -printf "%p %y %m %T@\n" | sort; find . -type f | sort | xargs cat; } | md5sum'; }
# Waits about so many milliseconds: the moment is what is random here.
moment() { read -r -t "0.$(printf %03d "$1")" <> <(:) || true; }
# A worker of warden $1, when there is one.
worker() { pgrep -P "$1" -f 'gaol worker' | head -n 1; }
is_up() { [ "$(state k)" = running ]; }
told() { case $(state k) in running | crashed | stopped | failed) true ;; *) false ;; esac; }

check 'a jail' gaol new k
check 'start' gaol start k
inside 'mkdir -p /srv/t/d /srv/noise && cd /srv/t && for i in $(seq 80); do echo a$i > f$i; done; echo x > d/x'
check 'state A' gaol checkpoint k -m A
a=$(digest)
inside 'cd /srv/t && for i in $(seq 60); do echo b$i > f$i; done; rm f7*; mv d e; mkdir d; echo y > d/y; chmod 600 f1'
check 'state B' gaol checkpoint k -m B
b=$(digest)
A=2 B=3 reported=" 2 3"
for ((i = 1; i <= kills; i++)); do
	is_up || gaol start k >/dev/null || bad "$i: start"
	inside 'rm -f /srv/noise/stop; while ! test -e /srv/noise/stop; do echo x >> /srv/noise/a; : > /srv/noise/b; done' >/dev/null 2>&1 &
	load=$!
	inside "echo $i > /srv/noise/n; sync"
	warden=$(number warden)
	case $((RANDOM % 3)) in
	0) what=checkpoint; gaol checkpoint k -m "n$i" >"$work/told" 2>&1 & ;;
	1) what="rollback $A"; gaol rollback k $A >"$work/told" 2>&1 & ;;
	2) what="rollback $B"; gaol rollback k $B >"$work/told" 2>&1 & ;;
	esac
	op=$!
	moment $((RANDOM % 120))
	victim=$warden who=warden
	if [ $((RANDOM % 2)) -eq 0 ] && w=$(worker "$warden") && [ -n "$w" ]; then victim=$w who=worker; fi
	kill -9 "$victim" 2>/dev/null
	if wait $op; then
		reported+=$(sed -n 's/.*checkpoint \([0-9]*\) (.*/ \1/p; s/.*saved as \([0-9]*\);.*/ \1/p' "$work/told")
	fi
	soon 20 told || bad "$i: $who during $what: still $(state k)"
	is_up || gaol start k >/dev/null || bad "$i: $who during $what: no start: $(cat "$work/told")"
	inside 'mkdir -p /srv/noise; : > /srv/noise/stop'
	ended() { ! kill -0 $load 2>/dev/null; }
	soon 20 ended || bad "$i: $who during $what: the load does not end"
	now=$(digest)
	[ "$now" = "$a" ] || [ "$now" = "$b" ] || bad "$i: $who during $what: neither state" "$(inside 'ls -la /srv/t')"
	git --git-dir="$GAOL_HOME/jails/k/checkpoints.git" fsck --strict --no-progress >"$work/fsck" 2>&1 ||
		bad "$i: $who during $what: fsck" "$(cat "$work/fsck")"
	list=$(gaol log k --json | grep -o '"number": [0-9]*' | cut -d ' ' -f 2)
	for n in $reported; do
		grep -qx "$n" <<<"$list" || bad "$i: $who during $what: checkpoint $n is lost"
	done
done
ok "$kills kills"
check 'one more checkpoint' gaol checkpoint k -m end
check 'verify' gaol verify k
finish
