#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints core/unicode_table.h: run as python3 core/unicode_gen.py > core/unicode_table.h.

Needed only to move to a newer Unicode; the data is Python's own copy of the Unicode data base.
"""
import unicodedata

UNSAFE, NARROW, WIDE, MARK = range(4)

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which Python does not carry, and the
# blank Braille pattern: all of them draw nothing.
INVISIBLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]
# Vowels and final consonants of Hangul: drawn into the cell of the leading consonant.
JAMO = [(0x1160, 0x11FF), (0xD7B0, 0xD7FF)]
# Circled numbers on black squares and the hexagrams: the C library, and so curses, takes them for
# wide (as Unicode 16 does with the latter).
WIDE_TOO = [(0x3248, 0x324F), (0x4DC0, 0x4DFF)]


def within(cp, ranges):
    return any(a <= cp <= b for a, b in ranges)


def classify(cp):
    ch = chr(cp)
    cat = unicodedata.category(ch)
    if within(cp, INVISIBLE) or cat in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return UNSAFE
    if cat in ("Mn", "Me") or within(cp, JAMO):
        return MARK
    if within(cp, WIDE_TOO):
        return WIDE
    return WIDE if unicodedata.east_asian_width(ch) in "WF" else NARROW


runs, last = [], None
for cp in range(0x110000):
    c = classify(cp)
    if c != last:
        runs.append(cp << 2 | c)
        last = c

print("/* SPDX-License-Identifier: GPL-2.0-or-later */")
print("/* Printed by core/unicode_gen.py from Unicode %s: where a run of characters of one class" %
      unicodedata.unidata_version)
print(" * begins, as code point << 2 | class (enum text_class). Included by text.c alone. */")
print("static const uint32_t unicode_runs[] = {")
line = "\t"
for r in runs:
    item = "0x%x," % r
    if len(line) + 7 + len(item) + 1 > 100:
        print(line.rstrip())
        line = "\t"
    line += item + " "
print(line.rstrip())
print("};")
