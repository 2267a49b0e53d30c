#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many jails: they start at once, cost little while they idle, and all end. N=50 by default.
. "${BASH_SOURCE[0]%/*}/lib.sh"
n=${N:-50}

now() { echo "${EPOCHREALTIME/[.,]/}"; }
# Every process of every jail, warden included: one look at all processes.
all() {
	{
		gaol ls --json | sed -n 's/.*"warden": \([1-9][0-9]*\).*/w \1/p'
		ps -eo ppid=,pid= | sort -n -k 2
	} | awk '$1 == "w" { ours[$2] = 1; next }
		{ parent[$2] = $1 }
		END { for (p in parent) { for (q = p; q && !(q in ours); q = parent[q]); if (q) print p } }'
}
# Times that they went to sleep: each was woken for it.
switches() { cat $(all | sed 's|.*|/proc/&/status|') 2>/dev/null | awk '/^voluntary_ctxt/ { s += $2 } END { print s + 0 }'; }
pss() { cat $(all | sed 's|.*|/proc/&/smaps_rollup|') 2>/dev/null | awk '/^Pss:/ { s += $2 } END { print s + 0 }'; }
ticks() { cat $(all | sed 's|.*|/proc/&/stat|') 2>/dev/null | awk '{ s += $14 + $15 } END { print s + 0 }'; }

for ((i = 1; i <= n + 1; i++)); do gaol new "m$i" || bad "new m$i"; done
t=$(now)
check "start $n" gaol start $(seq -f 'm%g' "$n")
took=$((($(now) - t) / 1000))
is 'all run' "$n" "$(gaol ls --json | grep -c '"state": "running"')"
# The best of three: what it can do, also when the machine has something else to do.
more=999999
for i in 1 2 3; do
	gaol stop "m$((n + 1))"
	t=$(now)
	gaol start "m$((n + 1))" || bad 'one more'
	ms=$((($(now) - t) / 1000))
	[ $ms -ge $more ] || more=$ms
done
# Until the shells have printed their prompts and the guests are through with their start.
for ((i = 0; i < 10; i++)); do
	a=$(switches) c=$(ticks) t=$(now)
	sleep 3
	b=$(switches) d=$(ticks) t=$((($(now) - t) / 1000))
	per=$(((b - a) * 10000 / t / (n + 1)))
	[ $per -ge 50 ] || break
done
each=$(($(pss) / (n + 1)))
echo "      $n started in $took ms, one more in $more ms; each: $each KiB PSS, $((per / 10)).$((per % 10)) wake-ups a second, $(awk "BEGIN { printf \"%.2f\", ($d - $c) * 1000 / $t / ($n + 1) }") % cpu"
check 'an idle jail: at most 20 MiB' test "$each" -le 20480
check 'fewer than 5 wake-ups a second' test "$per" -lt 50
t=$(now)
check 'stop --all' gaol stop --all
is 'all are stopped' $((n + 1)) "$(gaol ls --json | grep -c '"state": "stopped"')"
echo "      stopped in $((($(now) - t) / 1000)) ms"
t=$(now)
check 'rm' gaol rm -f '*'
echo "      removed in $((($(now) - t) / 1000)) ms"
check 'nothing is left' nothing_left
finish
