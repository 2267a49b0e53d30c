#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that want the whole terminal, on a jail's console in `gaol attach`: vim, less, htop, and a
# bash with job control; the window changes its size in the middle of each.
. "${BASH_SOURCE[0]%/*}/lib.sh"

in_jail() { gaol exec j -- sh -c "$1" </dev/null; }


gaol new j >/dev/null && gaol start j || bad start
in_jail 'printf "PS1=\"# \"\nunset PROMPT_COMMAND\n" >/root/.bashrc; seq 1 300 >/root/n'
screen 80x24 attach j
type_in 'PS1="# "; cd /root; clear'
press Enter
shows 'a prompt' '^#$'

type_in 'vim -u NONE --noplugin -c "set nocp showmode ruler" text'
press Enter
shows 'vim: its screen' '^~ *$'
press i
shows 'vim: insert mode' 'INSERT'
type_in 'first line'
resize 100x30
press Enter
type_in 'second line'
shows 'vim: both lines' '^second line'
filled() { [ "$(picture | grep -c '^~')" -ge 25 ]; }
if soon "$WAIT" filled; then ok 'vim: fills the larger window'; else bad 'vim: fills the larger window' "$(picture)"; fi
press Escape
type_in ':wq'
press Enter
shows 'vim: back at the prompt' '^#$'
is 'vim: the file' 'first line
second line' "$(gaol cat j:/root/text)"

type_in 'clear; LESS= less n'
press Enter
shows 'less: its first page' '^29$'
hides 'less: not more than fits' '^30$'
resize 80x20
hides 'less: follows the window' '^20$'
press Space
press G
shows 'less: its end' '^300$'
press g
shows 'less: its begin' '^1$'
type_in '/^250$'
press Enter
shows 'less: found' '^250$'
press q
shows 'less: back at the prompt' '^#$'

type_in 'clear; htop -d 50'
press Enter
shows 'htop: its list' 'PID .*USER'
shows 'htop: what runs' 'bash'
resize 110x35
shows 'htop: follows the window' 'F10'
press q
shows 'htop: back at the prompt' '^#$'

type_in 'clear; sleep 1000'
press Enter
running() { in_jail 'pgrep -x sleep >/dev/null'; }
if soon "$WAIT" running; then ok 'a job in the foreground'; else bad 'a job in the foreground'; fi
press C-z
shows 'Ctrl-Z stops it' 'Stopped +sleep 1000'
resize 90x25
# Nothing shows that the new size has come (tmux holds back one that follows another): asked anew.
sized() { type_in 'stty size'; press Enter; soon 1 on_screen '^25 90'; }
if soon "$WAIT" sized; then ok 'the size is known'; else bad 'the size is known' "$(picture)"; fi
type_in 'clear; fg'
press Enter
shows 'fg names it' '^sleep 1000'
# bash names it before it is in the foreground
in_front() { in_jail 'ps -o stat= -C sleep | grep -q "^S.*+"'; }
if soon "$WAIT" in_front; then ok 'in the foreground again'; else bad 'in the foreground again'; fi
press C-c
gone_now() { ! running; }
if soon "$WAIT" gone_now; then ok 'it is gone'; else bad 'it is gone'; fi
type_in 'echo status $?'
press Enter
shows 'by SIGINT' '^status 130'

press C-]
press d
ended 'detached'
finish
