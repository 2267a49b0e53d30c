#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first walls: what the guest's root can read of the host, and what its kernel's process holds.
. "${BASH_SOURCE[0]%/*}/lib.sh"

inside() { gaol exec j -- sh -c "$1" </dev/null; }

# A secret in each of the places where hosts have them; as an ordinary user where we may write.
secrets=()
plant() {
	local f=$1/gaol-test-secret.$$
	{ printf 'treasure' >"$f" && chmod 600 "$f"; } 2>/dev/null && secrets+=("$f")
}
for d in $(printf '%s\n' /etc /var /home /root /var/tmp /opt "$HOME" | sort -u); do plant "$d"; done
sweep() { rm -f "${secrets[@]}"; cleanup; }
trap sweep EXIT

check "new" gaol new j
check "start" gaol start j
check "secrets were planted" test "${#secrets[@]}" -gt 0
for f in "${secrets[@]}"; do
	fails "guest root does not see $f" 1 inside "cat $f"
	fails "nor by a trick with .. and links" 1 inside "ln -sf ../../../../../..$f /tmp/l && cat /tmp/l"
	check "it may create a file of that name" inside "mkdir -p ${f%/*} && echo mine > $f && grep -q mine $f"
	is "the host's secret is as it was" treasure "$(cat "$f")"
done
hasnt "no hash of the host's shadow" '\$[0-9a-z]+\$' "$(inside 'cat /etc/shadow')"
fails "no hostfs in the guest's kernel" 1 inside 'grep -q hostfs /proc/filesystems'
is "no file system for a block device" "" "$(inside 'grep -v nodev /proc/filesystems')"

# What the guest does is invisible as such on the host: plain files of ours, nothing special.
inside 'cd /srv; mkdir -p s; cd s; echo x > setuid; chmod 6755 setuid; mknod dev c 1 3; mkfifo fifo; ln -s /etc/passwd link; touch owned; chown 1234:1234 owned'
upper=$GAOL_HOME/jails/j/upper/srv/s
is "the guest sees five" 5 "$(inside 'ls /srv/s | wc -l')"
is "only plain files on the host, all ours, all 0600" "" \
	"$(find "$upper" -mindepth 1 \( ! -type f -o ! -perm 0600 -o ! -user "$(id -un)" \))"

# The kernel's process: its descriptors, mounts and identity, by /proc.
warden=$(gaol ls --json | sed -n 's/.*"warden": \([0-9]*\).*/\1/p')
kernel=$(pgrep -P "$(pgrep -P "$(pgrep -P "$warden" bwrap | head -1)" | head -1)" | head -1)
check "the guest kernel's process is found" test -d "/proc/$kernel"
mounts=$(awk '{ print $5 }' "/proc/$kernel/mountinfo" | sort | tr '\n' ' ')
is "its mounts: root, kernel image, last step, two sockets, its tmpfs" "/ /c /f /k /tmp /w " "$mounts"
has "the root cannot be written" '^ro,' "$(awk '$5 == "/" { print $6 }' "/proc/$kernel/mountinfo")"
if [ "$(id -u)" = 0 ]; then
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$kernel/status")
	check "as root it runs under a uid of its own" test "$uid" -ge $((0x70000000))
	files=$(find "/proc/$kernel/fd" -lname '/*' -printf '%l\n' | grep -vE '^(/dev/null|/memfd:.*|/tmp/.*\(deleted\)|/tmp/.*)$')
	is "no descriptor of a host file" "" "$files"
	hasnt "no path of ours in its environment" "$work" "$(tr '\0' '\n' <"/proc/$kernel/environ")"
fi
is "no new privileges" 1 "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$kernel/status")"
is "no capabilities" 0000000000000000 "$(awk '/^CapEff:/ { print $2 }' "/proc/$kernel/status")"
is "nothing in its bounding set" 0000000000000000 "$(awk '/^CapBnd:/ { print $2 }' "/proc/$kernel/status")"
for ns in user mnt pid ipc uts net; do
	check "its own $ns namespace" test "$(readlink "/proc/$kernel/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")"
done
# Filter and limits, for the kernel and for the stubs that guest processes run in.
filtered() {
	local p n=0
	for p in "$1" $(pgrep -P "$1"); do
		# Seccomp 2 is a filter; a stub in trusting mode has UML's own above ours.
		awk '/^Seccomp:/ { s = $2 } /^NoNewPrivs:/ { n = $2 } END { exit s != 2 || n != 1 }' \
			"/proc/$p/status" 2>/dev/null || { [ -e "/proc/$p" ] && return 1; continue; }
		n=$((n + 1))
	done
	echo "$n"
}
check "kernel and stubs have a filter" test "$(filtered "$kernel")" -gt 1
has "no core dump, not to a program either" 'core file size +[01] +[01] ' "$(cat "/proc/$kernel/limits")"
has "no file is larger than its tmpfs" 'file size +[0-9]+ +[0-9]+ ' "$(cat "/proc/$kernel/limits")"
is "descriptors: console, memory, epoll, signals, timers, devices; no other" "" \
	"$(find "/proc/$kernel/fd" -printf '%l\n' | grep -vE '^(|socket:.*|anon_inode:.*|/tmp/.*\(deleted\))$')"
is "its listeners are closed" "" "$(ss -xl 2>/dev/null | grep -F "$GAOL_RUN/j/" | grep -v '/sock ')"

# The other mode, with two processors.
gaol stop j >/dev/null
check "a trusting jail" gaol new t --speed trusting --memory 128M
sed -i 's/^\( *\|\t*\)speed = trusting/&\n\tcpus = 2/' "$GAOL_HOME/jails/t/jail.conf"
check "start it" gaol start t
warden=$(gaol ls --json | sed -n 's/.*"warden": \([1-9][0-9]*\).*/\1/p' | tail -1)
kernel=$(pgrep -P "$(pgrep -P "$(pgrep -P "$warden" bwrap | head -1)" | head -1)" | head -1)
check "trusting: it works" gaol exec t -- sh -c 'test $(nproc) = 2 && for i in 1 2 3; do /bin/true & done; wait'
check "trusting: kernel and stubs have a filter" test "$(filtered "$kernel")" -gt 1
gaol rm -f t >/dev/null

# The four words.
mkdir -p "$work/cow" "$work/ro" && echo base >"$work/cow/f" && echo base >"$work/ro/f" && mkdir "$work/cow/.ssh" && echo key >"$work/cow/.ssh/id"
check "a jail with words" gaol new w --cow "$work/cow" --ro "$work/ro" --hide /usr/share/doc --fresh /srv
check "start it" gaol start w
w() { gaol exec w -- sh -c "$1" </dev/null; }
is "cow: base is seen" base "$(w "cat $work/cow/f")"
check "cow: written" w "echo guest > $work/cow/f"
is "cow: the host's file is untouched" base "$(cat "$work/cow/f")"
fails "cow: credentials are hidden" 1 w "cat $work/cow/.ssh/id"
is "ro: base is seen" base "$(w "cat $work/ro/f")"
has "ro: writing gives EROFS" 'Read-only' "$(w "echo x > $work/ro/f" 2>&1)"
has "hide: not there" 'No such file' "$(w 'ls /usr/share/doc' 2>&1)"
has "hide: not to be made" 'ermission denied|Read-only' "$(w 'mkdir /usr/share/doc' 2>&1)"
is "fresh: empty" "" "$(w 'ls /srv')"
check "app profile" gaol new a --profile app
check "start app" gaol start a
has "app: /usr is read-only" 'Read-only' "$(gaol exec a -- sh -c 'echo > /usr/bin/x' 2>&1 </dev/null)"
check "app: /var may be written" gaol exec a -- sh -c 'echo > /var/x'
gaol rm -f j w a >/dev/null
check "nothing is left" nothing_left
finish
