# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of bench/net.sh, the same for every contender; each prints seconds.

net.py get HOST BYTES      one download
net.py short HOST COUNT    connections one after the other: a request, its answer, the end
net.py own BYTES           the same download from a server in the same guest, over its loopback
"""
import os
import socket
import sys
import time


def get(host, size, port=80):
    room = bytearray(1 << 20)
    s = socket.create_connection((host, port))
    s.sendall(b"GET /zero HTTP/1.0\r\n\r\n")
    start, n = time.monotonic(), 0
    while k := s.recv_into(room):
        n += k
    if n < size:
        raise SystemExit("only %d bytes came" % n)
    return time.monotonic() - start


def short(host, count):
    start = time.monotonic()
    for _ in range(count):
        with socket.create_connection((host, 81)) as s:
            s.sendall(b"x")
            if s.recv(16) != b"y":
                raise SystemExit("a wrong answer")
    return time.monotonic() - start


def own(size):
    at = socket.create_server(("127.0.0.1", 8080))
    if not os.fork():
        c, _ = at.accept()
        c.recv(100)
        some = bytes(1 << 20)
        for _ in range(size >> 20):
            c.sendall(some)
        os._exit(0)
    return get("127.0.0.1", size, 8080)


kind = sys.argv[1]
if kind == "get":
    print(get(sys.argv[2], int(sys.argv[3])))
elif kind == "short":
    print(short(sys.argv[2], int(sys.argv[3])))
else:
    print(own(int(sys.argv[2])))
