#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Any verb of the command line from the console program: by `:`, by its key, with completion; what
# it says stays until Enter. Needs no guest.
. "${BASH_SOURCE[0]%/*}/lib.sh"

check 'a jail' gaol new demo --profile blank

screen 80x24
shows 'started' '^  demo'
type_in ':tag demo 1 "first one"'
press Enter
shows 'words in quotes are one' 'first one: '
shows 'it can be read' 'Enter goes back'
press Enter
shows 'back' 'gaol . jails'
type_in ':tag demo 1 clean'
press Enter
shows 'a verb without a word' '\[Enter goes back\]'
press Enter
shows 'back again' 'gaol . jails'
is 'it was done' clean "$(gaol log --json demo | grep -o clean | head -n 1)"
press l
shows 'the log has it' '\[clean\]'
press q '!'
shows 'a key asks for one' '^gaol *$'
type_in 'unt'
press Tab
shows 'Tab completes verbs' '^gaol untag *$'
type_in 'd'
press Tab
shows 'and jails' '^gaol untag demo *$'
press Escape
hides 'given up' '^gaol untag'
press ':'
type_in 'rollback '
press Tab Tab
shows 'Tab offers checkpoints to a command' '^ 1  clean'
press Escape
hides 'given up as well' '^:rollback'
type_in ':wait demo running'
press Enter
shows 'one that waits' '^\$ gaol wait demo running'
press C-c
shows 'Ctrl-C ends it, and not gaol' 'ended by signal 2|exit status'
resize 100x30
press Enter
shows 'and the console is back, of the new size' 'gaol . jails {60}'
type_in ':warden'
press Enter
shows 'what is internal is not run' 'unknown command warden'
press '@'
shows 'the command log has its line' 'gaol tag demo 1 clean'
press Q
ended 'left'

screen 80x24 --read-only
shows 'only looking' 'read-only'
type_in ':rm demo'
press Enter
shows 'runs none' 'verb: this console was started with --read-only'
press Q
ended 'left'
finish
