#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two jails that work on one CPU while another one idles: one of them moves there, with its warden
# and all that belongs to its guest. Says so when this machine has no idle CPU to move to.
. "${BASH_SOURCE[0]%/*}/lib.sh"

number() { gaol ls --json | sed -n 's/.*"name": "'"$1"'",.*"'"$2"'": \([0-9]*\).*/\1/p'; }
below() { local c; [ "${1:-0}" -gt 1 ] || return; echo "$1"; for c in $(pgrep -P "$1"); do below "$c"; done; }
# where NAME: the CPUs that its processes are held on.
where() { local p; for p in $(below "$(number "$1" warden)"); do taskset -cp "$p" 2>/dev/null; done | sed 's/.*: //' | sort -u | tr '\n' ' '; }
apart() { local a b; a=$(where a) b=$(where b); [ "$a" != "$b" ] && [ "$(wc -w <<<"$a $b")" -eq 2 ]; }
# idle CPU: ticks that it has been idle, and all of them.
idle() { awk -v c="cpu$1" '$1 == c { for (i = 2; i <= 9; i++) n += $i; print $5 + $6, n }' /proc/stat; }

mapfile -t cpu < <(awk '/^Cpus_allowed_list:/ { n = split($2, v, ","); for (i = 1; i <= n; i++) { split(v[i], r, "-"); for (k = r[1]; k <= (r[2] == "" ? r[1] : r[2]) && k < 9; k++) print k } }' /proc/self/status)
if [ ${#cpu[@]} -lt 2 ]; then
	ok 'skipped: one CPU'
	finish
fi
check 'jails' sh -c "'$GAOL' new a && '$GAOL' new b && '$GAOL' start a b"
for j in a b; do
	for p in $(below "$(number $j warden)"); do taskset -acp "${cpu[0]}" "$p" >/dev/null 2>&1; done
done
# While they do nothing they stay.
is 'a is held on one' "${cpu[0]} " "$(where a)"
is 'so is b' "${cpu[0]} " "$(where b)"
for j in a b; do
	gaol exec $j -- sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 &
done
read -r i0 n0 < <(idle "${cpu[1]}")
if soon 20 apart; then
	ok 'one has moved, all of it'
	has 'and says so' "moved from CPU ${cpu[0]}, where others work too" "$(cat "$GAOL_HOME"/jails/[ab]/log)"
	check 'it works there' gaol exec a -- true
else
	read -r i1 n1 < <(idle "${cpu[1]}")
	share=$(((i1 - i0) * 100 / (n1 - n0 + 1)))
	if [ ${#cpu[@]} -eq 2 ] && [ $share -gt 75 ]; then
		bad "nobody moved, though CPU ${cpu[1]} was idle for $share %" "$(where a); $(where b)"
	else
		ok "skipped: the other CPU was idle for $share % only"
	fi
fi
gaol kill --all
wait
finish
