#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A disk that is full in the midst of a checkpoint or a rollback: a clear error, nothing changed, and
# all of it works when there is room again.
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$GAOL_HOME"
if ! { truncate -s 96M "$work/disk" && mkfs.ext4 -q -F "$work/disk" && mount -o loop "$work/disk" "$GAOL_HOME"; } 2>"$work/why"; then
	echo "      skipped: no small file system: $(head -n 1 "$work/why")"
	finish
	exit
fi
inside() { gaol exec j -- sh -c "$1" </dev/null; }
digest() { inside 'cd /srv && { find . -printf "%p %y %m %s\n" | sort; find . -type f | sort | xargs cat; } | md5sum'; }
repository() { git --git-dir="$GAOL_HOME/jails/j/checkpoints.git" "$@"; }
# Leaves so many KiB.
fill() {
	local left
	left=$(df --output=avail -k "$GAOL_HOME" | tail -n 1)
	fallocate -l "$((left - $1))K" "$GAOL_HOME/filler"
}
present() { gaol ls --json | sed -n 's/.*"checkpoint": \([0-9]*\).*/\1/p'; }

check 'new' gaol new j
check 'start' gaol start j
inside 'for i in $(seq 50); do echo $i > /srv/f$i; done'
check 'checkpoint 2' gaol checkpoint j -m two
inside 'dd if=/dev/urandom of=/srv/random bs=1M count=20 status=none; dd if=/dev/urandom of=/srv/other bs=1M count=3 status=none; rm /srv/f7; sync'
before=$(digest)
fill 8192
out=$(gaol checkpoint j -m full 2>&1)
is 'a checkpoint fails' 1 $?
has 'and says why, and what to do' '^gaol: .*[Nn]o space left on device.*free some space' "$out"
is 'the present one is the old one' 2 "$(present)"
is 'the guest has what it had' "$before" "$(digest)"
check 'git fsck' repository fsck --strict --no-progress
is 'nothing half-written is left' '' "$(find "$GAOL_HOME/jails/j/checkpoints.git" -name 'tmp*')"
out=$(gaol rollback j 2 2>&1)
is 'a rollback, which saves first, fails' 1 $?
has 'and says why too' '[Nn]o space left on device' "$out"
check 'the guest is up' soon 20 gaol exec j -- true
is 'with what it had' "$before" "$(digest)"
rm "$GAOL_HOME/filler"
check 'with room: checkpoint' gaol checkpoint j -m room
is 'nothing was missed' '{"ok":{"needed":false}}' "$(echo '{"op": "needed"}' | "$GAOL" worker 3<"$GAOL_HOME/jails/j" | tail -n 1)"
check 'with room: rollback' gaol rollback j 2
fails 'what came later is gone' 1 gaol exec j -- test -e /srv/random
check 'with room: redo' gaol redo j
is 'and back' "$before" "$(digest)"

# Without room for the state that is to come: applied half or not at all is not allowed.
check 'to 2 again' gaol rollback j 2
fill 12288
out=$(gaol redo j 2>&1)
is 'a redo without room fails' 1 $?
has 'and says why' '[Nn]o space left on device' "$out"
check 'the guest is up again' soon 20 gaol exec j -- test -e /srv/f7
fails 'nothing of the other state is there' 1 gaol exec j -- test -e /srv/other
rm "$GAOL_HOME/filler"
check 'with room: redo again' gaol redo j
is 'and all is back' "$before" "$(digest)"
check 'git fsck at the end' repository fsck --strict --no-progress
finish
