#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# export, import: an image layer's tar, there and back; and tars that mean harm.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec "$1" -- sh -c "$2" </dev/null; }
picture() {
	inside "$1" 'cd /srv && find . -printf "%p %y %m %U %G %T@ %n %l\n" | sort
		find . -type f -exec sha256sum {} + | sort -k 2; getfattr -Rhd -m - . 2>/dev/null'
}
long=$(printf 'n%.0s' {1..200})

check 'new' gaol new j
check 'start' gaol start j
inside j "mkdir -p /srv/d/$long && cd /srv && echo one > d/a && ln d/a b && ln -s d/a l && mkfifo f && mknod n c 1 3 &&
	chmod 4751 d/a && chown 12:34 d && chown 3000000:4000000 f && setfattr -n user.x -v 'a=b' d/a &&
	printf x > \"d/\$(printf 'odd\\nname\\377')\" && echo deep > d/$long/$long && touch -d @-5.25 d/$long/$long &&
	head -c 3000000 /dev/urandom > big && ln -s $long$long$long long && touch -d @1.5 d &&
	rm /usr/bin/zdump && rm -r /usr/share/common-licenses && mkdir /usr/share/common-licenses && echo l > /usr/share/common-licenses/own
	mv /usr/share/misc /usr/share/moved"
check 'checkpoint 2' gaol checkpoint j
want=$(picture j)
check 'export' gaol export j@2 layer.tar
list=$(tar tf layer.tar)
has 'tar lists it' '^srv/d/a$' "$list"
has 'what was deleted is a whiteout' '^usr/bin/.wh.zdump$' "$list"
has 'a directory made anew is opaque' '^usr/share/common-licenses/.wh..wh..opq$' "$list"
has 'a moved directory is there whole' '^usr/share/moved/.' "$list"
has 'and gone where it was' '^usr/share/.wh.misc$' "$list"
has 'hard links are links' 'link to srv/(b|d/a)' "$(tar tvf layer.tar)"
has 'set-id bits' '^-rwsr-x--x' "$(tar tvf layer.tar srv/b srv/d/a)"
check 'python reads every header' python3 -c "
import tarfile
t = {m.name: m for m in tarfile.open('layer.tar')}
assert t['srv/f'].uid == 3000000 and t['srv/n'].isdev()
assert t['srv/d/a' if t['srv/d/a'].isreg() else 'srv/b'].pax_headers.get('SCHILY.xattr.user.x') == 'a=b'
assert abs(t['srv/d/$long/$long'].mtime + 5.25) < 1e-6
assert len(t['srv/long'].linkname) == 600"
is 'to a pipe the same' "$(sha256sum <layer.tar)" "$(gaol export j@2 - | sha256sum)"
is 'of now the same' "$(tar tvf layer.tar)" "$(gaol export j - | tar tvf -)"

check 'another jail' gaol new k
check 'started' gaol start k
check 'import' gaol import k layer.tar
is 'is the same, in all that can be seen' "$want" "$(picture k)"
is 'compare says so' '' "$(gaol compare j k --name-status)"
fails 'whiteouts delete' 1 gaol exec k -- test -e /usr/bin/zdump
is 'opaque empties' own "$(inside k 'ls /usr/share/common-licenses')"
check 'a rollback undoes it' gaol rollback k 1
is 'all of it' '' "$(gaol diff k base --name-status)"
check 'stop' gaol stop k
check 'import into a stopped jail, from a pipe' sh -c "'$GAOL' export j@2 - | '$GAOL' import k -"
is 'the same again' '' "$(gaol compare j@2 k --name-status)"

# Tars that mean harm.
python3 - <<'P'
import io, tarfile
def make(name, *members):
    t = tarfile.open(name, 'w', format=tarfile.PAX_FORMAT)
    for n, kind, link, data in members:
        m = tarfile.TarInfo(n); m.type = kind; m.linkname = link; m.size = len(data)
        t.addfile(m, io.BytesIO(data))
    t.close()
R, L, H, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
make('up.tar', ('../../../../tmp/escaped', R, '', b'x'))
make('deep.tar', ('srv/../../../tmp/escaped', R, '', b'x'))
make('abs.tar', ('/srv/absolute', R, '', b'inside'))
make('through.tar', ('srv/out', L, '/tmp', b''), ('srv/out/escaped', R, '', b'x'))
make('hard.tar', ('srv/passwd', H, '../../../../etc/passwd', b''))
make('dots.tar', ('srv/..', D, '', b''))
for i, name in enumerate(('', '.', '..')):
    make('gone%d.tar' % i, ('srv/.wh.' + name, R, '', b''))
open('short.tar', 'wb').write(open('abs.tar', 'rb').read()[:700])
b = bytearray(open('abs.tar', 'rb').read()); b[0] ^= 1
open('sum.tar', 'wb').write(b)
b = tarfile.TarInfo('srv/x'); b.type = b'x'; b.size = 1 << 40
open('huge.tar', 'wb').write(b.tobuf(tarfile.USTAR_FORMAT if b.size < 8**11 else tarfile.GNU_FORMAT))
P
for t in up deep through hard dots short sum huge; do
	fails "$t.tar is refused" 1 gaol import k $t.tar
done
for t in gone0 gone1 gone2; do
	has "$t.tar is refused before the layer sees it" 'a whiteout of nothing' "$(gaol import k $t.tar 2>&1)"
done
check 'an absolute path is one below the root' gaol import k abs.tar
is 'of the jail' inside "$(gaol cat k:/srv/absolute)"
fails 'nothing came out' 1 test -e /tmp/escaped -o -e /srv/absolute
fails 'a file that is no tar' 1 gaol import k /etc/passwd
fails 'into a checkpoint' 2 gaol import k@2 abs.tar

# apply.
mkdir host && cp -r "$GAOL_HOME/jails/j/jail.conf" host/ && rm -rf host/*
mkdir -p host/srv && echo theirs >host/srv/big
out=$(gaol apply j@2 --to host /srv 2>&1)
has 'apply tells what it would do' '^A srv/d/a$' "$out"
has 'and what is in the way' '^A srv/big: conflict: ' "$out"
has 'and what it will not' '^A srv/n: a device, fifo or socket' "$out"
is 'and does nothing' 'big' "$(ls host/srv)"
fails '--do: a conflict is status 1' 1 gaol apply j@2 --to host --do /srv
is 'a file' one "$(cat host/srv/d/a)"
is 'without set-id bits' 751 "$(stat -c %a host/srv/d/a)"
is 'a link' d/a "$(readlink host/srv/l)"
is 'what was there is as it was' theirs "$(cat host/srv/big)"
fails 'no device' 1 test -e host/srv/n
out=$(gaol apply j@2 --to host /srv 2>&1)
has 'again: all is there' '0 to do, [0-9]+ there already, 1 conflicts' "$out"
rm -rf host/srv && mkdir outside && ln -s ../outside host/srv
gaol apply j@2 --to host --do /srv >/dev/null 2>&1
is 'no link of the host is followed' '' "$(ls outside)"
rm host/srv && mkdir host/srv
gaol apply j@2 --to host --script /srv >script.sh
check 'the script is one' sh -n script.sh
fails 'it stops where a step fails' 127 env PATH=/usr/bin:/bin sh script.sh
rm -rf host/srv && mkdir host/srv
check 'and runs' env PATH="$(dirname "$GAOL"):$PATH" sh script.sh
is 'with the same result' one "$(cat host/srv/d/a)"

# One file alone: the directories above it that the host lacks come along, through no link.
mkdir deep elsewhere
check 'a file below what is not there' gaol apply j@2 --to deep --do /srv/d/a
is 'it is there' "$(gaol cat j@2:/srv/d/a)" "$(cat deep/srv/d/a)"
is 'and nothing else' deep/srv/d/a "$(find deep -type f)"
rm -r deep/srv && ln -s "$PWD/elsewhere" deep/srv
fails 'a link in the way is not followed' 1 gaol apply j@2 --to deep --do /srv/d/a
is 'nothing went through it' '' "$(ls elsewhere)"

# gaol run, applying what it did.
mkdir project && cd project || exit 1
echo old >file && echo gone >gone && echo x >same
gaol run --on-exit=apply -q -- sh -c 'echo new > file; rm gone; mkdir sub; echo y > sub/y' </dev/null >/dev/null 2>&1
is 'run --on-exit=apply brings its changes out' 'file:new same:x sub/y:y ' "$(for f in file same sub/y; do printf '%s:%s ' $f "$(cat $f)"; done)"
fails 'also what it deleted' 1 test -e gone
is 'and the jail is gone' '' "$(gaol ls | grep run-)"
# The host changes a file after the jail did: the jail waits until it is told.
mkfifo "$work/told"
{
	soon 10 sh -c "find '$GAOL_HOME/jails/c/upper' -name new | grep -q ." && echo host >file
	echo go
} >"$work/told" &
gaol run --on-exit=apply -q --name c -- sh -c 'echo jail > file; echo more > new; read -r told' <"$work/told" >out 2>&1
is 'a conflict is told' 1 $?
is 'and the host'\''s file stays' host "$(cat file)"
has 'the jail is kept' '^c ' "$(gaol ls)"
cd ..
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
