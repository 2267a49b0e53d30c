#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tests of the verbs as an ordinary user, with /dev/fuse as it is and closed (0600). Root only:
# for anybody else the other tests are that already.
. "${BASH_SOURCE[0]%/*}/lib.sh"

if [ "$(id -u)" != 0 ]; then
	ok 'this is an ordinary user already'
	finish
fi

# An account when there is one for it, else a number without one.
uid=$(id -u gaoltest 2>/dev/null || echo 64242)
gid=$(id -g gaoltest 2>/dev/null || echo 64242)
kernel=${GAOL_KERNEL:-$(bash "$root/kernel/build.sh" path)}

# The clone may lie where others cannot look: what they need is copied out.
chmod 711 "$work"
mkdir -p "$work/tree/tests" "$work/tree/man" "$work/guest"
cp -L "$GAOL" "$work/tree/gaol"
cp "$root/build/guest/init" "$root/build/guest/wall" "$work/guest/"
cp "$kernel" "$work/linux"
cp -r "$root/tests/e2e" "$work/tree/tests/e2e"
chmod -R a+rX "$work/tree" "$work/guest" "$work/linux"
mkdir -m 700 "$work/user"
chown "$uid:$gid" "$work/user"

as_user() {
	cd "$work/user" && exec setpriv --reuid "$uid" --regid "$gid" --clear-groups env -i \
		PATH="$PATH" TERM="${TERM:-xterm}" HOME="$work/user" GAOL="$work/tree/gaol" \
		GAOL_KERNEL="$work/linux" GAOL_INIT="$work/guest/init" "$@"
}
export -f as_user
export uid gid work

all_of_it() {
	local t out sum
	for t in $tests; do
		out=$("$@" bash -c 'as_user bash "$work/tree/tests/e2e/$0"' "$t" 2>&1 </dev/null)
		sum=$(tail -n 1 <<<"$out")
		if [[ $sum =~ ^([0-9]+)\ passed,\ 0\ failed$ ]]; then
			ok "$t: $sum"
		else
			bad "$t" "$(grep -v '^ok ' <<<"$out")"
		fi
	done
}

tests='test_cli_run.sh test_cli_jails.sh test_cli_checkpoints.sh test_road.sh test_walls.sh
	test_cli_power.sh test_cli_inside.sh test_record.sh test_limits.sh test_audit.sh'
all_of_it env
tests='test_cli_run.sh test_crash.sh'
# A device node of our own, closed to all but root, in a mount namespace of our own.
if mknod "$work/fuse" c 10 229 2>/dev/null && chmod 600 "$work/fuse"; then
	all_of_it unshare -m bash -c 'mount --bind "$work/fuse" /dev/fuse && exec "$@"' sh
	has 'without windows a user is told, and jails run' '^warn  windows' \
		"$(unshare -m bash -c 'mount --bind "$work/fuse" /dev/fuse && as_user "$work/tree/gaol" doctor')"
fi

# The world of netlab.sh is root's to make; what runs in it is the user's.
for t in test_net.sh test_net_rules.sh; do
	out=$(GAOL=$work/tree/gaol bash "$work/tree/tests/e2e/$t" 2>&1 </dev/null)
	if [[ $(tail -n 1 <<<"$out") =~ ^([0-9]+)\ passed,\ 0\ failed$ ]]; then
		ok "$t: ${BASH_REMATCH[0]}"
	else
		bad "$t" "$(grep -v '^ok ' <<<"$out")"
	fi
done
finish
