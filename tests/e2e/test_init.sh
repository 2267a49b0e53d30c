#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# [jail] init: a system's own init is the guest's first process, and all the rest works beside it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec i -- sh -c "$1" </dev/null 2>&1; }
said() { gaol attach --last i | grep -q "$1"; }
# A program that powers off when it is told to, as busybox's init (reboot(2), in perl).
own='#!/bin/sh
trap "echo going down; touch /root/asked; sync; exec perl -e \"syscall 169, 0xfee1dead, 672274793, 0x4321fedc, 0\"" USR2
echo "own init is $$, in $container"
while :; do sleep 1000 & wait $!; done'

check 'a jail' gaol new i
check 'start' gaol start i
check 'an init of its own' gaol exec i -- sh -c 'printf "%s\n" "$1" >/root/init && chmod +x /root/init' sh "$own"
check 'stop' gaol stop i
check 'set' gaol set i init=/root/init
check 'start with it' gaol start i
is 'it runs' running "$(state i)"
check 'it is pid 1, on the console' soon 20 said '^own init is 1, in gaol'
has 'ps has it' '^ *1 +0 +0 .*/root/init' "$(gaol ps i)"
is 'exec' works "$(inside 'echo works')"
is 'with a status' 7 "$(gaol exec i -- sh -c 'exit 7' </dev/null; echo $?)"
check 'a checkpoint' gaol checkpoint i -m x
is 'the name of the host' i "$(inside hostname)"
check 'restart' gaol restart i
is 'it runs again' running "$(state i)"
check 'stop: it is asked' gaol stop i --grace 20
is 'it is stopped' stopped "$(state i)"
check 'it was asked' gaol cat i:/root/asked
has 'and had its last word' '^going down' "$(gaol attach --last i)"

# One that does not listen is ended when the grace is over; what was written is there.
check 'start again' gaol start i
check 'a deaf one' gaol exec i -- sh -c 'printf "#!/bin/sh\nexec sleep infinity\n" >/root/init'
check 'restarted' gaol restart i
inside 'echo kept >/root/kept'
check 'stop of a deaf one' timeout 30 "$GAOL" stop i --grace 1
is 'it is stopped, no crash' stopped "$(state i)"
is 'nothing is lost' kept "$(gaol cat i:/root/kept)"

gaol set i init=/no/such
gaol start i >/dev/null 2>&1
down() { [ "$(state i)" = crashed ] || [ "$(state i)" = failed ]; }
check 'an init that is not there: no jail' soon 20 down
has 'and why' 'cannot run: /no/such' "$(gaol attach --last i)"
gaol set i 'init=/no such'
has 'blanks are refused' 'jail.init: /no such: blanks' "$(gaol start i 2>&1)"

if [ -x /lib/systemd/systemd ]; then
	gaol set i init=/lib/systemd/systemd
	check 'systemd: start' gaol start i
	answers() { inside 'systemctl is-system-running' | grep -Eq 'initializing|starting|running|degraded|maintenance'; }
	check 'systemd: it answers' soon 60 answers
	check 'systemd: stop' timeout 60 "$GAOL" stop i --grace 20
	is 'systemd: stopped' stopped "$(state i)"
else
	ok 'skipped: no systemd here'
fi
finish
