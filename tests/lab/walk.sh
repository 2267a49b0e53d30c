# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest does with its root, one line per check; run by tests/lab/boot -c "$(cat ...)".
n=0; bad=0
t() { n=$((n + 1)); if eval "$2"; then :; else bad=$((bad + 1)); echo "FAIL: $1"; fi; }
mkdir -p /lab && cd /lab || exit 99
t "ls -l /usr" 'ls -l /usr >/dev/null'
t "create, read back" 'echo hello > a && [ "$(cat a)" = hello ]'
t "append" 'echo more >> a && [ "$(wc -l < a)" = 2 ]'
t "rename" 'mv a b && [ ! -e a ] && [ -s b ]'
t "rename over" 'echo x > c && mv c b && [ "$(cat b)" = x ]'
t "link" 'ln b d && [ "$(stat -c %h b)" = 2 ] && [ "$(stat -c %i b)" = "$(stat -c %i d)" ]'
t "unlink" 'rm d && [ ! -e d ] && [ "$(stat -c %h b)" = 1 ]'
t "symlink" 'ln -s /etc/passwd s && [ "$(readlink s)" = /etc/passwd ] && grep -q root s'
t "mkdir, rmdir" 'mkdir -m 711 dd && [ "$(stat -c %a dd)" = 711 ] && rmdir dd'
t "umask" '(umask 027; echo > u; mkdir ud) && [ "$(stat -c %a u)" = 640 ] && [ "$(stat -c %a ud)" = 750 ]'
t "chmod 4755" 'cp /bin/true tr && chmod 4755 tr && [ "$(stat -c %a tr)" = 4755 ]'
t "write clears set-id" 'chown 33 tr && chmod 4755 tr && setpriv --reuid 33 --clear-groups sh -c "echo >> tr" && [ "$(stat -c %a,%y tr | cut -d, -f1)" = 755 ]'
t "chown" 'chown 33:34 b && [ "$(stat -c %u:%g b)" = 33:34 ]'
t "ns times" 'touch -d "2001-02-03 04:05:06.123456789" b && [ "$(stat -c %y b)" = "$(date -d "2001-02-03 04:05:06.123456789" "+%F %T.%N %z")" ]'
t "truncate" 'truncate -s 12345678 big && [ "$(stat -c %s big)" = 12345678 ] && truncate -s 0 big'
t "fallocate" 'fallocate -l 1M big && [ "$(stat -c %s big)" = 1048576 ]'
t "xattr" 'setfattr -n user.x -v y b && [ "$(getfattr --only-values -n user.x b 2>/dev/null)" = y ] && setfattr -x user.x b'
t "setcap" 'setcap cap_net_raw+ep tr && getcap tr | grep -q cap_net_raw'
t "acl" 'setfacl -m u:33:r b && getfacl -p b | grep -q "user:33:r--\|user:www-data:r--"'
t "default acl" 'mkdir da && setfacl -d -m u:77:rwx da && (umask 077; echo > da/f; mkdir da/g) && getfacl -np da/f | grep -q "user:77:rwx.*#effective:rw-" && getfacl -np da/g | grep -q "default:user:77:rwx"'
t "mknod" 'mknod n c 1 3 && [ -c n ] && echo > n && mknod nb b 7 1 && [ -b nb ] && mkfifo p && [ -p p ]'
t "null device reads" '[ "$(wc -c < n)" = 0 ]'
t "fifo works" '(echo through > p &) && [ "$(cat p)" = through ]'
t "uid 1000 own files" 'mkdir -m 777 o && setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "cd o && echo 1 > f && chmod 600 f && echo 2 >> f && mv f g && [ \$(wc -l < g) = 2 ] && rm g"'
t "uid 1000 refused" 'echo > secret; chmod 600 secret; ! setpriv --reuid 1000 --regid 1000 --clear-groups cat secret 2>/dev/null'
t "sticky" '[ "$(stat -c %a /lab/o)" = 777 ] && chmod 1777 o && echo > o/r && ! setpriv --reuid 1000 --clear-groups rm -f o/r 2>/dev/null'
t "O_TMPFILE" 'python3 -c "
import os
fd = os.open(\"/lab\", os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b\"unnamed\")
import ctypes
assert ctypes.CDLL(None).linkat(-100, b\"/proc/self/fd/%d\" % fd, -100, b\"/lab/tm\", 0x400) == 0
" && [ "$(cat tm)" = unnamed ] && [ "$(stat -c %a tm)" = 640 ]'
t "unlinked while open" 'exec 8<>uo && rm uo && echo data >&8 && exec 8>&-'
t "SEEK_HOLE" 'python3 -c "
import os
f = os.open(\"/lab/holes\", os.O_RDWR | os.O_CREAT)
os.pwrite(f, b\"x\", 1 << 20)
assert os.lseek(f, 0, os.SEEK_DATA) >= (1 << 20) - 65536
assert os.lseek(f, 1 << 20, os.SEEK_HOLE) == (1 << 20) + 1
"'
t "copy_file_range" 'python3 -c "
import os
a = os.open(\"/lab/cf\", os.O_RDWR | os.O_CREAT); b = os.open(\"/lab/cg\", os.O_RDWR | os.O_CREAT)
os.write(a, b\"0123456789\")
assert os.copy_file_range(a, b, 5, 5, 0) == 5
assert os.pread(b, 9, 0) == b\"56789\"
"'
t "exchange" 'python3 -c "
import ctypes
c = ctypes.CDLL(None, use_errno=True)
open(\"/lab/e1\",\"w\").write(\"1\"); open(\"/lab/e2\",\"w\").write(\"2\")
assert c.renameat2(-100, b\"/lab/e1\", -100, b\"/lab/e2\", 2) == 0
assert open(\"/lab/e1\").read() == \"2\"
assert c.renameat2(-100, b\"/lab/e1\", -100, b\"/lab/e2\", 1) == -1 and ctypes.get_errno() == 17
"'
t "O_DIRECT" 'dd if=/usr/bin/python3 of=/lab/di bs=4096 count=64 iflag=direct oflag=direct 2>/dev/null && cmp -n 262144 /usr/bin/python3 di'
t "O_DIRECT from a zero page" 'python3 -c "
import mmap, os
m = mmap.mmap(-1, 4096, prot=mmap.PROT_READ)
f = os.open(\"/lab/zp\", os.O_WRONLY | os.O_CREAT | os.O_DIRECT)
try:
    os.writev(f, [memoryview(m)])
except OSError as e:
    assert e.errno in (5, 14), e.errno
"'
t "alive after that" 'echo yes > alive && [ "$(cat alive)" = yes ]'
t "mmap shared" 'python3 -c "
import mmap
f = open(\"/lab/mm\", \"w+b\"); f.truncate(8192)
m = mmap.mmap(f.fileno(), 8192); m[4096:4100] = b\"page\"; m.flush(); m.close()
assert open(\"/lab/mm\", \"rb\").read()[4096:4100] == b\"page\"
"'
t "locks" 'python3 -c "
import fcntl
f = open(\"/lab/lk\", \"w\"); fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_EX)
"'
t "change a base file" 'echo "# lab" >> /etc/fstab && tail -n 1 /etc/fstab | grep -q lab'
t "delete a base file" 'rm /etc/debian_version && [ ! -e /etc/debian_version ] && ! ls /etc | grep -q "^debian_version$"'
t "rename a base directory" 'mv /usr/share/doc /usr/share/doc2 && [ -d /usr/share/doc2 ] && [ ! -e /usr/share/doc ]'
t "255 byte name" 'N=$(printf %255s | tr " " n) && echo > $N && [ -e $N ] && rm $N && ! (echo > n$N) 2>/dev/null'
t "5000 entries" 'mkdir many && (cd many && seq 5000 | xargs touch) && [ "$(ls many | wc -l)" = 5000 ] && rm -r many'
t "cannot see shadow" '! cat /etc/shadow 2>/dev/null'
t "statfs" 'df /lab | tail -n 1 | grep -q gaolfs'
t "sync" sync
t "python3" '[ "$(python3 -c "print(1)")" = 1 ]'
if command -v gcc >/dev/null; then
	printf '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n' > h.c
	t "gcc" 'gcc -o h h.c && [ "$(./h)" = compiled ]'
fi
if command -v git >/dev/null; then
	t "git" 'git init -q g && cd g && git config user.email a@b && git config user.name c && echo 1 > f && git add f && git commit -qm m && cd .. && git clone -q g g2 && [ "$(cat g2/f)" = 1 ]'
fi
t "apt list" 'apt list --installed 2>/dev/null | grep -q ^bash/'
echo "walk: $n checks, $bad failed"
exit $bad
