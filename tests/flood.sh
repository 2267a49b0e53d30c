#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ten thousand flows wait for an admin: the oldest give way and that is told, memory stays small,
# and names are still answered at once. Part of check-long.
. "${BASH_SOURCE[0]%/*}/e2e/netlab.sh"
lab_enter "$@"
. "${BASH_SOURCE[0]%/*}/e2e/lib.sh"

cat >"$work/flood.py" <<'P'
import resource, socket, struct, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
held = []
for i in range(int(sys.argv[1])):
    s = socket.socket()
    s.setblocking(False)
    try:
        s.connect(("198.51.%d.%d" % (100 + i // 250 % 100, 1 + i % 250), 1000 + i % 7))
    except OSError:
        pass
    held.append(s)
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
d.settimeout(10)
times = []
for i in range(500):
    q = struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, 0) + b"\3www\3lab\4test\0\0\1\0\1"
    start = time.monotonic()
    d.sendto(q, ("10.0.2.3", 53))
    d.recv(600)
    times.append(time.monotonic() - start)
times.sort()
print(round(times[495] * 1e6))
time.sleep(int(sys.argv[2]))
P
gaol new n --net ask --memory 512M
check 'a jail that asks boots' gaol start n
gaol cp "$work/flood.py" n:/root/flood.py
quiet=$(gaol exec n -- /usr/bin/python3 /root/flood.py 0 0)
gaol exec n -- /usr/bin/python3 /root/flood.py 10500 30 >"$work/p99" &
flood=$!
check 'names are answered' soon 120 test -s "$work/p99"
p99=$(cat "$work/p99")
# A machine that is busy with other things answers late without any flood.
bar=$((quiet * 4 > 20000 ? quiet * 4 : 20000))
check "p99 of 500 answers: $p99 us, at most $bar (without the flood: $quiet)" [ "${p99:-999999}" -le $bar ]
has 'ten thousand wait' ' 10000 waiting$' "$(gaol net n | head -n 1)"
warden=$(gaol ls --json | sed -n 's/.*"warden": \([0-9]*\).*/\1/p')
for p in $(cat "/proc/$warden/task/$warden/children"); do
	for q in $p $(cat "/proc/$p/task/$p/children"); do
		grep -aq netpath "/proc/$q/cmdline" || continue
		kib=$(awk '/^VmHWM/ { print $2 }' "/proc/$q/status")
		check "memory of a process of the network: $kib KiB" [ "$kib" -lt 65536 ]
	done
done
check stop gaol stop n
wait $flood
has 'that the oldest gave way is told' 'more than 10000 flows wait' "$(gaol events n --class net)"
finish
