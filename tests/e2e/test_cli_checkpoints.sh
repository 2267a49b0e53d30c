#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# checkpoint, log, diff, rollback, redo, cat, cp: in a running jail and in a stopped one.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

in_jail() {
	gaol exec c -- sh -c "$1" </dev/null
}
names() {
	gaol diff "$@" --name-status
}

mkdir -p host/sub
echo 'host file' >host/file
echo old >host/sub/old
ln -s /etc/passwd host/out
check 'new' gaol new c --memory 128M
has 'it has checkpoint 1' '^ *\*1 .* initial ' "$(gaol log c)"
is 'nothing differs from it' '' "$(gaol diff c)"
check 'start' gaol start c

# The commands of the issue: 100 files changed, 20 of the host's deleted.
in_jail 'mkdir /srv/many && cd /srv/many && for i in $(seq 100); do echo $i > f$i; done'
check 'checkpoint' gaol checkpoint c -m 'with files'
is 'nothing differs from it' '' "$(names c)"
in_jail 'cd /srv/many && for i in $(seq 100); do echo more >> f$i; done
	ls -1 /usr/share/doc | head -n 20 > /tmp/gone
	cd /usr/share/common-licenses && rm -f $(ls | head -n 20) && ls > /dev/null'
in_jail 'rm /tmp/gone; cd /usr/bin && ls | grep -E "^(z|x)" | head -n 20 > /root/list'
in_jail 'cd /usr/bin && rm $(cat /root/list)'
gaol rollback c >/dev/null
is 'after a rollback nothing differs' '' "$(names c)"
is 'and the guest is up again' running "$(state c)"
files=$(ls -p /usr/bin | grep -v / | tail -n 20)
in_jail 'cd /srv/many && for i in $(seq 100); do echo more >> f$i; done'
printf '%s\n' $files | gaol exec c -- sh -c 'cd /usr/bin && xargs rm'
want=$({
	for i in $(seq 100); do printf 'M\t/srv/many/f%d\n' "$i"; done
	printf 'D\t/usr/bin/%s\n' $files
} | LC_ALL=C sort -k 2)
is 'diff lists exactly those 120' "$want" "$(names c | LC_ALL=C sort -k 2)"
out=$(gaol rollback c)
has 'rollback says what it did' 'rolled back to checkpoint 2; what it was is saved as [0-9]+' "$out"
is 'diff prints nothing' '' "$(gaol diff c)"
is 'the guest is up again' ok "$(in_jail 'echo ok')"
check 'and has the files' gaol exec c -- test -e "/usr/bin/${files%%$'\n'*}"
check 'redo' gaol redo c
is 'what was rolled back is there again' more "$(gaol exec c -- tail -n 1 /srv/many/f7)"
check 'rollback again' gaol rollback c

# IDs, the log.
log=$(gaol log c --json)
check 'the log is JSON' python3 -c 'import json, sys; json.loads(sys.argv[1])' "$log"
has 'with the message' '"message": "with files"' "$log"
has 'and the saved present' '"kind": "rollback"' "$log"
hash=$(grep -o '"number": 2, "hash": "[0-9a-f]*' <<<"$log" | grep -o '[0-9a-f]*$')
is 'an ID by hash' "$(gaol cat c@2:/srv/many/f1)" "$(gaol cat "c@${hash:0:9}:/srv/many/f1")"
fails 'an ID that is none' 1 gaol cat c@99:/etc/passwd
fails 'a rollback to one' 1 gaol rollback c 99

# Patches.
in_jail 'echo added > /srv/new; printf "x\ny\n" > /srv/many/f1; chmod 640 /srv/many/f2; chown 33:33 /srv/many/f3; ln -s target /srv/link; mkdir /srv/dir'
out=$(gaol diff c /srv/many/f1 /srv/new)
has 'git'\''s header' '^diff --git a/srv/many/f1 b/srv/many/f1$' "$out"
has 'a removed line' '^-1$' "$out"
has 'an added one' '^\+x$' "$out"
has 'a new file' '^new file mode 100644$' "$out"
has 'from nothing' '^--- /dev/null$' "$out"
hasnt 'only what was asked for' 'f2' "$out"
out=$(gaol diff c)
has 'a mode' '^old mode 100644$' "$out"
has 'an owner' '^owner 0:0 -> 33:33$' "$out"
has 'a link' '^\+target$' "$out"
is 'letters' $'A\t/srv/dir
A\t/srv/link
M\t/srv/many/f1
m\t/srv/many/f2
m\t/srv/many/f3
A\t/srv/new' "$(names c)"
has '--stat' 'M +/srv/many/f1 +\+2 -1' "$(gaol diff c --stat)"
check '--json' python3 -c '
import json, sys
d = {x["path"]: x for x in json.loads(sys.argv[1])}
assert d["/srv/many/f2"]["what"] == ["mode"], d
assert d["/srv/new"]["a"] is None and d["/srv/new"]["b"]["size"] == 6, d
' "$(gaol diff c --json)"
mkdir patched
gaol cp -r c@2:/srv patched/ >/dev/null
gaol diff c /srv/many/f1 /srv/new | (cd patched && patch -s -p1)
is 'patch(1) applies it' $'x\ny' "$(cat patched/srv/many/f1)"
has 'a side that is base' $'^A\t/srv/many/f9$' "$(names c base)"
has 'two checkpoints' $'^A\t/srv/many/f9$' "$(names c 1 2)"
fails 'a path without a slash: a word that is no ID' 1 gaol diff c srv

# cat and cp, out.
is 'cat now' added "$(gaol cat c:/srv/new)"
fails 'cat what was not there' 1 gaol cat c@2:/srv/new
is 'cat follows links in the jail' "$(gaol exec c -- cat /etc/hostname)" "$(in_jail 'ln -s ../etc/hostname /srv/hn'; gaol cat c:/srv/hn)"
fails 'cat a directory' 1 gaol cat c:/srv
fails 'cat without a path' 2 gaol cat c
check 'cp a file out' gaol cp c:/srv/new here
is 'it is right' added "$(cat here)"
fails 'cp a directory out, without -r' 1 gaol cp c:/srv/dir here2
in_jail 'mkdir -p /srv/t/d; echo f > /srv/t/d/f; chmod 4755 /srv/t/d/f; ln -s d/f /srv/t/good; ln -s /etc/passwd /srv/t/bad; ln -s d/../../../etc /srv/t/worse; mkfifo /srv/t/pipe'
fails 'cp -r skips what leads elsewhere, and says so by its status' 1 gaol cp -r c:/srv/t there
is 'the rest is there' 'd good' "$(cd there && echo *)"
is 'links inside' d/f "$(readlink there/good)"
is 'no set-uid bit' 755 "$(stat -c %a there/d/f)"
# In.
check 'cp a file in' gaol cp host/file c:/root/
is 'it is there' 'host file' "$(gaol exec c -- cat /root/file)"
is 'and belongs to the jail'\''s user' 0:0 "$(gaol exec c -- stat -c %u:%g /root/file)"
check 'with another owner' gaol cp --owner 33:34 host/file c:/srv/www
is 'it has it' 33:34 "$(gaol exec c -- stat -c %u:%g /srv/www)"
check 'cp -r in' gaol cp -r host c:/root/tree
is 'with all in it' $'file\nout\nsub' "$(gaol exec c -- ls /root/tree)"
fails 'cp into a checkpoint' 1 gaol cp host/file c@2:/root/f
fails 'cp from host to host' 2 gaol cp host/file host/file2
echo longer than before >host/file
check 'cp over a file that the guest knows' gaol cp host/file c:/root/file
is 'the guest sees the new one' 'longer than before' "$(gaol exec c -- cat /root/file)"

# The same without a warden.
check 'checkpoint 3' gaol checkpoint c -m stopped
check 'stop' gaol stop c
is 'diff of a stopped jail' '' "$(names c)"
check 'cp into it' gaol cp host/sub/old c:/root/old
is 'is seen' $'A\t/root/old' "$(names c)"
check 'checkpoint of a stopped jail' gaol checkpoint c
out=$(gaol checkpoint c)
has 'again: nothing has changed' 'nothing has changed' "$out"
check 'rollback of a stopped jail' gaol rollback c
is 'it stays stopped' stopped "$(state c)"
fails 'the file is gone' 1 gaol cat c:/root/old
check 'redo' gaol redo c
is 'and back' old "$(gaol cat c:/root/old)"
check 'to the very first' gaol rollback c 1
is 'nothing of it is left' '' "$(names c base)"

check 'stock git finds nothing wrong' git -C "$GAOL_HOME/jails/c/checkpoints.git" fsck --strict
check 'and can read it all' git -C "$GAOL_HOME/jails/c/checkpoints.git" log -p --all --oneline
check 'rm' gaol rm c
check 'nothing is left' nothing_left
finish
