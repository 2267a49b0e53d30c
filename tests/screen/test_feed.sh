#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The feed: filters, sums by directory, hot files, the past of a jail that is down.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() {
	gaol exec demo -- sh -c "$1" </dev/null
}

check 'a jail' gaol new demo
check 'up' gaol start demo
screen 100x24
shows 'listed' '^  demo +running'
press f
shows 'the feed' 'demo . feed .*running'
check 'changes' inside 'mkdir -p /srv/a/b; for i in 1 2 3 4 5 6 7; do echo $i$i >/srv/a/b/often; done
	echo x >/etc/once; chown 33:33 /etc/once; head -c 5000 /dev/zero >/srv/large; rm /etc/once'
shows 'the stream' 'unlink .* /etc/once'
press '&' 'path:/etc/*' Enter
hides 'a glob' '/srv/'
shows 'what it takes' 'chown +33:33 .*/etc/once'
press '&' C-u 'size:>4K' Enter
shows 'a size' 'write +4.[0-9]K .*/srv/large'
hides 'nothing smaller' '/etc/once|often'
press '&' C-u '!/srv/* op:wr' Enter
shows 'an operation, not below a directory' 'write .*/etc/once'
hides 'nothing else' ' chown | unlink |/srv/[a-z]'
press '&' C-u 'uid:4711' Enter
hides 'nobody did it' '/etc/|/srv/'
press Escape
shows 'all again' 'unlink .* /etc/once'
press T
shows 'by directory' 'feed by directory'
shows 'with counts of all below' '^ +1[0-9] +[0-9.]+K? +[0-9]+s +- srv/'
shows 'sorted by them' '^ +4 .*- etc/'
press / ' a/' Enter Enter
shows 'opened' '^ +1[0-9] .*\+ b/'
check 'live' inside 'for i in 1 2 3 4 5 6 7; do echo >/srv/a/b/often; done'
shows 'it counts on' '^ +[23][0-9] .*- a/'
resize 40x10
shows 'at 40x10' 'srv/'
resize 80x24
shows 'at 80x24' '- srv/'
resize 100x24
press H
shows 'hot files' 'hot files'
shows 'the hottest first' '^ +[23][0-9] .* /srv/a/b/often'
press '&' '/etc' Enter
hides 'filtered' 'often'
press q q q
shows 'back to the stream' 'demo . feed  '
shows 'which follows' 'write .*/srv/a/b/often'
press S
shows 'down' 'demo is down'
press q
shows 'the list' '^  demo +stopped'
press f
shows 'its past' 'write .*/srv/a/b/often'
press G
shows 'up to its end' 'jail is stopped'
press s
shows 'booted' 'demo is up'
check 'a change' inside 'touch /root/new'
shows 'it goes on' 'create .*/root/new'
is 'without a gap or a repetition' 1 "$(picture | grep -c 'create .*/root/new')"
press Q
ended 'left'
finish
