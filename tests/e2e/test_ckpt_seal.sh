#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A checkpoint is one moment, although the guest writes on while it is being stored: a program
# writes a number into files one behind the other, so that at any moment they differ by at most one
# step, the first ones being ahead; it renames, removes and makes others.
. "${BASH_SOURCE[0]%/*}/lib.sh"

cat >"$work/writer" <<'END'
import os
files = [os.open('/srv/s/f%02d' % i, os.O_RDWR | os.O_CREAT) for i in range(25)]
big = os.open('/srv/s/big', os.O_RDWR | os.O_CREAT)
os.ftruncate(big, 40 << 20)
n = 0
while not os.path.exists('/srv/stop'):
    n += 1
    for k, f in enumerate(files):
        os.pwrite(f, b'%09d' % n, 0)
        if k == 12:
            os.pwrite(big, b'%09d' % n, (n * 7919 % 40) << 20)
    d = '/srv/s/d%d' % (n % 5)
    if n % 10 < 5:
        os.makedirs(d + '/e', exist_ok=True)
        open(d + '/e/x', 'w').write(str(n))
    elif os.path.exists(d):
        os.rename(d, '/srv/s/moved')
        os.unlink('/srv/s/moved/e/x')
        os.rmdir('/srv/s/moved/e')
        os.rmdir('/srv/s/moved')
    if n == 1:
        os.close(os.open('/srv/begun', os.O_CREAT))
END

# Tells what is wrong with a checkpoint, nothing when it is one moment.
one_moment() {
	local k first last='' v
	for ((k = 0; k < 25; k++)); do
		v=$(gaol cat "j@$1:/srv/s/f$(printf %02d $k)") && v=$((10#$v)) || return
		[ "$k" -gt 0 ] || first=$v last=$v
		[ "$v" -le "$last" ] && [ "$v" -ge $((first - 1)) ] || echo "file $k has $v behind $last, the first $first"
		last=$v
	done
}
begun() { gaol exec j -- test -e /srv/begun </dev/null; }

check 'new' gaol new j
check 'start' gaol start j
gaol exec j -- mkdir /srv/s </dev/null
gaol exec j -- python3 -c "$(cat "$work/writer")" </dev/null >"$work/out" 2>&1 &
check 'the guest writes' soon 30 begun
for n in 2 3 4 5 6; do
	check "checkpoint $n" gaol checkpoint j -m "$n"
done
for n in 2 3 4 5 6; do
	is "checkpoint $n is one moment" '' "$(one_moment $n)"
done
gaol exec j -- touch /srv/stop </dev/null
wait
is 'the program went on undisturbed' '' "$(cat "$work/out")"
is 'the guest did not wait for any of them' '' "$(grep 'the guest waits' "$GAOL_HOME/jails/j/log")"
check 'one more' gaol checkpoint j -m last
is 'nothing was missed' '{"ok":{"needed":false}}' "$(echo '{"op": "needed"}' | "$GAOL" worker 3<"$GAOL_HOME/jails/j" | tail -n 1)"
check 'git fsck' git --git-dir="$GAOL_HOME/jails/j/checkpoints.git" fsck --strict --no-progress
swept() { [ ! -e "$GAOL_HOME/jails/j/work/seal" ]; }
check 'nothing of the seal is left' soon 20 swept
# What cannot be kept without delay: the guest is held, and the checkpoint is right all the same.
gaol exec j -- dd if=/dev/urandom of=/srv/large bs=1M count=60 status=none </dev/null
gaol exec j -- sh -c 'while ! test -e /srv/stop2; do : > /srv/large; dd if=/dev/urandom of=/srv/large bs=1M count=30 status=none; done' </dev/null &
for n in 8 9 10; do check "checkpoint $n" gaol checkpoint j --always -m "$n"; done
gaol exec j -- touch /srv/stop2 </dev/null
wait
check 'the last' gaol checkpoint j -m last
is 'again nothing was missed' '{"ok":{"needed":false}}' "$(echo '{"op": "needed"}' | "$GAOL" worker 3<"$GAOL_HOME/jails/j" | tail -n 1)"

# Cancelled: nothing is made, nothing is left, and the next one has all of it.
check 'new' gaol new c
(umask 077 && head -c 128M /dev/urandom >"$GAOL_HOME/jails/c/upper/big")
check 'start' gaol start c
repo=$GAOL_HOME/jails/c/checkpoints.git
env --default-signal=INT "$GAOL" checkpoint c -m long >"$work/told" 2>&1 &
long=$!
packing() { find "$repo/gaol" -name 'tmp.*' -size +64k | grep -q .; }
check 'a long checkpoint' soon 30 packing
kill -INT $long
wait $long
is 'Ctrl-C ends it' 1 $?
has 'which it says' 'checkpoint: cancelled' "$(cat "$work/told")"
is 'the jail runs on' running "$(state c)"
is 'nothing was made' 1 "$(gaol log c --json | grep -c '"number"')"
is 'nothing is left of it' '' "$(find "$repo/gaol" -name 'tmp.*')"
check 'the next one' gaol checkpoint c -m next
is 'has all of it' "$(sha1sum <"$GAOL_HOME/jails/c/upper/big")" "$(gaol cat c@2:/big | sha1sum)"
finish
