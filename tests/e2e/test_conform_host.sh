#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The file system at the host's door (gaol layer), against what ext4 answers; also as an ordinary
# user's mount, and after it was mounted again.
. "${BASH_SOURCE[0]%/*}/lib.sh"
. "${BASH_SOURCE[0]%/*}/conform.sh"
chmod 755 "$work"

# An ordinary user's mount shows him his own files. As root this is run again, as another user, in
# a mount namespace where /dev/fuse is open to all.
as_user() {
	kits "$work/user/low" || exit 1
	if ! layer "$work/user"; then
		bad 'an ordinary user mounts'
		finish
	fi
	conforms 'host, mounted by a user' "$conform" $long "$work/user/m"
	[ -z "$long" ] || tree_of "$work/user/m" >"$work/before"
	unlayer "$work/user"
	if [ -n "$long" ]; then
		check 'he mounts again' soon 10 layer "$work/user"
		tree_of "$work/user/m" >"$work/after"
		check 'and finds every entry as it was' cmp "$work/before" "$work/after"
		unlayer "$work/user"
	fi
	finish
}

if [ "$(id -u)" != 0 ]; then
	if [ -w /dev/fuse ]; then
		as_user
	fi
	ok 'skipped: /dev/fuse is closed to this user'
	finish
fi

# The reference judges the cases, where it can be had.
if [ -n "$long" ] && [ "$(stat -f -c %T "$work")" = ext2/ext3 ]; then
	kits "$work/ref"
	conforms 'ext4, root' "$conform" "$work/ref"
	rm -rf "$work/ref"
	mkdir -p "$work/ref-user"
	kits "$work/ref-user" 1000
	conforms 'ext4, a user' "$conform" --uid 1000 "$work/ref-user"
	rm -rf "$work/ref-user"
fi

kits "$work/root/low"
check 'root mounts' layer "$work/root" allow_other,dev,suid
conforms 'host, root' "$conform" $long "$work/root/m"
tree_of "$work/root/m" >"$work/before"
unlayer "$work/root"
check 'root mounts again' soon 10 layer "$work/root" allow_other,dev,suid
tree_of "$work/root/m" >"$work/after"
check 'every entry is as it was' cmp "$work/before" "$work/after"
unlayer "$work/root"
is 'nothing is left in work/' '' "$(cd "$work/root/up.work" && ls -A | grep -vxE 'index|devices|whiteout')"
is 'no file of the upper is more than a plain one' '' \
	"$(find "$work/root/up" "$work/root/up.work" -mindepth 1 ! -type d \( ! -type f -o ! -uid 0 -o -perm /7177 \) -o -type d -perm /7077)"

mkdir -p "$work/one/low/k"
(cd "$work/one/low" && kits "$work/kits" && cp -a "$work/kits/lower/lock-records/." k/)
check 'read-only' layer "$work/one" ro
conforms 'host, read-only' "$conform" --read-only "$work/one/m/k"
unlayer "$work/one"
rm -rf "$work/kits"

# Somebody who walks through the mount meanwhile must not change an answer.
if [ -n "$long" ]; then
	kits "$work/walk/low"
	check 'for one who walks' layer "$work/walk" allow_other,dev,suid
	while [ -d "$work/walk/m/lower" ]; do
		find "$work/walk/m" -ls >/dev/null 2>&1
		[ "$(id -u)" != 0 ] || echo 2 >/proc/sys/vm/drop_caches
	done &
	conforms 'host, root, while another walks' "$conform" "$work/walk/m"
	umount -l "$work/walk/m"
	wait
fi

if [ -n "$long" ]; then
	kits "$work/other/low" 1000
	check 'for another user' layer "$work/other" allow_other
	conforms 'host, a user in the mount of root' "$conform" --uid 1000 "$work/other/m"
	unlayer "$work/other"
fi

# The private mount namespace ends with its shell, and the mounts in it.
room=$work/room
mkdir -p "$room/tmp" "$room/build" && cp "$GAOL" "$room/gaol" && cp "$conform" "$room/build/conform"
cp -r "$root/tests" "$room/"
chown -R nobody:"$(id -gn nobody)" "$room"
out=$(unshare -m --propagation private bash -c '
	mknod "$1/fuse" c 10 229 && chmod 666 "$1/fuse" && mount --bind "$1/fuse" /dev/fuse || exit 3
	cd "$1" && exec setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env -i PATH="$PATH" HOME="$1" \
		TMPDIR="$1/tmp" GAOL="$1/gaol" CONFORM="$1/build/conform" ${GAOL_LONG:+GAOL_LONG=1} \
		bash "$1/tests/e2e/test_conform_host.sh"' - "$room" 2>&1 </dev/null)
conforms 'the same as an ordinary user' sh -c 'printf "%s, 0 skipped\n" "$1"' - "$out"
finish
