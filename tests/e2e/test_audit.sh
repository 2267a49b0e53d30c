#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# audit: what a jail can reach, from its jail.conf and from its processes on the host.
. "${BASH_SOURCE[0]%/*}/lib.sh"

verdicts() { gaol audit "$@" 2>/dev/null | awk '{ print $1 }' | LC_ALL=C sort -u | tr '\n' ' '; }
mkdir "$work/mine" "$work/keys"

check 'a jail' gaol new a --memory 64M
has 'of one that is down its configuration' '^ok +network +none' "$(gaol audit a 2>/dev/null)"
has 'and why no more' 'a is down' "$(gaol audit a 2>&1 >/dev/null)"
check 'start' gaol start a
out=$(gaol audit a)
status=$?
if grep -q '^MISSING  landlock' <<<"$out"; then # a host without it
	is 'status 1: a wall is missing' 1 "$status"
	out=$(grep -v landlock <<<"$out")
else
	is 'status 0' 0 "$status"
fi
hasnt 'nothing else is missing' '^MISSING' "$out"
for wall in user capabilities privileges calls namespaces mounts descriptors limits; do
	has "$wall" "^ok +$wall " "$out"
done
has 'places of the profile' '^ok +path +/home: fresh' "$out"
has 'a disk without a limit is open' '^open +disk ' "$out"
check 'a limit' gaol set a size=100M inodes=1000
has 'closes it' '^ok +disk +100 MiB' "$(gaol audit a)"

check 'one with doors' gaol new b --speed trusting --net list --allow example.org -p 8080:80 --cow "$work/mine"
printf '[path "%s"]\n\taccess = read\n\town = yes\n\tsecret = yes\n' "$work/keys" >>"$GAOL_HOME/jails/b/jail.conf"
out=$(gaol audit b 2>/dev/null)
has 'trusting' '^open +speed +trusting' "$out"
has 'network' '^open +network +list: .*1 allowed' "$out"
has 'the rule itself' '^open +rule +allow example.org$' "$out"
has 'a port' '^open +port +8080:80' "$out"
has 'a directory of yours' "^open +path +$work/mine: write: .*your rights, without credentials" "$out"
has 'one with credentials' "^open +path +$work/keys: read: .*credentials too" "$out"
check 'a rule that closes' gaol set b net.deny='*.example.org'
has 'is shown too' '^ok +rule +deny \*\.example\.org$' "$(gaol audit b 2>/dev/null)"
is 'what is open by its admin is no failure' 'ok open ' "$(verdicts b)"

gaol rm -f a b >/dev/null
check 'nothing is left' nothing_left
finish
