#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks by a guest's root, whose kernel holds, on the host and on the admin who looks at the jail.
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

inside() { gaol exec j -- "$@" </dev/null; }
upper() { printf '%s' "$GAOL_HOME/jails/j/upper"; }
window=$GAOL_RUN/j/root
echo treasure >"$work/secret"
mkdir "$work/victim" "$work/shown" && echo mine >"$work/victim/f" && echo shown >"$work/shown/f"
chmod 700 "$work/victim" && chmod 600 "$work/secret"

check "new" gaol new --memory 128M --cow "$work/shown" --hide /usr/share/doc j
check "start" gaol start j

# Doors of the guest's own kernel to the host.
for fs in hostfs nfs 9p ext4 cifs overlay; do
	check "no $fs to mount" inside sh -c "! mount -t $fs none /mnt 2>/dev/null"
done
inside sh -c 'cd /srv; mknod mem c 1 1; mknod port c 1 4; mknod disk b 8 0; mknod vd b 254 0; mknod fuse c 10 229; mknod kvm c 10 232' 2>/dev/null
for node in mem port disk vd kvm; do
	fails "a device node leads nowhere: $node" 1 inside sh -c "head -c1 /srv/$node >/dev/null 2>&1 && exit 0 || exit 1"
done
fails "no processor port" 1 inside sh -c 'test -e /dev/port || test -e /dev/mem || test -e /proc/kcore'
fails "another jail's or the warden's socket is not to be found" 1 inside sh -c "test -e $GAOL_RUN/j/sock"
fails "the host's directory is not seen" 1 inside sh -c "test -e $work/secret"
fails "nor through the shown one" 1 inside sh -c "cat $work/shown/../secret || cat $work/shown/./../../$(basename "$work")/secret"
inside ln -s ../secret "$work/shown/link"
fails "nor by a link planted there" 1 inside cat "$work/shown/link"
has "a refused attempt is an event" 'refuse +/usr/share/doc' \
	"$(inside sh -c 'mkdir /usr/share/doc; true' 2>/dev/null; gaol events j --since 0 --no-follow --class denied)"

# A window that the admin's tools walk.
if [ -e "$window/usr" ]; then
	inside sh -c 'mkdir /srv/w; cd /srv/w; ln -s /etc/passwd p; ln -s ../../../../../../../../../../../..'"$work"'/secret s; ln -s / root; ln -s . self; mkfifo fifo; mkdir -p a/b; ln -s ../../a a/b/up; echo needle > a/f'
	has "grep -r ends, with what is there" needle "$(timeout 20 grep -r needle "$window/srv/w" 2>/dev/null)"
	check "find -L ends" timeout 20 sh -c "find -L '$window/srv/w' -maxdepth 6 >/dev/null 2>&1 || true"
	check "diff -r ends" timeout 20 sh -c "diff -r --no-dereference '$window/srv/w' '$work/shown' >/dev/null; [ \$? = 1 ]"
	check "tar ends" timeout 20 tar -C "$window/srv" -cf "$work/w.tar" w
	hasnt "a link out of it does not lead to the host's" treasure "$(cat "$window/srv/w/s" 2>&1)"
	if [ "$(id -u)" = 0 ]; then
		has "root's windows follow no link at all" 'Too many levels' "$(cat "$window/srv/w/p" 2>&1)"
	else
		is "an absolute one leads to the jail's own" "$(cat "$window/etc/passwd")" "$(cat "$window/srv/w/p")"
	fi
else
	ok "no windows here"
fi

# Repositories that run programs for whoever looks at them.
marker=$work/ran
poison() {
	printf 'mkdir -p %s; cd %s; git init -q repo; cd repo; git config core.fsmonitor "touch %s; false"; git config core.pager "touch %s; cat"; git config core.sshCommand "touch %s"
		printf "#!/bin/sh\ntouch %s\n" > .git/hooks/post-checkout; chmod 755 .git/hooks/post-checkout; cp .git/hooks/post-checkout .git/hooks/post-index-change
		git init -q --bare ../bare; git -C ../bare config core.fsmonitor "touch %s"; git -C ../bare config alias.log "!touch %s"
		printf "* filter=evil diff=evil\n" > .gitattributes; printf "[submodule \\"x\\"]\n\tpath = x\n\turl = ext::touch\\\\040%s\n" > .gitmodules; echo x > f
		git add -f . ; git -c user.name=x -c user.email=x@x -c core.fsmonitor= commit -qm x' "$1" "$1" "$marker" "$marker" "$marker" "$marker" "$marker" "$marker" "$marker"
}
mkdir "$work/wild"
sh -c "$(poison "$work/wild")" >/dev/null 2>&1
rm -f "$marker"
git -C "$work/wild/repo" status >/dev/null 2>&1
check "on the host such a repository runs its program" test -e "$marker"
rm -f "$marker"
inside sh -c "$(poison /srv/g)" >/dev/null 2>&1
check "it is in the jail" inside test -e /srv/g/repo/.git/config
check "a checkpoint holds it" gaol checkpoint j -m poisoned
repo=$GAOL_HOME/jails/j/checkpoints.git
check "stock git walks the checkpoints" sh -c "git --git-dir='$repo' fsck --strict && git --git-dir='$repo' log -p --all >/dev/null && git --git-dir='$repo' diff HEAD~1 HEAD >/dev/null"
check "and checks them out" git clone -q "$repo" "$work/clone"
check "and looks at that" sh -c "cd '$work/clone' && git status && git log -p && git submodule status && git stash list" >/dev/null
is "no link, no repository, no program is in a check-out" "" \
	"$(find "$work/clone" -path "$work/clone/.git" -prune -o \( -type l -o -name .git -o -name .gitmodules -o -name .gitattributes -o -perm /111 ! -type d \) -print)"
if [ -e "$window/srv" ]; then
	for r in repo repo/.git bare; do
		for verb in status log diff; do
			timeout 20 git -C "$window/srv/g/$r" $verb >/dev/null 2>&1 </dev/null
		done
	done
	fails "git in the window refuses" 128 git -C "$window/srv/g/repo" status
fi
gaol diff j >/dev/null; gaol log j >/dev/null
fails "nothing of it has run" 1 test -e "$marker"

# A directory that becomes a link, and back, while the admin copies, restores, exports, rolls back.
cat >"$work/swap.py" <<EOF
import os, time
os.makedirs('/srv/r', exist_ok=True)
os.chdir('/srv/r')
os.makedirs('real', exist_ok=True)
open('real/f', 'w').write('guest')
end = time.time() + 60
while time.time() < end:
    try:
        os.rename('real', 'd'); os.rename('d', 'real')
        os.symlink('$work/victim', 'l'); os.rename('l', 'd'); os.unlink('d')
        os.symlink('$work/secret', 'l2'); os.rename('l2', 'f'); os.unlink('f')
    except OSError:
        time.sleep(0.01)
EOF
check "swap.py is copied in" gaol cp "$work/swap.py" j:/srv/swap.py
check "a checkpoint before the races" gaol checkpoint j -m before
"$GAOL" exec j -- python3 /srv/swap.py </dev/null >/dev/null 2>&1 &
race=$!
check "the race is on" soon 20 test -d "$(upper)/srv/r"
mkdir "$work/out"
for i in 1 2 3 4 5 6; do
	gaol cp -r j:/srv/r "$work/out/r$i"
	gaol cp j:/srv/r/d/f "$work/out/f$i"
	gaol cp "$work/victim/f" j:/srv/r/d/f
	gaol restore j /srv/r/d
	gaol export j -o "$work/out/e$i.tar"
	gaol diff j >"$work/out/d$i"
	cat "$window/srv/r/f" "$window/srv/r/d/f"
done >/dev/null 2>&1
kill "$race" 2>/dev/null
check "rollback during the race" gaol rollback j
wait "$race" 2>/dev/null
is "nothing of the host's came out" "" "$(grep -rl treasure "$work/out")"
is "nothing went into it" mine "$(cat "$work/victim/f")"
is "no new file beside it" f "$(ls -A "$work/victim")"

# The guest's kernel ended by its root: its own affair.
check "another jail" gaol new --memory 64M other
check "runs" gaol start other
inside sh -c 'echo c > /proc/sysrq-trigger' >/dev/null 2>&1
crashed() { [ "$(state j)" != running ]; }
check "a panic ends that jail" soon 20 crashed
check "and no other" gaol exec other -- true
gaol rm -f other >/dev/null

# A layer on disk whose attributes were forged: the layer's parsers, not the guest's.
check "start" gaol start j
inside sh -c 'mkdir -p /srv/x; cd /srv/x; for i in 1 2 3 4 5 6 7 8; do echo $i > f$i; chmod 640 f$i; done'
check "stop" gaol stop j
x=$(upper)/srv/x
setfattr -n user.gaol -v 0x00 "$x/f1"
setfattr -n user.gaol -v "0x$(printf 'ff%.0s' $(seq 64))" "$x/f2"
setfattr -n user.gaol -v "0x$(printf '41%.0s' $(seq 3000))" "$x/f3"
setfattr -n user.gaol.x.security.capability -v 0x0102 "$x/f4" 2>/dev/null
rm "$x/f5" && ln -s "$work/secret" "$x/f5"
rm "$x/f6" && mkfifo "$x/f6"
chmod 6755 "$x/f7"
check "start on a forged layer" timeout 40 "$GAOL" start j
fails "a link in it is not followed" 1 inside cat /srv/x/f5
fails "a fifo in it does not hold us up" 1 timeout 20 "$GAOL" exec j -- cat /srv/x/f6
check "the rest is read" inside cat /srv/x/f8
inside sh -c 'ls -laR /srv/x; cat /srv/x/*' >"$work/forged" 2>&1
hasnt "no secret by it" treasure "$(cat "$work/forged")"
check "the jail lives" inside true
timeout 40 "$GAOL" checkpoint j -m forged >/dev/null 2>&1
check "and its warden" gaol ls
check "stop it" gaol stop j

# A jail's directory that was tampered with.
mv "$(upper)" "$work/elsewhere" && ln -s "$work/elsewhere" "$(upper)"
fails "an upper that is a link is refused" 1 timeout 20 "$GAOL" start j
rm "$(upper)" && mv "$work/elsewhere" "$(upper)"
mv "$GAOL_HOME/jails/j/jail.conf" "$work/conf" && ln -s "$work/conf" "$GAOL_HOME/jails/j/jail.conf"
fails "a jail.conf that is a link is refused" 1 timeout 20 "$GAOL" start j
rm "$GAOL_HOME/jails/j/jail.conf" && mv "$work/conf" "$GAOL_HOME/jails/j/jail.conf"
if [ "$(id -u)" = 0 ]; then
	chown 1234 "$GAOL_HOME/jails/j"
	fails "a jail of somebody else's is refused" 1 timeout 20 "$GAOL" start j
	chown 0 "$GAOL_HOME/jails/j"
fi
chmod 777 "$GAOL_HOME/jails/j"
fails "a jail that all can write is refused" 1 timeout 20 "$GAOL" start j
chmod 700 "$GAOL_HOME/jails/j"
check "as it was, it starts" gaol start j
gaol rm -f j >/dev/null
check "nothing is left" nothing_left
finish
