#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A jail's network in mode open: right bytes over both families, names, and what stays closed.
. "${BASH_SOURCE[0]%/*}/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/lib.sh"

echo hello >"$LAB/www/hello"
head -c 3000000 /dev/urandom >"$LAB/www/big"
sum=$(sha256sum <"$LAB/www/big")

gaol new n --net open
check 'a jail with a network boots' gaol start n
in_jail() { gaol exec n -- "$@"; }

is 'curl over IPv4' hello "$(in_jail curl -s -m 20 http://$LAB4/hello)"
is 'curl over IPv6' hello "$(in_jail curl -s -m 20 "http://[$LAB6]/hello")"
is 'a name is looked up by the host'"'"'s resolver' hello "$(in_jail curl -s -m 20 http://v4.lab.test/hello)"
is 'right bytes, 8 at once' 8 "$(in_jail sh -c '
	for i in 1 2 3 4 5 6 7 8; do curl -s -m 60 http://'$LAB4'/big -o /tmp/$i & done; wait
	sha256sum /tmp/[1-8]' | grep -c "^${sum%% *}")"

# An echo request with a socket that needs no rights
ping() {
	in_jail /usr/bin/python3 -c '
import socket, sys
v6 = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM, 58 if v6 else 1)
s.settimeout(20)
s.connect((sys.argv[1], 0))
s.send(bytes([128 if v6 else 8, 0, 0, 0, 0, 0, 0, 1]) + b"echo of a jail")
print(s.recv(100)[8:].decode())' "$1" 2>&1 | tail -1
}
is 'an echo request is answered' 'echo of a jail' "$(ping $LAB4)"

for to in $LAB_PRIVATE $LAB_META 203.0.113.1 10.0.2.2 "[::ffff:127.0.0.1]" private.lab.test; do
	hasnt "closed: $to" hello "$(in_jail curl -s -m 3 "http://$to/hello" 2>&1)"
done

# Frames
"$GAOL" pcap n "$work/frames" &
pcap=$!
frames() { [ "$(stat -c %s "$work/frames" 2>/dev/null || echo 0)" -gt "$1" ]; }
check 'a recording begins' soon 20 frames 50
in_jail curl -s -m 20 http://$LAB4/hello >/dev/null
check 'frames are recorded' soon 20 grep -q 'GET /hello' "$work/frames"
kill -TERM $pcap
wait $pcap
is 'it ends in good order' 0 $?
check 'every block of it is whole' python3 -c '
import struct, sys
p, at, n = open(sys.argv[1], "rb").read(), 0, 0
while at < len(p):
    size = struct.unpack_from("<I", p, at + 4)[0]
    assert size % 4 == 0 and struct.unpack_from("<I", p, at + size - 4)[0] == size
    n += struct.unpack_from("<I", p, at)[0] == 6
    at += size
assert n > 5, n' "$work/frames"
[ ! -x /usr/bin/tcpdump ] || has 'tcpdump reads it' 'IP 10.0.2.15.* > 203.0.113.10.80' \
	"$(tcpdump -nr "$work/frames" 2>/dev/null)"
finish
