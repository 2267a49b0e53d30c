#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A session of 1,000 keys under valgrind, or with a sanitized GAOL: no error, nothing lost. For
# make check-long. Debian 12's valgrind knows no openat2: what looks into a layer fails in it, so
# the sanitized run is the one that sees all.
. "${BASH_SOURCE[0]%/*}/lib.sh"

KEYS=${KEYS:-1000}
WAIT=120
if [[ $GAOL == *address* ]]; then
	RUNNER="ASAN_OPTIONS=detect_leaks=1:log_path=$work/told"
else
	command -v valgrind >/dev/null || {
		bad 'valgrind' 'is missing: apt-get install valgrind'
		finish
	}
	RUNNER="valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --log-file=$work/told --error-exitcode=99"
fi

check 'a jail' gaol new demo
check 'boots' gaol start demo
inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}
check 'something to see' inside 'mkdir /root/d; seq 100 >/root/d/f; seq 9 >/root/g'
check 'saved' gaol checkpoint demo -m one
check 'and changed' inside 'sed -i s/5/five/ /root/d/f; rm /root/g; chmod 700 /root/d; head -c 5000 /dev/urandom >/root/d/b'

screen 100x30
shows 'started' '^  demo +running'
[ -n "$(program)" ] || finish
# Walks through the views; each is left by the command line, so that the next begins in the list.
walks=(
	'j j k Space Space U G g Right Left'
	'? j C-d C-u G g / r o l Enter n N'
	'l j k Space j Space d j j k Tab j k Tab'
	'd j k j Tab j ] [ j Tab / f Enter n'
	'f j k Space Space R R X X G g & d Enter'
	'p j k l t j k Enter j'
	'P j k q m j k q @ j k'
	'Enter j k g G O O'
	': f o o Enter r M M'
	'c w o r d Enter'
	'z'
	'Z'
	'a l s Enter C-] d'
)
pressed=0 round=0
while [ "$pressed" -lt "$KEYS" ]; do
	for walk in "${walks[@]}"; do
		# shellcheck disable=SC2086
		press $walk
		press : j a i l s Enter
		pressed=$((pressed + $(wc -w <<<"$walk") + 7))
		soon "$WAIT" on_screen 'gaol . jails' || {
			bad "after $pressed keys, behind $walk" "$(picture)"
			break 2
		}
	done
	inside 'date >>/root/d/f; touch "/root/d/$(date +%N)"' >/dev/null
	round=$((round + 1))
	case $((round % 3)) in
	0) resize 60x20 ;;
	1) resize 140x40 ;;
	2) resize 100x30 ;;
	esac
done
echo "# $pressed keys"
press Q
ended 'left'
is 'there is nothing to say' '' "$(cat "$work"/told* 2>/dev/null | grep -vE 'unhandled amd64-linux syscall|may be able to write your own|README_MISSING_SYSCALL|consider this a bug|bug_reports.html' | head -60)"
finish
