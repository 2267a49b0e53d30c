# SPDX-License-Identifier: GPL-2.0-or-later
"""nolandlock.py COMMAND...: runs it as on a kernel without Landlock: landlock_create_ruleset(2) fails
with ENOSYS. A filter of seccomp(2) on x86-64."""
import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
CREATE_RULESET, ENOSYS = 444, 38
code = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, CREATE_RULESET), (RETURN, 0, 0, ERRNO | ENOSYS), (RETURN, 0, 0, ALLOW)]
program = b"".join(struct.pack("<HBBI", *c) for c in code)
room = ctypes.create_string_buffer(program)
fprog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(room)))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
if libc.prctl(22, 2, fprog, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    sys.exit("seccomp: %s" % os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
