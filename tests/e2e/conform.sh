# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# conform.sh: what the tests of the file system share. Sourced behind lib.sh.
#
#   conforms NAME CMD...   CMD is a run of tests/conform: its cases are counted, failures shown
#   kits DIR [UID]         makes DIR/lower with the kit of each case, DIR given to UID
#   tree_of DIR            every entry with its attributes, some with content, to be compared
#   layer DIR OPTIONS      mounts DIR/m: lower DIR/low, upper DIR/up; unlayer DIR: away again
conform=${CONFORM:-$root/build/conform}
[ -x "$conform" ] || make -s -C "$root" build/conform || exit 1
# More, and longer: GAOL_LONG=1 (make check-long).
long=${GAOL_LONG:+--long}

conforms() {
	local name=$1 out line
	shift
	out=$("$@" 2>&1 </dev/null)
	line=$(tail -n 1 <<<"$out")
	if ! [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] ||
		[ "${BASH_REMATCH[1]}" -eq 0 ]; then
		bad "$name" "$out"
		return
	fi
	passed=$((passed + BASH_REMATCH[1]))
	failed=$((failed + BASH_REMATCH[2]))
	if [ "${BASH_REMATCH[2]}" -eq 0 ]; then
		printf 'ok    %s: %s\n' "$name" "$line"
	else
		printf 'FAIL  %s\n%s\n' "$name" "$out"
	fi
}

kits() {
	mkdir -p "$1/lower" && chmod 755 "$1" "$1/lower" &&
		"$conform" ${2:+--uid "$2"} --prepare "$1/lower"
}

tree_of() (
	cd "$1" || exit 1
	find . -printf '%i %n %y %m %U %G %s %T@ %l %p\n' | LC_ALL=C sort
	find . -type f -name '?' -size -4096k -exec md5sum {} + | LC_ALL=C sort
	getfattr -R -h -d -m - . 2>/dev/null | LC_ALL=C sort
)

layer() {
	mkdir -p "$1/up" "$1/m" &&
		"$GAOL" layer -o "lowerdir=$1/low,upperdir=$1/up${2:+,$2}" "$1/m"
}

unlayer() {
	umount "$1/m" 2>/dev/null || fusermount3 -u "$1/m"
}
