#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Settings of a jail in an editor: saved when they are right, asked about when they are not.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# An editor that does what its own file says, once for each line.
cat >"$work/ed" <<'ED'
#!/bin/sh
line=$(head -n 1 "$0.do")
sed -i 1d "$0.do"
eval "$line"
ED
chmod 755 "$work/ed"
conf=$GAOL_HOME/jails/demo/jail.conf

check 'a jail' gaol new demo
screen 100x24 "EDITOR='$work/ed -x'" TMPDIR="$work"
shows 'listed' '^  demo +stopped +256M'
echo 'test "$1" = -x && sed -i "1i [jail]\n\tmemory = 384M" "$2"' >"$work/ed.do"
press e
shows 'saved' 'demo: settings saved'
check 'in the file' grep -q '384M' "$conf"
shows 'and shown' '^  demo +stopped +384M'
echo true >"$work/ed.do"
press e
shows 'nothing changed' 'settings are as they were'
cp "$conf" "$work/before"
printf '%s\n' 'sed -i s/384M/384X/ "$2"' 'sed -i s/384X/512M/ "$2"' >"$work/ed.do"
press e
shows 'a wrong value is told, with its line' 'e edits again, any other key drops it: jail.conf:2: .*384X'
check 'and not saved' cmp "$conf" "$work/before"
press e
shows 'mended' 'demo: settings saved'
check 'and saved' grep -q '512M' "$conf"
cp "$conf" "$work/before"
echo 'echo nonsense >>"$2"' >"$work/ed.do"
press e
shows 'nonsense' 'e edits again, any other key drops it: jail.conf:'
press q
shows 'dropped' 'settings are as they were'
check 'the file stands' cmp "$conf" "$work/before"
echo 'exit 1' >"$work/ed.do"
press e
shows 'an editor that fails' 'did not end well: nothing was changed'
is 'no draft is left' '' "$(ls "$work" | grep 'gaol-demo')"
press Q
ended 'left'
screen 80x24 EDITOR=/nonexistent/editor
shows 'again' '^  demo'
press e
shows 'no editor' '/nonexistent/editor: No such file or directory: set EDITOR'
press Q
ended 'left'
screen 80x24 --read-only
shows 'read-only' 'read-only'
press e
shows 'refused' 'settings: this console was started with --read-only'
press Q
ended 'the end'
finish
