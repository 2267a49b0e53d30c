# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of netlab.sh: HTTP on port 80 of every address, DNS on port 53, UDP echo on port 7."""
import http.server
import os
import socket
import socketserver
import sys
import threading

LAB = sys.argv[1]
WHERE = ".host" if len(sys.argv) > 2 else ""
NAMES = {
    "www.lab.test": ("203.0.113.10", "2001:db8:1::10"),
    "v4.lab.test": ("203.0.113.10", None),
    "other.lab.test": ("198.51.100.10", None),
    "private.lab.test": ("192.168.77.10", None),
    "big.lab.test": ("203.0.113.10", None),
    "bigprivate.lab.test": ("192.168.77.10", None),
}


def log(line):
    with open(LAB + "/log", "a") as f:
        f.write(line + "\n")


class Web(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args):
        super().__init__(*args, directory=LAB + "/www")

    def log_message(self, fmt, *args):
        log("http %s %s" % (self.connection.getsockname()[0], self.path))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 4096


def question(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += 1 + q[at]
    return ".".join(labels).lower(), int.from_bytes(q[at + 1:at + 3], "big"), at + 5


def answer(q, stream=False):
    """Names with "big" are too long for a datagram: cut there (TC), whole by TCP."""
    name, kind, end = question(q)
    found = NAMES.get(name)
    data = None
    log("dns%s %s %d" % ("tcp" if stream else "", name, kind))
    if name.startswith("big") and not stream:
        return q[:2] + b"\x83\x80\x00\x01" + bytes(6) + q[12:end]
    if found and kind == 1 and found[0]:
        data = socket.inet_pton(socket.AF_INET, found[0])
    if found and kind == 28 and found[1]:
        data = socket.inet_pton(socket.AF_INET6, found[1])
    flags = b"\x81\x80" if found else b"\x81\x83"
    r = q[:2] + flags + b"\x00\x01" + (b"\x00\x01" if data else b"\x00\x00") + bytes(4) + q[12:end]
    if data:
        r += b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\x00\x01\x00\x00\x00\x3c"
        r += len(data).to_bytes(2, "big") + data
    return r


def serve_udp(port, reply):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", port))
    while True:
        q, peer = s.recvfrom(65535)
        try:
            s.sendto(reply(q), peer)
        except (IndexError, OSError, UnicodeDecodeError):
            pass


def echo(q):
    log("udp%s %s" % (WHERE, q[:40].decode("ascii", "replace")))
    return q


for port, reply in ((53, answer), (7, echo)):
    threading.Thread(target=serve_udp, args=(port, reply), daemon=True).start()
def serve_names():
    s = socket.create_server(("::", 53), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        c, _ = s.accept()
        try:
            with c, c.makefile("rb") as stream:
                while head := stream.read(2):
                    a = answer(stream.read(int.from_bytes(head, "big")), True)
                    c.sendall(len(a).to_bytes(2, "big") + a)
        except (IndexError, OSError, UnicodeDecodeError):
            pass


threading.Thread(target=serve_names, daemon=True).start()


def serve_short():
    s = socket.create_server(("::", 81), family=socket.AF_INET6, backlog=4096, dualstack_ipv6=True)
    while True:
        c, _ = s.accept()
        with c:
            if c.recv(16):
                c.sendall(b"y")


threading.Thread(target=serve_short, daemon=True).start()
web = Server(("::", 80), Web)
open(LAB + "/ready" + WHERE, "w").close()
web.serve_forever()
