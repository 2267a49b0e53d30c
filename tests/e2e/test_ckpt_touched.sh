#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A checkpoint looks at what was touched since the last one: it is what a look at everything would
# have made, also behind a rollback, a put from the host, and a warden that was killed.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- sh -c "$1" </dev/null; }
number() { gaol ls --json | sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p'; }
# The worker walks all of the layer, and compares with the present checkpoint.
walked() { echo '{"op": "needed"}' | "$GAOL" worker 3<"$GAOL_HOME/jails/j" | tail -n 1; }
walks() { grep -c 'all of the layer was looked at' "$GAOL_HOME/jails/j/log"; }
is_whole() { is "$1: nothing was missed" '{"ok":{"needed":false}}' "$(walked)"; }

check 'new' gaol new j
check 'start' gaol start j
inside 'mkdir -p /srv/d/e/f && cd /srv/d && for i in 1 2 3 4 5 6 7 8 9; do echo $i > e/$i; done
	dd if=/dev/urandom of=big bs=1M count=20 2>/dev/null'
check 'the first checkpoint' gaol checkpoint j -m first
is 'it looked at everything, and said so' 1 "$(walks)"
is_whole 'first'
inside 'cd /srv/d && echo x >> e/3 && rm e/4 && mv e/5 e/f/ && mv e/f g && chmod 600 e/6 && touch -d @5 e/7 && mkdir h &&
	ln -s x h/l && setfattr -n user.a -v b e/8 && echo y | dd of=big bs=1 seek=9000000 conv=notrunc 2>/dev/null &&
	rm -f /usr/bin/zdump && echo z >> /etc/hosts'
check 'the second' gaol checkpoint j -m second
is_whole 'second'
has 'one chunk of 20 MiB was stored' ' *3 .* 1\.[0-9]M ' "$(gaol log j | grep second)"
inside 'cd /srv/d && rm -rf e && echo new > g/new && truncate -s 12M big'
check 'cp into the jail' gaol cp /etc/passwd j:/srv/d/passwd
check 'the third' gaol checkpoint j -m third
is_whole 'third'
inside 'echo lost > /srv/d/lost'
check 'rollback' gaol rollback j 3
is_whole 'rollback'
inside 'echo more >> /srv/d/e/3; rmdir /srv/d/h 2>/dev/null; rm -r /srv/d/h'
check 'the fourth' gaol checkpoint j -m fourth
is_whole 'fourth'
check 'redo' gaol redo j
inside 'echo again > /srv/d/again'
check 'the fifth' gaol checkpoint j -m fifth
is_whole 'fifth'
is 'none of them looked at everything' 1 "$(walks)"
inside 'echo a > /srv/d/a; ln /srv/d/a /srv/d/b; sync'
kill -9 "$(number warden)"
soon 20 test "$(state j)" != running
check 'start behind a crash' gaol start j
check 'the sixth' gaol checkpoint j -m sixth
is 'it looked at everything again' 2 "$(walks)"
is_whole 'sixth'
inside 'rm /srv/d/b'
check 'a hard link went' gaol checkpoint j -m seventh
is_whole 'seventh'
finish
