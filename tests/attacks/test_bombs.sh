#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bombs in a jail: its limits hold, the one beside it and its warden go on, and it can be ended. How
# fast the other goes on is measured by bench/bombs.sh.
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

mib=24 inodes=3000 pids=64
bomb() { gaol exec bad -- python3 /srv/bombs.py "$1" </dev/null >"$work/bomb" 2>&1; }
warden() { gaol ls --json | grep -o '"name": "bad".*' | grep -o '"warden": [0-9]*' | head -n 1 | cut -d ' ' -f 2; }
rss() { awk '/^RssAnon:/ { print int($2 / 1024) }' "/proc/$(warden)/status"; }
# Processes of a guest on the host: each has the warden above it.
below() { local c; for c in $(pgrep -P "$1"); do echo "$c"; below "$c"; done; }
processes() { below "$(warden)" | wc -l; }
taken() { du -sm "$GAOL_HOME/jails/bad/upper" | cut -f 1; }
entries() { find "$GAOL_HOME/jails/bad/upper" | wc -l; }
newest() { gaol events bad --since 0 --no-follow --class all --json 2>/dev/null | sed -n '$s/.*"seq": \([0-9]*\).*/\1/p'; }
refused() { gaol events bad --since "$since" --no-follow --class denied 2>/dev/null | grep -q "$1"; }
many() { [ "$(processes)" -gt $((pids / 2)) ]; }
full() { [ "$(taken)" -ge $((mib / 2)) ]; }
littered() { [ "$(entries)" -ge $((inodes / 2)) ]; }
events() { gaol ls --json | grep -o '"name": "bad".*' | grep -o '"events": [0-9]*' | head -n 1 | cut -d ' ' -f 2; }
noisy() { [ "$(events)" -gt 2000 ]; }
loud() { gaol attach --last bad 2>/dev/null | grep -q flood; }

for j in good bad; do
	check "a jail, $j" gaol new --memory 96M $j
	check "start $j" gaol start $j
done
check 'without limits it takes more than they let it' \
	gaol exec bad -- sh -c "dd if=/dev/zero of=/srv/big bs=1M count=$((mib + 8)) 2>/dev/null && sync && rm /srv/big"
check 'limits' gaol set bad size=${mib}M inodes=$inodes pids=$pids events.keep=1M
check 'the bombs' gaol cp "$root/tests/attacks/bombs.py" bad:/srv/bombs.py

for kind in fork memory disk inode event console fuse; do
	check "$kind: the jail" gaol restart bad
	# A layer that is full lets no other bomb go off.
	check "$kind: what the last one left can go" gaol exec bad -- rm -rf /srv/bombs
	since=$(newest)
	bomb $kind &
	it=$!
	case $kind in
	fork) check 'fork: it goes off' soon 40 many ;;
	disk) check 'disk: it goes off' soon 40 full ;;
	inode) check 'inode: it goes off' soon 60 littered ;;
	event) check 'event: it goes off' soon 40 noisy ;;
	console) check 'console: it goes off' soon 40 loud ;;
	# Under way as soon as its guest has something to do.
	*) check "$kind: it goes off" soon 40 gaol exec bad -- pgrep -f "bombs.py $kind" ;;
	esac
	check "$kind: the other jail works" timeout 60 "$GAOL" exec good -- sh -c 'echo x >/srv/x && grep -q x /srv/x && ls /usr/bin >/dev/null'
	check "$kind: its warden answers" timeout 20 "$GAOL" ls
	case $kind in
	fork) n=$(processes) && check "fork: no more processes than it may: $n" test "$n" -le $((pids + 32)) ;;
	disk)
		check 'disk: it is refused more, and that is an event' soon 40 refused 'No space left'
		n=$(taken) && check "disk: no more than it may: $n MiB" test "$n" -le $((mib + 2))
		;;
	inode)
		check 'inode: it is refused more' soon 60 refused 'No space left'
		n=$(entries) && check "inode: no more than it may: $n" test "$n" -le $((inodes + 8))
		;;
	event)
		n=$(du -sk "$GAOL_HOME/jails/bad/events" | cut -f 1)
		check "event: its journal has its size: $n KiB" test "$n" -le 1600
		;;
	esac
	n=$(rss) && check "$kind: its warden holds no more than it may: $n MiB" test "$n" -le 96
	check "$kind: it can be ended" timeout 40 "$GAOL" kill bad
	wait "$it" 2>/dev/null
	check "$kind: and is down" soon 20 test "$(state bad)" = stopped
done
check 'what a console was flooded with is kept, as far as it goes' loud
check 'the other has lived through all of it' gaol exec good -- true
gaol rm -f good bad >/dev/null
check 'nothing is left' nothing_left
finish
