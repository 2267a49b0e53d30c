#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# restore: single paths from a checkpoint while the guest runs.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec j -- sh -c "$1" </dev/null; }
picture() {
	inside "cd $1 && find . -printf '%p %y %m %U %G %T@ %n %l\n' | sort
		find . -type f -exec sha256sum {} + | sort -k 2; getfattr -Rhd -m - . 2>/dev/null"
}

check 'new' gaol new j
check 'start' gaol start j
inside 'mkdir -p /srv/d/e && cd /srv/d && echo one > a && ln a e/b && ln -s a l &&
	mkfifo f && mknod n c 1 3 && chmod 4751 a && chown 12:34 e && printf x > "$(printf "odd\nname\377")" &&
	dd if=/dev/zero of=holes bs=1 count=1 seek=20M 2>/dev/null && setfattr -n user.x -v y a &&
	mkdir empty && echo tree > e/tree && echo t > type && touch -d @1.5 e; touch -d @77 /srv/d'
check 'checkpoint 2' gaol checkpoint j -m two
want=$(picture /srv/d)
inside 'cd /srv/d && rm l f && echo two > a && chmod 600 n && rmdir empty && echo new > new && mkdir -p more/deep &&
	echo x > more/deep/x && chown 0:0 e && touch e/tree && rm "$(printf "odd\nname\377")" && rm type && mkdir type &&
	echo in > type/in && setfattr -x user.x a && truncate -s 1M holes && echo stays > /srv/stays'
before=$(inside 'sync; awk "{print \$1}" /proc/uptime')
out=$(gaol restore j /srv/d 2>&1)
has 'restore of a tree' 'made, .* changed, .* removed, as in checkpoint 2. What was is saved as 3' "$out"
is 'all of it is as it was, the guest running on' "$want" "$(picture /srv/d)"
check 'the guest was not booted again' awk -v a="$before" -v b="$(inside 'awk "{print \$1}" /proc/uptime')" 'BEGIN { exit !(b >= a) }'
is 'what lies beside it stays' stays "$(inside 'cat /srv/stays')"
is 'holes are holes' 1 "$(inside 'test $(stat -c %b /srv/d/holes) -lt 200 && echo 1')"
has 'again: nothing to do' 'is as in checkpoint 2 already' "$(gaol restore j /srv/d --from 2)"
has 'and what was can be had again' two "$(gaol cat j@3:/srv/d/a)"

# A file of the host's system, changed, deleted; and a path that the checkpoint lacks.
sum=$(sha256sum /usr/bin/zdump | cut -d' ' -f 1)
inside 'echo broken > /usr/bin/zdump; rm -r /usr/share/common-licenses; echo n > /srv/n'
check 'restore of system files' gaol restore j /usr/bin/zdump /usr/share/common-licenses /srv/n --from 2
is 'it is the host'\''s again' "$sum" "$(inside 'sha256sum /usr/bin/zdump' | cut -d' ' -f 1)"
is 'a directory too' "$(ls /usr/share/common-licenses)" "$(inside 'ls /usr/share/common-licenses')"
fails 'what the checkpoint lacks is gone' 1 gaol exec j -- test -e /srv/n
is 'nothing differs from the checkpoint there' '' "$(gaol diff j 2 now /usr --name-status)"

# A whole directory on the way is gone.
inside 'rm -rf /srv/d'
check 'one file of a directory that is gone' gaol restore j /srv/d/e/tree --from 2
is 'it is there, with the way to it' 'tree 12:34' "$(inside 'cat /srv/d/e/tree; stat -c %u:%g /srv/d/e' | tr '\n' ' ' | sed 's/ $//')"
is 'and nothing else' '/srv/d /srv/d/e /srv/d/e/tree' "$(inside 'find /srv/d | sort' | tr '\n' ' ' | sed 's/ $//')"

# Files that are open.
inside 'echo held > /srv/held'
check 'checkpoint' gaol checkpoint j -m held
inside 'echo other > /srv/held; (exec 3</srv/held; touch /srv/holding; exec sleep 1000) >/dev/null 2>&1 &'
check 'a file is held open' soon 20 inside 'test -e /srv/holding'
fails 'a file that is open is refused' 1 gaol restore j /srv/held --from ~2
number=$(gaol log j --json | sed -n 's/.*"number": \([0-9]*\).*"message": "held".*/\1/p')
fails 'a file that is open is refused, by number' 1 gaol restore j /srv/held --from "$number"
has 'and it says why' 'has it open' "$(gaol restore j /srv/held --from "$number" 2>&1)"
is 'nothing was changed' other "$(inside 'cat /srv/held')"
check 'but for --force' gaol restore j /srv/held --from "$number" --force
is 'it is restored' held "$(gaol cat j:/srv/held)"
inside 'pkill sleep; echo 2 > /proc/sys/vm/drop_caches'
is 'and the guest sees it when nobody holds the old one' held "$(inside 'cat /srv/held')"
is 'no left-over' '' "$(inside 'find /srv -name ".gaol-bring*" 2>/dev/null')"
fails 'a path that is nowhere' 1 gaol restore j /no/such/path
fails 'a relative path' 2 gaol restore j srv

# One hunk of a file.
inside 'seq 40 >/srv/lines; chmod 640 /srv/lines; chown 33:33 /srv/lines'
check 'checkpoint of lines' gaol checkpoint j -m lines
inside 'sed -i "s/^5$/five/; s/^20$/twenty/; 40d" /srv/lines'
check 'a hunk' gaol restore j /srv/lines --hunk 20
is 'it alone is as it was' 'five 20 39' "$(inside 'echo $(sed -n "5p; 20p; \$p" /srv/lines)')"
lines=$(gaol log j --json | sed -n 's/.*"number": \([0-9]*\).*"message": "lines".*/\1/p')
check 'the last one' gaol restore j /srv/lines --hunk 37 --from "$lines"
is 'with the end of the file' 'five 20 40' "$(inside 'echo $(sed -n "5p; 20p; \$p" /srv/lines)')"
is 'mode and owner stand' '640 33:33' "$(inside 'stat -c "%a %u:%g" /srv/lines')"
fails 'no hunk there' 1 gaol restore j /srv/lines --hunk 25 --from "$lines"
has 'is said' 'no hunk of the diff covers line 25' "$(gaol restore j /srv/lines --hunk 25 --from "$lines" 2>&1)"
fails 'no file' 1 gaol restore j /srv/d --hunk 1
fails 'no line' 2 gaol restore j /srv/lines --hunk x
fails 'two files' 2 gaol restore j /srv/lines /srv/held --hunk 1

# A stopped jail.
inside 'rm -rf /srv/d'
check 'stop' gaol stop j
check 'restore in a stopped jail' gaol restore j /srv/d --from 2
check 'start' gaol start j
is 'as it was' "$want" "$(picture /srv/d)"
gaol rm -f j >/dev/null
check 'nothing is left' nothing_left
finish
