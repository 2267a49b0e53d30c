#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hostile guest: whatever it does, the host's programs answer, tell the truth and let go of it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- "$@" </dev/null; }
in_state() { [ "$(state j)" = "$1" ]; }
reason() { gaol ls --json | sed -n 's/.*"reason": "\([^"]*\)".*/\1/p'; }
# Bytes that could steer a terminal.
steers() { LC_ALL=C grep -q $'[\001-\010\013-\037\177]'; }
# The program's standard input is no terminal, its output is one.
on_terminal() { script -qec "$* </dev/null" /dev/null </dev/null; }

check "new" gaol new --memory 128M j
check "start" gaol start j

# Names: 10,000 files, each with bytes that a terminal, a shell or git would act upon.
cat >"$work/names.py" <<'EOF'
import os
os.makedirs(b'/srv/n', exist_ok=True)
odd = [b'\x1b[2J', b'\x1b]0;owned\x07', b'\xe2\x80\xae', b'\n', b'\r', b'\x9b31m', b'\xff\xfe', b'%', b'.git',
       b'-rf', b'$(reboot)', b'\\', b'\t', b'\xc2\x9b2J']
for i in range(10000):
    open(b'/srv/n/' + odd[i % len(odd)] + b'%d' % i, 'wb').close()
EOF
check "names are copied in" gaol cp "$work/names.py" j:/srv/names.py
check "10,000 hostile names" inside python3 /srv/names.py
list=$(gaol diff --name-status j)
is "all are listed" 10000 "$(grep -c $'^A\t/srv/n/.' <<<"$list")"
if steers <<<"$list"; then bad "and escaped"; else ok "and escaped"; fi
check "a checkpoint holds them" gaol checkpoint j -m hostile
check "which git takes" git --git-dir="$GAOL_HOME/jails/j/checkpoints.git" fsck --strict
is "and nothing differs then" "" "$(gaol diff --name-status j)"

# What a program prints does not steer our terminal, with or without one of the guest's own.
seen=$(on_terminal "$GAOL exec j -- printf 'a\\033]0;owned\\007b\\033[6nc\\n'")
has "output without a terminal of its own is filtered" abc "$seen"
seen=$(on_terminal "$GAOL exec j -- sh -c 'printf \"a\\033]0;owned\\007b\\033[6nc\\n\" >&2' 2>&1")
has "standard error as well" abc "$seen"
is "a pipe gets every byte" $'\033]0;x\007' "$(inside printf '\033]0;x\007')"

# A link of the guest's does not choose the name of a copy on the host.
mkdir "$work/in"
echo mine >"$work/in/.bashrc"
# Directories inside each other, as deep as the guest can make them and move them: still undone.
check "a checkpoint before the depths" gaol checkpoint j -m shallow
is "the guest nests until it is refused" "ENAMETOOLONG ENAMETOOLONG" "$(inside python3 -c '
import errno, os
def dig(name):
    os.chdir("/srv"); os.mkdir(name); os.chdir(name)
    while True:
        try: os.mkdir("d"); os.chdir("d")
        except OSError as e: return e.errno
print(errno.errorcode[dig("a")], end=" ")
dig("b")
try: os.rename("/srv/a", "a"); print("moved")
except OSError as e: print(errno.errorcode[e.errno])
')"
check "a checkpoint of that" gaol checkpoint j -m deep
check "git can read it" git -C "$GAOL_HOME/jails/j/checkpoints.git" fsck --strict --no-dangling
check "and it is undone" gaol rollback j '~1'
is "nothing differs" "" "$(gaol diff j --name-status)"
check "and redone" gaol redo j
inside rm -rf /srv/a /srv/b

inside sh -c 'echo evil > /srv/.bashrc; ln -s /srv/.bashrc /srv/report.txt'
check "cp of a link" gaol cp j:/srv/report.txt "$work/in"
is "has the name that was asked for" evil "$(cat "$work/in/report.txt")"
is "and leaves others alone" mine "$(cat "$work/in/.bashrc")"

# init held by a debugger, so that it answers nobody: nothing waits for it for ever.
cat >"$work/hold.py" <<'EOF'
import ctypes, time
ctypes.CDLL(None).ptrace(16, 1, 0, 0)  # PTRACE_ATTACH
open('/srv/held', 'w').close()
time.sleep(1000)
EOF
check "hold.py is copied in" gaol cp "$work/hold.py" j:/srv/hold.py
"$GAOL" exec j -- python3 /srv/hold.py </dev/null >/dev/null 2>&1 &
holder=$!
check "init is held" soon 20 test -e "$GAOL_HOME/jails/j/upper/srv/held"
fails "exec can be interrupted" 124 timeout -k 5 2 "$GAOL" exec j -- true
fails "ps gives up" 1 timeout -k 5 20 "$GAOL" ps j
check "a checkpoint is made without its sync" timeout -k 5 40 "$GAOL" checkpoint j -m held
check "stop ends it" timeout -k 5 40 "$GAOL" stop j
wait $holder
check "start again" gaol start j

# A deep tree: deeper than descriptors, and longer than any path.
cat >"$work/deep.py" <<'EOF'
import os
os.chdir('/srv')
for i in range(1800):
    os.mkdir('deep')
    os.chdir('deep')
EOF
check "deep.py is copied in" gaol cp "$work/deep.py" j:/srv/deep.py
check "a deep tree" inside python3 /srv/deep.py

# The console flooded, at full speed.
inside sh -c 'yes "$(printf "\033[2J\033]0;owned\007")" >/dev/console 2>&1 &' >/dev/null
check "a flooded console: ls answers" timeout 20 "$GAOL" ls
check "exec answers" timeout 20 "$GAOL" exec j -- true
check "status is running" in_state running
inside pkill yes

# Forks and memory without end: the guest suffers, nobody else.
inside sh -c 'f() { f | f & }; f' >/dev/null 2>&1 &
bomb=$!
soon 2 false
check "a fork bomb: ls answers" timeout 20 "$GAOL" ls
check "stop ends it" timeout 40 "$GAOL" stop j
wait $bomb
is "it is stopped" stopped "$(state j)"
check "start again" gaol start j
timeout 60 "$GAOL" exec j -- python3 -c 'x = []
while True: x.append(bytearray(1 << 20))' </dev/null >/dev/null 2>&1
check "a memory bomb: ls answers" timeout 20 "$GAOL" ls
check "exec answers afterwards" timeout 30 "$GAOL" exec j -- true

# The channel between init and us: its descriptor stolen from init, and garbage written into it.
cat >"$work/garbage.py" <<'EOF'
import ctypes, os
libc = ctypes.CDLL(None)
init = os.pidfd_open(1)
for n in range(64):
    try:
        if 'vport' not in os.readlink('/proc/1/fd/%d' % n):
            continue
    except OSError:
        continue
    fd = libc.syscall(438, init, n, 0)  # pidfd_getfd
    while True:
        os.write(fd, os.urandom(4096))
EOF
check "garbage.py is copied in" gaol cp "$work/garbage.py" j:/srv/garbage.py
fails "garbage on the channel ends the client too" 1 timeout 20 "$GAOL" exec j -- python3 /srv/garbage.py
check "the jail is crashed" soon 20 in_state crashed
has "with the reason" '^channel: ' "$(reason)"
check "start brings it back" gaol start j
check "and it answers" inside true

# A copy under way when the jail is started, stopped, removed.
check "stop" gaol stop j
truncate -s 2G "$work/big"
gaol cp "$work/big" j:/srv/big >/dev/null 2>&1 &
copy=$!
soon 10 test -e "$GAOL_RUN/j/sock"
soon 10 test -e "$GAOL_HOME/jails/j/upper/srv/big"
check "start during a copy" timeout 30 "$GAOL" start j
wait $copy
is "the copy fails, the jail runs" 1/running "$?/$(state j)"

gaol rm -f j

# A client killed while it makes a jail.
mkdir -p "$GAOL_HOME/jails/.new-killed/upper/deep"
gaol new other
check "what may be in use stays" test -e "$GAOL_HOME/jails/.new-killed"
swept() { gaol rm -f other && gaol new other && [ ! -e "$GAOL_HOME/jails/.new-killed" ]; }
check "what a killed client left is swept, a little later" soon 30 swept
gaol rm -f other
check "nothing is left of it" nothing_left
finish
