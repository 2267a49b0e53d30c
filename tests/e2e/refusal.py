# SPDX-License-Identifier: GPL-2.0-or-later
"""A filter of seccomp(2) on x86-64 that makes a system call fail, for scripts that run a program as on
another kernel."""
import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NUMBER, ARGUMENT = 0, (16, 24, 32)  # places in struct seccomp_data


def run_without(call, error, *arguments):
    """Runs the command line's program; call (a number) fails with error where its first arguments are
    those given, None: whatever it is."""
    tests = [(NUMBER, call)] + [(ARGUMENT[i], a) for i, a in enumerate(arguments) if a is not None]
    code = []
    for i, (place, value) in enumerate(tests):
        code += [(LOAD, 0, 0, place), (EQUAL, 0, 2 * (len(tests) - i) - 1, value)]
    code += [(RETURN, 0, 0, ERRNO | error), (RETURN, 0, 0, ALLOW)]
    program = b"".join(struct.pack("<HBBI", *c) for c in code)
    room = ctypes.create_string_buffer(program)
    fprog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(room)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, fprog, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        sys.exit("seccomp: %s" % os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[1], sys.argv[1:])
