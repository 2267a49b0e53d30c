#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# soak.sh [CYCLES]: a day's worth of a jail's life: start, exec, attach (a reader), pause, checkpoint,
# stop, again and again, 2,000 times by default. No growth of memory, descriptors, processes, mounts
# or files beside what the jail holds: a warden that lives through all of it is measured.
. "${BASH_SOURCE[0]%/*}/e2e/lib.sh"
cycles=${1:-${CYCLES:-2000}}

number() { gaol ls --json | sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p'; }
rss() { awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"; }
fds() { ls "/proc/$1/fd" | wc -l; }
ours() { grep -lzF "$work" /proc/[0-9]*/environ 2>/dev/null | while read -r f; do
	c=$(cat "${f%/environ}/comm" 2>/dev/null)
	case $c in exe | gaol | bwrap | k) echo "$f" ;; esac
done | wc -l; }

gaol new s >/dev/null
gaol start s || bad start
# Keeps the warden: a client that stays.
"$GAOL" events s >/dev/null &
watcher=$!
warden=$(number warden)
for ((i = 1; i <= cycles; i++)); do
	gaol restart s >/dev/null || { bad "$i: restart"; break; }
	[ "$(gaol exec s -- sh -c "echo $i > /srv/n; cat /srv/n" </dev/null)" = "$i" ] || { bad "$i: exec"; break; }
	[ $((i % 5)) -ne 0 ] || timeout -s INT 0.2 "$GAOL" record s - >/dev/null || [ $? -eq 124 ] || bad "$i: record"
	[ $((i % 7)) -ne 0 ] || { gaol pause s && gaol resume s; } || bad "$i: pause"
	[ $((i % 50)) -ne 0 ] || gaol checkpoint s -m "$i" >/dev/null || bad "$i: checkpoint"
	# After a tenth everything has been used once.
	if [ $i -eq $((cycles / 10 + 1)) ]; then
		rss0=$(rss "$warden") fds0=$(fds "$warden") mounts0=$(wc -l </proc/self/mountinfo) n0=$(ours)
	fi
done
[ "$(number warden)" = "$warden" ] && ok "one warden through $cycles restarts" || bad 'the warden changed'
rss1=$(rss "$warden") fds1=$(fds "$warden") mounts1=$(wc -l </proc/self/mountinfo) n1=$(ours)
echo "      $cycles restarts: RssAnon $rss0 -> $rss1 KiB, descriptors $fds0 -> $fds1, mounts $mounts0 -> $mounts1, processes $n0 -> $n1"
check 'memory does not grow' test $((rss1 - rss0)) -le 1024
# The layer's cache of directories holds more or fewer; a leak would be one a restart.
check 'nor do descriptors' test "$fds1" -le $((fds0 + 8))
check 'nor processes' test "$n1" -le "$n0"
kill $watcher
wait 2>/dev/null
# And whole lives of wardens.
for ((i = 1; i <= cycles / 10; i++)); do
	gaol stop s && gaol start s || { bad "$i: stop, start"; break; }
done
ok "$((cycles / 10)) wardens one after the other"
is 'the last word is kept' "$cycles" "$(gaol exec s -- cat /srv/n </dev/null)"
gaol rm -f s >/dev/null
check 'nothing is left' nothing_left
finish
