# SPDX-License-Identifier: GPL-2.0-or-later
"""unwall.py PID FUNCTION: makes a function of a living process answer 1 at once (x86-64), so that a
test sees what gets through where that wall is missing. Exit status 77: this host lets nobody do it."""
import os
import subprocess
import sys

pid, name = sys.argv[1:]
exe = os.path.realpath("/proc/%s/exe" % pid)
table = subprocess.run(["nm", exe], check=True, capture_output=True, text=True).stdout
address = next(int(line.split()[0], 16) for line in table.splitlines() if line.endswith(" T " + name))
with open("/proc/%s/maps" % pid) as maps:
    base = next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(exe))
if subprocess.run(["readelf", "-h", exe], capture_output=True, text=True).stdout.find("EXEC (") >= 0:
    base = 0
try:
    with open("/proc/%s/mem" % pid, "r+b", buffering=0) as memory:
        memory.seek(base + address)
        memory.write(b"\xb8\x01\x00\x00\x00\xc3")  # mov eax, 1; ret
except PermissionError:
    sys.exit(77)
