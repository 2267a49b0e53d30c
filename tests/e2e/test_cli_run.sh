#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gaol run: streams, exit status, changes, and that nothing is left.
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/project"
cd "$work/project" || exit 1
echo one >file
echo 'int main(void) { return 0; }' >prog.c
printf 'prog: prog.c\n\tcc -o prog prog.c\n' >Makefile

out=$(gaol run -- sh -c 'echo hi > /tmp/a; exit 7' 2>&1 </dev/null)
is 'the exit status is the command'\''s' 7 $?
is 'the list of changes' 'A /tmp/a' "$(tail -n +2 <<<"$out")"
has 'and before it, without a terminal: no network' '^gaol: no network: .*--net' "$(head -1 <<<"$out")"
check 'nothing is left' nothing_left

gaol run --net none -- sh -c 'echo to-out; echo to-err >&2' >"$work/out" 2>"$work/err" </dev/null
is 'standard output is apart' to-out "$(cat "$work/out")"
is 'standard error is apart' to-err "$(cat "$work/err")"
is 'standard input comes through' 'HELLO' "$(echo hello | gaol run -q -- tr a-z A-Z)"
head -c 3000000 /dev/urandom >"$work/bytes"
is 'three megabytes of any bytes come back' "$(md5sum <"$work/bytes")" \
	"$(gaol run -q -- cat <"$work/bytes" | md5sum)"

fails 'a program that is not there: 127' 127 gaol run -q -- no-such-program
fails 'one that cannot be run: 126' 126 gaol run -q -- /etc/passwd
fails 'one that a signal ended: 128 and its number' 137 gaol run -q -- sh -c 'kill -9 $$'
fails 'no command: usage' 2 gaol run
fails 'an unknown option: usage' 2 gaol run --frobnicate -- true
fails 'a bad size: usage' 2 gaol run --memory many -- true
check 'nothing is left after failures' nothing_left

is 'it stands in the current directory' "$work/project" "$(gaol run -q -- pwd </dev/null)"
is 'and sees it' one "$(gaol run -q -- cat file </dev/null)"
out=$(gaol run --net none -- sh -c 'echo two > file; rm Makefile; chmod 600 prog.c; mkdir d; echo x > d/y' 2>&1 </dev/null)
is 'changes there are listed' "D $work/project/Makefile
A $work/project/d
A $work/project/d/y
M $work/project/file
m $work/project/prog.c" "$out"
is 'but not made' 'one Makefile prog.c' "$(cat file) $(ls -m Makefile prog.c | tr -d ,)"
check 'make builds the project' gaol run -- make
check 'and leaves the directory as it was' test ! -e prog
mkdir "$work/other"
is '-C' "$work/other" "$(gaol run -q -C "$work/other" -- pwd </dev/null)"
fails '-C to nowhere' 1 gaol run -q -C "$work/none" -- true

is 'the caller'\''s uid' "$(id -u)" "$(gaol run -q -- id -u </dev/null)"
is 'the caller'\''s name' "$(id -un)" "$(gaol run -q -- id -un </dev/null)"
is '--root' 0 "$(gaol run -q --root -- id -u </dev/null)"
env=$(SECRET_TOKEN=abc LANG=C.UTF-8 gaol run -q -- env </dev/null)
hasnt 'the environment is clean' SECRET_TOKEN "$env"
has 'with a language' '^LANG=C.UTF-8$' "$env"
has 'and a home' "^HOME=" "$env"

mkdir -p "$work/home2/.ssh"
fails 'a directory of credentials is not shown' 1 gaol run -q -C "$work/home2/.ssh" -- true
has 'and the message says why' 'holds credentials' \
	"$(gaol run -q -C "$work/home2/.ssh" -- true 2>&1)"
if [ "$(id -u)" = 0 ] && mkdir "$work/mnt" && mount -t proc proc "$work/mnt" 2>/dev/null; then
	fails 'a file system that jails are not shown' 1 gaol run -q -C "$work/mnt" -- true
	has 'and the message says so' 'jails are not shown' "$(gaol run -q -C "$work/mnt" -- true 2>&1)"
	umount "$work/mnt"
fi
check 'the root directory may be current' gaol run -q -C / -- true

fails '--on-exit=keep' 0 gaol run --on-exit=keep -- sh -c 'echo kept > /tmp/kept'
name=$(gaol ls | awk 'NR == 2 { print $1 }')
has 'keeps it' '^run-' "$name"
is 'with what it wrote' kept "$(gaol cat "$name:/tmp/kept")"
check 'it can be removed' gaol rm -f "$name"
check '--name' gaol run --name named -- sh -c 'echo kept > /tmp/kept'
is 'keeps it by its name' kept "$(gaol cat named:/tmp/kept)"
is 'stopped' stopped "$(state named)"
check 'it is removed' gaol rm named

# The death of the client. "$GAOL", not the function: $! must be the program itself.
"$GAOL" run -- sh -c 'echo up; sleep 1000' >"$work/up" 2>/dev/null </dev/null &
client=$!
check 'a long one runs' soon 20 grep -q up "$work/up"
kill -9 "$client"
wait "$client" 2>/dev/null
check 'a second after its client was killed nothing is left' nothing_left

# Signals go to the program.
"$GAOL" run -q -- sh -c 'trap "echo got; exit 9" TERM; echo up; while :; do sleep 0.1; done' \
	>"$work/up2" 2>/dev/null </dev/null &
client=$!
check 'another one runs' soon 20 grep -q up "$work/up2"
kill -TERM "$client"
wait "$client"
is 'a signal is passed on' '9 got' "$? $(tail -n 1 "$work/up2")"

# Boot, run and removal of a small program: the bar of 500 ms is bench/boot.sh's, and here a figure.
best=999999
for _ in 1 2 3 4 5; do
	start=${EPOCHREALTIME/./}
	gaol run -q -- true </dev/null
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	[ "$took" -ge "$best" ] || best=$took
done
check "a run takes $best ms" test "$best" -lt 10000
check 'nothing is left at the end' nothing_left
finish
