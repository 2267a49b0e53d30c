#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gaol layer under load: killed at any moment, and on a file system that fills up. GAOL_KILLS: how
# many kills (30).
. "${BASH_SOURCE[0]%/*}/lib.sh"
. "${BASH_SOURCE[0]%/*}/conform.sh"
kills=${GAOL_KILLS:-${long:+300}}
kills=${kills:-30}

if [ "$(id -u)" != 0 ]; then
	ok 'skipped: mounting is for root'
	finish
fi

# Foreground, so that its process number is known: sets pid.
serve() {
	mkdir -p "$1/up" "$1/m"
	"$GAOL" layer -f -o "lowerdir=$1/low,upperdir=$1/up,allow_other,dev,suid" "$1/m" &
	pid=$!
	soon 20 mountpoint -q "$1/m"
}

leftovers() { (cd "$1" && ls -A | grep -vxE 'index|devices|whiteout'); }

# Kills while three processes work, mounts again, and compares with what they were promised.
kill_and_look() {
	local loader
	serve "$work/k" || { bad "kill $1: it does not mount"; return 1; }
	"$conform" --load "$work/k/m" "$work/log" "$1" >"$work/load" 2>&1 &
	loader=$!
	sleep "0.$((RANDOM % 30 + 10))$((RANDOM % 10))"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	umount -l "$work/k/m"
	if ! wait "$loader"; then
		bad "kill $1: while it worked" "$(cat "$work/load")"
		return 1
	fi
	serve "$work/k" || { bad "kill $1: it does not mount again"; return 1; }
	if ! "$conform" --verify "$work/k/m" "$work/log" >"$work/look" 2>&1; then
		bad "kill $1: what is there" "$(cat "$work/look")"
		return 1
	fi
	[ -z "$(leftovers "$work/k/up.work")" ] ||
		{ bad "kill $1: left in work/" "$(leftovers "$work/k/up.work")"; return 1; }
	umount "$work/k/m"
	wait "$pid"
}

mkdir -p "$work/k/low"
kits "$work/kits"
for w in 0 1 2; do
	mkdir -p "$work/k/low/w$w" && cp -a "$work/kits/lower/lock-records" "$work/k/low/w$w/kit"
done
done=0
for ((i = 1; i <= kills; i++)); do
	kill_and_look "$i" || break
	done=$i
done
is "$kills kills" "$kills" "$done"
check 'work was done' test "$(cat "$work"/log.* | wc -l)" -gt "$kills"

# A full upper: a small ext4 of its own.
mkdir -p "$work/f/low" "$work/f/disk"
cp -a "$work/kits/lower/lock-records" "$work/f/low/kit"
truncate -s 24M "$work/f/image"
if mkfs.ext4 -q -m 0 "$work/f/image" 2>/dev/null && mount -o loop "$work/f/image" "$work/f/disk" 2>/dev/null; then
	kind='ext4'
elif mount -t tmpfs -o size=20M,nr_inodes=4000 none "$work/f/disk"; then
	kind='tmpfs' # needs its user attributes, Linux 6.6
fi
mkdir -p "$work/f/disk/up"
ln -s disk/up "$work/f/up"
full() {
	"$GAOL" layer -o "lowerdir=$work/f/low,upperdir=$work/f/disk/up,allow_other,dev,suid" "$work/f/m"
}
mkdir -p "$work/f/m"
check "a small $kind below" full
check 'ENOSPC is told, nothing is lost, freed space can be used' "$conform" --fill "$work/f/m"
tree_of "$work/f/m" >"$work/before"
find "$work/f/m" -name 's*' -type f -exec md5sum {} + | sort >>"$work/before"
umount "$work/f/m"
check 'mounted again' soon 10 full
tree_of "$work/f/m" >"$work/after"
find "$work/f/m" -name 's*' -type f -exec md5sum {} + | sort >>"$work/after"
check 'every entry is as it was' cmp "$work/before" "$work/after"
is 'nothing is left in work/' '' "$(leftovers "$work/f/disk/up.work")"
umount "$work/f/m"
soon 10 umount "$work/f/disk"
finish
