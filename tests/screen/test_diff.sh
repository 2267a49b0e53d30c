#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The diff: words, bytes, white space, folding, files; a file brought back, or out to the host; marks
# on jails for what destroys.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

out=/var/tmp/gaol-screen-$$
mkdir -p "$out"
check 'a jail' gaol new demo
check 'up' gaol start demo
check 'files' inside "seq 30 >/root/letter; head -c 64 /dev/zero >/root/zeros
	printf 'int f(void)\n{\n\treturn foo(1, 2);\n}\n' >/root/a.c; printf 'a b\n' >/root/blank"
check 'a checkpoint' gaol checkpoint demo -m clean
check 'changes' inside "sed -i 's/^7\$/seven/; 20d' /root/letter; chown 33:33 /root/letter
	sed -i 's/foo(1, 2)/foobar(1, 3)/' /root/a.c; printf 'a  b\n' >/root/blank
	printf xyz | dd of=/root/zeros bs=1 seek=20 conv=notrunc 2>/dev/null
	echo out >$out/file"
screen 130x30
shows 'listed' '^  demo +running'
press d
shows 'the diff' 'demo . diff #2 . now'
shows 'words: before' '3 +- +return foo\(1, 2\);'
shows 'words: after' '3 \+ +return foobar\(1, 3\);'
check 'what differs stands out' grep -Eq 'return [^f]*\[[0-9;]*48[0-9;]*mfoobar' <(mux capture-pane -e -p)
press / blank Enter
shows 'white space' '│ +1 +-a b'
press W
shows 'is left out by a key' '│ white space alone has changed'
press W
shows 'and back' '│ +1 +-a b'
press / zeros Enter
shows 'bytes' '-00000010  00 00 00 00 00 00 00 00 '
shows 'that changed' '\+00000010  00 00 00 00 78 79 7a 00 '
press / letter Enter
shows 'an owner' '│ owner  0:0 -> 33:33'
press Tab ]
shows 'in the pane' '^.*│ @@ -4,7 \+4,7 @@'
press Space
hides 'folded' '\+seven'
shows 'the other one not' '-20$'
press -
hides 'all folded' '-20$'
press -
shows 'all open' '\+seven'
press J
shows 'the next file from the pane' '│ /root/zeros'
press K
shows 'and back' '│ /root/letter'
press Tab
press ] ]
press Tab
press ] ]
shows 'on the second hunk' '│ @@ -17,7 \+17,6 @@'
press r
shows 'one hunk brought back' '1 changed'
hides 'it differs no more' ' -20$'
shows 'the other one does' '\+seven'
is 'in the file too' '20 seven' "$(inside 'echo $(sed -n 20p /root/letter) $(sed -n 7p /root/letter)')"
press R
shows 'a file brought back' 'restored|/root/letter'
hides 'and differs no more' '^ M .*letter'
shows 'the others do' '^ M .*/root/a.c'
is 'it is what it was' '7 0:0' "$(inside 'echo $(sed -n 7p /root/letter) $(stat -c %u:%g /root/letter)')"
press q q q
shows 'left' 'gaol . jails'
press : 'diff 2' Enter
shows 'since the hand-made one' 'diff #2 . now'
press / "$out/file" Enter
shows 'a new file' '│ new '
press o
shows 'bringing out asks' "x makes the host's $out/file as demo has it"
press n
shows 'no is no' 'the host is as it was'
check 'nothing came' test ! -e "$out/file"
press o
shows 'asked again' "x makes the host's"
press x
check 'it came' soon 20 grep -qx out "$out/file"
rm -rf "$out"
press q q q
shows 'the list' 'gaol . jails'
press : 'new two' Enter
shows 'another jail' '^  two '
press : 'new three' Enter
shows 'and one' '^  three '
press g j Space Space
shows 'marked' '^(▌|>) three'
press D
shows 'removing counts all marked' 'x deletes 2 marked jails for good: .*2 checkpoints'
press D
shows 'the same key is no yes' '2 jails are kept'
press D
shows 'again' 'x deletes 2 marked jails'
press x
hides 'gone' '^. (two|three) '
check 'from the disk' test ! -e "$GAOL_HOME/jails/two"
press Q
ended 'left'
finish
