#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The console program on a real jail: boot, feed, checkpoint, diff, undo and return, log, console.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# inside CMD: a shell command in the guest, by the command line.
inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

check 'a jail' gaol new demo
screen 100x30
shows 'listed' '^  demo +stopped'
press s
shows 'booted by a key' 'demo is up'
shows 'its state is shown' '^  demo +running'

press f
shows 'the feed' 'gaol . demo . feed .*running'
inside 'mkdir /root/docs; seq 30 >/root/docs/letter; printf x >"/root/$(printf "a\033[31mb\nc\302\233")"'
shows 'a change appears' 'write +[0-9]+ +0 +[0-9]+  /root/docs/letter'
shows 'a hostile name is shown, not obeyed' '/root/a\\e\[31mb\\nc\\u\{9B\}'
press Space
inside 'touch /root/while-paused'
shows 'paused' 'paused, [1-9][0-9]* more'
hides 'the rows stand still' '/root/while-paused'
press Space
shows 'and go on' 'create .*/root/while-paused'
press '&' letter Enter
hides 'filtered' 'while-paused'
press Escape
shows 'and not' 'while-paused'
inside 'cat /etc/hostname >/dev/null; cat /etc/shadow >/dev/null'
press R
shows 'reads on' '\+reads'
press R

press c
shows 'a message is asked for' '^checkpoint of demo, message:'
type_in 'before the installer'
press Enter
shows 'a checkpoint' 'demo: checkpoint #2 saved: \+[1-9]'
inside 'sed -i "s/^7$/seven/; 20d" /root/docs/letter; echo evil >/etc/cron.d/evil
	rm /etc/motd; chmod 4755 /usr/bin/ls; chown 33:33 /root/docs'
press d
shows 'the diff' 'demo . diff #2 . now'
shows 'an addition' '^ A +/etc/cron.d/evil'
shows 'a deletion' '^ D +/etc/motd'
shows 'an owner' '^ m  ug +/root/docs'
shows 'a mode' 'p +/usr/bin/ls'
shows 'lines beside them' '1 \+evil'
press / letter Enter
shows 'the pane follows the cursor' '7 \+seven'
shows 'what was there' '7       -7'
press Tab
shows 'the other pane has the keys' 'z undo'
press Tab q

press z
shows 'undone, without a question' 'demo: undone, back at #2, what was is saved as #3.*Z returns'
# It leads to the same number as before, and the view must show that all the same.
shows 'the diff on the screen is empty at once' 'No difference'
is 'in the guest too' 'absent 30' "$(inside 'test -e /etc/cron.d/evil || echo absent $(wc -l </root/docs/letter)')"
press d
shows 'nothing differs' 'No difference'
press q Z
shows 'returned' 'demo: again at #3'
is 'in the guest too' 'evil' "$(inside 'cat /etc/cron.d/evil')"

press l
shows 'the log' 'demo . log'
shows 'with the present one' '● +#3 +rollback .* here'
press j
shows 'on the second' '2/3'
press z
shows 'to the one under the cursor' 'back at #2'
shows 'the line that was left' '○ +#3'
shows 'joins it' '●─╯ +#2'
press p
shows 'preview of it' 'what a rollback undoes|diff #2'
press q
press g Space Space d
shows 'two marked are compared' 'diff #2 . #3'
press q Q
ended 'left'

# The console.
screen 80x24
shows 'again' '^  demo +running'
press A
shows 'the console says how to leave' 'demo: Ctrl-\] d detaches'
press Enter
shows 'a prompt' '[#$] *$'
type_in 'tty; stty size'
press Enter
shows 'a terminal' '/dev/(console|pts/|tty|hvc)'
shows 'of this size' '^24 80'
resize 100x30
shows 'resized' 'demo: Ctrl|24 80'
type_in 'stty size'
press Enter
shows 'the guest knows' '^30 100'
type_in "printf 'A\\033]0;evil\\007B\\033[6nC\\033[cD\\n'"
press Enter
shows 'no title, no answer' '^ABCD'
type_in 'sleep 1000'
press Enter
check 'a program runs on it' soon 10 inside 'pgrep -x sleep'
press C-c
type_in 'echo st''ill here'
press Enter
shows 'Ctrl-c is for the guest' '^still here'
press C-] C-]
type_in 'x'
press C-]
press d
shows 'back in the list' 'demo: detached, it runs on'
shows 'at the new size' '^  demo +running'

# Attached as the only thing on the terminal.
press Q
ended 'left again'
screen 80x24 attach demo
shows 'gaol attach' 'demo: Ctrl-\] d detaches'
press C-] d
shows 'detached' 'ended with 0'
shows 'the terminal echoes' '[^-]echo '

# Death of the console program harms nobody.
screen 80x24
shows 'once more' '^  demo +running'
pid=$(program)
check 'killed' kill -KILL "$pid"
check 'the jail runs on' test "$(state demo)" = running
is 'and answers' hi "$(inside 'echo hi')"
screen 80x24
shows 'and can be seen again' '^  demo +running'
press w
shows 'looking at the console' 'demo \(looking only\): Ctrl-\] d detaches'
type_in 'echo not''sent'
press Enter C-] d
shows 'and away' 'demo: detached'
press w
shows 'again' 'looking only'
hides 'no key was sent' 'notsent'
press C-] d
shows 'and away again' 'demo: detached'
press : pause Enter
shows 'paused' '^  demo +paused'
press : resume Enter
shows 'resumed' '^  demo +running'
press : kill Enter
shows 'killing asks' 'x kills demo'
press y
shows 'with a key of its own' 'demo runs on'
press S
shows 'stopped by a key' 'demo is down'
shows 'its state' '^  demo +stopped'
press Q
ended 'the end'
finish
