#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary Debian user land lives in a jail: apt, python, gcc, git, another user, and make by run.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- sh -c "$1" </dev/null; }
check "new" gaol new j
check "start" gaol start j
has "apt list --installed" '^apt/' "$(inside 'apt list --installed 2>/dev/null')"
is "python3" 1 "$(inside "python3 -c 'print(1)'")"
inside 'cd /tmp && printf "#include <stdio.h>\nint main(void){puts(\"hello\");return 0;}\n" > h.c && gcc -o h h.c'
is "gcc" hello "$(inside /tmp/h)"
check "git clone" inside 'cd /tmp && git init -q a && cd a && git -c user.name=x -c user.email=x@y commit -q --allow-empty -m one && git clone -q /tmp/a /tmp/b && git -C /tmp/b log --oneline | grep -q one'

u() { inside "setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '$1'"; }
inside 'install -d -o 1000 -g 1000 /srv/u'
check "uid 1000 creates" u 'echo text > /srv/u/f'
check "chmod 600, reopen" u 'chmod 600 /srv/u/f && grep -q text /srv/u/f && echo more >> /srv/u/f'
check "rename and unlink" u 'mv /srv/u/f /srv/u/g && rm /srv/u/g'
fails "not what belongs to others" 2 u 'echo > /srv/other 2>/dev/null'
check "setcap" inside 'cp /bin/true /srv/t && setcap cap_net_raw+ep /srv/t && getcap /srv/t | grep -q cap_net_raw'
is "mknod" "character special file" "$(inside 'mknod /srv/d c 1 3 && stat -c %F /srv/d')"
is "chown, and times with ns" "33 33 2001-02-03 04:05:06.789012345" \
	"$(inside 'touch /srv/o; chown 33:33 /srv/o; touch -d "2001-02-03 04:05:06.789012345" /srv/o; echo $(stat -c "%u %g %y" /srv/o | cut -c1-35)')"

# A project built in a throw-away jail leaves the directory as it was.
mkdir "$work/project"
printf 'all: prog\nprog: prog.c\n\tgcc -o prog prog.c\n' >"$work/project/Makefile"
printf 'int main(void){return 0;}\n' >"$work/project/prog.c"
before=$(cd "$work/project" && ls -l --full-time)
out=$(cd "$work/project" && gaol run -- make 2>&1 </dev/null)
has "run -- make builds" 'gcc -o prog' "$out"
has "and lists what is new" "^A .*$work/project/prog$" "$out"
is "the directory is as it was" "$before" "$(cd "$work/project" && ls -l --full-time)"
gaol rm -f j >/dev/null
check "nothing is left" nothing_left
finish
