#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The file system at the guest's door, against what ext4 answers: as root and as a user of the
# guest, in jails of root and of an ordinary user; and after the warden was started again.
. "${BASH_SOURCE[0]%/*}/lib.sh"
. "${BASH_SOURCE[0]%/*}/conform.sh"
chmod 755 "$work"

# The same by an ordinary user's gaol, at the same time.
if [ "$(id -u)" = 0 ]; then
	room=$work/room
	kernel=${GAOL_KERNEL:-$(bash "$root/kernel/build.sh" path)}
	mkdir -p "$room/tmp" "$room/build" && cp "$GAOL" "$room/gaol" && cp "$kernel" "$room/linux" &&
		cp "$conform" "$room/build/conform" && cp "$root/build/guest/init" "$root/build/guest/wall" "$room/"
	cp -r "$root/tests" "$room/"
	chown -R 54321:54321 "$room"
	(cd "$room" && exec setpriv --reuid 54321 --regid 54321 --clear-groups env -i PATH="$PATH" \
		HOME="$room" TMPDIR="$room/tmp" GAOL="$room/gaol" GAOL_KERNEL="$room/linux" \
		GAOL_INIT="$room/init" CONFORM="$room/build/conform" ${GAOL_LONG:+GAOL_LONG=1} \
		bash "$room/tests/e2e/test_conform_guest.sh" >"$room/tmp/out" 2>&1 </dev/null) &
fi

inside() { gaol exec -w "$work/k" j -- "$@" </dev/null; }
mkdir "$work/k"
cp "$conform" "$work/k/conform"
cp "${BASH_SOURCE[0]%/*}/conform.sh" "$work/k/"
kits "$work/k/root"
if [ "$(id -u)" = 0 ]; then
	kits "$work/k/user" 1000
	uid=1000
else
	kits "$work/k/user"
	uid=$(id -u)
fi
mkdir "$work/k/ro" && cp -a "$work/k/root/lower/lock-records/." "$work/k/ro/"

check 'new' gaol new j --cow "$work/k" --ro "$work/k/ro"
check 'start' gaol start j
conforms "guest, root" inside ./conform $long root
conforms "guest, uid $uid" inside ./conform $long --uid "$uid" user
conforms "guest, a read-only path" inside ./conform --read-only ro
tree() {
	gaol exec -w / j -- bash -c 'root=/ CONFORM=/bin/true; . "$1/conform.sh"; tree_of "$1"' - "$work/k" </dev/null
}
# The run inside of this run leaves that to the long one.
if [ -n "$long" ] || [ -z "${CONFORM-}" ]; then
	tree >"$work/before"
	check 'a tree was seen' test "$(wc -l <"$work/before")" -gt 5000
	check 'stop' gaol stop j
	check 'start again' gaol start j
	tree >"$work/after"
	check 'after the warden started again every entry is as it was' cmp "$work/before" "$work/after"
fi
upper=$GAOL_HOME/jails/j/upper
is 'no file of the upper is more than a plain one' '' "$(find "$upper" ! -type d \
	\( ! -type f -o ! -uid "$(id -u)" -o -perm /7177 \) -o -type d -perm /7077)"
check 'rm' gaol rm -f j
check 'nothing is left' nothing_left

if [ "$(id -u)" = 0 ]; then
	wait
	conforms 'the same by an ordinary user' sh -c 'printf "%s, 0 skipped\n" "$(cat "$1")"' - "$room/tmp/out"
fi
finish
