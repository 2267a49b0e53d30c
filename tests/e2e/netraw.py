# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw frames of a jail's root: netraw.py GATEWAY-MAC KIND PAYLOAD; see the table at the end."""
import socket
import struct
import sys

CARD = "eth0"
MY_MAC = open("/sys/class/net/%s/address" % CARD).read().strip()
GUEST, GUEST6, SERVER, SERVER6 = "10.0.2.15", "fd00::15", "203.0.113.10", "2001:db8:1::10"


def mac(text):
    return bytes(int(x, 16) for x in text.split(":"))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(source, to, payload, port=7):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    length = 8 + len(payload)
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, to)
    pseudo = ends + struct.pack("!HH" if family == socket.AF_INET else "!II", *(
        (17, length) if family == socket.AF_INET else (length, 17)))
    head = struct.pack("!HHHH", 4242, port, length, 0)
    return head[:6] + struct.pack("!H", checksum(pseudo + head + payload) or 0xffff) + payload


def ip4(source, to, body, ident=1, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, fragment, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(to))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ip6(source, to, body, following=17):
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), following, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, to)) + body


def fragments(to, payload):
    whole = udp(GUEST, to, payload)
    return [ip4(GUEST, to, whole[:8], 77, 0x2000), ip4(GUEST, to, whole[8:], 77, 1)]


def hidden(to, payload, kind):
    """UDP behind a header of hop-by-hop (0), routing (43) or destination options (60)."""
    options = bytes([17, 0, 1, 4, 0, 0, 0, 0]) if kind != 43 else bytes([17, 0, 4, 0, 0, 0, 0, 0])
    return ip6(GUEST6, to, options + udp(GUEST6, to, payload), kind)


def arp(sender, sender_mac, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, mac(sender_mac), socket.inet_aton(sender),
                       b"\xff" * 6, socket.inet_aton(target))


def advert(target, its_mac):
    """An unsolicited neighbour advertisement that overrides what is known (RFC 4861)."""
    body = struct.pack("!BBHI16sBB6s", 136, 0, 0, 0x20000000, socket.inet_pton(socket.AF_INET6, target),
                       2, 1, mac(its_mac))
    ends = [socket.inet_pton(socket.AF_INET6, a) for a in (target, "fd00::14")]
    body = body[:2] + struct.pack("!H", checksum(b"".join(ends) + struct.pack("!II", len(body), 58) +
                                                 body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ends[0] + ends[1] + body


gateway, kind, text = sys.argv[1:4]
text = text.encode()
# kind: ethertype, packets
FRAMES = {
    "true4": (0x800, lambda: [ip4(GUEST, SERVER, udp(GUEST, SERVER, text))]),
    "true6": (0x86dd, lambda: [ip6(GUEST6, SERVER6, udp(GUEST6, SERVER6, text))]),
    "spoof4": (0x800, lambda: [ip4("10.0.2.99", SERVER, udp("10.0.2.99", SERVER, text))]),
    "spoofhost": (0x800, lambda: [ip4("10.0.2.2", SERVER, udp("10.0.2.2", SERVER, text))]),
    "spoof6": (0x86dd, lambda: [ip6("fd00::99", SERVER6, udp("fd00::99", SERVER6, text))]),
    "private": (0x800, lambda: [ip4(GUEST, "192.168.77.10", udp(GUEST, "192.168.77.10", text))]),
    "host": (0x800, lambda: [ip4(GUEST, "203.0.113.1", udp(GUEST, "203.0.113.1", text))]),
    "loopback": (0x800, lambda: [ip4(GUEST, "127.0.0.1", udp(GUEST, "127.0.0.1", text))]),
    "slirphost": (0x800, lambda: [ip4(GUEST, "10.0.2.2", udp(GUEST, "10.0.2.2", text))]),
    "mapped": (0x86dd, lambda: [ip6(GUEST6, "::ffff:127.0.0.1",
                                    udp(GUEST6, "::ffff:127.0.0.1", text))]),
    "mapped2": (0x86dd, lambda: [ip6(GUEST6, "::ffff:203.0.113.1",
                                     udp(GUEST6, "::ffff:203.0.113.1", text))]),
    "loopback6": (0x86dd, lambda: [ip6(GUEST6, "::1", udp(GUEST6, "::1", text))]),
    "fragments": (0x800, lambda: fragments(SERVER, text)),
    "fragprivate": (0x800, lambda: fragments("192.168.77.10", text)),
    "hopbyhop": (0x86dd, lambda: [hidden(SERVER6, text, 0)]),
    "routing": (0x86dd, lambda: [hidden(SERVER6, text, 43)]),
    "options": (0x86dd, lambda: [hidden(SERVER6, text, 60)]),
    "vlan": (0x8100, lambda: [b"\0\x01\x08\0" + ip4(GUEST, SERVER, udp(GUEST, SERVER, text))]),
    "arp": (0x806, lambda: [arp(GUEST, "02:00:00:00:00:99", "10.0.2.14"),
                            arp("10.0.2.14", "02:00:00:00:00:98", GUEST),
                            arp("10.0.2.2", "02:00:00:00:00:97", GUEST)]),
    "nd": (0x86dd, lambda: [advert(GUEST6, "02:00:00:00:00:99"),
                            advert("fd00::2", "02:00:00:00:00:97")]),
}
ethertype, packets = FRAMES[kind]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((CARD, 0))
for p in packets():
    s.send(mac(gateway) + mac(MY_MAC) + struct.pack("!H", ethertype) + p)
