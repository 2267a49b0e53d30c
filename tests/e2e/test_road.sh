#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The road: checkpoint, many changes, the exact list of them, rollback, redo; stock git agrees.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- sh -c "$1" </dev/null; }
changes() { gaol diff j "$@" --name-status | sed 's/[[:space:]]\+/ /'; }

check "new" gaol new j --note "road"
check "start" gaol start j
is "it runs" running "$(state j)"

# Twenty files of the host's own, that anybody may read, with names that need no escaping.
mapfile -t victims < <(find /usr/share /usr/lib -xdev -type f -perm -o=r -size -64k 2>/dev/null |
	grep -E '^[A-Za-z0-9/._-]+$' | sort | awk 'NR % 50 == 1' | head -20)
is "twenty files to delete" 20 "${#victims[@]}"

inside 'mkdir -p /srv/data && cd /srv/data && for i in $(seq 60); do echo old > f$i; done'
check "checkpoint" gaol checkpoint j -m "before"
is "nothing differs" "" "$(changes)"

# 60 changed, 40 new, 20 deleted.
inside 'cd /srv/data && for i in $(seq 60); do echo new > f$i; done; for i in $(seq 40); do echo n > n$i; done'
inside "rm ${victims[*]}"
wanted=$({
	for i in $(seq 60); do echo "M /srv/data/f$i"; done
	for i in $(seq 40); do echo "A /srv/data/n$i"; done
	printf 'D %s\n' "${victims[@]}"
} | sort)
is "the list has exactly these 120" "$wanted" "$(changes | sort)"
has "a text hunk" '^\+new$' "$(gaol diff j /srv/data/f1)"
check "the host still has what the jail deleted" ls "${victims[@]}"

made() { gaol log j --json | sed -n 's/.*"number": 2,.*"time": \([0-9]*\).*/\1/p'; }
later() { [ "$(date +%s)" -gt "$(made)" ]; }
soon 20 later
check "rollback" gaol rollback j
is "ls tells when that checkpoint was made, not when it was rolled back to" "$(made)" \
	"$(gaol ls --json | sed -n 's/.*"checkpoint_time": \([0-9]*\).*/\1/p')"
is "nothing differs after it" "" "$(changes)"
is "the guest is up again" running "$(state j)"
is "a changed file is old again" old "$(inside 'cat /srv/data/f1')"
is "no new file is left" 60 "$(inside 'ls /srv/data | wc -l')"
check "a deleted file is back" inside "test -e ${victims[0]}"
has "rollback again says there is nothing to do" 'already|nothing' "$(gaol rollback j 2 2>&1)"
check "redo" gaol redo j
is "the changes are back" "$wanted" "$(changes 2 | sort)"

check "attributes" inside 'cd /srv/data && chown 33:33 f1 && chmod 4750 f2 && touch -d "2001-02-03 04:05:06.789012345" f3'
check "checkpoint 4" gaol checkpoint j -m "attributes"
inside 'rm -rf /srv/data'
check "rollback to it" gaol rollback j
is "owner, mode and time are back" "33 33 4750 2001-02-03 04:05:06.789012345" \
	"$(inside 'cd /srv/data; echo $(stat -c %u\ %g f1) $(stat -c %a f2) $(stat -c %y f3 | cut -c1-29)')"

repo=$GAOL_HOME/jails/j/checkpoints.git
check "git fsck --strict" git -C "$repo" fsck --strict --no-dangling
check "git log -p" git -C "$repo" log -p
has "git log has our message" 'before' "$(git -C "$repo" log --format=%s --all)"
check "stop" gaol stop j
is "stopped" stopped "$(state j)"
check "a stopped jail rolls back too" gaol rollback j 1
is "to the empty layer" "" "$(changes 1)"
check "cat from a checkpoint" sh -c "'$GAOL' cat j@2:/srv/data/f1 | grep -qx old"
check "rm" gaol rm -f j
check "nothing is left" nothing_left
finish
