# SPDX-License-Identifier: GPL-2.0-or-later
"""bombs.py KIND: one of the bombs of tests/attacks/test_bombs.sh and bench/bombs.sh, inside a jail,
until it is killed. KIND work: what an honest jail does, N rounds of it, and then it ends; busy: the
same without an end."""
import os
import signal
import sys

HERE = os.environ.get('BOMBS', '/srv/bombs')


def tried(what, *args):
    """A bomb goes on whatever it meets."""
    try:
        return what(*args)
    except (OSError, MemoryError):
        return None


def fork():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        tried(os.fork)


def memory():
    while True:
        pid = tried(os.fork)
        if pid == 0:
            held = []
            while True:
                held.append(bytearray(b'x' * (4 << 20)))
        elif pid:
            os.waitpid(pid, 0)


def disk():
    n = 0
    while True:
        n += 1
        path = '%s/big%d' % (HERE, n % 8)
        tried(os.unlink, path)
        fd = tried(os.open, path, os.O_WRONLY | os.O_CREAT, 0o644)
        if fd is None:
            continue
        while tried(os.write, fd, b'x' * (1 << 20)):
            pass
        os.close(fd)


def inode():
    n = 0
    while True:
        n += 1
        path = '%s/i%d' % (HERE, n)
        if tried(os.mkdir, path) is None and not os.path.exists(path):
            tried(os.rmdir, '%s/i%d' % (HERE, n - 1))


def event():
    a, b = HERE + '/a', HERE + '/b'
    while True:
        fd = tried(os.open, a, os.O_WRONLY | os.O_CREAT, 0o644)
        if fd is not None:
            tried(os.write, fd, b'x')
            os.close(fd)
        tried(os.rename, a, b)
        tried(os.chmod, b, 0o600)
        tried(os.unlink, b)


def console():
    fd = os.open('/dev/console', os.O_WRONLY)
    line = b'\033[31mflood\033]0;title\007 \033[6n' * 100 + b'\n'
    while True:
        tried(os.write, fd, line)


def fuse():
    """Many at once ask for what is in no cache: names that are not there, whole directories."""
    for _ in range(15):
        if tried(os.fork) == 0:
            break
    n = os.getpid() << 32
    while True:
        n += 1
        tried(os.stat, '/usr/share/none%d' % n)
        if n % 64 == 0:
            tried(os.listdir, '/usr/bin')
            fd = tried(os.open, HERE + '/sync%d' % os.getpid(), os.O_WRONLY | os.O_CREAT, 0o644)
            if fd is not None:
                tried(os.write, fd, b'x')
                tried(os.fsync, fd)
                os.close(fd)


def round_of_work(n):
    path = HERE + '/work%d' % (n % 16)
    sum(i * i for i in range(20000))
    with open(path, 'wb') as f:
        f.write(b'x' * 16384)
    with open(path, 'rb') as f:
        f.read()
    os.unlink(path)
    if n % 4 == 0:
        pid = os.fork()
        if pid == 0:
            os.execv('/bin/true', ['true'])
        os.waitpid(pid, 0)


def work():
    for n in range(int(sys.argv[2])):
        round_of_work(n)


def busy():
    n = 0
    while True:
        n += 1
        round_of_work(n)


os.makedirs(HERE, exist_ok=True)
{f.__name__: f for f in (fork, memory, disk, inode, event, console, fuse, work, busy)}[sys.argv[1]]()
