#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fork, tag, untag, verify, df: in real jails.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec "$1" -- sh -c "$2" </dev/null; }
# Everything that lstat, listxattr, readlink and read can see below a directory of a jail.
picture() {
	inside "$1" 'cd /srv && find . -printf "%p %y %m %U %G %T@ %n %l\n" | sort
		find . -type f -exec sha256sum {} + | sort -k 2; getfattr -Rhd -m - . 2>/dev/null'
}

check 'new' gaol new p
check 'start' gaol start p
inside p 'mkdir -p /srv/d && cd /srv && echo one > a && ln a d/b && ln -s a l && mkfifo f &&
	chmod 4751 a && chown 12:34 d && touch -d @1.5 d && : > ".git" && mkdir "d/%meta" &&
	dd if=/dev/zero of=holes bs=1 count=1 seek=20M 2>/dev/null &&
	setfattr -n user.x -v y a && rm /usr/bin/zdump; sync' || bad 'setup'
check 'checkpoint 2' gaol checkpoint p -m two
check 'tag' gaol tag p 2 golden
fails 'a tag that is there' 1 gaol tag p 1 golden
fails 'a tag that is a number' 1 gaol tag p 1 77
has 'the log has it' 'two \[golden\]' "$(gaol log p)"
inside p 'echo more > /srv/later'
want=$(picture p)
out=$(gaol fork p q)
has 'fork while the parent runs' 'made from checkpoint 3 of p' "$out"
is 'the parent runs on' running "$(state p)"
check 'fork of a tag' gaol fork p old --from golden
fails 'fork to a name that is there' 1 gaol fork p q
fails 'fork of what is not there' 1 gaol fork p r --from 99
check 'the fork starts' gaol start q
is 'the fork is the parent, in all that can be seen' "$want" "$(picture q)"
fails 'what the parent deleted is gone' 1 gaol exec q -- test -e /usr/bin/zdump
is 'nothing differs from its checkpoint' '' "$(gaol diff q --name-status)"
inside q 'echo changed > /srv/d/b'
is 'hard links are links' changed "$(inside q 'cat /srv/a')"
is 'and the parent has not changed' one "$(inside p 'cat /srv/a')"
check 'the fork makes checkpoints' gaol checkpoint q
has 'numbered on' '^ *\*?4 ' "$(gaol log q)"
check 'and goes back over its birth' gaol rollback q golden
is 'what was later is not there' '' "$(inside q 'ls /srv/later 2>/dev/null')"
has 'tags went with it' golden "$(gaol log q --json)"
has 'df' '^p ' "$(gaol df --all)"
check 'df says what is shared' test "$(gaol df q --json | sed -n 's/.*"shared": \([0-9]*\).*/\1/p')" -gt 0
check 'verify' gaol verify p q old
gaol rm -f p >/dev/null
check 'the forks outlive the parent: verify' gaol verify '*'
check 'start of one' gaol start old
is 'it has its files' one "$(inside old 'cat /srv/a')"
check 'stock git agrees' git -C "$GAOL_HOME/jails/old/checkpoints.git" fsck --strict
check 'untag' gaol untag q golden
fails 'untag again' 1 gaol untag q golden
check 'stop' gaol stop q
check 'tag of a stopped jail' gaol tag q 1 first

# A repository that was tampered with.
pack=$(find "$GAOL_HOME/jails/q/checkpoints.git/objects/pack" -name '*.pack' -size +1k | head -1)
cp "$pack" damaged.pack
size=$(stat -c %s damaged.pack)
chmod 600 damaged.pack
printf '\377\377\377\377' | dd of=damaged.pack bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
mv -f damaged.pack "$pack"
fails 'verify finds a damaged byte' 1 gaol verify q
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
