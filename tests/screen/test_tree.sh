#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The files of a jail, now and in checkpoints: where each comes from, what is in it, who changed it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

check 'a jail' gaol new demo
check 'up' gaol start demo
check 'a file' inside 'echo one >/etc/first; mkdir /etc/deep; echo x >/etc/deep/down'
check 'a checkpoint' gaol checkpoint demo -m 'with first'
check 'another' inside 'echo two >/etc/second'
check 'saved' gaol checkpoint demo -m 'with second'
check 'changes' inside 'chmod 600 /etc/passwd; echo hi >>/etc/hosts; rm /etc/motd
	head -c 64 /dev/zero >/etc/zeros; printf x >"/etc/$(printf "a\033[31mb\nc")"; mkdir /empty'
screen 130x30
shows 'listed' '^  demo +running'
press t
shows 'the root' 'demo . tree now  /'
shows 'of the host' '^ base +drwxr-xr-x +0:0 +boot/'
shows 'changed below' '^ layer +drwxr-xr-x +0:0 +etc/'
press / etc/ Enter
shows 'a directory beside it' '│ adduser.conf$'
press Enter
shows 'in it' 'tree now  /etc'
press '&' '!base' Enter
shows 'new' '^ new +-rw-r--r-- +0:0 +4  first'
shows 'changed' '^ layer +-rw-r--r-- .*hosts'
shows 'attributes alone' '^ attr +-rw------- .*passwd'
shows 'deleted' '^ deleted .*motd'
shows 'a hostile name' 'a\\e\[31mb\\nc'
hides 'and nothing of the host' '^ base'
press / first Enter b
shows 'its content' '│ one$'
shows 'who changed it last' '│ last changed by checkpoint #2.*: with first'
press / hosts Enter b
shows 'changed later' '│ changed since checkpoint #3; no checkpoint has changed it'
press / motd Enter
shows 'what was deleted' '│ deleted in the jail'
press / zeros Enter
shows 'bytes' '│ 00000010  00 00 00 .*\.\.\.'
resize 80x24
shows 'at 80x24' '^ new .*zeros'
shows 'the content below' '^ 00000010  00 00 00'
resize 40x10
shows 'at 40x10' '^ new +64  zeros'
press Tab
shows 'the content at 40x10' '^ 00000000  00 00'
press Tab
resize 130x30
press Escape
hides 'all of it' '& !base'
press h
shows 'up again, on where one was' 'tree now  /'
shows 'the same entry' '│ /etc$'
press q q
shows 'away' 'gaol . jails'
press l
shows 'the log' '#2 +hand .*with first'
press / 'with first' Enter
press t
shows 'the tree of that checkpoint' 'tree #2  /'
press / etc/ Enter
shows 'on the directory' '│ /etc$'
press Enter
shows 'in it' 'tree #2  /etc'
press / first Enter
shows 'what it has' '^ new .*first'
press '&' second Enter
shows 'what it has not' '0 entries|^$'
hides 'nothing of the next one' '^ new .*second'
press Escape
hides 'all again' '& second'
press : jails Enter
shows 'the list' 'gaol . jails'
press : 'tree 3' Enter
shows 'by a command' 'tree #3  /'
press : jails Enter
shows 'the list again' 'gaol . jails'
press : 'tree 99' Enter
shows 'a bad one is told' 'no checkpoint 99'
press Q
ended 'left'
finish
