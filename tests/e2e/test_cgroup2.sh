#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Control groups of version 2, real ones whatever the host has: inside a jail, whose kernel has the
# controller of pids. As root of all groups, and as a user below a group that is delegated to them,
# as systemd lays them out.
. "${BASH_SOURCE[0]%/*}/lib.sh"
program=${GAOL_CGROUP_TEST:-$root/build/tests/test_cgroup}

check 'a jail' gaol new v --ro "$(dirname "$program")"
check 'start' gaol start v
check 'the kernel has version 2' gaol exec v -- mount -t cgroup2 none /sys/fs/cgroup
# in_group GROUP CMD: runs it as one process in that group.
in_group() { gaol exec v -- sh -c 'echo $$ >"/sys/fs/cgroup$1/cgroup.procs" && shift && exec "$@" 2>&1' sh "$@" </dev/null; }

out=$(in_group / "$program")
has 'root: all pass' '^100%' "$out"
hasnt 'root: none was skipped' skipped "$out"
is 'root: no group is left' '' "$(gaol exec v -- find /sys/fs/cgroup -mindepth 1 -type d)"

# user@1000.service is the user's; what they run is in a scope below, and a group with processes
# passes nothing on.
check 'a slice of a user' gaol exec v -- sh -c 'cd /sys/fs/cgroup && echo +pids >cgroup.subtree_control &&
	mkdir -p user.slice && cd user.slice && echo +pids >cgroup.subtree_control &&
	mkdir -p user@1000.service/app.slice/a.scope && chown -R 1000 user@1000.service &&
	cd user@1000.service && echo +pids >cgroup.subtree_control'
user=(setpriv --reuid 1000 --regid 1000 --clear-groups)
at=/user.slice/user@1000.service/app.slice
out=$(in_group $at/a.scope "${user[@]}" "$program")
has 'user: all pass' '^100%' "$out"
hasnt 'user: none was skipped' skipped "$out"
is 'user: the slice passes pids on now' pids "$(gaol exec v -- cat /sys/fs/cgroup$at/cgroup.subtree_control)"
is 'user: no group is left' "/sys/fs/cgroup$at/a.scope" "$(gaol exec v -- find /sys/fs/cgroup$at -mindepth 1 -type d)"
# Below what is root's nothing can be made, and that is all.
gaol exec v -- mkdir /sys/fs/cgroup/user.slice/session.scope
out=$(in_group /user.slice/session.scope "${user[@]}" "$program")
has 'not delegated: all pass' '^100%' "$out"
has 'not delegated: the real one is skipped' skipped "$out"
finish
