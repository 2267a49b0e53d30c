#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that writes escape sequences into names, contents and messages: no control byte but
# newline and tab leaves gaol, and no character that could hide or turn text.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

# clean NAME TEXT: no C0 but newline and tab, no DEL, no C1, no bidi or zero-width characters.
clean() {
	if printf '%s' "$2" | python3 -c '
import sys, unicodedata
t = sys.stdin.buffer.read().decode()
bad = [c for c in t if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn") and c not in "\n\t"]
sys.exit(f"{bad!r}" if bad else 0)' >"$work/why" 2>&1; then
		ok "$1"
	else
		bad "$1" "$(cat "$work/why")"
	fi
}

fails 'a note that steers is refused' 2 gaol new t --note $'note \e[31m red \u202e'
clean 'and the message does not' "$(gaol new t --note $'note \e[31m red \u202e' 2>&1)"
check 'new' gaol new t --memory 128M
check 'start' gaol start t
gaol exec t -- python3 -c '
import os
os.mkdir("/srv/h")
names = [b"\x1b]0;title\x07", b"\x1b[2J", b"\xff\xfe", "a\u202eb".encode(), "z\u200bw".encode(), b"new\nline", b"\xc2\x9b31m", b"back\\slash"]
for n in names:
    f = open(b"/srv/h/" + n, "wb")
    f.write(b"text \x1b[31m\x1b]52;c;aGk=\x07 \xc2\x9b \r\x08 " + n + b"\n")
    f.close()
os.symlink(b"\x1b[31mtarget", b"/srv/h/link")
' || bad 'hostile names can be made'
for how in '' --name-status --stat --json; do
	# shellcheck disable=SC2086
	out=$(gaol diff t $how 2>&1)
	clean "diff $how" "$out"
	has "diff $how shows them all the same" 'title' "$out"
done
clean 'events' "$(gaol events t --since 0 --no-follow)"
out=$(gaol events t --since 0 --no-follow --json)
clean 'events --json' "$out"
has 'bytes that are no UTF-8 are there whole' '"path_base64": "L3Nydi9o' "$out"
check 'checkpoint with a message that steers' gaol checkpoint t -m $'m \e]0;x\a \u202e'
clean 'log' "$(gaol log t)"
clean 'log --json' "$(gaol log t --json)"
clean 'an error about a hostile path' "$(gaol cat $'t:/srv/h/\e[2Jx' 2>&1)"
clean 'a listing by run' "$(gaol run -- python3 -c 'open("/tmp/\x1b[31m", "w")' 2>&1 </dev/null)"
clean 'the error of a program that is not there' "$(gaol exec t -- $'\e[31mno' 2>&1)"
is 'names end with a NUL where that is asked for' 10 "$(gaol diff t 1 2 --name-status -z | tr -dc '\0' | wc -c | awk '{ print $1 / 2 }')"
# What is asked for as bytes comes as bytes.
want=$'text \e[31m\e]52;c;aGk=\a'
is 'cat into a pipe is exact' "$want" "$(gaol cat $'t:/srv/h/\e[2J' | head -c ${#want})"
# On a terminal it is not.
out=$(script -qec "$GAOL cat t:/srv/h/$(printf '%q' $'\e[2J')" /dev/null </dev/null | tr -d '\r')
clean 'cat on a terminal is escaped' "$out"
out=$(script -qec "NO_COLOR=1 $GAOL diff t 1 2" /dev/null </dev/null | tr -d '\r')
clean 'diff on a terminal is escaped' "$out"
out=$(script -qec "$GAOL diff --raw t" /dev/null </dev/null | tr -d '\r')
has '--raw is refused there' 'terminal' "$out"
check 'rm' gaol rm -f t
finish
