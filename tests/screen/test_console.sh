#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The console in a pane, the feed beside it: typing, scrolling back, searching, copying, keys of
# gaol's behind the first detach key, hostile output, sizes, a jail that goes down and comes back.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

check 'a jail' gaol new demo
screen 130x30
shows 'listed' '^  demo +stopped'
press a
shows 'booted, its console opens' 'gaol . demo . console .*running'
shows 'how to get out is shown' 'Ctrl-\] then d leave'
shows 'a prompt' '^root@demo:'
shows 'the feed is beside it' '│ +TIME +WHAT'
# What is typed is not what is waited for.
type_in 'echo made >/root/by''hand; echo typed''here'
press Enter
shows 'typed on the left' '^typedhere'
shows 'watched on the right' '│.* create .*/root/byhand'
type_in 'stty size'
press Enter
shows 'the guest has the size of the pane' '^27 78'
type_in "printf 'A\\033]0;evil\\007B\\033[6nC\\033[cD\\033[?1049h\\033[?1049lE\\n'"
press Enter
shows 'no title, no answer' '^ABCDE'
type_in "printf 'x\\342\\200\\256y\\302\\233z\\033[999999999999Bw\\n'"
press Enter
shows 'the terminal outlives nonsense' '^x.*y.*zw'
type_in 'clear; seq 200'
press Enter
shows 'much output' '^200'

press C-] PPage
shows 'scrolled back' 'console  scrolled back'
press / 
shows 'a text is asked for' '^/'
type_in '^'
press C-u
type_in 42
press Enter
shows 'a search in what scrolled off' '^42 '
press y
shows 'copying asks for a file' '^copy the text of this view to file:'
type_in "$work/copied"
press Enter
shows 'copied' "[0-9]+ lines written to $work/copied"
check 'all of it' grep -qx 137 "$work/copied"
press y
type_in "$work/copied"
press Enter
shows 'never over a file' 'copied: File exists'
press q q
hides 'back to typing' 'scrolled back'
type_in 'echo back''again'
press Enter
shows 'keys are the guest'"'"'s again' '^backagain'

type_in 'cat -v; echo c''at is over'
press Enter C-] C-] Enter
shows 'the first key twice is sent once' '^\^\]\^?M?'
press C-c
type_in 'echo cat is o''ver'
press Enter
shows 'a program was ended by Ctrl-c' '^cat is over'
press C-] c
shows 'a key of gaol: a checkpoint' '^checkpoint of demo, message:'
type_in clean
press Enter
shows 'made' 'demo: checkpoint #2 saved'
type_in 'rm /root/by''hand'
press Enter
shows 'a change' '│.* unlink .*/root/byhand'
press C-] z
shows 'undone' 'demo: undone, back at #2'
shows 'the console comes back with the guest' '^root@demo:'
type_in 'cat /root/by''hand; echo is there''fore'
press Enter
shows 'what was removed is there' '^made'
press C-] Tab
shows 'the feed has the keys' '^ Tab pane'
press Tab
shows 'the console again' 'Ctrl-\] then d leave'
press C-] O
hides 'alone on the screen' '│'
type_in 'stty size'
press Enter
shows 'as large as that' '^27 130'
press C-] O
shows 'both again' '│'
resize 80x24
type_in 'stty size'
press Enter
shows 'one over the other' '^12 80'
resize 40x10
shows 'at 40x10' 'Ctrl-\] then d leave'
resize 130x30

inside 'kill -9 $(pgrep -f "[s]h -l" | head -1)' >/dev/null 2>&1
press C-] S
shows 'stopped' 'demo is down'
shows 'what was on it stays' 'is therefore'
shows 'how to boot is shown' 's boot'
type_in x
press C-] s
shows 'booted' 'demo is up'
shows 'it is connected again' '^root@demo:'
press C-] d
shows 'left' 'gaol . jails'
shows 'the jail runs on' '^  demo +running'
press Q
ended 'left'

screen 130x30 --read-only
shows 'read-only' 'read-only'
press a
shows 'looking only' 'console  looking only'
type_in 'touch /root/not''sent'
press Enter
press C-] d
shows 'and away' 'gaol . jails'
is 'no key was sent' absent "$(inside 'test -e /root/notsent || echo absent')"
press Q
ended 'the end'
finish
