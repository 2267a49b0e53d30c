#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# prune: what goes, what stays, and that it stays whole, also when it is killed.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$work" || exit 1

inside() { gaol exec j -- sh -c "$1" </dev/null; }
numbers() { gaol log "${1:-j}" --json | sed -n 's/.*"number": \([0-9]*\).*/\1/p' | tr '\n' ' '; }
repo=$GAOL_HOME/jails/j/checkpoints.git

check 'new' gaol new j
check 'start' gaol start j
for i in 2 3 4 5 6; do
	inside "mkdir -p /srv; head -c 500000 /dev/urandom > /srv/random; echo $i > /srv/n; touch /srv/f$i"
	gaol checkpoint j -m "number $i" >/dev/null
done
gaol rollback j 4 >/dev/null
inside 'echo 8 > /srv/n'
gaol checkpoint j -m 'number 7' >/dev/null
is 'checkpoints to begin with' '7 6 5 4 3 2 1 ' "$(numbers)"
check 'tag' gaol tag j 3 good
check 'fork' gaol fork j k --from 5
size() { du -sb "$repo/objects" | cut -f 1; }
before=$(size)
out=$(gaol prune j --keep 1 --dry-run)
has 'a dry run tells what would go' 'would remove checkpoint 6' "$out"
has 'and how much' '5 checkpoints would go; [0-9.]+M before, [0-9.]+[KM] then' "$out"
is 'and takes nothing' "$before 7 6 5 4 3 2 1 " "$(size) $(numbers)"
check 'age: nothing is so old' gaol prune j --keep 1 --older 1d
is 'so nothing went' '7 6 5 4 3 2 1 ' "$(numbers)"
check 'prune' gaol prune j --keep 2
is 'the newest, the tagged and the present stay' '7 6 3 ' "$(numbers)"
is 'with their content' 3 "$(gaol cat j@good:/srv/n)"
is 'on the other line too' 6 "$(gaol cat j@6:/srv/n)"
check 'verify' gaol verify j
check 'stock git agrees' git -C "$repo" fsck --strict
is 'without a word' '' "$(git -C "$repo" fsck --strict --no-dangling 2>&1 | grep -v '^Checking\|^notice')"
is 'one pack is left' 1 "$(ls "$repo"/objects/pack/*.pack | wc -l)"
check 'it is smaller' test "$(size)" -lt "$before"
has 'the log counts against the new parents' '7 .* \+1 ~2 -0 ' "$(gaol log j | sed 's/  */ /g')"
is 'the jail runs on' 8 "$(inside 'cat /srv/n')"
is 'nothing differs' '' "$(gaol diff j --name-status)"
check 'a rollback works' gaol rollback j good
is 'to what it was' 3 "$(inside 'cat /srv/n')"
check 'and redo' gaol redo j
is 'and back' 8 "$(inside 'cat /srv/n')"
check 'a further checkpoint' gaol checkpoint j --always
has 'has the next number' '^\*8 ' "$(gaol log j | sed 's/^ *//')"
check 'the fork has all of its own' gaol verify k
is 'also what the parent gave up' 5 "$(gaol cat k@5:/srv/n)"
check 'to the last one' gaol prune j --keep 0
is 'the present and the tagged' '8 3 ' "$(numbers)"
check 'whole' gaol verify j
fails 'a number that is none' 2 gaol prune j --keep many

# By size: the newest that fit beside what stays in any case.
for i in 9 10 11 12; do
	inside "head -c 400000 /dev/urandom > /srv/random; echo $i > /srv/n"
	gaol checkpoint j -m "number $i" >/dev/null
done
out=$(gaol prune j --size 100M --dry-run)
has 'all fits' '^j: 0 checkpoints would go' "$out"
out=$(gaol prune j --size 1800K --dry-run)
has 'a dry run: what would go' 'would remove checkpoint 9' "$out"
is 'and how many' 2 "$(grep -c 'would remove' <<<"$out")"
is 'without a pack left behind' 0 "$(find "$repo/gaol" -name 'tmp.*' | wc -l)"
check 'so much and no more' gaol prune j --size 1800K
is 'the newest, the present and the tagged' '12 11 10 3 ' "$(numbers)"
check 'it fits' test "$(size)" -le $((1800 * 1024))
is 'with their content' 10 "$(gaol cat j@10:/srv/n)"
out=$(gaol prune j --size 1K --dry-run 2>&1)
has 'what cannot be is told' 'take more than that' "$out"
fails 'a size that is none' 2 gaol prune j --size much

# Another message.
hash=$(git -C "$repo" rev-parse main)
check 'rename' gaol rename j 10 $'another word\n\nGaol-Number: 77'
has 'the log has it' '10 .* another word$' "$(gaol log j)"
is 'and nothing else is other' '12 11 10 3 ' "$(numbers)"
fails 'those behind it have other hashes' 1 test "$hash" = "$(git -C "$repo" rev-parse main)"
is 'the same content' "$(git -C "$repo" rev-parse "$hash^{tree}")" "$(git -C "$repo" rev-parse 'main^{tree}')"
check 'whole' gaol verify j
is 'for stock git too' '' "$(git -C "$repo" fsck --strict --no-dangling 2>&1 | grep -v '^Checking\|^notice')"
check 'a tag leads to what it did' gaol rename j good 'the good one'
has 'renamed by it' '3 .* the good one' "$(gaol log j)"
is 'its content' 3 "$(gaol cat j@good:/srv/n)"
fails 'an empty one' 1 gaol rename j 10 ' '
fails 'what is not there' 1 gaol rename j 99 word
inside 'echo later > /srv/n'
check 'checkpoints go on' gaol checkpoint j -m later
check 'and rollbacks' gaol rollback j 10
is 'to the renamed one' 10 "$(inside 'cat /srv/n')"
check 'redo leads back' gaol redo j
is 'to what it was' later "$(inside 'cat /srv/n')"
check 'to the last one' gaol prune j --keep 0

# Killed at any moment.
for i in 14 15 16 17; do
	inside "head -c 2000000 /dev/urandom > /srv/random; echo $i > /srv/n"
	gaol checkpoint j -m "number $i" >/dev/null
done
check 'stop' gaol stop j
whole=1
for i in $(seq 12); do
	cp -a "$GAOL_HOME/jails/j" "$GAOL_HOME/jails/x"
	sed -i 's/"name": "j"/"name": "x"/' "$GAOL_HOME/jails/x/state" 2>/dev/null
	# kill -9 after a little longer each time; the shell is not to tell of it
	(
		printf '{"op": "prune", "keep": 2, "name": "x"}' |
			timeout -s KILL "0.$(printf %03d $((i * 9)))" "$GAOL" worker 3<"$GAOL_HOME/jails/x"
		:
	) >/dev/null 2>&1
	{ gaol verify x && git -C "$GAOL_HOME/jails/x/checkpoints.git" fsck --strict &&
		[ "$(gaol cat x@17:/srv/n)" = 17 ] && [ "$(gaol cat x@3:/srv/n)" = 3 ] &&
		printf '{"op": "prune", "keep": 2, "name": "x"}' | "$GAOL" worker 3<"$GAOL_HOME/jails/x" &&
		gaol verify x && [ "$(numbers x)" = '17 16 3 ' ]; } >log 2>&1 || { whole=0 && break; }
	rm -rf "$GAOL_HOME/jails/x"
done
is 'killed at 12 moments: whole, and the next prune does it' 1 $whole
[ $whole = 1 ] || cat log

# By time, and before a start.
check 'new' gaol new a
printf '[checkpoint]\n\tevery = 1s\n\tat-start = yes\n' >>"$GAOL_HOME/jails/a/jail.conf"
check 'start' gaol start a
gaol exec a -- sh -c 'echo x > /srv/x' </dev/null
check 'a checkpoint comes by itself' soon 10 sh -c "'$GAOL' log a | grep -q 'by time'"
is 'and the jail runs on' running "$(soon 20 sh -c "'$GAOL' ls | grep -q '^a  *running'" && echo running)"
has 'of its kind' ' auto ' "$(gaol log a)"
more() { [ "$(gaol log a | grep -c 'by time')" -gt 1 ]; }
fails 'nothing changes: no more of them' 1 soon 3 more
check 'stop' gaol stop a
printf 'changed' >changed
check 'a change to the stopped jail' gaol cp changed a:/srv/changed
check 'start' gaol start a
has 'makes one before it' 'before start' "$(gaol log a)"
check 'stop' gaol stop a
before=$(gaol log a | wc -l)
check 'start without a change' gaol start a
is 'makes none' "$before" "$(gaol log a | wc -l)"
gaol rm -f '*' >/dev/null
check 'nothing is left' nothing_left
finish
