#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount, umount, compare.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec "$1" -- sh -c "$2" </dev/null; }
one_server() { [ "$(pgrep -fc "gaol mount j@2$")" = 1 ]; }
mounts() { grep -cF " $work/" /proc/self/mountinfo; }

check 'new' gaol new j
check 'start' gaol start j
inside j 'mkdir -p /srv/d && echo one > /srv/d/a && ln -s /etc/passwd /srv/l && rm /usr/bin/zdump && echo x >> /etc/issue'
check 'checkpoint 2' gaol checkpoint j -m two
inside j 'echo two > /srv/d/a; echo b > /srv/d/b; rm /srv/l'
check 'checkpoint 3' gaol checkpoint j -m three
check 'fork' gaol fork j k --from 2
is 'compare of two jails' $'M\t/srv/d/a\nA\t/srv/d/b\nD\t/srv/l' "$(gaol compare k j --name-status)"
is 'of checkpoints, below a path' $'M\t/srv/d/a\nD\t/srv/d/b' "$(gaol compare j@3 k@2 /srv/d --name-status)"
is 'of what is equal' '' "$(gaol compare j@2 k)"
has 'with patches' '^\+two$' "$(gaol compare k j)"

if [ -w /dev/fuse ]; then
	before=$(mounts)
	a=$(gaol mount j@2)
	is 'mount says where' "$GAOL_RUN/j@2" "$a"
	is 'it is the checkpoint' one "$(cat "$a/srv/d/a")"
	check 'over the host'\''s system' cmp "$a/usr/bin/env" /usr/bin/env
	fails 'what was deleted is not there' 1 test -e "$a/usr/bin/zdump"
	hasnt 'links stay inside' '^/' "$(readlink "$a/srv/l")"
	fails 'nothing can be written' 1 touch "$a/srv/new"
	mkdir own
	is 'mount on a directory' "$work/own" "$(gaol mount j@three own 2>/dev/null || gaol mount j@3 own)"
	is 'diff of the host works' 'Only in '"$a"'/srv: l
Only in own/srv/d: b' "$(diff -r --no-dereference -q "$a/srv" own/srv | grep Only | sort -r | LC_ALL=C sort)"
	fails 'mounted already' 1 gaol mount j@2
	fails 'no such checkpoint' 1 gaol mount j@99
	check 'the jail can be rolled back below it' gaol rollback j 2
	is 'the window does not change' two "$(cat own/srv/d/a)"
	check 'umount by directory' gaol umount own
	check 'umount by checkpoint' gaol umount j@2
	is 'nothing is mounted any more' "$before" "$(mounts)"
	check 'nor kept' test -z "$(ls "$GAOL_HOME/jails/j/at")"
	fails 'umount of nothing' 1 gaol umount j@2

	# The walls of a guest that started meanwhile are not to keep it.
	a=$(gaol mount j@2)
	server=$(pgrep -f "gaol mount j@2$")
	check 'a jail starts beside it' gaol start k
	umount "$a" 2>/dev/null || fusermount3 -u "$a"
	check 'unmounted by the host, its process ends' soon 20 gone "$server"
	check 'that jail stops' gaol stop k

	# Its process is killed: swept by the next one.
	a=$(gaol mount j@2)
	check 'one process serves it' soon 20 one_server
	server=$(pgrep -f "gaol mount j@2$")
	kill -9 "$server"
	check 'it dies' soon 20 gone "$server"
	check 'mount behind a killed one' gaol mount j@2
	is 'it works' one "$(cat "$a/srv/d/a")"
	check 'stop' gaol stop j
	gaol rm -f j >/dev/null
	fails 'rm takes windows along' 1 test -e "$a"
fi
gaol rm -f k >/dev/null
gaol ls | grep -q '^j ' && gaol rm -f j >/dev/null
check 'nothing is left' nothing_left
finish
