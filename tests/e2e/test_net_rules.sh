#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A jail whose rules say what it reaches: names and addresses, apt and git through them, a rule that
# comes later and cuts; ports of the host, quota and rate.
. "${BASH_SOURCE[0]%/*}/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/lib.sh"

www=$LAB/www
echo hello >"$www/hello"

# A repository of packages with one, and one of git that plain files serve.
make_deb() {
	mkdir -p "$www/deb/p/DEBIAN" "$www/deb/p/usr/share/gaoltest"
	printf 'Package: gaoltest\nVersion: 1.0\nArchitecture: all\nMaintainer: test <t@lab.test>\nDescription: test\n' \
		>"$www/deb/p/DEBIAN/control"
	echo installed >"$www/deb/p/usr/share/gaoltest/word"
	dpkg-deb --root-owner-group -b "$www/deb/p" "$www/deb/gaoltest.deb" >/dev/null
	(cat "$www/deb/p/DEBIAN/control"
		printf 'Filename: ./gaoltest.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s "$www/deb/gaoltest.deb")" \
			"$(sha256sum "$www/deb/gaoltest.deb" | cut -d' ' -f1)") >"$www/deb/Packages"
}
make_git() {
	git init -q "$work/src"
	echo content >"$work/src/file"
	git -C "$work/src" add -A
	git -C "$work/src" -c user.name=t -c user.email=t@lab.test commit -qm one
	git clone -q --bare "$work/src" "$www/repo.git"
	git -C "$www/repo.git" update-server-info
}
make_deb
make_git

gaol new n --net list --allow v4.lab.test:80 --allow big.lab.test:80 --allow "tcp/[$LAB6]:80" -p 18080:80
check 'a jail with rules boots' gaol start n
in_jail() { gaol exec n -- "$@"; }
get() { in_jail curl -s -m 20 "http://$1/hello"; }
is 'a name of a rule' hello "$(get v4.lab.test)"
is 'and its address, once it was asked for' hello "$(get $LAB4)"
is 'an address of a rule' hello "$(get "[$LAB6]")"
is 'no rule, no way' '' "$(get 198.51.100.10)"
is 'no rule for a name: it is not even asked for' '' "$(get other.lab.test)"
check 'the name server never heard of it' eval '! grep -q other "$LAB/log"'
is 'a private address' '' "$(get $LAB_PRIVATE)"
is 'metadata' '' "$(get $LAB_META)"
is 'the host' '' "$(get 203.0.113.1)"

# An answer that is too long for a datagram comes by TCP, under the same rules.
is 'a name whose answer is cut is asked for by TCP' hello "$(get big.lab.test)"
check 'it was' grep -q '^dnstcp big.lab.test 1' "$LAB/log"
by_tcp() {
	in_jail /usr/bin/python3 -c '
import socket, sys
q = b"\x12\x34\x01\x00\x00\x01" + bytes(6)
q += b"".join(bytes([len(l)]) + l.encode() for l in sys.argv[1].split(".")) + b"\0\0\1\0\1"
s = socket.create_connection((sys.argv[2], 53), 20)
for c in len(q).to_bytes(2, "big") + q:  # a byte a packet
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.send(bytes([c]))
try: print(len(s.recv(1000)) > 30)
except OSError: print(False)' "$1" "$2"
}
is 'in pieces' True "$(by_tcp big.lab.test 10.0.2.3)"
is 'a name that no rule has' False "$(by_tcp secret.lab.test 10.0.2.3)"
check 'the name server never heard of it by TCP either' eval '! grep -q secret "$LAB/log"'

apt() {
	in_jail env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dir::Etc::sourcelist=/root/list \
		-o Dir::Etc::sourceparts=- -o Acquire::Languages=none -o Acquire::http::Timeout=20 "$@"
}
in_jail sh -c 'echo "deb [trusted=yes] http://v4.lab.test/deb ./" >/root/list'
check 'apt-get update' apt update
check 'apt-get install' apt -y install gaoltest
is 'it is installed' installed "$(in_jail cat /usr/share/gaoltest/word)"
check 'git clone' in_jail git clone -q http://v4.lab.test/repo.git /root/clone
is 'it is whole' content "$(in_jail cat /root/clone/file)"

# A port of the host
in_jail sh -c 'mkdir -p /srv/w && echo inside >/srv/w/hello && cd /srv/w &&
	exec setsid /usr/bin/python3 -m http.server 80 >/dev/null 2>&1 &'
check 'a port of the host leads into the jail' soon 30 eval \
	'[ "$(curl -s -m 5 http://127.0.0.1:18080/hello)" = inside ]'
fails 'but only from the host itself' 7 curl -s -m 5 http://203.0.113.1:18080/hello
check stop gaol stop n

# What follows is the same for everybody.
[ "$(id -u)" = 0 ] || finish

# Quota and rate
head -c 3000000 /dev/urandom >"$www/big"
gaol set n net.mode=open net.quota=1M
gaol start n
in_jail curl -s -m 3 http://$LAB4/big -o /tmp/big
check 'more than the quota does not come' in_jail sh -c '[ "$(stat -c %s /tmp/big)" -lt 1100000 ]'
is 'and then nothing' '' "$(in_jail curl -s -m 2 http://$LAB4/hello)"
check 'that is told' soon 20 grep -q 'offline: the quota' "$GAOL_HOME/jails/n/log"
check stop gaol stop n
gaol set n net.quota=0 net.rate=1M
gaol start n
from=${EPOCHREALTIME/[.,]/}
check 'a rate' in_jail curl -s -m 60 http://$LAB4/big -o /tmp/big
took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
check "3 MB at 1 MiB/s take their time: $took ms" [ $took -gt 2000 ]
check stop gaol stop n

# A kernel without queues
without() { python3 -B "${BASH_SOURCE[0]%/*}/noqueue.py" "$GAOL" "$@"; }
for mode in list ask; do
	gaol set n net.rate=0 net.mode=$mode
	has "no NFQUEUE: $mode says so" 'NFQUEUE' "$(without start n 2>&1)"
	is 'and does not run' failed "$(state n)"
done
gaol set n net.mode=open
check 'open runs' without start n
is 'and works' hello "$(in_jail curl -s -m 20 http://v4.lab.test/hello)"
is 'what is private stays closed' '' "$(get $LAB_PRIVATE)$(get $LAB_META)$(get 203.0.113.1)"
has 'doctor tells' '^warn  network.*queues' "$(without doctor 2>&1)"
finish
